/* Spelling answers: JSON array, object, CSV and NDJSON. Tables for people are laid out in out_table.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/digits.h"
#include "query/out_priv.h"

#define PIECE     ((size_t)64 << 10)
#define PIECE_MAX ((size_t)128 << 20) /* one row may be large; more is no row */

static const char *const names[] = {
#define X(id, name, mime) name,
    NILO_FORMAT_ROWS(X)
#undef X
};
static const char *const mimes[] = {
#define X(id, name, mime) mime,
    NILO_FORMAT_ROWS(X)
#undef X
};
const char *nilo_format_name(enum nilo_format f)
{
    return names[f];
}
const char *nilo_format_mime(enum nilo_format f)
{
    return mimes[f];
}
int nilo_format_value(const char *name)
{
    for (int i = 0; i < NILO_FORMAT_N; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

int nilo__writer_flush(struct nilo_writer *w, size_t least, struct nilo_err *err)
{
    if (w->buf.failed)
        return nilo_err_set(err, NILO_ENOMEM, "a row of the answer is too large");
    if (w->buf.len < least || w->buf.len == 0)
        return 0;
    int rc = w->write(w->write_ctx, w->buf.data, w->buf.len, err);
    nilo_buf_reset(&w->buf);
    return rc;
}

/* ---- JSON ---------------------------------------------------------------------------------------------------------------------- */

static void put_json_value(struct nilo_json_out *o, const struct nilo_datum *d)
{
    char spelled[NILO_DATUM_MAX];
    size_t len;
    const char *p = nilo_datum_text(d, spelled, &len);
    if (d->null)
        nilo_json_null(o);
    else if (d->type == NILO_T_INT || d->type == NILO_T_DECIMAL || d->type == NILO_T_BOOL || d->type == NILO_T_JSON)
        nilo_json_text(o, p, len);
    else
        nilo_json_strn(o, p, len);
}

static void put_json_row(struct nilo_writer *w, const struct nilo_datum *cells)
{
    struct nilo_json_out o;
    nilo_json_out_init(&o, &w->buf);
    nilo_json_object_begin(&o);
    for (size_t i = 0; i < w->head.n; i++) {
        if (w->strip && cells[i].null)
            continue;
        nilo_json_key(&o, w->head.columns[i].name);
        put_json_value(&o, &cells[i]);
    }
    nilo_json_object_end(&o);
}

/* ---- CSV ------------------------------------------------------------------------------------------------------------------------ */

/* What a spreadsheet would take for a formula; and what would look as if we had marked it, so that an import can take exactly one ' away. */
static bool formula(const char *p, size_t len)
{
    static const char first[] = "=+-@\t\r";
    size_t quotes = 0;
    while (quotes < len && p[quotes] == '\'')
        quotes++;
    return quotes < len && memchr(first, p[quotes], sizeof first - 1) != NULL;
}

static void put_csv_cell(struct nilo_buf *b, const char *p, size_t len, bool text)
{
    bool mark = text && formula(p, len), quote = text && len == 0;
    for (size_t i = 0; i < len && !quote; i++)
        quote = p[i] == ',' || p[i] == '"' || p[i] == '\n' || p[i] == '\r' ||
                ((i == 0 || i + 1 == len) && (p[i] == ' ' || p[i] == '\t'));
    if (quote)
        nilo_buf_addc(b, '"');
    if (mark)
        nilo_buf_addc(b, '\'');
    for (size_t i = 0; i < len; i++) {
        if (p[i] == '"')
            nilo_buf_addc(b, '"');
        nilo_buf_addc(b, p[i]);
    }
    if (quote)
        nilo_buf_addc(b, '"');
}

static void put_csv_head(struct nilo_writer *w)
{
    for (size_t i = 0; i < w->head.n; i++) {
        nilo_buf_adds(&w->buf, i ? "," : "");
        put_csv_cell(&w->buf, w->head.columns[i].name, strlen(w->head.columns[i].name), true);
    }
    nilo_buf_addc(&w->buf, '\n');
}

static void put_csv_row(struct nilo_writer *w, const struct nilo_datum *cells)
{
    for (size_t i = 0; i < w->head.n; i++) {
        char spelled[NILO_DATUM_MAX];
        size_t len;
        const char *p = nilo_datum_text(&cells[i], spelled, &len);
        nilo_buf_adds(&w->buf, i ? "," : "");
        if (!cells[i].null)
            put_csv_cell(&w->buf, p, len, cells[i].type == NILO_T_TEXT || cells[i].type == NILO_T_UUID);
    }
    nilo_buf_addc(&w->buf, '\n');
}

/* ---- the sink --------------------------------------------------------------------------------------------------------------------- */

static bool one_object(const struct nilo_writer *w)
{
    return w->format == NILO_FORMAT_OBJECT || (w->format == NILO_FORMAT_JSON && w->head.one);
}

static int not_one(struct nilo_err *err, const char *how_many)
{
    return nilo_err_set(err, NILO_EONE, "Cannot coerce the result to a single JSON object: the result contains %s",
                        how_many);
}

static int take_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    struct nilo_writer *w = ctx;
    w->head = *head;
    w->begun = true;
    if (w->format == NILO_FORMAT_CSV)
        put_csv_head(w);
    if (w->format == NILO_FORMAT_JSON && !head->one)
        nilo_buf_addc(&w->buf, '[');
    return w->format == NILO_FORMAT_TABLE ? nilo__table_head(w, err) : 0;
}

static int take_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct nilo_writer *w = ctx;
    w->rows++;
    if (one_object(w)) {
        if (w->rows > 1)
            return not_one(err, "more than one row");
        put_json_row(w, cells);
        return w->buf.failed ? nilo__writer_flush(w, SIZE_MAX, err)
                             : 0; /* written at the end, when it is known to be the only one */
    }
    switch (w->format) {
    case NILO_FORMAT_TABLE:
        return nilo__table_row(w, cells, err);
    case NILO_FORMAT_CSV:
        put_csv_row(w, cells);
        break;
    case NILO_FORMAT_NDJSON:
        put_json_row(w, cells);
        nilo_buf_addc(&w->buf, '\n');
        break;
    default:
        nilo_buf_adds(&w->buf, w->rows > 1 ? ",\n " : "");
        put_json_row(w, cells);
        break;
    }
    return nilo__writer_flush(w, PIECE, err);
}

