/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_BUILD_H
#define SHALE_BUILD_H
/*
 * Images from Dockerfiles, and the cache of what their steps gave. See shale.h for the conventions.
 *
 * Errors: INVALID: the Dockerfile or an option (with file and line); NOT_FOUND: the context, a file
 * in it, an image, a stage; UNSUPPORTED; CONFLICT: a command of a RUN has failed, see
 * SHALE_BUILD_FAILED; CANCELED.
 */
#include <shale/container.h>
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

enum shale_build_event_kind {
    SHALE_BUILD_BEGUN,    /* `name` is what the step is */
    SHALE_BUILD_OUTPUT,   /* n bytes of `text`, as they come, of `stream` 1 or 2 */
    SHALE_BUILD_STATUS,   /* `text`: a line about the step */
    SHALE_BUILD_CACHED,   /* the end of a step: nothing had to be done */
    SHALE_BUILD_DONE,     /* the end of a step */
    SHALE_BUILD_FAILED,   /* the end of a step; `text` says why, `status` of a command of RUN */
    SHALE_BUILD_WARNING,  /* `text`: a line about the whole build; no step */
    SHALE_BUILD_CANCELED, /* the end of a step: it has been stopped */
    SHALE_BUILD_PLACE,    /* after an error: `text` is the place in `file`, `line`, several lines */
    SHALE_BUILD_SHELL,    /* after it: the terminal is that of the program `name` until all ends */
};
struct shale_build_event { /* borrowed for the call */
    enum shale_build_event_kind kind;
    unsigned step; /* from 1; 0: none */
    const char *name, *text;
    size_t n;
    int stream;
    int status; /* of the command; 0: it is no command that has failed */
    const char *file;
    unsigned line;
    int64_t at_ns; /* of a clock that only goes forwards */
};
/* Called by one thread at a time. */
typedef void (*shale_build_fn)(void *arg, const struct shale_build_event *ev);

struct shale_build_opts {
    size_t size;
    const char *context; /* a folder, a URL, "-" for standard input */
    const char
        *dockerfile; /* its path, from the working directory; NULL: Dockerfile of the context */
    /* Lists end with NULL and may be NULL. */
    const char *const *tags;
    const char *const *build_args; /* "NAME=value" */
    const char *const *labels;     /* "NAME=value" */
    /* "NAME=value" on the manifest, "index:NAME=value" on a list of platforms,
     * "manifest-descriptor:NAME=value" on its entries, "manifest[linux/amd64]:NAME=value" */
    const char *const *annotations;
    bool squash;          /* layers above the base image become one */
    const char *target;   /* stage; NULL: the last */
    const char *platform; /* "linux/amd64", or several with commas; NULL: this machine's */
    bool no_cache;        /* nothing is taken from the cache */
    bool pull;            /* asks registries for newer base images */
    const char *const *no_cache_stages;
    const char *const *contexts; /* "name=where" */
    const char *const *secrets;  /* "id=x,src=file" or "id=x,env=NAME" */
    const char *const *ssh;      /* "default", "id=socket" or "id=keyfile,keyfile" */
    /* The files of the target instead of an image: into a folder, which is made, or as a tar
     * ("-": to standard output); or into several. Of several platforms each has a folder there,
     * "linux_arm64". Both NULL: an image in the store (also_image). */
    const char *const *files_to, *const *tar_to;
    const char *network;      /* of RUN: "default", "none", "host"; NULL: default */
    const char *const *hosts; /* "name:address" */
    bool insecure;            /* RUN --security=insecure is allowed */
    bool host_network;        /* RUN --network=host is, also where `network` is another one */
    int64_t memory_bytes, shm_bytes;
    const char *const *ulimits;
    const char *cgroup_parent;
    /* When a step fails (the command of a RUN, COPY, ADD, WORKDIR): the stage's shell, to talk to
     * on standard input and output (INVALID if these are no terminal), in the state before the
     * step, if there are files in it. Then the build fails. */
    bool debug_on_error;
    /* After a build that made a layer: layers that only the cache has take at most so much, those
     * that were of use longest ago go first. 0: 20 GiB. Cache mounts do not count. */
    uint64_t cache_limit_bytes;
    shale_build_fn on_event;
    void *arg;
    struct shale_more_limits more_limits; /* of each RUN, beside memory_bytes */
    /* Caches elsewhere, as buildx has them: "type=registry,ref=host/name:tag",
     * "type=local,src=dir", a reference alone; to: "type=registry,ref=...,mode=max",
     * "type=local,dest=dir", "type=inline" (into the image). What they say is believed; layers are
     * verified. */
    const char *const *cache_from, *const *cache_to;
    /* What is attached to the image, as buildx has it: "type=sbom" (SPDX), "type=provenance"
     * (SLSA v1) with ",mode=max" (build arguments, too), ",builder-id=URL", ",disabled=true". The
     * name, which is needed, then stands for a list of the image and its attestation. */
    const char *const *attests;
    /* Builds it once more without any cache, and gives the names only if that gives the same
     * digest; otherwise CONFLICT, and events tell what differs. Needs SOURCE_DATE_EPOCH among the
     * build_args. */
    bool verify;
    int input_fd;    /* what "-" reads instead of standard input (0); stays open */
    bool also_image; /* with files_to, tar_to or only_cache: an image in the store, too */
    bool only_cache; /* no image: all steps are done, for the sake of the cache */
    /* Of the image's layers: "gzip", "zstd", "uncompressed"; a level of it ("1" …); NULL: as they
     * are. Those of the base image are left as they are, unless it is forced. */
    const char *compression, *compression_level;
    bool force_compression;
};
struct shale_built {
    /* sha256:… of the image; "" when it went elsewhere only. Of several platforms: of the image for
     * this machine, or else of the first. */
    const char *id;
    const char *manifest;     /* digest of its manifest, or of their list; "" likewise */
    const char *const *names; /* what it is called now, with domain and tag */
    size_t n_names;
    uint64_t n_steps, n_cached; /* that make layers */
};
/* Builds an image and gives it its names. On an error nothing has a new name; steps that succeeded
 * are kept in the cache, so that the next try continues there. */
