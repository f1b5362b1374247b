/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Labels as rows keep them, and the filters label=k, label=k=v. */
#include <stdbool.h>

/* Does the JSON object `labels` ("" for none) have key `k`, or key `k` with value `v`, where
 * `filter` is "k" or "k=v"? Pure; what cannot be read has none. */
bool labels_match(const char *labels, const char *filter);