int nilo_writer_new(enum nilo_format f, bool strip, nilo_write_fn *write, void *ctx, struct nilo_writer **ret,
                    struct nilo_err *err)
{
    struct nilo_writer *w = calloc(1, sizeof *w);
    if (!w)
        return nilo_err_nomem(err);
    w->format = f;
    w->strip = strip;
    w->write = write;
    w->write_ctx = ctx;
    nilo_buf_init(&w->buf, PIECE_MAX);
    *ret = w;
    return 0;
}

struct nilo_sink nilo_writer_sink(struct nilo_writer *w)
{
    return (struct nilo_sink){take_head, take_row, w};
}

int nilo_writer_end(struct nilo_writer *w, struct nilo_err *err)
{
    if (!w->begun)
        return 0;
    if (one_object(w)) {
        if (w->rows == 0)
            return not_one(err, "0 rows");
        nilo_buf_addc(&w->buf, '\n');
    } else if (w->format == NILO_FORMAT_JSON) {
        nilo_buf_adds(&w->buf, "]\n");
    } else if (w->format == NILO_FORMAT_TABLE && nilo__table_end(w, err) < 0) {
        return -1;
    }
    return nilo__writer_flush(w, 1, err);
}

int64_t nilo_writer_rows(const struct nilo_writer *w)
{
    return w->rows;
}

void nilo_writer_free(struct nilo_writer *w)
{
    if (!w)
        return;
    nilo__table_free(w);
    nilo_buf_done(&w->buf);
    free(w);
}

void nilo_content_range(int64_t offset, int64_t rows, int64_t total, char out[NILO_CONTENT_RANGE_TEXT])
{
    char *to = out;
    if (rows > 0) {
        to += nilo_digits(offset, to);
        *to++ = '-';
        to += nilo_digits(offset + rows - 1, to);
    } else {
        *to++ = '*';
    }
    *to++ = '/';
    if (total >= 0)
        to += nilo_digits(total, to);
    else
        *to++ = '*';
    *to = '\0';
}
