/* Facebook's answers: every recorded one in the shared fixtures, each member of an answer damaged in every way, what is refused and how it is asked for again, and the
 * requests that bring all of it. What the recorded ones should read as was put down by a reader that has nothing to do with the parser (Python's json). */
#include "support/nilo_test.h"

#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect/facebook_priv.h"

#define ACCESS "CANARY-access-EAAB"
#define SECRET "CANARY-client-secret"
#define NOW    (INT64_C(1795258800) * NILO_US_SECOND) /* 2026-11-21 11:00 UTC */

static const struct nilo_credentials signed_in = {.access_token = ACCESS, .refresh_token = ACCESS, .client_id = "client-id", .client_secret = SECRET};

enum { POST = 1, STATUS, PHOTO, VIDEO, LINK };

static const struct nilo_connector *facebook(void)
{
    return answers_connector("facebook");
}

static const char *const *with_setting(const char *name, const char *value)
{
    static const char *settings[16];
    size_t i;
    struct nilo_err err = {0};
    memset(settings, 0, sizeof(settings));
    assert_int_equal(nilo_connector_check_setting(facebook(), name, value, &i, &err), 0);
    settings[i] = value;
    return settings;
}

static struct nilo_result take(const struct nilo_ask *ask, int status, const char *body, struct nilo_arena *arena)
{
    const struct nilo_http_answer a = answers_of(status, body, NOW);
    return answers_take(facebook(), ask, &a, arena);
}

/* The object behind the n-th (from 0 on) `before` in a text that has no brackets in strings; cut out. */
static char *object_behind(const char *text, const char *before, int n, struct nilo_arena *arena)
{
    int depth = 0;
    const char *at = text;
    for (int i = 0; i <= n; i++)
        at = strstr(at, before) + strlen(before);
    at = strchr(at, '{');
    const char *end = at;
    do
        depth += (*end == '{') - (*end == '}');
    while (*end++ != '\0' && depth > 0);
    return nilo_arena_strndup(arena, at, (size_t)(end - at));
}

/* ---- recorded answers ------------------------------------------------------------------------------------------------------------------- */

/* Posts as lines: id, the metrics as the connector lists them and the detail of reactions, when posted, kind, address, page, caption (bytes/sum of bytes). Listed ones:
 * without the values. ROWS: a list, of which each row is taken as one answer. WRAPPED: insights by themselves, which come inside of the post as we ask. Pages: id, name
 * in addresses, followers, name, token. Days: the day, views, reach, engagement, follows, visits; RENAMED: under a name that we ask for. CHECK: seconds left from
 * 1577000000 on, of the token and of what was permitted; scopes. BATCH: id, "gone" or "-", per cent of the app's hour. "-" = nothing. */
enum shape { METRICS, WRAPPED, ROWS, LISTED, PAGE, PAGES, DAYS, RENAMED, CHECK, BATCH };
static const struct {
    const char *file;
    enum shape shape;
    const char *of;   /* ids, or the last day */
    const char *next; /* bytes/sum of bytes */
    const char *lines;
} recorded[] = {
    {"feed_2026", LISTED, NULL, "1100/92570",
     ("1148671018324630_122098290279327930 1779186448 post - 1148671018324630 21/2001\n"
      "1148671018324630_122098284825327930 1779185651 post - 1148671018324630 49/4630\n"
      "1148671018324630_122098284471327930 1779185603 post - 1148671018324630 49/4629\n"
      "1148671018324630_122098284213327930 1779185548 post - 1148671018324630 29/2824\n")},
    {"feed_page1", LISTED, NULL, NULL,
     ("4_10113477241177441 1625428258 post - 4 24/2773\n"
      "4_10113449068715281 1625233341 post - 4 357/33145\n"
      "4_10113400535556121 1624930446 post - 4 87/8082\n"
      "4_10113332572050531 1624469986 post - 4 83/7636\n"
      "4_10113319652002411 1624385168 post - 4 179/16707\n")},
    {"feed_page2", LISTED, NULL, NULL,
     ("4_10113477241177441 1625428258 post - 4 24/2773\n"
      "4_10113449068715281 1625233341 post - 4 357/33145\n"
      "4_10113400535556121 1624930446 post - 4 87/8082\n"
      "4_10113332572050531 1624469986 post - 4 83/7636\n"
      "4_10113319652002411 1624385168 post - 4 179/16707\n")},
    {"me_accounts_page_token", PAGES, NULL, NULL,
     ("2121008874780932 - -1 MyLife REDACTED\n")},
    {"page_single", PAGE, "20531316728", NULL,
     ("20531316728 facebookapp -1 Facebook -\n")},
    {"post_2026", METRICS, "1148671018324630_122098284213327930", NULL,
     ("1148671018324630_122098284213327930 - - - - - - - - - 1779185548 post - 1148671018324630 29/2824\n")},
    {"post_single", METRICS, "175154750010052_424924701699721", NULL,
     ("175154750010052_424924701699721 - - - - - - - - - 1565581511 post - 175154750010052 22/3322\n")},
    {"video_single", METRICS, "1192957457884299", NULL,
     ("1192957457884299 - - - - - - - - - - post - - 350/33306\n")},
    {"post_with_insights_expanded", METRICS, "1234567_98765432", NULL,
     ("1234567_98765432 - - - - - - - - - - post - 1234567 -\n")},
    {"posts_multi_read_ids", METRICS, "19292868552_10158347294088553,19292868552_10158345715593553", NULL,
     ("19292868552_10158347294088553 - - - - - - - - - 1625758219 post - 19292868552 479/45756\n"
      "19292868552_10158345715593553 - - - - - - - - - 1625677379 post - 19292868552 366/33736\n")},
    {"synthetic_post_insights_v25", WRAPPED, "1000_2000", NULL,
     ("1000_2000 340 210 12 332 300 - - - {\"breakdown\":{\"like\":330,\"love\":2}} - post - 1000 -\n")},
    {"posts_shares_count", ROWS, "216311481960_10201168076257947,216311481960_10151603459091961,216311481960_10151600280421961,216311481960_10151592078496961,216311481960_10151586877031961", NULL,
     ("216311481960_10201168076257947 - - - - - - 4198 - - 1376675318 post - 216311481960 -\n"
      "216311481960_10151603459091961 - - - - - - 1855 - - 1376589237 post - 216311481960 -\n"
      "216311481960_10151600280421961 - - - - - - 719 - - 1376430409 post - 216311481960 -\n"
      "216311481960_10151592078496961 - - - - - - 987 - - 1376079020 post - 216311481960 -\n"
      "216311481960_10151586877031961 - - - - - - 1345 - - 1375819270 post - 216311481960 -\n")},
    {"page_insights_object_values", DAYS, "2018-04-21", NULL,
     ("")},
    {"page_with_insights_day_week_28", DAYS, "2023-03-08", NULL,
     ("")},
    {"page_with_insights_day_week_28", RENAMED, "2023-03-08", NULL,
     ("2023-03-07 - - 0 - -\n"
      "2023-03-08 - - 0 - -\n")},
    {"debug_token", CHECK, NULL, NULL,
     ("347200 8040349 email,read_insights,manage_pages,pages_show_list,public_profile\n")},
    {"batch_simple", BATCH, "123456789,4", NULL,
     ("123456789 - 2\n"
      "4 - 2\n")},
    {"batch_first_error", BATCH, "2,123456789", NULL,
     ("2 gone 2\n"
      "123456789 - 2\n")},
};

