/* A store, or a workspace of it, as lines of JSON: a header, for each table a line with its columns and a line a row, and a trailer with the
 * number of rows and the SHA-256 of everything before it. docs/export-format.md describes it. In the other containers (whole_out.c) the same lines
 * are made and summed, and something else is written. */
#include "import/import_priv.h"

#include <string.h>

#include "base/hash.h"

#define PIECE ((size_t)64 << 10)

struct writing {
    const struct nilo_whole_want *want;
    const char *workspace;
    const unsigned char *uuid;
    struct nilo_output *to;
    bool lines;           /* written as they are */
    struct nilo_buf buf;  /* of lines */
    struct nilo_buf other; /* of what stands for them */
    struct nilo__whole_out out;
    struct nilo_sha256 sum;
    int table; /* whose rows were written last; -1 none */
    int64_t rows, of;
    nilo_progress_fn *progress;
    void *progress_ctx;
};

static int put_out(struct writing *w, struct nilo_buf *b, struct nilo_err *err)
{
    int rc = b->len > 0 ? nilo_output_write(w->to, b->data, b->len, err) : 0;
    nilo_buf_reset(b);
    return rc;
}

static int flush(struct writing *w, size_t least, struct nilo_err *err)
{
    int rc = 0;
    if (w->buf.failed || w->other.failed)
        return nilo_err_nomem(err);
    if (w->buf.len >= least && w->buf.len > 0) {
        nilo_sha256_add(&w->sum, w->buf.data, w->buf.len);
        if (w->lines)
            rc = put_out(w, &w->buf, err);
        nilo_buf_reset(&w->buf);
    }
    return rc == 0 && w->other.len >= least ? put_out(w, &w->other, err) : rc;
}

static void put_counts(struct writing *w, const int64_t *counts, struct nilo_buf *b)
{
    struct nilo_json_out o;
    nilo_json_out_init(&o, b);
    nilo_json_object_begin(&o);
    for (size_t i = 0; i < nilo_whole_tables_n; i++) {
        nilo_json_key(&o, nilo_whole_tables[i].name);
        nilo_json_int(&o, counts[i]);
        w->of += counts[i];
    }
    nilo_json_object_end(&o);
}

static void put_text(struct nilo_json_out *o, const char *name, const char *text)
{
    nilo_json_key(o, name);
    nilo_json_str(o, text);
}

static void put_head(const struct nilo__whole_head *h, struct nilo_buf *b)
{
    struct nilo_json_out o;
    nilo_json_out_init(&o, b);
    nilo_json_object_begin(&o);
    put_text(&o, "format", NILO_WHOLE_FORMAT);
    nilo_json_key(&o, "version");
    nilo_json_int(&o, NILO_WHOLE_VERSION);
    put_text(&o, "program", h->program);
    put_text(&o, "store", h->store);
    put_text(&o, "workspace", h->workspace);
    put_text(&o, "from", h->from);
    put_text(&o, "to", h->to);
    nilo_json_key(&o, "rows");
    nilo_json_text(&o, h->rows, strlen(h->rows));
    nilo_json_object_end(&o);
    nilo_buf_addc(b, '\n');
}

static int begin(void *ctx, const int64_t *counts, struct nilo_err *err)
{
    struct writing *w = ctx;
    struct nilo_buf rows;
    char uuid[33], from[NILO_DAY_TEXT], to[NILO_DAY_TEXT];
    nilo_buf_init(&rows, SIZE_MAX);
    put_counts(w, counts, &rows);
    nilo_hex(w->uuid, 16, uuid);
    nilo_day_format(w->want->from, from);
    nilo_day_format(w->want->to, to);
    const struct nilo__whole_head head = {.program = NILO_VERSION, .store = uuid, .workspace = w->workspace,
                                          .from = nilo_day_is_none(w->want->from) ? NULL : from,
                                          .to = nilo_day_is_none(w->want->to) ? NULL : to, .rows = nilo_buf_str(&rows)};
    put_head(&head, &w->buf);
    if (!w->lines)
        nilo__whole_out_head(&w->out, &head, &w->other);
    if (w->progress != NULL)
        w->progress(w->progress_ctx, 0, w->of);
    int rc = rows.failed ? nilo_err_nomem(err) : flush(w, 1, err);
    nilo_buf_done(&rows);
    return rc;
}

static void put_table(struct writing *w, size_t table)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[table];
    struct nilo_json_out o;
    nilo_json_out_init(&o, &w->buf);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "table");
    nilo_json_str(&o, t->name);
    nilo_json_key(&o, "columns");
    nilo_json_array_begin(&o);
    for (size_t i = 0; i < t->n_columns; i++)
        nilo_json_str(&o, t->columns[i].name);
    nilo_json_array_end(&o);
    nilo_json_object_end(&o);
    nilo_buf_addc(&w->buf, '\n');
    if (!w->lines)
        nilo__whole_out_table(&w->out, table, &w->other);
    w->table = (int)table;
}

