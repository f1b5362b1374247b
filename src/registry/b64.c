/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/b64.h"

static const char *alphabet(enum b64_kind kind)
{
    return kind == B64_URL ? "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                           : "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
}

void b64_encode(enum b64_kind kind, const void *data, size_t n, struct buf *b)
{
    const char *letters = alphabet(kind);
    const uint8_t *p = data;

    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i < 3 ? n - i : 3;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (left > 2 ? p[i + 2] : 0);
        for (size_t k = 0; k <= left; k++)
            buf_addc(b, letters[v >> (18 - 6 * k) & 63]);
        for (size_t k = left; kind == B64_STD && k < 3; k++)
            buf_addc(b, '=');
    }
}

static int value_of(enum b64_kind kind, char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (kind == B64_URL ? '-' : '+'))
        return 62;
    return c == (kind == B64_URL ? '_' : '/') ? 63 : -1;
}

bool b64_decode(enum b64_kind kind, struct str s, uint8_t *ret, size_t *ret_n)
{
    size_t n = 0;
    uint32_t v = 0;
    unsigned bits = 0;

    if (kind == B64_STD) {
        if (s.n % 4)
            return false;
        for (int i = 0; i < 2 && s.n && s.p[s.n - 1] == '='; i++)
            s.n--;
    }
    if (s.n % 4 == 1)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        int d = value_of(kind, s.p[i]);
        if (d < 0)
            return false;
        v = (v << 6 | (uint32_t)d) & 0xffffff;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            ret[n++] = (uint8_t)(v >> bits);
        }
    }
    if (v & ((1u << bits) - 1))
        return false;
    *ret_n = n;
    return true;
}
