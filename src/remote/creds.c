/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials as docker keeps them: config.json (auths, credsStore, credHelpers) and credential
 * helpers. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/base64.h"
#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/time.h"
#include "remote/remote_priv.h"

#define CONFIG_MAX_BYTES (4u << 20)
#define SECRET_MAX_BYTES (64u << 10)
#define DOCKER_HUB_KEY   "https://index.docker.io/v1/"
#define HELPER_NO_CREDS  "credentials not found"
#define META_PREFIX      "X-Meta-"

/* ---- HttpHeaders ---- */

static bool is_field_name(const char *s)
{
    return *s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
                     strlen(s);
}

/* As with docker, only those reach a registry whose names begin with "X-Meta-". */
static int load_headers(struct remote_client *c, struct shale_err *e)
{
    const json_t *all = json_object_get(c->config, "HttpHeaders"), *v;
    const char *name, **list = arena_array(&c->arena, json_object_size(all) + 1, sizeof *list);
    size_t n = 0;

    if (!list)
        return err_nomem(e);
    json_object_foreach((json_t *)all, name, v)
    {
        const char *value = json_string_value(v);
        if (strncasecmp(name, META_PREFIX, strlen(META_PREFIX)) != 0)
            continue;
        if (!value || !is_field_name(name) || strpbrk(value, "\r\n"))
            return err_set(e, SHALE_INVALID, "HttpHeaders: \"%.60s\" is not a header", name);
        list[n] = arena_printf(&c->arena, "%s: %s", name, value);
        if (!list[n++])
            return err_nomem(e);
    }
    c->own_headers = list;
    return 0;
}

/* ---- config.json ---- */

/* What the caller has in place of the file. */
static int take_auths(struct remote_client *c, struct shale_err *e)
{
    json_t *auths = NULL;
    int r = json_parse(c->o.auths, strlen(c->o.auths), CONFIG_MAX_BYTES, &auths, e);

    if (r < 0)
        return err_wrap(e, r, "credentials");
    c->config = json_pack("{s:o}", "auths", auths);
    return c->config ? 0 : err_nomem(e);
}

int creds_load(struct remote_client *c, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(CONFIG_MAX_BYTES);
    struct shale_err why = SHALE_ERR_INIT;
    char path[4096];
    int r;

    if (c->o.auths)
        return take_auths(c, e);
    if (!c->o.config_dir)
        return 0;
    if (snprintf(path, sizeof path, "%s/config.json", c->o.config_dir) >= (int)sizeof path)
        return err_set(e, SHALE_LIMIT, "path too long: %.80s…", c->o.config_dir);
    r = fs_read_file(AT_FDCWD, path, &b, &why);
    if (r == -SHALE_NOT_FOUND)
        return 0;
    if (r >= 0 && b.n > 0)
        r = json_parse(b.p, b.n, CONFIG_MAX_BYTES, &c->config, &why);
    if (r >= 0 && c->config && !json_is_object(c->config))
        r = err_set(&why, SHALE_INVALID, "not a JSON object");
    if (r >= 0 && c->config)
        r = load_headers(c, &why);
    if (r >= 0)
        return 0;
    int code = r == -SHALE_DENIED || r == -SHALE_NO_MEMORY ? -r : SHALE_INVALID;
    return err_set(e, code, "%s: %s", path, why.msg);
}

/* ---- auths ---- */

/* Keys are "host", "https://host/v1/" …: does this one mean the registry? */
static bool key_is(const char *key, const char *domain)
{
    const char *p = strstr(key, "://");
    size_t n;

    p = p ? p + 3 : key;
    n = strcspn(p, "/");
    return strlen(domain) == n && strncmp(p, domain, n) == 0;
}

const char *creds_key(const char *domain)
{
    return streq(domain, "docker.io") ? DOCKER_HUB_KEY : domain;
}

bool creds_key_is(const char *key, const char *domain)
{
    return key_is(key, streq(domain, "docker.io") ? "index.docker.io" : domain);
}

static const json_t *find_auth(const json_t *auths, const char *key, const char *domain)
{
    const json_t *exact = json_object_get(auths, key), *v;
    const char *k;

    if (json_is_object(exact))
        return exact;
    json_object_foreach((json_t *)auths, k,
                        v) if (json_is_object(v) && creds_key_is(k, domain)) return v;
    return NULL;
}

/* base64 of "user:password"; what docker's own decoder takes: lines of any length, spare bits */
static int decode_auth(const char *text, struct arena *a, struct credential *ret,
                       struct shale_err *e)
{
    struct str s = str_trim(str_of(text));
    char *out = s.n <= SECRET_MAX_BYTES ? arena_alloc(a, BASE64_BYTES(s.n) + 1) : NULL;
    if (!out && a->failed)
        return err_nomem(e);
    ssize_t k = out ? base64_decode(BASE64_LINES | BASE64_SPARE, s.p, s.n, out) : -1;