static const char *mark(const char *text, struct nilo_arena *arena)
{
    unsigned long sum = 0;
    for (const char *p = text; p != NULL && *p != '\0'; p++)
        sum += (unsigned char)*p;
    return text == NULL || text[0] == '\0' ? "-" : nilo_arena_printf(arena, "%zu/%lu", strlen(text), sum);
}

static const char *or_dash(const char *text)
{
    return text != NULL && text[0] != '\0' ? text : "-";
}

static void put_values(struct nilo_buf *b, const struct nilo_item *item, bool reasons)
{
    for (size_t i = 0; nilo__fb_metrics[i] != NULL; i++)
        answers_put_value(b, item, nilo__fb_metrics[i], reasons);
}

static void put_item(struct nilo_buf *b, const struct nilo_item *item, enum shape shape, struct nilo_arena *arena)
{
    char day[NILO_DAY_TEXT];
    const struct nilo_item_value *reactions = answers_value_of(item, "reactions");
    if (shape == DAYS || shape == RENAMED) {
        nilo_day_format(item->day, day);
        nilo_buf_addf(b, "%s ", day);
        for (size_t i = 0; facebook()->day_metrics[i] != NULL; i++)
            answers_put_value(b, item, facebook()->day_metrics[i], false);
        b->len--;
        nilo_buf_addc(b, '\n');
        return;
    }
    nilo_buf_addf(b, "%s ", item->id);
    if (shape != LISTED) {
        put_values(b, item, false);
        nilo_buf_addf(b, "%s ", reactions != NULL && reactions->detail != NULL ? reactions->detail : "-");
    }
    if (item->posted_at != NILO_US_NONE)
        nilo_buf_addf(b, "%lld ", (long long)(item->posted_at / NILO_US_SECOND));
    else
        nilo_buf_adds(b, "- ");
    nilo_buf_addf(b, "%s %s %s %s\n", or_dash(item->media_type), or_dash(item->url), or_dash(item->account), mark(item->caption, arena));
}

static void put_result(struct nilo_buf *b, const struct nilo_result *r, enum shape shape, struct nilo_arena *arena)
{
    for (size_t i = 0; i < r->n_items && shape != BATCH; i++)
        put_item(b, &r->items[i], shape, arena);
    for (size_t i = 0; i < r->n_items && shape == BATCH; i++)
        nilo_buf_addf(b, "%s %s %lld\n", r->items[i].id, r->items[i].class == NILO_CLASS_OK ? "-" : nilo_class_word(r->items[i].class),
                      (long long)r->used_permille[NILO__GRAPH_APP] / 10);
    for (size_t i = 0; i < r->n_accounts; i++)
        nilo_buf_addf(b, "%s %s %lld %s %s\n", r->accounts[i].id, or_dash(r->accounts[i].handle), (long long)r->accounts[i].followers, r->accounts[i].title,
                      or_dash(r->accounts[i].token));
    if (shape == CHECK)
        nilo_buf_addf(b, "%lld %lld %s\n", (long long)r->tokens.expires_s, (long long)r->tokens.refresh_expires_s, r->tokens.scope);
}

static void check_recorded(size_t i)
{
    static const enum nilo_op ops[] = {[METRICS] = NILO_OP_METRICS, [WRAPPED] = NILO_OP_METRICS, [ROWS] = NILO_OP_METRICS,   [LISTED] = NILO_OP_LIST, [PAGE] = NILO_OP_ACCOUNT,
                                       [PAGES] = NILO_OP_ACCOUNTS,  [DAYS] = NILO_OP_REPORT,     [RENAMED] = NILO_OP_REPORT, [CHECK] = NILO_OP_EXCHANGE, [BATCH] = NILO_OP_METRICS};
    enum shape shape = recorded[i].shape;
    char *body = answers_read("facebook", recorded[i].file), ids[1000];
    const char *split_ids[50];
    struct nilo_ask ask = {.op = ops[shape], .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .account = shape == PAGE ? recorded[i].of : "137246726435626", .kind = POST};
    struct nilo_buf b;
    struct nilo_arena arena;
    struct nilo_result r = {0};
    nilo_arena_init(&arena, 0);
    nilo_buf_init(&b, 1 << 20);
    const char *whole = body;
    if (ask.op == NILO_OP_METRICS) {
        snprintf(ids, sizeof(ids), "%s", recorded[i].of);
        ask.n_ids = answers_split(ids, split_ids);
        ask.ids = split_ids;
        ask.settings = with_setting("batch", shape == BATCH ? "yes" : "no");
    } else if (ask.op == NILO_OP_REPORT) {
        assert_int_equal(nilo_day_parse(recorded[i].of, 10, &ask.day, NULL), 0);
        ask.win = 30;
    } else if (shape == CHECK) {
        ask.variant = 2;
        ask.now = INT64_C(1577000000) * NILO_US_SECOND;
    }
    if (shape == WRAPPED)
        whole = nilo_arena_printf(&arena, "{\"id\":\"1000_2000\",\"insights\":%s}", body);
    if (ask.op == NILO_OP_REPORT && strstr(body, "\"insights\"") != NULL)
        whole = object_behind(body, "\"insights\"", 0, &arena);
    for (char *at; shape == RENAMED && (at = strstr((char *)(uintptr_t)whole, "\"page_engaged_users\"")) != NULL;)
        whole = nilo_arena_printf(&arena, "%.*s\"page_post_engagements\"%s", (int)(at - whole), whole, at + strlen("\"page_engaged_users\""));
    for (size_t k = 0; shape == ROWS && k < ask.n_ids; k++) {
        const struct nilo_ask one = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .kind = POST, .ids = &split_ids[k], .n_ids = 1};
        r = take(&one, 200, object_behind(strchr(body, '['), k == 0 ? "[" : "},", k == 0 ? 0 : (int)k - 1, &arena), &arena);
        put_result(&b, &r, shape, &arena);
    }
    if (shape != ROWS) {
        r = take(&ask, 200, whole, &arena);
        put_result(&b, &r, shape, &arena);
    }
    if (r.class != NILO_CLASS_OK)
        fail_msg("%s: %s %s", recorded[i].file, nilo_class_word(r.class), r.message);
    if (strcmp(nilo_buf_str(&b), recorded[i].lines) != 0)
        fail_msg("%s:\n%s\nnot\n%s", recorded[i].file, nilo_buf_str(&b), recorded[i].lines);
    assert_string_equal(mark(r.next, &arena), recorded[i].next != NULL ? recorded[i].next : "-");
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

