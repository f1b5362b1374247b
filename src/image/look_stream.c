/* SPDX-License-Identifier: Apache-2.0 */
/* A layer streams by: its digests are checked, its contents listed, files that are wanted kept. */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "contents/packages.h"
#include "image/look_remote.h"
#include "model/limits.h"
#include "tar/codec.h"

#define BLOCK_BYTES (256u << 10)

struct sum { /* of one file; they are in the order of the tar */
    uint64_t offset;
    uint8_t sha256[32];
};

struct stream {
    struct look_remote *r;
    struct look_layer *y, *home; /* home: where bytes and sums are kept */
    struct decoder *decoder;
    struct tar_reader *reader;
    struct toc_writer *toc;      /* NULL: it was read before */
    struct hash blob, tar, file; /* running */
    uint64_t n_blob, pos;        /* of the blob, of the tar */
    char *block;
    /* the member whose bytes come */
    bool open, keep, summed;
    uint64_t begin, end;
};

/* ---- paths ---- */

const char *look_plain(struct arena *a, const char *path)
{
    size_t n = strlen(path), k = 0;
    char *ret = n <= TAR_MAX_PATH_BYTES ? arena_alloc(a, n + 1) : NULL;
    struct str rest = {path, n}, name;

    while (ret && str_split(&rest, '/', &name)) {
        if (name.n == 0 || str_eq(name, STR(".")))
            continue;
        if (str_eq(name, STR(".."))) {
            while (k > 0 && ret[--k] != '/')
                ;
            continue;
        }
        if (k > 0)
            ret[k++] = '/';
        memcpy(ret + k, name.p, name.n);
        k += name.n;
    }
    if (ret)
        ret[k] = 0;
    return ret;
}

bool look_leads_to(const char *path, size_t n, const char *whole)
{
    return strncmp(path, whole, n) == 0 && (whole[n] == 0 || whole[n] == '/');
}

/* A link is on the way to something that is wanted: so is what it leads to. That it is kept at once
 * only saves fetching the layer again, so a path too many is no harm, and neither is one too few.
 */
void look_follow(struct look_wanted *w, const struct tar_entry *t)
{
    size_t n = t->type == TAR_SYMLINK || t->type == TAR_HARDLINK ? w->n_paths : 0;

    for (size_t i = 0; w->arena && i < n && w->n_paths < LOOK_MAX_WANTED; i++) {
        const char *slash = memrchr(t->path.p, '/', t->path.n), *plain, *text;
        bool absolute = t->type == TAR_HARDLINK || (t->link.n > 0 && t->link.p[0] == '/');
        size_t dir = slash && !absolute ? (size_t)(slash - t->path.p) : 0;
        if (t->link.n == 0 || !look_leads_to(t->path.p, t->path.n, w->paths[i]))
            continue;
        text = arena_printf(w->arena, "%.*s/%s%s", (int)dir, t->path.p, t->link.p,
                            w->paths[i] + t->path.n);
        plain = text ? look_plain(w->arena, text) : NULL;
        bool known = !plain;
        for (size_t k = 0; !known && k < w->n_paths; k++)
            known = streq(w->paths[k], plain);
        if (!known)
            w->paths[w->n_paths++] = plain;
    }
}

static bool is_db(const char *path)
{
    for (size_t i = 0; i < PACKAGES_N_FILES; i++) {
        const char *db = packages_files[i].path;
        bool folder = str_has_suffix(db, "/");
        if (folder ? str_has_prefix(path, db) && !strchr(path + strlen(db), '/') : streq(path, db))
            return true;
    }
    return false;
}

static bool is_wanted(struct stream *s, const struct tar_entry *t)
{
    const struct look_wanted *w = &s->r->wanted;

    if (w->offset != LOOK_OFFSET_NONE)
        return t->data_offset == w->offset;
    for (size_t i = 0; i < w->n_paths; i++)
        if (streq(w->paths[i], t->path.p)) {
            s->y->touched = true;
            return true;
        }
    return w->packages && t->size_bytes <= w->max_db_bytes && is_db(t->path.p);
}

/* ---- what is kept ---- */

static int note_kept(struct look_layer *y, uint64_t offset, struct shale_err *e)
{
    size_t at = y->n_kept;

    if (y->n_kept == y->cap_kept) {
        size_t cap = y->cap_kept ? 2 * y->cap_kept : 16;
        uint64_t *v = mem_resize(y->kept, cap * sizeof *v);
        if (!v)
            return err_nomem(e);
        y->kept = v;
        y->cap_kept = cap;
    }
    for (; at > 0 && y->kept[at - 1] > offset; at--)
        y->kept[at] = y->kept[at - 1];
    y->kept[at] = offset;
    y->n_kept++;
    return 0;
}

