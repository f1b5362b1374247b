/* SPDX-License-Identifier: Apache-2.0 */
#include "base/units.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"

char *units_human(uint64_t bytes, int precision, char ret[32])
{
    static const char *const names[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double v = (double)bytes;
    size_t i = 0;

    while (v >= 1000.0 && i + 1 < ARRAY_SIZE(names)) {
        v /= 1000.0;
        i++;
    }
    snprintf(ret, 32, "%.*g%s", precision, v, names[i]);
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
