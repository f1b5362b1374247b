/* SPDX-License-Identifier: Apache-2.0 */
#include "container/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/caps.h"
#include "container/devices.h"
#include "container/endpoint.h"
#include "container/exec.h"
#include "container/image_mount.h"
#include "container/initfiles.h"
#include "container/jout.h"
#include "container/limits.h"
#include "container/links.h"
#include "container/netfiles.h"
#include "container/seccomp.h"
#include "container/spaces.h"
#include "container/spec.h"
#include "container/user.h"
#include "container/volume_mount.h"
#include "container/volumes.h"

#define CAP_MKNOD_BIT CAP_BIT(CAPS_MKNOD)

/* ---- folder and root ---- */

static const char *const folders[] = {"upper", "work", "merged"};
/* Left by an earlier start. */
static const char *const leftovers[] = {"run", "pidfile", "conmon.pid", "oom",
                                        "ctl", "winsz",   "attach",     "runtime.log"};

static int make_workdir(int root_fd, const char *path, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = inroot_mkdir_p(root_fd, path, &why);

    if (r < 0 && why.sys == ENOTDIR)
        return err_set(e, SHALE_INVALID, "Cannot mkdir: %.300s is not a directory", path);
    return r < 0 ? err_set(e, why.code, "%s", why.msg) : 0;
}

static int make_folder(const struct ctr *c, struct shale_err *e)
{
    int r = fs_mkdir_p(AT_FDCWD, c->dir, 0710, e);

    if (r < 0)
        return r;
    _cleanup_close_ int dir = fs_open_dir(AT_FDCWD, c->dir, e);
    if (dir < 0)
        return dir;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++)
        if (sys_mkdirat(dir, folders[i], i == 0 ? 0755 : 0711) < 0 && errno != EEXIST)
            return err_sys(e, "create %s/%s", c->dir, folders[i]);
    if (c->row.run.started_ns == SHALE_TIME_NONE)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(leftovers); i++)
        (void)sys_unlinkat(dir, leftovers[i], 0);
    (void)sys_unlinkat(dir, c->row.id, 0);
    exec_forget(c);
    return 0;
}

int prepare_forbid_devices(const struct conf *c, const struct runtime *rt, const char *merged,
                           struct shale_err *e)
{
    if (rt->level == RUNTIME_NO_CGROUPS && !c->privileged &&
        mount(NULL, merged, NULL, MS_REMOUNT | MS_BIND | MS_NODEV, NULL) < 0)
        return err_sys(e, "forbid device files in %s", merged);
    return 0;
}

static int mount_root(struct container_host *h, struct arena *a, const struct ctr *c,
                      const struct runtime *rt, int *ret_fd, struct shale_err *e)
{
    const char *merged = ctr_path(c, a, "merged"), *upper = ctr_path(c, a, "upper");
    const char *work = ctr_path(c, a, "work");
    int r;

    if (!merged || !upper || !work)
        return err_nomem(e);
    if (c->row.run.started_ns != SHALE_TIME_NONE || c->row.run.error[0])
        (void)store_rootfs_umount(h->store, merged, NULL); /* of a start that broke off */
    if (c->row.run.started_ns != SHALE_TIME_NONE) /* what an overlay that is never synced leaves */
        (void)fs_remove_tree(AT_FDCWD, ctr_path(c, a, "work/work/incompat"), NULL);
    struct rootfs_writable w = {upper, work, c->row.auto_remove};
    r = store_rootfs_mount(h->store, &c->row.image_id, merged, &w, h->cancel, e);
    if (r < 0)
        return r;
    r = prepare_forbid_devices(&c->conf, rt, merged, e);
    if (r < 0)
        return r;
    r = fs_open_dir(AT_FDCWD, merged, e);
    if (r < 0)
        return r;
    *ret_fd = r;
    return 0;
}

