/* SPDX-License-Identifier: Apache-2.0 */
/* Lines and sections of the config file. What they mean is in regconf_keys.c. */
#include "registry/conf/regconf.h"

#include <fcntl.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "registry/conf/regconf_priv.h"

#define ARENA_BYTES     (64u << 20)
#define MAX_SECTIONS    32 /* kinds of them */
#define SHOWN_BYTES     64
#define NEAR_DISTANCE   3
#define DEFAULT_ADDRESS "127.0.0.1:5000"

struct parser {
    const char *name; /* of the file */
    char *dir;        /* in the arena, or NULL */
    unsigned line;
    struct regconf *c;
    const struct regconf_section *section; /* NULL: none yet */
    void *instance;
    unsigned section_line;
    unsigned seen[REGCONF_MAX_KEYS]; /* line on which a key of this section stands */
    size_t cap[MAX_SECTIONS];        /* of the arrays of repeated sections */
    unsigned single[MAX_SECTIONS];   /* line on which a single section stands */
};

static int at_line(const struct parser *p, unsigned line, int r, struct shale_err *e)
{
    return err_wrap(e, r, "%s:%u", p->name, line);
}

/* ---- tables ---- */

static void *member(struct regconf *c, size_t offset)
{
    return (char *)c + offset;
}

static void *array_of(const struct parser *p, const struct regconf_section *s)
{
    void *v;

    memcpy(&v, member(p->c, s->offset), sizeof v);
    return v;
}

static size_t *count_of(const struct parser *p, const struct regconf_section *s)
{
    return member(p->c, s->offset_n);
}

static const struct regconf_section *section_get(struct str name)
{
    for (const struct regconf_section *s = regconf_sections; s->name; s++)
        if (str_eq(str_of(s->name), name))
            return s;
    return NULL;
}

static const struct regconf_key *key_get(const struct regconf_section *s, const char *name)
{
    for (const struct regconf_key *k = s->keys; k->name; k++)
        if (streq(k->name, name))
            return k;
    return NULL;
}

/* "; did you mean …?" of the nearest name, "" when none is near. */
struct nearest {
    const char *word, *best;
    size_t distance;
};

static void nearest_try(struct nearest *n, const char *name)
{
    size_t d = str_distance(n->word, name, NEAR_DISTANCE);

    if (d < n->distance) {
        n->distance = d;
        n->best = name;
    }
}

static const struct regconf_later *later_get(const char *section, const char *key)
{
    for (const struct regconf_later *l = regconf_later; l->section; l++)
        if (streq(l->section, section) && (key ? streq(l->key, key) : !l->key))
            return l;
    return NULL;
}

static int unknown_section(const char *word, struct shale_err *e)
{
    char shown[SHOWN_BYTES];
    struct nearest n = {word, NULL, NEAR_DISTANCE + 1};
    const struct regconf_later *later = later_get(word, NULL);

    if (later)
        return err_set(e, SHALE_INVALID, "[%s] is not supported yet (%s)", word, later->what);

    for (const struct regconf_section *s = regconf_sections; s->name; s++)
        nearest_try(&n, s->name);
    str_printable(shown, sizeof shown, word);
    if (n.best)
        return err_set(e, SHALE_INVALID, "unknown section [%s]; did you mean [%s]?", shown, n.best);
    return err_set(e, SHALE_INVALID, "unknown section [%s]; see registry.conf(5)", shown);
}

static int unknown_key(const struct regconf_section *in, const char *word, struct shale_err *e)
{
    char shown[SHOWN_BYTES];
    struct nearest n = {word, NULL, NEAR_DISTANCE + 1};
    const struct regconf_later *later = later_get(in->name, word);

    if (later)
        return err_set(e, SHALE_INVALID, "%s in [%s] is not supported yet (%s)", word, in->name,
                       later->what);
    str_printable(shown, sizeof shown, word);
    for (const struct regconf_section *s = regconf_sections; s->name; s++)
        if (s != in && key_get(s, word))
            return err_set(e, SHALE_INVALID, "unknown key \"%s\" in [%s]; it belongs to [%s]",
                           shown, in->name, s->name);
    for (const struct regconf_key *k = in->keys; k->name; k++)
        nearest_try(&n, k->name);
    if (n.best)
        return err_set(e, SHALE_INVALID, "unknown key \"%s\" in [%s]; did you mean \"%s\"?", shown,
                       in->name, n.best);
    return err_set(e, SHALE_INVALID, "unknown key \"%s\" in [%s]; see registry.conf(5)", shown,
                   in->name);
}

/* ---- sections ---- */

