/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/archive.h>
#include <shale/build.h>
#include <shale/image.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/outfile.h"
#include "base/str.h"
#include "base/units.h"
#include "cli/build_files.h"
#include "cli/build_outputs.h"
#include "cli/cli.h"
#include "cli/limits.h"
#include "view/build.h"
#include "view/build_cache.h"
#include "view/build_outline.h"

struct build_cmd_opts {
    const char *file, *target, *network, *progress, *iidfile, *metadata_file;
    const char *cgroup_parent, *provenance, *sbom;
    struct strv tag, build_arg, label, no_cache_filter, add_host, secret, ssh, ulimit, allow;
    struct strv output, build_context, platform, annotation, cache_from, cache_to, attest;
    int64_t memory, shm_size;
    struct limits_cli limits;
    bool no_cache, pull, quiet, load, push, check, accepted, debug_on_error, squash, verify;
    const char *builder, *call, *isolation;
    struct strv security_opt;
};
static const struct build_cmd_opts preset = {
    .progress = "auto", .network = "default", .call = "build"};

#define O(field) offsetof(struct build_cmd_opts, field)
#define ACCEPTED(name)                                                                             \
    {                                                                                              \
        0, name, OPT_BOOL, O(accepted), NULL, "Accepted, does nothing", OPT_HIDDEN                 \
    }
