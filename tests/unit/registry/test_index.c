/* SPDX-License-Identifier: Apache-2.0 */
/* The index over a real state: small layers made here, read and searched. */
#include "registry/index/index.h"

#include "registry_test.h"

#include "blob/blob.h"
#include "meta/stmt.h"
#include "registry/index/index_search.h"
#include "registry/index/index_write.h"
#include "registry/state/state.h"

#include "../tar/put_member.h"

#define TAR  "application/vnd.oci.image.layer.v1.tar"
#define OCI  "application/vnd.oci.image.manifest.v1+json"
#define CONF "application/vnd.oci.image.config.v1+json"

struct fixture {
    struct tmp t;
    struct blobs *blobs;
    struct state *s;
    struct index *x;
    struct arena a;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.t = tmp_make()};
    arena_init(&f.a, 64u << 20);
    assert_ok(blobs_open(f.t.fd, false, &f.blobs, err));
    assert_ok(state_open(f.t.fd, f.t.path, f.blobs, false, &f.s, err));
    assert_ok(index_open(f.t.fd, f.t.path, false, &f.x, err));
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    index_close(f->x);
    state_close(f->s);
    blobs_close(f->blobs);
    arena_clear(&f->a);
    tmp_clear(&f->t);
    return 0;
}

/* ---- layers, images ---- */

static void member(struct buf *b, const char *name, char type, const char *link, const char *data)
{
    put_member(b, &(struct put_member){
                      .name = name, .link = link, .type = type, .p = data, .n = strlen(data)});
}

static struct digest put(struct fixture *f, const char *repo, const void *p, size_t n)
{
    struct digest d;

    assert_ok(digest_of_bytes(HASH_SHA256, p, n, &d, err));
    assert_ok(blob_put(f->blobs, &d, p, n, err));
    assert_ok(state_blob_put(f->s, repo, &d, n, 0, err));
    return d;
}

/* An image of these layers, told of to the state as a push does, and to the index. */
static struct digest image(struct fixture *f, const char *repo, const char *tag, const char *config,
                           const char *annotations, const struct buf *const *layers, size_t n)
{
    _cleanup_(buf_clear) struct buf m = BUF_INIT(1u << 16);
    struct state_child children[8] = {{.size = strlen(config)}};
    bool missing[8], wrong[8];
    struct state_put p = {.repo = repo,
                          .tag = tag,
                          .artifact_type = "",
                          .annotations = "",
                          .children = children,
                          .n_children = n + 1,
                          .missing = missing,
                          .wrong_size = wrong};

    children[0].digest = put(f, repo, config, strlen(config));
    buf_addf(&m,
             "{\"schemaVersion\":2,\"mediaType\":\"" OCI "\",\"config\":{\"mediaType\":\"" CONF
             "\",\"digest\":\"%s\",\"size\":%zu},\"layers\":[",
             children[0].digest.s, strlen(config));
    for (size_t i = 0; i < n; i++) {
        children[i + 1] = (struct state_child){.digest = put(f, repo, layers[i]->p, layers[i]->n),
                                               .size = layers[i]->n};
        buf_addf(&m, "%s{\"mediaType\":\"" TAR "\",\"digest\":\"%s\",\"size\":%zu}", i ? "," : "",
                 children[i + 1].digest.s, layers[i]->n);
    }
    buf_addf(&m, "],\"annotations\":%s}", annotations);
    p.m.media_type = OCI;
    p.m.size = m.n;
    assert_ok(digest_of_bytes(HASH_SHA256, m.p, m.n, &p.m.digest, err));
    assert_ok(blob_put(f->blobs, &p.m.digest, m.p, m.n, err));
    struct shale_err e = SHALE_ERR_INIT;
    assert_int_equal(state_manifest_put(f->s, &p, &e), 1);
    assert_ok(index_put_manifest(index_writer(f->x), f->blobs, &p.m.digest, err));
    return p.m.digest;
}

static int go_on(void *arg, struct shale_err *e)
{
    int *left = arg;

    return left && --*left < 0 ? err_set(e, SHALE_CANCELED, "canceled") : 0;
}

