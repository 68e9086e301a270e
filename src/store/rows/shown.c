/* What is shown just now of given cells, and where the app's own metrics are kept: for writers that have to know before they write. */
#include "store/rows/rows.h"

struct showing {
    const struct nilo_cell_key *keys;
    struct nilo_shown *ret;
    struct nilo_arena *arena;
};

static void key_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct nilo_cell_key *k = &((struct showing *)ctx)->keys[i];
    p[0] = NILO_DBV_INT(k->entity.bucket);
    p[1] = NILO_DBV_INT(k->entity.id);
    p[2] = NILO_DBV_INT(k->win);
    p[3] = NILO_DBV_INT(k->day.n);
    p[4] = NILO_DBV_INT(k->metric);
}

/* All versions come, in any order: the greatest is what is shown. */
static int cell_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    const struct showing *x = ctx;
    struct nilo_shown *r = &x->ret[i];
    int64_t seq = nilo_db_column_int(stmt, 0);
    if (r->there && seq < r->seq)
        return 0;
    *r = (struct nilo_shown){.there = true,
                             .seq = seq,
                             .cell = {.value = nilo_db_column_int(stmt, 1),
                                      .absence = (uint8_t)nilo_db_column_int(stmt, 2),
                                      .provenance = (uint8_t)nilo_db_column_int(stmt, 3),
                                      .rank = (uint8_t)nilo_db_column_int(stmt, 4),
                                      .cause = (uint8_t)nilo_db_column_int(stmt, 5),
                                      .run = nilo_db_column_int(stmt, 6),
                                      .captured_at = nilo_db_column_int(stmt, 7)},
                             .meta = nilo_arena_strdup(x->arena, nilo_db_column_text(stmt, 8))};
    return r->meta || nilo_db_column_null(stmt, 8) ? 0 : nilo_err_nomem(err);
}

int nilo_store_shown(struct nilo_store *s, const struct nilo_cell_key *keys, size_t n, struct nilo_arena *arena, struct nilo_shown *ret,
                     struct nilo_err *err)
{
    static const struct nilo_db_field fields[] = {
        {"v.bucket", "smallint"}, {"v.entity_id", "bigint"}, {"v.win", "integer"}, {"v.day", "integer"}, {"v.metric_id", "integer"},
    };
    static const struct nilo_db_find find = {
        .columns = "v.seq, v.value, v.absence, v.provenance, v.rank, v.cause, v.run_id, v.captured_at, v.meta",
        .from = "day_value AS v",
        .keys = fields,
        .n_keys = 5,
    };
    struct showing x = {keys, ret, arena};
    for (size_t i = 0; i < n; i++)
        ret[i] = (struct nilo_shown){0};
    return nilo_db_find(s->db, &find, n, key_params, cell_row, &x, err);
}

int nilo_store_app_connection(struct nilo_store *s, int64_t workspace, int32_t metric, int64_t *ret, struct nilo_err *err)
{
    return nilo__query_int(s, 0, ret, err,
                           "SELECT min(e.connection_id) FROM connection c JOIN entity e ON e.connection_id = c.id AND e.kind = ?3 JOIN known k ON "
                           "k.bucket = e.bucket AND k.entity_id = e.id AND k.win = 0 AND k.metric_id = ?2 WHERE c.workspace_id = ?1",
                           NILO__PARAMS(NILO_DBV_INT(workspace), NILO_DBV_INT(metric), NILO_DBV_INT(NILO_APP)));
}

int nilo_store_has_day(struct nilo_store *s, struct nilo_entity_ref e, int32_t win, nilo_day day, bool *ret, struct nilo_err *err)
{
    int64_t n;
    if (nilo__query_int(s, 0, &n, err,
                        "SELECT count(*) FROM (SELECT 1 FROM day_value WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day = ?4 LIMIT 1) x",
                        NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(win), NILO_DBV_INT(day.n))) < 0)
        return -1;
    *ret = n > 0;
    return 0;
}

int nilo_store_has_reading(struct nilo_store *s, struct nilo_entity_ref e, int32_t win, nilo_day day, nilo_us captured_at, bool *ret,
                           struct nilo_err *err)
{
    int64_t n;
    if (nilo__query_int(s, 0, &n, err,
                        "SELECT count(*) FROM (SELECT 1 FROM observation WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day = ?4 AND "
                        "captured_at = ?5 LIMIT 1) x",
                        NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(win), NILO_DBV_INT(day.n),
                                     NILO_DBV_INT(captured_at))) < 0)
        return -1;
    *ret = n > 0;
    return 0;
}
