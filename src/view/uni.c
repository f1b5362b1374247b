/* SPDX-License-Identifier: Apache-2.0 */
#include "view/uni.h"

#include <locale.h>
#include <stdatomic.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "base/cleanup.h"

/* East Asian Wide and Fullwidth of Unicode 14, ends included. */
static const struct range {
    uint32_t first, last;
} wide[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2329, 0x232a},   {0x23e9, 0x23ec},
    {0x23f0, 0x23f0},   {0x23f3, 0x23f3},   {0x25fd, 0x25fe},   {0x2614, 0x2615},
    {0x2648, 0x2653},   {0x267f, 0x267f},   {0x2693, 0x2693},   {0x26a1, 0x26a1},
    {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},   {0x26ce, 0x26ce},
    {0x26d4, 0x26d4},   {0x26ea, 0x26ea},   {0x26f2, 0x26f3},   {0x26f5, 0x26f5},
    {0x26fa, 0x26fa},   {0x26fd, 0x26fd},   {0x2705, 0x2705},   {0x270a, 0x270b},
    {0x2728, 0x2728},   {0x274c, 0x274c},   {0x274e, 0x274e},   {0x2753, 0x2755},
    {0x2757, 0x2757},   {0x2795, 0x2797},   {0x27b0, 0x27b0},   {0x27bf, 0x27bf},
    {0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},   {0x2b55, 0x2b55},   {0x2e80, 0x303e},
    {0x3041, 0x3247},   {0x3250, 0x4dbf},   {0x4e00, 0xa4c6},   {0xa960, 0xa97c},
    {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe10, 0xfe19},   {0xfe30, 0xfe6b},
    {0xff01, 0xff60},   {0xffe0, 0xffe6},   {0x16fe0, 0x18d08}, {0x1aff0, 0x1b2fb},
    {0x1f004, 0x1f004}, {0x1f0cf, 0x1f0cf}, {0x1f18e, 0x1f18e}, {0x1f191, 0x1f19a},
    {0x1f200, 0x1f265}, {0x1f300, 0x1f320}, {0x1f32d, 0x1f335}, {0x1f337, 0x1f37c},
    {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca}, {0x1f3cf, 0x1f3d3}, {0x1f3e0, 0x1f3f0},
    {0x1f3f4, 0x1f3f4}, {0x1f3f8, 0x1f43e}, {0x1f440, 0x1f440}, {0x1f442, 0x1f4fc},
    {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f54e}, {0x1f550, 0x1f567}, {0x1f57a, 0x1f57a},
    {0x1f595, 0x1f596}, {0x1f5a4, 0x1f5a4}, {0x1f5fb, 0x1f64f}, {0x1f680, 0x1f6c5},
    {0x1f6cc, 0x1f6cc}, {0x1f6d0, 0x1f6d2}, {0x1f6d5, 0x1f6df}, {0x1f6eb, 0x1f6ec},
    {0x1f6f4, 0x1f6fc}, {0x1f7e0, 0x1f7f0}, {0x1f90c, 0x1f93a}, {0x1f93c, 0x1f945},
    {0x1f947, 0x1f9ff}, {0x1fa70, 0x1faf6}, {0x20000, 0x3fffd},
};

size_t uni_decode(const char *s, size_t n, uint32_t *ret)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)s;
    size_t len = p[0] < 0x80   ? 1
                 : p[0] < 0xc2 ? 0
                 : p[0] < 0xe0 ? 2
                 : p[0] < 0xf0 ? 3
                 : p[0] < 0xf5 ? 4
                               : 0;

    *ret = p[0];
    if (len == 1)
        return 1;
    uint32_t r = len ? p[0] & (0xffu >> (len + 1)) : 0;
    bool good = len && len <= n;
    for (size_t i = 1; good && i < len; i++) {
        good = (p[i] & 0xc0) == 0x80;
        r = r << 6 | (p[i] & 0x3fu);
    }
    if (!good || r < least[len] || r > 0x10ffff || (r >= 0xd800 && r < 0xe000)) {
        *ret = UNI_BAD;
        return 1;
    }
    *ret = r;
    return len;
}

