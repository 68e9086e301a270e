/* YouTube's answers: every recorded one in the shared fixtures, what is wrong with others, and the requests that bring them. What the recorded ones should
 * read as was put down by a reader that has nothing to do with the parser (Python's json). */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"

#define KEY    "CANARY-key-0123456789"
#define ACCESS "CANARY-access-ya29.abc"
#define NOW    (INT64_C(1763722800) * NILO_US_SECOND) /* 2025-11-21 11:00 UTC: 03:00 in California */
#define RECORDED (NOW + 300 * NILO_US_DAY) /* the last of what was recorded is of the May after */

static const struct nilo_credentials by_key = {.api_key = KEY};
static const struct nilo_credentials by_token = {.api_key = KEY, .access_token = ACCESS, .refresh_token = "CANARY-refresh", .client_id = "client-id",
                                                 .client_secret = "CANARY-client-secret"};

static struct nilo_result take(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena)
{
    return answers_take(answers_connector("youtube"), ask, a, arena);
}

/* ---- recorded answers ------------------------------------------------------------------------------------------------------------------- */

/* Items as lines: id, values (!reason where there is none), when posted, how long, status, whose, title. Accounts: id, views, subscribers, videos, list,
 * handle, title. "-" = not said. */
static const struct {
    const char *file;
    enum nilo_op op;
    const char *of;   /* ids, or the list */
    const char *next;
    const char *lines;
} recorded[] = {
    {"chain1_channels_uploads_playlist", NILO_OP_ACCOUNTS, NULL, NULL,
     ("UCZXMDk2QjU7dBanCVrMj4CA !not_reported -1 -1 UUZXMDk2QjU7dBanCVrMj4CA - -\n")},
    {"chain2_playlistitems", NILO_OP_LIST, "UUZXMDk2QjU7dBanCVrMj4CA", NULL,
     ("zDfKnm5NN-E 1777636196 - UCZXMDk2QjU7dBanCVrMj4CA sample video\n"
      "qzUjVCpSSsY 1777635557 - UCZXMDk2QjU7dBanCVrMj4CA Updated Sample Video Title 2\n"
      "cJK5VJubPNs 1777635330 - UCZXMDk2QjU7dBanCVrMj4CA sample test video trees\n")},
    {"chain3_videos_statistics", NILO_OP_METRICS, "zDfKnm5NN-E,qzUjVCpSSsY,cJK5VJubPNs", NULL,
     ("zDfKnm5NN-E 4 0 2 1777636196 - public UCZXMDk2QjU7dBanCVrMj4CA sample video\n"
      "qzUjVCpSSsY 0 0 0 1777635557 - public UCZXMDk2QjU7dBanCVrMj4CA Updated Sample Video Title 2\n"
      "cJK5VJubPNs 4 0 28 1777635330 - public UCZXMDk2QjU7dBanCVrMj4CA sample test video trees\n")},
    {"channels_list_2019", NILO_OP_ACCOUNTS, NULL, NULL,
     ("UC_x5XG1OV2P6uZZ5FSM9Ttw 160361638 1927873 5026 - @googledevelopers Google Developers\n")},
    {"channels_list_mine", NILO_OP_ACCOUNTS, NULL, NULL,
     ("UCZXMDk2QjU7dBanCVrMj4CA 104 1 1 UUZXMDk2QjU7dBanCVrMj4CA @nangodeveloper Nango Developer\n")},
    {"channels_list_one", NILO_OP_ACCOUNTS, NULL, NULL,
     ("UC_x5XG1OV2P6uZZ5FSM9Ttw 234084903 2300000 5783 - @googledevelopers Google for Developers\n")},
    {"channels_list_two", NILO_OP_ACCOUNTS, NULL, NULL,
     ("UCK8sQmJBp8GCxrOtXWBpyEA 3331930783 10700000 2678 UUK8sQmJBp8GCxrOtXWBpyEA @google Google\n"
      "UC_x5XG1OV2P6uZZ5FSM9Ttw 208790084 2260000 5652 UU_x5XG1OV2P6uZZ5FSM9Ttw @googledevelopers Google Developers\n")},
    {"playlistitems_contentdetails", NILO_OP_LIST, "UU_x5XG1OV2P6uZZ5FSM9Ttw", NULL,
     ("UZ4n1n13crI 1689966027 - UC_x5XG1OV2P6uZZ5FSM9Ttw Unleash Your Web Development Potential with dval.dev\n"
      "gwA0TqSN6lg 1689966015 - UC_x5XG1OV2P6uZZ5FSM9Ttw Learn How to Supercharge Your Last.fm Developer Experience with Finale.app\n"
      "bbWUwPHnBTc 1689886830 - UC_x5XG1OV2P6uZZ5FSM9Ttw What tools make it easier for devs to develop?\n"
      "ddkIt_sW8bo 1689865228 - UC_x5XG1OV2P6uZZ5FSM9Ttw Writing IOS and Android apps simultaneously?\n"
      "SZ-4NHXSoBI 1689714017 - UC_x5XG1OV2P6uZZ5FSM9Ttw What tips would you give to new dev?\n")},
    {"playlistitems_page1", NILO_OP_LIST, "PLOU2XLYxmsIKpaV8h0AGE05so0fAwwfTw", "CAoQAA",
     ("CvTApw9X8aA - - UC_x5XG1OV2P6uZZ5FSM9Ttw Welcome from Google Developers - Pittsburgh ML Summit ‘19\n"
      "Yh4EKaUY3gg - - UC_x5XG1OV2P6uZZ5FSM9Ttw Conversation AI - Pittsburgh ML Summit ‘19\n"
      "S-MbpQiwfls - - UC_x5XG1OV2P6uZZ5FSM9Ttw Reinforcement Learning with TensorFlow and Unity - Pittsburgh ML Summit ‘19\n"
      "BBjVl1EETb0 - - UC_x5XG1OV2P6uZZ5FSM9Ttw Art + AI - Pittsburgh ML Summit ‘19\n"
      "h8CnO-oqqSs - - UC_x5XG1OV2P6uZZ5FSM9Ttw Code-Free probing of Machine Learning models - Pittsburgh ML Summit ‘19\n"
      "2cHddIA4EvY - - UC_x5XG1OV2P6uZZ5FSM9Ttw Neural Query Language - Pittsburgh ML Summit ‘19\n"
      "kTJUt9CmTXg - - UC_x5XG1OV2P6uZZ5FSM9Ttw The future of Mobile Learning - Pittsburgh ML Summit ‘19\n"
      "o7_oJYZw2Hg - - UC_x5XG1OV2P6uZZ5FSM9Ttw Inclusive AI - Pittsburgh ML Summit ‘19\n"
      "vN6uK5Qm23c - - UC_x5XG1OV2P6uZZ5FSM9Ttw Serverless & AI/ML - Pittsburgh ML Summit ‘19\n"
      "o5LP2xzKkpg - - UC_x5XG1OV2P6uZZ5FSM9Ttw Convolutional neural networks with Swift - Pittsburgh ML Summit ‘19\n")},
    {"playlistitems_page2", NILO_OP_LIST, "PLOU2XLYxmsIKpaV8h0AGE05so0fAwwfTw", NULL,
     ("6aSG8SdvkoU - - UC_x5XG1OV2P6uZZ5FSM9Ttw Vizier: Black-box optimization and AutoML - Pittsburgh ML Summit ‘19\n"
      "ECGpZCFUL8s - - UC_x5XG1OV2P6uZZ5FSM9Ttw Panel discussion - Pittsburgh ML Summit ‘19\n"
      "Fu2bldybpkA - - UC_x5XG1OV2P6uZZ5FSM9Ttw Closing remarks - Pittsburgh ML Summit ‘19\n")},
    {"synthetic_batchgetstats", NILO_OP_METRICS, "aaaaaaaaaa1,aaaaaaaaaa2", NULL,
     ("aaaaaaaaaa1 1048577 20331 512 1781092800 253000 - - -\n"
      "aaaaaaaaaa2 0 0 0 1781179200 31000 - - -\n")},
    {"videos_list_2019_with_dislikes", NILO_OP_METRICS, "D-lhorsDlUQ", NULL,
     ("D-lhorsDlUQ 7920 190 32 1553200669 1267000 public UC_x5XG1OV2P6uZZ5FSM9Ttw What are Actions on Google (Assistant on Air)\n")},
    {"videos_list_billion_views", NILO_OP_METRICS, "dQw4w9WgXcQ", NULL,
     ("dQw4w9WgXcQ 1767500636 19033591 2435139 1256453853 214000 public UCuAXFkgsw1L7xaCfnd5JJOw Rick Astley - Never Gonna Give You Up (Official Video) (4K Remaster)\n")},
    {"videos_list_multi_no_statistics", NILO_OP_METRICS, "D-lhorsDlUQ,ovdbrdCIP7U", NULL,
     ("D-lhorsDlUQ !not_reported !not_reported !not_reported 1553200669 - - UC_x5XG1OV2P6uZZ5FSM9Ttw What are Actions on Google (Assistant on Air)\n"
      "ovdbrdCIP7U !not_reported !not_reported !not_reported 1568242805 - - UCJdl3Paao2f3ha5JXMYUCIA How EVERY Team Got Its Name & Identity!\n")},
    {"videos_list_one", NILO_OP_METRICS, "V4DDt30Aat4", NULL,
     ("V4DDt30Aat4 3603770 1827 358 1321902701 159000 - UCvceBgMIpKb4zK1ss-Sh90w Mark Lesek: A New/Old Prosthetic\n")},
    {"videos_list_two", NILO_OP_METRICS, "Ks-_Mh1QhMc,GvgqDSnpRQM", NULL,
     ("Ks-_Mh1QhMc 23278951 391633 9518 1349105255 1263000 - UCAuUUnT6oDeKwE6v1NGQxug Your body language may shape who you are | Amy Cuddy\n"
      "GvgqDSnpRQM 2653344 1152 123 1382079809 90000 - UCvceBgMIpKb4zK1ss-Sh90w Andrew Willis, Skatepark Engineer\n")},
};

