/* SPDX-License-Identifier: Apache-2.0 */
/* What every command must have, and that help, dispatch and option tables agree. */
#include "cli/cmd.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/str.h"
#include "cli/exit.h"
#include "cli/help.h"

static int check_command(void *arg, const char *path, const struct cmd_name *n)
{
    int *count = arg;
    const struct cmd *c = n->cmd;
    (*count)++;
    assert_non_null(c->brief);
    assert_false(str_has_suffix(c->brief, "."));
    if (c->sub) {
        assert_null(c->run);
        return 0;
    }
    assert_non_null(c->run);
    assert_non_null(c->usage);
    assert_non_null(c->example);
    assert_true(str_has_prefix(c->example, "shale "));
    /* "[OPTIONS]" is there exactly when options are */
    if ((strstr(c->usage, "[OPTIONS]") != NULL) != (opts_count(c->opts) > 0))
        fail_msg("%s: \"[OPTIONS]\" is there exactly when options are", path);
    assert_true(c->max_args < 0 || c->max_args >= c->min_args);
    assert_true(opts_count(c->opts) == 0 || c->opts_size > 0);
    return 0;
}

static void test_commands(void **state)
{
    int count = 0;
    (void)state;
    assert_int_equal(cmd_each(check_command, &count), 0);
    assert_true(count > 40);
}

/* No option twice, every one with help, and its field inside the struct. */
static int check_options(void *arg, const char *path, const struct cmd_name *n)
{
    const struct opt *t = n->cmd->opts;
    for (size_t i = 0; i < opts_count(t); i++) {
        assert_true(t[i].help && *t[i].help);
        assert_true(t[i].offset < n->cmd->opts_size);
        assert_false(streq(t[i].name, "help"));
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(t[i].name, t[k].name);
            assert_true(t[i].shortname == 0 || t[i].shortname != t[k].shortname);
        }
    }
    (void)arg;
    (void)path;
    return 0;
}

static void test_options(void **state)
{
    (void)state;
    assert_int_equal(cmd_each(check_options, NULL), 0);
}

static int check_help(void *arg, const char *path, const struct cmd_name *n)
{
    struct buf b = BUF_INIT(HELP_MAX);
    (void)arg;
    help_command(path, n->cmd, &b);
    assert_int_equal(buf_check(&b, NULL), 0);
    assert_true(str_has_prefix(b.p, "Usage:  shale "));
    assert_non_null(strstr(b.p, n->cmd->brief));
    if (!n->cmd->sub)
        assert_non_null(strstr(b.p, "\nExamples:\n  shale "));
    for (size_t i = 0; i < opts_count(n->cmd->opts); i++) {
        char flag[80];
        snprintf(flag, sizeof flag, "--%s", n->cmd->opts[i].name);
        if (!(n->cmd->opts[i].flags & OPT_HIDDEN))
            assert_non_null(strstr(b.p, flag));
    }
    buf_clear(&b);
    return 0;
}

static void test_help(void **state)
{
    struct buf b = BUF_INIT(HELP_MAX);
    (void)state;
    assert_int_equal(cmd_each(check_help, NULL), 0);
    help_top(&b);
    assert_non_null(strstr(buf_str(&b), "\n  pull        Download an image from a registry\n"));
    assert_null(strstr(b.p, "__cleanup"));
    buf_clear(&b);
}

static void test_names(void **state)
{
    static const struct {
        const char *top, *sub;
        const struct cmd *cmd;
    } rows[] = {
        {"images", NULL, &cmd_images},      {"image", "ls", &cmd_images},
        {"image", "list", &cmd_images},     {"image", "rm", &cmd_rmi},
        {"image", "remove", &cmd_rmi},      {"rmi", NULL, &cmd_rmi},
        {"image", "pull", &cmd_pull},       {"image", "tag", &cmd_tag},
        {"image", "history", &cmd_history}, {"image", "inspect", &cmd_image_inspect},
        {"inspect", NULL, &cmd_inspect},    {"container", "run", &cmd_run},
        {"container", "ls", &cmd_ps},       {"ps", NULL, &cmd_ps},
        {"pulls", "rm", &cmd_pulls_rm},     {"__cleanup", NULL, &cmd_cleanup},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct cmd_name *n = cmd_find(cmd_table, rows[i].top);
        assert_non_null(n);
        if (rows[i].sub)
            n = cmd_find(n->cmd->sub, rows[i].sub);
        assert_non_null(n);
        assert_ptr_equal(n->cmd, rows[i].cmd);
    }
    assert_null(cmd_find(cmd_table, "nope"));
    assert_null(cmd_find(cmd_table, ""));
    struct buf b = BUF_INIT(1000);
    help_names(&cmd_images, &b);
    assert_string_equal(buf_str(&b), "shale images, shale image ls, shale image list");
    buf_clear(&b);
}

static void test_exit_status(void **state)
{
    static const struct {
        int code, plain, run;
    } rows[] = {
        {SHALE_OK, 0, 0},         {SHALE_INVALID, 1, 125},  {SHALE_NOT_FOUND, 1, 127},
        {SHALE_DENIED, 1, 126},   {SHALE_CONFLICT, 1, 125}, {SHALE_CANCELED, 130, 130},
        {SHALE_INTERNAL, 1, 125}, {SHALE_SYSTEM, 1, 125},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        assert_int_equal(exit_status(rows[i].code, false), rows[i].plain);
        assert_int_equal(exit_status(rows[i].code, true), rows[i].run);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),    cmocka_unit_test(test_options),
        cmocka_unit_test(test_help),        cmocka_unit_test(test_names),
        cmocka_unit_test(test_exit_status),
    };
    return cmocka_run_group_tests_name("cli/table", tests, NULL, NULL);
}
