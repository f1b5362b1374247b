/* SPDX-License-Identifier: Apache-2.0 */
#include "http/gnutls_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* Loaded once for the process and never unloaded. */
static struct {
    pthread_once_t once;
    struct gnutls_api api;
    bool there;
} loaded = {.once = PTHREAD_ONCE_INIT};

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define X(name) {"gnutls_" #name, offsetof(struct gnutls_api, name)},
    GNUTLS_FUNCTIONS(X)
#undef X
};

static void load(void)
{
    void *lib = dlopen("libgnutls.so.30", RTLD_NOW | RTLD_LOCAL);

    if (!lib)
        return;
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        void *f = dlsym(lib, functions[i].name);
        if (!f)
            return;
        memcpy((char *)&loaded.api + functions[i].offset, &f, sizeof f);
    }
    loaded.there = true;
}

const struct gnutls_api *gnutls_api_get(void)
{
    pthread_once(&loaded.once, load);
    return loaded.there ? &loaded.api : NULL;
}
