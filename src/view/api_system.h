/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Documents of the Engine API about the daemon: GET /version, /info. Versions are numbers: 151 is
 * "1.51". See view/doc.h. */
#include <jansson.h>
#include <shale/shale.h>

#include "base/err.h"

int view_api_version(int newest, int oldest, json_t **ret, struct shale_err *e);

struct view_api_info {
    const char *id; /* of this store */
    bool debug;
    size_t n_listeners;          /* of events */
    const char *const *insecure; /* hosts and CIDRs, NULL-terminated; may be NULL */
    const char *const *mirrors;  /* URLs, the same */
    const char *log_driver;      /* of containers that say nothing of it */
    int64_t now_ns;
};
int view_api_info(const struct shale_info *i, const struct view_api_info *more, json_t **ret,
                  struct shale_err *e);
