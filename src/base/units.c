/* SPDX-License-Identifier: Apache-2.0 */
#include "base/units.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

/* "%.*g" of v in [1, 1000) without its cost: a listing has thousands of sizes. False where it is
 * not sure to round the same way. */
static bool quick(char *ret, double v, int precision)
{
    static const unsigned powers[] = {1, 10, 100, 1000, 10000};
    int whole = v < 10 ? 1 : v < 100 ? 2 : 3, decimals = precision - whole;

    if (v < 1 || decimals < 0 || decimals >= (int)ARRAY_SIZE(powers))
        return false;
    double scaled = v * powers[decimals];
    unsigned n = (unsigned)scaled;
    double rest = scaled - n;
    if (rest > 0.499 && rest < 0.501)
        return false;
    n += rest >= 0.5;
    unsigned left = n / powers[decimals], right = n % powers[decimals];
    if (left == (whole == 1 ? 10 : whole == 2 ? 100 : 1000))
        return false; /* one digit more than it had */
    for (int k = whole; k-- > 0; left /= 10)
        ret[k] = (char)('0' + left % 10);
    ret += whole;
    if (right)
        *ret++ = '.';
    for (int k = decimals; right; right %= powers[k])
        *ret++ = (char)('0' + right / powers[--k]);
    *ret = 0;
    return true;
}

char *units_human(uint64_t bytes, int precision, char ret[32])
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)bytes;
    size_t i = 0;

    while (v >= 1000.0 && i + 1 < ARRAY_SIZE(names)) {
        v /= 1000.0;
        i++;
    }
    if (!quick(ret, v, precision))
        snprintf(ret, 32, "%.*g", precision, v);
    memcpy(ret + strlen(ret), names[i], strlen(names[i]) + 1);
    return ret;
}

static int bad_size(const char *s, struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "invalid size: '%.64s'", s);
}

int units_parse_binary(const char *s, int64_t *ret, struct shale_err *e)
{
    static const char letters[] = "bkmgtp";
    char number[64];
    size_t n = strspn(s, "0123456789.");
    const char *unit = s + n;
    int shift = 0;

    if (n == 0 || n >= sizeof number)
        return bad_size(s, e);
    memcpy(number, s, n);
    number[n] = 0;
    while (*unit == ' ')
        unit++;
    if (*unit) {
        const char *l = strchr(letters, tolower((unsigned char)*unit));
        if (!l)
            return bad_size(s, e);
        shift = 10 * (int)(l - letters);
        unit++;
        if (shift > 0 && tolower((unsigned char)*unit) == 'i' &&
            tolower((unsigned char)unit[1]) == 'b')
            unit += 2;
        else if (shift > 0 && tolower((unsigned char)*unit) == 'b')
            unit++;
        if (*unit)
            return bad_size(s, e);
    }
    char *end;
    double v = strtod(number, &end);
    if (*end || !isfinite(v))
        return bad_size(s, e);
    v = ldexp(v, shift);
    if (v >= 9223372036854775808.0)
        return err_set(e, SHALE_INVALID, "size too large: '%.64s'", s);
    *ret = (int64_t)v;
    return 0;
}
