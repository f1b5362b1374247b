/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/explain.h>
#include <shale/image.h>

#include "base/cleanup.h"
#include "base/units.h"
#include "cli/cli.h"
#include "view/explain.h"
#include "view/removed.h"

#define STATUS_REFUSED 1

struct remove_opts {
    bool force, no_prune, dry_run, cascade, explain;
    const char *format;
    struct strv platform;
};

#define O(field) offsetof(struct remove_opts, field)
static const struct opt opts[] = {
    {0, "cascade", OPT_BOOL, O(cascade), NULL,
     "Remove the stopped containers that use the image, and images made\nfrom it, too"},
    {0, "dry-run", OPT_BOOL, O(dry_run), NULL,
     "Only tell what would be removed and freed, for each image by itself"},
    {0, "explain", OPT_BOOL, O(explain), NULL,
     "Only tell everything that stands in the way, and what would be freed"},
    {'f', "force", OPT_BOOL, O(force), NULL, "Force removal of the image"},
    {0, "format", OPT_STR, O(format), NULL, "Format output: 'json' or a Go template"},
    {0, "no-prune", OPT_BOOL, O(no_prune), NULL, "Do not delete untagged parents"},
    {0, "platform", OPT_CSV, O(platform), NULL,
     "Remove only the image of this platform: os/arch[/variant]"},
    {0},
};

static struct shale_rmi_opts opts_of(const struct remove_opts *o)
{
    return (struct shale_rmi_opts){
        .size = sizeof(struct shale_rmi_opts),
        .force = o->force,
        .no_prune = o->no_prune,
        .platform = o->platform.n ? o->platform.v[0] : NULL,
        .dry_run = o->dry_run,
        .cascade = o->cascade,
    };
}

static int remove_one(struct cli *c, struct shale *s, const struct remove_opts *o,
                      const char *image)
{
    struct shale_rmi_opts q = opts_of(o);
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_rmi_result *res = NULL;
    char size[32];
    int r = shale_rmi(s, image, &q, &res, &c->e);
    if (r < 0)
        return r;
    if (o->format)
        r = removed_print(res, false, o->format, cli_is_terminal(), &out, &c->e);
    else
        removed_put(&out, res->items, res->n_items);
    if (o->dry_run && !o->format)
        buf_addf(&out, "Would free: %s (%llu bytes)\n", units_human(res->freed_bytes, 4, size),
                 (unsigned long long)res->freed_bytes);
    shale_free(res);
    return r < 0 ? r : cli_print(c, &out);
}

/* STATUS_REFUSED: rmi would not do it. */
static int explain_one(struct cli *c, struct shale *s, const struct remove_opts *o,
                       const char *image, bool first)
{
    struct shale_rmi_opts q = opts_of(o);
    struct explain_opts v = {
        .image = image, .format = o->format, .printable = cli_is_terminal(), .first = first};
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_rmi_explained *res = NULL;
    int r = shale_rmi_explain(s, image, &q, &res, &c->e);
    if (r < 0 || !res)
        return r;
    bool refused = *res->refusal;
    r = explain_print(res, &v, &out, &c->e);
    shale_free(res);
    if (r == 0)
        r = cli_print(c, &out);
    return r < 0 ? r : refused ? STATUS_REFUSED : 0;
}

/* As docker does it: what has gone is told first, then what is wrong. */
struct failures {
    struct shale_err **v;
    size_t n, cap;
};

static int keep_failure(struct cli *c, struct failures *f)
{
    struct shale_err **v = arena_grow(&c->arena, f->v, f->n, &f->cap, sizeof(struct shale_err *));
    struct shale_err *e = arena_memdup(&c->arena, &c->e, sizeof c->e);

    if (!v || !e)
        return err_nomem(&c->e);
    f->v = v;
    v[f->n++] = e;
    return 0;
}

static void print_failures(const struct failures *f)
{
    for (size_t i = 0; i < f->n; i++)
        cli_warn_error(f->v[i]);
}

/* All are tried; with --force one that is not there is no failure. */
static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct remove_opts *o = opts_;
    struct shale *s = NULL;
    if (o->platform.n > 1)
        return err_set(&c->e, SHALE_INVALID, "multiple platforms are not supported");
    struct failures failures = {0};
    int failed = 0, r = removed_check(o->format, &c->e);
    if (r == 0)
        r = cli_open(c, &s);
    if (r < 0)
        return r;
    for (int i = 0; i < n; i++) {
        r = o->explain ? explain_one(c, s, o, args[i], i == 0) : remove_one(c, s, o, args[i]);
        if (r == -SHALE_CANCELED)
            break;
        failed |= r > 0;
        if (r < 0) {
            failed |= !(o->force && r == -SHALE_NOT_FOUND);
            r = keep_failure(c, &failures);
            if (r < 0)
                break;
        }
    }
    print_failures(&failures);
    return r < 0 ? r : failed;
}

const struct cmd cmd_rmi = {
    .brief = "Remove one or more images",
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .text =
        "A name is taken off its image; the image goes with its last name. What a container uses\n"
        "stays, and so does what is pinned (see 'shale image pin'), also with --force.\n"
        "\n"
        "With --explain nothing is changed: it tells whether rmi with the same options would do\n"
        "it, and names all that holds the image: containers, running or stopped, images made from\n"
        "it here and their containers, pins, and other names, each with the command that takes it\n"
        "out of the way. The exit status is 0 if rmi would do it, 1 if not.\n"
        "\n"
        "With --cascade, when the image itself would go, the stopped containers that use it are\n"
        "removed first, and the images made from it with their names and stopped containers; as\n"
        "with 'shale rm' their volumes stay. A running container and a pin still refuse all of\n"
        "it: the message names them, and nothing is removed.",
    .example = "shale rmi alpine:3.20\n"
               "shale rmi --explain alpine:3.20\n"
               "shale rmi --cascade --dry-run base:1\n"
               "shale rmi $(shale images -q --filter dangling=true)",
    .opts = opts,
    .opts_size = sizeof(struct remove_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run,
};
