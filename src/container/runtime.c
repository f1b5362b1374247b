/* SPDX-License-Identifier: Apache-2.0 */
#include "container/runtime.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/proc.h"
#include "base/str.h"
#include "container/runtime_try.h"
#include "container/spawn.h"

#define WORDS_MAX    (64u << 10)
#define MEMO_MAX     700
#define MEMO_VERSION "1"
#define LOG_LINE_MAX 8192

static const char *const known[] = {"crun", "runc"};

/* ---- words ---- */

static void one_line(struct str s, char *ret, size_t n)
{
    char text[1024];

    s = str_trim(s);
    if (s.n >= sizeof text)
        s.n = sizeof text - 1;
    memcpy(text, s.p ? s.p : "", s.n);
    text[s.n] = 0;
    for (char *p = text; *p; p++)
        if (*p == '\n' || *p == '\t')
            *p = ' ';
    (void)str_printable(ret, n, text);
}

/* The message of the last error line of a JSON log. */
static bool words_of_log(const char *text, size_t n_text, char *ret, size_t n)
{
    struct str rest = {text, n_text}, line;
    bool found = false;

    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        _cleanup_json_ json_t *j = NULL;
        const char *level, *msg;
        if (line.n == 0 || json_parse(line.p, line.n, LOG_LINE_MAX, &j, NULL) < 0)
            continue;
        level = json_string_value(json_object_get(j, "level"));
        msg = json_string_value(json_object_get(j, "msg"));
        if (!msg || streq(level, "warning") || streq(level, "info") || streq(level, "debug"))
            continue;
        one_line(str_of(msg), ret, n);
        found = true;
    }
    return found;
}

void runtime_words(const char *log_path, const char *text, size_t n_text, char *ret, size_t n)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(WORDS_MAX);

    ret[0] = 0;
    if (log_path && fs_read_file(AT_FDCWD, log_path, &b, NULL) >= 0 &&
        words_of_log(buf_str(&b), b.n, ret, n))
        return;
    if (text && !words_of_log(text, n_text, ret, n))
        one_line((struct str){text, n_text}, ret, n);
}

static const struct {
    const char *words;
    int code;
} refusals[] = {
    {"executable file not found", SHALE_NOT_FOUND},
    {"executable file `", SHALE_NOT_FOUND}, /* crun */
    {"exec format error", SHALE_DENIED},
    {"permission denied", SHALE_DENIED},
    {"Permission denied", SHALE_DENIED},
    {"is a directory", SHALE_DENIED},
    {"Is a directory", SHALE_DENIED},
    {"no such file or directory", SHALE_NOT_FOUND},
    {"No such file or directory", SHALE_NOT_FOUND},
};

int runtime_refusal(const char *what, const char *words, struct shale_err *e)
{
    static const char ran[] =
        "runc run failed: "; /* docker starts in two steps, and knows no run */
    bool in_one = str_has_prefix(words, ran);
    int code = SHALE_SYSTEM;

    words += in_one ? sizeof ran - 1 : 0;

    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++)
        if (strstr(words, refusals[i].words)) {
            code = refusals[i].code;
            break;
        }
    /* containerd, which passes it on for docker, knows no kind of it, and says so */
    return err_set(e, code, "%s: %s%s: unknown", what, in_one ? "runc create failed: " : "",
                   words[0] ? words : "no reason given");
}

/* ---- command lines ---- */

int runtime_own_dir(const char *name, struct arena *a, const char **ret, struct shale_err *e)
{
    const char *user = getenv("XDG_RUNTIME_DIR");
    const char *dir = !proc_is_user() || !user || user[0] != '/'
                          ? arena_printf(a, "/run/shale/%s", name)
                          : arena_printf(a, "%s/shale/%s", user, name);
    int r;

    if (!dir)
        return err_nomem(e);
    if (access(dir, X_OK) < 0) {
        r = fs_mkdir_p(AT_FDCWD, dir, 0700, e);
        if (r < 0)
            return r;
    }
    *ret = dir;
    return 0;
}

int runtime_state_dir(struct arena *a, const char **ret, struct shale_err *e)
{
    return runtime_own_dir("runtime", a, ret, e);
}

