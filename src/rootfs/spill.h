/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Bounded memory for what grows with the number of an image's files. Arrays that lie in memory
 * while they are small (SPILL_ABOVE_BYTES) and in a file without a name once they are not; and the
 * pace at which those who work on them let go of what the process has mapped of them.
 *
 *   struct spill s = SPILL_INIT;
 *   spill_resize(&s, dirfd, n_bytes);   // s.p; new bytes are zeros; it may move, as with realloc
 *   spill_let_go(&s);                   // nothing is lost: it comes from the file's cache again
 *   spill_clear(&s);
 *
 * The file's blocks are taken when it grows, so that a full disk is noticed there and not by a
 * signal later. Where a file cannot be had (a full disk, a file system without it), the array stays
 * in memory. Not for several threads at once.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SPILL_ABOVE_BYTES (2u << 20)

struct spill {
    void *p;
    size_t n_bytes;
    int fd; /* -1: in memory */
};
#define SPILL_INIT                                                                                 \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/* dirfd: a folder of the file system to use; -1: memory only. 0, or -1 when memory is out; then all
 * is as before. */
int spill_resize(struct spill *s, int dirfd, size_t n_bytes);
void spill_let_go(const struct spill *s);
void spill_clear(struct spill *s);

/*
 * When to let go: once the process holds PACE_BYTES more than when the work began. pace_due is
 * called for every step, with the place it goes to (of things that lie side by side by number:
 * far jumps cost more memory than small ones), and answers true when everything that can be let go
 * is to be; pace_done comes after that. Where there is no /proc to look at, it is every
 * PACE_BLIND-th look. Work that goes all over the place, so that letting go costs more than it
 * is worth (more often than PACE_FREE times and once in PACE_EVERY steps), is given all the room it
 * wants.
 */
#define PACE_BYTES (8u << 20)
#define PACE_LOOK  1024 /* steps between looks */
#define PACE_FAR   1024 /* jumps from here on weigh most */
#define PACE_NEAR  16   /* so far is one more step */
#define PACE_BLIND 32
#define PACE_FREE  32
#define PACE_EVERY 8192

struct pace {
    int fd;                 /* of /proc/self/statm, -1: none */
    uint32_t weight, looks; /* since the last look; looks that saw nothing */
    uint32_t last;          /* place */
    uint64_t steps, times;  /* in all; that something was let go */
    uint64_t floor, room;   /* bytes */
};

void pace_init(struct pace *p);
bool pace_due(struct pace *p, uint32_t place);
/* What is left is not ours to let go: it counts as having been there, but for half of the bytes. */
void pace_done(struct pace *p);
void pace_clear(struct pace *p);
