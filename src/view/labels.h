/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Labels of containers, networks and volumes in listings. They come as the text of a JSON object of
 * strings; "", NULL and what cannot be read show nothing.
 */
#include "base/buf.h"

/* All of them: "a=1,b=2". */
void labels_put(const char *labels_json, struct buf *b);
/* The value of one, for {{.Label "key"}}. */
void labels_put_value(const char *labels_json, const char *key, struct buf *b);
