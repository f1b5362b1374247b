/* SPDX-License-Identifier: Apache-2.0 */
#include "container/labels.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"

#define LABELS_MAX_BYTES (4u << 20)

bool labels_match(const char *labels, const char *filter)
{
    _cleanup_json_ json_t *j = NULL;
    const char *eq = strchr(filter, '=');
    size_t n = eq ? (size_t)(eq - filter) : strlen(filter);

    if (!labels[0] || json_parse(labels, strlen(labels), LABELS_MAX_BYTES, &j, NULL) < 0)
        return false;
    const json_t *v = json_object_getn(j, filter, n);
    return v && (!eq || streq(json_string_value(v), eq + 1));
}
