/* SPDX-License-Identifier: Apache-2.0 */
#include "model/mount_value.h"

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"

#define MAX_OPTIONS 4096 /* bytes of tmpfs options */

static const char *const propagations[] = {"private", "rprivate", "shared",
                                           "rshared", "slave",    "rslave"};

/* The name in the table (which lives for ever), or NULL. */
static const char *find_propagation(struct str s)
{
    for (size_t i = 0; i < ARRAY_SIZE(propagations); i++)
        if (str_eq(str_of(propagations[i]), s))
            return propagations[i];
    return NULL;
}

/* ---- -v ---- */

static int volume_mode(struct str mode, struct shale_mount *m, struct shale_err *e)
{
    static const char *const ignored[] = {"rw", "z", "Z", "consistent", "cached", "delegated"};
    struct str rest = mode, one;
    while (str_split(&rest, ',', &one)) {
        const char *propagation = find_propagation(one);
        bool known = propagation != NULL;
        if (propagation)
            m->propagation = propagation;
        if (str_eq(one, STR("ro")) || str_eq(one, STR("readonly")))
            known = m->read_only = true;
        if (str_eq(one, STR("nocopy")))
            known = m->no_copy = true;
        for (size_t i = 0; i < ARRAY_SIZE(ignored); i++)
            known = known || str_eq(one, str_of(ignored[i]));
        if (!known)
            return err_set(e, SHALE_INVALID, "invalid mode: %.*s", (int)mode.n, mode.p);
    }
    return 0;
}

int mount_value_volume(const char *text, struct arena *a, struct shale_mount *ret,
                       struct shale_err *e)
{
    struct shale_mount m = {.type = SHALE_MOUNT_VOLUME};
    struct str rest = str_of(text), part[3] = {{0}}, one;
    size_t n = 0;
    if (!*text)
        return err_set(e, SHALE_INVALID, "invalid empty volume spec");
    while (str_split(&rest, ':', &one)) {
        if (n == ARRAY_SIZE(part))
            return err_set(e, SHALE_INVALID, "invalid spec: %.300s: too many colons", text);
        if (one.n == 0)
            return err_set(e, SHALE_INVALID, "invalid spec: %.300s: empty section between colons",
                           text);
        part[n++] = one;
    }
    if (text[strlen(text) - 1] == ':')
        return err_set(e, SHALE_INVALID, "invalid spec: %.300s: empty section between colons",
                       text);
    /* "/data:ro" is a source and a target for docker, too. */
    struct str target = n == 1 ? part[0] : part[1];
    m.target = arena_strndup(a, target.p, target.n);
    m.source = n == 1 ? NULL : arena_strndup(a, part[0].p, part[0].n);
    if (!m.target || (n > 1 && !m.source))
        return err_nomem(e);
    if (m.source && strchr("./~", m.source[0])) {
        m.type = SHALE_MOUNT_BIND;
        m.create_source = true;
    }
    int r = n == 3 ? volume_mode(part[2], &m, e) : 0;
    if (r == 0)
        *ret = m;
    return r;
}

/* ---- --tmpfs ---- */

/* Options that have a field of their own go there, others stay as they are. */
static int tmpfs_option(struct str one, struct shale_mount *m, struct buf *rest, struct arena *a,
                        struct shale_err *e)
{
    if (str_eq(one, STR("ro"))) {
        m->read_only = true;
        return 0;
    }
    if (one.n > 5 && memcmp(one.p, "size=", 5) == 0 && one.p[one.n - 1] != '%') {
        const char *text = arena_strndup(a, one.p + 5, one.n - 5);
        int64_t bytes;
        if (!text)
            return err_nomem(e);
        int r = units_parse_binary(text, &bytes, e);
        if (r == 0)
            m->tmpfs_size_bytes = (uint64_t)bytes;
        return r;
    }
    if (one.n)
        buf_addf(rest, "%s%.*s", rest->n ? "," : "", (int)one.n, one.p);
    return 0;
}

int mount_value_tmpfs(const char *text, struct arena *a, struct shale_mount *ret,
                      struct shale_err *e)
{
    struct shale_mount m = {.type = SHALE_MOUNT_TMPFS};
    _cleanup_(buf_clear) struct buf options = BUF_INIT(MAX_OPTIONS);
    const char *colon = strchr(text, ':');
    struct str rest = str_of(colon ? colon + 1 : ""), one;
    m.target = arena_strndup(a, text, colon ? (size_t)(colon - text) : strlen(text));
    if (!m.target)
        return err_nomem(e);
    while (str_split(&rest, ',', &one)) {
        int r = tmpfs_option(one, &m, &options, a, e);
        if (r < 0)
            return r;
    }
    int r = buf_check(&options, e);
    if (r < 0)
        return r;
    m.options = options.n ? arena_strdup(a, buf_str(&options)) : NULL;
    if (options.n && !m.options)
        return err_nomem(e);
    *ret = m;
    return 0;
}

