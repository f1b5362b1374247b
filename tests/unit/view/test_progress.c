/* SPDX-License-Identifier: Apache-2.0 */
/* What a pull shows, without and with a terminal. */
#include "view/progress.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"

struct ctx {
    struct progress *p;
    int fds[2];
    struct buf out;
};

static void begin(struct ctx *c, unsigned rows, unsigned columns)
{
    assert_int_equal(pipe(c->fds), 0);
    assert_int_equal(progress_new(c->fds[1], &c->p, NULL), 0);
    if (columns)
        progress_set_size(c->p, rows, columns);
    buf_init(&c->out, 1 << 20);
}

/* All that was written. */
static const char *end(struct ctx *c)
{
    char tmp[4096];
    ssize_t n;
    progress_free(c->p);
    close(c->fds[1]);
    while ((n = read(c->fds[0], tmp, sizeof tmp)) > 0)
        buf_add(&c->out, tmp, (size_t)n);
    close(c->fds[0]);
    return buf_str(&c->out);
}

static void event(struct ctx *c, enum shale_progress_kind kind, const char *id, const char *text,
                  uint64_t current, uint64_t total)
{
    struct shale_progress ev = {kind, id, text, current, total};
    progress_event(c->p, &ev);
}

static void play(struct ctx *c)
{
    event(c, SHALE_PROGRESS_MESSAGE, NULL, "Using default tag: latest", 0, 0);
    event(c, SHALE_PROGRESS_PULLING, "library/alpine", "latest", 0, 0);
    event(c, SHALE_PROGRESS_PRESENT, "aaaaaaaaaaaa", NULL, 5, 5);
    event(c, SHALE_PROGRESS_QUEUED, "bbbbbbbbbbbb", NULL, 0, 0);
    event(c, SHALE_PROGRESS_RESUMED, "bbbbbbbbbbbb", NULL, 1000, 2000000);
    event(c, SHALE_PROGRESS_DOWNLOADING, "bbbbbbbbbbbb", NULL, 1000000, 2000000);
    event(c, SHALE_PROGRESS_RETRY, "bbbbbbbbbbbb", "connection reset", 1, 0);
    event(c, SHALE_PROGRESS_RETRY, "bbbbbbbbbbbb", "connection reset", 2, 0);
    event(c, SHALE_PROGRESS_DOWNLOADING, "bbbbbbbbbbbb", NULL, 2000000, 2000000);
    event(c, SHALE_PROGRESS_VERIFYING, "bbbbbbbbbbbb", NULL, 0, 0);
    event(c, SHALE_PROGRESS_DOWNLOADED, "bbbbbbbbbbbb", NULL, 0, 0);
    event(c, SHALE_PROGRESS_DONE, "bbbbbbbbbbbb", NULL, 0, 0);
    event(c, SHALE_PROGRESS_INDEX, NULL, NULL, 1, 2);
    event(c, SHALE_PROGRESS_DIGEST, NULL, "sha256:dd", 0, 0);
    event(c, SHALE_PROGRESS_STATUS, NULL, "Status: Downloaded newer image for alpine:latest", 0, 0);
}

static void test_plain(void **state)
{
    struct ctx c;
    (void)state;
    begin(&c, 0, 0);
    play(&c);
    assert_string_equal(end(&c), "Using default tag: latest\n"
                                 "latest: Pulling from library/alpine\n"
                                 "aaaaaaaaaaaa: Already exists\n"
                                 "bbbbbbbbbbbb: Pulling fs layer\n"
                                 "bbbbbbbbbbbb: Resuming at 1kB\n"
                                 "bbbbbbbbbbbb: Retrying in 1 second (connection reset)\n"
                                 "bbbbbbbbbbbb: Retrying in 2 seconds (connection reset)\n"
                                 "bbbbbbbbbbbb: Verifying Checksum\n"
                                 "bbbbbbbbbbbb: Download complete\n"
                                 "bbbbbbbbbbbb: Pull complete\n"
                                 "Digest: sha256:dd\n"
                                 "Status: Downloaded newer image for alpine:latest\n");
    buf_clear(&c.out);
}

/* What stands on a terminal after `s` was written to it: up, line start, clear line, clear below.
 */
#define SCREEN_ROWS 64
struct screen {
    char line[SCREEN_ROWS][256];
    size_t row, col, used;
};

static void screen_escape(struct screen *t, unsigned n, char c)
{
    if (c == 'A') {
        assert_true(n <= t->row);
        t->row -= n;
    } else if (c == 'K') {
        memset(t->line[t->row], 0, sizeof t->line[0]);
    } else if (c == 'J') {
        memset(t->line[t->row] + t->col, 0, sizeof t->line[0] - t->col);
        for (size_t i = t->row + 1; i < SCREEN_ROWS; i++)
            memset(t->line[i], 0, sizeof t->line[0]);
        t->used = t->row + (t->col > 0);
    } else {
        fail();
    }
}

static void screen_write(struct screen *t, const char *s)
{
    for (; *s; s++) {
        if (*s == '\033') {
            assert_int_equal(*++s, '[');
            unsigned n = (unsigned)strtoul(s + 1, (char **)&s, 10);
            screen_escape(t, n, *s);
        } else if (*s == '\n') {
            t->row++;
            t->col = 0;
            assert_true(t->row < SCREEN_ROWS);
        } else if (*s == '\r') {
            t->col = 0;
        } else {
            assert_true(t->col < sizeof t->line[0] - 1);
            t->line[t->row][t->col++] = *s;
        }
        t->used = t->row > t->used ? t->row : t->used;
    }
}

