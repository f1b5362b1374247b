/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the writer and the reader of the journal share. */
#define EVENTS_DIR "events"
#define EVENTS_LOG "log"
#define EVENTS_OLD "log.1"

struct store;

/* The folder, made where it is missing and may be made. -1 and errno. */
int events_open_dir(struct store *s);
