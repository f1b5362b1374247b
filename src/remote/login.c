/* SPDX-License-Identifier: Apache-2.0 */
/* Logging in and out: credentials are tried, and kept as docker keeps them (config.json, or a
 * credential helper). */
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "remote/remote_priv.h"

#define CONFIG_MAX_BYTES (4u << 20)
#define SECRET_MAX_BYTES (64u << 10)
#define LOCK_TRIES       100
#define LOCK_MS          50

/* ---- trying ---- */

static int use(struct remote_client *c, struct remote_host *h, const char *user,
               const char *password, struct shale_err *e)
{
    struct credential given = {0};
    int r = 0;

    pthread_mutex_lock(&c->mutex);
    given.user = arena_strdup(&c->arena, user);
    given.password = arena_strdup(&c->arena, password);
    if (!given.user || !given.password)
        r = err_nomem(e);
    pthread_mutex_unlock(&c->mutex);
    if (r < 0)
        return r;
    pthread_mutex_lock(&h->mutex);
    host_forget(h);
    h->credential = given;
    pthread_mutex_unlock(&h->mutex);
    return 0;
}

int remote_login(struct remote_client *c, const char *domain, const char *user,
                 const char *password, struct cancel *cancel, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(4u << 20);
    struct call call = {.method = "GET",
                        .path = "",
                        .scope = "",
                        .cancel = cancel,
                        .is_push = true,
                        .what = "registry",
                        .name = domain,
                        .repo = domain};
    struct http_response p;
    struct remote_host *h;
    int r = host_get(c, domain, &h, e);

    if (r >= 0)
        r = host_prepare(c, h, e);
    if (r >= 0 && user)
        r = use(c, h, user, password, e);
    return r < 0 ? r : call_run(c, h, &call, &a, &p, NULL, e);
}

/* ---- keeping ---- */

static int run_helper(struct remote_client *c, const char *name, const char *verb,
                      const char *input, struct buf *out, int *ret_status, struct shale_err *e)
{
    char program[300];

    snprintf(program, sizeof program, "docker-credential-%.200s", name);
    const char *const argv[] = {program, verb, NULL};
    const struct proc_opts o = {.argv = argv,
                                .input = input,
                                .input_n = strlen(input),
                                .timeout_ns = c->o.helper_timeout_ns};
    return proc_run(&o, out, NULL, ret_status, NULL, e);
}

static int helper_failed(const char *what, const char *name, struct buf *out, struct shale_err *e)
{
    struct str first = {buf_str(out), strcspn(buf_str(out), "\n")};
    char line[200], shown[200];

    snprintf(line, sizeof line, "%.*s", (int)(first.n < 190 ? first.n : 190), first.p);
    return err_set(e, SHALE_DENIED, "error %s credentials: docker-credential-%s: %s", what, name,
                   str_printable(shown, sizeof shown, line));
}

static int to_helper(struct remote_client *c, const char *name, const char *key, const char *user,
                     const char *password, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(SECRET_MAX_BYTES);
    _cleanup_json_ json_t *j =
        json_pack("{s:s, s:s, s:s}", "ServerURL", key, "Username", user, "Secret", password);
    _cleanup_free_ char *text = j ? json_text(j) : NULL;
    int status, r;

    if (!text)
        return err_set(e, SHALE_INVALID, "user and password must be UTF-8");
    r = run_helper(c, name, "store", text, &out, &status, e);
    if (r < 0)
        return err_wrap(e, r, "error storing credentials");
    return status == 0 ? 0 : helper_failed("storing", name, &out, e);
}

/* config.json that is being changed: what others write meanwhile is not lost. */
struct config_file {
    char path[PATH_MAX]; /* of the file itself, where config.json is a link */
    int dir_fd;          /* locked: other logins wait */
    json_t *j;
};

static void config_close(struct config_file *f)
{
    json_decref(f->j);
    if (f->dir_fd >= 0)
        close(f->dir_fd);
}

static int lock_folder(struct config_file *f, const char *dir, struct shale_err *e)
{
    int r = fs_mkdir_p(AT_FDCWD, dir, 0700, e);

    if (r < 0)
        return r;
    f->dir_fd = fs_open_dir(AT_FDCWD, dir, e);
    if (f->dir_fd < 0)
        return f->dir_fd;
    for (int i = 0; (r = lock_fd_try(f->dir_fd, LOCK_EXCLUSIVE, e)) == 0; i++) {
        if (i == LOCK_TRIES)
            return err_set(e, SHALE_IN_USE, "another login is writing to %s", dir);
        poll(NULL, 0, LOCK_MS);
    }
    return r < 0 ? r : 0;
}

