/* Reading through the public library: query's rows as opaque rows, streamed, kept, or spelled out. */
#include "lib/lib_priv.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MOST ((size_t)256 << 20)

struct nilometer_row {
    const struct nilo_out_column *columns;
    const struct nilo_datum *cells;
    const char **spelled; /* texts made so far, one for each column */
    size_t n;
    struct nilo_arena *texts;
};

/* ---- one row -------------------------------------------------------------------------------------------------------------------------- */

size_t nilometer_row_columns(const struct nilometer_row *row)
{
    return row != NULL ? row->n : 0;
}

const char *nilometer_row_name(const struct nilometer_row *row, size_t i)
{
    return row != NULL && i < row->n ? row->columns[i].name : NULL;
}

int nilometer_row_type(const struct nilometer_row *row, size_t i)
{
    static const int types[] = {
        [NILO_T_TEXT] = NILOMETER_TEXT, [NILO_T_INT] = NILOMETER_INT,   [NILO_T_DECIMAL] = NILOMETER_DECIMAL, [NILO_T_DAY] = NILOMETER_DAY,
        [NILO_T_TIME] = NILOMETER_TIME, [NILO_T_JSON] = NILOMETER_JSON, [NILO_T_BOOL] = NILOMETER_BOOL,       [NILO_T_UUID] = NILOMETER_UUID,
    };
    return row != NULL && i < row->n ? types[row->columns[i].type] : 0;
}

int nilometer_row_null(const struct nilometer_row *row, size_t i)
{
    return row == NULL || i >= row->n || row->cells[i].null ? 1 : 0;
}

const char *nilometer_row_text(const struct nilometer_row *row, size_t i, size_t *ret_len)
{
    if (nilometer_row_null(row, i))
        return NULL;
    char out[NILO_DATUM_MAX];
    size_t len;
    const char *text = nilo_datum_text(&row->cells[i], out, &len);
    if (row->spelled[i] == NULL)
        row->spelled[i] = nilo_arena_strndup(row->texts, text, len);
    if (ret_len != NULL && row->spelled[i] != NULL)
        *ret_len = len;
    return row->spelled[i];
}

int nilometer_row_number(const struct nilometer_row *row, size_t i, int64_t *ret_number, int *ret_scale)
{
    if (row == NULL || i >= row->n || ret_number == NULL)
        return NILOMETER_EMISUSE;
    const struct nilo_datum *d = &row->cells[i];
    if (d->null)
        return NILOMETER_ENULL;
    if (d->type == NILO_T_TEXT || d->type == NILO_T_JSON || d->type == NILO_T_UUID)
        return NILOMETER_EINVAL;
    int scale = d->type == NILO_T_DECIMAL ? d->scale : 0;
    if (scale != 0 && ret_scale == NULL)
        return NILOMETER_EINVAL;
    if (d->i < INT64_MIN || d->i > INT64_MAX)
        return NILOMETER_EOVERFLOW;
    *ret_number = (int64_t)d->i;
    if (ret_scale != NULL)
        *ret_scale = scale;
    return NILOMETER_OK;
}

/* ---- one request ------------------------------------------------------------------------------------------------------------------------ */

static int stopped(struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ECANCELLED, "the program stopped the answer");
}

static int run_text(struct nilometer *n, const char *text, const struct nilo_sink *sink, struct nilo_writer *writer)
{
    struct nilo_request how = NILO_REQUEST_DEFAULT;
    struct nilo_arena arena;
    struct nilo_scope scope;
    struct nilo_query *q = NULL;
    struct nilo_notes notes = {0};
    how.any_range = true; /* as on the command line */
    nilo_arena_init(&arena, 0);
    int rc = nilo_query_text(n->store, text, strlen(text), &how, &q, &notes, &n->err);
    if (rc != 0 && notes.hint[0] != '\0') {
        char said[sizeof n->err.msg];
        memcpy(said, n->err.msg, sizeof said);
        nilo_err_set(&n->err, n->err.code, "%.700s; %s", said, notes.hint);
    }
    if (rc == 0 && nilo_query_function(q) != NULL && nilo_query_function(q)->writes)
        rc = nilo_err_set(&n->err, NILO_EINVAL, "%s writes; the library calls functions that read", nilo_query_function(q)->name);
    if (rc == 0)
        rc = nilo__lib_scope(n, &arena, &scope);
    if (rc == 0)
        rc = nilo_query_run(q, n->store, &scope, sink, &n->err) == 0 ? 0 : -1;
    if (rc == 0 && writer != NULL)
        rc = nilo_writer_end(writer, &n->err);
    nilo_query_free(q);
    nilo_arena_done(&arena);
    return rc;
}

