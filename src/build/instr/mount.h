/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* RUN --mount=type=bind,source=a,target=b …: its text (docker's Dockerfile reference). Pure. */
#include "container/step.h"

struct mount_spec {
    struct step_mount m; /* kind, target, source, read_only, cache_id, sharing, size, owner, mode */
    const char *from;    /* stage, image or context; NULL: none given */
    const char *id;      /* of a secret or agent; NULL: none given */
    const char *env;     /* secret: also as this variable; NULL: not */
    bool required;       /* it must have been given to the build */
    bool has_target;
};
int mount_parse(const char *text, struct arena *a, struct mount_spec *ret, struct shale_err *e);
/* The name of a secret: its id, or the last part of its target. */
const char *mount_secret_id(const struct mount_spec *m);
/* NOT_FOUND: the secret or agent, which is required, was not given to the build. */
int mount_not_given(const struct mount_spec *m, struct shale_err *e);
/* What from= says in it, whatever else is there; NULL: nothing. */
const char *mount_from(const char *text, struct arena *a);
