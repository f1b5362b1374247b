/* SPDX-License-Identifier: Apache-2.0 */
#include "container/limits.h"

#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/pool.h"
#include "base/str.h"
#include "container/cgroup.h"
#include "container/jout.h"

#define MEMORY_MIN_BYTES (6 << 20)
#define NANO_CPUS_MIN    10000000
#define NANO_CPU         1000000000ll
#define CPU_PERIOD_US    100000
#define NS_PER_PERIOD    10000 /* nano_cpus to microseconds of a period of CPU_PERIOD_US */
#define PERIOD_MIN_US    1000
#define PERIOD_MAX_US    1000000
#define SHARES_MIN       2
#define SHARES_MAX       262144
#define ONLINE_MAX_BYTES 4096
#define CPUS_MAX         8192 /* what a list of processors may name */

#define GONE "or the cgroup is not mounted. "

/* ---- whether they make sense ---- */

static int check_memory(const struct conf *c, struct shale_err *e)
{
    const struct shale_more_limits *m = &c->more;

    if (c->memory_bytes < 0 || (c->memory_bytes > 0 && c->memory_bytes < MEMORY_MIN_BYTES))
        return err_set(e, SHALE_INVALID, "Minimum memory limit allowed is 6MB");
    if (m->memory_swap_bytes > 0 && c->memory_bytes == 0)
        return err_set(e, SHALE_INVALID,
                       "You should always set the Memory limit when using Memoryswap limit, see "
                       "usage");
    if (m->memory_swap_bytes < -1 ||
        (m->memory_swap_bytes > 0 && m->memory_swap_bytes < c->memory_bytes))
        return err_set(e, SHALE_INVALID,
                       "Minimum memoryswap limit should be larger than memory limit, see usage");
    if (m->memory_reservation_bytes < 0 ||
        (m->memory_reservation_bytes > 0 && m->memory_reservation_bytes < MEMORY_MIN_BYTES))
        return err_set(e, SHALE_INVALID, "Minimum memory reservation allowed is 6MB");
    if (c->memory_bytes > 0 && c->memory_bytes < m->memory_reservation_bytes)
        return err_set(e, SHALE_INVALID,
                       "Minimum memory limit can not be less than memory reservation limit, see "
                       "usage");
    return 0;
}

static int check_cpu(const struct conf *c, struct shale_err *e)
{
    const struct shale_more_limits *m = &c->more;
    int64_t cpus = (int64_t)pool_n_cpus();

    if (c->nano_cpus > 0 && (m->cpu_period_us || m->cpu_quota_us))
        return err_set(e, SHALE_INVALID,
                       "Conflicting options: Nano CPUs and CPU %s cannot both be set.",
                       m->cpu_period_us ? "Period" : "Quota");
    if (c->nano_cpus < 0 || (c->nano_cpus > 0 && c->nano_cpus < NANO_CPUS_MIN) ||
        c->nano_cpus > cpus * NANO_CPU)
        return err_set(
            e, SHALE_INVALID,
            "range of CPUs is from 0.01 to %lld.00, as there are only %lld CPUs available",
            (long long)cpus, (long long)cpus);
    if (m->cpu_period_us != 0 &&
        (m->cpu_period_us < PERIOD_MIN_US || m->cpu_period_us > PERIOD_MAX_US))
        return err_set(e, SHALE_INVALID,
                       "CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s "
                       "(i.e. 1000000)");
    if (m->cpu_quota_us != 0 && m->cpu_quota_us != -1 && m->cpu_quota_us < PERIOD_MIN_US)
        return err_set(e, SHALE_INVALID, "CPU cfs quota can not be less than 1ms (i.e. 1000)");
    if (m->cpu_shares != 0 && (m->cpu_shares < SHARES_MIN || m->cpu_shares > SHARES_MAX))
        return err_set(e, SHALE_INVALID, "range of CPU shares is from %d to %d", SHARES_MIN,
                       SHARES_MAX);
    return 0;
}

