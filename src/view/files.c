/* SPDX-License-Identifier: Apache-2.0 */
#include "view/files.h"

#include <inttypes.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "view/human.h"
#include "view/list.h"
#include "view/text.h"

#define MAX_DEPTH 1025 /* of names, with the one asked for */

struct files {
    struct files_opts o;
    struct list l;
    bool names; /* a plain line a name */
    struct buf lines;
    struct shale_err e;   /* of files_add */
    bool last[MAX_DEPTH]; /* of a tree: is the one on the way the last of its directory? */
    uint64_t n_dirs, n_files;
};
struct row {
    const struct shale_file *f;
    const struct files_opts *o;
};

enum {
    COL_GID,
    COL_LAYER,
    COL_LAYER_DIGEST,
    COL_LINK,
    COL_LINKS,
    COL_MODE,
    COL_MODIFIED,
    COL_NAME,
    COL_PATH,
    COL_SIZE,
    COL_TOTAL,
    COL_TYPE,
    COL_UID,
};
static const struct list_col cols[] = {
    [COL_GID] = {"Gid", "GID"},
    [COL_LAYER] = {"Layer", "LAYER"},
    [COL_LAYER_DIGEST] = {"LayerDigest", "LAYER DIGEST"},
    [COL_LINK] = {"Link", "LINK"},
    [COL_LINKS] = {"Links", "LINKS"},
    [COL_MODE] = {"Mode", "MODE"},
    [COL_MODIFIED] = {"Modified", "MODIFIED"},
    [COL_NAME] = {"Name", "NAME"},
    [COL_PATH] = {"Path", "PATH"},
    [COL_SIZE] = {"Size", "SIZE"},
    [COL_TOTAL] = {"TotalSize", "TOTAL SIZE"},
    [COL_TYPE] = {"Type", "TYPE"},
    [COL_UID] = {"Uid", "UID"},
};

void files_mode(struct buf *b, const struct shale_file *f)
{
    static const char types[] = "-dlcbp";
    char s[11] = {types[f->kind]};

    for (int i = 0; i < 9; i++)
        s[1 + i] = "rwxrwxrwx"[i];
    for (int i = 0; i < 9; i++)
        if (!(f->mode >> (8 - i) & 1))
            s[1 + i] = '-';
    if (f->mode & S_ISUID)
        s[3] = s[3] == 'x' ? 's' : 'S';
    if (f->mode & S_ISGID)
        s[6] = s[6] == 'x' ? 's' : 'S';
    if (f->mode & S_ISVTX)
        s[9] = s[9] == 'x' ? 't' : 'T';
    buf_adds(b, s);
}

static void put_bytes(const struct row *x, struct buf *b, uint64_t n)
{
    if (x->o->human)
        human_size(b, n);
    else
        buf_addf(b, "%" PRIu64, n);
}

static void put_size(const struct row *x, struct buf *b)
{
    const struct shale_file *f = x->f;

    if (f->kind == SHALE_FILE_CHAR || f->kind == SHALE_FILE_BLOCK)
        buf_addf(b, "%" PRIu32 ",%" PRIu32, f->dev_major, f->dev_minor);
    else
        put_bytes(x, b, f->size_bytes);
}

static void put_name(const struct row *x, struct buf *b)
{
    if (x->o->paths || !*x->f->name)
        buf_addf(b, "/%s", x->f->path);
    else
        buf_adds(b, x->f->name);
}

static void put(const void *row, unsigned col, struct buf *b)
{
    static const char *const types[] = {"file", "dir", "symlink", "char", "block", "fifo"};
    const struct row *x = row;
    const struct shale_file *f = x->f;

    switch (col) {
    case COL_GID:
    case COL_UID:
        buf_addf(b, "%" PRIu32, col == COL_GID ? f->gid : f->uid);
        break;
    case COL_LAYER:
        if (f->layer_number)
            buf_addf(b, "%" PRIu32, f->layer_number);
        else
            buf_adds(b, "-");
        break;
    case COL_LAYER_DIGEST:
        buf_adds(b, f->layer);
        break;
    case COL_LINK:
        buf_adds(b, f->link);
        break;
    case COL_LINKS:
        buf_addf(b, "%" PRIu32, f->n_links);
        break;
    case COL_MODE:
        files_mode(b, f);
        break;
    case COL_MODIFIED:
        human_rfc3339(b, f->mtime_ns);
        break;
    case COL_NAME:
        put_name(x, b);
        break;
    case COL_PATH:
        buf_addf(b, "/%s", f->path);
        break;
    case COL_SIZE:
        put_size(x, b);
        break;
    case COL_TOTAL:
        put_bytes(x, b, f->total_bytes);
        break;
    case COL_TYPE:
        buf_adds(b, types[f->kind]);
        break;
    }
}

