/* Instagram's answers: every recorded one in the shared fixtures, each member of an answer damaged in every way, what is refused and how it is asked for again,
 * and the requests that bring all of it. What the recorded ones should read as was put down by a reader that has nothing to do with the parser (Python's json). */
#include "support/nilo_test.h"

#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect/graph_priv.h"
#include "connect/instagram_priv.h"

#define ACCESS "CANARY-access-IGQVJ"
#define SECRET "CANARY-client-secret"
#define NOW    (INT64_C(1763722800) * NILO_US_SECOND) /* 2025-11-21 11:00 UTC */

static const struct nilo_credentials signed_in = {.access_token = ACCESS, .refresh_token = ACCESS, .client_id = "client-id", .client_secret = SECRET};

enum { IMAGE = 1, VIDEO, ALBUM, REEL, STORY, AD };

static const struct nilo_connector *instagram(void)
{
    const struct nilo_connector *c = nilo_connector_find("instagram");
    assert_non_null(c);
    return c;
}

/* Settings by name. */
static const char *const *settings_of(const char *name, const char *value, const char *name2, const char *value2)
{
    static const char *settings[16];
    size_t i;
    struct nilo_err err = {0};
    memset(settings, 0, sizeof(settings));
    if (name != NULL) {
        assert_int_equal(nilo_connector_check_setting(instagram(), name, value, &i, &err), 0);
        settings[i] = value;
    }
    if (name2 != NULL) {
        assert_int_equal(nilo_connector_check_setting(instagram(), name2, value2, &i, &err), 0);
        settings[i] = value2;
    }
    return settings;
}

static struct nilo_result take(const struct nilo_ask *ask, int status, const char *body, struct nilo_arena *arena)
{
    const struct nilo_http_answer a = answers_of(status, body, NOW);
    return answers_take(instagram(), ask, &a, arena);
}

/* ---- recorded answers ------------------------------------------------------------------------------------------------------------------- */

/* Items as lines: id, views, reach, likes, comments, saves, shares, engagement, profile visits, follows, watch time, retired metrics, when posted, kind, address, owner,
 * caption. Listed ones: without the values. Days: the day, reach, follows, profile visits, impressions. "-" = nothing. WRAPPED: insights by themselves, which come inside
 * of the medium as we ask. */
enum shape { METRICS, WRAPPED, LISTED, STORIES, TOKEN, ACCOUNT, DAYS };
static const struct {
    const char *file;
    enum shape shape;
    const char *of;   /* ids, or the last day */
    const char *next;
    const char *lines;
} recorded[] = {
    {"media_carousel_placeholder", METRICS, "123456789", NULL,
     ("123456789 - - 0 0 - - - - - - 1519296045 carousel_album https://www.instagram.com/permalink 987654321 Great carousel\n")},
    {"media_image_placeholder", METRICS, "123456789", NULL,
     ("123456789 - - 0 1 - - - - - - 1519293629 image https://www.instagram.com/permalink 987654321 a great picture\n")},
    {"media_insights_album_2019", WRAPPED, "1", NULL,
     ("1 - 1180 - - 5 - 138 - - - impressions=1513 video_views=0 - - - - -\n")},
    {"media_insights_feed_airbyte", WRAPPED, "1", NULL,
     ("1 - 8000 150 50 200 25 - 9 53 - video_views=5000 - - - - -\n")},
    {"media_insights_photo", WRAPPED, "1", NULL,
     ("1 - 5 - - 0 - - - - - impressions=8 - - - - -\n")},
    {"media_insights_photo_2019", WRAPPED, "1", NULL,
     ("1 - 948 - - 1 - 65 - - - impressions=1081 - - - - -\n")},
    {"media_list_page1", LISTED, NULL, "after",
     ("17895731045244887 1628843128 image https://www.instagram.com/p/CSgf9BChwVq/ - -\n"
      "17896622936197745 1628841760 image https://www.instagram.com/p/CSgdWACBeKr/ - -\n")},
    {"media_list_page2", LISTED, NULL, NULL,
     ("17896129349106152 1627296320 carousel_album https://www.instagram.com/p/CRyZpmrjYC4/ - ALBUM\n"
      "17893085207160254 1623232049 image https://www.instagram.com/p/CP5Rq0bjBzn/ - Peach new\n")},
    {"media_multi_read_ids", METRICS, "17893085207160254,17896129349106152", NULL,
     ("17893085207160254 - - 1 0 - - - - - - 1623232049 image https://www.instagram.com/p/CP5Rq0bjBzn/ - Peach new\n"
      "17896129349106152 - - 1 0 - - - - - - 1627296320 carousel_album https://www.instagram.com/p/CRyZpmrjYC4/ - ALBUM\n")},
    {"media_single_carousel", METRICS, "17896129349106152", NULL,
     ("17896129349106152 - - 1 0 - - - - - - 1627296320 carousel_album https://www.instagram.com/p/CRyZpmrjYC4/ - ALBUM\n")},
    {"stories_page1", STORIES, NULL, "after",
     ("18168273289049440 - story - - -\n"
      "17876166859931045 - story - - -\n")},
    {"story_single", METRICS, "17876166859931045", NULL,
     ("17876166859931045 - - - - - - - - - - 1602852482 image https://instagram.com/stories/ikroskun/2421224614649404224 17841406338772941 Nice\n")},
    {"synthetic_media_insights_v25_reel", WRAPPED, "1", NULL,
     ("1 2431 2006 108 7 7 1 123 - - - - - - - -\n")},
    {"token_long_lived", TOKEN, NULL, NULL,
     ("REDACTED 5184000\n")},
    {"user_fields", ACCOUNT, NULL, NULL,
     ("17841407673135339 facebookfordevelopers 64363 427 Facebook for Developers\n")},
    {"user_insights_day_2019", DAYS, "2019-12-28", NULL,
     ("2019-12-19 - 5 - 1295\n"
      "2019-12-20 - 12 - 324\n"
      "2019-12-21 - 9 - 150\n"
      "2019-12-22 - 4 - 739\n"
      "2019-12-23 - 10 - 3983\n"
      "2019-12-24 - 7 - 1498\n"
      "2019-12-25 - 5 - 261\n"
      "2019-12-26 - 7 - 1684\n"
      "2019-12-27 - 8 - 1006\n"
      "2019-12-28 - 2 - 961\n")},
    {"user_insights_day_with_end_time", DAYS, "2017-05-04", NULL,
     ("2017-05-03 3 - 0 4\n"
      "2017-05-04 36 - 2 66\n")},
    {"user_insights_days28_2019", DAYS, "2019-12-28", NULL,
     ("")},
};

