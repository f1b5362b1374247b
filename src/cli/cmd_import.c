/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/flat.h>
#include <unistd.h>

#include "base/str.h"
#include "cli/cli.h"

struct import_opts {
    struct strv change;
    const char *message, *platform;
};

#define O(field) offsetof(struct import_opts, field)
static const struct opt opts[] = {
    {'c', "change", OPT_LIST, O(change), NULL, "Apply Dockerfile instruction to the created image"},
    {'m', "message", OPT_STR, O(message), NULL, "Set commit message for imported image"},
    {0, "platform", OPT_STR, O(platform), NULL, "Record this platform: os/arch[/variant]"},
    {0},
};

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct import_opts *o = opts_;
    const char **changes = arena_array(&c->arena, o->change.n + 1, sizeof *changes);
    bool from_stdin = streq(args[0], "-");
    struct shale_imported *made = NULL;
    struct shale *s;

    if (!changes)
        return err_nomem(&c->e);
    for (size_t i = 0; i < o->change.n; i++)
        changes[i] = o->change.v[i];
    if (from_stdin && isatty(STDIN_FILENO))
        return err_set(&c->e, SHALE_INVALID,
                       "requested import from stdin, but stdin is a terminal: redirect a tar");
    int r = cli_open(c, &s);
    if (r < 0)
        return r;
    struct shale_import_opts q = {
        .size = sizeof q,
        .input = from_stdin ? NULL : args[0],
        .fd = STDIN_FILENO,
        .name = n > 1 ? args[1] : NULL,
        .message = o->message,
        .platform = o->platform,
        .changes = changes,
    };
    if (str_has_prefix(args[0], "http://") || str_has_prefix(args[0], "https://"))
        fprintf(stderr, "Downloading from %s\n", args[0]);
    r = shale_import(s, &q, &made, &c->e);
    if (r >= 0)
        r = cli_printf(c, "%s\n", made->id);
    shale_free(made);
    return r < 0 ? r : 0;
}

const struct cmd cmd_import = {
    .brief = "Import the contents from a tarball to create a filesystem image",
    .usage = "[OPTIONS] file|URL|- [REPOSITORY[:TAG]]",
    .text =
        "The tar, plain or packed with gzip, zstd, xz or bzip2, becomes the one layer of a new\n"
        "image, which has no command and no environment but what -c gives it. A name that exists\n"
        "moves to the new image.",
    .example = "shale import rootfs.tar.gz team/base:1\n"
               "shale import https://example.com/rootfs.tar.xz team/base:1\n"
               "shale export job | shale import -c 'CMD [\"sh\"]' - job:flat",
    .opts = opts,
    .opts_size = sizeof(struct import_opts),
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