int runtime_pidfile(const char *id, struct arena *a, const char **ret, struct shale_err *e)
{
    const char *dir, *path;
    int r = runtime_own_dir("pids", a, &dir, e);

    if (r < 0)
        return r;
    path = arena_printf(a, "%s/%s", dir, id);
    if (!path)
        return err_nomem(e);
    *ret = path;
    return 0;
}

int runtime_argv(const struct runtime *rt, const char *log, const char *const *rest,
                 struct arena *a, const char ***ret, struct shale_err *e)
{
    const char **v = arena_array(a, RUNTIME_ARGS_MAX + 1, sizeof *v), *dir;
    size_t n = 0;
    int r;

    if (!v)
        return err_nomem(e);
    r = runtime_state_dir(a, &dir, e);
    if (r < 0)
        return r;
    v[n++] = rt->path;
    v[n++] = "--root";
    v[n++] = dir;
    /* runc makes none for those in a user namespace, when the specification names none */
    if (rt->level == RUNTIME_NO_CGROUPS && strstr(rt->name, "crun"))
        v[n++] = "--cgroup-manager=disabled";
    if (log) {
        v[n++] = "--log";
        v[n++] = log;
        v[n++] = "--log-format";
        v[n++] = "json";
    }
    for (; *rest; rest++) {
        if (n == RUNTIME_ARGS_MAX)
            return err_set(e, SHALE_INTERNAL, "too many arguments for %s", rt->name);
        v[n++] = *rest;
    }
    *ret = v;
    return 0;
}

int runtime_call(const struct runtime *rt, const char *const *rest, struct arena *a,
                 struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(WORDS_MAX);
    _cleanup_(buf_clear) struct buf errout = BUF_INIT(WORDS_MAX);
    char words[400];
    const char **argv;
    int status, r;

    r = runtime_argv(rt, NULL, rest, a, &argv, e);
    if (r < 0)
        return r;
    r = spawn_run(argv, &out, &errout, &status, e);
    if (r < 0)
        return r;
    if (status == 0)
        return 0;
    runtime_words(NULL, buf_str(&errout), errout.n, words, sizeof words);
    return err_set(e, SHALE_SYSTEM, "%s %s: %s", rt->name, rest[0], words);
}

/* ---- which ---- */

static int memo_key(const struct runtime *rt, struct container_host *h, struct arena *a,
                    const char **ret_key, const char **ret_stamp, struct shale_err *e)
{
    struct stat st;

    if (stat(rt->path, &st) < 0)
        return err_sys(e, "%s", rt->path);
    *ret_key = arena_printf(a, "runtime:%s", rt->path);
    *ret_stamp =
        arena_printf(a, "%s %lld.%09ld %llu %s ", MEMO_VERSION, (long long)st.st_mtim.tv_sec,
                     st.st_mtim.tv_nsec, (unsigned long long)st.st_size, store_boot_id(h->store));
    return *ret_key && *ret_stamp ? 0 : err_nomem(e);
}

/* 1: known from earlier. */
static int recall(struct container_host *h, const char *key, const char *stamp, struct arena *a,
                  struct runtime *rt)
{
    char *memo = NULL;

    if (meta_kv_get(store_meta(h->store), key, a, &memo, NULL) < 0 || !memo)
        return 0;
    if (!str_has_prefix(memo, stamp))
        return 0;
    memo += strlen(stamp);
    if (memo[0] < '0' || memo[0] > '0' + RUNTIME_WORKS || memo[1] != ' ')
        return 0;
    rt->level = (enum runtime_level)(memo[0] - '0');
    rt->verdict = memo + 2;
    return 1;
}

int runtime_probe(struct container_host *h, const char *name, struct arena *a, struct runtime *ret,
                  struct shale_err *e)
{
    const char *slash = strrchr(name, '/'), *key = NULL, *stamp = NULL, *memo;
    struct runtime rt = {.level = RUNTIME_FAILS, .path = "", .verdict = "not installed"};
    char path[4096], verdict[MEMO_MAX];
    int r;

