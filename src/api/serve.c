/* SPDX-License-Identifier: Apache-2.0 */
/* include/shale/daemon.h: start, reload and stop. */
#include <errno.h>
#include <fcntl.h>
#include <shale/daemon.h>
#include <signal.h>
#include <sys/resource.h>

#include "api/daemon.h"
#include "api/hosts.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define ARENA_BYTES (4u << 20)
#define PATH_BYTES  4096

struct shale_daemon {
    struct api_daemon d;
    struct shale_daemon_opts o;
    struct shale_open_opts open;
    const char *pidfile; /* that is there */
};

/* Connections are descriptors: as many as the system lets us have. */
static void raise_limit(void)
{
    struct rlimit l;

    if (getrlimit(RLIMIT_NOFILE, &l) == 0 && l.rlim_cur < l.rlim_max) {
        l.rlim_cur = l.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &l);
    }
}

static void on_log(void *arg, enum log_level level, const char *message)
{
    struct shale_daemon *s = arg;

    pthread_mutex_lock(&s->d.mutex);
    bool debug = s->d.set && s->d.set->debug;
    pthread_mutex_unlock(&s->d.mutex);
    if (level == LOG_WARN || debug)
        s->o.on_warning(s->o.arg, message);
}

/* ---- what is kept of the options: they are needed again by a reload ---- */

static int keep_list(struct arena *a, const char *const **list, struct shale_err *e)
{
    const char *const *v = *list;
    size_t n = 0;

    while (v && v[n])
        n++;
    const char **copy = arena_array(a, n + 1, sizeof *copy);
    for (size_t i = 0; copy && i < n; i++)
        if (!(copy[i] = arena_strdup(a, v[i])))
            return err_nomem(e);
    *list = copy;
    return copy ? 0 : err_nomem(e);
}

static int keep_options(struct shale_daemon *s, const struct shale_daemon_opts *o,
                        struct shale_err *e)
{
    struct arena *a = &s->d.arena;
    const char **texts[] = {
        &s->o.group,      &s->o.config,        &s->o.tls_cert,    &s->o.tls_key,
        &s->o.tls_ca,     &s->o.pidfile,       &s->open.root,     &s->open.storage_driver,
        &s->open.runtime, &s->open.config_dir, &s->open.certs_dir};
    int r = 0;

    if (o)
        memcpy(&s->o, o, o->size < sizeof s->o ? o->size : sizeof s->o);
    if (s->o.open)
        memcpy(&s->open, s->o.open,
               s->o.open->size < sizeof s->open ? s->o.open->size : sizeof s->open);
    s->open.size = sizeof s->open;
    s->open.on_debug = NULL; /* there is one sink of a process: ours */
    s->o.open = &s->open;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const char *copy = arena_strdup(a, *texts[i]);
        if (*texts[i] && !copy)
            return err_nomem(e);
        *texts[i] = copy;
    }
    r = keep_list(a, &s->o.hosts, e);
    if (r >= 0)
        r = keep_list(a, &s->open.insecure_registries, e);
    return r < 0 ? r : keep_list(a, &s->open.registry_mirrors, e);
}

struct api_settings *api_daemon_settings(struct api_daemon *d)
{
    pthread_mutex_lock(&d->mutex);
    struct api_settings *set = api_settings_ref(d->set);
    pthread_mutex_unlock(&d->mutex);
    return set;
}

/* ---- the process ID ---- */

static bool is_alive(uint64_t pid)
{
    return pid > 0 && pid < INT32_MAX && (pid_t)pid != getpid() && kill((pid_t)pid, 0) == 0;
}

static int write_pidfile(struct shale_daemon *s, const char *path, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64);
    char text[32];
    uint64_t pid = 0;

    if (!path)
        return 0;
    if (fs_read_file(AT_FDCWD, path, &b, NULL) == 0) {
        struct str t = str_trim((struct str){buf_str(&b), b.n});
        snprintf(text, sizeof text, "%.*s", (int)t.n, t.p);
        if (str_to_u64(text, &pid) && is_alive(pid))
            return err_set(e, SHALE_EXISTS, "%s: process %llu is there already", path,
                           (unsigned long long)pid);
    }
    int n = snprintf(text, sizeof text, "%d\n", (int)getpid());
    int r = fs_write_atomic(AT_FDCWD, path, text, (uint64_t)n, 0644, false, e);
    if (r < 0)
        return err_wrap(e, r, "pidfile");
    s->pidfile = arena_strdup(&s->d.arena, path); /* a reload replaces the settings */
    if (s->pidfile)
        return 0;
    (void)sys_unlinkat(AT_FDCWD, path, 0);
    return err_nomem(e);
}

/* ---- start ---- */

/* Something that stays, and tells two stores apart. */
static void make_id(struct api_daemon *d, const char *root)
{
    char machine[64] = "", hex[HASH_MAX_HEX + 1] = "", text[PATH_BYTES];
    _cleanup_(buf_clear) struct buf b = BUF_INIT(256);

    if (fs_read_file(AT_FDCWD, "/etc/machine-id", &b, NULL) == 0)
        snprintf(machine, sizeof machine, "%.32s", buf_str(&b));
    snprintf(text, sizeof text, "%s %s", machine, root ? root : "");
    (void)hash_bytes(HASH_SHA256, text, strlen(text), hex, NULL);
    snprintf(d->id, sizeof d->id, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
             hex + 20);
}

