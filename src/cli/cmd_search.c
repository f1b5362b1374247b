/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/search.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "cli/cli.h"
#include "view/search.h"

struct search_cmd_opts {
    struct strv filter;
    const char *format;
    int64_t limit, page;
    bool no_trunc;
    /* of images */
    const char *arch, *before, *digest, *os, *repo, *sha256, *since, *size, *tag;
    struct strv annotation, file, label, package;
};

#define O(field) offsetof(struct search_cmd_opts, field)
static const struct opt opts[] = {
    {0, "annotation", OPT_LIST, O(annotation), NULL, "Images with KEY or KEY=VALUE"},
    {0, "arch", OPT_STR, O(arch), NULL, "Images for this architecture: ARCH[/VARIANT]"},
    {0, "before", OPT_STR, O(before), NULL, "Images made before a date, or so long ago"},
    {0, "digest", OPT_STR, O(digest), NULL, "Images whose digest begins so"},
    {0, "file", OPT_LIST, O(file), NULL, "Images with a file of this path, or name; may be a glob"},
    {'f', "filter", OPT_FILTER, O(filter), "filter",
     "Filter output based on conditions provided: is-official=BOOL, stars=N"},
    {0, "format", OPT_STR, O(format), NULL, "Pretty-print search using a Go template"},
    {0, "label", OPT_LIST, O(label), NULL, "Images with KEY or KEY=VALUE"},
    {0, "limit", OPT_INT, O(limit), NULL, "Max number of search results", 0, "25"},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Don't truncate output"},
    {0, "os", OPT_STR, O(os), NULL, "Images for this operating system"},
    {0, "package", OPT_LIST, O(package), NULL,
     "Images with an installed package: NAME, or NAME and = < <= > >= with a version"},
    {0, "page", OPT_INT, O(page), NULL, "Which page of images", 0, "1"},
    {0, "repo", OPT_STR, O(repo), NULL, "Images of repositories that match a glob"},
    {0, "sha256", OPT_STR, O(sha256), NULL, "Images with a file of this checksum"},
    {0, "since", OPT_STR, O(since), NULL, "Images made since a date, or within that time"},
    {0, "size", OPT_STR, O(size), NULL, "Images of a size: \"<=1g\", \">100m\""},
    {0, "tag", OPT_STR, O(tag), NULL, "Images with a tag that matches a glob"},
    {0},
};
#undef O

static int check_limit(struct cli *c, int64_t limit, int max)
{
    if (limit >= 0 && limit <= max)
        return 0;
    return err_set(&c->e, SHALE_INVALID, "limit %lld is outside the range of [1, %d]",
                   (long long)limit, max);
}

static void warn_automated(const struct strv *filters)
{
    for (size_t i = 0; i < filters->n; i++)
        if (str_has_prefix(filters->v[i], "is-automated="))
            fputs("WARNING: the \"is-automated\" filter is deprecated, and searching for "
                  "\"is-automated=true\" will not yield any results in future.\n",
                  stderr);
}

static int search_names(struct cli *c, struct shale *s, const struct search_cmd_opts *o,
                        const char *term)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_repository_list *l = NULL;
    struct shale_search_opts so = {
        .size = sizeof so,
        .limit = (uint32_t)o->limit,
        .filters = (const char *const *)o->filter.v,
    };
    struct search_opts v = {
        .format = o->format,
        .no_trunc = o->no_trunc,
        .printable = cli_is_terminal(),
        .now_ns = time_now_ns(),
    };

    warn_automated(&o->filter);
    int r = shale_search(s, term, &so, &l, &c->e);
    if (r < 0)
        return r;
    r = search_print(l, &v, &out, &c->e);
    return cli_print_end(c, r, l, &out);
}

/* ---- images ---- */

#define MAX_CRITERIA 64
#define MAX_LIMIT    1000
#define MAX_PAGE     100000

struct criteria {
    const char *v[MAX_CRITERIA + 1];
    size_t n;
};

static int add(struct cli *c, struct criteria *x, const char *name, const char *value)
{
    if (!value)
        return 0;
    if (x->n == MAX_CRITERIA)
        return err_set(&c->e, SHALE_LIMIT, "more than %d criteria", MAX_CRITERIA);
    x->v[x->n] = arena_printf(&c->arena, "%s=%s", name, value);
    return x->v[x->n++] ? 0 : err_nomem(&c->e);
}

