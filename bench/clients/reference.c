/* What the answers have to be: a walk over the data set. Its times are those of plain arrays in memory, which no store can reach. */
#include <stdlib.h>
#include <string.h>

#include "w.h"

static const struct w *w;
static struct best {
    int64_t views;
    char id[W_ID];
} *all;
static uint32_t days; /* that are there */

static void open_it(const struct w *data, const char *target, bool make)
{
    (void)target;
    (void)make;
    w = data;
    days = w->days;
    all = malloc(w->videos * sizeof *all);
    if (all == NULL)
        client_fail("out of memory");
}

static void load(void) { days = w->days; }
static void append(uint32_t day) { days = day + 1 > days ? day + 1 : days; }
static void close_it(void) { free(all); }

static int64_t rows(void)
{
    int64_t n = 0;
    for (uint32_t v = 0; v < w->videos; v++) {
        for (uint32_t d = 0; d < days; d++)
            n += !w_is_absent(w_row(w, v, d));
    }
    return n;
}

static const int64_t *newest(uint32_t video)
{
    for (uint32_t d = days; d > 0; d--) {
        if (!w_is_absent(w_row(w, video, d - 1)))
            return w_row(w, video, d - 1);
    }
    return NULL;
}

static uint64_t latest(const uint32_t videos[W_LATEST])
{
    uint64_t sum = 0;
    for (int i = 0; i < W_LATEST; i++)
        sum += newest(videos[i]) != NULL ? w_add(newest(videos[i])) : 0;
    return sum;
}

static uint64_t reported(uint32_t first, uint32_t last, uint32_t from, uint32_t to)
{
    uint64_t sum = 0;
    for (uint32_t v = first; v < last; v++) {
        for (uint32_t d = from; d < to; d++)
            sum += w_add(w_row(w, v, d));
    }
    return sum;
}

/* An item that was not read, or did not report a counter, counts as it was last known. */
static uint64_t levels(uint32_t first, uint32_t last, uint32_t from, uint32_t to)
{
    uint64_t sum = 0;
    for (uint32_t v = first; v < last; v++) {
        int64_t known[W_METRICS] = {W_NONE, W_NONE, W_NONE, W_NONE, W_NONE};
        for (uint32_t d = 0; d < to; d++) {
            const int64_t *row = w_row(w, v, d);
            for (int m = 0; m < W_METRICS; m++)
                known[m] = row[m] != W_NONE ? row[m] : known[m];
            sum += d >= from ? w_add(known) : 0;
        }
    }
    return sum;
}

static uint64_t owner_days(uint32_t owner) { return reported(owner * W_PER_OWNER, (owner + 1) * W_PER_OWNER, 0, days); }
static uint64_t owner_kept(uint32_t owner) { return levels(owner * W_PER_OWNER, (owner + 1) * W_PER_OWNER, 0, days); }
static uint64_t totals(void) { return reported(0, w->videos, days - W_WINDOW, days); }
static uint64_t totals_levels(void) { return levels(0, w->videos, days - W_WINDOW, days); }
static uint64_t one_video(uint32_t video) { return reported(video, video + 1, 0, days); }

static int by_views(const void *a, const void *b)
{
    const struct best *x = a, *y = b;
    return x->views != y->views ? (x->views < y->views ? 1 : -1) : strcmp(x->id, y->id);
}

static uint64_t top(int64_t threshold)
{
    uint64_t sum = 0;
    uint32_t n = 0;
    for (uint32_t v = 0; v < w->videos; v++) {
        const int64_t *row = newest(v);
        if (row != NULL && row[0] != W_NONE && row[0] >= threshold) {
            all[n].views = row[0];
            w_external_id(v, all[n++].id);
        }
    }
    qsort(all, n, sizeof *all, by_views);
    for (uint32_t i = 0; i < n && i < W_TOP; i++)
        sum += (uint64_t)all[i].views + w_hash(all[i].id);
    return sum;
}

const struct client client = {
    .name = "reference",
    .open = open_it,
    .load = load,
    .append = append,
    .rows = rows,
    .latest = latest,
    .owner_days = owner_days,
    .owner_kept = owner_kept,
    .top = top,
    .totals = totals,
    .totals_kept = totals_levels,
    .keeps_levels = true,
    .one_video = one_video,
    .close = close_it,
};
