/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/cli.h"
#include "view/text.h"

struct fsck_opts {
    bool check, quiet;
};

#define O(field) offsetof(struct fsck_opts, field)
static const struct opt opts[] = {
    {0, "check", OPT_BOOL, O(check), NULL, "Only report, change nothing"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only show what is damaged or was repaired"},
    {0},
};

struct report {
    struct cli *c;
    bool quiet;
};

static void on_finding(void *arg, enum shale_fsck_kind kind, const char *text)
{
    static const char *const words[] = {[SHALE_FSCK_OK] = "ok",
                                        [SHALE_FSCK_REPAIRED] = "repaired",
                                        [SHALE_FSCK_DAMAGED] = "damaged"};
    struct report *p = arg;
    struct buf b = BUF_INIT(64 << 10);
    if (p->quiet && kind == SHALE_FSCK_OK)
        return;
    text_escape(&b, str_of(text));
    (void)cli_printf(p->c, "%s: %s\n", words[kind], buf_str(&b));
    buf_clear(&b);
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct fsck_opts *o = opts_;
    struct report report = {c, o->quiet};
    struct shale_fsck_opts q = {
        .size = sizeof q, .check_only = o->check, .on_finding = on_finding, .arg = &report};
    struct shale_fsck_result *res = NULL;
    struct shale *s = NULL;
    char size[32];
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_fsck(s, &q, &res, &c->e);
    if (r < 0 || !res)
        return r;
    uint64_t damaged = res->n_damaged;
    if (!o->quiet)
        r = cli_printf(
            c, "%llu blobs, %llu layers, %llu images; %s read; %llu repaired, %llu damaged\n",
            (unsigned long long)res->n_blobs, (unsigned long long)res->n_layers,
            (unsigned long long)res->n_images, units_human(res->n_bytes, 4, size),
            (unsigned long long)res->n_repaired, (unsigned long long)damaged);
    shale_free(res);
    return r < 0 ? r : damaged > 0;
}

const struct cmd cmd_fsck = {
    .brief = "Check the store and repair what can be made again",
    .usage = "[OPTIONS]",
    .text =
        "Reads and hashes every blob and layer and compares the database with the files. Layers "
        "and\n"
        "indexes are made again from their blobs; a damaged blob is moved out of the way, and the\n"
        "next pull fetches it. The exit status is 1 when something stays damaged.",
    .example = "shale fsck\n"
               "shale fsck --check",
    .opts = opts,
    .opts_size = sizeof(struct fsck_opts),
    .run = run,
};
