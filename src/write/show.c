/* What a write returns: the rows that it touched, read by their keys through query, in the order of the body; and the rows that a PATCH or DELETE
 * is about. All within the transaction of the write. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "write/write_priv.h"

#define CHUNK    500 /* rows a query */
#define KEYS_MAX 8
#define TEXT_MAX ((size_t)1 << 20)

static size_t n_keys(const struct nilo__relation *r)
{
    size_t n = 0;
    while (r->key[n])
        n++;
    return n;
}

/* ---- the request ---------------------------------------------------------------------------------------------------------------------- */

struct show {
    struct nilo__job *j;
    const char *const *keys;
    size_t n_keys, n_rows;
    const char *const *order[CHUNK]; /* keys of the chunk's rows, sorted */
    size_t index[CHUNK];             /* of order[i]: its place in the chunk */
    size_t n;
    struct nilo_datum *rows[CHUNK];  /* by place; NULL: was not found */
    size_t n_columns;
    struct nilo_arena arena; /* of the chunk */
    struct nilo_writer *writer;
    struct nilo_sink to;
    bool begun;
};

static int compare_keys(const char *const *a, const char *const *b, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        int c = strcmp(a[i], b[i]);
        if (c)
            return c;
    }
    return 0;
}

/* A value of in.(): quoted, so that nothing in it means anything. */
static void put_quoted(struct nilo_buf *b, const char *s)
{
    nilo_buf_adds(b, "%22");
    for (; *s; s++) {
        if (*s == '"' || *s == '\\')
            nilo_buf_adds(b, "%5C");
        nilo__encode(b, s, 1);
    }
    nilo_buf_adds(b, "%22");
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_key_filter(struct show *s, size_t k, struct nilo_buf *b)
{
    const char *values[CHUNK];
    for (size_t i = 0; i < s->n; i++)
        values[i] = s->order[i][k];
    qsort(values, s->n, sizeof *values, compare_texts);
    nilo_buf_addf(b, "&%s=in.(", s->j->relation->key[k]);
    for (size_t i = 0; i < s->n; i++) {
        if (i > 0 && strcmp(values[i], values[i - 1]) == 0)
            continue;
        nilo_buf_adds(b, i ? "," : "");
        put_quoted(b, values[i]);
    }
    nilo_buf_addc(b, ')');
}

static int request_text(struct show *s, struct nilo_buf *b, struct nilo_err *err)
{
    const struct nilo__relation *r = s->j->relation;
    const char *select = nilo_buf_str(&s->j->params.select);
    nilo_buf_addf(b, "%s?", r->name);
    nilo_buf_adds(b, *select ? select : "select=*");
    for (size_t k = 0; k < s->n_keys; k++)
        nilo_buf_addf(b, ",nilo_key_%zu:%s", k, r->key[k]);
    for (size_t k = 0; k < s->n_keys && s->n; k++)
        put_key_filter(s, k, b);
    if (r->live && (s->j->written || s->j->w->verb == NILO_WRITE_DELETE))
        nilo_buf_addf(b, "&%s", r->live);
    if (s->n == 0)
        nilo_buf_adds(b, "&limit=0");
    return b->failed ? nilo_err_nomem(err) : 0;
}

/* ---- collecting a chunk --------------------------------------------------------------------------------------------------------------- */

static int take_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    struct show *s = ctx;
    if (s->begun)
        return 0;
    s->begun = true;
    s->n_columns = head->n - s->n_keys;
    /* the writer needs them longer than this query lives */
    struct nilo_out_column *columns = nilo_arena_array(&s->j->arena, s->n_columns + 1, sizeof *columns);
    if (!columns)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < s->n_columns; i++) {
        columns[i] = head->columns[i];
        if (!(columns[i].name = nilo_arena_strdup(&s->j->arena, head->columns[i].name)))
            return nilo_err_nomem(err);
    }
    const struct nilo_head ours = {.columns = columns, .n = s->n_columns, .total = -1, .page = -1};
    return s->to.head(s->to.ctx, &ours, err);
}

static const char *key_of(const struct nilo_datum *d, struct nilo_arena *arena)
{
    char spelled[NILO_DATUM_MAX];
    size_t len;
    const char *p = nilo_datum_text(d, spelled, &len);
    return nilo_arena_strndup(arena, p, len);
}

