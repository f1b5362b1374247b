/* SPDX-License-Identifier: Apache-2.0 */
/* Options of docker's run and create that there is nothing behind here: known, so that one line
 * says so, and taken where their value asks for what is so anyway. */
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/create.h"

static const struct {
    const char *option, *instead; /* instead: what to do, or NULL */
} never[] = {
    {"cpu-rt-period", NULL},
    {"cpu-rt-runtime", NULL},
    {"gpus", "give the container the devices themselves with --device"},
    {"kernel-memory", NULL},
    {"link-local-ip", NULL},
    {"storage-opt", NULL},
    {"use-api-socket", NULL},
};

#define O(field) offsetof(struct absent_cli, field)
static const struct {
    const char *option;
    size_t offset;
    const char *same[4]; /* values that ask for what is so anyway */
} sometimes[] = {
    {"isolation", O(isolation), {"", "default"}},
    {"volume-driver", O(volume_driver), {"", "local"}},
};
#undef O

static bool is_same(const char *value, const char *const *same, size_t n)
{
    for (size_t i = 0; i < n && same[i]; i++)
        if (streq(value, same[i]))
            return true;
    return false;
}

int create_check_absent(struct cli *c, const struct create_cli *o)
{
    for (size_t i = 0; i < ARRAY_SIZE(never); i++)
        if (cli_seen(c, never[i].option))
            return err_set(&c->e, SHALE_UNSUPPORTED, "--%s is not supported yet%s%s",
                           never[i].option, never[i].instead ? ": " : "",
                           never[i].instead ? never[i].instead : "");
    for (size_t i = 0; i < ARRAY_SIZE(sometimes); i++) {
        const char *const *value = (const void *)((const char *)&o->absent + sometimes[i].offset);
        if (*value && !is_same(*value, sometimes[i].same, ARRAY_SIZE(sometimes[i].same)))
            return err_set(&c->e, SHALE_UNSUPPORTED, "--%s %.60s is not supported yet",
                           sometimes[i].option, *value);
    }
    return 0;
}