static const char *const columns[] = {"views", "reach", "likes", "comments", "saves", "shares", "engagement", "profile_visits", "follows", "watch_time_ms"};
static const char *const retired[] = {"impressions", "plays", "video_views"};
static const char *const day_columns[] = {"reach", "follows", "profile_visits", "impressions"};

static void put_text(struct nilo_buf *b, const char *text, char end)
{
    nilo_buf_addf(b, "%s%c", text != NULL && text[0] != '\0' ? text : "-", end);
}

static void put_attrs(struct nilo_buf *b, const struct nilo_item *item)
{
    if (item->posted_at != NILO_US_NONE)
        nilo_buf_addf(b, "%lld ", (long long)(item->posted_at / NILO_US_SECOND));
    else
        nilo_buf_adds(b, "- ");
    put_text(b, item->media_type, ' ');
    put_text(b, item->url, ' ');
    put_text(b, item->account != NULL && strcmp(item->account, "17841400000000001") == 0 ? NULL : item->account, ' '); /* as it was asked for */
    put_text(b, item->caption, '\n');
}

static void put_item(struct nilo_buf *b, const struct nilo_item *item, enum shape shape)
{
    char day[NILO_DAY_TEXT];
    if (shape == DAYS) {
        nilo_day_format(item->day, day);
        nilo_buf_addf(b, "%s ", day);
        for (size_t i = 0; i < 4; i++)
            answers_put_value(b, item, day_columns[i], false);
        b->len--;
        nilo_buf_addc(b, '\n');
        return;
    }
    nilo_buf_addf(b, "%s ", item->id);
    if (shape == METRICS || shape == WRAPPED) {
        for (size_t i = 0; i < 10; i++)
            answers_put_value(b, item, columns[i], false);
        for (size_t i = 0; i < 3; i++) {
            const struct nilo_item_value *v = answers_value_of(item, retired[i]);
            if (v != NULL)
                nilo_buf_addf(b, "%s=%lld ", retired[i], (long long)v->value);
        }
    }
    put_attrs(b, item);
}

static void put_result(struct nilo_buf *b, const struct nilo_result *r, enum shape shape)
{
    for (size_t i = 0; i < r->n_items; i++)
        put_item(b, &r->items[i], shape);
    for (size_t i = 0; i < r->n_accounts; i++)
        nilo_buf_addf(b, "%s %s %lld %lld %s\n", r->accounts[i].id, r->accounts[i].handle, (long long)r->accounts[i].followers, (long long)r->accounts[i].items,
                      r->accounts[i].title);
    if (shape == TOKEN)
        nilo_buf_addf(b, "%s %lld\n", r->tokens.access_token, (long long)r->tokens.expires_s);
}

static void check_recorded(size_t i)
{
    char *body = answers_read("instagram", recorded[i].file), ids[1000];
    const char *split_ids[50];
    struct nilo_ask ask = {.credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .account = recorded[i].shape == ACCOUNT ? "17841407673135339" : "17841400000000001"};
    struct nilo_buf b;
    struct nilo_arena arena;
    enum shape shape = recorded[i].shape;
    nilo_arena_init(&arena, 0);
    nilo_buf_init(&b, 1 << 20);
    ask.op = shape == METRICS || shape == WRAPPED ? NILO_OP_METRICS : shape == TOKEN ? NILO_OP_REFRESH : shape == ACCOUNT ? NILO_OP_ACCOUNT : shape == DAYS ? NILO_OP_REPORT : NILO_OP_LIST;
    ask.listing = shape == STORIES ? "stories" : "media";
    if (ask.op == NILO_OP_METRICS) {
        snprintf(ids, sizeof(ids), "%s", recorded[i].of);
        ask.n_ids = answers_split(ids, split_ids);
        ask.ids = split_ids;
        ask.kind = shape == WRAPPED ? IMAGE : 0;
        ask.settings = settings_of("batch", "no", NULL, NULL);
    } else if (shape == DAYS) {
        assert_int_equal(nilo_day_parse(recorded[i].of, 10, &ask.day, NULL), 0);
        ask.win = 30;
    }
    char *whole = shape == WRAPPED ? nilo_arena_printf(&arena, "{\"id\":\"1\",\"insights\":%s}", body) : body;
    struct nilo_result r = take(&ask, 200, whole, &arena);
    if (r.class != NILO_CLASS_OK)
        fail_msg("%s: %s %s", recorded[i].file, nilo_class_word(r.class), r.message);
    put_result(&b, &r, shape);
    if (strcmp(nilo_buf_str(&b), recorded[i].lines) != 0)
        fail_msg("%s:\n%s\nnot\n%s", recorded[i].file, nilo_buf_str(&b), recorded[i].lines);
    if ((r.next == NULL) != (recorded[i].next == NULL) || (r.next != NULL && strcmp(r.next, recorded[i].next) != 0))
        fail_msg("%s: next is %s", recorded[i].file, r.next != NULL ? r.next : "NULL");
    nilo_buf_done(&b);
    nilo_arena_done(&arena);
    free(body);
}

static void test_recorded_answers_read_as_they_should(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(recorded) / sizeof(recorded[0]); i++)
        check_recorded(i);
}

/* ---- damage ------------------------------------------------------------------------------------------------------------------------------- */

