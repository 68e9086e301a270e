/* Nilometer in process, on either of its stores: readings go in through its one write path and answers come out of its one read path, as for the
 * command line, with all that it does beside keeping rows: observations, days that close, bests, totals of owners and workspaces.
 *
 * The clock is set to the morning after the day that is handed over, so that days close as they would have. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "query/query.h"
#include "record/record.h"
#include "w.h"

#define REQUEST_MAX 4096

static const struct w *w;
static struct nilo_store *store;
static struct nilo_connection connection;
static struct nilo_virtual_clock clock_now;
static struct nilo_env env;
static int32_t metric[W_METRICS];
static const char *target;
static struct nilo_err err;

static void must(int result)
{
    if (result != 0)
        client_fail("%s", err.msg);
}

static void morning_of(uint32_t day)
{
    nilo_us then = (int64_t)(W_DAY0 + day) * NILO_US_DAY + 6 * NILO_US_HOUR;
    if (then > clock_now.wall)
        nilo_virtual_clock_advance(&clock_now, then - clock_now.wall);
}

static bool is_file(void)
{
    return strstr(target, "://") == NULL;
}

static void open_it(const struct w *data, const char *name, bool make)
{
    static struct nilo_seeded_random chance;
    struct nilo_workspace workspace;
    w = data;
    target = name;
    nilo_virtual_clock_init(&clock_now, (int64_t)(W_DAY0 + w->days) * NILO_US_DAY);
    nilo_seeded_random_init(&chance, 1);
    env.clock = nilo_virtual_clock(&clock_now);
    env.random = nilo_seeded_random(&chance);
    if (make && is_file()) {
        static const char *const ends[] = {"", "-wal", "-shm", ".lock"};
        for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
            char path[512];
            snprintf(path, sizeof path, "%s%s", target, ends[i]);
            unlink(path);
        }
    }
    must(nilo_store_open(target, NILO_STORE_CREATE, &env, &store, &err));
    must(nilo_store_begin(store, &err));
    must(nilo_store_workspace(store, "bench", true, "UTC", &workspace, &err));
    must(nilo_store_connection(store, workspace.id, "videos", true, "youtube", "db", &connection, &err));
    must(nilo_store_commit(store, &err));
    for (int m = 0; m < W_METRICS; m++) {
        const struct nilo_metric *found = nilo_catalog_by_name(nilo_store_catalog(store), w_metric[m]);
        if (found == NULL)
            client_fail("there is no metric %s", w_metric[m]);
        metric[m] = found->id;
    }
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------------- */

static struct nilo_recorder *begin(enum nilo_run_kind kind, enum nilo_provenance provenance)
{
    struct nilo_recorder *r;
    const struct nilo_run_options options = {.kind = kind,
                                             .provenance = provenance,
                                             .platform = kind == NILO_RUN_COLLECT,
                                             .target_day = NILO_DAY_NONE,
                                             .read_until = NILO_DAY_NONE};
    must(nilo_store_connection_get(store, connection.id, &connection, &err));
    must(nilo_record_begin(store, &connection, &options, &r, &err));
    return r;
}

/* An import says with each reading whose it is and what it is called; a collector would have said it when it found the video. */
static void record(struct nilo_recorder *r, uint32_t video, uint32_t day, bool with_attributes)
{
    const int64_t *row = w_row(w, video, day);
    char id[W_ID], title[W_TITLE], owner[W_ID];
    struct nilo_reading_value values[W_METRICS];
    if (w_is_absent(row))
        return;
    w_external_id(video, id);
    w_title(video, title);
    w_owner(video / W_PER_OWNER, owner);
    for (int m = 0; m < W_METRICS; m++) {
        bool present = row[m] != W_NONE;
        values[m] = (struct nilo_reading_value){
            .metric = metric[m], .value = present ? row[m] : 0, .absence = present ? NILO_PRESENT : NILO_NOT_REPORTED};
    }
    const struct nilo_attrs attrs = {
        .title = title, .posted_at = NILO_US_NONE, .deleted_at = NILO_US_NONE, .at = w_captured_at(video, day), .duration_ms = -1};
    const struct nilo_reading reading = {.kind = NILO_CONTENT,
                                         .external_id = id,
                                         .captured_at = w_captured_at(video, day),
                                         .day = NILO_DAY_NONE,
                                         .attrs = with_attributes ? &attrs : NULL,
                                         .owner = with_attributes ? owner : NULL,
                                         .values = values,
                                         .n_values = W_METRICS};
    must(nilo_record_add(r, &reading, &err));
}

