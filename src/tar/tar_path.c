/* SPDX-License-Identifier: Apache-2.0 */
#include "tar/tar_path.h"

#include <string.h>

#define SHOWN_BYTES 96 /* of a hostile name in a message */

void tar_path_clear(struct tar_path *p)
{
    p->n = 0;
    p->n_parts = 0;
    p->s[0] = 0;
}

static int refuse(int code, const char *why, struct str name, struct shale_err *e)
{
    char raw[SHOWN_BYTES + 1], shown[4 * SHOWN_BYTES + 1];
    size_t n = name.n < SHOWN_BYTES ? name.n : SHOWN_BYTES;

    memcpy(raw, name.p, n);
    raw[n] = 0;
    return err_set(e, code, "%s: '%s%s'", why, str_printable(shown, sizeof shown, raw),
                   n < name.n ? "..." : "");
}

static bool is_dot(struct str part)
{
    return part.n == 1 && part.p[0] == '.';
}

static bool is_dot_dot(struct str part)
{
    return part.n == 2 && part.p[0] == '.' && part.p[1] == '.';
}

static int add_part(struct tar_path *p, struct str part, struct str name, struct shale_err *e)
{
    if (part.n > TAR_MAX_NAME_BYTES)
        return refuse(SHALE_LIMIT, "a file name is longer than 255 bytes", name, e);
    if (p->n_parts >= TAR_MAX_DEPTH)
        return refuse(SHALE_LIMIT, "too many levels in a path", name, e);
    if (p->n + (p->n > 0) + part.n > TAR_MAX_PATH_BYTES)
        return refuse(SHALE_LIMIT, "a path is longer than 4095 bytes", name, e);
    if (p->n > 0)
        p->s[p->n++] = '/';
    memcpy(p->s + p->n, part.p, part.n);
    p->n += part.n;
    p->s[p->n] = 0;
    p->n_parts++;
    return 0;
}

int tar_path_add(struct tar_path *p, struct str name, struct shale_err *e)
{
    const char *at = name.p, *end = name.p + name.n;

    while (at < end) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        struct str part = {at, (size_t)((slash ? slash : end) - at)};

        at += part.n + 1;
        if (part.n == 0 || is_dot(part))
            continue;
        if (is_dot_dot(part))
            return refuse(SHALE_CORRUPT, "a path leads out of the root", name, e);
        int r = add_part(p, part, name, e);
        if (r < 0)
            return r;
    }
    return 0;
}

int tar_path_set_raw(struct tar_path *p, struct str text, struct shale_err *e)
{
    if (text.n > TAR_MAX_PATH_BYTES)
        return refuse(SHALE_LIMIT, "a link target is longer than 4095 bytes", text, e);
    memcpy(p->s, text.p, text.n);
    p->s[text.n] = 0;
    p->n = text.n;
    p->n_parts = 0;
    return 0;
}
