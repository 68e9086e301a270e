/* top_content, growth, timeseries and owner_profile on both engines against a second computation: plain C over the rows that were put in,
 * random with fixed seeds. What the record shows is an array here; nothing of the store's derived tables or of query's own arithmetic is used. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/query.h"
#include "record/record.h"
#include "store/stores.h"

enum { N_ITEMS = 24, N_DAYS = 75, N_WINS = 3, N_METRICS = 4, N_OWNERS = 3, N_CONNS = 3, ASKS = 120 };
enum { VIEWS, LIKES, GMV, SALES };
static const int wins[N_WINS] = {0, 30, 90};
static const char *const metric_names[N_METRICS] = {"views", "likes", "gmv", "sales"};
static const int scales[N_METRICS] = {0, 0, 2, 0};
static const char *const conns[N_CONNS] = {"tube", "tok", "rival"};
static const char *const platforms[N_CONNS] = {"youtube", "tiktok", "youtube"};

enum state { NOTHING, VALUE, HIDDEN };
struct cell {
    enum state state;
    int64_t value;
};
struct world {
    struct stores *s;
    uint64_t seed;
    int32_t first; /* day */
    int owner[N_ITEMS]; /* -1 none */
    int32_t posted[N_ITEMS]; /* day, 0 none */
    struct cell cell[N_ITEMS][N_WINS][N_DAYS + 1][N_METRICS]; /* the last day is behind them: empty */
    bool has_best[N_ITEMS][N_METRICS];
    int64_t best[N_ITEMS][N_METRICS];
};
static struct world w;

static uint64_t next(uint64_t below)
{
    w.seed = w.seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (w.seed >> 33) % below;
}
static int conn_of(int item) { return item % N_CONNS; }

/* ---- filling ------------------------------------------------------------------------------------------------------------------------ */

static int32_t metric_id(int m)
{
    return nilo_catalog_by_name(nilo_store_catalog(w.s->store), metric_names[m])->id;
}

static void add_reading(struct nilo_recorder *r, int item, int win, int day)
{
    struct nilo_reading_value values[N_METRICS];
    char id[16], title[16], owner[16];
    size_t n = 0;
    struct cell *cells = w.cell[item][win][day];
    for (int m = 0; m < N_METRICS; m++) {
        uint64_t dice = next(10);
        if (dice == 0)
            continue;
        values[n] = (struct nilo_reading_value){.metric = metric_id(m)};
        if (dice == 1) {
            values[n++].absence = NILO_HIDDEN;
            cells[m] = (struct cell){HIDDEN, 0};
            continue;
        }
        int64_t v = (int64_t)next(40) == 0 ? (int64_t)next(1000000) : 500 * day + (int64_t)next(900) + (win ? 1000 : 0);
        values[n++].value = v;
        cells[m] = (struct cell){VALUE, v};
        if (!w.has_best[item][m] || v > w.best[item][m])
            w.best[item][m] = v;
        w.has_best[item][m] = true;
    }
    if (n == 0)
        return;
    snprintf(id, sizeof id, "%c%d", 'a' + item % 5, item);
    snprintf(title, sizeof title, "T%d", item);
    snprintf(owner, sizeof owner, "owner%d", w.owner[item]);
    struct nilo_attrs attrs = {.title = title,
                               .posted_at = w.posted[item] ? w.posted[item] * NILO_US_DAY + 3 * NILO_US_HOUR : NILO_US_NONE,
                               .deleted_at = NILO_US_NONE,
                               .at = 1,
                               .duration_ms = -1};
    struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = id, .win = wins[win], .captured_at = NILO_US_NONE,
                                   .day = NILO_DAY(w.first + day), .attrs = &attrs, .owner = w.owner[item] < 0 ? NULL : owner,
                                   .values = values, .n_values = n};
    ok(w.s, nilo_record_add(r, &reading, &w.s->err));
}

static void import(const struct nilo_connection *c, int conn, bool revise, unsigned one_in)
{
    struct nilo_recorder *r;
    struct nilo_arena arena;
    struct nilo_run run;
    struct nilo_run_options o = {.kind = NILO_RUN_IMPORT, .provenance = NILO_IMPORTED, .revise = revise,
                                 .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE};
    ok(w.s, nilo_record_begin(w.s->store, c, &o, &r, &w.s->err));
    for (int item = 0; item < N_ITEMS; item++)
        for (int win = 0; win < N_WINS && conn_of(item) == conn; win++)
            for (int day = 0; day < N_DAYS; day++)
                if (item != 7 && (win == 0 ? next(10) < 8 : item % 4 != 0 && next(10) < 2) && next(one_in) == 0)
                    add_reading(r, item, win, day);
    nilo_arena_init(&arena, 0);
    ok(w.s, nilo_record_finish(r, NULL, &arena, &run, &w.s->err));
    nilo_arena_done(&arena);
}

