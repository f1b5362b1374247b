/* SPDX-License-Identifier: Apache-2.0 */
/* COPY and ADD, and files for mounts. */
#include "build/instr/copying.h"

#include "build/attest/attest.h"
#include "build/cache/cache_remote.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/inroot.h"
#include "base/str.h"
#include "build/copy/copy.h"
#include "store/layer_new.h"

struct copier {
    struct build *b;
    struct stage *s;
    struct arena *a;
    const struct instr *i;
    struct expand x;
    struct build_copy_opts o;
    struct build_copy_source *sources;
    const char **excludes;
    const char *from, *what;        /* what: all of it in words, for the history */
    struct copy_source_files files; /* of --from */
    struct build_tree tree;
};

/* ---- flags ---- */

static int yes_or_no(const struct instr_flag *f, bool *ret, struct shale_err *e)
{
    *ret = !f->value || str_ieq(f->value, "true");
    if (*ret || str_ieq(f->value, "false"))
        return 0;
    return err_set(e, SHALE_INVALID, "--%s: \"%.64s\" is neither true nor false", f->name,
                   f->value);
}

static int set_flag(struct copier *k, const struct instr_flag *f, struct shale_err *e)
{
    const struct {
        const char *name;
        const char **text;
        bool *flag;
    } table[] = {
        {"from", &k->from, NULL},
        {"chown", &k->o.chown, NULL},
        {"chmod", &k->o.chmod, NULL},
        {"checksum", &k->o.checksum, NULL},
        {"unpack", &k->o.unpack, NULL},
        {"link", NULL, &k->o.link},
        {"parents", NULL, &k->o.parents},
        {"keep-git-dir", NULL, &k->o.keep_git_dir},
        {"exclude", &k->excludes[k->o.n_excludes], NULL},
    };

    for (size_t n = 0; n < ARRAY_SIZE(table); n++) {
        if (!streq(table[n].name, f->name))
            continue;
        if (table[n].flag)
            return yes_or_no(f, table[n].flag, e);
        int r = expand_word(&k->x, f->value ? f->value : "", table[n].text, e);
        k->o.n_excludes += r >= 0 && streq(f->name, "exclude");
        return r;
    }
    return err_set(e, SHALE_INVALID, "unknown flag: --%s", f->name);
}

static int set_flags(struct copier *k, struct shale_err *e)
{
    int r = 0;

    k->excludes = arena_array(k->a, k->i->n_flags + 1, sizeof *k->excludes);
    if (!k->excludes)
        return err_nomem(e);
    for (size_t n = 0; r >= 0 && n < k->i->n_flags; n++)
        r = set_flag(k, &k->i->flags[n], e);
    k->o.excludes = k->excludes;
    if (r >= 0 && k->from && !*k->from)
        r = err_set(e, SHALE_INVALID, "--from: a stage, an image or a context is missing");
    return r;
}

/* ---- sources ---- */

static int add_heredoc(struct copier *k, const struct instr_heredoc *h, struct shale_err *e)
{
    struct expand x = k->x;
    const char *text = h->text;
    int r = 0;

    x.keep_quotes = true;
    if (h->expand)
        r = expand_word(&x, h->text, &text, e);
    k->sources[k->o.n_sources++] = (struct build_copy_source){.path = h->name, .text = text};
    return r;
}

static int set_sources(struct copier *k, struct shale_err *e)
{
    int r = 0;

    k->sources = arena_array(k->a, k->i->n_words + 1, sizeof *k->sources);
    if (!k->sources)
        return err_nomem(e);
    if (k->i->n_words < 2)
        return err_set(e, SHALE_INVALID, "%s requires at least two arguments",
                       instr_name(k->i->kind));
    for (size_t n = 0; r >= 0 && n + 1 < k->i->n_words; n++) {
        const struct instr_heredoc *h = instr_word_heredoc(k->i, n);
        if (h) {
            r = add_heredoc(k, h, e);
            continue;
        }
        r = expand_word(&k->x, k->i->words[n], &k->sources[k->o.n_sources].path, e);
        k->o.n_sources += r >= 0;
    }
    k->o.sources = k->sources;
    if (r >= 0)
        r = expand_word(&k->x, k->i->words[k->i->n_words - 1], &k->o.dest, e);
    if (r >= 0 && !*k->o.dest) /* the working folder, not the root */
        k->o.dest = "./";
    return r;
}

