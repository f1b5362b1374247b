/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/daemon.h>
#include <signal.h>

#include "base/cleanup.h"
#include "base/sdnotify.h"
#include "base/time.h"
#include "cli/cli.h"

struct daemon_opts {
    struct strv hosts;
    const char *group, *config, *pidfile;
    int64_t grace;
};

#define O(field) offsetof(struct daemon_opts, field)
static const struct opt table[] = {
    {0, "config", OPT_STR, O(config), NULL,
     "Config file (default: /etc/shale/daemon.json, if it is there); other options count more"},
    {0, "grace", OPT_DURATION, O(grace), NULL, "Time for running requests when it ends", 0, "10s"},
    {'G', "group", OPT_STR, O(group), NULL, "Group that may use the socket"},
    {'H', "host", OPT_LIST, O(hosts), NULL,
     "Where to listen: unix:///PATH or tcp://HOST:PORT (default: unix:///run/shale/docker.sock)"},
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

static void run_until_signal(const sigset_t *set)
{
    int sig;

    do {
        sig = sigwaitinfo(set, NULL);
    } while (sig != SIGINT && sig != SIGTERM);
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct daemon_opts *o = opts_;
    struct shale_open_opts so = {
        .size = sizeof so,
        .root = c->global.root,
        .storage_driver = c->global.storage_driver,
        .runtime = c->global.runtime,
        .config_dir = c->global.config,
        .certs_dir = c->global.certs_dir,
        .insecure_registries = (const char *const *)c->global.insecure.v,
    };
    struct shale_daemon_opts dopts = {
        .size = sizeof dopts,
        .open = &so,
        .hosts = (const char *const *)o->hosts.v,
        .group = o->group,
        .grace_ns = o->grace,
        .debug = c->global.debug,
        .on_warning = on_warning,
    };
    struct shale_daemon *d = NULL;
    sigset_t set;

    (void)n, (void)args;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int r = shale_daemon_serve(&dopts, &d, &c->e);
    if (r >= 0)
        r = say_where(c, d);
    if (r >= 0)
        run_until_signal(&set);
    if (d)
        (void)sdnotify_stopping(NULL);
    shale_daemon_stop(d);
    return r < 0 ? r : 0;
}

static const struct daemon_opts preset = {.grace = 10 * NS_PER_S};

const struct cmd cmd_daemon = {
    .brief = "Serve the Docker Engine API",
    .usage = "[OPTIONS]",
    .text =
        "The docker command, compose, and whatever else speaks to docker's engine works with it:\n"
        "point DOCKER_HOST to the address that it prints. It keeps nothing of its own: shale's\n"
        "commands work beside it, and containers go on without it.",
    .example = "shale daemon\n"
               "shale daemon -H unix:///tmp/shale.sock --group docker",
    .opts = table,
    .opts_size = sizeof(struct daemon_opts),
    .preset = &preset,
    .run = run,
};
