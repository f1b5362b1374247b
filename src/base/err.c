/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

static const char *const names[_SHALE_ERR_MAX] = {
    [SHALE_OK] = "OK",
    [SHALE_INVALID] = "INVALID",
    [SHALE_NOT_FOUND] = "NOT_FOUND",
    [SHALE_EXISTS] = "EXISTS",
    [SHALE_IN_USE] = "IN_USE",
    [SHALE_DENIED] = "DENIED",
    [SHALE_UNAUTHORIZED] = "UNAUTHORIZED",
    [SHALE_CONFLICT] = "CONFLICT",
    [SHALE_UNSUPPORTED] = "UNSUPPORTED",
    [SHALE_CORRUPT] = "CORRUPT",
    [SHALE_LIMIT] = "LIMIT",
    [SHALE_NO_SPACE] = "NO_SPACE",
    [SHALE_NETWORK] = "NETWORK",
    [SHALE_TIMEOUT] = "TIMEOUT",
    [SHALE_CANCELED] = "CANCELED",
    [SHALE_SYSTEM] = "SYSTEM",
    [SHALE_NO_MEMORY] = "NO_MEMORY",
    [SHALE_INTERNAL] = "INTERNAL",
};

static const struct {
    int errnum, code;
} errnos[] = {
    {ENOENT, SHALE_NOT_FOUND},  {ENOTDIR, SHALE_NOT_FOUND}, {EEXIST, SHALE_EXISTS},
    {EACCES, SHALE_DENIED},     {EPERM, SHALE_DENIED},      {EROFS, SHALE_DENIED},
    {ENOSPC, SHALE_NO_SPACE},   {EDQUOT, SHALE_NO_SPACE},   {ENOMEM, SHALE_NO_MEMORY},
    {ETIMEDOUT, SHALE_TIMEOUT}, {EINTR, SHALE_CANCELED},    {EBUSY, SHALE_IN_USE},
};

int err_code_of_errno(int errnum)
{
    for (size_t i = 0; i < ARRAY_SIZE(errnos); i++)
        if (errnos[i].errnum == errnum)
            return errnos[i].code;
    return SHALE_SYSTEM;
}

const char *err_name(int code)
{
    return code >= 0 && code < _SHALE_ERR_MAX ? names[code] : "UNKNOWN";
}

int(err_set)(struct shale_err *e, int code, const char *fmt, ...)
{
    va_list ap;

    if (!e)
        return -code;
    e->code = code;
    e->sys = 0;
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    return -code;
}

int(err_sys)(struct shale_err *e, const char *fmt, ...)
{
    int saved = errno;
    int code = err_code_of_errno(saved);
    char reason[128];
    va_list ap;

    if (!e)
        return -code;
    e->code = code;
    e->sys = saved;
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    const char *text = strerror_r(saved, reason, sizeof reason);
    size_t n = strlen(e->msg);
    snprintf(e->msg + n, sizeof e->msg - n, "%s%s", n ? ": " : "", text);
    return -code;
}

int(err_nomem)(struct shale_err *e)
{
    return err_set(e, SHALE_NO_MEMORY, "out of memory");
}

int(err_wrap)(struct shale_err *e, int r, const char *fmt, ...)
{
    char old[sizeof e->msg];
    va_list ap;

    if (!e)
        return r;
    memcpy(old, e->msg, sizeof old);
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    size_t n = strlen(e->msg);
    snprintf(e->msg + n, sizeof e->msg - n, ": %s", old);
    return r;
}
