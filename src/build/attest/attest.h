/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What is attached to an image that is built: --attest, --sbom, --provenance.
 *
 * Provenance is SLSA's (v1) in the terms of BuildKit's page about it: the request (mode=max with
 * build arguments and labels), the base images with their digests, who built it and when. With
 * SOURCE_DATE_EPOCH there are no times and no number of the run in it, so that the same build gives
 * the same bytes. The bill of materials is sbom.h's. Both become in-toto statements about the
 * manifest (image_make_attestation), the name stands for a list of image and attestation.
 */
#include "build/build_priv.h"

struct attest_opts {
    bool sbom, provenance, all; /* all: mode=max */
    bool where_it_can; /* inline-only: no provenance of what cannot have it, instead of an error */
    const char *builder_id; /* "" */
};
/* INVALID, UNSUPPORTED; also for attestations of what is no image. */
int attest_parse(const struct shale_build_opts *o, struct arena *a, struct attest_opts *ret,
                 struct shale_err *e);
static inline bool attest_wanted(const struct attest_opts *o)
{
    return o->sbom || o->provenance;
}
/* What was not here: an image that is built on, or copied from; what ADD fetched. */
struct attest_used {
    const char *name, *platform; /* of an image, NULL: this host's */
    const char *url;             /* or this */
    const char *alg, *hex;
    struct attest_used *next;
};
int attest_note_image(struct build *b, struct stage *s, const char *name, const char *platform,
                      const struct image_found *found, struct shale_err *e);
int attest_note_url(struct build *b, struct stage *s, const char *url, const char *alg,
                    const char *hex, struct shale_err *e);
/* 1: the entry of a list, to be freed with its annotations; 0: none is wanted. */
int attest_make(struct build *b, struct image_entry *ret, struct shale_err *e);

/* ---- inside (attest_provenance.c) ---- */
/* Who may fetch it is nobody's business: "https://user:word@host/" without what is before the @.
 * NULL: no memory. */
const char *attest_url(const char *url, struct arena *a);
json_t *attest_provenance(struct build *b, const struct attest_opts *o); /* NULL: no memory */
/* "pkg:docker/name@tag?platform=linux%2Famd64" of a canonical name. NULL: no memory. */
const char *attest_purl(const struct ref *name, const char *platform, struct arena *a);
/* Bytes of a purl's part as RFC 3986 has them; '/' stays. */
void attest_escape(struct buf *b, const char *text, bool slash);
