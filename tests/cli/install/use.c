/* SPDX-License-Identifier: Apache-2.0 */
/* What a C program does with the installed library: pull, list, look, run, remove. Built with
 * nothing but pkg-config; arguments: STORE REFERENCE. */
#include <stdio.h>
#include <string.h>

#include <shale/container.h>
#include <shale/image.h>

#ifdef __cplusplus
#define OPTS(type, name)                                                                           \
    struct type name = type();                                                                     \
    name.size = sizeof name
#else
#define OPTS(type, name) struct type name = {.size = sizeof name}
#endif

static int fail(const char *what, const struct shale_err *e)
{
    fprintf(stderr, "%s: %d %s\n", what, e->code, e->msg);
    return 1;
}

static void on_progress(void *arg, const struct shale_progress *p)
{
    if (p->kind == SHALE_PROGRESS_DIGEST)
        __atomic_add_fetch((int *)arg, 1, __ATOMIC_RELAXED);
}

static int run_it(struct shale *s, const char *ref, struct shale_err *e)
{
    const char *cmd[] = {"sh", "-c", "exit 7", NULL};
    struct shale_created *made;
    int status = -1;
    OPTS(shale_create_opts, o);
    OPTS(shale_rm_opts, rm);

    o.image = ref;
    o.cmd = cmd;
    o.stop_timeout_s = -1;
    if (shale_create(s, &o, &made, e) < 0)
        return fail("create", e);
    if (shale_start(s, made->id, NULL, NULL, e) < 0 || shale_wait(s, made->id, &status, e) < 0)
        return fail("start", e);
    printf("exit status %d\n", status);
    int r = shale_rm(s, made->id, &rm, e);
    shale_free(made);
    return r < 0 ? fail("rm", e) : 0;
}

int main(int argc, char **argv)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct shale *s = NULL;
    struct shale_pull_result *pulled;
    struct shale_image_list *images;
    struct shale_rmi_result *removed;
    int n_digests = 0;
    OPTS(shale_open_opts, open);
    OPTS(shale_pull_opts, pull);
    OPTS(shale_images_opts, list);
    OPTS(shale_rmi_opts, rmi);

    if (argc < 3)
        return 2;
    open.root = argv[1];
    if (shale_open(&open, &s, &e) < 0)
        return fail("open", &e);
    pull.on_progress = on_progress;
    pull.progress_arg = &n_digests;
    if (shale_pull(s, argv[2], &pull, &pulled, &e) < 0)
        return fail("pull", &e);
    printf("pulled %s, %d digest\n", pulled->images[0].ref, n_digests);
    shale_free(pulled);
    if (shale_images(s, &list, &images, &e) < 0)
        return fail("images", &e);
    printf("%zu image of %s\n", images->n_items, images->items[0].os);
    shale_free(images);
    if (argc > 3 && run_it(s, argv[2], &e) != 0)
        return 1;
    if (shale_rmi(s, "no/such:image", &rmi, &removed, &e) != -SHALE_NOT_FOUND ||
        e.code != SHALE_NOT_FOUND)
        return fail("rmi of nothing", &e);
    if (shale_rmi(s, argv[2], &rmi, &removed, &e) < 0)
        return fail("rmi", &e);
    printf("removed %zu things\n", removed->n_items);
    shale_free(removed);
    shale_close(s);
    printf("library %s\n", shale_version());
    return 0;
}
