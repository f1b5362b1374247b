/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Caches that lie elsewhere: --cache-from, --cache-to.
 *
 *   cache_remote_check(options, arena, e);   // before anything is done
 *   cache_remote_open(b, e);                 // reads the documents; b->remote, NULL: not asked for
 *   cache_remote_get(b, key, a, &c, e)       // what the store's own cache does not know (cache.c)
 *   cache_remote_used(b, key, &c, e)         // every record of this build, for the export
 *   cache_remote_need(b, layers, n, e)       // their files are wanted now: fetches what is not
 * here cache_remote_need_result(b, e)           // so are those of the target, when all stages are
 * done cache_remote_inline(b, config, e)        // type=inline: into the image
 *   cache_remote_export(b, e)                // when all stages are done, before names move
 *   cache_remote_close(b->remote)
 *
 * What a document says of a key is believed for this build and for those that name the same cache,
 * never for others: no row of the store's cache is made of it. A row with a key of its own (of the
 * record and its layer together) only holds what was fetched against collection, so that it is
 * fetched once. A layer is taken when its bytes have the digests that the document gives it.
 * Only layers whose files somebody needs are fetched: those that a step is made on or from, and
 * those of the result. A cache that cannot be read costs a warning, not the build: what was found
 * in it is not believed any more, and stages begin anew (cache_remote_again).
 *
 * The form is BuildKit's (cache_remote_doc.h): a manifest with the layers of the steps and the
 * document as its config; inline: the records in the image's config. mode=min has the steps whose
 * layers are in the image, mode=max all.
 */
#include "build/build_priv.h"

struct cache_remote;

int cache_remote_check(const struct shale_build_opts *o, struct arena *a, struct shale_err *e);
int cache_remote_open(struct build *b, struct shale_err *e);
struct cache_remote *cache_remote_close(struct cache_remote *x); /* NULL in, NULL out */
/* 1: found; its layer may have to be fetched still. What is fetched is held until
 * cache_remote_close. 0: not there. */
int cache_remote_get(struct build *b, const char *key, struct cached *ret, struct shale_err *e);
int cache_remote_used(struct build *b, const char *key, const struct cached *c,
                      struct shale_err *e);
/* Before files of these layers are looked at. CANCELED, too, when they cannot be had. */
int cache_remote_need(struct build *b, const struct meta_image_layer *layers, size_t n,
                      struct shale_err *e);
int cache_remote_need_result(struct build *b, struct shale_err *e);
/* No stage runs: has one ended for a layer that could not be had? All are to be done again. */
bool cache_remote_again(struct build *b);
/* The layers of the target are there: mode=min counts them. */
int cache_remote_end_stages(struct build *b, struct shale_err *e);
int cache_remote_inline(struct build *b, json_t *config, struct shale_err *e);
int cache_remote_export(struct build *b, struct shale_err *e);