/* Whatever lies there is read above, or an error (tests/connect/test_graph.c). */
static void test_recorded_errors_have_their_class(void **state)
{
    static const struct {
        const char *file;
        enum nilo_class class;
        bool key_wrong;
    } rows[] = {{"error_100_appsecret_proof", NILO_CLASS_PERMISSION, true}, {"error_100_object", NILO_CLASS_PERMISSION, false}, {"error_190_460", NILO_CLASS_AUTH, false}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int op = 0; op < NILO_OPS; op++) {
            static const char *const ids[] = {"1_2", "1_3"};
            const struct nilo_ask ask = {.op = (enum nilo_op)op, .credentials = &signed_in, .now = NOW, .day = NILO_DAY(20000), .account = "1", .kind = POST, .ids = ids,
                                         .n_ids = op == NILO_OP_METRICS ? 2 : 0, .win = 30};
            char *body = answers_read("facebook", rows[i].file);
            struct nilo_arena arena;
            nilo_arena_init(&arena, 0);
            struct nilo_result r = take(&ask, 400, body, &arena);
            if (r.class != rows[i].class || r.key_wrong != rows[i].key_wrong)
                fail_msg("%s of %s: %s, key_wrong %d", rows[i].file, nilo_op_word((enum nilo_op)op), nilo_class_word(r.class), r.key_wrong);
            nilo_arena_done(&arena);
            free(body);
        }
    }
}

/* ---- damage ------------------------------------------------------------------------------------------------------------------------------- */

#define VIEWS  "{\"name\":\"post_media_view\",\"period\":\"lifetime\",\"values\":[{\"value\":100}]}"
#define REACH  "{\"name\":\"post_total_media_view_unique\",\"period\":\"lifetime\",\"values\":[{\"value\":90}]}"
#define KINDS(x) "{\"name\":\"post_reactions_by_type_total\",\"period\":\"lifetime\",\"values\":[{\"value\":" x "}]}"
#define BEGIN  "{\"id\":\"1_2\","
#define POSTED "\"created_time\":\"2026-11-10T10:00:00+0000\","
#define COUNTS "\"shares\":{\"count\":4},\"comments\":{\"data\":[],\"summary\":{\"order\":\"ranked\",\"total_count\":6,\"can_comment\":true}},"
#define BOTH   "\"insights\":{\"data\":[" VIEWS "," REACH "," KINDS("{\"like\":3,\"love\":2}") "]}}"
#define INSIGHTS(x) "\"insights\":{\"data\":[" x "]}}"

/* views, reach, clicks, reactions, video views, comments, shares, impressions. What stays is as before: 100, 90, 5 reactions, 6 comments, 4 shares. */
#define NR "not_reported "
static const struct {
    const char *body, *values;
    bool posted, fine;
} damaged[] = {
    {BEGIN POSTED COUNTS BOTH, "100 90 " NR "5 " NR "6 4 unsupported ", true, true},
    /* missing */
    {BEGIN COUNTS BOTH, "100 90 " NR "5 " NR "6 4 unsupported ", false, true},
    {BEGIN POSTED "\"shares\":{\"count\":4}," BOTH, "100 90 " NR "5 " NR NR "4 unsupported ", true, true},
    {BEGIN POSTED "\"comments\":{\"summary\":{\"total_count\":6}}," BOTH, "100 90 " NR "5 " NR "6 " NR "unsupported ", true, true},
    {BEGIN POSTED "\"shares\":{},\"comments\":{\"data\":[]}," BOTH, "100 90 " NR "5 " NR NR NR "unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS(REACH), NR "90 " NR NR NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS(""), NR NR NR NR NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS "\"insights\":{}}", NR NR NR NR NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS "\"x\":1}", NR NR NR NR NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS("{\"name\":\"post_media_view\",\"values\":[]}," REACH), NR "90 " NR NR NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS("{\"name\":\"post_media_view\",\"values\":[{}]}," REACH), NR "90 " NR NR NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS("{\"values\":[{\"value\":7}]}," REACH), NR "90 " NR NR NR "6 4 unsupported ", true, true},
    {"{\"id\":\"1_2\",\"created_time\":\"2026-11-21T10:00:00+0000\"," COUNTS INSIGHTS(""), "not_yet not_yet not_yet not_yet not_yet 6 4 unsupported ", true, true},
    /* reactions by kind: none is zero, some are their sum, one that does not read leaves no sum; without them the summary counts */
    {BEGIN POSTED COUNTS INSIGHTS(KINDS("{}")), NR NR NR "0 " NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS(KINDS("{\"like\":\"3\",\"wow\":1,\"sorry\":null}")), NR NR NR "4 " NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS(KINDS("{\"like\":\"many\",\"wow\":1}")), NR NR NR "failed " NR "6 4 unsupported ", true, false},
    {BEGIN POSTED COUNTS INSIGHTS(KINDS("{\"like\":-1,\"wow\":1}")), NR NR NR "failed " NR "6 4 unsupported ", true, false},
    {BEGIN POSTED COUNTS INSIGHTS(KINDS("{\"like\":{\"n\":1},\"wow\":1}")), NR NR NR "failed " NR "6 4 unsupported ", true, false},
    {BEGIN POSTED COUNTS INSIGHTS(KINDS("{\"like\":9223372036854775807,\"wow\":1}")), NR NR NR "failed " NR "6 4 unsupported ", true, false},
    {BEGIN POSTED COUNTS INSIGHTS(KINDS("7")), NR NR NR "7 " NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS(KINDS("[7]")), NR NR NR "failed " NR "6 4 unsupported ", true, false},
    {BEGIN POSTED COUNTS "\"reactions\":{\"summary\":{\"total_count\":8}}," INSIGHTS(VIEWS), "100 " NR NR "8 " NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS "\"reactions\":{\"summary\":{\"total_count\":8}}," BOTH, "100 90 " NR "5 " NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS "\"reactions\":{\"summary\":{\"total_count\":\"eight\"}}," INSIGHTS(VIEWS), "100 " NR NR "failed " NR "6 4 unsupported ", true, false},
    /* null */
    {BEGIN "\"created_time\":null," COUNTS BOTH, "100 90 " NR "5 " NR "6 4 unsupported ", false, true},
    {BEGIN POSTED "\"shares\":null,\"comments\":null," BOTH, "100 90 " NR "5 " NR NR NR "unsupported ", true, true},
    {BEGIN POSTED "\"shares\":{\"count\":null},\"comments\":{\"summary\":{\"total_count\":null}}," BOTH, "100 90 " NR "5 " NR NR NR "unsupported ", true, true},
    {BEGIN POSTED COUNTS "\"insights\":null}", NR NR NR NR NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS("{\"name\":\"post_media_view\",\"values\":[{\"value\":null}]}," REACH), NR "90 " NR NR NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS(KINDS("null")), NR NR NR NR NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS("null," VIEWS "," REACH), "100 90 " NR NR NR "6 4 unsupported ", true, true},
    /* a number as text is a number; a text is none; an id as number is no id of a post */
    {BEGIN POSTED "\"shares\":{\"count\":\"4\"},\"comments\":{\"summary\":{\"total_count\":\"6\"}}," BOTH, "100 90 " NR "5 " NR "6 4 unsupported ", true, true},
    {BEGIN POSTED "\"shares\":{\"count\":\"many\"},\"comments\":{\"summary\":{\"total_count\":\"\"}}," BOTH, "100 90 " NR "5 " NR "failed failed unsupported ", true, false},
    {BEGIN POSTED COUNTS INSIGHTS("{\"name\":\"post_media_view\",\"values\":[{\"value\":\"1e2x\"}]}," REACH), "failed 90 " NR NR NR "6 4 unsupported ", true, false},
    {BEGIN "\"created_time\":1762768800," COUNTS BOTH, "100 90 " NR "5 " NR "6 4 unsupported ", false, false},
    {BEGIN "\"created_time\":\"yesterday\"," COUNTS BOTH, "100 90 " NR "5 " NR "6 4 unsupported ", false, false},
    {BEGIN "\"status_type\":7,\"message\":8,\"permalink_url\":false," POSTED COUNTS BOTH, "100 90 " NR "5 " NR "6 4 unsupported ", true, true},
    /* huge, negative, in part, of another type */
    {BEGIN POSTED "\"shares\":{\"count\":9223372036854775807},\"comments\":{\"summary\":{\"total_count\":9223372036854775808}}," BOTH,
     "100 90 " NR "5 " NR "failed 9223372036854775807 unsupported ", true, false},
    {BEGIN POSTED "\"shares\":{\"count\":1e40},\"comments\":{\"summary\":{\"total_count\":6}}," BOTH, "100 90 " NR "5 " NR "6 failed unsupported ", true, false},
    {BEGIN POSTED "\"shares\":{\"count\":-4},\"comments\":{\"summary\":{\"total_count\":-0.5}}," BOTH, "100 90 " NR "5 " NR "failed failed unsupported ", true, false},
    {BEGIN POSTED "\"shares\":{\"count\":4.5},\"comments\":{\"summary\":{\"total_count\":true}}," BOTH, "100 90 " NR "5 " NR "failed failed unsupported ", true, false},
    {BEGIN POSTED "\"shares\":{\"count\":[4]},\"comments\":{\"summary\":{\"total_count\":{\"n\":6}}}," BOTH, "100 90 " NR "5 " NR "failed failed unsupported ", true, false},
    {BEGIN POSTED "\"shares\":4,\"comments\":6," BOTH, "100 90 " NR "5 " NR NR NR "unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS("{\"name\":\"post_media_view\",\"values\":[{\"value\":-1}]},{\"name\":\"post_total_media_view_unique\",\"values\":[{\"value\":99999999999999999999}]}"),
     "failed failed " NR NR NR "6 4 unsupported ", true, false},
    {BEGIN POSTED COUNTS INSIGHTS("{\"name\":\"post_media_view\",\"values\":[{\"value\":{\"a\":1}}]},{\"name\":\"post_total_media_view_unique\",\"values\":[{\"value\":false}]}"),
     "failed failed " NR NR NR "6 4 unsupported ", true, false},
    /* from the future; a few minutes are our clock's */
    {BEGIN "\"created_time\":\"2026-11-22T10:00:00+0000\"," COUNTS BOTH, "100 90 " NR "5 " NR "6 4 unsupported ", false, false},
    {BEGIN "\"created_time\":\"9999-12-31T23:59:59+0000\"," COUNTS BOTH, "100 90 " NR "5 " NR "6 4 unsupported ", false, false},
    {BEGIN "\"created_time\":\"2026-11-21T11:04:00+0000\"," COUNTS BOTH, "100 90 not_yet 5 not_yet 6 4 unsupported ", true, true},
    /* another period is another thing; twice: the first; what an older version still counts under its own name is that */
    {BEGIN POSTED COUNTS INSIGHTS("{\"name\":\"post_media_view\",\"period\":\"day\",\"values\":[{\"value\":3}]}," REACH), NR "90 " NR NR NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS(VIEWS ",{\"name\":\"post_media_view\",\"values\":[{\"value\":3}]}," REACH), "100 90 " NR NR NR "6 4 unsupported ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS("{\"name\":\"post_impressions\",\"period\":\"lifetime\",\"values\":[{\"value\":70}]}"), NR NR NR NR NR "6 4 70 ", true, true},
    {BEGIN POSTED COUNTS INSIGHTS("{\"values\":[{\"value\":{\"like\":3}}],\"period\":\"lifetime\",\"name\":\"post_reactions_by_type_total\"}"), NR NR NR "3 " NR "6 4 unsupported ", true, true},
};

