/* SPDX-License-Identifier: Apache-2.0 */
/* A build from its options to its image. */
#include <unistd.h>

#include "base/cleanup.h"
#include "base/pool.h"
#include "base/str.h"
#include "build/attest/attest.h"
#include "build/build_priv.h"
#include "build/cache/cache_remote.h"
#include "build/instr/secret.h"
#include "build/result/verify.h"
#include "model/limits.h"

#define MIN_WORKERS 4 /* steps often wait for the network, or for a disk */

/* ---- the workers ---- */

/* The next stage to do, or to go on with; NULL: none is left. */
static struct stage *take_stage(struct build *b)
{
    struct stage *found = NULL;

    pthread_mutex_lock(&b->mutex);
    while (!found && b->n_left > 0 && !b->stopped) {
        for (size_t i = 0; i < b->n_stages && !found; i++)
            if (b->stages[i].needed && b->stages[i].status == STAGE_WAITING &&
                graph_is_ready(&b->stages[i]))
                found = &b->stages[i];
        if (!found)
            pthread_cond_wait(&b->changed, &b->mutex);
    }
    if (b->stopped)
        found = NULL;
    if (found)
        found->status = STAGE_RUNNING;
    pthread_mutex_unlock(&b->mutex);
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

static int work(void *arg, size_t n, struct cancel *c, struct shale_err *e)
{
    struct build *b = arg;
    struct stage *s;
    int r = 0;

    (void)n;
    pthread_mutex_lock(&b->mutex);
    b->cancel = c;
    pthread_mutex_unlock(&b->mutex);
    while (r >= 0 && (s = take_stage(b))) {
        r = stage_run(b, s, e);
        pthread_mutex_lock(&b->mutex);
        if (r == 0)
            end_stage(b, s);
        else if (r < 0)
            b->stopped = true;
        pthread_cond_broadcast(&b->changed);
        pthread_mutex_unlock(&b->mutex);
    }
    return r;
}

static int run_stages(struct build *b, struct shale_err *e)
{
    size_t n = pool_n_cpus() < MIN_WORKERS ? MIN_WORKERS : pool_n_cpus();

    return pool_run(work, b, b->n_left, b->n_left < n ? b->n_left : n, b->h->image.cancel, e);
}

/* ---- before and behind ---- */

int build_open_context(struct build *b, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    const struct build_context_opts o = {
        .store = b->store,
        .context = b->o->context ? b->o->context : ".",
        .file = b->o->dockerfile,
        .stdin_fd = b->o->input_fd,
        .keep_git_dir = streq(scope_given(b, "BUILDKIT_CONTEXT_KEEP_GIT_DIR"), "1"),
        .cancel = b->h->image.cancel,
    };
    struct told t;
    size_t n;
    int r;

    told_begin(b, &t, "[internal] load build definition and context");
    r = build_context_open(&o, &b->context, &why);
    if (r >= 0) {
        const char *text = build_context_dockerfile(b->context, &n);
        r = dockerfile_parse(build_context_dockerfile_name(b->context), text, n, b->a, &b->file,
                             &why);
    }
    if (r < 0) {
        told_failed(&t, &why);
        if (b->file.failed.line)
            told_place(b, b->file.failed.line, b->file.failed_end);
        return err_set(e, why.code, "%s", why.msg);
    }
    told_end(&t, SHALE_BUILD_DONE);
    return 0;
}

static int check_options(struct build *b, struct shale_err *e)
{
    struct attest_opts attest;
    int r = secret_check(b->o->secrets, b->a, e);

    for (size_t i = 0; r >= 0 && b->o->tags && b->o->tags[i]; i++) {
        struct ref name;
        r = image_parse_target(b->o->tags[i], b->a, &name, e);
        if (r < 0)
            r = err_wrap(e, r, "invalid argument \"%.128s\" for --tag", b->o->tags[i]);
    }
    for (size_t i = 0; r >= 0 && b->o->labels && b->o->labels[i]; i++)
        if (!*b->o->labels[i] || *b->o->labels[i] == '=')
            r = err_set(e, SHALE_INVALID, "--label \"%.64s\" has no name", b->o->labels[i]);
    if (r >= 0)
        r = cache_remote_check(b->o, b->a, e);
    if (r >= 0)
        r = attest_parse(b->o, b->a, &attest, e);
    return r < 0 ? r : run_check_options(b->o, b->a, e);
}

/* Arguments that no ARG has taken. */
static void warn_unused(struct build *b)
{
    const char *list = "";
    size_t n = 0;

    for (size_t i = 0; i < b->given.n; i++) {
        const char *name = b->given.v[i].name;
        bool used = scope_is_proxy(name) || str_has_prefix(name, "BUILDKIT_") ||
                    streq(name, "SOURCE_DATE_EPOCH");
        (void)scope_get(&b->global, name, used ? NULL : &used);
        for (size_t k = 0; k < b->n_stages && !used; k++)
            (void)scope_get(&b->stages[k].args, name, &used);
        if (used)
            continue;
        list = arena_printf(b->a, "%s%s%s", list, n++ ? " " : "", name);
        if (!list)
            return;
    }
    const char *text = n ? arena_printf(b->a,
                                        "[Warning] One or more build-args [%s] were not "
                                        "consumed",
                                        list)
                         : NULL;
    if (text)
        told_warning(b, text);
}

/* Where it was, for people and in the message. */
int build_explain(struct build *b, int r, struct shale_err *e)
{
    if (!b->failed || r == -SHALE_CANCELED)
        return r;
    struct dockerfile_pos at = b->failed_at.line ? b->failed_at : b->failed->pos;
    if (b->failed->pos.line)
        told_place(b, b->failed->pos.line, b->failed->end_line);
    return err_wrap(e, r, "%s:%u:%u", b->file.file, at.line, at.column);
}

static int open_all(struct build *b, struct shale_err *e)
{
    int r = check_options(b, e);

    if (r >= 0)
        r = run_check_terminal(b, e);
    if (r >= 0)
        r = build_open_context(b, e);
    return r < 0 ? r : named_open(b, e);
}

static void borrow(struct build *b)
{
    b->context = b->lender->context;
    b->file = b->lender->file;
    b->named = b->lender->named;
    b->n_named = b->lender->n_named;
    b->remote = b->lender->remote;
}

int build_do(struct build *b, struct shale_built *ret, struct shale_err *e)
{
    int r = 0;

    if (b->lender)
        borrow(b);
    else
        r = open_all(b, e);
    if (r >= 0)
        r = build_scopes(b, e);
    if (r >= 0)
        r = annotations_check(b, e);
    if (r >= 0)
        r = graph_make(b, e);
    if (r >= 0 && !b->lender)
        r = check_warn(b, e);
    if (r >= 0 && !b->lender)
        r = precheck(b, false, e);
    if (r < 0)
        return build_explain(b, r, e);
    if (r >= 0)
        r = store_lease_begin(b->store, "build", &b->lease, e);
    if (r >= 0 && !b->lender)
        r = cache_remote_open(b, e);
    if (r < 0)
        return r;
    r = run_stages(b, e);
    if (r < 0) {
        r = build_explain(b, r, e);
        run_debug(b);
        return r;
    }
    b->cancel = b->h->image.cancel;
    if (!b->lender)
        warn_unused(b);
    r = cache_remote_end_stages(b, e);
    if (r >= 0 && !b->of_many)
        r = cache_remote_export(b, e);
    if (r < 0)
        return r;
    bool files = b->o->files_to || b->o->tar_to;
    if (files)
        r = output_files(b, e);
    return r < 0 || (files && !b->o->also_image) ? r : build_finish(b, ret, e);
}

void build_init(struct build *b, struct build_host *h, const struct shale_build_opts *o,
                struct arena *a)
{
    *b = (struct build){
        .h = h,
        .store = h->image.store,
        .o = o,
        .a = a,
        .cancel = h->image.cancel,
        .epoch_ns = TIME_NONE,
        .begun_ns = time_now_ns(),
        .pull = PTHREAD_MUTEX_INITIALIZER,
        .mutex = PTHREAD_MUTEX_INITIALIZER,
        .events = PTHREAD_MUTEX_INITIALIZER,
        .changed = PTHREAD_COND_INITIALIZER,
    };
}

void build_clear(struct build *b)
{
    b->steps = steps_close(b->steps);
    if (!b->lender) {
        b->remote = cache_remote_close(b->remote);
        named_close(b);
        b->context = build_context_close(b->context);
    }
    for (size_t i = 0; i < b->file.n_stages && b->stages; i++) {
        state_clear(&b->stages[i].state);
        arena_clear(&b->stages[i].arena);
    }
    b->lease = store_lease_end(b->lease);
}

static int run_one(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
                   struct shale_built *ret, struct shale_err *e)
{
    struct build b;

