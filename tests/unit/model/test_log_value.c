/* SPDX-License-Identifier: Apache-2.0 */
#include "model/log_value.h"

#include "model_test.h"

static const struct {
    const char *driver, *key, *value;
    int code; /* of the error */
    struct log_value want;
} cases[] = {
    {NULL, NULL, NULL, 0, {false, 0, 1}},
    {"", NULL, NULL, 0, {false, 0, 1}},
    {"json-file", "max-size", "10m", 0, {false, 10000000, 1}},
    {"json-file", "max-size", "512", 0, {false, 512, 1}},
    {"json-file", "max-size", "3kB", 0, {false, 3000, 1}},
    {"json-file", "max-size", "2 GB", 0, {false, 2000000000, 1}},
    {"json-file", "max-size", "-1", 0, {false, 0, 1}},
    {"json-file", "max-file", "3", 0, {false, 0, 3}},
    {"json-file", "compress", "false", 0, {false, 0, 1}},
    {"json-file", "mode", "blocking", 0, {false, 0, 1}},
    {"k8s-file", NULL, NULL, 0, {false, 0, 1}},
    {"local", NULL, NULL, 0, {false, 20000000, 5}},
    {"local", "max-size", "1k", 0, {false, 1000, 5}},
    {"none", NULL, NULL, 0, {true, 0, 1}},
    {"none", "max-size", "x", 0, {true, 0, 1}},
    {"json-file", "max-size", "0", SHALE_INVALID, {0}},
    {"json-file", "max-size", "", SHALE_INVALID, {0}},
    {"json-file", "max-size", "10x", SHALE_INVALID, {0}},
    {"json-file", "max-size", "10mm", SHALE_INVALID, {0}},
    {"json-file", "max-size", "999999999999999t", SHALE_INVALID, {0}},
    {"json-file", "max-size", "9999999999999999", SHALE_INVALID, {0}},
    {"json-file", "max-file", "0", SHALE_INVALID, {0}},
    {"json-file", "max-file", "x", SHALE_INVALID, {0}},
    {"json-file", "max-file", "1001", SHALE_LIMIT, {0}},
    {"json-file", "max-sice", "1", SHALE_INVALID, {0}},
    {"json-file", "compress", "true", SHALE_UNSUPPORTED, {0}},
    {"json-file", "mode", "non-blocking", SHALE_UNSUPPORTED, {0}},
    {"json-file", "tag", "x", SHALE_UNSUPPORTED, {0}},
    {"syslog", NULL, NULL, SHALE_UNSUPPORTED, {0}},
    {"nosuch", NULL, NULL, SHALE_INVALID, {0}},
};

static void test_all(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct strmap m = {.m = calloc(1, sizeof *m.m), .n = cases[i].key != NULL};
        struct shale_err e = SHALE_ERR_INIT;
        struct log_value v = {0};
        assert_non_null(m.m);
        m.m->k = (char *)(uintptr_t)cases[i].key;
        m.m->v = (char *)(uintptr_t)cases[i].value;
        int r = log_value(cases[i].driver, &m, &v, &e);
        if (r != -cases[i].code)
            fail_msg("%s %s=%s: %d %s", cases[i].driver, cases[i].key, cases[i].value, r, e.msg);
        if (r < 0)
            assert_true(*e.msg);
        else if (v.none != cases[i].want.none || v.max_bytes != cases[i].want.max_bytes ||
                 v.n_files != cases[i].want.n_files)
            fail_msg("%s %s=%s: another value", cases[i].driver, cases[i].key, cases[i].value);
        free(m.m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
