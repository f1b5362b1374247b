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

/* GET /containers/json */
int view_api_containers(const struct shale_container_list *l, int64_t now_ns, json_t **ret,
                        struct shale_err *e);
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
