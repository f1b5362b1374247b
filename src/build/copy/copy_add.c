/* SPDX-License-Identifier: Apache-2.0 */
/* What ADD does beside COPY: files and repositories of the network, and archives. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/inroot.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "build/context/archive.h"
#include "build/context/copy_way.h"
#include "build/context/fetch.h"
#include "build/copy/copy_priv.h"

#define SHA256_PREFIX "sha256:"

/* ---- the folder for it ---- */

/* A name for something new in the copy's folder. */
static int new_name(struct build_copy *c, char ret[16], struct shale_err *e)
{
    int r = 0;

    if (!c->o->store)
        return err_set(e, SHALE_INTERNAL, "there is no store to fetch into");
    if (!c->room)
        r = build_room_open(c->o->store, &c->room, e);
    (void)snprintf(ret, 16, "%u", c->n_rooms++);
    return r;
}

void copy_item_clear(struct copy_item *it)
{
    free(it->v);
    if (it->owns_fd && it->root_fd >= 0)
        close(it->root_fd);
}

void copy_item_unpacked(struct copy_item *it, int root_fd)
{
    copy_item_clear(it);
    *it = (struct copy_item){.root_fd = root_fd,
                             .owns_fd = true,
                             .name = "",
                             .is_dir = true,
                             .keeps_owner = true,
                             .is_foreign = true,
                             .is_whole = true,
                             .unpacked = true};
}

/* ---- URLs ---- */

static int bad_checksum(const char *s, struct shale_err *e)
{
    return err_set(e, SHALE_INVALID, "--checksum=%.100s: it must be sha256: and 64 hex digits", s);
}

static int parse_checksum(const char *s, const char **ret, struct shale_err *e)
{
    if (!str_has_prefix(s, SHA256_PREFIX))
        return bad_checksum(s, e);
    const char *hex = s + sizeof SHA256_PREFIX - 1;
    if (strlen(hex) != 64 || strspn(hex, "0123456789abcdef") != 64)
        return bad_checksum(s, e);
    *ret = hex;
    return 0;
}

static int tell(const struct build_copy *c, const char *url, const char *alg, const char *hex,
                struct shale_err *e)
{
    return c->o->on_fetched ? c->o->on_fetched(c->o->fetched_arg, url, alg, hex, e) : 0;
}

static int fetch(struct build_copy *c, struct copy_item *it, struct shale_err *e)
{
    struct fetched got;
    char name[16];
    int r = new_name(c, name, e);

    if (r >= 0)
        r = fetch_url(it->url, build_room_fd(c->room), name, c->o->cancel, &got, e);
    if (r < 0)
        return r;
    if (it->sha256 && !streq(it->sha256, got.sha256))
        return err_set(e, SHALE_CORRUPT,
                       "digest mismatch of %.200s: it is sha256:%s, --checksum says sha256:%s",
                       it->url, got.sha256, it->sha256);
    it->sha256 = arena_strdup(&c->a, got.sha256);
    it->root_fd = build_room_fd(c->room);
    return it->sha256 ? copy_walk(c, it, name, NULL, e) : err_nomem(e);
}

static int add_url(struct build_copy *c, const char *url, struct shale_err *e)
{
    struct copy_item *it = copy_item_new(c, e);
    int r = it ? 0 : -SHALE_NO_MEMORY;

    if (r >= 0 && c->o->checksum)
        r = parse_checksum(c->o->checksum, &it->sha256, e);
    if (r < 0)
        return r;
    it->url = url;
    it->is_foreign = it->is_whole = true;
    it->keeps_owner = false;
    it->unpack = streq(c->o->unpack, "true");
    it->name = fetch_name(url, &c->a);
    if (!it->name)
        return err_nomem(e);
    if (!it->sha256) /* a digest that is known need not be found out */
        r = fetch(c, it, e);
    return r < 0 ? r : tell(c, url, "sha256", it->sha256, e);
}

/* ---- git ---- */

