/* SPDX-License-Identifier: Apache-2.0 */
#include "container/signals.h"

#include <signal.h>

#include "container_test.h"

static const struct {
    const char *in;
    int want; /* 0: refused; -1: too large a number */
} rows[] = {
    {"TERM", SIGTERM},    {"SIGTERM", SIGTERM},
    {"sigterm", SIGTERM}, {"9", SIGKILL},
    {"64", 64},           {"RTMIN", 34},
    {"SIGRTMIN+3", 37},   {"rtmin+30", 64},
    {"RTMAX-1", 63},      {"RTMAX", 64},
    {"usr1", SIGUSR1},    {"SIGWINCH", SIGWINCH},
    {"CLD", SIGCHLD},     {"0", 0},
    {"65", -1},           {"", 0},
    {"SIG", 0},           {"-9", 0},
    {"TERMX", 0},         {"RTMIN+31", 0},
    {"RTMIN+", 0},        {"RTMIN-1", 0},
    {"RTMAX-31", 0},      {" TERM", 0},
    {"99999999999", -1},  {"SIGSIGTERM", 0},
};

static void parse(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct shale_err e = SHALE_ERR_INIT;
        int r = signal_parse(rows[i].in, &e);
        assert_int_equal(r, rows[i].want > 0 ? rows[i].want : -SHALE_INVALID);
        if (rows[i].want <= 0)
            assert_ptr_equal(strstr(e.msg, rows[i].want
                                               ? "the linux daemon does not support signal "
                                               : "invalid signal: "),
                             e.msg);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parse)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
