/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Time is int64_t nanoseconds since 1970 UTC (wall clock) or of the monotonic clock; durations are
 * int64_t nanoseconds. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define NS_PER_S  1000000000ll
#define NS_PER_MS 1000000ll
#define TIME_NONE INT64_MIN /* "not set", Go's zero time */

int64_t time_now_ns(void);
int64_t time_mono_ns(void);

/* RFC 3339 with optional fraction and zone. -SHALE_INVALID on anything else. Years 0001 and outside
 * of what int64 ns holds clamp to TIME_NONE (Go's zero time) or the nearest bound. */
int time_parse_rfc3339(const char *s, int64_t *ret, struct shale_err *e);
/* Go's RFC3339Nano in UTC: trailing zeros of the fraction dropped. Needs 36 bytes. */
char *time_format_rfc3339nano(int64_t t, char ret[40]);
/* Go's Time.String() of a local/UTC second: "2006-01-02 15:04:05 +0000 UTC". */
char *time_format_go(int64_t t, char ret[64]);

/* Go durations: "1h30m", "300ms", "-1.5h", "0". */
int time_parse_duration(const char *s, int64_t *ret, struct shale_err *e);
/* The same, and whole days and weeks: "30d", "2w". */
int time_parse_span(const char *s, int64_t *ret, struct shale_err *e);
char *time_format_duration(int64_t d, char ret[64]); /* Go's Duration.String(): "1m30s", "0s" */
/* "Less than a second", "5 minutes", "About an hour", "3 weeks" … (docker's units.HumanDuration).
 */
char *time_human_duration(int64_t d, char ret[64]);

/* What docker's filters accept: a Go duration (before now), RFC 3339 and its prefixes (2006-01-02,
 * …T15, …T15:04, …T15:04:05[.frac], zone optional = local), or unix seconds[.fraction]. */
int time_parse_filter(const char *s, int64_t now, int64_t *ret, struct shale_err *e);
