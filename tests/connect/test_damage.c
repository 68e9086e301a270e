/* Every recorded answer that tells of items, accounts or tokens, damaged member by member: damage.h. A row for each; a platform's file that no row names is told by
 * no_recorded_answer_is_forgotten. What a whole answer reads as is in test_PLATFORM.c. */
#include "support/nilo_test.h"

#include "answers.h"
#include "damage.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOW (INT64_C(1795298400) * NILO_US_SECOND) /* 2026-11-21 22:00 UTC */

static const struct nilo_credentials signed_in = {.api_key = "CANARY-key", .access_token = "CANARY-access", .refresh_token = "CANARY-refresh", .client_id = "client-id",
                                                  .client_secret = "CANARY-client-secret"};

/* of: ids of METRICS, the account of ACCOUNT, the listing of LIST, the last day of a REPORT. before, after: what is put around the recorded JSON */
static const struct row {
    const char *folder, *file, *platform;
    enum nilo_op op;
    const char *of, *vital, *sums, *before, *after, *setting, *value;
    int kind;
} rows[] = {
#define YT(file, op, of, vital) {"youtube", file, "youtube", op, of, vital, NULL, NULL, NULL, NULL, NULL, 0}
    YT("chain1_channels_uploads_playlist", NILO_OP_ACCOUNTS, NULL, NULL),
    YT("chain2_playlistitems", NILO_OP_LIST, "UUZXMDk2QjU7dBanCVrMj4CA", NULL),
    YT("chain3_videos_statistics", NILO_OP_METRICS, "zDfKnm5NN-E,qzUjVCpSSsY,cJK5VJubPNs", NULL),
    YT("channels_list_2019", NILO_OP_ACCOUNTS, NULL, NULL),
    YT("channels_list_mine", NILO_OP_ACCOUNT, NULL, " items[].id "),
    YT("channels_list_one", NILO_OP_ACCOUNT, "UC_x5XG1OV2P6uZZ5FSM9Ttw", " items[].id "),
    YT("channels_list_two", NILO_OP_ACCOUNTS, NULL, NULL),
    YT("playlistitems_contentdetails", NILO_OP_LIST, "UU_x5XG1OV2P6uZZ5FSM9Ttw", NULL),
    YT("playlistitems_page1", NILO_OP_LIST, "PLOU2XLYxmsIKpaV8h0AGE05so0fAwwfTw", NULL),
    YT("playlistitems_page2", NILO_OP_LIST, "PLOU2XLYxmsIKpaV8h0AGE05so0fAwwfTw", NULL),
    YT("synthetic_batchgetstats", NILO_OP_METRICS, "aaaaaaaaaa1,aaaaaaaaaa2", NULL),
    YT("videos_list_2019_with_dislikes", NILO_OP_METRICS, "D-lhorsDlUQ", NULL),
    YT("videos_list_billion_views", NILO_OP_METRICS, "dQw4w9WgXcQ", NULL),
    YT("videos_list_multi_no_statistics", NILO_OP_METRICS, "D-lhorsDlUQ,ovdbrdCIP7U", NULL),
    YT("videos_list_one", NILO_OP_METRICS, "V4DDt30Aat4", NULL),
    YT("videos_list_two", NILO_OP_METRICS, "Ks-_Mh1QhMc,GvgqDSnpRQM", NULL),
    YT("oauth_refresh_response", NILO_OP_REFRESH, NULL, " access_token "),
#define TT(platform, file, op, of, vital) {"tiktok", file, platform, op, of, vital, NULL, NULL, NULL, NULL, NULL, 0}
    TT("tiktok", "business_token", NILO_OP_EXCHANGE, NULL, " data.access_token "),
    TT("tiktok", "business_token_refresh", NILO_OP_REFRESH, NULL, " data.access_token "),
    TT("tiktok", "business_token_info", NILO_OP_ACCOUNT, NULL, NULL),
    TT("tiktok", "display_user_profile", NILO_OP_ACCOUNT, NULL, NULL),
    TT("tiktok", "display_user_profile", NILO_OP_ACCOUNTS, NULL, NULL),
    TT("tiktok", "display_user_stats", NILO_OP_ACCOUNT, "open-id-1", NULL),
    TT("tiktok", "display_video_list_empty", NILO_OP_LIST, NULL, NULL),
    TT("tiktok", "synthetic_display_video_list_page1", NILO_OP_LIST, NULL, NULL),
    TT("tiktok", "synthetic_display_video_list_page1", NILO_OP_METRICS, "7080217258545735586,7080217258545735587,7080217258545735588", NULL),
    TT("tiktok", "synthetic_oauth_refresh_v2", NILO_OP_REFRESH, NULL, " access_token "),
    TT("tiktok_research", "research_user_info", NILO_OP_ACCOUNT, "somebody", NULL),
    TT("tiktok_research", "synthetic_display_video_list_page1", NILO_OP_METRICS, "7080217258545735586,7080217258545735587", NULL),
#define IG(file, op, of, vital) {"instagram", file, "instagram", op, of, vital, NULL, NULL, NULL, "batch", "no", 0}
#define IG_INSIGHTS(file, kind) {"instagram", file, "instagram", NILO_OP_METRICS, "1", NULL, NULL, "{\"id\":\"1\",\"insights\":", "}", NULL, NULL, kind}
    IG("media_carousel_placeholder", NILO_OP_METRICS, "123456789", NULL),
    IG("media_image_placeholder", NILO_OP_METRICS, "123456789", NULL),
    IG_INSIGHTS("media_insights_album_2019", 1),
    IG_INSIGHTS("media_insights_feed_airbyte", 1),
    IG_INSIGHTS("media_insights_photo", 1),
    IG_INSIGHTS("media_insights_photo_2019", 1),
    IG_INSIGHTS("synthetic_media_insights_v25_reel", 4),
    IG("media_list_page1", NILO_OP_LIST, "media", NULL),
    IG("media_list_page2", NILO_OP_LIST, "media", NULL),
    IG("media_multi_read_ids", NILO_OP_METRICS, "17893085207160254,17896129349106152", NULL),
    IG("media_single_carousel", NILO_OP_METRICS, "17896129349106152", NULL),
    IG("stories_page1", NILO_OP_LIST, "stories", NULL),
    IG("story_single", NILO_OP_METRICS, "17876166859931045", NULL),
    IG("token_long_lived", NILO_OP_REFRESH, NULL, " access_token "),
    IG("user_fields", NILO_OP_ACCOUNT, "17841407673135339", NULL),
    IG("user_insights_day_2019", NILO_OP_REPORT, "2019-12-28", " data[].name data[].period "),
    IG("user_insights_day_with_end_time", NILO_OP_REPORT, "2017-05-04", " data[].name data[].period "),
    IG("user_insights_days28_2019", NILO_OP_REPORT, "2019-12-28", " data[].name data[].period "),
#define FB(file, op, of, vital) {"facebook", file, "facebook", op, of, vital, NULL, NULL, NULL, "batch", "no", 1}
    FB("feed_2026", NILO_OP_LIST, NULL, NULL),
    FB("feed_page1", NILO_OP_LIST, NULL, NULL),
    FB("feed_page2", NILO_OP_LIST, NULL, NULL),
    FB("me_accounts_page_token", NILO_OP_ACCOUNTS, NULL, NULL),
    FB("page_single", NILO_OP_ACCOUNT, "20531316728", NULL),
    FB("post_2026", NILO_OP_METRICS, "1148671018324630_122098284213327930", NULL),
    FB("post_single", NILO_OP_METRICS, "175154750010052_424924701699721", NULL),
    FB("post_with_insights_expanded", NILO_OP_METRICS, "1234567_98765432", NULL),
    FB("posts_multi_read_ids", NILO_OP_METRICS, "19292868552_10158347294088553,19292868552_10158345715593553", NULL),
    FB("posts_shares_count", NILO_OP_LIST, NULL, NULL),
    FB("video_single", NILO_OP_METRICS, "1192957457884299", NULL),
    FB("page_insights_object_values", NILO_OP_REPORT, "2018-04-21", " data[].name data[].period "),
    {"facebook", "synthetic_post_insights_v25", "facebook", NILO_OP_METRICS, "1000_2000", NULL, " reactions ",
     "{\"id\":\"1000_2000\",\"insights\":", "}", "batch", "no", 4},
};
#define ROWS (sizeof rows / sizeof rows[0])