static int config_open(struct remote_client *c, struct config_file *f, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(CONFIG_MAX_BYTES);
    struct shale_err why = SHALE_ERR_INIT;
    char path[PATH_MAX];

    if (!c->o.config_dir)
        return err_set(e, SHALE_NOT_FOUND,
                       "no folder for config.json: set HOME, DOCKER_CONFIG or --config");
    if (snprintf(path, sizeof path, "%s/config.json", c->o.config_dir) >= (int)sizeof path)
        return err_set(e, SHALE_LIMIT, "path too long: %.80s…", c->o.config_dir);
    int r = lock_folder(f, c->o.config_dir, e);
    if (r < 0)
        return r;
    if (!realpath(path, f->path))
        memcpy(f->path, path, sizeof path);
    r = fs_read_file(AT_FDCWD, f->path, &b, &why);
    if (r == -SHALE_NOT_FOUND || (r >= 0 && b.n == 0)) {
        f->j = json_object();
        return f->j ? 0 : err_nomem(e);
    }
    if (r >= 0)
        r = json_parse(b.p, b.n, CONFIG_MAX_BYTES, &f->j, &why);
    if (r >= 0 && !json_is_object(f->j))
        r = err_set(&why, SHALE_INVALID, "not a JSON object");
    return r < 0 ? err_set(e, -r, "%s: %s", path, why.msg) : 0;
}

static int config_write(struct config_file *f, struct shale_err *e)
{
    _cleanup_free_ char *text = json_text_indented(f->j);

    return text ? fs_write_atomic(AT_FDCWD, f->path, text, strlen(text), 0600, true, e)
                : err_nomem(e);
}

static int to_file(struct remote_client *c, const char *key, const char *user, const char *password,
                   struct arena *a, const char **ret_file, struct shale_err *e)
{
    _cleanup_(config_close) struct config_file f = {.dir_fd = -1};
    char *both = arena_printf(a, "%s:%s", user, password);
    char *code = both ? arena_alloc(a, BASE64_LENGTH(strlen(both)) + 1) : NULL;
    int r = code ? config_open(c, &f, e) : err_nomem(e);

    if (r < 0)
        return r;
    base64_encode(0, both, strlen(both), code);
    if (!json_is_object(json_object_get(f.j, "auths")))
        json_object_set_new(f.j, "auths", json_object());
    json_t *auths = json_object_get(f.j, "auths"), *one = json_pack("{s:s}", "auth", code);
    if (!auths || json_object_set_new(auths, key, one) < 0)
        return err_nomem(e);
    r = config_write(&f, e);
    *ret_file = r < 0 ? NULL : arena_strdup(a, f.path);
    return r < 0 || *ret_file ? r : err_nomem(e);
}

int remote_credential_store(struct remote_client *c, const char *domain, const char *user,
                            const char *password, struct arena *a, const char **ret_file,
                            struct shale_err *e)
{
    const char *key = creds_key(domain), *helper = creds_helper(c, domain);

    *ret_file = NULL;
    if (strchr(user, ':'))
        return err_set(e, SHALE_INVALID, "a user's name has no colon");
    return helper ? to_helper(c, helper, key, user, password, e)
                  : to_file(c, key, user, password, a, ret_file, e);
}

/* ---- forgetting ---- */

static int from_file(struct remote_client *c, const char *domain, bool *ret_was,
                     struct shale_err *e)
{
    _cleanup_(config_close) struct config_file f = {.dir_fd = -1};
    const char *key;
    json_t *v;
    void *tmp;
    int r = config_open(c, &f, e);

    if (r < 0)
        return r;
    json_t *auths = json_object_get(f.j, "auths");
    json_object_foreach_safe(auths, tmp, key, v)
    {
        if (!creds_key_is(key, domain))
            continue;
        *ret_was = true;
        if (json_object_del(auths, key) < 0)
            return err_nomem(e);
    }
    return *ret_was ? config_write(&f, e) : 0;
}

int remote_credential_erase(struct remote_client *c, const char *domain, bool *ret_was,
                            struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(SECRET_MAX_BYTES);
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
    const char *helper = creds_helper(c, domain);
    struct credential known;
    int status, r;

    *ret_was = false;
    if (helper) {
        *ret_was =
            creds_find(c, domain, &a, &known, NULL) >= 0 && (known.user || known.identity_token);
        r = run_helper(c, helper, "erase", creds_key(domain), &out, &status, e);
        if (r < 0)
            return err_wrap(e, r, "error erasing credentials");
        if (status != 0 && *ret_was)
            return helper_failed("erasing", helper, &out, e);
    }
    bool in_file = false;
    r = from_file(c, domain, &in_file, e);
    *ret_was |= in_file;
    return r;
}

int remote_credential_user(struct remote_client *c, const char *domain, struct arena *a,
                           const char **ret, struct shale_err *e)
{
    struct credential known;
    int r = creds_find(c, domain, a, &known, e);

    *ret = r < 0 ? NULL : known.user ? known.user : known.identity_token ? "<token>" : NULL;
    return r;
}
