/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/image.h>
#include <shale/look.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "view/found.h"

#define STATUS_NOTHING 1
#define STATUS_TROUBLE 2

struct find_opts {
    struct strv file, package;
    const char *format, *sha256;
    bool no_trunc, quiet;
};

#define O(field) offsetof(struct find_opts, field)
static const struct opt opts[] = {
    {0, "file", OPT_LIST, O(file), NULL, "Images with a file of this path, or name; may be a glob"},
    {0, "format", OPT_STR, O(format), NULL,
     "Format output using a custom template: 'table', 'table\nTEMPLATE', 'json' or 'TEMPLATE'"},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Don't truncate output"},
    {0, "package", OPT_LIST, O(package), NULL,
     "Images with an installed package: NAME, or NAME and = < <= > >= with a version"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Only show image IDs"},
    {0, "sha256", OPT_STR, O(sha256), NULL, "Images with a file of this checksum"},
    {0},
};
#undef O

static void on_error(void *arg, const struct shale_image *image, const struct shale_err *e)
{
    struct shale_err told = *e;

    (void)arg;
    if (image->n_names)
        (void)err_wrap(&told, -e->code, "%s%s%s", image->names[0].repo,
                       image->names[0].tag ? ":" : "@",
                       image->names[0].tag ? image->names[0].tag : image->names[0].digest);
    else
        (void)err_wrap(&told, -e->code, "%s", image->id);
    cli_warn_error(&told);
}

/* Arguments are files, too. */
static const char *const *files_of(struct cli *c, const struct find_opts *o, int n, char **args)
{
    const char **v = arena_array(&c->arena, o->file.n + (size_t)n + 1, sizeof *v);
    size_t k = 0;

    for (size_t i = 0; v && i < o->file.n; i++)
        v[k++] = o->file.v[i];
    for (int i = 0; v && i < n; i++)
        v[k++] = args[i];
    return v;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct find_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_look_for_result res = {0};
    struct found x = {0};
    struct shale_look_for_opts io = {
        .size = sizeof io,
        .files = files_of(c, o, n, args),
        .packages = (const char *const *)o->package.v,
        .sha256 = o->sha256,
        .on_found = found_add,
        .on_error = on_error,
        .arg = &x,
    };
    struct shale *s = NULL;
    int r;

    if (!io.files)
        return err_nomem(&c->e);
    if (!io.files[0] && !o->package.n && !o->sha256)
        return cli_usage_error(c, "a path, --file, --package or --sha256 is needed");
    c->fail_status = STATUS_TROUBLE;
    r = cli_open(c, &s);
    if (r == 0)
        r = found_begin(&x, o->format, o->quiet, o->no_trunc, cli_is_terminal(), &c->e);
    if (r == 0)
        r = shale_look_for(s, &io, &res, &c->e);
    if (r < 0 && x.e.code)
        c->e = x.e;
    if (r >= 0 && res.n_found)
        r = list_end(&x.l, &out, &c->e);
    if (r >= 0)
        r = cli_print(c, &out);
    list_clear(&x.l);
    return r < 0 ? r : res.n_failed ? STATUS_TROUBLE : res.n_found ? 0 : STATUS_NOTHING;
}

const struct cmd cmd_find_in = {
    .brief = "Find the local images that a file or package is in",
    .usage = "[OPTIONS] [PATH...]",
    .text =
        "Images that all of what is asked for is true of are listed, each with the files and\n"
        "packages that tell so. Only what an image shows counts: what a later layer removed or\n"
        "replaced does not. PATH is the same as --file PATH; one without a slash is a name in any\n"
        "folder. In globs, * is anything but /, ** is anything and ? is one character. Symbolic\n"
        "links on the way of a path without wildcards are followed. Packages are those of dpkg,\n"
        "apk and rpm (SQLite).\n"
        "\n"
        "The exit status is 0 when an image was found, 1 when there is none, 2 after an error\n"
        "(also if some images could not be looked into), and 125 for a wrong use.",
    .example = "shale find /usr/bin/jq\n"
               "shale find --file '**/log4j-core-*.jar'\n"
               "shale find --package 'openssl<3.0.14' -q\n"
               "shale find --sha256 $(sha256sum <file | cut -d' ' -f1)",
    .opts = opts,
    .opts_size = sizeof(struct find_opts),
    .min_args = 0,
    .max_args = -1,
    .run = run,
};
