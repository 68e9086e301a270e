/* Reports that only an owner's token gives: recorded on the days that they are of, read again until these have settled, and quiet where they are refused. */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORLD "seed=7 channels=2 videos=30 upload_hours=0 back_days=400 token_seconds=100000000 analytics_delay_h=24 analytics_settle_h=130"

/* Counts the requests for reports; answers them with a status while there is one. Of accounts: those for each, and whether videos of another one were asked for. */
struct watch {
    int status;
    const char *only; /* NULL, or the status is for this account's reports alone */
    const struct sim *sim;
    int64_t of[2], strangers;
    int64_t reports, days, others;
};

static int watch(void *ctx, nilo_us now, const char *target, int64_t *ret_wait)
{
    struct watch *w = ctx;
    bool report = strstr(target, "/v2/reports") != NULL;
    for (int account = 0; report && account < 2; account++) {
        char id[EMULATOR_TEXT];
        emulator_channel_id(w->sim->em, account, id);
        if (strstr(target, id) == NULL)
            continue;
        w->of[account]++;
        for (int v = 0; v < 30; v++) {
            emulator_video_id(w->sim->em, 1 - account, v, id);
            w->strangers += strstr(target, id) != NULL;
        }
    }
    (void)now;
    (void)ret_wait;
    w->reports += report;
    w->days += report && strstr(target, "dimensions=day") != NULL;
    w->others += !report;
    return report && (w->only == NULL || strstr(target, w->only) != NULL) ? w->status : 0;
}

static void begin(struct sim *sim, struct stores *s, struct watch *w, const char *world)
{
    *w = (struct watch){.sim = sim};
    sim_init(sim, s, world);
    sim->oauth = true;
    ok(s, emulator_grant(sim->em, s->clock.wall, 0, 0, sim->refresh, sim->access));
    sim->fault = watch;
    sim->fault_ctx = w;
}

static const struct sim_outcome *collect(struct sim *sim)
{
    const struct nilo_platform_want want = sim_want(sim, "yt", 0);
    sim_collect(sim, &want, 1);
    assert_int_equal(sim->n_outcomes, 1);
    return &sim->outcomes[0];
}

#define OF(kind, metric, window) \
    " FROM day_value v JOIN metric m ON m.id = v.metric_id JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id WHERE m.name = '" metric "' AND e.kind = " kind \
    " AND v.win = " window

/* What a Pacific day really brought the channel; views. */
static int64_t truth(const struct sim *sim, nilo_day day)
{
    struct nilo_zone *zone = NULL;
    struct nilo_err err;
    int64_t sum = 0;
    assert_int_equal(nilo_zone_load(sim->s->env.zoneinfo, "America/Los_Angeles", &zone, &err), 0);
    nilo_us from = nilo_zone_day_start(zone, day), to = nilo_zone_day_start(zone, NILO_DAY(day.n + 1));
    for (int v = 0; v < 30; v++) {
        int64_t more = emulator_views(sim->em, 0, v, to) - emulator_views(sim->em, 0, v, from);
        sum += more > 0 ? more : 0;
    }
    nilo_zone_free(zone);
    return sum;
}

static int64_t shown(struct stores *s, const char *of, nilo_day day)
{
    char sql[900];
    snprintf(sql, sizeof sql, "SELECT v.value %s AND v.day = %d ORDER BY v.seq DESC LIMIT 1", of, day.n);
    return stores_int(s, sql);
}

