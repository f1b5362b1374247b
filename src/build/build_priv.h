/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the files of a build share. */
#include <pthread.h>

#include "base/json.h"
#include "base/time.h"
#include "build/build.h"
#include "build/context/context.h"
#include "container/step.h"
#include "dockerfile/dockerfile.h"
#include "dockerfile/expand.h"
#include "image/make.h"
#include "meta/meta_build.h"
#include "model/platform.h"

#define BUILD_MAX_ARGS    4096
#define BUILD_STAGE_BYTES (64ull << 20) /* of memory of one stage */
#define BUILD_COMMENT     "buildkit.dockerfile.v0"
#define BUILD_PATH        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- names and values, in order (scope.c) ---- */
struct scope {
    struct scope_var {
        const char *name, *value; /* value NULL: declared, without one */
    } * v;
    size_t n, cap;
};
const char *scope_get(const struct scope *s, const char *name, bool *ret_declared);
int scope_set(struct scope *s, const char *name, const char *value, struct arena *a,
              struct shale_err *e);

/* ---- what a stage is so far (state.c) ---- */
struct state {
    json_t *doc;                     /* the image's config document; owned */
    struct meta_image_layer *layers; /* base first */
    size_t n_layers, cap_layers;
    struct digest chain; /* of the layers; "": none */
    size_t n_base;       /* layers of the image that the stage, or the one below, is from */
    bool cmd_set;        /* by an instruction of this stage */
};
json_t *state_config(const struct state *s); /* borrowed */
int state_scratch(struct state *s, const struct platform *p, struct shale_err *e);
/* last: `from` is used for its layers only from now on, so that nothing need be copied. */
int state_copy(struct state *from, bool last, struct state *to, struct arena *a,
               struct shale_err *e);
int state_add_layer(struct state *s, const struct meta_image_layer *l, struct arena *a,
                    struct shale_err *e);
/* One instruction of model/change.h. */
int state_change(struct state *s, struct arena *a, struct shale_err *e, const char *line);
/* "NAME word", where the word stands for itself. */
int state_change_quoted(struct state *s, struct arena *a, struct shale_err *e, const char *name,
                        const char *word);
const char *state_quote(const char *text, struct arena *a);     /* NULL: no memory */
const char *state_env(const struct state *s, const char *name); /* NULL: not set */
const char *state_text(const struct state *s, const char *key); /* "" where it is none */
int state_set_text(struct state *s, const char *key, const char *value, struct shale_err *e);
int state_default_path(struct state *s, struct shale_err *e);
/* created_ns TIME_NONE: comes from its neighbours (history.c). */
int state_history(struct state *s, const char *text, bool has_layer, int64_t created_ns,
                  struct shale_err *e);
void state_clear(struct state *s);

/* history.c: times that are missing come from the layers around, as BuildKit has it. `created` of
 * the document is that of the last entry. */
int history_finish(json_t *doc, int64_t epoch_ns, struct shale_err *e);
/* In double quotes, as Go's %q. NULL: no memory. */
const char *history_quote(const char *s, struct arena *a);
/* "a b" of several, quoted or not. */
const char *history_list(const char *const *v, size_t n, bool quote, struct arena *a);

/* ---- stages (graph.c) ---- */
enum stage_status { STAGE_WAITING, STAGE_RUNNING, STAGE_DONE };
struct stage_dep {
    struct stage *of; /* must be done before … */
    size_t at;        /* … this position: 0 is FROM, k + 1 is instruction k */
};
/* A stage is done from instruction to instruction. One that has come to where it needs another
 * stage is given back by its worker, and goes on from there when that is done. */
struct stage {
    const struct dockerfile_stage *src;
    size_t index;
    const char *image;  /* its base, expanded: an image's name or "scratch" */
    const char *shown;  /* "stage-1 ", "build " before the numbers of its steps, or "" */
    struct stage *base; /* NULL: an image, or scratch */
    struct platform platform;
    const char *platform_text;  /* as asked for; NULL: not */
    const struct instr *instrs; /* triggers of the base (once it is known), then its own */
    size_t n_instrs, n_triggers;
    size_t pos;             /* the next one to do */
    struct stage_dep *deps; /* by position, base first; from here to status: build.mutex */
    size_t n_deps, dep_at;  /* dep_at: those before are done */
    size_t n_users;         /* that have it as a dep and are not done */
    bool is_context;        /* its base is a further context that is files, whose name is `image` */
    bool needed, no_cache;
    bool dropped;              /* done, and what it was is gone: nobody needed it any more */
    struct flight *held;       /* what it makes and has not put yet: of the one who does it */
    unsigned n_steps, at_step; /* that are shown with numbers */
    unsigned mark;             /* of walks over the graph */
    enum stage_status status;
    struct arena arena; /* of the one who does it */
    struct scope args;  /* declared so far, and by the base */
    struct state state;
};

