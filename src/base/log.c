/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static struct {
    log_sink sink;
    void *arg;
} log_to;

void log_set_sink(log_sink sink, void *arg)
{
    log_to.sink = sink;
    log_to.arg = arg;
}

void log_drop_sink(const void *arg)
{
    if (log_to.arg == arg)
        log_set_sink(NULL, NULL);
}

static void __attribute__((format(printf, 2, 0)))
emit(enum log_level level, const char *fmt, va_list ap)
{
    char line[1024];
    if (!log_to.sink)
        return;
    vsnprintf(line, sizeof line, fmt, ap);
    log_to.sink(log_to.arg, level, line);
}

void log_debug(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    emit(LOG_DEBUG, fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    emit(LOG_INFO, fmt, ap);
    va_end(ap);
}

void log_warn(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    emit(LOG_WARN, fmt, ap);
    va_end(ap);
}
