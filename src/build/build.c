/* SPDX-License-Identifier: Apache-2.0 */
/* A build from its options to its image. */
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "build/attest/attest.h"
#include "build/build_priv.h"
#include "build/cache/cache_remote.h"
#include "build/instr/secret.h"
#include "build/result/compress.h"
#include "build/result/verify.h"
#include "model/limits.h"

/* ---- before and behind ---- */

static int open_context(struct build *b, struct shale_err *e)
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
    struct compression compression;
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
    if (r >= 0)
        r = compression_of(b->o, &compression, e);
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
int build_explain(struct crew *c, int r, struct shale_err *e)
{
    if (!c->failed || r == -SHALE_CANCELED)
        return r;
    struct dockerfile_pos at = c->failed_at.line ? c->failed_at : c->failed->pos;
    if (c->failed->pos.line)
        told_place(c->failed_in, c->failed->pos.line, c->failed->end_line);
    return err_wrap(e, r, "%s:%u:%u", c->failed_in->file.file, at.line, at.column);
}

static void borrow(struct build *b)
{
    b->context = b->lender->context;
    b->file = b->lender->file;
    b->named = b->lender->named;
    b->n_named = b->lender->n_named;
    b->remote = b->lender->remote;
    b->lease = b->lender->lease;
}

int build_plan(struct build *b, struct shale_err *e)
{
    int r = 0;

    if (b->lender)
        borrow(b);
    else
        r = open_context(b, e);
    if (r >= 0 && !b->lender)
        r = named_open(b, e);
    if (r >= 0)
        r = build_scopes(b, e);
    return r < 0 ? r : graph_make(b, e);
}

static int begin(struct build *b, struct shale_err *e)
{
    int r = b->lender ? 0 : check_options(b, e);

    if (r >= 0 && !b->lender)
        r = run_check_terminal(b, e);
    if (r >= 0)
        r = build_plan(b, e);
    if (r >= 0)
        r = annotations_check(b, e);
    if (r < 0 || b->lender)
        return r;
    r = check_warn(b, e);
    if (r >= 0)
        r = precheck(b, false, e);
    if (r >= 0)
        r = store_lease_begin(b->store, "build", &b->lease, e);
    return r < 0 ? r : cache_remote_open(b, e);
}

/* And fetches what was found in other caches, as far as it is in what is built. */
static int run_once(struct crew *c, struct shale_err *e)
{
    int r = crew_run(c, e);

    for (size_t i = 0; r >= 0 && i < c->n; i++)
        r = cache_remote_need_result(&c->v[i], e);
    return r;
}

/* Who has only stopped because a cache turned out to be lost begins anew; what failed for a reason
 * of its own has failed. */
static int run_stages(struct crew *c, struct shale_err *e)
{
    int r = run_once(c, e);

    while (r == -SHALE_CANCELED && cache_remote_again(&c->v[0])) {
        r = crew_again(c, e);
        if (r >= 0)
            r = run_once(c, e);
    }
    if (r < 0) {
        r = build_explain(c, r, e);
        run_debug(c->failed_in ? c->failed_in : &c->v[0]);
        return r;
    }
    warn_unused(&c->v[0]);
    for (size_t i = 0; r >= 0 && i < c->n; i++)
        r = cache_remote_end_stages(&c->v[i], e);
    return r;
}

static int do_all(struct crew *c, struct shale_built *ret, struct shale_err *e)
{
    const struct shale_build_opts *o = c->v[0].o;
    bool files = o->files_to || o->tar_to, image = !(files || o->only_cache) || o->also_image;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < c->n; i++)
        r = begin(&c->v[i], e);
    if (r < 0)
        return build_explain(c, r, e);
    r = run_stages(c, e);
    if (r >= 0)
        r = cache_remote_export(&c->v[0], e);
    for (size_t i = 0; r >= 0 && files && i < c->n; i++)
        r = output_folders(&c->v[i], e);
    if (r >= 0 && files)
        r = output_tars(c, e);
    for (size_t i = 0; r >= 0 && image && i < c->n; i++)
        r = build_finish(&c->v[i], ret, e);
    return r < 0 || c->n == 1 || !image ? r : build_finish_list(c->v, c->n, ret, e);
}

/* ---- lives ---- */

static void build_init(struct build *b, struct crew *c, struct build_host *h,
                       const struct shale_build_opts *o, struct arena *a)
{
    *b = (struct build){
        .crew = c,
        .h = h,
        .store = h->image.store,
        .o = o,
        .a = a,
        .of_many = c->n > 1,
        .lender = b == c->v ? NULL : c->v,
        .cancel = h->image.cancel,
        .epoch_ns = TIME_NONE,
        .begun_ns = time_now_ns(),
    };
}

static void build_clear(struct build *b)
{
    if (!b->lender) {
        b->remote = cache_remote_close(b->remote);
        named_close(b);
        b->context = build_context_close(b->context);
        b->lease = store_lease_end(b->lease);
    }
    for (size_t i = 0; i < b->file.n_stages && b->stages; i++) {
        state_clear(&b->stages[i].state);
        arena_clear(&b->stages[i].arena);
    }
}

int builds_open(struct crew *c, struct build_host *h, const struct shale_build_opts *o,
                struct arena *a, struct shale_err *e)
{
    struct shale_build_opts *opts = NULL;
    size_t n = 0;
    int r = build_platforms(o, a, &opts, &n, e);

    if (r < 0)
        return r;
    struct build *v = arena_array(a, n, sizeof *v);
    if (!v)
        return err_nomem(e);
    crew_init(c, v, n);
    for (size_t i = 0; i < n; i++)
        build_init(&v[i], c, h, &opts[i], a);
    return 0;
}

void builds_close(struct crew *c)
{
    for (size_t i = c->n; i > 0; i--) /* the lender last */
        build_clear(&c->v[i - 1]);
}

/* A build that has made nothing has not made the cache bigger. That it could not be collected now
 * does not make the build a failure. */
static void collect(struct build *b, const struct shale_built *made)
{
    uint64_t limit = b->o->cache_limit_bytes ? b->o->cache_limit_bytes : LIMIT_BUILD_CACHE_BYTES;
    struct shale_err why = SHALE_ERR_INIT;

    if (made->n_cached == made->n_steps || build_cache_collect(b->h, limit, &why) >= 0)
        return;
    const char *text = arena_printf(b->a, "the cache was not cleared up: %s", why.msg);
    told_warning(b, text ? text : why.msg);
}

int build_run(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
              struct shale_built *ret, struct shale_err *e)
{
    return o->verify ? build_verify(h, o, a, ret, e) : build_plain(h, o, a, ret, e);
}

int build_plain(struct build_host *h, const struct shale_build_opts *o, struct arena *a,
                struct shale_built *ret, struct shale_err *e)
{
    struct crew c;
    int r = builds_open(&c, h, o, a, e);

    *ret = (struct shale_built){.id = "", .manifest = ""};
    if (r < 0)
        return r;
    r = do_all(&c, ret, e);
    for (size_t i = 0; i < c.n; i++) {
        ret->n_steps += c.v[i].n_steps;
        ret->n_cached += c.v[i].n_cached;
    }
    builds_close(&c);
    if (r >= 0)
        collect(&c.v[0], ret);
    crew_clear(&c);
    return r < 0 ? r : 0;
}
