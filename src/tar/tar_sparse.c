/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/tar_sparse.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tar/tar_header.h"

#define FIRST_CAP  64
#define NUMBER_MAX ((uint64_t)INT64_MAX)

void tar_sparse_reset(struct tar_sparse *s)
{
    s->n = 0;
    s->map_left = 0;
    s->map_number = 0;
    s->map_has_count = false;
    s->map_has_digit = false;
}

void tar_sparse_clear(struct tar_sparse *s)
{
    free(s->v);
    *s = (struct tar_sparse){0};
}

static int bad_map(struct shale_err *e)
{
    return err_set(e, SHALE_CORRUPT, "bad map of a sparse member");
}

static int too_many(struct shale_err *e)
{
    return err_set(e, SHALE_LIMIT, "a sparse member has more than %d pieces", TAR_MAX_EXTENTS);
}

int tar_sparse_add(struct tar_sparse *s, uint64_t offset, uint64_t n_bytes, struct shale_err *e)
{
    if (s->n >= TAR_MAX_EXTENTS)
        return too_many(e);
    if (s->n == s->cap) {
        size_t cap = s->cap ? 2 * s->cap : FIRST_CAP;
        struct tar_extent *v = mem_resize(s->v, cap * sizeof *v);
        if (!v)
            return err_nomem(e);
        s->v = v;
        s->cap = cap;
    }
    s->v[s->n++] = (struct tar_extent){.file_offset = offset, .n_bytes = n_bytes};
    return 0;
}

/* v = v * 10 + digit; false if it does not fit into 63 bits. */
static bool push_digit(uint64_t *v, unsigned char c)
{
    if (c < '0' || c > '9' || *v > (NUMBER_MAX - 9) / 10)
        return false;
    *v = *v * 10 + (c - '0');
    return true;
}

static bool decimal(struct str s, uint64_t *ret)
{
    uint64_t v = 0;

    for (size_t i = 0; i < s.n; i++)
        if (!push_digit(&v, (unsigned char)s.p[i]))
            return false;
    *ret = v;
    return s.n > 0;
}

int tar_sparse_parse_text(struct tar_sparse *s, struct str map, struct shale_err *e)
{
    struct str a, b;
    uint64_t offset, n_bytes;

    while (map.n > 0 && str_split(&map, ',', &a)) {
        if (!str_split(&map, ',', &b) || !decimal(a, &offset) || !decimal(b, &n_bytes))
            return bad_map(e);
        int r = tar_sparse_add(s, offset, n_bytes, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int tar_sparse_parse_gnu(struct tar_sparse *s, const uint8_t *p, size_t n, struct shale_err *e)
{
    enum { N_NUMBER = 12 };

    for (size_t i = 0; i < n; i++) {
        const uint8_t *pair = p + i * 2 * N_NUMBER;
        int64_t offset, n_bytes;

        if (pair[0] == 0) /* the list is shorter than its place */
            break;
        if (!tar_number_parse(pair, N_NUMBER, &offset) ||
            !tar_number_parse(pair + N_NUMBER, N_NUMBER, &n_bytes) || offset < 0 || n_bytes < 0)
            return bad_map(e);
        int r = tar_sparse_add(s, (uint64_t)offset, (uint64_t)n_bytes, e);
        if (r < 0)
            return r;
    }
    return p[n * 2 * N_NUMBER] != 0;
}

/* A line of the map is complete. */
static int map_line(struct tar_sparse *s, struct shale_err *e)
{
    uint64_t v = s->map_number;

    if (!s->map_has_digit)
        return bad_map(e);
    s->map_number = 0;
    s->map_has_digit = false;
    if (!s->map_has_count) {
        if (v > TAR_MAX_EXTENTS)
            return too_many(e);
        s->map_has_count = true;
        s->map_left = 2 * v;
        return 0;
    }
    s->map_left--;
    if (s->map_left % 2 == 1) {
        s->map_offset = v;
        return 0;
    }
    return tar_sparse_add(s, s->map_offset, v, e);
}

int tar_sparse_map_block(struct tar_sparse *s, const uint8_t block[TAR_BLOCK], struct shale_err *e)
{
    for (size_t i = 0; i < TAR_BLOCK; i++) {
        if (block[i] == '\n') {
            int r = map_line(s, e);
            if (r < 0)
                return r;
            if (s->map_left == 0)
                return 0; /* the rest of the block is padding */
        } else {
            if (!push_digit(&s->map_number, block[i]))
                return bad_map(e);
            s->map_has_digit = true;
        }
    }
    return 1;
}

int tar_sparse_finish(struct tar_sparse *s, uint64_t real_size, uint64_t data_offset,
                      uint64_t stored, struct shale_err *e)
{
    uint64_t end = 0, used = 0;
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        struct tar_extent x = s->v[i];

        if (x.file_offset < end || x.file_offset > real_size ||
            x.n_bytes > real_size - x.file_offset || x.n_bytes > stored - used)
            return bad_map(e);
        end = x.file_offset + x.n_bytes;
        if (x.n_bytes == 0)
            continue;
        x.data_offset = data_offset + used;
        used += x.n_bytes;
        s->v[n++] = x;
    }
    if (used != stored)
        return err_set(e, SHALE_CORRUPT, "the map of a sparse member does not match its data");
    s->n = n;
    return 0;
}
