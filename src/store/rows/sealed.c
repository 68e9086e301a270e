/* Secrets of connections and the data keys that they are sealed with, as they come: sealing and opening them is keys/'s business. */
#include <string.h>

#include "store/rows/rows.h"

/* ---- data keys ------------------------------------------------------------------------------------------------------------------ */

int nilo_store_data_key_set(struct nilo_store *s, const struct nilo_data_key_row *row, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "INSERT INTO connection_key (workspace_id, connection_id, seq, id, master_id, nonce, wrapped, rotation, made_at, wrapped_at) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9) ON CONFLICT (workspace_id, connection_id, seq) DO UPDATE SET "
                     "master_id = excluded.master_id, nonce = excluded.nonce, wrapped = excluded.wrapped, wrapped_at = excluded.wrapped_at",
                     NILO__PARAMS(NILO_DBV_INT(row->workspace), NILO_DBV_INT(row->connection), NILO_DBV_INT(row->seq), NILO_DBV_TEXT(row->id),
                                  NILO_DBV_TEXT(row->master_id), nilo_dbv_bytes(row->nonce, row->nonce_len), nilo_dbv_bytes(row->wrapped, row->wrapped_len),
                                  NILO_DBV_INT(row->rotation), NILO_DBV_INT(nilo__now(s))));
}

static int take_bytes(struct nilo_db_stmt *stmt, int column, struct nilo_arena *arena, const unsigned char **ret, size_t *ret_n, struct nilo_err *err)
{
    struct nilo_db_value v = nilo_db_column(stmt, column);
    *ret = (const unsigned char *)nilo_arena_strndup(arena, v.p ? v.p : "", v.len);
    *ret_n = v.len;
    return *ret != NULL ? 0 : nilo_err_nomem(err);
}

/* Eight columns from `at` on. */
static int take_key(struct nilo_db_stmt *stmt, int at, struct nilo_arena *arena, struct nilo_data_key_row *row, struct nilo_err *err)
{
    *row = (struct nilo_data_key_row){.workspace = nilo_db_column_int(stmt, at),
                                      .connection = nilo_db_column_int(stmt, at + 1),
                                      .seq = nilo_db_column_int(stmt, at + 2),
                                      .rotation = nilo_db_column_int(stmt, at + 7)};
    return nilo__text_column(stmt, at + 3, arena, &row->id, err) == 0 && nilo__text_column(stmt, at + 4, arena, &row->master_id, err) == 0 &&
                   take_bytes(stmt, at + 5, arena, &row->nonce, &row->nonce_len, err) == 0
               ? take_bytes(stmt, at + 6, arena, &row->wrapped, &row->wrapped_len, err)
               : -1;
}

static int take_data_key(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    return take_key(stmt, 0, arena, to, err);
}

int nilo_store_data_keys(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_data_key_row **ret, size_t *ret_n,
                         struct nilo_err *err)
{
    void *rows;
    if (nilo__take_all(s, arena, sizeof(struct nilo_data_key_row), take_data_key, &rows, ret_n, err,
                       "SELECT workspace_id, connection_id, seq, id, master_id, nonce, wrapped, rotation FROM connection_key "
                       "WHERE ?1 = 0 OR connection_id = ?1 ORDER BY workspace_id, connection_id, seq DESC",
                       NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    *ret = rows;
    return 0;
}

int nilo_store_data_keys_prune(struct nilo_store *s, int64_t connection, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "DELETE FROM connection_key WHERE connection_id = ?1 AND NOT EXISTS (SELECT 1 FROM connection_secret s WHERE s.connection_id = ?1 AND "
                     "s.workspace_id = connection_key.workspace_id AND s.key_id = connection_key.id)",
                     NILO__PARAMS(NILO_DBV_INT(connection)));
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
    return n > 0 ? nilo_store_data_keys_prune(s, connection, err) : 0;
}

int nilo_store_secret_mark(struct nilo_store *s, int64_t connection, const char *kind, bool unreadable, struct nilo_err *err)
{
    return nilo__run(s, err, "UPDATE connection_secret SET unreadable = ?3 WHERE connection_id = ?1 AND kind = ?2",
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_TEXT(kind), NILO_DBV_INT(unreadable)));
}

static int take_secret(struct nilo_db_stmt *stmt, struct nilo_arena *arena, void *to, struct nilo_err *err)
{
    struct nilo_secret_row *row = to;
    *row = (struct nilo_secret_row){.workspace = nilo_db_column_int(stmt, 0),
                                    .connection = nilo_db_column_int(stmt, 1),
                                    .unreadable = nilo_db_column_int(stmt, 6) != 0};
    if (nilo__text_column(stmt, 2, arena, &row->kind, err) != 0 || nilo__text_column(stmt, 3, arena, &row->key_id, err) != 0 ||
        take_bytes(stmt, 4, arena, &row->nonce, &row->nonce_len, err) != 0 || take_bytes(stmt, 5, arena, &row->ciphertext, &row->ciphertext_len, err) != 0)
        return -1;
    row->master_id = row->key_id;
    if (nilo_db_column_null(stmt, 10))
        return 0;
    if (take_key(stmt, 7, arena, &row->data_key, err) != 0)
        return -1;
    row->master_id = row->data_key.master_id;
    return 0;
}

int nilo_store_secrets(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_secret_row **ret, size_t *ret_n,
                       struct nilo_err *err)
{
    void *rows;
    if (nilo__take_all(s, arena, sizeof(struct nilo_secret_row), take_secret, &rows, ret_n, err,
                       "SELECT s.workspace_id, s.connection_id, s.kind, s.key_id, s.nonce, s.ciphertext, s.unreadable, "
                       "k.workspace_id, k.connection_id, k.seq, k.id, k.master_id, k.nonce, k.wrapped, k.rotation FROM connection_secret s "
                       "LEFT JOIN connection_key k ON k.workspace_id = s.workspace_id AND k.connection_id = s.connection_id AND k.id = s.key_id "
                       "WHERE ?1 = 0 OR s.connection_id = ?1 ORDER BY s.workspace_id, s.connection_id, s.kind",
                       NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    *ret = rows;
    return 0;
}