/* Recorded, but no answer that tells of anything: refusals (tests of their own), requests, comments, of which nothing is read. */
static const char *const others[] = {"youtube/error_403_quotaExceeded", "youtube/error_400_keyInvalid_legacy", "youtube/error_400_missingRequiredParameter", "tiktok/research_comments",
                                     "tiktok/research_request_body", "facebook/error_100_appsecret_proof", "facebook/error_100_object", "facebook/error_190_460",
                                     "facebook/batch_simple", "facebook/batch_first_error", "facebook/page_with_insights_day_week_28", "facebook/debug_token"};

static void damage_row(const struct row *row, struct damage_counts *counts)
{
    const char *ids[50], *settings[16] = {NULL};
    char *json = answers_read(row->folder, row->file), *of = strdup(row->of != NULL ? row->of : ""), name[200];
    struct damage d = {.name = name, .connector = answers_connector(row->platform), .vital = row->vital, .sums = row->sums,
                       .ask = {.op = row->op, .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .settings = settings, .kind = row->kind, .ids = ids}};
    struct nilo_arena arena;
    size_t at;
    nilo_arena_init(&arena, 0);
    snprintf(name, sizeof(name), "%s/%s (%s)", row->platform, row->file, nilo_op_word(row->op));
    d.body = nilo_arena_printf(&arena, "%s%s%s", row->before != NULL ? row->before : "", json, row->after != NULL ? row->after : "");
    if (row->setting != NULL) {
        assert_int_equal(nilo_connector_check_setting(d.connector, row->setting, row->value, &at, NULL), 0);
        settings[at] = row->value;
    }
    if (row->op == NILO_OP_METRICS)
        d.ask.n_ids = answers_split(of, ids);
    else if (row->op == NILO_OP_ACCOUNT)
        d.ask.account = row->of;
    else if (row->op == NILO_OP_LIST)
        d.ask.listing = row->of;
    if (row->op == NILO_OP_REPORT) {
        assert_int_equal(nilo_day_parse(row->of, 10, &d.ask.day, NULL), 0);
        d.ask.win = 30;
    }
    if (d.ask.account == NULL && row->op != NILO_OP_ACCOUNT && (strcmp(row->folder, "instagram") == 0 || strcmp(row->folder, "facebook") == 0))
        d.ask.account = "17841400000000001";
    damage_check(&d, counts);
    nilo_arena_done(&arena);
    free(of);
    free(json);
}