#define VIEWS  "{\"name\":\"views\",\"period\":\"lifetime\",\"values\":[{\"value\":100}]}"
#define REACH  "{\"name\":\"reach\",\"period\":\"lifetime\",\"values\":[{\"value\":90}]}"
#define BEGIN  "{\"id\":\"1\",\"media_type\":\"IMAGE\",\"media_product_type\":\"FEED\","
#define POSTED "\"timestamp\":\"2025-11-10T10:00:00+0000\","
#define LIKES  "\"like_count\":5,\"comments_count\":6,"
#define BOTH   "\"insights\":{\"data\":[" VIEWS "," REACH "]}}"

/* What stays is as before: views 100, reach 90, likes 5, comments 6; saves to follows nobody has told of. */
#define REST "not_reported not_reported not_reported not_reported not_reported unsupported "
static const struct {
    const char *body, *values;
    bool posted, fine;
} damaged[] = {
    {BEGIN POSTED LIKES BOTH, "100 90 5 6 " REST, true, true},
    /* missing */
    {BEGIN LIKES BOTH, "100 90 5 6 " REST, false, true},
    {BEGIN POSTED "\"comments_count\":6," BOTH, "100 90 hidden 6 " REST, true, true},
    {BEGIN POSTED "\"like_count\":5," BOTH, "100 90 5 not_reported " REST, true, true},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[" REACH "]}}", "not_reported 90 5 6 " REST, true, true},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[]}}", "not_reported not_reported 5 6 " REST, true, true},
    {BEGIN POSTED LIKES "\"insights\":{}}", "not_reported not_reported 5 6 " REST, true, true},
    {BEGIN POSTED LIKES "\"x\":1}", "not_reported not_reported 5 6 " REST, true, true},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[{\"name\":\"views\",\"values\":[]}," REACH "]}}", "not_reported 90 5 6 " REST, true, true},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[{\"name\":\"views\",\"values\":[{}]}," REACH "]}}", "not_reported 90 5 6 " REST, true, true},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[{\"values\":[{\"value\":7}]}," REACH "]}}", "not_reported 90 5 6 " REST, true, true},
    {"{\"id\":\"1\",\"media_type\":\"IMAGE\",\"timestamp\":\"2025-11-21T10:00:00+0000\"," LIKES "\"insights\":{\"data\":[]}}",
     "not_yet not_yet 5 6 not_yet not_yet not_yet not_yet not_yet unsupported ", true, true},
    /* null */
    {BEGIN "\"timestamp\":null," LIKES BOTH, "100 90 5 6 " REST, false, true},
    {BEGIN POSTED "\"like_count\":null,\"comments_count\":null," BOTH, "100 90 hidden not_reported " REST, true, true},
    {BEGIN POSTED LIKES "\"insights\":null}", "not_reported not_reported 5 6 " REST, true, true},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[{\"name\":\"views\",\"values\":[{\"value\":null}]}," REACH "]}}", "not_reported 90 5 6 " REST, true, true},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[null," VIEWS "," REACH "]}}", "100 90 5 6 " REST, true, true},
    /* a number as text is a number; a text is none; an id as number is an id */
    {BEGIN POSTED "\"like_count\":\"5\",\"comments_count\":\"6\"," BOTH, "100 90 5 6 " REST, true, true},
    {BEGIN POSTED "\"like_count\":\"many\",\"comments_count\":\"\"," BOTH, "100 90 failed failed " REST, true, false},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[{\"name\":\"views\",\"values\":[{\"value\":\"1e2x\"}]}," REACH "]}}", "failed 90 5 6 " REST, true, false},
    {BEGIN "\"timestamp\":1762768800," LIKES BOTH, "100 90 5 6 " REST, false, false},
    {BEGIN "\"timestamp\":\"yesterday\"," LIKES BOTH, "100 90 5 6 " REST, false, false},
    {"{\"id\":1,\"media_type\":\"IMAGE\"," POSTED LIKES BOTH, "100 90 5 6 " REST, true, true},
    {"{\"id\":\"1\",\"media_type\":7,\"caption\":8,\"permalink\":false," POSTED LIKES BOTH, "100 90 5 6 " REST, true, true},
    /* huge, negative, in part, of another type */
    {BEGIN POSTED "\"like_count\":9223372036854775807,\"comments_count\":9223372036854775808," BOTH, "100 90 9223372036854775807 failed " REST, true, false},
    {BEGIN POSTED "\"like_count\":1e40,\"comments_count\":6," BOTH, "100 90 failed 6 " REST, true, false},
    {BEGIN POSTED "\"like_count\":-5,\"comments_count\":-0.5," BOTH, "100 90 failed failed " REST, true, false},
    {BEGIN POSTED "\"like_count\":5.5,\"comments_count\":true," BOTH, "100 90 failed failed " REST, true, false},
    {BEGIN POSTED "\"like_count\":{\"n\":5},\"comments_count\":[6]," BOTH, "100 90 failed failed " REST, true, false},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[{\"name\":\"views\",\"values\":[{\"value\":-1}]},{\"name\":\"reach\",\"values\":[{\"value\":99999999999999999999}]}]}}",
     "failed failed 5 6 " REST, true, false},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[{\"name\":\"views\",\"values\":[{\"value\":{\"a\":1}}]},{\"name\":\"reach\",\"values\":[{\"value\":false}]}]}}",
     "failed failed 5 6 " REST, true, false},
    /* from the future; a few minutes are our clock's */
    {BEGIN "\"timestamp\":\"2025-11-22T10:00:00+0000\"," LIKES BOTH, "100 90 5 6 " REST, false, false},
    {BEGIN "\"timestamp\":\"9999-12-31T23:59:59+0000\"," LIKES BOTH, "100 90 5 6 " REST, false, false},
    {BEGIN "\"timestamp\":\"2025-11-21T11:04:00+0000\"," LIKES BOTH, "100 90 5 6 not_yet not_yet not_yet not_yet not_yet unsupported ", true, true},
    /* the total where there are no values; another period is another thing; twice: the first */
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[{\"name\":\"views\",\"total_value\":{\"value\":100}}," REACH "]}}", "100 90 5 6 " REST, true, true},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[{\"name\":\"views\",\"period\":\"day\",\"values\":[{\"value\":3}]}," REACH "]}}", "not_reported 90 5 6 " REST, true, true},
    {BEGIN POSTED LIKES "\"insights\":{\"data\":[" VIEWS ",{\"name\":\"views\",\"values\":[{\"value\":3}]}," REACH "]}}", "100 90 5 6 " REST, true, true},
};

static void test_damage_costs_the_one_value_and_nothing_else(void **state)
{
    static const char *const ids[] = {"1"};
    const struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .kind = IMAGE, .ids = ids, .n_ids = 1};
    (void)state;
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        struct nilo_arena arena;
        struct nilo_buf b;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1 << 16);
        struct nilo_result r = take(&ask, 200, damaged[i].body, &arena);
        assert_int_equal(r.class, NILO_CLASS_OK);
        assert_int_equal(r.n_items, 1);
        for (size_t k = 0; k < 10; k++)
            answers_put_value(&b, &r.items[0], columns[k], true);
        bool fine = r.items[0].class == NILO_CLASS_OK;
        if (strcmp(nilo_buf_str(&b), damaged[i].values) != 0 || (r.items[0].posted_at != NILO_US_NONE) != damaged[i].posted || fine != damaged[i].fine)
            fail_msg("%s\n%s, posted %d, %s %s", damaged[i].body, nilo_buf_str(&b), r.items[0].posted_at != NILO_US_NONE, nilo_class_word(r.items[0].class),
                     r.items[0].reason != NULL ? r.items[0].reason : "");
        if (!fine)
            assert_true(strlen(r.items[0].reason) > 10);
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

/* What is no answer to the question at all says nothing of anything: nobody is deleted by it. */
static void test_what_is_no_answer_deletes_nothing(void **state)
{
    static const char *const bodies[] = {"", "{}", "[]", "null", "1", "{\"id\":\"2\"}", "{\"data\":{}}", "{\"1\":7}", "{\"id\":\"1\"", "<html>", "[null]", "[1]",
                                         "{\"data\":\"x\"}"};
    static const char *const one[] = {"1"}, *const two[] = {"1", "2"};
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        for (int op = NILO_OP_ACCOUNT; op <= NILO_OP_REPORT; op++) {
            for (int n = 1; n <= (op == NILO_OP_METRICS ? 2 : 1); n++) {
                struct nilo_arena arena;
                const struct nilo_ask ask = {.op = (enum nilo_op)op, .credentials = &signed_in, .now = NOW, .day = NILO_DAY(20000), .account = "1", .kind = IMAGE,
                                             .ids = n == 1 ? one : two, .n_ids = op == NILO_OP_METRICS ? (size_t)n : 0, .win = 30};
                nilo_arena_init(&arena, 0);
                struct nilo_result r = take(&ask, 200, bodies[i], &arena);
                bool list = op == NILO_OP_ACCOUNTS || op == NILO_OP_LIST || op == NILO_OP_REPORT;
                if (op != NILO_OP_METRICS && r.class != NILO_CLASS_INVALID)
                    fail_msg("%s is %s of %s (list %d)", bodies[i], nilo_class_word(r.class), nilo_op_word((enum nilo_op)op), list);
                for (size_t k = 0; k < r.n_items; k++) {
                    if (r.items[k].class == NILO_CLASS_GONE || r.items[k].class == NILO_CLASS_OK)
                        fail_msg("%s: %s is %s", bodies[i], r.items[k].id, nilo_class_word(r.items[k].class));
                }
                nilo_arena_done(&arena);
            }
        }
    }
}

/* ---- one item's errors, and all of them's ------------------------------------------------------------------------------------------------- */

#define ERROR(code, message) "{\"error\":{\"message\":\"" message "\",\"type\":\"OAuthException\",\"code\":" code "}}"
#define PART(status, body)   "{\"code\":" status ",\"headers\":[],\"body\":" body "}"
#define OK_1 "\"{\\\"id\\\":\\\"1\\\",\\\"like_count\\\":5}\""
#define OK_2 "\"{\\\"id\\\":\\\"2\\\",\\\"like_count\\\":6}\""
#define ERR(code, more, message) "\"{\\\"error\\\":{\\\"message\\\":\\\"" message "\\\",\\\"code\\\":" code more "}}\""
#define SUB(n) ",\\\"error_subcode\\\":" n

static const struct {
    const char *body;
    enum nilo_class class;
    bool again;
    unsigned variant, doubt;
    enum nilo_class first, second;
    bool unsure_1, unsure_2;
} batches[] = {
    {"[" PART("200", OK_1) "," PART("200", OK_2) "]", NILO_CLASS_OK, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_OK, false, false},
    {"[" PART("200", OK_1) ",null]", NILO_CLASS_OK, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_TRANSIENT, false, true},
    {"[" PART("200", OK_1) "]", NILO_CLASS_OK, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_TRANSIENT, false, true},
    {"[" PART("200", OK_1) "," PART("400", ERR("100", SUB("33"), "Object with ID '2' does not exist")) "]", NILO_CLASS_OK, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_GONE, false, false},
    {"[" PART("200", OK_1) "," PART("400", ERR("100", SUB("2108006"), "Invalid parameter")) "]", NILO_CLASS_OK, false, 0, NILO__GRAPH_NO_INSIGHTS, NILO_CLASS_OK, NILO_CLASS_INVALID, false, true},
    {"[" PART("400", ERR("10", "", "(#10) Not enough viewers for the media to show insights")) "," PART("200", OK_2) "]", NILO_CLASS_OK, false, 0, NILO__GRAPH_NO_INSIGHTS,
     NILO_CLASS_INVALID, NILO_CLASS_OK, true, false},
    {"[" PART("200", OK_1) "," PART("400", ERR("100", "", "(#100) does not support the saved metric for this")) "]", NILO_CLASS_OK, false, 0, 16, NILO_CLASS_OK, NILO_CLASS_INVALID, false, true},
    {"[" PART("400", ERR("100", "", "(#100) does not support the views metric")) "," PART("400", ERR("100", "", "(#100) does not support the saved metric")) "]", NILO_CLASS_OK, true, 17, 17,
     NILO_CLASS_INVALID, NILO_CLASS_INVALID, true, true},
    {"[" PART("200", OK_1) "," PART("400", ERR("190", SUB("463"), "expired")) "]", NILO_CLASS_AUTH, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_OK, false, false},
    {"[" PART("200", OK_1) "," PART("400", ERR("80002", "", "too many")) "]", NILO_CLASS_RATE_LIMITED, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_OK, false, false},
    {"[" PART("200", OK_1) "," PART("500", ERR("2", "", "later")) "]", NILO_CLASS_OK, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_TRANSIENT, false, true},
    {"[" PART("200", OK_1) "," PART("502", "\"<html>\"") "]", NILO_CLASS_OK, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_TRANSIENT, false, true},
    {"[" PART("200", OK_1) "," PART("200", OK_1) "]", NILO_CLASS_OK, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_INVALID, false, false},
};

static void test_each_of_a_batch_has_its_own_outcome(void **state)
{
    static const char *const ids[] = {"1", "2"};
    const struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .kind = IMAGE, .ids = ids, .n_ids = 2};
    (void)state;
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
        struct nilo_arena arena;
        nilo_arena_init(&arena, 0);
        struct nilo_result r = take(&ask, 200, batches[i].body, &arena);
        if (r.class != batches[i].class || r.again != batches[i].again || r.variant != batches[i].variant)
            fail_msg("%s: %s, again %d, variant %x", batches[i].body, nilo_class_word(r.class), r.again, r.variant);
        if (r.class == NILO_CLASS_OK &&
            (r.items[0].class != batches[i].first || r.items[1].class != batches[i].second || r.items[0].unsure != batches[i].unsure_1 || r.items[1].unsure != batches[i].unsure_2 ||
             (!r.again && (batches[i].unsure_1 || batches[i].unsure_2) && r.doubt_variant != batches[i].doubt)))
            fail_msg("%s: %s %d, %s %d, doubt %x", batches[i].body, nilo_class_word(r.items[0].class), r.items[0].unsure, nilo_class_word(r.items[1].class), r.items[1].unsure,
                     r.doubt_variant);
        nilo_arena_done(&arena);
    }
}

static void test_one_medium_alone_that_is_refused(void **state)
{
    static const struct {
        int status;
        const char *body;
        enum nilo_class class, item;
        bool again, unsure;
        unsigned variant;
    } rows[] = {
        {400, ERROR("100", "(#100) The metric shares is not supported for this media type"), NILO_CLASS_OK, NILO_CLASS_INVALID, true, true, 32},
        {400, ERROR("100", "(#100) metric[0] must be one of the following values: reach, likes, comments, saved, shares, total_interactions, profile_visits, follows"), NILO_CLASS_OK,
         NILO_CLASS_INVALID, true, true, 1},
        {400, "{\"error\":{\"message\":\"gone\",\"code\":100,\"error_subcode\":33}}", NILO_CLASS_OK, NILO_CLASS_GONE, false, false, 0},
        {400, "{\"error\":{\"message\":\"Invalid parameter\",\"code\":100,\"error_subcode\":2108006}}", NILO_CLASS_OK, NILO_CLASS_INVALID, false, true, 0},
        {400, ERROR("10", "(#10) Application does not have permission for this action"), NILO_CLASS_PERMISSION, NILO_CLASS_OK, false, false, 0},
        {400, ERROR("190", "expired"), NILO_CLASS_AUTH, NILO_CLASS_OK, false, false, 0},
        {500, ERROR("1", "An unknown error has occurred."), NILO_CLASS_TRANSIENT, NILO_CLASS_OK, false, false, 0},
    };
    static const char *const ids[] = {"1"};
    const struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .kind = IMAGE, .ids = ids, .n_ids = 1};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nilo_arena arena;
        nilo_arena_init(&arena, 0);
        struct nilo_result r = take(&ask, rows[i].status, rows[i].body, &arena);
        if (r.class != rows[i].class || r.again != rows[i].again || r.variant != rows[i].variant)
            fail_msg("%s: %s, again %d, variant %x", rows[i].body, nilo_class_word(r.class), r.again, r.variant);
        if (r.class == NILO_CLASS_OK && (r.items[0].class != rows[i].item || r.items[0].unsure != rows[i].unsure))
            fail_msg("%s: item %s, unsure %d", rows[i].body, nilo_class_word(r.items[0].class), r.items[0].unsure);
        nilo_arena_done(&arena);
    }
}

