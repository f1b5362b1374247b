/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared by the parts of container_create. */
#include "container/conf.h"
#include "container/container.h"
#include "model/config.h"

#define CREATE_LIST_MAX     65536 /* entries of any list option */
#define CREATE_MOUNTS_MAX   4096
#define CREATE_DEVICES_MAX  256
#define CREATE_WARNINGS_MAX 32

struct create {
    struct container_host *h;
    const struct shale_create_opts *o;
    const struct config *image;
    struct arena *a;
    struct conf conf; /* what is being made */
    const char *warnings[CREATE_WARNINGS_MAX + 1];
    size_t n_warnings;
    const char **from_ids; /* containers of --volumes-from, in its order */
};

int create_mounts(struct create *c, struct shale_err *e);
/* Of an image: the rest of *m (image_mount.c). */
int image_mount_take(struct create *c, const struct shale_mount *from, struct conf_mount *m,
                     struct shale_err *e);
/* --volumes-from: finds the containers, before VOLUMES_LOCK is held: one that is found dead may be
 * removed by that. Then, under it, takes their mounts where there is none yet. */
int create_find_from(struct create *c, struct shale_err *e);
int create_count_from(struct create *c, size_t *ret, struct shale_err *e); /* at most */
int create_mounts_from(struct create *c, size_t first, struct shale_err *e);
void create_drop_volumes(struct create *c); /* the anonymous ones, when it came to nothing */
/* Namespaces, before the network: the host name depends on them. */
int create_namespaces(struct create *c, struct shale_err *e);
/* The container of "container:NAME". NOT_FOUND means the image to those who create: INVALID. */
int create_joined(struct create *c, const char *name, struct meta_container *ret,
                  struct shale_err *e);
/* Is that mode "host", of it or of the one it joins in the end? */
bool create_of_host(struct create *c, const char *(*mode_of)(const struct conf *k));
int create_links(struct create *c, struct shale_err *e); /* after the network */
/* "NAME:ALIAS" of each. */
int create_link_list(struct create *c, const char *const *list, struct strv *ret,
                     struct shale_err *e);
int create_blkio(struct create *c, struct shale_err *e);
int create_network(struct create *c, const char *id, struct shale_err *e); /* and ports */
int create_limits(struct create *c, struct shale_err *e);                  /* memory, cpus, pids */
int create_security(struct create *c, struct shale_err *e); /* caps, security options, privileged */
int create_more(struct create *c, struct shale_err *e);     /* hosts, dns, shm, ulimits … */
/* NULL-terminated strings into *ret. */
int create_list(struct create *c, const char *const *list, struct strv *ret, struct shale_err *e);
/* "NAME=VALUE" strings, which are taken apart, over what *ret has already; one without '=' has ""
 * for a value, or, with `what`, is INVALID, "invalid <what>: …". */
int create_map(struct create *c, const struct strv *list, const char *what, struct strmap *ret,
               struct shale_err *e);
/* Lexically clean absolute path ("/a//b/../c" is "/a/c"); NULL: no memory. */
char *create_clean_path(struct arena *a, const char *path);
