/* SPDX-License-Identifier: Apache-2.0 */
/* A C program's way through images: made, listed, looked into, named, saved, loaded, removed. */
#include "engine_test.h"

#include <shale/archive.h>
#include <shale/look.h>
#include <shale/prune.h>
#include <shale/tag_history.h>
#include <shale/volume.h>

static void test_list(void **state)
{
    struct fixture *f = *state;
    struct shale_imported *one = import_one(f, "team/one:1", "etc/motd", "hello");
    struct shale_imported *two = import_one(f, NULL, "etc/motd", "world");
    struct shale_image_list *l = NULL;
    const char *const dangling[] = {"dangling=true", NULL}, *const pinned[] = {"pinned=true", NULL};
    OPTS(shale_images_opts, o);

    assert_ok(f, shale_tag(f->s, "team/one:1", "other", &f->e));
    assert_ok(f, shale_images(f->s, &o, &l, &f->e));
    assert_int_equal(l->n_items, 2);
    assert_string_equal(l->items[0].id, two->id); /* newest first */
    assert_int_equal(l->items[0].n_names, 0);
    assert_string_equal(l->items[1].id, one->id);
    assert_int_equal(l->items[1].n_names, 2);
    assert_string_equal(l->items[1].os, "linux");
    assert_int_equal(l->items[1].size_bytes, 5);
    assert_true(l->items[1].created_ns > 0);
    shale_free(l);
    o.filters = dangling;
    assert_ok(f, shale_images(f->s, &o, &l, &f->e));
    assert_int_equal(l->n_items, 1);
    assert_string_equal(l->items[0].id, two->id);
    shale_free(l);
    o = (struct shale_images_opts){.size = sizeof o, .brief = true};
    assert_ok(f, shale_images(f->s, &o, &l, &f->e));
    assert_int_equal(l->n_items, 2);
    assert_string_equal(l->items[0].id, two->id);
    assert_string_equal(l->items[1].names[0].repo, "other");
    assert_string_equal(l->items[1].names[1].tag, "1");
    assert_int_equal(l->items[1].size_bytes, 5);
    assert_string_equal(l->items[1].os, "");
    shale_free(l);
    o.filters = pinned; /* what brief leaves out is looked at all the same */
    assert_ok(f, shale_image_pin(f->s, "other", true, &f->e));
    assert_ok(f, shale_images(f->s, &o, &l, &f->e));
    assert_int_equal(l->n_items, 1);
    assert_string_equal(l->items[0].id, one->id);
    shale_free(l);
    o = (struct shale_images_opts){.size = sizeof o, .match = "other:*"};
    assert_ok(f, shale_images(f->s, &o, &l, &f->e));
    assert_int_equal(l->n_items, 1);
    shale_free(l);
    /* by the beginning of its ID too */
    char id[13] = "";
    struct shale_history *h = NULL;
    memcpy(id, one->id + strlen("sha256:"), 12);
    assert_ok(f, shale_history(f->s, id, NULL, &h, &f->e));
    assert_int_equal(h->n_items, 1);
    assert_string_equal(h->items[0].id, one->id);
    assert_int_equal(h->items[0].size_bytes, 5);
    shale_free(h);
    shale_free(one);
    shale_free(two);
}

/* ---- files ---- */

struct seen {
    int n;
    char path[64], layer[80];
};

static int on_file(void *arg, const struct shale_file *x)
{
    struct seen *v = arg;

    v->n++;
    snprintf(v->path, sizeof v->path, "%s", x->path);
    snprintf(v->layer, sizeof v->layer, "%s", x->layer);
    return 0;
}

static void on_error(void *arg, const char *path, const struct shale_err *e)
{
    assert_string_equal(path, "etc/none");
    assert_int_equal(e->code, SHALE_NOT_FOUND);
    ++*(int *)arg;
}

