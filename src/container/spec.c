/* SPDX-License-Identifier: Apache-2.0 */
#include "container/spec.h"

#include <ctype.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "container/caps.h"
#include "container/jout.h"
#include "container/limits.h"
#include "container/maskpaths.h"
#include "container/spec_priv.h"

/* ---- environment ---- */

const char *spec_env_get(const struct strv *env, const char *key)
{
    size_t n = strlen(key);
    const char *found = NULL;

    for (size_t i = 0; i < env->n; i++)
        if (strncmp(env->v[i], key, n) == 0 && env->v[i][n] == '=')
            found = env->v[i] + n + 1;
    return found;
}

int spec_env(const struct strv *env, const char *hostname, bool tty, const char *home,
             struct arena *a, struct strv *ret, struct shale_err *e)
{
    struct strv out = {.v = arena_array(a, env->n + 5, sizeof(char *)), .set = true};

    if (!out.v)
        return err_nomem(e);
    const char *path = spec_env_get(env, "PATH");

    out.v[out.n++] = arena_printf(a, "PATH=%s", path ? path : SPEC_PATH_DEFAULT);
    if (hostname && !spec_env_get(env, "HOSTNAME"))
        out.v[out.n++] = arena_printf(a, "HOSTNAME=%s", hostname);
    if (tty && !spec_env_get(env, "TERM"))
        out.v[out.n++] = arena_strdup(a, "TERM=xterm");
    for (size_t i = 0; i < env->n; i++)
        if (!str_has_prefix(env->v[i], "PATH="))
            out.v[out.n++] = env->v[i];
    if (!spec_env_get(env, "HOME"))
        out.v[out.n++] = arena_printf(a, "HOME=%s", home);
    for (size_t i = 0; i < out.n; i++)
        if (!out.v[i])
            return err_nomem(e);
    *ret = out;
    return 0;
}

/* ---- process ---- */

static json_t *cap_list(uint64_t caps)
{
    _cleanup_json_ json_t *list = json_array();

    for (unsigned i = 0; i < CAPS_N; i++)
        if ((caps & CAP_BIT(i)) && json_array_append_new(list, json_string(caps_name(i))) < 0)
            return NULL;
    return TAKE_PTR(list);
}

/* What execve(2) would leave a user who is not root is not given in the first place. */
static json_t *cap_sets(uint64_t caps, bool root)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = 0;

    jout_put(&bad, o, "bounding", cap_list(caps));
    if (root) {
        jout_put(&bad, o, "effective", cap_list(caps));
        jout_put(&bad, o, "permitted", cap_list(caps));
    }
    return bad ? NULL : TAKE_PTR(o);
}

static json_t *user_json(const struct user *u)
{
    _cleanup_json_ json_t *o = json_object();
    json_t *groups;
    int bad = 0;

    jout_int(&bad, o, "uid", u->uid);
    jout_int(&bad, o, "gid", u->gid);
    groups = json_array();
    jout_add(&bad, groups, json_integer(u->gid)); /* docker has the primary one among them */
    for (size_t i = 0; i < u->n_groups; i++)
        if (u->groups[i] != u->gid)
            jout_add(&bad, groups, json_integer(u->groups[i]));
    jout_put(&bad, o, "additionalGids", groups);
    return bad ? NULL : TAKE_PTR(o);
}

/* No jansson integer holds the runtime's number for "unlimited": in the tree it is text, and
 * spec_text takes the quotes away. */
#define UNLIMITED "18446744073709551615"

static json_t *limit_json(int64_t n)
{
    return n < 0 ? json_string(UNLIMITED) : json_integer(n);
}

static json_t *rlimits(const struct spec_process *p)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = !list;

    for (size_t i = 0; i < p->n_ulimits; i++) {
        const struct run_ulimit *u = &p->ulimits[i];
        char type[64];
        (void)snprintf(type, sizeof type, "RLIMIT_%s", u->name);
        for (char *s = type; *s; s++)
            *s = (char)toupper((unsigned char)*s);
        jout_add(&bad, list,
                 json_pack("{s:s, s:o, s:o}", "type", type, "hard", limit_json(u->hard), "soft",
                           limit_json(u->soft)));
    }
    return bad ? NULL : TAKE_PTR(list);
}

