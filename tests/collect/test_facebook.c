/* Whole runs against the emulated Facebook: the engine, the record, both engines, under a virtual clock. What is recorded is compared with what the emulator's own world
 * says of that time; its limits, refusals and ends are counted where they happen. */
#include "sim.h"

#include <stdio.h>
#include <string.h>

#include "emulator/emulator_priv.h"

static const struct {
    const char *name, *metric;
} metrics[] = {{"post_media_view", "views"}, {"post_total_media_view_unique", "reach"}, {"post_clicks", "clicks"}, {"post_reactions_by_type_total", "reactions"},
               {"post_video_views", "video_views"}, {"comments", "comments"}, {"shares", "shares"}};
static const struct {
    const char *name, *metric;
} day_metrics[] = {{"page_media_view", "views"}, {"page_total_media_view_unique", "reach"}, {"page_post_engagements", "engagement"}, {"page_daily_follows", "follows"},
                   {"page_views_total", "profile_visits"}};

static void begin(struct sim *sim, struct stores *s, const char *options, int page)
{
    sim_init(sim, s, options);
    sim->oauth = true;
    sim->no_refresh = true; /* a page's token is not renewed */
    sim->secret[0] = '\0';
    assert_true(emulator_facebook_grant(sim->em, s->clock.wall, page, sim->access) >= 0);
}

/* account NULL: whose the token is */
static struct nilo_platform_want want_of(struct sim *sim, const char *name, const char *const *account, const char *const *settings)
{
    return (struct nilo_platform_want){.connection = stores_connection(sim->s, "w", "UTC", name, "facebook", "file"),
                                       .accounts = account,
                                       .n_accounts = account != NULL ? 1 : 0,
                                       .settings = settings,
                                       .request_delay_ms = -1};
}

static void collect(struct sim *sim, const char *const *settings)
{
    const struct nilo_platform_want want = want_of(sim, "fb", NULL, settings);
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
static int64_t recorded(struct stores *s, const char *id, const char *metric, const char *more)
{
    char sql[700];
    snprintf(sql, sizeof sql, "SELECT coalesce((SELECT v.value FROM day_value v JOIN metric m ON m.id = v.metric_id JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id "
                              "WHERE m.name = '%s' AND e.external_id = '%s' %s ORDER BY v.day DESC, v.seq DESC LIMIT 1), -1)", metric, id, more);
    return stores_int(s, sql);
}

/* Each number of each post lies between what was true when the run began and when it ended. Returns how many of them there were. */
static int64_t check_numbers(struct sim *sim, int page, int n, nilo_us from)
{
    int64_t told = 0;
    for (int v = 0; v < n; v++) {
        char id[EMULATOR_TEXT];
        emulator_facebook_id(page, v, id);
        for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
            int64_t low = emulator_facebook_value(sim->em, page, v, metrics[i].name, from), high = emulator_facebook_value(sim->em, page, v, metrics[i].name, sim->s->clock.wall);
            int64_t is = recorded(sim->s, id, metrics[i].metric, "");
            if (is < low || is > high)
                fail_msg("%s of %s (%d): %lld, should be %lld to %lld", metrics[i].metric, id, v, (long long)is, (long long)low, (long long)high);
            told += is >= 0;
        }
    }
    return told;
}

static int64_t reasons(struct stores *s, const char *metric, enum nilo_absence why)
{
    char sql[400];
    snprintf(sql, sizeof sql, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id "
                              "JOIN content c ON c.bucket = e.bucket AND c.entity_id = e.id WHERE m.name = '%s' AND v.value IS NULL AND v.absence = %d", metric, (int)why);
    return stores_int(s, sql);
}

