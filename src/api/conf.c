/* SPDX-License-Identifier: Apache-2.0 */
#include "api/conf.h"

#include <fcntl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "model/log_value.h"
#include "model/mirror.h"

enum kind {
    CONF_TEXT,
    CONF_BOOL,
    CONF_COUNT,   /* 1 … max */
    CONF_LIST,    /* of texts */
    CONF_MIRRORS, /* of URLs */
    CONF_ULIMITS, /* {"nofile": {"Name": "nofile", "Soft": 1, "Hard": 2}} */
    CONF_PAIRS,   /* {"max-size": "10m"} */
};

struct key {
    const char *name;
    enum kind kind;
    size_t offset;
    int64_t most; /* of a count */
    const char *help;
};

#define F(member) offsetof(struct api_conf, member)
static const struct key keys[] = {
    {"data-root", CONF_TEXT, F(data_root), 0, "folder of the store, as --root"},
    {"debug", CONF_BOOL, F(debug), 0, "tell what is being done. HUP"},
    {"default-runtime", CONF_TEXT, F(runtime), 0, "OCI runtime: a name or a path. HUP"},
    {"default-ulimits", CONF_ULIMITS, F(ulimits), 0,
     "ulimits of containers that say nothing of them, as docker's: {\"nofile\": {\"Name\": "
     "\"nofile\", \"Soft\": 1024, \"Hard\": 2048}}. HUP"},
    {"group", CONF_TEXT, F(group), 0, "group that may use the socket, by name or number"},
    {"hosts", CONF_LIST, F(hosts), 0,
     "where to listen: unix:///PATH, tcp://HOST:PORT, fd:// (sockets of the service manager)"},
    {"insecure-registries", CONF_LIST, F(insecure), 0,
     "hosts and CIDRs that may be without (good) TLS. HUP"},
    {"live-restore", CONF_BOOL, F(live_restore), 0,
     "containers always go on without the daemon: false is not followed, with a warning"},
    {"log-driver", CONF_TEXT, F(log_driver), 0,
     "how output of containers is kept that say nothing of it: json-file, local or none. HUP"},
    {"log-opts", CONF_PAIRS, F(log_opts), 0,
     "options of that, as docker's: {\"max-size\": \"10m\", \"max-file\": \"3\"}. HUP"},
    {"max-concurrent-downloads", CONF_COUNT, F(n_downloads), 64, "layers of a pull at once. HUP"},
    {"max-concurrent-uploads", CONF_COUNT, F(n_uploads), 64, "layers of a push at once. HUP"},
    {"pidfile", CONF_TEXT, F(pidfile), 0, "file that holds our process ID while we serve"},
    {"registry-mirrors", CONF_MIRRORS, F(mirrors), 0,
     "registries that are asked for images of Docker Hub before it, by URL, in their order. HUP"},
    {"shutdown-timeout", CONF_COUNT, F(shutdown_s), 86400,
     "seconds that running requests have at the end"},
    {"storage-driver", CONF_TEXT, F(storage_driver), 0, "auto, erofs or dir"},
    {"tls", CONF_BOOL, F(tls), 0, "tcp:// speaks TLS"},
    {"tlscacert", CONF_TEXT, F(tls_ca), 0, "authority of clients (PEM). HUP"},
    {"tlscert", CONF_TEXT, F(tls_cert), 0, "our certificate (PEM). HUP"},
    {"tlskey", CONF_TEXT, F(tls_key), 0, "its key (PEM). HUP"},
    {"tlsverify", CONF_BOOL, F(tls_verify), 0,
     "clients need a certificate of tlscacert; implies tls"},
};
#undef F

/* What docker has besides. */
static const char *const docker_has[] = {
    "allow-nondistributable-artifacts",
    "api-cors-header",
    "authorization-plugins",
    "bip",
    "bridge",
    "builder",
    "cgroup-parent",
    "cluster-advertise",
    "cluster-store",
    "containerd",
    "containerd-namespace",
    "cpu-rt-period",
    "cpu-rt-runtime",
    "default-address-pools",
    "default-cgroupns-mode",
    "default-gateway",
    "default-gateway-v6",
    "default-init",
    "default-ipc-mode",
    "default-network-opts",
    "default-shm-size",
    "dns",
    "dns-opts",
    "dns-search",
    "exec-opts",
    "exec-root",
    "experimental",
    "features",
    "fixed-cidr",
    "fixed-cidr-v6",
    "host-gateway-ip",
    "icc",
    "init",
    "init-path",
    "ip",
    "ip-forward",
    "ip-masq",
    "ip6tables",
    "iptables",
    "ipv6",
    "labels",
    "log-format",
    "log-level",
    "max-download-attempts",
    "metrics-addr",
    "mtu",
    "no-new-privileges",
    "no-proxy",
    "node-generic-resources",
    "oom-score-adjust",
    "proxies",
    "raw-logs",
    "runtimes",
    "seccomp-profile",
    "selinux-enabled",
    "storage-opts",
    "swarm-default-advertise-addr",
    "userland-proxy",
    "userland-proxy-path",
    "userns-remap",
};

