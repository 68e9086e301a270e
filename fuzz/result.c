/* What holds of every connector's result, whatever the answer was. What is a platform's own is checked in its target. */
#include <string.h>

#include "base/json.h"
#include "result.h"

void nilo_fuzz_text(const char *text)
{
    NILO_FUZZ_CHECK(text == NULL || (strlen(text) <= 20000 && nilo_utf8_valid(text, strlen(text), NULL)));
}

static void check_values(const struct nilo_item_value *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        NILO_FUZZ_CHECK(v[i].metric != NULL);
        NILO_FUZZ_CHECK(v[i].absence != NILO_PRESENT || v[i].value >= 0);
    }
}

void nilo_fuzz_result(const struct nilo_ask *ask, const struct nilo_result *r)
{
    NILO_FUZZ_CHECK(ask->op != NILO_OP_METRICS || r->class != NILO_CLASS_OK || r->n_items == ask->n_ids);
    for (size_t i = 0; i < r->n_items; i++) {
        const struct nilo_item *item = &r->items[i];
        NILO_FUZZ_CHECK(item->id != NULL && item->id[0] != '\0' && (item->class == NILO_CLASS_OK || item->reason != NULL));
        NILO_FUZZ_CHECK(ask->op != NILO_OP_METRICS || item->id == ask->ids[i]);
        NILO_FUZZ_CHECK(item->class != NILO_CLASS_GONE || item->n_values == 0);
        NILO_FUZZ_CHECK(item->posted_at == NILO_US_NONE || item->posted_at <= ask->now + NILO_US_DAY);
        NILO_FUZZ_CHECK(item->duration_ms >= -1);
        const char *const texts[] = {item->id, item->reason, item->title, item->caption, item->thumbnail, item->account, item->url, item->status, item->media_type};
        for (size_t k = 0; k < sizeof(texts) / sizeof(texts[0]); k++)
            nilo_fuzz_text(texts[k]);
        check_values(item->values, item->n_values);
    }
    for (size_t i = 0; i < r->n_accounts; i++) {
        NILO_FUZZ_CHECK(r->accounts[i].id != NULL && r->accounts[i].followers >= -1 && r->accounts[i].items >= -1);
        check_values(r->accounts[i].values, r->accounts[i].n_values);
    }
}
