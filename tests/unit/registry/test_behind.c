/* SPDX-License-Identifier: Apache-2.0 */
/* A blob that is received by one thread and written by another: all bytes in their order, and an
 * error of the second is told to the first. */
#include "registry/upstream/behind.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fs.h"
#include "base/mem.h"
#include "blob/blob.h"

#define N (3u << 20)

struct ctx {
    char dir[64];
    int fd;
    struct blobs *blobs;
    struct blob_writer *w;
    unsigned char *bytes;
    struct digest d;
};

static int begin(void **state)
{
    static struct ctx c;

    c = (struct ctx){.dir = "/tmp/shale-behind.XXXXXX", .bytes = mem_alloc(N)};
    assert_non_null(c.bytes);
    for (size_t i = 0; i < N; i++)
        c.bytes[i] = (unsigned char)(i * 31 + i / 4096);
    assert_non_null(mkdtemp(c.dir));
    c.fd = open(c.dir, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    assert_int_equal(blobs_open(c.fd, false, &c.blobs, NULL), 0);
    assert_int_equal(digest_of_bytes(HASH_SHA256, c.bytes, N, &c.d, NULL), 0);
    *state = &c;
    return 0;
}

static int end(void **state)
{
    struct ctx *c = *state;

    c->w = blob_writer_close(c->w);
    blobs_close(c->blobs);
    close(c->fd);
    free(c->bytes);
    assert_int_equal(fs_remove_tree(AT_FDCWD, c->dir, NULL), 0);
    return 0;
}

static struct behind *start(struct ctx *c, uint64_t size)
{
    struct behind *b = NULL;

    assert_int_equal(blob_begin(c->blobs, &c->d, size, NULL, NULL, NULL, &c->w, NULL), 0);
    assert_int_equal(behind_begin(c->w, &b, NULL), 0);
    return b;
}

/* Pieces of one byte, of what libcurl gives, of more than a block; and twice, as after a break. */
static void test_all(void **state)
{
    static const size_t sizes[] = {1, 16384, 700000, 5, 262144, 16384, 1};
    struct ctx *c = *state;
    struct behind *b = start(c, 0);
    size_t at = 0;
    int r;

    for (size_t i = 0; at < N; i++) {
        size_t n = sizes[i % (sizeof sizes / sizeof *sizes)];
        n = n < N - at ? n : N - at;
        assert_int_equal(behind_put(b, c->bytes + at, n, NULL), 0);
        at += n;
        if (i != 4)
            continue;
        assert_null(behind_end(b, &r, NULL));
        assert_int_equal(r, 0);
        assert_int_equal(blob_writer_offset(c->w), at);
        assert_int_equal(behind_begin(c->w, &b, NULL), 0);
    }
    assert_null(behind_end(b, &r, NULL));
    assert_int_equal(r, 0);
    assert_int_equal(blob_writer_commit(c->w, NULL), 0);
    assert_int_equal(blob_verify(c->blobs, &c->d, NULL, NULL), 0);
}

static void test_error(void **state)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct ctx *c = *state;
    struct behind *b = start(c, 1000); /* it has more */
    int r = 0;

    for (size_t at = 0; at < N && r >= 0; at += 65536)
        r = behind_put(b, c->bytes + at, 65536, &e);
    assert_int_equal(r, -SHALE_CORRUPT);
    assert_string_equal(strstr(e.msg, "expected"), "expected 1000 bytes, got more");
    e = (struct shale_err)SHALE_ERR_INIT;
    assert_null(behind_end(b, &r, &e));
    assert_int_equal(r, -SHALE_CORRUPT);
    assert_int_equal(e.code, SHALE_CORRUPT);
}

static void test_nothing(void **state)
{
    int r = 1;

    (void)state;
    assert_null(behind_end(NULL, &r, NULL));
    assert_int_equal(r, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all, begin, end),
        cmocka_unit_test_setup_teardown(test_error, begin, end),
        cmocka_unit_test(test_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
