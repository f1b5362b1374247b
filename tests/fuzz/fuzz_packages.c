/* SPDX-License-Identifier: Apache-2.0 */
/* Databases of packages. The first byte says which: dpkg, apk, a header of rpm, rpm's SQLite, two
 * versions. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "contents/packages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What comes out can be shown, and has a name. */
static int check(void *arg, const char *name, const char *version, const char *arch,
                 struct shale_err *e)
{
    const char *const v[] = {name, version, arch};

    (void)arg, (void)e;
    if (!*name)
        abort();
    for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
        if (strlen(v[i]) > CONTENTS_PACKAGE_BYTES || !str_is_utf8(v[i], strlen(v[i])))
            abort();
        for (const char *p = v[i]; *p; p++)
            if ((unsigned char)*p < ' ')
                abort();
    }
    return 0;
}

static void compare(char *text)
{
    char *second = strchr(text, '\n');

    if (!second)
        return;
    *second++ = 0;
    for (int db = CONTENTS_DPKG; db <= CONTENTS_RPM; db++) {
        if (packages_compare(db, text, text) != 0)
            abort();
        if (packages_compare(db, text, second) != -packages_compare(db, second, text))
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct packages_rpm_header h;

    if (size == 0)
        return 0;
    size_t n = size - 1;
    _cleanup_free_ char *p = malloc(n + 1);
    if (!p)
        return 0;
    memcpy(p, data + 1, n);
    p[n] = 0;
    switch (data[0]) {
    case 'd':
        (void)packages_dpkg(p, n, check, NULL, NULL);
        break;
    case 'a':
        (void)packages_apk(p, n, check, NULL, NULL);
        break;
    case 'h':
        if (packages_rpm_header(p, n, &h, NULL) > 0)
            check(NULL, h.name, h.version, h.arch, NULL);
        break;
    case 's':
        (void)packages_rpm(p, n, check, NULL, NULL);
        break;
    case 'v':
        compare(p);
        break;
    default:
        break;
    }
    return 0;
}
