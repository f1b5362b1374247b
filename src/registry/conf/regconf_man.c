/* SPDX-License-Identifier: Apache-2.0 */
/* The manual page and the example of the config file, from its table. */
#include "base/str.h"
#include "registry/conf/regconf_priv.h"

/* Text as troff takes it. */
static void add_text(struct buf *b, const char *text)
{
    for (const char *c = text; *c; c++) {
        if ((*c == '.' || *c == '\'') && (c == text || c[-1] == '\n'))
            buf_adds(b, "\\&");
        if (*c == '\\')
            buf_adds(b, "\\e");
        else if (*c == '-')
            buf_adds(b, "\\-");
        else
            buf_addc(b, *c);
    }
}

static void add_header(struct buf *b, const struct regconf_section *s)
{
    buf_addf(b, s->arg ? "[%s \"%s\"]" : "[%s]", s->name, s->arg);
}

static void man_key(struct buf *b, const struct regconf_key *k)
{
    struct buf takes = BUF_INIT(1024);

    buf_addf(b, ".TP\n.B %s\n", k->name);
    regconf_takes(k, &takes);
    buf_adds(b, "Takes ");
    add_text(b, buf_str(&takes));
    buf_clear(&takes);
    if (k->def) {
        buf_adds(b, "; default ");
        add_text(b, k->def);
    }
    buf_adds(b, ".\n.br\n");
    buf_addc(b, (char)(k->help[0] >= 'a' && k->help[0] <= 'z' ? k->help[0] - 32 : k->help[0]));
    add_text(b, k->help + 1);
    buf_addc(b, '\n');
}

void regconf_man(struct buf *b)
{
    buf_adds(b,
             ".TH registry.conf 5 \"\" shale shale\n.SH NAME\nregistry.conf \\- configuration of "
             "shale registry serve\n.SH DESCRIPTION\n");
    add_text(b,
             "The registry reads " REGCONF_FILE " when it is there, or the file of --config.\n"
             "The file has sections, and lines \"key = value\" in them. Lines that begin with # or "
             "; are comments, and so is what follows a # after a blank. Values may stand in double "
             "quotes, with \\\" and \\\\ inside; then # and blanks at their ends belong to them. "
             "Relative paths are relative to the folder of the file. Nothing unknown is accepted, "
             "and every mistake is told with its line. SIGHUP reads the file again; one with a "
             "mistake changes nothing.\n");
    for (const struct regconf_section *s = regconf_sections; s->name; s++) {
        buf_adds(b, ".SH ");
        add_header(b, s);
        buf_addc(b, '\n');
        add_text(b, s->help);
        buf_addc(b, '\n');
        for (const struct regconf_key *k = s->keys; k->name; k++)
            man_key(b, k);
    }
    buf_adds(b, ".SH \"SEE ALSO\"\n.BR shale\\-registry (1)\n");
}

/* Words of a text in lines that begin with "# ". */
static void add_comment(struct buf *b, const char *text)
{
    size_t column = 0;

    for (const char *c = text; *c; c++) {
        if (column == 0) {
            buf_adds(b, "# ");
            column = 2;
        }
        size_t word = 0;
        while (c[1 + word] && c[1 + word] != ' ')
            word++;
        if (*c == ' ' && column + word >= 98) {
            buf_addc(b, '\n');
            column = 0;
            continue;
        }
        buf_addc(b, *c);
        column++;
    }
    buf_addc(b, '\n');
}

void regconf_example(struct buf *b)
{
    add_comment(b, "Configuration of shale registry serve: see registry.conf(5). What is commented "
                   "out shows the default where there is one.");
    for (const struct regconf_section *s = regconf_sections; s->name; s++) {
        buf_addc(b, '\n');
        add_comment(b, s->help);
        buf_addc(b, '#');
        add_header(b, s);
        buf_addc(b, '\n');
        for (const struct regconf_key *k = s->keys; k->name; k++) {
            add_comment(b, k->help);
            buf_addf(b, "#%s = %s\n", k->name, k->def ? k->def : "");
        }
    }
}
