/* The guard: which runs are quarantined, what that holds, and what accepting or rejecting one does. SEMANTICS 2.10. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/rec.h"

/* A listing of n items at an hour of the 20th: the first `fall` of them have less than before, the first `jump` 100 times the base and one more. */
struct listing {
    int items, fall, jump;
    int64_t base; /* of the run before; 0 = 2,000 */
};

static struct nilo_run list(struct stores *s, const struct nilo_connection *c, struct nilo_run_options o, const char *at, struct listing l, bool changes)
{
    struct nilo_recorder *r = rec_begin(s, c, o);
    int64_t base = l.base ? l.base : 2000;
    for (int i = 0; i < l.items; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%d", i);
        int64_t now = !changes ? base : i < l.fall ? base - 1 : i < l.jump ? 101 * base : base + 1;
        rec_add(s, r, REC(.id = id, .at = at, .v = {{VIEWS, now}}));
    }
    return rec_finish(s, r, NULL);
}

#define LISTS OPTIONS(.kind = NILO_RUN_COLLECT, .platform = true, .full_listing = true)

/* Each threshold at n-1, n, n+1: more than 20 % vanish, more than 10 % fall, more than 5 % rise more than 100-fold. */
static void thresholds(struct stores *s)
{
    static const struct {
        const char *name;
        struct listing before, now;
        bool quarantined;
    } table[] = {
        {"a fifth vanishes", {.items = 20}, {.items = 16}, false},
        {"more than a fifth", {.items = 20}, {.items = 15}, true},
        {"19 items are too few to judge", {.items = 19}, {.items = 1}, false},
        {"20 are not", {.items = 20}, {.items = 1}, true},
        {"a tenth falls", {.items = 20}, {.items = 20, .fall = 2}, false},
        {"more than a tenth", {.items = 20}, {.items = 20, .fall = 3}, true},
        {"19 items, all fall", {.items = 19}, {.items = 19, .fall = 19}, false},
        {"a twentieth jumps", {.items = 20}, {.items = 20, .jump = 1}, false},
        {"more than a twentieth", {.items = 20}, {.items = 20, .jump = 2}, true},
        {"from a base of 1,000", {.items = 20, .base = 1000}, {.items = 20, .jump = 20, .base = 1000}, true},
        {"from one below", {.items = 20, .base = 999}, {.items = 20, .jump = 20, .base = 999}, false},
        {"all is well", {.items = 40}, {.items = 40}, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(stores_fresh(s), 0);
        struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", NULL);
        assert_int_equal(list(s, &c, LISTS, "2025-03-20T08:00:00Z", table[i].before, false).status, NILO_COMPLETED);
        struct nilo_run run = list(s, &c, LISTS, "2025-03-20T09:00:00Z", table[i].now, true);
        if (run.status != (table[i].quarantined ? NILO_RUN_QUARANTINED : NILO_COMPLETED))
            fail_msg("%s: %s (%s)", table[i].name, nilo_run_status_name((int)run.status), run.error ? run.error : "");
        assert_int_equal(run.error != NULL, table[i].quarantined);
    }
}

/* 100-fold exactly is no accident yet. */
static void a_hundredfold_is_the_limit(struct stores *s)
{
    static const struct {
        int64_t now;
        bool quarantined;
    } table[] = {{199999, false}, {200000, false}, {200001, true}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(stores_fresh(s), 0);
        struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", NULL);
        list(s, &c, LISTS, "2025-03-20T08:00:00Z", (struct listing){.items = 20}, false);
        struct nilo_recorder *r = rec_begin(s, &c, COLLECT);
        for (int k = 0; k < 20; k++) {
            char id[16];
            snprintf(id, sizeof id, "i%d", k);
            rec_add(s, r, REC(.id = id, .at = "2025-03-20T09:00:00Z", .v = {{VIEWS, table[i].now}}));
        }
        if ((rec_finish(s, r, NULL).status == NILO_RUN_QUARANTINED) != table[i].quarantined)
            fail_msg("row %zu", i);
    }
}

/* Imports, pushes, backfills and app metrics are never quarantined, nor is what is no full listing for what it left out. */
static void who_is_judged(struct stores *s)
{
    static const struct {
        const char *name;
        struct nilo_run_options o;
        int items, fall;
        bool quarantined;
    } table[] = {
        {"a platform", {.kind = NILO_RUN_COLLECT, .platform = true, .full_listing = true}, 1, 1, true},
        {"a part of a listing", {.kind = NILO_RUN_COLLECT, .platform = true}, 1, 0, false},
        {"SQL", {.kind = NILO_RUN_COLLECT}, 20, 20, false},
        {"an import", {.kind = NILO_RUN_IMPORT}, 20, 20, false},
        {"a push", {.kind = NILO_RUN_PUSH}, 20, 20, false},
        {"a backfill", {.kind = NILO_RUN_BACKFILL, .platform = true}, 20, 20, false},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        assert_int_equal(stores_fresh(s), 0);
        struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", NULL);
        list(s, &c, LISTS, "2025-03-20T08:00:00Z", (struct listing){.items = 20}, false);
        struct nilo_run run = list(s, &c, rec_options(table[i].o), "2025-03-20T09:00:00Z", (struct listing){.items = table[i].items, .fall = table[i].fall}, true);
        if ((run.status == NILO_RUN_QUARANTINED) != table[i].quarantined)
            fail_msg("%s: %s", table[i].name, nilo_run_status_name((int)run.status));
    }
}

/* A bad run on the 17th, the day of which could close on the 20th at 00:00: it stays open, and is shown without the run. */
static int64_t quarantine(struct stores *s, struct nilo_connection *c)
{
    *c = stores_connection(s, "w", NULL, "c", "youtube", NULL);
    struct nilo_run_options o = OPTIONS(.kind = NILO_RUN_COLLECT, .platform = true, .no_close = true);
    list(s, c, o, "2025-03-17T08:00:00Z", (struct listing){.items = 20}, false);
    o.no_close = false;
    struct nilo_run run = list(s, c, o, "2025-03-17T09:00:00Z", (struct listing){.items = 20, .fall = 20}, true);
    assert_int_equal(run.status, NILO_RUN_QUARANTINED);
    assert_int_equal(run.days_closed, 0);
    assert_string_equal(rec_closed(s, c), "");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value WHERE value = 2000"), 20);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM best WHERE value = 2000"), 20);
    return run.id;
}

