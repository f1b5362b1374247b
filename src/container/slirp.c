/* SPDX-License-Identifier: Apache-2.0 */
#include "container/slirp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/thread.h"
#include "container/jout.h"
#include "container/spawn.h"

#define PROGRAM  "slirp4netns"
#define PID_FILE "slirp.pid"
#define LOG_FILE "slirp.log"
#define SOCKET   "slirp.sock" /* in the container's folder, whose own path may be too long */
#define API      "--api-socket=slirp.sock"
#define ADDRESS  "10.0.2.100" /* of the container */

#define READY_MS     (20 * 1000)
#define ANSWER_MS    (10 * 1000)
#define ANSWER_BYTES 4096
#define WORDS_MAX    400
#define STACK_BYTES  (256u << 10)

/* ---- starting ---- */

static int failed(int dir_fd, const char *what, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf said = BUF_INIT(1u << 16);
    char words[WORDS_MAX];

    (void)fs_read_file(dir_fd, LOG_FILE, &said, NULL);
    str_printable(words, sizeof words, said.n ? buf_str(&said) : what);
    return err_set(e, SHALE_SYSTEM, PROGRAM ": %s", words);
}

/* It says 1 when the network is there, and nothing when it ends before. */
static int wait_ready(int fd, int dir_fd, struct shale_err *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char c = 0;
    int r;

    do
        r = poll(&p, 1, READY_MS);
    while (r < 0 && errno == EINTR);
    if (r == 1 && read(fd, &c, 1) == 1 && c == '1')
        return 0;
    return failed(dir_fd, r == 0 ? "it does not get ready" : "it did not say why", e);
}

static void *wait_main(void *arg)
{
    int status;

    (void)spawn_wait((pid_t)(intptr_t)arg, &status, NULL);
    return NULL;
}

/* One that a daemon started would stay as a zombie: somebody waits for its end. */
static void wait_aside(pid_t pid)
{
    (void)thread_start(NULL, STACK_BYTES, wait_main, (void *)(intptr_t)pid, NULL);
}

static int launch(const char *program, const char *netns, const struct ctr *c, int dir_fd,
                  struct shale_err *e)
{
    _cleanup_(spawn_pipe_close) struct spawn_pipe ready = SPAWN_PIPE_NONE;
    char ready_text[32], pid_text[24];
    pid_t pid;
    int r = spawn_pipe_open(&ready, e);

    if (r < 0)
        return r;
    _cleanup_close_ int log =
        sys_openat(dir_fd, LOG_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
    if (log < 0)
        return err_sys(e, LOG_FILE);
    (void)snprintf(ready_text, sizeof ready_text, "--ready-fd=%d", ready.w);
    const char *argv[] = {program,
                          "--configure",
                          "--mtu=65520",
                          "--disable-host-loopback",
                          "--netns-type=path",
                          API,
                          ready_text,
                          netns,
                          "tap0",
                          NULL};
    struct spawn_opts o = {.argv = argv,
                           .in = -1,
                           .out = -1,
                           .err = log,
                           .keep_fds = (const int[]){ready.w, -1},
                           .dir = c->dir,
                           .new_session = true};
    (void)sys_unlinkat(dir_fd, SOCKET, 0);
    r = spawn_start(&o, &pid, NULL, e);
    if (r < 0)
        return r;
    wait_aside(pid);
    (void)snprintf(pid_text, sizeof pid_text, "%d\n", (int)pid);
    r = fs_write_atomic(dir_fd, PID_FILE, pid_text, strlen(pid_text), 0600, false, e);
    if (r < 0) {
        (void)kill(pid, SIGTERM);
        return r;
    }
    close(ready.w);
    ready.w = -1;
    return wait_ready(ready.r, dir_fd, e);
}

/* ---- ports ---- */

static int question(const struct meta_port *p, struct arena *a, char **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object();
    json_t *args = json_object();
    int bad = !o || !args;

    jout_str(&bad, args, "proto", p->protocol);
    jout_str(&bad, args, "host_addr", p->host_ip[0] ? p->host_ip : "0.0.0.0");
    jout_int(&bad, args, "host_port", p->host);
    jout_str(&bad, args, "guest_addr", ADDRESS);
    jout_int(&bad, args, "guest_port", p->inside);
    jout_str(&bad, o, "execute", "add_hostfwd");
    jout_put(&bad, o, "arguments", args);
    int r = jout_check(bad, "port", e);
    return r < 0 ? r : jout_text(o, JSON_COMPACT, a, ret, e);
}

static int ask(int dir_fd, const char *text, struct buf *answer, struct shale_err *e)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    const struct timeval limit = {.tv_sec = ANSWER_MS / 1000};
    char block[512];
    ssize_t n;

    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_sys(e, "make a socket");
    (void)snprintf(to.sun_path, sizeof to.sun_path, "/proc/self/fd/%d/" SOCKET, dir_fd);
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    if (connect(fd, (const struct sockaddr *)&to, sizeof to) < 0 ||
        send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text) ||
        shutdown(fd, SHUT_WR) < 0)
        return err_sys(e, "ask " PROGRAM);
    while ((n = recv(fd, block, sizeof block, 0)) > 0)
        buf_add(answer, block, (size_t)n);
    return n < 0 ? err_sys(e, "answer of " PROGRAM) : buf_check(answer, e);
}

