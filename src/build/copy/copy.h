/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * COPY and ADD: what they would copy, a digest of it for the cache, and the layer.
 *
 *   build_copy_open(&o, &c, e);          // finds the sources; reads folders, no contents
 *   build_copy_digest(c, hex, e);        // in the cache? then that was all
 *   build_copy_layer(c, below_fd, out, arg, &stats, e);
 *   build_copy_close(c);
 *
 * As BuildKit does it: a folder's contents are copied, not itself; a link that is a source is
 * followed (within the tree), links below it are copied as links; folders that are missing above
 * the destination are made, 0755, and belong to --chown's user; what is copied from a context
 * belongs to root, from a stage to whom it belongs there. Sockets are left out.
 *
 * The layer is written straight from the sources, members in the order of their names; nothing is
 * mounted or unpacked. Folders that are there below already get no member unless the copy changes
 * them. A file that is no longer what it was at build_copy_open is CONFLICT.
 *
 * Errors: NOT_FOUND (a source), INVALID (flags, --checksum, a folder over a file …), UNSUPPORTED,
 * LIMIT, CORRUPT (archives), NETWORK, SYSTEM. One thread at a time; several copies at once are
 * fine.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cancel.h"
#include "base/err.h"
#include "base/time.h"
#include "build/context/context.h"
#include "tar/tar_write.h"

#define BUILD_COPY_MAX_SOURCES 65536

struct build_copy_source {
    const char *path; /* a path, glob or (of ADD) URL; of a heredoc: the name of the file */
    const char *text; /* not NULL: a heredoc, and this is the file */
};

struct build_copy_opts { /* all is borrowed until close; variables are expanded already */
    struct store *store; /* has room for what ADD fetches; NULL where that is not needed */
    const struct build_tree *tree;
    const struct build_copy_source *sources;
    size_t n_sources;            /* 0: no more than the folder `dest` */
    const char *dest;            /* as written; relative to workdir */
    const char *workdir;         /* NULL or "": / */
    bool add;                    /* ADD: URLs, git, archives of the context are unpacked */
    const char *chown;           /* user[:group], by the stage's passwd and group; NULL: as above */
    const char *chmod;           /* "755" or "u=rwX,go=rX"; NULL: as in the tree */
    const char *const *excludes; /* patterns */
    size_t n_excludes;
    bool parents;         /* --parents */
    bool link;            /* --link: as if there was nothing below */
    const char *checksum; /* "sha256:…" of a URL; NULL: none */
    bool keep_git_dir;
    const char *unpack;    /* "true", "false"; NULL: archives of the tree only */
    int64_t now_ns;        /* time of what is made anew (folders, heredocs) */
    int64_t max_mtime_ns;  /* SOURCE_DATE_EPOCH: no time is later; TIME_NONE: not set */
    struct cancel *cancel; /* may be NULL */
    /* Told of what ADD takes from elsewhere, by its URL: hex of its "sha256", or the "sha1" or
     * "sha256" of a commit. Called by build_copy_open; NULL: nobody wants to know. */
    int (*on_fetched)(void *arg, const char *url, const char *alg, const char *hex,
                      struct shale_err *e);
    void *fetched_arg;
    /* Digests of files of layers (tree.origins, build_copy_note); NULL: none are known. */
    struct copy_sums *layer_sums;
};

struct build_copy_stats {
    uint64_t n_members; /* 0: nothing changes, there need be no layer */
    uint64_t bytes;     /* of files */
};

struct build_copy;
int build_copy_open(const struct build_copy_opts *o, struct build_copy **ret, struct shale_err *e);
/* Of all that decides on the layer beside what is below: names, types, modes, owners, contents,
 * attributes, destination and flags; no times. Contents of files are read that opts.tree.sums does
 * not know, by several threads. */
int build_copy_digest(struct build_copy *c, char ret_hex[65], struct shale_err *e);
/* below_fd: the root of the stage as it is (-1: scratch, empty). The tar goes to `out`. */
int build_copy_layer(struct build_copy *c, int below_fd, tar_out_fn out, void *arg,
                     struct build_copy_stats *ret, struct shale_err *e);
/* Is it a mode that --chmod takes? INVALID. */
int build_copy_check_mode(const char *chmod, struct arena *a, struct shale_err *e);
/* The layer that was written is this one: digests of its files need not be made of them again. */
void build_copy_note(struct build_copy *c, const struct digest *diff_id);
struct build_copy *build_copy_close(struct build_copy *c); /* NULL in, NULL out */
