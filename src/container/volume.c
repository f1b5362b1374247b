/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of volumes. */
#include "container/volume.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/time.h"
#include "container/conf.h"
#include "container/events.h"
#include "container/jout.h"
#include "container/labels.h"
#include "container/listfilter.h"
#include "container/names.h"
#include "container/volume_mount.h"
#include "container/volume_options.h"
#include "container/volumes.h"

#define ANONYMOUS_HEX    64
#define LABELS_MAX_BYTES (4u << 20)
#define USERS_SHOWN      1024 /* bytes of the list of those who use one */

/* ---- one volume ---- */

static bool is_anonymous(const char *name)
{
    return strlen(name) == ANONYMOUS_HEX && strspn(name, "0123456789abcdef") == ANONYMOUS_HEX;
}

static int no_volume(const char *name, struct shale_err *e)
{
    return err_set(e, SHALE_NOT_FOUND, "get %.255s: no such volume", name);
}

static int64_t born_ns(int dirfd, const char *path)
{
    struct statx st;

    if (statx(dirfd, path, AT_SYMLINK_NOFOLLOW, STATX_BTIME, &st) < 0 ||
        !(st.stx_mask & STATX_BTIME))
        return TIME_NONE;
    return (int64_t)st.stx_btime.tv_sec * NS_PER_S + st.stx_btime.tv_nsec;
}

static int load(struct container_host *h, const char *name, struct arena *a,
                struct shale_volume *ret, struct shale_err *e)
{
    int root = store_root_fd(h->store);
    const char *dir = arena_printf(a, "volumes/%s", name);
    const char *data = arena_printf(a, "volumes/%s/_data", name);
    const char *labels = arena_printf(a, "volumes/%s/labels.json", name);
    struct shale_volume v = {.anonymous = is_anonymous(name), .labels_json = ""};
    struct volume_options options;

    if (!name_is_valid(name))
        return no_volume(name, e);
    v.name = arena_strdup(a, name);
    v.mountpoint = arena_printf(a, "%s/volumes/%s/_data", store_root(h->store), name);
    if (!dir || !data || !labels || !v.name || !v.mountpoint)
        return err_nomem(e);
    if (!fs_exists(root, data))
        return no_volume(name, e);
    if (fs_exists(root, labels)) {
        v.labels_json = fs_read_text(root, labels, a, LABELS_MAX_BYTES, e);
        if (!v.labels_json)
            return -SHALE_SYSTEM;
    }
    int r = volume_options_read(h->store, name, a, &options, e);
    if (r < 0)
        return r;
    v.options_json = options.json;
    if (*options.json) /* what somebody has left who was killed */
        volume_mount_release(h->store, name);
    v.created_ns = born_ns(root, dir);
    *ret = v;
    return 0;
}

/* ---- who uses which ---- */

struct users {
    struct meta_container *rows;
    struct conf *confs;
    size_t n;
};

static int load_users(struct container_host *h, struct arena *a, struct users *ret,
                      struct shale_err *e)
{
    struct users u = {0};
    int r = meta_container_list(store_meta(h->store), NULL, a, &u.rows, &u.n, e);

    if (r < 0)
        return r;
    u.confs = arena_array(a, u.n + 1, sizeof *u.confs);
    if (!u.confs)
        return err_nomem(e);
    for (size_t i = 0; i < u.n; i++) {
        r = conf_parse(u.rows[i].config, a, &u.confs[i], e);
        if (r < 0)
            return err_wrap(e, r, "container %.12s", u.rows[i].id);
    }
    *ret = u;
    return 0;
}

static bool uses(const struct conf *c, const char *name)
{
    for (size_t i = 0; i < c->n_mounts; i++)
        if (streq(c->mounts[i].type, "volume") && streq(c->mounts[i].name, name))
            return true;
    return false;
}

static uint32_t count_users(const struct users *u, const char *name)
{
    uint32_t n = 0;

    for (size_t i = 0; i < u->n; i++)
        n += uses(&u->confs[i], name);
    return n;
}

/* ---- making ---- */

static int write_labels(struct container_host *h, const char *name, const char *const *labels,
                        struct arena *a, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    const char *path = arena_printf(a, "volumes/%s/labels.json", name);
    char *text;
    int bad = 0, r;

    for (const char *const *l = labels; l && *l; l++) {
        const char *eq = strchr(*l, '=');
        char *key = arena_strndup(a, *l, eq ? (size_t)(eq - *l) : strlen(*l));
        if (!key)
            return err_nomem(e);
        jout_str(&bad, o, key, eq ? eq + 1 : "");
    }
    r = jout_check(bad, "labels", e);
    if (r >= 0)
        r = jout_text(o, JSON_COMPACT, a, &text, e);
    if (r < 0)
        return r;
    if (!path)
        return err_nomem(e);
    if (strlen(text) > LABELS_MAX_BYTES)
        return err_set(e, SHALE_LIMIT, "labels of more than %u bytes", LABELS_MAX_BYTES);
    return fs_write_atomic(store_root_fd(h->store), path, text, strlen(text), 0600, true, e);
}

