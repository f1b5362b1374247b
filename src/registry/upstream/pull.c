/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/upstream/pull.h"

#include <stdlib.h>

#include "base/mem.h"

int pull_open(struct registry *r, struct pull **ret, struct shale_err *e)
{
    struct pull *p = mem_alloc(sizeof *p);

    if (!p)
        return err_nomem(e);
    p->r = r;
    pthread_mutex_init(&p->mutex, NULL);
    int k = missing_new(&p->missing, e);
    if (k >= 0)
        k = workq_new(PULL_ASK_THREADS, &p->ask_q, e);
    if (k >= 0)
        k = workq_new(PULL_FETCHES, &p->fetch_q, e);
    if (k < 0) {
        pull_close(p);
        return k;
    }
    *ret = p;
    return 0;
}

void pull_let_go(struct pull *p)
{
    if (p)
        cancel_set(&p->cancel);
}

struct pull *pull_close(struct pull *p)
{
    if (!p)
        return NULL;
    cancel_set(&p->cancel);
    workq_free(p->ask_q);
    workq_free(p->fetch_q);
    missing_free(p->missing);
    pthread_mutex_destroy(&p->mutex);
    free(p);
    return NULL;
}
