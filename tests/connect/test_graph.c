/* What Meta's Graph API says when something is wrong and how much of a limit is used: codes against classes, recorded errors, usage headers, batches,
 * cursors, names of metrics. */
#include "support/nilo_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "connect/graph_priv.h"

#define NOW (INT64_C(1763722800) * NILO_US_SECOND)

static const char *const types[] = {"instagram", NULL};

static struct nilo_http_answer answer(int status, const char *body, const struct nilo_http_header *headers, size_t n)
{
    return (struct nilo_http_answer){.id = 1, .purpose = "", .message = "", .status = status, .body = body, .n_body = strlen(body), .headers = headers, .n_headers = n,
                                     .retry_after_ms = -1, .started_at = NOW, .ended_at = NOW};
}

/* ---- errors ------------------------------------------------------------------------------------------------------------------------------ */

static const struct {
    int status;
    const char *body;
    enum nilo_class class;
    const char *reason;
    const char *message;
    bool key_wrong;
    int limited;
    int64_t wait_s; /* -1 = not said */
} errors[] = {
    {500, "{\"error\":{\"message\":\"An unknown error has occurred.\",\"type\":\"OAuthException\",\"code\":1}}", NILO_CLASS_TRANSIENT, "1",
     "Instagram says: An unknown error has occurred.", false, -1, -1},
    {500, "{\"error\":{\"message\":\"Service temporarily unavailable\",\"type\":\"OAuthException\",\"is_transient\":true,\"code\":2}}", NILO_CLASS_TRANSIENT, "2",
     "Instagram says: Service temporarily unavailable", false, -1, -1},
    {403, "{\"error\":{\"message\":\"(#4) Application request limit reached\",\"type\":\"OAuthException\",\"code\":4}}", NILO_CLASS_RATE_LIMITED, "4",
     "Instagram says: (#4) Application request limit reached", false, NILO__GRAPH_APP, 900},
    {400, "{\"error\":{\"message\":\"(#17) User request limit reached\",\"code\":17,\"error_subcode\":2446079}}", NILO_CLASS_RATE_LIMITED, "17/2446079",
     "Instagram says: (#17) User request limit reached", false, NILO__GRAPH_ACCOUNT, 900},
    {400, "{\"error\":{\"message\":\"(#32) Page request limit reached\",\"code\":32}}", NILO_CLASS_RATE_LIMITED, "32", "Instagram says: (#32) Page request limit reached",
     false, NILO__GRAPH_ACCOUNT, 900},
    {400, "{\"error\":{\"message\":\"too fast\",\"code\":613}}", NILO_CLASS_RATE_LIMITED, "613", "Instagram says: too fast", false, NILO__GRAPH_ACCOUNT, 900},
    {400, "{\"error\":{\"message\":\"slow down\",\"code\":341}}", NILO_CLASS_RATE_LIMITED, "341", "Instagram says: slow down", false, NILO__GRAPH_APP, 900},
    {400, "{\"error\":{\"message\":\"blocked for a while\",\"code\":368}}", NILO_CLASS_RATE_LIMITED, "368", "Instagram says: blocked for a while", false,
     NILO__GRAPH_ACCOUNT, 3600},
    {400, "{\"error\":{\"message\":\"(#80002) There have been too many calls to this Instagram account.\",\"code\":80002}}", NILO_CLASS_RATE_LIMITED, "80002",
     "Instagram says: (#80002) There have been too many calls to this Instagram account.", false, NILO__GRAPH_ACCOUNT, 900},
    {400, "{\"error\":{\"message\":\"m\",\"code\":80000}}", NILO_CLASS_RATE_LIMITED, "80000", "Instagram says: m", false, NILO__GRAPH_ACCOUNT, 900},
    {400, "{\"error\":{\"message\":\"m\",\"code\":80014}}", NILO_CLASS_RATE_LIMITED, "80014", "Instagram says: m", false, NILO__GRAPH_ACCOUNT, 900},
    {400, "{\"error\":{\"message\":\"m\",\"code\":80015}}", NILO_CLASS_INVALID, "80015", "Instagram says: m", false, -1, -1},
    {400, "{\"error\":{\"message\":\"(#10) Not enough viewers for the media to show insights\",\"code\":10}}", NILO_CLASS_PERMISSION, "10",
     "Instagram says: (#10) Not enough viewers for the media to show insights", false, -1, -1},
    {403, "{\"error\":{\"message\":\"(#200) Requires manage_pages\",\"code\":200}}", NILO_CLASS_PERMISSION, "200", "Instagram says: (#200) Requires manage_pages", false, -1, -1},
    {403, "{\"error\":{\"message\":\"m\",\"code\":299}}", NILO_CLASS_PERMISSION, "299", "Instagram says: m", false, -1, -1},
    {400, "{\"error\":{\"message\":\"m\",\"code\":300}}", NILO_CLASS_INVALID, "300", "Instagram says: m", false, -1, -1},
    {400, "{\"error\":{\"message\":\"Unsupported get request. Object with ID '1' does not exist\",\"type\":\"GraphMethodException\",\"code\":100,\"error_subcode\":33}}",
     NILO_CLASS_GONE, "100/33", "Instagram says: Unsupported get request. Object with ID '1' does not exist", false, -1, -1},
    {400, "{\"error\":{\"message\":\"Invalid parameter\",\"code\":100,\"error_subcode\":2108006,\"error_user_title\":\"Media posted before business account conversion\","
          "\"error_user_msg\":\"The media was posted before.\"}}",
     NILO_CLASS_INVALID, "100/2108006", "Instagram says: The media was posted before.", false, -1, -1},
    {400, "{\"error\":{\"message\":\"(#100) Tried accessing nonexisting field (veiws)\",\"code\":100}}", NILO_CLASS_INVALID, "100",
     "Instagram says: (#100) Tried accessing nonexisting field (veiws)", false, -1, -1},
    {400, "{\"error\":{\"message\":\"Invalid appsecret_proof provided in the API argument\",\"code\":100}}", NILO_CLASS_PERMISSION, "100",
     "Instagram says: Invalid appsecret_proof provided in the API argument", true, -1, -1},
    {400, "{\"error\":{\"message\":\"m\",\"code\":101}}", NILO_CLASS_PERMISSION, "101", "Instagram says: m", true, -1, -1},
    {400, "{\"error\":{\"message\":\"m\",\"code\":102}}", NILO_CLASS_AUTH, "102", "Instagram says: m", false, -1, -1},
    {400, "{\"error\":{\"message\":\"m\",\"code\":190,\"error_subcode\":458}}", NILO_CLASS_AUTH, "190/458", "Instagram says: m", false, -1, -1},
    {400, "{\"error\":{\"message\":\"m\",\"code\":190,\"error_subcode\":463}}", NILO_CLASS_AUTH, "190/463", "Instagram says: m", false, -1, -1},
    {400, "{\"error\":{\"message\":\"Cannot parse access token\",\"code\":190}}", NILO_CLASS_AUTH, "190", "Instagram says: Cannot parse access token", false, -1, -1},
    {400, "{\"error\":{\"message\":\"m\",\"code\":24}}", NILO_CLASS_INVALID, "24", "Instagram says: m", false, -1, -1},
    {400, "{\"error\":{\"message\":\"m\",\"code\":24,\"is_transient\":true}}", NILO_CLASS_TRANSIENT, "24", "Instagram says: m", false, -1, -1},
    {400, "{\"error\":{\"message\":\"Unknown path components: /x\",\"type\":\"IGApiException\",\"code\":2500}}", NILO_CLASS_INVALID, "2500",
     "Instagram says: Unknown path components: /x", false, -1, -1},
    {404, "{\"error\":{\"message\":\"(#803) Some of the aliases you requested do not exist: x\",\"code\":803}}", NILO_CLASS_GONE, "803",
     "Instagram says: (#803) Some of the aliases you requested do not exist: x", false, -1, -1},
    /* an error inside of a success; a code as text; without a code; no words at all; no JSON */
    {200, "{\"error\":{\"message\":\"m\",\"code\":\"190\"}}", NILO_CLASS_AUTH, "190", "Instagram says: m", false, -1, -1},
    {200, "{\"error\":{\"message\":\"m\"}}", NILO_CLASS_INVALID, "0", "Instagram says: m", false, -1, -1},
    {503, "{\"error\":{\"code\":99999}}", NILO_CLASS_TRANSIENT, "99999", "Instagram refuses it (code 99999)", false, -1, -1},
    {502, "<html>bad gateway</html>", NILO_CLASS_TRANSIENT, "http 502", "the platform answers HTTP 502", false, -1, -1},
    {401, "", NILO_CLASS_AUTH, "http 401", "the platform answers HTTP 401", false, -1, -1},
    /* signing in at Instagram */
    {400, "{\"error_type\":\"OAuthException\",\"code\":400,\"error_message\":\"Matching code was not found or was already used\"}", NILO_CLASS_INVALID, "0",
     "Instagram says: Matching code was not found or was already used", false, -1, -1},
    {400, "{\"error_type\":\"OAuthException\",\"code\":400,\"error_message\":\"Invalid platform app\"}", NILO_CLASS_PERMISSION, "0",
     "Instagram says: Invalid platform app", true, -1, -1},
};

