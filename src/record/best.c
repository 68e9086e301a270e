/* All-time bests from elsewhere: checked like readings, kept until the chunk is written, then handed to the store behind the readings. */
#include <stdlib.h>

#include "base/names.h"
#include "record/record_priv.h"

#define MAX_WINDOW 3660
#define AHEAD      (5 * NILO_US_MINUTE)
#define CHUNK      4000

static int check(struct nilo_recorder *r, const struct nilo_best_in *in, struct nilo_err *err)
{
    const struct nilo_env *env = nilo_store_env(r->store);
    const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(r->store), in->metric);
    const struct nilo_reading_value value = {.value = in->value, .absence = NILO_PRESENT};
    nilo_us now = env->clock.wall(env->clock.ctx);
    if (!in->external_id || !nilo_name_ok(in->external_id, 1024))
        return nilo__refuse(r, err, NILO_EINVAL, "an external id has 1 to 1024 bytes of UTF-8 without control characters");
    if (!m)
        return nilo__refuse(r, err, NILO_EINVAL, "a best names a metric that is not defined");
    if (nilo_record_value_wrong(m, &value)) {
        r->refused_readings++;
        return nilo_err_set(err, NILO_EINVAL, "the best of %s is negative, and it is a count", m->name);
    }
    if (in->win < 0 || in->win > MAX_WINDOW)
        return nilo__refuse(r, err, NILO_EINVAL, "the window of a best is not between 0 and 3660 days");
    if (in->day.n < NILO_DAY_MIN.n || in->day.n > NILO_DAY_MAX.n)
        return nilo__refuse(r, err, NILO_EDATERANGE, "the day of a best is not between 0001-01-01 and 9999-12-31");
    if (in->day.n > nilo_calendar_day(r->calendar, now + AHEAD).n)
        return nilo__refuse(r, err, NILO_EINVAL, "the day of a best is in the future");
    if (in->captured_at != NILO_US_NONE && in->captured_at > now + AHEAD)
        return nilo__refuse(r, err, NILO_EINVAL, "a best was read more than 5 minutes in the future");
    if (in->captured_at != NILO_US_NONE && in->captured_at < nilo_calendar_start(r->calendar, NILO_DAY_MIN))
        return nilo__refuse(r, err, NILO_EDATERANGE, "a best was read before 0001-01-01");
    return 0;
}

static int keep(struct nilo_recorder *r, const struct nilo_best_in *in, struct nilo_err *err)
{
    if (r->n_bests == r->cap_bests) {
        size_t cap = r->cap_bests ? 2 * r->cap_bests : 256;
        struct nilo_best_in *more = realloc(r->bests, cap * sizeof *more);
        if (!more)
            return nilo_err_nomem(err);
        r->bests = more;
        r->cap_bests = cap;
    }
    struct nilo_best_in *to = &r->bests[r->n_bests];
    *to = *in;
    to->external_id = nilo_arena_strdup(&r->arena, in->external_id);
    if (to->captured_at == NILO_US_NONE)
        to->captured_at = nilo_calendar_end(r->calendar, in->day) - 1;
    if (!to->external_id)
        return nilo_err_nomem(err);
    r->n_bests++;
    return 0;
}

int nilo_record_best(struct nilo_recorder *r, const struct nilo_best_in *in, struct nilo_err *err)
{
    bool erased;
    if (check(r, in, err) < 0 || nilo__look_erased(r, in->kind, in->external_id, NULL, &erased, err) < 0)
        return -1;
    if (erased)
        return 0;
    return r->n_bests >= CHUNK && nilo__flush(r, err) < 0 ? -1 : keep(r, in, err);
}

int nilo__write_bests(struct nilo_recorder *r, struct nilo_err *err)
{
    int64_t taken = 0;
    if (r->n_bests > 0 && nilo_store_bests(r->store, &r->connection, r->run.id, r->bests, r->n_bests, &taken, err) < 0)
        return -1;
    r->run.bests += taken;
    return 0;
}
