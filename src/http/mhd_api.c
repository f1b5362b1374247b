/* SPDX-License-Identifier: Apache-2.0 */
#include "http/mhd_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>

#include "base/cleanup.h"

/* Loaded once for the process and never unloaded. */
static struct {
    pthread_once_t once;
    struct mhd_api api;
    char why[200];
} loaded = {.once = PTHREAD_ONCE_INIT};

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define X(name) {"MHD_" #name, offsetof(struct mhd_api, name)},
    MHD_FUNCTIONS(X)
#undef X
};

static void load(void)
{
    void *lib = dlopen("libmicrohttpd.so.12", RTLD_NOW | RTLD_LOCAL);

    if (!lib) {
        snprintf(loaded.why, sizeof loaded.why,
                 "libmicrohttpd cannot be loaded (%.100s); install libmicrohttpd12", dlerror());
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        void *f = dlsym(lib, functions[i].name);
        if (!f) {
            snprintf(loaded.why, sizeof loaded.why, "libmicrohttpd is too old: it has no %s",
                     functions[i].name);
            return;
        }
        memcpy((char *)&loaded.api + functions[i].offset, &f, sizeof f);
    }
}

int mhd_api_get(const struct mhd_api **ret, struct shale_err *e)
{
    pthread_once(&loaded.once, load);
    if (loaded.why[0])
        return err_set(e, SHALE_UNSUPPORTED, "%s", loaded.why);
    *ret = &loaded.api;
    return 0;
}
