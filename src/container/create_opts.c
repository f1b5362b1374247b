/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts, limits and security options of a new container. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/str.h"
#include "container/caps.h"
#include "container/create_priv.h"
#include "container/limits.h"
#include "container/seccomp.h"
#include "container/volume.h"
#include "container/volumes.h"

#define PATH_BYTES_MAX 4096

/* ---- mounts ---- */

char *create_clean_path(struct arena *a, const char *path)
{
    struct str rest = str_of(path), one;
    char *out = arena_alloc(a, rest.n + 2);
    size_t n = 0;

    if (!out)
        return NULL;
    while (rest.n > 0 && str_split(&rest, '/', &one)) {
        if (one.n == 0 || str_eq(one, STR(".")))
            continue;
        if (str_eq(one, STR(".."))) {
            while (n > 0 && out[--n] != '/')
                ;
            continue;
        }
        out[n++] = '/';
        memcpy(out + n, one.p, one.n);
        n += one.n;
    }
    if (n == 0)
        out[n++] = '/';
    out[n] = 0;
    return out;
}

static int take_target(struct create *c, struct conf_mount *m, const char *target,
                       struct shale_err *e)
{
    if ((!target || target[0] != '/') && streq(m->type, "tmpfs") && m->options[0] == 0)
        return err_set(e, SHALE_INVALID, "invalid mount path: '%.200s' mount path must be absolute",
                       target ? target : "");
    if (!target || target[0] != '/')
        return err_set(
            e, SHALE_INVALID,
            "invalid mount config for type \"%s\": invalid mount path: '%.200s' mount path "
            "must be absolute",
            m->type, target ? target : "");
    if (strlen(target) > PATH_BYTES_MAX)
        return err_set(e, SHALE_LIMIT, "mount path of more than %d bytes", PATH_BYTES_MAX);
    m->target = create_clean_path(c->a, target);
    if (!m->target)
        return err_nomem(e);
    if (streq(m->target, "/"))
        return err_set(e, SHALE_INVALID, "invalid specification: destination can't be '/'");
    for (size_t i = 0; i < c->conf.n_mounts; i++)
        if (streq(c->conf.mounts[i].target, m->target))
            return err_set(e, SHALE_INVALID, "Duplicate mount point: %.300s", m->target);
    return 0;
}

static int take_bind(struct create *c, const struct shale_mount *from, struct conf_mount *m,
                     struct shale_err *e)
{
    struct stat st;

    if (!from->source || from->source[0] != '/')
        return err_set(e, SHALE_INVALID,
                       "invalid mount config for type \"bind\": invalid mount path: '%.200s' mount "
                       "path must be absolute",
                       from->source ? from->source : "");
    m->source = create_clean_path(c->a, from->source);
    if (!m->source)
        return err_nomem(e);
    if (stat(m->source, &st) == 0)
        return 0;
    if (!from->create_source)
        return err_set(e, SHALE_INVALID,
                       "invalid mount config for type \"bind\": bind source path does not exist: "
                       "%.300s",
                       m->source);
    return fs_mkdir_p(AT_FDCWD, m->source, 0755, e);
}

static int take_volume(struct create *c, const struct shale_mount *from, struct conf_mount *m,
                       struct shale_err *e)
{
    const char *name = from->source;
    char made[65];
    int r;

    m->anonymous = !name || !name[0];
    if (m->anonymous) {
        r = random_hex(made, 32, e);
        if (r < 0)
            return r;
        name = arena_strdup(c->a, made);
        if (!name)
            return err_nomem(e);
    }
    m->name = name;
    m->no_copy = from->no_copy;
    return volume_make(c->h, name, from->volume_options, from->volume_labels, c->a, &m->source, e);
}

