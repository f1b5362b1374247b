/* SPDX-License-Identifier: Apache-2.0 */
#include "build/context/copy_sums.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/time.h"
#include "copy_test.h"

#define OLD_NS (1000 * NS_PER_S + 5)

static struct copy_stat file(uint64_t ino)
{
    return (struct copy_stat){
        .dev = 7, .ino = ino, .size = 10, .mtime_ns = OLD_NS, .ctime_ns = OLD_NS};
}

static void fill(uint8_t sum[COPY_SUM_BYTES], uint64_t ino)
{
    for (size_t i = 0; i < COPY_SUM_BYTES; i++)
        sum[i] = (uint8_t)(ino * 31 + i);
}

static struct copy_sums *open_in(int fd)
{
    struct copy_sums *s = NULL;

    assert_int_equal(copy_sums_open(fd, "x", &s, NULL), 0);
    return s;
}

static bool knows(struct copy_sums *s, const struct copy_stat *st)
{
    uint8_t got[COPY_SUM_BYTES], want[COPY_SUM_BYTES];

    if (!copy_sums_get(s, st, got))
        return false;
    fill(want, st->ino);
    assert_memory_equal(got, want, sizeof got);
    return true;
}

static void put(struct copy_sums *s, const struct copy_stat *st, int64_t read_ns)
{
    uint8_t sum[COPY_SUM_BYTES];

    fill(sum, st->ino);
    copy_sums_put(s, st, sum, read_ns);
}

static void kept(void **state)
{
    struct copy_fixture f;

    copy_fixture_begin(&f, "", NULL);
    struct copy_sums *s = open_in(f.tree_fd);
    for (uint64_t i = 1; i < 5000; i++) {
        struct copy_stat st = file(i);
        assert_false(knows(s, &st));
        put(s, &st, OLD_NS + NS_PER_S);
        assert_true(knows(s, &st));
    }
    copy_sums_close(s);
    s = open_in(f.tree_fd);
    for (uint64_t i = 1; i < 5000; i++) {
        struct copy_stat st = file(i), other = file(i);
        assert_true(knows(s, &st));
        other.size++;
        assert_false(knows(s, &other));
        other = st;
        other.mtime_ns++;
        assert_false(knows(s, &other));
        other = st;
        other.ctime_ns++;
        assert_false(knows(s, &other));
        other = st;
        other.dev++;
        assert_false(knows(s, &other));
    }
    copy_sums_close(s);
    copy_fixture_end(&f);
}

/* A file that was written just before it was read is read again next time. */
static void fresh(void **state)
{
    struct copy_stat st = file(1), whole = file(2);
    struct copy_fixture f;

    copy_fixture_begin(&f, "", NULL);
    struct copy_sums *s = open_in(f.tree_fd);
    put(s, &st, OLD_NS + NS_PER_MS);
    assert_false(knows(s, &st));
    put(s, &st, OLD_NS + 200 * NS_PER_MS);
    assert_true(knows(s, &st));
    whole.ctime_ns = 1000 * NS_PER_S; /* a file system that tells whole seconds */
    put(s, &whole, whole.ctime_ns + NS_PER_S);
    assert_false(knows(s, &whole));
    copy_sums_close(s);
    copy_fixture_end(&f);
}

/* Each byte of the file changed in turn: never another digest than the one that was put. */
static void damaged(void **state)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);
    struct copy_stat st = file(1);
    struct copy_fixture f;

    copy_fixture_begin(&f, "", NULL);
    struct copy_sums *s = open_in(f.tree_fd);
    put(s, &st, OLD_NS + NS_PER_S);
    copy_sums_close(s);
    assert_int_equal(fs_read_file(f.tree_fd, "x", &b, NULL), 0);
    for (size_t i = 0; i <= b.n; i++) {
        if (i < b.n)
            b.p[i] ^= 0x40;
        assert_int_equal(fs_write_atomic(f.tree_fd, "x", b.p, b.n, 0600, false, NULL), 0);
        s = open_in(f.tree_fd);
        assert_true(knows(s, &st) == (i == b.n)); /* knows() compares what it got */
        copy_sums_close(s);
        if (i < b.n)
            b.p[i] ^= 0x40;
    }
    for (size_t n = 0; n < b.n; n++) { /* and cut off anywhere */
        assert_int_equal(fs_write_atomic(f.tree_fd, "x", b.p, n, 0600, false, NULL), 0);
        s = open_in(f.tree_fd);
        assert_false(knows(s, &st));
        copy_sums_close(s);
    }
    copy_fixture_end(&f);
}

static void old_ones_go(void **state)
{
    const struct timespec month[2] = {{1000, 0}, {1000, 0}};
    struct copy_stat st = file(1);
    struct copy_fixture f;

    copy_fixture_begin(&f, "f young 644 x\nf old 644 x\n", NULL);
    struct copy_sums *s = open_in(f.tree_fd);
    put(s, &st, OLD_NS + NS_PER_S);
    copy_sums_close(s);
    assert_int_equal(utimensat(f.tree_fd, "old", month, 0), 0);
    copy_sums_close(open_in(f.tree_fd));
    assert_true(fs_exists(f.tree_fd, "old")); /* not every time */
    assert_int_equal(utimensat(f.tree_fd, "x", month, 0), 0);
    s = open_in(f.tree_fd); /* in use again, and so it stays itself */
    assert_true(knows(s, &st));
    copy_sums_close(s);
    assert_false(fs_exists(f.tree_fd, "old"));
    assert_true(fs_exists(f.tree_fd, "young"));
    assert_true(fs_exists(f.tree_fd, "x"));
    copy_fixture_end(&f);
}

static void nobody_remembers(void **state)
{
    struct copy_stat st = file(1);

    assert_false(knows(NULL, &st));
    put(NULL, &st, OLD_NS + NS_PER_S);
    assert_null(copy_sums_close(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kept), cmocka_unit_test(fresh),
                                       cmocka_unit_test(damaged), cmocka_unit_test(old_ones_go),
                                       cmocka_unit_test(nobody_remembers)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
