/* SPDX-License-Identifier: Apache-2.0 */
#include "model/media.h"

#include <stddef.h>

#include "base/cleanup.h"
#include "base/str.h"

#define OCI_LAYER      "application/vnd.oci.image.layer.v1.tar"
#define OCI_FOREIGN    "application/vnd.oci.image.layer.nondistributable.v1.tar"
#define DOCKER_LAYER   "application/vnd.docker.image.rootfs.diff.tar"
#define DOCKER_FOREIGN "application/vnd.docker.image.rootfs.foreign.diff.tar"
#define DOCKER_SCHEMA1 "application/vnd.docker.distribution.manifest.v1"

static const struct media table[] = {
    /* type, kind, docker, codec, foreign */
    {MEDIA_OCI_INDEX, MEDIA_INDEX, false, CODEC_NONE, false},
    {MEDIA_OCI_MANIFEST, MEDIA_MANIFEST, false, CODEC_NONE, false},
    {MEDIA_OCI_CONFIG, MEDIA_CONFIG, false, CODEC_NONE, false},
    {OCI_LAYER, MEDIA_LAYER, false, CODEC_NONE, false},
    {OCI_LAYER "+gzip", MEDIA_LAYER, false, CODEC_GZIP, false},
    {OCI_LAYER "+zstd", MEDIA_LAYER, false, CODEC_ZSTD, false},
    {OCI_FOREIGN, MEDIA_LAYER, false, CODEC_NONE, true},
    {OCI_FOREIGN "+gzip", MEDIA_LAYER, false, CODEC_GZIP, true},
    {OCI_FOREIGN "+zstd", MEDIA_LAYER, false, CODEC_ZSTD, true},
    {MEDIA_DOCKER_LIST, MEDIA_INDEX, true, CODEC_NONE, false},
    {MEDIA_DOCKER_MANIFEST, MEDIA_MANIFEST, true, CODEC_NONE, false},
    {MEDIA_DOCKER_CONFIG, MEDIA_CONFIG, true, CODEC_NONE, false},
    {DOCKER_LAYER, MEDIA_LAYER, true, CODEC_NONE, false},
    {DOCKER_LAYER ".gzip", MEDIA_LAYER, true, CODEC_GZIP, false},
    {DOCKER_LAYER ".zstd", MEDIA_LAYER, true, CODEC_ZSTD, false},
    {DOCKER_FOREIGN, MEDIA_LAYER, true, CODEC_NONE, true},
    {DOCKER_FOREIGN ".gzip", MEDIA_LAYER, true, CODEC_GZIP, true},
    {DOCKER_SCHEMA1 "+json", MEDIA_SCHEMA1, true, CODEC_NONE, false},
    {DOCKER_SCHEMA1 "+prettyjws", MEDIA_SCHEMA1, true, CODEC_NONE, false},
};
static const struct media unknown = {"", MEDIA_UNKNOWN, false, CODEC_NONE, false};

/* RFC 9110: the type is compared without regard to case, parameters follow a ';'. */
static struct str essence(const char *type)
{
    struct str s = str_of(type);
    const char *semi = s.n ? memchr(s.p, ';', s.n) : NULL;
    if (semi)
        s.n = (size_t)(semi - s.p);
    return str_trim(s);
}

static bool ieq(struct str s, const char *lower)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (c != lower[i] || !c)
            return false;
    }
    return lower[s.n] == 0;
}

const struct media *media_find(const char *type)
{
    struct str s = essence(type);
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (ieq(s, table[i].type))
            return &table[i];
    return &unknown;
}

const char *media_layer_type(enum media_codec codec)
{
    static const char *const types[] = {[CODEC_NONE] = OCI_LAYER,
                                        [CODEC_GZIP] = OCI_LAYER "+gzip",
                                        [CODEC_ZSTD] = OCI_LAYER "+zstd"};

    return types[codec];
}

bool media_is_image_config(const char *type)
{
    static const char *const old[] = {"", "application/octet-stream", "application/json",
                                      "text/html"};
    struct str s = essence(type);
    for (size_t i = 0; i < ARRAY_SIZE(old); i++)
        if (ieq(s, old[i]))
            return true;
    return media_find(type)->kind == MEDIA_CONFIG;
}

const char *media_accept_manifests(void)
{
    /* The last entry lets a registry hand out what we refuse (schema 1), so that the error says so.
     */
    return MEDIA_OCI_INDEX ", " MEDIA_OCI_MANIFEST ", " MEDIA_DOCKER_LIST ", " MEDIA_DOCKER_MANIFEST
                           ", */*;q=0.1";
}
