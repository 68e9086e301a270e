/* Is what is derived what a fresh derivation gives? Item by item through the code that rebuild uses, compared instead of written.
 *
 * Totals are not kept in memory for that, there may be as many as owners times days. They are sums, so a random linear fingerprint of
 * them can be summed as well: every number is weighed by a hash of its key under a random seed, once over the stored rows, once over
 * what the items add to them. Unequal totals give equal fingerprints with a chance of about 2^-32 at worst. */
#include <stdlib.h>
#include <string.h>

#include "store/rows/check.h"
#include "store/rows/derive_priv.h"

#define CHUNK_CELLS 50000 /* shown cells derived at a time */
#define CHUNK_ITEMS 2000
#define TOLD_MOST   1000 /* items named; more are counted in one finding */

enum what { KNOWN, LATEST, BEST, APP_DAYS, N_WHAT };
static const char *const whats[] = {
    "the newest known value is not the one that the record gives",
    "the first or newest day read is not the one that the record gives",
    "the all-time best is not the one that the record gives",
    "the days of the app's metric are not the ones that the record gives",
};

struct told {
    struct nilo_entity_ref entity;
    int32_t win, metric;
    enum what what;
};
/* Per scope kind and metric, for a finding that says more than "totals". */
struct print {
    int32_t kind, metric;
    uint64_t stored, fresh;
};
struct audit {
    struct nilo_store *s;
    uint64_t seed;
    struct print *prints;
    size_t n_prints, cap_prints;
    struct told *told;
    size_t n_told;
    int64_t untold;
    const struct nilo_entity_ref *items; /* of the chunk */
    const struct nilo__fresh *fresh;
    const struct nilo__candidate *best;
    size_t n_best, at; /* at: how far the comparison has come */
};

/* ---- totals -------------------------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t x)
{
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

static uint64_t weighed(const struct audit *a, const struct nilo__sum *x)
{
    const int64_t numbers[] = {x->hi, x->lo, x->known, x->fresh};
    uint64_t key = mix(a->seed ^ (uint64_t)x->scope_id), sum = 0;
    key = mix(key ^ ((uint64_t)(uint32_t)x->day << 32) ^ (uint32_t)x->metric);
    key = mix(key ^ ((uint64_t)(uint32_t)x->win << 32) ^ (uint32_t)x->scope_kind);
    for (unsigned i = 0; i < 4; i++)
        sum += mix(key + i) * (uint64_t)numbers[i];
    return sum;
}

static struct print *print_of(struct audit *a, int32_t kind, int32_t metric)
{
    for (size_t i = 0; i < a->n_prints; i++)
        if (a->prints[i].kind == kind && a->prints[i].metric == metric)
            return &a->prints[i];
    if (a->n_prints == a->cap_prints) {
        size_t cap = a->cap_prints ? 2 * a->cap_prints : 64;
        struct print *more = realloc(a->prints, cap * sizeof *more);
        if (more == NULL)
            return NULL;
        a->prints = more;
        a->cap_prints = cap;
    }
    a->prints[a->n_prints] = (struct print){.kind = kind, .metric = metric};
    return &a->prints[a->n_prints++];
}

static int add_sums(struct audit *a, struct nilo__sums *t, struct nilo_err *err)
{
    for (size_t i = 0; i < t->cap; i++) {
        struct nilo__sum *x = &t->slots[i];
        struct print *p = x->used ? print_of(a, x->scope_kind, x->metric) : NULL;
        if (p == NULL && x->used)
            return nilo_err_nomem(err);
        if (p != NULL)
            p->fresh += weighed(a, x);
    }
    return 0;
}

static int add_stored(struct audit *a, const char *sql, bool stored, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__query(a->s, &stmt, err, sql, 0, NULL) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        const struct nilo__sum x = {.scope_kind = (int32_t)nilo_db_column_int(stmt, 0),
                                    .scope_id = nilo_db_column_int(stmt, 1),
                                    .win = (int32_t)nilo_db_column_int(stmt, 2),
                                    .metric = (int32_t)nilo_db_column_int(stmt, 3),
                                    .day = (int32_t)nilo_db_column_int(stmt, 4),
                                    .hi = nilo_db_column_int(stmt, 5),
                                    .lo = nilo_db_column_int(stmt, 6),
                                    .known = nilo_db_column_int(stmt, 7),
                                    .fresh = nilo_db_column_int(stmt, 8)};
        struct print *p = print_of(a, x.scope_kind, x.metric);
        if (p == NULL) {
            nilo_db_reset(stmt);
            return nilo_err_nomem(err);
        }
        *(stored ? &p->stored : &p->fresh) += weighed(a, &x);
    }
    return got;
}

/* ---- known, latest, best ------------------------------------------------------------------------------------------------- */

