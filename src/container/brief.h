/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What listings need of a container's configuration, packed beside it in the row (column
 * `listing`): taken apart it costs a hundredth of parsing the whole. brief_unpack sets network,
 * runtime, path, args, tty, open_stdin, mounts (type, name, source, target, read_only), networks,
 * exposed ports, published ports and the test of the health check; everything else is as in an
 * empty configuration.
 *
 * A row without it, or with one that this version does not know, is read in whole. All values live
 * in the arena, texts are in `packed`, which has to live as long. Errors: NO_MEMORY; CORRUPT (also:
 * of another version) from brief_unpack, which then has set nothing.
 */
#include "base/str.h"
#include "container/conf.h"

int brief_pack(const struct conf *c, struct arena *a, struct str *ret, struct shale_err *e);
int brief_unpack(struct str packed, struct arena *a, struct conf *ret);
