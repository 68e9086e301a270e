/* What the tables of a store hold against what the naive model says, row by row. */
#include "store/walk_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void walk_look_up(struct walk *w)
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

int walk_entity_of(const struct walk *w, int64_t id)
{
    for (int e = 0; e < N_ENTITIES; e++)
        if (w->refs[e].id == id)
            return e;
    return -1;
}
int walk_metric_of(const struct walk *w, int64_t id)
{
    for (int i = 0; i < N_METRICS; i++)
        if (w->model.metrics[i].id == id)
            return i;
    return -1;
}
int walk_win_of(int64_t win)
{
    return win == 0 ? 0 : win == 30 ? 1 : -1;
}

struct nilo_db_stmt *walk_ask(struct walk *w, const char *sql)
{
    struct nilo_db_stmt *stmt = NULL;
    struct stores *s = w->stores;
    ok(s, nilo_db_prepare(nilo_store_db(s->store), sql, &stmt, &s->err));
    ok(s, nilo_db_query(stmt, NULL, 0, &s->err));
    return stmt;
}

const char *walk_name_of(const struct walk *w, int e, int win, int metric, int32_t day)
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
    const char *name = walk_name_of(w, e, win, metric, day);
    if (!s.is)
        return walk_differ(w, "%s: shown is %" PRId64 " of run %" PRId64 ", expected nothing", name, row[5], row[9]);
    const struct n_obs *o = s.obs;
    const int64_t expected[] = {s.seq, o->value, o->absence, o->provenance, s.cause, w->model.runs[o->run].id, o->captured_at};
    static const char *const columns[] = {"seq", "value", "absence", "provenance", "cause", "run", "captured_at"};
    for (int i = 0; i < 7; i++)
        if (expected[i] != row[4 + i])
            return walk_differ(w, "%s: shown %s is %" PRId64 ", expected %" PRId64, name, columns[i], row[4 + i], expected[i]);
    return true;
}