static int publish(int dir_fd, const struct meta_port *p, struct arena *a, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf answer = BUF_INIT(ANSWER_BYTES);
    _cleanup_json_ json_t *j = NULL;
    char *text, words[WORDS_MAX];

    if (!streq(p->protocol, "tcp") && !streq(p->protocol, "udp"))
        return err_set(e, SHALE_UNSUPPORTED, "ports of %s need root", p->protocol);
    if (strchr(p->host_ip, ':'))
        return err_set(e, SHALE_UNSUPPORTED,
                       PROGRAM " listens on IPv4 addresses only: port %u of %s needs pasta",
                       p->host, p->host_ip);
    int r = question(p, a, &text, e);
    if (r >= 0)
        r = ask(dir_fd, text, &answer, e);
    if (r >= 0)
        r = json_parse(buf_str(&answer), answer.n, ANSWER_BYTES, &j, e);
    if (r < 0)
        return err_wrap(e, r, PROGRAM);
    const json_t *bad = json_object_get(j, "error");
    if (!bad)
        return 0;
    const char *why = json_string_value(json_object_get(bad, "desc"));
    str_printable(words, sizeof words, why ? why : "it did not say why");
    return err_set(e, SHALE_CONFLICT, "Bind for %s:%u failed: " PROGRAM ": %s",
                   p->host_ip[0] ? p->host_ip : "0.0.0.0", p->host, words);
}

int slirp_start(const struct ctr *c, const char *netns, const struct hostports *ports,
                struct arena *a, struct shale_err *e)
{
    char program[4096];
    int r = proc_which(PROGRAM, program, sizeof program, e);

    if (r < 0)
        return r;
    _cleanup_close_ int dir_fd = fs_open_dir(AT_FDCWD, c->dir, e);
    if (dir_fd < 0)
        return dir_fd;
    r = launch(program, netns, c, dir_fd, e);
    for (size_t i = 0; r >= 0 && i < ports->n; i++)
        r = publish(dir_fd, &ports->v[i], a, e);
    return r;
}

void slirp_stop(const struct ctr *c, struct arena *a)
{
    const char *pidfile = ctr_path(c, a, PID_FILE);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64);
    char path[64];

    if (!pidfile || !fs_exists(AT_FDCWD, pidfile))
        return;
    struct process p = process_find(process_read_pidfile(pidfile));
    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)p.pid);
    if (p.pid > 0 && fs_read_file(AT_FDCWD, path, &b, NULL) >= 0 &&
        str_has_prefix(buf_str(&b), PROGRAM))
        (void)process_kill(&p, SIGTERM, NULL);
    (void)sys_unlinkat(AT_FDCWD, pidfile, 0);
}
