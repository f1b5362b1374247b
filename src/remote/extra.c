/* SPDX-License-Identifier: Apache-2.0 */
/* What a repository can be asked beyond what every source can (distribution-spec 1.1, end-2 as
 * HEAD, end-9 and end-12). */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/limits.h"
#include "model/media.h"
#include "remote/remote_priv.h"

#define MAX_PAGES     1000
#define MAX_REFERRERS 20000

int remote_source_stat(struct source *src, const struct digest *d, uint64_t *ret_size,
                       struct cancel *c, struct shale_err *e)
{
    struct remote_source *s = remote_source_of(src);
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4u << 20);
    struct call call = {.method = "HEAD",
                        .scope = s->repo.scope,
                        .cancel = c,
                        .what = "blob",
                        .name = s->repo.familiar,
                        .repo = s->repo.familiar};
    struct http_response p;
    uint64_t size = 0;

    call.path = arena_printf(&a, "%s/blobs/%s", s->repo.path, d->s);
    if (!call.path)
        return err_nomem(e);
    int r = call_run(s->repo.c, s->repo.h, &call, &a, &p, NULL, e);
    if (r < 0)
        return r;
    const char *length = http_header_get(&p, "Content-Length");
    if (!length || !str_to_u64(length, &size))
        size = 0;
    *ret_size = size;
    return 0;
}

int remote_source_delete(struct source *src, const char *name, struct cancel *c,
                         struct shale_err *e)
{
    struct remote_source *s = remote_source_of(src);
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4u << 20);
    struct call call = {.method = "DELETE",
                        .cancel = c,
                        .is_push = true,
                        .what = "manifest",
                        .repo = s->repo.familiar};
    struct http_response p;

    /* Who hands out tokens may call it any of these. */
    call.scope = arena_printf(&a, "repository:%s:pull,push,delete", s->repo.path);
    call.path = arena_printf(&a, "%s/manifests/%s", s->repo.path, name);
    call.name = arena_printf(&a, "%s%c%s", s->repo.familiar, strchr(name, ':') ? '@' : ':', name);
    if (!call.scope || !call.path || !call.name)
        return err_nomem(e);
    int r = call_run(s->repo.c, s->repo.h, &call, &a, &p, NULL, e);
    return r < 0 ? r : 0;
}

/* ---- referrers ---- */

static int add_page(json_t *all, const struct buf *b, struct shale_err *e)
{
    _cleanup_json_ json_t *j = NULL;
    int r = json_parse(b->p ? b->p : "", b->n, LIMIT_HTTP_BODY_BYTES, &j, e);

    if (r < 0)
        return err_wrap(e, r, "list of referrers");
    json_t *page = json_object_get(j, "manifests");
    if (!json_is_array(page) || json_array_size(all) + json_array_size(page) > MAX_REFERRERS)
        return err_set(e, SHALE_LIMIT, "the list of referrers is none, or too long");
    return json_array_extend(all, page) == 0 ? 0 : err_nomem(e);
}

static int write_index(json_t *all, struct buf *b, struct shale_err *e)
{
    _cleanup_json_ json_t *index = json_pack("{s:i,s:s,s:O}", "schemaVersion", 2, "mediaType",
                                             MEDIA_OCI_INDEX, "manifests", all);
    _cleanup_free_ char *text = index ? json_text(index) : NULL;

    if (!text)
        return err_nomem(e);
    buf_adds(b, text);
    return buf_check(b, e);
}

int remote_source_referrers(struct source *src, const struct digest *subject, struct buf *b,
                            struct cancel *c, struct shale_err *e)
{
    struct remote_source *s = remote_source_of(src);
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(64u << 20);
    _cleanup_json_ json_t *all = json_array();
    const char *path = arena_printf(&a, "%s/referrers/%s", s->repo.path, subject->s);

    if (!all || !path)
        return err_nomem(e);
    for (size_t i = 0; path; i++) {
        _cleanup_(buf_clear) struct buf page = BUF_INIT(LIMIT_HTTP_BODY_BYTES);
        struct call call = {.method = "GET",
                            .accept = MEDIA_OCI_INDEX,
                            .path = path,
                            .scope = s->repo.scope,
                            .cancel = c,
                            .collect = &page,
                            .what = "list of referrers",
                            .name = s->repo.familiar,
                            .repo = s->repo.familiar};
        struct http_response p;
        if (i == MAX_PAGES)
            return err_set(e, SHALE_LIMIT, "%s: the list of referrers does not end",
                           s->repo.familiar);
        int r = call_run(s->repo.c, s->repo.h, &call, &a, &p, NULL, e);
        if (r >= 0)
            r = add_page(all, &page, e);
        if (r >= 0)
            r = source_next_page(&p, &a, &path, e);
        if (r < 0)
            return r;
    }
    return write_index(all, b, e);
}
