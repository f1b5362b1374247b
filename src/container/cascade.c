/* SPDX-License-Identifier: Apache-2.0 */
/* `rmi --cascade`: the stopped containers of an image, then the image. */
#include <fcntl.h>
#include <string.h>

#include "base/fs.h"
#include "container/ctr.h"
#include "container/life.h"

uint64_t container_written_bytes(struct container_host *h, const char *id, struct arena *a)
{
    const char *upper = arena_printf(a, "%s/containers/%s/upper", store_root(h->store), id);
    uint64_t bytes = 0;

    if (upper && fs_exists(AT_FDCWD, upper))
        (void)fs_disk_usage(AT_FDCWD, upper, &bytes, NULL);
    return bytes;
}

/* One that somebody else has removed meanwhile is gone, too. */
static int remove_containers(struct container_host *h, const struct shale_rmi_result *plan,
                             size_t *ret_n, struct shale_err *e)
{
    struct shale_rm_opts o = {.size = sizeof o};

    for (*ret_n = 0; *ret_n < plan->n_items; ++*ret_n) {
        const struct shale_removed *i = &plan->items[*ret_n];
        if (i->kind != SHALE_REMOVED_CONTAINER)
            break;
        int r = cancel_check(h->cancel, e);
        if (r >= 0)
            r = container_rm(h, i->what, &o, e);
        if (r < 0 && r != -SHALE_NOT_FOUND)
            return r;
    }
    return 0;
}

/* The containers that went, then what the removal of the image has done. */
static int put_before(const struct shale_rmi_result *plan, size_t n, struct arena *a,
                      struct shale_rmi_result *ret, struct shale_err *e)
{
    struct shale_removed *v = arena_array(a, n + ret->n_items + 1, sizeof *v);

    if (!v)
        return err_nomem(e);
    if (n)
        memcpy(v, plan->items, n * sizeof *v);
    if (ret->n_items)
        memcpy(v + n, ret->items, ret->n_items * sizeof *v);
    ret->items = v;
    ret->n_items += n;
    return 0;
}

int container_remove_image(struct container_host *h, struct image_host *images, const char *what,
                           const struct shale_rmi_opts *o, struct arena *a,
                           struct shale_rmi_result *ret, struct shale_err *e)
{
    struct shale_rmi_opts dry = *o;
    struct shale_rmi_result plan = {0};
    uint64_t written = 0;
    size_t n = 0;

    if (!o->cascade)
        return image_remove(images, what, o, a, ret, e);
    dry.dry_run = true;
    int r = image_remove(images, what, &dry, a, &plan, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < plan.n_items && plan.items[i].kind == SHALE_REMOVED_CONTAINER; i++)
        written += container_written_bytes(h, plan.items[i].what, a);
    if (o->dry_run) {
        *ret = plan;
        ret->freed_bytes += written;
        return 0;
    }
    r = remove_containers(h, &plan, &n, e);
    if (r >= 0)
        r = image_remove(images, what, o, a, ret, e);
    if (r < 0)
        return n ? err_wrap(e, r, "%zu of its containers are removed, the image is not", n) : r;
    ret->freed_bytes += written;
    return put_before(&plan, n, a, ret, e);
}
