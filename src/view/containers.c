/* SPDX-License-Identifier: Apache-2.0 */
#include "view/containers.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "base/units.h"
#include "view/human.h"
#include "view/labels.h"
#include "view/list.h"
#include "view/networks.h"
#include "view/text.h"

#define COMMAND_WIDTH 20
#define MOUNTS_WIDTH  15
#define MAX_COMMAND   (16u << 20)

struct ps_row {
    const struct shale_container *c;
    const struct ps_opts *o;
    struct buf *text; /* for what is made in steps; the same for all rows */
};

enum {
    COL_COMMAND,
    COL_CREATED_AT,
    COL_ID,
    COL_IMAGE,
    COL_LABELS,
    COL_LOCAL_VOLUMES,
    COL_MOUNTS,
    COL_NAMES,
    COL_NETWORKS,
    COL_PLATFORM,
    COL_PORTS,
    COL_RUNNING_FOR,
    COL_SIZE,
    COL_STATE,
    COL_STATUS,
};
static const struct list_col cols[] = {
    [COL_COMMAND] = {"Command", "COMMAND"},
    [COL_CREATED_AT] = {"CreatedAt", "CREATED AT"},
    [COL_ID] = {"ID", "CONTAINER ID"},
    [COL_IMAGE] = {"Image", "IMAGE"},
    [COL_LABELS] = {"Labels", "LABELS"},
    [COL_LOCAL_VOLUMES] = {"LocalVolumes", "LOCAL VOLUMES"},
    [COL_MOUNTS] = {"Mounts", "MOUNTS"},
    [COL_NAMES] = {"Names", "NAMES"},
    [COL_NETWORKS] = {"Networks", "NETWORKS"},
    [COL_PLATFORM] = {"Platform", "PLATFORM", LIST_NIL},
    [COL_PORTS] = {"Ports", "PORTS"},
    [COL_RUNNING_FOR] = {"RunningFor", "CREATED"},
    [COL_SIZE] = {"Size", "SIZE"},
    [COL_STATE] = {"State", "STATE"},
    [COL_STATUS] = {"Status", "STATUS"},
};

/* ---- state ---- */

const char *container_state_name(enum shale_container_state s)
{
    static const char *const names[] = {
        [SHALE_CREATED] = "created",       [SHALE_RUNNING] = "running",   [SHALE_PAUSED] = "paused",
        [SHALE_EXITED] = "exited",         [SHALE_REMOVING] = "removing", [SHALE_DEAD] = "dead",
        [SHALE_RESTARTING] = "restarting",
    };
    return names[s];
}

static void add_since(struct buf *b, int64_t t_ns, int64_t now_ns)
{
    char text[64];
    int64_t d = 0;
    if (t_ns != TIME_NONE && __builtin_sub_overflow(now_ns, t_ns, &d))
        d = INT64_MAX;
    buf_adds(b, time_human_duration(d, text));
}

void container_status(const struct shale_container *c, int64_t now_ns, struct buf *b)
{
    switch (c->state) {
    case SHALE_RUNNING:
    case SHALE_PAUSED:
        buf_adds(b, "Up ");
        add_since(b, c->started_ns, now_ns);
        if (c->state == SHALE_PAUSED)
            buf_adds(b, " (Paused)");
        else if (c->health && !streq(c->health, "none"))
            buf_addf(b, " (%s%s)", streq(c->health, "starting") ? "health: " : "", c->health);
        break;
    case SHALE_EXITED:
    case SHALE_RESTARTING:
        buf_adds(b, c->state == SHALE_EXITED ? "Exited (" : "Restarting (");
        buf_addi(b, c->exit_code);
        buf_adds(b, ") ");
        add_since(b, c->finished_ns, now_ns);
        buf_adds(b, " ago");
        break;
    case SHALE_REMOVING:
        buf_adds(b, "Removal In Progress");
        break;
    case SHALE_DEAD:
        buf_adds(b, "Dead");
        break;
    default:
        buf_adds(b, "Created");
        break;
    }
}

/* ---- columns ---- */

/* In quotes; words with blanks in them in single quotes. */
static void put_command(const struct ps_row *x, struct buf *b)
{
    struct buf *text = x->text;
    buf_reset(text);
    for (size_t i = 0; x->c->command && x->c->command[i]; i++) {
        const char *quote = i && strchr(x->c->command[i], ' ') ? "'" : "";
        buf_adds(text, i ? " " : "");
        buf_adds(text, quote);
        buf_adds(text, x->c->command[i]);
        buf_adds(text, quote);
    }
    if (!x->o->no_trunc)
        text_shorten(text, 0, COMMAND_WIDTH);
    buf_fail_with(b, text);
    text_quote(b, (struct str){buf_str(text), text->n});
}

/* The digest is left out where there is a tag. */
static void put_image(const struct ps_row *x, struct buf *b)
{
    const char *image = x->c->image, *at = strchr(image, '@'), *slash = strrchr(image, '/');
    const char *name = slash && (!at || slash < at) ? slash : image;
    const char *colon = strchr(name, ':');
    if (*image == 0)
        buf_adds(b, "<no image>");
    else if (x->o->no_trunc)
        buf_adds(b, image);
    else if (streq(image, x->c->image_id))
        human_short_id(b, image);
    else if (at && colon && colon < at)
        buf_add(b, image, (size_t)(at - image));
    else
        buf_adds(b, image);
}

static void label(const void *row, const char *key, struct buf *b)
{
    const struct ps_row *x = row;
    labels_put_value(x->c->labels_json, key, b);
}

