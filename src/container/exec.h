/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Processes beside the one of a container: files of an `exec` in the container's folder, called
 * after its 64 hex digits. The number of its process is there as long as it runs.
 */
#include "container/ctr.h"

enum exec_file { EXEC_PROCESS, EXEC_LOG, EXEC_PIDFILE };

/* NULL: no memory. */
const char *exec_path(const struct ctr *c, const char *exec_id, enum exec_file which,
                      struct arena *a);
void exec_tell_end(struct container_host *h, const struct ctr *c, const char *exec_id, int status);
/* Those that run, in no order; NULL-terminated. */
int exec_running(struct container_host *h, const struct ctr *c, struct arena *a,
                 const char *const **ret, struct shale_err *e);
