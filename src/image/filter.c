/* SPDX-License-Identifier: Apache-2.0 */
/* The filters of `images`, docker's semantics. Parsed once, then asked per
 * image. */
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "image/image_priv.h"

#define FILTER_MAX_NAME  64
#define LABELS_MAX_BYTES (8u << 20)

struct label {
    const char *key, *value; /* value NULL: any */
    bool negative;
};

struct image_filter {
    struct store *s;
    struct arena *a;
    bool all, all_platforms, has_dangling, dangling, has_pinned, pinned;
    int64_t before_ns, since_ns; /* TIME_NONE: unbounded */
    const char **patterns;
    size_t n_patterns, cap_patterns;
    struct label *labels;
    size_t n_labels, cap_labels;
};

/* ---- parsing: one function a key ---- */

static int bad_filter(const char *name, const char *value, struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "invalid filter '%.64s=[%.200s]'", name, value);
}

/* True or false, once, or the same again. */
static int put_bool(bool *has, bool *is, const char *name, const char *value, struct shale_err *e)
{
    bool yes = streq(value, "true") || streq(value, "1");

    if (!yes && !streq(value, "false") && !streq(value, "0"))
        return bad_filter(name, value, e);
    if (*has && *is != yes)
        return bad_filter(name, value, e);
    *has = true;
    *is = yes;
    return 0;
}

static int put_dangling(struct image_filter *f, const char *value, struct shale_err *e)
{
    return put_bool(&f->has_dangling, &f->dangling, "dangling", value, e);
}

static int put_pinned(struct image_filter *f, const char *value, struct shale_err *e)
{
    return put_bool(&f->has_pinned, &f->pinned, "pinned", value, e);
}

static int add_label(struct image_filter *f, const char *value, bool negative, struct shale_err *e)
{
    struct label *v = arena_grow(f->a, f->labels, f->n_labels, &f->cap_labels, sizeof *v);
    char *key = arena_strdup(f->a, value);

    if (!v || !key)
        return err_nomem(e);
    f->labels = v;
    char *eq = strchr(key, '=');
    if (eq)
        *eq++ = 0;
    v[f->n_labels++] = (struct label){key, eq, negative};
    return 0;
}

static int put_label(struct image_filter *f, const char *value, struct shale_err *e)
{
    return add_label(f, value, false, e);
}

static int put_not_label(struct image_filter *f, const char *value, struct shale_err *e)
{
    return add_label(f, value, true, e);
}

static int created_of(struct image_filter *f, const char *what, int64_t *ret, struct shale_err *e)
{
    struct image_found found;
    struct meta_image row;
    int r = image_find(f->s, what, f->a, &found, e);

    if (r >= 0)
        r = meta_image_get(store_meta(f->s), &found.id, f->a, &row, e);
    if (r < 0)
        return r;
    *ret = row.created_ns;
    return 0;
}

static void sooner(int64_t *bound, int64_t t)
{
    if (*bound == TIME_NONE || t < *bound)
        *bound = t;
}

static int put_before(struct image_filter *f, const char *value, struct shale_err *e)
{
    int64_t t;
    int r = created_of(f, value, &t, e);

    if (r >= 0)
        sooner(&f->before_ns, t);
    return r;
}

static int put_since(struct image_filter *f, const char *value, struct shale_err *e)
{
    int64_t t;
    int r = created_of(f, value, &t, e);

    if (r >= 0 && (f->since_ns == TIME_NONE || t > f->since_ns))
        f->since_ns = t;
    return r;
}

static int put_until(struct image_filter *f, const char *value, struct shale_err *e)
{
    int64_t t;
    int r = time_parse_filter(value, time_now_ns(), &t, e);

    if (r >= 0)
        sooner(&f->before_ns, t);
    return r;
}

static int put_reference(struct image_filter *f, const char *value, struct shale_err *e)
{
    const char **v = arena_grow(f->a, f->patterns, f->n_patterns, &f->cap_patterns, sizeof *v);
    int r = ref_glob(value, "", e); /* a bad pattern is told even when there is no image */

    if (!v)
        return err_nomem(e);
    f->patterns = v;
    v[f->n_patterns++] = value;
    return r < 0 ? r : 0;
}

static const struct {
    const char *name;
    int (*put)(struct image_filter *f, const char *value, struct shale_err *e);
} keys[] = {
    {"dangling", put_dangling},   {"label", put_label},   {"label!", put_not_label},
    {"before", put_before},       {"since", put_since},   {"until", put_until},
    {"reference", put_reference}, {"pinned", put_pinned},
};

