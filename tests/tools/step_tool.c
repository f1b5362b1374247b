/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steps of a build without the builder around them:
 *
 *   step_tool [OPTION…] IMAGE COMMAND…   IMAGE: of the store, or "scratch"
 *   step_tool caches                     a line for each: name, in use, bytes, id
 *   step_tool uncache NAME
 *   step_tool sweep
 *
 * The store is $SHALE_ROOT. Output of the command goes where it went; then "status N", and "empty"
 * or the layer's diffID and blob are said on descriptor 3. The exit status is 0 when the command
 * ran, whatever it came to. INT and TERM cancel it.
 *
 *   --layer DIFFID      a layer more, above those of the image
 *   --mount KEY=VALUE,… type target source folder from id sharing size uid gid mode data ro
 *   --net default|none|host  --insecure  --user U  --cwd D  --env K=V  --host NAME:ADDRESS
 *   --memory BYTES  --ulimit U  --shm BYTES  --cgroup-parent P  --epoch SECONDS
 *   --times N           the same again and again; the mean time of one is told, in microseconds
 *   --threads N         so many at a time
 *   --shell             talks to it
 *   --driver NAME       of the root file system
 */
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "container/step.h"
#include "container/step_cache.h"
#include "image/image.h"

#define LIST_MAX 64
#define REPORT   3

static struct cancel canceled;

static void on_signal(int sig)
{
    cancel_set(&canceled);
}

struct tool {
    struct arena a;
    struct container_host host;
    struct store_lease *lease;
    struct steps *steps;
    struct step_opts o;
    struct step_mount mounts[LIST_MAX];
    const char *env[LIST_MAX], *hosts[LIST_MAX], *ulimits[LIST_MAX], *layers[LIST_MAX];
    size_t n_env, n_hosts, n_ulimits, n_layers;
    int64_t epoch;
    int times, threads;
    bool shell;
    const char *driver;
    pthread_mutex_t mutex;
    struct shale_err err;
    int worst;
};

static int fail(const struct shale_err *e)
{
    (void)fprintf(stderr, "step_tool: %s (%d)\n", e->msg, e->code);
    return 1;
}

static int bad(const char *what)
{
    (void)fprintf(stderr, "step_tool: %s?\n", what);
    return 2;
}

/* ---- what is asked for ---- */

static int layers_of(struct tool *t, const char *image, const struct meta_image_layer **ret,
                     size_t *ret_n, struct shale_err *e)
{
    struct meta_image_layer *rows = NULL;
    struct image_found found;
    size_t n = 0;
    int r = 0;

    if (!streq(image, "scratch")) {
        r = image_find(t->host.store, image, &t->a, &found, e);
        if (r >= 0)
            r = meta_image_layers(store_meta(t->host.store), &found.id, &t->a, &rows, &n, e);
    }
    struct meta_image_layer *v = arena_array(&t->a, n + LIST_MAX, sizeof *v);
    if (r < 0 || !v)
        return r < 0 ? r : -SHALE_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        v[i] = rows[i];
    *ret = v;
    *ret_n = n;
    return 0;
}

static int kind_of(const char *text, enum step_mount_kind *ret)
{
    static const char *const kinds[] = {"bind", "cache", "tmpfs", "secret", "ssh"};

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (streq(text, kinds[i])) {
            *ret = (enum step_mount_kind)i;
            return 0;
        }
    return -1;
}

static int mount_key(struct tool *t, struct step_mount *m, const char *k, const char *v)
{
    static const char *const sharing[] = {"shared", "private", "locked"};

    if (streq(k, "type"))
        return kind_of(v, &m->kind);
    if (streq(k, "target"))
        m->target = v;
    else if (streq(k, "source"))
        m->source = v;
    else if (streq(k, "folder"))
        m->folder = v;
    else if (streq(k, "from"))
        return layers_of(t, v, &m->layers, &m->n_layers, &t->err);
    else if (streq(k, "id"))
        m->cache_id = v;
    else if (streq(k, "size"))
        m->size_bytes = strtoull(v, NULL, 10);
    else if (streq(k, "uid"))
        m->uid = (uint32_t)strtoul(v, NULL, 10);
    else if (streq(k, "gid"))
        m->gid = (uint32_t)strtoul(v, NULL, 10);
    else if (streq(k, "mode"))
        m->mode = (uint32_t)strtoul(v, NULL, 8);
    else if (streq(k, "ro"))
        m->read_only = true;
    else if (streq(k, "data")) {
        m->data = v;
        m->data_n = strlen(v);
    } else if (streq(k, "sharing")) {
        for (size_t i = 0; i < ARRAY_SIZE(sharing); i++)
            if (streq(v, sharing[i]))
                m->sharing = (enum step_sharing)i;
    } else
        return -1;
    return 0;
}

