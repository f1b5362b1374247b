/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/term.h"

void term_raw(struct term *t, int fd)
{
    struct termios raw;
    *t = (struct term){.fd = fd};
    if (tcgetattr(fd, &t->before) < 0)
        return;
    raw = t->before;
    cfmakeraw(&raw);
    t->raw = tcsetattr(fd, TCSADRAIN, &raw) == 0;
}

void term_restore(struct term *t)
{
    if (t->raw)
        (void)tcsetattr(t->fd, TCSADRAIN, &t->before);
    t->raw = false;
}
