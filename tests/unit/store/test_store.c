/* SPDX-License-Identifier: Apache-2.0 */
/* The sink, rows, collection and checking, on real stores. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "mem_source.h"

static const char *const two_layers[] = {"base", "top", NULL};
static const char *const one_layer[] = {"only this", NULL};

struct ctx {
    struct mem_store t;
    struct mem_source m;
};

static int begin(void **state)
{
    static struct ctx c;

    mem_store_open(&c.t);
    mem_source_init(&c.m);
    *state = &c;
    return 0;
}

static int end(void **state)
{
    struct ctx *c = *state;

    mem_source_clear(&c->m);
    mem_store_close(&c->t);
    return 0;
}

static int pull(struct ctx *c, const char *tag, struct digest *id, struct shale_err *e)
{
    struct digest target;

    return mem_store_pull(&c->t, &c->m, tag, NULL, id, &target, e);
}

static void flip_byte(struct ctx *c, const char *folder, const char *name)
{
    char path[512];
    uint8_t b;

    snprintf(path, sizeof path, "%s/%s%s", c->t.root, folder, name);
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &b, 1, 520), 1);
    b ^= 1;
    assert_int_equal(pwrite(fd, &b, 1, 520), 1);
    close(fd);
}

static void a_layer_stays_a_tar(void **state)
{
    struct ctx *c = *state;
    struct digest id, got;
    struct meta_image_layer *layers;
    struct arena a = ARENA_INIT(1 << 24);
    size_t n;

    mem_source_image(&c->m, &(struct mem_image){.tag = "x", .layers = two_layers});
    assert_int_equal(pull(c, "x", &id, NULL), 0);
    assert_int_equal(meta_image_layers(store_meta(c->t.s), &id, &a, &layers, &n, NULL), 0);
    assert_int_equal(n, 2);
    for (size_t i = 0; i < n; i++) {
        struct buf b = BUF_INIT(1 << 20);
        char path[300];
        struct meta_layer row;
        snprintf(path, sizeof path, "layers/%s/layer.tar", digest_hex(&layers[i].diff_id));
        assert_int_equal(fs_read_file(store_root_fd(c->t.s), path, &b, NULL), 0);
        assert_int_equal(digest_of_bytes(HASH_SHA256, b.p, b.n, &got, NULL), 0);
        assert_string_equal(got.s, layers[i].diff_id.s);
        assert_int_equal(meta_layer_get(store_meta(c->t.s), &layers[i].diff_id, &row, NULL), 0);
        assert_int_equal(row.tar_bytes, b.n);
        assert_int_equal(row.n_entries, 1);
        assert_int_equal(row.content_bytes, i == 0 ? 4 : 3);
        buf_clear(&b);
    }
    arena_clear(&a);
}

static void what_was_received_is_not_asked_for_again(void **state)
{
    struct ctx *c = *state;
    struct digest id;

    mem_source_image(&c->m, &(struct mem_image){.tag = "x", .layers = one_layer});
    c->m.cut_after = 700;
    assert_int_equal(pull(c, "x", &id, NULL), -SHALE_NETWORK);
    c->m.cut_after = 0;
    assert_int_equal(pull(c, "x", &id, NULL), 0);
    assert_int_equal(c->m.last_offset, 700);
    int transfers = c->m.n_transfers;
    assert_int_equal(pull(c, "x", &id, NULL), 0);
    assert_int_equal(c->m.n_transfers, transfers);
}

static void wrong_bytes_are_refused_and_not_kept(void **state)
{
    struct ctx *c = *state;
    struct shale_err e;
    struct digest id;
    uint64_t n = 1;

    mem_source_image(&c->m, &(struct mem_image){.tag = "x", .layers = one_layer});
    c->m.flip = true;
    assert_int_equal(pull(c, "x", &id, &e), -SHALE_CORRUPT);
    c->m.flip = false;
    assert_int_equal(pull(c, "x", &id, &e), 0);
    assert_int_equal(c->m.last_offset, 0);
    assert_int_equal(meta_image_count(store_meta(c->t.s), &n, NULL), 0);
    assert_int_equal(n, 1);
}

/* A leftover with a wrong byte does not spoil the next attempt: it is fetched again from the start.
 */
static void a_damaged_leftover_is_replaced(void **state)
{
    struct ctx *c = *state;
    struct digest id;
    char name[200];

    struct descriptor mf =
        mem_source_image(&c->m, &(struct mem_image){.tag = "x", .layers = one_layer});
    (void)mf;
    c->m.cut_after = 700;
    assert_int_equal(pull(c, "x", &id, NULL), -SHALE_NETWORK);
    const struct mem_blob *layer = &c->m.blobs[0];
    snprintf(name, sizeof name, "sha256-%s", digest_hex(&layer->d.digest));
    flip_byte(c, "ingest/", name);
    c->m.cut_after = 0;
    assert_int_equal(pull(c, "x", &id, NULL), 0);
}

static void a_layer_that_is_not_its_diff_id(void **state)
{
    struct ctx *c = *state;
    struct shale_err e;
    struct digest id;

    mem_source_image(&c->m,
                     &(struct mem_image){.tag = "x", .layers = one_layer, .wrong_diff_id = true});
    assert_int_equal(pull(c, "x", &id, &e), -SHALE_CORRUPT);
    assert_non_null(strstr(e.msg, "layers from manifest don't match image configuration"));
}

