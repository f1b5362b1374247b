/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* libmicrohttpd's functions behind pointers, loaded when the first server starts: commands that
 * serve nothing do not pay for it and for GnuTLS, which comes with it (ADR 4, ADR 12). */
#include <microhttpd.h>

#include "base/err.h"

#define MHD_FUNCTIONS(X)                                                                           \
    X(start_daemon)                                                                                \
    X(stop_daemon)                                                                                 \
    X(run)                                                                                         \
    X(get_timeout)                                                                                 \
    X(get_daemon_info)                                                                             \
    X(add_connection)                                                                              \
    X(suspend_connection)                                                                          \
    X(resume_connection)                                                                           \
    X(queue_response)                                                                              \
    X(destroy_response)                                                                            \
    X(add_response_header)                                                                         \
    X(create_response_from_buffer)                                                                 \
    X(create_response_from_buffer_with_free_callback_cls)                                          \
    X(create_response_from_fd_at_offset64)                                                         \
    X(create_response_from_callback)                                                               \
    X(lookup_connection_value)                                                                     \
    X(get_connection_values)                                                                       \
    X(get_connection_info)

struct mhd_api {
#define X(name) __typeof__(&MHD_##name) name;
    MHD_FUNCTIONS(X)
#undef X
};

/* UNSUPPORTED when it is not installed. The same for all threads. */
int mhd_api_get(const struct mhd_api **ret, struct shale_err *e);
