/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the password file: read, changed and written anew under a lock beside it. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "base/crypto.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/sys.h"
#include "registry/auth/htpasswd_priv.h"

struct edit {
    char path[PATH_MAX], dir[PATH_MAX]; /* behind symbolic links */
    int lock_fd;
    bool there;
    struct stat st; /* of the file, or of its folder */
    struct buf old, new;
};

static void edit_end(struct edit *d)
{
    if (d->lock_fd >= 0)
        close(d->lock_fd);
    buf_clear(&d->old);
    buf_clear(&d->new);
}

static int find_path(struct edit *d, const char *path, struct shale_err *e)
{
    if (!realpath(path, d->path) && snprintf(d->path, sizeof d->path, "%s", path) >= PATH_MAX - 40)
        return err_set(e, SHALE_LIMIT, "path too long: %.80s…", path);
    const char *slash = strrchr(d->path, '/');
    if (!slash)
        snprintf(d->dir, sizeof d->dir, ".");
    else
        snprintf(d->dir, sizeof d->dir, "%.*s", slash == d->path ? 1 : (int)(slash - d->path),
                 d->path);
    return 0;
}

static int edit_begin(struct edit *d, const char *path, struct shale_err *e)
{
    char lock[PATH_MAX + 8];

    int r = find_path(d, path, e);
    if (r < 0)
        return r;
    snprintf(lock, sizeof lock, "%s.lock", d->path);
    d->lock_fd = r = lock_take(AT_FDCWD, lock, LOCK_EXCLUSIVE, NULL, e);
    if (r < 0)
        return r;
    d->there = stat(d->path, &d->st) == 0;
    if (!d->there)
        return stat(d->dir, &d->st) < 0 ? err_sys(e, "open %s", d->dir) : 0;
    return fs_read_file(AT_FDCWD, d->path, &d->old, e);
}

/* Owner and mode stay; a new file is for its owner and the group of its folder. */
static int set_owner(const struct edit *d, int fd, struct shale_err *e)
{
    struct stat now;

    if (fstat(fd, &now) < 0)
        return err_sys(e, "stat %s", d->path);
    uid_t uid = d->there ? d->st.st_uid : now.st_uid;
    if ((now.st_uid != uid || now.st_gid != d->st.st_gid) && fchown(fd, uid, d->st.st_gid) < 0)
        return err_sys(e, "give %s its owner", d->path);
    if (fchmod(fd, d->there ? d->st.st_mode & 07777 : 0640) < 0)
        return err_sys(e, "chmod %s", d->path);
    return 0;
}

static int edit_commit(struct edit *d, struct shale_err *e)
{
    char rnd[17], tmp[PATH_MAX + 32];

    int r = buf_check(&d->new, e);
    if (r == 0)
        r = random_hex(rnd, 8, e);
    if (r < 0)
        return r;
    snprintf(tmp, sizeof tmp, "%s.%s.tmp", d->path, rnd);
    _cleanup_close_ int fd = sys_openat(AT_FDCWD, tmp, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (fd < 0)
        return err_sys(e, "create %s", tmp);
    r = set_owner(d, fd, e);
    if (r == 0 && (sys_write_all(fd, d->new.p, d->new.n) < 0 || sys_fsync(fd) < 0 ||
                   sys_renameat(AT_FDCWD, tmp, AT_FDCWD, d->path) < 0))
        r = err_sys(e, "write %s", d->path);
    if (r < 0) {
        unlink(tmp);
        return r;
    }
    return fs_sync_dir(AT_FDCWD, d->dir, e);
}

/* "$2y$": what Apache writes and every reader takes. */
static int make_hash(const char *password, unsigned cost, char ret[CRYPT_OUTPUT_SIZE],
                     struct shale_err *e)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];

    if (cost == 0)
        cost = HTPASSWD_DEFAULT_COST;
    if (cost < 4 || cost > HTPASSWD_MAX_COST)
        return err_set(e, SHALE_INVALID, "a bcrypt cost is from 4 to %d", HTPASSWD_MAX_COST);
    int r = crypt_load(e);
    if (r < 0)
        return r;
    if (!crypt_gensalt_rn("$2y$", cost, NULL, 0, setting, sizeof setting))
        return err_sys(e, "make a salt");
    struct crypt_data *data = mem_alloc(sizeof *data);
    if (!data)
        return err_nomem(e);
    const char *made = crypt_r(password, setting, data);
    bool ok = made && htpasswd_cost(str_of(made)) == cost;
    snprintf(ret, CRYPT_OUTPUT_SIZE, "%s", ok ? made : "");
    explicit_bzero(data, sizeof *data);
    free(data);
    return ok ? 0 : err_set(e, SHALE_UNSUPPORTED, "this libcrypt makes no bcrypt hashes");
}

