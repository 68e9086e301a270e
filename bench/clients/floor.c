/* What an answer of some days of the app's metrics costs at least, piece by piece, in processor time of one thread: no HTTP, no token.
 *   floor STORE REQUEST     a REQUEST as "daily_metrics?select=metric_date,metric_category,value&...&order=metric_date"
 * A line a piece: the least of 15 rounds of 1,000, us. */
#include <inttypes.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/tag.h"
#include "query/query.h"

#define ROUNDS 15
#define TIMES  1000
#define DAYS   30

static struct nilo_err err;
static volatile int64_t sum; /* so that nothing is left out */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

static void must(int rc, const char *what)
{
    if (rc == 0)
        return;
    fprintf(stderr, "%s: %s\n", what, err.msg);
    exit(1);
}

typedef int piece_fn(void *ctx); /* rows */

static void measure(const char *name, piece_fn *fn, void *ctx)
{
    double best = 1e300;
    int rows = 0;
    for (int i = 0; i < ROUNDS; i++) {
        double t = now();
        for (int k = 0; k < TIMES; k++)
            rows = fn(ctx);
        t = (now() - t) / TIMES;
        best = t < best ? t : best;
    }
    printf("%-64s %4d rows %6.2f us\n", name, rows, best);
}

static int step_all(void *ctx)
{
    sqlite3_stmt *s = ctx;
    int n = 0, columns = sqlite3_column_count(s);
    for (; sqlite3_step(s) == SQLITE_ROW; n++)
        for (int i = 0; i < columns; i++)
            sum += sqlite3_column_int64(s, i);
    sqlite3_reset(s);
    return n;
}

static void sql(sqlite3 *db, const char *name, const char *text)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, text, -1, &s, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", text, sqlite3_errmsg(db));
        exit(1);
    }
    measure(name, step_all, s);
    sqlite3_finalize(s);
}

/* Of the one entity of the app: its key, the last day, the least of its metrics. */
static void find(sqlite3 *db, int64_t ret[4])
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v2(db, "SELECT v.bucket, v.entity_id, max(v.day), min(v.metric_id) FROM entity e JOIN day_value v ON v.bucket = e.bucket AND v.entity_id = e.id "
                               "WHERE e.kind = 2", -1, &s, NULL) != SQLITE_OK || sqlite3_step(s) != SQLITE_ROW) {
        fprintf(stderr, "%s\n", sqlite3_errmsg(db));
        exit(1);
    }
    for (int i = 0; i < 4; i++)
        ret[i] = sqlite3_column_int64(s, i);
    sqlite3_finalize(s);
}

/* The cells as the record holds them, and 32 days to a row. */
static void bare(const char *store)
{
    char text[1024];
    int64_t at[4];
    sqlite3 *db;
    if (sqlite3_open_v2(store, &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        fprintf(stderr, "%s: %s\n", store, sqlite3_errmsg(db));
        exit(1);
    }
    find(db, at);
    sql(db, "a statement that reads one row by its key", "SELECT id FROM connection WHERE id = 1");
    int n = snprintf(text, sizeof(text), "SELECT day, metric_id, value FROM day_value WHERE bucket = %" PRId64 " AND entity_id = %" PRId64 " AND win = 0 AND day BETWEEN %" PRId64
                     " AND %" PRId64, at[0], at[1], at[2] - DAYS + 1, at[2]);
    sql(db, "all cells of 30 days, stepped over", text);
    snprintf(text + n, sizeof(text) - (size_t)n, " AND metric_id BETWEEN %" PRId64 " AND %" PRId64, at[3] + 1, at[3] + 2);
    sql(db, "of these, those of two metrics", text);
    n = 0;
    for (int i = 1; i <= 2; i++)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "%sSELECT metric_id, block, length(cells) FROM app_days WHERE bucket = %" PRId64 " AND entity_id = %" PRId64
                      " AND metric_id = %" PRId64 " AND block BETWEEN %" PRId64 " AND %" PRId64, i > 1 ? " UNION ALL " : "", at[0], at[1], at[3] + i, (at[2] - DAYS + 1) / 32, at[2] / 32);
    sql(db, "the same, 32 days of a metric in a row", text);
    sqlite3_close(db);
}

struct ready {
    struct nilo_quick *quick;
    struct nilo_buf out;
};

static int answer(void *ctx)
{
    struct ready *r = ctx;
    int64_t rows;
    nilo_buf_reset(&r->out);
    must(nilo_quick_json(r->quick, &r->out, &rows, &err), "the answer");
    return (int)rows;
}

static int tag(void *ctx)
{
    struct ready *r = ctx;
    unsigned char name[16] = {0};
    struct nilo_tag t;
    nilo_tag_init(&t, name);
    nilo_tag_add(&t, r->out.data, r->out.len);
    nilo_tag_done(&t, name);
    sum += name[0];
    return 0;
}

int main(int argc, char **argv)
{
    struct nilo_env env;
    struct nilo_store *s;
    struct nilo_query *q;
    struct ready r = {0};
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    const struct nilo_scope all = NILO_SCOPE_ALL;
    if (argc != 3) {
        fputs("usage: floor STORE REQUEST\n", stderr);
        return 2;
    }
    bare(argv[1]);
    must(nilo_env_system(&env, &err), "clock");
    must(nilo_store_open(argv[1], NILO_STORE_READ, &env, &s, &err), argv[1]);
    must(nilo_query_parse(s, argv[2], strlen(argv[2]), &request, &q, NULL, &err), argv[2]);
    must(nilo_query_quick(q, s, &all, &r.quick, &err), argv[2]);
    if (r.quick == NULL) {
        fprintf(stderr, "%s: not answered without a worker\n", argv[2]);
        return 1;
    }
    nilo_buf_init(&r.out, (size_t)1 << 20);
    measure("the answer as it is made: cells and JSON", answer, &r);
    measure("its ETag", tag, &r);
    nilo_buf_done(&r.out);
    nilo_quick_free(r.quick);
    nilo_query_free(q);
    nilo_store_close(s);
    return 0;
}
