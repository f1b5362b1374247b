/* SPDX-License-Identifier: Apache-2.0 */
/* All images with their names: the brief way hands out the same as the full one, as far as it goes.
 */
#include "meta_test.h"

#define IMAGES 60

struct seen { /* an image as text, without what the brief way leaves out */
    char *v[IMAGES + 8];
    size_t n;
    struct arena *a;
};

static int note(void *arg, const struct meta_image_item *i)
{
    struct seen *s = arg;
    char *t = arena_printf(s->a, "%s %lld %llu", i->image.id.s, (long long)i->image.created_ns,
                           (unsigned long long)i->image.size_bytes);

    for (size_t k = 0; k < i->n_tags; k++)
        t = arena_printf(s->a, "%s %s:%s", t, i->tags[k].repo, i->tags[k].tag);
    for (size_t k = 0; k < i->n_digests; k++)
        t = arena_printf(s->a, "%s %s@%s", t, i->digests[k].repo, i->digests[k].target.s);
    t = arena_printf(s->a, "%s %d %u %u", t, i->of_index, i->n_children, i->n_containers);
    assert_non_null(t);
    assert_true(s->n < ARRAY_SIZE(s->v));
    s->v[s->n++] = t;
    return 0;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void compare(struct fix *f, size_t n)
{
    struct seen full = {.a = &f->a}, brief = {.a = &f->a};

    ok(meta_image_each(f->m, 0, NULL, note, &full, &f->e));
    ok(meta_image_each(f->m, META_EACH_BRIEF, &f->a, note, &brief, &f->e));
    assert_int_equal(full.n, n);
    assert_int_equal(brief.n, n);
    qsort(full.v, full.n, sizeof *full.v, by_text);
    for (size_t i = 0; i < n; i++) /* the brief way is in this order already */
        assert_string_equal(brief.v[i], full.v[i]);
}

static void set_tag(struct fix *f, const char *repo, const char *tag, const struct digest *image,
                    const struct digest *target)
{
    struct digest prev;

    ok(meta_tag_set(f->m, repo, tag, image, target, "test", &prev, &f->e));
}

static void brief_is_full(void **state)
{
    struct fix *f = *state;
    char repo[32], tag[32];

    compare(f, 0);
    for (unsigned i = 0; i < IMAGES; i++) {
        struct digest id = dig("0f3a7"[i % 5], i);
        struct meta_image row = {.id = id,
                                 .created_ns = 1000 - i,
                                 .size_bytes = i,
                                 .parent = i % 7 == 3 ? dig('0', 0) : (struct digest){""}};
        ok(meta_image_put(f->m, &row, NULL, 0, &f->e));
        for (unsigned k = 0; k < i % 4; k++) {
            snprintf(repo, sizeof repo, "docker.io/r%u", (i + k) % 9);
            snprintf(tag, sizeof tag, "t%u-%u", i, k);
            set_tag(f, repo, tag, &id, D('b', i));
            ok(meta_repo_digest_put(f->m, repo, D('b', i), &id, &f->e));
        }
        if (i % 3 == 0)
            ok(meta_repo_digest_put(f->m, "docker.io/only", D('c', i), &id, &f->e));
    }
    set_tag(f, "docker.io/list", "1", D('f', 1), D('c', 0)); /* an index that image 0 is of, too */
    compare(f, IMAGES);
}

/* What a container holds is not listed, and its names are nobody else's. */
static void held_ones(void **state)
{
    struct fix *f = *state;
    struct meta_container c = ctr_of("", 'a', "c", D('2', 1));

    for (unsigned i = 0; i < 3; i++) {
        put_image(f->m, D('2', i), i);
        set_tag(f, "docker.io/x", (const char *[]){"a", "b", "c"}[i], D('2', i), D('b', i));
    }
    ok(meta_container_add(f->m, &c, NULL, &f->e));
    compare(f, 3);
    ok(meta_image_delete(f->m, D('2', 1), "test", &f->e));
    compare(f, 2);
    ok(meta_repo_digest_put(f->m, "docker.io/x", D('b', 1), D('2', 2), &f->e));
    compare(f, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(brief_is_full), CASE(held_ones)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
