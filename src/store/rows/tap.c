/* What is kept for taps (store/collecting.h). It is no part of the record: without it a tap tells everything again, and nothing changes. */
#include "store/collecting.h"
#include "store/rows/rows.h"

int nilo_store_tap_state(struct nilo_store *s, int64_t connection, struct nilo_arena *arena, struct nilo_tap_state *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    *ret = (struct nilo_tap_state){.kept_at = NILO_US_NONE};
    if (nilo__query(s, &stmt, err,
                    "SELECT t.format, t.state, t.run_id, t.kept_at FROM connection_tap AS t WHERE t.connection_id = ?1 "
                    "AND NOT EXISTS (SELECT 1 FROM run AS r WHERE r.id = t.run_id AND r.status IN (5, 6))",
                    NILO__PARAMS(NILO_DBV_INT(connection))) < 0)
        return -1;
    int rc = nilo_db_row(stmt, err);
    if (rc == 1) {
        ret->run = nilo_db_column_int(stmt, 2);
        ret->kept_at = nilo_db_column_int(stmt, 3);
        rc = nilo__text_column(stmt, 0, arena, &ret->format, err) < 0 ? -1 : nilo__text_column(stmt, 1, arena, &ret->text, err);
    }
    nilo_db_reset(stmt);
    return rc < 0 ? -1 : 0;
}

int nilo_store_tap_state_put(struct nilo_store *s, int64_t connection, const struct nilo_tap_state *state, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "INSERT INTO connection_tap (connection_id, format, state, run_id, kept_at) VALUES (?1, ?2, ?3, ?4, ?5) "
                     "ON CONFLICT (connection_id) DO UPDATE SET format = excluded.format, state = excluded.state, run_id = excluded.run_id, kept_at = excluded.kept_at",
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_TEXT(state->format), NILO_DBV_TEXT(state->text), NILO_DBV_INT(state->run),
                                  NILO_DBV_INT(state->kept_at)));
}

int nilo_store_tap_state_forget(struct nilo_store *s, int64_t connection, struct nilo_err *err)
{
    return nilo__run(s, err, "DELETE FROM connection_tap WHERE connection_id = ?1", NILO__PARAMS(NILO_DBV_INT(connection)));
}
