/* The emulator's core: the same seed gives the same bytes, time moves the counts, limits are counted exactly, what a test does to the world is seen. */
#include "support/nilo_test.h"

#include "emulator/asking.h"
#include "base/day.h"

#include <stdlib.h>
#include <string.h>

#define VIDEOS "/youtube/v3/videos?part=snippet,contentDetails,statistics&id=%s"

/* ---- one seed, one world ---------------------------------------------------------------------------------------------------------------- */

/* The bytes of the last answer, mixed into what came before: the beginning and the end of the largest ones. */
static uint64_t mixed(uint64_t h)
{
    const struct emulator_response *res = asking_last();
    const struct nilo_buf *parts[2] = {&res->head, &res->body};
    h = (h ^ (uint64_t)res->status ^ (uint64_t)res->delay_us << 16 ^ (uint64_t)res->wire << 60) * UINT64_C(0x100000001b3);
    for (int k = 0; k < 2; k++)
        for (size_t i = 0, n = parts[k]->len; i < n; i = i == 65535 && n > 131072 ? n - 65536 : i + 1)
            h = (h ^ (unsigned char)parts[k]->data[i]) * UINT64_C(0x100000001b3);
    return h;
}

/* A day of all kinds of calls; what comes back, as one hash. */
static uint64_t day_of(const char *options)
{
    struct emulator *em = asking_new(options);
    char channel[EMULATOR_TEXT];
    uint64_t h = 0;
    for (int i = 0; i < 96; i++) {
        nilo_us now = NOW + i * 15 * NILO_US_MINUTE;
        emulator_channel_id(em, i % 3, channel);
        asking(em, now, NULL, NULL, NULL, VIDEOS, asking_ids(em, i % 3, i % 20, 20));
        h = mixed(h);
        asking(em, now, NULL, NULL, NULL, "/youtube/v3/channels?part=statistics&id=%s", channel);
        h = mixed(h);
        asking(em, now, NULL, NULL, NULL, "/youtube/v3/playlistItems?part=snippet&maxResults=50&playlistId=UU%s", channel + 2);
        h = mixed(h);
    }
    asking(em, NOW + 2 * DAY, NULL, NULL, NULL, "/_emulator/counters");
    h = mixed(h);
    asking(em, NOW + 2 * DAY, NULL, NULL, NULL, "/_emulator/log");
    assert_true(asking_last()->body.len > 10000);
    h = mixed(h);
    asking_done();
    emulator_free(em);
    return h;
}

static void the_same_seed_gives_the_same_bytes(void **state)
{
    (void)state;
    static const char *const worlds[] = {"seed=7", "seed=7 weather=500 latency_ms=300 latency_tail=100",
                                         "seed=7 hostile=zoo~20 deleted=100 private=100 live=100 bought=100 bomb_mib=16 hidden_likes=50"};
    for (size_t i = 0; i < sizeof worlds / sizeof *worlds; i++)
        assert_true(day_of(worlds[i]) == day_of(worlds[i]));
    assert_true(day_of("seed=7") != day_of("seed=8"));
}

/* ---- growth ------------------------------------------------------------------------------------------------------------------------------ */

static void counts_grow_with_time_and_never_fall_by_themselves(void **state)
{
    (void)state;
    struct emulator *em = asking_new("seed=3 channels=5 live=200 bought=100");
    for (int channel = 0; channel < 5; channel++)
        for (int video = 0; video < 60; video++) {
            int64_t before = 0;
            for (int hour = 0; hour < 60 * 24; hour += 5) {
                int64_t views = emulator_views(em, channel, video, NOW + hour * HOUR);
                assert_true(views >= before);
                before = views;
            }
            assert_true(before > 0);
        }
    char id[EMULATOR_TEXT];
    emulator_video_id(em, 2, 10, id);
    const char *json = asking(em, NOW, NULL, NULL, NULL, "/youtube/v3/videos?part=statistics&id=%s", id);
    assert_int_equal(asking_number(json, "items.0.statistics.viewCount"), emulator_views(em, 2, 10, NOW));
    asking_done();
    emulator_free(em);
}

