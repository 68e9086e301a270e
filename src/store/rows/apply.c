/* Applying a batch: observations, day values or amendments, then what is derived. Everything that is there already is read in a few bulk
 * look-ups, decided in memory by model's rules, and written in bulk, so that a server costs round trips by the batch. */
#include <stdlib.h>
#include <string.h>

#include "store/rows/derive.h"

/* One (entity, win, day, metric) that the batch touches. */
struct key {
    size_t first, n;            /* its points, ascending captured_at */
    bool closed, dropped, has_base, has_top;
    int32_t top_seq;
    struct nilo_cell base, top; /* as stored: seq 0, and the shown one */
    struct nilo_cell shown;     /* as it develops; meaningful if has_shown */
    bool has_shown, base_dirty, corrected;
    size_t base_point;          /* the point that is the base now, when dirty */
};
/* An amendment to be written. */
struct amendment {
    size_t key, point;
    int32_t seq;
    enum nilo_cause cause;
};
/* The reading of the same instant that the record holds: by this run, the same value from a run that counts, the same value but below the
 * rank that --revise asks for. */
enum already { NOT_KNOWN, KNOWN_FROM_THIS_RUN, KNOWN, KNOWN_BELOW };

struct work {
    struct nilo_store *store;
    struct nilo_batch *batch;
    struct nilo_arena arena;
    struct key *keys;
    size_t n_keys;
    size_t *key_of;             /* point -> key */
    uint8_t *known_already;     /* enum already: is the same reading in the record? */
    uint8_t *written;           /* the point becomes an observation */
    struct amendment *amendments;
    size_t n_amendments;
    size_t *list;               /* scratch: points or keys to be written */
    size_t n_list;
    uint8_t rank;               /* of every value of the batch; 0 = its provenance's */
};

static bool same_key(const struct nilo_point *a, const struct nilo_point *b)
{
    return nilo__entity_cmp(a->entity, b->entity) == 0 && a->win == b->win && a->day.n == b->day.n && a->metric == b->metric;
}

static int gather(struct work *w, struct nilo_err *err)
{
    size_t n = w->batch->n;
    const struct nilo_point *p = w->batch->points;
    w->keys = nilo_arena_array(&w->arena, n, sizeof *w->keys);
    w->key_of = nilo_arena_array(&w->arena, n, sizeof *w->key_of);
    w->known_already = nilo_arena_array(&w->arena, n, 1);
    w->written = nilo_arena_array(&w->arena, n, 1);
    w->amendments = nilo_arena_array(&w->arena, n, sizeof *w->amendments);
    w->list = nilo_arena_array(&w->arena, n, sizeof *w->list);
    if (!w->keys || !w->key_of || !w->known_already || !w->written || !w->amendments || !w->list)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || !same_key(&p[i], &p[i - 1])) {
            struct key *k = &w->keys[w->n_keys++];
            k->first = i;
            k->closed = !nilo_day_is_none(w->batch->connection->closed_until) && p[i].day.n <= w->batch->connection->closed_until.n;
            k->dropped = p[i].day.n <= w->batch->connection->dropped_until.n;
        }
        w->keys[w->n_keys - 1].n++;
        w->key_of[i] = w->n_keys - 1;
    }
    return 0;
}

/* ---- what is there ---------------------------------------------------------------------------------------------------------- */

static void point_params(const struct nilo_point *p, struct nilo_db_value *v)
{
    v[0] = NILO_DBV_INT(p->entity.bucket);
    v[1] = NILO_DBV_INT(p->entity.id);
    v[2] = NILO_DBV_INT(p->win);
}

/* Look-ups go through w->list: only what may be there already is looked for. */
static void key_params(void *ctx, size_t i, struct nilo_db_value *v)
{
    const struct work *w = ctx;
    const struct nilo_point *p = &w->batch->points[w->keys[w->list[i]].first];
    point_params(p, v);
    v[3] = NILO_DBV_INT(p->day.n);
    v[4] = NILO_DBV_INT(p->metric);
}

