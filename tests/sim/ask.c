/* Asking: the same questions that people put, through the one read path, beside a naive reading of the log: every reading in one list, each answer
 * worked out from the start. It shares with the program what a reading is and the zone files, nothing else. */
#include "sim/sim.h"

#include "query/query.h"

#include <stdlib.h>
#include <string.h>

#define ITEMS_MAX 400
#define DAYS_MAX  60
#define COLUMNS   6

/* ---- answers ---------------------------------------------------------------------------------------------------------------------------------- */

struct answer {
    struct nilo_arena arena;
    const char **cells; /* "" = null */
    size_t rows, cap, columns;
};

static int on_head(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    struct answer *a = ctx;
    (void)err;
    a->columns = head->n;
    return 0;
}

static int on_row(void *ctx, const struct nilo_datum *cells, struct nilo_err *err)
{
    struct answer *a = ctx;
    if (a->rows == a->cap) {
        a->cap = a->cap > 0 ? 2 * a->cap : 256;
        a->cells = realloc(a->cells, a->cap * COLUMNS * sizeof *a->cells);
        assert_non_null(a->cells);
    }
    for (size_t i = 0; i < a->columns && i < COLUMNS; i++) {
        char out[NILO_DATUM_MAX];
        size_t len;
        const char *text = nilo_datum_text(&cells[i], out, &len);
        a->cells[a->rows * COLUMNS + i] = nilo_arena_printf(&a->arena, "%.*s", (int)len, text);
    }
    a->rows++;
    (void)err;
    return 0;
}

static void ask(struct sim *s, const char *text, struct answer *a)
{
    const struct nilo_request request = {.range_first = -1, .range_last = -1, .any_range = true};
    const struct nilo_sink sink = {on_head, on_row, a};
    struct nilo_query *q = NULL;
    *a = (struct answer){0};
    nilo_arena_init(&a->arena, 0);
    sim_must(s, nilo_query_text(s->store, text, strlen(text), &request, &q, NULL, &s->err), text);
    sim_must(s, nilo_query_run(q, s->store, &NILO_SCOPE_ALL, &sink, &s->err), text);
    nilo_query_free(q);
    s->r->asked++;
}

static const char *cell(const struct answer *a, size_t row, size_t column)
{
    return a->cells[row * COLUMNS + column];
}
static int64_t count(const struct answer *a, size_t row, size_t column)
{
    return strtoll(cell(a, row, column), NULL, 10);
}

static void done(struct answer *a)
{
    nilo_arena_done(&a->arena);
    free(a->cells);
}

/* ---- the model -------------------------------------------------------------------------------------------------------------------------------- */

struct shown {
    bool is, fixed; /* fixed: a value, or an absence that is an answer */
    nilo_us captured;
    int64_t value;
    enum nilo_absence absence;
};

struct model {
    int first_day, n_items;
    int64_t readings;
    struct {
        char id[48];
        bool ended;    /* the run of the last one came to its end */
        int last_day;  /* on which it was read: an answer came to any of its metrics. -1 = never */
        struct shown days[DAYS_MAX], last, best; /* last: of all days, the newest that is an answer; best: the greatest value ever read */
    } items[ITEMS_MAX];
};

static struct model model;

static int item_of(const char *id, size_t n, bool make)
{
    for (int i = 0; i < model.n_items; i++)
        if (strlen(model.items[i].id) == n && memcmp(model.items[i].id, id, n) == 0)
            return i;
    if (!make)
        return -1;
    assert_true(model.n_items < ITEMS_MAX && n < sizeof model.items[0].id);
    memcpy(model.items[model.n_items].id, id, n);
    model.items[model.n_items].id[n] = '\0';
    return model.n_items++;
}

static bool is_answer(enum nilo_absence absence)
{
    return absence == NILO_PRESENT || absence == NILO_HIDDEN || absence == NILO_UNSUPPORTED || absence == NILO_DELETED;
}

/* The last reading of the day that is an answer counts; where there is none, the last one. */
static void put(struct shown *at, nilo_us captured, int64_t value, enum nilo_absence absence)
{
    bool fixed = is_answer(absence);
    if (at->is && (at->fixed > fixed || (at->fixed == fixed && at->captured > captured)))
        return;
    *at = (struct shown){true, fixed, captured, value, absence};
}

/* All readings of lifetime values, as the log has them; what a quarantined or rejected run read does not count. Views are what is asked for, but an item is
 * read when anything of it is: shares come from another service than views. */
