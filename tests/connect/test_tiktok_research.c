/* TikTok's Research API: windows of days, searches that go on, ids beyond 2^53 written as numbers, and the requests; the recorded answers in the shared fixtures. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"

#define ACCESS "CANARY-clt.0123456789abcdef"
#define NOW    (INT64_C(1795298400) * NILO_US_SECOND) /* 2026-11-21 22:00 UTC, day 20778 */
#define TODAY  "20778"
#define OK     "\"error\":{\"code\":\"ok\",\"message\":\"\"}}"

static const struct nilo_credentials app = {.access_token = ACCESS, .client_id = "client-key-1", .client_secret = "CANARY-client-secret"};
/* made on 2026-11-20 (day 20777), 2026-11-01, 2026-10-01 and 2022-03-28 */
#define NEW_ID "7710230000000000001"
static const char *const ids[] = {NEW_ID, "7080217258545735586"};

static struct nilo_result take(const struct nilo_ask *ask, int status, const char *body, struct nilo_arena *arena)
{
    const struct nilo_http_answer a = answers_of(status, body, NOW);
    return answers_take(answers_connector("tiktok_research"), ask, &a, arena);
}

static struct nilo_ask ask_of(enum nilo_op op)
{
    return (struct nilo_ask){.op = op, .credentials = &app, .now = NOW, .day = NILO_DAY_NONE, .account = "@somebody"};
}

/* ---- recorded ------------------------------------------------------------------------------------------------------------------------------- */

static void a_recorded_account_says_what_it_counts(void **state)
{
    (void)state;
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    char *body = answers_read("tiktok", "research_user_info");
    const struct nilo_ask ask = ask_of(NILO_OP_ACCOUNT);
    struct nilo_result r = take(&ask, 200, body, &arena);
    assert_int_equal(r.class, NILO_CLASS_OK);
    assert_int_equal(r.n_accounts, 1);
    assert_string_equal(r.accounts[0].id, "somebody");
    assert_string_equal(r.accounts[0].title, "my nick name");
    assert_string_equal(r.accounts[0].listing, "44");
    assert_int_equal(r.accounts[0].followers, 232);
    assert_int_equal(r.accounts[0].items, 44);
    assert_true(r.accounts[0].values[0].value == 27155089 && strcmp(r.accounts[0].values[0].metric->name, "likes") == 0);
    free(body);
    nilo_arena_done(&arena);
}

/* Its entries are comments; with the name of the list changed they show how ids, times and pages were really written. */
static void recorded_ids_beyond_a_double_are_exact(void **state)
{
    (void)state;
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    char *body = answers_read("tiktok", "research_comments"), *name = strstr(body, "comments");
    const struct nilo_ask ask = ask_of(NILO_OP_LIST);
    assert_int_equal(take(&ask, 200, body, &arena).class, NILO_CLASS_INVALID); /* as it is: no list of videos */
    memcpy(name, "videos\": ", 9); /* "comments":  becomes "videos": ": */
    name[9] = ' ';
    struct nilo_result r = take(&ask, 200, body, &arena);
    assert_int_equal(r.class, NILO_CLASS_OK);
    assert_int_equal(r.n_items, 1);
    assert_string_equal(r.items[0].id, "12345616934634134");
    assert_true(r.items[0].posted_at == INT64_C(1671491598) * NILO_US_SECOND);
    assert_string_equal(r.next, "?"); /* there is more, at 300, but of which search it does not say */
    const char *one = "12345616934634134";
    struct nilo_ask metrics = ask_of(NILO_OP_METRICS);
    metrics.ids = &one;
    metrics.n_ids = 1;
    r = take(&metrics, 200, body, &arena);
    assert_true(r.items[0].class == NILO_CLASS_OK && r.items[0].values[1].absence == NILO_PRESENT && r.items[0].values[1].value == 50);
    assert_true(r.items[0].values[0].absence == NILO_NOT_REPORTED && r.items[0].n_values == 5);
    free(body);
    nilo_arena_done(&arena);
}

