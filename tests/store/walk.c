#include "store/walk.h"

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

static bool differ(struct walk *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bool differ(struct walk *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (w->difference[0] == '\0')
        vsnprintf(w->difference, sizeof w->difference, fmt, ap);
    va_end(ap);
    return false;
}

static bool done(struct walk *w, int rc, const char *what)
{
    return rc == 0 || differ(w, "%s failed: %s", what, w->stores->err.msg);
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
    stores_exec(s, "UPDATE connection SET role = 'competitor' WHERE name = 'rival'");
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
    free(w);
}

static void look_up_entities(struct walk *w)
{
    struct nilo_db_stmt *stmt;
    struct stores *s = w->stores;
    ok(s, nilo_db_prepare(nilo_store_db(s->store), "SELECT connection_id, kind, external_id, bucket, id FROM entity", &stmt, &s->err));
    ok(s, nilo_db_query(stmt, NULL, 0, &s->err));
    while (nilo_db_row(stmt, &s->err) == 1)
        for (int e = 0; e < N_ENTITIES; e++) {
            const struct n_entity *n = &w->model.entities[e];
            if (w->conns[n->conn].id == nilo_db_column_int(stmt, 0) && (int64_t)n->kind == nilo_db_column_int(stmt, 1) &&
                strcmp(n->external_id, nilo_db_column_text(stmt, 2)) == 0)
                w->refs[e] = (struct nilo_entity_ref){(int32_t)nilo_db_column_int(stmt, 3), nilo_db_column_int(stmt, 4)};
        }
}

static int entity_of(const struct walk *w, int64_t id)
{
    for (int e = 0; e < N_ENTITIES; e++)
        if (w->refs[e].id == id)
            return e;
    return -1;
}
static int metric_of(const struct walk *w, int64_t id)
{
    for (int i = 0; i < N_METRICS; i++)
        if (w->model.metrics[i].id == id)
            return i;
    return -1;
}
static int win_of(int64_t win)
{
    return win == 0 ? 0 : win == 30 ? 1 : -1;
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
                r->values[i].value -= 5000;
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
            return differ(w, "a good reading was refused: %s", err->msg);
    for (int64_t i = 0; i < s->run.failed; i++)
        if (nilo_record_fail(rec, "item-1", "transient", "no answer", err) < 0)
            return differ(w, "a failure could not be noted: %s", err->msg);
    if (s->run.refused_readings && s->n && add_reading(w, rec, &s->readings[0], now_of(w) + 6 * NILO_US_MINUTE) == 0)
        return differ(w, "a reading from the future was taken");
    return true;
}

static bool same_run(struct walk *w, const struct n_run *n, const struct nilo_run *r)
{
    if (n->status != r->status)
        return differ(w, "run %" PRId64 " is %s, expected %s (%s)", r->id, nilo_run_status_name((int)r->status),
                      nilo_run_status_name((int)n->status), r->error ? r->error : "");
    for (int i = 0; i < NILO_OUTCOME_COUNT; i++)
        if (n->outcomes[i] != r->outcomes[i])
            return differ(w, "run %" PRId64 ": %" PRId64 " values %s, expected %" PRId64, r->id, r->outcomes[i],
                          nilo_outcome_name((enum nilo_outcome)i), n->outcomes[i]);
    if (n->first_day != r->first_day.n || n->last_day != r->last_day.n)
        return differ(w, "run %" PRId64 ": days %d-%d, expected %d-%d", r->id, r->first_day.n, r->last_day.n, n->first_day, n->last_day);
    if (n->days_closed != r->days_closed || n->failed != r->failed)
        return differ(w, "run %" PRId64 ": %d days closed, expected %" PRId64 " (to day %d)", r->id, r->days_closed, n->days_closed,
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
    if (!done(w, nilo_record_begin(st->store, &w->conns[r->conn], &o, &rec, &st->err), "beginning a run"))
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
    bool fine = done(w, nilo_record_finish(rec, s.error ? "the source is down" : NULL, &arena, &got, &st->err), "finishing a run");
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
    look_up_entities(w);
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
    if (!done(w, nilo_store_begin(s->store, &s->err), "begin"))
        return false;
    size_t n = 0;
    struct nilo_credit_in in = {.entity = w->refs[e], .workspace = w->workspaces[workspace], .owner = w->owners[owner], .role = role,
                                .from_day = from == INT32_MIN ? NILO_DAY_NONE : NILO_DAY(from),
                                .to_day = to == INT32_MAX ? NILO_DAY_NONE : NILO_DAY(to)};
    int rc = end ? nilo_store_credit_end(s->store, w->refs[e], w->owners[owner], role, &n, &s->err)
                 : nilo_store_credit_add(s->store, &in, 1, &s->err);
    if (!done(w, rc, "a credit") || !done(w, nilo_store_commit(s->store, &s->err), "commit"))
        return false;
    if (!end) {
        naive_credit(&w->model, e, owner, role, from, to);
        return true;
    }
    int expected = naive_credit_end(&w->model, e, owner, role);
    return (int)n == expected || differ(w, "%zu credits ended, expected %d", n, expected);
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
    if (!done(w, rc, w->what))
        return false;
    naive_settle_run(&w->model, at, accept, now_of(w));
    return true;
}

static bool play_seal(struct walk *w)
{
    int days, expected = 0, one = (int)below(w, N_CONNS + 1);
    snprintf(w->what, sizeof w->what, "seal %s", one < N_CONNS ? w->conns[one].name : "all");
    if (!done(w, nilo_record_seal(w->stores->store, one < N_CONNS ? w->conns[one].id : 0, &days, &w->stores->err), "seal"))
        return false;
    for (int c = 0; c < N_CONNS; c++)
        if (one == N_CONNS || one == c)
            expected += naive_close(&w->model, c, now_of(w));
    return days == expected || differ(w, "seal closed %d days, expected %d", days, expected);
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
    if (!done(w, nilo_store_zone_set(w->stores->store, w->workspaces[workspace], zone, &from, &w->stores->err), "a zone"))
        return false;
    naive_zone(&w->model, workspace, zone, now_of(w));
    int32_t expected = w->model.eras[workspace][w->model.n_eras[workspace] - 1].from;
    return from.n == expected || (expected == INT32_MIN && from.n == NILO_DAY_MIN.n) ||
           differ(w, "zone from day %d, expected %d", from.n, expected);
}

bool walk_step(struct walk *w)
{
    nilo_virtual_clock_advance(&w->stores->clock, (nilo_us)below(w, 8 * 3600) * NILO_US_SECOND);
    snprintf(w->what, sizeof w->what, "nothing");
    w->n_ops++;
    /* after a day and a half without a run the clock would be doubted: tests/record's business */
    if (now_of(w) > w->last_run + 28 * NILO_US_HOUR) {
        if (!done(w, nilo_record_accept_clock(w->stores->store, &w->stores->err), "accepting the clock"))
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
        return chance(w, 25) ? play_zone(w) : true;
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

/* ---- comparison ------------------------------------------------------------------------------------------------------------------------ */

static struct nilo_db_stmt *ask(struct walk *w, const char *sql)
{
    struct nilo_db_stmt *stmt = NULL;
    struct stores *s = w->stores;
    ok(s, nilo_db_prepare(nilo_store_db(s->store), sql, &stmt, &s->err));
    ok(s, nilo_db_query(stmt, NULL, 0, &s->err));
    return stmt;
}

static const char *name_of(const struct walk *w, int e, int win, int metric, int32_t day)
{
    static char text[160];
    char d[NILO_DAY_TEXT];
    nilo_day_format(NILO_DAY(day), d);
    snprintf(text, sizeof text, "%s/%s %s window %d %s (%d)", w->conns[w->model.entities[e].conn].name, w->model.entities[e].external_id,
             metric < 0 ? "items" : w->model.metrics[metric].name, naive_wins[win], d, day);
    return text;
}

#define CELL_COLUMNS 11
static bool same_cell(struct walk *w, const int64_t *row, int e, int win, int metric, int32_t day)
{
    struct n_shown s = *naive_seen(&w->model, e, win, metric, day);
    const char *name = name_of(w, e, win, metric, day);
    if (!s.is)
        return differ(w, "%s: shown is %" PRId64 " of run %" PRId64 ", expected nothing", name, row[5], row[9]);
    const struct n_obs *o = s.obs;
    const int64_t expected[] = {s.seq, o->value, o->absence, o->provenance, s.cause, w->model.runs[o->run].id, o->captured_at};
    static const char *const columns[] = {"seq", "value", "absence", "provenance", "cause", "run", "captured_at"};
    for (int i = 0; i < 7; i++)
        if (expected[i] != row[4 + i])
            return differ(w, "%s: shown %s is %" PRId64 ", expected %" PRId64, name, columns[i], row[4 + i], expected[i]);
    return true;
}

/* Every row of the record comes by in key order; the last seq of a key is shown. */
static bool compare_cells(struct walk *w)
{
    int64_t row[CELL_COLUMNS], last[CELL_COLUMNS] = {0};
    int64_t shown = 0, expected = 0, amendments = 0;
    struct nilo_db_stmt *stmt = ask(w, "SELECT entity_id, win, day, metric_id, seq, COALESCE(value, 0), absence, provenance, cause, run_id, "
                                       "captured_at FROM day_value ORDER BY bucket, entity_id, win, day, metric_id, seq");
    bool fine = true;
    for (int got; fine;) {
        got = nilo_db_row(stmt, &w->stores->err);
        for (int i = 0; i < CELL_COLUMNS; i++)
            row[i] = got == 1 ? nilo_db_column_int(stmt, i) : 0;
        if (last[0] && memcmp(row, last, 4 * sizeof *row) != 0) {
            int e = entity_of(w, last[0]), win = win_of(last[1]), metric = metric_of(w, last[3]);
            shown++;
            fine = e < 0 || win < 0 || metric < 0 ? differ(w, "a cell of an unknown item") : same_cell(w, last, e, win, metric, (int32_t)last[2]);
        }
        amendments += row[4] > 0;
        memcpy(last, row, sizeof last);
        if (got != 1)
            break;
    }
    nilo_db_reset(stmt);
    const struct naive *m = &w->model;
    for (int i = 0; fine && i < N_ENTITIES * N_WINS * N_METRICS * m->n_days; i++)
        expected += m->shown[i].is;
    if (fine && amendments != m->n_amendments)
        return differ(w, "%" PRId64 " amendments, expected %d", amendments, m->n_amendments);
    return fine && (shown == expected || differ(w, "%" PRId64 " cells are shown, expected %" PRId64, shown, expected));
}

static bool compare_observations(struct walk *w)
{
    struct nilo_db_stmt *stmt = ask(w, "SELECT count(*), sum(day), sum(captured_at % 1000000007), sum(value % 1000000007) FROM observation");
    int64_t expected[4] = {w->model.n_obs, 0, 0, 0};
    for (int i = 0; i < w->model.n_obs; i++) {
        expected[1] += w->model.obs[i].day;
        expected[2] += w->model.obs[i].captured_at % 1000000007;
        expected[3] += w->model.obs[i].absence == NILO_PRESENT ? w->model.obs[i].value % 1000000007 : 0;
    }
    bool fine = nilo_db_row(stmt, &w->stores->err) == 1;
    for (int i = 0; i < 4 && fine; i++) {
        /* PostgreSQL sums bigint as numeric: told as text */
        struct nilo_db_value v = nilo_db_column(stmt, i);
        int64_t got = v.type == NILO_DB_INT || v.type == NILO_DB_NULL ? v.i : strtoll(v.p, NULL, 10);
        if (got != expected[i])
            fine = differ(w, "observations: figure %d is %" PRId64 ", expected %" PRId64, i, got, expected[i]);
    }
    nilo_db_reset(stmt);
    return fine;
}

static bool compare_known(struct walk *w)
{
    const struct naive *m = &w->model;
    int64_t expected = 0, got = 0;
    struct nilo_db_stmt *stmt = ask(w, "SELECT entity_id, win, metric_id, day, value FROM known");
    bool fine = true;
    for (; fine && nilo_db_row(stmt, &w->stores->err) == 1; got++) {
        int e = entity_of(w, nilo_db_column_int(stmt, 0)), win = win_of(nilo_db_column_int(stmt, 1)), metric = metric_of(w, nilo_db_column_int(stmt, 2));
        int32_t day = (int32_t)nilo_db_column_int(stmt, 3), d = m->first_day + m->n_days - 1;
        struct n_shown s = {.is = false};
        for (; d >= m->first_day; d--) {
            s = *naive_seen(m, e, win, metric, d);
            if (s.is && s.obs->absence == NILO_PRESENT)
                break;
        }
        if (d != day || nilo_db_column_int(stmt, 4) != s.obs->value)
            fine = differ(w, "%s: known is %" PRId64 " of day %d", name_of(w, e, win, metric, d), nilo_db_column_int(stmt, 4), day);
    }
    nilo_db_reset(stmt);
    for (int i = 0; i < N_ENTITIES * N_WINS * N_METRICS; i++)
        for (int d = 0; d < m->n_days; d++) {
            const struct n_shown *s = &m->shown[i * m->n_days + d];
            if (s->is && s->obs->absence == NILO_PRESENT) {
                expected++;
                break;
            }
        }
    return fine && (got == expected || differ(w, "%" PRId64 " known values, expected %" PRId64, got, expected));
}

static void days_read(const struct naive *m, int e, int win, int32_t *first, int32_t *last)
{
    *first = *last = INT32_MIN;
    for (int d = 0; d < m->n_days; d++)
        for (int metric = 0; metric < N_METRICS; metric++) {
            int32_t day = m->first_day + d;
            struct n_shown s = *naive_seen(m, e, win, metric, day);
            if (!s.is || s.obs->absence > NILO_DELETED)
                continue;
            *first = *first == INT32_MIN ? day : *first;
            *last = day;
        }
}

static bool compare_latest(struct walk *w)
{
    int64_t expected = 0, got = 0;
    int32_t first, last;
    struct nilo_db_stmt *stmt = ask(w, "SELECT entity_id, win, first_day, day FROM latest");
    bool fine = true;
    for (; fine && nilo_db_row(stmt, &w->stores->err) == 1; got++) {
        int e = entity_of(w, nilo_db_column_int(stmt, 0)), win = win_of(nilo_db_column_int(stmt, 1));
        days_read(&w->model, e, win, &first, &last);
        if (first != nilo_db_column_int(stmt, 2) || last != nilo_db_column_int(stmt, 3))
            fine = differ(w, "%s: latest is %" PRId64 " to %" PRId64 ", expected %d to %d", name_of(w, e, win, -1, last),
                          nilo_db_column_int(stmt, 2), nilo_db_column_int(stmt, 3), first, last);
    }
    nilo_db_reset(stmt);
    for (int i = 0; i < N_ENTITIES * N_WINS; i++) {
        days_read(&w->model, i / N_WINS, i % N_WINS, &first, &last);
        expected += first != INT32_MIN;
    }
    return fine && (got == expected || differ(w, "%" PRId64 " rows of latest, expected %" PRId64, got, expected));
}

static bool compare_best(struct walk *w)
{
    static struct n_best best[N_ENTITIES][N_METRICS];
    int64_t expected = 0, got = 0;
    naive_best(&w->model, best);
    for (int i = 0; i < N_ENTITIES * N_METRICS; i++)
        expected += best[i / N_METRICS][i % N_METRICS].obs >= 0;
    struct nilo_db_stmt *stmt = ask(w, "SELECT entity_id, metric_id, value, gmv, win, day, captured_at, run_id FROM best");
    bool fine = true;
    for (; fine && nilo_db_row(stmt, &w->stores->err) == 1; got++) {
        int e = entity_of(w, nilo_db_column_int(stmt, 0)), metric = metric_of(w, nilo_db_column_int(stmt, 1));
        const struct n_best *b = &best[e][metric];
        if (b->obs < 0) {
            fine = differ(w, "%s: best is %" PRId64 ", expected none", name_of(w, e, 0, metric, 0), nilo_db_column_int(stmt, 2));
            break;
        }
        const struct n_obs *o = &w->model.obs[b->obs];
        const int64_t want[] = {o->value, b->gmv, naive_wins[o->win], o->day, o->captured_at, w->model.runs[o->run].id};
        static const char *const columns[] = {"value", "gmv", "window", "day", "captured_at", "run"};
        for (int i = 0; i < 6 && fine; i++)
            if (want[i] != nilo_db_column_int(stmt, 2 + i))
                fine = differ(w, "%s: best %s is %" PRId64 ", expected %" PRId64, name_of(w, e, o->win, metric, o->day), columns[i],
                              nilo_db_column_int(stmt, 2 + i), want[i]);
        if (fine && b->has_gmv == nilo_db_column_null(stmt, 3))
            fine = differ(w, "%s: best has %s gmv", name_of(w, e, o->win, metric, o->day), b->has_gmv ? "no" : "a");
    }
    nilo_db_reset(stmt);
    return fine && (got == expected || differ(w, "%" PRId64 " bests, expected %" PRId64, got, expected));
}

struct total_row {
    int64_t kind, scope, win, metric, day, hi, lo, known, fresh;
};

/* One scope, window and metric: the changes by day summed up, a level on each day, a flow day by day. */
static bool compare_total(struct walk *w, int kind, int scope, int win, int metric, const struct total_row *rows, size_t n)
{
    const struct naive *m = &w->model;
    struct n_total *out = calloc((size_t)m->n_days, sizeof *out);
    bool flow = metric >= 0 && m->metrics[metric].aggregation == NILO_FLOW, fine = true;
    nilo_i128 sum = 0;
    int64_t items = 0;
    size_t at = 0;
    if (!out)
        abort();
    naive_total(m, kind, scope, win, metric, out);
    for (int d = 0; d < m->n_days && fine; d++) {
        char got[NILO_DECIMAL_TEXT], want[NILO_DECIMAL_TEXT];
        int64_t fresh = 0;
        if (flow)
            sum = items = 0;
        for (; at < n && rows[at].day == m->first_day + d; at++) {
            sum += nilo_split_join(rows[at].hi, rows[at].lo);
            items += rows[at].known;
            fresh += rows[at].fresh;
        }
        nilo_decimal_format(sum, 0, false, got);
        nilo_decimal_format(out[d].sum, 0, false, want);
        if (sum != out[d].sum || items != out[d].items || fresh != out[d].fresh)
            fine = differ(w, "total of %s %d, %s window %d, day %d: sum %s items %" PRId64 " fresh %" PRId64 ", expected sum %s items %" PRId64
                             " fresh %" PRId64,
                          kind == 0 ? "workspace" : kind == 1 ? "connection" : "owner", scope, metric < 0 ? "items" : m->metrics[metric].name,
                          naive_wins[win], m->first_day + d, got, items, fresh, want, out[d].items, out[d].fresh);
    }
    free(out);
    return fine && (at == n || differ(w, "total: a row of day %" PRId64 ", which is no day of this world", rows[at].day));
}

static bool compare_totals(struct walk *w)
{
    const int n_scopes[] = {N_WORKSPACES, N_CONNS, N_OWNERS};
    const struct naive *m = &w->model;
    size_t n = 0, cap = 0, at = 0, used = 0;
    struct total_row *rows = NULL;
    struct nilo_db_stmt *stmt = ask(w, "SELECT scope_kind, scope_id, win, metric_id, day, hi, lo, known, fresh FROM total ORDER BY 1, 2, 3, 4, 5");
    while (nilo_db_row(stmt, &w->stores->err) == 1) {
        if (n == cap) {
            cap = cap ? 2 * cap : 1024;
            rows = realloc(rows, cap * sizeof *rows);
            if (!rows)
                abort();
        }
        for (int i = 0; i < 9; i++)
            ((int64_t *)&rows[n])[i] = nilo_db_column_int(stmt, i);
        if (!rows[n].hi && !rows[n].lo && !rows[n].known && !rows[n].fresh)
            differ(w, "total: a row of zeros");
        n++;
    }
    nilo_db_reset(stmt);
    bool fine = w->difference[0] == '\0';
    for (int kind = 0; kind < 3; kind++)
        for (int scope = 0; scope < n_scopes[kind]; scope++)
            for (int win = 0; win < N_WINS; win++)
                for (int metric = -1; metric < N_METRICS && fine; metric++) {
                    int64_t id = kind == 0 ? w->workspaces[scope] : kind == 1 ? w->conns[scope].id : w->owners[scope];
                    int64_t metric_id = metric < 0 ? 0 : m->metrics[metric].id;
                    for (at = 0; at < n; at++)
                        if (rows[at].kind == kind && rows[at].scope == id && rows[at].win == naive_wins[win] && rows[at].metric == metric_id)
                            break;
                    size_t end = at;
                    while (end < n && rows[end].kind == kind && rows[end].scope == id && rows[end].win == naive_wins[win] &&
                           rows[end].metric == metric_id)
                        end++;
                    used += end - at;
                    fine = compare_total(w, kind, scope, win, metric, rows + at, end - at);
                }
    free(rows);
    return fine && (used == n || differ(w, "total: %zu rows of unknown scopes", n - used));
}

static bool compare_closed(struct walk *w)
{
    const struct naive *m = &w->model;
    bool fine = true;
    for (int c = 0; c < N_CONNS && fine; c++) {
        struct nilo_connection got;
        fine = done(w, nilo_store_connection_get(w->stores->store, w->conns[c].id, &got, &w->stores->err), "a connection");
        if (fine && (got.closed_until.n != m->conns[c].closed_until || got.read_until.n != m->conns[c].read_until))
            fine = differ(w, "\"%s\" is closed until %d, expected %d", got.name, got.closed_until.n, m->conns[c].closed_until);
    }
    struct nilo_db_stmt *stmt = ask(w, "SELECT connection_id, day, status, values_n FROM day_close ORDER BY n");
    int i = 0;
    for (; fine && nilo_db_row(stmt, &w->stores->err) == 1; i++) {
        const struct n_closed *k = &m->closed[i];
        bool there = i < m->n_closed && nilo_db_column_int(stmt, 0) == w->conns[k->conn].id && nilo_db_column_int(stmt, 1) == k->day;
        if (!there || strcmp(nilo_db_column_text(stmt, 2), k->status) != 0 || nilo_db_column_int(stmt, 3) != k->values)
            fine = differ(w, "close %d: connection %" PRId64 " day %" PRId64 " %s with %" PRId64 " values, expected \"%s\" day %d %s %d", i,
                          nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1), nilo_db_column_text(stmt, 2), nilo_db_column_int(stmt, 3),
                          i < m->n_closed ? w->conns[k->conn].name : "", i < m->n_closed ? k->day : 0, i < m->n_closed ? k->status : "",
                          i < m->n_closed ? k->values : 0);
    }
    nilo_db_reset(stmt);
    return fine && (i == m->n_closed || differ(w, "%d days closed, expected %d", i, m->n_closed));
}

bool walk_compare(struct walk *w)
{
    look_up_entities(w);
    naive_look(&w->model);
    return compare_cells(w) && compare_observations(w) && compare_known(w) && compare_latest(w) && compare_best(w) && compare_totals(w) &&
           compare_closed(w);
}

bool walk_rebuild(struct walk *w)
{
    char before[65], after[65];
    struct stores *s = w->stores;
    if (!done(w, nilo_store_digest(s->store, before, &s->err), "digest") || !done(w, nilo_store_rebuild(s->store, NULL, NULL, &s->err), "rebuild") ||
        !done(w, nilo_store_digest(s->store, after, &s->err), "digest"))
        return false;
    return strcmp(before, after) == 0 || differ(w, "rebuild changed the derived rows: %s, then %s", before, after);
}