static void test_damage_costs_the_one_value_and_nothing_else(void **state)
{
    static const char *const ids[] = {"1_2"};
    const struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .kind = VIDEO, .ids = ids, .n_ids = 1};
    (void)state;
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++) {
        struct nilo_arena arena;
        struct nilo_buf b;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1 << 16);
        struct nilo_result r = take(&ask, 200, damaged[i].body, &arena);
        assert_int_equal(r.class, NILO_CLASS_OK);
        assert_int_equal(r.n_items, 1);
        put_values(&b, &r.items[0], true);
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

/* The same of a page's days: a day, views, reach, engagement; "wrong" where the day says so. */
static void test_damaged_days(void **state)
{
#define DAY(name, period, values) "{\"data\":[{\"name\":\"" name "\",\"period\":\"" period "\",\"values\":[" values "]}],\"paging\":{\"next\":\"https://graph.facebook.com/x?access_token=CANARY\"}}"
#define AT(end, value) "{\"value\":" value ",\"end_time\":\"" end "\"}"
    static const struct {
        const char *body, *days;
    } rows[] = {
        /* end_time is midnight in California: the end of the day before it; in winter at 08:00, in summer at 07:00 */
        {DAY("page_media_view", "day", AT("2026-11-20T08:00:00+0000", "5")), "2026-11-19 5 - -\n"},
        {DAY("page_media_view", "day", AT("2026-11-01T07:00:00+0000", "4") "," AT("2026-11-02T08:00:00+0000", "5")), "2026-10-31 4 - -\n2026-11-01 5 - -\n"},
        {DAY("page_media_view", "day", "{\"end_time\":\"2026-11-20T08:00:00+0000\"}"), ""},
        {DAY("page_media_view", "day", AT("2026-11-20T08:00:00+0000", "null")), ""},
        {DAY("page_media_view", "day", AT("2026-11-20T08:00:00+0000", "\"5\"")), "2026-11-19 5 - -\n"},
        {DAY("page_media_view", "day", AT("2026-11-20T08:00:00+0000", "\"many\"")), "2026-11-19 failed - - wrong\n"},
        {DAY("page_media_view", "day", AT("2026-11-20T08:00:00+0000", "-5")), "2026-11-19 failed - - wrong\n"},
        {DAY("page_media_view", "day", AT("2026-11-20T08:00:00+0000", "9223372036854775808")), "2026-11-19 failed - - wrong\n"},
        {DAY("page_media_view", "day", AT("2026-11-20T08:00:00+0000", "{\"a\":1}")), "2026-11-19 failed - - wrong\n"},
        {DAY("page_media_view", "day", AT("2026-11-20T08:00:00+0000", "true")), "2026-11-19 failed - - wrong\n"},
        {DAY("page_media_view", "day", "{\"value\":5}"), ""},
        {DAY("page_media_view", "day", AT("soon", "5")), ""},
        {DAY("page_media_view", "day", AT("2027-11-20T08:00:00+0000", "5")), ""}, /* from the future: nobody asked for it */
        {DAY("page_media_view", "day", AT("1969-11-20T08:00:00+0000", "5")), ""},
        {DAY("page_media_view", "week", AT("2026-11-20T08:00:00+0000", "5")), ""},
        {DAY("page_media_view", "days_28", AT("2026-11-20T08:00:00+0000", "5")), ""},
        {DAY("page_fans", "day", AT("2026-11-20T08:00:00+0000", "5")), ""},
        {"{\"data\":[]}", ""},
    };
    struct nilo_ask ask = {.op = NILO_OP_REPORT, .credentials = &signed_in, .account = "17", .win = 30, .now = NOW};
    (void)state;
    assert_int_equal(nilo_day_parse("2026-11-20", 10, &ask.day, NULL), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nilo_arena arena;
        struct nilo_buf b;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1 << 16);
        struct nilo_result r = take(&ask, 200, rows[i].body, &arena);
        assert_int_equal(r.class, NILO_CLASS_OK);
        assert_null(r.next);
        for (size_t k = 0; k < r.n_items; k++) {
            char day[NILO_DAY_TEXT];
            nilo_day_format(r.items[k].day, day);
            nilo_buf_addf(&b, "%s ", day);
            for (size_t m = 0; m < 3; m++) {
                const struct nilo_item_value *v = answers_value_of(&r.items[k], facebook()->day_metrics[m]);
                answers_put_value(&b, &r.items[k], facebook()->day_metrics[m], v != NULL);
            }
            b.len--;
            nilo_buf_adds(&b, r.items[k].class == NILO_CLASS_OK ? "\n" : " wrong\n");
        }
        if (strcmp(nilo_buf_str(&b), rows[i].days) != 0)
            fail_msg("%s\n%s\nnot %s", rows[i].body, nilo_buf_str(&b), rows[i].days);
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

/* What is no answer to the question at all says nothing of anything: nobody is deleted by it. */
static void test_what_is_no_answer_deletes_nothing(void **state)
{
    static const char *const bodies[] = {"", "{}", "[]", "null", "1", "{\"id\":\"2\"}", "{\"data\":{}}", "{\"1_2\":7}", "{\"id\":\"1_2\"", "<html>", "[null]", "[1]", "{\"data\":\"x\"}"};
    static const char *const ids[] = {"1_2", "1_3"};
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        for (int op = NILO_OP_ACCOUNT; op <= NILO_OP_REPORT; op++) {
            for (size_t n = 1; n <= (op == NILO_OP_METRICS ? 2 : 1); n++) {
                struct nilo_arena arena;
                const struct nilo_ask ask = {.op = (enum nilo_op)op, .credentials = &signed_in, .now = NOW, .day = NILO_DAY(20000), .account = "1", .kind = POST, .ids = ids,
                                             .n_ids = op == NILO_OP_METRICS ? n : 0, .win = 30};
                nilo_arena_init(&arena, 0);
                struct nilo_result r = take(&ask, 200, bodies[i], &arena);
                if (op != NILO_OP_METRICS && r.class != NILO_CLASS_INVALID)
                    fail_msg("%s is %s of %s", bodies[i], nilo_class_word(r.class), nilo_op_word((enum nilo_op)op));
                for (size_t k = 0; k < r.n_items; k++) {
                    if (r.items[k].class == NILO_CLASS_GONE || r.items[k].class == NILO_CLASS_OK)
                        fail_msg("%s: %s is %s", bodies[i], r.items[k].id, nilo_class_word(r.items[k].class));
                }
                nilo_arena_done(&arena);
            }
        }
    }
}

