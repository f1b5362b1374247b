/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A shared library that is loaded late, for the commands that need it (ADR 4): its functions are
 * put into a table of pointers. It is never unloaded.
 *
 *   static const struct dynlib_function functions[] = {
 *   #define X(name) {"curl_" #name, offsetof(struct curl_api, name)},
 *       CURL_FUNCTIONS(X)
 *   #undef X
 *   };
 *   static struct dynlib lib = {.once = PTHREAD_ONCE_INIT, .sonames = {"libcurl.so.4"}, …};
 *   static void load(void) { dynlib_load(&lib, &api); }
 *   …
 *   pthread_once(&lib.once, load);
 *   return dynlib_result(&lib, e);      // UNSUPPORTED: it is not installed, or too old
 */
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct dynlib_function {
    const char *name;
    size_t offset; /* of the pointer in the table */
};

struct dynlib {
    pthread_once_t once;
    const char *name;       /* for messages */
    const char *package;    /* what to install; NULL: not said */
    const char *sonames[3]; /* the first that can be loaded counts */
    const struct dynlib_function *functions;
    size_t n_functions;
    char why[256]; /* why it could not be loaded */
};

/* Once. False, with `why` set, when it cannot be. */
bool dynlib_load(struct dynlib *d, void *table);
int dynlib_result(const struct dynlib *d, struct shale_err *e);
