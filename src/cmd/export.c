/* nilometer export: a store or a workspace with nothing lost (format nilometer), or its shown values a row each for people and other
 * tools (csv, json, ndjson). What is written is the business of import/ (beside the code that reads it again) and of query. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cmd_priv.h"
#include "import/import.h"

struct job {
    struct nilo_cmd_ctx *ctx;
    struct nilo_store *store;
    struct nilo_output *output;
    struct nilo_progress *bar;
    struct nilo_workspace workspace; /* id 0: all */
    nilo_day from, to;
    int64_t written; /* bytes of values */
};

static void show(void *ctx, int64_t done, int64_t of)
{
    struct job *j = ctx;
    int fd = fileno(j->ctx->out);
    if (nilo_args_get(j->ctx->args, "output") == NULL && fd >= 0 && isatty(fd))
        return; /* rows go to the terminal, and pieces of them end in the middle of a line */
    if (j->bar == NULL)
        j->bar = nilo_progress_new(j->ctx, "exporting", of);
    nilo_progress_step(j->bar, "exporting", done, of);
}

static int export_whole(struct job *j, int64_t *ret_rows, struct nilo_err *err)
{
    struct nilo_whole_want want = {.workspace = j->workspace.id, .from = j->from, .to = j->to};
    return nilo_whole_write(j->store, &want, j->workspace.id != 0 ? j->workspace.name : NULL, j->output, show, j, ret_rows, err);
}

/* ---- values: the relation metric_values, whole ------------------------------------------------------------------------------- */

static void ask_days(const struct job *j, struct nilo_buf *request)
{
    char day[NILO_DAY_TEXT];
    if (!nilo_day_is_none(j->from)) {
        nilo_day_format(j->from, day);
        nilo_buf_addf(request, "&day=gte.%s", day);
    }
    if (!nilo_day_is_none(j->to)) {
        nilo_day_format(j->to, day);
        nilo_buf_addf(request, "&day=lte.%s", day);
    }
}

/* The bar counts bytes: how many rows there will be nobody knows. */
static int write_out(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    struct job *j = ctx;
    show(j, j->written += (int64_t)n, 0);
    return nilo_output_write(j->output, p, n, err);
}

static int ask(struct job *j, const struct nilo_buf *text, enum nilo_format format, int64_t *ret_rows, struct nilo_err *err)
{
    struct nilo_query *q = NULL;
    struct nilo_writer *writer = NULL;
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    struct nilo_scope scope = NILO_SCOPE_ALL;
    request.any_range = true;
    request.left = nilo_day_is_none(j->from) && nilo_day_is_none(j->to); /* a copy without it would not have the latest of items read before only */
    if (j->workspace.id != 0)
        scope = (struct nilo_scope){.role = NILO_ROLE_SERVICE, .workspaces = &j->workspace.id, .n = 1};
    int rc = nilo_query_parse(j->store, text->data, text->len, &request, &q, NULL, err);
    if (rc == 0)
        rc = nilo_writer_new(format, false, write_out, j, &writer, err);
    if (rc == 0) {
        struct nilo_sink sink = nilo_writer_sink(writer);
        rc = nilo_query_run(q, j->store, &scope, &sink, err);
    }
    if (rc == 0)
        rc = nilo_writer_end(writer, err);
    if (rc == 0)
        *ret_rows = nilo_writer_rows(writer);
    nilo_writer_free(writer);
    nilo_query_free(q);
    return rc;
}

static int export_values(struct job *j, enum nilo_format format, int64_t *ret_rows, struct nilo_err *err)
{
    struct nilo_buf text;
    nilo_buf_init(&text, 4096);
    nilo_buf_adds(&text, "metric_values?select=workspace,connection,platform,entity,external_id,window_days,day,metric,metric_type,value,absence,"
                         "provenance,captured_at,source_day,recorded_at,run,cause,seq,metadata,title,url,posted_at,owner,"
                         "metric_kind,metric_aggregation,metric_scale,metric_unit,metric_currency,workspace_zone,dropped_until,"
                         "best_value,best_window_days,best_day,best_captured_at,best_gmv"
                         "&order=workspace,connection,entity,external_id,window_days,day,metric,metric_type");
    ask_days(j, &text);
    show(j, 0, 0);
    int rc = text.failed ? nilo_err_nomem(err) : ask(j, &text, format, ret_rows, err);
    nilo_buf_done(&text);
    return rc;
}

/* ---- the command --------------------------------------------------------------------------------------------------------------- */