static const struct list_view view = {
    .type_name = "*formatter.FileContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

/* The long table names a link's target behind it. */
static void put_long(const void *row, unsigned col, struct buf *b)
{
    const struct row *x = row;

    put(row, col, b);
    if (col == COL_NAME && x->f->kind == SHALE_FILE_SYMLINK)
        buf_addf(b, " -> %s", x->f->link);
}

static const struct list_view long_view = {
    .type_name = "*formatter.FileContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put_long,
};

int files_new(const struct files_opts *o, struct files **ret, struct shale_err *e)
{
    static const unsigned char lng[] = {COL_MODE, COL_LINKS,    COL_UID,  COL_GID,
                                        COL_SIZE, COL_MODIFIED, COL_NAME, COL_LAYER};
    static const unsigned char layers[] = {COL_LAYER, COL_LAYER_DIGEST, COL_NAME};
    const char *format = o->format && *o->format && !streq(o->format, "table") ? o->format : NULL;
    struct list_spec spec = {
        .format = format,
        .cols = o->lng || !o->layers ? lng : layers,
        .n_cols = o->lng || !o->layers ? ARRAY_SIZE(lng) - !o->layers : ARRAY_SIZE(layers),
        .printable = o->printable,
    };
    struct files *f = mem_alloc(sizeof *f);

    if (!f)
        return err_nomem(e);
    f->o = *o;
    f->names = !o->tree && !o->lng && !o->layers && (!o->format || !*o->format);
    buf_init(&f->lines, LIST_MAX_BYTES);
    int r = list_begin(&f->l, format ? &view : &long_view, &spec, e);
    if (r < 0) {
        files_free(f);
        return r;
    }
    *ret = f;
    return 0;
}

/* ---- a tree ---- */

static void put_text(const struct files *f, struct buf *b, const char *text)
{
    if (f->o.printable)
        text_escape(b, str_of(text));
    else
        buf_adds(b, text);
}

static void draw(struct files *f, const struct shale_file *x)
{
    struct buf *b = &f->lines;
    uint32_t depth = x->depth < MAX_DEPTH ? x->depth : MAX_DEPTH - 1;

    f->last[depth] = x->last;
    for (uint32_t i = 1; i < depth; i++)
        buf_adds(b, f->last[i] ? "    " : "│   ");
    if (depth > 0) {
        buf_adds(b, x->last ? "└── " : "├── ");
        if (x->kind == SHALE_FILE_DIRECTORY)
            f->n_dirs++;
        else
            f->n_files++;
    }
    if (f->o.layers && x->layer_number)
        buf_addf(b, "[%" PRIu32 "] ", x->layer_number);
    if (f->o.lng) {
        buf_addc(b, '[');
        human_size(b, x->total_bytes);
        buf_adds(b, "] ");
    }
    if (depth == 0)
        buf_addc(b, '/');
    put_text(f, b, depth == 0 ? x->path : x->name);
    if (x->kind == SHALE_FILE_SYMLINK) {
        buf_adds(b, " -> ");
        put_text(f, b, x->link);
    }
    buf_addc(b, '\n');
}

static void sum_up(struct files *f, struct buf *b)
{
    buf_addf(b, "\n%" PRIu64 " director%s, %" PRIu64 " file%s\n", f->n_dirs,
             f->n_dirs == 1 ? "y" : "ies", f->n_files, f->n_files == 1 ? "" : "s");
}

/* ---- both ---- */

int files_add(void *files, const struct shale_file *x)
{
    struct files *f = files;
    struct row row = {x, &f->o};

    if (!f->o.tree && !f->names)
        return list_row(&f->l, &row, &f->e);
    if (f->o.tree) {
        draw(f, x);
    } else {
        struct buf name = BUF_INIT(LIST_MAX_BYTES);
        put(&row, COL_NAME, &name);
        put_text(f, &f->lines, buf_str(&name));
        buf_addc(&f->lines, '\n');
        buf_fail_with(&f->lines, &name);
        buf_clear(&name);
    }
    return buf_check(&f->lines, &f->e);
}

void files_error(const struct files *f, int r, struct shale_err *e)
{
    if (r < 0 && f->e.code)
        *e = f->e;
}

int files_end(struct files *f, struct buf *out, struct shale_err *e)
{
    if (!f->o.tree && !f->names)
        return list_end(&f->l, out, e);
    buf_add(out, buf_str(&f->lines), f->lines.n);
    if (f->o.tree)
        sum_up(f, out);
    return buf_check(out, e);
}

struct files *files_free(struct files *f)
{
    if (!f)
        return NULL;
    list_clear(&f->l);
    buf_clear(&f->lines);
    free(f);
    return NULL;
}
