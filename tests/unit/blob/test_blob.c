/* SPDX-License-Identifier: Apache-2.0 */
/* Content-addressed files and downloads in flight, in a folder of their own. */
#include "blob/blob.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"

static const char text[] = "what a layer is made of";
#define N (sizeof text - 1)

struct ctx {
    char dir[64];
    int fd;
    struct blobs *b;
    struct digest d;
    struct shale_err e;
};

static int begin(void **state)
{
    static struct ctx c;

    c = (struct ctx){.dir = "/tmp/shale-blob.XXXXXX", .e = SHALE_ERR_INIT};
    assert_non_null(mkdtemp(c.dir));
    c.fd = open(c.dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    assert_int_equal(blobs_open(c.fd, false, &c.b, &c.e), 0);
    assert_int_equal(digest_of_bytes(HASH_SHA256, text, N, &c.d, &c.e), 0);
    *state = &c;
    return 0;
}

static int end(void **state)
{
    struct ctx *c = *state;

    blobs_close(c->b);
    close(c->fd);
    assert_int_equal(fs_remove_tree(AT_FDCWD, c->dir, NULL), 0);
    return 0;
}

static struct blob_writer *start(struct ctx *c, uint64_t size)
{
    struct blob_writer *w = NULL;

    assert_int_equal(blob_begin(c->b, &c->d, size, NULL, NULL, NULL, &w, &c->e), 0);
    assert_non_null(w);
    return w;
}

static int has(struct ctx *c)
{
    uint64_t size = 0;
    int r = blob_has(c->b, &c->d, &size, &c->e);

    assert_int_equal(size, r == 1 ? N : 0);
    return r;
}

static void test_put(void **state)
{
    struct ctx *c = *state;
    struct buf out = BUF_INIT(1000), small = BUF_INIT(5);
    struct digest d5;

    assert_int_equal(has(c), 0);
    assert_int_equal(blob_read(c->b, &c->d, &out, &c->e), -SHALE_NOT_FOUND);
    assert_int_equal(blob_put(c->b, &c->d, "something else", 14, &c->e), -SHALE_CORRUPT);
    assert_int_equal(has(c), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(blob_put(c->b, &c->d, text, N, &c->e), 0);
    assert_int_equal(has(c), 1);
    assert_int_equal(blob_read(c->b, &c->d, &out, &c->e), 0);
    assert_string_equal(buf_str(&out), text);
    assert_true(blob_read(c->b, &c->d, &small, &c->e) < 0); /* more than the buffer may hold */
    assert_int_equal(digest_of_bytes(HASH_SHA512, text, N, &d5, &c->e), 0);
    assert_int_equal(blob_put(c->b, &d5, text, N, &c->e), 0);
    assert_int_equal(blob_verify(c->b, &d5, NULL, &c->e), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(blob_remove(c->b, &c->d, NULL, &c->e), 0);
    assert_int_equal(has(c), 0);
    buf_clear(&out);
    buf_clear(&small);
}

/* What is there of a download is hashed again and gone on with. */
static void test_resume(void **state)
{
    struct ctx *c = *state;
    struct blob_writer *w = start(c, N);

    assert_int_equal(blob_writer_offset(w), 0);
    assert_int_equal(blob_writer_write(w, text, 10, &c->e), 0);
    assert_int_equal(blob_partial_remove(c->b, &c->d, &c->e), -SHALE_IN_USE);
    blob_writer_close(w);
    w = start(c, N);
    assert_int_equal(blob_writer_offset(w), 10);
    assert_int_equal(blob_writer_write(w, text + 10, N - 10, &c->e), 0);
    assert_int_equal(has(c), 0);
    assert_int_equal(blob_writer_commit(w, &c->e), 0);
    blob_writer_close(w);
    assert_int_equal(has(c), 1);
    assert_int_equal(blob_begin(c->b, &c->d, N, NULL, NULL, NULL, &w, &c->e), 1);
}

static void test_wrong_bytes(void **state)
{
    struct ctx *c = *state;
    struct blob_writer *w = start(c, N);

    assert_int_equal(blob_writer_write(w, "What a layer is made of", N, &c->e), 0);
    assert_int_equal(blob_writer_commit(w, &c->e), -SHALE_CORRUPT);
    blob_writer_close(w);
    w = start(c, N);
    assert_int_equal(blob_writer_offset(w), 0); /* they are of no use */
    assert_int_equal(blob_writer_write(w, text, N, &c->e), 0);
    assert_int_equal(blob_writer_write(w, "!", 1, &c->e), -SHALE_CORRUPT);
    assert_int_equal(blob_writer_rewind(w, &c->e), 0);
    assert_int_equal(blob_writer_write(w, text, N - 1, &c->e), 0);
    assert_int_equal(blob_writer_commit(w, &c->e), -SHALE_CORRUPT); /* too few */
    blob_writer_close(w);
    assert_int_equal(has(c), 0);
}

static void test_flipped_bit(void **state)
{
    struct ctx *c = *state;
    char path[DIGEST_MAX + 20];

    assert_int_equal(blob_verify(c->b, &c->d, NULL, &c->e), -SHALE_NOT_FOUND);
    assert_int_equal(blob_put(c->b, &c->d, text, N, &c->e), 0);
    snprintf(path, sizeof path, "blobs/sha256/%s", digest_hex(&c->d));
    assert_int_equal(blob_verify(c->b, &c->d, NULL, &c->e), 0);
    assert_int_equal(fchmodat(c->fd, path, 0600, 0), 0);
    int fd = openat(c->fd, path, O_WRONLY | O_CLOEXEC);
    assert_int_equal(pwrite(fd, "v", 1, 0), 1); /* 'w' ^ 1 */
    close(fd);
    assert_int_equal(blob_verify(c->b, &c->d, NULL, &c->e), -SHALE_CORRUPT);
}

static int take(void *arg, const struct blob_partial *p)
{
    *(struct blob_partial *)arg = *p;
    return 0;
}

static void test_partial(void **state)
{
    struct ctx *c = *state;
    struct blob_partial p = {0};
    struct blob_writer *w = start(c, N);

    assert_int_equal(blob_writer_write(w, text, 4, &c->e), 0);
    blob_writer_close(w);
    assert_int_equal(blob_partial_each(c->b, take, &p, &c->e), 0);
    assert_true(digest_eq(&p.digest, &c->d));
    assert_int_equal(p.have_bytes, 4);
    assert_false(p.active);
    for (int i = 0; i < 2; i++)
        assert_int_equal(blob_partial_remove(c->b, &c->d, &c->e), 0);
    w = start(c, N);
    assert_int_equal(blob_writer_offset(w), 0);
    blob_writer_close(w);
}

static void test_read_only(void **state)
{
    struct ctx *c = *state;
    struct blobs *ro = NULL;

    assert_int_equal(blob_put(c->b, &c->d, text, N, &c->e), 0);
    assert_int_equal(blobs_open(c->fd, true, &ro, &c->e), 0);
    assert_int_equal(blob_verify(ro, &c->d, NULL, &c->e), 0);
    assert_int_equal(digest_of_bytes(HASH_SHA256, "x", 1, &c->d, &c->e), 0);
    assert_int_equal(blob_put(ro, &c->d, "x", 1, &c->e), -SHALE_DENIED);
    blobs_close(ro);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_put, begin, end),
        cmocka_unit_test_setup_teardown(test_resume, begin, end),
        cmocka_unit_test_setup_teardown(test_wrong_bytes, begin, end),
        cmocka_unit_test_setup_teardown(test_flipped_bit, begin, end),
        cmocka_unit_test_setup_teardown(test_partial, begin, end),
        cmocka_unit_test_setup_teardown(test_read_only, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
