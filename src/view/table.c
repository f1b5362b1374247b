/* SPDX-License-Identifier: Apache-2.0 */
#include "view/table.h"

#include "base/cleanup.h"
#include "base/mem.h"
#include "view/uni.h"

struct cell {
    uint32_t at, n; /* bytes of the text */
    uint32_t width;
};
struct layout {
    struct str text;
    struct buf *out;
    struct cell *cells;
    uint32_t *lines; /* first cell of each line, and one past the last */
    size_t n_lines;
    uint32_t widths[TABLE_MAX_COLUMNS];
    size_t n_widths;
};

static size_t count_cells(const struct layout *l, size_t line)
{
    return l->lines[line + 1] - l->lines[line];
}

/* ---- taking the text apart ---- */

static int allocate(struct layout *l, struct shale_err *e)
{
    size_t n_tabs = 0, n_lines = 1;
    for (size_t i = 0; i < l->text.n; i++) {
        n_tabs += l->text.p[i] == '\t';
        n_lines += l->text.p[i] == '\n';
    }
    size_t n_cells = n_tabs + n_lines;
    l->cells = mem_array(n_cells, sizeof *l->cells);
    l->lines = mem_array(n_lines + 1, sizeof *l->lines);
    return l->cells && l->lines ? 0 : err_nomem(e);
}

/* Ends the cell [from, to). */
static void add_cell(struct layout *l, size_t *n, size_t from, size_t to)
{
    uint32_t width = (uint32_t)uni_count(l->text.p + from, to - from);
    l->cells[(*n)++] = (struct cell){(uint32_t)from, (uint32_t)(to - from), width};
}

static void split(struct layout *l)
{
    size_t n = 0, i = 0;
    for (bool more = true; more;) {
        const char *newline = memchr(l->text.p + i, '\n', l->text.n - i);
        size_t end = newline ? (size_t)(newline - l->text.p) : l->text.n;
        size_t first = n;
        l->lines[l->n_lines++] = (uint32_t)n;
        for (const char *tab;
             n - first < TABLE_MAX_COLUMNS && (tab = memchr(l->text.p + i, '\t', end - i));
             i = (size_t)(tab - l->text.p) + 1)
            add_cell(l, &n, i, (size_t)(tab - l->text.p));
        add_cell(l, &n, i, end);
        i = end + 1;
        more = newline != NULL;
    }
    l->lines[l->n_lines] = (uint32_t)n;
}

/* ---- printing ---- */

static void add_blanks(struct buf *b, size_t n)
{
    static const char blanks[] = "                                                                ";
    for (; n >= sizeof blanks; n -= sizeof blanks - 1)
        buf_add(b, blanks, sizeof blanks - 1);
    buf_add(b, blanks, n);
}

static void print_lines(struct layout *l, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        for (size_t k = 0; k < count_cells(l, i); k++) {
            const struct cell *c = &l->cells[l->lines[i] + k];
            buf_add(l->out, l->text.p + c->at, c->n);
            if (k < l->n_widths)
                add_blanks(l->out, l->widths[k] - c->width);
        }
        if (i + 1 < l->n_lines)
            buf_addc(l->out, '\n');
    }
}

/* Lines [from, to) have the columns of l->widths settled. Finds the blocks of lines that have one
 * column more, and settles that. */
static void print_block(struct layout *l, size_t from, size_t to)
{
    size_t column = l->n_widths, printed = from;
    for (size_t i = from; i < to; i++) {
        uint32_t width = TABLE_MIN_WIDTH;
        size_t end = i;
        for (; end < to && column + 1 < count_cells(l, end); end++) {
            uint32_t w = l->cells[l->lines[end] + column].width + TABLE_PADDING;
            width = w > width ? w : width;
        }
        if (end == i)
            continue;
        print_lines(l, printed, i);
        l->widths[l->n_widths++] = width;
        print_block(l, i, end);
        l->n_widths--;
        printed = i = end;
    }
    print_lines(l, printed, to);
}

int table_format(struct str text, struct buf *out, struct shale_err *e)
{
    struct layout l = {.text = text, .out = out};
    if (text.n >= UINT32_MAX)
        return err_set(e, SHALE_LIMIT, "table of %zu bytes is too large", text.n);
    int r = allocate(&l, e);
    if (r == 0) {
        split(&l);
        print_block(&l, 0, l.n_lines);
        r = buf_check(out, e);
    }
    free(l.cells);
    free(l.lines);
    return r;
}
