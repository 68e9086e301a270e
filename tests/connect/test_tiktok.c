/* TikTok's answers: every recorded one in the shared fixtures, damaged ones, what is wrong with others, and the requests that bring them. What the recorded ones
 * should read as was put down by a reader that has nothing to do with the parser (Python's json). */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"

#define ACCESS "CANARY-act.0123456789abcdef"
#define NOW    (INT64_C(1795298400) * NILO_US_SECOND) /* 2026-11-21 22:00 UTC */

static const struct nilo_credentials signed_in = {.access_token = ACCESS, .refresh_token = "CANARY-rft.0123456789", .client_id = "client-key-1", .client_secret = "CANARY-client-secret"};

static struct nilo_result take(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena)
{
    return answers_take(answers_connector("tiktok"), ask, a, arena);
}

/* ---- results as text -------------------------------------------------------------------------------------------------------------------- */

static void put_values(struct nilo_buf *b, const struct nilo_item_value *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (v[i].absence == NILO_PRESENT)
            nilo_buf_addf(b, "%s=%lld ", v[i].metric->name, (long long)v[i].value);
        else
            nilo_buf_addf(b, "%s!%s ", v[i].metric->name, nilo_absence_name(v[i].absence));
    }
}

/* Items: id, values (! and the reason where there is none), when posted, how long, whose, address, title. Accounts: id, values, followers, videos, handle, title.
 * Tokens: how long they hold, scope. "-" = not said. Then the next page. */
static void put_result(struct nilo_buf *b, const struct nilo_result *r)
{
    for (size_t i = 0; i < r->n_items; i++) {
        const struct nilo_item *item = &r->items[i];
        answers_put_text(b, item->id, ' ');
        if (item->class != NILO_CLASS_OK)
            nilo_buf_addf(b, "(%s) ", nilo_class_word(item->class));
        put_values(b, item->values, item->n_values);
        answers_put_number(b, item->posted_at != NILO_US_NONE, item->posted_at / NILO_US_SECOND);
        answers_put_number(b, item->duration_ms >= 0, item->duration_ms);
        answers_put_text(b, item->account, ' ');
        answers_put_text(b, item->url, ' ');
        answers_put_text(b, item->title, '\n');
    }
    for (size_t i = 0; i < r->n_accounts; i++) {
        const struct nilo_account *a = &r->accounts[i];
        answers_put_text(b, a->id, ' ');
        put_values(b, a->values, a->n_values);
        nilo_buf_addf(b, "%lld %lld ", (long long)a->followers, (long long)a->items);
        answers_put_text(b, a->handle, ' ');
        answers_put_text(b, a->title, '\n');
    }
    if (r->tokens.access_token != NULL) {
        nilo_buf_addf(b, "%s %s %lld %lld ", r->tokens.access_token, r->tokens.refresh_token != NULL ? r->tokens.refresh_token : "-", (long long)r->tokens.expires_s,
                      (long long)r->tokens.refresh_expires_s);
        answers_put_text(b, r->tokens.scope, '\n');
    }
    if (r->next != NULL)
        nilo_buf_addf(b, "next %s\n", r->next);
    if (r->class != NILO_CLASS_OK)
        nilo_buf_addf(b, "%s: %s\n", nilo_class_word(r->class), r->reason);
}

/* ---- recorded answers ------------------------------------------------------------------------------------------------------------------- */

#define SCOPES "video.publish,comment.list.manage,video.insights,video.list,user.insights,user.info.basic,user.info.username,comment.list,user.account.type,user.info.stats"

static const char *const two_ids[] = {"7080217258545735586", "7080217258545735587"}, *const three_ids[] = {"7080217258545735586", "7080217258545735587", "7080217258545735588"};