/* Every member that we send, the recorded request has, too; and the search that goes on. */
static void requests_use_the_recorded_members(void **state)
{
    (void)state;
    static const char *const members[] = {"\"query\"", "\"and\"", "\"field_name\"", "\"operation\"", "\"field_values\"", "\"max_count\"", "\"cursor\"", "\"start_date\"", "\"end_date\"", "\"IN\""};
    char *recorded = answers_read("tiktok", "research_request_body");
    struct nilo_arena arena;
    struct nilo_call call;
    nilo_arena_init(&arena, 0);
    struct nilo_ask ask = ask_of(NILO_OP_LIST);
    assert_int_equal(answers_connector("tiktok_research")->make(&ask, &arena, &call, NULL), 0);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        assert_non_null(strstr(recorded, members[i]));
        assert_non_null(strstr(call.http.body, members[i]));
    }
    free(recorded);
    nilo_arena_done(&arena);
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    enum nilo_op op;
    const char *cursor;
    size_t n_ids;
    const char *url, *body;
} requests[] = {
    {NILO_OP_ACCOUNT, NULL, 0, "https://open.tiktokapis.com/v2/research/user/info/", "{\"username\":\"somebody\"}"},
    {NILO_OP_LIST, NULL, 0, "https://open.tiktokapis.com/v2/research/video/query/",
     "{\"query\":{\"and\":[{\"field_name\":\"username\",\"operation\":\"IN\",\"field_values\":[\"somebody\"]}]},\"max_count\":100,\"cursor\":0,\"start_date\":\"20261023\",\"end_date\":\"20261121\"}"},
    {NILO_OP_LIST, "20748:200:300:7414696757969294378", 0, "https://open.tiktokapis.com/v2/research/video/query/",
     ("{\"query\":{\"and\":[{\"field_name\":\"username\",\"operation\":\"IN\",\"field_values\":[\"somebody\"]}]},\"max_count\":100,\"cursor\":200,\"start_date\":\"20260923\","
      "\"end_date\":\"20261022\",\"search_id\":\"7414696757969294378\"}")},
    {NILO_OP_METRICS, NULL, 1, "https://open.tiktokapis.com/v2/research/video/query/",
     "{\"query\":{\"and\":[{\"field_name\":\"video_id\",\"operation\":\"IN\",\"field_values\":[\"" NEW_ID "\"]}]},\"max_count\":100,\"start_date\":\"20261119\",\"end_date\":\"20261121\"}"},
    {NILO_OP_REFRESH, NULL, 0, "https://open.tiktokapis.com/v2/oauth/token/", NULL},
};

static void requests_are_what_the_api_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        struct nilo_arena arena;
        struct nilo_call call;
        struct nilo_err err = {0};
        struct nilo_ask ask = ask_of(requests[i].op);
        nilo_arena_init(&arena, 0);
        ask.cursor = requests[i].cursor;
        ask.ids = ids;
        ask.n_ids = requests[i].n_ids;
        if (answers_connector("tiktok_research")->make(&ask, &arena, &call, &err) != 0)
            fail_msg("%zu: %s", i, err.msg);
        assert_string_equal(call.http.url, requests[i].url);
        assert_string_equal(call.http.method, "POST");
        if (requests[i].body != NULL)
            assert_string_equal(call.http.body, requests[i].body);
        assert_int_equal(call.bucket, requests[i].body != NULL ? 0 : -1);
        assert_int_equal(call.http.n_form, requests[i].body != NULL ? 0 : 3);
        for (size_t k = 0; k < call.http.n_form; k++)
            assert_int_equal(call.http.form[k].secret, strcmp(call.http.form[k].name, "client_secret") == 0);
        nilo_arena_done(&arena);
    }
}

