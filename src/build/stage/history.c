/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of the history: their words and times. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"

const char *history_quote(const char *s, struct arena *a)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4u << 20);

    buf_addc(&b, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            buf_addf(&b, "\\%c", c);
        else if (c == '\n')
            buf_adds(&b, "\\n");
        else if (c == '\t')
            buf_adds(&b, "\\t");
        else if (c == '\r')
            buf_adds(&b, "\\r");
        else if (c < 0x20 || c == 0x7f)
            buf_addf(&b, "\\x%02x", c);
        else
            buf_addc(&b, (char)c);
    }
    buf_addc(&b, '"');
    return buf_check(&b, NULL) < 0 ? NULL : arena_strndup(a, b.p, b.n);
}

const char *history_list(const char *const *v, size_t n, bool quote, struct arena *a)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4u << 20);

    for (size_t i = 0; i < n; i++) {
        const char *s = quote ? history_quote(v[i], a) : v[i];
        if (!s)
            return NULL;
        buf_addf(&b, "%s%s", i ? " " : "", s);
    }
    return buf_check(&b, NULL) < 0 ? NULL : arena_strdup(a, buf_str(&b));
}

static int set_time(json_t *item, const char *text)
{
    return json_object_set_new(item, "created", json_string(text));
}

/* The first new layer's time is that of entries before it; the last one's of those behind. */
static const char *first_time(const json_t *history)
{
    const char *time = NULL;
    bool missing = false;

    for (size_t i = 0; i < json_array_size(history); i++) {
        const char *t = json_string_value(json_object_get(json_array_get(history, i), "created"));
        if (!t) {
            missing = true;
            continue;
        }
        time = t;
        if (missing)
            break;
    }
    return time;
}

int history_finish(json_t *doc, int64_t epoch_ns, struct shale_err *e)
{
    json_t *history = json_object_get(doc, "history");
    char now[40], given[40];
    char *last = given;
    const char *time = first_time(history);
    bool seen_missing = false;
    int bad = 0;

    (void)time_format_rfc3339nano(epoch_ns != TIME_NONE ? epoch_ns : time_now_ns(), now);
    (void)snprintf(last, sizeof given, "%s", time ? time : now);
    for (size_t i = 0; i < json_array_size(history); i++) {
        json_t *item = json_array_get(history, i);
        const char *t = json_string_value(json_object_get(item, "created"));
        if (!t) {
            seen_missing = true;
            bad |= set_time(item, last);
        } else if (seen_missing) {
            (void)snprintf(last, sizeof given, "%s", t);
        }
    }
    size_t n = json_array_size(history);
    const char *end =
        n ? json_string_value(json_object_get(json_array_get(history, n - 1), "created")) : NULL;
    bad |= json_object_set_new(doc, "created", json_string(end ? end : now));
    return bad ? err_nomem(e) : 0;
}
