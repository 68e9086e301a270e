/* nilometer export: a store or a workspace with nothing lost, as lines, a table or objects, or (--values) its shown values a row each for people and other
 * tools. What is written is the business of import/ (beside the code that reads it again) and of query. */
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
    bool values; /* what is shown, in `format`; else the whole record in `container` */
    enum nilo_format format;
    enum nilo_whole_container container;
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
    return nilo_whole_write(j->store, &want, j->workspace.id != 0 ? j->workspace.name : NULL, j->container, j->output, show, j, ret_rows, err);
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

static int ask(struct job *j, const struct nilo_buf *text, int64_t *ret_rows, struct nilo_err *err)
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
        rc = nilo_writer_new(j->format, false, write_out, j, &writer, err);
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

static int export_values(struct job *j, int64_t *ret_rows, struct nilo_err *err)
{
    struct nilo_buf text;
    nilo_buf_init(&text, 4096);
    nilo_buf_adds(&text, "metric_values?select=workspace,connection,platform,entity,external_id,window_days,day,metric,metric_type,value,absence,"
                         "provenance,captured_at,source_day,recorded_at,run,cause,seq,metadata,title,url,posted_at,owner,"
                         "metric_kind,metric_aggregation,metric_scale,metric_unit,metric_currency,workspace_zone,connection_role,dropped_until,"
                         "best_value,best_window_days,best_day,best_captured_at,best_gmv"
                         "&order=workspace,connection,entity,external_id,window_days,day,metric,metric_type");
    ask_days(j, &text);
    show(j, 0, 0);
    int rc = text.failed ? nilo_err_nomem(err) : ask(j, &text, ret_rows, err);
    nilo_buf_done(&text);
    return rc;
}

/* ---- the command --------------------------------------------------------------------------------------------------------------- */

/* What --format names; values in csv where it is not given. */
static int find_format(struct job *j, struct nilo_err *err)
{
    static const struct {
        const char *name;
        enum nilo_whole_container container;
        enum nilo_format format;
    } formats[] = {
        {"nilometer", NILO_WHOLE_LINES, NILO_FORMAT_JSON},
        {"csv", NILO_WHOLE_CSV, NILO_FORMAT_CSV},
        {"json", NILO_WHOLE_JSON, NILO_FORMAT_JSON},
        {"ndjson", NILO_WHOLE_NDJSON, NILO_FORMAT_NDJSON},
    };
    const char *name = nilo_args_get(j->ctx->args, "format");
    j->values = nilo_args_get(j->ctx->args, "values") != NULL;
    if (name == NULL)
        name = j->values ? "csv" : "nilometer";
    if (j->values && strcmp(name, "nilometer") == 0)
        return nilo_err_set(err, NILO_EUSAGE, "--values goes with --format csv, json or ndjson: the format nilometer holds the whole record alone");
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(formats[i].name, name) != 0)
            continue;
        j->container = formats[i].container;
        j->format = formats[i].format;
        return 0;
    }
    return nilo_err_set(err, NILO_EUSAGE, "--format %s is unknown; there are nilometer, csv, json and ndjson", name);
}

static int take_args(struct job *j, struct nilo_err *err)
{
    struct nilo_cmd_ctx *ctx = j->ctx;
    if (nilo__operands(ctx, 0, 0, err) != 0 || find_format(j, err) != 0 || nilo_args_day(ctx->args, "from", &j->from, err) != 0 ||
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

static void say(const struct job *j, int64_t rows)
{
    const char *what = j->values                        ? ", values as they are shown now; their history is in an export without --values"
                       : j->container != NILO_WHOLE_LINES ? ", the whole record; --values writes one row a value, for spreadsheets"
                                                          : "";
    nilo_cmd_notice(j->ctx, "%" PRId64 " rows%s", rows, what);
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct job j = {.ctx = ctx, .from = NILO_DAY_NONE, .to = NILO_DAY_NONE};
    int64_t rows = 0;
    int rc = take_args(&j, err);
    if (rc == 0)
        rc = open_all(&j, err);
    if (rc == 0)
        rc = j.values ? export_values(&j, &rows, err) : export_whole(&j, &rows, err);
    nilo_progress_done(j.bar);
    if (rc == 0) {
        rc = nilo_output_close(j.output, err);
        j.output = NULL;
    }
    if (rc == 0)
        say(&j, rows);
    nilo_output_abort(j.output);
    nilo_store_close(j.store);
    return rc;
}

const struct nilo_cmd nilo_cmd_export = {
    .name = "export",
    .summary = "write a store or a workspace to a file, with nothing lost",
    .description =
        "Everything that was ever recorded, with nothing lost: readings, closed days and what amended them, runs, items, owners, credits, annotations, "
        "zones. `nilometer import` restores it in another store, also in one of the other kind (SQLite, PostgreSQL), "
        "and every question then has the same answer. It is the way to move a store, and a backup that any later version reads. The file ends "
        "with a checksum; one that was cut off or damaged is refused. Others may go on writing meanwhile: the export is one state.\n"
        "\n"
        "The format nilometer has a line of JSON a row. csv, json and ndjson hold the same rows for other tools: in CSV the first cell names the table, and each table "
        "has its header; in json and ndjson every row is an object. They all come back alike, with the same checksum. What a spreadsheet or an editor saves over such a file "
        "is seldom the same any more, and is then refused.\n"
        "\n"
        "With --values csv (the default), json and ndjson hold one row a value as it is shown now, for spreadsheets and people, with exact numbers, and with the item's title, "
        "address, time of posting and owners, how its metric is defined, the workspace's zone and the all-time best of the metric. `nilometer import` takes them in again. They do not hold what a value was before it was amended, which "
        "runs and readings it came from, items' and accounts' other attributes, annotations, or the days and roles of credits.\n"
        "\n"
        "In CSV a text that a spreadsheet would take for a formula has a ' before it, which `nilometer import` takes away.\n"
        "\n"
        "Without --output it goes to standard output. A file is never overwritten, and it has its name only when it is complete; the ending .zst or .gz "
        "packs it.\n"
        "\n"
        "  nilometer export --output store-2026-11-21.zst\n"
        "  nilometer export --format csv --output store.csv\n"
        "  nilometer export --values --workspace acme --from 2026-01-01 --output values.csv\n"
        "  nilometer export --store ./nilometer.db | nilometer import - --store postgres://localhost/nilometer",
    .options = (const struct nilo_option[]){{"workspace", "W", "only this workspace; default: all of the store", false},
                                            {"from", "DAY", "only values of this day and later ones", false},
                                            {"to", "DAY", "only values of this day and earlier ones", false},
                                            {"format", "FORMAT", "nilometer (default), csv, json or ndjson", false},
                                            {"values", NULL, "one row a value as it is shown now, not the whole record", false},
                                            {"output", "FILE", "write to this new file", false},
                                            {0}},
    .run = run,
};
