/* Budgets, hosts, and how reading each item went. */
#include <string.h>

#include "store/collecting.h"
#include "store/rows/rows.h"

/* ---- budgets ------------------------------------------------------------------------------------------------------------------------ */

#define BUDGET "SELECT owner, bucket, period_start, period_end, most, used, blocked_until, reason FROM api_budget"

static int read_budget(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    struct nilo_budget_row *row = to;
    *row = (struct nilo_budget_row){.period_start = nilo_db_column_int(stmt, 2),
                                    .period_end = nilo_db_column_int(stmt, 3),
                                    .most = nilo_db_column_int(stmt, 4),
                                    .used = nilo_db_column_int(stmt, 5),
                                    .blocked_until = nilo__us_column(stmt, 6)};
    if (nilo__text_column(stmt, 0, arena, &row->owner, err) < 0 || nilo__text_column(stmt, 1, arena, &row->bucket, err) < 0)
        return -1;
    return nilo__text_column(stmt, 7, arena, &row->reason, err);
}

int nilo_store_budget(struct nilo_store *s, const char *owner, const char *bucket, struct nilo_arena *arena, bool *ret_there, struct nilo_budget_row *ret,
                      struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo_budget_row row;
    if (nilo__query(s, &stmt, err, BUDGET " WHERE owner = ?1 AND bucket = ?2", NILO__PARAMS(NILO_DBV_TEXT(owner), NILO_DBV_TEXT(bucket))) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1 && read_budget(stmt, arena, &row, err) < 0)
        got = -1;
    nilo_db_reset(stmt);
    if (got < 0)
        return -1;
    if (got == 1)
        *ret = row;
    *ret_there = got == 1;
    return 0;
}

int nilo_store_budget_put(struct nilo_store *s, const struct nilo_budget_row *row, int64_t told, int64_t *ret_used, struct nilo_err *err)
{
    /* Whoever is still in an earlier period tells nothing; a wait that holds longer than the writer's stays. */
    if (nilo__run(s, err,
                  "INSERT INTO api_budget AS b (owner, bucket, period_start, period_end, most, used, blocked_until, reason, updated_at) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT (owner, bucket) DO UPDATE SET period_start = excluded.period_start, "
                  "period_end = excluded.period_end, most = excluded.most, "
                  "used = CASE WHEN b.period_start = excluded.period_start AND b.used - ?10 > 0 THEN b.used - ?10 + excluded.used ELSE excluded.used END, "
                  "blocked_until = CASE WHEN b.blocked_until > ?9 AND b.blocked_until > coalesce(excluded.blocked_until, 0) THEN b.blocked_until ELSE "
                  "excluded.blocked_until END, "
                  "reason = CASE WHEN b.blocked_until > ?9 AND b.blocked_until > coalesce(excluded.blocked_until, 0) THEN b.reason ELSE excluded.reason END, "
                  "updated_at = excluded.updated_at WHERE excluded.period_start >= b.period_start",
                  NILO__PARAMS(NILO_DBV_TEXT(row->owner), NILO_DBV_TEXT(row->bucket), NILO_DBV_INT(row->period_start), NILO_DBV_INT(row->period_end),
                               NILO_DBV_INT(row->most), NILO_DBV_INT(row->used), nilo__us(row->blocked_until), NILO_DBV_TEXT(row->reason),
                               NILO_DBV_INT(nilo__now(s)), NILO_DBV_INT(told))) < 0)
        return -1;
    return nilo__query_int(s, row->used, ret_used, err, "SELECT used FROM api_budget WHERE owner = ?1 AND bucket = ?2 AND period_start = ?3",
                           NILO__PARAMS(NILO_DBV_TEXT(row->owner), NILO_DBV_TEXT(row->bucket), NILO_DBV_INT(row->period_start)));
}

