/* Is every row of an export in the store already, as it is? Asked by key, piece by piece; the first that is not is told by names. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/rows/load.h"

struct comparing {
    const struct nilo_load *l;
    size_t table;
    const struct nilo__rows *rows;
    bool *found;
    bool differs;
    size_t row, column; /* the first difference */
    char here[160], there[160];
};

static const struct nilo_whole_cell *row_of(const struct comparing *c, size_t i)
{
    return &c->rows->cells[i * nilo_whole_tables[c->table].n_columns];
}

static void key_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct comparing *c = ctx;
    const struct nilo_whole_table *t = &nilo_whole_tables[c->table];
    for (size_t k = 0; k < t->n_key; k++)
        p[k] = nilo__load_value(c->l, &t->columns[k], &row_of(c, i)[k]);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* As a person would read it: days and instants by their column's name. */
static void spell(const char *column, const struct nilo_db_value *v, char *out, size_t size)
{
    char day[NILO_DAY_TEXT], us[NILO_US_TEXT];
    if (v->type == NILO_DB_NULL)
        snprintf(out, size, "nothing");
    else if (v->type == NILO_DB_TEXT)
        snprintf(out, size, "\"%.80s\"", v->p);
    else if (v->type == NILO_DB_BYTES)
        snprintf(out, size, "other bytes");
    else if (ends_with(column, "_at")) {
        nilo_us_format(v->i, us);
        snprintf(out, size, "%s", us);
    } else if (ends_with(column, "day") || ends_with(column, "_until")) {
        nilo_day_format(NILO_DAY((int32_t)v->i), day);
        snprintf(out, size, "%s", day[0] ? day : "none");
    } else
        snprintf(out, size, "%" PRId64, v->i);
}

static bool same(const struct nilo_db_value *a, const struct nilo_db_value *b)
{
    if (a->type != b->type)
        return false;
    if (a->type == NILO_DB_NULL || a->type == NILO_DB_INT)
        return a->type == NILO_DB_NULL || a->i == b->i;
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

/* Days that were closed or read since the export was taken are no contradiction. */
static bool may_rise(const struct comparing *c, const char *column)
{
    return strcmp(nilo_whole_tables[c->table].name, "connection") == 0 &&
           (strcmp(column, "closed_until") == 0 || strcmp(column, "read_until") == 0 || strcmp(column, "dropped_until") == 0);
}

static int compare(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct comparing *c = ctx;
    const struct nilo_whole_table *t = &nilo_whole_tables[c->table];
    c->found[i] = true;
    for (size_t k = t->n_key; k < t->n_columns && !(c->differs && c->row <= i); k++) {
        struct nilo_db_value here = nilo_db_column(stmt, (int)k), there = nilo__load_value(c->l, &t->columns[k], &row_of(c, i)[k]);
        if (same(&here, &there) || (may_rise(c, t->columns[k].name) && here.i > there.i))
            continue;
        c->differs = true;
        c->row = i;
        c->column = k;
        spell(t->columns[k].name, &here, c->here, sizeof c->here);
        spell(t->columns[k].name, &there, c->there, sizeof c->there);
    }
    return 0;
}

/* ---- telling which row -------------------------------------------------------------------------------------------------------------- */

static void name_by_id(struct nilo_load *l, const char *what, const char *sql, const struct nilo_db_value *params, int n, struct nilo_buf *b)
{
    struct nilo_db_stmt *stmt;
    struct nilo_err ignored;
    if (nilo__query(l->store, &stmt, &ignored, sql, n, params) == 0 && nilo_db_row(stmt, &ignored) == 1)
        nilo_buf_addf(b, ", %s \"%.100s\"", what, nilo_db_column_text(stmt, 0));
    nilo_db_reset(stmt);
}

static void name_row(struct nilo_load *l, const struct comparing *c, size_t i, struct nilo_buf *b)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[c->table];
    const struct nilo_whole_cell *cells = row_of(c, i);
    nilo_buf_adds(b, t->name);
    for (size_t k = 0; k < t->n_columns; k++) {
        const struct nilo_whole_column *col = &t->columns[k];
        struct nilo_db_value v = nilo__load_value(l, col, &cells[k]);
        char text[160];
        bool key = k < t->n_key;
        if (col->ids == NILO__ITEMS && key)
            name_by_id(l, "item", "SELECT external_id FROM entity WHERE bucket = ?1 AND id = ?2",
                       (struct nilo_db_value[]){NILO_DBV_INT(cells[0].i), v}, 2, b);
        else if (col->ids == NILO__METRICS && key)
            name_by_id(l, "metric", "SELECT name FROM metric WHERE id = ?1", &v, 1, b);
        else if (col->ids == NILO__CONNECTIONS && key)
            name_by_id(l, "connection", "SELECT name FROM connection WHERE id = ?1", &v, 1, b);
        else if ((key && strcmp(col->name, "bucket") != 0 && col->ids != NILO__WORKSPACES) || strcmp(col->name, "external_id") == 0 ||
                 strcmp(col->name, "name") == 0) {
            spell(col->name, &v, text, sizeof text);
            nilo_buf_addf(b, ", %s %s", col->name, text);
        }
    }
}

static int tell(struct nilo_load *l, const struct comparing *c, size_t i, bool missing, struct nilo_err *err)
{
    struct nilo_buf b;
    nilo_buf_init(&b, 4096);
    name_row(l, c, i, &b);
    if (missing)
        nilo_buf_adds(&b, ": in the file and not here");
    else
        nilo_buf_addf(&b, ": %s is %s here and %s in the file", nilo_whole_tables[c->table].columns[c->column].name, c->here, c->there);
    nilo_err_set(err, NILO_EEXIST, "workspace %s is in this store already and has other data (%s); nothing was changed", l->names, nilo_buf_str(&b));
    nilo_buf_done(&b);
    return -1;
}

int nilo__load_same(struct nilo_load *l, size_t table, const struct nilo__rows *rows, struct nilo_err *err)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[table];
    struct comparing c = {.l = l, .table = table, .rows = rows, .found = calloc(rows->n, sizeof *c.found)};
    struct nilo_db_stmt *stmt;
    struct nilo_buf sql;
    if (!c.found)
        return nilo_err_nomem(err);
    nilo_buf_init(&sql, 8192);
    for (size_t i = 0; i < t->n_columns; i++)
        nilo_buf_addf(&sql, "%s%s", i ? ", " : "SELECT ", t->columns[i].name);
    nilo_buf_addf(&sql, " FROM %s", t->table);
    for (size_t i = 0; i < t->n_key; i++)
        nilo_buf_addf(&sql, "%s%s = ?%zu", i ? " AND " : " WHERE ", t->columns[i].name, i + 1);
    int rc = sql.failed ? nilo_err_nomem(err) : nilo_db_prepare(l->store->db, nilo_buf_str(&sql), &stmt, err);
    nilo_buf_done(&sql);
    if (rc == 0)
        rc = nilo_db_many(stmt, rows->n, (int)t->n_key, key_params, compare, &c, err);
    for (size_t i = 0; i < rows->n && rc == 0; i++) {
        if (!c.found[i] || (c.differs && c.row == i))
            rc = tell(l, &c, i, !c.found[i], err);
    }
    free(c.found);
    return rc;
}
