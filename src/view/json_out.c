/* SPDX-License-Identifier: Apache-2.0 */
#include "view/json_out.h"

#include <stdbool.h>

#include "view/gofloat.h"
#include "view/uni.h"

/* Deeper values cannot come from json_parse; a value that is built must not be either. */
#define MAX_DEPTH 256
#define INDENT    4

struct writer {
    struct buf *b;
    unsigned flags;
    bool indent;
};

static const char *short_escape(uint32_t r)
{
    switch (r) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    case '\b':
        return "\\b";
    case '\f':
        return "\\f";
    default:
        return NULL;
    }
}

static bool needs_unicode(uint32_t r, unsigned flags)
{
    if (r < 0x20 || r == 0x2028 || r == 0x2029)
        return true;
    if ((flags & JSON_OUT_HTML) && (r == '<' || r == '>' || r == '&'))
        return true;
    return (flags & JSON_OUT_ASCII) && r >= 0x7f && r < 0xa0;
}

/* What is never written in another way: nearly everything. */
static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<' && c != '>' && c != '&';
}

void json_out_letters(struct buf *b, struct str s, unsigned flags)
{
    size_t from = 0, i = 0;
    while (i < s.n) {
        if (is_plain((unsigned char)s.p[i])) {
            i++;
            continue;
        }
        uint32_t r;
        size_t n = uni_decode(s.p + i, s.n - i, &r);
        const char *esc = short_escape(r);
        bool bad = r == UNI_BAD && n == 1;
        if (esc || bad || needs_unicode(r, flags)) {
            buf_add(b, s.p + from, i - from);
            if (esc)
                buf_adds(b, esc);
            else
                buf_addf(b, "\\u%04x", r);
            from = i + n;
        }
        i += n;
    }
    buf_add(b, s.p + from, s.n - from);
}

void json_out_string(struct buf *b, struct str s, unsigned flags)
{
    buf_addc(b, '"');
    json_out_letters(b, s, flags);
    buf_addc(b, '"');
}

static void newline(const struct writer *w, unsigned level)
{
    if (!w->indent)
        return;
    buf_addc(w->b, '\n');
    for (unsigned i = 0; i < level * INDENT; i++)
        buf_addc(w->b, ' ');
}

static void put(const struct writer *w, const json_t *v, unsigned level);

static void put_array(const struct writer *w, const json_t *v, unsigned level)
{
    size_t n = json_array_size(v);
    buf_addc(w->b, '[');
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_addc(w->b, ',');
        newline(w, level + 1);
        put(w, json_array_get(v, i), level + 1);
    }
    if (n)
        newline(w, level);
    buf_addc(w->b, ']');
}

static void put_object(const struct writer *w, const json_t *v, unsigned level)
{
    const char *key;
    json_t *member;
    bool first = true;
    buf_addc(w->b, '{');
    json_object_foreach((json_t *)v, key, member)
    {
        if (!first)
            buf_addc(w->b, ',');
        first = false;
        newline(w, level + 1);
        json_out_string(w->b, str_of(key), w->flags);
        buf_adds(w->b, w->indent ? ": " : ":");
        put(w, member, level + 1);
    }
    if (!first)
        newline(w, level);
    buf_addc(w->b, '}');
}

static void put(const struct writer *w, const json_t *v, unsigned level)
{
    if (level > MAX_DEPTH) {
        buf_adds(w->b, "null");
        return;
    }
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        put_object(w, v, level);
        break;
    case JSON_ARRAY:
        put_array(w, v, level);
        break;
    case JSON_STRING:
        json_out_string(w->b, (struct str){json_string_value(v), json_string_length(v)}, w->flags);
        break;
    case JSON_INTEGER:
        buf_addi(w->b, json_integer_value(v));
        break;
    case JSON_REAL:
        gofloat_json(w->b, json_real_value(v));
        break;
    case JSON_TRUE:
        buf_adds(w->b, "true");
        break;
    case JSON_FALSE:
        buf_adds(w->b, "false");
        break;
    default:
        buf_adds(w->b, "null");
    }
}

void json_out_compact(struct buf *b, const json_t *v, unsigned flags)
{
    put(&(struct writer){b, flags, false}, v, 0);
}

void json_out_array_begin(struct buf *b)
{
    buf_addc(b, '[');
}

void json_out_array_item(struct buf *b, const json_t *v, size_t *n)
{
    struct writer w = {b, 0, true};
    if (*n)
        buf_addc(b, ',');
    newline(&w, 1);
    put(&w, v, 1);
    (*n)++;
}

void json_out_array_end(struct buf *b, size_t n)
{
    buf_adds(b, n ? "\n]\n" : "]\n");
}
