/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The databases of package managers, as bytes from anybody. Each function calls f for every
 * installed package; names, versions and architectures of more than CONTENTS_PACKAGE_BYTES, and
 * packages without a name, are passed over. Pure, but for rpm's (memory of SQLite).
 *
 * Errors: CORRUPT, LIMIT, NO_MEMORY; what f returns.
 */
#include <stddef.h>

#include "base/buf.h"
#include "contents/contents.h"

#define PACKAGES_MAX 1000000 /* of one database */

typedef int (*packages_fn)(void *arg, const char *name, const char *version, const char *arch,
                           struct shale_err *e);

/* Where the databases are in an image. A path that ends in '/': every file in that folder. */
#define PACKAGES_N_FILES 6
extern const struct packages_file {
    const char *path;
    enum contents_db db;
} packages_files[PACKAGES_N_FILES];
/* A database of that kind. What is in b may be changed. */
int packages_read(enum contents_db db, struct buf *b, packages_fn f, void *arg,
                  struct shale_err *e);

/* Paragraphs of "Field: value" lines (deb-control(5)); those with a Status count if that ends in
 * "installed". */
int packages_dpkg(const char *p, size_t n, packages_fn f, void *arg, struct shale_err *e);
/* Paragraphs of "X:value" lines: P name, V version, A architecture. */
int packages_apk(const char *p, size_t n, packages_fn f, void *arg, struct shale_err *e);
/* A SQLite file with a header in every row of Packages. p may be changed. */
int packages_rpm(void *p, size_t n, packages_fn f, void *arg, struct shale_err *e);

/* One header of rpm's database (rpm, docs/manual/format_header.md, without the magic). 1, or 0 when
 * it has no name. */
struct packages_rpm_header {
    char name[CONTENTS_PACKAGE_BYTES + 1], arch[CONTENTS_PACKAGE_BYTES + 1];
    char version[CONTENTS_PACKAGE_BYTES + 1]; /* [epoch:]version-release */
};
int packages_rpm_header(const void *p, size_t n, struct packages_rpm_header *ret,
                        struct shale_err *e);

/* Which of two versions is newer, as that package manager sees it: < 0, 0, > 0. Any texts. */
int packages_compare(enum contents_db db, const char *a, const char *b);
