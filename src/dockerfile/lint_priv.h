/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of lint: lint.c has the rules and what is switched off, lint_look.c what can be seen in
 * the text alone, lint_stage.c what is known of stages, lint_vars.c variables. */
#include "dockerfile/lint.h"

enum lint_rule {
    LINT_STAGE_NAME_CASING,
    LINT_FROM_AS_CASING,
    LINT_NO_EMPTY_CONTINUATION,
    LINT_CONSISTENT_INSTRUCTION_CASING,
    LINT_DUPLICATE_STAGE_NAME,
    LINT_RESERVED_STAGE_NAME,
    LINT_JSON_ARGS_RECOMMENDED,
    LINT_MAINTAINER_DEPRECATED,
    LINT_UNDEFINED_ARG_IN_FROM,
    LINT_WORKDIR_RELATIVE_PATH,
    LINT_UNDEFINED_VAR,
    LINT_MULTIPLE_INSTRUCTIONS_DISALLOWED,
    LINT_LEGACY_KEY_VALUE_FORMAT,
    LINT_INVALID_BASE_IMAGE_PLATFORM,
    LINT_REDUNDANT_TARGET_PLATFORM,
    LINT_SECRETS_USED_IN_ARG_OR_ENV,
    LINT_INVALID_DEFAULT_ARG_IN_FROM,
    LINT_FROM_PLATFORM_FLAG_CONST_DISALLOWED,
    LINT_COPY_IGNORED_FILE,
    LINT_INVALID_DEFINITION_DESCRIPTION,
    LINT_EXPOSE_PROTO_CASING,
    LINT_EXPOSE_INVALID_FORMAT,
    LINT_UNREACHABLE_STAGE,
    LINT_LATEST_BASE,
    LINT_JSON_FORM_MISTAKE,
    LINT_RULES
};

/* Names with values: variables, stages. In the arena. */
struct lint_names {
    struct lint_name {
        const char *name; /* NULL: free */
        const char *value;
        bool env; /* goes on into stages on top */
    } * v;
    size_t n, cap;
};
const struct lint_name *lint_names_find(const struct lint_names *t, const char *name);

struct lint_stage {
    struct lint_names vars;
    long parent;      /* the stage it is on; -1: an image */
    const char *base; /* expanded */
    size_t root;      /* the stage at the bottom: the one on an image */
    bool reached, shell, workdir;
};
struct linter {
    const struct dockerfile *d;
    const struct lint_opts *o;
    struct arena *a;
    struct shale_err *e;
    struct lint_finding *v;
    size_t n, cap;
    struct lint_checks {
        bool skip_all, experimental_all, error;
        bool skip[LINT_RULES], experimental[LINT_RULES];
    } checks;
    int failed;          /* 0, or what stopped it */
    unsigned n_searches; /* for names that are like others: bounded, as each looks at all of them */
    struct lint_names global; /* ARG before FROM, and those of platforms */
    struct lint_names envs;   /* of any stage */
    struct lint_names stages; /* names of those so far; value: a number */
    struct lint_stage *stage; /* one for each */
};

/* A finding at an instruction, if its rule is on there. */
void lint_add(struct linter *l, enum lint_rule rule, const struct instr *i, const char *fmt, ...)
    ATTR_PRINTF(4, 5);
void lint_add_line(struct linter *l, enum lint_rule rule, const struct instr *i, unsigned line,
                   const char *fmt, ...) ATTR_PRINTF(5, 6);
void lint_nomem(struct linter *l);
void lint_names_set(struct linter *l, struct lint_names *t, const char *name, const char *value,
                    bool env);
/* The name that is most like it; NULL: none is. Stages below count, too. */
const char *lint_names_near(struct linter *l, const struct lint_stage *s, const char *name);

void lint_look(struct linter *l);   /* lint_look.c */
void lint_stages(struct linter *l); /* lint_stage.c: fills l->stage */
void lint_vars(struct linter *l);   /* lint_vars.c: needs that */
/* Value of a name in a stage (NULL: none), and whether it is known there. */
const char *lint_value(const struct linter *l, const struct lint_stage *s, const char *name,
                       bool *ret_known);
bool lint_has_upper(const char *s);
bool lint_has_lower(const char *s);
