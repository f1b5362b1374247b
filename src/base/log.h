/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Debug messages go to one sink (default: none). Library code logs nothing above debug. */
enum log_level { LOG_DEBUG, LOG_WARN };
typedef void (*log_sink)(void *arg, enum log_level level, const char *msg);
void log_set_sink(log_sink sink, void *arg); /* once, before threads start */
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
