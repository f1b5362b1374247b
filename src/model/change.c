/* SPDX-License-Identifier: Apache-2.0 */
#include "model/change.h"

#include <ctype.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "model/change_word.h"
#include "model/port.h"

struct change {
    json_t *config;
    struct arena *a;
    bool cmd_set; /* by one of the lines */
    const char *name;
};

/* ---- the object ---- */

static int put(struct change *c, const char *key, json_t *value, struct shale_err *e)
{
    return json_object_set_new(c->config, key, value) < 0 ? err_nomem(e) : 0;
}

static int append(json_t *list, const char *text, struct shale_err *e)
{
    json_t *s = json_string(text);

    if (!s)
        return json_no_string(text, "the change", e);
    return json_array_append_new(list, s) < 0 ? err_nomem(e) : 0;
}

/* The member as a list or object, made where it is missing. NULL: no memory. */
static json_t *member(struct change *c, const char *key, json_type type)
{
    json_t *v = json_object_get(c->config, key);

    if (v && json_typeof(v) == type)
        return v;
    v = type == JSON_ARRAY ? json_array() : json_object();
    return json_object_set_new(c->config, key, v) < 0 ? NULL : v;
}

static const json_t *env_of(const struct change *c)
{
    const json_t *env = json_object_get(c->config, "Env");

    return json_is_array(env) ? env : NULL;
}

static int needs(const struct change *c, const char *args, const char *what, struct shale_err *e)
{
    return *args ? 0 : err_set(e, SHALE_INVALID, "%s requires %s", c->name, what);
}

static int word_of(struct change *c, const char *raw, char **ret, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;

    *ret = change_word(raw, env_of(c), c->a, &why);
    if (*ret)
        return 0;
    return err_set(e, why.code, "%s", why.msg);
}

/* ---- commands ---- */

/* A list of strings in JSON, or NULL if it is none: then it is meant as words. */
static json_t *json_list(const char *args)
{
    _cleanup_json_ json_t *list = NULL;

    if (*args != '[' || json_parse(args, strlen(args), CHANGE_MAX_BYTES, &list, NULL) < 0 ||
        !json_is_array(list))
        return NULL;
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!json_is_string(json_array_get(list, i)))
            return NULL;
    return TAKE_PTR(list);
}

static int command(struct change *c, const char *args, json_t **ret, struct shale_err *e)
{
    static const char *const sh[] = {"/bin/sh", "-c"};
    const json_t *shell = json_object_get(c->config, "Shell");
    _cleanup_json_ json_t *list = json_list(args);
    int r = 0;

    if (!list) {
        list = json_is_array(shell) && json_array_size(shell) ? json_copy((json_t *)shell)
                                                              : json_array();
        if (!list)
            return err_nomem(e);
        for (size_t i = 0; r >= 0 && json_array_size(list) < 2 && i < ARRAY_SIZE(sh); i++)
            if (!json_is_array(shell) || json_array_size(shell) == 0)
                r = append(list, sh[i], e);
        if (r >= 0)
            r = append(list, args, e);
    }
    if (r >= 0)
        *ret = TAKE_PTR(list);
    return r;
}

static int do_cmd(struct change *c, const char *args, struct shale_err *e)
{
    json_t *list;
    int r = needs(c, args, "at least one argument", e);

    if (r >= 0)
        r = command(c, args, &list, e);
    c->cmd_set = true;
    return r < 0 ? r : put(c, "Cmd", list, e);
}

static int do_entrypoint(struct change *c, const char *args, struct shale_err *e)
{
    json_t *list;
    int r = needs(c, args, "at least one argument", e);

    if (r >= 0)
        r = command(c, args, &list, e);
    if (r < 0)
        return r;
    if (!c->cmd_set)
        json_object_del(c->config, "Cmd");
    if (json_array_size(list) == 0) { /* "ENTRYPOINT []": none */
        json_decref(list);
        json_object_del(c->config, "Entrypoint");
        return 0;
    }
    return put(c, "Entrypoint", list, e);
}

/* ---- names and values ---- */

typedef int (*pair_fn)(struct change *c, const char *key, const char *value, struct shale_err *e);

static int one_pair(struct change *c, const char *key, const char *raw, pair_fn f,
                    struct shale_err *e)
{
    char *k, *v;
    int r = word_of(c, key, &k, e);

