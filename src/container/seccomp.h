/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Seccomp profiles into the form of the OCI runtime-spec (config-linux.md, "Seccomp"). */
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define SECCOMP_PROFILE_MAX (4u << 20)

/* What the conditions of a profile are tested against. */
struct seccomp_env {
    const char *machine; /* uname -m */
    unsigned kernel;     /* SECCOMP_KERNEL */
    uint64_t caps;       /* of the container, see caps.h */
    /* The kernel has no x32 calls, as most have not: the default profile passes over them. What is
     * not in the filter is refused, and runtimes build the filter for each architecture apart: the
     * third part of that, 10 ms of processor time for each container, is saved. */
    bool no_x32;
};

/* Of this host; caps are the caller's. `machine` points into *uts (a struct utsname). */
struct utsname;
void seccomp_env_host(struct seccomp_env *env, struct utsname *uts);

/* The default profile. *ret is a new reference. */
int seccomp_default(const struct seccomp_env *env, json_t **ret, struct shale_err *e);
/* A profile file's bytes in docker's format (includes, excludes, archMap). Errors: INVALID
 * "Decoding seccomp profile failed: …". */
int seccomp_from_profile(const void *p, size_t n, const struct seccomp_env *env, json_t **ret,
                         struct shale_err *e);
