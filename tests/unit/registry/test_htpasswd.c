/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_test.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/proc.h"
#include "registry/auth/htpasswd.h"

static const char *users_file(const struct tmp *t, const char *text, char ret[128])
{
    tmp_write(t, "users", text);
    return tmp_path(t, "users", ret);
}

/* Runs Apache's htpasswd; false where there is none. */
static void apache(const char *const *argv, int *ret_status)
{
    struct proc_opts o = {.argv = argv};
    struct shale_err e = SHALE_ERR_INIT;

    if (proc_run(&o, NULL, NULL, ret_status, NULL, &e) < 0)
        fail_msg("htpasswd (package apache2-utils): %s", e.msg);
}

static void test_apache_wrote_it(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct htpasswd *h = NULL;
    char path[128];
    int status;

    tmp_path(&t, "users", path);
    apache((const char *[]){"htpasswd", "-cbB", "-C", "5", path, "alice", "secret word", NULL},
           &status);
    assert_int_equal(status, 0);
    apache((const char *[]){"htpasswd", "-bB", "-C", "5", path, "bob", "p\xc3\xa4ss", NULL},
           &status);
    assert_int_equal(status, 0);
    assert_ok(htpasswd_open(path, &h, err));
    assert_int_equal(htpasswd_count(h), 2);
    assert_ok(htpasswd_verify(h, "alice", "secret word", err));
    assert_ok(htpasswd_verify(h, "alice", "secret word", err)); /* from memory */
    assert_ok(htpasswd_verify(h, "bob", "p\xc3\xa4ss", err));
    static const char *const wrong[][2] = {
        {"alice", "secret wore"}, {"alice", ""}, {"bob", "secret word"},   {"Alice", "secret word"},
        {"carol", "x"},           {"", ""},      {"alice", "secret word "}};
    for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        assert_int_equal(htpasswd_verify(h, wrong[i][0], wrong[i][1], &e), -SHALE_UNAUTHORIZED);
        assert_string_equal(e.msg, "wrong user or password");
    }
    assert_null(htpasswd_close(h));
}

static void test_apache_reads_ours(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    char path[128];
    int status;

    tmp_path(&t, "users", path);
    assert_ok(htpasswd_put(path, HTPASSWD_ADD, "alice", "one", 4, err));
    assert_ok(htpasswd_put(path, HTPASSWD_ADD, "bob", "two", 0, err));
    apache((const char *[]){"htpasswd", "-vb", path, "alice", "one", NULL}, &status);
    assert_int_equal(status, 0);
    apache((const char *[]){"htpasswd", "-vb", path, "bob", "two", NULL}, &status);
    assert_int_equal(status, 0);
    apache((const char *[]){"htpasswd", "-vb", path, "bob", "one", NULL}, &status);
    assert_int_not_equal(status, 0);
}

static char made_hash[64]; /* of "x" */

static int setup(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct buf b = BUF_INIT(4096);
    char path[128];

    if (htpasswd_put(tmp_path(&t, "users", path), HTPASSWD_ADD, "u", "x", 4, NULL) < 0 ||
        fs_read_file(t.fd, "users", &b, NULL) < 0 || b.n != 63)
        return -1;
    snprintf(made_hash, sizeof made_hash, "%.60s", b.p + 2);
    buf_clear(&b);
    return 0;
}

static void test_hostile_lines(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct buf b = BUF_INIT(1u << 20);
    struct htpasswd *h = NULL;
    char path[128], problem[256];

    buf_addf(&b, "# comment\r\n\r\n  \nalice:%s\r\n", made_hash);
    buf_adds(&b, "nocolon\n");
    buf_adds(&b, "md5:$apr1$abc$abcdefghijklmnopqrstu.\nsha:{SHA}abc\nplain:x\nempty:\n:\n");
    buf_addf(&b, ":%s\n", made_hash);
    buf_addf(&b, "@group:%s\nanyone:%s\n", made_hash, made_hash);
    buf_addf(&b, "long:");
    for (int i = 0; i < 100000; i++)
        buf_addc(&b, 'x');
    buf_addf(&b, "\nalice:%.59sZ\n", made_hash);       /* twice: the first counts */
    buf_addf(&b, "costly:$2y$31$%s\n", made_hash + 7); /* would take a day */
    buf_addf(&b, "cost0:$2y$00$%s\ncost:$2y$1x$%s\n", made_hash + 7, made_hash + 7);
    buf_addf(&b, "old:$2x$04$%s\n", made_hash + 7);
    buf_addf(&b, "tail:%s more\n", made_hash);
    buf_addf(&b, "esc\x1b[31m:%s\n", made_hash);
    buf_addf(&b, "last:%s", made_hash); /* without newline */
    users_file(&t, buf_str(&b), path);
    assert_ok(htpasswd_open(path, &h, err));
    assert_int_equal(htpasswd_count(h), 2);
    assert_ok(htpasswd_verify(h, "alice", "x", err));
    assert_ok(htpasswd_verify(h, "last", "x", err));
    static const char *const no[] = {"md5",  "sha",    "plain", "empty", "",    "@group", "anyone",
                                     "long", "costly", "cost0", "cost",  "old", "tail"};
    for (size_t i = 0; i < ARRAY_SIZE(no); i++)
        assert_int_equal(htpasswd_verify(h, no[i], "x", NULL), -SHALE_UNAUTHORIZED);
    assert_true(htpasswd_problem(h, problem, sizeof problem));
    assert_non_null(strstr(problem, "users:5: a line without ':'"));
    htpasswd_close(h);
    buf_clear(&b);
}

