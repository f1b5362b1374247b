/* SPDX-License-Identifier: Apache-2.0 */
#include "view/manifest.h"

#include <string.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/list_text.h"
#include "model/media.h"
#include "view/json_out.h"

#define MAX_TEXT (1u << 30) /* as much as a command prints */

enum {
    PRINTABLE = 1 << 0, /* control characters past ASCII are escaped */
    HTML = 1 << 1,      /* what Go's json.Marshal escapes, too */
};

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

static void add_string(struct buf *out, const char *p, size_t n, unsigned how)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        unsigned char next = i + 1 < n ? (unsigned char)p[i + 1] : 0;
        unsigned char last = i + 2 < n ? (unsigned char)p[i + 2] : 0;
        if ((how & PRINTABLE) && c == 0x7f)
            buf_adds(out, "\\u007f");
        else if ((how & PRINTABLE) && c == 0xc2 && next >= 0x80 && next < 0xa0) {
            buf_addf(out, "\\u%04x", next);
            i++;
        } else if ((how & HTML) && (c == '<' || c == '>' || c == '&')) {
            buf_addf(out, "\\u%04x", c);
        } else if ((how & HTML) && c == 0xe2 && next == 0x80 && (last & 0xfe) == 0xa8) {
            buf_addf(out, "\\u20%02x", last - 0x80);
            i += 2;
        } else
            buf_addc(out, p[i]);
    }
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Of text that was parsed before: it is JSON. */
static void add_indented(struct buf *out, const char *p, size_t n, const char *indent, unsigned how)
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
            add_string(out, p + i, end - i, how);
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

static void add_list(struct buf *out, const struct shale_manifest_entry *v, size_t n, unsigned how)
{
    _cleanup_(buf_clear) struct buf list = BUF_INIT(MAX_TEXT);

    list_text(v, n, &list);
    add_indented(out, buf_str(&list), list.n, "   ", how);
    buf_fail_with(out, &list);
}

int manifest_print(const struct shale_manifest *m, bool printable, struct buf *out,
                   struct shale_err *e)
{
    unsigned how = printable ? PRINTABLE : 0;

    if (m->is_list)
        add_list(out, m->entries, m->n_entries, how);
    else
        add_indented(out, m->text, m->text_n, "\t", how);
    buf_addc(out, '\n');
    return buf_check(out, e);
}

/* ---- members ---- */

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

static void add_descriptor(struct buf *b, const struct shale_manifest_entry *x)
{
    add_text(b, "{\"mediaType\":", x->media_type);
    add_text(b, ",\"digest\":", x->digest);
    buf_addf(b, ",\"size\":%llu", (unsigned long long)x->size_bytes);
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

static void add_manifest(struct buf *b, const struct shale_list_member *m)
{
    static const struct {
        const char *media_type, *key;
    } kinds[] = {{MEDIA_DOCKER_MANIFEST, "SchemaV2Manifest"}, {MEDIA_OCI_MANIFEST, "OCIManifest"}};

    add_text(b, "{\"Ref\":", m->ref);
    buf_adds(b, ",\"Descriptor\":");
    add_descriptor(b, &m->entry);
    if (m->text_n) {
        buf_adds(b, ",\"Raw\":\"");
        base64_add(0, m->text, m->text_n, b);
        buf_addc(b, '"');
    }
    for (size_t i = 0; m->text_n && i < ARRAY_SIZE(kinds); i++)
        if (streq(kinds[i].media_type, m->entry.media_type)) {
            buf_addf(b, ",\"%s\":", kinds[i].key);
            buf_add(b, m->text, m->text_n);
        }
    buf_addc(b, '}');
}

static void add_verbose(struct buf *out, const struct shale_list *l, unsigned how)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MAX_TEXT);

    for (size_t i = 0; i < l->n_members; i++) {
        if (l->is_list)
            buf_addc(&b, i ? ',' : '[');
        add_manifest(&b, &l->members[i]);
    }
    if (l->is_list)
        buf_adds(&b, l->n_members ? "]" : "[]");
    add_indented(out, buf_str(&b), b.n, "\t", how | HTML);
    buf_fail_with(out, &b);
}

/* docker does not keep the end of line behind a manifest. */
static size_t trimmed(const struct shale_list_member *m)
{
    size_t n = m->text_n;

    while (n > 0 && is_blank(m->text[n - 1]))
        n--;
    return n;
}

int manifest_print_list(const struct shale_list *l, bool verbose, bool printable, struct buf *out,
                        struct shale_err *e)
{
    _cleanup_free_ struct shale_manifest_entry *v = mem_array(l->n_members + 1, sizeof *v);
    unsigned how = printable ? PRINTABLE : 0;

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < l->n_members; i++)
        v[i] = l->members[i].entry;
    if (verbose)
        add_verbose(out, l, how);
    else if (l->is_list)
        add_list(out, v, l->n_members, how);
    else
        add_indented(out, l->members[0].text, trimmed(&l->members[0]), "\t", how);
    buf_addc(out, '\n');
    return buf_check(out, e);
}
