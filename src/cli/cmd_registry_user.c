/* SPDX-License-Identifier: Apache-2.0 */
/* shale registry user …, config, keygen: what belongs to a registry and needs no running one. */
#include <shale/registry_admin.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "cli/cli.h"

#define PASSWORD_BYTES 1024

struct user_opts {
    const char *config, *file;
    int64_t cost;
    bool password_stdin;
};

#define O(field) offsetof(struct user_opts, field)
#define FILE_OPTS                                                                                  \
    {0,       "config",                                                                            \
     OPT_STR, O(config),                                                                           \
     NULL,    "Config of the registry, which names the password file",                             \
     0,       "/etc/shale/registry.conf"},                                                         \
    {                                                                                              \
        0, "file", OPT_STR, O(file), NULL, "Password file, instead of the config's"                \
    }
#define PASSWORD_OPT                                                                               \
    {                                                                                              \
        0, "password-stdin", OPT_BOOL, O(password_stdin), NULL, "Take the password from stdin"     \
    }

static const struct opt put_table[] = {
    FILE_OPTS,
    {0, "cost", OPT_INT, O(cost), NULL, "Cost of bcrypt, 4 to 16", 0, "10"},
    PASSWORD_OPT,
    {0},
};
static const struct opt file_table[] = {FILE_OPTS, {0}};

/* ---- passwords ---- */

/* One line of standard input without its end. */
static int read_line(struct cli *c, char ret[PASSWORD_BYTES])
{
    if (!fgets(ret, PASSWORD_BYTES, stdin))
        return err_set(&c->e, SHALE_INVALID, "no password");
    size_t n = strcspn(ret, "\r\n");
    if (n == PASSWORD_BYTES - 1)
        return err_set(&c->e, SHALE_INVALID, "a password of more than %d bytes", PASSWORD_BYTES);
    ret[n] = 0;
    return 0;
}

static int ask(struct cli *c, const char *what, char ret[PASSWORD_BYTES])
{
    struct termios old, quiet;

    if (tcgetattr(STDIN_FILENO, &old) < 0)
        return err_set(&c->e, SHALE_INVALID,
                       "cannot ask for a password: standard input is no terminal; use "
                       "--password-stdin");
    quiet = old;
    quiet.c_lflag &= ~(tcflag_t)ECHO;
    fprintf(stderr, "%s: ", what);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &quiet);
    int r = read_line(c, ret);
    tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
    fputc('\n', stderr);
    return r;
}

static int get_password(struct cli *c, const struct user_opts *o, char ret[PASSWORD_BYTES])
{
    char again[PASSWORD_BYTES];

    if (o->password_stdin)
        return read_line(c, ret);
    int r = ask(c, "Password", ret);
    if (r == 0)
        r = ask(c, "Again", again);
    if (r == 0 && !streq(ret, again))
        r = err_set(&c->e, SHALE_INVALID, "the passwords differ; nothing is changed");
    explicit_bzero(again, sizeof again);
    return r;
}

/* ---- the file ---- */

static void shale_freep(char **p)
{
    shale_free(*p);
}

static int find_file(struct cli *c, const struct user_opts *o, char **ret_owned, const char **ret)
{
    *ret = o->file;
    if (o->file)
        return 0;
    int r = shale_registry_users_file(o->config, ret_owned, &c->e);
    *ret = *ret_owned;
    return r == -SHALE_NOT_FOUND
               ? err_wrap(&c->e, r, "which password file? Give --file, or --config")
               : r;
}

static int put(struct cli *c, const struct user_opts *o, const char *user, bool replace)
{
    _cleanup_(shale_freep) char *owned = NULL;
    char password[PASSWORD_BYTES] = "";
    const char *file;

    if (o->cost < 0 || o->cost > 99)
        return err_set(&c->e, SHALE_INVALID, "a bcrypt cost is from 4 to 16");
    int r = find_file(c, o, &owned, &file);
    if (r == 0)
        r = get_password(c, o, password);
    if (r == 0)
        r = shale_registry_user_put(file, user, password, (unsigned)o->cost, replace, &c->e);
    explicit_bzero(password, sizeof password);
    return r;
}

static int add(struct cli *c, const void *opts, int n, char **args)
{
    return put(c, opts, args[0], false);
}

static int passwd(struct cli *c, const void *opts, int n, char **args)
{
    return put(c, opts, args[0], true);
}

