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
#include "base/str.h"

#define REP4(x)              x x x x
#define HEX64(prefix, digit) prefix REP4(REP4(REP4(digit)))
#define SHA_A                HEX64("sha256:", "a")
#define SHA_B                HEX64("sha256:", "b")
#define SHA_C                HEX64("sha256:", "c")

#define TEST_ARENA _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX)

/* NULL and "" are the same "unset" in most of the model. */
static inline const char *or_empty(const char *s)
{
    return s ? s : "";
}
