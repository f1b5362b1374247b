/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Tars made in memory: put_member for each, then put_end (two blocks of zeros). */
#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define PUT_BLOCK 512

struct put_member {
    const char *name, *link; /* link: NULL is none */
    char type;               /* of ustar: '0' a file, '5' a folder, … */
    unsigned mode, uid;      /* mode 0: 0644; the group is as the user */
    unsigned long mtime;
    const void *p; /* n bytes of data */
    size_t n;
};

static inline void put_member(struct buf *tar, const struct put_member *m)
{
    static const char zeros[PUT_BLOCK];
    char h[PUT_BLOCK] = "";
    unsigned sum = 0;

    (void)snprintf(h, 100, "%s", m->name);
    (void)snprintf(h + 100, 8, "%07o", (m->mode ? m->mode : 0644) & 07777);
    (void)snprintf(h + 108, 8, "%07o", m->uid & 07777777);
    (void)snprintf(h + 116, 8, "%07o", m->uid & 07777777);
    (void)snprintf(h + 124, 12, "%011zo", m->n);
    (void)snprintf(h + 136, 12, "%011lo", m->mtime);
    memset(h + 148, ' ', 8);
    h[156] = m->type;
    (void)snprintf(h + 157, 100, "%s", m->link ? m->link : "");
    memcpy(h + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof h; i++)
        sum += (unsigned char)h[i];
    (void)snprintf(h + 148, 8, "%06o", sum);
    buf_add(tar, h, sizeof h);
    buf_add(tar, m->p, m->n);
    buf_add(tar, zeros, (PUT_BLOCK - m->n % PUT_BLOCK) % PUT_BLOCK);
}

static inline void put_end(struct buf *tar)
{
    static const char zeros[2 * PUT_BLOCK];

    buf_add(tar, zeros, sizeof zeros);
}
