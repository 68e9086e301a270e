/* TikTok Shop's answers: the documented and written ones of the shared fixtures, damaged ones, what is wrong with others, and the requests that bring them. What the
 * fixtures should read as was put down by a reader that has nothing to do with the parser (Python's json), and the signatures were made by Python's hmac. */
#include "support/nilo_test.h"

#include "answers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "connect/connector.h"

#define ACCESS "CANARY-TTP_access"
#define CIPHER "GCP_XF90igAAAAA-_="
#define NOW    (INT64_C(1795298400) * NILO_US_SECOND) /* 2026-11-21 22:00 UTC */
#define LAST   20777                                  /* 2026-11-20 */

static const struct nilo_credentials seller = {.access_token = ACCESS, .refresh_token = "CANARY-refresh", .client_id = "key-1", .client_secret = "CANARY-app-secret"};
static const char *const one_id[] = {"7290000000000000001"};

static const struct nilo_connector *shop(void)
{
    return nilo_connector_find("tiktok_shop");
}

static struct nilo_ask asking(enum nilo_op op, unsigned variant, bool detail)
{
    return (struct nilo_ask){.op = op, .credentials = &seller, .variant = variant, .now = NOW, .listing = CIPHER, .win = 30, .day = NILO_DAY(LAST), .ids = one_id, .n_ids = detail};
}

/* ---- results as text -------------------------------------------------------------------------------------------------------------------- */

static void add_values(struct nilo_buf *b, const struct nilo_item *item)
{
    for (const struct nilo_item_value *v = item->values; v < item->values + item->n_values; v++) {
        nilo_buf_addf(b, " %s%s", v->metric->name, v->absence == NILO_PRESENT ? "=" : "!");
        if (v->absence == NILO_PRESENT)
            nilo_buf_addf(b, "%lld%s", (long long)v->value, v->currency != NULL ? v->currency : "");
        else
            nilo_buf_adds(b, nilo_absence_name((int)v->absence));
    }
}

static void add_said(struct nilo_buf *b, const char *name, const char *text)
{
    if (text != NULL)
        nilo_buf_addf(b, " %s:%s", name, text);
}

/* Only what is said: of items id, class, values, when posted, how long, address, title; of shops id, cipher, code, name; tokens; the next page; what is wrong. */
static void add_result(struct nilo_buf *b, const struct nilo_result *r)
{
    for (const struct nilo_item *i = r->items; i < r->items + r->n_items; i++) {
        nilo_buf_adds(b, i->id);
        if (i->class != NILO_CLASS_OK)
            nilo_buf_addf(b, " (%s)", nilo_class_word(i->class));
        add_values(b, i);
        if (i->posted_at != NILO_US_NONE)
            nilo_buf_addf(b, " at:%lld", (long long)(i->posted_at / NILO_US_SECOND));
        if (i->duration_ms >= 0)
            nilo_buf_addf(b, " ms:%lld", (long long)i->duration_ms);
        add_said(b, "url", i->url);
        add_said(b, "title", i->title);
        nilo_buf_adds(b, "\n");
    }
    for (size_t i = 0; i < r->n_accounts; i++) {
        nilo_buf_adds(b, r->accounts[i].id);
        add_said(b, "cipher", r->accounts[i].listing);
        add_said(b, "code", r->accounts[i].handle);
        add_said(b, "name", r->accounts[i].title);
        nilo_buf_adds(b, "\n");
    }
    if (r->tokens.access_token != NULL)
        nilo_buf_addf(b, "%s %s %lld %lld\n", r->tokens.access_token, r->tokens.refresh_token != NULL ? r->tokens.refresh_token : "-", (long long)r->tokens.expires_s,
                      (long long)r->tokens.refresh_expires_s);
    if (r->next != NULL)
        nilo_buf_addf(b, "next %s\n", r->next);
    if (r->class == NILO_CLASS_OK && !nilo_day_is_none(r->through)) {
        char day[NILO_DAY_TEXT];
        nilo_day_format(r->through, day);
        nilo_buf_addf(b, "through %s\n", day);
    }
    if (r->lacks)
        nilo_buf_adds(b, "lacks\n");
    if (r->class != NILO_CLASS_OK)
        nilo_buf_addf(b, "%s: %s\n", nilo_class_word(r->class), r->reason);
}

