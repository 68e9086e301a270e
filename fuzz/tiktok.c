/* Answers of TikTok's. The first byte says what was asked for and of which API, the second with which status it came; the rest is the body. Whatever it holds: the
 * result is one that a collector can act on, nothing that is wrong inside of HTTP 200 is taken for good, and a body that is no JSON is called unreadable. */
#include <string.h>

#include "base/json.h"
#include "result.h"

static const char *const ids[] = {"7080217258545735586", "7080217258545735587", "1"};
static const int statuses[] = {200, 200, 200, 200, 204, 301, 400, 401, 403, 404, 429, 500, 501, 503};

int nilo_fuzz_tiktok(const uint8_t *data, size_t n)
{
    static const struct nilo_credentials none;
    struct nilo_arena arena;
    struct nilo_result r;
    if (n < 2)
        return 0;
    char *body = malloc(n - 2 + 1);
    NILO_FUZZ_CHECK(body != NULL);
    memcpy(body, data + 2, n - 2);
    body[n - 2] = '\0';
    const struct nilo_connector *c = nilo_connector_find((data[0] & 0x40) != 0 ? "tiktok_research" : "tiktok");
    struct nilo_ask ask = {.op = (enum nilo_op)((data[0] & 0x3f) % NILO_OPS), .credentials = &none, .variant = data[0] >> 7, .now = INT64_C(1795298400) * NILO_US_SECOND,
                           .account = "@somebody", .ids = ids, .n_ids = 3, .day = NILO_DAY_NONE};
    struct nilo_http_answer a = {.purpose = "", .message = "", .status = statuses[data[1] % (sizeof(statuses) / sizeof(statuses[0]))], .body = body, .n_body = n - 2, .retry_after_ms = -1};
    nilo_arena_init(&arena, 0);
    NILO_FUZZ_CHECK(c->take(&ask, &a, &arena, &r, NULL) == 0);
    bool good = a.status >= 200 && a.status <= 299, tokens = ask.op == NILO_OP_EXCHANGE || ask.op == NILO_OP_REFRESH;
    NILO_FUZZ_CHECK((unsigned)r.class < NILO_CLASSES && (r.class == NILO_CLASS_OK || (r.reason[0] != '\0' && r.message[0] != '\0')));
    NILO_FUZZ_CHECK(good || r.class != NILO_CLASS_OK);
    NILO_FUZZ_CHECK(r.class != NILO_CLASS_OK || nilo_json_check(body, n - 2, NULL) == 0);
    if (r.class == NILO_CLASS_OK && tokens)
        NILO_FUZZ_CHECK(r.tokens.access_token != NULL && r.tokens.access_token[0] != '\0' && r.tokens.expires_s >= -1);
    else
        NILO_FUZZ_CHECK(r.tokens.access_token == NULL && r.tokens.refresh_token == NULL);
    NILO_FUZZ_CHECK(r.next == NULL || (r.next[0] != '\0' && r.class == NILO_CLASS_OK));
    NILO_FUZZ_CHECK(!r.again || ((ask.op == NILO_OP_ACCOUNT || ask.op == NILO_OP_ACCOUNTS) && ask.variant == 0 && r.variant == 1));
    nilo_fuzz_text(r.reason);
    nilo_fuzz_text(r.message);
    nilo_fuzz_result(&ask, &r);
    for (size_t i = 0; i < r.n_items; i++)
        NILO_FUZZ_CHECK(strspn(r.items[i].id, "0123456789") == strlen(r.items[i].id));
    nilo_arena_done(&arena);
    free(body);
    return 0;
}
