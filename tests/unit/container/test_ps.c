/* SPDX-License-Identifier: Apache-2.0 */
/* Containers that never ran: making, listing, looking, removing. Needs no runtime. */
#include <fcntl.h>

#include "base/fs.h"
#include "base/time.h"
#include "fixture.h"
#include "meta/stmt.h"

static int group_begin(void **state)
{
    static struct fixture f;
    static const char *const labels[] = {"tier=front", "x", NULL};
    static const char *const cmd[] = {"serve", "now", NULL};
    static const char *const entrypoint[] = {"/entry", NULL};
    const struct shale_mount mount = {.type = SHALE_MOUNT_VOLUME, .source = "vol", .target = "/v"};
    struct shale_create_opts web = {.name = "web-one",
                                    .labels = labels,
                                    .network = "host",
                                    .mounts = &mount,
                                    .n_mounts = 1,
                                    .stop_timeout_s = -1};
    struct shale_create_opts db = {
        .name = "db", .entrypoint = entrypoint, .cmd = cmd, .stop_timeout_s = -1};

    fixture_begin(&f);
    *state = &f;
    (void)fixture_create(&f, &web, NULL);
    (void)fixture_create(&f, &db, NULL);
    return 0;
}

static int group_end(void **state)
{
    fixture_end(*state);
    return 0;
}

/* ---- filters ---- */

static const struct {
    const char *filters[3];
    const char *want; /* names, newest first */
} rows[] = {
    {{NULL}, "db web-one"},
    {{"name=web"}, "web-one"},
    {{"name=^/db$"}, "db"},
    {{"name=^b"}, ""},
    {{"name=db", "name=web-one"}, "db web-one"},
    {{"name=["}, ""}, /* no regular expression: as it stands */
    {{"label=tier"}, "web-one"},
    {{"label=tier=front"}, "web-one"},
    {{"label=tier=back"}, ""},
    {{"label=a=1"}, "db web-one"}, /* of the image */
    {{"label=tier", "label=a"}, "web-one"},
    {{"label!=tier"}, "db"},
    {{"status=created"}, "db web-one"},
    {{"status=running"}, ""},
    {{"status=running", "status=created"}, "db web-one"},
    {{"exited=0"}, ""},
    {{"health=none"}, "db web-one"},
    {{"health=healthy"}, ""},
    {{"before=db"}, "web-one"},
    {{"since=web-one"}, "db"},
    {{"since=db"}, ""},
    {{"volume=vol"}, "web-one"},
    {{"volume=/v"}, "web-one"},
    {{"volume=/data"}, "db web-one"},
    {{"volume=other"}, ""},
    {{"network=host"}, "web-one"},
    {{"network=bridge"}, "db"},
    {{"expose=80"}, "db web-one"},
    {{"expose=79-81/tcp"}, "db web-one"},
    {{"expose=80/udp"}, ""},
    {{"publish=80"}, ""},
    {{"is-task=false"}, "db web-one"},
    {{"is-task=true"}, ""},
    {{"isolation=default"}, "db web-one"},
    {{"ancestor=nothing:here"}, ""},
    {{" NAME = db "}, "db"},
    {{"id=zz"}, ""},
};

static void list_names(struct fixture *f, const struct shale_ps_opts *o, struct buf *ret)
{
    struct shale_container_list l;
    struct shale_err e = SHALE_ERR_INIT;

    if (container_ps(&f->host, o, &f->a, &l, &e) < 0)
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < l.n_items; i++)
        buf_addf(ret, "%s%s", i ? " " : "", l.items[i].name);
}

static void filters(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        _cleanup_(buf_clear) struct buf got = BUF_INIT(4096);
        struct shale_ps_opts o = {.all = true, .filters = rows[i].filters};
        list_names(*state, &o, &got);
        if (!streq(buf_str(&got), rows[i].want))
            fail_msg("%s: %s", rows[i].filters[0], buf_str(&got));
    }
}

static void bad_filters(void **state)
{
    static const char *const bad[] = {"status=x",    "exited=x",   "nosuch=1",
                                      "health=fine", "is-task=no", "publish=http",
                                      "noequals",    "expose=9-8", "label"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct shale_ps_opts o = {.filters = (const char *const[]){bad[i], NULL}};
        struct shale_container_list l = {.n_items = 77};
        struct shale_err e = SHALE_ERR_INIT;
        assert_int_equal(container_ps(&f->host, &o, &f->a, &l, &e), -SHALE_INVALID);
        assert_non_null(strstr(e.msg, "filter"));
        assert_int_equal(l.n_items, 77);
    }
    struct shale_ps_opts o = {.filters = (const char *const[]){"before=nobody", NULL}};
    struct shale_container_list l;
    assert_int_equal(container_ps(&f->host, &o, &f->a, &l, NULL), -SHALE_NOT_FOUND);
}