/* "Name = value": the name is trimmed and folded, "label!=x" belongs to "label!". */
static int put_filter(struct image_filter *f, const char *text, struct shale_err *e)
{
    const char *eq = strchr(text, '=');
    char name[FILTER_MAX_NAME];

    if (!eq)
        return err_set(e, SHALE_INVALID, "bad format of filter (expected name=value)");
    struct str n = str_trim((struct str){text, (size_t)(eq - text)});
    struct str v = str_trim(str_of(eq + 1));
    if (n.n >= sizeof name)
        return err_set(e, SHALE_INVALID, "invalid filter '%.*s…'", 32, n.p);
    for (size_t i = 0; i < n.n; i++)
        name[i] = (char)tolower((unsigned char)n.p[i]);
    name[n.n] = 0;
    char *value = arena_strndup(f->a, v.p, v.n);
    if (!value)
        return err_nomem(e);
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
        if (streq(keys[i].name, name))
            return keys[i].put(f, value, e);
    return err_set(e, SHALE_INVALID, "invalid filter '%s'", name);
}

int image_filter_new(struct store *s, const struct shale_images_opts *o, struct arena *a,
                     struct image_filter **ret, struct shale_err *e)
{
    struct image_filter *f = arena_alloc(a, sizeof *f);
    int r = 0;

    if (!f)
        return err_nomem(e);
    *f = (struct image_filter){.s = s,
                               .a = a,
                               .all = o->all,
                               .all_platforms = o->all_platforms,
                               .before_ns = TIME_NONE,
                               .since_ns = TIME_NONE};
    for (const char *const *t = o->filters; r >= 0 && t && *t; t++)
        r = put_filter(f, *t, e);
    if (r >= 0 && o->match && *o->match)
        r = put_reference(f, o->match, e);
    if (r < 0)
        return r;
    *ret = f;
    return 0;
}

/* ---- asking ---- */

static bool has_label(const json_t *labels, const struct label *l)
{
    const json_t *v = json_object_get(labels, l->key);

    return v && (!l->value || streq(json_string_value(v), l->value));
}

static int labels_match(const struct image_filter *f, const char *text, struct shale_err *e)
{
    _cleanup_json_ json_t *labels = NULL;

    int r = *text ? json_parse(text, strlen(text), LABELS_MAX_BYTES, &labels, e) : 0;

    if (r < 0)
        return r;
    for (size_t i = 0; i < f->n_labels; i++)
        if (has_label(labels, &f->labels[i]) == f->labels[i].negative)
            return 0;
    return 1;
}

int image_filter_name(const struct image_filter *f, const struct meta_name *n, struct shale_err *e)
{
    struct ref ref = {.repo = n->repo, .familiar = ref_familiar_repo(n->repo), .tag = n->tag};

    if (!n->tag)
        ref.digest = n->target;
    for (size_t i = 0; i < f->n_patterns; i++) {
        int r = ref_filter_match(f->patterns[i], &ref, e);
        if (r != 0)
            return r;
    }
    return f->n_patterns == 0;
}

void image_filter_include_until(struct image_filter *f)
{
    if (f->before_ns != TIME_NONE && f->before_ns < INT64_MAX)
        f->before_ns++;
}

bool image_filter_needs_row(const struct image_filter *f)
{
    return f->n_labels > 0 || f->has_pinned;
}

bool image_filter_has_names(const struct image_filter *f)
{
    return f->n_patterns > 0;
}

static int any_name(const struct image_filter *f, const struct meta_image_item *i,
                    struct shale_err *e)
{
    int r = 0;

    for (size_t k = 0; r == 0 && k < i->n_tags; k++)
        r = image_filter_name(f, &i->tags[k], e);
    for (size_t k = 0; r == 0 && k < i->n_digests; k++)
        r = image_filter_name(f, &i->digests[k], e);
    return r;
}

int image_filter_match(const struct image_filter *f, const struct meta_image_item *i,
                       struct shale_err *e)
{
    const bool head = i->n_children == 0;
    int64_t t = i->image.created_ns;

    if (f->has_dangling && f->dangling && (i->n_tags > 0 || i->of_index || !head))
        return 0;
    if (f->has_dangling && !f->dangling && i->n_tags == 0)
        return 0;
    if (f->has_pinned && i->image.pinned != f->pinned)
        return 0;
    if (!f->all && i->n_tags == 0 && i->n_digests == 0 && !head) /* a step of a build */
        return 0;
    if (!f->all && !f->all_platforms &&
        i->of_index) /* the image that has the tag stands for all of them */
        return 0;
    if (f->before_ns != TIME_NONE && t >= f->before_ns)
        return 0;
    if (f->since_ns != TIME_NONE && t <= f->since_ns)
        return 0;
    if (f->n_labels) {
        int r = labels_match(f, i->image.labels, e);
        if (r <= 0)
            return r;
    }
    return f->n_patterns ? any_name(f, i, e) : 1;
}