static int fill_volumes(struct container_host *h, struct arena *a, const struct ctr *c, int root_fd,
                        struct shale_err *e)
{
    for (size_t i = 0; i < c->conf.n_mounts; i++) {
        const struct conf_mount *m = &c->conf.mounts[i];
        const char *path;
        int r;
        if (!streq(m->type, "volume"))
            continue;
        r = volume_ensure(h->store, m->name, a, &path, e);
        if (r >= 0)
            r = volume_mount_fills(h->store, m->name, a, e);
        if (r > 0 && !m->no_copy)
            r = volume_fill(path, root_fd, m->target, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the specification ---- */

int prepare_caps(const struct conf *c, const struct runtime *rt, uint64_t *ret, struct shale_err *e)
{
    uint64_t host = caps_host();
    int r;

    if (c->privileged) {
        *ret = host;
        return 0;
    }
    r = caps_tweak(caps_default(), host, &c->cap_add, &c->cap_drop, ret, e);
    if (r >= 0 && rt->level == RUNTIME_NO_CGROUPS)
        *ret &= ~CAP_MKNOD_BIT;
    return r;
}

static int choose_seccomp(const struct conf *c, uint64_t caps, json_t **ret, struct shale_err *e)
{
    const char *opt = conf_security_opt(c, "seccomp");
    struct seccomp_env env;
    struct utsname uts;

    *ret = NULL;
    if (streq(opt, "unconfined") || (c->privileged && !opt))
        return 0;
    seccomp_env_host(&env, &uts);
    env.caps = caps;
    if (opt && !streq(opt, "builtin"))
        return seccomp_from_profile(opt, strlen(opt), &env, ret, e);
    if (access("/proc/sys/kernel/seccomp/actions_avail", F_OK) < 0)
        return 0; /* a kernel without filters */
    return seccomp_default(&env, ret, e);
}

static const char *const init_programs[] = {"docker-init", "tini-static", "catatonit"};

static int find_init(const struct conf *c, struct arena *a, const char **ret, struct shale_err *e)
{
    char path[4096];

    *ret = NULL;
    if (!c->init || !spaces_own_pids(c)) /* it is the first process of all there */
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(init_programs); i++)
        if (proc_which(init_programs[i], path, sizeof path, NULL) >= 0) {
            *ret = arena_strdup(a, path);
            return *ret ? 0 : err_nomem(e);
        }
    return err_set(
        e, SHALE_UNSUPPORTED,
        "--init needs docker-init, tini-static or catatonit, and none of them is installed");
}

/* ---- all together ---- */

static int write_spec(const struct ctr *c, struct arena *a, const struct spec_in *in,
                      struct shale_err *e)
{
    _cleanup_json_ json_t *spec = NULL;
    const char *path = ctr_path(c, a, "config.json");
    char *text;
    int r;

    if (!path)
        return err_nomem(e);
    r = spec_build(in, &spec, e);
    if (r >= 0)
        r = spec_text(spec, a, &text, e);
    if (r < 0)
        return r;
    return fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, false, e);
}

static bool own_cgroup(const struct conf *c, enum cgroup_mode mode)
{
    const char *asked = c->namespaces[NS_CGROUP];

    return streq(asked && *asked ? asked : cgroup_usual_namespace(mode), "private");
}

static void take_spaces(const struct spaces *s, struct spec_in *in)
{
    for (size_t i = 0; i < NS_KINDS; i++) {
        in->namespaces[i].joins = s->v[i].joins;
        in->namespaces[i].host = s->v[i].host;
    }
    in->shm = s->shm;
    in->no_shm = s->no_shm;
    in->proc_of_host = s->v[NS_PID].host && !proc_is_root();
    if (s->v[NS_IPC].host) { /* only its own user may mount a new one */
        in->mqueue_of_host = access("/dev/mqueue", F_OK) == 0;
        in->mqueue = in->mqueue && (in->mqueue_of_host || proc_is_root());
    }
}

int prepare_spec(const struct ctr *c, struct arena *a, const struct runtime *rt,
                 const struct user *user, struct shale_err *e)
{
    _cleanup_json_ json_t *seccomp = NULL, *block_io = NULL;
    struct devices devices = {.v = NULL};
    enum cgroup_mode mode = cgroup_mode();
    struct spec_in in = {.conf = &c->conf,
                         .user = user,
                         .id = c->row.id,
                         .dir = c->dir,
                         .netns = c->net->netns,
                         .no_cgroups = rt->level == RUNTIME_NO_CGROUPS || mode == CGROUP_NONE,
                         .own_cgroup = own_cgroup(&c->conf, mode)};
    int r = prepare_caps(&c->conf, rt, &in.caps, e);

    if (r >= 0)
        r = choose_seccomp(&c->conf, in.caps, &seccomp, e);
    if (r >= 0)
        r = find_init(&c->conf, a, &in.init_path, e);
    if (r >= 0 && c->conf.privileged)
        r = devices_of_host(a, &devices, e);
    if (r >= 0)
        r = devices_of_conf(&c->conf, a, &devices, e);
    if (r >= 0)
        r = limits_block_io(&c->conf, &block_io, e);
    if (r < 0)
        return r;
    in.block_io = block_io;
    in.seccomp = seccomp;
    in.devices = devices.v;
    in.n_devices = devices.n;
    in.sys_of_host = streq(c->conf.network, "host") && !proc_is_root();
    in.mqueue = access("/proc/sys/fs/mqueue", F_OK) == 0;
    if (c->spaces)
        take_spaces(c->spaces, &in);
    in.sysctl_ping = proc_is_root() && /* else not all groups are mapped */
                     access("/proc/sys/net/ipv4/ping_group_range", F_OK) == 0;
    in.sysctl_port = access("/proc/sys/net/ipv4/ip_unprivileged_port_start", F_OK) == 0;
    in.swap_limit = limits_swap_counts();
    return write_spec(c, a, &in, e);
}

int prepare_check_limits(const struct conf *c, const struct runtime *rt, struct shale_err *e)
{
    if (rt->level != RUNTIME_NO_CGROUPS || !limits_any(c))
        return 0;
    return err_set(e, SHALE_UNSUPPORTED,
                   "--memory, --cpus, --pids-limit and their like need control groups, which %s "
                   "cannot use here "
                   "(%.200s)",
                   rt->name, rt->verdict);
}

int prepare_bundle(struct container_host *h, struct arena *a, struct ctr *c,
                   const struct runtime *rt, struct shale_err *e)
{
    _cleanup_close_ int root_fd = -1;
    struct user user;
    int r = prepare_check_limits(&c->conf, rt, e);

    if (r >= 0)
        r = make_folder(c, e);
    if (r >= 0)
        r = mount_root(h, a, c, rt, &root_fd, e);
    if (r >= 0) {
        initfiles_make(root_fd);
        r = volume_mounts_make(h, a, c, e);
    }
    if (r >= 0)
        r = fill_volumes(h, a, c, root_fd, e);
    if (r >= 0)
        r = image_mounts_make(h, a, c, e);
    if (r >= 0 && c->conf.workdir[0] && !streq(c->conf.workdir, "/"))
        r = make_workdir(root_fd, c->conf.workdir, e);
    if (r >= 0)
        r = user_lookup(root_fd, c->conf.user, &c->conf.group_add, a, &user, e);
    c->net = arena_alloc(a, sizeof *c->net);
    struct spaces *spaces = arena_alloc(a, sizeof *spaces);
    if (!c->net || !spaces)
        return err_nomem(e);
    if (r >= 0) {
        c->spaces = spaces;
        r = spaces_setup(h, a, c, spaces, e);
    }
    if (r >= 0)
        r = endpoints_setup(h, a, c, c->net, e);
    if (r >= 0)
        r = links_write(h, a, c, c->net, e);
    if (r >= 0)
        links_tell(h, c);
    return r < 0 ? r : prepare_spec(c, a, rt, &user, e);
}