static const struct {
    const char *file;
    enum nilo_op op;
    const char *account;
    const char *lines;
} recorded[] = {
    {"business_token", NILO_OP_EXCHANGE, NULL, "REDACTED REDACTED 86400 31536000 " SCOPES "\n"},
    {"business_token_refresh", NILO_OP_REFRESH, NULL, "REDACTED REDACTED 86400 31527314 " SCOPES "\n"},
    {"business_token_info", NILO_OP_ACCOUNT, NULL, "openid likes!not_reported -1 -1 - -\n"},
    {"business_token_info", NILO_OP_REFRESH, NULL, "invalid: unreadable answer\n"},
    {"display_user_profile", NILO_OP_ACCOUNT, NULL, "REDACTED likes=0 0 0 - nangodeveloperacc\n"},
    {"display_user_profile", NILO_OP_ACCOUNTS, NULL, "REDACTED likes=0 0 0 - nangodeveloperacc\n"},
    {"display_user_profile", NILO_OP_ACCOUNT, "REDACTED", "REDACTED likes=0 0 0 - nangodeveloperacc\n"},
    {"display_user_profile", NILO_OP_ACCOUNT, "somebody-else", "permission: another account\n"},
    {"display_user_stats", NILO_OP_ACCOUNT, "open-id-1", "open-id-1 likes=0 0 0 - -\n"},
    {"display_user_stats", NILO_OP_ACCOUNTS, NULL, "invalid: unreadable answer\n"}, /* whose it is, it does not say */
    {"display_video_list_empty", NILO_OP_LIST, NULL, ""},
    {"display_video_list_empty", NILO_OP_ACCOUNT, NULL, "invalid: unreadable answer\n"},
    {"research_user_info", NILO_OP_ACCOUNT, "somebody", "somebody likes=27155089 232 44 - my nick name\n"},
    {"research_comments", NILO_OP_LIST, NULL, "invalid: unreadable answer\n"}, /* comments are no videos */
    {"synthetic_display_video_list_page1", NILO_OP_LIST, NULL,
     ("7080217258545735586 1648484521 15000 - https://www.tiktok.com/@u/video/7080217258545735586 one\n"
      "7080217258545735587 1648398121 8000 - https://www.tiktok.com/@u/video/7080217258545735587 -\n"
      "next 1648398121000\n")},
    {"synthetic_display_video_list_page1", NILO_OP_METRICS, NULL,
     ("7080217258545735586 views=5312 likes=120 comments=4 shares=2 1648484521 15000 - https://www.tiktok.com/@u/video/7080217258545735586 one\n"
      "7080217258545735587 views=3000000000 likes=0 comments=0 shares=0 1648398121 8000 - https://www.tiktok.com/@u/video/7080217258545735587 -\n"
      "7080217258545735588 (gone) - - - - -\n")},
    {"display_video_list_empty", NILO_OP_METRICS, NULL, "7080217258545735586 (gone) - - - - -\n7080217258545735587 (gone) - - - - -\n7080217258545735588 (gone) - - - - -\n"},
    {"synthetic_oauth_refresh_v2", NILO_OP_REFRESH, NULL, "REDACTED REDACTED 7200 15552000 user.info.basic,video.list\n"},
    {"synthetic_oauth_refresh_v2", NILO_OP_EXCHANGE, NULL, "REDACTED REDACTED 7200 15552000 user.info.basic,video.list\n"},
};

static void recorded_answers_say_what_a_reader_of_them_sees(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++) {
        char *body = answers_read("tiktok", recorded[i].file);
        struct nilo_arena arena;
        struct nilo_buf b;
        struct nilo_ask ask = {.op = recorded[i].op, .credentials = &signed_in, .now = NOW, .account = recorded[i].account, .day = NILO_DAY_NONE};
        struct nilo_http_answer a = answers_of(200, body, NOW);
        if (ask.op == NILO_OP_METRICS) {
            ask.ids = three_ids;
            ask.n_ids = 3;
        }
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1 << 16);
        struct nilo_result r = take(&ask, &a, &arena);
        put_result(&b, &r);
        if (strcmp(nilo_buf_str(&b), recorded[i].lines) != 0)
            fail_msg("%s: %s\n%swanted\n%s", recorded[i].file, r.message, nilo_buf_str(&b), recorded[i].lines);
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
        free(body);
    }
}

/* ---- damage -------------------------------------------------------------------------------------------------------------------------------- */

/* A video of which one member is damaged; the other one is always whole. */
static const struct part {
    const char *name, *whole;
} whole[] = {
    {"id", "\"7080217258545735586\""}, {"create_time", "1648484521"}, {"duration", "15"}, {"view_count", "5312"}, {"like_count", "120"}, {"comment_count", "4"}, {"share_count", "2"},
    {"title", "\"one\""}, {"share_url", "\"https://t/1\""},
};
enum { PARTS = sizeof(whole) / sizeof(whole[0]) };
#define OTHER "{\"id\":\"7080217258545735587\",\"create_time\":1648398121,\"duration\":8,\"view_count\":3000000000,\"like_count\":0,\"comment_count\":0,\"share_count\":0}"
#define OTHER_LINE "7080217258545735587 views=3000000000 likes=0 comments=0 shares=0 1648398121 8000 - - -\n"

/* How a member may be damaged (NULL: it is missing), and what is then said of a count, a time, a length and a text; * = as before */
static const struct damage {
    const char *name, *text, *count, *time, *length, *title;
} damages[] = {
    {"missing", NULL, "!not_reported", "-", "-", "-"},
    {"null", "null", "!not_reported", "-", "-", "-"},
    {"text for number", "\"many\"", "!failed", "-", "-", "many"},
    {"empty text", "\"\"", "!failed", "-", "-", "-"},
    {"digits in a text", "\"17\"", "=17", "17", "17000", "17"},
    {"number for text", "17", "=17", "17", "17000", "-"},
    {"huge", "99999999999999999999", "!failed", "-", "-", "-"},
    {"beyond 63 bits", "9223372036854775808", "!failed", "-", "-", "-"},
    {"as large as may be", "9223372036854775807", "=9223372036854775807", "-", "-", "-"},
    {"beyond 2^53", "9007199254740993", "=9007199254740993", "-", "-", "-"},
    {"negative", "-5", "!failed", "-", "-", "-"},
    {"a fraction", "1.5", "!failed", "-", "-", "-"},
    {"an exponent", "1e3", "!failed", "-", "-", "-"},
    {"true", "true", "!failed", "-", "-", "-"},
    {"an object", "{\"n\":1}", "!failed", "-", "-", "-"},
    {"an array", "[1]", "!failed", "-", "-", "-"},
    {"from the future", "1795471200", "=1795471200", "-", "-", "-"}, /* two days ahead; no length of a video either */
};