static const struct opt opts[] = {
    {0, "add-host", OPT_LIST, O(add_host), NULL,
     "Add a custom host-to-IP mapping to steps (format: \"host:ip\")"},
    {0, "allow", OPT_CSV, O(allow), NULL,
     "Allow extra privileges (\"network.host\", \"security.insecure\")"},
    {0, "annotation", OPT_LIST, O(annotation), NULL,
     "Add an annotation to the manifest (\"name=value\"; \"index:name=value\":\nto the list of "
     "platforms)"},
    {0, "attest", OPT_LIST, O(attest), NULL,
     "Attestation parameters (\"type=sbom\", \"type=provenance,mode=max\")"},
    {0, "build-arg", OPT_LIST, O(build_arg), NULL, "Set build-time variables"},
    {0, "build-context", OPT_LIST, O(build_context), NULL,
     "Additional build contexts (\"name=path\")"},
    {0, "builder", OPT_STR, O(builder), NULL, "The builder: there is one, \"default\"", OPT_HIDDEN},
    {0, "cache-from", OPT_LIST, O(cache_from), NULL,
     "External cache sources (\"user/app:cache\", \"type=local,src=path\")"},
    {0, "cache-to", OPT_LIST, O(cache_to), NULL,
     "Cache export destinations (\"type=registry,ref=user/app:cache,mode=max\";\ntypes: registry, "
     "local, inline)"},
    {0, "call", OPT_STR, O(call), NULL,
     "Method for evaluating build: \"build\", \"check\", \"outline\",\n\"targets\"", 0, "build"},
    {0, "cgroup-parent", OPT_STR, O(cgroup_parent), NULL, "Set the parent cgroup of steps"},
    {0, "check", OPT_BOOL, O(check), NULL, "Look for mistakes in the Dockerfile, build nothing"},
    ACCEPTED("compress"),
    LIMITS_CPU(O(limits)),
    LIMITS_CPUSET(O(limits)),
    {0, "debug-on-error", OPT_BOOL, O(debug_on_error), NULL,
     "When a step fails, open a shell in the state before it"},
    ACCEPTED("disable-content-trust"),
    {'f', "file", OPT_STR, O(file), NULL, "Name of the Dockerfile", 0, "PATH/Dockerfile"},
    ACCEPTED("force-rm"),
    {0, "iidfile", OPT_STR, O(iidfile), NULL, "Write the image ID to a file"},
    {0, "isolation", OPT_STR, O(isolation), "string", "Accepted, does nothing", OPT_HIDDEN},
    {0, "label", OPT_LIST, O(label), NULL, "Set metadata for an image"},
    {0, "load", OPT_BOOL, O(load), NULL, "Put the image into the store (this is the default)",
     OPT_HIDDEN},
    {'m', "memory", OPT_BYTES, O(memory), NULL, "Memory limit of steps"},
    {0, "memory-swap", OPT_STR, L(O(limits), swap), "bytes",
     "Swap limit equal to memory plus swap: -1 to enable\nunlimited swap"},
    {0, "metadata-file", OPT_STR, O(metadata_file), NULL, "Write build result metadata to a file"},
    {0, "network", OPT_STR, O(network), NULL,
     "Networking of RUN: \"default\", \"none\" or \"host\"", 0, "default"},
    {0, "no-cache", OPT_BOOL, O(no_cache), NULL, "Do not use cache when building the image"},
    {0, "no-cache-filter", OPT_CSV, O(no_cache_filter), NULL, "Do not cache specified stages"},
    {'o', "output", OPT_LIST, O(output), NULL,
     "Output destination (\"type=local,dest=path\"; types: local, tar,\noci, docker, image, "
     "registry, "
     "cacheonly)"},
    {0, "platform", OPT_CSV, O(platform), NULL,
     "Set target platforms: os/arch[/variant]; of several, the names\nstand for a manifest list"},
    {0, "progress", OPT_STR, O(progress), NULL,
     "Type of progress output: \"auto\", \"plain\", \"tty\", \"rawjson\",\n\"quiet\" "
     "(also\n$BUILDKIT_PROGRESS)",
     0, "auto"},
    {0, "provenance", OPT_STR, O(provenance), NULL, "Shorthand for \"--attest=type=provenance\""},
    {0, "pull", OPT_BOOL, O(pull), NULL, "Always attempt to pull newer base images"},
    {0, "push", OPT_BOOL, O(push), NULL, "Push the image to the registries of its names"},
    {'q', "quiet", OPT_BOOL, O(quiet), NULL, "Suppress the build output and print image ID"},
    ACCEPTED("rm"),
    {0, "sbom", OPT_STR, O(sbom), NULL, "Shorthand for \"--attest=type=sbom\""},
    {0, "secret", OPT_LIST, O(secret), NULL,
     "Secret to expose to the build (\"id=mysecret[,src=/local/secret]\")"},
    {0, "security-opt", OPT_CSV, O(security_opt), NULL, "Accepted, does nothing", OPT_HIDDEN},
    {0, "shm-size", OPT_BYTES, O(shm_size), NULL, "Size of /dev/shm of steps"},
    {0, "squash", OPT_BOOL, O(squash), NULL, "Squash newly built layers into a single new layer"},
    {0, "ssh", OPT_LIST, O(ssh), NULL,
     "SSH agent socket or keys to expose\n(\"default|<id>[=<socket>|<key>[,<key>]]\")"},
    {'t', "tag", OPT_LIST, O(tag), NULL, "Name and optionally a tag (format: \"name:tag\")"},
    {0, "target", OPT_STR, O(target), NULL, "Set the target build stage to build"},
    {0, "ulimit", OPT_LIST, O(ulimit), NULL, "Ulimit options of steps"},
    {0, "verify", OPT_BOOL, O(verify), NULL,
     "Build once more without cache and compare (needs\nSOURCE_DATE_EPOCH)"},
    {0},
};
#undef O

static int check_builder(struct cli *c, const char *name)
{
    if (!name || !*name || streq(name, "default"))
        return 0;
    return err_set(&c->e, SHALE_NOT_FOUND,
                   "no builder \"%.64s\" found: shale builds by itself, as \"default\"", name);
}

/* docker's words for what says nothing here. */
static void warn_ignored(const struct build_cmd_opts *o)
{
    if (o->isolation && *o->isolation && !streq(o->isolation, "default"))
        fprintf(stderr, "WARNING: isolation flag is deprecated with BuildKit.\n");
    if (o->security_opt.n)
        fprintf(stderr, "WARNING: security-opt flag is deprecated. \"RUN --security=insecure\" "
                        "should be used with BuildKit.\n");
}

/* "NAME" alone is the variable of that name here; without one it is not given. That of times is
 * taken by itself, as buildx does. */
static const char *const *build_args(struct cli *c, const struct strv *given)
{
    const char **list = arena_array(&c->arena, given->n + 2, sizeof *list);
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    size_t n = 0;

    if (list && epoch && *epoch) /* one that is given stands behind it, and counts */
        list[n++] = arena_printf(&c->arena, "SOURCE_DATE_EPOCH=%s", epoch);

    for (size_t i = 0; list && i < given->n; i++) {
        const char *value = strchr(given->v[i], '=') ? given->v[i] : getenv(given->v[i]);
        if (!value)
            continue;
        list[n++] =
            value == given->v[i] ? value : arena_printf(&c->arena, "%s=%s", given->v[i], value);
    }
    return list;
}

