/* rebuild: every derived row anew from the record, through the code that keeps them day by day; and the digest to compare. */
#include <stdlib.h>

#include "base/hash.h"
#include "store/rows/derive.h"

#define CHUNK 50000 /* shown cells derived at a time */

int nilo__entities(struct nilo_store *s, struct nilo_entity_ref **ret, size_t *ret_n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int64_t count;
    size_t n = 0;
    int got;
    if (nilo__query_int(s, 0, &count, err, "SELECT count(*) FROM entity", 0, NULL) < 0)
        return -1;
    struct nilo_entity_ref *all = calloc((size_t)count + 1, sizeof *all);
    if (!all)
        return nilo_err_nomem(err);
    if (nilo__query(s, &stmt, err, "SELECT bucket, id FROM entity ORDER BY bucket, id", 0, NULL) < 0) {
        free(all);
        return -1;
    }
    while ((got = nilo_db_row(stmt, err)) == 1 && n < (size_t)count)
        all[n++] = (struct nilo_entity_ref){(int32_t)nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1)};
    nilo_db_reset(stmt);
    if (got < 0) {
        free(all);
        return -1;
    }
    *ret = all;
    *ret_n = n;
    return 0;
}

int nilo__derive_all(struct nilo_store *s, const struct nilo_entity_ref *all, size_t n, nilo_progress_fn *progress, void *ctx,
                     struct nilo_err *err)
{
    struct nilo__change *c = NULL;
    size_t n_c = 0, cap = 0;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = nilo__shown_of(s, all[i], &c, &n_c, &cap, err);
        if (rc == 0 && (n_c >= CHUNK || i + 1 == n)) {
            rc = nilo__derive(s, c, n_c, err);
            n_c = 0;
            if (progress)
                progress(ctx, (int64_t)(i + 1), (int64_t)n);
        }
        if (rc == 0)
            rc = nilo__best_anew(s, &all[i], 1, err);
    }
    free(c);
    return rc;
}

static int rebuild_in(struct nilo_store *s, const struct nilo_entity_ref *all, size_t n, nilo_progress_fn *progress, void *ctx,
                      struct nilo_err *err)
{
    static const char *const derived[] = {"DELETE FROM known", "DELETE FROM latest", "DELETE FROM best", "DELETE FROM total"};
    for (size_t i = 0; i < sizeof derived / sizeof derived[0]; i++)
        if (nilo__run(s, err, derived[i], 0, NULL) < 0)
            return -1;
    if (nilo_db_engine(s->db) == NILO_DB_SQLITE && nilo__run(s, err, "DELETE FROM app_days", 0, NULL) < 0)
        return -1;
    return nilo__carry_totals(s, 0, err) < 0 ? -1 : nilo__derive_all(s, all, n, progress, ctx, err);
}

/* In a transaction. */
static int rebuild_all(struct nilo_store *s, nilo_progress_fn *progress, void *ctx, struct nilo_err *err)
{
    struct nilo_entity_ref *all = NULL;
    size_t n = 0;
    if (nilo__entities(s, &all, &n, err) < 0)
        return -1;
    int rc = rebuild_in(s, all, n, progress, ctx, err);
    free(all);
    return rc;
}

int nilo_store_rebuild(struct nilo_store *s, nilo_progress_fn *progress, void *ctx, struct nilo_err *err)
{
    if (nilo_store_begin(s, err) < 0)
        return -1;
    if (rebuild_all(s, progress, ctx, err) < 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

static int digest_table(struct nilo_store *s, struct nilo_sha256 *h, const char *sql, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__query(s, &stmt, err, sql, 0, NULL) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        struct nilo_buf line;
        nilo_buf_init(&line, 1024);
        for (int i = 0; i < nilo_db_columns(stmt); i++) {
            if (nilo_db_column_null(stmt, i))
                nilo_buf_adds(&line, "~ ");
            else
                nilo_buf_addf(&line, "%lld ", (long long)nilo_db_column_int(stmt, i));
        }
        nilo_buf_addc(&line, '\n');
        nilo_sha256_add(h, nilo_buf_str(&line), line.len);
        nilo_buf_done(&line);
    }
    return got;
}

int nilo_store_digest(struct nilo_store *s, char out[65], struct nilo_err *err)
{
    static const char *const tables[] = {
        "SELECT bucket, entity_id, win, metric_id, day, value FROM known ORDER BY bucket, entity_id, win, metric_id",
        "SELECT bucket, entity_id, win, first_day, day FROM latest ORDER BY bucket, entity_id, win",
        "SELECT bucket, entity_id, metric_id, value, gmv, win, day, captured_at, run_id FROM best ORDER BY bucket, entity_id, metric_id",
        ("SELECT bucket, scope_kind, scope_id, win, metric_id, day, hi, lo, known, fresh FROM total "
         "ORDER BY bucket, scope_kind, scope_id, win, metric_id, day"),
    };
    struct nilo_sha256 h;
    unsigned char hash[NILO_SHA256_LEN];
    nilo_sha256_init(&h);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (digest_table(s, &h, tables[i], err) < 0)
            return -1;
    nilo_sha256_done(&h, hash);
    nilo_hex(hash, sizeof hash, out);
    return 0;
}