/* What docker lets through to tmpfs(5). */
static int check_tmpfs_options(const char *options, struct shale_err *e)
{
    static const char *const known[] = {"ro",         "rw",         "nosuid",      "suid",
                                        "nodev",      "dev",        "noexec",      "exec",
                                        "sync",       "async",      "dirsync",     "remount",
                                        "mand",       "nomand",     "atime",       "noatime",
                                        "diratime",   "nodiratime", "bind",        "rbind",
                                        "unbindable", "private",    "shared",      "rprivate",
                                        "rshared",    "rslave",     "slave",       "runbindable",
                                        "relatime",   "norelatime", "strictatime", "nostrictatime",
                                        "defaults",   "mode=",      "uid=",        "gid=",
                                        "nr_inodes=", "nr_blocks=", "mpol=",       "size="};
    struct str rest = str_of(options), one;

    while (rest.n > 0 && str_split(&rest, ',', &one)) {
        const char *eq = memchr(one.p, '=', one.n);
        struct str name = {one.p, eq ? (size_t)(eq - one.p) + 1 : one.n};
        size_t i = 0;
        while (i < ARRAY_SIZE(known) && !str_eq(name, str_of(known[i])))
            i++;
        if (i == ARRAY_SIZE(known))
            return err_set(e, SHALE_INVALID, "invalid tmpfs option [\"%.*s\"]",
                           (int)(one.n > 100 ? 100 : one.n), one.p);
    }
    return 0;
}

static int add_mount(struct create *c, const struct shale_mount *from, struct shale_err *e)
{
    static const char *const types[] = {"bind", "volume", "tmpfs", "image"};
    struct conf_mount m = {.type = types[from->type],
                           .name = "",
                           .source = "",
                           .options = from->options ? from->options : "",
                           .propagation = from->propagation ? from->propagation : "",
                           .tmpfs_size_bytes = from->tmpfs_size_bytes,
                           .read_only = from->read_only};
    int r = take_target(c, &m, from->target, e);

    if (r < 0)
        return r;
    if (from->type == SHALE_MOUNT_BIND)
        r = take_bind(c, from, &m, e);
    else if (from->type == SHALE_MOUNT_VOLUME)
        r = take_volume(c, from, &m, e);
    else if (from->type == SHALE_MOUNT_IMAGE)
        r = image_mount_take(c, from, &m, e);
    else
        r = check_tmpfs_options(m.options, e);
    if (r < 0)
        return r;
    c->conf.mounts[c->conf.n_mounts++] = m;
    return 0;
}

static bool has_mount(const struct create *c, const char *target)
{
    for (size_t i = 0; i < c->conf.n_mounts; i++)
        if (streq(c->conf.mounts[i].target, target))
            return true;
    return false;
}

int create_mounts(struct create *c, struct shale_err *e)
{
    const struct strv *volumes = &c->image->run.volumes;
    int r;

    size_t from = 0;

    r = create_count_from(c, &from, e);
    if (r < 0)
        return r;
    if (c->o->n_mounts + volumes->n + from > CREATE_MOUNTS_MAX)
        return err_set(e, SHALE_LIMIT, "more than %d mounts", CREATE_MOUNTS_MAX);
    c->conf.mounts =
        arena_array(c->a, c->o->n_mounts + volumes->n + from + 1, sizeof *c->conf.mounts);
    if (!c->conf.mounts)
        return err_nomem(e);
    for (size_t i = 0; i < c->o->n_mounts; i++) {
        r = add_mount(c, &c->o->mounts[i], e);
        if (r < 0)
            return r;
    }
    r = create_mounts_from(c, c->conf.n_mounts, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < volumes->n; i++) {
        struct shale_mount m = {.type = SHALE_MOUNT_VOLUME, .target = volumes->v[i]};
        char *clean = create_clean_path(c->a, volumes->v[i]);
        if (!clean)
            return err_nomem(e);
        if (has_mount(c, clean))
            continue;
        r = add_mount(c, &m, e);
        if (r < 0)
            return r;
    }
    return 0;
}

void create_drop_volumes(struct create *c)
{
    for (size_t i = 0; i < c->conf.n_mounts; i++)
        if (c->conf.mounts[i].anonymous && !c->conf.mounts[i].shared)
            (void)volume_remove(c->h->store, c->conf.mounts[i].name, NULL);
}

