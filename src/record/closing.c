/* Which days may close: over, settled, read after their end where the source is SQL, no run open on them, the clock sane. */
#include <stdlib.h>
#include <string.h>

#include "record/record_priv.h"
#include "store/collecting.h"

#define SETTLE_MOST (96 * 3600)       /* seconds */
#define HELD_MOST   (NILO_OBSERVED_DAYS * NILO_US_DAY)

int64_t nilo_settle_default(const char *platform)
{
    if (strcmp(platform, "sql") == 0)
        return 6 * 3600;
    if (strcmp(platform, "import") == 0 || strcmp(platform, "push") == 0)
        return 24 * 3600;
    return 48 * 3600;
}

/* Where days were seen to change for longer than the default they stay open for longer, up to a bound: what is restated later is an amendment. */
int nilo_settle_seconds(struct nilo_store *s, const struct nilo_connection *c, int64_t *ret, struct nilo_err *err)
{
    bool handed_in = strcmp(c->origin, "import") == 0 || strcmp(c->origin, "push") == 0;
    struct nilo_settle seen;
    *ret = c->settle_s >= 0 ? c->settle_s : nilo_settle_default(handed_in ? c->origin : c->platform);
    if (c->settle_s >= 0 || handed_in || strcmp(c->platform, "sql") == 0)
        return 0;
    if (nilo_store_settle(s, c->id, &seen, err) < 0)
        return -1;
    int64_t measured = (int64_t)nilo_settle_days(&seen) * 86400;
    if (measured > *ret)
        *ret = measured < SETTLE_MOST ? measured : SETTLE_MOST;
    return 0;
}

static nilo_day earlier(nilo_day a, nilo_day b) { return a.n < b.n ? a : b; }

/* What an SQL connection was read of, and when. */
struct seen {
    const struct nilo_connection *c;
    const struct nilo_calendar *calendar;
    const struct nilo_within *within;
    size_t n;
};

static bool is_within(const struct seen *seen, const struct nilo_within *w)
{
    return w->captured_at < nilo_calendar_end(seen->calendar, w->day);
}

static bool read_after_end(void *ctx, nilo_day day)
{
    const struct seen *seen = ctx;
    if (strcmp(seen->c->platform, "sql") != 0)
        return true;
    for (size_t i = 0; i < seen->n; i++)
        if (seen->within[i].day.n == day.n && is_within(seen, &seen->within[i]))
            return false;
    return !nilo_day_is_none(seen->c->read_until) && day.n <= seen->c->read_until.n;
}

/* A metric that failed when the others were read after the day's end stands as it was within the day: a part of it. The day waits for it, while its
 * source is there at all. */
static nilo_day without_held(const struct seen *seen, nilo_day until, nilo_us now)
{
    for (size_t i = 0; i < seen->n && strcmp(seen->c->status, "disabled") != 0; i++) {
        const struct nilo_within *w = &seen->within[i];
        if (w->active && w->day.n <= until.n && is_within(seen, w) && now - nilo_calendar_end(seen->calendar, w->day) <= HELD_MOST)
            return NILO_DAY(w->day.n - 1);
    }
    return until;
}

/* The newest day that is over and settled; NILO_DAY_NONE.n and less mean none. */
static nilo_day settled_until(const struct nilo_calendar *calendar, nilo_us now, int64_t settle_s)
{
    nilo_us settled = now - settle_s * NILO_US_SECOND;
    nilo_day d = nilo_calendar_day(calendar, settled);
    while (nilo_calendar_end(calendar, d) > settled)
        d.n--;
    return d;
}

static int close_until(struct nilo_store *s, const struct nilo_connection *c, const struct nilo_calendar *calendar, nilo_day until, int64_t except, nilo_us now,
                       int *ret_days, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_within *within = NULL;
    struct seen seen = {.c = c, .calendar = calendar};
    nilo_arena_init(&arena, 0);
    int rc = strcmp(c->platform, "sql") == 0 ? nilo_store_within(s, c, until, &arena, &within, &seen.n, err) : 0;
    seen.within = within;
    if (rc == 0)
        until = without_held(&seen, until, now);
    if (rc == 0 && (nilo_day_is_none(c->closed_until) || until.n > c->closed_until.n))
        rc = nilo_store_close_days(s, c, until, except, now, read_after_end, &seen, ret_days, err);
    nilo_arena_done(&arena);
    return rc;
}

int nilo__close(struct nilo_store *s, int64_t connection, int64_t except, enum nilo__clock clock, nilo_us now, int *ret_days,
                struct nilo_err *err)
{
    struct nilo_connection c;
    const struct nilo_calendar *calendar;
    nilo_day open_from, limit;
    int64_t settle_s;
    *ret_days = 0;
    if (clock == NILO__CLOCK_BEHIND)
        return 0;
    if (nilo_store_connection_get(s, connection, &c, err) < 0 || nilo_store_calendar(s, c.workspace, &calendar, err) < 0 ||
        nilo_store_open_runs(s, connection, except, &open_from, err) < 0)
        return -1;
    if (nilo_settle_seconds(s, &c, &settle_s, err) < 0)
        return -1;
    nilo_day until = settled_until(calendar, now, settle_s);
    if (open_from.n < NILO_DAY_MAX.n)
        until = earlier(until, NILO_DAY(open_from.n - 1));
    /* no day that is still to come was read after its end */
    if (!nilo_day_is_none(c.read_until) && nilo_calendar_end(calendar, c.read_until) > now)
        c.read_until = c.closed_until;
    /* a source that was taken away gives no more readings: its last days close as partial */
    if (strcmp(c.platform, "sql") == 0 && strcmp(c.status, "disabled") != 0)
        until = earlier(until, c.read_until);
    if (clock == NILO__CLOCK_HELD) {
        if (nilo__clock_limit(s, &c, calendar, &limit, err) < 0)
            return -1;
        until = earlier(until, limit);
    }
    if (until.n < NILO_DAY_MIN.n || (!nilo_day_is_none(c.closed_until) && until.n <= c.closed_until.n))
        return 0;
    return close_until(s, &c, calendar, until, except, now, ret_days, err);
}

static int seal_one(struct nilo_store *s, int64_t connection, int *days, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    nilo_us now = env->clock.wall(env->clock.ctx), ignored;
    enum nilo__clock clock;
    int n;
    if (nilo_store_begin(s, err) < 0)
        return -1;
    if (nilo__clock_look(s, now, &clock, &ignored, err) < 0 || nilo__close(s, connection, 0, clock, now, &n, err) < 0) {
        nilo_store_rollback(s);
        return -1;
    }
    if (nilo_store_commit(s, err) < 0)
        return -1;
    *days += n;
    return 0;
}

int nilo_record_seal(struct nilo_store *s, int64_t connection, int *ret_days, struct nilo_err *err)
{
    struct nilo_connection *all;
    size_t n;
    int days = 0, rc = 0;
    if (nilo_store_connections(s, &all, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n && rc == 0; i++)
        if (connection == 0 || all[i].id == connection)
            rc = seal_one(s, all[i].id, &days, err);
    free(all);
    if (rc == 0)
        *ret_days = days;
    return rc;
}
