/* SPDX-License-Identifier: Apache-2.0 */
#include "build/result/compress.h"

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "model/media.h"
#include "store/layer_packed.h"

static const struct {
    const char *name;
    enum encoder_kind kind;
    enum media_codec codec;
} kinds[] = {{"gzip", ENCODER_GZIP, CODEC_GZIP},
             {"zstd", ENCODER_ZSTD, CODEC_ZSTD},
             {"uncompressed", ENCODER_NONE, CODEC_NONE}};

static int parse_level(const char *text, struct compression *ret, struct shale_err *e)
{
    int max = encoder_max_level(ret->kind);
    char *end;

    if (max == 0)
        return err_set(e, SHALE_INVALID, "compression=uncompressed has no compression-level=");
    long v = strtol(text, &end, 10);
    if (!*text || *end || v < 0 || v > max)
        return err_set(e, SHALE_INVALID, "compression-level=%.32s: a number from 0 to %d", text,
                       max);
    /* zstd's 0 is its usual level. */
    ret->level = v == 0 && ret->kind == ENCODER_ZSTD ? ENCODER_LEVEL_DEFAULT : (int)v;
    return 0;
}

int compression_parse(const char *kind, const char *level, struct compression *ret,
                      struct shale_err *e)
{
    *ret = (struct compression){.level = ENCODER_LEVEL_DEFAULT};
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        if (!streq(kinds[i].name, kind ? kind : "gzip"))
            continue;
        ret->kind = kinds[i].kind;
        ret->given = kind || level;
        return level ? parse_level(level, ret, e) : 0;
    }
    return err_set(e, streq(kind, "estargz") ? SHALE_UNSUPPORTED : SHALE_INVALID,
                   "compression=%.32s%s: gzip, zstd or uncompressed", kind,
                   streq(kind, "estargz") ? " is not supported" : "");
}

int compression_of(const struct shale_build_opts *o, struct compression *ret, struct shale_err *e)
{
    int r = compression_parse(o->compression, o->compression_level, ret, e);

    ret->force = o->force_compression;
    return r;
}

static int is_so(struct build *b, const struct compression *c, const struct digest *blob,
                 struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 16);
    struct meta_blob row;
    int r = digest_is_set(blob) ? meta_blob_get(store_meta(b->store), blob, &a, &row, NULL)
                                : -SHALE_NOT_FOUND;

    if (r < 0)
        return r == -SHALE_NOT_FOUND ? 0 : err_set(e, -r, "the row of %s cannot be read", blob->s);
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (kinds[i].kind == c->kind)
            r = media_find(row.media_type)->codec == kinds[i].codec;
    return r && c->level == ENCODER_LEVEL_DEFAULT;
}

static int make_key(struct build *b, const struct compression *c, const struct digest *diff_id,
                    char ret[65], struct shale_err *e)
{
    struct key key;
    char how[32];

    (void)snprintf(how, sizeof how, "%d %d", (int)c->kind, c->level);
    key_begin(&key, "compressed", NULL, b->target);
    key_add(&key, "layer", diff_id->s);
    key_add(&key, "how", how);
    key_add(&key, "by", encoder_version(c->kind));
    return key_end(&key, ret, e);
}

/* What was compressed before counts, unless all is to be made anew: then what this build did. */
static int find_made(struct build *b, const char *key, struct arena *a, struct cached *ret,
                     struct shale_err *e)
{
    struct cached made = *ret;
    int found = record_get_own(b, key, a, &made, e);

    if (found == 1 && b->target->no_cache && made.created_ns < b->begun_ns)
        return 0;
    if (found == 1)
        *ret = made;
    return found;
}

int compress_layer(struct build *b, const struct compression *c, struct meta_image_layer *l,
                   struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(1 << 16);
    struct cached made = {.layer = *l, .created_ns = time_now_ns()};
    char key[65];
    int r = is_so(b, c, &l->blob, e), found;

    if (r != 0)
        return r < 0 ? r : 0;
    r = make_key(b, c, &l->diff_id, key, e);
    if (r >= 0)
        r = found = find_made(b, key, &a, &made, e);
    if (r < 0)
        return r;
    if (!found) {
        r = layer_packed_make(b->store, b->lease, &l->diff_id, c->kind, c->level, b->cancel,
                              &made.layer.blob, e);
        if (r >= 0)
            r = record_put_own(b, key, "a layer, compressed", &made, e);
    }
    if (r >= 0)
        *l = made.layer;
    return r < 0 ? r : 0;
}

int compress_image(struct build *b, struct told *t, struct shale_err *e)
{
    struct state *s = &b->target->state;
    struct compression c;
    int r = compression_of(b->o, &c, e);

    if (r < 0 || !c.given)
        return r;
    for (size_t i = c.force ? 0 : s->n_base; r >= 0 && i < s->n_layers; i++)
        r = compress_layer(b, &c, &s->layers[i], e);
    if (r >= 0)
        told_status(t, "compressing layers done");
    return r;
}
