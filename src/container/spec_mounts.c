/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "container/jout.h"
#include "container/spec_priv.h"

struct fixed {
    const char *target, *type, *source, *options, *privileged_options; /* NULL: the same */
};
static const struct fixed defaults[] = {
    {"/proc", "proc", "proc", "nosuid noexec nodev", NULL},
    {"/dev", "tmpfs", "tmpfs", "nosuid strictatime mode=755 size=65536k", NULL},
    {"/dev/pts", "devpts", "devpts", "nosuid noexec newinstance ptmxmode=0666 mode=0620 gid=5",
     NULL},
    {"/sys", "sysfs", "sysfs", "nosuid noexec nodev ro", "nosuid noexec nodev"},
    {"/sys/fs/cgroup", "cgroup", "cgroup", "ro nosuid noexec nodev", "nosuid noexec nodev"},
    {"/dev/mqueue", "mqueue", "mqueue", "nosuid noexec nodev", NULL},
    {"/dev/shm", "tmpfs", "shm", "nosuid noexec nodev mode=1777", NULL},
};
static const char *const net_files[] = {"resolv.conf", "hostname", "hosts"};

static bool is_taken(const struct conf *c, const char *target)
{
    for (size_t i = 0; i < c->n_mounts; i++)
        if (streq(c->mounts[i].target, target))
            return true;
    return false;
}

static json_t *mount_of(const char *target, const char *type, const char *source, json_t *options)
{
    return json_pack("{s:s, s:s, s:s, s:o}", "destination", target, "type", type, "source", source,
                     "options", options);
}

static bool wanted(const struct spec_in *in, const struct fixed *f)
{
    if (streq(f->type, "mqueue") && !in->mqueue)
        return false;
    if (streq(f->type, "cgroup") && in->no_cgroups)
        return false;
    if (streq(f->source, "shm") && in->no_shm)
        return false;
    return !is_taken(in->conf, f->target);
}

/* "/dev/shm" is as large as the container says. */
static json_t *options_of(const struct spec_in *in, const struct fixed *f)
{
    bool full = in->conf->privileged && f->privileged_options;
    json_t *list = jout_split(full ? f->privileged_options : f->options);
    int bad = !list;

    if (!bad && streq(f->source, "shm"))
        jout_add(&bad, list, json_sprintf("size=%lld", (long long)in->conf->shm_bytes));
    return list;
}

/* What is there already, in place of a new one of a kind that belongs to others. NULL: a new one.
 */
static const char *there(const struct spec_in *in, const struct fixed *f)
{
    bool of_host = (streq(f->type, "sysfs") && in->sys_of_host) ||
                   (streq(f->type, "proc") && in->proc_of_host) ||
                   (streq(f->type, "mqueue") && in->mqueue_of_host);

    return streq(f->source, "shm") ? in->shm : of_host ? f->target : NULL;
}

static void add_defaults(const struct spec_in *in, json_t *list, int *bad)
{
    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++) {
        const struct fixed *f = &defaults[i];
        const char *source = there(in, f);
        if (!wanted(in, f))
            continue;
        if (source)
            jout_add(bad, list,
                     mount_of(f->target, "bind", source,
                              jout_split(streq(f->type, "sysfs")
                                             ? "rbind rprivate nosuid noexec nodev ro"
                                             : "rbind rprivate nosuid noexec nodev")));
        else
            jout_add(bad, list, mount_of(f->target, f->type, f->source, options_of(in, f)));
    }
}

static void add_net_files(const struct spec_in *in, json_t *list, int *bad)
{
    for (size_t i = 0; i < ARRAY_SIZE(net_files); i++) {
        char target[32];
        _cleanup_json_ json_t *source = json_sprintf("%s/%s", in->dir, net_files[i]);
        (void)snprintf(target, sizeof target, "/etc/%s", net_files[i]);
        if (!source)
            *bad = 1;
        else if (!is_taken(in->conf, target))
            jout_add(
                bad, list,
                mount_of(target, "bind", json_string_value(source), jout_split("rbind rprivate")));
    }
}

static json_t *tmpfs_options(const struct conf_mount *m)
{
    json_t *list = jout_split("nosuid nodev noexec");
    struct str rest = str_of(m->options), one;
    int bad = !list;

    while (!bad && rest.n > 0 && str_split(&rest, ',', &one))
        if (one.n > 0)
            jout_add(&bad, list, json_stringn(one.p, one.n));
    if (!bad && m->tmpfs_size_bytes)
        jout_add(&bad, list, json_sprintf("size=%llu", (unsigned long long)m->tmpfs_size_bytes));
    if (!bad && m->read_only)
        jout_add(&bad, list, json_string("ro"));
    return list;
}

static json_t *user_mount(const struct conf_mount *m)
{
    json_t *options;
    int bad = 0;

    if (streq(m->type, "tmpfs"))
        return mount_of(m->target, "tmpfs", "tmpfs", tmpfs_options(m));
    options = jout_split("rbind");
    if (!options)
        return NULL;
    jout_add(&bad, options, json_string(m->propagation[0] ? m->propagation : "rprivate"));
    if (m->read_only)
        jout_add(&bad, options, json_string("ro"));
    if (streq(m->type, "image")) /* its device files are not for a container */
        jout_add(&bad, options, json_string("nodev"));
    return mount_of(m->target, "bind", m->source, options);
}

static size_t depth_of(const char *path)
{
    size_t n = 0;

    for (; *path; path++)
        n += path[0] == '/' && path[1] != 0;
    return n;
}

static int by_depth(const void *a, const void *b)
{
    const struct conf_mount *x = *(const struct conf_mount *const *)a;
    const struct conf_mount *y = *(const struct conf_mount *const *)b;
    size_t dx = depth_of(x->target), dy = depth_of(y->target);

    if (dx != dy)
        return dx < dy ? -1 : 1;
    return x < y ? -1 : x > y;
}

/* Outer ones first, so that none hides another: files of the network behind a mount at /etc. */
static void add_user_mounts(const struct spec_in *in, json_t *list, int *bad)
{
    size_t i = 0;

    _cleanup_free_ const struct conf_mount **v = mem_array(in->conf->n_mounts + 1, sizeof *v);

    if (!v) {
        *bad = 1;
        return;
    }
    for (size_t k = 0; k < in->conf->n_mounts; k++)
        v[k] = &in->conf->mounts[k];
    qsort(v, in->conf->n_mounts, sizeof(*v), by_depth);
    for (; i < in->conf->n_mounts && depth_of(v[i]->target) < depth_of("/etc/hosts"); i++)
        jout_add(bad, list, user_mount(v[i]));
    add_net_files(in, list, bad);
    for (; i < in->conf->n_mounts; i++)
        jout_add(bad, list, user_mount(v[i]));
}

json_t *spec_mounts(const struct spec_in *in)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = !list;

    add_defaults(in, list, &bad);
    if (in->init_path && !bad)
        jout_add(&bad, list,
                 mount_of(SPEC_INIT_TARGET, "bind", in->init_path, jout_split("bind ro")));
    add_user_mounts(in, list, &bad);
    return bad ? NULL : TAKE_PTR(list);
}
