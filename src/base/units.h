/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Sizes as people write them. */
#include <stdint.h>

#include "base/err.h"

/* SI, %.<precision>g, no blank: units_human(1234567, 3, b) is "1.23MB". B kB MB GB TB PB EB. */
char *units_human(uint64_t bytes, int precision, char ret[32]);
/* "512", "512b", "64k", "64kb", "1.5g": binary multiples (docker's RAMInBytes). */
int units_parse_binary(const char *s, int64_t *ret, struct shale_err *e);
