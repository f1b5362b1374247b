/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A WebSocket as a stream of bytes: its frames are taken apart and made by a thread, behind a
 * socket that can be read, written, shut down and polled as a connection that was taken over is.
 *
 *   r = attach_ws_begin(q, true, &ws, &fd, e);   // answers the handshake
 *   …                                            // fd: a socket; POLLHUP: the client has gone
 *   attach_ws_end(ws, WS_NORMAL);                // says so to the client, closes fd
 */
#include "api/api.h"

struct attach_ws;
/* `in`: what the client sends is wanted; else it is thrown away. */
int attach_ws_begin(struct api_req *q, bool in, struct attach_ws **ret, int *ret_fd,
                    struct shale_err *e);
/* Sends what was written, then a close with that status (http/websocket.h), and waits a moment for
 * the client's. Accepts NULL. */
void attach_ws_end(struct attach_ws *w, int status);
