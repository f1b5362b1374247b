/* SPDX-License-Identifier: Apache-2.0 */
/* A build for several platforms: one after the other, then a list of what came out of it. */
#include "base/str.h"
#include "build/build_priv.h"
#include "build/cache/cache_remote.h"

#define MANY_MAX 64

struct many {
    struct build *v;
    struct shale_build_opts *opts;
    size_t n;
};

/* Each once, in the order in which they were given. */
static int take_platforms(struct many *m, const char *list, struct arena *a, struct shale_err *e)
{
    for (struct str rest = {list, strlen(list)}, word; str_split(&rest, ',', &word);) {
        const char *text = arena_strndup(a, str_trim(word).p, str_trim(word).n);
        struct platform p;
        bool seen = false;
        if (text && !*text)
            return err_set(e, SHALE_INVALID, "--platform \"%.128s\": a name is missing", list);
        int r = text ? platform_parse(text, a, &p, e) : err_nomem(e);
        if (r < 0)
            return err_wrap(e, r, "--platform");
        p = platform_normalize(p, a);
        const char *name = platform_format_all(&p, a);
        for (size_t i = 0; name && i < m->n && !seen; i++)
            seen = streq(m->opts[i].platform, name);
        if (seen)
            continue;
        if (m->n == MANY_MAX)
            return err_set(e, SHALE_LIMIT, "--platform: more than %d", MANY_MAX);
        if (!name)
            return err_nomem(e);
        m->opts[m->n++].platform = name;
    }
    return 0;
}

/* Files of each go into a folder of their own: out/linux_arm64. */
static int folder_of(struct shale_build_opts *o, const char *files_to, struct arena *a,
                     struct shale_err *e)
{
    char *name = arena_strdup(a, o->platform);

    for (char *p = name; p && *p; p++)
        if (*p == '/')
            *p = '_';
    o->files_to = name ? arena_printf(a, "%s/%s", files_to, name) : NULL;
    return o->files_to ? 0 : err_nomem(e);
}

static int begin(struct many *m, struct build_host *h, const struct shale_build_opts *o,
                 struct arena *a, struct shale_err *e)
{
    m->opts = arena_array(a, MANY_MAX, sizeof *m->opts);
    int r = m->opts ? take_platforms(m, o->platform, a, e) : err_nomem(e);
    if (r < 0)
        return r;
    m->v = arena_array(a, m->n, sizeof *m->v);
    if (!m->v)
        return err_nomem(e);
    for (size_t i = 0; i < m->n; i++) {
        const char *platform = m->opts[i].platform;
        m->opts[i] = *o;
        m->opts[i].platform = platform;
        if (o->files_to && m->n > 1)
            r = folder_of(&m->opts[i], o->files_to, a, e);
        if (r < 0) {
            m->n = i;
            return r;
        }
        build_init(&m->v[i], h, &m->opts[i], a);
        m->v[i].of_many = m->n > 1;
        m->v[i].lender = i ? &m->v[0] : NULL;
    }
    return r;
}

static int build_all(struct many *m, struct shale_built *ret, struct shale_err *e)
{
    uint64_t n_steps = 0, n_cached = 0;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < m->n; i++) {
        m->v[i].n_events = i ? m->v[i - 1].n_events : 0;
        r = build_do(&m->v[i], ret, e);
        n_steps += m->v[i].n_steps;
        n_cached += m->v[i].n_cached;
    }
    ret->n_steps = n_steps;
    ret->n_cached = n_cached;
    return r;
}

int build_many(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
               struct shale_built *ret, struct shale_err *e)
{
    struct many m = {.n = 0};
    int r;

    if (o->tar_to)
        return err_set(e, SHALE_UNSUPPORTED,
                       "--output: one tar of several platforms is not supported yet: use "
                       "type=local");
    r = begin(&m, h, o, a, e);
    if (r >= 0)
        r = build_all(&m, ret, e);
    if (r >= 0 && m.n > 1) {
        m.v[0].n_events = m.v[m.n - 1].n_events;
        r = cache_remote_export(&m.v[0], e);
        m.v[m.n - 1].n_events = m.v[0].n_events;
    }
    if (r >= 0 && m.n > 1 && (!o->files_to || o->also_image))
        r = build_finish_list(m.v, m.n, ret, e);
    for (size_t i = m.n; i > 0 && m.v; i--)
        build_clear(&m.v[i - 1]);
    return r < 0 ? r : 0;
}
