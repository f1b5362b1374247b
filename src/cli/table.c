/* SPDX-License-Identifier: Apache-2.0 */
/* The names of all commands. */
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/cmd.h"

#define G(field) offsetof(struct cli_global, field)
const struct opt cmd_global_opts[] = {
    {0, "certs-dir", OPT_STR, G(certs_dir), NULL, "Certificates of registries", 0,
     "/etc/docker/certs.d"},
    {0, "config", OPT_STR, G(config), NULL, "Folder of the client configuration (docker's)"},
    {'D', "debug", OPT_BOOL, G(debug), NULL, "Tell on standard error what is being done"},
    {0, "insecure-registry", OPT_LIST, G(insecure), NULL,
     "Registry (host[:port] or CIDR) to be spoken to without verified TLS"},
    {0, "registry-mirror", OPT_LIST, G(mirrors), NULL,
     "Registry (URL) that is asked for images of Docker Hub before it"},
    {0, "root", OPT_STR, G(root), NULL, "Folder of the store (also: $SHALE_ROOT)"},
    {0, "runtime", OPT_STR, G(runtime), NULL, "OCI runtime: name or path (default: what works)"},
    {0, "storage-driver", OPT_STR, G(storage_driver), NULL, "\"auto\", \"erofs\" or \"dir\"", 0,
     "auto"},
    {'v', "version", OPT_BOOL, G(version), NULL, "Print version information and quit"},
    {0},
};
#undef G

/* One command to a line. */
/* clang-format off */
static const struct cmd_name builder_table[] = {
    {"build", NULL, CMD_OTHER, &cmd_build},
    {"du", NULL, CMD_OTHER, &cmd_builder_du},
    {"prune", NULL, CMD_OTHER, &cmd_builder_prune},
    {NULL},
};
const struct cmd cmd_builder = {
    .brief = "Manage builds",
    .example = "shale builder du",
    .max_args = -1,
    .sub = builder_table,
};

static const struct cmd_name image_table[] = {
    {"build", NULL, CMD_OTHER, &cmd_build},
    {"diff", NULL, CMD_OTHER, &cmd_image_diff},
    {"edit", NULL, CMD_OTHER, &cmd_edit},
    {"history", NULL, CMD_OTHER, &cmd_history},
    {"import", NULL, CMD_OTHER, &cmd_import},
    {"inspect", NULL, CMD_OTHER, &cmd_image_inspect},
    {"load", NULL, CMD_OTHER, &cmd_load},
    {"ls", "list", CMD_OTHER, &cmd_images},
    {"outdated", NULL, CMD_OTHER, &cmd_outdated},
    {"pin", NULL, CMD_OTHER, &cmd_image_pin},
    {"prune", NULL, CMD_OTHER, &cmd_image_prune},
    {"pull", NULL, CMD_OTHER, &cmd_pull},
    {"push", NULL, CMD_OTHER, &cmd_push},
    {"rebase", NULL, CMD_OTHER, &cmd_rebase},
    {"rm", "remove", CMD_OTHER, &cmd_rmi},
    {"save", NULL, CMD_OTHER, &cmd_save},
    {"squash", NULL, CMD_OTHER, &cmd_squash},
    {"tag", NULL, CMD_OTHER, &cmd_tag},
    {"unpin", NULL, CMD_OTHER, &cmd_image_unpin},
    {NULL},
};
const struct cmd cmd_image = {
    .brief = "Manage images",
    .example = "shale image pull alpine\n"
               "shale image ls --tree",
    .max_args = -1,
    .sub = image_table,
};

