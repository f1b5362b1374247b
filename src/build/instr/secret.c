/* SPDX-License-Identifier: Apache-2.0 */
#include "build/instr/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/sys.h"

struct secret {
    const char *id, *file, *env;
};

static int parse(const char *text, struct arena *a, struct secret *ret, struct shale_err *e)
{
    struct str rest = str_of(text), part;
    const char *type = NULL;

    *ret = (struct secret){0};
    while (str_split(&rest, ',', &part)) {
        const char *s = arena_strndup(a, part.p, part.n), *eq = s ? strchr(s, '=') : NULL;
        if (!s)
            return err_nomem(e);
        if (!eq)
            return err_set(e, SHALE_INVALID, "--secret: \"%.64s\" is no field key=value", s);
        size_t n = (size_t)(eq - s);
        struct str key = {s, n};
        if (str_eq(key, STR("id")))
            ret->id = eq + 1;
        else if (str_eq(key, STR("src")) || str_eq(key, STR("source")))
            ret->file = eq + 1;
        else if (str_eq(key, STR("env")))
            ret->env = eq + 1;
        else if (str_eq(key, STR("type")))
            type = eq + 1;
        else
            return err_set(e, SHALE_INVALID,
                           "--secret: unexpected key \"%.*s\": id, src, env or type", (int)n, s);
    }
    if (!ret->id || !*ret->id)
        return err_set(e, SHALE_INVALID, "--secret: id= is missing");
    if (type && !streq(type, "file") && !streq(type, "env"))
        return err_set(e, SHALE_INVALID, "--secret: type \"%.64s\": file or env", type);
    if (!ret->file && !ret->env) { /* docker: a variable of that name, or a file */
        if (streq(type, "env") || (!type && getenv(ret->id)))
            ret->env = ret->id;
        else
            ret->file = ret->id;
    } else if (streq(type, "env") && !ret->env) {
        ret->env = ret->file;
        ret->file = NULL;
    }
    return 0;
}

static int read_secret(const struct secret *s, struct arena *a, struct str *ret,
                       struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(SECRET_MAX_BYTES);

    if (s->env) {
        const char *v = getenv(s->env);
        if (!v)
            return err_set(e, SHALE_NOT_FOUND, "secret %.64s: there is no variable %.64s", s->id,
                           s->env);
        *ret = str_of(arena_strdup(a, v));
        return ret->p ? 0 : err_nomem(e);
    }
    int r = fs_read_file(AT_FDCWD, s->file, &b, e);
    if (r < 0)
        return err_wrap(e, r, "secret %.64s", s->id);
    char *p = arena_alloc(a, b.n + 1);
    if (!p)
        return err_nomem(e);
    memcpy(p, buf_str(&b), b.n);
    *ret = (struct str){p, b.n};
    return 0;
}

int secret_get(const char *const *list, const char *id, struct arena *a, struct str *ret,
               struct shale_err *e)
{
    for (; list && *list; list++) {
        struct secret s;
        int r = parse(*list, a, &s, e);
        if (r < 0)
            return r;
        if (!streq(s.id, id))
            continue;
        r = read_secret(&s, a, ret, e);
        return r < 0 ? r : 1;
    }
    return 0;
}

int secret_check(const char *const *list, struct arena *a, struct shale_err *e)
{
    int r = 0;

    for (; r >= 0 && list && *list; list++) {
        struct secret s;
        r = parse(*list, a, &s, e);
        if (r >= 0 && s.file && access(s.file, R_OK) < 0)
            r = err_sys(e, "secret %.64s: %s", s.id, s.file);
    }
    return r;
}
