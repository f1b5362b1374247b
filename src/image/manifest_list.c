/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of manifests that are put together here: create, annotate, look, remove. */
#include "base/cleanup.h"
#include "base/str.h"
#include "image/image_priv.h"
#include "image/manifests.h"

/* ---- create ---- */

/* The image of the store that has this name, where the registry has none. 1, or 0. */
static int read_local(struct image_host *h, const struct ref *ref, const char *name,
                      struct arena *a, struct meta_list_member *ret, struct shale_err *e)
{
    struct image_found found;
    struct meta_image row;
    struct source *s;
    int r = image_find(h->store, name, a, &found, NULL);

    if (r < 0 || found.by_id)
        return r == -SHALE_NO_MEMORY ? err_nomem(e) : 0;
    r = meta_image_get(store_meta(h->store), &found.id, a, &row, e);
    if (r < 0)
        return r;
    if (!digest_is_set(&row.manifest) ||
        (digest_is_set(&ref->digest) && !digest_eq(&ref->digest, &row.manifest)))
        return 0;
    r = store_source_open(h->store, &s, e);
    if (r < 0)
        return r;
    r = manifest_read(s, row.manifest.s, name, a, ret, h->cancel, e);
    s->ops->close(s);
    ret->local = true;
    return r < 0 ? r : 1;
}

/* Only what a registry says for certain makes us look here: a list must not silently get another
 * image because of a bad line. */
static bool is_an_answer(int r)
{
    return r == -SHALE_NOT_FOUND || r == -SHALE_UNAUTHORIZED || r == -SHALE_DENIED;
}

static int read_member(struct image_host *h, const char *text, struct arena *a,
                       struct meta_list_member *ret, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct source *s = NULL;
    const char *name;
    struct ref ref;
    int r = manifest_ref(text, a, &ref, &name, e);

    if (r >= 0)
        r = remote_source_open(h->remote, &ref, &s, e);
    if (r < 0)
        return r;
    r = manifest_read(s, digest_is_set(&ref.digest) ? ref.digest.s : ref.tag, name, a, ret,
                      h->cancel, &why);
    s->ops->close(s);
    if (is_an_answer(r)) {
        int k = read_local(h, &ref, name, a, ret, e);
        if (k != 0)
            return k < 0 ? k : 0;
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

static int list_ref(const char *text, struct arena *a, struct ref *ret, const char **ret_name,
                    struct shale_err *e)
{
    int r = manifest_ref(text, a, ret, ret_name, e);

    if (r < 0)
        return err_wrap(e, r, "error parsing name for manifest list %s", text);
    if (digest_is_set(&ret->digest))
        return err_set(e, SHALE_INVALID,
                       "%s: a manifest list that is being made has no digest yet: name it by a tag",
                       text);
    return 0;
}

int image_list_create(struct image_host *h, const char *name, const char *const *refs,
                      size_t n_refs, const struct shale_list_create_opts *o, struct arena *a,
                      struct shale_list *ret, struct shale_err *e)
{
    struct meta_list_member *v = arena_array(a, n_refs + 1, sizeof *v);
    struct meta *m = store_meta(h->store);
    struct shale_list_member *shown;
    struct ref ref;
    const char *canonical;
    int r = v ? list_ref(name, a, &ref, &canonical, e) : err_nomem(e);

    if (r >= 0) /* before registries are asked */
        r = meta_list_put(m, canonical, NULL, 0, o->amend, e);
    for (size_t i = 0; r >= 0 && i < n_refs; i++)
        r = read_member(h, refs[i], a, &v[i], e);
    if (r >= 0)
        r = manifest_show(v, n_refs, a, &shown, e);
    if (r >= 0)
        r = meta_list_put(m, canonical, v, n_refs, o->amend, e);
    if (r >= 0)
        *ret = (struct shale_list){canonical, shown, n_refs, true};
    return r;
}

/* ---- annotate ---- */

/* docker's table. */
static bool is_known(const char *os, const char *arch)
{
    static const struct {
        const char *os, *arches;
    } v[] = {
        {"darwin", " 386 amd64 arm arm64 "},
        {"dragonfly", " amd64 "},
        {"freebsd", " 386 amd64 arm "},
        {"linux", " 386 amd64 arm arm64 mips64 mips64le ppc64le riscv64 s390x "},
        {"netbsd", " 386 amd64 arm "},
        {"openbsd", " 386 amd64 arm "},
        {"plan9", " 386 amd64 "},
        {"solaris", " amd64 "},
        {"windows", " 386 amd64 "},
    };
    char word[32];

    if (strchr(arch, ' ') || snprintf(word, sizeof word, " %s ", arch) >= (int)sizeof word)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(v); i++)
        if (streq(v[i].os, os))
            return strstr(v[i].arches, word) != NULL;
    return false;
}

static bool has_feature(const struct strv *v, const char *feature)
{
    for (size_t i = 0; i < v->n; i++)
        if (streq(v->v[i], feature))
            return true;
    return false;
}

static int add_features(struct strv *v, const char *const *more, struct arena *a,
                        struct shale_err *e)
{
    size_t n = 0;

    while (more && more[n])
        n++;
    char **w = arena_array(a, v->n + n + 1, sizeof *w);
    if (!w)
        return err_nomem(e);
    for (size_t i = 0; i < v->n; i++)
        w[i] = v->v[i];
    v->v = w;
    for (size_t i = 0; i < n; i++) {
        if (has_feature(v, more[i]))
            continue;
        w[v->n] = arena_strdup(a, more[i]);
        if (!w[v->n++])
            return err_nomem(e);
    }
    return 0;
}

static int set_text(const char **field, const char *value, const char *what, struct shale_err *e)
{
    if (!value || !*value)
        return 0;
    if (!str_is_utf8(value, strlen(value)))
        return err_set(e, SHALE_INVALID, "the %s is no UTF-8", what);
    *field = value;
    return 0;
}

static int change(struct platform *p, const struct shale_list_annotate_opts *o, struct arena *a,
                  struct shale_err *e)
{
    const struct {
        const char **field, *value, *what;
    } v[] = {{&p->os, o->os, "operating system"},
             {&p->arch, o->architecture, "architecture"},
             {&p->variant, o->variant, "variant"},
             {&p->os_version, o->os_version, "version of the operating system"}};
    int r = add_features(&p->os_features, o->os_features, a, e);

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(v); i++)
        r = set_text(v[i].field, v[i].value, v[i].what, e);
    if (r >= 0 && !is_known(p->os, p->arch))
        return err_set(e, SHALE_INVALID,
                       "manifest entry for image has unsupported os/arch combination: %s/%s",
                       o->os ? o->os : "", o->architecture ? o->architecture : "");
    return r;
}

