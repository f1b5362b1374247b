/* SPDX-License-Identifier: Apache-2.0 */
/* Layer tars. Fed whole and in pieces the reader must say the same, and nothing that it hands out
 * may lead out of the root or out of the archive's own numbers. */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "tar/tar.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_path(struct str s)
{
    struct str part;

    if (s.p[s.n] != 0 || s.n > TAR_MAX_PATH_BYTES || (s.n && s.p[0] == '/'))
        __builtin_trap();
    while (s.n && str_split(&s, '/', &part))
        if (part.n == 0 || str_eq(part, STR("..")) || str_eq(part, STR(".")))
            __builtin_trap();
}

static void check_extents(const struct tar_entry *t)
{
    uint64_t end = 0, used = 0;

    for (size_t i = 0; i < t->n_extents; i++) {
        const struct tar_extent *x = &t->extents[i];
        if (x->file_offset < end || x->n_bytes == 0 || x->data_offset != t->data_offset + used)
            __builtin_trap();
        end = x->file_offset + x->n_bytes;
        used += x->n_bytes;
    }
    if (end > t->size_bytes || used != t->stored_bytes)
        __builtin_trap();
}

static int on_entry(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    struct hash *h = arg;
    const uint64_t numbers[] = {
        t->type,         t->mode,      t->uid,       t->gid,        (uint64_t)t->mtime_s,
        t->mtime_ns,     t->dev_major, t->dev_minor, t->size_bytes, t->data_offset,
        t->stored_bytes, t->n_xattrs,  t->n_extents,
    };

    check_path(t->path);
    if (t->type == TAR_HARDLINK)
        check_path(t->link);
    if (t->sparse)
        check_extents(t);
    if (t->mode & ~07777u || t->mtime_ns > 999999999 || t->n_xattrs > TAR_MAX_XATTRS)
        __builtin_trap();
    hash_update(h, numbers, sizeof numbers);
    hash_update(h, t->path.p, t->path.n + 1);
    hash_update(h, t->link.p, t->link.n + 1);
    for (size_t i = 0; i < t->n_xattrs; i++) {
        hash_update(h, t->xattrs[i].name, strlen(t->xattrs[i].name) + 1);
        hash_update(h, t->xattrs[i].value, t->xattrs[i].value_bytes);
    }
    return 0;
}

/* All that was said, as one digest. */
static void read_all(const uint8_t *data, size_t size, size_t step, char ret[HASH_MAX_HEX + 1])
{
    _cleanup_(hash_clear) struct hash h = {0};
    struct shale_err e = SHALE_ERR_INIT;
    struct tar_reader *r;
    int rc = 0;

    if (hash_init(&h, HASH_SHA256, &e) < 0 || tar_reader_new(on_entry, &h, &r, &e) < 0)
        __builtin_trap();
    for (size_t i = 0; i < size && rc == 0; i += step)
        rc = tar_reader_feed(r, data + i, size - i < step ? size - i : step, &e);
    if (rc == 0)
        rc = tar_reader_end(r, &e);
    if (rc < 0 && (e.code != -rc || !e.msg[0]))
        __builtin_trap();
    tar_reader_free(r);
    hash_update(&h, e.msg, strlen(e.msg));
    hash_hex(&h, ret);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const size_t steps[] = {7, 512, 1000};
    char whole[HASH_MAX_HEX + 1], pieces[HASH_MAX_HEX + 1];

    read_all(data, size, size ? size : 1, whole);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        read_all(data, size, steps[i], pieces);
        if (strcmp(whole, pieces) != 0)
            __builtin_trap();
    }
    return 0;
}
