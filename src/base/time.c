/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/str.h"

#define NS_PER_MIN  (60 * NS_PER_S)
#define NS_PER_HOUR (60 * NS_PER_MIN)
#define S_PER_DAY   86400ll

int64_t time_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

int64_t time_mono_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * NS_PER_S + t.tv_nsec;
}

/* ---- calendar ---- */

struct civil { /* a date and time of day without zone */
    int year, month, day, hour, min, sec;
    int64_t ns;
};

/* Days from 1970-01-01 in the proleptic Gregorian calendar, any year. */
static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;

    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

static void civil_of(int64_t t, struct civil *c)
{
    int64_t s = t / NS_PER_S, ns = t % NS_PER_S;

    if (ns < 0) {
        ns += NS_PER_S;
        s--;
    }
    int64_t days = s / S_PER_DAY, rest = s % S_PER_DAY;
    if (rest < 0) {
        rest += S_PER_DAY;
        days--;
    }
    int64_t z = days + 719468, era = (z >= 0 ? z : z - 146096) / 146097, doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
    c->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    c->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    c->year = (int)(yoe + era * 400 + (c->month <= 2));
    c->hour = (int)(rest / 3600);
    c->min = (int)(rest / 60 % 60);
    c->sec = (int)(rest % 60);
    c->ns = ns;
}

static bool civil_is_valid(const struct civil *c)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

    if (c->month < 1 || c->month > 12 || c->day < 1 || c->hour > 23 || c->min > 59 || c->sec > 59)
        return false;
    bool leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;
    return c->day <= days[c->month - 1] + (c->month == 2 && leap);
}

/* Seconds and nanoseconds to int64 ns, clamped; Go's zero time is TIME_NONE. */
static int64_t clamp(int64_t s, int64_t ns)
{
    if (s == days_of(1, 1, 1) * S_PER_DAY && ns == 0)
        return TIME_NONE;
    if (s < INT64_MIN / NS_PER_S + 1)
        return INT64_MIN + 1;
    if (s > INT64_MAX / NS_PER_S - 1)
        return INT64_MAX;
    return s * NS_PER_S + ns;
}

/* ---- scanning: each moves *s on and returns false where the text is not so ---- */

static bool digits(const char **s, int n, int *ret)
{
    int v = 0;

    for (int i = 0; i < n; i++, (*s)++) {
        if (!isdigit((unsigned char)**s))
            return false;
        v = v * 10 + (**s - '0');
    }
    *ret = v;
    return true;
}

static bool lit(const char **s, char c)
{
    if (**s != c)
        return false;
    (*s)++;
    return true;
}

/* ".123": digits past the ninth are cut off. */
static bool fraction(const char **s, int64_t *ret)
{
    int64_t v = 0, scale = NS_PER_S / 10;

    if (!lit(s, '.') || !isdigit((unsigned char)**s))
        return false;
    for (; isdigit((unsigned char)**s); (*s)++) {
        v += (**s - '0') * scale;
        scale /= 10;
    }
    *ret = v;
    return true;
}

/* "Z", "+01:00". *ret_s is the offset east of UTC in seconds. */
static bool zone(const char **s, int *ret_s)
{
    int h, m, sign = **s == '-' ? -1 : 1;

    if (lit(s, 'Z')) {
        *ret_s = 0;
        return true;
    }
    if (!lit(s, '+') && !lit(s, '-'))
        return false;
    if (!digits(s, 2, &h) || !lit(s, ':') || !digits(s, 2, &m) || h > 24 || m > 59)
        return false;
    *ret_s = sign * (h * 3600 + m * 60);
    return true;
}

static bool date(const char **s, struct civil *c)
{
    return digits(s, 4, &c->year) && lit(s, '-') && digits(s, 2, &c->month) && lit(s, '-') &&
           digits(s, 2, &c->day);
}

