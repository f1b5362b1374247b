/* SPDX-License-Identifier: Apache-2.0 */
/* `edit`: other settings for an image, as a new image with the same layers. */
#include "image/edit.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "model/change.h"

#define TOLD_MAX_BYTES (256u << 10) /* of the entry in the history */

struct editor {
    json_t *config; /* of the document, borrowed */
    struct arena *a;
    struct buf told; /* all changes, for the history */
};

static void tell(struct editor *k, const char *what, const char *text)
{
    if (k->told.n)
        buf_adds(&k->told, "; ");
    buf_addf(&k->told, "%s %s", what, text);
}

/* ---- taking away ---- */

static int unset_env(struct editor *k, const char *name, struct shale_err *e)
{
    json_t *env = json_object_get(k->config, "Env");
    size_t n = strlen(name), before = json_array_size(env);
    char shown[200];

    for (size_t i = before; i > 0; i--) {
        const char *s = json_string_value(json_array_get(env, i - 1));
        if (s && n && strncmp(s, name, n) == 0 && (s[n] == '=' || !s[n]))
            (void)json_array_remove(env, i - 1);
    }
    if (json_array_size(env) == before)
        return err_set(e, SHALE_INVALID, "the image has no environment variable \"%s\" to unset",
                       str_printable(shown, sizeof shown, name));
    return 0;
}

static int unset_label(struct editor *k, const char *name, struct shale_err *e)
{
    char shown[200];

    if (json_object_del(json_object_get(k->config, "Labels"), name) < 0)
        return err_set(e, SHALE_INVALID, "the image has no label \"%s\" to unset",
                       str_printable(shown, sizeof shown, name));
    return 0;
}

static int unset_all(struct editor *k, const char *const *names, const char *what,
                     int (*f)(struct editor *k, const char *name, struct shale_err *e),
                     struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && names && names[i]; i++) {
        r = f(k, names[i], e);
        tell(k, what, names[i]);
    }
    return r;
}

/* ---- as instructions ---- */

static int apply(struct editor *k, const char *line, struct shale_err *e)
{
    return line ? change_apply(k->config, &line, 1, k->a, e) : err_nomem(e);
}

/* In double quotes, so that it stands for itself. NULL: no memory. */
static const char *quoted(const char *text, size_t n, struct arena *a)
{
    char *out = arena_alloc(a, 2 * n + 3), *p = out;

    if (!out)
        return NULL;
    *p++ = '"';
    for (size_t i = 0; i < n; i++) {
        if (strchr("\"\\$", text[i]))
            *p++ = '\\';
        *p++ = text[i];
    }
    *p++ = '"';
    *p = 0;
    return out;
}

static int set_pair(struct editor *k, const char *name, const char *text, bool needs_value,
                    struct shale_err *e)
{
    const char *eq = strchr(text, '=');
    char shown[200];

    if (!eq && needs_value)
        return err_set(e, SHALE_INVALID, "%s \"%s\" has no value: write NAME=value", name,
                       str_printable(shown, sizeof shown, text));
    size_t n = eq ? (size_t)(eq - text) : strlen(text);
    const char *value = eq ? eq + 1 : "";
    const char *left = quoted(text, n, k->a), *right = quoted(value, strlen(value), k->a);
    if (!left || !right)
        return err_nomem(e);
    tell(k, name, text);
    return apply(k, arena_printf(k->a, "%s %s=%s", name, n ? left : "", right), e);
}

static int set_pairs(struct editor *k, const char *name, const char *const *list, bool needs_value,
                     struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && list && list[i]; i++)
        r = set_pair(k, name, list[i], needs_value, e);
    return r;
}

static int set_word(struct editor *k, const char *name, const char *text, struct shale_err *e)
{
    const char *word = quoted(text, strlen(text), k->a);

    tell(k, name, text);
    return word ? apply(k, arena_printf(k->a, "%s %s", name, word), e) : err_nomem(e);
}

static int set_words(struct editor *k, const char *name, const char *const *list,
                     struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && list && list[i]; i++)
        r = *list[i] ? set_word(k, name, list[i], e)
                     : err_set(e, SHALE_INVALID, "%s requires at least one argument", name);
    return r;
}

/* One of the settings that an image has once; "" takes it away. */
static int set_one(struct editor *k, const char *name, const char *key, const char *text,
                   struct shale_err *e)
{
    if (!text)
        return 0;
    if (*text)
        return set_word(k, name, text, e);
    tell(k, name, "\"\"");
    (void)json_object_del(k->config, key);
    return 0;
}

