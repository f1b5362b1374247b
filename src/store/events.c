/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the journal. */
#include "store/events.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "store/events_priv.h"
#include "store/store_priv.h"

#define BATCH_BYTES  (1u << 20) /* of one write */
#define LOCK_TRIES   400        /* then it is written all the same */
#define LOCK_STEP_US 500

/* docker's words */
static const struct {
    const char *type, *action;
} kinds[EVENT_KINDS] = {
    [EVENT_CONTAINER_ATTACH] = {"container", "attach"},
    [EVENT_CONTAINER_COMMIT] = {"container", "commit"},
    [EVENT_CONTAINER_COPY_IN] = {"container", "extract-to-dir"},
    [EVENT_CONTAINER_COPY_OUT] = {"container", "archive-path"},
    [EVENT_CONTAINER_CREATE] = {"container", "create"},
    [EVENT_CONTAINER_DESTROY] = {"container", "destroy"},
    [EVENT_CONTAINER_DETACH] = {"container", "detach"},
    [EVENT_CONTAINER_DIE] = {"container", "die"},
    [EVENT_CONTAINER_EXEC_CREATE] = {"container", "exec_create"},
    [EVENT_CONTAINER_EXEC_DETACH] = {"container", "exec_detach"},
    [EVENT_CONTAINER_EXEC_DIE] = {"container", "exec_die"},
    [EVENT_CONTAINER_EXEC_START] = {"container", "exec_start"},
    [EVENT_CONTAINER_EXPORT] = {"container", "export"},
    [EVENT_CONTAINER_HEALTH_STATUS] = {"container", "health_status"},
    [EVENT_CONTAINER_KILL] = {"container", "kill"},
    [EVENT_CONTAINER_OOM] = {"container", "oom"},
    [EVENT_CONTAINER_PAUSE] = {"container", "pause"},
    [EVENT_CONTAINER_PRUNE] = {"container", "prune"},
    [EVENT_CONTAINER_RENAME] = {"container", "rename"},
    [EVENT_CONTAINER_RESIZE] = {"container", "resize"},
    [EVENT_CONTAINER_RESTART] = {"container", "restart"},
    [EVENT_CONTAINER_START] = {"container", "start"},
    [EVENT_CONTAINER_STOP] = {"container", "stop"},
    [EVENT_CONTAINER_TOP] = {"container", "top"},
    [EVENT_CONTAINER_UNPAUSE] = {"container", "unpause"},
    [EVENT_CONTAINER_UPDATE] = {"container", "update"},
    [EVENT_IMAGE_CREATE] = {"image", "create"},
    [EVENT_IMAGE_DELETE] = {"image", "delete"},
    [EVENT_IMAGE_IMPORT] = {"image", "import"},
    [EVENT_IMAGE_LOAD] = {"image", "load"},
    [EVENT_IMAGE_PRUNE] = {"image", "prune"},
    [EVENT_IMAGE_PULL] = {"image", "pull"},
    [EVENT_IMAGE_PUSH] = {"image", "push"},
    [EVENT_IMAGE_SAVE] = {"image", "save"},
    [EVENT_IMAGE_TAG] = {"image", "tag"},
    [EVENT_IMAGE_UNTAG] = {"image", "untag"},
    [EVENT_NETWORK_CONNECT] = {"network", "connect"},
    [EVENT_NETWORK_CREATE] = {"network", "create"},
    [EVENT_NETWORK_DESTROY] = {"network", "destroy"},
    [EVENT_NETWORK_DISCONNECT] = {"network", "disconnect"},
    [EVENT_NETWORK_PRUNE] = {"network", "prune"},
    [EVENT_VOLUME_CREATE] = {"volume", "create"},
    [EVENT_VOLUME_DESTROY] = {"volume", "destroy"},
    [EVENT_VOLUME_MOUNT] = {"volume", "mount"},
    [EVENT_VOLUME_PRUNE] = {"volume", "prune"},
    [EVENT_VOLUME_UNMOUNT] = {"volume", "unmount"},
};

/* ---- one event as text ---- */

/* Bytes that are not UTF-8 (of a command line, say) become question marks. */
static json_t *string_of(const char *s)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(EVENTS_LINE_BYTES);
    json_t *j = json_string(s);

    for (; !j && *s; s++)
        buf_addc(&b, (unsigned char)*s >= 0x80 ? '?' : *s);
    return j || b.failed ? j : json_string(buf_str(&b));
}

