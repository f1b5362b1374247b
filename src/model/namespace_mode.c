/* SPDX-License-Identifier: Apache-2.0 */
#include "model/namespace_mode.h"

#include "base/cleanup.h"
#include "base/str.h"

static const struct {
    const char *what;
    const char *words[5];
    bool joins;
} kinds[NS_KINDS] = {
    [NS_PID] = {"PID", {"", "host"}, true},
    [NS_IPC] = {"IPC", {"", "host", "none", "private", "shareable"}, true},
    [NS_UTS] = {"UTS", {"", "host"}, false},
    [NS_CGROUP] = {"cgroup namespace", {"", "host", "private"}, false},
    [NS_USER] = {"USER", {"", "host"}, false},
};

const char *ns_mode_joined(const char *mode)
{
    return mode && str_has_prefix(mode, NS_MODE_JOINS) ? mode + sizeof NS_MODE_JOINS - 1 : NULL;
}

bool ns_mode_is_host(const char *mode)
{
    return mode && streq(mode, "host");
}

int ns_mode_check(enum ns_kind kind, const char *mode, struct shale_err *e)
{
    const char *joined = ns_mode_joined(mode);

    if (kinds[kind].joins && joined && *joined)
        return 0;
    for (size_t i = 0; i < ARRAY_SIZE(kinds[kind].words) && kinds[kind].words[i]; i++)
        if (streq(mode, kinds[kind].words[i]))
            return 0;
    return err_set(e, SHALE_INVALID, "invalid %s mode: %.200s", kinds[kind].what, mode);
}
