/* SPDX-License-Identifier: Apache-2.0 */
#include "view/info.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/units.h"
#include "view/text.h"

static void add(struct buf *b, const char *name, const char *value)
{
    buf_addf(b, " %s: ", name);
    text_escape(b, str_of(value));
    buf_addc(b, '\n');
}

static void add_count(struct buf *b, const char *name, uint64_t n)
{
    buf_addf(b, " %s: %llu\n", name, (unsigned long long)n);
}

static void add_size(struct buf *b, const char *name, uint64_t bytes)
{
    char text[32];
    add(b, name, units_human(bytes, 4, text));
}

static void add_pairs(struct buf *b, const char *title, const struct shale_kv *v, size_t n)
{
    buf_addf(b, " %s:\n", title);
    for (size_t i = 0; i < n; i++) {
        buf_addf(b, "  %s: ", v[i].key);
        text_escape(b, str_of(v[i].value));
        buf_addc(b, '\n');
    }
}

/* docker writes memory in binary units. */
static void add_memory(struct buf *b, uint64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double v = (double)bytes;
    size_t i = 0;
    for (; v >= 1024 && i + 1 < sizeof units / sizeof units[0]; i++)
        v /= 1024;
    buf_addf(b, " Total Memory: %.4g%s\n", v, units[i]);
}

void info_print(const struct shale_info *i, struct buf *b)
{
    buf_addf(b, "Client:\n Version:    %s\n\nServer:\n", shale_version());
    add_count(b, "Containers", i->n_containers);
    add_count(b, " Running", i->n_running);
    add_count(b, " Paused", i->n_paused);
    add_count(b, " Stopped", i->n_stopped);
    add_count(b, "Images", i->n_images);
    add(b, "Server Version", shale_version());
    add(b, "Storage Driver", *i->storage_driver ? i->storage_driver : "none");
    add(b, " Why", i->storage_why);
    add_pairs(b, "Storage Drivers", i->drivers, i->n_drivers);
    buf_adds(b, " Disk Usage:\n");
    add_count(b, " Layers", i->n_layers);
    add_size(b, " Blobs", i->blobs_bytes);
    add_size(b, " Layer Tars", i->layers_bytes);
    add_size(b, " Indexes", i->indexes_bytes);
    add_size(b, " In Flight", i->ingest_bytes);
    add(b, "Logging Driver", "k8s-file");
    add(b, "Cgroup Version", i->cgroup);
    add_pairs(b, "Runtimes", i->runtimes, i->n_runtimes);
    add(b, "Default Runtime", *i->runtime ? i->runtime : "none");
    add(b, " Path", *i->runtime_path ? i->runtime_path : "none");
    add(b, " Why", i->runtime_why);
    add(b, "Monitor", *i->conmon_path ? i->conmon_path : "conmon is not installed");
    add(b, "Kernel Version", i->kernel);
    add(b, "Operating System", i->operating_system);
    add(b, "OSType", i->os);
    add(b, "Architecture", i->arch);
    add_count(b, "CPUs", i->n_cpus);
    add_memory(b, i->memory_bytes);
    add(b, "Name", i->name);
    add(b, "Root Dir", i->root);
}

void version_print(const struct doc_version *v, struct buf *b)
{
    buf_addf(b,
             "Client: shale\n"
             " Version:           %s\n"
             " OS/Arch:           %s/%s\n"
             "\n"
             "Server: shale (in the same program: there is no daemon)\n"
             " Engine:\n"
             "  Version:          %s\n"
             "  OS/Arch:          %s/%s\n"
             "  Kernel Version:   %s\n",
             v->version, v->os, v->arch, v->version, v->os, v->arch, v->kernel);
}

int info_format(const json_t *doc, const struct info_opts *i, struct buf *out, bool *ret_bad,
                struct shale_err *e)
{
    struct tmpl_exec_opts o = {
        .type_name = i->type_name, .missing_key_error = true, .printable = i->printable};
    const char *format = streq(i->format, "json") ? "{{json .}}" : i->format;
    _cleanup_(tmpl_freep) struct tmpl *t = NULL;
    int r = tmpl_parse(format, strlen(format), &t, e);
    *ret_bad = r < 0;
    if (r < 0)
        return err_wrap(e, r, "template parsing error");
    r = tmpl_exec(t, tmpl_json(doc), &o, out, e);
    if (r < 0)
        return r;
    buf_addc(out, '\n');
    return buf_check(out, e);
}
