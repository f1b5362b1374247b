/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the tests of this folder share: archives put together byte by byte, and readers that write
 * down what they were told, one line a member. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/str.h"
#include "tar/tar.h"

struct member { /* a header; what is 0 or NULL has a plain value */
    const char *name;
    char flag; /* 0: '0'; '-': a NUL */
    const char *link, *prefix;
    const char *magic; /* 8 bytes; NULL: ustar */
    uint64_t size;
    const char *size_field;                /* raw, 12 bytes */
    const char *uid_field;                 /* raw, 8 bytes */
    const char *mtime_field;               /* raw, 12 bytes */
    const char *major_field, *minor_field; /* raw, 8 bytes */
    unsigned mode;
};

#define MAGIC_USTAR "ustar\00000"
#define MAGIC_GNU   "ustar  \0"
#define MAGIC_V7    "\0\0\0\0\0\0\0\0"

static inline void set_sum(unsigned char *b)
{
    unsigned sum = 0;

    memset(b + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += b[i];
    snprintf((char *)b + 148, 7, "%06o", sum);
}

static inline void put_text(unsigned char *at, size_t n, const char *s)
{
    size_t len = s ? strlen(s) : 0;

    assert_true(len <= n);
    if (len)
        memcpy(at, s, len);
}

static inline void put_octal(unsigned char *at, int digits, unsigned long long v)
{
    char text[32];

    snprintf(text, sizeof text, "%0*llo", digits, v);
    memcpy(at, text, strlen(text) + 1);
}

/* A header block into b[512], without checksum. */
static inline void make_header(unsigned char *b, const struct member *m)
{
    memset(b, 0, 512);
    put_text(b, 100, m->name);
    put_octal(b + 100, 7, m->mode ? m->mode : 0644);
    put_octal(b + 108, 7, 1000);
    put_octal(b + 116, 7, 100);
    put_octal(b + 124, 11, m->size);
    put_octal(b + 136, 11, 1);
    if (m->uid_field)
        memcpy(b + 108, m->uid_field, 8);
    if (m->size_field)
        memcpy(b + 124, m->size_field, 12);
    if (m->mtime_field)
        memcpy(b + 136, m->mtime_field, 12);
    b[156] = m->flag == '-' ? 0 : m->flag ? (unsigned char)m->flag : '0';
    put_text(b + 157, 100, m->link);
    memcpy(b + 257, m->magic ? m->magic : MAGIC_USTAR, 8);
    if (m->major_field)
        memcpy(b + 329, m->major_field, 8);
    if (m->minor_field)
        memcpy(b + 337, m->minor_field, 8);
    put_text(b + 345, 155, m->prefix);
}

static inline void add_member(struct buf *tar, const struct member *m)
{
    unsigned char b[512];

    make_header(b, m);
    set_sum(b);
    buf_add(tar, b, sizeof b);
}

#define ADD(tar, ...) add_member(tar, &(struct member){__VA_ARGS__})

/* Data, padded to a block. */
static inline void add_data(struct buf *tar, const void *p, size_t n)
{
    static const char zero[512];

    buf_add(tar, p, n);
    buf_add(tar, zero, (512 - n % 512) % 512);
}

static inline void add_text_member(struct buf *tar, char flag, const char *p, size_t n)
{
    ADD(tar, .name = "about", .flag = flag, .size = n,
        .magic = flag == 'L' || flag == 'K' ? MAGIC_GNU : MAGIC_USTAR);
    add_data(tar, p, n);
}

/* One PAX record. */
static inline void pax_record(struct buf *b, const char *key, const void *value, size_t n)
{
    size_t body = strlen(key) + n + 3, len = body + 1;
    char digits[24];

    while (len != body + (size_t)snprintf(digits, sizeof digits, "%zu", len))
        len++;
    buf_addf(b, "%zu %s=", len, key);
    buf_add(b, value, n);
    buf_addc(b, '\n');
}

/* A PAX header of pairs "key", "value", …, NULL. */
static inline void add_pax(struct buf *tar, char flag, const char *const *pairs)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4 << 20);

    for (; *pairs; pairs += 2)
        pax_record(&b, pairs[0], pairs[1], strlen(pairs[1]));
    add_text_member(tar, flag, buf_str(&b), b.n);
}

