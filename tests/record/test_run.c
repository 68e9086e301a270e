/* A run from its beginning to its end: what is logged, what a dry run, an aborted or a killed one leaves, two at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/db.h"
#include "record/rec.h"

static struct nilo_connection connection(struct stores *s)
{
    return stores_connection(s, "w", NULL, "c", "push", "push");
}

static void a_run_is_logged_with_what_it_did(struct stores *s)
{
    struct nilo_connection c = connection(s);
    struct nilo_arena arena;
    struct nilo_run logged;
    rec_one(s, &c, "a", "2025-03-10", VIEWS, 10);
    rec_one(s, &c, "b", "2025-03-10", VIEWS, 10);
    struct nilo_recorder *r = rec_begin(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .slot = "nightly", .target_day = stores_day("2025-03-19")));
    int64_t id = nilo_record_run(r);
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_run_get(s->store, id, &arena, &logged, &s->err)); /* it is in the log at once */
    assert_int_equal(logged.status, NILO_RUNNING);
    rec_add(s, r, REC(.id = "a", .day = "2025-03-19", .v = {{VIEWS, 20}, {LIKES, .absence = NILO_FAILED}}));
    rec_add(s, r, REC(.id = "a", .day = "2025-03-12", .v = {{VIEWS, 12}}));
    rec_add(s, r, REC(.id = "b", .day = "2025-03-10", .v = {{VIEWS, 10}})); /* known */
    ok(s, nilo_record_fail(r, "c", "transient", "no answer", &s->err));
    ok(s, nilo_record_fail(r, NULL, "auth", "token expired", &s->err));
    nilo_record_metrics_collected(r, 2);
    nilo_virtual_clock_advance(&s->clock, 90 * NILO_US_SECOND + 1500);
    rec_finish(s, r, NULL);
    ok(s, nilo_store_run_get(s->store, id, &arena, &logged, &s->err));
    assert_int_equal(logged.kind, NILO_RUN_PUSH);
    assert_int_equal(logged.status, NILO_PARTIAL);
    assert_int_equal(logged.provenance, NILO_OBSERVED);
    assert_string_equal(logged.slot, "nightly");
    assert_int_equal(logged.target_day.n, stores_day("2025-03-19").n);
    assert_int_equal(logged.items, 2);
    assert_int_equal(logged.readings, 3);
    assert_int_equal(logged.failed, 2);
    assert_int_equal(logged.metrics_collected, 2);
    assert_int_equal(logged.duration_ms, 90001);
    assert_true(logged.ended_at - logged.started_at == 90 * NILO_US_SECOND + 1500);
    assert_int_equal(logged.first_day.n, stores_day("2025-03-10").n);
    assert_int_equal(logged.last_day.n, stores_day("2025-03-19").n);
    assert_int_equal(logged.outcomes[NILO_RECORDED], 3);
    assert_int_equal(logged.outcomes[NILO_UNCHANGED], 1);
    assert_int_equal(logged.days_closed, 9); /* the 10th to the 18th */
    assert_rows(s, "SELECT n, external_id, class, message FROM run_failure ORDER BY n", "1 c transient no answer|2 ~ auth token expired");
    nilo_arena_done(&arena);
}

static void statuses(struct stores *s)
{
    static const struct {
        bool fails, refused, item_fails;
        enum nilo_run_status status;
    } table[] = {{false, false, false, NILO_COMPLETED}, {false, true, false, NILO_PARTIAL}, {false, false, true, NILO_PARTIAL},
                 {true, false, false, NILO_RUN_FAILED}, {true, true, true, NILO_RUN_FAILED}};
    struct nilo_connection c = connection(s);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct nilo_recorder *r = rec_begin(s, &c, PUSH);
        rec_add(s, r, REC(.id = "a", .day = "2025-03-19", .v = {{VIEWS, 1}}));
        if (table[i].refused)
            rec_try(s, r, REC(.id = "a", .day = "2026-03-19", .v = {{VIEWS, 1}}));
        if (table[i].item_fails)
            ok(s, nilo_record_fail(r, "b", "gone", "deleted", &s->err));
        struct nilo_run run = rec_finish(s, r, table[i].fails ? "the source is down" : NULL);
        assert_int_equal(run.status, table[i].status);
        if (table[i].fails)
            assert_string_equal(run.error, "the source is down");
        else
            assert_null(run.error);
    }
    /* what a failed run had read is kept */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 1);
}

