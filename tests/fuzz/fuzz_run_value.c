/* SPDX-License-Identifier: Apache-2.0 */
/* Values of options of run and create that have a form of their own; what is made of one is a value
 * of the same kind. */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "model/blkio_value.h"
#include "model/namespace_mode.h"
#include "model/run_value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_mac(const char *text, struct arena *a)
{
    char *mac = NULL, *again = NULL;

    if (run_mac(text, a, &mac, NULL) < 0)
        return;
    if (run_mac(mac, a, &again, NULL) < 0 || !streq(mac, again))
        __builtin_trap();
}

static void try_link(const char *text, struct arena *a)
{
    struct run_link l, again;

    if (run_link(text, a, &l, NULL) < 0)
        return;
    if (strpbrk(l.alias, "\n\t #,")) /* it is a word of a line of /etc/hosts */
        __builtin_trap();
    const char *whole = arena_printf(a, "%s:%s", l.name, l.alias);
    if (!whole || run_link(whole, a, &again, NULL) < 0 || !streq(again.alias, l.alias))
        __builtin_trap();
}

static void try_rule(const char *text)
{
    struct run_device_rule d;

    if (run_device_rule(text, &d, NULL) >= 0 &&
        (d.major < -1 || d.major > UINT32_MAX || d.minor < -1 || d.minor > UINT32_MAX ||
         !d.access[0] || strlen(d.access) > 3))
        __builtin_trap();
}

static void try_blkio(const char *text, struct arena *a)
{
    for (int i = 0; i < BLKIO_LISTS; i++) {
        struct blkio_device d = {NULL, 0};
        if (blkio_value((enum blkio_list)i, text, a, &d, NULL) >= 0 &&
            (!d.path || !str_has_prefix(d.path, "/dev/") || d.value > INT64_MAX))
            __builtin_trap();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(16 << 20);
    char *text = arena_strndup(&a, (const char *)data, size), *clean = NULL;
    struct run_ulimit u;
    struct run_device d;

    if (!text)
        return 0;
    try_mac(text, &a);
    try_link(text, &a);
    try_rule(text);
    try_blkio(text, &a);
    (void)run_extra_host(text, &a, &clean, NULL);
    (void)run_dns(text, &a, &clean, NULL);
    (void)run_dns_search(text, &a, &clean, NULL);
    (void)run_sysctl(text, &a, &clean, NULL);
    (void)run_ulimit(text, &u, NULL);
    (void)run_device(text, &a, &d, NULL);
    for (int i = 0; i < NS_KINDS; i++)
        if (ns_mode_check((enum ns_kind)i, text, NULL) >= 0 && ns_mode_joined(text) &&
            !*ns_mode_joined(text))
            __builtin_trap();
    return 0;
}
