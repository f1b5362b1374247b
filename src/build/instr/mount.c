/* SPDX-License-Identifier: Apache-2.0 */
#include "build/instr/mount.h"

#include <ctype.h>
#include <stddef.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"

static const struct {
    const char *name;
    enum step_mount_kind kind;
} types[] = {{"bind", STEP_MOUNT_BIND},
             {"cache", STEP_MOUNT_CACHE},
             {"tmpfs", STEP_MOUNT_TMPFS},
             {"secret", STEP_MOUNT_SECRET},
             {"ssh", STEP_MOUNT_SSH}};

static const struct {
    const char *name;
    enum step_sharing sharing;
} sharings[] = {
    {"shared", STEP_CACHE_SHARED}, {"private", STEP_CACHE_PRIVATE}, {"locked", STEP_CACHE_LOCKED}};

#define KIND(k) (1u << STEP_MOUNT_##k)
enum key {
    K_FROM,
    K_ID,
    K_SOURCE,
    K_TARGET,
    K_RW,
    K_RO,
    K_SIZE,
    K_SHARING,
    K_UID,
    K_GID,
    K_MODE,
    K_REQUIRED,
    K_ENV
};
static const struct mount_key {
    const char *name;
    enum key key;
    unsigned kinds; /* that have it */
    bool flag;      /* may stand alone */
} keys[] = {
    {"from", K_FROM, KIND(BIND) | KIND(CACHE), false},
    {"id", K_ID, KIND(CACHE) | KIND(SECRET) | KIND(SSH), false},
    {"source", K_SOURCE, KIND(BIND) | KIND(CACHE) | KIND(SECRET), false},
    {"src", K_SOURCE, KIND(BIND) | KIND(CACHE) | KIND(SECRET), false},
    {"target", K_TARGET, ~0u, false},
    {"dst", K_TARGET, ~0u, false},
    {"destination", K_TARGET, ~0u, false},
    {"rw", K_RW, ~0u, true},
    {"readwrite", K_RW, ~0u, true},
    {"ro", K_RO, ~0u, true},
    {"readonly", K_RO, ~0u, true},
    {"size", K_SIZE, KIND(TMPFS), false},
    {"sharing", K_SHARING, KIND(CACHE), false},
    {"uid", K_UID, KIND(CACHE) | KIND(SECRET) | KIND(SSH), false},
    {"gid", K_GID, KIND(CACHE) | KIND(SECRET) | KIND(SSH), false},
    {"mode", K_MODE, KIND(CACHE) | KIND(SECRET) | KIND(SSH), false},
    {"required", K_REQUIRED, KIND(SECRET) | KIND(SSH), true},
    {"env", K_ENV, KIND(SECRET), false},
};

static int wrong(const char *key, const char *value, struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "--mount: %s=%.64s makes no sense", key, value);
}

/* Of names that stand at the beginning of each of n table rows of that size. " (did you mean x?)",
 * or "". */
static const char *near(const char *word, const void *table, size_t n, size_t row, char ret[48])
{
    const char *found = NULL;
    size_t best = 3;

    for (size_t i = 0; i < n; i++) {
        const char *name = "";
        memcpy(&name, (const char *)table + i * row, sizeof name);
        size_t d = str_distance(word, name, best - 1);
        if (d > 0 && d < best && d < strlen(name)) {
            best = d;
            found = name;
        }
    }
    (void)snprintf(ret, 48, found ? " (did you mean %s?)" : "", found);
    return ret;
}
#define NEAR(word, table, ret) near(word, table, ARRAY_SIZE(table), sizeof *(table), ret)

static int to_bool(const char *key, const char *value, bool *ret, struct shale_err *e)
{
    *ret = !value || str_ieq(value, "true") || streq(value, "1");
    return *ret || str_ieq(value, "false") || streq(value, "0") ? 0 : wrong(key, value, e);
}

static int to_u32(const char *key, const char *value, int base, uint32_t max, uint32_t *ret,
                  struct shale_err *e)
{
    char *end;
    unsigned long v = strtoul(value, &end, base);

    if (!isdigit((unsigned char)*value) || *end || v > max)
        return wrong(key, value, e);
    *ret = (uint32_t)v;
    return 0;
}

static int set_sharing(const char *value, struct mount_spec *ret, struct shale_err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(sharings); i++)
        if (str_ieq(sharings[i].name, value)) {
            ret->m.sharing = sharings[i].sharing;
            return 0;
        }
    char hint[48];
    return err_set(e, SHALE_INVALID, "--mount: unsupported sharing value \"%.64s\"%s", value,
                   NEAR(value, sharings, hint));
}

static int set_size(const char *value, struct mount_spec *ret, struct shale_err *e)
{
    int64_t bytes = 0;
    int r = units_parse_binary(value, &bytes, e);

    ret->m.size_bytes = (uint64_t)bytes;
    return r < 0 ? err_wrap(e, r, "--mount: size") : 0;
}

static int set_key(const struct mount_key *k, const char *value, struct mount_spec *ret,
                   struct shale_err *e)
{
    bool yes = false;
    int r = k->flag ? to_bool(k->name, value, &yes, e) : 0;

