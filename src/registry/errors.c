/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/errors.h"

#include "base/cleanup.h"
#include "base/str.h"

static const struct {
    const char *name, *message;
    unsigned status;
} table[_REG_MAX] = {
    [REG_BLOB_UNKNOWN] = {"BLOB_UNKNOWN", "blob unknown to registry", 404},
    [REG_BLOB_UPLOAD_INVALID] = {"BLOB_UPLOAD_INVALID", "blob upload invalid", 404},
    [REG_BLOB_UPLOAD_UNKNOWN] = {"BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", 404},
    [REG_DIGEST_INVALID] = {"DIGEST_INVALID", "provided digest did not match uploaded content",
                            400},
    [REG_MANIFEST_BLOB_UNKNOWN] = {"MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", 400},
    [REG_MANIFEST_INVALID] = {"MANIFEST_INVALID", "manifest invalid", 400},
    [REG_MANIFEST_TOO_LARGE] = {"MANIFEST_INVALID", "manifest invalid", 413},
    [REG_MANIFEST_UNKNOWN] = {"MANIFEST_UNKNOWN", "manifest unknown", 404},
    [REG_NAME_INVALID] = {"NAME_INVALID", "invalid repository name", 400},
    [REG_NAME_UNKNOWN] = {"NAME_UNKNOWN", "repository name not known to registry", 404},
    [REG_PAGINATION_NUMBER_INVALID] = {"PAGINATION_NUMBER_INVALID",
                                       "invalid number of results requested", 400},
    [REG_RANGE_INVALID] = {"RANGE_INVALID", "invalid content range", 416},
    [REG_SIZE_INVALID] = {"SIZE_INVALID", "provided length did not match content length", 400},
    [REG_TAG_INVALID] = {"TAG_INVALID", "manifest tag did not match URI", 400},
    [REG_UNAUTHORIZED] = {"UNAUTHORIZED", "authentication required", 401},
    [REG_DENIED] = {"DENIED", "requested access to the resource is denied", 403},
    [REG_UNSUPPORTED] = {"UNSUPPORTED", "The operation is unsupported.", 405},
    [REG_TOO_MANY_REQUESTS] = {"TOOMANYREQUESTS", "too many requests", 429},
    [REG_UNAVAILABLE] = {"UNAVAILABLE", "service unavailable", 503},
    [REG_UPSTREAM] = {"UNAVAILABLE", "the registry behind this one does not give it", 502},
    [REG_NO_SPACE] = {"UNAVAILABLE", "no space left on the registry", 507},
    [REG_NOT_FOUND] = {"UNSUPPORTED", "nothing is served under this path", 404},
    [REG_MALFORMED] = {"UNSUPPORTED", "the query of the address cannot be read", 400},
    [REG_RECORD_INVALID] = {"RECORD_INVALID", "invalid record of a repository", 400},
    [REG_QUERY_INVALID] = {"QUERY_INVALID", "invalid search", 400},
    [REG_UNKNOWN] = {"UNKNOWN", "unknown error", 500},
};

static const struct {
    int from;
    enum reg_code to;
} codes[] = {
    {SHALE_NO_SPACE, REG_NO_SPACE},         {SHALE_TIMEOUT, REG_UNAVAILABLE},
    {SHALE_DENIED, REG_UNSUPPORTED},        {SHALE_UNSUPPORTED, REG_UNSUPPORTED},
    {SHALE_UNAUTHORIZED, REG_UNAUTHORIZED}, {SHALE_NO_MEMORY, REG_UNAVAILABLE},
    {SHALE_LIMIT, REG_SIZE_INVALID},        {SHALE_CONFLICT, REG_UNAVAILABLE},
};

unsigned reg_status(enum reg_code code)
{
    return table[code].status;
}

const char *reg_code_name(enum reg_code code)
{
    return table[code].name;
}

const char *reg_code_message(enum reg_code code)
{
    return table[code].message;
}

enum reg_code reg_code_of(int code)
{
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (codes[i].from == code)
            return codes[i].to;
    return REG_UNKNOWN;
}

void reg_json_string(struct buf *b, const char *s)
{
    char shown[2048];

    if (!str_is_utf8(s, strlen(s)))
        s = str_printable(shown, sizeof shown, s);
    buf_addc(b, '"');
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            buf_addf(b, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            buf_addf(b, "\\u%04x", c);
        else
            buf_addc(b, (char)c);
    }
    buf_addc(b, '"');
}

void reg_error_json(struct buf *b, enum reg_code code, const char *detail)
{
    buf_addf(b, "{\"code\":\"%s\",\"message\":", table[code].name);
    reg_json_string(b, table[code].message);
    if (detail) {
        buf_adds(b, ",\"detail\":");
        reg_json_string(b, detail);
    }
    buf_addc(b, '}');
}

void reg_error_said_json(struct buf *b, enum reg_code code, const char *message)
{
    buf_addf(b, "{\"code\":\"%s\",\"message\":", table[code].name);
    reg_json_string(b, message);
    buf_addc(b, '}');
}
