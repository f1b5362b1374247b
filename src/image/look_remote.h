/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Looking into an image in a registry. Its layers are streamed, checked and thrown away: what stays
 * is each one's table of contents and the bytes of the files that were wanted, in files without a
 * name on the store's file system. Nothing of the store changes. A layer that the store has is read
 * there.
 *
 *   look_remote_open(host, "registry/app:1", platform, arena, &l, e);   // manifest and config
 *   look_remote_read(&l, e);             // all layers: then l is as one of look_open
 *   look_until(&l, paths, n, e);         // or: from the top, until these files are found
 *   look_close(&l);
 *
 * look_read fetches a layer again when the bytes of a file are not among those that were kept.
 * Memory: as for a layer of a pull, for each of a few at a time. Errors: as a pull's.
 */
#include <pthread.h>

#include "image/image.h"
#include "image/look.h"
#include "rootfs/spill.h"

#define LOOK_MAX_WANTED 64 /* paths, with those that links on the way lead to */

/* Which files' bytes are kept while a layer streams by. */
struct look_wanted {
    const char *paths[LOOK_MAX_WANTED]; /* from the root, in plain form */
    size_t n_paths;
    struct arena *arena;   /* where paths that links lead to are added; NULL: they are not */
    bool packages;         /* databases of packages */
    bool sums;             /* no bytes, but the SHA-256 of each file */
    uint64_t offset;       /* LOOK_OFFSET_NONE, or the one file whose data is there */
    uint64_t max_db_bytes; /* of a database */
};
#define LOOK_OFFSET_NONE UINT64_MAX

struct look_layer {
    const struct descriptor *blob;
    const struct digest *diff_id;
    struct look_layer *same; /* one of another image: what is kept is kept there; NULL: none */
    struct toc *toc;         /* NULL: not read yet */
    int toc_fd, data_fd;     /* -1; data_fd: the kept bytes, at their offsets of the tar */
    bool local;              /* it is the store's: data_fd is its tar */
    bool touched;            /* it has a file that is wanted by its path */
    uint64_t *kept;          /* offsets of files, ascending */
    size_t n_kept, cap_kept;
    struct spill sums;
    size_t n_sums;
};

struct look_remote {
    struct image_host h;
    struct arena *arena;
    struct source *from;
    const char *name; /* of the image, as asked for */
    struct manifest m;
    struct config config;
    struct look_layer *layers; /* base first */
    size_t first;              /* the lowest that is in the tree */
    struct look_wanted wanted;
    struct look *other;    /* an image that was read before: layers of both are fetched once */
    pthread_mutex_t mutex; /* guards fetched */
    struct shale_fetched fetched;
};

/* "docker://REF" is an image in its registry, wherever an image is named. NULL: it is not written
 * so. */
const char *look_remote_name(const char *what);

/* Close it also after an error. */
int look_remote_open(struct image_host *h, const char *ref, const char *platform, struct arena *a,
                     struct look *l, struct shale_err *e);
int look_remote_read(struct look *l, struct shale_err *e);
/* With layers above only, where they decide what the paths are. */
int look_until(struct look *l, const char *const *paths, size_t n, struct shale_err *e);
/* A tree of the layers from `first` on, which have been read. */
int look_remote_merge(struct look *l, size_t first, struct shale_err *e);
int look_remote_fetch(struct look *l, size_t i, struct cancel *c, struct shale_err *e);
void look_remote_close(struct look *l);

/* The bytes of a file can be read from l->tars afterwards. */
int look_remote_keep(struct look *l, size_t layer, const struct tar_entry *x, struct shale_err *e);
/* The SHA-256 of a file that was read with wanted.sums: 1; 0: not known. */
int look_remote_sum(const struct look *l, size_t layer, const struct tar_entry *x, uint8_t ret[32]);
/* What was fetched for an image is added. */
void look_remote_tell(const struct look *l, struct shale_fetched *ret);

/* look_stream.c: a layer from its blob. One that was read before: only wanted.offset is kept. */
int look_stream(struct look_remote *r, struct look_layer *y, struct cancel *c, struct shale_err *e);
/* A link on the way to something that is wanted: what it leads to is wanted, too. */
void look_follow(struct look_wanted *w, const struct tar_entry *t);
/* The plain form of a path, in the arena: "./a//b/../c" is "a/c". NULL: no memory, or too long. */
const char *look_plain(struct arena *a, const char *path);
/* Is `path` one of those above `whole`, or itself? */
bool look_leads_to(const char *path, size_t n, const char *whole);
