/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "tar/tar_reader_priv.h"

typedef int (*begin_fn)(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                        struct shale_err *e);

/* ---- what comes from where: GNU long names, then PAX, then global PAX, then the header ---- */

static const struct tar_pax *find_pax(const struct tar_reader *r, unsigned bit)
{
    if (r->pax.set & bit)
        return &r->pax;
    if (r->global.set & bit && !(r->pax.masked & bit))
        return &r->global;
    return NULL;
}

static uint64_t data_bytes(const struct tar_reader *r, const struct tar_header *h)
{
    const struct tar_pax *x = find_pax(r, TAR_PAX_SIZE);

    return x ? x->size_bytes : h->size_bytes;
}

/* Fills r->path. Returns 1 if the name ended in a slash. */
static int resolve_path(struct tar_reader *r, const struct tar_header *h, struct shale_err *e)
{
    const struct tar_pax *x = find_pax(r, TAR_PAX_PATH);
    struct str name = h->name;
    int rc;

    tar_path_clear(&r->path);
    if (r->pax.set & TAR_PAX_SPARSE_NAME) {
        name = r->pax.sparse_name;
    } else if (r->has_long_name) {
        name = tar_text_field((const uint8_t *)buf_str(&r->long_name), r->long_name.n);
    } else if (x) {
        name = x->path;
    } else {
        rc = tar_path_add(&r->path, h->prefix, e);
        if (rc < 0)
            return rc;
    }
    rc = tar_path_add(&r->path, name, e);
    if (rc < 0)
        return rc;
    return name.n > 0 && name.p[name.n - 1] == '/';
}

static struct str link_text(struct tar_reader *r, const struct tar_header *h)
{
    const struct tar_pax *x = find_pax(r, TAR_PAX_LINK);

    if (r->has_long_link)
        return tar_text_field((const uint8_t *)buf_str(&r->long_link), r->long_link.n);
    return x ? x->link : h->link;
}

static void resolve_owner(struct tar_reader *r, const struct tar_header *h)
{
    const struct tar_pax *x;
    struct tar_entry *t = &r->entry;

    t->mode = h->mode;
    x = find_pax(r, TAR_PAX_UID);
    t->uid = x ? (uint32_t)x->uid : h->uid;
    x = find_pax(r, TAR_PAX_GID);
    t->gid = x ? (uint32_t)x->gid : h->gid;
    x = find_pax(r, TAR_PAX_MTIME);
    t->mtime_s = x ? x->mtime_s : h->mtime_s;
    t->mtime_ns = x ? x->mtime_ns : 0;
}

static int resolve_xattrs(struct tar_reader *r, struct shale_err *e)
{
    const struct tar_pax *x = r->global.n_xattrs ? &r->merged : &r->pax;

    if (r->global.n_xattrs) {
        r->merged.n_xattrs = 0;
        for (size_t i = 0; i < r->global.n_xattrs + r->pax.n_xattrs; i++) {
            size_t own = i - r->global.n_xattrs;
            int rc = tar_pax_put_xattr(
                &r->merged, i < r->global.n_xattrs ? &r->global.xattrs[i] : &r->pax.xattrs[own], e);
            if (rc < 0)
                return rc;
        }
    }
    r->entry.xattrs = x->xattrs;
    r->entry.n_xattrs = x->n_xattrs;
    return 0;
}

/* ---- members ---- */

static void forget_said(struct tar_reader *r)
{
    if (r->has_pax)
        tar_pax_reset(&r->pax);
    r->has_pax = r->has_long_name = r->has_long_link = false;
}

