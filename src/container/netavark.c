/* SPDX-License-Identifier: Apache-2.0 */
#include "container/netavark.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/hash.h"
#include "base/lock.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "container/jout.h"
#include "container/runtime.h"
#include "container/spawn.h"

#define ANSWER_MAX   (1u << 20)
#define WORDS_MAX    400
#define CALL_WAIT_MS 15000
#define CALL_STEP_MS 10
#define SYSTEM_PATH  "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define DIR_DIGITS   16
#define METRIC_FIRST 100
#define MTU_OPTION   "com.docker.network.driver.mtu"
#define MODE_OPTION  "macvlan_mode"

/* ---- where it is ---- */

/* In PATH, or where Debian and Fedora have helpers of podman. "": nowhere. */
static int find_program(const char *name, struct arena *a, const char **ret, struct shale_err *e)
{
    static const char *const folders[] = {"/usr/libexec/podman", "/usr/lib/podman",
                                          "/usr/local/libexec/podman"};
    char path[4096];

    *ret = "";
    if (proc_which(name, path, sizeof path, NULL) >= 0) {
        *ret = arena_strdup(a, path);
        return *ret ? 0 : err_nomem(e);
    }
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        const char *there = arena_printf(a, "%s/%s", folders[i], name);
        if (!there)
            return err_nomem(e);
        if (access(there, X_OK) == 0) {
            *ret = there;
            return 0;
        }
    }
    return 0;
}

/* "netavark 1.4.0" */
static void version_of(const char *path, unsigned *major, unsigned *minor)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(4096);
    const char *const argv[] = {path, "--version", NULL};
    int status;

    *major = *minor = 0;
    if (spawn_run(argv, &out, NULL, &status, NULL) >= 0 && status == 0)
        (void)sscanf(buf_str(&out), "netavark %u.%u", major, minor);
}

static bool has_program(const char *name)
{
    char path[4096];

    if (proc_which(name, path, sizeof path, NULL) >= 0)
        return true;
    (void)snprintf(path, sizeof path, "/usr/sbin/%s", name); /* not in every PATH */
    return access(path, X_OK) == 0;
}

/* It speaks to iptables before version 2, to nftables from 1.10 on. */
static int choose_firewall(struct netavark *n, struct shale_err *e)
{
    bool iptables = has_program("iptables"), nft = has_program("nft");
    unsigned major, minor;

    version_of(n->path, &major, &minor);
    if (iptables && major < 2)
        n->firewall = "iptables";
    else if (nft && (major > 1 || minor >= 10))
        n->firewall = "nftables";
    else
        return err_set(e, SHALE_UNSUPPORTED,
                       "networks need a firewall: netavark %u.%u sets it up with %s, which is not "
                       "installed; install the package %s",
                       major, minor, major > 1 ? "nft" : "iptables",
                       major > 1 ? "nftables" : "iptables");
    return 0;
}

static int own_dir(struct container_host *h, struct arena *a, const char **ret, struct shale_err *e)
{
    const char *root = store_root(h->store), *base;
    char hex[HASH_MAX_HEX + 1];
    int r = hash_bytes(HASH_SHA256, root, strlen(root), hex, e);

    if (r >= 0)
        r = runtime_own_dir("net", a, &base, e);
    if (r < 0)
        return r;
    *ret = arena_printf(a, "%s/%.*s", base, DIR_DIGITS, hex);
    return *ret ? fs_mkdir_p(AT_FDCWD, *ret, 0700, e) : err_nomem(e);
}

int netavark_host_lock(struct arena *a, struct cancel *c, struct shale_err *e)
{
    const char *base, *path;
    int r = runtime_own_dir("net", a, &base, e);

    if (r < 0)
        return r;
    path = arena_printf(a, "%s/lock", base);
    return path ? lock_take(AT_FDCWD, path, LOCK_EXCLUSIVE, c, e) : err_nomem(e);
}

int netavark_find(struct container_host *h, struct arena *a, struct netavark *ret,
                  struct shale_err *e)
{
    struct netavark n = {.firewall = ""};
    int r = find_program("netavark", a, &n.path, e);

    if (r >= 0 && !n.path[0])
        return err_set(e, SHALE_UNSUPPORTED,
                       "netavark is not installed: it sets up networks; install the packages "
                       "netavark and aardvark-dns, or use --network none or --network host");
    if (r >= 0)
        r = find_program("aardvark-dns", a, &n.aardvark, e);
    if (r >= 0)
        r = choose_firewall(&n, e);
    if (r >= 0)
        r = own_dir(h, a, &n.dir, e);
    if (r >= 0)
        *ret = n;
    return r;
}