/* Reads what waits; returns how many layers. */
static int read_all(struct fixture *f, uint64_t max_files, uint64_t *ret_files)
{
    struct index_layer_job j = {.limits = {max_files, 1u << 20}, .poll = go_on};
    int n = 0;

    *ret_files = 0;
    for (;;) {
        struct shale_err e = SHALE_ERR_INIT;
        int r = index_next_layer(index_writer(f->x), &j.layer, &j.digest, &e);
        assert_in_range(r, 0, 1);
        if (r == 0)
            return n;
        assert_ok(index_read_layer(index_writer(f->x), f->blobs, &j, err));
        *ret_files += j.n_files;
        assert_in_range(++n, 1, 100);
    }
}

static int64_t layer_state(struct fixture *f, const struct buf *layer)
{
    struct digest d;
    int64_t done = -1;

    assert_ok(digest_of_bytes(HASH_SHA256, layer->p, layer->n, &d, err));
    assert_ok(stmt_number(index_writer(f->x), "SELECT done FROM layers WHERE digest = ?1", -1,
                          &done, err, "d", &d));
    return done;
}

static int64_t rows(struct fixture *f, const char *sql)
{
    int64_t n = -1;

    assert_ok(stmt_number(index_writer(f->x), sql, -1, &n, err, ""));
    return n;
}

/* ---- searching ---- */

static bool sees(void *arg, const char *repo)
{
    return !arg || !str_has_prefix(repo, arg);
}

/* "NAME:TAG match match; …" of the images that a query finds; `hidden`: a prefix of names that are
 * not seen. */
static const char *found_by(struct fixture *f, const char *text, const char *hidden)
{
    static char ret[1024];
    struct index_asker who = {sees, (void *)(uintptr_t)hidden};
    struct http_query h;
    struct search_query q;
    struct index_images l = {0};
    size_t n = 0;

    assert_true(http_query_parse(str_of(text), &f->a, &h));
    assert_ok(search_query_parse(&h, time_now_ns(), &f->a, &q, err));
    assert_ok(index_search(f->x, &q, &who, 0, 100, &f->a, &l, err));
    ret[0] = 0;
    for (size_t i = 0; i < l.n; i++) {
        const struct index_image *m = &l.v[i];
        n += (size_t)snprintf(ret + n, sizeof ret - n, "%s%s:%s", i ? "; " : "", m->repo,
                              m->n_tags ? m->tags[0] : "");
        for (size_t k = 0; k < m->n_matches; k++)
            n += (size_t)snprintf(ret + n, sizeof ret - n, " %s%s%s%s", m->matches[k].path,
                                  m->matches[k].package ? "=" : "",
                                  m->matches[k].package ? m->matches[k].name : "",
                                  m->matches[k].package ? m->matches[k].version : "");
    }
    return ret;
}

static const char *names_of(struct fixture *f, const char *term, uint64_t skip, uint64_t most,
                            uint64_t *ret_all)
{
    static char ret[1024];
    struct index_asker who = {sees, NULL};
    struct index_names l = {0};
    size_t n = 0;

    assert_ok(index_names(f->x, term, &who, skip, most, &f->a, &l, err));
    ret[0] = 0;
    for (size_t i = 0; i < l.n; i++)
        n += (size_t)snprintf(ret + n, sizeof ret - n, "%s%s", i ? " " : "", l.v[i].name);
    *ret_all = l.n_all;
    return ret;
}

/* ---- what all tests have: two images over one base ---- */

struct pair {
    struct buf base, top;
    struct digest old, new;
};

static const char amd64[] =
    "{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"2024-01-01T00:00:00Z\",\"config\":"
    "{\"Labels\":{\"team\":\"blue\"}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[]}}";
static const char arm64[] = "{\"architecture\":\"arm64\",\"os\":\"linux\",\"rootfs\":{\"type\":"
                            "\"layers\",\"diff_ids\":[]}}";

#define DESCRIBED(text) "{\"org.opencontainers.image.description\":\"" text "\"}"

static void pair_clear(struct pair *p)
{
    buf_clear(&p->base);
    buf_clear(&p->top);
}