/* ---- what is refused -------------------------------------------------------------------------------------------------------------------------- */

#define ERROR(code, message) "{\"error\":{\"message\":\"" message "\",\"type\":\"OAuthException\",\"code\":" code "}}"
#define PART(status, body)   "{\"code\":" status ",\"headers\":[],\"body\":" body "}"
#define OK_1 "\"{\\\"id\\\":\\\"1_2\\\"}\""
#define OK_2 "\"{\\\"id\\\":\\\"1_3\\\"}\""
#define ERR(code, more, message) "\"{\\\"error\\\":{\\\"message\\\":\\\"" message "\\\",\\\"code\\\":" code more "}}\""
#define SUB(n) ",\\\"error_subcode\\\":" n
#define CONTENT "(#10) This endpoint requires the 'pages_read_user_content' permission"
#define INSIGHT "(#200) Requires read_insights to read insights"
#define NO_SUM  NILO__FB_NO_SUMMARIES
#define NO_INS  NILO__FB_NOT_PERMITTED

static const struct {
    const char *body;
    unsigned asked; /* with that variant */
    enum nilo_class class;
    bool again;
    unsigned variant, doubt;
    enum nilo_class first, second;
    bool unsure_1, unsure_2;
} batches[] = {
    {"[" PART("200", OK_1) "," PART("200", OK_2) "]", 0, NILO_CLASS_OK, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_OK, false, false},
    {"[" PART("200", OK_1) ",null]", 0, NILO_CLASS_OK, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_TRANSIENT, false, true},
    {"[" PART("200", OK_1) "," PART("400", ERR("100", SUB("33"), "Object with ID '1_3' does not exist")) "]", 0, NILO_CLASS_OK, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_GONE, false, false},
    /* where a permission is named nobody knows whether it is there */
    {"[" PART("200", OK_1) "," PART("400", ERR("100", "", "(#100) Object does not exist. This endpoint requires the 'pages_read_engagement' permission")) "]", 0, NILO_CLASS_OK, false, 0, 0,
     NILO_CLASS_OK, NILO_CLASS_PERMISSION, false, false},
    {"[" PART("200", OK_1) "," PART("400", ERR("100", "", "(#100) The value must be a valid insights metric")) "]", 0, NILO_CLASS_OK, false, 0, NILO__GRAPH_NO_INSIGHTS, NILO_CLASS_OK,
     NILO_CLASS_INVALID, false, true},
    {"[" PART("400", ERR("100", "", "(#100) post_clicks is no valid insights metric")) "," PART("400", ERR("100", "", "(#100) post_video_views is no valid insights metric")) "]", 0,
     NILO_CLASS_OK, true, 20, 20, NILO_CLASS_INVALID, NILO_CLASS_INVALID, true, true},
    /* what is not permitted: of all of them once for all, of one for that one */
    {"[" PART("403", ERR("10", "", CONTENT)) "," PART("403", ERR("10", "", CONTENT)) "]", 0, NILO_CLASS_OK, true, NO_SUM, NO_SUM, NILO_CLASS_PERMISSION, NILO_CLASS_PERMISSION, true, true},
    {"[" PART("200", OK_1) "," PART("403", ERR("10", "", CONTENT)) "]", 16, NILO_CLASS_OK, false, 16, NO_SUM | 16, NILO_CLASS_OK, NILO_CLASS_PERMISSION, false, true},
    {"[" PART("403", ERR("200", "", INSIGHT)) "," PART("403", ERR("200", "", INSIGHT)) "]", 0, NILO_CLASS_OK, true, NO_INS, NO_INS, NILO_CLASS_PERMISSION, NILO_CLASS_PERMISSION, true, true},
    {"[" PART("403", ERR("10", "", CONTENT)) "," PART("403", ERR("10", "", CONTENT)) "]", NO_SUM, NILO_CLASS_OK, true, NO_SUM | NO_INS, NO_SUM | NO_INS, NILO_CLASS_PERMISSION,
     NILO_CLASS_PERMISSION, true, true},
    {"[" PART("403", ERR("10", "", CONTENT)) "," PART("403", ERR("10", "", CONTENT)) "]", NO_SUM | NO_INS, NILO_CLASS_OK, false, NO_SUM | NO_INS, NO_SUM | NO_INS, NILO_CLASS_PERMISSION,
     NILO_CLASS_PERMISSION, false, false},
    {"[" PART("400", ERR("190", "", "(#190) This method must be called with a Page Access Token")) "," PART("400", ERR("190", "", "(#190) This method must be called with a Page Access Token")) "]",
     0, NILO_CLASS_OK, true, NO_INS, NO_INS, NILO_CLASS_PERMISSION, NILO_CLASS_PERMISSION, true, true},
    {"[" PART("200", OK_1) "," PART("400", ERR("190", SUB("460"), "changed password")) "]", 0, NILO_CLASS_AUTH, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_OK, false, false},
    {"[" PART("200", OK_1) "," PART("400", ERR("80001", "", "too many")) "]", 0, NILO_CLASS_RATE_LIMITED, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_OK, false, false},
    {"[" PART("200", OK_1) "," PART("500", ERR("2", "", "later")) "]", 0, NILO_CLASS_OK, false, 0, 0, NILO_CLASS_OK, NILO_CLASS_TRANSIENT, false, true},
};

