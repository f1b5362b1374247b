/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Digests, "sha256:<64 hex>" (image-spec descriptor.md, go-digest rules). The text form is the
 * value: a struct digest is plain, copied by assignment, compared with digest_eq.
 */
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/hash.h"

#define DIGEST_MAX (7 + HASH_MAX_HEX + 1) /* "sha512:" + hex + NUL */

struct digest {
    char s[DIGEST_MAX]; /* "" is "no digest" */
};

/* Errors as go-digest words them: "invalid checksum digest format", "invalid checksum digest
 * length", "unsupported digest algorithm". */
int digest_parse(const char *s, struct digest *ret, struct shale_err *e);
int digest_parse_n(const char *s, size_t n, struct digest *ret, struct shale_err *e);
int digest_of_bytes(enum hash_alg alg, const void *p, size_t n, struct digest *ret,
                    struct shale_err *e);
/* From a running hash, finishing it. */
void digest_of_hash(struct hash *h, struct digest *ret);

enum hash_alg digest_alg(const struct digest *d); /* d is valid */
const char *digest_alg_name(enum hash_alg alg);   /* "sha256" */
const char *digest_hex(const struct digest *d);   /* after the colon, borrowed */
bool digest_eq(const struct digest *a, const struct digest *b);
static inline bool digest_is_set(const struct digest *d)
{
    return d->s[0] != 0;
}
/* First 12 hex characters and NUL: docker's short ID. */
void digest_short(const struct digest *d, char ret[13]);
