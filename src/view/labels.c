/* SPDX-License-Identifier: Apache-2.0 */
#include "view/labels.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

#define MAX_BYTES (16u << 20) /* of the text */

static json_t *parse(const char *text)
{
    json_t *j = NULL;

    if (text && *text && json_parse(text, strlen(text), MAX_BYTES, &j, NULL) < 0)
        return NULL;
    return j;
}

void labels_put(const char *labels_json, struct buf *b)
{
    _cleanup_json_ json_t *labels = parse(labels_json);
    const char *key, *sep = "";
    json_t *value;

    json_object_foreach(labels, key, value)
    {
        const char *text = json_string_value(value);
        buf_addf(b, "%s%s=%s", sep, key, text ? text : "");
        sep = ",";
    }
}

void labels_put_value(const char *labels_json, const char *key, struct buf *b)
{
    _cleanup_json_ json_t *labels = parse(labels_json);
    const char *text = json_string_value(json_object_get(labels, key));

    if (text)
        buf_adds(b, text);
}