/* Copies the file with the line of `user` replaced (hash) or left out (NULL); further lines of that
 * name go, whatever they hold. Returns how many there were. */
static int copy_lines(struct edit *d, const char *user, const char *hash)
{
    struct str rest = {buf_str(&d->old), d->old.n}, line;
    int n = 0;

    while (str_split(&rest, '\n', &line)) {
        struct str text = str_trim(line);
        const char *colon = text.n ? memchr(text.p, ':', text.n) : NULL;
        struct str name = {text.p, colon ? (size_t)(colon - text.p) : 0};
        if (!colon || !str_eq(name, str_of(user))) {
            buf_add(&d->new, line.p, line.n);
            if (line.n || rest.n)
                buf_addc(&d->new, '\n');
            continue;
        }
        if (n++ == 0 && hash)
            buf_addf(&d->new, "%s:%s\n", user, hash);
    }
    return n;
}

static int check_password(const char *password, struct shale_err *e)
{
    if (!*password)
        return err_set(e, SHALE_INVALID, "an empty password");
    if (strlen(password) > HTPASSWD_MAX_PASSWORD_BYTES)
        return err_set(e, SHALE_INVALID, "a password has at most %d bytes: bcrypt ignores the rest",
                       HTPASSWD_MAX_PASSWORD_BYTES);
    return 0;
}

int htpasswd_put(const char *path, enum htpasswd_put how, const char *user, const char *password,
                 unsigned cost, struct shale_err *e)
{
    _cleanup_(edit_end) struct edit d = {
        .lock_fd = -1, .old = BUF_INIT(HTPASSWD_MAX_BYTES), .new = BUF_INIT(HTPASSWD_MAX_BYTES)};
    char hash[CRYPT_OUTPUT_SIZE];

    int r = htpasswd_check_name(str_of(user), e);
    if (r == 0)
        r = check_password(password, e);
    if (r == 0)
        r = make_hash(password, cost, hash, e);
    if (r == 0)
        r = edit_begin(&d, path, e);
    if (r < 0)
        return r;
    int n = copy_lines(&d, user, how == HTPASSWD_REPLACE ? hash : NULL);
    if (how == HTPASSWD_ADD && n)
        return err_set(e, SHALE_EXISTS, "user %s exists already", user);
    if (how == HTPASSWD_REPLACE && !n)
        return err_set(e, SHALE_NOT_FOUND, "no such user: %s", user);
    if (how == HTPASSWD_ADD)
        buf_addf(&d.new, "%s:%s\n", user, hash);
    return edit_commit(&d, e);
}

int htpasswd_remove(const char *path, const char *user, struct shale_err *e)
{
    _cleanup_(edit_end) struct edit d = {
        .lock_fd = -1, .old = BUF_INIT(HTPASSWD_MAX_BYTES), .new = BUF_INIT(HTPASSWD_MAX_BYTES)};
    char shown[80];

    int r = edit_begin(&d, path, e);
    if (r < 0)
        return r;
    if (!d.there || copy_lines(&d, user, NULL) == 0)
        return err_set(e, SHALE_NOT_FOUND, "no such user: %s",
                       str_printable(shown, sizeof shown, user));
    return edit_commit(&d, e);
}
