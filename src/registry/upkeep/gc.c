/* SPDX-License-Identifier: Apache-2.0 */
/* Collection: what retention says, then what nobody needs. Beside whatever serves, in another
 * process with a database connection of its own, or in a server's janitor (janitor.c). */
#include <fcntl.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "registry/observe/handover.h"
#include "registry/reg.h"

#define MAX_ROUNDS 64 /* indexes in indexes, referrers of referrers */

/* Removing needs some room in the database's log. When there is none left, that of this file is
 * given up for it. */
#define RESERVE_FILE  "gc.reserve"
#define RESERVE_BYTES (4u << 20)
#define LOCK_FILE     "gc.lock"
#define PAGE          256          /* repositories */
#define MAX_ARENA     (256u << 20) /* the tags of one repository */

struct collector {
    const struct registry_gc_opts *o;
    struct registry_gc_result *n;
    struct state *state;
    struct blobs *blobs;
    struct cancel *cancel;
    struct state_gc g;
    struct shale_err *e;
};

static const struct {
    const char *what;
    size_t offset;
    bool bytes; /* count as freed */
} counters[] = {
    {"tag", offsetof(struct registry_gc_result, n_tags), false},
    {"manifest", offsetof(struct registry_gc_result, n_manifests), false},
    {"link", offsetof(struct registry_gc_result, n_links), false},
    {"blob", offsetof(struct registry_gc_result, n_blobs), true},
    {"upload", offsetof(struct registry_gc_result, n_uploads), true},
};

static void tell(struct collector *c, const struct registry_gc_item *item)
{
    for (size_t i = 0; i < ARRAY_SIZE(counters); i++) {
        if (strcmp(counters[i].what, item->kind) != 0)
            continue;
        ++*(uint64_t *)(void *)((char *)c->n + counters[i].offset);
        c->n->n_bytes += counters[i].bytes ? item->bytes : 0;
    }
    if (c->o->on_remove)
        c->o->on_remove(c->o->arg, item);
}

static void on_remove(void *arg, const struct state_gone *x)
{
    tell(arg, &(struct registry_gc_item){x->what, x->repo, x->name, x->digest, x->why, x->bytes});
}

/* Between two transactions. */
static int pause_between(struct collector *c)
{
    if (c->o->between)
        c->o->between(c->o->arg);
    return cancel_check(c->cancel, c->e);
}

static int64_t untagged_before(void *arg, const char *repo)
{
    const struct collector *c = arg;
    int64_t after = c->o->retain ? retain_untagged_after(c->o->retain, repo) : 0;

    if (after) {
        int64_t before = time_now_ns() - after;
        return before < c->g.before ? before : c->g.before;
    }
    return c->o->untagged ? c->g.before : INT64_MIN;
}

/* ---- retention ---- */

static int retain_in(struct collector *c, const char *repo)
{
    char why[RETAIN_WHY_BYTES];
    int r;

    do {
        _cleanup_(arena_clear) struct arena a;
        struct state_retain p = {.repo = repo, .rules = c->o->retain};
        arena_init(&a, MAX_ARENA);
        r = state_retain_ask(c->state, &p, &a, c->e);
        if (r <= 0)
            return r;
        arena_clear(&a);
        arena_init(&a, MAX_ARENA);
        r = state_retain(c->state, &p, &a, c->e);
        for (size_t i = 0; r > 0 && i < p.n; i++)
            if (p.v[i].rule)
                tell(c, &(struct registry_gc_item){"tag", repo, p.v[i].name, p.v[i].digest.s,
                                                   retain_why(p.v[i].rule, why), 0});
        if (r >= 0 && pause_between(c) < 0)
            return -c->e->code;
    } while (r > 0);
    return r;
}

static int retain_all(struct collector *c)
{
    _cleanup_(arena_clear) struct arena a;
    struct state_names page;
    char last[256] = "";
    int r;

    arena_init(&a, MAX_ARENA);
    do {
        arena_clear(&a);
        arena_init(&a, MAX_ARENA);
        r = state_catalog(c->state, last, PAGE, &a, &page, c->e);
        for (size_t i = 0; r >= 0 && i < page.n; i++) {
            snprintf(last, sizeof last, "%s", page.v[i]);
            if (retain_has_rules(c->o->retain, page.v[i]))
                r = retain_in(c, page.v[i]);
        }
    } while (r >= 0 && page.more);
    return r;
}

/* ---- the rest ---- */

/* One kind from the beginning to the end. Returns how many went. */
static int sweep(struct collector *c,
                 int (*step)(struct state *s, struct state_gc *g, struct shale_err *e))
{
    int n = 0, r;

    c->g.repo = 0;
    c->g.last = (struct digest){0};
    while ((r = step(c->state, &c->g, c->e)) > 0) {
        n += r;
        r = pause_between(c);
        if (r < 0)
            return r;
    }
    return r < 0 ? r : n;
}

