/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Files and git repositories of the network, fetched into a folder. */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/err.h"

struct fetched {
    int64_t mtime_ns; /* Last-Modified; 0: the server does not tell */
    char sha256[65];
    uint64_t bytes;
};
/* The document as the file dir_fd/name, mode 0600. NOT_FOUND, NETWORK (any other status), LIMIT. */
int fetch_url(const char *url, int dir_fd, const char *name, struct cancel *c, struct fetched *ret,
              struct shale_err *e);
/* What a file fetched from there is called: the last part of the path. In the arena. */
const char *fetch_name(const char *url, struct arena *a);

struct git_source {
    const char *url;    /* for git */
    const char *ref;    /* NULL: the remote's HEAD */
    const char *folder; /* NULL: all of it */
};
/* "https://host/x.git#ref:folder", "git@host:x", "git://…", "ssh://…", "github.com/x/y". 0 when it
 * is none of these, 1. */
int git_parse(const char *s, struct arena *a, struct git_source *ret, struct shale_err *e);
/* Checks the ref out, with its submodules, into dir_fd/name (made here); modes are 0755 and 0644.
 * ret_commit: what it was. UNSUPPORTED: no git program. */
int git_fetch(const struct git_source *g, int dir_fd, const char *name, bool keep_git_dir,
              struct cancel *c, char ret_commit[65], struct shale_err *e);
