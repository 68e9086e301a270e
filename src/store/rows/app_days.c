/* The days of the app's own metrics, as shown now, 32 to a row: what a dashboard asks for again and again is then read in a few steps instead of one a value. Derived:
 * a row follows the changes of its cells in their transaction. SQLite's only; PostgreSQL answers such questions from the record. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/digits.h"
#include "store/rows/derive_priv.h"

#define DAYS NILO_APP_DAYS

/* Position in its row, and which row. The low bits of a day before 1970 count up as well. */
static int32_t at_of(int32_t day) { return day & (DAYS - 1); }
int32_t nilo__app_days_block(int32_t day) { return (int32_t)(((int64_t)day - at_of(day)) / DAYS); }

struct row {
    struct nilo_entity_ref entity;
    int32_t metric, block;
    size_t first, n; /* changes */
    bool there, empty;
    char cells[NILO_APP_DAYS_TEXT];
};

struct rows {
    struct row *rows;
    size_t n;
    const struct nilo__change *changes;
    size_t *chosen, n_chosen;
};

static void key_params(const struct row *r, struct nilo_db_value *p)
{
    p[0] = NILO_DBV_INT(r->entity.bucket);
    p[1] = NILO_DBV_INT(r->entity.id);
    p[2] = NILO_DBV_INT(r->metric);
    p[3] = NILO_DBV_INT(r->block);
}

static void read_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    key_params(&((struct rows *)ctx)->rows[i], p);
}

static int read_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    struct row *r = &((struct rows *)ctx)->rows[i];
    const char *text = nilo_db_column_text(stmt, 0);
    if (text == NULL || strlen(text) >= sizeof(r->cells))
        return nilo_err_set(err, NILO_ECORRUPT, "the days of a metric of the app do not read; nilometer rebuild makes them anew");
    memcpy(r->cells, text, strlen(text) + 1);
    r->there = true;
    return 0;
}

static void chosen_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct rows *all = ctx;
    const struct row *r = &all->rows[all->chosen[i]];
    key_params(r, p);
    p[4] = NILO_DBV_TEXT(r->cells);
}

static void empty_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct rows *all = ctx;
    key_params(&all->rows[all->chosen[i]], p);
}

/* The row with its changes. What was there is cut at its commas. */
static void change_row(struct row *r, const struct nilo__change *changes)
{
    char was[NILO_APP_DAYS_TEXT], *to = r->cells;
    const char *from[DAYS], *p = was;
    size_t len[DAYS];
    memcpy(was, r->cells, sizeof(was));
    for (int i = 0; i < DAYS; i++) {
        from[i] = p;
        len[i] = strcspn(p, ",");
        p += len[i] + (p[len[i]] == ',');
    }
    r->empty = true;
    for (int i = 0; i < DAYS; i++) {
        const struct nilo__change *c = NULL;
        for (size_t k = r->first; c == NULL && k < r->first + r->n; k++)
            c = at_of(changes[k].day) == i ? &changes[k] : NULL;
        if (i > 0)
            *to++ = ',';
        size_t n = c == NULL ? len[i] : c->new_state == NILO__VALUE ? nilo_digits(c->new_value, to) : 0;
        if (c == NULL)
            memcpy(to, from[i], n);
        to += n;
        r->empty = r->empty && n == 0;
    }
    *to = '\0';
}

static void choose(struct rows *all, bool empty)
{
    all->n_chosen = 0;
    for (size_t i = 0; i < all->n; i++) {
        const struct row *r = &all->rows[i];
        if (r->empty == empty && (!empty || r->there))
            all->chosen[all->n_chosen++] = i;
    }
}

static const struct nilo_db_field fields[] = {
    {"bucket", "smallint"}, {"entity_id", "bigint"}, {"metric_id", "integer"}, {"block", "integer"}, {"cells", "text"},
};
static const struct nilo_db_insert put_rows = {
    .table = "app_days",
    .fields = fields,
    .n_fields = 5,
    .conflict = "ON CONFLICT (bucket, entity_id, metric_id, block) DO UPDATE SET cells = excluded.cells",
};

static int write_rows(struct nilo_store *s, struct rows *all, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    choose(all, false);
    if (nilo_db_insert(s->db, &put_rows, all->n_chosen, chosen_params, all, err) < 0 ||
        nilo_db_prepare(s->db, "DELETE FROM app_days WHERE bucket = ?1 AND entity_id = ?2 AND metric_id = ?3 AND block = ?4", &stmt, err) < 0)
        return -1;
    choose(all, true);
    return nilo_db_many(stmt, all->n_chosen, 4, empty_params, NULL, all, err);
}

static bool in_row(const struct nilo__change *a, const struct nilo__change *b)
{
    return nilo__entity_cmp(a->entity, b->entity) == 0 && a->metric == b->metric && nilo__app_days_block(a->day) == nilo__app_days_block(b->day);
}

/* The rows that the changes are in; without room for them only how many. */
static void gather(struct rows *all, const struct nilo__items *items, size_t n)
{
    const struct nilo__change *last = NULL;
    size_t item = 0;
    all->n = 0;
    for (size_t i = 0; i < n; i++) {
        const struct nilo__change *c = &all->changes[i];
        while (nilo__entity_cmp(items->items[item].entity, c->entity) != 0)
            item++;
        if (items->items[item].kind != NILO_APP || c->win != 0)
            continue;
        if (last == NULL || !in_row(last, c)) {
            if (all->rows != NULL)
                all->rows[all->n] = (struct row){.entity = c->entity, .metric = c->metric, .block = nilo__app_days_block(c->day), .first = i};
            all->n++;
        }
        if (all->rows != NULL)
            all->rows[all->n - 1].n++;
        last = c;
    }
}