int time_parse_rfc3339(const char *s, int64_t *ret, struct shale_err *e)
{
    struct civil c = {0};
    const char *p = s;
    int offset = 0;
    bool good = date(&p, &c) && lit(&p, 'T') && digits(&p, 2, &c.hour) && lit(&p, ':') &&
                digits(&p, 2, &c.min) && lit(&p, ':') && digits(&p, 2, &c.sec) &&
                (*p != '.' || fraction(&p, &c.ns)) && zone(&p, &offset) && *p == 0 &&
                civil_is_valid(&c);

    if (!good)
        return err_set(e, SHALE_INVALID, "not a time as in RFC 3339: \"%.64s\"", s);
    *ret = clamp(days_of(c.year, c.month, c.day) * S_PER_DAY + c.hour * 3600 + c.min * 60 + c.sec -
                     offset,
                 c.ns);
    return 0;
}

char *time_format_rfc3339nano(int64_t t, char ret[40])
{
    struct civil c;
    int n;

    if (t == TIME_NONE) {
        snprintf(ret, 40, "0001-01-01T00:00:00Z");
        return ret;
    }
    civil_of(t, &c);
    n = snprintf(ret, 40, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour, c.min,
                 c.sec);
    if (c.ns) {
        n += snprintf(ret + n, 40 - (size_t)n, ".%09" PRId64, c.ns);
        while (ret[n - 1] == '0')
            n--;
    }
    ret[n] = 'Z';
    ret[n + 1] = 0;
    return ret;
}

char *time_format_go(int64_t t, char ret[64])
{
    time_t s;
    struct tm tm;

    if (t == TIME_NONE) {
        snprintf(ret, 64, "0001-01-01 00:00:00 +0000 UTC");
        return ret;
    }
    s = (time_t)(t / NS_PER_S - (t % NS_PER_S < 0));
    if (!localtime_r(&s, &tm) || strftime(ret, 64, "%Y-%m-%d %H:%M:%S %z %Z", &tm) == 0)
        ret[0] = 0;
    return ret;
}

/* ---- durations ---- */

static const struct {
    const char *name;
    int64_t ns;
} units[] = {
    /* longer names before their prefixes */
    {"ns", 1},         {"us", 1000},    {"\xc2\xb5s", 1000}, {"\xce\xbcs", 1000},
    {"ms", NS_PER_MS}, {"s", NS_PER_S}, {"m", NS_PER_MIN},   {"h", NS_PER_HOUR},
};

#define MOST_NS (1ull << 63) /* of -INT64_MIN */

/* One "1.5h" at *s added to *sum. */
static int duration_part(const char **s, const char *whole, uint64_t *sum, struct shale_err *e)
{
    uint64_t v = 0, frac = 0;
    double scale = 1;
    const char *start = *s;
    bool over = false;

    for (; isdigit((unsigned char)**s); (*s)++)
        over |= __builtin_mul_overflow(v, 10, &v) ||
                __builtin_add_overflow(v, (uint64_t)(**s - '0'), &v);
    bool any = *s > start;
    if (lit(s, '.'))
        for (; isdigit((unsigned char)**s); (*s)++, any = true)
            if (frac <= (uint64_t)INT64_MAX / 10) {
                frac = frac * 10 + (uint64_t)(**s - '0');
                scale *= 10;
            }
    if (!any)
        return err_set(e, SHALE_INVALID, "time: invalid duration \"%.64s\"", whole);
    size_t n = strcspn(*s, ".0123456789");
    if (n == 0)
        return err_set(e, SHALE_INVALID, "time: missing unit in duration \"%.64s\"", whole);
    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        if (strlen(units[i].name) != n || strncmp(units[i].name, *s, n) != 0)
            continue;
        *s += n;
        over |= __builtin_mul_overflow(v, (uint64_t)units[i].ns, &v) ||
                __builtin_add_overflow(v, (uint64_t)((double)frac * ((double)units[i].ns / scale)),
                                       &v) ||
                __builtin_add_overflow(*sum, v, sum) || *sum > MOST_NS;
        return over ? err_set(e, SHALE_INVALID, "time: invalid duration \"%.64s\"", whole) : 0;
    }
    return err_set(e, SHALE_INVALID, "time: unknown unit \"%.*s\" in duration \"%.64s\"",
                   (int)(n < 32 ? n : 32), *s, whole);
}

