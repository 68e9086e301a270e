/* NDJSON: one object a line. A column is a key, or a path of keys (statistics.viewCount) into nested objects. Numbers keep their exact
 * text, null is an empty cell, true and false are words, arrays and objects in a mapped place are their JSON text. */
#include "import/import_priv.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define KEYS_TEXT_MAX 500

struct nilo__ndjson {
    struct nilo__input *in;
    struct nilo__plan *plan;
    const char *p;
    size_t left;
    bool ended;
    int64_t line;
    struct nilo_buf raw, text, path;
    bool row_large, cell_large;
    struct nilo__cell *cells; /* a column each; while a row is read p is unset and at says where in text */
    size_t *at;
    struct nilo_buf keys;
    bool keys_known;
    struct nilo_err trouble; /* with the present line */
};

int nilo__ndjson_new(struct nilo__input *in, struct nilo__plan *plan, struct nilo__ndjson **ret, struct nilo_err *err)
{
    struct nilo__ndjson *n = calloc(1, sizeof *n);
    if (n == NULL)
        return nilo_err_nomem(err);
    n->in = in;
    n->plan = plan;
    nilo_buf_init(&n->raw, NILO_IMPORT_ROW_MAX);
    nilo_buf_init(&n->text, NILO_IMPORT_ROW_MAX + plan->n_columns + 1);
    nilo_buf_init(&n->path, SIZE_MAX);
    nilo_buf_init(&n->keys, KEYS_TEXT_MAX);
    n->cells = calloc(plan->n_columns + 1, sizeof *n->cells);
    n->at = calloc(plan->n_columns + 1, sizeof *n->at);
    if (n->cells == NULL || n->at == NULL || nilo__plan_sort(plan, err) != 0) {
        nilo__ndjson_free(n);
        return nilo_err_nomem(err);
    }
    *ret = n;
    return 0;
}

void nilo__ndjson_free(struct nilo__ndjson *n)
{
    if (n == NULL)
        return;
    nilo_buf_done(&n->raw);
    nilo_buf_done(&n->text);
    nilo_buf_done(&n->path);
    nilo_buf_done(&n->keys);
    free(n->cells);
    free(n->at);
    free(n);
}

const char *nilo__ndjson_keys(const struct nilo__ndjson *n)
{
    return nilo_buf_str(&n->keys);
}

/* ---- lines ---------------------------------------------------------------------------------------------------------- */

static int keep_raw(struct nilo__ndjson *n, size_t len, struct nilo_err *err)
{
    if (n->row_large || len > n->raw.max - n->raw.len)
        n->row_large = true;
    else if (nilo_buf_add(&n->raw, n->p, len) != 0)
        return nilo_err_nomem(err);
    n->p += len;
    n->left -= len;
    return 0;
}

/* 1 a line is in raw, 0 the end */
static int read_line(struct nilo__ndjson *n, struct nilo_err *err)
{
    nilo_buf_reset(&n->raw);
    n->row_large = false;
    n->line++;
    while (!n->ended) {
        if (n->left == 0) {
            if (nilo__input_read(n->in, &n->p, &n->left, err) != 0)
                return -1;
            n->ended = n->left == 0;
            continue;
        }
        const char *nl = memchr(n->p, '\n', n->left);
        if (keep_raw(n, nl != NULL ? (size_t)(nl - n->p) : n->left, err) != 0)
            return -1;
        if (nl == NULL)
            continue;
        n->p++;
        n->left--;
        return 1;
    }
    return n->raw.len > 0 || n->row_large;
}

static bool blank(const struct nilo_buf *b)
{
    return strspn(nilo_buf_str(b), " \t\r") == b->len;
}

/* ---- one object ------------------------------------------------------------------------------------------------------ */

static int set_cell(struct nilo__ndjson *n, int column, const char *text, size_t len, struct nilo_err *err)
{
    struct nilo__cell *cell = &n->cells[column];
    n->plan->columns[column].seen = true;
    if (cell->there)
        return 0; /* "a.b" as one key, and b within a: the first counts */
    if (len > NILO_IMPORT_CELL_MAX) {
        n->cell_large = true;
        len = 0;
    }
    cell->there = true;
    cell->len = len;
    n->at[column] = n->text.len;
    if (nilo_buf_add(&n->text, text, len) != 0 || nilo_buf_add(&n->text, "", 1) != 0)
        return nilo_err_nomem(err);
    return 0;
}

static int read_object(struct nilo__ndjson *n, struct nilo_json *j, struct nilo_err *err);

