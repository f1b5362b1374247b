/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Uploads that are open: kept from one request to the next, so that the hash goes on where it was.
 * At most SESSIONS_KEPT idle ones stay open; others are closed, and hashed anew when they go on (as
 * after a restart). One request at a time has a session, also among processes that serve the same
 * folder: an idle one is anybody's, and goes on wherever its next request comes. Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "blob/upload.h"

#define SESSIONS_KEPT   64
#define SESSIONS_WAIT_S 2 /* for another request that has the session */

struct sessions;
struct session;

int sessions_new(struct blobs *b, struct sessions **ret, struct shale_err *e);
struct sessions *sessions_free(struct sessions *s); /* uploads stay on disk */

/* A new upload of a repository. */
int session_begin(struct sessions *s, const char *repo, struct session **ret, struct shale_err *e);
/* NOT_FOUND for one that is not there or of another repository; IN_USE when another request has it
 * for longer than SESSIONS_WAIT_S. */
int session_take(struct sessions *s, const char *id, const char *repo, struct session **ret,
                 struct shale_err *e);
const char *session_id(const struct session *x);
struct upload *session_upload(const struct session *x);
/* Gives it back; over: it was committed or is to be removed (upload_discard). Accepts NULL. */
void session_give(struct sessions *s, struct session *x, bool over);
/* Closes those that nobody has used since `before` (monotonic). */
void sessions_close_idle(struct sessions *s, int64_t before);