static void test_codes_have_their_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        struct nilo_arena arena;
        struct nilo_result r;
        const struct nilo_http_answer a = answer(errors[i].status, errors[i].body, NULL, 0);
        nilo_arena_init(&arena, 0);
        if (!nilo__graph_refusal(&a, "Instagram", types, &arena, &r, NULL))
            fail_msg("taken for an answer: %s", errors[i].body);
        if (r.class != errors[i].class || strcmp(r.reason, errors[i].reason) != 0 || strcmp(r.message, errors[i].message) != 0 || r.key_wrong != errors[i].key_wrong ||
            r.limited != errors[i].limited)
            fail_msg("%s: %s, %s, \"%s\", key_wrong %d, limited %d", errors[i].body, nilo_class_word(r.class), r.reason, r.message, r.key_wrong, r.limited);
        int64_t wait = r.until == NILO_UNTIL_TIME ? (r.retry_at - NOW) / NILO_US_SECOND : -1;
        if (wait != errors[i].wait_s)
            fail_msg("%s: waits %lld s", errors[i].body, (long long)wait);
        nilo_arena_done(&arena);
    }
}

static void test_a_long_sentence_is_cut_between_characters(void **state)
{
    (void)state;
    struct nilo_buf body;
    struct nilo_arena arena;
    struct nilo_result r;
    nilo_buf_init(&body, 4000);
    nilo_buf_adds(&body, "{\"error\":{\"code\":24,\"message\":\"-");
    for (int i = 0; i < 400; i++)
        nilo_buf_adds(&body, "\xc3\xa4");
    nilo_buf_adds(&body, "\"}}");
    const struct nilo_http_answer a = answer(400, nilo_buf_str(&body), NULL, 0);
    nilo_arena_init(&arena, 0);
    assert_true(nilo__graph_refusal(&a, "X", types, &arena, &r, NULL));
    assert_int_equal(strlen(r.message), strlen("X says: ") + 299); /* a dash and 149 characters of two bytes */
    assert_true(nilo_utf8_valid(r.message, strlen(r.message), NULL));
    nilo_buf_done(&body);
    nilo_arena_done(&arena);
}

