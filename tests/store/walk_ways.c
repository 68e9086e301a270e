/* One question, two ways: a scan that reads from a day on and looks up what stood before, against one that reads all days. */
#include "store/walk_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct rows {
    struct nilo_scan_row *rows;
    size_t n, cap;
};

static int keep_row(void *ctx, const struct nilo_scan_row *row)
{
    struct rows *r = ctx;
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 256;
        r->rows = realloc(r->rows, r->cap * sizeof *r->rows);
        if (!r->rows)
            abort();
    }
    r->rows[r->n] = *row;
    r->rows[r->n++].meta = NULL;
    return 0;
}

static bool same(const struct nilo_scan_row *a, const struct nilo_scan_row *b)
{
    return a->entity.bucket == b->entity.bucket && a->entity.id == b->entity.id && a->workspace == b->workspace && a->connection == b->connection &&
           a->day.n == b->day.n && a->metric == b->metric && a->value == b->value && a->absence == b->absence &&
           a->provenance == b->provenance && a->captured_at == b->captured_at;
}

/* Of the rows of an item before the day: which is the newest value, and which the newest definitive reading? Others go. */
static size_t fold(struct nilo_scan_row *rows, size_t n, int32_t from)
{
    size_t kept = 0;
    for (size_t i = 0; i < n;) {
        size_t end = i, value = SIZE_MAX, definitive = SIZE_MAX;
        for (; end < n && rows[end].entity.id == rows[i].entity.id && rows[end].entity.bucket == rows[i].entity.bucket; end++) {
            if (rows[end].day.n < from && rows[end].absence == NILO_PRESENT)
                value = end;
            if (rows[end].day.n < from && nilo_absence_definitive(rows[end].absence))
                definitive = end;
        }
        for (; i < end; i++)
            if (rows[i].day.n >= from || i == value || i == definitive)
                rows[kept++] = rows[i];
    }
    return kept;
}

static bool read_way(struct walk *w, struct nilo_select sel, struct rows *ret)
{
    const struct nilo_scope all = NILO_SCOPE_ALL;
    if (nilo_store_scan(w->stores->store, &all, &sel, keep_row, ret, &w->stores->err) == 0)
        return true;
    return walk_differ(w, "scan failed: %s", w->stores->err.msg);
}

static bool compare_ways(struct walk *w, struct nilo_select sel)
{
    struct rows all = {0}, from = {0};
    struct nilo_select every = sel;
    every.from = NILO_DAY_NONE;
    every.before = false;
    bool fine = read_way(w, every, &all) && read_way(w, sel, &from);
    size_t n = all.n ? fold(all.rows, all.n, sel.from.n) : 0, m = from.n ? fold(from.rows, from.n, sel.from.n) : 0;
    bool alike = n == m;
    for (size_t i = 0; fine && alike && i < n; i++)
        alike = same(&all.rows[i], &from.rows[i]);
    if (fine && !alike)
        fine = walk_differ(w, "scan from day %d%s: %zu rows, and %zu when all days are read, or other ones", sel.from.n,
                           sel.as_of == NILO_US_NONE ? "" : " as of then", m, n);
    free(all.rows);
    free(from.rows);
    return fine;
}

bool walk_compare_ways(struct walk *w)
{
    const struct naive *m = &w->model;
    for (int i = 0; i < 6; i++) {
        uint64_t mask = nilo_random_u64(&w->looks) & nilo_random_u64(&w->looks);
        const struct n_entity *e = &m->entities[nilo_random_below(&w->looks, N_ENTITIES)];
        int32_t from = m->first_day + (int32_t)nilo_random_below(&w->looks, (uint64_t)m->n_days);
        struct nilo_select sel = {.kind = -1, .win = naive_wins[nilo_random_below(&w->looks, N_WINS)], .from = NILO_DAY(from), .before = true,
                                  .to = NILO_DAY_NONE, .metric = m->metrics[nilo_random_below(&w->looks, N_METRICS)].id, .as_of = NILO_US_NONE};
        if (mask & 1)
            sel.connection = w->conns[e->conn].id;
        if (mask & 2)
            sel.owner = w->owners[nilo_random_below(&w->looks, N_OWNERS)];
        if (mask & 4)
            sel.platform = m->conns[e->conn].platform;
        if (mask & 8)
            sel.to = NILO_DAY(from + (int32_t)nilo_random_below(&w->looks, 40));
        if (i % 2)
            sel.as_of = walk_kept_at(w, (int)nilo_random_below(&w->looks, WALK_KEPT));
        if (!compare_ways(w, sel))
            return false;
    }
    return true;
}
