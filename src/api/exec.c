/* SPDX-License-Identifier: Apache-2.0 */
/* Processes beside a container's own. */
#include <shale/exec.h>
#include <string.h>

#include "api/attach.h"
#include "api/bodies.h"
#include "api/life.h"
#include "base/cleanup.h"
#include "base/sys.h"
#include "view/api_containers.h"

struct body {
    struct strv cmd, env;
    const char *user, *workdir, *detach_keys;
    bool tty, in, out, err, privileged, detach;
    const json_t *console_size; /* the terminal gets its size by /resize */
};
#define F(name, kind, field)                                                                       \
    {                                                                                              \
        name, kind, offsetof(struct body, field), 0                                                \
    }
static const struct json_field fields[] = {
    F("Cmd", JB_STRV, cmd),
    F("Env", JB_STRV, env),
    F("User", JB_STR, user),
    F("WorkingDir", JB_STR, workdir),
    F("DetachKeys", JB_STR, detach_keys),
    F("Tty", JB_BOOL, tty),
    F("AttachStdin", JB_BOOL, in),
    F("AttachStdout", JB_BOOL, out),
    F("AttachStderr", JB_BOOL, err),
    F("Privileged", JB_BOOL, privileged),
    F("Detach", JB_BOOL, detach),
    F("ConsoleSize", JB_ARRAY, console_size),
};
#undef F

int body_exec(struct api_req *q, const json_t *body, struct shale_exec_opts *ret,
              struct shale_exec_streams *ret_streams, bool *ret_detach, struct shale_err *e)
{
    struct body b = {.user = "", .workdir = "", .detach_keys = ""};
    int r = api_bind(q, body, fields, ARRAY_SIZE(fields), &b, e);

    *ret_detach = b.detach;
    *ret_streams = (struct shale_exec_streams){b.in, b.out, b.err};
    *ret = (struct shale_exec_opts){
        .size = sizeof *ret,
        .cmd = (const char *const *)b.cmd.v,
        .env = b.env.n ? (const char *const *)b.env.v : NULL,
        .user = b.user,
        .workdir = b.workdir,
        .tty = b.tty,
        .privileged = b.privileged,
        .streams = {.size = sizeof ret->streams,
                    .detach_keys = *b.detach_keys ? b.detach_keys : NULL},
    };
    return r;
}

static int create(struct api_req *q, struct shale_err *e)
{
    struct shale_exec_made *made = NULL;
    struct shale_exec_streams streams;
    struct shale_exec_opts o;
    bool detach;
    int r = body_exec(q, q->body, &o, &streams, &detach, e);

    if (r < 0)
        return r;
    r = shale_exec_create(q->s, q->args[0], &o, &streams, &made, e);
    if (r < 0)
        return r;
    json_t *doc = json_pack("{s:s}", "Id", made->id);
    shale_free(made);
    return api_reply_json(q, 201, doc);
}

/* ---- starting ---- */

struct starting {
    struct api_req *q;
    struct shale_exec_streams streams;
    bool frames;
    int fd;
    struct shale_err *e;
};

static int begin(void *arg, struct shale_attach_opts *o)
{
    struct starting *x = arg;
    int r = api_hijack(x->q, attach_type(x->q, x->frames), &x->fd, x->e);

    if (r < 0)
        return r;
    attach_nonblocking(x->fd);
    o->in = x->streams.in ? x->fd : -1;
    o->out = x->streams.out ? x->fd : -1;
    o->err = x->streams.err ? x->fd : -1;
    return 0;
}

/* After the connection was taken over this is how docker says it. */
static void complain(const struct starting *x, const struct shale_err *e)
{
    char text[8 + sizeof e->msg + 2];
    size_t n = strlen(e->msg) + 2;
    const uint8_t head[8] = {1, 0, 0, 0, 0, 0, (uint8_t)(n >> 8), (uint8_t)n};

    memcpy(text, head, sizeof head);
    (void)snprintf(text + sizeof head, sizeof text - sizeof head, "%s\r\n", e->msg);
    if (x->frames)
        (void)sys_write_all(x->fd, text, sizeof head + n);
    else
        (void)sys_write_all(x->fd, text + sizeof head, n);
}

static int find(struct starting *x, struct shale_err *e)
{
    struct shale_exec_info *info = NULL;
    int r = shale_exec_inspect(x->q->s, x->q->args[0], &info, e);

    if (r >= 0) {
        x->streams = info->streams;
        x->frames = !info->tty;
    }
    shale_free(info);
    return r;
}

static int start(struct api_req *q, struct shale_err *e)
{
    struct starting x = {.q = q, .fd = -1, .e = e};
    struct shale_exec_start_opts o = {.size = sizeof o};
    struct shale_exec_streams streams;
    struct shale_exec_opts made; /* what it runs was said before */
    int status, r = body_exec(q, q->body, &made, &streams, &o.detach, e);

    if (r >= 0)
        r = find(&x, e);
    if (r < 0)
        return r;
    o.streams = (struct shale_attach_opts){.size = sizeof o.streams,
                                           .in = -1,
                                           .out = -1,
                                           .err = -1,
                                           .hangup = !o.detach,
                                           .frames = x.frames,
                                           .on_ready = o.detach ? NULL : begin,
                                           .arg = &x};
    r = shale_exec_start(q->s, q->args[0], &o, &status, e);
    if (r < 0 && x.fd >= 0) {
        complain(&x, e);
        return 0;
    }
    if (r == -SHALE_DENIED || r == -SHALE_NOT_FOUND) /* its command: itself it was found */
        api_fail_as(q, 400);
    return r;
}

static int inspect(struct api_req *q, struct shale_err *e)
{
    struct shale_exec_info *info = NULL;
    json_t *doc = NULL;
    int r = shale_exec_inspect(q->s, q->args[0], &info, e);

    if (r >= 0)
        r = view_api_exec(info, &doc, e);
    shale_free(info);
    return r < 0 ? r : api_reply_json(q, 200, doc);
}

static int resize(struct api_req *q, struct shale_err *e)
{
    uint16_t rows, columns;
    int r = life_size(q, &rows, &columns, e);

    return r < 0 ? r : shale_exec_resize(q->s, q->args[0], rows, columns, e);
}

const struct api_route api_routes_exec[] = {
    {"POST", "/containers/{}/exec", 0, API_BODY_JSON_MUST, create},
    {"POST", "/exec/{}/start", 0, API_BODY_JSON, start},
    {"GET", "/exec/{}/json", 0, API_BODY_NONE, inspect},
    {"POST", "/exec/{}/resize", 0, API_BODY_NONE, resize},
    {0},
};
