#include "store/naive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const int naive_wins[N_WINS] = {0, 30};

#define PUSH(list, n, cap) (*(grow((void **)&(list), (n), &(cap), sizeof *(list)), &(list)[(n)++]))

static void grow(void **list, int n, int *cap, size_t size)
{
    if (n < *cap)
        return;
    *cap = *cap ? 2 * *cap : 64;
    *list = realloc(*list, (size_t)*cap * size);
    if (!*list)
        abort();
}

/* ---- the world ------------------------------------------------------------------------------------------------------- */

static void add_zone(struct naive *m, int workspace, int32_t from, const char *zone)
{
    struct nilo_err err;
    struct n_era *e = &m->eras[workspace][m->n_eras[workspace]++];
    e->from = from;
    if (nilo_zone_load(NULL, zone, &e->zone, &err) < 0) {
        fprintf(stderr, "%s\n", err.msg);
        abort();
    }
}

void naive_init(struct naive *m, int32_t first_day, int n_days)
{
    static const struct n_metric metrics[N_METRICS] = {
        {"views", NILO_COUNT, NILO_INSTANT, NILO_LEVEL, false, 1},
        {"likes", NILO_COUNT, NILO_INSTANT, NILO_LEVEL, false, 5},
        {"gmv", NILO_COUNT, NILO_INSTANT, NILO_LEVEL, false, 16},
        {"gpm", NILO_AVERAGE, NILO_INSTANT, NILO_LEVEL, true, 17},
        {"ctr", NILO_PERCENTAGE, NILO_INSTANT, NILO_LEVEL, true, 18},
        {"duration", NILO_AVERAGE, NILO_INSTANT, NILO_LEVEL, true, 23},
        {"sales_a_day", NILO_COUNT, NILO_PERIOD, NILO_FLOW, false, 0},
        {"members", NILO_COUNT, NILO_PERIOD, NILO_LEVEL, false, 0},
        {"mood", NILO_AVERAGE, NILO_INSTANT, NILO_LEVEL, false, 0},
    };
    static const struct n_conn conns[N_CONNS] = {
        {0, "tube", "youtube", "db", false, 48 * 3600, INT32_MIN, INT32_MIN},
        {0, "shop db", "sql", "db", false, 6 * 3600, INT32_MIN, INT32_MIN},
        {0, "hand", "instagram", "push", false, 24 * 3600, INT32_MIN, INT32_MIN},
        {1, "rival", "tiktok", "db", true, 5 * 3600, INT32_MIN, INT32_MIN},
        {1, "files", "import", "db", false, 24 * 3600, INT32_MIN, INT32_MIN},
    };
    static const int items[N_CONNS] = {22, 4, 5, 4, 3};
    *m = (struct naive){.first_day = first_day, .n_days = n_days};
    memcpy(m->metrics, metrics, sizeof metrics);
    memcpy(m->conns, conns, sizeof conns);
    int e = 0;
    for (int c = 0; c < N_CONNS; c++)
        for (int i = 0; i < items[c]; i++, e++) {
            m->entities[e] = (struct n_entity){.conn = c, .kind = NILO_CONTENT};
            snprintf(m->entities[e].external_id, sizeof m->entities[e].external_id, "item-%d", i);
        }
    m->entities[e++] = (struct n_entity){0, NILO_ACCOUNT, "item-0"}; /* the same id as an item's: another entity all the same */
    m->entities[e++] = (struct n_entity){1, NILO_APP, NILO_APP_ID};
    add_zone(m, 0, INT32_MIN, "Europe/Berlin");
    add_zone(m, 1, INT32_MIN, "America/St_Johns");
    size_t n = (size_t)N_ENTITIES * N_WINS * N_METRICS * (size_t)n_days;
    m->cells = malloc(n * sizeof *m->cells);
    m->shown = calloc(n, sizeof *m->shown);
    m->here = calloc((size_t)n_days, sizeof *m->here);
    if (!m->cells || !m->shown || !m->here || e != N_ENTITIES)
        abort();
    for (size_t i = 0; i < n; i++)
        m->cells[i] = (struct n_cell){-1, -1, -1, 0};
}

void naive_done(struct naive *m)
{
    for (int w = 0; w < N_WORKSPACES; w++)
        for (int i = 0; i < m->n_eras[w]; i++)
            nilo_zone_free(m->eras[w][i].zone);
    free(m->cells);
    free(m->shown);
    free(m->here);
    free(m->obs);
    free(m->amendments);
    free(m->runs);
    free(m->credits);
    free(m->closed);
}

/* ---- days: one begins at its first instant in the zone of its era and ends where the next begins ------------------------ */

nilo_us naive_day_start(const struct naive *m, int workspace, int32_t day)
{
    int i = m->n_eras[workspace] - 1;
    while (m->eras[workspace][i].from > day)
        i--;
    return nilo_zone_day_start(m->eras[workspace][i].zone, NILO_DAY(day));
}

