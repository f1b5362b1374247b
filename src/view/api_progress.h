/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Progress as docker's clients read it from the Engine API: {"status": "Downloading",
 * "progressDetail": {"current": 1, "total": 2}, "progress": "[==> ] …", "id": "0123456789ab"}. */
#include <jansson.h>
#include <shale/progress.h>

/* A new reference; NULL: nothing that docker would tell, or no memory. */
json_t *view_api_progress(const struct shale_progress *ev);