/* Every row of the record comes by in key order; the last seq of a key is shown. */
static bool compare_cells(struct walk *w)
{
    int64_t row[CELL_COLUMNS], last[CELL_COLUMNS] = {0};
    int64_t shown = 0, expected = 0, amendments = 0;
    struct nilo_db_stmt *stmt = walk_ask(w, "SELECT entity_id, win, day, metric_id, seq, COALESCE(value, 0), absence, provenance, cause, run_id, "
                                       "captured_at FROM day_value ORDER BY bucket, entity_id, win, day, metric_id, seq");
    bool fine = true;
    for (int got; fine;) {
        got = nilo_db_row(stmt, &w->stores->err);
        for (int i = 0; i < CELL_COLUMNS; i++)
            row[i] = got == 1 ? nilo_db_column_int(stmt, i) : 0;
        if (last[0] && memcmp(row, last, 4 * sizeof *row) != 0) {
            int e = walk_entity_of(w, last[0]), win = walk_win_of(last[1]), metric = walk_metric_of(w, last[3]);
            shown++;
            fine = e < 0 || win < 0 || metric < 0 ? walk_differ(w, "a cell of an unknown item") : same_cell(w, last, e, win, metric, (int32_t)last[2]);
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
        return walk_differ(w, "%" PRId64 " amendments, expected %d", amendments, m->n_amendments);
    return fine && (shown == expected || walk_differ(w, "%" PRId64 " cells are shown, expected %" PRId64, shown, expected));
}

static bool compare_observations(struct walk *w)
{
    struct nilo_db_stmt *stmt = walk_ask(w, "SELECT count(*), sum(day), sum(captured_at % 1000000007), sum(value % 1000000007) FROM observation");
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
            fine = walk_differ(w, "observations: figure %d is %" PRId64 ", expected %" PRId64, i, got, expected[i]);
    }
    nilo_db_reset(stmt);
    return fine;
}

static bool compare_known(struct walk *w)
{
    const struct naive *m = &w->model;
    int64_t expected = 0, got = 0;
    struct nilo_db_stmt *stmt = walk_ask(w, "SELECT entity_id, win, metric_id, day, value FROM known");
    bool fine = true;
    for (; fine && nilo_db_row(stmt, &w->stores->err) == 1; got++) {
        int e = walk_entity_of(w, nilo_db_column_int(stmt, 0)), win = walk_win_of(nilo_db_column_int(stmt, 1)), metric = walk_metric_of(w, nilo_db_column_int(stmt, 2));
        int32_t day = (int32_t)nilo_db_column_int(stmt, 3), d = m->first_day + m->n_days - 1;
        struct n_shown s = {.is = false};
        for (; d >= m->first_day; d--) {
            s = *naive_seen(m, e, win, metric, d);
            if (s.is && s.obs->absence == NILO_PRESENT)
                break;
        }
        if (d != day || nilo_db_column_int(stmt, 4) != s.obs->value)
            fine = walk_differ(w, "%s: known is %" PRId64 " of day %d", walk_name_of(w, e, win, metric, d), nilo_db_column_int(stmt, 4), day);
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
    return fine && (got == expected || walk_differ(w, "%" PRId64 " known values, expected %" PRId64, got, expected));
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
    struct nilo_db_stmt *stmt = walk_ask(w, "SELECT entity_id, win, first_day, day FROM latest");
    bool fine = true;
    for (; fine && nilo_db_row(stmt, &w->stores->err) == 1; got++) {
        int e = walk_entity_of(w, nilo_db_column_int(stmt, 0)), win = walk_win_of(nilo_db_column_int(stmt, 1));
        days_read(&w->model, e, win, &first, &last);
        if (first != nilo_db_column_int(stmt, 2) || last != nilo_db_column_int(stmt, 3))
            fine = walk_differ(w, "%s: latest is %" PRId64 " to %" PRId64 ", expected %d to %d", walk_name_of(w, e, win, -1, last),
                          nilo_db_column_int(stmt, 2), nilo_db_column_int(stmt, 3), first, last);
    }
    nilo_db_reset(stmt);
    for (int i = 0; i < N_ENTITIES * N_WINS; i++) {
        days_read(&w->model, i / N_WINS, i % N_WINS, &first, &last);
        expected += first != INT32_MIN;
    }
    return fine && (got == expected || walk_differ(w, "%" PRId64 " rows of latest, expected %" PRId64, got, expected));
}

static bool compare_best(struct walk *w)
{
    static struct n_best best[N_ENTITIES][N_METRICS];
    int64_t expected = 0, got = 0;
    naive_best(&w->model, best);
    for (int i = 0; i < N_ENTITIES * N_METRICS; i++)
        expected += best[i / N_METRICS][i % N_METRICS].obs >= 0;
    struct nilo_db_stmt *stmt = walk_ask(w, "SELECT entity_id, metric_id, value, gmv, win, day, captured_at, run_id FROM best");
    bool fine = true;
    for (; fine && nilo_db_row(stmt, &w->stores->err) == 1; got++) {
        int e = walk_entity_of(w, nilo_db_column_int(stmt, 0)), metric = walk_metric_of(w, nilo_db_column_int(stmt, 1));
        const struct n_best *b = &best[e][metric];
        if (b->obs < 0) {
            fine = walk_differ(w, "%s: best is %" PRId64 ", expected none", walk_name_of(w, e, 0, metric, 0), nilo_db_column_int(stmt, 2));
            break;
        }
        const struct n_obs *o = &w->model.obs[b->obs];
        const int64_t want[] = {o->value, b->gmv, naive_wins[o->win], o->day, o->captured_at, w->model.runs[o->run].id};
        static const char *const columns[] = {"value", "gmv", "window", "day", "captured_at", "run"};
        for (int i = 0; i < 6 && fine; i++)
            if (want[i] != nilo_db_column_int(stmt, 2 + i))
                fine = walk_differ(w, "%s: best %s is %" PRId64 ", expected %" PRId64, walk_name_of(w, e, o->win, metric, o->day), columns[i],
                              nilo_db_column_int(stmt, 2 + i), want[i]);
        if (fine && b->has_gmv == nilo_db_column_null(stmt, 3))
            fine = walk_differ(w, "%s: best has %s gmv", walk_name_of(w, e, o->win, metric, o->day), b->has_gmv ? "no" : "a");
    }
    nilo_db_reset(stmt);
    return fine && (got == expected || walk_differ(w, "%" PRId64 " bests, expected %" PRId64, got, expected));
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
            fine = walk_differ(w, "total of %s %d, %s window %d, day %d: sum %s items %" PRId64 " fresh %" PRId64 ", expected sum %s items %" PRId64
                             " fresh %" PRId64,
                          kind == 0 ? "workspace" : kind == 1 ? "connection" : "owner", scope, metric < 0 ? "items" : m->metrics[metric].name,
                          naive_wins[win], m->first_day + d, got, items, fresh, want, out[d].items, out[d].fresh);
    }
    free(out);
    return fine && (at == n || walk_differ(w, "total: a row of day %" PRId64 ", which is no day of this world", rows[at].day));
}

static bool compare_totals(struct walk *w)
{
    const int n_scopes[] = {N_WORKSPACES, N_CONNS, N_OWNERS};
    const struct naive *m = &w->model;
    size_t n = 0, cap = 0, at = 0, used = 0;
    struct total_row *rows = NULL;
    struct nilo_db_stmt *stmt = walk_ask(w, "SELECT scope_kind, scope_id, win, metric_id, day, hi, lo, known, fresh FROM total ORDER BY 1, 2, 3, 4, 5");
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
            walk_differ(w, "total: a row of zeros");
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
                    fine = compare_total(w, kind, scope, win, metric, rows ? rows + at : NULL, end - at);
                }
    free(rows);
    return fine && (used == n || walk_differ(w, "total: %zu rows of unknown scopes", n - used));
}

