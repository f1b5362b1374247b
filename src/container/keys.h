/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Detach keys: "ctrl-p,ctrl-q". A comma-separated sequence of single characters and ctrl-<a-z @ [
 * \ ] ^ _>. While input passes through keys_feed the sequence is held back; what turns out not to
 * be it is let through unchanged, in order.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define KEYS_MAX     16
#define KEYS_DEFAULT "ctrl-p,ctrl-q"

struct keys {
    uint8_t seq[KEYS_MAX];
    size_t n;    /* 0: never detach */
    size_t held; /* of the sequence seen so far */
};

/* NULL is the default, "" is none. -SHALE_INVALID: "invalid detach keys (x): …". */
int keys_parse(const char *s, struct keys *ret, struct shale_err *e);
/* Adds to out what of p[n] may pass on. True: the sequence was completed, the rest of the input is
 * dropped. */
bool keys_feed(struct keys *k, const uint8_t *p, size_t n, struct buf *out);
/* At the end of the input: what was held back after all belongs to it. */
void keys_flush(struct keys *k, struct buf *out);