static void fill(struct stores *s, uint64_t seed)
{
    memset(&w, 0, sizeof w);
    w.s = s;
    w.seed = seed;
    w.first = stores_day("2025-01-04").n;
    const struct nilo_metric sales = {.name = "sales", .type = NILO_COUNT, .kind = NILO_PERIOD, .aggregation = NILO_FLOW, .wide = true};
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_metric_define(s->store, &sales, NULL, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
    for (int i = 0; i < N_ITEMS; i++) {
        w.owner[i] = (int)next(N_OWNERS + 1) - 1;
        w.posted[i] = next(4) ? w.first + (int32_t)next(30) : 0;
    }
    for (int k = 0; k < N_CONNS; k++) {
        struct nilo_connection c = stores_connection(s, "w", NULL, conns[k], platforms[k], "db");
        import(&c, k, false, 1);
        import(&c, k, true, 15); /* closed by now: these are amendments */
    }
    struct nilo_connection rival = stores_connection(s, "w", NULL, "rival", platforms[2], "db");
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_connection_role(s->store, rival.id, "competitor", &s->err)); /* after the fact: the sums follow */
    ok(s, nilo_store_commit(s->store, &s->err));
    assert_true(stores_int(s, "SELECT count(*) FROM day_value WHERE seq > 0") > 100); /* there is something to look behind */
}

/* ---- asking -------------------------------------------------------------------------------------------------------------------------- */

static int to_buf(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    (void)err;
    return nilo_buf_add(ctx, p, n);
}

/* "function name=value ..." to CSV without its head; owner: caller */
static char *ask(const char *text)
{
    struct nilo_query *q;
    struct nilo_writer *writer;
    struct nilo_buf buf;
    struct nilo_arg args[16];
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    const struct nilo_scope scope = NILO_SCOPE_ALL;
    char *copy = strdup(text), *save, *name = strtok_r(copy, " ", &save), *word;
    size_t n = 0;
    while ((word = strtok_r(NULL, " ", &save)) != NULL) {
        char *equals = strchr(word, '=');
        *equals = '\0';
        args[n++] = (struct nilo_arg){word, equals + 1};
    }
    request.any_range = true;
    nilo_buf_init(&buf, (size_t)64 << 20);
    ok(w.s, nilo_query_call(name, args, n, &request, &q, NULL, &w.s->err));
    ok(w.s, nilo_writer_new(NILO_FORMAT_CSV, false, to_buf, &buf, &writer, &w.s->err));
    struct nilo_sink sink = nilo_writer_sink(writer);
    if (nilo_query_run(q, w.s->store, &scope, &sink, &w.s->err) != 0)
        fail_msg("%s: %s", text, w.s->err.msg);
    ok(w.s, nilo_writer_end(writer, &w.s->err));
    nilo_writer_free(writer);
    nilo_query_free(q);
    free(copy);
    char *rows = strdup(strchr(nilo_buf_str(&buf), '\n') + 1);
    nilo_buf_done(&buf);
    return rows;
}

static void same(const char *request, const struct nilo_buf *expected)
{
    char *got = ask(request);
    if (strcmp(got, nilo_buf_str(expected)) != 0)
        fail_msg("%s\n# answers:\n%s# and should:\n%s", request, got, nilo_buf_str(expected));
    free(got);
}

static void put_value(struct nilo_buf *b, nilo_i128 v, int m)
{
    char text[NILO_DECIMAL_TEXT];
    nilo_decimal_format(v, scales[m], true, text);
    nilo_buf_adds(b, text);
}
static void put_day(struct nilo_buf *b, int32_t day)
{
    char text[NILO_DAY_TEXT];
    nilo_day_format(NILO_DAY(day), text);
    nilo_buf_adds(b, text);
}

/* ---- top_content ----------------------------------------------------------------------------------------------------------------------- */

struct top {
    int period; /* -1 all, else index of wins */
    int order, min_metric, owner, conn, platform;
    bool ascending;
    int64_t min;
    int32_t from, to; /* posted, 0 = open */
    int limit, offset;
};

static int newest(int item, int win)
{
    for (int day = N_DAYS - 1; day >= 0; day--)
        for (int m = 0; m < N_METRICS; m++)
            if (w.cell[item][win][day][m].state != NOTHING)
                return day;
    return -1;
}

static bool value_of(const struct top *t, int item, int m, int64_t *ret)
{
    if (t->period < 0) {
        *ret = w.best[item][m];
        return w.has_best[item][m];
    }
    int day = newest(item, t->period);
    *ret = day < 0 ? 0 : w.cell[item][t->period][day][m].value;
    return day >= 0 && w.cell[item][t->period][day][m].state == VALUE;
}

static bool listed(const struct top *t, int item)
{
    bool recorded = false;
    int64_t v;
    for (int win = 0; win < N_WINS; win++)
        recorded |= newest(item, win) >= 0;
    if (!recorded || (t->owner >= 0 && w.owner[item] != t->owner) || (t->conn >= 0 && conn_of(item) != t->conn) ||
        (t->platform >= 0 && strcmp(platforms[conn_of(item)], platforms[t->platform]) != 0))
        return false;
    if (t->conn < 0 && conn_of(item) == 2)
        return false; /* a competitor's */
    if ((t->from || t->to) && (!w.posted[item] || (t->from && w.posted[item] < t->from) || (t->to && w.posted[item] > t->to)))
        return false;
    return t->min_metric < 0 || (value_of(t, item, t->min_metric, &v) && v >= t->min);
}

static const struct top *sorting;
static int by_rank(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    int64_t v, u;
    bool has_v = value_of(sorting, x, sorting->order, &v), has_u = value_of(sorting, y, sorting->order, &u);
    char p[16], q[16];
    if (has_v != has_u)
        return has_v ? -1 : 1;
    if (has_v && v != u)
        return (v > u) != sorting->ascending ? -1 : 1;
    snprintf(p, sizeof p, "%c%d", 'a' + x % 5, x);
    snprintf(q, sizeof q, "%c%d", 'a' + y % 5, y);
    return strcmp(p, q);
}

