/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/look.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "view/human.h"

#define SCHEME "docker://"

int look_args(struct cli *c, int n, char **args, struct look_args *ret)
{
    static const char *const root[] = {"/"};
    /* not that of "docker://" */
    const char *name = args[0] + (str_has_prefix(args[0], SCHEME) ? strlen(SCHEME) : 0);
    const char *mark = strstr(name, ":/");
    const char **paths = arena_array(&c->arena, (size_t)n + 1, sizeof *paths);
    size_t k = 0;

    if (!paths)
        return err_nomem(&c->e);
    *ret = (struct look_args){.image = args[0]};
    if (mark) {
        ret->image = arena_strndup(&c->arena, args[0], (size_t)(mark - args[0]));
        paths[k++] = mark + 1;
    }
    if (!ret->image)
        return err_nomem(&c->e);
    for (int i = 1; i < n; i++)
        paths[k++] = args[i];
    ret->paths = k ? paths : root;
    ret->n_paths = k ? k : 1;
    return 0;
}

void look_fetched(const struct shale_fetched *f, bool quiet)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1024);

    if (quiet || f->n_layers == 0)
        return;
    buf_adds(&b, "Fetched ");
    human_size(&b, f->bytes);
    buf_adds(&b, " of ");
    human_size(&b, f->image_bytes);
    buf_addf(&b, ": %" PRIu32 " of %" PRIu32 " layers", f->n_fetched, f->n_layers);
    if (f->n_local)
        buf_addf(&b, ", %" PRIu32 " read in the store", f->n_local);
    fprintf(stderr, "%s\n", buf_str(&b));
}