static void put_values(struct nilo_buf *b, const struct nilo_item_value *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].absence == NILO_PRESENT)
            nilo_buf_addf(b, "%lld ", (long long)v[i].value);
        else
            nilo_buf_addf(b, "!%s ", nilo_absence_name(v[i].absence));
    }
}

static void put_lines(struct nilo_buf *b, const struct nilo_result *r)
{
    for (size_t i = 0; i < r->n_items; i++) {
        const struct nilo_item *item = &r->items[i];
        answers_put_text(b, item->id, ' ');
        put_values(b, item->values, item->n_values);
        answers_put_number(b, item->posted_at != NILO_US_NONE, item->posted_at / NILO_US_SECOND);
        if (item->n_values > 0)
            answers_put_number(b, item->duration_ms >= 0, item->duration_ms);
        answers_put_text(b, item->status, ' ');
        answers_put_text(b, item->account, ' ');
        answers_put_text(b, item->title, '\n');
    }
    for (size_t i = 0; i < r->n_accounts; i++) {
        const struct nilo_account *a = &r->accounts[i];
        answers_put_text(b, a->id, ' ');
        put_values(b, a->values, a->n_values);
        nilo_buf_addf(b, "%lld %lld ", (long long)a->followers, (long long)a->items);
        answers_put_text(b, a->listing, ' ');
        answers_put_text(b, a->handle, ' ');
        answers_put_text(b, a->title, '\n');
    }
}

static void recorded_answers_say_what_a_reader_of_them_sees(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
        char *body = answers_read("youtube", recorded[i].file), *ids = strdup(recorded[i].of != NULL ? recorded[i].of : "");
        const char *each[50];
        struct nilo_arena arena;
        struct nilo_buf b;
        struct nilo_ask ask = {.op = recorded[i].op, .credentials = &by_token, .now = RECORDED, .listing = recorded[i].of, .ids = each, .day = NILO_DAY_NONE};
        struct nilo_http_answer a = answers_of(200, body, NOW);
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1 << 16);
        ask.n_ids = ask.op == NILO_OP_METRICS ? answers_split(ids, each) : 0;
        struct nilo_result r = take(&ask, &a, &arena);
        put_lines(&b, &r);
        if (r.class != NILO_CLASS_OK || strcmp(nilo_buf_str(&b), recorded[i].lines) != 0)
            fail_msg("%s: %s\n%swanted\n%s", recorded[i].file, r.message, nilo_buf_str(&b), recorded[i].lines);
        if ((r.next == NULL) != (recorded[i].next == NULL) || (r.next != NULL && strcmp(r.next, recorded[i].next) != 0))
            fail_msg("%s: next page is %s", recorded[i].file, r.next != NULL ? r.next : "none");
        for (size_t k = 0; k < r.n_items; k++)
            assert_int_equal(r.items[k].class, NILO_CLASS_OK);
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
        free(body);
        free(ids);
    }
}

