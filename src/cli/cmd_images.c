/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/image.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/heap.h"
#include "view/images.h"
#include "view/tree.h"

struct list_opts {
    bool all, digests, no_trunc, quiet, tree;
    const char *format;
    struct strv filter;
};

#define O(field) offsetof(struct list_opts, field)
static const struct opt opts[] = {
    {'a', "all", OPT_BOOL, O(all), NULL, "Show all images (default hides intermediate images)"},
    {0, "digests", OPT_BOOL, O(digests), NULL, "Show digests"},
    {'f', "filter", OPT_FILTER, O(filter), NULL,
     "Filter output based on conditions provided: dangling,\nlabel, before, since, until, "
     "reference, pinned"},
    {0, "format", OPT_STR, O(format), NULL, CMD_FORMAT_HELP},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Don't truncate output"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only show image IDs"},
    {0, "tree", OPT_BOOL, O(tree), NULL, "List multi-platform images as a tree"},
    {0},
};

/* What a tree cannot be combined with, in docker's words. */
static int check_tree(struct cli *c, const struct list_opts *o)
{
    const char *with = o->quiet      ? "--quiet"
                       : o->no_trunc ? "--no-trunc"
                       : o->digests  ? "--show-digest"
                       : o->format   ? "--format"
                                     : NULL;
    return with ? err_set(&c->e, SHALE_INVALID, "%s is not yet supported with --tree", with) : 0;
}

static int print_tree(struct cli *c, struct shale *s, const struct shale_image_list *images,
                      const struct list_opts *o, struct buf *out)
{
    struct arena *a = &c->arena;
    struct tree_image *v = arena_array(a, images->n_items + 1, sizeof *v);
    int r = v ? 0 : err_nomem(&c->e);
    size_t n = 0;
    for (; n < images->n_items && r == 0; n++) {
        v[n].image = &images->items[n];
        if (!*images->items[n].target)
            continue;
        r = shale_image_platforms(s, images->items[n].target, &v[n].platforms, &c->e);
        r = r == -SHALE_NOT_FOUND ? 0 : r;
    }
    if (r == 0) {
        struct tree_opts t = {o->all, cli_is_terminal(), cli_columns()};
        r = tree_print(v, n, &t, out, &c->e);
    }
    for (size_t i = 0; v && i < n; i++)
        shale_free(v[i].platforms);
    return r;
}

/* `shale images ls` was meant as `shale image ls`, most likely. */
static void hint(const struct cli *c, const char *word)
{
    static const char *const verbs[] = {"build", "history", "import", "inspect", "list",
                                        "load",  "ls",      "prune",  "pull",    "push",
                                        "rm",    "save",    "tag"};
    for (size_t i = 0; i < ARRAY_SIZE(verbs) && streq(c->path, "shale images"); i++)
        if (streq(word, verbs[i]))
            fprintf(stderr, "\nNo images found matching \"%s\": did you mean \"shale image %s\"?\n",
                    word, word);
}

static struct images_opts table_of(struct cli *c, const struct list_opts *o)
{
    struct images_opts v = {
        .format = o->format,
        .digests = o->digests,
        .no_trunc = o->no_trunc,
        .quiet = o->quiet,
        .printable = cli_is_terminal(),
        .now_ns = time_now_ns(),
    };
    if ((!v.format || !*v.format) && !v.quiet)
        v.format = cli_docker_setting(c, "imagesFormat");
    return v;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct list_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_image_list *images = NULL;
    struct images_opts table = table_of(c, o);
    struct shale_images_opts q = {
        .size = sizeof q,
        .all = o->all,
        .filters = (const char *const *)o->filter.v,
        .match = n > 0 ? args[0] : NULL,
        .fewer_digests = !o->tree && !images_shows_digests(&table),
        .brief = !o->tree && images_is_brief(&table),
    };
    struct shale *s;
    int r = o->tree ? check_tree(c, o) : 0;
    heap_expect_much();
    if (r == 0)
        r = cli_open(c, &s);
    if (r < 0)
        return r;
    r = shale_images(s, &q, &images, &c->e);
    if (r < 0)
        return r;
    r = o->tree ? print_tree(c, s, images, o, &out) : images_print(images, &table, &out, &c->e);
    if (r == 0 && images->n_items == 0 && n > 0)
        hint(c, args[0]);
    return cli_print_end(c, r, images, &out);
}

const struct cmd cmd_images = {
    .brief = "List images",
    .usage = "[OPTIONS] [REPOSITORY[:TAG]]",
    .example = "shale images\n"
               "shale images --digests 'registry.example.com/*/*'\n"
               "shale images --filter dangling=true -q\n"
               "shale images --filter pinned=true\n"
               "shale images --format 'table {{.Repository}}:{{.Tag}}\\t{{.Size}}'\n"
               "shale image ls --tree",
    .opts = opts,
    .opts_size = sizeof(struct list_opts),
    .max_args = 1,
    .run = run,
};