static void test_each_of_a_batch_has_its_own_outcome(void **state)
{
    static const char *const ids[] = {"1_2", "1_3"};
    (void)state;
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
        const struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .kind = VIDEO, .ids = ids, .n_ids = 2, .variant = batches[i].asked};
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

/* However the permission fails, it ends with what is permitted, and that is asked for: alone, by ids, in a batch. */
static void test_what_is_not_permitted_is_left_out_step_by_step(void **state)
{
    static const char *const ids[] = {"1_2", "1_3"};
    static const unsigned steps[] = {0, NO_SUM, NO_SUM | NO_INS};
    (void)state;
    for (size_t n = 1; n <= 2; n++) {
        for (size_t i = 0; i < 3; i++) {
            struct nilo_arena arena;
            const struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .kind = PHOTO, .ids = ids, .n_ids = n, .variant = steps[i],
                                         .settings = with_setting("batch", "no")};
            nilo_arena_init(&arena, 0);
            struct nilo_result r = take(&ask, 403, ERROR("10", "(#10) Application does not have permission for this action"), &arena);
            if (i < 2) {
                assert_true(r.class == NILO_CLASS_OK && r.again);
                assert_int_equal(r.variant, steps[i + 1]);
            } else {
                assert_true(r.class == NILO_CLASS_PERMISSION && !r.again);
            }
            nilo_arena_done(&arena);
        }
    }
}

static void test_what_is_not_asked_for_says_why(void **state)
{
    static const struct {
        int kind;
        unsigned variant;
        const char *values;
    } rows[] = {
        {0, 0, NR NR NR NR NR NR NR "unsupported "},
        {PHOTO, 0, NR NR NR NR "unsupported " NR NR "unsupported "},
        {VIDEO, 2, NR "unsupported " NR NR NR NR NR "unsupported "},
        {VIDEO, NO_SUM, NR NR NR NR NR "not_permitted " NR "unsupported "},
        {VIDEO, NO_INS, "not_permitted not_permitted not_permitted not_permitted not_permitted " NR NR "unsupported "},
        {VIDEO, NILO__GRAPH_NO_INSIGHTS, "unsupported unsupported unsupported unsupported unsupported " NR NR "unsupported "},
    };
    static const char *const ids[] = {"1_2"};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct nilo_ask ask = {.op = NILO_OP_METRICS, .credentials = &signed_in, .now = NOW, .day = NILO_DAY_NONE, .kind = rows[i].kind, .variant = rows[i].variant, .ids = ids,
                                     .n_ids = 1};
        struct nilo_arena arena;
        struct nilo_buf b;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1 << 16);
        struct nilo_result r = take(&ask, 200, "{\"id\":\"1_2\"}", &arena);
        put_values(&b, &r.items[0], true);
        assert_string_equal(nilo_buf_str(&b), rows[i].values);
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