/* The columns that tell: connection, id, title, window and day of a snapshot, why there is none, the value. */
static void expect_row(const struct top *t, int item, char **at)
{
    struct nilo_buf b;
    char line[512], word[64];
    int64_t v;
    bool has = value_of(t, item, t->order, &v);
    int day = t->period < 0 ? -1 : newest(item, t->period);
    size_t len = strcspn(*at, "\n");
    nilo_buf_init(&b, 4096);
    snprintf(line, sizeof line, "%.*s", (int)len, *at);
    *at += len + 1;
    snprintf(word, sizeof word, "w,%s,%s,%c%d,", conns[conn_of(item)], platforms[conn_of(item)], 'a' + item % 5, item);
    if (strncmp(line, word, strlen(word)) != 0)
        fail_msg("item %d is expected, not %s", item, line);
    snprintf(word, sizeof word, ",T%d,", item);
    assert_non_null(strstr(line, word));
    if (day >= 0) {
        nilo_buf_addf(&b, ",%d,", wins[t->period]);
        put_day(&b, w.first + day);
        if (!strstr(line, nilo_buf_str(&b)))
            fail_msg("%s is expected in %s", nilo_buf_str(&b), line);
    }
    if (!has) {
        bool hidden = day >= 0 && w.cell[item][t->period < 0 ? 0 : t->period][day][t->order].state == HIDDEN;
        /* the best is a fold over all windows, so each may say why there is none */
        for (int win = 0; win < N_WINS && t->period < 0; win++)
            hidden |= newest(item, win) >= 0 && w.cell[item][win][newest(item, win)][t->order].state == HIDDEN;
        snprintf(word, sizeof word, "\"\"%s\"\":\"\"%s\"\"", metric_names[t->order], hidden ? "hidden" : "not_collected");
        if (!strstr(line, word))
            fail_msg("%s is expected in %s", word, line);
    }
    nilo_buf_reset(&b);
    nilo_buf_addc(&b, ',');
    if (has)
        put_value(&b, v, t->order);
    /* order comes first of the metrics; the one with a least value may follow */
    char *tail = strstr(line, "}\",") ? strstr(line, "}\",") + 2 : strstr(line, "{},") + 2;
    size_t cut = strlen(nilo_buf_str(&b));
    if (strncmp(tail, nilo_buf_str(&b), cut) != 0 || (tail[cut] && tail[cut] != ','))
        fail_msg("%s is expected behind the absences of %s", nilo_buf_str(&b), line);
    nilo_buf_done(&b);
}

static void check_top(const struct top *t)
{
    struct nilo_buf request;
    int list[N_ITEMS], n = 0;
    nilo_buf_init(&request, 1000);
    nilo_buf_addf(&request, "top_content order=%s%s", metric_names[t->order], t->ascending ? ".asc" : "");
    if (t->period < 0)
        nilo_buf_adds(&request, " period=all");
    else if (t->period == 0)
        nilo_buf_adds(&request, " period=latest");
    else
        nilo_buf_addf(&request, " period=%d", wins[t->period]);
    if (t->min_metric >= 0) {
        nilo_buf_addf(&request, " min_%s=", metric_names[t->min_metric]);
        put_value(&request, t->min, t->min_metric);
    }
    if (t->owner >= 0)
        nilo_buf_addf(&request, " owner=owner%d", t->owner);
    if (t->conn >= 0)
        nilo_buf_addf(&request, " connection=%s", conns[t->conn]);
    if (t->platform >= 0)
        nilo_buf_addf(&request, " platform=%s", platforms[t->platform]);
    if (t->from) {
        nilo_buf_adds(&request, " posted_from=");
        put_day(&request, t->from);
    }
    if (t->to) {
        nilo_buf_adds(&request, " posted_to=");
        put_day(&request, t->to);
    }
    if (t->limit >= 0)
        nilo_buf_addf(&request, " limit=%d", t->limit);
    if (t->offset)
        nilo_buf_addf(&request, " offset=%d", t->offset);
    for (int i = 0; i < N_ITEMS; i++)
        if (listed(t, i))
            list[n++] = i;
    sorting = t;
    qsort(list, (size_t)n, sizeof *list, by_rank);
    char *got = ask(nilo_buf_str(&request)), *at = got;
    int last = t->limit >= 0 && t->offset + t->limit < n ? t->offset + t->limit : n;
    for (int i = t->offset; i < last; i++) {
        if (!*at)
            fail_msg("%s: only %d rows", nilo_buf_str(&request), i - t->offset);
        expect_row(t, list[i], &at);
    }
    if (*at)
        fail_msg("%s: more than %d rows: %s", nilo_buf_str(&request), last - t->offset, at);
    free(got);
    nilo_buf_done(&request);
}

static void top_content_is_what_sorting_by_hand_gives(struct stores *s)
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        if (seed > 1)
            stores_fresh(s);
        fill(s, seed);
        for (int i = 0; i < ASKS; i++) {
            struct top t = {.period = (int)next(N_WINS + 1) - 1, .order = (int)next(N_METRICS), .min_metric = -1, .owner = -1,
                            .conn = -1, .platform = -1, .limit = -1, .ascending = next(4) == 0};
            if (next(3) == 0) {
                t.min_metric = (int)next(N_METRICS);
                t.min = (int64_t)next(40000);
            }
            if (next(3) == 0)
                t.owner = (int)next(N_OWNERS);
            if (next(4) == 0)
                t.conn = (int)next(N_CONNS);
            if (next(4) == 0)
                t.platform = (int)next(2);
            if (next(4) == 0)
                t.from = w.first + (int32_t)next(30);
            if (next(4) == 0)
                t.to = (t.from ? t.from : w.first) + (int32_t)next(30);
            if (next(3) == 0) {
                t.limit = (int)next(6);
                t.offset = (int)next(5);
            }
            check_top(&t);
        }
    }
}

