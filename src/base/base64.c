/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

#include "base/str.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const void *p, size_t n, char *ret)
{
    const uint8_t *b = p;

    for (size_t i = 0; i < n; i += 3) {
        uint32_t v = (uint32_t)b[i] << 16 | (i + 1 < n ? (uint32_t)b[i + 1] << 8 : 0) |
                     (i + 2 < n ? b[i + 2] : 0);
        *ret++ = digits[v >> 18];
        *ret++ = digits[v >> 12 & 63];
        *ret++ = i + 1 < n ? digits[v >> 6 & 63] : '=';
        *ret++ = i + 2 < n ? digits[v & 63] : '=';
    }
    *ret = 0;
}

static int value_of(char c)
{
    return c >= 'A' && c <= 'Z'   ? c - 'A'
           : c >= 'a' && c <= 'z' ? c - 'a' + 26
           : c >= '0' && c <= '9' ? c - '0' + 52
           : c == '+'             ? 62
           : c == '/'             ? 63
                                  : -1;
}

ssize_t base64_decode(const char *text, size_t n, void *ret)
{
    struct str s = str_trim((struct str){text, n});
    size_t n_pad = 0;
    uint8_t *out = ret;
    uint32_t v = 0;

    if (s.n % 4 != 0)
        return -1;
    while (n_pad < 2 && n_pad < s.n && s.p[s.n - 1 - n_pad] == '=')
        n_pad++;
    for (size_t i = 0; i < s.n; i++) {
        int d = i < s.n - n_pad ? value_of(s.p[i]) : 0;
        if (d < 0)
            return -1;
        v = v << 6 | (uint32_t)d;
        if (i % 4 != 3)
            continue;
        for (int k = 16; k >= 0; k -= 8)
            *out++ = (uint8_t)(v >> k);
        v = 0;
    }
    return (ssize_t)(s.n / 4 * 3 - n_pad);
}
