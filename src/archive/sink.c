/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "archive/archive.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#define NOTE_NAME "io.containerd.image.name"
#define NOTE_TAG  "org.opencontainers.image.ref.name"

struct image { /* a manifest that was put */
    struct digest digest;
    struct digest config;
    struct digest *layers;
    size_t n_layers;
    const char **names; /* familiar, for manifest.json */
    size_t n_names, cap_names;
    bool added;
};

struct archive_sink {
    struct sink sink;
    struct tar_writer *w;
    struct arena a;
    struct digest *have; /* blobs in the archive */
    size_t n_have, cap_have;
    struct image *images;
    size_t n_images, cap_images;
    json_t *index;  /* entries of index.json */
    json_t *folder; /* index.json of a folder; NULL: it is an archive */
    const char *folder_text;
    const char *since;
};

static struct archive_sink *self(struct sink *s)
{
    return (struct archive_sink *)s;
}

static bool has(const struct archive_sink *k, const struct digest *d)
{
    for (size_t i = 0; i < k->n_have; i++)
        if (digest_eq(&k->have[i], d))
            return true;
    return false;
}

static int remember(struct archive_sink *k, const struct digest *d, struct shale_err *e)
{
    struct digest *v = arena_grow(&k->a, k->have, k->n_have, &k->cap_have, sizeof *v);

    if (!v)
        return err_nomem(e);
    k->have = v;
    v[k->n_have++] = *d;
    return 0;
}

static const char *path_of(const struct digest *d, struct arena *a)
{
    return arena_printf(a, "blobs/%s/%s", digest_alg_name(digest_alg(d)), digest_hex(d));
}

static int sink_has(struct sink *s, const struct descriptor *d, struct shale_err *e)
{
    return has(self(s), &d->digest);
}

/* ---- documents ---- */

static int keep_image(struct archive_sink *k, const struct descriptor *d, const void *p, size_t n,
                      struct shale_err *e)
{
    struct image *v = arena_grow(&k->a, k->images, k->n_images, &k->cap_images, sizeof *v);
    struct manifest m;

    if (!v)
        return err_nomem(e);
    k->images = v;
    int r = manifest_parse(p, n, d->media_type, &k->a, &m, e);
    if (r < 0 || m.kind != MANIFEST_IMAGE)
        return r < 0 ? r : 0;
    v += k->n_images++;
    *v = (struct image){
        .digest = d->digest,
        .config = m.config.digest,
        .layers = arena_array(&k->a, m.n_layers + 1, sizeof *v->layers),
        .n_layers = m.n_layers,
    };
    if (!v->layers)
        return err_nomem(e);
    for (size_t i = 0; i < m.n_layers; i++)
        v->layers[i] = m.layers[i].digest;
    return 0;
}

static int sink_put(struct sink *s, const struct descriptor *d, const void *p, size_t n,
                    struct cancel *c, struct shale_err *e)
{
    struct archive_sink *k = self(s);
    int r = cancel_check(c, e);

    if (r < 0 || has(k, &d->digest))
        return r;
    const char *path = path_of(&d->digest, &k->a);
    r = path ? tar_write_file(k->w, path, p, n, 0, e) : err_nomem(e);
    if (r >= 0 && media_find(d->media_type)->kind == MEDIA_MANIFEST)
        r = keep_image(k, d, p, n, e);
    return r < 0 ? r : remember(k, &d->digest, e);
}

/* ---- layers ---- */

struct passage {
    struct archive_sink *k;
    const struct descriptor *d;
    uint64_t got;
};

/* The header is written when the source has the bytes at hand. */
static int on_start(void *arg, uint64_t offset, struct shale_err *e)
{
    struct passage *p = arg;
    const char *path = path_of(&p->d->digest, &p->k->a);
    struct tar_entry t = {.type = TAR_REG, .mode = 0644, .size_bytes = p->d->size_bytes};

    if (!path)
        return err_nomem(e);
    if (offset != 0 || p->got != 0)
        return err_set(e, SHALE_INTERNAL, "an archive is written from the beginning");
    t.path = str_of(path);
    return tar_write_entry(p->k->w, &t, e);
}

static int on_data(void *arg, const void *bytes, size_t n, struct shale_err *e)
{
    struct passage *p = arg;

    p->got += n;
    return tar_write_data(p->k->w, bytes, n, e);
}