/* ---- who does it (stage/crew.c) ---- */
#define CREW_FLIGHTS 256
struct crew {        /* and what the builds for several platforms have in common */
    struct build *v; /* one for each platform */
    size_t n;
    pthread_mutex_t pull;   /* who pulls; taken with an eye on cancel (from.c) */
    pthread_mutex_t events; /* one event at a time */
    pthread_mutex_t ssh;    /* guards agents */
    pthread_mutex_t mutex;  /* guards all else below, and statuses of stages */
    pthread_cond_t changed;
    unsigned n_events;
    size_t n_seats, n_seated; /* stages that may run at the same time, that do */
    bool stopped;             /* something has failed: */
    int result;
    struct shale_err why; /* of the first failure that is not CANCELED, and where it was */
    struct build *failed_in;
    const struct instr *failed;
    struct dockerfile_pos failed_at; /* more exactly; line 0: not */
    const struct step_opts *debug;   /* of the first that failed, its argv a shell; NULL: none */
    struct steps *steps;             /* opened by the first RUN that runs */
    struct ssh_agent *agents;        /* of keys that were given, by the first RUN that wants them */
    struct flight *flights[CREW_FLIGHTS]; /* cache/flight.c */
};
void crew_init(struct crew *c, struct build *v, size_t n);
/* All stages that are needed. The first failure stops all; CANCELED tells nothing of a place. */
int crew_run(struct crew *c, struct shale_err *e);
int crew_again(struct crew *c, struct shale_err *e); /* nothing of it has been done */
void crew_clear(struct crew *c);

/* ---- a build ---- */
struct build { /* for one platform */
    struct crew *crew;
    struct build_host *h;
    struct store *store;
    const struct shale_build_opts *o;
    struct arena *a; /* of the thread that called */
    struct dockerfile file;
    struct build_context *context;
    struct named *named; /* --build-context (named.c) */
    size_t n_named;
    struct store_lease *lease; /* that of the lender, where there is one */
    struct scope given;        /* --build-arg */
    struct scope global;       /* ARG before FROM, and those of platforms */
    struct platform target_platform;
    int64_t epoch_ns; /* SOURCE_DATE_EPOCH; TIME_NONE: not given */
    int64_t epoch_s;
    /* --cache-from, --cache-to; NULL: none. That of the lender, where there is one. */
    struct cache_remote *remote;
    /* For attestations: images that were used (attest.h; mutex), and when it began. */
    struct attest_used *used;
    int64_t begun_ns;
    struct stage *stages;
    size_t n_stages;
    struct stage *target;
    bool of_many;         /* platforms: finished by build_finish_list */
    struct build *lender; /* context and Dockerfile are those of this one; NULL: its own */
    struct image_made made;
    struct cancel *cancel; /* of the workers */
    size_t n_left;         /* stages that are not done; from here: mutex of the crew */
    uint64_t n_steps, n_cached;
};

/* named.c: further contexts, by name. An image of "docker-image://x" stands for x, one
 * of "oci-layout://x" for itself (layout.h). */
struct named {
    const char *name, *image;      /* image NULL: */
    const char *full;              /* its name as that of an image; NULL: it cannot be one */
    struct build_context *context; /* files */
};
int named_open(struct build *b, struct shale_err *e);
const struct named *named_find(const struct build *b, const char *name);
void named_close(struct build *b);

/* graph.c */
int graph_make(struct build *b, struct shale_err *e);
/* All that is needed for the instruction at s->pos is there. Under the mutex. */
bool graph_is_ready(struct stage *s);
/* As it was before any stage ran. */
int graph_again(struct build *b, struct shale_err *e);
/* What the base wants done before the stage's own instructions: they stand before these, and what
 * they need is needed from now on. v: of the stage's arena. */
