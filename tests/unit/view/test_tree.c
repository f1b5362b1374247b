/* SPDX-License-Identifier: Apache-2.0 */
/* `image ls --tree`: what the client of docker 28 prints of the same images. */
#include "view/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

#define WARNING                                                                                    \
    "WARNING: This is an experimental feature. The output may change and shouldn't be depended "   \
    "on.\n"

static struct shale_platform_entry multi_platforms[] = {
    {"sha256:111111111111aa", "linux/amd64", "x", 3000000, 7000000, true, false, 0},
    {"sha256:333333333333aa", "linux/arm64/v8", "", 0, 0, false, false, 0},
    {"sha256:222222222222aa", "linux/arm/v7", "y", 2500000, 6000000, true, false, 1},
    {"sha256:444444444444aa", "unknown/unknown", "", 0, 0, false, true, 0},
};
static struct shale_platform_list multi_list = {multi_platforms, 4};
static const struct shale_image_name multi_names[] = {{"multi", "latest", NULL},
                                                      {"reg.example.com/team/multi", "1.0", NULL}};
static const struct shale_image_name digest_only[] = {{"donly", NULL, "sha256:dd"}};
static const struct shale_image images[] = {
    {.id = "sha256:x", .names = multi_names, .n_names = 2, .target = "sha256:aaaaaaaaaaaaaa"},
    {.id = "sha256:ccccccccccccaa", .size_bytes = 5, .target = ""},
    {.id = "sha256:ddddddddddddaa",
     .size_bytes = 5,
     .names = digest_only,
     .n_names = 1,
     .target = ""},
};
static const struct tree_image all[] = {
    {&images[0], &multi_list}, {&images[1], NULL}, {&images[2], NULL}};

static void expect(size_t n, struct tree_opts o, const char *want)
{
    struct buf out = BUF_INIT(100000);
    struct shale_err e = SHALE_ERR_INIT;
    assert_int_equal(tree_print(all, n, &o, &out, &e), 0);
    assert_string_equal(buf_str(&out), want);
    buf_clear(&out);
}

static void test_wide(void **state)
{
    (void)state;
    expect(3, (struct tree_opts){.columns = 80},
           WARNING
           "                                                              Info ->  U In Use \n"
           "\n"
           "IMAGE                           ID             DISK USAGE   CONTENT SIZE   EXTRA\n"
           "reg.example.com/team/multi:1.0\n"
           "multi:latest                    aaaaaaaaaaaa       18.5MB          5.5MB   U    \n"
           "├─ linux/amd64                  111111111111         10MB            3MB        \n"
           "├─ linux/arm64/v8               333333333333           0B             0B        \n"
           "└─ linux/arm/v7                 222222222222        8.5MB          2.5MB   U    \n"
           "\n"
           "<untagged>                      dddddddddddd           5B             0B        \n"
           "\n");
}

/* Columns that leave no room for names are left out, names are cut. */
static void test_narrow(void **state)
{
    (void)state;
    expect(1, (struct tree_opts){.columns = 40},
           WARNING "                      Info ->  U In Use \n"
                   "\n"
                   "IMAGE          ID             DISK USAGE\n"
                   "reg.example.com/team/multi:1.0\n"
                   "multi:latest   aaaaaaaaaaaa       18.5MB\n"
                   "├─ linux/am…   111111111111         10MB\n"
                   "├─ linux/ar…   333333333333           0B\n"
                   "└─ linux/ar…   222222222222        8.5MB\n"
                   "\n");
    expect(1, (struct tree_opts){.columns = 1},
           WARNING "  Info ->  U In Use \n"
                   "\n"
                   "IMAGE               \n"
                   "reg.example.com/tea…\n"
                   "multi:latest        \n"
                   "├─ linux/amd64      \n"
                   "├─ linux/arm64/v8   \n"
                   "└─ linux/arm/v7     \n"
                   "\n");
}

static void test_all(void **state)
{
    (void)state;
    expect(0, (struct tree_opts){.columns = 80},
           WARNING
           "                                                              Info ->  U In Use \n"
           "\n"
           "IMAGE   ID             DISK USAGE   CONTENT SIZE   EXTRA\n");
    struct buf out = BUF_INIT(100000);
    struct tree_opts o = {.all = true, .columns = 80};
    assert_int_equal(tree_print(all, 3, &o, &out, NULL), 0);
    assert_non_null(strstr(buf_str(&out), "<untagged>                      cccccccccccc"));
    buf_clear(&out);
}

static void test_colors(void **state)
{
    (void)state;
    unsetenv("NO_COLOR");
    struct buf out = BUF_INIT(100000);
    struct tree_opts o = {.terminal = true, .columns = 60};
    assert_int_equal(tree_print(all, 3, &o, &out, NULL), 0);
    assert_non_null(strstr(buf_str(&out), "\033[34m\033[1mmulti:latest\033[0m        "
                                          "\033[39maaaaaaaaaaaa\033[0m       \033[39m18.5MB"));
    assert_non_null(strstr(buf_str(&out), "\033[39m\033[2m├─ linux/arm64/v8\033[0m   "
                                          "\033[39m\033[2m333333333333\033[0m"));
    assert_non_null(strstr(buf_str(&out), "\033[39m\033[2m<untagged>\033[0m"));
    buf_clear(&out);
}

static size_t shown(const struct tree_image *v, size_t n, const char *what)
{
    struct buf out = BUF_INIT(100000);
    struct tree_opts o = {.all = true, .columns = 80};
    size_t found = 0;

    assert_int_equal(tree_print(v, n, &o, &out, NULL), 0);
    for (const char *p = buf_str(&out); (p = strstr(p, what)); p++)
        found++;
    buf_clear(&out);
    return found;
}

/* Several images that came from one index have one entry between them. */
static void test_one_index(void **state)
{
    (void)state;
    struct shale_image tagged = images[0];
    struct shale_image bare = {.id = "sha256:b", .target = tagged.target};
    struct shale_image other = {.id = "sha256:o", .target = "sha256:bbbbbbbbbbbbbb"};
    struct tree_image v[] = {
        {&bare, &multi_list}, {&other, &multi_list}, {&tagged, &multi_list}, {&bare, &multi_list}};

    assert_int_equal(shown(v, 4, "<untagged>"), 1);
    assert_int_equal(shown(v, 4, " aaaaaaaaaaaa "), 1);
    assert_int_equal(shown(v, 2, "<untagged>"), 2);
    v[2].image = &bare;
    assert_int_equal(shown(v, 4, "<untagged>"), 2);
    v[3].platforms = v[2].platforms = v[0].platforms =
        NULL; /* then nothing says that they are one */
    assert_int_equal(shown(v, 4, "<untagged>"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wide),   cmocka_unit_test(test_narrow),    cmocka_unit_test(test_all),
        cmocka_unit_test(test_colors), cmocka_unit_test(test_one_index),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