static void by_image_and_id(void **state)
{
    struct fixture *f = *state;
    struct shale_ps_opts all = {.all = true};
    struct shale_container_list l;
    char filter[DIGEST_MAX + 16];

    assert_int_equal(container_ps(&f->host, &all, &f->a, &l, NULL), 0);
    for (int what = 0; what < 2; what++) {
        _cleanup_(buf_clear) struct buf got = BUF_INIT(4096);
        struct shale_ps_opts o = {.all = true, .filters = (const char *const[]){filter, NULL}};
        if (what == 0)
            (void)snprintf(filter, sizeof filter, "ancestor=%s", f->image);
        else
            (void)snprintf(filter, sizeof filter, "id=^%.20s", l.items[0].id);
        list_names(f, &o, &got);
        assert_string_equal(buf_str(&got), what == 0 ? "db web-one" : "db");
    }
}

static void which(void **state)
{
    _cleanup_(buf_clear) struct buf running = BUF_INIT(4096), last = BUF_INIT(4096);
    struct container_counts counts;
    struct fixture *f = *state;

    list_names(f, &(struct shale_ps_opts){.all = false}, &running);
    assert_string_equal(buf_str(&running), "");
    list_names(f, &(struct shale_ps_opts){.last = 1}, &last);
    assert_string_equal(buf_str(&last), "db");
    assert_int_equal(container_counts(&f->host, &counts, NULL), 0);
    assert_int_equal(counts.n_all, 2);
    assert_int_equal(counts.n_running, 0);
    assert_int_equal(counts.n_stopped, 2);
}

/* All that a list shows of a container, as text. */
static void put_all(const struct shale_container *c, struct buf *b)
{
    buf_addf(b, "%s %s %s %s %d %d %d %d %d %d %d ", c->id, c->name, c->image, c->image_id,
             c->state, c->pid, c->exit_code, c->oom_killed, c->auto_remove, c->tty, c->interactive);
    buf_addf(b, "%s %lld %lld %lld %s %s %s %s %lld %s%s", c->error, (long long)c->created_ns,
             (long long)c->started_ns, (long long)c->finished_ns, c->labels_json, c->network,
             c->runtime, c->driver, (long long)c->restart_count, c->health, c->health_json);
    buf_addf(b, "%s%s%s%s", c->config_json, c->host_config_json, c->log_path, c->netns_path);
    for (size_t i = 0; c->command[i]; i++)
        buf_addf(b, " <%s>", c->command[i]);
    for (size_t i = 0; i < c->n_mounts; i++)
        buf_addf(b, " %s %s %s %s %d", c->mounts[i].type, c->mounts[i].name, c->mounts[i].source,
                 c->mounts[i].target, c->mounts[i].read_write);
    for (size_t i = 0; i < c->n_networks; i++)
        buf_addf(b, " %s %s %s %zu %s", c->networks[i].name, c->networks[i].id,
                 c->networks[i].asked_address, c->networks[i].n_aliases, c->networks[i].address);
    buf_addf(b, " %zu ports\n", c->n_ports);
}

static void list_all(struct fixture *f, const struct shale_ps_opts *o, struct buf *ret)
{
    struct shale_container_list l;
    struct shale_err e = SHALE_ERR_INIT;

    if (container_ps(&f->host, o, &f->a, &l, &e) < 0)
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < l.n_items; i++)
        put_all(&l.items[i], ret);
}

/* What the index has of a container is what its whole configuration says; also for one that is of
 * another version, which is read in whole. */
static void out_of_the_index(void **state)
{
    static const char *const spoil[] = {"UPDATE containers SET listing = x'FF00'",
                                        "UPDATE containers SET listing = NULL"};
    struct fixture *f = *state;
    const struct shale_ps_opts asks[] = {
        {.all = true, .brief = true},
        {.all = true, .brief = true, .filters = (const char *const[]){"expose=80", NULL}},
        {.last = 1, .brief = true, .with_size = true},
        {.all = true},
    };
    struct buf want[ARRAY_SIZE(asks)];

    for (size_t k = 0; k < ARRAY_SIZE(asks); k++) {
        buf_init(&want[k], 1 << 20);
        list_all(f, &asks[k], &want[k]);
        assert_true(want[k].n > 100);
    }
    for (size_t i = 0; i < ARRAY_SIZE(spoil); i++) {
        assert_int_equal(stmt_run(store_meta(f->store), spoil[i], NULL, NULL, ""), 0);
        for (size_t k = 0; k < ARRAY_SIZE(asks); k++) {
            _cleanup_(buf_clear) struct buf got = BUF_INIT(1 << 20);
            list_all(f, &asks[k], &got);
            assert_string_equal(buf_str(&got), buf_str(&want[k]));
        }
    }
    for (size_t k = 0; k < ARRAY_SIZE(asks); k++)
        buf_clear(&want[k]);
}

