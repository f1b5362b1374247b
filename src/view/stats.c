/* SPDX-License-Identifier: Apache-2.0 */
#include "view/stats.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "view/human.h"
#include "view/list.h"

#define NO_VALUE "--"

struct stats_row {
    const struct shale_stats *x;
    const struct stats_view *o;
};

enum {
    COL_BLOCK_IO,
    COL_CPU,
    COL_CONTAINER,
    COL_ID,
    COL_MEM_PERCENT,
    COL_MEM_USAGE,
    COL_NAME,
    COL_NET_IO,
    COL_PIDS,
};
static const struct list_col cols[] = {
    [COL_BLOCK_IO] = {"BlockIO", "BLOCK I/O"},
    [COL_CPU] = {"CPUPerc", "CPU %"},
    [COL_CONTAINER] = {"Container", "CONTAINER"},
    [COL_ID] = {"ID", "CONTAINER ID"},
    [COL_MEM_PERCENT] = {"MemPerc", "MEM %"},
    [COL_MEM_USAGE] = {"MemUsage", "MEM USAGE / LIMIT"},
    [COL_NAME] = {"Name", "NAME"},
    [COL_NET_IO] = {"NetIO", "NET I/O"},
    [COL_PIDS] = {"PIDs", "PIDS"},
};

/* Four digits in binary multiples: "1.5MiB", "512B". */
static void add_binary(struct buf *b, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)bytes;
    size_t i = 0;

    while (v >= 1024.0 && i + 1 < ARRAY_SIZE(units)) {
        v /= 1024.0;
        i++;
    }
    buf_addf(b, "%.4g%s", v, units[i]);
}

static void add_pair(struct buf *b, uint64_t in, uint64_t out)
{
    char a[32], c[32];

    buf_addf(b, "%s / %s", units_human(in, 3, a), units_human(out, 3, c));
}

static double memory_percent(const struct shale_stats *x)
{
    return x->memory_limit_bytes ? 100.0 * (double)x->memory_bytes / (double)x->memory_limit_bytes
                                 : 0;
}

static void put_figure(const struct shale_stats *x, unsigned col, struct buf *b)
{
    switch (col) {
    case COL_BLOCK_IO:
        add_pair(b, x->block_read_bytes, x->block_written_bytes);
        break;
    case COL_CPU:
        buf_addf(b, "%.2f%%", x->cpu_percent);
        break;
    case COL_MEM_PERCENT:
        buf_addf(b, "%.2f%%", memory_percent(x));
        break;
    case COL_MEM_USAGE:
        add_binary(b, x->memory_bytes);
        buf_adds(b, " / ");
        add_binary(b, x->memory_limit_bytes);
        break;
    case COL_NET_IO:
        add_pair(b, x->net_rx_bytes, x->net_tx_bytes);
        break;
    default:
        buf_addf(b, "%" PRIu64, x->n_pids);
        break;
    }
}

static void put(const void *row, unsigned col, struct buf *b)
{
    const struct stats_row *r = row;

    if (col == COL_CONTAINER)
        buf_adds(b, r->x->asked);
    else if (col == COL_NAME)
        buf_adds(b, r->x->name);
    else if (col == COL_ID && r->o->no_trunc)
        buf_adds(b, r->x->id);
    else if (col == COL_ID)
        human_short_id(b, r->x->id);
    else if (!r->x->known)
        buf_adds(b, col == COL_MEM_USAGE ? NO_VALUE " / " NO_VALUE : NO_VALUE);
    else
        put_figure(r->x, col, b);
}

static const struct list_view view = {
    .type_name = "*container.statsContext",
    .cols = cols,
    .n_cols = ARRAY_SIZE(cols),
    .put = put,
};

/* As docker tries a template: what it asks for that there is not shows before there is a row. */
static int try_template(const struct list_spec *spec, const struct stats_view *o,
                        struct shale_err *e)
{
    static const struct shale_stats nothing = {.asked = "", .id = "", .name = "", .known = true};
    const struct stats_row row = {&nothing, o};
    _cleanup_(list_clear) struct list l;
    int r = list_begin(&l, &view, spec, e);

    return r < 0 ? r : list_row(&l, &row, e);
}

int stats_print(const struct shale_stats *v, size_t n, const struct stats_view *o, struct buf *out,
                struct shale_err *e)
{
    static const unsigned char all[] = {COL_ID,          COL_NAME,   COL_CPU,      COL_MEM_USAGE,
                                        COL_MEM_PERCENT, COL_NET_IO, COL_BLOCK_IO, COL_PIDS};
    struct list_spec spec = {
        .format = o->format && !streq(o->format, "table") ? o->format : NULL,
        .cols = all,
        .n_cols = ARRAY_SIZE(all),
        .printable = o->printable,
    };
    _cleanup_(list_clear) struct list l;
    int r = list_begin(&l, &view, &spec, e);

    if (r == 0 && n == 0 && spec.format)
        r = try_template(&spec, o, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        struct stats_row row = {&v[i], o};
        r = list_row(&l, &row, e);
    }
    return r < 0 ? r : list_end(&l, out, e);
}