static void a_quarantined_run_holds_its_days_and_shows_nothing(struct stores *s)
{
    struct nilo_connection c;
    quarantine(s, &c);
    int days;
    ok(s, nilo_record_seal(s->store, 0, &days, &s->err));
    assert_int_equal(days, 0);
    rec_run(s, &c, PUSH, NULL, 0);
    assert_string_equal(rec_closed(s, &c), "");
}

static void accepted_it_counts_again_and_its_days_close(struct stores *s)
{
    struct nilo_connection c;
    int64_t run = quarantine(s, &c);
    ok(s, nilo_record_run_accept(s->store, run, &s->err));
    assert_string_equal(rec_closed(s, &c), "2025-03-17");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value WHERE value = 1999 AND seq = 0"), 20);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM known WHERE value = 1999"), 20);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM best WHERE value = 2000"), 20); /* best never regresses */
    fails(s, NILO_EINVAL, nilo_record_run_accept(s->store, run, &s->err));
    fails(s, NILO_EINVAL, nilo_record_run_reject(s->store, run, &s->err));
}

static void rejected_it_is_dropped_and_its_days_close(struct stores *s)
{
    struct nilo_connection c;
    int64_t run = quarantine(s, &c);
    ok(s, nilo_record_run_reject(s->store, run, &s->err));
    assert_string_equal(rec_closed(s, &c), "2025-03-17");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value WHERE value = 2000"), 20);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value"), 20);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM known WHERE value = 2000"), 20);
    fails(s, NILO_EINVAL, nilo_record_run_accept(s->store, run, &s->err));
}

/* Three items of twenty: the bad run says that i0 is gone, that i1 is there again; i2 was marked as gone by somebody. */
#define GONE(at_us) {.posted_at = NILO_US_NONE, .deleted_at = (at_us), .at = (at_us), .duration_ms = -1, .status = "gone"}
#define IS_GONE(id) stores_int(s, "SELECT count(*) FROM content c JOIN entity e ON e.bucket = c.bucket AND e.id = c.entity_id WHERE e.external_id = '" id "' AND c.deleted_at IS NOT NULL")

static int64_t quarantine_with_deletions(struct stores *s, struct nilo_connection *c)
{
    static const char second[] = "2025-03-17T09:00:00Z", third[] = "2025-03-17T10:00:00Z";
    const struct nilo_attrs first = GONE(stores_us(second)), later = GONE(stores_us(third)), by_hand = GONE(stores_us("2025-03-17T08:30:00Z"));
    *c = stores_connection(s, "w", NULL, "c", "youtube", NULL);
    const struct nilo_run_options o = OPTIONS(.kind = NILO_RUN_COLLECT, .platform = true, .no_close = true);
    list(s, c, o, "2025-03-17T08:00:00Z", (struct listing){.items = 20}, false);
    rec_run(s, c, OPTIONS(.kind = NILO_RUN_PUSH, .no_close = true), &REC(.id = "i2", .at = second, .attrs = &by_hand, .v = {{VIEWS, 2000}}), 1);
    struct nilo_recorder *r = rec_begin(s, c, o);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%d", i);
        if (i == 1)
            rec_add(s, r, REC(.id = id, .at = second, .attrs = &first, .v = {{.metric = VIEWS, .absence = NILO_DELETED}}));
        else
            rec_add(s, r, REC(.id = id, .at = second, .v = {{VIEWS, 2000}}));
    }
    assert_int_equal(rec_finish(s, r, NULL).status, NILO_COMPLETED);
    assert_int_equal(IS_GONE("i1"), 1);
    r = rec_begin(s, c, o);
    for (int i = 0; i < 20; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%d", i);
        if (i == 0)
            rec_add(s, r, REC(.id = id, .at = third, .attrs = &later, .v = {{.metric = VIEWS, .absence = NILO_DELETED}}));
        else
            rec_add(s, r, REC(.id = id, .at = third, .v = {{VIEWS, 1999}}));
    }
    struct nilo_run run = rec_finish(s, r, NULL);
    assert_int_equal(run.status, NILO_RUN_QUARANTINED);
    return run.id;
}

