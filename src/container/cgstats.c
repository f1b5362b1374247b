/* SPDX-License-Identifier: Apache-2.0 */
#include "container/cgstats.h"

#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

#define FILE_MAX_BYTES (256u << 10)
#define NO_LIMIT_V1    ((uint64_t)1 << 62) /* version 1 has a number near the largest for none */

/* ---- where ---- */

/* "4:memory,hugetlb:/a/b": is the controller among them? */
static bool has_controller(struct str list, const char *controller)
{
    struct str one;

    while (list.n > 0 && str_split(&list, ',', &one))
        if (str_eq(one, str_of(controller)))
            return true;
    return false;
}

/* The folder of the group that has the controller: 1 or 2, the version; 0: none has. */
static int find_group(const char *root, const char *groups, const char *controller,
                      char ret[PATH_MAX])
{
    struct str rest = str_of(groups), line, number, controllers, unified = {0};
    char probe[PATH_MAX];

    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        if (!str_split(&line, ':', &number) || !str_split(&line, ':', &controllers))
            continue;
        if (controllers.n == 0 && str_eq(number, STR("0")))
            unified = line;
        if (controllers.n > 0 && has_controller(controllers, controller)) {
            (void)snprintf(ret, PATH_MAX, "%s/%s%.*s", root, controller, (int)line.n, line.p);
            return 1;
        }
    }
    if (!unified.p)
        return 0;
    (void)snprintf(probe, sizeof probe, "%s/cgroup.controllers", root);
    (void)snprintf(ret, PATH_MAX, "%s%s%.*s", root, fs_exists(AT_FDCWD, probe) ? "" : "/unified",
                   (int)unified.n, unified.p);
    return 2;
}

static bool read_text(const char *dir, const char *name, struct buf *b)
{
    char path[PATH_MAX];

    buf_reset(b);
    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path)
        return false;
    return fs_read_file(AT_FDCWD, path, b, NULL) >= 0;
}

static bool read_number(const char *dir, const char *name, struct buf *b, uint64_t *ret)
{
    char number[32];

    if (!read_text(dir, name, b))
        return false;
    struct str s = str_trim((struct str){buf_str(b), b->n});
    if (s.n == 0 || s.n >= sizeof number)
        return false;
    memcpy(number, s.p, s.n);
    number[s.n] = 0;
    if (streq(number, "max")) {
        *ret = UINT64_MAX;
        return true;
    }
    return str_to_u64(number, ret);
}

static bool to_number(struct str s, uint64_t *ret)
{
    char number[32];

    if (s.n == 0 || s.n >= sizeof number)
        return false;
    memcpy(number, s.p, s.n);
    number[s.n] = 0;
    return str_to_u64(number, ret);
}

static struct str word(struct str *line)
{
    struct str w;

    while (line->n > 0 && isspace((unsigned char)*line->p))
        *line = (struct str){line->p + 1, line->n - 1};
    w = (struct str){line->p, 0};
    while (w.n < line->n && !isspace((unsigned char)w.p[w.n]))
        w.n++;
    *line = (struct str){line->p + w.n, line->n - w.n};
    return w;
}

/* The number behind a key, one pair a line. */
static bool find_key(struct str text, const char *key, uint64_t *ret)
{
    struct str line;

    while (text.n > 0 && str_split(&text, '\n', &line))
        if (str_eq(word(&line), str_of(key)))
            return to_number(word(&line), ret);
    return false;
}

/* ---- each figure ---- */

struct key {
    const char *name;
    uint64_t *to;
    bool is_time;
};

/* Values of keys, those of version 2 in microseconds. */
static void take_keys(const struct buf *b, const struct key *keys, size_t n, uint64_t unit)
{
    const struct str text = {b->p, b->n};
    uint64_t v;

    for (size_t i = 0; i < n; i++)
        if (find_key(text, keys[i].name, &v))
            *keys[i].to = keys[i].is_time ? v * unit : v;
}

static void read_cpu_v1(const char *root, const char *groups, const char *dir, struct buf *b,
                        struct cgstats *x)
{
    const struct key throttled[] = {{"nr_periods", &x->cpu.n_periods, false},
                                    {"nr_throttled", &x->cpu.n_throttled, false},
                                    {"throttled_time", &x->cpu.throttled_ns, true}};
    char limits[PATH_MAX];

