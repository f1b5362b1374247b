/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/remote.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "view/remote.h"

struct tags_cmd_opts {
    const char *format, *platform, *sort;
    bool no_trunc, quiet, reverse;
};

#define O(field) offsetof(struct tags_cmd_opts, field)
static const struct opt opts[] = {
    {0, "format", OPT_STR, O(format), NULL, CMD_FORMAT_HELP},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Don't truncate output"},
    {0, "platform", OPT_STR, O(platform), NULL,
     "Only tags with this platform, and its date and size: os/arch[/variant]"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only show names, which takes a single request"},
    {'r', "reverse", OPT_BOOL, O(reverse), NULL, "The other way round"},
    {0, "sort", OPT_STR, O(sort), NULL,
     "Order: \"version\", \"name\", \"created\" (newest first) or \"size\" (largest first)", 0,
     "version"},
    {0},
};
#undef O

static int parse_sort(struct cli *c, const char *s, enum shale_tags_sort *ret)
{
    static const char *const names[] = {
        [SHALE_TAGS_BY_VERSION] = "version",
        [SHALE_TAGS_BY_NAME] = "name",
        [SHALE_TAGS_BY_CREATED] = "created",
        [SHALE_TAGS_BY_SIZE] = "size",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (streq(s, names[i])) {
            *ret = (enum shale_tags_sort)i;
            return 0;
        }
    return err_set(&c->e, SHALE_INVALID,
                   "unknown order \"%s\": it is version, name, created or size", s);
}

/* One line, however many tags there is nothing to say of. 1 if there are any. */
static int tell_problems(const struct shale_remote_tags *l)
{
    const struct shale_remote_tag *first = NULL;
    struct shale_err e = SHALE_ERR_INIT;
    size_t n = 0;

    for (size_t i = 0; i < l->n_items; i++)
        if (*l->items[i].problem) {
            first = first ? first : &l->items[i];
            n++;
        }
    if (!first)
        return 0;
    if (n == 1)
        (void)err_set(&e, SHALE_NETWORK, "tag %s: %s", first->name, first->problem);
    else
        (void)err_set(&e, SHALE_NETWORK, "tag %s, and %zu more: %s", first->name, n - 1,
                      first->problem);
    cli_warn_error(&e);
    return 1;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct tags_cmd_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct remote_view_opts v = {
        .format = o->format,
        .quiet = o->quiet,
        .no_trunc = o->no_trunc || (o->format && streq(o->format, "json")),
        .printable = cli_is_terminal(),
        .now_ns = time_now_ns(),
    };
    struct shale_tags_opts q = {.size = sizeof q, .platform = o->platform, .reverse = o->reverse};
    struct shale_remote_tags *l = NULL;
    struct shale *s;
    int failed = 0, r = o->sort ? parse_sort(c, o->sort, &q.sort) : 0;

    (void)n;
    q.names_only = tags_is_plain(&v) && !o->platform && q.sort != SHALE_TAGS_BY_CREATED &&
                   q.sort != SHALE_TAGS_BY_SIZE;
    if (r >= 0)
        r = cli_open(c, &s);
    if (r >= 0)
        r = shale_remote_tags(s, args[0], &q, &l, &c->e);
    if (r < 0)
        return r;
    r = tags_print(l, &v, &out, &c->e);
    if (r >= 0)
        r = cli_print(c, &out);
    if (r >= 0)
        failed = tell_problems(l);
    shale_free(l);
    return r < 0 ? r : failed;
}

const struct cmd cmd_tags = {
    .brief = "List the tags of a repository in its registry",
    .usage = "[OPTIONS] REPOSITORY[:PATTERN]",
    .text =
        "Nothing is pulled. The size is what would be pulled for one platform. A pattern has *, ?\n"
        "and [a-z], and chooses tags. Names alone (-q, or a format that has no more) take one\n"
        "request for a thousand tags; everything else takes one a tag, and two or three for each\n"
        "image behind them, a few at once.",
    .example = "shale tags registry.example.com/team/app\n"
               "shale tags 'debian:12*' --sort created\n"
               "shale tags -q 'alpine:3.*'\n"
               "shale tags --platform linux/arm64 --format json localhost:5000/app",
    .opts = opts,
    .opts_size = sizeof(struct tags_cmd_opts),
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_ONLINE,
    .run = run,
};
