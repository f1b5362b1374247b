/* SPDX-License-Identifier: Apache-2.0 */
#include "container/step_cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "container/copytree.h"
#include "container/step_priv.h"

#define FOLDER       "buildcache"
#define NAME_HEX     32
#define NAME_BYTES   (NAME_HEX + 8)
#define PATH_BYTES   (NAME_BYTES + 64)
#define ID_MAX       65536
#define PRIVATE_MAX  1000
#define TRIES        8 /* one that was made may be removed before it is held */
#define WAIT_US      5000
#define DEFAULT_MODE 0755

struct names { /* paths of one, below the store's root */
    char lock[PATH_BYTES], dir[PATH_BYTES], data[PATH_BYTES], id[PATH_BYTES], fresh[PATH_BYTES];
};

static void names_of(const char *name, struct names *ret)
{
    (void)snprintf(ret->lock, PATH_BYTES, "locks/cache-%s", name);
    (void)snprintf(ret->dir, PATH_BYTES, FOLDER "/%s", name);
    (void)snprintf(ret->data, PATH_BYTES, FOLDER "/%s/data", name);
    (void)snprintf(ret->id, PATH_BYTES, FOLDER "/%s/id", name);
    (void)snprintf(ret->fresh, PATH_BYTES, FOLDER "/.new-%s", name);
}

static const char *id_of(const struct step_mount *m)
{
    return m->cache_id && m->cache_id[0] ? m->cache_id : m->target;
}

int step_cache_name(const struct step_mount *m, char ret[STEP_CACHE_NAME], struct shale_err *e)
{
    char hex[HASH_MAX_HEX + 1];
    struct hash h = {.ctx = NULL};
    const uint32_t owner[] = {m->uid, m->gid, m->mode ? m->mode : DEFAULT_MODE};
    const char *from[] = {id_of(m), m->folder ? m->folder : "", m->source ? m->source : ""};
    int r = hash_init(&h, HASH_SHA256, e);

    if (r < 0)
        return r;
    for (size_t i = 0; i < ARRAY_SIZE(from); i++)
        hash_update(&h, from[i], strlen(from[i]) + 1);
    for (size_t i = 0; i < m->n_layers && !m->folder; i++)
        hash_update(&h, m->layers[i].diff_id.s, strlen(m->layers[i].diff_id.s) + 1);
    hash_update(&h, owner, sizeof owner);
    hash_hex(&h, hex);
    hash_clear(&h);
    (void)snprintf(ret, STEP_CACHE_NAME, "%.*s", NAME_HEX, hex);
    return 0;
}

/* ---- making one ---- */

static int fill(const struct step_mount *m, const char *seed, int data, struct shale_err *e)
{
    int r = 0;

    if (seed) {
        _cleanup_close_ int from = fs_open_dir(AT_FDCWD, seed, e);
        r = from < 0 ? from : copytree(from, data, e);
    }
    if (r < 0)
        return r;
    if (fchown(data, m->uid, m->gid) < 0 || fchmod(data, m->mode ? m->mode : DEFAULT_MODE) < 0)
        return err_sys(e, "set owner and mode of the cache %.200s", id_of(m));
    return 0;
}

/* Under a name of its own first; the lock is held alone. */
static int make(int root, const struct step_mount *m, const char *seed, const struct names *n,
                struct shale_err *e)
{
    char path[PATH_BYTES + 8];
    int r = fs_remove_tree(root, n->fresh, e);

    if (r >= 0)
        r = fs_remove_tree(root, n->dir, e);
    (void)snprintf(path, sizeof path, "%s/data", n->fresh);
    if (r >= 0)
        r = fs_mkdir_p(root, path, 0755, e);
    if (r < 0)
        return r;
    _cleanup_close_ int data = fs_open_dir(root, path, e);
    r = data < 0 ? data : fill(m, seed, data, e);
    (void)snprintf(path, sizeof path, "%s/id", n->fresh);
    if (r >= 0)
        r = fs_write_atomic(root, path, id_of(m), strlen(id_of(m)), 0600, false, e);
    if (r >= 0 && sys_renameat(root, n->fresh, root, n->dir) < 0)
        r = err_sys(e, "create %s", n->dir);
    return r;
}

/* Is there something to be held? Else it is made first. */
static int ensure(struct step *t, const struct step_mount *m, const char *seed,
                  const struct names *n, struct shale_err *e)
{
    int root = store_root_fd(t->s->h->store);

    /* whoever else makes it may share it afterwards: not waited for longer than it takes to make */
    while (!fs_exists(root, n->id)) {
        _cleanup_close_ int lock = lock_try(root, n->lock, LOCK_EXCLUSIVE, e);
        if (lock >= 0 && !fs_exists(root, n->id))
            return make(root, m, seed, n, e);
        if (lock < 0 && lock != -SHALE_IN_USE)
            return lock;
        int r = cancel_check(t->cancel, e);
        if (r < 0)
            return r;
        if (lock < 0)
            usleep(WAIT_US);
    }
    return 0;
}

/* ---- having one ---- */