static void what_cannot_be_asked_is_refused(void **state)
{
    (void)state;
    static const struct nilo_credentials none;
    static const char *const bad[] = {"x"}, *const future[] = {"9000000000000000000"};
    static const struct {
        enum nilo_op op;
        const char *account, *cursor;
        const char *const *ids;
        size_t n_ids;
        const struct nilo_credentials *with;
        const char *says;
    } cases[] = {
        {NILO_OP_LIST, "some body", NULL, NULL, 0, &app, "no TikTok name"},
        {NILO_OP_LIST, NULL, NULL, NULL, 0, &app, "no TikTok name"},
        {NILO_OP_ACCOUNT, "@", NULL, NULL, 0, &app, "no TikTok name"},
        {NILO_OP_LIST, "somebody", "?", NULL, 0, &app, "not where"},
        {NILO_OP_LIST, "somebody", "20748:0:0:1\",\"x\":\"", NULL, 0, &app, "not where"},
        {NILO_OP_LIST, "somebody", "20748:-1:0:", NULL, 0, &app, "not where"},
        {NILO_OP_LIST, "somebody", "99999999999:0:0:", NULL, 0, &app, "not where"},
        {NILO_OP_LIST, "somebody", NULL, NULL, 0, &none, "signed in"},
        {NILO_OP_METRICS, NULL, NULL, bad, 1, &app, "no id"},
        {NILO_OP_METRICS, NULL, NULL, future, 1, &app, "no id"},
        {NILO_OP_METRICS, NULL, NULL, ids, 2, &app, "more than 28 days"},
        {NILO_OP_METRICS, NULL, NULL, ids, 0, &app, "0 videos"},
        {NILO_OP_REFRESH, NULL, NULL, NULL, 0, &none, "client_id"},
        {NILO_OP_REPORT, NULL, NULL, NULL, 0, &app, "no report"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_arena arena;
        struct nilo_call call;
        struct nilo_err err = {0};
        struct nilo_ask ask = {.op = cases[i].op, .credentials = cases[i].with, .now = NOW, .account = cases[i].account, .cursor = cases[i].cursor, .ids = cases[i].ids, .n_ids = cases[i].n_ids};
        nilo_arena_init(&arena, 0);
        assert_int_equal(answers_connector("tiktok_research")->make(&ask, &arena, &call, &err), -1);
        if (err.code != NILO_EINVAL || strstr(err.msg, cases[i].says) == NULL)
            fail_msg("%zu: %s", i, err.msg);
        nilo_arena_done(&arena);
    }
}

/* An id of that day. */
static const char *id_of(int day)
{
    static char texts[8][24];
    static int next;
    char *to = texts[next++ % 8];
    snprintf(to, sizeof texts[0], "%llu", ((unsigned long long)day * 86400 + 3600) << 32 | 77);
    return to;
}

static void ids_of_one_window_are_asked_for_together(void **state)
{
    (void)state;
    const char *const near[] = {id_of(20777), id_of(20760), id_of(20749), id_of(20748)};
    assert_int_equal(answers_connector("tiktok_research")->together(near, 4), 3); /* 28 days and one on either side */
    assert_int_equal(answers_connector("tiktok_research")->together(near, 2), 2);
    const char *const back[] = {id_of(20000), id_of(20777)}, *const odd[] = {"x", id_of(20777)}, *const then[] = {id_of(20777), "x"};
    assert_int_equal(answers_connector("tiktok_research")->together(back, 2), 1);
    assert_int_equal(answers_connector("tiktok_research")->together(odd, 2), 1);
    assert_int_equal(answers_connector("tiktok_research")->together(then, 2), 1);
    struct nilo_arena arena;
    struct nilo_call call;
    struct nilo_ask ask = ask_of(NILO_OP_METRICS);
    nilo_arena_init(&arena, 0);
    ask.ids = near;
    ask.n_ids = 3;
    assert_int_equal(answers_connector("tiktok_research")->make(&ask, &arena, &call, NULL), 0);
    assert_non_null(strstr(call.http.body, "\"start_date\":\"20261022\",\"end_date\":\"20261121\"}"));
    nilo_arena_done(&arena);
}

/* ---- pages and windows ------------------------------------------------------------------------------------------------------------------------- */

#define PAGE(more) "{\"data\":{\"videos\":[{\"id\":1},{\"id\":2}]" more "}," OK
static const struct {
    const char *cursor, *listing, *history, *body, *next;
} pages[] = {
    {NULL, NULL, NULL, PAGE(",\"has_more\":true,\"cursor\":100,\"search_id\":\"77\""), TODAY ":100:2:77"},
    {NULL, NULL, NULL, PAGE(",\"has_more\":true,\"cursor\":\"100\",\"search_id\":77"), TODAY ":100:2:77"},
    {"20748:100:50:77", NULL, NULL, PAGE(",\"has_more\":true,\"cursor\":200,\"search_id\":\"77\""), "20748:200:52:77"},
    {"20748:100:50:77", NULL, NULL, PAGE(",\"has_more\":true,\"cursor\":100,\"search_id\":\"77\""), "?"}, /* it would lead back */
    {NULL, NULL, NULL, PAGE(",\"has_more\":true,\"search_id\":\"77\""), "?"},
    {NULL, NULL, NULL, PAGE(",\"has_more\":true,\"cursor\":100,\"search_id\":\"7 7\""), "?"},
    {NULL, NULL, NULL, PAGE(""), "20748:0:2:"},
    {"20748:0:50:", NULL, NULL, PAGE(",\"has_more\":false"), "20718:0:52:"},
    {"20748:0:50:", "52", NULL, PAGE(""), NULL}, /* as many as there are */
    {"20748:0:50:", "53", NULL, PAGE(""), "20718:0:52:"},
    {"20748:0:50:", NULL, "60", PAGE(""), NULL}, /* as far back as is looked */
    {"20748:0:50:", NULL, "61", PAGE(""), "20718:0:52:"},
    {NULL, NULL, "1", PAGE(""), NULL},
    {NULL, NULL, "nonsense", PAGE(""), "20748:0:2:"},
    {"40:0:0:", NULL, "36600", PAGE(""), NULL},
};

static void a_listing_goes_back_window_by_window(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof pages / sizeof pages[0]; i++) {
        struct nilo_arena arena;
        const char *settings[] = {NULL, NULL, pages[i].history};
        struct nilo_ask ask = ask_of(NILO_OP_LIST);
        nilo_arena_init(&arena, 0);
        ask.cursor = pages[i].cursor;
        ask.listing = pages[i].listing;
        ask.settings = settings;
        struct nilo_result r = take(&ask, 200, pages[i].body, &arena);
        assert_int_equal(r.n_items, 2);
        if ((r.next == NULL) != (pages[i].next == NULL) || (r.next != NULL && strcmp(r.next, pages[i].next) != 0))
            fail_msg("%zu: %s", i, r.next != NULL ? r.next : "none");
        nilo_arena_done(&arena);
    }
}

