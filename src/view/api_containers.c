/* SPDX-License-Identifier: Apache-2.0 */
#include "view/api_containers.h"

#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/str.h"
#include "base/time.h"
#include "view/containers.h"
#include "view/doc.h"
#include "view/networks.h"

#define TEXT_MAX (16u << 20)

/* ---- the list ---- */

/* Words with blanks in them in single quotes. */
static void add_command(struct buf *b, const struct shale_container *c)
{
    for (size_t i = 0; c->command && c->command[i]; i++) {
        const char *quote = i && strchr(c->command[i], ' ') ? "'" : "";
        if (i)
            buf_addc(b, ' ');
        buf_adds(b, quote);
        buf_adds(b, c->command[i]);
        buf_adds(b, quote);
    }
}

static void put_ports(struct json_put *w, const struct shale_container *c)
{
    json_put_open(w, "Ports", '[');
    for (size_t i = 0; i < c->n_ports; i++) {
        const struct shale_container_port *p = &c->ports[i];
        json_put_open(w, NULL, '{');
        if (p->host_ip && *p->host_ip)
            json_put_str(w, "IP", p->host_ip);
        json_put_int(w, "PrivatePort", p->inside);
        if (p->host)
            json_put_int(w, "PublicPort", p->host);
        json_put_str(w, "Type", p->protocol);
        json_put_close(w, '}');
    }
    json_put_close(w, ']');
}

static int put_labels(struct json_put *w, const char *text, struct shale_err *e)
{
    if (text && *text)
        return json_put_text(w, "Labels", text, e);
    json_put_open(w, "Labels", '{');
    json_put_close(w, '}');
    return 0;
}

static int put_container(struct json_put *w, const struct shale_container *c, int64_t now_ns,
                         struct buf *text, struct shale_err *e)
{
    json_put_open(w, NULL, '{');
    json_put_str(w, "Id", c->id);
    json_put_open(w, "Names", '[');
    json_put_joined(w, NULL, "", "/", c->name);
    json_put_close(w, ']');
    json_put_str(w, "Image", c->image);
    json_put_str(w, "ImageID", c->image_id);
    add_command(text, c);
    json_put_str(w, "Command", buf_str(text));
    json_put_int(w, "Created", c->created_ns / NS_PER_S);
    put_ports(w, c);
    if (c->size_rw_bytes >= 0)
        json_put_int(w, "SizeRw", c->size_rw_bytes);
    if (c->size_root_bytes >= 0)
        json_put_int(w, "SizeRootFs", c->size_root_bytes);
    int r = put_labels(w, c->labels_json, e);
    json_put_str(w, "State", container_state_name(c->state));
    buf_fail_with(w->b, text);
    buf_reset(text);
    container_status(c, now_ns, text);
    json_put_str(w, "Status", buf_str(text));
    json_put_open(w, "HostConfig", '{');
    json_put_str(w, "NetworkMode", c->network);
    json_put_close(w, '}');
    json_put_open(w, "NetworkSettings", '{');
    json_put_new(w, "Networks", networks_joined(c));
    json_put_close(w, '}');
    json_put_new(w, "Mounts", doc_container_mounts(c));
    json_put_close(w, '}');
    buf_fail_with(w->b, text);
    buf_reset(text);
    return r;
}

int view_api_put_containers(struct json_put *w, const char *key, const struct shale_container *v,
                            size_t n, int64_t now_ns, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf text = BUF_INIT(TEXT_MAX);
    int r = 0;

    json_put_open(w, key, '[');
    for (size_t i = 0; r >= 0 && i < n; i++)
        r = put_container(w, &v[i], now_ns, &text, e);
    json_put_close(w, ']');
    return r;
}

void view_api_statuses(const struct shale_container *v, size_t n, int64_t now_ns, struct buf *b)
{
    for (size_t i = 0; i < n; i++) {
        container_status(&v[i], now_ns, b);
        buf_addc(b, '\n');
    }
}

