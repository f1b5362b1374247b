/* SPDX-License-Identifier: Apache-2.0 */
#include "container/caps.h"

#include <ctype.h>
#include <stdio.h>
#include <strings.h>
#include <sys/prctl.h>

#include "base/cleanup.h"
#include "base/str.h"

/* Index is the kernel's number. */
static const char *const names[CAPS_N] = {
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
};

static const uint8_t defaults[] = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31};

uint64_t caps_default(void)
{
    uint64_t set = 0;

    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
        set |= CAP_BIT(defaults[i]);
    return set;
}

uint64_t caps_host(void)
{
    uint64_t set = 0;

    for (unsigned i = 0; i < CAPS_N; i++)
        if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
            set |= CAP_BIT(i);
    return set;
}

const char *caps_name(unsigned cap)
{
    return cap < CAPS_N ? names[cap] : NULL;
}

int caps_number(const char *name)
{
    const char *bare = strncasecmp(name, "CAP_", 4) == 0 ? name + 4 : name;

    for (int i = 0; i < CAPS_N; i++)
        if (str_ieq(bare, names[i] + 4))
            return i;
    return -1;
}

/* As docker shows it: in capitals, and with its prefix. */
static int unknown(const char *name, const char *what, struct shale_err *e)
{
    char text[65];
    size_t n = 0;

    if (strncasecmp(name, "CAP_", 4) == 0)
        name += 4;
    for (; name[n] && n < sizeof text - 1; n++)
        text[n] = (char)toupper((unsigned char)name[n]);
    text[n] = 0;
    return err_set(e, SHALE_INVALID, "invalid %s: unknown capability: \"CAP_%s\"", what, text);
}

static int collect(const struct strv *list, const char *what, uint64_t *ret, bool *ret_all,
                   struct shale_err *e)
{
    uint64_t set = 0;
    bool all = false;

    for (size_t i = 0; i < list->n; i++) {
        int cap;
        if (str_ieq(list->v[i], "ALL") || str_ieq(list->v[i], "CAP_ALL")) {
            all = true;
            continue;
        }
        cap = caps_number(list->v[i]);
        if (cap < 0)
            return unknown(list->v[i], what, e);
        set |= CAP_BIT((unsigned)cap);
    }
    *ret = set;
    *ret_all = all;
    return 0;
}

int caps_tweak(uint64_t base, uint64_t host, const struct strv *add, const struct strv *drop,
               uint64_t *ret, struct shale_err *e)
{
    uint64_t plus = 0, minus = 0;
    bool add_all, drop_all;
    int r;

    r = collect(add, "CapAdd", &plus, &add_all, e);
    if (r < 0)
        return r;
    r = collect(drop, "CapDrop", &minus, &drop_all, e);
    if (r < 0)
        return r;
    for (unsigned i = 0; i < CAPS_N; i++)
        if (plus & ~host & CAP_BIT(i))
            return err_set(
                e, SHALE_INVALID,
                "invalid CapAdd: capability not supported by your kernel or not available "
                "in the current environment: \"%s\"",
                names[i]);
    if (add_all)
        *ret = host & ~minus;
    else if (drop_all)
        *ret = plus;
    else
        *ret = (base & host & ~minus) | plus;
    return 0;
}