int time_parse_duration(const char *s, int64_t *ret, struct shale_err *e)
{
    const char *p = s;
    bool negative = *p == '-';
    uint64_t sum = 0;

    if (*p == '-' || *p == '+')
        p++;
    if (streq(p, "0")) {
        *ret = 0;
        return 0;
    }
    if (*p == 0)
        return err_set(e, SHALE_INVALID, "time: invalid duration \"%.64s\"", s);
    while (*p) {
        int r = duration_part(&p, s, &sum, e);
        if (r < 0)
            return r;
    }
    if (sum == MOST_NS && !negative)
        return err_set(e, SHALE_INVALID, "time: invalid duration \"%.64s\"", s);
    *ret = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return 0;
}

int time_parse_span(const char *s, int64_t *ret, struct shale_err *e)
{
    char number[24];
    size_t n = strlen(s);
    uint64_t v;

    if (n < 2 || n >= sizeof number || (s[n - 1] != 'd' && s[n - 1] != 'w'))
        return time_parse_duration(s, ret, e);
    memcpy(number, s, n - 1);
    number[n - 1] = 0;
    uint64_t unit_s = s[n - 1] == 'd' ? S_PER_DAY : 7 * S_PER_DAY;
    if (!str_to_u64(number, &v) || v > (uint64_t)(INT64_MAX / NS_PER_S) / unit_s)
        return err_set(e, SHALE_INVALID, "time: invalid duration \"%.64s\"", s);
    *ret = (int64_t)(v * unit_s) * NS_PER_S;
    return 0;
}

/* "1.5" of a number in units of 1e-digits, zeros at the end cut off. */
static void decimal(char *dst, size_t n, uint64_t v, uint64_t unit)
{
    int width = 0, len;

    for (uint64_t u = unit; u > 1; u /= 10)
        width++;
    len = snprintf(dst, n, "%" PRIu64 ".%0*" PRIu64, v / unit, width, v % unit);
    while (len > 0 && dst[len - 1] == '0')
        len--;
    if (dst[len - 1] == '.')
        len--;
    dst[len] = 0;
}

char *time_format_duration(int64_t d, char ret[64])
{
    uint64_t u = d < 0 ? 0 - (uint64_t)d : (uint64_t)d;
    const char *sign = d < 0 ? "-" : "";
    char num[32];

    if (u == 0) {
        snprintf(ret, 64, "0s");
    } else if (u < (uint64_t)NS_PER_S) {
        static const struct {
            uint64_t unit;
            const char *name;
        } small[] = {{NS_PER_MS, "ms"}, {1000, "\xc2\xb5s"}};
        size_t i = u >= (uint64_t)NS_PER_MS ? 0 : 1;
        if (u < 1000) {
            snprintf(ret, 64, "%s%" PRIu64 "ns", sign, u);
        } else {
            decimal(num, sizeof num, u, small[i].unit);
            snprintf(ret, 64, "%s%s%s", sign, num, small[i].name);
        }
    } else {
        uint64_t h = u / NS_PER_HOUR, m = u / NS_PER_MIN % 60;
        decimal(num, sizeof num, u % NS_PER_MIN, NS_PER_S);
        if (h)
            snprintf(ret, 64, "%s%" PRIu64 "h%" PRIu64 "m%ss", sign, h, m, num);
        else if (m)
            snprintf(ret, 64, "%s%" PRIu64 "m%ss", sign, m, num);
        else
            snprintf(ret, 64, "%s%ss", sign, num);
    }
    return ret;
}