/* Of several by their ids one that is gone fails all: they are not gone, halves of them are asked for. */
static void test_one_of_several_ids_that_is_gone_takes_no_other_along(void **state)
{
    static const char *const ids[] = {"1", "2"};
    const struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .kind = IMAGE, .ids = ids, .n_ids = 2,
                                 .settings = settings_of("login", "instagram", NULL, NULL)};
    struct nilo_arena arena;
    (void)state;
    nilo_arena_init(&arena, 0);
    struct nilo_result r = take(&ask, 400, "{\"error\":{\"message\":\"Object with ID '2' does not exist\",\"code\":100,\"error_subcode\":33}}", &arena);
    assert_int_equal(r.class, NILO_CLASS_INVALID);
    r = take(&ask, 200, "{\"1\":{\"id\":\"1\",\"like_count\":5}}", &arena);
    assert_int_equal(r.class, NILO_CLASS_OK);
    assert_int_equal(r.items[0].class, NILO_CLASS_OK);
    assert_int_equal(r.items[1].class, NILO_CLASS_GONE);
    nilo_arena_done(&arena);
}

/* What is left out has that as its reason: for good, or because too few have seen a story so far. */
static void test_what_is_not_asked_for_says_why(void **state)
{
    static const struct {
        int kind;
        unsigned variant;
        const char *product, *values;
    } rows[] = {
        {IMAGE, 32, "FEED", "not_reported not_reported 5 hidden not_reported unsupported not_reported not_reported not_reported unsupported "},
        {IMAGE, NILO__GRAPH_NO_INSIGHTS, "FEED", "unsupported unsupported 5 hidden unsupported unsupported unsupported unsupported unsupported unsupported "},
        {REEL, 0, "REELS", "not_reported not_reported 5 hidden not_reported not_reported not_reported unsupported unsupported not_reported "},
        {STORY, NILO__GRAPH_NO_INSIGHTS, "STORY", "not_yet not_yet 5 unsupported unsupported not_yet not_yet not_yet not_yet unsupported "},
        {AD, 0, "AD", "unsupported unsupported 5 hidden unsupported unsupported unsupported unsupported unsupported unsupported "},
    };
    static const char *const ids[] = {"1"};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .kind = rows[i].kind, .variant = rows[i].variant, .ids = ids,
                                     .n_ids = 1};
        struct nilo_arena arena;
        struct nilo_buf b;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1 << 16);
        char *body = nilo_arena_printf(&arena, "{\"id\":\"1\",\"media_type\":\"IMAGE\",\"media_product_type\":\"%s\",\"like_count\":5}", rows[i].product);
        struct nilo_result r = take(&ask, 200, body, &arena);
        for (size_t k = 0; k < 10; k++)
            answers_put_value(&b, &r.items[0], columns[k], true);
        char *want = nilo_arena_strdup(&arena, rows[i].values), *at = strstr(want, "5 hidden");
        if (at != NULL) { /* comments that nobody closed are not hidden */
            *at = '\0';
            want = nilo_arena_printf(&arena, "%s5 not_reported%s", want, at + 8);
        }
        if (strcmp(nilo_buf_str(&b), want) != 0)
            fail_msg("%zu: %s\nnot %s", i, nilo_buf_str(&b), want);
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