static void the_refreshed_token_is_taken_and_the_old_refresh_token_stays(void **state)
{
    (void)state;
    char *body = answers_read("youtube", "oauth_refresh_response");
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    struct nilo_ask ask = {.op = NILO_OP_REFRESH, .credentials = &by_token, .now = NOW};
    struct nilo_http_answer a = answers_of(200, body, NOW);
    struct nilo_result r = take(&ask, &a, &arena);
    assert_int_equal(r.class, NILO_CLASS_OK);
    assert_string_equal(r.tokens.access_token, "REDACTED");
    assert_null(r.tokens.refresh_token);
    assert_int_equal(r.tokens.expires_s, 3599);
    assert_int_equal(r.tokens.refresh_expires_s, -1);
    assert_string_equal(r.tokens.scope, "https://www.googleapis.com/auth/youtube.readonly");
    nilo_arena_done(&arena);
    free(body);
}

/* ---- what is wrong ---------------------------------------------------------------------------------------------------------------------- */

#define ERROR(reason, message) "{\"error\":{\"code\":1,\"message\":\"" message "\",\"errors\":[{\"message\":\"" message "\",\"domain\":\"d\",\"reason\":\"" reason "\"}]}}"
#define DETAIL(reason, detail) "{\"error\":{\"code\":1,\"message\":\"m\",\"errors\":[{\"reason\":\"" reason "\"}],\"status\":\"PERMISSION_DENIED\",\"details\":[{\"@type\":\"t\",\"reason\":\"" detail "\"}]}}"

static const struct {
    const char *file, *body; /* one of them */
    int status;
    enum nilo_class class;
    enum nilo_until until;
    bool key_wrong;
    const char *reason;
} refusals[] = {
    {"error_403_quotaExceeded", NULL, 403, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_RESET, false, "quotaExceeded"},
    {"error_400_keyInvalid_legacy", NULL, 400, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true, "keyInvalid"},
    {"error_400_missingRequiredParameter", NULL, 400, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "missingRequiredParameter"},
    {NULL, ERROR("dailyLimitExceeded", "m"), 403, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_RESET, false, "dailyLimitExceeded"},
    {NULL, ERROR("rateLimitExceeded", "m"), 403, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_SOON, false, "rateLimitExceeded"},
    {NULL, ERROR("userRateLimitExceeded", "m"), 429, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_SOON, false, "userRateLimitExceeded"},
    {NULL, DETAIL("accessNotConfigured", "SERVICE_DISABLED"), 403, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true, "accessNotConfigured"},
    {NULL, DETAIL("forbidden", "API_KEY_SERVICE_BLOCKED"), 403, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true, "API_KEY_SERVICE_BLOCKED"},
    {NULL, DETAIL("forbidden", "SOMETHING_NEW"), 403, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false, "forbidden"},
    {NULL, ERROR("badRequest", "API key not valid. Please pass a valid API key."), 400, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true, "badRequest"},
    {NULL, ERROR("forbidden", "The request is missing a valid API key."), 403, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true, "forbidden"},
    {NULL, ERROR("SERVICE_UNAVAILABLE", "The caller does not have permission"), 403, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "SERVICE_UNAVAILABLE"},
    {NULL, ERROR("invalidPageToken", "m"), 400, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "invalidPageToken"},
    {NULL, ERROR("backendError", "m"), 500, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "backendError"},
    {NULL, ERROR("backendError", "m"), 503, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "backendError"},
    {NULL, ERROR("authError", "Invalid Credentials"), 401, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false, "authError"},
    {NULL, ERROR("insufficientPermissions", "m"), 403, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false, "insufficientPermissions"},
    {NULL, ERROR("playlistNotFound", "m"), 404, NILO_CLASS_GONE, NILO_UNTIL_SOON, false, "playlistNotFound"},
    {NULL, ERROR("neverHeardOf", "m"), 403, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false, "http 403"},
    {NULL, "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or revoked.\"}", 400, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false, "invalid_grant"},
    {NULL, "{\"error\":\"invalid_client\"}", 401, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true, "invalid_client"},
    {NULL, "<html>Bad gateway</html>", 502, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "http 502"},
    {NULL, "", 429, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_SOON, false, "http 429"},
    {NULL, "", 302, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "http 302"},
    {NULL, "", 401, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false, "http 401"},
    {NULL, "<html>Sign in</html>", 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "unreadable answer"},
    {NULL, "", 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "unreadable answer"},
    {NULL, "{\"items\":[{\"id\":\"a\"", 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "unreadable answer"},
    {NULL, "{\"items\":[],\"items\":[]}", 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "unreadable answer"},
};

static void errors_have_the_class_that_decides_what_is_done(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        char *body = refusals[i].file != NULL ? answers_read("youtube", refusals[i].file) : strdup(refusals[i].body);
        const char *id = "aaaaaaaaaa1";
        struct nilo_arena arena;
        nilo_arena_init(&arena, 0);
        struct nilo_ask ask = {.op = NILO_OP_LIST, .credentials = &by_key, .now = NOW, .listing = "UUx", .ids = &id, .n_ids = 1};
        struct nilo_http_answer a = answers_of(refusals[i].status, body, NOW);
        struct nilo_result r = take(&ask, &a, &arena);
        if (r.class != refusals[i].class || r.until != refusals[i].until || r.key_wrong != refusals[i].key_wrong || strcmp(r.reason, refusals[i].reason) != 0)
            fail_msg("%d %s: class %s until %d key %d reason %s", refusals[i].status, body, nilo_class_word(r.class), (int)r.until, r.key_wrong, r.reason);
        assert_true(r.message[0] != '\0');
        assert_int_equal(r.n_items, 0);
        assert_false(r.again);
        nilo_arena_done(&arena);
        free(body);
    }
}