static void build(struct sim *s)
{
    memset(&model, 0, sizeof model);
    model.first_day = nilo_zone_day(s->zone, s->began).n - 1;
    struct nilo_db_stmt *stmt = sim_rows(s, "SELECT e.external_id, o.captured_at, o.value, o.absence, r.status, o.metric_id FROM observation o JOIN run r ON r.id = o.run_id "
                                            "JOIN entity e ON e.bucket = o.bucket AND e.id = o.entity_id WHERE e.kind = 0 AND o.win = 0 AND "
                                            "(o.metric_id = 1 OR o.absence IN (0, 1, 2, 3)) ORDER BY o.captured_at, o.run_id");
    while (nilo_db_row(stmt, &s->err) == 1) {
        struct nilo_db_value id = nilo_db_column(stmt, 0);
        nilo_us captured = nilo_db_column_int(stmt, 1);
        int64_t value = nilo_db_column_int(stmt, 2), status = nilo_db_column_int(stmt, 4);
        enum nilo_absence absence = (enum nilo_absence)nilo_db_column_int(stmt, 3);
        bool views = nilo_db_column_int(stmt, 5) == 1;
        int day = nilo_zone_day(s->zone, captured).n - model.first_day, n = model.n_items, at = item_of(id.p, id.len, true);
        assert_true(day >= 0 && day < DAYS_MAX);
        if (at == n)
            model.items[at].last_day = -1;
        model.readings += views;
        if (!nilo_run_status_counts((enum nilo_run_status)status))
            continue;
        if (is_answer(absence) && day > model.items[at].last_day)
            model.items[at].last_day = day;
        if (!views)
            continue;
        put(&model.items[at].days[day], captured, value, absence);
        put(&model.items[at].last, captured, value, absence);
        model.items[at].ended = status == NILO_COMPLETED || status == NILO_PARTIAL;
        if (absence == NILO_PRESENT && (!model.items[at].best.is || value > model.items[at].best.value))
            model.items[at].best = (struct shown){true, true, captured, value, absence};
    }
}

static int day_of(struct sim *s, const char *text)
{
    nilo_day day = NILO_DAY_NONE;
    if (nilo_day_parse(text, strlen(text), &day, &s->err) < 0)
        sim_broken(s, "no day: %s", text);
    return day.n - model.first_day;
}

/* ---- questions -------------------------------------------------------------------------------------------------------------------------------- */

static void ask_observations(struct sim *s)
{
    struct answer a;
    ask(s, "observations?entity=eq.content&metric=eq.views&select=external_id,day,captured_at", &a);
    if ((int64_t)a.rows != model.readings)
        sim_broken(s, "observations answers %zu readings of %lld", a.rows, (long long)model.readings);
    for (size_t i = 0; i < a.rows; i++) {
        struct nilo_iso at;
        if (nilo_iso_parse(cell(&a, i, 2), strlen(cell(&a, i, 2)), &at, &s->err) < 0 || nilo_zone_day(s->zone, at.us).n != day_of(s, cell(&a, i, 1)) + model.first_day)
            sim_broken(s, "observations: what was read at %s is of %s", cell(&a, i, 2), cell(&a, i, 1));
    }
    done(&a);
}

/* A cell of an answer is what the model shows, or empty where that is no value. */
static void same(struct sim *s, const char *what, const char *id, const char *day, const char *text, const struct shown *wanted)
{
    bool present = wanted->is && wanted->absence == NILO_PRESENT;
    if (present != (text[0] != '\0') || (present && strtoll(text, NULL, 10) != wanted->value))
        sim_broken(s, "%s of %s on %s: \"%s\", and the log says %s%lld", what, id, day, text, present ? "" : "nothing, ", (long long)wanted->value);
}

static void ask_snapshots(struct sim *s)
{
    struct answer a;
    int64_t wanted = 0, got = 0;
    ask(s, "content_snapshots?select=external_id,day,views&window_days=eq.0", &a);
    for (size_t i = 0; i < a.rows; i++) {
        int item = item_of(cell(&a, i, 0), strlen(cell(&a, i, 0)), false), day = day_of(s, cell(&a, i, 1));
        if (item < 0 || day < 0 || day >= DAYS_MAX) {
            sim_broken(s, "content_snapshots: nobody has read %s on %s", cell(&a, i, 0), cell(&a, i, 1));
            continue;
        }
        same(s, "content_snapshots", cell(&a, i, 0), cell(&a, i, 1), cell(&a, i, 2), &model.items[item].days[day]);
        got += cell(&a, i, 2)[0] != '\0';
    }
    for (int i = 0; i < model.n_items; i++)
        for (int d = 0; d < DAYS_MAX; d++)
            wanted += model.items[i].days[d].is && model.items[i].days[d].absence == NILO_PRESENT;
    if (wanted != got)
        sim_broken(s, "content_snapshots answers %lld values of %lld", (long long)got, (long long)wanted);
    done(&a);
}

