/* SPDX-License-Identifier: Apache-2.0 */
/* --volumes-from: the mounts of other containers. */
#include "base/str.h"
#include "container/create_priv.h"
#include "container/ctr.h"

static bool is_mode(const char *s)
{
    return streq(s, "rw") || streq(s, "ro");
}

int create_find_from(struct create *c, struct shale_err *e)
{
    struct strv *list = &c->conf.volumes_from;
    int r = create_list(c, c->o->volumes_from, list, e);

    if (r < 0)
        return r;
    c->from_ids = arena_array(c->a, list->n + 1, sizeof *c->from_ids);
    if (!c->from_ids)
        return err_nomem(e);
    for (size_t i = 0; i < list->n; i++) {
        struct ctr from;
        const char *text = list->v[i], *colon = strchr(text, ':');
        const char *name = arena_strndup(c->a, text, colon ? (size_t)(colon - text) : strlen(text));
        if (!name)
            return err_nomem(e);
        if (!name[0])
            return err_set(e, SHALE_INVALID,
                           "invalid volumes-from specification: container name is empty");
        if (colon && !is_mode(colon + 1))
            return err_set(e, SHALE_INVALID, "invalid mode: %.100s", colon + 1);
        r = ctr_find(c->h, name, c->a, &from, e);
        if (r == -SHALE_NOT_FOUND)
            return err_set(e, SHALE_INVALID, "No such container: %.200s", name);
        if (r < 0)
            return r;
        c->from_ids[i] = arena_strdup(c->a, from.row.id);
        if (!c->from_ids[i])
            return err_nomem(e);
    }
    return 0;
}

static int load(struct create *c, size_t i, struct conf *ret, struct shale_err *e)
{
    struct meta_container row;
    int r = meta_container_get(store_meta(c->h->store), c->from_ids[i], c->a, &row, e);

    return r < 0 ? r : conf_parse(row.config, c->a, ret, e);
}

int create_count_from(struct create *c, size_t *ret, struct shale_err *e)
{
    *ret = 0;
    for (size_t i = 0; i < c->conf.volumes_from.n; i++) {
        struct conf from;
        int r = load(c, i, &from, e);
        if (r < 0)
            return r;
        *ret += from.n_mounts;
    }
    return 0;
}

/* The options' own mounts, below `first`, come before; of others the last one counts. */
static void put_mount(struct conf *k, size_t first, const struct conf_mount *m)
{
    size_t i = 0;

    while (i < k->n_mounts && !streq(k->mounts[i].target, m->target))
        i++;
    if (i < first && i < k->n_mounts)
        return;
    k->mounts[i] = *m;
    k->n_mounts += i == k->n_mounts;
}

int create_mounts_from(struct create *c, size_t first, struct shale_err *e)
{
    for (size_t i = 0; i < c->conf.volumes_from.n; i++) {
        const char *colon = strchr(c->conf.volumes_from.v[i], ':');
        bool read_only = colon && streq(colon + 1, "ro");
        struct conf from;
        int r = load(c, i, &from, e);
        if (r < 0)
            return r;
        for (size_t j = 0; j < from.n_mounts; j++) {
            struct conf_mount m = from.mounts[j];
            if (streq(m.type, "tmpfs"))
                continue;
            m.read_only = m.read_only || read_only;
            m.shared = true;
            put_mount(&c->conf, first, &m);
        }
    }
    return 0;
}
