/* SPDX-License-Identifier: Apache-2.0 */
#include "model/config.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "model/limits.h"

#define BAD_ROOTFS "invalid rootfs in image configuration"

struct config_doc {
    struct config c;
    const char *created;
    const json_t *history, *config;
};

static const struct json_field config_fields[] = {
    {"created", JB_STR, offsetof(struct config_doc, created), 0},
    {"author", JB_STR, offsetof(struct config_doc, c.author), 0},
    {"docker_version", JB_STR, offsetof(struct config_doc, c.docker_version), 0},
    {"comment", JB_STR, offsetof(struct config_doc, c.comment), 0},
    {"os", JB_STR, offsetof(struct config_doc, c.platform.os), 0},
    {"architecture", JB_STR, offsetof(struct config_doc, c.platform.arch), 0},
    {"variant", JB_STR, offsetof(struct config_doc, c.platform.variant), 0},
    {"os.version", JB_STR, offsetof(struct config_doc, c.platform.os_version), 0},
    {"os.features", JB_STRV, offsetof(struct config_doc, c.platform.os_features), 0},
    {"history", JB_ARRAY, offsetof(struct config_doc, history), 0},
    {"config", JB_OBJECT, offsetof(struct config_doc, config), 0},
};

struct run_doc {
    struct config_run r;
    const json_t *health;
};

static const struct json_field run_fields[] = {
    {"User", JB_STR, offsetof(struct run_doc, r.user), 0},
    {"WorkingDir", JB_STR, offsetof(struct run_doc, r.working_dir), 0},
    {"StopSignal", JB_STR, offsetof(struct run_doc, r.stop_signal), 0},
    {"Env", JB_STRV, offsetof(struct run_doc, r.env), 0},
    {"ExposedPorts", JB_SET, offsetof(struct run_doc, r.exposed_ports), 0},
    {"Volumes", JB_SET, offsetof(struct run_doc, r.volumes), 0},
    {"OnBuild", JB_STRV, offsetof(struct run_doc, r.onbuild), 0},
    {"Labels", JB_STRMAP, offsetof(struct run_doc, r.labels), 0},
    {"ArgsEscaped", JB_BOOL, offsetof(struct run_doc, r.args_escaped), 0},
    {"Healthcheck", JB_OBJECT, offsetof(struct run_doc, health), 0},
};

/* Members that may also be one string instead of a list (docker's strslice). */
static const struct json_field command_fields[] = {
    {"Entrypoint", JB_STRV, offsetof(struct config_run, entrypoint), 0},
    {"Cmd", JB_STRV, offsetof(struct config_run, cmd), 0},
    {"Shell", JB_STRV, offsetof(struct config_run, shell), 0},
};

static const struct json_field health_fields[] = {
    {"Test", JB_STRV, offsetof(struct config_health, test), 0},
    {"Interval", JB_I64, offsetof(struct config_health, interval_ns), 0},
    {"Timeout", JB_I64, offsetof(struct config_health, timeout_ns), 0},
    {"StartPeriod", JB_I64, offsetof(struct config_health, start_period_ns), 0},
    {"StartInterval", JB_I64, offsetof(struct config_health, start_interval_ns), 0},
    {"Retries", JB_I64, offsetof(struct config_health, retries), 0},
};

struct history_doc {
    struct config_history h;
    const char *created;
};

static const struct json_field history_fields[] = {
    {"created", JB_STR, offsetof(struct history_doc, created), 0},
    {"author", JB_STR, offsetof(struct history_doc, h.author), 0},
    {"created_by", JB_STR, offsetof(struct history_doc, h.created_by), 0},
    {"comment", JB_STR, offsetof(struct history_doc, h.comment), 0},
    {"empty_layer", JB_BOOL, offsetof(struct history_doc, h.empty_layer), 0},
};

struct rootfs_doc {
    const char *type;
    const json_t *diff_ids;
};

static const struct json_field rootfs_fields[] = {
    {"type", JB_STR, offsetof(struct rootfs_doc, type), 0},
    {"diff_ids", JB_ARRAY, offsetof(struct rootfs_doc, diff_ids), 0},
};

/* Missing and "" are "not set". */
static int parse_created(const char *s, int64_t *ret, struct shale_err *e)
{
    if (s && *s) {
        int r = time_parse_rfc3339(s, ret, e);
        return r < 0 ? err_wrap(e, r, "created") : r;
    }
    *ret = TIME_NONE;
    return 0;
}

