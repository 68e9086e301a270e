/* nilometer collect: reads every connection of the configuration, or the chosen ones, for what is due or for one day. */
#include <inttypes.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "collect/collect.h"
#include "record/record.h"

#define COLUMNS 5

static const struct nilo_option options[] = {
    {"connection", "NAME", "only this connection", false},
    {"workspace", "W", "only connections of this workspace", false},
    {"day", "DAY", "only this day, YYYY-MM-DD; without it everything due", false},
    {"run-id", "ID", "name of this collection: the same name again does nothing", false},
    {NULL, NULL, NULL, false},
};

/* ---- --json: a line a run, as it ends ----------------------------------------------------------------------------------------------- */

static void json_int(struct nilo_json_out *o, const char *key, int64_t v)
{
    nilo_json_key(o, key);
    nilo_json_int(o, v);
}

static void json_str(struct nilo_json_out *o, const char *key, const char *v)
{
    nilo_json_key(o, key);
    nilo_json_str(o, v);
}

static void json_day(struct nilo_json_out *o, const char *key, nilo_day day)
{
    nilo_json_key(o, key);
    nilo__json_day(o, day);
}

static void json_failures(struct nilo_json_out *o, const struct nilo_collect_run *run)
{
    nilo_json_key(o, "failures");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < run->n_failures; i++) {
        nilo_json_object_begin(o);
        json_str(o, "metric", run->failures[i].metric);
        json_str(o, "class", run->failures[i].class);
        json_str(o, "message", run->failures[i].message);
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
}

static void json_notes(struct nilo_json_out *o, const struct nilo_collect_run *run)
{
    nilo_json_key(o, "notes");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < run->n_notes; i++)
        nilo_json_str(o, run->notes[i]);
    nilo_json_array_end(o);
}

