#include "store/walk_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "record/record.h"

#define HISTORY 80 /* days before the walk begins that an import may reach back to */

static const char *const owner_keys[N_OWNERS] = {"ann", "bob", "cat", "dan"};

static uint64_t below(struct walk *w, uint64_t n)
{
    return nilo_random_below(&w->random, n);
}
static bool chance(struct walk *w, int percent)
{
    return (int)below(w, 100) < percent;
}
static nilo_us now_of(const struct walk *w)
{
    return w->stores->clock.wall;
}

bool walk_differ(struct walk *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (w->difference[0] == '\0')
        vsnprintf(w->difference, sizeof w->difference, fmt, ap);
    va_end(ap);
    return false;
}

bool walk_done(struct walk *w, int rc, const char *what)
{
    return rc == 0 || walk_differ(w, "%s failed: %s", what, w->stores->err.msg);
}

/* ---- begin ------------------------------------------------------------------------------------------------------------ */

static void make_world(struct walk *w)
{
    struct stores *s = w->stores;
    static const char *const names[N_WORKSPACES] = {"north", "south"}, *const zones[N_WORKSPACES] = {"Europe/Berlin", "America/St_Johns"};
    for (int c = 0; c < N_CONNS; c++) {
        const struct n_conn *n = &w->model.conns[c];
        w->conns[c] = stores_connection(s, names[n->workspace], zones[n->workspace], n->name, n->platform, n->origin);
        w->workspaces[n->workspace] = w->conns[c].workspace;
    }
    for (int c = 0; c < N_CONNS; c++)
        ok(s, !w->model.conns[c].competitor ? 0 : nilo_store_connection_role(s->store, w->conns[c].id, "competitor", &s->err));
    ok(s, nilo_store_connection_settle(s->store, w->conns[3].id, w->model.conns[3].settle_s, &s->err));
    for (int i = 0; i < N_METRICS; i++) {
        struct n_metric *n = &w->model.metrics[i];
        const struct nilo_metric *stored;
        struct nilo_metric m = {.name = n->name, .type = n->type, .kind = n->kind, .aggregation = n->aggregation,
                                .scale = nilo_metric_default_scale(n->type)};
        if (n->id)
            continue;
        ok(s, nilo_store_metric_define(s->store, &m, &stored, &s->err));
        n->id = stored->id;
    }
    for (int o = 0; o < N_OWNERS; o++) /* the last one is the other workspace's */
        ok(s, nilo_store_owner(s->store, w->workspaces[o == N_OWNERS - 1], owner_keys[o], true, &w->owners[o], &s->err));
}

struct walk *walk_new(struct stores *s, uint64_t seed, int n_ops)
{
    struct walk *w = calloc(1, sizeof *w);
    if (!w || stores_fresh(s) < 0) {
        free(w);
        return NULL;
    }
    w->stores = s;
    w->seed = seed;
    nilo_seeded_random_init(&w->seeded, seed);
    w->random = nilo_seeded_random(&w->seeded);
    nilo_seeded_random_init(&w->looks_seeded, seed + 1000000);
    w->looks = nilo_seeded_random(&w->looks_seeded);
    w->last_run = now_of(w);
    /* an operation takes 4 hours on average */
    naive_init(&w->model, (int32_t)(now_of(w) / NILO_US_DAY) - HISTORY - 5, HISTORY + 60 + n_ops / 5);
    make_world(w);
    return w;
}

void walk_free(struct walk *w)
{
    if (!w)
        return;
    naive_done(&w->model);
    walk_forget(w);
    free(w);
}

/* ---- readings --------------------------------------------------------------------------------------------------------------- */

#define MAX_READINGS 120
struct script {
    struct n_run run;
    int n;
    bool error, abort, dry_run;
    size_t chunk;
    struct n_reading readings[MAX_READINGS];
};

