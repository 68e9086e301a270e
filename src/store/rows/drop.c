/* Dropping: whole old closed days go, and every number derived from them stays, now and after a later correction.
 *
 * Three things are kept of them. In day_value, what later days stand on: the newest value of each series (the level that goes on, and what the
 * next value is compared with) and what was the newest one before that was known, the newest day read of each item and window, whole (it may
 * be what is current), and one cell of the first; with the readings, where they tell what was known before. In best_floor, what the all-time
 * best came to. In carried_total, by how much the totals of these days are more than those cells
 * add to them: totals are sums of what cells add, so whatever happens to later cells happens to them alike. */
#include <stdlib.h>
#include <string.h>

#include "store/rows/derive_priv.h"

#define STEP      31    /* days an act */
#define STEP_WINS 500 /* windows of items at a time: that many times a month of cells in memory */

/* The windows of the connection's items in one of the big tables. */
struct wins {
    struct nilo_entity_ref *items;
    int32_t *wins;
    size_t n, cap;
};
/* Since when a cell was a value at all, since when a reading at all (also hidden, ...), and since when it is what it is; NILO_US_NONE: never. */
struct known {
    nilo_us first, read, last;
};
struct cells {
    struct nilo__change *all;
    struct known *known;
    bool *keep;
    size_t n, cap;
};
struct work {
    struct nilo_store *s;
    const struct nilo_drop *how;
    int64_t workspace;
    int32_t from, until; /* of the act */
    nilo_us over;        /* when the act's last day was over */
    struct wins values, readings;
    struct cells cells;
    size_t first; /* of the windows at hand */
};

/* ---- windows ---------------------------------------------------------------------------------------------------------------- */

static int add_win(struct wins *w, struct nilo_entity_ref e, int32_t win, struct nilo_err *err)
{
    if (w->n == w->cap) {
        size_t cap = w->cap ? 2 * w->cap : 256;
        struct nilo_entity_ref *items = realloc(w->items, cap * sizeof *items);
        if (items != NULL)
            w->items = items;
        int32_t *wins = realloc(w->wins, cap * sizeof *wins);
        if (wins != NULL)
            w->wins = wins;
        if (items == NULL || wins == NULL)
            return nilo_err_nomem(err);
        w->cap = cap;
    }
    w->items[w->n] = e;
    w->wins[w->n++] = win;
    return 0;
}

static int load_wins(struct work *w, const char *sql, struct wins *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__query(w->s, &stmt, err, sql, NILO__PARAMS(NILO_DBV_INT(w->how->connection))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        const struct nilo_entity_ref e = {(int32_t)nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1)};
        if (add_win(ret, e, (int32_t)nilo_db_column_int(stmt, 2), err) < 0) {
            nilo_db_reset(stmt);
            return -1;
        }
    }
    return got;
}

#define WINS_OF(table) NILO__WINDOWS(table) "SELECT bucket, entity_id, win FROM item WHERE win IS NOT NULL ORDER BY bucket, entity_id, win"

/* ---- what is left of a window's days -------------------------------------------------------------------------------------------- */

static nilo_us earlier(struct nilo_db_stmt *stmt, int a, int b)
{
    nilo_us x = nilo_db_column_null(stmt, a) ? NILO_US_NONE : nilo_db_column_int(stmt, a);
    nilo_us y = nilo_db_column_null(stmt, b) ? NILO_US_NONE : nilo_db_column_int(stmt, b);
    return x == NILO_US_NONE || (y != NILO_US_NONE && y < x) ? y : x;
}

static int cell_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    struct work *w = ctx;
    struct cells *c = &w->cells;
    if (c->n == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 1024;
        struct nilo__change *all = realloc(c->all, cap * sizeof *all);
        if (all != NULL)
            c->all = all;
        struct known *known = realloc(c->known, cap * sizeof *known);
        if (known != NULL)
            c->known = known;
        bool *keep = realloc(c->keep, cap * sizeof *keep);
        if (keep != NULL)
            c->keep = keep;
        if (all == NULL || known == NULL || keep == NULL)
            return nilo_err_nomem(err);
        c->cap = cap;
    }
    c->keep[c->n] = false;
    c->known[c->n] = (struct known){earlier(stmt, 4, 6), earlier(stmt, 5, 7), nilo_db_column_int(stmt, 8)};
    c->all[c->n++] = (struct nilo__change){.entity = w->values.items[w->first + i],
                                           .win = w->values.wins[w->first + i],
                                           .day = (int32_t)nilo_db_column_int(stmt, 0),
                                           .metric = (int32_t)nilo_db_column_int(stmt, 1),
                                           .new_value = nilo_db_column_int(stmt, 2),
                                           .new_state = nilo__state_of((enum nilo_absence)nilo_db_column_int(stmt, 3))};
    return 0;
}