/* A reader sees one state from its metrics to its last row, and the next request a newer one: what was cached goes with the transaction. The
 * writer is alone with its store. */
static int answer(struct nilometer *n, const char *text, const struct nilo_sink *sink, struct nilo_writer *writer)
{
    if (n->writes)
        return run_text(n, text, sink, writer);
    nilo_store_rollback(n->store);
    if (nilo_store_begin(n->store, &n->err) != 0)
        return -1;
    int rc = run_text(n, text, sink, writer);
    nilo_store_rollback(n->store);
    return rc;
}

/* ---- row by row ---------------------------------------------------------------------------------------------------------------------------- */

struct each {
    nilometer_row_fn *fn;
    void *ctx;
    struct nilometer_row row;
    struct nilo_arena texts;
};

static int each_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    struct each *e = ctx;
    (void)err;
    e->row = (struct nilometer_row){.columns = head->columns, .n = head->n, .texts = &e->texts};
    return 0;
}

static int each_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct each *e = ctx;
    nilo_arena_reset(&e->texts);
    e->row.cells = cells;
    e->row.spelled = nilo_arena_array(&e->texts, e->row.n + 1, sizeof *e->row.spelled);
    if (e->row.spelled == NULL)
        return nilo_err_nomem(err);
    return e->fn(e->ctx, &e->row) == 0 ? 0 : stopped(err);
}

int nilometer_each(struct nilometer *n, const char *request, nilometer_row_fn *fn, void *ctx)
{
    int code = nilo__lib_enter(n, 0);
    if (code != 0)
        return code;
    if (request == NULL || fn == NULL)
        return nilo__lib_leave(n, nilo__lib_misuse(n, "the %s is NULL", request == NULL ? "request" : "callback"));
    struct each e = {.fn = fn, .ctx = ctx};
    const struct nilo_sink sink = {each_head, each_row, &e};
    nilo_arena_init(&e.texts, 0);
    int rc = answer(n, request, &sink, NULL);
    nilo_arena_done(&e.texts);
    return nilo__lib_leave(n, rc);
}

/* ---- kept ------------------------------------------------------------------------------------------------------------------------------------ */

struct nilometer_rows {
    struct nilo_arena arena;
    struct nilo_out_column *columns;
    size_t n_columns;
    struct nilometer_row **rows;
    size_t n, cap, next;
};

static int too_large(struct nilometer_rows *r, struct nilo_err *err)
{
    if (r->arena.total + ((size_t)1 << 20) < KEPT_MOST)
        return nilo_err_nomem(err);
    return nilo_err_set(err, NILO_ENOMEM, "the answer is larger than 256 MiB; read it row by row with nilometer_each(), or ask for a part with limit=");
}

static int keep_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    struct nilometer_rows *r = ctx;
    r->n_columns = head->n;
    r->columns = nilo_arena_array(&r->arena, head->n + 1, sizeof *r->columns);
    for (size_t i = 0; r->columns != NULL && i < head->n; i++) {
        r->columns[i] = head->columns[i];
        r->columns[i].name = nilo_arena_strdup(&r->arena, head->columns[i].name);
        if (r->columns[i].name == NULL)
            return nilo_err_nomem(err);
    }
    return r->columns != NULL ? 0 : nilo_err_nomem(err);
}

static int grow(struct nilometer_rows *r, struct nilo_err *err)
{
    size_t cap = r->cap > 0 ? 2 * r->cap : 64;
    if (r->n < r->cap)
        return 0;
    struct nilometer_row **more = realloc(r->rows, cap * sizeof *more);
    if (more == NULL)
        return nilo_err_nomem(err);
    r->rows = more;
    r->cap = cap;
    return 0;
}

static int keep_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct nilometer_rows *r = ctx;
    struct nilometer_row *row = nilo_arena_alloc(&r->arena, sizeof *row);
    struct nilo_datum *copy = nilo_arena_array(&r->arena, r->n_columns + 1, sizeof *copy);
    const char **spelled = nilo_arena_array(&r->arena, r->n_columns + 1, sizeof *spelled);
    if (grow(r, err) != 0)
        return -1;
    if (row == NULL || copy == NULL || spelled == NULL)
        return too_large(r, err);
    for (size_t i = 0; i < r->n_columns; i++) {
        copy[i] = cells[i];
        bool text = cells[i].type == NILO_T_TEXT || cells[i].type == NILO_T_JSON || cells[i].type == NILO_T_UUID;
        if (cells[i].null || !text)
            continue;
        copy[i].p = spelled[i] = nilo_arena_strndup(&r->arena, cells[i].p, cells[i].len);
        if (copy[i].p == NULL)
            return too_large(r, err);
    }
    *row = (struct nilometer_row){r->columns, copy, spelled, r->n_columns, &r->arena};
    r->rows[r->n++] = row;
    return 0;
}

