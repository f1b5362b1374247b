/* SPDX-License-Identifier: Apache-2.0 */
#include "container/user.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/inroot.h"
#include "base/str.h"

#define ID_MAX     0x7fffffffu
#define FIELDS_MAX 7

struct fields {
    struct str f[FIELDS_MAX];
    size_t n;
};

/* Next line that is not empty and no comment, split at ':'. */
static bool next_line(struct str *rest, struct fields *ret)
{
    struct str line;

    while (rest->n > 0 && str_split(rest, '\n', &line)) {
        struct str piece;
        line = str_trim(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        ret->n = 0;
        while (ret->n < FIELDS_MAX && str_split(&line, ':', &piece))
            ret->f[ret->n++] = piece;
        for (size_t i = ret->n; i < FIELDS_MAX; i++)
            ret->f[i] = (struct str){"", 0};
        return true;
    }
    return false;
}

/* Digits only. 1: a number (too large ones are ID_MAX + 1), 0: not a number. */
static int number_of(struct str s, uint64_t *ret)
{
    uint64_t v = 0;

    if (s.n == 0)
        return 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 0;
        v = v * 10 + (uint64_t)(s.p[i] - '0');
        if (v > ID_MAX)
            v = (uint64_t)ID_MAX + 1;
    }
    *ret = v;
    return 1;
}

static bool id_of(struct str s, uint32_t *ret)
{
    uint64_t v;

    if (!number_of(s, &v) || v > ID_MAX)
        return false;
    *ret = (uint32_t)v;
    return true;
}

static bool is_negative(struct str s)
{
    uint64_t number;

    return s.n > 1 && s.p[0] == '-' && number_of((struct str){s.p + 1, s.n - 1}, &number);
}

/* The passwd part. *ret_name is the name of the entry found, n 0 if none. */
static int find_user(struct str want, struct str passwd, struct arena *a, struct user *u,
                     struct str *ret_name, struct shale_err *e)
{
    struct fields l;
    uint64_t number = 0;
    bool numeric = want.n == 0 || number_of(want, &number);

    *ret_name = (struct str){"", 0};
    if (number > ID_MAX || is_negative(want))
        return err_set(e, SHALE_INVALID, "uids and gids must be in range 0-%u", ID_MAX);
    while (next_line(&passwd, &l)) {
        uint32_t uid, gid;
        if (l.n < 4 || !id_of(l.f[2], &uid) || !id_of(l.f[3], &gid))
            continue;
        if (numeric ? uid != number : !str_eq(l.f[0], want))
            continue;
        u->uid = uid;
        u->gid = gid;
        if (l.f[5].n > 0 && l.f[5].p[0] == '/')
            u->home = arena_strndup(a, l.f[5].p, l.f[5].n);
        *ret_name = l.f[0];
        return u->home ? 0 : err_nomem(e);
    }
    if (!numeric)
        return err_set(e, SHALE_NOT_FOUND,
                       "unable to find user %.*s: no matching entries in passwd file",
                       (int)(want.n > 128 ? 128 : want.n), want.p);
    u->uid = (uint32_t)number;
    return 0;
}

static int find_group(struct str want, struct str group, struct user *u, struct shale_err *e)
{
    struct fields l;
    uint64_t number = 0;
    bool numeric = number_of(want, &number);

    if (number > ID_MAX || is_negative(want))
        return err_set(e, SHALE_INVALID, "uids and gids must be in range 0-%u", ID_MAX);
    while (next_line(&group, &l)) {
        uint32_t gid;
        if (l.n < 3 || !id_of(l.f[2], &gid))
            continue;
        if (numeric ? gid != number : !str_eq(l.f[0], want))
            continue;
        u->gid = gid;
        return 0;
    }
    if (!numeric)
        return err_set(e, SHALE_NOT_FOUND,
                       "unable to find group %.*s: no matching entries in group file",
                       (int)(want.n > 128 ? 128 : want.n), want.p);
    u->gid = (uint32_t)number;
    return 0;
}