static void new_videos_are_uploaded_as_time_goes_on(void **state)
{
    (void)state;
    struct emulator *em = asking_new("channels=1 videos=10 upload_hours=24");
    char channel[EMULATOR_TEXT];
    emulator_channel_id(em, 0, channel);
    int64_t before = asking_number(asking(em, NOW, NULL, NULL, NULL, "/youtube/v3/channels?part=statistics&id=%s", channel), "items.0.statistics.videoCount");
    int64_t after = asking_number(asking(em, NOW + 10 * DAY, NULL, NULL, NULL, "/youtube/v3/channels?part=statistics&id=%s", channel),
                                  "items.0.statistics.videoCount");
    assert_in_range(after - before, 9, 11); /* they do not come at the same hour each day */
    assert_int_equal(emulator_views(em, 0, (int)after, NOW + 10 * DAY), -1); /* not yet */
    assert_true(emulator_views(em, 0, (int)after, NOW + 12 * DAY) >= 0);
    asking_done();
    emulator_free(em);
}

/* ---- ids and pages -------------------------------------------------------------------------------------------------------------------------- */

static void pages_of_the_uploads_give_each_video_once_newest_first(void **state)
{
    (void)state;
    static const int sizes[] = {1, 7, 50};
    for (size_t s = 0; s < 3; s++) {
        struct emulator *em = asking_new("channels=2 videos=123 upload_hours=0");
        char channel[EMULATOR_TEXT], token[64] = "";
        int video = 122, pages = 0, status;
        emulator_channel_id(em, 1, channel);
        do {
            const char *json = asking(em, NOW, NULL, NULL, &status, "/youtube/v3/playlistItems?part=contentDetails&maxResults=%d&playlistId=UU%s%s%s", sizes[s],
                                      channel + 2, token[0] ? "&pageToken=" : "", token);
            assert_int_equal(status, 200);
            assert_int_equal(asking_number(json, "pageInfo.totalResults"), 123);
            for (int i = 0; i < sizes[s] && video >= 0; i++) {
                char path[64], id[EMULATOR_TEXT];
                snprintf(path, sizeof path, "items.%d.contentDetails.videoId", i);
                emulator_video_id(em, 1, video--, id);
                assert_string_equal(asking_text(json, path), id);
            }
            pages++;
            snprintf(token, sizeof token, "%s", asking_text(json, "nextPageToken"));
        } while (token[0]);
        assert_int_equal(video, -1);
        assert_int_equal(pages, (123 + sizes[s] - 1) / sizes[s]);
        asking_done();
        emulator_free(em);
    }
}