/* Is cell i what its metric stood at, for whoever asks as of a moment after the last day was over? Not where a later one that stays was known
 * by then already. What came late or was corrected since does not hide what was known before. */
static bool stands(const struct cells *c, size_t i, size_t end, nilo_us over)
{
    const struct nilo__change *all = c->all;
    bool value = all[i].new_state == NILO__VALUE || (c->known[i].first != NILO_US_NONE && c->known[i].last > over);
    nilo_us from = c->known[i].first > over ? c->known[i].first : over;
    for (size_t k = i + 1; k < end && value; k++)
        value = !(c->keep[k] && all[k].metric == all[i].metric && all[k].new_state == NILO__VALUE && c->known[k].last <= from);
    return value;
}

/* An item exists for whoever asks as of a moment at which one of its cells was read: at every such moment one that stays is. */
static void keep_read(const struct cells *c, size_t begin, size_t end, nilo_us over)
{
    nilo_us since = INT64_MAX; /* since when one that stays is a reading for good */
    for (size_t i = begin; i < end; i++)
        if (c->keep[i] && c->all[i].new_state >= NILO__DEFINITIVE && c->known[i].last < since)
            since = c->known[i].last;
    for (size_t i = begin; i < end; i++) {
        nilo_us from = c->known[i].read > over ? c->known[i].read : over;
        if (c->keep[i] || c->known[i].read == NILO_US_NONE || since <= from)
            continue;
        c->keep[i] = true;
        if (c->all[i].new_state >= NILO__DEFINITIVE && c->known[i].last < since)
            since = c->known[i].last;
    }
}

/* The cells of one window, begin to end, ascending (day, metric). */
static void choose(const struct cells *c, size_t begin, size_t end, nilo_us over)
{
    const struct nilo__change *all = c->all;
    size_t first = begin, last = end;
    while (first < end && all[first].new_state < NILO__DEFINITIVE)
        first++;
    while (last > first && all[last - 1].new_state < NILO__DEFINITIVE)
        last--;
    if (first < end) {
        c->keep[first] = true;
        for (size_t i = begin; i < end; i++)
            c->keep[i] = c->keep[i] || all[i].day == all[last - 1].day;
    }
    for (size_t i = end; i-- > begin;)
        c->keep[i] = c->keep[i] || stands(c, i, end, over);
    keep_read(c, begin, end, over);
}

static bool same_win(const struct nilo__change *a, const struct nilo__change *b)
{
    return nilo__entity_cmp(a->entity, b->entity) == 0 && a->win == b->win;
}

static void choose_all(const struct cells *c, nilo_us over)
{
    for (size_t i = 0, n; i < c->n; i += n) {
        for (n = 1; i + n < c->n && same_win(&c->all[i], &c->all[i + n]); n++)
            ;
        choose(c, i, i + n, over);
    }
}

/* ---- totals -------------------------------------------------------------------------------------------------------------------- */

static const struct nilo_db_field sum_fields[] = {
    {"scope_kind", "smallint"}, {"scope_id", "bigint"}, {"win", "integer"}, {"metric_id", "integer"}, {"day", "integer"},
    {"workspace_id", "bigint"}, {"hi", "bigint"},       {"lo", "bigint"},   {"known", "bigint"},      {"fresh", "bigint"},
};
static const struct nilo_db_insert add_carried = {
    .table = "carried_total",
    .fields = sum_fields,
    .n_fields = 10,
    .conflict = "ON CONFLICT (scope_kind, scope_id, win, metric_id, day) DO UPDATE SET hi = carried_total.hi + excluded.hi, "
                "lo = carried_total.lo + excluded.lo, known = carried_total.known + excluded.known, fresh = carried_total.fresh + excluded.fresh",
};

