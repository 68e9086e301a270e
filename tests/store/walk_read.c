/* scan and totals against the naive model: random selections of now, and what was shown at earlier moments. */
#include "store/walk_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct kept {
    bool is;
    int64_t value;
    enum nilo_absence absence;
    enum nilo_provenance provenance;
    nilo_us captured_at;
};

static struct kept kept_of(const struct n_shown *s)
{
    if (!s->is)
        return (struct kept){.is = false};
    return (struct kept){true, s->obs->value, s->obs->absence, s->obs->provenance, s->obs->captured_at};
}

/* ---- scan -------------------------------------------------------------------------------------------------------------- */

struct scanning {
    struct walk *w;
    const struct nilo_select *sel;
    const struct kept *then; /* NULL: now */
    bool (*left_out)(struct scanning *x, int cell);
    struct nilo_scan_row last;
    int n;
};

static int order_of(const struct nilo_scan_row *a, const struct nilo_scan_row *b)
{
    const int64_t x[] = {a->entity.bucket, a->entity.id, a->day.n, a->metric}, y[] = {b->entity.bucket, b->entity.id, b->day.n, b->metric};
    for (int i = 0; i < 4; i++)
        if (x[i] != y[i])
            return x[i] < y[i] ? -1 : 1;
    return 0;
}

static bool credited(const struct naive *m, int e, int owner, int32_t day)
{
    for (int i = 0; i < m->n_credits; i++) {
        const struct n_credit *c = &m->credits[i];
        if (!c->ended && c->entity == e && c->owner == owner && c->from <= day && day <= c->to)
            return true;
    }
    return false;
}

static bool selected(const struct walk *w, const struct nilo_select *sel, int e, int metric, int32_t day)
{
    const struct n_entity *n = &w->model.entities[e];
    const struct n_conn *c = &w->model.conns[n->conn];
    for (int o = 0; o < N_OWNERS && sel->owner; o++)
        if (w->owners[o] == sel->owner && !credited(&w->model, e, o, day))
            return false;
    return (!sel->workspace || w->workspaces[c->workspace] == sel->workspace) && (!sel->connection || w->conns[n->conn].id == sel->connection) &&
           (!sel->platform || strcmp(c->platform, sel->platform) == 0) &&
           (!sel->external_id || strcmp(n->external_id, sel->external_id) == 0) && (sel->kind < 0 || (int)n->kind == sel->kind) &&
           (!sel->metric || w->model.metrics[metric].id == sel->metric) && (nilo_day_is_none(sel->from) || day >= sel->from.n) &&
           (nilo_day_is_none(sel->to) || day <= sel->to.n);
}

static int take_row(void *ctx, const struct nilo_scan_row *row)
{
    struct scanning *x = ctx;
    struct walk *w = x->w;
    int e = walk_entity_of(w, row->entity.id), metric = walk_metric_of(w, row->metric), win = walk_win_of(x->sel->win);
    if (e < 0 || metric < 0 || !selected(w, x->sel, e, metric, row->day.n))
        return walk_differ(w, "scan: a row that was not asked for") ? 0 : 1;
    const char *name = walk_name_of(w, e, win, metric, row->day.n);
    const struct n_shown *s = naive_seen(&w->model, e, win, metric, row->day.n);
    int cell = (int)(s - w->model.shown);
    if (x->n && order_of(&x->last, row) >= 0)
        return walk_differ(w, "scan: %s comes out of order", name) ? 0 : 1;
    x->last = *row;
    if (x->left_out && x->left_out(x, cell))
        return 0;
    x->n++;
    struct kept k = x->then ? x->then[cell] : kept_of(s);
    if (!k.is || k.value != row->value || k.absence != row->absence || k.provenance != row->provenance || k.captured_at != row->captured_at)
        return walk_differ(w, "scan%s: %s is %" PRId64 " (%s), expected %" PRId64 " (%s)", x->then ? " as of then" : "", name, row->value,
                           nilo_absence_name((int)row->absence), k.is ? k.value : -1, k.is ? nilo_absence_name((int)k.absence) : "nothing")
                   ? 0
                   : 1;
    if (row->connection != w->conns[w->model.entities[e].conn].id ||
        row->workspace != w->workspaces[w->model.conns[w->model.entities[e].conn].workspace])
        return walk_differ(w, "scan: %s has another connection", name) ? 0 : 1;
    return 0;
}

