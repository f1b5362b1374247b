/* SPDX-License-Identifier: Apache-2.0 */
#include "model/blkio_value.h"

#include "model/run_value.h"
#include "model_test.h"

#define BPS                                                                                        \
    ". The correct format is <device-path>:<number>[<unit>]. Number must be a positive integer. "  \
    "Unit is optional and can be kb, mb, or gb"
#define IOPS ". The correct format is <device-path>:<number>. Number must be a positive integer"

static void values_and_messages(void **state)
{
    static const struct {
        enum blkio_list list;
        const char *in;
        uint64_t value;
        const char *error; /* NULL: none */
    } rows[] = {
        {BLKIO_WEIGHTS, "/dev/a:10", 10, NULL},
        {BLKIO_WEIGHTS, "/dev/a:0", 0, NULL},
        {BLKIO_WEIGHTS, "/dev/a:9", 0, "invalid weight for device: /dev/a:9"},
        {BLKIO_WEIGHTS, "/dev/a:1001", 0, "invalid weight for device: /dev/a:1001"},
        {BLKIO_WEIGHTS, "/dev/a:x", 0, "invalid weight for device: /dev/a:x"},
        {BLKIO_READ_BPS, "/dev/a:1mb", 1 << 20, NULL},
        {BLKIO_WRITE_BPS, "/dev/a:7", 7, NULL},
        {BLKIO_READ_BPS, "/dev/a:0", 0, "invalid rate for device: /dev/a:0" BPS},
        {BLKIO_READ_BPS, "/dev/a:-1", 0, "invalid rate for device: /dev/a:-1" BPS},
        {BLKIO_READ_BPS, "/dev/a:", 0, "invalid rate for device: /dev/a:" BPS},
        {BLKIO_READ_IOPS, "/dev/a:100", 100, NULL},
        {BLKIO_WRITE_IOPS, "/dev/a:1k", 0, "invalid rate for device: /dev/a:1k" IOPS},
        {BLKIO_WRITE_IOPS, "/dev/a:9999999999999999999", 0,
         "invalid rate for device: /dev/a:9999999999999999999" IOPS},
        {BLKIO_READ_IOPS, "/dev/a", 0, "bad format: /dev/a"},
        {BLKIO_READ_IOPS, "/dev/a:1:2", 0, "bad format: /dev/a:1:2"},
        {BLKIO_READ_IOPS, "a:1", 0, "bad format for device path: a:1"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        TEST_ARENA;
        struct shale_err e = SHALE_ERR_INIT;
        struct blkio_device d = {NULL, 0};
        int r = blkio_value(rows[i].list, rows[i].in, &a, &d, &e);
        assert_int_equal(r, rows[i].error ? -SHALE_INVALID : 0);
        assert_string_equal(e.msg, rows[i].error ? rows[i].error : "");
        if (!rows[i].error) {
            assert_string_equal(d.path, "/dev/a");
            assert_int_equal(d.value, rows[i].value);
        }
    }
}

static void limits(void **state)
{
    TEST_ARENA;
    char *text = arena_alloc(&a, RUN_VALUE_BYTES + 2);
    struct blkio_device d;

    memset(text, 'a', RUN_VALUE_BYTES + 1);
    assert_int_equal(blkio_value(BLKIO_READ_BPS, text, &a, &d, NULL), -SHALE_LIMIT);
    assert_int_equal(blkio_weight_check(0, NULL), 0);
    assert_int_equal(blkio_weight_check(10, NULL), 0);
    assert_int_equal(blkio_weight_check(1000, NULL), 0);
    assert_int_equal(blkio_weight_check(9, NULL), -SHALE_INVALID);
    assert_int_equal(blkio_weight_check((uint64_t)-5, NULL), -SHALE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_and_messages),
        cmocka_unit_test(limits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
