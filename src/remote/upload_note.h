/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Where an upload that has not ended goes on: a note for each (registry, repository, blob) in a
 * folder, with the URL of its session, so that the next process finds what this one leaves behind.
 * How much has arrived is not noted: the registry is asked. A note is a hint and no more: one that
 * cannot be had, read or written means that the upload begins anew, and is no error.
 *
 *   dir = upload_notes_open(path)                   // -1: none
 *   upload_note_take(&n, dir, repo, &digest)
 *   upload_note_read(&n, repo, &arena, &url, &home) // 1: go on there
 *   upload_note_write(&n, url, home) …              // each time that the session moves
 *   upload_note_end(&n, done)                       // done: the blob is there
 *
 * URLs may carry what gives access to the session: only the owner can read the folder. A note is
 * locked by who has taken it, so that two pushes do not write into one session.
 */
#include "remote/remote_priv.h"

#define UPLOAD_NOTE_MAX_S (7 * 24 * 3600) /* registries forget a session of this age */

struct upload_note {
    int dir_fd, fd; /* fd -1: there is none, or another process has it */
    char name[HASH_MAX_HEX + 1];
};

/* Makes the folder where it is missing, and removes notes that are too old. A descriptor, or -1. */
int upload_notes_open(const char *path);
void upload_note_take(struct upload_note *n, int dir_fd, const struct remote_repo *repo,
                      const struct digest *d);
/* 1 and an absolute URL; *ret_home: it is at the registry, as that is spoken to now. 0: none. */
int upload_note_read(const struct upload_note *n, const struct remote_repo *repo, struct arena *a,
                     const char **ret_url, bool *ret_home);
void upload_note_write(const struct upload_note *n, const char *url, bool home);
void upload_note_end(struct upload_note *n, bool done);