size_t uni_encode(uint32_t r, char ret[4])
{
    if (r > 0x10ffff || (r >= 0xd800 && r < 0xe000))
        r = UNI_BAD;
    if (r < 0x80) {
        ret[0] = (char)r;
        return 1;
    }
    size_t len = r < 0x800 ? 2 : r < 0x10000 ? 3 : 4;
    for (size_t i = len - 1; i > 0; i--, r >>= 6)
        ret[i] = (char)(0x80 | (r & 0x3f));
    ret[0] = (char)((0xf00u >> len & 0xf0u) | r);
    return len;
}

size_t uni_plain(const char *s, size_t n)
{
    const uint64_t ones = 0x0101010101010101u, tops = ones << 7;
    size_t i = 0;

    for (uint64_t v; n - i >= sizeof v; i += sizeof v) {
        memcpy(&v, s + i, sizeof v);
        /* the top bit of a byte becomes set below 0x20 (a borrow only comes from a byte that is
         * below, too), and from 0x7f on */
        if ((v | (v - ones * 0x20) | (v + ones)) & tops)
            break;
    }
    while (i < n && (unsigned char)s[i] >= 0x20 && (unsigned char)s[i] < 0x7f)
        i++;
    return i;
}

size_t uni_count(const char *s, size_t n)
{
    size_t i = uni_plain(s, n), count;
    uint32_t r;
    while (i < n && (unsigned char)s[i] < 0x80)
        i++;
    for (count = i; i < n; i += uni_decode(s + i, n - i, &r))
        count++;
    return count;
}

size_t uni_prefix(const char *s, size_t n, size_t count)
{
    size_t i = 0;
    uint32_t r;
    while (i < n && count-- > 0)
        i += uni_decode(s + i, n - i, &r);
    return i;
}

int uni_width(uint32_t r)
{
    size_t lo = 0, hi = ARRAY_SIZE(wide);
    if (r < wide[0].first)
        return 1;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (r > wide[mid].last)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < ARRAY_SIZE(wide) && r >= wide[lo].first ? 2 : 1;
}

/* Made on first use and never changed again: the one value that all threads may share. */
static locale_t utf8_locale(void)
{
    static _Atomic(locale_t) shared;
    locale_t have = atomic_load(&shared);
    if (have)
        return have;
    locale_t l = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    if (!l)
        return (locale_t)0;
    if (atomic_compare_exchange_strong(&shared, &have, l))
        return l;
    freelocale(l);
    return have;
}

bool uni_is_letter(uint32_t r)
{
    if (r < 0x80)
        return (r >= '0' && r <= '9') || ((r | 0x20) >= 'a' && (r | 0x20) <= 'z');
    locale_t l = utf8_locale();
    return l && r != UNI_BAD && iswalnum_l((wint_t)r, l);
}

/* Invisible characters of the classes Cf and Co, which the C library prints and Go does not. */
static const struct range unseen[] = {
    {0xad, 0xad},     {0x600, 0x605},   {0x61c, 0x61c},   {0x6dd, 0x6dd},     {0x70f, 0x70f},
    {0x180e, 0x180e}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x2064},   {0x2066, 0x206f},
    {0xe000, 0xf8ff}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0001, 0xe007f}, {0xf0000, 0x10ffff},
};

bool uni_is_print(uint32_t r)
{
    if (r < 0x80)
        return r >= 0x20 && r < 0x7f;
    for (size_t i = 0; i < ARRAY_SIZE(unseen) && unseen[i].first <= r; i++)
        if (r <= unseen[i].last)
            return false;
    locale_t l = utf8_locale();
    return l && iswprint_l((wint_t)r, l) && !iswspace_l((wint_t)r, l) && r != 0xa0;
}

uint32_t uni_lower(uint32_t r)
{
    if (r < 0x80)
        return r >= 'A' && r <= 'Z' ? r + 32 : r;
    locale_t l = utf8_locale();
    return l ? (uint32_t)towlower_l((wint_t)r, l) : r;
}

uint32_t uni_upper(uint32_t r)
{
    if (r < 0x80)
        return r >= 'a' && r <= 'z' ? r - 32 : r;
    locale_t l = utf8_locale();
    return l ? (uint32_t)towupper_l((wint_t)r, l) : r;
}
