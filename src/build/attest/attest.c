/* SPDX-License-Identifier: Apache-2.0 */
#include "build/attest/attest.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "build/attest/sbom.h"

#define STATEMENT  "https://in-toto.io/Statement/v0.1" /* as BuildKit has it */
#define PROVENANCE "https://slsa.dev/provenance/v1"
#define SPDX       "https://spdx.dev/Document"

/* ---- options ---- */

struct fields {
    const char *type, *mode, *version, *builder_id, *disabled, *inline_only;
};

static int set_field(const char *text, struct fields *f, struct arena *a, struct shale_err *e)
{
    const struct {
        const char *name;
        const char **value;
    } all[] = {{"type", &f->type},         {"mode", &f->mode},
               {"version", &f->version},   {"builder-id", &f->builder_id},
               {"disabled", &f->disabled}, {"inline-only", &f->inline_only}};
    const char *eq = strchr(text, '=');
    struct str key = {text, eq ? (size_t)(eq - text) : 0};

    if (!eq)
        return err_set(e, SHALE_INVALID, "--attest: \"%.64s\" is no field key=value", text);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (str_eq(key, str_of(all[i].name))) {
            *all[i].value = arena_strdup(a, eq + 1);
            return *all[i].value ? 0 : err_nomem(e);
        }
    return err_set(e, SHALE_UNSUPPORTED, "--attest: %.*s is not supported yet",
                   key.n > 64 ? 64 : (int)key.n, key.p);
}

static int take_bool(const char *name, const char *text, bool *ret, struct shale_err *e)
{
    *ret = str_ieq(text, "true") || streq(text, "1");
    if (*ret || str_ieq(text, "false") || streq(text, "0"))
        return 0;
    return err_set(e, SHALE_INVALID, "--attest: %s=%.32s: true or false", name, text);
}

/* The last one of a type counts. */
static int take_fields(const struct fields *f, struct attest_opts *ret, struct shale_err *e)
{
    bool disabled = false;
    int r = f->disabled ? take_bool("disabled", f->disabled, &disabled, e) : 0;

    if (r < 0)
        return r;
    if (streq(f->type, "sbom")) {
        if (f->mode || f->version || f->builder_id || f->inline_only)
            return err_set(e, SHALE_INVALID,
                           "--attest: type=sbom knows no mode=, version=, builder-id= or "
                           "inline-only=");
        ret->sbom = !disabled;
        return 0;
    }
    if (!streq(f->type, "provenance"))
        return err_set(e, SHALE_INVALID, "--attest: type=%.32s: sbom or provenance",
                       f->type ? f->type : "");
    if (f->version && !streq(f->version, "v1"))
        return err_set(e, SHALE_UNSUPPORTED,
                       "--attest: provenance of version %.32s is not supported: only v1",
                       f->version);
    if (f->mode && !streq(f->mode, "min") && !streq(f->mode, "max"))
        return err_set(e, SHALE_INVALID, "--attest: mode=%.32s: min or max", f->mode);
    ret->provenance = !disabled;
    ret->all = streq(f->mode, "max");
    ret->builder_id = f->builder_id ? f->builder_id : "";
    ret->where_it_can = false;
    return f->inline_only ? take_bool("inline-only", f->inline_only, &ret->where_it_can, e) : 0;
}

int attest_parse(const struct shale_build_opts *o, struct arena *a, struct attest_opts *ret,
                 struct shale_err *e)
{
    int r = 0;

    *ret = (struct attest_opts){.builder_id = ""};
    for (const char *const *list = o->attests; r >= 0 && list && *list; list++) {
        struct str rest = str_of(*list), one;
        struct fields f = {NULL};
        while (r >= 0 && str_split(&rest, ',', &one)) {
            const char *part = arena_strndup(a, one.p, one.n);
            r = part ? set_field(part, &f, a, e) : err_nomem(e);
        }
        if (r >= 0)
            r = take_fields(&f, ret, e);
    }
    bool files = (o->files_to || o->tar_to || o->only_cache) && !o->also_image;
    if (r >= 0 && ret->where_it_can && (files || !(o->tags && o->tags[0])))
        ret->provenance = false;
    if (r >= 0 && attest_wanted(ret) && files)
        r = err_set(e, SHALE_UNSUPPORTED,
                    "attestations of files are not supported yet: they go to images");
    if (r >= 0 && attest_wanted(ret) && !(o->tags && o->tags[0]))
        r = err_set(e, SHALE_INVALID,
                    "attestations stand beside the image in a list, which needs a name: give it "
                    "one with --tag");
    return r;
}

/* ---- what was used ---- */

