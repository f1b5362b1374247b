/* SPDX-License-Identifier: Apache-2.0 */
#include "registry_test.h"

#include <pthread.h>

#include "base/json.h"
#include "registry/observe/accesslog.h"

static const struct accesslog_entry plain = {
    .begin_ns = 1700000000123456789,
    .took_ns = 1234567,
    .peer = "192.0.2.1",
    .user = "alice",
    .method = "GET",
    .target = "/v2/a/manifests/latest?x=1",
    .protocol = "HTTP/1.1",
    .host = "reg:5000",
    .user_agent = "docker/28.2.2 go/go1.24",
    .id = "0f",
    .status = 200,
    .bytes_in = 0,
    .bytes_out = 512,
};

static void test_formats(void **state)
{
    struct accesslog_entry none = {.status = 400};
    char line[ACCESSLOG_LINE_BYTES];

    size_t n = accesslog_format(ACCESSLOG_TEXT, &plain, line, sizeof line);
    assert_int_equal(n, strlen(line));
    assert_string_equal(line,
                        "192.0.2.1 - alice [14/Nov/2023:22:13:20 +0000] \"GET /v2/a/manifests/"
                        "latest?x=1 HTTP/1.1\" 200 512 \"-\" \"docker/28.2.2 go/go1.24\" "
                        "0.001234\n");
    accesslog_format(ACCESSLOG_JSON, &plain, line, sizeof line);
    assert_string_equal(
        line,
        "{\"time\":\"2023-11-14T22:13:20.123456Z\",\"peer\":\"192.0.2.1\",\"user\":\"alice\","
        "\"method\":\"GET\",\"target\":\"/v2/a/manifests/latest?x=1\",\"protocol\":\"HTTP/1.1\","
        "\"host\":\"reg:5000\",\"user_agent\":\"docker/28.2.2 go/go1.24\",\"id\":\"0f\","
        "\"status\":200,\"bytes_in\":0,\"bytes_out\":512,\"seconds\":0.001234}\n");
    accesslog_format(ACCESSLOG_TEXT, &none, line, sizeof line);
    assert_string_equal(line, "- - - [01/Jan/1970:00:00:00 +0000] \"- - -\" 400 0 \"-\" \"-\" "
                              "0.000000\n");
}

/* Every byte in every field: one line, and JSON stays JSON. */
static void test_hostile(void **state)
{
    char all[256], wide[8 * ACCESSLOG_FIELD_BYTES], line[ACCESSLOG_LINE_BYTES];
    const char *const texts[] = {all, wide, "\"} \\", "a b", "\xc3\xa4\xe2\x82\xac", "\xc3", ""};

    for (int i = 0; i < 255; i++)
        all[i] = (char)(i + 1);
    all[255] = 0;
    for (size_t i = 0; i + 2 < sizeof wide; i += 2)
        memcpy(wide + i, "\xc3\xa4", 2);
    wide[sizeof wide - 2] = 0;
    memmove(wide + 1, wide, sizeof wide - 2); /* the cut falls within a character */
    wide[0] = 'x';
    wide[sizeof wide - 1] = 0;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        const char *t = texts[i];
        struct accesslog_entry x = {1, 2, t, t, t, t, t, t, t, t, t, 200, 3, 4};
        json_t *j = NULL;
        size_t n = accesslog_format(ACCESSLOG_TEXT, &x, line, sizeof line);
        assert_ptr_equal(strchr(line, '\n'), line + n - 1);
        for (size_t k = 0; k + 1 < n; k++)
            assert_true(line[k] >= ' ' && line[k] < 0x7f);
        n = accesslog_format(ACCESSLOG_JSON, &x, line, sizeof line);
        assert_ptr_equal(strchr(line, '\n'), line + n - 1);
        assert_ok(json_parse(line, n - 1, n, &j, err));
        assert_int_equal(json_integer_value(json_object_get(j, "status")), 200);
        if (i == 4)
            assert_string_equal(json_string_value(json_object_get(j, "user")), t);
        json_decref(j);
    }
}