static void finish(struct nilo_recorder *r)
{
    struct nilo_arena arena;
    struct nilo_run run;
    nilo_arena_init(&arena, 0);
    must(nilo_record_finish(r, NULL, &arena, &run, &err));
    if (run.status != NILO_COMPLETED)
        client_fail("a run ended as %s", nilo_run_status_name((int)run.status));
    nilo_arena_done(&arena);
}

static void load(void)
{
    struct nilo_recorder *r;
    morning_of(w->days - 1);
    r = begin(NILO_RUN_IMPORT, NILO_IMPORTED);
    for (uint32_t v = 0; v < w->videos; v++) {
        for (uint32_t d = 0; d < w->days; d++)
            record(r, v, d, true);
    }
    finish(r);
}

static void append(uint32_t day)
{
    struct nilo_recorder *r;
    morning_of(day);
    r = begin(NILO_RUN_COLLECT, NILO_OBSERVED);
    for (uint32_t v = 0; v < w->videos; v++)
        record(r, v, day, false);
    finish(r);
}

static int64_t number(const char *sql)
{
    struct nilo_db_stmt *s;
    must(nilo_db_prepare_once(nilo_store_db(store), sql, &s, &err));
    must(nilo_db_query(s, NULL, 0, &err));
    int64_t n = nilo_db_row(s, &err) == 1 ? nilo_db_column_int(s, 0) : -1;
    nilo_db_finish(s);
    return n;
}

static int64_t bytes(void)
{
    struct stat st;
    if (!is_file())
        return number("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'");
    must(nilo_db_exec(nilo_store_db(store), "PRAGMA wal_checkpoint(TRUNCATE)", &err));
    return stat(target, &st) == 0 ? (int64_t)st.st_size : -1;
}

static int64_t rows(void)
{
    return number("SELECT count(*) FROM (SELECT DISTINCT bucket, entity_id, day FROM day_value WHERE win = 0) AS d");
}

/* ---- questions -------------------------------------------------------------------------------------------------------------------------- */

struct answer {
    size_t n;
    uint64_t sum;
    int hashed;        /* a column whose text is hashed, or -1 */
    size_t first, end; /* the columns that are added; end 0 = all from the first on */
};

static int head(void *ctx, const struct nilo_head *h, struct nilo_err *e)
{
    (void)e;
    ((struct answer *)ctx)->n = h->n;
    return 0;
}

static int row(void *ctx, const struct nilo_datum *cells, struct nilo_err *e)
{
    struct answer *a = ctx;
    (void)e;
    for (size_t i = a->first; i < (a->end > 0 ? a->end : a->n); i++)
        a->sum += cells[i].null ? 0 : (uint64_t)cells[i].i;
    if (a->hashed >= 0) {
        char id[64];
        snprintf(id, sizeof id, "%.*s", (int)cells[a->hashed].len, cells[a->hashed].p);
        a->sum += w_hash(id);
    }
    return 0;
}

static uint64_t run(struct nilo_query *q, struct answer a)
{
    const struct nilo_sink sink = {.head = head, .row = row, .ctx = &a};
    const struct nilo_scope scope = NILO_SCOPE_ALL;
    must(nilo_query_run(q, store, &scope, &sink, &err));
    nilo_query_free(q);
    return a.sum;
}

