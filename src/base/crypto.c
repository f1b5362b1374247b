/* SPDX-License-Identifier: Apache-2.0 */
#define CRYPTO_NO_NAMES
#include "base/crypto.h"

#include <dlfcn.h>
#include <openssl/opensslv.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

#define STRING_OF(x) #x
#define STRING(x)    STRING_OF(x)
#ifdef OPENSSL_SHLIB_VERSION
#define CRYPTO_LIB "libcrypto.so." STRING(OPENSSL_SHLIB_VERSION)
#else
#define CRYPTO_LIB "libcrypto.so." SHLIB_VERSION_NUMBER
#endif

struct function {
    const char *name;
    size_t offset;
};
#define X(name) {#name, offsetof(struct crypto_api, name)},
static const struct function crypto_functions[] = {CRYPTO_FUNCTIONS(X)};
static const struct function crypt_functions[] = {CRYPT_FUNCTIONS(X)};
#undef X

/* Set once and then never changed. */
static struct {
    pthread_once_t crypto_once, crypt_once;
    struct crypto_api api;
    char crypto_why[200], crypt_why[200]; /* why it could not be loaded */
} loaded = {.crypto_once = PTHREAD_ONCE_INIT, .crypt_once = PTHREAD_ONCE_INIT};

static void load(const char *const *names, const struct function *v, size_t n, char why[200])
{
    void *lib = NULL;

    for (size_t i = 0; !lib && names[i]; i++)
        lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        snprintf(why, 200, "%s cannot be loaded (%.100s)", names[0], dlerror());
        return;
    }
    for (size_t i = 0; i < n; i++) {
        void *f = dlsym(lib, v[i].name);
        if (!f) {
            snprintf(why, 200, "%s has no %s", names[0], v[i].name);
            return;
        }
        memcpy((char *)&loaded.api + v[i].offset, &f, sizeof f);
    }
}

static void load_crypto(void)
{
    load((const char *const[]){CRYPTO_LIB, NULL}, crypto_functions, ARRAY_SIZE(crypto_functions),
         loaded.crypto_why);
}

static void load_crypt(void)
{
    load((const char *const[]){"libcrypt.so.1", "libcrypt.so.2", NULL}, crypt_functions,
         ARRAY_SIZE(crypt_functions), loaded.crypt_why);
}

int crypto_load(struct shale_err *e)
{
    pthread_once(&loaded.crypto_once, load_crypto);
    return loaded.crypto_why[0] ? err_set(e, SHALE_UNSUPPORTED, "%s", loaded.crypto_why) : 0;
}

int crypt_load(struct shale_err *e)
{
    pthread_once(&loaded.crypt_once, load_crypt);
    return loaded.crypt_why[0] ? err_set(e, SHALE_UNSUPPORTED, "%s", loaded.crypt_why) : 0;
}

const struct crypto_api *crypto_api(void)
{
    return &loaded.api;
}
