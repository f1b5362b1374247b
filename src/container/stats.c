/* SPDX-License-Identifier: Apache-2.0 */
/* `stats`: samples of what containers use, one after the other. */
#include "container/stats.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/time.h"
#include "container/cgstats.h"
#include "container/ctr.h"

#define STEP_MS        50 /* between looks whether to stop */
#define PROC_MAX_BYTES (256u << 10)
#define STAT_MAX_BYTES (16u << 20)
#define CPU_COLUMNS    8 /* guests count in others */

/* What was used at a time, to compare the next sample with. */
struct before {
    char id[META_CONTAINER_ID_HEX + 1];
    struct process init;
    uint64_t cpu_ns, host_ns;
    struct shale_cpu_stats cpu;
    int64_t at_ns; /* monotonic */
    int64_t time_ns;
};

struct sampler {
    struct container_host *h;
    const struct shale_stats_opts *o;
    struct arena own, other; /* of this sample and of the one before, by turns */
    struct arena *a;
    struct before *was, *now;
    size_t n_was, n_now;
    struct shale_stats *v;
    size_t n;
    uint64_t host_ns; /* as of this sample */
};

static void sampler_clear(struct sampler *s)
{
    arena_clear(&s->own);
    arena_clear(&s->other);
}

static uint64_t host_memory(void)
{
    struct sysinfo si;

    return sysinfo(&si) == 0 ? (uint64_t)si.totalram * si.mem_unit : 0;
}

static const char *proc_text(struct sampler *s, const struct process *p, const char *name)
{
    const char *path = arena_printf(s->a, "/proc/%d/%s", (int)p->pid, name);
    const char *text = path ? fs_read_text(AT_FDCWD, path, s->a, PROC_MAX_BYTES, NULL) : NULL;

    return text ? text : "";
}

/* What all processors have done, and idled: the first line of /proc/stat, in ticks. */
static uint64_t host_cpu(struct sampler *s)
{
    const char *text = fs_read_text(AT_FDCWD, "/proc/stat", s->a, STAT_MAX_BYTES, NULL);
    long hz = sysconf(_SC_CLK_TCK);
    struct str rest, word;
    uint64_t sum = 0, v;

    if (!text || !str_has_prefix(text, "cpu ") || hz <= 0)
        return 0;
    rest = (struct str){text + 4, strcspn(text + 4, "\n")};
    for (int i = 0; i < CPU_COLUMNS && str_split(&rest, ' ', &word);) {
        char number[24];
        if (word.n == 0 || word.n >= sizeof number)
            continue;
        memcpy(number, word.p, word.n);
        number[word.n] = 0;
        sum += str_to_u64(number, &v) ? v : 0;
        i++;
    }
    return sum * (uint64_t)(NS_PER_S / hz);
}

/* The sample before of the same process; NULL. */
static const struct before *find_before(const struct sampler *s, const struct before *now)
{
    for (size_t i = 0; i < s->n_was; i++) {
        const struct before *b = &s->was[i];
        if (streq(b->id, now->id) && b->init.pid == now->init.pid &&
            b->init.start == now->init.start)
            return b;
    }
    return NULL;
}

static void compare(const struct sampler *s, const struct before *now, struct shale_stats *x)
{
    const struct before *b = find_before(s, now);

    x->time_ns = now->time_ns;
    x->host_cpu_ns = now->host_ns;
    if (!b)
        return;
    x->cpu_before_ns = b->cpu_ns;
    x->cpu_before = b->cpu;
    x->host_cpu_before_ns = b->host_ns;
    x->before_ns = b->time_ns;
    if (now->cpu_ns >= b->cpu_ns && now->at_ns > b->at_ns)
        x->cpu_percent =
            100.0 * (double)(now->cpu_ns - b->cpu_ns) / (double)(now->at_ns - b->at_ns);
}

static void take_figures(struct sampler *s, const struct ctr *c, const struct ctr_run *run,
                         struct shale_stats *x)
{
    struct before *now = &s->now[s->n_now];
    struct cgstats g;

    cgstats_read(CGSTATS_ROOT, proc_text(s, &run->init, "cgroup"), s->a, &g);
    (void)snprintf(now->id, sizeof now->id, "%s", c->row.id);
    now->init = run->init;
    now->cpu_ns = g.cpu_ns;
    now->cpu = g.cpu;
    now->at_ns = time_mono_ns();
    now->time_ns = time_now_ns();
    now->host_ns = s->host_ns;
    s->n_now++;
    x->known = true;
    x->cpu_ns = g.cpu_ns;
    x->cpu = g.cpu;
    compare(s, now, x);
    x->memory_bytes = g.memory_bytes;
    x->memory_limit_bytes = host_memory();
    if (g.memory_limit_bytes < x->memory_limit_bytes)
        x->memory_limit_bytes = g.memory_limit_bytes;
    x->block_read_bytes = g.read_bytes;
    x->block_written_bytes = g.written_bytes;
    x->blocks = g.blocks;
    x->n_blocks = g.n_blocks;
    x->memory_inactive_bytes = g.memory_inactive_bytes;
    x->memory = g.memory;
    x->n_memory = g.n_memory;
    x->n_pids = g.n_pids;
    if (!streq(c->conf.network, "host"))
        x->n_nets = cgstats_net(proc_text(s, &run->init, "net/dev"), s->a, &x->nets);
    for (size_t i = 0; i < x->n_nets; i++) {
        x->net_rx_bytes += x->nets[i].rx_bytes;
        x->net_tx_bytes += x->nets[i].tx_bytes;
    }
}

