/* SPDX-License-Identifier: Apache-2.0 */
/* Networks of steps: making one takes longer than most steps do, so each is used again. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/proc.h"
#include "container/pasta.h"
#include "container/step_priv.h"

/* A container's default network. */
static int choose(struct container_host *h, struct step_net *n, struct shale_err *e)
{
    struct conf *k = &n->folder.c.conf;
    struct network bridge;

    if (proc_is_user()) {
        k->network = PASTA_MODE;
        return 0;
    }
    k->network = NETWORK_BRIDGE;
    k->networks = arena_array(&n->a, 1, sizeof *k->networks);
    if (!k->networks)
        return err_nomem(e);
    int r = network_find(h, NETWORK_BRIDGE, &n->a, &bridge, e);
    if (r < 0)
        return r;
    k->networks[0] = (struct conf_network){
        .name = bridge.row.name, .id = bridge.row.id, .address = "", .address6 = "", .mac = ""};
    k->n_networks = 1;
    return 0;
}

static struct step_net *drop(struct steps *s, struct step_net *n)
{
    endpoints_close(&n->net);
    step_folder_drop(s->h, &n->a, &n->folder);
    arena_clear(&n->a);
    free(n);
    return NULL;
}

static int make(struct steps *s, struct step_net **ret, struct shale_err *e)
{
    struct step_net *n = mem_alloc(sizeof *n);

    if (!n)
        return err_nomem(e);
    arena_init(&n->a, ARENA_DEFAULT_MAX);
    n->net = (struct endpoints){.ports.fds = {-1}};
    n->used = true;
    int r = step_folder_make(s->h, &n->a, &n->folder, e);
    if (r >= 0)
        r = choose(s->h, n, e);
    n->folder.c.conf.hostname = STEP_HOSTNAME;
    if (r >= 0)
        r = endpoints_setup(s->h, &n->a, &n->folder.c, &n->net, e);
    if (r < 0)
        (void)drop(s, n);
    else
        *ret = n;
    return r;
}

int step_net_take(struct steps *s, struct step_net **ret, struct shale_err *e)
{
    struct step_net *n;

    (void)pthread_mutex_lock(&s->mutex);
    for (n = s->nets; n && (n->used || n->done); n = n->next)
        ;
    if (n)
        n->used = true;
    (void)pthread_mutex_unlock(&s->mutex);
    if (!n) {
        int r = make(s, &n, e);
        if (r < 0)
            return r;
        (void)pthread_mutex_lock(&s->mutex);
        n->next = s->nets;
        s->nets = n;
        (void)pthread_mutex_unlock(&s->mutex);
    }
    *ret = n;
    return 0;
}

void step_net_give(struct steps *s, struct step_net *n, bool again)
{
    if (!n)
        return;
    (void)pthread_mutex_lock(&s->mutex);
    n->used = false;
    n->done = n->done || !again;
    (void)pthread_mutex_unlock(&s->mutex);
}

void step_nets_close(struct steps *s)
{
    struct step_net *next;

    for (struct step_net *n = s->nets; n; n = next) {
        next = n->next;
        (void)drop(s, n);
    }
    s->nets = NULL;
}
