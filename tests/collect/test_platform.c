/* Collecting from a platform: the emulator's YouTube behind the step machine, under a virtual clock, into stores of both engines. */
#include "sim.h"

#include "record/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void one(struct sim *sim, int channel)
{
    const struct nilo_platform_want want = sim_want(sim, "yt", channel);
    sim_collect(sim, &want, 1);
    assert_int_equal(sim->n_outcomes, 1);
}
#define said(sim, i) ((sim)->outcomes[i].error[0] != '\0' ? (sim)->outcomes[i].error : (sim)->outcomes[i].failure)

static void a_channel_is_discovered_and_its_videos_are_read(struct stores *s)
{
    struct sim sim;
    char id[EMULATOR_TEXT], sql[400];
    sim_init(&sim, s, "seed=7 channels=2 videos=120 latency_ms=300 upload_hours=0");
    nilo_us asked = s->clock.wall;
    one(&sim, 0);
    const struct sim_outcome *o = &sim.outcomes[0];
    if (strcmp(o->status, "completed") != 0)
        fail_msg("%s: %s", o->status, said(&sim, 0));
    assert_int_equal(o->discovered, 120);
    assert_int_equal(o->read, 120);
    assert_int_equal(o->requests, 1 + 3 + 3); /* the channel, three pages, three times 50 ids */
    assert_int_equal(o->retries, 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE title IS NOT NULL AND posted_at IS NOT NULL"), 120);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id "
                                   "WHERE m.name = 'views' AND e.kind = 0 AND v.value IS NOT NULL"), 120);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM entity WHERE kind = 1"), 1);
    /* what is recorded lies between what was true when it was asked and when it came */
    for (int v = 0; v < 120; v += 17) {
        emulator_video_id(sim.em, 0, v, id);
        snprintf(sql, sizeof sql, "SELECT v.value FROM day_value v JOIN metric m ON m.id = v.metric_id JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id "
                                  "WHERE m.name = 'views' AND e.external_id = '%s'", id);
        int64_t views = stores_int(s, sql);
        assert_true(views >= emulator_views(sim.em, 0, v, asked) && views <= emulator_views(sim.em, 0, v, s->clock.wall));
    }
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_item WHERE read_at IS NOT NULL AND failures = 0"), 120);
    assert_int_equal(stores_int(s, "SELECT sum(used) FROM api_budget"), 7);
    sim_done(&sim);
}

static void what_was_read_lately_is_not_due(struct stores *s)
{
    struct sim sim;
    sim_init(&sim, s, "seed=7 channels=2 videos=120 upload_hours=0 back_days=400");
    one(&sim, 0);
    nilo_virtual_clock_advance(&s->clock, NILO_US_MINUTE);
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].due, 0);
    assert_int_equal(sim.outcomes[0].requests, 2); /* the channel, and the first page, which has nothing new */
    assert_string_equal(sim.outcomes[0].status, "completed");
    nilo_virtual_clock_advance(&s->clock, 7 * NILO_US_HOUR);
    one(&sim, 0);
    assert_true(sim.outcomes[0].read > 0 && sim.outcomes[0].read < 40); /* those of the last 30 days */
    s->clock.wall = stores_us("2025-03-20T23:30:00Z");
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].read, 120); /* the day's last hour */
    sim_done(&sim);
}

static void a_new_video_is_read_at_once(struct stores *s)
{
    struct sim sim;
    sim_init(&sim, s, "seed=7 channels=1 videos=60 upload_hours=5");
    one(&sim, 0);
    nilo_virtual_clock_advance(&s->clock, 5 * NILO_US_HOUR + NILO_US_MINUTE);
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].discovered, 1);
    assert_true(sim.outcomes[0].read >= 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content"), 61);
    sim_done(&sim);
}

