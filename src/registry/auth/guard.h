/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Counts failed logins by peer address, in a table of fixed size, so that passwords cannot be tried
 * at speed:
 *
 *   if (guard_blocked(g, peer, now) > 0) … 429, without looking at the password
 *   … wrong: guard_failed(g, peer, now), and answer after the delay of the config
 *
 * An IPv6 peer is its /64 network, since one host has all of that; an IPv4 address in IPv6 clothes
 * is the IPv4 address. When the table is full the peer whose window began first is forgotten. A
 * correct password does not clear the count (else one known account would be a licence to try
 * others). Any number of threads; no allocation after guard_new. Times are monotonic ns.
 */
#include <stdint.h>

#include "base/err.h"

struct guard;

int guard_new(uint64_t max_failures, int64_t window_ns, struct guard **ret, struct shale_err *e);
struct guard *guard_free(struct guard *g); /* NULL in, NULL out */

/* 0: go on; else the ns until it may try again. */
int64_t guard_blocked(struct guard *g, const char *peer, int64_t now_ns);
void guard_failed(struct guard *g, const char *peer, int64_t now_ns);
