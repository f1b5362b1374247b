/* SPDX-License-Identifier: Apache-2.0 */
/* `image prune`: candidates in one pass over the rows, all removed in one transaction; pins. */
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "image/image_priv.h"
#include "image/prune_priv.h"

/* ---- filters: which of those of `images` are known here ---- */

static bool key_is(const char *text, const char *key)
{
    struct str k = str_trim((struct str){text, strcspn(text, "=")});

    return k.n == strlen(key) && strncasecmp(k.p, key, k.n) == 0;
}

/* dangling=false is what `all` says. */
static int take_dangling(const char *text, bool *all, struct shale_err *e)
{
    struct str v = str_trim(str_of(strchr(text, '=') + 1));
    bool yes = str_eq(v, str_of("true")) || str_eq(v, str_of("1"));

    if (!yes && !str_eq(v, str_of("false")) && !str_eq(v, str_of("0")))
        return err_set(e, SHALE_INVALID, "invalid filter 'dangling=[%.*s]'",
                       (int)(v.n < 200 ? v.n : 200), v.p);
    *all = !yes;
    return 0;
}

static int take_filters(struct prune *p, const struct shale_image_prune_opts *o,
                        struct image_filter **ret, struct shale_err *e)
{
    static const char *const known[] = {"until", "label", "label!", "reference"};
    size_t n = 0, n_until = 0, k;
    const char **v;
    struct shale_images_opts q = {.size = sizeof q, .all = true};
    int r = 0;

    for (const char *const *t = o->filters; t && *t; t++)
        n++;
    v = arena_array(p->x.a, n + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    n = 0;
    for (const char *const *t = o->filters; r >= 0 && t && *t; t++) {
        size_t k_len = strcspn(*t, "=");
        if (!(*t)[k_len])
            return err_set(e, SHALE_INVALID, "bad format of filter (expected name=value)");
        if (key_is(*t, "dangling")) {
            r = take_dangling(*t, &p->all, e);
            continue;
        }
        for (k = 0; k < ARRAY_SIZE(known) && !key_is(*t, known[k]); k++)
            ;
        if (k == ARRAY_SIZE(known))
            return err_set(e, SHALE_INVALID, "invalid filter '%.*s'",
                           (int)(k_len < 64 ? k_len : 64), *t);
        if (key_is(*t, "until") && ++n_until > 1)
            return err_set(e, SHALE_INVALID, "more than one until filter specified");
        v[n++] = *t;
    }
    v[n] = NULL;
    q.filters = v;
    if (r >= 0)
        r = image_filter_new(p->x.s, &q, p->x.a, ret, e);
    if (r >= 0)
        image_filter_include_until(*ret);
    return r;
}

/* ---- candidates ---- */

static int on_image(void *arg, const struct meta_image_item *i)
{
    struct prune *p = arg;

    int r = p->o->keep > 0 ? prune_note_names(p, i) : 0;

    if (r < 0 || i->n_containers > 0 || i->of_index) /* that goes with the tag of its index */
        return r;
    if (p->all ? i->n_tags + i->n_digests == 0 && i->n_children > 0
               : i->n_tags > 0 || i->n_children > 0)
        return 0;
    if (p->o->unused_ns > 0 && prune_last_use(&i->image) > p->unused_since_ns)
        return 0;
    r = image_filter_match(p->f, i, p->e);
    if (r <= 0)
        return r;
    struct candidate *v = arena_grow(p->x.a, p->v, p->n, &p->cap, sizeof *v);
    if (!v)
        return err_nomem(p->e);
    p->v = v;
    v[p->n++] = (struct candidate){i->image.id, prune_last_use(&i->image), i->image.created_ns};
    return 0;
}

/* ---- one image ---- */

static bool has_repo(const struct meta_name *v, const bool *gone, size_t n, const char *repo,
                     bool is_gone)
{
    for (size_t i = 0; i < n; i++)
        if (v[i].tag && gone[i] == is_gone && streq(v[i].repo, repo))
            return true;
    return false;
}

/* The names that the filters want; with the last tag of a repository its digests go. Tags come
 * before digests. *ret_left: names that stay. */
static int drop_names(struct prune *p, const struct digest *id, size_t *ret_left)
{
    struct meta_name *v;
    size_t n;
    int r = meta_image_names(p->x.m, id, p->x.a, &v, &n, p->e);
    bool *gone = r < 0 ? NULL : arena_array(p->x.a, n + 1, sizeof *gone);

    if (r >= 0 && !gone)
        return err_nomem(p->e);
    *ret_left = 0;
    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = image_filter_name(p->f, &v[i], p->e);
        gone[i] = r == 1 || (r == 0 && !v[i].tag && has_repo(v, gone, i, v[i].repo, true) &&
                             !has_repo(v, gone, i, v[i].repo, false));
        if (r >= 0 && gone[i])
            r = removal_drop_name(&p->x, id, &v[i], p->e);
        else
            ++*ret_left;
    }
    return r < 0 ? r : 0;
}

int prune_image(struct prune *p, const struct digest *id)
{
    struct meta_image row;
    size_t left;
    int r = removal_row(&p->x, id, &row, p->e);

    if (r == -SHALE_NOT_FOUND) /* went as the parent of another */
        return 0;
    if (r < 0 || row.pinned)
        return r;
    r = drop_names(p, id, &left);
    return r < 0 || left > 0 ? r : removal_delete(&p->x, *id, true, p->e);
}

int image_prune(struct image_host *h, const struct shale_image_prune_opts *o, struct arena *a,
                struct shale_rmi_result *ret, struct shale_err *e)
{
    static const struct shale_rmi_opts plain = {.size = sizeof plain};
    struct prune p = {
        .x = {.s = h->store,
              .m = store_meta(h->store),
              .a = a,
              .o = &plain,
              .how = "prune",
              .sweep_all = true},
        .o = o,
        .all = o->all,
        .unused_since_ns = time_now_ns() - o->unused_ns,
        .e = e,
    };
    struct image_filter *f = NULL;
    uint64_t freed = 0, total = 0;
    char text[24];
    int r = take_filters(&p, o, &f, e);

    if (r < 0)
        return r;
    p.f = f;
    r = meta_begin(p.x.m, e);
    if (r < 0)
        return r;
    r = meta_image_each(p.x.m, META_EACH_ALL_DIGESTS, NULL, on_image, &p, e);
    if (r >= 0 && o->keep > 0)
        r = prune_keep_newest(&p);
    if (r >= 0 && o->limit_size)
        r = prune_limit_size(&p, h->cancel, &total);
    for (size_t i = 0; r >= 0 && i < p.n; i++)
        r = cancel_check(h->cancel, e) < 0 ? -SHALE_CANCELED : prune_image(&p, &p.v[i].id);
    r = removal_end(&p.x, r, o->dry_run, &freed, e);
    if (r < 0)
        return r;
    if (!o->dry_run) {
        (void)snprintf(text, sizeof text, "%llu", (unsigned long long)freed);
        store_event(h->store, EVENT_IMAGE_PRUNE, NULL, "", NULL,
                    (const char *const[]){"reclaimed", text, NULL});
    }
    *ret = (struct shale_rmi_result){p.x.v, p.x.n, freed, total > freed ? total - freed : 0};
    return 0;
}

int image_pin(struct image_host *h, const char *what, bool pinned, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct image_found found;
    int r = image_find(h->store, what, &a, &found, e);

    return r < 0 ? r : meta_image_set_pinned(store_meta(h->store), &found.id, pinned, e);
}