static void what_the_server_says_about_waiting_is_believed(void **state)
{
    (void)state;
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    struct nilo_ask ask = {.op = NILO_OP_LIST, .credentials = &by_key, .now = NOW, .listing = "UUx"};
    struct nilo_http_answer a = answers_of(429, ERROR("rateLimitExceeded", "m"), NOW);
    a.retry_after_ms = 7000;
    struct nilo_result r = take(&ask, &a, &arena);
    assert_int_equal(r.until, NILO_UNTIL_TIME);
    assert_true(r.retry_at == NOW + 7 * NILO_US_SECOND);
    a = answers_of(403, ERROR("quotaExceeded", "m"), NOW);
    a.retry_after_ms = 7000;
    r = take(&ask, &a, &arena); /* seconds do not fill a day's quota */
    assert_int_equal(r.until, NILO_UNTIL_RESET);
    a = answers_of(0, "", NOW);
    a.end = NILO_HTTP_TIMED_OUT;
    a.message = "www.googleapis.com: timeout";
    r = take(&ask, &a, &arena);
    assert_int_equal(r.class, NILO_CLASS_TRANSIENT);
    assert_string_equal(r.reason, "timeout");
    assert_string_equal(r.message, "www.googleapis.com: timeout");
    a.end = NILO_HTTP_TOO_BIG;
    assert_int_equal(take(&ask, &a, &arena).class, NILO_CLASS_INVALID);
    nilo_arena_done(&arena);
}

static void only_an_unknown_method_falls_back_to_videos_list(void **state)
{
    (void)state;
    static const struct {
        int status;
        unsigned variant;
        bool again;
    } cases[] = {{404, 0, true}, {501, 0, true}, {404, 1, false}, {501, 1, false}, {403, 0, false}, {429, 0, false}, {500, 0, false}, {503, 0, false}, {400, 0, false}};
    const char *id = "aaaaaaaaaa1";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_arena arena;
        nilo_arena_init(&arena, 0);
        struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &by_key, .now = NOW, .ids = &id, .n_ids = 1, .variant = cases[i].variant};
        struct nilo_http_answer a = answers_of(cases[i].status, "Not Found", NOW);
        struct nilo_result r = take(&ask, &a, &arena);
        if (r.again != cases[i].again || r.variant != (cases[i].again ? 1 : cases[i].variant))
            fail_msg("%d as variant %u: again %d, variant %u", cases[i].status, cases[i].variant, r.again, r.variant);
        nilo_arena_done(&arena);
    }
}

/* ---- counts ------------------------------------------------------------------------------------------------------------------------------ */

static void counts_are_exact_or_missing_and_never_zero_by_mistake(void **state)
{
    (void)state;
    static const struct {
        const char *item; /* what stands beside the id */
        const char *line; /* views, likes, comments */
        enum nilo_class class;
    } cases[] = {
        {"\"statistics\":{\"viewCount\":\"9007199254740993\",\"likeCount\":\"1\",\"commentCount\":\"2\"}", "9007199254740993 1 2 ", NILO_CLASS_OK},
        {"\"statistics\":{\"viewCount\":9007199254740993,\"likeCount\":1,\"commentCount\":2}", "9007199254740993 1 2 ", NILO_CLASS_OK},
        {"\"statistics\":{\"viewCount\":\"9223372036854775807\",\"commentCount\":\"2\"}", "9223372036854775807 !hidden 2 ", NILO_CLASS_OK},
        {"\"statistics\":{\"viewCount\":\"5\",\"likeCount\":\"0\"}", "5 0 !hidden ", NILO_CLASS_OK},
        {"\"statistics\":{\"viewCount\":\"5\",\"likeCount\":null}", "5 !hidden !hidden ", NILO_CLASS_OK},
        {"\"statistics\":{}", "!hidden !hidden !hidden ", NILO_CLASS_OK},
        {"\"kind\":\"youtube#video\"", "!not_reported !not_reported !not_reported ", NILO_CLASS_OK},
        {"\"snippet\":{\"liveBroadcastContent\":\"upcoming\"},\"statistics\":{\"likeCount\":\"3\"}", "!not_yet 3 !not_yet ", NILO_CLASS_OK},
        {"\"statistics\":{\"viewCount\":\"18446744073709551615\",\"likeCount\":\"1\",\"commentCount\":\"1\"}", "!failed 1 1 ", NILO_CLASS_INVALID},
        {"\"statistics\":{\"viewCount\":\"12,345\",\"likeCount\":\"1\",\"commentCount\":\"1\"}", "!failed 1 1 ", NILO_CLASS_INVALID},
        {"\"statistics\":{\"viewCount\":\"-1\",\"likeCount\":\"1\",\"commentCount\":\"1\"}", "!failed 1 1 ", NILO_CLASS_INVALID},
        {"\"statistics\":{\"viewCount\":1e3,\"likeCount\":\"1\",\"commentCount\":\"1\"}", "!failed 1 1 ", NILO_CLASS_INVALID},
        {"\"statistics\":{\"viewCount\":1.0,\"likeCount\":\"1\",\"commentCount\":\"1\"}", "!failed 1 1 ", NILO_CLASS_INVALID},
        {"\"statistics\":{\"viewCount\":\"\",\"likeCount\":\"1\",\"commentCount\":\"1\"}", "!failed 1 1 ", NILO_CLASS_INVALID},
        {"\"statistics\":{\"viewCount\":\" 1\",\"likeCount\":\"NaN\",\"commentCount\":\"1\"}", "!failed !failed 1 ", NILO_CLASS_INVALID},
        {"\"statistics\":{\"viewCount\":true,\"likeCount\":{\"n\":1},\"commentCount\":[1]}", "!failed !failed !failed ", NILO_CLASS_INVALID},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[600];
        const char *id = "v1";
        struct nilo_arena arena;
        struct nilo_buf b;
        snprintf(body, sizeof(body), "{\"items\":[{\"id\":\"v1\",%s}]}", cases[i].item);
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1000);
        struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &by_key, .now = NOW, .ids = &id, .n_ids = 1, .variant = 1};
        struct nilo_http_answer a = answers_of(200, body, NOW);
        struct nilo_result r = take(&ask, &a, &arena);
        assert_int_equal(r.n_items, 1);
        put_values(&b, r.items[0].values, r.items[0].n_values);
        if (r.class != NILO_CLASS_OK || r.items[0].class != cases[i].class || strcmp(nilo_buf_str(&b), cases[i].line) != 0)
            fail_msg("%s: %s, wanted %s; class %s", body, nilo_buf_str(&b), cases[i].line, nilo_class_word(r.items[0].class));
        assert_true((r.items[0].reason != NULL) == (cases[i].class != NILO_CLASS_OK));
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

