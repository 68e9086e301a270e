/* CSV as it is met: RFC 4180, and what breaks it. Rows end with LF, CRLF, or CR alone where the header does so; quoted cells may hold line
 * ends; the last row needs no line end; a BOM and empty lines are skipped. Text behind a closing quote belongs to the cell ("a"|"b" is
 * a|"b"): public data sets do that, and a reader that waits for a better quote would swallow the lines that follow.
 * Knows neither header nor types: cells come as bytes. */
#include "import/import_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CELLS_MAX 4096 /* a header of more columns than this is no table of ours */

enum where { AT_CELL, IN_PLAIN, IN_QUOTES, AFTER_QUOTE };

struct span {
    size_t at, len; /* in text */
    bool quoted;
};

struct nilo__csv {
    struct nilo__input *in;
    const char *p; /* what is left of the present piece */
    size_t left;
    bool ended;
    int64_t line; /* of the byte at p */
    bool cr_ends; /* CR alone ends a row */
    bool header_seen;

    /* the row being read */
    enum where where;
    bool pending_cr;   /* a CR outside of quotes whose meaning the next byte decides */
    int64_t row_line, quote_line;
    struct nilo_buf raw, text;
    struct span *spans;
    size_t n, cap;
    size_t cell_at; /* start of the cell in text */
    size_t cell_max;
    bool cell_quoted, cell_large, row_large;
    struct nilo__cell *cells;
    size_t cells_cap;
};

int nilo__csv_new(struct nilo__input *in, struct nilo__csv **ret, struct nilo_err *err)
{
    struct nilo__csv *c = calloc(1, sizeof *c);
    if (c == NULL)
        return nilo_err_nomem(err);
    c->in = in;
    c->line = 1;
    c->cell_max = NILO_IMPORT_CELL_MAX;
    nilo_buf_init(&c->raw, NILO_IMPORT_ROW_MAX);
    nilo_buf_init(&c->text, NILO_IMPORT_ROW_MAX + 2 * CELLS_MAX);
    *ret = c;
    return 0;
}

void nilo__csv_free(struct nilo__csv *c)
{
    if (c == NULL)
        return;
    nilo_buf_done(&c->raw);
    nilo_buf_done(&c->text);
    free(c->spans);
    free(c->cells);
    free(c);
}

void nilo__csv_large(struct nilo__csv *c, size_t most)
{
    c->cell_max = most;
    c->raw.max = most;
    c->text.max = most + 2 * CELLS_MAX;
}

/* ---- building a row ------------------------------------------------------------------------------------------------ */

/* Both buffers have a ceiling; reaching it is a fact about the row, running out of memory is an error. */
static int keep(struct nilo__csv *c, struct nilo_buf *b, const char *p, size_t n, struct nilo_err *err)
{
    if (c->row_large)
        return 0;
    if (n > b->max - b->len) {
        c->row_large = true;
        return 0;
    }
    return nilo_buf_add(b, p, n) == 0 ? 0 : nilo_err_nomem(err);
}

static int keep_raw(struct nilo__csv *c, const char *p, size_t n, struct nilo_err *err)
{
    return keep(c, &c->raw, p, n, err);
}

static int keep_text(struct nilo__csv *c, const char *p, size_t n, struct nilo_err *err)
{
    if (c->cell_large || c->text.len - c->cell_at + n > c->cell_max) {
        c->cell_large = true;
        return 0;
    }
    return keep(c, &c->text, p, n, err);
}

static int end_cell(struct nilo__csv *c, struct nilo_err *err)
{
    c->where = AT_CELL;
    if (c->row_large)
        return 0;
    if (c->n == CELLS_MAX) {
        c->row_large = true;
        return 0;
    }
    if (c->n == c->cap) {
        size_t cap = c->cap > 0 ? 2 * c->cap : 32;
        struct span *more = realloc(c->spans, cap * sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        c->spans = more;
        c->cap = cap;
    }
    c->spans[c->n++] = (struct span){.at = c->cell_at, .len = c->text.len - c->cell_at, .quoted = c->cell_quoted};
    c->cell_quoted = false;
    if (keep(c, &c->text, "", 1, err) != 0)
        return -1;
    c->cell_at = c->text.len;
    return 0;
}

static void begin_row(struct nilo__csv *c)
{
    c->where = AT_CELL;
    c->pending_cr = false;
    c->row_line = c->line;
    nilo_buf_reset(&c->raw);
    nilo_buf_reset(&c->text);
    c->n = 0;
    c->cell_at = 0;
    c->cell_quoted = c->cell_large = c->row_large = false;
}

/* The text buffer is at rest now, so pointers into it hold. */
static int give_row(struct nilo__csv *c, struct nilo__row *ret, struct nilo_err *err)
{
    if (end_cell(c, err) != 0)
        return -1;
    if (c->n > c->cells_cap) {
        struct nilo__cell *more = realloc(c->cells, c->cap * sizeof *more);
        if (more == NULL)
            return nilo_err_nomem(err);
        c->cells = more;
        c->cells_cap = c->cap;
    }
    bool whole = !c->row_large && !c->cell_large;
    for (size_t i = 0; whole && i < c->n; i++)
        c->cells[i] = (struct nilo__cell){.p = c->text.data + c->spans[i].at, .len = c->spans[i].len, .there = true, .quoted = c->spans[i].quoted};
    *ret = (struct nilo__row){
        .line = c->row_line,
        .raw = c->row_large ? NULL : nilo_buf_str(&c->raw),
        .raw_len = c->row_large ? 0 : c->raw.len,
        .cells = c->cells,
        .n_cells = whole ? c->n : 0,
        .why = c->row_large ? NILO__ROW_LARGE : c->cell_large ? NILO__CELL_LARGE : NILO__FINE,
    };
    c->header_seen = true;
    return 1;
}

static bool row_empty(const struct nilo__csv *c)
{
    return c->raw.len == 0 && c->n == 0 && c->where == AT_CELL && !c->row_large;
}

/* ---- reading -------------------------------------------------------------------------------------------------------- */

static void advance(struct nilo__csv *c, size_t n)
{
    c->p += n;
    c->left -= n;
}

static int refill(struct nilo__csv *c, struct nilo_err *err)
{
    if (c->left > 0 || c->ended)
        return 0;
    if (nilo__input_read(c->in, &c->p, &c->left, err) != 0)
        return -1;
    c->ended = c->left == 0;
    return 0;
}

/* How many bytes from p on mean nothing special. */
static size_t span_plain(const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] != ',' && p[i] != '\n' && p[i] != '\r')
        i++;
    return i;
}

