/* SPDX-License-Identifier: Apache-2.0 */
#include "container/pasta.h"

#include <fcntl.h>
#include <signal.h>

#include "base/cleanup.h"
#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/sys.h"
#include "container/slirp.h"
#include "container/spawn.h"

#define ARGS_FIXED 20
#define WORDS_MAX  400
#define FILE_NAME  "pasta.pid"

/* "127.0.0.1/8080:80" */
static const char *port_text(const struct meta_port *p, struct arena *a)
{
    return arena_printf(a, "%s%s%u:%u", p->host_ip, p->host_ip[0] ? "/" : "", p->host, p->inside);
}

static int arguments(const char *program, const char *netns, const char *pidfile,
                     const struct hostports *ports, struct arena *a, const char ***ret,
                     struct shale_err *e)
{
    const char **v = arena_array(a, ARGS_FIXED + 2 * ports->n, sizeof *v);
    bool tcp = false, udp = false;
    size_t n = 0;

    if (!v)
        return err_nomem(e);
    v[n++] = program;
    v[n++] = "--config-net";
    v[n++] = "--quiet";
    v[n++] = "--no-map-gw";
    v[n++] = "-P";
    v[n++] = pidfile;
    for (size_t i = 0; i < ports->n; i++) {
        bool is_tcp = streq(ports->v[i].protocol, "tcp");
        if (!is_tcp && !streq(ports->v[i].protocol, "udp"))
            return err_set(e, SHALE_UNSUPPORTED, "ports of %s need root", ports->v[i].protocol);
        v[n++] = is_tcp ? "-t" : "-u";
        v[n++] = port_text(&ports->v[i], a);
        tcp = tcp || is_tcp;
        udp = udp || !is_tcp;
        if (!v[n - 1])
            return err_nomem(e);
    }
    v[n++] = tcp ? "-T" : "-t";
    v[n++] = "none";
    v[n++] = udp ? "-U" : "-u";
    v[n++] = "none";
    if (!tcp) {
        v[n++] = "-T";
        v[n++] = "none";
    }
    if (!udp) {
        v[n++] = "-U";
        v[n++] = "none";
    }
    v[n++] = "--netns";
    v[n++] = netns;
    *ret = v;
    return 0;
}

static int instead(const struct ctr *c, const char *netns, const struct hostports *ports,
                   struct arena *a, const char **ret_resolver, struct shale_err *e)
{
    int r = slirp_start(c, netns, ports, a, e);

    if (r == -SHALE_NOT_FOUND)
        return err_set(e, SHALE_UNSUPPORTED,
                       "neither pasta nor slirp4netns is installed: they are the network of "
                       "containers of users who are not root; install the package passt, or use "
                       "--network none or --network host");
    *ret_resolver = SLIRP_RESOLVER;
    return r;
}

int pasta_start(const struct ctr *c, const char *netns, const struct hostports *ports,
                struct arena *a, const char **ret_resolver, struct shale_err *e)
{
    _cleanup_(buf_clear) struct buf said = BUF_INIT(1u << 16);
    const char *pidfile = ctr_path(c, a, FILE_NAME), **argv;
    char program[4096], words[WORDS_MAX];
    int status, r;

    *ret_resolver = NULL;
    if (access("/dev/net/tun", R_OK | W_OK) < 0)
        return err_set(e, SHALE_UNSUPPORTED,
                       "the network of containers of users who are not root needs /dev/net/tun, "
                       "which they cannot open here (as root: chmod 666 /dev/net/tun); or use "
                       "--network none or --network host");
    if (proc_which("pasta", program, sizeof program, NULL) < 0)
        return instead(c, netns, ports, a, ret_resolver, e);
    if (!pidfile)
        return err_nomem(e);
    r = arguments(program, netns, pidfile, ports, a, &argv, e);
    if (r >= 0) /* it goes into the background when it is ready */
        r = spawn_run(argv, &said, &said, &status, e);
    if (r < 0 || status == 0)
        return r;
    str_printable(words, sizeof words, said.n ? buf_str(&said) : "it did not say why");
    return err_set(e, SHALE_SYSTEM, "pasta: %s", words);
}

void pasta_stop(const struct ctr *c, struct arena *a)
{
    const char *pidfile = ctr_path(c, a, FILE_NAME);
    struct process p = process_find(pidfile ? process_read_pidfile(pidfile) : 0);
    _cleanup_(buf_clear) struct buf b = BUF_INIT(64);
    char path[64];

    slirp_stop(c, a);
    if (!pidfile || !fs_exists(AT_FDCWD, pidfile))
        return;
    (void)snprintf(path, sizeof path, "/proc/%d/comm", (int)p.pid);
    if (p.pid > 0 && fs_read_file(AT_FDCWD, path, &b, NULL) >= 0 &&
        str_has_prefix(buf_str(&b), "pas")) /* "pasta", "passt", "pasta.avx2" */
        (void)process_kill(&p, SIGTERM, NULL);
    (void)sys_unlinkat(AT_FDCWD, pidfile, 0);
}
