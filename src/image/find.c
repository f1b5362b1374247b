/* SPDX-License-Identifier: Apache-2.0 */
/* From what a user types to an image. */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "image/image_priv.h"
#include "model/limits.h"

static int no_such(const char *what, struct arena *a, struct shale_err *e)
{
    struct ref ref;
    char shown[2 * LIMIT_REF_BYTES];

    if (ref_is_identifier(what)) {
        what = arena_printf(a, "sha256:%s", what);
    } else if (ref_parse(what, a, &ref, NULL) >= 0) {
        ref_default_tag(&ref);
        what = ref_familiar(&ref, a);
    }
    if (!what)
        return err_nomem(e);
    return err_set(e, SHALE_NOT_FOUND, "No such image: %s",
                   str_printable(shown, sizeof shown, what));
}

static int by_full_id(struct store *s, const char *what, struct arena *a, struct image_found *ret,
                      struct shale_err *e)
{
    struct meta_image row;
    struct digest id;
    char text[DIGEST_MAX];

    if (strlen(what) >= sizeof text)
        return 0;
    snprintf(text, sizeof text, "%s%s", ref_is_identifier(what) ? "sha256:" : "", what);
    if (digest_parse(text, &id, NULL) < 0)
        return 0;
    int r = meta_image_get(store_meta(s), &id, a, &row, e);
    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    *ret = (struct image_found){.id = id, .by_id = true, .target = row.manifest};
    return 1;
}

static int by_name(struct store *s, const char *what, struct arena *a, struct image_found *ret,
                   struct shale_err *e)
{
    struct meta_digests ids;
    struct meta_tag tag;
    struct ref ref;
    int r = ref_parse(what, a, &ref, e);

    if (r < 0)
        return r;
    ref_default_tag(&ref);
    if (digest_is_set(&ref.digest)) {
        r = meta_repo_digest_get(store_meta(s), ref.repo, &ref.digest, a, &ids, e);
        if (r < 0 || ids.n == 0)
            return r;
        *ret = (struct image_found){.id = ids.v[0], .ref = ref, .target = ref.digest};
        return 1;
    }
    r = meta_tag_get(store_meta(s), ref.repo, ref.tag, a, &tag, e);
    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    *ret = (struct image_found){.id = tag.image, .ref = ref, .target = tag.target};
    return 1;
}

static int by_prefix(struct store *s, const char *what, struct arena *a, struct image_found *ret,
                     struct shale_err *e)
{
    struct meta_image row;
    struct digest ids[2];
    size_t n;
    int r;

    if (!ref_is_id_prefix(what))
        return 0;
    r = meta_image_find_prefix(store_meta(s), what, ids, ARRAY_SIZE(ids), &n, e);
    if (r < 0 || n != 1)
        return r < 0 ? r : 0;
    r = meta_image_get(store_meta(s), &ids[0], a, &row, e);
    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    *ret = (struct image_found){.id = ids[0], .by_id = true, .target = row.manifest};
    return 1;
}

int image_find(struct store *s, const char *what, struct arena *a, struct image_found *ret,
               struct shale_err *e)
{
    static int (*const ways[])(struct store *, const char *, struct arena *, struct image_found *,
                               struct shale_err *) = {by_full_id, by_name, by_prefix};
    struct shale_err first = SHALE_ERR_INIT;
    int bad = 0;

    if (!what || !*what)
        return err_set(e, SHALE_INVALID, "image name cannot be blank");
    for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
        struct shale_err tmp = SHALE_ERR_INIT;
        int r = ways[i](s, what, a, ret, &tmp);
        if (r == 1)
            return 0;
        if (r < 0 && r != -SHALE_INVALID) {
            if (e)
                *e = tmp;
            return r;
        }
        if (r < 0 && !bad) { /* not a name: it may still be an ID */
            first = tmp;
            bad = r;
        }
    }
    if (bad && !ref_is_id_prefix(what)) {
        if (e)
            *e = first;
        return bad;
    }
    return no_such(what, a, e);
}

/* ---- the image of another platform behind the same name ---- */

static int is_platform(struct store *s, const struct digest *id, const struct platform *want,
                       struct arena *a, struct platform *ret, struct shale_err *e)
{
    struct meta_image row;
    int r = meta_image_get(store_meta(s), id, a, &row, e);
    if (r < 0)
        return r;
    *ret = image_platform(&row);
    return platform_matches_local(want, ret);
}

int image_load_manifest(struct store *s, const struct digest *d, struct arena *a,
                        struct manifest *ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES + 1);
    int r = store_document(s, d, &b, e);
    return r < 0 ? r : manifest_parse(buf_str(&b), b.n, NULL, a, ret, e);
}

/* 1 and the image of the entry of `index` that serves `want` best among those that are here. */
static int among_entries(struct store *s, const struct digest *index, const struct platform *want,
                         struct arena *a, struct digest *ret, struct shale_err *e)
{
    const struct descriptor **entries;
    struct manifest m;
    size_t n;
    int r = image_load_manifest(s, index, a, &m, e);

    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : r;
    if (m.kind != MANIFEST_INDEX)
        return 0;
    r = manifest_select(&m, want, a, &entries, &n, e);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        r = image_of_manifest(s, &entries[i]->digest, a, ret, e);
        if (r == 1)
            return 1;
    }
    return r < 0 ? r : 0;
}

int image_wrong_platform(const char *what, const struct platform *have, const struct platform *want,
                         struct arena *a, struct shale_err *e)
{
    const char *h = platform_format(have, a), *w = platform_format(want, a);

    return err_set(
        e, SHALE_NOT_FOUND,
        "image with reference %s was found but its platform (%s) does not match the specified "
        "platform (%s)",
        what, h ? h : "?", w ? w : "?");
}

int image_find_platform(struct store *s, const char *what, const char *platform, struct arena *a,
                        struct image_found *ret, struct shale_err *e)
{
    struct platform want, have;
    int r = image_find(s, what, a, ret, e);

    if (r < 0 || !platform || !*platform)
        return r;
    r = platform_parse(platform, a, &want, e);
    if (r < 0)
        return r;
    /* Of several images behind one index the best one, even where this one would do. */
    if (digest_is_set(&ret->target)) {
        r = among_entries(s, &ret->target, &want, a, &ret->id, e);
        if (r != 0)
            return r < 0 ? r : 0;
    }
    r = is_platform(s, &ret->id, &want, a, &have, e);
    if (r != 0)
        return r < 0 ? r : 0;
    return image_wrong_platform(what, &have, &want, a, e);
}

bool image_is_of(const struct meta_image *i, const struct platform *v, size_t n)
{
    const struct platform have = image_platform(i);

    for (size_t k = 0; k < n; k++)
        if (platform_matches_local(&v[k], &have))
            return true;
    return false;
}

struct platform image_platform(const struct meta_image *i)
{
    return (struct platform){
        .os = i->os, .arch = i->arch, .variant = i->variant, .os_version = i->os_version};
}
