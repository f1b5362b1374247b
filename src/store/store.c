/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/sys.h"
#include "model/limits.h"
#include "store/store_priv.h"

static int make_folders(struct store *s, struct shale_err *e)
{
    static const struct {
        const char *name;
        mode_t mode;
    } folders[] = {
        /* contents of images are for the store's owner only; containers and volumes are walked
         * through by users of containers */
        {"blobs/sha256", 0700}, {"ingest", 0700},     {"layers", 0700},  {"images", 0700},
        {"locks", 0700},        {"containers", 0711}, {"volumes", 0711},
    };
    if (fs_exists(s->root_fd, STORE_DB))
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        int r = fs_mkdir_p(s->root_fd, folders[i].name, folders[i].mode, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int open_root(struct store *s, struct shale_err *e)
{
    if (!s->read_only) {
        int r = fs_mkdir_p(AT_FDCWD, s->root, 0711, e);
        if (r < 0)
            return r;
    }
    s->root_fd = open(s->root, O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    if (s->root_fd < 0)
        return err_sys(e, "%s", s->root);
    /* A store on a file system that is mounted read-only can still be looked at. */
    if (!s->read_only && faccessat(s->root_fd, ".", W_OK, AT_EACCESS) < 0) {
        if (errno != EROFS && errno != EACCES)
            return err_sys(e, "%s", s->root);
        s->read_only = true;
    }
    return s->read_only ? 0 : make_folders(s, e);
}

static int open_parts(struct store *s, struct shale_err *e)
{
    int r;

    r = open_root(s, e);
    if (r < 0)
        return r;
    r = fs_boot_id(s->boot_id, e);
    if (r < 0)
        return r;
    r = meta_open(s->root_fd, s->root, s->read_only, &s->meta, e);
    if (r < 0)
        return r;
    return blobs_open(s->root_fd, s->read_only, &s->blobs, e);
}

int store_open(const struct store_opts *o, struct store **ret, struct shale_err *e)
{
    struct store *s = mem_alloc(sizeof *s);
    int r;

    if (!s)
        return err_nomem(e);
    s->root_fd = s->layers_fd = -1;
    s->read_only = o->read_only;
    s->max_inflate_ratio = o->max_inflate_ratio ? o->max_inflate_ratio : LIMIT_INFLATE_RATIO;
    pthread_mutex_init(&s->mutex, NULL);
    s->root = mem_strdup(o->root);
    s->driver_name = o->driver ? mem_strdup(o->driver) : NULL;
    if (!s->root || (o->driver && !s->driver_name))
        r = err_nomem(e);
    else
        r = open_parts(s, e);
    if (r < 0) {
        store_close(s);
        return err_wrap(e, r, "cannot open the store at %s", o->root);
    }
    *ret = s;
    return 0;
}

struct store *store_close(struct store *s)
{
    if (!s)
        return NULL;
    if (s->driver)
        s->driver->ops->close(s->driver);
    blobs_close(s->blobs);
    meta_close(s->meta);
    if (s->layers_fd >= 0)
        close(s->layers_fd);
    if (s->root_fd >= 0)
        close(s->root_fd);
    pthread_mutex_destroy(&s->mutex);
    free(s->driver_name);
    free(s->root);
    free(s);
    return NULL;
}

const char *store_root(const struct store *s)
{
    return s->root;
}

int store_root_fd(const struct store *s)
{
    return s->root_fd;
}

struct meta *store_meta(struct store *s)
{
    return s->meta;
}

struct blobs *store_blobs(struct store *s)
{
    return s->blobs;
}

uint64_t store_max_inflate_ratio(const struct store *s)
{
    return s->max_inflate_ratio;
}

const char *store_boot_id(const struct store *s)
{
    return s->boot_id;
}

int store_layers_fd(struct store *s, struct shale_err *e)
{
    pthread_mutex_lock(&s->mutex);
    if (s->layers_fd < 0)
        s->layers_fd = fs_open_dir(s->root_fd, "layers", e);
    int fd = s->layers_fd;
    pthread_mutex_unlock(&s->mutex);
    return fd;
}

/* The probe's result is remembered for this boot, so that only the first command pays for it. */
static int open_driver(struct store *s, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4096);
    char memo[64] = "", before[64];
    char *kept = NULL;
    int r;

    r = meta_kv_get(s->meta, STORE_DRIVER_MEMO, &a, &kept, NULL);
    size_t id_n = strlen(s->boot_id);
    if (r >= 0 && kept && strncmp(kept, s->boot_id, id_n) == 0 && kept[id_n] == ' ')
        snprintf(memo, sizeof memo, "%s", kept + id_n + 1);
    snprintf(before, sizeof before, "%s", memo);
    r = rootfs_open(s->root_fd, s->root, s->driver_name, memo, &s->driver, e);
    if (r < 0)
        return r;
    if (memo[0] && strcmp(memo, before) != 0 && !s->read_only && !s->driver_name) {
        char *value = arena_printf(&a, "%s %s", s->boot_id, memo);
        if (value)
            (void)meta_kv_set(s->meta, STORE_DRIVER_MEMO, value, NULL);
    }
    return 0;
}

int store_driver(struct store *s, struct rootfs_driver **ret, struct shale_err *e)
{
    int r = 0;

    pthread_mutex_lock(&s->mutex);
    if (!s->driver)
        r = open_driver(s, e);
    *ret = s->driver;
    pthread_mutex_unlock(&s->mutex);
    return r;
}

/* ---- documents ---- */

int store_document(struct store *s, const struct digest *d, struct buf *out, struct shale_err *e)
{
    struct digest got;
    int r = blob_read(s->blobs, d, out, e);
    if (r < 0)
        return r;
    r = digest_of_bytes(digest_alg(d), out->p ? out->p : "", out->n, &got, e);
    if (r < 0)
        return r;
    if (!digest_eq(&got, d))
        return err_set(e, SHALE_CORRUPT,
                       "%s in the store is damaged; `shale fsck` tells what can be repaired", d->s);
    return 0;
}

int store_config(struct store *s, const struct digest *image_id, struct arena *a,
                 struct config *ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    int r = store_document(s, image_id, &b, e);
    if (r < 0)
        return r;
    return config_parse(b.p ? b.p : "", b.n, a, ret, e);
}
