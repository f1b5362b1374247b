/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the tests of this folder share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

#define TEST_ARENA _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX)

/* A list of literals as a struct strv. */
#define STRV(...)                                                                                  \
    ((struct strv){.v = (char *[]){__VA_ARGS__, NULL},                                             \
                   .n = sizeof((char *[]){__VA_ARGS__}) / sizeof(char *),                          \
                   .set = true})

static inline bool json_list_has(const json_t *list, const char *s)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (streq(json_string_value(json_array_get(list, i)), s))
            return true;
    return false;
}
