/* SPDX-License-Identifier: Apache-2.0 */
#include "http/curl_api.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/dynlib.h"
#include "base/mem.h"
#include "http/http.h"

static const struct dynlib_function functions[] = {
#define X(name) {"curl_" #name, offsetof(struct curl_api, name)},
    CURL_FUNCTIONS(X)
#undef X
};

/* Loaded once for the process and never unloaded: the only state outside of handles, and it never
 * changes after it is there. */
static struct curl_api loaded;
static struct dynlib lib = {
    .once = PTHREAD_ONCE_INIT,
    .name = "libcurl",
    .package = "libcurl4",
    .sonames = {"libcurl.so.4", "libcurl-gnutls.so.4"},
    .functions = functions,
    .n_functions = ARRAY_SIZE(functions),
};

static CURLcode global_init(void)
{
#ifdef SHALE_FAULT_HOOKS
    return loaded.global_init_mem(CURL_GLOBAL_DEFAULT, mem_lib_malloc, free, mem_lib_realloc,
                                  mem_lib_strdup, mem_lib_calloc);
#else
    return loaded.global_init(CURL_GLOBAL_DEFAULT);
#endif
}

static void load(void)
{
    if (dynlib_load(&lib, &loaded) && global_init() != CURLE_OK)
        snprintf(lib.why, sizeof lib.why, "libcurl cannot be initialised");
}

static void *load_early(void *unused)
{
    (void)unused;
    pthread_once(&lib.once, load);
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
    pthread_once(&lib.once, load);
    int r = dynlib_result(&lib, e);
    if (r == 0)
        *ret = &loaded;
    return r;
}
