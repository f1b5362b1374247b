/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/daemon.h>
#include <signal.h>

#include "base/cleanup.h"
#include "base/sdnotify.h"
#include "base/time.h"
#include "cli/cli.h"
#include "cli/rootless.h"

struct daemon_opts {
    struct strv hosts;
    const char *group, *config, *pidfile, *tls_cert, *tls_key, *tls_ca;
    bool open, tls, verify, validate;
    int64_t grace;
};

#define O(field) offsetof(struct daemon_opts, field)
static const struct opt table[] = {
    {0, "config", OPT_STR, O(config), NULL,
     "Config file (default: /etc/shale/daemon.json, if it is there); other options count more"},
    {0, "grace", OPT_DURATION, O(grace), NULL, "Time for running requests when it ends", 0, "10s"},
    {'G', "group", OPT_STR, O(group), NULL, "Group that may use the socket"},
    {'H', "host", OPT_LIST, O(hosts), NULL,
     "Where to listen: unix:///PATH, tcp://HOST:PORT, fd:// (default: "
     "unix:///run/shale/docker.sock, or $XDG_RUNTIME_DIR/shale/docker.sock)"},
    {0, "open", OPT_BOOL, O(open), NULL,
     "Listen on tcp:// where others can reach it, without certificates of clients"},
    {'p', "pidfile", OPT_STR, O(pidfile), NULL, "File that holds the process ID while it serves"},
    {0, "tls", OPT_BOOL, O(tls), NULL, "Speak TLS on tcp://"},
    {0, "tlscacert", OPT_STR, O(tls_ca), NULL, "Authority of clients (PEM), for --tlsverify"},
    {0, "tlscert", OPT_STR, O(tls_cert), NULL, "Certificate file (PEM), with its chain"},
    {0, "tlskey", OPT_STR, O(tls_key), NULL, "Key file (PEM) of the certificate"},
    {0, "tlsverify", OPT_BOOL, O(verify), NULL,
     "Speak TLS, and let in only clients with a certificate of --tlscacert"},
    {0, "validate", OPT_BOOL, O(validate), NULL, "Check the config and end"},
    {0},
};
#undef O

static void on_warning(void *arg, const char *message)
{
    (void)arg;
    fprintf(stderr, "Warning: %s\n", message);
}

/* Before the first request. */
static int say_where(struct cli *c, const struct shale_daemon *d)
{
    char status[SDNOTIFY_MAX_BYTES / 2] = "";
    const char *url;
    int r = 0;

    for (size_t i = 0; r >= 0 && (url = shale_daemon_address(d, i)); i++) {
        size_t n = strlen(status);
        r = cli_printf(c, "Listening on %s\n", url);
        snprintf(status + n, sizeof status - n, "%s%s", n ? ", " : "listening on ", url);
    }
    (void)sdnotify_ready(status, NULL);
    return r;
}

static void reload(struct shale_daemon *d)
{
    struct shale_err e = SHALE_ERR_INIT;

    (void)sdnotify_reloading(NULL);
    if (shale_daemon_reload(d, &e) < 0)
        cli_warn_error(&e);
    (void)sdnotify_ready(NULL, NULL);
}

/* They were blocked before the server's threads came into being, so that only this thread gets
 * them. */
static void run_until_signal(struct shale_daemon *d, const sigset_t *set)
{
    int64_t watchdog_ns = sdnotify_watchdog_ns();
    struct timespec wait = {watchdog_ns / 2 / NS_PER_S, watchdog_ns / 2 % NS_PER_S};

    for (;;) {
        int sig = watchdog_ns > 0 ? sigtimedwait(set, NULL, &wait) : sigwaitinfo(set, NULL);
        if (sig == SIGHUP)
            reload(d);
        if (sig == SIGINT || sig == SIGTERM)
            return;
        if (watchdog_ns > 0)
            (void)sdnotify_watchdog(NULL);
    }
}

static int serve(struct cli *c, const struct shale_daemon_opts *o)
{
    struct shale_daemon *d = NULL;
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int r = shale_daemon_serve(o, &d, &c->e);
    if (r >= 0)
        r = say_where(c, d);
    if (r >= 0)
        run_until_signal(d, &set);
    if (d)
        (void)sdnotify_stopping(NULL);
    shale_daemon_stop(d);
    return r < 0 ? r : 0;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct daemon_opts *o = opts_;
    const struct shale_open_opts so = {
        .size = sizeof so,
        .root = c->global.root,
        .storage_driver = c->global.storage_driver,
        .runtime = c->global.runtime,
        .config_dir = c->global.config,
        .certs_dir = c->global.certs_dir,
        .insecure_registries = (const char *const *)c->global.insecure.v,
        .registry_mirrors = (const char *const *)c->global.mirrors.v,
    };
    const struct shale_daemon_opts dopts = {
        .size = sizeof dopts,
        .open = &so,
        .hosts = (const char *const *)o->hosts.v,
        .group = o->group,
        .config = o->config,
        .tls_cert = o->tls_cert,
        .tls_key = o->tls_key,
        .tls_ca = o->tls_ca,
        .tls = o->tls,
        .tls_verify = o->verify,
        .open_to_all = o->open,
        .pidfile = o->pidfile,
        .grace_ns = cli_seen(c, "grace") ? o->grace : 0,
        .debug = c->global.debug,
        .on_warning = on_warning,
    };

    (void)n, (void)args;
    int r = o->validate ? 0 : rootless_enter(&c->e);
    if (r < 0 && r != -SHALE_UNSUPPORTED) /* without containers it serves all the same */
        return r;
    if (!o->validate)
        return serve(c, &dopts);
    r = shale_daemon_config_check(&dopts, &c->e);
    return r < 0 ? r : cli_printf(c, "configuration OK\n");
}

static const struct daemon_opts preset = {.grace = 10 * NS_PER_S};

const struct cmd cmd_daemon = {
    .brief = "Serve the Docker Engine API",
    .usage = "[OPTIONS]",
    .text =
        "The docker command, compose, and whatever else speaks to docker's engine works with it:\n"
        "set DOCKER_HOST to the address that it prints. It keeps nothing of its own: shale's\n"
        "commands work beside it, and containers go on without it.\n"
        "\n"
        "It runs until it gets INT or TERM; HUP makes it read its config and certificates anew.\n"
        "Whoever reaches it can do what it may: a socket is for its owner and for --group; tcp://\n"
        "beyond this machine needs --tlsverify, or --open.",
    .example =
        "shale daemon\n"
        "shale daemon -H unix:///run/docker.sock --group docker\n"
        "shale daemon -H tcp://0.0.0.0:2376 --tlsverify --tlscacert ca.pem --tlscert cert.pem "
        "--tlskey key.pem",
    .opts = table,
    .opts_size = sizeof(struct daemon_opts),
    .preset = &preset,
    .run = run,
};
