/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/auth/policy.h"

#include "base/str.h"
#include "base/glob.h"

static bool contains(const struct strv *v, const char *s)
{
    for (size_t i = 0; i < v->n; i++)
        if (streq(v->v[i], s))
            return true;
    return false;
}

const struct policy_group *policy_group_get(const struct policy *p, const char *name)
{
    for (size_t i = 0; i < p->n_groups; i++)
        if (streq(p->groups[i].name, name))
            return &p->groups[i];
    return NULL;
}

static bool who_has(const struct policy *p, const struct policy_who *w, const char *user)
{
    if (w->anyone)
        return true;
    if (!user)
        return false;
    if (w->users)
        return true;
    for (size_t i = 0; i < w->names.n; i++) {
        const char *name = w->names.v[i];
        if (*name != '@') {
            if (streq(name, user))
                return true;
            continue;
        }
        const struct policy_group *g = policy_group_get(p, name + 1);
        if (g && contains(&g->members, user))
            return true;
    }
    return false;
}

const struct policy_rule *policy_rule_of(const struct policy *p, const char *repository)
{
    for (size_t i = 0; i < p->n_rules; i++)
        if (glob_match(p->rules[i].glob, repository))
            return &p->rules[i];
    return NULL;
}

bool policy_allows(const struct policy *p, const char *user, const char *repository,
                   enum policy_action action)
{
    if (action == POLICY_SEARCH)
        return who_has(p, &p->search, user);
    if (p->open)
        return true;
    if (action == POLICY_CATALOG)
        return who_has(p, &p->catalog, user);
    if (p->n_rules == 0)
        return user != NULL;
    const struct policy_rule *rule = policy_rule_of(p, repository);
    if (!rule)
        return false;
    return who_has(p,
                   action == POLICY_PULL   ? &rule->pull
                   : action == POLICY_PUSH ? &rule->push
                                           : &rule->delete,
                   user);
}
