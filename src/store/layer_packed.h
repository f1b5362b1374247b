/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A layer of the store under another compression: a further blob of the same diffID. */
#include "store/store.h"
#include "tar/encoder.h"

/* Compresses the layer's tar (made again where it is missing) and puts blob and rows. The lease
 * protects it until an image, or another row, has it. */
int layer_packed_make(struct store *s, struct store_lease *lease, const struct digest *diff_id,
                      enum encoder_kind kind, int level, struct cancel *c, struct digest *ret_blob,
                      struct shale_err *e);