static int cell_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct work *w = ctx;
    struct key *k = &w->keys[w->list[i]];
    int32_t seq = (int32_t)nilo_db_column_int(stmt, 0);
    struct nilo_cell cell = {.value = nilo_db_column_int(stmt, 1),
                             .absence = (uint8_t)nilo_db_column_int(stmt, 2),
                             .provenance = (uint8_t)nilo_db_column_int(stmt, 3),
                             .rank = (uint8_t)nilo_db_column_int(stmt, 4),
                             .cause = (uint8_t)nilo_db_column_int(stmt, 5),
                             .run = nilo_db_column_int(stmt, 6),
                             .captured_at = nilo_db_column_int(stmt, 7)};
    if (seq == 0) {
        k->has_base = true;
        k->base = cell;
    }
    if (!k->has_top || seq > k->top_seq) {
        k->top = cell;
        k->top_seq = seq;
    }
    k->has_top = k->has_shown = true;
    k->shown = k->top;
    return 0;
}

static void instant_of(const struct nilo_point *p, struct nilo_db_value *v)
{
    point_params(p, v);
    v[3] = NILO_DBV_INT(p->day.n);
    v[4] = NILO_DBV_INT(p->captured_at);
    v[5] = NILO_DBV_INT(p->metric);
}

static void instant_params(void *ctx, size_t i, struct nilo_db_value *v)
{
    const struct work *w = ctx;
    instant_of(&w->batch->points[w->list[i]], v);
}

static int instant_row(void *ctx, size_t listed, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct work *w = ctx;
    size_t i = w->list[listed];
    const struct nilo_point *p = &w->batch->points[i];
    if (nilo_db_column_int(stmt, 0) == w->batch->run->id) {
        w->known_already[i] = KNOWN_FROM_THIS_RUN;
        return 0;
    }
    bool same = nilo_db_column_int(stmt, 2) == (int64_t)p->absence && nilo_db_column_int(stmt, 3) == (int64_t)p->provenance &&
                (p->absence != NILO_PRESENT || nilo_db_column_int(stmt, 1) == p->value);
    if (same && w->known_already[i] != KNOWN_FROM_THIS_RUN && w->known_already[i] != KNOWN)
        w->known_already[i] = nilo_db_column_int(stmt, 4) >= w->rank ? KNOWN : KNOWN_BELOW;
    return 0;
}

/* The newest day that each (entity, window) of the batch was ever observed on: what is newer needs no look-up, so that the nightly append
 * and the import of new items cost one seek an item instead of two a value. */
struct newest {
    size_t first;  /* its first point */
    bool seen;
    int32_t day;
};
struct newest_list {
    const struct work *w;
    struct newest *x;
    size_t n;
};

static void newest_params(void *ctx, size_t i, struct nilo_db_value *v)
{
    const struct newest_list *l = ctx;
    point_params(&l->w->batch->points[l->x[i].first], v);
}

static int newest_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct newest *x = &((struct newest_list *)ctx)->x[i];
    x->seen = !nilo_db_column_null(stmt, 0);
    x->day = (int32_t)nilo_db_column_int(stmt, 0);
    return 0;
}

static const struct nilo_db_field newest_keys[] = {{"o.bucket", "smallint"}, {"o.entity_id", "bigint"}, {"o.win", "integer"}};
static const struct nilo_db_find find_newest_day = {.columns = "max(o.day)", .from = "observation AS o", .keys = newest_keys, .n_keys = 3};

static int find_newest(struct work *w, struct newest_list *l, struct nilo_err *err)
{
    const struct nilo_point *p = w->batch->points;
    *l = (struct newest_list){.w = w, .x = nilo_arena_array(&w->arena, w->batch->n, sizeof *l->x)};
    if (!l->x)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < w->batch->n; i++)
        if (i == 0 || nilo__entity_cmp(p[i].entity, p[i - 1].entity) != 0 || p[i].win != p[i - 1].win)
            l->x[l->n++].first = i;
    return nilo_db_find(w->store->db, &find_newest_day, l->n, newest_params, newest_row, l, err);
}