static int set_defaults(struct parser *p, const struct regconf_section *s, void *instance,
                        struct shale_err *e)
{
    for (const struct regconf_key *k = s->keys; k->name; k++) {
        if (!k->def)
            continue;
        int r = regconf_value(k, k->def, NULL, &p->c->arena, (char *)instance + k->offset, e);
        if (r < 0)
            return err_wrap(e, r, "default of [%s]", s->name);
    }
    return 0;
}

/* Makes room for one more of a repeated section, with its defaults. */
static int add_instance(struct parser *p, const struct regconf_section *s, void **ret,
                        struct shale_err *e)
{
    size_t *n = count_of(p, s);

    if (*n >= REGCONF_MAX_SECTIONS)
        return err_set(e, SHALE_LIMIT, "more than %d sections [%s]", REGCONF_MAX_SECTIONS, s->name);
    void *v = arena_grow(&p->c->arena, array_of(p, s), *n, &p->cap[s - regconf_sections], s->size);
    if (!v)
        return err_nomem(e);
    memcpy(member(p->c, s->offset), &v, sizeof v);
    void *instance = (char *)v + *n * s->size;
    memset(instance, 0, s->size);
    int r = set_defaults(p, s, instance, e);
    if (r < 0)
        return r;
    ++*n;
    *ret = instance;
    return 0;
}

static const char *arg_of(const struct regconf_section *s, const void *instance)
{
    const char *arg;

    memcpy(&arg, (const char *)instance + s->offset_arg, sizeof arg);
    return arg;
}

static int begin_named(struct parser *p, const struct regconf_section *s, const char *arg,
                       struct shale_err *e)
{
    char shown[SHOWN_BYTES];
    const char *all = array_of(p, s);

    int r = s->check_arg ? s->check_arg(arg, e) : 0;
    if (r < 0)
        return err_wrap(e, r, "[%s \"%s\"]", s->name, str_printable(shown, sizeof shown, arg));
    for (size_t i = 0; !s->twice && i < *count_of(p, s); i++)
        if (streq(arg_of(s, all + i * s->size), arg))
            return err_set(e, SHALE_INVALID, "[%s \"%s\"] stands twice", s->name,
                           str_printable(shown, sizeof shown, arg));
    r = add_instance(p, s, &p->instance, e);
    if (r < 0)
        return r;
    const char *copy = arena_strdup(&p->c->arena, arg);
    if (!copy)
        return err_nomem(e);
    memcpy((char *)p->instance + s->offset_arg, &copy, sizeof copy);
    return 0;
}

static int begin_single(struct parser *p, const struct regconf_section *s, struct shale_err *e)
{
    unsigned *line = &p->single[s - regconf_sections];

    if (*line)
        return err_set(e, SHALE_INVALID, "[%s] stands twice, first on line %u", s->name, *line);
    *line = p->line;
    p->instance = member(p->c, s->offset);
    return 0;
}

/* For what only the whole file shows to be wrong. */
static void note_line(const struct parser *p)
{
    static const struct {
        const char *section;
        size_t offset;
    } noted[] = {
        {"auth", offsetof(struct regconf_auth, line)},
        {"listen", offsetof(struct regconf_listen, line)},
        {"rule", offsetof(struct policy_rule, line)},
        {"server", offsetof(struct regconf_server, line)},
    };

    for (size_t i = 0; i < ARRAY_SIZE(noted); i++)
        if (streq(noted[i].section, p->section->name))
            *(unsigned *)(void *)((char *)p->instance + noted[i].offset) = p->line;
}

static int begin_section(struct parser *p, struct str name, const char *arg, struct shale_err *e)
{
    const struct regconf_section *s = section_get(name);

    if (!s) {
        char word[SHOWN_BYTES];
        snprintf(word, sizeof word, "%.*s", (int)(name.n < 60 ? name.n : 60), name.p);
        return unknown_section(word, e);
    }
    if (s->arg && !arg)
        return err_set(e, SHALE_INVALID, "[%s] needs a name: [%s \"%s\"]", s->name, s->name,
                       s->arg);
    if (!s->arg && arg)
        return err_set(e, SHALE_INVALID, "[%s] has no name; write [%s]", s->name, s->name);
    p->section = s;
    p->section_line = p->line;
    memset(p->seen, 0, sizeof p->seen);
    int r = s->arg        ? begin_named(p, s, arg, e)
            : s->repeated ? add_instance(p, s, &p->instance, e)
                          : begin_single(p, s, e);
    if (r >= 0)
        note_line(p);
    return r;
}

static int end_section(struct parser *p, struct shale_err *e)
{
    if (!p->section || !p->section->check)
        return 0;
    int r = p->section->check(p->c, p->instance, e);
    return r < 0 ? at_line(p, p->section_line, r, e) : 0;
}

/* ---- lines ---- */