int nilo__app_days(struct nilo_store *s, const struct nilo__items *items, const struct nilo__change *changes, size_t n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct rows all = {.changes = changes};
    size_t apps = 0;
    for (size_t i = 0; i < items->n; i++)
        apps += items->items[i].kind == NILO_APP;
    if (apps == 0 || nilo_db_engine(s->db) != NILO_DB_SQLITE)
        return 0;
    gather(&all, items, n); /* a row is large, and most changes are of items */
    all.rows = nilo_arena_array(items->arena, all.n + 1, sizeof(*all.rows));
    all.chosen = nilo_arena_array(items->arena, all.n + 1, sizeof(*all.chosen));
    if (all.rows == NULL || all.chosen == NULL)
        return nilo_err_nomem(err);
    gather(&all, items, n);
    if (nilo_db_prepare(s->db, "SELECT cells FROM app_days WHERE bucket = ?1 AND entity_id = ?2 AND metric_id = ?3 AND block = ?4", &stmt, err) < 0 ||
        nilo_db_many(stmt, all.n, 4, read_params, read_row, &all, err) < 0)
        return -1;
    for (size_t i = 0; i < all.n; i++)
        change_row(&all.rows[i], changes);
    return write_rows(s, &all, err);
}

/* ---- from the record ---------------------------------------------------------------------------------------------------------------- */

/* The rows as the record gives them, in one statement; the migration filled the table with the same. */
static void add_fresh(struct nilo_buf *sql, const char *of)
{
    nilo_buf_adds(sql, "SELECT v.bucket, v.entity_id, v.metric_id, (v.day - (v.day & 31)) / 32 AS block, ");
    for (int i = 0; i < DAYS; i++)
        nilo_buf_addf(sql, "%scoalesce(max(CASE v.day & 31 WHEN %d THEN v.value END), '')", i > 0 ? " || ',' || " : "", i);
    nilo_buf_adds(sql, " AS cells FROM entity e JOIN day_value v ON v.bucket = e.bucket AND v.entity_id = e.id WHERE e.kind = 2 AND v.win = 0 "
                       "AND v.value IS NOT NULL AND " NILO__SHOWN);
    nilo_buf_adds(sql, of);
    nilo_buf_adds(sql, " GROUP BY 1, 2, 3, 4");
}

int nilo__app_days_drop(struct nilo_store *s, int64_t connection, int32_t until, struct nilo_err *err)
{
    static const char old[] = "DELETE FROM app_days WHERE block <= ?2 AND EXISTS (SELECT 1 FROM entity e WHERE e.bucket = app_days.bucket AND e.id = app_days.entity_id "
                              "AND e.connection_id = ?1)";
    struct nilo_buf sql;
    if (nilo_db_engine(s->db) != NILO_DB_SQLITE)
        return 0;
    nilo_buf_init(&sql, 64 << 10);
    nilo_buf_adds(&sql, "INSERT INTO app_days (bucket, entity_id, metric_id, block, cells) ");
    add_fresh(&sql, " AND e.connection_id = ?1 AND v.day < (?2 + 1) * 32");
    int rc = sql.failed ? nilo_err_nomem(err) : nilo__run(s, err, old, NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(nilo__app_days_block(until))));
    if (rc == 0)
        rc = nilo__run(s, err, sql.data, NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(nilo__app_days_block(until))));
    nilo_buf_done(&sql);
    return rc;
}

int nilo__app_days_audit(struct nilo_store *s, void (*tell)(void *ctx, struct nilo_entity_ref e, int32_t metric), void *ctx, struct nilo_err *err)
{
    struct nilo_buf sql;
    struct nilo_db_stmt *stmt = NULL;
    int got = 0;
    if (nilo_db_engine(s->db) != NILO_DB_SQLITE)
        return 0;
    nilo_buf_init(&sql, 64 << 10);
    nilo_buf_adds(&sql, "WITH fresh AS (");
    add_fresh(&sql, "");
    nilo_buf_adds(&sql, "), kept AS (SELECT bucket, entity_id, metric_id, block, cells FROM app_days) SELECT DISTINCT bucket, entity_id, metric_id FROM "
                        "(SELECT * FROM (SELECT * FROM fresh EXCEPT SELECT * FROM kept) UNION ALL SELECT * FROM (SELECT * FROM kept EXCEPT SELECT * FROM fresh)) "
                        "ORDER BY 1, 2, 3");
    int rc = sql.failed ? nilo_err_nomem(err) : nilo_db_prepare_once(s->db, sql.data, &stmt, err);
    if (rc == 0)
        rc = nilo_db_query(stmt, NULL, 0, err);
    while (rc == 0 && (got = nilo_db_row(stmt, err)) == 1)
        tell(ctx, (struct nilo_entity_ref){.bucket = (int32_t)nilo_db_column_int(stmt, 0), .id = nilo_db_column_int(stmt, 1)}, (int32_t)nilo_db_column_int(stmt, 2));
    nilo_db_finish(stmt);
    nilo_buf_done(&sql);
    return rc == 0 && got >= 0 ? 0 : -1;
}
