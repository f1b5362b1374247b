/* SPDX-License-Identifier: Apache-2.0 */
/* `commit`: a container's changes as a new image. */
#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/str.h"
#include "base/time.h"
#include "container/commit_tar.h"
#include "container/ctr.h"
#include "container/events.h"
#include "container/jout.h"
#include "image/image.h"
#include "image/make.h"
#include "model/change.h"
#include "model/config_merge.h"
#include "model/limits.h"
#include "store/layer_new.h"

#define WARNINGS_MAX 3

struct committer {
    struct container_host *h;
    const struct shale_commit_opts *o;
    struct arena *a;
    struct ctr c;
    struct store_lease *lease;
    struct meta_image_layer *layers; /* of the image, and room for one */
    size_t n_layers;
    bool empty;
    const char *warnings[WARNINGS_MAX + 1];
    size_t n_warnings;
};

static void warn(struct committer *k, const char *text)
{
    if (text && k->n_warnings < WARNINGS_MAX)
        k->warnings[k->n_warnings++] = text;
}

/* ---- config ---- */

static const char *words(const struct strv *v, struct arena *a)
{
    const char *s = "";

    for (size_t i = 0; s && i < v->n; i++)
        s = arena_printf(a, "%s%s%s", s, i ? " " : "", v->v[i]);
    return s;
}

static int apply_changes(const struct committer *k, json_t *config, struct shale_err *e)
{
    size_t n = 0;

    while (k->o->changes && k->o->changes[n])
        n++;
    return n ? change_apply(config, k->o->changes, n, k->a, e) : 0;
}

/* What was given, over what there would be. Takes its place in the document. */
static int put_given(const struct committer *k, json_t *doc, struct shale_err *e)
{
    _cleanup_json_ json_t *given = NULL, *user = NULL;
    const char *text = k->o->config_json;
    int r = json_parse(text, strlen(text), LIMIT_MANIFEST_BYTES, &given, e);

    if (r >= 0 && !json_is_object(given))
        r = err_set(e, SHALE_INVALID, "the configuration of a commit is no JSON object");
    if (r >= 0)
        r = config_take(given, k->a, &user, e);
    if (r >= 0)
        r = apply_changes(k, user, e);
    if (r >= 0)
        r = config_merge(user, json_object_get(doc, "config"), e);
    if (r < 0)
        return r;
    return json_object_set(doc, "config", user) < 0 ? err_nomem(e) : 0;
}

/* What the container was made with, over what of the image it does not keep (Shell, Healthcheck).
 */
static int put_run_config(const struct committer *k, json_t *doc, struct shale_err *e)
{
    _cleanup_json_ json_t *ours = NULL;
    json_t *config = json_object_get(doc, "config");
    int r = conf_config_json(&k->c.conf, &ours, e);

    if (r < 0)
        return r;
    if (!json_is_object(config)) {
        config = json_object();
        if (json_object_set_new(doc, "config", config) < 0)
            return err_nomem(e);
    }
    if (json_is_array(json_object_get(config, "OnBuild")))
        (void)json_object_del(ours, "OnBuild");
    if (json_object_update(config, ours) < 0)
        return err_nomem(e);
    return k->o->config_json ? put_given(k, doc, e) : apply_changes(k, config, e);
}

static int put_history(const struct committer *k, json_t *doc, const char *created,
                       struct shale_err *e)
{
    const char *by = words(&k->c.conf.cmd, k->a);
    json_t *history = json_object_get(doc, "history"), *item = json_object();
    int bad = 0;

    if (!json_is_array(history)) {
        history = json_array();
        jout_put(&bad, doc, "history", history);
    }
    jout_str(&bad, item, "created", created);
    if (k->o->author && *k->o->author)
        jout_str(&bad, item, "author", k->o->author);
    jout_str(&bad, item, "created_by", by);
    if (k->o->message && *k->o->message)
        jout_str(&bad, item, "comment", k->o->message);
    if (k->empty)
        jout_bool(&bad, item, "empty_layer", true);
    jout_add(&bad, history, item);
    return by ? jout_check(bad, "image configuration", e) : err_nomem(e);
}

