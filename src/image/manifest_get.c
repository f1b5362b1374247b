/* SPDX-License-Identifier: Apache-2.0 */
/* A manifest or list of a registry, as it is, or with the manifests that a list names. */
#include <string.h>

#include "base/cleanup.h"
#include "image/copy_priv.h"
#include "image/manifests.h"
#include "model/limits.h"

static const char *text(const char *s)
{
    return s ? s : "";
}

int manifest_ref(const char *what, struct arena *a, struct ref *ret, const char **ret_name,
                 struct shale_err *e)
{
    int r = ref_parse(what, a, ret, e);

    if (r < 0)
        return r;
    ref_default_tag(ret);
    *ret_name = ref_canonical(ret, a);
    return *ret_name ? 0 : err_nomem(e);
}

static struct shale_manifest_entry entry_of(const char *media_type, const char *digest,
                                            uint64_t size_bytes, const struct platform *p)
{
    return (struct shale_manifest_entry){media_type,          digest,
                                         size_bytes,          text(p->os),
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
    for (size_t i = 0; i < n; i++) {
        const struct descriptor *x = &d->m.manifests[i];
        v[i] = entry_of(x->media_type, x->digest.s, x->size_bytes, &x->platform);
    }
    *ret = (struct shale_manifest){d->desc.media_type,          digest, d->raw, d->raw_n,
                                   d->m.kind == MANIFEST_INDEX, v,      n};
    return 0;
}

/* What is there under a name; docker's words where it is not. */
static int fetch(struct source *from, const char *name, const char *ref, struct arena *a,
                 struct doc *ret, struct cancel *c, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = copy_fetch_doc(from, name, a, ret, c, &why);

    if (r == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_NOT_FOUND, "no such manifest: %s", ref);
    if (r < 0 && e)
        *e = why;
    return r;
}

static const char *name_in(const struct ref *ref)
{
    return digest_is_set(&ref->digest) ? ref->digest.s : ref->tag;
}

int image_manifest_get(struct image_host *h, const char *what, struct arena *a,
                       struct shale_manifest *ret, struct shale_err *e)
{
    struct source *s = NULL;
    const char *name;
    struct doc d;
    struct ref ref;
    int r = manifest_ref(what, a, &ref, &name, e);

    if (r >= 0)
        r = remote_source_open(h->remote, &ref, &s, e);
    if (r < 0)
        return r;
    r = fetch(s, name_in(&ref), name, a, &d, h->cancel, e);
    s->ops->close(s);
    return r < 0 ? r : show(&d, a, ret, e);
}

/* ---- with platforms ---- */

/* What a config says of the platform; of what is no image, if it says anything. */
static int read_platform(struct source *from, const struct descriptor *config, struct arena *a,
                         struct platform *ret, struct cancel *c, struct shale_err *e)
{
    static const struct json_field fields[] = {
        {"os", JB_STR, offsetof(struct platform, os), 0},
        {"architecture", JB_STR, offsetof(struct platform, arch), 0},
        {"variant", JB_STR, offsetof(struct platform, variant), 0},
        {"os.version", JB_STR, offsetof(struct platform, os_version), 0},
        {"os.features", JB_STRV, offsetof(struct platform, os_features), 0},
    };
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + 1);
    _cleanup_json_ json_t *j = NULL;
    struct platform p = {0};

    *ret = p;
    if (!media_is_image_config(config->media_type))
        return 0;
    int r = copy_fetch_config(from, config, &b, c, e);
    if (r >= 0)
        r = json_parse(buf_str(&b), b.n, LIMIT_CONFIG_BYTES, &j, e);
    if (r >= 0)
        r = json_bind(j, fields, ARRAY_SIZE(fields), &p, a, e);
    if (r < 0)
        return r == -SHALE_INVALID ? err_wrap(e, r, "image config %s", config->digest.s) : r;
    *ret = p;
    return 0;
}

static int member_of(const struct doc *d, const char *ref, struct meta_list_member *ret,
                     struct shale_err *e)
{
    if (strlen(d->raw) != d->raw_n)
        return err_set(e, SHALE_CORRUPT, "manifest %s has bytes that are no text",
                       d->desc.digest.s);
    *ret = (struct meta_list_member){
        .ref = ref, .media_type = d->desc.media_type, .digest = d->desc.digest, .text = d->raw};
    return 0;
}

