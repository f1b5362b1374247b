/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/observe/equeue.h"

#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"

#define HEAD_FORMAT "shale-events-1 %020" PRIu64 "\n"
#define HEAD_BYTES  36u /* of it: 15 + 20 + 1 */
#define LINE_BYTES  (EQUEUE_MAX_TEXT + 32)
#define BLOCK_BYTES (64u << 10)
#define WASTE_BYTES (1u << 20) /* popped bytes below this are left in the file */

struct equeue {
    int dirfd, fd;
    char name[80];
    uint64_t head, size; /* places in the file */
    uint64_t n, max;
};

/* ---- the file ---- */

static int write_head(int fd, uint64_t head, struct shale_err *e)
{
    char text[HEAD_BYTES + 1];

    snprintf(text, sizeof text, HEAD_FORMAT, head);
    return sys_pwrite_all(fd, text, HEAD_BYTES, 0) < 0 ? err_sys(e, "write a queue") : 0;
}

static int read_head(struct equeue *q, struct shale_err *e)
{
    char text[HEAD_BYTES + 1], again[HEAD_BYTES + 1];
    size_t n;

    if (sys_pread_full(q->fd, text, HEAD_BYTES, 0, &n) < 0)
        return err_sys(e, "read %s", q->name);
    text[n] = 0;
    if (n < HEAD_BYTES && strncmp(text, "shale-events-1 ", n < 15 ? n : 15) == 0) {
        q->head = q->size = HEAD_BYTES; /* new, or made just before a crash */
        if (sys_ftruncate(q->fd, 0) < 0)
            return err_sys(e, "write %s", q->name);
        return write_head(q->fd, q->head, e);
    }
    if (sscanf(text, "shale-events-1 %" SCNu64, &q->head) != 1 || q->head < HEAD_BYTES)
        q->head = 0;
    snprintf(again, sizeof again, HEAD_FORMAT, q->head);
    if (!streq(text, again))
        return err_set(e, SHALE_CORRUPT, "%s is not a queue of events; move it away", q->name);
    return 0;
}

/* Counts lines from the head on, and cuts off what follows the last newline. */
static int count_lines(struct equeue *q, struct shale_err *e)
{
    _cleanup_free_ char *block = mem_alloc(BLOCK_BYTES);
    uint64_t at = q->head, end = q->head;
    size_t n;

    if (!block)
        return err_nomem(e);
    do {
        if (sys_pread_full(q->fd, block, BLOCK_BYTES, at, &n) < 0)
            return err_sys(e, "read %s", q->name);
        for (const char *p = block, *stop = block + n; (p = memchr(p, '\n', (size_t)(stop - p)));
             p++) {
            q->n++;
            end = at + (uint64_t)(p - block) + 1;
        }
        at += n;
    } while (n == BLOCK_BYTES);
    q->size = end;
    if (at != end && sys_ftruncate(q->fd, end) < 0)
        return err_sys(e, "write %s", q->name);
    return 0;
}

static int open_file(struct equeue *q, struct shale_err *e)
{
    struct stat st;

    q->fd = sys_openat(q->dirfd, q->name, O_RDWR | O_CREAT | O_NOFOLLOW, 0640);
    if (q->fd < 0 || fstat(q->fd, &st) < 0)
        return err_sys(e, "open %s", q->name);
    if ((uint64_t)st.st_size > EQUEUE_MAX_FILE_BYTES)
        return err_set(e, SHALE_LIMIT, "%s has more than %llu bytes; move it away", q->name,
                       EQUEUE_MAX_FILE_BYTES);
    int r = read_head(q, e);
    if (r < 0)
        return r;
    if (q->head > (uint64_t)st.st_size) { /* emptied, and then a crash */
        q->head = q->size = HEAD_BYTES;
        if (sys_ftruncate(q->fd, HEAD_BYTES) < 0)
            return err_sys(e, "write %s", q->name);
        return write_head(q->fd, q->head, e);
    }
    return count_lines(q, e);
}

int equeue_open(int dirfd, const char *name, uint64_t max, struct equeue **ret, struct shale_err *e)
{
    struct equeue *q = mem_alloc(sizeof *q);

    if (!q)
        return err_nomem(e);
    q->fd = -1;
    q->dirfd = dirfd;
    q->max = max;
    snprintf(q->name, sizeof q->name, "%s.queue", name);
    int r = open_file(q, e);
    if (r < 0) {
        equeue_close(q);
        return r;
    }
    *ret = q;
    return 0;
}

struct equeue *equeue_close(struct equeue *q)
{
    if (q) {
        if (q->fd >= 0)
            close(q->fd);
        free(q);
    }
    return NULL;
}

uint64_t equeue_count(const struct equeue *q)
{
    return q->n;
}

/* ---- giving space back ---- */

