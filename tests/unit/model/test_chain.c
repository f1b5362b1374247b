/* SPDX-License-Identifier: Apache-2.0 */
#include "model/chain.h"

#include "model_test.h"

#define A HEX64("sha256:", "a")
#define B HEX64("sha256:", "b")
#define C HEX64("sha256:", "c")

/* Expected values: sha256sum of the parent and the diffID with a blank between. */
static const struct {
    size_t n;
    const char *diff_ids[3], *want;
} rows[] = {
    {1, {A}, A},
    {2, {A, B}, "sha256:ccd722928bd92476ba1745586fed6e45a102504185ad88cd89e01ff116fd146c"},
    {3, {A, B, C}, "sha256:c1377126441fb2f5ec2c21ae2a60255331d639e830f0ee1b40a36e52d4c40588"},
    {2,
     {A, HEX64("sha512:", "d") HEX64("", "d")},
     "sha256:247f4ffb6f5a9dfa99218b6c83f2b963428a74a28cfa6c913a0470f62c4f7dd4"},
};

static void test_chain_id(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        struct digest d[3], got, step = {{0}};
        for (size_t k = 0; k < rows[i].n; k++) {
            assert_int_equal(digest_parse(rows[i].diff_ids[k], &d[k], &e), 0);
            assert_int_equal(chain_next(&step, &d[k], &step, &e), 0);
        }
        assert_int_equal(chain_id(d, rows[i].n, &got, &e), 0);
        assert_string_equal(got.s, rows[i].want);
        assert_true(digest_eq(&step, &got));
    }
}

static void test_chain_refused(void **state)
{
    (void)state;
    struct shale_err e = SHALE_ERR_INIT;
    struct digest none = {{0}}, ret;
    assert_int_equal(chain_id(NULL, 0, &ret, &e), -SHALE_INVALID);
    assert_int_equal(chain_next(&none, &none, &ret, &e), -SHALE_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain_id),
        cmocka_unit_test(test_chain_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
