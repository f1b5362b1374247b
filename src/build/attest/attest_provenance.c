/* SPDX-License-Identifier: Apache-2.0 */
/* https://slsa.dev/spec/v1.1/provenance, filled in as BuildKit's page about its provenance says. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/str.h"
#include "build/attest/attest.h"

#define BUILD_TYPE                                                                                 \
    "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md"
#define PURL_MAX (16u << 10)

static const char unreserved[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

void attest_escape(struct buf *b, const char *text, bool slash)
{
    for (; *text; text++) {
        if (strchr(unreserved, *text) || (slash && *text == '/'))
            buf_addc(b, *text);
        else
            buf_addf(b, "%%%02X", (unsigned char)*text);
    }
}

const char *attest_purl(const struct ref *name, const char *platform, struct arena *a)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(PURL_MAX);

    buf_adds(&b, "pkg:docker/");
    attest_escape(&b, name->familiar, true);
    if (name->tag) {
        buf_addc(&b, '@');
        attest_escape(&b, name->tag, false);
    }
    if (platform) {
        buf_adds(&b, "?platform=");
        attest_escape(&b, platform, false);
    }
    return buf_check(&b, NULL) < 0 ? NULL : arena_strdup(a, buf_str(&b));
}

/* ---- what was asked for ---- */

/* Bytes that are no UTF-8 as \\xNN. NULL: no memory. */
static json_t *text(const char *s, struct arena *a)
{
    size_t n = strlen(s);
    char *shown = str_is_utf8(s, n) ? NULL : arena_alloc(a, 4 * n + 1);

    if (str_is_utf8(s, n))
        return json_string(s);
    return shown ? json_string(str_printable(shown, 4 * n + 1, s)) : NULL;
}

/* "NAME=value" as "prefix:NAME": "value". */
static void put_pairs(int *bad, json_t *args, const char *prefix, const char *const *list,
                      struct arena *a)
{
    for (; list && *list; list++) {
        const char *eq = strchr(*list, '=');
        const char *name = eq ? arena_strndup(a, *list, (size_t)(eq - *list)) : *list;
        const char *key = name ? arena_printf(a, "%s:%s", prefix, name) : NULL;
        if (key && !str_is_utf8(key, strlen(key)))
            continue;
        *bad |= !key || json_object_set_new(args, key, text(eq ? eq + 1 : "", a)) < 0;
    }
}

static json_t *request(int *bad, struct build *b, const struct attest_opts *o)
{
    json_t *args = json_object(), *list = json_array(), *doc = NULL;

    *bad |= !args || !list;
    if (b->o->target && *b->o->target)
        *bad |= json_object_set_new(args, "target", text(b->o->target, b->a)) < 0;
    if (o->all) { /* what may be nobody's business stays out otherwise */
        put_pairs(bad, args, "build-arg", b->o->build_args, b->a);
        put_pairs(bad, args, "label", b->o->labels, b->a);
    }
    *bad |= json_array_append_new(list, json_pack("{s:s}", "name", "context")) < 0 ||
            json_array_append_new(list, json_pack("{s:s}", "name", "dockerfile")) < 0;
    doc = json_pack("{s:s,s:o,s:o}", "frontend", "dockerfile.v0", "args", args, "locals", list);
    *bad |= !doc;
    return doc;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

static json_t *parameters(int *bad, struct build *b, const struct attest_opts *o)
{
    const char *file = base_name(build_context_dockerfile_name(b->context));
    json_t *source = json_pack("{s:o}", "path", text(file, b->a));
    json_t *doc = json_pack("{s:o,s:o}", "configSource", source, "request", request(bad, b, o));

    if (b->o->context && build_context_is_remote(b->o->context)) {
        const char *url = attest_url(b->o->context, b->a);
        *bad |= !url || json_object_set_new(source, "uri", text(url, b->a)) < 0;
    }
    *bad |= !doc;
    return doc;
}

/* ---- what it was made of ---- */

static int by_name(const void *a, const void *b)
{
    const struct attest_used *x = *(struct attest_used *const *)a;
    const struct attest_used *y = *(struct attest_used *const *)b;
    int r = strcmp(x->name ? x->name : x->url, y->name ? y->name : y->url);

    return r ? r : strcmp(x->hex, y->hex);
}

static void put_dependency(int *bad, json_t *list, struct build *b, const struct attest_used *u)
{
    const char *platform = u->platform ? u->platform : platform_format(&b->target_platform, b->a);
    const char *uri = u->url;
    struct ref ref;

    if (!uri && ref_parse(u->name, b->a, &ref, NULL) >= 0) {
        ref_default_tag(&ref);
        uri = attest_purl(&ref, platform, b->a);
        *bad |= !uri;
    }
    if (!uri) /* an ID, which is no name */
        uri = "pkg:docker/_";
    *bad |= json_array_append_new(list, json_pack("{s:o,s:{s:s}}", "uri", text(uri, b->a), "digest",
                                                  u->alg, u->hex)) < 0;
}

static json_t *dependencies(int *bad, struct build *b)
{
    json_t *list = json_array();
    size_t n = 0, i = 0;

    for (const struct attest_used *u = b->used; u; u = u->next)
        n++;
    struct attest_used **v = arena_array(b->a, n + 1, sizeof *v);
    *bad |= !v || !list;
    if (*bad)
        return list;
    for (struct attest_used *u = b->used; u; u = u->next)
        v[i++] = u;
    if (n)
        qsort(v, n, sizeof *v, by_name);
    for (i = 0; i < n; i++)
        put_dependency(bad, list, b, v[i]);
    return list;
}

/* ---- the run ---- */

static void put_times(int *bad, json_t *o, const struct build *b)
{
    char at[40], id[33] = "";

    if (b->epoch_ns != TIME_NONE)
        return;
    *bad |= random_hex(id, 16, NULL) < 0 ||
            json_object_set_new(o, "invocationId", json_string(id)) < 0 ||
            json_object_set_new(o, "startedOn",
                                json_string(time_format_rfc3339nano(b->begun_ns, at))) < 0 ||
            json_object_set_new(o, "finishedOn",
                                json_string(time_format_rfc3339nano(time_now_ns(), at))) < 0;
}

static json_t *run_details(int *bad, const struct build *b, const struct attest_opts *o)
{
    json_t *meta = json_pack("{s:{s:b,s:b}}", "buildkit_completeness", "request", o->all,
                             "resolvedDependencies", 0);

    *bad |= !meta;
    if (meta)
        put_times(bad, meta, b);
    return json_pack("{s:{s:s,s:{s:s}},s:o}", "builder", "id", o->builder_id, "version", "shale",
                     b->h->version, "metadata", meta);
}

json_t *attest_provenance(struct build *b, const struct attest_opts *o)
{
    struct platform host = platform_host();
    int bad = 0;

    host.variant = NULL;
    json_t *definition =
        json_pack("{s:s,s:o,s:{s:s},s:o}", "buildType", BUILD_TYPE, "externalParameters",
                  parameters(&bad, b, o), "internalParameters", "builderPlatform",
                  platform_format(&host, b->a), "resolvedDependencies", dependencies(&bad, b));
    json_t *doc = json_pack("{s:o,s:o}", "buildDefinition", definition, "runDetails",
                            run_details(&bad, b, o));
    if (!bad)
        return doc;
    json_decref(doc);
    return NULL;
}
