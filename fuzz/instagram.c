/* Answers of Instagram's. The first byte says what was asked for, by which way in and in which variant, the second with which status it came; the rest is the body,
 * of several media a batch or an object by their ids. Whatever it holds: of media that were asked for each has its entry, values are not negative, a name that is
 * refused leads to another variant and never in circles, nothing is taken for good that says it is an error, and no address of a page is followed. */
#include <string.h>

#include "base/json.h"
#include "connect/connector.h"
#include "fuzz.h"

#define NOW (INT64_C(1795298400) * NILO_US_SECOND)

static const char *const ids[] = {"17900000000000001", "17900000000000002", "17900000000000003"};
static const int statuses[] = {200, 200, 200, 200, 200, 301, 400, 401, 403, 404, 429, 500, 503};

static void check_text(const char *text)
{
    NILO_FUZZ_CHECK(text == NULL || (strlen(text) <= 20000 && nilo_utf8_valid(text, strlen(text), NULL)));
}

static void check_item(const struct nilo_ask *ask, const struct nilo_item *item, const char *id)
{
    NILO_FUZZ_CHECK(item->id != NULL && item->id[0] != '\0' && (id == NULL || item->id == id));
    NILO_FUZZ_CHECK(item->class == NILO_CLASS_OK || item->reason != NULL);
    NILO_FUZZ_CHECK(item->class != NILO_CLASS_GONE || item->n_values == 0);
    NILO_FUZZ_CHECK(item->posted_at == NILO_US_NONE || item->posted_at <= ask->now + NILO_US_DAY);
    check_text(item->title);
    check_text(item->url);
    check_text(item->caption);
    check_text(item->thumbnail);
    check_text(item->reason);
    for (size_t i = 0; i < item->n_values; i++)
        NILO_FUZZ_CHECK(item->values[i].metric != NULL && (item->values[i].absence != NILO_PRESENT || item->values[i].value >= 0));
}

static void check_result(const struct nilo_ask *ask, const struct nilo_result *r)
{
    bool ok = r->class == NILO_CLASS_OK, tokens = ask->op == NILO_OP_EXCHANGE || ask->op == NILO_OP_REFRESH;
    NILO_FUZZ_CHECK((unsigned)r->class < NILO_CLASSES && (ok || r->again || (r->reason[0] != '\0' && r->message[0] != '\0')));
    NILO_FUZZ_CHECK(ask->op != NILO_OP_METRICS || !ok || r->again || r->n_items == ask->n_ids);
    NILO_FUZZ_CHECK(!r->again || r->variant != ask->variant);
    NILO_FUZZ_CHECK(r->next == NULL || (ok && r->next[0] != '\0' && strstr(r->next, "://") == NULL));
    if (!(ok && tokens))
        NILO_FUZZ_CHECK(r->tokens.access_token == NULL && r->tokens.refresh_token == NULL);
    else
        NILO_FUZZ_CHECK(r->tokens.access_token != NULL && r->tokens.access_token[0] != '\0' && r->tokens.expires_s >= -1);
    for (size_t i = 0; i < r->n_items; i++)
        check_item(ask, &r->items[i], ask->op == NILO_OP_METRICS ? ask->ids[i] : NULL);
    for (size_t i = 0; i < r->n_accounts; i++)
        NILO_FUZZ_CHECK(r->accounts[i].id != NULL && r->accounts[i].followers >= -1 && r->accounts[i].items >= -1);
    for (int i = 0; i < NILO_BUCKETS; i++)
        NILO_FUZZ_CHECK(r->used_permille[i] >= -1);
    check_text(r->reason);
    check_text(r->message);
}

int nilo_fuzz_instagram(const uint8_t *data, size_t n)
{
    static const struct nilo_credentials none;
    static const char *const at_instagram[32] = {"instagram"}; /* of the setting login, which is the first */
    const struct nilo_connector *c = nilo_connector_find("instagram");
    struct nilo_arena arena;
    struct nilo_result r;
    if (n < 2)
        return 0;
    char *body = malloc(n - 1);
    NILO_FUZZ_CHECK(body != NULL);
    memcpy(body, data + 2, n - 2);
    body[n - 2] = '\0';
    struct nilo_ask ask = {.op = (enum nilo_op)((data[0] & 0x0f) % NILO_OPS), .credentials = &none, .settings = (data[0] & 0x10) != 0 ? at_instagram : NULL,
                           .variant = data[0] >> 7, .now = NOW, .account = "17841400000000001", .ids = ids, .n_ids = 1, .day = NILO_DAY(20777), .win = 1};
    if (ask.op == NILO_OP_METRICS) {
        ask.n_ids = (data[0] & 0x20) != 0 ? 3 : 1;
        ask.kind = data[1] >> 4 & 3;
    } else if (ask.op == NILO_OP_REPORT) {
        ask.n_ids = 0;
    }
    struct nilo_http_answer a = {.purpose = "", .message = "", .status = statuses[(data[1] & 0x0f) % (sizeof(statuses) / sizeof(statuses[0]))], .body = body, .n_body = n - 2,
                                 .retry_after_ms = -1};
    nilo_arena_init(&arena, 0);
    NILO_FUZZ_CHECK(c->take(&ask, &a, &arena, &r, NULL) == 0);
    bool good = a.status >= 200 && a.status <= 299 && nilo_json_check(body, n - 2, NULL) == 0;
    if (ask.op != NILO_OP_METRICS)
        NILO_FUZZ_CHECK(r.class != NILO_CLASS_OK || good || r.again);
    for (size_t i = 0; i < r.n_items && !good; i++) /* of one medium a refusal is its own */
        NILO_FUZZ_CHECK(r.items[i].class != NILO_CLASS_OK || r.again || r.items[i].unsure);
    check_result(&ask, &r);
    nilo_arena_done(&arena);
    free(body);
    return 0;
}
