/* SPDX-License-Identifier: Apache-2.0 */
/* Notes of uploads that have not ended: what is believed of them, who has them, how long they stay.
 */
#include "remote/upload_note.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"

struct place {
    char dir[64], notes[80];
    int fd;
    struct remote_host host;
    struct remote_repo repo;
    struct digest d;
    struct arena a;
};

static struct place *place_new(void)
{
    struct place *p = calloc(1, sizeof *p);

    assert_non_null(p);
    snprintf(p->dir, sizeof p->dir, "/tmp/test-note-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->notes, sizeof p->notes, "%s/a/pushes", p->dir);
    p->fd = upload_notes_open(p->notes);
    assert_true(p->fd >= 0);
    p->host = (struct remote_host){
        .domain = "reg.test", .endpoint = "reg.test:5000", .known = true, .plain = true};
    pthread_mutex_init(&p->host.mutex, NULL);
    p->repo = (struct remote_repo){.h = &p->host, .path = "team/app"};
    assert_int_equal(hash_bytes(HASH_SHA256, "x", 1, p->d.s + strlen("sha256:"), NULL), 0);
    memcpy(p->d.s, "sha256:", strlen("sha256:"));
    arena_init(&p->a, 1u << 20);
    return p;
}

static void place_free(struct place *p)
{
    close(p->fd);
    arena_clear(&p->a);
    pthread_mutex_destroy(&p->host.mutex);
    assert_int_equal(fs_remove_tree(AT_FDCWD, p->dir, NULL), 0);
    free(p);
}

static void take(struct place *p, struct upload_note *n)
{
    upload_note_take(n, p->fd, &p->repo, &p->d);
}

static void test_life(void **state)
{
    struct place *p = place_new();
    struct upload_note n, other;
    const char *url = NULL;
    bool home = false;
    struct stat st;

    assert_int_equal(stat(p->notes, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    take(p, &n);
    assert_true(n.fd >= 0);
    assert_int_equal(upload_note_read(&n, &p->repo, &p->a, &url, &home), 0);
    upload_note_write(&n, "http://reg.test:5000/a/much/longer/place", true);
    upload_note_write(&n, "http://reg.test:5000/up?s=1", true);
    take(p, &other); /* the first has it */
    assert_int_equal(other.fd, -1);
    upload_note_write(&other, "http://reg.test:5000/2", true);
    upload_note_end(&other, true);
    upload_note_end(&n, false);
    take(p, &n);
    assert_int_equal(upload_note_read(&n, &p->repo, &p->a, &url, &home), 1);
    assert_string_equal(url, "http://reg.test:5000/up?s=1");
    assert_true(home);
    p->repo.path = "team/other"; /* another note */
    take(p, &other);
    assert_int_equal(upload_note_read(&other, &p->repo, &p->a, &url, &home), 0);
    upload_note_end(&other, false); /* nothing was written: nothing stays */
    assert_false(fs_exists(p->fd, other.name));
    upload_note_end(&n, true);
    assert_false(fs_exists(p->fd, n.name));
    place_free(p);
}

/* Credentials go to nobody who was not the registry before, and is not now. */
static void test_home(void **state)
{
    static const struct {
        const char *text;
        bool known, plain;
        int there;
        bool home;
    } cases[] = {
        {"home http://reg.test:5000/up\n", true, true, 1, true},
        {"home http://reg.test:5000/up\n", true, false, 0, false}, /* it speaks https now */
        {"home http://reg.test:5000/up\n", false, true, 0, false},
        {"home https://reg.test:5000/up\n", true, false, 1, true},
        {"home http://other.test:5000/up\n", true, true, 0, false},
        {"home http://reg.test:5001/up\n", true, true, 0, false},
        {"home http://reg.test:5000@evil.test/up\n", true, true, 0, false},
        {"away http://other.test/up\n", true, true, 1, false},
        {"away http://reg.test:5000/up\n", true, true, 1, false},
        {"home http://reg.test:5000/up", true, true, 0, false},
        {"home http://reg.test:5000/u\001p\n", true, true, 0, false},
        {"home http://reg.test:5000/up\nHost: x\n", true, true, 0, false},
        {"home file:///etc/passwd\n", true, true, 0, false},
        {"away file:///etc/passwd\n", true, true, 0, false},
        {"http://reg.test:5000/up\n", true, true, 0, false},
        {"\n", true, true, 0, false},
        {"", true, true, 0, false},
    };
    struct place *p = place_new();

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct upload_note n;
        const char *url = NULL;
        bool home = false;
        p->host.known = cases[i].known;
        p->host.plain = cases[i].plain;
        take(p, &n);
        assert_int_equal(ftruncate(n.fd, 0), 0);
        assert_int_equal(pwrite(n.fd, cases[i].text, strlen(cases[i].text), 0),
                         strlen(cases[i].text));
        if (upload_note_read(&n, &p->repo, &p->a, &url, &home) != cases[i].there ||
            home != cases[i].home)
            fail_msg("%s", cases[i].text);
        upload_note_end(&n, true);
    }
    place_free(p);
}

static void test_old(void **state)
{
    struct place *p = place_new();
    struct upload_note n;
    struct timespec old[2] = {{.tv_sec = 1000000000}, {.tv_sec = 1000000000}};
    const char *url;
    bool home;

    take(p, &n);
    upload_note_write(&n, "http://reg.test:5000/up", true);
    assert_int_equal(futimens(n.fd, old), 0);
    assert_int_equal(upload_note_read(&n, &p->repo, &p->a, &url, &home), 0);
    close(upload_notes_open(p->notes)); /* it is in use */
    assert_true(fs_exists(p->fd, n.name));
    upload_note_end(&n, false);
    close(upload_notes_open(p->notes));
    assert_false(fs_exists(p->fd, n.name));
    place_free(p);
}

/* No folder: nothing is noted, and nothing fails. */
static void test_none(void **state)
{
    struct place *p = place_new();
    struct upload_note n;
    const char *url;
    bool home;

    assert_int_equal(upload_notes_open("/dev/null/pushes"), -1);
    assert_int_equal(upload_notes_open(NULL), -1);
    upload_note_take(&n, -1, &p->repo, &p->d);
    upload_note_write(&n, "http://reg.test:5000/up", true);
    assert_int_equal(upload_note_read(&n, &p->repo, &p->a, &url, &home), 0);
    upload_note_end(&n, true);
    place_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_home),
        cmocka_unit_test(test_old),
        cmocka_unit_test(test_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
