/* SPDX-License-Identifier: Apache-2.0 */
/* Finding, listing with filters, history, platforms, tagging and removing, on a real store. */
#include <stdio.h>
#include <string.h>

#include "../store/mem_source.h"
#include "base/str.h"
#include "base/time.h"
#include "image/image.h"

#define N_IMAGES 3

struct ctx {
    struct mem_store t;
    struct mem_source m;
    struct image_host h;
    struct arena a;
    struct digest ids[N_IMAGES];
};

static const char *const base[] = {"base", NULL};
static const char *const base_top[] = {"base", "top", NULL};
static const char *const other[] = {"other", NULL};

static void add(struct ctx *c, size_t i, const char *tag, const char *repo,
                const struct mem_image *im)
{
    struct digest target, prev;
    struct meta *m = store_meta(c->t.s);

    mem_source_image(&c->m, im);
    assert_int_equal(mem_store_pull(&c->t, &c->m, im->tag, NULL, &c->ids[i], &target, NULL), 0);
    assert_int_equal(meta_repo_digest_put(m, repo, &target, &c->ids[i], NULL), 0);
    assert_int_equal(meta_tag_set(m, repo, tag, &c->ids[i], &target, "pull", &prev, NULL), 0);
}

static int begin(void **state)
{
    static struct ctx c;

    c = (struct ctx){.a = ARENA_INIT(1 << 26)};
    mem_store_open(&c.t);
    mem_source_init(&c.m);
    c.h = (struct image_host){.store = c.t.s};
    add(&c, 0, "1", "docker.io/library/old",
        &(struct mem_image){.tag = "a",
                            .layers = base,
                            .created = "2020-01-01T00:00:00Z",
                            .labels = "{\"k\":\"v\"}"});
    add(&c, 1, "2", "docker.io/library/mid",
        &(struct mem_image){.tag = "b",
                            .layers = base_top,
                            .created = "2022-01-01T00:00:00Z",
                            .labels = "{\"k\":\"w\"}"});
    add(&c, 2, "latest", "reg.example:5000/team/new",
        &(struct mem_image){.tag = "c", .layers = other, .created = "2024-01-01T00:00:00Z"});
    *state = &c;
    return 0;
}

static int end(void **state)
{
    struct ctx *c = *state;

    arena_clear(&c->a);
    mem_source_clear(&c->m);
    mem_store_close(&c->t);
    return 0;
}

/* Which images a listing shows, newest first, as "2 0". */
static void expect_list(struct ctx *c, const char *const *filters, const char *match, bool all,
                        const char *want)
{
    struct shale_images_opts o = {.size = sizeof o, .filters = filters, .match = match, .all = all};
    struct shale_image_list l;
    struct shale_err e = SHALE_ERR_INIT;
    char got[64] = "";

    if (image_list(&c->h, &o, &c->a, &l, &e) < 0)
        fail_msg("%s", e.msg);
    for (size_t i = 0; i < l.n_items; i++)
        for (int k = 0; k < N_IMAGES; k++)
            if (streq(l.items[i].id, c->ids[k].s))
                snprintf(got + strlen(got), sizeof got - strlen(got), "%s%d", *got ? " " : "", k);
    assert_string_equal(got, want);
}

static void lists_and_filters(void **state)
{
    struct ctx *c = *state;
    static const struct {
        const char *filter, *want;
    } cases[] = {
        {"label=k", "1 0"},          {"label=k=v", "0"},        {"label!=k=v", "2 1"},
        {"label=k=nope", ""},        {"before=mid:2", "0"},     {"since=mid:2", "2"},
        {"until=2021-01-01", "0"},   {"reference=old", "0"},    {"reference=*/team/*", "2"},
        {"reference=*d*:*", "1 0"},  {"dangling=true", ""},     {"dangling=false", "2 1 0"},
        {" Reference = mid:2", "1"}, {"reference=nothing", ""},
    };

    expect_list(c, NULL, NULL, false, "2 1 0");
    expect_list(c, NULL, "mid", false, "1");
    expect_list(c, NULL, "mid:3", false, "");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect_list(c, (const char *const[]){cases[i].filter, NULL}, NULL, false, cases[i].want);
    expect_list(c, (const char *const[]){"reference=old", "reference=mid", NULL}, NULL, false,
                "1 0");
    expect_list(c, (const char *const[]){"label=k", "since=old:1", NULL}, NULL, false, "1");
}

static void filters_that_are_wrong(void **state)
{
    struct ctx *c = *state;
    static const struct {
        const char *filter, *msg;
        int code;
    } cases[] = {
        {"foo=1", "invalid filter 'foo'", SHALE_INVALID},
        {"dangling=x", "invalid filter 'dangling=[x]'", SHALE_INVALID},
        {"bogus", "bad format of filter (expected name=value)", SHALE_INVALID},
        {"before=nope", "No such image: nope:latest", SHALE_NOT_FOUND},
        {"until=nope", "failed to parse value as time or duration: \"nope\"", SHALE_INVALID},
        {"reference=[", "syntax error in pattern", SHALE_INVALID},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *const f[] = {cases[i].filter, NULL};
        struct shale_images_opts o = {.size = sizeof o, .filters = f};
        struct shale_image_list l;
        struct shale_err e = SHALE_ERR_INIT;
        assert_int_equal(image_list(&c->h, &o, &c->a, &l, &e), -cases[i].code);
        assert_string_equal(e.msg, cases[i].msg);
    }
}

