/* SPDX-License-Identifier: Apache-2.0 */
/* What repositories take, beside a server or without one. */
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "registry/reg.h"

#define PAGE 1000

static int read_all(struct state *s, const struct regconf *conf, struct arena *a,
                    struct registry_usage **ret, size_t *ret_n, struct shale_err *e)
{
    struct registry_usage *v = NULL;
    struct state_usage *page = NULL;
    size_t n = 0, cap = 0, n_page = 0;
    int r;

    do {
        r = state_usage(s, n ? v[n - 1].repo : "", PAGE, a, &page, &n_page, e);
        for (size_t i = 0; r >= 0 && i < n_page; i++) {
            struct registry_usage *w = arena_grow(a, v, n, &cap, sizeof *v);
            if (!w)
                return err_nomem(e);
            v = w;
            v[n++] = (struct registry_usage){
                page[i].repo,
                page[i].n_tags,
                page[i].n_manifests,
                page[i].n_blobs,
                page[i].bytes,
                conf ? retain_quota(&conf->retain, page[i].repo, conf->limits.repository_bytes)
                     : 0};
        }
    } while (r >= 0 && n_page == PAGE);
    *ret = v;
    *ret_n = n;
    return r;
}

int registry_usage(const char *root, const struct regconf *conf, struct arena *a,
                   struct registry_usage **ret, size_t *ret_n, uint64_t *ret_total,
                   struct shale_err *e)
{
    struct blobs *blobs = NULL;
    struct state *state = NULL;

    _cleanup_close_ int root_fd = fs_open_dir(AT_FDCWD, root, e);
    if (root_fd < 0)
        return err_wrap(e, root_fd, "registry");
    int r = blobs_open(root_fd, true, &blobs, e);
    if (r >= 0)
        r = state_open(root_fd, root, blobs, true, &state, e);
    if (r >= 0)
        r = read_all(state, conf, a, ret, ret_n, e);
    if (r >= 0)
        r = state_usage_total(state, ret_total, e);
    state_close(state);
    blobs_close(blobs);
    return r < 0 ? err_wrap(e, r, "registry %s", root) : 0;
}