static size_t span_quoted(const struct nilo__csv *c, const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && p[i] != '"' && p[i] != '\n' && !(p[i] == '\r' && c->cr_ends))
        i++;
    return i;
}

static int keep_both(struct nilo__csv *c, size_t n, struct nilo_err *err)
{
    if (keep_raw(c, c->p, n, err) != 0 || keep_text(c, c->p, n, err) != 0)
        return -1;
    advance(c, n);
    return 0;
}

/* Inside quotes every byte but a quote is content; line ends are counted. */
static int step_quoted(struct nilo__csv *c, struct nilo_err *err)
{
    size_t n = span_quoted(c, c->p, c->left);
    if (n > 0)
        return keep_both(c, n, err);
    if (*c->p == '"') {
        c->where = AFTER_QUOTE;
        if (keep_raw(c, c->p, 1, err) != 0)
            return -1;
        advance(c, 1);
        return 0;
    }
    c->line++;
    return keep_both(c, 1, err);
}

/* A CR was seen outside of quotes; the byte at p tells what it was. 1 the row is over, 0 it was content */
static int settle_cr(struct nilo__csv *c, struct nilo_err *err)
{
    c->pending_cr = false;
    if (*c->p == '\n') {
        advance(c, 1);
        c->line++;
        return 1;
    }
    if (!c->header_seen)
        c->cr_ends = true;
    if (c->cr_ends) {
        c->line++;
        return 1;
    }
    c->where = IN_PLAIN;
    return keep_raw(c, "\r", 1, err) != 0 || keep_text(c, "\r", 1, err) != 0 ? -1 : 0;
}

/* Outside of quotes. 1 the row is over */
static int step_plain(struct nilo__csv *c, struct nilo_err *err)
{
    if (*c->p == '"' && c->where != IN_PLAIN) {
        bool doubled = c->where == AFTER_QUOTE;
        if (keep_raw(c, c->p, 1, err) != 0 || (doubled && keep_text(c, c->p, 1, err) != 0))
            return -1;
        if (!doubled)
            c->quote_line = c->line;
        c->where = IN_QUOTES;
        c->cell_quoted = true;
        advance(c, 1);
        return 0;
    }
    switch (*c->p) {
    case ',':
        if (keep_raw(c, c->p, 1, err) != 0 || end_cell(c, err) != 0)
            return -1;
        advance(c, 1);
        return 0;
    case '\n':
        advance(c, 1);
        c->line++;
        return 1;
    case '\r':
        c->pending_cr = true;
        advance(c, 1);
        return 0;
    default:
        c->where = IN_PLAIN;
        return keep_both(c, span_plain(c->p, c->left), err);
    }
}

/* 1 the row is over, 0 go on */
static int step(struct nilo__csv *c, struct nilo_err *err)
{
    if (c->pending_cr)
        return settle_cr(c, err);
    if (c->where == IN_QUOTES)
        return step_quoted(c, err);
    return step_plain(c, err);
}

static int at_end(struct nilo__csv *c, struct nilo__row *ret, struct nilo_err *err)
{
    if (c->where == IN_QUOTES)
        return nilo_err_set(err, NILO_ECORRUPT,
                            "%s:%" PRId64 ": the quoted cell that begins here never ends: a quote is missing, or the file is cut off",
                            nilo__input_name(c->in), c->quote_line);
    return row_empty(c) ? 0 : give_row(c, ret, err);
}

int nilo__csv_next(struct nilo__csv *c, struct nilo__row *ret, struct nilo_err *err)
{
    begin_row(c);
    for (;;) {
        if (refill(c, err) != 0)
            return -1;
        if (c->ended)
            return at_end(c, ret, err);
        int rc = step(c, err);
        if (rc < 0)
            return -1;
        if (rc == 0)
            continue;
        if (!row_empty(c))
            return give_row(c, ret, err);
        begin_row(c);
    }
}

/* The writer (query/out.c) marks what is any number of ' and then one of these. */
void nilo__csv_unmark(struct nilo__cell *cell)
{
    size_t quotes = 0;
    while (quotes < cell->len && cell->p[quotes] == '\'')
        quotes++;
    static const char first[] = "=+-@\t\r";
    if (quotes == 0 || quotes == cell->len || memchr(first, cell->p[quotes], sizeof first - 1) == NULL)
        return;
    cell->p++;
    cell->len--;
}
