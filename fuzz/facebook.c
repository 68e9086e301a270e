/* Facebook's answers, and through them all that is shared on the Graph API. The first byte says what was asked for, the second with which status it came, the third which
 * words were left out; the rest is the body. Whatever it holds: the result is one that a collector can act on, no address and no token of it is passed on as a cursor, and
 * what the connector would ask with next differs from what was asked. */
#include <string.h>

#include "base/json.h"
#include "connect/connector.h"
#include "fuzz.h"

static const char *const ids[] = {"1_2", "1_3", "4"};
static const int statuses[] = {200, 200, 200, 200, 204, 301, 400, 400, 401, 403, 404, 429, 500, 503};

static void check_text(const char *text)
{
    NILO_FUZZ_CHECK(text == NULL || (strlen(text) <= 20000 && nilo_utf8_valid(text, strlen(text), NULL)));
}

static void check_items(const struct nilo_ask *ask, const struct nilo_result *r)
{
    NILO_FUZZ_CHECK(ask->op != NILO_OP_METRICS || r->class != NILO_CLASS_OK || r->n_items == ask->n_ids);
    for (size_t i = 0; i < r->n_items; i++) {
        const struct nilo_item *item = &r->items[i];
        NILO_FUZZ_CHECK(item->id != NULL && item->id[0] != '\0' && strspn(item->id, "0123456789_") == strlen(item->id));
        NILO_FUZZ_CHECK(item->class == NILO_CLASS_OK || item->reason != NULL);
        NILO_FUZZ_CHECK(ask->op != NILO_OP_METRICS || item->id == ask->ids[i]);
        NILO_FUZZ_CHECK(item->class != NILO_CLASS_GONE || item->n_values == 0);
        NILO_FUZZ_CHECK(item->posted_at == NILO_US_NONE || item->posted_at <= ask->now + NILO_US_DAY);
        NILO_FUZZ_CHECK(ask->op != NILO_OP_REPORT || (item->win == 1 && !nilo_day_is_none(item->day)));
        const char *const texts[] = {item->id, item->reason, item->caption, item->thumbnail, item->account, item->url, item->media_type};
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
            check_text(texts[k]);
        for (size_t k = 0; k < item->n_values; k++) {
            const struct nilo_item_value *v = &item->values[k];
            NILO_FUZZ_CHECK(v->metric != NULL && (v->absence != NILO_PRESENT || v->value >= 0));
            NILO_FUZZ_CHECK(v->detail == NULL || (v->absence == NILO_PRESENT && nilo_json_check(v->detail, strlen(v->detail), NULL) == 0));
        }
    }
}

int nilo_fuzz_facebook(const uint8_t *data, size_t n)
{
    static const struct nilo_credentials credentials = {.access_token = "token", .refresh_token = "token", .client_id = "id", .client_secret = "secret"};
    static const unsigned variants[] = {0, 1, 4, 31, 1u << 30, 1u << 31, 3u << 30 | 1u << 29, 1u << 5, 2u << 5 | 1};
    struct nilo_arena arena;
    struct nilo_result r;
    if (n < 3)
        return 0;
    char *body = malloc(n - 3 + 1);
    NILO_FUZZ_CHECK(body != NULL);
    memcpy(body, data + 3, n - 3);
    body[n - 3] = '\0';
    const struct nilo_connector *c = nilo_connector_find("facebook");
    struct nilo_ask ask = {.op = (enum nilo_op)((data[0] & 0x3f) % NILO_OPS), .credentials = &credentials, .variant = variants[data[2] % (sizeof(variants) / sizeof(variants[0]))],
                           .now = INT64_C(1795298400) * NILO_US_SECOND, .account = "17", .kind = data[0] >> 6, .win = 30, .day = NILO_DAY(20700)};
    if (ask.op == NILO_OP_EXCHANGE)
        ask.variant = data[2] % 3;
    else if (ask.op == NILO_OP_REPORT)
        ask.variant &= 255;
    else if (ask.op != NILO_OP_METRICS)
        ask.variant = 0;
    ask.ids = ids;
    ask.n_ids = ask.op == NILO_OP_METRICS ? data[0] % 3 + 1u : 0;
    struct nilo_http_answer a = {.purpose = "", .message = "", .status = statuses[data[1] % (sizeof(statuses) / sizeof(statuses[0]))], .body = body, .n_body = n - 3, .retry_after_ms = -1};
    nilo_arena_init(&arena, 0);
    NILO_FUZZ_CHECK(c->take(&ask, &a, &arena, &r, NULL) == 0);
    NILO_FUZZ_CHECK((unsigned)r.class < NILO_CLASSES && (r.class == NILO_CLASS_OK || (r.reason[0] != '\0' && r.message[0] != '\0')));
    NILO_FUZZ_CHECK(r.next == NULL || (r.class == NILO_CLASS_OK && strstr(r.next, "//") == NULL && r.next[0] != '\0'));
    NILO_FUZZ_CHECK(!r.again || r.variant != ask.variant);
    bool tokens = ask.op == NILO_OP_EXCHANGE || ask.op == NILO_OP_REFRESH;
    NILO_FUZZ_CHECK((r.tokens.access_token != NULL) == (tokens && r.class == NILO_CLASS_OK) && r.tokens.expires_s >= -1);
    check_text(r.reason);
    check_text(r.message);
    check_items(&ask, &r);
    for (size_t i = 0; i < r.n_accounts; i++)
        NILO_FUZZ_CHECK(r.accounts[i].id != NULL && r.accounts[i].followers >= -1);
    nilo_arena_done(&arena);
    free(body);
    return 0;
}
