/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/registry.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/sdnotify.h"
#include "base/time.h"
#include "base/units.h"
#include "cli/cli.h"

/* ---- serve ---- */

struct serve_opts {
    struct strv addr;
    const char *config, *storage, *tls_cert, *tls_key;
    bool read_only, no_delete, open_to_all;
    int64_t grace, timeout;
};

#define O(field) offsetof(struct serve_opts, field)
static const struct opt serve_table[] = {
    {0, "addr", OPT_LIST, O(addr), NULL, "Address to listen on; port 0 is a free one", 0,
     "127.0.0.1:5000"},
    {0, "config", OPT_STR, O(config), NULL,
     "Config file (default: /etc/shale/registry.conf, if it is there); other options count more"},
    {0, "grace", OPT_DURATION, O(grace), NULL, "Time for running requests when it ends", 0, "30s"},
    {0, "no-delete", OPT_BOOL, O(no_delete), NULL, "Refuse to delete"},
    {0, "open", OPT_BOOL, O(open_to_all), NULL,
     "Listen where others can reach it, although nobody has to log in"},
    {0, "read-only", OPT_BOOL, O(read_only), NULL, "Refuse to push and to delete"},
    {0, "storage", OPT_STR, O(storage), NULL, "Folder (default: registry/ in the store's folder)"},
    {0, "timeout", OPT_DURATION, O(timeout), NULL, "Clients that are slower with a request go"},
    {0, "tls-cert", OPT_STR, O(tls_cert), NULL, "Certificate file (PEM), with its chain"},
    {0, "tls-key", OPT_STR, O(tls_key), NULL, "Key file (PEM) of the certificate"},
    {0},
};
#undef O

static void on_warning(void *arg, const char *message)
{
    fprintf(stderr, "Warning: %s\n", message);
}

static void on_info(void *arg, const char *message)
{
    fprintf(stderr, "%s\n", message);
}

static void reload(struct shale_registry *s)
{
    struct shale_err e = SHALE_ERR_INIT;

    (void)sdnotify_reloading(NULL);
    if (shale_registry_reload(s, &e) < 0)
        cli_warn_error(&e);
    (void)sdnotify_ready(NULL, NULL);
}

/* Until INT or TERM; HUP reads the config anew. They were blocked before the server's threads came
 * into being, so that only this thread gets them. */
static void run_until_signal(struct shale_registry *s, const sigset_t *set)
{
    int64_t watchdog_ns = sdnotify_watchdog_ns();
    int64_t wait_ns = watchdog_ns > 0 ? watchdog_ns / 2 : 3600 * NS_PER_S;
    struct timespec wait = {wait_ns / NS_PER_S, wait_ns % NS_PER_S};

    for (;;) {
        int sig = sigtimedwait(set, NULL, &wait);
        if (sig == SIGHUP)
            reload(s);
        if (sig == SIGINT || sig == SIGTERM)
            return;
        if (watchdog_ns > 0 && shale_registry_alive(s))
            (void)sdnotify_watchdog(NULL);
    }
}

/* Before the first line of the log, which goes the same way. */
static int say_where(struct cli *c, const struct shale_registry *s)
{
    char status[SDNOTIFY_MAX_BYTES / 2] = "";
    const char *url;
    int r = 0;

    for (size_t i = 0; r >= 0 && (url = shale_registry_address(s, i)); i++) {
        size_t n = strlen(status);
        r = cli_printf(c, "Listening on %s\n", url);
        snprintf(status + n, sizeof status - n, "%s%s", n ? ", " : "listening on ", url);
    }
    (void)sdnotify_ready(status, NULL);
    return r;
}

static int serve(struct cli *c, const void *opts_, int n, char **args)
{
    const struct serve_opts *o = opts_;
    struct shale_registry_opts so = {
        .size = sizeof so,
        .root = o->storage,
        .store_root = c->global.root,
        .addresses = (const char *const *)o->addr.v,
        .tls_cert = o->tls_cert,
        .tls_key = o->tls_key,
        .read_only = o->read_only,
        .no_delete = o->no_delete,
        .open_to_all = o->open_to_all,
        .grace_ns = cli_seen(c, "grace") ? o->grace : 0,
        .timeout_ns = o->timeout,
        .config = o->config,
        .on_warning = on_warning,
        .on_info = on_info,
    };
    struct shale_registry *s = NULL;
    sigset_t set;

    (void)n, (void)args;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    int r = shale_registry_serve(&so, &s, &c->e);
    if (r >= 0)
        r = say_where(c, s);
    if (r >= 0)
        run_until_signal(s, &set);
    if (s)
        (void)sdnotify_stopping(NULL);
    shale_registry_stop(s);
    return r < 0 ? r : 0;
}

static const struct serve_opts serve_preset = {.grace = 30 * NS_PER_S};

const struct cmd cmd_registry_serve = {
    .brief = "Serve images over the OCI distribution API",
    .usage = "[OPTIONS]",
    .text =
        "Prints one line for each address as soon as it listens, then runs until it gets INT\n"
        "or TERM; running requests are finished first. HUP makes it read config, users, keys and\n"
        "certificates anew and open its log anew; nobody is disconnected.\n"
        "\n"
        "Without a login it only listens on addresses of this machine, unless --open is given.",
    .example = "shale registry serve\n"
               "shale registry serve --addr 127.0.0.1:5001 --storage /srv/images --read-only\n"
               "shale registry serve --config registry.conf",
    .opts = serve_table,
    .opts_size = sizeof(struct serve_opts),
    .preset = &serve_preset,
    .run = serve,
};
