/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A user's own root: commands of an ordinary user work inside of a user and mount namespace, in
 * which they are root and have the user's subordinate IDs (/etc/subuid, newuidmap) or, without
 * those, one ID alone. All commands of a user share the namespaces; a small process that only waits
 * holds them.
 */
#include "base/err.h"

/* Moves this process there; nothing for root. Before there are threads. UNSUPPORTED: this host does
 * not let users have namespaces; the process is then as it was. $XDG_RUNTIME_DIR is set after. */
int rootless_enter(struct shale_err *e);
