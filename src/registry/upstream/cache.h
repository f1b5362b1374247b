/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Answers to GET of manifests, ready to be sent, by the path of the request: bounded memory, the
 * ones not asked for lately go first. An answer is good as long as the generation that its
 * repository had before it was made is still the current one. Thread-safe.
 */
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "http/server.h"

struct cache;
struct cache_entry; /* counted; never changes */

int cache_new(size_t max_bytes, struct cache **ret, struct shale_err *e);
struct cache *cache_free(struct cache *c); /* NULL in, NULL out */

/* The entry of a path (n bytes), NULL if there is none; to be given back. */
struct cache_entry *cache_get(struct cache *c, const char *path, size_t n);
void cache_entry_put(struct cache_entry *x);
const char *cache_entry_repo(const struct cache_entry *x);
uint64_t cache_entry_generation(const struct cache_entry *x);
int64_t cache_entry_until(const struct cache_entry *x);
const char *cache_entry_etag(const struct cache_entry *x);
struct http_response *cache_entry_full(const struct cache_entry *x);         /* borrowed */
struct http_response *cache_entry_not_modified(const struct cache_entry *x); /* borrowed */

/* Takes both responses. Good until the monotonic time `until`. `bytes`: about what they hold in
 * memory. Nothing happens where memory is short or the entry would take a large part of the cache.
 */
void cache_put(struct cache *c, const char *path, size_t n, const char *repo, uint64_t generation,
               int64_t until, const char *etag, struct http_response *full,
               struct http_response *not_modified, size_t bytes);