static json_t *action_of(const struct event *ev)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(EVENTS_LINE_BYTES);

    buf_addf(&b, "%s%s%s", kinds[ev->kind].action, ev->detail ? ": " : "",
             ev->detail ? ev->detail : "");
    return b.failed ? NULL : string_of(buf_str(&b));
}

static json_t *labels_of(const struct event *ev)
{
    json_t *j = NULL;

    if (ev->labels && *ev->labels &&
        json_parse(ev->labels, strlen(ev->labels), EVENTS_LINE_BYTES, &j, NULL) >= 0 &&
        !json_is_object(j)) {
        json_decref(j);
        j = NULL;
    }
    return j ? j : json_object();
}

/* Does it stand in JSON as it is? */
static bool is_plain(const char *s)
{
    for (; *s; s++)
        if (*s < 0x20 || *s >= 0x7f || *s == '"' || *s == '\\')
            return false;
    return true;
}

static bool all_plain(const struct event *ev)
{
    if ((ev->labels && *ev->labels) || (ev->detail && !is_plain(ev->detail)) ||
        (ev->id && !is_plain(ev->id)))
        return false;
    for (const char *const *a = ev->attrs; a && a[0] && a[1]; a += 2) {
        if (!is_plain(a[0]) || !is_plain(a[1]))
            return false;
        for (const char *const *before = ev->attrs; before < a; before += 2)
            if (streq(before[0], a[0]))
                return false;
    }
    return true;
}

/* The same as a document would give, for the many of a removal of many images. */
static void format_plain(const struct event *ev, struct buf *b)
{
    const char *const pieces[] = {
        "{\"Type\":\"",         kinds[ev->kind].type,   "\",\"Action\":\"",
        kinds[ev->kind].action, ev->detail ? ": " : "", ev->detail ? ev->detail : "",
        "\",\"ID\":\"",         ev->id ? ev->id : "",   "\",\"Attributes\":{"};

    for (size_t i = 0; i < ARRAY_SIZE(pieces); i++)
        buf_adds(b, pieces[i]);
    for (const char *const *a = ev->attrs; a && a[0] && a[1]; a += 2) {
        buf_adds(b, a == ev->attrs ? "\"" : ",\"");
        buf_adds(b, a[0]);
        buf_adds(b, "\":\"");
        buf_adds(b, a[1]);
        buf_adds(b, "\"");
    }
    buf_adds(b, "}}");
}

/* What comes behind the time. Without labels when it would be too long with them. */
static int format(const struct event *ev, bool with_labels, struct buf *b)
{
    size_t before = b->n;

    if (all_plain(ev)) {
        format_plain(ev, b);
        if (b->failed)
            return -SHALE_NO_MEMORY;
        if (b->n - before <= EVENTS_LINE_BYTES)
            return 0;
        b->n = before;
        return -SHALE_LIMIT;
    }
    _cleanup_json_ json_t *line = json_object();
    json_t *attrs = with_labels ? labels_of(ev) : json_object();
    int bad = 0;

    for (const char *const *a = ev->attrs; a && a[0] && a[1]; a += 2)
        bad |= json_object_set_new(attrs, a[0], string_of(a[1]));
    bad |= json_object_set_new(line, "Type", json_string(kinds[ev->kind].type));
    bad |= json_object_set_new(line, "Action", action_of(ev));
    bad |= json_object_set_new(line, "ID", string_of(ev->id ? ev->id : ""));
    bad |= json_object_set_new(line, "Attributes", attrs);
    _cleanup_free_ char *text = bad ? NULL : json_text(line);
    if (!text)
        return -SHALE_INVALID;
    if (strlen(text) > EVENTS_LINE_BYTES)
        return -SHALE_LIMIT;
    buf_adds(b, text);
    return b->failed ? -SHALE_NO_MEMORY : 0;
}

/* ---- the file ---- */