/* ---- what it is told ---- */

/* Neighbours become one range, which costs one rule. */
static json_t *ports_of(const struct netavark_in *in)
{
    _cleanup_json_ json_t *list = json_array();
    int bad = !list;

    for (size_t i = 0, n; i < in->n_ports; i += n) {
        const struct netavark_port *p = &in->ports[i];
        for (n = 1; i + n < in->n_ports; n++) {
            const struct netavark_port *q = p + n;
            if (!streq(q->protocol, p->protocol) || !streq(q->host_ip, p->host_ip) ||
                q->inside != p->inside + n || q->host != p->host + n)
                break;
        }
        jout_add(&bad, list,
                 json_pack("{s:s, s:i, s:i, s:s, s:i}", "host_ip", p->host_ip, "host_port",
                           (int)p->host, "container_port", (int)p->inside, "protocol", p->protocol,
                           "range", (int)n));
    }
    return bad ? NULL : TAKE_PTR(list);
}

const char *netavark_name(const struct network *n, char ret[NETAVARK_NAME_BYTES])
{
    (void)snprintf(ret, NETAVARK_NAME_BYTES, "%.*s-%.12s", NETAVARK_NAME_BYTES - 14, n->row.name,
                   n->row.id);
    return ret;
}

static json_t *endpoint_of(const struct netavark_in *in)
{
    _cleanup_json_ json_t *o = json_object();
    char address[IPV4_BYTES], address6[IPV6_BYTES], mac[18];
    json_t *ips = json_pack("[s]", ipv4_format(in->address, address));
    int bad = !o;

    jout_put(&bad, o, "interface_name", json_sprintf("eth%u", in->number));
    if (in->network->ipv6)
        jout_add(&bad, ips, json_string(ipv6_format(&in->address6, address6)));
    jout_put(&bad, o, "static_ips", ips);
    jout_str(&bad, o, "static_mac", in->mac && *in->mac ? in->mac : network_mac(in->address, mac));
    jout_put(&bad, o, "aliases", jout_strv(&in->names));
    return bad ? NULL : TAKE_PTR(o);
}

static json_t *subnets_of(const struct network *n)
{
    char net[IPV4_NET_BYTES], gateway[IPV4_BYTES], net6[IPV6_NET_BYTES], gateway6[IPV6_BYTES];
    _cleanup_json_ json_t *list =
        json_pack("[{s:s, s:s}]", "subnet", ipv4_net_format(&n->subnet, net), "gateway",
                  ipv4_format(n->gateway, gateway));
    int bad = !list;

    if (n->ipv6)
        jout_add(&bad, list,
                 json_pack("{s:s, s:s}", "subnet", ipv6_net_format(&n->subnet6, net6), "gateway",
                           ipv6_format(&n->gateway6, gateway6)));
    return bad ? NULL : TAKE_PTR(list);
}

static json_t *network_of(const struct netavark_in *in)
{
    const struct network *n = in->network;
    _cleanup_json_ json_t *o = json_object(), *options = json_object();
    const char *mtu = strmap_get(&n->options, MTU_OPTION);
    const char *mode = strmap_get(&n->options, MODE_OPTION);
    char name[NETAVARK_NAME_BYTES];
    int bad = !o;

    if (mtu)
        jout_str(&bad, options, "mtu", mtu);
    if (mode)
        jout_str(&bad, options, "mode", mode);
    if (in->number > 0) /* the first one has the way out */
        jout_put(&bad, options, "metric", json_sprintf("%u", METRIC_FIRST + in->number));
    jout_str(&bad, o, "name", netavark_name(n, name));
    jout_str(&bad, o, "id", n->row.id);
    jout_str(&bad, o, "driver", n->row.driver);
    jout_str(&bad, o, "network_interface", n->bridge);
    jout_put(&bad, o, "subnets", subnets_of(n));
    jout_bool(&bad, o, "ipv6_enabled", n->ipv6);
    jout_bool(&bad, o, "internal", n->internal);
    jout_bool(&bad, o, "dns_enabled", n->resolves);
    jout_put(&bad, o, "ipam_options", json_pack("{s:s}", "driver", "host-local"));
    jout_put(&bad, o, "options", TAKE_PTR(options));
    return bad ? NULL : TAKE_PTR(o);
}

