/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The terminal that streams of a container are carried from. */
#include <stdbool.h>
#include <termios.h>

struct term {
    int fd;
    bool raw;
    struct termios before;
};

/* Raw mode where fd is a terminal; else nothing is done. */
void term_raw(struct term *t, int fd);
void term_restore(struct term *t); /* harmless when nothing was done */
