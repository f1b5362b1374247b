/* SPDX-License-Identifier: Apache-2.0 */
/* Which blobs are visible where. */
#include "base/cleanup.h"
#include "base/time.h"
#include "registry/state/state_priv.h"

struct blob_job {
    struct state *s;
    const char *repo, *from;
    const struct digest *d;
    uint64_t size, quota;
};

int state_blob(struct state *s, const char *repo, const struct digest *d, uint64_t *ret_size,
               struct shale_err *e)
{
    int64_t size;
    int r = stmt_number(s->r,
                        "SELECT b.size FROM repos r JOIN links l ON l.repo = r.id AND l.digest = ?2"
                        " JOIN blobs b ON b.digest = l.digest WHERE r.name = ?1",
                        -1, &size, e, "td", repo, d);

    if (r < 0 || size < 0)
        return r < 0 ? r : 0;
    if (ret_size)
        *ret_size = (uint64_t)size;
    return 1;
}

static int link_blob(struct meta *m, const struct blob_job *j, struct shale_err *e)
{
    int64_t id = 0, before = 0;
    int r = state_bytes(m, j->repo, &before, e);

    if (r >= 0)
        r = state_repo_id(m, j->repo, true, &id, e);
    if (r >= 0)
        r = stmt_run(m,
                     "INSERT INTO links VALUES(?1, ?2, ?3)"
                     " ON CONFLICT(repo, digest) DO UPDATE SET added = ?3",
                     NULL, e, "idi", id, j->d, time_now_ns());
    return r < 0 ? r : state_quota(m, j->repo, before, j->quota, e);
}

static int put_blob(struct meta *m, void *arg, struct shale_err *e)
{
    const struct blob_job *j = arg;
    int r = stmt_run(m, "INSERT OR IGNORE INTO blobs VALUES(?1, ?2, ?3)", NULL, e, "dii", j->d,
                     (int64_t)j->size, time_now_ns());

    if (r >= 0)
        r = state_file_there(j->s, j->d, e);
    return r < 0 ? r : link_blob(m, j, e);
}

int state_blob_put(struct state *s, const char *repo, const struct digest *d, uint64_t size,
                   uint64_t quota, struct shale_err *e)
{
    struct blob_job j = {.s = s, .repo = repo, .d = d, .size = size, .quota = quota};

    return state_write(s, true, NULL, put_blob, &j, e);
}

struct unknown_job {
    const struct digest *d;
    int (*f)(void *arg, struct shale_err *e);
    void *arg;
};

static int if_unknown(struct meta *m, void *arg, struct shale_err *e)
{
    const struct unknown_job *j = arg;
    int64_t known = 0;
    int r = stmt_number(m, "SELECT 1 FROM blobs WHERE digest = ?1", 0, &known, e, "d", j->d);

    if (r < 0 || known)
        return r < 0 ? r : 0;
    r = j->f(j->arg, e);
    return r < 0 ? r : 1;
}

int state_blob_unknown(struct state *s, const struct digest *d,
                       int (*f)(void *arg, struct shale_err *e), void *arg, struct shale_err *e)
{
    struct unknown_job j = {d, f, arg};

    return state_write(s, false, NULL, if_unknown, &j, e);
}

/* A blob with a row has its bytes; the transaction keeps collectors out. */
static int mount_blob(struct meta *m, void *arg, struct shale_err *e)
{
    static const char in_any[] = "SELECT 1 FROM blobs b JOIN links l ON l.digest = b.digest"
                                 " WHERE b.digest = ?1 LIMIT 1";
    static const char in_one[] = "SELECT 1 FROM repos r JOIN links l ON l.repo = r.id AND"
                                 " l.digest = ?1 JOIN blobs b ON b.digest = l.digest"
                                 " WHERE r.name = ?2";
    const struct blob_job *j = arg;
    int64_t found;
    int r = j->from ? stmt_number(m, in_one, 0, &found, e, "dt", j->d, j->from)
                    : stmt_number(m, in_any, 0, &found, e, "d", j->d);

    if (r < 0 || !found)
        return r < 0 ? r : 0;
    r = link_blob(m, j, e);
    return r < 0 ? r : 1;
}

int state_mount(struct state *s, const char *repo, const struct digest *d, const char *from,
                uint64_t quota, struct shale_err *e)
{
    struct blob_job j = {.repo = repo, .d = d, .from = from, .quota = quota};

    return state_write(s, true, NULL, mount_blob, &j, e);
}

static int unlink_blob(struct meta *m, void *arg, struct shale_err *e)
{
    const struct blob_job *j = arg;
    int n = 0, r;
    int64_t id = 0;

    r = state_repo_id(m, j->repo, false, &id, e);
    if (r >= 0)
        r = stmt_run(m, "DELETE FROM links WHERE repo = ?1 AND digest = ?2", &n, e, "id", id, j->d);
    return r < 0 ? r : n > 0;
}

int state_blob_unlink(struct state *s, const char *repo, const struct digest *d,
                      struct shale_err *e)
{
    struct blob_job j = {.repo = repo, .d = d};

    return state_write(s, true, repo, unlink_blob, &j, e);
}
