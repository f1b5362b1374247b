/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Documents about containers that only docker's API has. Each is a new reference; NULL or
 * -SHALE_NO_MEMORY: no memory.
 */
#include <jansson.h>
#include <shale/changes.h>
#include <shale/container.h>
#include <shale/cp.h>
#include <shale/exec.h>
#include <shale/life.h>
#include <shale/stats.h>

#include "base/err.h"
#include "view/json_put.h"

/* GET /containers/json: written, as a list. */
int view_api_put_containers(struct json_put *w, const char *key, const struct shale_container *v,
                            size_t n, int64_t now_ns, struct shale_err *e);
/* All that such a list says of the time: it is the same list while these lines are the same. */
void view_api_statuses(const struct shale_container *v, size_t n, int64_t now_ns, struct buf *b);
/* GET /containers/{}/json */
int view_api_container(const struct shale_container *c, int version, json_t **ret,
                       struct shale_err *e);
/* GET /exec/{}/json */
int view_api_exec(const struct shale_exec_info *x, json_t **ret, struct shale_err *e);
/* One sample of GET /containers/{}/stats */
int view_api_stats(const struct shale_stats *x, json_t **ret, struct shale_err *e);
json_t *view_api_top(const struct shale_top *t);
json_t *view_api_changes(const struct shale_change_list *l);
json_t *view_api_pruned(const struct shale_container_pruned *p);
/* X-Docker-Container-Path-Stat, before base64. */
int view_api_path_stat(const struct shale_cp_stat *s, json_t **ret, struct shale_err *e);
