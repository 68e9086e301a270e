/* A wrong clock must not close days. The wall clock is compared with the newest recorded_at: behind it nothing closes; a jump of
 * more than 36 hours ahead is held in the store, and days close only as far as completed runs had read, until somebody says that
 * the clock is right. The hold is kept because the second run after a wrong jump would look regular again.
 *
 * What a clock that was ahead has read bears false dates: such runs would beat every right reading until that date has come. While they
 * count nothing closes, and accepting the clock that was put right takes them out. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/record_priv.h"

#define BEHIND (5 * NILO_US_MINUTE)
#define AHEAD (36 * NILO_US_HOUR)
#define RUNS_TOLD 50
#define HOLD "clock_hold"         /* id of the first run under the hold */
#define ACCEPTED "clock_accepted" /* the wall clock when it was last accepted, and the newest run then */

/* The two clocks since the run began: one that was set meanwhile shows. */
bool nilo__clock_drifted_back(nilo_us wall_span, nilo_us mono_span) { return wall_span < mono_span - BEHIND; }
bool nilo__clock_jumped_ahead(nilo_us wall_span, nilo_us mono_span) { return wall_span > mono_span + AHEAD; }

static int meta_int(struct nilo_store *s, const char *key, int64_t fallback, int64_t *ret, struct nilo_err *err)
{
    char *text;
    if (nilo_store_meta_get(s, key, &text, err) < 0)
        return -1;
    *ret = text ? strtoll(text, NULL, 10) : fallback;
    free(text);
    return 0;
}

static int meta_int_set(struct nilo_store *s, const char *key, int64_t value, struct nilo_err *err)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return nilo_store_meta_set(s, key, text, err);
}

/* The instant to compare with: the newest recorded one, or the later-made acceptance of an earlier clock. */
static int newest(struct nilo_store *s, nilo_us *ret, struct nilo_err *err)
{
    int64_t accepted, accepted_run, run;
    if (meta_int(s, ACCEPTED, NILO_US_NONE, &accepted, err) < 0 || meta_int(s, ACCEPTED "_run", 0, &accepted_run, err) < 0 ||
        nilo_store_newest_recorded(s, accepted_run, ret, &run, err) < 0)
        return -1;
    if (accepted != NILO_US_NONE && (*ret == NILO_US_NONE || accepted > *ret))
        *ret = accepted;
    return 0;
}

bool nilo__clock_not_yet(nilo_us at, nilo_us now) { return at > now + BEHIND; }

/* Runs of people, imports and apps that date their readings themselves are right whatever the clock said, unless they hold a day to come: a zone is
 * a day ahead of UTC at most. */
static int runs_ahead(struct nilo_store *s, nilo_us now, int64_t **ret, size_t *ret_n, struct nilo_err *err)
{
    nilo_day utc = NILO_DAY((int32_t)(now / NILO_US_DAY));
    return nilo_store_runs_ahead(s, now + BEHIND, NILO_DAY(utc.n + 1), ret, ret_n, err);
}

/* "3, 4, 5 and 12 more" */
static void add_runs(struct nilo_buf *b, const int64_t *ids, size_t n)
{
    for (size_t i = 0; i < n && i < RUNS_TOLD; i++)
        nilo_buf_addf(b, "%s%" PRId64, i ? ", " : "", ids[i]);
    if (n > RUNS_TOLD)
        nilo_buf_addf(b, " and %zu more", n - RUNS_TOLD);
}

int nilo__clock_hold(struct nilo_store *s, int64_t first, struct nilo_err *err)
{
    int64_t held = 0, run;
    nilo_us ignored;
    if (meta_int(s, HOLD, 0, &held, err) < 0)
        return -1;
    if (held)
        return 0;
    if (nilo_store_newest_recorded(s, 0, &ignored, &run, err) < 0)
        return -1;
    return meta_int_set(s, HOLD, first ? first : run + 1, err);
}

int nilo__clock_look(struct nilo_store *s, nilo_us now, enum nilo__clock *ret, nilo_us *ret_newest, struct nilo_err *err)
{
    int64_t held, *ahead;
    size_t n;
    if (newest(s, ret_newest, err) < 0 || meta_int(s, HOLD, 0, &held, err) < 0 || runs_ahead(s, now, &ahead, &n, err) < 0)
        return -1;
    free(ahead);
    if (*ret_newest == NILO_US_NONE)
        *ret = NILO__CLOCK_OK;
    else if (n > 0 || now < *ret_newest - BEHIND)
        *ret = NILO__CLOCK_BEHIND;
    else
        *ret = held || now > *ret_newest + AHEAD ? NILO__CLOCK_HELD : NILO__CLOCK_OK;
    return 0;
}

int nilo__clock_limit(struct nilo_store *s, const struct nilo_connection *c, const struct nilo_calendar *calendar, nilo_day *ret,
                      struct nilo_err *err)
{
    struct nilo_run last;
    struct nilo_arena arena;
    int64_t held;
    nilo_day limit;
    if (meta_int(s, HOLD, 0, &held, err) < 0 || nilo_store_last_day_read(s, c->id, held ? held : INT64_MAX, &limit, err) < 0)
        return -1;
    *ret = limit;
    if (strcmp(c->platform, "sql") != 0)
        return 0;
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_run_previous(s, c->id, held ? held : INT64_MAX, &arena, &last, err);
    nilo_arena_done(&arena);
    nilo_day over = rc < 0 || last.id == 0 ? NILO_DAY_NONE : NILO_DAY(nilo_calendar_day(calendar, last.started_at).n - 1);
    if (over.n < limit.n)
        *ret = over;
    return rc;
}

