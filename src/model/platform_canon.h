/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Private to platform*.c: the canonical names behind a platform's aliases, without allocating. */
#include "model/platform.h"

/* Never NULL. Names that are in no table are borrowed as they are, so compare with str_ieq. */
struct platform_canon {
    const char *os, *arch, *variant;
};

const char *platform_canon_os(const char *os);
struct platform_canon platform_canon(const struct platform *p);
