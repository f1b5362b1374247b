/* SPDX-License-Identifier: Apache-2.0 */
/* inspect, image inspect, container inspect. */
#include <shale/container.h>
#include <shale/image.h>
#include <shale/network.h>
#include <shale/volume.h>
#include <stdio.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/exit.h"
#include "view/doc.h"
#include "view/inspect.h"
#include "view/networks.h"
#include "view/volumes.h"

struct inspect_opts {
    const char *format, *type, *platform;
    bool size, verbose;
};

#define O(field) offsetof(struct inspect_opts, field)
#define FORMAT_HELP                                                                                \
    "Format output using a custom template: 'json' or a Go\ntemplate (default: indented JSON)"
static const struct opt any_opts[] = {
    {'f', "format", OPT_STR, O(format), NULL, FORMAT_HELP},
    {'s', "size", OPT_BOOL, O(size), NULL, "Display total file sizes if the type is container"},
    {0, "type", OPT_STR, O(type), NULL, "Only inspect objects of the given type"},
    {0},
};
static const struct opt image_opts[] = {
    {'f', "format", OPT_STR, O(format), NULL, FORMAT_HELP},
    {0, "platform", OPT_STR, O(platform), NULL,
     "Inspect a specific platform of the multi-platform image"},
    {0},
};
static const struct opt container_opts[] = {
    {'f', "format", OPT_STR, O(format), NULL, FORMAT_HELP},
    {'s', "size", OPT_BOOL, O(size), NULL, "Display total file sizes"},
    {0},
};

static const struct opt network_opts[] = {
    {'f', "format", OPT_STR, O(format), NULL, FORMAT_HELP},
    {'v', "verbose", OPT_BOOL, O(verbose), NULL, "Accepted, does nothing", OPT_HIDDEN},
    {0},
};
static const struct opt volume_opts[] = {
    {'f', "format", OPT_STR, O(format), NULL, FORMAT_HELP},
    {0},
};

/* ---- one object ---- */

static int add_doc(struct inspect *v, int r, json_t *doc, const struct tmpl_field *fields,
                   struct shale_err *e)
{
    if (r == 0)
        r = inspect_add(v, doc, fields, e);
    json_decref(doc);
    return r;
}

static int add_container(struct cli *c, struct shale *s, const struct inspect_opts *o,
                         const char *name, struct inspect *v)
{
    struct shale_container *res = NULL;
    json_t *doc = NULL;
    int r = shale_container_inspect(s, name, o->size, &res, &c->e);
    if (r < 0)
        return r;
    r = doc_container(res, &doc, &c->e);
    shale_free(res);
    return add_doc(v, r, doc, doc_container_fields, &c->e);
}

static int add_image(struct cli *c, struct shale *s, const struct inspect_opts *o, const char *name,
                     struct inspect *v)
{
    struct shale_image_detail *res = NULL;
    json_t *doc = NULL;
    int r = shale_image_inspect(s, name, o->platform, &res, &c->e);
    if (r < 0)
        return r;
    if (o->size)
        fprintf(stderr, "WARNING: --size ignored for image\n");
    r = doc_image(res, &doc, &c->e);
    shale_free(res);
    return add_doc(v, r, doc, doc_image_fields, &c->e);
}

static int add_volume(struct cli *c, struct shale *s, const struct inspect_opts *o,
                      const char *name, struct inspect *v)
{
    struct shale_volume *res = NULL;
    json_t *doc = NULL;
    int r = shale_volume_inspect(s, name, &res, &c->e);
    if (r < 0)
        return r;
    r = doc_volume(res, &doc, &c->e);
    shale_free(res);
    return add_doc(v, r, doc, doc_volume_fields, &c->e);
}

static int add_network(struct cli *c, struct shale *s, const struct inspect_opts *o,
                       const char *name, struct inspect *v)
{
    static const struct tmpl_field none[] = {{NULL}};
    struct shale_network *res = NULL;
    json_t *doc = NULL;
    int r = shale_network_inspect(s, name, &res, &c->e);
    if (r < 0)
        return r;
    r = doc_network(res, &doc, &c->e);
    shale_free(res);
    return add_doc(v, r, doc, none, &c->e);
}

/* As docker: container, then image, network, volume; what is not there, and no reference, moves on.
 */
static int add_any(struct cli *c, struct shale *s, const struct inspect_opts *o, const char *name,
                   struct inspect *v)
{
    int r = add_container(c, s, o, name, v);
    if (r != -SHALE_NOT_FOUND)
        return r;
    r = add_image(c, s, o, name, v);
    if (r == -SHALE_NOT_FOUND || (r == -SHALE_INVALID && strstr(c->e.msg, "reference format")))
        r = add_network(c, s, o, name, v);
    else
        return r;
    if (r == -SHALE_NOT_FOUND)
        r = add_volume(c, s, o, name, v);
    if (r == -SHALE_NOT_FOUND)
        return err_set(&c->e, SHALE_NOT_FOUND, "No such object: %.400s", name);
    return r;
}

/* ---- all of them ---- */

typedef int (*add_fn)(struct cli *c, struct shale *s, const struct inspect_opts *o,
                      const char *name, struct inspect *v);

