/* SPDX-License-Identifier: Apache-2.0 */
/* What a registry's refusal means (distribution-spec 1.1, "Error Codes"), in docker's words. */
#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "remote/remote_priv.h"

#define ERROR_BODY_MAX (64u << 10)

static const struct {
    const char *text; /* of the registry */
    int code;
} codes[] = {
    {"MANIFEST_UNKNOWN", SHALE_NOT_FOUND},
    {"MANIFEST_BLOB_UNKNOWN", SHALE_NOT_FOUND},
    {"BLOB_UNKNOWN", SHALE_NOT_FOUND},
    {"NAME_UNKNOWN", SHALE_NOT_FOUND},
    {"NOT_FOUND", SHALE_NOT_FOUND},
    {"UNAUTHORIZED", SHALE_UNAUTHORIZED},
    {"DENIED", SHALE_DENIED},
    {"TOOMANYREQUESTS", SHALE_LIMIT},
    {"UNSUPPORTED", SHALE_UNSUPPORTED},
    {"NAME_INVALID", SHALE_INVALID},
    {"TAG_INVALID", SHALE_INVALID},
    {"DIGEST_INVALID", SHALE_INVALID},
};

static const struct {
    int status, code;
} statuses[] = {
    {400, SHALE_INVALID},   {401, SHALE_UNAUTHORIZED}, {403, SHALE_DENIED},
    {404, SHALE_NOT_FOUND}, {405, SHALE_UNSUPPORTED},  {408, SHALE_TIMEOUT},
    {416, SHALE_CORRUPT},   {429, SHALE_LIMIT},        {504, SHALE_TIMEOUT},
};

/* Of those that are met (RFC 9110, 15). */
static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    {301, "Moved Permanently"},
    {302, "Found"},
    {400, "Bad Request"},
    {405, "Method Not Allowed"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {416, "Range Not Satisfiable"},
    {500, "Internal Server Error"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
};

static const char *phrase(int status)
{
    for (size_t i = 0; i < ARRAY_SIZE(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "";
}

struct refusal { /* the first error of the body; "" where there is none */
    char code[64], message[300];
};

/* {"errors":[{"code":"…","message":"…"}]}, or {"message":"…"}, {"details":"…"} as some answer. */
static void read_body(struct buf *body, struct refusal *ret)
{
    _cleanup_json_ json_t *j = NULL;
    const char *code, *message;

    if (json_parse(body->p ? body->p : "", body->n, ERROR_BODY_MAX, &j, NULL) < 0)
        return;
    const json_t *first = json_array_get(json_object_get(j, "errors"), 0);
    code = json_string_value(json_object_get(first, "code"));
    message = json_string_value(json_object_get(first ? first : j, "message"));
    if (!message)
        message = json_string_value(json_object_get(j, "details"));
    if (streq(code, "QUERY_INVALID") && json_is_string(json_object_get(first, "detail")))
        message = json_string_value(json_object_get(first, "detail")); /* says what, of a search */
    str_printable(ret->code, sizeof ret->code, code ? code : "");
    str_printable(ret->message, sizeof ret->message, message ? message : "");
}

static int code_of(const struct refusal *f, int status)
{
    for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
        if (streq(codes[i].text, f->code))
            return codes[i].code;
    for (size_t i = 0; i < ARRAY_SIZE(statuses); i++)
        if (statuses[i].status == status)
            return statuses[i].code;
    return SHALE_NETWORK;
}

/* "MANIFEST_UNKNOWN" as Go's client says it: "manifest unknown". */
static const char *words(const char *code, char ret[64])
{
    size_t i;

    for (i = 0; code[i] && i < 63; i++)
        ret[i] = code[i] == '_' ? ' ' : (char)tolower((unsigned char)code[i]);
    ret[i] = 0;
    return ret;
}

static int not_found(const struct call *call, const struct refusal *f, struct shale_err *e)
{
    char code[64];

    if (streq(f->code, "NAME_UNKNOWN"))
        return err_set(e, SHALE_NOT_FOUND, "repository %s not found: name unknown: %s", call->repo,
                       f->message);
    if (streq(call->what, "manifest"))
        return err_set(e, SHALE_NOT_FOUND, "manifest for %s not found: %s: %s", call->name,
                       *f->code ? words(f->code, code) : "manifest unknown",
                       *f->message ? f->message : "manifest unknown");
    return err_set(e, SHALE_NOT_FOUND, "%s of %s not found%s%s", call->what, call->name,
                   *f->message ? ": " : "", f->message);
}

static int refused(const struct call *call, const struct refusal *f, int status, int code,
                   struct shale_err *e)
{
    char text[64];
    const char *message = *f->message ? f->message
                          : code == SHALE_UNAUTHORIZED
                              ? "authentication required"
                              : "requested access to the resource is denied";

    if (call->is_push)
        return err_set(e, code, "%s: %s",
                       *f->code        ? words(f->code, text)
                       : status == 401 ? "unauthorized"
                                       : "denied",
                       message);
    return err_set(e, code,
                   "pull access denied for %s, repository does not exist or may require 'docker "
                   "login': %s: %s",
                   call->repo,
                   *f->code        ? words(f->code, text)
                   : status == 401 ? "unauthorized"
                                   : "denied",
                   message);
}

/* RFC 6750, 3.1: a token that is good, but not for this. Docker Hub says so of repositories that do
 * not exist. */
static bool scope_is_missing(const struct http_response *p)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4u << 20);
    struct http_challenge ch[HTTP_MAX_CHALLENGES];
    size_t n = auth_challenges(p, &a, ch);

    for (size_t i = 0; i < n; i++)
        if (streq(ch[i].scheme, "bearer") &&
            streq(http_challenge_get(&ch[i], "error"), "insufficient_scope"))
            return true;
    return false;
}

int answer_error(const struct call *call, const struct remote_host *h,
                 const struct http_response *p, struct buf *body, struct shale_err *e)
{
    const char *content_type = http_header_get(p, "Content-Type");
    struct refusal f = {"", ""};
    char word[64], shown[100];
    int status = p->status;

    read_body(body, &f);
    if (status == 401 && scope_is_missing(p))
        f = (struct refusal){"DENIED", ""};
    int code = code_of(&f, status);
    switch (code) {
    case SHALE_NOT_FOUND:
        return not_found(call, &f, e);
    case SHALE_UNAUTHORIZED:
    case SHALE_DENIED:
        return refused(call, &f, status, code, e);
    case SHALE_LIMIT: /* status 429, or its code */
        return err_set(e, code, "toomanyrequests: %s",
                       *f.message ? f.message : "the registry asks to slow down");
    default:
        break;
    }
    if (*f.code || *f.message)
        return err_set(e, code, "%s: %s%s%s", h->domain, words(f.code, word), *f.code ? ": " : "",
                       f.message);
    if (status >= 500)
        return err_set(e, code, "%s: received unexpected HTTP status: %d %s", h->domain, status,
                       phrase(status));
    return err_set(
        e, code, "%s: received unexpected HTTP status: %d %s (%s); is it a registry?", h->domain,
        status, phrase(status),
        str_printable(shown, sizeof shown, content_type ? content_type : "no content type"));
}