int volume_make(struct container_host *h, const char *name, const char *const *option_list,
                const char *const *labels, struct arena *a, const char **ret_path,
                struct shale_err *e)
{
    const char *dir = arena_printf(a, "volumes/%s", name);
    const char *data = arena_printf(a, "volumes/%s/_data", name);
    bool has_labels = labels && labels[0];
    struct volume_options options;
    int r = volume_check_name(name, e);

    if (r >= 0)
        r = volume_options_parse(option_list, a, &options, e);
    if (r < 0)
        return err_wrap(e, r, "create %.200s", name);
    if (!dir || !data)
        return err_nomem(e);
    bool there = fs_exists(store_root_fd(h->store), data);
    if (!there && (has_labels || *options.json)) /* before _data, which is what makes it a volume */
        r = fs_mkdir_p(store_root_fd(h->store), dir, 0711, e);
    if (r >= 0 && !there && has_labels)
        r = write_labels(h, name, labels, a, e);
    if (r >= 0 && !there && *options.json)
        r = volume_options_write(h->store, name, &options, a, e);
    return r < 0 ? r : volume_ensure(h->store, name, a, ret_path, e);
}

int volume_create(struct container_host *h, const struct shale_volume_create_opts *o,
                  struct arena *a, struct shale_volume *ret, struct shale_err *e)
{
    char made[ANONYMOUS_HEX + 1];
    const char *name = o->name, *path;
    int r = 0;

    if (!name || !name[0]) {
        r = random_hex(made, ANONYMOUS_HEX / 2, e);
        if (r < 0)
            return r;
        name = made;
    }
    _cleanup_close_ int lock =
        lock_take(store_root_fd(h->store), VOLUMES_LOCK, LOCK_EXCLUSIVE, h->cancel, e);
    if (lock < 0)
        return lock;
    r = volume_make(h, name, o->options, o->labels, a, &path, e);
    return r < 0 ? r : load(h, name, a, ret, e);
}

/* ---- looking ---- */

struct names {
    struct arena *a;
    const char **v;
    size_t n, cap;
};

