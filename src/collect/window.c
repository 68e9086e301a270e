/* See window.h. */
#include "collect/window.h"

#include <string.h>

#include "base/decimal.h"

static const struct nilo_reading_value *value_of(const struct nilo_reading_value *values, size_t n, int32_t metric)
{
    for (size_t i = 0; i < n; i++) {
        if (values[i].metric == metric)
            return &values[i];
    }
    return NULL;
}

/* Where one part does not know, the sum does not; that something failed is the stronger word. */
static void add_up(const struct nilo_window_part *parts, size_t n, struct nilo_reading_value *to)
{
    const int32_t metric = to->metric;
    *to = (struct nilo_reading_value){.metric = metric};
    for (size_t i = 0; i < n; i++) {
        if (parts[i].values == NULL)
            continue;
        const struct nilo_reading_value *v = value_of(parts[i].values, parts[i].n, metric);
        enum nilo_absence why = v != NULL ? v->absence : NILO_NOT_REPORTED;
        if (why != NILO_PRESENT)
            to->absence = to->absence == NILO_FAILED ? NILO_FAILED : why;
        else if (__builtin_add_overflow(to->value, v->value, &to->value))
            to->absence = NILO_FAILED;
    }
    if (to->absence != NILO_PRESENT)
        to->value = 0;
}

/* What a thousand views brought, in the smallest unit that both amounts are kept in; without views there is no such number. */
static void per_thousand(const struct nilo_reading_value *gmv, const struct nilo_reading_value *views, struct nilo_reading_value *to)
{
    bool known = gmv != NULL && views != NULL && gmv->absence == NILO_PRESENT && views->absence == NILO_PRESENT;
    to->value = 0;
    if (!known)
        to->absence = (gmv != NULL && gmv->absence == NILO_FAILED) || (views != NULL && views->absence == NILO_FAILED) ? NILO_FAILED : NILO_NOT_REPORTED;
    else if (views->value <= 0)
        to->absence = NILO_NOT_REPORTED;
    else
        to->absence = nilo_decimal_div((nilo_i128)gmv->value * 1000, views->value, 0, &to->value) ? NILO_PRESENT : NILO_FAILED;
}

size_t nilo_window_add(const struct nilo_catalog *catalog, const struct nilo_window_part *parts, size_t n, struct nilo_reading_value *values)
{
    const struct nilo_metric *gmv = nilo_catalog_by_name(catalog, "gmv"), *views = nilo_catalog_by_name(catalog, "views");
    size_t newest = 0;
    while (parts[newest].values == NULL)
        newest++;
    size_t n_values = parts[newest].n;
    for (size_t i = 0; i < n_values; i++) {
        const struct nilo_metric *m = nilo_catalog_by_id(catalog, parts[newest].values[i].metric);
        values[i] = parts[newest].values[i];
        if (m != NULL && m->type == NILO_COUNT)
            add_up(parts, n, &values[i]);
        else if (m != NULL && m->type == NILO_PERCENTAGE)
            values[i] = (struct nilo_reading_value){.metric = m->id, .absence = NILO_UNSUPPORTED};
    }
    for (size_t i = 0; i < n_values; i++) {
        const struct nilo_metric *m = nilo_catalog_by_id(catalog, values[i].metric);
        if (m != NULL && gmv != NULL && views != NULL && strcmp(m->name, "gpm") == 0)
            per_thousand(value_of(values, n_values, gmv->id), value_of(values, n_values, views->id), &values[i]);
    }
    return n_values;
}
