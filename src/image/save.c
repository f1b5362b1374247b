/* SPDX-License-Identifier: Apache-2.0 */
/* Save: copies of what names stand for, from the store into an archive. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/outfile.h"
#include "base/str.h"
#include "base/sys.h"
#include "image/archives.h"
#include "image/copy.h"
#include "image/image_priv.h"
#include "image/since.h"
#include "model/limits.h"
#include "store/events.h"
#include "tar/tar_unpack.h"

struct target {
    struct digest id;
    struct digest top;           /* what is copied: a manifest, or an index */
    struct digest manifest;      /* of the image that the name points at, or was chosen */
    struct image_entries chosen; /* of an index: only these; none: all */
    struct ref name;
    bool has_name;
};

struct save {
    struct image_host *h;
    const struct shale_save_opts *o;
    struct arena a;
    struct target *v;
    size_t n, cap;
    struct since since;
    struct store_lease *lease;
    struct source *from;
    struct sink *to;
    int fd;
    struct outfile out; /* fd is its own, or the caller's */
    int dir;            /* of a folder */
    struct tar_unpack *unpack;
};

static void save_clear(struct save *s)
{
    if (s->to)
        s->to->ops->close(s->to);
    if (s->from)
        s->from->ops->close(s->from);
    store_lease_end(s->lease);
    outfile_clear(&s->out);
    tar_unpack_free(s->unpack);
    if (s->dir >= 0)
        close(s->dir);
    arena_clear(&s->a);
}

/* ---- what is asked for ---- */

static int unknown(const char *what, struct shale_err *e)
{
    char shown[200];

    return err_set(e, SHALE_NOT_FOUND, "reference does not exist: %s",
                   str_printable(shown, sizeof shown, what));
}

static int manifest_of(struct save *s, const struct digest *id, struct digest *ret,
                       struct shale_err *e)
{
    struct meta_image row;
    int r = meta_image_get(store_meta(s->h->store), id, &s->a, &row, e);

    if (r >= 0 && !digest_is_set(&row.manifest))
        return err_set(e, SHALE_UNSUPPORTED, "image %s has no manifest", id->s);
    if (r >= 0)
        *ret = row.manifest;
    return r;
}

static bool is_among(const struct digest *v, size_t n, const struct digest *d)
{
    for (size_t i = 0; i < n; i++)
        if (digest_eq(&v[i], d))
            return true;
    return false;
}

/* The images for the platforms that were asked for. Several are part of an index, whose digest
 * stays what it was. */
static int choose(struct save *s, const char *what, struct target *t, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct image_found found;
    struct digest *v, d = {""};
    size_t n = 0;

    while (s->o->platforms[n])
        n++;
    v = arena_array(&s->a, n, sizeof *v);
    if (!v)
        return err_nomem(e);
    n = 0;
    for (const char *const *p = s->o->platforms; *p; p++) {
        int r = image_find_platform(s->h->store, what, *p, &s->a, &found, &why);
        if (r == -SHALE_NOT_FOUND)
            return err_set(e, SHALE_NOT_FOUND,
                           "no suitable export target found for platform %s (image %s)", *p, what);
        if (r < 0)
            return err_set(e, why.code, "%s", why.msg);
        r = manifest_of(s, &found.id, &d, e);
        if (r >= 0)
            r = image_manifest_in(s->h->store, &found.target, &found.id, &s->a, &d, e);
        if (r < 0)
            return r;
        if (!is_among(v, n, &d))
            v[n++] = d;
    }
    t->top = t->manifest = v[0];
    if (n > 1) {
        t->top = found.target;
        t->chosen = (struct image_entries){v, n};
    }
    return 0;
}

static int take_all(struct save *s, const struct image_found *found, struct target *t,
                    struct shale_err *e)
{
    int r = manifest_of(s, &found->id, &t->manifest, e);