static void put_video(struct nilo_buf *b, const char *name, const char *text)
{
    bool first = true;
    nilo_buf_adds(b, "{");
    for (size_t i = 0; i < PARTS; i++) {
        const char *value = name != NULL && strcmp(name, whole[i].name) == 0 ? text : whole[i].whole;
        if (value == NULL)
            continue;
        nilo_buf_addf(b, "%s\"%s\":%s", first ? "" : ",", whole[i].name, value);
        first = false;
    }
    nilo_buf_adds(b, "}");
}

static void put_wanted(struct nilo_buf *b, const char *name, const struct damage *d)
{
    static const char *const counts[][3] = {{"views", "view_count", "5312"}, {"likes", "like_count", "120"}, {"comments", "comment_count", "4"}, {"shares", "share_count", "2"}};
    const char *time = strcmp(name, "create_time") == 0 ? d->time : "1648484521", *length = strcmp(name, "duration") == 0 ? d->length : "15000";
    bool null = d->text == NULL || strcmp(d->text, "null") == 0;
    bool wrong = (strstr(name, "_count") != NULL && strcmp(d->count, "!failed") == 0) || (strcmp(name, "create_time") == 0 && time[0] == '-' && !null) ||
                 (strcmp(name, "duration") == 0 && length[0] == '-' && !null);
    nilo_buf_addf(b, "7080217258545735586 %s", wrong ? "(invalid) " : "");
    for (size_t i = 0; i < 4; i++) {
        bool this = strcmp(counts[i][1], name) == 0;
        nilo_buf_addf(b, "%s%s%s ", counts[i][0], this ? "" : "=", this ? d->count : counts[i][2]);
    }
    nilo_buf_addf(b, "%s %s - %s %s\n", time, length, strcmp(name, "share_url") == 0 ? d->title : "https://t/1", strcmp(name, "title") == 0 ? d->title : "one");
}

static void what_is_damaged_is_refused_with_a_reason_and_the_rest_is_kept(void **state)
{
    (void)state;
    for (size_t m = 1; m < PARTS; m++) {
        for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
            struct nilo_arena arena;
            struct nilo_buf body, got, wanted;
            nilo_arena_init(&arena, 0);
            nilo_buf_init(&body, 1 << 16);
            nilo_buf_init(&got, 1 << 16);
            nilo_buf_init(&wanted, 1 << 16);
            nilo_buf_adds(&body, "{\"data\":{\"videos\":[");
            put_video(&body, whole[m].name, damages[i].text);
            nilo_buf_adds(&body, "," OTHER "]},\"error\":{\"code\":\"ok\"}}");
            put_wanted(&wanted, whole[m].name, &damages[i]);
            nilo_buf_adds(&wanted, OTHER_LINE);
            struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .ids = two_ids, .n_ids = 2, .day = NILO_DAY_NONE};
            struct nilo_http_answer a = answers_of(200, nilo_buf_str(&body), NOW);
            struct nilo_result r = take(&ask, &a, &arena);
            put_result(&got, &r);
            if (strcmp(nilo_buf_str(&got), nilo_buf_str(&wanted)) != 0)
                fail_msg("%s %s:\n%swanted\n%s", whole[m].name, damages[i].name, nilo_buf_str(&got), nilo_buf_str(&wanted));
            for (size_t k = 0; k < r.n_items; k++)
                assert_true(r.items[k].class == NILO_CLASS_OK || (r.items[k].reason != NULL && r.items[k].reason[0] != '\0'));
            nilo_buf_done(&body);
            nilo_buf_done(&got);
            nilo_buf_done(&wanted);
            nilo_arena_done(&arena);
        }
    }
}

static void an_id_that_does_not_read_is_no_deletion(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        struct nilo_arena arena;
        struct nilo_buf body, got;
        /* what is a number or a text of digits is an id, somebody else's */
        bool digits = damages[i].text != NULL && strspn(damages[i].text, "\"0123456789") == strlen(damages[i].text) && strpbrk(damages[i].text, "0123456789") != NULL;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&body, 1 << 16);
        nilo_buf_init(&got, 1 << 16);
        nilo_buf_adds(&body, "{\"data\":{\"videos\":[");
        put_video(&body, "id", damages[i].text);
        nilo_buf_adds(&body, "," OTHER "]},\"error\":{\"code\":\"ok\"}}");
        struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .ids = two_ids, .n_ids = 2, .day = NILO_DAY_NONE};
        struct nilo_http_answer a = answers_of(200, nilo_buf_str(&body), NOW);
        struct nilo_result r = take(&ask, &a, &arena);
        if (r.items[0].class != (digits ? NILO_CLASS_GONE : NILO_CLASS_INVALID))
            fail_msg("%s: %s", damages[i].name, nilo_class_word(r.items[0].class));
        assert_int_equal(r.items[0].n_values, 0);
        assert_int_equal(r.items[1].class, NILO_CLASS_OK);
        nilo_buf_done(&body);
        nilo_buf_done(&got);
        nilo_arena_done(&arena);
    }
}