/* ---- series ------------------------------------------------------------------------------------------------------------------------------ */

struct scope {
    int owner, item; /* -1: the workspace; neither it nor an owner has the competitor's items */
};

static bool within(const struct scope *c, int item)
{
    if (c->item >= 0)
        return item == c->item;
    return conn_of(item) != 2 && (c->owner < 0 || w.owner[item] == c->owner);
}

struct period {
    bool has, read;
    nilo_i128 value;
    int32_t start, day;
};

/* The day's value, from the cells: a total of a level counts each item with its newest value. */
static bool day_value(const struct scope *c, int m, int day, nilo_i128 *ret, bool *ret_read)
{
    bool has = false;
    *ret = 0;
    *ret_read = false;
    for (int item = 0; item < N_ITEMS; item++) {
        if (!within(c, item))
            continue;
        for (int d = day; d >= 0; d--) {
            if (w.cell[item][0][d][m].state == VALUE) {
                *ret += w.cell[item][0][d][m].value;
                *ret_read |= d == day;
                has = true;
                break;
            }
            if (m == SALES || c->item >= 0)
                break; /* a flow, or an item alone: that day only */
        }
    }
    return has;
}

static int32_t start_of(int step, int32_t day)
{
    int year, month, dom;
    if (step == 1)
        return day - (nilo_day_weekday(NILO_DAY(day)) - 1);
    if (step == 0)
        return day;
    nilo_day_to_civil(NILO_DAY(day), &year, &month, &dom);
    return day - (dom - 1);
}

static struct period period_of(const struct scope *c, int m, int step, int32_t start, int32_t last)
{
    struct period p = {.start = start};
    for (int32_t d = start; d <= last && start_of(step, d) == start; d++) {
        nilo_i128 v;
        bool read;
        if (d < w.first || !day_value(c, m, d - w.first < N_DAYS ? d - w.first : N_DAYS, &v, &read))
            continue;
        p.value = m == SALES ? p.value + v : v;
        p.has = true;
        p.read |= read;
        p.day = d;
    }
    return p;
}

static int by_double(const void *a, const void *b)
{
    long double x = *(const long double *)a, y = *(const long double *)b;
    return (x > y) - (x < y);
}
static long double median(long double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_double);
    return (v[(n - 1) / 2] + v[n / 2]) / 2;
}

/* 1 yes, 0 no, -1 too near to the limit to tell in floating point */
static int unusual(const long double *changes, int n, long double change)
{
    long double v[64], mean = 0, limit;
    memcpy(v, changes, (size_t)n * sizeof *v);
    long double m = median(v, n);
    for (int i = 0; i < n; i++) {
        v[i] = fabsl(changes[i] - m);
        mean += v[i] / n;
    }
    long double mad = median(v, n);
    limit = mad > 0 ? 3.5L * mad / 0.6745L : 3.5L * 1.253314L * mean;
    long double far = fabsl(change - m);
    return fabsl(far - limit) < 1e-6L * (1 + limit) ? -1 : far > limit;
}

static int64_t column(const char *row, int at, bool *ret_null)
{
    for (int i = 0; i < at; i++)
        row = strchr(row, ',') + 1;
    *ret_null = *row == ',' || *row == '\n';
    char digits[40];
    size_t n = 0;
    for (; *row && *row != ',' && *row != '\n'; row++)
        if (*row != '.')
            digits[n++] = *row;
    digits[n] = '\0';
    return strtoll(digits, NULL, 10);
}

static int n_judged, n_unusual;

