/* Answers as tables for a terminal: columns as wide as the widest cell of the first rows, numbers to the right. Control characters
 * become blanks, so that no stored text moves the cursor. Of an answer that was seen whole, metrics that nobody named and that have no
 * value are left out, and the last line says so. */
#include <stdlib.h>
#include <string.h>

#include "query/out_priv.h"

#define LOOK_ROWS  1000              /* rows that decide the widths */
#define LOOK_BYTES ((size_t)4 << 20) /* or so many bytes of them */

struct nilo__layout {
    struct nilo_buf cells; /* texts of the first rows, each with a NUL behind it */
    size_t *width;
    bool *empty;  /* columns that are not shown */
    size_t n_empty;
    int64_t held;
    bool begun; /* widths stand, the heading is written */
};

/* ---- width ------------------------------------------------------------------------------------------------------------------------- */

static uint32_t next_char(const char **at)
{
    const unsigned char *s = (const unsigned char *)*at;
    int n = s[0] < 0x80 ? 1 : s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc0 ? 2 : 1;
    uint32_t c = n == 1 ? s[0] : s[0] & (0xff >> (n + 1));
    int i = 1;
    for (; i < n && (s[i] & 0xc0) == 0x80; i++)
        c = (c << 6) | (s[i] & 0x3f);
    *at += i;
    return c;
}

