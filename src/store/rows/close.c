/* Closing days: a recorded act, one day_close row for each (connection, day). */
#include <string.h>

#include "store/rows/rows.h"

/* What a day of the connection holds. */
struct day_fact {
    int32_t day;
    int64_t values, missing;
};

/* First day that holds anything; INT32_MAX when there is none. */
static int first_day(struct nilo_store *s, int64_t connection, int64_t *ret, struct nilo_err *err)
{
    return nilo__query_int(s, INT32_MAX, ret, err,
                           "SELECT min(l.first_day) FROM entity e JOIN latest l ON l.bucket = e.bucket AND l.entity_id = e.id "
                           "WHERE e.connection_id = ?1",
                           NILO__PARAMS(NILO_DBV_INT(connection)));
}

static int load_facts(struct nilo_store *s, int64_t connection, int32_t from, int32_t to, struct nilo_arena *arena, struct day_fact **ret,
                      struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    size_t n = (size_t)((int64_t)to - from + 1);
    struct day_fact *facts = nilo_arena_array(arena, n, sizeof *facts);
    if (!facts)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++)
        facts[i].day = from + (int32_t)i;
    if (nilo__query(s, &stmt, err,
                    NILO__WINDOWS("day_value") "SELECT v.day, count(v.value), sum(CASE WHEN v.absence IN (0, 1, 2, 3) THEN 0 ELSE 1 END) FROM item i "
                    "JOIN day_value v ON v.bucket = i.bucket AND v.entity_id = i.entity_id AND v.win = i.win "
                    "WHERE v.seq = 0 AND v.day BETWEEN ?2 AND ?3 GROUP BY v.day",
                    NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(from), NILO_DBV_INT(to))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        struct day_fact *f = &facts[nilo_db_column_int(stmt, 0) - from];
        f->values = nilo_db_column_int(stmt, 1);
        f->missing = nilo_db_column_int(stmt, 2);
    }
    *ret = facts;
    return got;
}

/* A day that the zone skipped is none: it is not closed, unless somebody named it all the same. Returns how many days are left. */
static size_t leave_out_skipped(const struct nilo_calendar *calendar, struct day_fact *facts, size_t n)
{
    size_t left = 0;
    for (size_t i = 0; i < n; i++)
        if (facts[i].values || facts[i].missing || nilo_calendar_exists(calendar, NILO_DAY(facts[i].day)))
            facts[left++] = facts[i];
    return left;
}

struct closing {
    int64_t connection, first_n, run;
    nilo_us now;
    const struct day_fact *facts;
    nilo_day_complete_fn *complete;
    void *ctx;
};

static void close_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct closing *c = ctx;
    const struct day_fact *f = &c->facts[i];
    bool whole = f->missing == 0 && (!c->complete || c->complete(c->ctx, NILO_DAY(f->day)));
    p[0] = NILO_DBV_INT(c->connection);
    p[1] = NILO_DBV_INT(f->day);
    p[2] = NILO_DBV_INT(c->first_n + (int64_t)i);
    p[3] = NILO_DBV_TEXT(f->values == 0 ? "empty" : whole ? "complete" : "partial");
    p[4] = NILO_DBV_INT(f->values);
    p[5] = c->run ? NILO_DBV_INT(c->run) : NILO_DBV_NULL;
    p[6] = NILO_DBV_INT(c->now);
}

int nilo_store_close_days(struct nilo_store *s, const struct nilo_connection *c, nilo_day until, int64_t run, nilo_us now,
                          nilo_day_complete_fn *complete, void *ctx, int *ret_days, struct nilo_err *err)
{
    int64_t from;
    struct nilo_db_stmt *stmt;
    struct nilo_arena arena;
    struct day_fact *facts = NULL;
    const struct nilo_calendar *calendar;
    struct closing act = {.connection = c->id, .run = run, .now = now, .complete = complete, .ctx = ctx};
    if (nilo_day_is_none(c->closed_until)) {
        if (first_day(s, c->id, &from, err) < 0)
            return -1;
    } else {
        from = (int64_t)c->closed_until.n + 1;
    }
    *ret_days = 0;
    if (from > until.n)
        return 0;
    nilo_arena_init(&arena, 0);
    size_t n = (size_t)(until.n - from + 1);
    int rc = nilo_store_calendar(s, c->workspace, &calendar, err);
    if (rc == 0)
        rc = load_facts(s, c->id, (int32_t)from, until.n, &arena, &facts, err);
    if (rc == 0)
        n = leave_out_skipped(calendar, facts, n);
    if (rc == 0 && n > 0)
        rc = nilo__next_ids(s, "close", (int64_t)n, &act.first_n, err);
    act.facts = facts;
    if (rc == 0)
        rc = nilo_db_prepare(s->db,
                             "INSERT INTO day_close (connection_id, day, n, status, values_n, run_id, closed_at) "
                             "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                             &stmt, err);
    if (rc == 0)
        rc = nilo_db_many(stmt, n, 7, close_params, NULL, &act, err);
    if (rc == 0)
        rc = nilo__run(s, err, "UPDATE connection SET closed_until = ?2 WHERE id = ?1",
                       NILO__PARAMS(NILO_DBV_INT(c->id), NILO_DBV_INT(until.n)));
    nilo_arena_done(&arena);
    if (rc == 0)
        *ret_days = (int)n;
    return rc;
}

int nilo_store_within(struct nilo_store *s, const struct nilo_connection *c, nilo_day until, struct nilo_arena *arena, struct nilo_within **ret, size_t *ret_n,
                      struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    size_t cap = 0;
    int got;
    *ret = NULL;
    *ret_n = 0;
    if (nilo__query(s, &stmt, err,
                    "SELECT v.day, min(v.captured_at), m.is_active FROM entity e CROSS JOIN day_value v JOIN run r ON r.id = v.run_id JOIN metric m ON m.id = v.metric_id "
                    "WHERE e.connection_id = ?1 AND e.kind = 2 AND v.bucket = e.bucket AND v.entity_id = e.id AND v.win = 0 AND v.day > ?2 AND v.day <= ?3 "
                    "AND v.seq = 0 AND v.absence = 0 AND r.kind = 0 GROUP BY v.day, m.is_active ORDER BY v.day, m.is_active",
                    NILO__PARAMS(NILO_DBV_INT(c->id), NILO_DBV_INT(c->closed_until.n), NILO_DBV_INT(until.n))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (*ret_n == cap) {
            struct nilo_within *more = nilo_arena_array(arena, cap = cap > 0 ? 2 * cap : 32, sizeof *more);
            if (more == NULL) {
                nilo_db_reset(stmt);
                return nilo_err_nomem(err);
            }
            if (*ret_n > 0)
                memcpy(more, *ret, *ret_n * sizeof *more);
            *ret = more;
        }
        (*ret)[(*ret_n)++] = (struct nilo_within){NILO_DAY((int32_t)nilo_db_column_int(stmt, 0)), nilo_db_column_int(stmt, 1), nilo_db_column_int(stmt, 2) != 0};
    }
    return got;
}

/* The newest day of a connection closed last: one row a connection is looked at. */
int nilo_store_last_close(struct nilo_store *s, nilo_us *ret, struct nilo_err *err)
{
    return nilo__query_int(s, NILO_US_NONE, ret, err,
                           "SELECT MAX(d.closed_at) FROM connection c JOIN day_close d ON d.connection_id = c.id AND d.day = c.closed_until", 0, NULL);
}