static void test_terminal(void **state)
{
    static const char *const want[] = {
        "Using default tag: latest",
        "latest: Pulling from library/alpine",
        "aaaaaaaaaaaa: Already exists",
        "bbbbbbbbbbbb: Pull complete",
        "Digest: sha256:dd",
        "Status: Downloaded newer image for alpine:latest",
    };
    struct screen t = {0};
    struct ctx c;
    (void)state;
    begin(&c, 24, 120);
    play(&c);
    screen_write(&t, end(&c));
    for (size_t i = 0; i < ARRAY_SIZE(want); i++)
        assert_string_equal(t.line[i], want[i]);
    assert_int_equal(t.row, ARRAY_SIZE(want));
    buf_clear(&c.out);
}

static void test_bar(void **state)
{
    struct ctx c;
    (void)state;
    begin(&c, 24, 120);
    event(&c, SHALE_PROGRESS_DOWNLOADING, "a", NULL, 500000, 2000000);
    assert_non_null(strstr(end(&c),
                           "a: Downloading [============>                                      ] "
                           "   500kB/2MB"));
    buf_clear(&c.out);
    begin(&c, 24, 60); /* narrow: numbers alone, within the width */
    event(&c, SHALE_PROGRESS_DOWNLOADING, "a", NULL, 500000, 2000000);
    assert_non_null(strstr(end(&c), "a: Downloading    500kB/2MB"));
    buf_clear(&c.out);
    begin(&c, 24, 120); /* size not known */
    event(&c, SHALE_PROGRESS_DOWNLOADING, "a", NULL, 500000, 0);
    assert_non_null(strstr(end(&c), "a: Downloading    500kB\n"));
    buf_clear(&c.out);
}

/* More layers than rows: never more lines are redrawn than fit; in the end all are there. */
static void test_many_layers(void **state)
{
    struct screen t = {0};
    struct ctx c;
    char id[20];
    (void)state;
    begin(&c, 10, 80);
    for (int i = 0; i < 40; i++) {
        snprintf(id, sizeof id, "layer%02d", i);
        event(&c, SHALE_PROGRESS_QUEUED, id, NULL, 0, 0);
    }
    for (int i = 39; i >= 0; i--) {
        snprintf(id, sizeof id, "layer%02d", i);
        event(&c, SHALE_PROGRESS_DONE, id, NULL, 0, 0);
    }
    const char *all = end(&c);
    for (const char *up = all; (up = strstr(up, "\033[")); up += 2) {
        char *letter;
        unsigned long n = strtoul(up + 2, &letter, 10);
        assert_true(*letter != 'A' || n < 10);
    }
    screen_write(&t, all);
    assert_int_equal(t.row, 40);
    bool seen[40] = {false};
    for (size_t i = 0; i < 40; i++) {
        unsigned k;
        assert_int_equal(sscanf(t.line[i], "layer%u: Pull complete", &k), 1);
        assert_true(k < 40 && !seen[k]);
        seen[k] = true;
    }
    buf_clear(&c.out);
}

static void test_hostile_text(void **state)
{
    struct ctx c;
    (void)state;
    begin(&c, 0, 0);
    event(&c, SHALE_PROGRESS_MESSAGE, NULL, "a\033[2Jb\nc", 0, 0);
    event(&c, SHALE_PROGRESS_DONE, "x\033y", NULL, 0, 0);
    event(&c, SHALE_PROGRESS_RETRY, "l", "\033]0;t\a", 1, 0);
    const char *all = end(&c);
    assert_null(strchr(all, '\033'));
    assert_null(strchr(all, '\a'));
    assert_non_null(strstr(all, "a\\x1b[2Jb\\nc\n"));
    buf_clear(&c.out);
}

static void *hammer(void *arg)
{
    struct ctx *c = arg;
    for (int i = 0; i < 200; i++) {
        event(c, SHALE_PROGRESS_DOWNLOADING, i % 2 ? "one" : "two", NULL, (uint64_t)i, 200);
        if (i % 50 == 0)
            event(c, SHALE_PROGRESS_VERIFYING, "one", NULL, 0, 0);
    }
    return NULL;
}

static void test_threads(void **state)
{
    pthread_t t[4];
    struct ctx c;
    (void)state;
    begin(&c, 0, 0);
    for (size_t i = 0; i < ARRAY_SIZE(t); i++)
        assert_int_equal(pthread_create(&t[i], NULL, hammer, &c), 0);
    for (size_t i = 0; i < ARRAY_SIZE(t); i++)
        pthread_join(t[i], NULL);
    struct str rest = str_of(end(&c)), line;
    size_t n = 0;
    while (str_split(&rest, '\n', &line)) {
        if (line.n == 0)
            continue;
        assert_true(str_eq(line, STR("one: Verifying Checksum")));
        n++;
    }
    assert_true(n >= 1);
    buf_clear(&c.out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),        cmocka_unit_test(test_terminal),
        cmocka_unit_test(test_bar),          cmocka_unit_test(test_many_layers),
        cmocka_unit_test(test_hostile_text), cmocka_unit_test(test_threads),
    };
    return cmocka_run_group_tests_name("view/progress", tests, NULL, NULL);
}
