/* Whole runs against the emulated Instagram: the engine, the record, both engines, under a virtual clock. What is recorded is compared with what the emulator's own
 * world says of that time; its limits, refusals and ends are counted where they happen. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#include "emulator/emulator_priv.h"

static const struct {
    const char *name, *metric;
} metrics[] = {{"views", "views"}, {"reach", "reach"}, {"likes", "likes"}, {"comments", "comments"}, {"saved", "saves"}, {"shares", "shares"}, {"total_interactions", "engagement"},
               {"profile_visits", "profile_visits"}, {"follows", "follows"}, {"ig_reels_video_view_total_time", "watch_time_ms"}};

static void begin(struct sim *sim, struct stores *s, const char *options)
{
    sim_init(sim, s, options);
    sim->oauth = true;
    sim->secret[0] = '\0';
    ok(s, emulator_grant(sim->em, s->clock.wall, 0, 0, sim->refresh, sim->access));
}

static void collect(struct sim *sim, int account, const char *const *settings)
{
    static char id[EMULATOR_TEXT];
    static const char *accounts[1] = {id};
    emulator_instagram_account(account, id);
    const struct nilo_platform_want want = {.connection = stores_connection(sim->s, "w", "UTC", "ig", "instagram", "file"),
                                            .accounts = accounts,
                                            .n_accounts = 1,
                                            .settings = settings,
                                            .request_delay_ms = -1};
    sim_collect(sim, &want, 1);
    assert_int_equal(sim->n_outcomes, 1);
}

static const struct sim_outcome *completed(struct sim *sim)
{
    const struct sim_outcome *o = &sim->outcomes[0];
    if (strcmp(o->status, "completed") != 0)
        fail_msg("%s: %s %s %s", o->status, o->error, o->failure, o->note);
    return o;
}

/* The newest value that is recorded of it; -1: none, or a reason. */
static int64_t recorded(struct stores *s, const char *id, const char *metric)
{
    char sql[600];
    snprintf(sql, sizeof sql, "SELECT coalesce((SELECT v.value FROM day_value v JOIN metric m ON m.id = v.metric_id JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id "
                              "WHERE m.name = '%s' AND e.external_id = '%s' ORDER BY v.day DESC LIMIT 1), -1)", metric, id);
    return stores_int(s, sql);
}

/* Each number of each medium lies between what was true when the run began and when it ended; where that is the same it is that number. */
static int64_t check_numbers(struct sim *sim, int account, int n, nilo_us from, bool stories)
{
    int64_t exact = 0;
    for (int v = 0; v < n; v++) {
        char id[EMULATOR_TEXT];
        if ((v % 10 == 9) != stories)
            continue;
        emulator_instagram_id(account, v, id);
        for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
            if (stories && (strcmp(metrics[i].name, "likes") == 0 || strcmp(metrics[i].name, "comments") == 0))
                continue; /* no metrics of theirs; what stands in the medium counts */
            int64_t low = emulator_instagram_value(sim->em, account, v, metrics[i].name, from), high = emulator_instagram_value(sim->em, account, v, metrics[i].name, sim->s->clock.wall);
            int64_t is = recorded(sim->s, id, metrics[i].metric);
            if (is < low || is > high)
                fail_msg("%s of %s (%d): %lld, should be %lld to %lld", metrics[i].metric, id, v, (long long)is, (long long)low, (long long)high);
            exact += low == high;
        }
    }
    return exact;
}

static void an_account_is_read_to_the_last_number(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=2 videos=60 upload_hours=0 latency_ms=0");
    nilo_us from = s->clock.wall;
    collect(&sim, 1, NULL);
    const struct sim_outcome *o = completed(&sim);
    assert_int_equal(o->discovered, 54); /* six are stories of old */
    assert_int_equal(o->read, 54);
    assert_true(check_numbers(&sim, 1, 60, from, false) > 300);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE posted_at IS NOT NULL AND url IS NOT NULL AND caption IS NOT NULL"), 54);
    assert_rows(s, "SELECT media_type, count(*) FROM content GROUP BY media_type ORDER BY media_type", "carousel_album 18|image 18|reel 18");
    assert_int_equal(sim.em->instagram.refused, 0);
    /* what is a kind's own is a reason for the others */
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'watch_time_ms' AND v.value IS NOT NULL"), 18);
    sim_done(&sim);
}

/* graph.instagram.com: by ?ids=, and one deleted medium costs no other. */
static void without_batches_it_is_the_same(struct stores *s)
{
    struct sim sim;
    const char *settings[16] = {NULL};
    struct nilo_err err;
    size_t i;
    assert_int_equal(nilo_connector_check_setting(nilo_connector_find("instagram"), "batch", "no", &i, &err), 0);
    settings[i] = "no";
    begin(&sim, s, "seed=7 channels=2 videos=60 upload_hours=0 latency_ms=0");
    nilo_us from = s->clock.wall;
    collect(&sim, 1, settings);
    completed(&sim);
    assert_true(check_numbers(&sim, 1, 60, from, false) > 300);
    sim_control(&sim, "/_emulator/item?channel=1&video=3&state=deleted");
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    collect(&sim, 1, settings);
    assert_int_equal(sim.outcomes[0].gone, 1);
    assert_int_equal(sim.outcomes[0].read, 53);
    sim_done(&sim);
}

