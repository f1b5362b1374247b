/* SPDX-License-Identifier: Apache-2.0 */
/* RUN. */
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"
#include "build/cache/cache_remote.h"
#include "build/instr/agent.h"
#include "build/instr/copying.h"
#include "build/instr/foreign.h"
#include "build/instr/mount.h"
#include "build/instr/secret.h"
#include "image/image.h"

#define RUN_MAX_MOUNTS 64
#define SCRIPT_FOLDER  "/dev/pipes/"
#define ARG_MAX_BYTES  (128u << 10) /* that the kernel takes as one argument, with its end */

struct runner {
    struct build *b;
    struct stage *s;
    struct arena *a;
    const struct instr *i;
    struct expand x;
    const char **argv;
    size_t n_argv;
    const char **env; /* of the key; those of proxies stand behind */
    size_t n_env, cap_env, n_key_env;
    struct step_mount mounts[RUN_MAX_MOUNTS];
    size_t n_mounts, n_ssh;
    enum step_network network;
    bool insecure;
    struct key key;
};

/* ---- the command ---- */

static int add_word(struct runner *u, size_t *cap, const char *word, struct shale_err *e)
{
    const char **v = arena_grow(u->a, u->argv, u->n_argv, cap, sizeof *v);

    if (!v || !word)
        return err_nomem(e);
    u->argv = v;
    v[u->n_argv++] = word;
    return 0;
}

static int add_shell(struct runner *u, size_t *cap, struct shale_err *e)
{
    const json_t *shell = json_object_get(state_config(&u->s->state), "Shell");
    int r = 0;

    if (json_array_size(shell) == 0) {
        r = add_word(u, cap, "/bin/sh", e);
        return r < 0 ? r : add_word(u, cap, "-c", e);
    }
    for (size_t k = 0; r >= 0 && k < json_array_size(shell); k++) {
        const char *word = json_string_value(json_array_get(shell, k));
        r = add_word(u, cap, arena_strdup(u->a, word ? word : ""), e);
    }
    return r;
}

/* A file for the command: of "RUN <<EOF" alone, whose text says what runs it, or a text that is too
 * long for an argument, which the shell reads from there. */
static int add_script(struct runner *u, size_t *cap, const char *text, bool read,
                      struct shale_err *e)
{
    const char *path = arena_printf(u->a, SCRIPT_FOLDER "%s", u->i->heredocs[0].name);

    u->mounts[u->n_mounts++] = (struct step_mount){.kind = STEP_MOUNT_SECRET,
                                                   .target = path,
                                                   .data = text,
                                                   .data_n = strlen(text),
                                                   .mode = 0755};
    key_add(&u->key, "script", text);
    return add_word(u, cap, path && read ? arena_printf(u->a, ". %s", path) : path, e);
}

static int set_command(struct runner *u, struct shale_err *e)
{
    size_t cap = 0;
    int r = 0;

    if (u->i->json) {
        for (size_t k = 0; r >= 0 && k < u->i->n_words; k++)
            r = add_word(u, &cap, u->i->words[k], e);
    } else if (u->i->script && str_has_prefix(u->i->heredocs[0].text, "#!")) {
        r = add_script(u, &cap, u->i->heredocs[0].text, false, e);
    } else {
        const char *text = instr_shell_text(u->i, u->a);
        bool is_long = text && u->i->n_heredocs && strlen(text) >= ARG_MAX_BYTES;
        r = add_shell(u, &cap, e);
        if (r >= 0)
            r = is_long ? add_script(u, &cap, text, true, e) : add_word(u, &cap, text, e);
    }
    if (r >= 0 && u->n_argv == 0)
        r = err_set(e, SHALE_INVALID, "RUN needs a command");
    if (r >= 0)
        r = add_word(u, &cap, "", e);
    if (r >= 0)
        u->argv[--u->n_argv] = NULL;
    return r;
}

/* ---- its environment: ENV, then ARG, then proxies that were given ---- */