/* ---- --mount ---- */

struct mount_spec {
    struct shale_mount m;
    struct arena *a;
    /* an option of that kind that was given */
    const char *volume_key, *bind_key, *tmpfs_key, *image_key;
    bool writable;    /* of an image */
    const char *mode; /* tmpfs-mode */
    struct texts {
        const char **v; /* with the end behind them */
        size_t n, cap;
    } options, labels; /* of a volume */
};

static int add_text(struct mount_spec *s, struct texts *t, const char *text, struct shale_err *e)
{
    const char **v = arena_add_text(s->a, t->v, &t->n, &t->cap, text);
    if (!v)
        return err_nomem(e);
    t->v = v;
    return 0;
}

static int take_volume(struct mount_spec *s, const char *key, const char *v, struct shale_err *e)
{
    if (streq(key, "volume-opt"))
        return add_text(s, &s->options, v, e);
    if (streq(key, "volume-label"))
        return add_text(s, &s->labels, v, e);
    return streq(v, "local")
               ? 0
               : err_set(e, SHALE_UNSUPPORTED,
                         "volume driver \"%.60s\" is not supported yet, only \"local\" is", v);
}

static int take_type(struct mount_spec *s, const char *v, struct shale_err *e)
{
    static const char *const names[] = {[SHALE_MOUNT_BIND] = "bind",
                                        [SHALE_MOUNT_VOLUME] = "volume",
                                        [SHALE_MOUNT_TMPFS] = "tmpfs",
                                        [SHALE_MOUNT_IMAGE] = "image"};
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (str_ieq(v, names[i])) {
            s->m.type = (enum shale_mount_type)i;
            return 0;
        }
    }
    return err_set(e, SHALE_INVALID, "invalid mount config for type \"%.100s\": mount type unknown",
                   v);
}

static int take_bool(const char *key, const char *v, bool *ret, struct shale_err *e)
{
    static const char *const yes[] = {"1", "t", "T", "TRUE", "true", "True"};
    static const char *const no[] = {"0", "f", "F", "FALSE", "false", "False"};
    for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
        if (streq(v, yes[i]) || streq(v, no[i])) {
            *ret = streq(v, yes[i]);
            return 0;
        }
    }
    return err_set(e, SHALE_INVALID, "invalid value for %s: %.100s", key, v);
}

static int take_propagation(struct mount_spec *s, const char *v, struct shale_err *e)
{
    s->m.propagation = find_propagation(str_of(v));
    return s->m.propagation ? 0 : err_set(e, SHALE_INVALID, "invalid propagation mode: %.100s", v);
}

static int take_tmpfs_size(struct mount_spec *s, const char *v, struct shale_err *e)
{
    int64_t bytes;
    if (units_parse_binary(v, &bytes, NULL) < 0)
        return err_set(e, SHALE_INVALID, "invalid value for tmpfs-size: %.100s", v);
    s->m.tmpfs_size_bytes = (uint64_t)bytes;
    return 0;
}

static int take_tmpfs_mode(struct mount_spec *s, const char *v, struct shale_err *e)
{
    if (!*v || strlen(v) > 5 || v[strspn(v, "01234567")])
        return err_set(e, SHALE_INVALID, "invalid value for tmpfs-mode: %.100s", v);
    s->m.options = arena_printf(s->a, "mode=%s", v);
    return s->m.options ? 0 : err_nomem(e);
}

/* As podman writes them. */
static bool is_image_key(const char *key)
{
    return streq(key, "subpath") || streq(key, "rw") || streq(key, "readwrite");
}

static int take_pair(struct mount_spec *s, const char *key, const char *v, struct shale_err *e)
{
    if (str_has_prefix(key, "bind-"))
        s->bind_key = key;
    else if (str_has_prefix(key, "volume-"))
        s->volume_key = key;
    else if (str_has_prefix(key, "tmpfs-"))
        s->tmpfs_key = key;
    else if (str_has_prefix(key, "image-") || is_image_key(key))
        s->image_key = key;
    if (streq(key, "type"))
        return take_type(s, v, e);
    if (streq(key, "source") || streq(key, "src")) {
        s->m.source = v;
        return 0;
    }
    if (streq(key, "target") || streq(key, "dst") || streq(key, "destination")) {
        s->m.target = v;
        return 0;
    }
    if (streq(key, "readonly") || streq(key, "ro"))
        return take_bool(key, v, &s->m.read_only, e);
    if (streq(key, "bind-propagation"))
        return take_propagation(s, v, e);
    if (streq(key, "tmpfs-size"))
        return take_tmpfs_size(s, v, e);
    if (streq(key, "tmpfs-mode"))
        return take_tmpfs_mode(s, v, e);
    if (streq(key, "volume-nocopy"))
        return take_bool(key, v, &s->m.no_copy, e);
    if (streq(key, "volume-opt") || streq(key, "volume-label") || streq(key, "volume-driver"))
        return take_volume(s, key, v, e);
    if (streq(key, "consistency"))
        return 0;
    if (streq(key, "image-subpath") || streq(key, "subpath")) {
        s->m.subpath = v;
        return 0;
    }
    if (is_image_key(key))
        return take_bool(key, v, &s->writable, e);
    return err_set(e, SHALE_INVALID, "unexpected key '%s' in '%s=%.100s'", key, key, v);
}

