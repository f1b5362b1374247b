/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mounts.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/sys.h"

#define PATH            "/proc/self/mountinfo"
#define KEPT_MAX_BYTES  (1u << 20)
#define READ_ROOM_BYTES (64u << 10)

/* The list of process `pid`, with the descriptor that tells when it is no longer true. */
static struct {
    pthread_mutex_t mutex;
    int fd; /* -1: none */
    pid_t pid;
    bool whole; /* text is what was read last */
    uint64_t n_reads;
    struct buf text;
} kept = {.mutex = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .text = BUF_INIT(KEPT_MAX_BYTES)};

/* Whether the text is still true. Asking makes the kernel take note: what is mounted from here on
 * is told the next time. */
static bool is_true(void)
{
    struct pollfd p = {.fd = kept.fd, .events = POLLPRI};

    return poll(&p, 1, 0) == 0 && kept.whole;
}

static bool read_anew(void)
{
    size_t got;

    kept.whole = false;
    buf_reset(&kept.text);
    if (lseek(kept.fd, 0, SEEK_SET) != 0)
        return false;
    do {
        size_t left = kept.text.max - kept.text.n;
        size_t n = left < READ_ROOM_BYTES ? left : READ_ROOM_BYTES;
        char *p = n ? buf_room(&kept.text, n) : NULL;
        if (!p || sys_read_full(kept.fd, p, n, &got) < 0)
            return false;
        kept.text.n += got;
    } while (got > 0);
    kept.whole = true;
    kept.n_reads++;
    return true;
}

static bool have_text(void)
{
    if (kept.fd < 0 || kept.pid != getpid()) {
        if (kept.fd >= 0)
            close(kept.fd);
        kept.fd = sys_openat(AT_FDCWD, PATH, O_RDONLY, 0);
        kept.pid = getpid();
        kept.whole = false;
    }
    return kept.fd >= 0 && (is_true() || read_anew());
}

int mounts_read(struct buf *b, struct shale_err *e)
{
    pthread_mutex_lock(&kept.mutex);
    bool have = have_text();
    if (have)
        buf_add(b, kept.text.p, kept.text.n);
    pthread_mutex_unlock(&kept.mutex);
    /* Too long to be kept, or out of memory: this one read says so. */
    return have ? buf_check(b, e) : fs_read_file(AT_FDCWD, PATH, b, e);
}

uint64_t mounts_stamp(void)
{
    pthread_mutex_lock(&kept.mutex);
    uint64_t n = have_text() ? kept.n_reads : 0;
    pthread_mutex_unlock(&kept.mutex);
    return n;
}
