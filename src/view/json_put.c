/* SPDX-License-Identifier: Apache-2.0 */
#include "view/json_put.h"

#include "base/cleanup.h"
#include "base/json.h"
#include "view/doc.h"

/* What stands before a value. */
static void begin(struct json_put *w, const char *key)
{
    if (w->more)
        buf_addc(w->b, ',');
    w->more = true;
    if (!key)
        return;
    buf_addc(w->b, '"');
    buf_adds(w->b, key);
    buf_add(w->b, "\":", 2);
}

void json_put_open(struct json_put *w, const char *key, char bracket)
{
    begin(w, key);
    buf_addc(w->b, bracket);
    w->more = false;
}

void json_put_close(struct json_put *w, char bracket)
{
    buf_addc(w->b, bracket);
    w->more = true;
}

void json_put_str(struct json_put *w, const char *key, const char *s)
{
    begin(w, key);
    json_out_string(w->b, str_of(s ? s : ""), w->flags);
}

void json_put_joined(struct json_put *w, const char *key, const char *a, const char *middle,
                     const char *z)
{
    begin(w, key);
    buf_addc(w->b, '"');
    json_out_letters(w->b, str_of(a), w->flags);
    buf_adds(w->b, middle);
    json_out_letters(w->b, str_of(z), w->flags);
    buf_addc(w->b, '"');
}

void json_put_int(struct json_put *w, const char *key, int64_t i)
{
    begin(w, key);
    buf_addi(w->b, i);
}

void json_put_null(struct json_put *w, const char *key)
{
    begin(w, key);
    buf_add(w->b, "null", 4);
}

void json_put_value(struct json_put *w, const char *key, const json_t *v)
{
    begin(w, key);
    json_out_compact(w->b, v, w->flags);
}

void json_put_new(struct json_put *w, const char *key, json_t *v)
{
    if (v)
        json_put_value(w, key, v);
    else if (!w->b->failed)
        w->b->failed = SHALE_NO_MEMORY;
    json_decref(v);
}

int json_put_text(struct json_put *w, const char *key, const char *text, struct shale_err *e)
{
    _cleanup_json_ json_t *v = NULL;

    if (!text || !*text) {
        json_put_null(w, key);
        return 0;
    }
    int r = json_parse(text, strlen(text), DOC_MAX_JSON, &v, e);
    if (r == -SHALE_NO_MEMORY)
        return r;
    if (r < 0)
        return err_set(e, SHALE_CORRUPT, "%s is no JSON document", key ? key : "a value");
    json_put_value(w, key, v);
    return 0;
}
