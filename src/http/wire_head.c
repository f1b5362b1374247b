/* SPDX-License-Identifier: Apache-2.0 */
#include "http/wire_head.h"

#include "base/cleanup.h"
#include "base/str.h"

size_t wire_head_end(const char *p, size_t n)
{
    const char *end = n >= 4 ? memmem(p, n, "\r\n\r\n", 4) : NULL;

    return end ? (size_t)(end - p) + 4 : 0;
}

static bool is_token(const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  (c && strchr("!#$%&'*+-.^_`|~", c));
        if (!ok)
            return false;
    }
    return n > 0;
}

static bool is_visible(const char *s, size_t n, const char *besides)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)s[i] <= ' ' || s[i] == 0x7f) && !(s[i] && strchr(besides, s[i])))
            return false;
    return true;
}

/* Cuts a line off *p, which has a CRLF before `end`; NULL: the line feed stands alone. */
static char *next_line(char **p, const char *end, size_t *ret_n)
{
    char *line = *p, *lf = memchr(line, '\n', (size_t)(end - line));

    if (!lf || lf == line || lf[-1] != '\r')
        return NULL;
    lf[-1] = 0;
    *ret_n = (size_t)(lf - 1 - line);
    *p = lf + 1;
    return line;
}

static int parse_request_line(char *line, size_t n, struct wire_head *h)
{
    char *target = memchr(line, ' ', n);
    char *version = target ? memchr(target + 1, ' ', n - (size_t)(target + 1 - line)) : NULL;

    if (!target || !version)
        return 400;
    *target++ = 0;
    *version++ = 0;
    size_t target_n = strlen(target);
    if (strlen(version) != n - (size_t)(version - line) ||
        !is_token(line, (size_t)(target - 1 - line)) ||
        target_n != (size_t)(version - 1 - target) || !is_visible(target, target_n, ""))
        return 400;
    if (!streq(version, "HTTP/1.1") && !streq(version, "HTTP/1.0"))
        return str_has_prefix(version, "HTTP/") ? 505 : 400;
    if (target[0] != '/')
        return 400;
    h->method = line;
    h->target = target;
    h->path_bytes = strcspn(target, "?");
    h->minor = version[7] - '0';
    return 0;
}

/* Nothing else may stand around a value (RFC 9110, 5.6.3). */
static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static int parse_field(char *line, size_t n, struct wire_head *h)
{
    char *colon = memchr(line, ':', n);

    if (!colon || !is_token(line, (size_t)(colon - line)))
        return 400; /* a folded line begins with a blank, which is no token */
    struct str value = {colon + 1, n - (size_t)(colon + 1 - line)};
    for (; value.n && is_blank(*value.p); value.n--)
        value.p++;
    while (value.n && is_blank(value.p[value.n - 1]))
        value.n--;
    if (!is_visible(value.p, value.n, " \t"))
        return 400;
    if (h->n_fields == WIRE_MAX_FIELDS)
        return 431;
    *colon = 0;
    line[value.p + value.n - line] = 0;
    h->fields[h->n_fields++] = (struct wire_field){line, value.p};
    return 0;
}

const char *wire_head_get(const struct wire_head *h, const char *name)
{
    for (size_t i = 0; i < h->n_fields; i++)
        if (str_ieq(h->fields[i].name, name))
            return h->fields[i].value;
    return NULL;
}

static bool ieq(struct str a, const char *b)
{
    return a.n == strlen(b) && strncasecmp(a.p, b, a.n) == 0;
}

bool wire_head_has(const struct wire_head *h, const char *name, const char *token)
{
    struct str piece;

    for (size_t i = 0; i < h->n_fields; i++) {
        struct str rest = str_of(h->fields[i].value);
        if (!str_ieq(h->fields[i].name, name))
            continue;
        while (str_split(&rest, ',', &piece))
            if (ieq(str_trim(piece), token))
                return true;
    }
    return false;
}

/* Whoever stands between us and the client must see the same end of the body as we do. */
static int parse_length(struct wire_head *h)
{
    bool has_length = false, chunked = false;

    for (size_t i = 0; i < h->n_fields; i++) {
        const struct wire_field *f = &h->fields[i];
        uint64_t n;
        if (str_ieq(f->name, "Transfer-Encoding")) {
            if (chunked || !str_ieq(f->value, "chunked"))
                return chunked ? 400 : 501;
            chunked = true;
        } else if (str_ieq(f->name, "Content-Length")) {
            if (!str_to_u64(f->value, &n) || n >= WIRE_LENGTH_UNKNOWN / 2 ||
                (has_length && n != h->length))
                return 400;
            has_length = true;
            h->length = n;
        }
    }
    if (chunked && (has_length || h->minor == 0))
        return 400;
    if (chunked)
        h->length = WIRE_LENGTH_UNKNOWN;
    return 0;
}

int wire_head_parse(char *p, size_t n, struct wire_head *h)
{
    const char *end = p + n;
    size_t line_n;
    char *line = next_line(&p, end, &line_n);

    *h = (struct wire_head){0};
    int status = line ? parse_request_line(line, line_n, h) : 400;
    while (status == 0 && p < end) {
        line = next_line(&p, end, &line_n);
        if (!line)
            return 400;
        if (line_n == 0)
            break;
        status = parse_field(line, line_n, h);
    }
    if (status == 0)
        status = parse_length(h);
    if (status == 0 && h->minor == 1 && !wire_head_get(h, "Host"))
        status = 400;
    h->keep = h->minor == 1 ? !wire_head_has(h, "Connection", "close")
                            : wire_head_has(h, "Connection", "keep-alive");
    h->expects = h->minor == 1 && wire_head_has(h, "Expect", "100-continue");
    return status;
}