static const struct {
    const char *name;
    enum nilo_op op;
    const char *body, *lines;
} odd[] = {
    {"ids as numbers beyond 2^53", NILO_OP_METRICS,
     "{\"data\":{\"videos\":[{\"id\":7080217258545735587,\"view_count\":9007199254740993,\"like_count\":1,\"comment_count\":2,\"share_count\":3},{\"id\":7080217258545735586}]},\"error\":{\"code\":\"ok\"}}",
     ("7080217258545735586 views!not_reported likes!not_reported comments!not_reported shares!not_reported - - - - -\n"
      "7080217258545735587 views=9007199254740993 likes=1 comments=2 shares=3 - - - - -\n")},
    {"nothing says that it is an answer", NILO_OP_METRICS, "{\"data\":{\"videos\":[]}}", "invalid: unreadable answer\n"},
    {"an empty object", NILO_OP_METRICS, "{}", "invalid: unreadable answer\n"},
    {"an error without a code", NILO_OP_METRICS, "{\"data\":{\"videos\":[]},\"error\":{\"message\":\"\"}}", "invalid: unreadable answer\n"},
    {"an error whose code is null", NILO_OP_METRICS, "{\"data\":{\"videos\":[]},\"error\":{\"code\":null}}", "invalid: unreadable answer\n"},
    {"no data", NILO_OP_METRICS, "{\"data\":{},\"error\":{\"code\":\"ok\"}}", "invalid: unreadable answer\n"},
    {"videos are null", NILO_OP_METRICS, "{\"data\":{\"videos\":null},\"error\":{\"code\":\"ok\"}}", "invalid: unreadable answer\n"},
    {"videos are an object", NILO_OP_LIST, "{\"data\":{\"videos\":{}},\"error\":{\"code\":\"ok\"}}", "invalid: unreadable answer\n"},
    {"entries are null", NILO_OP_METRICS, "{\"data\":{\"videos\":[null,7]},\"error\":{\"code\":\"ok\"}}", "7080217258545735586 (invalid) - - - - -\n7080217258545735587 (invalid) - - - - -\n"},
    {"an entry twice", NILO_OP_METRICS,
     "{\"data\":{\"videos\":[{\"id\":\"7080217258545735586\",\"view_count\":1},{\"id\":\"7080217258545735586\",\"view_count\":2}]},\"error\":{\"code\":\"ok\"}}",
     ("7080217258545735586 views=1 likes!not_reported comments!not_reported shares!not_reported - - - - -\n7080217258545735587 (gone) - - - - -\n")},
    {"an entry that nobody asked for", NILO_OP_METRICS, "{\"data\":{\"videos\":[{\"id\":\"1\",\"view_count\":1}]},\"error\":{\"code\":\"ok\"}}",
     "7080217258545735586 (gone) - - - - -\n7080217258545735587 (gone) - - - - -\n"},
    {"a member twice", NILO_OP_METRICS, "{\"data\":{\"videos\":[{\"id\":\"1\",\"id\":\"2\"}]},\"error\":{\"code\":\"ok\"}}", "invalid: unreadable answer\n"},
    {"cut off", NILO_OP_METRICS, "{\"data\":{\"videos\":[{\"id\":\"7080217258545735586\",\"view_count\":1}", "invalid: unreadable answer\n"},
    {"a page that is short has a next one", NILO_OP_LIST, "{\"data\":{\"videos\":[{\"id\":\"1\"}],\"cursor\":5,\"has_more\":true},\"error\":{\"code\":\"ok\"}}", "1 - - - - -\nnext 5\n"},
    {"an empty one, too", NILO_OP_LIST, "{\"data\":{\"videos\":[],\"cursor\":\"5\",\"has_more\":true},\"error\":{\"code\":\"ok\"}}", "next 5\n"},
    {"the last one has a cursor", NILO_OP_LIST, "{\"data\":{\"videos\":[{\"id\":\"1\"}],\"cursor\":5,\"has_more\":false},\"error\":{\"code\":\"ok\"}}", "1 - - - - -\n"},
    {"more, but not where", NILO_OP_LIST, "{\"data\":{\"videos\":[{\"id\":\"1\"}],\"has_more\":true},\"error\":{\"code\":\"ok\"}}", "1 - - - - -\nnext ?\n"},
    {"a cursor that is no number", NILO_OP_LIST, "{\"data\":{\"videos\":[],\"cursor\":-1,\"has_more\":true},\"error\":{\"code\":\"ok\"}}", "next ?\n"},
    {"an id that could be nobody's", NILO_OP_LIST, "{\"data\":{\"videos\":[{\"id\":\"../x\"},{\"id\":\"2\"}]},\"error\":{\"code\":\"ok\"}}", "2 - - - - -\n"},
    {"numbers of an account", NILO_OP_ACCOUNTS,
     "{\"data\":{\"user\":{\"open_id\":\"o\",\"username\":\"u\",\"follower_count\":\"12\",\"likes_count\":-1,\"video_count\":null}},\"error\":{\"code\":\"ok\"}}", "o likes!failed 12 -1 u -\n"},
    {"an account's id is a number", NILO_OP_ACCOUNTS, "{\"data\":{\"user\":{\"open_id\":12,\"username\":\"u\"}},\"error\":{\"code\":\"ok\"}}", "invalid: unreadable answer\n"},
    {"no account", NILO_OP_ACCOUNTS, "{\"data\":{\"user\":{}},\"error\":{\"code\":\"ok\"}}", "invalid: unreadable answer\n"},
    {"a token that is a number", NILO_OP_REFRESH, "{\"access_token\":1,\"expires_in\":7200}", "invalid: unreadable answer\n"},
    {"a token that is empty", NILO_OP_REFRESH, "{\"access_token\":\"\",\"expires_in\":7200}", "invalid: unreadable answer\n"},
    {"spans that do not read", NILO_OP_REFRESH, "{\"access_token\":\"a\",\"refresh_token\":null,\"expires_in\":-1,\"refresh_expires_in\":99999999999999999999}", "a - -1 -1 -\n"},
    {"an error instead of tokens", NILO_OP_REFRESH, "{\"error\":{\"message\":\"x\"},\"access_token\":\"a\"}", "invalid: unreadable answer\n"},
};