/* Each name alone, and any of them without a word of which: in the end all others are asked for. */
static void test_names_of_days_that_are_refused_are_found(void **state)
{
    static const char *const names[] = {"page_media_view", "page_total_media_view_unique", "page_post_engagements", "page_daily_follows", "page_views_total"};
    (void)state;
    for (unsigned bad = 0; bad < 31; bad++) {
        for (int named = 0; named < 2; named++) {
            struct nilo_ask ask = {.op = NILO_OP_REPORT, .credentials = &signed_in, .account = "17", .win = 30, .day = NILO_DAY(20412), .now = NOW};
            int calls = 0;
            bool over = false;
            while (!over && calls++ < 40) {
                struct nilo_arena arena;
                struct nilo_call call;
                struct nilo_err err = {0};
                nilo_arena_init(&arena, 0);
                assert_int_equal(facebook()->make(&ask, &arena, &call, &err), 0);
                const char *asked = call.http.query[0].value, *refused = NULL;
                unsigned bits = 0;
                for (unsigned k = 0; k < 5; k++) {
                    bits |= strstr(asked, names[k]) != NULL ? 1u << k : 0;
                    refused = refused == NULL && (bits & bad & 1u << k) != 0 ? names[k] : refused;
                }
                assert_int_not_equal(bits, 0);
                struct nilo_result r = refused == NULL ? take(&ask, 200, "{\"data\":[]}", &arena)
                                       : named         ? take(&ask, 400, nilo_arena_printf(&arena, ERROR("100", "(#100) %s is no valid insights metric"), refused), &arena)
                                                       : take(&ask, 400, ERROR("100", "(#100) The value must be a valid insights metric"), &arena);
                over = !r.again;
                if (over && (refused != NULL || bits != (31u & ~bad)))
                    fail_msg("bad %x: ends with %s after %d calls", bad, asked, calls);
                assert_true(over || (r.variant != ask.variant && r.variant < 256));
                ask.variant = r.variant;
                nilo_arena_done(&arena);
            }
            assert_in_range(calls, 1, 12);
        }
    }
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------------------ */

#define FB "https://graph.facebook.com/v25.0"
#define SIGNED "appsecret_proof=*** Authorization: Bearer ***"
#define PAGE_FIELDS "id,name,username,link,followers_count"
#define POST_FIELDS "id,created_time,message,permalink_url,full_picture,status_type"
#define SUMMARIES ",shares,comments.limit(0).summary(true),reactions.limit(0).summary(true)"
#define FOUR "post_media_view,post_total_media_view_unique,post_clicks,post_reactions_by_type_total"
static const char *const one_id[] = {"1_11"}, *const two_ids[] = {"1_11", "1_22"}, *const bad_id[] = {"1_11?fields=x"};

static const struct {
    struct nilo_ask ask;
    const char *setting, *value;
    const char *request; /* NULL: it is refused */
} requests[] = {
    {{.op = NILO_OP_ACCOUNT}, NULL, NULL, "GET " FB "/me?fields=" PAGE_FIELDS "&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_ACCOUNT, .account = "17"}, NULL, NULL, "GET " FB "/17?fields=" PAGE_FIELDS "&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_ACCOUNT, .account = "../me"}, NULL, NULL, NULL},
    {{.op = NILO_OP_ACCOUNTS}, NULL, NULL, "GET " FB "/me/accounts?fields=" PAGE_FIELDS ",access_token&limit=100&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_ACCOUNTS, .cursor = "QVF="}, NULL, NULL, "GET " FB "/me/accounts?fields=" PAGE_FIELDS ",access_token&limit=100&after=QVF=&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_ACCOUNTS, .cursor = "https://graph.facebook.com/me?access_token=x"}, NULL, NULL, NULL},
    {{.op = NILO_OP_LIST, .account = "17"}, NULL, NULL, "GET " FB "/17/published_posts?fields=" POST_FIELDS "&limit=100&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_LIST, .account = "17", .cursor = "a"}, "posts", "feed", "GET " FB "/17/feed?fields=" POST_FIELDS "&limit=100&after=a&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_LIST, .account = "17"}, "posts", "all", NULL},
    {{.op = NILO_OP_LIST, .account = "17", .cursor = "https://graph.facebook.com/17/posts?access_token=x"}, NULL, NULL, NULL},
    {{.op = NILO_OP_LIST}, NULL, NULL, NULL},
    {{.op = NILO_OP_LIST, .account = "17"}, "token_in", "url", "GET " FB "/17/published_posts?fields=" POST_FIELDS "&limit=100&access_token=***&appsecret_proof=*** [0 1 1]"},
    {{.op = NILO_OP_LIST, .account = "17"}, "appsecret_proof", "no", "GET " FB "/17/published_posts?fields=" POST_FIELDS "&limit=100 Authorization: Bearer *** [0 1 1]"},
    {{.op = NILO_OP_METRICS, .ids = one_id, .n_ids = 1, .kind = PHOTO}, NULL, NULL, "GET " FB "/1_11?fields=" POST_FIELDS SUMMARIES ",insights.metric(" FOUR ")&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_METRICS, .ids = one_id, .n_ids = 1, .kind = VIDEO}, NULL, NULL,
     "GET " FB "/1_11?fields=" POST_FIELDS SUMMARIES ",insights.metric(" FOUR ",post_video_views)&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_METRICS, .ids = one_id, .n_ids = 1, .kind = 0}, NULL, NULL, "GET " FB "/1_11?fields=" POST_FIELDS SUMMARIES "&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_METRICS, .ids = one_id, .n_ids = 1, .kind = PHOTO, .variant = NILO__FB_NO_SUMMARIES | 14}, NULL, NULL,
     "GET " FB "/1_11?fields=" POST_FIELDS ",shares,insights.metric(post_media_view)&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_METRICS, .ids = one_id, .n_ids = 1, .kind = PHOTO, .variant = NILO__FB_NOT_PERMITTED}, NULL, NULL, "GET " FB "/1_11?fields=" POST_FIELDS SUMMARIES "&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_METRICS, .ids = two_ids, .n_ids = 2, .kind = LINK}, "batch", "no", "GET " FB "/?ids=1_11,1_22&fields=" POST_FIELDS SUMMARIES ",insights.metric(" FOUR ")&" SIGNED " [0 1 2]"},
    {{.op = NILO_OP_METRICS, .ids = two_ids, .n_ids = 2, .kind = STATUS}, NULL, NULL,
     "POST " FB "/?" SIGNED " batch=[{\"method\":\"GET\",\"relative_url\":\"1_11?fields=" POST_FIELDS SUMMARIES ",insights.metric(" FOUR
     ")\"},{\"method\":\"GET\",\"relative_url\":\"1_22?fields=" POST_FIELDS SUMMARIES ",insights.metric(" FOUR ")\"}] [0 1 2]"},
    {{.op = NILO_OP_METRICS, .ids = bad_id, .n_ids = 1}, NULL, NULL, NULL},
    {{.op = NILO_OP_METRICS}, NULL, NULL, NULL},
    {{.op = NILO_OP_REPORT, .account = "17", .win = 30, .day = {20412}}, NULL, NULL,
     "GET " FB "/17/insights?metric=page_media_view,page_total_media_view_unique,page_post_engagements,page_daily_follows,page_views_total&period=day&since=1761134400&until=1763726400&" SIGNED
     " [0 1 1]"},
    {{.op = NILO_OP_REPORT, .account = "17", .win = 1, .day = {20412}, .variant = 23}, NULL, NULL,
     "GET " FB "/17/insights?metric=page_daily_follows&period=day&since=1763640000&until=1763726400&" SIGNED " [0 1 1]"},
    {{.op = NILO_OP_REPORT, .account = "17", .win = 31, .day = {20412}}, NULL, NULL, NULL},
    {{.op = NILO_OP_EXCHANGE, .code = "c", .redirect = "http://127.0.0.1:1/"}, NULL, NULL,
     "GET " FB "/oauth/access_token?client_id=client-id&redirect_uri=http://127.0.0.1:1/&client_secret=***&code=*** [-1 -1 0]"},
    {{.op = NILO_OP_EXCHANGE}, NULL, NULL, NULL},
    {{.op = NILO_OP_EXCHANGE, .variant = 1}, NULL, NULL, "GET " FB "/oauth/access_token?grant_type=fb_exchange_token&client_id=client-id&client_secret=***&fb_exchange_token=*** [-1 -1 0]"},
    {{.op = NILO_OP_EXCHANGE, .variant = 2}, NULL, NULL, "GET " FB "/debug_token?input_token=*** Authorization: Bearer *** [-1 -1 0]"},
    {{.op = NILO_OP_REFRESH}, NULL, NULL, "GET " FB "/oauth/access_token?grant_type=fb_exchange_token&client_id=client-id&client_secret=***&fb_exchange_token=*** [-1 -1 0]"},
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
        ask.settings = requests[i].setting != NULL ? with_setting(requests[i].setting, requests[i].value) : NULL;
        int rc = facebook()->make(&ask, &arena, &call, &err);
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
    static const char begin[] = "https://www.facebook.com/v25.0/dialog/oauth?client_id=client-id&redirect_uri=https%3A%2F%2Fh%2F&response_type=code&";
    static const char *const ends[] = {"scope=pages_show_list%2Cpages_read_engagement%2Cpages_read_user_content%2Cread_insights&state=st", "config_id=4711&state=st"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        const struct nilo_ask ask = {.credentials = &signed_in, .redirect = "https://h/", .settings = i == 1 ? with_setting("config_id", "4711") : NULL};
        struct nilo_buf b;
        nilo_buf_init(&b, 8192);
        assert_int_equal(nilo_connector_authorize(facebook(), &ask, "st", "challenge", &b, NULL), 0);
        assert_true(strncmp(nilo_buf_str(&b), begin, sizeof(begin) - 1) == 0);
        assert_string_equal(nilo_buf_str(&b) + sizeof(begin) - 1, ends[i]);
        nilo_buf_done(&b);
    }
}