static void a_deleted_video_is_a_dated_event_and_its_history_stays(struct stores *s)
{
    struct sim sim;
    sim_init(&sim, s, "seed=7 channels=1 videos=30 upload_hours=0");
    one(&sim, 0);
    sim_control(&sim, "/_emulator/item?channel=0&video=3&state=deleted");
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    nilo_us before = s->clock.wall;
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].gone, 1);
    if (strcmp(sim.outcomes[0].status, "completed") != 0)
        fail_msg("%s: %s", sim.outcomes[0].status, said(&sim, 0));
    char *details = stores_text(s, "SELECT details FROM run ORDER BY id DESC LIMIT 1");
    if (sim.outcomes[0].read >= 30 || strstr(details, "\"processed\":30") == NULL) /* what run_report says: taken up, though not all of it read */
        fail_msg("%lld read, %s", (long long)sim.outcomes[0].read, details);
    free(details);
    int64_t at = stores_int(s, "SELECT deleted_at FROM content WHERE deleted_at IS NOT NULL");
    assert_true(at >= before && at <= s->clock.wall);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE deleted_at IS NOT NULL"), 1);
    /* its first day is as it was, the day it was found missing says why there is nothing */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN content c ON c.bucket = v.bucket AND c.entity_id = v.entity_id "
                                   "WHERE c.deleted_at IS NOT NULL AND v.value IS NOT NULL"), 3);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN content c ON c.bucket = v.bucket AND c.entity_id = v.entity_id "
                                   "WHERE c.deleted_at IS NOT NULL AND v.absence = 3"), 3);
    /* nothing more is asked of it for a day, and its event is not dated anew */
    nilo_virtual_clock_advance(&s->clock, 2 * NILO_US_DAY);
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].gone, 0);
    assert_int_equal(stores_int(s, "SELECT deleted_at FROM content WHERE deleted_at IS NOT NULL"), at);
    /* it is there again */
    sim_control(&sim, "/_emulator/item?channel=0&video=3&state=public");
    nilo_virtual_clock_advance(&s->clock, 2 * NILO_US_DAY);
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].back, 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE deleted_at IS NOT NULL"), 0);
    /* each of it is an event, dated to when it was found */
    assert_rows(s, "SELECT was, event, status FROM content_event ORDER BY id", "0 3 gone|3 0 public");
    assert_int_equal(stores_int(s, "SELECT at FROM content_event WHERE event = 3"), at);
    assert_rows(s, "SELECT c.status FROM content c JOIN content_event v ON v.entity_id = c.entity_id AND v.event = 3", "public");
    sim_done(&sim);
}

/* The owner sees what is private; for others it is gone. */
static void a_video_that_its_owner_hides_is_private_not_deleted(struct stores *s)
{
    struct sim sim;
    sim_init(&sim, s, "seed=7 channels=1 videos=30 upload_hours=0");
    sim.oauth = true;
    one(&sim, 0);
    sim_control(&sim, "/_emulator/item?channel=0&video=3&state=private");
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    one(&sim, 0);
    assert_rows(s, "SELECT was, event, status FROM content_event ORDER BY id", "0 2 private");
    sim_control(&sim, "/_emulator/item?channel=0&video=3&state=deleted");
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    one(&sim, 0);
    sim_control(&sim, "/_emulator/item?channel=0&video=3&state=private");
    nilo_virtual_clock_advance(&s->clock, 2 * NILO_US_DAY);
    one(&sim, 0);
    assert_rows(s, "SELECT was, event, status FROM content_event ORDER BY id", "0 2 private|2 3 gone|3 2 private");
    sim_done(&sim);
}

/* SEMANTICS 2.10: what a quarantined run saw does not count, neither that an item is gone nor that it is back. */
static void a_quarantined_run_brings_nothing_back(struct stores *s)
{
    struct sim sim;
    char target[100];
    sim_init(&sim, s, "seed=7 channels=1 videos=30 upload_hours=0");
    one(&sim, 0);
    sim_control(&sim, "/_emulator/item?channel=0&video=3&state=deleted");
    nilo_virtual_clock_advance(&s->clock, 2 * NILO_US_DAY);
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].gone, 1);
    sim_control(&sim, "/_emulator/item?channel=0&video=3&state=public");
    sim_control(&sim, "/_emulator/item?channel=0&video=4&state=deleted");
    for (int v = 5; v < 20; v++) {
        snprintf(target, sizeof target, "/_emulator/item?channel=0&video=%d&fall_percent=80", v);
        sim_control(&sim, target);
    }
    nilo_virtual_clock_advance(&s->clock, 2 * NILO_US_DAY);
    one(&sim, 0);
    assert_string_equal(sim.outcomes[0].status, "quarantined");
    assert_int_equal(sim.outcomes[0].back, 0);
    char id[EMULATOR_TEXT], sql[400];
    emulator_video_id(sim.em, 0, 3, id);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM content c JOIN entity e ON e.bucket = c.bucket AND e.id = c.entity_id WHERE c.deleted_at IS NOT NULL AND e.external_id = '%s'", id);
    assert_int_equal(stores_int(s, sql), 1);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE deleted_at IS NOT NULL"), 1);
    /* and its events are taken back by others: whoever adds them up is where the record is */
