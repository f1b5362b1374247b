/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* From method and path to a row of the tables. A parser of hostile text. */
#include "api/api.h"
#include "base/str.h"

struct api_match {
    const struct api_route *route;
    int version;                    /* API_VERSION_MAX where the path names none */
    const char *args[API_MAX_ARGS]; /* in the arena; "" where the pattern has fewer */
};

enum api_found {
    API_FOUND,
    API_NO_PAGE,  /* nothing there, or not for that method */
    API_BAD_PATH, /* cannot be decoded */
    API_TOO_OLD,  /* version of the path below the least */
    API_TOO_NEW,
    API_NO_MEMORY, /* the arena is full */
};

/* `tables` ends with NULL. `path` is as sent, without the query. `ret_version` gets what the path
 * says, for messages ("1.99"). */
enum api_found api_route_find(const struct api_route *const *tables, const char *method,
                              struct str path, struct arena *a, struct api_match *ret,
                              char ret_version[16]);
/* All tables. */
extern const struct api_route *const api_routes[];
