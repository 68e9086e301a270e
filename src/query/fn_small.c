/* current_metrics, activity, collection_status: what a dashboard's first page asks. And what functions share. */
#include <string.h>

#include "query/functions.h"

int nilo__rows(struct nilo_call *c, const char *relation, const char *list, const char *tail, int n,
               const struct nilo_db_value *params, nilo__row_fn *fn, void *ctx, struct nilo_err *err)
{
    const struct nilo_source_want want = {.as_of = NILO_US_NONE};
    return nilo__rows_of(c, relation, &want, list, tail, n, params, fn, ctx, err);
}

int nilo__rows_of(struct nilo_call *c, const char *relation, const struct nilo_source_want *want, const char *list,
                  const char *tail, int n, const struct nilo_db_value *params, nilo__row_fn *fn, void *ctx,
                  struct nilo_err *err)
{
    struct nilo_buf sql;
    struct nilo_db_stmt *stmt = NULL;
    nilo_buf_init(&sql, (size_t)256 << 10);
    nilo_buf_addf(&sql, "SELECT %s FROM ", list);
    int got = 0, rc = nilo_store_source(c->store, c->scope, relation, want, &sql, err);
    nilo_buf_addf(&sql, " t %s", tail);
    if (rc == 0 && sql.failed)
        rc = nilo_err_nomem(err);
    if (rc == 0)
        rc = nilo_db_prepare_once(nilo_store_db(c->store), sql.data, &stmt, err);
    if (rc == 0)
        rc = nilo_db_query(stmt, params, n, err);
    while (rc == 0 && (got = nilo_db_row(stmt, err)) == 1)
        rc = fn(ctx, stmt, err);
    nilo_db_finish(stmt);
    nilo_buf_done(&sql);
    return rc != 0 ? rc : got;
}

int nilo__days(struct nilo_call *c, int days, nilo_day *ret_from, nilo_day *ret_to, nilo_day *ret_today,
               struct nilo_err *err)
{
    nilo_day today, from = nilo_call_day(c, "from"), to = nilo_call_day(c, "to");
    if (nilo_call_today(c, &today, err) < 0)
        return -1;
    if (!nilo_day_is_none(from) && !nilo_day_is_none(to) &&
        nilo__check_range(from, to, c->q->request.any_range, "from and to", err) < 0)
        return -1;
    if (nilo_day_is_none(to))
        to = today;
    if (nilo_day_is_none(from) && days > 0)
        from = NILO_DAY(to.n - days + 1);
    *ret_from = from;
    *ret_to = to;
    *ret_today = today;
    return 0;
}

/* ---- current_metrics -------------------------------------------------------------------------------------------------------------- */

static const struct nilo_column current_columns[] = {
    {.name = "metric_category", .type = NILO_T_TEXT, .doc = "the metric's name"},
    {.name = "value", .type = NILO_T_DECIMAL, .doc = "its newest value"},
    {.name = "metric_date", .type = NILO_T_DAY, .doc = "the day of that value"},
};

static int current_row(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    const struct nilo_datum cells[] = {
        nilo_datum_str(nilo_db_column_text(row, 0)),
        nilo_datum_decimal(nilo_db_column_int(row, 1), (int)nilo_db_column_int(row, 2)),
        nilo_datum_day(NILO_DAY((int32_t)nilo_db_column_int(row, 3))),
    };
    return nilo_call_row(ctx, cells, err);
}

static int current_run(struct nilo_call *c, struct nilo_err *err)
{
    bool postgres = nilo_db_engine(nilo_store_db(c->store)) == NILO_DB_POSTGRES;
    return nilo__rows(
        c, "app_latest", "t.\"metric_category\", t.\"value\", t.\"scale\", t.\"metric_date\"",
        postgres ? "ORDER BY t.\"metric_category\" COLLATE \"C\", t.\"metric_type\", t.\"workspace\" COLLATE \"C\""
                 : "ORDER BY t.\"metric_category\", t.\"metric_type\", t.\"workspace\"",
        0, NULL, current_row, c, err);
}

const struct nilo_function nilo__fn_current_metrics = {
    .name = "current_metrics",
    .doc = "the newest value of each metric of the app",
    .columns = current_columns,
    .n_columns = sizeof current_columns / sizeof current_columns[0],
    .min_role = NILO_ROLE_AUTHENTICATED,
    .run = current_run,
};

/* ---- activity ------------------------------------------------------------------------------------------------------------------------ */

#define ACTIVITY_MOST 3660
static const struct nilo_parameter activity_parameters[] = {
    {.name = "days", .type = NILO_T_INT, .fallback = "30", .doc = "how many days, today included; at most 3660"},
};
static const struct nilo_column activity_columns[] = {
    {.name = "date", .type = NILO_T_DAY, .doc = "the day"},
    {.name = "posts", .type = NILO_T_INT, .doc = "posts created that day (posts_created); null: not collected"},
    {.name = "comments",
     .type = NILO_T_INT,
     .doc = "comments created that day (comments_created); null: not collected"},
};

