/* SPDX-License-Identifier: Apache-2.0 */
#include "remote/remote.h"

#include "registry.h"

#include "model/limits.h"

#define MANIFEST "{\"schemaVersion\":2}"
#define MANIFEST_DIGEST                                                                            \
    "sha256:bd5d6e5bbd71ae0bc2abb9bb7b5d2f2d5c2c1a4e83ad1ea3ef63e3dd0f1e2ad0" /* of other bytes */
#define V2 "/v2/team/app/"

/* ---- manifests ---- */

enum {
    PLAIN,
    NO_HEAD_DIGEST,
    NO_HEAD,
    LIES,
    UNKNOWN,
    NO_NAME,
    HTML,
    HUGE_BODY,
    SCHEMA1,
    DENIED,
    ODD
};

static bool manifests(struct peer *p, const struct asked *q)
{
    struct world *w = p->server->arg;
    bool head = is(q->method, "HEAD");

    switch (w->mode) {
    case NO_HEAD_DIGEST:
    case PLAIN:
        return reply(p, 200,
                     head && w->mode == PLAIN
                         ? "Content-Type: application/vnd.x; charset=a\r\nDocker-Content-Digest: "
                           "sha256:"
                           "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n"
                         : "Content-Type: application/vnd.x; charset=a\r\n",
                     head ? "" : MANIFEST);
    case NO_HEAD:
        return head ? reply(p, 405, "", "") : reply(p, 200, "", MANIFEST);
    case LIES:
        return reply(p, 200, "Docker-Content-Digest: " MANIFEST_DIGEST "\r\n", MANIFEST);
    case UNKNOWN:
        return reply(p, 404, "Content-Type: application/json\r\n",
                     head ? ""
                          : "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\",\"message\":\"manifest "
                            "unknown\"}]}");
    case NO_NAME:
        return reply(p, 404, "",
                     head ? ""
                          : "{\"errors\":[{\"code\":\"NAME_UNKNOWN\",\"message\":\"repository name "
                            "not known to registry\"}]}");
    case HTML:
        return reply(p, q->path[strlen(q->path) - 1] == 'w' ? 418 : 404,
                     "Content-Type: text/html\r\n",
                     head ? "" : "<html>\x1b[31m<b>no such page</b></html>");
    case SCHEMA1:
        return reply(p, 200,
                     "Content-Type: application/vnd.docker.distribution.manifest.v1+prettyjws\r\n"
                     "Docker-Content-Digest: " MANIFEST_DIGEST "\r\n",
                     "{\"schemaVersion\":1,\"fsLayers\":[]}");
    case DENIED:
        return reply(p, 403, "",
                     "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"requested access "
                     "to the resource is denied\"}]}");
    case ODD:
        return reply(p, 404, "", "{\"errors\":{\"code\":7},\"message\":[1]}");
    default:
        say(p, "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
        for (int i = 0; i < 3000; i++)
            say(p, "%02000d", 0);
        return false;
    }
}

static void test_manifest(void **state)
{
    struct world *w = world_ready(manifests, PLAIN);
    struct digest want;

    assert_ok(w, get_manifest(w, "v1"));
    assert_string_equal(buf_str(&w->b), MANIFEST);
    assert_ok(w, digest_of_bytes(HASH_SHA256, MANIFEST, strlen(MANIFEST), &want, &w->e));
    assert_string_equal(w->d.digest.s, want.s);
    assert_string_equal(w->d.media_type, "application/vnd.x");
    assert_int_equal(w->d.size_bytes, strlen(MANIFEST));
    const char *accept = w->s.asked[w->s.n_asked - 1].accept;
    assert_non_null(strstr(accept, MEDIA_OCI_INDEX));
    assert_non_null(strstr(accept, MEDIA_OCI_MANIFEST));
    assert_non_null(strstr(accept, MEDIA_DOCKER_LIST));
    assert_non_null(strstr(accept, MEDIA_DOCKER_MANIFEST));

    assert_ok(w, get_manifest(w, want.s));
    assert_error(w, get_manifest(w, MANIFEST_DIGEST), SHALE_CORRUPT,
                 "manifest verification failed for digest " MANIFEST_DIGEST);
    w->mode = LIES;
    assert_error(w, get_manifest(w, "v1"), SHALE_CORRUPT, "manifest verification failed");
    w->mode = HUGE_BODY;
    assert_error(w, get_manifest(w, "v1"), SHALE_LIMIT, "larger than");
    world_free(w);
}

static int resolve(struct world *w, const char *name)
{
    w->e = (struct shale_err)SHALE_ERR_INIT;
    int r = w->src->ops->resolve(w->src, name, &w->a, &w->d, NULL, &w->e);
    assert_true(r < 0 || w->e.code == 0); /* written on failure only */
    return r;
}

static void test_resolve(void **state)
{
    struct world *w = world_ready(manifests, PLAIN);
    struct digest want;

    assert_ok(w, resolve(w, "v1"));
    assert_int_equal(n_asked(&w->s, NULL), 1);
    assert_string_equal(w->s.asked[0].method, "HEAD");
    assert_int_equal(strncmp(w->d.digest.s, "sha256:aaaa", 11), 0);
    assert_string_equal(w->d.media_type, "application/vnd.x");

    assert_ok(w, digest_of_bytes(HASH_SHA256, MANIFEST, strlen(MANIFEST), &want, &w->e));
    for (w->mode = NO_HEAD_DIGEST; w->mode <= NO_HEAD; w->mode++) {
        assert_ok(w, resolve(w, "v1"));
        assert_string_equal(w->d.digest.s, want.s);
    }
    w->mode = UNKNOWN;
    assert_error(w, resolve(w, "nope"), SHALE_NOT_FOUND, "manifest unknown: manifest unknown");
    world_free(w);
}

static void test_refusals(void **state)
{
    static const struct {
        int mode, code;
        const char *name, *text; /* %s: HOST/team/app */
    } rows[] = {
        {UNKNOWN, SHALE_NOT_FOUND, "nope",
         "manifest for %s:nope not found: manifest unknown: manifest unknown"},
        {NO_NAME, SHALE_NOT_FOUND, "nope",
         "repository %s not found: name unknown: repository name not known to registry"},
        {HTML, SHALE_NOT_FOUND, "x",
         "manifest for %s:x not found: manifest unknown: manifest unknown"},
        {ODD, SHALE_NOT_FOUND, "x",
         "manifest for %s:x not found: manifest unknown: manifest unknown"},
        {DENIED, SHALE_DENIED, "x",
         "pull access denied for %s, repository does not exist or may require 'docker login': "
         "denied: requested access to the resource is denied"},
    };
    struct world *w = world_ready(manifests, PLAIN);
    char repo[80], want[400];

    snprintf(repo, sizeof repo, "%s/team/app", w->s.host);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const char *hole = strstr(rows[i].text, "%s");
        w->mode = rows[i].mode;
        int r = get_manifest(w, rows[i].name);
        assert_int_equal(r, -rows[i].code);
        snprintf(want, sizeof want, "%.*s%s%s", (int)(hole - rows[i].text), rows[i].text, repo,
                 hole + 2);
        assert_string_equal(w->e.msg, want);
    }
    w->mode = HTML; /* a web server, not a registry */
    assert_error(w, get_manifest(w, "w"), SHALE_NETWORK, "418");
    assert_null(strchr(w->e.msg, 0x1b));
    w->mode = SCHEMA1;
    assert_error(w, get_manifest(w, "x"), SHALE_UNSUPPORTED, "schema 1");
    world_free(w);
}

