/* SPDX-License-Identifier: Apache-2.0 */
/* `image diff`: what two configs say, and the steps of their histories. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "image/look_diff.h"
#include "model/limits.h"

/* ---- values ---- */

/* Nothing is said by these: tools write them where others leave the member out. */
static bool is_empty(const json_t *j)
{
    if (!j || json_is_null(j) || json_is_false(j))
        return true;
    if (json_is_string(j))
        return json_string_length(j) == 0;
    if (json_is_integer(j))
        return json_integer_value(j) == 0;
    return (json_is_array(j) && json_array_size(j) == 0) ||
           (json_is_object(j) && json_object_size(j) == 0);
}

/* Strings as they are, all else as JSON. */
static int text_of(struct diff *d, const json_t *j, const char **ret, struct shale_err *e)
{
    *ret = "";
    if (!j || (json_is_object(j) && json_object_size(j) == 0))
        return 0;
    if (json_is_string(j)) {
        *ret = json_string_value(j);
        return 0;
    }
    _cleanup_free_ char *text = json_text(j);
    *ret = text ? arena_strdup(d->arena, text) : NULL;
    return *ret ? 0 : err_nomem(e);
}

/* NULL: that side has none. */
static int tell_value(struct diff *d, const char *group, const char *name, const json_t *a,
                      const json_t *b, struct shale_err *e)
{
    struct shale_difference x = {
        .kind = !a   ? SHALE_DIFF_ADDED
                : !b ? SHALE_DIFF_REMOVED
                     : SHALE_DIFF_CHANGED,
        .part = SHALE_PART_CONFIG,
        .name = name,
    };

    if ((!a && !b) || (a && b && json_equal(a, b)))
        return 0;
    if (group)
        x.name = arena_printf(d->arena, "%s.%s", group, name);
    int r = x.name ? text_of(d, a, &x.from, e) : err_nomem(e);
    if (r >= 0)
        r = text_of(d, b, &x.to, e);
    return r < 0 ? r : diff_tell(d, &x);
}

/* ---- objects ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static const char *key_at(void *iter)
{
    return json_object_iter_key(iter);
}

/* The names of members of either, in order, each once. Borrowed from them. */
static int keys_of(struct diff *d, const json_t *a, const json_t *b, const char ***ret,
                   size_t *ret_n, struct shale_err *e)
{
    const json_t *both[] = {a, b};
    size_t n = 0, kept = 0;
    const char **v =
        arena_array(d->arena, json_object_size(a) + json_object_size(b) + 1, sizeof *v);

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < ARRAY_SIZE(both); i++) {
        json_t *j = (json_t *)both[i];
        for (void *k = json_object_iter(j); k; k = json_object_iter_next(j, k))
            v[n++] = key_at(k);
    }
    qsort(v, n, sizeof *v, by_text);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || !streq(v[kept - 1], v[i]))
            v[kept++] = v[i];
    *ret = v;
    *ret_n = kept;
    return 0;
}

static int compare_objects(struct diff *d, const char *group, const json_t *a, const json_t *b,
                           struct shale_err *e)
{
    const char **keys;
    size_t n;
    int r = keys_of(d, a, b, &keys, &n, e);

    for (size_t i = 0; r >= 0 && i < n; i++)
        r = tell_value(d, group, keys[i], json_object_get(a, keys[i]), json_object_get(b, keys[i]),
                       e);
    return r;
}

/* ["A=1", …] as an object, the last of a name; to be released. NULL: no memory. */
static json_t *env_object(const json_t *list)
{
    json_t *ret = json_object();

    for (size_t i = 0; ret && i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        const char *eq = text ? strchr(text, '=') : NULL;
        if (!text)
            continue;
        json_t *name = json_stringn_nocheck(text, eq ? (size_t)(eq - text) : strlen(text));
        if (!name || json_object_set_new_nocheck(ret, json_string_value(name),
                                                 json_string(eq ? eq + 1 : "")) < 0) {
            json_decref(ret);
            ret = NULL;
        }
        json_decref(name);
    }
    return ret;
}

static int compare_env(struct diff *d, const json_t *a, const json_t *b, struct shale_err *e)
{
    _cleanup_json_ json_t *p = env_object(a);
    _cleanup_json_ json_t *q = env_object(b);

    return p && q ? compare_objects(d, "Env", p, q, e) : err_nomem(e);
}

/* ---- the config ---- */

/* What is left of the container that an image was made in: new containers get nothing of it. */
static bool is_residue(const char *name)
{
    static const char *const names[] = {
        "ArgsEscaped", "AttachStderr", "AttachStdin", "AttachStdout", "Domainname",      "Hostname",
        "Image",       "MacAddress",   "OpenStdin",   "StdinOnce",    "NetworkDisabled", "Tty",
    };

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (streq(names[i], name))
            return true;
    return false;
}

