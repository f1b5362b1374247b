/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/create.h"

#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/exit.h"
#include "cli/kvfile.h"
#include "cli/mount.h"
#include "cli/netopts.h"
#include "cli/pull.h"
#include "model/blkio_value.h"
#include "model/platform.h"
#include "model/ref.h"
#include "model/run_value.h"

#define MAX_MOUNTS 10000

/* ---- options ---- */

static int check_pull(struct cli *c, const char *pull)
{
    static const char *const words[] = {"always", "missing", "never"};
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (streq(pull, words[i]))
            return 0;
    return err_set(
        &c->e, SHALE_INVALID,
        "invalid pull option: '%.100s': must be one of \"always\", \"missing\" or \"never\"", pull);
}

/* "A=1", "A"; never "" or "=1". */
static int check_names(struct cli *c, const struct strv *list, const char *option, const char *what,
                       const char *quote, const char *end)
{
    for (size_t i = 0; i < list->n; i++)
        if (list->v[i][0] == 0 || list->v[i][0] == '=')
            return cli_usage_error(c,
                                   "invalid argument \"%s\" for \"%s\" flag: invalid %s %s%s%s%s",
                                   list->v[i], option, what, quote, list->v[i], quote, end);
    return 0;
}

int create_check_env(struct cli *c, const struct strv *env)
{
    return check_names(c, env, "-e, --env", "environment variable:", "", "");
}

static int check_attach(struct cli *c, const struct create_cli *o)
{
    static const char *const names[] = {"stdin", "stdout", "stderr"};
    for (size_t i = 0; i < o->attach.n; i++) {
        bool known = false;
        for (size_t k = 0; k < ARRAY_SIZE(names); k++)
            known = known || str_ieq(o->attach.v[i], names[k]);
        if (!known)
            return cli_usage_error(
                c,
                "invalid argument \"%s\" for \"-a, --attach\" flag: valid streams are "
                "STDIN, STDOUT and STDERR",
                o->attach.v[i]);
    }
    return 0;
}

/* ---- values with a form of their own ---- */

static int check_ulimit(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct run_ulimit u;
    return run_ulimit(text, &u, e);
}
static int check_device(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct run_device d;
    return run_device(text, a, &d, e);
}
static int check_device_rule(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct run_device_rule d;
    return run_device_rule(text, &d, e);
}
static int check_link(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct run_link l;
    return run_link(text, a, &l, e);
}
static int check_weight(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct blkio_device d;
    return blkio_value(BLKIO_WEIGHTS, text, a, &d, e);
}
static int check_bps(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct blkio_device d;
    return blkio_value(BLKIO_READ_BPS, text, a, &d, e);
}
static int check_iops(const char *text, struct arena *a, char **ret, struct shale_err *e)
{
    struct blkio_device d;
    return blkio_value(BLKIO_READ_IOPS, text, a, &d, e);
}

#define O(field) offsetof(struct create_cli, field)
static const struct {
    const char *option; /* NULL: what is wrong is no error of use, as docker has it */
    size_t offset;
    int (*parse)(const char *text, struct arena *a, char **ret, struct shale_err *e);
} formed[] = {
    {"--add-host", O(add_host), run_extra_host},
    {"--dns", O(dns), run_dns},
    {"--dns-search", O(dns_search), run_dns_search},
    {"--sysctl", O(sysctl), run_sysctl},
    {"--ulimit", O(ulimit), check_ulimit},
    {NULL, O(device), check_device},
    {"--device-cgroup-rule", O(more.device_rule), check_device_rule},
    {"--link", O(more.link), check_link},
    {"--blkio-weight-device", O(more.weight_device), check_weight},
    {"--device-read-bps", O(more.read_bps), check_bps},
    {"--device-write-bps", O(more.write_bps), check_bps},
    {"--device-read-iops", O(more.read_iops), check_iops},
    {"--device-write-iops", O(more.write_iops), check_iops},
};
#undef O

static int check_formed(struct cli *c, const struct create_cli *o)
{
    for (size_t i = 0; i < ARRAY_SIZE(formed); i++) {
        const struct strv *list = (const void *)((const char *)o + formed[i].offset);
        for (size_t k = 0; k < list->n; k++) {
            struct shale_err why = SHALE_ERR_INIT;
            char *clean;
            int r = formed[i].parse(list->v[k], &c->arena, &clean, &why);
            if (r < 0 && formed[i].option)
                return cli_usage_error(c, "invalid argument \"%s\" for \"%s\" flag: %s", list->v[k],
                                       formed[i].option, why.msg);
            if (r < 0)
                return err_set(&c->e, -r, "%s", why.msg);
        }
    }
    return 0;
}

