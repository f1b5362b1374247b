/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/df.h>

#include "base/cleanup.h"
#include "base/time.h"
#include "cli/cli.h"
#include "view/df.h"

struct cmd_df_opts {
    const char *format;
    bool verbose;
};

#define O(field) offsetof(struct cmd_df_opts, field)
static const struct opt opts[] = {
    {0, "format", OPT_STR, O(format), NULL, CMD_FORMAT_HELP},
    {'v', "verbose", OPT_BOOL, O(verbose), NULL, "Show detailed information on space usage"},
    {0},
};

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct cmd_df_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_df_opts q = {.size = sizeof q, .parts = o->verbose};
    struct df_opts v = {
        .format = o->format && *o->format ? o->format : NULL,
        .verbose = o->verbose,
        .printable = cli_is_terminal(),
        .now_ns = time_now_ns(),
    };
    struct shale_df *res = NULL;
    struct shale *s;
    int r = df_check(&v, &c->e);
    if (r == 0)
        r = cli_open(c, &s);
    if (r == 0)
        r = shale_df(s, &q, &res, &c->e);
    if (r < 0 || !res)
        return r;
    r = df_print(res, &v, &out, &c->e);
    shale_free(res);
    return r < 0 ? r : cli_print(c, &out);
}

const struct cmd cmd_system_df = {
    .brief = "Show disk usage",
    .usage = "[OPTIONS]",
    .text =
        "SIZE of images is the content of all layers, each counted once, however many images\n"
        "have it; RECLAIMABLE is that without what images with containers, running or stopped,\n"
        "have for themselves. With --verbose an image's SIZE is its SHARED SIZE and UNIQUE SIZE\n"
        "together. SIZE of containers is what they have written; that of volumes and of the store\n"
        "is space on disk. Records of the build cache hold layers; those that an image has, too,\n"
        "are in both sums ('shale builder du').\n"
        "\n"
        "With --verbose a last table shows the files of the store as they lie on the disk:\n"
        "compressed blobs (as registries have them), inflated layers and indexes (caches, made\n"
        "from the blobs), downloads in flight (Ingest), containers, volumes, the registry, the\n"
        "database, and what else is there. Every file is in one row; the rows add up to the\n"
        "total, which is what 'du -sx' says of the folder of the store at that moment. The\n"
        "content of an image is in it twice, compressed and inflated, so the other tables do not\n"
        "add up to it.",
    .example = "shale system df\n"
               "shale system df -v\n"
               "shale system df --format '{{.Type}}: {{.Reclaimable}}'\n"
               "shale system df -v --format json",
    .opts = opts,
    .opts_size = sizeof(struct cmd_df_opts),
    .max_args = 0,
    .run = run,
};
