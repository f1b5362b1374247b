/* SPDX-License-Identifier: Apache-2.0 */
/* A repository of a registry as a struct source (distribution-spec 1.1, "Pull" and "Content
 * Discovery"). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/limits.h"
#include "model/manifest.h"
#include "model/media.h"
#include "remote/remote_priv.h"

#define TAGS_PER_PAGE 1000
/* Less than this in one exchange is no progress that would renew the budget of retries: a peer
 * cannot keep us for good with a byte now and then. */
#define PROGRESS_BYTES (64u << 10)

static bool is_digest(const char *name)
{
    return strchr(name, ':') != NULL; /* no tag has a colon */
}

static char *shown_name(const struct remote_source *s, const char *name, struct arena *a)
{
    return arena_printf(a, "%s%c%s", s->repo.familiar, is_digest(name) ? '@' : ':', name);
}

/* ---- manifests ---- */

static int manifest_call(struct remote_source *s, const char *method, const char *name,
                         struct buf *b, struct arena *a, struct http_response *p, struct cancel *c,
                         struct shale_err *e)
{
    struct call call = {.method = method,
                        .accept = media_accept_manifests(),
                        .scope = s->repo.scope,
                        .cancel = c,
                        .collect = b,
                        .what = "manifest",
                        .repo = s->repo.familiar};
    char *path = arena_printf(a, "%s/manifests/%s", s->repo.path, name);

    call.path = path;
    call.name = shown_name(s, name, a);
    if (!path || !call.name)
        return err_nomem(e);
    return call_run(s->repo.c, s->repo.h, &call, a, p, NULL, e);
}

/* Content-Type without parameters; "" when there is none. */
static const char *type_of(const struct http_response *p, struct arena *a)
{
    const char *v = http_header_get(p, "Content-Type");
    struct str t = v ? str_trim((struct str){v, strcspn(v, ";")}) : STR("");

    return arena_strndup(a, t.p, t.n);
}

/* The digest that bytes of `name` must have: its own, or what the registry says it is; "" if
 * neither. */
static int expected_digest(const char *name, const struct http_response *p, struct digest *ret,
                           struct shale_err *e)
{
    const char *said = http_header_get(p, "Docker-Content-Digest");

    *ret = (struct digest){""};
    if (is_digest(name))
        return digest_parse(name, ret, e);
    if (said &&
        digest_parse(said, ret, NULL) < 0) /* a registry that talks nonsense: the bytes will tell */
        *ret = (struct digest){""};
    return 0;
}

static int refuse_schema1(struct buf *b, struct arena *a, struct shale_err *e)
{
    struct manifest m;
    int r = manifest_parse(buf_str(b), b->n, NULL, a, &m, e);

    return r == -SHALE_UNSUPPORTED
               ? r
               : err_set(e, SHALE_UNSUPPORTED, "schema 1 manifests are not supported");
}

/* A login page, or a web server that knows nothing of registries. */
static int no_registry(const struct remote_source *s, const struct http_response *p,
                       struct arena *a, struct shale_err *e)
{
    const char *type = type_of(p, a);
    char shown[100];

    return err_set(
        e, SHALE_UNSUPPORTED, "unsupported media type %s: %s does not answer as a registry does",
        str_printable(shown, sizeof shown, type && *type ? type : "text/html"), s->repo.h->domain);
}

static int src_manifest(struct source *src, const char *name, struct buf *b, struct arena *a,
                        struct descriptor *ret, struct cancel *c, struct shale_err *e)
{
    struct remote_source *s = remote_source_of(src);
    struct http_response p;
    struct digest want, got;
    int r = manifest_call(s, "GET", name, b, a, &p, c, e);

    if (r == -SHALE_LIMIT && b->failed)
        return err_set(e, SHALE_LIMIT, "manifest of %s:%s is larger than %llu bytes",
                       s->repo.familiar, name, LIMIT_MANIFEST_BYTES);
    if (r >= 0 && media_find(http_header_get(&p, "Content-Type"))->kind == MEDIA_SCHEMA1)
        return refuse_schema1(b, a, e); /* its digest is not that of the bytes */
    if (r >= 0 && str_has_prefix(buf_str(b), "<"))
        return no_registry(s, &p, a, e);
    if (r >= 0)
        r = expected_digest(name, &p, &want, e);
    if (r >= 0)
        r = digest_of_bytes(digest_is_set(&want) ? digest_alg(&want) : HASH_SHA256, buf_str(b),
                            b->n, &got, e);
    if (r < 0)
        return r;
    if (digest_is_set(&want) && !digest_eq(&want, &got))
        return err_set(e, SHALE_CORRUPT, "manifest verification failed for digest %s", want.s);
    *ret = (struct descriptor){.media_type = type_of(&p, a), .digest = got, .size_bytes = b->n};
    return ret->media_type ? 0 : err_nomem(e);
}