/* ---- one ---- */

/* Clients ask for logs only where they know the driver; the format that we name ourselves gives
 * what json-file would. */
static int name_log_driver(json_t *host)
{
    json_t *log = json_object_get(host, "LogConfig");
    const char *type = json_string_value(json_object_get(log, "Type"));

    return type && streq(type, "k8s-file")
               ? json_object_set_new(log, "Type", json_string("json-file"))
               : 0;
}

/* Before 1.42; no kernel has had them for long. */
static int add_kernel_memory(json_t *host)
{
    return json_object_set_new(host, "KernelMemory", json_integer(0)) < 0 ||
                   json_object_set_new(host, "KernelMemoryTCP", json_integer(0)) < 0
               ? -1
               : 0;
}

/* Before 1.45 the aliases on networks of the user's had the short ID, too. */
static int add_short_id(const struct shale_container *c, json_t *networks)
{
    const char *name;
    json_t *one;

    json_object_foreach(networks, name, one)
    {
        if (streq(name, "bridge") || streq(name, "host") || streq(name, "none"))
            continue;
        json_t *aliases = json_object_get(one, "Aliases");
        json_t *list = json_is_array(aliases) ? json_incref(aliases) : json_array();
        if (json_array_append_new(list, json_stringn(c->id, strnlen(c->id, 12))) < 0 ||
            json_object_set(one, "Aliases", list) < 0) {
            json_decref(list);
            return -1;
        }
        json_decref(list);
    }
    return 0;
}

int view_api_container(const struct shale_container *c, int version, json_t **ret,
                       struct shale_err *e)
{
    _cleanup_json_ json_t *doc = NULL;
    int r = doc_container(c, &doc, e);

    if (r < 0)
        return r;
    json_t *host = json_object_get(doc, "HostConfig");
    json_t *networks = json_object_get(json_object_get(doc, "NetworkSettings"), "Networks");
    if (name_log_driver(host) < 0 || (version < 142 && add_kernel_memory(host) < 0) ||
        (version < 145 && add_short_id(c, networks) < 0))
        return err_nomem(e);
    if (version < 148)
        (void)json_object_del(doc, "ImageManifestDescriptor");
    *ret = TAKE_PTR(doc);
    return 0;
}

/* ---- processes ---- */

int view_api_exec(const struct shale_exec_info *x, json_t **ret, struct shale_err *e)
{
    struct doc process = doc_begin(), d = doc_begin();
    size_t n = 0;

    while (x->cmd[n])
        n++;
    doc_bool(&process, "tty", x->tty);
    doc_str(&process, "entrypoint", n ? x->cmd[0] : "");
    doc_put(&process, "arguments", doc_strings(x->cmd + (n > 0), n ? n - 1 : 0));
    doc_bool(&process, "privileged", x->privileged);
    doc_str_opt(&process, "user", x->user);
    doc_str(&d, "ID", x->id);
    doc_bool(&d, "Running", x->running);
    doc_put(&d, "ExitCode", x->started && !x->running ? json_integer(x->exit_code) : json_null());
    doc_put(&d, "ProcessConfig", doc_take(&process));
    doc_bool(&d, "OpenStdin", x->streams.in);
    doc_bool(&d, "OpenStderr", x->streams.err);
    doc_bool(&d, "OpenStdout", x->streams.out);
    doc_bool(&d, "CanRemove", x->started && !x->running);
    doc_str(&d, "ContainerID", x->container_id);
    doc_str(&d, "DetachKeys", x->detach_keys);
    doc_int(&d, "Pid", x->pid);
    return doc_end(&d, ret, e);
}

json_t *view_api_top(const struct shale_top *t)
{
    _cleanup_json_ json_t *rows = json_array();
    struct doc d = doc_begin();

    for (size_t i = 0; i < t->n_rows; i++)
        if (json_array_append_new(rows, doc_strings(t->rows[i], t->n_titles)) < 0)
            d.failed = true;
    doc_put(&d, "Titles", doc_strings(t->titles, t->n_titles));
    doc_put(&d, "Processes", TAKE_PTR(rows));
    return doc_take(&d);
}