/* As BuildKit writes it into the history: heredocs stand behind files. */
static const char *told_copy(struct copier *k)
{
    const char *t = instr_name(k->i->kind);

    if (k->o.parents)
        t = arena_printf(k->a, "%s --parents", t);
    if (t && k->o.chown)
        t = arena_printf(k->a, "%s --chown=%s", t, k->o.chown);
    if (t && k->o.chmod)
        t = arena_printf(k->a, "%s --chmod=%s", t, k->o.chmod);
    for (int docs = 0; docs < 2; docs++)
        for (size_t n = 0; t && n < k->o.n_sources; n++)
            if (!k->sources[n].text == !docs)
                t = arena_printf(k->a, "%s %s%s", t, docs ? "<<" : "", k->sources[n].path);
    return t ? arena_printf(k->a, "%s %s", t, k->o.dest) : NULL;
}

/* ---- where from ---- */

static int context_as_layer(struct build *b, struct stage *s, struct build_context *of,
                            const char *source, struct copy_source_files *ret, struct shale_err *e);

int copying_files(struct build *b, struct stage *s, const char *from, const char *source,
                  struct copy_source_files *ret, struct shale_err *e)
{
    *ret = (struct copy_source_files){.what = "an empty root"};
    const struct named *named = from ? named_find(b, from) : NULL;
    if (!from || (named && !named->image))
        return context_as_layer(b, s, named ? named->context : b->context, source, ret, e);
    struct stage *of = named ? NULL : graph_find(b, from);
    from = named ? named->image : from;
    if (of) {
        pthread_mutex_lock(&b->crew->mutex);
        bool there = graph_has(s, of);
        if (there) {
            ret->layers = of->state.layers;
            ret->n_layers = of->state.n_layers;
            ret->chain = of->state.chain;
        }
        pthread_mutex_unlock(&b->crew->mutex);
        if (!there) /* nobody has seen it coming */
            return err_set(
                e, SHALE_UNSUPPORTED,
                "variable expansion is not supported for --from of a stage (%s): define a "
                "new stage with FROM, using ARG from global scope as a workaround",
                from);
        ret->what = arena_printf(&s->arena, "stage %s", from);
        return ret->what ? 0 : err_nomem(e);
    }
    if (streq(from, "scratch"))
        return 0;
    struct meta_image_layer *layers = NULL;
    int r = from_layers(b, s, from, &layers, &ret->n_layers, &ret->chain, e);
    ret->layers = layers;
    ret->what = from;
    return r;
}

/* ---- the layer ---- */

static int into_layer(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return layer_new_write(arg, p, n, e);
}

/* Of a copy that is open, onto `below`. */
static int write_layer(struct build *b, struct build_copy *c, const struct state *below, bool link,
                       struct cached *ret, struct shale_err *e)
{
    struct build_copy_stats stats = {0};
    struct layer_new *l = NULL;
    _cleanup_close_ int fd = -1;
    int r = 0;

    if (below && below->n_layers && !link) {
        r = cache_remote_need(b, below->layers, below->n_layers, e);
        if (r < 0)
            return r;
        r = fd = store_stack_view(b->store, below->layers, below->n_layers, b->cancel, e);
        if (r < 0)
            return r;
    }
    r = layer_new_begin(b->store, b->lease, b->cancel, &l, e);
    if (r >= 0)
        r = build_copy_layer(c, fd, into_layer, l, &stats, e);
    *ret = (struct cached){.created_ns = time_now_ns()};
    if (r >= 0 && stats.n_members)
        r = layer_new_finish(l, &ret->layer, e);
    layer_new_close(l);
    return r;
}

