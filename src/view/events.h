/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Events as `docker events` prints them, one line each:
 *
 *   2026-01-02T03:04:05.000000006Z container start 0123… (image=alpine, name=web)
 *
 *   _cleanup_(events_view_clear) struct events_view v;
 *   r = events_view_begin(&v, format, printable, e);   // also says what is wrong with a template
 *   r = events_view_add(&v, event, &out, e); …
 */
#include <shale/events.h>

#include "base/buf.h"
#include "view/tmpl.h"

struct events_view {
    struct tmpl *t; /* NULL: lines of text */
    bool printable;
};

/* format: NULL or "", "json", or a template of docker's events.Message (.Type, .Action, .Actor.ID,
 * .Actor.Attributes, .Scope, .Time, .TimeNano; .Status, .ID, .From). INVALID: it does not parse, or
 * asks for what there is not. `printable`: control characters are escaped. */
int events_view_begin(struct events_view *v, const char *format, bool printable,
                      struct shale_err *e);
int events_view_add(struct events_view *v, const struct shale_event *ev, struct buf *out,
                    struct shale_err *e);
void events_view_clear(struct events_view *v);
