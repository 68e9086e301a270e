/* What is due. */
#include "collect/pace.h"

#include <string.h>

#define FRESH (48 * NILO_US_HOUR)
#define RECENT (30 * NILO_US_DAY)
#define GONE_DAILY (7 * NILO_US_DAY) /* after it was found deleted; later once a week */

static nilo_us age(const struct nilo_pace *p, const struct nilo_item_state *item)
{
    nilo_us since = item->posted_at != NILO_US_NONE ? item->posted_at : item->first_seen;
    return p->now - since;
}

/* Was it read in the day that now is in, and after `from`? */
static bool read_since(const struct nilo_item_state *item, nilo_us from)
{
    return item->read_at != NILO_US_NONE && item->read_at >= from;
}

/* One that failed for what it is, rather than for the weather that its platform had. */
static bool is_persistent(const struct nilo_item_state *item)
{
    bool weather = item->class != NULL && (strcmp(item->class, "transient") == 0 || strcmp(item->class, "rate_limited") == 0);
    return item->failures >= NILO_PACE_PERSISTENT && !weather;
}

nilo_us nilo_pace_interval(const struct nilo_pace *p, const struct nilo_item_state *item)
{
    if (item->deleted_at != NILO_US_NONE)
        return p->now - item->deleted_at < GONE_DAILY ? NILO_US_DAY : 7 * NILO_US_DAY;
    if (is_persistent(item))
        return NILO_US_DAY;
    nilo_us old = age(p, item);
    return old < FRESH ? NILO_US_HOUR : old < RECENT ? 6 * NILO_US_HOUR : NILO_US_DAY;
}

/* A run comes some minutes early or late: a tenth of the interval, half an hour at most. */
static bool is_over(const struct nilo_pace *p, nilo_us last, nilo_us interval)
{
    nilo_us slack = interval / 10 < 30 * NILO_US_MINUTE ? interval / 10 : 30 * NILO_US_MINUTE;
    return last == NILO_US_NONE || last > p->now || p->now - last >= interval - slack;
}

static enum nilo_due by_age(const struct nilo_pace *p, const struct nilo_item_state *item)
{
    nilo_us old = age(p, item);
    return old < FRESH ? NILO_DUE_FRESH : old < RECENT ? NILO_DUE_RECENT : NILO_DUE_OLD;
}

/* Somebody told that it has changed, and nobody has looked since. */
static bool is_asked(const struct nilo_item_state *item)
{
    return item->asked_at > 0 && (item->read_at == NILO_US_NONE || item->asked_at > item->read_at) && (item->failed_at == NILO_US_NONE || item->asked_at > item->failed_at);
}

enum nilo_due nilo_pace_due(const struct nilo_pace *p, const struct nilo_item_state *item)
{
    nilo_day today = nilo_calendar_day(p->calendar, p->now);
    nilo_us begin = nilo_calendar_start(p->calendar, today), last_hour = nilo_calendar_end(p->calendar, today) - NILO_US_HOUR;
    nilo_us interval = nilo_pace_interval(p, item);
    if (item->ended)
        return NILO_DUE_NOT;
    if (p->refresh_window_days > 0 && age(p, item) > (nilo_us)p->refresh_window_days * NILO_US_DAY)
        return NILO_DUE_OUTSIDE;
    if (p->all)
        return item->read_at == NILO_US_NONE ? NILO_DUE_NEW : by_age(p, item);
    if (is_asked(item))
        return NILO_DUE_NEW;
    if (item->deleted_at != NILO_US_NONE) {
        nilo_us seen = item->read_at != NILO_US_NONE && item->read_at > item->deleted_at ? item->read_at : item->deleted_at;
        if (item->failed_at != NILO_US_NONE && item->failed_at > seen)
            seen = item->failed_at;
        return is_over(p, seen, interval) ? NILO_DUE_OLD : NILO_DUE_NOT;
    }
    if (is_persistent(item))
        return is_over(p, item->failed_at, interval) ? NILO_DUE_OLD : NILO_DUE_NOT;
    if (item->failures > 0)
        return NILO_DUE_FAILED;
    if (item->read_at == NILO_US_NONE)
        return NILO_DUE_NEW;
    bool daily = !read_since(item, begin) || (p->now >= last_hour && !read_since(item, last_hour)) || item->read_at > p->now;
    if (daily || (interval < NILO_US_DAY && is_over(p, item->read_at, interval)))
        return by_age(p, item);
    return NILO_DUE_NOT;
}