static int hold_one(struct step *t, const struct step_mount *m, const char *seed, const char *name,
                    struct shale_err *e)
{
    enum lock_mode mode = m->sharing == STEP_CACHE_SHARED ? LOCK_SHARED : LOCK_EXCLUSIVE;
    int root = store_root_fd(t->s->h->store);
    struct names n;

    names_of(name, &n);
    for (int i = 0; i < TRIES; i++) {
        int r = m->sharing == STEP_CACHE_PRIVATE ? 0 : ensure(t, m, seed, &n, e);
        if (r < 0)
            return r;
        _cleanup_close_ int lock = m->sharing == STEP_CACHE_PRIVATE
                                       ? lock_try(root, n.lock, mode, e)
                                       : lock_take(root, n.lock, mode, t->cancel, e);
        if (lock < 0)
            return lock;
        if (m->sharing == STEP_CACHE_PRIVATE && !fs_exists(root, n.id))
            r = make(root, m, seed, &n, e);
        if (r < 0)
            return r;
        if (fs_exists(root, n.id))
            return TAKE_FD(lock);
    }
    return err_set(e, SHALE_IN_USE, "the cache %.200s is removed again and again", id_of(m));
}

int step_cache_hold(struct step *t, const struct step_mount *m, const char *seed,
                    const char **ret_path, struct shale_err *e)
{
    int root = store_root_fd(t->s->h->store), fd = -SHALE_IN_USE;
    char name[STEP_CACHE_NAME + 8], base[STEP_CACHE_NAME];
    struct names n;
    int r = step_cache_name(m, base, e);

    if (r < 0)
        return r;
    (void)snprintf(name, sizeof name, "%s", base);
    fd = hold_one(t, m, seed, name, e);
    for (int i = 1; fd == -SHALE_IN_USE && m->sharing == STEP_CACHE_PRIVATE && i < PRIVATE_MAX;
         i++) {
        (void)snprintf(name, sizeof name, "%s-%d", base, i);
        fd = hold_one(t, m, seed, name, e);
    }
    if (fd < 0)
        return fd;
    names_of(name, &n);
    (void)utimensat(root, n.id, NULL, 0);
    *ret_path = arena_printf(t->a, "%s/%s", store_root(t->s->h->store), n.data);
    if (*ret_path)
        return fd;
    close(fd);
    return err_nomem(e);
}

/* ---- all of them ---- */

struct listing {
    struct container_host *h;
    struct arena *a;
    struct step_cache *v;
    size_t n, cap;
    struct shale_err *e;
};

static bool is_free(int root, const char *lock)
{
    int fd = lock_try(root, lock, LOCK_EXCLUSIVE, NULL);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

static int list_one(void *arg, const char *name, unsigned char d_type)
{
    struct listing *l = arg;
    int root = store_root_fd(l->h->store);
    struct names n;
    struct stat dir, id;

    if (d_type != DT_DIR || name[0] == '.' || strlen(name) >= NAME_BYTES)
        return 0;
    names_of(name, &n);
    if (fstatat(root, n.data, &dir, 0) < 0 || fstatat(root, n.id, &id, 0) < 0)
        return 0;
    struct step_cache *v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof *v);
    if (!v)
        return err_nomem(l->e);
    l->v = v;
    v[l->n] = (struct step_cache){
        .name = arena_strdup(l->a, name),
        .id = fs_read_text(root, n.id, l->a, ID_MAX, NULL),
        .created_ns = id.st_ctim.tv_sec * NS_PER_S,
        .used_ns = id.st_mtim.tv_sec * NS_PER_S + id.st_mtim.tv_nsec,
        .in_use = !is_free(root, n.lock),
    };
    if (!v[l->n].name || !v[l->n].id)
        return err_nomem(l->e);
    (void)fs_disk_usage(root, n.dir, &v[l->n].bytes, NULL);
    l->n++;
    return 0;
}

int step_cache_list(struct container_host *h, struct arena *a, struct step_cache **ret,
                    size_t *ret_n, struct shale_err *e)
{
    struct listing l = {.h = h, .a = a, .e = e};
    int root = store_root_fd(h->store);
    int r = fs_exists(root, FOLDER) ? fs_each(root, FOLDER, list_one, &l, e) : 0;

    if (r < 0)
        return r;
    *ret = l.v;
    *ret_n = l.n;
    return 0;
}

int step_cache_remove(struct container_host *h, const char *name, uint64_t *ret_bytes,
                      struct shale_err *e)
{
    int root = store_root_fd(h->store);
    struct names n;

    *ret_bytes = 0;
    if (strlen(name) >= NAME_BYTES || strchr(name, '/') || name[0] == '.')
        return err_set(e, SHALE_INVALID, "there is no cache of that name");
    names_of(name, &n);
    if (!fs_exists(root, n.dir))
        return 0;
    _cleanup_close_ int lock = lock_try(root, n.lock, LOCK_EXCLUSIVE, e);
    if (lock < 0)
        return lock;
    /* the file that says it is there goes first: one that was half removed is made anew */
    (void)sys_unlinkat(root, n.id, 0);
    return fs_remove_counted(root, n.dir, ret_bytes, e);
}
