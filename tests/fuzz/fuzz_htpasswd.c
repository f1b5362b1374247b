/* SPDX-License-Identifier: Apache-2.0 */
/* A line of a password file: a user with a bcrypt hash of a bearable cost, a comment, or nothing
 * that can be used. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "registry/auth/htpasswd_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size}, line, name, hash;

    while (str_split(&rest, '\n', &line)) {
        if (htpasswd_line(line, &name, &hash, NULL) != 1)
            continue;
        unsigned cost = htpasswd_cost(hash);
        if (cost < 4 || cost > HTPASSWD_MAX_COST || hash.n != 60 || name.n == 0 ||
            name.n > HTPASSWD_MAX_USER_BYTES || memchr(name.p, ':', name.n) || name.p < line.p ||
            hash.p + hash.n > line.p + line.n)
            abort();
    }
    return 0;
}