static void ids_that_do_not_come_back_are_gone_and_the_rest_stays_in_the_order_asked(void **state)
{
    (void)state;
    static const char body[] = "{\"items\":[{\"id\":\"c\",\"statistics\":{\"viewCount\":\"3\"}},{\"id\":\"nobody-asked\",\"statistics\":{\"viewCount\":\"9\"}},"
                               "{\"id\":\"a\",\"statistics\":{\"viewCount\":\"1\"}}]}";
    static const char *const ids[] = {"a", "b", "c"};
    for (unsigned variant = 0; variant < 2; variant++) {
        struct nilo_arena arena;
        nilo_arena_init(&arena, 0);
        struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &by_key, .now = NOW, .ids = ids, .n_ids = 3, .variant = variant};
        struct nilo_http_answer a = answers_of(200, body, NOW);
        struct nilo_result r = take(&ask, &a, &arena);
        assert_int_equal(r.class, NILO_CLASS_OK);
        assert_int_equal(r.n_items, 3);
        for (size_t i = 0; i < 3; i++)
            assert_string_equal(r.items[i].id, ids[i]);
        assert_true(r.items[0].values[0].value == 1 && r.items[2].values[0].value == 3);
        assert_int_equal(r.items[1].class, NILO_CLASS_GONE);
        assert_int_equal(r.items[1].n_values, 0);
        assert_true(r.items[1].unsure == (variant == 0)); /* the statistics method may leave out what is there */
        assert_int_equal(r.doubt_variant, 1);
        nilo_arena_done(&arena);
    }
}

static void lists_name_what_is_gone_and_leave_out_what_is_no_video(void **state)
{
    (void)state;
    static const char body[] =
        "{\"nextPageToken\":\"CDIQAA\",\"items\":[{\"contentDetails\":{\"videoId\":\"a\"},\"snippet\":{\"title\":\"Deleted video\",\"channelId\":\"UCx\"}},"
        "{\"contentDetails\":{\"videoId\":\"../b\"}},{\"snippet\":{\"title\":\"no id\"}},"
        "{\"contentDetails\":{\"videoId\":\"c\",\"videoPublishedAt\":\"2026-01-01T00:00:00Z\"},\"snippet\":{\"title\":\"Private video\",\"videoOwnerChannelId\":\"UCx\"}}]}";
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    struct nilo_ask ask = {.op = NILO_OP_LIST, .credentials = &by_key, .now = NOW, .listing = "PLx"};
    struct nilo_http_answer a = answers_of(200, body, NOW);
    struct nilo_result r = take(&ask, &a, &arena);
    assert_int_equal(r.n_items, 2);
    assert_int_equal(r.items[0].class, NILO_CLASS_GONE);
    assert_null(r.items[0].title);
    assert_int_equal(r.items[1].class, NILO_CLASS_OK); /* one that is only called so */
    assert_string_equal(r.items[1].title, "Private video");
    assert_string_equal(r.next, "CDIQAA");
    nilo_arena_done(&arena);
}

static void a_channel_that_is_not_there_is_gone(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{\"kind\":\"youtube#channelListResponse\",\"pageInfo\":{\"totalResults\":0}}", "{\"items\":[]}"};
    for (size_t i = 0; i < 2; i++) {
        struct nilo_arena arena;
        nilo_arena_init(&arena, 0);
        struct nilo_ask ask = {.op = NILO_OP_ACCOUNT, .credentials = &by_key, .now = NOW, .account = "UCx"};
        struct nilo_http_answer a = answers_of(200, bodies[i], NOW);
        struct nilo_result r = take(&ask, &a, &arena);
        assert_int_equal(r.class, NILO_CLASS_GONE);
        assert_int_equal(r.n_accounts, 0);
        nilo_arena_done(&arena);
    }
}

static void hidden_subscribers_are_not_zero(void **state)
{
    (void)state;
    static const char body[] = "{\"items\":[{\"id\":\"UCx\",\"statistics\":{\"viewCount\":\"7\",\"subscriberCount\":\"0\",\"hiddenSubscriberCount\":true,\"videoCount\":\"3\"}}]}";
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    struct nilo_ask ask = {.op = NILO_OP_ACCOUNT, .credentials = &by_key, .now = NOW, .account = "UCx"};
    struct nilo_http_answer a = answers_of(200, body, NOW);
    struct nilo_result r = take(&ask, &a, &arena);
    assert_int_equal(r.n_accounts, 1);
    assert_int_equal(r.accounts[0].followers, -1);
    assert_int_equal(r.accounts[0].items, 3);
    assert_int_equal(r.accounts[0].values[0].value, 7);
    nilo_arena_done(&arena);
}

/* ---- Analytics ----------------------------------------------------------------------------------------------------------------------------- */

#define HEADERS(a, b, c) "\"columnHeaders\":[{\"name\":\"" a "\",\"columnType\":\"DIMENSION\"},{\"name\":\"" b "\"},{\"name\":\"" c "\"}]"

static void reports_are_read_by_their_columns(void **state)
{
    (void)state;
    static const struct {
        const char *body, *lines; /* id shares watch time */
    } cases[] = {
        {"{" HEADERS("video", "shares", "estimatedMinutesWatched") ",\"rows\":[[\"a\",12,345],[\"b\",0,0]]}", "a 12 20700000 b 0 0 "},
        {"{" HEADERS("estimatedMinutesWatched", "video", "shares") ",\"rows\":[[345,\"a\",12]]}", "a 12 20700000 "},
        {"{\"rows\":[[\"a\",12,345]]," HEADERS("video", "shares", "estimatedMinutesWatched") "}", "a 12 20700000 "},
        {"{" HEADERS("video", "shares", "estimatedMinutesWatched") ",\"rows\":[[\"a\",null,1.5]]}", "a !not_reported 90000 "},
        {"{" HEADERS("video", "shares", "estimatedMinutesWatched") ",\"rows\":[[\"nobody\",1,1],[\"b\",\"7\",\"2\"]]}", "b 7 120000 "},
        {"{" HEADERS("video", "shares", "estimatedMinutesWatched") ",\"rows\":[[\"a\",-1,-5]]}", "a !failed !failed "},
        {"{" HEADERS("video", "shares", "views") ",\"rows\":[[\"a\",1,5]]}", "a 1 !not_reported "},
        {"{\"kind\":\"youtubeAnalytics#resultTable\"," HEADERS("video", "shares", "estimatedMinutesWatched") "}", ""},
        {"{" HEADERS("video", "shares", "estimatedMinutesWatched") ",\"rows\":[[\"a\"],[]]}", "a !not_reported !not_reported "},
    };
    static const char *const ids[] = {"a", "b"};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_arena arena;
        struct nilo_buf b;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1000);
        struct nilo_ask ask = {.op = NILO_OP_REPORT, .credentials = &by_token, .now = NOW, .ids = ids, .n_ids = 2, .day = NILO_DAY_NONE};
        struct nilo_http_answer a = answers_of(200, cases[i].body, NOW);
        struct nilo_result r = take(&ask, &a, &arena);
        for (size_t k = 0; k < r.n_items; k++) {
            nilo_buf_addf(&b, "%s ", r.items[k].id);
            put_values(&b, r.items[k].values, r.items[k].n_values);
        }
        if (r.class != NILO_CLASS_OK || strcmp(nilo_buf_str(&b), cases[i].lines) != 0)
            fail_msg("%s: %s", cases[i].body, nilo_buf_str(&b));
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

