/* SPDX-License-Identifier: Apache-2.0 */
/* JSON and its binding to structs: a member of every kind. */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct all {
    char *str;
    uint64_t u64;
    int64_t i64;
    bool flag;
    struct strv strv, set;
    struct strmap map;
    const json_t *object, *array;
};

static const struct json_field fields[] = {
    {"str", JB_STR, offsetof(struct all, str), 0},
    {"u64", JB_U64, offsetof(struct all, u64), 0},
    {"i64", JB_I64, offsetof(struct all, i64), 0},
    {"bool", JB_BOOL, offsetof(struct all, flag), 0},
    {"strv", JB_STRV, offsetof(struct all, strv), 0},
    {"set", JB_SET, offsetof(struct all, set), 0},
    {"map", JB_STRMAP, offsetof(struct all, map), 0},
    {"object", JB_OBJECT, offsetof(struct all, object), 0},
    {"array", JB_ARRAY, offsetof(struct all, array), 0},
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    _cleanup_json_ json_t *j = NULL;
    struct shale_err e = SHALE_ERR_INIT;
    struct all v = {0};

    if (json_parse(data, size, 1 << 20, &j, &e) < 0) {
        if (j || !e.code || !e.msg[0])
            __builtin_trap();
        return 0;
    }
    if (json_bind(j, fields, ARRAY_SIZE(fields), &v, &a, &e) < 0)
        return 0;
    for (size_t i = 0; i < v.strv.n; i++)
        if (!v.strv.v[i])
            __builtin_trap();
    for (size_t i = 0; i < v.map.n; i++)
        if (!strmap_get(&v.map, v.map.m[i].k))
            __builtin_trap();
    if ((v.object && !json_is_object(v.object)) || (v.array && !json_is_array(v.array)))
        __builtin_trap();
    return 0;
}
