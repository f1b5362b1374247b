/* SPDX-License-Identifier: Apache-2.0 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/brief.h"
#include "container/create_priv.h"
#include "container/ctr.h"
#include "container/events.h"
#include "container/image_mount.h"
#include "container/keys.h"
#include "container/names.h"
#include "container/signals.h"
#include "container/volume.h"
#include "image/image.h"
#include "model/health.h"
#include "model/platform.h"

#define NAME_TRIES 100

int create_list(struct create *c, const char *const *list, struct strv *ret, struct shale_err *e)
{
    struct strv v = {.set = list != NULL};

    while (list && list[v.n])
        if (++v.n > CREATE_LIST_MAX)
            return err_set(e, SHALE_LIMIT, "more than %d values of one option", CREATE_LIST_MAX);
    v.v = arena_array(c->a, v.n + 1, sizeof(char *));
    if (!v.v)
        return err_nomem(e);
    for (size_t i = 0; i < v.n; i++) {
        v.v[i] = arena_strdup(c->a, list[i]);
        if (!v.v[i])
            return err_nomem(e);
    }
    *ret = v;
    return 0;
}

/* ---- command ---- */

static int set_command(struct create *c, struct shale_err *e)
{
    const struct config_run *run = &c->image->run;
    struct conf *k = &c->conf;
    struct strv all = {.v = NULL};
    int r;

    r = create_list(c, c->o->cmd, &k->cmd, e);
    if (r < 0)
        return r;
    if (c->o->entrypoint) {
        r = create_list(c, c->o->entrypoint, &k->entrypoint, e);
        if (r < 0)
            return r;
        if (k->entrypoint.n == 0 && k->cmd.n == 0)
            k->cmd = run->cmd;
        if (k->entrypoint.n == 1 && k->entrypoint.v[0][0] == 0)
            k->entrypoint.n = 0;
    } else {
        k->entrypoint = run->entrypoint;
        if (k->cmd.n == 0)
            k->cmd = run->cmd;
    }
    all.v = arena_array(c->a, k->entrypoint.n + k->cmd.n + 1, sizeof(char *));
    if (!all.v)
        return err_nomem(e);
    for (size_t i = 0; i < k->entrypoint.n; i++)
        all.v[all.n++] = k->entrypoint.v[i];
    for (size_t i = 0; i < k->cmd.n; i++)
        all.v[all.n++] = k->cmd.v[i];
    if (all.n == 0)
        return err_set(e, SHALE_INVALID, "no command specified");
    k->path = all.v[0];
    k->args = (struct strv){all.v + 1, all.n - 1, true};
    return 0;
}

/* ---- environment and labels ---- */

static bool same_key(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");

    return n == strcspn(b, "=") && memcmp(a, b, n) == 0;
}

static void env_put(struct strv *v, char *entry)
{
    for (size_t i = 0; i < v->n; i++)
        if (same_key(v->v[i], entry)) {
            v->v[i] = entry;
            return;
        }
    v->v[v->n++] = entry;
}

static void env_remove(struct strv *v, const char *key)
{
    size_t n = 0;

    for (size_t i = 0; i < v->n; i++)
        if (!same_key(v->v[i], key))
            v->v[n++] = v->v[i];
    v->n = n;
}

static bool has_key(const struct strv *v, const char *entry)
{
    for (size_t i = 0; i < v->n; i++)
        if (same_key(v->v[i], entry))
            return true;
    return false;
}

/* As docker has it: first what is given, in its order, then what is the image's alone. */
static int set_env(struct create *c, struct shale_err *e)
{
    const struct strv *base = &c->image->run.env;
    struct strv mine, *env = &c->conf.env;
    int r = create_list(c, c->o->env, &mine, e);

    if (r < 0)
        return r;
    env->v = arena_array(c->a, base->n + mine.n + 1, sizeof(char *));
    if (!env->v)
        return err_nomem(e);
    for (size_t i = 0; i < mine.n; i++) {
        char *entry = mine.v[i];
        const char *ours;
        if (entry[0] == '=' || entry[0] == 0)
            return err_set(e, SHALE_INVALID, "invalid environment variable: %.100s", entry);
        if (!strchr(entry, '=')) {
            ours = c->o->foreign ? NULL : getenv(entry);
            if (!ours) {
                env_remove(env, entry);
                continue;
            }
            entry = arena_printf(c->a, "%s=%s", entry, ours);
            if (!entry)
                return err_nomem(e);
        }
        env_put(env, entry);
    }
    for (size_t i = 0; i < base->n; i++)
        if (!has_key(&mine, base->v[i]))
            env_put(env, base->v[i]);
    return 0;
}

