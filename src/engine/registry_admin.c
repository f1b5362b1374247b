/* SPDX-License-Identifier: Apache-2.0 */
/* include/shale/registry_admin.h */
#include <shale/registry_admin.h>

#include "base/cleanup.h"
#include "engine/engine_priv.h"
#include "registry/auth/htpasswd.h"
#include "registry/auth/jwt.h"
#include "registry/conf/regconf.h"

#define TEXT_BYTES (1u << 20)

static void conf_freep(struct regconf **c)
{
    regconf_free(*c);
}

/* A copy that shale_free releases. */
static int give(const char *text, char **ret, struct shale_err *e)
{
    struct arena *a;
    char *copy = result_new(strlen(text) + 1, &a);

    if (!copy)
        return err_nomem(e);
    memcpy(copy, text, strlen(text) + 1);
    *ret = copy;
    return 0;
}

int shale_registry_users_file(const char *config, char **ret, struct shale_err *e)
{
    _cleanup_(conf_freep) struct regconf *c = NULL;

    int r = regconf_load(config ? config : REGCONF_FILE, NULL, 0, &c, e);
    if (r < 0)
        return r;
    if (!c->auth.htpasswd)
        return err_set(e, SHALE_NOT_FOUND, "%s names no password file ([auth] htpasswd)", c->file);
    return give(c->auth.htpasswd, ret, e);
}

int shale_registry_user_put(const char *file, const char *user, const char *password, unsigned cost,
                            bool replace, struct shale_err *e)
{
    return htpasswd_put(file, replace ? HTPASSWD_REPLACE : HTPASSWD_ADD, user, password, cost, e);
}

int shale_registry_user_remove(const char *file, const char *user, struct shale_err *e)
{
    return htpasswd_remove(file, user, e);
}

int shale_registry_users(const char *file, int (*f)(void *arg, const char *user), void *arg,
                         struct shale_err *e)
{
    return htpasswd_each(file, f, arg, e);
}

int shale_registry_key_create(const char *file, struct shale_err *e)
{
    return jwt_key_create(file, e);
}

int shale_registry_config_check(const char *config, struct shale_err *e)
{
    _cleanup_(conf_freep) struct regconf *c = NULL;

    return regconf_load(config ? config : REGCONF_FILE, NULL, 0, &c, e);
}

static int text_of(void (*f)(struct buf *b), char **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(TEXT_BYTES);

    f(&b);
    int r = buf_check(&b, e);
    return r < 0 ? r : give(buf_str(&b), ret, e);
}

int shale_registry_config_example(char **ret, struct shale_err *e)
{
    return text_of(regconf_example, ret, e);
}

int shale_registry_config_man(char **ret, struct shale_err *e)
{
    return text_of(regconf_man, ret, e);
}
