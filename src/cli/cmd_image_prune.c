/* SPDX-License-Identifier: Apache-2.0 */
/* image prune, image pin, image unpin. */
#include <shale/prune.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/confirm.h"
#include "cli/pruned.h"
#include "view/removed.h"

struct prune_opts {
    bool all, force, dry_run;
    const char *format, *unused_for, *max_size;
    int64_t keep;
    struct strv filter;
};

#define O(field) offsetof(struct prune_opts, field)
static const struct opt opts[] = {
    {'a', "all", OPT_BOOL, O(all), NULL, "Remove all unused images, not just dangling ones"},
    {0, "dry-run", OPT_BOOL, O(dry_run), NULL, "Only tell what would be removed"},
    {0, "filter", OPT_FILTER, O(filter), NULL,
     "Provide filter values: until, label, label!, reference"},
    {'f', "force", OPT_BOOL, O(force), NULL, "Do not prompt for confirmation"},
    {0, "format", OPT_STR, O(format), NULL, "Format output: 'json' or a Go template"},
    {0, "keep", OPT_INT, O(keep), NULL, "Keep so many images of each repository, the newest"},
    {0, "max-size", OPT_STR, O(max_size), "bytes",
     "Remove no more, the longest unused first, than that images take at\nmost so much (\"20g\")"},
    {0, "unused-for", OPT_STR, O(unused_for), "duration",
     "Keep images that were used since (\"30d\", \"12h\")"},
    {0},
};

/* What a policy did not reach is told, on standard error. */
static void warn_left(const struct prune_opts *o, const struct shale_image_prune_opts *q,
                      const struct shale_rmi_result *res)
{
    char left[32];

    if (q->limit_size && res->left_bytes > q->max_bytes)
        fprintf(stderr,
                "WARNING: images %s %s, more than %s: the others are in use, pinned or kept\n",
                q->dry_run ? "would still take" : "still take",
                units_human(res->left_bytes, 4, left), o->max_size);
}

static int print(struct cli *c, const struct prune_opts *o, const struct shale_rmi_result *res)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    char size[32];

    if (o->format) {
        int r = removed_print(res, o->max_size, o->format, cli_is_terminal(), &out, &c->e);
        return r < 0 ? r : cli_print(c, &out);
    }
    pruned_put_images(&out, o->dry_run ? "Images to be deleted:" : "Deleted Images:", res);
    if (o->dry_run)
        buf_addf(&out, "Total reclaimable space: %s (%llu bytes)\n",
                 units_human(res->freed_bytes, 4, size), (unsigned long long)res->freed_bytes);
    else
        pruned_put_total(&out, res->freed_bytes);
    return cli_print(c, &out);
}

/* What goes, in docker's words, and what policies let stay of it. */
static bool ask(const struct prune_opts *o, const struct shale_image_prune_opts *q)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4096);

    buf_adds(&b, q->all ? "WARNING! This will remove all images without at least one container "
                          "associated to them"
                        : "WARNING! This will remove all dangling images");
    if (q->keep || q->unused_ns || q->limit_size)
        buf_adds(&b, ", but not");
    if (q->keep)
        buf_addf(&b, "\n  - the newest %llu of each repository", (unsigned long long)q->keep);
    if (q->unused_ns)
        buf_addf(&b, "\n  - those used within %.64s", o->unused_for);
    if (q->limit_size)
        buf_addf(&b, "\n  - more than it takes, the longest unused first, for all to fit in %.64s",
                 o->max_size);
    if (!(q->keep || q->unused_ns || q->limit_size))
        buf_addc(&b, '.');
    return buf_check(&b, NULL) == 0 && confirm(buf_str(&b));
}