int create_map(struct create *c, const struct strv *list, const char *what, struct strmap *ret,
               struct shale_err *e)
{
    struct strmap m = {.m = arena_array(c->a, ret->n + list->n + 1, sizeof *m.m),
                       .n = ret->n,
                       .set = ret->n + list->n > 0};

    if (!m.m)
        return err_nomem(e);
    for (size_t i = 0; i < ret->n; i++)
        m.m[i] = ret->m[i];
    for (size_t i = 0; i < list->n; i++) {
        char *eq = strchr(list->v[i], '=');
        if (!eq && what)
            return err_set(e, SHALE_INVALID, "invalid %s: \"%.100s\": NAME=VALUE", what,
                           list->v[i]);
        if (eq)
            *eq = 0;
        strmap_put(&m, list->v[i], eq ? eq + 1 : list->v[i] + strlen(list->v[i]));
    }
    *ret = m;
    return 0;
}

static int set_labels(struct create *c, struct shale_err *e)
{
    struct strv mine;
    int r = create_list(c, c->o->labels, &mine, e);

    c->conf.labels = c->image->run.labels;
    return r < 0 ? r : create_map(c, &mine, NULL, &c->conf.labels, e);
}

/* ---- the rest of the options ---- */

static const char *first_of(const char *a, const char *b)
{
    return a && a[0] ? a : b ? b : "";
}

static int set_plain(struct create *c, struct shale_err *e)
{
    const struct shale_create_opts *o = c->o;
    const struct config_run *run = &c->image->run;
    struct conf *k = &c->conf;
    struct keys keys;
    int r = 0;

    k->image = o->image;
    k->user = first_of(o->user, run->user);
    k->workdir = first_of(o->workdir, run->working_dir);
    k->stop_signal = first_of(o->stop_signal, run->stop_signal);
    k->stop_timeout_s = o->stop_timeout_s;
    k->volumes = run->volumes;
    k->tty = o->tty;
    k->open_stdin = o->interactive;
    k->stdin_once = o->interactive && !o->detached;
    k->attach_in = o->attach_told ? o->attach_in : k->stdin_once;
    k->attach_out = o->attach_told ? o->attach_out : !o->detached;
    k->attach_err = o->attach_told ? o->attach_err : !o->detached;
    k->read_only = o->read_only;
    k->auto_remove = o->auto_remove;
    k->init = o->init;
    k->runtime = first_of(o->runtime, c->h->runtime);
    k->cidfile = first_of(o->cidfile, NULL);
    k->detach_keys = first_of(o->detach_keys, NULL);
    k->starter = o->start_follows ? ctr_starter(c->h, c->a) : "";
    if (!k->starter)
        return err_nomem(e);
    if (k->stop_signal[0])
        r = signal_parse(k->stop_signal, e);
    if (r >= 0)
        r = restart_parse(o->restart ? o->restart : "", &k->restart, e);
    if (r >= 0 && k->restart.when != RESTART_NO && k->auto_remove)
        r = err_set(e, SHALE_INVALID, "can't create 'AutoRemove' container with restart policy");
    if (r >= 0)
        r = keys_parse(o->detach_keys, &keys, e);
    if (r < 0)
        return r;
    if (k->workdir[0] && k->workdir[0] != '/')
        return err_set(e, SHALE_INVALID,
                       "the working directory '%.200s' is invalid, it needs to be an absolute path",
                       k->workdir);
    if (k->workdir[0])
        k->workdir = create_clean_path(c->a, k->workdir);
    return k->workdir ? 0 : err_nomem(e);
}

/* docker: what is given takes the place of the image's, each on its own. */
static int set_health(struct create *c, struct shale_err *e)
{
    const struct shale_create_opts *o = c->o;
    struct config_health over = {.interval_ns = o->health_interval_ns,
                                 .timeout_ns = o->health_timeout_ns,
                                 .start_period_ns = o->health_start_period_ns,
                                 .start_interval_ns = o->health_start_interval_ns,
                                 .retries = o->health_retries};
    const char *const none[] = {"NONE", NULL};
    const char *const shell[] = {"CMD-SHELL", o->health_cmd, NULL};
    const char *const *test = o->no_healthcheck                     ? none
                              : o->health_test && o->health_test[0] ? o->health_test
                              : o->health_cmd && o->health_cmd[0]   ? shell
                                                                    : NULL;
    int r = health_check(&over, e);

    if (r >= 0)
        r = create_list(c, test, &over.test, e);
    if (r < 0)
        return r;
    c->conf.health = o->no_healthcheck ? over : c->image->run.health;
    health_merge(&c->conf.health, &over);
    c->conf.shell = c->image->run.shell;
    return 0;
}

