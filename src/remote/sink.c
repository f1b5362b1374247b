/* SPDX-License-Identifier: Apache-2.0 */
/* A repository of a registry as a struct sink (distribution-spec 1.1, "Push"). */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "remote/upload.h"
#include "remote/upload_note.h"

#define ARENA_BYTES (4u << 20)
#define MAX_MOUNTS  3 /* repositories that a blob is looked for in */

struct remote_sink {
    struct sink sink;
    struct remote_repo repo;
    struct remote_sink_opts o;
    int notes_fd; /* of uploads that have not ended; -1: none */
};

static struct remote_sink *self(struct sink *s)
{
    return (struct remote_sink *)s;
}

static bool is_manifest(const struct descriptor *d)
{
    enum media_kind kind = media_find(d->media_type)->kind;

    return kind == MEDIA_MANIFEST || kind == MEDIA_INDEX;
}

/* ---- progress ---- */

struct told { /* of one blob */
    const struct remote_sink *s;
    uint64_t size;
    char id[13];
};

static void tell(const struct told *t, enum shale_progress_kind kind, uint64_t current,
                 const char *text)
{
    struct shale_progress p = {
        .kind = kind, .id = t->id, .text = text, .current = current, .total = t->size};

    if (t->s->o.on_progress)
        t->s->o.on_progress(t->s->o.progress_arg, &p);
}

static void on_progress(void *arg, uint64_t at)
{
    tell(arg, SHALE_PROGRESS_PUSHING, at, NULL);
}

static void on_pause(void *arg, int64_t ns)
{
    tell(arg, SHALE_PROGRESS_RETRY, (uint64_t)((ns + NS_PER_S - 1) / NS_PER_S), NULL);
}

static struct upload upload_of(struct remote_sink *s, const struct descriptor *d, struct cancel *c)
{
    return (struct upload){.repo = &s->repo, .d = d, .cancel = c, .notes_fd = s->notes_fd};
}

/* ---- manifests ---- */

static int manifest_call(struct remote_sink *s, const char *method, const char *name,
                         const struct descriptor *d, const void *p, size_t n, struct cancel *c,
                         struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct http_response answer;
    struct call call = {.method = method,
                        .accept = p ? NULL : media_accept_manifests(),
                        .scope = s->repo.scope,
                        .cancel = c,
                        .content_type = p ? d->media_type : NULL,
                        .body = p,
                        .body_n = n,
                        .is_push = true,
                        .what = "manifest",
                        .repo = s->repo.familiar};

    call.path = arena_printf(&a, "%s/manifests/%s", s->repo.path, name);
    call.name = arena_printf(&a, "%s%c%s", s->repo.familiar, strchr(name, ':') ? '@' : ':', name);
    if (!call.path || !call.name)
        return err_nomem(e);
    return call_run(s->repo.c, s->repo.h, &call, &a, &answer, NULL, e);
}

static int sink_has(struct sink *sink, const struct descriptor *d, struct shale_err *e)
{
    struct remote_sink *s = self(sink);

    if (!is_manifest(d)) {
        struct upload u = upload_of(s, d, NULL);
        return upload_is_there(&u, e);
    }
    struct shale_err why = SHALE_ERR_INIT;
    int r = manifest_call(s, "HEAD", d->digest.s, d, NULL, 0, NULL, &why);
    if (r == -SHALE_NOT_FOUND)
        return 0;
    if (r < 0 && e)
        *e = why;
    return r < 0 ? r : 1;
}

static int sink_put(struct sink *sink, const struct descriptor *d, const void *p, size_t n,
                    struct cancel *c, struct shale_err *e)
{
    struct remote_sink *s = self(sink);

    if (is_manifest(d))
        return manifest_call(s, "PUT", d->digest.s, d, p, n, c, e);
    struct upload u = upload_of(s, d, c);
    u.bytes = p;
    int r = upload_is_there(&u, e);
    return r != 0 ? (r < 0 ? r : 0) : upload_run(&u, NULL, e);
}

static int sink_tag(struct sink *sink, const char *name, const struct descriptor *d, const void *p,
                    size_t n, struct cancel *c, struct shale_err *e)
{
    return manifest_call(self(sink), "PUT", name, d, p, n, c, e);
}

/* ---- blobs ---- */

/* 1: mounted. 0: not, *session may have been begun. A refusal is no error: the blob can be sent. */
static int mount(struct remote_sink *s, const struct upload *u, const struct told *t,
                 struct arena *a, const char **session, struct shale_err *e)
{
    struct strv from = {0};
    int r = s->o.mount_from ? s->o.mount_from(s->o.mount_arg, &u->d->digest, a, &from, e) : 0;

    *session = NULL;
    for (size_t i = 0; r >= 0 && i < from.n && i < MAX_MOUNTS; i++) {
        struct shale_err why = SHALE_ERR_INIT;
        if (streq(from.v[i], s->repo.path))
            continue;
        const char *scope = arena_printf(a, "%s repository:%s:pull", s->repo.scope, from.v[i]);
        if (!scope)
            return err_nomem(e);
        int k = upload_mount(u, from.v[i], scope, a, session, &why);
        if (k == -SHALE_CANCELED)
            return cancel_check(u->cancel, e);
        if (k == 1) {
            tell(t, SHALE_PROGRESS_MOUNTED, 0, from.v[i]);
            return 1;
        }
    }
    return r < 0 ? r : 0;
}

static int sink_blob(struct sink *sink, const struct descriptor *d, const struct digest *diff_id,
                     struct source *from, struct cancel *c, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    struct remote_sink *s = self(sink);
    struct upload u = upload_of(s, d, c);
    struct told t = {.s = s, .size = d->size_bytes};
    const char *session;

    digest_short(diff_id ? diff_id : &d->digest, t.id);
    u.from = from;
    u.on_progress = on_progress;
    u.on_pause = on_pause;
    u.arg = &t;
    int r = upload_is_there(&u, e);
    if (r == 1)
        tell(&t, SHALE_PROGRESS_LAYER_EXISTS, 0, NULL);
    if (r == 0)
        r = mount(s, &u, &t, &a, &session, e);
    if (r != 0)
        return r < 0 ? r : 0;
    tell(&t, SHALE_PROGRESS_PUSHING, 0, NULL);
    r = upload_run(&u, session, e);
    if (r >= 0)
        tell(&t, SHALE_PROGRESS_PUSHED, d->size_bytes, NULL);
    return r;
}

static int sink_settle(struct sink *sink, struct shale_err *e)
{
    return 0; /* what a registry has acknowledged is there */
}

/* ---- life ---- */

static struct sink *sink_close(struct sink *sink)
{
    struct remote_sink *s = self(sink);

    if (!sink)
        return NULL;
    if (s->notes_fd >= 0)
        close(s->notes_fd);
    repo_clear(&s->repo);
    free(s);
    return NULL;
}

static const struct sink_ops ops = {
    .has = sink_has,
    .put = sink_put,
    .blob = sink_blob,
    .settle = sink_settle,
    .tag = sink_tag,
    .close = sink_close,
};

int remote_sink_open(struct remote_client *c, const struct ref *r, const struct remote_sink_opts *o,
                     struct sink **ret, struct shale_err *e)
{
    struct remote_sink *s = mem_alloc(sizeof *s);

    if (!s)
        return err_nomem(e);
    s->sink.ops = &ops;
    s->o = *o;
    s->notes_fd = upload_notes_open(o->notes_dir);
    int k = repo_open(&s->repo, c, r, "pull,push", e);
    if (k < 0) {
        sink_close(&s->sink);
        return k;
    }
    *ret = &s->sink;
    return 0;
}
