/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/auth/htpasswd.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/random.h>

#include "base/crypto.h"
#include "base/arena.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/pool.h"
#include "base/time.h"
#include "registry/auth/htpasswd_priv.h"

#define BCRYPT_CHARS    60
#define MEMORY_SLOTS    4096 /* power of two */
#define DIGEST_BYTES    32
#define LOOK_EVERY_NS   NS_PER_S
#define MAX_WAIT_NS     (2 * NS_PER_S)
#define PROBLEM_BYTES   512
#define TABLE_MAX_BYTES (64u << 20)

/* Users as the file had them; never changes. */
struct table {
    struct arena arena;
    struct htpasswd_user *users; /* by name */
    size_t n, cap;
    char dummy[BCRYPT_CHARS + 16]; /* hash for names that are not there */
    char problem[PROBLEM_BYTES];
    struct stat st;
    atomic_uint refs;
};

struct htpasswd {
    char *path;
    pthread_mutex_t mutex; /* table, looked_ns, memory, n_running */
    pthread_cond_t done;   /* a bcrypt has ended */
    struct table *table;
    int64_t looked_ns;
    size_t n_running, max_running;
    uint8_t key[DIGEST_BYTES];
    struct {
        uint8_t digest[DIGEST_BYTES];
        int64_t until_ns; /* 0: free */
    } memory[MEMORY_SLOTS];
};

/* ---- lines ---- */

int htpasswd_check_name(struct str name, struct shale_err *e)
{
    static const char *const words[] = {"anyone", "users", "nobody"}; /* mean more in rules */

    if (name.n == 0 || name.n > HTPASSWD_MAX_USER_BYTES)
        return err_set(e, SHALE_INVALID, "a user name has 1 to %d bytes", HTPASSWD_MAX_USER_BYTES);
    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq(name, str_of(words[i])))
            return err_set(e, SHALE_INVALID, "no user can be called %s: rules mean more by it",
                           words[i]);
    if (*name.p == '@' || *name.p == '#')
        return err_set(e, SHALE_INVALID, "a user name does not begin with @ or #");
    for (size_t i = 0; i < name.n; i++)
        if ((unsigned char)name.p[i] <= ' ' || name.p[i] == 0x7f || strchr(":,\"\\", name.p[i]))
            return err_set(e, SHALE_INVALID,
                           "a user name has no blanks, colons, commas, quotes, "
                           "backslashes or control characters");
    if (!str_is_utf8(name.p, name.n))
        return err_set(e, SHALE_INVALID, "a user name is UTF-8");
    return 0;
}

/* "$2y$10$" and 53 characters of its alphabet. */
unsigned htpasswd_cost(struct str hash)
{
    if (hash.n != BCRYPT_CHARS || memcmp(hash.p, "$2", 2) != 0 ||
        !(hash.p[2] == 'a' || hash.p[2] == 'b' || hash.p[2] == 'y') || hash.p[3] != '$' ||
        hash.p[6] != '$')
        return 0;
    for (size_t i = 7; i < hash.n; i++) {
        char c = hash.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '.' && c <= '9')))
            return 0;
    }
    unsigned tens = (unsigned char)hash.p[4] - '0', ones = (unsigned char)hash.p[5] - '0';
    unsigned cost = tens * 10 + ones;
    return tens > 9 || ones > 9 || cost < 4 || cost > HTPASSWD_MAX_COST ? 0 : cost;
}

int htpasswd_line(struct str line, struct str *ret_name, struct str *ret_hash, struct shale_err *e)
{
    if (line.n > HTPASSWD_MAX_LINE_BYTES)
        return err_set(e, SHALE_INVALID, "a line of more than %d bytes", HTPASSWD_MAX_LINE_BYTES);
    line = str_trim(line);
    if (line.n == 0 || *line.p == '#')
        return 0;
    const char *colon = memchr(line.p, ':', line.n);
    if (!colon)
        return err_set(e, SHALE_INVALID, "a line without ':'");
    struct str name = {line.p, (size_t)(colon - line.p)};
    struct str hash = {colon + 1, (size_t)(line.p + line.n - colon - 1)};
    int r = htpasswd_check_name(name, e);
    if (r < 0)
        return r;
    if (!htpasswd_cost(hash))
        return err_set(e, SHALE_INVALID,
                       "the hash of %.*s is not bcrypt of cost 4 to %d; give a new password with "
                       "shale registry user passwd %.*s",
                       (int)name.n, name.p, HTPASSWD_MAX_COST, (int)name.n, name.p);
    *ret_name = name;
    *ret_hash = hash;
    return 1;
}

