/* SPDX-License-Identifier: Apache-2.0 */
#include "container/keys.h"

#include "container_test.h"

static void parse(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct keys k;

    assert_int_equal(keys_parse(NULL, &k, NULL), 0);
    assert_int_equal(k.n, 2);
    assert_memory_equal(k.seq, "\x10\x11", 2);
    assert_int_equal(keys_parse("", &k, NULL), 0);
    assert_int_equal(k.n, 0);
    assert_int_equal(keys_parse("a,CTRL-B,ctrl-@,ctrl-[,ctrl-_,ctrl-\\", &k, NULL), 0);
    assert_int_equal(k.n, 6);
    assert_memory_equal(k.seq, "a\x02\x00\x1b\x1f\x1c", 6);
    assert_int_equal(keys_parse("ctrl-1", &k, &e), -SHALE_INVALID);
    assert_ptr_equal(strstr(e.msg, "invalid detach keys (ctrl-1)"), e.msg);
    assert_int_equal(keys_parse("ab", &k, NULL), -SHALE_INVALID);
    assert_int_equal(keys_parse("a,,b", &k, NULL), -SHALE_INVALID);
    assert_int_equal(k.n, 6); /* untouched */
}

/* sequence, input in pieces separated by '|', what passes, whether it detached */
static const struct {
    const char *keys, *in, *out;
    bool detached;
} rows[] = {
    {"x,y", "hello", "hello", false},
    {"x,y", "xy", "", true},
    {"x,y", "abxycd", "ab", true},
    {"x,y", "ax|yb", "a", true},
    {"x,y", "xa", "xa", false},
    {"x,y", "xxy", "x", true},
    {"x,x,y", "xxxy", "x", true},
    {"a,b,a,c", "ababac", "ab", true},
    {"a,b,a,c", "aba|bad", "ababad", false},
    {"x,y", "x", "x", false}, /* held, and given back at the end */
    {"", "xy", "xy", false},
};

static void feed(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(buf_clear) struct buf out = BUF_INIT(1000);
        struct str rest = str_of(rows[i].in), piece;
        bool detached = false;
        struct keys k;
        assert_int_equal(keys_parse(rows[i].keys, &k, NULL), 0);
        while (!detached && rest.n > 0 && str_split(&rest, '|', &piece))
            detached = keys_feed(&k, (const uint8_t *)piece.p, piece.n, &out);
        if (!detached)
            keys_flush(&k, &out);
        assert_int_equal(detached, rows[i].detached);
        assert_string_equal(buf_str(&out), rows[i].out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse),
        cmocka_unit_test(feed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