static int check_runtime(struct create *c, struct shale_err *e)
{
    char path[4096];

    if (c->conf.runtime[0] == 0)
        return 0;
    if (proc_which(c->conf.runtime, path, sizeof path, NULL) < 0)
        return err_set(e, SHALE_INVALID, "unknown or invalid runtime name: %.200s",
                       c->conf.runtime);
    if (strchr(c->conf.runtime, '/')) /* the same one for those who start it from elsewhere */
        c->conf.runtime = arena_strdup(c->a, path);
    return c->conf.runtime ? 0 : err_nomem(e);
}

static int check_platform(struct create *c, struct shale_err *e)
{
    struct platform host = platform_host();
    const struct platform *p = &c->image->platform;
    const char *os = p->os && p->os[0] ? p->os : "linux";

    if (!streq(os, "linux"))
        return err_set(e, SHALE_UNSUPPORTED,
                       "image operating system \"%.60s\" cannot be used on this platform", os);
    if (p->arch && p->arch[0] && !c->o->platform && !platform_matches_local(&host, p)) {
        c->warnings[c->n_warnings++] =
            arena_printf(c->a,
                         "The requested image's platform (%s) does not match the detected host "
                         "platform (%s) and "
                         "no specific platform was requested",
                         platform_format(p, c->a), platform_format(&host, c->a));
        if (!c->warnings[c->n_warnings - 1])
            return err_nomem(e);
    }
    return 0;
}

static int build_conf(struct create *c, const char *id, struct shale_err *e)
{
    int r = check_platform(c, e);

    if (r >= 0)
        r = set_plain(c, e);
    if (r >= 0)
        r = set_command(c, e);
    if (r >= 0)
        r = set_env(c, e);
    if (r >= 0)
        r = set_labels(c, e);
    if (r >= 0)
        r = create_namespaces(c, e);
    if (r >= 0)
        r = create_network(c, id, e);
    if (r >= 0)
        r = create_links(c, e);
    if (r >= 0)
        r = set_health(c, e);
    if (r >= 0)
        r = check_runtime(c, e);
    if (r >= 0)
        r = create_security(c, e);
    if (r >= 0)
        r = create_limits(c, e);
    if (r >= 0)
        r = create_blkio(c, e);
    if (r >= 0)
        r = create_more(c, e);
    return r < 0 ? r : create_mounts(c, e);
}

/* ---- the row ---- */

static int labels_text(struct create *c, struct arena *a, char **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *config = NULL;
    int r;

    if (c->conf.labels.n == 0) {
        *ret = arena_strdup(a, "");
        return *ret ? 0 : err_nomem(e);
    }
    r = conf_config_json(&c->conf, &config, e);
    if (r < 0)
        return r;
    *ret = json_text(json_object_get(config, "Labels"));
    if (!*ret)
        return err_nomem(e);
    if (arena_defer(a, free, *ret) < 0) {
        free(*ret);
        return err_nomem(e);
    }
    return 0;
}

static int add_row(struct create *c, struct meta_container *row, const char *name,
                   struct shale_err *e)
{
    char holder[META_CONTAINER_ID_HEX + 1] = "", made[64];
    struct shale_err why = SHALE_ERR_INIT;
    int r = -SHALE_EXISTS;

    if (name && name[0]) {
        row->name = name[0] == '/' ? name + 1 : name;
        r = name_check(row->name, e);
        if (r < 0)
            return r;
        r = meta_container_add(store_meta(c->h->store), row, holder, e);
        if (r == -SHALE_EXISTS)
            return err_set(
                e, SHALE_CONFLICT,
                "Conflict. The container name \"/%s\" is already in use by container "
                "\"%s\". You have to remove (or rename) that container to be able to reuse "
                "that name.",
                row->name, holder);
        return r;
    }
    for (int i = 0; i < NAME_TRIES && r == -SHALE_EXISTS; i++) {
        r = name_make(i, made, e);
        if (r < 0)
            return r;
        row->name = arena_strdup(c->a, made);
        if (!row->name)
            return err_nomem(e);
        r = meta_container_add(store_meta(c->h->store), row, holder, &why);
    }
    if (r < 0 && e)
        *e = why;
    return r;
}

