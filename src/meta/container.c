/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of containers. */
#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/time.h"
#include "meta/meta_container.h"
#include "meta/meta_network.h"
#include "meta/meta_content.h"
#include "meta/stmt.h"

#define COLUMNS                                                                                    \
    "SELECT id, name, image, image_ref, created, auto_remove, labels, config, state, pid, "        \
    "exit_code,"                                                                                   \
    " oom_killed, started, finished, error, restarts, stopped FROM containers"
/* all that the index containers_listing has */
#define BRIEF_COLUMNS                                                                              \
    "SELECT id, name, image, image_ref, created, auto_remove, labels, state, pid, exit_code,"      \
    " oom_killed, started, finished, error, restarts, stopped, listing FROM containers"

static int no_container(const char *what, struct shale_err *e)
{
    char shown[256];

    return err_set(e, SHALE_NOT_FOUND, "No such container: %s",
                   str_printable(shown, sizeof shown, what));
}

static int row_of(const struct stmt *q, struct arena *a, void *ret, struct shale_err *e)
{
    struct meta_container c = {
        .name = col_dup(q, 1, a),
        .image_ref = col_dup(q, 3, a),
        .created_ns = col_i64(q, 4),
        .auto_remove = col_i64(q, 5) != 0,
        .labels = col_dup(q, 6, a),
        .config = col_dup(q, 7, a),
        .run = {.state = col_dup(q, 8, a),
                .pid = col_i64(q, 9),
                .exit_code = (int)col_i64(q, 10),
                .oom_killed = col_i64(q, 11) != 0,
                .started_ns = col_i64(q, 12),
                .finished_ns = col_i64(q, 13),
                .error = col_dup(q, 14, a),
                .restarts = col_i64(q, 15),
                .stopped = col_i64(q, 16) != 0},
    };

    if (!c.name || !c.image_ref || !c.labels || !c.config || !c.run.state || !c.run.error)
        return err_nomem(e);
    snprintf(c.id, sizeof c.id, "%.64s", col_text(q, 0));
    col_digest(q, 2, &c.image_id);
    *(struct meta_container *)ret = c;
    return 0;
}

/* 1 and the row of the one that a query with one text finds. */
static int one(struct meta *m, const char *sql, const char *text, struct arena *a,
               struct meta_container *ret, struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, sql, &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "t", text);
    r = stmt_step(&q, e);
    if (r == 1 && row_of(&q, a, ret, e) < 0)
        return -SHALE_NO_MEMORY;
    return r;
}

/* ---- putting ---- */

/* Who has this name? "" nobody. */
static int holder_of(struct meta *m, const char *name, char ret[META_CONTAINER_ID_HEX + 1],
                     struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, "SELECT id FROM containers WHERE name = ?1", &q, e);

    ret[0] = 0;
    if (r < 0)
        return r;
    stmt_bind(&q, "t", name);
    r = stmt_step(&q, e);
    if (r == 1)
        snprintf(ret, META_CONTAINER_ID_HEX + 1, "%.64s", col_text(&q, 0));
    return r;
}

static int name_taken(const char *name, const char *by, char holder[META_CONTAINER_ID_HEX + 1],
                      struct shale_err *e)
{
    if (holder)
        memcpy(holder, by, strlen(by) + 1);
    return err_set(e, SHALE_EXISTS, "the container name \"%s\" is in use by %s", name, by);
}

/* The image that it is of is held by the container's own row. */
static int add_mounted(struct meta *m, const struct meta_container *c, struct shale_err *e)
{
    for (size_t i = 0; i < c->n_mounted; i++) {
        const struct digest *d = &c->mounted[i];
        int64_t there;
        int r = stmt_number(m, "SELECT 1 FROM images WHERE id = ?1", 0, &there, e, "d", d);
        if (r >= 0 && !there)
            r = err_set(e, SHALE_CONFLICT, "No such image: %s", d->s);
        if (r >= 0 && !digest_eq(d, &c->image_id))
            r = stmt_run(m,
                         "INSERT OR IGNORE INTO container_images(image, container) VALUES(?1, ?2)",
                         NULL, e, "dt", d, c->id);
        if (r < 0)
            return r;
    }
    return 0;
}

