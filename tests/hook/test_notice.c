/* Bodies of notices to events, each as its platform documents it, and what of them is not so. */
#include "support/nilo_test.h"

#include <string.h>

#include "hook/hook.h"

struct row {
    const char *platform, *kind, *app_id, *body;
    size_t n;
    enum nilo_hook_what what; /* of the first */
    const char *of, *account, *item; /* of: NULL = the platform's own */
    bool own;
    int64_t seconds; /* -1 = not told */
};

#define IG(changes) "{\"object\":\"instagram\",\"entry\":[{\"id\":\"17841\",\"time\":1749543600,\"changes\":" changes "}]}"
#define PAGE(changes) "{\"object\":\"page\",\"entry\":[{\"time\":1749543600000,\"id\":\"101\",\"changes\":" changes "}]}"
#define TT(event, content) "{\"client_key\":\"k\",\"event\":\"" event "\",\"create_time\":1615338610,\"user_openid\":\"u1\",\"content\":" content "}"
#define FEED(entries) "\xef\xbb\xbf<?xml version=\"1.0\"?>\n<!-- x --><a:feed xmlns:a=\"http://www.w3.org/2005/Atom\" t='>'><title><![CDATA[</feed>]]></title>" entries "</a:feed>\n"
#define ENTRY "<entry><id>yt:video:v-1_2</id><yt:videoId>\n v-1_2 </yt:videoId><yt:channelId>UC1</yt:channelId><author><yt:videoId>no</yt:videoId></author><updated>2025-06-10T08:20:00.5+00:00</updated></entry>"
#define GONE "<at:deleted-entry ref=\"yt:video:v2\" when='2025-06-10T08:20:00Z'><at:by><uri>https://www.youtube.com/channel/UC1</uri></at:by></at:deleted-entry>"

