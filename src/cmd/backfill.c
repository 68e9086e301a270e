/* nilometer backfill: fills past days from what the sources hold today, and tells what it found. */
#include <inttypes.h>
#include <string.h>

#include "base/decimal.h"
#include "cmd/told.h"

static const struct nilo_option options[] = {
    {"from", "DAY", "the first day; without it the day of the first row", false},
    {"to", "DAY", "the last day; without it yesterday", false},
    {"connection", "NAME", "only this connection", false},
    {"workspace", "W", "only connections of this workspace", false},
    {"revise", NULL, "also amend values that were estimated before", false},
    {NULL, NULL, NULL, false},
};

struct printer {
    struct nilo__teller teller;
    struct nilo_progress *progress;
};

/* ---- progress -------------------------------------------------------------------------------------------------------------------------- */

static void on_progress(void *ctx, const char *connection, const char *doing, int64_t done, int64_t of)
{
    struct printer *p = ctx;
    nilo__told_progress(p->progress, connection, doing, done, of);
}

/* ---- --json: a line a connection ------------------------------------------------------------------------------------------------------- */

static void json_value(struct nilo__answer *a, const char *key, int64_t v, int scale)
{
    char text[NILO_DECIMAL_TEXT];
    nilo_json_key(&a->json, key);
    nilo_json_text(&a->json, text, nilo_decimal_format(v, scale, true, text));
}

static void json_findings(struct nilo__answer *a, const char *key, const struct nilo_backfill_findings *f, const char *before, const char *after)
{
    nilo_json_key(&a->json, key);
    nilo_json_object_begin(&a->json);
    nilo__told_int(a, "n", f->total);
    nilo_json_key(&a->json, "first");
    nilo_json_array_begin(&a->json);
    for (size_t i = 0; i < f->n; i++) {
        const struct nilo_backfill_finding *it = &f->items[i];
        nilo_json_object_begin(&a->json);
        nilo__told_str(a, "metric", it->metric);
        nilo__told_day(a, "first_day", it->first);
        nilo__told_day(a, "last_day", it->last);
        if (before != NULL) {
            json_value(a, before, it->before, it->scale);
            json_value(a, after, it->after, it->scale);
        }
        nilo_json_object_end(&a->json);
    }
    nilo_json_array_end(&a->json);
    nilo_json_object_end(&a->json);
}

static void print_json(struct nilo__teller *p, const struct nilo_backfill_run *run, const struct nilo__told *told)
{
    struct nilo__answer a;
    nilo__told_begin(&a, told);
    nilo__told_int(&a, "dates_processed", run->days_processed);
    nilo__told_int(&a, "total_metrics", run->metrics);
    nilo__told_int(&a, "days_written", run->days_written);
    nilo__told_int(&a, "values_written", run->values_written);
    nilo__told_int(&a, "duration_ms", run->duration_ms);
    json_findings(&a, "gaps", &run->gaps, NULL, NULL);
    json_findings(&a, "falls", &run->falls, "from", "to");
    json_findings(&a, "last_day_differs", &run->last_differs, "recorded", "source");
    nilo__told_end(&a, told, p);
}

/* ---- for people ---------------------------------------------------------------------------------------------------------------------------- */

static void note_gaps(struct nilo__teller *p, const struct nilo__told *told, const struct nilo_backfill_run *run)
{
    char text[128], first[NILO_DAY_TEXT], last[NILO_DAY_TEXT];
    for (size_t i = 0; i < run->gaps.n; i++) {
        nilo_day_format(run->gaps.items[i].first, first);
        nilo_day_format(run->gaps.items[i].last, last);
        snprintf(text, sizeof text, "no value from %s to %s", first, last);
        nilo__teller_note(p, told, run->gaps.items[i].metric, text);
    }
}

static void note_changes(struct nilo__teller *p, const struct nilo__told *told, const struct nilo_backfill_findings *f, bool falls)
{
    char text[256], day[NILO_DAY_TEXT], before[NILO_DECIMAL_TEXT], after[NILO_DECIMAL_TEXT];
    for (size_t i = 0; i < f->n; i++) {
        nilo_day_format(f->items[i].last, day);
        nilo_decimal_format(f->items[i].before, f->items[i].scale, true, before);
        nilo_decimal_format(f->items[i].after, f->items[i].scale, true, after);
        if (falls)
            snprintf(text, sizeof text, "falls from %s to %s on %s", before, after, day);
        else
            snprintf(text, sizeof text, "%s is recorded for %s, and the source counts %s now", before, day, after);
        nilo__teller_note(p, told, f->items[i].metric, text);
    }
}

static void note_more(struct nilo__teller *p, const struct nilo__told *told, const struct nilo_backfill_run *run)
{
    char text[256];
    snprintf(text, sizeof text, "%" PRId64 " days of metrics without a value, %" PRId64 " falls of totals, %" PRId64 " metrics whose last day differs",
             run->gaps.total, run->falls.total, run->last_differs.total);
    if (!nilo_day_is_none(run->first_day))
        nilo__teller_note(p, told, "", text);
    else if (run->error == NULL)
        nilo__teller_note(p, told, "", "its tables have no row yet with a time before today, so there is nothing to fill");
}