static void a_refused_name_costs_one_call_a_kind_and_is_remembered(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=1 videos=60 upload_hours=0 latency_ms=0 ig_refused=48"); /* saved and shares */
    nilo_us from = s->clock.wall;
    collect(&sim, 0, NULL);
    assert_int_equal(completed(&sim)->read, 54);
    assert_int_equal(sim.em->instagram.refused, 6); /* two names, three kinds */
    check_numbers(&sim, 0, 60, from, false);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM collect_variant WHERE variant <> 0"), 3);
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    collect(&sim, 0, NULL);
    assert_int_equal(completed(&sim)->read, 54);
    assert_int_equal(sim.em->instagram.refused, 6);
    /* a month later it is tried again, and taken if it is taken then */
    sim_control(&sim, "/_emulator/set?ig_refused=16");
    nilo_virtual_clock_advance(&s->clock, 30 * NILO_US_DAY);
    collect(&sim, 0, NULL);
    assert_int_equal(completed(&sim)->read, 54);
    assert_int_equal(sim.em->instagram.refused, 9);
    assert_int_equal(recorded(s, "17900000000000000", "shares") >= 0, 1);
    sim_done(&sim);
}

static void a_name_that_is_refused_without_a_word_is_found(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=1 videos=60 upload_hours=0 latency_ms=0 ig_refused=16 ig_silent=1");
    nilo_us from = s->clock.wall;
    collect(&sim, 0, NULL);
    assert_int_equal(completed(&sim)->read, 54);
    check_numbers(&sim, 0, 60, from, false);
    assert_in_range(sim.em->instagram.refused, 3, 3 * 6);
    int64_t refused = sim.em->instagram.refused;
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    collect(&sim, 0, NULL);
    assert_int_equal(sim.em->instagram.refused, refused);
    sim_done(&sim);
}

static void stories_are_read_within_their_day_and_then_have_ended(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=1 videos=10 back_days=1 upload_hours=0 latency_ms=0"); /* the last one, of less than a day ago, is a story */
    nilo_us from = s->clock.wall;
    collect(&sim, 0, NULL);
    assert_int_equal(completed(&sim)->read, 10);
    check_numbers(&sim, 0, 10, from, true);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE media_type = 'story'"), 1);
    int64_t last = recorded(s, "17900000000000009", "views");
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    collect(&sim, 0, NULL);
    assert_int_equal(completed(&sim)->read, 9);
    assert_int_equal(sim.outcomes[0].gone, 0);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE deleted_at IS NOT NULL"), 0);
    assert_int_equal(recorded(s, "17900000000000009", "views"), last);
    sim_done(&sim);
}

static void media_of_before_the_business_have_their_counts_at_least(struct stores *s)
{
    struct sim sim;
    char id[EMULATOR_TEXT];
    begin(&sim, s, "seed=7 channels=1 videos=20 upload_hours=0 latency_ms=0 ig_old=1000");
    collect(&sim, 0, NULL);
    assert_int_equal(completed(&sim)->read, 18);
    emulator_instagram_id(0, 0, id);
    assert_int_equal(recorded(s, id, "likes"), emulator_instagram_value(sim.em, 0, 0, "likes", s->clock.wall));
    assert_int_equal(recorded(s, id, "views"), -1);
    sim_done(&sim);
}

static void what_has_not_come_yet_is_no_zero(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=1 videos=20 back_days=1 upload_hours=0 latency_ms=0 ig_late_h=48");
    collect(&sim, 0, NULL);
    completed(&sim);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'views' AND v.value IS NOT NULL"), 0);
    assert_true(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'likes' AND v.value IS NOT NULL") >= 18);
    sim_done(&sim);
}

/* However many runs: the app's hour and the account's day are never passed, and in the end all is read. */
static void under_limits(struct stores *s, const char *limits, int64_t wanted)
{
    struct sim sim;
    char options[300];
    snprintf(options, sizeof options, "seed=7 channels=1 videos=200 back_days=4000 upload_hours=0 latency_ms=200 %s", limits);
    begin(&sim, s, options);
    for (int runs = 0; runs < 60 && stores_int(s, "SELECT count(*) FROM collect_item WHERE read_at IS NOT NULL") < wanted; runs++) {
        collect(&sim, 0, NULL);
        nilo_virtual_clock_advance(&s->clock, 20 * NILO_US_MINUTE);
    }
    if (sim.em->instagram.over != 0)
        fail_msg("%s: %lld of %lld questions were beyond a limit", limits, (long long)sim.em->instagram.over, (long long)sim.em->instagram.questions);
    int64_t read = stores_int(s, "SELECT count(*) FROM collect_item WHERE read_at IS NOT NULL");
    if (read < wanted)
        fail_msg("%s: %lld media are read: %s %s", limits, (long long)read, sim.outcomes[0].note, sim.outcomes[0].failure);
    sim_done(&sim);
}

static void the_apps_hour_is_never_passed(struct stores *s)
{
    under_limits(s, "ig_app_limit=60", 180);
}

static void the_accounts_day_is_never_passed(struct stores *s)
{
    under_limits(s, "ig_account_limit=150", 100);
}

static void both_limits_hold(struct stores *s)
{
    under_limits(s, "ig_app_limit=200 ig_account_limit=400", 180);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(an_account_is_read_to_the_last_number),
        STORES_TEST(without_batches_it_is_the_same),
        STORES_TEST(a_refused_name_costs_one_call_a_kind_and_is_remembered),
        STORES_TEST(a_name_that_is_refused_without_a_word_is_found),
        STORES_TEST(stories_are_read_within_their_day_and_then_have_ended),
        STORES_TEST(media_of_before_the_business_have_their_counts_at_least),
        STORES_TEST(what_has_not_come_yet_is_no_zero),
        STORES_TEST(the_apps_hour_is_never_passed),
        STORES_TEST(the_accounts_day_is_never_passed),
        STORES_TEST(both_limits_hold),
    };
    return stores_run("collect/instagram", tests, sizeof tests / sizeof tests[0]);
}