static void a_slot_is_done_once(struct stores *s)
{
    struct nilo_connection c = connection(s), d = stores_connection(s, "w", NULL, "d", "push", "push");
    struct nilo_recorder *r;
    struct nilo_run_options slot = OPTIONS(.kind = NILO_RUN_PUSH, .slot = "2025-03-20");
    r = rec_begin(s, &c, slot);
    rec_finish(s, r, "down"); /* a failed one may be tried again */
    r = rec_begin(s, &c, slot);
    nilo_record_abort(r, &(struct nilo_err){.code = NILO_ESOURCE, .msg = "away"});
    r = rec_begin(s, &c, slot);
    rec_finish(s, r, NULL);
    fails(s, NILO_EEXIST, nilo_record_begin(s->store, &c, &slot, &r, &s->err));
    rec_finish(s, rec_begin(s, &d, slot), NULL); /* a slot is its connection's */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run"), 4);
}

static void each_value_has_its_provenance(struct stores *s)
{
    struct nilo_connection c = connection(s);
    const struct rec in[] = {{.id = "a", .day = "2025-03-19", .v = {{VIEWS, 1}}},
                             {.id = "b", .day = "2025-03-19", .provenance = NILO_ESTIMATED, .v = {{VIEWS, 1}}}};
    struct nilo_run_options o = OPTIONS(.kind = NILO_RUN_IMPORT);
    o.provenance = NILO_IMPORTED;
    rec_run(s, &c, o, in, 2);
    assert_rows(s, "SELECT external_id, provenance FROM day_value v JOIN entity e ON e.id = v.entity_id ORDER BY 1", "a 2|b 1");
}

static void a_revision_is_one_without_being_told(struct stores *s)
{
    struct nilo_connection c = connection(s);
    struct rec in = {.id = "a", .at = "2025-03-20T08:00:00Z", .v = {{VIEWS, 10}}};
    rec_run(s, &c, PUSH, &in, 1);
    in = REC(.id = "a", .at = "2025-03-20T07:00:00Z", .v = {{VIEWS, 9}});
    struct nilo_run_options o = REVISE;
    o.author = "ann";
    rec_run(s, &c, o, &in, 1);
    assert_rows(s, "SELECT value, cause, author FROM day_value", "9 3 ann");
}

static void attributes_and_owners_come_with_readings(struct stores *s)
{
    struct nilo_connection c = connection(s);
    const struct nilo_attrs old = {.title = "old", .url = "u", .posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .duration_ms = 70};
    const struct nilo_attrs new = {.title = "new", .posted_at = 5, .deleted_at = NILO_US_NONE, .duration_ms = -1};
    const struct rec in[] = {{.id = "a", .day = "2025-03-19", .attrs = &new, .owner = "ann", .v = {{VIEWS, 1}}},
                             {.id = "a", .day = "2025-03-18", .attrs = &old, .owner = "bob", .v = {{VIEWS, 1}}},
                             {.id = "a", .day = "2025-03-18", .win = 30, .owner = "ann", .v = {{VIEWS, 1}}}};
    rec_run(s, &c, PUSH, in, 3);
    assert_rows(s, "SELECT title, url, posted_at, duration_ms FROM content", "new u 5 70");
    assert_rows(s, "SELECT o.key, c.role, c.from_day, c.to_day FROM credit c JOIN owner o ON o.id = c.owner_id ORDER BY 1",
                "ann owner -2147483648 2147483647|bob owner -2147483648 2147483647");
    assert_int_equal(stores_int(s, "SELECT sum(lo) FROM total WHERE scope_kind = 2 AND metric_id = 1 AND win = 0"), 2);
}