static int policies(struct cli *c, const struct prune_opts *o, struct shale_image_prune_opts *q)
{
    if (o->keep < 0 || (o->keep == 0 && cli_seen(c, "keep")))
        return err_set(&c->e, SHALE_INVALID, "--keep: must be 1 or more");
    if (o->max_size) {
        int64_t bytes = 0;
        int r = units_parse_binary(o->max_size, &bytes, &c->e);
        if (r < 0)
            return err_wrap(&c->e, r, "--max-size");
        q->max_bytes = (uint64_t)bytes;
        q->limit_size = true;
    }
    if (o->unused_for) {
        int r = time_parse_span(o->unused_for, &q->unused_ns, &c->e);
        if (r < 0)
            return err_wrap(&c->e, r, "--unused-for");
        if (q->unused_ns <= 0)
            return err_set(&c->e, SHALE_INVALID, "--unused-for: must be more than 0");
    }
    q->keep = (uint64_t)o->keep;
    q->all |= q->keep || q->unused_ns || q->limit_size;
    return 0;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct prune_opts *o = opts_;
    struct shale_image_prune_opts q = {
        .size = sizeof q,
        .all = o->all,
        .filters = (const char *const *)o->filter.v,
        .dry_run = o->dry_run,
    };
    struct shale_rmi_result *res = NULL;
    struct shale *s;
    int r = removed_check(o->format, &c->e);

    if (r == 0)
        r = policies(c, o, &q);
    if (r < 0)
        return r;
    if (!o->force && !o->dry_run && !ask(o, &q))
        return 0;
    r = cli_open(c, &s);
    if (r == 0)
        r = shale_image_prune(s, &q, &res, &c->e);
    if (r < 0 || !res)
        return r;
    r = print(c, o, res);
    warn_left(o, &q, res);
    shale_free(res);
    return r;
}

const struct cmd cmd_image_prune = {
    .brief = "Remove unused images",
    .usage = "[OPTIONS]",
    .text =
        "Images without a tag go, with --all also those with tags. What a container uses, running\n"
        "or stopped, stays; so does what is pinned (see 'shale image pin'). With a reference\n"
        "filter only names that match are taken off.\n"
        "\n"
        "--keep, --unused-for and --max-size are policies; with any of them images with tags go,\n"
        "too. Several of them together with filters let go only what each of them lets go: they\n"
        "may be combined in any way, and no order of them matters.\n"
        "\n"
        "--keep N: the N newest images that have a name, by tag or by digest, in a repository\n"
        "stay, by the date of their creation as 'shale images' has it; those in use and pinned\n"
        "ones are counted among them. With a reference filter only names that match count.\n"
        "\n"
        "--unused-for: an image is used when it comes to the store, gets a tag, or a container\n"
        "of it is started or removed ('shale images' shows the last two as .LastUsed). Durations\n"
        "are docker's, and whole days and weeks: 36h, 30d, 2w.\n"
        "\n"
        "--max-size: of what all else lets go the longest unused image goes first, then the next,\n"
        "until the store's images, with layers that they share counted once, take at most so much\n"
        "room on the disk: compressed blobs, inflated layers and indexes. Sizes are docker's: 20g\n"
        "or 20GB is 20 x 1024^3. If what may go does not suffice a warning says so; that is no\n"
        "error.\n"
        "\n"
        "With --dry-run nothing is removed: the very images and bytes that would go are told.",
    .example = "shale image prune\n"
               "shale image prune -a --filter until=240h --dry-run\n"
               "shale image prune -af --filter 'reference=ci/*'\n"
               "shale image prune --keep 3 --filter 'reference=ci/*'\n"
               "shale image prune -f --keep 2 --unused-for 30d --max-size 20GB",
    .opts = opts,
    .opts_size = sizeof(struct prune_opts),
    .max_args = 0,
    .run = run,
};

/* All are tried. */
static int pin_all(struct cli *c, bool pinned, int n, char **args)
{
    struct shale *s;
    int failed = 0, r = cli_open(c, &s);
    for (int i = 0; i < n && r >= 0; i++) {
        if (shale_image_pin(s, args[i], pinned, &c->e) < 0) {
            cli_warn_error(&c->e);
            failed = 1;
        } else {
            r = cli_printf(c, "%s\n", args[i]);
        }
    }
    return r < 0 ? r : failed;
}

static int run_pin(struct cli *c, const void *opts_, int n, char **args)
{
    return pin_all(c, true, n, args);
}

static int run_unpin(struct cli *c, const void *opts_, int n, char **args)
{
    return pin_all(c, false, n, args);
}

const struct cmd cmd_image_pin = {
    .brief = "Keep one or more images from being pruned",
    .usage = "IMAGE [IMAGE...]",
    .text = "The pin is on the image, not on its name.",
    .example = "shale image pin alpine:3.20",
    .min_args = 1,
    .max_args = -1,
    .run = run_pin,
};
const struct cmd cmd_image_unpin = {
    .brief = "Let one or more images be pruned again",
    .usage = "IMAGE [IMAGE...]",
    .example = "shale image unpin alpine:3.20",
    .min_args = 1,
    .max_args = -1,
    .run = run_unpin,
};