/* Its first day is where its connection was due: up to there the runs before it had read. A connection that it was the first to read begins anew. */
static int due_again(struct nilo_store *s, const struct nilo_run *run, nilo_us now, struct nilo_err *err)
{
    struct nilo_connection c;
    const struct nilo_calendar *calendar;
    if (nilo_day_is_none(run->first_day))
        return 0;
    if (nilo_store_connection_get(s, run->connection, &c, err) < 0 || nilo_store_calendar(s, c.workspace, &calendar, err) < 0)
        return -1;
    nilo_day today = nilo_calendar_day(calendar, now), back = NILO_DAY(run->first_day.n - 1);
    if (back.n >= today.n)
        back = NILO_DAY(today.n - 2);
    return nilo_store_read_until_back(s, c.id, back.n < c.closed_until.n ? c.closed_until : back, err);
}

int nilo__take_out(struct nilo_store *s, const struct nilo_run *run, nilo_us now, struct nilo_err *err)
{
    return nilo_store_run_count(s, run->id, NILO_REJECTED, err) < 0 ? -1 : due_again(s, run, now, err);
}

static int take_out_all(struct nilo_store *s, nilo_us now, struct nilo_buf *ret_taken_out, struct nilo_err *err)
{
    int64_t *ids;
    size_t n;
    int rc = 0;
    if (runs_ahead(s, now, &ids, &n, err) < 0)
        return -1;
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct nilo_arena arena;
        struct nilo_run run;
        nilo_arena_init(&arena, 0);
        rc = nilo_store_run_get(s, ids[i], &arena, &run, err) < 0 ? -1 : nilo__take_out(s, &run, now, err);
        nilo_arena_done(&arena);
    }
    if (ret_taken_out)
        add_runs(ret_taken_out, ids, n);
    free(ids);
    return rc;
}

int nilo_record_accept_clock(struct nilo_store *s, struct nilo_buf *ret_taken_out, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    nilo_us ignored, now = env->clock.wall(env->clock.ctx);
    int64_t run;
    if (nilo_store_begin(s, err) < 0)
        return -1;
    if (take_out_all(s, now, ret_taken_out, err) < 0 || nilo_store_newest_recorded(s, 0, &ignored, &run, err) < 0 ||
        nilo_store_meta_set(s, HOLD, NULL, err) < 0 || meta_int_set(s, ACCEPTED, now, err) < 0 ||
        meta_int_set(s, ACCEPTED "_run", run, err) < 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

static int note_ahead(struct nilo_store *s, nilo_us now, const char *now_text, struct nilo_buf *ret, struct nilo_err *err)
{
    int64_t *ids;
    size_t n;
    if (runs_ahead(s, now, &ids, &n, err) < 0)
        return -1;
    if (n > 0) {
        nilo_buf_addf(ret, "no day closes, and wrong values may be shown: the clock (%s) is behind run%s ", now_text, n == 1 ? "" : "s");
        add_runs(ret, ids, n);
        nilo_buf_adds(ret, "; set it right, or, if it is right now, take them out with: nilometer doctor --accept-clock");
    }
    free(ids);
    return ret->failed ? nilo_err_nomem(err) : 0;
}

int nilo_record_clock_note(struct nilo_store *s, struct nilo_buf *ret, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(s);
    enum nilo__clock clock;
    nilo_us last, now = env->clock.wall(env->clock.ctx);
    char last_text[NILO_US_TEXT], now_text[NILO_US_TEXT];
    if (nilo__clock_look(s, now, &clock, &last, err) < 0)
        return -1;
    if (clock == NILO__CLOCK_OK)
        return 0;
    nilo_us_format(last, last_text);
    nilo_us_format(now, now_text);
    if (clock == NILO__CLOCK_BEHIND && (note_ahead(s, now, now_text, ret, err) < 0 || ret->len > 0))
        return ret->failed || ret->len == 0 ? -1 : 0;
    int64_t held = 0;
    if (clock == NILO__CLOCK_HELD && meta_int(s, HOLD, 0, &held, err) < 0)
        return -1;
    if (clock == NILO__CLOCK_BEHIND)
        nilo_buf_addf(ret, "no day closes: the clock (%s) is behind the newest run (%s); set it right, or say that it is with: nilometer doctor "
                           "--accept-clock", now_text, last_text);
    else if (held)
        nilo_buf_addf(ret, "days close only as far as the runs before run %" PRId64 " had read, because that run came more than 36 hours after the "
                           "one before it; if the clock is right (it says %s), say so with: nilometer doctor --accept-clock", held, now_text);
    else
        nilo_buf_addf(ret, "the clock (%s) is more than 36 hours ahead of the newest run (%s): the next run will close days only as far as "
                           "earlier runs had read, unless you say that the clock is right with: nilometer doctor --accept-clock", now_text, last_text);
    return ret->failed ? nilo_err_nomem(err) : 0;
}