static int walk_repository(struct build_copy *c, struct copy_item *it, const char *name,
                           const char *folder, struct shale_err *e)
{
    struct way w;
    int fd = openat(build_room_fd(c->room), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return err_sys(e, "open a folder");
    it->root_fd = fd;
    it->owns_fd = true;
    int r = way_find(fd, folder ? folder : "", &c->a, &w, e);
    if (r < 0)
        return r;
    if (!w.exists || !S_ISDIR(w.st.st_mode))
        return err_set(e, SHALE_NOT_FOUND, "the repository has no folder \"%.200s\"", folder);
    return copy_walk(c, it, w.path, NULL, e);
}

static int add_repository(struct build_copy *c, const struct git_source *g, struct shale_err *e)
{
    struct copy_item *it = copy_item_new(c, e);
    char name[16], commit[65];
    int r = it ? new_name(c, name, e) : -SHALE_NO_MEMORY;

    if (r >= 0)
        r = git_fetch(g, build_room_fd(c->room), name, c->o->keep_git_dir, c->o->cancel, commit, e);
    if (r < 0)
        return r;
    if (c->o->checksum && !str_has_prefix(commit, c->o->checksum))
        return err_set(e, SHALE_CORRUPT, "%.200s is at commit %s, --checksum says %.80s", g->url,
                       commit, c->o->checksum);
    it->is_foreign = it->is_dir = true;
    it->keeps_owner = false;
    it->name = "";
    const char *url = g->ref ? arena_printf(&c->a, "%s#%s", g->url, g->ref) : g->url;
    if (!url)
        return err_nomem(e);
    r = tell(c, url, strlen(commit) == 64 ? "sha256" : "sha1", commit, e);
    return r < 0 ? r : walk_repository(c, it, name, g->folder, e);
}

static bool is_url(const char *s)
{
    return str_has_prefix(s, "http://") || str_has_prefix(s, "https://");
}

int copy_add_remote(struct build_copy *c, const char *source, struct shale_err *e)
{
    struct git_source g;

    int r = git_parse(source, &c->a, &g, e);
    if (!c->o->add && (r > 0 || is_url(source)))
        return err_set(e, SHALE_INVALID, "source can't be a %s for COPY: \"%.200s\"; ADD takes one",
                       r > 0 ? "git ref" : "URL", source);
    if (!c->o->add)
        return r < 0 ? r : 0;
    if (r > 0)
        r = add_repository(c, &g, e);
    else if (r == 0 && is_url(source))
        r = add_url(c, source, e);
    else if (r == 0)
        return c->o->checksum ? err_set(e, SHALE_INVALID,
                                        "checksum can't be specified for \"%.200s\": it is neither "
                                        "a URL nor a git repository",
                                        source)
                              : 0;
    return r < 0 ? r : 1;
}

/* ---- archives ---- */

static int open_file(const struct copy_item *it, struct shale_err *e)
{
    return inroot_open(it->root_fd, it->v[0].path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY,
                       e);
}

static int is_archive(const struct copy_item *it, struct shale_err *e)
{
    _cleanup_free_ char *head = mem_alloc(ARCHIVE_HEAD_BYTES);
    _cleanup_close_ int fd = head ? open_file(it, e) : err_nomem(e);
    size_t n;
    int r = fd < 0 ? fd : archive_read_head(fd, head, &n, it->name, e);

    return r < 0 ? r : archive_is_tar(head, n);
}

int copy_mark_archive(struct build_copy *c, struct copy_item *it, struct shale_err *e)
{
    if (!c->o->add || it->is_dir || !S_ISREG(it->v[0].st.mode) || streq(c->o->unpack, "false"))
        return 0;
    int r = is_archive(it, e);
    it->unpack = r > 0;
    return r;
}

/* The folders that an archive has members for. */
struct told {
    struct arena a;
    const char **v;
    size_t n, cap;
};

static int note_folder(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    struct told *l = arg;

    if (t->type != TAR_DIR || !t->path.n)
        return 0;
    const char **v = arena_grow(&l->a, l->v, l->n, &l->cap, sizeof *v);
    const char *s = v ? arena_strndup(&l->a, t->path.p, t->path.n) : NULL;
    if (!s)
        return err_set(e, SHALE_LIMIT, "too many folders");
    l->v = v;
    v[l->n++] = s;
    return 0;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void told_clear(struct told *l)
{
    arena_clear(&l->a);
}

static void mark_implied(struct copy_item *it, const struct told *l)
{
    for (size_t i = 1; i < it->n; i++) {
        const char *rel = it->v[i].rel;
        it->v[i].implied = S_ISDIR(it->v[i].st.mode) &&
                           !(l->n && bsearch(&rel, l->v, l->n, sizeof *l->v, by_name));
    }
}

static int unpack_into(struct build_copy *c, const struct copy_item *it, int to, struct told *l,
                       struct shale_err *e)
{
    _cleanup_close_ int fd = open_file(it, e);
    const struct archive_in in = {.fd = fd, .what = it->name};
    const struct tar_unpack_opts o = {
        .root_fd = to, .dir = "", .shown = "", .keep_owner = true, .cancel = c->o->cancel};
    int r = fd < 0 ? fd : archive_unpack(&in, &o, note_folder, l, e);

    if (r >= 0 && l->n > 1)
        qsort(l->v, l->n, sizeof *l->v, by_name);
    return r;
}

/* The item becomes what is in it: where that is enough, as it lies there; else as a folder. */
static int unpack(struct build_copy *c, struct copy_item *it, struct shale_err *e)
{
    _cleanup_(told_clear) struct told l = {.a = ARENA_INIT(COPY_MAX_BYTES)};
    _cleanup_close_ int fd = open_file(it, e);
    char name[16];
    int r = fd < 0 ? fd : new_name(c, name, e);

    if (r >= 0)
        r = copy_packed_open(c, it, fd, build_room_fd(c->room), e);
    if (r != 0)
        return r < 0 ? r : 0;
    int room = build_room_fd(c->room);
    if (sys_mkdirat(room, name, 0755) < 0)
        return err_sys(e, "create a folder for an archive");
    _cleanup_close_ int to = openat(room, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    r = to < 0 ? err_sys(e, "open a folder") : unpack_into(c, it, to, &l, e);
    if (r < 0)
        return r;
    copy_item_unpacked(it, TAKE_FD(to));
    r = copy_walk(c, it, "", NULL, e);
    if (r >= 0)
        mark_implied(it, &l);
    return r;
}

int copy_settle_items(struct build_copy *c, struct shale_err *e)
{
    int r = 0;

    for (size_t i = 0; r >= 0 && i < c->n_items; i++) {
        struct copy_item *it = &c->items[i];
        if (it->url && it->n == 0)
            r = fetch(c, it, e);
        if (r >= 0 && it->unpack)
            r = it->url ? is_archive(it, e) : 1;
        if (r > 0)
            r = unpack(c, it, e);
    }
    return r < 0 ? r : 0;
}
