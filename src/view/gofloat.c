/* SPDX-License-Identifier: Apache-2.0 */
#include "view/gofloat.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Most digits that a double needs, and room for "-d.<16>e-308". */
#define MAX_DIGITS 17
#define SCRATCH    40

struct digits {
    char d[MAX_DIGITS + 1];
    int n;   /* how many */
    int exp; /* of the first one: d.ddd * 10^exp */
    bool neg;
};

static void shortest(double v, struct digits *r)
{
    char s[SCRATCH];
    int p = 0;
    *r = (struct digits){.n = 0};
    do
        snprintf(s, sizeof s, "%.*e", p, fabs(v));
    while (strtod(s, NULL) != fabs(v) && ++p < MAX_DIGITS);
    char *e = strchr(s, 'e');
    r->exp = e ? (int)strtol(e + 1, NULL, 10) : 0;
    for (char *c = s; *c && c != e && r->n < MAX_DIGITS; c++)
        if (*c != '.')
            r->d[r->n++] = *c;
    while (r->n > 1 && r->d[r->n - 1] == '0')
        r->n--;
    r->neg = signbit(v);
}

static void add_exp(struct buf *b, const struct digits *g, char e)
{
    buf_addc(b, g->d[0]);
    if (g->n > 1) {
        buf_addc(b, '.');
        buf_add(b, g->d + 1, (size_t)g->n - 1);
    }
    buf_addf(b, "%c%c%02d", e, g->exp < 0 ? '-' : '+', abs(g->exp));
}

static void add_plain(struct buf *b, const struct digits *g)
{
    if (g->exp < 0)
        buf_adds(b, "0.");
    for (int i = g->exp < 0 ? g->exp + 1 : 0; i < 0; i++)
        buf_addc(b, '0');
    for (int i = 0; i < g->n || i <= g->exp; i++) {
        buf_addc(b, i < g->n ? g->d[i] : '0');
        if (i == g->exp && i + 1 < g->n)
            buf_addc(b, '.');
    }
}

static void add_inf(struct buf *b, double v)
{
    buf_adds(b, isnan(v) ? "NaN" : v < 0 ? "-Inf" : "+Inf");
}

void gofloat_format(struct buf *b, double v, char verb, int prec, int exp_from)
{
    struct digits g;
    char lower = (char)(verb | 0x20);
    if (!isfinite(v)) {
        add_inf(b, v);
        return;
    }
    if (prec >= 0) {
        if (lower == 'e')
            verb == 'E' ? buf_addf(b, "%.*E", prec, v) : buf_addf(b, "%.*e", prec, v);
        else if (lower == 'f')
            buf_addf(b, "%.*f", prec, v);
        else
            verb == 'G' ? buf_addf(b, "%.*G", prec, v) : buf_addf(b, "%.*g", prec, v);
        return;
    }
    shortest(v, &g);
    if (g.neg)
        buf_addc(b, '-');
    if (lower == 'e' || (lower == 'g' && (g.exp < -4 || g.exp >= exp_from)))
        add_exp(b, &g, verb == 'E' || verb == 'G' ? 'E' : 'e');
    else
        add_plain(b, &g);
}

void gofloat_json(struct buf *b, double v)
{
    struct digits g;
    shortest(v, &g);
    if (g.neg)
        buf_addc(b, '-');
    if (v == 0 || (fabs(v) >= 1e-6 && fabs(v) < 1e21)) {
        add_plain(b, &g);
        return;
    }
    add_exp(b, &g, 'e');
    /* JSON writes e-9, not e-09. */
    if (b->failed == 0 && b->n >= 4 && b->p[b->n - 4] == 'e' && b->p[b->n - 3] == '-' &&
        b->p[b->n - 2] == '0') {
        b->p[b->n - 2] = b->p[b->n - 1];
        b->p[--b->n] = 0;
    }
}