/* ---- tables ---- */

static void table_unref(struct table *t)
{
    if (t && atomic_fetch_sub(&t->refs, 1) == 1) {
        arena_clear(&t->arena);
        free(t);
    }
}

static void table_unrefp(struct table **t)
{
    table_unref(*t);
}

static int by_name_and_line(const void *a, const void *b)
{
    const struct htpasswd_user *x = a, *y = b;
    int d = strcmp(x->name, y->name);

    return d ? d : (x->line > y->line) - (x->line < y->line);
}

static const struct htpasswd_user *table_get(const struct table *t, const char *name)
{
    size_t low = 0, high = t->n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int d = strcmp(name, t->users[mid].name);
        if (d == 0)
            return &t->users[mid];
        if (d < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return NULL;
}

static void note_problem(struct table *t, const char *path, unsigned line, const char *what)
{
    char text[PROBLEM_BYTES];

    if (*t->problem)
        return;
    snprintf(text, sizeof text, "%s:%u: %s", path, line, what);
    str_printable(t->problem, sizeof t->problem, text);
}

static int table_add(struct table *t, const char *path, unsigned number, struct str line,
                     struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    struct str name = {0}, hash = {0};

    int r = htpasswd_line(line, &name, &hash, &why);
    if (r < 0)
        note_problem(t, path, number, why.msg);
    if (r != 1)
        return 0;
    if (t->n >= HTPASSWD_MAX_USERS)
        return err_set(e, SHALE_LIMIT, "%s has more than %d users", path, HTPASSWD_MAX_USERS);
    struct htpasswd_user *v = arena_grow(&t->arena, t->users, t->n, &t->cap, sizeof *v);
    if (!v)
        return err_nomem(e);
    t->users = v;
    v += t->n;
    *v = (struct htpasswd_user){arena_strndup(&t->arena, name.p, name.n),
                                arena_strndup(&t->arena, hash.p, hash.n), number,
                                htpasswd_cost(hash)};
    if (!v->name || !v->hash)
        return err_nomem(e);
    t->n++;
    return 0;
}

/* Sorts, and leaves the first line of each name. */
static void table_sort(struct table *t, const char *path)
{
    size_t kept = 0;

    if (t->n)
        qsort(t->users, t->n, sizeof *t->users, by_name_and_line);
    for (size_t i = 0; i < t->n; i++) {
        if (kept && streq(t->users[kept - 1].name, t->users[i].name)) {
            char what[HTPASSWD_MAX_USER_BYTES + 64];
            snprintf(what, sizeof what, "user %s stands twice; the first line counts",
                     t->users[i].name);
            note_problem(t, path, t->users[i].line, what);
            continue;
        }
        t->users[kept++] = t->users[i];
    }
    t->n = kept;
}

/* A hash nobody has the password of, as expensive as most of the others. */
static void table_set_dummy(struct table *t)
{
    size_t n[HTPASSWD_MAX_COST + 1] = {0};
    unsigned most = HTPASSWD_DEFAULT_COST;

    for (size_t i = 0; i < t->n; i++)
        n[t->users[i].cost]++;
    for (unsigned c = 4; c <= HTPASSWD_MAX_COST; c++)
        if (n[c] > n[most])
            most = c;
    snprintf(t->dummy, sizeof t->dummy,
             "$2y$%02u$abcdefghijklmnopqrstuuabcdefghijklmnopqrstuvwxyzabcde", most);
}

static int table_parse(struct table *t, const char *path, struct str text, struct shale_err *e)
{
    struct str line;

    for (unsigned number = 1; str_split(&text, '\n', &line); number++) {
        int r = table_add(t, path, number, line, e);
        if (r < 0)
            return r;
    }
    table_sort(t, path);
    table_set_dummy(t);
    return 0;
}

static int table_load(const char *path, struct table **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(HTPASSWD_MAX_BYTES);
    _cleanup_(table_unrefp) struct table *t = mem_alloc(sizeof *t);

    if (!t)
        return err_nomem(e);
    atomic_init(&t->refs, 1);
    arena_init(&t->arena, TABLE_MAX_BYTES);
    if (stat(path, &t->st) < 0) /* before reading: a later change is seen at the next look */
        return err_sys(e, "open %s", path);
    if (!S_ISREG(t->st.st_mode))
        return err_set(e, SHALE_INVALID, "%s is not a file", path);
    int r = fs_read_file(AT_FDCWD, path, &b, e);
    if (r < 0)
        return r;
    r = table_parse(t, path, (struct str){buf_str(&b), b.n}, e);
    explicit_bzero(b.p, b.n);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(t);
    return 0;
}

/* ---- the handle ---- */

int htpasswd_open(const char *path, struct htpasswd **ret, struct shale_err *e)
{
    struct table *t = NULL;

    int r = crypto_load(e);
    if (r >= 0)
        r = crypt_load(e);
    if (r >= 0)
        r = table_load(path, &t, e);
    if (r < 0)
        return r;
    struct htpasswd *h = mem_alloc(sizeof *h);
    if (!h || !(h->path = mem_strdup(path)) ||
        getrandom(h->key, sizeof h->key, 0) != (ssize_t)sizeof h->key) {
        table_unref(t);
        if (h)
            free(h->path);
        free(h);
        return err_nomem(e);
    }
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&h->done, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&h->mutex, NULL);
    h->table = t;
    h->looked_ns = time_mono_ns();
    h->max_running = pool_n_cpus();
    *ret = h;
    return 0;
}