int32_t naive_day(const struct naive *m, int workspace, nilo_us at)
{
    int32_t d = (int32_t)(at / NILO_US_DAY) + 3;
    while (naive_day_start(m, workspace, d) > at)
        d--;
    return d;
}

void naive_zone(struct naive *m, int workspace, const char *zone, nilo_us now)
{
    int last = m->n_eras[workspace] - 1;
    if (strcmp(nilo_zone_name(m->eras[workspace][last].zone), zone) == 0)
        return;
    int32_t today = naive_day(m, workspace, now), from;
    add_zone(m, workspace, INT32_MAX, zone);
    from = nilo_zone_day(m->eras[workspace][last + 1].zone, now).n;
    from = (from > today ? from : today) + 1;
    m->eras[workspace][last + 1].from = from;
    if (m->eras[workspace][last].from == from) { /* changed twice before it began */
        nilo_zone_free(m->eras[workspace][last].zone);
        m->eras[workspace][last] = m->eras[workspace][last + 1];
        m->n_eras[workspace]--;
    }
}

/* ---- cells -------------------------------------------------------------------------------------------------------------- */

struct n_cell *naive_cell(const struct naive *m, int entity, int win, int metric, int32_t day)
{
    int d = day - m->first_day;
    if (d < 0 || d >= m->n_days)
        abort();
    return &m->cells[((size_t)(entity * N_WINS + win) * N_METRICS + (size_t)metric) * (size_t)m->n_days + (size_t)d];
}

bool naive_closed(const struct naive *m, int entity, int32_t day)
{
    return day <= m->conns[m->entities[entity].conn].closed_until;
}

bool naive_counts(const struct naive *m, const struct n_obs *o)
{
    enum nilo_run_status s = m->runs[o->run].status;
    return s != NILO_RUN_QUARANTINED && s != NILO_REJECTED;
}

/* A value, or a reason that is itself a reading. */
static bool says(enum nilo_absence a)
{
    return a == NILO_PRESENT || a == NILO_HIDDEN || a == NILO_UNSUPPORTED || a == NILO_DELETED;
}

static bool same(enum nilo_absence a, int64_t va, enum nilo_absence b, int64_t vb)
{
    return a == b && (a != NILO_PRESENT || va == vb);
}

/* 2.3: the last reading that says something; a lower rank never hides a higher one. */
static int day_value(const struct naive *m, const struct n_cell *c)
{
    int best = -1;
    for (int i = c->obs; i >= 0; i = m->obs[i].next) {
        const struct n_obs *o = &m->obs[i], *b = best >= 0 ? &m->obs[best] : NULL;
        if (!naive_counts(m, o))
            continue;
        bool better = !b;
        if (b && says(o->absence) != says(b->absence))
            better = says(o->absence);
        else if (b && o->rank != b->rank)
            better = o->rank > b->rank;
        else if (b && o->captured_at != b->captured_at)
            better = o->captured_at > b->captured_at;
        else if (b)
            better = m->runs[o->run].id > m->runs[b->run].id;
        if (better)
            best = i;
    }
    return best;
}