/* ---- one ---- */

static void inspect(void **state)
{
    struct fixture *f = *state;
    struct shale_container c;

    assert_int_equal(container_inspect(&f->host, "db", true, &f->a, &c, NULL), 0);
    assert_string_equal(c.name, "db");
    assert_string_equal(c.image_id, f->image);
    assert_int_equal(c.state, SHALE_CREATED);
    assert_int_equal(c.pid, 0);
    assert_string_equal(c.command[0], "/entry"); /* the image's Cmd goes with its entry point */
    assert_string_equal(c.command[1], "serve");
    assert_string_equal(c.command[2], "now");
    assert_null(c.command[3]);
    assert_int_equal(c.started_ns, SHALE_TIME_NONE);
    assert_int_equal(c.size_rw_bytes, 0);
    assert_true(c.size_root_bytes > 0);
    assert_int_equal(c.n_mounts, 1);
    assert_string_equal(c.mounts[0].target, "/data");
    assert_true(c.mounts[0].read_write);
    assert_non_null(strstr(c.config_json, "\"FROM=image\""));
    assert_non_null(strstr(c.config_json, "\"StopSignal\":\"SIGUSR1\""));
    assert_non_null(strstr(c.config_json, "\"WorkingDir\":\"/made/for/it\""));
    assert_int_equal(container_inspect(&f->host, "web-one", false, &f->a, &c, NULL), 0);
    assert_string_equal(c.network, "host");
    assert_int_equal(c.size_rw_bytes, -1);
    assert_int_equal(c.n_mounts, 2);
    assert_string_equal(c.mounts[0].name, "vol");
}

static void no_such(void **state)
{
    struct fixture *f = *state;
    struct shale_container c;
    struct shale_rm_opts rm = {0};
    struct shale_exec_opts x = {.cmd = (const char *const[]){"true", NULL}};
    struct shale_attach_opts at = {.in = -1, .out = -1, .err = -1};
    struct shale_err e = SHALE_ERR_INIT;
    int status;
    const int got[] = {
        container_inspect(&f->host, "nobody", false, &f->a, &c, &e),
        container_start(&f->host, "nobody", NULL, &status, &e),
        container_stop(&f->host, "nobody", NULL, 1, &e),
        container_kill(&f->host, "nobody", NULL, &e),
        container_wait(&f->host, "nobody", &status, &e),
        container_rm(&f->host, "nobody", &rm, &e),
        container_exec(&f->host, "nobody", &x, &status, &e),
        container_attach(&f->host, "nobody", &at, &status, &e),
        container_resize(&f->host, "nobody", 1, 1, &e),
    };

    for (size_t i = 0; i < ARRAY_SIZE(got); i++)
        assert_int_equal(got[i], -SHALE_NOT_FOUND);
    assert_string_equal(e.msg, "No such container: nobody");
    assert_int_equal(container_cleanup(&f->host, "nobody", NULL), 0);
}

static void not_running(void **state)
{
    struct fixture *f = *state;
    struct shale_exec_opts x = {.cmd = (const char *const[]){"true", NULL}};
    struct shale_attach_opts at = {.in = -1, .out = -1, .err = -1};
    struct shale_err e = SHALE_ERR_INIT;
    int status = 5;

    assert_int_equal(container_exec(&f->host, "db", &x, &status, &e), -SHALE_CONFLICT);
    assert_non_null(strstr(e.msg, "is not running"));
    assert_int_equal(container_kill(&f->host, "db", NULL, &e), -SHALE_CONFLICT);
    assert_ptr_equal(strstr(e.msg, "cannot kill container: db: container "), e.msg);
    assert_int_equal(container_kill(&f->host, "db", "FOO", &e), -SHALE_INVALID);
    assert_int_equal(container_attach(&f->host, "db", &at, &status, &e), -SHALE_CONFLICT);
    assert_string_equal(e.msg, "You cannot attach to a stopped container, start it first");
    assert_int_equal(container_stop(&f->host, "db", NULL, 1, NULL), 0);
    assert_int_equal(status, 5);
    assert_int_equal(container_wait(&f->host, "db", &status, NULL), 0);
    assert_int_equal(status, 0);
}

/* ---- making ---- */

static int count(void *arg, const char *name, unsigned char type)
{
    ++*(int *)arg;
    return 0;
}

static int n_volumes(const struct fixture *f)
{
    char path[96];
    int n = 0;

    (void)snprintf(path, sizeof path, "%s/volumes", f->root);
    assert_int_equal(fs_each(AT_FDCWD, path, count, &n, NULL), 0);
    return n;
}

