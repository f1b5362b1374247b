/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <shale/stats.h>
#include <signal.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "base/sys.h"
#include "base/time.h"
#include "cli/cli.h"
#include "view/list.h"
#include "view/stats.h"

#define ONCE_NS (NS_PER_S / 2) /* between the two looks that one figure of the processor takes */

struct stats_opts {
    bool all, no_stream, no_trunc;
    const char *format;
};

#define O(field) offsetof(struct stats_opts, field)
static const struct opt opts[] = {
    {'a', "all", OPT_BOOL, O(all), NULL, "Show all containers (default shows just running)"},
    {0, "format", OPT_STR, O(format), NULL, CMD_FORMAT_HELP},
    {0, "no-stream", OPT_BOOL, O(no_stream), NULL,
     "Disable streaming stats and only pull the first result"},
    {0, "no-trunc", OPT_BOOL, O(no_trunc), NULL, "Do not truncate output"},
    {0},
};
#undef O

struct printer {
    struct cli *c;
    struct stats_view view;
    bool in_place; /* each sample over the one before */
    struct buf text, out;
};

/* The same lines again: the rest of each, and what is below, is wiped. */
static void lay_over(struct printer *p)
{
    struct str rest = {buf_str(&p->text), p->text.n}, line;

    buf_adds(&p->out, "\033[H");
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        buf_add(&p->out, line.p, line.n);
        buf_adds(&p->out, "\033[K\n");
    }
    buf_adds(&p->out, "\033[J");
}

static int on_sample(void *arg, const struct shale_stats *v, size_t n)
{
    struct printer *p = arg;

    buf_reset(&p->text);
    buf_reset(&p->out);
    int r = stats_print(v, n, &p->view, &p->text, &p->c->e);
    if (r < 0)
        return r;
    if (p->in_place)
        lay_over(p);
    else
        buf_add(&p->out, p->text.p, p->text.n);
    r = buf_check(&p->out, &p->c->e);
    if (r < 0 || p->out.n == 0 || sys_write_all(STDOUT_FILENO, p->out.p, p->out.n) == 0)
        return r;
    if (errno == EPIPE)
        _exit(128 + SIGPIPE);
    return err_sys(&p->c->e, "write standard output");
}

static int run(struct cli *c, const void *opts_, int n, char **args)
{
    const struct stats_opts *o = opts_;
    struct printer p = {
        .c = c,
        .view = {.format = o->format, .no_trunc = o->no_trunc, .printable = cli_is_terminal()},
        .text = BUF_INIT(CLI_MAX_OUTPUT),
        .out = BUF_INIT(CLI_MAX_OUTPUT),
    };
    const struct shale_stats_opts q = {
        .size = sizeof q,
        .containers = (const char *const *)args,
        .all = o->all,
        .once = o->no_stream,
        .interval_ns = o->no_stream ? ONCE_NS : 0,
        .on_sample = on_sample,
        .arg = &p,
    };
    struct shale *s;
    int r = cli_open(c, &s);

    if (r < 0)
        return r;
    if (!p.view.format)
        p.view.format = cli_docker_setting(c, "statsFormat");
    p.in_place = !o->no_stream && cli_is_terminal() &&
                 (!p.view.format || !*p.view.format || list_is_table(p.view.format));
    r = stats_print(NULL, 0, &p.view, &p.text, &c->e); /* mistakes in a template at once */
    if (r >= 0)
        r = shale_stats(s, &q, &c->e);
    buf_clear(&p.text);
    buf_clear(&p.out);
    return r;
}

const struct cmd cmd_stats = {
    .brief = "Display a live stream of container(s) resource usage statistics",
    .usage = "[OPTIONS] [CONTAINER...]",
    .text =
        "Without names, all containers that run. The figures are those of the kernel's control\n"
        "groups, of either version; \"--\" stands where a container runs without them. CPU is in\n"
        "percent of one processor. Memory is without files that the kernel may drop at any time.",
    .example = "shale stats\n"
               "shale stats --no-stream web db\n"
               "shale stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}}'",
    .opts = opts,
    .opts_size = sizeof(struct stats_opts),
    .max_args = -1,
    .run = run,
};