static void wrong_calls_are_refused_as_the_platform_does(void **state)
{
    (void)state;
    static const struct {
        const char *target;
        int status;
        const char *reason;
    } cases[] = {
        {"/youtube/v3/videos?part=statistics&id=", 400, "missingRequiredParameter"},
        {"/youtube/v3/videos?part=statistics", 400, "missingRequiredParameter"},
        {"/youtube/v3/videos?id=aaaaaaaaaaa", 400, "missingRequiredParameter"},
        {"/youtube/v3/channels?part=statistics", 400, "missingRequiredParameter"},
        {"/youtube/v3/channels?part=statistics&mine=true", 401, "authorizationRequired"},
        {"/youtube/v3/playlistItems?part=snippet&playlistId=UUaaaaaaaaaaaaaaaaaaaaaa", 404, "playlistNotFound"},
        {"/youtube/v3/playlistItems?part=snippet&playlistId=UU&pageToken=nonsense", 400, "invalidPageToken"},
        {"/youtube/v3/playlistItems?part=snippet&playlistId=UU&maxResults=51", 400, "invalidValue"},
        {"/youtube/v3/videos?part=statistics&id=a&key=wrong", 0, ""},
        {"/v2/reports?ids=channel==MINE&startDate=2026-11-01&endDate=2026-11-02&metrics=views", 401, "required"},
    };
    struct emulator *em = asking_new("");
    int status;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *json = asking(em, NOW, NULL, NULL, &status, "%s", cases[i].target);
        if (!cases[i].status)
            continue; /* the header's key counts, the parameter is not looked at */
        assert_int_equal(status, cases[i].status);
        assert_string_equal(asking_text(json, "error.errors.0.reason"), cases[i].reason);
        assert_int_equal(asking_number(json, "error.code"), status);
    }
    asking(em, NOW, NULL, NULL, &status, VIDEOS, asking_ids(em, 0, 0, 50));
    assert_int_equal(status, 200);
    const char *json = asking(em, NOW, NULL, NULL, &status, VIDEOS, asking_ids(em, 0, 0, 51));
    assert_int_equal(status, 400);
    assert_string_equal(asking_text(json, "error.errors.0.domain"), "youtube.parameter");
    json = asking(em, NOW, "", NULL, &status, "/youtube/v3/videos?part=statistics&id=a&key=wrong");
    assert_int_equal(status, 400);
    assert_string_equal(asking_text(json, "error.details.0.reason"), "API_KEY_INVALID");
    json = asking(em, NOW, "", NULL, &status, "/youtube/v3/videos?part=statistics&id=a");
    assert_int_equal(status, 403);
    assert_string_equal(asking_text(json, "error.message"), "The request is missing a valid API key.");
    asking_done();
    emulator_free(em);
}

/* ---- what happens to items -------------------------------------------------------------------------------------------------------------------- */

static int items_in(const char *json)
{
    char path[32];
    int n = 0;
    for (;; n++) {
        snprintf(path, sizeof path, "items.%d.id", n);
        if (!asking_text(json, path)[0])
            return n;
    }
}

