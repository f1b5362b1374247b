/* SPDX-License-Identifier: Apache-2.0 */
#include "build/attest/sbom.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/str.h"
#include "base/time.h"
#include "build/attest/attest.h"
#include "contents/packages.h"

#define ARENA_BYTES   (256ull << 20)
#define RELEASE_BYTES (64u << 10)
#define NONE          "NOASSERTION"
#define ROOT_ID       "SPDXRef-image"

struct package {
    enum contents_db db;
    const char *name, *version, *arch;
};
struct sbom {
    int root;
    struct arena a;
    struct package *v;
    size_t n, cap;
    enum contents_db db;      /* that is being read */
    const char *file;         /* of it, relative to the root */
    char id[64], release[64]; /* of /etc/os-release */
};

/* ---- databases ---- */

static int on_package(void *arg, const char *name, const char *version, const char *arch,
                      struct shale_err *e)
{
    struct sbom *s = arg;
    struct package *v = arena_grow(&s->a, s->v, s->n, &s->cap, sizeof *v);

    if (s->n >= SBOM_MAX_PACKAGES)
        return err_set(e, SHALE_LIMIT, "more than %d packages", SBOM_MAX_PACKAGES);
    if (!v)
        return err_nomem(e);
    s->v = v;
    v += s->n++;
    *v = (struct package){s->db, arena_strdup(&s->a, name), arena_strdup(&s->a, version),
                          arena_strdup(&s->a, arch)};
    return v->name && v->version && v->arch ? 0 : err_nomem(e);
}

/* What a stranger has put where a database should be is passed over. */
static int read_db(struct sbom *s, const char *path, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(SBOM_DB_BYTES);
    struct shale_err why = SHALE_ERR_INIT;
    size_t n = s->n;
    int r = inroot_read(s->root, path, &b, &why);

    if (r == -SHALE_NO_MEMORY)
        return err_nomem(e);
    if (r < 0)
        return 0;
    r = packages_read(s->db, &b, on_package, s, &why);
    if (r == -SHALE_CORRUPT || (r == -SHALE_LIMIT && s->n < SBOM_MAX_PACKAGES)) {
        s->n = n;
        return 0;
    }
    return r < 0 ? err_set(e, why.code, "%s", why.msg) : 0;
}

static int on_file(void *arg, const char *name, unsigned char d_type)
{
    struct sbom *s = arg;
    char path[PATH_MAX];

    if (d_type != DT_REG || str_has_suffix(name, ".md5sums"))
        return 0;
    (void)snprintf(path, sizeof path, "%s%s", s->file, name);
    int r = read_db(s, path, NULL);
    return r < 0 ? r : 0;
}

static int read_folder(struct sbom *s, struct shale_err *e)
{
    _cleanup_close_ int fd = inroot_open(s->root, s->file, O_RDONLY | O_DIRECTORY, NULL);
    int r = fd < 0 ? 0 : fs_each(fd, ".", on_file, s, e);

    return r == -SHALE_LIMIT ? err_set(e, SHALE_LIMIT, "more than %d packages", SBOM_MAX_PACKAGES)
                             : (r == -SHALE_NO_MEMORY ? err_nomem(e) : 0);
}

static int by_name(const void *a_, const void *b_)
{
    const struct package *a = a_, *b = b_;
    int r = a->db != b->db ? (a->db < b->db ? -1 : 1) : strcmp(a->name, b->name);

    if (r == 0)
        r = strcmp(a->version, b->version);
    return r ? r : strcmp(a->arch, b->arch);
}

/* lib/ and usr/lib/ may be one folder: each package once. */
static int read_all(struct sbom *s, struct shale_err *e)
{
    size_t kept = 0;
    int r = 0;

    for (size_t i = 0; r >= 0 && i < PACKAGES_N_FILES; i++) {
        s->db = packages_files[i].db;
        s->file = packages_files[i].path;
        r = str_has_suffix(s->file, "/") ? read_folder(s, e) : read_db(s, s->file, e);
    }
    if (r < 0)
        return r;
    if (s->n)
        qsort(s->v, s->n, sizeof *s->v, by_name);
    for (size_t i = 0; i < s->n; i++)
        if (i == 0 || by_name(&s->v[i], &s->v[kept - 1]) != 0)
            s->v[kept++] = s->v[i];
    s->n = kept;
    return 0;
}

/* ---- the distribution ---- */

static void take_value(struct str line, const char *key, char ret[64])
{
    size_t n = strlen(key);

    if (line.n <= n || memcmp(line.p, key, n) != 0 || line.p[n] != '=')
        return;
    struct str v = {line.p + n + 1, line.n - n - 1};
    if (v.n >= 2 && (*v.p == '"' || *v.p == '\'') && v.p[v.n - 1] == *v.p)
        v = (struct str){v.p + 1, v.n - 2};
    if (v.n < 64 && str_is_utf8(v.p, v.n))
        (void)snprintf(ret, 64, "%.*s", (int)v.n, v.p);
}

static void read_release(struct sbom *s)
{
    static const char *const files[] = {"etc/os-release", "usr/lib/os-release"};
    _cleanup_(buf_clear) struct buf b = BUF_INIT(RELEASE_BYTES);
    int r = -1;

    for (size_t i = 0; r < 0 && i < ARRAY_SIZE(files); i++) {
        buf_reset(&b);
        r = inroot_read(s->root, files[i], &b, NULL);
    }
    struct str rest = {buf_str(&b), r < 0 ? 0 : b.n}, line;
    while (str_split(&rest, '\n', &line)) {
        take_value(line, "ID", s->id);
        take_value(line, "VERSION_ID", s->release);
    }
}