static void odd_answers_are_taken_for_what_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        struct nilo_arena arena;
        struct nilo_buf b;
        struct nilo_ask ask = {.op = odd[i].op, .credentials = &signed_in, .now = NOW, .ids = two_ids, .n_ids = odd[i].op == NILO_OP_METRICS ? 2 : 0, .day = NILO_DAY_NONE};
        struct nilo_http_answer a = answers_of(200, odd[i].body, NOW);
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1 << 16);
        struct nilo_result r = take(&ask, &a, &arena);
        put_result(&b, &r);
        if (strcmp(nilo_buf_str(&b), odd[i].lines) != 0)
            fail_msg("%s: %s\n%swanted\n%s", odd[i].name, r.message, nilo_buf_str(&b), odd[i].lines);
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

/* ---- errors -------------------------------------------------------------------------------------------------------------------------------- */

#define BESIDE(code) "{\"data\":{},\"error\":{\"code\":\"" code "\",\"message\":\"some words\",\"log_id\":\"2026\"}}"
#define OAUTH(word)  "{\"error\":\"" word "\",\"error_description\":\"some words\",\"log_id\":\"2026\"}"
#define BUSINESS(n)  "{\"code\":" n ",\"message\":\"some words\",\"request_id\":\"2026\",\"data\":{}}"

static const struct {
    const char *body;
    int status;
    enum nilo_class class;
    enum nilo_until until;
    bool key_wrong;
    const char *reason;
} refusals[] = {
    {BESIDE("access_token_invalid"), 401, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false, "access_token_invalid"},
    {BESIDE("access_token_invalid"), 200, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false, "access_token_invalid"},
    {BESIDE("scope_not_authorized"), 401, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false, "scope_not_authorized"},
    {BESIDE("scope_not_authorized"), 200, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false, "scope_not_authorized"},
    {BESIDE("scope_permission_missed"), 400, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false, "scope_permission_missed"},
    {BESIDE("invalid_params"), 400, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "invalid_params"},
    {BESIDE("invalid_params"), 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "invalid_params"},
    {BESIDE("rate_limit_exceeded"), 429, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_TIME, false, "rate_limit_exceeded"},
    {BESIDE("rate_limit_exceeded"), 200, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_TIME, false, "rate_limit_exceeded"},
    {BESIDE("daily_quota_limit_exceeded"), 429, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_RESET, false, "daily_quota_limit_exceeded"},
    {BESIDE("daily_quota_limit_exceeded"), 200, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_RESET, false, "daily_quota_limit_exceeded"},
    {BESIDE("internal_error"), 500, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "internal_error"},
    {BESIDE("internal_error"), 200, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "internal_error"},
    {BESIDE("never_heard_of"), 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "never_heard_of"},
    {BESIDE("never_heard_of"), 401, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false, "never_heard_of"},
    {BESIDE("never_heard_of"), 503, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "never_heard_of"},
    {BESIDE("ok"), 503, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "http 503"},
    {OAUTH("invalid_grant"), 400, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false, "invalid_grant"},
    {OAUTH("invalid_grant"), 200, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false, "invalid_grant"},
    {OAUTH("invalid_client"), 401, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true, "invalid_client"},
    {OAUTH("invalid_client"), 200, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true, "invalid_client"},
    {OAUTH("unauthorized_client"), 400, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true, "unauthorized_client"},
    {OAUTH("invalid_request"), 400, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "invalid_request"},
    {OAUTH("access_denied"), 400, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false, "access_denied"},
    {OAUTH("server_error"), 200, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "server_error"},
    {OAUTH("temporarily_unavailable"), 503, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "temporarily_unavailable"},
    {BUSINESS("40105"), 200, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false, "40105"},
    {BUSINESS("40100"), 200, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_TIME, false, "40100"},
    {BUSINESS("40001"), 200, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false, "40001"},
    {BUSINESS("40002"), 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "40002"},
    {BUSINESS("50000"), 200, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "50000"},
    {BUSINESS("51010"), 200, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "51010"},
    {BUSINESS("41000"), 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "41000"},
    {"<html>Bad gateway</html>", 502, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false, "http 502"},
    {"<html>Sign in</html>", 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "unreadable answer"},
    {"", 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "unreadable answer"},
    {"", 429, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_SOON, false, "http 429"},
    {"", 302, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false, "http 302"},
    {"", 404, NILO_CLASS_GONE, NILO_UNTIL_SOON, false, "http 404"},
};

