/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Image references: distribution/reference grammar and docker's normalisation ("ubuntu" is
 * docker.io/library/ubuntu:latest). All strings live in the arena given to the parser.
 */
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/digest.h"

struct ref {
    const char *domain;   /* "docker.io", "localhost:5000" */
    const char *path;     /* "library/ubuntu" */
    const char *repo;     /* domain/path: canonical repository name */
    const char *familiar; /* repository as shown: "ubuntu" */
    const char *tag;      /* NULL: none given */
    struct digest digest; /* "": none given */
};

/* ParseNormalizedNamed. Messages: "invalid reference format", "invalid reference format: repository
 * name (library/Foo) must be lowercase", "invalid repository name (X), cannot specify 64-byte
 * hexadecimal strings", "repository name must not be more than 255 characters". */
int ref_parse(const char *s, struct arena *a, struct ref *ret, struct shale_err *e);
/* TagNameOnly: tag "latest" when there is neither tag nor digest. */
void ref_default_tag(struct ref *r);
/* True for 64 lower-case hex characters (an ID, never a name). */
bool ref_is_identifier(const char *s);
/* True if s could be (a prefix of) an ID: hex, 1-64, after an optional "sha256:". */
bool ref_is_id_prefix(const char *s);

bool ref_tag_valid(const char *tag);
/* A repository's name as registries know it: path components only, at most 255 characters
 * (distribution-spec, "Pulling manifests"). */
bool ref_path_valid(const char *path);
/* docker.io/library/ubuntu:22 (tag and/or digest as set) */
char *ref_canonical(const struct ref *r, struct arena *a);
/* ubuntu:22 */
char *ref_familiar(const struct ref *r, struct arena *a);
/* Familiar form of a canonical repository name. Borrowed from repo (a suffix of it). */
const char *ref_familiar_repo(const char *repo);

/* Go's path.Match. 1 match, 0 none, -SHALE_INVALID "syntax error in pattern". */
int ref_glob(const char *pattern, const char *s, struct shale_err *e);
/* docker's reference filter: the pattern against familiar name:tag (or name@digest), then familiar
 * name. */
int ref_filter_match(const char *pattern, const struct ref *r, struct shale_err *e);
