/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/registry.h>

#include "base/cleanup.h"
#include "cli/cli.h"

struct index_opts {
    const char *config, *storage;
    bool rebuild;
};

#define O(field) offsetof(struct index_opts, field)
static const struct opt table[] = {
    {0, "config", OPT_STR, O(config), NULL,
     "Config file (default: /etc/shale/registry.conf, if it is there)"},
    {0, "rebuild", OPT_BOOL, O(rebuild), NULL, "Throw the index away and make it anew"},
    {0, "storage", OPT_STR, O(storage), NULL, "Folder (default: registry/ in the store's folder)"},
    {0},
};
#undef O

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct index_opts *o = opts_;
    struct shale_registry_index_opts io = {
        .size = sizeof io,
        .root = o->storage,
        .store_root = c->global.root,
        .config = o->config,
        .rebuild = o->rebuild,
    };
    struct shale_registry_index_result *res = NULL;

    (void)n, (void)args;
    int r = shale_registry_index(&io, &res, &c->e);
    if (r < 0)
        return r;
    r = cli_printf(c, "Indexed %llu images, %llu layers, %llu files; %llu layers cannot be read\n",
                   (unsigned long long)res->n_images, (unsigned long long)res->n_layers,
                   (unsigned long long)res->n_files, (unsigned long long)res->n_failed);
    shale_free(res);
    return r < 0 ? r : 0;
}

const struct cmd cmd_registry_index = {
    .brief = "Look at what can be searched for in the registry",
    .usage = "[OPTIONS]",
    .text = "A registry that serves does so by itself, after every push. This command catches up\n"
            "where none serves, and makes an index anew that is suspected to be wrong. It may run\n"
            "beside a server, and waits while that is at it.",
    .example = "shale registry index\n"
               "shale registry index --rebuild --storage /srv/images",
    .opts = table,
    .opts_size = sizeof(struct index_opts),
    .run = run,
};
