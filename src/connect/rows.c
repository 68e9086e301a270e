/* The rows of somebody's own table as JSON objects, one after the other: for an import straight from tables that an app kept by hand. PostgreSQL spells them
 * (to_jsonb): numbers exactly, times in ISO 8601, what is nested as it is. One statement in a read-only transaction, so it is one state of the table. */
#include "connect/connect.h"

#include <stdlib.h>
#include <string.h>

#include "config/config.h"

#define SQL_MAX   ((size_t)128 << 10)
#define LOCK_WAIT 30000 /* ms; a migration of the app may hold the table for a while */

struct nilo_sql_rows {
    struct nilo_db *db;
    struct nilo_db_stmt *stmt;
    struct nilo_buf from; /* FROM item: a quoted name, or (query) */
    char *name;
    bool daily;
};

void nilo_sql_rows_close(struct nilo_sql_rows *r)
{
    if (r == NULL)
        return;
    nilo_db_finish(r->stmt);
    if (r->db != NULL)
        nilo_db_rollback(r->db);
    nilo_db_close(r->db);
    nilo_buf_done(&r->from);
    free(r->name);
    free(r);
}

const char *nilo_sql_rows_name(const struct nilo_sql_rows *r)
{
    return r->name;
}

bool nilo_sql_rows_daily(const struct nilo_sql_rows *r)
{
    return r->daily;
}

static int take_query(struct nilo_sql_rows *r, const char *query, struct nilo_err *err)
{
    nilo_buf_adds(&r->from, "(");
    if (nilo_config_sql_plain(query, NILO_SQL_POSTGRES, &r->from, err) != 0)
        return nilo_err_wrap(err, "--query");
    nilo_buf_adds(&r->from, "\n)");
    r->name = strdup("the query");
    return 0;
}

static int take_table(struct nilo_sql_rows *r, const char *table, struct nilo_err *err)
{
    if (nilo_config_sql_quote(table, &r->from, err) != 0)
        return nilo_err_wrap(err, "--table");
    return asprintf(&r->name, "table %s", table) < 0 ? nilo_err_nomem(err) : 0;
}

static bool has_column(const struct nilo_db_stmt *s, const char *name)
{
    for (int i = 0; i < nilo_db_columns(s); i++) {
        if (strcmp(nilo_db_column_name(s, i), name) == 0)
            return true;
    }
    return false;
}

/* Is it a table of an app's own metrics, a row a day and metric? */
static int look(struct nilo_sql_rows *r, struct nilo_err *err)
{
    static const char *const daily[] = {"metric_date", "metric_type", "metric_category", "value", "metadata", "collection_timestamp"};
    struct nilo_buf sql;
    nilo_buf_init(&sql, SQL_MAX);
    nilo_buf_addf(&sql, "SELECT * FROM %s AS t LIMIT 0", nilo_buf_str(&r->from));
    int rc = sql.failed ? nilo_err_nomem(err) : nilo_db_prepare_once(r->db, sql.data, &r->stmt, err);
    nilo_buf_done(&sql);
    if (rc != 0)
        return -1;
    r->daily = true;
    for (size_t i = 0; i < sizeof(daily) / sizeof(daily[0]); i++)
        r->daily &= has_column(r->stmt, daily[i]);
    nilo_db_finish(r->stmt);
    r->stmt = NULL;
    return 0;
}

int nilo_sql_rows_open(const char *database, const char *table, const char *query, struct nilo_sql_rows **ret, struct nilo_err *err)
{
    struct nilo_sql_rows *r = calloc(1, sizeof *r);
    const struct nilo_db_options options = {.mode = NILO_DB_SOURCE, .lock_wait_ms = LOCK_WAIT};
    if (r == NULL)
        return nilo_err_nomem(err);
    nilo_buf_init(&r->from, SQL_MAX / 2);
    int rc = query != NULL ? take_query(r, query, err) : take_table(r, table, err);
    if (rc == 0 && (r->from.failed || r->name == NULL))
        rc = nilo_err_nomem(err);
    if (rc == 0)
        rc = nilo_db_open(database, &options, &r->db, err);
    if (rc == 0 && nilo_db_engine(r->db) != NILO_DB_POSTGRES)
        rc = nilo_err_set(err, NILO_EUSAGE, "tables are imported from PostgreSQL; of SQLite write them out first: sqlite3 -csv -header FILE 'SELECT ...' | nilometer import -");
    if (rc == 0)
        rc = nilo_db_exec(r->db, "SET TIME ZONE 'UTC'", err);
    if (rc == 0)
        rc = nilo_db_begin(r->db, err);
    if (rc == 0 && look(r, err) != 0)
        rc = nilo_err_wrap(err, "%s of %s", r->name, nilo_db_target(r->db));
    if (rc != 0) {
        nilo_sql_rows_close(r);
        return -1;
    }
    *ret = r;
    return 0;
}

/* ---- what is asked ------------------------------------------------------------------------------------------------------------------------------ */

int nilo_sql_rows_begin(struct nilo_sql_rows *r, const struct nilo_sql_daily *as, struct nilo_err *err)
{
    /* As `nilometer export` writes values. Zeros behind the point are the column's, not the metric's. */
    static const char values[] =
        "SELECT CAST(jsonb_build_object('workspace', CAST(?1 AS text), 'connection', CAST(?2 AS text), 'platform', CAST(?3 AS text), "
        "'entity', 'app', 'external_id', CAST(?4 AS text), 'window_days', 0, 'day', to_char(CAST(t.metric_date AS date), 'YYYY-MM-DD'), "
        "'metric', CAST(t.metric_category AS text), 'metric_type', CAST(t.metric_type AS text), 'value', trim_scale(CAST(t.value AS numeric)), "
        "'absence', CASE WHEN t.value IS NULL THEN 'not_reported' END, 'provenance', 'imported', "
        "'captured_at', CAST(t.collection_timestamp AS timestamptz), 'metadata', t.metadata) AS text) FROM ";
    const struct nilo_db_value p[] = {nilo_dbv_text(as != NULL ? as->workspace : ""), nilo_dbv_text(as != NULL ? as->connection : ""),
                                      nilo_dbv_text(as != NULL ? as->platform : ""), nilo_dbv_text(NILO_APP_ID)};
    struct nilo_buf sql;
    nilo_buf_init(&sql, SQL_MAX);
    nilo_buf_adds(&sql, as != NULL ? values : "SELECT CAST(to_jsonb(t) AS text) FROM ");
    nilo_buf_addf(&sql, "%s AS t", nilo_buf_str(&r->from));
    int rc = sql.failed ? nilo_err_nomem(err) : nilo_db_prepare_once(r->db, sql.data, &r->stmt, err);
    nilo_buf_done(&sql);
    if (rc == 0)
        rc = nilo_db_query(r->stmt, p, as != NULL ? 4 : 0, err);
    return rc == 0 ? 0 : nilo_err_wrap(err, "%s of %s", r->name, nilo_db_target(r->db));
}

int nilo_sql_rows_next(struct nilo_sql_rows *r, const char **ret, size_t *ret_len, struct nilo_err *err)
{
    int rc = nilo_db_row(r->stmt, err);
    if (rc < 0)
        return nilo_err_wrap(err, "%s of %s", r->name, nilo_db_target(r->db));
    if (rc == 0)
        return 0;
    struct nilo_db_value v = nilo_db_column(r->stmt, 0);
    *ret = v.p;
    *ret_len = v.len;
    return 1;
}
