/* SPDX-License-Identifier: Apache-2.0 */
/* `import`: a tar of a root file system as the one layer of a new image. */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "image/archives.h"
#include "image/image_priv.h"
#include "image/make.h"
#include "model/change.h"
#include "model/limits.h"
#include "remote/get.h"
#include "store/events.h"
#include "store/layer_new.h"
#include "tar/codec.h"

#define BLOCK_BYTES (256u << 10)

struct importer {
    struct image_host *h;
    const struct shale_import_opts *o;
    struct arena *a;
    struct store_lease *lease;
    struct layer_new *layer;
    struct decoder *decoder;
    char *in, *out;
    uint64_t sum; /* bytes of the tar */
};

static void importer_clear(struct importer *m)
{
    layer_new_close(m->layer);
    decoder_free(m->decoder);
    store_lease_end(m->lease);
    free(m->in);
    free(m->out);
}

/* ---- config ---- */

static int put(json_t *o, const char *key, json_t *value)
{
    return json_object_set_new(o, key, value);
}

static int platform_of(const struct importer *m, struct platform *ret, struct shale_err *e)
{
    int r = 0;

    *ret = platform_host();
    if (m->o->platform && *m->o->platform)
        r = platform_parse(m->o->platform, m->a, ret, e);
    else if (ret->arch &&
             streq(ret->arch, "amd64")) /* a level of the processor, not of the files */
        ret->variant = NULL;
    if (r >= 0 && ret->os && !streq(ret->os, "linux"))
        return err_set(e, SHALE_UNSUPPORTED, "operating system is not supported: %.32s", ret->os);
    return r;
}

static int put_history(json_t *doc, const char *created, const char *message)
{
    json_t *item = json_pack("{s:s,s:s}", "created", created, "comment", message);

    return put(doc, "history", item ? json_pack("[o]", item) : NULL);
}

static int make_config(const struct importer *m, json_t **ret, struct shale_err *e)
{
    const char *input = m->o->input;
    const char *from = input && remote_is_url(input) ? input : "-";
    const char *message = m->o->message && *m->o->message
                              ? m->o->message
                              : arena_printf(m->a, "Imported from %s", from);
    _cleanup_json_ json_t *doc = json_object();
    json_t *config = json_object();
    struct platform p = {0};
    char created[40];
    size_t n = 0;
    int bad = put(doc, "config", config), r = platform_of(m, &p, e);

    if (r >= 0 && !message)
        r = err_nomem(e);
    if (r < 0)
        return r;
    while (m->o->changes && m->o->changes[n])
        n++;
    (void)time_format_rfc3339nano(time_now_ns(), created);
    bad |= put(doc, "architecture", json_string(p.arch ? p.arch : ""));
    bad |= put(doc, "os", json_string("linux"));
    if (p.variant && *p.variant)
        bad |= put(doc, "variant", json_string(p.variant));
    bad |= put(doc, "created", json_string(created));
    bad |= put(doc, "comment", json_string(message));
    bad |= put_history(doc, created, message);
    if (bad)
        return err_set(e, SHALE_INVALID, "the message is not UTF-8");
    r = n ? change_apply(config, m->o->changes, n, m->a, e) : 0;
    if (r >= 0)
        *ret = TAKE_PTR(doc);
    return r;
}

/* ---- input ---- */

static int open_input(const struct importer *m, int *ret_own, struct shale_err *e)
{
    const char *path = m->o->input;
    struct stat st;

    if (path) {
        *ret_own = image_open_input(path, e);
        if (*ret_own < 0)
            return *ret_own;
    }
    int fd = path ? *ret_own : m->o->fd;
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        return err_set(e, SHALE_INVALID, "%s is a folder: tar -C %s -c . | shale import -",
                       path ? path : "the input", path ? path : "FOLDER");
    return fd;
}

static int on_data(void *arg, const void *p, size_t n, struct shale_err *e)
{
    struct importer *m = arg;
    struct str in = {p, n};
    size_t got;

    do {
        int r = decoder_run(m->decoder, &in, m->out, BLOCK_BYTES, &got, e);
        if (r >= 0 && got)
            r = layer_new_write(m->layer, m->out, got, e);
        if (r < 0)
            return r;
        m->sum += got;
    } while (got == BLOCK_BYTES || in.n > 0);
    return 0;
}

static int read_file(struct importer *m, int *ret_own, struct shale_err *e)
{
    size_t n = BLOCK_BYTES;
    int fd = open_input(m, ret_own, e), r = fd < 0 ? fd : 0;

    while (r >= 0 && n == BLOCK_BYTES) {
        if (sys_read_full(fd, m->in, BLOCK_BYTES, &n) < 0)
            return err_sys(e, "read the tar");
        r = n ? on_data(m, m->in, n, e) : 0;
    }
    return r;
}

static int write_layer(struct importer *m, struct meta_image_layer *ret, struct shale_err *e)
{
    _cleanup_close_ int own = -1;
    const char *input = m->o->input;
    int r = input && remote_is_url(input)
                ? remote_get(m->h->remote, input, on_data, m, m->h->cancel, e)
                : read_file(m, &own, e);

    if (r >= 0)
        r = decoder_end(m->decoder, e);
    if (r >= 0 && m->sum == 0)
        return err_set(e, SHALE_INVALID, "the tar is empty: there is nothing to import");
    return r < 0 ? r : layer_new_finish(m->layer, ret, e);
}

static int begin(struct importer *m, struct shale_err *e)
{
    const struct decoder_limits limits = {
        .max_bytes = LIMIT_LAYER_BYTES,
        .max_ratio = LIMIT_INFLATE_RATIO,
        .ratio_floor_bytes = LIMIT_INFLATE_FLOOR_BYTES,
    };
    struct store *s = m->h->store;

    m->in = mem_alloc(BLOCK_BYTES);
    m->out = mem_alloc(BLOCK_BYTES);
    int r = m->in && m->out ? store_lease_begin(s, "import", &m->lease, e) : err_nomem(e);
    if (r >= 0)
        r = decoder_new(DECODER_ARCHIVE, &limits, &m->decoder, e);
    return r < 0 ? r : layer_new_begin(s, m->lease, m->h->cancel, &m->layer, e);
}

int image_import(struct image_host *h, const struct shale_import_opts *o, struct arena *a,
                 struct shale_imported *ret, struct shale_err *e)
{
    _cleanup_(importer_clear) struct importer m = {.h = h, .o = o, .a = a};
    _cleanup_json_ json_t *doc = NULL;
    struct meta_image_layer layer;
    struct image_made made;
    struct ref name = {0};
    int r = o->name && *o->name ? image_parse_name(o->name, a, &name, e) : 0;

    if (r >= 0)
        r = make_config(&m, &doc, e); /* mistakes show before anything is read */
    if (r >= 0)
        r = begin(&m, e);
    if (r >= 0)
        r = write_layer(&m, &layer, e);
    if (r == -SHALE_CORRUPT)
        r = err_wrap(e, r, "%s", o->input ? o->input : "standard input");
    if (r >= 0)
        r = image_make(h->store, m.lease, doc, &layer, 1, NULL, NULL, &made, e);
    if (r >= 0 && name.repo)
        r = image_name_it(h->store, &name, &made.id, &made.manifest, "import", e);
    if (r < 0)
        return r;
    store_image_event(h->store, EVENT_IMAGE_IMPORT, &made.id, made.id.s, made.id.s);
    ret->id = arena_strdup(a, made.id.s);
    return ret->id ? 0 : err_nomem(e);
}
