/* SPDX-License-Identifier: Apache-2.0 */
#include "container/resolver.h"

#include <fcntl.h>
#include <signal.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/endpoint.h"
#include "container/netavark.h"

#define FILE_MAX_BYTES    (64u << 20)
#define PID_MAX_BYTES     64
#define COMMAND_MAX_BYTES (64u << 10)
#define FIELDS_BEFORE     3 /* of the names */

/* Where the names are in a line of this container; NULL: it is of another one. */
static const char *names_of(const char *line, const char *end, const char *id)
{
    size_t n = strlen(id);
    const char *p = line;

    if ((size_t)(end - line) <= n || strncmp(line, id, n) != 0 || line[n] != ' ')
        return NULL;
    for (int i = 0; p && i < FIELDS_BEFORE; i++) {
        p = memchr(p, ' ', (size_t)(end - p));
        p = p ? p + 1 : NULL;
    }
    return p;
}

bool resolver_edit(const char *text, const char *id, const char *name, struct buf *out)
{
    bool changed = false;
    const char *end;

    for (const char *line = text; *line; line = end) {
        end = strchrnul(line, '\n');
        const char *p = names_of(line, end, id);
        size_t n = p ? strcspn(p, ", \n") : 0;
        if (n > 0 && (n != strlen(name) || strncmp(p, name, n) != 0)) {
            buf_add(out, line, (size_t)(p - line));
            buf_adds(out, name);
            line = p + n;
            changed = true;
        }
        end += *end == '\n';
        buf_add(out, line, (size_t)(end - line));
    }
    return changed;
}

/* It must not be seen half written, nor lie beside the others, which are all read. */
static int rename_on(const struct netavark *n, const struct network *network, const struct ctr *c,
                     bool *changed, struct arena *a, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(FILE_MAX_BYTES);
    char name[NETAVARK_NAME_BYTES];
    const char *path = arena_printf(a, "%s/aardvark-dns/%s", n->dir, netavark_name(network, name));
    const char *made = arena_printf(a, "%s/names", n->dir);

    if (!path || !made)
        return err_nomem(e);
    if (!fs_exists(AT_FDCWD, path)) /* nobody resolves there */
        return 0;
    const char *text = fs_read_text(AT_FDCWD, path, a, FILE_MAX_BYTES, e);
    if (!text)
        return e ? -e->code : -SHALE_SYSTEM;
    if (!resolver_edit(text, c->row.id, c->row.name, &b))
        return buf_check(&b, e);
    int r = buf_check(&b, e);
    if (r >= 0)
        r = fs_write_atomic(AT_FDCWD, made, buf_str(&b), b.n, 0644, false, e);
    if (r >= 0 && sys_renameat(AT_FDCWD, made, AT_FDCWD, path) < 0)
        r = err_sys(e, "write %s", path);
    *changed |= r >= 0;
    return r;
}

/* The daemon of this folder; a number may have become another process's. */
static void read_again(const struct netavark *n, struct arena *a)
{
    _cleanup_(buf_clear) struct buf command = BUF_INIT(COMMAND_MAX_BYTES);
    const char *path = arena_printf(a, "%s/aardvark-dns/aardvark.pid", n->dir);
    const char *text = path ? fs_read_text(AT_FDCWD, path, a, PID_MAX_BYTES, NULL) : NULL;
    uint64_t pid = 0;

    if (!text || !str_to_u64(text, &pid) || pid == 0 || pid > INT32_MAX)
        return;
    path = arena_printf(a, "/proc/%d/cmdline", (int)pid);
    if (path && fs_read_file(AT_FDCWD, path, &command, NULL) >= 0 &&
        memmem(buf_str(&command), command.n, n->dir, strlen(n->dir)))
        (void)kill((pid_t)pid, SIGHUP);
}

static int rename_locked(struct container_host *h, struct arena *a, const struct ctr *c,
                         struct shale_err *e)
{
    struct endpoints net;
    struct netavark n;
    bool changed = false;
    int r = endpoints_load(h, a, c, &net, e);

    if (r < 0 || net.n == 0)
        return r;
    _cleanup_close_ int lock =
        lock_take(store_root_fd(h->store), NETWORK_LOCK, LOCK_EXCLUSIVE, h->cancel, e);
    if (lock < 0)
        return lock;
    r = netavark_find(h, a, &n, e);
    if (r < 0)
        return r;
    _cleanup_close_ int turn = netavark_turn(&n, a, e);
    if (turn < 0 && turn != -SHALE_IN_USE)
        return turn;
    for (size_t i = 0; r >= 0 && i < net.n; i++)
        r = rename_on(&n, &net.v[i].network, c, &changed, a, e);
    if (changed)
        read_again(&n, a);
    return r;
}

int resolver_rename(struct container_host *h, struct arena *a, const struct ctr *c,
                    struct shale_err *e)
{
    struct ctr now = *c;

    if (!conf_is_bridged(&c->conf) || c->conf.n_networks == 0)
        return 0;
    _cleanup_close_ int lock = ctr_lock(h, c, e);
    int r = lock < 0 ? lock : ctr_reload(h, a, &now, e);
    if (r == -SHALE_NOT_FOUND) /* removed meanwhile */
        return 0;
    if (r >= 0 && ctr_need_running(&now, NULL) >= 0)
        r = rename_locked(h, a, &now, e);
    return r < 0 ? err_wrap(e, r, "renamed to %s, but not where names are resolved", c->row.name)
                 : 0;
}