struct activity {
    nilo_day from;
    int days;
    struct nilo_datum (*counts)[2];
};

static int activity_row(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    struct activity *a = ctx;
    int64_t at = nilo_db_column_int(row, 0) - a->from.n;
    nilo_i128 v;
    if (at < 0 || at >= a->days ||
        !nilo_decimal_rescale(nilo_db_column_int(row, 2), (int)nilo_db_column_int(row, 3), 0, &v))
        return 0;
    (void)err;
    struct nilo_datum *d = &a->counts[at][strcmp(nilo_db_column_text(row, 1), "posts_created") != 0];
    d->null = false;
    d->i += v;
    return 0;
}

static int activity_run(struct nilo_call *c, struct nilo_err *err)
{
    nilo_day today;
    int64_t days = nilo_call_int(c, "days", 30);
    if (days < 1 || days > ACTIVITY_MOST)
        return nilo_err_set(err, NILO_EINVAL, "days is a number from 1 to %d", ACTIVITY_MOST);
    if (days > 366 && !c->q->request.any_range)
        return nilo_err_set(err, NILO_EINVAL, "days may be 366 at most");
    if (nilo_call_today(c, &today, err) < 0)
        return -1;
    struct activity a = {.from = NILO_DAY(today.n - (int32_t)days + 1), .days = (int)days};
    a.counts = nilo_arena_array(&c->arena, (size_t)days, sizeof *a.counts);
    if (!a.counts)
        return nilo_err_nomem(err);
    for (int i = 0; i < a.days; i++)
        a.counts[i][0] = a.counts[i][1] = nilo_datum_null(NILO_T_INT);
    const struct nilo_db_value range[] = {NILO_DBV_INT(a.from.n), NILO_DBV_INT(today.n)};
    if (nilo__rows(c, "daily_metrics", "t.\"metric_date\", t.\"metric_category\", t.\"value\", t.\"scale\"",
                   "WHERE t.\"metric_date\" >= CAST(?1 AS bigint) AND t.\"metric_date\" <= CAST(?2 AS bigint) AND "
                   "t.\"metric_type\" = 0 AND "
                   "t.\"metric_category\" IN ('posts_created', 'comments_created')",
                   2, range, activity_row, &a, err) < 0)
        return -1;
    for (int i = 0; i < a.days; i++) {
        const struct nilo_datum cells[] = {nilo_datum_day(NILO_DAY(a.from.n + i)), a.counts[i][0], a.counts[i][1]};
        int rc = nilo_call_row(c, cells, err);
        if (rc != 0)
            return rc;
    }
    return 0;
}

const struct nilo_function nilo__fn_activity = {
    .name = "activity",
    .doc = "posts and comments created, day by day up to today",
    .parameters = activity_parameters,
    .n_parameters = sizeof activity_parameters / sizeof activity_parameters[0],
    .columns = activity_columns,
    .n_columns = sizeof activity_columns / sizeof activity_columns[0],
    .min_role = NILO_ROLE_AUTHENTICATED,
    .run = activity_run,
};

/* ---- collection_status ---------------------------------------------------------------------------------------------------------------- */

static const struct nilo_column status_columns[] = {
    {.name = "last_run", .type = NILO_T_TIME, .doc = "when the newest collection or backfill began"},
    {.name = "status", .type = NILO_T_TEXT, .doc = "running, completed or failed"},
    {.name = "metrics_collected", .type = NILO_T_INT, .doc = "metrics with a value for the day"},
    {.name = "duration_ms", .type = NILO_T_INT, .doc = "how long it took"},
    {.name = "error_message", .type = NILO_T_TEXT, .doc = "what went wrong, in one sentence"},
};

static int status_row(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    struct nilo_datum cells[] = {
        nilo_datum_time(nilo_db_column_int(row, 0)), nilo_datum_str(nilo_db_column_text(row, 1)),
        nilo_datum_int(nilo_db_column_int(row, 2)),  nilo_datum_int(nilo_db_column_int(row, 3)),
        nilo_datum_str(nilo_db_column_text(row, 4)),
    };
    cells[3].null = nilo_db_column_null(row, 3);
    return nilo_call_row(ctx, cells, err);
}

static int status_run(struct nilo_call *c, struct nilo_err *err)
{
    return nilo__rows(c, "metric_collection_log",
                      "t.\"started_at\", t.\"status\", t.\"metrics_collected\", t.\"duration_ms\", t.\"error_message\"",
                      "ORDER BY t.\"started_at\" DESC, t.\"run\" DESC LIMIT 1", 0, NULL, status_row, c, err);
}

const struct nilo_function nilo__fn_collection_status = {
    .name = "collection_status",
    .doc = "how the newest collection went",
    .columns = status_columns,
    .n_columns = sizeof status_columns / sizeof status_columns[0],
    .min_role = NILO_ROLE_ADMIN,
    .run = status_run,
};
