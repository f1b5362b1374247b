/* SPDX-License-Identifier: Apache-2.0 */
/* Settings in docker's config.json that concern how things are shown. */
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "cli/cli.h"

#define MAX_CONFIG (1u << 20)

static const char *config_path(struct cli *c)
{
    const char *env = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
    if (c->global.config)
        return arena_printf(&c->arena, "%s/config.json", c->global.config);
    if (env && *env)
        return arena_printf(&c->arena, "%s/config.json", env);
    return arena_printf(&c->arena, "%s/.docker/config.json", home ? home : "");
}

const char *cli_docker_setting(struct cli *c, const char *key)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MAX_CONFIG);
    _cleanup_json_ json_t *j = NULL;
    const char *path = config_path(c);
    if (!path || fs_read_file(AT_FDCWD, path, &b, NULL) < 0 ||
        json_parse(buf_str(&b), b.n, MAX_CONFIG, &j, NULL) < 0)
        return NULL;
    const char *value = json_string_value(json_object_get(j, key));
    return value && *value ? arena_strdup(&c->arena, value) : NULL;
}
