/* SPDX-License-Identifier: Apache-2.0 */
/* `ps`: containers, newest first, with docker's filters. Most rows can be shown as an index of the
 * database has them (settled.h, brief.h); the others are looked at. */
#include <ctype.h>
#include <limits.h>
#include <regex.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "container/brief.h"
#include "container/health.h"
#include "container/labels.h"
#include "container/pswatch.h"
#include "container/settled.h"
#include "container/show.h"

#define FILTER_MAX_NAME 64

struct ports { /* "80", "80/udp", "8000-8010/tcp" */
    uint64_t first, last;
    char protocol[8];
};

struct filter {
    const char *key, *value;
    bool negative;       /* label!, is-task=false */
    struct ports ports;  /* expose, publish */
    struct digest image; /* ancestor; "": none is */
    int64_t bound_ns;    /* before, since */
    regex_t *re;         /* id, name; NULL: it is none, and taken as it stands */
};

struct filters {
    struct container_host *h;
    struct arena *a;
    struct filter *v;
    size_t n, cap;
    bool any_state; /* a filter speaks of the state */
};

static bool parse_ports(const char *s, struct ports *ret)
{
    char text[32];
    const char *slash = strchr(s, '/');
    size_t n = slash ? (size_t)(slash - s) : strlen(s);

    if (n >= sizeof text || (slash && strlen(slash + 1) >= sizeof ret->protocol))
        return false;
    memcpy(text, s, n);
    text[n] = 0;
    (void)snprintf(ret->protocol, sizeof ret->protocol, "%s", slash ? slash + 1 : "tcp");
    char *dash = strchr(text, '-');
    if (dash)
        *dash++ = 0;
    return str_to_u64(text, &ret->first) && str_to_u64(dash ? dash : text, &ret->last) &&
           ret->first <= ret->last && ret->last <= UINT16_MAX;
}

/* ---- what each key means for one container ---- */

/* Names and IDs are matched as regular expressions, as docker does. */
static bool matches(const struct filter *x, const char *text)
{
    return x->re ? regexec(x->re, text, 0, NULL, 0) == 0 : streq(x->value, text);
}

static bool match_id(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    return matches(x, c->row.id);
}

static bool match_name(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    char text[NAME_MAX + 2];
    const char *with_slash = text;

    if (matches(x, c->row.name))
        return true;
    if (snprintf(text, sizeof text, "/%s", c->row.name) >= (int)sizeof text)
        with_slash = arena_printf(f->a, "/%s", c->row.name);
    return with_slash && matches(x, with_slash);
}

static bool match_status(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    return streq(x->value, c->row.run.state);
}

static bool match_exited(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    int64_t code;

    return str_to_i64(x->value, &code) && ctr_is(c, CTR_EXITED) && c->row.run.exit_code == code;
}

static bool match_label(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    return labels_match(c->row.labels, x->value) != x->negative;
}

/* The image, or one built on it. */
static bool match_ancestor(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    struct digest at = c->row.image_id;
    struct meta_image row;

    while (digest_is_set(&x->image) && digest_is_set(&at)) {
        if (digest_eq(&at, &x->image))
            return true;
        if (meta_image_get_held(store_meta(f->h->store), &at, f->a, &row, NULL) < 0)
            return false;
        at = row.parent;
    }
    return false;
}

static bool match_before(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    return c->row.created_ns < x->bound_ns;
}

static bool match_since(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    return c->row.created_ns > x->bound_ns;
}

static bool match_volume(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    for (size_t i = 0; i < c->conf.n_mounts; i++) {
        const struct conf_mount *m = &c->conf.mounts[i];
        if (streq(m->name, x->value) || streq(m->source, x->value) || streq(m->target, x->value))
            return true;
    }
    return false;
}

static bool match_network(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    for (size_t i = 0; i < c->conf.n_networks; i++)
        if (streq(c->conf.networks[i].name, x->value) ||
            str_has_prefix(c->conf.networks[i].id, x->value))
            return true;
    return streq(c->conf.network, x->value);
}

static bool match_health(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    return streq(x->value, health_name(health_status(f->h, c)));
}

static bool match_expose(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    for (size_t i = 0; i < c->conf.exposed_ports.n; i++) {
        struct ports have;
        if (parse_ports(c->conf.exposed_ports.v[i], &have) &&
            streq(have.protocol, x->ports.protocol) && have.first <= x->ports.last &&
            have.last >= x->ports.first)
            return true;
    }
    return false;
}