static int remove_user(struct cli *c, const void *opts, int n, char **args)
{
    _cleanup_(shale_freep) char *owned = NULL;
    const char *file;

    int r = find_file(c, opts, &owned, &file);
    for (int i = 0; r == 0 && i < n; i++)
        r = shale_registry_user_remove(file, args[i], &c->e);
    return r;
}

static int print_user(void *arg, const char *user)
{
    buf_addf(arg, "%s\n", user);
    return 0;
}

static int list(struct cli *c, const void *opts, int n, char **args)
{
    _cleanup_(buf_clear) struct buf b = BUF_INIT(CLI_MAX_OUTPUT);
    _cleanup_(shale_freep) char *owned = NULL;
    const char *file;

    int r = find_file(c, opts, &owned, &file);
    if (r == 0)
        r = shale_registry_users(file, print_user, &b, &c->e);
    return r < 0 ? r : cli_print(c, &b);
}

static const struct cmd cmd_add = {
    .brief = "Add a user",
    .usage = "[OPTIONS] USER",
    .text = "Asks for the password twice, or takes a line of standard input. The password file is\n"
            "made when it is missing; a running registry sees the change within a second.",
    .example = "shale registry user add alice\n"
               "pwgen 20 1 | shale registry user add --file users --password-stdin ci",
    .opts = put_table,
    .opts_size = sizeof(struct user_opts),
    .min_args = 1,
    .max_args = 1,
    .run = add,
};
static const struct cmd cmd_passwd = {
    .brief = "Give a user a new password",
    .usage = "[OPTIONS] USER",
    .text = "Logins that were kept as a token (docker login) end.",
    .example = "shale registry user passwd alice",
    .opts = put_table,
    .opts_size = sizeof(struct user_opts),
    .min_args = 1,
    .max_args = 1,
    .run = passwd,
};
static const struct cmd cmd_rm_user = {
    .brief = "Remove users",
    .usage = "[OPTIONS] USER [USER...]",
    .example = "shale registry user rm alice bob",
    .opts = file_table,
    .opts_size = sizeof(struct user_opts),
    .min_args = 1,
    .max_args = -1,
    .run = remove_user,
};
static const struct cmd cmd_ls_user = {
    .brief = "List users",
    .usage = "[OPTIONS]",
    .example = "shale registry user ls",
    .opts = file_table,
    .opts_size = sizeof(struct user_opts),
    .run = list,
};
static const struct cmd_name user_table[] = {
    {"add", NULL, CMD_OTHER, &cmd_add},
    {"ls", "list", CMD_OTHER, &cmd_ls_user},
    {"passwd", NULL, CMD_OTHER, &cmd_passwd},
    {"rm", "remove", CMD_OTHER, &cmd_rm_user},
    {NULL},
};
const struct cmd cmd_registry_user = {
    .brief = "Manage users of a registry", .max_args = -1, .sub = user_table};

/* ---- config, keygen ---- */

struct config_opts {
    bool example;
};
static const struct opt config_table[] = {
    {0, "example", OPT_BOOL, offsetof(struct config_opts, example), NULL,
     "Print a file in which everything is explained"},
    {0},
};

static int config(struct cli *c, const void *opts_, int n, char **args)
{
    const struct config_opts *o = opts_;
    _cleanup_(shale_freep) char *text = NULL;
    _cleanup_(buf_clear) struct buf b = BUF_INIT(CLI_MAX_OUTPUT);

    if (!o->example)
        return shale_registry_config_check(n ? args[0] : NULL, &c->e);
    int r = shale_registry_config_example(&text, &c->e);
    if (r < 0)
        return r;
    buf_adds(&b, text);
    return cli_print(c, &b);
}

const struct cmd cmd_registry_config = {
    .brief = "Check the config file of a registry",
    .usage = "[OPTIONS] [FILE]",
    .text = "Says nothing when the file (/etc/shale/registry.conf) has no mistake.",
    .example = "shale registry config --example >registry.conf\n"
               "shale registry config registry.conf",
    .opts = config_table,
    .opts_size = sizeof(struct config_opts),
    .max_args = 1,
    .run = config,
};

static int keygen(struct cli *c, const void *opts, int n, char **args)
{
    return shale_registry_key_create(args[0], &c->e);
}

const struct cmd cmd_registry_keygen = {
    .brief = "Make a key for the token service of a registry",
    .usage = "FILE",
    .text = "A P-256 key in PEM, for token_key in the config file.",
    .example = "shale registry keygen /var/lib/shale-registry/token.pem",
    .min_args = 1,
    .max_args = 1,
    .run = keygen,
};
