/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a WebSocket: cut into pieces of any size they tell the same, and no more than came. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "http/websocket.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told {
    uint64_t sum;
    size_t n_data, n_control;
    int status;
    bool closed;
};

static void add(struct told *t, const struct ws_event *ev)
{
    for (size_t i = 0; i < ev->n; i++)
        t->sum = (t->sum ^ ev->p[i]) * 1099511628211u;
    if (ev->kind == WS_DATA) {
        if (ev->n == 0 || t->closed)
            abort();
        t->n_data += ev->n;
        return;
    }
    if (ev->n > WS_MAX_CONTROL || t->closed)
        abort();
    t->n_control++;
    t->closed = ev->kind == WS_CLOSE;
}

static void feed(const uint8_t *data, size_t size, size_t piece, struct told *t)
{
    struct ws_in in = {0};
    struct ws_event ev;

    for (size_t at = 0; at < size && !t->status; at += piece) {
        size_t n = size - at < piece ? size - at : piece, before = n;
        _cleanup_free_ uint8_t *copy = malloc(n);
        uint8_t *p = copy;
        if (!copy)
            return;
        memcpy(copy, data + at, n);
        do {
            t->status = ws_next(&in, &p, &n, &ev);
            if (n > before || p != copy + (before - n))
                abort();
            if (!t->status && ev.kind != WS_MORE)
                add(t, &ev);
        } while (!t->status && ev.kind != WS_MORE);
        if (!t->status && n != 0)
            abort();
    }
    if (t->n_data > size || t->n_control > size)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct told whole = {0}, bytes = {0}, threes = {0};

    feed(data, size, size ? size : 1, &whole);
    feed(data, size, 1, &bytes);
    feed(data, size, 3, &threes);
    if (memcmp(&whole, &bytes, sizeof whole) != 0 || memcmp(&whole, &threes, sizeof whole) != 0)
        abort();
    if (whole.status && whole.status != WS_PROTOCOL && whole.status != WS_TOO_BIG)
        abort();
    return 0;
}
