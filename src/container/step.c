/* SPDX-License-Identifier: Apache-2.0 */
#include "container/step.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/changes.h"
#include "container/commit_tar.h"
#include "container/limits.h"
#include "container/netfiles.h"
#include "container/prepare.h"
#include "container/spawn.h"
#include "container/spec.h"
#include "container/step_priv.h"
#include "container/user.h"
#include "container/watched.h"
#include "model/limits.h"
#include "store/layer_new.h"

/* ---- options ---- */

static int get_runtime(struct steps *s, struct runtime *ret, struct shale_err *e)
{
    int r = 0;

    (void)pthread_mutex_lock(&s->mutex);
    if (!s->rt.path)
        r = runtime_choose(s->h, s->h->runtime, &s->a, &s->rt, e);
    *ret = s->rt;
    (void)pthread_mutex_unlock(&s->mutex);
    return r;
}

static int take_list(struct arena *a, const char *const *list, struct strv *ret,
                     struct shale_err *e)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    ret->v = arena_array(a, n + 1, sizeof *ret->v);
    if (!ret->v)
        return err_nomem(e);
    for (ret->n = 0; ret->n < n; ret->n++) {
        ret->v[ret->n] = arena_strdup(a, list[ret->n]);
        if (!ret->v[ret->n])
            return err_nomem(e);
    }
    ret->set = true;
    return 0;
}

/* Where the agent is, unless the environment says so itself. */
static int tell_ssh(struct step *t, struct strv *env, struct shale_err *e)
{
    const struct step_mount *m = NULL;

    for (size_t i = 0; i < t->o->n_mounts && !m; i++)
        if (t->o->mounts[i].kind == STEP_MOUNT_SSH)
            m = &t->o->mounts[i];
    if (!m || !m->target || spec_env_get(env, "SSH_AUTH_SOCK"))
        return 0;
    struct strv more = {.v = arena_array(t->a, env->n + 2, sizeof *env->v), .set = true};
    if (!more.v)
        return err_nomem(e);
    for (size_t i = 0; i < env->n; i++)
        more.v[more.n++] = env->v[i];
    more.v[more.n++] = arena_printf(t->a, "SSH_AUTH_SOCK=%s", m->target);
    *env = more;
    return more.v[more.n - 1] ? 0 : err_nomem(e);
}

static int take_ulimits(struct step *t, struct conf *k, struct shale_err *e)
{
    size_t n = 0;
    int r = 0;

    while (t->o->ulimits && t->o->ulimits[n])
        n++;
    k->ulimits = arena_array(t->a, n + 1, sizeof *k->ulimits);
    if (!k->ulimits)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct run_ulimit u = {.name = NULL};
        size_t at = 0;
        r = run_ulimit(t->o->ulimits[i], &u, e);
        while (r >= 0 && at < k->n_ulimits && !streq(k->ulimits[at].name, u.name))
            at++;
        if (r >= 0) /* the last one of a name counts */
            k->ulimits[at] = u;
        k->n_ulimits += r >= 0 && at == k->n_ulimits;
    }
    return r;
}

static int take_hosts(struct step *t, struct conf *k, struct shale_err *e)
{
    int r = take_list(t->a, t->o->extra_hosts, &k->extra_hosts, e);

    for (size_t i = 0; r >= 0 && i < k->extra_hosts.n; i++)
        r = run_extra_host(k->extra_hosts.v[i], t->a, &k->extra_hosts.v[i], e);
    return r;
}

static int take_limits(struct step *t, struct conf *k, struct shale_err *e)
{
    const char *parent = t->o->cgroup_parent;

    k->memory_bytes = t->o->memory_bytes;
    k->more = t->o->more;
    k->cgroup_parent = parent;
    int r = limits_check_parent(parent, e);
    if (r < 0)
        return r;
    if (t->o->shm_bytes < 0)
        return err_set(e, SHALE_INVALID, "SHM size can not be less than 0");
    if (t->o->shm_bytes)
        k->shm_bytes = t->o->shm_bytes;
    r = limits_check(k, e);
    if (r >= 0)
        r = prepare_check_limits(k, &t->rt, e);
    return r < 0 ? r : take_ulimits(t, k, e);
}

