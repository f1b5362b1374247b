/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/remote.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "view/remote.h"

enum { STATUS_OUTDATED = 1, STATUS_TROUBLE = 2 };

struct outdated_opts {
    const char *format;
    bool all, no_base, no_trunc, quiet;
};

#define O(field) offsetof(struct outdated_opts, field)
static const struct opt opts[] = {
    {'a', "all", OPT_BOOL, O(all), NULL, "Also show images that are current or only here"},
    {0, "format", OPT_STR, O(format), NULL, CMD_FORMAT_HELP},
    {0, "no-base", OPT_BOOL, O(no_base), NULL, "Don't ask for base images"},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Don't truncate output"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only show names, of what is outdated"},
    {0},
};
#undef O

static bool is_outdated(const struct shale_outdated *x)
{
    return x->state == SHALE_FRESH_OUTDATED || x->base_state == SHALE_FRESH_OUTDATED;
}

/* What should be looked at, although there is nothing newer to pull. */
static bool is_odd(const struct shale_outdated *x)
{
    return x->state == SHALE_FRESH_GONE || x->base_state == SHALE_FRESH_GONE || *x->problem ||
           *x->base_problem;
}

struct problem {
    const char *ref, *text;
};

static struct problem problem_of(const struct shale_outdated *x, bool of_base)
{
    return of_base ? (struct problem){x->base, x->base_problem}
                   : (struct problem){x->ref, x->problem};
}

/* One line for each trouble, however many images it is about. */
static int tell_problems(struct cli *c, const struct shale_outdated_list *l)
{
    struct problem *v = arena_array(&c->arena, 2 * l->n_items + 1, sizeof *v);
    size_t n = 0;

    if (!v)
        return err_nomem(&c->e);
    for (size_t i = 0; i < 2 * l->n_items; i++) {
        struct problem p = problem_of(&l->items[i / 2], i % 2);
        bool told = !*p.text;
        for (size_t k = 0; !told && k < n; k++)
            told = streq(v[k].text, p.text);
        if (told)
            continue;
        struct shale_err e = SHALE_ERR_INIT;
        (void)err_set(&e, SHALE_NETWORK, "%s: %s", p.ref, p.text);
        cli_warn_error(&e);
        v[n++] = p;
    }
    return n ? STATUS_TROUBLE : 0;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct outdated_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_outdated_opts q = {.size = sizeof q, .no_base = o->no_base};
    struct remote_view_opts v = {
        .format = o->format,
        .quiet = o->quiet,
        .no_trunc = o->no_trunc || (o->format && streq(o->format, "json")),
        .printable = cli_is_terminal(),
    };
    struct shale_outdated_list *l = NULL;
    struct shale_outdated *shown = NULL;
    struct shale *s;
    size_t n_shown = 0;
    int r, status = 0;

    c->fail_status = STATUS_TROUBLE;
    r = cli_open(c, &s);
    if (r >= 0)
        r = shale_outdated(s, (const char *const *)args, (size_t)n, &q, &l, &c->e);
    if (r >= 0 && !(shown = arena_array(&c->arena, l->n_items + 1, sizeof *shown)))
        r = err_nomem(&c->e);
    for (size_t i = 0; r >= 0 && i < l->n_items; i++) {
        const struct shale_outdated *x = &l->items[i];
        if (is_outdated(x))
            status = STATUS_OUTDATED;
        if (is_outdated(x) || (!o->quiet && (o->all || is_odd(x))))
            shown[n_shown++] = *x;
    }
    if (r >= 0)
        r = outdated_print(shown, n_shown, &v, &out, &c->e);
    if (r >= 0)
        r = cli_print(c, &out);
    if (r >= 0)
        r = tell_problems(c, l);
    shale_free(l);
    return r ? r : status;
}

const struct cmd cmd_outdated = {
    .brief = "List local images that their registries have newer",
    .usage = "[OPTIONS] [NAME[:TAG]|PATTERN...]",
    .text =
        "Nothing is pulled: registries are asked for the digest behind each tag (HEAD), several "
        "at\n"
        "once. Where an image names its base (org.opencontainers.image.base.name and .digest, as\n"
        "annotations or labels), it is asked whether that tag has moved, too.\n"
        "\n"
        "The status is \"outdated\", \"gone\" when the registry has no such tag, \"unknown\" when "
        "it\n"
        "could not tell, and with --all also \"current\" and \"local\": neither pulled from that\n"
        "repository nor pushed there.\n"
        "\n"
        "The exit status is 0 when nothing is outdated, 1 when an image or its base is, 2 after "
        "an\n"
        "error or when something could not be asked for, and 125 for a wrong use.",
    .example = "shale outdated\n"
               "shale outdated --all 'registry.example.com/team/*'\n"
               "shale outdated -q --no-base | xargs -r -n 1 shale pull\n"
               "shale outdated --format json debian:12",
    .opts = opts,
    .opts_size = sizeof(struct outdated_opts),
    .max_args = -1,
    .flags = CMD_ONLINE,
    .run = run,
};
