/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The Docker Engine API: what handlers of requests see. One table (routes.c) says which method and
 * path go to which handler, from which version of the API on, and what kind of body they take.
 *
 *   { "POST", "/containers/{}/start", 0, API_BODY_NONE, container_start },
 *
 *   int container_start(struct api_req *q, struct shale_err *e)
 *   {
 *       …                                  // it may block: it has a thread of its own
 *       return r < 0 ? r : api_reply_empty(q, 204);
 *   }
 *
 * What a handler returns: 0 once it has answered (api_reply_*, api_stream_begin, api_hijack), or a
 * negative code with `e` set, which becomes {"message": …} with the status that errors.c has for
 * the code, or the one of api_fail. An error after the answer has begun can only end the
 * connection; where docker has a way to say it (progress), api_progress_end does. Returning 0
 * without an answer is 200 with no body.
 *
 * A pattern is text with at most two parts that are given in q->args, decoded: "{}" is one segment,
 * "{*}" one or more (names of images, whose slashes come as they are). The first row that fits
 * wins.
 *
 * Memory: what lives as long as the request is in q->arena. Threads: a handler's request is its
 * own; only api_stream_write, api_progress_event and api_gone may be called from several threads at
 * once.
 *
 * Cancelling: with API_LONG q->s is a handle of the request's own. When the client goes, or the
 * daemon ends, shale_cancel is called on it, so that a wait, a pull or a build ends with
 * -SHALE_CANCELED by itself. Without it q->s is the daemon's handle, which all share: for what is
 * done in a moment. Work that has to go on without its client (a stop, a commit) is not API_LONG.
 */
#include <jansson.h>
#include <shale/shale.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define API_VERSION_MIN 124 /* 1.24 */
#define API_VERSION_MAX 151
#define API_MAX_ARGS    2
#define API_MAX_JSON    (8u << 20)   /* a body of JSON */
#define API_MAX_FIELDS  1024         /* fields of a query */
#define API_MAX_DOC     (256u << 20) /* one document */
#define API_MULTIPLEXED "application/vnd.docker.multiplexed-stream"
#define API_RAW_STREAM  "application/vnd.docker.raw-stream"

struct api_daemon; /* daemon.h: the daemon itself, for those that tell about it */
struct api_settings;
struct wire_req; /* http/wire.h: the request on the wire */

struct api_req {
    struct shale *s;     /* see "Cancelling" */
    struct arena *arena; /* dies with the request */
    struct api_daemon *d;
    struct wire_req *w;
    const char *method;             /* "GET" */
    int version;                    /* 124 … 151: of the path, or 151 where it names none */
    const char *args[API_MAX_ARGS]; /* what stood for the {} of the pattern; "" where none */
    json_t *body;           /* API_BODY_JSON: NULL when there was none; else an object. Borrowed */
    struct shale_kv *query; /* decoded, in their order */
    size_t n_query;
    struct api_reply *reply;        /* the state of the answer; of reply.c */
    const struct api_settings *set; /* api/settings.h: what the config says, as it was when the
                                       request came (set->conf.ulimits, .n_downloads …) */
};

typedef int api_handler(struct api_req *q, struct shale_err *e);

/* ---- the table ---- */
enum api_flags {
    API_BODY_NONE = 0,           /* a body is thrown away */
    API_BODY_JSON = 1 << 0,      /* an object, or nothing at all */
    API_BODY_JSON_MUST = 1 << 1, /* an object: else 400 */
    API_BODY_RAW = 1 << 2,       /* read with api_body_read */
    API_LONG = 1 << 3,           /* has a handle of its own, cancelled when the client goes */
};
struct api_route {
    const char *method; /* "*": any */
    const char *pattern;
    int least; /* version of the API from which it is there; 0: always */
    unsigned flags;
    api_handler *handler;
};
/* Tables of rows, each ended by one without method; routes.c has the list of them. */
extern const struct api_route api_routes_system[];
extern const struct api_route api_routes_containers[]; /* and commit */
extern const struct api_route api_routes_streams[];    /* wait, logs, attach, stats of containers */
extern const struct api_route api_routes_files[];      /* archive and export of containers */
extern const struct api_route api_routes_exec[];
extern const struct api_route api_routes_images[]; /* and distribution */
extern const struct api_route api_routes_build[];
extern const struct api_route api_routes_networks[];
extern const struct api_route api_routes_volumes[];
extern const struct api_route api_routes_absent[]; /* 501, 503: behind all others */