static int add(struct meta *m, const struct meta_container *c,
               char holder[META_CONTAINER_ID_HEX + 1], struct shale_err *e)
{
    char by[META_CONTAINER_ID_HEX + 1];
    int64_t there;
    int r = stmt_number(m, "SELECT 1 FROM images WHERE id = ?1", 0, &there, e, "d", &c->image_id);

    if (r < 0)
        return r;
    if (!there)
        return err_set(e, SHALE_NOT_FOUND, "No such image: %s", c->image_id.s);
    r = holder_of(m, c->name, by, e);
    if (r != 0)
        return r < 0 ? r : name_taken(c->name, by, holder, e);
    r = stmt_number(m, "SELECT 1 FROM containers WHERE id = ?1", 0, &there, e, "t", c->id);
    if (r < 0)
        return r;
    if (there) {
        if (holder)
            memcpy(holder, c->id, sizeof c->id);
        return err_set(e, SHALE_EXISTS, "the container ID %s is in use", c->id);
    }
    r = add_mounted(m, c, e);
    if (r < 0)
        return r;
    const struct meta_container_run *x = &c->run;
    return stmt_run(m,
                    "INSERT INTO containers(id, name, image, image_ref, created, auto_remove, "
                    "labels, config, state, pid, exit_code, oom_killed, started, finished, error, "
                    "listing) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, "
                    "?15, ?16)",
                    NULL, e, "ttdtiitttiiiiitb", c->id, c->name, &c->image_id, c->image_ref,
                    c->created_ns ? c->created_ns : time_now_ns(), (int64_t)c->auto_remove,
                    c->labels, c->config, x->state, x->pid, (int64_t)x->exit_code,
                    (int64_t)x->oom_killed, x->started_ns, x->finished_ns, x->error, &c->listing);
}

int meta_container_add(struct meta *m, const struct meta_container *c,
                       char holder[META_CONTAINER_ID_HEX + 1], struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, add(m, c, holder, e), e);
}

static int rename_row(struct meta *m, const char *id, const char *name,
                      char holder[META_CONTAINER_ID_HEX + 1], struct shale_err *e)
{
    char by[META_CONTAINER_ID_HEX + 1];
    int64_t there;
    int r = holder_of(m, name, by, e);

    if (r < 0)
        return r;
    if (r == 1 && !streq(by, id))
        return name_taken(name, by, holder, e);
    r = stmt_number(m, "SELECT 1 FROM containers WHERE id = ?1", 0, &there, e, "t", id);
    if (r < 0)
        return r;
    if (!there)
        return no_container(id, e);
    return stmt_run(m, "UPDATE containers SET name = ?2 WHERE id = ?1", NULL, e, "tt", id, name);
}

int meta_container_rename(struct meta *m, const char *id, const char *name,
                          char holder[META_CONTAINER_ID_HEX + 1], struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, rename_row(m, id, name, holder, e), e);
}

static int set_flag(struct meta *m, const char *sql, const char *id, bool on, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, stmt_run(m, sql, NULL, e, "ti", id, (int64_t)on), e);
}

int meta_container_set_auto_remove(struct meta *m, const char *id, bool on, struct shale_err *e)
{
    return set_flag(m, "UPDATE containers SET auto_remove = ?2 WHERE id = ?1", id, on, e);
}

int meta_container_set_stopped(struct meta *m, const char *id, bool on, struct shale_err *e)
{
    return set_flag(m, "UPDATE containers SET stopped = ?2 WHERE id = ?1", id, on, e);
}

int meta_container_set_config(struct meta *m, const char *id, const char *config,
                              struct str listing, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r
                 : meta_end(m,
                            stmt_run(m,
                                     "UPDATE containers SET config = ?2, listing = ?3"
                                     " WHERE id = ?1",
                                     NULL, e, "ttb", id, config, &listing),
                            e);
}

/* ---- finding ---- */

int meta_container_get(struct meta *m, const char *id, struct arena *a, struct meta_container *ret,
                       struct shale_err *e)
{
    int r = one(m, COLUMNS " WHERE id = ?1", id, a, ret, e);

    return r == 0 ? no_container(id, e) : r < 0 ? r : 0;
}

static int by_prefix(struct meta *m, const char *text, struct arena *a, struct meta_container *ret,
                     struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    char to[META_CONTAINER_ID_HEX + 2];
    size_t n = strlen(text);

    if (n == 0 || n > META_CONTAINER_ID_HEX || strspn(text, "0123456789abcdef") != n)
        return no_container(text, e);
    snprintf(to, sizeof to, "%sg", text);
    int r = stmt_open(m, COLUMNS " WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT 2", &q, e);
    if (r < 0)
        return r;
    stmt_bind(&q, "tt", text, to);
    r = stmt_step(&q, e);
    if (r <= 0)
        return r < 0 ? r : no_container(text, e);
    struct meta_container c;
    r = row_of(&q, a, &c, e);
    if (r >= 0)
        r = stmt_step(&q, e);
    if (r == 1)
        return err_set(e, SHALE_INVALID, "multiple IDs found with provided prefix: %s", text);
    if (r == 0)
        *ret = c;
    return r;
}