static bool compare_closed(struct walk *w)
{
    const struct naive *m = &w->model;
    bool fine = true;
    for (int c = 0; c < N_CONNS && fine; c++) {
        struct nilo_connection got;
        fine = walk_done(w, nilo_store_connection_get(w->stores->store, w->conns[c].id, &got, &w->stores->err), "a connection");
        if (fine && (got.closed_until.n != m->conns[c].closed_until || got.read_until.n != m->conns[c].read_until))
            fine = walk_differ(w, "\"%s\" is closed until %d, expected %d", got.name, got.closed_until.n, m->conns[c].closed_until);
    }
    struct nilo_db_stmt *stmt = walk_ask(w, "SELECT connection_id, day, status, values_n FROM day_close ORDER BY n");
    int i = 0;
    for (; fine && nilo_db_row(stmt, &w->stores->err) == 1; i++) {
        const struct n_closed *k = &m->closed[i];
        bool there = i < m->n_closed && nilo_db_column_int(stmt, 0) == w->conns[k->conn].id && nilo_db_column_int(stmt, 1) == k->day;
        if (!there || strcmp(nilo_db_column_text(stmt, 2), k->status) != 0 || nilo_db_column_int(stmt, 3) != k->values)
            fine = walk_differ(w, "close %d: connection %" PRId64 " day %" PRId64 " %s with %" PRId64 " values, expected \"%s\" day %d %s %d", i,
                          nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1), nilo_db_column_text(stmt, 2), nilo_db_column_int(stmt, 3),
                          i < m->n_closed ? w->conns[k->conn].name : "", i < m->n_closed ? k->day : 0, i < m->n_closed ? k->status : "",
                          i < m->n_closed ? k->values : 0);
    }
    nilo_db_reset(stmt);
    return fine && (i == m->n_closed || walk_differ(w, "%d days closed, expected %d", i, m->n_closed));
}

bool walk_compare(struct walk *w)
{
    walk_look_up(w);
    naive_look(&w->model);
    return compare_cells(w) && compare_observations(w) && compare_known(w) && compare_latest(w) && compare_best(w) && compare_totals(w) &&
           compare_closed(w) && walk_compare_kernels(w) && walk_compare_as_of(w) && walk_compare_ways(w);
}

bool walk_rebuild(struct walk *w)
{
    char before[65], after[65];
    struct stores *s = w->stores;
    if (!walk_done(w, nilo_store_digest(s->store, before, &s->err), "digest") || !walk_done(w, nilo_store_rebuild(s->store, NULL, NULL, &s->err), "rebuild") ||
        !walk_done(w, nilo_store_digest(s->store, after, &s->err), "digest"))
        return false;
    return strcmp(before, after) == 0 || walk_differ(w, "rebuild changed the derived rows: %s, then %s", before, after);
}

/* Whatever was done through the store, verify finds nothing wrong with it. */
bool walk_verify(struct walk *w)
{
    return walk_done(w, nilo_store_verify(w->stores->store, NULL, NULL, &w->stores->err), "verify");
}
