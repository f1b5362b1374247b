/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs from registries that break off, repeat, lie and redirect: what arrives is in order and
 * never twice. */
#include "registry.h"

#include <inttypes.h>
#include <poll.h>

#define BLOB_BYTES 300000
#define PART_BYTES 100000
#define DIGEST     "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PATH       "/v2/team/app/blobs/" DIGEST

enum {
    WHOLE,       /* ranges are served */
    NO_RANGES,   /* always 200 and all of it */
    BREAKS,      /* each exchange ends after PART_BYTES; ranges are served */
    BREAKS_200,  /* the first one breaks, and ranges are not served */
    STALLS,      /* as BREAKS, but says nothing more instead of closing */
    STUCK,       /* never comes further than PART_BYTES */
    DRIPS,       /* one byte an exchange */
    OTHER_RANGE, /* 206, but of another place */
    OTHER_TOTAL,
    REFUSES, /* 416 for each range */
    BUSY,    /* 429 twice, then 503, then all of it */
    ALWAYS_BUSY,
    MISSING,
    AWAY, /* 307 to w->text */
};

static char byte_at(uint64_t i)
{
    return (char)(i * 7 + i / 251);
}

/* Bytes from `first` on; less than all of them breaks the connection. */
static bool send_from(struct peer *p, uint64_t first, uint64_t n, bool ranged)
{
    char piece[10000];

    if (ranged)
        say(p, "HTTP/1.1 206 X\r\nContent-Range: bytes %" PRIu64 "-%d/%d\r\n", first,
            BLOB_BYTES - 1, BLOB_BYTES);
    else
        say(p, "HTTP/1.1 200 X\r\n");
    say(p, "Content-Length: %" PRIu64 "\r\n\r\n", BLOB_BYTES - first);
    for (uint64_t at = first, end = first + n; at < end;) {
        size_t k = end - at < sizeof piece ? (size_t)(end - at) : sizeof piece;
        for (size_t i = 0; i < k; i++)
            piece[i] = byte_at(at + i);
        say_bytes(p, piece, k);
        at += k;
    }
    return first + n == BLOB_BYTES;
}

static bool blobs(struct peer *p, const struct asked *q)
{
    struct world *w = p->server->arg;
    bool ranged = q->range[0] != 0;
    uint64_t first = ranged ? strtoull(q->range + strlen("bytes="), NULL, 10) : 0;
    uint64_t rest = BLOB_BYTES - first, part = rest < PART_BYTES ? rest : PART_BYTES;
    char to[200];
    int n = w->n++;

    switch (w->mode) {
    case WHOLE:
        return send_from(p, first, rest, ranged);
    case NO_RANGES:
        return send_from(p, 0, BLOB_BYTES, false);
    case BREAKS:
        return send_from(p, first, part, ranged);
    case BREAKS_200:
        return send_from(p, 0, n ? BLOB_BYTES : PART_BYTES, false);
    case STALLS:
        return send_from(p, first, part, ranged) || stall(p);
    case STUCK:
        return send_from(p, first, first ? 0 : PART_BYTES, ranged);
    case DRIPS:
        return send_from(p, first, 1, ranged);
    case OTHER_RANGE:
        return ranged ? send_from(p, first + 1, part - 1, true)
                      : send_from(p, 0, BLOB_BYTES, false);
    case OTHER_TOTAL:
        say(p,
            "HTTP/1.1 206 X\r\nContent-Range: bytes %" PRIu64 "-%d/%d\r\nContent-Length: 5\r\n\r\n",
            first, BLOB_BYTES, BLOB_BYTES + 5);
        return false;
    case REFUSES:
        return ranged ? reply(p, 416, "", "") : send_from(p, 0, BLOB_BYTES, false);
    case BUSY:
        return n < 2   ? reply(p, 429, "Retry-After: 1\r\n", "")
               : n < 3 ? reply(p, 503, "", "")
                       : send_from(p, first, rest, ranged);
    case ALWAYS_BUSY:
        return reply(p, 429, "",
                     "{\"errors\":[{\"code\":\"TOOMANYREQUESTS\",\"message\":\"You have reached "
                     "your pull rate limit.\"}]}");
    case AWAY:
        snprintf(to, sizeof to, "Location: http://%s/cdn/x?sig=1\r\n", w->text);
        return reply(p, 307, to, "");
    default:
        return reply(p, 404, "",
                     "{\"errors\":[{\"code\":\"BLOB_UNKNOWN\",\"message\":\"blob unknown "
                     "to registry\"}]}");
    }
}

