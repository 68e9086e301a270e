/* What people do with connections: pausing and resuming them. */
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
