/* SPDX-License-Identifier: Apache-2.0 */
#include "http/gnutls_api.h"

#include "base/cleanup.h"
#include "base/dynlib.h"

static const struct dynlib_function functions[] = {
#define X(name) {"gnutls_" #name, offsetof(struct gnutls_api, name)},
    GNUTLS_FUNCTIONS(X)
#undef X
};

static struct gnutls_api loaded;
static struct dynlib lib = {
    .once = PTHREAD_ONCE_INIT,
    .name = "GnuTLS",
    .sonames = {"libgnutls.so.30"},
    .functions = functions,
    .n_functions = ARRAY_SIZE(functions),
};

static void load(void)
{
    (void)dynlib_load(&lib, &loaded);
}

const struct gnutls_api *gnutls_api_get(void)
{
    pthread_once(&lib.once, load);
    return dynlib_result(&lib, NULL) == 0 ? &loaded : NULL;
}