static const char *const *list_of(struct cli *c, const struct strv *v)
{
    const char **list = arena_array(&c->arena, v->n + 1, sizeof *list);

    for (size_t i = 0; list && i < v->n; i++)
        list[i] = v->v[i];
    return list;
}

/* "true" and "false", or fields. */
static const char *attest_of(struct cli *c, const char *type, const char *value)
{
    const char *more = "";

    if (str_ieq(value, "false") || streq(value, "0"))
        more = ",disabled=true";
    else if (!str_ieq(value, "true") && !streq(value, "1"))
        more = arena_printf(&c->arena, ",%s", value);
    return more ? arena_printf(&c->arena, "type=%s%s", type, more) : NULL;
}

/* NULL: none. */
static const char *const *attests(struct cli *c, const struct build_cmd_opts *o)
{
    size_t n = o->attest.n;
    const char **list = arena_array(&c->arena, n + 3, sizeof *list);

    for (size_t i = 0; list && i < n; i++)
        list[i] = o->attest.v[i];
    if (list && o->sbom)
        list[n++] = attest_of(c, "sbom", o->sbom);
    if (list && o->provenance)
        list[n++] = attest_of(c, "provenance", o->provenance);
    return n ? list : NULL;
}

/* Of layers that only the cache has. */
static int take_cache_limit(struct cli *c, uint64_t *ret)
{
    const char *text = getenv("SHALE_BUILD_CACHE_LIMIT");
    int64_t bytes = 0;
    int r = text && *text ? units_parse_binary(text, &bytes, &c->e) : 0;

    if (r >= 0 && text && *text && bytes <= 0)
        r = err_set(&c->e, SHALE_INVALID, "it must be more than 0");
    *ret = (uint64_t)bytes;
    return r < 0 ? err_wrap(&c->e, r, "$SHALE_BUILD_CACHE_LIMIT") : 0;
}

static int take_allow(struct cli *c, const struct strv *allow, struct shale_build_opts *q)
{
    for (size_t i = 0; i < allow->n; i++) {
        if (streq(allow->v[i], "security.insecure"))
            q->insecure = true;
        else if (streq(allow->v[i], "network.host"))
            q->host_network = true;
        else
            return err_set(&c->e, SHALE_INVALID,
                           "--allow \"%.64s\": it can be security.insecure or network.host",
                           allow->v[i]);
    }
    return 0;
}

/* "a,b", however they were given. */
static const char *platforms(struct cli *c, const struct strv *given)
{
    const char *all = given->n ? given->v[0] : getenv("DOCKER_DEFAULT_PLATFORM");

    for (size_t i = 1; all && i < given->n; i++)
        all = arena_printf(&c->arena, "%s,%s", all, given->v[i]);
    return all;
}

/* ---- what is written at the end ---- */

static int write_files(struct cli *c, const struct build_cmd_opts *o, const struct shale_built *b)
{
    int r = 0;

    if (o->iidfile)
        r = outfile_put(o->iidfile, b->id, strlen(b->id), 0666, &c->e);
    if (r < 0 || !o->metadata_file)
        return r;
    const char *names = "";
    for (size_t i = 0; names && i < b->n_names; i++)
        names = arena_printf(&c->arena, "%s%s%s", names, i ? "," : "", b->names[i]);
    _cleanup_json_ json_t *doc = *b->id ? json_pack("{s:s,s:s}", "containerimage.config.digest",
                                                    b->id, "containerimage.digest", b->manifest)
                                        : json_object(); /* files only */
    if (names && *names)
        (void)json_object_set_new(doc, "image.name", json_string(names));
    _cleanup_free_ char *text = doc && names ? json_text_indented(doc) : NULL;
    return text ? outfile_put(o->metadata_file, text, strlen(text), 0644, &c->e) : err_nomem(&c->e);
}

