/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the handlers of searches share. */
#include "registry/index/index.h"
#include "registry/reg.h"

/* Sees what whoever sent the request may pull. */
struct index_asker reg_asker(struct rq *rq);
/* From rq->e: what is wrong with the query, or with us. */
void reg_search_failed(struct rq *rq);
/* A number of the query. false: answered with an error. */
bool reg_number(struct rq *rq, const char *name, uint64_t def, uint64_t min, uint64_t max,
                uint64_t *ret);
