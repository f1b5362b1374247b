/* SPDX-License-Identifier: Apache-2.0 */
/* Where the body of a request ends, when libmicrohttpd takes what is ambiguous. */
#include "base/str.h"
#include "http/server_priv.h"

/* What says where the body ends. */
struct framing {
    const char *length;
    unsigned n_chunked;
    bool wrong;
};

static enum MHD_Result see_framing(void *cls, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct framing *f = cls;
    size_t n = strlen(name);

    (void)kind;
    value = value ? value : "";
    f->wrong |= n > 0 && (name[n - 1] == ' ' || name[n - 1] == '\t');
    if (str_ieq(name, "Content-Length")) {
        f->wrong |= f->length && !streq(f->length, value);
        f->length = value;
    } else if (str_ieq(name, "Transfer-Encoding")) {
        f->wrong |= !str_ieq(value, "chunked");
        f->n_chunked++;
    }
    return MHD_YES;
}

bool req_ends_are_clear(const struct req *q)
{
    struct framing f = {0};

    (void)q->s->mhd->get_connection_values(q->c, MHD_HEADER_KIND, see_framing, &f);
    return !f.wrong && f.n_chunked <= 1 && !(f.n_chunked && f.length);
}