static bool may_be_there(const struct newest_list *l, size_t *at, const struct work *w, size_t point)
{
    while (*at + 1 < l->n && l->x[*at + 1].first <= point)
        ++*at;
    return l->x[*at].seen && w->batch->points[point].day.n <= l->x[*at].day;
}

static const struct nilo_db_field cell_keys[] = {
    {"v.bucket", "smallint"}, {"v.entity_id", "bigint"}, {"v.win", "integer"}, {"v.day", "integer"}, {"v.metric_id", "integer"},
};
static const struct nilo_db_find find_cells = {
    .columns = "v.seq, v.value, v.absence, v.provenance, v.rank, v.cause, v.run_id, v.captured_at",
    .from = "day_value AS v",
    .keys = cell_keys,
    .n_keys = 5,
};
static const struct nilo_db_field instant_keys[] = {
    {"o.bucket", "smallint"}, {"o.entity_id", "bigint"},   {"o.win", "integer"},
    {"o.day", "integer"},     {"o.captured_at", "bigint"}, {"o.metric_id", "integer"},
};
static const struct nilo_db_find find_instants = {
    .columns = "o.run_id, o.value, o.absence, o.provenance, o.rank",
    .from = "observation AS o JOIN run AS r ON r.id = o.run_id",
    .keys = instant_keys,
    .n_keys = 6,
    .also = "r.status NOT IN (5, 6)",
};

static int load(struct work *w, struct nilo_err *err)
{
    struct newest_list newest;
    size_t at = 0;
    if (find_newest(w, &newest, err) < 0)
        return -1;
    w->n_list = 0;
    for (size_t j = 0; j < w->n_keys; j++)
        if (may_be_there(&newest, &at, w, w->keys[j].first))
            w->list[w->n_list++] = j;
    if (nilo_db_find(w->store->db, &find_cells, w->n_list, key_params, cell_row, w, err) < 0)
        return -1;
    w->n_list = at = 0;
    for (size_t i = 0; i < w->batch->n; i++)
        if (may_be_there(&newest, &at, w, i))
            w->list[w->n_list++] = i;
    return nilo_db_find(w->store->db, &find_instants, w->n_list, instant_params, instant_row, w, err);
}

/* ---- decisions ------------------------------------------------------------------------------------------------------------------ */

/* A backfill never displaces what was observed or imported, --revise or not. */
static uint8_t rank_of(const struct work *w, const struct nilo_point *p)
{
    return w->rank ? w->rank : (uint8_t)p->provenance;
}

static struct nilo_cell cell_of(const struct work *w, const struct nilo_point *p)
{
    bool revise = w->batch->policy.kind == NILO_RUN_REVISE;
    return (struct nilo_cell){.value = p->value,
                              .absence = (uint8_t)p->absence,
                              .provenance = (uint8_t)p->provenance,
                              .rank = rank_of(w, p),
                              .cause = (uint8_t)(revise ? NILO_CAUSE_CORRECTED : NILO_CAUSE_BASE),
                              .run = w->batch->run->id,
                              .captured_at = p->captured_at};
}

static bool is_known(const struct work *w, size_t i)
{
    return w->known_already[i] == KNOWN_FROM_THIS_RUN || w->known_already[i] == KNOWN;
}

