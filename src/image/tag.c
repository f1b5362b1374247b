/* SPDX-License-Identifier: Apache-2.0 */
/* `tag`: a name is given to an image; one that stood for another image moves. */
#include "base/str.h"
#include "image/image_priv.h"
#include "model/limits.h"
#include "store/events.h"

int image_parse_target(const char *text, struct arena *a, struct ref *ret, struct shale_err *e)
{
    char shown[2 * LIMIT_REF_BYTES];
    int r = ref_parse(text, a, ret, e);

    if (r < 0)
        return err_wrap(e, r, "Error parsing reference: \"%s\" is not a valid repository/tag",
                        str_printable(shown, sizeof shown, text));
    return image_parse_name(text, a, ret, e);
}

int image_parse_name(const char *text, struct arena *a, struct ref *ret, struct shale_err *e)
{
    int r = ref_parse(text, a, ret, e);

    if (r < 0)
        return r;
    if (digest_is_set(&ret->digest))
        return err_set(e, SHALE_INVALID, "refusing to create a tag with a digest reference");
    if (streq(ret->familiar, "sha256"))
        return err_set(e, SHALE_INVALID,
                       "refusing to create an ambiguous tag using digest algorithm as name");
    ref_default_tag(ret);
    return 0;
}

int image_name_it(struct store *s, const struct ref *name, const struct digest *id,
                  const struct digest *target, const char *how, struct shale_err *e)
{
    struct arena a = ARENA_INIT(1 << 20);
    struct digest prev;
    int r = meta_tag_set(store_meta(s), name->repo, name->tag, id, target, how, &prev, e);

    if (r >= 0)
        store_image_event(s, EVENT_IMAGE_TAG, id, id->s, ref_familiar(name, &a));
    arena_clear(&a);
    return r;
}

int image_tag(struct image_host *h, const char *source, const char *target, struct shale_err *e)
{
    struct arena a = ARENA_INIT(1 << 20);
    struct image_found found;
    struct ref ref;
    int r = image_parse_target(target, &a, &ref, e);

    if (r >= 0)
        r = image_find(h->store, source, &a, &found, e);
    if (r >= 0)
        r = image_name_it(h->store, &ref, &found.id, &found.target, "tag", e);
    arena_clear(&a);
    return r;
}
