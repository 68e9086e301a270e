/* What collecting remembers: a slot is done once, a schedule is held by one, a lease runs out and its fence keeps the one who lost it from committing;
 * budgets, hosts and how items went come back as they were put. */
#include "stores.h"

#include <stdlib.h>
#include <string.h>

#include "store/collecting.h"

#define MINUTE NILO_US_MINUTE

static nilo_us slot_at(int hour) { return stores_us("2025-03-20T00:00:00Z") + hour * NILO_US_HOUR; }

static bool take(struct stores *s, struct nilo_store *store, int hour, struct nilo_lease *ret)
{
    bool taken = false, again = false;
    ok(s, nilo_store_slot_take(store, "c1", slot_at(hour), "test", 5 * MINUTE, ret, &taken, &again, &s->err));
    return taken;
}

/* The lease's time is over: on PostgreSQL the server's clock says so, which nobody can move. */
static void run_out(struct stores *s)
{
    stores_exec(s, "UPDATE schedule_lease SET lease_until = 1 WHERE lease_until IS NOT NULL");
}

static void a_slot_is_done_once(struct stores *s)
{
    struct nilo_lease l;
    nilo_us last;
    ok(s, nilo_store_slot_last(s->store, "c1", &last, &s->err));
    assert_true(last == NILO_US_NONE);
    assert_true(take(s, s->store, 3, &l));
    assert_int_equal(l.fence, 1);
    ok(s, nilo_store_slot_end(s->store, &l, NILO_SLOT_DONE, NULL, &s->err));
    assert_false(take(s, s->store, 3, &l));
    assert_false(take(s, s->store, 2, &l)); /* what is older is over, too */
    assert_true(take(s, s->store, 4, &l));
    assert_int_equal(l.fence, 2);
    ok(s, nilo_store_slot_end(s->store, &l, NILO_SLOT_MISSED, "the source was down", &s->err));
    assert_false(take(s, s->store, 4, &l));
    ok(s, nilo_store_slot_last(s->store, "c1", &last, &s->err));
    assert_true(last == slot_at(4));
    assert_rows(s, "SELECT state, tries, reason FROM schedule_slot ORDER BY slot_at", "1 1 ~|2 1 the source was down");
}

static void a_schedule_is_held_by_one(struct stores *s)
{
    struct nilo_lease l, other;
    assert_true(take(s, s->store, 3, &l));
    assert_false(take(s, s->store, 3, &other));
    assert_false(take(s, s->store, 4, &other)); /* a run never overlaps itself */
    bool taken;
    ok(s, nilo_store_slot_take(s->store, "c2", slot_at(4), NULL, MINUTE, &other, &taken, NULL, &s->err));
    assert_true(taken);
    ok(s, nilo_store_slot_check(s->store, &l, &s->err));
}

static void a_lease_that_ran_out_is_taken_over_and_its_fence_keeps_the_loser_out(struct stores *s)
{
    struct nilo_lease dead, l;
    bool taken, again;
    assert_true(take(s, s->store, 3, &dead));
    run_out(s);
    ok(s, nilo_store_slot_check(s->store, &dead, &s->err)); /* nobody came yet: nothing is lost */
    ok(s, nilo_store_slot_take(s->store, "c1", slot_at(3), "second", 5 * MINUTE, &l, &taken, &again, &s->err));
    assert_true(taken && again);
    assert_int_equal(l.fence, dead.fence + 1);
    fails(s, NILO_ECANCELLED, nilo_store_slot_check(s->store, &dead, &s->err));
    fails(s, NILO_ECANCELLED, nilo_store_slot_renew(s->store, &dead, MINUTE, &s->err));
    fails(s, NILO_ECANCELLED, nilo_store_slot_end(s->store, &dead, NILO_SLOT_DONE, NULL, &s->err));
    ok(s, nilo_store_slot_check(s->store, &l, &s->err));
    ok(s, nilo_store_slot_end(s->store, &l, NILO_SLOT_DONE, NULL, &s->err));
    fails(s, NILO_ECANCELLED, nilo_store_slot_end(s->store, &l, NILO_SLOT_DONE, NULL, &s->err));
    assert_rows(s, "SELECT state, tries, fence FROM schedule_slot", "1 2 2");
}