static int sink_blob(struct sink *s, const struct descriptor *d, const struct digest *diff_id,
                     struct source *from, struct cancel *c, struct shale_err *e)
{
    struct archive_sink *k = self(s);
    struct passage p = {.k = k, .d = d};

    if (has(k, &d->digest))
        return 0;
    int r = from->ops->blob(from, d, 0, on_start, on_data, &p, c, e);
    if (r < 0)
        return r;
    if (p.got != d->size_bytes)
        return err_set(e, SHALE_CORRUPT, "blob %s ended after %llu of %llu bytes", d->digest.s,
                       (unsigned long long)p.got, (unsigned long long)d->size_bytes);
    return remember(k, &d->digest, e);
}

static int sink_settle(struct sink *s, struct shale_err *e)
{
    return 0;
}

static int sink_tag(struct sink *s, const char *name, const struct descriptor *d, const void *p,
                    size_t n, struct cancel *c, struct shale_err *e)
{
    return err_set(e, SHALE_UNSUPPORTED, "an archive names images with archive_sink_add");
}

/* ---- names ---- */

static struct image *image_of(struct archive_sink *k, const struct digest *d)
{
    for (size_t i = 0; i < k->n_images; i++)
        if (digest_eq(&k->images[i].digest, d))
            return &k->images[i];
    return NULL;
}

static int add_name(struct archive_sink *k, struct image *i, const struct ref *name,
                    struct shale_err *e)
{
    const char **v = arena_grow(&k->a, i->names, i->n_names, &i->cap_names, sizeof *v);

    if (!v)
        return err_nomem(e);
    i->names = v;
    v[i->n_names] = ref_familiar(name, &k->a);
    return v[i->n_names++] ? 0 : err_nomem(e);
}

int archive_sink_add(struct sink *s, const struct descriptor *target, const struct digest *manifest,
                     const struct ref *name, struct shale_err *e)
{
    struct archive_sink *k = self(s);
    struct image *i = image_of(k, manifest);
    int r = 0;

    if (!i || !has(k, &target->digest))
        return err_set(e, SHALE_INVALID, "%s is no image of this archive", manifest->s);
    i->added = true;
    json_t *entry = json_pack("{ss,ss,sI}", "mediaType", target->media_type, "digest",
                              target->digest.s, "size", (json_int_t)target->size_bytes);
    if (entry && name) {
        const char *full = ref_canonical(name, &k->a);
        json_t *notes =
            json_pack("{ss,ss}", NOTE_NAME, full ? full : "", NOTE_TAG, name->tag ? name->tag : "");
        if (!full || json_object_set_new(entry, "annotations", notes) < 0)
            r = err_nomem(e);
        else
            r = add_name(k, i, name, e);
    }
    if (json_array_append_new(k->index, entry) < 0)
        return err_nomem(e);
    return r;
}

/* ---- the end ---- */

static int write_json(struct archive_sink *k, const char *path, const json_t *j,
                      struct shale_err *e)
{
    _cleanup_free_ char *text = j ? json_text(j) : NULL;

    return text ? tar_write_file(k->w, path, text, strlen(text), 0, e) : err_nomem(e);
}

/* An entry of docker's manifest.json. NULL: no memory. */
static json_t *docker_entry(struct archive_sink *k, const struct image *i)
{
    json_t *names = i->n_names ? json_array() : json_null(), *layers = json_array();
    const char *config = path_of(&i->config, &k->a);
    bool ok = names && layers && config;

    for (size_t n = 0; ok && n < i->n_names; n++)
        ok = json_array_append_new(names, json_string(i->names[n])) == 0;
    for (size_t n = 0; ok && n < i->n_layers; n++) {
        const char *path = path_of(&i->layers[n], &k->a);
        ok = path && json_array_append_new(layers, json_string(path)) == 0;
    }
    if (!ok) {
        json_decref(names);
        json_decref(layers);
        return NULL;
    }
    return json_pack("{ss,so,so}", "Config", config, "RepoTags", names, "Layers", layers);
}

void archive_sink_set_since(struct sink *s, const char *images)
{
    self(s)->since = images;
}

int archive_sink_into(struct sink *s, const json_t *index, struct shale_err *e)
{
    if (index && (json_integer_value(json_object_get(index, "schemaVersion")) != 2 ||
                  !json_is_array(json_object_get(index, "manifests"))))
        return err_set(e, SHALE_INVALID, "index.json is none of an OCI layout");
    self(s)->folder = index
                          ? json_copy((json_t *)index)
                          : json_pack("{si,ss}", "schemaVersion", 2, "mediaType", MEDIA_OCI_INDEX);
    return self(s)->folder ? 0 : err_nomem(e);
}

