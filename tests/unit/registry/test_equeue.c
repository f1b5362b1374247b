/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_test.h"

#include "registry/observe/equeue.h"

static struct equeue *opened(const struct tmp *t, uint64_t max)
{
    struct equeue *q = NULL;

    assert_ok(equeue_open(t->fd, "q", max, &q, err));
    return q;
}

static void put(struct equeue *q, const char *text)
{
    uint64_t dropped;

    assert_ok(equeue_put(q, 7, text, strlen(text), &dropped, err));
}

/* The oldest must be this one; it is popped. */
static void take(struct equeue *q, const char *text)
{
    struct buf b = BUF_INIT(EQUEUE_MAX_TEXT + 1);
    uint64_t place;
    int64_t when;

    assert_int_equal(equeue_peek(q, &b, &when, &place, NULL), 1);
    assert_string_equal(buf_str(&b), text);
    assert_int_equal(when, 7);
    assert_ok(equeue_pop(q, place, err));
    buf_clear(&b);
}

static void test_order(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct equeue *q = opened(&t, 100);
    struct buf b = BUF_INIT(EQUEUE_MAX_TEXT + 1);
    uint64_t place, size;
    int64_t when;

    assert_int_equal(equeue_peek(q, &b, &when, &place, NULL), 0);
    put(q, "one");
    put(q, "");
    put(q, "three with blanks");
    assert_null(equeue_close(q));
    q = opened(&t, 100); /* as after a restart */
    assert_int_equal(equeue_count(q), 3);
    take(q, "one");
    equeue_close(q);
    q = opened(&t, 100);
    take(q, "");
    take(q, "three with blanks");
    assert_int_equal(equeue_count(q), 0);
    assert_int_equal(equeue_peek(q, &b, &when, &place, NULL), 0);
    assert_ok(fs_size(t.fd, "q.queue", &size, err));
    assert_int_equal(size, 36); /* the space is given back */
    put(q, "again");
    take(q, "again");
    equeue_close(q);
    buf_clear(&b);
}

static void test_bounds(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct equeue *q = opened(&t, 3);
    char big[EQUEUE_MAX_TEXT + 2];
    uint64_t dropped, place;
    struct buf b = BUF_INIT(EQUEUE_MAX_TEXT + 1);
    int64_t when;

    put(q, "1");
    put(q, "2");
    assert_int_equal(equeue_peek(q, &b, &when, &place, NULL), 1);
    put(q, "3");
    assert_ok(equeue_put(q, 7, "4", 1, &dropped, err));
    assert_int_equal(dropped, 1);
    assert_ok(equeue_pop(q, place, err)); /* "1" has gone already: nothing else goes in its place */
    assert_int_equal(equeue_count(q), 3);
    take(q, "2");
    memset(big, 'x', sizeof big);
    assert_int_equal(equeue_put(q, 7, big, EQUEUE_MAX_TEXT + 1, &dropped, NULL), -SHALE_INVALID);
    assert_int_equal(equeue_put(q, 7, "a\nb", 3, &dropped, NULL), -SHALE_INVALID);
    assert_ok(equeue_put(q, 7, big, EQUEUE_MAX_TEXT, &dropped, err));
    take(q, "3");
    take(q, "4");
    big[EQUEUE_MAX_TEXT] = 0;
    take(q, big);
    equeue_close(q);
    buf_clear(&b);
}

/* Ten thousand through a queue of twenty: the file stays small, nothing is lost or doubled. */
static void test_compaction(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct equeue *q = opened(&t, 1000);
    char text[1100];
    uint64_t size, most = 0;

    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = 0;
    for (int i = 0; i < 10020; i++) {
        snprintf(text, 8, "%07d", i);
        text[7] = 'x';
        put(q, text);
        if (i < 20)
            continue;
        snprintf(text, 8, "%07d", i - 20);
        text[7] = 'x';
        take(q, text);
        assert_ok(fs_size(t.fd, "q.queue", &size, err));
        most = size > most ? size : most;
    }
    assert_int_equal(equeue_count(q), 20);
    assert_true(most < 3u << 20);
    equeue_close(q);
    q = opened(&t, 1000);
    assert_int_equal(equeue_count(q), 20);
    equeue_close(q);
}

static void append(const struct tmp *t, const char *bytes)
{
    _cleanup_close_ int fd = openat(t->fd, "q.queue", O_WRONLY | O_APPEND);

    assert_int_equal(sys_write_all(fd, bytes, strlen(bytes)), 0);
}

/* What a crash may leave behind. */
static void test_torn(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct equeue *q = opened(&t, 10);
    struct buf b = BUF_INIT(4096);

    put(q, "whole");
    equeue_close(q);
    append(&t, "7 torn");
    q = opened(&t, 10);
    assert_int_equal(equeue_count(q), 1);
    put(q, "next");
    take(q, "whole");
    take(q, "next");
    put(q, "a");
    take(q, "a");
    equeue_close(q);
    /* emptied, the head not yet written */
    tmp_write(&t, "q.queue", "shale-events-1 00000000000000009999\n");
    q = opened(&t, 10);
    assert_int_equal(equeue_count(q), 0);
    put(q, "b");
    take(q, "b");
    equeue_close(q);
    for (int n = 0; n < 36; n++) { /* made, and then a crash */
        char head[40];
        snprintf(head, sizeof head, "%.*s", n, "shale-events-1 00000000000000000036\n");
        tmp_write(&t, "q.queue", head);
        q = opened(&t, 10);
        put(q, "c");
        take(q, "c");
        equeue_close(q);
    }
    /* a line of nobody's making is passed on as an empty text of no time, and goes */
    tmp_write(&t, "q.queue", "shale-events-1 00000000000000000036\nnonsense\n7 x\n");
    q = opened(&t, 10);
    uint64_t place;
    int64_t when = 1;
    assert_int_equal(equeue_peek(q, &b, &when, &place, NULL), 1);
    assert_string_equal(buf_str(&b), "");
    assert_int_equal(when, 0);
    assert_ok(equeue_pop(q, place, err));
    take(q, "x");
    equeue_close(q);
    buf_clear(&b);
}

static void test_not_ours(void **state)
{
    static const char *const bad[] = {
        "hello, I am some other file of somebody else\n", "shale-events-1 0000000000000000003x\n",
        "shale-events-1 00000000000000000001\n", "shale-events-2 00000000000000000036\n"};
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct equeue *q = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct buf b = BUF_INIT(4096);
        tmp_write(&t, "q.queue", bad[i]);
        assert_int_equal(equeue_open(t.fd, "q", 10, &q, NULL), -SHALE_CORRUPT);
        assert_ok(fs_read_file(t.fd, "q.queue", &b, err));
        assert_string_equal(buf_str(&b), bad[i]); /* left alone */
        buf_clear(&b);
    }
    assert_int_equal(symlinkat("elsewhere", t.fd, "l.queue"), 0);
    assert_true(equeue_open(t.fd, "l", 10, &q, NULL) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),      cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_compaction), cmocka_unit_test(test_torn),
        cmocka_unit_test(test_not_ours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
