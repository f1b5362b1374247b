/* SPDX-License-Identifier: Apache-2.0 */
/* What people write: "type=registry,ref=host/name:tag,mode=max", or a reference alone. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/cache/cache_remote_priv.h"

struct field {
    const char *name;
    unsigned to, from; /* sets of types that know it */
    const char *only;  /* NULL: any value; other values than this one are not supported */
};
#define R (1u << CACHE_REGISTRY)
#define D (1u << CACHE_LOCAL)
#define N (1u << CACHE_INLINE)
static const struct field fields[] = {
    {"type", R | D | N, R | D | N, NULL},
    {"ref", R, R, NULL},
    {"dest", D, 0, NULL},
    {"src", 0, D, NULL},
    {"tag", D, D, NULL},
    {"digest", 0, D, NULL},
    {"mode", R | D | N, 0, NULL},
    {"ignore-error", R | D, 0, NULL},
    {"image-manifest", R | D, 0, "true"},
    {"oci-mediatypes", R | D, 0, "true"},
    {"compression", R | D, 0, NULL},
    {"compression-level", R | D, 0, NULL},
    {"force-compression", R | D, 0, NULL},
};
#undef R
#undef D
#undef N
enum {
    TYPE,
    REF,
    DEST,
    SRC,
    TAG,
    DIGEST,
    MODE,
    IGNORE,
    IMAGE_MANIFEST,
    OCI_TYPES,
    COMPRESSION,
    LEVEL,
    FORCE
};

struct entry {
    const char *option, *text;
    const char *v[ARRAY_SIZE(fields)];
    bool to;
};

static int set_field(struct entry *x, const char *part, struct arena *a, struct shale_err *e)
{
    const char *eq = strchr(part, '=');
    struct str key = {part, eq ? (size_t)(eq - part) : 0};

    if (!eq)
        return err_set(e, SHALE_INVALID, "%s: \"%.64s\" is no field key=value", x->option, part);
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        if (!str_eq(key, str_of(fields[i].name)))
            continue;
        if (fields[i].only && !streq(fields[i].only, eq + 1))
            return err_set(e, SHALE_UNSUPPORTED, "%s: %.64s is not supported yet: only %s=%s",
                           x->option, part, fields[i].name, fields[i].only);
        x->v[i] = arena_strdup(a, eq + 1);
        return x->v[i] ? 0 : err_nomem(e);
    }
    return err_set(e, SHALE_UNSUPPORTED, "%s: %.*s is not supported yet", x->option,
                   key.n > 64 ? 64 : (int)key.n, key.p);
}

static int find_type(const struct entry *x, enum cache_place_type *ret, struct shale_err *e)
{
    static const char *const types[] = {
        [CACHE_REGISTRY] = "registry", [CACHE_LOCAL] = "local", [CACHE_INLINE] = "inline"};
    const char *type = x->v[TYPE] ? x->v[TYPE] : "";

    for (size_t i = 0; i < (x->to ? ARRAY_SIZE(types) : CACHE_INLINE); i++)
        if (streq(types[i], type)) {
            *ret = (enum cache_place_type)i;
            return 0;
        }
    return err_set(e, *type ? SHALE_UNSUPPORTED : SHALE_INVALID, "%s \"%.128s\": type=%.32s: %s",
                   x->option, x->text, type,
                   x->to ? "registry, local or inline" : "registry or local");
}

static int missing(const struct entry *x, const char *field, struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "%s \"%.128s\": %s= is missing", x->option, x->text, field);
}

static int check_place(const struct entry *x, const struct cache_place *p, struct arena *a,
                       struct shale_err *e)
{
    const char *mode = x->v[MODE] ? x->v[MODE] : "min";
    struct digest d;
    struct ref ref;
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (x->v[i] && !((x->to ? fields[i].to : fields[i].from) & (1u << p->type)))
            return err_set(e, SHALE_INVALID, "%s: type=%s knows no %s=", x->option, x->v[TYPE],
                           fields[i].name);
    if (p->type == CACHE_LOCAL && !(p->where && *p->where))
        return missing(x, x->to ? "dest" : "src", e);
    if (p->type == CACHE_REGISTRY && !(p->where && *p->where))
        return missing(x, "ref", e);
    if (!streq(mode, "min") && !streq(mode, "max"))
        return err_set(e, SHALE_INVALID, "%s: mode=%.32s: min or max", x->option, mode);
    if (p->type == CACHE_LOCAL && !ref_tag_valid(p->tag))
        return err_set(e, SHALE_INVALID, "%s: tag=%.32s is no tag", x->option, p->tag);
    if (p->digest && digest_parse(p->digest, &d, e) < 0)
        return err_wrap(e, -SHALE_INVALID, "%s: digest=%.100s", x->option, p->digest);
    if (p->type == CACHE_REGISTRY) {
        r = ref_parse(p->where, a, &ref, e);
        if (r < 0)
            return err_wrap(e, r, "%s \"%.128s\"", x->option, p->where);
        if (x->to && digest_is_set(&ref.digest))
            r = err_set(e, SHALE_INVALID, "%s: nothing can be put under a digest: %.200s",
                        x->option, p->where);
    }
    return r;
}