/* Quoted text at *s into out (which is as long as the line); *s is put behind it. */
static int unquote(const char **s, char *out, struct shale_err *e)
{
    for (const char *c = *s + 1; *c; c++) {
        if (*c == '"') {
            *out = 0;
            *s = c + 1;
            return 0;
        }
        if (*c == '\\' && c[1] != '"' && c[1] != '\\')
            return err_set(e, SHALE_INVALID, "in quotes, a backslash stands before \" or \\ only");
        c += *c == '\\';
        *out++ = *c;
    }
    return err_set(e, SHALE_INVALID, "a quote \" that does not end on its line");
}

static const char *skip_blanks(const char *s)
{
    while (*s == ' ' || *s == '\t')
        s++;
    return s;
}

/* [name] or [name "arg"]. `line` has no blanks at its begin. */
static int header_line(struct parser *p, const char *line, struct shale_err *e)
{
    char arg[REGCONF_MAX_LINE_BYTES + 1];
    const char *s = skip_blanks(line + 1), *begin = s;
    bool named = false;

    while ((*s >= 'a' && *s <= 'z') || *s == '_')
        s++;
    struct str name = {begin, (size_t)(s - begin)};
    s = skip_blanks(s);
    if (*s == '"') {
        int r = unquote(&s, arg, e);
        if (r < 0)
            return r;
        named = true;
        s = skip_blanks(s);
    }
    if (name.n == 0 || *s != ']')
        return err_set(e, SHALE_INVALID, "a section is [name] or [name \"…\"], in small letters");
    s = skip_blanks(s + 1);
    if (*s && *s != '#')
        return err_set(e, SHALE_INVALID, "text after the ] of a section");
    return begin_section(p, name, named ? arg : NULL, e);
}

/* The value in `s`, without comment and blanks around, into out. */
static int value_of(const char *s, char *out, struct shale_err *e)
{
    if (*s == '"') {
        int r = unquote(&s, out, e);
        if (r < 0)
            return r;
        s = skip_blanks(s);
        return !*s || *s == '#' ? 0 : err_set(e, SHALE_INVALID, "text after the closing quote");
    }
    size_t n = 0;
    while (s[n] && !(s[n] == '#' && (n == 0 || s[n - 1] == ' ' || s[n - 1] == '\t')))
        n++;
    struct str v = str_trim((struct str){s, n});
    memcpy(out, v.p, v.n);
    out[v.n] = 0;
    return 0;
}

static int set_key(struct parser *p, const char *name, const char *value, struct shale_err *e)
{
    const struct regconf_key *k = key_get(p->section, name);

    if (!k)
        return unknown_key(p->section, name, e);
    unsigned *seen = &p->seen[k - p->section->keys];
    if (*seen && k->kind != RK_HEADER)
        return err_set(e, SHALE_INVALID, "%s stands twice in [%s], first on line %u", k->name,
                       p->section->name, *seen);
    *seen = p->line;
    return regconf_value(k, value, p->dir, &p->c->arena, (char *)p->instance + k->offset, e);
}

static int key_line(struct parser *p, const char *line, struct shale_err *e)
{
    char name[SHOWN_BYTES], value[REGCONF_MAX_LINE_BYTES + 1], shown[SHOWN_BYTES];
    const char *equals = strchr(line, '=');

    if (!equals)
        return err_set(e, SHALE_INVALID, "neither [section] nor key = value: %s",
                       str_printable(shown, sizeof shown, line));
    struct str key = str_trim((struct str){line, (size_t)(equals - line)});
    if (key.n == 0 || key.n >= sizeof name)
        return err_set(e, SHALE_INVALID, "no key before =");
    memcpy(name, key.p, key.n);
    name[key.n] = 0;
    if (!p->section)
        return err_set(e, SHALE_INVALID, "%s stands before the first [section]",
                       str_printable(shown, sizeof shown, name));
    int r = value_of(skip_blanks(equals + 1), value, e);
    return r < 0 ? r : set_key(p, name, value, e);
}

static int one_line(struct parser *p, struct str raw, struct shale_err *e)
{
    char line[REGCONF_MAX_LINE_BYTES + 1];
    struct str s = str_trim(raw);

    if (s.n > REGCONF_MAX_LINE_BYTES)
        return err_set(e, SHALE_LIMIT, "a line of more than %d bytes", REGCONF_MAX_LINE_BYTES);
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') || s.p[i] == 0x7f)
            return err_set(e, SHALE_INVALID, "a control character (byte 0x%02x) in the line",
                           (unsigned char)s.p[i]);
    if (!str_is_utf8(s.p, s.n))
        return err_set(e, SHALE_INVALID, "the line is not UTF-8");
    if (s.n == 0 || *s.p == '#' || *s.p == ';')
        return 0;
    memcpy(line, s.p, s.n);
    line[s.n] = 0;
    return *line == '[' ? header_line(p, line, e) : key_line(p, line, e);
}

