/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/upload_note.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"

#define HOME       "home " /* what is before the URL: whether credentials go along */
#define AWAY       "away "
#define TEXT_BYTES (HTTP_MAX_URL_BYTES + 16)

static bool is_old(int fd)
{
    struct stat st;

    return fstat(fd, &st) < 0 || time_now_ns() / NS_PER_S - st.st_mtim.tv_sec > UPLOAD_NOTE_MAX_S;
}

/* ---- the folder ---- */

static int drop_if_old(void *arg, const char *name, unsigned char d_type)
{
    int dir = *(int *)arg;
    struct stat st;

    if (d_type != DT_REG || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
        time_now_ns() / NS_PER_S - st.st_mtim.tv_sec <= UPLOAD_NOTE_MAX_S)
        return 0;
    _cleanup_close_ int fd = lock_try(dir, name, LOCK_EXCLUSIVE, NULL);
    if (fd >= 0 && is_old(fd))
        (void)sys_unlinkat(dir, name, 0);
    return 0;
}

int upload_notes_open(const char *path)
{
    if (!path || fs_mkdir_p(AT_FDCWD, path, 0700, NULL) < 0)
        return -1;
    int fd = fs_open_dir(AT_FDCWD, path, NULL);
    if (fd < 0)
        return -1;
    (void)fs_each(fd, ".", drop_if_old, &fd, NULL);
    return fd;
}

/* ---- a note ---- */

void upload_note_take(struct upload_note *n, int dir_fd, const struct remote_repo *repo,
                      const struct digest *d)
{
    _cleanup_(buf_clear) struct buf key = BUF_INIT(64u << 10);
    struct stat st;

    *n = (struct upload_note){dir_fd, -1, ""};
    if (dir_fd < 0)
        return;
    buf_addf(&key, "%s\n%s\n%s", repo->h->domain, repo->path, d->s);
    if (buf_check(&key, NULL) < 0 || hash_bytes(HASH_SHA256, key.p, key.n, n->name, NULL) < 0)
        return;
    int fd = lock_try(dir_fd, n->name, LOCK_EXCLUSIVE, NULL);
    if (fd < 0)
        return;
    if (fstat(fd, &st) < 0 || st.st_nlink == 0) { /* its upload has just ended */
        close(fd);
        return;
    }
    n->fd = fd;
}

/* Is it at the registry, by the scheme that was found to work? */
static bool is_at_home(const struct remote_repo *repo, const char *url, struct arena *a)
{
    struct remote_host *h = repo->h;
    const char *resolved;
    bool same = false;

    pthread_mutex_lock(&h->mutex);
    bool known = h->known, plain = h->plain;
    pthread_mutex_unlock(&h->mutex);
    const char *base = arena_printf(a, "%s://%s/v2/", plain ? "http" : "https", h->endpoint);
    return known && base && http_resolve(base, url, a, &resolved, &same, NULL) >= 0 && same;
}

int upload_note_read(const struct upload_note *n, const struct remote_repo *repo, struct arena *a,
                     const char **ret_url, bool *ret_home)
{
    char text[TEXT_BYTES + 1], shown[TEXT_BYTES + 1];
    size_t len = 0;

    if (n->fd < 0 || is_old(n->fd) || sys_pread_full(n->fd, text, TEXT_BYTES, 0, &len) < 0)
        return 0;
    text[len] = 0;
    /* without its end it was not written to the end */
    if (len == 0 || text[len - 1] != '\n' || strlen(text) != len)
        return 0;
    text[len - 1] = 0;
    bool home = str_has_prefix(text, HOME);
    const char *url = text + strlen(HOME);
    if ((!home && !str_has_prefix(text, AWAY)) ||
        !streq(str_printable(shown, sizeof shown, url), url))
        return 0;
    if (!str_has_prefix(url, "https://") && !str_has_prefix(url, "http://"))
        return 0;
    if (home && !is_at_home(repo, url, a))
        return 0;
    *ret_home = home;
    *ret_url = arena_strdup(a, url);
    return *ret_url != NULL;
}

void upload_note_write(const struct upload_note *n, const char *url, bool home)
{
    char text[TEXT_BYTES + 1];

    if (n->fd < 0)
        return;
    int len = snprintf(text, sizeof text, "%s%s\n", home ? HOME : AWAY, url);
    if (len < 0 || sys_ftruncate(n->fd, 0) < 0 || (size_t)len > TEXT_BYTES)
        return;
    (void)sys_pwrite_all(n->fd, text, (size_t)len, 0);
}

void upload_note_end(struct upload_note *n, bool done)
{
    struct stat st;

    if (n->fd < 0)
        return;
    if (done || (fstat(n->fd, &st) == 0 && st.st_size == 0))
        (void)sys_unlinkat(n->dir_fd, n->name, 0);
    close(n->fd);
    n->fd = -1;
}