#define EVENTS_OF(id) \
    "SELECT v.was, v.event FROM content_event v JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id WHERE e.external_id = '" id "' ORDER BY v.id"

static void what_is_gone_by_the_word_of_a_bad_run_alone_is_there(struct stores *s)
{
    struct nilo_connection c;
    int64_t run = quarantine_with_deletions(s, &c);
    assert_int_equal(IS_GONE("i0"), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE status = 'gone' AND deleted_at IS NULL"), 0);
    assert_int_equal(IS_GONE("i1"), 1);
    assert_int_equal(IS_GONE("i2"), 1);
    ok(s, nilo_record_run_reject(s->store, run, &s->err));
    assert_int_equal(IS_GONE("i0"), 0);
    assert_rows(s, EVENTS_OF("i0"), "0 3|3 0"); /* that it was said, and that it was taken back */
    assert_rows(s, EVENTS_OF("i1"), "0 3");
    assert_int_equal(IS_GONE("i1"), 1);
    assert_int_equal(IS_GONE("i2"), 1);
}

static void accepted_its_word_counts_again(struct stores *s)
{
    struct nilo_connection c;
    int64_t run = quarantine_with_deletions(s, &c);
    ok(s, nilo_record_run_accept(s->store, run, &s->err));
    assert_int_equal(IS_GONE("i0"), 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE status = 'gone'"), 2);
    assert_int_equal(IS_GONE("i1"), 0);
    assert_int_equal(IS_GONE("i2"), 1);
    assert_rows(s, EVENTS_OF("i0"), "0 3|3 0|0 3");
    assert_rows(s, EVENTS_OF("i1"), "0 3|3 0");
}

/* A later run has read it: that is the newer word. */
static void accepted_late_it_does_not_take_away_what_was_read_since(struct stores *s)
{
    struct nilo_connection c;
    int64_t run = quarantine_with_deletions(s, &c);
    rec_run(s, &c, OPTIONS(.kind = NILO_RUN_PUSH, .no_close = true), &REC(.id = "i0", .at = "2025-03-17T11:00:00Z", .v = {{VIEWS, 2100}}), 1);
    ok(s, nilo_record_run_accept(s->store, run, &s->err));
    assert_int_equal(IS_GONE("i0"), 0);
}

static void only_quarantined_runs_are_settled(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", NULL);
    struct nilo_run run = rec_run(s, &c, PUSH, NULL, 0);
    fails(s, NILO_EINVAL, nilo_record_run_accept(s->store, run.id, &s->err));
    fails(s, NILO_ENOENT, nilo_record_run_reject(s->store, 4711, &s->err));
}

/* The next run is compared with the newest one that counts, not with the bad one. */
static void the_next_run_is_compared_with_one_that_counts(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "youtube", NULL);
    list(s, &c, LISTS, "2025-03-20T07:00:00Z", (struct listing){.items = 40}, false);
    assert_int_equal(list(s, &c, LISTS, "2025-03-20T08:00:00Z", (struct listing){.items = 5}, true).status, NILO_RUN_QUARANTINED);
    assert_int_equal(list(s, &c, LISTS, "2025-03-20T09:00:00Z", (struct listing){.items = 5}, true).status, NILO_RUN_QUARANTINED);
    assert_int_equal(list(s, &c, LISTS, "2025-03-20T09:30:00Z", (struct listing){.items = 40}, true).status, NILO_COMPLETED);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(thresholds),
        STORES_TEST(a_hundredfold_is_the_limit),
        STORES_TEST(who_is_judged),
        STORES_TEST(a_quarantined_run_holds_its_days_and_shows_nothing),
        STORES_TEST(accepted_it_counts_again_and_its_days_close),
        STORES_TEST(rejected_it_is_dropped_and_its_days_close),
        STORES_TEST(what_is_gone_by_the_word_of_a_bad_run_alone_is_there),
        STORES_TEST(accepted_its_word_counts_again),
        STORES_TEST(accepted_late_it_does_not_take_away_what_was_read_since),
        STORES_TEST(only_quarantined_runs_are_settled),
        STORES_TEST(the_next_run_is_compared_with_one_that_counts),
    };
    return stores_run("record/guard", tests, sizeof tests / sizeof tests[0]);
}
