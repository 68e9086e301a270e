/* nilometer refresh: every item of the platform connections, now. What it prints with --json is what rpc/refresh_metrics answers. */
#include <inttypes.h>
#include <string.h>

#include "cmd/told.h"
#include "collect/refresh.h"

static const struct nilo_option options[] = {
    {"workspace", "W", "only connections of this workspace", false},
    {"connection", "NAME", "only this connection", false},
    {NULL, NULL, NULL, false},
};

struct printer {
    struct nilo__teller teller;
    struct nilo_progress *bar;
};

static void report(void *ctx, const struct nilo_collect_run *run)
{
    struct printer *p = ctx;
    const struct nilo__told told = {.workspace = run->workspace, .connection = run->connection, .status = run->status, .error = run->error, .run = run->run,
                                    .first_day = run->first_day, .last_day = run->last_day, .failures = run->failures, .n_failures = run->n_failures,
                                    .notes = run->notes, .n_notes = run->n_notes};
    char text[80];
    if (p->teller.ctx->json)
        return;
    nilo_progress_hide(p->bar);
    nilo__table_addf(&p->teller.runs, "%s/%s", run->workspace, run->connection);
    nilo__table_add(&p->teller.runs, run->platform);
    nilo__table_add(&p->teller.runs, run->status);
    nilo__table_addf(&p->teller.runs, "%" PRId64, run->items_processed);
    nilo__table_addf(&p->teller.runs, "%" PRId64, run->items_updated);
    nilo__table_addf(&p->teller.runs, "%" PRId64, run->all_failures);
    nilo__teller_notes(&p->teller, &told);
    snprintf(text, sizeof text, "%" PRId64 " more failures are in the log: nilometer run show %" PRId64, run->all_failures - (int64_t)run->n_failures, run->run);
    if (run->all_failures > (int64_t)run->n_failures)
        nilo__teller_note(&p->teller, &told, "", text);
}

static int print(struct nilo_cmd_ctx *ctx, struct printer *p, struct nilo_buf *answer, const struct nilo_refreshed *r, struct nilo_err *err)
{
    if (!ctx->json && nilo__teller_end(&p->teller, err) != 0)
        return -1;
    if (ctx->json)
        fwrite(answer->data, 1, answer->len, ctx->out);
    else
        fputs(r->message, ctx->out);
    fputc('\n', ctx->out);
    return ferror(ctx->out) ? nilo_err_sys(err, NILO_EIO, "cannot print the answer") : 0;
}

static int refresh(struct nilo_cmd_ctx *ctx, struct nilo_store *store, const struct nilo_config *config, struct nilo_err *err)
{
    static const char *const heads[] = {"connection", "platform", "status", "posts", "updated", "failures"};
    struct printer printer = {.bar = NULL};
    struct nilo_refreshed refreshed;
    struct nilo_buf answer;
    const struct nilo_refresh_options o = {.workspace = nilo_args_get(ctx->args, "workspace"), .connection = nilo_args_get(ctx->args, "connection"),
                                           .report = report, .report_ctx = &printer};
    if (nilo_cmd_apply_config(store, config, err) != 0 || nilo__ring_look(ctx, store, err) != 0)
        return -1;
    nilo_buf_init(&answer, (size_t)128 << 20);
    nilo__teller_init(&printer.teller, ctx, heads, 6, 1u << 3 | 1u << 4 | 1u << 5);
    printer.bar = nilo_progress_new(ctx, "refreshing", 0);
    int rc = nilo_refresh(store, config, &o, &answer, &refreshed, err);
    nilo_progress_done(printer.bar);
    if (rc != 0) { /* what was done before is told */
        nilo__teller_end(&printer.teller, NULL);
        nilo__wrong_name(err);
    } else {
        rc = print(ctx, &printer, &answer, &refreshed, err);
        if (ctx->json)
            nilo__teller_end(&printer.teller, NULL);
    }
    nilo_buf_done(&answer);
    if (rc != 0 || nilo__tell_clock(ctx, store, err) != 0)
        return -1;
    const struct nilo_collect_result *r = &refreshed.result;
    if (r->failed == 0 && r->partial == 0)
        return 0;
    return r->completed == 0 && r->partial == 0 ? 1 : 3;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_config *config = NULL;
    struct nilo_store *store = NULL;
    int status = -1;
    if (nilo__operands(ctx, 0, 0, err) != 0)
        return -1;
    if (nilo_cmd_config(ctx, &config, err) == 0 && nilo_cmd_store(ctx, NILO_STORE_WRITE, &store, err) == 0)
        status = refresh(ctx, store, config, err);
    nilo_store_close(store);
    nilo_config_free(config);
    return status;
}

const struct nilo_cmd nilo_cmd_refresh = {
    .name = "refresh",
    .operands = "",
    .summary = "read every item of the platform connections now",
    .description =
        "Reads every item of the platform connections, or of the chosen ones, whatever was read when, within the platforms' limits. collect reads what is due instead, "
        "and databases too. A connection that is paused or disabled is left out; one that is named is asked though it is disabled.\n"
        "\n"
        "posts were taken up, updated of them read and recorded; failures are named below, those of a post with its id, and all of them are in the log "
        "(nilometer run show). An item that is not there any more is no failure.\n"
        "\n"
        "With --json one object is printed, the answer of rpc/refresh_metrics and of the cron paths: ok, message, summary {totalPostsProcessed, "
        "totalMetricsUpdated, totalErrors, byPlatform}, details with a row a connection.\n"
        "\n"
        "One failure stops nothing else. The exit status is 0 when all went well, also when there was nothing to refresh, 3 when a part failed, 1 when no "
        "connection could be read.\n"
        "\n"
        "    nilometer refresh\n"
        "    nilometer refresh --workspace studio --json\n",
    .options = options,
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
