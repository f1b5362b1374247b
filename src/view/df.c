/* SPDX-License-Identifier: Apache-2.0 */
#include "view/df.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "view/build_cache.h"
#include "view/containers.h"
#include "view/human.h"
#include "view/list.h"

static void put_bytes(struct buf *b, uint64_t bytes)
{
    char text[32];
    buf_adds(b, units_human(bytes, 4, text));
}

/* ---- one row a kind ---- */

struct kind {
    const char *name;
    size_t n, n_active;
    uint64_t size, reclaimable;
};

enum { KIND_ACTIVE, KIND_RECLAIMABLE, KIND_SIZE, KIND_TOTAL, KIND_TYPE };
static const struct list_col kind_cols[] = {
    [KIND_ACTIVE] = {"Active", "ACTIVE"}, [KIND_RECLAIMABLE] = {"Reclaimable", "RECLAIMABLE"},
    [KIND_SIZE] = {"Size", "SIZE"},       [KIND_TOTAL] = {"TotalCount", "TOTAL"},
    [KIND_TYPE] = {"Type", "TYPE"},
};

static void put_kind(const void *row, unsigned col, struct buf *b)
{
    const struct kind *k = row;
    switch (col) {
    case KIND_ACTIVE:
        buf_addf(b, "%zu", k->n_active);
        break;
    case KIND_RECLAIMABLE:
        put_bytes(b, k->reclaimable);
        if (k->size)
            buf_addf(b, " (%llu%%)", (unsigned long long)(k->reclaimable * 100 / k->size));
        break;
    case KIND_SIZE:
        put_bytes(b, k->size);
        break;
    case KIND_TOTAL:
        buf_addf(b, "%zu", k->n);
        break;
    default:
        buf_adds(b, k->name);
        break;
    }
}

static const struct list_view kinds_view = {
    .type_name = "*formatter.diskUsageContext",
    .cols = kind_cols,
    .n_cols = ARRAY_SIZE(kind_cols),
    .put = put_kind,
};

/* In use is what images with containers have for themselves, as docker counts. */
static struct kind kind_images(const struct shale_df *d)
{
    struct kind k = {.name = "Images", .n = d->n_images, .size = d->layers_bytes};
    uint64_t used = 0;
    for (size_t i = 0; i < d->n_images; i++) {
        if (d->images[i].image.n_containers == 0)
            continue;
        k.n_active++;
        used += d->images[i].unique_bytes;
    }
    k.reclaimable = used < k.size ? k.size - used : 0;
    return k;
}

static struct kind kind_containers(const struct shale_df *d)
{
    struct kind k = {.name = "Containers", .n = d->n_containers};
    for (size_t i = 0; i < d->n_containers; i++) {
        const struct shale_container *c = &d->containers[i];
        uint64_t size = c->size_rw_bytes > 0 ? (uint64_t)c->size_rw_bytes : 0;
        bool active = c->state == SHALE_RUNNING || c->state == SHALE_PAUSED;
        k.size += size;
        k.n_active += active;
        k.reclaimable += active ? 0 : size;
    }
    return k;
}

static struct kind kind_volumes(const struct shale_df *d)
{
    struct kind k = {.name = "Local Volumes", .n = d->n_volumes};
    for (size_t i = 0; i < d->n_volumes; i++) {
        bool active = d->volumes[i].volume.n_containers > 0;
        k.size += d->volumes[i].size_bytes;
        k.n_active += active;
        k.reclaimable += active ? 0 : d->volumes[i].size_bytes;
    }
    return k;
}

/* What an image has, too, is in use. */
static struct kind kind_cache(const struct shale_df *d)
{
    return (struct kind){.name = "Build Cache",
                         .n = d->cache.n_items,
                         .size = d->cache.size_bytes,
                         .reclaimable = d->cache.reclaimable_bytes};
}

static int print_kinds(const struct shale_df *d, const struct df_opts *o, struct buf *out,
                       struct shale_err *e)
{
    static const unsigned char all[] = {KIND_TYPE, KIND_TOTAL, KIND_ACTIVE, KIND_SIZE,
                                        KIND_RECLAIMABLE};
    const struct kind kinds[] = {kind_images(d), kind_containers(d), kind_volumes(d),
                                 kind_cache(d)};
    struct list_spec spec = {
        .format = streq(o->format, "table") ? NULL : o->format,
        .cols = all,
        .n_cols = ARRAY_SIZE(all),
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list l;
    int r = list_begin(&l, &kinds_view, &spec, e);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kinds); i++)
        r = list_row(&l, &kinds[i], e);
    return r < 0 ? r : list_end(&l, out, e);
}

/* ---- images ---- */

struct image_row {
    const struct shale_df_image *d;
    int64_t now_ns;
};