/* NULL ends the list. */
static int add_env(struct runner *u, const char *text, struct shale_err *e)
{
    size_t at = u->n_env;

    for (size_t k = 0; k < 2; k++) {
        const char **v = arena_grow(u->a, u->env, at + k, &u->cap_env, sizeof *v);
        if (!v || !text)
            return err_nomem(e);
        u->env = v;
        v[at + k] = k ? NULL : text;
    }
    u->n_env++;
    return 0;
}

static int add_var(struct runner *u, const char *name, const char *value, struct shale_err *e)
{
    return add_env(u, arena_printf(u->a, "%s=%s", name, value), e);
}

static int set_env(struct runner *u, struct shale_err *e)
{
    const json_t *env = json_object_get(state_config(&u->s->state), "Env");
    const struct scope *args = &u->s->args, *given = &u->b->given;
    int r = 0;

    for (size_t k = 0; r >= 0 && k < json_array_size(env); k++) {
        const char *text = json_string_value(json_array_get(env, k));
        r = text ? add_env(u, text, e) : 0;
    }
    for (size_t k = 0; r >= 0 && k < args->n; k++)
        if (args->v[k].value && !state_env(&u->s->state, args->v[k].name))
            r = add_var(u, args->v[k].name, args->v[k].value, e);
    u->n_key_env = u->n_env;
    for (size_t k = 0; r >= 0 && k < given->n; k++) {
        bool declared;
        (void)scope_get(args, given->v[k].name, &declared);
        if (!declared && scope_is_proxy(given->v[k].name) &&
            !state_env(&u->s->state, given->v[k].name))
            r = add_var(u, given->v[k].name, given->v[k].value, e);
    }
    return r;
}

/* ---- flags ---- */

static int set_network(struct runner *u, struct shale_err *e)
{
    const char *name;
    int r = instr_flag_get(u->i, "network", &name, e);

    if (r >= 0 && !name)
        name = u->b->o->network && *u->b->o->network ? u->b->o->network : "default";
    if (r >= 0)
        r = run_find_network(name, &u->network, e);
    if (r >= 0)
        r = run_check_allowed(u->b, "network", name, e);
    if (r >= 0)
        key_add(&u->key, "network", name);
    return r;
}

static int set_security(struct runner *u, struct shale_err *e)
{
    const char *text;
    int r = instr_flag_get(u->i, "security", &text, e);

    if (r < 0 || !text || streq(text, "sandbox"))
        return r;
    if (!streq(text, "insecure"))
        return err_set(e, SHALE_INVALID, "security \"%.64s\" is not known: sandbox or insecure",
                       text);
    u->insecure = true;
    key_add(&u->key, "security", text);
    return run_check_allowed(u->b, "security", text, e);
}

static int add_bind(struct runner *u, struct mount_spec *m, struct shale_err *e)
{
    struct copy_source_files f;
    int r = copying_files(u->b, u->s, m->from, m->m.source, &f, e);

    if (r < 0)
        return r;
    m->m.layers = f.layers;
    m->m.n_layers = f.n_layers;
    key_add(&u->key, "from", f.chain.s);
    return 0;
}

static int add_secret(struct runner *u, struct mount_spec *m, struct shale_err *e)
{
    struct str data;
    int found, r = 0;

    m->id = mount_secret_id(m);
    if (!m->m.target && !m->env)
        m->m.target = arena_printf(u->a, "/run/secrets/%s",
                                   strrchr(m->id, '/') ? strrchr(m->id, '/') + 1 : m->id);
    found = secret_get(u->b->o->secrets, m->id, u->a, &data, e);
    if (found < 0)
        return found;
    if (!found && m->required)
        return mount_not_given(m, e);
    if (!found)
        return 1;
    m->m.data = data.p;
    m->m.data_n = data.n;
    if (m->env && memchr(data.p, 0, data.n))
        r = err_set(e, SHALE_INVALID, "secret %.64s has a NUL and cannot be a variable", m->id);
    else if (m->env)
        r = add_var(u, m->env, data.p, e);
    return r < 0 ? r : !m->m.target;
}