/* A token of an hour is a step to one of 60 days, of which is asked what it may; whatever comes of that, it counts. */
static void test_tokens(void **state)
{
    static const char *const unknown[] = {"", "{}", "{\"data\":{}}", "{\"data\":7}", "[]", "<html>", ERROR("100", "no"), "{\"data\":{\"expires_at\":1}}"};
    struct nilo_arena arena;
    struct nilo_ask ask = {.op = NILO_OP_EXCHANGE, .credentials = &signed_in, .now = NOW};
    (void)state;
    nilo_arena_init(&arena, 0);
    struct nilo_result r = take(&ask, 200, "{\"access_token\":\"brief\",\"token_type\":\"bearer\",\"expires_in\":5000}", &arena);
    assert_true(r.class == NILO_CLASS_OK && r.again && r.variant == 1);
    ask.variant = 1;
    r = take(&ask, 200, "{\"access_token\":\"long\",\"token_type\":\"bearer\",\"expires_in\":5183944}", &arena);
    assert_true(r.class == NILO_CLASS_OK && r.again && r.variant == 2);
    assert_string_equal(r.tokens.access_token, "long");
    assert_int_equal(r.tokens.expires_s, 5183944);
    ask.variant = 2;
    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        r = take(&ask, i == 6 ? 400 : 200, unknown[i], &arena);
        assert_true(r.class == NILO_CLASS_OK && !r.again);
        assert_string_equal(r.tokens.access_token, ACCESS);
        assert_int_equal(r.tokens.expires_s, -1);
    }
    r = take(&ask, 200, "{\"data\":{\"is_valid\":true,\"expires_at\":0,\"data_access_expires_at\":99999999999999999999,\"scopes\":[7,\"read_insights\"]}}", &arena);
    assert_true(r.class == NILO_CLASS_OK && r.tokens.expires_s == -1 && r.tokens.refresh_expires_s == -1);
    assert_string_equal(r.tokens.scope, "read_insights");
    r = take(&ask, 200, "{\"data\":{\"is_valid\":false}}", &arena);
    assert_true(r.class == NILO_CLASS_AUTH && r.tokens.access_token == NULL && r.message[0] != '\0');
    ask.variant = 0;
    r = take(&ask, 400, ERROR("100", "This authorization code has been used."), &arena);
    assert_int_equal(r.class, NILO_CLASS_AUTH);
    r = take(&ask, 200, "{\"token_type\":\"bearer\"}", &arena);
    assert_int_equal(r.class, NILO_CLASS_INVALID);
    nilo_arena_done(&arena);
}

static void test_pages_to_choose_from(void **state)
{
    struct nilo_arena arena;
    struct nilo_ask ask = {.op = NILO_OP_ACCOUNTS, .credentials = &signed_in};
    (void)state;
    nilo_arena_init(&arena, 0);
    struct nilo_result r = take(&ask, 200,
                                "{\"data\":[{\"id\":\"9\",\"name\":\"Mia\",\"username\":\"mia\",\"link\":\"https://www.facebook.com/mia\",\"followers_count\":12,\"access_token\":\"EAAP\"},"
                                "{\"name\":\"without an id\"},{\"id\":\"x\"},{\"id\":8,\"username\":\"leo\",\"followers_count\":\"many\",\"access_token\":null}],"
                                "\"paging\":{\"cursors\":{\"before\":\"b\",\"after\":\"QVF\"},\"next\":\"https://graph.facebook.com/x?access_token=CANARY\"}}",
                                &arena);
    assert_int_equal(r.n_accounts, 2);
    assert_string_equal(r.accounts[0].id, "9");
    assert_string_equal(r.accounts[0].token, "EAAP");
    assert_string_equal(r.accounts[0].url, "https://www.facebook.com/mia");
    assert_int_equal(r.accounts[0].followers, 12);
    assert_string_equal(r.accounts[1].id, "8");
    assert_string_equal(r.accounts[1].title, "leo");
    assert_null(r.accounts[1].token);
    assert_int_equal(r.accounts[1].followers, -1);
    assert_string_equal(r.next, "QVF");
    /* a person's token names no page by itself */
    ask.op = NILO_OP_ACCOUNT;
    r = take(&ask, 400, ERROR("100", "(#100) Tried accessing nonexisting field (followers_count) on node type (User)"), &arena);
    assert_int_equal(r.class, NILO_CLASS_PERMISSION);
    assert_non_null(strstr(r.message, "a person's and not a page's"));
    nilo_arena_done(&arena);
}

/* What has ended: a row each, and what it was here is never asked for. */
static void test_what_has_ended_is_not_asked_for(void **state)
{
    static const char *const ids[] = {"1_2"};
    (void)state;
    assert_true(facebook()->n_retired >= 5);
    for (size_t i = 0; i < facebook()->n_retired; i++) {
        const struct nilo_connector_retired *gone = &facebook()->retired[i];
        nilo_day day;
        assert_int_equal(nilo_day_parse(gone->day, strlen(gone->day), &day, NULL), 0);
        assert_true(gone->metric == NULL || nilo__metric_of(gone->metric) != NULL);
        for (int op = 0; op < 2; op++) {
            const struct nilo_ask ask = {.op = op == 0 ? NILO_OP_METRICS : NILO_OP_REPORT, .credentials = &signed_in, .account = "1", .now = NOW, .day = NILO_DAY(20000), .kind = VIDEO,
                                         .ids = ids, .n_ids = op == 0 ? 1 : 0, .win = 30};
            struct nilo_arena arena;
            struct nilo_call call;
            nilo_arena_init(&arena, 0);
            assert_int_equal(facebook()->make(&ask, &arena, &call, NULL), 0);
            for (size_t k = 0; k < call.http.n_query; k++) {
                if (!call.http.query[k].secret)
                    assert_null(strstr(call.http.query[k].value, gone->name));
            }
            nilo_arena_done(&arena);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recorded_answers_read_as_they_should),
        cmocka_unit_test(test_recorded_errors_have_their_class),
        cmocka_unit_test(test_damage_costs_the_one_value_and_nothing_else),
        cmocka_unit_test(test_damaged_days),
        cmocka_unit_test(test_what_is_no_answer_deletes_nothing),
        cmocka_unit_test(test_each_of_a_batch_has_its_own_outcome),
        cmocka_unit_test(test_what_is_not_permitted_is_left_out_step_by_step),
        cmocka_unit_test(test_what_is_not_asked_for_says_why),
        cmocka_unit_test(test_names_of_days_that_are_refused_are_found),
        cmocka_unit_test(test_requests_are_what_the_platform_documents),
        cmocka_unit_test(test_people_are_sent_to_where_they_sign_in),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_pages_to_choose_from),
        cmocka_unit_test(test_what_has_ended_is_not_asked_for),
    };
    return cmocka_run_group_tests_name("connect/facebook", tests, NULL, NULL);
}