static bool match_publish(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    for (size_t i = 0; i < c->conf.ports.n; i++) {
        const struct port_pair *p = &c->conf.ports.v[i];
        if (streq(p->protocol, x->ports.protocol) && p->inside >= x->ports.first &&
            p->inside <= x->ports.last)
            return true;
    }
    return false;
}

static bool match_is_task(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    return x->negative; /* none belongs to a service: all are "false" */
}

static bool match_isolation(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    return true; /* means nothing here, docker looks at it on Windows only */
}

/* ---- parsing ---- */

static void free_pattern(void *re)
{
    regfree(re);
}

static int check_pattern(struct filters *f, struct filter *x, struct shale_err *e)
{
    regex_t *re = arena_alloc(f->a, sizeof *re);

    if (!re)
        return err_nomem(e);
    if (regcomp(re, x->value, REG_EXTENDED | REG_NOSUB) != 0)
        return 0;
    if (arena_defer(f->a, free_pattern, re) < 0) {
        regfree(re);
        return err_nomem(e);
    }
    x->re = re;
    return 0;
}

static int check_status(struct filters *f, struct filter *x, struct shale_err *e)
{
    static const char *const words[] = {"created",  "running", "paused", "restarting",
                                        "removing", "exited",  "dead"};

    f->any_state = true;
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (streq(words[i], x->value))
            return 0;
    return err_set(e, SHALE_INVALID,
                   "invalid filter 'status=%.64s': invalid value for state (%.64s): must be one of "
                   "created, running, paused, restarting, removing, exited, dead",
                   x->value, x->value);
}

static int check_exited(struct filters *f, struct filter *x, struct shale_err *e)
{
    int64_t code;

    return str_to_i64(x->value, &code)
               ? 0
               : err_set(e, SHALE_INVALID, "invalid filter 'exited=%.64s'", x->value);
}

static int check_ancestor(struct filters *f, struct filter *x, struct shale_err *e)
{
    struct image_found found;

    int r = image_find(f->h->store, x->value, f->a, &found, NULL);

    if (r == -SHALE_NO_MEMORY)
        return err_nomem(e);
    if (r >= 0) /* an unknown one matches nothing */
        x->image = found.id;
    return 0;
}

static int check_bound(struct filters *f, struct filter *x, struct shale_err *e)
{
    struct meta_container row;
    int r = meta_container_find(store_meta(f->h->store), x->value, f->a, &row, e);

    if (r >= 0)
        x->bound_ns = row.created_ns;
    return r;
}

static int check_ports(struct filters *f, struct filter *x, struct shale_err *e)
{
    return parse_ports(x->value, &x->ports)
               ? 0
               : err_set(e, SHALE_INVALID, "invalid filter '%s=%.64s'", x->key, x->value);
}

static int check_is_task(struct filters *f, struct filter *x, struct shale_err *e)
{
    x->negative = streq(x->value, "false") || streq(x->value, "0");
    return x->negative || streq(x->value, "true") || streq(x->value, "1")
               ? 0
               : err_set(e, SHALE_INVALID, "invalid filter 'is-task=[%.64s]'", x->value);
}

static int check_health(struct filters *f, struct filter *x, struct shale_err *e)
{
    enum health_status any;

    return health_by_name(x->value, &any)
               ? 0
               : err_set(e, SHALE_INVALID, "invalid filter 'health=%.64s'", x->value);
}

/* Several values of one key: any of them (labels: all of them). */
static const struct {
    const char *key;
    bool (*match)(const struct filters *f, const struct filter *x, const struct ctr *c);
    int (*check)(struct filters *f, struct filter *x, struct shale_err *e);
    bool all;
} keys[] = {
    {"id", match_id, check_pattern, false},
    {"name", match_name, check_pattern, false},
    {"status", match_status, check_status, false},
    {"exited", match_exited, check_exited, false},
    {"label", match_label, NULL, true},
    {"label!", match_label, NULL, true},
    {"ancestor", match_ancestor, check_ancestor, false},
    {"before", match_before, check_bound, true},
    {"since", match_since, check_bound, true},
    {"volume", match_volume, NULL, false},
    {"network", match_network, NULL, false},
    {"health", match_health, check_health, false},
    {"expose", match_expose, check_ports, false},
    {"publish", match_publish, check_ports, false},
    {"is-task", match_is_task, check_is_task, false},
    {"isolation", match_isolation, NULL, false},
};

