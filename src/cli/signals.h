/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Signals that end the program: INT, TERM and HUP ask the engine to stop; the second one ends the
 * program at once. PIPE only makes writes fail. (While streams of a container are carried, the
 * engine receives signals itself and passes them on.) Children start with the default actions.
 */
struct shale;

void signals_begin(void);
/* Whom to ask to stop; NULL: nobody, signals end the program at once. */
void signals_watch(struct shale *s);
/* The signal that came, 0 if none. */
int signals_seen(void);
