/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Members of a request's body as the options of libshale want them. Results lie in q->arena. */
#include "api/api.h"
#include "base/cleanup.h"

/* A local that owns a result of libshale. */
static inline void api_freep(void *p)
{
    shale_free(*(void **)p);
}
#define _cleanup_result_ _cleanup_(api_freep)

/* Clients send "" where they mean nothing. */
static inline const char *api_text(const char *s)
{
    return s && *s ? s : NULL;
}

/* {"k": "v"} as "k=v", NULL-terminated; NULL where the member was not there. */
int api_pairs(struct api_req *q, const struct strmap *m, const char *const **ret,
              struct shale_err *e);
/* A text in JSON with the same shape ({"k": "v"}; "": nothing) from a field of the query. */
int api_query_pairs(struct api_req *q, const char *name, const char *const **ret,
                    struct shale_err *e);
