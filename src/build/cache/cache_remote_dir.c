/* SPDX-License-Identifier: Apache-2.0 */
#include "build/cache/cache_remote_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "model/limits.h"

#define REF_NAME    "org.opencontainers.image.ref.name"
#define LAYOUT_TEXT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define BLOCK_BYTES (256u << 10)

struct dir_source {
    struct source source;
    int fd;
};
struct dir_sink {
    struct sink sink;
    int fd;
};

static void blob_path(const struct digest *d, char ret[DIGEST_MAX + 16])
{
    (void)snprintf(ret, DIGEST_MAX + 16, "blobs/%s/%s", digest_alg_name(digest_alg(d)),
                   digest_hex(d));
}

/* NULL: there is none. */
static int read_index(int fd, json_t **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES);
    int r = inroot_read(fd, "index.json", &b, e);

    *ret = NULL;
    if (r == -SHALE_NOT_FOUND)
        return 0;
    if (r >= 0)
        r = json_parse(buf_str(&b), b.n, LIMIT_MANIFEST_BYTES, ret, e);
    if (r >= 0 && !json_is_array(json_object_get(*ret, "manifests"))) {
        json_decref(*ret);
        *ret = NULL;
        r = err_set(e, SHALE_INVALID, "it names no manifests");
    }
    return r < 0 ? err_wrap(e, r, "index.json") : 0;
}

static const char *name_of(const json_t *entry)
{
    return json_string_value(json_object_get(json_object_get(entry, "annotations"), REF_NAME));
}

/* ---- reading ---- */

static int find(int fd, const char *name, struct digest *ret, struct shale_err *e)
{
    _cleanup_json_ json_t *index = NULL;
    const json_t *entry = NULL, *list;
    int r;

    if (strchr(name, ':'))
        return digest_parse(name, ret, e);
    r = read_index(fd, &index, e);
    list = json_object_get(index, "manifests");
    for (size_t i = 0; r >= 0 && i < json_array_size(list) && !entry; i++)
        if (streq(name_of(json_array_get(list, i)), name))
            entry = json_array_get(list, i);
    if (r >= 0 && !entry && json_array_size(list) == 1 && !name_of(json_array_get(list, 0)))
        entry = json_array_get(list, 0);
    if (r < 0)
        return r;
    const char *digest = json_string_value(json_object_get(entry, "digest"));
    if (!digest)
        return err_set(e, SHALE_NOT_FOUND, "index.json names no \"%.64s\"", name);
    return digest_parse(digest, ret, e);
}

static int src_manifest(struct source *s, const char *name, struct buf *b, struct arena *a,
                        struct descriptor *ret, struct cancel *c, struct shale_err *e)
{
    const struct dir_source *x = (const struct dir_source *)s;
    char path[DIGEST_MAX + 16];
    struct digest d, is;
    int r = find(x->fd, name, &d, e);

    (void)c;
    if (r < 0)
        return r;
    blob_path(&d, path);
    r = inroot_read(x->fd, path, b, e);
    if (r >= 0)
        r = digest_of_bytes(digest_alg(&d), buf_str(b), b->n, &is, e);
    if (r >= 0 && !digest_eq(&d, &is))
        r = err_set(e, SHALE_CORRUPT, "%s is damaged: its bytes have digest %s", path, is.s);
    return r < 0 ? r : source_describe(b, &d, a, ret, e);
}

static int src_blob(struct source *s, const struct descriptor *d, uint64_t offset,
                    int (*start)(void *arg, uint64_t offset, struct shale_err *e),
                    source_data_fn data, void *arg, struct cancel *c, struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(BLOCK_BYTES);
    char path[DIGEST_MAX + 16];
    struct stat st;
    size_t n = 0;

    if (!block)
        return err_nomem(e);
    blob_path(&d->digest, path);
    _cleanup_close_ int fd =
        inroot_open(((struct dir_source *)s)->fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, e);
    if (fd < 0)
        return fd;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        return err_set(e, SHALE_CORRUPT, "%s is no regular file", path);
    int r = start(arg, offset, e);
    while (r >= 0) {
        if (sys_pread_full(fd, block, BLOCK_BYTES, offset, &n) < 0)
            return err_sys(e, "read %s", path);
        if (n == 0)
            return 0;
        r = data(arg, block, n, e);
        offset += n;
        if (r >= 0)
            r = cancel_check(c, e);
    }
    return r;
}

static int src_tags(struct source *s, struct arena *a, struct strv *ret, struct cancel *c,
                    struct shale_err *e)
{
    (void)s;
    (void)a;
    (void)ret;
    (void)c;
    return err_set(e, SHALE_UNSUPPORTED, "tags of a folder are not listed");
}

static struct source *src_close(struct source *s)
{
    struct dir_source *x = (struct dir_source *)s;

    if (x) {
        close(x->fd);
        free(x);
    }
    return NULL;
}

static const struct source_ops source_ops = {
    .resolve = source_resolve,
    .manifest = src_manifest,
    .blob = src_blob,
    .tags = src_tags,
    .close = src_close,
};