static void test_look(void **state)
{
    struct fixture *f = *state;
    struct seen v = {0};
    const char *const paths[] = {"etc/none", "/etc/motd"};
    char text[16] = "";
    int out[2], n_errors = 0;
    OPTS(shale_ls_opts, lo);
    OPTS(shale_cat_opts, co);
    OPTS(shale_image_diff_opts, d);
    struct shale_layer_uses *u = NULL;

    shale_free(import_one(f, "one:1", "etc/motd", "hello"));
    shale_free(import_one(f, "two:1", "etc/motd", "world"));
    lo.on_file = on_file;
    lo.arg = &v;
    assert_ok(f, list_one(f, "etc", &lo));
    assert_int_equal(v.n, 1);
    assert_string_equal(v.path, "etc/motd");
    assert_ok(f, shale_layer_uses(f->s, "one:1", NULL, &u, &f->e));
    assert_int_equal(u->n_items, 1);
    assert_string_equal(u->items[0].diff_id, v.layer);
    shale_free(u);
    assert_fails(f, SHALE_NOT_FOUND, list_one(f, "usr", &lo));
    assert_int_equal(pipe(out), 0);
    co.fd = out[1];
    co.on_error = on_error;
    co.arg = &n_errors;
    assert_int_equal(shale_cat(f->s, "one:1", paths, 2, &co, &f->e), 1);
    assert_int_equal(n_errors, 1);
    assert_int_equal(read(out[0], text, sizeof text), 5);
    assert_memory_equal(text, "hello", 5);
    co.on_error = NULL; /* the first one ends the call */
    assert_fails(f, SHALE_NOT_FOUND, shale_cat(f->s, "one:1", paths, 2, &co, &f->e));
    close(out[0]);
    close(out[1]);
    assert_int_equal(shale_image_diff(f->s, "one:1", "two:1", &d, &f->e), 1);
    assert_int_equal(shale_image_diff(f->s, "one:1", "one:1", &d, &f->e), 0);
}

/* ---- names, removing ---- */

static void test_remove(void **state)
{
    struct fixture *f = *state;
    struct shale_imported *one = import_one(f, "one:1", "a", "1"),
                          *two = import_one(f, "one:1", "a", "2"); /* the name moves */
    struct shale_tag_history *h = NULL;
    struct shale_rmi_result *r = NULL;
    struct shale_image_list *l = NULL;
    char *id = NULL;
    OPTS(shale_rmi_opts, o);
    OPTS(shale_image_prune_opts, po);

    assert_ok(f, shale_tag_history(f->s, "one:1", &h, &f->e));
    assert_int_equal(h->n_items, 2);
    assert_string_equal(h->items[0].image, two->id);
    assert_string_equal(h->items[1].image, one->id);
    shale_free(h);
    assert_ok(f, shale_tag_restore(f->s, "one:1@{1}", &id, &f->e));
    assert_string_equal(id, one->id);
    shale_free(id);
    /* looking first changes nothing */
    po.dry_run = true;
    for (int i = 0; i < 2; i++) {
        assert_ok(f, shale_image_prune(f->s, &po, &r, &f->e));
        assert_true(r->n_items > 0 && r->freed_bytes > 0);
        shale_free(r);
    }
    po.dry_run = false;
    assert_ok(f, shale_image_pin(f->s, two->id, true, &f->e));
    assert_ok(f, shale_image_prune(f->s, &po, &r, &f->e));
    assert_int_equal(r->n_items, 0);
    shale_free(r);
    assert_ok(f, shale_image_pin(f->s, two->id, false, &f->e));
    assert_ok(f, shale_image_prune(f->s, &po, &r, &f->e));
    assert_int_equal(r->items[0].kind, SHALE_DELETED);
    assert_string_equal(r->items[0].what, two->id);
    shale_free(r);
    /* two names: by ID only with force */
    assert_ok(f, shale_tag(f->s, "one:1", "two:1", &f->e));
    assert_fails(f, SHALE_CONFLICT, shale_rmi(f->s, one->id, &o, &r, &f->e));
    assert_ok(f, shale_rmi(f->s, "two:1", &o, &r, &f->e));
    assert_int_equal(r->n_items, 1);
    assert_int_equal(r->items[0].kind, SHALE_UNTAGGED);
    shale_free(r);
    assert_ok(f, shale_rmi(f->s, "one:1", &o, &r, &f->e));
    assert_int_equal(r->items[0].kind, SHALE_UNTAGGED);
    assert_int_equal(r->items[1].kind, SHALE_DELETED);
    shale_free(r);
    assert_ok(f, shale_images(f->s, NULL, &l, &f->e));
    assert_int_equal(l->n_items, 0);
    shale_free(l);
    shale_free(one);
    shale_free(two);
}