static bool scan(struct scanning *x)
{
    struct walk *w = x->w;
    const struct naive *m = &w->model;
    struct nilo_scope all = NILO_SCOPE_ALL;
    int expected = 0, win = walk_win_of(x->sel->win);
    int rc = nilo_store_scan(w->stores->store, &all, x->sel, take_row, x, &w->stores->err);
    if (rc < 0)
        return walk_differ(w, "scan failed: %s", w->stores->err.msg);
    if (rc > 0)
        return false;
    for (int e = 0; e < N_ENTITIES; e++)
        for (int i = 0; i < N_METRICS * m->n_days; i++) {
            int cell = (e * N_WINS + win) * N_METRICS * m->n_days + i;
            struct kept k = x->then ? x->then[cell] : kept_of(&m->shown[cell]);
            expected += k.is && selected(w, x->sel, e, i / m->n_days, m->first_day + i % m->n_days) && !(x->left_out && x->left_out(x, cell));
        }
    return x->n == expected || walk_differ(w, "scan%s gave %d rows, expected %d", x->then ? " as of then" : "", x->n, expected);
}

static bool scan_now(struct walk *w)
{
    const struct naive *m = &w->model;
    int e = (int)nilo_random_below(&w->looks, N_ENTITIES);
    uint64_t mask = nilo_random_u64(&w->looks) & nilo_random_u64(&w->looks); /* a quarter of the conditions */
    int32_t from = m->first_day + (int32_t)nilo_random_below(&w->looks, (uint64_t)m->n_days);
    struct nilo_select sel = {.kind = -1, .win = naive_wins[mask >> 20 & 1], .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = NILO_US_NONE};
    if (mask & 1)
        sel.workspace = w->workspaces[m->conns[m->entities[e].conn].workspace];
    if (mask & 2)
        sel.connection = w->conns[m->entities[e].conn].id;
    if (mask & 4)
        sel.owner = w->owners[nilo_random_below(&w->looks, N_OWNERS)];
    if (mask & 8)
        sel.platform = m->conns[m->entities[e].conn].platform;
    if (mask & 16)
        sel.external_id = m->entities[e].external_id;
    if (mask & 32)
        sel.kind = (int)m->entities[e].kind;
    if (mask & 64)
        sel.metric = m->metrics[nilo_random_below(&w->looks, N_METRICS)].id;
    if (mask & 128)
        sel.from = NILO_DAY(from);
    if (mask & 256)
        sel.to = NILO_DAY(from + (int32_t)nilo_random_below(&w->looks, 40));
    struct scanning x = {.w = w, .sel = &sel};
    return scan(&x);
}

/* ---- totals ---------------------------------------------------------------------------------------------------------------- */

struct totalling {
    struct walk *w;
    struct n_total *metric, *items;
    bool level;
    int32_t from, last; /* last: of the row before, INT32_MIN */
    int rows;
};

/* Between two rows nothing moves: a level stays, a flow has nothing. */
static bool check_days(struct totalling *t, int32_t from, int32_t until)
{
    const struct naive *m = &t->w->model;
    for (int32_t day = from; day < until; day++) {
        int d = day - m->first_day;
        const struct n_total *is = &t->metric[d], *before = d > 0 ? &t->metric[d - 1] : &(struct n_total){0};
        int64_t items = d > 0 ? t->items[d - 1].items : 0;
        bool moved = t->items[d].items != items || is->fresh || (t->level && (is->sum != before->sum || is->items != before->items));
        if (moved)
            return walk_differ(t->w, "totals: day %d is left out", day);
    }
    return true;
}

static int take_total(void *ctx, const struct nilo_total_row *row)
{
    struct totalling *t = ctx;
    const struct naive *m = &t->w->model;
    int d = row->day.n - m->first_day;
    char got[NILO_DECIMAL_TEXT], want[NILO_DECIMAL_TEXT];
    if (d < 0 || d >= m->n_days || (t->last != INT32_MIN && row->day.n <= t->last))
        return walk_differ(t->w, "totals: day %d comes out of order", row->day.n) ? 0 : 1;
    if (t->rows == 1 && t->last < t->from && row->day.n < t->from)
        return walk_differ(t->w, "totals: two days before the first one asked for") ? 0 : 1;
    if (t->last != INT32_MIN && !check_days(t, t->last + 1, row->day.n))
        return 1;
    const struct n_total *is = &t->metric[d];
    int64_t known = t->level ? is->items : is->fresh;
    nilo_decimal_format(row->sum, 0, false, got);
    nilo_decimal_format(is->sum, 0, false, want);
    if (row->sum != is->sum || row->items != t->items[d].items || row->known != known || row->fresh != is->fresh)
        return walk_differ(t->w, "totals, day %d: sum %s items %" PRId64 " known %" PRId64 " fresh %" PRId64 ", expected %s, %" PRId64 ", %" PRId64
                                 ", %" PRId64,
                           row->day.n, got, row->items, row->known, row->fresh, want, t->items[d].items, known, is->fresh)
                   ? 0
                   : 1;
    t->last = row->day.n;
    t->rows++;
    return 0;
}