static struct n_value random_value(struct walk *w, int entity, int metric)
{
    struct n_value v = {.metric = metric};
    int64_t *counter = &w->counter[entity][metric];
    if (chance(w, 12)) {
        v.absence = (enum nilo_absence)(1 + below(w, 10));
        return v;
    }
    switch (below(w, 12)) {
    case 0:
        v.value = (int64_t)below(w, 4); /* ties */
        break;
    case 1:
        v.value = -(int64_t)below(w, 50);
        break;
    case 2: /* sums beyond 64 bits */
        v.value = INT64_MAX - (int64_t)below(w, 3);
        break;
    case 3:
        v.value = (int64_t)(below(w, UINT64_C(1) << 40)) - (INT64_C(1) << 39);
        break;
    default:
        *counter += (int64_t)below(w, 40);
        v.value = *counter;
    }
    if (v.value < 0 && w->model.metrics[metric].type == NILO_COUNT)
        v.value = -v.value;
    return v;
}

static void random_values(struct walk *w, struct n_reading *r)
{
    int first = (int)below(w, N_METRICS), n = 1 + (int)below(w, 4);
    bool shop = chance(w, 30); /* GMV and its ratios come together */
    for (int i = 0; i < n; i++)
        r->values[r->n++] = random_value(w, r->entity, shop ? M_GMV + i : (first + i) % N_METRICS);
}

static int32_t days_ago(struct walk *w, int conn)
{
    int32_t today = naive_day(&w->model, w->model.conns[conn].workspace, now_of(w));
    switch (below(w, 10)) {
    case 0:
        return today - (int32_t)below(w, HISTORY - 5);
    case 1:
    case 2:
        return today - (int32_t)below(w, 12);
    default:
        return today - (int32_t)below(w, 4);
    }
}

static int random_entity(struct walk *w, int conn)
{
    int e;
    do
        e = (int)below(w, N_ENTITIES);
    while (w->model.entities[e].conn != conn);
    return e;
}

/* Instants within a run differ but for duplicates made on purpose: i is added as microseconds. */
static void random_reading(struct walk *w, struct script *s, int i)
{
    struct n_reading *r = &s->readings[s->n++];
    static const enum nilo_provenance usual[] = {[NILO_RUN_COLLECT] = NILO_OBSERVED, [NILO_RUN_IMPORT] = NILO_IMPORTED,
                                                 [NILO_RUN_PUSH] = NILO_OBSERVED,    [NILO_RUN_BACKFILL] = NILO_ESTIMATED,
                                                 [NILO_RUN_REVISE] = NILO_OBSERVED,  [NILO_RUN_REPLAY] = NILO_OBSERVED};
    *r = (struct n_reading){.entity = random_entity(w, s->run.conn), .win = chance(w, 20), .owner = -1, .day = INT32_MIN,
                            .provenance = usual[s->run.kind]};
    if (chance(w, 15))
        r->provenance = (enum nilo_provenance)(1 + below(w, 3));
    if (chance(w, 6))
        r->owner = w->model.conns[s->run.conn].workspace == 0 ? (int)below(w, N_OWNERS - 1) : N_OWNERS - 1;
    bool live = s->run.kind == NILO_RUN_COLLECT || chance(w, 20);
    if (live) {
        r->captured_at = now_of(w) + (int64_t)below(w, 9) * NILO_US_MINUTE - 4 * NILO_US_MINUTE + i;
        r->day = chance(w, 50) ? days_ago(w, s->run.conn) : INT32_MIN;
    } else if (chance(w, 50)) {
        r->captured_at = NILO_US_NONE;
        r->day = days_ago(w, s->run.conn);
    } else {
        int32_t day = days_ago(w, s->run.conn);
        r->captured_at = (int64_t)day * NILO_US_DAY + (int64_t)below(w, 20) * NILO_US_HOUR + i;
        if (r->captured_at > now_of(w))
            r->captured_at = now_of(w) - i;
        r->day = chance(w, 30) ? day : INT32_MIN;
    }
    random_values(w, r);
}

/* Again at the same instant: some values the same, some other, some new. */
static void duplicate(struct walk *w, struct script *s)
{
    const struct n_reading *of = &s->readings[below(w, (uint64_t)s->n)];
    struct n_reading *r = &s->readings[s->n++];
    *r = *of;
    if (chance(w, 25) && r->captured_at != NILO_US_NONE) /* beside another day's values */
        r->day = chance(w, 30) ? INT32_MIN : days_ago(w, s->run.conn);
    for (int i = 0; i < r->n; i++) {
        if (chance(w, 15))
            r->values[i] = random_value(w, r->entity, r->values[i].metric);
        if (chance(w, 25) && r->n > 1)
            r->values[i--] = r->values[--r->n];
    }
    if (chance(w, 40)) {
        int metric = (int)below(w, N_METRICS);
        for (int i = 0; i < r->n; i++)
            if (r->values[i].metric == metric)
                return;
        r->values[r->n++] = random_value(w, r->entity, metric);
    }
}