int meta_container_find(struct meta *m, const char *text, struct arena *a,
                        struct meta_container *ret, struct shale_err *e)
{
    int r = one(m, COLUMNS " WHERE id = ?1", text, a, ret, e);

    if (r == 0)
        r = one(m, COLUMNS " WHERE name = ?1", text[0] == '/' ? text + 1 : text, a, ret, e);
    if (r != 0)
        return r < 0 ? r : 0;
    return by_prefix(m, text, a, ret, e);
}

/* Most images have none: a removal of many asks that often. */
static int has_users(struct meta *m, const struct digest *image, struct shale_err *e)
{
    int64_t there;
    int r = stmt_number(m,
                        "SELECT EXISTS (SELECT 1 FROM containers WHERE image = ?1)"
                        " OR EXISTS (SELECT 1 FROM container_images WHERE image = ?1)",
                        0, &there, e, "d", image);

    return r < 0 ? r : there != 0;
}

int meta_container_list(struct meta *m, const struct digest *image, struct arena *a,
                        struct meta_container **ret, size_t *ret_n, struct shale_err *e)
{
    int r = image ? has_users(m, image, e) : 1;

    *ret = NULL;
    *ret_n = 0;
    if (r <= 0)
        return r;
    _cleanup_(stmt_close) struct stmt q = {0};
    r = stmt_open(m,
                  image ? COLUMNS " WHERE id IN (SELECT container FROM image_users"
                                  " WHERE image = ?1) ORDER BY created DESC, id"
                        : COLUMNS " ORDER BY created DESC, id",
                  &q, e);

    if (r < 0)
        return r;
    if (image)
        stmt_bind(&q, "d", image);
    return stmt_list(&q, sizeof **ret, row_of, a, ret, ret_n, e);
}

int meta_container_count(struct meta *m, uint64_t *ret, struct shale_err *e)
{
    int64_t n;
    int r = stmt_number(m, "SELECT count(*) FROM containers", 0, &n, e, "");

    if (r >= 0)
        *ret = (uint64_t)n;
    return r;
}

/* Texts are the statement's. */
static void brief_row(const struct stmt *q, struct meta_container *c)
{
    *c = (struct meta_container){
        .name = col_text(q, 1),
        .image_ref = col_text(q, 3),
        .created_ns = col_i64(q, 4),
        .auto_remove = col_i64(q, 5) != 0,
        .labels = col_text(q, 6),
        .config = "",
        .run = {.state = col_text(q, 7),
                .pid = col_i64(q, 8),
                .exit_code = (int)col_i64(q, 9),
                .oom_killed = col_i64(q, 10) != 0,
                .started_ns = col_i64(q, 11),
                .finished_ns = col_i64(q, 12),
                .error = col_text(q, 13),
                .restarts = col_i64(q, 14),
                .stopped = col_i64(q, 15) != 0},
        .listing = col_bytes(q, 16),
    };
    col_copy(q, 0, c->id, sizeof c->id);
    col_digest(q, 2, &c->image_id);
}

int meta_container_each(struct meta *m, const struct digest *image,
                        int (*f)(void *arg, const struct meta_container *c), void *arg,
                        struct shale_err *e)
{
    int r = image ? has_users(m, image, e) : 1;

    if (r <= 0)
        return r;
    _cleanup_(stmt_close) struct stmt q = {0};
    r = stmt_open(m,
                  image ? BRIEF_COLUMNS " WHERE id IN (SELECT container FROM image_users"
                                        " WHERE image = ?1) ORDER BY created DESC, id"
                        : BRIEF_COLUMNS " ORDER BY created DESC, id",
                  &q, e);

    if (r < 0)
        return r;
    if (image)
        stmt_bind(&q, "d", image);
    while ((r = stmt_step(&q, e)) == 1) {
        struct meta_container c;
        brief_row(&q, &c);
        r = f(arg, &c);
        if (r != 0)
            return r;
    }
    return r;
}

/* ---- states ---- */

static bool one_of(const char *state, const char *const *from)
{
    if (!from)
        return true;
    for (; *from; from++)
        if (streq(*from, state))
            return true;
    return false;
}

