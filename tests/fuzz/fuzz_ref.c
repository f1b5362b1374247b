/* SPDX-License-Identifier: Apache-2.0 */
/* References: what parses must survive being written and parsed again, in both forms. The first
 * line is the reference, the second (if any) a pattern that it is matched with. */
#include <stdint.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "model/ref.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct ref *r, const char *text, struct arena *a)
{
    struct ref again;

    if (!text || ref_parse(text, a, &again, NULL) < 0 || !streq(again.repo, r->repo) ||
        !streq(again.tag, r->tag) || !digest_eq(&again.digest, &r->digest))
        __builtin_trap();
}

/* docker.io/a.b/c is shown as a.b/c, which then means something else; so does docker itself. */
static bool looks_like_domain(const char *familiar)
{
    size_t n = strcspn(familiar, "/");

    return familiar[n] && (memchr(familiar, '.', n) || str_has_prefix(familiar, "localhost/"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 20);
    _cleanup_free_ char *text = mem_strndup((const char *)data, size);
    struct shale_err e = SHALE_ERR_INIT;
    struct ref r;

    if (!text)
        return 0;
    char *pattern = strchr(text, '\n');
    if (pattern)
        *pattern++ = 0;
    if (pattern && ref_glob(pattern, text, &e) < -1 && e.code != SHALE_INVALID)
        __builtin_trap();
    ref_is_id_prefix(text);
    ref_tag_valid(text);
    if (ref_parse(text, &a, &r, &e) < 0) {
        if (!e.code || !e.msg[0])
            __builtin_trap();
        return 0;
    }
    check_again(&r, ref_canonical(&r, &a), &a);
    if (!streq(r.familiar, ref_familiar_repo(r.repo)))
        __builtin_trap();
    if (!ref_is_identifier(r.familiar) &&
        (!streq(r.domain, "docker.io") || !looks_like_domain(r.familiar)))
        check_again(&r, ref_familiar(&r, &a), &a);
    if (pattern)
        ref_filter_match(pattern, &r, &e);
    ref_default_tag(&r);
    check_again(&r, ref_canonical(&r, &a), &a);
    return 0;
}