static void make_pair(struct fixture *f, struct pair *p)
{
    const struct buf *const both[] = {&p->base, &p->top};

    p->base = (struct buf)BUF_INIT(1u << 20);
    p->top = (struct buf)BUF_INIT(1u << 20);
    member(&p->base, "etc/", '5', "", "");
    member(&p->base, "etc/issue", '0', "", "hello\n");
    member(&p->base, "etc/same", '0', "", "old\n");
    member(&p->base, "usr/bin/tool", '0', "", "tool\n");
    member(&p->base, "usr/bin/alias", '1', "usr/bin/tool", "");
    member(&p->base, "opt/a/one", '0', "", "1\n");
    member(&p->base, "var/lib/dpkg/status", '0', "",
           "Package: jq\nStatus: install ok installed\nVersion: 1.6-2\nArchitecture: amd64\n\n");
    put_end(&p->base);
    member(&p->top, "etc/.wh.issue", '0', "", "");
    member(&p->top, "etc/same", '0', "", "new\n");
    member(&p->top, "opt/a/.wh..wh..opq", '0', "", "");
    member(&p->top, "opt/a/two", '0', "", "2\n");
    put_end(&p->top);
    p->old = image(f, "team/old", "1", amd64, "{}", both, 1);
    p->new = image(f, "team/new", "2", arm64, DESCRIBED("Holds good things"), both, 2);
}

static void test_inside(void **state)
{
    struct fixture *f = *state;
    _cleanup_(pair_clear) struct pair p = {0};
    uint64_t n_files = 0;

    make_pair(f, &p);
    /* names and facts count at once, contents when the layers were read */
    assert_string_equal(found_by(f, "label=team%3Dblue", NULL), "team/old:1");
    assert_string_equal(found_by(f, "file=/usr/bin/tool", NULL), "");
    assert_int_equal(read_all(f, 1000, &n_files), 2); /* the base once */
    assert_int_equal(n_files, 7 + 2);
    assert_int_equal(layer_state(f, &p.base), INDEX_LAYER_DONE);
    assert_int_equal(read_all(f, 1000, &n_files), 0);

    assert_string_equal(found_by(f, "file=/usr/bin/tool&repo=team/old", NULL),
                        "team/old:1 /usr/bin/tool");
    assert_string_equal(found_by(f, "file=al*s&arch=arm64", NULL), "team/new:2 /usr/bin/alias");
    /* removed, replaced, hidden by an opaque folder */
    assert_string_equal(found_by(f, "file=/etc/issue", NULL), "team/old:1 /etc/issue");
    assert_string_equal(found_by(f, "file=/opt/a/one", NULL), "team/old:1 /opt/a/one");
    assert_string_equal(found_by(f, "file=/opt/a/two", NULL), "team/new:2 /opt/a/two");
    /* of "old\n", which one image hides; of "new\n" */
    char hex[HASH_MAX_HEX + 1], q[HASH_MAX_HEX + 16];
    assert_ok(hash_bytes(HASH_SHA256, "old\n", 4, hex, err));
    snprintf(q, sizeof q, "sha256=%s", hex);
    assert_string_equal(found_by(f, q, NULL), "team/old:1 /etc/same");
    assert_ok(hash_bytes(HASH_SHA256, "new\n", 4, hex, err));
    snprintf(q, sizeof q, "sha256=%s", hex);
    assert_string_equal(found_by(f, q, NULL), "team/new:2 /etc/same");
    /* packages, and as dpkg orders versions */
    assert_string_equal(found_by(f, "package=jq%3C1.6-10&arch=amd64", NULL),
                        "team/old:1 /var/lib/dpkg/status=jq1.6-2");
    assert_string_equal(found_by(f, "package=jq%3E1.6-2", NULL), "");
}

static void delete_image(struct fixture *f, const char *repo, const struct digest *d)
{
    struct state_names tags;

    assert_int_equal(state_manifest_delete(f->s, repo, d, NULL, &f->a, &tags, NULL), 1);
}

