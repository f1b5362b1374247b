/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What can be searched for: index.db beside registry.db. It holds facts about things that never
 * change (manifests by digest, layers by digest); what is in which repository, and under which
 * tags, is asked of registry.db in the same query. So nothing that was removed is ever found, and a
 * description that changed counts at once.
 *
 *   index_open(root_fd, root, &opts, &x, e);
 *   index_names(x, &query, …);           // repositories: /v1/search
 *   index_search(x, &query, …);          // images, by whatever is known of them
 *   index_close(x);
 *
 * It is a cache: not synced, made anew when it is damaged or of another version, filled by
 * indexer.h. Searching has connections of its own and never holds up pushes and pulls. Any number
 * of threads and processes.
 *
 * Who may see what is asked of the caller, for every repository before anything of it is looked at.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/digest.h"

#define INDEX_FILE       "index.db"
#define INDEX_TERM_BYTES 256 /* of a search term */
#define INDEX_TERM_WORDS 8
#define INDEX_TIMEOUT_NS                                                                           \
    (10ll * 1000000000ll) /* a search that takes longer is given up: TIMEOUT                       \
                           */

struct index;
struct meta;

int index_open(int root_fd, const char *root, bool read_only, struct index **ret,
               struct shale_err *e);
struct index *index_close(struct index *x); /* NULL in, NULL out */
/* To write; NULL when it is read-only. For indexer.c. */
struct meta *index_writer(struct index *x);
/* A connection to read with, with registry.db as "reg"; searches of others wait until it is given
 * back. Gives up after INDEX_TIMEOUT_NS. */
struct meta *index_take(struct index *x);
void index_give(struct index *x);
/* What became of a query: TIMEOUT when it took too long. Returns r. */
int index_result(struct index *x, int r, struct shale_err *e);

/* Whether whoever asks may know of a repository. */
struct index_asker {
    bool (*sees)(void *arg, const char *repository);
    void *arg;
};

/* ---- repositories by name and description ---- */
struct index_name {
    const char *name, *description; /* the record's, or what its newest image says of itself */
    int64_t stars;
    bool official;
};
struct index_names {
    struct index_name *v; /* of the page */
    size_t n;
    uint64_t n_all; /* that were found */
};
/* Those that have every word of `term` in their name or description, without regard to case; the
 * very name first, then official ones, then by stars. `skip` of them are passed over, at most `n`
 * returned. LIMIT for a term that is too long. */
int index_names(struct index *x, const char *term, const struct index_asker *who, uint64_t skip,
                uint64_t n, struct arena *a, struct index_names *ret, struct shale_err *e);
/* Description and stars as index_names has them. */
int index_describe(struct meta *m, int64_t repo, struct arena *a, struct index_name *ret,
                   struct shale_err *e);