static int empty(struct equeue *q, struct shale_err *e)
{
    if (sys_ftruncate(q->fd, HEAD_BYTES) < 0)
        return err_sys(e, "write %s", q->name);
    q->head = q->size = HEAD_BYTES;
    return write_head(q->fd, q->head, e);
}

/* The rest in a file of its own, in place of the old one. */
static int compact(struct equeue *q, struct shale_err *e)
{
    char tmp[96];

    snprintf(tmp, sizeof tmp, "%s.new", q->name);
    _cleanup_close_ int fd =
        sys_openat(q->dirfd, tmp, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW, 0640);
    if (fd < 0)
        return err_sys(e, "create %s", tmp);
    int r = write_head(fd, HEAD_BYTES, e);
    if (r < 0)
        return r;
    if (lseek(fd, HEAD_BYTES, SEEK_SET) < 0 || lseek(q->fd, (off_t)q->head, SEEK_SET) < 0)
        return err_sys(e, "seek in %s", q->name);
    r = fs_copy_fd(q->fd, fd, q->size - q->head, e);
    if (r < 0)
        return r;
    if (sys_fdatasync(fd) < 0 || sys_renameat(q->dirfd, tmp, q->dirfd, q->name) < 0)
        return err_sys(e, "write %s", q->name);
    close(q->fd);
    q->fd = TAKE_FD(fd);
    q->size = q->size - q->head + HEAD_BYTES;
    q->head = HEAD_BYTES;
    return 0;
}

/* ---- texts ---- */

/* The line at the head into a buffer, with its newline. Its length, or 0 when there is none. */
static int line_at_head(struct equeue *q, char line[LINE_BYTES], size_t *ret_n, struct shale_err *e)
{
    size_t n;

    if (sys_pread_full(q->fd, line, LINE_BYTES, q->head, &n) < 0)
        return err_sys(e, "read %s", q->name);
    const char *end = memchr(line, '\n', n);
    if (!end && n == LINE_BYTES)
        return err_set(e, SHALE_CORRUPT, "%s has a line that is too long; move it away", q->name);
    *ret_n = end ? (size_t)(end - line) + 1 : 0;
    return 0;
}

int equeue_peek(struct equeue *q, struct buf *b, int64_t *ret_time_ns, uint64_t *ret_place,
                struct shale_err *e)
{
    char line[LINE_BYTES];
    size_t n;

    if (q->n == 0)
        return 0;
    int r = line_at_head(q, line, &n, e);
    if (r < 0)
        return r;
    if (n == 0) /* somebody else has cut the file */
        return err_set(e, SHALE_CORRUPT, "%s is shorter than it was", q->name);
    line[n - 1] = 0;
    char *blank = strchr(line, ' ');
    if (blank)
        *blank = 0;
    if (!blank || !str_to_i64(line, ret_time_ns))
        *ret_time_ns = 0;
    buf_reset(b);
    if (blank)
        buf_adds(b, blank + 1);
    *ret_place = q->head;
    r = buf_check(b, e);
    return r < 0 ? r : 1;
}

int equeue_pop(struct equeue *q, uint64_t place, struct shale_err *e)
{
    char line[LINE_BYTES];
    size_t n;

    if (q->n == 0 || place != q->head)
        return 0;
    int r = line_at_head(q, line, &n, e);
    if (r < 0)
        return r;
    q->head += n;
    q->n--;
    if (q->n == 0)
        return empty(q, e);
    if (q->head > WASTE_BYTES && q->head > q->size / 2)
        return compact(q, e);
    return write_head(q->fd, q->head, e);
}

int equeue_put(struct equeue *q, int64_t time_ns, const char *text, size_t n, uint64_t *ret_dropped,
               struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LINE_BYTES);

    *ret_dropped = 0;
    if (n > EQUEUE_MAX_TEXT || memchr(text, '\n', n))
        return err_set(e, SHALE_INVALID, "an event of %zu bytes, or with newlines", n);
    while (q->n >= q->max) {
        int r = equeue_pop(q, q->head, e);
        if (r < 0)
            return r;
        ++*ret_dropped;
    }
    buf_addf(&b, "%" PRId64 " ", time_ns);
    buf_add(&b, text, n);
    buf_addc(&b, '\n');
    int r = buf_check(&b, e);
    if (r < 0)
        return r;
    if (sys_pwrite_all(q->fd, b.p, b.n, q->size) < 0) {
        r = err_sys(e, "write %s", q->name);
        (void)sys_ftruncate(q->fd, q->size); /* nothing torn stays in the middle */
        return r;
    }
    q->size += b.n;
    q->n++;
    return 0;
}

int equeue_sync(struct equeue *q, struct shale_err *e)
{
    return sys_fdatasync(q->fd) < 0 ? err_sys(e, "sync %s", q->name) : 0;
}
