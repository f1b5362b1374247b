/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/tar_header.h"

#include <string.h>

/* Places of the fields in the block. */
enum {
    AT_NAME = 0,
    AT_MODE = 100,
    AT_UID = 108,
    AT_GID = 116,
    AT_SIZE = 124,
    AT_MTIME = 136,
    AT_CHECKSUM = 148,
    AT_FLAG = 156,
    AT_LINK = 157,
    AT_MAGIC = 257,
    AT_DEV_MAJOR = 329,
    AT_DEV_MINOR = 337,
    AT_PREFIX = 345,
    AT_GNU_ATIME = 345,
    AT_GNU_CTIME = 357,
    AT_STAR_TRAILER = 508,

    N_NAME = 100,
    N_SHORT = 8, /* mode, uid, gid, checksum, device numbers */
    N_LONG = 12, /* size, times */
    N_PREFIX = 155,
    N_STAR_PREFIX = 131,
};

struct str tar_text_field(const uint8_t *field, size_t n)
{
    const uint8_t *nul = memchr(field, 0, n);

    return (struct str){(const char *)field, nul ? (size_t)(nul - field) : n};
}

/* ---- numbers ---- */

static bool parse_base256(const uint8_t *field, size_t n, int64_t *ret)
{
    bool negative = field[0] & 0x40;
    uint8_t flip = negative ? 0xff : 0;
    uint64_t v = 0;

    for (size_t i = 0; i < n; i++) {
        uint8_t c = field[i] ^ flip;

        if (i == 0)
            c &= 0x7f; /* the mark itself */
        if (v >> 55)
            return false;
        v = v << 8 | c;
    }
    *ret = negative ? -(int64_t)v - 1 : (int64_t)v;
    return true;
}

static bool is_blank(uint8_t c)
{
    return c == 0 || c == ' ';
}

static bool parse_octal(const uint8_t *field, size_t n, int64_t *ret)
{
    int64_t v = 0;

    while (n > 0 && is_blank(*field))
        field++, n--;
    while (n > 0 && is_blank(field[n - 1]))
        n--;
    for (size_t i = 0; i < n && field[i] != 0; i++) {
        if (field[i] < '0' || field[i] > '7' || v >> 59)
            return false;
        v = v * 8 + (field[i] - '0');
    }
    *ret = v;
    return true;
}

bool tar_number_parse(const uint8_t *field, size_t n, int64_t *ret)
{
    if (n > 0 && field[0] & 0x80)
        return parse_base256(field, n, ret);
    return parse_octal(field, n, ret);
}

static int number(const uint8_t *field, size_t n, uint64_t max, const char *what, uint64_t *ret,
                  struct shale_err *e)
{
    int64_t v;

    if (!tar_number_parse(field, n, &v))
        return err_set(e, SHALE_CORRUPT, "the %s of a member is not a number", what);
    if (v < 0 || (uint64_t)v > max)
        return err_set(e, SHALE_CORRUPT, "the %s of a member is out of range: %lld", what,
                       (long long)v);
    *ret = (uint64_t)v;
    return 0;
}

/* ---- the block ---- */

/* Eight bytes at a time: even and odd bytes into 16-bit lanes, which 64 words of two bytes cannot
 * overflow. */
static uint32_t sum_block(const uint8_t *block)
{
    const uint64_t lanes = 0x00ff00ff00ff00ffull;
    uint64_t sum = 0;

    for (size_t i = 0; i < TAR_BLOCK; i += 8) {
        uint64_t w;
        memcpy(&w, block + i, 8);
        sum += (w & lanes) + (w >> 8 & lanes);
    }
    sum = (sum & 0x0000ffff0000ffffull) + (sum >> 16 & 0x0000ffff0000ffffull);
    return (uint32_t)sum + (uint32_t)(sum >> 32);
}

/* Some old writers summed signed characters. Each byte over 127 makes a difference of 256. */
static uint32_t count_high(const uint8_t *p, size_t n)
{
    uint32_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += p[i] >> 7;
    return count;
}

static bool checksum_ok(const uint8_t *block)
{
    uint32_t sum = sum_block(block);
    int64_t stored;

    if (!tar_number_parse(block + AT_CHECKSUM, N_SHORT, &stored))
        return false;
    for (size_t i = 0; i < N_SHORT; i++)
        sum -= block[AT_CHECKSUM + i];
    sum += N_SHORT * ' ';
    if (stored == sum)
        return true;
    uint32_t high = count_high(block, TAR_BLOCK) - count_high(block + AT_CHECKSUM, N_SHORT);
    return stored == (int64_t)sum - 256 * (int64_t)high;
}