struct htpasswd *htpasswd_close(struct htpasswd *h)
{
    if (h) {
        table_unref(h->table);
        pthread_mutex_destroy(&h->mutex);
        pthread_cond_destroy(&h->done);
        explicit_bzero(h->key, sizeof h->key);
        free(h->path);
        free(h);
    }
    return NULL;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_dev == b->st_dev && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* The users of now, to be released with table_unref. */
static struct table *table_now(struct htpasswd *h)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct table *fresh = NULL, *old = NULL;
    struct stat st;
    int64_t now = time_mono_ns();
    bool look;

    pthread_mutex_lock(&h->mutex);
    struct table *t = h->table;
    atomic_fetch_add(&t->refs, 1);
    look = now - h->looked_ns >= LOOK_EVERY_NS;
    if (look)
        h->looked_ns = now; /* this thread does it; others go on with what there is */
    pthread_mutex_unlock(&h->mutex);
    if (!look || (stat(h->path, &st) == 0 && same_file(&st, &t->st)))
        return t;
    if (table_load(h->path, &fresh, &e) < 0) {
        log_warn("users stay as they were: %s", e.msg);
        return t;
    }
    pthread_mutex_lock(&h->mutex);
    old = h->table;
    h->table = fresh;
    atomic_fetch_add(&fresh->refs, 1);
    pthread_mutex_unlock(&h->mutex);
    table_unref(old);
    table_unref(t);
    return fresh;
}

/* ---- memory of right pairs ---- */

static bool digest_of(const struct htpasswd *h, const struct htpasswd_user *u, const char *password,
                      uint8_t ret[DIGEST_BYTES])
{
    uint8_t text[HTPASSWD_MAX_USER_BYTES + BCRYPT_CHARS + 2 + 1024];
    size_t n_name = strlen(u->name) + 1, n_hash = strlen(u->hash) + 1, n_pw = strlen(password);

    if (n_name + n_hash + n_pw > sizeof text)
        return false;
    memcpy(text, u->name, n_name);
    memcpy(text + n_name, u->hash, n_hash);
    memcpy(text + n_name + n_hash, password, n_pw);
    bool ok = HMAC(EVP_sha256(), h->key, sizeof h->key, text, n_name + n_hash + n_pw, ret, NULL);
    explicit_bzero(text, sizeof text);
    return ok;
}

static size_t slot_of(const uint8_t digest[DIGEST_BYTES])
{
    return (digest[0] | (size_t)digest[1] << 8) & (MEMORY_SLOTS - 1);
}

static bool remembered(struct htpasswd *h, const uint8_t digest[DIGEST_BYTES])
{
    size_t i = slot_of(digest);

    pthread_mutex_lock(&h->mutex);
    bool yes = h->memory[i].until_ns > time_mono_ns() &&
               CRYPTO_memcmp(h->memory[i].digest, digest, DIGEST_BYTES) == 0;
    pthread_mutex_unlock(&h->mutex);
    return yes;
}

