/* SPDX-License-Identifier: Apache-2.0 */
/* Which platforms serve which (containerd/platforms Only and OnlyStrict): a wanted platform stands
 * for an ordered list of acceptable ones; the rank is the place in it. The list is computed, never
 * built. */
#include "model/platform_canon.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"

#define NO_MATCH (-1)

/* "v" and a number of one or two digits. */
static bool level(const char *variant, int *ret)
{
    const char *p = variant;
    if ((*p != 'v' && *p != 'V') || p[1] == '0' || !p[1] || strlen(p) > 3)
        return false;
    int n = 0;
    while (*++p) {
        if (*p < '0' || *p > '9')
            return false;
        n = 10 * n + (*p - '0');
    }
    *ret = n;
    return true;
}

static int rank_amd64(const struct platform_canon *want, const struct platform_canon *have)
{
    int w = 1, h = 1;
    bool leveled = !*want->variant || (level(want->variant, &w) && w >= 1);
    if (str_ieq(have->arch, "386"))
        return *have->variant ? NO_MATCH : leveled ? w : 1;
    if (!str_ieq(have->arch, "amd64"))
        return NO_MATCH;
    if (str_ieq(have->variant, want->variant))
        return 0;
    if (!leveled || (*have->variant && !level(have->variant, &h)) || h < 1 || h > w)
        return NO_MATCH;
    return w - h;
}

#define ARM_LEAST 5

static int rank_arm(const char *want, const struct platform_canon *have)
{
    int w, h;
    if (!str_ieq(have->arch, "arm"))
        return NO_MATCH;
    if (str_ieq(have->variant, want))
        return 0;
    if (!level(want, &w) || !level(have->variant, &h) || h < ARM_LEAST || h >= w)
        return NO_MATCH;
    return w - h;
}

/* arm64 generations: v9.N also runs what was made for v8.(N+5). */
#define ARM64_V8_LAST 9
#define ARM64_V9_LAST 7

static bool arm64_version(const char *variant, int *ret_major, int *ret_minor)
{
    const char *p = variant;
    if (!*p) {
        *ret_major = 8;
        *ret_minor = 0;
        return true;
    }
    if ((*p != 'v' && *p != 'V') || (p[1] != '8' && p[1] != '9'))
        return false;
    *ret_major = p[1] - '0';
    *ret_minor = 0;
    if (!p[2])
        return true;
    if (p[2] != '.' || p[3] < '0' || p[3] > '9' || p[4])
        return false;
    *ret_minor = p[3] - '0';
    return *ret_minor <= (*ret_major == 8 ? ARM64_V8_LAST : ARM64_V9_LAST);
}

static int rank_arm64(const struct platform_canon *want, const struct platform_canon *have)
{
    int wmajor, wminor, hmajor, hminor;
    if (!arm64_version(want->variant, &wmajor, &wminor))
        return str_ieq(have->arch, "arm64") && str_ieq(have->variant, want->variant) ? 0 : NO_MATCH;
    int v8 = wmajor == 8 ? wminor : wminor + 5;
    if (v8 > ARM64_V8_LAST)
        v8 = ARM64_V8_LAST;
    int before_v8 = wmajor == 8 ? 0 : wminor + 1;
    if (!str_ieq(have->arch, "arm64")) {
        int r = rank_arm("v8", have);
        return r < 0 ? r : before_v8 + v8 + 1 + r;
    }
    if (!arm64_version(have->variant, &hmajor, &hminor))
        return NO_MATCH;
    if (hmajor == 9)
        return wmajor == 9 && hminor <= wminor ? wminor - hminor : NO_MATCH;
    return hminor <= v8 ? before_v8 + v8 - hminor : NO_MATCH;
}

static int rank_names(const struct platform_canon *want, const struct platform_canon *have,
                      bool strict)
{
    if (!str_ieq(want->os, have->os))
        return NO_MATCH;
    if (!strict && str_ieq(want->arch, "amd64"))
        return rank_amd64(want, have);
    if (!strict && str_ieq(want->arch, "arm"))
        return rank_arm(want->variant, have);
    if (!strict && str_ieq(want->arch, "arm64"))
        return rank_arm64(want, have);
    return str_ieq(want->arch, have->arch) && str_ieq(want->variant, have->variant) ? 0 : NO_MATCH;
}

/* ---- Windows versions, "10.0.BUILD.REVISION" ---- */

enum { WIN_MAJOR, WIN_MINOR, WIN_BUILD, WIN_REVISION, _WIN_MAX };

struct winver {
    uint64_t v[_WIN_MAX];
};

