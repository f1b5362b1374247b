/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * From the path of a request to what is meant (distribution-spec, "Endpoints"). Repository names
 * have slashes and may hold the words that separate the parts, so paths are read from the right:
 * /v2/a/manifests/b/manifests/latest is the tag "latest" of "a/manifests/b".
 *
 * A path is decoded once. Encoded slashes, NUL and control characters are refused; "..", "//" and
 * the like are no repository names. Pure; strings live in the arena.
 */
#include <stdbool.h>

#include "base/arena.h"
#include "base/str.h"

enum route_id {
    ROUTE_NONE, /* nothing is served under this path */
    ROUTE_BASE, /* /v2/ */
    ROUTE_CATALOG,
    ROUTE_TAGS,
    ROUTE_MANIFEST,
    ROUTE_BLOB,
    ROUTE_UPLOADS, /* …/blobs/uploads/ */
    ROUTE_UPLOAD,  /* …/blobs/uploads/<id> */
    ROUTE_REFERRERS,
    ROUTE_HEALTH,
    ROUTE_METRICS,
    ROUTE_TOKEN,      /* the token service */
    ROUTE_V1_PING,    /* /v1/_ping */
    ROUTE_V1_SEARCH,  /* /v1/search, Docker Hub's */
    ROUTE_SEARCH,     /* /shale/v1/search */
    ROUTE_REPOSITORY, /* /shale/v1/repositories/<name> */
    _ROUTE_MAX
};
enum route_error {
    ROUTE_OK,
    ROUTE_BAD_NAME,      /* NAME_INVALID */
    ROUTE_BAD_REFERENCE, /* a manifest's: neither tag nor digest */
    ROUTE_BAD_DIGEST,    /* DIGEST_INVALID */
    ROUTE_BAD_PATH,      /* not decodable */
};

struct route {
    enum route_id id;
    const char *name; /* repository */
    const char *ref;  /* tag, digest or upload id, as far as the route has one */
    bool is_digest;   /* ref of a manifest */
};

enum route_error route_parse(struct str path, struct arena *a, struct route *ret);
