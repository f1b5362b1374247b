/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Times and IDs as docker shows them to people. */
#include <stdint.h>

#include "base/buf.h"

/* "3 minutes ago"; nothing for TIME_NONE. */
void human_ago(struct buf *b, int64_t t_ns, int64_t now_ns);
/* Go's time.RFC3339 in local time: 2023-11-14T22:13:20+01:00. Nothing for TIME_NONE. */
void human_rfc3339(struct buf *b, int64_t t_ns);
/* Go's Time.String() of whole seconds. Nothing for TIME_NONE. */
void human_time(struct buf *b, int64_t t_ns);
/* "1.23MB": three digits. */
void human_size(struct buf *b, uint64_t bytes);
/* The first 12 digits of an ID or digest, without its algorithm. */
void human_short_id(struct buf *b, const char *id);
