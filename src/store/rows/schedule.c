/* Slots of schedules, and who holds a schedule. The lease is one row a schedule, changed by one statement whose condition says who may; so of two
 * processes that ask at once one waits for the other's row and then sees that it came too late. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/collecting.h"
#include "store/rows/rows.h"

#define NOW_SQL "SELECT CAST(floor(extract(epoch FROM clock_timestamp()) * 1000000) AS bigint)"

static int now_of(struct nilo_store *s, nilo_us *ret, struct nilo_err *err)
{
    if (nilo_db_engine(s->db) == NILO_DB_POSTGRES)
        return nilo__query_int(s, 0, ret, err, NOW_SQL, 0, NULL);
    *ret = s->env.clock.wall(s->env.clock.ctx);
    return 0;
}

static int change(struct nilo_store *s, int64_t *ret_changes, struct nilo_err *err, const char *sql, int n, const struct nilo_db_value *params)
{
    struct nilo_db_stmt *stmt;
    return nilo_db_prepare(s->db, sql, &stmt, err) < 0 ? -1 : nilo_db_run(stmt, params, n, ret_changes, err);
}

/* Its own transaction, unless the caller has one open. */
static int begin(struct nilo_store *s, bool *ret_ours, struct nilo_err *err)
{
    *ret_ours = !nilo_db_in_transaction(s->db);
    return *ret_ours ? nilo_store_begin(s, err) : 0;
}
static int end(struct nilo_store *s, bool ours, int rc, struct nilo_err *err)
{
    if (!ours)
        return rc;
    if (rc == 0)
        return nilo_store_commit(s, err);
    nilo_store_rollback(s);
    return -1;
}

/* ---- taking ------------------------------------------------------------------------------------------------------------------------- */

static int take_lease(struct nilo_store *s, const struct nilo_lease *want, const char *holder, nilo_us now, bool *ret, struct nilo_err *err)
{
    int64_t changes, over;
    if (nilo__run(s, err, "INSERT INTO schedule_lease (schedule, fence, slot_at) VALUES (?1, 0, ?2) ON CONFLICT (schedule) DO NOTHING",
                  NILO__PARAMS(NILO_DBV_TEXT(want->schedule), NILO_DBV_INT(want->slot))) < 0 ||
        change(s, &changes, err,
               "UPDATE schedule_lease SET fence = fence + 1, slot_at = ?2, holder = ?3, lease_until = ?4 "
               "WHERE schedule = ?1 AND (lease_until IS NULL OR lease_until <= ?5)",
               NILO__PARAMS(NILO_DBV_TEXT(want->schedule), NILO_DBV_INT(want->slot), NILO_DBV_TEXT(holder), NILO_DBV_INT(want->until), NILO_DBV_INT(now))) < 0)
        return -1;
    /* Behind the change, which may have waited for whoever did the slot meanwhile. */
    if (nilo__query_int(s, 0, &over, err, "SELECT count(*) FROM schedule_slot WHERE schedule = ?1 AND slot_at >= ?2 AND state <> 0",
                        NILO__PARAMS(NILO_DBV_TEXT(want->schedule), NILO_DBV_INT(want->slot))) < 0)
        return -1;
    *ret = changes == 1 && over == 0;
    return 0;
}

static int take(struct nilo_store *s, struct nilo_lease *l, nilo_us now, bool *ret_again, struct nilo_err *err)
{
    int64_t tries;
    if (nilo__query_int(s, 0, &l->fence, err, "SELECT fence FROM schedule_lease WHERE schedule = ?1", NILO__PARAMS(NILO_DBV_TEXT(l->schedule))) < 0 ||
        nilo__run(s, err,
                  "INSERT INTO schedule_slot (schedule, slot_at, state, fence, tries, taken_at) VALUES (?1, ?2, 0, ?3, 1, ?4) "
                  "ON CONFLICT (schedule, slot_at) DO UPDATE SET fence = excluded.fence, tries = schedule_slot.tries + 1, taken_at = excluded.taken_at",
                  NILO__PARAMS(NILO_DBV_TEXT(l->schedule), NILO_DBV_INT(l->slot), NILO_DBV_INT(l->fence), NILO_DBV_INT(now))) < 0 ||
        nilo__query_int(s, 0, &tries, err, "SELECT tries FROM schedule_slot WHERE schedule = ?1 AND slot_at = ?2",
                        NILO__PARAMS(NILO_DBV_TEXT(l->schedule), NILO_DBV_INT(l->slot))) < 0)
        return -1;
    *ret_again = tries > 1;
    return 0;
}

int nilo_store_slot_take(struct nilo_store *s, const char *schedule, nilo_us slot, const char *holder, nilo_us span, struct nilo_lease *ret, bool *ret_taken,
                         bool *ret_again, struct nilo_err *err)
{
    struct nilo_lease l = {.slot = slot};
    nilo_us now;
    bool taken = false, again = false;
    if (strlen(schedule) >= sizeof l.schedule)
        return nilo_err_set(err, NILO_EINVAL, "the name of a schedule is longer than %zu bytes", sizeof l.schedule - 1);
    snprintf(l.schedule, sizeof l.schedule, "%s", schedule);
    if (nilo_store_begin(s, err) < 0)
        return -1;
    int rc = now_of(s, &now, err);
    l.until = now + span;
    if (rc == 0)
        rc = take_lease(s, &l, holder, now, &taken, err);
    if (rc == 0 && !taken) {
        nilo_store_rollback(s);
        *ret_taken = false;
        return 0;
    }
    if (rc == 0)
        rc = take(s, &l, now, &again, err);
    if (end(s, true, rc, err) < 0)
        return -1;
    *ret = l;
    *ret_taken = true;
    if (ret_again)
        *ret_again = again;
    return 0;
}

