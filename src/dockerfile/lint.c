/* SPDX-License-Identifier: Apache-2.0 */
#include "dockerfile/lint.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "dockerfile/lint_priv.h"
#include "dockerfile/parse_priv.h"

#define DOCS "https://docs.docker.com/go/dockerfile/rule/"

static const struct {
    const char *name, *url, *description;
    bool experimental;
} rules[LINT_RULES] = {
    [LINT_STAGE_NAME_CASING] = {"StageNameCasing", DOCS "stage-name-casing/",
                                "Stage names should be lowercase"},
    [LINT_FROM_AS_CASING] = {"FromAsCasing", DOCS "from-as-casing/",
                             "The 'as' keyword should match the case of the 'from' keyword"},
    [LINT_NO_EMPTY_CONTINUATION] = {"NoEmptyContinuation", DOCS "no-empty-continuation/",
                                    "Empty continuation lines will become errors in a future "
                                    "release"},
    [LINT_CONSISTENT_INSTRUCTION_CASING] = {"ConsistentInstructionCasing",
                                            DOCS "consistent-instruction-casing/",
                                            "All commands within the Dockerfile should use the "
                                            "same casing (either upper or lower)"},
    [LINT_DUPLICATE_STAGE_NAME] = {"DuplicateStageName", DOCS "duplicate-stage-name/",
                                   "Stage names should be unique"},
    [LINT_RESERVED_STAGE_NAME] = {"ReservedStageName", DOCS "reserved-stage-name/",
                                  "Reserved words should not be used as stage names"},
    [LINT_JSON_ARGS_RECOMMENDED] = {"JSONArgsRecommended", DOCS "json-args-recommended/",
                                    "JSON arguments recommended for ENTRYPOINT/CMD to prevent "
                                    "unintended behavior related to OS signals"},
    [LINT_MAINTAINER_DEPRECATED] = {"MaintainerDeprecated", DOCS "maintainer-deprecated/",
                                    "The MAINTAINER instruction is deprecated, use a label instead "
                                    "to define an image author"},
    [LINT_UNDEFINED_ARG_IN_FROM] = {"UndefinedArgInFrom", DOCS "undefined-arg-in-from/",
                                    "FROM command must use declared ARGs"},
    [LINT_WORKDIR_RELATIVE_PATH] = {"WorkdirRelativePath", DOCS "workdir-relative-path/",
                                    "Relative workdir without an absolute workdir declared within "
                                    "the build can have unexpected results if the base image "
                                    "changes"},
    [LINT_UNDEFINED_VAR] = {"UndefinedVar", DOCS "undefined-var/",
                            "Variables should be defined before their use"},
    [LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED] = {"MultipleInstructionsDisallowed",
                                               DOCS "multiple-instructions-disallowed/",
                                               "Multiple instructions of the same type should not "
                                               "be used in the same stage"},
    [LINT_LEGACY_KEY_VALUE_FORMAT] = {"LegacyKeyValueFormat", DOCS "legacy-key-value-format/",
                                      "Legacy key/value format with whitespace separator should "
                                      "not be used"},
    [LINT_INVALID_BASE_IMAGE_PLATFORM] = {"InvalidBaseImagePlatform",
                                          DOCS "invalid-base-image-platform/",
                                          "Base image platform does not match expected target "
                                          "platform"},
    [LINT_REDUNDANT_TARGET_PLATFORM] = {"RedundantTargetPlatform",
                                        DOCS "redundant-target-platform/",
                                        "Setting platform to predefined $TARGETPLATFORM in FROM is "
                                        "redundant as this is the default behavior"},
    [LINT_SECRETS_USED_IN_ARG_OR_ENV] = {"SecretsUsedInArgOrEnv",
                                         DOCS "secrets-used-in-arg-or-env/",
                                         "Sensitive data should not be used in the ARG or ENV "
                                         "commands"},
    [LINT_INVALID_DEFAULT_ARG_IN_FROM] = {"InvalidDefaultArgInFrom",
                                          DOCS "invalid-default-arg-in-from/",
                                          "Default value for global ARG results in an empty or "
                                          "invalid base image name"},
    [LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED] = {"FromPlatformFlagConstDisallowed",
                                                  DOCS "from-platform-flag-const-disallowed/",
                                                  "FROM --platform flag should not use a constant "
                                                  "value"},
    [LINT_COPY_IGNORED_FILE] = {"CopyIgnoredFile", DOCS "copy-ignored-file/",
                                "Attempting to Copy file that is excluded by .dockerignore"},
    [LINT_INVALID_DEFINITION_DESCRIPTION] =
        {"InvalidDefinitionDescription", DOCS "invalid-definition-description/",
         "Comment for build stage or argument should follow the format: `# <arg/stage name> "
         "<description>`. If this is not intended to be a description comment, add an empty line "
         "or comment between the instruction and the comment.",
         true},
    [LINT_EXPOSE_PROTO_CASING] = {"ExposeProtoCasing", DOCS "expose-proto-casing/",
                                  "Protocol in EXPOSE instruction should be lowercase"},
    [LINT_EXPOSE_INVALID_FORMAT] = {"ExposeInvalidFormat", DOCS "expose-invalid-format/",
                                    "IP address and host-port mapping should not be used in EXPOSE "
                                    "instruction. This will become an error in a future release"},
    [LINT_UNREACHABLE_STAGE] = {"UnreachableStage", NULL,
                                "A stage that nothing needs is not built"},
    [LINT_LATEST_BASE] = {"LatestBase", NULL,
                          "A base image without a version changes under the Dockerfile"},
    [LINT_JSON_FORM_MISTAKE] = {"JSONFormMistake", NULL,
                                "A list that is no valid JSON is taken for a command of the shell"},
};

