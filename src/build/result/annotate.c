/* SPDX-License-Identifier: Apache-2.0 */
/* --annotation: "[TYPE[,TYPE][[PLATFORM]]:]NAME=value", TYPE is manifest where none is given. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/attest/attest.h"
#include "build/build_priv.h"

static const struct {
    const char *name;
    enum annotated what;
} types[] = {{"manifest", ANNOTATED_MANIFEST},
             {"manifest-descriptor", ANNOTATED_ENTRY},
             {"index", ANNOTATED_INDEX}};

struct annotation {
    unsigned on;                         /* a set of enum annotated */
    const char *platform, *name, *value; /* platform NULL: every one */
};

static int take_types(struct annotation *x, struct str list, struct shale_err *e)
{
    for (struct str word; str_split(&list, ',', &word);) {
        size_t i = 0;
        while (i < ARRAY_SIZE(types) &&
               !str_eq(word, (struct str){types[i].name, strlen(types[i].name)}))
            i++;
        if (i == ARRAY_SIZE(types))
            return err_set(e, SHALE_UNSUPPORTED,
                           "annotations of \"%.*s\" are not supported: manifest, index or "
                           "manifest-descriptor",
                           word.n > 64 ? 64 : (int)word.n, word.p);
        x->on |= types[i].what;
    }
    return 0;
}

static int parse(const char *text, struct arena *a, struct annotation *ret, struct shale_err *e)
{
    const char *eq = strchr(text, '='), *colon = strchr(text, ':'), *from = text;
    int r = 0;

    *ret = (struct annotation){.on = ANNOTATED_MANIFEST};
    if (eq && colon && colon < eq) {
        struct str head = {text, (size_t)(colon - text)};
        const char *open = memchr(text, '[', head.n);
        from = colon + 1;
        ret->on = 0;
        if (open && colon[-1] == ']') {
            ret->platform = arena_strndup(a, open + 1, (size_t)(colon - open) - 2);
            head.n = (size_t)(open - text);
            if (!ret->platform)
                return err_nomem(e);
        }
        r = take_types(ret, head, e);
    }
    if (r >= 0 && (!eq || eq == from))
        r = err_set(e, SHALE_INVALID, "invalid annotation \"%.128s\": write NAME=value", text);
    if (r < 0)
        return r;
    ret->name = arena_strndup(a, from, (size_t)(eq - from));
    ret->value = eq + 1;
    return ret->name ? 0 : err_nomem(e);
}

static int fits(const struct annotation *x, const struct platform *p, struct arena *a,
                struct shale_err *e)
{
    struct platform want;
    int r;

    if (!x->platform || !p)
        return 1;
    r = platform_parse(x->platform, a, &want, e);
    return r < 0 ? r : platform_rank(&want, p, true) >= 0;
}

int annotations_of(struct build *b, enum annotated what, const struct platform *p, json_t **ret,
                   struct shale_err *e)
{
    const char *const *list = b->o->annotations;
    int r = 0;

    *ret = NULL;
    for (; list && *list && r >= 0; list++) {
        struct annotation x;
        r = parse(*list, b->a, &x, e);
        if (r >= 0)
            r = x.on & what ? fits(&x, p, b->a, e) : 0;
        if (r <= 0)
            continue;
        if (!*ret)
            *ret = json_object();
        if (json_object_set_new(*ret, x.name, json_string(x.value)) < 0)
            r = err_set(e, SHALE_INVALID, "an annotation is not valid UTF-8");
    }
    if (r < 0) {
        json_decref(*ret);
        *ret = NULL;
    }
    return r < 0 ? r : 0;
}

int annotations_check(struct build *b, struct shale_err *e)
{
    const char *const *list = b->o->annotations;
    struct attest_opts attest;
    struct annotation x;
    int r = attest_parse(b->o, b->a, &attest, e);

    for (; list && *list && r >= 0; list++) {
        r = parse(*list, b->a, &x, e);
        if (r >= 0)
            r = fits(&x, &b->target_platform, b->a, e);
        if (r >= 0 && !b->of_many && !attest_wanted(&attest) &&
            x.on & ~(unsigned)ANNOTATED_MANIFEST)
            r = err_set(e, SHALE_INVALID,
                        "--annotation \"%.128s\": an image of one platform has no list", *list);
    }
    return r < 0 ? r : 0;
}
