/* What people do with connections: pausing and resuming them. Secrets are kept as they come: sealing them is keys/'s business. */
#include <string.h>

#include "base/json.h"
#include "store/rows/rows.h"

#define REASON_MAX 200


/* ---- pause, resume ------------------------------------------------------------------------------------------------------------ */

static int check_reason(const char *reason, struct nilo_err *err)
{
    size_t n = reason ? strlen(reason) : 0;
    bool bad = n > REASON_MAX || (n > 0 && !nilo_utf8_valid(reason, n, NULL));
    for (size_t i = 0; i < n && !bad; i++)
        bad = (unsigned char)reason[i] < 0x20 || reason[i] == 0x7f;
    return bad ? nilo_err_set(err, NILO_EINVAL, "a reason is one line of at most %d bytes of UTF-8", REASON_MAX) : 0;
}

/* A clock that was set back must not bring the new pause before, or onto, an earlier one. */
static int pause_start(struct nilo_store *s, int64_t connection, nilo_us *ret, struct nilo_err *err)
{
    int64_t last;
    nilo_us now = nilo__now(s);
    if (nilo__query_int(s, NILO_US_NONE, &last, err, "SELECT max(resumed_at) FROM connection_pause WHERE connection_id = ?1",
                        NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    *ret = last != NILO_US_NONE && last >= now ? last + 1 : now;
    return 0;
}

int nilo_store_pause(struct nilo_store *s, int64_t connection, const char *reason, bool *ret_new, struct nilo_err *err)
{
    int64_t open;
    nilo_us at;
    if (check_reason(reason, err) < 0 ||
        nilo__query_int(s, 0, &open, err, "SELECT count(*) FROM connection_pause WHERE connection_id = ?1 AND resumed_at IS NULL",
                        NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    *ret_new = open == 0;
    if (open)
        return reason == NULL ? 0
                              : nilo__run(s, err, "UPDATE connection_pause SET reason = ?2 WHERE connection_id = ?1 AND resumed_at IS NULL",
                                          NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_TEXT(reason)));
    if (pause_start(s, connection, &at, err) < 0)
        return -1;
    return nilo__run(s, err, "INSERT INTO connection_pause (connection_id, paused_at, reason) VALUES (?1, ?2, ?3)",
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(at), NILO_DBV_TEXT(reason)));
}

int nilo_store_resume(struct nilo_store *s, int64_t connection, bool *ret_was, struct nilo_err *err)
{
    int64_t open;
    if (nilo__query_int(s, 0, &open, err, "SELECT count(*) FROM connection_pause WHERE connection_id = ?1 AND resumed_at IS NULL",
                        NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    *ret_was = open != 0;
    if (!open)
        return 0;
    return nilo__run(s, err,
                     "UPDATE connection_pause SET resumed_at = CASE WHEN paused_at > ?2 THEN paused_at ELSE ?2 END "
                     "WHERE connection_id = ?1 AND resumed_at IS NULL",
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(nilo__now(s))));
}

/* ---- secrets -------------------------------------------------------------------------------------------------------------------- */

int nilo_store_secret_set(struct nilo_store *s, const struct nilo_secret_row *row, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "INSERT INTO connection_secret (workspace_id, connection_id, kind, key_id, nonce, ciphertext, unreadable, updated_at) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7) ON CONFLICT (workspace_id, connection_id, kind) DO UPDATE SET "
                     "key_id = excluded.key_id, nonce = excluded.nonce, ciphertext = excluded.ciphertext, unreadable = 0, updated_at = excluded.updated_at",
                     NILO__PARAMS(NILO_DBV_INT(row->workspace), NILO_DBV_INT(row->connection), NILO_DBV_TEXT(row->kind), NILO_DBV_TEXT(row->key_id),
                                  nilo_dbv_bytes(row->nonce, row->nonce_len), nilo_dbv_bytes(row->ciphertext, row->ciphertext_len),
                                  NILO_DBV_INT(nilo__now(s))));
}

int nilo_store_secret_delete(struct nilo_store *s, int64_t connection, const char *kind, bool *ret_was, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    const struct nilo_db_value params[] = {NILO_DBV_INT(connection), NILO_DBV_TEXT(kind)};
    int64_t n = 0;
    if (nilo_db_prepare(s->db, "DELETE FROM connection_secret WHERE connection_id = ?1 AND kind = ?2", &stmt, err) < 0 ||
        nilo_db_run(stmt, params, 2, &n, err) < 0)
        return -1;
    *ret_was = n > 0;
    return 0;
}

int nilo_store_secret_mark(struct nilo_store *s, int64_t connection, const char *kind, bool unreadable, struct nilo_err *err)
{
    return nilo__run(s, err, "UPDATE connection_secret SET unreadable = ?3 WHERE connection_id = ?1 AND kind = ?2",
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_TEXT(kind), NILO_DBV_INT(unreadable)));
}

static int take_secret(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    struct nilo_secret_row *row = to;
    struct nilo_db_value nonce = nilo_db_column(stmt, 4), sealed = nilo_db_column(stmt, 5);
    *row = (struct nilo_secret_row){.workspace = nilo_db_column_int(stmt, 0),
                                    .connection = nilo_db_column_int(stmt, 1),
                                    .kind = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 2)),
                                    .key_id = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 3)),
                                    .nonce_len = nonce.len,
                                    .ciphertext_len = sealed.len,
                                    .unreadable = nilo_db_column_int(stmt, 6) != 0};
    row->nonce = (const unsigned char *)nilo_arena_strndup(arena, nonce.p ? nonce.p : "", nonce.len);
    row->ciphertext = (const unsigned char *)nilo_arena_strndup(arena, sealed.p ? sealed.p : "", sealed.len);
    return row->kind && row->key_id && row->nonce && row->ciphertext ? 0 : nilo_err_nomem(err);
}

int nilo_store_secrets(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_secret_row **ret, size_t *ret_n,
                       struct nilo_err *err)
{
    void *rows;
    if (nilo__take_all(s, arena, sizeof(struct nilo_secret_row), take_secret, &rows, ret_n, err,
                       "SELECT workspace_id, connection_id, kind, key_id, nonce, ciphertext, unreadable FROM connection_secret "
                          "WHERE ?1 = 0 OR connection_id = ?1 ORDER BY workspace_id, connection_id, kind",
                          NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    *ret = rows;
    return 0;
}

/* ---- statistics --------------------------------------------------------------------------------------------------------------- */

#define MANY 10000 /* values: what fewer change, autovacuum may find out in its own time */

/* SQLite needs none: its statements say which way to go. */
int nilo_store_loaded(struct nilo_store *s, int64_t values, struct nilo_err *err)
{
    int64_t known;
    if (nilo_db_engine(s->db) != NILO_DB_POSTGRES || values < MANY)
        return 0;
    if (nilo__query_int(s, 0, &known, err, "SELECT CAST(max(reltuples) AS bigint) FROM pg_class WHERE oid = 'day_value'::regclass", 0, NULL) < 0)
        return -1;
    if (known / 10 > values) /* most of it is known */
        return 0;
    return nilo_db_exec(s->db, "ANALYZE observation, day_value, known, latest, best, total, entity, content, owner, credit, run, day_close", err);
}
