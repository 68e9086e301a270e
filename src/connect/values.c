/* Values as platforms write them, read exactly or not at all; for all connectors. */
#include <string.h>

#include "base/decimal.h"
#include "connect/connector_priv.h"

#define DURATION_MAX INT64_C(10000000000000) /* ms: 300 years */

bool nilo__count_of(const char *text, int64_t *ret)
{
    size_t n = text != NULL ? strspn(text, "0123456789") : 0;
    return n > 0 && text[n] == '\0' && nilo_decimal_parse(text, n, 0, false, ret, NULL) == 0;
}

int64_t nilo__iso_duration(const char *text)
{
    int64_t ms = 0, n = 0;
    if (text == NULL || text[0] != 'P')
        return -1;
    for (const char *p = text + 1; *p != '\0'; p++) {
        int64_t unit = *p == 'W' ? 604800000 : *p == 'D' ? 86400000 : *p == 'H' ? 3600000 : *p == 'M' ? 60000 : *p == 'S' ? 1000 : 0;
        if (*p >= '0' && *p <= '9' && n < 100000000)
            n = n * 10 + (*p - '0');
        else if (unit > 0)
            ms += n * unit, n = 0;
        else if (*p != 'T')
            return -1;
        if (ms > DURATION_MAX)
            return -1;
    }
    return ms;
}

nilo_us nilo__instant_of(const char *text)
{
    struct nilo_iso iso;
    return text != NULL && nilo_iso_parse(text, strlen(text), &iso, NULL) == 0 ? iso.us : NILO_US_NONE;
}

int nilo__unreadable(const char *title, struct nilo_arena *arena, const struct nilo_err *why, struct nilo_result *ret)
{
    const char *message = nilo_arena_printf(arena, "%s's answer does not read: %s", title, why->msg);
    *ret = nilo__result_none;
    ret->class = NILO_CLASS_INVALID;
    ret->reason = "unreadable answer";
    ret->message = message != NULL ? message : "the answer does not read";
    return 0;
}

void nilo__complain(struct nilo_item *item, const char *reason)
{
    item->class = NILO_CLASS_INVALID;
    item->reason = reason != NULL ? reason : "something it says does not read";
}

const struct nilo_metric *nilo__metric_of(const char *name)
{
    for (size_t i = 0; i < nilo_builtin_metrics_n; i++) {
        if (strcmp(nilo_builtin_metrics[i].name, name) == 0)
            return &nilo_builtin_metrics[i];
    }
    return NULL;
}