/* ---- holding and ending ---------------------------------------------------------------------------------------------------------------- */

static int lost(const struct nilo_lease *l, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ECANCELLED, "schedule %s: somebody else has taken it over; what was done for this slot is theirs now", l->schedule);
}

int nilo_store_slot_check(struct nilo_store *s, const struct nilo_lease *l, struct nilo_err *err)
{
    int64_t changes;
    /* A change of nothing: it holds the row until the transaction is over. */
    if (change(s, &changes, err, "UPDATE schedule_lease SET holder = holder WHERE schedule = ?1 AND fence = ?2 AND lease_until IS NOT NULL",
               NILO__PARAMS(NILO_DBV_TEXT(l->schedule), NILO_DBV_INT(l->fence))) < 0)
        return -1;
    return changes == 1 ? 0 : lost(l, err);
}

int nilo_store_slot_renew(struct nilo_store *s, struct nilo_lease *l, nilo_us span, struct nilo_err *err)
{
    int64_t changes;
    nilo_us now;
    if (now_of(s, &now, err) < 0 ||
        change(s, &changes, err, "UPDATE schedule_lease SET lease_until = ?3 WHERE schedule = ?1 AND fence = ?2 AND lease_until IS NOT NULL",
               NILO__PARAMS(NILO_DBV_TEXT(l->schedule), NILO_DBV_INT(l->fence), NILO_DBV_INT(now + span))) < 0)
        return -1;
    if (changes != 1)
        return lost(l, err);
    l->until = now + span;
    return 0;
}

static int end_slot(struct nilo_store *s, const struct nilo_lease *l, enum nilo_slot_state state, const char *reason, struct nilo_err *err)
{
    int64_t changes;
    nilo_us now;
    if (now_of(s, &now, err) < 0 ||
        change(s, &changes, err, "UPDATE schedule_lease SET lease_until = NULL WHERE schedule = ?1 AND fence = ?2 AND lease_until IS NOT NULL",
               NILO__PARAMS(NILO_DBV_TEXT(l->schedule), NILO_DBV_INT(l->fence))) < 0)
        return -1;
    if (changes != 1)
        return lost(l, err);
    return nilo__run(s, err, "UPDATE schedule_slot SET state = ?3, ended_at = ?4, reason = ?5 WHERE schedule = ?1 AND slot_at = ?2 AND state = 0",
                     NILO__PARAMS(NILO_DBV_TEXT(l->schedule), NILO_DBV_INT(l->slot), NILO_DBV_INT(state), NILO_DBV_INT(now), NILO_DBV_TEXT(reason)));
}

int nilo_store_slot_end(struct nilo_store *s, const struct nilo_lease *l, enum nilo_slot_state state, const char *reason, struct nilo_err *err)
{
    bool ours;
    return begin(s, &ours, err) < 0 ? -1 : end(s, ours, end_slot(s, l, state, reason, err), err);
}

int nilo_store_slot_give_up(struct nilo_store *s, const struct nilo_lease *l, struct nilo_err *err)
{
    return nilo__run(s, err, "UPDATE schedule_lease SET lease_until = NULL WHERE schedule = ?1 AND fence = ?2 AND lease_until IS NOT NULL",
                     NILO__PARAMS(NILO_DBV_TEXT(l->schedule), NILO_DBV_INT(l->fence)));
}

int nilo_store_slot_missed(struct nilo_store *s, const char *schedule, nilo_us slot, const char *reason, struct nilo_err *err)
{
    nilo_us now;
    if (now_of(s, &now, err) < 0)
        return -1;
    return nilo__run(s, err,
                     "INSERT INTO schedule_slot (schedule, slot_at, state, fence, tries, taken_at, ended_at, reason) VALUES (?1, ?2, 2, 0, 0, ?3, ?3, ?4) "
                     "ON CONFLICT (schedule, slot_at) DO NOTHING",
                     NILO__PARAMS(NILO_DBV_TEXT(schedule), NILO_DBV_INT(slot), NILO_DBV_INT(now), NILO_DBV_TEXT(reason)));
}

int nilo_store_slots_given_up(struct nilo_store *s, const char *schedule, nilo_us before, const char *reason, struct nilo_err *err)
{
    nilo_us now;
    if (now_of(s, &now, err) < 0)
        return -1;
    return nilo__run(s, err, "UPDATE schedule_slot SET state = 2, ended_at = ?3, reason = ?4 WHERE schedule = ?1 AND slot_at < ?2 AND state = 0",
                     NILO__PARAMS(NILO_DBV_TEXT(schedule), NILO_DBV_INT(before), NILO_DBV_INT(now), NILO_DBV_TEXT(reason)));
}

int nilo_store_slot_last(struct nilo_store *s, const char *schedule, nilo_us *ret, struct nilo_err *err)
{
    return nilo__query_int(s, NILO_US_NONE, ret, err, "SELECT max(slot_at) FROM schedule_slot WHERE schedule = ?1 AND state <> 0",
                           NILO__PARAMS(NILO_DBV_TEXT(schedule)));
}

int nilo_store_slots_forget(struct nilo_store *s, nilo_us before, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "DELETE FROM schedule_slot WHERE slot_at < ?1 AND slot_at < (SELECT max(o.slot_at) FROM schedule_slot o "
                     "WHERE o.schedule = schedule_slot.schedule AND o.state <> 0)",
                     NILO__PARAMS(NILO_DBV_INT(before)));
}
