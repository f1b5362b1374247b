/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Inside of COPY: sources become items, an item is one file or the contents of one folder and has
 * an entry for each file below. Digest and layer go by the entries.
 */
#include "base/arena.h"
#include "build/context/copy_sums.h"
#include "build/context/room.h"
#include "build/copy/copy.h"

#define COPY_MAX_BYTES   (1ull << 30) /* of what is remembered of files */
#define COPY_MAX_ENTRIES 4000000
#define COPY_MAX_DEPTH   400 /* of folders: each holds two descriptors */

struct copy_entry {
    const char *path; /* from the item's root_fd; "": the root itself */
    const char *rel;  /* below the item; "": the item itself */
    const char *link; /* of a link: where it leads */
    struct copy_stat st;
    uint8_t sum[COPY_SUM_BYTES]; /* of contents and attributes, when has_sum */
    bool has_sum;
    uint64_t
        data_at;  /* of a file that was written: where in the tar its bytes begin; 0: not known */
    bool implied; /* a folder that the archive does not tell of, only of files in it */
    struct copy_packed *packed; /* of an archive that was not unpacked; NULL: a file */
};

/* A member of a tar that is read where it lies: for all names that it has. */
struct copy_packed {
    struct tar_entry t; /* path and link are those of the first name */
    const char *first;  /* where in the layer it came to lie, with its bytes; NULL: not yet */
};

struct copy_item {
    int root_fd;
    bool owns_fd;
    const char *name; /* what it is called in a folder */
    const char *text; /* a heredoc: this is all of it, and there are no entries */
    const char *url;  /* to be fetched; no entries before that */
    const char *sha256;
    bool is_dir; /* its contents are copied: the first entry gives nothing but the place */
    bool keeps_owner;
    bool is_foreign; /* not of the tree: nothing is left out by .dockerignore */
    bool is_whole;   /* and nothing by --exclude */
    bool unpack;     /* a file: if it is an archive, its members are copied */
    bool unpacked;   /* these are an archive's members */
    struct stat tar; /* of root_fd, if that is the archive (entries are `packed`) */
    struct copy_entry *v;
    size_t n, cap;
};

struct build_copy {
    const struct build_copy_opts *o;
    struct build_copy_opts opts;
    struct arena a;
    struct copy_item *items;
    size_t n_items, cap_items;
    uint64_t n_entries;
    struct ignore *excludes; /* NULL: none */
    struct copy_mode *mode;  /* of --chmod; NULL: none */
    struct build_room *room; /* NULL: nothing was fetched or unpacked yet */
    unsigned n_rooms;        /* names that were given in it */
};

/* copy_sources.c */
int copy_find_sources(struct build_copy *c, struct shale_err *e);
struct copy_item *copy_item_new(struct build_copy *c, struct shale_err *e); /* NULL: no memory */

/* copy_add.c: what only ADD does */
/* 1: it was a URL or repository, and gave an item; 0: it is a path. */
int copy_add_remote(struct build_copy *c, const char *source, struct shale_err *e);
/* A file of the tree: is it an archive to be unpacked? */
int copy_mark_archive(struct build_copy *c, struct copy_item *it, struct shale_err *e);
/* Everything is here, and archives are folders. Before the layer is made. */
int copy_settle_items(struct build_copy *c, struct shale_err *e);
void copy_item_clear(struct copy_item *it);
/* What was an archive is the folder `root_fd` (taken) with what was in it. */
void copy_item_unpacked(struct copy_item *it, int root_fd);

/* copy_packed.c: archives whose members go from where they lie into the layer. */
/* The item, of the file `fd`, becomes its members: 1. 0: it has something in it that makes sense
 * only when it is unpacked (names that are there twice, paths through its own links, holes); then
 * nothing has happened. room_fd: a folder for the bytes of one that is compressed. */
int copy_packed_open(struct build_copy *c, struct copy_item *it, int fd, int room_fd,
                     struct shale_err *e);
/* t: as the layer has it, but for what is another name of a file and where links lead. */
int copy_packed_put(struct build_copy *c, const struct copy_item *it, const struct copy_entry *x,
                    struct tar_entry *t, struct tar_writer *to, struct shale_err *e);

/* copy_walk.c */
struct copy_pattern {
    const char *all;     /* borrowed */
    const char **starts; /* its first part, its first two …: of folders above what it means */
    size_t n, n_fixed;   /* parts; parts before the first ** */
};
struct copy_matches {
    const char **v; /* in the copy's arena */
    size_t n, cap;
};
bool copy_is_pattern(const char *s); /* has * ? or [ */
/* INVALID: bad brackets. */
int copy_pattern_of(const char *s, struct arena *a, struct copy_pattern *ret, struct shale_err *e);
/* All of `path` (never a link) that is not left out; with a pattern only what it means, what is
 * below that, and the folders above. */
int copy_walk(struct build_copy *c, struct copy_item *it, const char *path,
              const struct copy_pattern *pattern, struct shale_err *e);
/* The names below `path` in the tree that the pattern means, in order; not what is below them. */
int copy_match(struct build_copy *c, const char *path, const struct copy_pattern *pattern,
               struct copy_matches *ret, struct shale_err *e);
void copy_stat_of(const struct stat *st, struct copy_stat *ret);

/* copy_meta.c */
struct copy_mode;
int copy_mode_parse(const char *s, struct arena *a, struct copy_mode **ret, struct shale_err *e);
uint32_t copy_mode_apply(const struct copy_mode *m, uint32_t mode); /* with the type, mode_t's */
struct copy_owner {
    uint32_t uid, gid;
    bool set; /* otherwise as the source's */
};
int copy_owner_find(const char *chown, int below_fd, struct arena *a, struct copy_owner *ret,
                    struct shale_err *e);
