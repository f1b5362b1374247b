/* SPDX-License-Identifier: Apache-2.0 */
#include "rootfs/spill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/sys.h"

/* ---- arrays ---- */

static int resize_memory(struct spill *s, size_t n_bytes)
{
    char *p = mem_resize(s->p, n_bytes);

    if (!p)
        return -1;
    if (n_bytes > s->n_bytes)
        memset(p + s->n_bytes, 0, n_bytes - s->n_bytes);
    s->p = p;
    s->n_bytes = n_bytes;
    return 0;
}

/* From memory into a file of its own. -1: it cannot be. */
static int move_out(struct spill *s, int dirfd, size_t n_bytes)
{
    int fd = sys_openat(dirfd, ".", O_TMPFILE | O_RDWR, 0600);

    if (fd < 0)
        return -1;
    if (fallocate(fd, 0, 0, (off_t)n_bytes) == 0) {
        void *p = mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (p != MAP_FAILED) {
            if (s->n_bytes > 0)
                memcpy(p, s->p, s->n_bytes);
            free(s->p);
            *s = (struct spill){p, n_bytes, fd};
            return 0;
        }
    }
    close(fd);
    return -1;
}

/* Back into memory: the disk is full. */
static int move_in(struct spill *s, size_t n_bytes)
{
    char *p = mem_alloc(n_bytes);

    if (!p)
        return -1;
    memcpy(p, s->p, s->n_bytes);
    spill_clear(s);
    *s = (struct spill){p, n_bytes, -1};
    return 0;
}

int spill_resize(struct spill *s, int dirfd, size_t n_bytes)
{
    if (n_bytes <= s->n_bytes)
        return 0;
    if (s->fd < 0) {
        if (dirfd >= 0 && n_bytes > SPILL_ABOVE_BYTES && move_out(s, dirfd, n_bytes) == 0)
            return 0;
        return resize_memory(s, n_bytes);
    }
    if (fallocate(s->fd, 0, 0, (off_t)n_bytes) < 0)
        return move_in(s, n_bytes);
    void *p = mremap(s->p, s->n_bytes, n_bytes, MREMAP_MAYMOVE);
    if (p == MAP_FAILED)
        return -1;
    s->p = p;
    s->n_bytes = n_bytes;
    return 0;
}

void spill_let_go(const struct spill *s)
{
    if (s->fd >= 0)
        (void)madvise(s->p, s->n_bytes, MADV_DONTNEED);
}

void spill_clear(struct spill *s)
{
    if (s->fd >= 0) {
        munmap(s->p, s->n_bytes);
        close(s->fd);
    } else {
        free(s->p);
    }
    *s = (struct spill)SPILL_INIT;
}

/* ---- pace ---- */

/* What the process holds; 0: not known. */
static uint64_t resident(const struct pace *p)
{
    char text[64];
    ssize_t n = p->fd < 0 ? -1 : pread(p->fd, text, sizeof text - 1, 0);

    if (n <= 0)
        return 0;
    text[n] = 0;
    const char *second = strchr(text, ' ');
    return second ? strtoull(second, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

void pace_init(struct pace *p)
{
    *p = (struct pace){.fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC), .room = PACE_BYTES};
    p->floor = resident(p);
}

bool pace_due(struct pace *p, uint32_t place)
{
    uint32_t way = place > p->last ? place - p->last : p->last - place;

    p->last = place;
    p->steps++;
    p->weight += 1 + (way < PACE_FAR ? way : PACE_FAR) / PACE_NEAR;
    if (p->weight < PACE_LOOK)
        return false;
    p->weight = 0;
    uint64_t now = resident(p);
    return now ? now > p->floor + p->room : ++p->looks % PACE_BLIND == 0;
}

void pace_done(struct pace *p)
{
    uint64_t now = resident(p);

    if (++p->times > PACE_FREE + p->steps / PACE_EVERY)
        p->room = UINT64_MAX / 2;
    if (now > p->floor + p->room / 2)
        p->floor = now - p->room / 2;
}

void pace_clear(struct pace *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
}