static void a_page_is_read_to_the_last_number(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=2 videos=60 upload_hours=0 latency_ms=0", 1);
    nilo_us from = s->clock.wall;
    collect(&sim, NULL);
    const struct sim_outcome *o = completed(&sim);
    assert_int_equal(o->discovered, 60);
    assert_int_equal(o->read, 60);
    assert_true(check_numbers(&sim, 1, 60, from) > 300);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM content WHERE posted_at IS NOT NULL AND url IS NOT NULL AND caption IS NOT NULL"), 60);
    assert_rows(s, "SELECT media_type, count(*) FROM content GROUP BY media_type ORDER BY media_type", "link 12|photo 12|post 12|status 12|video 12");
    /* what has ended is empty, and says so; only of videos is told how often they were played */
    assert_int_equal(reasons(s, "impressions", NILO_UNSUPPORTED), 60);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'impressions' AND v.value IS NOT NULL"), 0);
    assert_int_equal(reasons(s, "video_views", NILO_UNSUPPORTED), 48);
    /* kinds of reactions are kept with their sum */
    assert_true(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'reactions' AND v.meta LIKE '{\"breakdown\":{\"like\":%'") > 50);
    sim_done(&sim);
}

static void without_batches_it_is_the_same(struct stores *s)
{
    struct sim sim;
    const char *settings[16] = {NULL};
    struct nilo_err err;
    size_t i;
    assert_int_equal(nilo_connector_check_setting(nilo_connector_find("facebook"), "batch", "no", &i, &err), 0);
    settings[i] = "no";
    begin(&sim, s, "seed=7 channels=2 videos=60 upload_hours=0 latency_ms=0", 1);
    nilo_us from = s->clock.wall;
    collect(&sim, settings);
    completed(&sim);
    assert_true(check_numbers(&sim, 1, 60, from) > 300);
    sim_control(&sim, "/_emulator/item?channel=1&video=3&state=deleted");
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    collect(&sim, settings);
    assert_int_equal(sim.outcomes[0].gone, 1);
    assert_int_equal(sim.outcomes[0].read, 59);
    sim_done(&sim);
}

/* Facebook says of a bad name only that there is one. It is found, once a kind, and left out for a month. */
static void a_name_that_is_refused_without_a_word_is_found_and_remembered(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=1 videos=60 upload_hours=0 latency_ms=0 fb_refused=1", 0); /* post_media_view, as one report has it */
    nilo_us from = s->clock.wall;
    collect(&sim, NULL);
    assert_int_equal(completed(&sim)->read, 60);
    check_numbers(&sim, 0, 60, from);
    assert_int_equal(reasons(s, "views", NILO_UNSUPPORTED), 60); /* and no other number is taken for them */
    int64_t refused = sim.em->facebook.refused;
    assert_in_range(refused, 5, 5 * 6);
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    collect(&sim, NULL);
    assert_int_equal(completed(&sim)->read, 60);
    assert_int_equal(sim.em->facebook.refused, refused);
    /* a month later it is tried again, and taken if it is taken then */
    sim_control(&sim, "/_emulator/set?fb_refused=0");
    nilo_virtual_clock_advance(&s->clock, 30 * NILO_US_DAY);
    from = s->clock.wall;
    collect(&sim, NULL);
    assert_int_equal(completed(&sim)->read, 60);
    assert_in_range(sim.em->facebook.refused, refused, refused + 6); /* posts of no kind: how often they were played is still not known of them */
    check_numbers(&sim, 0, 60, from);
    assert_int_equal(recorded(s, "100900000000000_122000000000000", "views", "") >= 0, 1);
    sim_done(&sim);
}

static void a_name_that_is_named_costs_one_call_a_kind(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=1 videos=60 upload_hours=0 latency_ms=0 fb_refused=4 fb_named=1", 0);
    nilo_us from = s->clock.wall;
    collect(&sim, NULL);
    assert_int_equal(completed(&sim)->read, 60);
    /* one a kind; of posts of no kind, the plays of which nobody knows, one more */
    assert_int_equal(sim.em->facebook.refused, 6);
    check_numbers(&sim, 0, 60, from);
    sim_done(&sim);
}

/* Who may not read what people write has all the rest. */
static void a_missing_permission_costs_what_it_is_about(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=1 videos=60 upload_hours=0 latency_ms=0 fb_no_content=1", 0);
    nilo_us from = s->clock.wall;
    collect(&sim, NULL);
    assert_int_equal(completed(&sim)->read, 60);
    check_numbers(&sim, 0, 60, from);
    assert_int_equal(reasons(s, "comments", NILO_NOT_PERMITTED), 60);
    int64_t refused = sim.em->facebook.refused;
    assert_in_range(refused, 5, 8); /* each kind once, and how often posts of no kind were played */
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    collect(&sim, NULL);
    assert_int_equal(sim.em->facebook.refused, refused);
    sim_done(&sim);
}

static void without_insights_there_are_the_summaries(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=1 videos=30 upload_hours=0 latency_ms=0 fb_no_insights=1", 0);
    nilo_us from = s->clock.wall;
    collect(&sim, NULL);
    assert_int_equal(completed(&sim)->read, 30);
    check_numbers(&sim, 0, 30, from);
    assert_int_equal(reasons(s, "views", NILO_NOT_PERMITTED), 30);
    assert_int_equal(reasons(s, "comments", NILO_NOT_PERMITTED), 0);
    sim_done(&sim);
}

static void what_has_not_come_yet_is_no_zero(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=1 videos=20 back_days=1 upload_hours=0 latency_ms=0 fb_late_h=48", 0);
    collect(&sim, NULL);
    completed(&sim);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id JOIN entity e ON e.bucket = v.bucket AND e.id = v.entity_id "
                                   "WHERE m.name = 'views' AND v.value IS NOT NULL AND e.external_id LIKE '%!_%' ESCAPE '!'"), 0);
    assert_int_equal(reasons(s, "views", NILO_NOT_YET), 20);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'comments' AND v.value IS NOT NULL"), 20);
    sim_done(&sim);
}

