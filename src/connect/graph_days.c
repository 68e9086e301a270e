/* Insights of an account or page by day. A day's end_time is midnight in California, the end of the day that is counted. paging of insights leads to windows of time
 * that never end: it is not followed.
 *
 * Names that are refused are left out by the variant, which has eight bits here: bits 0-4 names left out, 5-7 how many names are tried from the first on (0: all).
 * That is how one is found that is refused without a word: one name more with each question. */
#include <string.h>

#include "base/json.h"
#include "connect/graph_priv.h"
#include "connect/walk.h"

#define DAYS_MAX 30
#define ALL      8

static nilo_day last_of(const struct nilo_ask *ask)
{
    /* its today is not over: yesterday. California is at most eight hours behind */
    return nilo_day_is_none(ask->day) ? NILO_DAY((int32_t)((ask->now - 8 * NILO_US_HOUR) / NILO_US_DAY) - 1) : ask->day;
}

/* ---- names ----------------------------------------------------------------------------------------------------------------------------------- */

static unsigned tried(const struct nilo__graph_days *d, unsigned variant)
{
    unsigned n = variant >> 5 & 7;
    return n > 0 && n < d->n_asked ? n : (unsigned)d->n_asked;
}

static unsigned asked(const struct nilo__graph_days *d, unsigned variant)
{
    return ((1u << tried(d, variant)) - 1) & ~variant & 31;
}

static const char *names_of(const struct nilo__graph_days *d, struct nilo__making *m)
{
    unsigned bits = asked(d, m->ask->variant);
    const char *text = "";
    for (size_t i = 0; i < d->n_asked && text != NULL; i++)
        text = (bits >> i & 1) != 0 ? nilo_arena_printf(m->arena, "%s%s%s", text, text[0] != '\0' ? "," : "", d->known[i].name) : text;
    return text;
}

bool nilo__graph_refused_days(const struct nilo__graph_days *d, const struct nilo_ask *ask, const struct nilo__graph_error *e, struct nilo_result *ret)
{
    const char *names[5];
    uint32_t refused;
    unsigned next = ask->variant, n = tried(d, ask->variant);
    for (size_t i = 0; i < d->n_asked; i++)
        names[i] = d->known[i].name;
    if (!nilo__graph_of_metric(e, names, d->n_asked, &refused))
        return false;
    refused &= asked(d, ask->variant);
    if (refused != 0)
        next |= refused;
    else if ((ask->variant >> 5) == 0 && d->n_asked > 1)
        next |= 1u << 5; /* which one is not said: one after the other */
    else
        next |= 1u << (n - 1);
    while ((next >> 5) != 0 && asked(d, next) == 0 && (next >> 5 & 7) < d->n_asked)
        next += 1u << 5;
    if (next == ask->variant || asked(d, next) == 0)
        return false;
    ret->again = true;
    ret->variant = next;
    return true;
}