static int note_sum(struct stream *s, struct shale_err *e)
{
    struct look_layer *y = s->home;
    size_t room = y->sums.n_bytes / sizeof(struct sum);
    uint8_t sha256[HASH_MAX_BYTES];
    struct sum *x;

    hash_final(&s->file, sha256);
    if (y->n_sums == room && spill_resize(&y->sums, store_root_fd(s->r->h.store),
                                          (room ? 2 * room : 1024) * sizeof *x) < 0)
        return err_nomem(e);
    x = &((struct sum *)y->sums.p)[y->n_sums++];
    x->offset = s->begin;
    memcpy(x->sha256, sha256, sizeof x->sha256);
    return 0;
}

int look_remote_sum(const struct look *l, size_t layer, const struct tar_entry *x, uint8_t ret[32])
{
    const struct look_layer *y = &l->remote->layers[l->remote->first + layer];
    const struct look_layer *home = y->same ? y->same : y;
    const struct sum *v = home->sums.p;
    size_t lo = 0, hi = home->n_sums;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (v[mid].offset < x->data_offset)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == home->n_sums || v[lo].offset != x->data_offset || x->sparse)
        return 0;
    memcpy(ret, v[lo].sha256, 32);
    return 1;
}

/* ---- members ---- */

static int close_file(struct stream *s, struct shale_err *e)
{
    s->open = false;
    return s->summed ? note_sum(s, e) : 0;
}

static int open_file(struct stream *s, const struct tar_entry *t, struct shale_err *e)
{
    int r = 0;

    s->keep = is_wanted(s, t);
    s->summed = s->r->wanted.sums && s->toc && !t->sparse && t->stored_bytes > 0;
    s->begin = t->data_offset;
    s->end = t->data_offset + t->stored_bytes;
    s->open = t->stored_bytes > 0;
    if (s->keep)
        r = note_kept(s->home, t->data_offset, e);
    if (r >= 0 && s->keep && s->home->data_fd < 0) {
        s->home->data_fd = sys_openat(store_root_fd(s->r->h.store), ".", O_TMPFILE | O_RDWR, 0600);
        if (s->home->data_fd < 0)
            r = err_sys(e, "create a file for what is read");
    }
    if (r >= 0 && s->summed)
        r = hash_init(&s->file, HASH_SHA256, e);
    return r;
}

static int on_entry(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    struct stream *s = arg;
    int r = s->toc ? toc_add(s->toc, t, e) : 0;

    if (r < 0)
        return r;
    look_follow(&s->r->wanted, t);
    if (t->type == TAR_HARDLINK)
        for (size_t i = 0; i < s->r->wanted.n_paths; i++)
            s->y->touched |= streq(s->r->wanted.paths[i], t->path.p);
    return t->type == TAR_REG ? open_file(s, t, e) : 0;
}

static int take_data(struct stream *s, const char *p, size_t n, struct shale_err *e)
{
    if (s->summed)
        hash_update(&s->file, p, n);
    if (s->keep && sys_pwrite_all(s->home->data_fd, p, n, s->pos) < 0)
        return err_sys(e, "keep what is read");
    return s->pos + n == s->end ? close_file(s, e) : 0;
}

/* Headers go to the parser by blocks, so that it is known where data begins before it is passed. */
static int feed(struct stream *s, const char *p, size_t n, struct shale_err *e)
{
    hash_update(&s->tar, p, n);
    while (n > 0) {
        bool data = s->open && s->pos >= s->begin;
        uint64_t most = data ? s->end - s->pos : TAR_BLOCK - s->pos % TAR_BLOCK;
        size_t k = most < n ? (size_t)most : n;
        int r = tar_reader_feed(s->reader, p, k, e);
        if (r >= 0 && data)
            r = take_data(s, p, k, e);
        if (r < 0)
            return r;
        s->pos += k;
        p += k;
        n -= k;
    }
    return 0;
}

/* ---- the blob ---- */

static int on_start(void *arg, uint64_t offset, struct shale_err *e)
{
    struct stream *s = arg;

    if (offset != s->n_blob)
        return err_set(e, SHALE_NETWORK, "transfer does not continue where it stopped");
    return 0;
}