static void an_item_may_be_seen_without_any_value(struct stores *s)
{
    struct nilo_connection c = connection(s);
    struct nilo_run run = rec_run(s, &c, PUSH, &REC(.id = "a", .day = "2025-03-19"), 1);
    assert_int_equal(run.items, 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content"), 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 0);
}

/* ---- what is left ------------------------------------------------------------------------------------------------------------ */

static void some(struct stores *s, struct nilo_recorder *r)
{
    rec_add(s, r, REC(.id = "a", .day = "2025-03-10", .v = {{VIEWS, 11}}));
    rec_add(s, r, REC(.id = "new", .day = "2025-03-19", .owner = "ann", .v = {{VIEWS, 5}}));
    rec_add(s, r, REC(.id = "a", .day = "2025-03-18", .v = {{VIEWS, 12}}));
}

static void a_dry_run_says_what_would_happen_and_leaves_nothing(struct stores *s)
{
    static const size_t chunks[] = {1, 0};
    struct nilo_connection c = connection(s);
    rec_one(s, &c, "a", "2025-03-10", VIEWS, 10);
    rec_run(s, &c, PUSH, NULL, 0);
    char *before = rec_everything(s);
    struct nilo_run dry = {0};
    for (int i = 0; i < 2; i++) {
        struct nilo_recorder *r = rec_begin(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .dry_run = true, .chunk = chunks[i], .slot = "once"));
        some(s, r);
        ok(s, nilo_record_fail(r, "b", "gone", "deleted", &s->err));
        dry = rec_finish(s, r, NULL);
        char *after = rec_everything(s);
        assert_string_equal(before, after);
        free(after);
    }
    struct nilo_recorder *r = rec_begin(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .dry_run = true, .chunk = 1));
    some(s, r);
    nilo_record_abort(r, NULL);
    char *after = rec_everything(s);
    assert_string_equal(before, after);
    free(after);
    free(before);
    /* and then for good */
    r = rec_begin(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .slot = "once"));
    some(s, r);
    ok(s, nilo_record_fail(r, "b", "gone", "deleted", &s->err));
    struct nilo_run run = rec_finish(s, r, NULL);
    assert_int_equal(run.status, dry.status);
    assert_memory_equal(run.outcomes, dry.outcomes, sizeof run.outcomes);
    assert_int_equal(run.outcomes[NILO_AMENDED], 1);
    assert_int_equal(run.items, dry.items);
}

static void an_aborted_run_keeps_what_it_had_committed(struct stores *s)
{
    struct nilo_connection c = connection(s);
    struct nilo_recorder *r = rec_begin(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .chunk = 1));
    some(s, r);
    nilo_record_abort(r, &(struct nilo_err){.code = NILO_ESOURCE, .msg = "the source went away"});
    /* the third reading was not written yet */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 2);
    assert_rows(s, "SELECT status, error, items FROM run", "3 the source went away 2");
    r = rec_begin(s, &c, PUSH);
    some(s, r);
    nilo_record_abort(r, NULL);
    assert_rows(s, "SELECT status, error, items FROM run WHERE id = 2", "3 stopped 0");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 2);
}

/* kill -9 in the middle: the next one tells it, and the same run again ends as one that was not killed. */
static void a_killed_run_run_again_ends_the_same(struct stores *s)
{
    char *whole, *again;
    struct nilo_connection c = connection(s);
    struct nilo_recorder *r = rec_begin(s, &c, PUSH);
    some(s, r);
    rec_finish(s, r, NULL);
    whole = stores_text(s, "SELECT external_id, day, value FROM day_value v JOIN entity e ON e.id = v.entity_id ORDER BY 1, 2");
    assert_int_equal(stores_fresh(s), 0);
    c = connection(s);
    nilo_store_close(s->store);
    s->store = NULL;
    pid_t pid = fork();
    if (pid == 0) {
        if (nilo_store_open(s->target, NILO_STORE_WRITE, &s->env, &s->store, &s->err) < 0)
            _exit(2);
        struct nilo_run_options o = OPTIONS(.kind = NILO_RUN_PUSH, .chunk = 1);
        if (nilo_record_begin(s->store, &c, &o, &r, &s->err) < 0)
            _exit(3);
        some(s, r);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    stores_reopen(s, NILO_STORE_WRITE);
    assert_rows(s, "SELECT status FROM run", "4");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 2);
    r = rec_begin(s, &c, PUSH);
    some(s, r);
    struct nilo_run run = rec_finish(s, r, NULL);
    assert_int_equal(run.outcomes[NILO_UNCHANGED], 2);
    again = stores_text(s, "SELECT external_id, day, value FROM day_value v JOIN entity e ON e.id = v.entity_id ORDER BY 1, 2");
    assert_string_equal(whole, again);
    free(whole);
    free(again);
}

/* ---- twice, and two at a time -------------------------------------------------------------------------------------------------- */