static int write_cidfile(struct create *c, const char *id, struct shale_err *e)
{
    _cleanup_close_ int fd = -1;

    if (c->conf.cidfile[0] == 0)
        return 0;
    fd = sys_openat(AT_FDCWD, c->conf.cidfile, O_WRONLY | O_CREAT | O_EXCL, 0644);
    if (fd < 0 || sys_write_all(fd, id, META_CONTAINER_ID_HEX) < 0)
        return err_sys(e, "failed to create the container ID file: open %.200s", c->conf.cidfile);
    return 0;
}

static int check_cidfile(const struct shale_create_opts *o, struct shale_err *e)
{
    if (!o->cidfile || !o->cidfile[0] || !fs_exists(AT_FDCWD, o->cidfile))
        return 0;
    return err_set(e, SHALE_EXISTS,
                   "container ID file found, make sure the other container isn't running or delete "
                   "%.300s",
                   o->cidfile);
}

static int save(struct create *c, const struct digest *image, struct meta_container *row,
                struct shale_err *e)
{
    char *text, *labels;
    int r = conf_format(&c->conf, c->a, &text, e);

    if (r >= 0)
        r = brief_pack(&c->conf, c->a, &row->listing, e);
    if (r >= 0)
        r = labels_text(c, c->a, &labels, e);
    if (r < 0)
        return r;
    r = image_mounts_used(&c->conf, c->a, &row->mounted, &row->n_mounted, e);
    if (r < 0)
        return r;
    row->image_id = *image;
    row->image_ref = c->o->image;
    row->auto_remove = c->o->auto_remove;
    row->labels = labels;
    row->config = text;
    row->run = (struct meta_container_run){.state = "created",
                                           .started_ns = SHALE_TIME_NONE,
                                           .finished_ns = SHALE_TIME_NONE,
                                           .error = ""};
    r = add_row(c, row, c->o->name, e);
    if (r < 0)
        return r;
    r = write_cidfile(c, row->id, e);
    if (r < 0)
        (void)meta_container_delete(store_meta(c->h->store), row->id, NULL);
    return r;
}

static int give_result(const struct create *c, const struct meta_container *row, struct arena *a,
                       struct shale_created *ret, struct shale_err *e)
{
    const char **warnings = arena_array(a, c->n_warnings + 1, sizeof *warnings);

    if (!warnings)
        return err_nomem(e);
    for (size_t i = 0; i < c->n_warnings; i++) {
        warnings[i] = arena_strdup(a, c->warnings[i]);
        if (!warnings[i])
            return err_nomem(e);
    }
    ret->id = arena_strdup(a, row->id);
    ret->name = arena_strdup(a, row->name);
    ret->warnings = warnings;
    return ret->id && ret->name ? 0 : err_nomem(e);
}

/* Volumes that it makes with labels or options are made by nobody else meanwhile. */
static int volumes_lock_kind(const struct shale_create_opts *o)
{
    for (size_t i = 0; i < o->n_mounts; i++) {
        const struct shale_mount *m = &o->mounts[i];
        if ((m->volume_options && m->volume_options[0]) ||
            (m->volume_labels && m->volume_labels[0]))
            return LOCK_EXCLUSIVE;
    }
    return LOCK_SHARED;
}

int container_create(struct container_host *h, const struct shale_create_opts *o, struct arena *a,
                     struct shale_created *ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena temp = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct config image;
    struct create c = {.h = h, .o = o, .image = &image, .a = &temp};
    struct meta_container row = {.created_ns = 0};
    struct image_found found;
    _cleanup_close_ int lock = -1;
    int r = check_cidfile(o, e);

    if (r >= 0)
        r = image_find_platform(h->store, o->image, o->platform, &temp, &found, e);
    if (r >= 0)
        r = store_config(h->store, &found.id, &temp, &image, e);
    if (r >= 0)
        r = random_hex(row.id, META_CONTAINER_ID_HEX / 2, e);
    if (r >= 0)
        r = create_find_from(&c, e);
    if (r >= 0 && (o->n_mounts || image.run.volumes.n ||
                   c.conf.volumes_from.n)) { /* none is removed until the row is there */
        lock = lock_take(store_root_fd(h->store), VOLUMES_LOCK, volumes_lock_kind(o), h->cancel, e);
        r = lock < 0 ? lock : 0;
    }
    if (r >= 0)
        r = build_conf(&c, row.id, e);
    if (r >= 0)
        r = save(&c, &found.id, &row, e);
    if (r < 0)
        create_drop_volumes(&c);
    else
        ctr_event(h, &row, EVENT_CONTAINER_CREATE, NULL, NULL);
    return r < 0 ? r : give_result(&c, &row, a, ret, e);
}