static void check_growth(const struct scope *c, int m, int step, int day)
{
    static const char *const steps[] = {"day", "week", "month"};
    struct nilo_buf request;
    char *got;
    const int32_t today = stores_day("2025-03-20").n;
    int32_t asked = w.first + day, start = start_of(step, asked), last = start;
    while (start_of(step, last + 1) == start)
        last++;
    int32_t end = last < today ? last : today;
    struct period p = period_of(c, m, step, start, end), before = {.has = false}, one;
    for (int32_t d = start - 1; d >= w.first - 31 && !before.has; d = start_of(step, d) - 1)
        before = period_of(c, m, step, start_of(step, d), d);
    long double changes[64];
    int n = 0, i = 0;
    struct period later = period_of(c, m, step, start_of(step, start - 1), start - 1);
    for (int32_t d = later.start - 1; i < 28 && d >= w.first; i++, d = later.start - 1, (void)0) {
        one = period_of(c, m, step, start_of(step, d), d);
        if (one.has && one.read && later.has && later.read)
            changes[n++] = (long double)(later.value - one.value);
        later = one;
    }
    nilo_buf_init(&request, 500);
    nilo_buf_addf(&request, "growth metric=%s step=%s day=", metric_names[m], steps[step]);
    put_day(&request, asked);
    if (c->owner >= 0)
        nilo_buf_addf(&request, " owner=owner%d", c->owner);
    if (c->item >= 0)
        nilo_buf_addf(&request, " external_id=%c%d", 'a' + c->item % 5, c->item);
    got = ask(nilo_buf_str(&request));
    bool null;
    if (!*got) {
        assert_true(!p.has && !before.has);
        free(got);
        nilo_buf_done(&request);
        return;
    }
    int64_t v = column(got, 1, &null);
    if (null == p.has || (p.has && v != (int64_t)p.value))
        fail_msg("%s: value of %s", nilo_buf_str(&request), got);
    v = column(got, 2, &null);
    if (null == before.has || (before.has && v != (int64_t)before.value))
        fail_msg("%s: previous of %s", nilo_buf_str(&request), got);
    v = column(got, 3, &null);
    if (null == (p.has && before.has) || (!null && v != (int64_t)(p.value - before.value)))
        fail_msg("%s: change of %s", nilo_buf_str(&request), got);
    v = column(got, 4, &null);
    if (!null) {
        long double pct = 10000.0L * (long double)(p.value - before.value) / fabsl((long double)before.value);
        if (fabsl(pct - (long double)v) > 0.5001L)
            fail_msg("%s: change_pct of %s is %Lf", nilo_buf_str(&request), got, pct);
    } else {
        assert_true(!p.has || !before.has || before.value == 0);
    }
    v = column(got, 9, &null);
    if (null || v != n)
        fail_msg("%s: judged by %d changes: %s", nilo_buf_str(&request), n, got);
    const char *word = got;
    for (int k = 0; k < 5; k++)
        word = strchr(word, ',') + 1;
    bool judged = p.has && p.read && before.has && before.read && n >= 7 && last < today && before.start == start_of(step, start - 1);
    int should = judged ? unusual(changes, n, (long double)(p.value - before.value)) : -2;
    const char *expected = should == -2 ? "," : should == 1 ? "true," : "false,";
    if (should != -1 && strncmp(word, expected, strlen(expected)) != 0)
        fail_msg("%s: significant should be \"%s\": %s", nilo_buf_str(&request), expected, got);
    n_judged += should >= 0;
    n_unusual += should == 1;
    free(got);
    nilo_buf_done(&request);
}

static void growth_is_what_medians_by_hand_give(struct stores *s)
{
    fill(s, 3);
    n_judged = n_unusual = 0;
    for (int i = 0; i < 2 * ASKS; i++) {
        struct scope c = {-1, -1};
        if (i % 3 == 1)
            c.owner = (int)next(N_OWNERS);
        if (i % 3 == 2)
            do
                c.item = (int)next(N_ITEMS);
            while (newest(c.item, 0) < 0);
        check_growth(&c, (int)next(N_METRICS), next(3) ? 0 : 1 + (int)next(2), (int)next(N_DAYS));
    }
    assert_true(n_judged > 30 && n_unusual > 3 && n_unusual < n_judged); /* else nothing was shown */
}

static void periods_are_what_adding_by_hand_gives(struct stores *s)
{
    static const char *const steps[] = {"day", "week", "month"};
    const int32_t today = stores_day("2025-03-20").n;
    fill(s, 4);
    for (int i = 0; i < ASKS; i++) {
        struct scope c = {i % 2 ? (int)next(N_OWNERS) : -1, -1};
        int m = (int)next(N_METRICS), step = (int)next(3);
        int32_t from = w.first + (int32_t)next(N_DAYS), to = from + (int32_t)next(40);
        struct nilo_buf request;
        nilo_buf_init(&request, 500);
        nilo_buf_addf(&request, "timeseries metric=%s step=%s from=", metric_names[m], steps[step]);
        put_day(&request, from);
        nilo_buf_adds(&request, " to=");
        put_day(&request, to);
        if (c.owner >= 0)
            nilo_buf_addf(&request, " owner=owner%d", c.owner);
        char *got = ask(nilo_buf_str(&request)), *row = got;
        to = to < today ? to : today;
        for (int32_t d = start_of(step, from); d <= to; row = strchr(row, '\n') + 1) {
            struct period p = period_of(&c, m, step, d, to), before = {.has = false};
            bool null;
            char text[NILO_DAY_TEXT];
            nilo_day_format(NILO_DAY(d), text);
            if (strncmp(row, text, 10) != 0)
                fail_msg("%s: %s is expected: %s", nilo_buf_str(&request), text, row);
            int64_t v = column(row, 1, &null);
            if (null == p.has || (p.has && v != (int64_t)p.value))
                fail_msg("%s: value of %s", nilo_buf_str(&request), row);
            for (int32_t b = d - 1; b >= w.first - 31 && !before.has; b = start_of(step, b) - 1)
                before = period_of(&c, m, step, start_of(step, b), b);
            v = column(row, 2, &null);
            if (null == (p.has && before.has) || (!null && v != (int64_t)(p.value - before.value)))
                fail_msg("%s: change of %s", nilo_buf_str(&request), row);
            int32_t now = d;
            while (start_of(step, d) == now)
                d++;
        }
        assert_string_equal(row, "");
        free(got);
        nilo_buf_done(&request);
    }
}

/* ---- owner_profile ----------------------------------------------------------------------------------------------------------------------- */

