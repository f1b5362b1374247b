/* SPDX-License-Identifier: Apache-2.0 */
/* Small words: signals, capabilities, names, detach keys (the second line is what is typed), a line
 * of a log, /proc/PID/stat. */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "container/caps.h"
#include "container/keys.h"
#include "container/logwrite.h"
#include "container/names.h"
#include "container/process.h"
#include "container/signals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_keys(const char *text, const char *typed)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(1 << 20);
    struct shale_err e = SHALE_ERR_INIT;
    size_t n = strlen(typed);
    struct keys k;

    if (keys_parse(text, &k, &e) < 0) {
        if (e.code != SHALE_INVALID || !e.msg[0])
            __builtin_trap();
        return;
    }
    bool done = false;
    for (size_t i = 0; !done && i < n; i++)
        done = keys_feed(&k, (const uint8_t *)typed + i, 1, &out);
    if (!done)
        keys_flush(&k, &out);
    /* nothing is lost, nothing is made up */
    if (buf_check(&out, NULL) == 0 &&
        (out.n > n || (!done && out.n != n) || memcmp(buf_str(&out), typed, out.n) != 0))
        __builtin_trap();
}

static void try_caps(char *text)
{
    const struct strv one = {.v = &text, .n = 1}, none = {0};
    struct shale_err e = SHALE_ERR_INIT;
    uint64_t caps;
    int n = caps_number(text);

    if (n >= CAPS_N || (n >= 0 && caps_number(caps_name((unsigned)n)) != n))
        __builtin_trap();
    if (caps_tweak(caps_default(), UINT64_MAX, &one, &none, &caps, &e) < 0 && !e.msg[0])
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = mem_strndup((const char *)data, size);
    struct shale_err e = SHALE_ERR_INIT;
    struct logline l;
    uint64_t start;

    if (!text)
        return 0;
    int sig = signal_parse(text, &e);
    if (sig == 0 || sig > 64 || (sig < 0 && (e.code != SHALE_INVALID || !e.msg[0])))
        __builtin_trap();
    if (name_is_valid(text) && (strlen(text) > NAME_MAX_BYTES || strpbrk(text, "/ \n")))
        __builtin_trap();
    try_caps(text);
    if (logline_parse((struct str){(const char *)data, size}, &l) &&
        (l.stream < 1 || l.stream > 2 || l.text.n > size))
        __builtin_trap();
    process_parse_stat(text, &start);
    char *typed = strchr(text, '\n');
    if (typed)
        *typed++ = 0;
    try_keys(text, typed ? typed : "");
    return 0;
}