static void decide_open(struct work *w, struct key *k, size_t i)
{
    struct nilo_point *p = &w->batch->points[i];
    struct nilo_cell in = cell_of(w, p);
    if (is_known(w, i)) {
        p->outcome = w->known_already[i] == KNOWN ? NILO_UNCHANGED : NILO_MERGED;
        return;
    }
    if (!nilo_rule_open(k->has_shown ? &k->shown : NULL, &in)) {
        p->outcome = NILO_KEPT;
        return;
    }
    p->outcome = k->has_shown ? NILO_REPLACED : NILO_RECORDED;
    k->shown = in;
    k->has_shown = k->base_dirty = true;
    k->base_point = i;
    k->corrected = k->corrected || in.cause == NILO_CAUSE_CORRECTED;
}

/* Readings of a closed day follow each other like those of an open one: within a run the last stands, and what was read before the reading
 * that is shown says nothing against it. Everything else is for model's rule. */
static enum nilo_outcome judge_closed(const struct work *w, const struct key *k, size_t i, const struct nilo_metric *m,
                                      const struct nilo_cell *in, enum nilo_cause *ret_cause)
{
    const struct nilo_cell *now = k->has_shown ? &k->shown : NULL;
    /* a window belongs to the day that its source names, whatever its metric is else */
    enum nilo_metric_kind kind = w->batch->points[i].win != 0 ? NILO_PERIOD : m->kind;
    if (is_known(w, i))
        return w->known_already[i] == KNOWN ? NILO_UNCHANGED : NILO_MERGED;
    if (now && nilo_absence_definitive(now->absence) && nilo_absence_definitive(in->absence)) {
        bool same = now->absence == in->absence && (now->absence != NILO_PRESENT || now->value == in->value);
        bool earlier = in->captured_at < now->captured_at && now->cause != NILO_CAUSE_CORRECTED;
        if (now->run == w->batch->run->id) {
            *ret_cause = (enum nilo_cause)now->cause;
            return same || in->captured_at <= now->captured_at ? NILO_KEPT : now->cause == NILO_CAUSE_LATE ? NILO_LATE : NILO_AMENDED;
        }
        /* what is replayed of a period day was read before it was restated: that was told already */
        if (earlier && !w->batch->policy.revise && (kind == NILO_INSTANT || w->batch->policy.kind == NILO_RUN_REPLAY))
            return NILO_KEPT;
        if (earlier && w->known_already[i] == KNOWN_BELOW)
            return NILO_UNCHANGED;
    }
    enum nilo_outcome o = nilo_rule_closed(now, in, kind, &w->batch->policy, ret_cause);
    return o == NILO_KEPT ? NILO_UNCHANGED : o;
}

static void decide_closed(struct work *w, struct key *k, size_t i, const struct nilo_metric *m)
{
    struct nilo_point *p = &w->batch->points[i];
    struct nilo_cell in = cell_of(w, p);
    enum nilo_cause cause = NILO_CAUSE_BASE;
    in.rank = (uint8_t)p->provenance; /* --revise is judged by the rule itself here */
    p->outcome = judge_closed(w, k, i, m, &in, &cause);
    if (p->outcome != NILO_LATE && p->outcome != NILO_AMENDED)
        return;
    in.cause = (uint8_t)cause;
    k->shown = in;
    k->has_shown = true;
    k->corrected = k->corrected || cause == NILO_CAUSE_CORRECTED;
    k->top_seq = k->has_top ? k->top_seq + 1 : 1;
    if (k->top_seq < 1)
        k->top_seq = 1;
    k->has_top = true;
    w->amendments[w->n_amendments++] = (struct amendment){(size_t)(k - w->keys), i, k->top_seq, cause};
}

static int decide(struct work *w, struct nilo_err *err)
{
    const struct nilo_catalog *catalog = nilo_store_catalog(w->store);
    for (size_t j = 0; j < w->n_keys; j++) {
        struct key *k = &w->keys[j];
        const struct nilo_metric *m = nilo_catalog_by_id(catalog, w->batch->points[k->first].metric);
        if (!m)
            return nilo_err_set(err, NILO_EINTERNAL, "a batch names metric %d, which is not defined", w->batch->points[k->first].metric);
        for (size_t i = k->first; i < k->first + k->n; i++) {
            if (k->dropped)
                w->batch->points[i].outcome = NILO_REFUSED; /* record says so before: nothing comes here */
            else if (i > k->first && w->batch->points[i - 1].captured_at == w->batch->points[i].captured_at)
                w->batch->points[i].outcome = NILO_MERGED; /* told once more, beside another day's values: the first stands */
            else if (k->closed)
                decide_closed(w, k, i, m);
            else
                decide_open(w, k, i);
        }
    }
    return 0;
}

