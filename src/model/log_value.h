/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How what a container writes is kept: docker's logging drivers and their options. There is one way
 * of ours to keep it, under the names "json-file" and "local", which differ in how much they keep
 * when nothing is said of it, and "none". Pure.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

#define LOG_MAX_FILES   1000
#define LOG_LOCAL_BYTES 20000000 /* what "local" keeps: so much in each of so many files */
#define LOG_LOCAL_FILES 5

struct log_value {
    bool none;         /* nothing is kept */
    int64_t max_bytes; /* of one file, 0: no limit */
    unsigned n_files;  /* that one and older ones, at least 1 */
};
/* `driver` NULL or "": the default. UNSUPPORTED: we do not have it; INVALID: nobody does. */
int log_value(const char *driver, const struct strmap *opts, struct log_value *ret,
              struct shale_err *e);