static void days_are_read_again_until_they_have_settled(struct stores *s)
{
    struct sim sim;
    struct watch w;
    begin(&sim, s, &w, WORLD);
    nilo_day first = stores_day("2025-03-19");
    for (int day = 0; day < 25; day++) {
        const struct sim_outcome *o = collect(&sim);
        if (strcmp(o->status, "completed") != 0)
            fail_msg("day %d: %s %s %s", day, o->status, o->error, o->failure);
        nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    }
    /* What has settled is what was true, on closed days too, and how it got there is kept. */
    for (int i = 0; i < 18; i++) {
        nilo_day day = NILO_DAY(first.n + i);
        assert_int_equal(shown(s, OF("1", "views", "1"), day), truth(&sim, day));
    }
    assert_true(stores_int(s, "SELECT count(*)" OF("1", "views", "1") " AND v.seq > 0 AND v.cause = 2") > 10);
    assert_int_equal(stores_int(s, "SELECT count(*)" OF("1", "views", "1") " AND v.provenance <> (SELECT max(provenance) FROM observation)"), 0);
    /* The settle time was measured. A day says its last word 130 hours after its end; at 10:00 UTC days are 3, 27, ... 123, 147 hours old: the seventh reading is
     * another one than the sixth, the eighth is as the seventh. */
    struct nilo_settle settle;
    ok(s, nilo_store_settle(s->store, stores_connection(s, "w", NULL, "yt", "youtube", "file").id, &settle, &s->err));
    assert_int_equal(nilo_settle_days(&settle), 8);
    assert_true(settle.seen[20] > 10 && settle.changed[20] == 0);
    /* days close later than after the 48 hours that platforms have by default, but not without end: 96 hours before the last run */
    assert_int_equal(stores_int(s, "SELECT closed_until FROM connection"), stores_day("2025-04-08").n);
    /* So items' days are asked for as long: the account's days, all time, and each of these. */
    w.reports = w.days = 0;
    collect(&sim);
    assert_int_equal(w.days, 1);
    assert_int_equal(w.reports, 1 + 1 + 8);
    /* once a day */
    nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
    w.reports = 0;
    collect(&sim);
    assert_int_equal(w.reports, 0);
    sim_done(&sim);
}

