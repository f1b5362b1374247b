/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Mirrors of docker.io, as `registry-mirrors` of docker's configuration names them. Pure. */
#include "base/err.h"

/* "http[s]://HOST[:PORT][/PATH]"? INVALID, in docker's words, if it is not. */
int mirror_check(const char *url, struct shale_err *e);