#define PAX(tar, ...)    add_pax(tar, 'x', (const char *const[]){__VA_ARGS__, NULL})
#define GLOBAL(tar, ...) add_pax(tar, 'g', (const char *const[]){__VA_ARGS__, NULL})

static inline void add_end(struct buf *tar)
{
    static const char zero[1024];

    buf_add(tar, zero, sizeof zero);
}

#define TAR(t) _cleanup_(buf_clear) struct buf t = BUF_INIT(64 << 20)

/* ---- what the reader said ---- */

static inline int write_down(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    static const char types[] = "fhlcbdp";
    struct buf *b = arg;

    assert_int_equal(t->path.p[t->path.n], 0);
    assert_int_equal(t->link.p[t->link.n], 0);
    buf_addf(b, "%c %s", types[t->type], t->path.n ? t->path.p : "/");
    if (t->link.n)
        buf_addf(b, " -> %s", t->link.p);
    if (t->mode != 0644)
        buf_addf(b, " mode=%o", t->mode);
    if (t->uid != 1000 || t->gid != 100)
        buf_addf(b, " owner=%u:%u", t->uid, t->gid);
    if (t->mtime_s != 1 || t->mtime_ns)
        buf_addf(b, " mtime=%lld.%09u", (long long)t->mtime_s, t->mtime_ns);
    if (t->dev_major || t->dev_minor)
        buf_addf(b, " dev=%u:%u", t->dev_major, t->dev_minor);
    if (t->type == TAR_REG)
        buf_addf(b, " size=%llu@%llu", (unsigned long long)t->size_bytes,
                 (unsigned long long)t->data_offset);
    for (size_t i = 0; i < t->n_xattrs; i++) {
        buf_addf(b, " %s=", t->xattrs[i].name);
        for (size_t k = 0; k < t->xattrs[i].value_bytes; k++) {
            unsigned char c = ((const unsigned char *)t->xattrs[i].value)[k];
            buf_addf(b, c > ' ' && c < 127 ? "%c" : "\\x%02x", c);
        }
    }
    if (t->sparse)
        buf_addf(b, " sparse(%llu)", (unsigned long long)t->stored_bytes);
    for (size_t i = 0; i < t->n_extents; i++)
        buf_addf(b, " %llu+%llu@%llu", (unsigned long long)t->extents[i].file_offset,
                 (unsigned long long)t->extents[i].n_bytes,
                 (unsigned long long)t->extents[i].data_offset);
    buf_addc(b, '\n');
    return buf_check(b, e);
}

/* Reads the archive in pieces of `step` bytes; what was said is in `said`. */
static inline int read_tar(const void *p, size_t n, size_t step, struct buf *said,
                           struct shale_err *e)
{
    struct tar_reader *r;
    int rc = tar_reader_new(write_down, said, &r, e);

    for (size_t i = 0; i < n && rc == 0; i += step)
        rc = tar_reader_feed(r, (const char *)p + i, n - i < step ? n - i : step, e);
    if (rc == 0)
        rc = tar_reader_end(r, e);
    tar_reader_free(r);
    return rc;
}

static inline void expect_bytes(const void *p, size_t n, const char *want)
{
    static const size_t steps[] = {1, 7, 512, 4096, 1 << 20};

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        _cleanup_(buf_clear) struct buf said = BUF_INIT(16 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        if (read_tar(p, n, steps[i], &said, &e) < 0)
            fail_msg("in pieces of %zu: %s", steps[i], e.msg);
        assert_string_equal(buf_str(&said), want);
    }
}

/* The archive says exactly this, in whatever pieces it comes. */
static inline void expect(struct buf *tar, const char *want)
{
    assert_int_equal(buf_check(tar, NULL), 0);
    expect_bytes(tar->p, tar->n, want);
}

/* The archive is refused with this code and a message with `part` in it, whatever the pieces. */
static inline void expect_refused(struct buf *tar, int code, const char *part)
{
    static const size_t steps[] = {1, 7, 512, 4096, 1 << 20};

    assert_int_equal(buf_check(tar, NULL), 0);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        _cleanup_(buf_clear) struct buf said = BUF_INIT(16 << 20);
        struct shale_err e = SHALE_ERR_INIT;
        int r = read_tar(tar->p, tar->n, steps[i], &said, &e);
        if (r != -code || e.code != code || !strstr(e.msg, part))
            fail_msg("want %d with '%s', got %d: %s (said: %s)", code, part, -r, e.msg,
                     buf_str(&said));
    }
}
