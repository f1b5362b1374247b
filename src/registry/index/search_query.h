/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a search asks for: the fields of /shale/v1/search. Every field narrows; label, annotation,
 * file and package may stand several times.
 *
 *   q           words that the repository's name has
 *   repo, tag   globs (glob.h)
 *   label, annotation    KEY or KEY=VALUE
 *   arch, os    "arm64", "arm64/v8"; "linux"
 *   digest      of the image, or its beginning (at least 4 hex characters)
 *   size        compressed: "1g" or "<=1g" (at most), ">100m", ">=100m" (at least)
 *   since, before    when it was made: a date, a time, or how long ago ("48h")
 *   file        path from the root, or only a name; both may be globs
 *   sha256      of a file
 *   package     NAME, or NAME and one of = < <= > >= and a version; NAME may be a glob
 *
 * A parser of anybody's text: pure, strings in the arena. INVALID says which field is wrong.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "http/query.h"

#define SEARCH_FIELD_BYTES 4096
#define SEARCH_MANY        8 /* of one field */
#define SEARCH_DIGEST_MIN  4

struct search_fact {
    const char *kind, *key, *value; /* 'l' or 'a'; value NULL: any */
};
struct search_file { /* dir NULL: in any */
    const char *dir, *name;
    bool dir_glob, name_glob, any_name; /* any_name: the name is only wildcards */
};
enum search_op { SEARCH_ANY, SEARCH_EQ, SEARCH_LT, SEARCH_LE, SEARCH_GT, SEARCH_GE };
struct search_package {
    const char *name, *version;
    enum search_op op;
    bool glob;
};
struct search_query {
    const char *words[SEARCH_MANY];
    const char *repo, *tag; /* NULL: any */
    const char *arch, *variant, *os, *digest;
    uint64_t min_bytes, max_bytes;
    int64_t since_ns, before_ns;
    struct search_fact facts[SEARCH_MANY];
    struct search_file files[SEARCH_MANY];
    struct search_package packages[SEARCH_MANY];
    uint8_t sha256[32];
    bool has_sha256;
    size_t n_words, n_facts, n_files, n_packages;
};

int search_query_parse(const struct http_query *q, int64_t now_ns, struct arena *a,
                       struct search_query *ret, struct shale_err *e);
/* Does it ask for what is inside of layers? */
bool search_query_looks_inside(const struct search_query *q);
