/* SPDX-License-Identifier: Apache-2.0 */
#include "api/known.h"

#include "base/cleanup.h"

static const struct json_field config[] = {
    {"ArgsEscaped", JB_BOOL, 0, 0},
    {"OnBuild", JB_STRV, 0, 0},
};
static const struct json_field host_config[] = {
    {"ContainerIDFile", JB_STR, 0, 0},    {"ConsoleSize", JB_ARRAY, 0, 0},
    {"KernelMemoryTCP", JB_I64, 0, 0},    {"CpuCount", JB_I64, 0, 0},
    {"CpuPercent", JB_I64, 0, 0},         {"IOMaximumIOps", JB_U64, 0, 0},
    {"IOMaximumBandwidth", JB_U64, 0, 0},
};
static const struct json_field mount[] = {
    {"Consistency", JB_STR, 0, 0},
    {"ClusterOptions", JB_OBJECT, 0, 0},
};
static const struct json_field bind_options[] = {
    {"NonRecursive", JB_BOOL, 0, 0},
    {"ReadOnlyNonRecursive", JB_BOOL, 0, 0},
    {"ReadOnlyForceRecursive", JB_BOOL, 0, 0},
};
static const struct json_field tmpfs_options[] = {
    {"Options", JB_ARRAY, 0, 0},
};
static const struct json_field endpoint[] = {
    {"NetworkID", JB_STR, 0, 0},         {"EndpointID", JB_STR, 0, 0},
    {"Gateway", JB_STR, 0, 0},           {"IPAddress", JB_STR, 0, 0},
    {"IPPrefixLen", JB_I64, 0, 0},       {"IPv6Gateway", JB_STR, 0, 0},
    {"GlobalIPv6Address", JB_STR, 0, 0}, {"GlobalIPv6PrefixLen", JB_I64, 0, 0},
    {"GwPriority", JB_I64, 0, 0},        {"DNSNames", JB_STRV, 0, 0},
};
static const struct json_field endpoint_ipam[] = {
    {"LinkLocalIPs", JB_STRV, 0, 0},
};
static const struct json_field network[] = {
    {"CheckDuplicate", JB_BOOL, 0, 0},
    {"EnableIPv4", JB_BOOL, 0, 0},
    {"ConfigFrom", JB_OBJECT, 0, 0},
};
static const struct json_field network_ipam[] = {
    {"Driver", JB_STR, 0, 0},
    {"Options", JB_STRMAP, 0, 0},
};
static const struct json_field volume[] = {
    {"ClusterVolumeSpec", JB_OBJECT, 0, 0},
};

#define T(table)                                                                                   \
    {                                                                                              \
        table, ARRAY_SIZE(table)                                                                   \
    }
static const struct {
    const struct json_field *v;
    size_t n;
} tables[] = {
    [API_KNOWN_CONFIG] = T(config),
    [API_KNOWN_HOST_CONFIG] = T(host_config),
    [API_KNOWN_MOUNT] = T(mount),
    [API_KNOWN_BIND_OPTIONS] = T(bind_options),
    [API_KNOWN_TMPFS_OPTIONS] = T(tmpfs_options),
    [API_KNOWN_ENDPOINT] = T(endpoint),
    [API_KNOWN_ENDPOINT_IPAM] = T(endpoint_ipam),
    [API_KNOWN_NETWORK] = T(network),
    [API_KNOWN_NETWORK_IPAM] = T(network_ipam),
    [API_KNOWN_VOLUME] = T(volume),
};
#undef T

int api_known_types(struct api_req *q, const json_t *obj, enum api_known what, struct shale_err *e)
{
    union { /* each value in turn; nobody looks at it */
        char *text;
        uint64_t number;
        bool yes;
        struct strv list;
        struct strmap map;
        const json_t *json;
    } waste;

    return api_bind(q, obj, tables[what].v, tables[what].n, &waste, e);
}
