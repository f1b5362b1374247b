/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that really run. Skips, saying why, without root, an OCI runtime or conmon. */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/time.h"
#include "container/ctr.h"
#include "fixture.h"

#define PATIENCE_MS 20000

static const char *cannot; /* set once, before the tests */

static int group_begin(void **state)
{
    static struct fixture f;

    fixture_begin(&f);
    *state = &f;
    cannot = fixture_cannot_run(&f);
    if (cannot)
        print_message("SKIPPED: containers cannot run here: %s\n", cannot);
    return 0;
}

static int group_end(void **state)
{
    fixture_end(*state);
    return 0;
}

#define NEED_RUNTIME                                                                               \
    if (cannot)                                                                                    \
    skip()

#define CHECK(call)                                                                                \
    do {                                                                                           \
        struct shale_err _e = SHALE_ERR_INIT;                                                      \
        int _r = (call);                                                                           \
        if (_r < 0)                                                                                \
            fail_msg("%s: %d %s", #call, _r, _e.msg);                                              \
    } while (0)

/* Runs attached; its status, with what it wrote in out and err. */
static int run_attached(struct fixture *f, const struct shale_create_opts *o, const char *cmd,
                        struct buf *out, struct buf *err, struct shale_err *e)
{
    const char *id = fixture_create(f, o, cmd);
    struct catch co, ce;
    int status = -2;

    catch_begin(&co);
    catch_begin(&ce);
    struct shale_attach_opts at = {.in = -1, .out = co.w, .err = ce.w};
    int r = container_start(&f->host, id, &at, &status, e);
    catch_end(&co, out);
    catch_end(&ce, err);
    return r < 0 ? r : status;
}

static int add_line(void *arg, int stream, int64_t time_ns, const void *p, size_t n)
{
    buf_addf(arg, "%d:%.*s", stream, (int)n, (const char *)p);
    return 0;
}

static void read_log(struct fixture *f, const char *id, bool follow, int64_t tail, struct buf *ret)
{
    struct shale_logs_opts o = {.follow = follow,
                                .since_ns = SHALE_TIME_NONE,
                                .until_ns = SHALE_TIME_NONE,
                                .tail = tail,
                                .on_data = add_line,
                                .arg = ret};

    buf_reset(ret);
    CHECK(container_logs(&f->host, id, &o, &_e));
}

static void await_log(struct fixture *f, const char *id, const char *text, struct buf *ret)
{
    for (int ms = 0; ms < PATIENCE_MS; ms += 20) {
        read_log(f, id, false, -1, ret);
        if (strstr(buf_str(ret), text))
            return;
        poll(NULL, 0, 20);
    }
    fail_msg("\"%s\" does not come in the log: %s", text, buf_str(ret));
}

static int exec_in(struct fixture *f, const char *id, const char *user, const char *cmd,
                   struct buf *out, struct buf *err, struct shale_err *e)
{
    const char *const argv[] = {"sh", "-c", cmd, NULL};
    const char *const env[] = {"EXTRA=1", NULL};
    struct catch co, ce;
    int status = -2;

    catch_begin(&co);
    catch_begin(&ce);
    struct shale_exec_opts o = {
        .cmd = argv, .env = env, .user = user, .streams = {.in = -1, .out = co.w, .err = ce.w}};
    int r = container_exec(&f->host, id, &o, &status, e);
    catch_end(&co, out);
    catch_end(&ce, err);
    return r < 0 ? r : status;
}

static enum shale_container_state state_of(struct fixture *f, const char *id)
{
    struct shale_container c;

    CHECK(container_inspect(&f->host, id, false, &f->a, &c, &_e));
    return c.state;
}

/* Nothing of a container is left: folder, mount, runtime's state. */
static void assert_gone(struct fixture *f, const char *id)
{
    _cleanup_(buf_clear) struct buf mounts = BUF_INIT(8 << 20);
    struct shale_container c;
    char path[160];

    assert_int_equal(container_inspect(&f->host, id, false, &f->a, &c, NULL), -SHALE_NOT_FOUND);
    (void)snprintf(path, sizeof path, "%s/containers/%s", f->root, id);
    assert_false(fs_exists(AT_FDCWD, path));
    assert_int_equal(fs_read_file(AT_FDCWD, "/proc/self/mounts", &mounts, NULL), 0);
    assert_null(strstr(buf_str(&mounts), path));
}

/* ---- attached, watched by us ---- */

static const struct {
    const char *cmd;
    int status;
    const char *out, *err;
} direct_rows[] = {
    {"echo out; echo err >&2", 0, "out\n", "err\n"},
    {"exit 7", 7, "", ""},
    {"sh -c 'kill -9 $$'; exit $?", 137, "",
     "Killed\n"}, /* the first process itself cannot be killed from inside */
    {"echo quick >&2; exit 1", 1, "", "quick\n"},
    {"printf a; printf x >&2", 0, "a", "x"},
    {"echo $FROM $HOSTNAME $HOME", 0, NULL, ""},
    {"pwd; cat /data/seed; id -u", 0, "/made/for/it\nseed\n0\n", ""},
    {NULL, 0, "of the image\n", ""},
};

static void direct(void **state)
{
    struct fixture *f = *state;
    struct shale_create_opts o = {.auto_remove = true, .stop_timeout_s = -1};

    NEED_RUNTIME;
    for (size_t i = 0; i < ARRAY_SIZE(direct_rows); i++) {
        _cleanup_(buf_clear) struct buf out = BUF_INIT(1 << 20), err = BUF_INIT(1 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        int r = run_attached(f, &o, direct_rows[i].cmd, &out, &err, &e);
        if (r != direct_rows[i].status)
            fail_msg("%s: %d %s %s", direct_rows[i].cmd, r, buf_str(&err), e.msg);
        if (direct_rows[i].out)
            assert_string_equal(buf_str(&out), direct_rows[i].out);
        else
            assert_ptr_equal(strstr(buf_str(&out), "image "), buf_str(&out));
        assert_string_equal(buf_str(&err), direct_rows[i].err);
    }
    struct shale_container_list l;
    CHECK(container_ps(&f->host, &(struct shale_ps_opts){.all = true}, &f->a, &l, &_e));
    assert_int_equal(l.n_items, 0);
}

static void direct_users(void **state)
{
    struct fixture *f = *state;
    struct shale_create_opts o = {.auto_remove = true, .user = "bob", .stop_timeout_s = -1};
    _cleanup_(buf_clear) struct buf out = BUF_INIT(4096), err = BUF_INIT(4096);
    struct shale_err e = SHALE_ERR_INIT;

    NEED_RUNTIME;
    assert_int_equal(run_attached(f, &o, "id -u; id -g; id -G; echo $HOME", &out, &err, &e), 0);
    assert_string_equal(buf_str(&out), "1000\n1001\n1001 10\n/home/bob\n");
    o.user = "nobody-here";
    assert_int_equal(run_attached(f, &o, "true", &out, &err, &e), -SHALE_INVALID);
    assert_string_equal(e.msg,
                        "unable to find user nobody-here: no matching entries in passwd file");
}

/* The runtime's refusals: which kind, said once, and nothing left. */
static void refusals(void **state)
{
    static const char *const missing[] = {"/no/such/program", NULL};
    static const char *const plain[] = {"/etc/passwd", NULL};
    struct fixture *f = *state;

    NEED_RUNTIME;
    for (int i = 0; i < 4; i++) {
        _cleanup_(buf_clear) struct buf out = BUF_INIT(4096), err = BUF_INIT(4096);
        struct shale_create_opts o = {.auto_remove = true, /* by us; by conmon */
                                      .interactive = i >= 2,
                                      .cmd = i % 2 ? plain : missing,
                                      .stop_timeout_s = -1};
        struct shale_err e = SHALE_ERR_INIT;
        int r = run_attached(f, &o, NULL, &out, &err, &e);
        assert_int_equal(r, i % 2 ? -SHALE_DENIED : -SHALE_NOT_FOUND);
        assert_non_null(strstr(e.msg, o.cmd[0]));
        assert_string_equal(buf_str(&err), "");
    }
    struct shale_container_list l;
    CHECK(container_ps(&f->host, &(struct shale_ps_opts){.all = true}, &f->a, &l, &_e));
    assert_int_equal(l.n_items, 0);
}

/* ---- detached, watched by conmon ---- */

static void detached(void **state)
{
    struct fixture *f = *state;
    struct shale_create_opts o = {.name = "det", .stop_timeout_s = -1};
    _cleanup_(buf_clear) struct buf text = BUF_INIT(1 << 20), err = BUF_INIT(4096);
    struct shale_err e = SHALE_ERR_INIT;
    struct shale_container c;
    int status = -2;

    NEED_RUNTIME;
    const char *id = fixture_create(
        f, &o,
        "trap 'echo bye; exit 4' USR1; echo one; echo two >&2; while :; do sleep 0.05; done");
    CHECK(container_start(&f->host, "det", NULL, &status, &_e));
    CHECK(container_start(&f->host, "det", NULL, &status, &_e)); /* again is no error */
    CHECK(container_inspect(&f->host, "det", true, &f->a, &c, &_e));
    assert_int_equal(c.state, SHALE_RUNNING);
    assert_true(c.pid > 0 && kill(c.pid, 0) == 0);
    assert_true(c.started_ns > 0);

    /* it cannot be removed, but looked into */
    assert_int_equal(container_rm(&f->host, "det", &(struct shale_rm_opts){0}, &e),
                     -SHALE_CONFLICT);
    assert_string_equal(e.msg, "cannot remove container \"det\": container is running: stop the "
                               "container before removing or force remove");
    assert_int_equal(
        exec_in(f, id, NULL, "id -u; echo $EXTRA; echo e >&2; exit 3", &text, &err, &e), 3);
    assert_string_equal(buf_str(&text), "0\n1\n");
    assert_string_equal(buf_str(&err), "e\n");
    buf_reset(&text);
    buf_reset(&err);
    assert_int_equal(exec_in(f, id, "bob", "id -u; echo kept >/tmp.x || echo no", &text, &err, &e),
                     0);
    assert_string_equal(buf_str(&text), "1000\nno\n");

    /* stop: the image's stop signal */
    await_log(f, id, "two", &text); /* so the trap is set */
    CHECK(container_stop(&f->host, "det", NULL, -1, &_e));
    CHECK(container_wait(&f->host, "det", &status, &_e));
    assert_int_equal(status, 4);
    assert_int_equal(state_of(f, id), SHALE_EXITED);
    read_log(f, id, false, -1, &text);
    assert_non_null(strstr(buf_str(&text), "1:one\n"));
    assert_non_null(strstr(buf_str(&text), "2:two\n"));
    assert_non_null(strstr(buf_str(&text), "1:bye\n"));
    read_log(f, id, false, 1, &text);
    assert_string_equal(buf_str(&text), "1:bye\n");
    read_log(f, id, false, 0, &text);
    assert_string_equal(buf_str(&text), "");

    /* it starts once more; the log goes on */
    CHECK(container_start(&f->host, "det", NULL, &status, &_e));
    CHECK(container_kill(&f->host, "det", NULL, &_e));
    assert_int_equal(state_of(f, id), SHALE_EXITED);
    CHECK(container_wait(&f->host, "det", &status, &_e));
    assert_int_equal(status, 137);
    CHECK(container_rm(&f->host, "det", &(struct shale_rm_opts){.volumes = true}, &_e));
    assert_gone(f, id);
}

static void stop_kills_in_the_end(void **state)
{
    struct fixture *f = *state;
    int status = -2;

    NEED_RUNTIME;
    _cleanup_(buf_clear) struct buf text = BUF_INIT(4096);
    const char *id =
        fixture_create(f, NULL, "trap '' USR1 TERM; echo ready; while :; do sleep 0.05; done");
    CHECK(container_start(&f->host, id, NULL, &status, &_e));
    await_log(f, id, "ready", &text);
    int64_t begin = time_mono_ns();
    CHECK(container_stop(&f->host, id, "TERM", 1, &_e));
    assert_in_range(time_mono_ns() - begin, NS_PER_S, 8 * NS_PER_S);
    CHECK(container_wait(&f->host, id, &status, &_e));
    assert_int_equal(status, 137);
    CHECK(container_rm(&f->host, id, &(struct shale_rm_opts){.volumes = true}, &_e));
    assert_gone(f, id);
}

/* Lines that have no end: shown as they are, and counted. */
static void logs_follow(void **state)
{
    struct fixture *f = *state;
    _cleanup_(buf_clear) struct buf text = BUF_INIT(1 << 20);
    int status = -2;

    NEED_RUNTIME;
    const char *id = fixture_create(f, NULL, "echo a; sleep 0.3; echo b; printf c");
    CHECK(container_start(&f->host, id, NULL, &status, &_e));
    read_log(f, id, true, -1, &text);
    assert_string_equal(buf_str(&text), "1:a\n1:b\n1:c");
    read_log(f, id, false, 2, &text);
    assert_string_equal(buf_str(&text), "1:b\n1:c");
    CHECK(container_rm(&f->host, id, &(struct shale_rm_opts){.force = true, .volumes = true}, &_e));
    assert_gone(f, id);
}

static void automatic_removal(void **state)
{
    struct fixture *f = *state;
    struct shale_create_opts o = {.auto_remove = true, .stop_timeout_s = -1};
    struct shale_container_list l;
    int status = -2, ms;

    NEED_RUNTIME;
    const char *id = fixture_create(f, &o, "exit 5");
    CHECK(container_start(&f->host, id, NULL, &status, &_e));
    for (ms = 0; ms < PATIENCE_MS; ms += 20) { /* whoever looks clears up */
        CHECK(container_ps(&f->host, &(struct shale_ps_opts){.all = true}, &f->a, &l, &_e));
        if (l.n_items == 0)
            break;
        poll(NULL, 0, 20);
    }
    assert_true(ms < PATIENCE_MS);
    assert_gone(f, id);
    /* by force while it runs */
    id = fixture_create(f, &o, "sleep 1000");
    CHECK(container_start(&f->host, id, NULL, &status, &_e));
    CHECK(container_rm(&f->host, id, &(struct shale_rm_opts){.force = true}, &_e));
    assert_gone(f, id);
}

/* ---- input and terminals ---- */

static void input(void **state)
{
    struct fixture *f = *state;
    struct shale_create_opts o = {.interactive = true, .auto_remove = true, .stop_timeout_s = -1};
    _cleanup_(buf_clear) struct buf out = BUF_INIT(1 << 20);
    struct catch in, co;
    int status = -2;

    NEED_RUNTIME;
    const char *id = fixture_create(f, &o, "cat; exit 6");
    catch_begin(&in);
    catch_begin(&co);
    assert_int_equal(write(in.w, "hello\nworld", 11), 11);
    close(in.w);
    struct shale_attach_opts at = {.in = in.r, .out = co.w, .err = -1};
    CHECK(container_start(&f->host, id, &at, &status, &_e));
    catch_end(&co, &out);
    close(in.r);
    assert_int_equal(status, 6);
    assert_string_equal(buf_str(&out), "hello\nworld");
}

static void terminal(void **state)
{
    struct fixture *f = *state;
    struct shale_create_opts o = {
        .interactive = true, .tty = true, .detach_keys = "x,y", .stop_timeout_s = -1};
    _cleanup_(buf_clear) struct buf out = BUF_INIT(1 << 20);
    struct catch in, co;
    int status = -2;

    NEED_RUNTIME;
    const char *id =
        fixture_create(f, &o, "test -t 0 && echo terminal; while :; do sleep 0.05; done");
    catch_begin(&in);
    catch_begin(&co);
    assert_int_equal(write(in.w, "xy", 2), 2); /* detaches */
    struct shale_attach_opts at = {.in = in.r, .out = co.w, .err = -1, .tty = true};
    CHECK(container_start(&f->host, id, &at, &status, &_e));
    assert_int_equal(status, -1);
    catch_end(&co, &out);
    assert_int_equal(state_of(f, id), SHALE_RUNNING);
    CHECK(container_resize(&f->host, id, 33, 77, &_e));
    /* attached once more, then killed by somebody else */
    catch_begin(&co);
    at.out = co.w;
    assert_int_equal(write(in.w, "axy", 3), 3);
    CHECK(container_attach(&f->host, id, &at, &status, &_e));
    assert_int_equal(status, -1);
    catch_end(&co, &out);
    await_log(f, id, "terminal\r\n", &out);
    close(in.w);
    close(in.r);
    CHECK(container_rm(&f->host, id, &(struct shale_rm_opts){.force = true, .volumes = true}, &_e));
    assert_gone(f, id);
}

/* Nobody reads the output: the process learns of it when we watch it, else we let go of it. */
static void broken_output(void **state)
{
    struct fixture *f = *state;

    NEED_RUNTIME;
    for (int i = 0; i < 2; i++) {
        struct shale_create_opts o = {
            .auto_remove = true, .interactive = i == 1, .stop_timeout_s = -1};
        const char *id = fixture_create(f, &o, "trap '' PIPE; while echo x; do :; done; exit 9");
        struct catch co;
        int status = -2;
        catch_begin(&co);
        close(co.r);
        struct shale_attach_opts at = {.in = -1, .out = co.w, .err = -1};
        int r = container_start(&f->host, id, &at, &status, NULL);
        close(co.w);
        assert_int_equal(r, i == 0 ? 0 : -SHALE_SYSTEM);
        assert_int_equal(status, i == 0 ? 9 : -2);
        (void)container_rm(&f->host, id, &(struct shale_rm_opts){.force = true}, NULL);
        assert_gone(f, id);
    }
}

/* ---- several at once ---- */

struct race {
    struct fixture *f;
    const char *id;
    int r;
};

static void *start_it(void *arg)
{
    struct race *x = arg;
    int status;

    x->r = container_start(&x->f->host, x->id, NULL, &status, NULL);
    return NULL;
}

static void two_starts(void **state)
{
    struct fixture *f = *state;
    _cleanup_(buf_clear) struct buf text = BUF_INIT(4096);
    struct race x[4];
    pthread_t t[4];

    NEED_RUNTIME;
    const char *id = fixture_create(f, NULL, "echo once; sleep 1000");
    for (int i = 0; i < 4; i++) {
        x[i] = (struct race){f, id, -1};
        assert_int_equal(pthread_create(&t[i], NULL, start_it, &x[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(t[i], NULL), 0);
        assert_int_equal(x[i].r, 0);
    }
    await_log(f, id, "once", &text);
    CHECK(container_kill(&f->host, id, "KILL", &_e));
    read_log(f, id, false, -1, &text);
    assert_string_equal(buf_str(&text), "1:once\n");
    CHECK(container_rm(&f->host, id, &(struct shale_rm_opts){.volumes = true}, &_e));
    assert_gone(f, id);
}

/* Who watched it is killed: the container goes on, and can be found and ended by others. */
static void orphan(void **state)
{
    struct fixture *f = *state;
    struct shale_create_opts o = {.auto_remove = true, .stop_timeout_s = -1};
    int ms;

    NEED_RUNTIME;
    const char *id = fixture_create(f, &o, "sleep 1000");
    char root[64];
    memcpy(root, f->root, sizeof root);
    pid_t pid = fork();
    if (pid == 0) { /* a store of its own: handles do not outlive fork(2) */
        struct store *s = NULL;
        struct shale_attach_opts at = {.in = -1, .out = -1, .err = -1};
        int status;
        if (store_open(&(struct store_opts){.root = root}, &s, NULL) < 0)
            _exit(1);
        struct container_host h = {.store = s};
        _exit(container_start(&h, id, &at, &status, NULL) < 0);
    }
    assert_true(pid > 0);
    for (ms = 0; ms < PATIENCE_MS && state_of(f, id) != SHALE_RUNNING; ms += 20)
        poll(NULL, 0, 20);
    assert_true(ms < PATIENCE_MS);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(state_of(f, id), SHALE_RUNNING);
    CHECK(container_stop(&f->host, id, "KILL", 1, &_e));
    assert_gone(f, id);
}

/* Waiting looks again and again: what the looks before took is given back. */
static void looks(void **state)
{
    struct fixture *f = *state;
    struct arena a = ARENA_INIT(1u << 20);
    struct shale_rm_opts rm = {.force = true};
    const char *id = fixture_create(f, NULL, "true");
    struct ctr c;

    CHECK(ctr_find(&f->host, id, &a, &c, &_e));
    CHECK(ctr_look(&f->host, &a, &c, &_e));
    uint64_t used = a.used_bytes;
    for (int i = 0; i < 200; i++)
        CHECK(ctr_look(&f->host, &a, &c, &_e));
    assert_int_equal(a.used_bytes, used);
    assert_string_equal(c.row.id, id);
    CHECK(container_rm(&f->host, id, &rm, &_e));
    assert_int_equal(ctr_look(&f->host, &a, &c, NULL), -SHALE_NOT_FOUND);
    assert_string_equal(c.row.id, id);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(looks),         cmocka_unit_test(direct),
        cmocka_unit_test(direct_users),  cmocka_unit_test(refusals),
        cmocka_unit_test(detached),      cmocka_unit_test(stop_kills_in_the_end),
        cmocka_unit_test(logs_follow),   cmocka_unit_test(automatic_removal),
        cmocka_unit_test(input),         cmocka_unit_test(terminal),
        cmocka_unit_test(broken_output), cmocka_unit_test(two_starts),
        cmocka_unit_test(orphan),
    };
    return cmocka_run_group_tests(tests, group_begin, group_end);
}