static int add_all(struct cli *c, const struct search_cmd_opts *o, struct criteria *x)
{
    const struct {
        const char *name, *value;
    } one[] = {{"arch", o->arch},   {"before", o->before}, {"digest", o->digest},
               {"os", o->os},       {"repo", o->repo},     {"sha256", o->sha256},
               {"since", o->since}, {"size", o->size},     {"tag", o->tag}};
    const struct {
        const char *name;
        const struct strv *values;
    } many[] = {{"annotation", &o->annotation},
                {"file", &o->file},
                {"label", &o->label},
                {"package", &o->package}};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(one); i++)
        r = add(c, x, one[i].name, one[i].value);
    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(many); i++)
        for (size_t k = 0; r >= 0 && k < many[i].values->n; k++)
            r = add(c, x, many[i].name, many[i].values->v[k]);
    return r;
}

static int print_images(struct cli *c, const struct search_cmd_opts *o,
                        const struct shale_found_list *l)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct search_opts v = {
        .format = o->format,
        .no_trunc = o->no_trunc,
        .printable = cli_is_terminal(),
        .now_ns = time_now_ns(),
    };
    int r = search_print_images(l, &v, &out, &c->e);

    if (r == 0)
        r = cli_print(c, &out);
    if (r >= 0 && l->n_pending)
        fprintf(stderr, "The registry has not looked at everything yet (%llu left).\n",
                (unsigned long long)l->n_pending);
    if (r >= 0 && l->more)
        fprintf(stderr, "There are more: --page %lld, or a larger --limit.\n",
                (long long)o->page + 1);
    return r;
}

static int search_images(struct cli *c, struct shale *s, const struct search_cmd_opts *o,
                         const struct criteria *x, const char *where)
{
    struct shale_find_opts fo = {
        .size = sizeof fo,
        .limit = (uint32_t)o->limit,
        .page = (uint32_t)o->page,
        .criteria = x->v,
    };
    struct shale_found_list *l = NULL;

    if (o->filter.n)
        return err_set(&c->e, SHALE_INVALID, "--filter is for searches by name only");
    int r = shale_find(s, where, &fo, &l, &c->e);
    if (r >= 0)
        r = print_images(c, o, l);
    shale_free(l);
    return r;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct search_cmd_opts *o = opts_;
    struct criteria x = {0};
    struct shale *s;
    int r = add_all(c, o, &x);
    bool names = x.n == 0 && !cli_seen(c, "page");

    (void)n;
    if (r >= 0)
        r = check_limit(c, o->limit, names ? SHALE_SEARCH_LIMIT_MAX : MAX_LIMIT);
    if (r >= 0 && (o->page < 1 || o->page > MAX_PAGE))
        r = err_set(&c->e, SHALE_INVALID, "page %lld is outside the range of [1, %d]",
                    (long long)o->page, MAX_PAGE);
    if (r >= 0)
        r = cli_open(c, &s);
    if (r < 0)
        return r;
    return names ? search_names(c, s, o, args[0]) : search_images(c, s, o, &x, args[0]);
}

static const struct search_cmd_opts preset = {.limit = SHALE_SEARCH_LIMIT, .page = 1};

const struct cmd cmd_search = {
    .brief = "Search a registry for images",
    .usage = "[OPTIONS] TERM",
    .text =
        "TERM is looked for in names and descriptions of repositories, on Docker Hub or, as\n"
        "HOST[:PORT]/TERM, in a registry of your own.\n"
        "\n"
        "With options that speak of images, a registry of shale's is asked for images instead:\n"
        "those that all of them are true of. TERM may then be left out (HOST[:PORT]), and is\n"
        "looked for in names only. A file or package counts when the image shows it; a FILE\n"
        "without a slash is a name in any folder. In globs, * is anything but /, ** is anything\n"
        "and ? is one character.",
    .example = "shale search debian\n"
               "shale search --package 'openssl<3.0.14' localhost:5000\n"
               "shale search --file /usr/bin/jq --arch arm64 localhost:5000/team\n"
               "shale search --filter is-official=true --limit 5 localhost:5000/team",
    .opts = opts,
    .opts_size = sizeof(struct search_cmd_opts),
    .preset = &preset,
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_ONLINE,
    .run = run,
};