static void an_accounts_report_gives_its_days(void **state)
{
    (void)state;
    static const struct {
        const char *body, *lines; /* day: views likes comments shares watch time */
    } cases[] = {
        {("{\"columnHeaders\":[{\"name\":\"day\"},{\"name\":\"views\"},{\"name\":\"likes\"},{\"name\":\"comments\"},{\"name\":\"shares\"},{\"name\":\"estimatedMinutesWatched\"}],"
          "\"rows\":[[\"2025-10-31\",5,4,3,2,1],[\"2025-11-01\",0,0,0,0,0]]}"), "20392: 5 4 3 2 60000 20393: 0 0 0 0 0 "},
        {("{\"columnHeaders\":[{\"name\":\"shares\"},{\"name\":\"day\"}],\"rows\":[[7,\"2025-11-01\"],[8,\"2025-11-02\"],[9,\"2025-10-02\"],[1,\"soon\"]]}"),
         "20393: !not_reported !not_reported !not_reported 7 !not_reported "},
        {"{\"kind\":\"youtubeAnalytics#resultTable\"}", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_arena arena;
        struct nilo_buf b;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1000);
        struct nilo_ask ask = {.op = NILO_OP_REPORT, .credentials = &by_token, .now = NOW, .account = "UCx", .win = 30, .day = NILO_DAY(20393)};
        struct nilo_http_answer a = answers_of(200, cases[i].body, NOW);
        struct nilo_result r = take(&ask, &a, &arena);
        for (size_t k = 0; k < r.n_items; k++) {
            assert_string_equal(r.items[k].id, "UCx");
            assert_int_equal(r.items[k].kind, NILO_ACCOUNT);
            assert_int_equal(r.items[k].win, 1);
            nilo_buf_addf(&b, "%d: ", r.items[k].day.n);
            put_values(&b, r.items[k].values, r.items[k].n_values);
        }
        if (r.class != NILO_CLASS_OK || strcmp(nilo_buf_str(&b), cases[i].lines) != 0)
            fail_msg("%s: %s", cases[i].body, nilo_buf_str(&b));
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

static void what_is_no_report_is_no_report_of_nothing(void **state)
{
    (void)state;
    static const char *const bodies[] = {"{}", "[]", "{\"rows\":[]}", "null", "{\"kind\":\"youtube#videoListResponse\"}", ""};
    static const char *const ids[] = {"a"};
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct nilo_arena arena;
        nilo_arena_init(&arena, 0);
        struct nilo_ask ask = {.op = NILO_OP_REPORT, .credentials = &by_token, .now = NOW, .ids = ids, .n_ids = 1, .day = NILO_DAY_NONE};
        struct nilo_http_answer a = answers_of(200, bodies[i], NOW);
        struct nilo_result r = take(&ask, &a, &arena);
        if (r.class == NILO_CLASS_OK)
            fail_msg("%s is a report", bodies[i]);
        nilo_arena_done(&arena);
    }
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------------ */

/* The request as text; what is secret as *name*. */
static void put_request(struct nilo_buf *b, const struct nilo_call *c)
{
    nilo_buf_addf(b, "%s %s", c->http.method, c->http.url);
    for (size_t i = 0; i < c->http.n_query; i++)
        nilo_buf_addf(b, "%c%s=%s", i == 0 ? '?' : '&', c->http.query[i].name, c->http.query[i].secret ? "*" : c->http.query[i].value);
    for (size_t i = 0; i < c->http.n_headers; i++)
        nilo_buf_addf(b, " %s: %s%s", c->http.headers[i].name, c->http.headers[i].before != NULL ? c->http.headers[i].before : "", c->http.headers[i].secret ? "*" : "?");
    for (size_t i = 0; i < c->http.n_form; i++)
        nilo_buf_addf(b, " %s=%s", c->http.form[i].name, c->http.form[i].secret ? "*" : c->http.form[i].value);
    nilo_buf_addf(b, " [%d %d]", c->bucket, c->cost);
}

#define API "https://www.googleapis.com/youtube/v3"
static const char *const three[] = {"aaaaaaaaaa1", "b-_", "C"};
static const char *const local[] = {"http://127.0.0.1:8080/yt", NULL, NULL, NULL, "url"};

static const struct {
    struct nilo_ask ask;
    const char *request; /* NULL: refused, with these words */
    const char *refused;
} requests[] = {
    {{.op = NILO_OP_METRICS, .credentials = &by_key, .ids = three, .n_ids = 3},
     "GET " API "/videos:batchGetStats?part=id,snippet,statistics,contentDetails&id=aaaaaaaaaa1,b-_,C X-Goog-Api-Key: * [1 1]", NULL},
    {{.op = NILO_OP_METRICS, .credentials = &by_key, .ids = three, .n_ids = 3, .variant = 1},
     "GET " API "/videos?part=id,snippet,statistics,contentDetails,status&id=aaaaaaaaaa1,b-_,C X-Goog-Api-Key: * [0 1]", NULL},
    {{.op = NILO_OP_METRICS, .credentials = &by_token, .ids = three, .n_ids = 1},
     "GET " API "/videos:batchGetStats?part=id,snippet,statistics,contentDetails&id=aaaaaaaaaa1 Authorization: Bearer * [1 1]", NULL},
    {{.op = NILO_OP_METRICS, .credentials = &by_key, .ids = three, .n_ids = 1, .settings = local},
     "GET http://127.0.0.1:8080/yt/videos:batchGetStats?part=id,snippet,statistics,contentDetails&id=aaaaaaaaaa1&key=* [1 1]", NULL},
    {{.op = NILO_OP_ACCOUNT, .credentials = &by_key, .account = "UCx"}, "GET " API "/channels?part=id,snippet,statistics,contentDetails&id=UCx X-Goog-Api-Key: * [0 1]", NULL},
    {{.op = NILO_OP_ACCOUNT, .credentials = &by_key, .account = "@name"},
     "GET " API "/channels?part=id,snippet,statistics,contentDetails&forHandle=@name X-Goog-Api-Key: * [0 1]", NULL},
    {{.op = NILO_OP_ACCOUNT, .credentials = &by_token}, "GET " API "/channels?part=id,snippet,statistics,contentDetails&mine=true Authorization: Bearer * [0 1]", NULL},
    {{.op = NILO_OP_ACCOUNTS, .credentials = &by_token, .cursor = "p2"},
     "GET " API "/channels?part=id,snippet,statistics,contentDetails&mine=true&maxResults=50&pageToken=p2 Authorization: Bearer * [0 1]", NULL},
    {{.op = NILO_OP_LIST, .credentials = &by_key, .account = "UCabc", .cursor = "CDIQAA"},
     "GET " API "/playlistItems?part=snippet,contentDetails,status&playlistId=UUabc&maxResults=50&pageToken=CDIQAA X-Goog-Api-Key: * [0 1]", NULL},
    {{.op = NILO_OP_REPORT, .credentials = &by_token, .ids = three, .n_ids = 2, .now = NOW, .day = {INT32_MIN}},
     ("GET https://youtubeanalytics.googleapis.com/v2/reports?ids=channel==MINE&startDate=2005-02-14&endDate=2025-11-21&metrics=shares,estimatedMinutesWatched"
      "&dimensions=video&filters=video==aaaaaaaaaa1,b-_&sort=-estimatedMinutesWatched&maxResults=200 Authorization: Bearer * [2 1]"), NULL},
    {{.op = NILO_OP_REPORT, .credentials = &by_token, .ids = three, .n_ids = 1, .win = 30, .day = {20393}, .account = "UCx"},
     ("GET https://youtubeanalytics.googleapis.com/v2/reports?ids=channel==UCx&startDate=2025-10-03&endDate=2025-11-01&metrics=shares,estimatedMinutesWatched"
      "&dimensions=video&filters=video==aaaaaaaaaa1&sort=-estimatedMinutesWatched&maxResults=200 Authorization: Bearer * [2 1]"), NULL},
    {{.op = NILO_OP_REPORT, .credentials = &by_token, .win = 30, .day = {20393}, .account = "UCx"},
     ("GET https://youtubeanalytics.googleapis.com/v2/reports?ids=channel==UCx&startDate=2025-10-03&endDate=2025-11-01&metrics=views,likes,comments,shares,"
      "estimatedMinutesWatched&dimensions=day Authorization: Bearer * [2 1]"), NULL},
    {{.op = NILO_OP_REPORT, .credentials = &by_token, .day = {20393}, .account = "UCx"}, NULL, "cannot be asked for"},
    {{.op = NILO_OP_REFRESH, .credentials = &by_token},
     "POST https://oauth2.googleapis.com/token grant_type=refresh_token client_id=client-id client_secret=* refresh_token=* [-1 0]", NULL},
    {{.op = NILO_OP_EXCHANGE, .credentials = &by_token, .code = "c", .verifier = "v", .redirect = "http://127.0.0.1:7/"},
     "POST https://oauth2.googleapis.com/token grant_type=authorization_code client_id=client-id client_secret=* code=* code_verifier=* redirect_uri=http://127.0.0.1:7/ [-1 0]", NULL},
    {{.op = NILO_OP_METRICS, .credentials = &by_key}, NULL, "0 videos in one call"},
    {{.op = NILO_OP_ACCOUNT, .credentials = &by_key}, NULL, "sign in, or name it"},
    {{.op = NILO_OP_ACCOUNT, .credentials = &by_key, .account = "no such name"}, NULL, "neither the id of a YouTube channel"},
    {{.op = NILO_OP_REPORT, .credentials = &by_key, .ids = three, .n_ids = 1, .day = {20393}}, NULL, "somebody to sign in"},
    {{.op = NILO_OP_LIST, .credentials = &by_key, .account = "@name"}, NULL, "has to be asked first"},
    {{.op = NILO_OP_REFRESH, .credentials = &by_key}, NULL, "no client id"},
};

static void requests_are_what_the_platform_wants_and_name_their_budget(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct nilo_arena arena;
        struct nilo_call call;
        struct nilo_buf b;
        struct nilo_err err = {0};
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 4000);
        int rc = answers_connector("youtube")->make(&requests[i].ask, &arena, &call, &err);
        if (rc != 0 && (requests[i].refused == NULL || strstr(err.msg, requests[i].refused) == NULL))
            fail_msg("request %zu: %s", i, err.msg);
        assert_true((rc == 0) == (requests[i].request != NULL));
        if (rc == 0) {
            put_request(&b, &call);
            assert_string_equal(nilo_buf_str(&b), requests[i].request);
            assert_null(strstr(call.http.url, "CANARY"));
            assert_null(strstr(call.http.purpose, "CANARY"));
            assert_true(call.http.loopback == (requests[i].ask.settings != NULL));
        }
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

static void ids_are_counted_and_looked_at_before_they_are_asked_for(void **state)
{
    (void)state;
    const char *ids[51];
    struct nilo_arena arena;
    struct nilo_call call;
    nilo_arena_init(&arena, 0);
    for (size_t i = 0; i < 51; i++)
        ids[i] = "aaaaaaaaaaa";
    struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &by_key, .ids = ids, .n_ids = 50};
    assert_int_equal(answers_connector("youtube")->make(&ask, &arena, &call, NULL), 0);
    ask.n_ids = 51;
    assert_int_equal(answers_connector("youtube")->make(&ask, &arena, &call, NULL), -1);
    static const char *const bad[] = {"", "a,b", "a&key=x", "a b", "../x", "a\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        ask.ids = &bad[i];
        ask.n_ids = 1;
        assert_int_equal(answers_connector("youtube")->make(&ask, &arena, &call, NULL), -1);
    }
    nilo_arena_done(&arena);
}

static void people_are_sent_to_sign_in_with_everything_but_the_secret(void **state)
{
    (void)state;
    struct nilo_buf b;
    nilo_buf_init(&b, 4000);
    struct nilo_ask ask = {.op = NILO_OP_EXCHANGE, .credentials = &by_token, .redirect = "http://127.0.0.1:7/back"};
    assert_int_equal(nilo_connector_authorize(answers_connector("youtube"), &ask, "st&te", "challenge", &b, NULL), 0);
    assert_string_equal(nilo_buf_str(&b), ("https://accounts.google.com/o/oauth2/v2/auth?client_id=client-id&redirect_uri=http%3A%2F%2F127.0.0.1%3A7%2Fback&response_type=code"
                        "&scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fyoutube.readonly%20https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fyt-analytics.readonly"
                        "&state=st%26te&code_challenge=challenge&code_challenge_method=S256&access_type=offline&prompt=consent"));
    nilo_buf_done(&b);
}

/* ---- budgets and settings -------------------------------------------------------------------------------------------------------------------- */

static void quota_days_end_at_midnight_in_california(void **state)
{
    (void)state;
    static const struct {
        const char *at, *first, *end;
    } cases[] = {
        {"2025-11-21T07:59:59Z", "2025-11-20T08:00:00Z", "2025-11-21T08:00:00Z"},
        {"2025-11-21T08:00:00Z", "2025-11-21T08:00:00Z", "2025-11-22T08:00:00Z"},
        {"2026-03-08T12:00:00Z", "2026-03-08T08:00:00Z", "2026-03-09T07:00:00Z"}, /* 23 hours */
        {"2026-07-01T06:59:59Z", "2026-06-30T07:00:00Z", "2026-07-01T07:00:00Z"},
        {"2026-11-01T12:00:00Z", "2026-11-01T07:00:00Z", "2026-11-02T08:00:00Z"}, /* 25 hours */
    };
    const struct nilo_connector_bucket *b = &answers_connector("youtube")->buckets[0];
    struct nilo_zone *zone;
    assert_int_equal(nilo_zone_load(NULL, b->zone, &zone, NULL), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_iso at, first, wanted_end;
        nilo_us end;
        assert_int_equal(nilo_iso_parse(cases[i].at, strlen(cases[i].at), &at, NULL), 0);
        assert_int_equal(nilo_iso_parse(cases[i].first, strlen(cases[i].first), &first, NULL), 0);
        assert_int_equal(nilo_iso_parse(cases[i].end, strlen(cases[i].end), &wanted_end, NULL), 0);
        assert_true(nilo_bucket_period(b, zone, at.us, &end) == first.us);
        assert_true(end == wanted_end.us);
    }
    nilo_zone_free(zone);
    struct nilo_connector_bucket minute = {.period_s = 60};
    nilo_us end;
    assert_true(nilo_bucket_period(&minute, NULL, 61 * NILO_US_SECOND, &end) == 60 * NILO_US_SECOND && end == 120 * NILO_US_SECOND);
    assert_true(nilo_bucket_period(&minute, NULL, -1, &end) == -60 * NILO_US_SECOND && end == 0);
}

static void settings_are_checked_before_they_are_used(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *refused;
    } cases[] = {
        {"api_base", "https://www.googleapis.com/youtube/v3", NULL},
        {"api_base", "http://127.0.0.1:8080", NULL},
        {"api_base", "http://[::1]:8080/x", NULL},
        {"api_base", "http://localhost:8080", NULL},
        {"key_in", "url", NULL},
        {"api_base", "http://example.org", "use https://"},
        {"api_base", "http://127.0.0.1.example.org", "use https://"},
        {"api_base", "http://2130706433/", "use https://"},
        {"api_base", "https://example.org/", "without a slash at its end"},
        {"api_base", "https://example.org/?x=1", "without ?"},
        {"api_base", "https://user:secret@example.org", "name or password"},
        {"api_base", "ftp://example.org", "https://HOST"},
        {"api_base", "", "https://HOST"},
        {"base", "https://example.org", "there are api_base, analytics_base, token_url, authorize_url, key_in"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_err err = {0};
        size_t at;
        int rc = nilo_connector_check_setting(answers_connector("youtube"), cases[i].name, cases[i].value, &at, &err);
        if ((rc == 0) != (cases[i].refused == NULL) || (rc != 0 && strstr(err.msg, cases[i].refused) == NULL))
            fail_msg("%s=%s: %s", cases[i].name, cases[i].value, rc == 0 ? "taken" : err.msg);
        assert_null(strstr(err.msg, "secret"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_answers_say_what_a_reader_of_them_sees),
        cmocka_unit_test(the_refreshed_token_is_taken_and_the_old_refresh_token_stays),
        cmocka_unit_test(errors_have_the_class_that_decides_what_is_done),
        cmocka_unit_test(what_the_server_says_about_waiting_is_believed),
        cmocka_unit_test(only_an_unknown_method_falls_back_to_videos_list),
        cmocka_unit_test(counts_are_exact_or_missing_and_never_zero_by_mistake),
        cmocka_unit_test(ids_that_do_not_come_back_are_gone_and_the_rest_stays_in_the_order_asked),
        cmocka_unit_test(lists_name_what_is_gone_and_leave_out_what_is_no_video),
        cmocka_unit_test(a_channel_that_is_not_there_is_gone),
        cmocka_unit_test(hidden_subscribers_are_not_zero),
        cmocka_unit_test(reports_are_read_by_their_columns),
        cmocka_unit_test(an_accounts_report_gives_its_days),
        cmocka_unit_test(what_is_no_report_is_no_report_of_nothing),
        cmocka_unit_test(requests_are_what_the_platform_wants_and_name_their_budget),
        cmocka_unit_test(ids_are_counted_and_looked_at_before_they_are_asked_for),
        cmocka_unit_test(people_are_sent_to_sign_in_with_everything_but_the_secret),
        cmocka_unit_test(quota_days_end_at_midnight_in_california),
        cmocka_unit_test(settings_are_checked_before_they_are_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