    if (r >= 0 && !*k)
        return err_set(e, SHALE_INVALID, "%s names can not be blank", c->name);
    if (r >= 0)
        r = word_of(c, raw, &v, e);
    return r < 0 ? r : f(c, k, v, e);
}

/* "name=value name=value …", or in the old way "name the value". */
static int pairs(struct change *c, const char *args, pair_fn f, struct shale_err *e)
{
    const char *rest = args;
    int r = needs(c, args, "at least one argument", e);

    if (r < 0)
        return r;
    char *first = change_next_word(&rest, c->a);
    if (first && !strchr(first, '=')) {
        while (isspace((unsigned char)*rest))
            rest++;
        return *rest ? one_pair(c, first, rest, f, e)
                     : err_set(e, SHALE_INVALID, "%s must have two arguments", c->name);
    }
    for (char *w = first; r >= 0 && w; w = change_next_word(&rest, c->a)) {
        char *eq = strchr(w, '=');
        if (!eq)
            return err_set(e, SHALE_INVALID,
                           "Syntax error - can't find = in \"%.64s\". Must be of the form: "
                           "name=value",
                           w);
        *eq = 0;
        r = one_pair(c, w, eq + 1, f, e);
    }
    return r < 0 ? r : (c->a->failed ? err_nomem(e) : 0);
}

static int set_env(struct change *c, const char *key, const char *value, struct shale_err *e)
{
    json_t *env = member(c, "Env", JSON_ARRAY);
    char *text = arena_printf(c->a, "%s=%s", key, value);
    size_t n = strlen(key) + 1;

    if (!env || !text)
        return err_nomem(e);
    for (size_t i = 0; i < json_array_size(env); i++) {
        const char *s = json_string_value(json_array_get(env, i));
        if (s && strncmp(s, text, n) == 0) {
            json_t *v = json_string(text);
            if (!v)
                return json_no_string(text, "the change", e);
            return json_array_set_new(env, i, v) < 0 ? err_nomem(e) : 0;
        }
    }
    return append(env, text, e);
}

static int set_label(struct change *c, const char *key, const char *value, struct shale_err *e)
{
    json_t *labels = member(c, "Labels", JSON_OBJECT), *v = json_string(value);

    if (!v)
        return json_no_string(value, "the change", e);
    if (!labels) {
        json_decref(v);
        return err_nomem(e);
    }
    return json_object_set_new(labels, key, v) < 0 ? json_no_string(key, "the change", e) : 0;
}

static int do_env(struct change *c, const char *args, struct shale_err *e)
{
    return pairs(c, args, set_env, e);
}

static int do_label(struct change *c, const char *args, struct shale_err *e)
{
    return pairs(c, args, set_label, e);
}

/* ---- sets ---- */

static int add_key(struct change *c, const char *member_name, const char *key, struct shale_err *e)
{
    json_t *set = member(c, member_name, JSON_OBJECT), *empty = json_object();

    if (!set || !empty) {
        json_decref(empty);
        return err_nomem(e);
    }
    return json_object_set_new(set, key, empty) < 0 ? json_no_string(key, "the change", e) : 0;
}

static int expose(struct change *c, const char *word, struct shale_err *e)
{
    struct port_list ports = {0};
    int r = port_inside(word, c->a, &ports, e);

    for (size_t i = 0; r >= 0 && i < ports.n; i++) {
        char key[24];
        snprintf(key, sizeof key, "%u/%s", ports.v[i].inside, ports.v[i].protocol);
        r = add_key(c, "ExposedPorts", key, e);
    }
    return r;
}

static int do_expose(struct change *c, const char *args, struct shale_err *e)
{
    int r = needs(c, args, "at least one argument", e);
    char *w, *text;

    while (r >= 0 && (w = change_next_word(&args, c->a))) {
        r = word_of(c, w, &text, e);
        if (r >= 0)
            r = expose(c, text, e);
    }
    return r < 0 ? r : (c->a->failed ? err_nomem(e) : 0);
}

static int volume(struct change *c, const char *raw, struct shale_err *e)
{
    char *text;
    int r = word_of(c, raw, &text, e);

    if (r >= 0 && !*text)
        return err_set(e, SHALE_INVALID, "VOLUME specified can not be an empty string");
    return r < 0 ? r : add_key(c, "Volumes", text, e);
}

