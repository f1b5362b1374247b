/* SPDX-License-Identifier: Apache-2.0 */
/* What the library promises of every call: handles, errors, options of other versions, results,
 * cancellation. */
#include "engine_test.h"

#include <pthread.h>
#include <shale/look.h>
#include <shale/volume.h>
#include <sys/stat.h>

static void test_open_mistakes(void **state)
{
    struct fixture *f = *state;
    OPTS(shale_open_opts, o);
    struct shale *s = (struct shale *)f, *const before = s;
    char file[100];

    o.root = f->root;
    o.storage_driver = "zfs";
    assert_fails(f, SHALE_INVALID, shale_open(&o, &s, &f->e));
    assert_non_null(strstr(f->e.msg, "zfs"));
    o.storage_driver = NULL;
    snprintf(file, sizeof file, "%s/file", f->dir);
    int fd = open(file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
    o.root = file;
    assert_true(shale_open(&o, &s, &f->e) < 0);
    assert_int_equal(shale_open(&o, &s, NULL) < 0, 1); /* nobody wants to know why */
    assert_ptr_equal(s, before);                       /* untouched */
    assert_true(setenv("SHALE_ROOT", f->root, 1) == 0);
    assert_ok(f, shale_open(NULL, &s, &f->e)); /* no options: the defaults */
    struct shale_info *info = NULL;
    assert_ok(f, shale_info(s, &info, &f->e));
    assert_string_equal(info->root, f->root);
    shale_free(info);
    shale_close(s);
    unsetenv("SHALE_ROOT");
    shale_close(NULL);
    shale_free(NULL);
    assert_non_null(strchr(shale_version(), '.'));
}

static void test_read_only(void **state)
{
    struct fixture *f = *state;
    struct shale_imported *i = import_one(f, "one:1", "a", "1");
    struct shale_image_list *l = NULL;
    OPTS(shale_images_opts, lo);
    OPTS(shale_open_opts, o);
    OPTS(shale_rmi_opts, rmi);
    struct shale_rmi_result *gone = NULL;
    struct shale *s = NULL;

    shale_free(i);
    o.root = f->root;
    o.read_only = true;
    assert_ok(f, shale_open(&o, &s, &f->e));
    assert_ok(f, shale_images(s, &lo, &l, &f->e));
    assert_int_equal(l->n_items, 1);
    assert_fails(f, SHALE_DENIED, shale_tag(s, "one:1", "two:1", &f->e));
    assert_fails(f, SHALE_DENIED, shale_rmi(s, "one:1", &rmi, &gone, &f->e));
    assert_null(gone);
    shale_free(l);
    shale_close(s);
}

/* A program that was built against an older header gives a smaller struct, one that was built
 * against a newer header a larger one: what both know counts. */
static void test_sizes(void **state)
{
    struct fixture *f = *state;
    struct {
        struct shale_images_opts o;
        char later[256];
    } newer;
    struct shale_image_list *l = NULL;
    const char *const none[] = {"reference=none", NULL};

    shale_free(import_one(f, "one:1", "a", "1"));
    shale_free(import_one(f, "two:1", "a", "2"));
    memset(&newer, 0xff, sizeof newer); /* bits that mean nothing to us */
    newer.o = (struct shale_images_opts){.size = sizeof newer, .match = "one"};
    assert_ok(f, shale_images(f->s, &newer.o, &l, &f->e));
    assert_int_equal(l->n_items, 1);
    shale_free(l);
    /* older: behind its end there may be anything */
    memset(&newer, 0xff, sizeof newer);
    newer.o.size = offsetof(struct shale_images_opts, match);
    newer.o.all = false;
    newer.o.filters = NULL;
    assert_ok(f, shale_images(f->s, &newer.o, &l, &f->e));
    assert_int_equal(l->n_items, 2);
    shale_free(l);
    newer.o.filters = none;
    assert_ok(f, shale_images(f->s, &newer.o, &l, &f->e));
    assert_int_equal(l->n_items, 0);
    shale_free(l);
    assert_ok(f, shale_images(f->s, NULL, &l, &f->e));
    assert_int_equal(l->n_items, 2);
    shale_free(l);
}

/* What fails leaves the caller's pointer alone. */
static void test_errors(void **state)
{
    struct fixture *f = *state;
    struct shale_image_detail *d = (void *)f;
    struct shale_history *h = (void *)f;
    struct shale_image_list *l = (void *)f;
    struct shale_volume *v = (void *)f;
    const char *const filters[] = {"color=red", NULL};
    OPTS(shale_images_opts, o);
    OPTS(shale_volume_create_opts, vo);

    o.filters = filters;
    vo.name = "no/slash";
    assert_fails(f, SHALE_NOT_FOUND, shale_image_inspect(f->s, "none", NULL, &d, &f->e));
    assert_fails(f, SHALE_INVALID, shale_image_inspect(f->s, "UPPER", NULL, &d, &f->e));
    assert_fails(f, SHALE_NOT_FOUND, shale_history(f->s, "none:1", NULL, &h, &f->e));
    assert_fails(f, SHALE_INVALID, shale_images(f->s, &o, &l, &f->e));
    assert_fails(f, SHALE_INVALID, shale_volume_create(f->s, &vo, &v, &f->e));
    assert_fails(f, SHALE_NOT_FOUND, shale_volume_inspect(f->s, "none", &v, &f->e));
    assert_fails(f, SHALE_NOT_FOUND, shale_tag(f->s, "none", "other", &f->e));
    assert_int_equal(shale_tag(f->s, "none", "other", NULL), -SHALE_NOT_FOUND);
    assert_ptr_equal(d, f);
    assert_ptr_equal(h, f);
    assert_ptr_equal(l, f);
    assert_ptr_equal(v, f);
}

/* ---- several handles, several threads ---- */

struct worker {
    struct fixture *f;
    struct shale *s;
    int n, failed;
};

static void *import_and_list(void *arg)
{
    struct worker *w = arg;
    struct shale_err e = SHALE_ERR_INIT;
    char name[32], text[32];

    for (int i = 0; i < 5; i++) {
        OPTS(shale_import_opts, o);
        struct shale_imported *made = NULL;
        struct shale_image_list *l = NULL;
        snprintf(name, sizeof name, "r%d:%d", w->n, i);
        snprintf(text, sizeof text, "%d", i); /* the same layers in all threads */
        o.fd = tar_with("file", text);
        o.name = name;
        w->failed |= shale_import(w->s, &o, &made, &e) < 0 || shale_images(w->s, NULL, &l, &e) < 0;
        close(o.fd);
        shale_free(made);
        shale_free(l);
    }
    if (w->failed)
        print_error("%s\n", e.msg);
    return NULL;
}

static void test_threads(void **state)
{
    struct fixture *f = *state;
    struct shale *second = fixture_open(f);
    struct worker w[4];
    pthread_t t[4];
    struct shale_image_list *l = NULL;
    size_t n_names = 0;

    for (int i = 0; i < 4; i++) {
        w[i] = (struct worker){f, i % 2 ? second : f->s, i, 0};
        assert_int_equal(pthread_create(&t[i], NULL, import_and_list, &w[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(w[i].failed, 0);
    }
    assert_ok(f, shale_images(f->s, NULL, &l, &f->e));
    for (size_t i = 0; i < l->n_items; i++)
        n_names += l->items[i].n_names;
    assert_int_equal(n_names, 20);
    shale_free(l);
    shale_close(second);
}

/* ---- results outlive what they came from ---- */

static void test_results(void **state)
{
    struct fixture *f = *state;
    struct shale_imported *i = import_one(f, "one:1", "etc/motd", "hello");
    struct shale_image_detail *d = NULL;

    assert_ok(f, shale_image_inspect(f->s, "one:1", NULL, &d, &f->e));
    shale_close(f->s);
    f->s = NULL;
    assert_string_equal(d->image.id, i->id);
    assert_non_null(strstr(d->config_json, "rootfs"));
    assert_int_equal(strlen(d->config_json), d->config_json_bytes);
    assert_int_equal(d->n_layers, 1);
    assert_string_equal(d->image.labels_json, ""); /* never NULL */
    assert_string_equal(d->author, "");
    shale_free(i);
    shale_free(d);
}

/* ---- cancellation ---- */

static int count_and_cancel(void *arg, const struct shale_file *x)
{
    struct fixture *f = arg;

    (void)x;
    shale_cancel(f->s);
    return 0;
}

static int refuse(void *arg, const struct shale_file *x)
{
    (void)x;
    ++*(int *)arg;
    return -SHALE_CONFLICT;
}

static void test_cancel(void **state)
{
    struct fixture *f = *state;
    struct shale *other = fixture_open(f);
    struct shale_imported *made = NULL;
    OPTS(shale_import_opts, io);
    OPTS(shale_ls_opts, lo);
    OPTS(shale_fsck_opts, fo);
    struct shale_fsck_result *fsck = NULL;
    int n = 0;

    shale_free(import_one(f, "one:1", "etc/motd", "hello"));
    /* what a callback returns is returned */
    lo.on_file = refuse;
    lo.arg = &n;
    assert_int_equal(list_one(f, "etc", &lo), -SHALE_CONFLICT);
    assert_int_equal(n, 1);
    /* within a call */
    lo.on_file = count_and_cancel;
    lo.arg = f;
    lo.recursive = true;
    assert_fails(f, SHALE_CANCELED, list_one(f, "/", &lo));
    /* and from then on */
    io.fd = tar_with("a", "b");
    io.name = "two:1";
    assert_fails(f, SHALE_CANCELED, shale_import(f->s, &io, &made, &f->e));
    assert_null(made);
    assert_fails(f, SHALE_CANCELED, shale_fsck(f->s, &fo, &fsck, &f->e));
    /* others do not mind, and the store has nothing of what was stopped */
    struct shale_image_list *l = NULL;
    assert_ok(f, shale_images(other, NULL, &l, &f->e));
    assert_int_equal(l->n_items, 1);
    shale_free(l);
    assert_int_equal(lseek(io.fd, 0, SEEK_SET), 0);
    assert_ok(f, shale_import(other, &io, &made, &f->e));
    shale_free(made);
    assert_ok(f, shale_fsck(other, &fo, &fsck, &f->e));
    assert_int_equal(fsck->n_damaged, 0);
    assert_int_equal(fsck->n_images, 2);
    shale_free(fsck);
    close(io.fd);
    shale_close(other);
}

/* ---- debug messages: of the handle that was opened last ---- */

static void on_debug(void *arg, const char *msg)
{
    assert_null(strchr(msg, '\n'));
    ++*(int *)arg;
}

static void test_debug(void **state)
{
    struct fixture *f = *state;
    OPTS(shale_open_opts, o);
    OPTS(shale_open_opts, bad);
    struct shale *a = NULL, *b = NULL;
    char *digest = NULL, config[100];
    int n_a = 0, n_b = 0;

    /* a helper that is not there: told of when a registry is asked, here one that is not there */
    snprintf(config, sizeof config, "%s/config.json", f->dir);
    int fd = open(config, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_int_equal(write(fd, "{\"credsStore\":\"none\"}", 21), 21);
    close(fd);
    assert_int_equal(setenv("SHALE_RETRIES", "0", 1), 0);
    o.root = bad.root = f->root;
    o.config_dir = f->dir;
    bad.storage_driver = "zfs";
    o.on_debug = on_debug;
    o.on_debug_arg = &n_a;
    assert_ok(f, shale_open(&o, &a, &f->e));
    o.on_debug_arg = &n_b;
    assert_ok(f, shale_open(&o, &b, &f->e));
    shale_close(a);
    assert_fails(f, SHALE_INVALID, shale_open(&bad, &a, &f->e));
    /* that the other has gone, or one could not be opened, is no reason to be silent */
    assert_fails(f, SHALE_NETWORK, shale_digest(b, "127.0.0.1:1/x", NULL, &digest, &f->e));
    assert_null(digest);
    unsetenv("SHALE_RETRIES");
    assert_int_equal(n_a, 0);
    assert_true(n_b > 0);
    shale_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open_mistakes, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_read_only, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_sizes, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_errors, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_threads, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_results, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_cancel, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_debug, fixture_begin, fixture_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