int nilo_store_budgets(struct nilo_store *s, struct nilo_arena *arena, struct nilo_budget_row **ret, size_t *ret_n, struct nilo_err *err)
{
    void *rows;
    if (nilo__take_all(s, arena, sizeof(struct nilo_budget_row), read_budget, &rows, ret_n, err,
                       BUDGET " ORDER BY owner, bucket", 0, NULL) < 0)
        return -1;
    *ret = rows;
    return 0;
}

/* ---- hosts -------------------------------------------------------------------------------------------------------------------------- */

int nilo_store_host(struct nilo_store *s, const char *host, bool *ret_there, struct nilo_host_row *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo__query(s, &stmt, err, "SELECT failures, opened, open_until, credit, updated_at FROM api_host WHERE host = ?1", NILO__PARAMS(NILO_DBV_TEXT(host))) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1)
        *ret = (struct nilo_host_row){.failures = nilo_db_column_int(stmt, 0),
                                      .opened = nilo_db_column_int(stmt, 1),
                                      .open_until = nilo__us_column(stmt, 2),
                                      .credit = nilo_db_column_int(stmt, 3),
                                      .at = nilo_db_column_int(stmt, 4)};
    nilo_db_reset(stmt);
    if (got < 0)
        return -1;
    *ret_there = got == 1;
    return 0;
}

int nilo_store_host_put(struct nilo_store *s, const char *host, const struct nilo_host_row *row, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "INSERT INTO api_host (host, failures, opened, open_until, credit, updated_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
                     "ON CONFLICT (host) DO UPDATE SET failures = excluded.failures, opened = excluded.opened, open_until = excluded.open_until, "
                     "credit = excluded.credit, updated_at = excluded.updated_at",
                     NILO__PARAMS(NILO_DBV_TEXT(host), NILO_DBV_INT(row->failures), NILO_DBV_INT(row->opened), nilo__us(row->open_until),
                                  NILO_DBV_INT(row->credit), NILO_DBV_INT(row->at)));
}

/* ---- items -------------------------------------------------------------------------------------------------------------------------- */

static int read_item(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    struct nilo_item_state *item = to;
    *item = (struct nilo_item_state){.entity = {.bucket = (int32_t)nilo_db_column_int(stmt, 0), .id = nilo_db_column_int(stmt, 1)},
                                     .first_seen = nilo_db_column_int(stmt, 3),
                                     .posted_at = nilo__us_column(stmt, 4),
                                     .deleted_at = nilo__us_column(stmt, 5),
                                     .read_at = nilo__us_column(stmt, 7),
                                     .failed_at = nilo__us_column(stmt, 8),
                                     .failures = nilo_db_column_int(stmt, 9),
                                     .asked_at = nilo__us_column(stmt, 13)};
    if (nilo__text_column(stmt, 2, arena, &item->external_id, err) < 0 || nilo__text_column(stmt, 6, arena, &item->status, err) < 0 ||
        nilo__text_column(stmt, 11, arena, &item->account, err) < 0)
        return -1;
    return nilo__text_column(stmt, 10, arena, &item->class, err) < 0 ? -1 : nilo__text_column(stmt, 12, arena, &item->media_type, err);
}

int nilo_store_items(struct nilo_store *s, int64_t connection, enum nilo_entity_kind kind, struct nilo_arena *arena, struct nilo_item_state **ret, size_t *ret_n,
                     struct nilo_err *err)
{
    void *rows;
    if (nilo__take_all(s, arena, sizeof(struct nilo_item_state), read_item, &rows, ret_n, err,
                       "SELECT e.bucket, e.id, e.external_id, e.first_seen_at, c.posted_at, c.deleted_at, c.status, i.read_at, i.failed_at, "
                          "COALESCE(i.failures, 0), i.class, i.account, c.media_type, i.asked_at FROM entity e LEFT JOIN content c ON c.bucket = e.bucket AND c.entity_id = e.id "
                          "LEFT JOIN collect_item i ON i.bucket = e.bucket AND i.entity_id = e.id "
                          "WHERE e.connection_id = ?1 AND e.kind = ?2 AND e.erased_at IS NULL ORDER BY e.external_id",
                          NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(kind))) < 0)
        return -1;
    *ret = rows;
    return 0;
}

