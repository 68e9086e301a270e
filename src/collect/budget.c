/* Budgets: counting, blocking, forecasting. */
#include "collect/budget.h"

#include "base/decimal.h"

#include <stdio.h>
#include <string.h>

#define SETTLED NILO_US_HOUR
#define RESERVE_PART 10 /* of the limit is kept back for retries */
#define TOLD_LIMIT   10000
#define TOLD_STEP    100  /* they are told in whole per cent */
#define TOLD_SURE    20   /* so many calls tell what one costs */

void nilo_budget_init(struct nilo_budget *b, const char *owner, const char *bucket, int64_t limit, int64_t period_s, const struct nilo_zone *zone)
{
    *b = (struct nilo_budget){.period_s = period_s > 0 ? period_s : 86400, .zone = zone, .blocked_until = NILO_US_NONE};
    snprintf(b->owner, sizeof b->owner, "%s", owner);
    snprintf(b->bucket, sizeof b->bucket, "%s", bucket);
    b->limit = zone != NULL || limit < 2 ? limit : limit / 2;
}

void nilo_budget_init_told(struct nilo_budget *b, const char *owner, const char *bucket, int64_t least, int64_t period_s)
{
    nilo_budget_init(b, owner, bucket, TOLD_LIMIT, period_s, NULL);
    b->limit = TOLD_LIMIT;
    b->told = b->fresh = true;
    b->per_call = least > 0 && least < TOLD_LIMIT ? (TOLD_LIMIT + least - 1) / least : 1;
}

static void move_on_told(struct nilo_budget *b, nilo_us now)
{
    nilo_us span = b->period_s * NILO_US_SECOND;
    if (b->told_at == 0 || b->told_at > now + span) /* or the clock was set back */
        b->told_at = now;
    if (now - b->told_at >= span) {
        b->used = b->anchor = b->calls = 0;
        b->fresh = true;
        b->told_at = now;
    }
    if (b->end != 0 && now < b->end)
        return;
    b->start = now - (now % span + span) % span; /* as the store has it; what is used goes on */
    b->end = b->start + span;
    b->saved = 0;
}

/* The period that now lies in; what was used in an earlier one is over. */
static void move_on(struct nilo_budget *b, nilo_us now)
{
    if (b->blocked_until != NILO_US_NONE && now >= b->blocked_until) {
        b->blocked_until = NILO_US_NONE;
        b->reason[0] = '\0';
    }
    if (b->told) {
        move_on_told(b, now);
        return;
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
        b->told_at = b->told ? row.period_end : 0; /* at the latest */
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
    int64_t most = retry ? b->limit : b->limit - reserve(b), price = b->told ? cost * b->per_call : cost;
    if (b->told && b->fresh && b->out > 0)
        return false; /* the first answer tells more */
    if (blocked(b, now) || b->used + price > most)
        return false;
    b->used += price;
    b->out += b->told ? cost : 0;
    return true;
}

int64_t nilo_budget_room(struct nilo_budget *b, nilo_us now, bool retry)
{
    move_on(b, now);
    int64_t left = (retry ? b->limit : b->limit - reserve(b)) - b->used;
    if (blocked(b, now) || left <= 0 || (b->told && b->fresh && b->out > 0))
        return 0;
    return b->told ? left / b->per_call : left;
}

void nilo_budget_answered(struct nilo_budget *b, int64_t cost)
{
    if (!b->told)
        return;
    b->out = b->out > cost ? b->out - cost : 0;
    b->calls += cost;
}

/* The platform's count is what is used; those on their way may not be in it yet. */
static void hear(struct nilo_budget *b, nilo_us now, int64_t permille)
{
    int64_t used = permille * (TOLD_LIMIT / 1000);
    if (b->fresh || used < b->anchor) { /* the first word, or older calls have left the span */
        b->anchor = used;
        b->calls = 0;
    } else if (b->calls >= TOLD_SURE || used - b->anchor > 3 * TOLD_STEP) {
        int64_t most = b->calls > 0 ? (used - b->anchor + TOLD_STEP + b->calls - 1) / b->calls : b->per_call;
        b->per_call = most > 0 ? most : 1;
    }
    b->fresh = false;
    b->told_at = now;
    b->used = used + b->out * b->per_call;
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
    if (b->told) {
        if (used_permille >= 0)
            hear(b, now, used_permille);
        return;
    }
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
    if (b->told && b->out > 0)
        return now + NILO_US_SECOND; /* an answer will tell */
    if (b->told)
        return b->limit - reserve(b) > b->used ? now : b->told_at + b->period_s * NILO_US_SECOND;
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
