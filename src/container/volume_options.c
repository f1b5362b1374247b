/* SPDX-License-Identifier: Apache-2.0 */
#include "container/volume_options.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "container/jout.h"

#define MAX_BYTES (64u << 10)

static const struct volume_options none = {"", "", "", ""};

static const char **field_of(struct volume_options *x, const char *key, size_t n)
{
    const struct {
        const char *key;
        const char **field;
    } fields[] = {{"type", &x->type}, {"device", &x->device}, {"o", &x->o}};

    for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
        if (strlen(fields[i].key) == n && strncmp(fields[i].key, key, n) == 0)
            return fields[i].field;
    return NULL;
}

static int missing(const char *key, struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "missing required option: \"%s\"", key);
}

static int check(const bool has[3], struct shale_err *e)
{
    /* device and type need each other, o needs both */
    if ((has[0] || has[2]) && !has[1])
        return missing("device", e);
    if ((has[1] || has[2]) && !has[0])
        return missing("type", e);
    return 0;
}

static int to_json(struct volume_options *x, bool has[3], struct arena *a, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    char *text;
    int bad = !o;

    if (has[1])
        jout_str(&bad, o, "device", x->device);
    if (has[2])
        jout_str(&bad, o, "o", x->o);
    if (has[0])
        jout_str(&bad, o, "type", x->type);
    int r = jout_check(bad, "options of the volume", e);
    if (r >= 0)
        r = jout_text(o, JSON_COMPACT, a, &text, e);
    if (r < 0)
        return r;
    if (strlen(text) > MAX_BYTES)
        return err_set(e, SHALE_LIMIT, "options of more than %u bytes", MAX_BYTES);
    x->json = text;
    return 0;
}

int volume_options_parse(const char *const *list, struct arena *a, struct volume_options *ret,
                         struct shale_err *e)
{
    struct volume_options x = none;
    bool has[3] = {false, false, false};

    for (; list && *list; list++) {
        size_t n = strcspn(*list, "=");
        const char **field = field_of(&x, *list, n);
        if (n == 4 && strncmp(*list, "size", n) == 0)
            return err_set(e, SHALE_INVALID, "quota size requested but no quota support");
        if (!field)
            return err_set(e, SHALE_INVALID, "invalid option: \"%.*s\"", (int)(n > 64 ? 64 : n),
                           *list);
        *field = arena_strdup(a, (*list)[n] ? *list + n + 1 : "");
        if (!*field)
            return err_nomem(e);
        has[field == &x.type ? 0 : field == &x.device ? 1 : 2] = true;
    }
    int r = check(has, e);
    if (r >= 0 && (has[0] || has[1] || has[2]))
        r = to_json(&x, has, a, e);
    if (r < 0)
        return r;
    *ret = x;
    return 0;
}

int volume_options_write(struct store *s, const char *name, const struct volume_options *o,
                         struct arena *a, struct shale_err *e)
{
    const char *path = arena_printf(a, "volumes/%s/options.json", name);

    return path ? fs_write_atomic(store_root_fd(s), path, o->json, strlen(o->json), 0600, true, e)
                : err_nomem(e);
}

int volume_options_read(struct store *s, const char *name, struct arena *a,
                        struct volume_options *ret, struct shale_err *e)
{
    const char *path = arena_printf(a, "volumes/%s/options.json", name);
    _cleanup_json_ json_t *j = NULL;

    *ret = none;
    if (!path)
        return err_nomem(e);
    if (!fs_exists(store_root_fd(s), path))
        return 0;
    char *text = fs_read_text(store_root_fd(s), path, a, MAX_BYTES, e);
    if (!text)
        return -SHALE_SYSTEM;
    int r = json_parse(text, strlen(text), MAX_BYTES, &j, e);
    if (r < 0)
        return err_wrap(e, r, "options of volume %.100s", name);
    static const char *const keys[] = {"type", "device", "o"};
    for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
        const char *v = json_string_value(json_object_get(j, keys[i]));
        const char **field = field_of(ret, keys[i], strlen(keys[i]));
        *field = arena_strdup(a, v ? v : "");
        if (!*field)
            return err_nomem(e);
    }
    ret->json = text;
    return 0;
}
