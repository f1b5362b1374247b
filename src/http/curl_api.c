/* SPDX-License-Identifier: Apache-2.0 */
#include "http/curl_api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "http/http.h"

/* Loaded once for the process and never unloaded: the only state outside of handles, and it never
 * changes after it is there. */
static struct {
    pthread_once_t once;
    struct curl_api api;
    char why[200]; /* why it could not be loaded */
} loaded = {.once = PTHREAD_ONCE_INIT};

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define X(name) {"curl_" #name, offsetof(struct curl_api, name)},
    CURL_FUNCTIONS(X)
#undef X
};

static CURLcode global_init(void)
{
#ifdef SHALE_FAULT_HOOKS
    return loaded.api.global_init_mem(CURL_GLOBAL_DEFAULT, mem_lib_malloc, free, mem_lib_realloc,
                                      mem_lib_strdup, mem_lib_calloc);
#else
    return loaded.api.global_init(CURL_GLOBAL_DEFAULT);
#endif
}

static void load(void)
{
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
    void *lib = NULL;

    for (size_t i = 0; !lib && i < ARRAY_SIZE(names); i++)
        lib = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        snprintf(loaded.why, sizeof loaded.why,
                 "libcurl cannot be loaded (%.120s); install libcurl4", dlerror());
        return;
    }
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        void *f = dlsym(lib, functions[i].name);
        if (!f) {
            snprintf(loaded.why, sizeof loaded.why, "libcurl is too old: it has no %s",
                     functions[i].name);
            return;
        }
        memcpy((char *)&loaded.api + functions[i].offset, &f, sizeof f);
    }
    if (global_init() != CURLE_OK)
        snprintf(loaded.why, sizeof loaded.why, "libcurl cannot be initialised");
}

static void *load_early(void *unused)
{
    (void)unused;
    pthread_once(&loaded.once, load);
    return NULL;
}

void http_preload_begin(struct http_preload *p)
{
    p->runs = pthread_create(&p->thread, NULL, load_early, NULL) == 0;
}

void http_preload_end(struct http_preload *p)
{
    if (p->runs)
        pthread_join(p->thread, NULL);
    p->runs = false;
}

int curl_api_get(const struct curl_api **ret, struct shale_err *e)
{
    pthread_once(&loaded.once, load);
    if (loaded.why[0])
        return err_set(e, SHALE_UNSUPPORTED, "%s", loaded.why);
    *ret = &loaded.api;
    return 0;
}