static void errors_of_three_shapes_have_the_class_that_decides_what_is_done(void **state)
{
    (void)state;
    static const enum nilo_op ops[] = {NILO_OP_LIST, NILO_OP_METRICS, NILO_OP_REFRESH, NILO_OP_EXCHANGE};
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        for (size_t k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
            struct nilo_arena arena;
            nilo_arena_init(&arena, 0);
            struct nilo_ask ask = {.op = ops[k], .credentials = &signed_in, .now = NOW, .ids = two_ids, .n_ids = 2};
            struct nilo_http_answer a = answers_of(refusals[i].status, refusals[i].body, NOW);
            struct nilo_result r = take(&ask, &a, &arena);
            if (r.class != refusals[i].class || r.until != refusals[i].until || r.key_wrong != refusals[i].key_wrong || strcmp(r.reason, refusals[i].reason) != 0)
                fail_msg("%d %s: class %s until %d key %d reason %s", refusals[i].status, refusals[i].body, nilo_class_word(r.class), (int)r.until, r.key_wrong, r.reason);
            assert_true(r.message[0] != '\0');
            assert_int_equal(r.n_items, 0);
            assert_null(r.tokens.access_token);
            assert_false(r.again);
            nilo_arena_done(&arena);
        }
    }
}

static void how_long_to_wait_is_said_or_is_the_window(void **state)
{
    (void)state;
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    struct nilo_ask ask = {.op = NILO_OP_LIST, .credentials = &signed_in, .now = NOW};
    struct nilo_http_answer a = answers_of(429, BESIDE("rate_limit_exceeded"), NOW);
    struct nilo_result r = take(&ask, &a, &arena);
    assert_true(r.retry_at == NOW + NILO_US_MINUTE); /* nothing is said; the window slides over a minute */
    a.retry_after_ms = 7000;
    r = take(&ask, &a, &arena);
    assert_int_equal(r.until, NILO_UNTIL_TIME);
    assert_true(r.retry_at == NOW + 7 * NILO_US_SECOND);
    a = answers_of(429, BESIDE("daily_quota_limit_exceeded"), NOW);
    a.retry_after_ms = 7000;
    assert_int_equal(take(&ask, &a, &arena).until, NILO_UNTIL_RESET);
    a = answers_of(503, BESIDE("internal_error"), NOW);
    a.retry_after_ms = 7000;
    r = take(&ask, &a, &arena);
    assert_true(r.class == NILO_CLASS_TRANSIENT && r.until == NILO_UNTIL_TIME && r.retry_at == NOW + 7 * NILO_US_SECOND);
    a = answers_of(0, "", NOW);
    a.end = NILO_HTTP_TIMED_OUT;
    a.message = "open.tiktokapis.com: timeout";
    r = take(&ask, &a, &arena);
    assert_true(r.class == NILO_CLASS_TRANSIENT && strcmp(r.reason, "timeout") == 0);
    nilo_arena_done(&arena);
}