int netavark_input(const struct netavark_in *in, struct arena *a, char **ret, struct shale_err *e)
{
    _cleanup_json_ json_t *o = json_object(), *endpoints = json_object(), *infos = json_object();
    char name[NETAVARK_NAME_BYTES];
    int bad = 0, r;

    (void)netavark_name(in->network, name);
    jout_put(&bad, endpoints, name, endpoint_of(in));
    jout_put(&bad, infos, name, network_of(in));
    jout_str(&bad, o, "container_id", in->container_id);
    jout_str(&bad, o, "container_name", in->container_name);
    if (in->n_ports)
        jout_put(&bad, o, "port_mappings", ports_of(in));
    if (in->dns.n)
        jout_put(&bad, o, "dns_servers", jout_strv(&in->dns));
    jout_put(&bad, o, "networks", TAKE_PTR(endpoints));
    jout_put(&bad, o, "network_info", TAKE_PTR(infos));
    r = jout_check(bad, "configuration of netavark", e);
    return r < 0 ? r : jout_text(o, JSON_COMPACT, a, ret, e);
}

/* ---- calling it ---- */

static int memory_file(const char *text, struct shale_err *e)
{
    _cleanup_close_ int fd = memfd_create("netavark", MFD_CLOEXEC);

    if (fd < 0 || sys_pwrite_all(fd, text, strlen(text), 0) < 0)
        return err_sys(e, "make a file in memory");
    return TAKE_FD(fd);
}

int netavark_turn(const struct netavark *n, struct arena *a, struct shale_err *e)
{
    const char *path = arena_printf(a, "%s/call", n->dir);
    int64_t end = time_mono_ns() + CALL_WAIT_MS * NS_PER_MS;

    if (!path)
        return err_nomem(e);
    for (;;) {
        int fd = lock_try(AT_FDCWD, path, LOCK_EXCLUSIVE, e);
        if (fd != -SHALE_IN_USE || time_mono_ns() > end)
            return fd;
        poll(NULL, 0, CALL_STEP_MS);
    }
}

/* What it reads is locked for as long as it runs: also when we are killed meanwhile, nobody calls
 * the next one before this one has ended. A daemon that held on to it for ever would not stop us.
 */
static int input_file(const struct netavark *n, const char *text, struct arena *a,
                      struct shale_err *e)
{
    _cleanup_close_ int fd = netavark_turn(n, a, e);

    if (fd == -SHALE_IN_USE)
        return memory_file(text, e);
    if (fd >= 0 && (sys_ftruncate(fd, 0) < 0 || sys_pwrite_all(fd, text, strlen(text), 0) < 0))
        return err_sys(e, "write what netavark reads");
    return fd < 0 ? fd : TAKE_FD(fd);
}

/* {"error": "…"}, or what else it said. */
static int refusal(const char *verb, struct buf *out, struct shale_err *e)
{
    _cleanup_json_ json_t *j = NULL;
    char words[WORDS_MAX];
    const char *said = NULL;

    if (out->n && json_parse(out->p, out->n, ANSWER_MAX, &j, NULL) >= 0)
        said = json_string_value(json_object_get(j, "error"));
    str_printable(words, sizeof words, said ? said : out->n ? buf_str(out) : "it did not say why");
    return err_set(e, SHALE_SYSTEM, "netavark %s: %s", verb, words);
}

/* Its output goes to a file: aardvark-dns, which stays, may hold on to it. */
int netavark_call(const struct netavark *n, const char *verb, const char *netns, const char *input,
                  struct arena *a, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf out = BUF_INIT(ANSWER_MAX);
    const char *firewall = arena_printf(a, "NETAVARK_FW=%s", n->firewall);
    const char *ours = getenv("PATH");
    const char *path =
        arena_printf(a, "PATH=%s%s%s", SYSTEM_PATH, ours ? ":" : "", ours ? ours : "");
    const char *argv[] = {n->path,     "--config", n->dir, "--aardvark-binary",
                          n->aardvark, verb,       netns,  NULL};
    const char *const env[] = {firewall, path, NULL};
    _cleanup_close_ int in = -1, answer = -1;
    int r, status;
    pid_t pid;

    if (!firewall || !path)
        return err_nomem(e);
    if (sys_step("netavark") < 0)
        return err_sys(e, "start netavark");
    in = input_file(n, input, a, e);
    answer = in < 0 ? in : memory_file("", e);
    if (answer < 0)
        return answer;
    struct spawn_opts o = {
        .argv = argv, .env = env, .in = in, .out = answer, .err = -1, .new_session = true};
    r = spawn_start(&o, &pid, NULL, e);
    if (r >= 0)
        r = spawn_wait(pid, &status, e);
    if (r < 0 || status == 0)
        return r;
    path = arena_printf(a, "/proc/self/fd/%d", answer);
    if (path)
        (void)fs_read_file(AT_FDCWD, path, &out, NULL);
    return refusal(verb, &out, e);
}
