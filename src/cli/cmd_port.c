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

/* All, or with PRIVATE_PORT its addresses alone. 1: it has none. */
static int print(struct cli *c, const struct shale_container *found, const char *port)
{
    const char *slash = port ? strchr(port, '/') : NULL;
    size_t digits = port ? strcspn(port, "/") : 0;
    bool any = false;
    for (size_t i = 0; i < found->n_ports; i++) {
        const struct shale_container_port *p = &found->ports[i];
        char number[8];
        const char *open = strchr(p->host_ip, ':') ? "[" : "", *close = open[0] ? "]" : "";
        int r = 0;
        (void)snprintf(number, sizeof number, "%u", p->inside);
        if (!p->host_ip[0])
            continue;
        if (!port)
            r = cli_printf(c, "%s/%s -> %s%s%s:%u\n", number, p->protocol, open, p->host_ip, close,
                           p->host);
        else if (strlen(number) != digits || memcmp(number, port, digits) != 0 ||
                 !str_ieq(slash ? slash + 1 : "tcp", p->protocol))
            continue;
        else
            r = cli_printf(c, "%s%s%s:%u\n", open, p->host_ip, close, p->host);
        if (r < 0)
            return r;
        any = true;
    }
    return any || !port ? 0 : 1;
}

static int run(struct cli *c, const void *opts, int n, char **args)
{
    struct shale_container *found = NULL;
    const char *port = n > 1 ? args[1] : NULL;
    struct shale *s;
    int r = port ? check_port(c, port) : 0;
    if (r == 0)
        r = cli_open(c, &s);
    if (r == 0)
        r = shale_container_inspect(s, args[0], false, &found, &c->e);
    if (r == 0 && found)
        r = print(c, found, port);
    shale_free(found);
    if (r == 1 && port)
        return err_set(&c->e, SHALE_NOT_FOUND, "No public port '%.100s' published for %.200s", port,
                       args[0]);
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