static void test_who(void **state)
{
    struct fixture *f = *state;
    _cleanup_(pair_clear) struct pair p = {0};
    uint64_t n_files = 0;

    make_pair(f, &p);
    read_all(f, 1000, &n_files);
    assert_string_equal(found_by(f, "file=/etc/same", "team/old"), "team/new:2 /etc/same");
    assert_string_equal(found_by(f, "file=/etc/same", "team/"), "");
    /* what the registry has no more is not found, swept or not */
    delete_image(f, "team/new", &p.new);
    assert_string_equal(found_by(f, "file=/etc/same", NULL), "team/old:1 /etc/same");
    /* nor is a tag that was taken off */
    assert_int_equal(state_tag_delete(f->s, "team/old", "1", NULL), 1);
    assert_string_equal(found_by(f, "label=team", NULL), "team/old:");
    assert_string_equal(found_by(f, "arch=amd64", NULL), "");
}

static void test_names(void **state)
{
    struct fixture *f = *state;
    _cleanup_(pair_clear) struct pair p = {0};
    struct state_record_change c = {"A ledger", 3, -1};
    uint64_t n = 0;

    make_pair(f, &p);
    image(f, "zebra", "x", amd64, "{}", NULL, 0);
    assert_string_equal(names_of(f, "", 0, 10, &n), "team/new team/old zebra");
    assert_string_equal(names_of(f, "TEAM", 0, 10, &n), "team/new team/old");
    assert_string_equal(names_of(f, "team", 1, 1, &n), "team/old");
    assert_int_equal(n, 2);
    assert_string_equal(names_of(f, "team", 2, 1, &n), "");
    assert_string_equal(names_of(f, "good team", 0, 10, &n), "team/new"); /* described so */
    assert_string_equal(names_of(f, "good zebra", 0, 10, &n), "");
    /* stars come first, the very name before them */
    assert_int_equal(state_record_put(f->s, "team/old", &c, NULL), 1);
    assert_string_equal(names_of(f, "team", 0, 10, &n), "team/old team/new");
    assert_string_equal(names_of(f, "ledger", 0, 10, &n), "team/old");
    assert_string_equal(names_of(f, "team/new", 0, 10, &n), "team/new");
    /* quotes are text */
    assert_string_equal(names_of(f, "\"good\" OR", 0, 10, &n), "");
    /* each word may be somewhere else: name, description, one image or another */
    image(f, "zebra", "y", amd64, DESCRIBED("Holds stripes"), NULL, 0);
    image(f, "zebra", "z", arm64, DESCRIBED("Runs on good grass"), NULL, 0);
    assert_string_equal(names_of(f, "holds", 0, 10, &n), "team/new zebra");
    assert_string_equal(names_of(f, "stripes holds", 0, 10, &n), "zebra");
    assert_string_equal(names_of(f, "good stripes", 0, 10, &n), "zebra");
    assert_string_equal(names_of(f, "holds stripes grass zeb", 0, 10, &n), "zebra");
    assert_string_equal(names_of(f, "zebra holds ru", 0, 10, &n), ""); /* too short for images */
    assert_string_equal(names_of(f, "holds things stripes", 0, 10, &n), "");
    c = (struct state_record_change){"Stripes on a horse", -1, -1};
    assert_int_equal(state_record_put(f->s, "team/new", &c, NULL), 1);
    assert_string_equal(names_of(f, "holds things stripes", 0, 10, &n), "team/new");
    assert_string_equal(names_of(f, "or ho stri", 0, 10, &n), "team/new");
    struct index_asker who = {sees, NULL};
    struct index_names l;
    struct shale_err e = SHALE_ERR_INIT;
    char large[INDEX_TERM_BYTES + 2];
    memset(large, 'x', sizeof large - 1);
    large[sizeof large - 1] = 0;
    assert_int_equal(index_names(f->x, large, &who, 0, 1, &f->a, &l, &e), -SHALE_LIMIT);
    assert_int_equal(index_names(f->x, "a b c d e f g h i", &who, 0, 1, &f->a, &l, &e),
                     -SHALE_LIMIT);
}

