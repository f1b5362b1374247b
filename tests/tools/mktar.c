/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes tar archives of every odd kind from a description: mktar < SPEC > TAR, or mktar DIR < SPEC
 * for the archives of a stack of layers, with a line "---" between two: DIR/1.tar, DIR/2.tar …. One
 * member a line:
 *
 *   KIND PATH [key=value]…      kinds: file dir symlink hardlink char block fifo
 *
 * PATH and values may hold %XX for any byte; nothing about them is checked, so that hostile
 * archives can be written too. Keys:
 *   mode uid gid mtime=S[.N] link dev=MAJOR,MINOR
 *   size seed            content: size bytes made from seed (same seed, same bytes; seed=0: zeros,
 *                        left as a hole of the archive)
 *   data                 content given
 *   tail                 the last bytes of what size and seed make
 *   sparse=old|0.0|0.1|1.0 map=OFFSET+N,…   a sparse file of `size` bytes with data in `map`
 *   xattr:NAME           an attribute (PAX SCHILY.xattr)
 *   long=gnu|pax         how names over 100 bytes are written (pax)
 *   num=gnu|pax          how numbers that do not fit in octal are written (pax)
 *   raw                  a type flag of one letter instead of the kind's
 * A line "end" stops without the end-of-archive mark.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_KEYS 48
#define MAX_TEXT 8192
#define MAX_PAX  (1u << 20)
#define MAX_MAP  64

struct text {
    char p[MAX_TEXT];
    size_t n;
};
struct run {
    uint64_t at, n;
};
struct member {
    char kind[16];
    struct text path;
    struct {
        char key[300];
        struct text value;
    } keys[MAX_KEYS];
    size_t n_keys;
};

static struct {
    char p[MAX_PAX];
    size_t n;
} pax;

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "mktar: %s\n", what);
    exit(1);
}

/* ---- the description ---- */

static void unescape(const char *s, struct text *ret)
{
    ret->n = 0;
    for (; *s; s++) {
        unsigned byte;
        if (ret->n + 2 > MAX_TEXT)
            fail("a value is too long");
        if (*s == '%' && sscanf(s + 1, "%2x", &byte) == 1) {
            ret->p[ret->n++] = (char)byte;
            s += 2;
        } else {
            ret->p[ret->n++] = *s;
        }
    }
    ret->p[ret->n] = 0;
}

static const struct text *get(const struct member *m, const char *key)
{
    for (size_t i = 0; i < m->n_keys; i++)
        if (strcmp(m->keys[i].key, key) == 0)
            return &m->keys[i].value;
    return NULL;
}

static bool is(const struct member *m, const char *key, const char *value)
{
    const struct text *t = get(m, key);

    return t && strcmp(t->p, value) == 0;
}

static uint64_t number(const struct member *m, const char *key, uint64_t otherwise)
{
    const struct text *t = get(m, key);

    return t ? strtoull(t->p, NULL, strcmp(key, "mode") == 0 ? 8 : 10) : otherwise;
}

static bool parse_line(char *line, struct member *m)
{
    char *rest = line, *word;

    m->n_keys = 0;
    m->kind[0] = 0;
    for (int i = 0; (word = strsep(&rest, " \t\n"));) {
        if (!*word)
            continue;
        if (i == 0 && *word == '#')
            return false;
        if (i == 0)
            snprintf(m->kind, sizeof m->kind, "%s", word);
        else if (i == 1)
            unescape(word, &m->path);
        else {
            char *equals = strchr(word, '=');
            if (!equals || m->n_keys == MAX_KEYS)
                fail("a key without a value, or too many");
            *equals = 0;
            snprintf(m->keys[m->n_keys].key, sizeof m->keys[0].key, "%s", word);
            unescape(equals + 1, &m->keys[m->n_keys++].value);
        }
        i++;
    }
    return m->kind[0] != 0;
}

/* ---- output ---- */

static uint64_t written;

static void out(const void *p, size_t n)
{
    if (n && fwrite(p, 1, n, stdout) != n)
        fail("write");
    written += n;
}