static void key_of_flags(struct key *key, const struct build_copy_opts *o)
{
    key_add(key, "dest", o->dest);
    key_add(key, "workdir", o->workdir);
    key_add(key, "chown", o->chown);
    key_add(key, "chmod", o->chmod);
    key_add(key, "unpack", o->unpack);
    key_add(key, "parents", o->parents ? "y" : "n");
    key_add_list(key, "excludes", o->excludes, o->n_excludes);
}

/* By what the source stage or image is: nothing of it has to be read. */
static int key_of_chain(struct copier *k, char ret[65], struct shale_err *e)
{
    struct key key;

    key_begin(&key, "copy-chain", k->o.link ? NULL : &k->s->state, k->s);
    key_add(&key, "from", k->files.chain.s);
    for (size_t n = 0; n < k->o.n_sources; n++)
        key_add(&key, "source", k->sources[n].path);
    for (size_t n = 0; n < k->o.n_sources; n++)
        key_add(&key, "text", k->sources[n].text);
    key_of_flags(&key, &k->o);
    key_add_epoch(&key, k->b);
    return key_end(&key, ret, e);
}

static int key_of_content(struct copier *k, struct build_copy *c, char ret[65], struct shale_err *e)
{
    char digest[65] = "";
    struct key key;
    int r = build_copy_digest(c, digest, e);

    if (r < 0)
        return r;
    key_begin(&key, "copy", k->o.link ? NULL : &k->s->state, k->s);
    key_add(&key, "content", digest);
    key_of_flags(&key, &k->o);
    key_add_epoch(&key, k->b);
    return key_end(&key, ret, e);
}

/* Others may copy from what this stage has. */
static bool has_users(struct build *b, const struct stage *s)
{
    pthread_mutex_lock(&b->crew->mutex);
    bool has = s->n_users > 0;
    pthread_mutex_unlock(&b->crew->mutex);
    return has;
}

/* By what is copied; 1: it was there. */
static int by_content(struct copier *k, struct cached *ret, struct shale_err *e)
{
    struct build_copy *c = NULL;
    char key[65];
    int found = 0, r = build_copy_open(&k->o, &c, e);

    if (r >= 0)
        r = key_of_content(k, c, key, e);
    if (r >= 0)
        r = found = record_ask(k->b, k->s, key, ret, e);
    if (r >= 0 && !found) {
        r = write_layer(k->b, c, &k->s->state, k->o.link, ret, e);
        if (r >= 0 && digest_is_set(&ret->layer.diff_id) && has_users(k->b, k->s))
            build_copy_note(c, &ret->layer.diff_id);
        if (r >= 0)
            r = record_put(k->b, key, k->what, ret, e);
    }
    build_copy_close(c);
    return r < 0 ? r : found;
}

/* Of a file whose bytes lie where they did when they were last read, only that is looked at. */
static int by_content_of_view(struct copier *k, struct cached *ret, struct shale_err *e)
{
    const struct copy_source_files *f = &k->files;
    struct rootfs_origins *origins = NULL;
    _cleanup_close_ int fd = -1;
    int r = cache_remote_need(k->b, f->layers, f->n_layers, e);

    if (r >= 0)
        r = fd = store_stack_view(k->b->store, f->layers, f->n_layers, k->b->cancel, e);
    if (r >= 0)
        r = store_stack_origins(k->b->store, f->layers, f->n_layers, &origins, e);
    k->tree = (struct build_tree){.root_fd = fd, .what = f->what, .origins = origins};
    k->o.tree = &k->tree;
    if (r >= 0)
        r = by_content(k, ret, e);
    rootfs_origins_close(origins);
    return r;
}

static int from_files(struct copier *k, struct cached *ret, struct shale_err *e)
{
    char key[65];
    int found = 0, r = copying_files(k->b, k->s, k->from, NULL, &k->files, e);

    if (r >= 0)
        r = key_of_chain(k, key, e);
    if (r >= 0)
        r = found = record_ask(k->b, k->s, key, ret, e);
    if (r < 0 || found)
        return r < 0 ? r : 1;
    r = found = by_content_of_view(k, ret, e);
    if (r >= 0)
        r = record_put(k->b, key, k->what, ret, e);
    return r < 0 ? r : found;
}