static int add_ssh(struct runner *u, struct mount_spec *m, struct shale_err *e)
{
    int found = ssh_find(u->b->o->ssh, m->id ? m->id : "default", u->a, &m->m.source, e);

    if (!m->m.target)
        m->m.target = arena_printf(u->a, "/run/buildkit/ssh_agent.%zu", u->n_ssh);
    if (!m->m.target)
        return err_nomem(e);
    u->n_ssh++;
    if (found != 0)
        return found < 0 ? found : 0;
    if (m->required)
        return mount_not_given(m, e);
    return 1;
}

/* BUILDKIT_CACHE_MOUNT_NS keeps the mounts of some builds from those of others. */
static const char *cache_id(struct runner *u, const struct mount_spec *m)
{
    const char *space = scope_get(&u->b->given, "BUILDKIT_CACHE_MOUNT_NS", NULL);

    return space && *space ? arena_printf(u->a, "%s/%s", space, m->id ? m->id : m->m.target)
                           : m->id;
}

/* What a mount is, is in the key; what secrets say is not. */
static int add_mount(struct runner *u, const char *text, struct shale_err *e)
{
    struct mount_spec m;
    const char *expanded;
    int r = expand_word(&u->x, text, &expanded, e);

    if (r >= 0)
        r = mount_parse(expanded, u->a, &m, e);
    if (r < 0)
        return r;
    if (u->n_mounts >= RUN_MAX_MOUNTS - 1)
        return err_set(e, SHALE_LIMIT, "more than %d mounts", RUN_MAX_MOUNTS - 1);
    key_add(&u->key, "mount", expanded);
    switch (m.m.kind) {
    case STEP_MOUNT_BIND:
        r = add_bind(u, &m, e);
        break;
    case STEP_MOUNT_CACHE:
        m.m.cache_id = cache_id(u, &m);
        if (m.from)
            r = add_bind(u, &m, e);
        else if (m.m.source)
            r = err_set(e, SHALE_INVALID, "--mount: source= of a cache needs from=");
        break;
    case STEP_MOUNT_SECRET:
        r = add_secret(u, &m, e);
        break;
    case STEP_MOUNT_SSH:
        r = add_ssh(u, &m, e);
        break;
    default:
        break;
    }
    if (r != 0) /* 1: there is nothing to mount */
        return r < 0 ? r : 0;
    u->mounts[u->n_mounts++] = m.m;
    return 0;
}

static int set_flags(struct runner *u, struct shale_err *e)
{
    int r = set_network(u, e);

    if (r >= 0)
        r = set_security(u, e);
    for (size_t k = 0; r >= 0 && k < u->i->n_flags; k++) {
        const struct instr_flag *f = &u->i->flags[k];
        if (streq(f->name, "mount"))
            r = add_mount(u, f->value ? f->value : "", e);
        else if (streq(f->name, "device"))
            r = err_set(e, SHALE_UNSUPPORTED, "RUN --device is not supported yet");
    }
    return r;
}

/* ---- key and history ---- */

static const char *hostname_of(const struct runner *u)
{
    return scope_get(&u->b->given, "BUILDKIT_SANDBOX_HOSTNAME", NULL);
}

static int make_key(struct runner *u, char ret[65], struct shale_err *e)
{
    const struct shale_build_opts *o = u->b->o;
    size_t n = 0;

    key_add_list(&u->key, "argv", u->argv, u->n_argv);
    key_add_list(&u->key, "env", u->env, u->n_key_env);
    key_add(&u->key, "user", state_text(&u->s->state, "User"));
    key_add(&u->key, "cwd", state_text(&u->s->state, "WorkingDir"));
    while (o->hosts && o->hosts[n])
        n++;
    key_add_list(&u->key, "hosts", o->hosts, n);
    if (hostname_of(u))
        key_add(&u->key, "hostname", hostname_of(u));
    key_add_epoch(&u->key, u->b);
    return key_end(&u->key, ret, e);
}