static int on_data(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct stream *s = arg;
    struct str in = {p, n};
    size_t got;

    if (n > s->y->blob->size_bytes - s->n_blob)
        return err_set(e, SHALE_CORRUPT, "more bytes than the %" PRIu64 " of its descriptor",
                       s->y->blob->size_bytes);
    s->n_blob += n;
    pthread_mutex_lock(&s->r->mutex);
    s->r->fetched.bytes += n;
    pthread_mutex_unlock(&s->r->mutex);
    hash_update(&s->blob, p, n);
    do {
        int r = decoder_run(s->decoder, &in, s->block, BLOCK_BYTES, &got, e);
        if (r >= 0)
            r = feed(s, s->block, got, e);
        if (r < 0)
            return r;
    } while (in.n > 0 || got == BLOCK_BYTES);
    return 0;
}

static int check_blob(struct stream *s, struct shale_err *e)
{
    struct digest got;

    digest_of_hash(&s->blob, &got);
    if (s->n_blob == s->y->blob->size_bytes && digest_eq(&got, &s->y->blob->digest))
        return 0;
    return err_set(e, SHALE_CORRUPT, "filesystem layer verification failed for digest %s",
                   s->y->blob->digest.s);
}

static int check_tar(struct stream *s, struct shale_err *e)
{
    struct digest got;

    digest_of_hash(&s->tar, &got);
    if (digest_eq(&got, s->y->diff_id))
        return 0;
    return err_set(e, SHALE_CORRUPT,
                   "layers from manifest don't match image configuration: expected diffID %s, got "
                   "%s",
                   s->y->diff_id->s, got.s);
}

static int begin(struct stream *s, struct shale_err *e)
{
    const struct decoder_limits limits = {
        .max_bytes = LIMIT_LAYER_BYTES,
        .max_ratio = store_max_inflate_ratio(s->r->h.store),
        .ratio_floor_bytes = LIMIT_INFLATE_FLOOR_BYTES,
        .shares_windows = true,
    };
    bool plain = media_find(s->y->blob->media_type)->codec == CODEC_NONE;
    char path[32];
    int r = 0;

    if (!s->y->toc) {
        s->y->toc_fd = sys_openat(store_root_fd(s->r->h.store), ".", O_TMPFILE | O_RDWR, 0600);
        snprintf(path, sizeof path, "/proc/self/fd/%d", s->y->toc_fd);
        r = s->y->toc_fd < 0 ? err_sys(e, "create a file for a table of contents")
                             : toc_create(AT_FDCWD, path, &s->toc, e);
    }
    s->block = mem_alloc(BLOCK_BYTES);
    if (r >= 0 && !s->block)
        r = err_nomem(e);
    if (r >= 0)
        r = decoder_new(plain ? DECODER_NONE : DECODER_AUTO, &limits, &s->decoder, e);
    if (r >= 0)
        r = tar_reader_new(on_entry, s, &s->reader, e);
    if (r >= 0)
        r = hash_init(&s->blob, digest_alg(&s->y->blob->digest), e);
    return r < 0 ? r : hash_init(&s->tar, digest_alg(s->y->diff_id), e);
}

static void end(struct stream *s)
{
    s->toc = toc_writer_free(s->toc);
    tar_reader_free(s->reader);
    decoder_free(s->decoder);
    hash_clear(&s->blob);
    hash_clear(&s->tar);
    hash_clear(&s->file);
    free(s->block);
}

int look_stream(struct look_remote *r, struct look_layer *y, struct cancel *c, struct shale_err *e)
{
    struct stream s = {.r = r, .y = y, .home = y->same ? y->same : y};
    struct toc_stats stats;
    char path[32];
    int k = begin(&s, e);

    if (k >= 0)
        k = r->from->ops->blob(r->from, y->blob, 0, on_start, on_data, &s, c, e);
    if (k >= 0)
        k = check_blob(&s, e);
    if (k >= 0)
        k = decoder_end(s.decoder, e);
    if (k >= 0)
        k = check_tar(&s, e);
    if (k >= 0)
        k = tar_reader_end(s.reader, e);
    if (k >= 0 && s.toc)
        k = toc_finish(s.toc, &stats, e);
    end(&s);
    if (k < 0)
        return err_wrap(e, k, "layer %.19s", y->blob->digest.s);
    pthread_mutex_lock(&r->mutex);
    r->fetched.n_fetched++;
    pthread_mutex_unlock(&r->mutex);
    snprintf(path, sizeof path, "/proc/self/fd/%d", y->toc_fd);
    return y->toc ? 0 : toc_open(AT_FDCWD, path, &y->toc, e);
}