int create_check(struct cli *c, const struct create_cli *o)
{
    int r = check_attach(c, o);
    if (r == 0)
        r = create_check_env(c, &o->env);
    if (r == 0)
        r = check_names(c, &o->label, "-l, --label", "label", "'", ": empty name");
    if (r == 0)
        r = check_formed(c, o);
    if (r == 0)
        r = check_pull(c, o->pull);
    if (r == 0)
        r = netopts_check(c, o);
    if (r == 0)
        r = create_check_keep(c, o);
    if (r == 0)
        r = create_check_more(c, o);
    if (r == 0)
        r = create_check_absent(c, o);
    return r;
}

/* ---- mounts ---- */

typedef int (*mount_fn)(const char *text, struct arena *a, struct shale_mount *ret,
                        struct shale_err *e);

/* The same words a second time mean nothing, as with docker. */
static bool is_repeated(const struct strv *list, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (streq(list->v[i], list->v[at]))
            return true;
    return false;
}

/* What cannot be read is an error of use; what cannot be mounted is not. */
static int add_mounts(struct cli *c, const struct strv *list, const char *option, mount_fn parse,
                      struct shale_mount *v, size_t *n)
{
    struct shale_err why = SHALE_ERR_INIT;
    for (size_t i = 0; i < list->n; i++) {
        if (!option && is_repeated(list, i))
            continue;
        int r = parse(list->v[i], &c->arena, &v[*n], &why);
        if (r == -SHALE_INVALID && option && !str_has_prefix(why.msg, "invalid mount config"))
            return cli_usage_error(c, "invalid argument \"%s\" for \"%s\" flag: %s", list->v[i],
                                   option, why.msg);
        if (r < 0)
            return err_set(&c->e, -r, "%s", why.msg);
        (*n)++;
    }
    return 0;
}

static int take_mounts(struct cli *c, const struct create_cli *o, struct shale_create_opts *q)
{
    size_t n = o->volume.n + o->mount.n + o->tmpfs.n, done = 0;
    if (n > MAX_MOUNTS)
        return err_set(&c->e, SHALE_LIMIT, "more than %d mounts", MAX_MOUNTS);
    struct shale_mount *v = arena_array(&c->arena, n + 1, sizeof *v);
    if (!v)
        return err_nomem(&c->e);
    int r = add_mounts(c, &o->mount, "--mount", mount_parse_mount, v, &done);
    if (r == 0)
        r = add_mounts(c, &o->volume, NULL, mount_parse_volume, v, &done);
    if (r == 0)
        r = add_mounts(c, &o->tmpfs, NULL, mount_parse_tmpfs, v, &done);
    q->mounts = v;
    q->n_mounts = done;
    return r;
}

/* ---- making it ---- */

static int take_lists(struct cli *c, const struct create_cli *o, struct shale_create_opts *q)
{
    struct strv env = {0}, labels = {0};
    int before = c->fail_status;
    c->fail_status = EXIT_USAGE; /* a file that cannot be read is wrong use */
    int r = kvfile_merge(&o->env_file, &o->env, "env", &c->arena, &env, &c->e);
    if (r == 0)
        r = kvfile_merge(&o->label_file, &o->label, "label", &c->arena, &labels, &c->e);
    q->env = strv_or_null(&env);
    q->labels = strv_or_null(&labels);
    if (r == 0)
        c->fail_status = before;
    return r;
}

/* $DOCKER_DEFAULT_PLATFORM stands for --platform, as with docker. */
static const char *platform_of(const struct create_cli *o)
{
    const char *env = getenv("DOCKER_DEFAULT_PLATFORM");
    return o->platform || !env || !*env ? o->platform : env;
}

