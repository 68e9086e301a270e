/* Breakdowns of aggregates (metadata {"breakdown": {key: number}}): put together over the days of a period. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "query/series.h"

#define ENTRIES_MOST ((size_t)1 << 20)

/* Exact to nine digits; whole numbers may be as large as 64 bits hold. */
static bool number_of(const char *text, size_t len, nilo_i128 *ret)
{
    int64_t v;
    if (nilo_decimal_parse(text, len, 0, false, &v, NULL) == 0) {
        *ret = (nilo_i128)v * nilo_pow10(NILO_SCALE_MAX);
        return true;
    }
    if (nilo_decimal_parse(text, len, NILO_SCALE_MAX, true, &v, NULL) < 0)
        return false;
    *ret = v;
    return true;
}

static int add_entry(struct nilo__series *x, nilo_day day, const char *key, nilo_i128 value)
{
    if (x->n_breakdowns == ENTRIES_MOST)
        return nilo_err_set(x->err, NILO_EINVAL, "the breakdowns of these days hold more than %zu keys; ask for less",
                            ENTRIES_MOST);
    if (x->n_breakdowns == x->cap_breakdowns) {
        size_t cap = x->cap_breakdowns ? 2 * x->cap_breakdowns : 64;
        struct nilo__breakdown *more = realloc(x->breakdowns, cap * sizeof *more);
        if (!more)
            return nilo_err_nomem(x->err);
        x->breakdowns = more;
        x->cap_breakdowns = cap;
    }
    x->breakdowns[x->n_breakdowns] =
        (struct nilo__breakdown){.day = day, .key = key, .value = value, .n = x->n_breakdowns};
    x->n_breakdowns++;
    return 0;
}

/* Behind the bracket of the breakdown. */
static int read_keys(struct nilo__series *x, nilo_day day, struct nilo_json *j)
{
    enum nilo_json_event event;
    const char *text;
    size_t len;
    while (nilo_json_next(j, &event, &text, &len, NULL) == 0 && event == NILO_JSON_KEY) {
        nilo_i128 value;
        char *key = nilo_arena_alloc(&x->call->arena, len + 1);
        if (!key)
            return nilo_err_nomem(x->err);
        memcpy(key, text, len);
        key[len] = '\0';
        if (nilo_json_raw(j, &text, &len, NULL) < 0)
            return 0;
        if (number_of(text, len, &value) && add_entry(x, day, key, value) < 0)
            return -1;
    }
    return 0;
}

int nilo__breakdown_add(struct nilo__series *x, nilo_day day, const char *meta)
{
    struct nilo_json *j;
    enum nilo_json_event event;
    const char *text;
    size_t len;
    int rc = 0;
    if (!nilo_day_is_none(x->base) && day.n < x->base.n)
        return 0;
    if (nilo_json_new(meta, strlen(meta), NILO_JSON_DEFAULT_LIMITS, &j, NULL) < 0)
        return 0;
    if (nilo_json_next(j, &event, &text, &len, NULL) == 0 && event == NILO_JSON_OBJECT_BEGIN)
        while (nilo_json_next(j, &event, &text, &len, NULL) == 0 && event == NILO_JSON_KEY) {
            bool here = len == 9 && memcmp(text, "breakdown", 9) == 0;
            if (!here) {
                if (nilo_json_skip(j, NULL) < 0)
                    break;
                continue;
            }
            if (nilo_json_next(j, &event, &text, &len, NULL) == 0 && event == NILO_JSON_OBJECT_BEGIN)
                rc = read_keys(x, day, j);
            break;
        }
    nilo_json_free(j);
    return rc;
}

static int by_day(const void *a, const void *b)
{
    const struct nilo__breakdown *x = a, *y = b;
    return x->day.n != y->day.n ? (x->day.n > y->day.n) - (x->day.n < y->day.n) : (x->n > y->n) - (x->n < y->n);
}

static int by_key(const void *a, const void *b)
{
    const struct nilo__breakdown *x = a, *y = b;
    return strcmp(x->key, y->key);
}

static int by_value(const void *a, const void *b)
{
    const struct nilo__breakdown *x = a, *y = b;
    return x->value != y->value ? (x->value < y->value) - (x->value > y->value) : strcmp(x->key, y->key);
}

/* The first entry of that day or a later one; they are ascending. */
static size_t first_of(const struct nilo__series *x, int64_t day)
{
    size_t low = 0, high = x->n_breakdowns;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (x->breakdowns[middle].day.n < day)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool nilo__breakdown_put(const struct nilo__series *x, const struct nilo__series_row *r, struct nilo_buf *text)
{
    char number[NILO_DECIMAL_TEXT];
    struct nilo_json_out o;
    size_t n = 0;
    if (!r->has || x->n_breakdowns == 0)
        return false;
    bool one = x->metric->aggregation != NILO_FLOW;
    size_t from = first_of(x, one ? r->day.n : r->period.n),
           to = first_of(x, one ? r->day.n + 1 : nilo__period_next(x->step, r->period).n);
    struct nilo__breakdown *all = to > from ? malloc((to - from) * sizeof *all) : NULL;
    if (!all)
        return false;
    memcpy(all, x->breakdowns + from, (to - from) * sizeof *all);
    qsort(all, to - from, sizeof *all, by_key);
    for (size_t i = 0; i < to - from; i++)
        if (n > 0 && strcmp(all[n - 1].key, all[i].key) == 0)
            all[n - 1].value += all[i].value;
        else
            all[n++] = all[i];
    qsort(all, n, sizeof *all, by_value);
    nilo_json_out_init(&o, text);
    nilo_json_object_begin(&o);
    for (size_t i = 0; i < n; i++) {
        nilo_json_key(&o, all[i].key);
        nilo_json_text(&o, number, nilo_decimal_format(all[i].value, NILO_SCALE_MAX, false, number));
    }
    nilo_json_object_end(&o);
    free(all);
    return true;
}

void nilo__breakdown_sort(struct nilo__series *x)
{
    if (x->n_breakdowns)
        qsort(x->breakdowns, x->n_breakdowns, sizeof *x->breakdowns, by_day);
}