static void running_twice_changes_nothing(struct stores *s)
{
    static const enum nilo_run_kind kinds[] = {NILO_RUN_COLLECT, NILO_RUN_IMPORT, NILO_RUN_PUSH, NILO_RUN_BACKFILL, NILO_RUN_REVISE};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        struct nilo_run run = {0};
        char *first = NULL;
        assert_int_equal(stores_fresh(s), 0);
        struct nilo_connection c = connection(s);
        rec_one(s, &c, "a", "2025-03-10", VIEWS, 10);
        rec_run(s, &c, PUSH, NULL, 0);
        for (int again = 0; again < 3; again++) {
            struct nilo_recorder *r = rec_begin(s, &c, OPTIONS(.kind = kinds[i], .no_close = true));
            some(s, r);
            run = rec_finish(s, r, NULL);
            char *all = stores_text(s, "SELECT * FROM day_value ORDER BY 1, 2, 3, 4, 5, 6");
            if (first)
                assert_string_equal(all, first);
            if (first)
                free(all);
            else
                first = all;
        }
        assert_int_equal(run.outcomes[NILO_RECORDED] + run.outcomes[NILO_REPLACED] + run.outcomes[NILO_LATE] + run.outcomes[NILO_AMENDED], 0);
        free(first);
    }
}

/* A long collection goes on while a push comes in: no day closes that the first one still writes. */
static void a_running_run_holds_its_days_open(struct stores *s)
{
    struct nilo_connection c = connection(s);
    rec_one(s, &c, "a", "2025-03-10", VIEWS, 10);
    struct nilo_recorder *slow = rec_begin(s, &c, OPTIONS(.kind = NILO_RUN_COLLECT, .chunk = 1));
    rec_run(s, &c, PUSH, &REC(.id = "a", .day = "2025-03-18", .v = {{VIEWS, 18}}), 1);
    assert_string_equal(rec_closed(s, &c), ""); /* it has not said yet which days it is about */
    rec_add(s, slow, REC(.id = "a", .day = "2025-03-15", .v = {{VIEWS, 15}}));
    rec_add(s, slow, REC(.id = "b", .day = "2025-03-16", .v = {{VIEWS, 16}})); /* the 15th is written now */
    rec_run(s, &c, PUSH, &REC(.id = "a", .day = "2025-03-19", .v = {{VIEWS, 19}}), 1);
    assert_string_equal(rec_closed(s, &c), "2025-03-14");
    int days;
    ok(s, nilo_record_seal(s->store, 0, &days, &s->err));
    assert_int_equal(days, 0);
    rec_finish(s, slow, NULL);
    assert_string_equal(rec_closed(s, &c), "2025-03-18");
}

/* And it goes on to a day that was closed meanwhile: late, as for everybody. */
static void a_day_closed_during_a_run_is_closed_for_it(struct stores *s)
{
    struct nilo_connection c = connection(s);
    rec_one(s, &c, "a", "2025-03-10", VIEWS, 10);
    struct nilo_recorder *slow = rec_begin(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .chunk = 1));
    rec_add(s, slow, REC(.id = "a", .day = "2025-03-15", .v = {{VIEWS, 15}}));
    rec_add(s, slow, REC(.id = "b", .day = "2025-03-11", .v = {{VIEWS, 11}}));
    rec_run(s, &c, PUSH, NULL, 0);
    assert_string_equal(rec_closed(s, &c), "2025-03-14");
    struct nilo_run run = rec_finish(s, slow, NULL);
    assert_int_equal(run.status, NILO_COMPLETED);
    assert_int_equal(run.outcomes[NILO_LATE], 1);
    assert_int_equal(run.outcomes[NILO_RECORDED], 1);
}

/* ---- an SQL source that counts otherwise today ------------------------------------------------------------------------------------ */

static void a_closed_sql_day_keeps_its_value_and_the_difference_is_told(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "db", "sql", NULL);
    int32_t users = rec_metric(s, "users_total", NILO_PERIOD, NILO_LEVEL);
    struct rec in = {.id = NILO_APP_ID, .kind = NILO_APP, .at = "2025-03-20T09:00:00Z", .day = "2025-03-18", .v = {{users, 100}}};
    struct nilo_recorder *r = rec_begin(s, &c, SQL_COLLECT);
    rec_add(s, r, in);
    nilo_record_read_until(r, stores_day("2025-03-19"));
    rec_finish(s, r, NULL);
    assert_string_equal(rec_closed(s, &c), "2025-03-19");
    in.at = "2025-03-20T10:00:00Z";
    in.v[0].value = 98;
    struct nilo_run run = rec_run(s, &c, SQL_COLLECT, &in, 1);
    assert_int_equal(run.status, NILO_COMPLETED);
    assert_int_equal(run.outcomes[NILO_UNCHANGED], 1);
    assert_int_equal(run.outcomes[NILO_REFUSED], 0);
    assert_string_equal(run.details, "{\"closed_values_that_differ_now\":1,\"first_differences\":[{\"day\":\"2025-03-18\",\"metric\":\"users_total\","
                                     "\"source_says\":98}]}");
    assert_rows(s, "SELECT seq, value FROM day_value", "0 100");
    struct nilo_run_options o = SQL_COLLECT;
    o.revise = true;
    run = rec_run(s, &c, o, &in, 1);
    assert_int_equal(run.outcomes[NILO_AMENDED], 1);
    assert_rows(s, "SELECT seq, value, cause FROM day_value ORDER BY 1", "0 100 0|1 98 2");
}

