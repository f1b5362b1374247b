/* SPDX-License-Identifier: Apache-2.0 */
/* `top`: the lines of ps(1) that are of a container's processes: those of its control group. Where
 * there is none, those of its process namespace; when it is in another one's, the first process and
 * what has come of it. */
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "container/cgroup.h"
#include "container/events.h"
#include "container/life.h"
#include "container/spaces.h"
#include "container/spawn.h"

#define PS_MAX_BYTES     (16u << 20)
#define PS_MAX_ARGS      64
#define TITLES_MAX       128
#define GROUPS_MAX_BYTES (64u << 10)
#define STAT_MAX_BYTES   4096
#define ANCESTORS_MAX    4096

struct top {
    struct arena *a;
    const char *group; /* its ID, by which its control group is called; NULL: there is none */
    pid_t init;        /* its first process, when that is in a namespace of others; else 0 */
    struct stat ns;    /* its process namespace */
    const char **titles;
    size_t n_titles, pid_at;
    const char *const **rows;
    size_t n_rows, cap_rows;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* The next word of the line; the whole rest when it is the last field. */
static struct str take_word(struct str *line, bool rest)
{
    struct str w;

    while (line->n > 0 && is_blank(*line->p))
        *line = (struct str){line->p + 1, line->n - 1};
    w = (struct str){line->p, 0};
    while (w.n < line->n && (rest || !is_blank(line->p[w.n])))
        w.n++;
    *line = (struct str){line->p + w.n, line->n - w.n};
    return w;
}

static int take_titles(struct top *t, struct str line, struct shale_err *e)
{
    bool found = false;

    t->titles = arena_array(t->a, TITLES_MAX + 1, sizeof *t->titles);
    if (!t->titles)
        return err_nomem(e);
    for (;;) {
        struct str w = take_word(&line, false);
        if (w.n == 0)
            break;
        if (t->n_titles == TITLES_MAX)
            return err_set(e, SHALE_LIMIT, "ps prints more than %d columns", TITLES_MAX);
        t->titles[t->n_titles] = arena_strndup(t->a, w.p, w.n);
        if (!t->titles[t->n_titles])
            return err_nomem(e);
        if (!found && str_eq(w, STR("PID"))) {
            t->pid_at = t->n_titles;
            found = true;
        }
        t->n_titles++;
    }
    return found ? 0 : err_set(e, SHALE_INVALID, "Couldn't find PID field in ps output");
}

/* Of /proc/PID/stat; 0: it has ended. */
static pid_t parent_of(pid_t pid)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(STAT_MAX_BYTES);
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const char *s = fs_read_file(AT_FDCWD, path, &b, NULL) < 0 ? NULL : strrchr(buf_str(&b), ')');
    return s && strlen(s) > 4 ? (pid_t)strtol(s + 4, NULL, 10) : 0;
}

static bool comes_of(pid_t pid, pid_t init)
{
    for (int depth = 0; pid > 0 && pid != init; depth++)
        pid = depth < ANCESTORS_MAX ? parent_of(pid) : 0;
    return pid > 0;
}

static bool is_inside(const struct top *t, const char *pid_text)
{
    char path[64];
    struct stat st;
    uint64_t pid;

    if (!str_to_u64(pid_text, &pid) || pid > INT32_MAX)
        return false;
    if (t->group) {
        _cleanup_(buf_clear) struct buf b = BUF_INIT(GROUPS_MAX_BYTES);
        (void)snprintf(path, sizeof path, "/proc/%d/cgroup", (int)pid);
        return fs_read_file(AT_FDCWD, path, &b, NULL) >= 0 && strstr(buf_str(&b), t->group);
    }
    if (t->init)
        return comes_of((pid_t)pid, t->init);
    (void)snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)pid);
    return stat(path, &st) == 0 && st.st_ino == t->ns.st_ino && st.st_dev == t->ns.st_dev;
}

static int take_row(struct top *t, struct str line, struct shale_err *e)
{
    const char **v = arena_array(t->a, t->n_titles + 1, sizeof *v);

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < t->n_titles; i++) {
        struct str w = take_word(&line, i + 1 == t->n_titles);
        v[i] = arena_strndup(t->a, w.p, w.n);
        if (!v[i])
            return err_nomem(e);
    }
    if (!is_inside(t, v[t->pid_at]))
        return 0;
    const char *const **rows = arena_grow(t->a, t->rows, t->n_rows, &t->cap_rows, sizeof *rows);
    if (!rows)
        return err_nomem(e);
    t->rows = rows;
    t->rows[t->n_rows++] = v;
    return 0;
}

static int take_output(struct top *t, struct str text, struct shale_err *e)
{
    struct str line;
    int r = 0;

    if (!str_split(&text, '\n', &line))
        return err_set(e, SHALE_INVALID, "Couldn't find PID field in ps output");
    r = take_titles(t, line, e);
    while (r >= 0 && text.n > 0 && str_split(&text, '\n', &line))
        if (line.n > 0)
            r = take_row(t, line, e);
    return r;
}

static int run_ps(struct top *t, const char *const *args, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(PS_MAX_BYTES), words = BUF_INIT(4096);
    const char *argv[PS_MAX_ARGS + 2] = {NULL, "-ef"};
    char path[4096];
    int status = 0, r;
    size_t n = 0;

    if (proc_which("ps", path, sizeof path, NULL) < 0)
        return err_set(e, SHALE_UNSUPPORTED, "ps is not installed; install the package procps");
    argv[0] = path;
    while (args && args[n]) {
        if (n == PS_MAX_ARGS)
            return err_set(e, SHALE_LIMIT, "more than %d arguments of ps", PS_MAX_ARGS);
        argv[n + 1] = args[n];
        n++;
    }
    r = spawn_run(argv, &out, &words, &status, e);
    if (r < 0)
        return r;
    if (status != 0) {
        struct str line, text = {buf_str(&words), words.n};
        if (!str_split(&text, '\n', &line))
            line = STR("");
        return err_set(e, SHALE_INVALID, "ps: %.*s", (int)(line.n > 200 ? 200 : line.n), line.p);
    }
    return take_output(t, (struct str){buf_str(&out), out.n}, e);
}

int container_top(struct container_host *h, const char *container, const char *const *ps_args,
                  struct arena *a, struct shale_top *ret, struct shale_err *e)
{
    struct top t = {.a = a};
    struct ctr_run run;
    char path[64];
    struct ctr c;
    int r = ctr_find(h, container, a, &c, e);

    if (r >= 0)
        r = ctr_need_running(&c, e);
    if (r >= 0)
        r = ctr_run_load(h, &c, a, &run, e);
    if (r < 0)
        return r;
    (void)snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)run.init.pid);
    if (!process_alive(&run.init) || stat(path, &t.ns) < 0)
        return err_set(e, SHALE_CONFLICT, "container %s is not running", c.row.id);
    if (run.runtime.level != RUNTIME_NO_CGROUPS && cgroup_mode() != CGROUP_NONE)
        t.group = c.row.id;
    else if (!spaces_own_pids(&c.conf))
        t.init = run.init.pid;
    r = run_ps(&t, ps_args, e);
    if (r < 0)
        return r;
    ctr_event(h, &c.row, EVENT_CONTAINER_TOP, NULL, NULL);
    *ret = (struct shale_top){t.titles, t.n_titles, t.rows, t.n_rows};
    return 0;
}
