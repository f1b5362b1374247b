/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Shared by the parts of spec. All return new references, NULL when something failed. */
#include "container/spec.h"

json_t *spec_mounts(const struct spec_in *in);
json_t *spec_devices(const struct spec_in *in);   /* "linux.devices" */
json_t *spec_resources(const struct spec_in *in); /* "linux.resources" */
