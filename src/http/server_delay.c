/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that wait for their time: a list in the order of their times, emptied by the thread that
 * accepts. Their connections are suspended; no thread waits with them. */
#include "base/sys.h"
#include "base/time.h"
#include "http/server_priv.h"

void delay_add(struct req *q)
{
    struct http_server *s = q->s;
    uint64_t one = 1;

    q->due = time_mono_ns() + q->delay_ns;
    pthread_mutex_lock(&s->mutex);
    bool now = s->no_delay;
    if (!now) {
        struct req **p = &s->delayed;
        while (*p && (*p)->due <= q->due)
            p = &(*p)->next_delayed;
        q->next_delayed = *p;
        *p = q;
        (void)sys_write_all(s->event_fd, &one, sizeof one);
    }
    pthread_mutex_unlock(&s->mutex);
    if (now)
        req_go_on(q);
}

int64_t delays_end(struct http_server *s, int64_t now, int64_t most, bool all)
{
    pthread_mutex_lock(&s->mutex);
    s->no_delay |= all;
    while (s->delayed && (all || s->delayed->due <= now)) {
        struct req *q = s->delayed;
        s->delayed = q->next_delayed;
        pthread_mutex_unlock(&s->mutex);
        req_go_on(q);
        pthread_mutex_lock(&s->mutex);
    }
    if (s->delayed && s->delayed->due - now < most)
        most = s->delayed->due - now;
    pthread_mutex_unlock(&s->mutex);
    return most;
}
