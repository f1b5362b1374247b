/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a build copies from, and its Dockerfile.
 *
 *   const struct build_context_opts o = {.store = s, .context = "."};
 *   build_context_open(&o, &c, e);
 *   text = build_context_dockerfile(c, &n);      // of -f, or Dockerfile
 *   tree = build_context_tree(c);                // for COPY and ADD (copy.h)
 *   build_context_close(c);                      // keeps what was learned of unchanged files
 *
 * A context is a folder, "-" (a tar on standard input, also compressed; or a Dockerfile, when it is
 * no tar), the URL of a tar or of a Dockerfile, or a git URL ("https://…/x.git#ref:folder"). What
 * is no folder is unpacked into one of the store's, which goes with the context; if the process is
 * killed, with the next context that is opened. Nothing outside of the folder is read, whatever
 * links lead to. `.dockerignore`, or NAME.dockerignore beside the Dockerfile, says what is left
 * out.
 *
 * A context may be used by several threads. Errors: NOT_FOUND, INVALID, DENIED, LIMIT, UNSUPPORTED
 * (no git program), NETWORK, SYSTEM.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/cancel.h"
#include "base/err.h"
#include "dockerfile/ignore.h"
#include "store/store.h"

#define BUILD_CONTEXT_MAX_DOCKERFILE (10u << 20)

struct copy_sums;

/* Files to copy from: a context, or the root of a stage or image. */
struct build_tree {
    int root_fd;                 /* a folder; borrowed */
    const struct ignore *ignore; /* NULL: nothing is left out; borrowed */
    const char *what;            /* for messages: "the build context", "stage build"; borrowed */
    bool is_context;             /* what is copied belongs to root; otherwise owners are kept */
    struct copy_sums *sums;      /* digests of files that did not change; NULL: none; borrowed */
    /* Of a view of layers: where the bytes of its files lie. NULL: not known; borrowed. */
    const struct rootfs_origins *origins;
};

struct build_context_opts {
    struct store *store;
    const char *context; /* folder, "-" or URL */
    const char *file;    /* -f: NULL: Dockerfile in the context; "-": on standard input */
    int stdin_fd;        /* what "-" means */
    bool no_dockerfile;  /* a further context (--build-context): it needs none */
    bool keep_git_dir;   /* .git of a repository is part of it */
    struct cancel *cancel;
};

struct build_context;
int build_context_open(const struct build_context_opts *o, struct build_context **ret,
                       struct shale_err *e);
const struct build_tree *build_context_tree(const struct build_context *c); /* borrowed */
/* Digests of files, of this folder and of layers that were made from it. NULL: none; borrowed. */
struct copy_sums *build_context_sums(const struct build_context *c);
/* The bytes of the Dockerfile, ended by 0, and its name for messages. Borrowed. */
const char *build_context_dockerfile(const struct build_context *c, size_t *ret_n);
const char *build_context_dockerfile_name(const struct build_context *c);
struct build_context *build_context_close(struct build_context *c); /* NULL in, NULL out */
/* Is it a URL, and no folder of this host? */
bool build_context_is_remote(const char *context);
