/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upstream/upstream.h"

#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

#define PASSWORD_MAX_BYTES (16u << 10)
#define PEM_MAX_BYTES      (4u << 20)
#define CONNECT_NS         (10 * NS_PER_S) /* at most, for a question */
#define FAILURES           2               /* in a row, before it counts as down */
#define PAUSE_MAX_NS       (60 * NS_PER_S) /* then it is asked whether it still means it */
#define REFUSED_NS         (60 * NS_PER_S) /* between two lines of the log that say so */

/* Questions and blobs each have a client: a registry that limits the one may give the other. */
struct lane {
    struct remote_client *client;
    unsigned n_failures; /* in a row; this and what follows is guarded by the mutex */
    int64_t down_until;  /* monotonic */
    int64_t refused;     /* monotonic: when it was told last that our credentials are not taken */
    bool told;           /* that it is down */
    struct shale_err why;
};

struct upstream {
    const struct regconf_upstream *c;
    pthread_mutex_t mutex;
    struct lane lanes[2]; /* [patient] */
};

struct upstreams {
    size_t n;
    struct upstream v[];
};

/* ---- open and close ---- */

/* The first line of the file. */
static int read_password(const char *path, struct buf *b, struct shale_err *e)
{
    int r = fs_read_file(AT_FDCWD, path, b, e);

    if (r < 0)
        return err_wrap(e, r, "password_file");
    buf_addc(b, 0);
    if (b->failed)
        return err_nomem(e);
    b->p[strcspn(b->p, "\r\n")] = 0;
    return *b->p ? 0 : err_set(e, SHALE_INVALID, "password_file: %s is empty", path);
}

/* What would otherwise show at the first question. */
static int check_files(const struct regconf_upstream *c, struct shale_err *e)
{
    const struct {
        const char *key, *path;
    } files[] = {{"ca_file", c->ca_file}, {"cert_file", c->cert_file}, {"key_file", c->key_file}};
    char path[4200];

    for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(PEM_MAX_BYTES);
        int r = files[i].path ? fs_read_file(AT_FDCWD, files[i].path, &b, e) : 0;
        if (r >= 0 && files[i].path && !strstr(buf_str(&b), "-----BEGIN "))
            r = err_set(e, SHALE_INVALID, "%s is not PEM", files[i].path);
        if (b.p)
            explicit_bzero(b.p, b.n);
        if (r < 0)
            return err_wrap(e, r, "%s", files[i].key);
    }
    if (!c->docker_config)
        return 0;
    snprintf(path, sizeof path, "%s/config.json", c->docker_config);
    return fs_exists(AT_FDCWD, path)
               ? 0
               : err_set(e, SHALE_NOT_FOUND, "docker_config: there is no %s", path);
}

static int open_clients(struct upstream *up, const char *password, struct shale_err *e)
{
    const struct regconf_upstream *c = up->c;
    struct remote_opts o = REMOTE_OPTS_INIT;

    o.config_dir = c->docker_config;
    o.scheme = c->https ? REMOTE_HTTPS : REMOTE_HTTP;
    o.user = c->username;
    o.password = password;
    o.ca_file = c->ca_file;
    o.cert_file = c->cert_file;
    o.key_file = c->key_file;
    o.unverified = c->insecure;
    o.stall_timeout_ns = c->timeout_ns;
    o.connect_timeout_ns = c->timeout_ns;
    o.retry_delay_max_ns = 8 * NS_PER_S;
    o.retry_after_max_ns = 10 * NS_PER_S;
    int r = remote_client_open(&o, &up->lanes[true].client, e);
    if (r < 0)
        return r;
    o.n_retries = 1;
    o.retry_delay_ns = NS_PER_S / 4;
    o.retry_after_max_ns = 2 * NS_PER_S;
    if (o.connect_timeout_ns > CONNECT_NS)
        o.connect_timeout_ns = CONNECT_NS;
    return remote_client_open(&o, &up->lanes[false].client, e);
}

static int open_one(struct upstream *up, const struct regconf_upstream *c, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf password = BUF_INIT(PASSWORD_MAX_BYTES);

    up->c = c;
    pthread_mutex_init(&up->mutex, NULL);
    int r = c->password_file ? read_password(c->password_file, &password, e) : 0;
    if (r >= 0)
        r = check_files(c, e);
    if (r >= 0)
        r = open_clients(up, password.p, e);
    if (password.n)
        explicit_bzero(password.p, password.n);
    return r < 0 ? err_wrap(e, r, "[upstream \"%s\"]", c->prefix) : 0;
}

int upstreams_open(const struct regconf *c, struct upstreams **ret, struct shale_err *e)
{
    int r = 0;

    *ret = NULL;
    if (c->n_upstream == 0)
        return 0;
    struct upstreams *u = mem_alloc(sizeof *u + c->n_upstream * sizeof u->v[0]);
    if (!u)
        return err_nomem(e);
    while (r >= 0 && u->n < c->n_upstream) {
        r = open_one(&u->v[u->n], &c->upstream[u->n], e);
        u->n++;
    }
    if (r < 0) {
        upstreams_close(u);
        return r;
    }
    *ret = u;
    return 0;
}

struct upstreams *upstreams_close(struct upstreams *u)
{
    if (!u)
        return NULL;
    for (size_t i = 0; i < u->n; i++) {
        remote_client_close(u->v[i].lanes[false].client);
        remote_client_close(u->v[i].lanes[true].client);
        pthread_mutex_destroy(&u->v[i].mutex);
    }
    free(u);
    return NULL;
}

/* ---- names ---- */

