/* What must hold, whatever happened: nothing in the record was never true, nothing closed has changed, no limit was passed, no slot was lost. */
#include "sim/sim.h"

#include <stdlib.h>
#include <string.h>

/* Was that the truth at some moment just before it was recorded? Counts are looked at without the falls that a test makes: where there was one, only
 * that it is not more than there ever was. */
static bool was_true(struct sim *s, struct emu_item it, nilo_us captured, int64_t value)
{
    const struct emu_override *over = emu_override_of(s->em, it);
    nilo_us from = captured - s->slack, to = captured + s->step_most + NILO_US_SECOND;
    if (over && over->fall > 0)
        return value >= emu_views_at(s->em, it, from) && value <= emu_views_at(s->em, it, to) + over->fall;
    while (from < to) { /* the first moment at which there are at least so many */
        nilo_us middle = from + (to - from) / 2;
        if (emu_views_at(s->em, it, middle) >= value)
            to = middle;
        else
            from = middle + 1;
    }
    return emu_views_at(s->em, it, from) == value;
}

static void check_observations(struct sim *s)
{
    struct nilo_db_stmt *stmt = sim_rows(s, "SELECT e.external_id, o.metric_id, o.captured_at, o.value, o.absence, o.day FROM observation o JOIN entity e ON e.bucket = "
                                           "o.bucket AND e.id = o.entity_id WHERE e.kind = 0 AND o.metric_id IN (1, 5) ORDER BY e.external_id, o.captured_at, o.metric_id");
    while (nilo_db_row(stmt, &s->err) == 1) {
        struct nilo_db_value id = nilo_db_column(stmt, 0);
        int64_t metric = nilo_db_column_int(stmt, 1), value = nilo_db_column_int(stmt, 3), absence = nilo_db_column_int(stmt, 4);
        nilo_us captured = nilo_db_column_int(stmt, 2);
        struct emu_item it;
        s->r->observations++;
        if (nilo_zone_day(s->zone, captured).n != nilo_db_column_int(stmt, 5))
            sim_broken(s, "what was read at %lld counts for day %lld", (long long)captured, (long long)nilo_db_column_int(stmt, 5));
        if (!emu_video_of(s->em, id.p, id.len, captured + NILO_US_DAY, &it)) {
            sim_broken(s, "an item that does not exist: %.*s", (int)id.len, id.p);
            continue;
        }
        if (absence != NILO_PRESENT)
            continue;
        if (metric == 1 && !was_true(s, it, captured, value))
            sim_broken(s, "%.*s had %lld views, never true at %lld", (int)id.len, id.p, (long long)value, (long long)captured);
        if (metric == 5 && value == 0 && emu_views_at(s->em, it, captured - s->slack) > 1000 && !(emu_override_of(s->em, it) && emu_override_of(s->em, it)->fall))
            sim_broken(s, "%.*s has no likes at all: hidden, not 0", (int)id.len, id.p);
    }
}

/* What was marked as gone since then is not there for the public. */
void sim_check_gone(struct sim *s, nilo_us since)
{
    char text[256];
    snprintf(text, sizeof text, "SELECT e.external_id FROM content c JOIN entity e ON e.bucket = c.bucket AND e.id = c.entity_id WHERE c.deleted_at >= %lld ORDER BY 1",
             (long long)since);
    struct nilo_db_stmt *stmt = sim_rows(s, text);
    while (nilo_db_row(stmt, &s->err) == 1) {
        struct nilo_db_value id = nilo_db_column(stmt, 0);
        struct emu_item it;
        if (!emu_video_of(s->em, id.p, id.len, s->clock.wall, &it) || emu_state_at(s->em, it, s->clock.wall) == EMU_PUBLIC)
            sim_broken(s, "%.*s is there, and marked as deleted", (int)id.len, id.p);
    }
}

static const char closed_rows[] = "SELECT v.entity_id, v.win, v.day, v.metric_id, v.value, v.absence, v.captured_at FROM day_value v JOIN entity e ON e.bucket = v.bucket "
                                   "AND e.id = v.entity_id WHERE e.connection_id = %d AND v.seq = 0 AND v.day <= %lld ORDER BY 1, 2, 3, 4";

