/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_REGISTRY_H
#define SHALE_REGISTRY_H
/*
 * A registry of one's own: the OCI distribution API over a folder.
 *
 *   struct shale_registry_opts o = { .size = sizeof o };
 *   struct shale_registry *r = NULL;
 *   if (shale_registry_serve(&o, &r, &e) < 0) …        // it serves now, in threads of its own
 *   puts(shale_registry_address(r, 0));                // "http://127.0.0.1:5000"
 *   …
 *   shale_registry_stop(r);                            // running requests are finished
 *
 * The access log goes to standard output, unless the config says otherwise.
 *
 * It needs no store (struct shale): its folder is its own. Results and errors as in shale.h.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_registry;

struct shale_registry_opts {
    size_t size;
    const char *root;               /* NULL: "registry" below the store's folder */
    const char *store_root;         /* of shale_open_opts, for that; may be NULL */
    const char *const *addresses;   /* "127.0.0.1:5000", "[::1]:0", ":5000"; NULL-terminated; NULL:
                                       127.0.0.1:5000 */
    const char *tls_cert, *tls_key; /* PEM files, both or none */
    bool read_only;                 /* nothing may be pushed or deleted */
    bool no_delete;                 /* nothing may be deleted */
    bool open_to_all;               /* addresses that others can reach, without any login */
    int64_t timeout_ns; /* a client that is silent, or slow with a request, for longer is dropped;
                           0: as the config says */
    int64_t grace_ns;   /* running requests have that long at the end; 0: as the config says */
    const char *config; /* registry.conf(5), under the options above; NULL: /etc/shale/registry.conf
                           if it is there; "": none */
    /* A line of what went wrong and does not stop it (a log that cannot be written …); from any
     * thread. May be NULL. One of all registries of a process. */
    void (*on_warning)(void *arg, const char *message);
    void *arg;
    /* The same for what was done (collections), as far as the config's [log] level lets it. May be
     * NULL. */
    void (*on_info)(void *arg, const char *message);
};

/* Opens the folder (makes it) and listens. INVALID for what stands in the config ("FILE:LINE: …"),
 * addresses, certificates; SYSTEM. */
SHALE_API int shale_registry_serve(const struct shale_registry_opts *o, struct shale_registry **ret,
                                   struct shale_err *e);
/* URL of the i-th address, NULL behind the last one. Borrowed. */
SHALE_API const char *shale_registry_address(const struct shale_registry *r, size_t i);
/* Reads the config, users, keys and certificates anew and opens the log anew; nobody is dropped,
 * connections that stand keep the old certificate. On an error all stays as it was. */
SHALE_API int shale_registry_reload(struct shale_registry *r, struct shale_err *e);
/* Does it still look after its connections? */
SHALE_API bool shale_registry_alive(const struct shale_registry *r);
/* Running requests are finished, within the grace time. Accepts NULL. */
SHALE_API void shale_registry_stop(struct shale_registry *r);

/* Removes tags that the config's [retention] lets go, what no manifest needs, and on request
 * manifests without a tag. May run while servers run, in other processes too; collections of one
 * registry wait for each other. */
struct shale_registry_gc_item {
    const char *kind;       /* "tag", "manifest", "link", "blob", "upload" */
    const char *repository; /* "" for blobs and uploads */
    const char *name;       /* of the tag or upload; else the digest */
    const char *digest;     /* of tags: what it named; else "" */
    const char *why;        /* in words */
    uint64_t bytes;         /* 0 for tags */
};
struct shale_registry_gc_opts {
    size_t size;
    const char *root, *store_root; /* as above */
    int64_t grace_ns; /* what a push touched within that time stays; 0: as the config says, or 24
                         hours; negative: none */
    bool untagged;    /* manifests without tag go, unless a manifest that stays needs them */
    bool dry_run;
    /* What goes, as it goes (dry_run: would). Strings are borrowed for the call. May be NULL. */
    void (*on_remove)(void *arg, const struct shale_registry_gc_item *item);
    void *arg;
    const char *config; /* as above: its [gc], [retention] and [storage] */
};
struct shale_registry_gc_result {
    uint64_t n_manifests, n_links, n_blobs, n_uploads, n_bytes, n_tags;
};
/* Runs until it is through. DENIED, SYSTEM; what was removed before an error stays removed. */
SHALE_API int shale_registry_gc(const struct shale_registry_gc_opts *o,
                                struct shale_registry_gc_result **ret, struct shale_err *e);

/* What the repositories take. */
struct shale_registry_usage_row {
    const char *repository;
    uint64_t n_tags, n_manifests, n_blobs;
    uint64_t bytes; /* manifests and blobs, each once */
    uint64_t quota; /* of the config; 0: none */
};
struct shale_registry_usage_list {
    struct shale_registry_usage_row *rows; /* by name */
    size_t n_rows;
    uint64_t total_bytes; /* of all together: what several have counts once */
};
struct shale_registry_usage_opts {
    size_t size;
    const char *root, *store_root, *config; /* as above */
};
/* Only reads, also beside a server. NOT_FOUND, SYSTEM. */
SHALE_API int shale_registry_usage(const struct shale_registry_usage_opts *o,
                                   struct shale_registry_usage_list **ret, struct shale_err *e);

/* Looks at everything that can be searched for and was not looked at yet; a server does so by
 * itself. May run beside servers. */
struct shale_registry_index_opts {
    size_t size;
    const char *root, *store_root; /* as above */
    const char *config;            /* as of shale_registry_opts: the limits of [index] */
    bool rebuild;                  /* everything anew */
};
struct shale_registry_index_result {
    uint64_t n_images, n_layers, n_files; /* that were looked at */
    uint64_t n_failed;                    /* layers that cannot be read, of all */
};
/* NOT_FOUND, DENIED, SYSTEM; layers that cannot be read are counted, and are no error. */
SHALE_API int shale_registry_index(const struct shale_registry_index_opts *o,
                                   struct shale_registry_index_result **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
