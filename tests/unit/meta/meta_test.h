/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the tests of this folder share: a database in a folder of its own, digests that can be told
 * apart, images and containers made of little. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "meta/meta.h"
#include "meta/meta_container.h"
#include "meta/meta_content.h"
#include "meta/meta_image.h"

struct fix {
    char path[64];
    int fd;
    struct meta *m;
    struct arena a;
    struct shale_err e;
};

static inline struct meta *open_one(struct fix *f, bool read_only)
{
    struct meta *m = NULL;

    if (meta_open(f->fd, f->path, read_only, &m, &f->e) < 0)
        fail_msg("meta_open: %s", f->e.msg);
    return m;
}

static inline int fix_setup(void **state)
{
    struct fix *f = calloc(1, sizeof *f);

    snprintf(f->path, sizeof f->path, "/tmp/shale-test-XXXXXX");
    if (!mkdtemp(f->path))
        return -1;
    f->fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    arena_init(&f->a, ARENA_DEFAULT_MAX);
    *state = f;
    f->m = open_one(f, false);
    return 0;
}

static inline int fix_teardown(void **state)
{
    struct fix *f = *state;

    meta_close(f->m);
    arena_clear(&f->a);
    close(f->fd);
    int r = fs_remove_tree(AT_FDCWD, f->path, NULL);
    free(f);
    return r;
}

#define CASE(t) cmocka_unit_test_setup_teardown(t, fix_setup, fix_teardown)

#define ok(call)                                                                                   \
    do {                                                                                           \
        int _r = (call);                                                                           \
        if (_r < 0)                                                                                \
            fail_msg("%s: %d", #call, _r);                                                         \
    } while (0)

static inline void skip_loudly(const char *why)
{
    fprintf(stderr, "SKIP: %s\n", why);
    skip();
}

/* sha256:00…0n; a different family for each `kind`. */
static inline struct digest dig(char kind, unsigned n)
{
    struct digest d;
    char text[80];

    snprintf(text, sizeof text, "sha256:%c%063x", kind, n);
    assert_true(digest_parse(text, &d, NULL) >= 0);
    return d;
}
#define D(kind, n) (&(struct digest[]){dig(kind, n)}[0])

static inline void put_image(struct meta *m, const struct digest *id, int64_t created_ns)
{
    struct meta_image i = {.id = *id, .created_ns = created_ns, .os = "linux", .arch = "amd64"};

    ok(meta_image_put(m, &i, NULL, 0, NULL));
}

/* ID of 64 times `c`, or of `prefix` and then `c`. */
static inline struct meta_container ctr_of(const char *prefix, char c, const char *name,
                                           const struct digest *image)
{
    struct meta_container x = {
        .name = name,
        .image_id = *image,
        .image_ref = "x",
        .labels = "",
        .config = "{}",
        .run = {
            .state = "created", .started_ns = TIME_NONE, .finished_ns = TIME_NONE, .error = ""}};

    memset(x.id, c, META_CONTAINER_ID_HEX);
    memcpy(x.id, prefix, strlen(prefix));
    return x;
}

static inline void assert_digest(const struct digest *a, const struct digest *b)
{
    assert_string_equal(a->s, b->s);
}
