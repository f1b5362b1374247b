/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <shale/cp.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/str.h"
#include "base/units.h"
#include "cli/cli.h"
#include "cli/term.h"

struct cp_opts {
    bool archive, follow_link, quiet;
    const char *platform;
};

#define O(field) offsetof(struct cp_opts, field)
static const struct opt opts[] = {
    {'a', "archive", OPT_BOOL, O(archive), NULL, "Archive mode (copy all uid/gid information)"},
    {'L', "follow-link", OPT_BOOL, O(follow_link), NULL, "Always follow symbol link in SRC_PATH"},
    {0, "platform", OPT_STR, O(platform), NULL,
     "Image for this platform, of several behind the name: os/arch[/variant]"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL,
     "Suppress the line that says what was copied (no terminal: it is\nnot printed anyway)"},
    {0},
};
#undef O

/* As docker tells them apart: a path is absolute, begins with "." or has no colon. */
static bool is_local(const char *arg)
{
    return *arg == '/' || *arg == '.' || !strchr(arg, ':') || *arg == ':';
}

static void tell(const struct cli *c, const struct cp_opts *o, const struct shale_cp_result *r)
{
    bool quiet = cli_seen(c, "quiet") ? o->quiet : !cli_is_terminal();
    char size[32];

    if (!quiet)
        (void)fprintf(stderr, "Successfully copied %s to %s\n", units_human(r->tar_bytes, 3, size),
                      r->to);
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct cp_opts *o = opts_;
    const char *from = args[0], *to = args[1];
    bool out = !is_local(from), in = !is_local(to), pipe = streq(out ? to : from, "-");
    struct shale_cp_result *res = NULL;
    struct shale *s = NULL;

    (void)n;
    if (!*from || !*to)
        return err_set(&c->e, SHALE_INVALID, "%s can not be empty",
                       *from ? "destination" : "source");
    if (out && in)
        return err_set(&c->e, SHALE_UNSUPPORTED, "copying between containers is not supported");
    if (!out && !in)
        return err_set(&c->e, SHALE_INVALID, "must specify at least one container source");
    struct shale_cp_opts q = {.size = sizeof q,
                              .keep_owner = o->archive,
                              .follow_link = o->follow_link,
                              .platform = o->platform,
                              .fd = out ? STDOUT_FILENO : STDIN_FILENO};
    int r = cli_open(c, &s);
    if (r == 0)
        r = out ? shale_cp_out(s, from, pipe ? NULL : to, &q, &res, &c->e)
                : shale_cp_in(s, pipe ? NULL : from, to, &q, &res, &c->e);
    if (r < 0 && out && pipe && c->e.sys == EPIPE)
        _exit(128 + SIGPIPE);
    if (r < 0 || !res)
        return r;
    if (!pipe)
        tell(c, o, res);
    shale_free(res);
    return 0;
}

const struct cmd cmd_cp = {
    .brief = "Copy files/folders between a container and the local filesystem",
    .usage = "[OPTIONS] CONTAINER:SRC_PATH|IMAGE:/SRC_PATH DEST_PATH|-",
    .text = "Or the other way round: cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH.\n"
            "The container may run or not; its volumes and bind mounts are seen; /proc, /sys\n"
            "and tmpfs are not. \"-\" as the source reads a tar (also packed: gzip, xz, zstd)\n"
            "from standard input and unpacks it in a folder of the container; as the\n"
            "destination it writes one to standard output.\n"
            "What is copied goes into a folder that is there, and gets the name given otherwise;\n"
            "\"FOLDER/.\" is what is in the folder. Copies belong to the caller, with -a to those\n"
            "that they belong to inside; in a container they always keep their owners. No link\n"
            "of a container leads out of it.\n"
            "Where there is no container of the name before the first colon, files are copied\n"
            "out of a local image: IMAGE:/PATH, where the path is absolute. No container is made\n"
            "for that, and nothing is mounted.",
    .example = "shale cp web:/etc/nginx/nginx.conf .\n"
               "shale cp site/. web:/var/www\n"
               "shale cp web:/var/log - | tar -t\n"
               "shale cp debian:12:/etc/os-release .",
    .opts = opts,
    .opts_size = sizeof(struct cp_opts),
    .min_args = 2,
    .max_args = 2,
    .run = run,
};