static void out_hole(uint64_t n)
{
    static const char zeros[4096];

    if (n > (1 << 20)) {
        fflush(stdout);
        if (lseek(fileno(stdout), (off_t)n, SEEK_CUR) >= 0) {
            written += n;
            return;
        }
    }
    for (; n > 0; n -= n < sizeof zeros ? n : sizeof zeros)
        out(zeros, n < sizeof zeros ? (size_t)n : sizeof zeros);
}

static void out_pad(void)
{
    out_hole((512 - written % 512) % 512);
}

static void out_content(uint64_t n, uint64_t seed)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15ull + 1;

    if (seed == 0) {
        out_hole(n);
        return;
    }
    while (n > 0) {
        uint64_t block[64];
        for (size_t i = 0; i < 64; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            block[i] = x;
        }
        size_t k = n < sizeof block ? (size_t)n : sizeof block;
        out(block, k);
        n -= k;
    }
}

/* ---- headers ---- */

static void put_octal(char *field, size_t n, uint64_t v)
{
    for (size_t i = n - 1; i-- > 0; v >>= 3)
        field[i] = (char)('0' + (v & 7));
}

static bool fits(size_t n, uint64_t v)
{
    return v >> 3 * (n - 1) == 0;
}

static void pax_record(const char *key, const void *value, size_t n)
{
    size_t body = strlen(key) + n + 3, total = body + 1;
    char head[400];

    while (total != body + (size_t)snprintf(NULL, 0, "%zu", total))
        total++;
    int k = snprintf(head, sizeof head, "%zu %s=", total, key);
    if (pax.n + total + 1 > MAX_PAX)
        fail("too many attributes");
    memcpy(pax.p + pax.n, head, (size_t)k);
    memcpy(pax.p + pax.n + k, value, n);
    pax.n += total;
    pax.p[pax.n - 1] = '\n';
}