static nilo_us instant(const struct walk *w, int conn, const struct n_reading *r)
{
    return r->captured_at != NILO_US_NONE ? r->captured_at : naive_day_start(&w->model, w->model.conns[conn].workspace, r->day + 1) - 1;
}

/* Ascending instants (so that the size of a chunk makes no difference), those of one reading side by side, in order of coming. */
static void sort_readings(const struct walk *w, struct script *s)
{
    for (int i = 1; i < s->n; i++)
        for (int k = i; k > 0; k--) {
            struct n_reading *a = &s->readings[k - 1], *b = &s->readings[k], t;
            nilo_us x = instant(w, s->run.conn, a), y = instant(w, s->run.conn, b);
            bool after = x != y ? x > y : a->entity != b->entity ? a->entity > b->entity : a->win != b->win ? a->win > b->win : a->day > b->day;
            if (!after)
                break;
            t = *a;
            *a = *b;
            *b = t;
        }
}

/* A platform's daily listing: every item's lifetime counters, sometimes with an accident that the guard has to see. */
static void listing(struct walk *w, struct script *s)
{
    int accident = (int)below(w, 14), percent = 5 + (int)below(w, 20);
    s->run.full_listing = chance(w, 70);
    for (int e = 0; e < N_ENTITIES; e++) {
        struct n_reading *r = &s->readings[s->n];
        if (w->model.entities[e].conn != s->run.conn || (accident == 0 && chance(w, percent)))
            continue;
        s->n++;
        *r = (struct n_reading){.entity = e, .owner = -1, .day = INT32_MIN, .provenance = NILO_OBSERVED, .captured_at = now_of(w)};
        r->values[r->n++] = (struct n_value){M_VIEWS, w->counter[e][M_VIEWS] += 1000 + (int64_t)below(w, 99), NILO_PRESENT};
        r->values[r->n++] = (struct n_value){M_LIKES, w->counter[e][M_LIKES] += (int64_t)below(w, 3), NILO_PRESENT};
        for (int i = 0; i < r->n; i++) {
            if (accident == 1 && chance(w, percent))
                r->values[i].value -= r->values[i].value < 5000 ? r->values[i].value : 5000;
            if (accident == 2 && chance(w, percent / 2))
                r->values[i].value *= 1000;
        }
        if (chance(w, 10))
            r->values[r->n++] = random_value(w, e, M_SALES);
    }
}

static enum nilo_run_kind random_kind(struct walk *w, int conn)
{
    static const enum nilo_run_kind kinds[] = {NILO_RUN_COLLECT, NILO_RUN_COLLECT, NILO_RUN_PUSH, NILO_RUN_IMPORT,
                                               NILO_RUN_BACKFILL, NILO_RUN_REVISE, NILO_RUN_REPLAY, NILO_RUN_IMPORT};
    if (conn == 0 && chance(w, 50))
        return NILO_RUN_COLLECT;
    return kinds[below(w, sizeof kinds / sizeof kinds[0])];
}

static void random_script(struct walk *w, struct script *s)
{
    int conn = chance(w, 35) ? 0 : 1 + (int)below(w, N_CONNS - 1);
    *s = (struct script){.run = {.conn = conn, .kind = random_kind(w, conn)}};
    struct n_run *r = &s->run;
    r->platform = r->kind == NILO_RUN_COLLECT && conn != 1;
    r->revise = r->kind == NILO_RUN_REVISE || (!r->platform && chance(w, 15));
    r->no_close = chance(w, 8);
    s->chunk = r->kind == NILO_RUN_COLLECT || chance(w, 50) ? 0 : 1 + below(w, 9);
    s->error = chance(w, 5);
    s->dry_run = chance(w, 4);
    s->abort = s->chunk == 0 && chance(w, 4);
    r->failed = chance(w, 5) ? 1 + (int64_t)below(w, 2) : 0;
    if (conn == 0 && r->platform && chance(w, 80))
        listing(w, s);
    int n = s->n ? (int)below(w, 3) : 1 + (int)below(w, 10);
    for (int i = 0; i < n; i++)
        random_reading(w, s, i + 1);
    for (int i = chance(w, 25) ? 1 + (int)below(w, 3) : 0; i > 0 && s->n < MAX_READINGS; i--)
        duplicate(w, s);
    sort_readings(w, s);
    if (chance(w, 4))
        r->refused_readings = 1;
}

