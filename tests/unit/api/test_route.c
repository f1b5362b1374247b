/* SPDX-License-Identifier: Apache-2.0 */
#include "api/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/cleanup.h"

static int nothing(struct api_req *q, struct shale_err *e)
{
    (void)q, (void)e;
    return 0;
}

static const struct api_route table[] = {
    {"GET", "/images/json", 0, 0, nothing},
    {"GET", "/images/{*}/json", 0, 0, nothing},
    {"POST", "/images/{*}/push", 0, 0, nothing},
    {"DELETE", "/images/{*}", 0, 0, nothing},
    {"POST", "/exec/{}/start", 0, 0, nothing},
    {"POST", "/a/{}/b/{}", 0, 0, nothing},
    {"GET", "/late", 130, 0, nothing},
    {"*", "/any/{*}", 0, 0, nothing},
    {0},
};
static const struct api_route *const tables[] = {table, NULL};

static const struct {
    const char *method, *path;
    enum api_found found;
    int row, version;
    const char *first, *second;
} cases[] = {
    {"GET", "/images/json", API_FOUND, 0, 151, "", ""},
    {"GET", "/v1.41/images/json", API_FOUND, 0, 141, "", ""},
    {"GET", "/images/a/json", API_FOUND, 1, 151, "a", ""},
    {"GET", "/v1.24/images/host:5000/a/b:tag/json", API_FOUND, 1, 124, "host:5000/a/b:tag", ""},
    {"GET", "/images/a%2Fb/json", API_FOUND, 1, 151, "a/b", ""},
    {"GET", "/images/json/json", API_FOUND, 1, 151, "json", ""},
    {"GET", "/images//json", API_NO_PAGE, 0, 0, NULL, NULL},
    {"GET", "/images/a//json", API_NO_PAGE, 0, 0, NULL, NULL},
    {"POST", "/images/a/push/push", API_FOUND, 2, 151, "a/push", ""},
    {"DELETE", "/images/a/b@sha256:c", API_FOUND, 3, 151, "a/b@sha256:c", ""},
    {"DELETE", "/images/", API_NO_PAGE, 0, 0, NULL, NULL},
    {"POST", "/exec/1/start", API_FOUND, 4, 151, "1", ""},
    {"POST", "/exec/1/2/start", API_NO_PAGE, 0, 0, NULL, NULL},
    {"POST", "/exec/1/start/", API_NO_PAGE, 0, 0, NULL, NULL},
    {"GET", "/exec/1/start", API_NO_PAGE, 0, 0, NULL, NULL},
    {"POST", "/a/x/b/y", API_FOUND, 5, 151, "x", "y"},
    {"GET", "/v1.29/late", API_NO_PAGE, 0, 0, NULL, NULL},
    {"GET", "/v1.30/late", API_FOUND, 6, 130, "", ""},
    {"PATCH", "/any/x/y", API_FOUND, 7, 151, "x/y", ""},
    {"GET", "/v1.52/late", API_TOO_NEW, 0, 0, NULL, NULL},
    {"GET", "/v2.0/late", API_TOO_NEW, 0, 0, NULL, NULL},
    {"GET", "/v1.23/late", API_TOO_OLD, 0, 0, NULL, NULL},
    {"GET", "/v0.99/late", API_TOO_OLD, 0, 0, NULL, NULL},
    {"GET", "/v1/late", API_NO_PAGE, 0, 0, NULL, NULL},
    {"GET", "/vx/late", API_NO_PAGE, 0, 0, NULL, NULL},
    {"GET", "/v1.4.1/late", API_NO_PAGE, 0, 0, NULL, NULL},
    {"GET", "/late%00", API_BAD_PATH, 0, 0, NULL, NULL},
    {"GET", "/late%g0", API_BAD_PATH, 0, 0, NULL, NULL},
    {"GET", "", API_NO_PAGE, 0, 0, NULL, NULL},
};

static void finds(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
        struct api_match m;
        char version[16];

        enum api_found found =
            api_route_find(tables, cases[i].method, str_of(cases[i].path), &a, &m, version);
        if (found != cases[i].found)
            fail_msg("%s %s: %d", cases[i].method, cases[i].path, (int)found);
        if (found != API_FOUND)
            continue;
        assert_ptr_equal(m.route, &table[cases[i].row]);
        assert_int_equal(m.version, cases[i].version);
        assert_string_equal(m.args[0], cases[i].first);
        assert_string_equal(m.args[1], cases[i].second);
    }
}

/* Every row of the real tables can be reached: none before it takes its path. */
static void reaches_all(void **state)
{
    (void)state;
    for (const struct api_route *const *t = api_routes; *t; t++)
        for (const struct api_route *r = *t; r->method; r++) {
            _cleanup_(arena_clear) struct arena a = ARENA_INIT(1u << 20);
            struct api_match m;
            char version[16], path[256];
            size_t n = 0;

            for (const char *p = r->pattern; *p; p++) {
                if (*p != '{') {
                    path[n++] = *p;
                    continue;
                }
                p = strchr(p, '}');
                path[n++] = 'q';
            }
            enum api_found found =
                api_route_find(api_routes, *r->method == '*' ? "PATCH" : r->method,
                               (struct str){path, n}, &a, &m, version);
            if (found != API_FOUND || m.route != r)
                fail_msg("%s %s is not reached", r->method, r->pattern);
            assert_non_null(r->handler);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds),
        cmocka_unit_test(reaches_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
