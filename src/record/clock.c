/* A wrong clock must not close days. The wall clock is compared with the newest recorded_at: behind it nothing closes; a jump of
 * more than 36 hours ahead is held in the store, and days close only as far as completed runs had read, until somebody says that
 * the clock is right. The hold is kept because the second run after a wrong jump would look regular again. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "record/record_priv.h"

#define BEHIND (5 * NILO_US_MINUTE)
#define AHEAD (36 * NILO_US_HOUR)
#define HOLD "clock_hold"         /* id of the first run under the hold */
#define ACCEPTED "clock_accepted" /* the wall clock when it was last accepted, and the newest run then */

/* The two clocks since the run began: one that was set meanwhile shows. */
bool nilo__clock_drifted_back(nilo_us wall_span, nilo_us mono_span) { return wall_span < mono_span - BEHIND; }
bool nilo__clock_jumped_ahead(nilo_us wall_span, nilo_us mono_span) { return wall_span > mono_span + AHEAD; }

static int meta_int(struct nilo_store *s, const char *key, int64_t fallback, int64_t *ret, struct nilo_err *err) {
    char *text;
    if (nilo_store_meta_get(s, key, &text, err) < 0)
        return -1;
    *ret = text ? strtoll(text, NULL, 10) : fallback;
    free(text);
    return 0;
}

static int meta_int_set(struct nilo_store *s, const char *key, int64_t value, struct nilo_err *err) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    return nilo_store_meta_set(s, key, text, err);
}

/* The instant to compare with: the newest recorded one, or the later-made acceptance of an earlier clock. */
static int newest(struct nilo_store *s, nilo_us *ret, struct nilo_err *err) {
    int64_t accepted, accepted_run, run;
    if (meta_int(s, ACCEPTED, NILO_US_NONE, &accepted, err) < 0 || meta_int(s, ACCEPTED "_run", 0, &accepted_run, err) < 0 ||
        nilo_store_newest_recorded(s, accepted_run, ret, &run, err) < 0)
        return -1;
    if (accepted != NILO_US_NONE && (*ret == NILO_US_NONE || accepted > *ret))
        *ret = accepted;
    return 0;
}

int nilo__clock_hold(struct nilo_store *s, int64_t first, struct nilo_err *err) {
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

int nilo__clock_look(struct nilo_store *s, nilo_us now, enum nilo__clock *ret, nilo_us *ret_newest, struct nilo_err *err) {
    int64_t held;
    if (newest(s, ret_newest, err) < 0 || meta_int(s, HOLD, 0, &held, err) < 0)
        return -1;
    if (*ret_newest == NILO_US_NONE)
        *ret = NILO__CLOCK_OK;
    else if (now < *ret_newest - BEHIND)
        *ret = NILO__CLOCK_BEHIND;
    else
        *ret = held || now > *ret_newest + AHEAD ? NILO__CLOCK_HELD : NILO__CLOCK_OK;
    return 0;
}

int nilo__clock_limit(struct nilo_store *s, int64_t connection, nilo_day *ret, struct nilo_err *err) {
    int64_t held;
    if (meta_int(s, HOLD, 0, &held, err) < 0)
        return -1;
    return nilo_store_last_day_read(s, connection, held ? held : INT64_MAX, ret, err);
}

int nilo_record_accept_clock(struct nilo_store *s, struct nilo_err *err) {
    const struct nilo_env *env = nilo_store_env(s);
    int64_t run;
    nilo_us ignored;
    if (nilo_store_begin(s, err) < 0)
        return -1;
    if (nilo_store_newest_recorded(s, 0, &ignored, &run, err) < 0 || nilo_store_meta_set(s, HOLD, NULL, err) < 0 ||
        meta_int_set(s, ACCEPTED, env->clock.wall(env->clock.ctx), err) < 0 || meta_int_set(s, ACCEPTED "_run", run, err) < 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

int nilo_record_clock_note(struct nilo_store *s, struct nilo_buf *ret, struct nilo_err *err) {
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
