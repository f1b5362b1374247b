/* SPDX-License-Identifier: Apache-2.0 */
#include "model/platform.h"

#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__arm__)
#include <sys/utsname.h>
#endif

#include "base/cleanup.h"

#if defined(__x86_64__)
#define ARCH "amd64"
#elif defined(__i386__)
#define ARCH "386"
#elif defined(__aarch64__)
#define ARCH "arm64"
#elif defined(__arm__)
#define ARCH "arm"
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH "ppc64le"
#elif defined(__powerpc64__)
#define ARCH "ppc64"
#elif defined(__s390x__)
#define ARCH "s390x"
#elif defined(__riscv) && __riscv_xlen == 64
#define ARCH "riscv64"
#elif defined(__loongarch_lp64)
#define ARCH "loong64"
#elif defined(__mips64) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define ARCH "mips64le"
#else
#error "this processor has no name in the OCI image specification's list yet"
#endif

#if defined(__x86_64__)
enum { L1_ECX, L7_EBX, X1_ECX, XCR0, _WORD_MAX };

#define BIT(n) (1u << (n))

/* x86-64 psABI, table 3.1: what each level adds. XCR0 says which registers the kernel saves. */
static const struct {
    const char *name;
    unsigned need[_WORD_MAX];
} levels[] = {
    {"v2",
     {[L1_ECX] = BIT(0) | BIT(9) | BIT(13) | BIT(19) | BIT(20) | BIT(23), /* SSE3 … POPCNT */
      [X1_ECX] = BIT(0)}},                                                /* LAHF */
    {"v3",
     {[L1_ECX] = BIT(12) | BIT(22) | BIT(27) | BIT(28) | BIT(29), /* FMA MOVBE OSXSAVE AVX F16C */
      [L7_EBX] = BIT(3) | BIT(5) | BIT(8),                        /* BMI1 AVX2 BMI2 */
      [X1_ECX] = BIT(5),                                          /* LZCNT */
      [XCR0] = BIT(1) | BIT(2)}},
    {"v4",
     {[L7_EBX] = BIT(16) | BIT(17) | BIT(28) | BIT(30) | BIT(31), /* AVX512 F DQ CD BW VL */
      [XCR0] = BIT(5) | BIT(6) | BIT(7)}},
};

static const char *host_variant(void)
{
    unsigned have[_WORD_MAX] = {0}, a, b, c, d;
    if (__get_cpuid(1, &a, &b, &c, &d))
        have[L1_ECX] = c;
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d))
        have[L7_EBX] = b;
    if (__get_cpuid(0x80000001, &a, &b, &c, &d))
        have[X1_ECX] = c;
    if (have[L1_ECX] & BIT(27)) { /* OSXSAVE: xgetbv may be used */
        __asm__ volatile("xgetbv" : "=a"(a), "=d"(d) : "c"(0));
        have[XCR0] = a;
    }
    const char *best = NULL;
    for (size_t i = 0; i < ARRAY_SIZE(levels); i++) {
        for (size_t w = 0; w < _WORD_MAX; w++)
            if ((have[w] & levels[i].need[w]) != levels[i].need[w])
                return best;
        best = levels[i].name;
    }
    return best;
}
#elif defined(__arm__)
static const char *host_variant(void)
{
    static const char *const names[] = {"v5", "v6", "v7", "v8"};
    struct utsname u;
    if (uname(&u) == 0) {
        if (strcmp(u.machine, "aarch64") == 0)
            return "v8";
        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
            if (strncmp(u.machine, "arm", 3) == 0 && strncmp(u.machine + 3, names[i], 2) == 0)
                return names[i];
    }
    return "v7";
}
#else
static const char *host_variant(void)
{
    return NULL;
}
#endif

struct platform platform_host(void)
{
    return (struct platform){.os = "linux", .arch = ARCH, .variant = host_variant()};
}