static bool within(uint32_t c, const uint32_t (*ranges)[2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

/* Columns on a terminal: none for marks that combine, two for wide East Asian characters and pictures. */
static size_t char_width(uint32_t c)
{
    static const uint32_t none[][2] = {{0x300, 0x36f},   {0x200b, 0x200f}, {0x20d0, 0x20ff},
                                       {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f}, {0x1f3fb, 0x1f3ff}};
    static const uint32_t two[][2] = {{0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0xa4cf},   {0xac00, 0xd7a3},
                                      {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                                      {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
    if (c < 0x300)
        return 1;
    if (within(c, none, sizeof none / sizeof none[0]))
        return 0;
    return within(c, two, sizeof two / sizeof two[0]) ? 2 : 1;
}

static size_t text_width(const char *s)
{
    size_t n = 0;
    while (*s)
        n += char_width(next_char(&s));
    return n;
}

/* ---- lines -------------------------------------------------------------------------------------------------------------------------- */

static void put_blanks(struct nilo_buf *b, size_t n)
{
    while (n-- > 0)
        nilo_buf_addc(b, ' ');
}

static bool last_shown(const struct nilo_writer *w, size_t i)
{
    while (++i < w->head.n)
        if (!w->layout->empty[i])
            return false;
    return true;
}

static void put_line(struct nilo_writer *w, const char *(*cell)(void *ctx, size_t i), void *ctx, bool heading)
{
    struct nilo_buf *b = &w->buf;
    bool first = true;
    for (size_t i = 0; i < w->head.n; i++) {
        const char *text = cell(ctx, i);
        if (w->layout->empty[i])
            continue;
        size_t width = text_width(text), room = w->layout->width[i] > width ? w->layout->width[i] - width : 0;
        bool right = !heading && (w->head.columns[i].type == NILO_T_INT || w->head.columns[i].type == NILO_T_DECIMAL);
        nilo_buf_adds(b, first ? "" : " | ");
        first = false;
        put_blanks(b, right ? room : 0);
        nilo_buf_adds(b, text);
        put_blanks(b, right || last_shown(w, i) ? 0 : room);
    }
    nilo_buf_addc(b, '\n');
}

static const char *heading(void *ctx, size_t i)
{
    return ((struct nilo_writer *)ctx)->head.columns[i].name;
}

/* Cells stand one behind the other: asked for in order. */
static const char *next_cell(void *ctx, size_t i)
{
    const char **at = ctx, *text = *at;
    (void)i;
    *at += strlen(text) + 1;
    return text;
}

static int begin(struct nilo_writer *w, struct nilo_err *err)
{
    struct nilo__layout *l = w->layout;
    l->begun = true;
    put_line(w, heading, w, true);
    bool first = true;
    for (size_t i = 0; i < w->head.n; i++) {
        if (l->empty[i])
            continue;
        nilo_buf_adds(&w->buf, first ? "" : "-+-");
        first = false;
        for (size_t k = 0; k < l->width[i]; k++)
            nilo_buf_addc(&w->buf, '-');
    }
    nilo_buf_addc(&w->buf, '\n');
    const char *at = nilo_buf_str(&l->cells);
    for (int64_t row = 0; row < l->held; row++) {
        put_line(w, next_cell, &at, false);
        if (nilo__writer_flush(w, 64 << 10, err) < 0)
            return -1;
    }
    l->held = 0;
    nilo_buf_reset(&l->cells);
    return 0;
}

/* Nothing was written yet and all rows are at hand. */
static void leave_out_empty(struct nilo_writer *w)
{
    struct nilo__layout *l = w->layout;
    for (size_t i = 0; i < w->head.n; i++)
        l->n_empty += l->empty[i] = w->head.columns[i].implied;
    const char *at = nilo_buf_str(&l->cells);
    for (int64_t row = 0; row < l->held; row++)
        for (size_t i = 0; i < w->head.n; i++)
            if (next_cell(&at, i)[0] != '\0' && l->empty[i]) {
                l->empty[i] = false;
                l->n_empty--;
            }
}

/* ---- the writer's side ------------------------------------------------------------------------------------------------------------ */

int nilo__table_head(struct nilo_writer *w, struct nilo_err *err)
{
    w->layout = calloc(1, sizeof *w->layout);
    if (!w->layout || !(w->layout->width = calloc(w->head.n, sizeof *w->layout->width)) ||
        !(w->layout->empty = calloc(w->head.n, sizeof *w->layout->empty)))
        return nilo_err_nomem(err);
    nilo_buf_init(&w->layout->cells, (size_t)128 << 20);
    for (size_t i = 0; i < w->head.n; i++)
        w->layout->width[i] = text_width(w->head.columns[i].name);
    return 0;
}

static void add_clean(struct nilo_buf *b, const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c == 0xc2 && i + 1 < len && (unsigned char)p[i + 1] < 0xa0) { /* C1 controls */
            nilo_buf_addc(b, ' ');
            i++;
        } else {
            nilo_buf_addc(b, c < 0x20 || c == 0x7f ? ' ' : (char)c);
        }
    }
    nilo_buf_addc(b, '\0');
}

int nilo__table_row(struct nilo_writer *w, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct nilo__layout *l = w->layout;
    size_t from = l->cells.len;
    for (size_t i = 0; i < w->head.n; i++) {
        char spelled[NILO_DATUM_MAX];
        size_t len;
        const char *p = nilo_datum_text(&cells[i], spelled, &len);
        add_clean(&l->cells, p, len);
    }
    if (l->cells.failed)
        return nilo_err_nomem(err);
    const char *at = l->cells.data + from;
    if (l->begun) {
        put_line(w, next_cell, &at, false);
        nilo_buf_reset(&l->cells);
        return nilo__writer_flush(w, 64 << 10, err);
    }
    for (size_t i = 0; i < w->head.n; i++) {
        size_t width = text_width(next_cell(&at, i));
        if (width > l->width[i])
            l->width[i] = width;
    }
    l->held++;
    return l->held == LOOK_ROWS || l->cells.len > LOOK_BYTES ? begin(w, err) : 0;
}

int nilo__table_end(struct nilo_writer *w, struct nilo_err *err)
{
    struct nilo__layout *l = w->layout;
    if (!l->begun) {
        leave_out_empty(w);
        if (begin(w, err) < 0)
            return -1;
    }
    nilo_buf_addf(&w->buf, "(%lld row%s", (long long)w->rows, w->rows == 1 ? "" : "s");
    if (l->n_empty > 0)
        nilo_buf_addf(&w->buf, "; left out: %zu metric%s without a value", l->n_empty, l->n_empty == 1 ? "" : "s");
    nilo_buf_adds(&w->buf, ")\n");
    return 0;
}

void nilo__table_free(struct nilo_writer *w)
{
    if (!w->layout)
        return;
    nilo_buf_done(&w->layout->cells);
    free(w->layout->width);
    free(w->layout->empty);
    free(w->layout);
}
