/* Answers of TikTok Shop's. The first byte says what was asked for and in which version, the second with which status it came; the rest is the body. Whatever it
 * holds: amounts have a currency and are not negative, a rate is no more than all of it, nothing without code 0 is taken for good, and no version is asked for twice. */
#include <string.h>

#include "base/json.h"
#include "connect/connector.h"
#include "fuzz.h"

#define NOW (INT64_C(1795298400) * NILO_US_SECOND)

static const char *const ids[] = {"7290000000000000001"};
static const enum nilo_op ops[] = {NILO_OP_REPORT, NILO_OP_REPORT, NILO_OP_REPORT, NILO_OP_ACCOUNT, NILO_OP_ACCOUNTS, NILO_OP_REFRESH, NILO_OP_EXCHANGE, NILO_OP_LIST};
static const int statuses[] = {200, 200, 200, 200, 400, 401, 404, 429, 500};

static void check_value(const struct nilo_item *item, const struct nilo_item_value *v)
{
    bool money = strcmp(v->metric->name, "gmv") == 0 || strcmp(v->metric->name, "gpm") == 0;
    NILO_FUZZ_CHECK(v->absence != NILO_FAILED || (item->class == NILO_CLASS_INVALID && item->reason != NULL));
    NILO_FUZZ_CHECK((v->currency != NULL) == (money && v->absence == NILO_PRESENT));
    if (v->absence != NILO_PRESENT)
        return;
    NILO_FUZZ_CHECK(v->value >= 0);
    NILO_FUZZ_CHECK(!money || strlen(v->currency) == 3);
    NILO_FUZZ_CHECK(strcmp(v->metric->name, "ctr") != 0 || v->value <= 100000000);
}

static void check_result(const struct nilo_ask *ask, const struct nilo_result *r)
{
    NILO_FUZZ_CHECK(r->class == NILO_CLASS_OK || (r->n_items == 0 && r->n_accounts == 0 && r->next == NULL && r->tokens.access_token == NULL));
    NILO_FUZZ_CHECK(!r->again || (ask->op == NILO_OP_REPORT && r->variant > ask->variant));
    NILO_FUZZ_CHECK(r->class != NILO_CLASS_OK || nilo_day_is_none(r->through) || (nilo_us)r->through.n * NILO_US_DAY <= ask->now + NILO_US_DAY);
    for (size_t i = 0; i < r->n_items; i++) {
        const struct nilo_item *item = &r->items[i];
        NILO_FUZZ_CHECK(item->id != NULL && item->id[0] != '\0' && item->win == ask->win && item->day.n == ask->day.n && item->n_values > 0);
        NILO_FUZZ_CHECK(item->posted_at == NILO_US_NONE || item->posted_at <= ask->now + NILO_US_DAY);
        for (size_t k = 0; k < item->n_values; k++)
            check_value(item, &item->values[k]);
    }
    for (size_t i = 0; i < r->n_accounts; i++)
        NILO_FUZZ_CHECK(r->accounts[i].id != NULL && r->accounts[i].listing != NULL);
}

int nilo_fuzz_tiktok_shop(const uint8_t *data, size_t n)
{
    static const struct nilo_credentials none;
    const struct nilo_connector *c = nilo_connector_find("tiktok_shop");
    struct nilo_arena arena;
    struct nilo_result r;
    if (n < 2)
        return 0;
    char *body = malloc(n - 1);
    NILO_FUZZ_CHECK(body != NULL);
    memcpy(body, data + 2, n - 2);
    body[n - 2] = '\0';
    struct nilo_ask ask = {.op = ops[data[0] & 7], .credentials = &none, .variant = (data[0] >> 3 & 3u) * 0x11u, .now = NOW, .listing = "c", .win = 30, .day = NILO_DAY(20777),
                           .ids = ids, .n_ids = data[0] >> 5 & 1};
    struct nilo_http_answer a = {.purpose = "", .message = "", .status = statuses[data[1] % (sizeof(statuses) / sizeof(statuses[0]))], .body = body, .n_body = n - 2, .retry_after_ms = -1};
    nilo_arena_init(&arena, 0);
    NILO_FUZZ_CHECK(c->take(&ask, &a, &arena, &r, NULL) == 0);
    NILO_FUZZ_CHECK((unsigned)r.class < NILO_CLASSES && (r.class == NILO_CLASS_OK || (r.reason[0] != '\0' && r.message[0] != '\0')));
    NILO_FUZZ_CHECK(r.class != NILO_CLASS_OK || (a.status == 200 && nilo_json_check(body, n - 2, NULL) == 0));
    check_result(&ask, &r);
    nilo_arena_done(&arena);
    free(body);
    return 0;
}