static void a_lease_that_is_renewed_goes_on(struct stores *s)
{
    struct nilo_lease l, other;
    assert_true(take(s, s->store, 3, &l));
    run_out(s);
    ok(s, nilo_store_slot_renew(s->store, &l, 5 * MINUTE, &s->err));
    assert_false(take(s, s->store, 3, &other));
    if (s->engine == NILO_DB_SQLITE) { /* the process's own clock */
        nilo_virtual_clock_advance(&s->clock, 6 * MINUTE);
        assert_true(take(s, s->store, 3, &other));
    }
}

static void the_loser_rolls_back(struct stores *s)
{
    struct nilo_lease dead, l;
    assert_true(take(s, s->store, 3, &dead));
    run_out(s);
    assert_true(take(s, s->store, 3, &l));
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_meta_set(s->store, "written", "by the loser", &s->err));
    fails(s, NILO_ECANCELLED, nilo_store_slot_check(s->store, &dead, &s->err));
    nilo_store_rollback(s->store);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM meta WHERE key = 'written'"), 0);
}

static void a_slot_that_ended_never_changes(struct stores *s)
{
    struct nilo_lease l;
    assert_true(take(s, s->store, 3, &l));
    ok(s, nilo_store_slot_end(s->store, &l, NILO_SLOT_DONE, NULL, &s->err));
    ok(s, nilo_store_slot_missed(s->store, "c1", slot_at(3), "said too late", &s->err));
    assert_rows(s, "SELECT state, reason FROM schedule_slot", "1 ~");
    assert_int_equal(nilo_db_exec(nilo_store_db(s->store), "UPDATE schedule_slot SET state = 0", &s->err), -1);
    assert_non_null(strstr(s->err.msg, "came to its end"));
}

static void missed_slots_have_their_reason_and_old_ones_go(struct stores *s)
{
    struct nilo_lease l;
    for (int i = 0; i < 5; i++)
        ok(s, nilo_store_slot_missed(s->store, "c1", slot_at(i), "no process ran", &s->err));
    ok(s, nilo_store_slot_missed(s->store, "c1", slot_at(2), "another word", &s->err));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot WHERE state = 2 AND reason = 'no process ran'"), 5);
    ok(s, nilo_store_slots_forget(s->store, slot_at(10), &s->err));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM schedule_slot"), 1); /* what is over stays known */
    assert_false(take(s, s->store, 4, &l));
    assert_true(take(s, s->store, 5, &l));
}

static void a_slot_that_was_begun_and_given_up_has_its_reason(struct stores *s)
{
    struct nilo_lease dead, l;
    assert_true(take(s, s->store, 3, &dead));
    run_out(s);
    assert_true(take(s, s->store, 4, &l)); /* nobody came before the next one was due */
    ok(s, nilo_store_slots_given_up(s->store, "c1", slot_at(4), "it died", &s->err));
    assert_rows(s, "SELECT state, reason FROM schedule_slot ORDER BY slot_at", "2 it died|0 ~");
    fails(s, NILO_ECANCELLED, nilo_store_slot_end(s->store, &dead, NILO_SLOT_DONE, NULL, &s->err));
    ok(s, nilo_store_slot_end(s->store, &l, NILO_SLOT_DONE, NULL, &s->err));
}

static void a_run_whose_end_cannot_be_written_is_told_with_the_next(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "c", "sql", "file");
    struct nilo_run run = {.workspace = c.workspace, .connection = c.id, .started_at = s->clock.wall, .target_day = NILO_DAY_NONE}, next = run;
    ok(s, nilo_store_run_begin(s->store, &run, &s->err));
    nilo_store_run_left(s->store, run.id);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_run_begin(s->store, &next, &s->err));
    nilo_store_rollback(s->store); /* it is not told yet */
    assert_int_equal(stores_int(s, "SELECT status FROM run"), NILO_RUNNING);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_run_begin(s->store, &next, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    assert_rows(s, "SELECT status FROM run ORDER BY id", "4|0");
}

static void a_name_is_not_cut(struct stores *s)
{
    char name[300];
    struct nilo_lease l;
    bool taken;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    fails(s, NILO_EINVAL, nilo_store_slot_take(s->store, name, 1, NULL, MINUTE, &l, &taken, NULL, &s->err));
}

/* ---- the rest ---------------------------------------------------------------------------------------------------------------------------- */