/* That they cannot be written is better known before a build than behind it. */
static int check_files(struct cli *c, const struct build_cmd_opts *o,
                       const struct build_outputs *out, const struct shale_build_opts *q)
{
    int r = build_file_check(c, "--iidfile", o->iidfile);

    if (r >= 0)
        r = build_file_check(c, "--metadata-file", o->metadata_file);
    for (size_t i = 0; r >= 0 && i < out->n; i++) {
        const char *dest = out->v[i].dest;
        if (!dest || streq(dest, "-"))
            continue;
        r = build_output_is_folder(&out->v[i]) ? build_folder_check(c, "--output", dest)
                                               : build_file_check(c, "--output", dest);
    }
    return r;
}

static int find_mistakes(struct cli *c, struct shale_build_opts *q)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_build_findings *res = NULL;
    struct build_view *v = NULL; /* of a mistake that is an error */
    struct shale *s;
    int r = cli_open(c, &s);

    if (r == 0)
        r = build_view_new(BUILD_VIEW_QUIET, STDERR_FILENO, &v, &c->e);
    q->on_event = build_view_event;
    q->arg = v;
    if (r == 0)
        r = shale_build_check(s, q, &res, &c->e);
    if (v)
        build_view_end(v, r < 0);
    build_view_free(v);
    if (r < 0 || !res)
        return r;
    build_findings_print(res, &out);
    bool found = res->n_items > 0;
    shale_free(res);
    r = cli_print(c, &out);
    return r < 0 ? r : found;
}

static int build(struct cli *c, const struct build_cmd_opts *o, const struct build_outputs *out,
                 struct shale_build_opts *q, enum build_view_mode mode)
{
    struct shale_built *made = NULL;
    struct build_view *v = NULL;
    struct shale *s;
    int r = cli_open(c, &s);

    if (r == 0)
        r = build_view_new(mode, STDERR_FILENO, &v, &c->e);
    if (r < 0)
        return r;
    q->on_event = build_view_event;
    q->arg = v;
    r = shale_build(s, q, &made, &c->e);
    build_view_end(v, r < 0);
    if (r < 0 && build_view_status(v)) {
        c->fail_status = build_view_status(v);
        c->plain_error = true;
    }
    build_view_free(v);
    if (r >= 0 && made)
        r = build_outputs_put(c, s, out, made);
    if (r >= 0 && made)
        r = write_files(c, o, made);
    if (r >= 0 && made && o->quiet && *made->id && !build_outputs_to_stdout(out))
        r = cli_printf(c, "%s\n", made->id);
    shale_free(made);
    return r;
}

static int show_outline(struct cli *c, struct shale_build_opts *q,
                        int (*print)(const struct shale_build_outline *, struct buf *,
                                     struct shale_err *))
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_build_outline *res = NULL;
    struct shale *s;
    int r = cli_open(c, &s);

    if (r == 0)
        r = shale_build_outline(s, q, &res, &c->e);
    if (r == 0)
        r = print(res, &out, &c->e);
    shale_free(res);
    return r < 0 ? r : cli_print(c, &out);
}

static int call(struct cli *c, const struct build_cmd_opts *o, const struct build_outputs *out,
                struct shale_build_opts *q, enum build_view_mode mode)
{
    if (streq(o->call, "build"))
        return build(c, o, out, q, mode);
    if (streq(o->call, "check") || streq(o->call, "lint"))
        return find_mistakes(c, q);
    if (streq(o->call, "outline"))
        return show_outline(c, q, build_outline_print);
    if (streq(o->call, "targets"))
        return show_outline(c, q, build_targets_print);
    return err_set(&c->e, SHALE_INVALID, "--call \"%.64s\": build, check, outline or targets",
                   o->call);
}