/* What shares the daemon's handle: an exec, a stop that waits. */
static void let_go(void *arg)
{
    struct api_daemon *d = arg;

    shale_cancel(d->s);
}

static void on_quiet(void *arg)
{
    struct api_daemon *d = arg;

    kept_drop(d->kept);
}

static int serve(struct shale_daemon *s, struct shale_err *e)
{
    struct api_daemon *d = &s->d;
    int r = api_settings_new(&s->o, &d->set, e);

    if (r < 0)
        return r;
    struct api_settings *set = d->set;
    const struct http_cert cert = {set->tls_cert, set->tls_key, set->verify ? set->tls_ca : NULL,
                                   set->verify, NULL};
    struct wire_opts wo = {.handle = api_handle,
                           .refusal = api_refusal,
                           .let_go = let_go,
                           .on_quiet = on_quiet,
                           .arg = d,
                           .cert = set->tls ? &cert : NULL};
    d->kept = kept_new();
    r = d->kept ? shale_open(&set->open, &d->s, e) : err_nomem(e);
    if (r >= 0)
        r = api_hosts_open(d, set, s->o.open_to_all, e);
    make_id(d, set->open.root);
    if (r >= 0)
        r = write_pidfile(s, set->pidfile, e);
    return r < 0 ? r : wire_start(&wo, d->listeners, d->n_hosts, &d->server, e);
}

static void no_warning(void *arg, const char *message)
{
    (void)arg, (void)message;
}

int shale_daemon_serve(const struct shale_daemon_opts *opts, struct shale_daemon **ret,
                       struct shale_err *e)
{
    struct shale_daemon *s = mem_alloc(sizeof *s);

    if (!s)
        return err_nomem(e);
    arena_init(&s->d.arena, ARENA_BYTES);
    pthread_mutex_init(&s->d.mutex, NULL);
    raise_limit();
    int r = keep_options(s, opts, e);
    if (!s->o.on_warning)
        s->o.on_warning = no_warning;
    log_set_sink(on_log, s);
    if (r >= 0)
        r = serve(s, e);
    if (r < 0) {
        shale_daemon_stop(s);
        return r;
    }
    *ret = s;
    return 0;
}

int shale_daemon_reload(struct shale_daemon *s, struct shale_err *e)
{
    struct api_settings *set = NULL;
    int r = api_settings_new(&s->o, &set, e);

    /* Who may connect was looked at when it began to listen. */
    if (r >= 0 && (set->tls != s->d.set->tls || set->verify != s->d.set->verify))
        r = err_set(e, SHALE_INVALID,
                    "tls and tlsverify cannot change while it serves: start it anew");
    if (r >= 0 && set->tls) {
        const struct http_cert cert = {set->tls_cert, set->tls_key,
                                       set->verify ? set->tls_ca : NULL, set->verify, NULL};
        r = wire_reload_tls(s->d.server, &cert, e);
    }
    if (r < 0) {
        api_settings_unref(set);
        return r;
    }
    pthread_mutex_lock(&s->d.mutex);
    struct api_settings *old = s->d.set;
    s->d.set = set;
    pthread_mutex_unlock(&s->d.mutex);
    api_settings_unref(old);
    return 0;
}

const char *shale_daemon_address(const struct shale_daemon *s, size_t i)
{
    return i < s->d.n_hosts ? s->d.addresses[i] : NULL;
}

void shale_daemon_stop(struct shale_daemon *s)
{
    if (!s)
        return;
    api_hosts_close(&s->d, !s->d.server); /* while these paths are surely ours */
    if (s->d.server)
        wire_stop(s->d.server, s->d.set->grace_ns);
    if (s->pidfile)
        (void)sys_unlinkat(AT_FDCWD, s->pidfile, 0);
    kept_free(s->d.kept);
    shale_close(s->d.s);
    log_drop_sink(s);
    api_settings_unref(s->d.set);
    pthread_mutex_destroy(&s->d.mutex);
    arena_clear(&s->d.arena);
    free(s);
}

/* ---- the config file alone ---- */

int shale_daemon_config_check(const struct shale_daemon_opts *o, struct shale_err *e)
{
    struct shale_daemon_opts mine = {.size = sizeof mine};
    struct api_settings *set = NULL;

    if (o)
        memcpy(&mine, o, o->size < sizeof mine ? o->size : sizeof mine);
    int r = api_settings_new(&mine, &set, e);
    api_settings_unref(set);
    return r;
}

int shale_daemon_config_man(void (*put)(void *arg, const char *text), void *arg,
                            struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1u << 20);

    api_conf_man(&b);
    int r = buf_check(&b, e);
    if (r >= 0)
        put(arg, buf_str(&b));
    return r;
}