int manifest_read(struct source *from, const char *name, const char *ref, struct arena *a,
                  struct meta_list_member *ret, struct cancel *c, struct shale_err *e)
{
    struct doc d;
    int r = fetch(from, name, ref, a, &d, c, e);

    if (r >= 0 && d.m.kind == MANIFEST_INDEX)
        return err_set(e, SHALE_INVALID,
                       "%s is a manifest list: name one of its manifests instead, by digest (shale "
                       "manifest inspect shows them)",
                       ref);
    if (r >= 0)
        r = member_of(&d, ref, ret, e);
    return r < 0 ? r : read_platform(from, &d.m.config, a, &ret->platform, c, e);
}

int manifest_show(const struct meta_list_member *v, size_t n, struct arena *a,
                  struct shale_list_member **ret, struct shale_err *e)
{
    struct shale_list_member *w = arena_array(a, n + 1, sizeof *w);

    if (!w)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        const char *digest = arena_strdup(a, v[i].digest.s);
        size_t size = strlen(v[i].text);
        if (!digest)
            return err_nomem(e);
        w[i] = (struct shale_list_member){v[i].ref,
                                          entry_of(v[i].media_type, digest, size, &v[i].platform),
                                          v[i].text, size, v[i].local};
    }
    *ret = w;
    return 0;
}

/* ---- all manifests of a list ---- */

struct reading {
    struct source *from;
    struct ref ref;
    struct arena *a;
    struct cancel *c;
};

/* An entry whose manifest the registry does not have is shown without it. */
static int read_entry(const struct reading *x, const struct descriptor *d,
                      struct shale_list_member *ret, struct shale_err *e)
{
    struct ref ref = x->ref;
    struct shale_err why = SHALE_ERR_INIT;
    struct doc doc;

    ref.digest = d->digest;
    *ret = (struct shale_list_member){
        .ref = ref_canonical(&ref, x->a),
        .entry = entry_of(d->media_type, d->digest.s, d->size_bytes, &d->platform),
        .text = ""};
    if (!ret->ref)
        return err_nomem(e);
    int r = copy_fetch_doc(x->from, d->digest.s, x->a, &doc, x->c, &why);
    if (r >= 0) {
        ret->text = doc.raw;
        ret->text_n = doc.raw_n;
    }
    if (r < 0 && r != -SHALE_NOT_FOUND && e)
        *e = why;
    return r == -SHALE_NOT_FOUND ? 0 : r;
}

static int read_entries(const struct reading *x, const struct doc *d, struct shale_list *ret,
                        struct shale_err *e)
{
    struct shale_list_member *v = arena_array(x->a, d->m.n_manifests + 1, sizeof *v);
    int r = v ? 0 : err_nomem(e);

    for (size_t i = 0; r >= 0 && i < d->m.n_manifests; i++)
        r = read_entry(x, &d->m.manifests[i], &v[i], e);
    ret->members = v;
    ret->n_members = d->m.n_manifests;
    return r;
}

static int read_one(const struct reading *x, const struct doc *d, const char *name,
                    struct shale_list *ret, struct shale_err *e)
{
    struct shale_list_member *v;
    struct meta_list_member m;
    int r = member_of(d, name, &m, e);

    if (r >= 0)
        r = read_platform(x->from, &d->m.config, x->a, &m.platform, x->c, e);
    if (r >= 0)
        r = manifest_show(&m, 1, x->a, &v, e);
    if (r < 0)
        return r;
    ret->members = v;
    ret->n_members = 1;
    return 0;
}

int image_manifest_members(struct image_host *h, const char *what, struct arena *a,
                           struct shale_list *ret, struct shale_err *e)
{
    struct reading x = {.a = a, .c = h->cancel};
    const char *name;
    struct doc *d = arena_alloc(a, sizeof *d); /* what is shown points into it */
    int r = d ? manifest_ref(what, a, &x.ref, &name, e) : err_nomem(e);

    if (r >= 0)
        r = remote_source_open(h->remote, &x.ref, &x.from, e);
    if (r < 0)
        return r;
    r = fetch(x.from, name_in(&x.ref), name, a, d, h->cancel, e);
    if (r >= 0) {
        *ret = (struct shale_list){.name = name, .is_list = d->m.kind == MANIFEST_INDEX};
        r = ret->is_list ? read_entries(&x, d, ret, e) : read_one(&x, d, name, ret, e);
    }
    x.from->ops->close(x.from);
    return r;
}
