/* SPDX-License-Identifier: Apache-2.0 */
/* The handshake of a WebSocket (RFC 6455, 4.2). */
#include <sha1.h>
#include <stdint.h>

#include "api/reply.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "http/wire.h"

#define GUID      "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
#define KEY_BYTES 24 /* 16 bytes in base64 */

int api_websocket_check(struct api_req *q, struct shale_err *e)
{
    const struct wire_head *h = q->w->head;
    const char *key = wire_head_get(h, "Sec-WebSocket-Key");

    if (!wire_head_has(h, "Upgrade", "websocket") || !wire_head_has(h, "Connection", "upgrade") ||
        !key || strlen(key) != KEY_BYTES ||
        !streq(wire_head_get(h, "Sec-WebSocket-Version"), "13")) {
        api_reply_header(q, "Sec-WebSocket-Version", "13");
        return err_set(e, SHALE_INVALID, "this path wants a WebSocket handshake (version 13)");
    }
    return 0;
}

int api_websocket(struct api_req *q, int *ret, struct shale_err *e)
{
    char accept[BASE64_LENGTH(SHA1_DIGEST_LENGTH) + 1], head[512];
    uint8_t digest[SHA1_DIGEST_LENGTH];
    SHA1_CTX c;
    int r = api_websocket_check(q, e);

    if (r < 0)
        return r;
    SHA1Init(&c);
    SHA1Update(&c, (const uint8_t *)wire_head_get(q->w->head, "Sec-WebSocket-Key"), KEY_BYTES);
    SHA1Update(&c, (const uint8_t *)GUID, sizeof GUID - 1);
    SHA1Final(digest, &c);
    base64_encode(0, digest, sizeof digest, accept);
    int n = snprintf(head, sizeof head,
                     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                     accept);
    int fd = wire_take(q->w, head, (size_t)n);
    if (fd < 0)
        return err_set(e, SHALE_NETWORK, "the client has gone");
    *ret = fd;
    return 0;
}
