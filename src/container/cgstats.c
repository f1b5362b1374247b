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

static void read_cpu(const char *root, const char *groups, struct buf *b, struct cgstats *x)
{
    char dir[PATH_MAX];
    uint64_t us = 0;
    int version = find_group(root, groups, "cpuacct", dir);

    if (version == 1)
        x->has_cpu = read_number(dir, "cpuacct.usage", b, &x->cpu_ns);
    if (version == 2 && read_text(dir, "cpu.stat", b) &&
        find_key((struct str){buf_str(b), b->n}, "usage_usec", &us)) {
        x->cpu_ns = us * 1000;
        x->has_cpu = true;
    }
}

static void read_memory(const char *root, const char *groups, struct buf *b, struct cgstats *x)
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
    if (read_text(dir, "memory.stat", b) &&
        find_key((struct str){buf_str(b), b->n}, names[v].inactive, &inactive) &&
        inactive < x->memory_bytes)
        x->memory_bytes -= inactive;
}

/* "8:0 Read 4096" */
static void add_blkio_v1(struct str text, struct cgstats *x)
{
    struct str line;
    uint64_t n;

    while (text.n > 0 && str_split(&text, '\n', &line)) {
        (void)word(&line); /* device */
        struct str what = word(&line);
        if (!to_number(word(&line), &n))
            continue;
        if (str_eq(what, STR("Read")))
            x->read_bytes += n;
        else if (str_eq(what, STR("Write")))
            x->written_bytes += n;
    }
}

/* "8:0 rbytes=4096 wbytes=0 …" */
static void add_io_v2(struct str text, struct cgstats *x)
{
    struct str line, key;
    uint64_t n;

    while (text.n > 0 && str_split(&text, '\n', &line)) {
        (void)word(&line);
        for (struct str pair = word(&line); pair.n > 0; pair = word(&line)) {
            if (!str_split(&pair, '=', &key) || !to_number(pair, &n))
                continue;
            if (str_eq(key, STR("rbytes")))
                x->read_bytes += n;
            else if (str_eq(key, STR("wbytes")))
                x->written_bytes += n;
        }
    }
}

static void read_blkio(const char *root, const char *groups, struct buf *b, struct cgstats *x)
{
    char dir[PATH_MAX];
    int version = find_group(root, groups, "blkio", dir);

    if (version == 1)
        x->has_blkio = read_text(dir, "blkio.throttle.io_service_bytes_recursive", b);
    else if (version == 2)
        x->has_blkio = read_text(dir, "io.stat", b);
    if (!x->has_blkio)
        return;
    if (version == 1)
        add_blkio_v1((struct str){buf_str(b), b->n}, x);
    else
        add_io_v2((struct str){buf_str(b), b->n}, x);
}

void cgstats_read(const char *root, const char *groups, struct cgstats *ret)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(FILE_MAX_BYTES);
    char dir[PATH_MAX];

    *ret = (struct cgstats){0};
    read_cpu(root, groups, &b, ret);
    read_memory(root, groups, &b, ret);
    read_blkio(root, groups, &b, ret);
    ret->has_pids = find_group(root, groups, "pids", dir) > 0 &&
                    read_number(dir, "pids.current", &b, &ret->n_pids);
}

/* ---- network ---- */

void cgstats_net(const char *text, uint64_t *ret_rx, uint64_t *ret_tx)
{
    struct str rest = str_of(text), line, name;

    *ret_rx = *ret_tx = 0;
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        uint64_t rx, tx;
        if (!memchr(line.p, ':', line.n) || !str_split(&line, ':', &name))
            continue; /* titles */
        name = str_trim(name);
        if (str_eq(name, STR("lo")) || !to_number(word(&line), &rx))
            continue;
        for (int i = 0; i < 7; i++)
            (void)word(&line);
        if (!to_number(word(&line), &tx))
            continue;
        *ret_rx += rx;
        *ret_tx += tx;
    }
}