static const struct {
    struct shale_create_opts o;
    int code;
    const char *text;
} refusals[] = {
    {{.name = "db"}, SHALE_CONFLICT, "Conflict. The container name \"/db\" is already in use by"},
    {{.name = "a b"}, SHALE_INVALID, "Invalid container name (a b), only"},
    {{.network = "nosuchnet"}, SHALE_INVALID, "network nosuchnet not found"},
    {{.workdir = "x"}, SHALE_INVALID, "the working directory 'x' is invalid"},
    {{.stop_signal = "FOO"}, SHALE_INVALID, "invalid signal: FOO"},
    {{.runtime = "nosuchruntime"}, SHALE_INVALID, "unknown or invalid runtime name"},
    {{.memory_bytes = 1 << 20}, SHALE_INVALID, "Minimum memory limit allowed is 6MB"},
    {{.nano_cpus = 1}, SHALE_INVALID, "range of CPUs is from 0.01"},
    {{.detach_keys = "ctrl-"}, SHALE_INVALID, "invalid detach keys"},
    {{.cap_add = (const char *const[]){"FOO", NULL}}, SHALE_INVALID, "invalid CapAdd"},
    {{.security_opt = (const char *const[]){"foo", NULL}}, SHALE_INVALID, "invalid --security-opt"},
    {{.security_opt = (const char *const[]){"no-new-privileges=x", NULL}},
     SHALE_INVALID,
     "invalid --security-opt 2: \"no-new-privileges=x\""},
    {{.security_opt = (const char *const[]){"seccomp=/no/such", NULL}},
     SHALE_INVALID,
     "opening seccomp profile (/no/such) failed: open /no/such: no such file or directory"},
    {{.mounts = &(const struct shale_mount){.type = SHALE_MOUNT_TMPFS, .target = "rel"},
      .n_mounts = 1},
     SHALE_INVALID,
     "invalid mount path: 'rel' mount path must be absolute"},
    {{.mounts = &(
          const struct shale_mount){.type = SHALE_MOUNT_TMPFS, .target = "/t", .options = "ro,foo"},
      .n_mounts = 1},
     SHALE_INVALID,
     "invalid tmpfs option [\"foo\"]"},
    {{.mounts = &(const struct shale_mount){.type = SHALE_MOUNT_BIND,
                                            .source = "/no/such/place",
                                            .target = "/t"},
      .n_mounts = 1},
     SHALE_INVALID,
     "invalid mount config for type \"bind\": bind source path does not exist: /no/such/place"},
    {{.cidfile = "/dev/null"}, SHALE_EXISTS, "container ID file found"},
};

static void create_refuses(void **state)
{
    struct fixture *f = *state;
    int before = n_volumes(f);

    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        struct shale_create_opts o = refusals[i].o;
        struct shale_err e = SHALE_ERR_INIT;
        struct shale_created made;
        o.image = f->image;
        o.stop_timeout_s = -1;
        assert_int_equal(container_create(&f->host, &o, &f->a, &made, &e), -refusals[i].code);
        assert_ptr_equal(strstr(e.msg, refusals[i].text), e.msg);
    }
    assert_int_equal(n_volumes(f), before); /* nothing is left of them */
}

static void other_systems(void **state)
{
    struct fixture *f = *state;
    struct shale_create_opts o = {.stop_timeout_s = -1};
    struct shale_err e = SHALE_ERR_INIT;
    struct shale_created made;
    char id[DIGEST_MAX];

    fixture_add_image(f, "windows", id);
    o.image = id;
    assert_int_equal(container_create(&f->host, &o, &f->a, &made, &e), -SHALE_UNSUPPORTED);
    assert_string_equal(e.msg,
                        "image operating system \"windows\" cannot be used on this platform");
}

static void remove_with_volumes(void **state)
{
    struct fixture *f = *state;
    int before = n_volumes(f);
    const char *id = fixture_create(f, NULL, "true");
    struct shale_rm_opts rm = {.volumes = true};

    assert_int_equal(n_volumes(f), before + 1);
    assert_int_equal(container_rm(&f->host, id, &rm, NULL), 0);
    assert_int_equal(n_volumes(f), before);
    assert_int_equal(container_rm(&f->host, id, &rm, NULL), -SHALE_NOT_FOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(filters),          cmocka_unit_test(bad_filters),
        cmocka_unit_test(by_image_and_id),  cmocka_unit_test(which),
        cmocka_unit_test(inspect),          cmocka_unit_test(no_such),
        cmocka_unit_test(not_running),      cmocka_unit_test(create_refuses),
        cmocka_unit_test(other_systems),    cmocka_unit_test(remove_with_volumes),
        cmocka_unit_test(out_of_the_index),
    };
    return cmocka_run_group_tests(tests, group_begin, group_end);
}