void lint_nomem(struct linter *l)
{
    if (!l->failed)
        l->failed = l->a->failed == SHALE_LIMIT
                        ? err_set(l->e, SHALE_LIMIT, "too much for the memory that is meant for it")
                        : err_nomem(l->e);
}

bool lint_has_upper(const char *s)
{
    for (; *s; s++)
        if (*s >= 'A' && *s <= 'Z')
            return true;
    return false;
}

bool lint_has_lower(const char *s)
{
    for (; *s; s++)
        if (*s >= 'a' && *s <= 'z')
            return true;
    return false;
}

/* ---- what is switched off ---- */

static void name_rules(struct str names, bool *all, bool which[static LINT_RULES])
{
    struct str name;

    names = str_trim(names);
    if (str_eq(names, STR("all"))) {
        *all = true;
        return;
    }
    while (str_split(&names, ',', &name))
        for (int k = 0; k < LINT_RULES; k++)
            if (str_eq(str_trim(name), str_of(rules[k].name)))
                which[k] = true;
}

static bool to_bool(struct str v, bool *ret)
{
    static const char *const words[] = {"0", "f", "F", "false", "False", "FALSE",
                                        "1", "t", "T", "true",  "True",  "TRUE"};

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        if (!str_eq(v, str_of(words[i])))
            continue;
        *ret = i >= ARRAY_SIZE(words) / 2;
        return true;
    }
    return false;
}

/* "skip=A,B;error=true" */
static int parse_checks(const char *text, struct lint_checks *ret, struct shale_err *e)
{
    struct str rest = str_trim(str_of(text)), part;

    while (str_split(&rest, ';', &part)) {
        struct str value = part, key = {0};
        bool has = memchr(part.p, '=', part.n) && str_split(&value, '=', &key), good = has;
        key = str_trim(key);
        if (str_eq(key, STR("skip")))
            name_rules(value, &ret->skip_all, ret->skip);
        else if (str_eq(key, STR("experimental")))
            name_rules(value, &ret->experimental_all, ret->experimental);
        else if (str_eq(key, STR("error")))
            good = to_bool(str_trim(value), &ret->error);
        else
            good = false;
        if (!good)
            return err_set(e, SHALE_INVALID,
                           "invalid check option \"%.*s\": known are skip=RULE,..., "
                           "experimental=RULE,... and error=true, with ';' between them",
                           part.n > 80 ? 80 : (int)part.n, part.p);
    }
    return 0;
}

/* "check=skip=A" among the comments before an instruction. */
static void parse_comments(const struct instr *i, struct lint_checks *c)
{
    for (size_t k = 0; i && i->comments[k]; k++) {
        struct str s = str_of(i->comments[k]), key;
        if (!strchr(s.p, '=') || !str_split(&s, '=', &key) || !str_eq(str_trim(key), STR("check")))
            continue;
        (void)parse_checks(s.p, c, NULL);
        return;
    }
}

static bool is_on(const struct linter *l, enum lint_rule rule, const struct instr *i)
{
    struct lint_checks c = l->checks;

    parse_comments(i, &c);
    if (rules[rule].experimental)
        return c.experimental_all || c.experimental[rule];
    return !c.skip_all && !c.skip[rule];
}

/* ---- findings ---- */

static void add_v(struct linter *l, enum lint_rule rule, unsigned line, unsigned end_line,
                  const char *fmt, va_list ap) __attribute__((format(printf, 5, 0)));
static void add_v(struct linter *l, enum lint_rule rule, unsigned line, unsigned end_line,
                  const char *fmt, va_list ap)
{
    struct lint_finding *v = arena_grow(l->a, l->v, l->n, &l->cap, sizeof *v);
    char *raw = arena_vprintf(l->a, fmt, ap);
    size_t n = raw ? 4 * strlen(raw) + 1 : 0;
    char *text = raw ? arena_alloc(l->a, n) : NULL;

    if (!v || !text) {
        lint_nomem(l);
        return;
    }
    l->v = v;
    v[l->n++] = (struct lint_finding){.rule = rules[rule].name,
                                      .description = rules[rule].description,
                                      .url = rules[rule].url,
                                      .text = str_printable(text, n, raw),
                                      .line = line,
                                      .end_line = end_line};
}

