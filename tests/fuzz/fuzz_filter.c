/* SPDX-License-Identifier: Apache-2.0 */
/* --filter of images and ps, one a line, on a store that is empty. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "container/container.h"
#include "image/image.h"

#define LINES_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct store *store;
static char root[] = "/tmp/shale-fuzz-XXXXXX";

static void drop_store(void)
{
    store = store_close(store);
    (void)fs_remove_tree(AT_FDCWD, root, NULL);
}

static void open_one(void)
{
    struct store_opts o = {.root = root, .driver = "dir"};

    if (!mkdtemp(root) || store_open(&o, &store, NULL) < 0 || atexit(drop_store))
        abort();
}

static void must_say_why(int r, const struct shale_err *e)
{
    if (r < 0 && (e->code != -r || !e->msg[0]))
        __builtin_trap();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_DEFAULT_MAX);
    const char *lines[LINES_MAX + 1] = {NULL};
    struct str rest = {(const char *)data, size}, line;
    struct shale_images_opts io = {.size = sizeof io, .filters = lines};
    struct shale_ps_opts po = {.size = sizeof po, .filters = lines, .all = true};
    struct shale_image_list images;
    struct shale_container_list containers;
    struct shale_err e = SHALE_ERR_INIT;

    if (!store)
        open_one();
    for (size_t i = 0; i < LINES_MAX && rest.n && str_split(&rest, '\n', &line); i++)
        if (!(lines[i] = arena_strndup(&a, line.p, line.n)))
            return 0;
    struct image_host ih = {.store = store};
    must_say_why(image_list(&ih, &io, &a, &images, &e), &e);
    io.match = lines[0];
    must_say_why(image_list(&ih, &io, &a, &images, &e), &e);
    struct container_host ch = {.store = store};
    must_say_why(container_ps(&ch, &po, &a, &containers, &e), &e);
    return 0;
}
