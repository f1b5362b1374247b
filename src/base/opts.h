/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Command-line options from tables, in the manner of pflag (what docker uses): --name value,
 * --name=value, -n value, -nvalue, -abc for booleans, "--" ends options, --bool=false. The same
 * table feeds parsing, --help, man pages and completion.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h" /* struct strv */

enum opt_kind {
    OPT_BOOL,     /* bool */
    OPT_STR,      /* const char * */
    OPT_INT,      /* int64_t */
    OPT_LIST,     /* struct strv, repeatable, one value each */
    OPT_CSV,      /* struct strv, repeatable, values split at commas */
    OPT_BYTES,    /* int64_t, "64m" */
    OPT_DURATION, /* int64_t ns, Go duration */
    OPT_DECIMAL,  /* int64_t in units of 1e-9 ("1.5" is 1500000000) */
    OPT_FILTER,   /* struct strv of "name=value", checked for '=' */
};

struct opt {
    char shortname;   /* 0: none */
    const char *name; /* without dashes; NULL ends the table */
    enum opt_kind kind;
    size_t offset; /* of the field in the command's option struct */
    const char
        *metavar; /* pflag type name shown in help: "string", "list", "bytes"; NULL: from kind */
    const char *help;
    unsigned flags;
    const char *def; /* default shown in help, NULL: none. The caller presets the struct. */
};
enum { OPT_HIDDEN = 1 << 0, OPT_SEEN_FIELD = 1 << 1 };

#define OPTS_MAX 256 /* entries of a table */

struct opts_result {
    char **args; /* what is left, NULL-terminated, pointing into argv */
    int n_args;
    bool help;                    /* --help (or -h where the table has no 'h') was given */
    bool any;                     /* at least one option of the table was given */
    uint64_t seen[OPTS_MAX / 64]; /* see opts_seen */
};

/* Parses argv[1..]. `interspersed`: options may follow arguments (docker run: no). Messages are
 * pflag's: "unknown flag: --x", "unknown shorthand flag: 'x' in -x", "flag needs an argument:
 * --name", "invalid argument \"x\" for \"-m, --memory\" flag: …" (-SHALE_INVALID). */
int opts_parse(const struct opt *table, int argc, char **argv, bool interspersed, void *out,
               struct arena *a, struct opts_result *ret, struct shale_err *e);
/* Was table[i] given? */
bool opts_seen(const struct opts_result *r, size_t i);
/* The "Options:" block of --help as docker (cobra) prints it, into b. */
struct buf;
void opts_help(const struct opt *table, struct buf *b);
size_t opts_count(const struct opt *table);
