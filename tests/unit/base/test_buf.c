/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

#include "base/arena.h"
#include "base/buf.h"

static void test_append(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1000);

    assert_string_equal(buf_str(&b), "");
    buf_adds(&b, "one");
    buf_addc(&b, ' ');
    buf_addf(&b, "%d %s", 2, "three");
    buf_add(&b, "", 0);
    buf_add(&b, NULL, 0);
    assert_string_equal(b.p, "one 2 three");
    assert_int_equal(b.n, 11);
    buf_add(&b, "\0x", 2);
    assert_int_equal(b.n, 13);
    assert_memory_equal(b.p, "one 2 three\0x", 14);
    buf_drop(&b, 4);
    assert_int_equal(b.n, 9);
    assert_memory_equal(b.p, "2 three\0x", 10);
    buf_drop(&b, 100);
    assert_int_equal(b.n, 0);
    assert_string_equal(b.p, "");
    assert_int_equal(buf_check(&b, NULL), 0);
}

static void test_numbers(void **state)
{
    struct buf b = BUF_INIT(100);

    buf_addi(&b, 0);
    buf_addc(&b, ' ');
    buf_addi(&b, -137);
    buf_addc(&b, ' ');
    buf_addi(&b, INT64_MIN);
    buf_addc(&b, ' ');
    buf_addi(&b, INT64_MAX);
    assert_string_equal(buf_str(&b), "0 -137 -9223372036854775808 9223372036854775807");
    buf_clear(&b);
}

static void test_maximum_sticks(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(10);
    struct shale_err e = SHALE_ERR_INIT;

    buf_adds(&b, "0123456789");
    assert_int_equal(buf_check(&b, &e), 0);
    buf_addc(&b, 'x');
    assert_int_equal(buf_check(&b, &e), -SHALE_LIMIT);
    assert_string_equal(b.p, "0123456789");
    buf_drop(&b, 5);
    buf_addc(&b, 'x'); /* still failed: nothing in the middle may be missing */
    assert_int_equal(b.n, 5);
    assert_null(buf_take(&b));
    assert_null(b.p);
    buf_addf(&b, "%s", "12345678901");
    assert_int_equal(buf_check(&b, &e), -SHALE_LIMIT);
    buf_reset(&b);
    assert_int_equal(buf_check(&b, &e), 0);
    assert_null(buf_room(&b, SIZE_MAX));
    assert_int_equal(buf_check(&b, &e), -SHALE_LIMIT);
}

static void test_room_and_take(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(SIZE_MAX);

    char *p = buf_room(&b, 5);
    assert_non_null(p);
    assert_string_equal(b.p, ""); /* always a string, also before anything is written */
    memcpy(p, "abcde", 5);
    b.n += 5;
    b.p[b.n] = 0;
    _cleanup_free_ char *s = buf_take(&b);
    assert_string_equal(s, "abcde");
    assert_null(b.p);
    assert_int_equal(b.n, 0);
    _cleanup_free_ char *empty = buf_take(&b);
    assert_string_equal(empty, "");
}

static void test_grows(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(100000);

    for (int i = 0; i < 100000; i++)
        buf_addc(&b, (char)('a' + i % 26));
    assert_int_equal(buf_check(&b, NULL), 0);
    assert_int_equal(b.n, 100000);
    for (size_t i = 0; i < b.n; i++)
        assert_int_equal(b.p[i], 'a' + i % 26);
    buf_addc(&b, 'x');
    assert_int_equal(buf_check(&b, NULL), -SHALE_LIMIT);
}

/* ---- arena ---- */

static void test_arena(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);

    for (size_t n = 0; n < 300; n++) {
        unsigned char *p = arena_alloc(&a, n);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(p[i], 0);
        memset(p, 0xff, n);
    }
    assert_string_equal(arena_strdup(&a, "text"), "text");
    assert_null(arena_strdup(&a, NULL));
    assert_string_equal(arena_strndup(&a, "text", 2), "te");
    assert_string_equal(arena_strndup(&a, "text", 99), "text");
    assert_string_equal(arena_printf(&a, "%s-%d", "x", 5), "x-5");
    assert_memory_equal(arena_memdup(&a, "a\0b", 3), "a\0b", 3);
    assert_null(arena_array(&a, SIZE_MAX / 2, 4));
    arena_clear(&a);
    assert_int_equal(a.used_bytes, 0);
    assert_string_equal(arena_strdup(&a, "again"), "again");
}

static void test_arena_maximum(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(100);

    assert_null(arena_alloc(&a, 101));
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_non_null(arena_alloc(&a, 64));
    assert_null(arena_alloc(&a, 64));
    assert_non_null(arena_alloc(&a, 16));
}

static void test_arena_grow(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    int *v = NULL;
    size_t n = 0, cap = 0;

    for (int i = 0; i < 1000; i++) {
        v = arena_grow(&a, v, n, &cap, sizeof *v);
        assert_non_null(v);
        v[n++] = i;
    }
    for (int i = 0; i < 1000; i++)
        assert_int_equal(v[i], i);
}

static char order[8];

static void note(void *p)
{
    size_t n = strlen(order);

    assert_true(n + 1 < sizeof order);
    order[n] = *(const char *)p;
    order[n + 1] = 0;
}

static void test_arena_defer(void **state)
{
    struct arena a = ARENA_INIT(1 << 20);

    order[0] = 0;
    assert_int_equal(arena_defer(&a, note, arena_strdup(&a, "1")), 0);
    assert_int_equal(arena_defer(&a, note, arena_strdup(&a, "2")), 0);
    assert_non_null(arena_alloc(&a, 100000)); /* another block */
    assert_int_equal(arena_defer(&a, note, arena_strdup(&a, "3")), 0);
    arena_clear(&a);
    assert_string_equal(order, "321"); /* last first */
    arena_clear(&a);
    assert_string_equal(order, "321");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append),        cmocka_unit_test(test_maximum_sticks),
        cmocka_unit_test(test_room_and_take), cmocka_unit_test(test_grows),
        cmocka_unit_test(test_arena),         cmocka_unit_test(test_arena_maximum),
        cmocka_unit_test(test_arena_grow),    cmocka_unit_test(test_arena_defer),
        cmocka_unit_test(test_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