static int take_options(struct cli *c, const struct create_cli *o, int n, char **args,
                        struct shale_create_opts *ret)
{
    const char **entrypoint = arena_array(&c->arena, 2, sizeof *entrypoint);
    if (!entrypoint)
        return err_nomem(&c->e);
    entrypoint[0] = o->entrypoint;
    *ret = (struct shale_create_opts){
        .size = sizeof *ret,
        .image = args[0],
        .platform = platform_of(o),
        .name = o->name,
        .cmd = n > 1 ? (const char *const *)args + 1 : NULL,
        .entrypoint = o->entrypoint ? entrypoint : NULL,
        .user = o->user,
        .workdir = o->workdir,
        .hostname = o->hostname,
        .read_only = o->read_only,
        .tty = o->tty,
        .interactive = o->interactive,
        .auto_remove = o->auto_remove,
        .init = o->init,
        .privileged = o->privileged,
        .cap_add = strv_or_null(&o->cap_add),
        .cap_drop = strv_or_null(&o->cap_drop),
        .security_opt = strv_or_null(&o->security_opt),
        .memory_bytes = o->memory,
        .nano_cpus = o->cpus,
        .pids_limit = o->pids_limit,
        .extra_hosts = strv_or_null(&o->add_host),
        .dns = strv_or_null(&o->dns),
        .dns_options = strv_or_null(&o->dns_option),
        .dns_search = strv_or_null(&o->dns_search),
        .shm_bytes = o->shm_size,
        .ulimits = strv_or_null(&o->ulimit),
        .sysctls = strv_or_null(&o->sysctl),
        .devices = strv_or_null(&o->device),
        .group_add = strv_or_null(&o->group_add),
        .volumes_from = strv_or_null(&o->volumes_from),
        .stop_signal = o->stop_signal,
        .stop_timeout_s = o->stop_timeout,
        .runtime = o->runtime,
        .cidfile = o->cidfile,
        .detach_keys = o->detach_keys,
        .detached = o->detach,
    };
    create_take_keep(o, ret);
    int r = limits_take(c, &o->limits, &ret->more_limits);
    if (r == 0)
        r = take_lists(c, o, ret);
    if (r == 0)
        r = create_take_more(c, o, ret);
    if (r == 0)
        r = netopts_take(c, o, ret);
    return r != 0 ? r : take_mounts(c, o, ret);
}

static int pull_image(struct cli *c, const struct create_cli *o, const char *image)
{
    struct shale_pull_result *res = NULL;
    struct pull_request q = {image, o->platform, false, o->quiet, STDERR_FILENO};
    int r = cli_pull(c, &q, &res);
    shale_free(res);
    return r;
}

/* "Unable to find image 'alpine:latest' locally" */
static void say_missing(struct cli *c, const char *image)
{
    struct ref ref;
    const char *shown = image;
    if (ref_parse(image, &c->arena, &ref, NULL) == 0) {
        ref_default_tag(&ref);
        shown = ref_familiar(&ref, &c->arena);
    }
    fprintf(stderr, "Unable to find image '%s' locally\n", shown ? shown : image);
}

/* Is it the image that is not there, and not something else? */
static bool image_is_missing(struct shale *s, const char *image, const char *platform)
{
    struct shale_image_detail *detail = NULL;
    int r = shale_image_inspect(s, image, platform, &detail, NULL);
    shale_free(detail);
    return r == -SHALE_NOT_FOUND;
}

static int check_platform(struct cli *c, const char *platform)
{
    struct platform parsed;
    if (!platform || !*platform || platform_parse(platform, &c->arena, &parsed, &c->e) >= 0)
        return 0;
    return err_wrap(&c->e, -c->e.code, "error parsing specified platform");
}

int create_container(struct cli *c, const struct create_cli *o, bool starts, int n, char **args,
                     struct shale_created **ret)
{
    struct shale_create_opts q;
    struct shale *s = NULL;
    int r = take_options(c, o, n, args, &q);
    q.start_follows = starts;
    if (r == 0)
        r = check_platform(c, q.platform);
    if (r == 0 && !starts) { /* from here on it is no wrong use */
        c->fail_status = 0;
        c->plain_error = true;
    }
    if (r == 0)
        r = cli_open(c, &s);
    if (r == 0 && streq(o->pull, "always"))
        r = pull_image(c, o, args[0]);
    if (r != 0)
        return r;
    r = shale_create(s, &q, ret, &c->e);
    if (r == -SHALE_NOT_FOUND && streq(o->pull, "missing") &&
        image_is_missing(s, args[0], platform_of(o))) {
        if (!o->quiet)
            say_missing(c, args[0]);
        r = pull_image(c, o, args[0]);
        if (r == 0)
            r = shale_create(s, &q, ret, &c->e);
    }
    for (size_t i = 0; r == 0 && (*ret)->warnings && (*ret)->warnings[i]; i++)
        fprintf(stderr, "WARNING: %s\n", (*ret)->warnings[i]);
    return r;
}