static void damage_platform(const char *folder, struct damage_counts at_least)
{
    struct damage_counts n = {0};
    const char *only = getenv("DAMAGE_ONLY");
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].folder, folder) == 0 && (only == NULL || strstr(rows[i].file, only) != NULL))
            damage_row(&rows[i], &n);
    }
    printf("# %s: %zu members, %zu answers; %zu counts, %zu times, %zu lengths, %zu texts are followed\n", folder, n.members, n.takes, n.counts, n.times, n.lengths, n.texts);
    if (only == NULL)
        assert_true(n.counts >= at_least.counts && n.times >= at_least.times && n.lengths >= at_least.lengths && n.texts >= at_least.texts);
}

static void youtube_keeps_what_is_not_damaged(void **state)
{
    (void)state;
    damage_platform("youtube", (struct damage_counts){.counts = 40, .times = 10, .lengths = 5, .texts = 80});
}

static void tiktok_keeps_what_is_not_damaged(void **state)
{
    (void)state;
    damage_platform("tiktok", (struct damage_counts){.counts = 30, .times = 4, .lengths = 4, .texts = 10});
}

static void instagram_keeps_what_is_not_damaged(void **state)
{
    (void)state;
    damage_platform("instagram", (struct damage_counts){.counts = 40, .times = 4, .texts = 20});
}

static void facebook_keeps_what_is_not_damaged(void **state)
{
    (void)state;
    damage_platform("facebook", (struct damage_counts){.counts = 4, .times = 4, .texts = 20});
}

/* ---- planted ------------------------------------------------------------------------------------------------------------------------------------ */

/* TikTok's connector, with something wrong in it. */
enum plant { ZERO_FOR_FAILED, ZERO_FOR_MISSING, ALL_FOR_ONE, DELETED, NOT_LOOKED_AT, PLANTS };
static enum plant planted;

