/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A folder of a build's own in the store, `contexts/<random>`, for what it fetches and unpacks. It
 * goes with the handle; those of processes that were killed go when the next one is made.
 */
#include "base/err.h"
#include "store/store.h"

struct build_room;
int build_room_open(struct store *s, struct build_room **ret, struct shale_err *e);
int build_room_fd(const struct build_room *r);             /* borrowed */
struct build_room *build_room_close(struct build_room *r); /* NULL in, NULL out */