static void takes(const char *name, const struct nilo_ask *ask, int status, const char *body, const char *wanted)
{
    const struct nilo_http_answer a = {.id = 1, .purpose = "", .message = "", .status = status, .body = body, .n_body = strlen(body), .retry_after_ms = -1, .ended_at = NOW};
    struct nilo_arena arena;
    struct nilo_buf b;
    struct nilo_result r;
    nilo_arena_init(&arena, 0);
    nilo_buf_init(&b, 1 << 20);
    assert_int_equal(nilo_connector_take(shop(), ask, &a, &arena, &r, NULL), 0);
    add_result(&b, &r);
    if (strcmp(nilo_buf_str(&b), wanted) != 0)
        fail_msg("%s: %s\n%swanted\n%s", name, r.message, nilo_buf_str(&b), wanted);
    for (size_t i = 0; i < r.n_items; i++)
        assert_true(r.items[i].class == NILO_CLASS_OK || (r.items[i].reason != NULL && r.items[i].reason[0] != '\0'));
    assert_null(strstr(r.message, "CANARY"));
    nilo_buf_done(&b);
    nilo_arena_done(&arena);
}

/* ---- fixtures --------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *file;
    enum nilo_op op;
    unsigned variant;
    const char *lines;
} fixtures[] = {
    {"docs_shop_videos_performance_202605", NILO_OP_REPORT, 0,
     ("172xxxxxxxxxxxxx089 gmv=0USD gpm=0USD ctr=0 items_sold=0 orders=0 views=0 duration=34000000 at:1735689600 ms:34000 title:Video Title\n"
      "next cGFnZV9udW1iZXI9MQ==\nthrough 2024-09-07\n")},
    {"synthetic_shop_videos_performance_202409", NILO_OP_REPORT, 2,
     ("7290000000000000001 gmv=154075USD gpm!unsupported ctr=3750000 items_sold=41 orders=38 views=12000 duration!not_reported at:1725264000 "
      "url:https://www.tiktok.com/@shop.one/video/7290000000000000001 title:one\nthrough 2024-09-07\n")},
    {"synthetic_token_refresh", NILO_OP_REFRESH, 0, "REDACTED REDACTED 701600 31701600\n"},
    {"synthetic_token_refresh", NILO_OP_EXCHANGE, 0, "REDACTED REDACTED 701600 31701600\n"},
    {"synthetic_token_refresh", NILO_OP_REPORT, 0, "invalid: unreadable answer\n"},
    {"synthetic_token_refresh", NILO_OP_ACCOUNTS, 0, "invalid: unreadable answer\n"},
    {"docs_shop_videos_performance_202605", NILO_OP_REFRESH, 0, "invalid: unreadable answer\n"},
    {"docs_shop_videos_performance_202605", NILO_OP_ACCOUNT, 0, "invalid: unreadable answer\n"},
};

static void the_fixtures_say_what_a_reader_of_them_sees(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(fixtures) / sizeof(fixtures[0]); i++) {
        char below[200], body[1 << 14];
        snprintf(below, sizeof(below), "fixtures/tiktok_shop/%s.json", fixtures[i].file);
        char *path = nilo_test_shared(below);
        FILE *f = fopen(path, "rb");
        assert_non_null(f);
        body[fread(body, 1, sizeof(body) - 1, f)] = '\0';
        fclose(f);
        free(path);
        const struct nilo_ask ask = asking(fixtures[i].op, fixtures[i].variant, false);
        takes(fixtures[i].file, &ask, 200, body, fixtures[i].lines);
    }
}

/* ---- damage -------------------------------------------------------------------------------------------------------------------------------- */

/* A row of which one member is damaged; the other row is always whole. */
enum kind { COUNT, LENGTH, TIME, AMOUNT, CURRENCY, AVERAGE, RATE, TEXT };
static const struct part {
    const char *name, *whole, *said; /* said: where it is whole */
    enum kind kind;
} parts[] = {
    {"gmv.amount", "\"1540.75\"", " gmv=154075USD", AMOUNT}, {"gmv.currency", "\"USD\"", "", CURRENCY}, {"gpm.amount", "\"12.84\"", " gpm=1284USD", AVERAGE},
    {"click_through_rate", "\"3.75%\"", " ctr=3750000", RATE}, {"items_sold", "41", " items_sold=41", COUNT}, {"sku_orders", "38", " orders=38", COUNT},
    {"views", "12000", " views=12000", COUNT}, {"duration", "34", " duration=34000000", LENGTH}, {"video_post_time", "\"2026-11-01 08:00:00\"", " at:1793520000", TIME},
    {"title", "\"one\"", " title:one", TEXT},
};
enum { PARTS = sizeof(parts) / sizeof(parts[0]) };