/* ---- the guard's figures: the newest known value before this batch ------------------------------------------------------------- */

static int before_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct nilo_point *p = &((struct work *)ctx)->batch->points[i];
    p->had_before = true;
    p->before = nilo_db_column_int(stmt, 0);
    return 0;
}

static void series_params(void *ctx, size_t i, struct nilo_db_value *v)
{
    const struct nilo_point *p = &((struct work *)ctx)->batch->points[i];
    point_params(p, v);
    v[3] = NILO_DBV_INT(p->metric);
}

static const struct nilo_db_field series_keys[] = {
    {"s.bucket", "smallint"}, {"s.entity_id", "bigint"}, {"s.win", "integer"}, {"s.metric_id", "integer"},
};
static const struct nilo_db_find find_before = {.columns = "s.value", .from = "known AS s", .keys = series_keys, .n_keys = 4};

static int load_before(struct work *w, struct nilo_err *err)
{
    for (size_t i = 0; i < w->batch->n; i++)
        w->batch->points[i].had_before = false;
    if (!w->batch->policy.platform)
        return 0;
    return nilo_db_find(w->store->db, &find_before, w->batch->n, series_params, before_row, w, err);
}

/* ---- writing ------------------------------------------------------------------------------------------------------------------ */

static struct nilo_db_value value_or_null(const struct nilo_point *p)
{
    return p->absence == NILO_PRESENT ? NILO_DBV_INT(p->value) : NILO_DBV_NULL;
}
static struct nilo_db_value day_or_null(nilo_day d) { return nilo_day_is_none(d) ? NILO_DBV_NULL : NILO_DBV_INT(d.n); }

static void observation_params(void *ctx, size_t i, struct nilo_db_value *v)
{
    const struct work *w = ctx;
    const struct nilo_point *p = &w->batch->points[w->list[i]];
    instant_of(p, v);
    v[6] = NILO_DBV_INT(w->batch->run->id);
    v[7] = day_or_null(p->source_day);
    v[8] = value_or_null(p);
    v[9] = NILO_DBV_INT(p->absence);
    v[10] = NILO_DBV_INT(p->provenance);
    v[11] = NILO_DBV_INT(rank_of(w, p));
    v[12] = NILO_DBV_INT(w->batch->recorded_at);
    v[13] = NILO_DBV_TEXT(p->meta);
}

static bool ratio(const struct work *w, int32_t metric)
{
    const struct nilo_metric *m = nilo_catalog_by_id(nilo_store_catalog(w->store), metric);
    return m && m->best_rule == NILO_BEST_WITH_GMV;
}

/* GMV of the same reading: metric 16 at the same instant, in the same day's points. NULL = it said none. */
static const struct nilo_point *gmv_beside(const struct work *w, size_t i)
{
    const struct nilo_point *p = &w->batch->points[i];
    for (size_t j = i + 1; j-- > 0;) {
        const struct nilo_point *q = &w->batch->points[j];
        if (nilo__entity_cmp(q->entity, p->entity) != 0 || q->win != p->win || q->day.n != p->day.n || q->metric < 16)
            return NULL;
        if (q->metric == 16 && q->captured_at == p->captured_at)
            return q->absence == NILO_PRESENT ? q : NULL;
    }
    return NULL;
}

/* Which points become observations: those that said something new. A ratio that is new on a closed day takes its reading's GMV
 * along even if that is what the day shows already: its rank among the bests is that GMV's. */
