/* SPDX-License-Identifier: Apache-2.0 */
/* Where a tag pointed, and back to it. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/image_priv.h"
#include "model/limits.h"
#include "store/events.h"

#define MOVES_MAX 1000

static int load(struct image_host *h, const char *name, struct arena *a, struct ref *ref,
                struct meta_tag_log **ret, size_t *ret_n, struct shale_err *e)
{
    int r = ref_parse(name, a, ref, e);

    if (r < 0)
        return r;
    if (digest_is_set(&ref->digest))
        return err_set(e, SHALE_INVALID, "%.200s is a digest, which never moves; a tag is needed",
                       name);
    ref_default_tag(ref);
    r = meta_tag_moves(store_meta(h->store), ref->repo, ref->tag, MOVES_MAX, a, ret, ret_n, e);
    if (r >= 0 && *ret_n == 0)
        return err_set(e, SHALE_NOT_FOUND, "%s:%s has never been a tag here",
                       ref_familiar_repo(ref->repo), ref->tag);
    return r;
}

/* 1 or 0 */
static int is_here(struct image_host *h, const struct digest *id, struct arena *a,
                   struct shale_err *e)
{
    struct meta_image row;
    int r = digest_is_set(id) ? meta_image_get(store_meta(h->store), id, a, &row, NULL)
                              : -SHALE_NOT_FOUND;

    if (r < 0 && r != -SHALE_NOT_FOUND)
        return err_set(e, -r, "cannot look up image %s", id->s);
    return r >= 0;
}

int image_tag_history(struct image_host *h, const char *name, struct arena *a,
                      struct shale_tag_history *ret, struct shale_err *e)
{
    struct meta_tag_log *log = NULL;
    struct ref ref;
    size_t n = 0;
    int r = load(h, name, a, &ref, &log, &n, e);
    struct shale_tag_move *v = r < 0 ? NULL : arena_array(a, n + 1, sizeof *v);

    if (r >= 0 && !v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = is_here(h, &log[i].new_image, a, e);
        v[i] = (struct shale_tag_move){
            .how = log[i].how,
            .image = arena_strdup(a, log[i].new_image.s),
            .when_ns = log[i].when_ns,
            .present = r == 1,
        };
        if (!v[i].image)
            return err_nomem(e);
    }
    if (r < 0)
        return r;
    const char *shown = arena_printf(a, "%s:%s", ref_familiar_repo(ref.repo), ref.tag);
    if (!shown)
        return err_nomem(e);
    *ret = (struct shale_tag_history){shown, v, n};
    return 0;
}

/* "app:1@{2}" */
static int parse_entry(const char *text, struct arena *a, char **ret_name, size_t *ret_n,
                       struct shale_err *e)
{
    const char *at = strstr(text, "@{");
    char *end = NULL;
    unsigned long n = 0;

    if (at && at > text && at[2] >= '0' && at[2] <= '9')
        n = strtoul(at + 2, &end, 10);
    if (!end || !streq(end, "}") || n >= MOVES_MAX)
        return err_set(
            e, SHALE_INVALID,
            "\"%.200s\" is no entry of a tag's history: NAME[:TAG]@{N} is needed, with N "
            "as 'tag --history' shows it",
            text);
    *ret_name = arena_strndup(a, text, (size_t)(at - text));
    *ret_n = n;
    return *ret_name ? 0 : err_nomem(e);
}

static int restore(struct image_host *h, const char *entry, struct arena *a, struct ref *ret_name,
                   struct digest *ret, struct shale_err *e)
{
    struct meta_tag_log *log = NULL;
    struct ref ref;
    size_t n = 0, k = 0;
    char *name = NULL;
    int r = parse_entry(entry, a, &name, &k, e);

    if (r >= 0)
        r = load(h, name, a, &ref, &log, &n, e);
    if (r < 0)
        return r;
    if (k >= n)
        return err_set(e, SHALE_NOT_FOUND, "%.200s: the history of this tag has %zu entr%s", entry,
                       n, n == 1 ? "y" : "ies");
    if (!digest_is_set(&log[k].new_image))
        return err_set(e, SHALE_INVALID, "%.200s: the tag had been taken off then (%s)", entry,
                       log[k].how);
    r = is_here(h, &log[k].new_image, a, e);
    if (r == 0)
        return err_set(e, SHALE_NOT_FOUND,
                       "%.200s was image %s, which is not here any more: pull or build it again",
                       entry, log[k].new_image.s);
    if (r >= 0)
        r = meta_tag_set(store_meta(h->store), ref.repo, ref.tag, &log[k].new_image,
                         &log[k].new_target, "restore", NULL, e);
    if (r < 0)
        return r;
    *ret = log[k].new_image;
    *ret_name = ref;
    return 0;
}

int image_tag_restore(struct image_host *h, const char *entry, struct digest *ret,
                      struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4 << 20);
    struct meta *m = store_meta(h->store);
    int r = meta_begin(m, e);

    struct ref ref = {0};

    if (r >= 0)
        r = meta_end(m, restore(h, entry, &a, &ref, ret, e), e);
    if (r >= 0)
        store_image_event(h->store, EVENT_IMAGE_TAG, ret, ret->s, ref_familiar(&ref, &a));
    return r;
}
