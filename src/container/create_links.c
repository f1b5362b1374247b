/* SPDX-License-Identifier: Apache-2.0 */
/* Links of a new container to others. */
#include "base/proc.h"
#include "base/str.h"
#include "container/create_priv.h"
#include "container/network.h"
#include "container/pasta.h"
#include "container/spaces.h"

#define LINKS_MAX 1024

int create_link_list(struct create *c, const char *const *list, struct strv *ret,
                     struct shale_err *e)
{
    struct strv v;
    int r = create_list(c, list, &v, e);

    if (r >= 0 && v.n > LINKS_MAX)
        r = err_set(e, SHALE_LIMIT, "more than %d links", LINKS_MAX);
    for (size_t i = 0; r >= 0 && i < v.n; i++) {
        struct run_link l;
        r = run_link(v.v[i], c->a, &l, e);
        if (r < 0)
            return r;
        v.v[i] = arena_printf(c->a, "%s:%s", l.name, l.alias);
        r = v.v[i] ? 0 : err_nomem(e);
    }
    if (r >= 0)
        *ret = v;
    return r;
}

/* docker: what is linked to on the bridge has to be there, and is known by its ID from then on. One
 * that has another one's network stands for that one. */
static int fix_link(struct create *c, char **link, struct shale_err *e)
{
    char *alias = strrchr(*link, ':');
    struct meta_container row;
    struct conf other;
    int depth = 0;

    *alias++ = 0;
    const char *name = *link;
    do {
        int r = create_joined(c, name, &row, e);
        if (r >= 0)
            r = conf_parse(row.config, c->a, &other, e);
        if (r < 0)
            return err_wrap(e, r, "could not get container for %.200s", name);
        name = conf_network_of(&other);
    } while (name && depth++ < SPACES_DEPTH_MAX);
    if (streq(other.network, "host"))
        return err_set(e, SHALE_INVALID,
                       "conflicting options: host type networking can't be used with links. This "
                       "would result in undefined behavior");
    *link = arena_printf(c->a, "%s:%s", row.id, alias);
    return *link ? 0 : err_nomem(e);
}

/* On other networks they are links of the first one, said in another place. */
static int add_to_network(struct create *c, struct strv *to, struct shale_err *e)
{
    const struct strv *links = &c->conf.links;
    struct strv all = {.v = arena_array(c->a, to->n + links->n + 1, sizeof *all.v), .set = true};

    if (!all.v)
        return err_nomem(e);
    for (size_t i = 0; i < to->n + links->n; i++) {
        char *one = i < to->n ? to->v[i] : links->v[i - to->n];
        size_t at = 0;
        while (at < all.n && !streq(all.v[at], one))
            at++;
        if (at == all.n)
            all.v[all.n++] = one;
    }
    *to = all;
    c->conf.links = (struct strv){.v = NULL};
    return 0;
}

int create_links(struct create *c, struct shale_err *e)
{
    struct conf *k = &c->conf;
    int r = create_link_list(c, c->o->links, &k->links, e);

    if (r < 0 || !k->links.n)
        return r;
    if (streq(k->network, PASTA_MODE) && proc_is_user())
        return err_set(e, SHALE_UNSUPPORTED,
                       "--link needs a network that containers share, which needs root");
    if (!streq(k->network, NETWORK_BRIDGE))
        return k->n_networks ? add_to_network(c, &k->networks[0].links, e) : 0;
    for (size_t i = 0; r >= 0 && i < k->links.n; i++)
        r = fix_link(c, &k->links.v[i], e);
    return r;
}
