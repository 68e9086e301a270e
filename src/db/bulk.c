/* Rows by the thousand, into one table or found by their keys. SQLite steps a prepared statement for each: nothing is quicker. PostgreSQL gets a
 * column's values of some thousand rows as one array: one statement to plan and execute, one run of its triggers; the length of the arrays does
 * not change the text, so the statement stays prepared. Not COPY: that knows no ON CONFLICT, and rows in a temporary table first would be
 * written twice. */
#include "db/db.h"

#include <assert.h>

#include "base/buf.h"

#define SQL_MAX   (16u << 10)
#define ARRAY_MAX (64u << 20)
#define SETS      4000       /* a statement */
#define BYTES     (8u << 20) /* of one column's array: then a statement ends earlier */

/* ---- arrays as text --------------------------------------------------------------------------------------------------------------------- */

struct arrays {
    int n; /* columns */
    struct nilo_buf column[NILO_DB_FIELDS_MAX];
};

static void add_text(struct nilo_buf *b, const char *p, size_t n)
{
    nilo_buf_addc(b, '"');
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '"' || p[i] == '\\')
            nilo_buf_addc(b, '\\');
        nilo_buf_addc(b, p[i]);
    }
    nilo_buf_addc(b, '"');
}

static void add_bytes(struct nilo_buf *b, const char *p, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    nilo_buf_adds(b, "\"\\\\x");
    for (size_t i = 0; i < n; i++) {
        nilo_buf_addc(b, digits[(unsigned char)p[i] >> 4]);
        nilo_buf_addc(b, digits[(unsigned char)p[i] & 15]);
    }
    nilo_buf_addc(b, '"');
}

static void add_value(struct nilo_buf *b, const struct nilo_db_value *v)
{
    nilo_buf_addc(b, b->len == 0 ? '{' : ',');
    switch (v->type) {
    case NILO_DB_NULL:
        nilo_buf_adds(b, "NULL");
        break;
    case NILO_DB_INT:
        nilo_buf_addi(b, v->i);
        break;
    case NILO_DB_BYTES:
        add_bytes(b, v->p, v->len);
        break;
    case NILO_DB_TEXT:
    case NILO_DB_REAL:
        if (v->p == NULL)
            nilo_buf_adds(b, "NULL");
        else
            add_text(b, v->p, v->len);
        break;
    }
}

static void arrays_init(struct arrays *a, int n)
{
    a->n = n;
    for (int i = 0; i < n; i++)
        nilo_buf_init(&a->column[i], ARRAY_MAX);
}

static void arrays_done(struct arrays *a)
{
    for (int i = 0; i < a->n; i++)
        nilo_buf_done(&a->column[i]);
}

/* The sets from number `at` on that go into one statement, as its parameters; *ret_sets of them. */
static int gather(struct arrays *a, size_t at, size_t count, nilo_db_params_fn *next, void *ctx, struct nilo_db_value *params, size_t *ret_sets,
                  struct nilo_err *err)
{
    size_t n = 0;
    bool full = false, failed = false;
    for (int i = 0; i < a->n; i++)
        nilo_buf_reset(&a->column[i]);
    for (; n < SETS && at + n < count && !full; n++) {
        struct nilo_db_value values[NILO_DB_FIELDS_MAX] = {NILO_DBV_NULL};
        next(ctx, at + n, values);
        for (int i = 0; i < a->n; i++) {
            add_value(&a->column[i], &values[i]);
            full = full || a->column[i].len > BYTES;
        }
    }
    for (int i = 0; i < a->n; i++) {
        nilo_buf_addc(&a->column[i], '}');
        failed = failed || a->column[i].failed;
        params[i] = nilo_dbv_textn(a->column[i].data, a->column[i].len);
    }
    *ret_sets = n;
    return failed ? nilo_err_nomem(err) : 0;
}

/* unnest() walks all of them at once, in order. */
static void add_unnest(const struct nilo_db_field *fields, int n, struct nilo_buf *sql)
{
    nilo_buf_adds(sql, "unnest(");
    for (int i = 0; i < n; i++)
        nilo_buf_addf(sql, "%sCAST(?%d AS %s[])", i > 0 ? ", " : "", i + 1, fields[i].type);
    nilo_buf_addc(sql, ')');
}

static int prepare(struct nilo_db *db, struct nilo_buf *sql, struct nilo_db_stmt **ret, struct nilo_err *err)
{
    int result = sql->failed ? nilo_err_nomem(err) : nilo_db_prepare(db, nilo_buf_str(sql), ret, err);
    nilo_buf_done(sql);
    return result;
}

/* ---- inserting -------------------------------------------------------------------------------------------------------------------------- */

static int insert_statement(struct nilo_db *db, const struct nilo_db_insert *what, struct nilo_db_stmt **ret, struct nilo_err *err)
{
    struct nilo_buf sql;
    nilo_buf_init(&sql, SQL_MAX);
    nilo_buf_addf(&sql, "INSERT INTO %s (", what->table);
    for (int i = 0; i < what->n_fields; i++)
        nilo_buf_addf(&sql, "%s%s", i > 0 ? ", " : "", what->fields[i].name);
    if (nilo_db_engine(db) == NILO_DB_POSTGRES) {
        nilo_buf_adds(&sql, ") SELECT * FROM ");
        add_unnest(what->fields, what->n_fields, &sql);
    } else {
        nilo_buf_adds(&sql, ") VALUES (");
        for (int i = 0; i < what->n_fields; i++)
            nilo_buf_addf(&sql, "%s?%d", i > 0 ? ", " : "", i + 1);
        nilo_buf_addc(&sql, ')');
    }
    nilo_buf_addf(&sql, " %s", what->conflict != NULL ? what->conflict : "");
    return prepare(db, &sql, ret, err);
}