static void ask_latest_and_best(struct sim *s)
{
    struct answer a;
    ask(s, "content_latest?select=external_id,day,views", &a);
    /* "Transient absences never hide an earlier value" (SEMANTICS 2.3): the newest day on which there was an answer, and every item that ever gave one */
    size_t read = 0;
    for (int i = 0; i < model.n_items; i++)
        read += model.items[i].last_day >= 0;
    if (a.rows != read)
        sim_broken(s, "content_latest answers %zu items of %zu", a.rows, read);
    for (size_t i = 0; i < a.rows; i++) {
        int item = item_of(cell(&a, i, 0), strlen(cell(&a, i, 0)), false), last = item >= 0 ? model.items[item].last_day : -1;
        if (last < 0 || last != day_of(s, cell(&a, i, 1)))
            sim_broken(s, "content_latest: %s was read last on %s", cell(&a, i, 0), cell(&a, i, 1));
        else
            same(s, "content_latest", cell(&a, i, 0), cell(&a, i, 1), cell(&a, i, 2), &model.items[item].days[last]);
    }
    done(&a);
    ask(s, "content_best?select=external_id,views", &a);
    int64_t with = 0, values = 0;
    for (int i = 0; i < model.n_items; i++)
        with += model.items[i].best.is;
    for (size_t i = 0; i < a.rows; i++) {
        int item = item_of(cell(&a, i, 0), strlen(cell(&a, i, 0)), false);
        same(s, "content_best", cell(&a, i, 0), "any day", cell(&a, i, 1), item >= 0 ? &model.items[item].best : &(struct shown){0});
        values += cell(&a, i, 1)[0] != '\0';
    }
    if (values != with)
        sim_broken(s, "content_best answers %lld items of %lld", (long long)values, (long long)with);
    done(&a);
}

/* A total on a day: of each item the newest known value up to it. */
static void ask_totals(struct sim *s)
{
    struct answer a;
    ask(s, "rpc/timeseries?metric=views&select=period,value,known,fresh", &a);
    for (size_t i = 0; i < a.rows; i++) {
        int day = day_of(s, cell(&a, i, 0));
        int64_t sum = 0, known = 0, fresh = 0;
        for (int k = 0; k < model.n_items; k++) {
            const struct shown *newest = NULL;
            for (int d = 0; d <= day && d < DAYS_MAX; d++) {
                const struct shown *at = &model.items[k].days[d];
                if (at->is && at->absence == NILO_PRESENT) {
                    newest = at;
                    fresh += d == day;
                }
            }
            sum += newest != NULL ? newest->value : 0;
            known += newest != NULL;
        }
        if (count(&a, i, 1) != sum || count(&a, i, 2) != known || count(&a, i, 3) != fresh)
            sim_broken(s, "timeseries of %s: %s views of %s items, %s of them fresh; the log says %lld, %lld, %lld", cell(&a, i, 0), cell(&a, i, 1), cell(&a, i, 2),
                       cell(&a, i, 3), (long long)sum, (long long)known, (long long)fresh);
    }
    if (a.rows == 0 && model.readings > 0)
        sim_broken(s, "timeseries answers nothing");
    done(&a);
}

/* What collect reported is what the log of runs says, and connections are what they are. */
static void ask_status(struct sim *s)
{
    struct answer a;
    size_t reported = 0;
    ask(s, "runs?select=id,status&order=id", &a);
    for (size_t k = 0; k < s->n_runs; k++) {
        bool there = false;
        for (size_t i = 0; i < a.rows && !there; i++)
            there = count(&a, i, 0) == s->runs[k].id && strcmp(cell(&a, i, 1), s->runs[k].status) == 0;
        reported += there;
        if (!there)
            sim_broken(s, "run %lld was reported as %s, and the log says otherwise", (long long)s->runs[k].id, s->runs[k].status);
    }
    if (reported > a.rows)
        sim_broken(s, "runs answers %zu of %zu runs", a.rows, reported);
    done(&a);
    ask(s, "connections?select=name,status&order=name", &a);
    if (a.rows != SIM_CONNECTIONS)
        sim_broken(s, "connections answers %zu", a.rows);
    for (size_t i = 0; i < a.rows; i++)
        if (strcmp(cell(&a, i, 1), "connected") != 0 && strcmp(cell(&a, i, 1), "failing") != 0)
            sim_broken(s, "connection %s is %s, and nobody has disabled it", cell(&a, i, 0), cell(&a, i, 1));
    done(&a);
}

/* Gone is what the last answer said so of. That something is back is told at a run's end: where there was none, the next run tells it. */
static void ask_content(struct sim *s)
{
    struct answer a;
    ask(s, "content?select=external_id,deleted_at", &a);
    for (size_t i = 0; i < a.rows; i++) {
        int item = item_of(cell(&a, i, 0), strlen(cell(&a, i, 0)), false);
        if (item < 0 || !model.items[item].last.is || !model.items[item].ended)
            continue;
        bool gone = model.items[item].last.absence == NILO_DELETED;
        if (gone != (cell(&a, i, 1)[0] != '\0'))
            sim_broken(s, "content: %s is%s deleted, and the log says otherwise", cell(&a, i, 0), gone ? " not" : "");
    }
    done(&a);
}

void sim_ask(struct sim *s)
{
    build(s);
    ask_observations(s);
    ask_snapshots(s);
    ask_latest_and_best(s);
    ask_totals(s);
    ask_status(s);
    ask_content(s);
}
