/* SPDX-License-Identifier: Apache-2.0 */
/* cmocka wants these before it */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* then itself */
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/time.h"
#include "build/cache/cache_remote_priv.h"

#define HEX(c) c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c c
#define K1     HEX("01")
#define K2     HEX("02")
#define D1     "sha256:" HEX("a1")
#define D2     "sha256:" HEX("a2")

static void documents(void **state)
{
    struct arena a = ARENA_INIT(1 << 20);
    struct cache_doc_layer layers[] = {
        {.blob = {D1}, .diff_id = {D2}, .size_bytes = 5, .media_type = "x/y"}};
    struct cache_doc_record records[] = {{K1, 0, 1700000000000000000},
                                         {K2, CACHE_DOC_NONE, TIME_NONE}};
    const struct cache_doc doc = {layers, 1, records, 2};
    struct cache_doc got;
    json_t *j = NULL;

    (void)state;
    assert_int_equal(cache_doc_write(&doc, &j, NULL), 0);
    char *text = json_text(j);
    assert_string_equal(text,
                        "{\"layers\":[{\"blob\":\"" D1
                        "\",\"parent\":-1,\"annotations\":{\"mediaType\":\"x/y\","
                        "\"diffID\":\"" D2 "\",\"size\":5}}],\"records\":[{\"digest\":\"sha256:" K1
                        "\",\"layers\":[{\"layer\":0,\"createdAt\":\"2023-11-14T22:13:20Z\"}]},"
                        "{\"digest\":\"sha256:" K2 "\",\"chains\":[{\"layers\":[]}]}]}");
    assert_int_equal(cache_doc_parse(text, strlen(text), &a, &got, NULL), 0);
    assert_int_equal(got.n_layers, 1);
    assert_string_equal(got.layers[0].blob.s, D1);
    assert_string_equal(got.layers[0].diff_id.s, D2);
    assert_int_equal(got.layers[0].size_bytes, 5);
    assert_int_equal(got.n_records, 2);
    assert_string_equal(got.records[0].key, K1);
    assert_int_equal(got.records[0].created_ns, 1700000000000000000);
    assert_true(got.records[1].layer == CACHE_DOC_NONE);
    free(text);
    json_decref(j);
    arena_clear(&a);
}

/* What makes no sense here is no record; what is no document at all is an error. */
static void strangers(void **state)
{
    static const struct {
        const char *record;
        size_t n;
    } v[] = {
        {"{\"digest\":\"sha256:" K1 "\",\"layers\":[{\"layer\":1}]}", 1},
        {"{\"digest\":\"sha256:" K1 "\",\"layers\":[{\"layer\":2}]}", 0},
        {"{\"digest\":\"sha256:" K1 "\",\"layers\":[{\"layer\":-1}]}", 0},
        {"{\"digest\":\"sha256:" K1 "\",\"layers\":[{\"layer\":1.5}]}", 0},
        {"{\"digest\":\"sha256:" K1 "\",\"layers\":[],\"chains\":[{\"layers\":[]}]}", 0},
        {"{\"digest\":\"sha256:" K1 "\",\"chains\":[{\"layers\":[0]}]}", 0},
        {"{\"digest\":\"sha256:" K1 "\",\"inputs\":[[{\"link\":0}]],\"layers\":[{\"layer\":1}]}",
         0},
        {"{\"digest\":\"sha256:" K1 "\"}", 0},
        {"{\"digest\":\"sha256:01\",\"layers\":[{\"layer\":1}]}", 0},
        {"{\"digest\":\"random:x\",\"layers\":[{\"layer\":1}]}", 0},
        {"7", 0},
        {"null", 0},
    };
    struct arena a = ARENA_INIT(1 << 20);
    struct shale_err e = SHALE_ERR_INIT;
    struct cache_doc got;

    (void)state;
    for (size_t i = 0; i < sizeof v / sizeof *v; i++) {
        const char *text = arena_printf(&a, "[%s]", v[i].record);
        assert_int_equal(cache_doc_parse_inline(text, strlen(text), 2, &a, &got, NULL), 0);
        assert_int_equal(got.n_records, v[i].n);
    }
    assert_int_equal(cache_doc_parse("[]", 2, &a, &got, &e), -SHALE_INVALID);
    assert_int_equal(cache_doc_parse("{", 1, &a, &got, &e), -SHALE_INVALID);
    assert_int_equal(cache_doc_parse_inline("{}", 2, 0, &a, &got, &e), -SHALE_INVALID);
    assert_int_equal(cache_doc_parse("{}", 2, &a, &got, &e), 0);
    assert_int_equal(got.n_records + got.n_layers, 0);
    arena_clear(&a);
}

static void places(void **state)
{
    static const char *const from[] = {"a/b:c,d", "type=local,src=x y", "type=registry,ref=h:5/n",
                                       NULL};
    static const char *const to[] = {"type=registry,ref=h:5/n:t,mode=max,ignore-error=true",
                                     "type=local,dest=/d,tag=t", "type=inline", NULL};
    static const char *const bad[][2] = {{"type=local", NULL}, {"", NULL}, {"type=s3,x=y", NULL}};
    struct arena a = ARENA_INIT(1 << 20);
    struct shale_err e = SHALE_ERR_INIT;
    struct cache_places p;

    (void)state;
    assert_int_equal(cache_places_parse(NULL, false, &a, &p, &e), 0);
    assert_int_equal(p.n, 0);
    assert_int_equal(cache_places_parse(from, false, &a, &p, &e), 0);
    assert_int_equal(p.n, 4);
    assert_string_equal(p.v[0].where, "a/b:c");
    assert_string_equal(p.v[1].where, "d");
    assert_int_equal(p.v[2].type, CACHE_LOCAL);
    assert_string_equal(p.v[2].where, "x y");
    assert_string_equal(p.v[2].tag, "latest");
    assert_int_equal(cache_places_parse(to, true, &a, &p, &e), 0);
    assert_int_equal(p.n, 3);
    assert_true(p.v[0].all && p.v[0].ignore_error && !p.v[1].all);
    assert_string_equal(p.v[1].tag, "t");
    assert_int_equal(p.v[2].type, CACHE_INLINE);
    for (size_t i = 0; i < 3; i++) {
        assert_true(cache_places_parse(bad[i], false, &a, &p, &e) < 0);
        assert_true(cache_places_parse(bad[i], true, &a, &p, &e) < 0);
    }
    const char *many[CACHE_REMOTE_PLACES + 2] = {NULL};
    for (size_t i = 0; i <= CACHE_REMOTE_PLACES; i++)
        many[i] = "x";
    assert_int_equal(cache_places_parse(many, false, &a, &p, &e), -SHALE_LIMIT);
    arena_clear(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents),
        cmocka_unit_test(strangers),
        cmocka_unit_test(places),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