int nilometer_query(struct nilometer *n, const char *request, struct nilometer_rows **ret)
{
    int code = nilo__lib_enter(n, 0);
    if (code != 0)
        return code;
    if (request == NULL || ret == NULL)
        return nilo__lib_leave(n, nilo__lib_misuse(n, "the %s is NULL", request == NULL ? "request" : "place for the rows"));
    struct nilometer_rows *r = calloc(1, sizeof *r);
    if (r == NULL)
        return nilo__lib_leave(n, nilo_err_nomem(&n->err));
    nilo_arena_init(&r->arena, KEPT_MOST);
    const struct nilo_sink sink = {keep_head, keep_row, r};
    int rc = answer(n, request, &sink, NULL);
    if (rc == 0) {
        r->arena.max = 0; /* what is spelled later is the program's own doing */
        *ret = r;
    } else {
        nilometer_rows_free(r);
    }
    return nilo__lib_leave(n, rc);
}

size_t nilometer_rows_count(const struct nilometer_rows *rows)
{
    return rows != NULL ? rows->n : 0;
}

const struct nilometer_row *nilometer_rows_next(struct nilometer_rows *rows)
{
    return rows != NULL && rows->next < rows->n ? rows->rows[rows->next++] : NULL;
}

const struct nilometer_row *nilometer_rows_at(const struct nilometer_rows *rows, size_t i)
{
    return rows != NULL && i < rows->n ? rows->rows[i] : NULL;
}

void nilometer_rows_free(struct nilometer_rows *rows)
{
    if (rows == NULL)
        return;
    nilo_arena_done(&rows->arena);
    free(rows->rows);
    free(rows);
}

/* ---- spelled out ---------------------------------------------------------------------------------------------------------------------------- */

struct spell {
    nilometer_write_fn *fn;
    void *ctx;
};

static int spell_out(void *ctx, const char *p, size_t len, struct nilo_err *err)
{
    const struct spell *s = ctx;
    return s->fn(s->ctx, p, len) == 0 ? 0 : stopped(err);
}

static int write_answer(struct nilometer *n, const char *request, int format, struct spell *s)
{
    static const enum nilo_format formats[] = {
        [NILOMETER_FORMAT_TABLE] = NILO_FORMAT_TABLE, [NILOMETER_FORMAT_JSON] = NILO_FORMAT_JSON, [NILOMETER_FORMAT_OBJECT] = NILO_FORMAT_OBJECT,
        [NILOMETER_FORMAT_CSV] = NILO_FORMAT_CSV,     [NILOMETER_FORMAT_NDJSON] = NILO_FORMAT_NDJSON,
    };
    if (format < NILOMETER_FORMAT_TABLE || format > NILOMETER_FORMAT_NDJSON)
        return nilo_err_set(&n->err, NILO_EINVAL, "there is no format %d", format);
    struct nilo_writer *w = NULL;
    if (nilo_writer_new(formats[format], false, spell_out, s, &w, &n->err) != 0)
        return -1;
    const struct nilo_sink sink = nilo_writer_sink(w);
    int rc = answer(n, request, &sink, w);
    nilo_writer_free(w);
    return rc;
}

int nilometer_write(struct nilometer *n, const char *request, int format, nilometer_write_fn *fn, void *ctx)
{
    int code = nilo__lib_enter(n, 0);
    if (code != 0)
        return code;
    if (request == NULL || fn == NULL)
        return nilo__lib_leave(n, nilo__lib_misuse(n, "the %s is NULL", request == NULL ? "request" : "callback"));
    return nilo__lib_leave(n, write_answer(n, request, format, &(struct spell){fn, ctx}));
}

/* Everything but what can mean nothing in a request. */
size_t nilometer_escape(const char *value, char *out, size_t size)
{
    static const char digits[] = "0123456789ABCDEF";
    size_t len = 0;
    for (const unsigned char *p = (const unsigned char *)(value != NULL ? value : ""); *p != '\0'; p++) {
        bool plain = (*p >= '0' && *p <= '9') || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '-' || *p == '_';
        const char spelled[3] = {plain ? (char)*p : '%', digits[*p >> 4], digits[*p & 15]};
        for (size_t k = 0; k < (plain ? 1u : 3u); k++, len++) {
            if (out != NULL && len + 1 < size)
                out[len] = spelled[k];
        }
    }
    if (out != NULL && size > 0)
        out[len < size ? len : size - 1] = '\0';
    return len;
}
