/* Budgets: counting, blocking, forecasting. */
#include "collect/budget.h"

#include "base/decimal.h"

#include <stdio.h>
#include <string.h>

#define SETTLED NILO_US_HOUR
#define RESERVE_PART 10 /* of the limit is kept back for retries */

void nilo_budget_init(struct nilo_budget *b, const char *owner, const char *bucket, int64_t limit, int64_t period_s, const struct nilo_zone *zone)
{
    *b = (struct nilo_budget){.period_s = period_s > 0 ? period_s : 86400, .zone = zone, .blocked_until = NILO_US_NONE};
    snprintf(b->owner, sizeof b->owner, "%s", owner);
    snprintf(b->bucket, sizeof b->bucket, "%s", bucket);
    b->limit = zone != NULL || limit < 2 ? limit : limit / 2;
}

/* The period that now lies in; what was used in an earlier one is over. */
static void move_on(struct nilo_budget *b, nilo_us now)
{
    if (b->blocked_until != NILO_US_NONE && now >= b->blocked_until) {
        b->blocked_until = NILO_US_NONE;
        b->reason[0] = '\0';
    }
    if (b->end != 0 && now >= b->start && now < b->end)
        return;
    /* A clock that was set back gives nothing anew. */
    if (b->end != 0 && now < b->start && b->start - now < 2 * NILO_US_DAY)
        return;
    if (b->zone != NULL) {
        nilo_day today = nilo_zone_day(b->zone, now);
        b->start = nilo_zone_day_start(b->zone, today);
        b->end = nilo_zone_day_start(b->zone, NILO_DAY(today.n + 1));
    } else {
        nilo_us span = b->period_s * NILO_US_SECOND;
        b->start = now - (now % span + span) % span;
        b->end = b->start + span;
    }
    b->used = b->saved = 0;
}

static int64_t reserve(const struct nilo_budget *b)
{
    return b->limit / RESERVE_PART;
}

static bool blocked(const struct nilo_budget *b, nilo_us now)
{
    return b->blocked_until != NILO_US_NONE && now < b->blocked_until;
}

int nilo_budget_load(struct nilo_budget *b, struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_budget_row row;
    bool there;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_budget(s, b->owner, b->bucket, &arena, &there, &row, err);
    if (rc == 0 && there) {
        b->start = row.period_start;
        b->end = row.period_end;
        b->used = b->saved = row.used;
        b->blocked_until = row.blocked_until;
        snprintf(b->reason, sizeof b->reason, "%s", row.reason != NULL ? row.reason : "");
    }
    nilo_arena_done(&arena);
    return rc;
}

int nilo_budget_save(struct nilo_budget *b, struct nilo_store *s, int64_t ahead, struct nilo_err *err)
{
    const struct nilo_budget_row row = {.owner = b->owner,
                                        .bucket = b->bucket,
                                        .period_start = b->start,
                                        .period_end = b->end,
                                        .most = b->limit,
                                        .used = b->used + ahead,
                                        .blocked_until = b->blocked_until,
                                        .reason = b->reason[0] != '\0' ? b->reason : NULL};
    if (nilo_store_budget_put(s, &row, b->saved, &b->saved, err) != 0)
        return -1;
    b->used = b->saved - ahead; /* other processes' calls are among them */
    return 0;
}

int64_t nilo_budget_left(struct nilo_budget *b, nilo_us now)
{
    move_on(b, now);
    int64_t left = b->limit - reserve(b) - b->used;
    return blocked(b, now) || left < 0 ? 0 : left;
}

bool nilo_budget_take(struct nilo_budget *b, nilo_us now, int64_t cost, bool retry)
{
    move_on(b, now);
    int64_t most = retry ? b->limit : b->limit - reserve(b);
    if (blocked(b, now) || b->used + cost > most)
        return false;
    b->used += cost;
    return true;
}

bool nilo_budget_needs_save(const struct nilo_budget *b)
{
    return b->saved < b->used;
}

void nilo_budget_block(struct nilo_budget *b, nilo_us now, nilo_us until, const char *reason)
{
    move_on(b, now);
    if (until == NILO_US_NONE)
        until = b->end;
    if (until > now + 2 * NILO_US_DAY)
        until = now + 2 * NILO_US_DAY; /* nobody's limit takes longer: a clock or an answer is wrong */
    if (b->blocked_until == NILO_US_NONE || until > b->blocked_until)
        b->blocked_until = until;
    snprintf(b->reason, sizeof b->reason, "%s", reason != NULL ? reason : "");
}

void nilo_budget_told(struct nilo_budget *b, nilo_us now, int64_t used_permille, int64_t remaining)
{
    int64_t used = -1;
    move_on(b, now);
    if (used_permille >= 0)
        used = used_permille >= 1000 ? b->limit : b->limit / 1000 * used_permille + b->limit % 1000 * used_permille / 1000;
    if (remaining >= 0 && b->limit - remaining > used)
        used = b->limit - remaining;
    if (used > b->used)
        b->used = used;
}

nilo_us nilo_budget_again(struct nilo_budget *b, nilo_us now)
{
    move_on(b, now);
    if (blocked(b, now))
        return b->blocked_until;
    return b->limit - reserve(b) > b->used ? now : b->end;
}

struct nilo_forecast nilo_budget_forecast(struct nilo_budget *b, nilo_us now, int64_t per_day)
{
    move_on(b, now);
    struct nilo_forecast f = {.limit = b->limit, .used = b->used, .left = nilo_budget_left(b, now), .ends_at = NILO_US_NONE, .resets_at = b->end};
    /* 128 bits: a day has 8.64e10 microseconds. */
    nilo_i128 span = b->end - now;
    f.needed = (int64_t)(span * per_day / NILO_US_DAY);
    if (f.needed > f.left && per_day > 0)
        f.ends_at = now + (nilo_us)((nilo_i128)f.left * NILO_US_DAY / per_day);
    return f;
}

struct nilo_forecast nilo_budget_outlook(const struct nilo_budget_row *row, nilo_us now)
{
    int64_t left = row->most - row->most / RESERVE_PART - row->used;
    nilo_us over = now - row->period_start, rest = row->period_end - now;
    if (over > 0 && over < SETTLED && rest > 4 * SETTLED) /* the first minutes of a day tell no pace: calls come in bursts */
        over = SETTLED;
    struct nilo_forecast f = {.limit = row->most, .used = row->used, .left = left > 0 ? left : 0, .ends_at = NILO_US_NONE, .resets_at = row->period_end};
    if (row->blocked_until != NILO_US_NONE && row->blocked_until > now)
        f.left = 0;
    if (over <= 0 || rest <= 0 || row->used <= 0)
        return f;
    f.needed = (int64_t)((nilo_i128)row->used * rest / over);
    if (f.needed > f.left)
        f.ends_at = now + (nilo_us)((nilo_i128)f.left * over / row->used);
    return f;
}