static int parse_mount(struct tool *t, char *text)
{
    struct step_mount *m = &t->mounts[t->o.n_mounts];

    if (t->o.n_mounts == LIST_MAX)
        return -1;
    for (char *save = NULL, *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
        char *eq = strchr(p, '=');
        if (eq)
            *eq = 0;
        if (mount_key(t, m, p, eq ? eq + 1 : "") < 0)
            return -1;
    }
    t->o.n_mounts++;
    return 0;
}

static int parse_net(const char *text, enum step_network *ret)
{
    static const char *const names[] = {"default", "none", "host"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (streq(text, names[i])) {
            *ret = (enum step_network)i;
            return 0;
        }
    return -1;
}

static int push(const char **list, size_t *n, const char *v)
{
    if (*n >= LIST_MAX - 1)
        return -1;
    list[(*n)++] = v;
    return 0;
}

static int parse_one(struct tool *t, const char *name, char *v)
{
    struct step_opts *o = &t->o;

    if (streq(name, "insecure"))
        o->insecure = true;
    else if (streq(name, "shell"))
        t->shell = true;
    else if (streq(name, "driver"))
        t->driver = v;
    else if (streq(name, "net"))
        return parse_net(v, &o->network);
    else if (streq(name, "user"))
        o->user = v;
    else if (streq(name, "cwd"))
        o->cwd = v;
    else if (streq(name, "cgroup-parent"))
        o->cgroup_parent = v;
    else if (streq(name, "memory"))
        o->memory_bytes = strtoll(v, NULL, 10);
    else if (streq(name, "shm"))
        o->shm_bytes = strtoll(v, NULL, 10);
    else if (streq(name, "epoch")) {
        t->epoch = strtoll(v, NULL, 10);
        o->source_date_epoch_s = &t->epoch;
    } else if (streq(name, "times"))
        t->times = (int)strtol(v, NULL, 10);
    else if (streq(name, "threads"))
        t->threads = (int)strtol(v, NULL, 10);
    else if (streq(name, "layer"))
        return push(t->layers, &t->n_layers, v);
    else if (streq(name, "env"))
        return push(t->env, &t->n_env, v);
    else if (streq(name, "host"))
        return push(t->hosts, &t->n_hosts, v);
    else if (streq(name, "ulimit"))
        return push(t->ulimits, &t->n_ulimits, v);
    return 0;
}

static const struct option options[] = {
    {"layer", 1, NULL, 0},    {"mount", 1, NULL, 'm'}, {"net", 1, NULL, 0},
    {"insecure", 0, NULL, 0}, {"user", 1, NULL, 0},    {"cwd", 1, NULL, 0},
    {"env", 1, NULL, 0},      {"host", 1, NULL, 0},    {"memory", 1, NULL, 0},
    {"ulimit", 1, NULL, 0},   {"shm", 1, NULL, 0},     {"cgroup-parent", 1, NULL, 0},
    {"epoch", 1, NULL, 0},    {"times", 1, NULL, 0},   {"threads", 1, NULL, 0},
    {"shell", 0, NULL, 0},    {"driver", 1, NULL, 0},  {NULL, 0, NULL, 0},
};

/* ---- running ---- */

static void on_output(void *arg, int stream, const char *p, size_t n)
{
    if (write(stream, p, n) < 0)
        cancel_set(&canceled);
}

static int one(struct tool *t, struct shale_err *e)
{
    struct step_result res = {.status = 0};
    const struct step_streams streams = {0, 1, 2};
    int r;

    if (t->shell) {
        r = step_shell(t->steps, &t->o, &streams, &res.status, e);
        res.empty = true;
    } else {
        r = step_run(t->steps, &t->o, &res, e);
    }
    if (r < 0)
        return r;
    if (res.status)
        (void)dprintf(REPORT, "status %d\n", res.status);
    else if (res.empty)
        (void)dprintf(REPORT, "status 0\nempty\n");
    else
        (void)dprintf(REPORT, "status 0\n%s %s\n", res.layer.diff_id.s, res.layer.blob.s);
    return 0;
}

static void *thread(void *arg)
{
    struct tool *t = arg;

    for (int i = 0; i < t->times; i++) {
        struct shale_err e = SHALE_ERR_INIT;
        int r = one(t, &e);
        (void)pthread_mutex_lock(&t->mutex);
        if (r < 0)
            t->err = e;
        if (t->worst >= 0 && r != 0)
            t->worst = r;
        (void)pthread_mutex_unlock(&t->mutex);
    }
    return NULL;
}

static int run(struct tool *t)
{
    pthread_t threads[LIST_MAX];
    int64_t begin = time_mono_ns();
    int n = t->threads < LIST_MAX ? t->threads : LIST_MAX;

    if (n == 1)
        (void)thread(t);
    for (int i = 0; n > 1 && i < n; i++)
        if (pthread_create(&threads[i], NULL, thread, t) != 0)
            return bad("threads");
    for (int i = 0; n > 1 && i < n; i++)
        (void)pthread_join(threads[i], NULL);
    if (t->times > 1)
        (void)dprintf(REPORT, "mean %lld us\n",
                      (long long)((time_mono_ns() - begin) / 1000 / (t->times * n)));
    return t->worst;
}

static int list_caches(struct tool *t, struct shale_err *e)
{
    struct step_cache *v;
    size_t n;
    int r = step_cache_list(&t->host, &t->a, &v, &n, e);

    for (size_t i = 0; r >= 0 && i < n; i++)
        (void)printf("%s %d %llu %s\n", v[i].name, v[i].in_use, (unsigned long long)v[i].bytes,
                     v[i].id);
    return r;
}

static int other(struct tool *t, const char *verb, const char *name, struct shale_err *e)
{
    uint64_t bytes = 0;

    if (streq(verb, "caches"))
        return list_caches(t, e);
    if (streq(verb, "uncache"))
        return name ? step_cache_remove(&t->host, name, &bytes, e) : -SHALE_INVALID;
    return steps_sweep(&t->host, e);
}

static int begin(struct tool *t, char **argv, struct shale_err *e)
{
    struct meta_image_layer *v = NULL;
    int r = layers_of(t, argv[0], &t->o.layers, &t->o.n_layers, e);

    memcpy(&v, &t->o.layers, sizeof v); /* made by layers_of, with room */
    for (size_t i = 0; r >= 0 && i < t->n_layers; i++)
        r = digest_parse(t->layers[i], &v[t->o.n_layers++].diff_id, e);
    if (r >= 0)
        r = store_lease_begin(t->host.store, "test", &t->lease, e);
    if (r >= 0)
        r = steps_open(&t->host, &t->steps, e);
    t->o.lease = t->lease;
    t->o.argv = (const char *const *)argv + 1;
    t->o.env = t->env;
    t->o.extra_hosts = t->hosts;
    t->o.ulimits = t->ulimits;
    t->o.mounts = t->mounts;
    t->o.on_output = on_output;
    return r;
}

static bool is_verb(const char *s)
{
    return streq(s, "caches") || streq(s, "uncache") || streq(s, "sweep");
}

int main(int argc, char **argv)
{
    static struct tool t = {.a = ARENA_INIT(ARENA_DEFAULT_MAX),
                            .times = 1,
                            .threads = 1,
                            .mutex = PTHREAD_MUTEX_INITIALIZER};
    char *late[LIST_MAX]; /* mounts may name images: the store comes first */
    size_t n_late = 0;
    int c, i = 0, status = 0;

    while ((c = getopt_long(argc, argv, "+", options, &i)) != -1) {
        if (c == '?' || (c == 'm' && n_late == LIST_MAX))
            return 2;
        if (c == 'm')
            late[n_late++] = optarg;
        else if (parse_one(&t, options[i].name, optarg) < 0)
            return bad(options[i].name);
    }
    argv += optind;
    bool verb = argv[0] && is_verb(argv[0]);
    const struct store_opts so = {.root = getenv("SHALE_ROOT"), .driver = t.driver};
    if (argc - optind < (verb ? 1 : 2) || !so.root)
        return bad("what");
    t.host.cancel = &canceled;
    (void)signal(SIGINT, on_signal);
    (void)signal(SIGTERM, on_signal);
    int r = store_open(&so, &t.host.store, &t.err);
    for (size_t k = 0; r >= 0 && k < n_late; k++)
        if (parse_mount(&t, late[k]) < 0)
            return bad("mount");
    if (r >= 0 && verb)
        r = other(&t, argv[0], argv[1], &t.err);
    else if (r >= 0)
        r = begin(&t, argv, &t.err);
    if (r >= 0 && !verb)
        status = r = run(&t);
    steps_close(t.steps);
    store_lease_end(t.lease);
    store_close(t.host.store);
    if (r < 0)
        status = fail(&t.err);
    arena_clear(&t.a);
    return status;
}