#define OF_VIDEO "SELECT v.was, v.event FROM content_event v JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id WHERE e.external_id = '%s' ORDER BY v.id"
    char fourth[EMULATOR_TEXT], events[2][400];
    emulator_video_id(sim.em, 0, 4, fourth);
    snprintf(events[0], sizeof events[0], OF_VIDEO, id);
    snprintf(events[1], sizeof events[1], OF_VIDEO, fourth);
    assert_rows(s, events[0], "0 3");
    assert_rows(s, events[1], "0 3|3 0");
    ok(s, nilo_record_run_accept(s->store, stores_int(s, "SELECT max(id) FROM run"), &s->err));
    assert_int_equal(stores_int(s, sql), 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE deleted_at IS NOT NULL"), 1);
    assert_rows(s, events[0], "0 3|3 0");
    assert_rows(s, events[1], "0 3|3 0|0 3");
    sim_done(&sim);
}

static void many_that_vanish_at_once_are_not_believed_the_first_time(struct stores *s)
{
    struct sim sim;
    char target[100];
    sim_init(&sim, s, "seed=7 channels=1 videos=40 upload_hours=0");
    one(&sim, 0);
    for (int v = 0; v < 20; v++) {
        snprintf(target, sizeof target, "/_emulator/item?channel=0&video=%d&state=private", v);
        sim_control(&sim, target);
    }
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].gone, 0);
    assert_int_equal(sim.outcomes[0].failed, 20);
    assert_string_equal(sim.outcomes[0].status, "partial");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE deleted_at IS NOT NULL"), 0);
    nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].gone, 20);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE deleted_at IS NOT NULL"), 20);
    sim_done(&sim);
}

/* ---- what goes wrong ------------------------------------------------------------------------------------------------------------------------ */

struct plan {
    const char *part; /* of the target */
    int status, times;
    int64_t retry_after_s;
};

static int planned(void *ctx, nilo_us now, const char *target, int64_t *ret_wait)
{
    struct plan *p = ctx;
    (void)now;
    if (p->times == 0 || strstr(target, p->part) == NULL)
        return 0;
    p->times--;
    *ret_wait = p->retry_after_s;
    return p->status;
}

static void a_passing_failure_is_tried_again(struct stores *s)
{
    struct sim sim;
    struct plan plan = {"batchGetStats", 503, 2, -1};
    sim_init(&sim, s, "seed=7 channels=1 videos=60 upload_hours=0");
    sim.fault = planned;
    sim.fault_ctx = &plan;
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].read, 60);
    assert_int_equal(sim.outcomes[0].retries, 2);
    assert_string_equal(sim.outcomes[0].status, "completed");
    sim_done(&sim);
}

static void after_three_tries_the_items_come_first_next_time(struct stores *s)
{
    struct sim sim;
    struct plan plan = {"batchGetStats", 500, 3, -1};
    sim_init(&sim, s, "seed=7 channels=1 videos=30 upload_hours=0");
    sim.fault = planned;
    sim.fault_ctx = &plan;
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].read, 0);
    assert_int_equal(sim.outcomes[0].failed, 30);
    assert_int_equal(sim.outcomes[0].n_failures, 20); /* are told by name, all are counted and in the log */
    assert_int_equal(sim.outcomes[0].all_failures, 30);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run_failure"), 30);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_item WHERE failures = 1 AND class = 'transient'"), 0); /* they are no items of the record yet */
    nilo_virtual_clock_advance(&s->clock, NILO_US_MINUTE);
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].read, 30);
    plan.times = 3;
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].failed, 30);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_item WHERE failures = 1 AND class = 'transient'"), 30);
    nilo_virtual_clock_advance(&s->clock, NILO_US_MINUTE);
    one(&sim, 0); /* at once, not in their time */
    assert_int_equal(sim.outcomes[0].read, 30);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_item WHERE failures > 0"), 0);
    sim_done(&sim);
}

