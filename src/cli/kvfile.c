/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/kvfile.h"

#include <errno.h>
#include <fcntl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

#define BOM "\xef\xbb\xbf"

static int push(struct strv *list, size_t *cap, char *value, struct arena *a, struct shale_err *e)
{
    if (list->n + 1 >= *cap) {
        size_t more = *cap ? 2 * *cap : 16;
        char **v = arena_array(a, more, sizeof *v);
        if (!v)
            return err_nomem(e);
        if (list->n)
            memcpy(v, list->v, list->n * sizeof *v);
        list->v = v;
        *cap = more;
    }
    list->v[list->n++] = value;
    list->v[list->n] = NULL;
    list->set = true;
    return 0;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* One line; *ret is NULL for a comment. */
static int read_line(struct str line, struct arena *a, char **ret, struct shale_err *e)
{
    *ret = NULL;
    while (line.n && is_blank(line.p[0]))
        line = (struct str){line.p + 1, line.n - 1};
    if (line.n && line.p[line.n - 1] == '\r')
        line.n--;
    if (line.n == 0 || line.p[0] == '#')
        return 0;
    const char *eq = memchr(line.p, '=', line.n);
    size_t name = eq ? (size_t)(eq - line.p) : line.n;
    if (!eq)
        while (name && is_blank(line.p[name - 1]))
            line.n = --name;
    if (name == 0)
        return err_set(e, SHALE_INVALID, "no variable name on line '%.*s'",
                       (int)(line.n < 200 ? line.n : 200), line.p);
    for (size_t i = 0; i < name; i++)
        if (is_blank(line.p[i]))
            return err_set(e, SHALE_INVALID, "variable '%.*s' contains whitespaces",
                           (int)(name < 200 ? name : 200), line.p);
    if (memchr(line.p, 0, line.n))
        return err_set(e, SHALE_INVALID, "line with a NUL byte");
    *ret = arena_strndup(a, line.p, line.n);
    return *ret ? 0 : err_nomem(e);
}

static int read_file(const char *path, const char *what, struct arena *a, struct strv *list,
                     size_t *cap, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(KVFILE_MAX_BYTES);
    struct shale_err why = SHALE_ERR_INIT;
    int r = fs_read_file(AT_FDCWD, path, &b, &why);
    if (r < 0 && why.sys)
        return err_set(e, -r, "open %.300s: %s", path,
                       why.sys == ENOENT ? "no such file or directory" : strerror(why.sys));
    if (r < 0)
        return err_set(e, -r, "%s", why.msg);
    struct str rest = {buf_str(&b), b.n}, line;
    if (str_has_prefix(rest.p, BOM))
        rest = (struct str){rest.p + 3, rest.n - 3};
    for (unsigned number = 1; str_split(&rest, '\n', &line); number++) {
        char *value;
        if (!str_is_utf8(line.p, line.n))
            return err_set(e, SHALE_INVALID,
                           "invalid %s file (%.200s): invalid utf8 bytes at line %u", what, path,
                           number);
        r = read_line(line, a, &value, &why);
        if (r == -SHALE_NO_MEMORY)
            return err_nomem(e);
        if (r < 0)
            return err_set(e, SHALE_INVALID, "invalid %s file (%.200s): %s", what, path, why.msg);
        r = value ? push(list, cap, value, a, e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int kvfile_merge(const struct strv *files, const struct strv *given, const char *what,
                 struct arena *a, struct strv *ret, struct shale_err *e)
{
    struct strv all = {0};
    size_t cap = 0;
    for (size_t i = 0; i < files->n; i++) {
        int r = read_file(files->v[i], what, a, &all, &cap, e);
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < given->n; i++) {
        int r = push(&all, &cap, given->v[i], a, e);
        if (r < 0)
            return r;
    }
    *ret = all;
    return 0;
}
