/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Device files of this host that a container is given. */
#include "container/spec.h"

#define DEVICES_MAX 4096

struct devices {
    struct spec_device *v;
    size_t n, cap;
};

/* All of /dev, for a privileged container; what is over DEVICES_MAX is left out. */
int devices_of_host(struct arena *a, struct devices *d, struct shale_err *e);
/* Those of --device: a file, a link to one, or a folder of them. `rules` as spec_device.access, not
 * for privileged ones. INVALID in docker's words: there is none, or it is no device. */
int devices_of_conf(const struct conf *c, struct arena *a, struct devices *d, struct shale_err *e);