struct arrival {
    int n_starts;
    uint64_t start, at;
    bool wrong;
    struct cancel *cancel; /* set after the first bytes */
};

static int on_start(void *arg, uint64_t offset, struct shale_err *e)
{
    struct arrival *t = arg;

    t->n_starts++;
    t->start = t->at = offset;
    return 0;
}

static int on_data(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct arrival *t = arg;

    t->wrong |= t->n_starts != 1;
    for (size_t i = 0; i < n; i++)
        t->wrong |= ((const char *)p)[i] != byte_at(t->at + i);
    t->at += n;
    if (t->cancel)
        cancel_set(t->cancel);
    return 0;
}

static struct descriptor blob(void)
{
    return (struct descriptor){.digest = {DIGEST}, .size_bytes = BLOB_BYTES};
}

static int fetch(struct world *w, const struct descriptor *d, uint64_t offset, struct arrival *t)
{
    w->n = 0;
    w->e = (struct shale_err)SHALE_ERR_INIT;
    *t = (struct arrival){.cancel = t->cancel};
    int r = w->src->ops->blob(w->src, d, offset, on_start, on_data, t, t->cancel, &w->e);
    assert_true(r < 0 || w->e.code == 0); /* written on failure only */
    return r;
}

static void test_all_of_it(void **state)
{
    static const struct {
        int mode;
        uint64_t offset, start;
        int n_asked;
    } rows[] = {
        {WHOLE, 0, 0, 1},
        {WHOLE, 12345, 12345, 1},
        {WHOLE, BLOB_BYTES - 1, BLOB_BYTES - 1, 1},
        {NO_RANGES, 12345, 0, 1},
        {BREAKS, 0, 0, 3},
        {BREAKS, 150000, 150000, 2},
        {BREAKS_200, 0, 0, 2},
        {BREAKS_200, 12345, 0, 2},
        {STALLS, 150000, 150000, 2},
        {REFUSES, 12345, 0, 2},
        {BUSY, 0, 0, 4},
        {BUSY, 12345, 12345, 4},
        {OTHER_RANGE, 12345, 0, 2}, /* then all of it */
        {WHOLE, BLOB_BYTES, BLOB_BYTES, 0},
    };
    const struct descriptor d = blob();

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct world *w = world_ready(blobs, rows[i].mode);
        struct arrival t = {0};
        int r = fetch(w, &d, rows[i].offset, &t);
        if (r < 0 || t.wrong || t.n_starts != 1 || t.start != rows[i].start || t.at != BLOB_BYTES ||
            w->n != rows[i].n_asked)
            fail_msg("row %zu: %s; %d starts, at %" PRIu64 ", to %" PRIu64 ", %d requests%s", i,
                     w->e.msg, t.n_starts, t.start, t.at, w->n, t.wrong ? ", wrong bytes" : "");
        world_free(w);
    }
}

static void test_ranges_are_exact(void **state)
{
    struct world *w = world_ready(blobs, BREAKS);
    const struct descriptor d = blob();
    struct arrival t = {0};

    assert_ok(w, fetch(w, &d, 0, &t));
    assert_string_equal(w->s.asked[0].range, "");
    assert_string_equal(w->s.asked[1].range, "bytes=100000-");
    assert_string_equal(w->s.asked[2].range, "bytes=200000-");
    world_free(w);
}

