/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/route.h"

#include "base/cleanup.h"
#include "http/query.h"
#include "model/digest.h"
#include "model/ref.h"

#define MAX_PATH_BYTES 4096
#define REPOSITORIES   "/shale/v1/repositories/"

static const struct {
    const char *path;
    enum route_id id;
} fixed[] = {
    {"/v2/", ROUTE_BASE},
    {"/v2", ROUTE_BASE},
    {"/v2/_catalog", ROUTE_CATALOG},
    {"/healthz", ROUTE_HEALTH},
    {"/metrics", ROUTE_METRICS},
    {"/auth/token", ROUTE_TOKEN},
    {"/v1/_ping", ROUTE_V1_PING},
    {"/v1/search", ROUTE_V1_SEARCH},
    {"/shale/v1/search", ROUTE_SEARCH},
};

/* Second last word, and what the last one then is. */
static const struct {
    const char *word;
    enum route_id id;
} kinds[] = {
    {"manifests", ROUTE_MANIFEST},
    {"blobs", ROUTE_BLOB},
    {"referrers", ROUTE_REFERRERS},
};

/* %2F would hide a slash from whoever stands before us. */
static bool hides_slash(struct str s)
{
    for (size_t i = 0; i + 2 < s.n; i++)
        if (s.p[i] == '%' && s.p[i + 1] == '2' && (s.p[i + 2] == 'f' || s.p[i + 2] == 'F'))
            return true;
    return false;
}

/* Cuts the last word off: "a/b/c" becomes "a/b", returns "c". NULL when there is none. */
static char *cut_last(char *path)
{
    char *slash = strrchr(path, '/');

    if (!slash)
        return NULL;
    *slash = 0;
    return slash + 1;
}

static enum route_error check(struct route *t)
{
    struct digest d;

    if (!ref_path_valid(t->name))
        return ROUTE_BAD_NAME;
    if (t->id == ROUTE_BLOB || t->id == ROUTE_REFERRERS)
        return digest_parse(t->ref, &d, NULL) < 0 ? ROUTE_BAD_DIGEST : ROUTE_OK;
    if (t->id != ROUTE_MANIFEST)
        return ROUTE_OK;
    t->is_digest = strchr(t->ref, ':') != NULL;
    if (t->is_digest)
        return digest_parse(t->ref, &d, NULL) < 0 ? ROUTE_BAD_DIGEST : ROUTE_OK;
    return ref_tag_valid(t->ref) ? ROUTE_OK : ROUTE_BAD_REFERENCE;
}

/* "<name>/…" after "/v2/". Cuts p. */
static enum route_error parse_named(char *p, struct route *ret)
{
    char *last = cut_last(p), *word = last ? cut_last(p) : NULL;

    if (!word)
        return ROUTE_OK;
    ret->name = p;
    ret->ref = last;
    if (streq(word, "uploads") || (streq(word, "blobs") && streq(last, "uploads"))) {
        /* …/blobs/uploads, …/blobs/uploads/, …/blobs/uploads/<id> */
        char *blobs = streq(word, "uploads") ? cut_last(p) : word;
        if (blobs && streq(blobs, "blobs")) {
            ret->id = *last && word != blobs ? ROUTE_UPLOAD : ROUTE_UPLOADS;
            return check(ret);
        }
        return ROUTE_OK;
    }
    if (streq(word, "tags") && streq(last, "list")) {
        ret->id = ROUTE_TAGS;
        return check(ret);
    }
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (streq(word, kinds[i].word)) {
            ret->id = kinds[i].id;
            return check(ret);
        }
    }
    return ROUTE_OK;
}

enum route_error route_parse(struct str path, struct arena *a, struct route *ret)
{
    *ret = (struct route){0};
    if (path.n > MAX_PATH_BYTES || hides_slash(path))
        return ROUTE_BAD_PATH;
    char *p = http_percent_decode(path, false, a);
    if (!p)
        return ROUTE_BAD_PATH;
    for (size_t i = 0; i < ARRAY_SIZE(fixed); i++) {
        if (streq(p, fixed[i].path)) {
            ret->id = fixed[i].id;
            return ROUTE_OK;
        }
    }
    if (str_has_prefix(p, REPOSITORIES)) {
        ret->id = ROUTE_REPOSITORY;
        ret->name = p + strlen(REPOSITORIES);
        return check(ret);
    }
    if (!str_has_prefix(p, "/v2/"))
        return ROUTE_OK;
    return parse_named(p + 4, ret);
}