static int resolve_by_get(struct source *src, const char *name, struct arena *a,
                          struct descriptor *ret, struct cancel *c, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES);

    return src_manifest(src, name, &b, a, ret, c, e);
}

static int src_resolve(struct source *src, const char *name, struct arena *a,
                       struct descriptor *ret, struct cancel *c, struct shale_err *e)
{
    struct http_response p;
    struct digest d;
    struct shale_err why = SHALE_ERR_INIT;
    uint64_t size = 0;
    int r = manifest_call(remote_source_of(src), "HEAD", name, NULL, a, &p, c, &why);

    /* The answer to HEAD has no words: GET says what is wrong, and serves where HEAD is not served.
     */
    if (r == -SHALE_NOT_FOUND || r == -SHALE_UNSUPPORTED || r == -SHALE_INVALID)
        return resolve_by_get(src, name, a, ret, c, e);
    if (r >= 0)
        r = expected_digest(name, &p, &d, &why);
    if (r < 0 && e)
        *e = why;
    if (r < 0)
        return r;
    if (!digest_is_set(&d))
        return resolve_by_get(src, name, a, ret, c, e);
    const char *length = http_header_get(&p, "Content-Length");
    if (length && !str_to_u64(length, &size))
        size = 0;
    *ret = (struct descriptor){.media_type = type_of(&p, a), .digest = d, .size_bytes = size};
    return ret->media_type ? 0 : err_nomem(e);
}

/* ---- blobs ---- */

struct stream {
    const struct source *source;
    const struct descriptor *d;
    uint64_t at;   /* next byte that the caller is to get */
    uint64_t skip; /* bytes to drop: the peer began again from the start */
    bool started;  /* the caller knows where we start */
    bool whole;    /* ranges do not work there: ask for all of it */
    bool strange;  /* it answered with another range */
    bool progress; /* since the last attempt */
    uint64_t mark; /* where the retries were last new */
    int (*start)(void *arg, uint64_t offset, struct shale_err *e);
    source_data_fn data;
    void *arg;
};

static int on_head(void *arg, const struct http_response *p, struct shale_err *e)
{
    struct stream *t = arg;
    uint64_t first = 0, last, total = UINT64_MAX;
    const char *range = http_header_get(p, "Content-Range"),
               *length = http_header_get(p, "Content-Length");

    if (p->status == 206) {
        t->strange =
            !range || !http_parse_content_range(range, &first, &last, &total) || first != t->at;
        if (t->strange)
            return err_set(e, SHALE_NETWORK,
                           "the registry answered with another range than was asked for");
        if (total != UINT64_MAX && t->d->size_bytes && total != t->d->size_bytes)
            return err_set(e, SHALE_CORRUPT,
                           "blob %s has %" PRIu64 " bytes, its descriptor says %" PRIu64,
                           t->d->digest.s, total, t->d->size_bytes);
    }
    if (p->status == 200 && (!length || !str_to_u64(length, &total)))
        total = UINT64_MAX;
    if (total != UINT64_MAX && t->source->on_size) {
        int r = t->source->on_size(t->source->size_arg, t->d, total, e);
        if (r < 0)
            return r;
    }
    t->skip = 0;
    if (t->started) {
        t->skip = p->status == 206 ? 0 : t->at;
        return 0;
    }
    if (p->status != 206)
        t->at = t->mark = 0;
    t->started = true;
    return t->start(t->arg, t->at, e);
}

static int on_data(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct stream *t = arg;
    const char *q = p;

    if (t->skip > 0) {
        size_t k = t->skip < n ? (size_t)t->skip : n;
        t->skip -= k;
        q += k;
        n -= k;
    }
    if (n == 0)
        return 0;
    int r = t->data(t->arg, q, n, e);
    if (r < 0)
        return r;
    t->at += n;
    t->progress = true;
    return 0;
}