static void choose_observations(struct work *w)
{
    for (size_t i = 0; i < w->batch->n; i++) {
        enum nilo_outcome o = w->batch->points[i].outcome;
        w->written[i] = o == NILO_RECORDED || o == NILO_REPLACED || o == NILO_KEPT || o == NILO_LATE || o == NILO_AMENDED;
    }
    for (size_t i = 0; i < w->batch->n; i++) {
        const struct nilo_point *p = &w->batch->points[i];
        const struct nilo_point *gmv = w->written[i] && p->absence == NILO_PRESENT && ratio(w, p->metric) ? gmv_beside(w, i) : NULL;
        if (gmv && gmv->outcome == NILO_UNCHANGED && !is_known(w, (size_t)(gmv - w->batch->points)))
            w->written[gmv - w->batch->points] = 1;
    }
}

static const struct nilo_db_field observation_fields[] = {
    {"bucket", "smallint"}, {"entity_id", "bigint"}, {"win", "integer"},       {"day", "integer"},        {"captured_at", "bigint"},
    {"metric_id", "integer"}, {"run_id", "bigint"},  {"source_day", "integer"}, {"value", "bigint"},       {"absence", "smallint"},
    {"provenance", "smallint"}, {"rank", "smallint"}, {"recorded_at", "bigint"}, {"meta", "text"},
};
static const struct nilo_db_insert insert_observations = {.table = "observation", .fields = observation_fields, .n_fields = 14};

static int write_observations(struct work *w, struct nilo_err *err)
{
    w->n_list = 0;
    choose_observations(w);
    for (size_t i = 0; i < w->batch->n; i++)
        if (w->written[i])
            w->list[w->n_list++] = i;
    return nilo_db_insert(w->store->db, &insert_observations, w->n_list, observation_params, w, err);
}

/* ?1..?5 key, then value, absence, provenance, rank, cause, run, captured_at, source_day, recorded_at, author, meta, seq */
static void cell_params(struct work *w, const struct nilo_point *p, const struct nilo_cell *cell, int32_t seq, struct nilo_db_value *v)
{
    point_params(p, v);
    v[3] = NILO_DBV_INT(p->day.n);
    v[4] = NILO_DBV_INT(p->metric);
    v[5] = value_or_null(p);
    v[6] = NILO_DBV_INT(p->absence);
    v[7] = NILO_DBV_INT(p->provenance);
    v[8] = NILO_DBV_INT(cell->rank);
    v[9] = NILO_DBV_INT(cell->cause);
    v[10] = NILO_DBV_INT(w->batch->run->id);
    v[11] = NILO_DBV_INT(p->captured_at);
    v[12] = day_or_null(p->source_day);
    v[13] = NILO_DBV_INT(w->batch->recorded_at);
    v[14] = NILO_DBV_TEXT(w->batch->author);
    v[15] = NILO_DBV_TEXT(p->meta);
    v[16] = NILO_DBV_INT(seq);
}

static void base_params(void *ctx, size_t i, struct nilo_db_value *v)
{
    struct work *w = ctx;
    const struct key *k = &w->keys[w->list[i]];
    cell_params(w, &w->batch->points[k->base_point], &k->shown, 0, v);
}

static void amendment_params(void *ctx, size_t i, struct nilo_db_value *v)
{
    struct work *w = ctx;
    const struct amendment *a = &w->amendments[i];
    const struct nilo_point *p = &w->batch->points[a->point];
    struct nilo_cell cell = cell_of(w, p);
    cell.rank = (uint8_t)p->provenance;
    cell.cause = (uint8_t)a->cause;
    cell_params(w, p, &cell, a->seq, v);
}

