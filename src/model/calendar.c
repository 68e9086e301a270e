/* Days of a workspace across its zone eras. */
#include <assert.h>

#include "model/model.h"

nilo_day nilo_calendar_day(const struct nilo_calendar *c, nilo_us at)
{
    assert(c->n > 0);
    for (size_t i = c->n; i-- > 1;) {
        nilo_day d = nilo_zone_day(c->eras[i].zone, at);
        if (d.n >= c->eras[i].from_day.n)
            return d;
        /* the old zone may already be past its last day: those hours belong to that last day */
        nilo_day before = nilo_zone_day(c->eras[i - 1].zone, at);
        if (before.n >= c->eras[i].from_day.n)
            return NILO_DAY(c->eras[i].from_day.n - 1);
    }
    return nilo_zone_day(c->eras[0].zone, at);
}

const struct nilo_zone *nilo_calendar_zone(const struct nilo_calendar *c, nilo_day d)
{
    assert(c->n > 0);
    size_t i = c->n - 1;
    while (i > 0 && c->eras[i].from_day.n > d.n)
        i--;
    return c->eras[i].zone;
}

/* Who moves far to the east begins the first day there before the last ones here would begin: those end then, or are none. */
nilo_us nilo_calendar_start(const struct nilo_calendar *c, nilo_day d)
{
    nilo_us start = nilo_zone_day_start(nilo_calendar_zone(c, d), d);
    for (size_t i = c->n; i-- > 1 && c->eras[i].from_day.n > d.n;) {
        nilo_us next = nilo_zone_day_start(c->eras[i].zone, c->eras[i].from_day);
        start = next < start ? next : start;
    }
    return start;
}

nilo_us nilo_calendar_end(const struct nilo_calendar *c, nilo_day d)
{
    return nilo_calendar_start(c, NILO_DAY(d.n + 1));
}

bool nilo_calendar_exists(const struct nilo_calendar *c, nilo_day d)
{
    return nilo_calendar_start(c, d) < nilo_calendar_end(c, d);
}