/* Fields are separated by commas; one that holds a comma stands in double quotes, as in CSV. */
static int next_field(const char **at, struct arena *a, char **ret, struct shale_err *e)
{
    const char *p = *at;
    size_t n = 0;
    char *out = arena_alloc(a, strlen(p) + 1);
    if (!out)
        return err_nomem(e);
    bool quoted = *p == '"';
    for (p += quoted; *p; p++) {
        if (quoted && p[0] == '"' && p[1] == '"')
            p++;
        else if (quoted && p[0] == '"')
            break;
        else if (!quoted && *p == ',')
            break;
        out[n++] = *p;
    }
    if (quoted && (*p != '"' || (p[1] && p[1] != ',')))
        return err_set(e, SHALE_INVALID,
                       "parse error on line 1: extraneous or missing \" in "
                       "quoted-field");
    p += quoted;
    *at = *p == ',' ? p + 1 : p;
    out[n] = 0;
    *ret = out;
    return 0;
}

static int take_field(struct mount_spec *s, char *field, struct shale_err *e)
{
    static const char *const bare[] = {"readonly", "ro", "volume-nocopy", "rw", "readwrite"};
    char *eq = strchr(field, '=');
    if (eq)
        *eq = 0;
    for (char *c = field; *c; c++)
        *c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c;
    for (size_t i = 0; i < ARRAY_SIZE(bare) && !eq; i++)
        if (streq(field, bare[i]))
            return take_pair(s, field, "true", e);
    if (!eq)
        return err_set(e, SHALE_INVALID, "invalid field '%.200s' must be a key=value pair", field);
    return take_pair(s, field, eq + 1, e);
}

static int check_mount(const struct mount_spec *s, struct shale_err *e)
{
    static const char *const names[] = {"bind", "volume", "tmpfs", "image"};
    const char *type = names[s->m.type];
    if (!s->m.target || !*s->m.target)
        return err_set(e, SHALE_INVALID, "target is required");
    if (s->bind_key && s->m.type != SHALE_MOUNT_BIND)
        return err_set(e, SHALE_INVALID, "cannot mix 'bind-*' options with mount type '%s'", type);
    if (s->volume_key && s->m.type != SHALE_MOUNT_VOLUME)
        return err_set(e, SHALE_INVALID, "cannot mix 'volume-*' options with mount type '%s'",
                       type);
    if (s->tmpfs_key && s->m.type != SHALE_MOUNT_TMPFS)
        return err_set(e, SHALE_INVALID, "cannot mix 'tmpfs-*' options with mount type '%s'", type);
    if (s->image_key && s->m.type != SHALE_MOUNT_IMAGE)
        return err_set(e, SHALE_INVALID, "cannot mix 'image-*' options with mount type '%s'", type);
    if (s->m.type == SHALE_MOUNT_TMPFS && s->m.source)
        return err_set(
            e, SHALE_INVALID,
            "invalid mount config for type \"tmpfs\": field Source must not be specified");
    if ((s->m.type == SHALE_MOUNT_BIND || s->m.type == SHALE_MOUNT_IMAGE) &&
        (!s->m.source || !*s->m.source))
        return err_set(e, SHALE_INVALID,
                       "invalid mount config for type \"%s\": field Source must not be empty",
                       type);
    return 0;
}

int mount_value_mount(const char *text, struct arena *a, struct shale_mount *ret,
                      struct shale_err *e)
{
    struct mount_spec s = {.m = {.type = SHALE_MOUNT_VOLUME}, .a = a};
    const char *at = text;
    if (!*text)
        return err_set(e, SHALE_INVALID, "value is empty");
    while (*at) {
        char *field = NULL;
        int r = next_field(&at, a, &field, e);
        if (r == 0)
            r = take_field(&s, field, e);
        if (r < 0)
            return r;
    }
    int r = check_mount(&s, e);
    if (r < 0)
        return r;
    if (s.m.type == SHALE_MOUNT_IMAGE)
        s.m.read_only = !s.writable;
    s.m.volume_options = s.options.v;
    s.m.volume_labels = s.labels.v;
    *ret = s.m;
    return 0;
}