static int print_json(const struct nilo_cmd_ctx *ctx, const struct nilo_collect_run *run, struct nilo_err *err)
{
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    json_str(&a.json, "workspace", run->workspace);
    json_str(&a.json, "connection", run->connection);
    nilo_json_key(&a.json, "run");
    run->run != 0 ? nilo_json_int(&a.json, run->run) : nilo_json_null(&a.json);
    json_day(&a.json, "first_day", run->first_day);
    json_day(&a.json, "last_day", run->last_day);
    json_str(&a.json, "status", run->status);
    json_int(&a.json, "metrics_collected", run->metrics_collected);
    json_int(&a.json, "readings", run->readings);
    json_int(&a.json, "unchanged", run->unchanged);
    json_int(&a.json, "differ", run->differ);
    json_int(&a.json, "days_closed", run->days_closed);
    json_int(&a.json, "duration_ms", run->duration_ms);
    json_str(&a.json, "error", run->error);
    json_failures(&a.json, run);
    json_notes(&a.json, run);
    json_str(&a.json, "asked_by_day", run->asked_by_day);
    nilo_json_key(&a.json, "details");
    run->details != NULL ? nilo_json_text(&a.json, run->details, strlen(run->details)) : nilo_json_null(&a.json);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

/* ---- for people: a table, and under it what went wrong ---------------------------------------------------------------------------------- */

struct printer {
    struct nilo_cmd_ctx *ctx;
    struct nilo__table runs, notes;
    bool failed;
    struct nilo_err err;
};

static void note(struct printer *p, const struct nilo_collect_run *run, const char *metric, const char *text)
{
    nilo__table_addf(&p->notes, "%s/%s", run->workspace, run->connection);
    nilo__table_addf(&p->notes, "%s%s%s", metric, metric[0] != '\0' ? ": " : "", text);
}

static void add_notes(struct printer *p, const struct nilo_collect_run *run)
{
    char text[96];
    if (strcmp(run->status, "done") == 0)
        note(p, run, "", "this run id was completed before, so nothing was done");
    if (run->error != NULL)
        note(p, run, "", run->error);
    for (size_t i = 0; i < run->n_failures; i++) {
        if (run->error == NULL || strcmp(run->error, run->failures[i].message) != 0)
            note(p, run, run->failures[i].metric, run->failures[i].message);
    }
    for (size_t i = 0; i < run->n_notes; i++)
        note(p, run, "", run->notes[i]);
    if (run->asked_by_day != NULL)
        note(p, run, run->asked_by_day, "asked once for each day, as the statement says no day of its own");
    snprintf(text, sizeof text, "the source counts %" PRId64 " values of closed days otherwise by now; what was recorded stands", run->differ);
    if (run->differ > 0)
        note(p, run, "", text);
}

static void add_days(struct nilo__table *t, const struct nilo_collect_run *run)
{
    char first[NILO_DAY_TEXT], last[NILO_DAY_TEXT];
    nilo_day_format(run->first_day, first);
    nilo_day_format(run->last_day, last);
    if (nilo_day_is_none(run->first_day))
        nilo__table_add(t, "-");
    else if (run->first_day.n == run->last_day.n)
        nilo__table_add(t, last);
    else
        nilo__table_addf(t, "%s to %s", first, last);
}

static void add_run(struct printer *p, const struct nilo_collect_run *run)
{
    nilo__table_addf(&p->runs, "%s/%s", run->workspace, run->connection);
    add_days(&p->runs, run);
    nilo__table_add(&p->runs, run->status);
    nilo__table_addf(&p->runs, "%d", run->metrics_collected);
    nilo__table_addf(&p->runs, "%" PRId64, run->duration_ms);
    add_notes(p, run);
}

static void report(void *ctx, const struct nilo_collect_run *run)
{
    struct printer *p = ctx;
    if (!p->ctx->json)
        add_run(p, run);
    else if (print_json(p->ctx, run, &p->err) != 0)
        p->failed = true;
    fflush(p->ctx->out);
}

static void printer_init(struct printer *p, struct nilo_cmd_ctx *ctx)
{
    static const char *const heads[COLUMNS] = {"connection", "day", "status", "metrics", "ms"};
    *p = (struct printer){.ctx = ctx};
    nilo__table_init(&p->runs, COLUMNS, 1u << 3 | 1u << 4);
    nilo__table_init(&p->notes, 2, 0);
    for (int i = 0; i < COLUMNS; i++)
        nilo__table_add(&p->runs, heads[i]);
}

/* Also when collecting ended early: what was done before is told. */
static int printer_end(struct printer *p, struct nilo_err *err)
{
    bool some = p->runs.n > COLUMNS, notes = p->notes.n > 0;
    int result = 0;
    if (some)
        result = nilo__table_print(&p->runs, p->ctx->out, err);
    if (some && notes && result == 0)
        fputc('\n', p->ctx->out);
    if (notes && result == 0)
        result = nilo__table_print(&p->notes, p->ctx->out, err);
    nilo__table_done(&p->runs);
    nilo__table_done(&p->notes);
    if (result == 0 && p->failed) {
        if (err != NULL)
            *err = p->err;
        result = -1;
    }
    return result;
}

/* ---- the command ------------------------------------------------------------------------------------------------------------------------------ */

/* A wrong clock spoils what is read under it: whoever collects is told at once. */
static int tell_clock(struct nilo_cmd_ctx *ctx, struct nilo_store *store, struct nilo_err *err)
{
    struct nilo_buf note;
    nilo_buf_init(&note, 4096);
    int rc = nilo_record_clock_note(store, &note, err);
    if (rc == 0 && note.len > 0)
        nilo_cmd_notice(ctx, "%s", nilo_buf_str(&note));
    nilo_buf_done(&note);
    return rc;
}

static int collect(struct nilo_cmd_ctx *ctx, struct nilo_store *store, const struct nilo_config *config, struct nilo_err *err)
{
    struct printer printer;
    struct nilo_collect_result result;
    struct nilo_collect_options o = {
        .workspace = nilo_args_get(ctx->args, "workspace"),
        .connection = nilo_args_get(ctx->args, "connection"),
        .run_id = nilo_args_get(ctx->args, "run-id"),
        .report = report,
        .report_ctx = &printer,
    };
    if (nilo_args_day(ctx->args, "day", &o.day, err) != 0 || nilo_cmd_apply_config(store, config, err) != 0 ||
        nilo__ring_look(ctx, store, err) != 0)
        return -1;
    printer_init(&printer, ctx);
    int collected = nilo_collect(store, config, &o, &result, err);
    int printed = printer_end(&printer, collected == 0 ? err : NULL);
    if (collected != 0 || printed != 0 || tell_clock(ctx, store, err) != 0)
        return -1;
    int64_t removed;
    if (nilo__thin(store, config->thin_observations_after_days, &removed, err) != 0)
        return nilo_err_wrap(err, "everything is collected, thinning failed");
    if (removed > 0)
        nilo_cmd_notice(ctx, "thinned: %lld readings of old closed days", (long long)removed);
    struct nilo_dropped dropped = {0};
    if (nilo__drop(store, config->drop_days_after, &dropped, err) != 0)
        return nilo_err_wrap(err, "everything is collected, dropping old days failed");
    if (dropped.days > 0)
        nilo_cmd_notice(ctx, "dropped: %lld old closed days with %lld values", (long long)dropped.days, (long long)dropped.values);
    if (result.failed == 0 && result.partial == 0)
        return 0;
    return result.completed == 0 && result.partial == 0 ? 1 : 3;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_config *config = NULL;
    struct nilo_store *store = NULL;
    nilo_day day;
    int status = -1;
    /* What is wrong with the command line is said before anything is opened. */
    if (nilo__operands(ctx, 0, 0, err) != 0 || nilo_args_day(ctx->args, "day", &day, err) != 0)
        return -1;
    if (nilo_cmd_config(ctx, &config, err) == 0 && nilo_cmd_store(ctx, NILO_STORE_WRITE, &store, err) == 0)
        status = collect(ctx, store, config, err);
    nilo_store_close(store);
    nilo_config_free(config);
    return status;
}

const struct nilo_cmd nilo_cmd_collect = {
    .name = "collect",
    .operands = "",
    .summary = "read the connections of the configuration and record what they say",
    .description =
        "Reads every connection that the configuration lists, or the chosen ones.\n"
        "\n"
        "Without --day everything due is collected: first the days that are over and were not read after their end (at first just "
        "yesterday), logged as a run of its own, then today, which stays open until it is over. With --day only that day is read. "
        "A day that is closed never changes: collecting it again records nothing, except what was missing. A metric that failed is asked for again for "
        "the days that ended within the last 7 days, and its values come in late.\n"
        "\n"
        "A row belongs to the day of its timestamp in the workspace's zone. PostgreSQL columns may be timestamptz, timestamp (UTC), date or an "
        "epoch as bigint. In SQLite files each value is read by itself: ISO 8601 text in its usual spellings (without a zone: UTC; a bare date "
        "is that day) or an epoch, whose size tells seconds (below 10^11), milliseconds (below 10^14), microseconds (below 10^17) and "
        "nanoseconds apart; julian days are refused. Rows without a readable timestamp are not counted, and the run says how many there "
        "are.\n"
        "\n"
        "A statement that takes longer than timeout_ms for several days is asked for half as many at once, and again, down to one day.\n"
        "\n"
        "A metric that fails does not stop the others, nor does a connection. The exit status is 0 when all was collected, 3 when "
        "something failed and something did not, 1 when nothing could be read.\n"
        "\n"
        "    nilometer collect\n"
        "    nilometer collect --connection app --day 2025-01-11 --json\n"
        "    nilometer collect --run-id nightly-2025-01-11      (again: does nothing)\n",
    .options = options,
    .run = run,
};
