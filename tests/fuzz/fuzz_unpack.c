/* SPDX-License-Identifier: Apache-2.0 */
/* Tars that are unpacked: in whole and in pieces the end is the same, nothing outside of the root
 * is touched, and no half file stays. */
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "tar/tar_unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int unpack(int top, const uint8_t *data, size_t size, size_t step)
{
    _cleanup_close_ int root = -1;
    struct tar_unpack *u = NULL;

    if (sys_mkdirat(top, "root", 0700) < 0 || sys_mkdirat(top, "root/in", 0700) < 0 ||
        sys_symlinkat("/", top, "root/in/there") < 0 ||
        sys_symlinkat("../../../outside", top, "root/in/up") < 0)
        __builtin_trap();
    root = fs_open_dir(top, "root", NULL);
    const struct tar_unpack_opts o = {.root_fd = root, .dir = "in", .shown = "in"};
    int r = tar_unpack_new(&o, &u, NULL);
    for (size_t at = 0; r >= 0 && at < size; at += step)
        r = tar_unpack_feed(u, data + at, size - at < step ? size - at : step, NULL);
    if (r >= 0)
        r = tar_unpack_end(u, NULL);
    tar_unpack_free(u);
    return r;
}

static int no_temp(void *arg, const char *name, unsigned char type)
{
    if (str_has_prefix(name, ".shale-cp-"))
        __builtin_trap();
    return 0;
}

static void check(int top)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64);
    struct stat st;

    if (fs_read_file(top, "outside", &b, NULL) < 0 || !streq(buf_str(&b), "kept") ||
        fstatat(top, "outside", &st, AT_SYMLINK_NOFOLLOW) < 0 || st.st_nlink != 1)
        __builtin_trap();
    if (fs_each(top, "root/in", no_temp, NULL, NULL) < 0 || fs_remove_tree(top, "root", NULL) < 0)
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/fuzz-unpack-XXXXXX";

    if (size > 1 << 20 || !mkdtemp(path))
        return 0;
    _cleanup_close_ int top = fs_open_dir(AT_FDCWD, path, NULL);
    if (top < 0 || fs_write_atomic(top, "outside", "kept", 4, 0600, false, NULL) < 0)
        __builtin_trap();
    int whole = unpack(top, data, size, size ? size : 1);
    check(top);
    int pieces = unpack(top, data, size, size % 700 + 1);
    check(top);
    if (whole != pieces)
        __builtin_trap();
    if (fs_remove_tree(AT_FDCWD, path, NULL) < 0)
        __builtin_trap();
    return 0;
}