static bool is_member(struct str list, struct str name)
{
    struct str one;

    while (list.n > 0 && str_split(&list, ',', &one))
        if (str_eq(one, name))
            return true;
    return false;
}

static int find_supplementary(struct str name, struct str group, struct arena *a, struct user *u,
                              struct shale_err *e)
{
    struct fields l;
    size_t cap = 0;

    while (next_line(&group, &l)) {
        uint32_t gid;
        if (l.n < 4 || !id_of(l.f[2], &gid) || !is_member(l.f[3], name))
            continue;
        if (u->n_groups == USER_GROUPS_MAX)
            return err_set(e, SHALE_LIMIT, "user %.*s is in more than %d groups", (int)name.n,
                           name.p, USER_GROUPS_MAX);
        u->groups = arena_grow(a, u->groups, u->n_groups, &cap, sizeof *u->groups);
        if (!u->groups)
            return err_nomem(e);
        u->groups[u->n_groups++] = gid;
    }
    return 0;
}

int user_resolve(const char *spec, const char *passwd, size_t n_passwd, const char *group,
                 size_t n_group, struct arena *a, struct user *ret, struct shale_err *e)
{
    struct user u = {.home = "/"};
    struct str rest = str_of(spec ? spec : ""), who = {"", 0}, what = {"", 0}, name;
    int r;

    if (rest.n > 0 && str_split(&rest, ':', &who))
        what = rest;
    r = find_user(who, (struct str){passwd, n_passwd}, a, &u, &name, e);
    if (r < 0)
        return r;
    if (what.n > 0)
        r = find_group(what, (struct str){group, n_group}, &u, e);
    else if (name.n > 0)
        r = find_supplementary(name, (struct str){group, n_group}, a, &u, e);
    if (r < 0)
        return r;
    *ret = u;
    return 0;
}

static bool in_group(const struct user *u, uint32_t gid)
{
    for (size_t i = 0; i < u->n_groups; i++)
        if (u->groups[i] == gid)
            return true;
    return false;
}

int user_add_groups(const struct strv *more, const char *group, size_t n_group, struct arena *a,
                    struct user *u, struct shale_err *e)
{
    uint32_t *v;

    if (more->n == 0)
        return 0;
    if (u->n_groups + more->n > USER_GROUPS_MAX)
        return err_set(e, SHALE_LIMIT, "more than %d groups", USER_GROUPS_MAX);
    v = arena_array(a, u->n_groups + more->n, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < u->n_groups; i++)
        v[i] = u->groups[i];
    u->groups = v;
    for (size_t i = 0; i < more->n; i++) {
        struct shale_err why = SHALE_ERR_INIT;
        struct user one = {.gid = 0};
        int r = find_group(str_of(more->v[i]), (struct str){group, n_group}, &one, &why);
        if (r == -SHALE_NOT_FOUND)
            return err_set(e, SHALE_NOT_FOUND, "Unable to find group %.128s", more->v[i]);
        if (r < 0)
            return err_set(e, -r, "%s", why.msg);
        if (!in_group(u, one.gid))
            v[u->n_groups++] = one.gid;
    }
    return 0;
}

static int read_or_empty(int root_fd, const char *path, struct buf *b, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    int r = inroot_read(root_fd, path, b, &why);

    if (r == -SHALE_NOT_FOUND || r == -SHALE_INVALID) {
        buf_reset(b);
        return 0;
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

int user_lookup(int root_fd, const char *spec, const struct strv *more, struct arena *a,
                struct user *ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf passwd = BUF_INIT(USER_FILE_MAX);
    _cleanup_(buf_clear) struct buf group = BUF_INIT(USER_FILE_MAX);
    int r;

    r = read_or_empty(root_fd, "/etc/passwd", &passwd, e);
    if (r < 0)
        return r;
    r = read_or_empty(root_fd, "/etc/group", &group, e);
    if (r < 0)
        return r;
    r = user_resolve(spec, passwd.p, passwd.n, group.p, group.n, a, ret, e);
    return r < 0 ? r : user_add_groups(more, group.p, group.n, a, ret, e);
}
