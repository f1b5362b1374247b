/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest or list of a registry, as it is. */
#include "base/cleanup.h"
#include "image/copy_priv.h"
#include "image/remote.h"

static const char *text(const char *s)
{
    return s ? s : "";
}

static struct shale_manifest_entry entry_of(const struct descriptor *d)
{
    const struct platform *p = &d->platform;

    return (struct shale_manifest_entry){d->media_type,       d->digest.s,
                                         d->size_bytes,       text(p->os),
                                         text(p->arch),       text(p->variant),
                                         text(p->os_version), (const char *const *)p->os_features.v,
                                         p->os_features.n};
}

static int show(const struct doc *d, struct arena *a, struct shale_manifest *ret,
                struct shale_err *e)
{
    size_t n = d->m.kind == MANIFEST_INDEX ? d->m.n_manifests : 0;
    struct shale_manifest_entry *v = arena_array(a, n + 1, sizeof *v);
    const char *digest = arena_strdup(a, d->desc.digest.s);

    if (!v || !digest)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++)
        v[i] = entry_of(&d->m.manifests[i]);
    *ret = (struct shale_manifest){d->desc.media_type,          digest, d->raw, d->raw_n,
                                   d->m.kind == MANIFEST_INDEX, v,      n};
    return 0;
}

int image_manifest_get(struct image_host *h, const char *what, struct arena *a,
                       struct shale_manifest *ret, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct source *s = NULL;
    struct doc d;
    struct ref ref;
    int r = ref_parse(what, a, &ref, e);

    if (r < 0)
        return r;
    ref_default_tag(&ref);
    r = remote_source_open(h->remote, &ref, &s, e);
    if (r < 0)
        return r;
    r = copy_fetch_doc(s, digest_is_set(&ref.digest) ? ref.digest.s : ref.tag, a, &d, h->cancel,
                       &why);
    s->ops->close(s);
    if (r == -SHALE_NOT_FOUND) {
        const char *name = ref_canonical(&ref, a);
        return name ? err_set(e, SHALE_NOT_FOUND, "no such manifest: %s", name) : err_nomem(e);
    }
    if (r < 0) {
        if (e)
            *e = why;
        return r;
    }
    return show(&d, a, ret, e);
}
