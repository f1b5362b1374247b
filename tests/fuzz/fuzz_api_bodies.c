/* SPDX-License-Identifier: Apache-2.0 */
/* The first byte says which: bodies of exec, networks, a connection to one, volumes; the query of a
 * build, with JSON in its fields. What is taken has no list that is empty or without an end, and no
 * error is without words. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "api/bodies.h"
#include "api/body.h"
#include "api/query.h"
#include "base/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* "k=v", or nothing is said of it. */
static void check_pairs(const char *const *v)
{
    for (; v && *v; v++)
        if (!strchr(*v, '='))
            abort();
}

static int exec(struct api_req *q, const json_t *body, struct shale_err *e)
{
    struct shale_exec_streams streams;
    struct shale_exec_opts o;
    bool detach;
    int r = body_exec(q, body, &o, &streams, &detach, e);

    if (r >= 0 && (!o.user || !o.workdir || (o.env && !o.env[0])))
        abort();
    return r;
}

static int network(struct api_req *q, const json_t *body, struct shale_err *e)
{
    struct shale_network_create_opts o;
    int r = body_network(q, body, &o, e);

    if (r < 0)
        return r;
    if (!o.name || (o.driver && !*o.driver) || (o.gateway && !*o.gateway))
        abort();
    check_pairs(o.labels);
    check_pairs(o.options);
    check_pairs(o.aux);
    return r;
}

static int endpoint(struct api_req *q, const json_t *body, struct shale_err *e)
{
    struct shale_network_connect_opts o;
    const char *container;
    int r = body_connect(q, body, &container, &o, e);

    if (r >= 0 && (!container || (o.aliases && !o.aliases[0]) || (o.address && !*o.address)))
        abort();
    return r;
}

static int volume(struct api_req *q, const json_t *body, struct shale_err *e)
{
    struct shale_volume_create_opts o;
    int r = body_volume(q, body, &o, e);

    if (r < 0)
        return r;
    check_pairs(o.labels);
    check_pairs(o.options);
    return r;
}

static int build(struct api_req *q, const char *text, size_t n, struct shale_err *e)
{
    struct shale_build_opts o = {.size = sizeof o};
    int r = api_query_parse((struct str){text, n}, q->arena, &q->query, &q->n_query, e);

    if (r >= 0)
        r = query_build(q, &o, e);
    if (r < 0)
        return r;
    if (!o.tags || (o.target && !*o.target))
        abort();
    check_pairs(o.build_args);
    check_pairs(o.labels);
    check_pairs(o.ulimits);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int (*const bodies[])(struct api_req * q, const json_t *body,
                                 struct shale_err *e) = {exec, network, endpoint, volume};
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(32u << 20);
    _cleanup_json_ json_t *j = NULL;
    struct api_req q = {.arena = &a, .version = API_VERSION_MAX};
    struct shale_err e = SHALE_ERR_INIT;
    int r;

    if (size == 0 || size > 65536)
        return 0;
    size_t which = data[0] % (ARRAY_SIZE(bodies) + 1);
    if (which == ARRAY_SIZE(bodies))
        r = build(&q, (const char *)data + 1, size - 1, &e);
    else if ((r = api_json_parse(data + 1, size - 1, &j, &e)) >= 0)
        r = j ? bodies[which](&q, j, &e) : 0;
    if (r < 0 && (e.code != -r || !e.msg[0]))
        abort();
    return 0;
}