    x->has_cpu = read_number(dir, "cpuacct.usage", b, &x->cpu_ns);
    (void)read_number(dir, "cpuacct.usage_user", b, &x->cpu.user_ns);
    (void)read_number(dir, "cpuacct.usage_sys", b, &x->cpu.kernel_ns);
    if (find_group(root, groups, "cpu", limits) == 1 && read_text(limits, "cpu.stat", b))
        take_keys(b, throttled, ARRAY_SIZE(throttled), 1);
}

static void read_cpu(const char *root, const char *groups, struct buf *b, struct cgstats *x)
{
    const struct key keys[] = {{"usage_usec", &x->cpu_ns, true},
                               {"user_usec", &x->cpu.user_ns, true},
                               {"system_usec", &x->cpu.kernel_ns, true},
                               {"nr_periods", &x->cpu.n_periods, false},
                               {"nr_throttled", &x->cpu.n_throttled, false},
                               {"throttled_usec", &x->cpu.throttled_ns, true}};
    char dir[PATH_MAX];
    int version = find_group(root, groups, "cpuacct", dir);

    if (version == 1)
        read_cpu_v1(root, groups, dir, b, x);
    if (version == 2 && read_text(dir, "cpu.stat", b)) {
        take_keys(b, keys, ARRAY_SIZE(keys), 1000);
        x->has_cpu = find_key((struct str){b->p, b->n}, "usage_usec", &(uint64_t){0});
    }
}

/* All of memory.stat: one name and number a line. */
static void read_figures(const struct buf *b, struct arena *a, struct cgstats *x)
{
    struct str text = {b->p, b->n}, line;
    struct shale_figure *v = arena_array(a, CGSTATS_FIGURES, sizeof *v);

    x->memory = v;
    while (v && text.n > 0 && x->n_memory < CGSTATS_FIGURES && str_split(&text, '\n', &line)) {
        struct shale_figure *f = &v[x->n_memory];
        struct str name = word(&line);
        if (name.n == 0 || !to_number(word(&line), &f->value))
            continue;
        f->name = arena_strndup(a, name.p, name.n);
        x->n_memory += f->name != NULL;
    }
}

static void read_memory(const char *root, const char *groups, struct buf *b, struct arena *a,
                        struct cgstats *x)
{
    static const struct {
        const char *usage, *limit, *inactive;
    } names[] = {
        {"memory.usage_in_bytes", "memory.limit_in_bytes", "total_inactive_file"},
        {"memory.current", "memory.max", "inactive_file"},
    };
    char dir[PATH_MAX];
    uint64_t inactive = 0;
    int v = find_group(root, groups, "memory", dir) - 1;

    x->memory_limit_bytes = UINT64_MAX;
    if (v < 0 || !read_number(dir, names[v].usage, b, &x->memory_bytes))
        return;
    x->has_memory = true;
    if (!read_number(dir, names[v].limit, b, &x->memory_limit_bytes) ||
        x->memory_limit_bytes >= NO_LIMIT_V1)
        x->memory_limit_bytes = UINT64_MAX;
    if (!read_text(dir, "memory.stat", b))
        return;
    read_figures(b, a, x);
    if (find_key((struct str){buf_str(b), b->n}, names[v].inactive, &inactive) &&
        inactive < x->memory_bytes) {
        x->memory_bytes -= inactive;
        x->memory_inactive_bytes = inactive;
    }
}

/* The place of a device, "8:0"; NULL: it is none, or one too many. */
static struct shale_block_stats *device_at(struct str name, struct shale_block_stats *v,
                                           struct cgstats *x)
{
    uint64_t major, minor;
    struct str first;

    if (!memchr(name.p, ':', name.n) || !str_split(&name, ':', &first) ||
        !to_number(first, &major) || !to_number(name, &minor) || major > UINT32_MAX ||
        minor > UINT32_MAX)
        return NULL;
    for (size_t i = 0; i < x->n_blocks; i++)
        if (v[i].major == major && v[i].minor == minor)
            return &v[i];
    if (x->n_blocks == CGSTATS_DEVICES)
        return NULL;
    v[x->n_blocks] = (struct shale_block_stats){(uint32_t)major, (uint32_t)minor, 0, 0};
    return &v[x->n_blocks++];
}