int graph_add_triggers(struct build *b, struct stage *s, const struct instr *v, size_t n,
                       struct shale_err *e);
/* `s` has waited for `of`, which is there. Under the mutex. */
bool graph_has(const struct stage *s, const struct stage *of);
/* The name of a stage that is like another one; NULL: none is. */
const char *graph_near(const struct build *b, const char *name);
/* A stage by name or number, for --from and --target; NULL: there is none. */
struct stage *graph_find(struct build *b, const char *name);

/* scope.c: --build-arg, platform args, ARG before FROM */
int build_scopes(struct build *b, struct shale_err *e);
/* Of a stage: ENV, then ARG. */
struct expand stage_expand(struct stage *s);
int stage_arg(struct build *b, struct stage *s, const struct instr *i, struct shale_err *e);
/* What the stage below has declared is declared in the one on top. */
int stage_args_of(struct stage *s, const struct stage *base, struct shale_err *e);
bool scope_is_proxy(const char *name);
/* What --build-arg says, also before build_scopes; NULL: nothing. */
const char *scope_given(const struct build *b, const char *name);

/* ---- events (told.c) ---- */
struct told { /* a step that is shown */
    struct build *b;
    unsigned id;
    int status;
};
/* name: printf */
void told_begin(struct build *b, struct told *t, const char *name);
void told_status(struct told *t, const char *text);
void told_output(void *told, int stream, const char *p, size_t n);
void told_end(struct told *t, enum shale_build_event_kind kind);
void told_failed(struct told *t, const struct shale_err *e);
void told_warning(struct build *b, const char *text);
void told_shell(struct build *b, const char *shell);
void told_place(struct build *b, unsigned line, unsigned end_line);
/* "[build 2/3] RUN make": counts the stage's step. */
const char *told_name(struct stage *s, const struct instr *i);

/* ---- keys (key.c) ---- */
struct key {
    struct buf b;
};
#define KEY_MAX_BYTES (64u << 20)
void key_begin(struct key *k, const char *kind, const struct state *s, const struct stage *g);
void key_add(struct key *k, const char *name, const char *value); /* NULL: is told from "" */
void key_add_list(struct key *k, const char *name, const char *const *v, size_t n);
void key_add_epoch(struct key *k, const struct build *b); /* where times in the layer are bounded */
int key_end(struct key *k, char ret_hex[65], struct shale_err *e);

/* ---- the cache (cache.c) ---- */
struct cached {
    struct meta_image_layer layer; /* diff_id "": none */
    int64_t created_ns;
    bool remote; /* another cache says so (cache_remote.h): it gets no row */
};
/* 1: found, and the lease has it. 0: not there. */
int record_get(struct build *b, const char *key, struct arena *a, struct cached *ret,
               struct shale_err *e);
int record_put(struct build *b, const char *key, const char *description, const struct cached *c,
               struct shale_err *e);
/* The same of the store's own rows only. */
int record_get_own(struct build *b, const char *key, struct arena *a, struct cached *ret,
                   struct shale_err *e);
int record_put_own(struct build *b, const char *key, const char *description,
                   const struct cached *c, struct shale_err *e);
/* record_get for who makes it if it is not there (cache/flight.c). One stage at a time makes what a
 * key stands for: others that ask for it meanwhile, of this build or of one for another platform,
 * wait and have it then, also when they look into no cache. 0: `s` makes it, until record_put or
 * record_let_go. */
int record_ask(struct build *b, struct stage *s, const char *key, struct cached *ret,
               struct shale_err *e);
/* Of all that it has not put. A stage that has failed does so only when the crew has stopped, or
 * one that waits would do the same once more. */
void record_let_go(struct build *b, struct stage *s);
void flights_let_go(struct crew *c, struct stage *s); /* the same, under the mutex */
void record_made(struct build *b, const char *key, const struct cached *c); /* record_put does */
/* No stage runs: what other caches have said is asked for again. */
void flights_forget_remote(struct crew *c);
void flights_clear(struct crew *c);
/* The layer, if any, onto the stage, with its entry in the history. */
int record_apply(struct build *b, struct stage *s, const struct cached *c, const char *history,
                 struct shale_err *e);

/* ---- a build's life (build.c) ---- */
/* One build for each platform that o asks for; when all is done with them, builds_close, then
 * crew_clear. Nothing is to be closed when it fails. */