static void a_limit_is_waited_for_and_the_rest_of_the_job_kept(struct stores *s)
{
    struct sim sim;
    struct plan plan = {"batchGetStats", 429, 1, 90};
    sim_init(&sim, s, "seed=7 channels=1 videos=240 upload_hours=0");
    sim.fault = planned;
    sim.fault_ctx = &plan;
    nilo_us began = s->clock.wall;
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].read, 240);
    assert_int_equal(sim.outcomes[0].left, 0);
    assert_true(s->clock.wall - began >= 90 * NILO_US_SECOND);
    sim_done(&sim);
}

static void a_long_limit_leaves_the_rest_to_a_later_run(struct stores *s)
{
    struct sim sim;
    struct plan plan = {"batchGetStats", 429, 1, 7200};
    sim_init(&sim, s, "seed=7 channels=1 videos=400 upload_hours=0");
    sim.fault = planned;
    sim.fault_ctx = &plan;
    nilo_us began = s->clock.wall;
    one(&sim, 0);
    assert_string_equal(sim.outcomes[0].status, "partial");
    assert_true(sim.outcomes[0].left > 0 && sim.outcomes[0].failed == 0);
    assert_int_equal(sim.outcomes[0].left + sim.outcomes[0].read, 400);
    assert_true(sim.outcomes[0].again_at >= began + 7200 * NILO_US_SECOND);
    assert_true(s->clock.wall - began < 10 * NILO_US_MINUTE);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_state WHERE next_at IS NOT NULL AND why IS NOT NULL"), 1);
    one(&sim, 0); /* the limit is remembered: nothing is asked of that bucket before its time */
    assert_int_equal(sim.early, 0);
    s->clock.wall = sim.outcomes[0].again_at;
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].left, 0);
    assert_int_equal(stores_int(s, "SELECT count(DISTINCT entity_id) FROM collect_item WHERE read_at IS NOT NULL"), 400);
    sim_done(&sim);
}

static void the_quota_of_a_day_is_never_overdrawn(struct stores *s)
{
    struct sim sim;
    struct nilo_platform_want want;
    char texts[600][EMULATOR_TEXT];
    const char *ids[600];
    sim_init(&sim, s, "seed=7 channels=1 videos=600 upload_hours=0 quota_stats=10");
    want = sim_want(&sim, "yt", 0);
    want.budget = 10;
    want.n_accounts = 0;
    for (int i = 0; i < 600; i++) {
        emulator_video_id(sim.em, 0, i, texts[i]);
        ids[i] = texts[i];
    }
    want.ids = ids;
    want.n_ids = 600;
    sim_collect(&sim, &want, 1);
    assert_int_equal(sim.outcomes[0].read, 450); /* nine calls, one is kept for retries */
    assert_int_equal(sim.outcomes[0].left, 150);
    assert_int_equal(sim_counter(&sim, "over_quota"), 0);
    nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
    sim_collect(&sim, &want, 1);
    assert_int_equal(sim_counter(&sim, "over_quota"), 0);
    s->clock.wall = stores_us("2025-03-21T07:00:01Z"); /* midnight Pacific */
    for (int hour = 0; hour < 24; hour++) { /* what was never read comes first, what is left of the budget lasts for the day */
        sim_collect(&sim, &want, 1);
        assert_true(sim.outcomes[0].requests <= 3);
        nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
    }
    assert_int_equal(stores_int(s, "SELECT sum(used) FROM api_budget WHERE bucket = 'stats'"), 9);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_item WHERE read_at IS NOT NULL"), 600);
    assert_int_equal(sim_counter(&sim, "over_quota"), 0);
    sim_done(&sim);
}

