/* SPDX-License-Identifier: Apache-2.0 */
#include "base_test.h"

#include <dirent.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* ---- reading ---- */

static void test_read_limits(void **state)
{
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;

    put_file(t.fd, "ten", "0123456789");
    for (size_t max = 0; max < 14; max++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(max);
        int r = fs_read_file(t.fd, "ten", &b, &e);
        if (max < 10) {
            assert_int_equal(r, -SHALE_LIMIT);
        } else {
            assert_int_equal(r, 0);
            assert_int_equal(b.n, 10);
            assert_string_equal(buf_str(&b), "0123456789");
        }
    }
}

static void test_read_appends_and_reads_proc(void **state)
{
    TMP_DIR(t);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20);

    put_file(t.fd, "a", "one");
    put_file(t.fd, "empty", "");
    assert_int_equal(fs_read_file(t.fd, "a", &b, NULL), 0);
    assert_int_equal(fs_read_file(t.fd, "empty", &b, NULL), 0);
    assert_int_equal(fs_read_file(t.fd, "a", &b, NULL), 0);
    assert_string_equal(buf_str(&b), "oneone");
    buf_reset(&b);
    assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/status", &b, NULL), 0); /* its size is 0 */
    assert_non_null(strstr(buf_str(&b), "Name:"));
}

static void test_read_large(void **state)
{
    TMP_DIR(t);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(2 << 20);
    _cleanup_free_ char *p = malloc(1 << 20);

    assert_non_null(p);
    for (size_t i = 0; i < 1 << 20; i++)
        p[i] = (char)(i * 7 >> 3);
    assert_int_equal(fs_write_atomic(t.fd, "big", p, 1 << 20, 0600, false, NULL), 0);
    assert_int_equal(fs_read_file(t.fd, "big", &b, NULL), 0);
    assert_int_equal(b.n, 1 << 20);
    assert_memory_equal(b.p, p, 1 << 20);
}

static void test_read_errors(void **state)
{
    TMP_DIR(t);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(100);
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1000);
    struct shale_err e = SHALE_ERR_INIT;

    assert_int_equal(fs_read_file(t.fd, "none", &b, &e), -SHALE_NOT_FOUND);
    assert_non_null(strstr(e.msg, "none"));
    assert_true(fs_read_file(t.fd, ".", &b, &e) < 0);
    put_file(t.fd, "f", "text\n");
    assert_string_equal(fs_read_text(t.fd, "f", &a, 5, &e), "text\n");
    assert_null(fs_read_text(t.fd, "f", &a, 4, &e));
    assert_int_equal(e.code, SHALE_LIMIT);
}

/* ---- writing ---- */

static int count_entry(void *arg, const char *name, unsigned char d_type)
{
    ++*(int *)arg;
    return 0;
}

static int count_entries(int dirfd, const char *path)
{
    int n = 0;

    assert_int_equal(fs_each(dirfd, path, count_entry, &n, NULL), 0);
    return n;
}

