/* SPDX-License-Identifier: Apache-2.0 */
/* What the registry knows, on a real database; writes of many threads; collection. */
#include "registry/state/state.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

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
    assert_int_equal(state_blob_put(f->s, repo, &d, strlen(text), 0, &f->e), 0);
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
    assert_int_equal(state_mount(f->s, "other", &d, "nobody", 0, &f->e), 0);
    assert_int_equal(state_mount(f->s, "other", &d, "a/b", 0, &f->e), 1);
    assert_int_equal(state_blob(f->s, "other", &d, NULL, &f->e), 1);
    assert_int_equal(state_blob_unlink(f->s, "a/b", &d, &f->e), 1);
    assert_int_equal(state_blob_unlink(f->s, "a/b", &d, &f->e), 0);
    assert_int_equal(state_blob(f->s, "a/b", &d, NULL, &f->e), 0);
    assert_int_equal(state_blob(f->s, "other", &d, NULL, &f->e), 1);
    assert_int_equal(state_mount(f->s, "third", &d, NULL, 0, &f->e), 1);
}

static void test_no_row_without_file(void **state)
{
    struct fixture *f = *state;
    struct digest d;

    assert_int_equal(digest_of_bytes(HASH_SHA256, "x", 1, &d, NULL), 0);
    assert_int_equal(state_blob_put(f->s, "a", &d, 1, 0, &f->e), -SHALE_CONFLICT);
    assert_int_equal(state_blob(f->s, "a", &d, NULL, &f->e), 0);
}

