/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/observe/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/sys.h"

#define LOCK_FILE   HANDOVER_FILE ".lock"
#define LINE_BYTES  (16u << 10)
#define ARENA_BYTES (64u << 10)

struct handover {
    int fd, lock;
    uint64_t size;
};

/* What of an event is kept. */
struct line {
    char *repository, *tag, *digest, *user_agent;
    int64_t time_ns, action;
};
static const struct json_field fields[] = {
    {"repository", JB_STR, offsetof(struct line, repository), 0},
    {"tag", JB_STR, offsetof(struct line, tag), 0},
    {"digest", JB_STR, offsetof(struct line, digest), 0},
    {"useragent", JB_STR, offsetof(struct line, user_agent), 0},
    {"time", JB_I64, offsetof(struct line, time_ns), 0},
    {"action", JB_I64, offsetof(struct line, action), 0},
};

/* ---- writing ---- */

int handover_open(int root_fd, struct cancel *cancel, struct handover **ret, struct shale_err *e)
{
    struct handover *h = mem_alloc(sizeof *h);
    struct stat st;

    if (!h)
        return err_nomem(e);
    h->fd = -1;
    h->lock = lock_take(root_fd, LOCK_FILE, LOCK_EXCLUSIVE, cancel, e);
    if (h->lock < 0) {
        int r = h->lock;
        free(h);
        return r;
    }
    h->fd = sys_openat(root_fd, HANDOVER_FILE, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW, 0600);
    if (h->fd < 0 || fstat(h->fd, &st) < 0) {
        int r = err_sys(e, "open " HANDOVER_FILE);
        (void)handover_close(h, NULL);
        return r;
    }
    h->size = (uint64_t)st.st_size;
    *ret = h;
    return 0;
}

static void put(json_t *j, const char *name, const char *value)
{
    if (value)
        json_object_set_new(j, name, json_string(value));
}

int handover_put(struct handover *h, const struct notify_event *ev, struct shale_err *e)
{
    _cleanup_json_ json_t *j = json_object();
    _cleanup_free_ char *text = NULL;
    _cleanup_(buf_clear) struct buf line = BUF_INIT(LINE_BYTES);

    put(j, "repository", ev->repository);
    put(j, "tag", ev->tag);
    put(j, "digest", ev->digest);
    put(j, "useragent", ev->user_agent);
    if (j) {
        json_object_set_new(j, "time", json_integer(ev->time_ns));
        json_object_set_new(j, "action", json_integer((json_int_t)ev->action));
        text = json_text(j);
    }
    if (!text)
        return err_nomem(e);
    buf_addf(&line, "%s\n", text);
    int r = buf_check(&line, e);
    if (r < 0)
        return r;
    if (h->size + line.n > HANDOVER_MAX_BYTES)
        return err_set(e, SHALE_LIMIT,
                       HANDOVER_FILE " is full: no server takes the events of collections");
    if (sys_write_all(h->fd, line.p, line.n) < 0)
        return err_sys(e, "write " HANDOVER_FILE);
    h->size += line.n;
    return 0;
}

int handover_close(struct handover *h, struct shale_err *e)
{
    int r = 0;

    if (!h)
        return 0;
    if (h->fd >= 0 && sys_fsync(h->fd) < 0)
        r = err_sys(e, "sync " HANDOVER_FILE);
    if (h->fd >= 0)
        close(h->fd);
    close(h->lock);
    free(h);
    return r;
}

/* ---- reading ---- */

static bool tell(const char *text, size_t n, void (*f)(void *arg, const struct notify_event *ev),
                 void *arg)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_BYTES);
    _cleanup_json_ json_t *j = NULL;
    struct line x = {0};

    if (n == 0 || json_parse(text, n, LINE_BYTES, &j, NULL) < 0 ||
        json_bind(j, fields, ARRAY_SIZE(fields), &x, &a, NULL) < 0)
        return false;
    f(arg, &(struct notify_event){.action = (unsigned)x.action,
                                  .time_ns = x.time_ns,
                                  .repository = x.repository,
                                  .tag = x.tag,
                                  .digest = x.digest,
                                  .user_agent = x.user_agent});
    return true;
}

int handover_take(int root_fd, void (*f)(void *arg, const struct notify_event *ev), void *arg,
                  struct shale_err *e)
{
    _cleanup_free_ char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    int count = 0;

    if (faccessat(root_fd, HANDOVER_FILE, F_OK, 0) < 0)
        return 0; /* the usual case */
    _cleanup_close_ int lock = lock_try(root_fd, LOCK_FILE, LOCK_EXCLUSIVE, e);
    if (lock < 0)
        return lock == -SHALE_IN_USE ? 0 : lock;
    int fd = sys_openat(root_fd, HANDOVER_FILE, O_RDONLY | O_NOFOLLOW, 0);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_sys(e, "open " HANDOVER_FILE);
    FILE *in = fdopen(fd, "r");
    if (!in) {
        close(fd);
        return err_nomem(e);
    }
    while ((n = getline(&line, &cap, in)) > 0)
        count += tell(line, (size_t)n - (line[n - 1] == '\n'), f, arg);
    (void)fclose(in);
    if (sys_unlinkat(root_fd, HANDOVER_FILE, 0) < 0)
        return err_sys(e, "remove " HANDOVER_FILE);
    return count;
}