static void test_write_atomic(void **state)
{
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;
    _cleanup_(buf_clear) struct buf b = BUF_INIT(100);
    struct stat st;

    umask(022);
    assert_int_equal(fs_write_atomic(t.fd, "f", "one", 3, 0640, true, &e), 0);
    assert_int_equal(fs_write_atomic(t.fd, "f", "second", 6, 0600, false, &e), 0);
    assert_int_equal(fs_read_file(t.fd, "f", &b, &e), 0);
    assert_string_equal(buf_str(&b), "second");
    assert_int_equal(fstatat(t.fd, "f", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(count_entries(t.fd, "."), 1);

    /* A failure leaves neither the new nor a temporary file. */
    assert_int_equal(mkdirat(t.fd, "dir", 0755), 0);
    assert_int_equal(mkdirat(t.fd, "dir/x", 0755), 0);
    assert_true(fs_write_atomic(t.fd, "dir", "x", 1, 0600, true, &e) < 0);
    assert_int_equal(fs_write_atomic(t.fd, "none/f", "x", 1, 0600, true, &e), -SHALE_NOT_FOUND);
    assert_int_equal(count_entries(t.fd, "."), 2);

    /* A link of that name is replaced, not written through. */
    assert_int_equal(symlinkat("f", t.fd, "link"), 0);
    assert_int_equal(fs_write_atomic(t.fd, "link", "new", 3, 0600, true, &e), 0);
    buf_reset(&b);
    assert_int_equal(fs_read_file(t.fd, "f", &b, &e), 0);
    assert_string_equal(buf_str(&b), "second");
}

static void test_mkdir_p(void **state)
{
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;
    uint64_t n;

    assert_int_equal(fs_mkdir_p(t.fd, "a/b//c/", 0755, &e), 0);
    assert_int_equal(fs_mkdir_p(t.fd, "a/b/c", 0755, &e), 0);
    assert_true(fs_exists(t.fd, "a/b/c"));
    put_file(t.fd, "a/f", "12345");
    assert_true(fs_mkdir_p(t.fd, "a/f", 0755, &e) < 0);
    assert_true(fs_mkdir_p(t.fd, "a/f/g", 0755, &e) < 0);
    assert_true(fs_mkdir_p(t.fd, "", 0755, &e) < 0);
    assert_int_equal(fs_size(t.fd, "a/f", &n, &e), 0);
    assert_int_equal(n, 5);
    assert_int_equal(fs_size(t.fd, "a/g", &n, &e), -SHALE_NOT_FOUND);
    int fd = fs_open_dir(t.fd, "a", &e);
    assert_true(fd >= 0);
    close(fd);
    assert_true(fs_open_dir(t.fd, "a/f", &e) < 0);
}

/* ---- walking ---- */

struct seen {
    unsigned dirs, links, files, stop_after, n;
};

static int see(void *arg, const char *name, unsigned char d_type)
{
    struct seen *s = arg;

    assert_string_not_equal(name, ".");
    assert_string_not_equal(name, "..");
    s->dirs += d_type == DT_DIR;
    s->links += d_type == DT_LNK;
    s->files += d_type == DT_REG;
    return ++s->n == s->stop_after ? 7 : 0;
}

static int refuse(void *arg, const char *name, unsigned char d_type)
{
    return -SHALE_CONFLICT;
}

static void test_each(void **state)
{
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;
    struct seen s = {0};

    put_file(t.fd, "f", "");
    put_file(t.fd, "...", "");
    assert_int_equal(mkdirat(t.fd, "d", 0755), 0);
    assert_int_equal(symlinkat("d", t.fd, "l"), 0);
    assert_int_equal(fs_each(t.fd, ".", see, &s, &e), 0);
    assert_int_equal(s.files, 2);
    assert_int_equal(s.dirs, 1);
    assert_int_equal(s.links, 1);
    s = (struct seen){.stop_after = 2};
    assert_int_equal(fs_each(t.fd, ".", see, &s, &e), 7);
    assert_int_equal(s.n, 2);
    assert_int_equal(fs_each(t.fd, ".", refuse, NULL, &e), -SHALE_CONFLICT);
    assert_int_equal(fs_each(t.fd, "none", see, &s, &e), -SHALE_NOT_FOUND);
}

static void test_disk_usage(void **state)
{
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;
    uint64_t before, after;
    char block[8192];

    memset(block, 'x', sizeof block);
    assert_int_equal(fs_mkdir_p(t.fd, "u/d", 0755, &e), 0);
    assert_int_equal(fs_disk_usage(t.fd, "u", &before, &e), 0);
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "u/d/%d", i);
        assert_int_equal(fs_write_atomic(t.fd, name, block, sizeof block, 0600, true, &e), 0);
    }
    assert_int_equal(symlinkat("/usr", t.fd, "u/away"), 0); /* not followed */
    assert_int_equal(fs_disk_usage(t.fd, "u", &after, &e), 0);
    assert_true(after >= before + 4 * sizeof block);
    assert_true(after < before + 100 * sizeof block);
    assert_int_equal(fs_disk_usage(t.fd, "none", &after, &e), 0);
    assert_int_equal(after, 0);
}

/* ---- removing ---- */