static int insert_arrays(const struct nilo_db_insert *what, struct nilo_db_stmt *stmt, size_t count, nilo_db_params_fn *next, void *ctx,
                         struct nilo_err *err)
{
    struct arrays a;
    struct nilo_db_value params[NILO_DB_FIELDS_MAX];
    int result = 0;
    arrays_init(&a, what->n_fields);
    for (size_t at = 0, n = 0; at < count && result == 0; at += n) {
        result = gather(&a, at, count, next, ctx, params, &n, err);
        if (result == 0 && nilo_db_run(stmt, params, a.n, NULL, err) != 0)
            result = nilo_err_wrap(err, "sets %zu to %zu of %zu", at + 1, at + n, count);
    }
    arrays_done(&a);
    return result;
}

int nilo_db_insert(struct nilo_db *db, const struct nilo_db_insert *what, size_t count, nilo_db_params_fn *next, void *ctx,
                   struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    bool own = !nilo_db_in_transaction(db);
    assert(what->n_fields > 0 && what->n_fields <= NILO_DB_FIELDS_MAX);
    if (count == 0)
        return 0;
    if (insert_statement(db, what, &stmt, err) != 0)
        return -1;
    if (nilo_db_engine(db) == NILO_DB_SQLITE)
        return nilo_db_many(stmt, count, what->n_fields, next, NULL, ctx, err);
    if (own && nilo_db_begin(db, err) != 0)
        return -1;
    int result = insert_arrays(what, stmt, count, next, ctx, err);
    if (own && result == 0)
        result = nilo_db_commit(db, err);
    if (own && result != 0)
        nilo_db_rollback(db);
    return result;
}

/* ---- finding ---------------------------------------------------------------------------------------------------------------------------- */

/* Each key by itself: OFFSET keeps the planner from joining the whole table with a list whose length it does not know. */
static int find_statement(struct nilo_db *db, const struct nilo_db_find *what, struct nilo_db_stmt **ret, struct nilo_err *err)
{
    bool arrays = nilo_db_engine(db) == NILO_DB_POSTGRES;
    struct nilo_buf sql;
    nilo_buf_init(&sql, SQL_MAX);
    if (arrays) {
        nilo_buf_adds(&sql, "SELECT found.*, wanted.n FROM ");
        add_unnest(what->keys, what->n_keys, &sql);
        nilo_buf_adds(&sql, " WITH ORDINALITY AS wanted (");
        for (int i = 0; i < what->n_keys; i++)
            nilo_buf_addf(&sql, "k%d, ", i + 1);
        nilo_buf_adds(&sql, "n) CROSS JOIN LATERAL (");
    }
    nilo_buf_addf(&sql, "SELECT %s FROM %s WHERE ", what->columns, what->from);
    for (int i = 0; i < what->n_keys; i++)
        nilo_buf_addf(&sql, "%s%s = %s%d", i > 0 ? " AND " : "", what->keys[i].name, arrays ? "wanted.k" : "?", i + 1);
    if (what->also != NULL)
        nilo_buf_addf(&sql, " AND %s", what->also);
    if (arrays)
        nilo_buf_adds(&sql, " OFFSET 0) AS found ORDER BY wanted.n");
    return prepare(db, &sql, ret, err);
}

static int hand_rows(struct nilo_db_stmt *stmt, size_t at, nilo_db_row_fn *row, void *ctx, struct nilo_err *err)
{
    int got, last = nilo_db_columns(stmt) - 1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (row(ctx, at + (size_t)nilo_db_column_int(stmt, last) - 1, stmt, err) != 0) {
            nilo_db_reset(stmt);
            return -1;
        }
    }
    return got;
}

static int find_arrays(const struct nilo_db_find *what, struct nilo_db_stmt *stmt, size_t count, nilo_db_params_fn *next, nilo_db_row_fn *row,
                       void *ctx, struct nilo_err *err)
{
    struct arrays a;
    struct nilo_db_value params[NILO_DB_FIELDS_MAX];
    int result = 0;
    arrays_init(&a, what->n_keys);
    for (size_t at = 0, n = 0; at < count && result == 0; at += n) {
        result = gather(&a, at, count, next, ctx, params, &n, err);
        if (result == 0)
            result = nilo_db_query(stmt, params, a.n, err);
        if (result == 0)
            result = hand_rows(stmt, at, row, ctx, err);
    }
    arrays_done(&a);
    return result;
}

int nilo_db_find(struct nilo_db *db, const struct nilo_db_find *what, size_t count, nilo_db_params_fn *next, nilo_db_row_fn *row, void *ctx,
                 struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    assert(what->n_keys > 0 && what->n_keys <= NILO_DB_FIELDS_MAX);
    if (count == 0)
        return 0;
    if (find_statement(db, what, &stmt, err) != 0)
        return -1;
    if (nilo_db_engine(db) == NILO_DB_SQLITE)
        return nilo_db_many(stmt, count, what->n_keys, next, row, ctx, err);
    return find_arrays(what, stmt, count, next, row, ctx, err);
}
