/* SPDX-License-Identifier: Apache-2.0 */
/* What is written, read again by our reader and by GNU tar. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/proc.h"
#include "tar/tar_write.h"

static int into_buf(void *arg, const void *p, size_t n, struct shale_err *e)
{
    buf_add(arg, p, n);
    return buf_check(arg, e);
}

static char deep[401], wide[300], target[300];

static const struct tar_xattr xattrs[] = {
    {"user.a", "1\n2\0003", 5},
    {"security.capability", "\1\0\0\2", 4},
};

static struct tar_entry entries[] = {
    {.type = TAR_DIR, .mode = 0755},
    {.type = TAR_DIR, .path = {"etc", 3}, .mode = 01777, .uid = 7, .gid = 8, .mtime_s = 1700000000},
    {.type = TAR_REG,
     .path = {"etc/x", 5},
     .mode = 04755,
     .size_bytes = 5,
     .mtime_s = 5,
     .mtime_ns = 120000000,
     .xattrs = xattrs,
     .n_xattrs = 2},
    {.type = TAR_HARDLINK, .path = {"etc/y", 5}, .link = {"etc/x", 5}, .mode = 04755},
    {.type = TAR_SYMLINK, .path = {"etc/l", 5}, .link = {"../a b", 6}, .mode = 0777},
    {.type = TAR_CHAR, .path = {"dev", 3}, .mode = 0600, .dev_major = 4095, .dev_minor = 1048575},
    {.type = TAR_BLOCKDEV, .path = {"blk", 3}, .mode = 0660, .dev_major = 8, .dev_minor = 1},
    {.type = TAR_FIFO, .path = {"p", 1}, .mode = 0644, .mtime_s = -2, .mtime_ns = 750000000},
    {.type = TAR_REG, .path = {"big-owner", 9}, .mode = 0, .uid = UINT32_MAX - 1, .gid = 3000000},
    {.type = TAR_REG,
     .path = {"caf\303\251", 5},
     .mode = 0644,
     .mtime_s = 1ll << 40,
     .size_bytes = TAR_WRITE_BYTES + 1},
    {.type = TAR_REG, .path = {deep, 200}, .mode = 0600}, /* fits with a prefix */
    {.type = TAR_REG, .path = {deep, 400}, .mode = 0600}, /* does not */
    {.type = TAR_DIR, .path = {wide, 250}, .mode = 0700},
    {.type = TAR_SYMLINK, .path = {"far", 3}, .link = {target, 299}, .mode = 0777},
    {.type = TAR_HARDLINK, .path = {"far2", 4}, .link = {deep, 400}, .mode = 0600},
};
#define N (sizeof entries / sizeof *entries)

static void names(void)
{
    for (size_t i = 0; i < sizeof deep - 1; i++)
        deep[i] = i % 50 == 49 ? '/' : 'd';
    deep[199] = deep[399] = 'e';
    memset(wide, 'w', sizeof wide - 1);
    memset(target, 't', sizeof target - 1);
}

static void write_all(struct buf *b)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct tar_writer *w = NULL;

    names();
    assert_int_equal(tar_writer_new(into_buf, b, &w, &e), 0);
    for (size_t i = 0; i < N; i++) {
        assert_int_equal(tar_write_entry(w, &entries[i], &e), 0);
        if (entries[i].size_bytes == 5)
            assert_int_equal(tar_write_data(w, "hello", 5, &e), 0);
        else if (entries[i].size_bytes > 0)
            assert_int_equal(tar_write_zeros(w, entries[i].size_bytes, &e), 0);
    }
    assert_int_equal(tar_writer_end(w, &e), 0);
    assert_int_equal(tar_writer_bytes(w), b->n);
    tar_writer_free(w);
}

static void same_xattrs(const struct tar_entry *want, const struct tar_entry *t)
{
    assert_int_equal(t->n_xattrs, want->n_xattrs);
    for (size_t i = 0; i < t->n_xattrs; i++) {
        assert_string_equal(t->xattrs[i].name, want->xattrs[i].name);
        assert_int_equal(t->xattrs[i].value_bytes, want->xattrs[i].value_bytes);
        assert_memory_equal(t->xattrs[i].value, want->xattrs[i].value, want->xattrs[i].value_bytes);
    }
}

