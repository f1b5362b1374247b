/* SPDX-License-Identifier: Apache-2.0 */
#include "build/context/copy_sums.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/sys.h"
#include "base/time.h"

struct record { /* as in the file, after the magic; of this machine's byte order */
    uint64_t dev, ino, size;
    int64_t mtime_ns, ctime_ns;
    uint8_t sum[COPY_SUM_BYTES];
    uint64_t check; /* of all before: a file that was cut off or overwritten is no authority */
};

/* How long a file must have been left alone: longer than the ticks of its file system's clock. */
#define FRESH_NS        (100 * NS_PER_MS)
#define FRESH_COARSE_NS (2 * NS_PER_S) /* its times are whole seconds */

#define DAY_S     86400
#define KEEP_DAYS 30

static const char magic[16] = "shale sums 1";

struct copy_sums {
    pthread_mutex_t mutex;
    int dir_fd;
    char name[128];
    struct record *v; /* by hash of device and inode; ino 0: a free place */
    bool *used;       /* asked for or put by this process */
    size_t n, cap;    /* a power of two */
    bool dirty;
};

static uint64_t mix(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9e3779b97f4a7c15ull;
    return h ^ (h >> 29);
}

static uint64_t check_of(const struct record *r)
{
    uint64_t words[(sizeof *r - sizeof r->check) / 8], h = 0x5a17;

    memcpy(words, r, sizeof words);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        h = mix(h, words[i]);
    return h;
}

static size_t place_of(const struct copy_sums *s, uint64_t dev, uint64_t ino)
{
    size_t i = (size_t)mix(mix(1, dev), ino) & (s->cap - 1);

    while (s->v[i].ino && (s->v[i].ino != ino || s->v[i].dev != dev))
        i = (i + 1) & (s->cap - 1);
    return i;
}

static bool grow(struct copy_sums *s, size_t want)
{
    size_t cap = s->cap ? s->cap : 1024, old_cap = s->cap;

    while (cap < want * 2)
        cap *= 2;
    if (cap == s->cap)
        return true;
    struct record *v = mem_array(cap, sizeof *v), *old = s->v;
    bool *used = v ? mem_array(cap, sizeof *used) : NULL, *old_used = s->used;
    if (!used) {
        free(v);
        return false;
    }
    s->v = v;
    s->used = used;
    s->cap = cap;
    for (size_t i = 0; i < old_cap; i++) {
        if (!old[i].ino)
            continue;
        size_t j = place_of(s, old[i].dev, old[i].ino);
        s->v[j] = old[i];
        s->used[j] = old_used[i];
    }
    free(old);
    free(old_used);
    return true;
}

static void add(struct copy_sums *s, const struct record *r, bool used)
{
    if (!r->ino || s->n >= COPY_SUMS_MAX || !grow(s, s->n + 1))
        return;
    size_t i = place_of(s, r->dev, r->ino);
    s->n += !s->v[i].ino;
    s->v[i] = *r;
    s->used[i] = used;
}

static void load(struct copy_sums *s, const struct buf *b)
{
    struct record r;

    if (b->n < sizeof magic || memcmp(b->p, magic, sizeof magic) != 0)
        return;
    if (!grow(s, (b->n - sizeof magic) / sizeof r))
        return;
    for (size_t at = sizeof magic; at + sizeof r <= b->n; at += sizeof r) {
        memcpy(&r, b->p + at, sizeof r);
        if (r.check == check_of(&r))
            add(s, &r, false);
    }
}

/* ---- those of contexts that nobody builds any more ---- */

struct sweep {
    int dir_fd;
    int64_t before_s;
};

static int sweep_one(void *arg, const char *name, unsigned char type)
{
    const struct sweep *w = arg;
    struct stat st;

    if (type == DT_REG && fstatat(w->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_mtim.tv_sec < w->before_s)
        (void)sys_unlinkat(w->dir_fd, name, 0);
    return 0;
}

/* Once a day, and when there is a new one: the time of the file says when it was used last. */
static void sweep(int dir_fd, const char *name)
{
    int64_t now_s = time_now_ns() / NS_PER_S;
    struct stat st;

    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
        if (st.st_mtim.tv_sec > now_s - DAY_S)
            return;
        (void)utimensat(dir_fd, name, NULL, AT_SYMLINK_NOFOLLOW);
    }
    struct sweep w = {dir_fd, now_s - KEEP_DAYS * DAY_S};
    (void)fs_each(dir_fd, ".", sweep_one, &w, NULL);
}

