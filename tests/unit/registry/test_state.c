/* SPDX-License-Identifier: Apache-2.0 */
/* What the registry knows, on a real database; writes of many threads; collection. */
#include "registry/state.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/time.h"
#include "blob/blob.h"

struct fixture {
    char dir[64];
    int fd;
    struct blobs *blobs;
    struct state *s;
    struct arena a;
    struct shale_err e;
};

static int open_state(struct fixture *f)
{
    return state_open(f->fd, f->dir, f->blobs, false, &f->s, &f->e);
}

static int setup(void **state)
{
    static struct fixture f;

    memset(&f, 0, sizeof f);
    snprintf(f.dir, sizeof f.dir, "/tmp/shale-state-XXXXXX");
    if (!mkdtemp(f.dir))
        return -1;
    arena_init(&f.a, 64u << 20);
    f.fd = open(f.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    *state = &f;
    return blobs_open(f.fd, false, &f.blobs, &f.e) < 0 || open_state(&f) < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    state_close(f->s);
    blobs_close(f->blobs);
    close(f->fd);
    arena_clear(&f->a);
    return fs_remove_tree(AT_FDCWD, f->dir, NULL);
}

/* A blob with that text, in the repository. */
static struct digest put_blob(struct fixture *f, const char *repo, const char *text)
{
    struct digest d;
    int r = digest_of_bytes(HASH_SHA256, text, strlen(text), &d, NULL);

    assert_int_equal(r, 0);
    assert_int_equal(state_lease(f->s, &d, &f->e), 0);
    assert_int_equal(blob_put(f->blobs, &d, text, strlen(text), &f->e), 0);
    assert_int_equal(state_blob_put(f->s, repo, &d, strlen(text), &f->e), 0);
    return d;
}

static int put_manifest(struct fixture *f, const char *repo, const char *tag, const char *text,
                        const struct digest *child, uint64_t size, struct digest *ret)
{
    bool missing[1] = {false}, wrong[1] = {false};
    struct state_child c = {.size = size};
    struct state_put p = {.repo = repo,
                          .tag = tag,
                          .artifact_type = "",
                          .annotations = "",
                          .children = &c,
                          .n_children = child ? 1 : 0,
                          .missing = missing,
                          .wrong_size = wrong};

    if (child)
        c.digest = *child;
    assert_int_equal(digest_of_bytes(HASH_SHA256, text, strlen(text), &p.m.digest, NULL), 0);
    p.m.media_type = "a/b";
    p.m.size = strlen(text);
    assert_int_equal(blob_put(f->blobs, &p.m.digest, text, strlen(text), &f->e), 0);
    if (ret)
        *ret = p.m.digest;
    return state_manifest_put(f->s, &p, &f->e);
}

static void test_visibility(void **state)
{
    struct fixture *f = *state;
    struct digest d = put_blob(f, "a/b", "hello");
    uint64_t size = 0;

    assert_int_equal(state_blob(f->s, "a/b", &d, &size, &f->e), 1);
    assert_int_equal(size, 5);
    assert_int_equal(state_blob(f->s, "other", &d, &size, &f->e), 0);
    assert_int_equal(state_mount(f->s, "other", &d, "nobody", &f->e), 0);
    assert_int_equal(state_mount(f->s, "other", &d, "a/b", &f->e), 1);
    assert_int_equal(state_blob(f->s, "other", &d, NULL, &f->e), 1);
    assert_int_equal(state_blob_unlink(f->s, "a/b", &d, &f->e), 1);
    assert_int_equal(state_blob_unlink(f->s, "a/b", &d, &f->e), 0);
    assert_int_equal(state_blob(f->s, "a/b", &d, NULL, &f->e), 0);
    assert_int_equal(state_blob(f->s, "other", &d, NULL, &f->e), 1);
    assert_int_equal(state_mount(f->s, "third", &d, NULL, &f->e), 1);
}

static void test_no_row_without_file(void **state)
{
    struct fixture *f = *state;
    struct digest d;

    assert_int_equal(digest_of_bytes(HASH_SHA256, "x", 1, &d, NULL), 0);
    assert_int_equal(state_blob_put(f->s, "a", &d, 1, &f->e), -SHALE_CONFLICT);
    assert_int_equal(state_blob(f->s, "a", &d, NULL, &f->e), 0);
}

static void test_manifests(void **state)
{
    struct fixture *f = *state;
    struct digest blob = put_blob(f, "a", "layer"), one, two;
    struct state_manifest m;

    assert_int_equal(put_manifest(f, "b", "t", "m1", &blob, 5, NULL), 0); /* not in that one */
    assert_int_equal(put_manifest(f, "a", "t", "m1", &blob, 6, NULL), 0); /* not that size */
    assert_int_equal(state_repo(f->s, "b", &f->e), 0);
    uint64_t before = state_generation(f->s, "a");
    assert_int_equal(put_manifest(f, "a", "t", "m1", &blob, 5, &one), 1);
    assert_true(state_generation(f->s, "a") != before);
    assert_int_equal(put_manifest(f, "a", "u", "m1", &blob, 5, &one), 1);
    assert_int_equal(put_manifest(f, "a", "t", "m2", &blob, 5, &two), 1);
    assert_int_equal(state_manifest(f->s, "a", "t", &f->a, &m, &f->e), 1);
    assert_true(digest_eq(&m.digest, &two));
    assert_int_equal(state_manifest(f->s, "a", one.s, &f->a, &m, &f->e), 1);
    assert_int_equal(m.size, 2);
    assert_int_equal(state_tag_delete(f->s, "a", "t", &f->e), 1);
    assert_int_equal(state_tag_delete(f->s, "a", "t", &f->e), 0);
    assert_int_equal(state_manifest(f->s, "a", two.s, &f->a, &m, &f->e), 1);
    assert_int_equal(state_manifest_delete(f->s, "a", &one, &f->e), 1);
    assert_int_equal(state_manifest(f->s, "a", "u", &f->a, &m, &f->e), 0);
    assert_int_equal(state_manifest_delete(f->s, "a", &one, &f->e), 0);
}

static void test_survives(void **state)
{
    struct fixture *f = *state;
    struct digest d = put_blob(f, "a", "kept");

    f->s = state_close(f->s);
    assert_int_equal(open_state(f), 0);
    assert_int_equal(state_blob(f->s, "a", &d, NULL, &f->e), 1);
}

static void test_pages(void **state)
{
    struct fixture *f = *state;
    struct state_names l;
    char tag[16], last[16] = "";
    size_t seen = 0;

    for (int i = 0; i < 57; i++) {
        snprintf(tag, sizeof tag, "t%02d", (i * 31) % 57);
        assert_int_equal(put_manifest(f, "a", tag, "m", NULL, 0, NULL), 1);
    }
    do {
        assert_int_equal(state_tags(f->s, "a", last, 10, &f->a, &l, &f->e), 0);
        for (size_t i = 0; i < l.n; i++) {
            snprintf(tag, sizeof tag, "t%02zu", seen++);
            assert_string_equal(l.v[i], tag);
        }
        if (l.n > 0)
            snprintf(last, sizeof last, "%s", l.v[l.n - 1]);
    } while (l.more);
    assert_int_equal(seen, 57);
    assert_int_equal(state_catalog(f->s, "", 10, &f->a, &l, &f->e), 0);
    assert_int_equal(l.n, 1);
    assert_false(l.more);
}

/* ---- many at once ---- */

struct writer {
    struct fixture *f;
    int n;
    int failed;
};

static void *write_many(void *arg)
{
    struct writer *w = arg;

    for (int i = 0; i < 20; i++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct digest d;
        char text[32], repo[32];
        snprintf(text, sizeof text, "w%d-%d", w->n, i);
        snprintf(repo, sizeof repo, "r%d", i % 3);
        w->failed |= digest_of_bytes(HASH_SHA256, text, strlen(text), &d, &e) < 0 ||
                     blob_put(w->f->blobs, &d, text, strlen(text), &e) < 0 ||
                     state_blob_put(w->f->s, repo, &d, strlen(text), &e) < 0 ||
                     state_blob(w->f->s, repo, &d, NULL, &e) != 1;
        /* A part that fails takes no other with it. */
        w->failed |= digest_of_bytes(HASH_SHA256, "absent", 6, &d, &e) < 0 ||
                     state_blob_put(w->f->s, repo, &d, 6, &e) != -SHALE_CONFLICT;
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct writer w[8];
    pthread_t t[8];

    for (int i = 0; i < 8; i++) {
        w[i] = (struct writer){*state, i, 0};
        assert_int_equal(pthread_create(&t[i], NULL, write_many, &w[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(w[i].failed, 0);
    }
}

/* ---- collection ---- */

static void collect(struct fixture *f, int64_t before)
{
    int (*const steps[])(struct state * s, struct state_gc * g,
                         struct shale_err * e) = {state_gc_links, state_gc_blobs};

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        struct state_gc g = {.before = before};
        int r;
        while ((r = steps[i](f->s, &g, &f->e)) > 0)
            ;
        assert_int_equal(r, 0);
    }
}

static void test_collect(void **state)
{
    struct fixture *f = *state;
    struct digest needed = put_blob(f, "a", "needed"), loose = put_blob(f, "a", "loose"), m;

    assert_int_equal(put_manifest(f, "a", "t", "m", &needed, 6, &m), 1);
    collect(f, time_now_ns() - 10 * NS_PER_S);
    assert_int_equal(state_blob(f->s, "a", &loose, NULL, &f->e), 1); /* within the grace time */
    int64_t before = time_now_ns();
    assert_int_equal(state_lease(f->s, &loose, &f->e), 0);
    collect(f, before - NS_PER_S / 2);
    assert_int_equal(state_blob(f->s, "a", &loose, NULL, &f->e), 1);
    collect(f, time_now_ns() + NS_PER_S);
    assert_int_equal(state_blob(f->s, "a", &loose, NULL, &f->e), 0);
    assert_int_equal(blob_has(f->blobs, &loose, NULL, &f->e), 0);
    assert_int_equal(state_blob(f->s, "a", &needed, NULL, &f->e), 1);
    assert_int_equal(blob_has(f->blobs, &needed, NULL, &f->e), 1);
    assert_int_equal(blob_has(f->blobs, &m, NULL, &f->e), 1);
}

/* More than a batch. */
static void test_collect_many(void **state)
{
    struct fixture *f = *state;
    struct digest d[300];
    char text[32];

    for (size_t i = 0; i < ARRAY_SIZE(d); i++) {
        snprintf(text, sizeof text, "blob %zu", i);
        d[i] = put_blob(f, i % 2 ? "a" : "b", text);
        if (i % 3 == 0)
            assert_int_equal(
                put_manifest(f, i % 2 ? "a" : "b", NULL, text + 1, &d[i], strlen(text), NULL), 1);
    }
    collect(f, time_now_ns() + NS_PER_S);
    for (size_t i = 0; i < ARRAY_SIZE(d); i++)
        assert_int_equal(blob_has(f->blobs, &d[i], NULL, &f->e), i % 3 == 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_visibility), T(test_no_row_without_file),
        T(test_manifests),  T(test_survives),
        T(test_pages),      T(test_threads),
        T(test_collect),    T(test_collect_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
