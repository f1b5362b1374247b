/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/upload.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "blob/blob.h"

struct fixture {
    char dir[64];
    int fd;
    struct blobs *b;
    struct shale_err e;
};

static int setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    snprintf(f.dir, sizeof f.dir, "/tmp/shale-upload-XXXXXX");
    if (!mkdtemp(f.dir))
        return -1;
    f.fd = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = &f;
    return blobs_open(f.fd, false, &f.b, &f.e) < 0 || blobs_open_uploads(f.b, f.fd, &f.e) < 0 ? -1
                                                                                              : 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    blobs_close(f->b);
    close(f->fd);
    return fs_remove_tree(AT_FDCWD, f->dir, NULL);
}

static struct digest digest_of(enum hash_alg alg, const char *text)
{
    struct digest d;

    assert_int_equal(digest_of_bytes(alg, text, strlen(text), &d, NULL), 0);
    return d;
}

static void holds(struct fixture *f, const struct digest *d, const char *text)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);

    assert_int_equal(blob_read(f->b, d, &b, &f->e), 0);
    assert_int_equal(b.n, strlen(text));
    assert_memory_equal(b.p, text, b.n);
}

static int count_one(void *arg, const struct upload_info *u)
{
    ++*(int *)arg;
    return 0;
}

static int count(struct fixture *f)
{
    int n = 0;

    assert_int_equal(upload_each(f->b, count_one, &n, &f->e), 0);
    return n;
}

static void test_pieces_and_reopening(void **state)
{
    struct fixture *f = *state;
    struct digest d = digest_of(HASH_SHA256, "hello world");
    char note[UPLOAD_NOTE_MAX + 1];
    struct upload *u = NULL, *v = NULL;
    uint64_t size;

    assert_int_equal(upload_begin(f->b, "id-1", "a/b", &u, &f->e), 0);
    assert_int_equal(upload_begin(f->b, "id-1", "a/b", &v, &f->e), -SHALE_EXISTS);
    assert_int_equal(upload_write(u, "hello", 5, &f->e), 0);
    assert_int_equal(upload_open(f->b, "id-1", &v, &f->e), -SHALE_IN_USE);
    assert_int_equal(upload_stat(f->b, "id-1", &size, note, &f->e), 0);
    assert_int_equal(size, 5);
    assert_string_equal(note, "a/b");
    upload_close(u);
    assert_int_equal(upload_open(f->b, "id-1", &u, &f->e), 0);
    assert_string_equal(upload_note(u), "a/b");
    assert_int_equal(upload_size(u), 5);
    assert_int_equal(upload_write(u, " world", 6, &f->e), 0);
    assert_int_equal(upload_commit(u, &d, &f->e), 0);
    upload_close(u);
    holds(f, &d, "hello world");
    assert_int_equal(upload_open(f->b, "id-1", &u, &f->e), -SHALE_NOT_FOUND);
    assert_int_equal(count(f), 0);
}

static void test_wrong_digest_may_be_tried_again(void **state)
{
    struct fixture *f = *state;
    struct digest wrong = digest_of(HASH_SHA256, "x"), d = digest_of(HASH_SHA256, "abc"),
                  s = digest_of(HASH_SHA512, "abcd");
    struct upload *u = NULL;

    assert_int_equal(upload_begin(f->b, "id", "", &u, &f->e), 0);
    assert_int_equal(upload_write(u, "abcdef", 6, &f->e), 0);
    assert_int_equal(upload_commit(u, &wrong, &f->e), -SHALE_CORRUPT);
    assert_int_equal(upload_truncate(u, 3, &f->e), 0);
    assert_int_equal(upload_check(u, &d, &f->e), 0);
    assert_int_equal(upload_write(u, "d", 1, &f->e), 0); /* the check counts no more */
    assert_int_equal(upload_commit(u, &d, &f->e), -SHALE_CORRUPT);
    assert_int_equal(upload_commit(u, &s, &f->e), 0); /* hashed in another way than expected */
    upload_close(u);
    holds(f, &s, "abcd");
}

static void test_same_blob_twice(void **state)
{
    struct fixture *f = *state;
    struct digest d = digest_of(HASH_SHA256, "same");
    struct upload *u[2];

    for (int i = 0; i < 2; i++) {
        assert_int_equal(upload_begin(f->b, i ? "b" : "a", "", &u[i], &f->e), 0);
        assert_int_equal(upload_write(u[i], "same", 4, &f->e), 0);
    }
    for (int i = 0; i < 2; i++) {
        assert_int_equal(upload_commit(u[i], &d, &f->e), 0);
        upload_close(u[i]);
    }
    holds(f, &d, "same");
    assert_int_equal(count(f), 0);
}

static void test_ids(void **state)
{
    static const char *const bad[] = {
        "",
        "a/b",
        "..",
        "a.b",
        "a b",
        "\xc3\xa4",
        "12345678901234567890123456789012345678901234567890123456789012345"};
    struct fixture *f = *state;
    char note[UPLOAD_NOTE_MAX + 1];
    struct upload *u = NULL;
    uint64_t size;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(upload_begin(f->b, bad[i], "", &u, &f->e), -SHALE_INVALID);
        assert_int_equal(upload_open(f->b, bad[i], &u, &f->e), -SHALE_NOT_FOUND);
        assert_int_equal(upload_stat(f->b, bad[i], &size, note, &f->e), -SHALE_NOT_FOUND);
    }
    assert_int_equal(count(f), 0);
}