static void what_is_missing_is_asked_for_once_more(void **state)
{
    (void)state;
    static const struct {
        unsigned variant;
        const char *more;
        enum nilo_class class;
        bool unsure;
    } cases[] = {
        {0, "", NILO_CLASS_GONE, true}, {0, ",\"has_more\":true", NILO_CLASS_GONE, true}, {1, "", NILO_CLASS_GONE, false}, {1, ",\"has_more\":true", NILO_CLASS_TRANSIENT, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct nilo_arena arena;
        char body[200];
        struct nilo_ask ask = ask_of(NILO_OP_METRICS);
        nilo_arena_init(&arena, 0);
        ask.ids = ids;
        ask.n_ids = 1;
        ask.variant = cases[i].variant;
        snprintf(body, sizeof body, "{\"data\":{\"videos\":[]%s}," OK, cases[i].more);
        struct nilo_result r = take(&ask, 200, body, &arena);
        assert_int_equal(r.items[0].class, cases[i].class);
        assert_int_equal(r.items[0].unsure, cases[i].unsure);
        assert_int_equal(r.doubt_variant, 1);
        assert_non_null(r.items[0].reason);
        nilo_arena_done(&arena);
    }
}

static void saves_are_among_the_counts(void **state)
{
    (void)state;
    struct nilo_arena arena;
    struct nilo_ask ask = ask_of(NILO_OP_METRICS);
    nilo_arena_init(&arena, 0);
    ask.ids = ids;
    ask.n_ids = 1;
    struct nilo_result r = take(&ask, 200, "{\"data\":{\"videos\":[{\"id\":" NEW_ID ",\"username\":\"somebody\",\"view_count\":9007199254740993,\"favorites_count\":7}]}," OK, &arena);
    assert_true(r.items[0].values[0].value == INT64_C(9007199254740993));
    assert_string_equal(r.items[0].values[4].metric->name, "saves");
    assert_int_equal(r.items[0].values[4].value, 7);
    assert_string_equal(r.items[0].url, "https://www.tiktok.com/@somebody/video/" NEW_ID);
    r = take(&ask, 200, "{\"data\":{\"videos\":[{\"id\":" NEW_ID ",\"username\":\"a/../b\",\"favorites_count\":-7}]}," OK, &arena);
    assert_true(r.items[0].class == NILO_CLASS_INVALID && r.items[0].values[4].absence == NILO_FAILED && r.items[0].url == NULL);
    nilo_arena_done(&arena);
}

static void a_project_that_may_not_is_the_apps_matter(void **state)
{
    (void)state;
    struct nilo_arena arena;
    const struct nilo_ask ask = ask_of(NILO_OP_LIST);
    nilo_arena_init(&arena, 0);
    struct nilo_result r = take(&ask, 401, "{\"error\":{\"code\":\"scope_not_authorized\",\"message\":\"m\"}}", &arena);
    assert_true(r.class == NILO_CLASS_PERMISSION && r.key_wrong);
    r = take(&ask, 429, "{\"error\":{\"code\":\"daily_quota_limit_exceeded\",\"message\":\"m\"}}", &arena);
    assert_true(r.class == NILO_CLASS_RATE_LIMITED && r.until == NILO_UNTIL_RESET && !r.key_wrong);
    r = take(&ask, 401, "{\"error\":{\"code\":\"access_token_invalid\",\"message\":\"m\"}}", &arena);
    assert_true(r.class == NILO_CLASS_AUTH && !r.key_wrong);
    nilo_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_recorded_account_says_what_it_counts),
        cmocka_unit_test(recorded_ids_beyond_a_double_are_exact),
        cmocka_unit_test(requests_use_the_recorded_members),
        cmocka_unit_test(requests_are_what_the_api_takes),
        cmocka_unit_test(what_cannot_be_asked_is_refused),
        cmocka_unit_test(ids_of_one_window_are_asked_for_together),
        cmocka_unit_test(a_listing_goes_back_window_by_window),
        cmocka_unit_test(what_is_missing_is_asked_for_once_more),
        cmocka_unit_test(saves_are_among_the_counts),
        cmocka_unit_test(a_project_that_may_not_is_the_apps_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
