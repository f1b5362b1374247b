/* SPDX-License-Identifier: Apache-2.0 */
#include "view/api_build.h"

#include <ctype.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/ref.h"
#include "view/doc.h"

#define MAX_STEPS  (1u << 16)
#define LINE_BYTES (16u << 10) /* of output in one line of JSON */

struct step {
    struct buf waiting; /* lines of JSON that are not told yet */
    bool begun, over;
};

struct api_build {
    bool quiet;
    void (*write)(void *arg, const char *p, size_t n);
    void *arg;
    struct step *steps; /* by number - 1 */
    size_t n_steps, cap_steps;
    size_t current; /* its place: all before it are told */
    int status;     /* of the command of a RUN that has failed */
};

int api_build_new(bool quiet, void (*write)(void *arg, const char *p, size_t n), void *arg,
                  struct api_build **ret, struct shale_err *e)
{
    struct api_build *v = mem_alloc(sizeof *v);
    if (!v)
        return err_nomem(e);
    *v = (struct api_build){.quiet = quiet, .write = write, .arg = arg};
    *ret = v;
    return 0;
}

struct api_build *api_build_free(struct api_build *v)
{
    for (size_t i = 0; v && i < v->n_steps; i++)
        buf_clear(&v->steps[i].waiting);
    if (v)
        free(v->steps);
    free(v);
    return NULL;
}

/* ---- lines ---- */

/* {"KEY":…} and an end of line; takes the value. */
static void add_line(struct buf *b, const char *key, json_t *value)
{
    struct doc d = doc_begin();
    _cleanup_json_ json_t *j = NULL;
    doc_put(&d, key, value);
    if (doc_end(&d, &j, NULL) < 0)
        return;
    char *text = json_text(j);
    if (text)
        buf_addf(b, "%s\r\n", text);
    free(text);
}

/* Bytes that are not UTF-8 become question marks: JSON has no room for them. */
static json_t *text_of(const char *p, size_t n)
{
    json_t *j = json_stringn(p, n);
    if (j)
        return j;
    _cleanup_(buf_clear) struct buf clean = BUF_INIT(LINE_BYTES + 1);
    for (size_t i = 0; i < n; i++)
        buf_addc(&clean, (unsigned char)p[i] < 0x80 && p[i] ? p[i] : '?');
    return json_stringn(buf_str(&clean), clean.n);
}

static void add_stream(struct buf *b, const char *p, size_t n)
{
    while (n > 0) {
        size_t part = n > LINE_BYTES ? LINE_BYTES : n;
        add_line(b, "stream", text_of(p, part));
        p += part;
        n -= part;
    }
}

static void tell(struct api_build *v, struct buf *b)
{
    if (b->n && buf_check(b, NULL) == 0)
        v->write(v->arg, b->p, b->n);
    buf_reset(b);
}

/* ---- steps ---- */

static struct step *step_at(struct api_build *v, unsigned number)
{
    if (number == 0 || number > MAX_STEPS)
        return NULL;
    if (number > v->cap_steps) {
        size_t cap = v->cap_steps ? 2 * v->cap_steps : 64;
        while (cap < number)
            cap *= 2;
        struct step *all = mem_resize(v->steps, cap * sizeof *all);
        if (!all)
            return NULL;
        v->steps = all;
        v->cap_steps = cap;
    }
    while (v->n_steps < number)
        v->steps[v->n_steps++] = (struct step){.waiting = BUF_INIT(4 * API_BUILD_KEPT_BYTES)};
    return &v->steps[number - 1];
}

/* What can be told now: of the current step all that there is, and of those behind it that are over
 * before it, when it is. */
static void go_on(struct api_build *v)
{
    while (v->current < v->n_steps) {
        struct step *s = &v->steps[v->current];
        tell(v, &s->waiting);
        if (!s->over)
            break;
        buf_clear(&s->waiting);
        v->current++;
    }
}

/* "[builder 2/3] RUN make" is "Step 2/3 : RUN make"; what is no instruction is not told. */
static void add_name(struct buf *b, const char *name)
{
    const char *end = name[0] == '[' ? strchr(name, ']') : NULL;
    if (!end || end[1] != ' ')
        return;
    const char *count = end;
    while (count > name + 1 && (isdigit((unsigned char)count[-1]) || count[-1] == '/'))
        count--;
    if (count == end || !memchr(count, '/', (size_t)(end - count)))
        return;
    _cleanup_(buf_clear) struct buf text = BUF_INIT(64u << 10);
    buf_addf(&text, "Step %.*s : %s", (int)(end - count), count, end + 2);
    add_stream(b, buf_str(&text), text.n);
    add_stream(b, "\n", 1);
}

