/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What refers to an image in a registry (signatures, SBOMs, attestations), copied along: the lists
 * of distribution-spec 1.1 (referrers; for registries without that, the tag ALG-HEX that stands for
 * the list), and the tags ALG-HEX.sig, .att and .sbom of cosign.
 */
#include "image/copy.h"
#include "model/endpoint.h"

struct referrers_copy {
    struct source *from, *there; /* of remote_source_open */
    struct sink *to;             /* there */
    const struct copy_opts *o;
    struct arena *a;
    size_t n; /* what was copied or was there */
};
/* Of a manifest or index that is there, and of all that it names; of what refers to it, too. */
int referrers_copy(struct referrers_copy *x, const struct digest *subject, struct shale_err *e);
