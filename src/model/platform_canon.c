/* SPDX-License-Identifier: Apache-2.0 */
#include "model/platform_canon.h"

#include "base/cleanup.h"
#include "base/str.h"

static const struct {
    const char *alias, *arch;
    const char *variant; /* NULL: as given */
} arch_aliases[] = {
    {"i386", "386", ""},        {"x86_64", "amd64", NULL}, {"x86-64", "amd64", NULL},
    {"aarch64", "arm64", NULL}, {"armhf", "arm", "v7"},    {"armel", "arm", "v6"},
};

static const struct {
    const char *arch, *alias, *variant;
} variant_aliases[] = {
    {"amd64", "v1", ""},  {"arm64", "8", ""},     {"arm64", "v8", ""},     {"arm64", "v8.0", ""},
    {"arm64", "9", "v9"}, {"arm64", "9.0", "v9"}, {"arm64", "v9.0", "v9"}, {"arm", "", "v7"},
    {"arm", "5", "v5"},   {"arm", "6", "v6"},     {"arm", "7", "v7"},      {"arm", "8", "v8"},
};

const char *platform_canon_os(const char *os)
{
    if (!os || !*os)
        return "linux";
    return str_ieq(os, "macos") ? "darwin" : os;
}

struct platform_canon platform_canon(const struct platform *p)
{
    struct platform_canon c = {
        .os = platform_canon_os(p->os),
        .arch = p->arch ? p->arch : "",
        .variant = p->variant ? p->variant : "",
    };
    for (size_t i = 0; i < ARRAY_SIZE(arch_aliases); i++) {
        if (!str_ieq(c.arch, arch_aliases[i].alias))
            continue;
        c.arch = arch_aliases[i].arch;
        if (arch_aliases[i].variant)
            c.variant = arch_aliases[i].variant;
        break;
    }
    for (size_t i = 0; i < ARRAY_SIZE(variant_aliases); i++)
        if (str_ieq(c.arch, variant_aliases[i].arch) &&
            str_ieq(c.variant, variant_aliases[i].alias)) {
            c.variant = variant_aliases[i].variant;
            break;
        }
    return c;
}
