/* SPDX-License-Identifier: Apache-2.0 */
/* A table of contents as it may lie on a disk, and the tree and index that are made of it. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "index_of.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_close_ int fd = memfd_create("toc", MFD_CLOEXEC);
    char name[64];

    if (fd < 0 || size > 1 << 16)
        return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    /* the end mark counts the bytes: help the fuzzer over it */
    uint64_t n = size;
    if (write(fd, data, size) != (ssize_t)size ||
        (size % 8 == 0 && size > 24 && pwrite(fd, &n, 8, (off_t)size - 16) != 8))
        return 0;
    index_of(name, 1);
    return 0;
}
