/* SPDX-License-Identifier: Apache-2.0 */
#include "base/cleanup.h"
#include "base/json.h"
#include "cli/cli.h"
#include "cli/exit.h"
#include "view/doc.h"
#include "view/info.h"

struct cmd_info_opts {
    const char *format;
};

static const struct opt opts[] = {
    {'f', "format", OPT_STR, offsetof(struct cmd_info_opts, format), NULL,
     "Format output using a custom template: 'json' or a Go template"},
    {0},
};

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct cmd_info_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    _cleanup_json_ json_t *doc = NULL;
    struct shale_info *info = NULL;
    struct shale *s;
    bool bad = false;
    int r = cli_open(c, &s);
    if (r == 0)
        r = shale_info(s, &info, &c->e);
    if (r < 0)
        return r;
    if (o->format && *o->format) {
        struct info_opts v = {o->format, "system.dockerInfo", cli_is_terminal()};
        r = doc_info(info, &doc, &c->e);
        if (r == 0)
            r = info_format(doc, &v, &out, &bad, &c->e);
    } else {
        info_print(info, &out);
    }
    shale_free(info);
    if (bad)
        c->fail_status = EXIT_TEMPLATE;
    return r < 0 ? r : cli_print(c, &out);
}

const struct cmd cmd_info = {
    .brief = "Display information about the store and this host",
    .usage = "[OPTIONS]",
    .text = "Says which storage driver and which OCI runtime are in use, and why.",
    .example = "shale info\n"
               "shale info -f '{{.Driver}} {{.DefaultRuntime}}'",
    .opts = opts,
    .opts_size = sizeof(struct cmd_info_opts),
    .run = run,
};