static int bind_rootfs(const json_t *obj, struct arena *a, struct config *c, struct shale_err *e)
{
    struct rootfs_doc doc = {0};
    int r = -SHALE_INVALID;
    if (json_is_object(obj))
        r = json_bind(obj, rootfs_fields, ARRAY_SIZE(rootfs_fields), &doc, a, e);
    if (r == -SHALE_NO_MEMORY)
        return r;
    if (r < 0 || !streq(doc.type, "layers"))
        return err_set(e, SHALE_INVALID, BAD_ROOTFS);
    size_t n = json_array_size(doc.diff_ids);
    if (n > LIMIT_LAYERS)
        return err_set(e, SHALE_LIMIT, "image has %zu layers, more than %d", n, LIMIT_LAYERS);
    c->diff_ids = n ? arena_array(a, n, sizeof *c->diff_ids) : NULL;
    if (n && !c->diff_ids)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        const json_t *id = json_array_get(doc.diff_ids, i);
        const char *s = json_string_value(id);
        r = digest_parse_n(s ? s : "", json_string_length(id), &c->diff_ids[i], e);
        if (r < 0)
            return err_wrap(e, r, BAD_ROOTFS ": diff_ids[%zu]", i);
    }
    c->n_diff_ids = n;
    return 0;
}

static int bind_history(const json_t *list, struct arena *a, struct config *c, struct shale_err *e)
{
    size_t n = json_array_size(list);
    if (n > LIMIT_HISTORY)
        return err_set(e, SHALE_LIMIT, "%zu history entries, more than %d", n, LIMIT_HISTORY);
    c->history = n ? arena_array(a, n, sizeof *c->history) : NULL;
    if (n && !c->history)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        struct history_doc doc = {0};
        const json_t *obj = json_array_get(list, i);
        int r = 0;
        if (json_is_object(obj))
            r = json_bind(obj, history_fields, ARRAY_SIZE(history_fields), &doc, a, e);
        else if (!json_is_null(obj))
            r = err_set(e, SHALE_INVALID, "not an object");
        if (r == 0)
            r = parse_created(doc.created, &doc.h.created_ns, e);
        if (r < 0)
            return err_wrap(e, r, "history[%zu]", i);
        c->history[i] = doc.h;
    }
    c->n_history = n;
    return 0;
}

static int bind_command(const json_t *obj, const struct json_field *f, struct config_run *run,
                        struct arena *a, struct shale_err *e)
{
    const json_t *value = json_object_get(obj, f->name);
    if (!json_is_string(value))
        return json_bind(obj, f, 1, run, a, e);
    const char *s = json_string_value(value);
    if (strlen(s) != json_string_length(value))
        return err_set(e, SHALE_INVALID, "%s: NUL in a string", f->name);
    struct strv v = {.v = arena_array(a, 1, sizeof *v.v), .n = 1, .set = true};
    if (!v.v || !(v.v[0] = arena_strdup(a, s)))
        return err_nomem(e);
    *(struct strv *)((char *)run + f->offset) = v;
    return 0;
}

static int bind_run(const json_t *obj, struct arena *a, struct config_run *ret, struct shale_err *e)
{
    struct run_doc doc = {0};
    int r = json_bind(obj, run_fields, ARRAY_SIZE(run_fields), &doc, a, e);
    for (size_t i = 0; r == 0 && i < ARRAY_SIZE(command_fields); i++)
        r = bind_command(obj, &command_fields[i], &doc.r, a, e);
    if (r == 0 && doc.health) {
        r = json_bind(doc.health, health_fields, ARRAY_SIZE(health_fields), &doc.r.health, a, e);
        doc.r.has_health = true;
    }
    if (r < 0)
        return err_wrap(e, r, "config");
    *ret = doc.r;
    return 0;
}

static int bind_config(const json_t *root, struct arena *a, struct config *ret, struct shale_err *e)
{
    struct config_doc doc = {0};
    if (!json_is_object(root))
        return err_set(e, SHALE_INVALID, "not a JSON object");
    int r = json_bind(root, config_fields, ARRAY_SIZE(config_fields), &doc, a, e);
    if (r < 0)
        return r;
    if (doc.c.platform.os_features.n > LIMIT_OS_FEATURES)
        return err_set(e, SHALE_LIMIT, "%zu os.features, more than %d",
                       doc.c.platform.os_features.n, LIMIT_OS_FEATURES);
    r = parse_created(doc.created, &doc.c.created_ns, e);
    if (r < 0)
        return r;
    r = bind_history(doc.history, a, &doc.c, e);
    if (r < 0)
        return r;
    if (doc.config) {
        r = bind_run(doc.config, a, &doc.c.run, e);
        if (r < 0)
            return r;
    }
    doc.c.raw = root;
    doc.c.raw_config = doc.config;
    *ret = doc.c;
    return 0;
}

static void drop(void *root)
{
    json_decref(root);
}

int config_parse(const void *p, size_t n, struct arena *a, struct config *ret, struct shale_err *e)
{
    json_t *root;
    struct config c = {0};
    int r = json_parse(p, n, LIMIT_CONFIG_BYTES, &root, e);
    if (r < 0)
        return err_wrap(e, r, "invalid image configuration");
    if (arena_defer(a, drop, root) < 0) {
        json_decref(root);
        return err_nomem(e);
    }
    r = bind_config(root, a, &c, e);
    if (r < 0)
        return err_wrap(e, r, "invalid image configuration");
    r = bind_rootfs(json_object_get(root, "rootfs"), a, &c, e);
    if (r < 0)
        return r;
    *ret = c;
    return 0;
}
