/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What bodies of JSON ask for, as options of libshale; each stands beside its handler. Texts and
 * lists are in the request's arena. INVALID: a member has a wrong type; UNSUPPORTED. (That of
 * POST /containers/create is api/create_body.h.) */
#include <shale/build.h>
#include <shale/container.h>
#include <shale/exec.h>
#include <shale/network.h>
#include <shale/volume.h>

#include "api/api.h"

/* POST /containers/X/exec, /exec/X/start; *ret_detach is of the latter. */
int body_exec(struct api_req *q, const json_t *body, struct shale_exec_opts *ret,
              struct shale_exec_streams *ret_streams, bool *ret_detach, struct shale_err *e);
/* POST /networks/create */
int body_network(struct api_req *q, const json_t *body, struct shale_network_create_opts *ret,
                 struct shale_err *e);
/* POST /networks/X/connect */
int body_connect(struct api_req *q, const json_t *body, const char **ret_container,
                 struct shale_network_connect_opts *ret, struct shale_err *e);
/* EndpointSettings of a network, of that body and of POST /containers/create; all but the network.
 * NULL: nothing is said. */
int body_endpoint(struct api_req *q, const json_t *one, struct shale_endpoint_opts *ret,
                  struct shale_err *e);
/* POST /volumes/create */
int body_volume(struct api_req *q, const json_t *body, struct shale_volume_create_opts *ret,
                struct shale_err *e);
/* POST /build has it in its query. Sets what that speaks of. */
int query_build(struct api_req *q, struct shale_build_opts *o, struct shale_err *e);