/* ---- the same to the store --------------------------------------------------------------------------------------------------------- */

static int add_reading(struct walk *w, struct nilo_recorder *rec, const struct n_reading *r, nilo_us captured_at)
{
    const struct n_entity *e = &w->model.entities[r->entity];
    struct nilo_reading_value values[N_METRICS];
    for (int i = 0; i < r->n; i++)
        values[i] = (struct nilo_reading_value){.metric = w->model.metrics[r->values[i].metric].id, .value = r->values[i].value,
                                                .absence = r->values[i].absence};
    struct nilo_reading in = {.kind = e->kind, .external_id = e->external_id, .win = naive_wins[r->win], .captured_at = captured_at,
                              .day = NILO_DAY(r->day), .provenance = r->provenance, .owner = r->owner < 0 ? NULL : owner_keys[r->owner],
                              .values = values, .n_values = (size_t)r->n};
    return nilo_record_add(rec, &in, &w->stores->err);
}

static bool feed(struct walk *w, struct script *s, struct nilo_recorder *rec)
{
    struct nilo_err *err = &w->stores->err;
    for (int i = 0; i < s->n; i++)
        if (add_reading(w, rec, &s->readings[i], s->readings[i].captured_at) < 0)
            return walk_differ(w, "a good reading was refused: %s", err->msg);
    for (int64_t i = 0; i < s->run.failed; i++)
        if (nilo_record_fail(rec, "item-1", "transient", "no answer", err) < 0)
            return walk_differ(w, "a failure could not be noted: %s", err->msg);
    if (s->run.refused_readings && s->n && add_reading(w, rec, &s->readings[0], now_of(w) + 6 * NILO_US_MINUTE) == 0)
        return walk_differ(w, "a reading from the future was taken");
    return true;
}

static bool same_run(struct walk *w, const struct n_run *n, const struct nilo_run *r)
{
    if (n->status != r->status)
        return walk_differ(w, "run %" PRId64 " is %s, expected %s (%s)", r->id, nilo_run_status_name((int)r->status),
                      nilo_run_status_name((int)n->status), r->error ? r->error : "");
    for (int i = 0; i < NILO_OUTCOME_COUNT; i++)
        if (n->outcomes[i] != r->outcomes[i])
            return walk_differ(w, "run %" PRId64 ": %" PRId64 " values %s, expected %" PRId64, r->id, r->outcomes[i],
                          nilo_outcome_name((enum nilo_outcome)i), n->outcomes[i]);
    if (n->first_day != r->first_day.n || n->last_day != r->last_day.n)
        return walk_differ(w, "run %" PRId64 ": days %d-%d, expected %d-%d", r->id, r->first_day.n, r->last_day.n, n->first_day, n->last_day);
    if (n->days_closed != r->days_closed || n->failed != r->failed)
        return walk_differ(w, "run %" PRId64 ": %d days closed, expected %" PRId64 " (to day %d)", r->id, r->days_closed, n->days_closed,
                      w->model.conns[n->conn].closed_until);
    return true;
}

