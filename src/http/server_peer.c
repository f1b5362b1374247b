/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections each peer has, from the moment they are accepted. Without a limit nothing is
 * counted. */
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "http/server_priv.h"

/* IPv4 as it is, also when it comes in IPv6; of IPv6 the 64 bits that one customer has. */
void peer_key_of(const struct sockaddr *a, struct peer_key *ret)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    memset(ret, 0, sizeof *ret);
    if (a->sa_family == AF_INET) {
        memcpy(ret->b, mapped, sizeof mapped);
        memcpy(ret->b + 12, &((const struct sockaddr_in *)(const void *)a)->sin_addr, 4);
    } else if (a->sa_family == AF_INET6) {
        const void *in6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
        memcpy(ret->b, in6, memcmp(in6, mapped, sizeof mapped) == 0 ? 16 : 8);
    }
}

static struct peer **find(struct http_server *s, const struct peer_key *k)
{
    uint64_t h = 0xcbf29ce484222325ull; /* FNV-1a */

    for (size_t i = 0; i < sizeof k->b; i++)
        h = (h ^ k->b[i]) * 0x100000001b3ull;
    struct peer **p = &s->peers[(h ^ h >> 32) & (HTTP_PEER_BUCKETS - 1)];
    while (*p && memcmp(&(*p)->key, k, sizeof *k) != 0)
        p = &(*p)->next;
    return p;
}

bool peer_enter(struct http_server *s, const struct peer_key *k)
{
    bool ok = true;

    if (!s->o.max_per_peer)
        return true;
    pthread_mutex_lock(&s->mutex);
    struct peer **p = find(s, k);
    if (!*p && (*p = mem_alloc(sizeof **p)))
        (*p)->key = *k;
    ok = *p && (*p)->n < s->o.max_per_peer;
    if (ok)
        (*p)->n++;
    pthread_mutex_unlock(&s->mutex);
    return ok;
}

void peer_leave(struct http_server *s, const struct peer_key *k)
{
    if (!s->o.max_per_peer)
        return;
    pthread_mutex_lock(&s->mutex);
    struct peer **p = find(s, k), *x = *p;
    if (x && --x->n == 0) {
        *p = x->next;
        free(x);
    }
    pthread_mutex_unlock(&s->mutex);
}

void peers_free(struct http_server *s)
{
    for (size_t i = 0; i < HTTP_PEER_BUCKETS; i++)
        while (s->peers[i]) {
            struct peer *x = s->peers[i];
            s->peers[i] = x->next;
            free(x);
        }
}
