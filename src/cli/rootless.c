/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"

#define HOLDER_NAME "shale-holder" /* at most 15 characters: see prctl(2) */
#define FILE_MAX    (1u << 20)
#define FIRST_FD    3
#define MAX_FD      1024

struct user {
    uid_t uid;
    gid_t gid;
    char name[256];
    char dir[PATH_MAX - 64]; /* $XDG_RUNTIME_DIR/shale */
};

/* ---- the folder ---- */

static bool is_ours(const char *dir, uid_t uid)
{
    struct stat st;

    return lstat(dir, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == uid &&
           (st.st_mode & 022) == 0;
}

static int choose_dir(struct user *u, struct shale_err *e)
{
    const char *given = getenv("XDG_RUNTIME_DIR");
    char dir[128];

    if (!given || given[0] != '/' || !is_ours(given, u->uid)) {
        (void)snprintf(dir, sizeof dir, "/run/user/%u", u->uid);
        if (!is_ours(dir, u->uid)) {
            (void)snprintf(dir, sizeof dir, "/tmp/shale-%u", u->uid);
            (void)sys_mkdirat(AT_FDCWD, dir, 0700);
        }
        if (!is_ours(dir, u->uid))
            return err_set(e, SHALE_DENIED, "%s is not a folder of yours alone", dir);
        if (setenv("XDG_RUNTIME_DIR", dir, 1) < 0)
            return err_nomem(e);
        given = dir;
    }
    if (snprintf(u->dir, sizeof u->dir, "%s/shale", given) >= (int)sizeof u->dir)
        return err_set(e, SHALE_LIMIT, "XDG_RUNTIME_DIR is too long");
    return fs_mkdir_p(AT_FDCWD, u->dir, 0700, e);
}

static int who(struct user *u, struct shale_err *e)
{
    const struct passwd *p;

    u->uid = geteuid();
    u->gid = getegid();
    p = getpwuid(u->uid);
    (void)snprintf(u->name, sizeof u->name, "%s", p ? p->pw_name : "");
    return choose_dir(u, e);
}

/* ---- the maps ---- */

/* "name:100000:65536", or with the number of the user. False: there is none. */
static bool find_range(const char *file, const struct user *u, unsigned long *first,
                       unsigned long *n)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(FILE_MAX);
    char number[32];
    struct str rest, line;

    if (fs_read_file(AT_FDCWD, file, &b, NULL) < 0)
        return false;
    (void)snprintf(number, sizeof number, "%u", u->uid);
    rest = (struct str){buf_str(&b), b.n};
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        struct str name;
        if (!str_split(&line, ':', &name) || line.n == 0 ||
            (!str_eq(name, str_of(u->name)) && !str_eq(name, str_of(number))))
            continue;
        if (sscanf(line.p, "%lu:%lu", first, n) == 2 && *n > 0)
            return true;
    }
    return false;
}

static bool map_with(const char *program, const char *file, const struct user *u, pid_t pid,
                     unsigned own)
{
    char text[5][32];
    unsigned long first, n;
    int status = 1;

    if (!find_range(file, u, &first, &n))
        return false;
    (void)snprintf(text[0], sizeof text[0], "%d", (int)pid);
    (void)snprintf(text[1], sizeof text[1], "%u", own);
    (void)snprintf(text[2], sizeof text[2], "%lu", first);
    (void)snprintf(text[3], sizeof text[3], "%lu", n);
    const char *const argv[] = {program, text[0], "0", text[1], "1", "1", text[2], text[3], NULL};
    _cleanup_(buf_clear) struct buf out = BUF_INIT(FILE_MAX);
    const struct proc_opts o = {.argv = argv};
    return proc_run(&o, &out, &out, &status, NULL, NULL) >= 0 && status == 0;
}

static bool put(pid_t pid, const char *name, const char *text)
{
    char path[64];
    _cleanup_close_ int fd = -1;

    (void)snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    fd = sys_openat(AT_FDCWD, path, O_WRONLY, 0);
    return fd >= 0 && sys_write_all(fd, text, strlen(text)) == 0;
}

/* Without subordinate IDs: the user alone. */
static bool map_one(const struct user *u, pid_t pid)
{
    char uid[64], gid[64];

    (void)snprintf(uid, sizeof uid, "0 %u 1\n", u->uid);
    (void)snprintf(gid, sizeof gid, "0 %u 1\n", u->gid);
    return put(pid, "setgroups", "deny") && put(pid, "uid_map", uid) && put(pid, "gid_map", gid);
}

static int map(const struct user *u, pid_t pid, struct shale_err *e)
{
    bool uids = map_with("newuidmap", "/etc/subuid", u, pid, u->uid);

    if (uids && map_with("newgidmap", "/etc/subgid", u, pid, u->gid))
        return 0;
    if (!uids && map_one(u, pid))
        return 0;
    return err_set(e, SHALE_UNSUPPORTED,
                   "the IDs of user %s cannot be mapped: see /etc/subuid, /etc/subgid and "
                   "newuidmap (package uidmap)",
                   u->name);
}