/* One number or range of "0-2,7" into the map; false: it is neither. */
static bool take_range(struct str s, bool *map)
{
    struct str one;
    uint64_t v[2] = {0, 0};
    char text[8];
    int n = 0;

    for (; s.n > 0 && n < 2; n++) {
        if (!str_split(&s, '-', &one) || one.n == 0 || one.n >= sizeof text)
            return false;
        memcpy(text, one.p, one.n);
        text[one.n] = 0;
        if (!isdigit((unsigned char)text[0]) || !str_to_u64(text, &v[n]) || v[n] >= CPUS_MAX)
            return false;
    }
    if (n == 1)
        v[1] = v[0];
    for (uint64_t i = v[0]; i <= v[1]; i++)
        map[i] = true;
    return s.n == 0 && n > 0 && v[0] <= v[1];
}

static bool take_set(const char *list, bool *map)
{
    struct str rest = str_of(list), one;

    while (rest.n > 0) {
        if (!str_split(&rest, ',', &one) || one.n == 0 || one.p[one.n - 1] == '-' ||
            !take_range(one, map))
            return false;
    }
    return true;
}

static int check_set(const char *value, const char *kind, const char *what, const char *online,
                     struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    bool asked[CPUS_MAX] = {false}, there[CPUS_MAX] = {false};

    if (!value || !*value)
        return 0;
    if (!take_set(value, asked))
        return err_set(e, SHALE_INVALID, "Invalid value %.60s for cpuset %s: invalid format: %.60s",
                       value, kind, value);
    char *text = fs_read_text(AT_FDCWD, online, &a, ONLINE_MAX_BYTES, NULL);
    if (text)
        text[strcspn(text, "\n")] = 0;
    if (!text || !take_set(text, there)) /* then the runtime has the last word */
        return 0;
    for (size_t i = 0; i < CPUS_MAX; i++)
        if (asked[i] && !there[i])
            return err_set(e, SHALE_INVALID,
                           "Requested %s are not available - requested %.60s, available: %.60s",
                           what, value, text);
    return 0;
}

int limits_check(const struct conf *c, struct shale_err *e)
{
    int r = check_memory(c, e);

    if (r >= 0)
        r = check_cpu(c, e);
    if (r >= 0)
        r = check_set(c->more.cpuset_cpus, "cpus", "CPUs", "/sys/devices/system/cpu/online", e);
    return r < 0 ? r
                 : check_set(c->more.cpuset_mems, "mems", "memory nodes",
                             "/sys/devices/system/node/online", e);
}

/* ---- what the host has ---- */

bool limits_swap_counts(void)
{
    return cgroup_mode() == CGROUP_V2 ||
           access("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes", F_OK) == 0;
}

struct limit {
    const char *controller;
    int64_t *number; /* one of both */
    const char **text;
    const char *warning;
};

static size_t all_limits(struct conf *c, struct limit v[LIMITS_WARNINGS])
{
    struct shale_more_limits *m = &c->more;
    const struct limit all[] = {
        {"memory", &c->memory_bytes, NULL,
         "Your kernel does not support memory limit capabilities " GONE "Limitation discarded."},
        {"memory", &m->memory_swap_bytes, NULL,
         "Your kernel does not support swap limit capabilities " GONE
         "Memory limited without swap."},
        {"memory", &m->memory_reservation_bytes, NULL,
         "Your kernel does not support memory soft limit capabilities " GONE
         "Limitation discarded."},
        {"cpu", &c->nano_cpus, NULL,
         "Your kernel does not support CPU CFS scheduler " GONE "NanoCPUs discarded."},
        {"cpu", &m->cpu_shares, NULL,
         "Your kernel does not support CPU shares " GONE "Shares discarded."},
        {"cpu", &m->cpu_period_us, NULL,
         "Your kernel does not support CPU CFS scheduler " GONE "CPU period discarded."},
        {"cpu", &m->cpu_quota_us, NULL,
         "Your kernel does not support CPU CFS scheduler " GONE "CPU quota discarded."},
        {"cpuset", NULL, &m->cpuset_cpus,
         "Your kernel does not support cpuset " GONE "Cpuset discarded."},
        {"cpuset", NULL, &m->cpuset_mems,
         "Your kernel does not support cpuset " GONE "Cpuset discarded."},
        {"pids", &c->pids_limit, NULL,
         "Your kernel does not support PIDs limit capabilities " GONE "PIDs limit discarded."},
    };

    _Static_assert(ARRAY_SIZE(all) == LIMITS_WARNINGS, "room for all");
    memcpy(v, all, sizeof all);
    return ARRAY_SIZE(all);
}

