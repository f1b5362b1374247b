/* SPDX-License-Identifier: Apache-2.0 */
/* Lines up to an empty one are paths; what is behind it is a .dockerignore. */
#include <stdint.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "dockerfile/ignore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool good)
{
    if (!good)
        __builtin_trap();
}

static void freep(struct ignore **g)
{
    *g = ignore_free(*g);
}

/* Only `*` and `?`, the plain way, for patterns so short that this ends. */
static bool matches_slowly(const char *p, const char *s)
{
    if (!*p)
        return !*s;
    if (*p == '*')
        return matches_slowly(p + 1, s) || (*s && *s != '/' && matches_slowly(p, s + 1));
    return *s && (*p == *s || (*p == '?' && *s != '/')) && matches_slowly(p + 1, s + 1);
}

static bool is_simple(const char *s)
{
    for (size_t i = 0; s[i]; i++)
        if ((unsigned char)s[i] <= ' ' || (unsigned char)s[i] > '~' || strchr("[]\\.!#", s[i]) ||
            (s[i] == '*' && s[i + 1] == '*'))
            return false;
    return true;
}

static void try_pattern(const char *pattern, const char *path)
{
    size_t n = strlen(pattern);

    (void)ignore_check_pattern(pattern, NULL);
    bool in = ignore_match(pattern, path);
    if (n == 0 || n > 12 || strlen(path) > 40 || !is_simple(pattern) || !is_simple(path) ||
        *pattern == '/' || pattern[n - 1] == '/' || strstr(pattern, "//"))
        return;
    check(in == matches_slowly(pattern, path));
}

static void try_path(const struct ignore *g, char *path)
{
    char below[300];
    size_t n = strlen(path);

    if (n == 0 || n > 250 || *path == '/' || path[n - 1] == '/' || streq(path, "."))
        return;
    bool out = ignore_excludes(g, path);
    if (!ignore_skips_below(g, path))
        return;
    check(out);
    snprintf(below, sizeof below, "%s/x/%.40s", path, path);
    check(ignore_excludes(g, below));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_free_ char *text = mem_strndup((const char *)data, size);
    _cleanup_(freep) struct ignore *g = NULL;
    struct shale_err e = SHALE_ERR_INIT;

    if (!text)
        return 0;
    char *lines = strstr(text, "\n\n");
    if (lines) {
        *lines = 0;
        lines += 2;
    }
    const char *rules = lines ? lines : "";
    int r = ignore_parse(rules, strlen(rules), &g, &e);
    check(r >= 0 || (e.msg[0] && r == -e.code));
    for (char *path = text, *next; path; path = next) {
        next = strchr(path, '\n');
        if (next)
            *next++ = 0;
        try_pattern(rules, path);
        try_path(g, path);
    }
    return 0;
}
