#include "store/put.h"

static int64_t begin_run(struct stores *s, const struct nilo_connection *c, struct nilo_policy policy, struct nilo_run *run)
{
    *run = (struct nilo_run){.workspace = c->workspace, .connection = c->id, .kind = policy.kind, .provenance = NILO_OBSERVED,
                             .revise = policy.revise, .target_day = NILO_DAY_NONE, .started_at = s->clock.wall, .ended_at = NILO_US_NONE,
                             .first_day = NILO_DAY_NONE, .last_day = NILO_DAY_NONE};
    ok(s, nilo_store_run_begin(s->store, run, &s->err));
    return run->id;
}

static void point(struct stores *s, const struct nilo_connection *c, const struct put *p, struct nilo_point *to)
{
    struct nilo_entity_in in = {.kind = (enum nilo_entity_kind)p->kind, .external_id = p->external_id};
    *to = (struct nilo_point){.win = p->win, .day = NILO_DAY(p->day), .source_day = NILO_DAY_NONE, .metric = p->metric, .value = p->value,
                              .absence = p->absence, .provenance = p->provenance ? p->provenance : NILO_OBSERVED, .meta = p->meta,
                              .captured_at = p->captured_at ? p->captured_at : p->day * NILO_US_DAY + 12 * NILO_US_HOUR};
    ok(s, nilo_store_entities(s->store, c, &in, 1, &to->entity, &s->err));
}

void put_all(struct stores *s, const struct nilo_connection *c, struct nilo_policy policy, struct put *p, size_t n)
{
    struct nilo_run run;
    struct nilo_connection now;
    struct nilo_point points[16];
    assert_true(n <= 16);
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_connection_get(s->store, c->id, &now, &s->err));
    begin_run(s, c, policy, &run);
    for (size_t i = 0; i < n; i++) {
        point(s, c, &p[i], &points[i]);
        if (nilo_day_is_none(run.first_day) || p[i].day < run.first_day.n)
            run.first_day = NILO_DAY(p[i].day);
        if (nilo_day_is_none(run.last_day) || p[i].day > run.last_day.n)
            run.last_day = NILO_DAY(p[i].day);
    }
    struct nilo_batch batch = {.connection = &now, .run = &run, .policy = policy, .recorded_at = s->clock.wall, .points = points, .n = n};
    ok(s, nilo_store_apply(s->store, &batch, &s->err));
    for (size_t i = 0; i < n; i++) {
        p[i].outcome = points[i].outcome;
        p[i].run = run.id;
    }
    run.status = NILO_COMPLETED;
    run.ended_at = s->clock.wall;
    ok(s, nilo_store_run_update(s->store, &run, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

enum nilo_outcome put(struct stores *s, const struct nilo_connection *c, const char *external_id, int32_t day, int32_t metric, int64_t value)
{
    struct put p = {.external_id = external_id, .day = day, .metric = metric, .value = value};
    put_all(s, c, (struct nilo_policy){.kind = NILO_RUN_PUSH}, &p, 1);
    return p.outcome;
}

void put_close(struct stores *s, const struct nilo_connection *c, int32_t until)
{
    int days;
    struct nilo_connection now;
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_connection_get(s->store, c->id, &now, &s->err));
    ok(s, nilo_store_close_days(s->store, &now, NILO_DAY(until), 0, s->clock.wall, NULL, NULL, &days, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

struct nilo_entity_ref put_entity(struct stores *s, const struct nilo_connection *c, const char *external_id)
{
    struct nilo_entity_in in = {.kind = NILO_CONTENT, .external_id = external_id};
    struct nilo_entity_ref ref = {0};
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_entities(s->store, c, &in, 1, &ref, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    return ref;
}
