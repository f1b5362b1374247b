/* SPDX-License-Identifier: Apache-2.0 */
#include "container/volume_mount.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/mounts.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/names.h"
#include "container/volume_options.h"
#include "container/volume_remote.h"
#include "container/volumes.h"

#define MOUNTS_LOCK "locks/volume-mounts" /* held from looking at mounts to changing them */
#define PROPAGATION (MS_PRIVATE | MS_SHARED | MS_SLAVE | MS_UNBINDABLE)

/* ---- mount(2) with the options of mount(8), as docker takes them ---- */

static const struct {
    const char *word;
    bool clear;
    unsigned long flag;
} words[] = {
    {"defaults", false, 0},
    {"ro", false, MS_RDONLY},
    {"rw", true, MS_RDONLY},
    {"suid", true, MS_NOSUID},
    {"nosuid", false, MS_NOSUID},
    {"dev", true, MS_NODEV},
    {"nodev", false, MS_NODEV},
    {"exec", true, MS_NOEXEC},
    {"noexec", false, MS_NOEXEC},
    {"sync", false, MS_SYNCHRONOUS},
    {"async", true, MS_SYNCHRONOUS},
    {"dirsync", false, MS_DIRSYNC},
    {"remount", false, MS_REMOUNT},
    {"mand", false, MS_MANDLOCK},
    {"nomand", true, MS_MANDLOCK},
    {"atime", true, MS_NOATIME},
    {"noatime", false, MS_NOATIME},
    {"diratime", true, MS_NODIRATIME},
    {"nodiratime", false, MS_NODIRATIME},
    {"bind", false, MS_BIND},
    {"rbind", false, MS_BIND | MS_REC},
    {"unbindable", false, MS_UNBINDABLE},
    {"runbindable", false, MS_UNBINDABLE | MS_REC},
    {"private", false, MS_PRIVATE},
    {"rprivate", false, MS_PRIVATE | MS_REC},
    {"shared", false, MS_SHARED},
    {"rshared", false, MS_SHARED | MS_REC},
    {"slave", false, MS_SLAVE},
    {"rslave", false, MS_SLAVE | MS_REC},
    {"relatime", false, MS_RELATIME},
    {"norelatime", true, MS_RELATIME},
    {"strictatime", false, MS_STRICTATIME},
    {"nostrictatime", true, MS_STRICTATIME},
};

static bool take_word(struct str word, unsigned long *flags)
{
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq(word, str_of(words[i].word))) {
            *flags = words[i].clear ? *flags & ~words[i].flag : *flags | words[i].flag;
            return true;
        }
    return false;
}

/* "size=1m,ro" -> MS_RDONLY and "size=1m" */
static int take_options(const char *o, unsigned long *ret_flags, struct buf *data,
                        struct shale_err *e)
{
    struct str rest = str_of(o), one;

    *ret_flags = 0;
    while (rest.n > 0 && str_split(&rest, ',', &one)) {
        if (take_word(one, ret_flags))
            continue;
        if (data->n)
            buf_addc(data, ',');
        buf_add(data, one.p, one.n);
    }
    return buf_check(data, e);
}

static int refused(const struct volume_options *x, const char *target, unsigned long flags,
                   const char *data, struct shale_err *e)
{
    char shown[40] = "", reason[100];

    str_printable(reason, sizeof reason, strerror(errno));
    reason[0] = (char)tolower((unsigned char)reason[0]); /* as Go words them */
    if (flags)
        (void)snprintf(shown, sizeof shown, ", flags: 0x%lx", flags);
    return err_set(e, SHALE_INVALID,
                   "error while mounting volume '%.200s': failed to mount local volume: mount "
                   "%.200s:%.200s%s%s%.200s: %s",
                   target, x->device, target, shown, *data ? ", data: " : "", data, reason);
}

static int mount_at(const struct volume_options *given, const char *target, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(256u << 10);
    _cleanup_(buf_clear) struct buf data = BUF_INIT(4096);
    struct volume_options resolved = *given, *x = &resolved;
    unsigned long flags;
    int r = volume_remote_resolve(x, &a, e);

    if (r < 0)
        return err_wrap(e, r, "error while mounting volume '%.200s'", target);
    r = take_options(x->o, &flags, &data, e);
    if (r < 0)
        return r;
    unsigned long first = flags & ~(unsigned long)PROPAGATION;
    if (sys_step("mount") < 0 || mount(x->device, target, x->type, first, buf_str(&data)) < 0) {
        int why = errno;
        const char *shown = volume_remote_shown(buf_str(&data), &a);
        errno = why;
        return shown ? refused(x, target, first, shown, e) : err_nomem(e);
    }
    bool bad =
        (flags & PROPAGATION) && mount("", target, "", flags & (PROPAGATION | MS_REC), NULL) < 0;
    if (!bad && (first & (MS_BIND | MS_RDONLY)) == (MS_BIND | MS_RDONLY))
        bad = mount("", target, "", first | MS_REMOUNT, NULL) < 0;
    if (!bad)
        return 0;
    r = refused(x, target, flags, "", e);
    (void)umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW);
    return r;
}

/* ---- who has which ---- */

static bool is_mounted(const char *path)
{
    struct statx st;

    return statx(AT_FDCWD, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, 0, &st) == 0 &&
           (st.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) &&
           (st.stx_attributes & STATX_ATTR_MOUNT_ROOT);
}

