/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Inside of archive/: members.c finds what is where, documents.c reads what it means, source.c
 * hands it out. */
#include "archive/archive.h"
#include "base/json.h"

struct member {
    const char *name;
    uint64_t offset, size_bytes;
    const char *link; /* name of the member meant, NULL: this one */
};
struct alias { /* a blob that does not lie under blobs/ */
    struct digest digest;
    const struct member *member; /* NULL: text */
    const char *text;
    size_t n;
};

struct reading {
    struct archive pub;
    int fd; /* of the plain tar, or the folder */
    bool owns_fd, is_folder;
    struct arena *a;
    struct member *members; /* by name */
    size_t n_members, cap_members;
    struct alias *aliases;
    size_t n_aliases, cap_aliases;
    uint32_t *alias_slots; /* by digest, open addressing: index + 1, 0 is free */
    size_t n_alias_slots;
    struct archive_image *images;
    size_t cap_images;
};

/* members.c */
int members_scan(struct reading *x, int fd, int spool_dir_fd, struct cancel *c,
                 struct shale_err *e);
/* Follows links. NULL: there is none. */
const struct member *member_find(const struct reading *x, const char *name);
/* Bytes of a member, or of a file of the folder. NOT_FOUND. */
int member_read(const struct reading *x, const char *name, struct buf *b, struct shale_err *e);

/* documents.c: fills images and aliases */
int documents_read(struct reading *x, struct shale_err *e);
const struct alias *alias_find(const struct reading *x, const struct digest *d);
