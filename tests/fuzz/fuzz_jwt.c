/* SPDX-License-Identifier: Apache-2.0 */
/* A token, and a file of keys, from anybody: refused unless signed; nothing is trusted by accident.
 * The first byte says which: 'k' is a file of keys. The key of the trust is that of RFC 8037, with
 * which one corpus file is signed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "registry/auth/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char keys[] = "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                           "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jwt_trust *trust; /* remembers signatures: kept between inputs on purpose */
    struct jwt_expect x = {"iss", "reg", 1700000000, 60};
    struct arena a = ARENA_INIT(8u << 20);
    struct jwt_claims c = {0};
    struct jwt_trust *t = NULL;

    if (!trust && jwt_trust_parse(keys, sizeof keys - 1, &trust, NULL) < 0)
        abort();
    if (size == 0)
        return 0;
    if (data[0] == 'k') {
        if (jwt_trust_parse(data + 1, size - 1, &t, NULL) == 0 &&
            (jwt_trust_count(t) == 0 || jwt_trust_count(t) > JWT_MAX_KEYS))
            abort();
        jwt_trust_free(t);
    } else if (jwt_verify(trust, (const char *)data, size, &x, &a, &c, NULL) == 0) {
        abort(); /* nobody has signed such claims */
    }
    uint8_t *plain = malloc(BASE64_BYTES(size));
    struct buf b = BUF_INIT(2 * size + 16);
    ssize_t n = plain ? base64_decode(BASE64_URL, (const char *)data, size, plain) : -1;
    if (n >= 0) {
        base64_add(BASE64_URL, plain, (size_t)n, &b);
        if (b.n != size || (size && memcmp(b.p, data, size) != 0))
            abort(); /* one text for each value */
    }
    buf_clear(&b);
    free(plain);
    arena_clear(&a);
    return 0;
}