    build_init(&b, h, o, a);
    int r = build_do(&b, ret, e);
    ret->n_steps = b.n_steps;
    ret->n_cached = b.n_cached;
    build_clear(&b);
    return r;
}

/* A build that has made nothing has not made the cache bigger. That it could not be collected now
 * does not make the build a failure. */
static void collect(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
                    const struct shale_built *made)
{
    uint64_t limit = o->cache_limit_bytes ? o->cache_limit_bytes : LIMIT_BUILD_CACHE_BYTES;
    struct shale_err why = SHALE_ERR_INIT;
    struct build b;

    if (made->n_cached == made->n_steps || build_cache_collect(h, limit, &why) >= 0)
        return;
    build_init(&b, h, o, a);
    const char *text = arena_printf(a, "the cache was not cleared up: %s", why.msg);
    told_warning(&b, text ? text : why.msg);
}

int build_run(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
              struct shale_built *ret, struct shale_err *e)
{
    return o->verify ? build_verify(h, o, a, ret, e) : build_plain(h, o, a, ret, e);
}

int build_plain(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
                struct shale_built *ret, struct shale_err *e)
{
    int r;

    *ret = (struct shale_built){.id = "", .manifest = ""};
    r = o->platform && strchr(o->platform, ',') ? build_many(h, o, a, ret, e)
                                                : run_one(h, o, a, ret, e);
    if (r >= 0)
        collect(h, o, a, ret);
    return r < 0 ? r : 0;
}