/* Each of the page's days is what the emulator says of that day in California; where one has no value there is none. */
static void days_of_a_page_are_the_days_before_their_ends(struct stores *s)
{
    struct sim sim;
    char id[EMULATOR_TEXT];
    int compared = 0;
    begin(&sim, s, "seed=7 channels=1 videos=20 upload_hours=24 latency_ms=0 fb_day_gap=7 fb_day_refused=8", 0);
    collect(&sim, NULL);
    completed(&sim);
    emulator_facebook_page(0, id);
    for (int d = 1; d <= 30; d++) {
        nilo_day day = NILO_DAY(stores_day("2025-03-20").n - d);
        char more[100];
        snprintf(more, sizeof more, "AND v.win = 1 AND v.day = %d", day.n);
        for (size_t i = 0; i < sizeof day_metrics / sizeof day_metrics[0]; i++) {
            int64_t is = recorded(s, id, day_metrics[i].metric, more), truth = emulator_facebook_day(sim.em, 0, day_metrics[i].name, day);
            bool told = day.n % 7 != 0 && i != 3 && d > 2; /* a day of the emulator's is there a day after it */
            if (is != -1 && is != truth)
                fail_msg("%s of day %d: %lld, not %lld", day_metrics[i].metric, day.n, (long long)is, (long long)truth);
            if (told && is == -1 && d <= 28)
                fail_msg("%s of day %d is not there", day_metrics[i].metric, day.n);
            assert_true(is == -1 || (day.n % 7 != 0 && i != 3));
            compared += is != -1;
        }
    }
    assert_true(compared >= 90);
    sim_done(&sim);
}