static const struct meta_list_member *find(const struct meta_list_member *v, size_t n,
                                           const char *ref)
{
    for (size_t i = 0; i < n; i++)
        if (streq(v[i].ref, ref))
            return &v[i];
    return NULL;
}

struct names {
    const char *list, *ref; /* canonical */
    const char *list_text, *ref_text;
};

static int annotate(struct meta *m, const struct names *x, const struct shale_list_annotate_opts *o,
                    struct arena *a, struct shale_err *e)
{
    struct meta_list_member *v;
    size_t n;
    int r = meta_list_get(m, x->list, a, &v, &n, e);

    if (r < 0)
        return r;
    const struct meta_list_member *found = find(v, n, x->ref);
    if (!found)
        return err_set(e, SHALE_NOT_FOUND, "manifest for image %s does not exist in %s",
                       x->ref_text, x->list_text);
    struct platform p = found->platform;
    r = change(&p, o, a, e);
    return r < 0 ? r : meta_list_set_platform(m, x->list, x->ref, &p, e);
}

int image_list_annotate(struct image_host *h, const char *name, const char *ref_text,
                        const struct shale_list_annotate_opts *o, struct arena *a,
                        struct shale_err *e)
{
    struct names x = {.list_text = name, .ref_text = ref_text};
    struct meta *m = store_meta(h->store);
    struct ref ref;
    int r = manifest_ref(name, a, &ref, &x.list, e);

    if (r < 0)
        return err_wrap(e, r, "annotate: error parsing name for manifest list %s", name);
    r = manifest_ref(ref_text, a, &ref, &x.ref, e);
    if (r < 0)
        return err_wrap(e, r, "annotate: error parsing name for manifest %s", ref_text);
    r = meta_begin(m, e);
    return r < 0 ? r : meta_end(m, annotate(m, &x, o, a, e), e);
}

/* ---- look, remove ---- */

int image_list_get(struct image_host *h, const char *name, const char *ref_text, struct arena *a,
                   struct shale_list *ret, struct shale_err *e)
{
    struct meta_list_member *v;
    struct shale_list_member *shown;
    const char *list, *wanted = NULL;
    struct ref ref;
    size_t n;
    int r = ref_text ? manifest_ref(ref_text, a, &ref, &wanted, e) : 0;

    if (r >= 0)
        r = manifest_ref(name, a, &ref, &list, e);
    if (r >= 0)
        r = meta_list_get(store_meta(h->store), list, a, &v, &n, e);
    if (r < 0)
        return r;
    const struct meta_list_member *one = wanted ? find(v, n, wanted) : NULL;
    if (n == 0 || (wanted && !one))
        return err_set(e, SHALE_NOT_FOUND, "No such manifest: %s", wanted ? wanted : list);
    r = one ? manifest_show(one, 1, a, &shown, e) : manifest_show(v, n, a, &shown, e);
    if (r >= 0)
        *ret = (struct shale_list){list, shown, one ? 1 : n, !one};
    return r;
}

int image_list_remove(struct image_host *h, const char *name, struct arena *a, struct shale_err *e)
{
    const char *list;
    struct ref ref;
    int r = manifest_ref(name, a, &ref, &list, e);

    return r < 0 ? r : meta_list_delete(store_meta(h->store), list, e);
}
