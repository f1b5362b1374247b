/* SPDX-License-Identifier: Apache-2.0 */
/* Files of containers as tars. */
#include <shale/cp.h>
#include <shale/flat.h>

#include "api/api.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "view/api_containers.h"

#define STAT_HEADER "X-Docker-Container-Path-Stat"
#define STAT_BYTES  (64u << 10)

static int need_path(const struct api_req *q, const char **ret, struct shale_err *e)
{
    *ret = api_query(q, "path");
    return *ret && **ret ? 0 : err_set(e, SHALE_INVALID, "bad parameter: 'path' cannot be empty");
}

static int add_stat(struct api_req *q, const char *path, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(STAT_BYTES);
    _cleanup_json_ json_t *doc = NULL;
    struct shale_cp_stat *st = NULL;
    int r = shale_cp_stat(q->s, q->args[0], path, &st, e);

    if (r >= 0)
        r = view_api_path_stat(st, &doc, e);
    shale_free(st);
    if (r < 0)
        return r;
    _cleanup_free_ char *text = json_text(doc);
    if (!text)
        return err_nomem(e);
    base64_add(0, text, strlen(text), &b);
    r = buf_check(&b, e);
    if (r >= 0)
        api_reply_header(q, STAT_HEADER, b.p);
    return r;
}

/* The answer begins with the first byte: what is wrong before has a status of its own. */
struct sending {
    struct api_req *q;
    const char *type;
};

static int send(void *arg, const void *p, size_t n)
{
    struct sending *s = arg;

    if (!api_stream_begun(s->q)) {
        int r = api_stream_begin(s->q, 200, s->type);
        if (r < 0)
            return r;
    }
    return api_stream_write(s->q, p, n);
}

static int archive_head(struct api_req *q, struct shale_err *e)
{
    const char *path;
    int r = need_path(q, &path, e);

    if (r >= 0)
        r = add_stat(q, path, e);
    return r < 0 ? r : api_reply_empty(q, 200);
}

static int archive_get(struct api_req *q, struct shale_err *e)
{
    struct sending s = {q, "application/x-tar"};
    const struct shale_cp_opts o = {.size = sizeof o, .write = send, .arg = &s};
    struct shale_cp_result *res = NULL;
    const char *path;
    int r = need_path(q, &path, e);

    if (r >= 0)
        r = add_stat(q, path, e);
    if (r < 0)
        return r;
    r = shale_cp_out(q->s, arena_printf(q->arena, "%s:%s", q->args[0], path), NULL, &o, &res, e);
    shale_free(res);
    return r;
}

struct reading {
    struct api_req *q;
    struct shale_err *e;
};

static int64_t read_body(void *arg, void *p, size_t n)
{
    const struct reading *r = arg;

    return api_body_read(r->q, p, n, r->e);
}

static int archive_put(struct api_req *q, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct reading from = {q, &why};
    const struct shale_cp_opts o = {.size = sizeof o,
                                    .read = read_body,
                                    .arg = &from,
                                    .replace_any = !api_query_bool(q, "noOverwriteDirNonDir"),
                                    .to_user = api_query_bool(q, "copyUIDGID")};
    struct shale_cp_result *res = NULL;
    const char *path;
    int r = need_path(q, &path, e);

    if (r < 0)
        return r;
    r = shale_cp_in(q->s, NULL, arena_printf(q->arena, "%s:%s", q->args[0], path), &o, &res, e);
    shale_free(res);
    return r;
}

static int export_tar(struct api_req *q, struct shale_err *e)
{
    struct sending s = {q, "application/octet-stream"};
    const struct shale_export_opts o = {.size = sizeof o, .write = send, .arg = &s};

    return shale_export(q->s, q->args[0], &o, e);
}

const struct api_route api_routes_files[] = {
    {"HEAD", "/containers/{}/archive", 0, API_BODY_NONE, archive_head},
    {"GET", "/containers/{}/archive", 0, API_BODY_NONE | API_LONG, archive_get},
    {"PUT", "/containers/{}/archive", 0, API_BODY_RAW | API_LONG, archive_put},
    {"GET", "/containers/{}/export", 0, API_BODY_NONE | API_LONG, export_tar},
    {0},
};
