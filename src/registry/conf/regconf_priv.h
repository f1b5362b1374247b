/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The table behind regconf.h, and the readers of values. */
#include "registry/conf/regconf.h"

enum regconf_kind {
    RK_STR,      /* const char *, not empty */
    RK_PATH,     /* const char *, absolute or relative to the file */
    RK_URL,      /* const char *: http:// or https://, host, no query; no slash at the end */
    RK_ADDRESS,  /* const char *; taken apart by the check of its section */
    RK_BOOL,     /* bool: yes no true false on off */
    RK_COUNT,    /* uint64_t between min and max */
    RK_BYTES,    /* uint64_t between min and max, "64m" */
    RK_DURATION, /* int64_t ns between min and max (in s), "90s", "7d" */
    RK_CHOICE,   /* int: place in words */
    RK_FLAGS,    /* unsigned: bits of words, by commas */
    RK_LIST,     /* struct strv: names */
    RK_GLOBS,    /* struct strv: globs (glob.h) */
    RK_WHO,      /* struct policy_who */
    RK_HEADER,   /* struct strv, one "Name: value" each time the key stands */
};

struct regconf_key {
    const char *name; /* NULL ends the table */
    enum regconf_kind kind;
    size_t offset;
    const char *def; /* as it would stand in a file; NULL: unset */
    uint64_t min, max;
    const char *words; /* of choices and flags: "none|htpasswd|token" */
    const char *help;
};

struct regconf_section {
    const char *name; /* NULL ends the table */
    const char *arg;  /* what the quoted name is, for messages and the manual; NULL: has none */
    bool repeated;
    size_t offset;               /* of the struct, or of the pointer to the array */
    size_t offset_n, offset_arg; /* repeated: of the count; of the name within the struct */
    size_t size;                 /* repeated: of one */
    int (*check_arg)(const char *arg, struct shale_err *e); /* may be NULL */
    int (*check)(struct regconf *c, void *section,
                 struct shale_err *e); /* at its end; may be NULL */
    const struct regconf_key *keys;
    const char *help;
    bool twice; /* several sections may have one name */
};

#define REGCONF_MAX_KEYS 32 /* of one section */

extern const struct regconf_section regconf_sections[];

struct regconf_later {   /* what there is not yet */
    const char *section; /* NULL ends the table */
    const char *key;     /* NULL: all of it */
    const char *what;
};
extern const struct regconf_later regconf_later[];

/* Reads `text` into the field. Messages say what is wrong with the value. `dir` is the folder of
 * relative paths (NULL: left as they are). */
int regconf_value(const struct regconf_key *k, const char *text, const char *dir, struct arena *a,
                  void *field, struct shale_err *e);
/* "128 to 65536", "yes or no" …: what a key takes, for messages and the manual. */
void regconf_takes(const struct regconf_key *k, struct buf *b);
/* "host:port", "[v6]:port", ":port", "host". */
int regconf_address(const char *text, struct arena *a, const char **ret_host, uint64_t *ret_port,
                    struct shale_err *e);
/* regconf_upstream.c: the name and the rest of an [upstream]. */
int regconf_upstream_prefix(const char *arg, struct shale_err *e);
int regconf_upstream_check(struct regconf *c, void *section, struct shale_err *e);
/* What only the whole file shows: groups that do not exist, auth that does not fit. */
int regconf_check_all(struct regconf *c, struct shale_err *e);