/* Names that nobody can ask for, somewhere among 300: they fail, by their own name, and cost no other. */
static void ids_that_cannot_be_asked_for_cost_the_others_nothing(struct stores *s)
{
    static const char *const ids[] = {"foo!bar", "b\xc3\xa4r", "zz zz"};
    struct sim sim;
    sim_init(&sim, s, "seed=7 channels=1 videos=300 upload_hours=0");
    struct nilo_platform_want want = sim_want(&sim, "yt", 0);
    want.ids = ids;
    want.n_ids = 3;
    for (int day = 0; day < 2; day++) {
        sim_collect(&sim, &want, 1);
        const struct sim_outcome *o = &sim.outcomes[0];
        assert_int_equal(o->read, 300);
        assert_int_equal(o->failed, 3);
        assert_string_equal(o->status, "partial");
        assert_rows(s, "SELECT count(*) FROM run_failure", day == 0 ? "3" : "6");
        nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    }
    assert_rows(s, "SELECT count(*) FROM run_failure WHERE message NOT LIKE '%' || external_id || '%'", "0");
    sim_done(&sim);
}

/* Listings and readings have a budget each: when that of the listings is used up the readings go on, and the run says that nothing new was looked for. */
static void a_budget_of_listings_that_is_used_up_stops_no_readings(struct stores *s)
{
    struct sim sim;
    sim_init(&sim, s, "seed=7 channels=1 videos=300 upload_hours=0 quota=8");
    one(&sim, 0);
    assert_int_equal(sim.outcomes[0].read, 300);
    assert_string_equal(sim.outcomes[0].status, "completed");
    const nilo_us times[] = {s->clock.wall + 7 * NILO_US_HOUR, stores_us("2025-03-20T23:30:00Z")}; /* the Pacific day goes on until the next morning */
    for (int i = 0; i < 2; i++) {
        nilo_virtual_clock_advance(&s->clock, times[i] - s->clock.wall);
        one(&sim, 0);
        if (sim.outcomes[0].due == 0 || sim.outcomes[0].read != sim.outcomes[0].due)
            fail_msg("run %d: %d due, %d read: %s", i, (int)sim.outcomes[0].due, (int)sim.outcomes[0].read, sim.outcomes[0].note);
    }
    assert_int_equal(sim.outcomes[0].read, 300); /* the day's last hour */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM run_failure WHERE message LIKE 'what is new is looked for in a later run%'") > 0, 1);
    assert_string_equal(sim.outcomes[0].status, "partial");
    assert_int_equal(sim_counter(&sim, "over_quota") <= 1, 1); /* the first one that told us */
    sim_done(&sim);
}

static void a_token_that_ended_is_refreshed_once_for_all_requests(struct stores *s)
{
    struct sim sim;
    sim_init(&sim, s, "seed=7 channels=1 videos=400 upload_hours=0 latency_ms=300");
    sim.oauth = true;
    snprintf(sim.access, sizeof sim.access, "ya29.ended");
    one(&sim, 0);
    assert_int_equal(sim.refreshes, 1);
    assert_int_equal(sim.outcomes[0].read, 400);
    sim_control(&sim, "/_emulator/tokens?act=expire");
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    one(&sim, 0);
    assert_int_equal(sim.refreshes, 2);
    assert_int_equal(sim.outcomes[0].read, 400);
    sim_done(&sim);
}

static void without_a_new_token_the_connection_expires_and_others_go_on(struct stores *s)
{
    struct sim sim;
    struct nilo_connection c;
    sim_init(&sim, s, "seed=7 channels=2 videos=60 upload_hours=0");
    sim.oauth = sim.no_refresh = true;
    snprintf(sim.access, sizeof sim.access, "ya29.ended");
    one(&sim, 0);
    assert_string_equal(sim.outcomes[0].status, "failed");
    assert_int_equal(sim.refreshes, 1);
    assert_true(sim.outcomes[0].requests <= 2); /* no calls are spent on it */
    ok(s, nilo_store_connection_get(s->store, stores_connection(s, "w", NULL, "yt", "youtube", "file").id, &c, &s->err));
    assert_string_equal(c.status, "expired");
    sim.oauth = false;
    const struct nilo_platform_want other = sim_want(&sim, "other", 1);
    sim_collect(&sim, &other, 1);
    assert_int_equal(sim.outcomes[0].read, 60);
    sim_done(&sim);
}