    rt.name = arena_strdup(a, slash ? slash + 1 : name);
    if (!rt.name)
        return err_nomem(e);
    if (proc_which(name, path, sizeof path, NULL) < 0) {
        *ret = rt;
        return 0;
    }
    rt.path = arena_strdup(a, path);
    if (!rt.path)
        return err_nomem(e);
    r = memo_key(&rt, h, a, &key, &stamp, e);
    if (r < 0)
        return r;
    if (!recall(h, key, stamp, a, &rt)) {
        r = runtime_try(&rt, a, verdict, sizeof verdict, e);
        if (r < 0)
            return r;
        rt.verdict = arena_strdup(a, verdict);
        memo = arena_printf(a, "%s%d %s", stamp, (int)rt.level, verdict);
        if (!rt.verdict || !memo)
            return err_nomem(e);
        (void)meta_kv_set(store_meta(h->store), key, memo, NULL); /* e.g. a read-only store */
    }
    *ret = rt;
    return 0;
}

int runtime_choose(struct container_host *h, const char *forced, struct arena *a,
                   struct runtime *ret, struct shale_err *e)
{
    struct runtime rt, best = {.level = RUNTIME_FAILS};
    _cleanup_(buf_clear) struct buf why = BUF_INIT(WORDS_MAX);
    int r;

    if (forced && forced[0]) {
        r = runtime_probe(h, forced, a, &rt, e);
        if (r < 0)
            return r;
        if (rt.path[0] == 0)
            return err_set(e, SHALE_INVALID, "unknown or invalid runtime name: %.200s", forced);
        if (rt.level == RUNTIME_FAILS)
            return err_set(e, SHALE_UNSUPPORTED, "runtime %s does not work here: %.300s", rt.name,
                           rt.verdict);
        *ret = rt;
        return 0;
    }
    for (size_t i = 0; i < ARRAY_SIZE(known) && best.level != RUNTIME_WORKS; i++) {
        r = runtime_probe(h, known[i], a, &rt, e);
        if (r < 0)
            return r;
        buf_addf(&why, "%s%s: %.200s", i ? "; " : "", rt.name, rt.verdict);
        if (rt.level > best.level)
            best = rt;
    }
    if (best.level == RUNTIME_FAILS)
        return err_set(e, SHALE_UNSUPPORTED, "no OCI runtime works here (%s)", buf_str(&why));
    *ret = best;
    return 0;
}

/* ---- for info ---- */

static int add_runtime(struct container_host *h, const char *name, struct arena *a,
                       struct container_runtime *item, enum runtime_level *ret_level,
                       struct shale_err *e)
{
    struct runtime rt;
    int r = runtime_probe(h, name, a, &rt, e);

    if (r < 0)
        return r;
    *item = (struct container_runtime){rt.name, rt.path, rt.level != RUNTIME_FAILS, rt.verdict};
    *ret_level = rt.level;
    return 0;
}

static bool is_known(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (streq(known[i], name))
            return true;
    return false;
}

int container_runtimes(struct container_host *h, struct arena *a, struct container_runtimes *ret,
                       struct shale_err *e)
{
    struct container_runtime *v = arena_array(a, ARRAY_SIZE(known) + 1, sizeof *v);
    struct container_runtimes out = {.items = v, .conmon_path = ""};
    const char *forced = h->runtime && h->runtime[0] ? h->runtime : NULL;
    enum runtime_level level, best = RUNTIME_FAILS;
    char path[4096];
    int r;

    if (!v)
        return err_nomem(e);
    for (size_t i = 0; i < ARRAY_SIZE(known) + 1; i++) {
        const char *name = i < ARRAY_SIZE(known) ? known[i] : forced;
        bool mine;
        if (!name || (i == ARRAY_SIZE(known) && is_known(name)))
            continue;
        r = add_runtime(h, name, a, &v[out.n_items], &level, e);
        if (r < 0)
            return r;
        mine = forced ? streq(name, forced) && level > RUNTIME_FAILS : level > best;
        if (mine) {
            out.chosen = &v[out.n_items];
            best = level;
        }
        out.n_items++;
    }
    if (proc_which("conmon", path, sizeof path, NULL) >= 0)
        out.conmon_path = arena_strdup(a, path);
    out.cgroup = cgroup_mode_name(cgroup_mode());
    out.why = !out.chosen ? "no OCI runtime works here"
              : forced    ? "asked for"
              : best == RUNTIME_WORKS
                  ? "the first that works here"
                  : arena_printf(a, "none works better here: %s", out.chosen->verdict);
    if (!out.why || !out.conmon_path)
        return err_nomem(e);
    *ret = out;
    return 0;
}