static const struct row rows[] = {
    {"instagram", NULL, NULL, IG("[{\"field\":\"comments\",\"value\":{\"id\":\"c\",\"media\":{\"id\":\"179\",\"media_product_type\":\"FEED\"}}}]"), 1, NILO_HOOK_CHANGED, NULL, "17841", "179", true, 1749543600},
    {"facebook", NULL, NULL, IG("[{\"field\":\"live_comments\",\"value\":{\"media\":{\"id\":\"179\"}}}]"), 1, NILO_HOOK_CHANGED, "instagram", "17841", "179", true, 1749543600},
    {"instagram", NULL, NULL, IG("[{\"field\":\"mentions\",\"value\":{\"media_id\":\"1\",\"comment_id\":\"2\"}}]"), 1, NILO_HOOK_CHANGED, NULL, "17841", "1", false, 1749543600},
    {"instagram", NULL, NULL, IG("[{\"field\":\"story_insights\",\"value\":{\"media_id\":18023345989012587,\"reach\":7}}]"), 1, NILO_HOOK_READING, NULL, "17841", "18023345989012587", true, 1749543600},
    {"instagram", NULL, NULL, IG("[{\"field\":\"comments\",\"value\":{\"media\":\"179\"}}]"), 1, NILO_HOOK_UNKNOWN, NULL, "17841", NULL, false, 1749543600},
    {"instagram", NULL, NULL, IG("[{\"field\":\"x\"},{\"value\":1},3,null,\"\"]"), 5, NILO_HOOK_UNKNOWN, NULL, "17841", NULL, false, 1749543600},
    {"instagram", NULL, NULL, IG("{}"), 0, NILO_HOOK_NOTHING, NULL, NULL, NULL, false, -1},
    {"instagram", NULL, NULL, "{\"object\":\"instagram\",\"entry\":[{\"changes\":[{\"field\":\"comments\",\"value\":{}}]},{\"id\":\"1\",\"messaging\":[]}]}", 2, NILO_HOOK_UNKNOWN, NULL, NULL, NULL, false, -1},
    {"facebook", NULL, NULL, PAGE("[{\"field\":\"feed\",\"value\":{\"item\":\"video\",\"verb\":\"add\",\"post_id\":\"101_7\",\"from\":{\"id\":\"101\"}}}]"), 1, NILO_HOOK_CHANGED, NULL, "101", "101_7", true, 1749543600},
    {"facebook", NULL, NULL, PAGE("[{\"field\":\"feed\",\"value\":{\"item\":\"post\",\"verb\":\"add\",\"post_id\":\"101_7\",\"from\":{\"id\":\"9\"}}}]"), 1, NILO_HOOK_CHANGED, NULL, "101", "101_7", false, 1749543600},
    {"facebook", NULL, NULL, PAGE("[{\"field\":\"feed\",\"value\":{\"item\":\"comment\",\"verb\":\"remove\",\"post_id\":\"101_7\"}}]"), 1, NILO_HOOK_CHANGED, NULL, "101", "101_7", false, 1749543600},
    {"facebook", NULL, NULL, PAGE("[{\"field\":\"feed\",\"value\":{\"item\":\"photo\",\"verb\":\"remove\",\"post_id\":\"101_7\"}}]"), 1, NILO_HOOK_DELETED, NULL, "101", "101_7", false, 1749543600},
    {"facebook", NULL, NULL, PAGE("[{\"field\":\"videos\",\"value\":{\"id\":\"5\",\"status\":{}}}]"), 1, NILO_HOOK_CHANGED, NULL, "101", "5", false, 1749543600},
    {"instagram", "deauthorize", NULL, "{\"algorithm\":\"HMAC-SHA256\",\"issued_at\":1291836800,\"user_id\":\"218471\"}", 1, NILO_HOOK_SIGNED_OUT, NULL, "218471", NULL, false, 1291836800},
    {"facebook", "deletion", NULL, "{\"user_id\":218471}", 1, NILO_HOOK_SIGNED_OUT, NULL, "218471", NULL, false, -1},
    {"facebook", "deletion", NULL, "{}", 1, NILO_HOOK_UNKNOWN, NULL, NULL, NULL, false, -1},
    {"tiktok", NULL, "k", TT("authorization.removed", "\"{\\\"reason\\\": 1 }\""), 1, NILO_HOOK_SIGNED_OUT, NULL, "u1", NULL, false, 1615338610},
    {"tiktok", NULL, "other", TT("authorization.removed", "\"\""), 1, NILO_HOOK_UNKNOWN, NULL, "u1", NULL, false, 1615338610},
    {"tiktok", NULL, NULL, TT("post.publish.publicly_available", "\"{\\\"post_id\\\":7512345678901234567}\""), 1, NILO_HOOK_CHANGED, NULL, "u1", "7512345678901234567", true, 1615338610},
    {"tiktok", NULL, NULL, TT("post.publish.publicly_available", "\"{\""), 1, NILO_HOOK_LISTED, NULL, "u1", NULL, false, 1615338610},
    {"tiktok", NULL, NULL, TT("video.publish.completed", "{}"), 1, NILO_HOOK_LISTED, NULL, "u1", NULL, false, 1615338610},
    {"tiktok", NULL, NULL, "{\"event\":\"authorization.removed\"}", 1, NILO_HOOK_UNKNOWN, NULL, NULL, NULL, false, -1},
    {"tiktok_shop", NULL, NULL, "{\"type\":6,\"tts_notification_id\":\"1\",\"shop_id\":\"749\",\"timestamp\":1644412885,\"data\":{}}", 1, NILO_HOOK_SIGNED_OUT, NULL, "749", NULL, false, 1644412885},
    {"tiktok_shop", NULL, NULL, "{\"type\":1,\"shop_id\":\"749\",\"timestamp\":1644412885,\"data\":{}}", 1, NILO_HOOK_NOTHING, NULL, "749", NULL, false, 1644412885},
    {"tiktok_shop", NULL, NULL, "{\"type\":6e0,\"shop_id\":\"749\"}", 1, NILO_HOOK_UNKNOWN, NULL, "749", NULL, false, -1},
    {"youtube", NULL, NULL, FEED(ENTRY), 1, NILO_HOOK_CHANGED, NULL, "UC1", "v-1_2", true, 1749543600},
    {"youtube", NULL, NULL, FEED(GONE ENTRY GONE), 3, NILO_HOOK_DELETED, NULL, "UC1", "v2", true, 1749543600},
    {"youtube", NULL, NULL, FEED("<entry><yt:videoId>v 1</yt:videoId><yt:channelId>UC1</yt:channelId></entry>"), 1, NILO_HOOK_UNKNOWN, NULL, "UC1", NULL, true, -1},
    {"youtube", NULL, NULL, FEED("<entry/>"), 1, NILO_HOOK_UNKNOWN, NULL, NULL, NULL, true, -1},
    {"youtube", NULL, NULL, "<feed/>", 0, NILO_HOOK_NOTHING, NULL, NULL, NULL, false, -1},
};