static void test_removal(void **state)
{
    struct fixture *f = *state;
    struct upload *u = NULL;

    assert_int_equal(upload_begin(f->b, "gone", "n", &u, &f->e), 0);
    assert_int_equal(upload_remove(f->b, "gone", &f->e), -SHALE_IN_USE);
    upload_discard(u);
    upload_close(u);
    assert_int_equal(count(f), 0);
    assert_int_equal(upload_begin(f->b, "left", "n", &u, &f->e), 0);
    upload_close(u);
    assert_int_equal(count(f), 1);
    assert_int_equal(upload_remove(f->b, "left", &f->e), 0);
    assert_int_equal(upload_remove(f->b, "left", &f->e), 0);
    assert_int_equal(count(f), 0);
}

/* Two processes, each with the upload open: whoever has it goes on where the other was. */
static void test_taking_turns(void **state)
{
    struct fixture *f = *state;
    struct digest d = digest_of(HASH_SHA256, "one two three four");
    struct upload *a = NULL, *b = NULL, *c = NULL;
    char bytes[64] = "";

    assert_int_equal(upload_begin(f->b, "x", "n", &a, &f->e), 0);
    assert_int_equal(upload_write(a, "one ", 4, &f->e), 0);
    assert_int_equal(upload_open(f->b, "x", &b, &f->e), -SHALE_IN_USE);
    upload_rest(a);
    assert_int_equal(upload_open(f->b, "x", &b, &f->e), 0);
    assert_int_equal(upload_resume(a, &f->e), -SHALE_IN_USE);
    assert_int_equal(upload_size(b), 4);
    assert_int_equal(upload_write(b, "two ", 4, &f->e), 0);
    upload_rest(b);
    assert_int_equal(upload_resume(a, &f->e), 0);
    assert_int_equal(upload_size(a), 8);
    assert_int_equal(upload_write(a, "three ", 6, &f->e), 0);
    upload_rest(a);
    assert_int_equal(upload_resume(b, &f->e), 0);
    assert_int_equal(upload_write(b, "wrong", 5, &f->e), 0);
    assert_int_equal(upload_truncate(b, 14, &f->e), 0);
    assert_int_equal(upload_write(b, "four", 4, &f->e), 0);
    upload_rest(b);
    /* what waited for its turn while the upload became a blob must not write to that */
    assert_int_equal(upload_open(f->b, "x", &c, &f->e), 0);
    assert_int_equal(upload_commit(c, &d, &f->e), 0);
    assert_int_equal(upload_resume(a, &f->e), -SHALE_IN_USE);
    upload_close(c);
    assert_int_equal(upload_resume(a, &f->e), -SHALE_NOT_FOUND);
    upload_close(a);
    /* nor to another upload of that id */
    assert_int_equal(upload_begin(f->b, "x", "n", &c, &f->e), 0);
    upload_rest(c);
    assert_int_equal(upload_resume(b, &f->e), -SHALE_NOT_FOUND);
    upload_close(b);
    assert_int_equal(upload_resume(c, &f->e), 0);
    upload_discard(c);
    upload_close(c);
    _cleanup_close_ int fd = blob_open(f->b, &d, &f->e);
    assert_int_equal(read(fd, bytes, sizeof bytes), 18);
    assert_string_equal(bytes, "one two three four");
    assert_int_equal(count(f), 0);
}

/* A commit that nobody came to know of is taken back, and made again. */
static void test_recall(void **state)
{
    struct fixture *f = *state;
    struct digest d = digest_of(HASH_SHA256, "taken back");
    struct upload *u = NULL, *other = NULL;

    assert_int_equal(upload_begin(f->b, "a", "note", &u, &f->e), 0);
    assert_int_equal(upload_write(u, "taken", 5, &f->e), 0);
    assert_int_equal(upload_recall(u, &d, &f->e), 0);
    assert_int_equal(upload_write(u, " back", 5, &f->e), 0);
    assert_int_equal(upload_commit(u, &d, &f->e), 0);
    assert_int_equal(upload_recall(u, &d, &f->e), 0);
    assert_false(upload_is_committed(u));
    assert_int_equal(blob_has(f->b, &d, NULL, &f->e), 0);
    upload_close(u);
    assert_int_equal(upload_open(f->b, "a", &u, &f->e), 0);
    assert_string_equal(upload_note(u), "note");
    assert_int_equal(upload_size(u), 10);
    assert_int_equal(upload_commit(u, &d, &f->e), 0);
    /* other bytes have taken its place: they are another's */
    assert_int_equal(upload_begin(f->b, "b", "", &other, &f->e), 0);
    assert_int_equal(upload_write(other, "taken back", 10, &f->e), 0);
    assert_int_equal(upload_commit(other, &d, &f->e), 0);
    assert_int_equal(upload_recall(u, &d, &f->e), -SHALE_NOT_FOUND);
    assert_true(upload_is_committed(u));
    holds(f, &d, "taken back");
    upload_close(u);
    upload_close(other);
    assert_int_equal(count(f), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_pieces_and_reopening),
        T(test_wrong_digest_may_be_tried_again),
        T(test_same_blob_twice),
        T(test_ids),
        T(test_removal),
        T(test_recall),
        T(test_taking_turns),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