static const char *or_empty(const char *s)
{
    return s ? s : "";
}

static int take_options(struct step *t, struct shale_err *e)
{
    static const char *const networks[] = {
        [STEP_NETWORK_DEFAULT] = NETWORK_BRIDGE,
        [STEP_NETWORK_NONE] = "none",
        [STEP_NETWORK_HOST] = "host",
    };
    const struct step_opts *o = t->o;
    struct conf *k = &t->folder.c.conf;
    struct strv args = {.v = NULL};

    if (!o->argv || !o->argv[0])
        return err_set(e, SHALE_INVALID, "a step without a command");
    if (o->n_layers >= LIMIT_LAYERS)
        return err_set(e, SHALE_LIMIT, "more than %d layers: squash the base image first",
                       LIMIT_LAYERS);
    k->hostname = o->hostname && o->hostname[0] ? o->hostname : STEP_HOSTNAME;
    k->no_hostname_var = true; /* as BuildKit: it is no part of the command's environment */
    k->user = or_empty(o->user);
    k->workdir = or_empty(o->cwd);
    k->network = networks[o->network];
    k->privileged = o->insecure;
    k->tty = t->tty;
    int r = take_list(t->a, o->argv, &args, e);
    if (r >= 0)
        r = take_list(t->a, o->env, &k->env, e);
    if (r >= 0)
        r = tell_ssh(t, &k->env, e);
    if (r >= 0)
        r = take_hosts(t, k, e);
    if (r < 0)
        return r;
    k->path = args.v[0];
    k->args = (struct strv){.v = args.v + 1, .n = args.n - 1, .set = true};
    return take_limits(t, k, e);
}

/* ---- the bundle ---- */

static int mount_root(struct step *t, struct shale_err *e)
{
    static const char *const folders[] = {"upper", "work", "merged"};
    const char *paths[ARRAY_SIZE(folders)];
    int r = 0;

    for (size_t i = 0; r >= 0 && i < ARRAY_SIZE(folders); i++) {
        paths[i] = ctr_path(&t->folder.c, t->a, folders[i]);
        if (!paths[i])
            return err_nomem(e);
        if (sys_mkdirat(AT_FDCWD, paths[i], i == 0 ? 0755 : 0711) < 0)
            r = err_sys(e, "create %s", paths[i]);
    }
    if (r < 0)
        return r;
    const struct rootfs_writable w = {paths[0], paths[1], true};
    r = store_stack_mount(t->s->h->store, t->o->layers, t->o->n_layers, paths[2], &w, t->cancel, e);
    if (r >= 0)
        r = prepare_forbid_devices(&t->folder.c.conf, &t->rt, paths[2], e);
    if (r >= 0)
        r = t->root_fd = fs_open_dir(AT_FDCWD, paths[2], e);
    return r < 0 ? r : 0;
}

static int connect_net(struct step *t, struct shale_err *e)
{
    struct conf *k = &t->folder.c.conf;

    t->no_net = (struct endpoints){.ports.fds = {-1}};
    t->folder.c.net = &t->no_net;
    if (t->o->network != STEP_NETWORK_DEFAULT)
        return 0;
    int r = step_net_take(t->s, &t->net, e);
    if (r < 0)
        return r;
    k->network = t->net->folder.c.conf.network;
    t->folder.c.net = &t->net->net;
    return 0;
}

/* Everything up to a bundle that can be run. */
static int prepare(struct step *t, struct shale_err *e)
{
    struct ctr *c = &t->folder.c;
    struct user user;
    int r = get_runtime(t->s, &t->rt, e);

    if (r >= 0)
        r = step_folder_make(t->s->h, t->a, &t->folder, e);
    if (r >= 0)
        r = take_options(t, e);
    if (r >= 0)
        r = mount_root(t, e);
    if (r >= 0)
        r = user_lookup(t->root_fd, c->conf.user, &c->conf.group_add, t->a, &user, e);
    if (r >= 0)
        r = step_mounts_make(t, e);
    if (r >= 0 && c->conf.workdir[0] && !streq(c->conf.workdir, "/"))
        r = inroot_mkdir_p(t->root_fd, c->conf.workdir, e);
    if (r >= 0)
        r = connect_net(t, e);
    if (r >= 0)
        r = netfiles_write(c->dir, &c->conf, c->net, e);
    return r < 0 ? r : prepare_spec(c, t->a, &t->rt, &user, e);
}

