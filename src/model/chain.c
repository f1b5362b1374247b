/* SPDX-License-Identifier: Apache-2.0 */
#include "model/chain.h"

#include <string.h>

int chain_next(const struct digest *parent, const struct digest *diff, struct digest *ret,
               struct shale_err *e)
{
    if (!digest_is_set(diff))
        return err_set(e, SHALE_INVALID, "invalid checksum digest format");
    if (!digest_is_set(parent)) {
        *ret = *diff;
        return 0;
    }
    char text[2 * DIGEST_MAX];
    size_t np = strlen(parent->s), nd = strlen(diff->s);
    memcpy(text, parent->s, np);
    text[np] = ' ';
    memcpy(text + np + 1, diff->s, nd);
    return digest_of_bytes(HASH_SHA256, text, np + 1 + nd, ret, e);
}

int chain_id(const struct digest *diff_ids, size_t n, struct digest *ret, struct shale_err *e)
{
    if (n == 0)
        return err_set(e, SHALE_INVALID, "an image without layers has no chain ID");
    struct digest chain = {{0}};
    for (size_t i = 0; i < n; i++) {
        int r = chain_next(&chain, &diff_ids[i], &chain, e);
        if (r < 0)
            return r;
    }
    *ret = chain;
    return 0;
}
