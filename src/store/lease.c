/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/time.h"
#include "store/store_priv.h"

/* A lease of a process that lives longer than this has been forgotten. */
#define LEASE_TTL_NS (24 * 3600 * NS_PER_S)

struct store_lease {
    struct store *store;
    uint64_t id;
};

int store_lease_begin(struct store *s, const char *note, struct store_lease **ret,
                      struct shale_err *e)
{
    struct store_lease *l = mem_alloc(sizeof *l);
    if (!l)
        return err_nomem(e);
    l->store = s;
    int r = meta_lease_begin(s->meta, note, LEASE_TTL_NS, &l->id, e);
    if (r < 0) {
        free(l);
        return r;
    }
    *ret = l;
    return 0;
}

int store_lease_add(struct store_lease *l, const struct digest *d, struct shale_err *e)
{
    return meta_lease_add(l->store->meta, l->id, d, e);
}

struct store_lease *store_lease_end(struct store_lease *l)
{
    if (!l)
        return NULL;
    /* A lease that cannot be ended now ends with the process. */
    (void)meta_lease_end(l->store->meta, l->id, NULL);
    free(l);
    return NULL;
}
