/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Messages go to one sink (default: none). Library code logs nothing above debug, except for what
 * nobody waits for the result of: work of servers. */
enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN };
typedef void (*log_sink)(void *arg, enum log_level level, const char *msg);
void log_set_sink(log_sink sink, void *arg); /* once, before threads start */
/* No sink any more, if that is still the one of `arg`. */
void log_drop_sink(const void *arg);
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