/* ---- tags ---- */

static bool tags(struct peer *p, const struct asked *q)
{
    struct world *w = p->server->arg;
    char headers[200];

    if (w->mode == 2) /* the same page again and again */
        return reply(p, 200, "Link: <" V2 "tags/list?last=x>; rel=\"next\"\r\n", "{\"tags\":null}");
    if (w->mode == 3)
        return reply(p, 200, "", "<html>");
    if (strstr(q->path, "last=b"))
        return reply(p, 200, "", "{\"name\":\"team/app\",\"tags\":[\"c\"]}");
    if (strstr(q->path, "last=a"))
        return reply(p, 200, "Link: <list?last=b>; rel=next\r\n", "{\"tags\":[\"b\"]}");
    snprintf(headers, sizeof headers,
             "Link: <http://%s" V2 "tags/list?n=1&last=a>; rel=\"next\"\r\n", w->text);
    return reply(p, 200, headers, "{\"tags\":[\"z\",\"a\"]}");
}

static void test_tags(void **state)
{
    struct world *w = world_new(tags, 0, false);
    struct strv v;

    w->text = w->s.host;
    world_open(w, NULL);
    assert_ok(w, w->src->ops->tags(w->src, &w->a, &v, NULL, &w->e));
    assert_int_equal(v.n, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(v.v[i], ((const char *[]){"z", "a", "b", "c"})[i]);

    w->text = "127.0.0.1:1"; /* a link to another host: only its path counts */
    assert_ok(w, w->src->ops->tags(w->src, &w->a, &v, NULL, &w->e));
    assert_int_equal(v.n, 4);
    w->mode = 2;
    assert_error(w, w->src->ops->tags(w->src, &w->a, &v, NULL, &w->e), SHALE_LIMIT, "does not end");
    w->mode = 3;
    assert_true(w->src->ops->tags(w->src, &w->a, &v, NULL, &w->e) < 0);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_tags),
    };
    unsetenv("http_proxy");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