/* "\040" of the mount table. In place. */
static void unescape(char *s)
{
    char *to = s;

    for (; *s; s++) {
        bool octal = s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
                     s[3] >= '0' && s[3] <= '7';
        *to++ = octal ? (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0')) : *s;
        s += octal ? 3 : 0;
    }
    *to = 0;
}

/* Is it <root>/containers/<id>/volumes/<name>? */
static bool is_bind_of(const char *path, const char *root, const char *name)
{
    size_t n = strlen(root);

    if (strncmp(path, root, n) != 0 || !str_has_prefix(path + n, "/containers/"))
        return false;
    const char *id = path + n + strlen("/containers/"), *rest = strchr(id, '/');
    return rest && str_has_prefix(rest, "/volumes/") && streq(rest + strlen("/volumes/"), name);
}

/* 1: a container has it. What cannot be read counts as such. */
static bool is_used(struct store *s, const char *name)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(MOUNTS_MAX_BYTES);

    if (mounts_read(&b, NULL) < 0)
        return true;
    struct str rest = {buf_str(&b), b.n}, line;
    while (str_split(&rest, '\n', &line)) {
        char path[PATH_MAX];
        struct str field = {0};
        for (int i = 0; i < 5; i++) /* id parent dev root PATH */
            if (!str_split(&line, ' ', &field))
                field.n = 0;
        if (field.n == 0 || field.n >= sizeof path)
            continue;
        memcpy(path, field.p, field.n);
        path[field.n] = 0;
        unescape(path);
        if (is_bind_of(path, store_root(s), name))
            return true;
    }
    return false;
}

static int lock_mounts(struct store *s, struct shale_err *e)
{
    return lock_take(store_root_fd(s), MOUNTS_LOCK, LOCK_EXCLUSIVE, NULL, e);
}

static const char *data_of(struct store *s, const char *name, struct arena *a)
{
    return arena_printf(a, "%s/volumes/%s/_data", store_root(s), name);
}

static void release_locked(struct store *s, const char *name, const char *data)
{
    if (is_mounted(data) && !is_used(s, name))
        (void)umount2(data, MNT_DETACH | UMOUNT_NOFOLLOW);
}

void volume_mount_release(struct store *s, const char *name)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(64u << 10);
    const char *data = name_is_valid(name) ? data_of(s, name, &a) : NULL;

    if (!data || !is_mounted(data))
        return;
    _cleanup_close_ int lock = lock_mounts(s, NULL);
    if (lock >= 0)
        release_locked(s, name, data);
}

/* ---- containers ---- */

static const char *folder(struct arena *a, const struct ctr *c, const struct conf_mount *m)
{
    return arena_printf(a, "%s/volumes/%s", c->dir, m->name);
}

int volume_mount_here(struct store *s, const char *name, struct arena *a, struct shale_err *e)
{
    struct volume_options x;
    const char *data = data_of(s, name, a);
    int r = data ? volume_options_read(s, name, a, &x, e) : err_nomem(e);

    if (r < 0 || !*x.json)
        return r < 0 ? r : 0;
    r = is_mounted(data) ? 0 : mount_at(&x, data, e);
    return r < 0 ? r : 1;
}

static int make_one(struct container_host *h, struct arena *a, const struct ctr *c,
                    struct conf_mount *m, struct shale_err *e)
{
    const char *data = data_of(h->store, m->name, a), *bind = folder(a, c, m), *path;
    struct volume_options x;
    int r = data && bind ? volume_options_read(h->store, m->name, a, &x, e) : err_nomem(e);

    if (r < 0 || !*x.json)
        return r < 0 ? r : 0;
    r = volume_ensure(h->store, m->name, a, &path, e);
    if (r >= 0)
        r = fs_mkdir_p(AT_FDCWD, bind, 0711, e);
    if (r < 0)
        return r;
    _cleanup_close_ int lock = lock_mounts(h->store, e);
    if (lock < 0)
        return lock;
    if (!is_mounted(bind)) { /* the volume may be mounted at two places of the container */
        r = is_mounted(data) ? 0 : mount_at(&x, data, e);
        if (r < 0)
            return r;
        if (sys_step("mount") < 0 || mount(data, bind, NULL, MS_BIND | MS_REC, NULL) < 0) {
            r = err_sys(e, "mount volume %.100s", m->name);
            release_locked(h->store, m->name, data);
            return r;
        }
    }
    m->source = bind;
    return 0;
}

int volume_mounts_make(struct container_host *h, struct arena *a, struct ctr *c,
                       struct shale_err *e)
{
    int r = 0;

    volume_mounts_undo(h, a, c); /* of a start that broke off */
    for (size_t i = 0; r >= 0 && i < c->conf.n_mounts; i++)
        if (streq(c->conf.mounts[i].type, "volume"))
            r = make_one(h, a, c, &c->conf.mounts[i], e);
    return r;
}

void volume_mounts_undo(struct container_host *h, struct arena *a, const struct ctr *c)
{
    for (size_t i = 0; i < c->conf.n_mounts; i++) {
        const struct conf_mount *m = &c->conf.mounts[i];
        const char *bind = streq(m->type, "volume") ? folder(a, c, m) : NULL;
        if (!bind || !fs_exists(AT_FDCWD, bind))
            continue;
        while (is_mounted(bind) && umount2(bind, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
            ;
        volume_mount_release(h->store, m->name);
    }
}

int volume_mount_fills(struct store *s, const char *name, struct arena *a, struct shale_err *e)
{
    struct volume_options x;
    int r = volume_options_read(s, name, a, &x, e);

    return r < 0 ? r : !*x.json || !streq(x.type, "tmpfs");
}