static int take_planted(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    if (nilo_connector_find("tiktok")->take(ask, a, arena, ret, err) != 0)
        return -1;
    struct nilo_item *items = nilo_arena_array(arena, ret->n_items + 1, sizeof(*items));
    bool any = false;
    for (size_t i = 0; i < ret->n_items; i++) {
        struct nilo_item *item = &items[i];
        *item = ret->items[i];
        struct nilo_item_value *values = nilo_arena_array(arena, item->n_values + 1, sizeof(*values));
        for (size_t k = 0; k < item->n_values; k++) {
            values[k] = item->values[k];
            bool zero = (planted == ZERO_FOR_FAILED && values[k].absence == NILO_FAILED) || (planted == ZERO_FOR_MISSING && values[k].absence == NILO_NOT_REPORTED);
            if (zero)
                values[k] = (struct nilo_item_value){.metric = values[k].metric, .value = 0, .absence = NILO_PRESENT};
            if (planted == NOT_LOOKED_AT && k == 1)
                values[k].value = 7;
        }
        item->values = values;
        any |= item->class == NILO_CLASS_INVALID;
        if (planted == DELETED && item->class == NILO_CLASS_INVALID)
            item->class = NILO_CLASS_GONE;
    }
    ret->items = items;
    if (planted == ALL_FOR_ONE && any)
        *ret = (struct nilo_result){.class = NILO_CLASS_INVALID, .reason = "odd", .message = "there is something odd in it"};
    return 0;
}

static void what_is_planted_is_found(void **state)
{
    static const char *const ids[] = {"7080217258545735586", "7080217258545735587"};
    static const char *const says[PLANTS] = {"that is not what is written", "that is not what is written", "costs the whole answer", "deletes nothing", "follows no member"};
    struct nilo_connector c = *answers_connector("tiktok");
    char *body = answers_read("tiktok", "synthetic_display_video_list_page1");
    (void)state;
    c.take = take_planted;
    for (planted = 0; planted < PLANTS; planted++) {
        const struct damage d = {.name = "planted", .connector = &c, .body = body, .ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .ids = ids, .n_ids = 2, .day = NILO_DAY_NONE}};
        struct damage_counts n = {0};
        damage_find(&d, &n);
        if (strstr(n.wrong, says[planted]) == NULL)
            fail_msg("plant %d: found is \"%s\"", (int)planted, n.wrong);
    }
    free(body);
}

static bool is_named(const char *folder, const char *file, size_t n)
{
    char whole[200];
    snprintf(whole, sizeof(whole), "%s/%.*s", folder, (int)n, file);
    for (size_t i = 0; i < ROWS; i++) {
        if (strcmp(rows[i].folder, folder) == 0 && strlen(rows[i].file) == n && memcmp(rows[i].file, file, n) == 0)
            return true;
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(others[i], whole) == 0)
            return true;
    }
    return false;
}

static void no_recorded_answer_is_forgotten(void **state)
{
    static const char *const folders[] = {"youtube", "tiktok", "instagram", "facebook"};
    (void)state;
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char below[100];
        snprintf(below, sizeof(below), "fixtures/%s", folders[i]);
        char *path = nilo_test_shared(below);
        DIR *d = opendir(path);
        size_t n = 0;
        assert_non_null(d);
        for (struct dirent *e; (e = readdir(d)) != NULL;) {
            size_t len = strlen(e->d_name);
            if (len < 6 || strcmp(e->d_name + len - 5, ".json") != 0)
                continue;
            if (!is_named(folders[i], e->d_name, len - 5))
                fail_msg("%s/%s is recorded, and no row of this table damages it", folders[i], e->d_name);
            n++;
        }
        assert_true(n > 5);
        closedir(d);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_planted_is_found),
        cmocka_unit_test(no_recorded_answer_is_forgotten),
        cmocka_unit_test(youtube_keeps_what_is_not_damaged),
        cmocka_unit_test(tiktok_keeps_what_is_not_damaged),
        cmocka_unit_test(facebook_keeps_what_is_not_damaged),
        cmocka_unit_test(instagram_keeps_what_is_not_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
