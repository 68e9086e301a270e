/* What connections log in with, beside the sealed secrets, and how their status changed. What it all means is login/'s business; here is
 * that two who renew at once do not both store, and that nothing of a change is lost half-way. */
#include <string.h>

#include "base/json.h"
#include "store/rows/rows.h"

#define REASON_MAX 400

/* A statement that says how many rows it changed. */
static int changes(struct nilo_store *s, int64_t *ret, struct nilo_err *err, const char *sql, int n, const struct nilo_db_value *params)
{
    struct nilo_db_stmt *stmt;
    return nilo_db_prepare(s->db, sql, &stmt, err) < 0 ? -1 : nilo_db_run(stmt, params, n, ret, err);
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------------- */

#define COLUMNS                                                                                                        \
    "connection_id, generation, account, account_name, scopes, connected_at, renewed_at, access_until, refresh_until, renewable, fence, "  \
    "lease_until, asked_at, failures, retry_at, problem, problem_at"

static int take_login(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    struct nilo_login_row *row = to;
    *row = (struct nilo_login_row){.connection = nilo_db_column_int(stmt, 0),
                                   .generation = nilo_db_column_int(stmt, 1),
                                   .connected_at = nilo_db_column_int(stmt, 5),
                                   .renewed_at = nilo__us_column(stmt, 6),
                                   .access_until = nilo__us_column(stmt, 7),
                                   .refresh_until = nilo__us_column(stmt, 8),
                                   .renewable = nilo_db_column_int(stmt, 9) != 0,
                                   .fence = nilo_db_column_int(stmt, 10),
                                   .lease_until = nilo__us_column(stmt, 11),
                                   .asked_at = nilo__us_column(stmt, 12),
                                   .failures = nilo_db_column_int(stmt, 13),
                                   .retry_at = nilo__us_column(stmt, 14),
                                   .problem_at = nilo__us_column(stmt, 16)};
    return nilo__text_column(stmt, 2, arena, &row->account, err) < 0 || nilo__text_column(stmt, 3, arena, &row->account_name, err) < 0 ||
                   nilo__text_column(stmt, 4, arena, &row->scopes, err) < 0 || nilo__text_column(stmt, 15, arena, &row->problem, err) < 0
               ? -1
               : 0;
}

int nilo_store_login(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, bool *ret_there, struct nilo_login_row *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo_login_row row;
    if (nilo__query(s, &stmt, err, "SELECT " COLUMNS " FROM connection_login WHERE connection_id = ?1", NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1 && take_login(stmt, arena, &row, err) < 0)
        got = -1;
    nilo_db_reset(stmt);
    if (got < 0)
        return -1;
    *ret_there = got == 1;
    if (got == 1)
        *ret = row;
    return 0;
}

int nilo_store_logins(struct nilo_store *s, struct nilo_arena *arena, struct nilo_login_row **ret, size_t *ret_n, struct nilo_err *err)
{
    void *rows;
    if (nilo__take_all(s, arena, sizeof(struct nilo_login_row), take_login, &rows, ret_n, err,
                       "SELECT " COLUMNS " FROM connection_login ORDER BY connection_id", 0, NULL) < 0)
        return -1;
    *ret = rows;
    return 0;
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------- */

int nilo_store_login_put(struct nilo_store *s, const struct nilo_login_row *row, int64_t *ret, struct nilo_err *err)
{
    if (nilo__run(s, err,
                  "INSERT INTO connection_login (connection_id, account, account_name, scopes, connected_at, access_until, refresh_until, renewable) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (connection_id) DO UPDATE SET generation = connection_login.generation + 1, "
                  "account = excluded.account, account_name = excluded.account_name, scopes = excluded.scopes, connected_at = excluded.connected_at, "
                  "renewed_at = NULL, access_until = excluded.access_until, refresh_until = excluded.refresh_until, renewable = excluded.renewable, "
                  "fence = connection_login.fence + 1, lease_until = NULL, asked_at = NULL, failures = 0, retry_at = NULL, problem = NULL, problem_at = NULL",
                  NILO__PARAMS(NILO_DBV_INT(row->connection), NILO_DBV_TEXT(row->account), NILO_DBV_TEXT(row->account_name),
                               NILO_DBV_TEXT(row->scopes), NILO_DBV_INT(row->connected_at), nilo__us(row->access_until), nilo__us(row->refresh_until),
                               NILO_DBV_INT(row->renewable))) < 0)
        return -1;
    return nilo__query_int(s, 0, ret, err, "SELECT generation FROM connection_login WHERE connection_id = ?1", NILO__PARAMS(NILO_DBV_INT(row->connection)));
}

int nilo_store_login_delete(struct nilo_store *s, int64_t connection, bool *ret_was, struct nilo_err *err)
{
    int64_t n;
    if (changes(s, &n, err, "DELETE FROM connection_login WHERE connection_id = ?1", NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    *ret_was = n > 0;
    return 0;
}

/* One statement, so that of two who ask at once one gets it, whatever the isolation. */
int nilo_store_login_lease(struct nilo_store *s, int64_t connection, int64_t generation, nilo_us now, nilo_us until, int64_t *ret_fence, struct nilo_err *err)
{
    int64_t n;
    if (changes(s, &n, err,
                "UPDATE connection_login SET fence = fence + 1, lease_until = ?4, asked_at = ?3 WHERE connection_id = ?1 AND generation = ?2 AND "
                "(lease_until IS NULL OR lease_until <= ?3)",
                NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(generation), NILO_DBV_INT(now), NILO_DBV_INT(until))) < 0)
        return -1;
    if (n == 0) {
        *ret_fence = 0;
        return 0;
    }
    return nilo__query_int(s, 0, ret_fence, err, "SELECT fence FROM connection_login WHERE connection_id = ?1", NILO__PARAMS(NILO_DBV_INT(connection)));
}

int nilo_store_login_renewed(struct nilo_store *s, int64_t from, const struct nilo_login_row *row, bool *ret_taken, struct nilo_err *err)
{
    int64_t n;
    if (changes(s, &n, err,
                "UPDATE connection_login SET generation = generation + 1, renewed_at = ?3, access_until = ?4, refresh_until = ?5, renewable = ?6, "
                "fence = fence + 1, lease_until = NULL, asked_at = NULL, failures = 0, retry_at = NULL, problem = NULL, problem_at = NULL "
                "WHERE connection_id = ?1 AND generation = ?2",
                NILO__PARAMS(NILO_DBV_INT(row->connection), NILO_DBV_INT(from), NILO_DBV_INT(row->renewed_at), nilo__us(row->access_until),
                             nilo__us(row->refresh_until), NILO_DBV_INT(row->renewable))) < 0)
        return -1;
    *ret_taken = n > 0;
    return 0;
}

int nilo_store_login_failed(struct nilo_store *s, int64_t connection, int64_t fence, const char *problem, nilo_us retry_at, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "UPDATE connection_login SET lease_until = NULL, asked_at = NULL, failures = failures + 1, problem = ?3, problem_at = ?4, retry_at = ?5 "
                     "WHERE connection_id = ?1 AND fence = ?2",
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(fence), NILO_DBV_TEXT(problem), NILO_DBV_INT(nilo__now(s)), nilo__us(retry_at)));
}

/* ---- status ----------------------------------------------------------------------------------------------------------------------- */

static int check_reason(const char *reason, struct nilo_err *err)
{
    size_t n = reason ? strlen(reason) : 0;
    bool bad = n > REASON_MAX || (n > 0 && !nilo_utf8_valid(reason, n, NULL));
    return bad ? nilo_err_set(err, NILO_EINVAL, "the reason of a status is at most %d bytes of UTF-8", REASON_MAX) : 0;
}

static int turn(struct nilo_store *s, int64_t connection, const char *status, const char *reason, bool *ret_new, struct nilo_err *err)
{
    int64_t n;
    /* the row of the change first: it needs to know what was */
    if (changes(s, &n, err,
                "INSERT INTO connection_status (connection_id, seq, at, status, was, reason) SELECT c.id, (SELECT COALESCE(MAX(t.seq), 0) + 1 FROM "
                "connection_status t WHERE t.connection_id = c.id), ?3, ?2, c.status, ?4 FROM connection c WHERE c.id = ?1 AND c.status <> ?2",
                NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_TEXT(status), NILO_DBV_INT(nilo__now(s)), NILO_DBV_TEXT(reason))) < 0)
        return -1;
    *ret_new = n > 0;
    return n == 0 ? 0
                  : nilo__run(s, err, "UPDATE connection SET status = ?2 WHERE id = ?1", NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_TEXT(status)));
}

