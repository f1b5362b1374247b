/* SPDX-License-Identifier: Apache-2.0 */
/* Every parser of outside input, over the corpora of the fuzz targets, with the n-th allocation
 * failing. */
#include "torture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/json.h"
#include "base/str.h"
#include "build/cache/cache_remote_doc.h"
#include "cli/kvfile.h"
#include "cli/mount.h"
#include "container/conf.h"
#include "container/seccomp.h"
#include "container/user.h"
#include "dockerfile/dockerfile.h"
#include "dockerfile/expand.h"
#include "dockerfile/ignore.h"
#include "dockerfile/lint.h"
#include "http/header.h"
#include "model/config.h"
#include "model/manifest.h"
#include "model/ref.h"
#include "remote/remote_priv.h"
#include "tar/codec.h"
#include "tar/tar.h"
#include "view/tmpl.h"

#define FILE_MAX  (16u << 10)
#define ARENA_MAX (64u << 20)
#define DENSE     40 /* steps grow from here on: some inputs make thousands of allocations */
#define CODEC_MAX (256u << 10)
#define DOC                                                                                        \
    "{\"Id\":\"sha256:abc\",\"Size\":1234567,\"F\":-0.5,\"B\":true,\"N\":null,\"Tags\":[\"a\","    \
    "\"b\"],\"Config\":{\"Cmd\":[\"sh\"],\"Labels\":{\"k\":\"v\"}}}"

struct input {
    char *p; /* n bytes and a NUL */
    size_t n;
};

static int do_ref(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    struct input *in = arg;
    struct ref r;
    int k = ref_parse(in->p, &a, &r, e);

    if (k < 0)
        return k;
    ref_default_tag(&r);
    const char *text = ref_canonical(&r, &a), *familiar = ref_familiar(&r, &a);
    if (!text || !familiar)
        return err_nomem(e);
    fprintf(out, "%s %s %s", text, familiar, r.domain);
    return 0;
}

static int do_platform(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    struct input *in = arg;
    struct platform p;
    int k = platform_parse(in->p, &a, &p, e);

    if (k < 0)
        return k;
    const char *text = platform_format_all(&p, &a);
    if (!text)
        return err_nomem(e);
    fputs(text, out);
    return 0;
}

static int do_manifest(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    const struct platform want = {.os = "linux", .arch = "amd64"};
    const struct descriptor **chosen;
    struct input *in = arg;
    struct manifest m;
    size_t n = 0;
    int k = manifest_parse(in->p, in->n, NULL, &a, &m, e);

    if (k < 0)
        return k;
    if (m.kind == MANIFEST_INDEX)
        k = manifest_select(&m, &want, &a, &chosen, &n, e);
    if (k < 0)
        return k;
    fprintf(out, "%s %zu %zu %zu", m.media_type, m.n_layers, m.n_manifests, n);
    for (size_t i = 0; i < n; i++)
        fprintf(out, " %s", chosen[i]->digest.s);
    for (size_t i = 0; i < m.n_layers; i++)
        fprintf(out, " %s %s", m.layers[i].media_type, m.layers[i].digest.s);
    return 0;
}

static void put_list(FILE *out, const struct strv *v)
{
    for (size_t i = 0; i < v->n; i++)
        fprintf(out, " %s", v->v[i]);
}

static int do_config(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    struct input *in = arg;
    struct config c;
    int k = config_parse(in->p, in->n, &a, &c, e);

    if (k < 0)
        return k;
    fprintf(out, "%lld %s %s %s %zu", (long long)c.created_ns, c.platform.os, c.platform.arch,
            c.run.user, c.n_diff_ids);
    put_list(out, &c.run.env);
    put_list(out, &c.run.cmd);
    put_list(out, &c.run.volumes);
    for (size_t i = 0; i < c.n_history; i++)
        fprintf(out, " %s", c.history[i].created_by);
    return 0;
}

