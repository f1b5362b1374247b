/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is likely to be a mistake in a Dockerfile that can be built: `shale build --check`. Rules
 * have docker's names and words; UnreachableStage, LatestBase and JSONFormMistake are ours.
 *
 *   struct lint l;
 *   r = dockerfile_lint(&d, &opts, &arena, &l, e);
 *   for (size_t i = 0; i < l.n; i++)
 *       printf("%s: %s (line %u)\n", l.v[i].rule, l.v[i].text, l.v[i].line);
 *
 * What is left out: rules named by the directive `# check=skip=A,B` (all: every one), or by such a
 * comment right before an instruction for that one alone. `experimental=` turns on what is off by
 * itself. Nothing is looked up: what a base image sets is asked of the caller. Values of
 * --build-arg count as what the variables are. Results are in the arena, by line. Thread-safe: no
 * state.
 */
#include "dockerfile/dockerfile.h"
#include "dockerfile/ignore.h"

#define LINT_MAX_FINDINGS 1000 /* what is more is left out */

struct lint_opts {
    const char *check;           /* instead of the file's own directive; NULL: that */
    const char *target;          /* name or number of the stage that is built; NULL: the last */
    const struct ignore *ignore; /* of the context; NULL: none */
    /* The value of a --build-arg. NULL: it is not given, or there is no such function. */
    const char *(*build_arg)(void *arg, const char *name);
    /* Whether ENV of a base image has the name: 1, 0; -1: not known, or there is no such function.
     * Then only names that are like another one count as not defined, and not PATH. */
    int (*base_has)(void *arg, const char *image, const char *name);
    /* What a base image is for, and what is built: "linux/arm64". NULL: not known, or no function.
     */
    const char *(*base_platform)(void *arg, const char *image);
    const char *platform;
    void *arg;
};
struct lint_finding {
    const char *rule;        /* "JSONArgsRecommended" */
    const char *description; /* of the rule */
    const char *url;         /* docker's page about it; NULL: the rule is ours */
    const char *text;        /* what is wrong here */
    unsigned line, end_line;
};
struct lint {
    const struct lint_finding *v;
    size_t n;
    bool error; /* "# check=error=true": any finding is an error */
};

/* INVALID: check options that make no sense ("invalid check option \"x\""). NO_MEMORY, LIMIT (of
 * the arena). */
int dockerfile_lint(const struct dockerfile *d, const struct lint_opts *o, struct arena *a,
                    struct lint *ret, struct shale_err *e);