/* ---- figures ---- */

static json_t *cpu_of(const struct shale_stats *x, const struct shale_cpu_stats *cpu, uint64_t used,
                      uint64_t host)
{
    struct doc usage = doc_begin(), throttling = doc_begin(), d = doc_begin();

    doc_int(&usage, "total_usage", (int64_t)used);
    doc_int(&usage, "usage_in_kernelmode", (int64_t)cpu->kernel_ns);
    doc_int(&usage, "usage_in_usermode", (int64_t)cpu->user_ns);
    doc_int(&throttling, "periods", (int64_t)cpu->n_periods);
    doc_int(&throttling, "throttled_periods", (int64_t)cpu->n_throttled);
    doc_int(&throttling, "throttled_time", (int64_t)cpu->throttled_ns);
    doc_put(&d, "cpu_usage", doc_take(&usage));
    if (host) {
        doc_int(&d, "system_cpu_usage", (int64_t)host);
        doc_int(&d, "online_cpus", x->n_cpus);
    }
    doc_put(&d, "throttling_data", doc_take(&throttling));
    return doc_take(&d);
}

/* Clients subtract inactive files themselves. */
static json_t *memory_of(const struct shale_stats *x)
{
    struct doc d = doc_begin();

    if (!x->running || !x->known)
        return doc_take(&d);
    struct doc figures = doc_begin();
    for (size_t i = 0; i < x->n_memory; i++)
        doc_int(&figures, x->memory[i].name, (int64_t)x->memory[i].value);
    doc_int(&d, "usage", (int64_t)(x->memory_bytes + x->memory_inactive_bytes));
    doc_put(&d, "stats", doc_take(&figures));
    doc_int(&d, "limit", (int64_t)x->memory_limit_bytes);
    return doc_take(&d);
}

static void add_blocks(struct doc *d, json_t *list, const struct shale_block_stats *b,
                       const char *what, uint64_t n)
{
    struct doc one = doc_begin();

    doc_int(&one, "major", b->major);
    doc_int(&one, "minor", b->minor);
    doc_str(&one, "op", what);
    doc_int(&one, "value", (int64_t)n);
    d->failed |= json_array_append_new(list, doc_take(&one)) < 0;
}

static json_t *blocks_of(const struct shale_stats *x)
{
    static const char *const nothing[] = {"io_serviced_recursive",     "io_queue_recursive",
                                          "io_service_time_recursive", "io_wait_time_recursive",
                                          "io_merged_recursive",       "io_time_recursive",
                                          "sectors_recursive"};
    struct doc d = doc_begin();
    json_t *list = x->n_blocks ? json_array() : json_null();

    for (size_t i = 0; i < x->n_blocks; i++) {
        add_blocks(&d, list, &x->blocks[i], "read", x->blocks[i].read_bytes);
        add_blocks(&d, list, &x->blocks[i], "write", x->blocks[i].written_bytes);
    }
    doc_put(&d, "io_service_bytes_recursive", list);
    for (size_t i = 0; i < ARRAY_SIZE(nothing); i++)
        doc_put(&d, nothing[i], json_null());
    return doc_take(&d);
}

static json_t *traffic_of(const struct shale_stats *x)
{
    struct doc d = doc_begin();

    for (size_t i = 0; i < x->n_nets; i++) {
        const struct shale_net_stats *n = &x->nets[i];
        struct doc one = doc_begin();
        doc_int(&one, "rx_bytes", (int64_t)n->rx_bytes);
        doc_int(&one, "rx_packets", (int64_t)n->rx_packets);
        doc_int(&one, "rx_errors", (int64_t)n->rx_errors);
        doc_int(&one, "rx_dropped", (int64_t)n->rx_dropped);
        doc_int(&one, "tx_bytes", (int64_t)n->tx_bytes);
        doc_int(&one, "tx_packets", (int64_t)n->tx_packets);
        doc_int(&one, "tx_errors", (int64_t)n->tx_errors);
        doc_int(&one, "tx_dropped", (int64_t)n->tx_dropped);
        doc_put(&d, n->name, doc_take(&one));
    }
    return doc_take(&d);
}

