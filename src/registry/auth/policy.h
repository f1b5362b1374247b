/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Who may do what in the registry: rules over repositories, and a list for what
 * concerns the registry as a whole. Read from the config file (regconf.h), then never changed: pure
 * functions over const data, any number of threads.
 *
 * Rules are tried in the order of the file; the first whose glob matches the repository decides.
 * Without any rule every user may do everything and strangers nothing (what htpasswd in other
 * registries means); once there are rules, a repository that none matches is closed to all.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h" /* struct strv */

enum policy_action {
    POLICY_PULL,
    POLICY_PUSH,
    POLICY_DELETE,
    POLICY_CATALOG, /* the list of repositories */
    POLICY_SEARCH,
    _POLICY_MAX,
};

/* A list from the file: "anyone", "users", names, "@group". Nobody when nothing is set. */
struct policy_who {
    bool anyone;       /* also without credentials */
    bool users;        /* whoever has proved a name */
    struct strv names; /* of users, and of groups with '@' before them */
};

struct policy_group {
    const char *name;
    struct strv members;
};

struct policy_rule {
    const char *glob; /* glob.h */
    struct policy_who pull, push, delete;
    bool hidden;   /* who may not pull is told that there is no such repository, not that it is
                      forbidden */
    uint32_t line; /* of the file, for messages */
};

struct policy {
    const struct policy_group *groups;
    size_t n_groups;
    const struct policy_rule *rules;
    size_t n_rules;
    struct policy_who catalog, search;
    bool open; /* no authentication at all: everybody may do everything */
};

const struct policy_group *policy_group_get(const struct policy *p, const char *name);
/* The rule that decides for a repository, or NULL. */
const struct policy_rule *policy_rule_of(const struct policy *p, const char *repository);
/* `user` is NULL for a stranger. `repository` is ignored for catalog and search. */
bool policy_allows(const struct policy *p, const char *user, const char *repository,
                   enum policy_action action);
/* Whether a stranger may do it; said apart because clients are asked for a password if not. */
static inline bool policy_allows_anyone(const struct policy *p, const char *repository,
                                        enum policy_action action)
{
    return policy_allows(p, NULL, repository, action);
}