struct carrying {
    const struct nilo__sum *sums;
    int64_t workspace;
};

static void sum_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct carrying *c = ctx;
    const struct nilo__sum *x = &c->sums[i];
    p[0] = NILO_DBV_INT(x->scope_kind);
    p[1] = NILO_DBV_INT(x->scope_id);
    p[2] = NILO_DBV_INT(x->win);
    p[3] = NILO_DBV_INT(x->metric);
    p[4] = NILO_DBV_INT(x->day);
    p[5] = NILO_DBV_INT(c->workspace);
    p[6] = NILO_DBV_INT(x->hi);
    p[7] = NILO_DBV_INT(x->lo);
    p[8] = NILO_DBV_INT(x->known);
    p[9] = NILO_DBV_INT(x->fresh);
}

static int write_carried(struct work *w, struct nilo__sums *t, struct nilo_err *err)
{
    size_t n = 0;
    for (size_t i = 0; i < t->cap; i++)
        if (t->slots[i].used && (t->slots[i].hi || t->slots[i].lo || t->slots[i].known || t->slots[i].fresh))
            t->slots[n++] = t->slots[i];
    return n == 0 ? 0 : nilo_db_insert(w->s->db, &add_carried, n, sum_params, &(struct carrying){t->slots, w->workspace}, err);
}

/* all minus kept; the cells are sorted anew in the course of it, so they come as copies. */
static int carry(struct work *w, struct nilo__change *all, size_t n, struct nilo__change *kept, size_t n_kept, struct nilo_err *err)
{
    struct nilo__sums before = {0}, after = {0};
    struct nilo__fresh ignored = {0};
    struct nilo_arena arena;
    nilo_arena_init(&arena, 0);
    int rc = nilo__derive_fresh(w->s, all, n, &before, &ignored, &arena, err);
    ignored = (struct nilo__fresh){0};
    if (rc == 0)
        rc = nilo__derive_fresh(w->s, kept, n_kept, &after, &ignored, &arena, err);
    if (rc == 0)
        rc = nilo__sums_take_away(&before, &after, err);
    if (rc == 0)
        rc = write_carried(w, &before, err);
    nilo_arena_done(&arena);
    free(before.slots);
    free(after.slots);
    return rc;
}

int nilo__carry_totals(struct nilo_store *s, int64_t workspace, struct nilo_err *err)
{
    return nilo__run(s, err,
                     "INSERT INTO total (bucket, scope_kind, scope_id, win, metric_id, day, hi, lo, known, fresh) "
                     "SELECT scope_id % 1024, scope_kind, scope_id, win, metric_id, day, hi, lo, known, fresh FROM carried_total "
                     "WHERE CAST(?1 AS bigint) IN (0, workspace_id)",
                     NILO__PARAMS(NILO_DBV_INT(workspace)));
}

/* ---- a chunk of windows ------------------------------------------------------------------------------------------------------------ */

static void win_params(const struct wins *wins, size_t i, int32_t until, struct nilo_db_value *p)
{
    p[0] = NILO_DBV_INT(wins->items[i].bucket);
    p[1] = NILO_DBV_INT(wins->items[i].id);
    p[2] = NILO_DBV_INT(wins->wins[i]);
    p[3] = NILO_DBV_INT(until);
}
static void value_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct work *w = ctx;
    win_params(&w->values, w->first + i, w->until, p);
}
static void reading_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct work *w = ctx;
    win_params(&w->readings, i, w->until, p);
    p[4] = NILO_DBV_INT(w->over);
}
static void hidden_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct work *w = ctx;
    win_params(&w->readings, i, w->until, p);
}
static void gone_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct nilo__change *c = &((const struct nilo__change *)ctx)[i];
    p[0] = NILO_DBV_INT(c->entity.bucket);
    p[1] = NILO_DBV_INT(c->entity.id);
    p[2] = NILO_DBV_INT(c->win);
    p[3] = NILO_DBV_INT(c->day);
    p[4] = NILO_DBV_INT(c->metric);
}