static void finding(void **state)
{
    struct ctx *c = *state;
    struct image_found f;
    struct shale_err e = SHALE_ERR_INIT;
    char prefix[16];

    assert_int_equal(image_find(c->t.s, "old:1", &c->a, &f, &e), 0);
    assert_string_equal(f.id.s, c->ids[0].s);
    assert_false(f.by_id);
    assert_int_equal(image_find(c->t.s, "docker.io/library/old:1", &c->a, &f, &e), 0);
    assert_int_equal(image_find(c->t.s, "reg.example:5000/team/new", &c->a, &f, &e), 0);
    assert_string_equal(f.id.s, c->ids[2].s);
    assert_int_equal(image_find(c->t.s, c->ids[1].s, &c->a, &f, &e), 0);
    assert_true(f.by_id);
    snprintf(prefix, sizeof prefix, "%.12s", digest_hex(&c->ids[1]));
    assert_int_equal(image_find(c->t.s, prefix, &c->a, &f, &e), 0);
    assert_string_equal(f.id.s, c->ids[1].s);
    assert_int_equal(image_find(c->t.s, "old", &c->a, &f, &e), -SHALE_NOT_FOUND);
    assert_string_equal(e.msg, "No such image: old:latest");
    assert_int_equal(image_find(c->t.s, "", &c->a, &f, &e), -SHALE_INVALID);
    assert_int_equal(image_find(c->t.s, "Foo", &c->a, &f, &e), -SHALE_INVALID);
    assert_non_null(strstr(e.msg, "must be lowercase"));
}

static void history_and_inspect(void **state)
{
    struct ctx *c = *state;
    struct shale_history h;
    struct shale_image_detail d;

    assert_int_equal(image_history(&c->h, "mid:2", NULL, &c->a, &h, NULL), 0);
    assert_int_equal(h.n_items, 3); /* two layers that no step speaks of, and an empty step */
    assert_string_equal(h.items[0].id, c->ids[1].s);
    assert_string_equal(h.items[0].tags[0], "mid:2");
    assert_int_equal(h.items[0].size_bytes, 3);
    assert_string_equal(h.items[2].created_by, "ENV x");
    assert_int_equal(image_inspect(&c->h, "mid:2", NULL, &c->a, &d, NULL), 0);
    assert_int_equal(d.n_layers, 2);
    assert_int_equal(d.image.size_bytes, 7);
    assert_string_equal(d.image.names[0].repo, "mid");
    assert_int_equal(d.image.n_digests, 1);
}

static int rmi(struct ctx *c, const char *what, bool force, struct shale_rmi_result *r,
               struct shale_err *e)
{
    struct shale_rmi_opts o = {.size = sizeof o, .force = force};

    return image_remove(&c->h, what, &o, &c->a, r, e);
}

static void removing(void **state)
{
    struct ctx *c = *state;
    struct shale_rmi_result r;
    struct shale_err e = SHALE_ERR_INIT;

    /* another name: only untagged */
    assert_int_equal(image_tag(&c->h, "mid:2", "extra:x", NULL), 0);
    assert_int_equal(rmi(c, "extra:x", false, &r, &e), 0);
    assert_int_equal(r.n_items, 1);
    assert_string_equal(r.items[0].what, "extra:x");
    /* the last one: digests, image, and the layers that nobody else has, top first */
    assert_int_equal(rmi(c, "mid:2", false, &r, &e), 0);
    assert_int_equal(r.n_items, 4);
    assert_int_equal(r.items[1].kind, SHALE_UNTAGGED);
    assert_string_equal(r.items[2].what, c->ids[1].s);
    assert_int_equal(r.items[3].kind, SHALE_DELETED);
    assert_true(r.freed_bytes > 0);
    /* by ID with names in two repositories */
    assert_int_equal(image_tag(&c->h, "old:1", "extra:x", NULL), 0);
    assert_int_equal(rmi(c, c->ids[0].s, false, &r, &e), -SHALE_CONFLICT);
    assert_non_null(
        strstr(e.msg, "(must be forced) - image is referenced in multiple repositories"));
    assert_int_equal(rmi(c, c->ids[0].s, true, &r, &e), 0);
    expect_list(c, NULL, NULL, true, "2");
    assert_int_equal(rmi(c, "old:1", false, &r, &e), -SHALE_NOT_FOUND);
}

static void add_container(struct ctx *c, size_t image, const char *name, const char *state)
{
    struct meta_container row = {
        .name = name,
        .image_id = c->ids[image],
        .image_ref = "x",
        .labels = "",
        .config = "{}",
        .run = {.state = state, .started_ns = TIME_NONE, .finished_ns = TIME_NONE, .error = ""}};

    snprintf(row.id, sizeof row.id, "%064d", (int)strlen(name));
    assert_int_equal(meta_container_add(store_meta(c->t.s), &row, NULL, NULL), 0);
}

