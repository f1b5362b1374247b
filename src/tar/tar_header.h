/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One 512-byte header block of a tar, taken apart (POSIX.1-1988 ustar, GNU, star and v7 layouts).
 * Internal to tar/. Nothing is allocated; the strings point into the block.
 */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "tar/tar.h"

enum tar_format { TAR_FORMAT_V7, TAR_FORMAT_USTAR, TAR_FORMAT_STAR, TAR_FORMAT_GNU };

struct tar_header {
    enum tar_format format;
    unsigned char flag; /* type flag, as it stands there */
    struct str prefix;  /* goes before name, "" if the format has none */
    struct str name;
    struct str link;
    uint32_t mode; /* 07777 */
    uint32_t uid, gid;
    uint64_t size_bytes;
    int64_t mtime_s;
    uint32_t dev_major, dev_minor; /* devices only */
};

#define TAR_DEV_MAJOR_MAX 0xfffu /* what Linux has room for */
#define TAR_DEV_MINOR_MAX 0xfffffu

/* Checks the checksum and reads all fields. -SHALE_CORRUPT if a field is no number or does not fit.
 */
int tar_header_parse(const uint8_t block[TAR_BLOCK], struct tar_header *ret, struct shale_err *e);

bool tar_block_is_zero(const uint8_t block[TAR_BLOCK]);

/* A numeric field: octal text (blanks and NULs around it; empty is 0), or, with the top bit of the
 * first byte set, GNU base-256 in two's complement. false if it is neither or does not fit. */
bool tar_number_parse(const uint8_t *field, size_t n, int64_t *ret);

/* Text of a field: up to the first NUL, or all of it. */
struct str tar_text_field(const uint8_t *field, size_t n);