int nilo_store_item_ask(struct nilo_store *s, const struct nilo_connection *c, struct nilo_entity_ref e, nilo_us at, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "INSERT INTO collect_item (bucket, entity_id, connection_id, failures, asked_at) VALUES (?1, ?2, ?3, 0, ?4) "
                     "ON CONFLICT (bucket, entity_id) DO UPDATE SET asked_at = excluded.asked_at",
                     NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id), NILO_DBV_INT(c->id), NILO_DBV_INT(at)));
}

struct went {
    const struct nilo_connection *connection;
    enum nilo_entity_kind kind;
    const struct nilo_item_state *items;
};

static void went_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct went *w = ctx;
    const struct nilo_item_state *item = &w->items[i];
    p[0] = NILO_DBV_INT(nilo_bucket(w->connection->workspace_name, w->connection->name, item->external_id));
    p[1] = NILO_DBV_INT(w->connection->workspace);
    p[2] = NILO_DBV_INT(w->connection->id);
    p[3] = NILO_DBV_INT(w->kind);
    p[4] = NILO_DBV_TEXT(item->external_id);
    p[5] = nilo__us(item->read_at);
    p[6] = nilo__us(item->failed_at);
    p[7] = NILO_DBV_INT(item->failures);
    p[8] = NILO_DBV_TEXT(item->class);
    p[9] = NILO_DBV_TEXT(item->account);
}

int nilo_store_items_went(struct nilo_store *s, const struct nilo_connection *c, enum nilo_entity_kind kind, const struct nilo_item_state *items, size_t n,
                          struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct went w = {c, kind, items};
    if (n == 0)
        return 0;
    if (nilo_db_prepare(s->db,
                        "INSERT INTO collect_item (bucket, entity_id, connection_id, read_at, failed_at, failures, class, account) "
                        "SELECT e.bucket, e.id, e.connection_id, CAST(?6 AS bigint), CAST(?7 AS bigint), CAST(?8 AS bigint), CAST(?9 AS text), CAST(?10 AS text) "
                        "FROM entity e WHERE e.bucket = ?1 AND e.workspace_id = ?2 AND e.connection_id = ?3 AND e.kind = ?4 AND e.external_id = ?5 "
                        "ON CONFLICT (bucket, entity_id) DO UPDATE SET read_at = excluded.read_at, failed_at = excluded.failed_at, "
                        "failures = excluded.failures, class = excluded.class, account = COALESCE(excluded.account, collect_item.account)",
                        &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, n, 10, went_params, NULL, &w, err);
}

int nilo_store_collect_state(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_collect_state *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo_collect_state state = {.listed_at = NILO_US_NONE, .next_at = NILO_US_NONE, .asked_at = NILO_US_NONE};
    if (nilo__query(s, &stmt, err, "SELECT listed_at, next_at, why, variants, asked_at FROM collect_state WHERE connection_id = ?1",
                    NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1) {
        state.listed_at = nilo__us_column(stmt, 0);
        state.next_at = nilo__us_column(stmt, 1);
        state.variants = nilo_db_column_int(stmt, 3);
        state.asked_at = nilo__us_column(stmt, 4);
        if (nilo__text_column(stmt, 2, arena, &state.why, err) < 0)
            got = -1;
    }
    nilo_db_reset(stmt);
    if (got < 0)
        return -1;
    *ret = state;
    return 0;
}

int nilo_store_collect_state_put(struct nilo_store *s, int64_t connection, const struct nilo_collect_state *state, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "INSERT INTO collect_state (connection_id, listed_at, next_at, why, variants) VALUES (?1, ?2, ?3, ?4, ?5) "
                     "ON CONFLICT (connection_id) DO UPDATE SET listed_at = excluded.listed_at, next_at = excluded.next_at, why = excluded.why, "
                     "variants = excluded.variants",
                     NILO__PARAMS(NILO_DBV_INT(connection), nilo__us(state->listed_at), nilo__us(state->next_at), NILO_DBV_TEXT(state->why),
                                  NILO_DBV_INT(state->variants)));
}

int nilo_store_collect_ask(struct nilo_store *s, int64_t connection, nilo_us at, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "INSERT INTO collect_state (connection_id, variants, asked_at) VALUES (?1, 0, ?2) ON CONFLICT (connection_id) DO UPDATE SET asked_at = excluded.asked_at",
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(at)));
}

