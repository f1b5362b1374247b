/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Frames of a WebSocket (RFC 6455, section 5), a server's side: what a client sends is taken apart
 * as it comes, so that a long frame needs no memory; heads of frames for what is sent.
 *
 *   struct ws_in in = {0};
 *   …                                       // n bytes at p have come
 *   while ((status = ws_next(&in, &p, &n, &ev)) == 0 && ev.kind != WS_MORE)
 *       switch (ev.kind) { case WS_DATA: … ev.p, ev.n …; }
 *   if (status) …                           // ws_close(…, status) is sent, and it is over
 *
 * Text is not looked into: what goes through may be of any encoding, and pieces of it.
 * Pure; not for several threads at once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WS_MAX_FRAME   (64u << 20) /* payload of one that we take */
#define WS_MAX_CONTROL 125         /* payload of a ping, pong or close (5.5) */
#define WS_HEAD_BYTES  10          /* of one that we send, at most */

enum ws_op { /* 5.2 */
             WS_OP_MORE = 0,
             WS_OP_TEXT = 1,
             WS_OP_BINARY = 2,
             WS_OP_CLOSE = 8,
             WS_OP_PING = 9,
             WS_OP_PONG = 10,
};
enum ws_status { /* 7.4.1 */
                 WS_NORMAL = 1000,
                 WS_AWAY = 1001,
                 WS_PROTOCOL = 1002,
                 WS_NONE = 1005, /* a close that names none; never sent */
                 WS_TOO_BIG = 1009,
                 WS_FAILED = 1011,
};

struct ws_in { /* all zero at first */
    uint8_t head[14];
    size_t n_head;
    bool inside;  /* a frame, whose head is known */
    bool message; /* fragments of one are to come */
    bool closed;
    uint8_t op;
    uint64_t left, at; /* of the payload */
    uint8_t control[WS_MAX_CONTROL];
};

enum ws_kind {
    WS_MORE, /* all that came is used up */
    WS_DATA, /* a piece of a message */
    WS_PING, /* to be answered by a pong with the same payload */
    WS_PONG,
    WS_CLOSE, /* nothing is read behind it */
};
struct ws_event {
    enum ws_kind kind;
    const uint8_t *p; /* payload; lies in what was given, or in ws_in */
    size_t n;
    int status; /* of WS_CLOSE */
};
/* The next of what is in *p, which is changed (unmasked) and moved over. 0, or the status with
 * which to end the connection: the client breaks a rule. */
int ws_next(struct ws_in *in, uint8_t **p, size_t *n, struct ws_event *ret);

/* The head of a whole frame with n bytes behind it; returns its length. */
size_t ws_head(uint8_t ret[WS_HEAD_BYTES], enum ws_op op, size_t n);
/* A whole one that ends the connection; WS_NONE: without a status. */
size_t ws_close(uint8_t ret[WS_HEAD_BYTES], int status);
