/* SPDX-License-Identifier: Apache-2.0 */
#include "base/dynlib.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

bool dynlib_load(struct dynlib *d, void *table)
{
    void *lib = NULL;

    for (size_t i = 0; !lib && i < ARRAY_SIZE(d->sonames) && d->sonames[i]; i++)
        lib = dlopen(d->sonames[i], RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        snprintf(d->why, sizeof d->why, "%s cannot be loaded (%.120s)%s%s", d->name, dlerror(),
                 d->package ? "; install " : "", d->package ? d->package : "");
        return false;
    }
    for (size_t i = 0; i < d->n_functions; i++) {
        void *f = dlsym(lib, d->functions[i].name);
        if (!f) {
            snprintf(d->why, sizeof d->why, "%s is too old: it has no %s", d->name,
                     d->functions[i].name);
            return false;
        }
        memcpy((char *)table + d->functions[i].offset, &f, sizeof f);
    }
    return true;
}

int dynlib_result(const struct dynlib *d, struct shale_err *e)
{
    return d->why[0] ? err_set(e, SHALE_UNSUPPORTED, "%s", d->why) : 0;
}