static void budgets_come_back(struct stores *s)
{
    struct nilo_arena arena;
    struct nilo_budget_row b = {"app:1", "units", 100, 200, 10000, 17, NILO_US_NONE, NULL}, got, *all;
    bool there;
    size_t n;
    int64_t used;
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_budget(s->store, "app:1", "units", &arena, &there, &got, &s->err));
    assert_false(there);
    ok(s, nilo_store_budget_put(s->store, &b, 0, &used, &s->err));
    assert_int_equal(used, 17);
    b.used = 18;
    b.blocked_until = 150;
    b.reason = "quotaExceeded";
    ok(s, nilo_store_budget_put(s->store, &b, 17, &used, &s->err));
    assert_int_equal(used, 18);
    b.bucket = "stats";
    ok(s, nilo_store_budget_put(s->store, &b, 0, &used, &s->err));
    ok(s, nilo_store_budget(s->store, "app:1", "units", &arena, &there, &got, &s->err));
    assert_true(there && got.used == 18 && got.most == 10000 && got.blocked_until == 150 && got.period_end == 200);
    assert_string_equal(got.reason, "quotaExceeded");
    ok(s, nilo_store_budgets(s->store, &arena, &all, &n, &s->err));
    assert_int_equal(n, 2);
    assert_string_equal(all[0].bucket, "stats");
    nilo_arena_done(&arena);
}

static void what_two_processes_use_of_a_budget_adds_up(struct stores *s)
{
    struct nilo_arena arena;
    struct nilo_budget_row one = {"app:1", "units", 100, 200, 10000, 20, NILO_US_NONE, NULL}, other = one, got;
    bool there;
    int64_t used, told = 0;
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_budget_put(s->store, &one, 0, &told, &s->err));
    other.used = 25; /* the other one began with these 20 */
    other.blocked_until = s->clock.wall + NILO_US_HOUR;
    other.reason = "quotaExceeded";
    ok(s, nilo_store_budget_put(s->store, &other, 20, &used, &s->err));
    assert_int_equal(used, 25);
    one.used = 17; /* it had said more ahead than it used */
    ok(s, nilo_store_budget_put(s->store, &one, told, &used, &s->err));
    assert_int_equal(used, 22);
    ok(s, nilo_store_budget(s->store, "app:1", "units", &arena, &there, &got, &s->err));
    assert_true(there && got.used == 22 && got.blocked_until == other.blocked_until); /* and it still has to wait */
    one.period_start = 200;
    one.period_end = 300;
    one.used = 1;
    ok(s, nilo_store_budget_put(s->store, &one, 0, &used, &s->err));
    assert_int_equal(used, 1);
    other.used = 30; /* one that has not noticed the new day */
    ok(s, nilo_store_budget_put(s->store, &other, 25, &used, &s->err));
    ok(s, nilo_store_budget(s->store, "app:1", "units", &arena, &there, &got, &s->err));
    assert_true(there && got.used == 1 && got.period_start == 200);
    nilo_arena_done(&arena);
}

static void what_was_handed_out_stays_good_when_a_transaction_is_rolled_back(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", "Europe/Berlin", "c", "sql", "file");
    const struct nilo_calendar *calendar, *again;
    ok(s, nilo_store_calendar(s->store, c.workspace, &calendar, &s->err));
    ok(s, nilo_store_begin(s->store, &s->err));
    nilo_store_rollback(s->store);
    ok(s, nilo_store_calendar(s->store, c.workspace, &again, &s->err));
    assert_ptr_equal(calendar, again);
    assert_int_equal(nilo_calendar_day(calendar, s->clock.wall).n, stores_day("2025-03-20").n);
    /* A zone that was set and rolled back is not the zone. */
    nilo_day from;
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_zone_set(s->store, c.workspace, "Asia/Tokyo", &from, &s->err));
    ok(s, nilo_store_calendar(s->store, c.workspace, &calendar, &s->err));
    nilo_store_rollback(s->store);
    assert_string_equal(nilo_zone_name(nilo_calendar_zone(calendar, from)), "Asia/Tokyo"); /* held by somebody: still there */
    ok(s, nilo_store_calendar(s->store, c.workspace, &again, &s->err));
    assert_string_equal(nilo_zone_name(nilo_calendar_zone(again, from)), "Europe/Berlin");
}

