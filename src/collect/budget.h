/* Budgets of platforms' APIs: so much a period (a civil day of the platform's zone, or a sliding span), shared by whoever has the same key or token. Fed by
 * our own count and by what the platform says; kept in the store so that a restart does not begin anew. Pure but for loading and saving.
 *
 * Of each period a tenth is kept back for retries. Where the platform counts a sliding span, half of its limit is spent in each fixed one: whatever span
 * one looks at, it lies in two of them.
 *
 * Some platforms do not say how many calls they allow, but with each answer how much of it is used ("told" budgets): those count in parts of the limit. What
 * the platform says replaces what we thought, what a call costs is learned from it, and where nothing was heard for a while one call goes out by itself to
 * hear. */
#ifndef NILO_COLLECT_BUDGET_H
#define NILO_COLLECT_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/zone.h"
#include "store/collecting.h"

struct nilo_budget {
    char owner[80], bucket[48];
    int64_t limit;                /* of a period, as we spend it */
    int64_t period_s;
    const struct nilo_zone *zone; /* NULL: sliding */
    nilo_us start, end;           /* of the present period */
    int64_t used;                 /* in it */
    int64_t saved;                /* what the store says is used: never less than what really is */
    nilo_us blocked_until;        /* NILO_US_NONE = it is not */
    /* of a told one: used and limit are ten-thousandths of the platform's limit */
    bool told, fresh;             /* fresh: not heard of lately */
    int64_t per_call, out;        /* what a call costs; calls whose answers have not come */
    int64_t anchor, calls;        /* told first; calls that were answered since */
    nilo_us told_at;              /* 0 = never */
    char reason[80];
};

/** nilo_budget_init - nothing is used yet
 *  limit    of a period; a sliding one is spent by halves */
void nilo_budget_init(struct nilo_budget *b, const char *owner, const char *bucket, int64_t limit, int64_t period_s, const struct nilo_zone *zone);
/** nilo_budget_init_told - one of which the platform tells how much is used
 *  least    calls that a period allows at least
 *  period_s after which what was used is free again, as far as we know */
void nilo_budget_init_told(struct nilo_budget *b, const char *owner, const char *bucket, int64_t least, int64_t period_s);
/** nilo_budget_load - what the store knows of it. _save: what is used, and ahead so much more, so that a process that dies has said at least what it used */
int nilo_budget_load(struct nilo_budget *b, struct nilo_store *s, struct nilo_err *err);
int nilo_budget_save(struct nilo_budget *b, struct nilo_store *s, int64_t ahead, struct nilo_err *err);

/** nilo_budget_left - how much may be spent now, without what is kept back for retries; 0 while it is blocked. Moves on to the present period */
int64_t nilo_budget_left(struct nilo_budget *b, nilo_us now);
/** nilo_budget_take - spends; false: there is not that much, or it is blocked. retry: what is kept back counts, too */
bool nilo_budget_take(struct nilo_budget *b, nilo_us now, int64_t cost, bool retry);
/** nilo_budget_room - the largest cost that could be taken now */
int64_t nilo_budget_room(struct nilo_budget *b, nilo_us now, bool retry);
/** nilo_budget_needs_save - less is kept in the store than was used: before a request goes out */
bool nilo_budget_needs_save(const struct nilo_budget *b);
/** nilo_budget_block - the platform said: nothing before that instant (NILO_US_NONE: before the period is over) */
void nilo_budget_block(struct nilo_budget *b, nilo_us now, nilo_us until, const char *reason);
/** nilo_budget_told - the platform's own count: thousandths used, or what remains of its limit; -1 = it says nothing. It only ever counts more than we do:
 *  others may use the same key. Of a told one its count replaces ours */
void nilo_budget_told(struct nilo_budget *b, nilo_us now, int64_t used_permille, int64_t remaining);
/** nilo_budget_answered - a call that was taken has come to its end, whatever it was; before nilo_budget_told() of the same answer */
void nilo_budget_answered(struct nilo_budget *b, int64_t cost);
/** nilo_budget_again - when something may be spent again: now, the end of a block, or the next period */
nilo_us nilo_budget_again(struct nilo_budget *b, nilo_us now);

/* How a period will go. */
struct nilo_forecast {
    int64_t limit, used, left; /* of the present period; left without the part for retries */
    int64_t needed;            /* what the rest of it will cost at this pace */
    nilo_us ends_at;           /* when it is used up; NILO_US_NONE = it lasts */
    nilo_us resets_at;
};
/** nilo_budget_forecast - per_day: what a day costs at full pace */
struct nilo_forecast nilo_budget_forecast(struct nilo_budget *b, nilo_us now, int64_t per_day);

/** nilo_budget_outlook - the same of what is kept: the rest of the period will cost as the part of it did that is over */
struct nilo_forecast nilo_budget_outlook(const struct nilo_budget_row *row, nilo_us now);

#endif
