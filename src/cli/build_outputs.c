/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/build_outputs.h"

#include <shale/archive.h>
#include <shale/image.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"

#define ANNOTATION "annotation"

/* A list with one more. */
static const char *const *add(struct cli *c, const char *const *list, const char *text)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    const char **more = arena_array(&c->arena, n + 2, sizeof *more);
    for (size_t i = 0; more && i < n; i++)
        more[i] = list[i];
    if (more)
        more[n] = text;
    return more;
}

static int add_names(struct cli *c, char *names, struct shale_build_opts *q)
{
    char *save = NULL;

    for (char *p = strtok_r(names, ",", &save); p; p = strtok_r(NULL, ",", &save))
        q->tags = add(c, q->tags, p);
    return 0;
}

/* ---- fields that say what is so anyway ---- */

static const struct plain {
    const char *key, *value; /* NULL: true and false */
} plains[] = {
    {"compression", "gzip"},    {"force-compression", NULL},
    {"oci-mediatypes", "true"}, {"rewrite-timestamp", NULL},
    {"store", "true"},          {"tar", "true"},
    {"unpack", NULL},           {"platform-split", "true"},
};

static bool is_bool(const char *s)
{
    return str_ieq(s, "true") || str_ieq(s, "false") || streq(s, "1") || streq(s, "0");
}

static int take_plain(struct cli *c, const char *key, const char *value)
{
    for (size_t i = 0; i < ARRAY_SIZE(plains); i++) {
        if (!streq(plains[i].key, key))
            continue;
        if (plains[i].value ? str_ieq(plains[i].value, value) : is_bool(value))
            return 0;
        if (!plains[i].value)
            return err_set(&c->e, SHALE_INVALID, "--output: %s=%.64s is neither true nor false",
                           key, value);
        return err_set(&c->e, SHALE_UNSUPPORTED, "--output: %s=%.64s is not supported yet: only %s",
                       key, value, plains[i].value);
    }
    return err_set(&c->e, SHALE_UNSUPPORTED, "--output: %.64s is not supported yet", key);
}

/* "annotation.KEY", "annotation-index.KEY": as --annotation has it. */
static bool take_annotation(struct cli *c, const char *key, const char *value,
                            struct shale_build_opts *q)
{
    const char *dot = strchr(key, '.'), *kind = key + strlen(ANNOTATION);

    if (!str_has_prefix(key, ANNOTATION) || !dot || !dot[1] || (*kind != '-' && kind != dot))
        return false;
    const char *text = kind == dot ? arena_printf(&c->arena, "%s=%s", dot + 1, value)
                                   : arena_printf(&c->arena, "%.*s:%s=%s", (int)(dot - kind - 1),
                                                  kind + 1, dot + 1, value);
    q->annotations = add(c, q->annotations, text);
    return true;
}

static int set_field(struct cli *c, struct build_output *out, char *part, struct build_outputs *all,
                     struct shale_build_opts *q)
{
    char *eq = strchr(part, '=');

    if (!eq)
        return err_set(&c->e, SHALE_INVALID, "--output: \"%.64s\" is no field key=value", part);
    *eq++ = 0;
    if (streq(part, "type"))
        out->type = eq;
    else if (streq(part, "dest"))
        out->dest = eq;
    else if (streq(part, "name"))
        return add_names(c, eq, q);
    else if (streq(part, "push") && !is_bool(eq))
        return err_set(&c->e, SHALE_INVALID, "--output: push=%.64s is neither true nor false", eq);
    else if (streq(part, "push"))
        all->push |= str_ieq(eq, "true") || streq(eq, "1");
    else if (!take_annotation(c, part, eq, q))
        return take_plain(c, part, eq);
    return 0;
}

/* The next field; as in tables, one in double quotes may have commas. */
static char *next_field(char **text)
{
    char *from = *text, *p = from, *to;

    if (!p || !*p)
        return NULL;
    if (*p != '"') {
        p += strcspn(p, ",");
        *text = *p ? p + 1 : p;
        *p = 0;
        return from;
    }
    for (to = ++from, p = from; *p && !(*p == '"' && p[1] != '"'); p++) {
        p += *p == '"'; /* two stand for one */
        *to++ = *p;
    }
    p += *p == '"';
    *text = *p == ',' ? p + 1 : p;
    *to = 0;
    return from;
}