/* ---- the process that holds the namespaces ---- */

static _Noreturn void hold(int fd)
{
    char c = 0;

    (void)setsid();
    if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
        _exit(1);
    if (write(fd, "n", 1) != 1 || read(fd, &c, 1) != 1) /* mapped now */
        _exit(1);
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0 ||
        mount("none", "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
        _exit(1);
    (void)prctl(PR_SET_NAME, HOLDER_NAME);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < FIRST_FD && null >= 0; i++)
        (void)dup2(null, i);
    for (int i = FIRST_FD; i < MAX_FD; i++)
        if (i != fd)
            (void)close(i);
    if (chdir("/") < 0 || write(fd, "r", 1) != 1)
        _exit(1);
    (void)close(fd);
    for (;;)
        (void)pause();
}

static int refused(struct shale_err *e)
{
    return err_set(e, SHALE_UNSUPPORTED,
                   "containers need root here, or user namespaces, which this host does not let "
                   "users have (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone "
                   "or kernel.apparmor_restrict_unprivileged_userns)");
}

static int make_holder(const struct user *u, pid_t *ret, struct shale_err *e)
{
    int fds[2];
    char c;

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
        return err_sys(e, "socketpair");
    _cleanup_close_ int ours = fds[0];
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ours);
        hold(fds[1]);
    }
    (void)close(fds[1]);
    if (pid < 0)
        return err_sys(e, "fork");
    int r = read(ours, &c, 1) == 1 ? map(u, pid, e) : refused(e);
    if (r >= 0 && (write(ours, "m", 1) != 1 || read(ours, &c, 1) != 1))
        r = refused(e);
    if (r < 0) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return r;
    }
    *ret = pid;
    return 0;
}

static int open_namespace(pid_t pid, const char *name)
{
    char path[64];

    (void)snprintf(path, sizeof path, "/proc/%d/ns/%s", (int)pid, name);
    return sys_openat(AT_FDCWD, path, O_RDONLY, 0);
}

/* That very process, and not one that has its number now. */
static bool is_holder(pid_t pid)
{
    char path[64];
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64);

    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)pid);
    _cleanup_close_ int there = open_namespace(pid, "user"); /* none of one that has ended */
    return pid > 0 && there >= 0 && fs_read_file(AT_FDCWD, path, &b, NULL) >= 0 &&
           str_eq(str_trim((struct str){buf_str(&b), b.n}), STR(HOLDER_NAME));
}

static int find_holder(const struct user *u, pid_t *ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64);
    char path[PATH_MAX], text[32];
    int pid = 0;

    (void)snprintf(path, sizeof path, "%s/holder", u->dir);
    if (fs_read_file(AT_FDCWD, path, &b, NULL) >= 0 && sscanf(buf_str(&b), "%d", &pid) == 1 &&
        is_holder(pid)) {
        *ret = pid;
        return 0;
    }
    int r = make_holder(u, ret, e);
    if (r < 0)
        return r;
    (void)snprintf(text, sizeof text, "%d\n", (int)*ret);
    return fs_write_atomic(AT_FDCWD, path, text, strlen(text), 0600, false, e);
}

/* ---- going there ---- */

static int join(pid_t pid, struct shale_err *e)
{
    _cleanup_close_ int user = open_namespace(pid, "user"), mnt = open_namespace(pid, "mnt");
    char cwd[PATH_MAX];
    bool known = getcwd(cwd, sizeof cwd) != NULL;

    if (user < 0 || mnt < 0 || setns(user, CLONE_NEWUSER) < 0 || setns(mnt, CLONE_NEWNS) < 0)
        return err_sys(e, "enter the namespaces of process %d", (int)pid);
    if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
        return err_sys(e, "become root of a user namespace");
    if (known && chdir(cwd) < 0) /* a place that only root sees */
        return err_sys(e, "enter %s", cwd);
    return 0;
}

int rootless_enter(struct shale_err *e)
{
    struct user u;
    char path[PATH_MAX];
    pid_t pid = 0;
    int r;

    if (geteuid() == 0)
        return 0;
    r = who(&u, e);
    if (r < 0)
        return r;
    (void)snprintf(path, sizeof path, "%s/holder.lock", u.dir);
    _cleanup_close_ int lock = lock_take(AT_FDCWD, path, LOCK_EXCLUSIVE, NULL, e);
    if (lock < 0)
        return lock;
    r = find_holder(&u, &pid, e);
    if (r >= 0)
        r = join(pid, e);
    if (r >= 0 && setenv(PROC_USER_ENV, "1", 1) < 0)
        r = err_nomem(e);
    return r;
}
