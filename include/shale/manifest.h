/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHALE_MANIFEST_H
#define SHALE_MANIFEST_H
/*
 * Manifests and lists of them as registries hold them; and lists that are put together here, of
 * images of registries or of the store, and pushed. See shale.h for the conventions.
 *
 *   r = shale_manifest_get(s, "alpine:3.20", &m, &e);
 *   fwrite(m->text, 1, m->text_n, stdout);
 *   shale_free(m);
 *
 *   r = shale_list_create(s, "reg.example.com/app:1", refs, n_refs, NULL, &list, &e);
 *   r = shale_list_annotate(s, "reg.example.com/app:1", refs[1], &platform, &e);
 *   r = shale_list_push(s, "reg.example.com/app:1", NULL, &pushed, &e);
 *
 * A list that is put together is rows of the store's database until it is removed: several
 * processes may work on one, and each call does all it says or nothing. Functions of several
 * threads and processes may run at once.
 */
#include <shale/progress.h>
#include <shale/shale.h>

#ifdef __cplusplus
extern "C" {
#endif

struct shale_manifest_entry { /* of a list; texts are "" where nothing is said */
    const char *media_type, *digest;
    uint64_t size_bytes;
    const char *os, *architecture, *variant, *os_version;
    const char *const *os_features;
    size_t n_os_features;
};
struct shale_manifest {
    const char *media_type, *digest;
    const char *text; /* as received: JSON */
    size_t text_n;
    bool is_list;
    const struct shale_manifest_entry *entries; /* of a list, in its order */
    size_t n_entries;
};
/* What a registry holds under NAME[:TAG|@DIGEST]. NOT_FOUND ("no such manifest: …"), INVALID for
 * what is no reference, UNSUPPORTED for schema 1, and the codes of remote.h. */
SHALE_API int shale_manifest_get(struct shale *s, const char *ref, struct shale_manifest **ret,
                                 struct shale_err *e);

/* ---- with the manifests that a list names; lists that are put together here ---- */
struct shale_list_member {
    const char *ref; /* canonical: "docker.io/library/app:amd64", "reg.example.com/app@sha256:…" */
    struct shale_manifest_entry entry;
    const char *text; /* the manifest, as received; "" where the registry does not have it */
    size_t text_n;
    bool local; /* an image of the store: its blobs are sent when the list is pushed */
};
struct shale_list {
    const char *name; /* canonical, with its tag */
    const struct shale_list_member *members;
    size_t n_members;
    bool is_list; /* false: the one manifest that was asked for */
};
/* What shale_manifest_get finds, with platforms, and of a list all its manifests. */
SHALE_API int shale_manifest_members(struct shale *s, const char *ref, struct shale_list **ret,
                                     struct shale_err *e);

struct shale_list_create_opts {
    size_t size;
    bool amend; /* add to the list if it is there */
};
/* Begins a list, or adds to one. Each member is looked up in its registry, and where that does not
 * have it (or does not let us see it), among the images of the store. Who is in the list already
 * with the same digest keeps the platform that it has there; with another digest it is replaced.
 * *ret is what was added. INVALID for a member that is a list, EXISTS when the list is there,
 * NOT_FOUND "no such manifest: …". All members, or nothing. */
SHALE_API int shale_list_create(struct shale *s, const char *name, const char *const *refs,
                                size_t n_refs, const struct shale_list_create_opts *o,
                                struct shale_list **ret, struct shale_err *e);

struct shale_list_annotate_opts { /* NULL and "": as it is */
    size_t size;
    const char *os, *architecture, *variant, *os_version;
    const char *const *os_features; /* to be added; NULL-terminated, or NULL */
};
/* Says for which platform a member is. INVALID for a pair of OS and architecture that docker does
 * not know. */
SHALE_API int shale_list_annotate(struct shale *s, const char *name, const char *ref,
                                  const struct shale_list_annotate_opts *o, struct shale_err *e);
/* The list, in the order in which it is pushed: by reference. With `ref`, that member only.
 * NOT_FOUND. */
SHALE_API int shale_list_get(struct shale *s, const char *name, const char *ref,
                             struct shale_list **ret, struct shale_err *e);

struct shale_list_push_opts {
    size_t size;
    bool purge; /* then remove it here */
    /* Told of each manifest that was put into the list's repository. May be NULL. */
    void (*on_pushed)(void *arg, const char *ref, const char *digest);
    void *arg;
    shale_progress_fn on_progress; /* of what is sent; may be NULL */
    void *progress_arg;
};
struct shale_list_pushed {
    const char *name, *digest;
    uint64_t size_bytes;
};
/* Puts the list into its registry under its tag, after all that its members need there: blobs of
 * other repositories of the same registry are mounted, those of other registries and of the store
 * are sent. INVALID for a member without a platform. */
SHALE_API int shale_list_push(struct shale *s, const char *name,
                              const struct shale_list_push_opts *o, struct shale_list_pushed **ret,
                              struct shale_err *e);
/* NOT_FOUND "No such manifest: …". */
SHALE_API int shale_list_remove(struct shale *s, const char *name, struct shale_err *e);

#ifdef __cplusplus
}
#endif
#endif