static int put_entry(void *arg, const struct tar_entry *t, struct shale_err *e)
{
    (void)e;
    fprintf(arg, "%d %s %s %o %llu", t->type, t->path.p, t->link.p, t->mode,
            (unsigned long long)t->size_bytes);
    for (size_t i = 0; i < t->n_xattrs; i++)
        fprintf(arg, " %s", t->xattrs[i].name);
    for (size_t i = 0; i < t->n_extents; i++)
        fprintf(arg, " %llu", (unsigned long long)t->extents[i].file_offset);
    return 0;
}

static int do_tar(void *arg, FILE *out, struct shale_err *e)
{
    struct input *in = arg;
    struct tar_reader *r;
    int k = tar_reader_new(put_entry, out, &r, e);

    if (k < 0)
        return k;
    for (size_t i = 0; k >= 0 && i < in->n; i += 700)
        k = tar_reader_feed(r, in->p + i, in->n - i < 700 ? in->n - i : 700, e);
    if (k >= 0)
        k = tar_reader_end(r, e);
    tar_reader_free(r);
    return k;
}

static int do_codec(void *arg, FILE *out, struct shale_err *e)
{
    const struct decoder_limits limits = {CODEC_MAX, 0, 0};
    struct input *in = arg;
    struct str rest = {in->p, in->n};
    struct decoder *d;
    char piece[4096];
    size_t n;
    int k = decoder_new(DECODER_AUTO, &limits, &d, e);

    if (k < 0)
        return k;
    do {
        k = decoder_run(d, &rest, piece, sizeof piece, &n, e);
        if (k >= 0)
            fwrite(piece, 1, n, out);
    } while (k >= 0 && (n == sizeof piece || rest.n));
    if (k >= 0)
        k = decoder_end(d, e);
    decoder_free(d);
    return k;
}

static int do_template(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(tmpl_freep) struct tmpl *t = NULL;
    _cleanup_(buf_clear) struct buf b = BUF_INIT(1 << 18);
    _cleanup_json_ json_t *doc = NULL;
    struct tmpl_exec_opts o = {.printable = true};
    struct input *in = arg;
    int k = tmpl_parse(in->p, strlen(in->p), &t, e);

    if (k >= 0)
        k = json_parse(DOC, strlen(DOC), 1 << 20, &doc, e);
    if (k >= 0)
        k = tmpl_exec(t, tmpl_json(doc), &o, &b, e);
    if (k >= 0)
        k = buf_check(&b, e);
    if (k >= 0)
        fputs(buf_str(&b), out);
    return k;
}

static int do_http_auth(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    struct http_challenge c[HTTP_MAX_CHALLENGES];
    struct input *in = arg;
    size_t n = http_parse_challenges(in->p, &a, c);

    if (a.failed)
        return err_nomem(e);
    for (size_t i = 0; i < n; i++) {
        fprintf(out, "%s:", c[i].scheme);
        for (size_t k = 0; k < c[i].n_params; k++)
            fprintf(out, " %s=%s", c[i].params[k].name, c[i].params[k].value);
    }
    const char *next = http_parse_link_next(in->p, &a);
    if (a.failed)
        return err_nomem(e);
    fprintf(out, " %s", next ? next : "");
    return 0;
}

static int do_mount(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    struct input *in = arg;
    struct shale_mount m;
    int k = mount_parse_mount(in->p, &a, &m, e);

    if (k == -SHALE_INVALID)
        k = mount_parse_volume(in->p, &a, &m, e);
    if (k == -SHALE_INVALID)
        k = mount_parse_tmpfs(in->p, &a, &m, e);
    if (k >= 0)
        fprintf(out, "%d %s %s %s %s %d", m.type, m.source, m.target, m.options, m.propagation,
                m.read_only);
    return k;
}