static void a_host_that_is_down_is_probed_and_the_job_goes_on_when_it_is_up(struct stores *s)
{
    struct sim sim;
    struct plan plan = {"", 503, 12, -1};
    sim_init(&sim, s, "seed=7 channels=4 videos=60 upload_hours=0");
    struct nilo_platform_want wants[4];
    for (int i = 0; i < 4; i++) {
        char name[16];
        snprintf(name, sizeof name, "yt%d", i);
        wants[i] = sim_want(&sim, name, i);
    }
    sim.fault = planned;
    sim.fault_ctx = &plan;
    sim_collect(&sim, wants, 4);
    int64_t read = 0;
    for (int i = 0; i < 4; i++)
        read += sim.outcomes[i].read;
    sim.fault = NULL;
    nilo_virtual_clock_advance(&s->clock, 2 * NILO_US_MINUTE);
    sim_collect(&sim, wants, 4);
    for (int i = 0; i < 4; i++)
        read += sim.outcomes[i].read;
    assert_true(read >= 240);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM api_host WHERE open_until IS NULL"), 1);
    sim_done(&sim);
}

/* Not one call works: the run failed and the connection says so, until one does. */
static void a_run_in_which_nothing_worked_has_failed(struct stores *s)
{
    struct sim sim;
    struct nilo_connection c;
    struct plan plan = {"", 404, 1000, -1};
    sim_init(&sim, s, "seed=7 channels=1 videos=20 upload_hours=0");
    one(&sim, 0);
    sim.fault = planned;
    sim.fault_ctx = &plan;
    for (int i = 0; i < 2; i++) {
        nilo_virtual_clock_advance(&s->clock, NILO_US_HOUR);
        if (i == 1)
            sim.fault = NULL;
        one(&sim, 0);
        assert_string_equal(sim.outcomes[0].status, i == 0 ? "failed" : "completed");
        ok(s, nilo_store_connection_get(s->store, stores_connection(s, "w", NULL, "yt", "youtube", "file").id, &c, &s->err));
        assert_string_equal(c.status, i == 0 ? "failing" : "connected");
    }
    sim_done(&sim);
}

static void one_connection_after_another_shares_the_keys_budget(struct stores *s)
{
    struct sim sim;
    sim_init(&sim, s, "seed=7 channels=8 videos=100 upload_hours=0 latency_ms=300");
    struct nilo_platform_want wants[8];
    for (int i = 0; i < 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "yt%d", i);
        wants[i] = sim_want(&sim, name, i);
    }
    sim_collect(&sim, wants, 8);
    for (int i = 0; i < 8; i++)
        assert_int_equal(sim.outcomes[i].read, 100);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM api_budget"), 2); /* units, stats: of one key */
    assert_int_equal(stores_int(s, "SELECT sum(used) FROM api_budget"), sim.requests);
    assert_true(sim.most_under_way <= 10);
    sim_done(&sim);
}

static void who_lost_the_lease_commits_nothing(struct stores *s)
{
    struct sim sim;
    struct nilo_lease lease, other;
    bool taken;
    sim_init(&sim, s, "seed=7 channels=1 videos=30 upload_hours=0");
    struct nilo_platform_want want = sim_want(&sim, "yt", 0);
    ok(s, nilo_store_slot_take(s->store, "c", 1, "first", NILO_US_MINUTE, &lease, &taken, NULL, &s->err));
    assert_true(taken);
    want.lease = &lease;
    stores_exec(s, "UPDATE schedule_lease SET lease_until = 1");
    ok(s, nilo_store_slot_take(s->store, "c", 1, "second", NILO_US_HOUR, &other, &taken, NULL, &s->err));
    assert_true(taken);
    sim_collect(&sim, &want, 1);
    assert_string_equal(sim.outcomes[0].status, "failed");
    assert_int_equal(stores_int(s, "SELECT count(*) FROM observation"), 0);
    want.lease = &other;
    sim_collect(&sim, &want, 1);
    assert_int_equal(sim.outcomes[0].read, 30);
    sim_done(&sim);
}

