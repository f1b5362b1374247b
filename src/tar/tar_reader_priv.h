/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The reader's inside: tar_reader.c cuts the stream into headers and texts, tar_member.c turns a
 * header and what was said before it into a member. */
#include "base/buf.h"
#include "tar/tar.h"
#include "tar/tar_header.h"
#include "tar/tar_path.h"
#include "tar/tar_pax.h"
#include "tar/tar_sparse.h"

enum state {
    WANT_HEADER,    /* the next block is a header, or the end mark */
    WANT_TEXT,      /* PAX records or a GNU long name */
    WANT_EXTENSION, /* more of the map of a type 'S' member */
    WANT_MAP,       /* map of a sparse member at the front of its data (PAX 1.0) */
    WANT_SECOND,    /* one zero block came: the second half of the end mark */
    AT_END,         /* what comes now is ignored */
};

struct tar_reader {
    tar_entry_fn on_entry;
    void *arg;
    enum state state;
    bool failed;
    bool callback_failed;   /* its error speaks for itself */
    uint64_t offset;        /* of the next byte that is fed */
    uint64_t header_offset; /* of the last header, for messages */
    uint64_t skip_bytes;    /* to pass over before `state` goes on */
    uint64_t n_members;

    uint8_t block[TAR_BLOCK]; /* a block that came in pieces */
    size_t block_n;

    struct buf *text; /* WANT_TEXT: where it goes, how much is to come, what is done with it then */
    uint64_t text_left;
    int (*text_done)(struct tar_reader *r, struct shale_err *e);

    /* what has been said about the next member */
    bool has_pax, has_long_name, has_long_link;
    struct buf pax_text, long_name, long_link;
    struct tar_pax pax;

    /* what holds for all that follow: texts as they came, and a copy that is taken apart */
    struct buf global_text, global_work;
    struct tar_pax global;

    /* the member at hand */
    struct tar_entry entry;
    struct tar_path path, link;
    struct tar_pax merged; /* attributes, where both kinds of header have some */
    struct tar_sparse sparse;
    uint64_t stored_left; /* WANT_MAP: bytes of the member that were not yet read */
};

/* A header of any type that begins a member (or one that is passed over). */
int tar_member_begin(struct tar_reader *r, const struct tar_header *h, const uint8_t *block,
                     struct shale_err *e);
/* The next block of a sparse map: after the header (type 'S'), at the front of the data (PAX 1.0).
 */
int tar_member_extension(struct tar_reader *r, const uint8_t *block, struct shale_err *e);
int tar_member_map(struct tar_reader *r, const uint8_t *block, struct shale_err *e);