static void tell(struct audit *a, enum what what, struct nilo_entity_ref e, int32_t win, int32_t metric)
{
    const struct told *last = a->n_told > 0 ? &a->told[a->n_told - 1] : NULL;
    if (last != NULL && last->what == what && nilo__entity_cmp(last->entity, e) == 0 && last->win == win && last->metric == metric)
        return;
    if (a->n_told == TOLD_MOST)
        a->untold++;
    else
        a->told[a->n_told++] = (struct told){.entity = e, .win = win, .metric = metric, .what = what};
}

static void tell_app_days(void *ctx, struct nilo_entity_ref e, int32_t metric)
{
    tell(ctx, APP_DAYS, e, 0, metric);
}

static void item_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct audit *a = ctx;
    p[0] = NILO_DBV_INT(a->items[i].bucket);
    p[1] = NILO_DBV_INT(a->items[i].id);
}

/* The fresh rows before the stored one are missing in the store; an equal key must hold the same. Both ascend. */
static int known_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    struct audit *a = ctx;
    int32_t win = (int32_t)nilo_db_column_int(stmt, 0), metric = (int32_t)nilo_db_column_int(stmt, 1);
    (void)err;
    for (; a->at < a->fresh->n_known; a->at++) {
        const struct nilo__head *h = &a->fresh->known[a->at];
        int c = nilo__entity_cmp(h->entity, a->items[i]);
        c = c != 0 ? c : h->win != win ? NILO__CMP(h->win, win) : NILO__CMP(h->metric, metric);
        if (c > 0)
            break;
        if (c < 0) {
            tell(a, KNOWN, h->entity, h->win, h->metric);
            continue;
        }
        if (h->day != nilo_db_column_int(stmt, 2) || h->value != nilo_db_column_int(stmt, 3))
            tell(a, KNOWN, h->entity, win, metric);
        a->at++;
        return 0;
    }
    tell(a, KNOWN, a->items[i], win, metric);
    return 0;
}

static int latest_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    struct audit *a = ctx;
    int32_t win = (int32_t)nilo_db_column_int(stmt, 0);
    (void)err;
    for (; a->at < a->fresh->n_latest; a->at++) {
        const struct nilo__read *r = &a->fresh->latest[a->at];
        int c = nilo__entity_cmp(r->entity, a->items[i]);
        c = c != 0 ? c : NILO__CMP(r->win, win);
        if (c > 0)
            break;
        if (c < 0) {
            tell(a, LATEST, r->entity, r->win, 0);
            continue;
        }
        if (r->first_day != nilo_db_column_int(stmt, 1) || r->day != nilo_db_column_int(stmt, 2))
            tell(a, LATEST, r->entity, win, 0);
        a->at++;
        return 0;
    }
    tell(a, LATEST, a->items[i], win, 0);
    return 0;
}

static bool same_best(const struct nilo__candidate *b, struct nilo_db_stmt *stmt)
{
    return b->value == nilo_db_column_int(stmt, 1) && b->has_gmv == !nilo_db_column_null(stmt, 2) &&
           (!b->has_gmv || b->gmv == nilo_db_column_int(stmt, 2)) && b->win == nilo_db_column_int(stmt, 3) &&
           b->day == nilo_db_column_int(stmt, 4) && b->captured_at == nilo_db_column_int(stmt, 5) && b->run == nilo_db_column_int(stmt, 6);
}