struct pause { /* of a blob's retries, for the source's owner */
    const struct source *source;
    const struct descriptor *d;
};

static void on_pause(void *arg, int64_t ns)
{
    const struct pause *p = arg;

    if (p->source->on_retry)
        p->source->on_retry(p->source->retry_arg, p->d, ns);
}

/* The whole blob from one place, over as many exchanges as it takes. */
static int stream_from(struct remote_source *s, struct stream *t, const char *path, const char *url,
                       struct cancel *c, struct shale_err *e)
{
    struct pause pause = {&s->source, t->d};
    struct attempts fresh = attempts_for(s->repo.c, s->repo.h), attempts;
    char range[64];

    fresh.on_pause = on_pause;
    fresh.arg = &pause;
    attempts = fresh;
    for (;;) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(4u << 20);
        struct call call = {.method = "GET",
                            .path = path,
                            .url = url,
                            .scope = s->repo.scope,
                            .cancel = c,
                            .attempts = &attempts,
                            .on_head = on_head,
                            .on_body = on_data,
                            .arg = t,
                            .what = "blob",
                            .name = s->repo.familiar,
                            .repo = s->repo.familiar};
        struct http_response p = {0};
        bool broken;
        snprintf(range, sizeof range, "bytes=%" PRIu64 "-", t->at);
        call.range = t->at > 0 && !t->whole ? range : NULL;
        t->progress = false;
        int r = call_run(s->repo.c, s->repo.h, &call, &a, &p, &broken, e);
        if (r >= 0 && (t->d->size_bytes == 0 || t->at >= t->d->size_bytes || !t->progress))
            return 0;
        if (call.range && ((r == -SHALE_CORRUPT && p.status == 416) || (r < 0 && t->strange))) {
            t->strange = false;
            t->whole = true;
            continue;
        }
        if (r < 0 && !broken)
            return r;
        /* It broke off, or ended too early without saying so. */
        if (t->at - t->mark >= PROGRESS_BYTES) {
            attempts = fresh;
            t->mark = t->at;
        }
        int w = attempts_wait(s->repo.c, &attempts, 0, c, e);
        if (w < 0)
            return w == -SHALE_CANCELED || r < 0
                       ? (w == -SHALE_CANCELED ? w : r)
                       : err_set(e, SHALE_NETWORK, "the registry ends blob %s early",
                                 t->d->digest.s);
    }
}

/* Layers that the registry does not hold may lie elsewhere (image-spec descriptor.md, "urls"). */
static int stream_from_urls(struct remote_source *s, struct stream *t, struct cancel *c,
                            struct shale_err *e)
{
    int r = -SHALE_NOT_FOUND;

    for (size_t i = 0; i < t->d->urls.n; i++) {
        const char *url = t->d->urls.v[i];
        if (!str_has_prefix(url, "https://") && !str_has_prefix(url, "http://"))
            continue;
        r = stream_from(s, t, NULL, url, c, e);
        if (r >= 0 || r == -SHALE_CANCELED || t->progress)
            return r;
    }
    return r;
}

static int src_blob(struct source *src, const struct descriptor *d, uint64_t offset,
                    int (*start)(void *arg, uint64_t offset, struct shale_err *e),
                    source_data_fn data, void *arg, struct cancel *c, struct shale_err *e)
{
    struct remote_source *s = remote_source_of(src);
    struct stream t = {
        .source = src, .d = d, .at = offset, .start = start, .data = data, .arg = arg};
    struct shale_err why = SHALE_ERR_INIT;
    char path[LIMIT_REF_BYTES + DIGEST_MAX + 16];

    if (snprintf(path, sizeof path, "%s/blobs/%s", s->repo.path, d->digest.s) >= (int)sizeof path)
        return err_set(e, SHALE_LIMIT, "repository name too long");
    if (offset > 0 && offset == d->size_bytes) /* all is there: a range would be refused */
        return start(arg, offset, e);
    t.mark = offset;
    int r = stream_from(s, &t, path, NULL, c, &why);
    if (r == -SHALE_NOT_FOUND && d->urls.n > 0)
        r = stream_from_urls(s, &t, c, &why);
    if (r < 0 && e)
        *e = why;
    return r;
}

/* ---- tags ---- */

struct tag_list {
    struct arena *a;
    char **v;
    size_t n, cap;
};