static int do_kvfile(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    char path[] = "/tmp/shale-fault-XXXXXX";
    char *files[] = {path}, *given[] = {(char[]){"A=b"}};
    const struct strv fv = {.v = files, .n = 1}, gv = {.v = given, .n = 1};
    struct input *in = arg;
    struct strv all;
    int fd = mkstemp(path);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, in->p, in->n), in->n);
    close(fd);
    int k = kvfile_merge(&fv, &gv, "env", &a, &all, e);
    (void)unlink(path);
    if (e->code && k < 0 && strstr(e->msg, path)) /* another one each time */
        memset(strstr(e->msg, path), 'X', strlen(path));
    if (k >= 0)
        put_list(out, &all);
    return k;
}

static int do_user(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    struct input *in = arg;
    struct user u;
    const char *nl = memchr(in->p, '\n', in->n);
    char spec[64];

    snprintf(spec, sizeof spec, "%.*s", nl ? (int)(nl - in->p) : 0, in->p);
    size_t at = nl ? (size_t)(nl - in->p) + 1 : 0;
    int k = user_resolve(spec, in->p + at, in->n - at, in->p + at, in->n - at, &a, &u, e);
    if (k < 0)
        return k;
    fprintf(out, "%u %u %s", u.uid, u.gid, u.home);
    for (size_t i = 0; i < u.n_groups; i++)
        fprintf(out, " %u", u.groups[i]);
    return 0;
}

static int do_seccomp(void *arg, FILE *out, struct shale_err *e)
{
    const struct seccomp_env env = {.machine = "x86_64", .kernel = 0x60600, .caps = 0xa80425fb};
    _cleanup_json_ json_t *j = NULL;
    struct input *in = arg;
    int k = seccomp_from_profile(in->p, in->n, &env, &j, e);

    if (k >= 0) {
        char *text = json_text(j);
        if (!text)
            return err_nomem(e);
        fputs(text, out);
        free(text);
    }
    return k;
}

static int do_conf(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    struct input *in = arg;
    struct conf c;
    char *text;
    int k = conf_parse(in->p, &a, &c, e);

    if (k >= 0)
        k = conf_format(&c, &a, &text, e);
    if (k >= 0)
        fputs(text, out);
    return k;
}

static int do_docker_config(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    struct remote_opts o = REMOTE_OPTS_INIT;
    char dir[] = "/tmp/shale-fault-XXXXXX", path[64];
    struct remote_client *c = NULL;
    struct credential cred = {0};
    struct input *in = arg;

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/config.json", dir);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    fwrite(in->p, 1, in->n, f);
    fclose(f);
    o.config_dir = dir;
    int k = remote_client_open(&o, &c, e);
    if (k >= 0)
        k = creds_find(c, "reg.example:5000", &a, &cred, e);
    remote_client_close(c);
    (void)unlink(path);
    (void)rmdir(dir);
    if (k < 0 && strstr(e->msg, dir))
        memset(strstr(e->msg, dir), 'X', strlen(dir));
    if (k >= 0)
        fprintf(out, "%s %s %s %s", cred.user, cred.password, cred.identity_token,
                cred.registry_token);
    return k;
}

static const char *no_variable(void *arg, const char *name)
{
    (void)arg;
    return *name == 'A' ? "a.b c" : NULL;
}

static int put_instr(FILE *out, const struct instr *i, struct arena *a, struct shale_err *e)
{
    const struct expand x = {.lookup = no_variable, .escape = '\\', .arena = a};
    const char *const *words = NULL, *word = NULL;
    struct shale_err why = SHALE_ERR_INIT;
    size_t n = 0;

    fprintf(out, "%s %s %zu %zu", i->source, i->rest, i->n_flags, i->n_heredocs);
    for (size_t k = 0; k < i->n_words; k++) {
        int r = expand_word(&x, i->words[k], &word, &why);
        if (r == 0)
            r = expand_words(&x, i->words[k], &words, &n, &why);
        if (r == -SHALE_NO_MEMORY)
            return err_nomem(e);
        fprintf(out, " %d %s %zu", r, r ? why.msg : word, r ? 0 : n);
    }
    return 0;
}

