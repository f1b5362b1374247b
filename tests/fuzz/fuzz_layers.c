/* SPDX-License-Identifier: Apache-2.0 */
/* A tar as the layer of an image, twice: its table of contents, the merged tree, the index. */
#include <stdint.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "index_of.h"
#include "rootfs/toc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_close_ int fd = memfd_create("toc", MFD_CLOEXEC);
    struct toc_writer *w = NULL;
    struct tar_reader *r = NULL;
    struct toc_stats stats;
    char name[64];

    if (fd < 0 || size > 1 << 16)
        return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
    int k = toc_create(AT_FDCWD, name, &w, NULL);
    if (k >= 0)
        k = tar_reader_new(toc_add, w, &r, NULL);
    if (k >= 0)
        k = tar_reader_feed(r, data, size, NULL);
    if (k >= 0)
        k = tar_reader_end(r, NULL);
    if (k >= 0)
        k = toc_finish(w, &stats, NULL);
    tar_reader_free(r);
    toc_writer_free(w);
    if (k >= 0)
        index_of(name, 2);
    return 0;
}