static int add_filter(struct filters *f, const char *text, struct shale_err *e)
{
    const char *eq = strchr(text, '=');
    char name[FILTER_MAX_NAME];
    size_t k;

    if (!eq)
        return err_set(e, SHALE_INVALID, "bad format of filter (expected name=value)");
    struct str n = str_trim((struct str){text, (size_t)(eq - text)}), v = str_trim(str_of(eq + 1));
    if (n.n >= sizeof name)
        return err_set(e, SHALE_INVALID, "invalid filter '%.*s…'", 32, n.p);
    for (k = 0; k < n.n; k++)
        name[k] = (char)tolower((unsigned char)n.p[k]);
    name[k] = 0;
    for (k = 0; k < ARRAY_SIZE(keys) && !streq(keys[k].key, name); k++)
        ;
    if (k == ARRAY_SIZE(keys))
        return err_set(e, SHALE_INVALID, "invalid filter '%s'", name);
    struct filter *w = arena_grow(f->a, f->v, f->n, &f->cap, sizeof *w);
    char *value = arena_strndup(f->a, v.p, v.n);
    if (!w || !value)
        return err_nomem(e);
    f->v = w;
    w += f->n++;
    *w = (struct filter){.key = keys[k].key, .value = value, .negative = streq(name, "label!")};
    return keys[k].check ? keys[k].check(f, w, e) : 0;
}

static bool passes(const struct filters *f, const struct ctr *c)
{
    for (size_t k = 0; f->n > 0 && k < ARRAY_SIZE(keys); k++) {
        size_t n = 0, good = 0;
        for (size_t i = 0; i < f->n; i++) {
            if (!streq(f->v[i].key, keys[k].key))
                continue;
            n++;
            good += keys[k].match(f, &f->v[i], c);
        }
        if (n > 0 && (keys[k].all ? good < n : good == 0))
            return false;
    }
    return true;
}

/* ---- listing ---- */

struct listing {
    const struct shale_ps_opts *o;
    struct filters f;
    struct settled settled;
    struct shale_ps_watch *watch; /* NULL: not wanted */
    bool running;                 /* there is one that runs */
    struct show_memo *memo;
    unsigned show;                                  /* SHOW_* */
    bool stopped;                                   /* those that do not run are wanted, too */
    char dir[PATH_MAX + META_CONTAINER_ID_HEX + 1]; /* of the one that is shown */
    size_t n_parent;                                /* of it, without the ID */
    struct shale_container *v;                      /* of the heap, while it grows */
    size_t n, cap;
    size_t n_sure; /* of v: without those that are still to be looked at */
    struct shale_err *e;
};

static int reserve(struct listing *l, uint64_t more)
{
    void *v = more > SIZE_MAX / sizeof *l->v ? NULL : mem_resize(l->v, more * sizeof *l->v);
    if (!v)
        return err_nomem(l->e);
    l->v = v;
    l->cap = more;
    return 0;
}

static int grow(struct listing *l)
{
    return l->n < l->cap ? 0 : reserve(l, l->cap ? l->cap * 2 : 16);
}

/* What the row lends becomes the arena's. */
static int keep_row(struct ctr *c, struct arena *a, struct shale_err *e)
{
    struct meta_container *row = &c->row;

    row->name = arena_strdup(a, row->name);
    row->image_ref = arena_strdup(a, row->image_ref);
    row->labels = row->labels[0] ? arena_strdup(a, row->labels) : "";
    row->run.error = row->run.error[0] ? arena_strdup(a, row->run.error) : "";
    row->listing.p = arena_memdup(a, row->listing.p, row->listing.n);
    return row->name && row->image_ref && row->labels && row->run.error && row->listing.p
               ? 0
               : err_nomem(e);
}

/* Its process is there, and watched if that is wanted: the row can be believed. */
static bool is_running(struct listing *l, const struct meta_container *row)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct ctr c = {.row = *row, .dir = l->dir};
    struct ctr_run run;

    if (ctr_need_running(&c, NULL) < 0 || ctr_run_load(l->f.h, &c, &a, &run, NULL) < 0)
        return false;
    return (l->watch && pswatch_process(l->watch, &run.init)) || process_alive(&run.init);
}

/* 1: shown, or not wanted; 0: the index does not have all that is needed. */
static int add_believed(struct listing *l, const struct meta_container *row)
{
    struct container_host *h = l->f.h;
    struct arena *a = l->f.a;
    struct ctr c = {.row = *row, .dir = l->dir};

    if (row->listing.n == 0)
        return 0;
    int r = keep_row(&c, a, l->e);
    if (r < 0)
        return r;
    r = brief_unpack(c.row.listing, a, &c.conf);
    if (r < 0)
        return r == -SHALE_NO_MEMORY ? err_nomem(l->e) : 0;
    if (l->watch && ctr_need_running(&c, NULL) >= 0)
        health_watch(h, &c, l->watch);
    if (!passes(&l->f, &c))
        return 1;
    r = show_container(h, &c, l->show, l->memo, a, &l->v[l->n], l->e);
    if (r < 0)
        return r;
    l->n++;
    l->n_sure++;
    return 1;
}

