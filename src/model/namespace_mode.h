/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * --pid, --ipc, --uts, --cgroupns and --userns: whose namespaces a container has, in docker's
 * words. "" is the usual one of its kind. Pure.
 */
#include <stdbool.h>

#include "base/err.h"

#define NS_MODE_JOINS "container:" /* as a mode of the network, too */

enum ns_kind { NS_PID, NS_IPC, NS_UTS, NS_CGROUP, NS_USER, NS_KINDS };

/* INVALID, "invalid PID mode: x", for what that kind does not know. */
int ns_mode_check(enum ns_kind kind, const char *mode, struct shale_err *e);
/* The container behind "container:"; NULL: the mode is another one, or NULL. */
const char *ns_mode_joined(const char *mode);
bool ns_mode_is_host(const char *mode);