/* Two pages are two connections, each with its own token: what ends for one ends for no other. */
static void one_pages_token_ends_that_page_alone(struct stores *s)
{
    struct sim sim;
    char tokens[3][EMULATOR_TEXT], sql[200];
    int grants[3];
    begin(&sim, s, "seed=7 channels=3 videos=20 upload_hours=0 latency_ms=0", 0);
    for (int i = 0; i < 3; i++)
        assert_true((grants[i] = emulator_facebook_grant(sim.em, s->clock.wall, i, tokens[i])) >= 0);
    const char *const own[] = {"one", tokens[0], "two", tokens[1], "three", tokens[2], NULL};
    sim.own = own;
    const struct nilo_platform_want wants[] = {want_of(&sim, "one", NULL, NULL), want_of(&sim, "two", NULL, NULL), want_of(&sim, "three", NULL, NULL)};
    sim_collect(&sim, wants, 3);
    assert_int_equal(sim.n_outcomes, 3);
    for (size_t i = 0; i < 3; i++)
        assert_string_equal(sim.outcomes[i].status, "completed");
    snprintf(sql, sizeof sql, "/_emulator/tokens?act=revoke&grant=%d", grants[1]);
    sim_control(&sim, sql);
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    int64_t before = sim.em->facebook.questions;
    nilo_us from = s->clock.wall;
    sim_collect(&sim, wants, 3);
    for (size_t i = 0; i < sim.n_outcomes; i++) {
        bool two = strcmp(sim.outcomes[i].connection, "two") == 0;
        assert_string_equal(sim.outcomes[i].status, two ? "failed" : "completed");
        assert_int_equal(sim.outcomes[i].read, two ? 0 : 20);
        if (two)
            assert_true(sim.outcomes[i].requests <= 2); /* and no call more is spent on it */
    }
    assert_rows(s, "SELECT name, status FROM connection ORDER BY name", "one connected|three connected|two expired");
    check_numbers(&sim, 0, 20, from);
    check_numbers(&sim, 2, 20, from);
    assert_true(sim.em->facebook.questions > before);
    sim_done(&sim);
}

/* A person's token names no page by itself: that is said, and nothing is expired by it. */
static void a_persons_token_is_no_pages(struct stores *s)
{
    struct sim sim;
    begin(&sim, s, "seed=7 channels=1 videos=20 upload_hours=0 latency_ms=0", 0);
    ok(s, emulator_grant(sim.em, s->clock.wall, 0, 0, sim.refresh, sim.access));
    collect(&sim, NULL);
    assert_string_equal(sim.outcomes[0].status, "failed");
    assert_non_null(strstr(sim.outcomes[0].error, "a person's and not a page's"));
    assert_rows(s, "SELECT status FROM connection", "failing");
    sim_done(&sim);
}

/* ... where the configuration names pages, it brings what a person may read of them, and ends nothing because of the rest. */
static void a_persons_token_reads_of_named_pages_what_it_may(struct stores *s)
{
    struct sim sim;
    static const char *const two[] = {"100900000000000", "100900000000002"};
    begin(&sim, s, "seed=7 channels=3 videos=20 upload_hours=0 latency_ms=0 token_seconds=5184000", 0);
    ok(s, emulator_grant(sim.em, s->clock.wall, 0, 0, sim.refresh, sim.access));
    struct nilo_platform_want want = want_of(&sim, "fb", two, NULL);
    want.n_accounts = 2;
    sim_collect(&sim, &want, 1);
    assert_int_equal(sim.outcomes[0].read, 40);
    assert_int_equal(reasons(s, "views", NILO_NOT_PERMITTED), 40);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'comments' AND v.value IS NOT NULL"), 40);
    assert_int_equal(stores_int(s, "SELECT count(*) FROM day_value v JOIN metric m ON m.id = v.metric_id WHERE m.name = 'reactions' AND v.value IS NOT NULL"), 40);
    assert_rows(s, "SELECT status FROM connection", "connected");
    int64_t requests = sim.outcomes[0].requests;
    nilo_virtual_clock_advance(&s->clock, NILO_US_DAY);
    sim_collect(&sim, &want, 1);
    assert_int_equal(sim.outcomes[0].read, 40);
    assert_true(sim.outcomes[0].requests < requests); /* what is not permitted is not asked for again */
    sim_done(&sim);
}