static int make_config(const struct committer *k, json_t **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(LIMIT_MANIFEST_BYTES + 1);
    _cleanup_json_ json_t *doc = NULL;
    char created[40];
    int bad = 0;
    int r = store_document(k->h->store, &k->c.row.image_id, &b, e);

    if (r >= 0)
        r = json_parse(buf_str(&b), b.n, LIMIT_MANIFEST_BYTES + 1, &doc, e);
    if (r < 0)
        return r;
    (void)time_format_rfc3339nano(time_now_ns(), created);
    jout_str(&bad, doc, "created", created);
    jout_str(&bad, doc, "author", k->o->author);
    jout_str(&bad, doc, "container", k->c.row.id);
    if (k->o->message && *k->o->message)
        jout_str(&bad, doc, "comment", k->o->message);
    else
        (void)json_object_del(doc, "comment");
    (void)json_object_del(doc, "container_config"); /* the image's, not this container's */
    r = jout_check(bad, "image configuration", e);
    if (r >= 0)
        r = put_run_config(k, doc, e);
    if (r >= 0)
        r = put_history(k, doc, created, e);
    if (r >= 0)
        *ret = TAKE_PTR(doc);
    return r;
}

/* ---- layer ---- */

static int into_layer(void *arg, const void *p, size_t n, struct shale_err *e)
{
    return layer_new_write(arg, p, n, e);
}

static int write_layer(struct committer *k, int upper, struct shale_err *e)
{
    struct commit_tar_stats stats = {0};
    struct layer_new *l = NULL;
    struct store *s = k->h->store;
    _cleanup_(lower_close) struct lower lower = LOWER_NONE;
    int r = store_rootfs_lower(s, &k->c.row.image_id, k->h->cancel, &lower, e);

    if (r >= 0)
        r = layer_new_begin(s, k->lease, k->h->cancel, &l, e);
    if (r < 0)
        return r;
    r = commit_tar(upper, &lower, 0, NULL, into_layer, l, k->h->cancel, &stats, e);
    k->empty = stats.n_members == 0;
    if (r >= 0 && !k->empty)
        r = layer_new_finish(l, &k->layers[k->n_layers], e);
    if (r >= 0 && !k->empty)
        k->n_layers++;
    if (r >= 0 && stats.n_left_out)
        warn(k, arena_printf(k->a,
                             "%llu names that begin with .wh. were left out: a layer cannot hold "
                             "them",
                             (unsigned long long)stats.n_left_out));
    layer_new_close(l);
    return r;
}

static int add_layer(struct committer *k, struct shale_err *e)
{
    const char *path = ctr_path(&k->c, k->a, "upper");
    struct meta_image_layer *rows;
    int r = path ? meta_image_layers(store_meta(k->h->store), &k->c.row.image_id, k->a, &rows,
                                     &k->n_layers, e)
                 : err_nomem(e);

    if (r < 0)
        return r;
    if (k->n_layers >= LIMIT_LAYERS)
        return err_set(e, SHALE_LIMIT, "the image has %zu layers already: squash it first",
                       k->n_layers);
    k->layers = arena_array(k->a, k->n_layers + 1, sizeof *rows);
    if (!k->layers)
        return err_nomem(e);
    for (size_t i = 0; i < k->n_layers; i++)
        k->layers[i] = rows[i];
    _cleanup_close_ int upper = fs_open_dir(AT_FDCWD, path, NULL);
    if (upper >= 0)
        return write_layer(k, upper, e);
    k->empty = errno == ENOENT; /* it was never started */
    return k->empty ? 0 : err_sys(e, "%s", path);
}

/* ---- standing still ---- */

static int freeze(struct committer *k, const char *verb, const char *from, const char *to,
                  struct shale_err *e)
{
    const char *const rest[] = {verb, k->c.row.id, NULL};
    const char *const states[] = {from, NULL};
    struct ctr_run run;
    _cleanup_close_ int lock = ctr_lock(k->h, &k->c, e);
    int r = lock < 0 ? lock : ctr_reload(k->h, k->a, &k->c, e);