static int keep(struct show *s, size_t place, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct nilo_datum *copy = nilo_arena_array(&s->arena, s->n_columns + 1, sizeof *copy);
    if (!copy)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < s->n_columns; i++) {
        copy[i] = cells[i];
        if (cells[i].p && !cells[i].null && !(copy[i].p = nilo_arena_strndup(&s->arena, cells[i].p, cells[i].len)))
            return nilo_err_nomem(err);
    }
    s->rows[place] = copy;
    return 0;
}

static int take_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct show *s = ctx;
    const char *key[KEYS_MAX];
    for (size_t k = 0; k < s->n_keys; k++)
        if (!(key[k] = key_of(&cells[s->n_columns + k], &s->arena)))
            return nilo_err_nomem(err);
    for (size_t low = 0, high = s->n; low < high;) {
        size_t mid = low + (high - low) / 2;
        int c = compare_keys(s->order[mid], key, s->n_keys);
        if (c == 0)
            return keep(s, s->index[mid], cells, err);
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return 0; /* of the same days and the same names, but not together */
}

struct by_order {
    const char *const *key;
    size_t place, n_keys;
};
static int compare_orders(const void *a, const void *b)
{
    const struct by_order *x = a, *y = b;
    return compare_keys(x->key, y->key, x->n_keys);
}

static int read_chunk(struct show *s, struct nilo_err *err)
{
    const struct nilo_sink sink = {take_head, take_row, s};
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct by_order sorted[CHUNK];
    struct nilo_query *q;
    struct nilo_buf text;
    for (size_t i = 0; i < s->n; i++)
        sorted[i] = (struct by_order){s->order[i], i, s->n_keys};
    qsort(sorted, s->n, sizeof *sorted, compare_orders);
    for (size_t i = 0; i < s->n; i++) {
        s->order[i] = sorted[i].key;
        s->index[i] = sorted[i].place;
    }
    memset(s->rows, 0, sizeof s->rows);
    nilo_buf_init(&text, TEXT_MAX);
    request.url = request.any_range = request.hidden = true;
    request.seen = &s->j->w->scope;
    int rc = request_text(s, &text, err);
    if (rc == 0)
        rc = nilo_query_parse(s->j->store, text.data, text.len, &request, &q, s->j->notes, err);
    nilo_buf_done(&text);
    if (rc < 0)
        return -1;
    rc = nilo_query_run(q, s->j->store, &s->j->w->scope, &sink, err);
    nilo_query_free(q);
    for (size_t i = 0; i < s->n && rc == 0; i++)
        if (s->rows[i])
            rc = s->to.row(s->to.ctx, s->rows[i], err);
    nilo_arena_reset(&s->arena);
    return rc;
}

static int put_body(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    return nilo_buf_add(ctx, p, n) == 0 ? 0 : nilo_err_set(err, NILO_ENOMEM, "the answer is too large; ask for return=minimal");
}

static int read_rows(struct show *s, struct nilo_err *err)
{
    const struct nilo__job *j = s->j;
    for (size_t i = 0; i < s->n_rows; i++) {
        if (j->answered && !j->answered[i])
            continue;
        s->order[s->n++] = &s->keys[i * s->n_keys];
        if (s->n == CHUNK) {
            if (read_chunk(s, err) < 0)
                return -1;
            s->n = 0;
        }
    }
    return (s->n || !s->begun) && read_chunk(s, err) < 0 ? -1 : nilo_writer_end(s->writer, err);
}

static void put_location(struct nilo__job *j, const char *const *keys, size_t n)
{
    struct nilo_buf *b = &j->out->location;
    for (size_t k = 0; k < n; k++) {
        nilo_buf_addf(b, "%s%s=eq.", k ? "&" : "?", j->relation->key[k]);
        nilo__encode(b, keys[k], strlen(keys[k]));
    }
}

int nilo__show(struct nilo__job *j, const char *const *keys, size_t n_rows, struct nilo_err *err)
{
    size_t n = n_keys(j->relation);
    int64_t rows = 0;
    for (size_t i = 0; i < n_rows; i++)
        rows += !j->answered || j->answered[i];
    j->out->rows = rows;
    if (rows == 1 && n_rows == 1 && j->made == 1 && j->w->prefer.ret == NILO_WRITE_HEADERS)
        put_location(j, keys, n);
    if (j->w->prefer.ret != NILO_WRITE_ROWS)
        return 0;
    struct show *s = calloc(1, sizeof *s);
    if (!s)
        return nilo_err_nomem(err);
    *s = (struct show){.j = j, .keys = keys, .n_keys = n, .n_rows = n_rows};
    nilo_arena_init(&s->arena, 0);
    int rc = nilo_writer_new(j->w->format, j->w->strip, put_body, &j->out->body, &s->writer, err);
    if (rc == 0) {
        s->to = nilo_writer_sink(s->writer);
        rc = read_rows(s, err);
        j->out->has_body = true;
    }
    nilo_writer_free(s->writer);
    nilo_arena_done(&s->arena);
    free(s);
    return rc;
}

