/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/errors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

static void test_table_is_complete(void **state)
{
    for (int c = 0; c < _REG_MAX; c++) {
        assert_non_null(reg_code_name((enum reg_code)c));
        assert_non_null(reg_code_message((enum reg_code)c));
        assert_in_range(reg_status((enum reg_code)c), 400, 599);
    }
}

static void test_json(void **state)
{
    struct buf b = BUF_INIT(65536);
    json_t *j = NULL;

    reg_error_json(&b, REG_NAME_INVALID, "a\"b\\c\nd\x7f \xc3\xa4");
    assert_int_equal(json_parse(b.p, b.n, 65536, &j, NULL), 0);
    assert_string_equal(json_string_value(json_object_get(j, "code")), "NAME_INVALID");
    assert_string_equal(json_string_value(json_object_get(j, "detail")), "a\"b\\c\nd\x7f \xc3\xa4");
    json_decref(j);
    buf_reset(&b);
    reg_error_json(&b, REG_UNKNOWN, "\xff\xfe");
    assert_int_equal(json_parse(b.p, b.n, 65536, &j, NULL), 0);
    json_decref(j);
    buf_reset(&b);
    reg_error_json(&b, REG_UNKNOWN, NULL);
    assert_int_equal(json_parse(b.p, b.n, 65536, &j, NULL), 0);
    assert_null(json_object_get(j, "detail"));
    json_decref(j);
    buf_clear(&b);
}

static void test_codes(void **state)
{
    assert_int_equal(reg_status(reg_code_of(SHALE_NO_SPACE)), 507);
    assert_int_equal(reg_status(reg_code_of(SHALE_TIMEOUT)), 503);
    assert_int_equal(reg_status(reg_code_of(SHALE_INTERNAL)), 500);
    assert_int_equal(reg_status(reg_code_of(SHALE_DENIED)), 405);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_is_complete),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
