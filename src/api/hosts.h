/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Where the daemon listens: unix:///PATH, tcp://HOST:PORT, fd:// (see include/shale/daemon.h). */
#include "api/daemon.h"

/* Fills listeners and addresses of d. `open`: it was said twice that tcp:// may be open to others.
 * What was opened before an error stays for api_hosts_close. */
int api_hosts_open(struct api_daemon *d, const struct api_settings *set, bool open,
                   struct shale_err *e);
/* Removes sockets that we made; with `close_too` also closes (the server does it otherwise). */
void api_hosts_close(struct api_daemon *d, bool close_too);
