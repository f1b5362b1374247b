/* SPDX-License-Identifier: Apache-2.0 */
/* --chmod and --chown. */
#include <sys/stat.h>

#include "base/str.h"
#include "build/copy/copy_priv.h"
#include "container/user.h"

#define MAX_CHANGES 64

struct change {
    unsigned who; /* permission bits of those it is about: 0700, 0070, 0007 or several */
    char op;      /* + - = */
    char from;    /* 'u', 'g', 'o': as they have it; 0: bits */
    unsigned bits, special;
    bool x_if; /* X */
};
struct copy_mode {
    bool octal;
    uint32_t bits;
    struct change v[MAX_CHANGES];
    size_t n;
};

/* ---- --chmod ---- */

static int bad_mode(const char *s, struct shale_err *e)
{
    return err_set(e, SHALE_INVALID,
                   "invalid chmod parameter: '%.100s'. it should be octal string and between 0 and "
                   "07777, or as chmod(1) has it (u=rwX,go=rX)",
                   s);
}

static bool parse_octal(const char *s, uint32_t *ret)
{
    uint32_t v = 0;

    for (; *s; s++) {
        if (*s < '0' || *s > '7' || v > 07777)
            return false;
        v = v * 8 + (uint32_t)(*s - '0');
    }
    *ret = v;
    return v <= 07777;
}

static unsigned who_of(char c)
{
    return c == 'u' ? 0700u : c == 'g' ? 0070u : c == 'o' ? 0007u : c == 'a' ? 0777u : 0;
}

static bool parse_bits(const char **s, struct change *x)
{
    if (**s && strchr("ugo", **s)) {
        x->from = *(*s)++;
        return true;
    }
    for (; **s && strchr("rwxXst", **s); (*s)++) {
        switch (**s) {
        case 'r':
            x->bits |= 0444;
            break;
        case 'w':
            x->bits |= 0222;
            break;
        case 'x':
            x->bits |= 0111;
            break;
        case 'X':
            x->x_if = true;
            break;
        case 's':
            x->special |= S_ISUID | S_ISGID;
            break;
        default:
            x->special |= S_ISVTX;
        }
    }
    return true;
}

/* "ug+rw-x" up to a comma. */
static bool parse_clause(const char **s, struct copy_mode *m)
{
    unsigned who = 0;

    while (**s && who_of(**s))
        who |= who_of(*(*s)++);
    if (!**s || !strchr("+-=", **s))
        return false;
    while (**s && strchr("+-=", **s)) {
        if (m->n == MAX_CHANGES)
            return false;
        struct change *x = &m->v[m->n++];
        x->who = who ? who : 0777;
        x->op = *(*s)++;
        if (!parse_bits(s, x))
            return false;
    }
    return true;
}

int copy_mode_parse(const char *s, struct arena *a, struct copy_mode **ret, struct shale_err *e)
{
    struct copy_mode *m = arena_alloc(a, sizeof *m);
    const char *p = s;

    if (!m)
        return err_nomem(e);
    if (*s >= '0' && *s <= '9') {
        m->octal = true;
        if (!parse_octal(s, &m->bits))
            return bad_mode(s, e);
        *ret = m;
        return 0;
    }
    for (;; p++) {
        if (!parse_clause(&p, m) || (*p && *p != ','))
            return bad_mode(s, e);
        if (!*p)
            break;
    }
    *ret = m;
    return 0;
}

int build_copy_check_mode(const char *chmod, struct arena *a, struct shale_err *e)
{
    struct copy_mode *m;

    return copy_mode_parse(chmod, a, &m, e);
}

static uint32_t apply_one(const struct change *x, uint32_t mode)
{
    unsigned bits = x->bits, special = 0;

    if (x->from) {
        unsigned three = mode >> (x->from == 'u' ? 6 : x->from == 'g' ? 3 : 0) & 7;
        bits = three * 0111;
    }
    if (x->x_if && (S_ISDIR(mode) || mode & 0111))
        bits |= 0111;
    if (x->who & 0700)
        special |= x->special & S_ISUID;
    if (x->who & 0070)
        special |= x->special & S_ISGID;
    special |= x->special & S_ISVTX;
    bits = (bits & x->who) | special;
    if (x->op == '+')
        return mode | bits;
    if (x->op == '-')
        return mode & ~bits;
    unsigned cleared = x->who;
    if (!S_ISDIR(mode)) /* of a folder they stay, unless named */
        cleared |= (x->who & 0700 ? S_ISUID : 0u) | (x->who & 0070 ? S_ISGID : 0u);
    return (mode & ~cleared) | bits;
}

uint32_t copy_mode_apply(const struct copy_mode *m, uint32_t mode)
{
    if (m->octal)
        return (mode & S_IFMT) | m->bits;
    for (size_t i = 0; i < m->n; i++)
        mode = apply_one(&m->v[i], mode);
    return mode;
}

/* ---- --chown ---- */

static bool is_number(const char *s)
{
    uint64_t v;

    return *s >= '0' && *s <= '9' && str_to_u64(s, &v);
}

int copy_owner_find(const char *chown, int below_fd, struct arena *a, struct copy_owner *ret,
                    struct shale_err *e)
{
    static const struct strv none = {0};
    struct user u = {0};
    int r;

    *ret = (struct copy_owner){0};
    if (!chown || !*chown)
        return 0;
    if (below_fd >= 0)
        r = user_lookup(below_fd, chown, &none, a, &u, e);
    else
        r = user_resolve(chown, NULL, 0, NULL, 0, a, &u, e);
    if (r < 0)
        return err_wrap(e, r, "--chown=%.100s", chown);
    /* A number alone is that of the group, too. */
    *ret = (struct copy_owner){u.uid, is_number(chown) ? u.uid : u.gid, true};
    return 0;
}
