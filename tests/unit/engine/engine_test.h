/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A store in a temporary folder, through the public headers, and tars to make images of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <shale/flat.h>
#include <shale/image.h>
#include <unistd.h>

struct fixture {
    char dir[64], root[80];
    struct shale *s;
    struct shale_err e;
};

#define OPTS(type, name) struct type name = {.size = sizeof name}

/* The call works. */
#define assert_ok(f, call)                                                                         \
    do {                                                                                           \
        (f)->e = (struct shale_err)SHALE_ERR_INIT;                                                 \
        if ((call) < 0)                                                                            \
            fail_msg("%s: %s", #call, (f)->e.msg);                                                 \
        assert_int_equal((f)->e.code, 0); /* untouched */                                          \
    } while (0)
/* It fails so: the result and the struct say the same, in one line. */
#define assert_fails(f, want, call)                                                                \
    do {                                                                                           \
        (f)->e = (struct shale_err)SHALE_ERR_INIT;                                                 \
        assert_int_equal((call), -(want));                                                         \
        assert_int_equal((f)->e.code, (want));                                                     \
        assert_true((f)->e.msg[0] && !strchr((f)->e.msg, '\n'));                                   \
    } while (0)

int fixture_begin(void **state);
int fixture_end(void **state);
/* Another handle on the store. */
struct shale *fixture_open(struct fixture *f);
/* A tar with one file -> a descriptor at its beginning. */
int tar_with(const char *path, const char *text);
/* shale_ls of one path of "one:1". */
struct shale_ls_opts;
int list_one(struct fixture *f, const char *path, const struct shale_ls_opts *o);
/* An image of that tar; name may be NULL. *ret_id for shale_free of the result. */
struct shale_imported *import_one(struct fixture *f, const char *name, const char *path,
                                  const char *text);