/* "RUN |1 A=b /bin/sh -c make # buildkit" */
static const char *told_run(struct runner *u)
{
    const struct scope *args = &u->s->args;
    const char *text = "RUN", *words = history_list(u->argv, u->n_argv, false, u->a);

    if (args->n)
        text = arena_printf(u->a, "RUN |%zu", args->n);
    for (size_t k = 0; text && k < args->n; k++) {
        const char *env = state_env(&u->s->state, args->v[k].name);
        const char *v = env ? env : args->v[k].value;
        text = arena_printf(u->a, "%s %s=%s", text, args->v[k].name, v ? v : "");
    }
    return text && words ? arena_printf(u->a, "%s %s # buildkit", text, words) : NULL;
}

/* ---- running it ---- */

static int steps_of(struct build *b, struct steps **ret, struct shale_err *e)
{
    int r = 0;

    pthread_mutex_lock(&b->crew->mutex);
    if (!b->crew->steps)
        r = steps_open(&b->h->container, &b->crew->steps, e);
    *ret = b->crew->steps;
    pthread_mutex_unlock(&b->crew->mutex);
    return r;
}

/* The rest of what it points at lives as long as the stage. */
static void keep_for_debug(struct runner *u, const struct step_opts *failed)
{
    const json_t *shell = json_object_get(state_config(&u->s->state), "Shell");
    const char *word = json_string_value(json_array_get(shell, 0));
    const char **argv = arena_array(u->a, 2, sizeof *argv);
    struct step_mount *mounts = arena_array(u->a, u->n_mounts + 1, sizeof *mounts);
    struct step_opts *step = arena_alloc(u->a, sizeof *step);

    if (!argv || !mounts || !step)
        return;
    argv[0] = word ? word : "/bin/sh";
    for (size_t k = 0; k < u->n_mounts; k++)
        mounts[k] = u->mounts[k];
    *step = *failed;
    step->argv = argv;
    step->mounts = mounts;
    pthread_mutex_lock(&u->b->crew->mutex);
    if (!u->b->crew->debug)
        u->b->crew->debug = step;
    pthread_mutex_unlock(&u->b->crew->mutex);
}

/* What is the same for all that is run in a stage. */
static struct step_opts step_of(const struct runner *u)
{
    const struct shale_build_opts *o = u->b->o;

    return (struct step_opts){
        .layers = u->s->state.layers,
        .n_layers = u->s->state.n_layers,
        .lease = u->b->lease,
        .env = u->env,
        .user = state_text(&u->s->state, "User"),
        .cwd = state_text(&u->s->state, "WorkingDir"),
        .hostname = hostname_of(u),
        .network = u->network,
        .extra_hosts = o->hosts,
        .memory_bytes = o->memory_bytes,
        .more = o->more_limits,
        .shm_bytes = o->shm_bytes,
        .ulimits = o->ulimits,
        .cgroup_parent = o->cgroup_parent,
        .source_date_epoch_s = u->b->epoch_ns != TIME_NONE ? &u->b->epoch_s : NULL,
        .cancel = u->b->cancel,
    };
}

void run_keep_state(struct build *b, struct stage *s, const struct instr *i)
{
    struct runner u = {.b = b, .s = s, .a = &s->arena};
    struct step_opts step;

    if (!b->o->debug_on_error || s->state.n_layers == 0 ||
        foreign_check(&s->platform, &s->arena, NULL) < 0 || set_env(&u, NULL) < 0 ||
        run_find_network(b->o->network && *b->o->network ? b->o->network : "default", &u.network,
                         NULL) < 0)
        return;
    step = step_of(&u);
    if (i->kind == INSTR_WORKDIR) /* there is no such folder yet */
        step.cwd = NULL;
    keep_for_debug(&u, &step);
}

static int failed(struct runner *u, struct told *t, const struct step_opts *step,
                  const struct step_result *res, struct shale_err *e)
{
    const char *words = history_list(u->argv, u->n_argv, false, u->a);

    if (!words) /* megabytes */
        words = u->argv[0];
    t->status = res->status;
    if (u->b->o->debug_on_error)
        keep_for_debug(u, step);
    return err_set(e, SHALE_CONFLICT,
                   "process \"%.300s\" did not complete successfully: exit code: %d", words,
                   res->status);
}

