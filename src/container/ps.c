/* SPDX-License-Identifier: Apache-2.0 */
/* `ps`: containers, newest first, with docker's filters. */
#include <ctype.h>
#include <regex.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "container/health.h"
#include "container/labels.h"
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
static bool matches(const char *pattern, const char *text)
{
    regex_t re;
    bool yes;

    if (regcomp(&re, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return streq(pattern, text);
    yes = regexec(&re, text, 0, NULL, 0) == 0;
    regfree(&re);
    return yes;
}

static bool match_id(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    return matches(x->value, c->row.id);
}

static bool match_name(const struct filters *f, const struct filter *x, const struct ctr *c)
{
    const char *with_slash = arena_printf(f->a, "/%s", c->row.name);

    return matches(x->value, c->row.name) || (with_slash && matches(x->value, with_slash));
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
    struct health_shown shown;

    return health_load(f->h, c, f->a, &shown, NULL) >= 0 &&
           streq(x->value, health_name(shown.status));
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
    {"id", match_id, NULL, false},
    {"name", match_name, NULL, false},
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
    for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
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
    struct shale_container *v;
    size_t n;
};

static int add_container(struct filters *f, const struct meta_container *row,
                         const struct shale_ps_opts *o, struct arena *a, struct listing *l,
                         struct shale_err *e)
{
    bool all = o->all || o->last > 0 || f->any_state;
    struct ctr c;
    int r = ctr_of_row(f->h, row, a, &c, e);

    if (r < 0)
        return r;
    r = ctr_refresh(f->h, a, &c, NULL);
    if (r == -SHALE_NOT_FOUND) /* its end removed it */
        return 0;
    if ((!all && !ctr_is_live(&c)) || !passes(f, &c))
        return 0;
    unsigned flags = (o->with_size ? SHOW_SIZE : 0) | (o->brief ? SHOW_BRIEF : 0);
    return show_container(f->h, &c, flags, a, &l->v[l->n++], e);
}

int container_ps(struct container_host *h, const struct shale_ps_opts *o, struct arena *a,
                 struct shale_container_list *ret, struct shale_err *e)
{
    struct filters f = {.h = h, .a = a};
    struct listing l = {0};
    struct meta_container *rows;
    size_t n;
    int r = 0;

    for (const char *const *t = o->filters; r >= 0 && t && *t; t++)
        r = add_filter(&f, *t, e);
    if (r >= 0)
        r = meta_container_list(store_meta(h->store), NULL, a, &rows, &n, e);
    if (r < 0)
        return r;
    l.v = arena_array(a, n + 1, sizeof *l.v);
    if (!l.v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < n && (o->last <= 0 || l.n < (uint64_t)o->last); i++)
        r = add_container(&f, &rows[i], o, a, &l, e);
    if (r >= 0 && a->failed == SHALE_NO_MEMORY) /* a filter could not be asked */
        r = err_nomem(e);
    if (r < 0)
        return r;
    *ret = (struct shale_container_list){l.v, l.n};
    return 0;
}

int container_counts(struct container_host *h, struct container_counts *ret, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct container_counts counts = {0};
    struct meta_container *rows;
    size_t n;
    int r = meta_container_list(store_meta(h->store), NULL, &a, &rows, &n, e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct ctr c;
        r = ctr_of_row(h, &rows[i], &a, &c, e);
        if (r < 0)
            break;
        if (ctr_refresh(h, &a, &c, NULL) == -SHALE_NOT_FOUND)
            continue;
        counts.n_all++;
        if (ctr_is(&c, CTR_RUNNING))
            counts.n_running++;
        else if (ctr_is(&c, CTR_PAUSED))
            counts.n_paused++;
        else
            counts.n_stopped++;
    }
    if (r >= 0)
        *ret = counts;
    return r < 0 ? r : 0;
}
