/* SPDX-License-Identifier: Apache-2.0 */
/* Workers, who take stages of all builds that can go on, as many as there are seats. */
#include "base/pool.h"
#include "build/build_priv.h"
#include "build/instr/agent.h"

#define MIN_SEATS 4 /* steps often wait for the network, or for a disk */

void crew_init(struct crew *c, struct build *v, size_t n)
{
    size_t n_cpus = pool_n_cpus();

    *c = (struct crew){
        .v = v,
        .n = n,
        .n_seats = n_cpus < MIN_SEATS ? MIN_SEATS : n_cpus,
        .pull = PTHREAD_MUTEX_INITIALIZER,
        .events = PTHREAD_MUTEX_INITIALIZER,
        .ssh = PTHREAD_MUTEX_INITIALIZER,
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
}

void crew_clear(struct crew *c)
{
    c->steps = steps_close(c->steps);
    c->agents = ssh_agents_end(c->agents);
    flights_clear(c);
}

static size_t n_left(const struct crew *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++)
        n += c->v[i].n_left;
    return n;
}

/* The builds side by side: all have the same stages. */
static struct stage *find_ready(const struct crew *c, struct build **ret)
{
    for (size_t k = 0; k < c->v[0].n_stages; k++)
        for (size_t i = 0; i < c->n; i++) {
            struct stage *s = &c->v[i].stages[k];
            if (!s->needed || s->status != STAGE_WAITING || !graph_is_ready(s))
                continue;
            *ret = &c->v[i];
            return s;
        }
    return NULL;
}

/* The next stage to do, or to go on with; NULL: none is left. */
static struct stage *take_stage(struct crew *c, struct build **ret)
{
    struct stage *found = NULL;

    pthread_mutex_lock(&c->mutex);
    while (!found && n_left(c) > 0 && !c->stopped) {
        if (c->n_seated < c->n_seats)
            found = find_ready(c, ret);
        if (!found)
            pthread_cond_wait(&c->changed, &c->mutex);
    }
    if (found) {
        found->status = STAGE_RUNNING;
        c->n_seated++;
    }
    pthread_mutex_unlock(&c->mutex);
    return found;
}

/* What nobody needs any more goes at once: there may be 10,000 stages, each with a long history. */
static void end_stage(struct build *b, struct stage *s)
{
    s->status = STAGE_DONE;
    b->n_left--;
    for (size_t i = 0; i < s->n_deps; i++) {
        struct stage *d = s->deps[i].of;
        if (--d->n_users > 0)
            continue;
        state_clear(&d->state);
        d->dropped = true;
    }
}

/* Who waits for another one's work is canceled when that fails, and may be here before it: then the
 * reason takes its place. Of a trigger the base is shown, which has it. */
static void stop(struct crew *c, struct build *b, struct stage *s, int r,
                 const struct shale_err *why)
{
    bool is_reason = c->result == -SHALE_CANCELED && r != -SHALE_CANCELED &&
                     !cancel_is_set(c->v[0].h->image.cancel);

    if (c->stopped && !is_reason)
        return;
    c->stopped = true;
    c->result = r;
    c->why = *why;
    c->failed_in = b;
    c->failed = s->pos <= s->n_triggers ? s->src->from : &s->instrs[s->pos - 1];
}

static int work(void *arg, size_t i, struct cancel *cancel, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct crew *c = arg;
    struct build *b = NULL;
    struct stage *s;
    int r = 0;

    (void)i;
    pthread_mutex_lock(&c->mutex);
    for (size_t k = 0; k < c->n; k++)
        c->v[k].cancel = cancel;
    pthread_mutex_unlock(&c->mutex);
    while (r >= 0 && (s = take_stage(c, &b))) {
        r = stage_run(b, s, &why);
        pthread_mutex_lock(&c->mutex);
        c->n_seated--;
        if (r == 0) {
            end_stage(b, s);
        } else if (r < 0) {
            stop(c, b, s, r, &why);
            flights_let_go(c, s);
        }
        pthread_cond_broadcast(&c->changed);
        pthread_mutex_unlock(&c->mutex);
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

int crew_again(struct crew *c, struct shale_err *e)
{
    int r = 0;

    c->stopped = false;
    c->failed_in = NULL;
    c->failed = NULL;
    c->debug = NULL;
    flights_forget_remote(c);
    for (size_t i = 0; r >= 0 && i < c->n; i++)
        r = graph_again(&c->v[i], e);
    return r;
}

int crew_run(struct crew *c, struct shale_err *e)
{
    size_t n = n_left(c), n_workers = c->n_seats * c->n; /* those who wait have no seat */
    int r = pool_run(work, c, n, n < n_workers ? n : n_workers, c->v[0].h->image.cancel, e);

    for (size_t i = 0; i < c->n; i++)
        c->v[i].cancel = c->v[i].h->image.cancel;
    if (!c->stopped)
        return r;
    if (e)
        *e = c->why;
    return c->result;
}
