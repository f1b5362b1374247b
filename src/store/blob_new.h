/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The compressed bytes of a layer that is made here: hashed while they come, in a file without a
 * name, since their digest comes last; then a blob. Without _put nothing stays.
 *
 *   blob_new_begin(store, &b, e);
 *   blob_new_write(&b, p, n, e) …         // a tar_out_fn
 *   blob_new_put(&b, lease, cancel, &digest, e);
 *   blob_new_clear(&b);
 */
#include "base/hash.h"
#include "store/store.h"

struct blob_new {
    struct store *store;
    struct hash hash;
    int fd;
    uint64_t size_bytes;
};
#define BLOB_NEW_NONE                                                                              \
    {                                                                                              \
        .fd = -1                                                                                   \
    }
int blob_new_begin(struct store *s, struct blob_new *b, struct shale_err *e);
int blob_new_write(void *b, const void *p, size_t n, struct shale_err *e);
/* The lease has it before it is there. No row is made. */
int blob_new_put(struct blob_new *b, struct store_lease *lease, struct cancel *c,
                 struct digest *ret, struct shale_err *e);
void blob_new_clear(struct blob_new *b); /* also BLOB_NEW_NONE */
