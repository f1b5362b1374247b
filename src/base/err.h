/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Filling a struct shale_err. err_set at the origin, err_wrap where meaning is added; each returns
 * -code, so that `return err_set(e, …)` is one line. All accept e == NULL and then only return
 * -code.
 */
#include <shale/error.h>

#define ATTR_PRINTF(f, a) __attribute__((format(printf, f, a)))

/* Sets code and message. Returns -code. */
int err_set(struct shale_err *e, int code, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* From errno (saved on entry): the message gets ": <strerror>" appended, the code comes from errno
 * (ENOENT NOT_FOUND, EEXIST EXISTS, EACCES/EPERM DENIED, ENOSPC/EDQUOT NO_SPACE, ENOMEM NO_MEMORY,
 * EROFS DENIED, ETIMEDOUT TIMEOUT, EINTR CANCELED, else SYSTEM). Returns -code. */
int err_sys(struct shale_err *e, const char *fmt, ...) ATTR_PRINTF(2, 3);

/* Out of memory. Returns -SHALE_NO_MEMORY. */
int err_nomem(struct shale_err *e);

/* Puts "<text>: " before the message that is there and keeps its code. `r` is the negative result
 * being passed on, returned unchanged. */
int err_wrap(struct shale_err *e, int r, const char *fmt, ...) ATTR_PRINTF(3, 4);

/* Text name of a code in upper case ("NOT_FOUND"), "UNKNOWN" for others. */
const char *err_name(int code);

/* Code for an errno value, as err_sys maps it. */
int err_code_of_errno(int errnum);

/* All of them return something negative; said so that it is known without looking into err.c, to
 * compilers and analysers that would otherwise follow ways on which an error is a success. */
static inline int err_negative(int r)
{
    if (r >= 0)
        __builtin_unreachable();
    return r;
}
#define err_set(...)  err_negative((err_set)(__VA_ARGS__))
#define err_sys(...)  err_negative((err_sys)(__VA_ARGS__))
#define err_nomem(e)  err_negative((err_nomem)(e))
#define err_wrap(...) err_negative((err_wrap)(__VA_ARGS__))