static void test_failures(void **state)
{
    static const struct {
        int mode, code;
        uint64_t offset;
        int most_asked;
        const char *text;
    } rows[] = {
        {STUCK, SHALE_NETWORK, 0, 5, "unexpected EOF"},
        {DRIPS, SHALE_NETWORK, 0, 8, "unexpected EOF"}, /* no endless game */
        {OTHER_TOTAL, SHALE_CORRUPT, 12345, 1, "its descriptor says"},
        {ALWAYS_BUSY, SHALE_LIMIT, 0, 4, "toomanyrequests: You have reached your pull rate limit."},
        {MISSING, SHALE_NOT_FOUND, 0, 1, "blob unknown to registry"},
    };
    const struct descriptor d = blob();

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct world *w = world_ready(blobs, rows[i].mode);
        struct arrival t = {0};
        int r = fetch(w, &d, rows[i].offset, &t);
        if (r != -rows[i].code || !strstr(w->e.msg, rows[i].text) || w->n > rows[i].most_asked ||
            t.wrong)
            fail_msg("row %zu: %s, %s, %d requests", i, err_name(-r), w->e.msg, w->n);
        world_free(w);
    }
}

static void test_redirect_and_urls(void **state)
{
    struct world *w = world_new(blobs, AWAY, false), *cdn = world_ready(blobs, WHOLE);
    struct descriptor d = blob();
    struct arrival t = {0};

    w->text = cdn->s.host;
    world_file(
        w, "config.json", 0600,
        arena_printf(&w->a, "{\"auths\":{\"%s\":{\"registrytoken\":\"secret\"}}}", w->s.host));
    world_open(w, NULL);
    assert_ok(w, fetch(w, &d, 12345, &t));
    assert_int_equal(t.at, BLOB_BYTES);
    assert_string_equal(w->s.asked[w->s.n_asked - 1].authorization, "Bearer secret");
    assert_string_equal(cdn->s.asked[0].path, "/cdn/x?sig=1");
    assert_string_equal(cdn->s.asked[0].authorization, "");
    assert_string_equal(cdn->s.asked[0].range, "bytes=12345-");

    /* A foreign layer: the registry has nothing, the first address is no address for us. */
    w->mode = MISSING;
    char *urls[] = {(char *)"file:///etc/passwd",
                    arena_printf(&w->a, "http://127.0.0.1:%d/x", port_unused()),
                    arena_printf(&w->a, "http://%s/layer", cdn->s.host)};
    d.urls = (struct strv){urls, 3, true};
    assert_ok(w, fetch(w, &d, 0, &t));
    assert_int_equal(t.at, BLOB_BYTES);
    assert_string_equal(cdn->s.asked[1].path, "/layer");
    assert_string_equal(cdn->s.asked[1].authorization, "");
    world_free(cdn);
    world_free(w);
}

static void test_retry_after_is_kept(void **state)
{
    struct world *w = world_new(blobs, BUSY, false);
    struct remote_opts o = world_opts(w);
    const struct descriptor d = blob();
    struct arrival t = {0};

    world_open(w, &o);
    int64_t start = time_mono_ns();
    assert_ok(w, fetch(w, &d, 0, &t)); /* a second, twice */
    int64_t took = time_mono_ns() - start;
    assert_true(took >= 2 * NS_PER_S && took < 20 * NS_PER_S);
    world_free(w);

    w = world_new(blobs, BUSY, false);
    o = world_opts(w);
    o.retry_after_max_ns = NS_PER_S / 2; /* less than it asks: told at once */
    world_open(w, &o);
    t = (struct arrival){0};
    assert_int_equal(fetch(w, &d, 0, &t), -SHALE_LIMIT);
    assert_int_equal(w->n, 1);
    world_free(w);
}

static void test_cancel(void **state)
{
    struct world *w = world_new(blobs, STALLS, false);
    struct remote_opts o = world_opts(w);
    const struct descriptor d = blob();
    struct cancel c = {false};
    struct arrival t = {.cancel = &c};

    o.retry_delay_ns = o.retry_delay_max_ns = 60 * NS_PER_S;
    o.stall_timeout_ns = 60 * NS_PER_S;
    world_open(w, &o);
    int64_t start = time_mono_ns();
    assert_int_equal(fetch(w, &d, 0, &t), -SHALE_CANCELED);
    assert_true(time_mono_ns() - start < 2 * NS_PER_S);
    assert_true(t.at > 0 && !t.wrong);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_of_it),
        cmocka_unit_test(test_ranges_are_exact),
        cmocka_unit_test(test_failures),
        cmocka_unit_test(test_redirect_and_urls),
        cmocka_unit_test(test_retry_after_is_kept),
        cmocka_unit_test(test_cancel),
    };
    unsetenv("http_proxy");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
