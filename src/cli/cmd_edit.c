/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/edit.h>

#include "cli/cli.h"
#include "cli/edited.h"

struct edit_cmd_opts {
    const char *tag, *platform, *message, *format;
    const char *cmd, *entrypoint, *user, *workdir, *stop_signal;
    struct strv change, env, unset_env, label, unset_label, expose, volume;
};

#define O(field) offsetof(struct edit_cmd_opts, field)
static const struct opt opts[] = {
    {'c', "change", OPT_LIST, O(change), NULL, "Apply Dockerfile instruction, after the options"},
    {0, "cmd", OPT_STR, O(cmd), NULL,
     "Default command: words for a shell, or a list in JSON (\"\": none)"},
    {0, "entrypoint", OPT_STR, O(entrypoint), NULL,
     "Entrypoint, in the same way; without --cmd the command goes away"},
    {'e', "env", OPT_LIST, O(env), NULL, "Set environment variables"},
    {0, "expose", OPT_LIST, O(expose), NULL, "Expose a port or a range of ports"},
    {0, "format", OPT_STR, O(format), NULL,
     "Format the result using a custom template:\n'table', 'json' or 'TEMPLATE'"},
    {'l', "label", OPT_LIST, O(label), NULL, "Set meta data on the image"},
    {'m', "message", OPT_STR, O(message), NULL, "Comment for the history"},
    {0, "platform", OPT_STR, O(platform), NULL,
     "Image for this platform, of several behind the name: os/arch[/variant]"},
    {0, "stop-signal", OPT_STR, O(stop_signal), NULL, "Signal to stop the container"},
    {'t', "tag", OPT_STR, O(tag), NULL, "Name of the new image, as name:tag"},
    {0, "unset-env", OPT_LIST, O(unset_env), NULL, "Remove environment variables"},
    {0, "unset-label", OPT_LIST, O(unset_label), NULL, "Remove labels"},
    {'u', "user", OPT_STR, O(user), NULL, "Username or UID (format: <name|uid>[:<group|gid>])"},
    {'v', "volume", OPT_LIST, O(volume), NULL, "Path that gets a volume in each container"},
    {'w', "workdir", OPT_STR, O(workdir), NULL, "Working directory inside the container"},
    {0},
};
#undef O

/* Options hold no more than they were given: a list that ends with NULL. */
static const char *const *list_of(struct cli *c, const struct strv *v)
{
    const char **list = arena_array(&c->arena, v->n + 1, sizeof *list);

    for (size_t i = 0; list && i < v->n; i++)
        list[i] = v->v[i];
    return list;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct edit_cmd_opts *o = opts_;
    struct shale_edit_opts q = {
        .size = sizeof q,
        .name = o->tag,
        .platform = o->platform,
        .message = o->message,
        .unset_env = list_of(c, &o->unset_env),
        .unset_labels = list_of(c, &o->unset_label),
        .cmd = o->cmd,
        .entrypoint = o->entrypoint,
        .env = list_of(c, &o->env),
        .labels = list_of(c, &o->label),
        .user = o->user,
        .workdir = o->workdir,
        .stop_signal = o->stop_signal,
        .expose = list_of(c, &o->expose),
        .volumes = list_of(c, &o->volume),
        .changes = list_of(c, &o->change),
    };
    struct shale_edited *made = NULL;
    struct shale *s;
    int r = c->arena.failed ? err_nomem(&c->e) : cli_open(c, &s);

    (void)n;
    if (r == 0)
        r = shale_edit(s, args[0], &q, &made, &c->e);
    return edited_end(c, r, made, o->format);
}

const struct cmd cmd_edit = {
    .brief = "Create a new image from an image, with other settings",
    .usage = "[OPTIONS] IMAGE",
    .text =
        "No container is needed and no layer is added: the new image has the layers of the old\n"
        "one and an entry more in its history. The old image stays; a name that exists moves to\n"
        "the new one. Values of options are taken as they are, those of --change as a Dockerfile\n"
        "has them, with quotes and variables. An empty value takes a setting away.",
    .example = "shale edit --env DEBUG=1 --user nobody -t app:debug app\n"
               "shale edit --entrypoint '[\"/app\"]' --cmd '[\"--help\"]' -t app app\n"
               "shale edit --unset-env SECRET -c 'LABEL checked=yes' -t app:clean app",
    .opts = opts,
    .opts_size = sizeof(struct edit_cmd_opts),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
