/* SPDX-License-Identifier: Apache-2.0 */
/* What the command line says about RUN: what makes no sense, and what it allows. */
#include "base/cleanup.h"
#include "base/str.h"
#include "build/build_priv.h"
#include "build/instr/agent.h"
#include "container/conf.h"
#include "container/limits.h"
#include "model/run_value.h"

static const struct {
    const char *name;
    enum step_network network;
} networks[] = {
    {"default", STEP_NETWORK_DEFAULT}, {"none", STEP_NETWORK_NONE}, {"host", STEP_NETWORK_HOST}};

int run_find_network(const char *name, enum step_network *ret, struct shale_err *e)
{
    for (size_t k = 0; k < ARRAY_SIZE(networks); k++)
        if (streq(networks[k].name, name)) {
            *ret = networks[k].network;
            return 0;
        }
    return err_set(e, SHALE_INVALID, "unsupported network mode \"%.64s\": default, none or host",
                   name);
}

int run_check_allowed(const struct build *b, const char *flag, const char *value,
                      struct shale_err *e)
{
    const struct {
        const char *flag, *value, *allow;
        bool allowed;
    } table[] = {
        {"security", "insecure", "security.insecure", b->o->insecure},
        {"network", "host", "network.host", b->o->host_network || streq(b->o->network, "host")},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (streq(table[i].flag, flag) && streq(table[i].value, value) && !table[i].allowed)
            return err_set(e, SHALE_DENIED, "RUN --%s=%s must be allowed: shale build --allow %s",
                           flag, value, table[i].allow);
    return 0;
}

static int check_limits(const struct shale_build_opts *o, struct shale_err *e)
{
    const struct conf c = {.memory_bytes = o->memory_bytes, .more = o->more_limits};

    if (o->shm_bytes < 0)
        return err_set(e, SHALE_INVALID, "SHM size can not be less than 0");
    return limits_check(&c, e);
}

int run_check_options(const struct shale_build_opts *o, struct arena *a, struct shale_err *e)
{
    enum step_network network;
    struct run_ulimit u;
    char *host;
    int r = o->network && *o->network ? run_find_network(o->network, &network, e) : 0;

    if (r < 0)
        return err_wrap(e, r, "--network");
    for (size_t i = 0; r >= 0 && o->hosts && o->hosts[i]; i++)
        r = run_extra_host(o->hosts[i], a, &host, e);
    for (size_t i = 0; r >= 0 && o->ulimits && o->ulimits[i]; i++) {
        r = run_ulimit(o->ulimits[i], &u, e);
        if (r < 0)
            r = err_wrap(e, r, "invalid argument \"%.128s\" for --ulimit", o->ulimits[i]);
    }
    for (size_t i = 0; r >= 0 && o->ssh && o->ssh[i]; i++)
        r = ssh_check(o->ssh[i], e);
    return r < 0 ? r : check_limits(o, e);
}
