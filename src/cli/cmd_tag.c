/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/image.h>
#include <shale/tag_history.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "cli/cli.h"
#include "model/ref.h"
#include "view/tag_history.h"

struct tag_opts {
    const char *format, *history, *restore;
    bool no_trunc;
};

#define O(field) offsetof(struct tag_opts, field)
static const struct opt tag_opts[] = {
    {0, "format", OPT_STR, O(format), NULL,
     "Format the history using a custom template: 'table',\n'table TEMPLATE', 'json' or "
     "'TEMPLATE'"},
    {0, "history", OPT_STR, O(history), "NAME[:TAG]",
     "Show what a tag has stood for, latest first"},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Don't truncate image IDs of the history"},
    {0, "restore", OPT_STR, O(restore), "NAME[:TAG]@{N}",
     "Let a tag stand again for what it stood for N moves ago"},
    {0},
};

static int show_history(struct cli *c, const struct tag_opts *o)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_tag_history *l = NULL;
    struct tag_history_opts v = {
        .format = o->format,
        .no_trunc = o->no_trunc,
        .printable = cli_is_terminal(),
        .now_ns = time_now_ns(),
    };
    struct shale *s;
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_tag_history(s, o->history, &l, &c->e);
    if (r < 0 || !l)
        return r;
    r = tag_history_print(l, &v, &out, &c->e);
    return cli_print_end(c, r, l, &out);
}

static int restore_tag(struct cli *c, const char *entry)
{
    struct shale *s;
    char *id = NULL;
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_tag_restore(s, entry, &id, &c->e);
    if (r < 0 || !id)
        return r;
    r = cli_printf(c, "%s\n", id);
    shale_free(id);
    return r;
}

static bool is_id(const char *text)
{
    struct digest d;
    return ref_is_identifier(text) || digest_parse(text, &d, NULL) == 0;
}

/* Names are judged before the store is looked at, in docker's words. */
static int check_name(struct cli *c, const char *text)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct ref ref;
    if (ref_parse(text, &c->arena, &ref, &why) == 0)
        return 0;
    return err_set(&c->e, SHALE_INVALID,
                   "Error parsing reference: \"%.260s\" is not a valid repository/tag: %.180s",
                   text, why.msg);
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    const struct tag_opts *o = opts;
    struct shale *s;
    if (n > 0 && c->res.any)
        return cli_usage_error(c, "options of tag take no further arguments");
    if (n == 0 && (o->history != NULL) == (o->restore != NULL))
        return cli_usage_error(c, "one of --history and --restore is needed");
    if (n == 0)
        return o->history ? show_history(c, o) : restore_tag(c, o->restore);
    int r = is_id(args[0]) ? 0 : check_name(c, args[0]);
    if (r == 0)
        r = check_name(c, args[1]);
    if (r == 0)
        r = cli_open(c, &s);
    return r < 0 ? r : shale_tag(s, args[0], args[1], &c->e);
}

const struct cmd cmd_tag = {
    .brief = "Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE",
    .usage = "[OPTIONS] SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]",
    .text =
        "A tag that exists already moves to the new image. Every tag remembers what it stood for;\n"
        "the memory does not keep images: one that has lost its last name can be pruned unless it\n"
        "is pinned.",
    .example = "shale tag alpine:3.20 registry.example.com/base/alpine:3.20\n"
               "shale tag --history app\n"
               "shale tag --restore app:latest@{1}",
    .opts = tag_opts,
    .opts_size = sizeof(struct tag_opts),
    .min_args = 2,
    .max_args = 2,
    .flags = CMD_OPTS_FIRST | CMD_OPT_OR_ARGS,
    .run = run,
};