/* ---- files without a row, which crashes leave ---- */

static int see_file(void *arg, const struct digest *d, uint64_t size)
{
    struct collector *c = arg;
    int r = cancel_check(c->cancel, c->e);

    if (r >= 0)
        r = state_gc_file(c->state, &c->g, d, c->e);
    if (r > 0)
        tell(c, &(struct registry_gc_item){"blob", "", d->s, "", "of a push that was not finished",
                                           size});
    return r < 0 ? r : 0;
}

static int see_upload(void *arg, const struct upload_info *u)
{
    struct collector *c = arg;

    int64_t age = c->o->upload_age_ns ? c->o->upload_age_ns : REGISTRY_UPLOAD_AGE;

    if (u->changed_ns >= time_now_ns() - age)
        return 0;
    if (c->o->dry_run || upload_remove(c->blobs, u->id, NULL) >= 0)
        tell(c, &(struct registry_gc_item){"upload", "", u->id, "", "nobody went on with it",
                                           u->size_bytes});
    return 0;
}

/* What goes may have been all that held something else. */
static int drop_untagged(struct collector *c)
{
    int r = 0;

    for (int i = 0; r >= 0 && i < MAX_ROUNDS; i++) {
        c->g.n_gone = 0;
        r = sweep(c, state_gc_untagged);
        if (c->g.n_gone == 0)
            break;
    }
    return r;
}

static int check_usage(struct collector *c)
{
    int r;

    c->g.repo = 0;
    while ((r = state_gc_usage(c->state, &c->g, &c->n->n_wrong, c->e)) > 0)
        if (pause_between(c) < 0)
            return -c->e->code;
    if (r >= 0 && c->n->n_wrong > 0)
        log_warn("the bytes of %" PRIu64 " repositories were not what was noted; counted anew",
                 c->n->n_wrong);
    return r;
}

static int collect(struct collector *c)
{
    int r = c->o->retain ? retain_all(c) : 0;

    /* From here on, so that without any grace time what retention took goes too. */
    c->g.before = time_now_ns() - (c->o->grace_ns < 0 ? REGISTRY_DEFAULT_GRACE : c->o->grace_ns);
    if (r >= 0)
        r = drop_untagged(c);
    if (r >= 0)
        r = sweep(c, state_gc_links);
    /* Before rows of blobs go: in a dry run the files of those stay. */
    if (r >= 0)
        r = blob_each(c->blobs, see_file, c, c->e);
    if (r >= 0)
        r = sweep(c, state_gc_blobs);
    if (r >= 0)
        r = upload_each(c->blobs, see_upload, c, c->e);
    if (r >= 0 && !c->o->dry_run)
        r = check_usage(c);
    if (r >= 0 && !c->o->dry_run)
        r = state_gc_rest(c->state, &c->g, c->e);
    return r < 0 ? r : 0;
}

