/* SPDX-License-Identifier: Apache-2.0 */
/* "oci-layout://FOLDER[:tag][@digest]": an image of a folder that others have written. */
#include "build/context/layout.h"

#include <fcntl.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/str.h"
#include "image/copy.h"
#include "model/limits.h"

#define NAME_OCI        "org.opencontainers.image.ref.name"
#define NAME_CONTAINERD "io.containerd.image.name"

struct place {
    const char *folder, *tag; /* tag NULL: not said */
    struct digest digest;     /* "": not said */
};

struct layout {
    struct build *b;
    struct arena *a;
    int fd, spool_fd;
    struct archive *from;
    struct sink *to;
};

bool layout_is(const char *image)
{
    return str_has_prefix(image, LAYOUT_PREFIX);
}

/* ---- which one ---- */

static int parse(const char *text, struct arena *a, struct place *ret, struct shale_err *e)
{
    char *s = arena_strdup(a, text + strlen(LAYOUT_PREFIX)), *at, *colon;

    *ret = (struct place){.folder = s};
    if (!s)
        return err_nomem(e);
    at = strrchr(s, '@');
    if (at) {
        *at = 0;
        int r = digest_parse(at + 1, &ret->digest, e);
        if (r < 0)
            return r;
    }
    colon = strrchr(s, ':');
    if (colon && ref_tag_valid(colon + 1)) { /* not when a '/' follows */
        *colon = 0;
        ret->tag = colon + 1;
    }
    return *s ? 0 : err_set(e, SHALE_INVALID, "%.200s: a folder is missing", text);
}

static bool is_named(const struct descriptor *d, const char *tag)
{
    const char *const names[] = {strmap_get(&d->annotations, NAME_OCI),
                                 strmap_get(&d->annotations, NAME_CONTAINERD)};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        const char *colon = names[i] ? strrchr(names[i], ':') : NULL;
        if (names[i] && (streq(names[i], tag) || (colon && streq(colon + 1, tag))))
            return true;
    }
    return false;
}

/* As docker has it, "latest" when nothing is said; the only one there is is meant anyway. */
static int choose(struct layout *l, const struct place *p, const char **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES + 1);
    const char *tag = p->tag ? p->tag : "latest";
    const struct descriptor *found = NULL;
    struct manifest m;
    int r = 0;

    *ret = digest_is_set(&p->digest) ? arena_strdup(l->a, p->digest.s) : NULL;
    if (*ret)
        return 0;
    r = inroot_read(l->fd, "index.json", &b, e);
    if (r >= 0)
        r = manifest_parse(buf_str(&b), b.n, MEDIA_OCI_INDEX, l->a, &m, e);
    if (r < 0)
        return err_wrap(e, r, "%.200s is no OCI layout: index.json", p->folder);
    for (size_t i = 0; i < m.n_manifests && !found; i++)
        if (is_named(&m.manifests[i], tag))
            found = &m.manifests[i];
    if (!found && !p->tag && m.n_manifests == 1)
        found = &m.manifests[0];
    if (!found)
        return err_set(e, SHALE_NOT_FOUND, "the OCI layout in %.200s has no image \"%.128s\"",
                       p->folder, tag);
    *ret = arena_strdup(l->a, found->digest.s);
    return *ret ? 0 : err_nomem(e);
}

/* ---- into the store ---- */

static int fetch(struct layout *l, const char *name, const char *platform, struct copy_result *ret,
                 struct shale_err *e)
{
    const struct store_sink_opts so = {.lease = l->b->lease, .origin = "build", .all_blobs = true};
    struct platform want = platform_host();
    const struct copy_opts co = {.platform = &want, .by_host = !platform, .cancel = l->b->cancel};
    int r = platform ? platform_parse(platform, l->a, &want, e) : 0;

    if (r >= 0)
        r = store_sink_open(l->b->store, &so, &l->to, e);
    return r < 0 ? r : copy_image(&l->from->source, name, l->to, &co, l->a, ret, e);
}

static int read_document(struct layout *l, const struct digest *d, struct buf *out,
                         struct shale_err *e)
{
    buf_reset(out);
    return store_document(l->b->store, d, out, e);
}

/* What the copy has brought: no image of the store, for nothing but this build needs it. */
static int take(struct layout *l, const struct copy_result *c, json_t **ret_doc,
                struct meta_image_layer **ret, size_t *ret_n, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_CONFIG_BYTES + LIMIT_MANIFEST_BYTES);
    _cleanup_json_ json_t *doc = NULL;
    struct config config;
    struct manifest m;
    int r = read_document(l, &c->image.digest, &b, e);

    if (r >= 0)
        r = manifest_parse(buf_str(&b), b.n, c->image.media_type, l->a, &m, e);
    if (r >= 0)
        r = read_document(l, &c->config, &b, e);
    if (r >= 0)
        r = config_parse(buf_str(&b), b.n, l->a, &config, e);
    if (r >= 0 && config.n_diff_ids != m.n_layers)
        r = err_set(e, SHALE_CORRUPT, "the config has %zu layers, the manifest %zu",
                    config.n_diff_ids, m.n_layers);
    if (r >= 0)
        r = json_parse(buf_str(&b), b.n, LIMIT_CONFIG_BYTES + 1, &doc, e);
    if (r < 0)
        return r;
    struct meta_image_layer *v = arena_array(l->a, m.n_layers + 1, sizeof *v);
    if (!v)
        return err_nomem(e);
    for (size_t i = 0; r >= 0 && i < m.n_layers; i++) {
        v[i] = (struct meta_image_layer){config.diff_ids[i], m.layers[i].digest};
        r = store_lease_add(l->b->lease, &v[i].diff_id, e);
        if (r >= 0)
            r = store_lease_add(l->b->lease, &v[i].blob, e);
    }
    *ret = v;
    *ret_n = m.n_layers;
    *ret_doc = TAKE_PTR(doc);
    return r < 0 ? r : 0;
}

static void layout_clear(struct layout *l)
{
    if (l->to)
        l->to->ops->close(l->to);
    archive_close(l->from);
    if (l->fd >= 0)
        close(l->fd);
    if (l->spool_fd >= 0)
        close(l->spool_fd);
}

int layout_read(struct build *b, struct arena *a, const char *image, const char *platform,
                json_t **ret_doc, struct meta_image_layer **ret, size_t *ret_n, struct shale_err *e)
{
    _cleanup_(layout_clear) struct layout l = {.b = b, .a = a, .fd = -1, .spool_fd = -1};
    struct copy_result c;
    struct place p;
    const char *name;
    int r = parse(image, a, &p, e);

    if (r >= 0)
        r = l.fd = fs_open_dir(AT_FDCWD, p.folder, e);
    if (r >= 0)
        r = l.spool_fd = fs_open_dir(store_root_fd(b->store), "ingest", e);
    if (r >= 0)
        r = choose(&l, &p, &name, e);
    if (r >= 0)
        r = archive_open(l.fd, l.spool_fd, b->cancel, a, &l.from, e);
    if (r >= 0)
        r = fetch(&l, name, platform, &c, e);
    return r < 0 ? r : take(&l, &c, ret_doc, ret, ret_n, e);
}
