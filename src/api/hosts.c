/* SPDX-License-Identifier: Apache-2.0 */
#include "api/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/log.h"
#include "base/proc.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define SOCKET_NAME "shale/docker.sock"
#define GROUP_BYTES (64u << 10) /* an entry of the group file */

/* By name, else by number. */
static int find_group(const char *name, gid_t *ret, struct shale_err *e)
{
    _cleanup_free_ char *buf = mem_alloc(GROUP_BYTES);
    struct group g, *found = NULL;
    uint64_t number;

    if (!buf)
        return err_nomem(e);
    (void)getgrnam_r(name, &g, buf, GROUP_BYTES, &found);
    if (found) {
        *ret = found->gr_gid;
        return 0;
    }
    if (!str_to_u64(name, &number) || number >= UINT32_MAX)
        return err_set(e, SHALE_INVALID, "there is no group %.60s", name);
    *ret = (gid_t)number;
    return 0;
}

/* ---- one host ---- */

/* The folder of a socket is made; its parents have to be there, but for /run/shale. */
static int make_folder(const char *path, struct shale_err *e)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');

    if (path[0] != '/')
        return err_set(e, SHALE_INVALID, "socket \"%.100s\": write unix:///PATH", path);
    if (slash == path || (size_t)(slash - path) >= sizeof folder)
        return 0;
    memcpy(folder, path, (size_t)(slash - path));
    folder[slash - path] = 0;
    return fs_exists(AT_FDCWD, folder) ? 0 : fs_mkdir_p(AT_FDCWD, folder, 0755, e);
}

static int open_unix(struct api_daemon *d, const char *path, gid_t gid, struct shale_err *e)
{
    int r = make_folder(path, e);

    if (r >= 0)
        r = http_listen_unix(path, gid == (gid_t)-1 ? 0600 : 0660, gid, &d->listeners[d->n_hosts],
                             e);
    if (r >= 0)
        d->own[d->n_hosts] = true;
    return r;
}

static int add_address(struct api_daemon *d, const char *scheme, struct shale_err *e)
{
    d->addresses[d->n_hosts] =
        arena_printf(&d->arena, "%s%s", scheme, d->listeners[d->n_hosts].name);
    return d->addresses[d->n_hosts++] ? 0 : err_nomem(e);
}

/* Whoever reaches it may do what root may: said once by the host, and once more by --open. */
static int check_reach(const struct http_listener *l, const struct api_settings *set, bool open,
                       struct shale_err *e)
{
    bool local = http_listener_is_local(l);

    if (set->verify)
        return 0;
    if (!local && !open)
        return err_set(e, SHALE_INVALID,
                       "tcp://%s can be reached by others, who could do what %s may here: use "
                       "--tlsverify, or say --open if that is what you want",
                       l->name, proc_is_user() ? "this user" : "root");
    log_warn("tcp://%s: %s can do what %s may here", l->name,
             local ? "every user of this machine" : "whoever reaches it",
             proc_is_user() ? "this user" : "root");
    return 0;
}

static int open_tcp(struct api_daemon *d, const struct api_settings *set, const char *address,
                    bool open, struct shale_err *e)
{
    struct http_listener *l = &d->listeners[d->n_hosts];
    int r = http_listen_tcp(address, l, e);

    if (r < 0)
        return r;
    l->tls = set->tls;
    r = add_address(d, "tcp://", e);
    return r < 0 ? r : check_reach(l, set, open, e);
}

/* ---- sockets of the service manager: $LISTEN_FDS from descriptor 3 on ---- */

#define FIRST_FD 3

static size_t n_handed(void)
{
    const char *pid = getenv("LISTEN_PID"), *n = getenv("LISTEN_FDS");
    uint64_t p, k;

    if (!pid || !n || !str_to_u64(pid, &p) || !str_to_u64(n, &k) || p != (uint64_t)getpid())
        return 0;
    return k < API_MAX_HOSTS ? (size_t)k : API_MAX_HOSTS;
}

static int open_handed(struct api_daemon *d, const struct api_settings *set, bool open,
                       struct shale_err *e)
{
    size_t n = n_handed();
    int r = n ? 0
              : err_set(e, SHALE_INVALID,
                        "fd://: the service manager has handed over no sockets (LISTEN_FDS)");

    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct http_listener *l = &d->listeners[d->n_hosts];
        if (d->n_hosts == API_MAX_HOSTS)
            return err_set(e, SHALE_LIMIT, "more than %d hosts", API_MAX_HOSTS);
        r = http_listen_fd(FIRST_FD + (int)i, l, e);
        if (r < 0)
            return r;
        bool is_path = l->name[0] == '/' || l->name[0] == '@';
        l->tls = !is_path && set->tls;
        r = add_address(d, is_path ? "unix://" : "tcp://", e);
        if (r >= 0 && !is_path)
            r = check_reach(l, set, open, e);
    }
    return r;
}

static int open_one(struct api_daemon *d, const struct api_settings *set, const char *host,
                    gid_t gid, bool open, struct shale_err *e)
{
    int r;

    if (d->n_hosts == API_MAX_HOSTS)
        return err_set(e, SHALE_LIMIT, "more than %d hosts", API_MAX_HOSTS);
    if (str_has_prefix(host, "tcp://"))
        return open_tcp(d, set, host + strlen("tcp://"), open, e);
    if (streq(host, "fd://"))
        return open_handed(d, set, open, e);
    if (!str_has_prefix(host, "unix://"))
        return err_set(e, SHALE_INVALID,
                       "host \"%.100s\": write unix:///PATH, tcp://HOST:PORT or fd://", host);
    r = open_unix(d, host + strlen("unix://"), gid, e);
    return r < 0 ? r : add_address(d, "unix://", e);
}

/* Root's is the system's, a user's lies where the system lets users have sockets. */
static int default_host(struct api_daemon *d, const char **ret, struct shale_err *e)
{
    const char *run = getenv("XDG_RUNTIME_DIR");

    if (!proc_is_user())
        *ret = "unix:///run/" SOCKET_NAME;
    else if (run && run[0] == '/')
        *ret = arena_printf(&d->arena, "unix://%s/" SOCKET_NAME, run);
    else
        return err_set(e, SHALE_INVALID, "no place for a socket: set XDG_RUNTIME_DIR, or say -H");
    return *ret ? 0 : err_nomem(e);
}

int api_hosts_open(struct api_daemon *d, const struct api_settings *set, bool open,
                   struct shale_err *e)
{
    const char *usual[2] = {0}, *const *hosts = set->hosts;
    gid_t gid = (gid_t)-1;
    int r = set->group ? find_group(set->group, &gid, e) : 0;

    if (r >= 0 && !hosts[0]) {
        if (n_handed())
            usual[0] = "fd://";
        else
            r = default_host(d, &usual[0], e);
        hosts = usual;
    }
    for (size_t i = 0; r >= 0 && hosts[i]; i++)
        r = open_one(d, set, hosts[i], gid, open, e);
    return r;
}

void api_hosts_close(struct api_daemon *d, bool close_too)
{
    for (size_t i = 0; i < d->n_hosts; i++) {
        if (close_too)
            close(d->listeners[i].fd);
        if (d->own[i])
            (void)sys_unlinkat(AT_FDCWD, d->listeners[i].name, 0);
    }
    d->n_hosts = 0;
}