static bool totals_now(struct walk *w)
{
    const int n_scopes[] = {N_WORKSPACES, N_CONNS, N_OWNERS};
    const struct naive *m = &w->model;
    struct nilo_scope all = NILO_SCOPE_ALL;
    int kind = (int)nilo_random_below(&w->looks, 3), scope = (int)nilo_random_below(&w->looks, (uint64_t)n_scopes[kind]);
    int win = (int)nilo_random_below(&w->looks, N_WINS), metric = (int)nilo_random_below(&w->looks, N_METRICS);
    int64_t id = kind == 0 ? w->workspaces[scope] : kind == 1 ? w->conns[scope].id : w->owners[scope];
    int32_t from = m->first_day + (int32_t)nilo_random_below(&w->looks, (uint64_t)m->n_days);
    int32_t to = from + (int32_t)nilo_random_below(&w->looks, (uint64_t)(m->first_day + m->n_days - from));
    bool open = nilo_random_below(&w->looks, 3) == 0;
    struct totalling t = {.w = w, .metric = calloc((size_t)m->n_days, sizeof *t.metric), .items = calloc((size_t)m->n_days, sizeof *t.items),
                          .level = m->metrics[metric].aggregation == NILO_LEVEL, .from = open ? m->first_day : from, .last = INT32_MIN};
    if (!t.metric || !t.items)
        abort();
    naive_total(m, kind, scope, win, metric, t.metric);
    naive_total(m, kind, scope, win, -1, t.items);
    int rc = nilo_store_totals(w->stores->store, &all, (enum nilo_total_scope)kind, id, naive_wins[win], m->metrics[metric].id,
                               open ? NILO_DAY_NONE : NILO_DAY(from), open ? NILO_DAY_NONE : NILO_DAY(to), take_total, &t, &w->stores->err);
    bool fine = rc == 0 || (rc < 0 && walk_differ(w, "totals failed: %s", w->stores->err.msg));
    if (fine)
        fine = check_days(&t, t.last == INT32_MIN ? m->first_day : t.last + 1, open ? m->first_day + m->n_days : to + 1);
    free(t.metric);
    free(t.items);
    return fine;
}

bool walk_compare_kernels(struct walk *w)
{
    for (int i = 0; i < 6; i++)
        if (!scan_now(w) || !totals_now(w))
            return false;
    return true;
}

/* ---- as of ------------------------------------------------------------------------------------------------------------------------ */

struct walk_kept {
    nilo_us at;
    struct kept *cells;
};

void walk_keep(struct walk *w)
{
    int n = N_ENTITIES * N_WINS * N_METRICS * w->model.n_days, slot = w->n_kept++ % WALK_KEPT;
    struct walk_kept *k = w->kept[slot];
    if (!k) {
        k = w->kept[slot] = calloc(1, sizeof *k);
        if (!k || !(k->cells = calloc((size_t)n, sizeof *k->cells)))
            abort();
    }
    naive_look(&w->model);
    for (int i = 0; i < n; i++)
        k->cells[i] = kept_of(&w->model.shown[i]);
    k->at = w->stores->clock.wall;
    nilo_virtual_clock_advance(&w->stores->clock, 1); /* what follows is later */
}

nilo_us walk_kept_at(const struct walk *w, int i)
{
    return w->kept[i] ? w->kept[i]->at : NILO_US_NONE;
}

void walk_forget(struct walk *w)
{
    for (int i = 0; i < WALK_KEPT; i++)
        if (w->kept[i]) {
            free(w->kept[i]->cells);
            free(w->kept[i]);
        }
}

/* A run accepted or rejected since then is looked at with today's eyes. */
static bool settled_since(struct scanning *x, int cell)
{
    const struct naive *m = &x->w->model;
    for (int i = m->cells[cell].obs; i >= 0; i = m->obs[i].next)
        if (m->runs[m->obs[i].run].settled_at > x->sel->as_of)
            return true;
    return false;
}

bool walk_compare_as_of(struct walk *w)
{
    for (int i = 0; i < WALK_KEPT; i++)
        for (int win = 0; win < N_WINS && w->kept[i]; win++) {
            struct nilo_select sel = {.kind = -1, .win = naive_wins[win], .from = NILO_DAY_NONE, .to = NILO_DAY_NONE, .as_of = w->kept[i]->at};
            struct scanning x = {.w = w, .sel = &sel, .then = w->kept[i]->cells, .left_out = settled_since};
            if (!scan(&x))
                return false;
        }
    return true;
}