static void pax_text(const char *key, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void pax_text(const char *key, const char *fmt, ...)
{
    char value[4096];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(value, sizeof value, fmt, ap);
    va_end(ap);
    pax_record(key, value, (size_t)n);
}

/* A number into its field, or into a PAX record or GNU's base-256 when it does not fit. */
static void put_number(const struct member *m, char *field, size_t n, uint64_t v, const char *key)
{
    if (fits(n, v)) {
        put_octal(field, n, v);
    } else if (is(m, "num", "gnu")) {
        for (size_t i = n; i-- > 1; v >>= 8)
            field[i] = (char)(v & 0xff);
        field[0] = (char)0x80;
    } else {
        pax_text(key, "%llu", (unsigned long long)v);
    }
}

static void out_header(char h[512])
{
    unsigned sum = 0;

    memset(h + 148, ' ', 8);
    for (size_t i = 0; i < 512; i++)
        sum += (unsigned char)h[i];
    snprintf(h + 148, 8, "%06o", sum);
    out(h, 512);
}

static void out_special(char type, const char *name, const void *p, size_t n)
{
    char h[512] = "";

    snprintf(h, 100, "%s", name);
    put_octal(h + 100, 8, 0644);
    put_octal(h + 124, 12, n);
    h[156] = type;
    memcpy(h + 257, type == 'L' || type == 'K' ? "ustar  " : "ustar\00000", 8);
    out_header(h);
    out(p, n);
    out_pad();
}

static void put_name(const struct member *m, char *field, const struct text *t, char gnu,
                     const char *key)
{
    bool plain = true;

    for (size_t i = 0; i < t->n; i++)
        plain = plain && (unsigned char)t->p[i] < 0x80;
    if (t->n <= 100 && (plain || is(m, "long", "gnu"))) {
        memcpy(field, t->p, t->n);
    } else if (is(m, "long", "gnu")) {
        out_special(gnu, "././@LongLink", t->p, t->n + 1);
        memcpy(field, t->p, 100);
    } else {
        memcpy(field, t->p, t->n < 100 ? t->n : 100);
        pax_record(key, t->p, t->n);
    }
}

/* ---- sparse files ---- */

struct map {
    struct run v[MAX_MAP];
    size_t n;
    uint64_t bytes;
};

static void parse_map(const struct member *m, struct map *map)
{
    const struct text *t = get(m, "map");
    char *p = t ? strdup(t->p) : NULL, *rest = p, *word;

    map->n = 0;
    map->bytes = 0;
    while (p && (word = strsep(&rest, ","))) {
        unsigned long long at, n;
        if (map->n == MAX_MAP || sscanf(word, "%llu+%llu", &at, &n) != 2)
            fail("a bad map");
        map->v[map->n++] = (struct run){at, n};
        map->bytes += n;
    }
    free(p);
}

static size_t sparse_1_0_table(const struct map *map, char *ret, size_t max)
{
    int n = snprintf(ret, max, "%zu\n", map->n);

    for (size_t i = 0; i < map->n; i++)
        n += snprintf(ret + n, max - (size_t)n, "%llu\n%llu\n", (unsigned long long)map->v[i].at,
                      (unsigned long long)map->v[i].n);
    memset(ret + n, 0, (512 - (size_t)n % 512) % 512);
    return ((size_t)n + 511) / 512 * 512;
}

static void sparse_pax(const struct member *m, const struct map *map, uint64_t size)
{
    char list[4096] = "";
    int n = 0;

    if (is(m, "sparse", "1.0")) {
        pax_text("GNU.sparse.major", "1");
        pax_text("GNU.sparse.minor", "0");
        pax_record("GNU.sparse.name", m->path.p, m->path.n);
        pax_text("GNU.sparse.realsize", "%llu", (unsigned long long)size);
        return;
    }
    pax_text("GNU.sparse.size", "%llu", (unsigned long long)size);
    pax_text("GNU.sparse.numblocks", "%zu", map->n);
    for (size_t i = 0; i < map->n; i++) {
        unsigned long long at = map->v[i].at, k = map->v[i].n;
        if (is(m, "sparse", "0.0")) {
            pax_text("GNU.sparse.offset", "%llu", at);
            pax_text("GNU.sparse.numbytes", "%llu", k);
        } else {
            n += snprintf(list + n, sizeof list - (size_t)n, "%s%llu,%llu", i ? "," : "", at, k);
        }
    }
    if (is(m, "sparse", "0.1")) {
        pax_record("GNU.sparse.name", m->path.p, m->path.n);
        pax_record("GNU.sparse.map", list, (size_t)n);
    }
}

/* The header's own four runs; more go into blocks of 21 behind it. */
static void sparse_old(char *h, const struct map *map, uint64_t size)
{
    for (size_t i = 0; i < map->n && i < 4; i++) {
        put_octal(h + 386 + 24 * i, 12, map->v[i].at);
        put_octal(h + 398 + 24 * i, 12, map->v[i].n);
    }
    h[482] = map->n > 4;
    put_octal(h + 483, 12, size);
}

static void sparse_old_rest(const struct map *map)
{
    for (size_t done = 4; done < map->n; done += 21) {
        char b[512] = "";
        for (size_t i = 0; i < 21 && done + i < map->n; i++) {
            put_octal(b + 24 * i, 12, map->v[done + i].at);
            put_octal(b + 24 * i + 12, 12, map->v[done + i].n);
        }
        b[504] = done + 21 < map->n;
        out(b, 512);
    }
}

/* ---- members ---- */

static char type_of(const struct member *m)
{
    static const struct {
        const char *kind;
        char type;
    } types[] = {{"file", '0'},  {"hardlink", '1'}, {"symlink", '2'}, {"char", '3'},
                 {"block", '4'}, {"dir", '5'},      {"fifo", '6'}};
    const struct text *raw = get(m, "raw");

    if (raw)
        return raw->p[0];
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(m->kind, types[i].kind) == 0)
            return is(m, "sparse", "old") ? 'S' : types[i].type;
    fail("an unknown kind");
}

