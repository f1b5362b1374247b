/* SPDX-License-Identifier: Apache-2.0 */
#include "view/human.h"

#include <stdlib.h>
#include <time.h>

#include "base/time.h"
#include "base/units.h"

#define SHORT_ID 12

void human_ago(struct buf *b, int64_t t_ns, int64_t now_ns)
{
    char text[64];
    if (t_ns == TIME_NONE)
        return;
    int64_t d = 0;
    if (__builtin_sub_overflow(now_ns, t_ns, &d))
        d = INT64_MAX;
    buf_adds(b, time_human_duration(d, text));
    buf_adds(b, " ago");
}

void human_rfc3339(struct buf *b, int64_t t_ns)
{
    struct tm tm;
    char text[64];
    time_t s = (time_t)(t_ns / NS_PER_S - (t_ns % NS_PER_S < 0));
    if (t_ns == TIME_NONE || !localtime_r(&s, &tm))
        return;
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    buf_adds(b, text);
    long off = tm.tm_gmtoff / 60;
    if (off == 0)
        buf_addc(b, 'Z');
    else
        buf_addf(b, "%c%02ld:%02ld", off < 0 ? '-' : '+', labs(off) / 60, labs(off) % 60);
}

void human_time(struct buf *b, int64_t t_ns)
{
    char text[64];
    if (t_ns != TIME_NONE)
        buf_adds(b, time_format_go(t_ns, text));
}

void human_size(struct buf *b, uint64_t bytes)
{
    char text[32];
    buf_adds(b, units_human(bytes, 3, text));
}

void human_short_id(struct buf *b, const char *id)
{
    const char *colon = strchr(id, ':');
    const char *hex = colon ? colon + 1 : id;
    buf_add(b, hex, strnlen(hex, SHORT_ID));
}