    t->top = t->manifest;
    if (r < 0 || !digest_is_set(&found->target) || digest_eq(&found->target, &t->manifest))
        return r;
    /* of the manifests of an image the one that the name stands for, also where that is not whole
     */
    r = image_manifest_in(s->h->store, &found->target, &found->id, &s->a, &t->manifest, e);
    t->top = t->manifest;
    if (r == 1)
        r = image_is_whole(s->h->store, &found->target, &s->a, e);
    if (r == 1)
        t->top = found->target;
    return r;
}

static int add_target(struct save *s, const char *what, struct shale_err *e)
{
    struct target *v = arena_grow(&s->a, s->v, s->n, &s->cap, sizeof *v);
    struct image_found found;

    if (!v)
        return err_nomem(e);
    s->v = v;
    v += s->n;
    int r = image_find(s->h->store, what, &s->a, &found, e);
    if (r == -SHALE_NOT_FOUND)
        return unknown(what, e);
    if (r < 0)
        return r;
    *v = (struct target){
        .id = found.id,
        .name = found.ref,
        .has_name = !found.by_id && !digest_is_set(&found.ref.digest),
    };
    r = s->o->platforms && s->o->platforms[0] ? choose(s, what, v, e) : take_all(s, &found, v, e);
    if (r >= 0)
        s->n++;
    return r;
}

/* A repository without tag: all its tags. */
static int add_argument(struct save *s, const char *what, struct shale_err *e)
{
    struct strv tags = {0};
    struct ref ref;

    if (ref_is_identifier(what) || ref_parse(what, &s->a, &ref, NULL) < 0 || ref.tag ||
        digest_is_set(&ref.digest))
        return add_target(s, what, e);
    int r = meta_repo_tags(store_meta(s->h->store), ref.repo, &s->a, &tags, e);
    if (r >= 0 && tags.n == 0)
        return add_target(s, what, e);
    for (size_t i = 0; r >= 0 && i < tags.n; i++) {
        ref.tag = tags.v[i];
        const char *name = ref_familiar(&ref, &s->a);
        r = name ? add_target(s, name, e) : err_nomem(e);
    }
    return r;
}

/* ---- where it goes ---- */

static int failed(const struct shale_err *why, struct shale_err *e)
{
    return err_set(e, why->code, "failed to save image: %s%s",
                   why->code == SHALE_INVALID ? "invalid output path: " : "", why->msg);
}

static int write_out(void *arg, const void *p, size_t n, struct shale_err *e)
{
    const struct save *s = arg;

    return sys_write_all(s->fd, p, n) < 0 ? err_sys(e, "write the archive") : 0;
}

static int no_layout(const struct save *s, struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "index.json in %.200s is none of an OCI layout", s->o->folder);
}

/* What the folder has already. */
static int read_index(struct save *s, json_t **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(ARCHIVE_MAX_DOCUMENT_BYTES);
    int r = fs_read_file(s->dir, "index.json", &b, NULL);

    if (r == -SHALE_NOT_FOUND)
        return 0;
    if (r >= 0)
        r = json_parse(buf_str(&b), b.n, ARCHIVE_MAX_DOCUMENT_BYTES, ret, NULL);
    return r < 0 ? no_layout(s, e) : 0;
}

static int open_folder(struct save *s, struct shale_err *e)
{
    _cleanup_json_ json_t *index = NULL;
    int r = fs_mkdir_p(AT_FDCWD, s->o->folder, 0755, e);

    if (r >= 0)
        r = s->dir = fs_open_dir(AT_FDCWD, s->o->folder, e);
    /* From here to the new index.json, so that the names of who writes beside us are not lost. Not
     * every file system (NFS) knows locks of folders. */
    if (r >= 0 && lock_fd_take(s->dir, LOCK_EXCLUSIVE, s->h->cancel, NULL) < 0)
        r = cancel_check(s->h->cancel, e);
    const struct tar_unpack_opts uo = {
        .root_fd = s->dir, .dir = "/", .shown = s->o->folder, .cancel = s->h->cancel};
    if (r >= 0)
        r = read_index(s, &index, e);
    if (r >= 0)
        r = tar_unpack_new(&uo, &s->unpack, e);
    if (r >= 0)
        r = archive_sink_open(tar_unpack_feed, s->unpack, &s->to, e);
    if (r < 0)
        return r;
    r = archive_sink_into(s->to, index, e);
    return r == -SHALE_INVALID ? no_layout(s, e) : r;
}

