/* SPDX-License-Identifier: Apache-2.0 */
#include <sys/utsname.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/exit.h"
#include "view/info.h"

struct version_opts {
    const char *format;
};

static const struct opt opts[] = {
    {'f', "format", OPT_STR, offsetof(struct version_opts, format), NULL,
     "Format output using a custom template: 'json' or a Go template"},
    {0},
};

/* Go's names of machines. */
static const char *go_arch(const char *machine)
{
    static const char *const names[][2] = {
        {"x86_64", "amd64"},
        {"aarch64", "arm64"},
        {"armv7l", "arm"},
        {"i686", "386"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (streq(machine, names[i][0]))
            return names[i][1];
    return machine;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct version_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    _cleanup_json_ json_t *doc = NULL;
    struct utsname u;
    bool bad = false;
    int r = 0;
    if (uname(&u) < 0)
        return err_sys(&c->e, "uname");
    struct doc_version v = {shale_version(), "linux", go_arch(u.machine), u.release};
    if (o->format && *o->format) {
        struct info_opts i = {o->format, "system.versionInfo", cli_is_terminal()};
        r = doc_version(&v, &doc, &c->e);
        if (r == 0)
            r = info_format(doc, &i, &out, &bad, &c->e);
    } else {
        version_print(&v, &out);
    }
    if (bad)
        c->fail_status = EXIT_TEMPLATE;
    return r < 0 ? r : cli_print(c, &out);
}

const struct cmd cmd_version = {
    .brief = "Show the shale version information",
    .usage = "[OPTIONS]",
    .example = "shale version -f '{{.Server.Version}}'",
    .opts = opts,
    .opts_size = sizeof(struct version_opts),
    .run = run,
};