static int set_commands(struct editor *k, const struct shale_edit_opts *o, struct shale_err *e)
{
    int r = 0;

    if (o->entrypoint) {
        tell(k, "ENTRYPOINT", *o->entrypoint ? o->entrypoint : "[]");
        r = apply(k, arena_printf(k->a, "ENTRYPOINT %s", *o->entrypoint ? o->entrypoint : "[]"), e);
    }
    if (r < 0 || !o->cmd)
        return r;
    tell(k, "CMD", *o->cmd ? o->cmd : "[]");
    if (*o->cmd)
        return apply(k, arena_printf(k->a, "CMD %s", o->cmd), e);
    (void)json_object_del(k->config, "Cmd");
    return 0;
}

static int set_changes(struct editor *k, const char *const *lines, struct shale_err *e)
{
    size_t n = 0;

    for (; lines && lines[n]; n++) {
        if (k->told.n)
            buf_adds(&k->told, "; ");
        buf_adds(&k->told, lines[n]);
    }
    return n ? change_apply(k->config, lines, n, k->a, e) : 0;
}

static int edit_config(struct editor *k, const struct shale_edit_opts *o, struct shale_err *e)
{
    int r = unset_all(k, o->unset_env, "unset ENV", unset_env, e);

    if (r >= 0)
        r = unset_all(k, o->unset_labels, "unset LABEL", unset_label, e);
    if (r >= 0)
        r = set_commands(k, o, e);
    if (r >= 0)
        r = set_pairs(k, "ENV", o->env, true, e);
    if (r >= 0)
        r = set_pairs(k, "LABEL", o->labels, false, e);
    if (r >= 0)
        r = set_one(k, "USER", "User", o->user, e);
    if (r >= 0)
        r = set_one(k, "WORKDIR", "WorkingDir", o->workdir, e);
    if (r >= 0)
        r = set_one(k, "STOPSIGNAL", "StopSignal", o->stop_signal, e);
    if (r >= 0)
        r = set_words(k, "EXPOSE", o->expose, e);
    if (r >= 0)
        r = set_words(k, "VOLUME", o->volumes, e);
    return r < 0 ? r : set_changes(k, o->changes, e);
}

/* ---- the document ---- */

static int add_history(struct editor *k, json_t *doc, const char *message, struct shale_err *e)
{
    json_t *history = json_object_get(doc, "history"), *item;
    char created[40];
    int r = buf_check(&k->told, e);

    if (r < 0)
        return r;
    (void)time_format_rfc3339nano(time_now_ns(), created);
    item = json_pack("{s:s,s:s,s:b}", "created", created, "created_by", buf_str(&k->told),
                     "empty_layer", 1);
    if (!item) /* the changes themselves were UTF-8; a name to unset may not have been */
        return err_set(e, SHALE_INVALID, "the change is not valid UTF-8");
    if (!json_is_array(history)) {
        history = json_array();
        if (json_object_set_new(doc, "history", history) < 0) {
            json_decref(item);
            return err_nomem(e);
        }
    }
    int bad = message && *message ? json_object_set_new(item, "comment", json_string(message)) : 0;
    if (json_array_append_new(history, item) < 0)
        return err_nomem(e);
    return bad ? err_set(e, SHALE_INVALID, "the message is not valid UTF-8") : 0;
}

static int edit(struct image_draft *d, const struct shale_edit_opts *o, struct shale_err *e)
{
    struct editor k = {
        .config = json_object_get(d->doc, "config"), .a = d->a, .told = BUF_INIT(TOLD_MAX_BYTES)};
    int r = 0;

    if (!json_is_object(k.config)) {
        k.config = json_object();
        if (json_object_set_new(d->doc, "config", k.config) < 0)
            return err_nomem(e);
    }
    r = edit_config(&k, o, e);
    if (r >= 0 && k.told.n == 0)
        r = err_set(e, SHALE_INVALID, "nothing is to be changed: say what, as with --env A=b");
    if (r >= 0)
        r = add_history(&k, d->doc, o->message, e);
    buf_clear(&k.told);
    return r;
}

int image_edit(struct image_host *h, const char *what, const struct shale_edit_opts *o,
               struct arena *a, struct shale_edited *ret, struct shale_err *e)
{
    struct image_draft d;
    int r = image_draft_open(&d, h, what, o->platform, o->name, a, e);

    if (r >= 0)
        r = edit(&d, o, e);
    if (r >= 0)
        r = image_draft_finish(&d, "edit", ret, e);
    image_draft_close(&d);
    return r < 0 ? r : 0;
}