static int compare_member(struct diff *d, const char *name, const json_t *a, const json_t *b,
                          struct shale_err *e)
{
    a = is_empty(a) ? NULL : a;
    b = is_empty(b) ? NULL : b;
    if ((!a && !b) || (a && b && json_equal(a, b)) || is_residue(name))
        return 0;
    if (streq(name, "Env") && (!a || json_is_array(a)) && (!b || json_is_array(b)))
        return compare_env(d, a, b, e);
    /* labels, ports, volumes: by their keys */
    bool keyed = streq(name, "Labels") || streq(name, "ExposedPorts") || streq(name, "Volumes");
    if (keyed && (!a || json_is_object(a)) && (!b || json_is_object(b)))
        return compare_objects(d, name, a, b, e);
    return tell_value(d, NULL, name, a, b, e);
}

int diff_config(struct diff *d, struct shale_err *e)
{
    static const struct {
        const char *member, *name;
    } tops[] = {
        {"architecture", "Architecture"}, {"author", "Author"},        {"os", "Os"},
        {"os.features", "OsFeatures"},    {"os.version", "OsVersion"}, {"variant", "Variant"},
    };
    const json_t *a = d->a.config.raw_config, *b = d->b.config.raw_config;
    const char **keys;
    size_t n;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(tops); i++)
        r = compare_member(d, tops[i].name, json_object_get(d->a.config.raw, tops[i].member),
                           json_object_get(d->b.config.raw, tops[i].member), e);
    if (r >= 0)
        r = keys_of(d, a, b, &keys, &n, e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = compare_member(d, keys[i], json_object_get(a, keys[i]), json_object_get(b, keys[i]), e);
    return r;
}

/* ---- history ---- */

/* Above it, steps are not brought into line: what is between the common ends is all removed and
 * added. */
#define MAX_CELLS (4u << 20)

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static bool same_step(const struct config_history *x, const struct config_history *y)
{
    return x->empty_layer == y->empty_layer &&
           streq(or_empty(x->created_by), or_empty(y->created_by)) &&
           streq(or_empty(x->comment), or_empty(y->comment)) &&
           streq(or_empty(x->author), or_empty(y->author));
}

static int tell_step(struct diff *d, const struct config *c, size_t i, struct shale_err *e)
{
    bool added = c == &d->b.config;
    const struct config_history *h = &c->history[i];
    const char *text = or_empty(*or_empty(h->created_by) ? h->created_by : h->comment);
    struct shale_difference x = {
        .kind = added ? SHALE_DIFF_ADDED : SHALE_DIFF_REMOVED,
        .part = SHALE_PART_HISTORY,
        .name = arena_printf(d->arena, "step %zu", i + 1),
        .from = added ? "" : text,
        .to = added ? text : "",
    };

    return x.name ? diff_tell(d, &x) : err_nomem(e);
}

/* What lies between the common ends: [from, na) of the one, [from, nb) of the other. common[i][k]
 * is the length of the longest list that is in both from i and k on. */
static int tell_between(struct diff *d, size_t from, size_t na, size_t nb, struct shale_err *e)
{
    const struct config_history *x = d->a.config.history, *y = d->b.config.history;
    size_t n = na - from, m = nb - from, w = m + 1;
    bool fits = (n + 1) * w <= MAX_CELLS;
    _cleanup_free_ uint16_t *common = fits ? mem_alloc((n + 1) * w * sizeof *common) : NULL;
    size_t i = 0, k = 0;
    int r = 0;

    if (fits && !common)
        return err_nomem(e);
    for (size_t p = n; fits && p-- > 0;)
        for (size_t q = m; q-- > 0;) {
            uint16_t below = common[(p + 1) * w + q], right = common[p * w + q + 1];
            common[p * w + q] = same_step(&x[from + p], &y[from + q])
                                    ? (uint16_t)(common[(p + 1) * w + q + 1] + 1)
                                : below > right ? below
                                                : right;
        }
    while (r >= 0 && (i < n || k < m)) {
        if (fits && i < n && k < m && same_step(&x[from + i], &y[from + k])) {
            i++;
            k++;
        } else if (i < n && (k == m || !fits || common[(i + 1) * w + k] >= common[i * w + k + 1])) {
            r = tell_step(d, &d->a.config, from + i++, e);
        } else {
            r = tell_step(d, &d->b.config, from + k++, e);
        }
    }
    return r;
}

int diff_history(struct diff *d, struct shale_err *e)
{
    const struct config *a = &d->a.config, *b = &d->b.config;
    size_t na = a->n_history, nb = b->n_history, same = 0;

    while (same < na && same < nb && same_step(&a->history[same], &b->history[same]))
        same++;
    while (na > same && nb > same && same_step(&a->history[na - 1], &b->history[nb - 1])) {
        na--;
        nb--;
    }
    return tell_between(d, same, na, nb, e);
}
