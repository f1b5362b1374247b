/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The networks and ports of a container's configuration as JSON, for conf.c. */
#include "container/conf.h"

/* {"80/tcp":[{"HostIp":"","HostPort":"8080"}]}: docker's PortBindings. NULL: failed. */
json_t *conf_ports_json(const struct port_list *l);
int conf_ports_parse(const json_t *bindings, struct arena *a, struct port_list *ret,
                     struct shale_err *e);
json_t *conf_networks_json(const struct conf *c); /* NULL: failed */
int conf_networks_parse(const json_t *list, struct arena *a, struct conf *ret, struct shale_err *e);