int builds_open(struct crew *c, struct build_host *h, const struct shale_build_opts *o,
                struct arena *a, struct shale_err *e);
void builds_close(struct crew *c);
/* r, with where it was (`failed`) in the message, and in an event. */
int build_explain(struct crew *c, int r, struct shale_err *e);
/* The options of each platform that is asked for, at least one (many.c). */
int build_platforms(const struct shale_build_opts *o, struct arena *a,
                    struct shale_build_opts **ret, size_t *ret_n, struct shale_err *e);

/* What only the cache holds, if it is more than limit bytes: those unused longest go, until an
 * eighth below. Cache mounts are not looked at: that takes long. */
int build_cache_collect(struct build_host *h, uint64_t limit, struct shale_err *e); /* prune.c */

/* ---- doing it ---- */
/* Contexts, the Dockerfile, what ARG stands for, the stages; no secret and nothing of the store is
 * asked for. */
int build_plan(struct build *b, struct shale_err *e);
/* 1: it waits for another stage now. 0: it is done. */
int stage_run(struct build *b, struct stage *s, struct shale_err *e);
int from_image(struct build *b, struct stage *s, struct shale_err *e); /* from.c */
/* Another image than a base, for --from: its layers. */
int from_layers(struct build *b, struct stage *s, const char *image, struct meta_image_layer **ret,
                size_t *ret_n, struct digest *ret_chain, struct shale_err *e);
int instr_config(struct build *b, struct stage *s, const struct instr *i, struct shale_err *e);
/* These: 1 if it was in the cache. */
int instr_run(struct build *b, struct stage *s, const struct instr *i, struct told *t,
              struct shale_err *e);
/* --debug-on-error: a shell in the state before what failed, which run_keep_state has noted for all
 * but RUN. Nothing where there is no file yet, or none that could be run. */
int run_check_terminal(const struct build *b, struct shale_err *e);
void run_keep_state(struct build *b, struct stage *s, const struct instr *i);
void run_debug(struct build *b);
/* run_options.c: what is wrong with options of RUN, before anything is done. */
int run_check_options(const struct shale_build_opts *o, struct arena *a, struct shale_err *e);
int run_find_network(const char *name, enum step_network *ret, struct shale_err *e);
/* RUN --FLAG=VALUE: DENIED when it needs --allow. */
int run_check_allowed(const struct build *b, const char *flag, const char *value,
                      struct shale_err *e);
int instr_copy(struct build *b, struct stage *s, const struct instr *i, struct told *t,
               struct shale_err *e);
int instr_workdir(struct build *b, struct stage *s, const struct instr *i, struct told *t,
                  struct shale_err *e);
int output_folders(struct build *b, struct shale_err *e); /* output.c */
/* One tar for all platforms. */
int output_tars(struct crew *c, struct shale_err *e);
/* "linux_arm64", where files of several platforms are put; NULL: no memory (many.c). */
const char *build_folder_name(const struct shale_build_opts *o, struct arena *a);
/* Findings about what is built, told as warnings. CONFLICT: the file says that they are errors. */
int check_warn(struct build *b, struct shale_err *e);
/* precheck.c: what is wrong about instructions of the stages that are needed, whatever variables
 * stand for; it need not wait until they are done. lint: of any stage, and nothing that a build
 * would have to be given is missed. Sets `failed`. */
int precheck(struct build *b, bool lint, struct shale_err *e);
/* annotate.c: what is to stand on the manifest, the list, or the list's entries. */
enum annotated { ANNOTATED_MANIFEST = 1, ANNOTATED_ENTRY = 2, ANNOTATED_INDEX = 4 };
int annotations_check(struct build *b, struct shale_err *e);
/* *ret is owned; NULL: none. p NULL: of no platform. */
int annotations_of(struct build *b, enum annotated what, const struct platform *p, json_t **ret,
                   struct shale_err *e);
int build_squash(struct build *b, struct shale_err *e); /* squash.c; nothing if it is not wanted */
int build_finish(struct build *b, struct shale_built *ret, struct shale_err *e);
/* A list of what these have made, under the names. */
int build_finish_list(struct build *v, size_t n, struct shale_built *ret, struct shale_err *e);

static inline struct cancel *build_cancel(const struct build *b)
{
    return b->cancel;
}