static void test_remove_tree(void **state)
{
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;

    put_file(t.fd, "keep", "kept");
    assert_int_equal(fs_mkdir_p(t.fd, "outside/sub", 0755, &e), 0);
    put_file(t.fd, "outside/sub/f", "kept");
    assert_int_equal(fs_mkdir_p(t.fd, "tree/a/b", 0755, &e), 0);
    put_file(t.fd, "tree/a/b/f", "x");
    assert_int_equal(symlinkat("../../outside", t.fd, "tree/a/l"), 0);
    assert_int_equal(symlinkat("/none", t.fd, "tree/dangling"), 0);
    assert_int_equal(mkfifoat(t.fd, "tree/fifo", 0600), 0);
    assert_int_equal(fs_remove_tree(t.fd, "tree", &e), 0);
    assert_false(fs_exists(t.fd, "tree"));
    assert_true(fs_exists(t.fd, "outside/sub/f"));

    /* A link itself goes, not what it leads to; a file goes; what is not there is fine. */
    assert_int_equal(symlinkat("outside", t.fd, "link"), 0);
    assert_int_equal(fs_remove_tree(t.fd, "link", &e), 0);
    assert_true(fs_exists(t.fd, "outside/sub/f"));
    assert_int_equal(fs_remove_tree(t.fd, "keep", &e), 0);
    assert_int_equal(fs_remove_tree(t.fd, "keep", &e), 0);
    assert_int_equal(fs_remove_tree(t.fd, "none/none", &e), 0);
    assert_int_equal(count_entries(t.fd, "."), 1);
}

/* Deeper than a path can say, and than there are descriptors: measured, then removed. */
static void test_remove_deep(void **state)
{
    enum { LEVELS = 6000, FILES_EVERY = 500 };
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;
    struct rlimit old, few;

    assert_int_equal(mkdirat(t.fd, "deep", 0755), 0);
    int fd = openat(t.fd, "deep", O_RDONLY | O_DIRECTORY);
    assert_true(fd >= 0);
    for (int i = 0; i < LEVELS; i++) {
        assert_int_equal(mkdirat(fd, "directory", 0755), 0);
        if (i % FILES_EVERY == 0)
            put_file(fd, "file", "x");
        int next = openat(fd, "directory", O_RDONLY | O_DIRECTORY);
        assert_true(next >= 0);
        close(fd);
        fd = next;
    }
    close(fd);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    few = old;
    few.rlim_cur = 100;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
    uint64_t used = 0;
    assert_int_equal(fs_disk_usage(t.fd, "deep", &used, &e), 0);
    assert_true(used >= LEVELS / FILES_EVERY * 512);
    int r = fs_remove_tree(t.fd, "deep", &e);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_string_equal(e.msg, "");
    assert_int_equal(r, 0);
    assert_false(fs_exists(t.fd, "deep"));
}

/* In a child: modes of folders mean nothing to root. */
static int remove_as_nobody(const char *path)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0) {
        struct shale_err e = SHALE_ERR_INIT;
        if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
            _exit(2);
        if (mkdir(path, 0755) < 0 || chdir(path) < 0 ||
            fs_mkdir_p(AT_FDCWD, "t/closed/below", 0755, &e) < 0 ||
            fs_mkdir_p(AT_FDCWD, "t/readonly/below", 0755, &e) < 0)
            _exit(3);
        if (chmod("t/closed", 0) < 0 || chmod("t/readonly", 0500) < 0)
            _exit(4);
        if (fs_remove_tree(AT_FDCWD, "t", &e) < 0) {
            fprintf(stderr, "%s\n", e.msg);
            _exit(5);
        }
        _exit(fs_exists(AT_FDCWD, "t") ? 6 : 0);
    }
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    return status;
}

static void test_remove_without_rights(void **state)
{
    TMP_DIR(t);
    char path[96];

    assert_int_equal(chmod(t.path, 0777), 0);
    snprintf(path, sizeof path, "%s/mine", t.path);
    assert_int_equal(remove_as_nobody(path), 0);
}

