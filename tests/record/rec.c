#include "record/rec.h"

#include <stdlib.h>
#include <string.h>

struct nilo_run_options rec_options(struct nilo_run_options o)
{
    if (!o.provenance)
        o.provenance = NILO_OBSERVED;
    if (o.target_day.n == 0)
        o.target_day = NILO_DAY_NONE;
    o.read_until = NILO_DAY_NONE;
    return o;
}

struct nilo_recorder *rec_begin(struct stores *s, const struct nilo_connection *c, struct nilo_run_options o)
{
    struct nilo_recorder *r = NULL;
    ok(s, nilo_record_begin(s->store, c, &o, &r, &s->err));
    return r;
}

int rec_try(struct stores *s, struct nilo_recorder *r, struct rec in)
{
    size_t n = 0;
    while (n < sizeof in.v / sizeof in.v[0] && in.v[n].metric)
        n++;
    struct nilo_reading reading = {.kind = in.kind, .external_id = in.id, .win = in.win, .captured_at = in.at ? stores_us(in.at) : NILO_US_NONE,
                                   .day = in.day ? stores_day(in.day) : NILO_DAY_NONE, .provenance = in.provenance, .attrs = in.attrs,
                                   .owner = in.owner, .values = in.v, .n_values = n};
    return nilo_record_add(r, &reading, &s->err);
}

void rec_add(struct stores *s, struct nilo_recorder *r, struct rec in)
{
    ok(s, rec_try(s, r, in));
}

struct nilo_run rec_finish(struct stores *s, struct nilo_recorder *r, const char *error)
{
    static char texts[2][4096];
    struct nilo_run run = {0};
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    ok(s, nilo_record_finish(r, error, &arena, &run, &s->err));
    const char **from[] = {&run.error, &run.details};
    for (int i = 0; i < 2; i++) {
        snprintf(texts[i], sizeof texts[i], "%s", *from[i] ? *from[i] : "");
        *from[i] = *from[i] ? texts[i] : NULL;
    }
    run.slot = NULL;
    nilo_arena_done(&arena);
    return run;
}

struct nilo_run rec_run(struct stores *s, const struct nilo_connection *c, struct nilo_run_options o, const struct rec *in, size_t n)
{
    struct nilo_recorder *r = rec_begin(s, c, o);
    for (size_t i = 0; i < n; i++)
        rec_add(s, r, in[i]);
    return rec_finish(s, r, NULL);
}

struct nilo_run rec_one(struct stores *s, const struct nilo_connection *c, const char *id, const char *day, int32_t metric, int64_t value)
{
    struct rec in = {.id = id, .day = day, .v = {{.metric = metric, .value = value}}};
    return rec_run(s, c, OPTIONS(.kind = NILO_RUN_PUSH, .no_close = true), &in, 1);
}

int32_t rec_metric(struct stores *s, const char *name, enum nilo_metric_kind kind, enum nilo_aggregation aggregation)
{
    const struct nilo_metric *stored = NULL;
    struct nilo_metric m = {.name = name, .type = NILO_COUNT, .kind = kind, .aggregation = aggregation};
    ok(s, nilo_store_metric_define(s->store, &m, &stored, &s->err));
    return stored->id;
}

void rec_now(struct stores *s, const char *at)
{
    nilo_virtual_clock_advance(&s->clock, stores_us(at) - s->clock.wall);
}

const char *rec_closed(struct stores *s, const struct nilo_connection *c)
{
    static char text[NILO_DAY_TEXT];
    struct nilo_connection now;
    ok(s, nilo_store_connection_get(s->store, c->id, &now, &s->err));
    nilo_day_format(now.closed_until, text);
    return text;
}

char *rec_everything(struct stores *s)
{
    static const char *const tables[] = {
        "SELECT * FROM workspace ORDER BY 1", "SELECT * FROM connection ORDER BY 1", "SELECT id, name FROM metric ORDER BY 1",
        "SELECT id, key FROM owner ORDER BY 1", "SELECT bucket, id, kind, external_id FROM entity ORDER BY 1, 2",
        "SELECT * FROM content ORDER BY 1, 2", "SELECT bucket, entity_id, owner_id, role, from_day, to_day, ended_at FROM credit ORDER BY 1, 2, 3, 4, 5",
        "SELECT * FROM observation ORDER BY bucket, entity_id, win, day, captured_at, metric_id, run_id",
        "SELECT * FROM day_value ORDER BY bucket, entity_id, win, day, metric_id, seq", "SELECT * FROM day_close ORDER BY 1, 2",
        "SELECT * FROM known ORDER BY 1, 2, 3, 4", "SELECT * FROM latest ORDER BY 1, 2, 3", "SELECT * FROM best ORDER BY 1, 2, 3",
        "SELECT * FROM total ORDER BY 1, 2, 3, 4, 5, 6", "SELECT id, kind, status, items, readings FROM run ORDER BY 1",
        "SELECT * FROM run_failure ORDER BY 1, 2"};
    struct nilo_buf b;
    nilo_buf_init(&b, 1 << 22);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        char *rows = stores_text(s, tables[i]);
        nilo_buf_addf(&b, "%s\n", rows);
        free(rows);
    }
    char *all = nilo_buf_take(&b);
    if (!all)
        fail_msg("out of memory");
    return all;
}