/* What becomes of each kind of member that is damaged so; NULL = the same as failed. Numbers are what is kept. */
static const struct damage {
    const char *name, *text, *count, *length, *time, *amount, *average, *rate, *title;
} damages[] = {
    {"missing", NULL, "!not_reported", "!not_reported", "", NULL, NULL, "!not_reported", ""},
    {"null", "null", "!not_reported", "!not_reported", "", NULL, NULL, "!not_reported", ""},
    {"text for number", "\"many\"", NULL, NULL, NULL, NULL, NULL, NULL, "many"},
    {"empty text", "\"\"", NULL, NULL, NULL, NULL, NULL, NULL, ""},
    {"number for text", "17", "=17", "=17000000", NULL, "=1700USD", "=1700USD", NULL, ""},
    {"digits in a text", "\"17\"", "=17", "=17000000", NULL, "=1700USD", "=1700USD", NULL, "17"},
    {"a fraction", "0.5", NULL, NULL, NULL, "=50USD", "=50USD", "=50000000", ""},
    {"three digits behind the point", "\"0.125\"", NULL, NULL, NULL, NULL, "=12USD", "=12500000", "0.125"},
    {"more than all of it", "\"100.1%\"", NULL, NULL, NULL, NULL, NULL, NULL, "100.1%"},
    {"all of it", "\"100%\"", NULL, NULL, NULL, NULL, NULL, "=100000000", "100%"},
    {"huge", "99999999999999999999", NULL, NULL, NULL, NULL, NULL, NULL, ""},
    {"huge in a text", "\"99999999999999999999.00\"", NULL, NULL, NULL, NULL, NULL, NULL, "99999999999999999999.00"},
    {"as large as may be", "9223372036854775807", "=9223372036854775807", NULL, NULL, NULL, NULL, NULL, ""},
    {"beyond 2^53", "9007199254740993", "=9007199254740993", NULL, NULL, "=900719925474099300USD", "=900719925474099300USD", NULL, ""},
    {"negative", "-5", NULL, NULL, NULL, NULL, NULL, NULL, ""},
    {"negative in a text", "\"-5.00\"", NULL, NULL, NULL, NULL, NULL, NULL, "-5.00"},
    {"with a thousands separator", "\"1,540.75\"", NULL, NULL, NULL, NULL, NULL, NULL, "1,540.75"},
    {"true", "true", NULL, NULL, NULL, NULL, NULL, NULL, ""},
    {"an object", "{\"n\":1}", NULL, NULL, NULL, NULL, NULL, NULL, ""},
    {"an array", "[1]", NULL, NULL, NULL, NULL, NULL, NULL, ""},
    {"from the future", "\"2026-11-23 08:00:00\"", NULL, NULL, NULL, NULL, NULL, NULL, "2026-11-23 08:00:00"},
};

static void add_row(struct nilo_buf *b, const char *name, const char *text)
{
    const char *v[PARTS];
    char member[PARTS][120];
    for (size_t i = 0; i < PARTS; i++) {
        const char *dot = strchr(parts[i].name, '.');
        v[i] = strcmp(name, parts[i].name) == 0 ? text : parts[i].whole;
        snprintf(member[i], sizeof(member[i]), "%s\"%s\":%s", i == 0 || i == 2 ? "" : ",", dot != NULL ? dot + 1 : parts[i].name, v[i] != NULL ? v[i] : "0");
    }
    nilo_buf_addf(b, "{\"id\":\"1\",\"gmv\":{%s%s},\"gpm\":{%s%s\"currency\":\"USD\"}", v[0] != NULL ? member[0] : "\"x\":1", v[1] != NULL ? member[1] : "",
                  v[2] != NULL ? member[2] : "", v[2] != NULL ? "," : "");
    for (size_t i = 3; i < PARTS; i++)
        nilo_buf_adds(b, v[i] != NULL ? member[i] : "");
    nilo_buf_adds(b, "}");
}

/* What is said of the damaged member. *ret_wrong: the item is called invalid */
static void damaged(const struct part *p, const struct damage *d, struct nilo_buf *b, bool *ret_wrong)
{
    const char *as[] = {d->count, d->length, d->time, d->amount, NULL, d->average, d->rate, d->title};
    const char *name = strcmp(p->name, "click_through_rate") == 0 ? "ctr" : strcmp(p->name, "sku_orders") == 0 ? "orders" : p->name;
    *ret_wrong = as[p->kind] == NULL;
    if (p->kind == TEXT)
        nilo_buf_addf(b, as[TEXT][0] != '\0' ? " title:%s" : "%s", as[TEXT]);
    else if (p->kind != TIME)
        nilo_buf_addf(b, " %.*s%s", (int)strcspn(name, "."), name, as[p->kind] != NULL ? as[p->kind] : "!failed");
}

