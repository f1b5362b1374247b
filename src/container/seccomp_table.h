/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The default seccomp profile as data: everything is refused with EPERM but what these rules allow.
 * It lets through what docker's default profile lets through, so that an image behaves the same
 * here and there.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SECCOMP_AMD64 = 1 << 0,
    SECCOMP_ARM64 = 1 << 1,
    SECCOMP_ARM = 1 << 2,
    SECCOMP_X86 = 1 << 3,
    SECCOMP_PPC64LE = 1 << 4,
    SECCOMP_S390X = 1 << 5,
    SECCOMP_RISCV64 = 1 << 6,
    SECCOMP_LOONG64 = 1 << 7,
    SECCOMP_MIPS64LE = 1 << 8,
};

#define SECCOMP_KERNEL(major, minor) ((major) << 8 | (minor))

struct seccomp_rule {
    const char *names;          /* system calls, separated by a blank */
    unsigned errno_ret;         /* 0: allowed; otherwise refused with this number */
    uint64_t caps, no_caps;     /* applies with all of these capabilities; not with any of those */
    unsigned arches, no_arches; /* applies on one of these (0: all); not on those */
    unsigned min_kernel;        /* SECCOMP_KERNEL, 0: any */
    bool has_arg;
    unsigned arg_index;
    uint64_t arg_value; /* MASKED_EQ: the mask, compared with 0 */
    const char *arg_op;
};
extern const struct seccomp_rule seccomp_default_rules[];
extern const size_t seccomp_default_n_rules;

struct seccomp_arch {
    const char *machine; /* uname -m */
    const char *go;      /* as profiles name it */
    unsigned bit;
    const char *scmp[4]; /* native, then those it also runs; NULL ends */
};
extern const struct seccomp_arch seccomp_arches[];
extern const size_t seccomp_n_arches;
