/* SPDX-License-Identifier: Apache-2.0 */
#include "base/glob.h"

#include <string.h>

#include "base/str.h"

int glob_check(const char *pattern, struct shale_err *e)
{
    char shown[64];

    if (!*pattern)
        return err_set(e, SHALE_INVALID, "an empty glob matches nothing; write ** for everything");
    if (strlen(pattern) > GLOB_MAX_BYTES)
        return err_set(e, SHALE_INVALID, "a glob of more than %d characters", GLOB_MAX_BYTES);
    for (const char *c = pattern; *c; c++) {
        bool name = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
                    (*c >= '0' && *c <= '9') || strchr("._-/*?", *c);
        if (!name)
            return err_set(e, SHALE_INVALID,
                           "glob \"%s\": only letters, digits, . _ - / and the wildcards * ** ?",
                           str_printable(shown, sizeof shown, pattern));
    }
    return 0;
}

/* at[i]: the pattern so far matches the first i characters of the name. */
static void step_star(bool *at, const char *name, size_t n, bool any)
{
    for (size_t i = 1; i <= n; i++)
        at[i] = at[i] || (at[i - 1] && (any || name[i - 1] != '/'));
}

static void step_one(bool *at, const char *name, size_t n, char c)
{
    for (size_t i = n; i > 0; i--)
        at[i] = at[i - 1] && (c == '?' ? name[i - 1] != '/' : name[i - 1] == c);
    at[0] = false;
}

bool glob_match(const char *pattern, const char *name)
{
    bool at[GLOB_MAX_BYTES + 1] = {true};
    size_t n = strlen(name);

    if (n > GLOB_MAX_BYTES)
        return false;
    for (const char *p = pattern; *p; p++) {
        if (*p != '*') {
            step_one(at, name, n, *p);
            continue;
        }
        bool any = p[1] == '*';
        p += any;
        step_star(at, name, n, any);
    }
    return at[n];
}