/* The base of what was closed before is what it was then; and what is closed now is kept for the next look. */
void sim_check_closed(struct sim *s)
{
    for (int i = 0; i < SIM_CONNECTIONS; i++) {
        char text[512], now[65];
        if (s->closed[i].digest[0]) {
            snprintf(text, sizeof text, closed_rows, i + 1, (long long)s->closed[i].until);
            sim_hash(s, text, now);
            if (strcmp(now, s->closed[i].digest) != 0)
                sim_broken(s, "connection %d: days up to %lld were closed, and their base has changed", i, (long long)s->closed[i].until);
        }
        snprintf(text, sizeof text, "SELECT coalesce(max(day), -1) FROM day_close WHERE connection_id = %d", i + 1);
        s->closed[i].until = sim_number(s, text);
        snprintf(text, sizeof text, closed_rows, i + 1, (long long)s->closed[i].until);
        sim_hash(s, text, s->closed[i].digest);
    }
}


/* ---- limits ------------------------------------------------------------------------------------------------------------------------------------- */

/* What a project has used is written down before it is used: whoever begins anew knows of it. */
void sim_check_budgets(struct sim *s)
{
    for (size_t i = 0; i < s->em->projects_n; i++)
        for (int b = 0; b < EMU_BUCKETS; b++) {
            const struct emu_bucket *at = &s->em->project[i].bucket[b];
            char text[300];
            if (at->day != emu_pacific_day(s->em, sim_true(s)) || at->used == 0)
                continue;
            /* the sum over whoever used the project; the days of budgets begin with Pacific days */
            snprintf(text, sizeof text, "SELECT coalesce(max(used), 0) FROM api_budget WHERE period_start <= %lld AND period_end > %lld",
                     (long long)s->clock.wall, (long long)s->clock.wall);
            /* what was used while the wall clock said another day is written down for that one */
            int64_t mistaken = s->day_mistaken == at->day ? s->mistaken : 0;
            if (sim_number(s, text) + mistaken < at->used - at->refused)
                sim_broken(s, "%lld units of project %d are used up, and no budget says so many", (long long)at->used, (int)i);
        }
}

static void check_limits(struct sim *s)
{
    for (size_t i = 0; i < s->em->projects_n; i++)
        if (s->em->project[i].bucket[0].refused + s->em->project[i].bucket[1].refused + s->em->project[i].limited > 0)
            sim_broken(s, "a limit was passed");
    /* A life that begins need not know of a wait, and a wall clock that steps ahead ends one too soon. */
    int64_t early = 0, renewed = 0;
    for (size_t i = 0; i < s->em->callers_n; i++)
        early += s->em->caller[i]->early;
    if (early > s->lives + s->steps)
        sim_broken(s, "%lld calls came before a Retry-After had passed", (long long)early);
    for (size_t i = 0; i < s->em->tokens.grants_n; i++)
        renewed += s->em->tokens.grant[i].refreshes;
    /* Each token lives for two hours. Who dies before it is stored, or finds the answer broken, has to ask again. */
    int64_t most = (sim_true(s) - s->began) / (s->em->o.token_seconds * NILO_US_SECOND) + 2 + s->r->kills + s->token_answers_lost + s->steps;
    if (renewed > most)
        sim_broken(s, "the token was renewed %lld times, %lld would have done", (long long)renewed, (long long)most);
    s->r->renewed = renewed;
}

/* ---- slots -------------------------------------------------------------------------------------------------------------------------------------- */

static void check_slots(struct sim *s)
{
    struct nilo_db_stmt *stmt = sim_rows(s, "SELECT schedule, slot_at, state, reason FROM schedule_slot ORDER BY schedule, slot_at");
    char schedule[64] = "";
    nilo_us last = 0;
    while (nilo_db_row(stmt, &s->err) == 1) {
        struct nilo_db_value name = nilo_db_column(stmt, 0), reason = nilo_db_column(stmt, 3);
        nilo_us at = nilo_db_column_int(stmt, 1);
        int64_t state = nilo_db_column_int(stmt, 2);
        s->r->slots++;
        if (state == 0)
            sim_broken(s, "the slot %lld of %.*s never came to an end", (long long)at, (int)name.len, name.p);
        if (state == 2 && (reason.type == NILO_DB_NULL || reason.len == 0))
            sim_broken(s, "the slot %lld of %.*s was missed, and nobody says why", (long long)at, (int)name.len, name.p);
        bool same = strlen(schedule) == name.len && memcmp(schedule, name.p, name.len) == 0;
        if (same && at - last > NILO_US_HOUR + NILO_US_HOUR / 2)
            sim_broken(s, "%.*s knows of no slot between %lld and %lld", (int)name.len, name.p, (long long)last, (long long)at);
        snprintf(schedule, sizeof schedule, "%.*s", (int)name.len, name.p);
        last = at;
    }
}

