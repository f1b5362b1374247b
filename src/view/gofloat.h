/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Floating point numbers as Go prints them. The locale of the program must have '.' as its point.
 */
#include "base/buf.h"

/* strconv.FormatFloat(v, verb, prec, 64) for the verbs e E f F g G. prec -1: as few digits as give
 * v back when read. `exp_from`: with prec -1 and g, the exponent from which %e is used (6 for Go's
 * fmt). Infinite values are "+Inf" and "-Inf". */
void gofloat_format(struct buf *b, double v, char verb, int prec, int exp_from);
/* As encoding/json does: 1e21 and up and below 1e-6 with exponent. Not for infinite values. */
void gofloat_json(struct buf *b, double v);
