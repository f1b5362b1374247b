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
    {"oci-mediatypes", "true"}, {"rewrite-timestamp", NULL}, {"store", "true"},
    {"unpack", NULL},           {"platform-split", "true"},
};

static bool is_true(const char *s)
{
    return s && (str_ieq(s, "true") || streq(s, "1"));
}

static bool is_bool(const char *s)
{
    return is_true(s) || str_ieq(s, "false") || streq(s, "0");
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

static int set_field(struct cli *c, struct build_output *out, char *part,
                     struct shale_build_opts *q)
{
    char *eq = strchr(part, '=');
    const struct {
        const char *key;
        const char **text;
        bool flag;
    } texts[] = {
        {"type", &out->type, false},
        {"dest", &out->dest, false},
        {"compression", &out->compression, false},
        {"compression-level", &out->level, false},
        {"force-compression", &out->force, true},
        {"tar", &out->tar, true},
        {"push", &out->push, true},
    };

    if (!eq)
        return err_set(&c->e, SHALE_INVALID, "--output: \"%.64s\" is no field key=value", part);
    *eq++ = 0;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        if (!streq(texts[i].key, part))
            continue;
        if (texts[i].flag && !is_bool(eq))
            return err_set(&c->e, SHALE_INVALID, "--output: %s=%.64s is neither true nor false",
                           part, eq);
        *texts[i].text = eq;
        return 0;
    }
    if (streq(part, "name"))
        return add_names(c, eq, q);
    return take_annotation(c, part, eq, q) ? 0 : take_plain(c, part, eq);
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

enum { DEST_NEEDED = 1, DEST_MAY = 2, FILES = 4, IMAGE = 8, ARCHIVE = 16, DEST_STDOUT = 32 };
static const struct type {
    const char *name;
    unsigned what;
} types[] = {
    {"local", DEST_NEEDED | FILES},
    {"tar", DEST_STDOUT | FILES},
    {"oci", DEST_STDOUT | IMAGE | ARCHIVE},
    {"docker", DEST_MAY | IMAGE | ARCHIVE},
    {"image", IMAGE},
    {"registry", IMAGE},
    {"cacheonly", 0},
};

static unsigned type_of(const struct build_output *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (streq(types[i].name, out->type))
            return types[i].what;
    return 0;
}

bool build_output_is_folder(const struct build_output *out)
{
    return streq(out->type, "local") || out->folder;
}

/* What there is to say of images only. */
static int check_image(struct cli *c, struct build_output *out, unsigned what)
{
    const char *of_image = out->compression ? "compression"
                           : out->level     ? "compression-level"
                           : out->force     ? "force-compression"
                                            : NULL;

    out->folder = out->tar && !is_true(out->tar);
    if (of_image && !(what & IMAGE))
        return err_set(&c->e, SHALE_INVALID, "--output: type=%s has no %s=", out->type, of_image);
    if (out->folder && !(what & ARCHIVE))
        return err_set(&c->e, SHALE_INVALID, "--output: type=%s has no tar=", out->type);
    if (out->folder && (!out->dest || streq(out->dest, "-")))
        return err_set(&c->e, SHALE_INVALID, "--output: tar=false needs dest=FOLDER");
    return 0;
}

static int check_output(struct cli *c, struct build_output *out)
{
    size_t i = 0;

    while (out->type && i < ARRAY_SIZE(types) && !streq(types[i].name, out->type))
        i++;
    if (!out->type || i == ARRAY_SIZE(types))
        return err_set(
            &c->e, SHALE_INVALID,
            "--output: type \"%.64s\": local, tar, oci, docker, image, registry or cacheonly",
            out->type ? out->type : "");
    unsigned what = types[i].what;
    if (what & DEST_NEEDED && !(out->dest && *out->dest))
        return err_set(&c->e, SHALE_INVALID, "--output: type=%s needs dest=", out->type);
    if (what & DEST_STDOUT && !out->dest)
        out->dest = "-";
    if (!(what & (DEST_NEEDED | DEST_MAY | DEST_STDOUT)) && out->dest)
        return err_set(&c->e, SHALE_INVALID, "--output: type=%s has no dest=", out->type);
    int r = check_image(c, out, what);
    if (r < 0)
        return r;
    if (streq(out->dest, "-") && !streq(out->type, "local") && cli_is_terminal())
        return err_set(
            &c->e, SHALE_INVALID,
            "cowardly refusing to write a tar to a terminal: redirect, or use dest=FILE");
    return 0;
}

/* "dir" is type=local,dest=dir; "-" is a tar on standard output. */
static int parse(struct cli *c, const char *text, struct build_output *out,
                 struct shale_build_opts *q)
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
            r = set_field(c, out, part, q);
    return r < 0 ? r : check_output(c, out);
}

/* Files go where the build itself puts them. */
static void take_files(struct cli *c, const struct build_output *out, struct shale_build_opts *q)
{
    const char *const **to = streq(out->type, "tar") ? &q->tar_to : &q->files_to;

    *to = add(c, *to, out->dest);
}

/* One image goes to all outputs. */
static int take_one(struct cli *c, const char *key, const char *text, const char **to)
{
    if (text && *to && !streq(text, *to))
        return err_set(&c->e, SHALE_UNSUPPORTED,
                       "--output: %s=%.32s here, %.32s there: all outputs of a build have the same "
                       "image; build twice, the second time comes out of the cache",
                       key, *to, text);
    *to = text ? text : *to;
    return 0;
}

static int take_image(struct cli *c, const struct build_output *out, struct shale_build_opts *q)
{
    int r = take_one(c, "compression", out->compression, &q->compression);

    q->force_compression |= is_true(out->force);
    return r < 0 ? r : take_one(c, "compression-level", out->level, &q->compression_level);
}

int build_outputs_take(struct cli *c, const struct strv *given, bool load, bool push,
                       struct build_outputs *ret, struct shale_build_opts *q)
{
    size_t n_stdout = 0, n_none = 0;
    bool image = load;
    int r = 0;

    *ret = (struct build_outputs){.push = push};
    for (size_t i = 0; r >= 0 && i < given->n; i++) {
        struct build_output *out = &ret->v[ret->n];
        if (ret->n == BUILD_OUTPUTS_MAX)
            return err_set(&c->e, SHALE_LIMIT, "more than %d outputs", BUILD_OUTPUTS_MAX);
        r = parse(c, given->v[i], out, q);
        if (r < 0)
            break;
        ret->n++;
        ret->push |= streq(out->type, "registry") || is_true(out->push);
        n_stdout += streq(out->dest, "-");
        n_none += streq(out->type, "cacheonly");
        if (type_of(out) & FILES)
            take_files(c, out, q);
        image |= type_of(out) & IMAGE;
        if (type_of(out) & IMAGE)
            r = take_image(c, out, q);
    }
    q->also_image = image || ret->push;
    q->only_cache = n_none > 0;
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
        const char *dest = out->v[i].dest;
        if (!dest || !*b->id || !(type_of(&out->v[i]) & ARCHIVE))
            continue;
        bool folder = out->v[i].folder;
        struct shale_save_opts q = {.size = sizeof q,
                                    .output = folder || streq(dest, "-") ? NULL : dest,
                                    .folder = folder ? dest : NULL,
                                    .fd = STDOUT_FILENO};
        r = b->n_names ? shale_save(s, b->names, b->n_names, &q, &c->e)
                       : shale_save(s, &b->id, 1, &q, &c->e);
    }
    return r < 0 || !out->push ? r : push_names(c, s, b);
}
