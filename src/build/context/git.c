/* SPDX-License-Identifier: Apache-2.0 */
/* Git repositories, through the git program. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "build/context/fetch.h"

#define OUTPUT_MAX (1u << 20)
#define TIMEOUT_NS (1800 * NS_PER_S)

/* ---- URLs ---- */

static bool is_git(const char *s, size_t n)
{
    if (str_has_prefix(s, "git@") || str_has_prefix(s, "git://") || str_has_prefix(s, "ssh://") ||
        str_has_prefix(s, "github.com/"))
        return true;
    return (str_has_prefix(s, "http://") || str_has_prefix(s, "https://")) && n > 4 &&
           memcmp(s + n - 4, ".git", 4) == 0;
}

/* What git would take for an option, or for more than a name. */
static bool is_bad_ref(const char *s)
{
    return s[0] == '-' || strstr(s, "..") || strpbrk(s, " ~^:?*[\\\n\t") || strlen(s) > 256;
}

int git_parse(const char *s, struct arena *a, struct git_source *ret, struct shale_err *e)
{
    size_t n = strcspn(s, "#");
    struct git_source g = {0};

    if (!is_git(s, n))
        return 0;
    g.url =
        arena_printf(a, "%s%.*s", str_has_prefix(s, "github.com/") ? "https://" : "", (int)n, s);
    if (s[n]) {
        const char *frag = s + n + 1, *colon = strchr(frag, ':');
        size_t k = colon ? (size_t)(colon - frag) : strlen(frag);
        g.ref = k ? arena_strndup(a, frag, k) : NULL;
        g.folder = colon && colon[1] ? arena_strdup(a, colon + 1) : NULL;
    }
    if (a->failed)
        return err_nomem(e);
    if (g.ref && is_bad_ref(g.ref))
        return err_set(e, SHALE_INVALID, "\"%.200s\" is no name of a branch, tag or commit", g.ref);
    *ret = g;
    return 1;
}

/* ---- the program ---- */

struct git {
    const char *dir; /* /proc/self/fd/N/name */
    const struct git_source *g;
    struct cancel *c;
    struct shale_err *e;
};

/* The last of its lines that says what is wrong: up to the one with "fatal:" where there is one,
 * and what ssh says before that. */
static void told_by_git(struct str text, struct buf *ret)
{
    struct str rest = text, line, ssh = {"", 0}, found = {"", 0};

    while (str_split(&rest, '\n', &line)) {
        line = str_trim(line);
        if (line.n > 4 && memcmp(line.p, "ssh:", 4) == 0)
            ssh = line;
        if (line.n > 0)
            found = line;
        if (line.n > 6 && memcmp(line.p, "fatal:", 6) == 0)
            break;
    }
    if (ssh.n && ssh.p != found.p) {
        buf_add(ret, ssh.p, ssh.n);
        buf_adds(ret, "; ");
    }
    buf_add(ret, found.p, found.n);
}

/* `words` end with NULL. Nobody is asked for passwords, files are made under one umask, and hooks
 * or filters of this user do not count. */
static int run(const struct git *t, const char *const *words, struct buf *out)
{
    static const char *const env[] = {"GIT_TERMINAL_PROMPT=0", "GIT_CONFIG_NOSYSTEM=1", "LC_ALL=C",
                                      "GIT_LFS_SKIP_SMUDGE=1", NULL};
    _cleanup_(buf_clear) struct buf errors = BUF_INIT(OUTPUT_MAX), line = BUF_INIT(65536);
    const char *argv[32] = {"sh", "-c", "umask 022; cd \"$1\" && shift && exec git \"$@\"", "git",
                            t->dir};
    const struct proc_opts o = {.argv = argv, .env = env, .timeout_ns = TIMEOUT_NS};
    size_t n = 5;
    int status = 0;

    while (*words && n + 1 < ARRAY_SIZE(argv))
        argv[n++] = *words++;
    int r = proc_run(&o, out, &errors, &status, t->c, t->e);
    if (r < 0 || status == 0)
        return r;
    told_by_git(str_trim((struct str){buf_str(&errors), errors.n}), &line);
    char shown[300];
    return err_set(t->e, SHALE_NETWORK, "git %.20s of %.150s fails: %s", argv[5], t->g->url,
                   str_printable(shown, sizeof shown, buf_str(&line)));
}