/* Pushes do not wait for what is written into the index. */
static void test_apart(void **state)
{
    struct fixture *f = *state;
    struct digest d;

    assert_int_equal(digest_of_bytes(HASH_SHA256, "apart", 5, &d, NULL), 0);
    assert_int_equal(meta_begin(index_writer(f->x), NULL), 0);
    assert_int_equal(state_lease(f->s, &d, NULL), 0);
    assert_int_equal(blob_put(f->blobs, &d, "apart", 5, NULL), 0);
    assert_int_equal(state_blob_put(f->s, "apart", &d, 5, 0, NULL), 0);
    meta_rollback(index_writer(f->x));
}

static void run_sql(struct meta *m, const char *sql)
{
    char *why = NULL;

    if (sqlite3_exec(m->db, sql, NULL, NULL, &why) != SQLITE_OK)
        fail_msg("%s: %s", sql, why);
}

/* So many that other ways are taken: words that are common, images, tags and repositories that are
 * rare. "many/rNNNN" have an image each, "all" has all of them. */
static void make_many(struct fixture *f, const char *repo)
{
    struct meta *w = index_writer(f->x);
    char sql[1024];

    static const char numbers[] =
        "CREATE TEMP TABLE number AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c"
        " WHERE i < 700) SELECT i, 'sha256:' || printf('%064x', i * 7919 % 65536) AS d FROM c";
    /* the index itself only reads it */
    snprintf(sql, sizeof sql, "ATTACH '%s/registry.db' AS mine", f->t.path);
    run_sql(w, sql);
    run_sql(w, numbers);
    run_sql(w, "INSERT INTO main.manifests SELECT 1000 + i, d, 0, iif(i = 7, 'plan9', 'linux'),"
               " 'amd64', '', 86400000000000 * i, i, 0, '' FROM number");
    run_sql(w, "INSERT INTO docs(rowid, text) SELECT 1000 + i, 'Image NUMBER ' || i || iif(i = 9,"
               " ' ÄRGER', '') FROM number");
    run_sql(w, "INSERT INTO facts SELECT 'l', 'all', 'x', 1000 + i FROM number");
    run_sql(w, "INSERT INTO mine.repos(id, name, created) SELECT 1000 + i, printf('many/r%04d', i),"
               " 1 FROM number");
    snprintf(sql, sizeof sql, "INSERT INTO mine.repos(id, name, created) VALUES(999, '%s', 1)",
             repo);
    run_sql(w, sql);
    run_sql(w, "INSERT INTO mine.manifests(repo, digest, media_type, size, subject, artifact_type,"
               " annotations, pushed) SELECT 999, d, '" OCI "', 1, '', '', '', 1 FROM number");
    run_sql(w, "INSERT INTO mine.manifests(repo, digest, media_type, size, subject, artifact_type,"
               " annotations, pushed) SELECT 1000 + i, d, '" OCI "', 1, '', '', '', 1 FROM number");
    run_sql(w, "INSERT INTO mine.tags SELECT 1000 + i, 'latest', d, i FROM number");
    run_sql(w, "INSERT INTO mine.tags SELECT 999, printf('v%04d', i), d, i FROM number");
    run_sql(w, "DETACH mine");
}