static void hosts_come_back(struct stores *s)
{
    struct nilo_host_row h = {3, 1, 77, -250, 99}, got;
    bool there;
    ok(s, nilo_store_host(s->store, "www.example", &there, &got, &s->err));
    assert_false(there);
    ok(s, nilo_store_host_put(s->store, "www.example", &h, &s->err));
    h.open_until = NILO_US_NONE;
    ok(s, nilo_store_host_put(s->store, "www.example", &h, &s->err));
    ok(s, nilo_store_host(s->store, "www.example", &there, &got, &s->err));
    assert_true(there && got.failures == 3 && got.opened == 1 && got.open_until == NILO_US_NONE && got.credit == -250 && got.at == 99);
}

static void items_know_how_reading_them_went(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "yt", "youtube", "file"), d = stores_connection(s, "w", NULL, "yt2", "youtube", "file");
    const struct nilo_attrs attrs = {.posted_at = 5, .deleted_at = NILO_US_NONE, .at = 10, .duration_ms = -1, .status = "public"};
    const struct nilo_entity_in in[] = {{NILO_CONTENT, "b", &attrs}, {NILO_CONTENT, "a", NULL}, {NILO_ACCOUNT, "UC1", NULL}};
    struct nilo_entity_ref refs[3];
    struct nilo_arena arena;
    struct nilo_item_state *items;
    size_t n;
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_entities(s->store, &c, in, 3, refs, &s->err));
    ok(s, nilo_store_entities(s->store, &d, in, 1, refs, &s->err));
    const struct nilo_item_state went[] = {{.external_id = "b", .read_at = 20, .failed_at = NILO_US_NONE},
                                           {.external_id = "a", .read_at = NILO_US_NONE, .failed_at = 21, .failures = 2, .class = "transient"},
                                           {.external_id = "nobody", .read_at = 1, .failed_at = NILO_US_NONE}};
    ok(s, nilo_store_items_went(s->store, &c, NILO_CONTENT, went, 3, &s->err));
    ok(s, nilo_store_items_went(s->store, &c, NILO_CONTENT, went, 3, &s->err));
    ok(s, nilo_store_items_went(s->store, &c, NILO_CONTENT, NULL, 0, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    ok(s, nilo_store_items(s->store, c.id, NILO_CONTENT, &arena, &items, &n, &s->err));
    assert_int_equal(n, 2);
    assert_string_equal(items[0].external_id, "a");
    assert_true(items[0].read_at == NILO_US_NONE && items[0].failed_at == 21 && items[0].failures == 2 && items[0].posted_at == NILO_US_NONE);
    assert_string_equal(items[0].class, "transient");
    assert_true(items[1].read_at == 20 && items[1].failures == 0 && items[1].posted_at == 5 && items[1].class == NULL);
    assert_string_equal(items[1].status, "public");
    ok(s, nilo_store_items(s->store, d.id, NILO_CONTENT, &arena, &items, &n, &s->err));
    assert_int_equal(n, 1);
    assert_true(items[0].read_at == NILO_US_NONE);
    nilo_arena_done(&arena);
}

static void a_connection_knows_what_is_left_to_do(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "yt", "youtube", "file");
    struct nilo_arena arena;
    struct nilo_collect_state state = {1, 2, "the budget is used up", 258, NILO_US_NONE}, got;
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_collect_state(s->store, c.id, &arena, &got, &s->err));
    assert_true(got.listed_at == NILO_US_NONE && got.next_at == NILO_US_NONE && got.why == NULL && got.variants == 0);
    ok(s, nilo_store_collect_state_put(s->store, c.id, &state, &s->err));
    ok(s, nilo_store_collect_state(s->store, c.id, &arena, &got, &s->err));
    assert_true(got.listed_at == 1 && got.next_at == 2 && got.variants == 258);
    assert_string_equal(got.why, "the budget is used up");
    state.next_at = NILO_US_NONE;
    state.why = NULL;
    ok(s, nilo_store_collect_state_put(s->store, c.id, &state, &s->err));
    ok(s, nilo_store_collect_state(s->store, c.id, &arena, &got, &s->err));
    assert_true(got.listed_at == 1 && got.next_at == NILO_US_NONE && got.why == NULL);
    nilo_arena_done(&arena);
}