static bool play_run(struct walk *w)
{
    static struct script s;
    struct stores *st = w->stores;
    struct nilo_recorder *rec;
    struct nilo_run got;
    struct nilo_arena arena;
    random_script(w, &s);
    struct n_run *r = &s.run;
    if (s.n == 0)
        r->refused_readings = 0;
    snprintf(w->what, sizeof w->what, "%s%s run of %d readings on \"%s\"%s%s%s%s, chunk %zu", nilo_run_kind_name((int)r->kind),
             r->platform ? " (platform)" : "", s.n, w->conns[r->conn].name, r->revise ? ", revise" : "", s.error ? ", fails" : "",
             s.abort ? ", aborted" : "", s.dry_run ? ", dry" : "", s.chunk);
    struct nilo_run_options o = {.kind = r->kind, .provenance = NILO_OBSERVED, .revise = r->revise, .dry_run = s.dry_run,
                                 .platform = r->platform, .full_listing = r->full_listing, .no_close = r->no_close,
                                 .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE, .chunk = s.chunk};
    if (!walk_done(w, nilo_record_begin(st->store, &w->conns[r->conn], &o, &rec, &st->err), "beginning a run"))
        return false;
    r->id = nilo_record_run(rec);
    w->last_run = s.dry_run ? w->last_run : now_of(w);
    if (!feed(w, &s, rec)) {
        nilo_record_abort(rec, &st->err);
        return false;
    }
    int32_t today = naive_day(&w->model, w->model.conns[r->conn].workspace, now_of(w));
    bool read = r->conn == 1 && r->kind == NILO_RUN_COLLECT && chance(w, 70);
    if (read)
        nilo_record_read_until(rec, NILO_DAY(today - 1));
    if (s.abort) {
        nilo_record_abort(rec, &(struct nilo_err){.code = NILO_ESOURCE, .msg = "gone"});
        return true;
    }
    nilo_arena_init(&arena, 0);
    bool fine = walk_done(w, nilo_record_finish(rec, s.error ? "the source is down" : NULL, &arena, &got, &st->err), "finishing a run");
    if (fine && !s.dry_run) {
        int32_t *until = &w->model.conns[r->conn].read_until;
        if (read && !s.error && today - 1 > *until) /* never quarantined: no platform */
            *until = today - 1;
        naive_run(&w->model, r, s.readings, s.n, s.error, now_of(w));
        fine = same_run(w, r, &got);
    }
    nilo_arena_done(&arena);
    return fine;
}

/* ---- other operations -------------------------------------------------------------------------------------------------------------- */

static bool play_credit(struct walk *w)
{
    struct stores *s = w->stores;
    static const char *const roles[] = {"owner", "editor", NULL};
    int e = (int)below(w, N_ENTITIES);
    int32_t from = INT32_MIN, to = INT32_MAX, base = w->model.first_day + 5;
    int span = (int)(now_of(w) / NILO_US_DAY) - base;
    walk_look_up(w);
    if (!w->refs[e].id)
        return true;
    int workspace = w->model.conns[w->model.entities[e].conn].workspace, owner = workspace == 0 ? (int)below(w, N_OWNERS - 1) : N_OWNERS - 1;
    bool end = chance(w, 35);
    const char *role = roles[below(w, end ? 3 : 2)];
    if (chance(w, 60))
        from = base + (int32_t)below(w, (uint64_t)span);
    if (chance(w, 60))
        to = (from == INT32_MIN ? base : from) + (int32_t)below(w, chance(w, 50) ? 6 : (uint64_t)span);
    if (to != INT32_MAX && to > base + span + 20)
        to = base + span + 20;
    snprintf(w->what, sizeof w->what, "%s credit of %s on %s as %s, days %d to %d", end ? "ending a" : "a", owner_keys[owner],
             w->model.entities[e].external_id, role ? role : "anything", from, to);
    if (!walk_done(w, nilo_store_begin(s->store, &s->err), "begin"))
        return false;
    size_t n = 0;
    struct nilo_credit_in in = {.entity = w->refs[e], .workspace = w->workspaces[workspace], .owner = w->owners[owner], .role = role,
                                .from_day = from == INT32_MIN ? NILO_DAY_NONE : NILO_DAY(from),
                                .to_day = to == INT32_MAX ? NILO_DAY_NONE : NILO_DAY(to)};
    int rc = end ? nilo_store_credit_end(s->store, w->refs[e], w->owners[owner], role, &n, &s->err)
                 : nilo_store_credit_add(s->store, &in, 1, &s->err);
    if (!walk_done(w, rc, "a credit") || !walk_done(w, nilo_store_commit(s->store, &s->err), "commit"))
        return false;
    if (!end) {
        naive_credit(&w->model, e, owner, role, from, to);
        return true;
    }
    int expected = naive_credit_end(&w->model, e, owner, role);
    return (int)n == expected || walk_differ(w, "%zu credits ended, expected %d", n, expected);
}

