/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Handlers of the system's table that stand in files of their own. */
#include "api/api.h"

int api_events(struct api_req *q, struct shale_err *e); /* events.c */
int api_auth(struct api_req *q, struct shale_err *e);   /* auth.c */
int api_df(struct api_req *q, struct shale_err *e);     /* df.c */
