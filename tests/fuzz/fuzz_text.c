/* SPDX-License-Identifier: Apache-2.0 */
/* Text of foreign origin on its way to a terminal. */
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "view/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void harmless(struct str s)
{
    if (!text_is_clean(s) || !str_is_utf8(s.p, s.n))
        __builtin_trap();
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < ' ' || s.p[i] == 127 ||
            ((unsigned char)s.p[i] == 0xc2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xa0))
            __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 20), q = BUF_INIT(1 << 20);
    struct str in = {(const char *)data, size}, out;

    if (size > 1 << 14)
        return 0;
    if (text_printable(&a, in, &out, NULL) < 0)
        return 0;
    harmless(out);
    text_escape(&b, in);
    if (b.n != out.n || (b.n && memcmp(b.p, out.p, b.n) != 0))
        __builtin_trap();
    text_quote(&q, in);
    harmless((struct str){buf_str(&q), q.n});
    for (size_t width = 0; width < 12; width++) {
        const char *s = text_ellipsis(&a, buf_str(&b), width);
        if (!s)
            return 0;
        if (text_width(str_of(s)) > (width ? width : 0) && width > 1)
            __builtin_trap();
        if (text_fit(out, width) > out.n)
            __builtin_trap();
    }
    return 0;
}