/* ---- limits ---- */

int create_limits(struct create *c, struct shale_err *e)
{
    const struct shale_create_opts *o = c->o;

    c->conf.memory_bytes = o->memory_bytes;
    c->conf.nano_cpus = o->nano_cpus;
    c->conf.pids_limit = o->pids_limit;
    c->conf.more = o->more_limits;
    int r = limits_check(&c->conf, e);
    if (r >= 0)
        c->n_warnings += limits_discard(&c->conf, c->warnings + c->n_warnings);
    return r;
}

/* ---- security ---- */

static int check_profile(const char *text, size_t n, struct shale_err *e)
{
    struct seccomp_env env = {.machine = ""};
    _cleanup_json_ json_t *parsed = NULL;

    return seccomp_from_profile(text, n, &env, &parsed, e);
}

/* A profile is read now: the container keeps the one that it was made with. */
static int load_profile(struct create *c, char **option, const char *path, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(SECCOMP_PROFILE_MAX);

    if (c->o->foreign) /* it was read where it was given */
        return check_profile(path, strlen(path), e);
    int r = fs_read_file(AT_FDCWD, path, &b, e);

    if (r == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_INVALID,
                       "opening seccomp profile (%.200s) failed: open %.200s: no such file or "
                       "directory",
                       path, path);
    if (r < 0)
        return err_wrap(e, r, "opening seccomp profile (%.200s) failed", path);
    r = check_profile(b.p, b.n, e);
    if (r < 0)
        return r;
    *option = arena_printf(c->a, "seccomp=%s", buf_str(&b));
    return *option ? 0 : err_nomem(e);
}

#define NO_NEW_PRIVILEGES "no-new-privileges"
static const char *const known_opts[] = {"seccomp", "label", "apparmor"};

static bool is_bool(const char *s)
{
    static const char *const words[] = {"1", "t", "T", "TRUE",  "true",  "True",
                                        "0", "f", "F", "FALSE", "false", "False"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (streq(words[i], s))
            return true;
    return false;
}

static int check_security_opt(struct create *c, char **option, struct shale_err *e)
{
    char *s = *option;
    size_t n = strcspn(s, "=:");
    bool known = false;

    for (size_t i = 0; i < ARRAY_SIZE(known_opts); i++)
        known |= strlen(known_opts[i]) == n && memcmp(known_opts[i], s, n) == 0;
    if (n == strlen(NO_NEW_PRIVILEGES) && memcmp(s, NO_NEW_PRIVILEGES, n) == 0) {
        known = s[n] == 0 || is_bool(s + n + 1);
        return known ? 0 : err_set(e, SHALE_INVALID, "invalid --security-opt 2: \"%.200s\"", s);
    }
    if (s[n] == 0 || s[n + 1] == 0)
        return err_set(e, SHALE_INVALID, "invalid --security-opt: \"%.200s\"", s);
    if (!known)
        return err_set(e, SHALE_INVALID, "invalid --security-opt 2: \"%.200s\"", s);
    if (memcmp(s, "seccomp", n) != 0)
        return 0;
    if (streq(s + n + 1, "unconfined") || streq(s + n + 1, "builtin"))
        return 0;
    return load_profile(c, option, s + n + 1, e);
}

int create_security(struct create *c, struct shale_err *e)
{
    struct conf *k = &c->conf;
    uint64_t caps;
    int r;

    k->privileged = c->o->privileged;
    r = create_list(c, c->o->cap_add, &k->cap_add, e);
    if (r >= 0)
        r = create_list(c, c->o->cap_drop, &k->cap_drop, e);
    if (r >= 0)
        r = create_list(c, c->o->security_opt, &k->security_opt, e);
    if (r >= 0 && k->cap_add.n + k->cap_drop.n)
        r = caps_tweak(caps_default(), caps_host(), &k->cap_add, &k->cap_drop, &caps, e);
    for (size_t i = 0; r >= 0 && i < k->security_opt.n; i++)
        r = check_security_opt(c, &k->security_opt.v[i], e);
    return r;
}