enum {
    IMAGE_CONTAINERS,
    IMAGE_CREATED_AT,
    IMAGE_CREATED_SINCE,
    IMAGE_ID,
    IMAGE_REPOSITORY,
    IMAGE_SHARED,
    IMAGE_SIZE,
    IMAGE_TAG,
    IMAGE_UNIQUE,
};
static const struct list_col image_cols[] = {
    [IMAGE_CONTAINERS] = {"Containers", "CONTAINERS"},
    [IMAGE_CREATED_AT] = {"CreatedAt", "CREATED AT"},
    [IMAGE_CREATED_SINCE] = {"CreatedSince", "CREATED"},
    [IMAGE_ID] = {"ID", "IMAGE ID"},
    [IMAGE_REPOSITORY] = {"Repository", "REPOSITORY"},
    [IMAGE_SHARED] = {"SharedSize", "SHARED SIZE"},
    [IMAGE_SIZE] = {"Size", "SIZE"},
    [IMAGE_TAG] = {"Tag", "TAG"},
    [IMAGE_UNIQUE] = {"UniqueSize", "UNIQUE SIZE"},
};

static void put_image(const void *row, unsigned col, struct buf *b)
{
    const struct image_row *x = row;
    const struct shale_image *i = &x->d->image;
    uint64_t unique = x->d->unique_bytes;
    switch (col) {
    case IMAGE_CONTAINERS:
        buf_addf(b, "%lld", (long long)i->n_containers);
        break;
    case IMAGE_CREATED_AT:
        human_time(b, i->created_ns);
        break;
    case IMAGE_CREATED_SINCE:
        human_ago(b, i->created_ns, x->now_ns);
        break;
    case IMAGE_ID:
        human_short_id(b, i->id);
        break;
    case IMAGE_REPOSITORY: /* of its first name alone: an image is counted once */
        buf_adds(b, i->n_names ? i->names[0].repo : "<none>");
        break;
    case IMAGE_SHARED:
        put_bytes(b, i->size_bytes > unique ? i->size_bytes - unique : 0);
        break;
    case IMAGE_SIZE:
        human_size(b, i->size_bytes);
        break;
    case IMAGE_TAG:
        buf_adds(b, i->n_names && i->names[0].tag ? i->names[0].tag : "<none>");
        break;
    default:
        put_bytes(b, unique);
        break;
    }
}

static int print_images(const struct shale_df *d, const struct df_opts *o, struct buf *out,
                        struct shale_err *e)
{
    static const struct list_view view = {"*formatter.imageContext", image_cols,
                                          ARRAY_SIZE(image_cols), put_image, NULL};
    static const unsigned char shown[] = {
        IMAGE_REPOSITORY, IMAGE_TAG,    IMAGE_ID,     IMAGE_CREATED_SINCE,
        IMAGE_SIZE,       IMAGE_SHARED, IMAGE_UNIQUE, IMAGE_CONTAINERS,
    };
    struct list_spec spec = {.format = o->format, .cols = shown, .n_cols = ARRAY_SIZE(shown)};
    _cleanup_(list_clear) struct list l;
    int r = list_begin(&l, &view, &spec, e);
    for (size_t i = 0; r == 0 && i < d->n_images; i++)
        r = list_row(&l, &(struct image_row){&d->images[i], o->now_ns}, e);
    return r < 0 ? r : list_end(&l, out, e);
}

/* ---- containers ---- */

static int print_containers(const struct shale_df *d, const struct df_opts *o, struct buf *out,
                            struct shale_err *e)
{
    struct shale_container_list list = {.items = d->containers, .n_items = d->n_containers};
    struct ps_opts ps = {
        .format = o->format ? o->format
                            : "table {{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t"
                              "{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}",
        .with_size = true,
        .printable = o->printable,
        .now_ns = o->now_ns,
    };
    return ps_print(&list, &ps, out, e);
}

/* ---- volumes ---- */

enum { VOLUME_LINKS, VOLUME_NAME, VOLUME_SIZE };
static const struct list_col volume_cols[] = {
    [VOLUME_LINKS] = {"Links", "LINKS"},
    [VOLUME_NAME] = {"Name", "VOLUME NAME"},
    [VOLUME_SIZE] = {"Size", "SIZE"},
};

static void put_volume(const void *row, unsigned col, struct buf *b)
{
    const struct shale_df_volume *v = row;
    if (col == VOLUME_LINKS)
        buf_addf(b, "%u", v->volume.n_containers);
    else if (col == VOLUME_NAME)
        buf_adds(b, v->volume.name);
    else
        put_bytes(b, v->size_bytes);
}

static int print_volumes(const struct shale_df *d, const struct df_opts *o, struct buf *out,
                         struct shale_err *e)
{
    static const struct list_view view = {"*formatter.volumeContext", volume_cols,
                                          ARRAY_SIZE(volume_cols), put_volume, NULL};
    static const unsigned char shown[] = {VOLUME_NAME, VOLUME_LINKS, VOLUME_SIZE};
    struct list_spec spec = {.format = o->format, .cols = shown, .n_cols = ARRAY_SIZE(shown)};
    _cleanup_(list_clear) struct list l;
    int r = list_begin(&l, &view, &spec, e);
    for (size_t i = 0; r == 0 && i < d->n_volumes; i++)
        r = list_row(&l, &d->volumes[i], e);
    return r < 0 ? r : list_end(&l, out, e);
}

