/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A registry of the test's own making (http/peer.h), and a client and source for its repository
 * "team/app". */
#include "../http/peer.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/time.h"
#include "remote/remote.h"

struct world {
    struct server s;
    struct remote_client *c;
    struct source *src;
    struct arena a;
    struct buf b;
    struct descriptor d;
    struct shale_err e;
    char dir[64]; /* config.json, certs/ */
    int n, mode;  /* for the answers of a test */
    const char *text;
};

static inline bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* The server; `mode` is for the answer function, which finds the world in p->server->arg. */
static inline struct world *world_new(bool (*answer)(struct peer *p, const struct asked *q),
                                      int mode, bool tls)
{
    struct world *w = calloc(1, sizeof *w);

    assert_non_null(w);
    w->mode = mode;
    w->s.tls = tls;
    arena_init(&w->a, 64u << 20);
    buf_init(&w->b, 4u << 20);
    snprintf(w->dir, sizeof w->dir, "/tmp/test-remote-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    server_start(&w->s, answer, w);
    return w;
}

static inline void world_file(struct world *w, const char *name, mode_t mode, const char *text)
{
    char *path = arena_printf(&w->a, "%s/%s", w->dir, name), *slash = strrchr(path, '/');

    *slash = 0;
    assert_int_equal(fs_mkdir_p(AT_FDCWD, path, 0755, NULL), 0);
    *slash = '/';
    assert_int_equal(fs_write_atomic(AT_FDCWD, path, text, strlen(text), mode, false, NULL), 0);
}

static inline struct remote_opts world_opts(struct world *w)
{
    struct remote_opts o = REMOTE_OPTS_INIT;

    o.config_dir = w->dir;
    o.certs_dir = arena_printf(&w->a, "%s/certs", w->dir);
    o.n_retries = 3;
    o.retry_delay_ns = NS_PER_MS;
    o.retry_delay_max_ns = 20 * NS_PER_MS;
    o.connect_timeout_ns = 2 * NS_PER_S;
    o.stall_timeout_ns = NS_PER_S;
    return o;
}

static inline void world_open(struct world *w, const struct remote_opts *o)
{
    struct remote_opts own = world_opts(w);
    struct ref ref;
    char *name = arena_printf(&w->a, "%s/team/app", w->s.host);

    if (remote_client_open(o ? o : &own, &w->c, &w->e) < 0 ||
        ref_parse(name, &w->a, &ref, &w->e) < 0 ||
        remote_source_open(w->c, &ref, &w->src, &w->e) < 0)
        fail_msg("%s", w->e.msg);
}

static inline struct world *world_ready(bool (*answer)(struct peer *p, const struct asked *q),
                                        int mode)
{
    struct world *w = world_new(answer, mode, false);

    world_open(w, NULL);
    return w;
}

static inline void world_free(struct world *w)
{
    if (w->src)
        w->src->ops->close(w->src);
    remote_client_close(w->c);
    server_stop(&w->s);
    fs_remove_tree(AT_FDCWD, w->dir, NULL);
    buf_clear(&w->b);
    arena_clear(&w->a);
    free(w);
}

static inline int get_manifest(struct world *w, const char *name)
{
    buf_reset(&w->b);
    w->e = (struct shale_err)SHALE_ERR_INIT;
    int r = w->src->ops->manifest(w->src, name, &w->b, &w->a, &w->d, NULL, &w->e);
    assert_true(r < 0 || w->e.code == 0); /* written on failure only */
    return r;
}

#define assert_ok(w, call)                                                                         \
    do {                                                                                           \
        if ((call) < 0)                                                                            \
            fail_msg("%s", (w)->e.msg);                                                            \
    } while (0)
/* r is -code, and the message has the piece */
#define assert_error(w, r, code, piece)                                                            \
    do {                                                                                           \
        int _r = (r);                                                                              \
        if (_r != -(code) || !strstr((w)->e.msg, piece))                                           \
            fail_msg("%s: %s, not %s with '%s'", err_name(-_r), (w)->e.msg, #code, piece);         \
    } while (0)
