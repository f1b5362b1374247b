/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Programs of other platforms: can a RUN of them be run here? The kernel does so where an emulator
 * is registered with binfmt_misc, for instance by Debian's qemu-user-static.
 */
#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "model/platform.h"

/* UNSUPPORTED, with what to do: programs of p cannot run here. */
int foreign_check(const struct platform *p, struct arena *a, struct shale_err *e);
/* Does an entry of binfmt_misc, mounted at `folder`, take programs of arch (an OCI name)? Only such
 * that have their interpreter open (flag F) count: a step's root does not have it. */
bool foreign_is_emulated(const char *folder, const char *arch);