static void add_run(struct nilo__teller *p, const struct nilo_backfill_run *run, const struct nilo__told *told)
{
    char day[NILO_DAY_TEXT];
    nilo__table_addf(&p->runs, "%s/%s", run->workspace, run->connection);
    nilo_day_format(run->first_day, day);
    nilo__table_add(&p->runs, day);
    nilo_day_format(run->last_day, day);
    nilo__table_add(&p->runs, day);
    nilo__table_add(&p->runs, run->status);
    nilo__table_addf(&p->runs, "%" PRId64, run->days_written);
    nilo__table_addf(&p->runs, "%" PRId64, run->values_written);
    nilo__table_addf(&p->runs, "%" PRId64, run->duration_ms);
    nilo__teller_notes(p, told);
    note_gaps(p, told, run);
    note_changes(p, told, &run->falls, true);
    note_changes(p, told, &run->last_differs, false);
    if (strcmp(run->status, "paused") != 0)
        note_more(p, told, run);
}

static void report(void *ctx, const struct nilo_backfill_run *run)
{
    struct printer *p = ctx;
    const struct nilo__told told = {run->workspace, run->connection, run->status, run->error, run->asked_by_day, run->run, run->first_day, run->last_day,
                                    run->failures, run->n_failures, run->notes, run->n_notes};
    nilo_progress_hide(p->progress);
    if (p->teller.ctx->json)
        print_json(&p->teller, run, &told);
    else
        add_run(&p->teller, run, &told);
    fflush(p->teller.ctx->out);
}

/* ---- the command ------------------------------------------------------------------------------------------------------------------------------ */

static int read_days(struct nilo_cmd_ctx *ctx, struct nilo_backfill_options *o, struct nilo_err *err)
{
    if (nilo_args_day(ctx->args, "from", &o->from, err) != 0 || nilo_args_day(ctx->args, "to", &o->to, err) != 0)
        return -1;
    if (!nilo_day_is_none(o->from) && !nilo_day_is_none(o->to) && o->from.n > o->to.n)
        return nilo_err_set(err, NILO_EDATERANGE, "--from is after --to; exchange them");
    return 0;
}

static int backfill(struct nilo_cmd_ctx *ctx, struct nilo_store *store, const struct nilo_config *config, struct nilo_err *err)
{
    static const char *const heads[] = {"connection", "first", "last", "status", "days written", "values", "ms"};
    struct printer printer = {.progress = NULL};
    struct nilo_backfill_result result;
    struct nilo_backfill_options o = {
        .workspace = nilo_args_get(ctx->args, "workspace"),
        .connection = nilo_args_get(ctx->args, "connection"),
        .revise = nilo_args_get(ctx->args, "revise") != NULL,
        .report = report,
        .report_ctx = &printer,
        .progress = on_progress,
        .progress_ctx = &printer,
    };
    if (read_days(ctx, &o, err) != 0 || nilo_cmd_apply_config(store, config, err) != 0)
        return -1;
    nilo__teller_init(&printer.teller, ctx, heads, 7, 1u << 4 | 1u << 5 | 1u << 6);
    printer.progress = nilo_progress_new(ctx, "reading", 0);
    int filled = nilo_backfill(store, config, &o, &result, err);
    nilo_progress_done(printer.progress);
    int printed = nilo__teller_end(&printer.teller, filled == 0 ? err : NULL);
    if (filled != 0 || printed != 0)
        return -1;
    if (result.failed == 0 && result.partial == 0)
        return 0;
    return result.completed == 0 && result.partial == 0 ? 1 : 3;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_config *config = NULL;
    struct nilo_store *store = NULL;
    struct nilo_backfill_options days;
    int status = -1;
    /* What is wrong with the command line is said before anything is opened. */
    if (nilo__operands(ctx, 0, 0, err) != 0 || read_days(ctx, &days, err) != 0)
        return -1;
    if (nilo_cmd_config(ctx, &config, err) == 0 && nilo_cmd_store(ctx, NILO_STORE_WRITE, &store, err) == 0)
        status = backfill(ctx, store, config, err);
    nilo_store_close(store);
    nilo_config_free(config);
    return status;
}

const struct nilo_cmd nilo_cmd_backfill = {
    .name = "backfill",
    .operands = "",
    .summary = "fill past days from what the databases hold today",
    .description =
        "Fills the days from the first row of any table, or --from, up to yesterday, or --to, in one pass over each table. Only what is missing "
        "is written: what was recorded before stays, and running it again does nothing. Values read more than 7 days after their day are marked "
        "as estimated, as rows deleted since are not in them; --revise may amend these, and nothing else.\n"
        "\n"
        "It may be stopped at any moment; the same command goes on where it ended. Afterwards it prints the days written, days without a "
        "value, falls of totals, and whether the last day equals what the source says now.\n"
        "\n"
        "The exit status is 0 when all was read, 3 when something failed and something did not, 1 when nothing could be read.\n"
        "\n"
        "    nilometer backfill\n"
        "    nilometer backfill --from 2024-01-01 --to 2024-12-31 --connection app --json\n",
    .options = options,
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
