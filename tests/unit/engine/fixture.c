/* SPDX-License-Identifier: Apache-2.0 */
#include "engine_test.h"

#include <shale/look.h>

#include "base/fs.h"

int fixture_begin(void **state)
{
    static struct fixture f;

    f = (struct fixture){0};
    snprintf(f.dir, sizeof f.dir, "/tmp/shale-lib-XXXXXX");
    if (!mkdtemp(f.dir))
        return -1;
    snprintf(f.root, sizeof f.root, "%s/store", f.dir);
    f.s = fixture_open(&f);
    *state = &f;
    return 0;
}

int fixture_end(void **state)
{
    struct fixture *f = *state;

    shale_close(f->s);
    return fs_remove_tree(AT_FDCWD, f->dir, NULL);
}

struct shale *fixture_open(struct fixture *f)
{
    OPTS(shale_open_opts, o);
    struct shale *s = NULL;

    o.root = f->root;
    assert_ok(f, shale_open(&o, &s, &f->e));
    return s;
}

int tar_with(const char *path, const char *text)
{
    static const char zeros[512];
    char h[512] = "", name[] = "/tmp/shale-tar-XXXXXX";
    size_t n = strlen(text);
    unsigned sum = 0;
    int fd = mkstemp(name);

    assert_true(fd >= 0);
    (void)unlinkat(AT_FDCWD, name, 0);
    snprintf(h, 100, "%s", path);
    snprintf(h + 100, 8, "0000644");
    snprintf(h + 108, 8, "0000000");
    snprintf(h + 116, 8, "0000000");
    snprintf(h + 124, 12, "%011o", (unsigned)n);
    snprintf(h + 136, 12, "00000000000");
    memset(h + 148, ' ', 8);
    h[156] = '0';
    memcpy(h + 257, "ustar\00000", 8);
    for (size_t i = 0; i < sizeof h; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    assert_int_equal(write(fd, h, sizeof h), sizeof h);
    assert_int_equal(write(fd, text, n), n);
    assert_int_equal(write(fd, zeros, 512 - n % 512), 512 - n % 512);
    for (int i = 0; i < 2; i++)
        assert_int_equal(write(fd, zeros, sizeof zeros), sizeof zeros);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

struct shale_imported *import_one(struct fixture *f, const char *name, const char *path,
                                  const char *text)
{
    OPTS(shale_import_opts, o);
    struct shale_imported *ret = NULL;

    o.fd = tar_with(path, text);
    o.name = name;
    assert_ok(f, shale_import(f->s, &o, &ret, &f->e));
    close(o.fd);
    return ret;
}

int list_one(struct fixture *f, const char *path, const struct shale_ls_opts *o)
{
    return shale_ls(f->s, "one:1", &path, 1, o, &f->e);
}
