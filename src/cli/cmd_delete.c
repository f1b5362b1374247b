/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/remote.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "cli/confirm.h"

struct delete_opts {
    bool force, with_tags;
};

#define O(field) offsetof(struct delete_opts, field)
static const struct opt opts[] = {
    {'f', "force", OPT_BOOL, O(force), NULL, "Do not ask before what a pattern has found goes"},
    {0, "with-tags", OPT_BOOL, O(with_tags), NULL,
     "Also what can only go together with other tags of the same digest"},
    {0},
};
#undef O

static bool ask(void *arg, const struct shale_deleted_list *l)
{
    _cleanup_(buf_clear) struct buf text = BUF_INIT(CLI_MAX_OUTPUT);

    (void)arg;
    for (size_t i = 0; i < l->n_items; i++)
        buf_addf(&text, "%s\n", l->items[i].ref);
    buf_addf(&text, "WARNING! These %zu will be deleted from the registry.", l->n_items);
    return buf_check(&text, NULL) >= 0 && confirm(buf_str(&text));
}

static void put(struct buf *b, const struct shale_deleted *x)
{
    buf_addf(b, "Deleted: %s\n", x->ref);
    for (size_t i = 0; i < x->n_also; i++)
        buf_addf(b, "Deleted with it: %s\n", x->also[i]);
}

/* All are tried. */
static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct delete_opts *o = opts_;
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_remote_delete_opts q = {
        .size = sizeof q, .with_tags = o->with_tags, .on_confirm = o->force ? NULL : ask};
    struct shale_deleted_list *l = NULL;
    struct shale *s;
    int failed = 0, r = cli_open(c, &s);

    if (r >= 0)
        r = shale_remote_delete(s, (const char *const *)args, (size_t)n, &q, &l, &c->e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < l->n_items; i++)
        if (!l->items[i].code)
            put(&out, &l->items[i]);
    r = cli_print(c, &out);
    for (size_t i = 0; r >= 0 && i < l->n_items; i++)
        failed |= cli_warn_problem(l->items[i].code, l->items[i].problem);
    shale_free(l);
    return r < 0 ? r : failed;
}

const struct cmd cmd_delete = {
    .brief = "Delete images from a registry",
    .usage = "[OPTIONS] NAME:TAG|NAME@DIGEST|NAME:PATTERN [NAME...]",
    .text =
        "Nothing of the local store is touched (see shale rmi). A tag goes alone where the\n"
        "registry can do that. Some can only delete by digest, and then every tag of that digest\n"
        "goes: unless all of them were named, --with-tags is needed. A pattern has *, ? and\n"
        "[a-z]; what it has found is shown before it goes.",
    .example = "shale delete registry.example.com/team/app:1.2\n"
               "shale delete -f 'registry.example.com/team/app:pr-*'",
    .opts = opts,
    .opts_size = sizeof(struct delete_opts),
    .min_args = 1,
    .max_args = -1,
    .flags = CMD_ONLINE,
    .run = run,
};
