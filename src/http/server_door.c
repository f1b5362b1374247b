/* SPDX-License-Identifier: Apache-2.0 */
/* Desks for plain connections, and for those of each certificate. (libmicrohttpd's own pool deals
 * connections out by the number of their descriptor: with a file opened between two of them all
 * land in the same thread.) */
#include <fcntl.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "http/server_priv.h"

#define MAX_PEM_BYTES   (1u << 20)
#define MAX_LISTS_BYTES (16u << 20)

/* Targets are decoded by whoever understands them. */
static size_t keep_escapes(void *cls, struct MHD_Connection *c, char *s)
{
    (void)cls, (void)c;
    return strlen(s);
}

static struct MHD_Daemon *start(struct desk *desk, const char *cert, const char *key,
                                const char *client_ca)
{
    const struct door *door = desk->door;
    struct http_server *s = door->s;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
                     (door->tls ? MHD_USE_TLS : 0);
    int64_t longest = s->o.idle_ns > s->o.stall_ns ? s->o.idle_ns : s->o.stall_ns;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {door->asks ? MHD_OPTION_HTTPS_MEM_TRUST : MHD_OPTION_END, 0, (void *)(uintptr_t)client_ca},
        {MHD_OPTION_END, 0, NULL},
    };

    return s->mhd->start_daemon(
        flags, 0, NULL, NULL, req_access, s, MHD_OPTION_ARRAY,
        door->tls ? tls : &tls[ARRAY_SIZE(tls) - 1], MHD_OPTION_URI_LOG_CALLBACK, req_begin, s,
        MHD_OPTION_NOTIFY_COMPLETED, req_completed, s, MHD_OPTION_NOTIFY_CONNECTION, conn_notify,
        desk, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)(s->o.max_connections + 64), MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->o.head_bytes,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)((longest + NS_PER_S - 1) / NS_PER_S),
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_END);
}

static int read_pem(const char *path, const char *what, struct buf *b, struct shale_err *e)
{
    if (!path)
        return err_set(e, SHALE_INVALID, "TLS needs a %s", what);
    int r = fs_read_file(AT_FDCWD, path, b, e);
    if (r < 0)
        return err_wrap(e, r, "%s", what);
    if (!strstr(buf_str(b), "-----BEGIN "))
        return err_set(e, SHALE_INVALID, "%s %s is not in PEM form", what, path);
    return 0;
}

static void stop(struct door *door)
{
    for (size_t i = 0; i < door->n_desks; i++)
        desk_close(&door->desks[i]);
    revoked_free(door->revoked);
    free(door);
}

static int load_revoked(const struct http_cert *c, const char *ca, struct revoked **ret,
                        struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf lists = BUF_INIT(MAX_LISTS_BYTES);
    int r = read_pem(c->client_crl_file, "list of revoked certificates", &lists, e);

    return r < 0 ? r : revoked_load(c->client_crl_file, buf_str(&lists), ca, ret, e);
}

/* What a TLS door needs, as it lies in files. */
struct papers {
    struct buf cert, key, ca;
    struct revoked *revoked;
};

static void papers_clear(struct papers *p)
{
    if (p->key.p)
        explicit_bzero(p->key.p, p->key.cap);
    buf_clear(&p->cert);
    buf_clear(&p->key);
    buf_clear(&p->ca);
    revoked_free(p->revoked);
}

static int read_papers(const struct http_cert *c, struct papers *p, struct shale_err *e)
{
    int r = read_pem(c->cert_file, "certificate", &p->cert, e);

    if (r >= 0)
        r = read_pem(c->key_file, "key", &p->key, e);
    if (r < 0 || !c->client_ca_file)
        return r;
    r = read_pem(c->client_ca_file, "authority of clients", &p->ca, e);
    if (r >= 0 && !strstr(buf_str(&p->ca), "CERTIFICATE-----"))
        r = err_set(e, SHALE_INVALID, "authority of clients: no certificate in %s",
                    c->client_ca_file);
    return r < 0 || !c->client_crl_file ? r : load_revoked(c, buf_str(&p->ca), &p->revoked, e);
}

static int refused(const struct http_cert *c, struct shale_err *e)
{
    const char *ca = c ? c->client_ca_file : NULL;

    if (!c)
        return err_set(e, SHALE_SYSTEM, "the HTTP server cannot be started");
    return err_set(e, SHALE_INVALID,
                   "TLS cannot be set up: certificate %s and key %s do not go together, or are "
                   "damaged%s%s",
                   c->cert_file, c->key_file, ca ? ", or so is " : "", ca ? ca : "");
}

static int start_all(struct door *door, const struct http_cert *c, struct papers *p,
                     struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; i < door->n_desks; i++)
        desk_init(&door->desks[i], door);
    for (size_t i = 0; r >= 0 && i < door->n_desks; i++) {
        struct desk *desk = &door->desks[i];
        desk->d = start(desk, buf_str(&p->cert), buf_str(&p->key), buf_str(&p->ca));
        r = desk->d ? desk_start(desk, e) : refused(c, e);
    }
    return r;
}