static void add_event(struct api_build *v, struct step *s, const struct shale_build_event *ev)
{
    static const char cached[] = " ---> Using cache\n";
    struct buf *b = &s->waiting;
    switch (ev->kind) {
    case SHALE_BUILD_BEGUN:
        s->begun = true;
        add_name(b, ev->name ? ev->name : "");
        break;
    case SHALE_BUILD_OUTPUT:
        if (b->n > API_BUILD_KEPT_BYTES)
            buf_reset(b);
        add_stream(b, ev->text, ev->n);
        break;
    case SHALE_BUILD_CACHED:
        add_stream(b, cached, sizeof cached - 1);
        s->over = true;
        break;
    case SHALE_BUILD_FAILED:
        v->status = ev->status ? ev->status : v->status;
        s->over = true;
        break;
    case SHALE_BUILD_DONE:
    case SHALE_BUILD_CANCELED:
        s->over = true;
        break;
    default: /* how far it is */
        break;
    }
}

void api_build_event(void *view, const struct shale_build_event *ev)
{
    struct api_build *v = view;
    struct step *s = step_at(v, ev->step);
    if (s) {
        if (!v->quiet || ev->kind == SHALE_BUILD_FAILED)
            add_event(v, s, ev);
        go_on(v);
    } else if (ev->kind == SHALE_BUILD_WARNING && !v->quiet) {
        _cleanup_(buf_clear) struct buf line = BUF_INIT(API_BUILD_KEPT_BYTES);
        if (!str_has_prefix(ev->text, "[Warning] "))
            add_stream(&line, "[Warning] ", 10);
        add_stream(&line, ev->text, ev->n);
        add_stream(&line, "\n", 1);
        tell(v, &line);
    }
}

/* ---- the end ---- */

/* What steps have written that were never waited for. */
static void tell_rest(struct api_build *v)
{
    for (; v->current < v->n_steps; v->current++)
        tell(v, &v->steps[v->current].waiting);
}

void api_build_done(struct api_build *v, const struct shale_built *built)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(1u << 20), text = BUF_INIT(1u << 20);
    const char *id = built->id[0] ? built->id : built->manifest;
    const char *hex = str_has_prefix(id, "sha256:") ? id + 7 : id;
    tell_rest(v);
    if (!v->quiet) {
        add_line(&out, "aux", json_pack("{s:s}", "ID", id));
        buf_addf(&text, "Successfully built %.12s\n", hex);
        for (size_t i = 0; i < built->n_names; i++)
            buf_addf(&text, "Successfully tagged %s\n", ref_familiar_repo(built->names[i]));
    } else {
        buf_addf(&text, "%s\n", id);
    }
    add_stream(&out, buf_str(&text), text.n);
    tell(v, &out);
}

/* What the classic builder says of a RUN that fails: 'FILE:LINE: process "COMMAND" did not complete
 * successfully: exit code: N' in its words. */
static void put_reason(const struct api_build *v, const char *msg, struct buf *b)
{
    static const char begin[] = ": process \"",
                      end[] = "\" did not complete successfully: exit code";
    const char *command = v->status ? strstr(msg, begin) : NULL, *over = NULL;

    if (command) {
        command += sizeof begin - 1;
        over = strstr(command, end);
    }
    if (over)
        buf_addf(b, "The command '%.*s' returned a non-zero code: %d", (int)(over - command),
                 command, v->status);
    else
        buf_adds(b, msg);
}

void api_build_failed(struct api_build *v, const struct shale_err *why)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(1u << 20), reason = BUF_INIT(64u << 10);
    struct doc d = doc_begin(), detail = doc_begin();
    _cleanup_json_ json_t *j = NULL;
    json_t *inner = NULL;
    tell_rest(v);
    put_reason(v, why->msg, &reason);
    if (v->status)
        doc_int(&detail, "code", v->status);
    doc_put(&detail, "message", text_of(buf_str(&reason), reason.n));
    doc_put(&d, "errorDetail", doc_end(&detail, &inner, NULL) < 0 ? NULL : inner);
    doc_put(&d, "error", text_of(buf_str(&reason), reason.n));
    char *text = doc_end(&d, &j, NULL) < 0 ? NULL : json_text(j);
    if (text)
        buf_addf(&out, "%s\r\n", text);
    free(text);
    tell(v, &out);
}