static struct step *begin(struct steps *s, const struct step_opts *o, struct shale_err *e)
{
    struct step *t = mem_alloc(sizeof *t);

    if (!t) {
        (void)err_nomem(e);
        return NULL;
    }
    arena_init(&t->arena, ARENA_DEFAULT_MAX);
    t->a = &t->arena;
    t->s = s;
    t->o = o;
    t->cancel = o->cancel ? o->cancel : s->h->cancel;
    t->folder.lock = -1;
    t->root_fd = -1;
    return t;
}

/* ---- the end ---- */

static void *remove_rest(void *arg)
{
    struct step *t = arg;

    step_folder_drop(t->s->h, t->a, &t->folder);
    arena_clear(&t->arena);
    free(t);
    return NULL;
}

/* What a step has written may be many files: the next one need not wait until they are removed. One
 * removal at a time, so that the disk does not fill up with what is on its way out. */
static void remove_later(struct steps *s, struct step *t)
{
    (void)pthread_mutex_lock(&s->removal_mutex);
    if (s->is_removing)
        (void)pthread_join(s->removal, NULL);
    s->is_removing = t && pthread_create(&s->removal, NULL, remove_rest, t) == 0;
    bool started = s->is_removing;
    (void)pthread_mutex_unlock(&s->removal_mutex);
    if (t && !started)
        (void)remove_rest(t);
}

/* `at_once`: when it returns nothing is left. */
static void end(struct step *t, bool at_once)
{
    step_stubs_remove(t);
    if (t->root_fd >= 0)
        close(TAKE_FD(t->root_fd));
    step_mounts_undo(t);
    step_net_give(t->s, t->net, !t->o->insecure);
    if (at_once)
        (void)remove_rest(t);
    else
        remove_later(t->s, t);
}

/* ---- what steps share ---- */

int steps_open(struct container_host *h, struct steps **ret, struct shale_err *e)
{
    struct steps *s = mem_alloc(sizeof *s);

    if (!s)
        return err_nomem(e);
    s->h = h;
    arena_init(&s->a, ARENA_DEFAULT_MAX);
    (void)pthread_mutex_init(&s->mutex, NULL);
    (void)pthread_mutex_init(&s->removal_mutex, NULL);
    int r = steps_sweep(h, e);
    if (r < 0)
        steps_close(s);
    else
        *ret = s;
    return r;
}

struct steps *steps_close(struct steps *s)
{
    if (!s)
        return NULL;
    remove_later(s, NULL);
    step_nets_close(s);
    arena_clear(&s->a);
    (void)pthread_mutex_destroy(&s->mutex);
    (void)pthread_mutex_destroy(&s->removal_mutex);
    free(s);
    return NULL;
}

/* ---- running ---- */

static void on_output(void *arg, int stream, const char *p, size_t n)
{
    const struct step *t = arg;

    if (t->o->on_output && n > 0)
        t->o->on_output(t->o->arg, stream, p, n);
}

/* The command is not there or cannot be run: said as a shell would, in the runtime's words. */
static int refuse(const struct step *t, const char *words, int *ret_status, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    char line[sizeof why.msg + 2];
    int r = runtime_refusal("runtime", words, &why);

    if (r != -SHALE_NOT_FOUND && r != -SHALE_DENIED)
        return runtime_refusal(RUNTIME_CREATE_FAILED, words, e);
    int n = snprintf(line, sizeof line, "%s\n", words);
    on_output((void *)t, 2, line, (size_t)n);
    *ret_status = r == -SHALE_NOT_FOUND ? 127 : 126;
    return 0;
}

static int run(struct step *t, int *ret_status, struct shale_err *e)
{
    struct watched w = {
        .rt = &t->rt,
        .id = t->folder.c.row.id,
        .dir = t->folder.c.dir,
        .log = ctr_path(&t->folder.c, t->a, "runtime.log"),
        .out = -1,
        .err = -1,
        .on_output = on_output,
        .arg = t,
        .cancel = t->cancel,
    };

    if (!w.log)
        return err_nomem(e);
    int r = cancel_check(t->cancel, e);
    if (r >= 0)
        r = watched_run(&w, t->a, ret_status, e);
    if (r >= 0 && w.words[0] && w.init.pid == 0)
        return refuse(t, w.words, ret_status, e);
    return r;
}

