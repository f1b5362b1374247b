/* SPDX-License-Identifier: Apache-2.0 */
#include "container/logwrite.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/time.h"
#include "container_test.h"

static void parse(void **state)
{
    struct logline l;

    assert_true(logline_parse(STR("2024-05-02T10:00:00.5Z stdout F a text "), &l));
    assert_int_equal(l.time_ns, 1714644000500000000);
    assert_int_equal(l.stream, 1);
    assert_true(l.complete);
    assert_true(str_eq(l.text, STR("a text ")));
    assert_true(logline_parse(STR("2024-05-02T12:00:00.123456789+02:00 stderr P x"), &l));
    assert_int_equal(l.time_ns, 1714644000123456789);
    assert_int_equal(l.stream, 2);
    assert_false(l.complete);
    assert_true(logline_parse(STR("2024-05-02T10:00:00Z stdout F "), &l));
    assert_int_equal(l.text.n, 0);
}

static void parse_refuses(void **state)
{
    static const char *const bad[] = {
        "",
        "2024-05-02T10:00:00Z",
        "2024-05-02T10:00:00Z stdout",
        "2024-05-02T10:00:00Z stdin F x",
        "2024-05-02T10:00:00Z stdout X x",
        "2024-05-02T10:00:00Z stdout FF x",
        "yesterday stdout F x",
        " 2024-05-02T10:00:00Z stdout F x",
        "2024-05-02T10:00:00.11111111111111111111111111111111111111111111Z stdout F x",
    };
    struct logline l;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_false(logline_parse(str_of(bad[i]), &l));
}

struct file {
    char path[64];
    struct logwrite log;
    struct buf text;
};

static void begin(struct file *f)
{
    (void)snprintf(f->path, sizeof f->path, "/tmp/shale-logwrite-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    close(fd);
    buf_init(&f->text, 16 << 20);
    assert_int_equal(logwrite_open(&f->log, f->path, NULL), 0);
}

static void end(struct file *f)
{
    logwrite_close(&f->log);
    assert_int_equal(fs_read_file(AT_FDCWD, f->path, &f->text, NULL), 0);
    assert_int_equal(unlink(f->path), 0);
}

/* Every line of the file is one of ours; those of a stream put together are what was written. */
static void check_stream(const struct file *f, int stream, const char *want, size_t n_want)
{
    _cleanup_(buf_clear) struct buf got = BUF_INIT(16 << 20);
    struct str rest = {f->text.p, f->text.n}, line;

    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        struct logline l;
        assert_true(logline_parse(line, &l));
        if (l.stream != stream)
            continue;
        buf_add(&got, l.text.p, l.text.n);
        if (l.complete)
            buf_addc(&got, '\n');
    }
    assert_int_equal(got.n, n_want);
    assert_memory_equal(buf_str(&got), want, n_want);
}

static void write_and_read(void **state)
{
    struct file f;

    begin(&f);
    logwrite_put(&f.log, 1, "one\ntw", 6);
    logwrite_put(&f.log, 2, "err\n\n", 5);
    logwrite_put(&f.log, 1, "o\nlast", 6);
    end(&f);
    check_stream(&f, 1, "one\ntwo\nlast", 12);
    check_stream(&f, 2, "err\n\n", 5);
    buf_clear(&f.text);
}

/* Many short lines make a log far longer than what they are. */
static void only_newlines(void **state)
{
    enum { N = 60000 };
    static char nl[N];
    struct file f;

    memset(nl, '\n', sizeof nl);
    begin(&f);
    logwrite_put(&f.log, 1, nl, N);
    logwrite_put(&f.log, 1, "x\n", 2);
    assert_true(f.log.fd >= 0);
    end(&f);
    assert_int_equal(f.text.p[f.text.n - 2], 'x');
    check_stream(&f, 2, "", 0);
    size_t n = 0;
    for (size_t i = 0; i < f.text.n; i++)
        n += f.text.p[i] == '\n';
    assert_int_equal(n, N + 1);
    buf_clear(&f.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parse),
        cmocka_unit_test(parse_refuses),
        cmocka_unit_test(write_and_read),
        cmocka_unit_test(only_newlines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
