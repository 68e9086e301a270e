/* A store, or a workspace of it, as lines of JSON: a header, for each table a line with its columns and a line a row, and a trailer with the
 * number of rows and the SHA-256 of everything before it. docs/export-format.md describes it. */
#include "import/import_priv.h"

#include <string.h>

#include "base/hash.h"

#define PIECE ((size_t)64 << 10)

struct writing {
    const struct nilo_whole_want *want;
    const char *workspace;
    const unsigned char *uuid;
    struct nilo_output *to;
    struct nilo_buf buf;
    struct nilo_sha256 sum;
    int table; /* whose rows were written last; -1 none */
    int64_t rows, of;
    nilo_progress_fn *progress;
    void *progress_ctx;
};

static int flush(struct writing *w, size_t least, struct nilo_err *err)
{
    if (w->buf.failed)
        return nilo_err_nomem(err);
    if (w->buf.len < least || w->buf.len == 0)
        return 0;
    nilo_sha256_add(&w->sum, w->buf.data, w->buf.len);
    int rc = nilo_output_write(w->to, w->buf.data, w->buf.len, err);
    nilo_buf_reset(&w->buf);
    return rc;
}

static void put_day(struct nilo_json_out *o, const char *name, nilo_day d)
{
    char text[NILO_DAY_TEXT];
    nilo_json_key(o, name);
    nilo_day_format(d, text);
    nilo_json_str(o, nilo_day_is_none(d) ? NULL : text);
}

static int begin(void *ctx, const int64_t *counts, struct nilo_err *err)
{
    struct writing *w = ctx;
    struct nilo_json_out o;
    char uuid[33];
    nilo_hex(w->uuid, 16, uuid);
    nilo_json_out_init(&o, &w->buf);
    nilo_json_object_begin(&o);
    nilo_json_key(&o, "format");
    nilo_json_str(&o, NILO_WHOLE_FORMAT);
    nilo_json_key(&o, "version");
    nilo_json_int(&o, NILO_WHOLE_VERSION);
    nilo_json_key(&o, "program");
    nilo_json_str(&o, NILO_VERSION);
    nilo_json_key(&o, "store");
    nilo_json_str(&o, uuid);
    nilo_json_key(&o, "workspace");
    nilo_json_str(&o, w->workspace);
    put_day(&o, "from", w->want->from);
    put_day(&o, "to", w->want->to);
    nilo_json_key(&o, "rows");
    nilo_json_object_begin(&o);
    for (size_t i = 0; i < nilo_whole_tables_n; i++) {
        nilo_json_key(&o, nilo_whole_tables[i].name);
        nilo_json_int(&o, counts[i]);
        w->of += counts[i];
    }
    nilo_json_object_end(&o);
    nilo_json_object_end(&o);
    nilo_buf_addc(&w->buf, '\n');
    return flush(w, 1, err);
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
    for (size_t i = 0; i < t->n_columns; i++) {
        nilo_buf_addc(&w->buf, i > 0 ? ',' : '[');
        if (put_cell(&w->buf, &t->columns[i], &cells[i], err) != 0)
            return w->buf.failed ? nilo_err_nomem(err) : -1;
    }
    nilo_buf_adds(&w->buf, "]\n");
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
    return w->buf.failed ? nilo_err_nomem(err) : nilo_output_write(w->to, w->buf.data, w->buf.len, err);
}

int nilo_whole_write(struct nilo_store *s, const struct nilo_whole_want *want, const char *workspace, struct nilo_output *to,
                     nilo_progress_fn *progress, void *progress_ctx, int64_t *ret_rows, struct nilo_err *err)
{
    struct writing w = {.want = want, .workspace = workspace, .uuid = nilo_store_uuid(s), .to = to, .table = -1,
                        .progress = progress, .progress_ctx = progress_ctx};
    struct nilo_whole_sink sink = {begin, row, &w};
    nilo_buf_init(&w.buf, SIZE_MAX);
    nilo_sha256_init(&w.sum);
    int rc = nilo_store_export(s, want, &sink, err);
    if (rc == 0)
        rc = put_trailer(&w, err);
    nilo_buf_done(&w.buf);
    if (rc == 0)
        *ret_rows = w.rows;
    return rc;
}
