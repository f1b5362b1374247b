/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Credentials that come with a request. */
#include "api/api.h"

/* q->s goes by the credentials in X-Registry-Auth from here on, and by no others; they are given to
 * the registry of `ref` alone, whatever they say of themselves. Only with API_LONG. INVALID: ref is
 * no reference, or the header is damaged. */
int api_use_registry_auth(struct api_req *q, const char *ref, struct shale_err *e);
/* The same for a term that is searched for: the registry it begins with ("host:5000/term"), else
 * Docker Hub. */
int api_use_search_auth(struct api_req *q, const char *term, struct shale_err *e);
/* The same with those of X-Registry-Config, for several registries. */
int api_use_registry_config(struct api_req *q, struct shale_err *e);
