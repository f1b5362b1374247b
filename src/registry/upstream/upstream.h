/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The other registries of a config ([upstream]): which of our repositories is a cache of which,
 * what its name is there, and whether it can be asked just now.
 *
 *   upstreams_open(conf, &u, e);                 // reads passwords and certificates
 *   up = upstreams_find(u, "hub/library/nginx"); // NULL: a repository of our own
 *   if (upstream_try(up, false, e) >= 0) {              // not after it has failed twice, for a
 * while upstream_source(up, repo, false, &src, e); r = src->ops->resolve(src, …); upstream_tell(up,
 * false, r, e);
 *   }
 *
 * An upstreams lives as long as the config, which is borrowed. Thread-safe after open. Errors:
 * those of remote/remote.h; INVALID and those of files at open.
 */
#include <stdbool.h>

#include "base/err.h"
#include "registry/conf/regconf.h"
#include "remote/remote.h"

#define UPSTREAM_DOWN_NS (5ll * 1000000000) /* one that has failed is asked again after this */

struct upstreams;
struct upstream;

/* *ret is NULL when the config has none. */
int upstreams_open(const struct regconf *c, struct upstreams **ret, struct shale_err *e);
struct upstreams *upstreams_close(struct upstreams *u); /* NULL in, NULL out */
struct upstream *upstreams_find(const struct upstreams *u, const char *repo); /* u may be NULL */
const struct regconf_upstream *upstream_conf(const struct upstream *up);

/* Clients of a mirror say which registry they mean. *ret is the repository of ours that stands for
 * `name` of that one, in the arena; NULL: there is no upstream for it. */
int upstreams_mirror(const struct upstreams *u, const char *ns, const char *name, struct arena *a,
                     const char **ret, struct shale_err *e);

/* The name of our repository there, in the arena; NULL: no memory. */
const char *upstream_name(const struct regconf_upstream *c, const char *repo, struct arena *a);
/* The repository there. `patient`: for blobs, which are worth more attempts. */
int upstream_source(struct upstream *up, const char *repo, bool patient, struct source **ret,
                    struct shale_err *e);
/* 0, or why it failed last: who asks again before its time would only wait. */
int upstream_try(struct upstream *up, bool patient, struct shale_err *e);
/* How a question ended: r and its error. */
void upstream_tell(struct upstream *up, bool patient, int r, const struct shale_err *e);
/* How long it wants to be left alone; 0: it did not say. */
int64_t upstream_pause(const struct upstream *up);