static void test_files(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct htpasswd *h = NULL;
    char path[128], problem[64];

    assert_int_equal(htpasswd_open(tmp_path(&t, "none", path), &h, NULL), -SHALE_NOT_FOUND);
    assert_int_equal(htpasswd_open(t.path, &h, NULL), -SHALE_INVALID);
    assert_ok(htpasswd_open(users_file(&t, "", path), &h, err));
    assert_int_equal(htpasswd_count(h), 0);
    assert_false(htpasswd_problem(h, problem, sizeof problem));
    assert_int_equal(htpasswd_verify(h, "a", "b", NULL), -SHALE_UNAUTHORIZED);
    htpasswd_close(h);
}

static void wait_for_look(void)
{
    usleep(1100 * 1000);
}

static void no_sink(void *arg, enum log_level level, const char *msg)
{
    ++*(int *)arg;
}

/* A change is seen; the memory of right passwords does not outlive it; a broken file changes
 * nothing. */
static void test_reload(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct htpasswd *h = NULL;
    char path[128], before[HTPASSWD_MARK_HEX + 1], after[HTPASSWD_MARK_HEX + 1];
    int warnings = 0;

    tmp_path(&t, "users", path);
    assert_ok(htpasswd_put(path, HTPASSWD_ADD, "alice", "one", 4, err));
    assert_ok(htpasswd_open(path, &h, err));
    assert_ok(htpasswd_verify(h, "alice", "one", err));
    assert_ok(htpasswd_mark(h, "alice", before, err));
    assert_ok(htpasswd_put(path, HTPASSWD_REPLACE, "alice", "two", 4, err));
    wait_for_look();
    assert_int_equal(htpasswd_verify(h, "alice", "one", NULL), -SHALE_UNAUTHORIZED);
    assert_ok(htpasswd_verify(h, "alice", "two", err));
    assert_ok(htpasswd_mark(h, "alice", after, err));
    assert_string_not_equal(before, after);
    log_set_sink(no_sink, &warnings);
    unlink(path);
    wait_for_look();
    assert_ok(htpasswd_verify(h, "alice", "two", err));
    assert_int_equal(warnings, 1);
    log_set_sink(NULL, NULL);
    tmp_write(&t, "users", "");
    wait_for_look();
    assert_int_equal(htpasswd_verify(h, "alice", "two", NULL), -SHALE_UNAUTHORIZED);
    assert_int_equal(htpasswd_mark(h, "alice", after, NULL), -SHALE_NOT_FOUND);
    htpasswd_close(h);
}