/* Who was taken over has written nothing since. */
static void check_fenced(struct sim *s)
{
    for (size_t i = 0; i < s->n_fenced; i++) {
        char text[160];
        snprintf(text, sizeof text, "SELECT count(*) FROM observation WHERE run_id = %lld", (long long)s->fenced[i].run);
        if (sim_number(s, text) != s->fenced[i].observations)
            sim_broken(s, "run %lld went on recording after another process had taken over", (long long)s->fenced[i].run);
        snprintf(text, sizeof text, "SELECT count(*) FROM run WHERE id = %lld AND status IN (1, 2)", (long long)s->fenced[i].run);
        if (sim_number(s, text) != 0)
            sim_broken(s, "run %lld says that it came to its end, after another process had taken over", (long long)s->fenced[i].run);
    }
}

/* A platform's day closes two days after its end, and not before. */
static void check_settled(struct sim *s)
{
    struct nilo_db_stmt *stmt = sim_rows(s, "SELECT day, closed_at FROM day_close ORDER BY connection_id, day");
    while (nilo_db_row(stmt, &s->err) == 1) {
        int64_t day = nilo_db_column_int(stmt, 0), at = nilo_db_column_int(stmt, 1);
        if (at < nilo_zone_day_start(s->zone, NILO_DAY((int32_t)day + 1)) + 2 * NILO_US_DAY)
            sim_broken(s, "day %lld was closed at %lld, before it had settled", (long long)day, (long long)at);
    }
}

/* ---- all of it ---------------------------------------------------------------------------------------------------------------------------------- */

void sim_check_all(struct sim *s)
{
    char before[65], after[65];
    check_observations(s);
    sim_check_gone(s, 0);
    sim_check_closed(s);
    check_slots(s);
    check_fenced(s);
    check_limits(s);
    check_settled(s);
    if (sim_number(s, "SELECT count(*) FROM run WHERE status = 0") > 0)
        sim_broken(s, "a run has not ended");
    if (sim_number(s, "SELECT count(*) FROM run r WHERE r.status = 1 AND r.values_recorded > 0 AND NOT EXISTS (SELECT 1 FROM observation o WHERE o.run_id = r.id)") > 0)
        sim_broken(s, "a completed run has lost its readings");
    sim_must(s, nilo_store_digest(s->store, before, &s->err), "the digest");
    sim_must(s, nilo_store_rebuild(s->store, NULL, NULL, &s->err), "rebuild");
    sim_must(s, nilo_store_digest(s->store, after, &s->err), "the digest");
    if (strcmp(before, after) != 0)
        sim_broken(s, "what is derived is not what the record says");
    if (nilo_store_verify(s->store, NULL, NULL, &s->err) != 0)
        sim_broken(s, "verify: %s", s->err.msg);
}

/* With fair weather everything that is there is read. */
void sim_check_recovery(struct sim *s)
{
    int public = 0;
    char text[256];
    sim_tell(s, "/_emulator/set?hostile=none&weather=0");
    nilo_virtual_clock_advance(&s->clock, 26 * NILO_US_HOUR);
    sim_look(s, false); /* what was missed is caught up */
    nilo_virtual_clock_advance(&s->clock, 4 * NILO_US_MINUTE);
    sim_look(s, false);
    nilo_us from = s->clock.wall;
    sim_look(s, true);
    for (int c = 0; c < SIM_CONNECTIONS; c++)
        for (int v = 0; v < emu_videos(s->em, c, sim_true(s)); v++)
            public += emu_state_at(s->em, (struct emu_item){c, v}, sim_true(s)) == EMU_PUBLIC;
    snprintf(text, sizeof text, "SELECT count(*) FROM entity e WHERE e.kind = 0 AND EXISTS (SELECT 1 FROM observation o WHERE o.bucket = e.bucket AND o.entity_id = e.id AND "
                               "o.metric_id = 1 AND o.absence = 0 AND o.captured_at >= %lld)", (long long)from);
    int64_t read = sim_number(s, text);
    if (read < public)
        sim_broken(s, "after the storm %lld of %d items were read", (long long)read, public);
}