static void test_manifests(void **state)
{
    struct fixture *f = *state;
    struct digest blob = put_blob(f, "a", "layer"), one, two;
    struct state_manifest m;
    struct state_names tags;

    assert_int_equal(put_manifest(f, "b", "t", "m1", &blob, 5, NULL), 0); /* not in that one */
    assert_int_equal(put_manifest(f, "a", "t", "m1", &blob, 6, NULL), 0); /* not that size */
    assert_int_equal(state_repo(f->s, "b", &f->e), 0);
    uint64_t before = state_generation(f->s, "a");
    assert_int_equal(put_manifest(f, "a", "t", "m1", &blob, 5, &one), 1);
    assert_true(state_generation(f->s, "a") != before);
    assert_int_equal(put_manifest(f, "a", "u", "m1", &blob, 5, &one), 1);
    assert_int_equal(put_manifest(f, "a", "also", "m1", &blob, 5, &one), 1);
    assert_int_equal(put_manifest(f, "a", "t", "m2", &blob, 5, &two), 1);
    assert_int_equal(state_manifest(f->s, "a", "t", &f->a, &m, &f->e), 1);
    assert_true(digest_eq(&m.digest, &two));
    assert_int_equal(state_manifest(f->s, "a", one.s, &f->a, &m, &f->e), 1);
    assert_int_equal(m.size, 2);
    assert_int_equal(state_tag_delete(f->s, "a", "t", &f->e), 1);
    assert_int_equal(state_tag_delete(f->s, "a", "t", &f->e), 0);
    assert_int_equal(state_manifest(f->s, "a", two.s, &f->a, &m, &f->e), 1);
    assert_int_equal(state_manifest_delete(f->s, "a", &one, NULL, &f->a, &tags, &f->e), 1);
    assert_int_equal(tags.n, 2);
    assert_string_equal(tags.v[0], "also");
    assert_string_equal(tags.v[1], "u");
    assert_int_equal(state_manifest(f->s, "a", "u", &f->a, &m, &f->e), 0);
    assert_int_equal(state_manifest_delete(f->s, "a", &one, NULL, &f->a, &tags, &f->e), 0);
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
                     state_blob_put(w->f->s, repo, &d, strlen(text), 0, &e) < 0 ||
                     state_blob(w->f->s, repo, &d, NULL, &e) != 1;
        /* A part that fails takes no other with it. */
        w->failed |= digest_of_bytes(HASH_SHA256, "absent", 6, &d, &e) < 0 ||
                     state_blob_put(w->f->s, repo, &d, 6, 0, &e) != -SHALE_CONFLICT;
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

/* ---- what a repository takes ---- */

static uint64_t bytes_of(struct fixture *f, const char *repo)
{
    uint64_t n = 0;

    assert_int_equal(state_usage_bytes(f->s, repo, &n, &f->e), 0);
    return n;
}

static void test_usage(void **state)
{
    struct fixture *f = *state;
    struct digest one = put_blob(f, "a", "12345"), two = put_blob(f, "a", "1234567"), m;
    struct state_names tags;
    struct state_usage *v;
    uint64_t total = 0;
    size_t n = 0;

    assert_int_equal(bytes_of(f, "a"), 12);
    assert_int_equal(bytes_of(f, "none"), 0);
    put_blob(f, "a", "12345"); /* again */
    assert_int_equal(bytes_of(f, "a"), 12);
    assert_int_equal(state_mount(f->s, "b", &one, "a", 0, &f->e), 1);
    assert_int_equal(bytes_of(f, "b"), 5);
    assert_int_equal(put_manifest(f, "a", "t", "manifest", &one, 5, &m), 1);
    assert_int_equal(put_manifest(f, "a", "u", "manifest", &one, 5, NULL), 1);
    assert_int_equal(bytes_of(f, "a"), 20);
    assert_int_equal(state_usage(f->s, "", 10, &f->a, &v, &n, &f->e), 0);
    assert_int_equal(n, 2);
    assert_string_equal(v[0].repo, "a");
    assert_int_equal(v[0].n_tags, 2);
    assert_int_equal(v[0].n_manifests, 1);
    assert_int_equal(v[0].n_blobs, 2);
    assert_int_equal(v[1].bytes, 5);
    assert_int_equal(state_usage_total(f->s, &total, &f->e), 0);
    assert_int_equal(total, 20);
    assert_int_equal(state_blob_unlink(f->s, "a", &two, &f->e), 1);
    assert_int_equal(state_manifest_delete(f->s, "a", &m, NULL, &f->a, &tags, &f->e), 1);
    assert_int_equal(bytes_of(f, "a"), 5);
    collect(f, time_now_ns() + NS_PER_S);
    assert_int_equal(bytes_of(f, "a"), 0);
    assert_int_equal(bytes_of(f, "b"), 0);
}

static void test_quota(void **state)
{
    struct fixture *f = *state;
    struct digest d = put_blob(f, "other", "0123456789"), small = put_blob(f, "a", "12345");

    assert_int_equal(state_mount(f->s, "a", &d, "other", 14, &f->e), -SHALE_LIMIT);
    assert_non_null(strstr(f->e.msg, "the quota of a is used up: it has 5B of 14B, and this would "
                                     "add 10B"));
    assert_int_equal(state_blob(f->s, "a", &d, NULL, &f->e), 0);
    assert_int_equal(state_blob_put(f->s, "a", &d, 10, 14, &f->e), -SHALE_LIMIT);
    assert_int_equal(bytes_of(f, "a"), 5);
    assert_int_equal(state_blob_put(f->s, "a", &d, 10, 15, &f->e), 0);
    /* what is there may come again, also when the quota has become smaller */
    assert_int_equal(state_blob_put(f->s, "a", &small, 5, 3, &f->e), 0);
    assert_int_equal(state_mount(f->s, "a", &d, "other", 3, &f->e), 1);
    assert_int_equal(bytes_of(f, "a"), 15);
    assert_int_equal(state_mount(f->s, "new", &d, "other", 3, &f->e), -SHALE_LIMIT);
    assert_int_equal(state_repo(f->s, "new", &f->e), 0);
}

/* Each sees what the others have added: together they never go over it. */
static void *push_many(void *arg)
{
    struct writer *w = arg;
    struct shale_err e = SHALE_ERR_INIT;
    struct digest d;
    char text[32];

    for (int i = 0; i < 50; i++) {
        snprintf(text, sizeof text, "%04d-%04d", w->n, i);
        int r = digest_of_bytes(HASH_SHA256, text, 9, &d, &e);
        if (r >= 0)
            r = blob_put(w->f->blobs, &d, text, 9, &e);
        if (r >= 0)
            r = state_blob_put(w->f->s, "q", &d, 9, 1000, &e);
        w->failed |= r < 0 && r != -SHALE_LIMIT;
    }
    return NULL;
}

static void test_quota_race(void **state)
{
    struct fixture *f = *state;
    struct writer w[8];
    pthread_t t[8];

    for (int i = 0; i < 8; i++) {
        w[i] = (struct writer){f, i, 0};
        assert_int_equal(pthread_create(&t[i], NULL, push_many, &w[i]), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(w[i].failed, 0);
    }
    assert_int_equal(bytes_of(f, "q"), 999); /* 111 of 400 */
}

/* A registry of the first version, or totals that somebody else has spoiled. */
static void run_sql(struct fixture *f, const char *sql)
{
    char path[96];
    sqlite3 *db = NULL;

    snprintf(path, sizeof path, "%s/registry.db", f->dir);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void test_first_version(void **state)
{
    struct fixture *f = *state;
    struct digest d = put_blob(f, "a", "12345");

    assert_int_equal(put_manifest(f, "a", "t", "manifest", &d, 5, NULL), 1);
    f->s = state_close(f->s);
    run_sql(f, "DROP TRIGGER cached_gone; DROP TABLE cached; DROP TRIGGER links_added; DROP "
               "TRIGGER links_gone; DROP TRIGGER manifests_added;"
               "DROP TRIGGER manifests_gone; DROP TRIGGER tags_moved; DROP TRIGGER tags_gone;"
               "ALTER TABLE repos DROP COLUMN bytes; ALTER TABLE manifests DROP COLUMN loose;"
               "ALTER TABLE manifests DROP COLUMN retired; DROP INDEX tags_updated;"
               " DROP INDEX tags_tag;"
               " ALTER TABLE repos DROP COLUMN official; PRAGMA user_version = 1;");
    assert_int_equal(open_state(f), 0);
    assert_int_equal(bytes_of(f, "a"), 13);
    put_blob(f, "a", "1234567");
    assert_int_equal(bytes_of(f, "a"), 20);
}

static void test_recount(void **state)
{
    struct fixture *f = *state;
    struct state_gc g = {0};
    uint64_t wrong = 0;
    int r;

    put_blob(f, "a", "12345");
    put_blob(f, "b", "12345");
    run_sql(f, "UPDATE repos SET bytes = 77 WHERE name = 'b'");
    assert_int_equal(bytes_of(f, "b"), 77);
    while ((r = state_gc_usage(f->s, &g, &wrong, &f->e)) > 0)
        ;
    assert_int_equal(r, 0);
    assert_int_equal(wrong, 1);
    assert_int_equal(bytes_of(f, "a"), 5);
    assert_int_equal(bytes_of(f, "b"), 5);
}

/* ---- retention ---- */

static int64_t all_before(void *arg, const char *repo)
{
    (void)repo;
    return *(int64_t *)arg;
}

static uint64_t drop_untagged(struct fixture *f, int64_t before, int64_t untagged)
{
    struct state_gc g = {.before = before, .untagged_before = all_before, .arg = &untagged};
    uint64_t n = 0;
    int r;

    do {
        g.repo = 0;
        g.last = (struct digest){0};
        g.n_gone = 0;
        while ((r = state_gc_untagged(f->s, &g, &f->e)) > 0)
            ;
        assert_int_equal(r, 0);
        n += g.n_gone;
    } while (g.n_gone > 0);
    return n;
}

static void test_retain(void **state)
{
    struct fixture *f = *state;
    struct retain_rule rule = {.glob = "**", .keep_tags = 2};
    struct retain rules = {.rules = &rule, .n_rules = 1};
    struct state_retain p = {.repo = "a", .rules = &rules};
    char tag[8], text[16];
    struct state_manifest found;

    for (int i = 0; i < 5; i++) {
        snprintf(tag, sizeof tag, "t%d", i);
        snprintf(text, sizeof text, "manifest %d", i);
        assert_int_equal(put_manifest(f, "a", tag, text, NULL, 0, NULL), 1);
    }
    assert_int_equal(put_manifest(f, "a", "t0", "manifest 0", NULL, 0, NULL), 1); /* newest now */
    assert_int_equal(put_manifest(f, "a", NULL, "never tagged", NULL, 0, NULL), 1);
    assert_int_equal(state_retain_ask(f->s, &p, &f->a, &f->e), 1);
    assert_int_equal(state_manifest(f->s, "a", "t1", &f->a, &found, &f->e), 1);
    assert_int_equal(state_retain(f->s, &p, &f->a, &f->e), 3);
    assert_int_equal(p.n, 5);
    assert_string_equal(p.v[0].name, "t0");
    assert_null(p.v[1].rule);
    assert_ptr_equal(p.v[2].rule, &rule);
    assert_int_equal(state_retain_ask(f->s, &p, &f->a, &f->e), 0);
    assert_int_equal(state_retain(f->s, &p, &f->a, &f->e), 0);
    assert_int_equal(state_manifest(f->s, "a", "t1", &f->a, &found, &f->e), 0);
    assert_int_equal(state_manifest(f->s, "a", "t4", &f->a, &found, &f->e), 1);
    /* the images stay for the grace time, then go, although untagged ones stay */
    assert_int_equal(drop_untagged(f, time_now_ns() - NS_PER_S, INT64_MIN), 0);
    assert_int_equal(put_manifest(f, "a", NULL, "manifest 2", NULL, 0, NULL), 1); /* saved */
    assert_int_equal(drop_untagged(f, time_now_ns() + NS_PER_S, INT64_MIN), 2);
    assert_int_equal(drop_untagged(f, time_now_ns() + NS_PER_S, time_now_ns() + NS_PER_S), 2);
}

/* How long a manifest has been without a tag counts, not when it was pushed. */
static void test_loose(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(put_manifest(f, "a", "t", "old", NULL, 0, NULL), 1);
    run_sql(f, "UPDATE manifests SET pushed = 5");
    assert_int_equal(put_manifest(f, "a", "t", "new", NULL, 0, NULL), 1);
    int64_t hour = time_now_ns() - 3600 * NS_PER_S;
    assert_int_equal(drop_untagged(f, time_now_ns() + NS_PER_S, hour), 0);
    assert_int_equal(drop_untagged(f, time_now_ns() + NS_PER_S, time_now_ns() + NS_PER_S), 1);
    assert_int_equal(state_tag_delete(f->s, "a", "t", &f->e), 1);
    run_sql(f, "UPDATE manifests SET pushed = 5");
    assert_int_equal(drop_untagged(f, time_now_ns() + NS_PER_S, hour), 0);
}

/* Manifests of other registries: what they name may come later, or never. */
static void test_cached(void **state)
{
    struct fixture *f = *state;
    struct digest absent, parents[4];
    bool missing[1] = {false}, wrong[1] = {false};
    struct state_manifest m;

    assert_int_equal(digest_of_bytes(HASH_SHA256, "x", 1, &absent, NULL), 0);
    struct state_child c = {.digest = absent, .size = 1};
    struct state_put p = {.repo = "hub/a",
                          .tag = "t",
                          .artifact_type = "",
                          .annotations = "",
                          .m = {.media_type = "a/b", .size = 2},
                          .children = &c,
                          .n_children = 1,
                          .missing = missing,
                          .wrong_size = wrong};
    assert_int_equal(digest_of_bytes(HASH_SHA256, "{}", 2, &p.m.digest, NULL), 0);
    assert_int_equal(blob_put(f->blobs, &p.m.digest, "{}", 2, &f->e), 0);
    assert_int_equal(state_manifest_put(f->s, &p, &f->e), 0);
    p.cached = true;
    assert_int_equal(state_manifest_put(f->s, &p, &f->e), 1);
    assert_int_equal(state_manifest(f->s, "hub/a", "t", &f->a, &m, &f->e), 1);
    assert_in_range(time_now_ns() - m.updated, 0, 60 * NS_PER_S);
    assert_int_equal(state_parents(f->s, "hub/a", &absent, parents, 4, &f->e), 1);
    assert_true(digest_eq(&parents[0], &p.m.digest));
    assert_int_equal(state_tag_put(f->s, "hub/a", "u", &p.m.digest, &f->e), 1);
    assert_int_equal(state_tag_put(f->s, "hub/a", "u", &absent, &f->e), 0);
    assert_int_equal(state_tag_put(f->s, "hub/b", "u", &p.m.digest, &f->e), 0);
    assert_int_equal(state_manifest(f->s, "hub/a", "u", &f->a, &m, &f->e), 1);
    /* Only what was not asked for since, and under the prefix. */
    int64_t future = time_now_ns() + NS_PER_S;
    assert_int_equal(state_cached_use(f->s, "hub/a", &p.m.digest, &f->e), 0);
    assert_int_equal(state_cached_drop(f->s, "hub/", time_now_ns() - NS_PER_S, &f->e), 0);
    assert_int_equal(state_cached_drop(f->s, "hub/b", future, &f->e), 0);
    uint64_t generation = state_generation(f->s, "hub/a");
    assert_int_equal(state_cached_drop(f->s, "hub/", future, &f->e), 1);
    assert_true(state_generation(f->s, "hub/a") != generation);
    assert_int_equal(state_cached_drop(f->s, "hub/", future, &f->e), 0);
    assert_int_equal(state_manifest(f->s, "hub/a", "u", &f->a, &m, &f->e), 0);
    /* What was pushed is no cache. */
    assert_int_equal(put_manifest(f, "hub/a", "p", "[]", NULL, 0, NULL), 1);
    assert_int_equal(state_cached_drop(f->s, "hub/", future + NS_PER_S, &f->e), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
int main(void)
{
    static const struct CMUnitTest tests[] = {
        T(test_visibility), T(test_no_row_without_file),
        T(test_manifests),  T(test_survives),
        T(test_pages),      T(test_threads),
        T(test_collect),    T(test_collect_many),
        T(test_usage),      T(test_quota),
        T(test_quota_race), T(test_first_version),
        T(test_recount),    T(test_retain),
        T(test_loose),      T(test_cached),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