static int all_lines(struct parser *p, const char *text, size_t n, struct shale_err *e)
{
    struct str rest = {text, n}, raw;

    if (n > REGCONF_MAX_BYTES)
        return err_set(e, SHALE_LIMIT, "%s is larger than %u bytes", p->name, REGCONF_MAX_BYTES);
    if (n >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        rest = (struct str){text + 3, n - 3};
    while (str_split(&rest, '\n', &raw)) {
        bool header = str_trim(raw).n > 0 && *str_trim(raw).p == '[';
        int r = header ? end_section(p, e) : 0;
        if (r < 0)
            return r;
        p->line++;
        r = one_line(p, raw, e);
        if (r < 0)
            return at_line(p, p->line, r, e);
    }
    return end_section(p, e);
}

/* ---- the command line ---- */

static int set_one(struct parser *p, const struct regconf_set *s, bool *listen_replaced,
                   struct shale_err *e)
{
    p->section = section_get(str_of(s->section));
    if (!p->section || (p->section->repeated && !streq(s->section, "listen")))
        return err_set(e, SHALE_INTERNAL, "no section [%s] to set", s->section);
    memset(p->seen, 0, sizeof p->seen);
    if (!p->section->repeated) {
        p->instance = member(p->c, p->section->offset);
        return set_key(p, s->key, s->value, e);
    }
    bool address = streq(s->key, "address");
    if (address && !*listen_replaced) {
        p->c->n_listen = 0;
        *listen_replaced = true;
    }
    if (address || p->c->n_listen == 0) {
        int r = add_instance(p, p->section, &p->instance, e);
        if (r < 0)
            return r;
        p->c->listen[p->c->n_listen - 1].address = DEFAULT_ADDRESS;
    }
    p->instance = &p->c->listen[p->c->n_listen - 1];
    return set_key(p, s->key, s->value, e);
}

static int apply_sets(struct parser *p, const struct regconf_set *sets, size_t n,
                      struct shale_err *e)
{
    bool replaced = false;

    p->dir = NULL; /* relative to the working folder, as everything on the command line */
    for (size_t i = 0; i < n; i++) {
        int r = set_one(p, &sets[i], &replaced, e);
        if (r < 0)
            return err_wrap(e, r, "%s", sets[i].option);
    }
    if (p->c->n_listen == 0) {
        const struct regconf_set def = {"listen", "listen", "address", DEFAULT_ADDRESS};
        int r = set_one(p, &def, &replaced, e);
        if (r < 0)
            return r;
    }
    const struct regconf_section *s = section_get(STR("listen"));
    for (size_t i = 0; i < p->c->n_listen; i++) {
        int r = s->check(p->c, &p->c->listen[i], e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- the whole ---- */

static int parse_all(struct parser *p, const char *text, size_t n, const struct regconf_set *sets,
                     size_t n_sets, struct shale_err *e)
{
    for (const struct regconf_section *s = regconf_sections; s->name; s++) {
        int r = s->repeated ? 0 : set_defaults(p, s, member(p->c, s->offset), e);
        if (r < 0)
            return r;
    }
    int r = all_lines(p, text, n, e);
    if (r < 0)
        return r;
    r = apply_sets(p, sets, n_sets, e);
    return r < 0 ? r : regconf_check_all(p->c, e);
}

int regconf_parse(const char *name, const char *text, size_t n, const struct regconf_set *sets,
                  size_t n_sets, struct regconf **ret, struct shale_err *e)
{
    struct regconf *c = mem_alloc(sizeof *c);

    if (!c)
        return err_nomem(e);
    arena_init(&c->arena, ARENA_BYTES);
    struct parser p = {.name = name ? name : "defaults", .c = c};
    const char *slash = name ? strrchr(name, '/') : NULL;
    c->file = arena_strdup(&c->arena, name);
    if (slash)
        p.dir = slash == name ? arena_strdup(&c->arena, "")
                              : arena_strndup(&c->arena, name, (size_t)(slash - name));
    int r = (name && !c->file) || (slash && !p.dir) ? err_nomem(e)
                                                    : parse_all(&p, text, n, sets, n_sets, e);
    if (r < 0) {
        regconf_free(c);
        return r;
    }
    *ret = c;
    return 0;
}

int regconf_load(const char *path, const struct regconf_set *sets, size_t n_sets,
                 struct regconf **ret, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(REGCONF_MAX_BYTES);

    if (!path)
        return regconf_parse(NULL, "", 0, sets, n_sets, ret, e);
    int r = fs_read_file(AT_FDCWD, path, &b, e);
    return r < 0 ? r : regconf_parse(path, buf_str(&b), b.n, sets, n_sets, ret, e);
}

struct regconf *regconf_free(struct regconf *c)
{
    if (c) {
        arena_clear(&c->arena);
        free(c);
    }
    return NULL;
}