/* ---- the store ---- */

enum { PART_BYTES, PART_FILES, PART_NAME, PART_PATH, PART_SIZE };
static const struct list_col part_cols[] = {
    [PART_BYTES] = {"Bytes", "BYTES"}, [PART_FILES] = {"Files", "FILES"},
    [PART_NAME] = {"Name", "NAME"},    [PART_PATH] = {"Path", "PATH"},
    [PART_SIZE] = {"Size", "SIZE"},
};

static void put_part(const void *row, unsigned col, struct buf *b)
{
    const struct shale_df_part *p = row;
    switch (col) {
    case PART_BYTES:
        buf_addf(b, "%llu", (unsigned long long)p->size_bytes);
        break;
    case PART_FILES:
        buf_addf(b, "%llu", (unsigned long long)p->n_files);
        break;
    case PART_NAME:
        buf_adds(b, p->name);
        break;
    case PART_PATH:
        buf_adds(b, p->path);
        break;
    default:
        put_bytes(b, p->size_bytes);
        break;
    }
}

static int print_parts(const struct shale_df *d, const struct df_opts *o, struct buf *out,
                       struct shale_err *e)
{
    static const struct list_view view = {"*formatter.storeContext", part_cols,
                                          ARRAY_SIZE(part_cols), put_part, NULL};
    static const unsigned char shown[] = {PART_NAME, PART_PATH, PART_FILES, PART_SIZE, PART_BYTES};
    struct shale_df_part total = {"Total", "", 0, d->total_bytes};
    struct list_spec spec = {.format = o->format, .cols = shown, .n_cols = ARRAY_SIZE(shown)};
    _cleanup_(list_clear) struct list l;
    int r = list_begin(&l, &view, &spec, e);
    for (size_t i = 0; r == 0 && i < d->n_parts; i++) {
        total.n_files += d->parts[i].n_files;
        r = list_row(&l, &d->parts[i], e);
    }
    if (r == 0)
        r = list_row(&l, &total, e);
    return r < 0 ? r : list_end(&l, out, e);
}

/* ---- all of it ---- */

static int print_build_cache(const struct shale_df *d, const struct df_opts *o, struct buf *out,
                             struct shale_err *e)
{
    return build_cache_rows(&d->cache, o->format, o->now_ns, out, e);
}

static const struct section {
    const char *title, *key; /* the cache's title ends with its size */
    int (*print)(const struct shale_df *d, const struct df_opts *o, struct buf *out,
                 struct shale_err *e);
} sections[] = {
    {"Images space usage:", "Images", print_images},
    {"Containers space usage:", "Containers", print_containers},
    {"Local Volumes space usage:", "Volumes", print_volumes},
    {"Build cache usage: ", "BuildCache", print_build_cache},
    {"Store space usage:", "Store", print_parts},
};

/* {"Images":[…],…}: the lines of a section are its items, and have no newlines in them. */
static int print_json(const struct shale_df *d, const struct df_opts *o, struct buf *out,
                      struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf lines = BUF_INIT(LIST_MAX_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(sections); i++) {
        buf_reset(&lines);
        int r = sections[i].print(d, o, &lines, e);
        if (r < 0)
            return r;
        buf_addf(out, "%s\"%s\":[", i ? "," : "{", sections[i].key);
        for (size_t k = 0; k + 1 < lines.n; k++)
            buf_addc(out, lines.p[k] == '\n' ? ',' : lines.p[k]);
        buf_addc(out, ']');
    }
    buf_adds(out, "}\n");
    return buf_check(out, e);
}

int df_check(const struct df_opts *o, struct shale_err *e)
{
    if (!o->verbose || !o->format || streq(o->format, "json"))
        return 0;
    return err_set(e, SHALE_UNSUPPORTED,
                   "templates with --verbose are not supported yet: use --format json");
}

int df_print(const struct shale_df *d, const struct df_opts *o, struct buf *out,
             struct shale_err *e)
{
    int r = df_check(o, e);
    if (r < 0)
        return r;
    if (!o->verbose)
        return print_kinds(d, o, out, e);
    if (o->format)
        return print_json(d, o, out, e);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sections); i++) {
        buf_addf(out, "%s%s", i ? "\n" : "", sections[i].title);
        if (sections[i].print == print_build_cache)
            put_bytes(out, d->cache.size_bytes);
        buf_adds(out, "\n\n");
        r = sections[i].print(d, o, out, e);
    }
    return r < 0 ? r : buf_check(out, e);
}
