/* run_report: how a run went, as the jobs of apps report it: what was processed, what of it was put into the record, what failed and why.
 * An item stands for itself; on an SQL connection, whose only item is the app, a metric does. */
#include <inttypes.h>
#include <string.h>

#include "base/decimal.h"
#include "base/json.h"
#include "query/functions.h"

static const struct nilo_parameter parameters[] = {
    {.name = "run", .type = NILO_T_INT, .doc = "number of the run; default: the newest collection, import, push or backfill"},
};
static const struct nilo_column columns[] = {
    {.name = "success", .type = NILO_T_BOOL, .doc = "did it end well, in part included? null while it runs"},
    {.name = "processed", .type = NILO_T_INT, .doc = "items that it took up: updated, failed, and those that are not there any more"},
    {.name = "updated", .type = NILO_T_INT, .doc = "items that were read and recorded, unchanged ones included"},
    {.name = "failed", .type = NILO_T_INT, .doc = "failures, as in failedContent, also of what is no item: an account, a report, the whole connection"},
    {.name = "failedContent", .type = NILO_T_JSON, .doc = "[{external_id, class, message}]"},
    {.name = "run", .type = NILO_T_INT, .doc = "number of the run"},
    {.name = "status", .type = NILO_T_TEXT, .doc = "running, completed, partial, failed, ..."},
    {.name = "error", .type = NILO_T_TEXT, .doc = "what ended it, in one sentence"},
};

struct report {
    struct nilo_arena *arena;
    struct nilo_buf failures;
    struct nilo_json_out out;
    bool any;
    int64_t id, processed, updated, failed;
    enum nilo_run_status status;
    const char *error;
};

/* A platform's collector says how many items it took up, in the run's details: not all of its failures are an item's, and not all of its readings are one's. */
static int processed_of(const char *details, bool *ret_told, int64_t *ret, struct nilo_err *err)
{
    struct nilo_json *json;
    enum nilo_json_event event;
    const char *text;
    size_t n;
    if (details == NULL)
        return 0;
    if (nilo_json_new(details, strlen(details), NILO_JSON_DEFAULT_LIMITS, &json, err) < 0)
        return -1;
    int rc = nilo_json_next(json, &event, &text, &n, err);
    while (rc == 0 && !*ret_told && (rc = nilo_json_next(json, &event, &text, &n, err)) == 0 && event == NILO_JSON_KEY) {
        bool ours = n == strlen("processed") && memcmp(text, "processed", n) == 0;
        rc = ours ? nilo_json_next(json, &event, &text, &n, err) : nilo_json_skip(json, err);
        if (rc == 0 && ours && event == NILO_JSON_NUMBER)
            *ret_told = nilo_decimal_parse(text, n, 0, false, ret, NULL) == 0;
    }
    nilo_json_free(json);
    return rc < 0 && err->code == NILO_ENOMEM ? -1 : 0; /* details that are no JSON say nothing */
}

static int run_row(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    struct report *r = ctx;
    const char *error = nilo_db_column_text(row, 6);
    bool sql = strcmp(nilo_db_column_text(row, 2), "sql") == 0, told = false;
    if (processed_of(nilo_db_column_text(row, 7), &told, &r->processed, err) < 0)
        return -1;
    r->any = true;
    r->id = nilo_db_column_int(row, 0);
    r->status = (enum nilo_run_status)nilo_db_column_int(row, 1);
    r->failed = nilo_db_column_int(row, 5);
    r->updated = nilo_db_column_int(row, sql || told ? 4 : 3);
    if (!told)
        r->processed = r->updated + r->failed;
    r->error = nilo_arena_strdup(r->arena, error);
    return error && !r->error ? nilo_err_nomem(err) : 0;
}

static int failure_row(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    struct report *r = ctx;
    nilo_json_object_begin(&r->out);
    nilo_json_key(&r->out, "external_id");
    nilo_json_str(&r->out, nilo_db_column_text(row, 0));
    nilo_json_key(&r->out, "class");
    nilo_json_str(&r->out, nilo_db_column_text(row, 1));
    nilo_json_key(&r->out, "message");
    nilo_json_str(&r->out, nilo_db_column_text(row, 2));
    nilo_json_object_end(&r->out);
    return r->failures.failed ? nilo_err_set(err, NILO_EINVAL, "the failures of run %" PRId64 " fill more than 64 MiB", r->id)
                              : 0;
}

static int find(struct nilo_call *c, struct report *r, struct nilo_err *err)
{
    static const char list[] = "t.\"id\", t.\"status\", t.\"platform\", t.\"items\", t.\"metrics_collected\", "
                               "t.\"failed\", t.\"error\", t.\"details\"";
    int64_t id = nilo_call_int(c, "run", 0);
    const struct nilo_db_value params[] = {NILO_DBV_INT(id)};
    if (!nilo_call_text(c, "run"))
        return nilo__rows(c, "runs", list, "WHERE t.\"kind\" IN (0, 1, 2, 3) ORDER BY t.\"id\" DESC LIMIT 1", 0, NULL,
                          run_row, r, err);
    if (nilo__rows(c, "runs", list, "WHERE t.\"id\" = CAST(?1 AS bigint)", 1, params, run_row, r, err) < 0)
        return -1;
    return r->any ? 0 : nilo_err_set(err, NILO_ENAME, "there is no run %" PRId64 "; nilometer run list names them", id);
}

static int hand_on(struct nilo_call *c, struct report *r, struct nilo_err *err)
{
    const struct nilo_db_value params[] = {NILO_DBV_INT(r->id)};
    nilo_json_out_init(&r->out, &r->failures);
    nilo_json_array_begin(&r->out);
    if (nilo__rows(c, "run_failures", "t.\"external_id\", t.\"class\", t.\"message\"",
                   "WHERE t.\"run\" = CAST(?1 AS bigint) ORDER BY t.\"n\"", 1, params, failure_row, r, err) < 0)
        return -1;
    nilo_json_array_end(&r->out);
    if (r->failures.failed)
        return nilo_err_nomem(err);
    struct nilo_datum cells[] = {
        nilo_datum_bool(r->status == NILO_COMPLETED || r->status == NILO_PARTIAL),
        nilo_datum_int(r->processed),
        nilo_datum_int(r->updated),
        nilo_datum_int(r->failed),
        {.type = NILO_T_JSON, .p = nilo_buf_str(&r->failures), .len = r->failures.len},
        nilo_datum_int(r->id),
        nilo_datum_str(nilo_run_status_name((int)r->status)),
        nilo_datum_str(r->error),
    };
    cells[0].null = r->status == NILO_RUNNING;
    return nilo_call_row(c, cells, err);
}

static int run(struct nilo_call *c, struct nilo_err *err)
{
    struct report r = {.arena = &c->arena};
    nilo_buf_init(&r.failures, (size_t)64 << 20);
    int rc = find(c, &r, err);
    if (rc == 0 && r.any)
        rc = hand_on(c, &r, err);
    nilo_buf_done(&r.failures);
    return rc;
}

const struct nilo_function nilo__fn_run_report = {
    .name = "run_report",
    .doc = "how a run went: items processed, updated, failed, and why those failed",
    .parameters = parameters,
    .n_parameters = sizeof parameters / sizeof parameters[0],
    .columns = columns,
    .n_columns = sizeof columns / sizeof columns[0],
    .min_role = NILO_ROLE_ADMIN,
    .run = run,
};