static int best_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    struct audit *a = ctx;
    int32_t metric = (int32_t)nilo_db_column_int(stmt, 0);
    (void)err;
    for (; a->at < a->n_best; a->at++) {
        const struct nilo__candidate *b = &a->best[a->at];
        int c = nilo__entity_cmp(b->entity, a->items[i]);
        c = c != 0 ? c : NILO__CMP(b->metric, metric);
        if (c > 0)
            break;
        if (c < 0) {
            tell(a, BEST, b->entity, b->win, b->metric);
            continue;
        }
        if (!same_best(b, stmt))
            tell(a, BEST, b->entity, b->win, metric);
        a->at++;
        return 0;
    }
    tell(a, BEST, a->items[i], 0, metric);
    return 0;
}

static int compare(struct audit *a, size_t n, const char *sql, nilo_db_row_fn *row, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    a->at = 0;
    if (nilo_db_prepare(a->s->db, sql, &stmt, err) < 0)
        return -1;
    return nilo_db_many(stmt, n, 2, item_params, row, a, err);
}

/* The items of a chunk against what is stored of them; what a callback did not come to is missing in the store. */
static int compare_chunk(struct audit *a, size_t n, struct nilo_err *err)
{
    if (compare(a, n, "SELECT win, metric_id, day, value FROM known WHERE bucket = ?1 AND entity_id = ?2 ORDER BY win, metric_id", known_row,
                err) < 0)
        return -1;
    for (; a->at < a->fresh->n_known; a->at++)
        tell(a, KNOWN, a->fresh->known[a->at].entity, a->fresh->known[a->at].win, a->fresh->known[a->at].metric);
    if (compare(a, n, "SELECT win, first_day, day FROM latest WHERE bucket = ?1 AND entity_id = ?2 ORDER BY win", latest_row, err) < 0)
        return -1;
    for (; a->at < a->fresh->n_latest; a->at++)
        tell(a, LATEST, a->fresh->latest[a->at].entity, a->fresh->latest[a->at].win, 0);
    if (compare(a, n,
                "SELECT metric_id, value, gmv, win, day, captured_at, run_id FROM best WHERE bucket = ?1 AND entity_id = ?2 ORDER BY metric_id",
                best_row, err) < 0)
        return -1;
    for (; a->at < a->n_best; a->at++)
        tell(a, BEST, a->best[a->at].entity, a->best[a->at].win, a->best[a->at].metric);
    return 0;
}

static int audit_chunk(struct audit *a, const struct nilo_entity_ref *items, size_t n, struct nilo__change *cells, size_t n_cells,
                       struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo__sums sums = {0};
    struct nilo__fresh fresh = {0};
    struct nilo__candidate *best = NULL;
    nilo_arena_init(&arena, 0);
    int rc = nilo__derive_fresh(a->s, cells, n_cells, &sums, &fresh, &arena, err);
    if (rc == 0)
        rc = add_sums(a, &sums, err);
    if (rc == 0)
        rc = nilo__best_fresh(a->s, items, n, &best, &a->n_best, err);
    a->items = items;
    a->fresh = &fresh;
    a->best = best;
    if (rc == 0)
        rc = compare_chunk(a, n, err);
    free(best);
    free(sums.slots);
    nilo_arena_done(&arena);
    return rc;
}

static int audit_all(struct audit *a, struct nilo_err *err)
{
    struct nilo_entity_ref *all = NULL;
    struct nilo__change *cells = NULL;
    size_t n = 0, n_cells = 0, cap = 0, first = 0;
    int rc = nilo__entities(a->s, &all, &n, err);
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = nilo__shown_of(a->s, all[i], &cells, &n_cells, &cap, err);
        if (rc != 0 || (n_cells < CHUNK_CELLS && i + 1 - first < CHUNK_ITEMS && i + 1 < n))
            continue;
        rc = audit_chunk(a, all + first, i + 1 - first, cells, n_cells, err);
        n_cells = 0;
        first = i + 1;
    }
    free(cells);
    free(all);
    if (rc == 0)
        rc = nilo__app_days_audit(a->s, tell_app_days, a, err);
    if (rc == 0) /* of dropped days the record keeps what they added */
        rc = add_stored(a, "SELECT scope_kind, scope_id, win, metric_id, day, hi, lo, known, fresh FROM carried_total", false, err);
    if (rc == 0)
        rc = add_stored(a, "SELECT scope_kind, scope_id, win, metric_id, day, hi, lo, known, fresh FROM total", true, err);
    return rc;
}

