/* SPDX-License-Identifier: Apache-2.0 */
/* Pushes to registries that lose sessions, send us elsewhere, and say nothing of use. (Long uploads
 * and broken lines: tests/cli/335-push.bats, with real ones.) */
#include "registry.h"

#define DIGEST  "sha256:b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"
#define BYTES   "hello world"
#define BLOB    "/v2/team/app/blobs/" DIGEST
#define UPLOADS "/v2/team/app/blobs/uploads/"

enum {
    GOOD,
    HAS,         /* the blob is there */
    MOUNTS,      /* and in another repository */
    MOUNT_NOT,   /* 202 for a mount */
    NO_LOCATION, /* where to send it is not told */
    BAD_LOCATION,
    ELSEWHERE,  /* the upload goes to w->text */
    LOSES_ONE,  /* the first session is lost */
    LOSES_ALL,  /* every session is lost */
    BUSY,       /* 503 once for the PUT */
    DENIES,     /* 403 for the POST */
    WRONG_BYTES /* 400 DIGEST_INVALID for the PUT */
};

static bool uploads(struct peer *p, const struct asked *q)
{
    struct world *w = p->server->arg;
    char to[300];
    int n;

    if (w->mode == ELSEWHERE && !q->authorization[0])
        return reply(p, 401, "WWW-Authenticate: Basic realm=\"x\"\r\n", "");
    if (is(q->method, "HEAD"))
        return reply(p, w->mode == HAS ? 200 : 404, "", "");
    if (is(q->method, "POST")) {
        if (strstr(q->path, "mount=") && w->mode == MOUNTS)
            return reply(p, 201, "Location: " BLOB "\r\n", "");
        if (w->mode == NO_LOCATION)
            return reply(p, 202, "", "");
        if (w->mode == DENIES)
            return reply(p, 403, "",
                         "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"not you\"}]}");
        snprintf(to, sizeof to, "Location: %s\r\n",
                 w->mode == ELSEWHERE      ? w->text
                 : w->mode == BAD_LOCATION ? "gopher://x/"
                                           : "/up?state=1");
        return reply(p, 202, to, "");
    }
    n = w->n++;
    if (w->mode == LOSES_ALL || (w->mode == LOSES_ONE && n == 0))
        return reply(p, 404, "", "{\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}");
    if (w->mode == BUSY && n == 0)
        return reply(p, 503, "", "");
    if (w->mode == WRONG_BYTES)
        return reply(p, 400, "",
                     "{\"errors\":[{\"code\":\"DIGEST_INVALID\",\"message\":\"no match\"}]}");
    assert_string_equal(q->method, "PUT");
    assert_string_equal(q->body, BYTES);
    assert_non_null(strstr(q->path, "digest=sha256%3Ab94d27"));
    return reply(p, 201, "", "");
}

/* A source of the one blob. */
static int blob(struct source *s, const struct descriptor *d, uint64_t offset,
                int (*start)(void *arg, uint64_t offset, struct shale_err *e), source_data_fn data,
                void *arg, struct cancel *c, struct shale_err *e)
{
    int r = start(arg, offset, e);

    return r < 0 ? r : data(arg, BYTES + offset, strlen(BYTES) - offset, e);
}

static int mount_from(void *arg, const struct digest *d, struct arena *a, struct strv *ret,
                      struct shale_err *e)
{
    static char *names[] = {"team/app", "other/place"}; /* the first is the one that is pushed to */

    *ret = (struct strv){names, 2, true};
    return 0;
}

static void on_progress(void *arg, const struct shale_progress *p)
{
    *(enum shale_progress_kind *)arg = p->kind;
}

/* Pushes the blob; what was told last goes to *ret_kind. */
static int push(struct world *w, enum shale_progress_kind *ret_kind)
{
    static const struct source_ops ops = {.blob = blob};
    struct source from = {.ops = &ops};
    struct descriptor d = {.media_type = "application/vnd.oci.image.layer.v1.tar+gzip",
                           .size_bytes = strlen(BYTES)};
    struct remote_sink_opts so = {.on_progress = on_progress, .progress_arg = ret_kind};
    struct ref ref;
    struct sink *to = NULL;
    char *name = arena_printf(&w->a, "%s/team/app", w->s.host);

    if (w->mode == MOUNTS || w->mode == MOUNT_NOT)
        so.mount_from = mount_from;
    assert_ok(w, digest_parse(DIGEST, &d.digest, &w->e));
    assert_ok(w, ref_parse(name, &w->a, &ref, &w->e));
    assert_ok(w, remote_sink_open(w->c, &ref, &so, &to, &w->e));
    int r = to->ops->blob(to, &d, NULL, &from, NULL, &w->e);
    to->ops->close(to);
    return r;
}

static size_t n_method(struct world *w, const char *method)
{
    size_t n = 0;

    for (size_t i = 0; i < w->s.n_asked; i++)
        n += is(w->s.asked[i].method, method);
    return n;
}

static void test_good(void **state)
{
    static const struct {
        int mode;
        enum shale_progress_kind kind;
        size_t n_post, n_put;
    } cases[] = {
        {GOOD, SHALE_PROGRESS_PUSHED, 1, 1},      {HAS, SHALE_PROGRESS_LAYER_EXISTS, 0, 0},
        {MOUNTS, SHALE_PROGRESS_MOUNTED, 1, 0},   {MOUNT_NOT, SHALE_PROGRESS_PUSHED, 1, 1},
        {LOSES_ONE, SHALE_PROGRESS_PUSHED, 2, 2}, {BUSY, SHALE_PROGRESS_PUSHED, 2, 2},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct world *w = world_ready(uploads, cases[i].mode);
        enum shale_progress_kind kind = SHALE_PROGRESS_MESSAGE;
        assert_ok(w, push(w, &kind));
        assert_int_equal(kind, cases[i].kind);
        assert_int_equal(n_method(w, "POST"), cases[i].n_post);
        assert_int_equal(n_method(w, "PUT"), cases[i].n_put);
        world_free(w);
    }
}

static void test_bad(void **state)
{
    static const struct {
        int mode, code;
        const char *text;
    } cases[] = {
        {NO_LOCATION, SHALE_NETWORK, "does not say where to upload to"},
        {BAD_LOCATION, SHALE_INVALID, "strange place"},
        {LOSES_ALL, SHALE_NOT_FOUND, "not found"},
        {DENIES, SHALE_DENIED, "denied: not you"},
        {WRONG_BYTES, SHALE_INVALID, "digest invalid: no match"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct world *w = world_ready(uploads, cases[i].mode);
        enum shale_progress_kind kind;
        assert_error(w, push(w, &kind), cases[i].code, cases[i].text);
        assert_true(n_method(w, "PUT") <= 5);
        world_free(w);
    }
}

/* To where uploads lead, credentials do not go along. */
static void test_elsewhere(void **state)
{
    struct world *other = world_new(uploads, GOOD, false);
    struct world *w = world_new(uploads, ELSEWHERE, false);
    enum shale_progress_kind kind;

    world_file(w, "config.json", 0600,
               arena_printf(&w->a, "{\"auths\":{\"%s\":{\"auth\":\"dTpw\"}}}", w->s.host));
    w->text = arena_printf(&w->a, "http://%s/up", other->s.host);
    world_open(w, NULL);
    assert_ok(w, push(w, &kind));
    assert_string_equal(w->s.asked[w->s.n_asked - 1].authorization, "Basic dTpw");
    assert_int_equal(n_method(other, "PUT"), 1);
    assert_string_equal(other->s.asked[0].authorization, "");
    world_free(w);
    world_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