    if (r < 0)
        return r;
    value = value ? value : "";
    switch (k->key) {
    case K_FROM:
        ret->from = value;
        return 0;
    case K_ID:
        ret->id = value;
        return 0;
    case K_SOURCE:
        ret->m.source = value;
        return 0;
    case K_TARGET:
        ret->m.target = value;
        ret->has_target = true;
        return *value ? 0 : wrong(k->name, value, e);
    case K_RW:
        ret->m.read_only = !yes;
        return 0;
    case K_RO:
        ret->m.read_only = yes;
        return 0;
    case K_REQUIRED:
        ret->required = yes;
        return 0;
    case K_ENV:
        ret->env = value;
        return 0;
    case K_SIZE:
        return set_size(value, ret, e);
    case K_SHARING:
        return set_sharing(value, ret, e);
    case K_UID:
        return to_u32(k->name, value, 10, UINT32_MAX - 1, &ret->m.uid, e);
    case K_GID:
        return to_u32(k->name, value, 10, UINT32_MAX - 1, &ret->m.gid, e);
    default:
        return to_u32(k->name, value, 8, 07777, &ret->m.mode, e);
    }
}

/* The next "key=value" of *text, in the arena; value NULL: there is no '='. */
static bool next(struct str *text, struct arena *a, const char **ret_key, const char **ret_value)
{
    struct str part;

    if (!str_split(text, ',', &part))
        return false;
    char *s = arena_strndup(a, part.p, part.n), *eq = s ? strchr(s, '=') : NULL;
    if (eq)
        *eq = 0;
    *ret_key = s;
    *ret_value = eq ? eq + 1 : NULL;
    return s != NULL;
}

const char *mount_from(const char *text, struct arena *a)
{
    struct str rest = str_of(text);
    const char *key, *value;

    while (next(&rest, a, &key, &value))
        if (str_ieq(key, "from"))
            return value;
    return NULL;
}

static int set_type(struct str rest, struct arena *a, struct mount_spec *ret, struct shale_err *e)
{
    const char *key, *value;

    while (next(&rest, a, &key, &value)) {
        if (!str_ieq(key, "type") || !value)
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
            if (str_ieq(types[i].name, value)) {
                ret->m.kind = types[i].kind;
                return 0;
            }
        char hint[48];
        return err_set(e, SHALE_INVALID,
                       "--mount: unsupported mount type \"%.64s\"%s: bind, cache, tmpfs, secret or "
                       "ssh",
                       value, NEAR(value, types, hint));
    }
    return 0;
}

static int check(struct mount_spec *ret, struct shale_err *e)
{
    unsigned kind = 1u << ret->m.kind;

    if (!ret->has_target && (kind & (KIND(BIND) | KIND(CACHE) | KIND(TMPFS))))
        return err_set(e, SHALE_INVALID, "--mount: target= is missing");
    if (kind & KIND(SECRET) && ret->m.source) { /* another word for it */
        if (ret->id)
            return err_set(e, SHALE_INVALID, "--mount: both source and id can't be set");
        ret->id = ret->m.source;
        ret->m.source = NULL;
    }
    if (kind & (KIND(SECRET) | KIND(SSH) | KIND(TMPFS))) /* says nothing of these */
        ret->m.read_only = false;
    if (ret->from && !*ret->from)
        return err_set(e, SHALE_INVALID,
                       "--mount: from= is empty; it doesn't support variables of the stage: give a "
                       "stage a name with FROM and an ARG of before the first FROM");
    if (kind & KIND(SECRET) && !ret->id && !ret->m.target)
        return err_set(e, SHALE_INVALID, "--mount: a secret needs id= or target=");
    return 0;
}

int mount_parse(const char *text, struct arena *a, struct mount_spec *ret, struct shale_err *e)
{
    struct str rest = str_of(text);
    const char *key, *value;
    char hint[48];
    int r;

    *ret = (struct mount_spec){.m = {.kind = STEP_MOUNT_BIND}};
    r = set_type(rest, a, ret, e);
    ret->m.read_only = ret->m.kind == STEP_MOUNT_BIND;
    while (r >= 0 && next(&rest, a, &key, &value)) {
        const struct mount_key *k = NULL;
        if (str_ieq(key, "type"))
            continue;
        for (size_t i = 0; i < ARRAY_SIZE(keys) && !k; i++)
            if (str_ieq(keys[i].name, key))
                k = &keys[i];
        if (!k)
            r = err_set(e, SHALE_INVALID, "--mount: unexpected key \"%.64s\"%s", key,
                        NEAR(key, keys, hint));
        else if (!(k->kinds & (1u << ret->m.kind)))
            r = err_set(e, SHALE_INVALID, "--mount: %s= is of no use with this type", k->name);
        else if (!value && !k->flag)
            r = err_set(e, SHALE_INVALID, "--mount: %s needs a value", k->name);
        else
            r = set_key(k, value, ret, e);
    }
    return r < 0 ? r : check(ret, e);
}

const char *mount_secret_id(const struct mount_spec *m)
{
    const char *slash = m->id ? NULL : strrchr(m->m.target, '/');

    return m->id ? m->id : slash ? slash + 1 : m->m.target;
}

int mount_not_given(const struct mount_spec *m, struct shale_err *e)
{
    if (m->m.kind == STEP_MOUNT_SECRET)
        return err_set(e, SHALE_NOT_FOUND,
                       "secret %.64s: not given: use --secret id=%.64s,src=FILE",
                       mount_secret_id(m), mount_secret_id(m));
    return err_set(e, SHALE_NOT_FOUND, "ssh agent %.64s: not given: use --ssh",
                   m->id ? m->id : "default");
}
