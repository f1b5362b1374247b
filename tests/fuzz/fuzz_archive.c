/* SPDX-License-Identifier: Apache-2.0 */
/* Archives of images: a tar as it comes (plain or packed), or, from its first byte on, one document
 * of an archive whose other members are good: { is index.json, [ is manifest.json. What is said to
 * be in it can be asked for; blobs have the size that was said. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/sys.h"
#include "model/limits.h"

#define LAYOUT "{\"imageLayoutVersion\":\"1.0.0\"}"
#define CONFIG                                                                                     \
    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":["  \
    "\"sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\"]}}"
#define IMAGES_LOOK 16 /* more of them are like these */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int to_file(void *arg, const void *p, size_t n, struct shale_err *e)
{
    const int *fd = arg;

    return sys_write_all(*fd, p, n) < 0 ? err_sys(e, "write") : 0;
}

static void add(struct tar_writer *w, const char *path, const void *p, size_t n)
{
    if (tar_write_file(w, path, p, n, 0, NULL) < 0)
        abort();
}

static void wrap(int fd, const uint8_t *data, size_t size)
{
    struct tar_writer *w = NULL;
    bool index = data[0] == '{';

    if (tar_writer_new(to_file, &fd, &w, NULL) < 0)
        abort();
    if (index)
        add(w, "oci-layout", LAYOUT, strlen(LAYOUT));
    add(w, index ? "index.json" : "manifest.json", data, size);
    add(w, "config.json", CONFIG, strlen(CONFIG));
    add(w, "layer.tar", "abc", 3);
    if (tar_writer_end(w, NULL) < 0)
        abort();
    tar_writer_free(w);
}

static int on_start(void *arg, uint64_t offset, struct shale_err *e)
{
    (void)arg, (void)e;
    return offset == 0 ? 0 : (abort(), -1);
}

static int on_data(void *arg, const void *p, size_t n, struct shale_err *e)
{
    uint64_t *sum = arg;

    (void)p, (void)e;
    *sum += n;
    return 0;
}

static void look_at_blob(struct source *s, const struct descriptor *d)
{
    struct shale_err e = SHALE_ERR_INIT;
    uint64_t sum = 0;
    int r = s->ops->blob(s, d, 0, on_start, on_data, &sum, NULL, &e);

    if (r < 0 ? e.code != -r || !e.msg[0] : sum != d->size_bytes)
        abort();
}

static void look_at_image(struct source *s, const struct archive_image *i, struct arena *a)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES + 1);
    struct shale_err e = SHALE_ERR_INIT;
    struct descriptor d = {0};
    struct manifest m = {0};

    for (size_t k = 0; k < i->n_names; k++)
        if (!i->names[k].repo || !i->names[k].tag || digest_is_set(&i->names[k].digest))
            abort();
    int r = s->ops->manifest(s, i->target.s, &b, a, &d, NULL, &e);
    if (r < 0) {
        if (e.code != -r || !e.msg[0])
            abort();
        return;
    }
    if (!digest_eq(&d.digest, &i->target) || d.size_bytes != b.n)
        abort();
    if (manifest_parse(buf_str(&b), b.n, d.media_type, a, &m, NULL) < 0)
        abort(); /* the source has parsed it */
    if (m.n_manifests)
        return;
    look_at_blob(s, &m.config);
    for (size_t k = 0; k < m.n_layers && k < IMAGES_LOOK; k++)
        look_at_blob(s, &m.layers[k]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(64 << 20);
    _cleanup_close_ int fd = memfd_create("archive", MFD_CLOEXEC);
    _cleanup_close_ int spool = fs_open_dir(AT_FDCWD, "/tmp", NULL);
    struct shale_err e = SHALE_ERR_INIT;
    struct archive *x = NULL;

    if (fd < 0 || spool < 0)
        abort();
    if (size && (data[0] == '{' || data[0] == '['))
        wrap(fd, data, size);
    else if (sys_write_all(fd, data, size) < 0)
        abort();
    if (lseek(fd, 0, SEEK_SET) != 0)
        abort();
    int r = archive_open(fd, spool, NULL, &a, &x, &e);
    if (r < 0) {
        if (e.code != -r || !e.msg[0])
            abort();
        return 0;
    }
    for (size_t i = 0; i < x->n_images && i < IMAGES_LOOK; i++)
        look_at_image(&x->source, &x->images[i], &a);
    archive_close(x);
    return 0;
}