static void test_recorded_errors(void **state)
{
    static const struct {
        const char *file;
        enum nilo_class class;
        bool key_wrong;
    } rows[] = {{"error_100_appsecret_proof", NILO_CLASS_PERMISSION, true}, {"error_100_object", NILO_CLASS_PERMISSION, false}, {"error_190_460", NILO_CLASS_AUTH, false}};
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char below[200], bytes[8192];
        struct nilo_arena arena;
        struct nilo_result r;
        snprintf(below, sizeof(below), "fixtures/facebook/%s.json", rows[i].file);
        char *path = nilo_test_shared(below);
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        bytes[fread(bytes, 1, sizeof(bytes) - 1, f)] = '\0';
        fclose(f);
        free(path);
        const struct nilo_http_answer a = answer(400, bytes, NULL, 0);
        nilo_arena_init(&arena, 0);
        assert_true(nilo__graph_refusal(&a, "Facebook", types, &arena, &r, NULL));
        assert_int_equal(r.class, rows[i].class);
        assert_int_equal(r.key_wrong, rows[i].key_wrong);
        nilo_arena_done(&arena);
    }
}

/* ---- names of metrics -------------------------------------------------------------------------------------------------------------------- */

static void test_refused_names_are_found_in_the_sentence(void **state)
{
    static const char *const names[] = {"views", "reach", "saved", "shares", "total_views"};
    static const struct {
        const char *message;
        int64_t code, subcode;
        bool is;
        uint32_t refused;
    } rows[] = {
        {"(#100) The Media Insights API does not support the views metric for this media product type.", 100, 0, true, 1},
        {"(#100) The metric shares is not supported for this media type", 100, 0, true, 8},
        {"(#100) The saved and shares metrics are not supported", 100, 0, true, 12},
        {"(#100) the total_views metric", 100, 0, true, 16},
        {"(#100) metric[1] must be one of the following values: views, saved, total_views, impressions", 100, 0, true, 10},
        {"(#100) metric[1] must be one of the following values: dogs, cats", 100, 0, true, 0},
        {"(#100) The value must be a valid insights metric", 100, 0, true, 0},
        {"(#100) Tried accessing nonexisting field (views)", 100, 0, false, 0},
        {"the views metric", 10, 0, false, 0},
        {"the views metric", 100, 33, false, 0},
        {"the views metric", 100, 2108006, false, 0},
        {NULL, 100, 0, false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct nilo__graph_error e = {.there = true, .code = rows[i].code, .subcode = rows[i].subcode, .message = rows[i].message};
        uint32_t refused = 99;
        bool is = nilo__graph_of_metric(&e, names, 5, &refused);
        if (is != rows[i].is || refused != rows[i].refused)
            fail_msg("%s: %d, %x", rows[i].message != NULL ? rows[i].message : "NULL", is, refused);
    }
}

/* ---- usage -------------------------------------------------------------------------------------------------------------------------------- */

static void test_usage_headers_become_thousandths(void **state)
{
    static const struct {
        const char *name, *value;
        int64_t app, account, minutes;
    } rows[] = {
        {"x-app-usage", "{\"call_count\":28,\"total_time\":25,\"total_cputime\":26}", 280, -1, 0},
        {"x-app-usage", "{\"call_count\":2,\"total_time\":125,\"total_cputime\":26}", 1250, -1, 0},
        {"x-app-usage", "{\"call_count\":\"12.5\"}", 125, -1, 0},
        {"x-app-usage", "{\"call_count\":-3}", -1, -1, 0},
        {"x-app-usage", "{\"call_count\":1e30,\"total_time\":3}", 30, -1, 0},
        {"x-app-usage", "{\"call_count\":null}", -1, -1, 0},
        {"x-app-usage", "{}", -1, -1, 0},
        {"x-app-usage", "[28]", -1, -1, 0},
        {"x-app-usage", "28", -1, -1, 0},
        {"x-app-usage", "", -1, -1, 0},
        {"x-business-use-case-usage", "{\"17841400000000001\":[{\"type\":\"instagram\",\"call_count\":7,\"total_cputime\":9,\"total_time\":8,\"estimated_time_to_regain_access\":0}]}",
         -1, 90, 0},
        {"x-business-use-case-usage",
         "{\"1\":[{\"type\":\"pages\",\"call_count\":99},{\"type\":\"instagram\",\"call_count\":7}],\"2\":[{\"call_count\":100,\"type\":\"instagram\",\"estimated_time_to_regain_access\":19}]}",
         -1, 1000, 19},
        {"x-business-use-case-usage", "{\"1\":[{\"type\":\"pages\",\"call_count\":99,\"estimated_time_to_regain_access\":5}]}", -1, -1, 0},
        {"x-business-use-case-usage", "{\"1\":{\"type\":\"instagram\",\"call_count\":99}}", -1, -1, 0},
        {"x-business-use-case-usage", "{\"1\":[{\"type\":\"instagram\",\"estimated_time_to_regain_access\":99999999}]}", -1, -1, 1440},
        {"x-other", "{\"call_count\":28}", -1, -1, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct nilo_arena arena;
        struct nilo_result r;
        const struct nilo_http_header h = {rows[i].name, rows[i].value};
        const struct nilo_http_answer a = answer(200, "{}", &h, 1);
        nilo_arena_init(&arena, 0);
        assert_false(nilo__graph_refusal(&a, "Instagram", types, &arena, &r, NULL));
        int64_t minutes = r.full_until[NILO__GRAPH_ACCOUNT] == NILO_US_NONE ? 0 : (r.full_until[NILO__GRAPH_ACCOUNT] - NOW) / NILO_US_MINUTE;
        if (r.used_permille[0] != rows[i].app || r.used_permille[1] != rows[i].account || minutes != rows[i].minutes || r.full_until[0] != NILO_US_NONE)
            fail_msg("%s: %s: app %lld, account %lld, %lld min", rows[i].name, rows[i].value, (long long)r.used_permille[0], (long long)r.used_permille[1], (long long)minutes);
        nilo_arena_done(&arena);
    }
}

static void test_a_limit_waits_as_long_as_the_header_says(void **state)
{
    struct nilo_arena arena;
    struct nilo_result r;
    const struct nilo_http_header h = {"x-business-use-case-usage", "{\"1\":[{\"type\":\"instagram\",\"call_count\":100,\"estimated_time_to_regain_access\":42}]}"};
    const struct nilo_http_answer a = answer(400, "{\"error\":{\"message\":\"m\",\"code\":80002}}", &h, 1);
    (void)state;
    nilo_arena_init(&arena, 0);
    assert_true(nilo__graph_refusal(&a, "Instagram", types, &arena, &r, NULL));
    assert_int_equal(r.class, NILO_CLASS_RATE_LIMITED);
    assert_int_equal(r.until, NILO_UNTIL_TIME);
    assert_int_equal(r.retry_at, NOW + 42 * NILO_US_MINUTE);
    assert_int_equal(r.limited, NILO__GRAPH_ACCOUNT);
    nilo_arena_done(&arena);
}

/* ---- batches ------------------------------------------------------------------------------------------------------------------------------- */

static int parts_of(const char *body, size_t max, struct nilo_arena *arena, struct nilo__graph_part *parts, size_t *n, struct nilo_result *r)
{
    const struct nilo_http_answer a = answer(200, body, NULL, 0);
    struct nilo_err err = {0};
    assert_false(nilo__graph_refusal(&a, "Instagram", types, arena, r, NULL));
    return nilo__graph_parts(&a, max, types, arena, parts, n, r, &err);
}

static void test_parts_of_a_batch(void **state)
{
    struct nilo__graph_part parts[4] = {{0}};
    struct nilo_arena arena;
    struct nilo_result r;
    size_t n;
    (void)state;
    nilo_arena_init(&arena, 0);
    assert_int_equal(parts_of("[{\"code\":200,\"headers\":[{\"name\":\"X-App-Usage\",\"value\":\"{\\\"call_count\\\":31}\"},{\"name\":\"X-Business-Use-Case-Usage\","
                              "\"value\":\"{\\\"9\\\":[{\\\"type\\\":\\\"instagram\\\",\\\"call_count\\\":55}]}\"}],\"body\":\"{\\\"id\\\":\\\"1\\\"}\"},"
                              "null,{\"code\":400,\"body\":\"\"},{\"code\":\"x\",\"body\":null},{\"code\":200}]",
                              4, &arena, parts, &n, &r),
                     0);
    assert_int_equal(n, 4);
    assert_true(parts[0].there);
    assert_int_equal(parts[0].status, 200);
    assert_string_equal(parts[0].body, "{\"id\":\"1\"}");
    assert_false(parts[1].there);
    assert_int_equal(parts[2].status, 400);
    assert_string_equal(parts[2].body, "");
    assert_true(parts[3].there);
    assert_int_equal(parts[3].status, 0);
    assert_int_equal(r.used_permille[NILO__GRAPH_APP], 310);
    assert_int_equal(r.used_permille[NILO__GRAPH_ACCOUNT], 550);
    assert_int_not_equal(parts_of("{\"id\":1}", 4, &arena, parts, &n, &r), 0);
    assert_int_equal(parts_of("[]", 4, &arena, parts, &n, &r), 0);
    assert_int_equal(n, 0);
    nilo_arena_done(&arena);
}

/* ---- ids, cursors, proofs -------------------------------------------------------------------------------------------------------------------- */

static void test_ids_and_cursors(void **state)
{
    static const struct {
        const char *text;
        bool id, cursor;
    } rows[] = {
        {"17895731045244887", true, true}, {"123_456", true, true}, {"123_", false, true}, {"_456", false, true}, {"12a", false, true}, {"", false, false},
        {"QVFIUmx1WTBpMGpZAQ0lmZAW==", false, true}, {"https://graph.facebook.com/v6.0/1/media?access_token=x", false, false}, {"a b", false, false},
        {"a&access_token=b", false, false}, {"//evil", false, false}, {"1_2_3", false, true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (nilo__graph_id_fine(rows[i].text) != rows[i].id || nilo__graph_cursor_fine(rows[i].text) != rows[i].cursor)
            fail_msg("\"%s\": id %d, cursor %d", rows[i].text, nilo__graph_id_fine(rows[i].text), nilo__graph_cursor_fine(rows[i].text));
    }
}

/* RFC 4231's second vector: key and message are texts. */
static void test_the_proof_is_an_hmac(void **state)
{
    struct nilo_arena arena;
    (void)state;
    nilo_arena_init(&arena, 0);
    assert_string_equal(nilo__graph_proof("Jefe", "what do ya want for nothing?", &arena), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    nilo_arena_done(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_codes_have_their_class),
        cmocka_unit_test(test_a_long_sentence_is_cut_between_characters),
        cmocka_unit_test(test_recorded_errors),
        cmocka_unit_test(test_refused_names_are_found_in_the_sentence),
        cmocka_unit_test(test_usage_headers_become_thousandths),
        cmocka_unit_test(test_a_limit_waits_as_long_as_the_header_says),
        cmocka_unit_test(test_parts_of_a_batch),
        cmocka_unit_test(test_ids_and_cursors),
        cmocka_unit_test(test_the_proof_is_an_hmac),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