static int do_volume(struct change *c, const char *args, struct shale_err *e)
{
    _cleanup_json_ json_t *list = json_list(args);
    int r = needs(c, args, "at least one argument", e);
    char *w;

    for (size_t i = 0; r >= 0 && i < json_array_size(list); i++)
        r = volume(c, json_string_value(json_array_get(list, i)), e);
    while (r >= 0 && !list && (w = change_next_word(&args, c->a)))
        r = volume(c, w, e);
    return r < 0 ? r : (c->a->failed ? err_nomem(e) : 0);
}

/* ---- single values ---- */

static int put_text(struct change *c, const char *key, const char *text, struct shale_err *e)
{
    json_t *s = json_string(text);

    return s ? put(c, key, s, e) : json_no_string(text, "the change", e);
}

static int one_word(struct change *c, const char *args, char **ret, struct shale_err *e)
{
    int r = needs(c, args, "exactly one argument", e);

    return r < 0 ? r : word_of(c, args, ret, e);
}

static int do_user(struct change *c, const char *args, struct shale_err *e)
{
    char *text;
    int r = one_word(c, args, &text, e);

    return r < 0 ? r : put_text(c, "User", text, e);
}

/* Without ".", ".." and empty parts, from the root. */
static char *clean_path(const char *path, struct arena *a)
{
    char *out = arena_alloc(a, strlen(path) + 2);
    size_t n = 0;

    if (!out)
        return NULL;
    while (*path) {
        size_t part = strcspn(path, "/");
        if (part == 2 && path[0] == '.' && path[1] == '.') {
            while (n > 0 && out[--n] != '/')
                ;
        } else if (part > 0 && !(part == 1 && path[0] == '.')) {
            out[n++] = '/';
            memcpy(out + n, path, part);
            n += part;
        }
        path += part;
        path += *path == '/';
    }
    if (n == 0)
        out[n++] = '/';
    out[n] = 0;
    return out;
}

static int do_workdir(struct change *c, const char *args, struct shale_err *e)
{
    const char *before = json_string_value(json_object_get(c->config, "WorkingDir"));
    char *text;
    int r = one_word(c, args, &text, e);

    if (r < 0)
        return r;
    if (*text != '/')
        text = arena_printf(c->a, "%s/%s", before ? before : "", text);
    char *path = text ? clean_path(text, c->a) : NULL;
    return path ? put_text(c, "WorkingDir", path, e) : err_nomem(e);
}

static int do_stopsignal(struct change *c, const char *args, struct shale_err *e)
{
    char *text;
    int r = one_word(c, args, &text, e);

    if (r < 0)
        return r;
    for (const char *s = text; *s; s++)
        if (!isalnum((unsigned char)*s) && *s != '+' && *s != '-')
            return err_set(e, SHALE_INVALID, "invalid signal: %.64s", text);
    return put_text(c, "StopSignal", text, e);
}

static int do_onbuild(struct change *c, const char *args, struct shale_err *e)
{
    static const char *const refused[] = {"ONBUILD", "FROM", "MAINTAINER"};
    const char *rest = args;
    char *word = change_next_word(&rest, c->a);
    json_t *list = member(c, "OnBuild", JSON_ARRAY);
    int r = needs(c, args, "at least one argument", e);

    if (r < 0)
        return r;
    if (!word || !list)
        return err_nomem(e);
    if (str_ieq(word, refused[0]))
        return err_set(e, SHALE_INVALID, "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    for (size_t i = 1; i < ARRAY_SIZE(refused); i++)
        if (str_ieq(word, refused[i]))
            return err_set(e, SHALE_INVALID, "%s isn't allowed as an ONBUILD trigger", refused[i]);
    return append(list, args, e);
}

/* ---- HEALTHCHECK ---- */

static const struct health_flag {
    const char *flag, *key;
    bool number;
} health_flags[] = {
    {"--interval=", "Interval", false},        {"--timeout=", "Timeout", false},
    {"--start-period=", "StartPeriod", false}, {"--start-interval=", "StartInterval", false},
    {"--retries=", "Retries", true},
};

static int health_flag(json_t *check, const char *word, struct shale_err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(health_flags); i++) {
        const struct health_flag *f = &health_flags[i];
        int64_t v;
        if (!str_has_prefix(word, f->flag))
            continue;
        const char *text = word + strlen(f->flag);
        if (f->number && (!str_to_i64(text, &v) || v < 0))
            return err_set(e, SHALE_INVALID, "--retries must be at least 0 (not %.64s)", text);
        if (!f->number) {
            int r = time_parse_duration(text, &v, e);
            if (r < 0)
                return r;
            if (v != 0 && v < NS_PER_MS)
                return err_set(e, SHALE_INVALID, "Interval \"%.*s\" cannot be less than 1ms",
                               (int)strlen(f->flag) - 3, f->flag + 2);
        }
        return v && json_object_set_new(check, f->key, json_integer(v)) < 0 ? err_nomem(e) : 0;
    }
    return err_set(e, SHALE_INVALID, "unknown flag: %.64s", word);
}