static const struct nilo_db_field cell_fields[] = {
    {"bucket", "smallint"},     {"entity_id", "bigint"}, {"win", "integer"},    {"day", "integer"},   {"metric_id", "integer"},
    {"value", "bigint"},        {"absence", "smallint"}, {"provenance", "smallint"}, {"rank", "smallint"}, {"cause", "smallint"},
    {"run_id", "bigint"},       {"captured_at", "bigint"}, {"source_day", "integer"}, {"recorded_at", "bigint"}, {"author", "text"},
    {"meta", "text"},           {"seq", "integer"},
};
static const struct nilo_db_insert insert_cells = {.table = "day_value", .fields = cell_fields, .n_fields = 17};
static const char update_cell[] =
    "UPDATE day_value SET value = ?6, absence = ?7, provenance = ?8, rank = ?9, cause = ?10, run_id = ?11, captured_at = ?12, "
    "source_day = ?13, recorded_at = ?14, author = ?15, meta = ?16 WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day = ?4 "
    "AND metric_id = ?5 AND seq = ?17";

static int write_cells(struct work *w, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    for (int there = 0; there < 2; there++) {
        w->n_list = 0;
        for (size_t j = 0; j < w->n_keys; j++)
            if (w->keys[j].base_dirty && w->keys[j].has_base == (there == 1))
                w->list[w->n_list++] = j;
        if (there ? nilo_db_prepare(w->store->db, update_cell, &stmt, err) < 0 || nilo_db_many(stmt, w->n_list, 17, base_params, NULL, w, err) < 0
                  : nilo_db_insert(w->store->db, &insert_cells, w->n_list, base_params, w, err) < 0)
            return -1;
    }
    return nilo_db_insert(w->store->db, &insert_cells, w->n_amendments, amendment_params, w, err);
}

/* ---- derived ---------------------------------------------------------------------------------------------------------------------- */

static int derive_changes(struct work *w, const struct key *was, struct nilo_err *err)
{
    struct nilo__change *c = nilo_arena_array(&w->arena, w->n_keys, sizeof *c);
    size_t n = 0;
    if (!c)
        return nilo_err_nomem(err);
    for (size_t j = 0; j < w->n_keys; j++) {
        const struct key *k = &w->keys[j], *o = &was[j];
        const struct nilo_point *p = &w->batch->points[k->first];
        struct nilo__change x = {.entity = p->entity, .win = p->win, .day = p->day.n, .metric = p->metric};
        if (o->has_shown) {
            x.old_state = nilo__state_of((enum nilo_absence)o->shown.absence);
            x.old_value = o->shown.value;
        }
        if (k->has_shown) {
            x.new_state = nilo__state_of((enum nilo_absence)k->shown.absence);
            x.new_value = k->shown.value;
        }
        if (x.old_state != x.new_state || (x.new_state == NILO__VALUE && x.old_value != x.new_value))
            c[n++] = x;
    }
    return nilo__derive(w->store, c, n, err);
}