static void what_is_damaged_is_refused_with_a_reason_and_the_rest_is_kept(void **state)
{
    (void)state;
    const struct nilo_ask ask = asking(NILO_OP_REPORT, 0, false);
    for (size_t m = 0; m < PARTS; m++) {
        for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
            const struct damage *d = &damages[i];
            struct nilo_buf body, said, wanted;
            char name[200];
            bool wrong = true;
            nilo_buf_init(&body, 1 << 16);
            nilo_buf_init(&said, 1 << 16);
            nilo_buf_init(&wanted, 1 << 16);
            nilo_buf_adds(&body, "{\"code\":0,\"data\":{\"videos\":[");
            add_row(&body, parts[m].name, d->text);
            nilo_buf_adds(&body, ",{\"id\":\"2\",\"views\":\"3000000000\"}]}}");
            for (size_t k = 0; k < PARTS; k++) {
                if (k == m && parts[m].kind == CURRENCY)
                    continue;
                if (k == 0 && parts[m].kind == CURRENCY)
                    nilo_buf_adds(&said, " gmv!failed");
                else if (k != m)
                    nilo_buf_adds(&said, parts[k].said);
                else
                    damaged(&parts[m], d, &said, &wrong);
                if (parts[k].kind == TIME) /* behind the values, with the length */
                    nilo_buf_adds(&said, parts[m].kind == LENGTH ? (d->length != NULL && d->length[0] == '=' ? " ms:17000" : "") : " ms:34000");
            }
            nilo_buf_addf(&wanted, "1%s%s\n2 gmv!not_reported gpm!not_reported ctr!not_reported items_sold!not_reported orders!not_reported views=3000000000 duration!not_reported\n",
                          wrong ? " (invalid)" : "", nilo_buf_str(&said));
            snprintf(name, sizeof(name), "%s %s", parts[m].name, d->name);
            takes(name, &ask, 200, nilo_buf_str(&body), nilo_buf_str(&wanted));
            nilo_buf_done(&body);
            nilo_buf_done(&said);
            nilo_buf_done(&wanted);
        }
    }
}

#define LIST(rows) "{\"code\":0,\"message\":\"Success\",\"data\":{\"videos\":[" rows "]}}"
#define NOTHING    " gpm!not_reported ctr!not_reported items_sold!not_reported orders!not_reported views!not_reported duration!not_reported"
#define MONEY(amount, currency) LIST("{\"id\":\"1\",\"gmv\":{\"amount\":\"" amount "\",\"currency\":\"" currency "\"}}")
#define RATE_OF(text) LIST("{\"id\":\"1\",\"click_through_rate\":" text "}")
#define RATED(said) " gmv!not_reported gpm!not_reported ctr" said " items_sold!not_reported orders!not_reported views!not_reported duration!not_reported\n"

static const struct {
    const char *name;
    unsigned variant;
    bool detail;
    const char *body, *lines;
} odd[] = {
    {"a currency without coins", 0, false, MONEY("1540", "JPY"), "1 gmv=154000JPY" NOTHING "\n"},
    {"one with thousandths that fit", 0, false, MONEY("1.230", "KWD"), "1 gmv=123KWD" NOTHING "\n"},
    {"one with thousandths that do not", 0, false, MONEY("1.234", "KWD"), "1 (invalid) gmv!failed" NOTHING "\n"},
    {"no such currency", 0, false, MONEY("1", "usd"), "1 (invalid) gmv!failed" NOTHING "\n"},
    {"an amount as a bare number", 0, false, LIST("{\"id\":\"1\",\"gmv\":1540.75}"), "1 (invalid) gmv!failed" NOTHING "\n"},
    {"an amount that is null", 0, false, LIST("{\"id\":\"1\",\"gmv\":null}"), "1 gmv!not_reported" NOTHING "\n"},
    {"a rate in per cent", 0, false, RATE_OF("\"12.5%\""), "1" RATED("=12500000")},
    {"a rate as a share", 0, false, RATE_OF("\"0.0528\""), "1" RATED("=5280000")},
    {"the same as a number", 0, false, RATE_OF("0.0528"), "1" RATED("=5280000")},
    {"the same in per cent", 0, false, RATE_OF("\"5.28%\""), "1" RATED("=5280000")},
    {"more than one, and no per cent", 0, false, RATE_OF("\"12.5\""),
     "1 (invalid)" RATED("!failed")},
    {"sold by its older name", 2, false, LIST("{\"id\":\"1\",\"units_sold\":7}"),
     "1 gmv!not_reported gpm!unsupported ctr!not_reported items_sold=7 orders!not_reported views!not_reported duration!not_reported\n"},
    {"a short page", 0, false, "{\"code\":0,\"data\":{\"videos\":[],\"next_page_token\":\"abc\",\"latest_available_date\":\"2026-11-19\"}}", "next abc\nthrough 2026-11-19\n"},
    {"the last page", 0, false, "{\"code\":0,\"data\":{\"videos\":[],\"next_page_token\":\"\",\"latest_available_date\":\"soon\"}}", ""},
    {"a day that has not come", 0, false, "{\"code\":0,\"data\":{\"videos\":[],\"next_page_token\":null,\"latest_available_date\":\"2026-12-24\"}}", ""},
    {"no videos at all", 0, false, "{\"code\":0,\"data\":{\"total_count\":0}}", ""},
    {"no list, and no word of why", 0, false, "{\"code\":0,\"data\":{}}", "invalid: unreadable answer\n"},
    {"a list of another kind", 0, false, "{\"code\":0,\"data\":{\"videos\":{}}}", "invalid: unreadable answer\n"},
    {"an id that could be nobody's", 0, false, LIST("{\"id\":\"../x\"},{\"views\":1},{\"id\":\"1\"}"), "1 gmv!not_reported" NOTHING "\nlacks\n"},
    {"an id as a number", 0, false, LIST("{\"id\":7290000000000000001}"), "7290000000000000001 gmv!not_reported" NOTHING "\n"},
    {"entries that are none", 0, false, LIST("null,7"), "lacks\n"},
    {"no code", 0, false, "{\"data\":{\"videos\":[]}}", "invalid: unreadable answer\n"},
    {"a code that is null", 0, false, "{\"code\":null,\"data\":{\"videos\":[]}}", "invalid: unreadable answer\n"},
    {"cut off", 0, false, "{\"code\":0,\"data\":{\"videos\":[", "invalid: unreadable answer\n"},
    {"no JSON", 0, false, "<html>", "invalid: unreadable answer\n"},
    {"one video by the newer version", 0x10, true,
     "{\"code\":0,\"data\":{\"performance\":{\"intervals\":[{\"traffic\":{\"views\":9,\"likes\":5,\"comments\":\"6\",\"shares\":7}},{\"traffic\":{\"likes\":1}}]}}}",
     "7290000000000000001 likes=6 comments=6 shares=7\n"},
    {"one video by the older one", 0x20, true, "{\"code\":0,\"data\":{\"engagement_data\":{\"total_likes\":5,\"total_shares\":0,\"total_views\":9}}}",
     "7290000000000000001 likes=5 comments!not_reported shares=0\n"},
    {"one video, damaged", 0, true, "{\"code\":0,\"data\":{\"performance\":{\"intervals\":[{\"traffic\":{\"likes\":-5,\"comments\":null,\"shares\":\"many\"}}]}}}",
     "7290000000000000001 (invalid) likes!failed comments!not_reported shares!failed\n"},
    {"one video, nothing of it", 0, true, "{\"code\":0,\"data\":{}}", "invalid: unreadable answer\n"},
};