static int read_value(struct nilo__ndjson *n, struct nilo_json *j, struct nilo_err *err)
{
    bool below;
    int column = nilo__plan_column(n->plan, nilo_buf_str(&n->path), n->path.len, &below);
    if (column < 0 && !below)
        return nilo_json_skip(j, err);
    enum nilo_json_event event;
    const char *text;
    size_t len;
    if (nilo_json_next(j, &event, &text, &len, err) != 0)
        return -1;
    if (event == NILO_JSON_OBJECT_BEGIN && below)
        return read_object(n, j, err);
    bool nested = event == NILO_JSON_OBJECT_BEGIN || event == NILO_JSON_ARRAY_BEGIN;
    if (nested && nilo_json_raw(j, &text, &len, err) != 0)
        return -1;
    if (column < 0)
        return 0;
    return set_cell(n, column, text, event == NILO_JSON_NULL ? 0 : len, err);
}

/* Behind the opening bracket, to the closing one; depth is bounded by the parser. */
static int read_object(struct nilo__ndjson *n, struct nilo_json *j, struct nilo_err *err)
{
    size_t outer = n->path.len;
    for (;;) {
        enum nilo_json_event event;
        const char *text;
        size_t len;
        if (nilo_json_next(j, &event, &text, &len, err) != 0)
            return -1;
        if (event == NILO_JSON_OBJECT_END)
            return 0;
        assert(event == NILO_JSON_KEY);
        if (outer > 0)
            nilo_buf_addc(&n->path, '.');
        nilo_buf_add(&n->path, text, len);
        if (n->path.failed)
            return nilo_err_nomem(err);
        if (outer == 0 && !n->keys_known)
            nilo_buf_addf(&n->keys, "%s%.*s", n->keys.len > 0 ? ", " : "", (int)len, text);
        if (read_value(n, j, err) != 0)
            return -1;
        n->path.len = outer;
        n->path.data[outer] = '\0';
    }
}

static int read_row(struct nilo__ndjson *n, struct nilo_err *err)
{
    struct nilo_json *j;
    if (nilo_json_new(nilo_buf_str(&n->raw), n->raw.len, NILO_JSON_DEFAULT_LIMITS, &j, err) != 0)
        return -1;
    enum nilo_json_event event;
    int rc = nilo_json_next(j, &event, NULL, NULL, err);
    if (rc == 0 && event != NILO_JSON_OBJECT_BEGIN)
        rc = nilo_err_set(err, NILO_EBODY, "not an object");
    if (rc == 0)
        rc = read_object(n, j, err);
    if (rc == 0)
        rc = nilo_json_next(j, &event, NULL, NULL, err); /* nothing may follow */
    nilo_json_free(j);
    n->keys_known |= rc == 0;
    return rc;
}

/* The parser's line is ours already. */
static const char *after(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0 ? s + strlen(prefix) : s;
}

static int parse_line(struct nilo__ndjson *n, struct nilo__row *ret, struct nilo_err *err)
{
    size_t n_columns = n->plan->n_columns;
    memset(n->cells, 0, (n_columns + 1) * sizeof *n->cells);
    nilo_buf_reset(&n->text);
    nilo_buf_reset(&n->path);
    n->cell_large = false;
    *ret = (struct nilo__row){.line = n->line, .raw = nilo_buf_str(&n->raw), .raw_len = n->raw.len, .cells = n->cells,
                              .n_cells = n_columns};
    if (ret->raw_len > 0 && ret->raw[ret->raw_len - 1] == '\r')
        ret->raw_len--;
    if (read_row(n, &n->trouble) != 0) {
        if (n->trouble.code != NILO_EBODY) {
            if (err != NULL)
                *err = n->trouble;
            return -1;
        }
        ret->why = NILO__JSON;
        ret->detail = after(n->trouble.msg, "line 1, ");
    } else if (n->cell_large) {
        ret->why = NILO__CELL_LARGE;
    }
    for (size_t i = 0; i < n_columns; i++) {
        n->cells[i].p = n->cells[i].there ? n->text.data + n->at[i] : "";
        /* A column that --map names is a column of every object: left out is empty. */
        n->cells[i].there |= !n->plan->by_name;
    }
    return 1;
}

int nilo__ndjson_next(struct nilo__ndjson *n, struct nilo__row *ret, struct nilo_err *err)
{
    int rc;
    do
        rc = read_line(n, err);
    while (rc == 1 && !n->row_large && blank(&n->raw));
    if (rc != 1)
        return rc;
    if (!n->row_large)
        return parse_line(n, ret, err);
    *ret = (struct nilo__row){.line = n->line, .why = NILO__ROW_LARGE};
    return 1;
}
