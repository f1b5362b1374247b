/* SPDX-License-Identifier: Apache-2.0 */
#include "api/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"

#define SOCKET_NAME "shale/docker.sock"
#define GROUP_BYTES (64u << 10) /* an entry of the group file */

/* By name, else by number. */
static int find_group(const char *name, gid_t *ret, struct shale_err *e)
{
    _cleanup_free_ char *buf = malloc(GROUP_BYTES);
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

static int open_one(struct api_daemon *d, const char *host, gid_t gid, struct shale_err *e)
{
    struct http_listener *l = &d->listeners[d->n_hosts];
    int r;

    if (d->n_hosts == API_MAX_HOSTS)
        return err_set(e, SHALE_LIMIT, "more than %d hosts", API_MAX_HOSTS);
    if (str_has_prefix(host, "unix://")) {
        r = open_unix(d, host + strlen("unix://"), gid, e);
        return r < 0 ? r : add_address(d, "unix://", e);
    }
    if (!str_has_prefix(host, "tcp://"))
        return err_set(e, SHALE_INVALID,
                       "host \"%.100s\": write unix:///PATH, tcp://HOST:PORT or fd://", host);
    r = http_listen_tcp(host + strlen("tcp://"), l, e);
    if (r < 0)
        return r;
    if (!http_listener_is_local(l)) {
        close(l->fd);
        return err_set(e, SHALE_UNSUPPORTED, "%s can be reached by others: not supported yet",
                       l->name);
    }
    return add_address(d, "tcp://", e);
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

int api_hosts_open(struct api_daemon *d, const char *const *hosts, const char *group,
                   struct shale_err *e)
{
    const char *usual[2] = {0};
    gid_t gid = (gid_t)-1;
    int r = group && *group ? find_group(group, &gid, e) : 0;

    if (r >= 0 && (!hosts || !hosts[0])) {
        r = default_host(d, &usual[0], e);
        hosts = usual;
    }
    for (size_t i = 0; r >= 0 && hosts[i]; i++)
        r = open_one(d, hosts[i], gid, e);
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