static void same_text(const char *got, const char *wanted)
{
    assert_int_equal(got == NULL, wanted == NULL);
    if (wanted != NULL)
        assert_string_equal(got, wanted);
}

static void a_notice_says_what_has_happened_to_whom(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct row *r = &rows[i];
        struct nilo_hook_events events;
        struct nilo_arena arena;
        struct nilo_err err = {0};
        nilo_arena_init(&arena, 0);
        print_message("# %zu %.120s\n", i, r->body);
        if (nilo_hook_read(r->platform, r->kind, r->app_id, r->body, strlen(r->body), &arena, &events, &err) != 0)
            fail_msg("%s", err.msg);
        assert_int_equal(events.n, r->n);
        if (r->n > 0) {
            const struct nilo_hook_event *e = &events.list[0];
            assert_int_equal(e->what, r->what);
            if (e->what != NILO_HOOK_UNKNOWN)
                assert_string_equal(e->platform, r->of != NULL ? r->of : r->platform);
            same_text(e->account, r->account);
            same_text(e->item, r->item);
            assert_int_equal(e->own, r->own);
            assert_int_equal(e->at == NILO_US_NONE ? -1 : e->at / NILO_US_SECOND, r->seconds);
        }
        nilo_arena_done(&arena);
    }
}

static void values_of_a_story_are_taken_where_they_are_counts(void **state)
{
    (void)state;
    static const char body[] = IG("[{\"field\":\"story_insights\",\"value\":{\"media_id\":\"1\",\"reach\":7,\"impressions\":-1,\"replies\":2}},"
                                  "{\"field\":\"story_insights\",\"value\":{\"media_id\":\"2\",\"reach\":\"8\",\"impressions\":99999999999999999999}}]");
    struct nilo_hook_events events;
    struct nilo_arena arena;
    struct nilo_err err = {0};
    nilo_arena_init(&arena, 0);
    assert_int_equal(nilo_hook_read("instagram", NULL, NULL, body, sizeof body - 1, &arena, &events, &err), 0);
    assert_int_equal(events.n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(events.list[i].n_values, 1);
        assert_string_equal(events.list[i].values[0].metric, "reach");
        assert_int_equal(events.list[i].values[0].value, 7 + i);
    }
    nilo_arena_done(&arena);
}

static void what_is_no_notice_is_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {"instagram", ""}, {"instagram", "{"}, {"instagram", "{} {}"}, {"facebook", "{\"a\":1,\"a\":2}"}, {"tiktok", "nothing"}, {"tiktok_shop", "\xff"},
        {"youtube", ""}, {"youtube", " "}, {"youtube", "text"}, {"youtube", "<html></html>"}, {"youtube", "<feed>"}, {"youtube", "<feed></entry>"}, {"youtube", "<feed/>x"},
        {"youtube", "<feed/><feed/>"}, {"youtube", "<!DOCTYPE feed><feed/>"}, {"youtube", "<feed><![CDATA[x</feed>"}, {"youtube", "<feed <a></a></feed>"}, {"youtube", "<feed>\xff</feed>"},
        {"youtube", "<feed a='></feed>"}, {"youtube", "< feed/>"},
        {"youtube", "<feed><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></a></feed>"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct nilo_hook_events events;
        struct nilo_arena arena;
        struct nilo_err err = {0};
        nilo_arena_init(&arena, 0);
        print_message("# %s\n", bad[i][1]);
        assert_int_equal(nilo_hook_read(bad[i][0], NULL, NULL, bad[i][1], strlen(bad[i][1]), &arena, &events, &err), -1);
        assert_int_equal(err.code, NILO_EBODY);
        assert_true(err.msg[0] != '\0');
        nilo_arena_done(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_notice_says_what_has_happened_to_whom),
        cmocka_unit_test(values_of_a_story_are_taken_where_they_are_counts),
        cmocka_unit_test(what_is_no_notice_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