/* A platform's is restated by itself; an import's is refused and counted. */
static void who_may_say_something_else_about_a_closed_day(struct stores *s)
{
    static const struct {
        const char *name;
        struct nilo_run_options o;
        bool period;
        enum nilo_provenance provenance;
        enum nilo_outcome outcome;
        enum nilo_cause cause;
    } table[] = {
        {"platform, period", {.kind = NILO_RUN_COLLECT, .platform = true}, true, NILO_OBSERVED, NILO_AMENDED, NILO_CAUSE_RESTATED},
        {"platform, instant", {.kind = NILO_RUN_COLLECT, .platform = true}, false, NILO_OBSERVED, NILO_REFUSED, 0},
        {"platform, estimated", {.kind = NILO_RUN_COLLECT, .platform = true}, true, NILO_ESTIMATED, NILO_REFUSED, 0},
        {"import", {.kind = NILO_RUN_IMPORT}, true, NILO_IMPORTED, NILO_REFUSED, 0},
        {"import, observed", {.kind = NILO_RUN_IMPORT}, true, NILO_OBSERVED, NILO_REFUSED, 0},
        {"import --revise", {.kind = NILO_RUN_IMPORT, .revise = true}, true, NILO_IMPORTED, NILO_AMENDED, NILO_CAUSE_IMPORTED},
        {"push", {.kind = NILO_RUN_PUSH}, true, NILO_OBSERVED, NILO_AMENDED, NILO_CAUSE_RESTATED},
        {"push, imported", {.kind = NILO_RUN_PUSH}, true, NILO_IMPORTED, NILO_REFUSED, 0},
        {"backfill", {.kind = NILO_RUN_BACKFILL}, true, NILO_ESTIMATED, NILO_REFUSED, 0},
        {"backfill --revise", {.kind = NILO_RUN_BACKFILL, .revise = true}, true, NILO_OBSERVED, NILO_REFUSED, 0},
        {"revise", {.kind = NILO_RUN_REVISE}, true, NILO_OBSERVED, NILO_AMENDED, NILO_CAUSE_CORRECTED},
        {"revise, estimated", {.kind = NILO_RUN_REVISE}, true, NILO_ESTIMATED, NILO_AMENDED, NILO_CAUSE_CORRECTED},
        {"replay", {.kind = NILO_RUN_REPLAY}, true, NILO_OBSERVED, NILO_AMENDED, NILO_CAUSE_REPLAYED},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(stores_fresh(s), 0);
        struct nilo_connection c = connection(s);
        int32_t metric = table[i].period ? rec_metric(s, "sales_a_day", NILO_PERIOD, NILO_FLOW) : VIEWS;
        rec_one(s, &c, "a", "2025-03-10", metric, 10);
        rec_run(s, &c, PUSH, NULL, 0);
        struct nilo_run_options o = table[i].o;
        o.provenance = table[i].provenance;
        o = rec_options(o);
        struct rec other = {.id = "a", .day = "2025-03-10", .v = {{metric, 12}}}, late = {.id = "b", .day = "2025-03-10", .v = {{metric, 12}}},
                   same = {.id = "a", .day = "2025-03-10", .v = {{metric, 10}}};
        struct nilo_run run = rec_run(s, &c, o, &same, 1);
        assert_int_equal(run.outcomes[NILO_UNCHANGED], 1);
        run = rec_run(s, &c, o, &other, 1);
        if (run.outcomes[table[i].outcome] != 1)
            fail_msg("%s: not %s", table[i].name, nilo_outcome_name(table[i].outcome));
        if (table[i].outcome == NILO_AMENDED)
            assert_int_equal(stores_int(s, "SELECT cause FROM day_value WHERE seq = 1"), table[i].cause);
        else
            assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value WHERE seq > 0"), 0);
        /* over an empty base everybody's value is late */
        run = rec_run(s, &c, o, &late, 1);
        assert_int_equal(run.outcomes[NILO_LATE], 1);
        assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value WHERE cause = 1"), 1);
    }
}

