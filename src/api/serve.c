/* SPDX-License-Identifier: Apache-2.0 */
/* include/shale/daemon.h: start and stop. */
#include <fcntl.h>
#include <shale/daemon.h>
#include <sys/resource.h>

#include "api/daemon.h"
#include "api/hosts.h"
#include "base/cleanup.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"

#define ARENA_BYTES (4u << 20)
#define GRACE_NS    (10 * NS_PER_S)

struct shale_daemon {
    struct api_daemon d;
    void (*on_warning)(void *arg, const char *message);
    void *arg;
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
    const struct shale_daemon *s = arg;

    if (s->on_warning && (level == LOG_WARN || s->d.debug))
        s->on_warning(s->arg, message);
}

static int keep_options(struct shale_daemon *s, const struct shale_daemon_opts *o,
                        struct shale_err *e)
{
    struct api_daemon *d = &s->d;

    d->grace_ns = o->grace_ns > 0 ? o->grace_ns : GRACE_NS;
    d->debug = o->debug;
    d->open.size = sizeof d->open;
    if (o->open)
        memcpy(&d->open, o->open, o->open->size < sizeof d->open ? o->open->size : sizeof d->open);
    s->on_warning = o->on_warning;
    s->arg = o->arg;
    log_set_sink(on_log, s);
    return 0;
}

static int serve(struct shale_daemon *s, const struct shale_daemon_opts *o, struct shale_err *e)
{
    struct api_daemon *d = &s->d;
    struct wire_opts wo = {.handle = api_handle, .refusal = api_refusal, .arg = d};
    int r = keep_options(s, o, e);

    if (r >= 0)
        r = shale_open(&d->open, &d->s, e);
    if (r >= 0)
        r = api_hosts_open(d, o->hosts, o->group, e);
    return r < 0 ? r : wire_start(&wo, d->listeners, d->n_hosts, &d->server, e);
}

int shale_daemon_serve(const struct shale_daemon_opts *opts, struct shale_daemon **ret,
                       struct shale_err *e)
{
    struct shale_daemon_opts o = {0};
    struct shale_daemon *s = mem_alloc(sizeof *s);

    if (!s)
        return err_nomem(e);
    if (opts)
        memcpy(&o, opts, opts->size < sizeof o ? opts->size : sizeof o);
    arena_init(&s->d.arena, ARENA_BYTES);
    raise_limit();
    int r = serve(s, &o, e);
    if (r < 0) {
        if (!s->d.server)
            api_hosts_close(&s->d, true);
        shale_daemon_stop(s);
        return r;
    }
    *ret = s;
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
    if (s->d.server) {
        wire_stop(s->d.server, s->d.grace_ns);
        api_hosts_close(&s->d, false);
    }
    shale_close(s->d.s);
    log_drop_sink(s);
    arena_clear(&s->d.arena);
    free(s);
}