/* -1: the whole of it */
static int find_format(const struct nilo_cmd_ctx *ctx, int *ret, struct nilo_err *err)
{
    const char *name = nilo_args_get(ctx->args, "format");
    *ret = -1;
    if (name == NULL || strcmp(name, "nilometer") == 0)
        return 0;
    if (strcmp(name, "csv") != 0 && strcmp(name, "json") != 0 && strcmp(name, "ndjson") != 0)
        return nilo_err_set(err, NILO_EUSAGE, "--format %s is unknown; there are nilometer, csv, json and ndjson", name);
    *ret = nilo_format_value(name);
    return 0;
}

static int take_args(struct job *j, int *ret_format, struct nilo_err *err)
{
    struct nilo_cmd_ctx *ctx = j->ctx;
    if (nilo__operands(ctx, 0, 0, err) != 0 || find_format(ctx, ret_format, err) != 0 || nilo_args_day(ctx->args, "from", &j->from, err) != 0 ||
        nilo_args_day(ctx->args, "to", &j->to, err) != 0)
        return -1;
    if (!nilo_day_is_none(j->from) && !nilo_day_is_none(j->to) && j->from.n > j->to.n)
        return nilo_err_set(err, NILO_EUSAGE, "--from is after --to");
    return 0;
}

static int open_all(struct job *j, struct nilo_err *err)
{
    const char *workspace = nilo_args_get(j->ctx->args, "workspace");
    if (nilo_cmd_store(j->ctx, NILO_STORE_READ, &j->store, err) != 0)
        return -1;
    if (workspace != NULL && nilo_store_workspace(j->store, workspace, false, NULL, &j->workspace, err) != 0)
        return -1;
    return nilo_output_open(nilo_args_get(j->ctx->args, "output"), j->ctx->out, &j->output, err);
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct job j = {.ctx = ctx, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE};
    int64_t rows = 0;
    int format;
    int rc = take_args(&j, &format, err);
    if (rc == 0)
        rc = open_all(&j, err);
    if (rc == 0)
        rc = format < 0 ? export_whole(&j, &rows, err) : export_values(&j, (enum nilo_format)format, &rows, err);
    nilo_progress_done(j.bar);
    if (rc == 0) {
        rc = nilo_output_close(j.output, err);
        j.output = NULL;
    }
    if (rc == 0)
        nilo_cmd_notice(ctx, format < 0 ? "%" PRId64 " rows" : "%" PRId64 " rows, values as they are shown now; their history is in --format nilometer alone", rows);
    nilo_output_abort(j.output);
    nilo_store_close(j.store);
    return rc;
}

const struct nilo_cmd nilo_cmd_export = {
    .name = "export",
    .summary = "write a store or a workspace to a file, with nothing lost",
    .description =
        "The format nilometer holds everything that was ever recorded, with nothing lost: readings, closed days and what amended them, runs, items, "
        "owners, credits, zones. `nilometer import --format nilometer` restores it in another store, also in one of the other kind (SQLite, PostgreSQL), "
        "and every question then has the same answer. It is the way to move a store, and a backup that any later version reads. The file ends "
        "with a checksum; one that was cut off or damaged is refused. Others may go on writing meanwhile: the export is one state.\n"
        "\n"
        "csv, json and ndjson hold one row a value as it is shown now, for people and other tools, with exact numbers, and with the item's title, "
        "address, time of posting and owners, how its metric is defined, the workspace's zone and the all-time best of the metric. `nilometer import` takes them in again. They do not hold what a value was before it was amended, which "
        "runs and readings it came from, items' and accounts' other attributes, annotations, or the days and roles of credits: that is what the format nilometer is for. "
        "In CSV a text that a spreadsheet would take for a formula has a ' before it.\n"
        "\n"
        "Without --output it goes to standard output. A file is never overwritten, and it has its name only when it is complete; the ending .zst or .gz "
        "packs it.\n"
        "\n"
        "  nilometer export --output store-2026-11-21.zst\n"
        "  nilometer export --workspace acme --format csv --from 2026-01-01 --output values.csv\n"
        "  nilometer export --store ./nilometer.db | nilometer import - --format nilometer --store postgres://localhost/nilometer",
    .options = (const struct nilo_option[]){{"workspace", "W", "only this workspace; default: all of the store", false},
                                            {"from", "DAY", "only values of this day and later ones", false},
                                            {"to", "DAY", "only values of this day and earlier ones", false},
                                            {"format", "FORMAT", "nilometer (default), csv, json or ndjson", false},
                                            {"output", "FILE", "write to this new file", false},
                                            {0}},
    .run = run,
};