/* Layers made here are always of that kind; force: those that another cache has, too. */
static int take_compression(const struct entry *x, struct cache_place *p, struct shale_err *e)
{
    const char *force = x->v[FORCE];
    int r = compression_parse(x->v[COMPRESSION], x->v[LEVEL], &p->compression, e);

    if (r < 0)
        return err_wrap(e, r, "%s", x->option);
    if (force && !str_ieq(force, "true") && !str_ieq(force, "false"))
        return err_set(e, SHALE_INVALID, "%s: force-compression=%.32s is neither true nor false",
                       x->option, force);
    p->compression.force = force && str_ieq(force, "true");
    return 0;
}

static int take(const struct entry *x, struct arena *a, struct cache_places *ret,
                struct shale_err *e)
{
    struct cache_place *p = &ret->v[ret->n];
    int r;

    if (ret->n == CACHE_REMOTE_PLACES)
        return err_set(e, SHALE_LIMIT, "%s: more than %d", x->option, CACHE_REMOTE_PLACES);
    *p = (struct cache_place){.tag = x->v[TAG] ? x->v[TAG] : "latest", .digest = x->v[DIGEST]};
    r = find_type(x, &p->type, e);
    p->where = p->type == CACHE_REGISTRY ? x->v[REF] : (x->to ? x->v[DEST] : x->v[SRC]);
    p->all = streq(x->v[MODE], "max");
    p->ignore_error = x->v[IGNORE] && str_ieq(x->v[IGNORE], "true");
    if (r >= 0)
        r = check_place(x, p, a, e);
    if (r >= 0)
        r = take_compression(x, p, e);
    ret->n += r >= 0;
    return r;
}

/* "a,b": references. */
static int take_refs(const char *text, struct arena *a, struct cache_places *ret,
                     struct shale_err *e)
{
    struct str rest = str_of(text), one;
    int r = *text ? 0 : err_set(e, SHALE_INVALID, "--cache-from: a reference is missing");

    while (r >= 0 && str_split(&rest, ',', &one)) {
        struct entry x = {.option = "--cache-from", .text = text};
        x.v[TYPE] = "registry";
        x.v[REF] = arena_strndup(a, one.p, one.n);
        r = x.v[REF] ? take(&x, a, ret, e) : err_nomem(e);
    }
    return r;
}

static int take_text(const char *text, bool to, struct arena *a, struct cache_places *ret,
                     struct shale_err *e)
{
    struct entry x = {.option = to ? "--cache-to" : "--cache-from", .text = text, .to = to};
    struct str rest = str_of(text), one;
    int r = 0;

    if (!strchr(text, '=') && !to)
        return take_refs(text, a, ret, e);
    if (!strchr(text, '=') && *text) { /* as buildx has it */
        x.v[TYPE] = "registry";
        x.v[REF] = text;
        return take(&x, a, ret, e);
    }
    while (r >= 0 && str_split(&rest, ',', &one)) {
        const char *part = arena_strndup(a, one.p, one.n);
        r = part ? set_field(&x, part, a, e) : err_nomem(e);
    }
    return r < 0 ? r : take(&x, a, ret, e);
}

int cache_places_parse(const char *const *list, bool to, struct arena *a, struct cache_places *ret,
                       struct shale_err *e)
{
    int r = 0;

    *ret = (struct cache_places){.n = 0};
    for (; r >= 0 && list && *list; list++)
        r = take_text(*list, to, a, ret, e);
    return r;
}

int cache_remote_check(const struct shale_build_opts *o, struct arena *a, struct shale_err *e)
{
    struct cache_places places;
    int r = cache_places_parse(o->cache_from, false, a, &places, e);

    return r < 0 ? r : cache_places_parse(o->cache_to, true, a, &places, e);
}
