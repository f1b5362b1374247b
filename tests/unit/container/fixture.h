/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A store in a temporary folder with one image: a layer with busybox, users and a folder that is a
 * volume. The first thing that does not work fails the test. */
#include "container/container.h"
#include "container_test.h"

struct fixture {
    char root[64];
    struct store *store;
    struct container_host host;
    struct arena a;
    char image[DIGEST_MAX]; /* its ID */
};

void fixture_begin(struct fixture *f);
void fixture_end(struct fixture *f); /* removes all containers and the store */
/* The same config with another operating system, as an image of its own. */
void fixture_add_image(struct fixture *f, const char *os, char ret_id[DIGEST_MAX]);
/* NULL when containers can run here, else why not. */
const char *fixture_cannot_run(struct fixture *f);

/* Creates a container whose arguments are `cmd` for sh -c (NULL: the image's own command), with
 * *o's other options (may be NULL). Its ID lives in f->a. */
const char *fixture_create(struct fixture *f, const struct shale_create_opts *o, const char *cmd);

/* What a pipe's writers have written, until the last of them has closed it. */
struct catch
{
    int r, w;
};
void catch_begin(struct catch *c);
void catch_end(struct catch *c, struct buf *ret);
