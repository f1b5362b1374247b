/* SPDX-License-Identifier: Apache-2.0 */
#include "container/keys.h"

#include <ctype.h>
#include <string.h>

#include "base/str.h"

static int parse_key(struct str key, uint8_t *ret)
{
    if (key.n == 1) {
        *ret = (uint8_t)key.p[0];
        return 0;
    }
    if (key.n == 6 && strncasecmp(key.p, "ctrl-", 5) == 0) {
        int c = tolower((unsigned char)key.p[5]);
        if (c >= 'a' && c <= 'z') {
            *ret = (uint8_t)(c - 'a' + 1);
            return 0;
        }
        if (strchr("@[\\]^_", c)) {
            *ret = (uint8_t)(c - '@');
            return 0;
        }
    }
    return -1;
}

int keys_parse(const char *s, struct keys *ret, struct shale_err *e)
{
    struct keys k = {.n = 0};
    struct str rest, piece;

    if (!s)
        s = KEYS_DEFAULT;
    rest = str_of(s);
    while (rest.n > 0 && str_split(&rest, ',', &piece)) {
        if (k.n == KEYS_MAX)
            return err_set(e, SHALE_INVALID, "invalid detach keys (%s): more than %d keys", s,
                           KEYS_MAX);
        if (parse_key(piece, &k.seq[k.n]) < 0)
            return err_set(e, SHALE_INVALID, "invalid detach keys (%s): Unknown character: '%.*s'",
                           s, (int)piece.n, piece.p);
        k.n++;
    }
    *ret = k;
    return 0;
}

/* After a mismatch the longest suffix of what was held that may still begin the sequence stays
 * held. */
static void mismatch(struct keys *k, struct buf *out)
{
    size_t keep = k->held;

    while (keep > 0) {
        keep--;
        if (memcmp(k->seq, k->seq + (k->held - keep), keep) == 0)
            break;
    }
    buf_add(out, k->seq, k->held - keep);
    k->held = keep;
}

bool keys_feed(struct keys *k, const uint8_t *p, size_t n, struct buf *out)
{
    for (size_t i = 0; i < n; i++) {
        while (k->held > 0 && p[i] != k->seq[k->held])
            mismatch(k, out);
        if (k->n > 0 && p[i] == k->seq[k->held]) {
            if (++k->held == k->n) {
                k->held = 0;
                return true;
            }
            continue;
        }
        buf_add(out, p + i, 1);
    }
    return false;
}

void keys_flush(struct keys *k, struct buf *out)
{
    buf_add(out, k->seq, k->held);
    k->held = 0;
}
