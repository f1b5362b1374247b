/* SPDX-License-Identifier: Apache-2.0 */
/* The list of tables; each stands where its handlers are. */
#include "api/route.h"

const struct api_route *const api_routes[] = {
    api_routes_system,
    api_routes_containers,
    api_routes_streams,
    api_routes_files,
    api_routes_exec,
    api_routes_images,
    api_routes_build,
    api_routes_networks,
    api_routes_volumes,
    api_routes_absent,
    NULL,
};