/* The rest of a member is data of `n_bytes`, padded to whole blocks: pass over it. */
static int skip_data(struct tar_reader *r, uint64_t n_bytes, struct shale_err *e)
{
    if (n_bytes > (uint64_t)INT64_MAX - TAR_BLOCK - r->offset)
        return err_set(e, SHALE_CORRUPT, "the size of a member is out of range");
    r->skip_bytes = (n_bytes + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
    r->state = WANT_HEADER;
    return 0;
}

/* Starts r->entry: everything that all kinds of members have. Returns 1 if the name ended in a
 * slash. */
static int begin_member(struct tar_reader *r, const struct tar_header *h, enum tar_type type,
                        struct shale_err *e)
{
    int slash, rc;

    if (r->n_members >= TAR_MAX_ENTRIES)
        return err_set(e, SHALE_LIMIT, "more than %d members", TAR_MAX_ENTRIES);
    r->n_members++;
    slash = resolve_path(r, h, e);
    if (slash < 0)
        return slash;
    r->entry = (struct tar_entry){.type = type};
    resolve_owner(r, h);
    rc = resolve_xattrs(r, e);
    if (rc < 0)
        return rc;
    r->entry.path = (struct str){r->path.s, r->path.n};
    r->entry.link = STR("");
    return slash;
}

/* Hands r->entry out and forgets what was said about it. */
static int emit(struct tar_reader *r, struct shale_err *e)
{
    int rc;

    if (r->path.n == 0 && r->entry.type != TAR_DIR)
        return err_set(e, SHALE_CORRUPT, "a member that is no directory has no name");
    rc = r->on_entry(r->arg, &r->entry, e);
    if (rc < 0) {
        r->callback_failed = true;
        return rc;
    }
    forget_said(r);
    return 0;
}

/* Members without data. Some writers give a size nevertheless: it means nothing. */
static int emit_bare(struct tar_reader *r, struct shale_err *e)
{
    if (r->pax.set & TAR_PAX_SPARSE_ALL)
        return err_set(e, SHALE_CORRUPT, "a member without data has a map of its data");
    r->entry.data_offset = r->offset;
    return emit(r, e);
}

static int begin_dir(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                     struct shale_err *e)
{
    int rc = begin_member(r, h, TAR_DIR, e);
    return rc < 0 ? rc : emit_bare(r, e);
}

/* A directory of a GNU incremental archive: its data is a list of names. */
static int begin_dump_dir(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                          struct shale_err *e)
{
    uint64_t n_bytes = data_bytes(r, h);
    int rc = begin_dir(r, h, block, e);
    return rc < 0 ? rc : skip_data(r, n_bytes, e);
}

static int begin_fifo(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                      struct shale_err *e)
{
    int rc = begin_member(r, h, TAR_FIFO, e);
    return rc < 0 ? rc : emit_bare(r, e);
}

static int begin_device(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                        struct shale_err *e)
{
    const struct tar_pax *x;
    int rc = begin_member(r, h, h->flag == '3' ? TAR_CHAR : TAR_BLOCKDEV, e);
    if (rc < 0)
        return rc;
    x = find_pax(r, TAR_PAX_DEV_MAJOR);
    r->entry.dev_major = x ? (uint32_t)x->dev_major : h->dev_major;
    x = find_pax(r, TAR_PAX_DEV_MINOR);
    r->entry.dev_minor = x ? (uint32_t)x->dev_minor : h->dev_minor;
    return emit_bare(r, e);
}

static int begin_symlink(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                         struct shale_err *e)
{
    int rc = begin_member(r, h, TAR_SYMLINK, e);
    if (rc < 0)
        return rc;
    rc = tar_path_set_raw(&r->link, link_text(r, h), e);
    if (rc < 0)
        return rc;
    if (r->link.n == 0)
        return err_set(e, SHALE_CORRUPT, "a symbolic link without a target");
    r->entry.link = (struct str){r->link.s, r->link.n};
    return emit_bare(r, e);
}

static int begin_hardlink(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                          struct shale_err *e)
{
    int rc = begin_member(r, h, TAR_HARDLINK, e);
    if (rc < 0)
        return rc;
    tar_path_clear(&r->link);
    rc = tar_path_add(&r->link, link_text(r, h), e);
    if (rc < 0)
        return rc;
    if (r->link.n == 0)
        return err_set(e, SHALE_CORRUPT, "a hard link without a target");
    r->entry.link = (struct str){r->link.s, r->link.n};
    return emit_bare(r, e);
}

/* A type that is not known: nothing of it is used. */
static int begin_unknown(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                         struct shale_err *e)
{
    uint64_t n_bytes = data_bytes(r, h);

    if (r->n_members >= TAR_MAX_ENTRIES)
        return err_set(e, SHALE_LIMIT, "more than %d members", TAR_MAX_ENTRIES);
    r->n_members++;
    forget_said(r);
    return skip_data(r, n_bytes, e);
}

/* ---- sparse members ---- */

/* The map is complete, the data starts here. */
static int emit_sparse(struct tar_reader *r, uint64_t stored, struct shale_err *e)
{
    struct tar_entry *t = &r->entry;
    int rc;

    rc = skip_data(r, stored, e);
    if (rc < 0)
        return rc;
    rc = tar_sparse_finish(&r->sparse, t->size_bytes, r->offset, stored, e);
    if (rc < 0)
        return rc;
    t->sparse = true;
    t->data_offset = r->offset;
    t->stored_bytes = stored;
    t->extents = r->sparse.v;
    t->n_extents = r->sparse.n;
    return emit(r, e);
}

/* 0.0 and 0.1: the map is in the PAX header. */
static int begin_sparse_0(struct tar_reader *r, uint64_t stored, struct shale_err *e)
{
    if (r->pax.set & TAR_PAX_SPARSE_MAP) {
        tar_sparse_reset(&r->sparse);
        int rc = tar_sparse_parse_text(&r->sparse, r->pax.sparse_map, e);
        if (rc < 0)
            return rc;
    }
    if (r->pax.set & TAR_PAX_SPARSE_COUNT && r->pax.sparse_count != r->sparse.n)
        return err_set(e, SHALE_CORRUPT, "the map of a sparse member is not of the size it says");
    return emit_sparse(r, stored, e);
}

static int begin_sparse_pax(struct tar_reader *r, uint64_t stored, struct shale_err *e)
{
    const struct tar_pax *x = &r->pax;
    uint64_t major = x->set & TAR_PAX_SPARSE_MAJOR ? x->sparse_major : 0;
    uint64_t minor = x->set & TAR_PAX_SPARSE_MINOR ? x->sparse_minor : 0;

    r->entry.size_bytes = x->set & TAR_PAX_SPARSE_SIZE ? x->sparse_size : stored;
    if (major == 0 && minor <= 1)
        return begin_sparse_0(r, stored, e);
    if (major != 1 || minor != 0)
        return err_set(e, SHALE_UNSUPPORTED, "sparse member of the unknown format %llu.%llu",
                       (unsigned long long)major, (unsigned long long)minor);
    tar_sparse_reset(&r->sparse);
    r->stored_left = stored;
    r->state = WANT_MAP;
    return 0;
}

int tar_member_map(struct tar_reader *r, const uint8_t *block, struct shale_err *e)
{
    int rc;

    if (r->stored_left < TAR_BLOCK)
        return err_set(e, SHALE_CORRUPT, "the map of a sparse member is longer than the member");
    r->stored_left -= TAR_BLOCK;
    rc = tar_sparse_map_block(&r->sparse, block, e);
    if (rc < 0)
        return rc;
    return rc > 0 ? 0 : emit_sparse(r, r->stored_left, e);
}

static int begin_sparse_gnu(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                            struct shale_err *e)
{
    enum { AT_REAL_SIZE = 483, N_REAL_SIZE = 12 };
    int64_t real_size;
    int rc;

    if (h->format != TAR_FORMAT_GNU || r->pax.set & TAR_PAX_SPARSE_ALL)
        return err_set(e, SHALE_CORRUPT, "sparse member of an unknown kind");
    if (!tar_number_parse(block + AT_REAL_SIZE, N_REAL_SIZE, &real_size) || real_size < 0)
        return err_set(e, SHALE_CORRUPT, "the size of a sparse member is not a number");
    rc = begin_member(r, h, TAR_REG, e);
    if (rc < 0)
        return rc;
    r->entry.size_bytes = (uint64_t)real_size;
    r->stored_left = data_bytes(r, h);
    tar_sparse_reset(&r->sparse);
    rc = tar_sparse_parse_gnu(&r->sparse, block + TAR_GNU_SPARSE_AT, TAR_GNU_SPARSE_N, e);
    if (rc < 0)
        return rc;
    if (rc == 0)
        return emit_sparse(r, r->stored_left, e);
    r->state = WANT_EXTENSION;
    return 0;
}

int tar_member_extension(struct tar_reader *r, const uint8_t *block, struct shale_err *e)
{
    int rc = tar_sparse_parse_gnu(&r->sparse, block, TAR_GNU_EXTENSION_N, e);
    if (rc < 0)
        return rc;
    return rc > 0 ? 0 : emit_sparse(r, r->stored_left, e);
}

/* ---- regular files ---- */

/* Archives from before POSIX have no type for directories: the name ends in a slash. */
static bool is_old_dir(const struct tar_header *h)
{
    return h->flag == 0 || (h->flag == '0' && h->format == TAR_FORMAT_V7);
}

static int begin_regular(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                         struct shale_err *e)
{
    uint64_t n_bytes = data_bytes(r, h);
    int rc = begin_member(r, h, TAR_REG, e);
    if (rc < 0)
        return rc;
    if (rc > 0 && is_old_dir(h)) {
        r->entry.type = TAR_DIR;
        rc = emit_bare(r, e);
        return rc < 0 ? rc : skip_data(r, n_bytes, e);
    }
    if (r->pax.set & TAR_PAX_SPARSE_ALL)
        return begin_sparse_pax(r, n_bytes, e);
    rc = skip_data(r, n_bytes, e);
    if (rc < 0)
        return rc;
    r->entry.size_bytes = r->entry.stored_bytes = n_bytes;
    r->entry.data_offset = r->offset;
    return emit(r, e);
}

static const begin_fn by_flag[128] = {
    [0] = begin_regular,   ['0'] = begin_regular,  ['1'] = begin_hardlink,   ['2'] = begin_symlink,
    ['3'] = begin_device,  ['4'] = begin_device,   ['5'] = begin_dir,        ['6'] = begin_fifo,
    ['7'] = begin_regular, ['D'] = begin_dump_dir, ['S'] = begin_sparse_gnu,
};

int tar_member_begin(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                     struct shale_err *e)
{
    begin_fn begin = h->flag < 128 ? by_flag[h->flag] : NULL;

    return begin ? begin(r, h, block, e) : begin_unknown(r, h, block, e);
}
