/* SPDX-License-Identifier: Apache-2.0 */
/* What is done beside a registry that serves: collecting, and looking at what it takes. */
#include <shale/registry.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "base/units.h"
#include "cli/cli.h"

/* ---- gc ---- */

struct gc_opts {
    const char *config, *storage;
    int64_t grace;
    bool dry_run, quiet, untagged;
};

#define O(field) offsetof(struct gc_opts, field)
static const struct opt gc_table[] = {
    {0, "config", OPT_STR, O(config), NULL,
     "Config file (default: /etc/shale/registry.conf, if it is there): [retention], [gc]"},
    {0, "dry-run", OPT_BOOL, O(dry_run), NULL, "Only say what would go"},
    {0, "grace", OPT_DURATION, O(grace), NULL,
     "What a push touched within that time stays (default: 24h, or as the config says)"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only print the sum"},
    {0, "storage", OPT_STR, O(storage), NULL, "Folder (default: registry/ in the store's folder)"},
    {'m', "untagged", OPT_BOOL, O(untagged), NULL,
     "Manifests without a tag go too, unless an index or a subject that stays needs them"},
    {0},
};
#undef O

struct gc_print {
    struct cli *c;
    const struct gc_opts *o;
};

static void on_remove(void *arg, const struct shale_registry_gc_item *i)
{
    const struct gc_print *p = arg;
    bool tag = i->kind[0] == 't';
    char size[32];

    /* A link that goes is only news when its blob goes too. */
    if (p->o->quiet || i->kind[0] == 'l')
        return;
    (void)cli_printf(p->c, "%s: %s %s%s%s (%s): %s\n", p->o->dry_run ? "would remove" : "removed",
                     i->kind, i->repository,
                     !*i->repository ? ""
                     : tag           ? ":"
                                     : "@",
                     i->name, tag ? i->digest : units_human(i->bytes, 3, size), i->why);
}

static int gc(struct cli *c, const void *opts_, int n, char **args)
{
    const struct gc_opts *o = opts_;
    struct gc_print p = {c, o};
    struct shale_registry_gc_opts go = {
        .size = sizeof go,
        .root = o->storage,
        .store_root = c->global.root,
        .grace_ns = !cli_seen(c, "grace") ? 0
                    : o->grace > 0        ? o->grace
                                          : -1,
        .config = o->config,
        .untagged = o->untagged,
        .dry_run = o->dry_run,
        .on_remove = on_remove,
        .arg = &p,
    };
    struct shale_registry_gc_result *res = NULL;
    char size[32];

    (void)n, (void)args;
    int r = shale_registry_gc(&go, &res, &c->e);
    if (r < 0)
        return r;
    r = cli_printf(c, "%s ", o->dry_run ? "Would remove" : "Removed");
    if (r >= 0 && res->n_tags > 0)
        r = cli_printf(c, "%llu tags, ", (unsigned long long)res->n_tags);
    if (r >= 0)
        r = cli_printf(c, "%llu manifests, %llu blobs, %llu uploads: %s\n",
                       (unsigned long long)res->n_manifests, (unsigned long long)res->n_blobs,
                       (unsigned long long)res->n_uploads, units_human(res->n_bytes, 3, size));
    shale_free(res);
    return r < 0 ? r : 0;
}

const struct cmd cmd_registry_gc = {
    .brief = "Remove what no image in the registry needs",
    .usage = "[OPTIONS]",
    .text =
        "Runs beside a registry that serves: pushes and pulls go on. What a push has looked at,\n"
        "mounted or uploaded within the grace time stays, even if no manifest names it yet.\n"
        "\n"
        "Tags go where a [retention] of the config says so; their images after the grace time.\n"
        "Each line says why. A server collects by itself where the config has [gc] interval or at.",
    .example = "shale registry gc --dry-run\n"
               "shale registry gc --config registry.conf --dry-run\n"
               "shale registry gc --untagged --grace 1h",
    .opts = gc_table,
    .opts_size = sizeof(struct gc_opts),
    .run = gc,
};

/* ---- usage ---- */

struct usage_opts {
    const char *config, *storage;
    bool quiet;
};

#define O(field) offsetof(struct usage_opts, field)
static const struct opt usage_table[] = {
    {0, "config", OPT_STR, O(config), NULL,
     "Config file (default: /etc/shale/registry.conf, if it is there): quotas"},
    {0, "storage", OPT_STR, O(storage), NULL, "Folder (default: registry/ in the store's folder)"},
    {0},
};
#undef O

static int usage(struct cli *c, const void *opts_, int n, char **args)
{
    const struct usage_opts *o = opts_;
    struct shale_registry_usage_opts uo = {
        .size = sizeof uo, .root = o->storage, .store_root = c->global.root, .config = o->config};
    struct shale_registry_usage_list *l = NULL;
    char size[32], quota[32];
    int width = (int)strlen("REPOSITORY");

    (void)n, (void)args;
    int r = shale_registry_usage(&uo, &l, &c->e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < l->n_rows; i++)
        if ((int)strlen(l->rows[i].repository) > width)
            width = (int)strlen(l->rows[i].repository);
    r = cli_printf(c, "%-*s   %8s   %9s   %8s   %8s   %8s   %s\n", width, "REPOSITORY", "TAGS",
                   "MANIFESTS", "BLOBS", "SIZE", "QUOTA", "USED");
    for (size_t i = 0; r >= 0 && i < l->n_rows; i++) {
        const struct shale_registry_usage_row *x = &l->rows[i];
        char used[16] = "-";
        if (x->quota)
            snprintf(used, sizeof used, "%.0f%%", 100.0 * (double)x->bytes / (double)x->quota);
        r = cli_printf(c, "%-*s   %8llu   %9llu   %8llu   %8s   %8s   %s\n", width, x->repository,
                       (unsigned long long)x->n_tags, (unsigned long long)x->n_manifests,
                       (unsigned long long)x->n_blobs, units_human(x->bytes, 3, size),
                       x->quota ? units_human(x->quota, 3, quota) : "-", used);
    }
    if (r >= 0)
        r = cli_printf(c, "Together, what several have counted once: %s\n",
                       units_human(l->total_bytes, 3, size));
    shale_free(l);
    return r < 0 ? r : 0;
}

const struct cmd cmd_registry_usage = {
    .brief = "Show what the repositories take",
    .usage = "[OPTIONS]",
    .text =
        "SIZE is what counts for a quota: manifests and blobs of the repository, each once, also\n"
        "those that other repositories have too.",
    .example = "shale registry usage\n"
               "shale registry usage --config registry.conf",
    .opts = usage_table,
    .opts_size = sizeof(struct usage_opts),
    .run = usage,
};