/* ---- the search for a name that is refused ---------------------------------------------------------------------------------------------------- */

static int search(uint32_t bad, size_t n, bool named, unsigned *variant)
{
    int calls = 0;
    *variant = 0;
    while (calls < 100) {
        uint32_t asked = nilo__graph_asked(*variant, n);
        unsigned next;
        calls++;
        if ((asked & bad) != 0) {
            if (!nilo__graph_after_refusal(*variant, n, named ? asked & bad & -(asked & bad) : 0, &next))
                return -calls;
        } else if ((next = nilo__graph_after_answer(*variant, n)) == *variant) {
            return calls;
        }
        assert_int_not_equal(next, *variant);
        *variant = next;
    }
    return 1000;
}

static void test_a_name_that_is_refused_is_found(void **state)
{
    (void)state;
    for (uint32_t bad = 0; bad < 511; bad++) { /* not all of them */
        unsigned variant;
        int calls = search(bad, 9, true, &variant);
        assert_int_equal(variant & 0xffff, bad);
        assert_int_equal(calls, 1 + __builtin_popcount(bad)); /* one call for each that is named */
        calls = search(bad, 9, false, &variant);
        if ((variant & 0xffff) != bad || nilo__graph_asked(variant, 9) != (511u & ~bad) || calls < 0 || calls > 2 + 7 * __builtin_popcount(bad))
            fail_msg("bad %x: found %x in %d calls", bad, variant, calls);
    }
    unsigned variant;
    assert_true(search(511, 9, false, &variant) < 0); /* all are refused: then it is about something else */
    assert_true(search(511, 9, true, &variant) < 0);
}

