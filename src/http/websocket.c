/* SPDX-License-Identifier: Apache-2.0 */
#include "http/websocket.h"

#include <string.h>

#define FIN        0x80
#define RESERVED   0x70
#define OP         0x0f
#define MASKED     0x80
#define LENGTH     0x7f
#define LENGTH_16  126
#define LENGTH_64  127
#define MASK_BYTES 4

static size_t length_bytes(uint8_t second)
{
    switch (second & LENGTH) {
    case LENGTH_16:
        return 2;
    case LENGTH_64:
        return 8;
    default:
        return 0;
    }
}

static size_t head_bytes(const struct ws_in *in)
{
    return in->n_head < 2 ? 2 : 2 + length_bytes(in->head[1]) + MASK_BYTES;
}

static bool is_control(unsigned op)
{
    return op >= WS_OP_CLOSE;
}

/* What the first two bytes say. */
static int check_begin(const struct ws_in *in)
{
    unsigned op = in->head[0] & OP, length = in->head[1] & LENGTH;
    bool known = op <= WS_OP_BINARY || (op >= WS_OP_CLOSE && op <= WS_OP_PONG);

    if (!known || (in->head[0] & RESERVED) || !(in->head[1] & MASKED))
        return WS_PROTOCOL;
    if (is_control(op))
        return (in->head[0] & FIN) && length <= WS_MAX_CONTROL ? 0 : WS_PROTOCOL;
    return (op == WS_OP_MORE) == in->message ? 0 : WS_PROTOCOL;
}

/* The head is complete. */
static int begin_frame(struct ws_in *in)
{
    size_t n = length_bytes(in->head[1]);
    uint64_t length = n ? 0 : in->head[1] & LENGTH;

    for (size_t i = 0; i < n; i++)
        length = length << 8 | in->head[2 + i];
    if ((n == 2 && length < LENGTH_16) || (n == 8 && (length <= UINT16_MAX || length >> 63)))
        return WS_PROTOCOL; /* longer than it need be, or more than there is */
    if (length > WS_MAX_FRAME)
        return WS_TOO_BIG;
    in->op = in->head[0] & OP;
    in->left = length;
    in->at = 0;
    in->inside = true;
    if (!is_control(in->op))
        in->message = !(in->head[0] & FIN);
    return 0;
}

/* 7.4: which ones a client may send. */
static bool is_status(unsigned v)
{
    return (v >= 1000 && v <= 1003) || (v >= 1007 && v <= 1014) || (v >= 3000 && v <= 4999);
}

static int end_control(struct ws_in *in, struct ws_event *ret)
{
    unsigned status = WS_NONE;

    *ret =
        (struct ws_event){in->op == WS_OP_PING ? WS_PING : WS_PONG, in->control, (size_t)in->at, 0};
    if (in->op != WS_OP_CLOSE)
        return 0;
    if (in->at >= 2)
        status = (unsigned)in->control[0] << 8 | in->control[1];
    if (in->at == 1 || (in->at >= 2 && !is_status(status)))
        return WS_PROTOCOL;
    ret->kind = WS_CLOSE;
    ret->status = (int)status;
    in->closed = true;
    return 0;
}

/* 0: nothing to be told yet; 1: told; a status. */
static int take_payload(struct ws_in *in, uint8_t **p, size_t *n, struct ws_event *ret)
{
    const uint8_t *mask = in->head + in->n_head - MASK_BYTES;
    size_t take = *n < in->left ? *n : (size_t)in->left;
    uint8_t *from = *p;

    for (size_t i = 0; i < take; i++)
        from[i] ^= mask[(in->at + i) % MASK_BYTES];
    if (is_control(in->op) && take)
        memcpy(in->control + in->at, from, take);
    *p += take;
    *n -= take;
    in->at += take;
    in->left -= take;
    if (in->left == 0) {
        in->inside = false;
        in->n_head = 0;
    }
    if (is_control(in->op)) {
        int status = in->left ? 0 : end_control(in, ret);
        return in->left ? 0 : status ? status : 1;
    }
    if (take == 0)
        return 0;
    *ret = (struct ws_event){WS_DATA, from, take, 0};
    return 1;
}

int ws_next(struct ws_in *in, uint8_t **p, size_t *n, struct ws_event *ret)
{
    int r = 0;

    *ret = (struct ws_event){WS_MORE, NULL, 0, 0};
    if (in->closed) {
        *p += *n;
        *n = 0;
    }
    while (r == 0 && *n > 0) {
        if (!in->inside) {
            in->head[in->n_head++] = *(*p)++;
            --*n;
            if (in->n_head == 2)
                r = check_begin(in);
            if (r == 0 && in->n_head > 2 && in->n_head == head_bytes(in))
                r = begin_frame(in);
        }
        if (r == 0 && in->inside)
            r = take_payload(in, p, n, ret);
    }
    return r == 1 ? 0 : r;
}

size_t ws_head(uint8_t ret[WS_HEAD_BYTES], enum ws_op op, size_t n)
{
    size_t more = n < LENGTH_16 ? 0 : n <= UINT16_MAX ? 2 : 8;

    ret[0] = (uint8_t)(FIN | op);
    ret[1] = (uint8_t)(more == 0 ? n : more == 2 ? LENGTH_16 : LENGTH_64);
    for (size_t i = 0; i < more; i++)
        ret[2 + i] = (uint8_t)((uint64_t)n >> (8 * (more - 1 - i)));
    return 2 + more;
}

size_t ws_close(uint8_t ret[WS_HEAD_BYTES], int status)
{
    size_t n = ws_head(ret, WS_OP_CLOSE, status == WS_NONE ? 0 : 2);

    if (status != WS_NONE) {
        ret[n++] = (uint8_t)(status >> 8);
        ret[n++] = (uint8_t)status;
    }
    return n;
}