static int on_fetched(void *arg, const char *url, const char *alg, const char *hex,
                      struct shale_err *e)
{
    const struct copier *k = arg;

    return attest_note_url(k->b, k->s, url, alg, hex, e);
}

int instr_copy(struct build *b, struct stage *s, const struct instr *i, struct told *t,
               struct shale_err *e)
{
    struct copier k = {.b = b, .s = s, .a = &s->arena, .i = i, .x = stage_expand(s)};
    struct cached c = {.created_ns = 0};
    int found = 0, r;

    (void)t;
    k.x.escape = b->file.escape;
    k.o = (struct build_copy_opts){
        .store = b->store,
        .tree = build_context_tree(b->context),
        .workdir = state_text(&s->state, "WorkingDir"),
        .add = i->kind == INSTR_ADD,
        .now_ns = b->epoch_ns != TIME_NONE ? b->epoch_ns : time_now_ns(),
        .max_mtime_ns = b->epoch_ns,
        .cancel = b->cancel,
        .on_fetched = on_fetched,
        .fetched_arg = &k,
        .layer_sums = build_context_sums(b->context),
    };
    r = set_flags(&k, e);
    if (r >= 0)
        r = set_sources(&k, e);
    if (r < 0)
        return r;
    k.what = told_copy(&k);
    if (!k.what)
        return err_nomem(e);
    const struct named *named = k.from ? named_find(b, k.from) : NULL;
    if (named && named->context)
        k.o.tree = build_context_tree(named->context);
    r = found =
        k.from && !(named && named->context) ? from_files(&k, &c, e) : by_content(&k, &c, e);
    if (r >= 0)
        r = record_apply(b, s, &c, arena_printf(k.a, "%s # buildkit", k.what), e);
    return r < 0 ? r : found;
}

/* "/a/b/" for a folder a/b of the context, "/a/" for a file: where it comes to lie in the layer. */
static const char *place_of(struct build_context *of, struct arena *a, const char *source)
{
    _cleanup_close_ int fd = inroot_open(build_context_tree(of)->root_fd, source, O_PATH, NULL);
    const char *slash = strrchr(source, '/');
    struct stat st;

    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return arena_printf(a, "/%s/", source);
    return arena_printf(a, "/%.*s/", slash ? (int)(slash - source) : 0, source);
}

/* A part of the context that a RUN mounts: what is left out of the context is not in it, and the
 * same part is a layer that is there already. */
static int context_as_layer(struct build *b, struct stage *s, struct build_context *of,
                            const char *source, struct copy_source_files *ret, struct shale_err *e)
{
    const struct build_copy_source one = {.path = source && *source ? source : "."};
    struct meta_image_layer *layer = arena_alloc(&s->arena, sizeof *layer);
    struct copier k = {.b = b, .s = s, .a = &s->arena, .what = "files of a bind mount"};
    struct cached c = {.created_ns = 0};
    int r;

    k.o = (struct build_copy_opts){
        .store = b->store,
        .tree = build_context_tree(of),
        .sources = &one,
        .n_sources = 1,
        .dest = place_of(of, &s->arena, one.path),
        .link = true,
        .now_ns = b->epoch_ns != TIME_NONE ? b->epoch_ns : time_now_ns(),
        .max_mtime_ns = b->epoch_ns,
        .cancel = b->cancel,
    };
    if (!layer || !k.o.dest)
        return err_nomem(e);
    r = by_content(&k, &c, e);
    if (r < 0)
        return r;
    *layer = c.layer;
    ret->what = "the build context";
    ret->cached = r == 1;
    ret->created_ns = c.created_ns;
    ret->layers = layer;
    ret->n_layers = digest_is_set(&layer->diff_id);
    ret->chain = layer->diff_id;
    return 0;
}
