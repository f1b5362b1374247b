/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * COPY and ADD on folders that a test describes, and what comes out as lines.
 *
 * A tree is lines: "d PATH MODE", "f PATH MODE TEXT", "l PATH TARGET", "p PATH MODE" (a fifo),
 * "s PATH" (a socket), "h PATH OTHER" (a hard link); folders above are made 0755.
 * A layer is lines in the order of its members: "d755 0:0 PATH", "f644 0:0 PATH TEXT",
 * "l PATH TARGET", "h PATH OTHER", "p644 0:0 PATH"; of times only what a test asks for.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "build/copy/copy.h"

struct copy_fixture {
    char dir[64];
    int tree_fd, below_fd;
    struct build_tree tree;
    struct ignore *ignore;
};
void copy_fixture_begin(struct copy_fixture *f, const char *tree, const char *below);
void copy_fixture_end(struct copy_fixture *f);
void copy_tree(int fd, const char *lines);
/* Runs it with the fixture's tree: the layer's lines in b, or -code and *e. */
int copy_run(struct copy_fixture *f, const struct build_copy_opts *o, struct buf *b,
             struct shale_err *e);
/* The digest alone. */
int copy_digest(struct copy_fixture *f, const struct build_copy_opts *o, char hex[65],
                struct shale_err *e);