static int health_test(const char *args, json_t **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *words = json_list(args), *test = json_array();
    int r = test ? append(test, words ? "CMD" : "CMD-SHELL", e) : err_nomem(e);

    if (r >= 0 && words && json_array_extend(test, words) < 0)
        r = err_nomem(e);
    if (r >= 0 && !words)
        r = append(test, args, e);
    if (r >= 0 && json_array_size(test) < 2)
        r = err_set(e, SHALE_INVALID, "Missing command after HEALTHCHECK CMD");
    if (r >= 0)
        *ret = TAKE_PTR(test);
    return r;
}

static int do_healthcheck(struct change *c, const char *args, struct shale_err *e)
{
    _cleanup_json_ json_t *check = json_object(), *test = NULL;
    char *word = NULL;
    int r = needs(c, args, "at least one argument", e);

    if (r >= 0 && !check)
        r = err_nomem(e);
    while (r >= 0 && (word = change_next_word(&args, c->a)) && str_has_prefix(word, "--"))
        r = health_flag(check, word, e);
    if (r < 0)
        return r;
    while (isspace((unsigned char)*args))
        args++;
    if (word && str_ieq(word, "NONE")) {
        if (*args)
            return err_set(e, SHALE_INVALID, "HEALTHCHECK NONE takes no arguments");
        json_object_clear(check);
        test = json_pack("[s]", "NONE");
        r = test ? 0 : err_nomem(e);
    } else if (word && str_ieq(word, "CMD")) {
        r = *args ? health_test(args, &test, e)
                  : err_set(e, SHALE_INVALID, "Missing command after HEALTHCHECK CMD");
    } else {
        r = err_set(e, SHALE_INVALID, "Unknown type \"%.64s\" in HEALTHCHECK (try CMD)",
                    word ? word : "");
    }
    if (r >= 0 && json_object_set_new(check, "Test", TAKE_PTR(test)) < 0)
        r = err_nomem(e);
    return r < 0 ? r : put(c, "Healthcheck", TAKE_PTR(check), e);
}

/* ---- lines ---- */

static const struct instruction {
    const char *name;
    int (*run)(struct change *c, const char *args, struct shale_err *e);
} instructions[] = {
    {"CMD", do_cmd},         {"ENTRYPOINT", do_entrypoint}, {"ENV", do_env},
    {"EXPOSE", do_expose},   {"LABEL", do_label},           {"HEALTHCHECK", do_healthcheck},
    {"ONBUILD", do_onbuild}, {"STOPSIGNAL", do_stopsignal}, {"USER", do_user},
    {"VOLUME", do_volume},   {"WORKDIR", do_workdir},
};

static int one_line(struct change *c, const char *line, struct shale_err *e)
{
    char shown[200];
    size_t n = strlen(line);

    if (n > CHANGE_MAX_BYTES)
        return err_set(e, SHALE_LIMIT, "a change of %zu bytes is over the limit of %u", n,
                       CHANGE_MAX_BYTES);
    if (!str_is_utf8(line, n))
        return err_set(e, SHALE_INVALID, "the change is not valid UTF-8");
    char *word = change_next_word(&line, c->a);
    if (!word)
        return c->a->failed ? err_nomem(e) : err_set(e, SHALE_INVALID, "an empty change");
    struct str rest = str_trim(str_of(line));
    char *args = arena_strndup(c->a, rest.p, rest.n);
    if (!args)
        return err_nomem(e);
    for (size_t i = 0; i < ARRAY_SIZE(instructions); i++) {
        if (!str_ieq(word, instructions[i].name))
            continue;
        c->name = instructions[i].name;
        return instructions[i].run(c, args, e);
    }
    return err_set(e, SHALE_INVALID, "%s is not a valid change command",
                   str_printable(shown, sizeof shown, word));
}

int change_apply(json_t *config, const char *const *lines, size_t n_lines, struct arena *a,
                 struct shale_err *e)
{
    struct change c = {.config = config, .a = a};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < n_lines; i++)
        r = one_line(&c, lines[i], e);
    return r < 0 ? r : 0;
}