int spec_process(const struct spec_process *p, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    json_t *args = json_array();
    int bad = 0, r;

    jout_put(&bad, o, "args", args);
    for (size_t i = 0; p->args[i]; i++)
        jout_add(&bad, args, json_string(p->args[i]));
    jout_bool(&bad, o, "terminal", p->tty);
    jout_put(&bad, o, "user", user_json(p->user));
    jout_put(&bad, o, "env", jout_strv(&p->env));
    jout_str(&bad, o, "cwd", p->cwd[0] ? p->cwd : "/");
    jout_put(&bad, o, "capabilities", cap_sets(p->caps, p->user->uid == 0));
    if (p->no_new_privileges)
        jout_bool(&bad, o, "noNewPrivileges", true);
    if (p->n_ulimits)
        jout_put(&bad, o, "rlimits", rlimits(p));
    if (p->oom_score_adj)
        jout_int(&bad, o, "oomScoreAdj", p->oom_score_adj);
    r = jout_check(bad, "process of the container", e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(o);
    return 0;
}

/* Inside a JSON string a quote has a backslash before it, so that these are members indeed. */
static const char *const quoted[] = {"\"hard\":\"" UNLIMITED "\"", "\"soft\":\"" UNLIMITED "\""};
#define QUOTED_KEY 7 /* bytes up to the number's quote */

static void unquote(char *text, const char *what)
{
    size_t n = strlen(UNLIMITED);

    for (char *p = strstr(text, what); p; p = strstr(p, what)) {
        char *number = p + QUOTED_KEY;
        memmove(number, number + 1, n);
        memmove(number + n, number + n + 2, strlen(number + n + 2) + 1);
    }
}

int spec_text(const json_t *spec, struct arena *a, char **ret, struct shale_err *e)
{
    int r = jout_text(spec, JSON_COMPACT, a, ret, e);

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(quoted); i++)
        unquote(*ret, quoted[i]);
    return r;
}

static int process_part(const struct spec_in *in, json_t **ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(CONF_MAX_BYTES);
    const struct conf *c = in->conf;
    const char **args = arena_array(&a, c->args.n + 4, sizeof *args);
    struct spec_process p = {.cwd = c->workdir, .tty = c->tty, .user = in->user, .caps = in->caps};
    size_t n = 0;
    int r;

    if (!args)
        return err_nomem(e);
    if (in->init_path) {
        args[n++] = SPEC_INIT_TARGET;
        args[n++] = "--";
    }
    args[n++] = c->path;
    for (size_t i = 0; i < c->args.n; i++)
        args[n++] = c->args.v[i];
    p.args = args;
    p.no_new_privileges = conf_no_new_privileges(c);
    p.ulimits = c->ulimits;
    p.n_ulimits = c->n_ulimits;
    p.oom_score_adj = c->oom_score_adj;
    r = spec_env(&c->env, c->no_hostname_var ? NULL : c->hostname, c->tty, in->user->home, &a,
                 &p.env, e);
    if (r < 0)
        return r;
    return spec_process(&p, ret, e);
}

/* ---- linux ---- */

static json_t *rule(bool allow, const char *type, int64_t major, int64_t minor, const char *access)
{
    json_t *o = json_pack("{s:b, s:s}", "allow", allow, "access", access);
    int bad = !o;

    if (type)
        jout_str(&bad, o, "type", type);
    if (major >= 0)
        jout_int(&bad, o, "major", major);
    if (minor >= 0)
        jout_int(&bad, o, "minor", minor);
    return o;
}

static const struct {
    const char *type;
    int major, minor; /* -1: all */
    const char *access;
} device_rules[] = {
    {"c", -1, -1, "m"}, {"b", -1, -1, "m"}, {"c", 1, 3, "rwm"},    {"c", 1, 5, "rwm"},
    {"c", 1, 7, "rwm"}, {"c", 1, 8, "rwm"}, {"c", 1, 9, "rwm"},    {"c", 5, 0, "rwm"},
    {"c", 5, 1, "rwm"}, {"c", 5, 2, "rwm"}, {"c", 136, -1, "rwm"},
};

static void add_asked_rules(int *bad, json_t *list, const struct conf *c)
{
    for (size_t i = 0; i < c->device_rules.n; i++) {
        struct run_device_rule d;
        if (run_device_rule(c->device_rules.v[i], &d, NULL) < 0) /* create has seen to it */
            continue;
        char type[2] = {d.type, 0};
        jout_add(bad, list, rule(true, type, d.major, d.minor, d.access));
    }
}

static json_t *device_cgroup(const struct spec_in *in)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = 0;

    if (in->conf->privileged) {
        jout_add(&bad, list, rule(true, NULL, -1, -1, "rwm"));
    } else {
        jout_add(&bad, list, rule(false, NULL, -1, -1, "rwm"));
        for (size_t i = 0; i < ARRAY_SIZE(device_rules); i++)
            jout_add(&bad, list,
                     rule(true, device_rules[i].type, device_rules[i].major, device_rules[i].minor,
                          device_rules[i].access));
        for (size_t i = 0; i < in->n_devices; i++) {
            const struct spec_device *d = &in->devices[i];
            char type[2] = {d->type, 0};
            if (d->access)
                jout_add(&bad, list, rule(true, type, d->major, d->minor, d->access));
        }
        add_asked_rules(&bad, list, in->conf);
    }
    return bad ? NULL : TAKE_PTR(list);
}

json_t *spec_resources(const struct spec_in *in)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = 0;

    jout_put(&bad, o, "devices", device_cgroup(in));
    limits_put(&bad, o, in->conf, in->swap_limit, false);
    if (in->block_io)
        jout_put(&bad, o, "blockIO", json_deep_copy(in->block_io));
    return bad ? NULL : TAKE_PTR(o);
}