static const char *note_of(const json_t *entry, const char *name)
{
    return json_string_value(json_object_get(json_object_get(entry, "annotations"), name));
}

/* The same name, or the same image without one. */
static bool is_replaced(const json_t *old, const json_t *new)
{
    const char *old_name = note_of(old, NOTE_NAME), *name = note_of(new, NOTE_NAME);
    const char *old_tag = note_of(old, NOTE_TAG), *tag = note_of(new, NOTE_TAG);

    if (old_name && name)
        return streq(old_name, name);
    if (old_tag && tag)
        return !old_name && streq(old_tag, tag);
    return !old_name && !old_tag && !name && !tag &&
           json_equal(json_object_get(old, "digest"), json_object_get(new, "digest"));
}

/* Ours, then those that stay. */
static int merge(struct archive_sink *k, struct shale_err *e)
{
    const json_t *others = json_object_get(k->folder, "manifests");
    size_t n_new = json_array_size(k->index), i;
    json_t *old;

    json_array_foreach(others, i, old)
    {
        bool gone = !json_is_object(old);
        for (size_t j = 0; j < n_new && !gone; j++)
            gone = is_replaced(old, json_array_get(k->index, j));
        if (!gone && json_array_append(k->index, old) < 0)
            return err_nomem(e);
    }
    return json_object_set(k->folder, "manifests", k->index) < 0 ? err_nomem(e) : 0;
}

static int finish_folder(struct archive_sink *k, struct shale_err *e)
{
    int r = merge(k, e);
    _cleanup_free_ char *text = r < 0 ? NULL : json_text(k->folder);

    if (r < 0)
        return r;
    k->folder_text = text ? arena_strdup(&k->a, text) : NULL;
    return k->folder_text ? tar_writer_end(k->w, e) : err_nomem(e);
}

const char *archive_sink_index(const struct sink *s)
{
    return ((const struct archive_sink *)s)->folder_text;
}

int archive_sink_finish(struct sink *s, struct shale_err *e)
{
    struct archive_sink *k = self(s);

    if (k->folder)
        return finish_folder(k, e);
    _cleanup_json_ json_t *docker = json_array();
    _cleanup_json_ json_t *index = json_pack("{si,ss,sO}", "schemaVersion", 2, "mediaType",
                                             MEDIA_OCI_INDEX, "manifests", k->index);

    if (k->since &&
        json_object_set_new(index, "annotations", json_pack("{ss}", ARCHIVE_SINCE, k->since)) < 0)
        return err_nomem(e);
    for (size_t i = 0; i < k->n_images; i++)
        if (k->images[i].added && json_array_append_new(docker, docker_entry(k, &k->images[i])) < 0)
            return err_nomem(e);
    int r = write_json(k, "index.json", index, e);
    if (r >= 0)
        r = write_json(k, "manifest.json", docker, e);
    return r < 0 ? r : tar_writer_end(k->w, e);
}

static struct sink *sink_close(struct sink *s)
{
    struct archive_sink *k = self(s);

    tar_writer_free(k->w);
    json_decref(k->index);
    json_decref(k->folder);
    arena_clear(&k->a);
    free(k);
    return NULL;
}

static const struct sink_ops ops = {
    .has = sink_has,
    .put = sink_put,
    .blob = sink_blob,
    .settle = sink_settle,
    .tag = sink_tag,
    .close = sink_close,
};

int archive_sink_open(tar_out_fn out, void *arg, struct sink **ret, struct shale_err *e)
{
    static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
    struct archive_sink *k = mem_alloc(sizeof *k);

    if (!k)
        return err_nomem(e);
    k->sink.ops = &ops;
    arena_init(&k->a, ARCHIVE_MAX_BYTES);
    k->index = json_array();
    int r = k->index ? tar_writer_new(out, arg, &k->w, e) : err_nomem(e);
    if (r >= 0)
        r = tar_write_file(k->w, "oci-layout", layout, sizeof layout - 1, 0, e);
    if (r < 0) {
        sink_close(&k->sink);
        return r;
    }
    *ret = &k->sink;
    return 0;
}