static int count_name(void *arg, const char *name, unsigned char type)
{
    (*(int *)arg)++;
    return 0;
}

static int entries(struct ctx *c, const char *folder)
{
    int n = 0;

    assert_int_equal(fs_each(store_root_fd(c->t.s), folder, count_name, &n, NULL), 0);
    return n;
}

static void collection(void **state)
{
    struct ctx *c = *state;
    static const char *const other[] = {"base", "another", NULL};
    struct digest id, id2;
    struct store_lease *lease;
    uint64_t freed;

    mem_source_image(&c->m, &(struct mem_image){.tag = "x", .layers = two_layers});
    mem_source_image(&c->m, &(struct mem_image){.tag = "y", .layers = other});
    assert_int_equal(pull(c, "x", &id, NULL), 0);
    assert_int_equal(pull(c, "y", &id2, NULL), 0);
    assert_int_equal(entries(c, "layers"), 3);
    assert_int_equal(store_gc(c->t.s, &freed, NULL), 0);
    assert_int_equal(freed, 0);
    /* the shared layer stays with the other image */
    assert_int_equal(meta_image_delete(store_meta(c->t.s), &id, "test", NULL), 0);
    assert_int_equal(store_gc(c->t.s, &freed, NULL), 0);
    assert_true(freed > 0);
    assert_int_equal(entries(c, "layers"), 2);
    assert_int_equal(entries(c, "blobs/sha256"), 4);
    /* a lease protects what nothing else needs */
    assert_int_equal(meta_image_delete(store_meta(c->t.s), &id2, "test", NULL), 0);
    assert_int_equal(store_lease_begin(c->t.s, "test", &lease, NULL), 0);
    assert_int_equal(store_lease_add(lease, &c->m.blobs[0].d.digest, NULL), 0);
    assert_int_equal(store_gc(c->t.s, &freed, NULL), 0);
    assert_int_equal(entries(c, "layers"), 1);
    assert_int_equal(entries(c, "blobs/sha256"), 1);
    store_lease_end(lease);
    assert_int_equal(store_gc(c->t.s, &freed, NULL), 0);
    assert_int_equal(entries(c, "layers"), 0);
    assert_int_equal(entries(c, "blobs/sha256"), 0);
}

static void checking(void **state)
{
    struct ctx *c = *state;
    struct shale_fsck_opts look = {.size = sizeof look, .check_only = true},
                           mend = {.size = sizeof mend};
    struct shale_fsck_result r;
    struct digest id;
    char name[200];

    mem_source_image(&c->m, &(struct mem_image){.tag = "x", .layers = one_layer});
    assert_int_equal(pull(c, "x", &id, NULL), 0);
    memset(&r, 0, sizeof r);
    assert_int_equal(store_fsck(c->t.s, &look, &r, NULL, NULL), 0);
    assert_int_equal(r.n_damaged + r.n_repaired, 0);
    assert_int_equal(r.n_layers, 1);
    snprintf(name, sizeof name, "%s/layer.tar",
             digest_hex(&c->m.blobs[0].d.digest)); /* plain tar: diffID = digest */
    flip_byte(c, "layers/", name);
    memset(&r, 0, sizeof r);
    assert_int_equal(store_fsck(c->t.s, &look, &r, NULL, NULL), 0);
    assert_int_equal(r.n_damaged, 1);
    memset(&r, 0, sizeof r);
    assert_int_equal(store_fsck(c->t.s, &mend, &r, NULL, NULL), 0);
    assert_int_equal(r.n_repaired, 1);
    memset(&r, 0, sizeof r);
    assert_int_equal(store_fsck(c->t.s, &look, &r, NULL, NULL), 0);
    assert_int_equal(r.n_damaged + r.n_repaired, 0);
    flip_byte(c, "blobs/sha256/", digest_hex(&c->m.blobs[0].d.digest));
    memset(&r, 0, sizeof r);
    assert_int_equal(store_fsck(c->t.s, &look, &r, NULL, NULL), 0);
    assert_true(r.n_damaged >= 1);
}

static void *pull_in_thread(void *arg)
{
    struct ctx *c = arg;
    struct digest id;

    return (void *)(intptr_t)pull(c, "x", &id, NULL);
}

static void two_that_want_one_layer_fetch_it_once(void **state)
{
    struct ctx *c = *state;
    pthread_t t[4];
    void *r;

    mem_source_image(&c->m, &(struct mem_image){.tag = "x", .layers = one_layer});
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&t[i], NULL, pull_in_thread, c), 0);
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], &r);
        assert_int_equal((intptr_t)r, 0);
    }
    assert_int_equal(c->m.n_transfers, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_layer_stays_a_tar, begin, end),
        cmocka_unit_test_setup_teardown(what_was_received_is_not_asked_for_again, begin, end),
        cmocka_unit_test_setup_teardown(wrong_bytes_are_refused_and_not_kept, begin, end),
        cmocka_unit_test_setup_teardown(a_damaged_leftover_is_replaced, begin, end),
        cmocka_unit_test_setup_teardown(a_layer_that_is_not_its_diff_id, begin, end),
        cmocka_unit_test_setup_teardown(collection, begin, end),
        cmocka_unit_test_setup_teardown(checking, begin, end),
        cmocka_unit_test_setup_teardown(two_that_want_one_layer_fetch_it_once, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