/* Of the processor: what else this machine does is not counted. */
static int64_t cpu_ns(void)
{
    struct timespec t;

    assert_int_equal(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t time_of(struct htpasswd *h, const char *user, int n)
{
    int64_t best = INT64_MAX;

    for (int i = 0; i < n; i++) {
        int64_t begin = cpu_ns();
        assert_int_equal(htpasswd_verify(h, user, "wrong", NULL), -SHALE_UNAUTHORIZED);
        int64_t took = cpu_ns() - begin;
        best = took < best ? took : best;
    }
    return best;
}

/* Unknown names cost as much as wrong passwords; right ones cost nothing the second time. */
static void test_time(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct htpasswd *h = NULL;
    char path[128];

    tmp_path(&t, "users", path);
    assert_ok(htpasswd_put(path, HTPASSWD_ADD, "alice", "one", 9, err));
    assert_ok(htpasswd_put(path, HTPASSWD_ADD, "bob", "one", 9, err));
    assert_ok(htpasswd_open(path, &h, err));
    int64_t known = time_of(h, "alice", 5), unknown = time_of(h, "mallory", 5);
    if (unknown * 3 < known * 2 || unknown * 2 > known * 3)
        fail_msg("known %lld ns, unknown %lld ns", (long long)known, (long long)unknown);
    assert_ok(htpasswd_verify(h, "alice", "one", err));
    int64_t begin = cpu_ns();
    for (int i = 0; i < 100; i++)
        assert_ok(htpasswd_verify(h, "alice", "one", err));
    assert_true(cpu_ns() - begin < 100 * known / 4);
    htpasswd_close(h);
}

static int collect(void *arg, const char *user)
{
    buf_addf(arg, "%s,", user);
    return streq(user, "zoe") ? 7 : 0;
}

static void test_edit(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct shale_err e = SHALE_ERR_INIT;
    struct buf b = BUF_INIT(4096);
    struct stat st;
    char path[128], text[512], longest[HTPASSWD_MAX_PASSWORD_BYTES + 2];

    snprintf(text, sizeof text, "# ours\nmd5:$apr1$x\nbob:%s\nodd line\nbob:%s", made_hash,
             made_hash);
    users_file(&t, text, path);
    assert_int_equal(chmod(path, 0604), 0);
    assert_int_equal(htpasswd_put(path, HTPASSWD_ADD, "bob", "x", 4, &e), -SHALE_EXISTS);
    assert_string_equal(e.msg, "user bob exists already");
    assert_int_equal(htpasswd_put(path, HTPASSWD_REPLACE, "eve", "x", 4, &e), -SHALE_NOT_FOUND);
    assert_ok(htpasswd_put(path, HTPASSWD_ADD, "zoe", "x", 4, err));
    assert_ok(htpasswd_put(path, HTPASSWD_ADD, "alice", "x", 4, err));
    assert_ok(htpasswd_put(path, HTPASSWD_REPLACE, "md5", "x", 4, err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0604);
    assert_int_equal(htpasswd_each(path, collect, &b, NULL), 7);
    assert_string_equal(buf_str(&b), "alice,bob,md5,zoe,");
    assert_ok(htpasswd_remove(path, "bob", err)); /* both lines */
    assert_int_equal(htpasswd_remove(path, "bob", &e), -SHALE_NOT_FOUND);
    buf_reset(&b);
    assert_ok(fs_read_file(AT_FDCWD, path, &b, err));
    assert_true(str_has_prefix(buf_str(&b), "# ours\nmd5:$2y$04$"));
    assert_non_null(strstr(buf_str(&b), "\nodd line\nzoe:$2y$"));
    assert_null(strstr(buf_str(&b), "bob"));
    buf_clear(&b);
    static const char *const names[] = {"",      "a:b",  "a b", "@a",  "#a",
                                        "users", "a\nb", "a,b", "\xff"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        assert_int_equal(htpasswd_put(path, HTPASSWD_ADD, names[i], "x", 4, NULL), -SHALE_INVALID);
    memset(longest, 'p', sizeof longest);
    longest[sizeof longest - 1] = 0;
    assert_int_equal(htpasswd_put(path, HTPASSWD_ADD, "p", longest, 4, NULL), -SHALE_INVALID);
    assert_int_equal(htpasswd_put(path, HTPASSWD_ADD, "p", "", 4, NULL), -SHALE_INVALID);
    assert_int_equal(htpasswd_put(path, HTPASSWD_ADD, "p", "x", 3, NULL), -SHALE_INVALID);
    assert_int_equal(htpasswd_put(path, HTPASSWD_ADD, "p", "x", 17, NULL), -SHALE_INVALID);
}

/* Through a symbolic link the file behind it changes, and the link stays. A new file is not for
 * everybody. */
static void test_link(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    char path[128];
    struct stat st;

    assert_ok(htpasswd_put(tmp_path(&t, "real", path), HTPASSWD_ADD, "a", "x", 4, err));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    assert_int_equal(symlinkat("real", t.fd, "link"), 0);
    assert_ok(htpasswd_put(tmp_path(&t, "link", path), HTPASSWD_ADD, "b", "x", 4, err));
    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISLNK(st.st_mode));
    struct htpasswd *h = NULL;
    assert_ok(htpasswd_open(tmp_path(&t, "real", path), &h, err));
    assert_int_equal(htpasswd_count(h), 2);
    htpasswd_close(h);
}

struct race {
    char path[128];
    struct htpasswd *h;
    atomic_int next, bad;
};

static void *adder(void *arg)
{
    struct race *r = arg;
    char name[16];

    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "u%d", atomic_fetch_add(&r->next, 1));
        if (htpasswd_put(r->path, HTPASSWD_ADD, name, "x", 4, NULL) < 0)
            atomic_fetch_add(&r->bad, 1);
        if (htpasswd_verify(r->h, "first", "x", NULL) < 0 ||
            htpasswd_verify(r->h, "first", "y", NULL) == 0)
            atomic_fetch_add(&r->bad, 1);
    }
    return NULL;
}

static void test_threads(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct race r = {.next = 0};
    pthread_t threads[4];

    tmp_path(&t, "users", r.path);
    assert_ok(htpasswd_put(r.path, HTPASSWD_ADD, "first", "x", 4, err));
    assert_ok(htpasswd_open(r.path, &r.h, err));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, adder, &r), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&r.bad), 0);
    wait_for_look();
    assert_int_equal(htpasswd_count(r.h), 41);
    htpasswd_close(r.h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_apache_wrote_it),
        cmocka_unit_test(test_apache_reads_ours),
        cmocka_unit_test(test_hostile_lines),
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_edit),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