/* ---- archives ---- */

static void test_save_load(void **state)
{
    struct fixture *f = *state;
    struct shale_imported *one = import_one(f, "one:1", "a", "1");
    const char *const names[] = {"one:1"}, *const wrong[] = {"none:1"};
    struct shale_load_result *r = NULL;
    struct shale_rmi_result *gone = NULL;
    char path[100];
    OPTS(shale_save_opts, so);
    OPTS(shale_load_opts, lo);
    OPTS(shale_rmi_opts, ro);

    snprintf(path, sizeof path, "%s/a.tar", f->dir);
    so.output = lo.input = path;
    assert_fails(f, SHALE_NOT_FOUND, shale_save(f->s, wrong, 1, &so, &f->e));
    assert_int_not_equal(access(path, F_OK), 0); /* nothing half */
    assert_ok(f, shale_save(f->s, names, 1, &so, &f->e));
    assert_ok(f, shale_rmi(f->s, "one:1", &ro, &gone, &f->e));
    shale_free(gone);
    assert_ok(f, shale_load(f->s, &lo, &r, &f->e));
    assert_int_equal(r->n_images, 1);
    assert_string_equal(r->images[0].id, one->id);
    assert_string_equal(r->images[0].ref, "one:1");
    assert_null(r->images[0].replaced);
    shale_free(r);
    /* cut off: refused, and the image that is there stays */
    assert_int_equal(truncate(path, 2000), 0);
    r = NULL;
    f->e = (struct shale_err)SHALE_ERR_INIT;
    assert_true(shale_load(f->s, &lo, &r, &f->e) < 0);
    assert_true(f->e.code == SHALE_CORRUPT || f->e.code == SHALE_INVALID ||
                f->e.code == SHALE_NOT_FOUND);
    assert_null(r);
    struct shale_image_detail *d = NULL;
    assert_ok(f, shale_image_inspect(f->s, "one:1", NULL, &d, &f->e));
    shale_free(d);
    shale_free(one);
}

/* ---- volumes ---- */

static void test_volumes(void **state)
{
    struct fixture *f = *state;
    const char *const labels[] = {"k=v", NULL}, *const by_label[] = {"label=k=v", NULL};
    struct shale_volume *v = NULL;
    struct shale_volume_list *l = NULL;
    struct shale_volume_pruned *p = NULL;
    OPTS(shale_volume_create_opts, o);
    OPTS(shale_volume_ls_opts, lo);
    OPTS(shale_volume_prune_opts, po);

    assert_ok(f, shale_volume_create(f->s, &o, &v, &f->e));
    assert_true(v->anonymous && strlen(v->name) == 64 && v->n_containers == 0);
    shale_free(v);
    o.name = "data";
    o.labels = labels;
    assert_ok(f, shale_volume_create(f->s, &o, &v, &f->e));
    assert_string_equal(v->name, "data");
    assert_int_equal(access(v->mountpoint, F_OK), 0);
    shale_free(v);
    assert_ok(f, shale_volume_ls(f->s, &lo, &l, &f->e));
    assert_int_equal(l->n_items, 2);
    shale_free(l);
    lo.filters = by_label;
    assert_ok(f, shale_volume_ls(f->s, &lo, &l, &f->e));
    assert_int_equal(l->n_items, 1);
    assert_string_equal(l->items[0].name, "data");
    shale_free(l);
    assert_ok(f, shale_volume_prune(f->s, &po, &p, &f->e)); /* anonymous ones only */
    assert_int_equal(p->n_names, 1);
    assert_null(p->names[1]);
    shale_free(p);
    assert_ok(f, shale_volume_rm(f->s, "data", &f->e));
    assert_fails(f, SHALE_NOT_FOUND, shale_volume_rm(f->s, "data", &f->e));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_list, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_look, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_remove, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_save_load, fixture_begin, fixture_end),
        cmocka_unit_test_setup_teardown(test_volumes, fixture_begin, fixture_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