/* ---- the query ---- */
/* The first value of that name, NULL where there is none. */
const char *api_query(const struct api_req *q, const char *name);
/* docker's rule: "", "0", "no", "false", "none" (any case) are false, all else is true. */
bool api_query_bool(const struct api_req *q, const char *name);
/* The same with a value for when it is absent. */
bool api_query_bool_or(const struct api_req *q, const char *name, bool absent);
/* A number; INVALID names the field. Absent or empty: `absent`. */
int api_query_i64(const struct api_req *q, const char *name, int64_t absent, int64_t *ret,
                  struct shale_err *e);
/* All values of that name, NULL-terminated, in the arena. NULL: no memory. */
const char *const *api_query_all(struct api_req *q, const char *name);
/* "filters", which is {"label": ["a", "b=c"]} or the older {"label": {"a": true}}, as the options
 * of libshale have them: "label=a", "label=b=c", NULL-terminated, in the arena. Absent or empty:
 * no filter. INVALID: it is neither. */
int api_query_filters(struct api_req *q, const char *const **ret, struct shale_err *e);
/* A time as docker's clients send it: seconds with an optional fraction ("1700000000.123"), RFC
 * 3339, a duration back from now; `absent` where there is none. */
int api_query_time(const struct api_req *q, const char *name, int64_t absent, int64_t *ret_ns,
                   struct shale_err *e);
/* "platform": text (linux/arm64/v8) or a JSON object; as text in the arena, NULL where there is
 * none. */
int api_query_platform(struct api_req *q, const char *name, const char **ret, struct shale_err *e);

/* A header of the request, NULL if absent. Borrowed, as long as the request lives. */
const char *api_header(const struct api_req *q, const char *name);
/* The JSON of a header in base64 (X-Registry-Auth, X-Registry-Config), a new reference. *ret is
 * NULL where the header is absent or empty. */
int api_header_json(struct api_req *q, const char *name, json_t **ret, struct shale_err *e);

/* ---- the body ---- */
/* A member, found as Go finds it: by its name, else by it in another case. NULL: absent or null. */
json_t *api_member(const json_t *obj, const char *name);
/* Binds members to a struct by a table, as json_bind (base/json.h), with Go's rule for names and
 * docker's words for a wrong type. obj NULL: nothing is set; INVALID where it is no
 * object. */
int api_bind(struct api_req *q, const json_t *obj, const struct json_field *fields, size_t n,
             void *out, struct shale_err *e);
/* API_BODY_RAW: the next piece, up to n bytes; 0 at the end; negative: it was broken off, or the
 * client was silent for too long. Blocks. */
ssize_t api_body_read(struct api_req *q, void *p, size_t n, struct shale_err *e);
/* Is there one at all (a length other than 0, or chunks)? */
bool api_body_has(const struct api_req *q);
/* The same as a descriptor to read from, for what takes one: a thread feeds a pipe. It belongs to
 * the request and is closed with it. */
int api_body_fd(struct api_req *q, int *ret, struct shale_err *e);