static void profiles_are_what_adding_by_hand_gives(struct stores *s)
{
    fill(s, 5);
    for (int owner = 0; owner < N_OWNERS; owner++) {
        struct scope c = {owner, -1};
        struct nilo_buf b;
        char request[64];
        snprintf(request, sizeof request, "owner_profile owner=owner%d", owner);
        char *got = ask(request);
        nilo_buf_init(&b, 1000);
        for (int m = 0; m < N_METRICS; m++) {
            nilo_i128 v = 0;
            bool read, has = false;
            nilo_buf_reset(&b);
            /* a flow's total is all that was ever reported */
            for (int d = m == SALES ? 0 : N_DAYS - 1; d < N_DAYS; d++) {
                nilo_i128 one;
                if (day_value(&c, m, d, &one, &read)) {
                    v += one;
                    has = true;
                }
            }
            assert_true(has);
            nilo_buf_addf(&b, "\"\"%s\"\":", metric_names[m]);
            put_value(&b, v, m);
            if (!strstr(got, nilo_buf_str(&b)))
                fail_msg("%s is expected in %.600s", nilo_buf_str(&b), got);
        }
        for (int d = N_DAYS - 29; d < N_DAYS; d++) { /* the world ends two days before today */
            nilo_i128 v, before;
            bool read;
            if (d < 1 || w.first + d > stores_day("2025-03-20").n || !day_value(&c, VIEWS, d, &v, &read) ||
                !day_value(&c, VIEWS, d - 1, &before, &read))
                continue;
            char day[32], *at;
            snprintf(day, sizeof day, "\"\"day\"\":\"\"");
            nilo_buf_reset(&b);
            nilo_buf_adds(&b, day);
            put_day(&b, w.first + d);
            nilo_buf_adds(&b, "\"\",\"\"items\"\":");
            at = strstr(got, nilo_buf_str(&b));
            if (!at)
                continue;
            nilo_buf_reset(&b);
            nilo_buf_adds(&b, "\"\"changes\"\":{\"\"views\"\":");
            put_value(&b, v - before, VIEWS);
            char *changes = strstr(at, "\"\"changes\"\"");
            if (strncmp(changes, nilo_buf_str(&b), b.len) != 0)
                fail_msg("%s is expected in %.200s", nilo_buf_str(&b), at);
        }
        nilo_buf_done(&b);
        free(got);
    }
}

/* ---- exact cases -------------------------------------------------------------------------------------------------------------------------- */

static void put_series(struct stores *s, const char *metric, const int64_t *values, int n)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "tube", "youtube", "db");
    struct nilo_recorder *r;
    struct nilo_arena arena;
    struct nilo_run run;
    struct nilo_run_options o = {.kind = NILO_RUN_IMPORT, .provenance = NILO_IMPORTED, .target_day = NILO_DAY_NONE,
                                 .read_until = NILO_DAY_NONE};
    int32_t id = nilo_catalog_by_name(nilo_store_catalog(s->store), metric)->id;
    ok(s, nilo_record_begin(s->store, &c, &o, &r, &s->err));
    for (int i = 0; i < n; i++) {
        struct nilo_reading_value v = {.metric = id, .value = values[i]};
        struct nilo_reading reading = {.kind = NILO_CONTENT, .external_id = "a", .captured_at = NILO_US_NONE,
                                       .day = NILO_DAY(stores_day("2025-03-01").n + i), .values = &v, .n_values = 1};
        if (values[i] >= 0) /* else a gap */
            ok(s, nilo_record_add(r, &reading, &s->err));
    }
    nilo_arena_init(&arena, 0);
    ok(s, nilo_record_finish(r, NULL, &arena, &run, &s->err));
    nilo_arena_done(&arena);
}

/* Values of days from 2025-03-01 on; growth of the last of them. */
static const struct {
    const char *name;
    int64_t values[16];
    int n;
    const char *row; /* value,previous,change,change_pct,significant,previous_period,span_days,usual_change,judged_by */
} exact[] = {
    {"steady", {10, 20, 30, 40, 50, 60, 70, 80, 90}, 9, "90,80,10,12.50,false,2025-03-08,1,10,7"},
    {"steady, then more", {10, 20, 30, 40, 50, 60, 70, 80, 91}, 9, "91,80,11,13.75,true,2025-03-08,1,10,7"},
    {"too few to judge", {10, 20, 30, 40, 50, 60, 70, 999}, 8, "999,70,929,1327.14,,2025-03-07,1,10,6"},
    {"never moved", {5, 5, 5, 5, 5, 5, 5, 5, 5}, 9, "5,5,0,0.00,false,2025-03-08,1,0,7"},
    {"moved for the first time", {5, 5, 5, 5, 5, 5, 5, 5, 6}, 9, "6,5,1,20.00,true,2025-03-08,1,0,7"},
    {"from nothing", {0, 0, 0, 0, 0, 0, 0, 0, 6}, 9, "6,0,6,,true,2025-03-08,1,0,7"},
    /* changes 1..7: median 4, MAD 2: 4 + 3.5 * 2 / 0.6745 = 14.37 */
    {"within", {0, 1, 3, 6, 10, 15, 21, 28, 42}, 9, "42,28,14,50.00,false,2025-03-08,1,4,7"},
    {"beyond", {0, 1, 3, 6, 10, 15, 21, 28, 43}, 9, "43,28,15,53.57,true,2025-03-08,1,4,7"},
    {"a fall beyond", {20, 21, 23, 26, 30, 35, 41, 48, 41}, 9, "41,48,-7,-14.58,true,2025-03-08,1,4,7"},
    /* one outlier moves neither median nor MAD */
    {"an outlier before", {0, 1, 3, 6, 10, 1000, 1006, 1013, 1028}, 9, "1028,1013,15,1.48,true,2025-03-08,1,4,7"},
    /* most changes alike: mean distance 10 / 7 * 1.2533 * 3.5 = 6.27 */
    {"mostly alike, within", {0, 1, 2, 3, 4, 5, 6, 17, 24}, 9, "24,17,7,41.18,false,2025-03-08,1,1,7"},
    {"mostly alike, beyond", {0, 1, 2, 3, 4, 5, 6, 17, 25}, 9, "25,17,8,47.06,true,2025-03-08,1,1,7"},
    {"over a gap", {10, 20, 30, 40, 50, 60, 70, 80, -1, 900}, 10, "900,80,820,1025.00,,2025-03-08,2,10,7"},
    {"a gap among those before", {10, 20, 30, 40, -1, 60, 70, 80, 90, 100, 110, 120, 999}, 13,
     "999,120,879,732.50,true,2025-03-12,1,10,9"},
};

