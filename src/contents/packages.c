/* SPDX-License-Identifier: Apache-2.0 */
/* Where databases are, and dpkg's and apk's: paragraphs of lines. */
#include "contents/packages.h"

#include <stdio.h>

#include "base/cleanup.h"

struct field {
    const char *name; /* with its colon */
    char value[CONTENTS_PACKAGE_BYTES + 1];
    bool bad; /* too long, or no text */
};
enum { NAME, VERSION, ARCH, STATUS, N_FIELDS };

/* Values have no control characters: they are shown. */
static void take(struct field *x, struct str line)
{
    struct str v = str_trim((struct str){line.p + strlen(x->name), line.n - strlen(x->name)});

    x->bad = v.n > CONTENTS_PACKAGE_BYTES || !str_is_utf8(v.p, v.n);
    for (size_t i = 0; i < v.n; i++)
        x->bad |= (unsigned char)v.p[i] < ' ' || v.p[i] == 0x7f;
    if (!x->bad)
        snprintf(x->value, sizeof x->value, "%.*s", (int)v.n, v.p);
}

static int end_paragraph(struct field *v, packages_fn f, void *arg, size_t *n, struct shale_err *e)
{
    int r = 0;
    const char *status = v[STATUS].value;
    bool installed = !*status || str_has_suffix(status, " installed");

    if (*v[NAME].value && installed && !v[NAME].bad && !v[VERSION].bad && !v[ARCH].bad) {
        if (++*n > PACKAGES_MAX)
            return err_set(e, SHALE_LIMIT, "more than %d packages", PACKAGES_MAX);
        r = f(arg, v[NAME].value, v[VERSION].value, v[ARCH].value, e);
    }
    for (size_t i = 0; i < N_FIELDS; i++) {
        v[i].value[0] = 0;
        v[i].bad = false;
    }
    return r;
}

static int paragraphs(struct str text, struct field *v, packages_fn f, void *arg,
                      struct shale_err *e)
{
    struct str line;
    size_t count = 0;
    int r = 0;

    while (r >= 0 && str_split(&text, '\n', &line)) {
        if (line.n == 0) {
            r = end_paragraph(v, f, arg, &count, e);
            continue;
        }
        for (size_t i = 0; i < N_FIELDS; i++)
            if (v[i].name && line.n >= strlen(v[i].name) &&
                memcmp(line.p, v[i].name, strlen(v[i].name)) == 0)
                take(&v[i], line);
    }
    return r < 0 ? r : end_paragraph(v, f, arg, &count, e);
}

int packages_dpkg(const char *p, size_t n, packages_fn f, void *arg, struct shale_err *e)
{
    struct field v[N_FIELDS] = {
        [NAME] = {.name = "Package:"},
        [VERSION] = {.name = "Version:"},
        [ARCH] = {.name = "Architecture:"},
        [STATUS] = {.name = "Status:"},
    };

    return paragraphs((struct str){p, n}, v, f, arg, e);
}

int packages_apk(const char *p, size_t n, packages_fn f, void *arg, struct shale_err *e)
{
    struct field v[N_FIELDS] = {
        [NAME] = {.name = "P:"},
        [VERSION] = {.name = "V:"},
        [ARCH] = {.name = "A:"},
    };

    return paragraphs((struct str){p, n}, v, f, arg, e);
}

/* ---- all of them ---- */

const struct packages_file packages_files[PACKAGES_N_FILES] = {
    {"var/lib/dpkg/status", CONTENTS_DPKG},     {"var/lib/dpkg/status.d/", CONTENTS_DPKG},
    {"lib/apk/db/installed", CONTENTS_APK},     {"usr/lib/apk/db/installed", CONTENTS_APK},
    {"var/lib/rpm/rpmdb.sqlite", CONTENTS_RPM}, {"usr/lib/sysimage/rpm/rpmdb.sqlite", CONTENTS_RPM},
};

int packages_read(enum contents_db db, struct buf *b, packages_fn f, void *arg, struct shale_err *e)
{
    switch (db) {
    case CONTENTS_DPKG:
        return packages_dpkg(buf_str(b), b->n, f, arg, e);
    case CONTENTS_APK:
        return packages_apk(buf_str(b), b->n, f, arg, e);
    default:
        return packages_rpm(b->p, b->n, f, arg, e);
    }
}
