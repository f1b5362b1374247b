/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Linux capabilities: names, docker's default set, and what --cap-add and --cap-drop make of it. A
 * set is a bit mask by capability number. Pure, except caps_host. */
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h" /* struct strv */

#define CAPS_N 41 /* CAP_CHOWN to CAP_CHECKPOINT_RESTORE */

uint64_t caps_default(void);         /* docker's fourteen */
uint64_t caps_host(void);            /* the bounding set of this process */
const char *caps_name(unsigned cap); /* "CAP_CHOWN", NULL when out of range */
int caps_number(const char *name);   /* with or without CAP_, any case; -1: no such capability */

/* Adds and drops, "ALL" included, in docker's way: drops of single capabilities win over "ALL"
 * added, adds of single ones over "ALL" dropped. `host` bounds the result: what it lacks is left
 * out of the base and refused when asked for by name. Errors: INVALID `invalid CapAdd: unknown
 * capability: "CAP_X"`. */
int caps_tweak(uint64_t base, uint64_t host, const struct strv *add, const struct strv *drop,
               uint64_t *ret, struct shale_err *e);

/* Bits of interest elsewhere. */
#define CAP_BIT(n) (UINT64_C(1) << (n))
enum {
    CAPS_DAC_READ_SEARCH = 2,
    CAPS_SYS_MODULE = 16,
    CAPS_SYS_RAWIO = 17,
    CAPS_SYS_CHROOT = 18,
    CAPS_SYS_PTRACE = 19,
    CAPS_SYS_PACCT = 20,
    CAPS_SYS_ADMIN = 21,
    CAPS_SYS_BOOT = 22,
    CAPS_SYS_NICE = 23,
    CAPS_SYS_RESOURCE = 24,
    CAPS_SYS_TIME = 25,
    CAPS_SYS_TTY_CONFIG = 26,
    CAPS_MKNOD = 27,
    CAPS_SYSLOG = 34,
    CAPS_PERFMON = 38,
    CAPS_BPF = 39,
};