static int on_row(void *arg, const struct meta_container *row)
{
    struct listing *l = arg;
    int r = grow(l);

    if (r < 0)
        return r;
    memcpy(l->dir + l->n_parent, row->id, sizeof row->id);
    bool runs = l->o->brief && is_running(l, row);
    l->running |= runs;
    if (runs || settled_is(&l->settled, row)) {
        if (!runs && !l->stopped)
            return 0;
        r = l->o->brief ? add_believed(l, row) : 0;
        if (r < 0)
            return r;
        if (r > 0)
            return l->o->last > 0 && l->n_sure >= (uint64_t)l->o->last;
    }
    return settled_put_off(&l->settled, row->id, l->n++, l->e);
}

/* 1: it belongs to the list, as l->v[at]. */
static int look(struct listing *l, const struct settled_other *x, struct shale_err *e)
{
    struct ctr c;
    int r = settled_look(l->f.h, x, l->f.a, &c, e);

    if (r <= 0)
        return r;
    if ((!l->stopped && !ctr_is_live(&c)) || !passes(&l->f, &c))
        return 0;
    r = show_container(l->f.h, &c, l->show, l->memo, l->f.a, &l->v[x->at], e);
    return r < 0 ? r : 1;
}

/* Looks at those that were put off, and closes the gaps of those that are not to be shown. */
static int look_at_others(struct listing *l, struct shale_err *e)
{
    size_t n = 0, k = 0, most = l->o->last > 0 ? (size_t)l->o->last : SIZE_MAX;

    for (size_t i = 0; i < l->n && n < most; i++) {
        int r = 1;
        if (k < l->settled.n && l->settled.v[k].at == i)
            r = look(l, &l->settled.v[k++], e);
        if (r < 0)
            return r;
        if (r > 0 && n != i)
            l->v[n] = l->v[i];
        n += r > 0;
    }
    l->n = n;
    return 0;
}

static int list(struct listing *l, struct shale_err *e)
{
    int r = settled_begin(&l->settled, l->f.a, e);
    struct meta *m = store_meta(l->f.h->store);
    uint64_t n_rows;
    int n = snprintf(l->dir, PATH_MAX, "%s/containers/", store_root(l->f.h->store));

    if (n >= PATH_MAX)
        return err_set(e, SHALE_LIMIT, "path too long: %.80s…", l->dir);
    l->n_parent = (size_t)n;
    l->memo = arena_alloc(l->f.a, sizeof *l->memo);
    if (r >= 0 && !l->memo)
        r = err_nomem(e);
    if (r >= 0 && l->o->watch && l->o->brief) {
        l->watch = pswatch_new(l->f.a);
        if (!l->watch)
            r = err_nomem(e);
    }
    if (r >= 0 && l->stopped && l->o->last <= 0 && l->f.n == 0) { /* most will be shown */
        r = meta_container_count(m, &n_rows, e);
        if (r >= 0)
            r = reserve(l, n_rows + 1);
    }
    if (r >= 0)
        r = meta_container_each(m, NULL, on_row, l, e);
    if (r >= 0)
        r = look_at_others(l, e);
    if (r >= 0 && l->f.a->failed == SHALE_NO_MEMORY) /* a filter could not be asked */
        r = err_nomem(e);
    return r;
}

int container_ps(struct container_host *h, const struct shale_ps_opts *o, struct arena *a,
                 struct shale_container_list *ret, struct shale_err *e)
{
    struct listing l = {
        .o = o,
        .f = {.h = h, .a = a},
        .show = (o->with_size ? SHOW_SIZE : 0) | (o->brief ? SHOW_BRIEF : 0),
        .e = e,
    };
    int r = 0;

    for (const char *const *t = o->filters; r >= 0 && t && *t; t++)
        r = add_filter(&l.f, *t, e);
    l.stopped = o->all || o->last > 0 || l.f.any_state;
    if (r >= 0)
        r = list(&l, e);
    if (r >= 0 && l.v && arena_defer(a, free, l.v) < 0)
        r = err_nomem(e);
    if (r < 0) {
        free(l.v);
        return r;
    }
    *ret = (struct shale_container_list){
        .items = l.v,
        .n_items = l.n,
        .lasting = l.settled.sees_mounts && l.settled.n == 0 && !o->with_size &&
                   (!l.running || (l.watch && pswatch_is_whole(l.watch))),
        .watch = l.running ? l.watch : NULL,
    };
    return 0;
}
