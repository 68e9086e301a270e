/* nilometer call: a function of the REST API, offline. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/query_priv.h"
#include "cmd/url.h"

#define ARGUMENTS_MOST 64

/* key=value of the command line; names are cut out of a copy. */
static int take_arguments(struct nilo_cmd_ctx *ctx, char *copies[ARGUMENTS_MOST], struct nilo_arg args[ARGUMENTS_MOST],
                          size_t *ret_n, struct nilo_err *err)
{
    int n = nilo_args_rest_n(ctx->args) - 1;
    if (n > ARGUMENTS_MOST)
        return nilo_err_set(err, NILO_EUSAGE, "more than %d arguments", ARGUMENTS_MOST);
    for (int i = 0; i < n; i++) {
        const char *word = nilo_args_rest(ctx->args, i + 1), *equals = strchr(word, '=');
        if (!equals || equals == word)
            return nilo_err_set(err, NILO_EUSAGE, "\"%s\" is no argument; write name=value", word);
        copies[i] = strdup(word);
        if (!copies[i])
            return nilo_err_nomem(err);
        copies[i][equals - word] = '\0';
        args[i] = (struct nilo_arg){copies[i], copies[i] + (equals - word) + 1};
        *ret_n = (size_t)i + 1;
    }
    return 0;
}

/* As a query string, so that what a request over HTTP may ask of the rows may be asked here: order=value.desc */
static int parse(const char *function, const struct nilo_arg *args, size_t n, const struct nilo_request *request, struct nilo_query **ret,
                 struct nilo_notes *notes, struct nilo_err *err)
{
    struct nilo_buf text;
    nilo_buf_init(&text, (size_t)1 << 20);
    for (size_t i = 0; i < n; i++) {
        nilo_buf_adds(&text, i > 0 ? "&" : "");
        nilo_buf_adds(&text, args[i].name);
        nilo_buf_addc(&text, '=');
        for (const char *c = args[i].value; *c; c++) {
            if (*c == '&' || *c == '%')
                nilo_buf_addf(&text, "%%%02X", (unsigned)*c);
            else
                nilo_buf_addc(&text, *c);
        }
    }
    int rc = text.failed ? nilo_err_set(err, NILO_EPARSE, "the arguments are longer than 1 MiB")
                         : nilo_query_rpc(function, nilo_buf_str(&text), text.len, NULL, 0, false, request, ret, notes, err);
    nilo_buf_done(&text);
    return rc;
}

/* The functions that write are commands here: they take more options, and they say what goes on. The one to use, with what was given. */
static int refuse_writing(const char *function, const struct nilo_arg *args, size_t n, struct nilo_err *err)
{
    static const struct {
        const char *function, *command;
        const char *options[2][2]; /* argument, option */
    } all[] = {
        {"collect_daily_metrics", "collect", {{"target_date", "day"}, {NULL, NULL}}},
        {"backfill_daily_metrics", "backfill", {{"start_date", "from"}, {"end_date", "to"}}},
        {"refresh_metrics", "refresh", {{"workspace_id", "workspace"}, {NULL, NULL}}},
    };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) {
        struct nilo_buf line;
        if (strcmp(function, all[i].function) != 0)
            continue;
        nilo_buf_init(&line, 4096);
        nilo_buf_addf(&line, "nilometer %s", all[i].command);
        for (size_t k = 0; k < 2 * n; k++) {
            const struct nilo_arg *arg = &args[k / 2];
            const char *const *option = all[i].options[k % 2];
            if (option[0] != NULL && strcmp(arg->name, option[0]) == 0)
                nilo_buf_addf(&line, " --%s %s", option[1], arg->value);
        }
        nilo_err_set(err, NILO_EUSAGE, "%s writes, and call only reads; here it is a command: %s (over HTTP: add --url)", function, nilo_buf_str(&line));
        nilo_buf_done(&line);
        return -1;
    }
    return 0;
}

static int run_call(struct nilo_cmd_ctx *ctx, const struct nilo_arg *args, size_t n, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct nilo_query *q = NULL;
    struct nilo_notes notes;
    struct nilo_err ignored;
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    request.any_range = true;
    request.as_of = nilo_args_get(ctx->args, "as-of");
    enum nilo_format format;
    if (nilo__answer_format(ctx, &format, err) != 0)
        return -1;
    if (nilo_args_get(ctx->args, "url") != NULL)
        return nilo__url_call(ctx, nilo_args_rest(ctx->args, 0), args, n, refuse_writing(nilo_args_rest(ctx->args, 0), args, n, &ignored) != 0, format, err);
    if (refuse_writing(nilo_args_rest(ctx->args, 0), args, n, err) != 0)
        return -1;
    if (parse(nilo_args_rest(ctx->args, 0), args, n, &request, &q, &notes, err) != 0) {
        nilo__add_hint(&notes, err);
        return -1;
    }
    int rc = nilo_cmd_store(ctx, NILO_STORE_READ, &s, err);
    if (rc == 0)
        rc = nilo__answer_query(ctx, s, q, format, err);
    if (rc == 0 && nilo_query_note(q) != NULL)
        nilo_cmd_notice(ctx, "%s", nilo_query_note(q));
    nilo_query_free(q);
    nilo_store_close(s);
    return rc;
}

static int call(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    char *copies[ARGUMENTS_MOST] = {NULL};
    struct nilo_arg args[ARGUMENTS_MOST];
    size_t n = 0;
    if (nilo__operands(ctx, 1, ARGUMENTS_MOST + 1, err) != 0)
        return -1;
    int rc = take_arguments(ctx, copies, args, &n, err);
    if (rc == 0)
        rc = run_call(ctx, args, n, err);
    for (size_t i = 0; i < ARGUMENTS_MOST; i++)
        free(copies[i]);
    return rc;
}

const struct nilo_cmd nilo_cmd_call = {
    .name = "call",
    .operands = "FUNCTION [NAME=VALUE...]",
    .summary = "call a reading function: series, growth, top content, coverage",
    .description =
        "Functions: timeseries, growth, top_content, owner_profile, coverage, current_metrics, activity, "
        "collection_status, run_report.\n"
        "docs/queries.md has each with its arguments and an example. An argument may be given once. "
        "What writes is a command of its own (collect, backfill, refresh); with --url a server does it.\n"
        "\n"
        "  nilometer call timeseries metric=views from=2026-01-01 to=2026-01-31\n"
        "  nilometer call timeseries metric=users_total step=month --format csv\n"
        "  nilometer call growth metric=views step=week\n"
        "  nilometer call top_content period=30 order=gmv min_views=1000 metrics=likes,ctr limit=10\n"
        "  nilometer call owner_profile owner=maria --json\n"
        "  nilometer call coverage from=2026-01-01 to=2026-01-31 --workspace acme",
    .options =
        (const struct nilo_option[]){{"workspace", "W", "only this workspace; default: all", false},
                                     {"format", "FORMAT", "table (default), json, object, csv or ndjson", false},
                                     {"as-of", "TIME", "as it was known then: an instant, or the end of a day", false},
                                     NILO__URL_OPTIONS,
                                     {0}},
    .run = call,
};