static bool play_settle(struct walk *w)
{
    struct stores *s = w->stores;
    int at = -1;
    for (int i = 0; i < w->model.n_runs; i++)
        if (w->model.runs[i].status == NILO_RUN_QUARANTINED && (at < 0 || chance(w, 50)))
            at = i;
    if (at < 0)
        return true;
    bool accept = chance(w, 50);
    int64_t id = w->model.runs[at].id;
    snprintf(w->what, sizeof w->what, "run %s %" PRId64, accept ? "accept" : "reject", id);
    int rc = accept ? nilo_record_run_accept(s->store, id, &s->err) : nilo_record_run_reject(s->store, id, &s->err);
    if (!walk_done(w, rc, w->what))
        return false;
    naive_settle_run(&w->model, at, accept, now_of(w));
    return true;
}

static bool play_seal(struct walk *w)
{
    int days, expected = 0, one = (int)below(w, N_CONNS + 1);
    snprintf(w->what, sizeof w->what, "seal %s", one < N_CONNS ? w->conns[one].name : "all");
    if (!walk_done(w, nilo_record_seal(w->stores->store, one < N_CONNS ? w->conns[one].id : 0, &days, &w->stores->err), "seal"))
        return false;
    for (int c = 0; c < N_CONNS; c++)
        if (one == N_CONNS || one == c)
            expected += naive_close(&w->model, c, now_of(w));
    return days == expected || walk_differ(w, "seal closed %d days, expected %d", days, expected);
}

static bool play_zone(struct walk *w)
{
    static const char *const zones[] = {"UTC", "Asia/Tokyo", "America/New_York", "Pacific/Apia", "Europe/Berlin", "Asia/Kathmandu"};
    int workspace = (int)below(w, N_WORKSPACES);
    const char *zone = zones[below(w, sizeof zones / sizeof zones[0])];
    nilo_day from;
    bool used = false;
    for (int i = 0; i < w->model.n_runs; i++)
        used = used || w->model.conns[w->model.runs[i].conn].workspace == workspace;
    if (!used || w->model.n_eras[workspace] == 60)
        return true;
    snprintf(w->what, sizeof w->what, "zone %s for workspace %d", zone, workspace);
    if (!walk_done(w, nilo_store_zone_set(w->stores->store, w->workspaces[workspace], zone, &from, &w->stores->err), "a zone"))
        return false;
    naive_zone(&w->model, workspace, zone, now_of(w));
    int32_t expected = w->model.eras[workspace][w->model.n_eras[workspace] - 1].from;
    return from.n == expected || (expected == INT32_MIN && from.n == NILO_DAY_MIN.n) ||
           walk_differ(w, "zone from day %d, expected %d", from.n, expected);
}

bool walk_step(struct walk *w)
{
    nilo_virtual_clock_advance(&w->stores->clock, (nilo_us)below(w, 8 * 3600) * NILO_US_SECOND);
    snprintf(w->what, sizeof w->what, "nothing");
    w->n_ops++;
    /* after a day and a half without a run the clock would be doubted: tests/record's business */
    if (now_of(w) > w->last_run + 28 * NILO_US_HOUR) {
        if (!walk_done(w, nilo_record_accept_clock(w->stores->store, NULL, &w->stores->err), "accepting the clock"))
            return false;
        w->last_run = now_of(w);
    }
    switch (below(w, 40)) {
    case 0:
    case 1:
    case 2:
    case 3:
        return play_credit(w);
    case 4:
    case 5:
        return play_settle(w);
    case 6:
        return play_seal(w);
    case 7:
        if (chance(w, 25))
            return play_zone(w);
        walk_keep(w);
        return true;
    case 8:
        snprintf(w->what, sizeof w->what, "the store is closed and opened again");
        stores_reopen(w->stores, NILO_STORE_WRITE);
        return true;
    case 9:
        snprintf(w->what, sizeof w->what, "rebuild");
        return walk_rebuild(w);
    default:
        return play_run(w);
    }
}