json_t *spec_devices(const struct spec_in *in)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = 0;

    for (size_t i = 0; i < in->n_devices; i++) {
        const struct spec_device *d = &in->devices[i];
        char type[2] = {d->type, 0};
        jout_add(&bad, list,
                 json_pack("{s:s, s:s, s:I, s:I, s:i, s:I, s:I}", "path", d->path, "type", type,
                           "major", (json_int_t)d->major, "minor", (json_int_t)d->minor, "fileMode",
                           (int)d->mode, "uid", (json_int_t)d->uid, "gid", (json_int_t)d->gid));
    }
    return bad ? NULL : TAKE_PTR(list);
}

static void add_namespace(int *bad, json_t *list, const char *type, const char *path)
{
    jout_add(bad, list,
             path ? json_pack("{s:s, s:s}", "type", type, "path", path)
                  : json_pack("{s:s}", "type", type));
}

static json_t *namespaces(const struct spec_in *in)
{
    static const char *const types[] = {[NS_UTS] = "uts", [NS_PID] = "pid", [NS_IPC] = "ipc"};
    _cleanup_json_ json_t *list = json_array();
    int bad = 0;

    add_namespace(&bad, list, "mount", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (!in->namespaces[i].host)
            add_namespace(&bad, list, types[i], in->namespaces[i].joins);
    if (in->netns || !streq(in->conf->network, "host"))
        add_namespace(&bad, list, "network", in->netns);
    if (in->own_cgroup && !in->no_cgroups)
        add_namespace(&bad, list, "cgroup", NULL);
    return bad ? NULL : TAKE_PTR(list);
}

static bool has_own_net(const struct conf *c)
{
    return !streq(c->network, "host") && !conf_network_of(c);
}

static bool has_domain(const struct spec_in *in)
{
    return !in->namespaces[NS_UTS].host && in->conf->domainname && *in->conf->domainname;
}

static json_t *sysctls(const struct spec_in *in)
{
    _cleanup_json_ json_t *o = json_object();
    bool own_net = has_own_net(in->conf);
    int bad = 0;

    if (own_net && in->sysctl_port)
        jout_str(&bad, o, "net.ipv4.ip_unprivileged_port_start", "0");
    if (own_net && in->sysctl_ping)
        jout_str(&bad, o, "net.ipv4.ping_group_range", "0 2147483647");
    if (has_domain(in)) /* there is no member for it, says docker */
        jout_str(&bad, o, "kernel.domainname", in->conf->domainname);
    for (size_t i = 0; i < in->conf->sysctls.n; i++)
        jout_str(&bad, o, in->conf->sysctls.m[i].k, in->conf->sysctls.m[i].v);
    return bad ? NULL : TAKE_PTR(o);
}

static void put_paths(int *bad, json_t *o, const char *key, const struct conf *c,
                      const struct strv *asked, const char *usual)
{
    if (asked->set ? asked->n > 0 : !c->privileged)
        jout_put(bad, o, key, asked->set ? jout_strv(asked) : jout_split(usual));
}

static json_t *linux_part(const struct spec_in *in)
{
    _cleanup_json_ json_t *o = json_object();
    int bad = 0;

    jout_put(&bad, o, "namespaces", namespaces(in));
    if (!in->no_cgroups) {
        jout_put(&bad, o, "cgroupsPath",
                 json_sprintf("%s/%s", conf_cgroup_parent(in->conf), in->id));
        jout_put(&bad, o, "resources", spec_resources(in));
    }
    if (in->n_devices)
        jout_put(&bad, o, "devices", spec_devices(in));
    if (in->seccomp)
        jout_put(&bad, o, "seccomp", json_deep_copy(in->seccomp));
    put_paths(&bad, o, "maskedPaths", in->conf, &in->conf->masked_paths, MASKED_PATHS);
    put_paths(&bad, o, "readonlyPaths", in->conf, &in->conf->readonly_paths, READONLY_PATHS);
    if (has_own_net(in->conf) || in->conf->sysctls.n || has_domain(in))
        jout_put(&bad, o, "sysctl", sysctls(in));
    return bad ? NULL : TAKE_PTR(o);
}

int spec_build(const struct spec_in *in, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    json_t *process;
    int bad = 0, r;

    r = process_part(in, &process, e);
    if (r < 0)
        return r;
    jout_str(&bad, o, "ociVersion", "1.0.2");
    jout_put(&bad, o, "process", process);
    jout_put(&bad, o, "root",
             json_pack("{s:s, s:b}", "path", "merged", "readonly", (int)in->conf->read_only));
    if (!in->namespaces[NS_UTS].host)
        jout_str(&bad, o, "hostname", in->conf->hostname);
    if (in->conf->annotations.n)
        jout_put(&bad, o, "annotations", jout_strmap(&in->conf->annotations));
    jout_put(&bad, o, "mounts", spec_mounts(in));
    jout_put(&bad, o, "linux", linux_part(in));
    r = jout_check(bad, "container specification", e);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(o);
    return 0;
}
