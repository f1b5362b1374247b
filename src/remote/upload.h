/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Upload of one blob (distribution-spec 1.1, "Pushing Blobs"): a session is begun, or the blob is
 * mounted from another repository; large blobs stream in a PATCH that goes on where it broke, also
 * when another process begins (upload_note.h); small ones come with the PUT that ends the session.
 */
#include "model/endpoint.h"
#include "remote/remote_priv.h"

struct upload {
    const struct remote_repo *repo;
    const struct descriptor *d;
    const void *bytes; /* all of the blob; or NULL: */
    struct source *from;
    struct cancel *cancel;
    void (*on_progress)(void *arg, uint64_t at);
    void (*on_pause)(void *arg, int64_t ns);
    void *arg;
    int notes_fd; /* folder of notes of what has not ended (upload_note.h); -1: none are kept */
};

/* 1 if the repository has the blob. */
int upload_is_there(const struct upload *u, struct shale_err *e);
/* From a repository of the same registry ("library/alpine"). 1: it is there now. 0: it is not;
 * *ret_session, if not NULL, is where it can be sent to. `scope`: to push here and pull there. */
int upload_mount(const struct upload *u, const char *from, const char *scope, struct arena *a,
                 const char **ret_session, struct shale_err *e);
/* Sends it; `session`: of upload_mount, or NULL. */
int upload_run(struct upload *u, const char *session, struct shale_err *e);
