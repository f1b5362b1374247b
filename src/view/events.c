/* SPDX-License-Identifier: Apache-2.0 */
#include "view/events.h"

#include <time.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "view/doc.h"
#include "view/json_out.h"
#include "view/text.h"

#define LINE_BYTES (8u << 20) /* what a template makes of one event */

/* ---- docker's events.Message ---- */

static bool is_of(const struct shale_event *ev, const char *type)
{
    return streq(ev->type, type);
}

/* Container and image events repeat some of it under the names of before. */
static const char *legacy_status(const struct shale_event *ev)
{
    return is_of(ev, "container") || is_of(ev, "image") ? ev->action : "";
}

static const char *legacy_id(const struct shale_event *ev)
{
    return is_of(ev, "container") || is_of(ev, "image") ? ev->id : "";
}

static const char *legacy_from(const struct shale_event *ev)
{
    for (size_t i = 0; is_of(ev, "container") && i < ev->n_attributes; i++)
        if (streq(ev->attributes[i].key, "image"))
            return ev->attributes[i].value;
    return "";
}

static json_t *actor_of(const struct shale_event *ev)
{
    struct doc d = doc_begin(), attributes = doc_begin();
    json_t *j = NULL;

    for (size_t i = 0; i < ev->n_attributes; i++)
        doc_str(&attributes, ev->attributes[i].key, ev->attributes[i].value);
    doc_str(&d, "ID", ev->id);
    doc_put(&d, "Attributes", doc_end(&attributes, &j, NULL) < 0 ? NULL : j);
    return doc_end(&d, &j, NULL) < 0 ? NULL : j;
}

static int message_of(const struct shale_event *ev, json_t **ret, struct shale_err *e)
{
    struct doc d = doc_begin();

    doc_str_opt(&d, "status", legacy_status(ev));
    doc_str_opt(&d, "id", legacy_id(ev));
    doc_str_opt(&d, "from", legacy_from(ev));
    doc_str(&d, "Type", ev->type);
    doc_str(&d, "Action", ev->action);
    doc_put(&d, "Actor", actor_of(ev));
    doc_str(&d, "scope", "local");
    doc_int(&d, "time", ev->time_ns / NS_PER_S);
    doc_int(&d, "timeNano", ev->time_ns);
    return doc_end(&d, ret, e);
}

/* ---- the same in the eyes of a template ---- */

struct message {
    const struct shale_event *ev;
    json_t *actor;
};

static struct tmpl_val get_type(const struct message *m)
{
    return tmpl_str(m->ev->type);
}
static struct tmpl_val get_action(const struct message *m)
{
    return tmpl_str(m->ev->action);
}
static struct tmpl_val get_actor(const struct message *m)
{
    return tmpl_json(m->actor);
}
static struct tmpl_val get_scope(const struct message *m)
{
    return tmpl_str("local");
}
static struct tmpl_val get_time(const struct message *m)
{
    return tmpl_int(m->ev->time_ns / NS_PER_S);
}
static struct tmpl_val get_time_nano(const struct message *m)
{
    return tmpl_int(m->ev->time_ns);
}
static struct tmpl_val get_status(const struct message *m)
{
    return tmpl_str(legacy_status(m->ev));
}
static struct tmpl_val get_id(const struct message *m)
{
    return tmpl_str(legacy_id(m->ev));
}
static struct tmpl_val get_from(const struct message *m)
{
    return tmpl_str(legacy_from(m->ev));
}

static const struct {
    const char *name;
    struct tmpl_val (*get)(const struct message *m);
} members[] = {
    {"Action", get_action}, {"Actor", get_actor},        {"From", get_from},
    {"ID", get_id},         {"Scope", get_scope},        {"Status", get_status},
    {"Time", get_time},     {"TimeNano", get_time_nano}, {"Type", get_type},
};

static int message_get(void *p, const char *name, const struct str *args, size_t n_args,
                       struct arena *a, struct tmpl_val *ret, struct shale_err *e)
{
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        if (!streq(members[i].name, name))
            continue;
        *ret = n_args ? tmpl_int(0) : members[i].get(p);
        return n_args ? 2 : 0;
    }
    return 1;
}

static int message_json(void *p, struct arena *a, struct buf *b, struct shale_err *e)
{
    const struct message *m = p;
    _cleanup_json_ json_t *j = NULL;
    int r = message_of(m->ev, &j, e);

    if (r < 0)
        return r;
    json_out_compact(b, j, 0);
    return buf_check(b, e);
}

static const struct tmpl_object message_type = {
    .type_name = "*events.Message",
    .get = message_get,
    .to_json = message_json,
};

static int run(const struct events_view *v, const struct shale_event *ev, struct buf *out,
               struct shale_err *e)
{
    _cleanup_json_ json_t *actor = actor_of(ev);
    struct message m = {ev, actor};
    const struct tmpl_exec_opts o = {.printable = v->printable};

    return actor ? tmpl_exec(v->t, tmpl_obj(&message_type, &m), &o, out, e) : err_nomem(e);
}

int events_view_begin(struct events_view *v, const char *format, bool printable,
                      struct shale_err *e)
{
    static const struct shale_event nothing = {.type = "", .action = "", .id = ""};
    _cleanup_(buf_clear) struct buf out = BUF_INIT(LINE_BYTES);

    *v = (struct events_view){.printable = printable};
    if (!format || !*format)
        return 0;
    if (streq(format, "json"))
        format = "{{json .}}";
    int r = tmpl_parse(format, strlen(format), &v->t, e);
    if (r >= 0)
        r = run(v, &nothing, &out, e); /* tried once, as docker does */
    return r < 0 ? err_wrap(e, r, "Error parsing format") : 0;
}

/* ---- lines of text ---- */

static void add_time(struct buf *b, int64_t t_ns)
{
    int64_t fraction = (t_ns % NS_PER_S + NS_PER_S) % NS_PER_S;
    time_t s = (time_t)((t_ns - fraction) / NS_PER_S);
    char text[40] = "", zone[8] = "";
    struct tm tm;

    if (localtime_r(&s, &tm)) {
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
        (void)strftime(zone, sizeof zone, "%z", &tm);
    }
    buf_addf(b, "%s.%09lld", text, (long long)fraction);
    if (strlen(zone) != 5 || tm.tm_gmtoff == 0)
        buf_addc(b, 'Z');
    else
        buf_addf(b, "%.3s:%s", zone, zone + 3);
}

static void add_text(const struct events_view *v, struct buf *b, const char *s)
{
    if (v->printable)
        text_escape(b, str_of(s));
    else
        buf_adds(b, s);
}

static void add_line(const struct events_view *v, const struct shale_event *ev, struct buf *b)
{
    add_time(b, ev->time_ns);
    buf_addf(b, " %s ", ev->type);
    add_text(v, b, ev->action);
    buf_addc(b, ' ');
    add_text(v, b, ev->id);
    for (size_t i = 0; i < ev->n_attributes; i++) {
        buf_adds(b, i == 0 ? " (" : ", ");
        add_text(v, b, ev->attributes[i].key);
        buf_addc(b, '=');
        add_text(v, b, ev->attributes[i].value);
    }
    if (ev->n_attributes)
        buf_addc(b, ')');
}

int events_view_add(struct events_view *v, const struct shale_event *ev, struct buf *out,
                    struct shale_err *e)
{
    int r = 0;

    if (v->t)
        r = run(v, ev, out, e);
    else
        add_line(v, ev, out);
    buf_addc(out, '\n');
    return r < 0 ? r : buf_check(out, e);
}

void events_view_clear(struct events_view *v)
{
    tmpl_free(v->t);
    v->t = NULL;
}
