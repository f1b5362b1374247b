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
    size_t n_cells, cap_cells, n_lines, cap_lines;
    uint32_t widths[TABLE_MAX_COLUMNS];
    size_t n_widths;
};

static size_t count_cells(const struct layout *l, size_t line)
{
    return l->lines[line + 1] - l->lines[line];
}

/* ---- taking the text apart ---- */

static bool grow(void **v, size_t *cap, size_t n, size_t size)
{
    if (n < *cap)
        return true;
    size_t more = *cap ? *cap * 2 : 256;
    void *p = mem_resize(*v, more * size);
    if (!p)
        return false;
    *v = p;
    *cap = more;
    return true;
}

/* Ends the cell [from, to). */
static bool add_cell(struct layout *l, size_t from, size_t to)
{
    uint32_t width = (uint32_t)uni_count(l->text.p + from, to - from);
    if (!grow((void **)&l->cells, &l->cap_cells, l->n_cells, sizeof *l->cells))
        return false;
    l->cells[l->n_cells++] = (struct cell){(uint32_t)from, (uint32_t)(to - from), width};
    return true;
}

static bool begin_line(struct layout *l)
{
    if (!grow((void **)&l->lines, &l->cap_lines, l->n_lines, sizeof *l->lines))
        return false;
    l->lines[l->n_lines] = (uint32_t)l->n_cells;
    return true;
}

static bool split(struct layout *l)
{
    size_t i = 0;
    for (bool more = true; more;) {
        const char *newline = memchr(l->text.p + i, '\n', l->text.n - i);
        size_t end = newline ? (size_t)(newline - l->text.p) : l->text.n;
        size_t first = l->n_cells;
        if (!begin_line(l))
            return false;
        l->n_lines++;
        for (const char *tab;
             l->n_cells - first < TABLE_MAX_COLUMNS && (tab = memchr(l->text.p + i, '\t', end - i));
             i = (size_t)(tab - l->text.p) + 1)
            if (!add_cell(l, i, (size_t)(tab - l->text.p)))
                return false;
        if (!add_cell(l, i, end))
            return false;
        i = end + 1;
        more = newline != NULL;
    }
    return begin_line(l);
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
    int r = split(&l) ? 0 : err_nomem(e);
    if (r == 0) {
        print_block(&l, 0, l.n_lines);
        r = buf_check(out, e);
    }
    free(l.cells);
    free(l.lines);
    return r;
}