static int wrong(const struct key *k, const char *want, struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "\"%s\" must be %s", k->name, want);
}

static int take_text(const struct key *k, const json_t *v, void *out, struct arena *a,
                     struct shale_err *e)
{
    if (!json_is_string(v) || !json_string_length(v) ||
        strlen(json_string_value(v)) != json_string_length(v))
        return wrong(k, "a text", e);
    *(const char **)out = arena_strdup(a, json_string_value(v));
    return *(const char **)out ? 0 : err_nomem(e);
}

static int take_bool(const struct key *k, const json_t *v, bool *out, struct shale_err *e)
{
    if (!json_is_boolean(v))
        return wrong(k, "true or false", e);
    *out = json_is_true(v);
    return 0;
}

static int take_count(const struct key *k, const json_t *v, int64_t *out, struct shale_err *e)
{
    if (!json_is_integer(v) || json_integer_value(v) < 1 || json_integer_value(v) > k->most)
        return err_set(e, SHALE_INVALID, "\"%s\" must be a number from 1 to %lld", k->name,
                       (long long)k->most);
    *out = json_integer_value(v);
    return 0;
}

static int add(struct strv *v, size_t *cap, char *text, struct arena *a, struct shale_err *e)
{
    if (!v->v) /* there is always room for the end */
        v->v = arena_array(a, 1, sizeof *v->v);
    if (v->v)
        v->v = arena_grow(a, v->v, v->n + 1, cap, sizeof *v->v);
    if (!text || !v->v)
        return err_nomem(e);
    v->v[v->n++] = text;
    v->v[v->n] = NULL;
    v->set = true;
    return 0;
}

static int take_list(const struct key *k, const json_t *v, struct strv *out, struct arena *a,
                     struct shale_err *e)
{
    size_t i, cap = 0;
    json_t *item;
    int r = json_is_array(v) ? 0 : wrong(k, "a list of texts", e);

    json_array_foreach(v, i, item)
    {
        char *text = NULL;
        if (r >= 0)
            r = take_text(k, item, &text, a, e);
        if (r >= 0)
            r = add(out, &cap, text, a, e);
    }
    return r;
}

static int take_pairs(const struct key *k, const json_t *v, struct strmap *out, struct arena *a,
                      struct shale_err *e)
{
    const char *name;
    json_t *value;

    if (!json_is_object(v))
        return wrong(k, "an object of texts", e);
    out->m = arena_array(a, json_object_size(v) + 1, sizeof *out->m);
    if (!out->m)
        return err_nomem(e);
    json_object_foreach((json_t *)(uintptr_t)v, name, value)
    {
        char *key = arena_strdup(a, name), *text = NULL;
        if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value))
            return wrong(k, "an object of texts", e);
        text = arena_strdup(a, json_string_value(value));
        if (!key || !text)
            return err_nomem(e);
        strmap_put(out, key, text);
    }
    return 0;
}

static int take_mirrors(const struct key *k, const json_t *v, struct strv *out, struct arena *a,
                        struct shale_err *e)
{
    int r = take_list(k, v, out, a, e);

    for (size_t i = 0; r >= 0 && i < out->n; i++)
        r = mirror_check(out->v[i], e);
    return r;
}

static int take_ulimits(const struct key *k, const json_t *v, struct strv *out, struct arena *a,
                        struct shale_err *e)
{
    const char *name;
    size_t cap = 0;
    json_t *item;
    int r = json_is_object(v) ? 0 : wrong(k, "an object", e);

    json_object_foreach((json_t *)(uintptr_t)v, name, item)
    {
        const json_t *soft = json_object_get(item, "Soft"), *hard = json_object_get(item, "Hard");
        if (r >= 0 && (!json_is_integer(soft) || !json_is_integer(hard) || strchr(name, '=')))
            r = wrong(k, "an object of {\"Soft\": NUMBER, \"Hard\": NUMBER}", e);
        if (r >= 0)
            r = add(out, &cap,
                    arena_printf(a, "%s=%lld:%lld", name, (long long)json_integer_value(soft),
                                 (long long)json_integer_value(hard)),
                    a, e);
    }
    return r;
}