/* Each once. Takes copies of its texts. */
static int note(struct build *b, struct stage *s, const struct attest_used *x, struct shale_err *e)
{
    struct attest_used *v = arena_alloc(&s->arena, sizeof *v);
    bool there = false;

    if (!v)
        return err_nomem(e);
    *v = (struct attest_used){.name = arena_strdup(&s->arena, x->name),
                              .platform = arena_strdup(&s->arena, x->platform),
                              .url = arena_strdup(&s->arena, x->url),
                              .alg = arena_strdup(&s->arena, x->alg),
                              .hex = arena_strdup(&s->arena, x->hex)};
    if (s->arena.failed)
        return err_nomem(e);
    pthread_mutex_lock(&b->crew->mutex);
    for (const struct attest_used *u = b->used; u && !there; u = u->next)
        there = streq(u->name, x->name) && streq(u->url, x->url) && streq(u->hex, x->hex);
    if (!there) {
        v->next = b->used;
        b->used = v;
    }
    pthread_mutex_unlock(&b->crew->mutex);
    return 0;
}

int attest_note_image(struct build *b, struct stage *s, const char *name, const char *platform,
                      const struct image_found *found, struct shale_err *e)
{
    struct digest d = found->target;
    struct meta_image row;

    if (!b->o->attests)
        return 0;
    if (!digest_is_set(&d)) {
        int r = meta_image_get(store_meta(b->store), &found->id, &s->arena, &row, e);
        if (r < 0)
            return r;
        d = row.manifest;
    }
    const struct attest_used x = {
        .name = name,
        .platform = platform,
        .alg = digest_is_set(&d) ? digest_alg_name(digest_alg(&d)) : "",
        .hex = digest_is_set(&d) ? digest_hex(&d) : "",
    };
    return *x.hex ? note(b, s, &x, e) : 0;
}

const char *attest_url(const char *url, struct arena *a)
{
    const char *host = strstr(url, "://");
    size_t n = host ? strcspn(host + 3, "/?#") : 0;
    const char *at = host ? memrchr(host + 3, '@', n) : NULL;

    return at ? arena_printf(a, "%.*s%s", (int)(host + 3 - url), url, at + 1) : url;
}

int attest_note_url(struct build *b, struct stage *s, const char *url, const char *alg,
                    const char *hex, struct shale_err *e)
{
    if (!b->o->attests)
        return 0;
    const struct attest_used x = {.url = attest_url(url, &s->arena), .alg = alg, .hex = hex};
    return x.url ? note(b, s, &x, e) : err_nomem(e);
}

/* ---- statements ---- */

/* All names of the image with the digest of its manifest. */
static json_t *subjects(struct build *b)
{
    const char *hex = digest_hex(&b->made.manifest);
    const char *platform = platform_format(&b->target_platform, b->a);
    json_t *list = json_array();
    int bad = !list;

    for (size_t i = 0; !bad && b->o->tags[i]; i++) {
        struct ref ref;
        bad = image_parse_target(b->o->tags[i], b->a, &ref, NULL) < 0;
        const char *name = bad ? NULL : attest_purl(&ref, platform, b->a);
        bad = bad || json_array_append_new(list, json_pack("{s:s,s:{s:s}}", "name", name, "digest",
                                                           "sha256", hex)) < 0;
    }
    if (!bad)
        return list;
    json_decref(list);
    return NULL;
}

/* Takes the predicate. */
static int state(struct build *b, const char *type, json_t *predicate, struct image_statement *ret,
                 struct shale_err *e)
{
    json_t *doc = json_pack("{s:s,s:s,s:o,s:o}", "_type", STATEMENT, "predicateType", type,
                            "subject", subjects(b), "predicate", predicate);

    *ret = (struct image_statement){.predicate = type, .doc = doc};
    return doc ? 0 : err_nomem(e);
}

static int put_sbom(struct build *b, struct image_statement *ret, struct shale_err *e)
{
    const struct state *s = &b->target->state;
    const struct sbom_opts o = {
        .name = b->o->tags[0],
        .digest = &b->made.manifest,
        .created_ns = b->epoch_ns != TIME_NONE ? b->epoch_ns : time_now_ns(),
        .version = b->h->version,
    };
    json_t *doc = NULL;
    _cleanup_close_ int view = store_stack_view(b->store, s->layers, s->n_layers, b->cancel, e);
    int r = view < 0 ? view : sbom_make(view, &o, &doc, e);

    return r < 0 ? r : state(b, SPDX, doc, ret, e);
}

static int make(struct build *b, const struct attest_opts *o, struct image_entry *ret,
                struct shale_err *e)
{
    struct image_statement v[2] = {{NULL, NULL}};
    size_t n = 0;
    int r = 0;

    if (o->sbom)
        r = put_sbom(b, &v[n++], e);
    if (r >= 0 && o->provenance) {
        json_t *predicate = attest_provenance(b, o);
        r = predicate ? state(b, PROVENANCE, predicate, &v[n++], e) : err_nomem(e);
    }
    if (r >= 0)
        r = image_make_attestation(b->store, b->lease, &b->made.manifest, v, n, ret, e);
    for (size_t i = 0; i < n; i++)
        json_decref(v[i].doc);
    return r;
}

int attest_make(struct build *b, struct image_entry *ret, struct shale_err *e)
{
    struct attest_opts o;
    int r = attest_parse(b->o, b->a, &o, e);

    if (r >= 0 && attest_wanted(&o)) {
        r = make(b, &o, ret, e);
        return r < 0 ? r : 1;
    }
    return r < 0 ? r : 0;
}
