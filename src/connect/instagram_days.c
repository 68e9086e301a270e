/* What an Instagram account's days were like, by the owner's token: reach, and how many began to follow. A day's end_time is midnight in California, the end of the
 * day that is counted. paging of insights leads to windows of time that never end: it is not followed. */
#include <stdio.h>
#include <string.h>

#include "connect/instagram_priv.h"
#include "connect/walk.h"

#define DAYS_MAX 30
#define NAMES    2
#define ALL      8

static const char *const asked[NAMES] = {"reach", "follower_count"};
/* Others are read where they come: recorded answers and older versions have them. */
static const struct {
    const char *name, *metric;
} known[ALL] = {{"reach", "reach"}, {"follower_count", "follows"}, {"profile_views", "profile_visits"}, {"impressions", "impressions"}, {"views", "views"},
                {"likes", "likes"}, {"comments", "comments"}, {"total_interactions", "engagement"}};

static nilo_day last_of(const struct nilo_ask *ask)
{
    /* its today is not over: yesterday. California is at most eight hours behind */
    return nilo_day_is_none(ask->day) ? NILO_DAY((int32_t)((ask->now - 8 * NILO_US_HOUR) / NILO_US_DAY) - 1) : ask->day;
}

int nilo__ig_make_report(struct nilo__making *m, struct nilo_err *err)
{
    const struct nilo_ask *a = m->ask;
    nilo_day last = last_of(a);
    if (a->account == NULL || !nilo__graph_id_fine(a->account) || a->n_ids > 0 || a->win < 1 || a->win > DAYS_MAX)
        return nilo_err_set(err, NILO_EINVAL, "a report of %d days of %.100s cannot be asked for", a->win, a->account != NULL ? a->account : "the account");
    bool reach = (a->variant & 1) == 0, follows = (a->variant & 2) == 0;
    int64_t noon = (int64_t)last.n * 86400 + 43200; /* lies between midnights, whatever the clocks do there */
    nilo__ig_address(m, nilo_arena_printf(m->arena, "/%s/insights", a->account), "instagram account insights");
    nilo__add_query(m, "metric", reach && follows ? "reach,follower_count" : reach ? "reach" : "follower_count");
    nilo__add_query(m, "period", "day");
    nilo__add_query(m, "since", nilo_arena_printf(m->arena, "%lld", (long long)(noon - (int64_t)(a->win - 1) * 86400)));
    nilo__add_query(m, "until", nilo_arena_printf(m->arena, "%lld", (long long)(noon + 86400)));
    return nilo__ig_sign(m, err);
}

bool nilo__ig_refused_report(const struct nilo_ask *ask, const struct nilo__graph_error *e, struct nilo_result *ret)
{
    uint32_t refused;
    unsigned left;
    if (!nilo__graph_of_metric(e, asked, NAMES, &refused))
        return false;
    left = ask->variant | (refused != 0 ? (unsigned)refused : 2);
    if (left == ask->variant || (left & 3) == 3)
        return false;
    ret->again = true;
    ret->variant = left;
    return true;
}

struct days {
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

static int metric_of(const char *name)
{
    for (int i = 0; name != NULL && i < ALL; i++) {
        if (strcmp(known[i].name, name) == 0)
            return i;
    }
    return -1;
}

/* One value of one day. */
static void take_value(struct days *d)
{
    nilo_us end = nilo__instant_of(d->end);
    int i = d->period == NULL || strcmp(d->period, "day") == 0 ? metric_of(d->name) : -1;
    if (i < 0 || d->value == NULL || end == NILO_US_NONE || end < 0)
        return;
    /* 07:00 or 08:00 in UTC is midnight there: half a day earlier lies in the day that ended */
    int32_t age = (int32_t)((end - 12 * NILO_US_HOUR) / NILO_US_DAY) - d->first.n;
    if (age < 0 || age >= d->ask->win)
        return; /* nobody asked for it */
    struct nilo_item *item = &d->items[age];
    struct nilo_item_value *v = &d->values[(size_t)age * ALL + item->n_values];
    for (size_t k = 0; k < item->n_values; k++) {
        if (item->values[k].metric == nilo__metric_of(known[i].metric))
            return; /* it came before */
    }
    *v = (struct nilo_item_value){.metric = nilo__metric_of(known[i].metric)};
    v->absence = nilo__count_of(d->value, &v->value) ? NILO_PRESENT : NILO_FAILED;
    if (v->absence == NILO_FAILED) {
        const char *reason = nilo_arena_printf(d->arena, "Instagram's %s of a day are \"%.40s\", which is no count that can be kept", d->name, d->value);
        item->class = NILO_CLASS_INVALID;
        item->reason = reason != NULL ? reason : "a count does not read";
    }
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

int nilo__ig_take_report(const struct nilo_ask *ask, const struct nilo_http_answer *a, struct nilo_arena *arena, struct nilo_result *ret, struct nilo_err *err)
{
    struct nilo_err why = {0};
    size_t win = (size_t)ask->win, n = 0;
    struct days d = {.arena = arena, .ask = ask, .first = NILO_DAY(last_of(ask).n - ask->win + 1), .items = nilo_arena_array(arena, win, sizeof(*d.items)),
                     .values = nilo_arena_array(arena, win * ALL, sizeof(*d.values)), .err = &why};
    if (d.items == NULL || d.values == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < win; i++)
        d.items[i] = (struct nilo_item){.id = ask->account, .kind = NILO_ACCOUNT, .win = 1, .day = NILO_DAY(d.first.n + (int32_t)i), .posted_at = NILO_US_NONE,
                                        .duration_ms = -1, .values = &d.values[i * ALL]};
    if (nilo__walk(a->body, a->n_body, take_member, &d, &why) != 0)
        return why.code == NILO_ENOMEM ? nilo_err_nomem(err) : nilo__unreadable("Instagram", arena, &why, ret);
    if (!d.data) {
        nilo_err_set(&why, NILO_EBODY, "it is JSON, but no list of insights");
        return nilo__unreadable("Instagram", arena, &why, ret);
    }
    for (size_t i = 0; i < win; i++) {
        if (d.items[i].n_values > 0)
            d.items[n++] = d.items[i];
    }
    ret->items = d.items;
    ret->n_items = n;
    return 0;
}
