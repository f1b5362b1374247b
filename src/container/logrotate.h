/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Logs that are bounded: ctr.log, which conmon writes, and older ones, ctr.log.1 (the last before
 * it) and so on. The keeper looks at the size now and then, so that a file may become longer than
 * asked for by what is written between two looks; conmon begins a new one when it is told. Until it
 * has, ctr.log and ctr.log.1 are the same file. No name is missing meanwhile: a file has two of
 * them for a moment instead.
 */
#include <sys/types.h>

#include "container/ctr.h"
#include "model/log_value.h"

/* How a container made like that keeps its log. */
struct log_value logrotate_value(const struct conf *f);
bool logrotate_is_wanted(const struct conf *f);
/* The next look, in ms; -1: never. */
int64_t logrotate_wait_ms(const struct conf *f);
/* Of who looks: the file that conmon was last told to leave. Begins with zeros. */
struct logrotate {
    ino_t told;
    int64_t told_ns;
};
/* Looks, and rotates. Errors cost the limit, not the log. */
void logrotate_look(struct logrotate *l, const struct ctr *c);