static void test_a_server_that_refuses_without_reason_is_not_asked_for_ever(void **state)
{
    unsigned variant = 0, next;
    int refusals = 0;
    (void)state;
    /* all at once is refused, any half of it is fine */
    while (nilo__graph_after_refusal(variant, 9, 0, &next) && refusals < 100) {
        refusals++;
        variant = next;
        for (int i = 0; i < 20 && nilo__graph_asked(variant, 9) != 511; i++)
            variant = nilo__graph_after_answer(variant, 9);
    }
    assert_in_range(refusals, 1, 30);
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------------------ */

#define FB "https://graph.facebook.com/v25.0"
#define IG "https://graph.instagram.com/v25.0"
#define SIGNED "appsecret_proof=*** Authorization: Bearer ***"
#define FIELDS "id,media_type,media_product_type,timestamp,permalink,caption,thumbnail_url,media_url,like_count,comments_count"
#define FEED ",insights.metric(views,reach,likes,comments,saved,shares,total_interactions,profile_visits,follows)"
static const char *const one_id[] = {"11"}, *const two_ids[] = {"11", "22"};

static const struct {
    struct nilo_ask ask;
    bool instagram;
    const char *request; /* NULL: it is refused */
} requests[] = {
    {{.op = NILO_OP_ACCOUNT}, false, "GET " FB "/me/accounts?fields=instagram_business_account{id,username,name,profile_picture_url,followers_count,media_count}&limit=100&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_ACCOUNT}, true, "GET " IG "/me?fields=id,user_id,username,name,profile_picture_url,followers_count,media_count Authorization: Bearer *** [0 1 1]"},
    {{.op = NILO_OP_ACCOUNT, .account = "17"}, false, "GET " FB "/17?fields=id,username,name,profile_picture_url,followers_count,media_count&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_ACCOUNT, .account = "../me"}, false, NULL},
    {{.op = NILO_OP_ACCOUNTS, .cursor = "QVF="}, false,
     "GET " FB "/me/accounts?fields=instagram_business_account{id,username,name,profile_picture_url,followers_count,media_count}&limit=100&after=QVF=&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_LIST, .account = "17", .listing = "media"}, false,
     "GET " FB "/17/media?fields=id,caption,media_type,media_product_type,permalink,timestamp,thumbnail_url,media_url,children{id,media_type}&limit=100&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_LIST, .account = "17", .listing = "stories", .cursor = "a"}, true,
     "GET " IG "/17/stories?fields=id,caption,media_type,media_product_type,permalink,timestamp,thumbnail_url,media_url&limit=100&after=a Authorization: Bearer *** [0 1 1]"},
    {{.op = NILO_OP_LIST, .account = "17", .cursor = "https://graph.facebook.com/17/media?access_token=x"}, false, NULL},
    {{.op = NILO_OP_LIST}, false, NULL},
    {{.op = NILO_OP_METRICS, .ids = one_id, .n_ids = 1, .kind = IMAGE}, false, "GET " FB "/11?fields=" FIELDS FEED "&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_METRICS, .ids = one_id, .n_ids = 1, .kind = 0}, false, "GET " FB "/11?fields=" FIELDS "&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_METRICS, .ids = one_id, .n_ids = 1, .kind = AD}, false, "GET " FB "/11?fields=" FIELDS "&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_METRICS, .ids = one_id, .n_ids = 1, .kind = IMAGE, .variant = 0x1fc}, false, "GET " FB "/11?fields=" FIELDS ",insights.metric(views,reach)&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_METRICS, .ids = one_id, .n_ids = 1, .kind = IMAGE, .variant = NILO__GRAPH_NO_INSIGHTS}, false, "GET " FB "/11?fields=" FIELDS "&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_METRICS, .ids = two_ids, .n_ids = 2, .kind = STORY}, true,
     "GET " IG "/?ids=11,22&fields=" FIELDS ",insights.metric(views,reach,shares,total_interactions,profile_visits,follows) Authorization: Bearer *** [0 1 2]"},
    {{.op = NILO_OP_METRICS, .ids = two_ids, .n_ids = 2, .kind = REEL}, false,
     "POST " FB "/?" SIGNED " batch=[{\"method\":\"GET\",\"relative_url\":\"11?fields=" FIELDS
     ",insights.metric(views,reach,likes,comments,saved,shares,total_interactions,ig_reels_video_view_total_time)\"},{\"method\":\"GET\",\"relative_url\":\"22?fields=" FIELDS
     ",insights.metric(views,reach,likes,comments,saved,shares,total_interactions,ig_reels_video_view_total_time)\"}] [0 1 2]"},
    {{.op = NILO_OP_REPORT, .account = "17", .win = 30, .day = {20412}}, false,
     "GET " FB "/17/insights?metric=reach,follower_count&period=day&since=1761134400&until=1763726400&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_REPORT, .account = "17", .win = 1, .day = {20412}, .variant = 2}, true,
     "GET " IG "/17/insights?metric=reach&period=day&since=1763640000&until=1763726400 Authorization: Bearer *** [0 1 1]"},
    {{.op = NILO_OP_REPORT, .account = "17", .win = 31, .day = {20412}}, false, NULL},
    {{.op = NILO_OP_EXCHANGE, .code = "c", .redirect = "http://127.0.0.1:1/"}, false,
     "GET " FB "/oauth/access_token?client_id=client-id&redirect_uri=http://127.0.0.1:1/&client_secret=***&code=*** [-1 -1 0]"},
    {{.op = NILO_OP_EXCHANGE, .variant = 1}, false, "GET " FB "/oauth/access_token?grant_type=fb_exchange_token&client_id=client-id&client_secret=***&fb_exchange_token=*** [-1 -1 0]"},
    {{.op = NILO_OP_EXCHANGE, .code = "c", .redirect = "https://h/"}, true,
     "POST https://api.instagram.com/oauth/access_token client_id=client-id client_secret=*** grant_type=authorization_code redirect_uri=https://h/ code=*** [-1 -1 0]"},
    {{.op = NILO_OP_EXCHANGE, .variant = 1}, true, "GET https://graph.instagram.com/access_token?grant_type=ig_exchange_token&client_secret=***&access_token=*** [-1 -1 0]"},
    {{.op = NILO_OP_REFRESH}, false, "GET " FB "/oauth/access_token?grant_type=fb_exchange_token&client_id=client-id&client_secret=***&fb_exchange_token=*** [-1 -1 0]"},
    {{.op = NILO_OP_REFRESH}, true, "GET https://graph.instagram.com/refresh_access_token?grant_type=ig_refresh_token&access_token=*** [-1 -1 0]"},
};

static void test_requests_are_what_the_platform_documents(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct nilo_ask ask = requests[i].ask;
        struct nilo_arena arena;
        struct nilo_call call;
        struct nilo_err err = {0};
        struct nilo_buf b;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1 << 16);
        ask.credentials = &signed_in;
        ask.now = NOW;
        ask.settings = requests[i].instagram ? settings_of("login", "instagram", NULL, NULL) : NULL;
        int rc = instagram()->make(&ask, &arena, &call, &err);
        if (rc == 0)
            answers_put_request(&b, &call);
        if ((rc != 0) != (requests[i].request == NULL) || (rc == 0 && strcmp(nilo_buf_str(&b), requests[i].request) != 0))
            fail_msg("%zu: %s%s\nnot %s", i, nilo_buf_str(&b), err.msg, requests[i].request != NULL ? requests[i].request : "refused");
        if (rc == 0)
            assert_null(strstr(call.http.url, "CANARY"));
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

static void test_people_are_sent_to_where_they_sign_in(void **state)
{
    static const struct {
        bool instagram;
        const char *url;
    } rows[] = {
        {false, "https://www.facebook.com/v25.0/dialog/oauth?client_id=client-id&redirect_uri=https%3A%2F%2Fh%2F&response_type=code&scope=instagram_basic%2Cinstagram_manage_insights%2C"
                "pages_show_list%2Cpages_read_engagement&state=st"},
        {true, "https://www.instagram.com/oauth/authorize?client_id=client-id&redirect_uri=https%3A%2F%2Fh%2F&response_type=code&scope=instagram_business_basic%2C"
               "instagram_business_manage_insights&state=st"},
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct nilo_ask ask = {.credentials = &signed_in, .redirect = "https://h/", .settings = rows[i].instagram ? settings_of("login", "instagram", NULL, NULL) : NULL};
        struct nilo_buf b;
        nilo_buf_init(&b, 8192);
        assert_int_equal(nilo_connector_authorize(instagram(), &ask, "st", "challenge", &b, NULL), 0);
        assert_string_equal(nilo_buf_str(&b), rows[i].url);
        nilo_buf_done(&b);
    }
}

/* A token of an hour is only a step; one of 60 days is its own refresh token and ends with it. */
static void test_tokens(void **state)
{
    struct nilo_arena arena;
    struct nilo_ask ask = {.op = NILO_OP_EXCHANGE, .credentials = &signed_in, .settings = settings_of("login", "instagram", NULL, NULL)};
    (void)state;
    nilo_arena_init(&arena, 0);
    struct nilo_result r = take(&ask, 200, "{\"data\":[{\"access_token\":\"brief\",\"user_id\":\"17\",\"permissions\":\"a,b\"}]}", &arena);
    assert_true(r.class == NILO_CLASS_OK && r.again && r.variant == 1);
    assert_string_equal(r.tokens.access_token, "brief");
    r = take(&ask, 200, "{\"access_token\":\"brief\",\"user_id\":17841400000000001}", &arena);
    assert_true(r.again);
    ask.variant = 1;
    r = take(&ask, 200, "{\"access_token\":\"long\",\"token_type\":\"bearer\",\"expires_in\":5183944}", &arena);
    assert_true(r.class == NILO_CLASS_OK && !r.again);
    assert_string_equal(r.tokens.access_token, "long");
    assert_string_equal(r.tokens.refresh_token, "long");
    assert_int_equal(r.tokens.expires_s, 5183944);
    assert_int_equal(r.tokens.refresh_expires_s, 5183944);
    r = take(&ask, 400, "{\"error_type\":\"OAuthException\",\"code\":400,\"error_message\":\"Matching code was not found or was already used\"}", &arena);
    assert_int_equal(r.class, NILO_CLASS_AUTH);
    r = take(&ask, 200, "{\"token_type\":\"bearer\"}", &arena);
    assert_int_equal(r.class, NILO_CLASS_INVALID);
    nilo_arena_done(&arena);
}

/* Pages without an account behind them are none to choose; the choice is of numbers. */
static void test_accounts_to_choose_from(void **state)
{
    struct nilo_arena arena;
    const struct nilo_ask ask = {.op = NILO_OP_ACCOUNTS, .credentials = &signed_in};
    (void)state;
    nilo_arena_init(&arena, 0);
    struct nilo_result r = take(&ask, 200,
                                "{\"data\":[{\"id\":\"9\"},{\"instagram_business_account\":{\"id\":\"17841400000000001\",\"username\":\"mia\",\"name\":\"Mia\",\"followers_count\":12,"
                                "\"media_count\":3},\"id\":\"8\"},{\"instagram_business_account\":{\"id\":\"17841400000000002\",\"username\":\"leo\"},\"id\":\"7\"}],"
                                "\"paging\":{\"cursors\":{\"before\":\"b\",\"after\":\"QVF\"},\"next\":\"https://graph.facebook.com/x?access_token=CANARY\"}}",
                                &arena);
    assert_int_equal(r.n_accounts, 2);
    assert_string_equal(r.accounts[0].id, "17841400000000001");
    assert_string_equal(r.accounts[0].handle, "mia");
    assert_int_equal(r.accounts[0].followers, 12);
    assert_string_equal(r.accounts[0].listing, "media");
    assert_string_equal(r.accounts[0].also_listing, "stories");
    assert_string_equal(r.accounts[1].title, "leo");
    assert_int_equal(r.accounts[1].followers, -1);
    assert_string_equal(r.next, "QVF");
    r = take(&ask, 200, "{\"data\":[{\"id\":\"9\"}],\"paging\":{\"cursors\":{\"after\":\"QVF\"}}}", &arena);
    assert_true(r.class == NILO_CLASS_OK && r.n_accounts == 0 && r.next == NULL);
    nilo_arena_done(&arena);
}

static void test_names_of_days_that_are_refused_are_left_out(void **state)
{
    struct nilo_arena arena;
    struct nilo_ask ask = {.op = NILO_OP_REPORT, .credentials = &signed_in, .account = "17", .win = 30, .day = NILO_DAY(20412), .now = NOW};
    (void)state;
    nilo_arena_init(&arena, 0);
    struct nilo_result r = take(&ask, 400, ERROR("100", "(#100) metric follower_count is not available"), &arena);
    assert_true(r.again && r.variant == 2);
    ask.variant = 2;
    r = take(&ask, 400, ERROR("100", "(#100) metric reach is not available"), &arena);
    assert_true(!r.again && r.class == NILO_CLASS_INVALID);
    r = take(&ask, 400, ERROR("10", "(#10) permission"), &arena);
    assert_true(!r.again && r.class == NILO_CLASS_PERMISSION);
    nilo_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_answers_read_as_they_should),
        cmocka_unit_test(test_damage_costs_the_one_value_and_nothing_else),
        cmocka_unit_test(test_what_is_no_answer_deletes_nothing),
        cmocka_unit_test(test_each_of_a_batch_has_its_own_outcome),
        cmocka_unit_test(test_one_medium_alone_that_is_refused),
        cmocka_unit_test(test_one_of_several_ids_that_is_gone_takes_no_other_along),
        cmocka_unit_test(test_what_is_not_asked_for_says_why),
        cmocka_unit_test(test_a_name_that_is_refused_is_found),
        cmocka_unit_test(test_a_server_that_refuses_without_reason_is_not_asked_for_ever),
        cmocka_unit_test(test_requests_are_what_the_platform_documents),
        cmocka_unit_test(test_people_are_sent_to_where_they_sign_in),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_accounts_to_choose_from),
        cmocka_unit_test(test_names_of_days_that_are_refused_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