/* ---- what a PATCH or DELETE is about ------------------------------------------------------------------------------------------------------- */

struct finding {
    struct nilo__job *j;
    size_t n_columns, n, cap;
    struct nilo_datum **rows;
};

static int find_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    (void)err;
    ((struct finding *)ctx)->n_columns = head->n;
    return 0;
}

static int find_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct finding *f = ctx;
    struct nilo_arena *arena = &f->j->arena;
    if (f->n == f->cap) {
        size_t cap = f->cap ? 2 * f->cap : 64;
        struct nilo_datum **more = nilo_arena_array(arena, cap, sizeof(*more));
        if (!more)
            return nilo_err_nomem(err);
        if (f->n)
            memcpy(more, f->rows, f->n * sizeof(*more));
        f->rows = more;
        f->cap = cap;
    }
    struct nilo_datum *copy = nilo_arena_array(arena, f->n_columns + 1, sizeof *copy);
    if (!copy)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < f->n_columns; i++) {
        copy[i] = cells[i];
        if (cells[i].p && !cells[i].null && !(copy[i].p = nilo_arena_strndup(arena, cells[i].p, cells[i].len)))
            return nilo_err_nomem(err);
    }
    f->rows[f->n++] = copy;
    return 0;
}

/* Its own columns, hidden ones too, and what the filter says. */
static int find(struct nilo__job *j, struct finding *f, struct nilo_err *err)
{
    const struct nilo_sink sink = {find_head, find_row, f};
    const struct nilo_relation *r = j->read;
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct nilo_query *q;
    struct nilo_buf text;
    nilo_buf_init(&text, TEXT_MAX);
    nilo_buf_addf(&text, "%s?select=", r->name);
    for (size_t i = 0; i < r->n_columns; i++)
        nilo_buf_addf(&text, "%s%s", i ? "," : "", r->columns[i].name);
    nilo_buf_addf(&text, "&%s", nilo_buf_str(&j->params.filter));
    if (j->w->verb == NILO_WRITE_DELETE && j->relation->live) /* what is gone already is not taken away again, nor counted */
        nilo_buf_addf(&text, "&%s", j->relation->live);
    request.url = request.any_range = request.hidden = true;
    request.seen = &j->w->scope;
    int rc = text.failed ? nilo_err_nomem(err) : nilo_query_parse(j->store, text.data, text.len, &request, &q, j->notes, err);
    nilo_buf_done(&text);
    if (rc < 0)
        return -1;
    rc = nilo_query_run(q, j->store, &j->w->scope, &sink, err);
    nilo_query_free(q);
    return rc;
}

static const char **found_keys(struct nilo__job *j, const struct finding *f)
{
    const struct nilo_relation *r = j->read;
    size_t n = n_keys(j->relation);
    const char **keys = nilo_arena_array(&j->arena, n * f->n + 1, sizeof *keys);
    for (size_t i = 0; keys && i < f->n; i++)
        for (size_t k = 0; k < n; k++)
            for (size_t c = 0; c < r->n_columns; c++)
                if (strcmp(r->columns[c].name, j->relation->key[k]) == 0 && !(keys[i * n + k] = key_of(&f->rows[i][c], &j->arena)))
                    return NULL;
    return keys;
}

int nilo__change(struct nilo__job *j, nilo__change_fn *fn, bool gone, struct nilo_err *err)
{
    struct finding f = {.j = j};
    if (find(j, &f, err) < 0)
        return -1;
    j->answered = NULL;
    const char **keys = found_keys(j, &f);
    if (!keys)
        return nilo_err_nomem(err);
    j->written = !gone;
    if (gone && nilo__show(j, keys, f.n, err) < 0) /* while it is there */
        return -1;
    for (size_t i = 0; i < f.n; i++)
        if (fn(j, f.rows[i], err) < 0)
            return -1;
    return gone ? 0 : nilo__show(j, keys, f.n, err);
}