static int open_output(struct save *s, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;

    s->fd = s->o->fd;
    if (s->o->folder)
        return open_folder(s, e);
    if (!s->o->output)
        return archive_sink_open(write_out, s, &s->to, e);
    if (outfile_open(&s->out, s->o->output, &why) < 0)
        return failed(&why, e);
    s->fd = s->out.fd;
    return archive_sink_open(write_out, s, &s->to, e);
}

/* index.json names only what is on disk. */
static int publish_folder(struct save *s, struct shale_err *e)
{
    const char *index = archive_sink_index(s->to);
    int r = tar_unpack_end(s->unpack, e);

    if (r >= 0 && syncfs(s->dir) < 0)
        r = err_sys(e, "sync %.200s", s->o->folder);
    return r < 0 ? r : fs_write_atomic(s->dir, "index.json", index, strlen(index), 0644, true, e);
}

static int publish(struct save *s, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;

    if (s->unpack)
        return publish_folder(s, e);
    return outfile_publish(&s->out, &why) < 0 ? failed(&why, e) : 0;
}

/* ---- the copy ---- */

static int save_one(struct save *s, struct target *t, struct shale_err *e)
{
    struct copy_opts co = {
        .n_parallel = 1,
        .cancel = s->h->cancel,
        .skip = t->chosen.n ? image_entry_is_other : NULL,
        .skip_arg = &t->chosen,
        .skip_blob = s->since.n ? since_leaves_out : NULL,
        .skip_blob_arg = &s->since,
    };
    struct descriptor d;
    int r = copy_graph(s->from, t->top.s, s->to, NULL, &co, &s->a, &d, e);

    return r < 0 ? r : archive_sink_add(s->to, &d, &t->manifest, t->has_name ? &t->name : NULL, e);
}

static int lease_all(struct save *s, struct shale_err *e)
{
    int r = store_lease_begin(s->h->store, "save", &s->lease, e);

    for (size_t i = 0; r >= 0 && i < s->n; i++)
        r = store_lease_add(s->lease, &s->v[i].top, e);
    return r < 0 ? r : store_source_open(s->h->store, &s->from, e);
}

int image_save(struct image_host *h, const char *const *images, size_t n_images,
               const struct shale_save_opts *o, struct shale_err *e)
{
    _cleanup_(save_clear) struct save s = {
        .h = h, .o = o, .fd = -1, .out = OUTFILE_INIT, .dir = -1};
    int r = 0;

    arena_init(&s.a, ARCHIVE_MAX_BYTES);
    for (size_t i = 0; r >= 0 && i < n_images; i++)
        r = add_argument(&s, images[i], e);
    if (r >= 0 && o->since && o->since[0])
        r = since_find(h->store, o->since, &s.a, &s.since, e);
    if (r >= 0)
        r = lease_all(&s, e);
    if (r >= 0)
        r = open_output(&s, e);
    for (size_t i = 0; r >= 0 && i < s.n; i++)
        r = save_one(&s, &s.v[i], e);
    if (r >= 0 && s.since.n_left_out)
        archive_sink_set_since(s.to, s.since.text);
    if (r >= 0)
        r = archive_sink_finish(s.to, e);
    if (r >= 0)
        r = publish(&s, e);
    for (size_t i = 0; r >= 0 && i < s.n; i++)
        store_image_event(h->store, EVENT_IMAGE_SAVE, &s.v[i].id, s.v[i].id.s, s.v[i].id.s);
    return r < 0 ? r : s.since.n_left_out > 0;
}
