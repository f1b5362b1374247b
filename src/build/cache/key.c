/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of the cache: a digest of what a step's layer depends on. */
#include "base/hash.h"
#include "build/build_priv.h"

/* Each with its length: no two lists of values give the same bytes. */
void key_add(struct key *k, const char *name, const char *value)
{
    buf_addf(&k->b, "%s %zd ", name, value ? (ssize_t)strlen(value) : (ssize_t)-1);
    buf_adds(&k->b, value ? value : "");
    buf_addc(&k->b, '\n');
}

void key_add_list(struct key *k, const char *name, const char *const *v, size_t n)
{
    buf_addf(&k->b, "%s [%zu]\n", name, n);
    for (size_t i = 0; i < n; i++)
        key_add(k, "-", v[i]);
}

void key_add_epoch(struct key *k, const struct build *b)
{
    char epoch[32];

    if (b->epoch_ns == TIME_NONE)
        return;
    (void)snprintf(epoch, sizeof epoch, "%lld", (long long)b->epoch_s);
    key_add(k, "epoch", epoch);
}

void key_begin(struct key *k, const char *kind, const struct state *s, const struct stage *g)
{
    buf_init(&k->b, KEY_MAX_BYTES);
    key_add(k, "shale", "1"); /* another number when the same inputs shall give something else */
    key_add(k, "kind", kind);
    key_add(k, "below", s ? s->chain.s : "");
    key_add(k, "os", g->platform.os);
    key_add(k, "arch", g->platform.arch);
    key_add(k, "variant", g->platform.variant);
}

int key_end(struct key *k, char ret_hex[65], struct shale_err *e)
{
    char hex[HASH_MAX_HEX + 1] = "";
    int r = buf_check(&k->b, e);

    if (r >= 0)
        r = hash_bytes(HASH_SHA256, k->b.p, k->b.n, hex, e);
    memcpy(ret_hex, hex, 64);
    ret_hex[64] = 0;
    buf_clear(&k->b);
    return r;
}