static int compare(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    size_t *i = arg;
    assert_true(*i < N);
    const struct tar_entry *want = &entries[(*i)++];

    assert_int_equal(t->type, want->type);
    assert_true(str_eq(t->path, want->path));
    assert_true(str_eq(t->link, want->link));
    assert_int_equal(t->mode, want->mode);
    assert_int_equal(t->uid, want->uid);
    assert_int_equal(t->gid, want->gid);
    assert_int_equal(t->mtime_s, want->mtime_s);
    assert_int_equal(t->mtime_ns, want->mtime_ns);
    assert_int_equal(t->dev_major, want->dev_major);
    assert_int_equal(t->dev_minor, want->dev_minor);
    assert_int_equal(t->size_bytes, want->size_bytes);
    same_xattrs(want, t);
    return 0;
}

static void reads_back(void **state)
{
    struct buf b = BUF_INIT(1 << 20);
    struct shale_err e = SHALE_ERR_INIT;
    struct tar_reader *r = NULL;
    size_t n = 0;

    write_all(&b);
    assert_int_equal(b.n % TAR_BLOCK, 0);
    assert_int_equal(tar_reader_new(compare, &n, &r, &e), 0);
    assert_int_equal(tar_reader_feed(r, b.p, b.n, &e), 0);
    assert_int_equal(tar_reader_end(r, &e), 0);
    assert_int_equal(n, N);
    tar_reader_free(r);
    buf_clear(&b);
}

static void same_bytes(void **state)
{
    struct buf a = BUF_INIT(1 << 20), b = BUF_INIT(1 << 20);

    write_all(&a);
    write_all(&b);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.p, b.p, a.n);
    buf_clear(&a);
    buf_clear(&b);
}

static void gnu_tar_reads_it(void **state)
{
    struct buf b = BUF_INIT(1 << 20), out = BUF_INIT(1 << 20), err = BUF_INIT(1 << 20);
    const char *const argv[] = {"tar", "-tvf", "-", NULL};
    struct shale_err e = SHALE_ERR_INIT;
    size_t n = 0;
    int status;

    write_all(&b);
    struct proc_opts o = {.argv = argv, .input = b.p, .input_n = b.n};
    assert_int_equal(proc_run(&o, &out, &err, &status, NULL, &e), 0);
    assert_int_equal(status, 0);
    assert_string_equal(buf_str(&err), "");
    for (size_t i = 0; i < out.n; i++)
        n += out.p[i] == '\n';
    assert_int_equal(n, N);
    assert_non_null(strstr(buf_str(&out), "-rwsr-xr-x 0/0"));
    buf_clear(&b);
    buf_clear(&out);
    buf_clear(&err);
}

static int refusing(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return err_set(e, SHALE_NO_SPACE, "full");
}

static void refusals(void **state)
{
    struct buf b = BUF_INIT(1 << 20);
    struct shale_err e = SHALE_ERR_INIT;
    struct tar_writer *w = NULL;
    const struct tar_entry three = {.type = TAR_REG, .path = STR("a"), .size_bytes = 3};
    const struct tar_entry nul = {.type = TAR_REG, .path = {"a\0b", 3}};
    const struct tar_entry sparse = {.type = TAR_REG, .path = STR("s"), .sparse = true};

    assert_int_equal(tar_writer_new(into_buf, &b, &w, &e), 0);
    assert_int_equal(tar_write_entry(w, &nul, &e), -SHALE_INVALID);
    assert_int_equal(tar_write_entry(w, &sparse, &e), -SHALE_UNSUPPORTED);
    assert_int_equal(tar_write_data(w, "x", 1, &e), -SHALE_INVALID);
    assert_int_equal(tar_write_entry(w, &three, &e), 0);
    assert_int_equal(tar_write_data(w, "1234", 4, &e), -SHALE_INVALID);
    assert_int_equal(tar_write_data(w, "12", 2, &e), 0);
    assert_int_equal(tar_write_entry(w, &three, &e), -SHALE_INTERNAL);
    assert_int_equal(tar_writer_end(w, &e), -SHALE_INTERNAL);
    w = tar_writer_free(w);
    assert_int_equal(tar_writer_new(refusing, NULL, &w, &e), 0);
    assert_int_equal(tar_write_file(w, "a", "abc", 3, 0, &e), 0);
    assert_int_equal(tar_writer_end(w, &e), -SHALE_NO_SPACE);
    tar_writer_free(w);
    buf_clear(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_back),
        cmocka_unit_test(same_bytes),
        cmocka_unit_test(gnu_tar_reads_it),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
