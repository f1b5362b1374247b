/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The part of the EROFS on-disk format that an index uses (Linux
 * Documentation/filesystems/erofs.rst; fields are little-endian). Blocks of 512 bytes, so that a
 * block address can point at any tar member:
 *
 *   0      nothing
 *   1024   superblock, then the device slots, one per data file
 *   meta   inodes (64 bytes, 32-byte aligned), each followed by its attributes and, where it fits,
 * its data data   directories and symlinks that did not fit
 */
#include <stdint.h>

#define EROFS_BLOCK        512u
#define EROFS_BLOCK_BITS   9
#define EROFS_SUPER_OFFSET 1024u
#define EROFS_MAGIC        0xE0F5E1E2u

#define EROFS_INCOMPAT_CHUNKED 0x4u
#define EROFS_INCOMPAT_DEVICES 0x8u

struct erofs_super {
    uint32_t magic, checksum, feature_compat;
    uint8_t block_bits, sb_extslots;
    uint16_t root_nid;
    uint64_t inos, build_time;
    uint32_t build_time_ns, blocks, meta_blkaddr, xattr_blkaddr;
    uint8_t uuid[16], volume_name[16];
    uint32_t feature_incompat;
    uint16_t compr_algs, extra_devices, devt_slot; /* in units of EROFS_DEVICE_SLOT */
    uint8_t dirblkbits, xattr_prefix_count;
    uint32_t xattr_prefix_start;
    uint64_t packed_nid;
    uint8_t reserved[24];
};
_Static_assert(sizeof(struct erofs_super) == 128, "superblock");

#define EROFS_DEVICE_SLOT 128u
struct erofs_device {
    uint8_t tag[64];
    uint32_t blocks, uniaddr;
    uint8_t reserved[56];
};
_Static_assert(sizeof(struct erofs_device) == EROFS_DEVICE_SLOT, "device slot");

#define EROFS_NID_BITS 5 /* inode numbers count 32 bytes */
enum { EROFS_FLAT_PLAIN = 0, EROFS_FLAT_INLINE = 2, EROFS_CHUNK_BASED = 4 };
#define EROFS_INODE_EXTENDED 1u
#define EROFS_LAYOUT(l)      ((uint16_t)(EROFS_INODE_EXTENDED | (unsigned)(l) << 1))
#define EROFS_CHUNK_INDEXES                                                                        \
    0x20u /* of the chunk format; the low five bits: blocks per chunk, as a power */
#define EROFS_CHUNK_MAX_BITS 31u

struct erofs_inode {
    uint16_t format, xattr_icount, mode, reserved;
    uint64_t size;
    uint32_t u; /* block address, device number, or chunk format */
    uint32_t ino, uid, gid;
    uint64_t mtime;
    uint32_t mtime_ns, nlink;
    uint8_t reserved2[16];
};
_Static_assert(sizeof(struct erofs_inode) == 64, "inode");

struct erofs_chunk {
    uint16_t advise, device; /* device 0 is the index itself, 1 the first slot */
    uint32_t block;
};

struct erofs_xattr_body {
    uint32_t name_filter;
    uint8_t shared_count, reserved[7];
};
struct erofs_xattr_entry {
    uint8_t name_n, prefix;
    uint16_t value_n;
};

struct erofs_dirent {
    uint64_t nid;
    uint16_t name_offset;
    uint8_t type, reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct erofs_dirent) == 12, "dirent");

enum {
    EROFS_FT_REG = 1,
    EROFS_FT_DIR,
    EROFS_FT_CHR,
    EROFS_FT_BLK,
    EROFS_FT_FIFO,
    EROFS_FT_SOCK,
    EROFS_FT_LNK
};
