/* nilometer backfill: fills past days from what the sources hold today, and tells what it found. */
#include <inttypes.h>
#include <string.h>

#include "base/decimal.h"
#include "cmd/cmd_priv.h"
#include "collect/collect.h"

#define COLUMNS 7

static const struct nilo_option options[] = {
    {"from", "DAY", "the first day; without it the day of the first row", false},
    {"to", "DAY", "the last day; without it yesterday", false},
    {"connection", "NAME", "only this connection", false},
    {"workspace", "W", "only connections of this workspace", false},
    {"revise", NULL, "also amend values that were estimated before", false},
    {NULL, NULL, NULL, false},
};

struct printer {
    struct nilo_cmd_ctx *ctx;
    struct nilo__table runs, notes;
    struct nilo_progress *progress;
    int64_t of; /* what the bar was made for; -1 = there is none */
    bool failed;
    struct nilo_err err;
};

/* ---- progress -------------------------------------------------------------------------------------------------------------------------- */

static void on_progress(void *ctx, const char *connection, int64_t done, int64_t of)
{
    struct printer *p = ctx;
    char what[80];
    if (of != p->of) {
        nilo_progress_done(p->progress);
        snprintf(what, sizeof what, of > 0 ? "%s: days" : "%s: reading", connection);
        p->progress = nilo_progress_new(p->ctx, what, of);
        p->of = of;
    }
    nilo_progress_set(p->progress, done);
}

/* ---- --json: a line a connection ------------------------------------------------------------------------------------------------------- */

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

static void json_value(struct nilo_json_out *o, const char *key, int64_t v, int scale)
{
    char text[NILO_DECIMAL_TEXT];
    nilo_json_key(o, key);
    nilo_json_text(o, text, nilo_decimal_format(v, scale, true, text));
}

static void json_findings(struct nilo_json_out *o, const char *key, const struct nilo_backfill_findings *f, const char *before, const char *after)
{
    nilo_json_key(o, key);
    nilo_json_object_begin(o);
    json_int(o, "n", f->total);
    nilo_json_key(o, "first");
    nilo_json_array_begin(o);
    for (size_t i = 0; i < f->n; i++) {
        const struct nilo_backfill_finding *it = &f->items[i];
        nilo_json_object_begin(o);
        json_str(o, "metric", it->metric);
        json_day(o, "first_day", it->first);
        json_day(o, "last_day", it->last);
        if (before != NULL) {
            json_value(o, before, it->before, it->scale);
            json_value(o, after, it->after, it->scale);
        }
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
    nilo_json_object_end(o);
}

static void json_failures(struct nilo_json_out *o, const struct nilo_backfill_run *run)
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

static int print_json(const struct nilo_cmd_ctx *ctx, const struct nilo_backfill_run *run, struct nilo_err *err)
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
    json_int(&a.json, "dates_processed", run->days_processed);
    json_int(&a.json, "total_metrics", run->metrics);
    json_int(&a.json, "days_written", run->days_written);
    json_int(&a.json, "values_written", run->values_written);
    json_int(&a.json, "duration_ms", run->duration_ms);
    json_findings(&a.json, "gaps", &run->gaps, NULL, NULL);
    json_findings(&a.json, "falls", &run->falls, "from", "to");
    json_findings(&a.json, "last_day_differs", &run->last_differs, "recorded", "source");
    json_str(&a.json, "asked_by_day", run->asked_by_day);
    json_str(&a.json, "error", run->error);
    json_failures(&a.json, run);
    nilo_json_key(&a.json, "notes");
    nilo_json_array_begin(&a.json);
    for (size_t i = 0; i < run->n_notes; i++)
        nilo_json_str(&a.json, run->notes[i]);
    nilo_json_array_end(&a.json);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

/* ---- for people ---------------------------------------------------------------------------------------------------------------------------- */

static void note(struct printer *p, const struct nilo_backfill_run *run, const char *metric, const char *text)
{
    nilo__table_addf(&p->notes, "%s/%s", run->workspace, run->connection);
    nilo__table_addf(&p->notes, "%s%s%s", metric, metric[0] != '\0' ? ": " : "", text);
}

static void note_gaps(struct printer *p, const struct nilo_backfill_run *run)
{
    char text[128], first[NILO_DAY_TEXT], last[NILO_DAY_TEXT];
    for (size_t i = 0; i < run->gaps.n; i++) {
        nilo_day_format(run->gaps.items[i].first, first);
        nilo_day_format(run->gaps.items[i].last, last);
        snprintf(text, sizeof text, "no value from %s to %s", first, last);
        note(p, run, run->gaps.items[i].metric, text);
    }
}

static void note_changes(struct printer *p, const struct nilo_backfill_run *run, const struct nilo_backfill_findings *f, bool falls)
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
        note(p, run, f->items[i].metric, text);
    }
}

static void note_more(struct printer *p, const struct nilo_backfill_run *run)
{
    char text[256];
    snprintf(text, sizeof text, "%" PRId64 " days of metrics without a value, %" PRId64 " falls of totals, %" PRId64 " metrics whose last day differs",
             run->gaps.total, run->falls.total, run->last_differs.total);
    if (!nilo_day_is_none(run->first_day))
        note(p, run, "", text);
    else if (run->error == NULL)
        note(p, run, "", "its tables have no rows yet, so there is nothing to fill");
}

static void add_run(struct printer *p, const struct nilo_backfill_run *run)
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
    note_gaps(p, run);
    note_changes(p, run, &run->falls, true);
    note_changes(p, run, &run->last_differs, false);
    if (strcmp(run->status, "paused") != 0)
        note_more(p, run);
}

static void report(void *ctx, const struct nilo_backfill_run *run)
{
    struct printer *p = ctx;
    nilo_progress_done(p->progress);
    p->progress = NULL;
    p->of = -1;
    if (!p->ctx->json)
        add_run(p, run);
    else if (print_json(p->ctx, run, &p->err) != 0)
        p->failed = true;
    fflush(p->ctx->out);
}

static void printer_init(struct printer *p, struct nilo_cmd_ctx *ctx)
{
    static const char *const heads[COLUMNS] = {"connection", "first", "last", "status", "days written", "values", "ms"};
    *p = (struct printer){.ctx = ctx, .of = -1};
    nilo__table_init(&p->runs, COLUMNS, 1u << 4 | 1u << 5 | 1u << 6);
    nilo__table_init(&p->notes, 2, 0);
    for (int i = 0; i < COLUMNS; i++)
        nilo__table_add(&p->runs, heads[i]);
}

/* Also when it ended early: what was done before is told. */
static int printer_end(struct printer *p, struct nilo_err *err)
{
    bool some = p->runs.n > COLUMNS, notes = p->notes.n > 0;
    int result = 0;
    nilo_progress_done(p->progress);
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
    struct printer printer;
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
    printer_init(&printer, ctx);
    int filled = nilo_backfill(store, config, &o, &result, err);
    int printed = printer_end(&printer, filled == 0 ? err : NULL);
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
};