/* "8:0 Read 4096" */
static void add_blkio_v1(struct str line, struct shale_block_stats *v, struct cgstats *x)
{
    struct str name = word(&line), what = word(&line);
    bool reads = str_eq(what, STR("Read"));
    struct shale_block_stats *d;
    uint64_t n;

    if ((!reads && !str_eq(what, STR("Write"))) || !to_number(word(&line), &n) ||
        !(d = device_at(name, v, x)))
        return;
    *(reads ? &d->read_bytes : &d->written_bytes) += n;
}

/* "8:0 rbytes=4096 wbytes=0 …" */
static void add_io_v2(struct str line, struct shale_block_stats *v, struct cgstats *x)
{
    struct shale_block_stats *d = device_at(word(&line), v, x);
    struct str key;
    uint64_t n;

    for (struct str pair = word(&line); d && pair.n > 0; pair = word(&line)) {
        if (!str_split(&pair, '=', &key) || !to_number(pair, &n))
            continue;
        if (str_eq(key, STR("rbytes")))
            d->read_bytes += n;
        else if (str_eq(key, STR("wbytes")))
            d->written_bytes += n;
    }
}

static void read_blkio(const char *root, const char *groups, struct buf *b, struct arena *a,
                       struct cgstats *x)
{
    char dir[PATH_MAX];
    struct str text, line;
    struct shale_block_stats *v = arena_array(a, CGSTATS_DEVICES, sizeof *v);
    int version = find_group(root, groups, "blkio", dir);

    if (version == 1)
        x->has_blkio = read_text(dir, "blkio.throttle.io_service_bytes_recursive", b);
    else if (version == 2)
        x->has_blkio = read_text(dir, "io.stat", b);
    if (!x->has_blkio || !v)
        return;
    for (text = (struct str){buf_str(b), b->n}; text.n > 0 && str_split(&text, '\n', &line);)
        (version == 1 ? add_blkio_v1 : add_io_v2)(line, v, x);
    x->blocks = v;
    for (size_t i = 0; i < x->n_blocks; i++) {
        x->read_bytes += v[i].read_bytes;
        x->written_bytes += v[i].written_bytes;
    }
}

void cgstats_read(const char *root, const char *groups, struct arena *a, struct cgstats *ret)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(FILE_MAX_BYTES);
    char dir[PATH_MAX];

    *ret = (struct cgstats){0};
    read_cpu(root, groups, &b, ret);
    read_memory(root, groups, &b, a, ret);
    read_blkio(root, groups, &b, a, ret);
    ret->has_pids = find_group(root, groups, "pids", dir) > 0 &&
                    read_number(dir, "pids.current", &b, &ret->n_pids);
}

/* ---- network ---- */

/* "eth0: BYTES PACKETS ERRORS DROPPED fifo frame compressed multicast" and the same of what was
 * sent. */
static bool parse_net(struct str line, struct arena *a, struct shale_net_stats *ret)
{
    uint64_t *const columns[] = {
        &ret->rx_bytes, &ret->rx_packets, &ret->rx_errors, &ret->rx_dropped, NULL, NULL, NULL, NULL,
        &ret->tx_bytes, &ret->tx_packets, &ret->tx_errors, &ret->tx_dropped};
    struct str name;

    if (!memchr(line.p, ':', line.n) || !str_split(&line, ':', &name))
        return false; /* titles */
    name = str_trim(name);
    if (name.n == 0 || str_eq(name, STR("lo")))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        struct str w = word(&line);
        if (columns[i] && !to_number(w, columns[i]))
            return false;
    }
    ret->name = arena_strndup(a, name.p, name.n);
    return ret->name != NULL;
}

size_t cgstats_net(const char *text, struct arena *a, const struct shale_net_stats **ret)
{
    struct str rest = str_of(text), line;
    struct shale_net_stats *v = NULL;
    size_t n = 0, cap = 0;

    while (rest.n > 0 && n < CGSTATS_NETS && str_split(&rest, '\n', &line)) {
        struct shale_net_stats one;
        if (!parse_net(line, a, &one))
            continue;
        struct shale_net_stats *more = arena_grow(a, v, n, &cap, sizeof *v);
        if (!more)
            break;
        v = more;
        v[n++] = one;
    }
    *ret = v;
    return n;
}
