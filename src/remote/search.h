/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Searching a registry: by name, as docker does (/v1/search, which Docker Hub and shale's
 * registries answer), and by whatever shale's registries know of images (/shale/v1/search).
 *
 *   r = remote_search_split("registry.example.com/team/app", &arena, &where, &term, e);
 *   r = remote_search(client, where, "v1/", "search?q=team%2Fapp&n=25", &arena, &json, cancel, e);
 *
 * Errors: as of remote.h; UNSUPPORTED when the registry answers no such question.
 */
#include "base/json.h"
#include "remote/remote.h"

#define REMOTE_SEARCH_HUB "index.docker.io"

/* Takes the registry off a term; without one it is Docker Hub's. INVALID for a term with a scheme.
 */
int remote_search_split(const char *term, struct arena *a, const char **ret_domain,
                        const char **ret_term, struct shale_err *e);
/* GET of https://DOMAIN/ROOT PATH, with credentials and retries. *ret is released with
 * json_decref. */
int remote_search(struct remote_client *c, const char *domain, const char *root, const char *path,
                  struct arena *a, json_t **ret, struct cancel *cancel, struct shale_err *e);