/* ---- findings ------------------------------------------------------------------------------------------------------------ */

static int name_of(struct nilo_store *s, struct nilo_entity_ref e, struct nilo_arena *arena, struct nilo_finding *f, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo__query(s, &stmt, err,
                    "SELECT w.name, c.name, e.external_id FROM entity e JOIN connection c ON c.id = e.connection_id "
                    "JOIN workspace w ON w.id = c.workspace_id WHERE e.bucket = ?1 AND e.id = ?2",
                    NILO__PARAMS(NILO_DBV_INT(e.bucket), NILO_DBV_INT(e.id))) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got < 0)
        return -1;
    const char **names[] = {&f->workspace, &f->connection, &f->item};
    for (int i = 0; got == 1 && i < 3; i++)
        *names[i] = nilo_arena_strdup(arena, nilo_db_column_text(stmt, i));
    nilo_db_reset(stmt);
    return 0;
}

static const char *metric_name(const struct audit *a, int32_t id)
{
    const struct nilo_metric *m = id > 0 ? nilo_catalog_by_id(nilo_store_catalog(a->s), id) : NULL;
    return m != NULL ? m->name : NULL;
}

static int tell_items(struct audit *a, nilo_finding_fn *fn, void *ctx, struct nilo_err *err)
{
    for (size_t i = 0; i < a->n_told; i++) {
        struct nilo_arena arena;
        char window[16];
        struct nilo_finding f = {.window = window, .metric = metric_name(a, a->told[i].metric), .text = whats[a->told[i].what]};
        struct nilo_buf text;
        nilo_buf_init(&text, sizeof window);
        nilo_buf_addi(&text, a->told[i].win);
        memcpy(window, nilo_buf_str(&text), text.len + 1);
        nilo_buf_done(&text);
        nilo_arena_init(&arena, 0);
        int rc = name_of(a->s, a->told[i].entity, &arena, &f, err);
        if (rc == 0)
            rc = fn(ctx, &f);
        nilo_arena_done(&arena);
        if (rc != 0)
            return rc;
    }
    if (a->untold == 0)
        return 0;
    return fn(ctx, &(struct nilo_finding){.has_value = true, .value = a->untold, .text = "more of these (value), not named one by one"});
}

static int tell_totals(struct audit *a, nilo_finding_fn *fn, void *ctx)
{
    static const char *const texts[] = {
        "totals of workspaces are not what the record gives",
        "totals of connections are not what the record gives",
        "totals of owners are not what the record gives",
    };
    for (size_t i = 0; i < a->n_prints; i++) {
        const struct print *p = &a->prints[i];
        if (p->stored == p->fresh)
            continue;
        const struct nilo_finding f = {.metric = p->metric > 0 ? metric_name(a, p->metric) : "(items)",
                                       .text = p->kind >= 0 && p->kind < 3 ? texts[p->kind] : "totals of something unknown are stored"};
        int rc = fn(ctx, &f);
        if (rc != 0)
            return rc;
    }
    return 0;
}

int nilo__audit(struct nilo_store *s, nilo_finding_fn *fn, void *ctx, struct nilo_err *err)
{
    struct audit a = {.s = s};
    bool own = !nilo_db_in_transaction(s->db);
    a.told = calloc(TOLD_MOST, sizeof *a.told);
    if (a.told == NULL)
        return nilo_err_nomem(err);
    s->env.random.fill(s->env.random.ctx, &a.seed, sizeof a.seed);
    (void)nilo_store_catalog(s); /* loaded before: statements run one at a time */
    int rc = own ? nilo_store_begin(s, err) : 0;
    if (rc == 0)
        rc = audit_all(&a, err);
    if (rc == 0)
        rc = tell_items(&a, fn, ctx, err);
    if (rc == 0)
        rc = tell_totals(&a, fn, ctx);
    if (own)
        nilo_store_rollback(s);
    free(a.told);
    free(a.prints);
    return rc;
}
