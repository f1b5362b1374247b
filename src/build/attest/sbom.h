/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The bill of materials of a root file system: an SPDX 2.3 document (spdx.github.io/spdx-spec/v2.3)
 * of the packages that the databases of dpkg, apk and rpm name (contents/packages.h).
 *
 * The root comes from strangers: only regular files in it are read, none larger than
 * SBOM_DB_BYTES, and a database that cannot be read gives no packages. The same root gives the same
 * document. LIMIT: more than SBOM_MAX_PACKAGES.
 */
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "model/digest.h"

#define SBOM_DB_BYTES     (256u << 20)
#define SBOM_MAX_PACKAGES 100000

struct sbom_opts {
    const char *name;            /* of the image */
    const struct digest *digest; /* of its manifest */
    int64_t created_ns;
    const char *version; /* of shale */
};
/* *ret is owned. */
int sbom_make(int root_fd, const struct sbom_opts *o, json_t **ret, struct shale_err *e);