/* While one name after the other is tried, an answer is only a step. */
static void after_answer(const struct nilo__graph_days *d, const struct nilo_ask *ask, struct nilo_result *ret)
{
    unsigned next = ask->variant;
    if ((next >> 5) == 0)
        return;
    do
        next = (next >> 5 & 7) < d->n_asked ? next + (1u << 5) : next & 31;
    while ((next >> 5) != 0 && asked(d, next) == asked(d, ask->variant));
    ret->variant = next;
    ret->again = asked(d, next) != asked(d, ask->variant);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------------------------ */

int nilo__graph_make_days(const struct nilo__graph_days *d, struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_ask *a = m->ask;
    nilo_day last = last_of(a);
    if (a->account == NULL || !nilo__graph_id_fine(a->account) || a->n_ids > 0 || a->win < 1 || a->win > DAYS_MAX)
        return nilo_err_set(err, NILO_EINVAL, "a report of %d days of %.100s cannot be asked for", a->win, a->account != NULL ? a->account : "the account");
    int64_t noon = (int64_t)last.n * 86400 + 43200; /* lies between midnights, whatever the clocks do there */
    d->address(m, nilo_arena_printf(m->arena, "/%s/insights", a->account), d->purpose);
    nilo__add_query(m, "metric", names_of(d, m));
    nilo__add_query(m, "period", "day");
    nilo__add_query(m, "since", nilo_arena_printf(m->arena, "%lld", (long long)(noon - (int64_t)(a->win - 1) * 86400)));
    nilo__add_query(m, "until", nilo_arena_printf(m->arena, "%lld", (long long)(noon + 86400)));
    return d->sign(m, err);
}

/* ---- answers ---------------------------------------------------------------------------------------------------------------------------------- */

struct days {
    const struct nilo__graph_days *of;
    struct nilo_arena *arena;
    const struct nilo_ask *ask;
    nilo_day first;
    struct nilo_item *items; /* one a day of the window; n_values 0: nothing was said of it */
    struct nilo_item_value *values;
    const char *name, *period, *value, *end;
    int metric;
    bool data;
    struct nilo_err *err;
};

static int metric_of(const struct nilo__graph_days *d, const char *name)
{
    for (size_t i = 0; name != NULL && i < d->n_known; i++) {
        if (strcmp(d->known[i].name, name) == 0)
            return (int)i;
    }
    return -1;
}

/* One value of one day. */
static void take_value(struct days *d)
{
    nilo_us end = nilo__instant_of(d->end);
    int i = d->period != NULL && strcmp(d->period, "day") == 0 ? metric_of(d->of, d->name) : -1; /* 28 days end on a day, too */
    if (i < 0 || d->value == NULL || end == NILO_US_NONE || end < 0)
        return;
    /* 07:00 or 08:00 in UTC is midnight there: half a day earlier lies in the day that ended */
    int32_t age = (int32_t)((end - 12 * NILO_US_HOUR) / NILO_US_DAY) - d->first.n;
    if (age < 0 || age >= d->ask->win)
        return; /* nobody asked for it */
    struct nilo_item *item = &d->items[age];
    struct nilo_item_value *v = &d->values[(size_t)age * ALL + item->n_values];
    for (size_t k = 0; k < item->n_values; k++) {
        if (item->values[k].metric == nilo__metric_of(d->of->known[i].metric))
            return; /* it came before */
    }
    *v = (struct nilo_item_value){.metric = nilo__metric_of(d->of->known[i].metric)};
    v->absence = nilo__count_of(d->value, &v->value) ? NILO_PRESENT : NILO_FAILED;
    if (v->absence == NILO_FAILED)
        nilo__complain(item, nilo_arena_printf(d->arena, "%s's %s of a day are \"%.40s\", which is no count that can be kept", d->of->title, d->name, d->value));
    item->n_values++;
}

static int take_member(void *ctx, const char *path, enum nilo_json_event event, const char *text, size_t len)
{
    static const struct nilo__want wants[] = {{"data[].name", offsetof(struct days, name)}, {"data[].period", offsetof(struct days, period)},
                                              {"data[].values[].value", offsetof(struct days, value)}, {"data[].values[].end_time", offsetof(struct days, end)}};
    struct days *d = ctx;
    d->data = d->data || (strcmp(path, "data") == 0 && event == NILO_JSON_ARRAY_BEGIN);
    if (event == NILO_JSON_OBJECT_BEGIN && strcmp(path, "data[]") == 0)
        d->name = d->period = NULL;
    else if (event == NILO_JSON_OBJECT_BEGIN && strcmp(path, "data[].values[]") == 0)
        d->value = d->end = NULL;
    else if (event == NILO_JSON_OBJECT_END && strcmp(path, "data[].values[]") == 0)
        take_value(d);
    else if (strcmp(path, "data[].values[].value") == 0 && event != NILO_JSON_STRING && event != NILO_JSON_NUMBER && event != NILO_JSON_NULL)
        d->value = "?";
    return nilo__want_take(wants, sizeof(wants) / sizeof(wants[0]), d, path, event, text, len, 100, d->arena, d->err);
}

int nilo__graph_take_days(const struct nilo__graph_days *of, const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret,
                          struct nilo_err *err)
{
    struct nilo_err why = {0};
    size_t win = (size_t)ask->win, n = 0;
    struct days d = {.of = of, .arena = arena, .ask = ask, .first = NILO_DAY(last_of(ask).n - ask->win + 1), .items = nilo_arena_array(arena, win, sizeof(*d.items)),
                     .values = nilo_arena_array(arena, win * ALL, sizeof(*d.values)), .err = &why};
    if (d.items == NULL || d.values == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < win; i++)
        d.items[i] = (struct nilo_item){.id = ask->account, .kind = NILO_ACCOUNT, .win = 1, .day = NILO_DAY(d.first.n + (int32_t)i), .posted_at = NILO_US_NONE,
                                        .duration_ms = -1, .values = &d.values[i * ALL]};
    if (nilo__walk(a->body, a->n_body, take_member, &d, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable(of->title, arena, &why, ret);
    if (!d.data) {
        nilo_err_set(&why, NILO_EBODY, "it is JSON, but no list of insights");
        return nilo__unreadable(of->title, arena, &why, ret);
    }
    for (size_t i = 0; i < win; i++) {
        if (d.items[i].n_values > 0)
            d.items[n++] = d.items[i];
    }
    ret->items = d.items;
    ret->n_items = n;
    after_answer(of, ask, ret);
    return 0;
}
