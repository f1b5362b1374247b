/* SPDX-License-Identifier: Apache-2.0 */
/* What a registry says when it refuses: "STATUS BODY", STATUS three digits. */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "remote/remote_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const whats[] = {"manifest", "blob", "tags"};
    const struct remote_host h = {.domain = "reg.example"};
    struct http_response p = {0};

    if (size < 4 || size > 1 << 16)
        return 0;
    p.status = (data[0] % 10) * 100 + (data[1] % 10) * 10 + data[2] % 10;
    for (size_t i = 0; i < ARRAY_SIZE(whats); i++) {
        _cleanup_(buf_clear) struct buf body = BUF_INIT(1 << 16);
        const struct call call = {.what = whats[i], .name = "a:1", .repo = "a"};
        struct shale_err e = SHALE_ERR_INIT;

        buf_add(&body, data + 4, size - 4);
        int r = answer_error(&call, &h, &p, &body, &e);
        if (r >= 0 || e.code != -r || !e.msg[0])
            __builtin_trap();
        for (const char *s = e.msg; *s; s++) /* one line, nothing for a terminal */
            if ((unsigned char)*s < ' ' || *s == 127)
                __builtin_trap();
    }
    return 0;
}