int view_api_stats(const struct shale_stats *x, json_t **ret, struct shale_err *e)
{
    struct doc pids = doc_begin(), d = doc_begin();
    bool figures = x->running && x->known;

    if (figures)
        doc_int(&pids, "current", (int64_t)x->n_pids);
    doc_put(&d, "name", json_sprintf("/%s", x->name));
    doc_str(&d, "id", x->id);
    doc_time(&d, "read", x->time_ns);
    doc_time(&d, "preread", x->before_ns ? x->before_ns : SHALE_TIME_NONE);
    doc_put(&d, "pids_stats", doc_take(&pids));
    doc_put(&d, "blkio_stats", blocks_of(x));
    doc_int(&d, "num_procs", 0);
    doc_put(&d, "storage_stats", json_object());
    doc_put(&d, "cpu_stats", cpu_of(x, &x->cpu, x->cpu_ns, x->host_cpu_ns));
    doc_put(&d, "precpu_stats", cpu_of(x, &x->cpu_before, x->cpu_before_ns, x->host_cpu_before_ns));
    doc_put(&d, "memory_stats", memory_of(x));
    if (x->n_nets)
        doc_put(&d, "networks", traffic_of(x));
    return doc_end(&d, ret, e);
}

/* ---- files ---- */

json_t *view_api_changes(const struct shale_change_list *l)
{
    static const int kinds[] = {[SHALE_CHANGED] = 0, [SHALE_ADDED] = 1, [SHALE_GONE] = 2};
    _cleanup_json_ json_t *list = json_array();

    for (size_t i = 0; i < l->n_items; i++) {
        struct doc d = doc_begin();
        doc_str(&d, "Path", l->items[i].path);
        doc_int(&d, "Kind", kinds[l->items[i].kind]);
        if (json_array_append_new(list, doc_take(&d)) < 0)
            return NULL;
    }
    return TAKE_PTR(list);
}

json_t *view_api_pruned(const struct shale_container_pruned *p)
{
    struct doc d = doc_begin();

    doc_put(&d, "ContainersDeleted", p->n_ids ? doc_strings(p->ids, p->n_ids) : json_null());
    doc_int(&d, "SpaceReclaimed", (int64_t)p->freed_bytes);
    return doc_take(&d);
}

/* The bits of Go's FileMode. */
static uint32_t go_mode(uint32_t mode)
{
    static const struct {
        uint32_t type, bits;
    } types[] = {{S_IFDIR, 1u << 31}, {S_IFLNK, 1u << 27},  {S_IFBLK, 1u << 26},
                 {S_IFIFO, 1u << 25}, {S_IFSOCK, 1u << 24}, {S_IFCHR, 1u << 26 | 1u << 21}};
    uint32_t bits = mode & 0777;

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if ((mode & S_IFMT) == types[i].type)
            bits |= types[i].bits;
    bits |= mode & S_ISUID ? 1u << 23 : 0;
    bits |= mode & S_ISGID ? 1u << 22 : 0;
    bits |= mode & S_ISVTX ? 1u << 20 : 0;
    return bits;
}

int view_api_path_stat(const struct shale_cp_stat *s, json_t **ret, struct shale_err *e)
{
    struct doc d = doc_begin();

    doc_str(&d, "name", s->name);
    doc_int(&d, "size", (int64_t)s->size_bytes);
    doc_int(&d, "mode", go_mode(s->mode));
    doc_time(&d, "mtime", s->mtime_ns);
    doc_str(&d, "linkTarget", s->link_target);
    return doc_end(&d, ret, e);
}
