/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base64.h"

/* Three bytes or what is left of them, as two to four characters. */
static size_t encode_group(int flags, const uint8_t *p, size_t n, char ret[4])
{
    static const char letters[2][65] = {
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
    };
    uint32_t v = (uint32_t)p[0] << 16 | (n > 1 ? (uint32_t)p[1] << 8 : 0) | (n > 2 ? p[2] : 0);
    size_t k = 0;

    for (; k <= n && k < 4; k++)
        ret[k] = letters[flags & BASE64_URL][v >> (18 - 6 * k) & 63];
    while (!(flags & BASE64_URL) && k < 4)
        ret[k++] = '=';
    return k;
}

void base64_encode(int flags, const void *p, size_t n, char *ret)
{
    const uint8_t *b = p;

    for (size_t i = 0; i < n; i += 3) {
        char group[4];
        size_t k = encode_group(flags, b + i, n - i, group);
        for (size_t j = 0; j < k; j++)
            *ret++ = group[j];
    }
    *ret = 0;
}

void base64_add(int flags, const void *p, size_t n, struct buf *b)
{
    const uint8_t *bytes = p;
    char group[4];

    for (size_t i = 0; i < n; i += 3)
        buf_add(b, group, encode_group(flags, bytes + i, n - i, group));
}

static int value_of(int flags, char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == (flags & BASE64_URL ? '-' : '+'))
        return 62;
    return c == (flags & BASE64_URL ? '_' : '/') ? 63 : -1;
}

ssize_t base64_decode(int flags, const char *text, size_t n, void *ret)
{
    size_t n_digits = 0, n_pad = 0, n_out = 0;
    uint8_t *out = ret;
    uint32_t v = 0;

    for (size_t i = 0; i < n; i++) {
        if ((flags & BASE64_LINES) && (text[i] == '\n' || text[i] == '\r'))
            continue;
        if (text[i] == '=' && !(flags & BASE64_URL) && n_pad < 2) {
            n_pad++;
            continue;
        }
        int d = n_pad ? -1 : value_of(flags, text[i]);
        if (d < 0)
            return -1;
        v = v << 6 | (uint32_t)d;
        if (n_digits % 4 != 0)
            out[n_out++] = (uint8_t)(v >> (6 - 2 * (n_digits % 4)));
        n_digits++;
    }
    if (n_digits % 4 == 1)
        return -1;
    if (!(flags & (BASE64_URL | BASE64_UNPADDED)) && (n_digits + n_pad) % 4 != 0)
        return -1;
    uint32_t spare = n_digits % 4 == 2 ? v & 15 : n_digits % 4 == 3 ? v & 3 : 0;
    return spare && !(flags & BASE64_SPARE) ? -1 : (ssize_t)n_out;
}
