/* SPDX-License-Identifier: Apache-2.0 */
/* A program whose own functions are named as ones inside of libshale. It links, the library goes on
 * using its own, and so does the program. Arguments: STORE REFERENCE. */
#include <stdio.h>
#include <stdlib.h>

#include <shale/image.h>

#define MINE(name)                                                                                 \
    int name(void);                                                                                \
    int name(void)                                                                                 \
    {                                                                                              \
        return called++;                                                                           \
    }

static int called;
MINE(arena_alloc)
MINE(buf_add)
MINE(buf_addf)
MINE(digest_parse)
MINE(err_set)
MINE(json_parse)
MINE(manifest_parse)
MINE(meta_open)
MINE(ref_parse)
MINE(store_open)
MINE(sys_write_all)
MINE(tar_reader_open)

int main(int argc, char **argv)
{
    struct shale_err e = SHALE_ERR_INIT;
    struct shale *s = NULL;
    struct shale_pull_result *pulled;
    struct shale_open_opts o = {.size = sizeof o};

    if (argc < 3)
        return 2;
    o.root = argv[1];
    if (shale_open(&o, &s, &e) < 0 || shale_pull(s, argv[2], NULL, &pulled, &e) < 0) {
        fprintf(stderr, "%s\n", e.msg);
        return 1;
    }
    shale_free(pulled);
    shale_close(s);
    if (called != 0)
        return 3; /* the library called us */
    json_parse();
    buf_add();
    return called == 2 ? 0 : 4;
}