static char *counted(char *ret, int64_t n, const char *what)
{
    char digits[24], *p = digits + sizeof digits;

    for (; n; n /= 10)
        *--p = (char)('0' + n % 10);
    size_t len = (size_t)(digits + sizeof digits - p);
    memcpy(ret, p, len);
    memcpy(ret + len, what, strlen(what) + 1);
    return ret;
}

char *time_human_duration(int64_t d, char ret[64])
{
    int64_t s = d / NS_PER_S, m = d / NS_PER_MIN;
    int64_t h = d / NS_PER_HOUR + (d % NS_PER_HOUR >= NS_PER_HOUR / 2);
    const char *one = s < 1               ? "Less than a second"
                      : s == 1            ? "1 second"
                      : m == 1            ? "About a minute"
                      : m >= 60 && h == 1 ? "About an hour"
                                          : NULL;

    if (one)
        return memcpy(ret, one, strlen(one) + 1);
    if (s < 60)
        return counted(ret, s, " seconds");
    if (m < 60)
        return counted(ret, m, " minutes");
    if (h < 48)
        return counted(ret, h, " hours");
    if (h < 24 * 7 * 2)
        return counted(ret, h / 24, " days");
    if (h < 24 * 30 * 2)
        return counted(ret, h / 24 / 7, " weeks");
    if (h < 24 * 365 * 2)
        return counted(ret, h / 24 / 30, " months");
    return counted(ret, d / NS_PER_HOUR / 24 / 365, " years");
}

/* ---- filters ---- */

static bool unix_seconds(const char *s, int64_t *ret)
{
    int64_t ns = 0, v = 0;
    bool negative = lit(&s, '-');

    if (!isdigit((unsigned char)*s))
        return false;
    for (; isdigit((unsigned char)*s); s++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s - '0', &v))
            return false;
    if (*s == '.' && !fraction(&s, &ns))
        return false;
    if (*s)
        return false;
    *ret = negative ? clamp(-v, -ns) : clamp(v, ns);
    return true;
}

/* A prefix of RFC 3339, without zone in the local one. */
static bool partial_time(const char *s, int64_t *ret)
{
    struct civil c = {0};
    int offset;

    if (!date(&s, &c))
        return false;
    if (lit(&s, 'T')) {
        if (!digits(&s, 2, &c.hour))
            return false;
        if (lit(&s, ':') && !digits(&s, 2, &c.min))
            return false;
        if (*s == ':' && (!lit(&s, ':') || !digits(&s, 2, &c.sec)))
            return false;
        if (*s == '.' && !fraction(&s, &c.ns))
            return false;
    }
    if (!civil_is_valid(&c))
        return false;
    if (*s == 0) {
        struct tm tm = {.tm_year = c.year - 1900,
                        .tm_mon = c.month - 1,
                        .tm_mday = c.day,
                        .tm_hour = c.hour,
                        .tm_min = c.min,
                        .tm_sec = c.sec,
                        .tm_isdst = -1};
        *ret = clamp(mktime(&tm), c.ns);
        return true;
    }
    if (!zone(&s, &offset) || *s)
        return false;
    *ret = clamp(days_of(c.year, c.month, c.day) * S_PER_DAY + c.hour * 3600 + c.min * 60 + c.sec -
                     offset,
                 c.ns);
    return true;
}

int time_parse_filter(const char *s, int64_t now, int64_t *ret, struct shale_err *e)
{
    int64_t d;

    if (unix_seconds(s, ret) || partial_time(s, ret))
        return 0;
    if (time_parse_duration(s, &d, NULL) == 0) {
        if (__builtin_sub_overflow(now, d, ret))
            *ret = d > 0 ? INT64_MIN + 1 : INT64_MAX;
        return 0;
    }
    return err_set(e, SHALE_INVALID, "failed to parse value as time or duration: \"%.64s\"", s);
}
