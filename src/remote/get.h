/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Any document of the web, for `import URL`: no registry, no credentials. */
#include <stdbool.h>

#include "base/cancel.h"
#include "base/err.h"
#include "remote/remote.h"

bool remote_is_url(const char *s); /* http:// or https:// */
/* Hands the body to `data` piece by piece, from the calling thread; negative ends the transfer with
 * that. Redirects are followed; certificates are those the system trusts. How much may come is up
 * to `data`. NOT_FOUND, NETWORK (another status, too), TIMEOUT. */
int remote_get(struct remote_client *c, const char *url,
               int (*data)(void *arg, const void *p, size_t n, struct shale_err *e), void *arg,
               struct cancel *cancel, struct shale_err *e);