static int check_output(struct cli *c, struct build_output *out)
{
    static const char *const types[] = {"local", "tar", "oci", "docker", "image", "registry"};
    size_t i = 0;

    while (out->type && i < ARRAY_SIZE(types) && !streq(types[i], out->type))
        i++;
    if (!out->type || i == ARRAY_SIZE(types))
        return err_set(&c->e, SHALE_INVALID,
                       "--output: type \"%.64s\": local, tar, oci, docker, image or registry",
                       out->type ? out->type : "");
    if (i < 3 && !(out->dest && *out->dest))
        return err_set(&c->e, SHALE_INVALID, "--output: type=%s needs dest=", out->type);
    if (i > 3 && out->dest)
        return err_set(&c->e, SHALE_INVALID, "--output: type=%s has no dest=", out->type);
    if (i && streq(out->dest, "-") && cli_is_terminal())
        return err_set(
            &c->e, SHALE_INVALID,
            "cowardly refusing to write a tar to a terminal: redirect, or use dest=FILE");
    return 0;
}

/* "dir" is type=local,dest=dir; "-" is a tar on standard output. */
static int parse(struct cli *c, const char *text, struct build_output *out,
                 struct build_outputs *all, struct shale_build_opts *q)
{
    char *copy = arena_strdup(&c->arena, text), *part;
    int r = 0;

    *out = (struct build_output){.type = NULL};
    if (!copy)
        return err_nomem(&c->e);
    if (!*text)
        return err_set(&c->e, SHALE_INVALID, "--output: a folder, - or type=... is missing");
    if (!strchr(text, '='))
        *out = (struct build_output){.type = streq(text, "-") ? "tar" : "local", .dest = text};
    else
        while (r >= 0 && (part = next_field(&copy)))
            r = set_field(c, out, part, all, q);
    return r < 0 ? r : check_output(c, out);
}

/* Files go where the build itself puts them. */
static int take_files(struct cli *c, const struct build_output *out, struct shale_build_opts *q)
{
    bool is_tar = streq(out->type, "tar");
    const char **to = is_tar ? &q->tar_to : &q->files_to;

    if (*to)
        return err_set(&c->e, SHALE_UNSUPPORTED,
                       "--output: more than one of type=%s is not supported yet", out->type);
    *to = out->dest;
    return 0;
}

int build_outputs_take(struct cli *c, const struct strv *given, bool load, bool push,
                       struct build_outputs *ret, struct shale_build_opts *q)
{
    size_t n_stdout = 0;
    bool image = load;
    int r = 0;

    *ret = (struct build_outputs){.push = push};
    for (size_t i = 0; r >= 0 && i < given->n; i++) {
        struct build_output *out = &ret->v[ret->n];
        if (ret->n == BUILD_OUTPUTS_MAX)
            return err_set(&c->e, SHALE_LIMIT, "more than %d outputs", BUILD_OUTPUTS_MAX);
        r = parse(c, given->v[i], out, ret, q);
        if (r < 0)
            break;
        ret->n++;
        ret->push |= streq(out->type, "registry");
        n_stdout += streq(out->dest, "-");
        if (streq(out->type, "local") || streq(out->type, "tar"))
            r = take_files(c, out, q);
        else
            image = true;
    }
    q->also_image = image || ret->push;
    if (r >= 0 && n_stdout > 1)
        r = err_set(&c->e, SHALE_INVALID, "--output: two cannot go to standard output");
    if (r >= 0 && ret->push && !(q->tags && q->tags[0]))
        r = err_set(&c->e, SHALE_INVALID, "tag is needed when pushing to registry");
    return r < 0 ? r : (c->arena.failed ? err_nomem(&c->e) : 0);
}

bool build_outputs_to_stdout(const struct build_outputs *out)
{
    for (size_t i = 0; i < out->n; i++)
        if (streq(out->v[i].dest, "-"))
            return true;
    return false;
}

static int push_names(struct cli *c, struct shale *s, const struct shale_built *b)
{
    struct shale_push_opts q = {.size = sizeof q};
    int r = 0;

    for (size_t i = 0; r >= 0 && i < b->n_names; i++) {
        struct shale_push_result *res = NULL;
        r = shale_push(s, b->names[i], &q, &res, &c->e);
        shale_free(res);
    }
    return r < 0 ? r : 0;
}

int build_outputs_put(struct cli *c, struct shale *s, const struct build_outputs *out,
                      const struct shale_built *b)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < out->n; i++) {
        const char *dest = out->v[i].dest, *type = out->v[i].type;
        if (!dest || !*b->id || streq(type, "local") || streq(type, "tar"))
            continue;
        struct shale_save_opts q = {
            .size = sizeof q, .output = streq(dest, "-") ? NULL : dest, .fd = STDOUT_FILENO};
        r = b->n_names ? shale_save(s, b->names, b->n_names, &q, &c->e)
                       : shale_save(s, &b->id, 1, &q, &c->e);
    }
    return r < 0 || !out->push ? r : push_names(c, s, b);
}
