/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Documents: docker-shaped JSON with members in docker's order, built from the results of libshale.
 * Each returns a new reference in *ret, or -SHALE_NO_MEMORY, -SHALE_CORRUPT.
 */
#include <jansson.h>
#include <shale/container.h>
#include <shale/image.h>

#include "base/buf.h"
#include "view/tmpl.h"

#define DOC_MAX_JSON (64u << 20) /* of an embedded document */

int doc_image(const struct shale_image_detail *d, json_t **ret, struct shale_err *e);
int doc_container(const struct shale_container *c, json_t **ret, struct shale_err *e);
json_t *doc_container_mounts(const struct shale_container *c); /* NULL: no memory */
int doc_info(const struct shale_info *i, json_t **ret, struct shale_err *e);

struct doc_version {
    const char *version, *os, *arch, *kernel;
};
int doc_version(const struct doc_version *v, json_t **ret, struct shale_err *e);

/* Fields of image and container documents that are left out where they are empty. */
extern const struct tmpl_field doc_image_fields[];
extern const struct tmpl_field doc_container_fields[], doc_volume_fields[];

/* ---- for those who build one ---- */
struct doc {
    json_t *j;
    bool failed; /* sticks; doc_end reports it */
};
struct doc doc_begin(void);
void doc_put(struct doc *d, const char *key, json_t *v);         /* takes v; NULL is a failure */
void doc_str(struct doc *d, const char *key, const char *s);     /* NULL is "" */
void doc_str_opt(struct doc *d, const char *key, const char *s); /* left out where empty */
void doc_int(struct doc *d, const char *key, int64_t i);
void doc_bool(struct doc *d, const char *key, bool b);
void doc_time(struct doc *d, const char *key, int64_t t_ns); /* RFC 3339, Go's zero time for none */
/* The value in a JSON text; `empty` (taken) where the text is "". */
void doc_text(struct doc *d, const char *key, const char *text, json_t *empty);
json_t *doc_strings(const char *const *v, size_t n);
/* An OCI descriptor. */
json_t *doc_descriptor(const char *type, const char *digest, uint64_t n_bytes);
json_t *doc_platform(const char *text); /* of "linux/arm64/v8" */
json_t *doc_string(const char *s);      /* bytes that are not UTF-8 are let through */
/* A list: what `one` makes of each of the n items, which have `size` bytes. */
int doc_list(const void *items, size_t n, size_t size,
             int (*one)(const void *item, json_t **ret, struct shale_err *e), json_t **ret,
             struct shale_err *e);
int doc_end(struct doc *d, json_t **ret, struct shale_err *e);
json_t *doc_take(struct doc *d); /* the same for a part of another one; NULL: it has failed */
