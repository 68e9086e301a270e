/* The app's own cells, for questions that are asked again and again: which entities they are of, and a statement for a range of
 * their days. */
#include <inttypes.h>

#include "store/rows/derive_priv.h"

int nilo_store_apps(struct nilo_store *s, const struct nilo_scope *scope, struct nilo_entity_ref *ret, int most, int *ret_n, struct nilo_err *err)
{
    struct nilo_buf sql;
    struct nilo_db_stmt *stmt = NULL;
    int got = 0, n = 0;
    nilo_buf_init(&sql, 64 << 10);
    nilo_buf_adds(&sql, "SELECT e.bucket, e.id, c.dropped_until FROM connection c CROSS JOIN workspace w CROSS JOIN entity e WHERE w.id = c.workspace_id "
                        "AND e.connection_id = c.id");
    nilo_buf_addf(&sql, " AND e.kind = %d", (int)NILO_APP);
    nilo__scope_sql(scope, "c.workspace_id", &sql);
    nilo__scope_sql(scope, "e.workspace_id", &sql);
    nilo_buf_adds(&sql, " ORDER BY w.name, c.name, e.bucket, e.id");
    int rc = sql.failed ? nilo_err_nomem(err) : nilo_store_scope(s, scope, err);
    if (rc == 0)
        rc = nilo_db_prepare_once(s->db, sql.data, &stmt, err);
    if (rc == 0)
        rc = nilo_db_query(stmt, NULL, 0, err);
    while (rc == 0 && (got = nilo_db_row(stmt, err)) == 1) {
        bool fits = n < most && nilo_db_column_int(stmt, 2) == NILO_DAY_NONE.n;
        if (fits)
            ret[n] = (struct nilo_entity_ref){.bucket = (int32_t)nilo_db_column_int(stmt, 0), .id = nilo_db_column_int(stmt, 1)};
        n = fits ? n + 1 : most + 1;
        if (!fits)
            break;
    }
    nilo_db_finish(stmt);
    nilo_buf_done(&sql);
    *ret_n = n;
    return rc == 0 && got >= 0 ? 0 : -1;
}

int nilo_store_app_days(struct nilo_store *s, struct nilo_entity_ref e, nilo_day from, nilo_day to, const int32_t *metrics, size_t n, struct nilo_db_stmt **ret,
                        struct nilo_err *err)
{
    struct nilo_buf sql;
    nilo_buf_init(&sql, 64 << 10);
    for (size_t i = 0; i < n; i++) { /* IN takes twice as long */
        nilo_buf_adds(&sql, i > 0 ? " UNION ALL " : "");
        nilo_buf_addf(&sql, "SELECT metric_id, block, cells FROM app_days WHERE bucket = %" PRId32 " AND entity_id = %" PRId64, e.bucket, e.id);
        nilo_buf_addf(&sql, " AND metric_id = %" PRId32 " AND block BETWEEN %" PRId32 " AND %" PRId32, metrics[i], nilo__app_days_block(from.n), nilo__app_days_block(to.n));
    }
    int rc = sql.failed ? nilo_err_nomem(err) : nilo_db_prepare_once(s->db, sql.data, ret, err);
    nilo_buf_done(&sql);
    return rc;
}