static uint64_t get(const char *text, int hashed, size_t first)
{
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct nilo_query *q;
    request.any_range = true;
    must(nilo_query_parse(store, text, strlen(text), &request, &q, NULL, &err));
    return run(q, (struct answer){.hashed = hashed, .first = first});
}

#define COUNTERS "views,likes,comments,shares,saves"

static uint64_t latest(const uint32_t videos[W_LATEST])
{
    char text[REQUEST_MAX];
    size_t n = (size_t)snprintf(text, sizeof text, "content_latest?select=external_id,day," COUNTERS "&external_id=in.(");
    for (int i = 0; i < W_LATEST; i++) {
        char id[W_ID];
        w_external_id(videos[i], id);
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i > 0 ? "," : "", id);
    }
    snprintf(text + n, sizeof text - n, ")");
    return get(text, -1, 2);
}

static uint64_t owner_days(uint32_t owner)
{
    char text[REQUEST_MAX], key[W_ID];
    w_owner(owner, key);
    snprintf(text, sizeof text, "content_snapshots?select=day," COUNTERS "&owner=eq.%s&window_days=eq.0", key);
    return get(text, -1, 1);
}

static uint64_t owner_kept(uint32_t owner)
{
    char text[REQUEST_MAX], key[W_ID];
    w_owner(owner, key);
    snprintf(text, sizeof text, "owner_daily?select=day," COUNTERS "&owner=eq.%s&order=day", key);
    return get(text, -1, 1);
}

static uint64_t top(int64_t threshold)
{
    char text[REQUEST_MAX];
    snprintf(text, sizeof text, "content_latest?select=external_id,views&views=gte.%lld&order=views.desc,external_id&limit=%d", (long long)threshold, W_TOP);
    return get(text, 0, 1);
}

static void day_text(uint32_t day, char out[NILO_DAY_TEXT])
{
    nilo_day_format(NILO_DAY(W_DAY0 + (int32_t)day), out);
}

static uint64_t totals(void)
{
    char text[REQUEST_MAX], from[NILO_DAY_TEXT];
    day_text(w->days - W_WINDOW, from);
    snprintf(text, sizeof text, "content_snapshots?select=day," COUNTERS "&day=gte.%s&window_days=eq.0", from);
    return get(text, -1, 1);
}

static uint64_t totals_kept(void)
{
    char from[NILO_DAY_TEXT], to[NILO_DAY_TEXT];
    uint64_t sum = 0;
    day_text(w->days - W_WINDOW, from);
    day_text(w->days - 1, to);
    for (int m = 0; m < W_METRICS; m++) {
        const struct nilo_arg args[] = {{"metric", w_metric[m]}, {"from", from}, {"to", to}};
        struct nilo_request request = NILO_REQUEST_DEFAULT;
        struct nilo_query *q;
        must(nilo_query_call("timeseries", args, 3, &request, &q, NULL, &err));
        size_t value = 0, n;
        const struct nilo_out_column *columns = nilo_query_columns(q, &n);
        while (value < n && strcmp(columns[value].name, "value") != 0)
            value++;
        sum += run(q, (struct answer){.hashed = -1, .first = value, .end = value + 1});
    }
    return sum;
}

static uint64_t one_video(uint32_t video)
{
    char text[REQUEST_MAX], id[W_ID];
    w_external_id(video, id);
    snprintf(text, sizeof text, "content_snapshots?select=day," COUNTERS "&external_id=eq.%s&window_days=eq.0&order=day", id);
    return get(text, -1, 1);
}

static void close_it(void)
{
    nilo_store_close(store);
}

const struct client client = {
    .name = "nilometer",
    .open = open_it,
    .load = load,
    .append = append,
    .bytes = bytes,
    .rows = rows,
    .latest = latest,
    .owner_days = owner_days,
    .owner_kept = owner_kept,
    .top = top,
    .totals = totals,
    .totals_kept = totals_kept,
    .keeps_levels = true,
    .one_video = one_video,
    .close = close_it,
};
