/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_FLAT_H
#define SHALE_FLAT_H
/*
 * Root file systems as plain tars, without an image around them. See shale.h for the conventions.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_import_opts {
    size_t size;
    const char *input;          /* path or http(s) URL of a tar; NULL: from fd */
    int fd;                     /* a file or pipe, read from where it stands; stays open */
    const char *name;           /* REPOSITORY[:TAG] for the image; NULL: none */
    const char *message;        /* NULL: "Imported from -", or from that URL */
    const char *platform;       /* "os/arch[/variant]" to be recorded; NULL: this host's */
    const char *const *changes; /* "ENV A=b", "CMD sh" …; NULL-terminated, may be NULL */
};
struct shale_imported {
    const char *id; /* sha256:… of the image */
};
/* A new image of one layer: the tar, plain or packed with gzip, zstd, xz or bzip2. The name moves
 * to it. What fails leaves nothing. INVALID (name, changes, platform, no tar), CORRUPT, LIMIT;
 * NOT_FOUND: no such file; NETWORK, TIMEOUT: of a URL; UNSUPPORTED: a library for the packing that
 * is not installed. */
SHALE_API int shale_import(struct shale *s, const struct shale_import_opts *o,
                           struct shale_imported **ret, struct shale_err *e);

struct shale_export_opts {
    size_t size;
    const char *output; /* path; replaced when the tar is whole. NULL: to fd */
    int fd;             /* written to from where it stands; stays open */
    /* In place of fd: takes all n bytes, or fails with a negative value. */
    int (*write)(void *arg, const void *p, size_t n);
    void *arg;
};
/* Writes all files that a container sees, running or not, as one tar: the image's and its changes,
 * without volumes and mounts. Sockets are left out. NOT_FOUND; INVALID: no such folder. */
SHALE_API int shale_export(struct shale *s, const char *container,
                           const struct shale_export_opts *o, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