static bool is_set(const struct limit *l)
{
    return l->number ? *l->number != 0 : *l->text && **l->text;
}

bool limits_any(const struct conf *c)
{
    struct conf copy = *c;
    struct limit v[LIMITS_WARNINGS];
    size_t n = all_limits(&copy, v);

    for (size_t i = 0; i < n; i++)
        if (is_set(&v[i]) && (v[i].text || *v[i].number > 0))
            return true;
    return limits_more_any(c);
}

size_t limits_discard(struct conf *c, const char **ret)
{
    struct limit v[LIMITS_WARNINGS];
    size_t n = all_limits(c, v), n_warnings = 0;
    enum cgroup_mode mode = CGROUP_NONE;

    if (!limits_any(c))
        return 0;
    mode = cgroup_mode();
    for (size_t i = 0; i < n; i++) {
        bool swap = v[i].number == &c->more.memory_swap_bytes;
        if (!is_set(&v[i]) ||
            (cgroup_has(mode, v[i].controller) && (!swap || limits_swap_counts())))
            continue;
        if (v[i].number)
            *v[i].number = 0;
        else
            *v[i].text = "";
        ret[n_warnings++] = v[i].warning;
    }
    return n_warnings;
}

/* ---- for the runtime ---- */

static void put_number(int *bad, json_t *o, const char *key, int64_t v, bool negative_too)
{
    if (v > 0 || (v < 0 && negative_too))
        jout_int(bad, o, key, v);
}

static json_t *memory_of(int *bad, const struct conf *c, bool swap_limit, bool lift)
{
    json_t *o = json_object();
    int64_t swap = c->more.memory_swap_bytes;

    if (swap == 0 && c->memory_bytes > 0 && c->memory_bytes <= INT64_MAX / 2)
        swap = c->memory_bytes * 2;
    put_number(bad, o, "limit", c->memory_bytes, false);
    put_number(bad, o, "reservation", c->more.memory_reservation_bytes, false);
    if (swap_limit)
        put_number(bad, o, "swap", swap, true);
    if (!lift)
        limits_put_memory(bad, o, c);
    return o;
}

static json_t *cpu_of(int *bad, const struct conf *c)
{
    const struct shale_more_limits *m = &c->more;
    json_t *o = json_object();
    bool nano = c->nano_cpus > 0;

    put_number(bad, o, "quota", nano ? c->nano_cpus / NS_PER_PERIOD : m->cpu_quota_us, true);
    put_number(bad, o, "period", nano ? CPU_PERIOD_US : m->cpu_period_us, false);
    put_number(bad, o, "shares", m->cpu_shares, false);
    if (m->cpuset_cpus && *m->cpuset_cpus)
        jout_str(bad, o, "cpus", m->cpuset_cpus);
    if (m->cpuset_mems && *m->cpuset_mems)
        jout_str(bad, o, "mems", m->cpuset_mems);
    return o;
}

static void put_if_any(int *bad, json_t *resources, const char *key, json_t *o)
{
    if (json_object_size(o) || !o)
        jout_put(bad, resources, key, o);
    else
        json_decref(o);
}

void limits_put(int *bad, json_t *resources, const struct conf *c, bool swap_limit, bool lift)
{
    put_if_any(bad, resources, "memory", memory_of(bad, c, swap_limit, lift));
    put_if_any(bad, resources, "cpu", cpu_of(bad, c));
    if (c->pids_limit > 0 || (c->pids_limit < 0 && lift))
        jout_put(bad, resources, "pids", json_pack("{s:I}", "limit", (json_int_t)c->pids_limit));
}
