/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Lists of a container's configuration as JSON, for conf.c. Those that give a value give NULL where
 * it failed. */
#include "container/conf.h"

json_t *conf_mounts_json(const struct conf *c); /* our own member "Mounts" */
int conf_mounts_parse(const json_t *list, struct arena *a, struct conf *c, struct shale_err *e);
/* What docker's HostConfig has of them: Binds, and Tmpfs where there is one. */
json_t *conf_binds_json(const struct conf *c);
void conf_put_tmpfs(int *bad, json_t *host, const struct conf *c);

json_t *conf_ulimits_json(const struct conf *c);
int conf_ulimits_parse(const json_t *list, struct arena *a, struct conf *c, struct shale_err *e);
json_t *conf_devices_json(const struct conf *c);
int conf_devices_parse(const json_t *list, struct arena *a, struct conf *c, struct shale_err *e);

/* BlkioWeightDevice, BlkioDeviceReadBps … */
void conf_put_blkio(int *bad, json_t *host, const struct conf *c);
int conf_blkio_parse(const json_t *host, struct arena *a, struct conf *c, struct shale_err *e);
