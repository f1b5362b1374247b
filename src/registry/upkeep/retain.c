/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upkeep/retain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/time.h"
#include "base/glob.h"

#define MAX_RULES  1024 /* REGCONF_MAX_SECTIONS */
#define HEX_DIGITS "0123456789abcdef"
#define HEX_BYTES  64 /* of a sha256 */
#define DAY_NS     (86400 * NS_PER_S)

static bool any_matches(const struct strv *globs, const char *name)
{
    for (size_t i = 0; i < globs->n; i++)
        if (glob_match(globs->v[i], name))
            return true;
    return false;
}

/* "sha256-<hex>", perhaps with a suffix. */
static bool named_after_digest(const char *tag)
{
    static const char prefix[] = "sha256-";
    size_t n = sizeof prefix - 1;

    return strncmp(tag, prefix, n) == 0 && strspn(tag + n, HEX_DIGITS) == HEX_BYTES;
}

/* The sections for one repository, looked up once. */
struct for_repo {
    const struct retain *p;
    const char *repo;
    size_t n;
    const struct retain_rule *rules[MAX_RULES];
    uint64_t seen[MAX_RULES]; /* tags that each has decided about */
};

static void collect_rules(struct for_repo *f)
{
    for (size_t i = 0; i < f->p->n_rules && f->n < MAX_RULES; i++)
        if (glob_match(f->p->rules[i].glob, f->repo))
            f->rules[f->n++] = &f->p->rules[i];
}

static bool stays_always(const struct for_repo *f, const char *tag)
{
    for (size_t i = 0; i < f->n; i++)
        if (any_matches(&f->rules[i]->pins, tag))
            return true;
    return named_after_digest(tag) || retain_immutable(f->p, f->repo, tag);
}

static void write_age(char *b, size_t n, int64_t ns)
{
    if (ns >= DAY_NS && ns % DAY_NS == 0)
        snprintf(b, n, "%" PRId64 " days", (int64_t)(ns / DAY_NS));
    else
        snprintf(b, n, "%" PRId64 " s", (int64_t)(ns / NS_PER_S));
}

char *retain_why(const struct retain_rule *x, char ret[RETAIN_WHY_BYTES])
{
    char age[32] = "", kept[64] = "";

    if (x->max_age_ns)
        write_age(age, sizeof age, x->max_age_ns);
    if (x->keep_tags)
        snprintf(kept, sizeof kept, "not one of the %" PRIu64 " newest", x->keep_tags);
    snprintf(ret, RETAIN_WHY_BYTES, "%s%s%s%s", kept, *kept && *age ? ", and " : "",
             *age ? "older than " : "", age);
    return ret;
}

static void decide(struct for_repo *f, struct retain_tag *t, int64_t now_ns)
{
    size_t i = 0;

    t->rule = NULL;
    if (stays_always(f, t->name))
        return;
    while (i < f->n && f->rules[i]->tags.n > 0 && !any_matches(&f->rules[i]->tags, t->name))
        i++;
    if (i == f->n)
        return;
    const struct retain_rule *x = f->rules[i];
    bool newest = ++f->seen[i] <= x->keep_tags;
    bool young = x->max_age_ns && t->pushed_ns >= now_ns - x->max_age_ns;
    if ((x->keep_tags || x->max_age_ns) && !newest && !young)
        t->rule = x;
}

void retain_choose(const struct retain *p, const char *repo, struct retain_tag *v, size_t n,
                   int64_t now_ns)
{
    struct for_repo f = {.p = p, .repo = repo};

    collect_rules(&f);
    for (size_t i = 0; i < n; i++)
        decide(&f, &v[i], now_ns);
}

bool retain_has_rules(const struct retain *p, const char *repo)
{
    for (size_t i = 0; i < p->n_rules; i++)
        if ((p->rules[i].keep_tags || p->rules[i].max_age_ns) && glob_match(p->rules[i].glob, repo))
            return true;
    return false;
}

int64_t retain_untagged_after(const struct retain *p, const char *repo)
{
    for (size_t i = 0; i < p->n_rules; i++)
        if (p->rules[i].untagged_after_ns && glob_match(p->rules[i].glob, repo))
            return p->rules[i].untagged_after_ns;
    return 0;
}

uint64_t retain_quota(const struct retain *p, const char *repo, uint64_t general)
{
    for (size_t i = 0; i < p->n_repositories; i++)
        if (p->repositories[i].quota_bytes && glob_match(p->repositories[i].glob, repo))
            return p->repositories[i].quota_bytes;
    return general;
}

bool retain_immutable(const struct retain *p, const char *repo, const char *tag)
{
    for (size_t i = 0; i < p->n_repositories; i++)
        if (p->repositories[i].immutable.n > 0 && glob_match(p->repositories[i].glob, repo))
            return any_matches(&p->repositories[i].immutable, tag);
    return false;
}