/* What was found is printed, then the errors. */
static int inspect_all(struct cli *c, const struct inspect_opts *o, add_fn add, int n, char **args)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    _cleanup_(inspect_clear) struct inspect v = {0};
    struct shale_err *failed = arena_array(&c->arena, (size_t)n, sizeof *failed);
    struct shale *s;
    int n_failed = 0;
    if (!failed)
        return err_nomem(&c->e);
    int r = inspect_begin(&v, o->format, cli_is_terminal(), &out, &c->e);
    if (r < 0) {
        fprintf(stderr, "%s\n", c->e.msg);
        return EXIT_TEMPLATE;
    }
    r = cli_open(c, &s);
    if (r < 0)
        return r;
    for (int i = 0; i < n; i++) {
        r = add(c, s, o, args[i], &v);
        if (r == -SHALE_CANCELED)
            return r;
        if (r < 0)
            failed[n_failed++] = c->e;
    }
    r = inspect_end(&v, &c->e);
    if (r == 0)
        r = cli_print(c, &out);
    for (int i = 0; i < n_failed && r == 0; i++)
        cli_warn_error(&failed[i]);
    return r < 0 ? r : n_failed > 0;
}

static int run_any(struct cli *c, const void *opts, int n, char **args)
{
    static const char *const later[] = {"config", "node", "plugin", "secret", "service", "task"};
    const struct inspect_opts *o = opts;
    if (!o->type)
        return inspect_all(c, o, add_any, n, args);
    if (streq(o->type, "container"))
        return inspect_all(c, o, add_container, n, args);
    if (streq(o->type, "image"))
        return inspect_all(c, o, add_image, n, args);
    if (streq(o->type, "network"))
        return inspect_all(c, o, add_network, n, args);
    if (streq(o->type, "volume"))
        return inspect_all(c, o, add_volume, n, args);
    for (size_t i = 0; i < ARRAY_SIZE(later); i++)
        if (streq(o->type, later[i]))
            return err_set(&c->e, SHALE_UNSUPPORTED, "there are no objects of the type \"%s\"",
                           later[i]);
    const char *what =
        *o->type ? arena_printf(&c->arena, "unknown type: \"%.100s\"", o->type) : "type is empty";
    if (!what)
        return err_nomem(&c->e);
    return err_set(&c->e, SHALE_INVALID,
                   "%s: must be one of \"config\", \"container\", \"image\", \"network\", "
                   "\"node\", \"plugin\", \"secret\", \"service\", \"task\", \"volume\"",
                   what);
}

static int run_image(struct cli *c, const void *opts, int n, char **args)
{
    return inspect_all(c, opts, add_image, n, args);
}

static int run_container(struct cli *c, const void *opts, int n, char **args)
{
    return inspect_all(c, opts, add_container, n, args);
}

static int run_network(struct cli *c, const void *opts, int n, char **args)
{
    return inspect_all(c, opts, add_network, n, args);
}

static int run_volume(struct cli *c, const void *opts, int n, char **args)
{
    return inspect_all(c, opts, add_volume, n, args);
}

const struct cmd cmd_inspect = {
    .brief = "Return low-level information on containers and images",
    .usage = "[OPTIONS] NAME|ID [NAME|ID...]",
    .example =
        "shale inspect alpine\n"
        "shale inspect -f '{{.State.Status}} {{.State.ExitCode}}' web\n"
        "shale inspect --type image -f '{{range .RootFS.Layers}}{{println .}}{{end}}' alpine",
    .opts = any_opts,
    .opts_size = sizeof(struct inspect_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run_any,
};
const struct cmd cmd_image_inspect = {
    .brief = "Display detailed information on one or more images",
    .usage = "[OPTIONS] IMAGE [IMAGE...]",
    .example = "shale image inspect alpine\n"
               "shale image inspect -f '{{json .Config}}' alpine",
    .opts = image_opts,
    .opts_size = sizeof(struct inspect_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run_image,
};
const struct cmd cmd_container_inspect = {
    .brief = "Display detailed information on one or more containers",
    .usage = "[OPTIONS] CONTAINER [CONTAINER...]",
    .example = "shale container inspect -f '{{.State.Pid}}' web",
    .opts = container_opts,
    .opts_size = sizeof(struct inspect_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run_container,
};
const struct cmd cmd_network_inspect = {
    .brief = "Display detailed information on one or more networks",
    .usage = "[OPTIONS] NETWORK [NETWORK...]",
    .example = "shale network inspect -f '{{(index .IPAM.Config 0).Subnet}}' bridge",
    .opts = network_opts,
    .opts_size = sizeof(struct inspect_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run_network,
};
const struct cmd cmd_volume_inspect = {
    .brief = "Display detailed information on one or more volumes",
    .usage = "[OPTIONS] VOLUME [VOLUME...]",
    .example = "shale volume inspect -f '{{.Mountpoint}}' data",
    .opts = volume_opts,
    .opts_size = sizeof(struct inspect_opts),
    .min_args = 1,
    .max_args = -1,
    .run = run_volume,
};
