/* SPDX-License-Identifier: Apache-2.0 */
/* References whose tag may be a pattern. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "image/remote.h"
#include "model/limits.h"

/* The colon before a pattern, NULL where there is none. Neither names nor digests have its
 * characters. */
static const char *find_glob(const char *text)
{
    const char *slash = strrchr(text, '/'), *colon = strrchr(slash ? slash : text, ':');

    return colon && strpbrk(colon, "*?[\\") ? colon : NULL;
}

int remote_name_parse(const char *text, struct arena *a, struct remote_name *ret,
                      struct shale_err *e)
{
    const char *colon = strlen(text) <= LIMIT_REF_BYTES ? find_glob(text) : NULL;
    int r;

    *ret = (struct remote_name){.glob = NULL};
    if (!colon)
        return ref_parse(text, a, &ret->ref, e);
    const char *repo = arena_strndup(a, text, (size_t)(colon - text));
    ret->glob = arena_strdup(a, colon + 1);
    if (!repo || !ret->glob)
        return err_nomem(e);
    r = ref_parse(repo, a, &ret->ref, e);
    if (r >= 0)
        r = ref_glob(ret->glob, "", e);
    if (r >= 0 && (ret->ref.tag || digest_is_set(&ret->ref.digest)))
        r = err_set(e, SHALE_INVALID, "invalid reference format");
    return r < 0 ? r : 0;
}

/* ---- order ---- */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Two runs of digits, by value; both pointers move behind them. */
static int compare_numbers(const char **a, const char **b)
{
    size_t n = 0, m = 0;

    while (**a == '0')
        (*a)++;
    while (**b == '0')
        (*b)++;
    while (is_digit((*a)[n]))
        n++;
    while (is_digit((*b)[m]))
        m++;
    int r = n != m ? (n < m ? -1 : 1) : strncmp(*a, *b, n);
    *a += n;
    *b += m;
    return r;
}

int remote_compare_versions(const char *a, const char *b)
{
    const char *p = a, *q = b;
    int r = 0;

    while (r == 0 && *p && *q) {
        if (is_digit(*p) && is_digit(*q)) {
            r = compare_numbers(&p, &q);
        } else {
            r = (unsigned char)*p - (unsigned char)*q;
            p++;
            q++;
        }
    }
    if (r == 0)
        r = (unsigned char)*p - (unsigned char)*q;
    return r ? r : strcmp(a, b); /* "01" and "1" */
}

static int by_version(const void *a, const void *b)
{
    return remote_compare_versions(*(char *const *)a, *(char *const *)b);
}

/* ---- tags ---- */

static int wants(const struct remote_name *n, const char *tag, struct shale_err *e)
{
    if (n->glob)
        return ref_glob(n->glob, tag, e);
    return !n->ref.tag || streq(n->ref.tag, tag);
}

static int none(const struct remote_name *n, struct shale_err *e)
{
    if (n->glob)
        return err_set(e, SHALE_NOT_FOUND, "no tag of %s matches %s", n->ref.familiar, n->glob);
    if (n->ref.tag)
        return err_set(e, SHALE_NOT_FOUND, "repository %s has no tag %s", n->ref.familiar,
                       n->ref.tag);
    return err_set(e, SHALE_NOT_FOUND, "repository %s has no tags", n->ref.familiar);
}

int remote_name_choose(const struct remote_name *n, struct strv *tags, struct shale_err *e)
{
    size_t kept = 0;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < tags->n; i++) {
        /* What is no tag cannot be asked for, and has no place in a path. */
        if (!ref_tag_valid(tags->v[i]))
            continue;
        r = wants(n, tags->v[i], e);
        if (r == 1)
            tags->v[kept++] = tags->v[i];
    }
    if (r < 0)
        return r;
    if (kept == 0)
        return none(n, e);
    qsort(tags->v, kept, sizeof *tags->v, by_version);
    tags->n = kept;
    return 0;
}

int remote_name_tags(const struct remote_name *n, struct source *from, struct arena *a,
                     struct strv *ret, struct cancel *c, struct shale_err *e)
{
    struct strv all = {0};
    int r = from->ops->tags(from, a, &all, c, e);

    if (r >= 0)
        r = remote_name_choose(n, &all, e);
    if (r < 0)
        return r;
    *ret = (struct strv){all.v, all.n, true};
    return 0;
}
