/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The state of an answer, for dispatch.c; handlers have api.h. */
#include <pthread.h>

#include "api/api.h"
#include "base/buf.h"

struct api_reply {
    struct buf headers;    /* lines, with their ends */
    pthread_mutex_t mutex; /* one line of a stream after the other */
    int fail_status;       /* of api_fail; 0: by the code */
    bool streams, gone;
    const char *content_type;   /* kept for errors */
    struct api_body_pipe *pipe; /* of api_body_fd */
};
void api_reply_init(struct api_req *q, struct api_reply *r);
void api_reply_clear(struct api_req *q);
/* Answers with an error; does nothing when an answer has begun, but for cutting it off. */
void api_reply_error(struct api_req *q, int code, const struct shale_err *e);
void api_reply_message(struct api_req *q, int status, const char *message);
/* body.c: the pipe is closed, its thread has ended. */
void api_body_end(struct api_req *q);
