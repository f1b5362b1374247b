/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared by the parts of a step (step.h). */
#include <pthread.h>

#include "container/ctr.h"
#include "container/endpoint.h"
#include "container/step.h"
#include "container/step_ssh.h"

/* ---- folders below builds/ ---- */

/* A folder with its lock. Its owner is spoken of as a container that has no row, so that what makes
 * and undoes containers can be used: ID, folder, conf. */
struct step_folder {
    struct ctr c;
    int lock; /* -1: there is none */
};
/* Makes one; c->conf is of a container that has nothing. What is in it lives in the arena. */
int step_folder_make(struct container_host *h, struct arena *a, struct step_folder *f,
                     struct shale_err *e);
/* Undoes all that a start makes, and removes the folder. */
void step_folder_drop(struct container_host *h, struct arena *a, struct step_folder *f);

/* ---- networks ---- */

struct step_net {
    struct step_net *next;
    struct arena a;
    struct step_folder folder;
    struct endpoints net;
    bool used; /* by a step, now */
    bool done; /* not to be used again */
};

struct steps {
    struct container_host *h;
    pthread_mutex_t mutex; /* guards what follows */
    struct arena a;        /* of the runtime */
    struct runtime rt;     /* path NULL: not chosen yet */
    struct step_net *nets;
    pthread_mutex_t removal_mutex; /* guards what follows */
    bool is_removing;
    pthread_t removal; /* of what the last step that ended has left */
};

/* One that nobody uses, or a new one. */
int step_net_take(struct steps *s, struct step_net **ret, struct shale_err *e);
/* `again`: others may have it. NULL: nothing. */
void step_net_give(struct steps *s, struct step_net *n, bool again);
void step_nets_close(struct steps *s);

/* ---- one step ---- */

struct step_stub { /* a file or folder that was made for a mount */
    int parent;
    const char *name;
    bool is_folder;
    struct timespec times[2]; /* of the parent, as it was */
};

struct step {
    struct steps *s;
    const struct step_opts *o;
    struct cancel *cancel;
    struct arena arena, *a;
    struct runtime rt;
    struct step_folder folder;
    struct step_net *net;
    struct endpoints no_net;
    int root_fd; /* the mounted root; -1 */
    struct step_stub *stubs;
    size_t n_stubs, cap_stubs;
    int *held; /* descriptors of what is used meanwhile: locks of caches */
    size_t n_held;
    struct step_ssh *ssh;
    size_t n_ssh;
    bool has_secrets;
    bool tty; /* the command has a terminal */
};

#define STEP_MOUNTS_MAX 256

/* A path of the step's root for a mount, without links in it. What is missing is made. */
int step_target(struct step *t, const char *target, bool is_folder, const char **ret,
                struct shale_err *e);
/* Takes away what was made for mounts and is still empty. The root is mounted. */
void step_stubs_remove(struct step *t);

/* ---- caches ---- */

#define STEP_CACHE_NAME 40
int step_cache_name(const struct step_mount *m, char ret[STEP_CACHE_NAME], struct shale_err *e);
/* Waits until the step may have it, makes it where it is missing (`seed`: a folder that it begins
 * with, NULL: empty). A descriptor, which holds it, or -code. */
int step_cache_hold(struct step *t, const struct step_mount *m, const char *seed,
                    const char **ret_path, struct shale_err *e);

/* Makes what the mounts of the options need, and puts them into the conf. The root is mounted. */
int step_mounts_make(struct step *t, struct shale_err *e);
/* Undoes what is mounted beside the root, and lets go of caches. */
void step_mounts_undo(struct step *t);