static void containers_hold_images(void **state)
{
    struct ctx *c = *state;
    struct shale_rmi_result r;
    struct shale_err e = SHALE_ERR_INIT;

    add_container(c, 0, "stopped", "exited");
    assert_int_equal(rmi(c, "old:1", false, &r, &e), -SHALE_CONFLICT);
    assert_non_null(strstr(
        e.msg,
        "unable to remove repository reference \"old:1\" (must force) - container 000000000000"));
    assert_int_equal(rmi(c, c->ids[0].s, false, &r, &e), -SHALE_CONFLICT);
    assert_non_null(strstr(e.msg, "(must be forced) - image is being used by stopped container"));
    add_container(c, 2, "up", "running");
    assert_int_equal(rmi(c, c->ids[2].s, true, &r, &e), -SHALE_CONFLICT);
    assert_non_null(strstr(e.msg, "(cannot be forced) - image is being used by running container"));
    /* forced past a stopped one: the image goes from the lists, the layers stay with the container
     */
    assert_int_equal(rmi(c, "old:1", true, &r, &e), 0);
    expect_list(c, NULL, NULL, true, "2 1");
    struct rootfs_image img;
    assert_int_equal(store_stack(c->t.s, &c->ids[0], &c->a, &img, NULL), 0);
    assert_int_equal(img.n_layers, 1);
}

static void a_tag_that_moves_leaves_a_dangling_image(void **state)
{
    struct ctx *c = *state;
    struct shale_err e = SHALE_ERR_INIT;

    assert_int_equal(image_tag(&c->h, "mid:2", "old:1", &e), 0);
    expect_list(c, (const char *const[]){"dangling=true", NULL}, NULL, false, "0");
    assert_int_equal(image_tag(&c->h, "mid:2", "sha256:1", &e), -SHALE_INVALID);
    assert_string_equal(e.msg,
                        "refusing to create an ambiguous tag using digest algorithm as name");
    assert_int_equal(image_tag(&c->h, "nope", "x", &e), -SHALE_NOT_FOUND);
}

static void platforms_of_an_index(void **state)
{
    struct ctx *c = *state;
    static const char *const archs[] = {"amd64", "arm64"};
    static const char *const arm[] = {"for arm", NULL};
    struct platform arm64 = {.os = "linux", .arch = "arm64"};
    struct descriptor m[2];
    struct digest target, id, id_arm, prev;
    struct shale_platform_list l;
    struct image_found f;
    struct shale_err e = SHALE_ERR_INIT;

    m[0] = mem_source_image(
        &c->m, &(struct mem_image){.layers = other, .created = "2023-01-01T00:00:00Z"});
    m[1] = mem_source_image(&c->m, &(struct mem_image){.layers = arm, .arch = "arm64"});
    mem_source_index(&c->m, "both", m, archs, 2);
    assert_int_equal(mem_store_pull(&c->t, &c->m, "both", NULL, &id, &target, NULL), 0);
    assert_int_equal(meta_tag_set(store_meta(c->t.s), "docker.io/library/both", "latest", &id,
                                  &target, "pull", &prev, NULL),
                     0);
    assert_int_equal(image_find_platform(c->t.s, "both", "linux/arm64", &c->a, &f, &e),
                     -SHALE_NOT_FOUND);
    assert_string_equal(
        e.msg,
        "image with reference both was found but its platform (linux/amd64) does not match the "
        "specified platform (linux/arm64)");
    assert_int_equal(mem_store_pull(&c->t, &c->m, "both", &arm64, &id_arm, &target, NULL), 0);
    assert_int_equal(image_find_platform(c->t.s, "both", "linux/arm64", &c->a, &f, &e), 0);
    assert_string_equal(f.id.s, id_arm.s);
    assert_int_equal(image_platforms(&c->h, target.s, &c->a, &l, NULL), 0);
    assert_int_equal(l.n_items, 2);
    assert_true(l.items[0].available && l.items[1].available);
    assert_string_equal(l.items[1].platform, "linux/arm64");
    assert_int_equal(mem_store_pull(&c->t, &c->m, "both",
                                    &(struct platform){.os = "linux", .arch = "s390x"}, &id,
                                    &target, &e),
                     -SHALE_NOT_FOUND);
    assert_non_null(
        strstr(e.msg, "no matching manifest for linux/s390x in the manifest list entries"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_and_filters, begin, end),
        cmocka_unit_test_setup_teardown(filters_that_are_wrong, begin, end),
        cmocka_unit_test_setup_teardown(finding, begin, end),
        cmocka_unit_test_setup_teardown(history_and_inspect, begin, end),
        cmocka_unit_test_setup_teardown(removing, begin, end),
        cmocka_unit_test_setup_teardown(containers_hold_images, begin, end),
        cmocka_unit_test_setup_teardown(a_tag_that_moves_leaves_a_dangling_image, begin, end),
        cmocka_unit_test_setup_teardown(platforms_of_an_index, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