/* What goes is moved to the end of the list of all, what stays to its front; returns how many stay. */
static size_t part(const struct cells *c, struct nilo__change *to)
{
    size_t kept = 0, gone = c->n;
    for (size_t i = 0; i < c->n; i++)
        to[c->keep[i] ? kept++ : --gone] = c->all[i];
    return kept;
}

static int drop_cells(struct work *w, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct cells *c = &w->cells;
    struct nilo__change *parted = malloc((c->n + 1) * sizeof *parted);
    if (parted == NULL)
        return nilo_err_nomem(err);
    choose_all(c, w->over);
    size_t kept = part(c, parted);
    int rc = nilo_db_prepare(w->s->db, "DELETE FROM day_value WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day = ?4 AND metric_id = ?5", &stmt, err);
    if (rc == 0)
        rc = nilo_db_many(stmt, c->n - kept, 5, gone_params, NULL, parted + kept, err);
    if (rc == 0)
        rc = carry(w, c->all, c->n, parted, kept, err);
    free(parted);
    return rc;
}

/* Of a cell whose base was replaced before its day closed, the readings tell what was shown before. */
#define SINCE(table, is)                                                                                               \
    "(SELECT min(f.recorded_at) FROM " table " f WHERE f.bucket = v.bucket AND f.entity_id = v.entity_id AND f.win = v.win AND "   \
    "f.day = v.day AND f.metric_id = v.metric_id AND " is ")"

/* The shown cells of n windows from w->first on. */
static int load_cells(struct work *w, size_t n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    w->cells.n = 0;
    if (nilo_db_prepare(w->s->db,
                        "SELECT v.day, v.metric_id, v.value, v.absence, " SINCE("day_value", "f.value IS NOT NULL") ", " SINCE("day_value", "f.absence <= 3")
                        ", " SINCE("observation", "f.value IS NOT NULL") ", " SINCE("observation", "f.absence <= 3")
                        ", v.recorded_at FROM day_value v WHERE v.bucket = ?1 AND v.entity_id = ?2 AND v.win = ?3 AND v.day <= ?4 AND " NILO__SHOWN
                        " ORDER BY v.day, v.metric_id",
                        &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, n, 4, value_params, cell_row, w, err);
}

static int drop_values(struct work *w, struct nilo_err *err)
{
    size_t n;
    for (w->first = 0; w->first < w->values.n; w->first += n) {
        n = w->values.n - w->first < STEP_WINS ? w->values.n - w->first : STEP_WINS;
        if (load_cells(w, n, err) < 0)
            return -1;
        if (w->cells.n > 0 && drop_cells(w, err) < 0)
            return -1;
    }
    return 0;
}

/* What the best of the items came to; corrections are looked up in the days' values, so this comes before these go. */
static int keep_best(struct work *w, struct nilo_err *err)
{
    const struct wins *r = &w->readings;
    for (size_t i = 0; i < r->n;) {
        size_t n = r->n - i < STEP_WINS ? r->n - i : STEP_WINS;
        if (nilo__best_floors(w->s, r->items + i, r->wins + i, n, w->until, err) < 0)
            return -1;
        i += n;
    }
    return 0;
}

/* Of cells that are left, the readings that were shown when the act's last day was over stay where the base came later than that. */
static int drop_readings(struct work *w, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(w->s->db, "DELETE FROM hidden_row WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day <= ?4", &stmt, err) < 0 ||
        nilo_db_many(stmt, w->readings.n, 4, hidden_params, NULL, w, err) < 0 ||
        nilo_db_prepare(w->s->db, "DELETE FROM posted_run WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day <= ?4", &stmt, err) < 0 ||
        nilo_db_many(stmt, w->readings.n, 4, hidden_params, NULL, w, err) < 0 ||
        nilo_db_prepare(w->s->db,
                        "DELETE FROM observation WHERE bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day <= ?4 AND NOT EXISTS (SELECT 1 FROM ("
                        "SELECT min(v.recorded_at) AS at FROM day_value v WHERE v.bucket = observation.bucket AND v.entity_id = observation.entity_id "
                        "AND v.win = observation.win AND v.day = observation.day AND v.metric_id = observation.metric_id) x "
                        "WHERE x.at > ?5 AND x.at > observation.recorded_at)",
                        &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, w->readings.n, 5, reading_params, NULL, w, err);
}

/* ---- an act --------------------------------------------------------------------------------------------------------------------------- */

static int count_values(struct work *w, int64_t *ret, struct nilo_err *err)
{
    return nilo__query_int(w->s, 0, ret, err,
                           NILO__WINDOWS("day_value") "SELECT count(*) FROM item i JOIN day_value v ON v.bucket = i.bucket AND v.entity_id = i.entity_id "
                           "AND v.win = i.win WHERE v.day BETWEEN ?2 AND ?3",
                           NILO__PARAMS(NILO_DBV_INT(w->how->connection), NILO_DBV_INT(w->from), NILO_DBV_INT(w->until)));
}

/* It comes first: it is what the triggers let the days go by. Its number is of the closings: one order of acts. */
static int record_act(struct work *w, int64_t values, struct nilo_err *err)
{
    int64_t n;
    if (nilo__next_ids(w->s, "close", 1, &n, err) < 0)
        return -1;
    return nilo__run(w->s, err,
                     "INSERT INTO day_drop (connection_id, until_day, from_day, n, values_n, author, dropped_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                     NILO__PARAMS(NILO_DBV_INT(w->how->connection), NILO_DBV_INT(w->until), NILO_DBV_INT(w->from), NILO_DBV_INT(n),
                                  NILO_DBV_INT(values), NILO_DBV_TEXT(w->how->author), NILO_DBV_INT(w->s->env.clock.wall(w->s->env.clock.ctx))));
}

