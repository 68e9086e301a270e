/* The owner's reports: rows by Pacific day and by video, late at first, growing until they have settled, then final. */
#include "support/nilo_test.h"

#include "emulator/asking.h"

#include <string.h>

#define REPORTS "/v2/reports?ids=channel==MINE&startDate=%s&endDate=%s&metrics=%s&dimensions=%s"

static struct emulator *em;
static char auth[EMULATOR_TEXT + 8];

static int a_channel_and_its_owner(void **state)
{
    (void)state;
    char refresh[EMULATOR_TEXT], access[EMULATOR_TEXT];
    em = asking_new("seed=9 channels=2 videos=20 upload_hours=0 token_seconds=10000000 analytics_delay_h=24 analytics_settle_h=72");
    assert_int_equal(emulator_grant(em, NOW, 0, 1, refresh, access), 0);
    snprintf(auth, sizeof auth, "Bearer %s", access);
    return 0;
}

static int over(void **state)
{
    (void)state;
    asking_done();
    emulator_free(em);
    return 0;
}

/* NOW is the midnight that ends the 20th of November there. */
static void a_day_has_no_row_at_first_then_grows_then_stays(void **state)
{
    (void)state;
    int64_t before = 0, final = 0, first = 0;
    int status;
    for (int h = 0; h < 24; h++) {
        const char *json = asking(em, NOW + h * HOUR, auth, NULL, &status, REPORTS, "2026-11-20", "2026-11-20", "views", "day");
        assert_int_equal(status, 200);
        assert_string_equal(asking_text(json, "kind"), "youtubeAnalytics#resultTable");
        assert_string_equal(asking_text(json, "columnHeaders.1.dataType"), "INTEGER");
        assert_null(strstr(json, "\"rows\"")); /* left out, not empty */
    }
    for (int h = 24; h < 120; h++) {
        const char *json = asking(em, NOW + h * HOUR, auth, NULL, NULL, REPORTS, "2026-11-20", "2026-11-20", "views", "day");
        int64_t views = asking_number(json, "rows.0.1");
        assert_string_equal(asking_text(json, "rows.0.0"), "2026-11-20");
        assert_true(views >= before);
        first = h == 24 ? views : first;
        final = h == 72 ? views : final;
        if (h > 72)
            assert_int_equal(views, final);
        before = views;
    }
    assert_true(first < final);
    int64_t truth = 0; /* what the counts say moved on that day */
    for (int v = 0; v < 20; v++)
        truth += emulator_views(em, 1, v, NOW) - emulator_views(em, 1, v, NOW - DAY);
    assert_int_equal(final, truth);
}

static void rows_by_day_and_by_video_add_up(void **state)
{
    (void)state;
    nilo_us late = NOW + 30 * DAY;
    int64_t all = asking_number(asking(em, late, auth, NULL, NULL, REPORTS, "2026-11-01", "2026-11-10", "views,shares,estimatedMinutesWatched", ""), "rows.0.0");
    int64_t by_day = 0, by_video = 0, both = 0;
    char path[32];
    const char *json = asking(em, late, auth, NULL, NULL, REPORTS, "2026-11-01", "2026-11-10", "views", "day");
    for (int i = 0; i < 10; i++) {
        snprintf(path, sizeof path, "rows.%d.1", i);
        by_day += asking_number(json, path);
    }
    assert_string_equal(asking_text(json, "rows.10.0"), "");
    json = asking(em, late, auth, NULL, NULL, REPORTS, "2026-11-01", "2026-11-10", "views", "video");
    for (int i = 0; i < 20; i++) {
        snprintf(path, sizeof path, "rows.%d.1", i);
        by_video += asking_number(json, path);
    }
    json = asking(em, late, auth, NULL, NULL, REPORTS "&maxResults=15&startIndex=1", "2026-11-01", "2026-11-10", "views", "day,video");
    for (int page = 0; page < 14; page++) {
        for (int i = 0; i < 15; i++) {
            snprintf(path, sizeof path, "rows.%d.2", i);
            int64_t n = asking_number(json, path);
            both += n > 0 ? n : 0;
        }
        json = asking(em, late, auth, NULL, NULL, REPORTS "&maxResults=15&startIndex=%d", "2026-11-01", "2026-11-10", "views", "day,video", 1 + 15 * (page + 1));
    }
    assert_true(all > 0);
    assert_int_equal(by_day, all);
    assert_int_equal(by_video, all);
    assert_int_equal(both, all);
    char id[EMULATOR_TEXT];
    emulator_video_id(em, 1, 3, id);
    json = asking(em, late, auth, NULL, NULL, REPORTS "&filters=video==%s", "2026-11-01", "2026-11-10", "views", "video", id);
    assert_string_equal(asking_text(json, "rows.0.0"), id);
    assert_string_equal(asking_text(json, "rows.1.0"), "");
}

static void only_the_owner_is_answered_and_only_what_exists(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        int status;
    } cases[] = {
        {"ids=channel==MINE&startDate=2026-11-01&endDate=2026-11-02&metrics=views", 200},
        {"ids=channel==UCaaaaaaaaaaaaaaaaaaaaaa&startDate=2026-11-01&endDate=2026-11-02&metrics=views", 403},
        {"ids=channel==MINE&startDate=2026-11-31&endDate=2026-11-02&metrics=views", 400},
        {"ids=channel==MINE&startDate=2026-11-03&endDate=2026-11-02&metrics=views", 400},
        {"ids=channel==MINE&startDate=2026-11-01&endDate=2026-11-02", 400},
        {"ids=channel==MINE&startDate=2026-11-01&endDate=2026-11-02&metrics=likes,applause", 400},
        {"ids=channel==MINE&startDate=2026-11-01&endDate=2026-11-02&metrics=views&dimensions=moon", 400},
        {"ids=channel==MINE&startDate=2026-11-01&endDate=2026-11-02&metrics=views&filters=country==DE", 400},
    };
    int status;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        asking(em, NOW, auth, NULL, &status, "/v2/reports?%s", cases[i].query);
        if (status != cases[i].status)
            fail_msg("%s: %d", cases[i].query, status);
    }
    asking(em, NOW, NULL, NULL, &status, "/v2/reports?%s", cases[0].query); /* a key is not enough */
    assert_int_equal(status, 401);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_day_has_no_row_at_first_then_grows_then_stays, a_channel_and_its_owner, over),
        cmocka_unit_test_setup_teardown(rows_by_day_and_by_video_add_up, a_channel_and_its_owner, over),
        cmocka_unit_test_setup_teardown(only_the_owner_is_answered_and_only_what_exists, a_channel_and_its_owner, over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