/* A ratio whose reading said no GMV: what an earlier run said of the same instant counts (best.c asks the same). */
struct lookup {
    struct work *w;
    struct nilo__candidate *c;
    size_t *which;
    size_t n;
};
static void gmv_params(void *ctx, size_t i, struct nilo_db_value *v)
{
    const struct lookup *l = ctx;
    const struct nilo__candidate *c = &l->c[l->which[i]];
    v[0] = NILO_DBV_INT(c->entity.bucket);
    v[1] = NILO_DBV_INT(c->entity.id);
    v[2] = NILO_DBV_INT(c->win);
    v[3] = NILO_DBV_INT(c->day);
    v[4] = NILO_DBV_INT(c->captured_at);
    v[5] = NILO_DBV_INT(c->run);
}
static int gmv_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    const struct lookup *l = ctx;
    l->c[l->which[i]].has_gmv = true;
    l->c[l->which[i]].gmv = nilo_db_column_int(stmt, 0);
    return 0;
}
static int look_up_gmv(struct work *w, struct nilo__candidate *c, size_t n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct lookup l = {w, c, w->list, 0};
    for (size_t i = 0; i < n; i++)
        if (ratio(w, c[i].metric) && !c[i].has_gmv)
            l.which[l.n++] = i;
    if (l.n == 0)
        return 0;
    if (nilo_db_prepare(w->store->db,
                        "SELECT g.value FROM observation g JOIN run r ON r.id = g.run_id WHERE g.bucket = ?1 AND g.entity_id = ?2 AND g.win = ?3 "
                        "AND g.day = ?4 AND g.captured_at = ?5 AND g.metric_id = 16 AND g.run_id <= ?6 AND g.value IS NOT NULL AND r.status NOT IN (5, 6) "
                        "ORDER BY g.run_id DESC LIMIT 1",
                        &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, l.n, 6, gmv_params, gmv_row, &l, err);
}

static int derive_best(struct work *w, const struct key *was, struct nilo_err *err)
{
    size_t n = 0, n_corrected = 0;
    struct nilo__candidate *c = nilo_arena_array(&w->arena, w->batch->n, sizeof *c);
    struct nilo_entity_ref *corrected = nilo_arena_array(&w->arena, w->n_keys, sizeof *corrected);
    if (!c || !corrected)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < w->batch->n; i++) {
        const struct nilo_point *p = &w->batch->points[i];
        if (!w->written[i] || p->absence != NILO_PRESENT)
            continue;
        c[n] = (struct nilo__candidate){.entity = p->entity,
                                        .metric = p->metric,
                                        .win = p->win,
                                        .day = p->day.n,
                                        .value = p->value,
                                        .captured_at = p->captured_at,
                                        .run = w->batch->run->id};
        const struct nilo_point *gmv = ratio(w, p->metric) ? gmv_beside(w, i) : NULL;
        c[n].has_gmv = gmv && w->written[gmv - w->batch->points];
        c[n].gmv = c[n].has_gmv ? gmv->value : 0;
        n++;
    }
    if (look_up_gmv(w, c, n, err) < 0 || nilo__best_fold(w->store, c, n, err) < 0)
        return -1;
    for (size_t j = 0; j < w->n_keys; j++) {
        struct nilo_entity_ref e = w->batch->points[w->keys[j].first].entity;
        /* what a later run corrected meanwhile (two runs at a time) must not come back by the fold */
        bool overtaken = was[j].has_shown && was[j].shown.run > w->batch->run->id;
        if ((w->keys[j].corrected || overtaken) && (n_corrected == 0 || nilo__entity_cmp(corrected[n_corrected - 1], e) != 0))
            corrected[n_corrected++] = e;
    }
    return nilo__best_anew(w->store, corrected, n_corrected, err);
}

static int apply_in(struct work *w, struct nilo_err *err)
{
    if (gather(w, err) < 0 || load(w, err) < 0 || load_before(w, err) < 0)
        return -1;
    struct key *was = nilo_arena_array(&w->arena, w->n_keys, sizeof *was);
    if (!was)
        return nilo_err_nomem(err);
    memcpy(was, w->keys, w->n_keys * sizeof *was);
    if (decide(w, err) < 0 || write_observations(w, err) < 0 || write_cells(w, err) < 0)
        return -1;
    return derive_changes(w, was, err) < 0 ? -1 : derive_best(w, was, err);
}

int nilo_store_apply(struct nilo_store *s, struct nilo_batch *batch, struct nilo_err *err)
{
    if (batch->n == 0)
        return 0;
    struct work w = {.store = s, .batch = batch};
    /* a collector's readings of an open day follow each other, also where the later one is an estimate because it came late */
    w.rank = batch->policy.revise && batch->policy.kind != NILO_RUN_BACKFILL ? NILO_RANK_REVISE
             : batch->policy.kind == NILO_RUN_COLLECT                        ? NILO_OBSERVED
                                                                             : 0;
    nilo_arena_init(&w.arena, 0);
    int rc = apply_in(&w, err);
    nilo_arena_done(&w.arena);
    return rc;
}
