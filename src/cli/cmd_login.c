/* SPDX-License-Identifier: Apache-2.0 */
#include <shale/login.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"

#define SECRET_MAX_BYTES 4096

struct login_opts {
    const char *user, *password;
    bool from_stdin;
};

#define O(field) offsetof(struct login_opts, field)
static const struct opt opts[] = {
    {'p', "password", OPT_STR, O(password), NULL, "Password or Personal Access Token (PAT)"},
    {0, "password-stdin", OPT_BOOL, O(from_stdin), NULL,
     "Take the Password or Personal Access Token (PAT) from stdin"},
    {'u', "username", OPT_STR, O(user), NULL, "Username"},
    {0},
};

/* A line of standard input, or with `all` the whole of it without its last end of line. */
static int read_secret(struct cli *c, bool all, char ret[SECRET_MAX_BYTES])
{
    size_t n = 0;
    int ch = EOF;

    while (n + 1 < SECRET_MAX_BYTES && (ch = getchar()) != EOF && (all || ch != '\n'))
        ret[n++] = (char)ch;
    if (n + 1 == SECRET_MAX_BYTES && ch != EOF && ch != '\n')
        return err_set(&c->e, SHALE_LIMIT, "more than %d bytes", SECRET_MAX_BYTES - 2);
    while (n > 0 && (ret[n - 1] == '\n' || ret[n - 1] == '\r'))
        n--;
    ret[n] = 0;
    return memchr(ret, 0, n) ? err_set(&c->e, SHALE_INVALID, "a NUL byte in it") : 0;
}

static int ask(struct cli *c, const char *question, bool hidden, char ret[SECRET_MAX_BYTES])
{
    struct termios before, quiet;
    bool was = hidden && tcgetattr(STDIN_FILENO, &before) == 0;

    fputs(question, stdout);
    (void)fflush(stdout);
    if (was) {
        quiet = before;
        quiet.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
    }
    int r = read_secret(c, false, ret);
    if (was) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
        putchar('\n');
    }
    return r;
}

static int check(struct cli *c, const struct login_opts *o)
{
    if (o->password && o->from_stdin)
        return err_set(&c->e, SHALE_INVALID,
                       "conflicting options: cannot specify both --password and --password-stdin");
    if (o->from_stdin && (!o->user || !*o->user))
        return err_set(&c->e, SHALE_INVALID,
                       "the --password-stdin option requires --username to be set");
    if (o->password)
        fputs("WARNING! Using --password via the CLI is insecure. Use --password-stdin.\n", stderr);
    return 0;
}

/* What options do not say is asked for, if there is somebody to ask. */
static int complete(struct cli *c, const struct login_opts *o, const char **user,
                    const char **password, char user_text[SECRET_MAX_BYTES],
                    char password_text[SECRET_MAX_BYTES])
{
    int r = 0;

    *user = o->user;
    *password = o->password;
    if (o->from_stdin) {
        *password = password_text;
        r = read_secret(c, true, password_text);
        return r < 0 || *password_text ? r : err_set(&c->e, SHALE_INVALID, "password is required");
    }
    if ((!*user || !*password) && !isatty(STDIN_FILENO))
        return err_set(&c->e, SHALE_INVALID,
                       "Cannot perform an interactive login from a non TTY device");
    if (!*user) {
        r = ask(c, "Username: ", false, user_text);
        *user = user_text;
    }
    if (r >= 0 && !**user)
        return err_set(&c->e, SHALE_INVALID, "username is required");
    if (r >= 0 && !*password) {
        r = ask(c, "Password: ", true, password_text);
        *password = password_text;
    }
    if (r >= 0 && !**password)
        return err_set(&c->e, SHALE_INVALID, "password is required");
    return r;
}

/* Nothing was said and somebody is logged in: are those credentials still good? 1: yes. */
static int try_known(struct cli *c, struct shale *s, const char *registry)
{
    struct shale_login_result *res = NULL;
    char *user = NULL;
    int r = shale_login_user(s, registry, &user, &c->e);

    if (r < 0 || !user)
        return r < 0 ? r : 0;
    r = cli_printf(c, "Authenticating with existing credentials... [Username: %s]\n", user);
    shale_free(user);
    if (r >= 0)
        r = shale_login(s, registry, NULL, NULL, &res, &c->e);
    shale_free(res);
    if (r >= 0 || !isatty(STDIN_FILENO))
        return r < 0 ? r : 1;
    cli_warn_error(&c->e);
    return 0;
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct login_opts *o = opts_;
    const char *registry = n > 0 ? args[0] : NULL, *user = NULL, *password = NULL;
    char user_text[SECRET_MAX_BYTES], password_text[SECRET_MAX_BYTES] = "";
    struct shale_login_result *res = NULL;
    struct shale *s;
    int known = 0, r = check(c, o);

    if (r >= 0)
        r = cli_open(c, &s);
    if (r >= 0 && !o->user && !o->password)
        r = known = try_known(c, s, registry);
    if (r >= 0 && !known) {
        r = complete(c, o, &user, &password, user_text, password_text);
        if (r >= 0)
            r = shale_login(s, registry, user, password, &res, &c->e);
    }
    explicit_bzero(password_text, sizeof password_text);
    if (r >= 0 && res && res->file)
        fprintf(stderr,
                "\nWARNING! Your credentials are stored unencrypted in '%s'.\n"
                "Configure a credential helper to remove this warning. See\n"
                "https://docs.docker.com/go/credential-store/\n\n",
                res->file);
    shale_free(res);
    return r < 0 ? r : cli_printf(c, "Login Succeeded\n");
}

const struct cmd cmd_login = {
    .brief = "Authenticate to a registry",
    .usage = "[OPTIONS] [SERVER]",
    .text =
        "Without SERVER, to Docker Hub. The credentials are kept where docker keeps them: in a\n"
        "credential helper where config.json names one, else in config.json.",
    .example = "shale login registry.example.com\n"
               "shale login -u alice --password-stdin registry.example.com:5000 <secret",
    .opts = opts,
    .opts_size = sizeof(struct login_opts),
    .max_args = 1,
    .flags = CMD_ONLINE,
    .run = run,
};

static int run_logout(struct cli *c, const void *opts_, int n, char **args)
{
    const char *registry = n > 0 ? args[0] : "https://index.docker.io/v1/";
    struct shale *s;
    int r = cli_open(c, &s);

    if (r >= 0)
        r = shale_logout(s, n > 0 ? args[0] : NULL, &c->e);
    if (r < 0)
        return r;
    return cli_printf(c, r ? "Removing login credentials for %s\n" : "Not logged in to %s\n",
                      registry);
}

const struct cmd cmd_logout = {
    .brief = "Log out from a registry",
    .usage = "[SERVER]",
    .text = "Without SERVER, from Docker Hub.",
    .example = "shale logout registry.example.com",
    .max_args = 1,
    .run = run_logout,
};
