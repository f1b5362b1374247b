/* SPDX-License-Identifier: Apache-2.0 */
#include "container/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "container/pswatch.h"
#include "container_test.h"

#define TAIL " 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20 21\n"

static void stat_text(void **state)
{
    uint64_t start = 0;

    assert_true(process_parse_stat("77 (sh) S" TAIL, &start));
    assert_int_equal(start, 4711);
    start = 0;
    assert_true(process_parse_stat("77 (a) Z 1 (b)) R" TAIL, &start)); /* a name made to confuse */
    assert_int_equal(start, 4711);
    assert_false(process_parse_stat("77 (sh) Z" TAIL, &start));
    assert_false(process_parse_stat("77 (sh) X" TAIL, &start));
    assert_false(process_parse_stat("77 (sh) S 1 2", &start));
    assert_false(process_parse_stat("77 sh S" TAIL, &start));
    assert_false(process_parse_stat("", &start));
}

static void identity(void **state)
{
    struct process me = process_find(getpid()), other = me;

    assert_int_equal(me.pid, getpid());
    assert_true(process_alive(&me));
    other.start++;
    assert_false(process_alive(&other));
    assert_int_equal(process_kill(&other, SIGKILL, NULL), -SHALE_NOT_FOUND); /* or we are gone */
    assert_int_equal(process_wait(&other, -1, NULL, NULL), 1);
}

static void waiting(void **state)
{
    struct cancel c = {0};
    pid_t pid = fork();

    if (pid == 0) {
        for (;;)
            pause();
    }
    assert_true(pid > 0);
    struct process p = process_find(pid);
    assert_int_equal(p.pid, pid);
    assert_int_equal(process_wait(&p, 10, NULL, NULL), 0);
    cancel_set(&c);
    assert_int_equal(process_wait(&p, -1, &c, NULL), -SHALE_CANCELED);
    assert_int_equal(process_kill(&p, SIGKILL, NULL), 0);
    assert_int_equal(process_wait(&p, 10000, NULL, NULL), 1);
    assert_false(process_alive(&p)); /* a zombie has ended */
    assert_int_equal(process_kill(&p, SIGKILL, NULL), -SHALE_NOT_FOUND);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* What a list of containers is watched by: nothing that has changed is taken for what it was. */
static void watched(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct shale_ps_watch *w = pswatch_new(&a), *gone = pswatch_new(&a), *files = pswatch_new(&a);
    struct process me = process_find(getpid()), other = me;
    char dir[] = "/tmp/pswatch-XXXXXX", path[64];
    pid_t pid = fork();

    if (pid == 0) {
        for (;;)
            pause();
    }
    assert_true(pid > 0);
    struct process p = process_find(pid);
    assert_true(pswatch_process(w, &me) && pswatch_process(w, &p));
    assert_true(pswatch_is_whole(w) && pswatch_is_true(w) && pswatch_is_true(w));
    assert_int_equal(process_kill(&p, SIGKILL, NULL), 0);
    assert_int_equal(process_wait(&p, 10000, NULL, NULL), 1);
    assert_false(pswatch_is_true(w)); /* also while it is a zombie */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_false(pswatch_is_true(w));
    other.start++; /* the number is another one's now */
    assert_false(pswatch_process(gone, &other));
    assert_false(pswatch_is_whole(gone));

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/health", dir);
    assert_int_equal(fs_write_atomic(AT_FDCWD, path, "1", 1, 0600, false, NULL), 0);
    assert_true(pswatch_file(files, path));
    assert_true(pswatch_is_whole(files) && pswatch_is_true(files));
    assert_int_equal(fs_write_atomic(AT_FDCWD, path, "2", 1, 0600, false, NULL), 0);
    assert_false(pswatch_is_true(files));
    assert_int_equal(fs_remove_tree(AT_FDCWD, dir, NULL), 0);
    assert_false(pswatch_file(files, path));
    assert_false(pswatch_is_whole(files));
}

static void watched_many(void **state)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    struct shale_ps_watch *w = pswatch_new(&a);
    struct process me = process_find(getpid());

    for (int i = 0; i < PSWATCH_MAX; i++)
        assert_true(pswatch_process(w, &me));
    assert_true(pswatch_is_whole(w) && pswatch_is_true(w));
    assert_false(pswatch_process(w, &me));
    assert_false(pswatch_is_whole(w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stat_text), cmocka_unit_test(identity),     cmocka_unit_test(waiting),
        cmocka_unit_test(watched),   cmocka_unit_test(watched_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