bool tar_block_is_zero(const uint8_t block[TAR_BLOCK])
{
    /* All bytes equal their neighbour, and the first is zero. */
    return block[0] == 0 && memcmp(block, block + 1, TAR_BLOCK - 1) == 0;
}

static enum tar_format find_format(const uint8_t *block)
{
    const uint8_t *magic = block + AT_MAGIC; /* and version */

    if (memcmp(magic, "ustar", 5) != 0)
        return TAR_FORMAT_V7;
    if (magic[5] == 0)
        return memcmp(block + AT_STAR_TRAILER, "tar", 4) == 0 ? TAR_FORMAT_STAR : TAR_FORMAT_USTAR;
    if (memcmp(magic + 5, "  ", 3) == 0)
        return TAR_FORMAT_GNU;
    return TAR_FORMAT_V7;
}

static bool is_time(const uint8_t *field)
{
    int64_t ignored;

    return field[0] == 0 || tar_number_parse(field, N_LONG, &ignored);
}

/* GNU headers have times where ustar has the prefix. Go before 1.8, and with it older docker, wrote
 * a prefix there nevertheless: recognised, as Go itself does, by times that are no numbers. */
static struct str gnu_prefix(const uint8_t *block)
{
    struct str s = tar_text_field(block + AT_PREFIX, N_PREFIX);

    if (is_time(block + AT_GNU_ATIME) && is_time(block + AT_GNU_CTIME))
        return STR("");
    return count_high((const uint8_t *)s.p, s.n) == 0 ? s : STR("");
}

static struct str find_prefix(const uint8_t *block, enum tar_format format)
{
    switch (format) {
    case TAR_FORMAT_USTAR:
        return tar_text_field(block + AT_PREFIX, N_PREFIX);
    case TAR_FORMAT_STAR:
        return tar_text_field(block + AT_PREFIX, N_STAR_PREFIX);
    case TAR_FORMAT_GNU:
        return block[AT_PREFIX] ? gnu_prefix(block) : STR("");
    case TAR_FORMAT_V7:
        break;
    }
    return STR("");
}

static int parse_device(const uint8_t *block, struct tar_header *h, struct shale_err *e)
{
    uint64_t major, minor;
    int r;

    if (h->flag != '3' && h->flag != '4')
        return 0;
    r = number(block + AT_DEV_MAJOR, N_SHORT, TAR_DEV_MAJOR_MAX, "device number", &major, e);
    if (r < 0)
        return r;
    r = number(block + AT_DEV_MINOR, N_SHORT, TAR_DEV_MINOR_MAX, "device number", &minor, e);
    if (r < 0)
        return r;
    h->dev_major = (uint32_t)major;
    h->dev_minor = (uint32_t)minor;
    return 0;
}

int tar_header_parse(const uint8_t block[TAR_BLOCK], struct tar_header *ret, struct shale_err *e)
{
    struct tar_header h = {.flag = block[AT_FLAG]};
    uint64_t mode, uid, gid;
    int r;

    if (!checksum_ok(block))
        return err_set(e, SHALE_CORRUPT, "bad header checksum");
    h.format = find_format(block);
    h.name = tar_text_field(block + AT_NAME, N_NAME);
    h.link = tar_text_field(block + AT_LINK, N_NAME);
    h.prefix = find_prefix(block, h.format);
    r = number(block + AT_MODE, N_SHORT, INT64_MAX, "mode", &mode, e);
    if (r < 0)
        return r;
    r = number(block + AT_UID, N_SHORT, UINT32_MAX, "owner", &uid, e);
    if (r < 0)
        return r;
    r = number(block + AT_GID, N_SHORT, UINT32_MAX, "group", &gid, e);
    if (r < 0)
        return r;
    r = number(block + AT_SIZE, N_LONG, INT64_MAX, "size", &h.size_bytes, e);
    if (r < 0)
        return r;
    if (!tar_number_parse(block + AT_MTIME, N_LONG, &h.mtime_s))
        return err_set(e, SHALE_CORRUPT, "the time of a member is not a number");
    r = parse_device(block, &h, e);
    if (r < 0)
        return r;
    h.mode = mode & 07777;
    h.uid = (uint32_t)uid;
    h.gid = (uint32_t)gid;
    *ret = h;
    return 0;
}