int copy_sums_open(int dir_fd, const char *name, struct copy_sums **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b =
        BUF_INIT(sizeof magic + (size_t)COPY_SUMS_MAX * sizeof(struct record));
    struct copy_sums *s = mem_alloc(sizeof *s);

    if (!s)
        return err_nomem(e);
    pthread_mutex_init(&s->mutex, NULL);
    s->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
    int n = snprintf(s->name, sizeof s->name, "%s", name);
    if (s->dir_fd < 0 || n >= (int)sizeof s->name) {
        copy_sums_close(s);
        return err_set(e, SHALE_SYSTEM, "open the digests of files %.100s", name);
    }
    sweep(dir_fd, name);
    if (fs_read_file(dir_fd, name, &b, NULL) >= 0)
        load(s, &b);
    *ret = s;
    return 0;
}

/* No clock has ticked when it was changed last, and no device has that number. */
void copy_stat_of_layer(const struct digest *diff_id, uint64_t offset, uint64_t size_bytes,
                        struct copy_stat *ret)
{
    const char *hex = digest_hex(diff_id);
    uint64_t words[2] = {0};

    for (size_t i = 0; i < 32 && hex[i]; i++)
        words[i / 16] =
            words[i / 16] << 4 | (uint64_t)(hex[i] <= '9' ? hex[i] - '0' : hex[i] - 'a' + 10);
    *ret = (struct copy_stat){.dev = words[0],
                              .ino = offset + 1,
                              .size = size_bytes,
                              .mtime_ns = (int64_t)words[1],
                              .ctime_ns = 1};
}

bool copy_sums_get(struct copy_sums *s, const struct copy_stat *st, uint8_t ret[COPY_SUM_BYTES])
{
    bool found = false;

    if (!s)
        return false;
    pthread_mutex_lock(&s->mutex);
    if (s->cap) {
        size_t i = place_of(s, st->dev, st->ino);
        const struct record *r = &s->v[i];
        found = r->ino && r->size == st->size && r->mtime_ns == st->mtime_ns &&
                r->ctime_ns == st->ctime_ns;
        if (found) {
            memcpy(ret, r->sum, COPY_SUM_BYTES);
            s->used[i] = true;
        }
    }
    pthread_mutex_unlock(&s->mutex);
    return found;
}

void copy_sums_put(struct copy_sums *s, const struct copy_stat *st,
                   const uint8_t sum[COPY_SUM_BYTES], int64_t read_ns)
{
    struct record r = {.dev = st->dev,
                       .ino = st->ino,
                       .size = st->size,
                       .mtime_ns = st->mtime_ns,
                       .ctime_ns = st->ctime_ns};

    if (!s || st->ctime_ns + (st->ctime_ns % NS_PER_S ? FRESH_NS : FRESH_COARSE_NS) > read_ns)
        return;
    memcpy(r.sum, sum, sizeof r.sum);
    r.check = check_of(&r);
    pthread_mutex_lock(&s->mutex);
    add(s, &r, true);
    s->dirty = true;
    pthread_mutex_unlock(&s->mutex);
}

/* What nobody asked for this time stays only while it is not the most. */
static void save(const struct copy_sums *s)
{
    _cleanup_(buf_clear) struct buf b =
        BUF_INIT(sizeof magic + (size_t)COPY_SUMS_MAX * sizeof(struct record));
    size_t n_used = 0, n_old = 0;

    buf_add(&b, magic, sizeof magic);
    for (size_t i = 0; i < s->cap; i++)
        n_used += s->v[i].ino && s->used[i];
    for (size_t i = 0; i < s->cap; i++)
        if (s->v[i].ino && (s->used[i] || n_old++ < n_used + 1000))
            buf_add(&b, &s->v[i], sizeof s->v[i]);
    if (buf_check(&b, NULL) >= 0)
        (void)fs_write_atomic(s->dir_fd, s->name, b.p, b.n, 0600, false, NULL);
}

struct copy_sums *copy_sums_close(struct copy_sums *s)
{
    if (!s)
        return NULL;
    if (s->dirty)
        save(s);
    if (s->dir_fd >= 0)
        close(s->dir_fd);
    pthread_mutex_destroy(&s->mutex);
    free(s->v);
    free(s->used);
    free(s);
    return NULL;
}