static void significance_is_as_documented(struct stores *s)
{
    for (size_t i = 0; i < sizeof exact / sizeof exact[0]; i++) {
        char request[96], day[NILO_DAY_TEXT];
        if (i > 0)
            stores_fresh(s);
        w.s = s;
        put_series(s, "views", exact[i].values, exact[i].n);
        nilo_day_format(NILO_DAY(stores_day("2025-03-01").n + exact[i].n - 1), day);
        snprintf(request, sizeof request, "growth metric=views external_id=a day=%s", day);
        char *got = ask(request);
        if (strncmp(got + 11, exact[i].row, strlen(exact[i].row)) != 0)
            fail_msg("%s: %s", exact[i].name, got);
        free(got);
    }
}

static void a_period_that_is_not_over_is_marked_and_not_judged(struct stores *s)
{
    const int64_t values[] = {10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160, 170, 180, 190, 9999};
    struct nilo_buf b;
    w.s = s;
    put_series(s, "views", values, 20); /* the last is today's */
    nilo_buf_init(&b, 1000);
    nilo_buf_adds(&b, "2025-03-20,9999,190,9809,5162.63,,2025-03-19,1,10,18,1,1,1,,true\n");
    same("growth metric=views day=2025-03-20", &b);
    nilo_buf_reset(&b); /* without a day: the newest that is over */
    nilo_buf_adds(&b, "2025-03-19,190,180,10,5.56,false,2025-03-18,1,10,17,1,1,1,,false\n");
    same("growth metric=views", &b);
    nilo_buf_reset(&b); /* ISO weeks: 3 to 9, 10 to 16, 17 to 23 March; the last value of each */
    nilo_buf_adds(&b, "2025-03-10,160,90,70,77.78,,2025-03-03,7,70,1,1,1,1,,false\n");
    same("growth metric=views step=week", &b);
    nilo_buf_reset(&b);
    nilo_buf_adds(&b, "2025-03-17,9999,160,9839,6149.38,,2025-03-10,4,70,2,1,1,1,,true\n");
    same("growth metric=views step=week day=2025-03-18", &b);
    nilo_buf_reset(&b);
    nilo_buf_adds(&b, "2025-03-01,9999,,,,,,,,0,1,1,1,,true\n");
    same("growth metric=views step=month", &b);
    nilo_buf_reset(&b); /* a week that is open, of a series */
    nilo_buf_adds(&b, "2025-02-24,20,,,1,1,1,,,false\n2025-03-03,90,70,7,1,1,1,,,false\n"
                      "2025-03-10,160,70,7,1,1,1,,,false\n2025-03-17,9999,9839,4,1,1,1,,,true\n");
    same("timeseries metric=views step=week", &b);
    nilo_buf_done(&b);
}

static void where_nothing_is_recorded_answers_are_empty(struct stores *s)
{
    static const char *const calls[] = {"growth metric=views", "timeseries metric=views", "top_content", "run_report",
                                        "growth metric=views step=month as_of=2025-03-01", "current_metrics", "collection_status"};
    struct nilo_buf b;
    w.s = s;
    nilo_buf_init(&b, 10);
    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++)
        same(calls[i], &b);
    nilo_buf_done(&b);
}

/* The plan of a relation's rows as text; owner: caller */
static char *plan_of(struct stores *s, const char *relation, nilo_us as_of)
{
    struct nilo_buf sql;
    const struct nilo_scope scope = NILO_SCOPE_ALL;
    const struct nilo_source_want want = {.as_of = as_of, .cells = true};
    nilo_buf_init(&sql, (size_t)1 << 20);
    nilo_buf_adds(&sql, s->engine == NILO_DB_POSTGRES ? "EXPLAIN SELECT * FROM " : "EXPLAIN QUERY PLAN SELECT * FROM ");
    ok(s, nilo_store_source(s->store, &scope, relation, &want, &sql, &s->err));
    nilo_buf_adds(&sql, " t");
    char *plan = stores_text(s, nilo_buf_str(&sql));
    nilo_buf_done(&sql);
    return plan;
}

/* An item's history may be late amendments all of it: to find what is shown, no cell may be joined with all of them. */
static void what_is_shown_is_looked_up_and_not_joined(struct stores *s)
{
    static const char *const relations[] = {"content_snapshots", "content_latest", "content_windows", "metric_values",
                                            "daily_metrics"};
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
        char *plan = plan_of(s, relations[i], NILO_US_NONE);
        if (strstr(plan, "Anti Join") || strstr(plan, "SCAN y"))
            fail_msg("%s: %s", relations[i], plan);
        assert_true(strstr(plan, s->engine == NILO_DB_POSTGRES ? "SubPlan" : "SEARCH y") != NULL);
        free(plan);
    }
}