/* However many runs: the app's hour and the page's day are never passed, and in the end all is read. */
static void under_limits(struct stores *s, const char *limits, int64_t wanted)
{
    struct sim sim;
    char options[300];
    snprintf(options, sizeof options, "seed=7 channels=1 videos=200 back_days=4000 upload_hours=0 latency_ms=200 %s", limits);
    begin(&sim, s, options, 0);
    for (int runs = 0; runs < 60 && stores_int(s, "SELECT count(*) FROM collect_item WHERE read_at IS NOT NULL") < wanted; runs++) {
        collect(&sim, NULL);
        nilo_virtual_clock_advance(&s->clock, 20 * NILO_US_MINUTE);
    }
    if (sim.em->facebook.over != 0)
        fail_msg("%s: %lld of %lld questions were beyond a limit", limits, (long long)sim.em->facebook.over, (long long)sim.em->facebook.questions);
    int64_t read = stores_int(s, "SELECT count(*) FROM collect_item WHERE read_at IS NOT NULL");
    if (read < wanted)
        fail_msg("%s: %lld posts are read: %s %s", limits, (long long)read, sim.outcomes[0].note, sim.outcomes[0].failure);
    sim_done(&sim);
}

static void limits_are_never_passed(struct stores *s)
{
    under_limits(s, "fb_app_limit=200 fb_page_limit=400", 180);
}

/* Of a page and an account that one app reads: its hour is one, whoever asks. */
static void an_app_of_two_platforms_has_one_hour(struct stores *s)
{
    struct sim sim;
    char tokens[2][EMULATOR_TEXT], refresh[EMULATOR_TEXT], account[EMULATOR_TEXT];
    const char *const own[] = {"fb", tokens[0], "ig", tokens[1], NULL}, *const accounts[] = {account};
    begin(&sim, s, "seed=7 channels=1 videos=200 back_days=4000 upload_hours=0 latency_ms=200 token_seconds=5000000 graph_app_limit=200", 0);
    memcpy(tokens[0], sim.access, sizeof tokens[0]);
    ok(s, emulator_grant(sim.em, s->clock.wall, 0, 0, refresh, tokens[1]));
    emulator_instagram_account(0, account);
    sim.own = own;
    struct nilo_platform_want wants[2] = {want_of(&sim, "fb", NULL, NULL), want_of(&sim, "fb", accounts, NULL)};
    wants[1].connection = stores_connection(s, "w", "UTC", "ig", "instagram", "file");
    for (int runs = 0; runs < 60 && stores_int(s, "SELECT count(*) FROM collect_item WHERE read_at IS NOT NULL") < 360; runs++) {
        sim_collect(&sim, wants, 2);
        nilo_virtual_clock_advance(&s->clock, 20 * NILO_US_MINUTE);
    }
    if (sim.em->facebook.over != 0 || sim.em->instagram.over != 0)
        fail_msg("%lld of Facebook's and %lld of Instagram's questions were beyond the limit", (long long)sim.em->facebook.over, (long long)sim.em->instagram.over);
    assert_true(stores_int(s, "SELECT count(*) FROM collect_item WHERE read_at IS NOT NULL") >= 360);
    assert_int_equal(stores_int(s, "SELECT count(DISTINCT owner) FROM api_budget WHERE bucket = 'app'"), 1); /* what one is told, the other knows */
    sim_done(&sim);
}

int main(void)
{
    static const struct stores_test tests[] = {
        STORES_TEST(a_page_is_read_to_the_last_number),
        STORES_TEST(without_batches_it_is_the_same),
        STORES_TEST(a_name_that_is_refused_without_a_word_is_found_and_remembered),
        STORES_TEST(a_name_that_is_named_costs_one_call_a_kind),
        STORES_TEST(a_missing_permission_costs_what_it_is_about),
        STORES_TEST(without_insights_there_are_the_summaries),
        STORES_TEST(what_has_not_come_yet_is_no_zero),
        STORES_TEST(days_of_a_page_are_the_days_before_their_ends),
        STORES_TEST(one_pages_token_ends_that_page_alone),
        STORES_TEST(a_persons_token_is_no_pages),
        STORES_TEST(a_persons_token_reads_of_named_pages_what_it_may),
        STORES_TEST(limits_are_never_passed),
        STORES_TEST(an_app_of_two_platforms_has_one_hour),
    };
    return stores_run("collect/facebook", tests, sizeof tests / sizeof tests[0]);
}