static int take(const struct key *k, const json_t *v, struct arena *a, struct api_conf *c,
                struct shale_err *e)
{
    void *out = (char *)c + k->offset;

    switch (k->kind) {
    case CONF_TEXT:
        return take_text(k, v, out, a, e);
    case CONF_BOOL:
        return take_bool(k, v, out, e);
    case CONF_COUNT:
        return take_count(k, v, out, e);
    case CONF_LIST:
        return take_list(k, v, out, a, e);
    case CONF_MIRRORS:
        return take_mirrors(k, v, out, a, e);
    case CONF_ULIMITS:
        return take_ulimits(k, v, out, a, e);
    case CONF_PAIRS:
        return take_pairs(k, v, out, a, e);
    }
    return 0;
}

static int unknown(const char *name, struct shale_err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(docker_has); i++)
        if (streq(docker_has[i], name))
            return err_set(e, SHALE_UNSUPPORTED, "\"%s\" is not supported yet: take it out", name);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (str_distance(keys[i].name, name, 2) <= 2)
            return err_set(e, SHALE_INVALID, "\"%.60s\" is no setting: did you mean \"%s\"?", name,
                           keys[i].name);
    return err_set(e, SHALE_INVALID, "\"%.60s\" is no setting", name);
}

int api_conf_parse(const char *text, size_t n, struct arena *a, struct api_conf *ret,
                   struct shale_err *e)
{
    _cleanup_json_ json_t *j = NULL;
    struct api_conf c = {0};
    const char *name;
    json_t *v;
    int r = json_parse(text, n, API_CONF_BYTES, &j, e);

    if (r >= 0 && !json_is_object(j))
        r = err_set(e, SHALE_INVALID, "no JSON object");
    json_object_foreach(j, name, v)
    {
        const struct key *k = NULL;
        for (size_t i = 0; i < ARRAY_SIZE(keys) && !k; i++)
            k = streq(keys[i].name, name) ? &keys[i] : NULL;
        if (r >= 0)
            r = k ? take(k, v, a, &c, e) : unknown(name, e);
    }
    if (r < 0)
        return r;
    struct log_value log; /* looked at now, not when the first container is made */
    r = log_value(c.log_driver, &c.log_opts, &log, e);
    if (r < 0)
        return r;
    c.live_restore_set = json_object_get(j, "live-restore") != NULL;
    *ret = c;
    return 0;
}

int api_conf_load(const char *path, bool must, struct arena *a, struct api_conf *ret,
                  struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(API_CONF_BYTES);

    *ret = (struct api_conf){0};
    if (!must && !fs_exists(AT_FDCWD, path))
        return 0;
    int r = fs_read_file(AT_FDCWD, path, &b, e);
    if (r < 0)
        return r;
    r = api_conf_parse(buf_str(&b), b.n, a, ret, e);
    return r < 0 ? err_wrap(e, r, "%s", path) : 0;
}

/* ---- the manual ---- */

static void add_escaped(struct buf *b, const char *s)
{
    for (; *s; s++) {
        if (*s == '-' || *s == '\\')
            buf_addc(b, '\\');
        buf_addc(b, *s);
    }
}

void api_conf_man(struct buf *b)
{
    buf_adds(b, ".TH shale\\-daemon.json 5 \"\" shale shale\n"
                ".SH NAME\nshale\\-daemon.json \\- what \"shale daemon\" goes by\n"
                ".SH SYNOPSIS\n" API_CONF_FILE "\n"
                ".SH DESCRIPTION\n"
                "One JSON object. Its keys are those of docker's daemon.json; one that is not in "
                "this list is refused, so that no setting is silently without effect. Options of "
                "shale\\-daemon(1) count more than the file; lists of insecure registries are "
                "added up. \"shale daemon \\-\\-validate\" says what is wrong with it. Keys "
                "marked HUP are read again on that signal, without disturbing requests.\n"
                ".SH KEYS\n");
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        buf_adds(b, ".TP\n.B ");
        add_escaped(b, keys[i].name);
        buf_addc(b, '\n');
        add_escaped(b, keys[i].help);
        buf_adds(b, ".\n");
    }
    buf_adds(b, ".SH EXAMPLE\n.nf\n{\n  \"hosts\": [\"unix:///run/shale/docker.sock\"],\n"
                "  \"group\": \"docker\",\n  \"insecure\\-registries\": [\"registry.lan:5000\"],\n"
                "  \"default\\-ulimits\": {\"nofile\": {\"Name\": \"nofile\", \"Soft\": 1024, "
                "\"Hard\": 4096}}\n}\n.fi\n.SH SEE ALSO\nshale\\-daemon(1), shale(1)\n");
}
