/* SPDX-License-Identifier: Apache-2.0 */
/* manifest create, annotate, push, rm: lists that are put together here. */
#include <shale/manifest.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/cli.h"
#include "view/progress.h"

struct list_opts {
    bool amend, insecure, purge;
    const char *arch, *os, *os_version, *variant;
    struct strv os_features;
};

#define O(field) offsetof(struct list_opts, field)

/* ---- create ---- */

static const struct opt create_opts[] = {
    {'a', "amend", OPT_BOOL, O(amend), NULL, "Amend an existing manifest list"},
    {0, "insecure", OPT_BOOL, O(insecure), NULL, "Allow communication with an insecure registry"},
    {0},
};

static int run_create(struct cli *c, const void *opts, int n, char **args)
{
    const struct list_opts *o = opts;
    struct shale_list_create_opts q = {.size = sizeof q, .amend = o->amend};
    struct shale_list *l = NULL;
    struct shale *s;

    c->insecure = o->insecure;
    int r = cli_open(c, &s);
    if (r >= 0)
        r = shale_list_create(s, args[0], (const char *const *)args + 1, (size_t)n - 1, &q, &l,
                              &c->e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < l->n_members; i++)
        if (l->members[i].local)
            fprintf(stderr, "Info: %s is not in its registry: the image of this store is taken\n",
                    l->members[i].ref);
    r = cli_printf(c, "Created manifest list %s\n", l->name);
    shale_free(l);
    return r;
}

const struct cmd cmd_manifest_create = {
    .brief = "Create a local manifest list for annotating and pushing to a registry",
    .usage = "[OPTIONS] MANIFEST_LIST MANIFEST [MANIFEST...]",
    .text =
        "The manifests are looked up in their registries, and among the images of the store\n"
        "where a registry does not have them. With --amend, a manifest that is in the list\n"
        "already is looked up again: it is replaced when its tag has moved, else it keeps what\n"
        "manifest annotate has said of it.",
    .example = "shale manifest create registry.example.com/app:1 registry.example.com/app:1-amd64 "
               "registry.example.com/app:1-arm64\n"
               "shale manifest push --purge registry.example.com/app:1",
    .opts = create_opts,
    .opts_size = sizeof(struct list_opts),
    .min_args = 2,
    .max_args = -1,
    .flags = CMD_ONLINE,
    .run = run_create,
};

/* ---- annotate ---- */

static const struct opt annotate_opts[] = {
    {0, "arch", OPT_STR, O(arch), NULL, "Set architecture"},
    {0, "os", OPT_STR, O(os), NULL, "Set operating system"},
    {0, "os-features", OPT_CSV, O(os_features), "strings", "Set operating system feature"},
    {0, "os-version", OPT_STR, O(os_version), NULL, "Set operating system version"},
    {0, "variant", OPT_STR, O(variant), NULL, "Set architecture variant"},
    {0},
};

static int run_annotate(struct cli *c, const void *opts, int n, char **args)
{
    const struct list_opts *o = opts;
    struct shale_list_annotate_opts q = {.size = sizeof q,
                                         .os = o->os,
                                         .architecture = o->arch,
                                         .variant = o->variant,
                                         .os_version = o->os_version,
                                         .os_features = (const char *const *)o->os_features.v};
    struct shale *s;
    int r = cli_open(c, &s);

    (void)n;
    return r < 0 ? r : shale_list_annotate(s, args[0], args[1], &q, &c->e);
}

const struct cmd cmd_manifest_annotate = {
    .brief = "Add additional information to a local image manifest",
    .usage = "[OPTIONS] MANIFEST_LIST MANIFEST",
    .text = "It says in the list for which platform a manifest is; the image stays as it is.",
    .example = "shale manifest annotate --arch arm --variant v7 registry.example.com/app:1 "
               "registry.example.com/app:1-armv7",
    .opts = annotate_opts,
    .opts_size = sizeof(struct list_opts),
    .min_args = 2,
    .max_args = 2,
    .run = run_annotate,
};

/* ---- push ---- */

static const struct opt push_opts[] = {
    {0, "insecure", OPT_BOOL, O(insecure), NULL, "Allow push to an insecure registry"},
    {'p', "purge", OPT_BOOL, O(purge), NULL, "Remove the local manifest list after push"},
    {0},
};

struct pushing {
    struct cli *c;
    struct progress *p; /* on a terminal: what is sent, beside what was done */
};

static void on_pushed(void *arg, const char *ref, const char *digest)
{
    const struct pushing *x = arg;
    _cleanup_(buf_clear) struct buf line = BUF_INIT(CLI_MAX_OUTPUT);
    struct shale_progress ev = {.kind = SHALE_PROGRESS_MESSAGE};

    buf_addf(&line, "Pushed ref %s with digest: %s", ref, digest);
    ev.text = buf_str(&line);
    if (x->p)
        progress_event(x->p, &ev);
    else
        (void)cli_printf(x->c, "%s\n", ev.text);
}

static int run_push(struct cli *c, const void *opts, int n, char **args)
{
    const struct list_opts *o = opts;
    struct pushing x = {.c = c};
    struct shale_list_push_opts q = {
        .size = sizeof q, .purge = o->purge, .on_pushed = on_pushed, .arg = &x};
    struct shale_list_pushed *done = NULL;
    struct shale *s;

    (void)n;
    c->insecure = o->insecure;
    int r = cli_open(c, &s);
    if (r >= 0 && cli_is_terminal())
        r = progress_new(STDOUT_FILENO, &x.p, &c->e);
    if (x.p) {
        q.on_progress = progress_event;
        q.progress_arg = x.p;
    }
    if (r >= 0)
        r = shale_list_push(s, args[0], &q, &done, &c->e);
    progress_free(x.p);
    if (r < 0)
        return r;
    r = cli_printf(c, "%s\n", done->digest);
    shale_free(done);
    return r;
}

const struct cmd cmd_manifest_push = {
    .brief = "Push a manifest list to a repository",
    .usage = "[OPTIONS] MANIFEST_LIST",
    .text = "What its manifests need in the list's repository is put there first: from other\n"
            "repositories of the registry it is mounted, from other registries and from the store\n"
            "it is sent. Then the list gets its tag, and its digest is printed.",
    .example = "shale manifest push registry.example.com/app:1",
    .opts = push_opts,
    .opts_size = sizeof(struct list_opts),
    .min_args = 1,
    .max_args = 1,
    .flags = CMD_ONLINE,
    .run = run_push,
};

/* ---- rm ---- */

static int run_rm(struct cli *c, const void *opts, int n, char **args)
{
    struct shale *s;
    int failed = 0, r = cli_open(c, &s);

    (void)opts;
    for (int i = 0; r >= 0 && i < n; i++) {
        struct shale_err e = SHALE_ERR_INIT;
        if (shale_list_remove(s, args[i], &e) < 0) {
            cli_warn_error(&e);
            failed = 1;
        }
    }
    return r < 0 ? r : failed;
}

const struct cmd cmd_manifest_rm = {
    .brief = "Delete one or more manifest lists from local storage",
    .usage = "MANIFEST_LIST [MANIFEST_LIST...]",
    .text = "What was pushed stays in the registry.",
    .example = "shale manifest rm registry.example.com/app:1",
    .min_args = 1,
    .max_args = -1,
    .run = run_rm,
};