static void items_vanish_hide_and_come_back_as_told(void **state)
{
    (void)state;
    struct emulator *em = asking_new("channels=1 videos=10 upload_hours=0");
    char refresh[EMULATOR_TEXT], access[EMULATOR_TEXT], owner[EMULATOR_TEXT + 8];
    char id[EMULATOR_TEXT];
    emulator_video_id(em, 0, 3, id);
    assert_int_equal(emulator_grant(em, NOW, 0, 0, refresh, access), 0);
    snprintf(owner, sizeof owner, "Bearer %s", access);
    static const struct {
        const char *state;
        int public, owner;
    } cases[] = {{"deleted", 0, 0}, {"private", 0, 1}, {"public", 1, 1}, {"by_seed", 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        asking(em, NOW, NULL, NULL, NULL, "/_emulator/item?channel=0&video=3&state=%s", cases[i].state);
        assert_int_equal(items_in(asking(em, NOW, NULL, NULL, NULL, VIDEOS, id)), cases[i].public);
        assert_int_equal(items_in(asking(em, NOW, owner, NULL, NULL, VIDEOS, id)), cases[i].owner);
        const char *batch = asking(em, NOW, NULL, NULL, NULL, "/youtube/v3/videos:batchGetStats?part=id,statistics&id=%s", asking_ids(em, 0, 0, 10));
        assert_int_equal(items_in(batch), 9 + cases[i].public);
        assert_int_equal(asking_number(batch, "summary.failedVideoCount"), 1 - cases[i].public);
        assert_string_equal(asking_text(batch, "summary.failedVideoIds.0"), cases[i].public ? "" : id);
    }
    asking(em, NOW, NULL, NULL, NULL, "/_emulator/item?id=%s&hidden_likes=1&closed_comments=1", id);
    const char *json = asking(em, NOW, NULL, NULL, NULL, VIDEOS, id);
    assert_string_equal(asking_text(json, "items.0.statistics.likeCount"), "");
    assert_string_equal(asking_text(json, "items.0.statistics.commentCount"), "");
    assert_true(asking_number(json, "items.0.statistics.viewCount") >= 0);
    asking(em, NOW, NULL, NULL, NULL, "/_emulator/item?id=%s&views=%%2218446744073709551615%%22", id);
    assert_string_equal(asking_text(asking(em, NOW, NULL, NULL, NULL, VIDEOS, id), "items.0.statistics.viewCount"), "18446744073709551615");
    asking_done();
    emulator_free(em);
}

static void a_restated_count_falls(void **state)
{
    (void)state;
    struct emulator *em = asking_new("channels=1");
    int64_t before = emulator_views(em, 0, 5, NOW);
    asking(em, NOW, NULL, NULL, NULL, "/_emulator/item?channel=0&video=5&fall_percent=10");
    assert_int_equal(emulator_views(em, 0, 5, NOW), before - before * 10 / 100);
    emulator_free(em);
    em = asking_new("channels=2 restated=1000"); /* by the seed: each video once */
    int falls = 0;
    for (int video = 0; video < 60; video++)
        for (int day = 0; day < 100; day++)
            falls += emulator_views(em, 1, video, NOW + (day + 1) * DAY) < emulator_views(em, 1, video, NOW + day * DAY);
    assert_true(falls > 0 && falls <= 60);
    asking_done();
    emulator_free(em);
}

static void premieres_are_announced_then_live_then_videos(void **state)
{
    (void)state;
    struct emulator *em = asking_new("channels=1 videos=2 upload_hours=0 live=1000");
    char id[EMULATOR_TEXT];
    struct nilo_iso iso;
    emulator_video_id(em, 0, 1, id);
    const char *json = asking(em, NOW, NULL, NULL, NULL, VIDEOS, id), *at = asking_text(json, "items.0.snippet.publishedAt");
    assert_int_equal(nilo_iso_parse(at, strlen(at), &iso, NULL), 0);
    static const struct {
        int64_t hours;
        const char *live, *duration;
        bool views;
    } cases[] = {{1, "upcoming", "P0D", false}, {25, "live", "P0D", false}, {200, "none", NULL, true}};
    for (size_t i = 0; i < 3; i++) {
        json = asking(em, iso.us + cases[i].hours * HOUR, NULL, NULL, NULL, VIDEOS, id);
        assert_string_equal(asking_text(json, "items.0.snippet.liveBroadcastContent"), cases[i].live);
        if (cases[i].duration)
            assert_string_equal(asking_text(json, "items.0.contentDetails.duration"), cases[i].duration);
        if (!cases[i].views && i == 0)
            assert_int_equal(asking_number(json, "items.0.statistics.viewCount"), 0);
        if (cases[i].views)
            assert_true(asking_number(json, "items.0.statistics.viewCount") > 0);
    }
    asking_done();
    emulator_free(em);
}

/* ---- limits ----------------------------------------------------------------------------------------------------------------------------------- */

static void a_quota_ends_after_exactly_so_many_units_and_begins_anew_at_midnight_in_california(void **state)
{
    (void)state;
    struct emulator *em = asking_new("quota=20 quota_stats=7 projects=2");
    const char *ids = asking_ids(em, 0, 0, 3);
    int status, good = 0;
    nilo_us evening = NOW + 23 * HOUR + 59 * NILO_US_MINUTE; /* 23:59 there, 07:59 UTC */
    for (int i = 0; i < 30; i++) {
        asking(em, evening, NULL, NULL, &status, VIDEOS, i % 2 ? ids : ""); /* a wrong call costs a unit too */
        good += status == 200 || status == 400;
        assert_int_equal(status == 403, i >= 20);
    }
    assert_int_equal(good, 20);
    assert_string_equal(asking_text(nilo_buf_str(&asking_last()->body), "error.errors.0.reason"), "quotaExceeded");
    assert_string_equal(asking_text(nilo_buf_str(&asking_last()->body), "error.errors.0.domain"), "youtube.quota");
    good = 0;
    for (int i = 0; i < 10; i++) { /* a bucket of its own */
        asking(em, evening, NULL, NULL, &status, "/youtube/v3/videos:batchGetStats?part=statistics&id=%s", ids);
        good += status == 200;
    }
    assert_int_equal(good, 7);
    asking(em, evening, NULL, NULL, &status, VIDEOS, ids);
    assert_int_equal(status, 403);
    const char *counters = asking(em, evening, NULL, NULL, NULL, "/_emulator/counters");
    assert_int_equal(asking_number(counters, "projects.0.buckets.0.used"), 20);
    assert_int_equal(asking_number(counters, "projects.0.buckets.1.used"), 7);
    assert_int_equal(asking_number(counters, "projects.1.buckets.0.used"), 0);
    assert_int_equal(asking_number(counters, "over_quota"), 10 + 3 + 1);
    asking(em, evening + NILO_US_MINUTE, NULL, NULL, &status, VIDEOS, ids);
    assert_int_equal(status, 200);
    asking_done();
    emulator_free(em);
}

static void a_rate_is_a_sliding_window_and_who_comes_too_early_is_counted(void **state)
{
    (void)state;
    struct emulator *em = asking_new("rate_token=5 rate_window_s=10 retry_after_s=4");
    const char *ids = asking_ids(em, 0, 0, 1);
    char retry[16];
    int status;
    for (int i = 0; i < 5; i++) {
        asking(em, NOW + i * NILO_US_SECOND, NULL, NULL, &status, VIDEOS, ids);
        assert_int_equal(status, 200);
    }
    asking(em, NOW + 9 * NILO_US_SECOND, NULL, NULL, &status, VIDEOS, ids); /* the sixth of [-1, 9] */
    assert_int_equal(status, 429);
    assert_true(emulator_response_header(asking_last(), "retry-after", retry, sizeof retry));
    assert_string_equal(retry, "4");
    assert_int_equal(asking_number(asking(em, NOW, NULL, NULL, NULL, "/_emulator/counters"), "early"), 0);
    asking(em, NOW + 12 * NILO_US_SECOND, NULL, NULL, &status, VIDEOS, ids); /* 3, 4, 9 and this one are left; but it is a second too early */
    assert_int_equal(status, 200);
    const char *counters = asking(em, NOW, NULL, NULL, NULL, "/_emulator/counters");
    assert_int_equal(asking_number(counters, "early"), 1);
    assert_int_equal(asking_number(counters, "over_rate"), 1);
    assert_int_equal(asking_number(counters, "callers.0.highest_per_window"), 6);
    assert_int_equal(asking_number(counters, "callers.0.highest_per_second"), 1);
    asking_done();
    emulator_free(em);
}

/* A service that cannot answer says so of itself; who is too fast is so wherever it calls. */
static void a_wait_is_the_hosts_or_the_callers(void **state)
{
    (void)state;
    static const struct {
        const char *hostile;
        int status, elsewhere;
    } cases[] = {{"status_503", 503, 0}, {"status_429", 429, 1}};
    for (size_t i = 0; i < 2; i++) {
        char options[80];
        int status;
        snprintf(options, sizeof options, "retry_after_s=4 hostile=%s", cases[i].hostile);
        struct emulator *em = asking_new(options);
        const char *ids = asking_ids(em, 0, 0, 1);
        asking(em, NOW, NULL, NULL, &status, VIDEOS, ids);
        assert_int_equal(status, cases[i].status);
        asking(em, NOW + NILO_US_SECOND, NULL, "", NULL, "/_emulator/set?hostile=none");
        asking(em, NOW + NILO_US_SECOND, NULL, NULL, NULL, "/v2/reports?ids=channel%%3D%%3DMINE");
        assert_int_equal(asking_number(asking(em, NOW, NULL, NULL, NULL, "/_emulator/counters"), "early"), cases[i].elsewhere);
        asking(em, NOW + NILO_US_SECOND, NULL, NULL, &status, VIDEOS, ids);
        assert_int_equal(status, 200);
        assert_int_equal(asking_number(asking(em, NOW, NULL, NULL, NULL, "/_emulator/counters"), "early"), cases[i].elsewhere + 1);
        asking_done();
        emulator_free(em);
    }
}

static void calls_in_flight_are_counted_by_their_latency(void **state)
{
    (void)state;
    struct emulator *em = asking_new("latency_ms=1000 latency_spread=0");
    const char *ids = asking_ids(em, 0, 0, 1);
    for (int i = 0; i < 20; i++) /* one each 300 ms: the fourth begins while three run, the fifth when the first is over */
        asking(em, NOW + i * 300000, NULL, NULL, NULL, VIDEOS, ids);
    assert_int_equal(asking_last()->delay_us, 1000000);
    assert_int_equal(asking_number(asking(em, NOW, NULL, NULL, NULL, "/_emulator/counters"), "callers.0.highest_in_flight"), 4);
    asking_done();
    emulator_free(em);
}

static void bad_weather_comes_in_spells(void **state)
{
    (void)state;
    struct emulator *em = asking_new("seed=5 weather=600 spell_minutes=10 spell_chance=300");
    const char *ids = asking_ids(em, 0, 0, 1);
    int bad_spells = 0, good_spells = 0, failed = 0, status, kinds[600] = {0};
    for (int spell = 0; spell < 144; spell++) {
        int bad = 0;
        for (int i = 0; i < 50; i++) {
            asking(em, NOW + (spell * 600 + i * 10) * NILO_US_SECOND, NULL, NULL, &status, VIDEOS, ids);
            bool fails = status != 200 || asking_last()->wire != EMULATOR_WIRE_PLAIN;
            bad += fails;
            kinds[status] += fails;
        }
        bad_spells += bad > 0;
        good_spells += bad == 0;
        failed += bad;
    }
    assert_in_range(bad_spells, 20, 70);
    assert_true(good_spells + bad_spells == 144);
    assert_in_range(failed, bad_spells * 20, bad_spells * 40);
    assert_true(kinds[503] > 0 && kinds[429] > 0 && kinds[500] > 0);
    asking_done();
    emulator_free(em);
}

static void options_are_checked(void **state)
{
    (void)state;
    static const struct {
        const char *option, *says;
    } cases[] = {
        {"seed=x", "not a whole number"},      {"channels=0", "from 1 to"},       {"colour=red", "no option is called"},
        {"hostile=rude", "no behaviour"},      {"hostile=reset*x", "NAME[@PATH]"}, {"hostile=reset~101", "NAME[@PATH]"},
        {"epoch=yesterday", "option epoch"},   {"latency_ms", "name=value"},
    };
    struct emulator *em = asking_new("# a comment\nseed=4\t videos=2 # another\nhostile=none");
    struct nilo_err err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(emulator_set_all(em, cases[i].option, &err), -1);
        assert_non_null(strstr(err.msg, cases[i].says));
    }
    emulator_free(em);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
        cmocka_unit_test(counts_grow_with_time_and_never_fall_by_themselves),
        cmocka_unit_test(new_videos_are_uploaded_as_time_goes_on),
        cmocka_unit_test(pages_of_the_uploads_give_each_video_once_newest_first),
        cmocka_unit_test(wrong_calls_are_refused_as_the_platform_does),
        cmocka_unit_test(items_vanish_hide_and_come_back_as_told),
        cmocka_unit_test(a_restated_count_falls),
        cmocka_unit_test(premieres_are_announced_then_live_then_videos),
        cmocka_unit_test(a_quota_ends_after_exactly_so_many_units_and_begins_anew_at_midnight_in_california),
        cmocka_unit_test(a_rate_is_a_sliding_window_and_who_comes_too_early_is_counted),
        cmocka_unit_test(a_wait_is_the_hosts_or_the_callers),
        cmocka_unit_test(calls_in_flight_are_counted_by_their_latency),
        cmocka_unit_test(bad_weather_comes_in_spells),
        cmocka_unit_test(options_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