static void odd_answers_are_taken_for_what_they_are(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        const struct nilo_ask ask = asking(NILO_OP_REPORT, odd[i].variant, odd[i].detail);
        takes(odd[i].name, &ask, 200, odd[i].body, odd[i].lines);
    }
}

#define SHOPS "{\"code\":0,\"data\":{\"shops\":[{\"id\":\"7\",\"name\":\"One\",\"code\":\"USONE\",\"cipher\":\"C1\"},{\"id\":\"8\",\"name\":\"Two\",\"cipher\":\"C2\"},{\"id\":\"9\"}]}}"

static void shops_are_all_or_the_one_that_is_meant(void **state)
{
    (void)state;
    static const char *const two[] = {NULL, NULL, NULL, "C2", NULL, NULL}, *const none[] = {NULL, NULL, NULL, "C9", NULL, NULL};
    static const struct {
        enum nilo_op op;
        const char *account, *const *settings, *body, *lines;
    } cases[] = {
        {NILO_OP_ACCOUNTS, NULL, NULL, SHOPS, "7 cipher:C1 code:USONE name:One\n8 cipher:C2 name:Two\n"},
        {NILO_OP_ACCOUNT, NULL, NULL, SHOPS, "7 cipher:C1 code:USONE name:One\n8 cipher:C2 name:Two\n"},
        {NILO_OP_ACCOUNT, "8", NULL, SHOPS, "8 cipher:C2 name:Two\n"},
        {NILO_OP_ACCOUNT, "USONE", NULL, SHOPS, "7 cipher:C1 code:USONE name:One\n"},
        {NILO_OP_ACCOUNT, NULL, two, SHOPS, "8 cipher:C2 name:Two\n"},
        {NILO_OP_ACCOUNT, NULL, none, SHOPS, "permission: no such shop\n"},
        {NILO_OP_ACCOUNT, "9", NULL, SHOPS, "permission: no such shop\n"},
        {NILO_OP_ACCOUNT, NULL, NULL, "{\"code\":0,\"data\":{\"shops\":[]}}", "permission: no such shop\n"},
        {NILO_OP_ACCOUNT, NULL, NULL, "{\"code\":105005,\"message\":\"no scope\"}", "permission: 105005\n"},
        {NILO_OP_ACCOUNT, NULL, two, "{\"code\":105005,\"message\":\"no scope\"}", "C2 cipher:C2\n"}, /* who may not ask names it */
        {NILO_OP_ACCOUNT, NULL, two, "{\"code\":106001,\"message\":\"sign\"}", "permission: 106001\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_ask ask = asking(cases[i].op, 0, false);
        ask.account = cases[i].account;
        ask.settings = cases[i].settings;
        takes(cases[i].lines, &ask, 200, cases[i].body, cases[i].lines);
    }
}

static void a_life_of_tokens_is_an_instant_or_a_span(void **state)
{
    (void)state;
    static const struct {
        const char *access, *refresh, *lines;
    } cases[] = {
        {"1796000000", "1827000000", "a r 701600 31701600\n"}, {"\"604800\"", "31536000", "a r 604800 31536000\n"}, {"1795298399", "0", "a r 0 0\n"},
        {"-1", "99999999999999999999", "a r -1 -1\n"}, {"null", "\"soon\"", "a r -1 -1\n"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char body[300];
        const struct nilo_ask ask = asking(NILO_OP_REFRESH, 0, false);
        snprintf(body, sizeof(body), "{\"code\":0,\"data\":{\"access_token\":\"a\",\"access_token_expire_in\":%s,\"refresh_token\":\"r\",\"refresh_token_expire_in\":%s}}", cases[i].access,
                 cases[i].refresh);
        takes(cases[i].access, &ask, 200, body, cases[i].lines);
    }
    const struct nilo_ask ask = asking(NILO_OP_EXCHANGE, 0, false);
    takes("no token", &ask, 200, "{\"code\":0,\"data\":{\"access_token\":\"\"}}", "invalid: unreadable answer\n");
    takes("a number", &ask, 200, "{\"code\":0,\"data\":{\"access_token\":5}}", "invalid: unreadable answer\n");
}

/* ---- errors -------------------------------------------------------------------------------------------------------------------------------- */

static const struct {
    const char *code;
    int status;
    enum nilo_class class;
    enum nilo_until until;
    bool key_wrong;
} refusals[] = {
    {"28001022", 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false},        {"28001022", 400, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false},
    {"36009003", 200, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false},      {"36009003", 500, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false},
    {"105002", 200, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false},             {"105002", 401, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false},
    {"105005", 200, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},       {"105005", 403, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},
    {"106001", 200, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},        {"106001", 401, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, true},
    {"101000", 200, NILO_CLASS_PERMISSION, NILO_UNTIL_SOON, false},       {"36009037", 200, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_TIME, false},
    {"36009037", 429, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_TIME, false},   {"4711", 200, NILO_CLASS_INVALID, NILO_UNTIL_SOON, false},
    {"4711", 503, NILO_CLASS_TRANSIENT, NILO_UNTIL_SOON, false},          {"4711", 429, NILO_CLASS_RATE_LIMITED, NILO_UNTIL_SOON, false},
    {"4711", 401, NILO_CLASS_AUTH, NILO_UNTIL_SOON, false},
};

static void errors_have_the_class_that_decides_what_is_done(void **state)
{
    (void)state;
    static const enum nilo_op ops[] = {NILO_OP_ACCOUNTS, NILO_OP_REPORT, NILO_OP_REFRESH};
    for (size_t i = 0; i < 3 * sizeof(refusals) / sizeof(refusals[0]); i++) {
        char body[200];
        struct nilo_arena arena;
        struct nilo_result r;
        const struct nilo_ask ask = asking(ops[i % 3], 0, false);
        nilo_arena_init(&arena, 0);
        snprintf(body, sizeof(body), "{\"code\":%s,\"message\":\"some words\",\"request_id\":\"2026\"}", refusals[i / 3].code);
        struct nilo_http_answer a = {.message = "", .status = refusals[i / 3].status, .body = body, .n_body = strlen(body), .retry_after_ms = -1, .ended_at = NOW};
        assert_int_equal(shop()->take(&ask, &a, &arena, &r, NULL), 0);
        if (r.class != refusals[i / 3].class || r.until != refusals[i / 3].until || r.key_wrong != refusals[i / 3].key_wrong || strcmp(r.reason, refusals[i / 3].code) != 0)
            fail_msg("%d %s: class %s until %d key %d reason %s", a.status, body, nilo_class_word(r.class), (int)r.until, r.key_wrong, r.reason);
        assert_true(r.until != NILO_UNTIL_TIME || r.retry_at == NOW + NILO_US_HOUR);
        assert_non_null(strstr(r.message, "some words"));
        assert_false(r.again);
        assert_int_equal(r.n_items + r.n_accounts, 0);
        nilo_arena_done(&arena);
    }
}

static void a_version_that_is_not_known_is_asked_for_in_the_one_before(void **state)
{
    (void)state;
    static const struct {
        unsigned variant;
        bool detail, again;
        unsigned then;
    } cases[] = {{0x00, false, true, 0x01}, {0x01, false, true, 0x02}, {0x02, false, false, 0x02}, {0x20, false, true, 0x21},
                 {0x02, true, true, 0x12},  {0x12, true, true, 0x22},  {0x21, true, false, 0x21}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_arena arena;
        struct nilo_result r;
        const struct nilo_ask ask = asking(NILO_OP_REPORT, cases[i].variant, cases[i].detail);
        const char *body = "{\"code\":36009009,\"message\":\"Invalid path\"}";
        const struct nilo_http_answer a = {.message = "", .status = 404, .body = body, .n_body = strlen(body), .retry_after_ms = -1, .ended_at = NOW};
        nilo_arena_init(&arena, 0);
        assert_int_equal(shop()->take(&ask, &a, &arena, &r, NULL), 0);
        assert_int_equal(r.again, cases[i].again);
        assert_int_equal(r.variant, cases[i].then);
        assert_int_equal(r.class, NILO_CLASS_INVALID);
        nilo_arena_done(&arena);
    }
}

/* ---- requests ------------------------------------------------------------------------------------------------------------------------------ */

static const char *const local[] = {"http://127.0.0.1:8080/proxy", "http://127.0.0.1:8080/api/v2/token", NULL, NULL, "LOCAL", "AFFILIATE_ACCOUNTS"};
#define SIGNED " app_key=key-1 timestamp=1795298400 sign="
#define TOKEN  "(secret) x-tts-access-token=" ACCESS "(secret)\n"

static const struct {
    enum nilo_op op;
    unsigned variant;
    bool detail;
    const char *cursor, *code, *const *settings, *request;
} requests[] = {
    {NILO_OP_ACCOUNTS, 0, false, NULL, NULL, NULL,
     "https://open-api.tiktokglobalshop.com/authorization/202309/shops bucket 0" SIGNED "cb0d4cf2ebe1c23ebe979334c0ee1ec2043f69a6a900cac7746df3311a953b7f" TOKEN},
    {NILO_OP_REPORT, 0, false, NULL, NULL, NULL,
     ("https://open-api.tiktokglobalshop.com/analytics/202605/shop_videos/performance bucket 0 shop_cipher=" CIPHER
      " start_date_ge=2026-10-22 end_date_lt=2026-11-21 currency=USD account_type=ALL page_size=100 sort_field=gmv sort_order=DESC" SIGNED "5921ccc2f9677b6c9ae62faee354df1ced4dc24568de6e817fc26814503bc470" TOKEN)},
    {NILO_OP_REPORT, 0x12, false, "cGFnZV9udW1iZXI9MQ==", NULL, local,
     ("http://127.0.0.1:8080/proxy/analytics/202409/shop_videos/performance bucket 0 loopback shop_cipher=" CIPHER
      " start_date_ge=2026-10-22 end_date_lt=2026-11-21 currency=LOCAL account_type=AFFILIATE_ACCOUNTS page_size=100 sort_field=gmv sort_order=DESC"
      " page_token=cGFnZV9udW1iZXI9MQ==" SIGNED "1d4d78e6ed9e1517a4c44b6ffd3adac00d23b1a7375a0093af95967c18ad6978" TOKEN)},
    {NILO_OP_REPORT, 0x12, true, NULL, NULL, NULL,
     ("https://open-api.tiktokglobalshop.com/analytics/202509/shop_videos/7290000000000000001/performance bucket 1 shop_cipher=" CIPHER
      " start_date_ge=2026-10-22 end_date_lt=2026-11-21 currency=USD" SIGNED "079871f50e36f6da4f01ff95fa6e71866e4f5fe83c443868ae89b0ccacbd07b0" TOKEN)},
    {NILO_OP_REFRESH, 0, false, NULL, NULL, NULL,
     ("https://auth.tiktok-shops.com/api/v2/token/refresh bucket -1 app_key=key-1 app_secret=CANARY-app-secret(secret) grant_type=refresh_token"
      " refresh_token=CANARY-refresh(secret)\n")},
    {NILO_OP_EXCHANGE, 0, false, NULL, "CANARY-code", local,
     ("http://127.0.0.1:8080/api/v2/token/get bucket -1 loopback app_key=key-1 app_secret=CANARY-app-secret(secret) grant_type=authorized_code"
      " auth_code=CANARY-code(secret)\n")},
};

static void requests_are_signed_as_another_program_signs_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct nilo_arena arena;
        struct nilo_buf b;
        struct nilo_call call;
        struct nilo_err err = {0};
        struct nilo_ask ask = asking(requests[i].op, requests[i].variant, requests[i].detail);
        ask.cursor = requests[i].cursor;
        ask.code = requests[i].code;
        ask.settings = requests[i].settings;
        nilo_arena_init(&arena, 0);
        nilo_buf_init(&b, 1 << 16);
        if (shop()->make(&ask, &arena, &call, &err) != 0)
            fail_msg("%zu: %s", i, err.msg);
        nilo_buf_addf(&b, "%s bucket %d%s", call.http.url, call.bucket, call.http.loopback ? " loopback" : "");
        for (size_t k = 0; k < call.http.n_query; k++)
            nilo_buf_addf(&b, " %s=%s%s", call.http.query[k].name, call.http.query[k].value, call.http.query[k].secret ? "(secret)" : "");
        for (size_t k = 0; k < call.http.n_headers; k++)
            nilo_buf_addf(&b, " %s=%s%s", call.http.headers[k].name, call.http.headers[k].value, call.http.headers[k].secret ? "(secret)" : "");
        nilo_buf_adds(&b, "\n");
        if (strcmp(nilo_buf_str(&b), requests[i].request) != 0)
            fail_msg("%zu:\n%swanted\n%s", i, nilo_buf_str(&b), requests[i].request);
        assert_string_equal(call.http.method, "GET");
        assert_null(call.http.body);
        assert_null(strstr(call.http.url, "CANARY"));
        assert_null(strstr(call.http.purpose, "CANARY"));
        for (size_t k = 0; k < call.http.n_query; k++)
            assert_true(call.http.query[k].secret || strstr(call.http.query[k].value, "CANARY") == NULL);
        nilo_buf_done(&b);
        nilo_arena_done(&arena);
    }
}

