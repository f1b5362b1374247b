/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Media types: one table from text to what a thing is. */
#include <stdbool.h>

enum media_kind {
    MEDIA_UNKNOWN = 0,
    MEDIA_INDEX,    /* OCI index, docker manifest list */
    MEDIA_MANIFEST, /* OCI manifest, docker schema 2 */
    MEDIA_CONFIG,
    MEDIA_LAYER,
    MEDIA_SCHEMA1, /* refused */
};
enum media_codec { CODEC_NONE, CODEC_GZIP, CODEC_ZSTD, CODEC_OTHER };

struct media {
    const char *type;
    enum media_kind kind;
    bool docker;            /* docker's type, else OCI's */
    enum media_codec codec; /* layers */
    bool foreign;           /* non-distributable layer */
};

#define MEDIA_OCI_INDEX       "application/vnd.oci.image.index.v1+json"
#define MEDIA_OCI_MANIFEST    "application/vnd.oci.image.manifest.v1+json"
#define MEDIA_OCI_CONFIG      "application/vnd.oci.image.config.v1+json"
#define MEDIA_DOCKER_LIST     "application/vnd.docker.distribution.manifest.list.v2+json"
#define MEDIA_DOCKER_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define MEDIA_DOCKER_CONFIG   "application/vnd.docker.container.image.v1+json"

/* Looks a type up; parameters after ';' are ignored. Never NULL: unknown types give MEDIA_UNKNOWN.
 */
const struct media *media_find(const char *type);
/* OCI's type of a layer; codec: not CODEC_OTHER. */
const char *media_layer_type(enum media_codec codec);
/* True for image configs and for the labels that old registries put on them
 * (application/octet-stream, application/json, text/html or nothing). */
bool media_is_image_config(const char *type);
/* The Accept header value for manifests. */
const char *media_accept_manifests(void);