/* $BUILDKIT_PROGRESS is what people have in their environment. */
static const char *progress_of(const struct build_cmd_opts *o)
{
    const char *env = getenv("BUILDKIT_PROGRESS");

    return streq(o->progress, preset.progress) && env && *env ? env : o->progress;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct build_cmd_opts *o = opts_;
    enum build_view_mode mode = BUILD_VIEW_AUTO;
    struct shale_build_opts q = {
        .size = sizeof q,
        .context = args[0],
        .dockerfile = o->file,
        .tags = list_of(c, &o->tag),
        .build_args = build_args(c, &o->build_arg),
        .labels = list_of(c, &o->label),
        .target = o->target,
        .platform = platforms(c, &o->platform),
        .no_cache = o->no_cache,
        .pull = o->pull,
        .no_cache_stages = list_of(c, &o->no_cache_filter),
        .secrets = list_of(c, &o->secret),
        .ssh = list_of(c, &o->ssh),
        .network = o->network,
        .hosts = list_of(c, &o->add_host),
        .memory_bytes = o->memory,
        .shm_bytes = o->shm_size,
        .ulimits = list_of(c, &o->ulimit),
        .cgroup_parent = o->cgroup_parent,
        .contexts = list_of(c, &o->build_context),
        .annotations = list_of(c, &o->annotation),
        .cache_from = list_of(c, &o->cache_from),
        .cache_to = list_of(c, &o->cache_to),
        .attests = attests(c, o),
        .squash = o->squash,
        .debug_on_error = o->debug_on_error,
        .verify = o->verify,
    };
    struct build_outputs out;
    int r = c->arena.failed ? err_nomem(&c->e) : check_builder(c, o->builder);

    (void)n;
    if (r >= 0)
        r = build_view_mode(o->quiet ? "quiet" : progress_of(o), &mode, &c->e);
    if (r >= 0)
        r = take_allow(c, &o->allow, &q);
    if (r >= 0)
        r = take_cache_limit(c, &q.cache_limit_bytes);
    if (r >= 0)
        r = build_outputs_take(c, &o->output, o->load, o->push, &out, &q);
    if (r >= 0)
        r = limits_take(c, &o->limits, &q.more_limits);
    if (r == 0)
        r = check_files(c, o, &out, &q);
    if (r != 0)
        return r;
    warn_ignored(o);
    return o->check ? find_mistakes(c, &q) : call(c, o, &out, &q, mode);
}

const struct cmd cmd_build = {
    .brief = "Build an image from a Dockerfile",
    .usage = "[OPTIONS] PATH | URL | -",
    .text =
        "The context (a folder, a tar on standard input, a URL) is what COPY and ADD see.\n"
        "What a step gave is kept: when the same step on the same files comes again, nothing is\n"
        "run, copied or mounted for it ('shale builder du', 'shale builder prune'). Layers that "
        "only\n"
        "this cache has take at most 20 GiB ($SHALE_BUILD_CACHE_LIMIT): those that were of use\n"
        "longest ago go after a build. Names move to the new image only when all has succeeded.\n"
        "\n"
        "--check tells what is likely to be a mistake and ends with 1 if there is any. With "
        "--output\n"
        "the files of the target come into a folder (type=local) or a tar (type=tar), or the "
        "image\n"
        "into an archive beside the store (type=oci or docker; with tar=false an OCI layout in a\n"
        "folder), or to a registry (type=image,name=...,push=true). compression=zstd (gzip,\n"
        "uncompressed), with compression-level=, is of the layers made here, with\n"
        "force-compression=true of all; --cache-to knows it, too.\n"
        "\n"
        "--cache-to and --cache-from put what steps gave elsewhere, and find it there: in a\n"
        "registry, a folder, or (type=inline) in the image. What such a cache says is believed "
        "for\n"
        "builds that name it; layers are verified. --sbom=true and --provenance=true attach a bill "
        "of\n"
        "materials and SLSA provenance, as BuildKit does: the name then stands for a list ('shale\n"
        "image ls --tree -a' shows it). --verify does all steps again and compares.\n"
        "\n"
        "A RUN with --network=host or --security=insecure must be allowed (--allow). Keys of "
        "--ssh\n"
        "are in an agent that ends with the build; RUN --mount=type=ssh reaches it.\n"
        "\n"
        "The exit status is that of the command that failed in a RUN; --debug-on-error opens a\n"
        "shell in the state before it, on a terminal. Progress goes to standard error; with\n"
        "--quiet standard output gets the ID of the image, unless a tar goes there.",
    .example = "shale build -t app .\n"
               "shale build -t app:debug --target debug --build-arg VERSION=1.2 .\n"
               "shale build -f docker/Dockerfile --secret id=token,src=token.txt -t app .\n"
               "shale build --output out --target artifacts .\n"
               "shale build --cache-from user/app:cache --cache-to user/app:cache -t app .\n"
               "tar c . | shale build -t app -",
    .opts = opts,
    .opts_size = sizeof(struct build_cmd_opts),
    .preset = &preset,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