/* Slots come every hour or later, and a run that had to wait fails late: half an hour is not a second try. */
bool nilo_pace_repeat(const struct nilo_pace *p, const struct nilo_item_state *item)
{
    nilo_day today = nilo_calendar_day(p->calendar, p->now);
    nilo_us begin = nilo_calendar_start(p->calendar, today), last_hour = nilo_calendar_end(p->calendar, today) - NILO_US_HOUR;
    nilo_us interval = nilo_pace_interval(p, item), failed = item->failed_at;
    bool in_vain = failed != NILO_US_NONE && failed <= p->now && (item->read_at == NILO_US_NONE || failed > item->read_at);
    if (p->all || !in_vain || item->deleted_at != NILO_US_NONE || failed < begin || (p->now >= last_hour && failed < last_hour))
        return false;
    return p->now - failed < interval - 30 * NILO_US_MINUTE;
}

/* ---- the order ---------------------------------------------------------------------------------------------------------------------------- */

/* Failed first, then never read, then the youngest; among equals of the latter two the newest. */
static int compare(const struct nilo_pace *p, const struct nilo_item_state *items, const struct nilo_pace_item *x, const struct nilo_pace_item *y)
{
    const struct nilo_item_state *a = &items[x->item], *b = &items[y->item];
    if (x->due != y->due)
        return x->due > y->due ? -1 : 1;
    nilo_us aa = age(p, a), ab = age(p, b);
    if (x->due == NILO_DUE_OLD) { /* what was read longest ago first: with too small a budget each has its turn */
        nilo_us ra = a->read_at, rb = b->read_at;
        if (ra != rb)
            return ra < rb ? -1 : 1;
    }
    if (aa != ab)
        return aa < ab ? -1 : 1;
    return strcmp(a->external_id, b->external_id);
}

static void sift(const struct nilo_pace *p, const struct nilo_item_state *items, struct nilo_pace_item *order, size_t root, size_t n)
{
    for (size_t child; (child = 2 * root + 1) < n; root = child) {
        if (child + 1 < n && compare(p, items, &order[child], &order[child + 1]) < 0)
            child++;
        if (compare(p, items, &order[root], &order[child]) >= 0)
            return;
        struct nilo_pace_item t = order[root];
        order[root] = order[child];
        order[child] = t;
    }
}

/* Heap sort: qsort has no context argument in C11. */
static void sort(const struct nilo_pace *p, const struct nilo_item_state *items, struct nilo_pace_item *order, size_t n)
{
    for (size_t i = n / 2; i-- > 0;)
        sift(p, items, order, i, n);
    for (size_t end = n; end-- > 1;) {
        struct nilo_pace_item t = order[0];
        order[0] = order[end];
        order[end] = t;
        sift(p, items, order, 0, end);
    }
}

void nilo_pace_plan(const struct nilo_pace *p, const struct nilo_item_state *items, size_t n, size_t most, struct nilo_pace_plan *ret)
{
    ret->due = ret->outside = 0;
    for (size_t i = 0; i < n; i++) {
        enum nilo_due due = nilo_pace_due(p, &items[i]);
        ret->outside += due == NILO_DUE_OUTSIDE;
        if (due > NILO_DUE_OUTSIDE)
            ret->order[ret->due++] = (struct nilo_pace_item){i, due, nilo_pace_repeat(p, &items[i])};
    }
    sort(p, items, ret->order, ret->due);
    ret->read = ret->due < most ? ret->due : most;
}

int64_t nilo_pace_per_day(const struct nilo_pace *p, const struct nilo_item_state *items, size_t n)
{
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (p->refresh_window_days > 0 && age(p, &items[i]) > (nilo_us)p->refresh_window_days * NILO_US_DAY)
            continue;
        nilo_us interval = nilo_pace_interval(p, &items[i]);
        sum += interval > NILO_US_DAY ? 0 : NILO_US_DAY / interval + (interval == NILO_US_DAY && items[i].deleted_at == NILO_US_NONE);
    }
    return sum;
}
