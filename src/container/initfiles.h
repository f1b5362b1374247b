/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Files and folders that a container has whatever its image: what a runtime mounts upon, and what
 * tells programs that they are in one (docker's "init layer"). They are empty, no change of the
 * container, and part of what `export` gives.
 */
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"
#include "tar/tar.h"

struct initfile {
    const char *path; /* relative */
    enum tar_type type;
    const char *link; /* of a symbolic link */
    bool ours;        /* initfiles_make makes it, no runtime */
};
/* The i-th, folders before what is in them; NULL: there are no more. */
const struct initfile *initfile_at(size_t i);
/* Is a new name, found as `name` in a folder, one of them? path: as above. ours: initfiles_make has
 * been there. */
bool initfile_is(const char *path, int dir_fd, const char *name, const struct stat *st, bool ours);
/* Makes those that no runtime makes, where they are missing, in the root of a container. What is in
 * their way stays. */
void initfiles_make(int root_fd);
/* Bytes of those that lie in this folder, a container's writable layer: docker does not count them
 * as the container's. */
uint64_t initfiles_bytes(const char *upper);
