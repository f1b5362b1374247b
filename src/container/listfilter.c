/* SPDX-License-Identifier: Apache-2.0 */
#include "container/listfilter.h"

#include <string.h>

#include "base/str.h"

#define SHOWN_MAX 64

int listfilter_unknown(const char *filter, struct shale_err *e)
{
    size_t n = strcspn(filter, "=");

    return err_set(e, SHALE_INVALID, "invalid filter '%.*s'", (int)(n > SHOWN_MAX ? SHOWN_MAX : n),
                   filter);
}

int listfilter_check(const struct listfilter *keys, size_t n_keys, const char *const *list,
                     struct shale_err *e)
{
    for (; list && *list; list++) {
        size_t k = 0;
        while (k < n_keys && !str_has_prefix(*list, keys[k].key))
            k++;
        if (k == n_keys)
            return listfilter_unknown(*list, e);
        int r = keys[k].check ? keys[k].check(*list + strlen(keys[k].key), e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

static bool passes_key(const struct listfilter *k, const void *item, const char *const *list)
{
    size_t n = 0, good = 0;

    for (; list && *list; list++) {
        if (!str_has_prefix(*list, k->key))
            continue;
        n++;
        good += k->match(item, *list + strlen(k->key));
    }
    return n == 0 || (k->all ? good == n : good > 0);
}

bool listfilter_passes(const struct listfilter *keys, size_t n_keys, const void *item,
                       const char *const *list)
{
    for (size_t k = 0; k < n_keys; k++)
        if (!passes_key(&keys[k], item, list))
            return false;
    return true;
}

bool listfilter_is_true(const char *value)
{
    return streq(value, "true") || streq(value, "1");
}

int listfilter_bool(const char *key, const char *value, bool *ret, struct shale_err *e)
{
    *ret = listfilter_is_true(value);
    if (*ret || streq(value, "false") || streq(value, "0"))
        return 0;
    return err_set(e, SHALE_INVALID, "invalid filter '%s=[%.*s]'", key, SHOWN_MAX, value);
}

int listfilter_check_dangling(const char *value, struct shale_err *e)
{
    bool yes;

    return listfilter_bool("dangling", value, &yes, e);
}
