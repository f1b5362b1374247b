/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_REGISTRY_ADMIN_H
#define SHALE_REGISTRY_ADMIN_H
/*
 * What belongs to a registry and needs no running one: its users, the key of its token service, its
 * config file. Results and errors as in shale.h; texts that are returned are released with
 * shale_free.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The password file that a config file names. config NULL: /etc/shale/registry.conf. NOT_FOUND when
 * there is no such config, or it names none. */
SHALE_API int shale_registry_users_file(const char *config, char **ret, struct shale_err *e);

/* Adds a user (EXISTS), or gives one a new password (replace; NOT_FOUND). cost: of bcrypt, 0 is 10.
 * A running registry sees the change within a second. */
SHALE_API int shale_registry_user_put(const char *file, const char *user, const char *password,
                                      unsigned cost, bool replace, struct shale_err *e);
/* NOT_FOUND when there is no such user. */
SHALE_API int shale_registry_user_remove(const char *file, const char *user, struct shale_err *e);
/* f returns 0 to go on; anything else is returned. */
SHALE_API int shale_registry_users(const char *file, int (*f)(void *arg, const char *user),
                                   void *arg, struct shale_err *e);

/* A new private key for the token service, in a new file (EXISTS). */
SHALE_API int shale_registry_key_create(const char *file, struct shale_err *e);

/* INVALID, with the line, when the file has a mistake. NULL: /etc/shale/registry.conf. */
SHALE_API int shale_registry_config_check(const char *config, struct shale_err *e);
/* A config file in which everything is explained and commented out. */
SHALE_API int shale_registry_config_example(char **ret, struct shale_err *e);
/* registry.conf(5) in troff. */
SHALE_API int shale_registry_config_man(char **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
