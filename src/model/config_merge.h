/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * docker's Config object (what runs, as who, with what) that somebody gives on top of another one,
 * as a commit through the API does: what it does not say is the other's.
 *
 *   r = config_take(given, a, &user, e);     // checked: only members that there are, of their
 * types r = change_apply(user, lines, n, a, e);  // model/change.h r = config_merge(user, base, e);
 *
 * Pure, thread-safe. INVALID names the member.
 */
#include <jansson.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"

/* Members that Config has; NULL behind the last one. */
const char *config_member(size_t i);
/* A new object. A command that is text becomes a list of one word. */
int config_take(const json_t *given, struct arena *a, json_t **ret, struct shale_err *e);
/* Into `user`: User, WorkingDir, StopSignal where it says none; Env, Labels, ExposedPorts, Volumes
 * entry by entry; Cmd where it has neither command nor entry point; Entrypoint where it has none
 * (an empty list is one); Healthcheck member by member. `base` may hold what it likes: members of
 * the wrong type are skipped. */
int config_merge(json_t *user, const json_t *base, struct shale_err *e);