static const struct cmd_name container_table[] = {
    {"attach", NULL, CMD_OTHER, &cmd_attach},
    {"commit", NULL, CMD_OTHER, &cmd_commit},
    {"cp", NULL, CMD_OTHER, &cmd_cp},
    {"create", NULL, CMD_OTHER, &cmd_create},
    {"diff", NULL, CMD_OTHER, &cmd_diff},
    {"exec", NULL, CMD_OTHER, &cmd_exec},
    {"export", NULL, CMD_OTHER, &cmd_export},
    {"inspect", NULL, CMD_OTHER, &cmd_container_inspect},
    {"kill", NULL, CMD_OTHER, &cmd_kill},
    {"logs", NULL, CMD_OTHER, &cmd_logs},
    {"ls", "list", CMD_OTHER, &cmd_ps},
    {"pause", NULL, CMD_OTHER, &cmd_pause},
    {"port", NULL, CMD_OTHER, &cmd_port},
    {"prune", NULL, CMD_OTHER, &cmd_container_prune},
    {"ps", NULL, CMD_HIDDEN, &cmd_ps},
    {"rename", NULL, CMD_OTHER, &cmd_rename},
    {"restart", NULL, CMD_OTHER, &cmd_restart},
    {"rm", "remove", CMD_OTHER, &cmd_rm},
    {"run", NULL, CMD_OTHER, &cmd_run},
    {"start", NULL, CMD_OTHER, &cmd_start},
    {"stats", NULL, CMD_OTHER, &cmd_stats},
    {"stop", NULL, CMD_OTHER, &cmd_stop},
    {"top", NULL, CMD_OTHER, &cmd_top},
    {"unpause", NULL, CMD_OTHER, &cmd_unpause},
    {"update", NULL, CMD_OTHER, &cmd_update},
    {"wait", NULL, CMD_OTHER, &cmd_wait},
    {NULL},
};
const struct cmd cmd_container = {
    .brief = "Manage containers",
    .example = "shale container ls --all",
    .max_args = -1,
    .sub = container_table,
};

static const struct cmd_name manifest_table[] = {
    {"annotate", NULL, CMD_OTHER, &cmd_manifest_annotate},
    {"create", NULL, CMD_OTHER, &cmd_manifest_create},
    {"inspect", NULL, CMD_OTHER, &cmd_manifest_inspect},
    {"push", NULL, CMD_OTHER, &cmd_manifest_push},
    {"rm", NULL, CMD_OTHER, &cmd_manifest_rm},
    {NULL},
};
const struct cmd cmd_manifest = {
    .brief = "Manage image manifests and manifest lists",
    .example = "shale manifest inspect alpine:3.20\n"
               "shale manifest create registry.example.com/app:1 registry.example.com/app:1-amd64 "
               "registry.example.com/app:1-arm64",
    .max_args = -1,
    .sub = manifest_table,
};

static const struct cmd_name network_table[] = {
    {"connect", NULL, CMD_OTHER, &cmd_network_connect},
    {"create", NULL, CMD_OTHER, &cmd_network_create},
    {"disconnect", NULL, CMD_OTHER, &cmd_network_disconnect},
    {"inspect", NULL, CMD_OTHER, &cmd_network_inspect},
    {"ls", "list", CMD_OTHER, &cmd_network_ls},
    {"prune", NULL, CMD_OTHER, &cmd_network_prune},
    {"rm", "remove", CMD_OTHER, &cmd_network_rm},
    {NULL},
};
const struct cmd cmd_network = {
    .brief = "Manage networks",
    .example = "shale network ls",
    .max_args = -1,
    .sub = network_table,
};

static const struct cmd_name pulls_table[] = {
    {"ls", "list", CMD_OTHER, &cmd_pulls_ls},
    {"rm", "remove", CMD_OTHER, &cmd_pulls_rm},
    {NULL},
};
const struct cmd cmd_pulls = {
    .brief = "Manage downloads in flight",
    .text =
        "What a pull had downloaded when it was interrupted is kept, and the next pull continues\n"
        "there. These commands show it and drop it.",
    .example = "shale pulls ls",
    .max_args = -1,
    .sub = pulls_table,
};

