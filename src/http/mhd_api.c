/* SPDX-License-Identifier: Apache-2.0 */
#include "http/mhd_api.h"

#include "base/cleanup.h"
#include "base/dynlib.h"

static const struct dynlib_function functions[] = {
#define X(name) {"MHD_" #name, offsetof(struct mhd_api, name)},
    MHD_FUNCTIONS(X)
#undef X
};

static struct mhd_api loaded;
static struct dynlib lib = {
    .once = PTHREAD_ONCE_INIT,
    .name = "libmicrohttpd",
    .package = "libmicrohttpd12",
    .sonames = {"libmicrohttpd.so.12"},
    .functions = functions,
    .n_functions = ARRAY_SIZE(functions),
};

static void load(void)
{
    (void)dynlib_load(&lib, &loaded);
}

int mhd_api_get(const struct mhd_api **ret, struct shale_err *e)
{
    pthread_once(&lib.once, load);
    int r = dynlib_result(&lib, e);
    if (r == 0)
        *ret = &loaded;
    return r;
}