/* What it runs on, and what is mounted. */
static int fetch_layers(struct runner *u, struct shale_err *e)
{
    int r = cache_remote_need(u->b, u->s->state.layers, u->s->state.n_layers, e);

    for (size_t k = 0; r >= 0 && k < u->n_mounts; k++)
        r = cache_remote_need(u->b, u->mounts[k].layers, u->mounts[k].n_layers, e);
    return r;
}

static int find_agents(struct runner *u, struct shale_err *e)
{
    int r = 0;

    for (size_t k = 0; r >= 0 && k < u->n_mounts; k++)
        if (u->mounts[k].kind == STEP_MOUNT_SSH)
            r = ssh_socket(u->b, u->mounts[k].source, &u->mounts[k].source, e);
    return r;
}

static int execute(struct runner *u, struct told *t, struct cached *ret, struct shale_err *e)
{
    struct step_opts step = step_of(u);
    struct step_result res = {0};
    struct steps *steps = NULL;
    int r = foreign_check(&u->s->platform, u->a, e);

    if (r >= 0)
        r = fetch_layers(u, e);
    if (r >= 0)
        r = find_agents(u, e);
    step.argv = u->argv;
    step.insecure = u->insecure;
    step.mounts = u->mounts;
    step.n_mounts = u->n_mounts;
    step.on_output = told_output;
    step.arg = t;
    if (r >= 0)
        r = steps_of(u->b, &steps, e);
    if (r >= 0)
        r = step_run(steps, &step, &res, e);
    if (r >= 0 && res.status != 0)
        r = failed(u, t, &step, &res, e);
    if (r < 0)
        return r;
    *ret = (struct cached){.created_ns = time_now_ns()};
    if (!res.empty)
        ret->layer = res.layer;
    return 0;
}

static int run(struct runner *u, struct told *t, struct shale_err *e)
{
    struct cached c = {.created_ns = 0};
    char key[65];
    int found = 0, r = set_env(u, e);

    if (r >= 0)
        r = set_command(u, e);
    if (r >= 0)
        r = set_flags(u, e);
    if (r >= 0)
        r = make_key(u, key, e);
    if (r >= 0)
        r = found = record_ask(u->b, u->s, key, &c, e);
    if (r >= 0 && !found) {
        r = execute(u, t, &c, e);
        if (r >= 0)
            r = record_put(u->b, key, history_list(u->argv, u->n_argv, false, u->a), &c, e);
    }
    if (r >= 0)
        r = record_apply(u->b, u->s, &c, told_run(u), e);
    return r < 0 ? r : found;
}

int instr_run(struct build *b, struct stage *s, const struct instr *i, struct told *t,
              struct shale_err *e)
{
    struct runner u = {.b = b, .s = s, .a = &s->arena, .i = i, .x = stage_expand(s)};
    int r;

    u.x.escape = b->file.escape;
    key_begin(&u.key, "run", &s->state, s);
    r = run(&u, t, e);
    buf_clear(&u.key.b);
    return r;
}

/* ---- --debug-on-error ---- */

int run_check_terminal(const struct build *b, struct shale_err *e)
{
    if (!b->o->debug_on_error || (isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1))
        return 0;
    return err_set(e, SHALE_INVALID,
                   "--debug-on-error opens a shell: standard input and output must be a terminal");
}

void run_debug(struct build *b)
{
    const struct step_streams streams = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    struct shale_err why = SHALE_ERR_INIT;
    struct steps *steps;
    struct step_opts o;
    int status;

    if (!b->crew->debug || steps_of(b, &steps, NULL) < 0)
        return;
    o = *b->crew->debug;
    o.cancel = b->h->image.cancel;
    o.on_output = NULL;
    told_shell(b, o.argv[0]);
    if (cache_remote_need(b, o.layers, o.n_layers, &why) < 0 ||
        step_shell(steps, &o, &streams, &status, &why) < 0) {
        const char *text = arena_printf(b->a, "no shell was opened: %s", why.msg);
        told_warning(b, text ? text : "no shell was opened");
    }
}
