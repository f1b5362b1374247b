/* SPDX-License-Identifier: Apache-2.0 */
/* A line of the journal of events. */
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/cleanup.h"
#include "store/events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const filters[] = {"image=app", "label=a=b", "event=exec_start", NULL};
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(16u << 20);
    struct event_filter *f;
    struct shale_event ev;

    if (event_parse((const char *)data, size, &a, &ev) != 1)
        return 0;
    if (!ev.type || !ev.action || !ev.id)
        __builtin_trap();
    for (size_t i = 1; i < ev.n_attributes; i++)
        if (strcmp(ev.attributes[i - 1].key, ev.attributes[i].key) >= 0)
            __builtin_trap();
    if (event_filter_new(filters, &a, &f, NULL) >= 0)
        (void)event_filter_match(f, &ev);
    return 0;
}
