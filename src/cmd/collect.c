/* nilometer collect: reads every connection of the configuration, or the chosen ones, for what is due or for one day. */
#include <inttypes.h>
#include <string.h>

#include "cmd/told.h"

static const struct nilo_option options[] = {
    {"connection", "NAME", "only this connection", false},
    {"workspace", "W", "only connections of this workspace", false},
    {"day", "DAY", "only this day, YYYY-MM-DD; without it everything due", false},
    {"scheduled", NULL, "only what a schedule has due and nobody has done yet: for timers", false},
    {"run-id", "ID", "name of this collection: the same name again does nothing", false},
    {NULL, NULL, NULL, false},
};

struct printer {
    struct nilo__teller teller;
    struct nilo_progress *bar;
};

static struct nilo__told told(const struct nilo_collect_run *run)
{
    return (struct nilo__told){run->workspace, run->connection, run->status, run->error, run->asked_by_day, run->run, run->first_day, run->last_day,
                               run->failures, run->n_failures, run->notes, run->n_notes};
}

static void print_json(struct nilo__teller *p, const struct nilo_collect_run *run, const struct nilo__told *told)
{
    struct nilo__answer a;
    nilo__told_begin(&a, told);
    nilo__told_int(&a, "metrics_collected", run->metrics_collected);
    nilo__told_int(&a, "readings", run->readings);
    nilo__told_int(&a, "unchanged", run->unchanged);
    nilo__told_int(&a, "differ", run->differ);
    nilo__told_int(&a, "days_closed", run->days_closed);
    nilo__told_int(&a, "duration_ms", run->duration_ms);
    nilo_json_key(&a.json, "details");
    run->details != NULL ? nilo_json_text(&a.json, run->details, strlen(run->details)) : nilo_json_null(&a.json);
    nilo__told_end(&a, told, p);
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

static void add_run(struct nilo__teller *p, const struct nilo_collect_run *run, const struct nilo__told *told)
{
    char text[96];
    nilo__table_addf(&p->runs, "%s/%s", run->workspace, run->connection);
    add_days(&p->runs, run);
    nilo__table_add(&p->runs, run->status);
    nilo__table_addf(&p->runs, "%d", run->metrics_collected);
    nilo__table_addf(&p->runs, "%" PRId64, run->duration_ms);
    if (strcmp(run->status, "done") == 0)
        nilo__teller_note(p, told, "", "this run id was completed before, so nothing was done");
    nilo__teller_notes(p, told);
    snprintf(text, sizeof text, "the source counts %" PRId64 " values of closed days otherwise by now; what was recorded stands", run->differ);
    if (run->differ > 0)
        nilo__teller_note(p, told, "", text);
}

static void on_progress(void *ctx, const char *connection, const char *doing, int64_t done, int64_t of)
{
    const struct printer *p = ctx;
    nilo__told_progress(p->bar, connection, doing, done, of);
}

static void report(void *ctx, const struct nilo_collect_run *run)
{
    struct printer *printer = ctx;
    struct nilo__teller *p = &printer->teller;
    const struct nilo__told what = told(run);
    nilo_progress_hide(printer->bar);
    if (p->ctx->json)
        print_json(p, run, &what);
    else
        add_run(p, run, &what);
    fflush(p->ctx->out);
}

/* ---- the command ------------------------------------------------------------------------------------------------------------------------------ */

/* Of schedules an erased connection has nothing due: once a call it is said why. Otherwise its own line says it. */
static int tell_erased(struct nilo_cmd_ctx *ctx, struct nilo_store *store, const struct nilo_config *config, struct nilo_err *err)
{
    const char *workspace = nilo_args_get(ctx->args, "workspace"), *connection = nilo_args_get(ctx->args, "connection");
    for (int i = 0; i < config->n_connections && nilo_args_get(ctx->args, "scheduled") != NULL; i++) {
        const struct nilo_config_connection *c = &config->connections[i];
        struct nilo_err why;
        if ((workspace != NULL && strcmp(workspace, c->workspace) != 0) || (connection != NULL && strcmp(connection, c->name) != 0))
            continue;
        int erased = nilo_collect_erased(store, config, c, &why, err);
        if (erased < 0)
            return -1;
        if (erased > 0)
            nilo_cmd_notice(ctx, "%s", why.msg);
    }
    return 0;
}

static int collect(struct nilo_cmd_ctx *ctx, struct nilo_store *store, const struct nilo_config *config, struct nilo_err *err)
{
    static const char *const heads[] = {"connection", "day", "status", "metrics", "ms"};
    struct printer printer = {.bar = NULL};
    struct nilo_collect_result result;
    struct nilo_collect_options o = {
        .workspace = nilo_args_get(ctx->args, "workspace"),
        .connection = nilo_args_get(ctx->args, "connection"),
        .run_id = nilo_args_get(ctx->args, "run-id"),
        .scheduled = nilo_args_get(ctx->args, "scheduled") != NULL,
        .report = report,
        .report_ctx = &printer,
        .progress = on_progress,
        .progress_ctx = &printer,
    };
    if (nilo_args_day(ctx->args, "day", &o.day, err) != 0 || nilo_cmd_apply_config(store, config, err) != 0 ||
        nilo__ring_look(ctx, store, err) != 0 || tell_erased(ctx, store, config, err) != 0)
        return -1;
    nilo__teller_init(&printer.teller, ctx, heads, 5, 1u << 3 | 1u << 4);
    printer.bar = nilo_progress_new(ctx, "collecting", 0);
    int collected = nilo_collect(store, config, &o, &result, err);
    nilo_progress_done(printer.bar);
    int printed = nilo__teller_end(&printer.teller, collected == 0 ? err : NULL);
    if (collected != 0 || printed != 0 || nilo__tell_clock(ctx, store, err) != 0)
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
    if (nilo__raw_forget(store, config->raw_answers_days, err) != 0)
        return nilo_err_wrap(err, "everything is collected, old answers of platforms could not be removed");
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
        "A value outside of expected_min and expected_max, and a percentage outside of 0 to 100, is kept and marked in its metadata (anomaly, "
        "out_of_range). Where a statement's value is NULL, rows of the day (mode created) are 0, as a sum of no rows is; all other values are missing then. "
        "A negative count is refused, as no count is: money, averages, percentages and aggregates may be negative.\n"
        "\n"
        "Days never overlap: where a zone's clock goes back over midnight (St. John's until 2011, at 00:01), the minute before that counts for "
        "the day that the clock goes back to, here as everywhere.\n"
        "\n"
        "A statement that takes longer than timeout_ms for several days is asked for half as many at once, and again, down to one day.\n"
        "\n"
        "Platforms (youtube) tell how things stand now: of each account everything is listed, then read as its age wants it: hourly in the first two days, "
        "every 6 hours in the first 30, then daily, and all once more in the day's last hour. What could not be read comes first next time. Their limits "
        "and quotas are kept: what does not fit is left to a later run, which the status says (partial). With --scheduled only connections are collected of "
        "which a slot of their schedule is due, each once, however many processes look: for a timer of cron or systemd; serve does the same by itself.\n"
        "\n"
        "A metric that fails does not stop the others, nor does a connection. The exit status is 0 when all was collected, 3 when "
        "something failed and something did not, 1 when nothing could be read.\n"
        "\n"
        "    nilometer collect\n"
        "    nilometer collect --connection app --day 2025-01-11 --json\n"
        "    nilometer collect --run-id nightly-2025-01-11      (again: does nothing)\n",
    .options = options,
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