static int drop_days(struct work *w, int64_t values, struct nilo_err *err)
{
    w->values.n = w->readings.n = 0;
    if (record_act(w, values, err) < 0 || load_wins(w, WINS_OF("day_value"), &w->values, err) < 0 ||
        load_wins(w, WINS_OF("observation"), &w->readings, err) < 0)
        return -1;
    if (nilo__bests_forget(w->s, w->how->connection, w->until, err) < 0 || keep_best(w, err) < 0 || drop_values(w, err) < 0 || drop_readings(w, err) < 0 ||
        nilo__run(w->s, err, "DELETE FROM carried_total WHERE workspace_id = ?1 AND hi = 0 AND lo = 0 AND known = 0 AND fresh = 0",
                  NILO__PARAMS(NILO_DBV_INT(w->workspace))) < 0)
        return -1;
    if (nilo__app_days_drop(w->s, w->how->connection, w->until, err) < 0)
        return -1;
    return nilo__run(w->s, err, "UPDATE connection SET dropped_until = ?2 WHERE id = ?1",
                     NILO__PARAMS(NILO_DBV_INT(w->how->connection), NILO_DBV_INT(w->until)));
}

static int drop_step(struct work *w, struct nilo_dropped *ret, struct nilo_err *err)
{
    int64_t values;
    if (nilo_store_begin(w->s, err) < 0)
        return -1;
    (void)nilo_store_catalog(w->s); /* loaded before the rest: statements run one at a time */
    if (count_values(w, &values, err) < 0 || (!w->how->dry_run && drop_days(w, values, err) < 0)) {
        nilo_store_rollback(w->s);
        return -1;
    }
    ret->days += w->until - w->from + 1;
    ret->values += values;
    if (!w->how->dry_run)
        return nilo_store_commit(w->s, err);
    nilo_store_rollback(w->s);
    return 0;
}

static int over_at(struct work *w, struct nilo_err *err)
{
    const struct nilo_calendar *calendar;
    if (nilo_store_calendar(w->s, w->workspace, &calendar, err) < 0)
        return -1;
    w->over = nilo_calendar_end(calendar, NILO_DAY(w->until));
    return 0;
}

