/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Handlers of images that move: image_move.c. */
#include "api/api.h"

int api_image_create(struct api_req *q, struct shale_err *e); /* pull, import */
int api_image_push(struct api_req *q, struct shale_err *e);
int api_image_load(struct api_req *q, struct shale_err *e);
int api_image_get(struct api_req *q, struct shale_err *e); /* save */