/* What is wanted before its turn stays so whatever a run that began before it keeps of itself. */
static void a_wish_is_kept_beside_what_a_run_keeps(struct stores *s)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "yt", "youtube", "file");
    const struct nilo_entity_in in = {.kind = NILO_CONTENT, .external_id = "a"};
    struct nilo_item_state went = {.external_id = "a", .read_at = 30, .failed_at = NILO_US_NONE}, *items;
    const struct nilo_collect_state state = {.listed_at = 1, .next_at = NILO_US_NONE};
    struct nilo_collect_state got;
    struct nilo_entity_ref e;
    struct nilo_arena arena;
    size_t n;
    nilo_arena_init(&arena, 0);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_entities(s->store, &c, &in, 1, &e, &s->err));
    ok(s, nilo_store_item_ask(s->store, &c, e, 40, &s->err));
    ok(s, nilo_store_collect_ask(s->store, c.id, 41, &s->err));
    ok(s, nilo_store_items_went(s->store, &c, NILO_CONTENT, &went, 1, &s->err));
    ok(s, nilo_store_collect_state_put(s->store, c.id, &state, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    ok(s, nilo_store_items(s->store, c.id, NILO_CONTENT, &arena, &items, &n, &s->err));
    assert_true(n == 1 && items[0].asked_at == 40 && items[0].read_at == 30);
    ok(s, nilo_store_item_ask(s->store, &c, e, 50, &s->err));
    ok(s, nilo_store_items(s->store, c.id, NILO_CONTENT, &arena, &items, &n, &s->err));
    assert_true(items[0].asked_at == 50 && items[0].read_at == 30);
    ok(s, nilo_store_collect_state(s->store, c.id, &arena, &got, &s->err));
    assert_true(got.asked_at == 41 && got.listed_at == 1);
    nilo_arena_done(&arena);
}

static bool is_new(struct stores *s, const char *hook, const char *digest, nilo_us at)
{
    bool fresh;
    ok(s, nilo_store_hook_new(s->store, hook, digest, at, &fresh, &s->err));
    return fresh;
}

static void what_has_come_is_known_for_a_week(struct stores *s)
{
    const nilo_us at = 20000 * NILO_US_DAY;
    assert_true(is_new(s, "instagram", "aa", at));
    assert_false(is_new(s, "instagram", "aa", at + NILO_US_HOUR));
    assert_true(is_new(s, "facebook", "aa", at));
    assert_true(is_new(s, "instagram", "ab", at + NILO_HOOK_KNOWN - NILO_US_MINUTE));
    assert_false(is_new(s, "instagram", "aa", at + NILO_HOOK_KNOWN));
    assert_true(is_new(s, "instagram", "ac", at + NILO_HOOK_KNOWN + NILO_US_MINUTE)); /* the old go with what comes */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM hook_seen"), 2);
    assert_true(is_new(s, "instagram", "aa", at + NILO_HOOK_KNOWN + NILO_US_MINUTE));
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_wish_is_kept_beside_what_a_run_keeps),
        STORES_TEST(what_has_come_is_known_for_a_week),
        STORES_TEST(a_slot_is_done_once),
        STORES_TEST(a_schedule_is_held_by_one),
        STORES_TEST(a_lease_that_ran_out_is_taken_over_and_its_fence_keeps_the_loser_out),
        STORES_TEST(a_lease_that_is_renewed_goes_on),
        STORES_TEST(the_loser_rolls_back),
        STORES_TEST(a_slot_that_ended_never_changes),
        STORES_TEST(missed_slots_have_their_reason_and_old_ones_go),
        STORES_TEST(a_slot_that_was_begun_and_given_up_has_its_reason),
        STORES_TEST(a_run_whose_end_cannot_be_written_is_told_with_the_next),
        STORES_TEST(a_name_is_not_cut),
        STORES_TEST(budgets_come_back),
        STORES_TEST(what_two_processes_use_of_a_budget_adds_up),
        STORES_TEST(what_was_handed_out_stays_good_when_a_transaction_is_rolled_back),
        STORES_TEST(hosts_come_back),
        STORES_TEST(items_know_how_reading_them_went),
        STORES_TEST(a_connection_knows_what_is_left_to_do),
    };
    return stores_run("store/collecting", tests, sizeof tests / sizeof tests[0]);
}
