/* SPDX-License-Identifier: Apache-2.0 */
/* Names, /dev/shm, ulimits, sysctls, devices and groups of a new container. */
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "container/create_priv.h"
#include "model/log_value.h"

static size_t count(const char *const *list)
{
    size_t n = 0;

    while (list && list[n])
        n++;
    return n;
}

typedef int (*parse_fn)(const char *text, struct arena *a, char **ret, struct shale_err *e);

static int take_parsed(struct create *c, const char *const *list, parse_fn parse, struct strv *ret,
                       struct shale_err *e)
{
    struct strv v;
    int r = create_list(c, list, &v, e);

    for (size_t i = 0; r >= 0 && i < v.n; i++)
        r = parse(v.v[i], c->a, &v.v[i], e);
    if (r >= 0)
        *ret = v;
    return r;
}

/* ---- for /etc/hosts and /etc/resolv.conf ---- */

static int take_names(struct create *c, struct shale_err *e)
{
    const struct shale_create_opts *o = c->o;
    struct conf *k = &c->conf;
    int r = take_parsed(c, o->extra_hosts, run_extra_host, &k->extra_hosts, e);

    if (r >= 0)
        r = take_parsed(c, o->dns, run_dns, &k->dns, e);
    if (r >= 0)
        r = take_parsed(c, o->dns_search, run_dns_search, &k->dns_search, e);
    if (r >= 0)
        r = create_list(c, o->dns_options, &k->dns_options, e);
    for (size_t i = 0; r >= 0 && i < k->extra_hosts.n; i++)
        if (k->n_networks == 0 && str_has_suffix(k->extra_hosts.v[i], ":" RUN_HOST_GATEWAY))
            r = err_set(e, SHALE_INVALID,
                        "unable to derive the IP value for host-gateway: the container is on no "
                        "bridge network");
    return r;
}

/* ---- limits ---- */

static int take_shm(struct create *c, struct shale_err *e)
{
    if (c->o->shm_bytes < 0)
        return err_set(e, SHALE_INVALID, "SHM size can not be less than 0");
    c->conf.shm_bytes = c->o->shm_bytes ? c->o->shm_bytes : CONF_SHM_BYTES;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct run_ulimit *)a)->name, ((const struct run_ulimit *)b)->name);
}

static void put_ulimit(struct conf *k, const struct run_ulimit *u)
{
    for (size_t i = 0; i < k->n_ulimits; i++)
        if (streq(k->ulimits[i].name, u->name)) {
            k->ulimits[i] = *u;
            return;
        }
    k->ulimits[k->n_ulimits++] = *u;
}

/* The last one of a name counts. */
static int take_ulimits(struct create *c, struct shale_err *e)
{
    struct conf *k = &c->conf;
    size_t n = count(c->o->ulimits);

    k->ulimits = arena_array(c->a, n + 1, sizeof *k->ulimits);
    if (!k->ulimits)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        struct run_ulimit u = {.name = NULL};
        int r = run_ulimit(c->o->ulimits[i], &u, e);
        if (r < 0)
            return r;
        put_ulimit(k, &u);
    }
    qsort(k->ulimits, k->n_ulimits, sizeof *k->ulimits, by_name);
    return 0;
}

static int take_log(struct create *c, struct shale_err *e)
{
    struct strmap *m = &c->conf.log_opts;
    struct log_value v;
    struct strv list;
    int r = create_list(c, c->o->log_opts, &list, e);

    if (r >= 0)
        r = create_map(c, &list, "logging option", m, e);
    if (r < 0)
        return r;
    c->conf.log_driver = c->o->log_driver ? c->o->log_driver : "";
    return log_value(c->conf.log_driver, m, &v, e);
}

static const char *mode_of_net(const struct conf *k)
{
    return k->network;
}

static const char *mode_of_ipc(const struct conf *k)
{
    return k->namespaces[NS_IPC];
}

/* Of namespaces that are the host's it is the host that would change. */
static int check_sysctls(struct create *c, struct shale_err *e)
{
    const struct conf *k = &c->conf;
    bool net = false, ipc = false;

    if (k->sysctls.n) {
        net = create_of_host(c, mode_of_net);
        ipc = create_of_host(c, mode_of_ipc);
    }
    for (size_t i = 0; i < k->sysctls.n; i++) {
        bool of_net = str_has_prefix(k->sysctls.m[i].k, "net.");
        if (of_net ? net : ipc)
            return err_set(e, SHALE_INVALID, "sysctl \"%.200s\" not allowed in host %s namespace",
                           k->sysctls.m[i].k, of_net ? "network" : "ipc");
    }
    return 0;
}

static int take_sysctls(struct create *c, struct shale_err *e)
{
    struct strv list = {.v = NULL};
    int r = take_parsed(c, c->o->sysctls, run_sysctl, &list, e);

    if (r >= 0)
        r = create_map(c, &list, "sysctl", &c->conf.sysctls, e);
    return r < 0 ? r : check_sysctls(c, e);
}

/* ---- devices ---- */

static int take_devices(struct create *c, struct shale_err *e)
{
    struct conf *k = &c->conf;
    size_t n = count(c->o->devices);

    if (n > CREATE_DEVICES_MAX)
        return err_set(e, SHALE_LIMIT, "more than %d devices", CREATE_DEVICES_MAX);
    k->devices = arena_array(c->a, n + 1, sizeof *k->devices);
    if (!k->devices)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        struct run_device *d = &k->devices[i];
        int r = run_device(c->o->devices[i], c->a, d, e);
        if (r < 0)
            return r;
        d->inside = create_clean_path(c->a, d->inside);
        if (!d->inside)
            return err_nomem(e);
        k->n_devices++;
    }
    return 0;
}

static int take_device_rules(struct create *c, struct shale_err *e)
{
    struct run_device_rule rule;
    int r = create_list(c, c->o->device_rules, &c->conf.device_rules, e);

    for (size_t i = 0; r >= 0 && i < c->conf.device_rules.n; i++)
        r = run_device_rule(c->conf.device_rules.v[i], &rule, e);
    return r;
}

/* ---- for the runtime ---- */

static int take_annotations(struct create *c, struct shale_err *e)
{
    struct strv list;
    int r = create_list(c, c->o->annotations, &list, e);

    return r < 0 ? r : create_map(c, &list, NULL, &c->conf.annotations, e);
}

static int take_paths(struct create *c, struct shale_err *e)
{
    int r = create_list(c, c->o->masked_paths, &c->conf.masked_paths, e);

    return r < 0 ? r : create_list(c, c->o->readonly_paths, &c->conf.readonly_paths, e);
}

int create_more(struct create *c, struct shale_err *e)
{
    int r = take_names(c, e);

    if (r >= 0)
        r = take_shm(c, e);
    if (r >= 0)
        r = take_ulimits(c, e);
    if (r >= 0)
        r = take_sysctls(c, e);
    if (r >= 0)
        r = take_devices(c, e);
    if (r >= 0)
        r = take_device_rules(c, e);
    if (r >= 0)
        r = take_annotations(c, e);
    if (r >= 0)
        r = take_paths(c, e);
    if (r >= 0)
        r = take_log(c, e);
    return r < 0 ? r : create_list(c, c->o->group_add, &c->conf.group_add, e);
}
