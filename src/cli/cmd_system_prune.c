/* SPDX-License-Identifier: Apache-2.0 */
/* system prune: container, network, volume, image and builder prune, one after the other. */
#include <shale/build.h>
#include <shale/life.h>
#include <shale/network.h>
#include <shale/prune.h>
#include <shale/volume.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/pruned.h"

struct prune_opts {
    bool all, force, volumes;
    struct strv filter;
};

#define O(field) offsetof(struct prune_opts, field)
static const struct opt opts[] = {
    {'a', "all", OPT_BOOL, O(all), NULL, "Remove all unused images, not just dangling ones"},
    {0, "filter", OPT_FILTER, O(filter), NULL,
     "Provide filter values (e.g. \"label=<key>=<value>\")"},
    {'f', "force", OPT_BOOL, O(force), NULL, "Do not prompt for confirmation"},
    {0, "volumes", OPT_BOOL, O(volumes), NULL, "Prune anonymous volumes"},
    {0},
};

static bool ask(const struct prune_opts *o)
{
    _cleanup_(buf_clear) struct buf text = BUF_INIT(CLI_MAX_OUTPUT);

    buf_adds(&text, "WARNING! This will remove:\n  - all stopped containers\n"
                    "  - all networks not used by at least one container\n");
    if (o->volumes)
        buf_adds(&text, "  - all anonymous volumes not used by at least one container\n");
    buf_adds(&text, o->all ? "  - all images without at least one container associated to them\n"
                           : "  - all dangling images\n");
    buf_adds(&text, o->all ? "  - all build cache\n" : "  - unused build cache\n");
    if (o->filter.n)
        buf_adds(&text, "\n  Items to be pruned will be filtered with:\n");
    for (size_t i = 0; i < o->filter.n; i++)
        buf_addf(&text, "  - %s\n", o->filter.v[i]);
    return buf_check(&text, NULL) == 0 && confirm(buf_str(&text));
}

/* Each prints what it has removed, so that it is known also when a later one fails. */

static int prune_containers(struct cli *c, struct shale *s, const struct prune_opts *o,
                            uint64_t *freed)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_container_prune_opts q = {.size = sizeof q,
                                           .filters = (const char *const *)o->filter.v};
    struct shale_container_pruned *res = NULL;
    int r = shale_container_prune(s, &q, &res, &c->e);

    if (r < 0 || !res)
        return r;
    pruned_put(&out, "Deleted Containers:", res->ids, res->n_ids);
    *freed += res->freed_bytes;
    shale_free(res);
    return cli_print(c, &out);
}

static int prune_networks(struct cli *c, struct shale *s, const struct prune_opts *o,
                          uint64_t *freed)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_network_prune_opts q = {.size = sizeof q,
                                         .filters = (const char *const *)o->filter.v};
    struct shale_network_pruned *res = NULL;
    int r = shale_network_prune(s, &q, &res, &c->e);

    if (r < 0 || !res)
        return r;
    pruned_put(&out, "Deleted Networks:", res->names, res->n_names);
    shale_free(res);
    return cli_print(c, &out);
}

static int prune_volumes(struct cli *c, struct shale *s, const struct prune_opts *o,
                         uint64_t *freed)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_volume_prune_opts q = {.size = sizeof q,
                                        .filters = (const char *const *)o->filter.v};
    struct shale_volume_pruned *res = NULL;
    int r = o->volumes ? shale_volume_prune(s, &q, &res, &c->e) : 0;

    if (r < 0 || !res)
        return r;
    pruned_put(&out, "Deleted Volumes:", res->names, res->n_names);
    *freed += res->freed_bytes;
    shale_free(res);
    return cli_print(c, &out);
}

static int prune_images(struct cli *c, struct shale *s, const struct prune_opts *o, uint64_t *freed)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_image_prune_opts q = {
        .size = sizeof q, .all = o->all, .filters = (const char *const *)o->filter.v};
    struct shale_rmi_result *res = NULL;
    int r = shale_image_prune(s, &q, &res, &c->e);

    if (r < 0 || !res)
        return r;
    pruned_put_images(&out, "Deleted Images:", res);
    *freed += res->freed_bytes;
    shale_free(res);
    return cli_print(c, &out);
}

/* Filters by label are not of records; docker leaves the cache alone, too, then. */
static int prune_cache(struct cli *c, struct shale *s, const struct prune_opts *o, uint64_t *freed)
{
    struct shale_build_prune_opts q = {
        .size = sizeof q, .all = o->all, .filters = (const char *const *)o->filter.v};
    struct shale_build_pruned *res = NULL;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    int r = 0;

    for (size_t i = 0; i < o->filter.n; i++)
        if (!str_has_prefix(o->filter.v[i], "until="))
            return 0;
    r = shale_build_prune(s, &q, &res, &c->e);
    if (r < 0 || !res)
        return r;
    const char **ids = arena_array(&c->arena, res->n_items + 1, sizeof *ids);
    for (size_t i = 0; ids && i < res->n_items; i++)
        ids[i] = res->items[i].id;
    if (ids)
        pruned_put(&out, "Deleted build cache objects:", ids, res->n_items);
    *freed += res->freed_bytes;
    shale_free(res);
    return ids ? cli_print(c, &out) : err_nomem(&c->e);
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    static int (*const steps[])(struct cli * c, struct shale * s, const struct prune_opts *o,
                                uint64_t *freed) = {prune_containers, prune_networks, prune_volumes,
                                                    prune_images, prune_cache};
    const struct prune_opts *o = opts_;
    uint64_t freed = 0;
    char size[32];
    struct shale *s;

    for (size_t i = 0; o->volumes && i < o->filter.n; i++)
        if (str_has_prefix(o->filter.v[i], "until="))
            return err_set(&c->e, SHALE_INVALID,
                           "ERROR: The \"until\" filter is not supported with \"--volumes\"");
    if (!o->force && !ask(o))
        return 0;
    int r = cli_open(c, &s);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(steps); i++)
        r = steps[i](c, s, o, &freed);
    if (r < 0)
        return r;
    return cli_printf(c, "Total reclaimed space: %s\n", units_human(freed, 4, size));
}

const struct cmd cmd_system_prune = {
    .brief = "Remove unused data",
    .usage = "[OPTIONS]",
    .text =
        "Removes stopped containers, then networks that no container runs on, with --volumes\n"
        "anonymous volumes that no container mounts, then images without a tag, with --all every "
        "image that no container uses.\n"
        "Pinned images stay (see 'shale image pin'). Filters are until, label and label!; they\n"
        "are of all kinds alike. When a step fails, what the ones before it removed is gone\n"
        "and has been printed. Records of builds whose layers no image has go at the end, with\n"
        "--all every one ('shale builder prune').",
    .example = "shale system prune\n"
               "shale system prune -af --volumes\n"
               "shale system prune -f --filter until=24h",
    .opts = opts,
    .opts_size = sizeof(struct prune_opts),
    .max_args = 0,
    .run = run,
};
