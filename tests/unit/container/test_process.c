/* SPDX-License-Identifier: Apache-2.0 */
#include "container/process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cancel.h"
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stat_text),
        cmocka_unit_test(identity),
        cmocka_unit_test(waiting),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
