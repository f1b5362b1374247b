/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is inside of a layer: every member of its tar with the SHA-256 of its bytes, and the
 * packages of the databases that package managers keep in it, in one pass over the stream.
 *
 *   contents_new(&sink, &limits, &c, e);
 *   while (bytes of the inflated tar come) contents_feed(c, p, n, e);
 *   contents_end(c, e);
 *   contents_free(c);
 *
 * Databases: dpkg (var/lib/dpkg/status, and status.d/ of images without dpkg), apk
 * (lib/apk/db/installed) and rpm's SQLite (rpmdb.sqlite). One that is damaged or too large gives no
 * packages and is told of by contents_problem: it spoils nothing else.
 *
 * Memory: the largest database (limits.db_bytes), one at a time, and a few KiB. No I/O. One thread
 * at a time. Errors: those of tar.h; LIMIT for more members than allowed; what the sink returns.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum contents_kind { /* numbers are stored: new ones go to the end */
                     CONTENTS_FILE,
                     CONTENTS_DIR,
                     CONTENTS_SYMLINK,
                     CONTENTS_HARDLINK, /* `link` is the file that it is another name of */
                     CONTENTS_OTHER,    /* devices, fifos */
                     CONTENTS_WHITEOUT, /* `path` of lower layers is gone */
                     CONTENTS_OPAQUE,   /* all that lower layers have in `path` is gone */
};

struct contents_entry { /* borrowed for the call */
    enum contents_kind kind;
    struct str path; /* relative, "usr/bin/env"; NUL-terminated too */
    struct str link; /* of hard links */
    uint32_t mode;   /* 07777 */
    uint64_t size_bytes;
    bool hashed; /* files, but for sparse ones */
    uint8_t sha256[32];
};

enum contents_db { CONTENTS_DPKG, CONTENTS_APK, CONTENTS_RPM }; /* stored, too */
/* Of a name, a version, an architecture; longer ones are none. */
#define CONTENTS_PACKAGE_BYTES 256

struct contents_package {
    enum contents_db db;
    const char *name, *version, *arch; /* version of rpm: [epoch:]version-release; arch may be "" */
    struct str file;                   /* the database */
};

struct contents_sink {
    int (*entry)(void *arg, const struct contents_entry *x, struct shale_err *e);
    int (*package)(void *arg, const struct contents_package *x, struct shale_err *e);
    void *arg;
};
struct contents_limits {
    uint64_t entries, db_bytes;
};

struct contents;
int contents_new(const struct contents_sink *sink, const struct contents_limits *limits,
                 struct contents **ret, struct shale_err *e);
int contents_feed(struct contents *c, const void *p, size_t n, struct shale_err *e);
int contents_end(struct contents *c, struct shale_err *e);
const char *contents_problem(const struct contents *c); /* of the first bad database; "" none */
struct contents *contents_free(struct contents *c);     /* NULL in, NULL out */