    if (r < 0)
        return r;
    if (!ctr_is(&k->c, from))
        return 0;
    r = ctr_run_load(k->h, &k->c, k->a, &run, e);
    if (r >= 0)
        r = runtime_call(&run.runtime, rest, k->a, e);
    if (r < 0)
        return r;
    struct meta_container_run state = k->c.row.run;
    state.state = to;
    r = ctr_move(k->h, &k->c, states, &state, k->a, e);
    if (r < 0)
        return r;
    ctr_event(k->h, &k->c.row,
              streq(to, CTR_PAUSED) ? EVENT_CONTAINER_PAUSE : EVENT_CONTAINER_UNPAUSE, NULL, NULL);
    return 1;
}

/* The row says "paused" meanwhile: should this process be killed, `ps` shows why it stands still.
 */
static int layer_standing_still(struct committer *k, struct shale_err *e)
{
    struct shale_err why = SHALE_ERR_INIT;
    bool wanted = ctr_is(&k->c, CTR_RUNNING) && !k->o->no_pause;
    int frozen = wanted ? freeze(k, "pause", CTR_RUNNING, CTR_PAUSED, &why) : 0;

    if (frozen < 0)
        warn(k, arena_printf(k->a, "the container could not be paused and ran meanwhile: %s",
                             why.msg));
    int r = add_layer(k, e);
    if (frozen > 0 && freeze(k, "resume", CTR_PAUSED, CTR_RUNNING, &why) < 0)
        warn(k, arena_printf(k->a, "the container could not be resumed: %s", why.msg));
    return r;
}

/* ---- all of it ---- */

static int commit(struct committer *k, const struct ref *name, struct image_made *ret,
                  struct shale_err *e)
{
    _cleanup_json_ json_t *doc = NULL;
    int r = make_config(k, &doc, e); /* mistakes in changes show before anything is written */

    if (r >= 0)
        r = layer_standing_still(k, e);
    if (r < 0)
        return r;
    json_decref(doc);
    doc = NULL;
    r = make_config(k, &doc, e); /* now it is known whether there is a layer */
    if (r >= 0)
        r = image_make(k->h->store, k->lease, doc, k->layers, k->n_layers, &k->c.row.image_id, NULL,
                       ret, e);
    if (r >= 0)
        store_image_event(k->h->store, EVENT_IMAGE_CREATE, &ret->id, ret->id.s, ret->id.s);
    return r < 0 || !name->repo
               ? r
               : image_name_it(k->h->store, name, &ret->id, &ret->manifest, "commit", e);
}

static int check_state(const struct ctr *c, const char *shown, struct shale_err *e)
{
    if (ctr_is(c, CTR_DEAD))
        return err_set(e, SHALE_CONFLICT, "You cannot commit container %s which is Dead", shown);
    if (ctr_is(c, CTR_REMOVING))
        return err_set(e, SHALE_CONFLICT, "You cannot commit container %s which is being removed",
                       shown);
    return 0;
}

int container_commit(struct container_host *h, const char *container,
                     const struct shale_commit_opts *o, struct arena *a,
                     struct shale_committed *ret, struct shale_err *e)
{
    struct committer k = {.h = h, .o = o, .a = a};
    struct image_made made;
    struct ref name = {0};
    int r = o->name && *o->name ? image_parse_name(o->name, a, &name, e) : 0;

    if (r >= 0)
        r = ctr_find(h, container, a, &k.c, e);
    if (r >= 0)
        r = check_state(&k.c, container, e);
    if (r >= 0)
        r = store_lease_begin(h->store, "commit", &k.lease, e);
    if (r >= 0)
        r = commit(&k, &name, &made, e);
    store_lease_end(k.lease);
    if (r < 0)
        return r;
    const char **warnings = arena_array(a, WARNINGS_MAX + 1, sizeof *warnings);
    ret->id = arena_strdup(a, made.id.s);
    if (!ret->id || !warnings)
        return err_nomem(e);
    const char *shown = name.repo ? ref_familiar(&name, a) : "";
    ctr_event(h, &k.c.row, EVENT_CONTAINER_COMMIT, NULL, "comment", o->message ? o->message : "",
              "imageID", made.id.s, "imageRef", shown ? shown : "", NULL);
    memcpy(warnings, k.warnings, sizeof k.warnings);
    ret->warnings = warnings;
    return 0;
}
