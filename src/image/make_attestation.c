/* SPDX-License-Identifier: Apache-2.0 */
/* What is said of an image that was made here, in BuildKit's form: statements (in-toto) as the
 * layers of a manifest, which stands beside the image in a list. */
#include "base/cleanup.h"
#include "image/make.h"
#include "model/media.h"

#define STATEMENT_TYPE "application/vnd.in-toto+json"
#define PREDICATE      "in-toto.io/predicate-type"

static json_t *describe(const struct descriptor *d, const char *predicate)
{
    json_t *o = json_pack("{s:s,s:s,s:I}", "mediaType", d->media_type, "digest", d->digest.s,
                          "size", (json_int_t)d->size_bytes);

    if (o && predicate &&
        json_object_set_new(o, "annotations", json_pack("{s:s}", PREDICATE, predicate)) < 0) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static int put_statements(struct store *s, struct store_lease *lease,
                          const struct image_statement *v, size_t n, json_t *layers,
                          json_t *diff_ids, struct shale_err *e)
{
    int r = layers && diff_ids ? 0 : err_nomem(e);

    for (size_t i = 0; r >= 0 && i < n; i++) {
        struct descriptor d;
        r = image_put_document(s, lease, STATEMENT_TYPE, v[i].doc, &d, e);
        if (r >= 0 && (json_array_append_new(layers, describe(&d, v[i].predicate)) < 0 ||
                       json_array_append_new(diff_ids, json_string(d.digest.s)) < 0))
            r = err_nomem(e);
    }
    return r;
}

int image_make_attestation(struct store *s, struct store_lease *lease, const struct digest *about,
                           const struct image_statement *v, size_t n, struct image_entry *ret,
                           struct shale_err *e)
{
    _cleanup_json_ json_t *layers = json_array(), *diff_ids = json_array(), *config = NULL;
    _cleanup_json_ json_t *manifest = NULL;
    struct descriptor c, m;
    int r = put_statements(s, lease, v, n, layers, diff_ids, e);

    if (r >= 0)
        config = json_pack("{s:s,s:s,s:{},s:{s:s,s:O}}", "architecture", "unknown", "os", "unknown",
                           "config", "rootfs", "type", "layers", "diff_ids", diff_ids);
    if (r >= 0)
        r = config ? image_put_document(s, lease, MEDIA_OCI_CONFIG, config, &c, e) : err_nomem(e);
    if (r >= 0)
        manifest = json_pack("{s:i,s:s,s:o,s:O}", "schemaVersion", 2, "mediaType",
                             MEDIA_OCI_MANIFEST, "config", describe(&c, NULL), "layers", layers);
    if (r >= 0)
        r = manifest ? image_put_document(s, lease, MEDIA_OCI_MANIFEST, manifest, &m, e)
                     : err_nomem(e);
    if (r < 0)
        return r;
    *ret = (struct image_entry){
        .made = {.manifest = m.digest, .manifest_bytes = m.size_bytes},
        .platform = {.os = "unknown", .arch = "unknown"},
        .annotations = json_pack("{s:s,s:s}", "vnd.docker.reference.digest", about->s,
                                 "vnd.docker.reference.type", "attestation-manifest"),
    };
    return ret->annotations ? 0 : err_nomem(e);
}
