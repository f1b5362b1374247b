/* SPDX-License-Identifier: Apache-2.0 */
#include "view/manifest.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "view/json_out.h"

#define MAX_TEXT    (64u << 20)
#define OCI_IMAGE   "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX   "application/vnd.oci.image.index.v1+json"
#define DOCKER_LIST "application/vnd.docker.distribution.manifest.list.v2+json"

/* ---- Go's json.Indent ---- */

static void newline(struct buf *out, const char *indent, size_t depth)
{
    buf_addc(out, '\n');
    for (size_t i = 0; i < depth; i++)
        buf_adds(out, indent);
}

/* The end of the string that begins at i: behind its quote, or n. */
static size_t string_end(const char *p, size_t i, size_t n)
{
    for (i++; i < n && p[i] != '"'; i++)
        if (p[i] == '\\')
            i++;
    return i < n ? i + 1 : n;
}

static void add_string(struct buf *out, const char *p, size_t n, bool printable)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        unsigned char next = i + 1 < n ? (unsigned char)p[i + 1] : 0;
        if (printable && c == 0x7f)
            buf_adds(out, "\\u007f");
        else if (printable && c == 0xc2 && next >= 0x80 && next < 0xa0) {
            buf_addf(out, "\\u%04x", next);
            i++;
        } else
            buf_addc(out, p[i]);
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Of text that was parsed before: it is JSON. */
static void add_indented(struct buf *out, const char *p, size_t n, const char *indent,
                         bool printable)
{
    size_t depth = 0;
    bool opened = false; /* and nothing in it so far */

    for (size_t i = 0; i < n; i++) {
        char c = p[i];
        if (is_blank(c))
            continue;
        if (c == '}' || c == ']') {
            depth -= depth > 0;
            if (!opened)
                newline(out, indent, depth);
            opened = false;
            buf_addc(out, c);
            continue;
        }
        if (opened)
            newline(out, indent, depth);
        opened = c == '{' || c == '[';
        depth += opened;
        if (c == '"') {
            size_t end = string_end(p, i, n);
            add_string(out, p + i, end - i, printable);
            i = end - 1;
            continue;
        }
        buf_addc(out, c);
        if (c == ',')
            newline(out, indent, depth);
        else if (c == ':')
            buf_addc(out, ' ');
    }
    for (size_t end = n; n > 0 && is_blank(p[n - 1]); n--) /* blanks at the end stay */
        if (n == 1 || !is_blank(p[n - 2]))
            buf_add(out, p + n - 1, end - n + 1);
}

/* ---- lists ---- */

static void add_text(struct buf *b, const char *before, const char *s)
{
    buf_adds(b, before);
    json_out_string(b, (struct str){s, strlen(s)}, 0);
}

static void add_member(struct buf *b, const char *before, const char *s)
{
    if (*s)
        add_text(b, before, s);
}

static void add_entry(struct buf *b, const struct shale_manifest_entry *x)
{
    add_text(b, "{\"mediaType\":", x->media_type);
    buf_addf(b, ",\"size\":%llu", (unsigned long long)x->size_bytes);
    add_text(b, ",\"digest\":", x->digest);
    add_text(b, ",\"platform\":{\"architecture\":", x->architecture);
    add_text(b, ",\"os\":", x->os);
    add_member(b, ",\"os.version\":", x->os_version);
    for (size_t i = 0; i < x->n_os_features; i++)
        add_text(b, i ? "," : ",\"os.features\":[", x->os_features[i]);
    if (x->n_os_features)
        buf_addc(b, ']');
    add_member(b, ",\"variant\":", x->variant);
    buf_adds(b, "}}");
}

static void add_list(struct buf *b, const struct shale_manifest *m)
{
    bool oci = m->n_entries > 0;

    for (size_t i = 0; i < m->n_entries; i++)
        oci &= streq(m->entries[i].media_type, OCI_IMAGE);
    buf_addf(b, "{\"schemaVersion\":2,\"mediaType\":\"%s\",\"manifests\":[",
             oci ? OCI_INDEX : DOCKER_LIST);
    for (size_t i = 0; i < m->n_entries; i++) {
        if (i)
            buf_addc(b, ',');
        add_entry(b, &m->entries[i]);
    }
    buf_adds(b, "]}");
}

int manifest_print(const struct shale_manifest *m, bool printable, struct buf *out,
                   struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf list = BUF_INIT(MAX_TEXT);

    if (m->is_list) {
        add_list(&list, m);
        add_indented(out, buf_str(&list), list.n, "   ", printable);
        buf_fail_with(out, &list);
    } else
        add_indented(out, m->text, m->text_n, "\t", printable);
    buf_addc(out, '\n');
    return buf_check(out, e);
}