/* One that serves nobody yet. */
static int door_new(struct http_server *s, size_t cert_i, const struct http_cert *c,
                    struct door **ret, struct shale_err *e)
{
    _cleanup_(papers_clear) struct papers p = {BUF_INIT(MAX_PEM_BYTES), BUF_INIT(MAX_PEM_BYTES),
                                               BUF_INIT(MAX_PEM_BYTES), NULL};
    int r = c ? read_papers(c, &p, e) : 0;

    if (r < 0)
        return r;
    struct door *door = mem_alloc(sizeof *door + s->o.n_threads * sizeof door->desks[0]);
    if (!door)
        return err_nomem(e);
    door->s = s;
    door->revoked = p.revoked;
    p.revoked = NULL;
    door->tls = c != NULL;
    door->asks = c && c->client_ca_file;
    door->needs = door->asks && c->client_needed;
    door->cert = cert_i;
    door->n_desks = s->o.n_threads;
    r = start_all(door, c, &p, e);
    if (r < 0) {
        stop(door);
        return r;
    }
    *ret = door;
    return 0;
}

/* From here on new connections come to it. */
static void door_use(struct http_server *s, struct door *door)
{
    pthread_mutex_lock(&s->mutex);
    for (struct door *old = s->doors; old; old = old->next)
        if (old->tls == door->tls && old->cert == door->cert && !old->retired)
            old->retired = true;
    door->serial = s->doors ? s->doors->serial + 1 : 1;
    door->next = s->doors;
    s->doors = door;
    pthread_mutex_unlock(&s->mutex);
}

int door_open(struct http_server *s, size_t cert_i, const struct http_cert *c, struct shale_err *e)
{
    struct door *door = NULL;
    int r = door_new(s, cert_i, c, &door, e);

    if (r >= 0)
        door_use(s, door);
    return r;
}

static struct door *door_for(struct http_server *s, const struct http_listener *l)
{
    struct door *d;

    pthread_mutex_lock(&s->mutex);
    for (d = s->doors; d->tls != l->tls || (l->tls && d->cert != l->cert) || d->retired;
         d = d->next)
        ;
    pthread_mutex_unlock(&s->mutex);
    return d;
}

bool door_revokes(struct http_server *s, const struct door *mine, uint64_t *serial, void *session)
{
    bool revokes = false;

    pthread_mutex_lock(&s->mutex);
    for (const struct door *d = s->doors; d; d = d->next) {
        if (d->tls != mine->tls || d->cert != mine->cert || d->retired)
            continue;
        if (d->serial != *serial)
            revokes = revoked_has(d->revoked, session);
        *serial = d->serial;
        break;
    }
    pthread_mutex_unlock(&s->mutex);
    return revokes;
}

struct desk *desk_for(struct http_server *s, const struct http_listener *l)
{
    struct door *door = door_for(s, l);
    struct desk *best = NULL;

    for (size_t i = 0; i < door->n_desks; i++) {
        struct desk *desk = &door->desks[(door->turn + i) % door->n_desks];
        if (!best || atomic_load(&desk->n_conns) < atomic_load(&best->n_conns))
            best = desk;
    }
    door->turn++;
    return best;
}

static bool is_empty(const struct door *door)
{
    for (size_t i = 0; i < door->n_desks; i++)
        if (atomic_load(&door->desks[i].n_conns) > 0)
            return false;
    return true;
}

void doors_sweep(struct http_server *s)
{
    struct door *gone = NULL;

    pthread_mutex_lock(&s->mutex);
    for (struct door **p = &s->doors; *p; p = &(*p)->next) {
        struct door *d = *p;
        if (!d->retired || !is_empty(d))
            continue;
        *p = d->next;
        gone = d;
        break;
    }
    pthread_mutex_unlock(&s->mutex);
    if (gone)
        stop(gone);
}

static void halt(struct door *door)
{
    for (size_t i = 0; i < door->n_desks; i++)
        desk_halt(&door->desks[i]);
}

static void run(struct door *door)
{
    for (size_t i = 0; i < door->n_desks; i++)
        desk_run(&door->desks[i]);
}

/* A request may have come at the last moment, and nothing may be suspended when daemons stop. */
void doors_close(struct http_server *s)
{
    struct timespec pause = {.tv_nsec = NS_PER_MS};

    for (struct door *d = s->doors; d; d = d->next)
        halt(d);
    conns_drop(s, false);
    while (atomic_load(&s->n_active) > 0) {
        if (s->o.let_go)
            s->o.let_go(s->o.arg);
        for (struct door *d = s->doors; d; d = d->next)
            run(d);
        nanosleep(&pause, NULL);
    }
    while (s->doors) {
        struct door *d = s->doors;
        s->doors = d->next;
        stop(d); /* its last callbacks look for nothing in the list */
    }
}

int http_server_reload_tls(struct http_server *s, const struct http_cert *c, size_t n,
                           struct shale_err *e)
{
    struct door *fresh = NULL;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct door *door = NULL;
        r = c[i].cert_file ? door_new(s, i, &c[i], &door, e) : 0;
        if (door) {
            door->next = fresh;
            fresh = door;
        }
    }
    for (struct door *door = fresh, *next; door; door = next) {
        next = door->next;
        if (r < 0)
            stop(door);
        else
            door_use(s, door);
    }
    return r;
}