void registry_keep_reserve(int root_fd)
{
    struct stat st;

    _cleanup_close_ int fd = sys_openat(root_fd, RESERVE_FILE, O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
    if (fd >= 0 && fstat(fd, &st) == 0 && (uint64_t)st.st_blocks * 512 < RESERVE_BYTES)
        (void)sys_fallocate(fd, RESERVE_BYTES); /* if not now, then after a later collection */
}

/* false: there is none. */
static bool use_reserve(int root_fd)
{
    struct stat st;

    _cleanup_close_ int fd = sys_openat(root_fd, RESERVE_FILE, O_RDWR | O_NOFOLLOW, 0);
    return fd >= 0 && fstat(fd, &st) == 0 && st.st_blocks > 0 && sys_ftruncate(fd, 0) == 0;
}

int registry_collect(int root_fd, struct state *state, struct blobs *blobs,
                     const struct registry_gc_opts *o, struct cancel *cancel,
                     struct registry_gc_result *ret, struct shale_err *e)
{
    struct shale_err mine = SHALE_ERR_INIT;
    struct registry_gc_result n = {0};
    struct collector c = {
        .o = o, .n = &n, .state = state, .blobs = blobs, .cancel = cancel, .e = e ? e : &mine};

    c.g = (struct state_gc){.dry_run = o->dry_run,
                            .on_remove = on_remove,
                            .untagged_before = untagged_before,
                            .arg = &c};
    int r = collect(&c);
    if (r == -SHALE_NO_SPACE && !o->dry_run && use_reserve(root_fd))
        r = collect(&c);
    if (!o->dry_run)
        registry_keep_reserve(root_fd);
    *ret = n; /* also when it broke off */
    return r;
}

int registry_gc_lock(int root_fd, bool wait, struct cancel *cancel, struct shale_err *e)
{
    return wait ? lock_take(root_fd, LOCK_FILE, LOCK_EXCLUSIVE, cancel, e)
                : lock_try(root_fd, LOCK_FILE, LOCK_EXCLUSIVE, e);
}

/* In a copy of the database, so that nobody waits for it, nor it for another collection. */
static int look(int root_fd, const char *root, const struct registry_gc_opts *o,
                struct cancel *cancel, struct registry_gc_result *ret, struct shale_err *e)
{
    struct blobs *blobs = NULL;
    struct state *state = NULL;
    int r = blobs_open(root_fd, true, &blobs, e);

    if (r >= 0)
        r = blobs_open_uploads(blobs, root_fd, e);
    if (r >= 0)
        r = state_open_copy(root_fd, root, blobs, &state, e);
    if (r >= 0)
        r = registry_collect(root_fd, state, blobs, o, cancel, ret, e);
    state_close(state);
    blobs_close(blobs);
    return r;
}

/* ---- events ---- */

bool registry_gc_event(const struct registry_gc_item *i, char why[256], struct notify_event *ret)
{
    bool tag = streq(i->kind, "tag");

    if (!tag && !streq(i->kind, "manifest"))
        return false;
    snprintf(why, 256, "shale-registry (%.200s)", i->why);
    *ret = (struct notify_event){
        .action = REGCONF_EVENT_DELETE,
        .time_ns = time_now_ns(),
        .repository = i->repo,
        .tag = tag ? i->name : NULL,
        .digest = tag ? NULL : i->name,
        .user_agent = why,
    };
    return true;
}

struct telling {
    const struct registry_gc_opts *o;
    struct handover *h; /* NULL: no longer */
};

static void lost(struct telling *t, const struct shale_err *why)
{
    log_warn("events of the collection are lost: %s", why->msg);
    (void)handover_close(t->h, NULL);
    t->h = NULL;
}

static void tell_both(void *arg, const struct registry_gc_item *i)
{
    struct telling *t = arg;
    struct shale_err e = SHALE_ERR_INIT;
    struct notify_event ev;
    char why[256];

    if (t->h && registry_gc_event(i, why, &ev) && handover_put(t->h, &ev, &e) < 0)
        lost(t, &e);
    if (t->o->on_remove)
        t->o->on_remove(t->o->arg, i);
}

/* As registry_collect, with what goes written down for the server. */
static int collect_and_tell(int root_fd, struct state *state, struct blobs *blobs,
                            const struct registry_gc_opts *o, struct cancel *cancel,
                            struct registry_gc_result *ret, struct shale_err *e)
{
    struct telling t = {.o = o};
    struct registry_gc_opts with = *o;
    struct shale_err why = SHALE_ERR_INIT;

    if (!o->events)
        return registry_collect(root_fd, state, blobs, o, cancel, ret, e);
    with.on_remove = tell_both;
    with.arg = &t;
    with.between = NULL;
    int r = handover_open(root_fd, cancel, &t.h, e);
    if (r < 0)
        return r;
    r = registry_collect(root_fd, state, blobs, &with, cancel, ret, e);
    if (t.h && handover_close(t.h, &why) < 0)
        log_warn("events of the collection may be lost: %s", why.msg);
    return r;
}

static int open_and_collect(const char *root, const struct registry_gc_opts *o,
                            struct cancel *cancel, struct registry_gc_result *ret,
                            struct shale_err *e)
{
    struct blobs *blobs = NULL;
    struct state *state = NULL;

    _cleanup_close_ int root_fd = fs_open_dir(AT_FDCWD, root, e);
    if (root_fd < 0)
        return root_fd;
    if (o->dry_run)
        return look(root_fd, root, o, cancel, ret, e);
    _cleanup_close_ int lock = registry_gc_lock(root_fd, true, cancel, e);
    if (lock < 0)
        return lock;
    int r = blobs_open(root_fd, false, &blobs, e);
    if (r >= 0)
        r = blobs_open_uploads(blobs, root_fd, e);
    if (r >= 0)
        r = state_open(root_fd, root, blobs, false, &state, e);
    if (r == -SHALE_NO_SPACE && use_reserve(root_fd))
        r = state_open(root_fd, root, blobs, false, &state, e);
    if (r >= 0)
        r = collect_and_tell(root_fd, state, blobs, o, cancel, ret, e);
    state_close(state);
    blobs_close(blobs);
    return r;
}

int registry_gc(const char *root, const struct registry_gc_opts *o, struct cancel *cancel,
                struct registry_gc_result *ret, struct shale_err *e)
{
    struct registry_gc_result n = {0};
    int r = open_and_collect(root, o, cancel, &n, e);

    if (r < 0)
        return err_wrap(e, r, "collect in registry %s", root);
    *ret = n;
    return 0;
}