static void test_file(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct accesslog *l = NULL;
    struct buf b = BUF_INIT(1u << 20);
    char path[128], moved[128];

    tmp_path(&t, "a.log", path);
    tmp_path(&t, "a.log.1", moved);
    assert_ok(accesslog_open(ACCESSLOG_TEXT, path, &l, err));
    accesslog_write(l, &plain);
    assert_int_equal(sys_renameat(AT_FDCWD, path, AT_FDCWD, moved), 0);
    usleep(200 * 1000);
    accesslog_reopen(l);
    usleep(200 * 1000);
    accesslog_write(l, &plain);
    accesslog_write(l, &plain);
    assert_null(accesslog_close(l));
    assert_ok(fs_read_file(AT_FDCWD, moved, &b, err));
    size_t one = b.n;
    assert_true(one > 100);
    buf_reset(&b);
    assert_ok(fs_read_file(AT_FDCWD, path, &b, err));
    assert_int_equal(b.n, 2 * one);
    buf_clear(&b);
    assert_int_equal(accesslog_open(ACCESSLOG_TEXT, t.path, &l, NULL), -SHALE_SYSTEM);
    assert_null(accesslog_close(NULL));
}

static void *writer(void *arg)
{
    for (int i = 0; i < 2000; i++)
        accesslog_write(arg, &plain);
    return NULL;
}

static void test_threads(void **state)
{
    _cleanup_tmp_ struct tmp t = tmp_make();
    struct accesslog *l = NULL;
    struct buf b = BUF_INIT(64u << 20);
    pthread_t threads[4];
    char path[128];

    assert_ok(accesslog_open(ACCESSLOG_JSON, tmp_path(&t, "a.log", path), &l, err));
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, writer, l), 0);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    uint64_t dropped = accesslog_dropped(l);
    accesslog_close(l);
    assert_ok(fs_read_file(AT_FDCWD, path, &b, err));
    struct str rest = {b.p, b.n}, line;
    uint64_t n = 0, noted = 0;
    while (str_split(&rest, '\n', &line)) {
        json_t *j = NULL;
        if (line.n == 0)
            continue;
        assert_ok(json_parse(line.p, line.n, 1u << 20, &j, err)); /* no line is torn */
        if (json_object_get(j, "status"))
            n++;
        noted += (uint64_t)json_integer_value(json_object_get(j, "dropped"));
        json_decref(j);
    }
    assert_int_equal(n + dropped, 8000);
    assert_true(noted <= dropped);
    buf_clear(&b);
}

/* A pipe that nobody reads: writers go on at once, lines are counted as dropped, closing ends. */
static void test_stuck(void **state)
{
    struct accesslog *l = NULL;
    int fds[2], saved = dup(STDOUT_FILENO);

    assert_int_equal(pipe(fds), 0);
    fflush(stdout);
    dup2(fds[1], STDOUT_FILENO);
    int r = accesslog_open(ACCESSLOG_TEXT, NULL, &l, NULL);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    close(fds[1]);
    assert_int_equal(r, 0);
    int64_t begin = time_mono_ns(), slowest = 0;
    for (int i = 0; i < 40000; i++) {
        int64_t before = time_mono_ns();
        accesslog_write(l, &plain);
        int64_t took = time_mono_ns() - before;
        slowest = took > slowest ? took : slowest;
    }
    assert_true(accesslog_dropped(l) > 10000);
    assert_true(slowest < NS_PER_S);
    accesslog_close(l);
    assert_true(time_mono_ns() - begin < 10 * NS_PER_S);
    close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats), cmocka_unit_test(test_hostile), cmocka_unit_test(test_file),
        cmocka_unit_test(test_threads), cmocka_unit_test(test_stuck),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