static int add_name(void *arg, const char *name, unsigned char d_type)
{
    struct names *x = arg;
    const char **v;

    if (d_type != DT_DIR || !name_is_valid(name))
        return 0;
    v = arena_grow(x->a, x->v, x->n, &x->cap, sizeof *v);
    if (!v)
        return -SHALE_NO_MEMORY;
    x->v = v;
    x->v[x->n] = arena_strdup(x->a, name);
    return x->v[x->n++] ? 0 : -SHALE_NO_MEMORY;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* All volumes by name, with the number of their users. */
static int load_all(struct container_host *h, struct arena *a, struct shale_volume **ret,
                    size_t *ret_n, struct shale_err *e)
{
    struct names names = {.a = a};
    struct users users = {0};
    size_t n = 0;
    int r = 0;

    if (fs_exists(store_root_fd(h->store), "volumes"))
        r = fs_each(store_root_fd(h->store), "volumes", add_name, &names, e);
    if (r == -SHALE_NO_MEMORY)
        return err_nomem(e);
    if (r >= 0)
        r = load_users(h, a, &users, e);
    if (r < 0)
        return r;
    if (names.n)
        qsort(names.v, names.n, sizeof *names.v, by_name);
    struct shale_volume *v = arena_array(a, names.n + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < names.n; i++) {
        r = load(h, names.v[i], a, &v[n], e);
        if (r < 0 && r != -SHALE_NOT_FOUND) /* half made, or removed meanwhile */
            return r;
        if (r >= 0) {
            v[n].n_containers = count_users(&users, v[n].name);
            n++;
        }
    }
    *ret = v;
    *ret_n = n;
    return 0;
}

static bool match_dangling(const void *item, const char *value)
{
    const struct shale_volume *v = item;

    return (v->n_containers == 0) == listfilter_is_true(value);
}

static bool match_driver(const void *item, const char *value)
{
    return streq(value, "local");
}

static bool match_label(const void *item, const char *value)
{
    const struct shale_volume *v = item;

    return labels_match(v->labels_json, value);
}

static bool match_name(const void *item, const char *value)
{
    const struct shale_volume *v = item;

    return strstr(v->name, value) != NULL;
}

static const struct listfilter filters[] = {
    {"dangling=", match_dangling, listfilter_check_dangling, true},
    {"driver=", match_driver, NULL, false},
    {"label=", match_label, NULL, true},
    {"name=", match_name, NULL, false},
};

int volume_ls(struct container_host *h, const struct shale_volume_ls_opts *o, struct arena *a,
              struct shale_volume_list *ret, struct shale_err *e)
{
    struct shale_volume *v = NULL;
    size_t n = 0, kept = 0;
    int r = listfilter_check(filters, ARRAY_SIZE(filters), o->filters, e);

    if (r >= 0)
        r = load_all(h, a, &v, &n, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < n; i++)
        if (listfilter_passes(filters, ARRAY_SIZE(filters), &v[i], o->filters))
            v[kept++] = v[i];
    *ret = (struct shale_volume_list){v, kept};
    return 0;
}

int volume_inspect(struct container_host *h, const char *name, struct arena *a,
                   struct shale_volume *ret, struct shale_err *e)
{
    struct users users;
    int r = load(h, name, a, ret, e);

    if (r >= 0)
        r = load_users(h, a, &users, e);
    if (r >= 0)
        ret->n_containers = count_users(&users, name);
    return r;
}

/* ---- removing ---- */

static int in_use(const struct users *u, const char *name, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(USERS_SHOWN);

    for (size_t i = 0; i < u->n; i++)
        if (uses(&u->confs[i], name) && b.n < b.max - META_CONTAINER_ID_HEX - 2)
            buf_addf(&b, "%s%s", b.n ? ", " : "", u->rows[i].id);
    return err_set(e, SHALE_IN_USE, "remove %.100s: volume is in use - [%.300s]", name,
                   buf_str(&b));
}

int volume_rm(struct container_host *h, const char *name, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct shale_volume v;
    struct users users;
    int r = load(h, name, &a, &v, e);

    if (r < 0)
        return r;
    _cleanup_close_ int lock =
        lock_take(store_root_fd(h->store), VOLUMES_LOCK, LOCK_EXCLUSIVE, h->cancel, e);
    if (lock < 0)
        return lock;
    r = load_users(h, &a, &users, e);
    if (r < 0)
        return r;
    return count_users(&users, name) ? in_use(&users, name, e) : volume_remove(h->store, name, e);
}

static int check_prune(const struct shale_volume_prune_opts *o, bool *all, struct shale_err *e)
{
    *all = o->all;
    for (const char *const *f = o->filters; f && *f; f++) {
        if (str_has_prefix(*f, "label=") || str_has_prefix(*f, "label!="))
            continue;
        if (!str_has_prefix(*f, "all="))
            return listfilter_unknown(*f, e);
        int r = listfilter_bool("all", *f + strlen("all="), all, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static bool is_meant(const struct shale_volume *v, bool all, const char *const *list)
{
    /* One with options may be anything, somewhere else: who wants it gone names it. */
    if (v->n_containers || (!all && !v->anonymous) || (v->options_json && *v->options_json))
        return false;
    for (; list && *list; list++) {
        if (str_has_prefix(*list, "label=") && !match_label(v, *list + strlen("label=")))
            return false;
        if (str_has_prefix(*list, "label!=") && match_label(v, *list + strlen("label!=")))
            return false;
    }
    return true;
}

int volume_prune(struct container_host *h, const struct shale_volume_prune_opts *o, struct arena *a,
                 struct shale_volume_pruned *ret, struct shale_err *e)
{
    struct shale_volume *v = NULL;
    size_t n = 0, n_gone = 0;
    uint64_t freed = 0;
    bool all = false;
    int r = check_prune(o, &all, e);

    if (r < 0)
        return r;
    _cleanup_close_ int lock =
        lock_take(store_root_fd(h->store), VOLUMES_LOCK, LOCK_EXCLUSIVE, h->cancel, e);
    if (lock < 0)
        return lock;
    r = load_all(h, a, &v, &n, e);
    if (r < 0)
        return r;
    const char **gone = arena_array(a, n + 1, sizeof *gone);
    if (!gone)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        uint64_t bytes = 0;
        if (!is_meant(&v[i], all, o->filters))
            continue;
        (void)fs_disk_usage(AT_FDCWD, v[i].mountpoint, &bytes, NULL);
        r = volume_remove(h->store, v[i].name, e);
        if (r < 0)
            return r;
        gone[n_gone++] = v[i].name;
        freed += bytes;
    }
    prune_event(h->store, EVENT_VOLUME_PRUNE, freed);
    *ret = (struct shale_volume_pruned){gone, n_gone, freed};
    return 0;
}
