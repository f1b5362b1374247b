/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What becomes of repositories by rule: which tags stay ([retention]), how much there may be, and
 * which tags never change ([repository]). Read from the config file (regconf.h), then never
 * changed: pure functions over const data, any number of threads.
 *
 *   retain_choose(p, "team/app", tags, n, now_ns);   // marks the tags that go
 *
 * Retention, for the tags of one repository:
 *
 * 1. A tag that is pinned stays: one that `pins` of any section for this repository matches, and
 *    one that `immutable` of [repository] matches. So does a tag that is named after a digest
 *    (sha256-…): what it names belongs to another image and goes with that.
 * 2. Of the sections whose glob matches the repository, the first whose `tags` match decides about
 *    a tag. A tag about which none decides stays.
 * 3. It goes when every condition that this section has says so: it is not one of the keep_tags
 *    newest (by the time of their last push) of those that the section decides about, and it was
 *    pushed longer than max_age ago. A section without either removes nothing.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h" /* struct strv */
#include "model/digest.h"

struct retain_rule { /* [retention "GLOB"] */
    const char *glob;
    struct strv tags; /* globs; not set: all */
    struct strv pins;
    uint64_t keep_tags;        /* 0: not asked */
    int64_t max_age_ns;        /* 0: not asked */
    int64_t untagged_after_ns; /* 0: as [gc] untagged says */
};

struct retain_repository { /* [repository "GLOB"] */
    const char *glob;
    uint64_t quota_bytes;  /* 0: not set */
    struct strv immutable; /* globs of tags */
};

struct retain {
    const struct retain_rule *rules;
    size_t n_rules;
    const struct retain_repository *repositories;
    size_t n_repositories;
};

struct retain_tag {
    const char *name;
    struct digest digest; /* what it names; the rules do not ask */
    int64_t pushed_ns;
    const struct retain_rule *rule; /* set by retain_choose: it goes, by this one; NULL: it stays */
};
/* `v` has the newest tag first. Times are nanoseconds since 1970. */
void retain_choose(const struct retain *p, const char *repo, struct retain_tag *v, size_t n,
                   int64_t now_ns);
/* Why a tag goes, in words. */
#define RETAIN_WHY_BYTES 128
char *retain_why(const struct retain_rule *x, char ret[RETAIN_WHY_BYTES]);
/* Is there a section that may remove tags of this repository? */
bool retain_has_rules(const struct retain *p, const char *repo);
/* After which time manifests without a tag go, by the first section for this repository that says
 * so; 0: none does. */
int64_t retain_untagged_after(const struct retain *p, const char *repo);

/* Bytes, 0: no limit. The first section that matches and has one, else `general`. */
uint64_t retain_quota(const struct retain *p, const char *repo, uint64_t general);
/* Must the tag stay what it is? The first section that matches and has a list decides. */
bool retain_immutable(const struct retain *p, const char *repo, const char *tag);
