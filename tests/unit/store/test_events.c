/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of events: writers, crashes, rotation, readers that follow. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "mem_source.h"
#include "store/events.h"

#define WRITERS    4
#define EACH       250
#define WAIT_STEPS 400 /* of 25 ms */

static int begin(void **state)
{
    static struct mem_store t;

    mem_store_open(&t);
    *state = &t;
    return 0;
}

static int end(void **state)
{
    mem_store_close(*state);
    return 0;
}

static void say(struct store *s, const char *id)
{
    store_event(s, EVENT_IMAGE_TAG, NULL, id, "{\"b\":\"2\",\"name\":\"label\"}",
                (const char *const[]){"name", id, NULL});
}

struct seen {
    size_t n, n_bad;
    char last[80];
    int64_t last_ns;
};

static int on_event(void *arg, const struct shale_event *ev)
{
    struct seen *x = arg;

    x->n++;
    /* the attribute wins over the label, and they are in order */
    x->n_bad += !streq(ev->type, "image") || !streq(ev->action, "tag") || ev->n_attributes != 2 ||
                !streq(ev->attributes[0].key, "b") || !streq(ev->attributes[1].key, "name") ||
                !streq(ev->attributes[1].value, ev->id) || ev->time_ns < x->last_ns;
    x->last_ns = ev->time_ns;
    (void)snprintf(x->last, sizeof x->last, "%s", ev->id);
    return 0;
}

static int look(struct store *s, struct seen *x, const char *const *filters, struct shale_err *e)
{
    const struct shale_events_opts o = {.size = sizeof o,
                                        .since_ns = 0,
                                        .until_ns = time_now_ns(),
                                        .filters = filters,
                                        .on_event = on_event,
                                        .arg = x};

    return store_events(s, &o, NULL, e);
}

static int open_log(const struct mem_store *t, int flags)
{
    char path[512];

    (void)snprintf(path, sizeof path, "%s/events/log", t->root);
    return open(path, flags | O_CLOEXEC);
}

static void what_is_said_is_read(void **state)
{
    struct mem_store *t = *state;
    struct seen x = {0};

    assert_int_equal(look(t->s, &x, NULL, NULL), 0);
    assert_int_equal(x.n, 0);
    say(t->s, "one");
    say(t->s, "two");
    assert_int_equal(look(t->s, &x, NULL, NULL), 0);
    assert_int_equal(x.n, 2);
    assert_int_equal(x.n_bad, 0);
    assert_string_equal(x.last, "two");
}

static void odd_text_does_no_harm(void **state)
{
    struct mem_store *t = *state;
    _cleanup_free_ char *large = calloc(1, 3 * EVENTS_LINE_BYTES + 1);
    const char *const attrs[] = {"execID", "1\n2", NULL};
    int fd;
    struct stat st;

    assert_non_null(large);
    memset(large, 'x', 3 * EVENTS_LINE_BYTES);
    store_event(t->s, EVENT_CONTAINER_EXEC_START, "echo '\xff\n\"'", "id", "no json", attrs);
    store_event(t->s, EVENT_CONTAINER_EXEC_START, large, "id", "", attrs); /* lost */
    say(t->s, "after");
    fd = open_log(t, O_RDONLY);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    assert_true(st.st_size < 1024);
    close(fd);
    struct seen x = {0};
    assert_int_equal(look(t->s, &x, NULL, NULL), 0);
    assert_int_equal(x.n, 2);
}

static void a_line_that_was_cut_off_harms_no_other(void **state)
{
    struct mem_store *t = *state;
    struct seen x = {0};

    say(t->s, "one");
    int fd = open_log(t, O_WRONLY | O_APPEND);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "17 {\"Type\":\"im", 14), 14);
    close(fd);
    say(t->s, "two");
    assert_int_equal(look(t->s, &x, NULL, NULL), 0);
    assert_int_equal(x.n, 2);
    assert_int_equal(x.n_bad, 0);
    assert_string_equal(x.last, "two");
}

static void filters_choose(void **state)
{
    static const struct {
        const char *v[3];
        size_t n; /* of the two events */
    } tests[] = {
        {{"type=image"}, 2},
        {{"type=container"}, 0},
        {{"event=tag"}, 2},
        {{"event=untag", "event=tag"}, 2},
        {{"event=ta"}, 0},
        {{"image=app"}, 2},
        {{"image=app:1"}, 1},
        {{"image=ap"}, 0},
        {{"container=app:1"}, 1},
        {{"label=b"}, 2},
        {{"label=b=2"}, 2},
        {{"label=b=2", "label=c"}, 0},
        {{"scope=local"}, 2},
        {{"scope=swarm"}, 0},
        {{" TYPE = image "}, 2},
        {{"image=app:1", "event=untag"}, 0},
        {{"label=b=", "event=tag"}, 0},
    };
    struct mem_store *t = *state;
    struct shale_err e = SHALE_ERR_INIT;
    struct seen x = {0};

    say(t->s, "app:1");
    say(t->s, "app:2");
    for (size_t i = 0; i < ARRAY_SIZE(tests); i++) {
        x = (struct seen){0};
        assert_int_equal(look(t->s, &x, tests[i].v, NULL), 0);
        if (x.n != tests[i].n)
            fail_msg("%s: %zu events", tests[i].v[0], x.n);
    }
    assert_int_equal(look(t->s, &x, (const char *const[]){"nope=1", NULL}, &e), -SHALE_INVALID);
    assert_string_equal(e.msg, "invalid filter 'nope'");
    assert_int_equal(look(t->s, &x, (const char *const[]){"nope", NULL}, &e), -SHALE_INVALID);
}