static const struct cmd_name registry_table[] = {
    {"config", NULL, CMD_OTHER, &cmd_registry_config},
    {"gc", "garbage-collect", CMD_OTHER, &cmd_registry_gc},
    {"index", NULL, CMD_OTHER, &cmd_registry_index},
    {"keygen", NULL, CMD_OTHER, &cmd_registry_keygen},
    {"serve", NULL, CMD_OTHER, &cmd_registry_serve},
    {"usage", NULL, CMD_OTHER, &cmd_registry_usage},
    {"user", NULL, CMD_OTHER, &cmd_registry_user},
    {NULL},
};
const struct cmd cmd_registry = {
    .brief = "Run a registry of your own",
    .text = "A registry keeps images for others: any client that speaks the OCI distribution API\n"
            "(docker, podman, skopeo, containerd, shale) can push to it and pull from it.",
    .max_args = -1,
    .sub = registry_table,
};

static const struct cmd_name system_table[] = {
    {"df", NULL, CMD_OTHER, &cmd_system_df},
    {"events", NULL, CMD_OTHER, &cmd_events},
    {"info", NULL, CMD_OTHER, &cmd_info},
    {"prune", NULL, CMD_OTHER, &cmd_system_prune},
    {NULL},
};
const struct cmd cmd_system = {
    .brief = "Manage shale",
    .example = "shale system info",
    .max_args = -1,
    .sub = system_table,
};

static const struct cmd_name volume_table[] = {
    {"create", NULL, CMD_OTHER, &cmd_volume_create},
    {"inspect", NULL, CMD_OTHER, &cmd_volume_inspect},
    {"ls", "list", CMD_OTHER, &cmd_volume_ls},
    {"prune", NULL, CMD_OTHER, &cmd_volume_prune},
    {"rm", "remove", CMD_OTHER, &cmd_volume_rm},
    {NULL},
};
const struct cmd cmd_volume = {
    .brief = "Manage volumes",
    .example = "shale volume ls",
    .max_args = -1,
    .sub = volume_table,
};