int nilo_store_connection_turn(struct nilo_store *s, int64_t connection, const char *status, const char *reason, bool *ret_new, struct nilo_err *err)
{
    bool own = !nilo_db_in_transaction(s->db), is_new = false;
    if (check_reason(reason, err) < 0 || (own && nilo_store_begin(s, err) < 0))
        return -1;
    if (turn(s, connection, status, reason, &is_new, err) < 0) {
        if (own)
            nilo_store_rollback(s);
        return -1;
    }
    if (own && nilo_store_commit(s, err) < 0)
        return -1;
    if (ret_new)
        *ret_new = is_new;
    return 0;
}

int nilo_store_connection_turns(struct nilo_store *s, int64_t connection, size_t most, struct nilo_arena *arena, struct nilo_status_row **ret,
                                size_t *ret_n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo_status_row *rows = nilo_arena_array(arena, most + 1, sizeof *rows);
    size_t n = 0;
    int got = 0;
    if (!rows)
        return nilo_err_nomem(err);
    if (nilo__query(s, &stmt, err, "SELECT at, status, was, reason FROM connection_status WHERE connection_id = ?1 ORDER BY seq DESC LIMIT ?2",
                    NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT((int64_t)most))) < 0)
        return -1;
    while (n < most && (got = nilo_db_row(stmt, err)) == 1) {
        struct nilo_status_row *row = &rows[n++];
        row->at = nilo_db_column_int(stmt, 0);
        if (nilo__text_column(stmt, 1, arena, &row->status, err) < 0 || nilo__text_column(stmt, 2, arena, &row->was, err) < 0 ||
            nilo__text_column(stmt, 3, arena, &row->reason, err) < 0) {
            got = -1;
            break;
        }
    }
    nilo_db_reset(stmt);
    if (got < 0)
        return -1;
    *ret = rows;
    *ret_n = n;
    return 0;
}
