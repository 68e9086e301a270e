/* What a person decides about a run afterwards: a quarantined one is accepted or rejected, and the days that waited for it may close. */
#include <inttypes.h>

#include "record/record_priv.h"

static int settle_run(struct nilo_store *s, int64_t id, enum nilo_run_status status, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_run run = {0};
    enum nilo__clock clock;
    nilo_us newest;
    int days;
    const struct nilo_env *env = nilo_store_env(s);
    nilo_us now = env->clock.wall(env->clock.ctx);
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_run_get(s, id, &arena, &run, err);
    nilo_arena_done(&arena);
    if (rc < 0)
        return -1;
    bool to_come = status == NILO_REJECTED && run.status != NILO_REJECTED && nilo__clock_not_yet(run.started_at, now);
    if (run.status != NILO_RUN_QUARANTINED && !to_come)
        return nilo_err_set(err, NILO_EINVAL, "run %" PRId64 " is %s, not quarantined; only a quarantined run is accepted or rejected, and one that lies "
                            "in the future rejected", id, nilo_run_status_name((int)run.status));
    if (nilo_store_begin(s, err) < 0)
        return -1;
    if ((to_come ? nilo__take_out(s, &run, now, err) : nilo_store_run_count(s, id, status, err)) < 0 || nilo__clock_look(s, now, &clock, &newest, err) < 0 ||
        nilo__close(s, run.connection, 0, clock, now, &days, err) < 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

int nilo_record_run_accept(struct nilo_store *s, int64_t run, struct nilo_err *err) { return settle_run(s, run, NILO_COMPLETED, err); }
int nilo_record_run_reject(struct nilo_store *s, int64_t run, struct nilo_err *err) { return settle_run(s, run, NILO_REJECTED, err); }