int cache_dir_source_open(const char *path, struct source **ret, struct shale_err *e)
{
    int fd = fs_open_dir(AT_FDCWD, path, e);
    struct dir_source *x = fd < 0 ? NULL : mem_alloc(sizeof *x);

    if (fd < 0)
        return fd;
    if (!x || !fs_exists(fd, "index.json")) {
        close(fd);
        free(x);
        return x ? err_set(e, SHALE_NOT_FOUND, "%.200s: there is no index.json in it", path)
                 : err_nomem(e);
    }
    *x = (struct dir_source){.source = {.ops = &source_ops}, .fd = fd};
    *ret = &x->source;
    return 0;
}

/* ---- writing ---- */

static int sink_has(struct sink *s, const struct descriptor *d, struct shale_err *e)
{
    const struct dir_sink *x = (const struct dir_sink *)s;
    char path[DIGEST_MAX + 16];
    struct stat st;

    (void)e;
    blob_path(&d->digest, path);
    return fstatat(x->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == d->size_bytes;
}

static int sink_put(struct sink *s, const struct descriptor *d, const void *p, size_t n,
                    struct cancel *c, struct shale_err *e)
{
    const struct dir_sink *x = (const struct dir_sink *)s;
    char path[DIGEST_MAX + 16];

    (void)c;
    blob_path(&d->digest, path);
    return fs_write_atomic(x->fd, path, p, n, 0644, false, e);
}

static int no_start(void *arg, uint64_t offset, struct shale_err *e)
{
    (void)arg;
    return offset ? err_set(e, SHALE_INTERNAL, "a blob that begins in the middle") : 0;
}

static int write_fd(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return sys_write_all(*(int *)arg, p, n) < 0 ? err_sys(e, "write a blob") : 0;
}

static int sink_blob(struct sink *s, const struct descriptor *d, const struct digest *diff_id,
                     struct source *from, struct cancel *c, struct shale_err *e)
{
    const struct dir_sink *x = (const struct dir_sink *)s;
    char path[DIGEST_MAX + 16], part[DIGEST_MAX + 32];

    (void)diff_id;
    if (sink_has(s, d, e))
        return 0;
    blob_path(&d->digest, path);
    (void)snprintf(part, sizeof part, "%s.%d", path, getpid());
    _cleanup_close_ int fd =
        sys_openat(x->fd, part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return err_sys(e, "%s", part);
    int r = from->ops->blob(from, d, 0, no_start, write_fd, &fd, c, e);
    if (r >= 0 && sys_renameat(x->fd, part, x->fd, path) < 0)
        r = err_sys(e, "rename %s", part);
    if (r < 0)
        (void)sys_unlinkat(x->fd, part, 0);
    return r;
}

static int sink_settle(struct sink *s, struct shale_err *e)
{
    (void)s;
    (void)e;
    return 0;
}

static json_t *entry_of(const char *name, const struct descriptor *d)
{
    return json_pack("{s:s,s:s,s:I,s:{s:s}}", "mediaType", d->media_type, "digest", d->digest.s,
                     "size", (json_int_t)d->size_bytes, "annotations", REF_NAME, name);
}

static int sink_tag(struct sink *s, const char *name, const struct descriptor *d, const void *p,
                    size_t n, struct cancel *c, struct shale_err *e)
{
    const struct dir_sink *x = (const struct dir_sink *)s;
    _cleanup_json_ json_t *index = NULL;
    int r = sink_put(s, d, p, n, c, e);

    if (r >= 0)
        r = read_index(x->fd, &index, e);
    if (r >= 0 && !index)
        index = json_pack("{s:i,s:s,s:[]}", "schemaVersion", 2, "mediaType", MEDIA_OCI_INDEX,
                          "manifests");
    if (r < 0)
        return r;
    json_t *list = json_object_get(index, "manifests");
    for (size_t i = json_array_size(list); i > 0; i--)
        if (streq(name_of(json_array_get(list, i - 1)), name))
            (void)json_array_remove(list, i - 1);
    if (json_array_append_new(list, entry_of(name, d)) < 0)
        return err_nomem(e);
    _cleanup_free_ char *text = json_text(index);
    return text ? fs_write_atomic(x->fd, "index.json", text, strlen(text), 0644, false, e)
                : err_nomem(e);
}

static struct sink *sink_close(struct sink *s)
{
    struct dir_sink *x = (struct dir_sink *)s;

    if (x) {
        close(x->fd);
        free(x);
    }
    return NULL;
}

static const struct sink_ops sink_ops = {
    .has = sink_has,
    .put = sink_put,
    .blob = sink_blob,
    .settle = sink_settle,
    .tag = sink_tag,
    .close = sink_close,
};

int cache_dir_sink_open(const char *path, struct sink **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *index = NULL;
    int r = fs_mkdir_p(AT_FDCWD, path, 0755, e);
    int fd = r < 0 ? r : fs_open_dir(AT_FDCWD, path, e);
    struct dir_sink *x = NULL;

    if (fd < 0)
        return fd;
    r = read_index(fd, &index, e);
    if (r >= 0)
        r = fs_mkdir_p(fd, "blobs/sha256", 0755, e);
    if (r >= 0)
        r = fs_write_atomic(fd, "oci-layout", LAYOUT_TEXT, sizeof LAYOUT_TEXT - 1, 0644, false, e);
    if (r >= 0 && !(x = mem_alloc(sizeof *x)))
        r = err_nomem(e);
    if (r < 0 || !x) {
        close(fd);
        return err_wrap(e, r, "%.200s", path);
    }
    *x = (struct dir_sink){.sink = {.ops = &sink_ops}, .fd = fd};
    *ret = &x->sink;
    return 0;
}
