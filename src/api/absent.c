/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of the API behind which there is nothing here. Each answers with a sentence: 501, or 503
 * and docker's own words where a node has no swarm. */
#include "api/api.h"
#include "base/cleanup.h"

static int no_swarm(struct api_req *q, struct shale_err *e)
{
    return api_fail(q, 503, e,
                    "This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm "
                    "join\" to connect this node to swarm and try again.");
}

static int not_in_swarm(struct api_req *q, struct shale_err *e)
{
    return api_fail(q, 503, e, "This node is not part of a swarm");
}

static int swarm_later(struct api_req *q, struct shale_err *e)
{
    return api_fail(q, 501, e, "swarm mode is not supported: this engine runs on one node");
}

static int no_plugin(struct api_req *q, struct shale_err *e)
{
    return api_fail(q, 404, e, "plugin \"%.100s\" not found", q->args[0]);
}

static int plugins_later(struct api_req *q, struct shale_err *e)
{
    return api_fail(q, 501, e, "plugins are not supported: drivers are built in");
}

static int plugins(struct api_req *q, struct shale_err *e)
{
    return api_reply_json(q, 200, json_array());
}

static int no_checkpoints(struct api_req *q, struct shale_err *e)
{
    return api_fail(q, 501, e, "checkpoints of containers are not supported");
}

static int no_build_cancel(struct api_req *q, struct shale_err *e)
{
    return api_fail(q, 501, e, "builds have no names here: one ends when its client goes");
}

/* The CLI falls back to the classic builder where BuildKit's session is not there. */
static int no_buildkit(struct api_req *q, struct shale_err *e)
{
    return api_fail(q, 404, e, "page not found: this engine builds by POST /build (no BuildKit)");
}

const struct api_route api_routes_absent[] = {
    {"POST", "/swarm/init", 0, API_BODY_NONE, swarm_later},
    {"POST", "/swarm/join", 0, API_BODY_NONE, swarm_later},
    {"POST", "/swarm/leave", 0, API_BODY_NONE, not_in_swarm},
    {"POST", "/swarm/unlock", 0, API_BODY_NONE, not_in_swarm},
    {"*", "/swarm", 0, API_BODY_NONE, no_swarm},
    {"*", "/swarm/{*}", 0, API_BODY_NONE, no_swarm},
    {"*", "/services", 0, API_BODY_NONE, no_swarm},
    {"*", "/services/{*}", 0, API_BODY_NONE, no_swarm},
    {"*", "/nodes", 0, API_BODY_NONE, no_swarm},
    {"*", "/nodes/{*}", 0, API_BODY_NONE, no_swarm},
    {"*", "/tasks", 0, API_BODY_NONE, no_swarm},
    {"*", "/tasks/{*}", 0, API_BODY_NONE, no_swarm},
    {"*", "/secrets", 0, API_BODY_NONE, no_swarm},
    {"*", "/secrets/{*}", 0, API_BODY_NONE, no_swarm},
    {"*", "/configs", 0, API_BODY_NONE, no_swarm},
    {"*", "/configs/{*}", 0, API_BODY_NONE, no_swarm},
    {"GET", "/plugins", 0, API_BODY_NONE, plugins},
    {"GET", "/plugins/privileges", 0, API_BODY_NONE, plugins_later},
    {"GET", "/plugins/{*}/json", 0, API_BODY_NONE, no_plugin},
    {"DELETE", "/plugins/{*}", 0, API_BODY_NONE, no_plugin},
    {"POST", "/plugins/{*}/enable", 0, API_BODY_NONE, no_plugin},
    {"POST", "/plugins/{*}/disable", 0, API_BODY_NONE, no_plugin},
    {"POST", "/plugins/{*}", 0, API_BODY_NONE, plugins_later},
    {"*", "/containers/{}/checkpoints", 0, API_BODY_NONE, no_checkpoints},
    {"*", "/containers/{}/checkpoints/{}", 0, API_BODY_NONE, no_checkpoints},
    {"POST", "/build/cancel", 0, API_BODY_NONE, no_build_cancel},
    {"*", "/session", 0, API_BODY_NONE, no_buildkit},
    {"*", "/grpc", 0, API_BODY_NONE, no_buildkit},
    {0},
};