static int add(struct sampler *s, const struct ctr *c, const char *asked, struct shale_err *e)
{
    struct shale_stats *x = &s->v[s->n];
    struct ctr_run run;

    *x = (struct shale_stats){.asked = asked ? asked : c->row.id, .id = c->row.id};
    x->name = c->row.name;
    x->known = true;
    x->time_ns = time_now_ns();
    x->started_ns = c->row.run.started_ns;
    x->n_cpus = (uint32_t)get_nprocs();
    s->n++;
    if (ctr_need_running(c, NULL) < 0)
        return 0;
    int r = ctr_run_load(s->h, c, s->a, &run, e);
    if (r < 0)
        return r;
    x->running = process_alive(&run.init);
    if (run.runtime.level == RUNTIME_NO_CGROUPS)
        x->known = false;
    else if (x->running)
        take_figures(s, c, &run, x);
    return 0;
}

/* ---- which ---- */

static int make_room(struct sampler *s, size_t n, struct shale_err *e)
{
    s->n = s->n_now = 0;
    s->v = arena_array(s->a, n + 1, sizeof *s->v);
    s->now = arena_array(s->a, n + 1, sizeof *s->now);
    return s->v && s->now ? 0 : err_nomem(e);
}

/* `first`: a name that is none is an error; later it has been removed. */
static int sample_named(struct sampler *s, bool first, struct shale_err *e)
{
    const char *const *names = s->o->containers;
    size_t n = 0;

    while (names[n])
        n++;
    int r = make_room(s, n, e);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct shale_err why = SHALE_ERR_INIT;
        struct ctr *c = arena_alloc(s->a, sizeof *c);
        if (!c)
            return err_nomem(e);
        r = ctr_find(s->h, names[i], s->a, c, &why);
        if (r == -SHALE_NOT_FOUND && !first) {
            r = 0;
            continue;
        }
        if (r < 0) {
            if (e)
                *e = why;
            return r;
        }
        r = add(s, c, names[i], e);
    }
    return r;
}

static int sample_all(struct sampler *s, struct shale_err *e)
{
    struct meta_container *rows = NULL;
    size_t n = 0;
    int r = meta_container_list(store_meta(s->h->store), NULL, s->a, &rows, &n, e);

    if (r >= 0)
        r = make_room(s, n, e);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct ctr *c = arena_alloc(s->a, sizeof *c);
        r = c ? ctr_of_row(s->h, &rows[i], s->a, c, e) : err_nomem(e);
        if (r < 0)
            return r;
        if (ctr_refresh(s->h, s->a, c, NULL) == -SHALE_NOT_FOUND ||
            (!s->o->all && ctr_need_running(c, NULL) < 0))
            continue;
        r = add(s, c, NULL, e);
    }
    return r;
}

static bool has_names(const struct sampler *s)
{
    return s->o->containers && s->o->containers[0];
}

static int sample(struct sampler *s, bool first, struct shale_err *e)
{
    s->was = s->now;
    s->n_was = s->n_now;
    s->a = s->a == &s->own ? &s->other : &s->own;
    arena_clear(s->a);
    s->host_ns = host_cpu(s);
    return has_names(s) ? sample_named(s, first, e) : sample_all(s, e);
}

static int pause_for(struct sampler *s, int64_t ns, struct shale_err *e)
{
    int64_t end = time_mono_ns() + ns;

    for (;;) {
        int64_t left = end - time_mono_ns();
        int r = cancel_check(s->h->cancel, e);
        if (r < 0 || left <= 0)
            return r;
        poll(NULL, 0, left < STEP_MS * NS_PER_MS ? (int)(left / NS_PER_MS) + 1 : STEP_MS);
    }
}

int container_stats(struct container_host *h, const struct shale_stats_opts *o, struct shale_err *e)
{
    _cleanup_(sampler_clear) struct sampler s = {
        .h = h,
        .o = o,
        .own = ARENA_INIT(ARENA_DEFAULT_MAX),
        .other = ARENA_INIT(ARENA_DEFAULT_MAX),
    };
    int64_t interval = o->interval_ns > 0 ? o->interval_ns : NS_PER_S;
    int r = o->on_sample ? sample(&s, true, e)
                         : err_set(e, SHALE_INVALID, "stats: there is nobody to tell");

    while (r >= 0) {
        if (s.n > 0 || !o->once) /* nothing to compare: at once */
            r = pause_for(&s, interval, e);
        if (r >= 0)
            r = sample(&s, false, e);
        if (r >= 0)
            r = o->on_sample(o->arg, s.v, s.n);
        if (r >= 0 && (o->once || (has_names(&s) && s.n == 0)))
            return 0;
    }
    return r;
}
