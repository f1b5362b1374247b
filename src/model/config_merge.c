/* SPDX-License-Identifier: Apache-2.0 */
#include "model/config_merge.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"

static const struct member {
    const char *name;
    enum json_kind kind;
} members[] = {
    {"Hostname", JB_STR},     {"Domainname", JB_STR},     {"User", JB_STR},
    {"Image", JB_STR},        {"WorkingDir", JB_STR},     {"StopSignal", JB_STR},
    {"AttachStdin", JB_BOOL}, {"AttachStdout", JB_BOOL},  {"AttachStderr", JB_BOOL},
    {"Tty", JB_BOOL},         {"OpenStdin", JB_BOOL},     {"StdinOnce", JB_BOOL},
    {"ArgsEscaped", JB_BOOL}, {"Env", JB_STRV},           {"Cmd", JB_STRV},
    {"Entrypoint", JB_STRV},  {"OnBuild", JB_STRV},       {"Shell", JB_STRV},
    {"ExposedPorts", JB_SET}, {"Volumes", JB_SET},        {"Labels", JB_STRMAP},
    {"StopTimeout", JB_I64},  {"Healthcheck", JB_OBJECT},
};
static const struct member health[] = {
    {"Test", JB_STRV},       {"Interval", JB_I64},      {"Timeout", JB_I64},
    {"StartPeriod", JB_I64}, {"StartInterval", JB_I64}, {"Retries", JB_I64},
};

const char *config_member(size_t i)
{
    return i < ARRAY_SIZE(members) ? members[i].name : NULL;
}

/* ---- checking ---- */

/* A copy of one member, whose type is looked at. */
static int take(const struct member *m, const json_t *obj, struct arena *a, json_t *to,
                struct shale_err *e)
{
    union {
        char *text;
        int64_t number;
        bool yes;
        struct strv list;
        struct strmap map;
        const json_t *json;
    } value = {.text = NULL};
    const struct json_field field = {m->name, m->kind, 0, 0};
    const json_t *v = json_object_get(obj, m->name);

    if (!v || json_is_null(v))
        return 0;
    int r = json_bind(obj, &field, 1, &value, a, e);
    if (r < 0)
        return r;
    return json_object_set_new(to, m->name, json_deep_copy(v)) < 0 ? err_nomem(e) : 0;
}

static int take_all(const struct member *m, size_t n, const json_t *obj, struct arena *a,
                    json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *to = json_object();
    int r = to ? 0 : err_nomem(e);

    for (size_t i = 0; r >= 0 && i < n; i++)
        r = take(&m[i], obj, a, to, e);
    if (r >= 0)
        *ret = TAKE_PTR(to);
    return r;
}

static int make_list(json_t *obj, const char *name, struct shale_err *e)
{
    json_t *v = json_object_get(obj, name);

    if (!json_is_string(v))
        return 0;
    return json_object_set_new(obj, name, json_pack("[O]", v)) < 0 ? err_nomem(e) : 0;
}

int config_take(const json_t *given, struct arena *a, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *own = json_copy((json_t *)(uintptr_t)given), *to = NULL;
    json_t *checked = NULL;
    int r = own ? make_list(own, "Cmd", e) : err_nomem(e);

    if (r >= 0)
        r = make_list(own, "Entrypoint", e);
    if (r >= 0)
        r = take_all(members, ARRAY_SIZE(members), own, a, &to, e);
    if (r < 0)
        return r;
    const json_t *h = json_object_get(to, "Healthcheck");
    if (h) {
        r = take_all(health, ARRAY_SIZE(health), h, a, &checked, e);
        if (r < 0)
            return err_wrap(e, r, "Healthcheck");
        if (json_object_set_new(to, "Healthcheck", checked) < 0)
            return err_nomem(e);
    }
    *ret = TAKE_PTR(to);
    return 0;
}

/* ---- merging ---- */

static bool is_empty(const json_t *v)
{
    return !v || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0) ||
           (json_is_array(v) && json_array_size(v) == 0) ||
           (json_is_object(v) && json_object_size(v) == 0) ||
           (json_is_integer(v) && json_integer_value(v) == 0);
}

static bool same_type(const json_t *v, enum json_kind kind)
{
    return kind == JB_STR    ? json_is_string(v)
           : kind == JB_STRV ? json_is_array(v)
           : kind == JB_I64  ? json_is_integer(v)
                             : json_is_object(v);
}

/* Where `user` says nothing. */
static int inherit(json_t *user, const json_t *base, const char *name, enum json_kind kind)
{
    json_t *v = json_object_get(base, name);

    return is_empty(json_object_get(user, name)) && same_type(v, kind) && !is_empty(v)
               ? json_object_set(user, name, v)
               : 0;
}

static int merge_object(json_t *user, const json_t *base, const char *name)
{
    json_t *mine = json_object_get(user, name), *theirs = json_object_get(base, name);

    if (!json_is_object(theirs))
        return 0;
    return json_is_object(mine) ? json_object_update_missing(mine, theirs)
                                : json_object_set(user, name, theirs);
}

static bool has_name(const json_t *env, const char *pair)
{
    size_t n = strcspn(pair, "="), i;
    const json_t *v;

    json_array_foreach(env, i, v)
    {
        const char *s = json_is_string(v) ? json_string_value(v) : "";
        if (strcspn(s, "=") == n && memcmp(s, pair, n) == 0)
            return true;
    }
    return false;
}

static int merge_env(json_t *user, const json_t *base)
{
    json_t *mine = json_object_get(user, "Env"), *theirs = json_object_get(base, "Env"), *v;
    int bad = 0;
    size_t i;

    if (is_empty(mine))
        return inherit(user, base, "Env", JB_STRV);
    json_array_foreach(theirs, i, v)
    {
        if (json_is_string(v) && !has_name(mine, json_string_value(v)))
            bad |= json_array_append(mine, v);
    }
    return bad;
}

/* An entry point of its own does not go with the other one's command. */
static int merge_command(json_t *user, const json_t *base)
{
    const json_t *entry = json_object_get(user, "Entrypoint");
    int bad = 0;

    if (!is_empty(entry))
        return 0;
    bad |= inherit(user, base, "Cmd", JB_STRV);
    if (!entry || json_is_null(entry))
        bad |= inherit(user, base, "Entrypoint", JB_STRV);
    return bad;
}

static int merge_health(json_t *user, const json_t *base)
{
    json_t *mine = json_object_get(user, "Healthcheck");
    const json_t *theirs = json_object_get(base, "Healthcheck");
    int bad = 0;

    if (!json_is_object(mine))
        return inherit(user, base, "Healthcheck", JB_OBJECT);
    for (size_t i = 0; i < ARRAY_SIZE(health); i++)
        bad |= inherit(mine, theirs, health[i].name, health[i].kind);
    return bad;
}

int config_merge(json_t *user, const json_t *base, struct shale_err *e)
{
    int bad = inherit(user, base, "User", JB_STR) | inherit(user, base, "WorkingDir", JB_STR) |
              inherit(user, base, "StopSignal", JB_STR) | merge_object(user, base, "ExposedPorts") |
              merge_object(user, base, "Labels") | merge_object(user, base, "Volumes") |
              merge_env(user, base) | merge_command(user, base) | merge_health(user, base);

    return bad ? err_nomem(e) : 0;
}