/* What is old goes when something comes, once a minute: the newest tells whether that was done. */
static int forget_old(struct nilo_store *s, nilo_us at, struct nilo_err *err)
{
    int64_t newest;
    if (nilo__query_int(s, 0, &newest, err, "SELECT COALESCE(max(seen_at), 0) FROM hook_seen", 0, NULL) < 0)
        return -1;
    if (newest / NILO_US_MINUTE == at / NILO_US_MINUTE)
        return 0;
    if (nilo__run(s, err, "DELETE FROM hook_seen WHERE seen_at < ?1", NILO__PARAMS(NILO_DBV_INT(at - NILO_HOOK_KNOWN))) < 0)
        return -1;
    return nilo__run(s, err, "DELETE FROM hook_seen WHERE seen_at <= (SELECT seen_at FROM hook_seen ORDER BY seen_at DESC LIMIT 1 OFFSET ?1)",
                     NILO__PARAMS(NILO_DBV_INT(NILO_HOOK_KNOWN_MOST)));
}

int nilo_store_hook_new(struct nilo_store *s, const char *hook, const char *digest, nilo_us at, bool *ret, struct nilo_err *err)
{
    int64_t known;
    if (nilo__query_int(s, 0, &known, err, "SELECT count(*) FROM hook_seen WHERE hook = ?1 AND digest = ?2", NILO__PARAMS(NILO_DBV_TEXT(hook), NILO_DBV_TEXT(digest))) < 0)
        return -1;
    *ret = known == 0;
    if (known > 0)
        return 0;
    if (forget_old(s, at, err) < 0)
        return -1;
    return nilo__run(s, err, "INSERT INTO hook_seen (hook, digest, seen_at) VALUES (?1, ?2, ?3)",
                     NILO__PARAMS(NILO_DBV_TEXT(hook), NILO_DBV_TEXT(digest), NILO_DBV_INT(at)));
}

static int read_kind(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    struct nilo_kind_state *k = to;
    *k = (struct nilo_kind_state){.variant = nilo_db_column_int(stmt, 2), .learned_at = nilo_db_column_int(stmt, 3)};
    return nilo__text_column(stmt, 0, arena, &k->op, err) < 0 ? -1 : nilo__text_column(stmt, 1, arena, &k->kind, err);
}

int nilo_store_kinds(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_kind_state **ret, size_t *ret_n, struct nilo_err *err)
{
    void *rows;
    if (nilo__take_all(s, arena, sizeof(struct nilo_kind_state), read_kind, &rows, ret_n, err,
                       "SELECT op, kind, variant, learned_at FROM collect_variant WHERE connection_id = ?1 ORDER BY op, kind", NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    *ret = rows;
    return 0;
}

int nilo_store_kind_put(struct nilo_store *s, int64_t connection, const struct nilo_kind_state *state, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "INSERT INTO collect_variant (connection_id, op, kind, variant, learned_at) VALUES (?1, ?2, ?3, ?4, ?5) "
                     "ON CONFLICT (connection_id, op, kind) DO UPDATE SET variant = excluded.variant, learned_at = excluded.learned_at",
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_TEXT(state->op), NILO_DBV_TEXT(state->kind), NILO_DBV_INT(state->variant),
                                  NILO_DBV_INT(state->learned_at)));
}

