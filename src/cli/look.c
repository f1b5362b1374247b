/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/look.h"

#include <string.h>

int look_args(struct cli *c, int n, char **args, struct look_args *ret)
{
    static const char *const root[] = {"/"};
    const char *mark = strstr(args[0], ":/");
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
