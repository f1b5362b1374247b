/* SPDX-License-Identifier: Apache-2.0 */
#include "api/settings.h"

#include "base/cleanup.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

#define ARENA_BYTES (8u << 20)
#define GRACE_NS    (10 * NS_PER_S)

static const char *first_of(const char *option, const char *file)
{
    return option && *option ? option : file;
}

/* Those of the options, then those of the file. */
static int join(struct arena *a, const char *const *options, const struct strv *file,
                const char *const **ret, struct shale_err *e)
{
    size_t n = 0, k = 0;

    while (options && options[n])
        n++;
    const char **v = arena_array(a, n + file->n + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++)
        v[k++] = options[i];
    for (size_t i = 0; i < file->n; i++)
        v[k++] = file->v[i];
    *ret = v;
    return 0;
}

static int check_tls(const struct api_settings *s, struct shale_err *e)
{
    if (!s->tls && (s->tls_cert || s->tls_key || s->tls_ca))
        return err_set(e, SHALE_INVALID,
                       "certificates are given, but nothing that says to use them: say --tls, or "
                       "--tlsverify to let in only clients of --tlscacert");
    if (s->tls && (!s->tls_cert || !s->tls_key))
        return err_set(e, SHALE_INVALID, "TLS needs --tlscert and --tlskey");
    if (s->verify && !s->tls_ca)
        return err_set(e, SHALE_INVALID, "--tlsverify needs --tlscacert: whose clients are let in");
    return 0;
}

static int fill(struct api_settings *s, const struct shale_daemon_opts *o, struct shale_err *e)
{
    struct api_conf *c = &s->conf;
    int r;

    if (o->open)
        memcpy(&s->open, o->open, o->open->size < sizeof s->open ? o->open->size : sizeof s->open);
    s->open.size = sizeof s->open;
    s->open.root = first_of(s->open.root, c->data_root);
    s->open.runtime = first_of(s->open.runtime, c->runtime);
    s->open.storage_driver = first_of(s->open.storage_driver, c->storage_driver);
    r = join(&s->arena, s->open.insecure_registries, &c->insecure, &s->open.insecure_registries, e);
    if (r >= 0)
        r = join(&s->arena, s->open.registry_mirrors, &c->mirrors, &s->open.registry_mirrors, e);
    if (r >= 0)
        r = join(&s->arena, o->hosts, o->hosts && o->hosts[0] ? &(struct strv){0} : &c->hosts,
                 &s->hosts, e);
    s->group = first_of(o->group, c->group);
    s->pidfile = first_of(o->pidfile, c->pidfile);
    s->debug = o->debug || c->debug;
    s->verify = o->tls_verify || c->tls_verify;
    s->tls = s->verify || o->tls || c->tls;
    s->tls_cert = first_of(o->tls_cert, c->tls_cert);
    s->tls_key = first_of(o->tls_key, c->tls_key);
    s->tls_ca = first_of(o->tls_ca, c->tls_ca);
    s->grace_ns = o->grace_ns > 0     ? o->grace_ns
                  : c->shutdown_s > 0 ? c->shutdown_s * NS_PER_S
                                      : GRACE_NS;
    return r < 0 ? r : check_tls(s, e);
}

int api_settings_new(const struct shale_daemon_opts *o, struct api_settings **ret,
                     struct shale_err *e)
{
    struct api_settings *s = mem_alloc(sizeof *s);
    int r = 0;

    if (!s)
        return err_nomem(e);
    arena_init(&s->arena, ARENA_BYTES);
    atomic_init(&s->refs, 1);
    if (!o->config || *o->config)
        r = api_conf_load(o->config ? o->config : API_CONF_FILE, o->config != NULL, &s->arena,
                          &s->conf, e);
    if (r >= 0)
        r = fill(s, o, e);
    if (r < 0) {
        api_settings_unref(s);
        return r;
    }
    if (s->conf.live_restore_set && !s->conf.live_restore)
        log_warn("\"live-restore\": false is not followed: containers always go on without the "
                 "daemon");
    *ret = s;
    return 0;
}

struct api_settings *api_settings_ref(struct api_settings *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void api_settings_unref(struct api_settings *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    arena_clear(&s->arena);
    free(s);
}
