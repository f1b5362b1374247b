/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What happens to containers between their making and their end: handlers of containers.c's table.
 */
#include "api/api.h"

int life_start(struct api_req *q, struct shale_err *e);
int life_stop(struct api_req *q, struct shale_err *e);
int life_restart(struct api_req *q, struct shale_err *e);
int life_kill(struct api_req *q, struct shale_err *e);
int life_pause(struct api_req *q, struct shale_err *e);
int life_unpause(struct api_req *q, struct shale_err *e);
int life_rename(struct api_req *q, struct shale_err *e);
int life_update(struct api_req *q, struct shale_err *e);
int life_resize(struct api_req *q, struct shale_err *e);
int life_remove(struct api_req *q, struct shale_err *e);

/* h and w of a query. */
int life_size(const struct api_req *q, uint16_t *rows, uint16_t *columns, struct shale_err *e);