/* ---- the layer ---- */

static int into_layer(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return layer_new_write(arg, p, n, e);
}

static int see_name(void *arg, const char *name, unsigned char d_type)
{
    return 1;
}

static int write_layer(struct step *t, int upper, struct step_result *ret, struct shale_err *e)
{
    struct store *s = t->s->h->store;
    struct commit_tar_stats stats = {0};
    struct layer_new *l = NULL;
    _cleanup_(lower_close) struct lower lower = LOWER_NONE;
    int r = store_stack_lower(s, t->o->layers, t->o->n_layers, t->cancel, &lower, e);

    if (r >= 0)
        r = layer_new_begin(s, t->o->lease, t->cancel, &l, e);
    if (r < 0)
        return r;
    r = commit_tar(upper, &lower, CHANGES_OF_STEP, t->o->source_date_epoch_s, into_layer, l,
                   t->cancel, &stats, e);
    ret->empty = stats.n_members == 0;
    ret->n_left_out = stats.n_left_out;
    if (r >= 0 && !ret->empty)
        r = layer_new_finish(l, &ret->layer, e);
    layer_new_close(l);
    return r;
}

static int make_layer(struct step *t, struct step_result *ret, struct shale_err *e)
{
    const char *path = ctr_path(&t->folder.c, t->a, "upper");
    _cleanup_close_ int upper = path ? fs_open_dir(AT_FDCWD, path, e) : err_nomem(e);

    if (upper < 0)
        return upper;
    int r = fs_each(upper, ".", see_name, NULL, e);
    ret->empty = r == 0; /* nothing to look at */
    return r <= 0 ? r : write_layer(t, upper, ret, e);
}

int step_run(struct steps *s, const struct step_opts *o, struct step_result *ret,
             struct shale_err *e)
{
    struct step_result result = {.status = -1};
    struct step *t = begin(s, o, e);

    if (!t)
        return -SHALE_NO_MEMORY;
    int r = prepare(t, e);
    if (r >= 0)
        r = run(t, &result.status, e);
    step_stubs_remove(t);
    if (r >= 0 && result.status == 0)
        r = make_layer(t, &result, e);
    end(t, r < 0);
    if (r < 0)
        return r;
    *ret = result;
    return 0;
}

/* ---- a shell ---- */

/* The runtime holds the terminal, or the streams are the caller's own. */
static int talk(struct step *t, const struct step_streams *streams, int *ret_status,
                struct shale_err *e)
{
    const char *log = ctr_path(&t->folder.c, t->a, "runtime.log");
    const char *const rest[] = {"run", "--bundle", t->folder.c.dir, t->folder.c.row.id, NULL};
    char words[WATCHED_WORDS_MAX] = "";
    const char **argv;
    int r = log ? runtime_argv(&t->rt, log, rest, t->a, &argv, e) : err_nomem(e);
    pid_t pid;

    if (r < 0)
        return r;
    struct spawn_opts o = {
        .argv = argv, .in = streams->in, .out = streams->out, .err = streams->err};
    r = spawn_start(&o, &pid, NULL, e);
    if (r >= 0)
        r = spawn_wait(pid, ret_status, e);
    if (r >= 0 && *ret_status != 0)
        runtime_words(log, NULL, 0, words, sizeof words);
    return words[0] ? runtime_refusal(RUNTIME_CREATE_FAILED, words, e) : r;
}

int step_shell(struct steps *s, const struct step_opts *o, const struct step_streams *streams,
               int *ret_status, struct shale_err *e)
{
    struct step *t = begin(s, o, e);
    int status = -1, r;

    if (!t)
        return -SHALE_NO_MEMORY;
    t->tty = isatty(streams->in) == 1;
    r = prepare(t, e);
    if (r >= 0)
        r = talk(t, streams, &status, e);
    end(t, true);
    if (r < 0)
        return r;
    *ret_status = status;
    return 0;
}