static void a_backfill_amends_estimates_when_asked_to(struct stores *s)
{
    struct nilo_connection c = connection(s);
    struct nilo_run_options o = OPTIONS(.kind = NILO_RUN_BACKFILL);
    struct rec in = {.id = "a", .day = "2025-03-10", .v = {{VIEWS, 10}}};
    o.provenance = NILO_ESTIMATED;
    rec_run(s, &c, o, &in, 1);
    assert_string_equal(rec_closed(s, &c), "2025-03-18");
    in.v[0].value = 12;
    assert_int_equal(rec_run(s, &c, o, &in, 1).outcomes[NILO_REFUSED], 1);
    o.revise = true;
    assert_int_equal(rec_run(s, &c, o, &in, 1).outcomes[NILO_AMENDED], 1);
    char sql[100];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM day_value WHERE seq > 0 AND cause = %d", NILO_CAUSE_RESTATED); /* nothing was imported */
    assert_int_equal(stores_int(s, sql), 1);
}

/* How many rows the server's planner takes the day's values for; -1: it was never told. */
static int64_t planned_for(struct stores *s)
{
    struct nilo_db_stmt *stmt;
    ok(s, nilo_db_prepare(nilo_store_db(s->store), "SELECT CAST(reltuples AS bigint) FROM pg_class WHERE oid = 'day_value'::regclass", &stmt, &s->err));
    ok(s, nilo_db_query(stmt, NULL, 0, &s->err));
    assert_int_equal(nilo_db_row(stmt, &s->err), 1);
    int64_t n = nilo_db_column_int(stmt, 0);
    nilo_db_reset(stmt);
    return n;
}

static void many_at_once(struct stores *s, const char *item, const char *metric_day, int n)
{
    struct nilo_connection c = connection(s);
    struct nilo_recorder *r = rec_begin(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .no_close = true));
    for (int i = 0; i < n; i++) {
        char id[32];
        snprintf(id, sizeof id, "%s%d", item, i / 5);
        rec_add(s, r, REC(.id = id, .win = i % 5 * 30, .day = metric_day, .v = {{VIEWS, i}, {LIKES, i}}));
    }
    rec_finish(s, r, NULL);
}

/* Without it a server goes through whole histories for each value until its autovacuum comes by. */
static void a_server_is_told_when_much_came(struct stores *s)
{
    if (s->engine != NILO_DB_POSTGRES)
        return;
    many_at_once(s, "few", "2025-03-10", 100);
    assert_int_equal(planned_for(s), -1);
    many_at_once(s, "many", "2025-03-11", 5000);
    int64_t told = planned_for(s);
    assert_in_range(told, 9000, 11000);
    many_at_once(s, "more", "2025-03-12", 100); /* nothing beside what is there */
    assert_int_equal(planned_for(s), told);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_run_is_logged_with_what_it_did),
        STORES_TEST(statuses),
        STORES_TEST(a_slot_is_done_once),
        STORES_TEST(each_value_has_its_provenance),
        STORES_TEST(a_revision_is_one_without_being_told),
        STORES_TEST(attributes_and_owners_come_with_readings),
        STORES_TEST(an_item_may_be_seen_without_any_value),
        STORES_TEST(a_dry_run_says_what_would_happen_and_leaves_nothing),
        STORES_TEST(an_aborted_run_keeps_what_it_had_committed),
        STORES_TEST(a_killed_run_run_again_ends_the_same),
        STORES_TEST(running_twice_changes_nothing),
        STORES_TEST(a_running_run_holds_its_days_open),
        STORES_TEST(a_day_closed_during_a_run_is_closed_for_it),
        STORES_TEST(a_closed_sql_day_keeps_its_value_and_the_difference_is_told),
        STORES_TEST(who_may_say_something_else_about_a_closed_day),
        STORES_TEST(a_backfill_amends_estimates_when_asked_to),
        STORES_TEST(a_server_is_told_when_much_came),
    };
    return stores_run("record/run", tests, sizeof tests / sizeof tests[0]);
}
