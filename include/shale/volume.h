/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_VOLUME_H
#define SHALE_VOLUME_H
/*
 * Volumes: folders that outlive the containers they are mounted into. See shale.h for the
 * conventions. A volume is made by name, or by a container that asks for one; those without a name
 * of their own ("anonymous") are called by 64 hex digits.
 */
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_volume {
    const char *name;
    const char *mountpoint;  /* folder on this host */
    int64_t created_ns;      /* SHALE_TIME_NONE where the file system does not know */
    const char *labels_json; /* object text, "" if none */
    bool anonymous;
    uint32_t n_containers;    /* that mount it, running or not */
    const char *options_json; /* object text: what it was made with; "" if nothing */
};
struct shale_volume_list {
    const struct shale_volume *items; /* by name */
    size_t n_items;
};

struct shale_volume_create_opts {
    size_t size;
    const char *name;          /* NULL or "": an anonymous one */
    const char *const *labels; /* "k=v", "k"; NULL-terminated, may be NULL */
    /* "type=tmpfs", "device=tmpfs", "o=size=1m": what is mounted at it while containers use it, as
     * mount(8) says it; NULL-terminated, may be NULL: a folder. */
    const char *const *options;
};
/* Makes a volume; one that is there already stays as it is. INVALID: it is no name, or
 * options that are none. UNSUPPORTED: file systems of the network. */
SHALE_API int shale_volume_create(struct shale *s, const struct shale_volume_create_opts *o,
                                  struct shale_volume **ret, struct shale_err *e);

struct shale_volume_ls_opts {
    size_t size;
    const char *const *filters; /* dangling, driver, label, name; "name=value"; NULL: all */
};
/* Volumes that pass the filters: of one key any (label: all), of several keys all. */
SHALE_API int shale_volume_ls(struct shale *s, const struct shale_volume_ls_opts *o,
                              struct shale_volume_list **ret, struct shale_err *e);
/* One volume by its name. NOT_FOUND "get x: no such volume". */
SHALE_API int shale_volume_inspect(struct shale *s, const char *name, struct shale_volume **ret,
                                   struct shale_err *e);
/* Removes a volume with what is in it. IN_USE when a container, running or not, mounts it. */
SHALE_API int shale_volume_rm(struct shale *s, const char *name, struct shale_err *e);

struct shale_volume_prune_opts {
    size_t size;
    bool all;                   /* also those with names of their own */
    const char *const *filters; /* "label=…", "label!=…", "all=true"; NULL: none */
};
struct shale_volume_pruned {
    const char *const *names; /* NULL-terminated */
    size_t n_names;
    uint64_t freed_bytes;
};
/* Removes the volumes that no container mounts. */
SHALE_API int shale_volume_prune(struct shale *s, const struct shale_volume_prune_opts *o,
                                 struct shale_volume_pruned **ret, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