static void add_app(struct stores *s, const char *name, enum nilo_metric_type type, enum nilo_aggregation aggregation, int scale)
{
    const struct nilo_metric m = {.name = name, .type = type, .kind = NILO_PERIOD, .aggregation = aggregation, .scale = scale};
    ok(s, nilo_store_begin(s->store, &s->err));
    ok(s, nilo_store_metric_define(s->store, &m, NULL, &s->err));
    ok(s, nilo_store_commit(s->store, &s->err));
}

static void put_app(struct stores *s, const char *day, const char *metric, int64_t value, const char *meta)
{
    struct nilo_connection c = stores_connection(s, "w", NULL, "app", "sql", "db");
    struct nilo_recorder *r;
    struct nilo_arena arena;
    struct nilo_run run;
    struct nilo_run_options o = {.kind = NILO_RUN_IMPORT, .provenance = NILO_IMPORTED, .target_day = NILO_DAY_NONE,
                                 .read_until = NILO_DAY_NONE};
    struct nilo_reading_value v = {.metric = nilo_catalog_by_name(nilo_store_catalog(s->store), metric)->id, .value = value, .meta = meta};
    struct nilo_reading reading = {.kind = NILO_APP, .external_id = NILO_APP_ID, .captured_at = NILO_US_NONE, .day = stores_day(day),
                                   .values = &v, .n_values = 1};
    ok(s, nilo_record_begin(s->store, &c, &o, &r, &s->err));
    ok(s, nilo_record_add(r, &reading, &s->err));
    nilo_arena_init(&arena, 0);
    ok(s, nilo_record_finish(r, NULL, &arena, &run, &s->err));
    nilo_arena_done(&arena);
}

static void weeks_combine_what_days_are_made_of(struct stores *s)
{
    struct nilo_buf b;
    w.s = s;
    add_app(s, "age", NILO_AVERAGE, NILO_LEVEL, 2);
    add_app(s, "share", NILO_PERCENTAGE, NILO_LEVEL, 6);
    add_app(s, "genres", NILO_AGGREGATE, NILO_FLOW, 0);
    add_app(s, "tiers", NILO_AGGREGATE, NILO_LEVEL, 0);
    put_app(s, "2025-03-03", "age", 1000, "{\"sample_size\": 1}");
    put_app(s, "2025-03-04", "age", 2000, "{\"sample_size\": 3}");
    put_app(s, "2025-03-03", "share", 50000000, "{\"numerator\": 1, \"denominator\": 2}");
    put_app(s, "2025-03-09", "share", 10000000, "{\"numerator\": 10, \"denominator\": 100}");
    put_app(s, "2025-03-03", "genres", 5, "{\"breakdown\": {\"jazz\": 2, \"rock\": 3}}");
    put_app(s, "2025-03-05", "genres", 9, "{\"top_items\": [], \"breakdown\": {\"rock\": 4, \"a \\\"b\\\"\": 0.5, \"jazz\": 4.5}}");
    put_app(s, "2025-03-10", "genres", 1, "{\"breakdown\": {\"jazz\": 1}}");
    put_app(s, "2025-03-03", "tiers", 5, "{\"breakdown\": {\"free\": 4, \"paid\": 1}}");
    put_app(s, "2025-03-05", "tiers", 7, "{\"breakdown\": {\"free\": 4, \"paid\": 3}}");
    nilo_buf_init(&b, 4000);
    nilo_buf_adds(&b, "2025-03-03,17.50,,,1,1,1,imported,,false\n"); /* (10 * 1 + 20 * 3) / 4 */
    same("timeseries metric=age step=week to=2025-03-09", &b);
    nilo_buf_reset(&b);
    nilo_buf_adds(&b, "2025-03-03,10.784314,,,1,1,1,imported,,false\n"); /* 11 / 102 */
    same("timeseries metric=share step=week to=2025-03-09", &b);
    nilo_buf_reset(&b);
    nilo_buf_adds(&b, "2025-03-03,14,,,1,1,1,imported,,false,\"{\"\"rock\"\":7,\"\"jazz\"\":6.5,\"\"a \\\"\"b\\\"\"\"\":0.5}\"\n"
                      "2025-03-10,1,-13,7,1,1,1,imported,,false,\"{\"\"jazz\"\":1}\"\n");
    same("timeseries metric=genres step=week breakdown=true to=2025-03-16", &b);
    nilo_buf_reset(&b); /* of a level the last day's stands */
    nilo_buf_adds(&b, "2025-03-03,7,,,1,1,1,imported,,false,\"{\"\"free\"\":4,\"\"paid\"\":3}\"\n");
    same("timeseries metric=tiers step=week breakdown=true to=2025-03-09", &b);
    nilo_buf_done(&b);
}

int main(void)
{
    const struct stores_test tests[] = {
        STORES_TEST(top_content_is_what_sorting_by_hand_gives),
        STORES_TEST(growth_is_what_medians_by_hand_give),
        STORES_TEST(periods_are_what_adding_by_hand_gives),
        STORES_TEST(profiles_are_what_adding_by_hand_gives),
        STORES_TEST(significance_is_as_documented),
        STORES_TEST(a_period_that_is_not_over_is_marked_and_not_judged),
        STORES_TEST(where_nothing_is_recorded_answers_are_empty),
        STORES_TEST(what_is_shown_is_looked_up_and_not_joined),
        STORES_TEST(weeks_combine_what_days_are_made_of),
    };
    return stores_run("query functions", tests, sizeof tests / sizeof tests[0]);
}