static void remember(struct htpasswd *h, const uint8_t digest[DIGEST_BYTES])
{
    size_t i = slot_of(digest);

    pthread_mutex_lock(&h->mutex);
    memcpy(h->memory[i].digest, digest, DIGEST_BYTES);
    h->memory[i].until_ns = time_mono_ns() + HTPASSWD_MEMORY_NS;
    pthread_mutex_unlock(&h->mutex);
}

/* ---- checking ---- */

static int turn_begin(struct htpasswd *h, struct shale_err *e)
{
    int64_t until_ns = time_mono_ns() + MAX_WAIT_NS;
    struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};
    int waited = 0;

    pthread_mutex_lock(&h->mutex);
    while (h->n_running >= h->max_running && waited != ETIMEDOUT)
        waited = pthread_cond_timedwait(&h->done, &h->mutex, &until);
    bool mine = h->n_running < h->max_running;
    h->n_running += mine;
    pthread_mutex_unlock(&h->mutex);
    return mine ? 0 : err_set(e, SHALE_LIMIT, "too many logins at once; try again");
}

static void turn_end(struct htpasswd *h)
{
    pthread_mutex_lock(&h->mutex);
    h->n_running--;
    pthread_cond_signal(&h->done);
    pthread_mutex_unlock(&h->mutex);
}

/* 1: the password has this hash; 0: it has not. */
static int bcrypt_is(const char *password, const char *hash, struct shale_err *e)
{
    struct crypt_data *data = mem_alloc(sizeof *data);

    if (!data)
        return err_nomem(e);
    const char *made = crypt_r(password, hash, data);
    int same = made && strlen(made) == BCRYPT_CHARS && CRYPTO_memcmp(made, hash, BCRYPT_CHARS) == 0;
    explicit_bzero(data, sizeof *data);
    free(data);
    return same;
}

static int verify(struct htpasswd *h, const struct table *t, const char *user, const char *password,
                  struct shale_err *e)
{
    const struct htpasswd_user *u = table_get(t, user);
    uint8_t digest[DIGEST_BYTES];

    bool known = u && digest_of(h, u, password, digest);
    if (known && remembered(h, digest))
        return 0;
    int r = turn_begin(h, e);
    if (r < 0)
        return r;
    r = bcrypt_is(password, known ? u->hash : t->dummy, e);
    turn_end(h);
    if (r < 0)
        return r;
    if (r == 0 || !known)
        return err_set(e, SHALE_UNAUTHORIZED, "wrong user or password");
    remember(h, digest);
    return 0;
}

int htpasswd_verify(struct htpasswd *h, const char *user, const char *password, struct shale_err *e)
{
    _cleanup_(table_unrefp) struct table *t = table_now(h);

    return verify(h, t, user, password, e);
}

int htpasswd_mark(struct htpasswd *h, const char *user, char ret[HTPASSWD_MARK_HEX + 1],
                  struct shale_err *e)
{
    _cleanup_(table_unrefp) struct table *t = table_now(h);
    const struct htpasswd_user *u = table_get(t, user);
    char hex[HASH_MAX_HEX + 1];

    if (!u)
        return err_set(e, SHALE_NOT_FOUND, "no such user");
    int r = hash_bytes(HASH_SHA256, u->hash, strlen(u->hash), hex, e);
    if (r < 0)
        return r;
    memcpy(ret, hex, HTPASSWD_MARK_HEX);
    ret[HTPASSWD_MARK_HEX] = 0;
    return 0;
}

size_t htpasswd_count(struct htpasswd *h)
{
    _cleanup_(table_unrefp) struct table *t = table_now(h);

    return t->n;
}

bool htpasswd_problem(struct htpasswd *h, char *ret, size_t n)
{
    _cleanup_(table_unrefp) struct table *t = table_now(h);

    snprintf(ret, n, "%s", t->problem);
    return *t->problem;
}

int htpasswd_each(const char *path, int (*f)(void *arg, const char *user), void *arg,
                  struct shale_err *e)
{
    _cleanup_(table_unrefp) struct table *t = NULL;

    int r = table_load(path, &t, e);
    for (size_t i = 0; r == 0 && i < t->n; i++)
        r = f(arg, t->users[i].name);
    return r;
}