static int add_page(struct tag_list *l, const struct buf *b, struct shale_err *e)
{
    struct strv page = {0};
    static const struct json_field fields[] = {{"tags", JB_STRV, 0, 0}};
    _cleanup_json_ json_t *j = NULL;
    int r = json_parse(b->p ? b->p : "", b->n, LIMIT_HTTP_BODY_BYTES, &j, e);

    if (r >= 0)
        r = json_bind(j, fields, ARRAY_SIZE(fields), &page, l->a, e);
    if (r < 0)
        return err_wrap(e, r, "list of tags");
    for (size_t i = 0; i < page.n; i++) {
        char **v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof *v);
        if (!v)
            return err_nomem(e);
        l->v = v;
        if (l->n >= LIMIT_TAGS)
            return err_set(e, SHALE_LIMIT, "repository with more than %d tags", LIMIT_TAGS);
        v[l->n++] = page.v[i];
    }
    return 0;
}

/* Only the path of a link counts: proxies get scheme and host wrong, and we ask nobody else. */
int source_next_page(const struct http_response *p, struct arena *a, const char **ret,
                     struct shale_err *e)
{
    const char *link = http_header_get(p, "Link"), *url;
    char *next = link ? http_parse_link_next(link, a) : NULL;
    bool same;

    *ret = NULL;
    if (!next)
        return 0;
    int r = http_resolve(p->url, next, a, &url, &same, e);
    if (r < 0)
        return err_wrap(e, r, "the link to the next page");
    const char *path = strstr(url, "://");
    path = path ? strchr(path + 3, '/') : NULL;
    if (!path || !str_has_prefix(path, "/v2/"))
        return err_set(e, SHALE_INVALID, "a list goes on at a strange place: %.200s", url);
    *ret = path + strlen("/v2/");
    return 0;
}

static int src_tags(struct source *src, struct arena *a, struct strv *ret, struct cancel *c,
                    struct shale_err *e)
{
    struct remote_source *s = remote_source_of(src);
    struct tag_list l = {.a = a};
    const char *path = arena_printf(a, "%s/tags/list?n=%d", s->repo.path, TAGS_PER_PAGE);
    size_t n_pages = 0;

    if (!path)
        return err_nomem(e);
    while (path) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_HTTP_BODY_BYTES);
        struct call call = {.method = "GET",
                            .path = path,
                            .scope = s->repo.scope,
                            .cancel = c,
                            .collect = &b,
                            .what = "list of tags",
                            .name = s->repo.familiar,
                            .repo = s->repo.familiar};
        struct http_response p;
        size_t before = l.n;
        int r = call_run(s->repo.c, s->repo.h, &call, a, &p, NULL, e);
        if (r >= 0)
            r = add_page(&l, &b, e);
        if (r >= 0)
            r = source_next_page(&p, a, &path, e);
        if (r < 0)
            return r;
        if (path && (l.n == before || ++n_pages > LIMIT_TAGS))
            return err_set(e, SHALE_LIMIT, "%s: the list of tags does not end", s->repo.familiar);
    }
    *ret = (struct strv){l.v, l.n, true};
    return 0;
}

/* ---- life ---- */

static struct source *src_close(struct source *src)
{
    struct remote_source *s = remote_source_of(src);

    if (!src)
        return NULL;
    repo_clear(&s->repo);
    free(s);
    return NULL;
}

static const struct source_ops ops = {
    .resolve = src_resolve,
    .manifest = src_manifest,
    .blob = src_blob,
    .tags = src_tags,
    .close = src_close,
};

static int open_at(struct remote_client *c, const struct ref *r, const char *mirror,
                   struct source **ret, struct shale_err *e)
{
    struct remote_source *s = mem_alloc(sizeof *s);

    if (!s)
        return err_nomem(e);
    s->source.ops = &ops;
    int k = mirror ? repo_open_at(&s->repo, c, r, mirror, e) : repo_open(&s->repo, c, r, "pull", e);
    if (k < 0) {
        src_close(&s->source);
        return k;
    }
    *ret = &s->source;
    return 0;
}

int remote_source_open(struct remote_client *c, const struct ref *r, struct source **ret,
                       struct shale_err *e)
{
    return open_at(c, r, NULL, ret, e);
}

int remote_mirror_open(struct remote_client *c, size_t i, const struct ref *r, struct source **ret,
                       struct shale_err *e)
{
    return open_at(c, r, c->o.mirrors[i], ret, e);
}