static int move(struct meta *m, const char *id, const char *const *from,
                const struct meta_container_run *to, struct arena *a, const char **ret_state,
                struct shale_err *e)
{
    char state[32];
    {
        _cleanup_(stmt_close) struct stmt q = {0};
        int r = stmt_open(m, "SELECT state FROM containers WHERE id = ?1", &q, e);
        if (r < 0)
            return r;
        stmt_bind(&q, "t", id);
        r = stmt_step(&q, e);
        if (r <= 0)
            return r < 0 ? r : no_container(id, e);
        snprintf(state, sizeof state, "%s", col_text(&q, 0));
    }
    if (!one_of(state, from)) {
        if (a && ret_state) {
            *ret_state = arena_strdup(a, state);
            if (!*ret_state)
                return err_nomem(e);
        }
        return err_set(e, SHALE_CONFLICT, "container %.12s is %s", id, state);
    }
    return stmt_run(
        m,
        "UPDATE containers SET state = ?2, pid = ?3, exit_code = ?4, oom_killed = ?5, started = ?6,"
        " finished = ?7, error = ?8, restarts = ?9, stopped = ?10 WHERE id = ?1",
        NULL, e, "ttiiiiitii", id, to->state, to->pid, (int64_t)to->exit_code,
        (int64_t)to->oom_killed, to->started_ns, to->finished_ns, to->error, to->restarts,
        (int64_t)to->stopped);
}

int meta_container_move(struct meta *m, const char *id, const char *const *from,
                        const struct meta_container_run *to, struct arena *a,
                        const char **ret_state, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, move(m, id, from, to, a, ret_state, e), e);
}

/* ---- deleting ---- */

static int mounted_of(struct meta *m, const char *id, struct arena *a, struct meta_digests *ret,
                      struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m, "SELECT image FROM container_images WHERE container = ?1", &q, e);

    if (r < 0)
        return r;
    stmt_bind(&q, "t", id);
    return stmt_digests(&q, a, ret, e);
}

int meta_container_images(struct meta *m, struct arena *a, struct meta_digests *ret,
                          struct shale_err *e)
{
    _cleanup_(stmt_close) struct stmt q = {0};
    int r = stmt_open(m,
                      "SELECT DISTINCT image FROM containers UNION SELECT image FROM"
                      " container_images",
                      &q, e);

    return r < 0 ? r : stmt_digests(&q, a, ret, e);
}

/* Images that were deleted while it had them mounted go with the last one that has. */
static int release_mounted(struct meta *m, const char *id, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(16 << 20);
    struct meta_digests images = {0};
    int r = mounted_of(m, id, &a, &images, e);

    if (r >= 0 && images.n)
        r = stmt_run(m, "DELETE FROM container_images WHERE container = ?1", NULL, e, "t", id);
    for (size_t i = 0; r >= 0 && i < images.n; i++)
        r = image_release_held(m, &images.v[i], e);
    return r < 0 ? r : 0;
}

static int delete_row(struct meta *m, const char *id, struct shale_err *e)
{
    struct digest image;
    {
        _cleanup_(stmt_close) struct stmt q = {0};
        int r = stmt_open(m, "SELECT image FROM containers WHERE id = ?1", &q, e);
        if (r < 0)
            return r;
        stmt_bind(&q, "t", id);
        r = stmt_step(&q, e);
        if (r <= 0)
            return r;
        col_digest(&q, 0, &image);
    }
    int r = stmt_run(m, "DELETE FROM containers WHERE id = ?1", NULL, e, "t", id);
    if (r >= 0)
        r = release_mounted(m, id, e);
    if (r >= 0) /* until now it was in use */
        r = stmt_run(m, "UPDATE images SET used = ?2 WHERE id = ?1", NULL, e, "di", &image,
                     time_now_ns());
    if (r >= 0)
        r = meta_endpoint_delete(m, id, NULL, e);
    return r < 0 ? r : image_release_held(m, &image, e);
}

int meta_container_mentions(struct meta *m, const char *id, const char *text, bool *ret,
                            struct shale_err *e)
{
    int64_t there = 0;
    int r =
        stmt_number(m, "SELECT 1 FROM containers WHERE id <> ?1 AND instr(config, ?2) > 0 LIMIT 1",
                    0, &there, e, "tt", id, text);

    if (r >= 0)
        *ret = there != 0;
    return r;
}

int meta_container_delete(struct meta *m, const char *id, struct shale_err *e)
{
    int r = meta_begin(m, e);

    return r < 0 ? r : meta_end(m, delete_row(m, id, e), e);
}
