/* Days in a row that grow on either side. */
#include <stdlib.h>
#include <string.h>

#include "query/points.h"

static struct nilo__point *no_room(struct nilo_err *err)
{
    nilo_err_nomem(err);
    return NULL;
}

struct nilo__point *nilo__point_at(struct nilo__points *x, nilo_day day, struct nilo_err *err)
{
    int64_t first = x->n ? x->first.n : day.n, last = x->n ? x->first.n + (int64_t)x->n - 1 : day.n;
    if (x->n && day.n >= first && day.n <= last)
        return &x->p[day.n - first];
    int64_t new_first = day.n < first ? day.n : first, new_last = day.n > last ? day.n : last;
    if (new_last - new_first + 1 > NILO__POINTS_MAX) {
        nilo_err_set(err, NILO_EINVAL, "the range holds more than %d days; ask for less", NILO__POINTS_MAX);
        return NULL;
    }
    /* room is made in powers of two, so that a row of days costs few copies */
    size_t n = (size_t)(new_last - new_first + 1), cap = 64, old_cap = 64;
    while (cap < n)
        cap *= 2;
    while (old_cap < x->n)
        old_cap *= 2;
    if (!x->p || cap != old_cap) {
        struct nilo__point *more = realloc(x->p, cap * sizeof *more);
        if (!more)
            return no_room(err);
        x->p = more;
    }
    size_t shift = x->n ? (size_t)(first - new_first) : 0;
    if (shift)
        memmove(x->p + shift, x->p, x->n * sizeof *x->p);
    memset(x->p, 0, shift * sizeof *x->p);
    memset(x->p + shift + x->n, 0, (n - shift - x->n) * sizeof *x->p);
    x->first = NILO_DAY((int32_t)new_first);
    x->n = n;
    return &x->p[day.n - new_first];
}

const struct nilo__point *nilo__point_get(const struct nilo__points *x, nilo_day day)
{
    if (x->n == 0 || day.n < x->first.n || day.n >= x->first.n + (int64_t)x->n)
        return NULL;
    return &x->p[day.n - x->first.n];
}

void nilo__points_done(struct nilo__points *x)
{
    free(x->p);
    *x = (struct nilo__points){0};
}