struct n_shown naive_shown(const struct naive *m, const struct n_cell *c, bool closed)
{
    if (c->amended >= 0) {
        const struct n_amendment *a = &m->amendments[c->amended];
        return (struct n_shown){true, c->n_amended, a->cause, &m->obs[a->obs]};
    }
    int i = closed ? c->base : day_value(m, c);
    if (i < 0)
        return (struct n_shown){.is = false};
    bool revised = m->runs[m->obs[i].run].kind == NILO_RUN_REVISE;
    return (struct n_shown){true, 0, revised ? NILO_CAUSE_CORRECTED : NILO_CAUSE_BASE, &m->obs[i]};
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------- */

/* A window belongs to the day that its source names, whatever its metric is else. */
static bool is_period(const struct naive *m, const struct n_obs *in)
{
    return naive_wins[in->win] != 0 || m->metrics[in->metric].kind == NILO_PERIOD;
}

/* What one value does; LATE and AMENDED set the cause. */
static enum nilo_outcome decide_closed(const struct naive *m, const struct n_run *run, const struct n_shown *now, const struct n_obs *in,
                                       enum nilo_cause *cause)
{
    if (!says(in->absence)) {
        /* a failure to read says nothing about a closed day; that an app's database has nothing to tell does, where nobody knew more */
        bool asked = !run->platform && (run->kind == NILO_RUN_COLLECT || run->kind == NILO_RUN_BACKFILL);
        bool unknown = !now->is || now->obs->absence == NILO_FAILED || now->obs->absence == NILO_NOT_COLLECTED;
        *cause = NILO_CAUSE_LATE;
        return asked && unknown && in->absence == NILO_NOT_REPORTED ? NILO_LATE : NILO_UNCHANGED;
    }
    *cause = NILO_CAUSE_LATE;
    if (!now->is || !says(now->obs->absence))
        return NILO_LATE;
    if (same(now->obs->absence, now->obs->value, in->absence, in->value))
        return NILO_UNCHANGED;
    /* a base that was itself written under --revise keeps that rank, all else has its provenance's */
    int rank = now->seq == 0 && now->obs->rank == NILO_RANK_REVISE ? NILO_RANK_REVISE : (int)now->obs->provenance;
    *cause = run->kind == NILO_RUN_REVISE ? NILO_CAUSE_CORRECTED
             : run->kind == NILO_RUN_REPLAY ? NILO_CAUSE_REPLAYED
             : run->kind == NILO_RUN_IMPORT ? NILO_CAUSE_IMPORTED : NILO_CAUSE_RESTATED;
    if (run->kind == NILO_RUN_BACKFILL)
        return run->revise && rank <= NILO_ESTIMATED ? NILO_AMENDED : NILO_REFUSED;
    if (run->revise)
        return NILO_AMENDED;
    if ((int)in->provenance < rank)
        return NILO_REFUSED;
    if (run->kind == NILO_RUN_PUSH || run->kind == NILO_RUN_REPLAY)
        return NILO_AMENDED;
    bool restated = run->kind == NILO_RUN_COLLECT && run->platform && is_period(m, in);
    return restated ? NILO_AMENDED : NILO_REFUSED;
}

/* Is it in the record already, word for word, from a run that counts? */
static bool known_at_rank(const struct naive *m, const struct n_cell *c, const struct n_obs *in, int rank)
{
    for (int i = c->obs; i >= 0; i = m->obs[i].next) {
        const struct n_obs *o = &m->obs[i];
        if (naive_counts(m, o) && o->captured_at == in->captured_at && o->provenance == in->provenance && o->rank >= rank &&
            same(o->absence, o->value, in->absence, in->value))
            return true;
    }
    return false;
}

static bool known_already(const struct naive *m, const struct n_cell *c, const struct n_obs *in)
{
    return known_at_rank(m, c, in, in->rank);
}

/* A closed day: importing again changes nothing; of one run's readings the last stands; what was read before the shown reading is kept as a
 * reading and says nothing against it. */
static enum nilo_outcome judge_closed(const struct naive *m, const struct n_run *run, const struct n_cell *c, const struct n_shown *now,
                                      const struct n_obs *in, enum nilo_cause *cause)
{
    if (known_already(m, c, in))
        return NILO_UNCHANGED;
    if (now->is && says(now->obs->absence) && says(in->absence)) {
        bool earlier = in->captured_at < now->obs->captured_at && now->cause != NILO_CAUSE_CORRECTED;
        if (now->obs->run == in->run) {
            *cause = now->cause;
            if (in->captured_at <= now->obs->captured_at || same(now->obs->absence, now->obs->value, in->absence, in->value))
                return NILO_KEPT;
            return now->cause == NILO_CAUSE_LATE ? NILO_LATE : NILO_AMENDED;
        }
        if (earlier && !run->revise && (!is_period(m, in) || run->kind == NILO_RUN_REPLAY))
            return NILO_KEPT;
        if (earlier && known_at_rank(m, c, in, 0))
            return NILO_UNCHANGED;
    }
    return decide_closed(m, run, now, in, cause);
}

static int add_obs(struct naive *m, struct n_cell *c, const struct n_obs *in)
{
    int at = m->n_obs;
    PUSH(m->obs, m->n_obs, m->cap_obs) = *in;
    m->obs[at].next = c->obs;
    c->obs = at;
    return at;
}

static enum nilo_outcome write_value(struct naive *m, struct n_run *run, const struct n_obs *in, bool *ret_recorded)
{
    struct n_cell *c = naive_cell(m, in->entity, in->win, in->metric, in->day);
    bool closed = naive_closed(m, in->entity, in->day);
    struct n_shown before = naive_shown(m, c, closed);
    enum nilo_cause cause = NILO_CAUSE_BASE;
    enum nilo_outcome outcome = NILO_UNCHANGED;
    if (closed)
        outcome = judge_closed(m, run, c, &before, in, &cause);
    else if (!known_already(m, c, in))
        outcome = NILO_RECORDED;
    *ret_recorded = outcome == NILO_RECORDED || outcome == NILO_LATE || outcome == NILO_AMENDED || outcome == NILO_KEPT;
    if (!*ret_recorded)
        return outcome;
    int first = c->obs, at = add_obs(m, c, in);
    if (closed && outcome == NILO_KEPT)
        return outcome;
    if (closed) {
        int older = c->amended;
        c->amended = m->n_amendments;
        c->n_amended++;
        PUSH(m->amendments, m->n_amendments, m->cap_amendments) = (struct n_amendment){at, older, cause};
    } else {
        bool shows = day_value(m, c) == at;
        outcome = !shows ? NILO_KEPT : before.is ? NILO_REPLACED : NILO_RECORDED;
    }
    if (run->kind == NILO_RUN_REVISE && outcome != NILO_KEPT)
        for (int i = first; i >= 0; i = m->obs[i].next) /* what was said before a correction counts no more for the best */
            if (m->runs[m->obs[i].run].id < run->id)
                m->obs[i].corrected_away = true;
    return outcome;
}

/* 2.2, for readings i..i+n-1 of one instant. */
static int value_at(const struct n_reading *r, int metric)
{
    for (int i = 0; i < r->n; i++)
        if (r->values[i].metric == metric)
            return i;
    return -1;
}

static bool beats(const struct n_reading *a, const struct n_reading *b)
{
    static const int order[] = {M_GMV, M_VIEWS};
    int n_a = 0, n_b = 0;
    for (int k = 0; k < 2; k++) {
        int i = value_at(a, order[k]), j = value_at(b, order[k]);
        bool has_a = i >= 0 && a->values[i].absence == NILO_PRESENT, has_b = j >= 0 && b->values[j].absence == NILO_PRESENT;
        if (has_a != has_b)
            return has_a;
        if (has_a && a->values[i].value != b->values[j].value)
            return a->values[i].value > b->values[j].value;
    }
    for (int i = 0; i < a->n; i++)
        n_a += a->values[i].absence == NILO_PRESENT;
    for (int i = 0; i < b->n; i++)
        n_b += b->values[i].absence == NILO_PRESENT;
    return n_a > n_b;
}

/* g: readings of one instant in order of coming */
static void merge(struct n_run *run, struct n_reading **g, int n)
{
    bool conflict = false;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            for (int k = 0; k < g[i]->n; k++) {
                int o = value_at(g[j], g[i]->values[k].metric);
                const struct n_value *x = &g[i]->values[k], *y = o < 0 ? NULL : &g[j]->values[o];
                conflict = conflict || (y && says(x->absence) && says(y->absence) && !same(x->absence, x->value, y->absence, y->value));
            }
    int stands = 0;
    for (int i = 1; i < n && conflict; i++)
        if (beats(g[i], g[stands]))
            stands = i;
    for (int i = 0; i < n; i++) {
        if (i == stands)
            continue;
        g[i]->dropped = true;
        run->outcomes[NILO_MERGED] += g[i]->n;
        for (int k = 0; k < g[i]->n && !conflict; k++) {
            int o = value_at(g[0], g[i]->values[k].metric);
            if (o < 0)
                g[0]->values[g[0]->n++] = g[i]->values[k];
            else if (!says(g[0]->values[o].absence) && says(g[i]->values[k].absence))
                g[0]->values[o] = g[i]->values[k];
        }
        if (!conflict && g[0]->day == INT32_MIN)
            g[0]->day = g[i]->day;
    }
}

static int32_t day_of(const struct naive *m, int workspace, const struct n_reading *r, int metric)
{
    if (r->captured_at == NILO_US_NONE)
        return r->day;
    bool named = r->day != INT32_MIN && (m->metrics[metric].kind == NILO_PERIOD || naive_wins[r->win] != 0);
    return named ? r->day : naive_day(m, workspace, r->captured_at);
}

static int workspace_of(const struct naive *m, const struct n_reading *r)
{
    return m->conns[m->entities[r->entity].conn].workspace;
}

/* The moment, and the day it is about: the one named, else the civil one. */
static nilo_us moment(const struct naive *m, const struct n_reading *r)
{
    return r->captured_at != NILO_US_NONE ? r->captured_at : naive_day_start(m, workspace_of(m, r), r->day + 1) - 1;
}

static int32_t about(const struct naive *m, const struct n_reading *r)
{
    return r->day != INT32_MIN ? r->day : naive_day(m, workspace_of(m, r), r->captured_at);
}

static bool same_instant(const struct naive *m, const struct n_reading *a, const struct n_reading *b)
{
    return a->entity == b->entity && a->win == b->win && moment(m, a) == moment(m, b);
}

/* Told before beside another day's values? first..r: the readings of the run, in order */
static bool told_before(const struct naive *m, const struct n_reading *first, const struct n_reading *r, int metric)
{
    int workspace = workspace_of(m, r);
    for (const struct n_reading *b = first; b < r; b++)
        if (!b->dropped && same_instant(m, b, r) && value_at(b, metric) >= 0 &&
            day_of(m, workspace, b, metric) == day_of(m, workspace, r, metric))
            return true;
    return false;
}

static void write_reading(struct naive *m, struct n_run *run, int run_at, const struct n_reading *first, const struct n_reading *r)
{
    int workspace = m->conns[run->conn].workspace;
    nilo_us at = r->captured_at == NILO_US_NONE ? naive_day_start(m, workspace, r->day + 1) - 1 : r->captured_at;
    struct n_obs gmv = {.run = -1};
    int pass_gmv = value_at(r, M_GMV);
    for (int k = -1; k < r->n; k++) { /* GMV first: the ratios beside it look for it */
        bool recorded;
        if (k < 0 ? pass_gmv < 0 : k == pass_gmv)
            continue;
        const struct n_value *v = &r->values[k < 0 ? pass_gmv : k];
        int32_t day = day_of(m, workspace, r, v->metric);
        struct n_obs o = {.entity = r->entity, .win = r->win, .metric = v->metric, .run = run_at, .day = day, .captured_at = at,
                          .value = v->absence == NILO_PRESENT ? v->value : 0, .absence = v->absence, .provenance = r->provenance,
                          .rank = run->revise && run->kind != NILO_RUN_BACKFILL ? NILO_RANK_REVISE
                                  : run->kind == NILO_RUN_COLLECT                       ? (int)NILO_OBSERVED
                                                                                        : (int)r->provenance};
        if (told_before(m, first, r, v->metric)) {
            run->outcomes[NILO_MERGED]++;
            continue;
        }
        enum nilo_outcome outcome = write_value(m, run, &o, &recorded);
        run->outcomes[outcome]++;
        if (v->metric == M_GMV && outcome == NILO_UNCHANGED && v->absence == NILO_PRESENT && naive_closed(m, r->entity, day) &&
            !known_already(m, naive_cell(m, o.entity, o.win, o.metric, day), &o))
            gmv = o;
        /* the ratio of a closed day is new and the GMV beside it is not: kept, else the ratio would have none */
        if (m->metrics[v->metric].with_gmv && recorded && v->absence == NILO_PRESENT && gmv.run >= 0) {
            add_obs(m, naive_cell(m, gmv.entity, gmv.win, M_GMV, gmv.day), &gmv);
            gmv.run = -1;
        }
        run->first_day = run->first_day == INT32_MIN || day < run->first_day ? day : run->first_day;
        run->last_day = run->last_day == INT32_MIN || day > run->last_day ? day : run->last_day;
    }
}

/* ---- the guard ------------------------------------------------------------------------------------------------------------------- */

static bool newest_known(const struct naive *m, int entity, int win, int metric, int64_t *ret)
{
    for (int d = m->n_days; d-- > 0;) {
        struct n_shown s = naive_shown(m, naive_cell(m, entity, win, metric, m->first_day + d), naive_closed(m, entity, m->first_day + d));
        if (s.is && s.obs->absence == NILO_PRESENT) {
            *ret = s.obs->value;
            return true;
        }
    }
    return false;
}

struct guard {
    int64_t compared, fell, jumped;
};

static void compare_reading(const struct naive *m, const struct n_reading *r, struct guard *g)
{
    for (int k = 0; k < r->n && naive_wins[r->win] == 0; k++) {
        const struct n_metric *metric = &m->metrics[r->values[k].metric];
        int64_t before, now = r->values[k].value;
        if (r->values[k].absence != NILO_PRESENT || metric->type != NILO_COUNT || metric->aggregation != NILO_LEVEL ||
            metric->kind != NILO_INSTANT || !newest_known(m, r->entity, r->win, r->values[k].metric, &before))
            continue;
        g->compared++;
        g->fell += now < before;
        g->jumped += before >= 1000 && before <= INT64_MAX / 100 && now > before * 100;
    }
}

static bool seen_by(const struct naive *m, int entity, int run)
{
    for (int i = m->runs[run].obs_from; i < m->runs[run].obs_to; i++)
        if (m->obs[i].entity == entity && naive_wins[m->obs[i].win] == 0)
            return true;
    return false;
}

static bool suspicious(const struct naive *m, int run_at, const struct guard *g)
{
    const struct n_run *run = &m->runs[run_at];
    int before = run_at - 1;
    int64_t vanished = 0;
    if (!run->platform || run->kind != NILO_RUN_COLLECT)
        return false;
    while (before >= 0 && (m->runs[before].conn != run->conn || m->runs[before].kind != NILO_RUN_COLLECT ||
                           (m->runs[before].status != NILO_COMPLETED && m->runs[before].status != NILO_PARTIAL)))
        before--;
    if (before < 0 || m->runs[before].items < 20)
        return false;
    for (int e = 0; e < N_ENTITIES && run->full_listing; e++)
        vanished += m->entities[e].conn == run->conn && m->entities[e].kind == NILO_CONTENT && seen_by(m, e, before) && !seen_by(m, e, run_at);
    return vanished * 5 > m->runs[before].items || g->fell * 10 > g->compared || g->jumped * 20 > g->compared;
}

/* ---- runs ---------------------------------------------------------------------------------------------------------------------------- */

/* Does the day that it names say where any of its values belongs? */
static bool day_matters(const struct naive *m, const struct n_reading *r)
{
    bool matters = r->captured_at == NILO_US_NONE || naive_wins[r->win] != 0;
    for (int k = 0; k < r->n; k++)
        matters = matters || m->metrics[r->values[k].metric].kind == NILO_PERIOD;
    return matters;
}

/* 2.2: whatever is said of one instant is one reading, but each of the days that a fetch of many days is about has its own. */
static void merge_all(const struct naive *m, struct n_run *run, struct n_reading *r, int n)
{
    struct n_reading **g = malloc((size_t)(n + 1) * sizeof *g);
    bool *days = calloc((size_t)n + 1, sizeof *days), *done = calloc((size_t)n + 1, sizeof *done);
    int32_t *day = malloc((size_t)(n + 1) * sizeof *day);
    if (!g || !days || !done || !day)
        abort();
    for (int i = 0; i < n; i++) {
        day[i] = about(m, &r[i]);
        for (int j = 0; j < n; j++)
            days[i] = days[i] || (same_instant(m, &r[i], &r[j]) && day_matters(m, &r[j]));
    }
    for (int i = 0; i < n; i++) {
        int k = 0;
        for (int j = i; j < n && !done[i]; j++)
            if (same_instant(m, &r[i], &r[j]) && (!days[i] || day[i] == day[j])) {
                g[k++] = &r[j];
                done[j] = j != i;
            }
        if (k > 1)
            merge(run, g, k);
    }
    free(g);
    free(days);
    free(done);
    free(day);
}

/* In which order the rest is told: that of the days they name, within an instant. */
static void by_day_named(const struct naive *m, struct n_reading *r, int n)
{
    for (int i = 1; i < n; i++)
        for (int j = i; j-- > 0;) {
            if (!same_instant(m, &r[i], &r[j]) || r[i].day >= r[j].day)
                continue;
            struct n_reading swap = r[i];
            r[i] = r[j];
            r[j] = swap;
        }
}

void naive_run(struct naive *m, struct n_run *run, struct n_reading *r, int n, bool error, nilo_us now)
{
    bool seen[N_ENTITIES] = {false};
    struct guard g = {0};
    int at = m->n_runs;
    run->status = NILO_RUNNING;
    run->first_day = run->last_day = INT32_MIN;
    run->obs_from = m->n_obs;
    PUSH(m->runs, m->n_runs, m->cap_runs) = *run;
    merge_all(m, run, r, n);
    by_day_named(m, r, n);
    for (int i = 0; i < n; i++) {
        run->items += !seen[r[i].entity];
        seen[r[i].entity] = true;
        if (r[i].owner >= 0)
            naive_credit(m, r[i].entity, r[i].owner, "owner", INT32_MIN, INT32_MAX);
        if (!r[i].dropped)
            compare_reading(m, &r[i], &g);
    }
    for (int i = 0; i < n; i++)
        if (!r[i].dropped)
            write_reading(m, run, at, r, &r[i]);
    if (run->kind == NILO_RUN_COLLECT && !run->platform) { /* an SQL source that counts a closed day otherwise changes nothing */
        run->outcomes[NILO_UNCHANGED] += run->outcomes[NILO_REFUSED];
        run->outcomes[NILO_REFUSED] = 0;
    }
    m->runs[at].obs_to = run->obs_to = m->n_obs;
    run->status = error                                ? NILO_RUN_FAILED
                  : suspicious(m, at, &g)              ? NILO_RUN_QUARANTINED
                  : run->failed || run->refused_readings ? NILO_PARTIAL
                                                       : NILO_COMPLETED;
    m->runs[at] = *run;
    if (!run->no_close)
        run->days_closed = naive_close(m, run->conn, now);
    m->runs[at] = *run;
}

void naive_settle_run(struct naive *m, int run, bool accept, nilo_us now)
{
    m->runs[run].status = accept ? NILO_COMPLETED : NILO_REJECTED;
    m->runs[run].settled_at = now;
    naive_close(m, m->runs[run].conn, now);
}

/* ---- closing ----------------------------------------------------------------------------------------------------------------------------- */

/* Does a metric of the app stand as a collection saw it before the day was over? */
static bool within(const struct naive *m, int conn, int32_t day)
{
    const struct n_conn *c = &m->conns[conn];
    for (int e = 0; e < N_ENTITIES && strcmp(c->platform, "sql") == 0; e++)
        for (int i = 0; i < N_METRICS && m->entities[e].conn == conn && m->entities[e].kind == NILO_APP; i++) {
            int at = day_value(m, naive_cell(m, e, 0, i, day));
            if (at >= 0 && m->obs[at].absence == NILO_PRESENT && m->runs[m->obs[at].run].kind == NILO_RUN_COLLECT &&
                m->obs[at].captured_at < naive_day_start(m, c->workspace, day + 1))
                return true;
        }
    return false;
}

/* logged: with a row of its own, as days from the first one read on are. Returns how many rows. */
static int close_day(struct naive *m, int conn, int32_t day, bool logged)
{
    int values = 0, missing = 0, workspace = m->conns[conn].workspace;
    for (int e = 0; e < N_ENTITIES; e++)
        for (int i = 0; i < N_WINS * N_METRICS && m->entities[e].conn == conn; i++) {
            struct n_cell *c = naive_cell(m, e, i / N_METRICS, i % N_METRICS, day);
            c->base = day_value(m, c);
            values += c->base >= 0 && m->obs[c->base].absence == NILO_PRESENT;
            missing += c->base >= 0 && !says(m->obs[c->base].absence);
        }
    bool exists = naive_day_start(m, workspace, day) < naive_day_start(m, workspace, day + 1);
    m->conns[conn].closed_until = day;
    if (!logged || (!exists && values + missing == 0)) /* the zone skipped it */
        return 0;
    const char *status = values == 0 ? "empty" : missing > 0 || within(m, conn, day) ? "partial" : "complete";
    PUSH(m->closed, m->n_closed, m->cap_closed) = (struct n_closed){conn, day, status, values};
    return 1;
}

/* The first day that holds a reading of anything. */
static int32_t first_read(const struct naive *m, int conn)
{
    for (int32_t d = m->first_day; d < m->first_day + m->n_days; d++)
        for (int e = 0; e < N_ENTITIES; e++)
            for (int i = 0; i < N_WINS * N_METRICS && m->entities[e].conn == conn; i++) {
                struct n_shown s = naive_shown(m, naive_cell(m, e, i / N_METRICS, i % N_METRICS, d), false);
                if (s.is && says(s.obs->absence))
                    return d;
            }
    return INT32_MAX;
}

int naive_close(struct naive *m, int conn, nilo_us now)
{
    struct n_conn *c = &m->conns[conn];
    int32_t until = naive_day(m, c->workspace, now);
    while (naive_day_start(m, c->workspace, until + 1) + c->settle_s * NILO_US_SECOND > now)
        until--;
    if (strcmp(c->platform, "sql") == 0 && c->read_until < until)
        until = c->read_until;
    for (int i = 0; i < m->n_runs; i++)
        if (m->runs[i].conn == conn && m->runs[i].status == NILO_RUN_QUARANTINED) {
            int32_t held = m->runs[i].first_day == INT32_MIN ? INT32_MIN + 1 : m->runs[i].first_day;
            until = held - 1 < until ? held - 1 : until;
        }
    /* a metric that was not read after the day's end may be: for seven days */
    for (int32_t d = c->closed_until == INT32_MIN ? m->first_day : c->closed_until + 1; d <= until; d++)
        if (within(m, conn, d) && now - naive_day_start(m, c->workspace, d + 1) <= 7 * NILO_US_DAY)
            until = d - 1;
    if (until <= c->closed_until)
        return 0;
    int n = 0;
    int32_t from = c->closed_until == INT32_MIN ? first_read(m, conn) : c->closed_until + 1;
    if (from > until)
        return 0;
    for (int32_t d = c->closed_until == INT32_MIN ? m->first_day : from; d <= until; d++)
        n += close_day(m, conn, d, d >= from);
    return n;
}

/* ---- credits ------------------------------------------------------------------------------------------------------------------------------- */

bool naive_credit(struct naive *m, int entity, int owner, const char *role, int32_t from, int32_t to)
{
    for (int i = 0; i < m->n_credits; i++) {
        const struct n_credit *c = &m->credits[i];
        if (!c->ended && c->entity == entity && c->owner == owner && strcmp(c->role, role) == 0 && c->from == from && c->to == to)
            return false;
    }
    PUSH(m->credits, m->n_credits, m->cap_credits) = (struct n_credit){entity, owner, role, from, to, false};
    return true;
}

int naive_credit_end(struct naive *m, int entity, int owner, const char *role)
{
    int n = 0;
    for (int i = 0; i < m->n_credits; i++) {
        struct n_credit *c = &m->credits[i];
        bool hit = !c->ended && c->entity == entity && c->owner == owner && (!role || strcmp(c->role, role) == 0);
        c->ended = c->ended || hit;
        n += hit;
    }
    return n;
}

/* ---- derived, from the start -------------------------------------------------------------------------------------------------------------- */

/* The GMV of the reading that o belongs to: said at the same instant by its run, else by the newest earlier one. */
static bool gmv_of(const struct naive *m, const struct n_obs *o, int64_t *ret)
{
    int64_t run = 0;
    for (int i = naive_cell(m, o->entity, o->win, M_GMV, o->day)->obs; i >= 0; i = m->obs[i].next) {
        const struct n_obs *g = &m->obs[i];
        int64_t id = m->runs[g->run].id;
        if (g->captured_at == o->captured_at && g->absence == NILO_PRESENT && naive_counts(m, g) && id <= m->runs[o->run].id && id > run) {
            run = id;
            *ret = g->value;
        }
    }
    return run > 0;
}

/* Plain metrics: the greatest value, its first sight. Ratios: the greatest GMV, ties to the later; no GMV is weaker than any. */
static bool better(const struct naive *m, const struct n_best *b, const struct n_best *in)
{
    const struct n_obs *o = &m->obs[in->obs], *now = b->obs >= 0 ? &m->obs[b->obs] : NULL;
    if (!now)
        return true;
    bool later = o->day != now->day                               ? o->day > now->day
                 : o->captured_at != now->captured_at             ? o->captured_at > now->captured_at
                 : m->runs[o->run].id != m->runs[now->run].id     ? m->runs[o->run].id > m->runs[now->run].id
                                                                  : o->win > now->win;
    if (!m->metrics[o->metric].with_gmv)
        return o->value != now->value ? o->value > now->value : !later;
    if (in->has_gmv != b->has_gmv)
        return in->has_gmv;
    return in->has_gmv && in->gmv != b->gmv ? in->gmv > b->gmv : later;
}

void naive_best(const struct naive *m, struct n_best best[N_ENTITIES][N_METRICS])
{
    for (int i = 0; i < N_ENTITIES * N_METRICS; i++)
        best[i / N_METRICS][i % N_METRICS] = (struct n_best){-1, false, 0};
    for (int i = 0; i < m->n_obs; i++) {
        const struct n_obs *o = &m->obs[i];
        struct n_best in = {i, false, 0}, *now = &best[o->entity][o->metric];
        if (o->absence != NILO_PRESENT || o->corrected_away || !naive_counts(m, o))
            continue;
        in.has_gmv = m->metrics[o->metric].with_gmv && gmv_of(m, o, &in.gmv);
        if (better(m, now, &in))
            *now = in;
    }
}

void naive_look(struct naive *m)
{
    int n = N_ENTITIES * N_WINS * N_METRICS * m->n_days;
    for (int i = 0; i < n; i++)
        m->shown[i] = naive_shown(m, &m->cells[i], naive_closed(m, i / (n / N_ENTITIES), m->first_day + i % m->n_days));
}

const struct n_shown *naive_seen(const struct naive *m, int entity, int win, int metric, int32_t day)
{
    return &m->shown[naive_cell(m, entity, win, metric, day) - m->cells];
}

/* On which days of the world an item counts in a scope; false: on none. */
static bool days_in_scope(const struct naive *m, int kind, int scope, int entity, bool *here)
{
    const struct n_conn *c = &m->conns[m->entities[entity].conn];
    bool all = kind == 0 ? c->workspace == scope && !c->competitor : kind == 1 && m->entities[entity].conn == scope, any = all;
    for (int d = 0; d < m->n_days; d++)
        here[d] = all;
    for (int i = 0; i < m->n_credits && kind == 2 && !c->competitor; i++) {
        const struct n_credit *k = &m->credits[i];
        for (int d = 0; d < m->n_days && !k->ended && k->entity == entity && k->owner == scope; d++) {
            bool covered = k->from <= m->first_day + d && m->first_day + d <= k->to;
            here[d] = here[d] || covered;
            any = any || covered;
        }
    }
    return any;
}

static bool read_on(const struct naive *m, int entity, int win, int32_t day)
{
    for (int metric = 0; metric < N_METRICS; metric++) {
        const struct n_shown *s = naive_seen(m, entity, win, metric, day);
        if (s->is && says(s->obs->absence))
            return true;
    }
    return false;
}

void naive_total(const struct naive *m, int kind, int scope, int win, int metric, struct n_total *out)
{
    bool *here = m->here;
    memset(out, 0, (size_t)m->n_days * sizeof *out);
    if (metric >= 0 && m->metrics[metric].type != NILO_COUNT)
        return; /* averages and percentages do not add up */
    for (int e = 0; e < N_ENTITIES; e++) {
        /* what an app counts under a name of the items is no item either */
        bool adds = m->entities[e].kind != NILO_ACCOUNT && (m->entities[e].kind != NILO_APP || metric > M_DURATION);
        bool wanted = metric < 0 ? m->entities[e].kind == NILO_CONTENT : adds;
        int64_t value = 0;
        bool known = false;
        wanted = wanted && days_in_scope(m, kind, scope, e, here);
        for (int d = 0; d < m->n_days && wanted; d++) {
            int32_t day = m->first_day + d;
            bool fresh;
            if (metric < 0) {
                fresh = read_on(m, e, win, day);
            } else {
                const struct n_shown *s = naive_seen(m, e, win, metric, day);
                fresh = s->is && s->obs->absence == NILO_PRESENT;
                value = fresh ? s->obs->value : value;
            }
            known = known || fresh;
            if (!here[d])
                continue;
            bool flow = metric >= 0 && m->metrics[metric].aggregation == NILO_FLOW;
            out[d].fresh += fresh;
            out[d].items += known && !flow;
            out[d].sum += metric >= 0 && (flow ? fresh : known) ? value : 0;
        }
    }
}
