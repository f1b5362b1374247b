/* SPDX-License-Identifier: Apache-2.0 */
/* What a stage is so far: config, layers, history. */
#include "base/str.h"
#include "build/build_priv.h"
#include "model/chain.h"
#include "model/change.h"
#include "model/limits.h"

json_t *state_config(const struct state *s)
{
    return json_object_get(s->doc, "config");
}

void state_clear(struct state *s)
{
    json_decref(s->doc);
    *s = (struct state){0};
}

int state_set_text(struct state *s, const char *key, const char *value, struct shale_err *e)
{
    json_t *v = json_string(value);

    if (!v)
        return json_no_string(value, key, e);
    return json_object_set_new(state_config(s), key, v) < 0 ? err_nomem(e) : 0;
}

const char *state_text(const struct state *s, const char *key)
{
    const char *t = json_string_value(json_object_get(state_config(s), key));

    return t ? t : "";
}

const char *state_env(const struct state *s, const char *name)
{
    const json_t *env = json_object_get(state_config(s), "Env");
    size_t n = strlen(name);

    for (size_t i = json_array_size(env); i > 0; i--) {
        const char *t = json_string_value(json_array_get(env, i - 1));
        if (t && strncmp(t, name, n) == 0 && t[n] == '=')
            return t + n + 1;
    }
    return NULL;
}

int state_default_path(struct state *s, struct shale_err *e)
{
    json_t *config = state_config(s), *env = json_object_get(config, "Env");

    if (state_env(s, "PATH"))
        return 0;
    if (!json_is_array(env)) {
        env = json_array();
        if (json_object_set_new(config, "Env", env) < 0)
            return err_nomem(e);
    }
    return json_array_append_new(env, json_string("PATH=" BUILD_PATH)) < 0 ? err_nomem(e) : 0;
}

int state_scratch(struct state *s, const struct platform *p, struct shale_err *e)
{
    s->doc = json_pack("{s:s,s:s,s:{s:s},s:[]}", "architecture", p->arch ? p->arch : "", "os",
                       p->os ? p->os : "linux", "config", "WorkingDir", "/", "history");
    if (!s->doc || (p->variant && *p->variant &&
                    json_object_set_new(s->doc, "variant", json_string(p->variant)) < 0))
        return err_nomem(e);
    return 0;
}

int state_copy(struct state *from, bool last, struct state *to, struct arena *a,
               struct shale_err *e)
{
    *to = (struct state){.n_layers = from->n_layers,
                         .cap_layers = from->n_layers,
                         .chain = from->chain,
                         .n_base = from->n_base,
                         .doc = last ? from->doc : json_deep_copy(from->doc)};
    if (last)
        from->doc = NULL;
    to->layers = arena_array(a, from->n_layers + 1, sizeof *to->layers);
    if (!to->doc || !to->layers)
        return err_nomem(e);
    for (size_t i = 0; i < from->n_layers; i++)
        to->layers[i] = from->layers[i];
    return 0;
}

int state_add_layer(struct state *s, const struct meta_image_layer *l, struct arena *a,
                    struct shale_err *e)
{
    struct digest chain;
    struct meta_image_layer *v;
    int r;

    if (s->n_layers >= LIMIT_LAYERS)
        return err_set(e, SHALE_LIMIT, "an image has at most %d layers: put commands together",
                       LIMIT_LAYERS);
    r = chain_next(&s->chain, &l->diff_id, &chain, e);
    if (r < 0)
        return r;
    v = arena_grow(a, s->layers, s->n_layers, &s->cap_layers, sizeof *v);
    if (!v)
        return err_nomem(e);
    s->layers = v;
    v[s->n_layers++] = *l;
    s->chain = chain;
    return 0;
}

int state_change(struct state *s, struct arena *a, struct shale_err *e, const char *line)
{
    return line ? change_apply(state_config(s), &line, 1, a, e) : err_nomem(e);
}

const char *state_quote(const char *text, struct arena *a)
{
    char *out = arena_alloc(a, 2 * strlen(text) + 3), *p = out;

    if (!out)
        return NULL;
    *p++ = '"';
    for (; *text; text++) {
        if (strchr("\"\\$", *text))
            *p++ = '\\';
        *p++ = *text;
    }
    *p++ = '"';
    *p = 0;
    return out;
}

int state_change_quoted(struct state *s, struct arena *a, struct shale_err *e, const char *name,
                        const char *word)
{
    const char *q = state_quote(word, a);

    return q ? state_change(s, a, e, arena_printf(a, "%s %s", name, q)) : err_nomem(e);
}

int state_history(struct state *s, const char *text, bool has_layer, int64_t created_ns,
                  struct shale_err *e)
{
    json_t *list = json_object_get(s->doc, "history"), *item;
    char created[40];

    if (!text)
        return err_nomem(e);
    item = json_pack("{s:s,s:s}", "created_by", text, "comment", BUILD_COMMENT);
    if (!item)
        return json_no_string(text, "the instruction", e);
    int bad = 0;
    if (created_ns != TIME_NONE)
        bad |= json_object_set_new(item, "created",
                                   json_string(time_format_rfc3339nano(created_ns, created)));
    if (!has_layer)
        bad |= json_object_set_new(item, "empty_layer", json_true());
    if (!json_is_array(list)) {
        list = json_array();
        bad |= json_object_set_new(s->doc, "history", list);
    }
    if (bad) {
        json_decref(item);
        return err_nomem(e);
    }
    return json_array_append_new(list, item) < 0 ? err_nomem(e) : 0;
}