static int put_cell(struct nilo_buf *b, const struct nilo_whole_column *c, const struct nilo_whole_cell *cell, struct nilo_err *err)
{
    struct nilo_json_out o;
    if (cell->null)
        return nilo_buf_adds(b, "null");
    if (c->type == NILO_WHOLE_INT)
        return nilo_buf_addi(b, cell->i);
    if (c->type == NILO_WHOLE_BYTES) {
        nilo_buf_addc(b, '"');
        for (size_t i = 0; i < cell->len; i++)
            nilo_buf_addf(b, "%02x", (unsigned char)cell->p[i]);
        return nilo_buf_addc(b, '"');
    }
    if (!nilo_utf8_valid(cell->p, cell->len, NULL))
        return nilo_err_set(err, NILO_ECORRUPT, "a text in %s is not UTF-8 and cannot be exported exactly", c->name);
    if (cell->len > 0 && memchr(cell->p, '\0', cell->len) != NULL)
        return nilo_err_set(err, NILO_ECORRUPT, "a text in %s holds a NUL, which no store takes in again: it cannot be exported exactly", c->name);
    nilo_json_out_init(&o, b);
    nilo_json_strn(&o, cell->p, cell->len);
    return 0;
}

static int row(void *ctx, size_t table, const struct nilo_whole_cell *cells, struct nilo_err *err)
{
    struct writing *w = ctx;
    const struct nilo_whole_table *t = &nilo_whole_tables[table];
    if (w->table != (int)table)
        put_table(w, table);
    size_t before = w->buf.len;
    for (size_t i = 0; i < t->n_columns; i++) {
        nilo_buf_addc(&w->buf, i > 0 ? ',' : '[');
        if (put_cell(&w->buf, &t->columns[i], &cells[i], err) != 0)
            return w->buf.failed ? nilo_err_nomem(err) : -1;
    }
    nilo_buf_adds(&w->buf, "]\n");
    if (w->buf.len - before > NILO__WHOLE_LINE_MAX)
        return nilo_err_set(err, NILO_ECORRUPT, "a row of %s is larger than an export can hold (%zu bytes)", t->name, NILO__WHOLE_LINE_MAX);
    if (!w->lines)
        nilo__whole_out_row(&w->out, cells, &w->other);
    if (++w->rows % 4096 == 0 && w->progress != NULL)
        w->progress(w->progress_ctx, w->rows, w->of);
    return flush(w, PIECE, err);
}

static int put_trailer(struct writing *w, struct nilo_err *err)
{
    struct nilo_json_out o;
    unsigned char digest[NILO_SHA256_LEN];
    char hex[2 * NILO_SHA256_LEN + 1];
    if (flush(w, 1, err) != 0)
        return -1;
    nilo_sha256_done(&w->sum, digest);
    nilo_hex(digest, sizeof digest, hex);
    if (!w->lines) {
        nilo__whole_out_end(&w->out, w->rows, hex, &w->other);
        return w->other.failed ? nilo_err_nomem(err) : put_out(w, &w->other, err);
    }
    nilo_json_out_init(&o, &w->buf);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "end");
    nilo_json_str(&o, NILO_WHOLE_FORMAT);
    nilo_json_key(&o, "rows");
    nilo_json_int(&o, w->rows);
    nilo_json_key(&o, "sha256");
    nilo_json_str(&o, hex);
    nilo_json_object_end(&o);
    nilo_buf_addc(&w->buf, '\n');
    return w->buf.failed ? nilo_err_nomem(err) : put_out(w, &w->buf, err);
}

int nilo_whole_write(struct nilo_store *s, const struct nilo_whole_want *want, const char *workspace, enum nilo_whole_container container,
                     struct nilo_output *to, nilo_progress_fn *progress, void *progress_ctx, int64_t *ret_rows, struct nilo_err *err)
{
    struct writing w = {.want = want, .workspace = workspace, .uuid = nilo_store_uuid(s), .to = to, .table = -1, .lines = container == NILO_WHOLE_LINES,
                        .out = {.container = container}, .progress = progress, .progress_ctx = progress_ctx};
    struct nilo_whole_sink sink = {begin, row, &w};
    nilo_buf_init(&w.buf, SIZE_MAX);
    nilo_buf_init(&w.other, SIZE_MAX);
    nilo_sha256_init(&w.sum);
    int rc = nilo_store_export(s, want, &sink, err);
    if (rc == 0)
        rc = put_trailer(&w, err);
    nilo_buf_done(&w.buf);
    nilo_buf_done(&w.other);
    if (rc == 0)
        *ret_rows = w.rows;
    return rc;
}