/* In a child with mounts of its own. Returns 0 if all is well, 100 if mounts cannot be made. */
static int mounts_child(const char *root, bool tmpfs)
{
    struct shale_err e = SHALE_ERR_INIT;
    char tree[128], at[128], precious[128];

    snprintf(tree, sizeof tree, "%s/tree", root);
    snprintf(at, sizeof at, "%s/tree/a/m", root);
    snprintf(precious, sizeof precious, "%s/precious", root);
    if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
        return 100;
    if (fs_mkdir_p(AT_FDCWD, at, 0755, &e) < 0 || fs_mkdir_p(AT_FDCWD, precious, 0755, &e) < 0)
        return 1;
    if (tmpfs ? mount("none", at, "tmpfs", 0, NULL) : mount(precious, at, NULL, MS_BIND, NULL))
        return 100;
    int dir = open(at, O_RDONLY | O_DIRECTORY);
    if (dir < 0 || mkdirat(dir, "data", 0755) < 0)
        return 2;
    if (fs_remove_tree(AT_FDCWD, tree, &e) != -SHALE_IN_USE)
        return 3;
    if (!fs_exists(dir, "data"))
        return 4;
    if (fs_remove_tree(AT_FDCWD, at, &e) != -SHALE_IN_USE || !fs_exists(dir, "data"))
        return 5;
    close(dir);
    if (umount(at) < 0 || fs_remove_tree(AT_FDCWD, tree, &e) < 0 || fs_exists(AT_FDCWD, tree))
        return 6;
    return 0;
}

static void remove_beside_mount(bool tmpfs)
{
    TMP_DIR(t);
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit(mounts_child(t.path, tmpfs));
    assert_true(pid > 0 && waitpid(pid, &status, 0) == pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 100)
        skip_loudly("no right to mount");
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_remove_stops_at_mounts(void **state)
{
    remove_beside_mount(true);
}

static void test_remove_stops_at_bind_mounts(void **state)
{
    remove_beside_mount(false);
}

/* ---- copying ---- */

static void test_copy(void **state)
{
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;
    _cleanup_(buf_clear) struct buf b = BUF_INIT(100);

    put_file(t.fd, "from", "0123456789");
    _cleanup_close_ int from = openat(t.fd, "from", O_RDONLY);
    _cleanup_close_ int to = openat(t.fd, "to", O_RDWR | O_CREAT, 0600);
    assert_int_equal(fs_copy_fd(from, to, 4, &e), 0);
    assert_int_equal(fs_copy_fd(from, to, 0, &e), 0);
    assert_int_equal(fs_copy_fd(from, to, UINT64_MAX, &e), 0);
    assert_int_equal(fs_read_file(t.fd, "to", &b, &e), 0);
    assert_string_equal(buf_str(&b), "0123456789");
    assert_int_equal(lseek(from, 8, SEEK_SET), 8);
    assert_int_equal(fs_copy_fd(from, to, 3, &e), -SHALE_CORRUPT); /* two are left */
}

static void test_copy_from_pipe_and_proc(void **state)
{
    TMP_DIR(t);
    struct shale_err e = SHALE_ERR_INIT;
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 16);
    int p[2];

    _cleanup_close_ int to = openat(t.fd, "to", O_RDWR | O_CREAT, 0600);
    assert_int_equal(pipe(p), 0);
    assert_int_equal(sys_write_all(p[1], "through a pipe", 14), 0);
    close(p[1]);
    assert_int_equal(fs_copy_fd(p[0], to, UINT64_MAX, &e), 0);
    close(p[0]);
    _cleanup_close_ int from = open("/proc/self/status", O_RDONLY);
    assert_int_equal(fs_copy_fd(from, to, UINT64_MAX, &e), 0);
    assert_int_equal(fs_read_file(t.fd, "to", &b, &e), 0);
    assert_memory_equal(b.p, "through a pipeName:", 19);
}

static void test_boot_id(void **state)
{
    char a[37], b[37];

    assert_int_equal(fs_boot_id(a, NULL), 0);
    assert_int_equal(fs_boot_id(b, NULL), 0);
    assert_int_equal(strlen(a), 36);
    assert_string_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read_limits),
        cmocka_unit_test(test_read_appends_and_reads_proc),
        cmocka_unit_test(test_read_large),
        cmocka_unit_test(test_read_errors),
        cmocka_unit_test(test_write_atomic),
        cmocka_unit_test(test_mkdir_p),
        cmocka_unit_test(test_each),
        cmocka_unit_test(test_disk_usage),
        cmocka_unit_test(test_remove_tree),
        cmocka_unit_test(test_remove_deep),
        cmocka_unit_test(test_remove_without_rights),
        cmocka_unit_test(test_remove_stops_at_mounts),
        cmocka_unit_test(test_remove_stops_at_bind_mounts),
        cmocka_unit_test(test_copy),
        cmocka_unit_test(test_copy_from_pipe_and_proc),
        cmocka_unit_test(test_boot_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
