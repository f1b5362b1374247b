/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_ERROR_H
#define SHALE_ERROR_H
/*
 * Errors of libshale.
 *
 * Every function that can fail returns an int: 0 (or a positive value that its comment explains) on
 * success, or minus one of the codes below. Its last parameter is a `struct shale_err *`, which the
 * caller owns (usually on its stack) and which may be NULL. The struct is written only on failure;
 * it holds no pointers, so overwriting one cannot leak. Branch on the code, never on the text.
 */
#ifdef __cplusplus
extern "C" {
#endif

enum shale_errcode {
    SHALE_OK = 0,
    SHALE_INVALID,      /* the caller's input is wrong */
    SHALE_NOT_FOUND,    /* no such image, container, file */
    SHALE_EXISTS,       /* a thing of that name is there already */
    SHALE_IN_USE,       /* something else still needs it */
    SHALE_DENIED,       /* known to us, not allowed */
    SHALE_UNAUTHORIZED, /* credentials missing or wrong */
    SHALE_CONFLICT,     /* the state of things does not allow it */
    SHALE_UNSUPPORTED,  /* not possible here, or not built */
    SHALE_CORRUPT,      /* bytes do not match their digest, size or format */
    SHALE_LIMIT,        /* a named limit was exceeded */
    SHALE_NO_SPACE,     /* disk full or quota reached */
    SHALE_NETWORK,      /* a peer could not be reached or broke off */
    SHALE_TIMEOUT,      /* it took too long */
    SHALE_CANCELED,     /* the caller asked to stop */
    SHALE_SYSTEM,       /* a system call failed; errno is in `sys` */
    SHALE_NO_MEMORY,
    SHALE_INTERNAL, /* a bug in shale */
    _SHALE_ERR_MAX
};

struct shale_err {
    int code;      /* enum shale_errcode */
    int sys;       /* errno of the failed system call, else 0 */
    char msg[504]; /* one line, no newline, always terminated */
};

#define SHALE_ERR_INIT                                                                             \
    {                                                                                              \
        0, 0,                                                                                      \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

#ifdef __cplusplus
}
#endif
#endif