SHALE_API int shale_build(struct shale *s, const struct shale_build_opts *o,
                          struct shale_built **ret, struct shale_err *e);

/* ---- looking for mistakes ---- */
struct shale_build_finding {
    const char *rule;        /* "JSONArgsRecommended" */
    const char *description; /* of the rule */
    const char *url;         /* docker's page about it; NULL: the rule is ours */
    const char *text;        /* what is wrong here */
    const char *place;       /* the lines around, several lines */
    unsigned line;
};
struct shale_build_findings {
    const char *file;
    const struct shale_build_finding *items; /* by line */
    size_t n_items;
};
/* What is likely to be a mistake in a Dockerfile that can be built (docker's build checks, and
 * some of ours). Of the options context, dockerfile, build_args and target count. */
SHALE_API int shale_build_check(struct shale *s, const struct shale_build_opts *o,
                                struct shale_build_findings **ret, struct shale_err *e);

/* ---- what it offers ---- */
struct shale_build_target {
    const char *name;        /* of the stage; its number where it has none */
    const char *description; /* of a comment above FROM, "NAME words"; NULL: none */
    bool has_name, is_default;
};
struct shale_build_arg {
    const char *name;
    const char *value;       /* what was given, or its default; NULL: neither */
    const char *description; /* of a comment above ARG; NULL: none */
};
struct shale_build_need { /* of RUN --mount=type=secret and ssh */
    const char *name;
    bool required;
};
struct shale_build_outline {
    const struct shale_build_target *targets; /* all stages, in order */
    size_t n_targets;
    const struct shale_build_target *target; /* the one that would be built; for it: */
    const struct shale_build_arg *args;
    size_t n_args;
    const struct shale_build_need *secrets, *ssh;
    size_t n_secrets, n_ssh;
};
/* What a Dockerfile can be asked for, and what it can be given. Of the options context, dockerfile,
 * build_args, contexts, platform and target count. */
SHALE_API int shale_build_outline(struct shale *s, const struct shale_build_opts *o,
                                  struct shale_build_outline **ret, struct shale_err *e);

/* ---- the cache ---- */
struct shale_build_record {
    const char *id;          /* of the record: hex; of a cache mount its folder's name */
    const char *type;        /* "regular", "exec.cachemount" */
    const char *description; /* "RUN make" */
    uint64_t size_bytes;     /* of the layer's content; of a cache mount: on disk */
    int64_t created_ns, used_ns;
    uint64_t n_uses;
    bool shared; /* an image has the layer, too: removing the record frees nothing */
};
struct shale_build_cache {
    const struct shale_build_record *items; /* used last first */
    size_t n_items;
    uint64_t size_bytes, reclaimable_bytes; /* each layer once; reclaimable: not shared */
};
/* All records of the cache, and what they take together. */
SHALE_API int shale_build_cache(struct shale *s, struct shale_build_cache **ret,
                                struct shale_err *e);

struct shale_build_prune_opts {
    size_t size;
    bool all;                   /* also what images have, too, and cache mounts */
    const char *const *filters; /* "until=24h", "id=…", "type=…", "description=…"; may be NULL */
    bool limit_size;            /* the longest unused go first, until at most keep_bytes are left */
    uint64_t keep_bytes;
};
struct shale_build_pruned {
    const struct shale_build_record *items;
    size_t n_items;
    uint64_t freed_bytes; /* on disk */
};
/* Removes records that all filters let go, and collects what nothing else needs. INVALID: a filter
 * that does not exist. */
SHALE_API int shale_build_prune(struct shale *s, const struct shale_build_prune_opts *o,
                                struct shale_build_pruned **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