struct upstream *upstreams_find(const struct upstreams *u, const char *repo)
{
    const struct upstream *best = NULL;
    size_t most = 0;

    for (size_t i = 0; u && repo && i < u->n; i++) {
        size_t n = strlen(u->v[i].c->prefix);
        if (strncmp(repo, u->v[i].c->prefix, n) == 0 && (!best || n > most)) {
            best = &u->v[i];
            most = n;
        }
    }
    return (struct upstream *)(uintptr_t)best;
}

const struct regconf_upstream *upstream_conf(const struct upstream *up)
{
    return up->c;
}

const char *upstream_name(const struct regconf_upstream *c, const char *repo, struct arena *a)
{
    const char *rest = c->strip ? repo + strlen(c->prefix) : repo;
    const char *library =
        c->library == REGCONF_LIBRARY_YES && !c->path && !strchr(rest, '/') ? "library/" : "";

    return arena_printf(a, "%s%s%s%s", c->path ? c->path : "", c->path ? "/" : "", library, rest);
}

/* The way back: which repository of ours is `name` there? NULL: none. */
static const char *local_name(const struct regconf_upstream *c, const char *name, struct arena *a,
                              bool *ret_nomem)
{
    size_t n = c->path ? strlen(c->path) : 0;

    if (n && (strncmp(name, c->path, n) != 0 || name[n] != '/'))
        return NULL;
    const char *rest = n ? name + n + 1 : name;
    const char *local = arena_printf(a, "%s%s", c->strip ? c->prefix : "", rest);
    const char *back = local && str_has_prefix(local, c->prefix) ? upstream_name(c, local, a) : "";
    *ret_nomem = !local || !back;
    return !*ret_nomem && streq(back, name) ? local : NULL;
}

int upstreams_mirror(const struct upstreams *u, const char *ns, const char *name, struct arena *a,
                     const char **ret, struct shale_err *e)
{
    *ret = NULL;
    ns = regconf_registry_name(ns);
    for (size_t i = 0; u && i < u->n; i++) {
        bool nomem = false;
        if (strcasecmp(u->v[i].c->ns, ns) != 0)
            continue;
        const char *local = local_name(u->v[i].c, name, a, &nomem);
        if (nomem)
            return err_nomem(e);
        if (!local || upstreams_find(u, local) != &u->v[i])
            continue;
        *ret = local;
        return 0;
    }
    return 0;
}

int upstream_source(struct upstream *up, const char *repo, bool patient, struct source **ret,
                    struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(64u << 10);
    struct ref ref = {.domain = up->c->domain, .path = upstream_name(up->c, repo, &a)};

    if (ref.path)
        ref.repo = ref.familiar = arena_printf(&a, "%s/%s", ref.domain, ref.path);
    if (!ref.familiar)
        return err_nomem(e);
    return remote_source_open(up->lanes[patient].client, &ref, ret, e);
}

/* ---- whether it can be asked ---- */

int upstream_try(struct upstream *up, bool patient, struct shale_err *e)
{
    struct lane *l = &up->lanes[patient];
    int64_t now = time_mono_ns();
    int r = 0;

    pthread_mutex_lock(&up->mutex);
    if (l->n_failures >= FAILURES && now < l->down_until) {
        if (e)
            *e = l->why;
        r = -l->why.code;
    } else if (l->n_failures >= FAILURES) {
        l->down_until = now + UPSTREAM_DOWN_NS; /* one tries, the others do not wait for it */
    }
    pthread_mutex_unlock(&up->mutex);
    return r;
}

int64_t upstream_pause(const struct upstream *up)
{
    int64_t a = remote_client_pause(up->lanes[false].client),
            b = remote_client_pause(up->lanes[true].client);

    return a > b ? a : b;
}

/* Whoever runs this registry sees it in the log, once. The mutex is held. */
static void warn(const struct upstream *up, struct lane *l, int r, const struct shale_err *e)
{
    const char *prefix = up->c->prefix, *url = up->c->url;
    int64_t now = time_mono_ns();
    bool down = l->n_failures >= FAILURES;

    if (down && !l->told)
        log_warn("upstream \"%s\": %s cannot be asked: %s; it is tried again", prefix, url, e->msg);
    else if (l->told && l->n_failures == 0)
        log_warn("upstream \"%s\": %s answers again", prefix, url);
    l->told = down || (l->told && l->n_failures > 0);
    if (r == -SHALE_UNAUTHORIZED && (l->refused == 0 || now - l->refused >= REFUSED_NS)) {
        log_warn("upstream \"%s\": %s does not take our credentials: %s", prefix, url, e->msg);
        l->refused = now;
    }
}

void upstream_tell(struct upstream *up, bool patient, int r, const struct shale_err *e)
{
    struct lane *l = &up->lanes[patient];
    int64_t pause = remote_client_pause(l->client);

    if (r == -SHALE_CANCELED || r == -SHALE_NO_MEMORY || r == -SHALE_NO_SPACE)
        return; /* says nothing of it */
    pthread_mutex_lock(&up->mutex);
    if (r == -SHALE_LIMIT && pause > 0) {
        l->n_failures = FAILURES;
        l->down_until = time_mono_ns() + (pause < PAUSE_MAX_NS ? pause : PAUSE_MAX_NS);
        l->why = *e;
    } else if (r == -SHALE_NETWORK || r == -SHALE_TIMEOUT) {
        l->n_failures++;
        l->down_until = time_mono_ns() + UPSTREAM_DOWN_NS;
        l->why = *e;
    } else {
        l->n_failures = 0;
    }
    warn(up, l, r, e);
    pthread_mutex_unlock(&up->mutex);
}