/* A platform that quotes what it was sent: nothing of it is in the record, in what is remembered, or in what is told. */
static void a_refusal_that_quotes_secrets_gives_none_of_them_away(struct stores *s)
{
    static const struct {
        const char *hostile;
        bool oauth;
    } cases[] = {
        {"hostile=echo_secrets@/youtube/v3/videos", false},    {"hostile=echo_secrets@/youtube/v3/videos", true},
        {"hostile=echo_secrets@/youtube/v3/channels", true},   {"hostile=echo_secrets@/youtube/v3/playlistItems", false},
        {"hostile=echo_secrets@/v2/reports", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim sim;
        ok(s, stores_fresh(s));
        sim_init(&sim, s, "seed=7 channels=1 videos=30 upload_hours=0");
        ok(s, emulator_set_all(sim.em, cases[i].hostile, &s->err));
        sim.oauth = cases[i].oauth;
        if (sim.oauth)
            ok(s, emulator_grant(sim.em, s->clock.wall, sim.project, 0, sim.refresh, sim.access));
        one(&sim, 0);
        char *log = stores_text(s, "SELECT message FROM run_failure UNION ALL SELECT error FROM run UNION ALL SELECT details FROM run UNION ALL SELECT why FROM collect_state "
                                   "UNION ALL SELECT reason FROM collect_report UNION ALL SELECT reason FROM api_budget");
        if (strstr(log, "Bad credentials") == NULL || strstr(log, "[removed]") == NULL)
            fail_msg("%s: it was not quoted: %s", cases[i].hostile, log);
        const char *const secrets[] = {sim.key, sim.access, sim.secret, sim.refresh};
        for (size_t k = 0; k < sizeof secrets / sizeof secrets[0]; k++) {
            char begin[13];
            snprintf(begin, sizeof begin, "%s", secrets[k]);
            if (begin[0] != '\0' && (strstr(log, begin) != NULL || strstr(sim.outcomes[0].failure, begin) != NULL || strstr(sim.outcomes[0].error, begin) != NULL))
                fail_msg("%s: secret %zu is in %s", cases[i].hostile, k, log);
        }
        free(log);
        sim_done(&sim);
    }
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_channel_is_discovered_and_its_videos_are_read),
        STORES_TEST(what_was_read_lately_is_not_due),
        STORES_TEST(a_new_video_is_read_at_once),
        STORES_TEST(a_deleted_video_is_a_dated_event_and_its_history_stays),
        STORES_TEST(a_quarantined_run_brings_nothing_back),
        STORES_TEST(a_video_that_its_owner_hides_is_private_not_deleted),
        STORES_TEST(many_that_vanish_at_once_are_not_believed_the_first_time),
        STORES_TEST(a_passing_failure_is_tried_again),
        STORES_TEST(after_three_tries_the_items_come_first_next_time),
        STORES_TEST(a_limit_is_waited_for_and_the_rest_of_the_job_kept),
        STORES_TEST(a_long_limit_leaves_the_rest_to_a_later_run),
        STORES_TEST(the_quota_of_a_day_is_never_overdrawn),
        STORES_TEST(ids_that_cannot_be_asked_for_cost_the_others_nothing),
        STORES_TEST(a_budget_of_listings_that_is_used_up_stops_no_readings),
        STORES_TEST(a_token_that_ended_is_refreshed_once_for_all_requests),
        STORES_TEST(without_a_new_token_the_connection_expires_and_others_go_on),
        STORES_TEST(a_host_that_is_down_is_probed_and_the_job_goes_on_when_it_is_up),
        STORES_TEST(a_run_in_which_nothing_worked_has_failed),
        STORES_TEST(one_connection_after_another_shares_the_keys_budget),
        STORES_TEST(who_lost_the_lease_commits_nothing),
        STORES_TEST(a_refusal_that_quotes_secrets_gives_none_of_them_away),
    };
    return stores_run("collect/platform", tests, sizeof tests / sizeof tests[0]);
}