/* The first of the days that are closed by an act, and of those before it that were filled in later. */
static int first_day(struct nilo_store *s, const struct nilo_connection *c, int64_t *ret, struct nilo_err *err)
{
    int64_t filled;
    *ret = (int64_t)c->dropped_until.n + 1;
    if (!nilo_day_is_none(c->dropped_until))
        return 0;
    if (nilo__query_int(s, INT32_MAX, ret, err, "SELECT min(day) FROM day_close WHERE connection_id = ?1", NILO__PARAMS(NILO_DBV_INT(c->id))) < 0 ||
        nilo__query_int(s, INT32_MAX, &filled, err,
                        NILO__WINDOWS("day_value") "SELECT min((SELECT min(v.day) FROM day_value v WHERE v.bucket = i.bucket AND v.entity_id = i.entity_id "
                        "AND v.win = i.win)) FROM item i WHERE i.win IS NOT NULL",
                        NILO__PARAMS(NILO_DBV_INT(c->id))) < 0)
        return -1;
    *ret = filled < *ret ? filled : *ret;
    return 0;
}

int nilo_store_drop(struct nilo_store *s, const struct nilo_drop *how, struct nilo_dropped *ret, struct nilo_err *err)
{
    struct nilo_connection c;
    struct nilo_dropped sum = {0};
    int64_t from;
    if (nilo_store_connection_get(s, how->connection, &c, err) < 0 || first_day(s, &c, &from, err) < 0)
        return -1;
    int64_t until = how->until.n < c.closed_until.n ? how->until.n : c.closed_until.n;
    struct work w = {.s = s, .how = how, .workspace = c.workspace};
    int rc = 0;
    for (; from <= until && rc == 0; from = (int64_t)w.until + 1) {
        w.from = (int32_t)from;
        w.until = (int32_t)(from + STEP - 1 < until ? from + STEP - 1 : until);
        rc = over_at(&w, err) == 0 ? drop_step(&w, &sum, err) : -1;
    }
    free(w.values.items);
    free(w.values.wins);
    free(w.readings.items);
    free(w.readings.wins);
    free(w.cells.all);
    free(w.cells.known);
    free(w.cells.keep);
    if (rc == 0)
        *ret = sum;
    return rc;
}

/* ---- which days are gone -------------------------------------------------------------------------------------------------------------------- */

static void of_total(enum nilo_total_scope kind, int64_t id, struct nilo_buf *sql)
{
    static const char *const of[] = {" AND c.workspace_id = ?1 AND " NILO__OWN("c"), " AND c.id = ?1",
                                     (" AND " NILO__OWN("c") " AND c.id IN (SELECT e.connection_id FROM credit cr JOIN entity e ON e.bucket = cr.bucket AND e.id = cr.entity_id "
                                     "WHERE cr.owner_id = ?1)")};
    if (id != 0)
        nilo_buf_adds(sql, of[kind]);
}

int nilo_store_dropped(struct nilo_store *s, const struct nilo_scope *scope, enum nilo_total_scope kind, int64_t id,
                       struct nilo_drop_days **ret, size_t *ret_n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo_drop_days *all = NULL;
    struct nilo_buf sql;
    size_t n = 0;
    int got;
    nilo_buf_init(&sql, 64 << 10);
    nilo_buf_adds(&sql, "SELECT c.id, (SELECT min(d.from_day) FROM day_drop d WHERE d.connection_id = c.id), c.dropped_until FROM connection c "
                        "WHERE c.dropped_until > -2147483648");
    of_total(kind, id, &sql);
    nilo__scope_sql(scope, "c.workspace_id", &sql);
    nilo_buf_adds(&sql, " ORDER BY c.id");
    const struct nilo_db_value p = NILO_DBV_INT(id);
    int rc = sql.failed ? nilo_err_nomem(err) : nilo_store_scope(s, scope, err);
    if (rc == 0)
        rc = nilo__query(s, &stmt, err, nilo_buf_str(&sql), id != 0, &p);
    nilo_buf_done(&sql);
    if (rc < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        struct nilo_drop_days *more = realloc(all, (n + 1) * sizeof *more);
        if (more == NULL) {
            nilo_db_reset(stmt);
            free(all);
            return nilo_err_nomem(err);
        }
        all = more;
        all[n++] = (struct nilo_drop_days){nilo_db_column_int(stmt, 0), NILO_DAY((int32_t)nilo_db_column_int(stmt, 1)),
                                           NILO_DAY((int32_t)nilo_db_column_int(stmt, 2))};
    }
    if (got < 0) {
        free(all);
        return -1;
    }
    *ret = all;
    *ret_n = n;
    return 0;
}