void lint_add(struct linter *l, enum lint_rule rule, const struct instr *i, const char *fmt, ...)
{
    va_list ap;

    if (l->failed || l->n >= LINT_MAX_FINDINGS || !is_on(l, rule, i))
        return;
    va_start(ap, fmt);
    add_v(l, rule, i->pos.line, i->end_line, fmt, ap);
    va_end(ap);
}

void lint_add_line(struct linter *l, enum lint_rule rule, const struct instr *i, unsigned line,
                   const char *fmt, ...)
{
    va_list ap;

    if (l->failed || l->n >= LINT_MAX_FINDINGS || !is_on(l, rule, i))
        return;
    va_start(ap, fmt);
    add_v(l, rule, line, line, fmt, ap);
    va_end(ap);
}

/* ---- names ---- */

static size_t slot_of(const struct lint_names *t, const char *name)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (const char *s = name; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    size_t k = (size_t)(h & (t->cap - 1));
    while (t->v[k].name && !streq(t->v[k].name, name))
        k = (k + 1) & (t->cap - 1);
    return k;
}

const struct lint_name *lint_names_find(const struct lint_names *t, const char *name)
{
    if (t->n == 0)
        return NULL;
    const struct lint_name *found = &t->v[slot_of(t, name)];
    return found->name ? found : NULL;
}

static bool more_room(struct linter *l, struct lint_names *t)
{
    struct lint_names bigger = {.cap = t->cap ? 2 * t->cap : 16, .n = t->n};

    if (2 * (t->n + 1) <= t->cap)
        return true;
    bigger.v = arena_array(l->a, bigger.cap, sizeof *bigger.v);
    if (!bigger.v) {
        lint_nomem(l);
        return false;
    }
    for (size_t k = 0; k < t->cap; k++)
        if (t->v[k].name)
            bigger.v[slot_of(&bigger, t->v[k].name)] = t->v[k];
    *t = bigger;
    return true;
}

void lint_names_set(struct linter *l, struct lint_names *t, const char *name, const char *value,
                    bool env)
{
    if (l->failed || !more_room(l, t))
        return;
    struct lint_name *at = &t->v[slot_of(t, name)];
    if (!at->name)
        t->n++;
    *at = (struct lint_name){name, value ? value : at->value, env || at->env};
}

static void nearest(const struct lint_names *t, const char *name, bool only_env, const char **found,
                    size_t *best)
{
    for (size_t k = 0; k < t->cap; k++) {
        if (!t->v[k].name || (only_env && !t->v[k].env))
            continue;
        size_t d = str_distance(name, t->v[k].name, 2);
        if (d < *best || (d == *best && *found && strcmp(t->v[k].name, *found) < 0)) {
            *best = d;
            *found = t->v[k].name;
        }
    }
}

const char *lint_names_near(struct linter *l, const struct lint_stage *s, const char *name)
{
    const char *found = NULL;
    size_t best = 3;

    if (l->n_searches++ >= LINT_MAX_FINDINGS)
        return NULL;
    if (!s)
        nearest(&l->global, name, false, &found, &best);
    for (bool first = true; s; s = s->parent >= 0 ? &l->stage[s->parent] : NULL, first = false)
        nearest(&s->vars, name, !first, &found, &best);
    return best < 3 ? found : NULL;
}

/* ---- all of it ---- */

static int by_line(const void *x, const void *y)
{
    const struct lint_finding *a = x, *b = y;

    if (a->line != b->line)
        return a->line < b->line ? -1 : 1;
    int r = strcmp(a->rule, b->rule);
    return r ? r : strcmp(a->text, b->text);
}

int dockerfile_lint(const struct dockerfile *d, const struct lint_opts *o, struct arena *a,
                    struct lint *ret, struct shale_err *e)
{
    struct linter l = {.d = d, .o = o, .a = a, .e = e};
    const char *check = o->check ? o->check : d->check;

    if (check) {
        int r = parse_checks(check, &l.checks, e);
        if (r < 0)
            return r;
    }
    l.stage = arena_array(a, d->n_stages + 1, sizeof *l.stage);
    if (!l.stage)
        lint_nomem(&l);
    if (!l.failed)
        lint_look(&l);
    if (!l.failed)
        lint_stages(&l);
    if (!l.failed)
        lint_vars(&l);
    if (l.failed)
        return l.failed;
    if (l.n > 0)
        qsort(l.v, l.n, sizeof *l.v, by_line);
    *ret = (struct lint){.v = l.v, .n = l.n, .error = l.checks.error};
    return 0;
}