static void test_many(void **state)
{
    struct fixture *f = *state;
    _cleanup_(pair_clear) struct pair p = {0};
    uint64_t n = 0;

    make_pair(f, &p);
    read_all(f, 1000, &n);
    make_many(f, "all");
    /* words that all say, beside those that one or none says */
    assert_string_equal(names_of(f, "image number", 0, 3, &n), "all many/r0001 many/r0002");
    assert_int_equal(n, 701);
    assert_string_equal(names_of(f, "IMAGE r0007", 0, 3, &n), "many/r0007");
    assert_string_equal(names_of(f, "number many", 698, 3, &n), "many/r0699 many/r0700");
    assert_int_equal(n, 700);
    assert_string_equal(names_of(f, "image ärger", 0, 9, &n), "all many/r0009");
    assert_string_equal(names_of(f, "image stripes", 0, 9, &n), "");
    assert_string_equal(names_of(f, "number things", 0, 9, &n), "");
    assert_string_equal(names_of(f, "things", 0, 9, &n), "team/new");
    /* what few are */
    assert_string_equal(found_by(f, "os=plan9", NULL), "all:v0007; many/r0007:latest");
    assert_string_equal(found_by(f, "os=plan9&label=all%3Dx&q=many", NULL), "many/r0007:latest");
    assert_string_equal(found_by(f, "os=plan9&arch=arm64", NULL), "");
    assert_string_equal(found_by(f, "label=all&arch=arm64", NULL), "");
    assert_string_equal(found_by(f, "before=1970-01-03T12:00:00Z&since=1970-01-03&repo=all", NULL),
                        "all:v0002");
    assert_string_equal(found_by(f, "file=/etc/same&arch=arm64", NULL), "team/new:2 /etc/same");
    /* a tag that few have, exactly and by its beginning; repositories of few images */
    assert_string_equal(found_by(f, "tag=v0011&label=all", NULL), "all:v0011");
    assert_string_equal(found_by(f, "tag=v001*&size=12", NULL), "all:v0012; all:v0011; all:v0010");
    assert_string_equal(found_by(f, "tag=1&file=/etc/same", NULL), "team/old:1 /etc/same");
    assert_string_equal(found_by(f, "tag=2*&file=/etc/same", NULL), "team/new:2 /etc/same");
    assert_string_equal(found_by(f, "label=all&q=r0033", NULL), "many/r0033:latest");
    assert_string_equal(found_by(f, "file=/etc/same&repo=*/old", NULL), "team/old:1 /etc/same");
    /* one without a tag: by what is in it, not by what it is */
    assert_int_equal(state_tag_delete(f->s, "team/old", "1", NULL), 1);
    assert_string_equal(found_by(f, "file=/etc/same&q=old", NULL), "team/old: /etc/same");
    assert_string_equal(found_by(f, "before=2024-01-02&since=2023-12-31", NULL), "");
    assert_string_equal(found_by(f, "label=team&before=2024-01-02&since=2023-12-31", NULL),
                        "team/old:");
    assert_string_equal(found_by(f, "label=team&before=2024-01-02&since=2023-12-31", "team/"), "");
}

static void test_bad_layers(void **state)
{
    struct fixture *f = *state;
    _cleanup_(pair_clear) struct pair p = {0};
    _cleanup_(buf_clear) struct buf noise = BUF_INIT(1u << 16), cut = BUF_INIT(1u << 16);
    const struct buf *const bad[] = {&noise}, *const cut_off[] = {&cut};
    struct digest d;
    uint64_t n_files = 0;

    for (int i = 0; i < 2000; i++)
        buf_addc(&noise, (char)(i * 7 + 1));
    member(&cut, "etc/seen", '0', "", "was here\n");
    buf_add(&cut, noise.p, 300);
    image(f, "bad", "1", amd64, "{}", bad, 1);
    image(f, "cut", "1", amd64, "{}", cut_off, 1);
    make_pair(f, &p);
    /* one that is away is tried again when somebody pushes it again */
    assert_ok(digest_of_bytes(HASH_SHA256, p.top.p, p.top.n, &d, err));
    assert_ok(blob_remove(f->blobs, &d, NULL, err));
    assert_int_equal(read_all(f, 1000, &n_files), 4);
    assert_int_equal(layer_state(f, &noise), INDEX_LAYER_FAILED);
    assert_int_equal(layer_state(f, &cut), INDEX_LAYER_FAILED);
    assert_int_equal(layer_state(f, &p.base), INDEX_LAYER_DONE);
    assert_int_equal(layer_state(f, &p.top), INDEX_LAYER_ABSENT);
    assert_string_equal(found_by(f, "file=/etc/seen", NULL), ""); /* half a layer is none */
    assert_int_equal(rows(f, "SELECT count(*) FROM files f JOIN layers l ON l.id = f.layer WHERE"
                             " l.done <> 1"),
                     0);
    assert_ok(blob_put(f->blobs, &d, p.top.p, p.top.n, err));
    assert_ok(index_put_manifest(index_writer(f->x), f->blobs, &p.new, err));
    assert_int_equal(read_all(f, 1000, &n_files), 1);
    assert_int_equal(layer_state(f, &p.top), INDEX_LAYER_DONE);
    assert_string_equal(found_by(f, "file=/opt/a/two", NULL), "team/new:2 /opt/a/two");
}