    if (k < 0)
        return err_set(e, SHALE_INVALID, "config.json: an \"auth\" is not valid base64");
    out[k] = 0;
    char *colon = strchr(out, ':');
    if (!colon)
        return err_set(e, SHALE_INVALID,
                       "config.json: an \"auth\" is not \"user:password\" in base64");
    *colon = 0;
    ret->user = out;
    ret->password = colon + 1;
    return 0;
}

static int from_auths(struct remote_client *c, const char *key, const char *domain, struct arena *a,
                      struct credential *ret, struct shale_err *e)
{
    struct {
        const char *auth, *username, *password, *identitytoken, *registrytoken;
    } v = {0};
    static const struct json_field fields[] = {
        {"auth", JB_STR, 0, 0},
        {"username", JB_STR, sizeof(char *), 0},
        {"password", JB_STR, 2 * sizeof(char *), 0},
        {"identitytoken", JB_STR, 3 * sizeof(char *), 0},
        {"registrytoken", JB_STR, 4 * sizeof(char *), 0},
    };
    const json_t *auth = find_auth(json_object_get(c->config, "auths"), key, domain);
    int r;

    if (!auth)
        return 0;
    r = json_bind(auth, fields, ARRAY_SIZE(fields), &v, a, e);
    if (r < 0)
        return err_wrap(e, r, "config.json");
    if (v.auth && *v.auth) {
        r = decode_auth(v.auth, a, ret, e);
        if (r < 0)
            return r;
    } else if (v.username && *v.username) {
        ret->user = v.username;
        ret->password = v.password ? v.password : "";
    }
    if (v.identitytoken && *v.identitytoken)
        ret->identity_token = v.identitytoken;
    if (v.registrytoken && *v.registrytoken && !strpbrk(v.registrytoken, "\r\n"))
        ret->registry_token = v.registrytoken;
    return 0;
}

/* ---- helpers ---- */

static bool name_is_safe(const char *name)
{
    return *name &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
               strlen(name);
}

static int helper_answer(const struct buf *out, struct arena *a, struct credential *ret,
                         struct shale_err *e)
{
    struct {
        const char *user, *secret;
    } v = {0};
    static const struct json_field fields[] = {
        {"Username", JB_STR, 0, 0},
        {"Secret", JB_STR, sizeof(char *), JB_REQUIRED},
    };
    _cleanup_json_ json_t *j = NULL;
    int r = json_parse(out->p ? out->p : "", out->n, SECRET_MAX_BYTES, &j, e);

    if (r >= 0)
        r = json_bind(j, fields, ARRAY_SIZE(fields), &v, a, e);
    if (r < 0)
        return r;
    if (v.user && streq(v.user, "<token>")) {
        ret->identity_token = v.secret;
    } else {
        ret->user = v.user ? v.user : "";
        ret->password = v.secret;
    }
    return 0;
}

static int from_helper(struct remote_client *c, const char *name, const char *key, struct arena *a,
                       struct credential *ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(SECRET_MAX_BYTES);
    char program[300], shown[200];
    int status, r;

    if (!name_is_safe(name))
        return err_set(e, SHALE_INVALID, "config.json: bad name of a credential helper");
    snprintf(program, sizeof program, "docker-credential-%.200s", name);
    const char *const argv[] = {program, "get", NULL};
    const struct proc_opts o = {
        .argv = argv, .input = key, .input_n = strlen(key), .timeout_ns = c->o.helper_timeout_ns};
    r = proc_run(&o, &out, NULL, &status, NULL, e);
    if (r < 0)
        return err_wrap(e, r, "error getting credentials");
    if (status != 0) {
        if (strstr(buf_str(&out), HELPER_NO_CREDS))
            return 0;
        struct str first = str_trim((struct str){buf_str(&out), strcspn(buf_str(&out), "\n")});
        char *line = arena_strndup(a, first.p, first.n);
        return err_set(e, SHALE_DENIED, "error getting credentials: %s: %s", program,
                       str_printable(shown, sizeof shown, line ? line : ""));
    }
    r = helper_answer(&out, a, ret, e);
    return r < 0 ? err_wrap(e, r, "error getting credentials: %s", program) : 0;
}

const char *creds_helper(const struct remote_client *c, const char *domain)
{
    const json_t *all = json_object_get(c->config, "credHelpers");
    const char *helper = json_string_value(json_object_get(all, domain));

    if (!helper)
        helper = json_string_value(json_object_get(all, creds_key(domain)));
    if (!helper)
        helper = json_string_value(json_object_get(c->config, "credsStore"));
    return helper && *helper ? helper : NULL;
}

int creds_find(struct remote_client *c, const char *domain, struct arena *a, struct credential *ret,
               struct shale_err *e)
{
    const char *helper = creds_helper(c, domain);

    *ret = (struct credential){0};
    if (!c->config)
        return 0;
    if (helper)
        return from_helper(c, helper, creds_key(domain), a, ret, e);
    return from_auths(c, creds_key(domain), domain, a, ret, e);
}