static void who_may_not_see_an_accounts_numbers_asks_for_its_name(void **state)
{
    (void)state;
    static const struct {
        enum nilo_op op;
        unsigned variant;
        const char *body;
        bool again;
    } cases[] = {
        {NILO_OP_ACCOUNT, 0, BESIDE("scope_not_authorized"), true}, {NILO_OP_ACCOUNTS, 0, BESIDE("scope_permission_missed"), true},
        {NILO_OP_ACCOUNT, 1, BESIDE("scope_not_authorized"), false}, {NILO_OP_LIST, 0, BESIDE("scope_not_authorized"), false},
        {NILO_OP_ACCOUNT, 0, BESIDE("access_token_invalid"), false},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_arena arena;
        nilo_arena_init(&arena, 0);
        struct nilo_ask ask = {.op = cases[i].op, .credentials = &signed_in, .now = NOW, .variant = cases[i].variant};
        struct nilo_http_answer a = answers_of(401, cases[i].body, NOW);
        struct nilo_result r = take(&ask, &a, &arena);
        assert_int_equal(r.again, cases[i].again);
        assert_int_equal(r.variant, cases[i].again ? 1 : cases[i].variant);
        nilo_arena_done(&arena);
    }
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------------ */

static void put_fields(struct nilo_buf *b, const char *kind, const struct nilo_http_field *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        nilo_buf_addf(b, "%s %s=%s%s%s\n", kind, f[i].name, f[i].before != NULL ? f[i].before : "", f[i].value, f[i].secret ? " (secret)" : "");
}

#define VIDEO_FIELDS "id,create_time,title,video_description,duration,share_url,cover_image_url"
static const char *const local[] = {"http://127.0.0.1:8080/v2", "http://127.0.0.1:8080/v2/oauth/token", NULL};

static const struct {
    struct nilo_ask ask;
    const char *request;
} requests[] = {
    {{.op = NILO_OP_ACCOUNT},
     ("GET https://open.tiktokapis.com/v2/user/info/ bucket 0 cost 1\n"
      "query fields=open_id,display_name,avatar_url,username,profile_deep_link,follower_count,likes_count,video_count\n"
      "header Authorization=Bearer " ACCESS " (secret)\n")},
    {{.op = NILO_OP_ACCOUNTS, .variant = 1},
     ("GET https://open.tiktokapis.com/v2/user/info/ bucket 0 cost 1\nquery fields=open_id,display_name,avatar_url\nheader Authorization=Bearer " ACCESS " (secret)\n")},
    {{.op = NILO_OP_LIST, .settings = local},
     ("POST http://127.0.0.1:8080/v2/video/list/ bucket 1 cost 1 loopback\nquery fields=" VIDEO_FIELDS "\n"
      "header Content-Type=application/json\nheader Authorization=Bearer " ACCESS " (secret)\n{\"max_count\":20}\n")},
    {{.op = NILO_OP_LIST, .cursor = "1648398121000"},
     ("POST https://open.tiktokapis.com/v2/video/list/ bucket 1 cost 1\nquery fields=" VIDEO_FIELDS "\n"
      "header Content-Type=application/json\nheader Authorization=Bearer " ACCESS " (secret)\n{\"max_count\":20,\"cursor\":1648398121000}\n")},
    {{.op = NILO_OP_METRICS, .ids = two_ids, .n_ids = 2},
     ("POST https://open.tiktokapis.com/v2/video/query/ bucket 2 cost 1\nquery fields=" VIDEO_FIELDS ",view_count,like_count,comment_count,share_count\n"
      "header Content-Type=application/json\nheader Authorization=Bearer " ACCESS " (secret)\n"
      "{\"filters\":{\"video_ids\":[\"7080217258545735586\",\"7080217258545735587\"]}}\n")},
    {{.op = NILO_OP_REFRESH, .settings = local},
     ("POST http://127.0.0.1:8080/v2/oauth/token/ bucket -1 cost 0 loopback\nform client_key=client-key-1\nform client_secret=CANARY-client-secret (secret)\n"
      "form grant_type=refresh_token\nform refresh_token=CANARY-rft.0123456789 (secret)\n")},
    {{.op = NILO_OP_EXCHANGE, .code = "c*0!1", .verifier = "CANARY-verifier", .redirect = "http://127.0.0.1:7777/back"},
     ("POST https://open.tiktokapis.com/v2/oauth/token/ bucket -1 cost 0\nform client_key=client-key-1\nform client_secret=CANARY-client-secret (secret)\n"
      "form grant_type=authorization_code\nform code=c*0!1 (secret)\nform code_verifier=CANARY-verifier (secret)\nform redirect_uri=http://127.0.0.1:7777/back\n")},
};

static void requests_are_what_the_api_takes(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct nilo_arena arena;
        struct nilo_buf b;
        struct nilo_call call;
        struct nilo_err err = {0};
        struct nilo_ask ask = requests[i].ask;
        ask.credentials = &signed_in;
        ask.now = NOW;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1 << 16);
        if (answers_connector("tiktok")->make(&ask, &arena, &call, &err) != 0)
            fail_msg("%zu: %s", i, err.msg);
        nilo_buf_addf(&b, "%s %s bucket %d cost %d%s\n", call.http.method, call.http.url, call.bucket, call.cost, call.http.loopback ? " loopback" : "");
        put_fields(&b, "query", call.http.query, call.http.n_query);
        put_fields(&b, "header", call.http.headers, call.http.n_headers);
        put_fields(&b, "form", call.http.form, call.http.n_form);
        if (call.http.body != NULL)
            nilo_buf_addf(&b, "%.*s\n", (int)call.http.n_body, (const char *)call.http.body);
        if (strcmp(nilo_buf_str(&b), requests[i].request) != 0)
            fail_msg("%zu:\n%swanted\n%s", i, nilo_buf_str(&b), requests[i].request);
        assert_null(strstr(call.http.url, "CANARY"));
        assert_null(strstr(call.http.purpose, "CANARY"));
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

static void what_cannot_be_asked_is_refused(void **state)
{
    (void)state;
    static const struct nilo_credentials none, no_secret = {.access_token = "a", .refresh_token = "r", .client_id = "c"};
    static const char *const bad[] = {"708021725854573558x"}, *const long_id[] = {"123456789012345678901"}, *const empty[] = {""};
    static const char *const many[21] = {"1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1", "1"};
    static const struct {
        struct nilo_ask ask;
        const struct nilo_credentials *with;
        const char *says;
    } cases[] = {
        {{.op = NILO_OP_ACCOUNT}, &none, "has not signed in"},
        {{.op = NILO_OP_LIST}, &none, "has not signed in"},
        {{.op = NILO_OP_METRICS, .ids = two_ids, .n_ids = 2}, &none, "has not signed in"},
        {{.op = NILO_OP_METRICS, .ids = bad, .n_ids = 1}, &signed_in, "708021725854573558x is no id"},
        {{.op = NILO_OP_METRICS, .ids = long_id, .n_ids = 1}, &signed_in, "is no id"},
        {{.op = NILO_OP_METRICS, .ids = empty, .n_ids = 1}, &signed_in, "is no id"},
        {{.op = NILO_OP_METRICS, .ids = many, .n_ids = 21}, &signed_in, "21 videos"},
        {{.op = NILO_OP_METRICS}, &signed_in, "0 videos"},
        {{.op = NILO_OP_LIST, .cursor = "?"}, &signed_in, "not where"},
        {{.op = NILO_OP_LIST, .cursor = "1,\"x\":2"}, &signed_in, "not where"},
        {{.op = NILO_OP_LIST, .cursor = ""}, &signed_in, "not where"},
        {{.op = NILO_OP_REFRESH}, &none, "client id"},
        {{.op = NILO_OP_REFRESH}, &no_secret, "client secret"},
        {{.op = NILO_OP_EXCHANGE}, &signed_in, "no code"},
        {{.op = NILO_OP_REPORT}, &signed_in, "no report"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_ask ask = cases[i].ask;
        ask.credentials = cases[i].with;
        answers_cannot_ask(answers_connector("tiktok"), &ask, cases[i].says);
    }
}

static void a_refusal_that_repeats_the_token_is_told_without_it(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{\"error\":{\"code\":\"access_token_invalid\",\"message\":\"The token " ACCESS " is invalid\"}}",
        "{\"error\":\"" ACCESS "\",\"error_description\":\"CANARY-rft.0123456789 is revoked\"}",
        "{\"code\":40105,\"message\":\"CANARY-client-secret is wrong\"}",
    };
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        struct nilo_arena arena;
        struct nilo_result r;
        nilo_arena_init(&arena, 0);
        struct nilo_ask ask = {.op = NILO_OP_REFRESH, .credentials = &signed_in, .now = NOW};
        struct nilo_http_answer a = answers_of(200, bodies[i], NOW);
        assert_int_equal(nilo_connector_take(answers_connector("tiktok"), &ask, &a, &arena, &r, NULL), 0);
        assert_null(strstr(r.message, "CANARY"));
        assert_null(strstr(r.reason, "CANARY"));
        assert_true(r.class != NILO_CLASS_OK);
        nilo_arena_done(&arena);
    }
}

static void people_are_sent_to_sign_in_with_tiktoks_names(void **state)
{
    (void)state;
    struct nilo_buf b;
    const struct nilo_ask ask = {.credentials = &signed_in, .redirect = "http://127.0.0.1:7777/back"};
    nilo_buf_init(&b, 4096);
    assert_int_equal(nilo_connector_authorize(answers_connector("tiktok"), &ask, "state-1", "cafe", &b, NULL), 0);
    assert_string_equal(nilo_buf_str(&b),
                        "https://www.tiktok.com/v2/auth/authorize/?client_key=client-key-1&redirect_uri=http%3A%2F%2F127.0.0.1%3A7777%2Fback&response_type=code"
                        "&scope=user.info.basic%2Cuser.info.profile%2Cuser.info.stats%2Cvideo.list&state=state-1&code_challenge=cafe&code_challenge_method=S256");
    nilo_buf_done(&b);
    assert_true(answers_connector("tiktok")->oauth->rotates);
    assert_true(answers_connector("tiktok")->oauth->challenge_hex);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recorded_answers_say_what_a_reader_of_them_sees),
        cmocka_unit_test(what_is_damaged_is_refused_with_a_reason_and_the_rest_is_kept),
        cmocka_unit_test(an_id_that_does_not_read_is_no_deletion),
        cmocka_unit_test(odd_answers_are_taken_for_what_they_are),
        cmocka_unit_test(errors_of_three_shapes_have_the_class_that_decides_what_is_done),
        cmocka_unit_test(how_long_to_wait_is_said_or_is_the_window),
        cmocka_unit_test(who_may_not_see_an_accounts_numbers_asks_for_its_name),
        cmocka_unit_test(requests_are_what_the_api_takes),
        cmocka_unit_test(what_cannot_be_asked_is_refused),
        cmocka_unit_test(a_refusal_that_repeats_the_token_is_told_without_it),
        cmocka_unit_test(people_are_sent_to_sign_in_with_tiktoks_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
