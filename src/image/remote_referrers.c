/* SPDX-License-Identifier: Apache-2.0 */
#include "image/remote_referrers.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "image/copy_priv.h"
#include "model/limits.h"
#include "remote/remote.h"

#define MAX_REFERRERS 20000 /* of one copy */

static int copy_of(struct referrers_copy *x, const struct digest *subject, unsigned depth,
                   struct shale_err *e);

/* "sha256-<hex>" */
static const char *tag_of(const struct digest *d, const char *suffix, struct arena *a)
{
    return arena_printf(a, "%s-%s%s", digest_alg_name(digest_alg(d)), digest_hex(d), suffix);
}

/* The list of a registry; else the one under the tag. 0: there is neither. *ret_api: it keeps lists
 * itself. */
static int read_list(struct source *s, const struct digest *subject, struct arena *a,
                     struct cancel *c, struct buf *b, bool *ret_api, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct descriptor d;
    int r = remote_source_referrers(s, subject, b, c, &why);

    *ret_api = r >= 0;
    if (r == -SHALE_NOT_FOUND) {
        const char *tag = tag_of(subject, "", a);
        buf_reset(b);
        r = tag ? s->ops->manifest(s, tag, b, a, &d, c, &why) : err_nomem(&why);
        if (r == -SHALE_NOT_FOUND)
            return 0;
    }
    if (r < 0 && e)
        *e = why;
    return r < 0 ? r : 1;
}

/* ---- a registry that keeps no lists ---- */

static bool has_entry(const json_t *entries, const json_t *entry)
{
    const char *digest = json_string_value(json_object_get(entry, "digest"));

    for (size_t i = 0; i < json_array_size(entries); i++)
        if (streq(json_string_value(json_object_get(json_array_get(entries, i), "digest")), digest))
            return true;
    return false;
}

/* The list that is there under the tag, and what it lacks. */
static int put_list(struct referrers_copy *x, const struct digest *subject, const struct buf *mine,
                    const struct buf *theirs, struct shale_err *e)
{
    _cleanup_json_ json_t *list = NULL, *more = NULL;
    _cleanup_free_ char *text = NULL;
    struct descriptor d = {.media_type = MEDIA_OCI_INDEX};
    int r = json_parse(mine->p, mine->n, LIMIT_MANIFEST_BYTES, &list, e);

    if (r >= 0 && theirs->n)
        r = json_parse(theirs->p, theirs->n, LIMIT_MANIFEST_BYTES, &more, e);
    if (r < 0)
        return r;
    json_t *entries = json_object_get(list, "manifests");
    const json_t *old = more ? json_object_get(more, "manifests") : NULL;
    for (size_t i = 0; i < json_array_size(old); i++)
        if (!has_entry(entries, json_array_get(old, i)) &&
            json_array_append(entries, json_array_get(old, i)) < 0)
            return err_nomem(e);
    text = json_text(list);
    const char *tag = tag_of(subject, "", x->a);
    if (!text || !tag)
        return err_nomem(e);
    d.size_bytes = strlen(text);
    r = digest_of_bytes(HASH_SHA256, text, strlen(text), &d.digest, e);
    return r < 0 ? r : x->to->ops->tag(x->to, tag, &d, text, strlen(text), x->o->cancel, e);
}

/* ---- one subject ---- */

static int copy_list(struct referrers_copy *x, const struct digest *subject, unsigned depth,
                     struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES);
    _cleanup_(buf_clear) struct buf theirs = BUF_INIT(LIMIT_MANIFEST_BYTES);
    struct descriptor copied;
    struct manifest list;
    bool api;
    int r = read_list(x->from, subject, x->a, x->o->cancel, &b, &api, e);

    if (r <= 0)
        return r;
    r = manifest_parse(buf_str(&b), b.n, MEDIA_OCI_INDEX, x->a, &list, e);
    if (r < 0)
        return err_wrap(e, r, "what refers to %s", subject->s);
    for (size_t i = 0; r >= 0 && i < list.n_manifests; i++) {
        const struct digest *d = &list.manifests[i].digest;
        if (++x->n > MAX_REFERRERS)
            return err_set(e, SHALE_LIMIT, "more than %d manifests refer to the image",
                           MAX_REFERRERS);
        r = copy_graph(x->from, d->s, x->to, NULL, x->o, x->a, &copied, e);
        if (r >= 0)
            r = copy_of(x, d, depth + 1, e);
    }
    if (r < 0 || list.n_manifests == 0)
        return r;
    r = read_list(x->there, subject, x->a, x->o->cancel, &theirs, &api, e);
    return r < 0 || api ? r : put_list(x, subject, &b, &theirs, e);
}

static int copy_tags(struct referrers_copy *x, const struct digest *subject, struct shale_err *e)
{
    static const char *const suffixes[] = {".sig", ".att", ".sbom"};

    for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
        struct shale_err why = SHALE_ERR_INIT;
        struct descriptor d;
        const char *tag = tag_of(subject, suffixes[i], x->a);
        int r = tag ? x->from->ops->resolve(x->from, tag, x->a, &d, x->o->cancel, &why)
                    : err_nomem(&why);
        if (r == -SHALE_NOT_FOUND)
            continue;
        if (r >= 0)
            r = copy_graph(x->from, tag, x->to, tag, x->o, x->a, &d, &why);
        if (r < 0)
            return err_set(e, why.code, "%s", why.msg);
        x->n++;
    }
    return 0;
}

static int copy_of(struct referrers_copy *x, const struct digest *subject, unsigned depth,
                   struct shale_err *e)
{
    int r = 0;

    if (depth > LIMIT_INDEX_DEPTH)
        return 0;
    r = copy_list(x, subject, depth, e);
    return r < 0 ? r : copy_tags(x, subject, e);
}

int referrers_copy(struct referrers_copy *x, const struct digest *subject, struct shale_err *e)
{
    struct doc doc;
    int r = copy_of(x, subject, 0, e);

    if (r >= 0)
        r = copy_fetch_doc(x->from, subject->s, x->a, &doc, x->o->cancel, e);
    for (size_t i = 0; r >= 0 && doc.m.kind == MANIFEST_INDEX && i < doc.m.n_manifests; i++)
        r = copy_of(x, &doc.m.manifests[i].digest, 0, e);
    return r < 0 ? r : 0;
}
