/* SPDX-License-Identifier: Apache-2.0 */
/* A build for several platforms is a build for each, side by side, and a list of what came out. */
#include "base/str.h"
#include "build/build_priv.h"

#define MANY_MAX 64

struct many {
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
const char *build_folder_name(const struct shale_build_opts *o, struct arena *a)
{
    char *name = arena_strdup(a, o->platform);

    for (char *p = name; p && *p; p++)
        if (*p == '/')
            *p = '_';
    return name;
}

static int folders_of(struct shale_build_opts *o, struct arena *a, struct shale_err *e)
{
    const char *name = build_folder_name(o, a);
    size_t n = 0;

    while (o->files_to[n])
        n++;
    const char **list = arena_array(a, n + 1, sizeof *list);
    for (size_t i = 0; name && list && i < n; i++)
        list[i] = arena_printf(a, "%s/%s", o->files_to[i], name);
    o->files_to = list;
    return a->failed ? err_nomem(e) : 0;
}

static int options_of(struct many *m, const struct shale_build_opts *o, struct arena *a,
                      struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < m->n; i++) {
        const char *platform = m->opts[i].platform;
        m->opts[i] = *o;
        m->opts[i].platform = platform;
        if (o->files_to && m->n > 1)
            r = folders_of(&m->opts[i], a, e);
    }
    return r;
}

int build_platforms(const struct shale_build_opts *o, struct arena *a,
                    struct shale_build_opts **ret, size_t *ret_n, struct shale_err *e)
{
    bool several = o->platform && strchr(o->platform, ',');
    struct many m = {.opts = arena_array(a, several ? MANY_MAX : 1, sizeof *m.opts)};
    int r = 0;

    if (!m.opts)
        return err_nomem(e);
    if (several)
        r = take_platforms(&m, o->platform, a, e);
    else
        m.opts[m.n++].platform = o->platform;
    if (r >= 0)
        r = options_of(&m, o, a, e);
    *ret = m.opts;
    *ret_n = m.n;
    return r;
}
