/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where the daemon listens: unix:///PATH, tcp://HOST:PORT, fd:// (see include/shale/daemon.h). */
#include "api/daemon.h"

/* Fills listeners, addresses of d. What was opened before an error stays for api_hosts_close. */
int api_hosts_open(struct api_daemon *d, const char *const *hosts, const char *group,
                   struct shale_err *e);
/* Removes sockets that we made; with `close_too` also closes (the server does it otherwise). */
void api_hosts_close(struct api_daemon *d, bool close_too);