static void put_ids(const struct member *m, char *h)
{
    const struct text *mtime = get(m, "mtime"), *dev = get(m, "dev");
    unsigned major = 0, minor = 0;

    put_octal(h + 100, 8, number(m, "mode", strcmp(m->kind, "dir") == 0 ? 0755 : 0644));
    put_number(m, h + 108, 8, number(m, "uid", 0), "uid");
    put_number(m, h + 116, 8, number(m, "gid", 0), "gid");
    if (mtime && (strchr(mtime->p, '.') || mtime->p[0] == '-'))
        pax_record("mtime", mtime->p, mtime->n);
    put_octal(h + 136, 12, mtime && mtime->p[0] != '-' ? strtoull(mtime->p, NULL, 10) : 0);
    if (dev && sscanf(dev->p, "%u,%u", &major, &minor) != 2)
        fail("a bad dev");
    put_octal(h + 329, 8, major);
    put_octal(h + 337, 8, minor);
}

static void put_content(const struct member *m, uint64_t n)
{
    const struct text *data = get(m, "data"), *tail = get(m, "tail");
    size_t tail_n = tail ? tail->n : 0;

    if (data) {
        out(data->p, data->n);
    } else {
        out_content(n - tail_n, number(m, "seed", 1));
        out(tail ? tail->p : "", tail_n);
    }
}

static void put_member(const struct member *m)
{
    static const struct text no_link;
    const struct text *link = get(m, "link"), *data = get(m, "data");
    char h[512] = "", table[4096];
    bool old = is(m, "sparse", "old");
    uint64_t size = number(m, "size", data ? data->n : 0), stored = size;
    size_t table_n = 0;
    struct map map;

    pax.n = 0;
    parse_map(m, &map);
    for (size_t i = 0; i < m->n_keys; i++)
        if (strncmp(m->keys[i].key, "xattr:", 6) == 0) {
            char key[320];
            snprintf(key, sizeof key, "SCHILY.xattr.%s", m->keys[i].key + 6);
            pax_record(key, m->keys[i].value.p, m->keys[i].value.n);
        }
    if (get(m, "sparse")) {
        table_n = is(m, "sparse", "1.0") ? sparse_1_0_table(&map, table, sizeof table) : 0;
        stored = map.bytes + table_n;
        if (!old)
            sparse_pax(m, &map, size);
    }
    put_name(m, h, &m->path, 'L', "path");
    put_name(m, h + 157, link ? link : &no_link, 'K', "linkpath");
    put_ids(m, h);
    put_number(m, h + 124, 12, stored, "size");
    h[156] = type_of(m);
    memcpy(h + 257, old || is(m, "long", "gnu") ? "ustar  " : "ustar\00000", 8);
    if (old)
        sparse_old(h, &map, size);
    if (pax.n)
        out_special('x', "pax/header", pax.p, pax.n);
    out_header(h);
    if (old)
        sparse_old_rest(&map);
    out(table, table_n);
    put_content(m, get(m, "sparse") ? map.bytes : size);
    out_pad();
}

static void begin_layer(const char *dir, unsigned n)
{
    char path[4096];

    snprintf(path, sizeof path, "%s/%u.tar", dir, n);
    if (!freopen(path, "wb", stdout))
        fail(path);
    written = 0;
}

static void end_layer(bool mark)
{
    if (mark)
        out_hole(1024);
    if (fflush(stdout) != 0)
        fail("write");
}

int main(int argc, char **argv)
{
    static struct member m;
    const char *dir = argc > 1 ? argv[1] : NULL;
    char *line = NULL;
    size_t cap = 0;
    unsigned n = 1;
    bool mark = true;

    if (dir)
        begin_layer(dir, n);
    while (getline(&line, &cap, stdin) >= 0) {
        if (dir && strncmp(line, "---", 3) == 0) {
            end_layer(mark);
            begin_layer(dir, ++n);
            mark = true;
        } else if (mark && parse_line(line, &m)) {
            if (strcmp(m.kind, "end") == 0)
                mark = false;
            else
                put_member(&m);
        }
    }
    free(line);
    end_layer(mark);
    return 0;
}
