/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Members of bodies that docker knows and that nothing here looks at, or not at once: one of a
 * wrong type is refused nevertheless, as Go's decoder does. */
#include "api/api.h"

enum api_known {
    API_KNOWN_CONFIG, /* of a container */
    API_KNOWN_HOST_CONFIG,
    API_KNOWN_MOUNT,
    API_KNOWN_BIND_OPTIONS,
    API_KNOWN_TMPFS_OPTIONS,
    API_KNOWN_ENDPOINT,
    API_KNOWN_ENDPOINT_IPAM,
    API_KNOWN_NETWORK,
    API_KNOWN_NETWORK_IPAM,
    API_KNOWN_VOLUME,
};
/* obj NULL: nothing is wrong. INVALID, in the words of api_bind. */
int api_known_types(struct api_req *q, const json_t *obj, enum api_known what, struct shale_err *e);
