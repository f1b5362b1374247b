/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/container.h>

#include "base/str.h"
#include "cli/cli.h"

/* "80", "80/udp" */
static int check_port(struct cli *c, const char *text)
{
    size_t n = strcspn(text, "/");
    const char *number = arena_strndup(&c->arena, text, n);
    uint64_t port;
    if (!number)
        return err_nomem(&c->e);
    if (!str_to_u64(number, &port) || port > UINT16_MAX || (text[n] == '/' && text[n + 1] == 0))
        return err_set(&c->e, SHALE_INVALID, "invalid port (%.100s)", text);
    return 0;
}

/* Without bridge networks no container publishes any: there is nothing to print. */
static int run(struct cli *c, const void *opts, int n, char **args)
{
    struct shale_container *found = NULL;
    struct shale *s;
    int r = n > 1 ? check_port(c, args[1]) : 0;
    if (r == 0)
        r = cli_open(c, &s);
    if (r == 0)
        r = shale_container_inspect(s, args[0], false, &found, &c->e);
    shale_free(found);
    if (r == 0 && n > 1)
        return err_set(&c->e, SHALE_NOT_FOUND, "no public port '%.100s%s' published for %.200s",
                       args[1], strchr(args[1], '/') ? "" : "/tcp", args[0]);
    return r;
}

const struct cmd cmd_port = {
    .brief = "List port mappings or a specific mapping for the container",
    .usage = "CONTAINER [PRIVATE_PORT[/PROTO]]",
    .example = "shale port web\n"
               "shale port web 80/tcp",
    .min_args = 1,
    .max_args = 2,
    .run = run,
};