#define RUN(t, out, ...) run(t, (const char *const[]){__VA_ARGS__, NULL}, out)

static bool is_commit(const char *s)
{
    size_t n = strspn(s, "0123456789abcdef");

    return !s[n] && (n == 40 || n == 64);
}

/* A plain web server cannot leave history out: what does not know how gives all of it. */
static int fetch_ref(const struct git *t, const char *ref)
{
    struct shale_err why = SHALE_ERR_INIT;
    const struct git quiet = {t->dir, t->g, t->c, &why};
    int r = RUN(&quiet, NULL, "fetch", "-q", "--depth=1", "--no-tags", "origin", ref);

    if (r == -SHALE_NETWORK && strstr(why.msg, "shallow"))
        return RUN(t, NULL, "fetch", "-q", "--no-tags", "origin", ref);
    return r < 0 ? err_set(t->e, why.code, "%s", why.msg) : r;
}

static int check_out(const struct git *t, char ret_commit[65])
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(OUTPUT_MAX);
    const char *ref = t->g->ref ? t->g->ref : "HEAD";
    int r = RUN(t, NULL, "init", "-q");

    if (r >= 0)
        r = RUN(t, NULL, "remote", "add", "origin", "--", t->g->url);
    if (r >= 0)
        r = fetch_ref(t, ref);
    /* Servers need not give what is no ref's end; a short name of a commit is never given. */
    if (r < 0 && r != -SHALE_CANCELED && t->g->ref && strspn(ref, "0123456789abcdef") >= 4)
        r = RUN(t, NULL, "fetch", "-q", "origin", "+refs/heads/*:refs/remotes/origin/*",
                "+refs/tags/*:refs/tags/*");
    else
        ref = "FETCH_HEAD";
    if (r >= 0)
        r = RUN(t, NULL, "-c", "advice.detachedHead=false", "checkout", "-q", "--detach", ref);
    if (r >= 0)
        r = RUN(t, NULL, "submodule", "-q", "update", "--init", "--recursive", "--depth=1");
    if (r >= 0)
        r = RUN(t, &out, "rev-parse", "HEAD");
    if (r < 0)
        return r;
    struct str commit = str_trim((struct str){buf_str(&out), out.n});
    (void)snprintf(ret_commit, 65, "%.*s", (int)(commit.n < 64 ? commit.n : 64), commit.p);
    return is_commit(ret_commit) ? 0 : err_set(t->e, SHALE_CORRUPT, "git tells no commit");
}

int git_fetch(const struct git_source *g, int dir_fd, const char *name, bool keep_git_dir,
              struct cancel *c, char ret_commit[65], struct shale_err *e)
{
    char dir[128], program[4096];
    struct git t = {dir, g, c, e};

    if (proc_which("git", program, sizeof program, NULL) < 0)
        return err_set(e, SHALE_UNSUPPORTED, "%.200s needs the program git, which is not installed",
                       g->url);
    if (sys_mkdirat(dir_fd, name, 0755) < 0)
        return err_sys(e, "create a folder for %.200s", g->url);
    (void)snprintf(dir, sizeof dir, "/proc/%d/fd/%d/%.64s", (int)getpid(), dir_fd, name);
    int r = check_out(&t, ret_commit);
    if (r < 0 || keep_git_dir)
        return r;
    _cleanup_close_ int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return fd < 0 ? err_sys(e, "open a folder") : fs_remove_tree(fd, ".git", e);
}