/* ---- answers ---- */
/* Before the answer begins. */
void api_reply_header(struct api_req *q, const char *name, const char *value);
/* Each returns 0, or -SHALE_NETWORK when the client has gone (nobody need care), NO_MEMORY. */
int api_reply_json(struct api_req *q, int status, json_t *doc); /* takes doc; NULL: no memory */
/* The same with a document that is written already (view/json_put.h). */
int api_reply_text(struct api_req *q, int status, struct buf *doc);
struct kept_answer; /* api/kept.h */
int api_reply_kept(struct api_req *q, const struct kept_answer *k);
int api_reply_empty(struct api_req *q, int status);
int api_reply_bytes(struct api_req *q, int status, const char *content_type, const void *p,
                    size_t n);
/* An error with a status of its own. Returns the negative code to be returned. */
int api_fail(struct api_req *q, int status, struct shale_err *e, const char *fmt, ...)
    ATTR_PRINTF(4, 5);
/* From here on an error of the handler has that status, whatever its code says. */
void api_fail_as(struct api_req *q, int status);

/* An answer whose length is not known: the head goes out at once, each write is sent at once. It
 * blocks while the client is slow, and is -SHALE_NETWORK once it has gone. Ends when the handler
 * returns. */
int api_stream_begin(struct api_req *q, int status, const char *content_type);
int api_stream_write(struct api_req *q, const void *p, size_t n);
/* One JSON value and "\r\n". Takes doc. */
int api_stream_json(struct api_req *q, json_t *doc);
/* The same without waiting for the client: what it does not take at once stays in `late`,
 * and what does not fit there is lost; api_stream_rest waits until all is out. Nothing else is
 * written in between. */
struct buf;
int api_stream_json_late(struct api_req *q, struct buf *late, json_t *doc);
/* As much of `late` as it takes now. */
int api_stream_catch_up(struct api_req *q, struct buf *late);
int api_stream_rest(struct api_req *q, struct buf *late);
bool api_stream_begun(const struct api_req *q);
/* Has the client gone, or is the daemon about to end? */
bool api_gone(const struct api_req *q);

/* Takes the connection over: 101 UPGRADED where the client asked for it, else 200, then bytes in
 * both directions. *ret is a blocking stream socket; shutdown(2) of its write side tells the client
 * the end, reading 0 means that the client has shut down its own. It stays the request's: it is
 * closed when the handler returns. */
int api_hijack(struct api_req *q, const char *content_type, int *ret, struct shale_err *e);
/* The same for WebSocket (RFC 6455): answers the handshake; frames are the caller's
 * (http/websocket.h). INVALID: the request is none; the check alone answers nothing. */
int api_websocket_check(struct api_req *q, struct shale_err *e);
int api_websocket(struct api_req *q, int *ret, struct shale_err *e);

/* ---- progress: docker's lines of JSON (E.2) ---- */
/*
 *   struct api_progress *p;
 *   r = api_progress_begin(q, &p, e);        // answers nothing yet
 *   o.on_progress = api_progress_event, o.arg = p;
 *   r = shale_pull(…);
 *   return api_progress_end(p, r, e);        // an error before the first line is a status
 */
struct api_progress;
int api_progress_begin(struct api_req *q, struct api_progress **ret, struct shale_err *e);
struct shale_progress;
void api_progress_event(void *arg, const struct shale_progress *ev); /* shale_progress_fn */
/* {"status": …} with "id" where it is not NULL; {"stream": …}, verbatim; {"aux": …} (takes aux). */
void api_progress_status(struct api_progress *p, const char *id, const char *fmt, ...)
    ATTR_PRINTF(3, 4);
void api_progress_stream(struct api_progress *p, const char *text, size_t n);
void api_progress_aux(struct api_progress *p, const char *id, json_t *aux);
/* Ends it: r is what the work returned. Where lines were written an error becomes the last one,
 * {"errorDetail": {"code": …, "message": …}, "error": …}, and 0 is returned; else r. */
int api_progress_end(struct api_progress *p, int r, struct shale_err *e);
/* The code of errorDetail: the status of a failed RUN. 0: none (the default). */
void api_progress_code(struct api_progress *p, int code);