const struct cmd_name cmd_table[] = {
    {"run", NULL, CMD_COMMON, &cmd_run},
    {"exec", NULL, CMD_COMMON, &cmd_exec},
    {"ps", NULL, CMD_COMMON, &cmd_ps},
    {"build", NULL, CMD_COMMON, &cmd_build},
    {"pull", NULL, CMD_COMMON, &cmd_pull},
    {"push", NULL, CMD_COMMON, &cmd_push},
    {"images", NULL, CMD_COMMON, &cmd_images},
    {"login", NULL, CMD_COMMON, &cmd_login},
    {"logout", NULL, CMD_COMMON, &cmd_logout},
    {"version", NULL, CMD_COMMON, &cmd_version},
    {"search", NULL, CMD_COMMON, &cmd_search},
    {"info", NULL, CMD_COMMON, &cmd_info},
    {"builder", NULL, CMD_MANAGEMENT, &cmd_builder},
    {"container", NULL, CMD_MANAGEMENT, &cmd_container},
    {"daemon", NULL, CMD_MANAGEMENT, &cmd_daemon},
    {"image", NULL, CMD_MANAGEMENT, &cmd_image},
    {"manifest", NULL, CMD_MANAGEMENT, &cmd_manifest},
    {"network", NULL, CMD_MANAGEMENT, &cmd_network},
    {"pulls", NULL, CMD_MANAGEMENT, &cmd_pulls},
    {"registry", NULL, CMD_MANAGEMENT, &cmd_registry},
    {"system", NULL, CMD_MANAGEMENT, &cmd_system},
    {"volume", NULL, CMD_MANAGEMENT, &cmd_volume},
    {"attach", NULL, CMD_OTHER, &cmd_attach},
    {"cat", NULL, CMD_OTHER, &cmd_cat},
    {"commit", NULL, CMD_OTHER, &cmd_commit},
    {"copy", NULL, CMD_OTHER, &cmd_copy},
    {"cp", NULL, CMD_OTHER, &cmd_cp},
    {"create", NULL, CMD_OTHER, &cmd_create},
    {"delete", NULL, CMD_OTHER, &cmd_delete},
    {"diff", NULL, CMD_OTHER, &cmd_diff},
    {"digest", NULL, CMD_OTHER, &cmd_digest},
    {"edit", NULL, CMD_OTHER, &cmd_edit},
    {"events", NULL, CMD_OTHER, &cmd_events},
    {"export", NULL, CMD_OTHER, &cmd_export},
    {"find", NULL, CMD_OTHER, &cmd_find_in},
    {"fsck", NULL, CMD_OTHER, &cmd_fsck},
    {"history", NULL, CMD_OTHER, &cmd_history},
    {"import", NULL, CMD_OTHER, &cmd_import},
    {"inspect", NULL, CMD_OTHER, &cmd_inspect},
    {"kill", NULL, CMD_OTHER, &cmd_kill},
    {"load", NULL, CMD_OTHER, &cmd_load},
    {"logs", NULL, CMD_OTHER, &cmd_logs},
    {"ls", NULL, CMD_OTHER, &cmd_ls},
    {"outdated", NULL, CMD_OTHER, &cmd_outdated},
    {"pause", NULL, CMD_OTHER, &cmd_pause},
    {"port", NULL, CMD_OTHER, &cmd_port},
    {"rebase", NULL, CMD_OTHER, &cmd_rebase},
    {"rename", NULL, CMD_OTHER, &cmd_rename},
    {"restart", NULL, CMD_OTHER, &cmd_restart},
    {"rm", NULL, CMD_OTHER, &cmd_rm},
    {"rmi", NULL, CMD_OTHER, &cmd_rmi},
    {"save", NULL, CMD_OTHER, &cmd_save},
    {"squash", NULL, CMD_OTHER, &cmd_squash},
    {"start", NULL, CMD_OTHER, &cmd_start},
    {"stats", NULL, CMD_OTHER, &cmd_stats},
    {"stop", NULL, CMD_OTHER, &cmd_stop},
    {"tag", NULL, CMD_OTHER, &cmd_tag},
    {"tags", NULL, CMD_OTHER, &cmd_tags},
    {"top", NULL, CMD_OTHER, &cmd_top},
    {"tree", NULL, CMD_OTHER, &cmd_tree},
    {"unpause", NULL, CMD_OTHER, &cmd_unpause},
    {"update", NULL, CMD_OTHER, &cmd_update},
    {"wait", NULL, CMD_OTHER, &cmd_wait},
    {"__cleanup", NULL, CMD_HIDDEN, &cmd_cleanup},
    {"__completion", NULL, CMD_HIDDEN, &cmd_completion},
    {"__keep", NULL, CMD_HIDDEN, &cmd_keep},
    {"__man", NULL, CMD_HIDDEN, &cmd_man},
    {"__ports", NULL, CMD_HIDDEN, &cmd_ports},
    {"__watch", NULL, CMD_HIDDEN, &cmd_watch},
    {NULL},
};

/* clang-format on */

const struct cmd_name *cmd_find(const struct cmd_name *table, const char *name)
{
    for (const struct cmd_name *n = table; n->name; n++)
        if (streq(n->name, name) || streq(n->alias, name))
            return n;
    return NULL;
}

int cmd_each(int (*f)(void *arg, const char *path, const struct cmd_name *n), void *arg)
{
    char path[80];
    for (const struct cmd_name *n = cmd_table; n->name; n++) {
        if (n->group == CMD_HIDDEN)
            continue;
        snprintf(path, sizeof path, "shale %s", n->name);
        int r = f(arg, path, n);
        for (const struct cmd_name *s = n->cmd->sub; r == 0 && s && s->name; s++) {
            if (s->group == CMD_HIDDEN)
                continue;
            snprintf(path, sizeof path, "shale %s %s", n->name, s->name);
            r = f(arg, path, s);
        }
        if (r != 0)
            return r;
    }
    return 0;
}