/* ---- the document ---- */

/* "pkg:deb/debian/bash@5.2?arch=amd64&distro=debian-12" (package-url, purl-spec) */
static const char *purl(struct sbom *s, const struct package *p)
{
    static const struct {
        const char *type, *distribution;
    } of[] = {[CONTENTS_DPKG] = {"deb", "debian"},
              [CONTENTS_APK] = {"apk", "alpine"},
              [CONTENTS_RPM] = {"rpm", ""}};
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4096);
    const char *id = s->id[0] ? s->id : of[p->db].distribution, *sep = "?";

    buf_addf(&b, "pkg:%s/", of[p->db].type);
    attest_escape(&b, id, false);
    buf_adds(&b, *id ? "/" : "");
    attest_escape(&b, p->name, false);
    buf_addc(&b, '@');
    attest_escape(&b, p->version, false);
    if (*p->arch) {
        buf_addf(&b, "%sarch=", sep);
        attest_escape(&b, p->arch, false);
        sep = "&";
    }
    if (s->id[0]) {
        buf_addf(&b, "%sdistro=", sep);
        attest_escape(&b, s->id, false);
        buf_adds(&b, s->release[0] ? "-" : "");
        attest_escape(&b, s->release, false);
    }
    return buf_check(&b, NULL) < 0 ? NULL : arena_strdup(&s->a, buf_str(&b));
}

/* Letters, digits, '.' and '-' only (SPDX 2.3, 3.2); the number makes it one of its own. */
static const char *id_of(struct sbom *s, size_t i)
{
    char *id = arena_printf(&s->a, "SPDXRef-package-%zu-%s", i + 1, s->v[i].name);

    for (char *p = id; p && *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') ||
              *p == '.' || *p == '-'))
            *p = '-';
    return id;
}

static json_t *element(const char *id, const char *name, const char *version, const char *purpose,
                       json_t *refs)
{
    json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:b,s:s,s:s,s:s}", "SPDXID", id, "name", name,
                          "versionInfo", version, "downloadLocation", NONE, "filesAnalyzed", 0,
                          "licenseConcluded", NONE, "licenseDeclared", NONE, "copyrightText", NONE);

    if (o && purpose && json_object_set_new(o, "primaryPackagePurpose", json_string(purpose)) < 0) {
        json_decref(o);
        o = NULL;
    }
    if (o && refs && json_object_set(o, "externalRefs", refs) == 0) {
        json_decref(refs);
        return o;
    }
    json_decref(refs);
    return refs ? (json_decref(o), NULL) : o;
}

static json_t *related(const char *from, const char *how, const char *to)
{
    return json_pack("{s:s,s:s,s:s}", "spdxElementId", from, "relationshipType", how,
                     "relatedSpdxElement", to);
}

static int add_packages(struct sbom *s, json_t *packages, json_t *relations, struct shale_err *e)
{
    for (size_t i = 0; i < s->n; i++) {
        const struct package *p = &s->v[i];
        const char *id = id_of(s, i), *locator = purl(s, p);
        json_t *refs = json_pack("[{s:s,s:s,s:s}]", "referenceCategory", "PACKAGE-MANAGER",
                                 "referenceType", "purl", "referenceLocator", locator);
        if (!id || !locator || !refs) {
            json_decref(refs);
            return err_nomem(e);
        }
        if (json_array_append_new(packages, element(id, p->name, p->version, NULL, refs)) < 0 ||
            json_array_append_new(relations, related(ROOT_ID, "CONTAINS", id)) < 0)
            return err_nomem(e);
    }
    return 0;
}

static int put_document(struct sbom *s, const struct sbom_opts *o, json_t **ret,
                        struct shale_err *e)
{
    _cleanup_json_ json_t *packages = json_array(), *relations = json_array();
    const char *space =
        arena_printf(&s->a, "https://spdx.org/spdxdocs/shale-%s", digest_hex(o->digest));
    const char *tool = arena_printf(&s->a, "Tool: shale-%s", o->version);
    char at[40];

    /* SPDX knows seconds only. */
    (void)time_format_rfc3339nano(o->created_ns / NS_PER_S * NS_PER_S, at);
    if (!packages || !relations || !space || !tool ||
        json_array_append_new(packages,
                              element(ROOT_ID, o->name, o->digest->s, "CONTAINER", NULL)) < 0 ||
        json_array_append_new(relations, related("SPDXRef-DOCUMENT", "DESCRIBES", ROOT_ID)) < 0)
        return err_nomem(e);
    int r = add_packages(s, packages, relations, e);
    if (r < 0)
        return r;
    *ret = json_pack("{s:s,s:s,s:s,s:s,s:s,s:{s:s,s:[s]},s:O,s:O}", "spdxVersion", "SPDX-2.3",
                     "dataLicense", "CC0-1.0", "SPDXID", "SPDXRef-DOCUMENT", "name", o->name,
                     "documentNamespace", space, "creationInfo", "created", at, "creators", tool,
                     "packages", packages, "relationships", relations);
    return *ret ? 0 : err_nomem(e);
}

int sbom_make(int root_fd, const struct sbom_opts *o, json_t **ret, struct shale_err *e)
{
    struct sbom s = {.root = root_fd, .a = ARENA_INIT(ARENA_BYTES)};
    int r = read_all(&s, e);

    read_release(&s);
    if (r >= 0)
        r = put_document(&s, o, ret, e);
    arena_clear(&s.a);
    return r < 0 ? err_wrap(e, r, "the bill of materials") : 0;
}
