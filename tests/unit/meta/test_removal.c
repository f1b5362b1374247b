/* SPDX-License-Identifier: Apache-2.0 */
/* What a removal of many images asks for in one transaction. */
#include "meta_test.h"

static void put_tag(struct fix *f, const char *tag, unsigned image)
{
    put_image(f->m, D('1', image), image);
    ok(meta_tag_set(f->m, "r", tag, D('1', image), D('b', image), "test", NULL, &f->e));
}

static bool has_tag(struct fix *f, const char *tag)
{
    struct meta_tag t;

    return meta_tag_get(f->m, "r", tag, &f->a, &t, NULL) >= 0;
}

/* Alone it is a transaction; what is missing changes nothing. */
static void tag_alone(void **state)
{
    struct fix *f = *state;
    struct digest target = {""};

    put_tag(f, "a", 1);
    ok(meta_tag_delete(f->m, "r", "a", "test", &target, &f->e));
    assert_digest(&target, D('b', 1));
    assert_false(has_tag(f, "a"));
    assert_int_equal(meta_tag_delete(f->m, "r", "a", "test", &target, &f->e), -SHALE_NOT_FOUND);
    assert_true(meta_commit(f->m, &f->e) < 0); /* nothing is left open */
}

/* Parts of a transaction come and go with it. */
static void parts(void **state)
{
    struct fix *f = *state;
    struct digest target;

    put_tag(f, "a", 1);
    put_tag(f, "b", 2);
    ok(meta_begin(f->m, &f->e));
    ok(meta_tag_delete(f->m, "r", "a", "test", &target, &f->e));
    ok(meta_image_delete(f->m, D('1', 2), "test", &f->e));
    assert_false(has_tag(f, "a") || has_tag(f, "b"));
    meta_rollback(f->m);
    assert_true(has_tag(f, "a") && has_tag(f, "b"));

    ok(meta_begin(f->m, &f->e));
    int begun = meta_part_begin(f->m, &f->e);
    assert_int_equal(begun, 0);
    ok(meta_kv_set(f->m, "k", "1", &f->e));
    assert_int_equal(meta_part_end(f->m, begun, -SHALE_LIMIT, &f->e), -SHALE_LIMIT);
    ok(meta_commit(f->m, &f->e)); /* it was the caller's to go back */
    begun = meta_part_begin(f->m, &f->e);
    assert_int_equal(begun, 1);
    ok(meta_kv_set(f->m, "l", "1", &f->e));
    assert_int_equal(meta_part_end(f->m, begun, -SHALE_LIMIT, &f->e), -SHALE_LIMIT);
    char *value = NULL;
    ok(meta_kv_get(f->m, "l", &f->a, &value, &f->e));
    assert_null(value);
}

static void many_blobs(void **state)
{
    enum { N = 2345, KEPT = 1234 };
    struct fix *f = *state;
    static struct digest all[N];
    struct meta_digests l = {all, 0};
    struct meta_blob b;
    uint64_t n, bytes;

    ok(meta_begin(f->m, &f->e));
    for (unsigned i = 0; i < N; i++) {
        ok(meta_blob_put(f->m, &(struct meta_blob){.digest = dig('b', i), .media_type = ""},
                         &f->e));
        ok(meta_edge_put(f->m, D('b', i), D('c', i), &f->e));
        ok(meta_layer_blob_put(f->m, D('b', i), D('d', i), 1, &f->e));
        if (i != KEPT)
            all[l.n++] = dig('b', i);
    }
    ok(meta_commit(f->m, &f->e));
    ok(meta_blobs_delete(f->m, &l, &f->e));
    ok(meta_blob_totals(f->m, &n, &bytes, &f->e));
    assert_int_equal(n, 1);
    ok(meta_blob_get(f->m, D('b', KEPT), &f->a, &b, &f->e));
    struct meta_layer_blob layer;
    ok(meta_layer_blob_get(f->m, D('b', KEPT), &layer, &f->e));
    assert_int_equal(meta_layer_blob_get(f->m, D('b', 0), &layer, NULL), -SHALE_NOT_FOUND);
    ok(meta_blobs_delete(f->m, &(struct meta_digests){NULL, 0}, &f->e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(tag_alone), CASE(parts), CASE(many_blobs)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