int events_open_dir(struct store *s)
{
    int fd = sys_openat(s->root_fd, EVENTS_DIR, O_RDONLY | O_DIRECTORY, 0);

    if (fd >= 0 || errno != ENOENT || s->read_only)
        return fd;
    if (sys_mkdirat(s->root_fd, EVENTS_DIR, 0700) < 0 && errno != EEXIST)
        return -1;
    return sys_openat(s->root_fd, EVENTS_DIR, O_RDONLY | O_DIRECTORY, 0);
}

/* A process that was stopped with the lock does not stop others. */
static void lock(int dir)
{
    for (int i = 0; i < LOCK_TRIES && lock_fd_try(dir, LOCK_EXCLUSIVE, NULL) == 0; i++)
        usleep(LOCK_STEP_US);
}

/* The log, at most so long that `n` more bytes may be added. */
static int open_log(int dir, size_t n, struct stat *st)
{
    const int flags = O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW;
    int fd = sys_openat(dir, EVENTS_LOG, flags, 0600);

    if (fd < 0 || fstat(fd, st) < 0 || st->st_size == 0 ||
        (uint64_t)st->st_size + n <= EVENTS_LOG_BYTES)
        return fd;
    close(fd);
    if (sys_renameat(dir, EVENTS_LOG, dir, EVENTS_OLD) < 0)
        return -1;
    fd = sys_openat(dir, EVENTS_LOG, flags, 0600);
    st->st_size = 0;
    return fd;
}

/* `bodies` are n texts, each with a NUL behind it. */
static int append(struct store *s, const struct buf *bodies, size_t n)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(2 * BATCH_BYTES);
    _cleanup_close_ int dir = events_open_dir(s), fd = -1;
    const char *body = bodies->p;
    struct stat st = {0};
    size_t got = 0;
    char last = '\n';

    if (dir < 0)
        return -1;
    lock(dir);
    fd = open_log(dir, bodies->n, &st);
    if (fd < 0)
        return -1;
    if (st.st_size > 0 && sys_pread_full(fd, &last, 1, (uint64_t)st.st_size - 1, &got) < 0)
        return -1;
    if (last != '\n') /* of a writer that was killed, or a disk that was full */
        buf_addc(&out, '\n');
    int64_t now = time_now_ns();
    for (size_t i = 0; i < n; i++) {
        buf_addf(&out, "%lld %s\n", (long long)now++, body);
        body += strlen(body) + 1;
    }
    if (out.failed) {
        errno = ENOMEM;
        return -1;
    }
    return sys_write_all(fd, out.p, out.n);
}

static void flush(struct store *s, struct buf *bodies, size_t *n)
{
    int saved = errno;

    if (*n > 0 && append(s, bodies, *n) < 0)
        log_debug("journal of events: %s", strerror(errno));
    buf_reset(bodies);
    *n = 0;
    errno = saved;
}

void store_events_add(struct store *s, const struct event *v, size_t n)
{
    _cleanup_(buf_clear) struct buf bodies = BUF_INIT(BATCH_BYTES);
    size_t waiting = 0;

    if (s->read_only)
        return;
    for (size_t i = 0; i < n; i++) {
        size_t before = bodies.n;
        int r = format(&v[i], true, &bodies);
        if (r == -SHALE_LIMIT || r == -SHALE_INVALID)
            r = format(&v[i], false, &bodies);
        if (r < 0) {
            log_debug("an event of %s cannot be written", v[i].id ? v[i].id : "");
            bodies.failed = 0;
            bodies.n = before;
            continue;
        }
        buf_addc(&bodies, 0);
        waiting++;
        if (bodies.n > BATCH_BYTES - 2 * EVENTS_LINE_BYTES)
            flush(s, &bodies, &waiting);
    }
    flush(s, &bodies, &waiting);
}

void store_event(struct store *s, enum event_kind kind, const char *detail, const char *id,
                 const char *labels, const char *const *attrs)
{
    store_events_add(s, &(struct event){kind, detail, id, labels, attrs}, 1);
}

void store_image_event(struct store *s, enum event_kind kind, const struct digest *image,
                       const char *id, const char *name)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    const char *const attrs[] = {name ? "name" : NULL, name, NULL};
    struct meta_image row = {.labels = ""};

    if (s->read_only)
        return;
    if (meta_image_get(s->meta, image, &a, &row, NULL) < 0)
        row.labels = "";
    store_event(s, kind, NULL, id, row.labels, attrs);
}