static void put_mounts(const struct ps_row *x, struct buf *b)
{
    bool first = true;
    for (size_t i = 0; i < x->c->n_mounts; i++) {
        const struct shale_container_mount *m = &x->c->mounts[i];
        bool named = m->name && *m->name && !streq(m->type, "image");
        const char *shown = named ? m->name : m->source;
        if (!shown || !*shown) /* tmpfs */
            continue;
        if (!first)
            buf_addc(b, ',');
        first = false;
        size_t from = b->n;
        buf_adds(b, shown);
        if (!x->o->no_trunc)
            text_shorten(b, from, MOUNTS_WIDTH);
    }
}

static unsigned count_volumes(const struct shale_container *c)
{
    unsigned n = 0;
    for (size_t i = 0; i < c->n_mounts; i++)
        n += streq(c->mounts[i].type, "volume");
    return n;
}

static void put_size(const struct ps_row *x, struct buf *b)
{
    human_size(b, x->c->size_rw_bytes > 0 ? (uint64_t)x->c->size_rw_bytes : 0);
    if (x->c->size_root_bytes > 0) {
        buf_adds(b, " (virtual ");
        human_size(b, (uint64_t)x->c->size_root_bytes);
        buf_addc(b, ')');
    }
}

static void put_networks(const struct ps_row *x, struct buf *b)
{
    const char *mode = x->c->network ? x->c->network : "";
    for (size_t i = 0; i < x->c->n_networks; i++) {
        buf_adds(b, i ? "," : "");
        buf_adds(b, x->c->networks[i].name);
    }
    if (streq(mode, "none") || streq(mode, "host"))
        buf_adds(b, mode);
}

static void put_id(const struct ps_row *x, struct buf *b)
{
    if (x->o->no_trunc)
        buf_adds(b, x->c->id);
    else
        human_short_id(b, x->c->id);
}

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct ps_row *x = row;
    switch (col) {
    case COL_COMMAND:
        put_command(x, b);
        break;
    case COL_CREATED_AT:
        human_time(b, x->c->created_ns);
        break;
    case COL_ID:
        put_id(x, b);
        break;
    case COL_IMAGE:
        put_image(x, b);
        break;
    case COL_LABELS:
        labels_put(x->c->labels_json, b);
        break;
    case COL_LOCAL_VOLUMES:
        buf_addf(b, "%u", count_volumes(x->c));
        break;
    case COL_MOUNTS:
        put_mounts(x, b);
        break;
    case COL_NAMES:
        buf_adds(b, x->c->name);
        break;
    case COL_NETWORKS:
        put_networks(x, b);
        break;
    case COL_PORTS:
        networks_put_ports(x->c, b);
        break;
    case COL_RUNNING_FOR:
        human_ago(b, x->c->created_ns, x->o->now_ns);
        break;
    case COL_SIZE:
        put_size(x, b);
        break;
    case COL_STATE:
        buf_adds(b, container_state_name(x->c->state));
        break;
    case COL_STATUS:
        container_status(x->c, x->o->now_ns, b);
        break;
    default:
        break;
    }
}

static const struct list_view ps_view = {
    .type_name = "*formatter.ContainerContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
    .label = label,
};

static const char raw[] = "container_id: {{.ID}}\nimage: {{.Image}}\ncommand: {{.Command}}\n"
                          "created_at: {{.CreatedAt}}\nstate: {{- pad .State 1 0}}\n"
                          "status: {{- pad .Status 1 0}}\nnames: {{.Names}}\n"
                          "labels: {{- pad .Labels 1 0}}\nports: {{- pad .Ports 1 0}}\n";

static const char *template_of(const struct ps_opts *o)
{
    if (!o->format || streq(o->format, "table"))
        return NULL;
    if (streq(o->format, "raw"))
        return o->quiet ? "container_id: {{.ID}}" : raw;
    return o->format;
}

/* docker runs the template once without a container, to see whether it asks for sizes. */
static int try_template(const struct list_spec *spec, const struct ps_opts *o, struct shale_err *e)
{
    static const struct shale_container nothing = {
        .id = "", .name = "", .image = "", .image_id = "", .size_rw_bytes = -1};
    _cleanup_(buf_clear) struct buf text = BUF_INIT(MAX_COMMAND);
    _cleanup_(list_clear) struct list l;
    struct ps_row row = {&nothing, o, &text};
    int r = list_begin(&l, &ps_view, spec, e);
    return r < 0 ? r : list_row(&l, &row, e);
}

int ps_print(const struct shale_container_list *containers, const struct ps_opts *o,
             struct buf *out, struct shale_err *e)
{
    static const unsigned char all[] = {COL_ID,     COL_IMAGE, COL_COMMAND, COL_RUNNING_FOR,
                                        COL_STATUS, COL_PORTS, COL_NAMES,   COL_SIZE};
    static const unsigned char id[] = {COL_ID};
    struct list_spec spec = {
        .format = template_of(o),
        .cols = o->quiet ? id : all,
        .n_cols = o->quiet ? 1 : ARRAY_SIZE(all) - (o->with_size ? 0 : 1),
        .quiet = o->quiet,
        .printable = o->printable,
    };
    _cleanup_(buf_clear) struct buf text = BUF_INIT(MAX_COMMAND);
    _cleanup_(list_clear) struct list l;
    int r = list_begin(&l, &ps_view, &spec, e);
    if (r == 0 && containers->n_items == 0 && spec.format)
        r = try_template(&spec, o, e);
    for (size_t i = 0; r == 0 && i < containers->n_items; i++) {
        struct ps_row row = {&containers->items[i], o, &text};
        r = list_row(&l, &row, e);
    }
    return r < 0 ? r : list_end(&l, out, e);
}