static void what_cannot_be_asked_is_refused(void **state)
{
    (void)state;
    static const struct nilo_credentials none, no_secret = {.access_token = "a", .refresh_token = "r", .client_id = "c"};
    static const char *const bad[] = {"7290/x"}, *const two[] = {"1", "2"};
    static const struct {
        struct nilo_ask ask;
        const struct nilo_credentials *with;
        const char *says;
    } cases[] = {
        {{.op = NILO_OP_ACCOUNTS}, &none, "has not signed in"},
        {{.op = NILO_OP_ACCOUNTS}, &no_secret, "signed"},
        {{.op = NILO_OP_REPORT, .win = 30, .day = {LAST}}, &seller, "cipher is not known"},
        {{.op = NILO_OP_REPORT, .win = 30, .day = {LAST}, .listing = "with blanks"}, &seller, "cipher is not known"},
        {{.op = NILO_OP_REPORT, .win = 61, .day = {LAST}, .listing = CIPHER}, &seller, "a window of 61 days"},
        {{.op = NILO_OP_REPORT, .win = 0, .day = {LAST}, .listing = CIPHER}, &seller, "a window of 0 days"},
        {{.op = NILO_OP_REPORT, .win = 30, .day = {INT32_MIN}, .listing = CIPHER}, &seller, "cannot be asked for"},
        {{.op = NILO_OP_REPORT, .win = 30, .day = {LAST}, .listing = CIPHER, .ids = bad, .n_ids = 1}, &seller, "7290/x is no id"},
        {{.op = NILO_OP_REPORT, .win = 30, .day = {LAST}, .listing = CIPHER, .ids = two, .n_ids = 2}, &seller, "is no id"},
        {{.op = NILO_OP_REPORT, .win = 30, .day = {LAST}, .listing = CIPHER, .cursor = "a b"}, &seller, "next page"},
        {{.op = NILO_OP_REFRESH}, &none, "client id"},
        {{.op = NILO_OP_REFRESH}, &no_secret, "client secret"},
        {{.op = NILO_OP_EXCHANGE}, &seller, "no code"},
        {{.op = NILO_OP_METRICS, .ids = two, .n_ids = 2}, &seller, "no metrics"},
        {{.op = NILO_OP_LIST}, &seller, "no list"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct nilo_ask ask = cases[i].ask;
        ask.credentials = cases[i].with;
        answers_cannot_ask(shop(), &ask, cases[i].says);
    }
}

static void sellers_are_sent_to_sign_in_with_the_apps_key(void **state)
{
    (void)state;
    struct nilo_buf b;
    const struct nilo_ask ask = {.credentials = &seller, .redirect = "http://127.0.0.1:7777/back"};
    nilo_buf_init(&b, 4096);
    assert_int_equal(nilo_connector_authorize(shop(), &ask, "state-1", "cafe", &b, NULL), 0);
    assert_string_equal(nilo_buf_str(&b), "https://auth.tiktok-shops.com/oauth/authorize?app_key=key-1&redirect_uri=http%3A%2F%2F127.0.0.1%3A7777%2Fback&response_type=code&state=state-1");
    nilo_buf_done(&b);
    assert_true(shop()->oauth->rotates);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fixtures_say_what_a_reader_of_them_sees),
        cmocka_unit_test(what_is_damaged_is_refused_with_a_reason_and_the_rest_is_kept),
        cmocka_unit_test(odd_answers_are_taken_for_what_they_are),
        cmocka_unit_test(shops_are_all_or_the_one_that_is_meant),
        cmocka_unit_test(a_life_of_tokens_is_an_instant_or_a_span),
        cmocka_unit_test(errors_have_the_class_that_decides_what_is_done),
        cmocka_unit_test(a_version_that_is_not_known_is_asked_for_in_the_one_before),
        cmocka_unit_test(requests_are_signed_as_another_program_signs_them),
        cmocka_unit_test(what_cannot_be_asked_is_refused),
        cmocka_unit_test(sellers_are_sent_to_sign_in_with_the_apps_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
