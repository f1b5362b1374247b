/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Tells the service manager how we are: the protocol of sd_notify(3), over the datagram socket that
 * $NOTIFY_SOCKET names (a path, or '@' and an abstract name), without libsystemd.
 *
 *   sdnotify_ready("listening on 127.0.0.1:5000", e);     // Type=notify waits for this
 *   sdnotify_reloading(e); …; sdnotify_ready(NULL, e);    // Type=notify-reload
 *   sdnotify_stopping(e);
 *   if ((ns = sdnotify_watchdog_ns()) > 0) every ns / 2: sdnotify_watchdog(e);
 *
 * Each returns 1 when it was told, 0 when nobody asked (no $NOTIFY_SOCKET), or an error, which is
 * no reason to stop. Any number of threads, as long as nobody changes the environment.
 */
#include <stdint.h>

#include "base/err.h"

#define SDNOTIFY_MAX_BYTES 1024

/* Lines "NAME=value", at most SDNOTIFY_MAX_BYTES. */
int sdnotify_send(const char *text, struct shale_err *e);
int sdnotify_ready(const char *status, struct shale_err *e); /* status may be NULL */
int sdnotify_reloading(struct shale_err *e);
int sdnotify_stopping(struct shale_err *e);
int sdnotify_watchdog(struct shale_err *e);
/* Within this time the next sdnotify_watchdog is due; 0: there is no watchdog, or not for us. */
int64_t sdnotify_watchdog_ns(void);