/* All zero when there is no build in it: the build is what counts. */
static struct winver winver_parse(const char *s)
{
    static const uint64_t most[_WIN_MAX] = {UINT8_MAX, UINT8_MAX, UINT16_MAX, UINT32_MAX};
    struct winver w = {{0}};
    struct str rest = str_of(s), part;
    size_t n = 0;
    for (; n < _WIN_MAX && str_split(&rest, '.', &part); n++) {
        char digits[16];
        uint64_t value;
        if (part.n == 0 || part.n >= sizeof digits)
            break;
        memcpy(digits, part.p, part.n);
        digits[part.n] = 0;
        if (!str_to_u64(digits, &value) || value > most[n])
            break;
        w.v[n] = value;
    }
    return n > WIN_BUILD ? w : (struct winver){{0}};
}

/* Long-term releases since which a host also runs containers of older builds, newest first. */
static const uint64_t win_ltsc[] = {26100, 20348};
#define WIN_COMPAT_SINCE 20348u

static bool winver_runs(struct winver host, struct winver ctr)
{
    uint64_t hb = host.v[WIN_BUILD], cb = ctr.v[WIN_BUILD], oldest = WIN_COMPAT_SINCE;
    if (host.v[WIN_MAJOR] != ctr.v[WIN_MAJOR] || host.v[WIN_MINOR] != ctr.v[WIN_MINOR])
        return false;
    if (hb < WIN_COMPAT_SINCE)
        return hb == cb;
    for (size_t i = 0; i < ARRAY_SIZE(win_ltsc); i++)
        if (hb > win_ltsc[i]) {
            oldest = win_ltsc[i];
            break;
        }
    return oldest <= cb && cb <= hb;
}

static bool is_windows(const struct platform *p)
{
    return str_ieq(platform_canon_os(p->os), "windows");
}

static bool version_matches(const struct platform *want, const struct platform *have)
{
    if (!is_windows(want) || !have->os_version || !*have->os_version)
        return true;
    struct winver host = winver_parse(want->os_version ? want->os_version : "");
    if (!host.v[WIN_MAJOR] && !host.v[WIN_MINOR] && !host.v[WIN_BUILD])
        return true;
    return winver_runs(host, winver_parse(have->os_version));
}

/* Below 0: a first. */
static int prefer_version(const struct platform *want, const struct platform *a,
                          const struct platform *b)
{
    if (!is_windows(want) || !want->os_version || !*want->os_version)
        return 0;
    struct winver w = winver_parse(want->os_version);
    struct winver x = winver_parse(a->os_version ? a->os_version : "");
    struct winver y = winver_parse(b->os_version ? b->os_version : "");
    bool same_x = x.v[WIN_BUILD] == w.v[WIN_BUILD], same_y = y.v[WIN_BUILD] == w.v[WIN_BUILD];
    if (same_x != same_y)
        return same_x ? -1 : 1;
    for (size_t i = 0; i < _WIN_MAX; i++)
        if (x.v[i] != y.v[i])
            return x.v[i] > y.v[i] ? -1 : 1;
    return 0;
}

/* ---- features ---- */

static bool has_feature(const struct platform *p, const char *f)
{
    for (size_t i = 0; i < p->os_features.n; i++)
        if (streq(p->os_features.v[i], f))
            return true;
    return false;
}

/* What an image needs must be among what is wanted; win32k is on every Windows that matters. */
static bool features_match(const struct platform *want, const struct platform *have)
{
    bool windows = is_windows(want);
    for (size_t i = 0; i < have->os_features.n; i++) {
        const char *f = have->os_features.v[i];
        if (!(windows && streq(f, "win32k")) && !has_feature(want, f))
            return false;
    }
    return true;
}

int platform_rank(const struct platform *want, const struct platform *have, bool strict)
{
    struct platform_canon w = platform_canon(want), h = platform_canon(have);
    int r = rank_names(&w, &h, strict);
    if (r < 0 || !version_matches(want, have) || !features_match(want, have))
        return NO_MATCH;
    return r;
}

int platform_prefer(const struct platform *want, const struct platform *a, const struct platform *b,
                    bool strict)
{
    int ra = platform_rank(want, a, strict), rb = platform_rank(want, b, strict);
    if (ra != rb)
        return rb < 0 || (ra >= 0 && ra < rb) ? -1 : 1;
    int v = prefer_version(want, a, b);
    if (v != 0 || a->os_features.n == b->os_features.n)
        return v;
    return a->os_features.n > b->os_features.n ? -1 : 1;
}

bool platform_matches_local(const struct platform *want, const struct platform *have)
{
    if (platform_rank(want, have, false) >= 0)
        return true;
    if (have->variant && *have->variant)
        return false;
    struct platform_canon w = platform_canon(want), h = platform_canon(have);
    return str_ieq(w.os, h.os) && str_ieq(w.arch, h.arch);
}
