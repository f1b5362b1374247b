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
    size_t n_cells = 1, n_lines = 1;
    for (size_t i = 0; i < l->text.n; i++) {
        n_cells += l->text.p[i] == '\t' || l->text.p[i] == '\n';
        n_lines += l->text.p[i] == '\n';
    }
    l->cells = mem_array(n_cells, sizeof *l->cells);
    l->lines = mem_array(n_lines + 1, sizeof *l->lines);
    return l->cells && l->lines ? 0 : err_nomem(e);
}

static void split(struct layout *l)
{
    size_t n = 0, from = 0;
    l->lines[0] = 0;
    for (size_t i = 0; i <= l->text.n; i++) {
        bool end = i == l->text.n || l->text.p[i] == '\n';
        bool full = n - l->lines[l->n_lines] >= TABLE_MAX_COLUMNS;
        if (!end && (l->text.p[i] != '\t' || full))
            continue;
        uint32_t width = (uint32_t)uni_count(l->text.p + from, i - from);
        l->cells[n++] = (struct cell){(uint32_t)from, (uint32_t)(i - from), width};
        from = i + 1;
        if (end)
            l->lines[++l->n_lines] = (uint32_t)n;
    }
}

/* ---- printing ---- */

static void print_lines(struct layout *l, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        for (size_t k = 0; k < count_cells(l, i); k++) {
            const struct cell *c = &l->cells[l->lines[i] + k];
            buf_add(l->out, l->text.p + c->at, c->n);
            for (uint32_t w = c->width; k < l->n_widths && w < l->widths[k]; w++)
                buf_addc(l->out, ' ');
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