static int do_dockerfile(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    struct input *in = arg;
    struct dockerfile d;
    int k = dockerfile_parse("Dockerfile", in->p, in->n, &a, &d, e);

    for (size_t s = 0; k >= 0 && s < d.n_stages; s++)
        for (size_t i = 0; k >= 0 && i < d.stages[s].n_instrs; i++)
            k = put_instr(out, &d.stages[s].instrs[i], &a, e);
    const struct lint_opts o = {0};
    struct lint l = {0};
    if (k >= 0)
        k = dockerfile_lint(&d, &o, &a, &l, e);
    for (size_t i = 0; i < l.n; i++)
        fprintf(out, "%u %s %s", l.v[i].line, l.v[i].rule, l.v[i].text);
    return k;
}

static int do_ignore(void *arg, FILE *out, struct shale_err *e)
{
    struct input *in = arg;
    struct ignore *g = NULL;
    int k = ignore_parse(in->p, in->n, &g, e);

    if (k >= 0)
        fprintf(out, "%d %d", ignore_excludes(g, "a/b.c"), ignore_has_negations(g));
    ignore_free(g);
    return k;
}

static int do_cache_doc(void *arg, FILE *out, struct shale_err *e)
{
    _cleanup_(arena_clear) struct arena a = ARENA_INIT(ARENA_MAX);
    _cleanup_json_ json_t *doc = NULL;
    struct input *in = arg;
    struct cache_doc d;
    int k = cache_doc_parse(in->p, in->n, &a, &d, e);

    if (k == -SHALE_INVALID)
        k = cache_doc_parse_inline(in->p, in->n, 3, &a, &d, e);
    if (k >= 0)
        k = cache_doc_write(&d, &doc, e);
    if (k < 0)
        return k;
    _cleanup_free_ char *text = json_text(doc);
    fprintf(out, "%s", text ? text : "");
    return text ? 0 : err_nomem(e);
}

static const struct {
    const char *corpus;
    torture_fn f;
} parsers[] = {
    {"ref", do_ref},
    {"platform", do_platform},
    {"manifest", do_manifest},
    {"config", do_config},
    {"tar", do_tar},
    {"codec", do_codec},
    {"template", do_template},
    {"http_auth", do_http_auth},
    {"http_link", do_http_auth},
    {"mount", do_mount},
    {"kvfile", do_kvfile},
    {"user", do_user},
    {"seccomp", do_seccomp},
    {"conf", do_conf},
    {"docker_config", do_docker_config},
    {"dockerfile", do_dockerfile},
    {"ignore", do_ignore},
    {"cache_doc", do_cache_doc},
};

static void run_file(const char *corpus, const char *name, torture_fn f)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(4u << 20);
    char path[4096], title[600];
    struct torture t = {.name = title, .f = f, .dense = DENSE};

    snprintf(title, sizeof title, "%s/%s", corpus, name);
    snprintf(path, sizeof path, CORPUS "/%s", title);
    assert_int_equal(fs_read_file(AT_FDCWD, path, &b, NULL), 0);
    if (b.n > FILE_MAX)
        return;
    /* exactly as many bytes as there are, and a NUL for those who read strings */
    struct input in = {malloc(b.n + 1), b.n};
    assert_non_null(in.p);
    memcpy(in.p, b.n ? b.p : "", b.n);
    in.p[b.n] = 0;
    t.arg = &in;
    torture(&t);
    free(in.p);
}

static void parsers_run_out_of_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(parsers); i++) {
        char path[4096];
        size_t n = 0;

        snprintf(path, sizeof path, CORPUS "/%s", parsers[i].corpus);
        DIR *d = opendir(path);
        assert_non_null(d);
        for (struct dirent *de; (de = readdir(d));) {
            if (de->d_name[0] == '.')
                continue;
            run_file(parsers[i].corpus, de->d_name, parsers[i].f);
            n++;
        }
        closedir(d);
        assert_true(n > 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parsers_run_out_of_memory)};

    (void)setenv("PATH", "/nonexistent", 1); /* no credential helper of this host */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