/* ---- reports ---------------------------------------------------------------------------------------------------------------------------- */

static int read_report(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    struct nilo_report_state *r = to;
    *r = (struct nilo_report_state){.read_at = nilo__us_column(stmt, 1),
                                    .newest_day = nilo_db_column_null(stmt, 2) ? NILO_DAY_NONE : NILO_DAY((int32_t)nilo_db_column_int(stmt, 2)),
                                    .refused_at = nilo__us_column(stmt, 3)};
    return nilo__text_column(stmt, 0, arena, &r->account, err) < 0 ? -1 : nilo__text_column(stmt, 4, arena, &r->reason, err);
}

int nilo_store_reports(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_report_state **ret, size_t *ret_n, struct nilo_err *err)
{
    void *rows;
    if (nilo__take_all(s, arena, sizeof(struct nilo_report_state), read_report, &rows, ret_n, err,
                       "SELECT account, read_at, newest_day, refused_at, reason FROM collect_report WHERE connection_id = ?1 ORDER BY account",
                       NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    *ret = rows;
    return 0;
}

int nilo_store_report_put(struct nilo_store *s, int64_t connection, const struct nilo_report_state *state, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "INSERT INTO collect_report (connection_id, account, read_at, newest_day, refused_at, reason) VALUES (?1, ?2, ?3, ?4, ?5, ?6) "
                     "ON CONFLICT (connection_id, account) DO UPDATE SET read_at = excluded.read_at, newest_day = excluded.newest_day, "
                     "refused_at = excluded.refused_at, reason = excluded.reason",
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_TEXT(state->account), nilo__us(state->read_at),
                                  nilo_day_is_none(state->newest_day) ? NILO_DBV_NULL : NILO_DBV_INT(state->newest_day.n), nilo__us(state->refused_at),
                                  NILO_DBV_TEXT(state->reason)));
}

int nilo_store_settle(struct nilo_store *s, int64_t connection, struct nilo_settle *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    *ret = (struct nilo_settle){0};
    if (nilo__query(s, &stmt, err, "SELECT age_days, seen, changed FROM collect_settle WHERE connection_id = ?1", NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        int64_t age = nilo_db_column_int(stmt, 0);
        if (age < 0 || age >= NILO_SETTLE_AGES)
            continue;
        ret->seen[age] = nilo_db_column_int(stmt, 1);
        ret->changed[age] = nilo_db_column_int(stmt, 2);
    }
    nilo_db_reset(stmt);
    return got < 0 ? -1 : 0;
}

int nilo_store_settle_put(struct nilo_store *s, int64_t connection, const struct nilo_settle *settle, struct nilo_err *err)
{
    for (int age = 0; age < NILO_SETTLE_AGES; age++) {
        if (settle->seen[age] > 0 &&
            nilo__run(s, err,
                      "INSERT INTO collect_settle (connection_id, age_days, seen, changed) VALUES (?1, ?2, ?3, ?4) "
                      "ON CONFLICT (connection_id, age_days) DO UPDATE SET seen = excluded.seen, changed = excluded.changed",
                      NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(age), NILO_DBV_INT(settle->seen[age]), NILO_DBV_INT(settle->changed[age]))) < 0)
            return -1;
    }
    return 0;
}

/* A day that changed once in a hundred has not settled; a single one among few is no exception yet. */
int nilo_settle_days(const struct nilo_settle *settle)
{
    int64_t seen = 0;
    int days = 1;
    for (int age = 0; age < NILO_SETTLE_AGES; age++) {
        seen += settle->seen[age];
        if (settle->changed[age] > 0 && settle->changed[age] * 100 >= settle->seen[age])
            days = age + 1;
    }
    return seen >= NILO_SETTLE_AGES ? days : 0;
}