static void items_have_their_days_and_all_time(struct stores *s)
{
    struct sim sim;
    struct watch w;
    char sql[900], id[EMULATOR_TEXT];
    begin(&sim, s, &w, WORLD);
    for (int day = 0; day < 12; day++) {
        collect(&sim);
        nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    }
    nilo_day day = stores_day("2025-03-24");
    snprintf(sql, sizeof sql, OF("0", "watch_time_ms", "1") " AND v.day = %d AND v.seq = (SELECT max(x.seq) FROM day_value x WHERE x.bucket = v.bucket AND "
                              "x.entity_id = v.entity_id AND x.win = v.win AND x.day = v.day AND x.metric_id = v.metric_id)", day.n);
    char sum[1000];
    snprintf(sum, sizeof sum, "SELECT sum(v.value) %s", sql);
    assert_int_equal(stores_int(s, sum), shown(s, OF("1", "watch_time_ms", "1"), day)); /* what the channel's day says */
    assert_true(stores_int(s, sum) > 0);
    /* all time: on the day of reading, in one line with what counts tell */
    emulator_video_id(sim.em, 0, 3, id);
    snprintf(sql, sizeof sql, "SELECT count(*)" OF("0", "shares", "0") " AND e.external_id = '%s' AND v.value IS NOT NULL", id);
    assert_int_equal(stores_int(s, sql), 12);
    assert_int_equal(stores_int(s, "SELECT count(*)" OF("0", "shares", "0") " AND v.value IS NULL"), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM api_budget WHERE bucket = 'reports'"), 1);
    assert_int_equal(sim_counter(&sim, "over_quota"), 0);
    sim_done(&sim);
}

static void a_refusal_is_told_once_and_is_the_reason(struct stores *s)
{
    struct sim sim;
    struct watch w;
    begin(&sim, s, &w, WORLD);
    w.status = 403;
    const struct sim_outcome *o = collect(&sim);
    assert_string_equal(o->status, "partial");
    assert_int_equal(o->n_failures, 1);
    assert_non_null(strstr(o->failure, "permission"));
    assert_int_equal(o->read, 30); /* counts are another matter */
    int64_t asked = w.reports;
    assert_true(asked <= 8); /* what was on its way */
    for (int day = 1; day < 7; day++) {
        nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
        o = collect(&sim);
        assert_string_equal(o->status, "completed");
        assert_int_equal(w.reports, asked);
    }
    /* null, and why, on each day */
    assert_int_equal(stores_int(s, "SELECT count(*)" OF("0", "shares", "0") " AND v.value IS NULL AND v.absence = 6"), 7 * 30);
    assert_int_equal(stores_int(s, "SELECT count(*)" OF("0", "shares", "0") " AND v.value IS NOT NULL"), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run_failure"), 1);
    /* looked at again after a week: still so is no event */
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    o = collect(&sim);
    assert_true(w.reports > asked);
    assert_string_equal(o->status, "completed");
    assert_int_equal(o->n_failures, 0);
    /* whoever signs in again is asked for at once */
    asked = w.reports;
    w.status = 0;
    nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
    struct nilo_connection c = stores_connection(s, "w", NULL, "yt", "youtube", "file");
    const struct nilo_login_row login = {.connection = c.id, .connected_at = s->clock.wall, .renewed_at = NILO_US_NONE, .access_until = NILO_US_NONE,
                                         .refresh_until = NILO_US_NONE, .lease_until = NILO_US_NONE, .asked_at = NILO_US_NONE, .retry_at = NILO_US_NONE,
                                         .problem_at = NILO_US_NONE};
    int64_t generation;
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_login_put(s->store, &login, &generation, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
    o = collect(&sim);
    assert_true(w.reports > asked);
    assert_int_equal(stores_int(s, "SELECT count(*)" OF("0", "shares", "0") " AND v.value IS NOT NULL"), 30);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_report WHERE refused_at IS NULL"), 1);
    sim_done(&sim);
}

static void who_may_not_ask_does_not(struct stores *s)
{
    static const struct {
        const char *name;
        bool oauth, competitor;
        bool asks;
    } cases[] = {{"key", false, false, false}, {"rival", true, true, false}, {"own", true, false, true}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim sim;
        struct watch w;
        ok(s, stores_fresh(s));
        begin(&sim, s, &w, WORLD);
        sim.oauth = cases[i].oauth;
        sim_want(&sim, "yt", 0);
        if (cases[i].competitor)
            stores_exec(s, "UPDATE connection SET role = 'competitor'");
        const struct sim_outcome *o = collect(&sim);
        if (strcmp(o->status, "completed") != 0 || (w.reports > 0) != cases[i].asks)
            fail_msg("%s: %s, %lld reports", cases[i].name, o->status, (long long)w.reports);
        assert_true((stores_int(s, "SELECT count(*)" OF("0", "shares", "0")) > 0) == cases[i].asks);
        sim_done(&sim);
    }
}

static void a_failure_of_reports_costs_nothing_else_and_the_next_run_asks_again(struct stores *s)
{
    struct sim sim;
    struct watch w;
    begin(&sim, s, &w, WORLD);
    w.status = 500;
    const struct sim_outcome *o = collect(&sim);
    assert_string_equal(o->status, "partial");
    assert_int_equal(o->read, 30);
    assert_int_equal(o->n_failures, 1); /* one, not one a request */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_report WHERE read_at IS NOT NULL"), 0);
    w.status = 0;
    nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
    o = collect(&sim);
    assert_string_equal(o->status, "completed");
    assert_int_equal(stores_int(s, "SELECT count(*)" OF("0", "shares", "0") " AND v.value IS NOT NULL"), 30);
    sim_done(&sim);
}

static void days_between_two_runs_are_caught_up(struct stores *s)
{
    struct sim sim;
    struct watch w;
    begin(&sim, s, &w, WORLD);
    collect(&sim);
    nilo_virtual_clock_advance(&s->clock, 12 * NILO_US_DAY);
    w.reports = 0;
    collect(&sim);
    assert_int_equal(w.reports, 1 + 1 + 3 + 11); /* as far as is known before it was measured, and the days on which nobody asked */
    assert_true(stores_int(s, "SELECT count(DISTINCT v.day)" OF("0", "shares", "1") " AND v.value IS NOT NULL") >= 12);
    sim_done(&sim);
}

/* A Google account may own several channels. */
static const struct sim_outcome *collect_both(struct sim *sim, const char *const accounts[2])
{
    struct nilo_platform_want want = sim_want(sim, "yt", 0);
    want.accounts = accounts;
    want.n_accounts = 2;
    sim_collect(sim, &want, 1);
    assert_int_equal(sim->n_outcomes, 1);
    return &sim->outcomes[0];
}

static void each_account_is_asked_for_its_own_items(struct stores *s)
{
    struct sim sim;
    struct watch w;
    char ids[2][EMULATOR_TEXT];
    const char *const accounts[2] = {ids[0], ids[1]};
    begin(&sim, s, &w, WORLD " account_channels=2");
    emulator_channel_id(sim.em, 0, ids[0]);
    emulator_channel_id(sim.em, 1, ids[1]);
    for (int day = 0; day < 3; day++) { /* of the second day on short listings, which know of no item whose it is */
        w.of[0] = w.of[1] = 0;
        const struct sim_outcome *o = collect_both(&sim, accounts);
        if (strcmp(o->status, "completed") != 0)
            fail_msg("day %d: %s %s %s", day, o->status, o->error, o->failure);
        assert_int_equal(w.strangers, 0);
        assert_true(w.of[0] >= 1 + 1 + 3 && w.of[0] == w.of[1]); /* days are measured to change for longer */
        nilo_virtual_clock_advance(&s->clock, day == 0 ? 15 * NILO_US_HOUR : NILO_US_DAY);
    }
    assert_int_equal(stores_int(s, "SELECT count(DISTINCT e.id)" OF("0", "shares", "0") " AND v.value IS NOT NULL"), 60);
    assert_int_equal(stores_int(s, "SELECT count(DISTINCT e.id)" OF("1", "watch_time_ms", "1") " AND v.value IS NOT NULL"), 2);
    sim_done(&sim);
}

static void erasing_leaves_no_name_of_an_account(struct stores *s)
{
    struct sim sim;
    struct watch w;
    char id[EMULATOR_TEXT];
    struct nilo_erasure erased;
    begin(&sim, s, &w, WORLD);
    collect(&sim);
    assert_true(stores_int(s, "SELECT count(*) FROM collect_item WHERE account IS NOT NULL") > 0);
    assert_true(stores_int(s, "SELECT count(*) FROM collect_report") > 0);
    emulator_channel_id(sim.em, 0, id);
    const struct nilo_erase what = {.kind = NILO_ERASE_ITEM, .workspace = stores_connection(s, "w", NULL, "yt", "youtube", "file").workspace, .name = id};
    ok(s, nilo_store_erase(s->store, &what, &erased, &s->err));
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_item WHERE account IS NOT NULL"), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_report"), 0);
    sim_done(&sim);
}

#define OF_ACCOUNT " AND EXISTS (SELECT 1 FROM collect_item i WHERE i.bucket = e.bucket AND i.entity_id = e.id AND i.account = '%s')"

static void an_account_that_is_refused_takes_no_other_along(struct stores *s)
{
    struct sim sim;
    struct watch w;
    char ids[2][EMULATOR_TEXT], sql[1200];
    const char *const accounts[2] = {ids[0], ids[1]};
    begin(&sim, s, &w, WORLD " account_channels=2");
    emulator_channel_id(sim.em, 0, ids[0]);
    emulator_channel_id(sim.em, 1, ids[1]);
    w.status = 403;
    w.only = ids[1];
    const struct sim_outcome *o = collect_both(&sim, accounts);
    assert_string_equal(o->status, "partial");
    assert_int_equal(o->n_failures, 1);
    for (int account = 0; account < 2; account++) {
        snprintf(sql, sizeof sql, "SELECT count(*)" OF("0", "shares", "0") " AND v.value IS NOT NULL" OF_ACCOUNT, ids[account]);
        assert_int_equal(stores_int(s, sql), account == 0 ? 30 : 0);
        snprintf(sql, sizeof sql, "SELECT count(*)" OF("0", "shares", "0") " AND v.absence = 6" OF_ACCOUNT, ids[account]);
        assert_int_equal(stores_int(s, sql), account == 0 ? 0 : 30);
    }
    /* the other one goes on by itself */
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    w.of[0] = w.of[1] = 0;
    o = collect_both(&sim, accounts);
    assert_string_equal(o->status, "completed");
    assert_true(w.of[0] > 0 && w.of[1] == 0 && w.strangers == 0);
    sim_done(&sim);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(days_are_read_again_until_they_have_settled),
        STORES_TEST(items_have_their_days_and_all_time),
        STORES_TEST(a_refusal_is_told_once_and_is_the_reason),
        STORES_TEST(who_may_not_ask_does_not),
        STORES_TEST(a_failure_of_reports_costs_nothing_else_and_the_next_run_asks_again),
        STORES_TEST(days_between_two_runs_are_caught_up),
        STORES_TEST(each_account_is_asked_for_its_own_items),
        STORES_TEST(an_account_that_is_refused_takes_no_other_along),
        STORES_TEST(erasing_leaves_no_name_of_an_account),
    };
    return stores_run("collect/reports", tests, sizeof tests / sizeof tests[0]);
}
