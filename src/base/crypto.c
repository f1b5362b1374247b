/* SPDX-License-Identifier: Apache-2.0 */
#define CRYPTO_NO_NAMES
#include "base/crypto.h"

#include <openssl/opensslv.h>

#include "base/cleanup.h"
#include "base/dynlib.h"

#define STRING_OF(x) #x
#define STRING(x)    STRING_OF(x)
#ifdef OPENSSL_SHLIB_VERSION
#define CRYPTO_LIB "libcrypto.so." STRING(OPENSSL_SHLIB_VERSION)
#else
#define CRYPTO_LIB "libcrypto.so." SHLIB_VERSION_NUMBER
#endif

#define X(name) {#name, offsetof(struct crypto_api, name)},
static const struct dynlib_function crypto_functions[] = {CRYPTO_FUNCTIONS(X)};
static const struct dynlib_function crypt_functions[] = {CRYPT_FUNCTIONS(X)};
#undef X

/* Set once and then never changed. */
static struct crypto_api loaded;
static struct dynlib crypto_lib = {
    .once = PTHREAD_ONCE_INIT,
    .name = CRYPTO_LIB,
    .package = "OpenSSL",
    .sonames = {CRYPTO_LIB},
    .functions = crypto_functions,
    .n_functions = ARRAY_SIZE(crypto_functions),
};
static struct dynlib crypt_lib = {
    .once = PTHREAD_ONCE_INIT,
    .name = "libcrypt",
    .package = "libcrypt1",
    .sonames = {"libcrypt.so.1", "libcrypt.so.2"},
    .functions = crypt_functions,
    .n_functions = ARRAY_SIZE(crypt_functions),
};

static void load_crypto(void)
{
    (void)dynlib_load(&crypto_lib, &loaded);
}

static void load_crypt(void)
{
    (void)dynlib_load(&crypt_lib, &loaded);
}

int crypto_load(struct shale_err *e)
{
    pthread_once(&crypto_lib.once, load_crypto);
    return dynlib_result(&crypto_lib, e);
}

int crypt_load(struct shale_err *e)
{
    pthread_once(&crypt_lib.once, load_crypt);
    return dynlib_result(&crypt_lib, e);
}

const struct crypto_api *crypto_api(void)
{
    return &loaded;
}
