/* SPDX-License-Identifier: Apache-2.0 */
#include "container/signals.h"

#include <signal.h>

#include "base/cleanup.h"
#include "base/str.h"

#define SIGNAL_MAX 64
/* The kernel's range. SIGRTMIN of libc leaves out those that libc keeps for itself, the container's
 * libc may be another one. */
#define RTMIN_NAMED 34
#define RTMAX_NAMED 64

static const struct {
    const char *name;
    int number;
} names[] = {
    {"HUP", SIGHUP},       {"INT", SIGINT},        {"QUIT", SIGQUIT},      {"ILL", SIGILL},
    {"TRAP", SIGTRAP},     {"ABRT", SIGABRT},      {"IOT", SIGIOT},        {"BUS", SIGBUS},
    {"FPE", SIGFPE},       {"KILL", SIGKILL},      {"USR1", SIGUSR1},      {"SEGV", SIGSEGV},
    {"USR2", SIGUSR2},     {"PIPE", SIGPIPE},      {"ALRM", SIGALRM},      {"TERM", SIGTERM},
    {"CHLD", SIGCHLD},     {"CLD", SIGCHLD},       {"CONT", SIGCONT},      {"STOP", SIGSTOP},
    {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},      {"TTOU", SIGTTOU},      {"URG", SIGURG},
    {"XCPU", SIGXCPU},     {"XFSZ", SIGXFSZ},      {"PROF", SIGPROF},      {"VTALRM", SIGVTALRM},
    {"WINCH", SIGWINCH},   {"IO", SIGIO},          {"POLL", SIGPOLL},      {"PWR", SIGPWR},
    {"SYS", SIGSYS},       {"RTMIN", RTMIN_NAMED}, {"RTMAX", RTMAX_NAMED},
#ifdef SIGSTKFLT
    {"STKFLT", SIGSTKFLT},
#endif
};

/* "RTMIN+n" and "RTMAX-n"; 0 when it is neither. */
static int parse_realtime(const char *s)
{
    uint64_t n;

    if (strncasecmp(s, "RTMIN+", 6) == 0 && str_to_u64(s + 6, &n) && n <= RTMAX_NAMED - RTMIN_NAMED)
        return RTMIN_NAMED + (int)n;
    if (strncasecmp(s, "RTMAX-", 6) == 0 && str_to_u64(s + 6, &n) && n <= RTMAX_NAMED - RTMIN_NAMED)
        return RTMAX_NAMED - (int)n;
    return 0;
}

int signal_parse(const char *s, struct shale_err *e)
{
    uint64_t n;
    const char *bare = s;
    int r;

    if (str_to_u64(s, &n)) {
        if (n == 0)
            return err_set(e, SHALE_INVALID, "invalid signal: %s", s);
        if (n > SIGNAL_MAX)
            return err_set(e, SHALE_INVALID, "the linux daemon does not support signal %s", s);
        return (int)n;
    }
    if (strncasecmp(s, "SIG", 3) == 0)
        bare = s + 3;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_ieq(bare, names[i].name))
            return names[i].number;
    r = parse_realtime(bare);
    if (r > 0)
        return r;
    return err_set(e, SHALE_INVALID, "invalid signal: %s", s);
}
