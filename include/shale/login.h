/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_LOGIN_H
#define SHALE_LOGIN_H
/*
 * Logging in to registries and out of them, with docker's files: a credential helper where
 * config.json names one (credHelpers, credsStore), else config.json itself. See shale.h for the
 * conventions.
 *
 * `registry` is HOST[:PORT], a URL of it as docker takes it, or NULL: Docker Hub.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_login_result {
    const char *registry; /* HOST[:PORT] */
    const char *file;     /* where the password lies unencrypted; NULL: a helper keeps it */
};
/* Asks the registry whether it takes the credentials, and keeps them if so. user NULL: asks with
 * those that are kept already. UNAUTHORIZED, DENIED: the registry's words; NOT_FOUND: nobody is
 * logged in. */
SHALE_API int shale_login(struct shale *s, const char *registry, const char *user,
                          const char *password, struct shale_login_result **ret,
                          struct shale_err *e);
/* Who is logged in: *ret is a string for shale_free, NULL: nobody. */
SHALE_API int shale_login_user(struct shale *s, const char *registry, char **ret,
                               struct shale_err *e);
/* This handle goes by these credentials from here on, and by no file or helper: {"HOST":
 * {"username": …, "password": …, "identitytoken": …, "registrytoken": …, "auth": …}}, as "auths" of
 * docker's config.json. INVALID: it is none. CONFLICT: a registry has been asked already. */
SHALE_API int shale_use_auths(struct shale *s, const char *auths_json, struct shale_err *e);
/* Forgets them. 1 when there were any, 0 when not. */
SHALE_API int shale_logout(struct shale *s, const char *registry, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
