/* SPDX-License-Identifier: Apache-2.0 */
/* images/: giving a finished cache its name, taking one away, and what was left half-way.
 *
 *   images/<chain hex>/NAME…          of all drivers, side by side
 *   images/.new-<chain hex>           being made, under the stack's lock; likewise .check- and
 * .old- images/.probe-<pid>               a probe
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "rootfs/driver_priv.h"

#define PROBE_MAX_NS (60 * NS_PER_S) /* a probe takes milliseconds */

void temp_path(const struct digest *chain, const char *what, char ret[ROOTFS_PATH_MAX])
{
    snprintf(ret, ROOTFS_PATH_MAX, "images/.%s-%.*s", what, HASH_MAX_HEX, digest_hex(chain));
}

static int move(int root, const char *from, const char *to, const char *name, struct shale_err *e)
{
    char a[ROOTFS_PATH_MAX], b[ROOTFS_PATH_MAX];

    snprintf(a, sizeof a, "%.3900s/%s", from, name);
    snprintf(b, sizeof b, "%.3900s/%s", to, name);
    if (sys_renameat(root, a, root, b) < 0)
        return errno == ENOENT ? 0 : err_sys(e, "%s", a);
    return 1;
}

int stack_publish(int root, const struct digest *chain, const char *const *names, size_t n,
                  struct shale_err *e)
{
    char temp[ROOTFS_PATH_MAX], final[ROOTFS_PATH_MAX];

    temp_path(chain, "new", temp);
    stack_path(chain, NULL, final);
    int r = stack_take_away(root, chain, names, n, e);
    if (r >= 0)
        r = fs_mkdir_p(root, final, 0700, e);
    for (size_t i = n; r >= 0 && i-- > 0;)
        r = move(root, temp, final, names[i], e);
    return r < 0 ? r : fs_remove_tree(root, temp, e);
}

int stack_set_aside(int root, const struct digest *chain, const char *const *names, size_t n,
                    struct shale_err *e)
{
    char temp[ROOTFS_PATH_MAX], final[ROOTFS_PATH_MAX];
    int r;

    stack_path(chain, NULL, final);
    temp_path(chain, "old", temp);
    r = fs_remove_tree(root, temp, e);
    if (r < 0 || !fs_exists(root, final))
        return r;
    r = fs_mkdir_p(root, temp, 0700, e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = move(root, final, temp, names[i], e);
    return r < 0 ? r : 0;
}

int stack_put_back(int root, const struct digest *chain, const char *const *names, size_t n,
                   struct shale_err *e)
{
    char temp[ROOTFS_PATH_MAX], final[ROOTFS_PATH_MAX];
    int r = 0;

    stack_path(chain, NULL, final);
    temp_path(chain, "old", temp);
    for (size_t i = n; r >= 0 && i-- > 0;)
        r = move(root, temp, final, names[i], e);
    return r < 0 ? r : 0;
}

int stack_drop_aside(int root, const struct digest *chain, struct shale_err *e)
{
    char temp[ROOTFS_PATH_MAX], final[ROOTFS_PATH_MAX];

    stack_path(chain, NULL, final);
    temp_path(chain, "old", temp);
    int r = fs_remove_tree(root, temp, e);
    (void)sys_unlinkat(root, final, AT_REMOVEDIR); /* unless another driver has something there */
    return r;
}

int stack_take_away(int root, const struct digest *chain, const char *const *names, size_t n,
                    struct shale_err *e)
{
    int r = stack_set_aside(root, chain, names, n, e);

    return r < 0 ? r : stack_drop_aside(root, chain, e);
}

/* A folder that another collector has left there is in the way. */
static int set_aside(int root, const char *from, const char *to, struct shale_err *e)
{
    for (int i = 0; i < 2; i++) {
        if (sys_renameat(root, from, root, to) == 0)
            return 1;
        if (errno == ENOENT)
            return 0;
        if (errno != ENOTEMPTY && errno != EEXIST)
            break;
        int r = fs_remove_tree(root, to, e);
        if (r < 0)
            return r;
    }
    return err_sys(e, "%s", from);
}

int rootfs_remove(int root_fd, const struct digest *chain_id, uint64_t *ret_bytes,
                  struct shale_err *e)
{
    char temp[ROOTFS_PATH_MAX], final[ROOTFS_PATH_MAX], lock_name[64];

    *ret_bytes = 0;
    stack_path(chain_id, NULL, final);
    temp_path(chain_id, "old", temp);
    stack_lock_name(digest_hex(chain_id), lock_name);
    _cleanup_close_ int lock = lock_take(root_fd, lock_name, LOCK_EXCLUSIVE, NULL, e);
    if (lock < 0)
        return lock;
    int r = driver_dir_in_use(root_fd, chain_id, e);
    if (r >= 0)
        r = set_aside(root_fd, final, temp, e);
    return r <= 0 ? r : fs_remove_counted(root_fd, temp, ret_bytes, e);
}

/* ---- what was left ---- */

static bool is_old(int root, const char *path)
{
    struct stat st;

    return fstatat(root, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           time_now_ns() - st.st_mtime * NS_PER_S > PROBE_MAX_NS;
}

static int sweep_name(void *arg, const char *name, unsigned char type)
{
    static const char *const made[] = {".new-", ".check-", ".old-"};
    int root = *(int *)arg;
    char path[512], lock[64];

    snprintf(path, sizeof path, "images/%.255s", name);
    if (str_has_prefix(name, ".probe-") && is_old(root, path))
        (void)fs_remove_tree(root, path, NULL);
    for (size_t i = 0; i < ARRAY_SIZE(made); i++) {
        if (!str_has_prefix(name, made[i]))
            continue;
        stack_lock_name(name + strlen(made[i]), lock);
        _cleanup_close_ int fd = lock_try(root, lock, LOCK_EXCLUSIVE, NULL);
        if (fd >= 0)
            (void)fs_remove_tree(root, path, NULL);
    }
    return 0;
}

int rootfs_sweep(int root_fd, struct shale_err *e)
{
    return fs_each(root_fd, "images", sweep_name, &root_fd, e);
}
