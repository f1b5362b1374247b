/* SPDX-License-Identifier: Apache-2.0 */
#include "model/list_text.h"

#include <string.h>

#include "base/str.h"
#include "model/media.h"

/* U+2028 and U+2029, which Go does not let through: "e2 80 a8" and "e2 80 a9". */
static bool is_separator(const char *s)
{
    return (unsigned char)s[0] == 0xe2 && (unsigned char)s[1] == 0x80 &&
           ((unsigned char)s[2] & 0xfe) == 0xa8;
}

static void add_string(struct buf *b, const char *s)
{
    static const char plain[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";

    buf_addc(b, '"');
    for (; *s; s++) {
        const char *p = strchr(plain, *s);
        if (p) {
            buf_addc(b, '\\');
            buf_addc(b, letters[p - plain]);
        } else if ((unsigned char)*s < 0x20 || strchr("<>&", *s)) {
            buf_addf(b, "\\u%04x", (unsigned char)*s);
        } else if (is_separator(s)) {
            buf_addf(b, "\\u202%c", s[2] & 1 ? '9' : '8');
            s += 2;
        } else {
            buf_addc(b, *s);
        }
    }
    buf_addc(b, '"');
}

static void add_member(struct buf *b, const char *before, const char *name, const char *value)
{
    buf_addf(b, "%s\"%s\": ", before, name);
    add_string(b, value);
}

#define IN_LIST     "\n         "
#define IN_PLATFORM IN_LIST "   "
#define IN_FEATURES IN_PLATFORM "   "

static void add_entry(struct buf *b, const struct shale_manifest_entry *x)
{
    buf_adds(b, "\n      {");
    add_member(b, IN_LIST, "mediaType", x->media_type);
    buf_addf(b, "," IN_LIST "\"size\": %llu", (unsigned long long)x->size_bytes);
    add_member(b, "," IN_LIST, "digest", x->digest);
    buf_adds(b, "," IN_LIST "\"platform\": {");
    add_member(b, IN_PLATFORM, "architecture", x->architecture);
    add_member(b, "," IN_PLATFORM, "os", x->os);
    if (*x->os_version)
        add_member(b, "," IN_PLATFORM, "os.version", x->os_version);
    for (size_t i = 0; i < x->n_os_features; i++) {
        buf_adds(b, i ? "," IN_FEATURES : "," IN_PLATFORM "\"os.features\": [" IN_FEATURES);
        add_string(b, x->os_features[i]);
    }
    if (x->n_os_features)
        buf_adds(b, IN_PLATFORM "]");
    if (*x->variant)
        add_member(b, "," IN_PLATFORM, "variant", x->variant);
    buf_adds(b, IN_LIST "}\n      }");
}

const char *list_media_type(const struct shale_manifest_entry *v, size_t n)
{
    return n > 0 && streq(v[0].media_type, MEDIA_OCI_MANIFEST) ? MEDIA_OCI_INDEX
                                                               : MEDIA_DOCKER_LIST;
}

void list_text(const struct shale_manifest_entry *v, size_t n, struct buf *out)
{
    buf_addf(out, "{\n   \"schemaVersion\": 2,\n   \"mediaType\": \"%s\",\n   \"manifests\": [",
             list_media_type(v, n));
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_addc(out, ',');
        add_entry(out, &v[i]);
    }
    buf_adds(out, n ? "\n   ]\n}" : "]\n}");
}
