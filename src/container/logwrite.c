/* SPDX-License-Identifier: Apache-2.0 */
#include "container/logwrite.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/sys.h"
#include "base/time.h"

int logwrite_open(struct logwrite *l, const char *path, struct shale_err *e)
{
    *l = (struct logwrite){.b = BUF_INIT(LOGWRITE_MAX)};
    l->fd = sys_openat(AT_FDCWD, path, O_WRONLY | O_CREAT | O_APPEND, 0640);
    return l->fd < 0 ? err_sys(e, "%s", path) : 0;
}

void logwrite_close(struct logwrite *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    buf_clear(&l->b);
}

static void flush(struct logwrite *l)
{
    if (buf_check(&l->b, NULL) < 0 || sys_write_all(l->fd, l->b.p, l->b.n) < 0)
        logwrite_close(l);
    buf_reset(&l->b);
}

void logwrite_put(struct logwrite *l, int stream, const char *p, size_t n)
{
    char now[40];

    if (l->fd < 0)
        return;
    time_format_rfc3339nano(time_now_ns(), now);
    buf_reset(&l->b);
    while (n > 0 && l->fd >= 0) {
        const char *nl = memchr(p, '\n', n);
        size_t k = nl ? (size_t)(nl - p) : n;
        buf_addf(&l->b, "%s %s %c ", now, stream == 1 ? "stdout" : "stderr", nl ? 'F' : 'P');
        buf_add(&l->b, p, k);
        buf_addc(&l->b, '\n');
        k += nl != NULL;
        p += k;
        n -= k;
        if (n == 0 || l->b.n > LOGWRITE_MAX / 2)
            flush(l);
    }
}

static bool take_word(struct str *rest, struct str *ret)
{
    return str_split(rest, ' ', ret) && ret->n > 0;
}

bool logline_parse(struct str line, struct logline *ret)
{
    struct str when, stream, tag;
    char text[48];

    if (!take_word(&line, &when) || !take_word(&line, &stream) || !take_word(&line, &tag) ||
        when.n >= sizeof text || tag.n != 1 || (tag.p[0] != 'F' && tag.p[0] != 'P'))
        return false;
    memcpy(text, when.p, when.n);
    text[when.n] = 0;
    ret->stream = str_eq(stream, STR("stdout")) ? 1 : str_eq(stream, STR("stderr")) ? 2 : 0;
    ret->complete = tag.p[0] == 'F';
    ret->text = line;
    return ret->stream && time_parse_rfc3339(text, &ret->time_ns, NULL) >= 0;
}
