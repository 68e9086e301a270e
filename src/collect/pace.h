/* What is due: which items of a connection to read now, and in which order (SEMANTICS section 8). Pure.
 *
 * Every item is read daily, those posted less than 30 days ago every 6 hours, those of the last 48 hours every hour; and everything once more in
 * the day's last hour, so that a day's value is of its end. An item that could not be read comes first in line; one that has failed again and again by itself
 * waits for the day's turn. What was deleted is looked at again now and then: it may come back. Where a budget does not reach, old items wait before young ones. */
#ifndef NILO_COLLECT_PACE_H
#define NILO_COLLECT_PACE_H

#include <stdbool.h>
#include <stddef.h>

#include "model/model.h"
#include "store/collecting.h"

#define NILO_PACE_PERSISTENT 5 /* failures in a row that are the item's own: a platform that was away for a night says nothing about it */

struct nilo_pace {
    nilo_us now;
    const struct nilo_calendar *calendar;
    int refresh_window_days; /* 0 = none; else older items are not read at all */
    bool all;                /* whatever was read when */
};

/* Why an item is read, or not. */
enum nilo_due {
    NILO_DUE_NOT,      /* was read lately enough */
    NILO_DUE_OUTSIDE,  /* older than the window that the configuration sets */
    NILO_DUE_OLD,      /* its day's turn */
    NILO_DUE_RECENT,   /* younger than 30 days */
    NILO_DUE_FRESH,    /* younger than 48 hours */
    NILO_DUE_NEW,      /* never read */
    NILO_DUE_FAILED    /* could not be read last time */
};

/** nilo_pace_due - is the item due? */
enum nilo_due nilo_pace_due(const struct nilo_pace *p, const struct nilo_item_state *item);
/** nilo_pace_interval - between two readings of an item of that age */
nilo_us nilo_pace_interval(const struct nilo_pace *p, const struct nilo_item_state *item);

struct nilo_pace_item {
    size_t item; /* its number */
    enum nilo_due due;
    bool repeat; /* it was asked for in vain since it was read, and by its age it is not its turn again yet: a second try, and no part of the ordinary traffic */
};
struct nilo_pace_plan {
    struct nilo_pace_item *order; /* what is due, in the order in which to read it; caller's room for n */
    size_t due;        /* so many of them */
    size_t read;       /* so many are within `most`; the rest is not_due for want of a budget */
    size_t outside;    /* left out by the window */
};
/** nilo_pace_plan - most: how many can be read, SIZE_MAX = all */
void nilo_pace_plan(const struct nilo_pace *p, const struct nilo_item_state *items, size_t n, size_t most, struct nilo_pace_plan *ret);

/** nilo_pace_repeat - of one that is due: is asking for it now a second try? */
bool nilo_pace_repeat(const struct nilo_pace *p, const struct nilo_item_state *item);

/** nilo_pace_per_day - how many items a day reads at full pace */
int64_t nilo_pace_per_day(const struct nilo_pace *p, const struct nilo_item_state *items, size_t n);

#endif