static void test_limits(void **state)
{
    struct fixture *f = *state;
    _cleanup_(pair_clear) struct pair p = {0};
    struct index_layer_job j = {.limits = {1000, 1u << 20}, .max_bytes = 100, .poll = go_on};
    struct shale_err e = SHALE_ERR_INIT;
    uint64_t n_files = 0;
    int left = 0;

    make_pair(f, &p);
    /* told to stop: no error of the layer, which waits for another time */
    j.arg = &left;
    j.max_bytes = 0;
    assert_int_equal(index_next_layer(index_writer(f->x), &j.layer, &j.digest, &e), 1);
    assert_int_equal(index_read_layer(index_writer(f->x), f->blobs, &j, &e), -SHALE_CANCELED);
    assert_int_equal(layer_state(f, &p.base) + layer_state(f, &p.top), INDEX_LAYER_WAITS);
    /* too large; too many files: that of the base only */
    j.arg = NULL;
    j.max_bytes = p.top.n - 1;
    assert_int_equal(index_next_layer(index_writer(f->x), &j.layer, &j.digest, &e), 1);
    assert_ok(index_read_layer(index_writer(f->x), f->blobs, &j, err));
    assert_int_equal(layer_state(f, &p.top), INDEX_LAYER_FAILED);
    assert_int_equal(read_all(f, 3, &n_files), 1);
    assert_int_equal(layer_state(f, &p.base), INDEX_LAYER_FAILED);
    assert_int_equal(rows(f, "SELECT count(*) FROM files"), 0);
}

static void test_sweep(void **state)
{
    struct fixture *f = *state;
    _cleanup_(pair_clear) struct pair p = {0};
    struct digest missing[4];
    uint64_t n_files = 0;
    size_t n = 9;

    make_pair(f, &p);
    read_all(f, 1000, &n_files);
    assert_int_equal(index_sweep(index_writer(f->x), NULL), 0); /* all is needed */
    delete_image(f, "team/new", &p.new);
    assert_int_equal(index_sweep(index_writer(f->x), NULL), 2); /* it, and the layer of its own */
    assert_int_equal(index_sweep(index_writer(f->x), NULL), 0);
    assert_int_equal(rows(f, "SELECT count(*) FROM layers"), 1);
    assert_int_equal(rows(f, "SELECT count(*) FROM gone"), 0);
    assert_string_equal(found_by(f, "file=/usr/bin/tool", NULL), "team/old:1 /usr/bin/tool");
    /* an index without anything learns it all again */
    assert_ok(index_empty(index_writer(f->x), err));
    assert_string_equal(found_by(f, "label=team", NULL), "");
    assert_ok(index_missing(index_writer(f->x), missing, ARRAY_SIZE(missing), &n, err));
    assert_int_equal(n, 1);
    assert_true(digest_eq(&missing[0], &p.old));
    assert_ok(index_put_manifest(index_writer(f->x), f->blobs, &missing[0], err));
    assert_int_equal(read_all(f, 1000, &n_files), 1);
    assert_string_equal(found_by(f, "file=/usr/bin/tool", NULL), "team/old:1 /usr/bin/tool");
}

/* A damaged index is made anew, and is no reason not to serve. */
static void test_damaged(void **state)
{
    struct fixture *f = *state;
    _cleanup_(pair_clear) struct pair p = {0};
    struct digest missing[4];
    size_t n = 0;

    make_pair(f, &p);
    f->x = index_close(f->x);
    (void)unlinkat(f->t.fd, INDEX_FILE "-wal", 0); /* it would mend the database */
    tmp_write(&f->t, INDEX_FILE, "this is no database, but it is long enough to be read as one");
    assert_ok(index_open(f->t.fd, f->t.path, false, &f->x, err));
    assert_ok(index_missing(index_writer(f->x), missing, ARRAY_SIZE(missing), &n, err));
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_inside, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_layers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sweep, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damaged, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