static void *write_many(void *arg)
{
    char id[32];

    for (int i = 0; i < EACH; i++) {
        (void)snprintf(id, sizeof id, "%d-%d", (int)gettid(), i);
        say(arg, id);
    }
    return NULL;
}

struct follower {
    struct store *s;
    struct seen x;
    struct cancel cancel;
    int64_t until_ns;
    int r;
};

static void *follow(void *arg)
{
    struct follower *f = arg;
    const struct shale_events_opts o = {.size = sizeof o,
                                        .since_ns = SHALE_TIME_NONE,
                                        .until_ns = f->until_ns,
                                        .on_event = on_event,
                                        .arg = &f->x};

    f->r = store_events(f->s, &o, &f->cancel, NULL);
    return NULL;
}

/* Several processes and threads write while one reads; nothing is lost, mixed up or told twice. */
static void many_write_and_one_follows(void **state)
{
    struct mem_store *t = *state;
    struct follower f = {.s = t->s, .until_ns = SHALE_TIME_NONE};
    pthread_t writer[WRITERS], reader;
    pid_t child;

    say(t->s, "before");
    assert_int_equal(pthread_create(&reader, NULL, follow, &f), 0);
    for (int i = 0; i < WAIT_STEPS && f.x.n == 0; i++) { /* until it is there */
        say(t->s, "hello");
        usleep(25000);
    }
    assert_true(f.x.n > 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        write_many(t->s);
        _exit(0);
    }
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writer[i], NULL, write_many, t->s), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writer[i], NULL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    say(t->s, "last");
    for (int i = 0; i < WAIT_STEPS && !streq(f.x.last, "last"); i++)
        usleep(25000);
    cancel_set(&f.cancel);
    pthread_join(reader, NULL);
    assert_int_equal(f.r, -SHALE_CANCELED);
    assert_string_equal(f.x.last, "last");
    assert_int_equal(f.x.n_bad, 0);
    struct seen x = {0};
    assert_int_equal(look(t->s, &x, NULL, NULL), 0);
    assert_int_equal(x.n_bad, 0);
    assert_true(x.n >= (WRITERS + 1) * EACH + 3);
    assert_true(f.x.n >= (WRITERS + 1) * EACH + 1 && f.x.n <= x.n - 1);
}

/* Two files, the older of which goes; who follows loses nothing on the way. */
static void it_does_not_grow_for_ever(void **state)
{
    struct mem_store *t = *state;
    struct follower f = {.s = t->s, .until_ns = SHALE_TIME_NONE};
    const size_t n = 3 * EVENTS_LOG_BYTES / 4000;
    static char labels[4000];
    struct event v = {EVENT_IMAGE_TAG, NULL, "x", labels, NULL};
    const char *attrs[] = {"name", "x", NULL};
    pthread_t reader;
    struct stat st;
    char path[512];

    memset(labels, 'y', sizeof labels);
    memcpy(labels, "{\"b\":\"", 6);
    memcpy(labels + sizeof labels - 3, "\"}", 3);
    v.attrs = attrs;
    assert_int_equal(pthread_create(&reader, NULL, follow, &f), 0);
    for (int i = 0; i < WAIT_STEPS && f.x.n == 0; i++) {
        say(t->s, "hello");
        usleep(25000);
    }
    size_t before = f.x.n;
    for (size_t i = 0; i < n; i++) {
        store_events_add(t->s, &v, 1);
        for (int k = 0; i % 500 == 499 && k < WAIT_STEPS && f.x.n < before + i - 400; k++)
            usleep(25000); /* a reader that sleeps through two files would lose one */
    }
    say(t->s, "last");
    for (int i = 0; i < WAIT_STEPS && !streq(f.x.last, "last"); i++)
        usleep(25000);
    cancel_set(&f.cancel);
    pthread_join(reader, NULL);
    assert_string_equal(f.x.last, "last");
    assert_true(f.x.n >= n + 2);
    static const char *const names[] = {"log", "log.1"};
    for (int i = 0; i < 2; i++) {
        (void)snprintf(path, sizeof path, "%s/events/%s", t->root, names[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_in_range(st.st_size, 1, EVENTS_LOG_BYTES + 64);
    }
    struct seen x = {0};
    assert_int_equal(look(t->s, &x, NULL, NULL), 0);
    assert_int_equal(x.n_bad, 0);
    assert_in_range(x.n, EVENTS_LOG_BYTES / 4200, n + 1);
    assert_string_equal(x.last, "last");
}

static void it_ends_when_it_is_time(void **state)
{
    struct mem_store *t = *state;
    struct follower f = {.s = t->s, .until_ns = time_now_ns() + 200 * NS_PER_MS};
    int64_t from = time_mono_ns();

    say(t->s, "before");
    follow(&f);
    assert_int_equal(f.r, 0);
    assert_int_equal(f.x.n, 0);
    assert_in_range(time_mono_ns() - from, 100 * NS_PER_MS, 20 * NS_PER_S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_said_is_read, begin, end),
        cmocka_unit_test_setup_teardown(odd_text_does_no_harm, begin, end),
        cmocka_unit_test_setup_teardown(a_line_that_was_cut_off_harms_no_other, begin, end),
        cmocka_unit_test_setup_teardown(filters_choose, begin, end),
        cmocka_unit_test_setup_teardown(many_write_and_one_follows, begin, end),
        cmocka_unit_test_setup_teardown(it_does_not_grow_for_ever, begin, end),
        cmocka_unit_test_setup_teardown(it_ends_when_it_is_time, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
