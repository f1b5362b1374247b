/* SPDX-License-Identifier: Apache-2.0 */
/* docker's filters of events: values of one key are alternatives, labels have to match all. */
#include <ctype.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "model/ref.h"
#include "store/events.h"

struct wanted {
    size_t key; /* in keys[] */
    const char *value;
};
struct event_filter {
    struct wanted *v;
    size_t n;
};

static const char *attribute(const struct shale_event *ev, const char *key)
{
    for (size_t i = 0; i < ev->n_attributes; i++)
        if (streq(ev->attributes[i].key, key))
            return ev->attributes[i].value;
    return NULL;
}

/* ---- what each key means ---- */

static bool match_type(const struct shale_event *ev, const char *key, const char *value)
{
    return streq(ev->type, value);
}

/* "exec_start" stands for "exec_start: sh", too. */
static bool match_event(const struct shale_event *ev, const char *key, const char *value)
{
    static const char *const begun[] = {"exec_create", "exec_start", "health_status"};

    for (size_t i = 0; i < ARRAY_SIZE(begun); i++)
        if (streq(value, begun[i]))
            return str_has_prefix(ev->action, value);
    return streq(ev->action, value);
}

static bool match_scope(const struct shale_event *ev, const char *key, const char *value)
{
    return streq(value, "local");
}

/* container, volume, network …: the beginning of its ID or name, whatever the type is. */
static bool match_actor(const struct shale_event *ev, const char *key, const char *value)
{
    const char *name = attribute(ev, "name");

    return str_has_prefix(ev->id, value) || (name && str_has_prefix(name, value));
}

static bool is_without_tag(const char *name, const char *value)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    struct ref ref;

    return ref_parse(name, &a, &ref, NULL) >= 0 && streq(ref.familiar, value);
}

static bool match_image(const struct shale_event *ev, const char *key, const char *value)
{
    const char *name = attribute(ev, streq(ev->type, "image") ? "name" : "image");

    return streq(ev->id, value) || is_without_tag(ev->id, value) ||
           (name && (streq(name, value) || is_without_tag(name, value)));
}

static bool match_label(const struct shale_event *ev, const char *key, const char *value)
{
    const char *eq = strchr(value, '=');

    for (size_t i = 0; i < ev->n_attributes; i++) {
        const struct shale_kv *kv = &ev->attributes[i];
        if (!eq ? streq(kv->key, value)
                : strlen(kv->key) == (size_t)(eq - value) &&
                      memcmp(kv->key, value, (size_t)(eq - value)) == 0 && streq(kv->value, eq + 1))
            return true;
    }
    return false;
}

static const struct {
    const char *key;
    bool (*match)(const struct shale_event *ev, const char *key, const char *value);
    bool all; /* of several values all have to match */
} keys[] = {
    {"config", match_actor, false},  {"container", match_actor, false},
    {"daemon", match_actor, false},  {"event", match_event, false},
    {"image", match_image, false},   {"label", match_label, true},
    {"network", match_actor, false}, {"node", match_actor, false},
    {"plugin", match_actor, false},  {"scope", match_scope, false},
    {"secret", match_actor, false},  {"service", match_actor, false},
    {"type", match_type, false},     {"volume", match_actor, false},
};

/* ---- parsing ---- */

static bool key_is(struct str k, const char *key)
{
    return k.n == strlen(key) && strncasecmp(k.p, key, k.n) == 0;
}

static int add(struct event_filter *f, const char *text, struct arena *a, struct shale_err *e)
{
    const char *eq = strchr(text, '=');
    size_t i = 0;

    if (!eq)
        return err_set(e, SHALE_INVALID, "bad format of filter (expected name=value)");
    struct str k = str_trim((struct str){text, (size_t)(eq - text)}), v = str_trim(str_of(eq + 1));
    while (i < ARRAY_SIZE(keys) && !key_is(k, keys[i].key))
        i++;
    if (i == ARRAY_SIZE(keys))
        return err_set(e, SHALE_INVALID, "invalid filter '%.*s'", (int)(k.n < 64 ? k.n : 64), k.p);
    f->v[f->n] = (struct wanted){i, arena_strndup(a, v.p, v.n)};
    return f->v[f->n++].value ? 0 : err_nomem(e);
}

int event_filter_new(const char *const *filters, struct arena *a, struct event_filter **ret,
                     struct shale_err *e)
{
    struct event_filter *f = arena_alloc(a, sizeof *f);
    size_t n = 0;
    int r = 0;

    while (filters && filters[n])
        n++;
    if (f)
        f->v = arena_array(a, n + 1, sizeof *f->v);
    if (!f || !f->v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = add(f, filters[i], a, e);
    if (r >= 0)
        *ret = f;
    return r;
}

bool event_filter_match(const struct event_filter *f, const struct shale_event *ev)
{
    for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
        size_t n = 0, good = 0;
        for (size_t i = 0; i < f->n; i++) {
            if (f->v[i].key != k)
                continue;
            n++;
            good += keys[k].match(ev, keys[k].key, f->v[i].value);
        }
        if (n > 0 && (keys[k].all ? good < n : good == 0))
            return false;
    }
    return true;
}
