/* nilometer get: a relation in the grammar of the REST API, offline. */
#include <stdio.h>
#include <string.h>

#include "cmd/query_priv.h"
#include "cmd/url.h"

static int get(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct nilo_query *q = NULL;
    struct nilo_notes notes;
    struct nilo_request request = NILO_REQUEST_DEFAULT;
    request.any_range = true; /* SEMANTICS 5: the command line is exempt */
    request.as_of = nilo_args_get(ctx->args, "as-of");
    enum nilo_format format;
    if (nilo__operands(ctx, 1, 1, err) != 0 || nilo__answer_format(ctx, &format, err) != 0)
        return -1;
    if (nilo_args_get(ctx->args, "url") != NULL)
        return nilo__url_get(ctx, nilo_args_rest(ctx->args, 0), format, err);
    if (nilo_cmd_store(ctx, NILO_STORE_READ, &s, err) != 0)
        return -1;
    const char *text = nilo_args_rest(ctx->args, 0);
    if (text[0] == '\0' || text[0] == '?') {
        nilo_store_close(s);
        return nilo_err_set(err, NILO_EPARSE, "the request names no relation");
    }
    int rc = nilo_query_parse(s, text, strlen(text), &request, &q, &notes, err);
    if (rc != 0)
        nilo__add_hint(&notes, err);
    else
        rc = nilo__answer_query(ctx, s, q, format, err);
    nilo_query_free(q);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_get = {
    .name = "get",
    .operands = "'RELATION?FILTERS'",
    .summary = "read a relation: rows by filters, in the grammar of the REST API",
    .description =
        "Relations: daily_metrics, metric_definitions, metric_collection_log, workspaces, connections, content, "
        "content_snapshots,\n"
        "content_latest, content_best, content_windows, observations, metric_values, owners, credits, owner_metrics, "
        "owner_daily,\n"
        "revisions, runs, drops.\n"
        "\n"
        "Filters are column=operator.value with eq neq gt gte lt lte like ilike in is isdistinct and not before them; "
        "select=a,b names\n"
        "columns, order=a.desc,b the order, limit= and offset= the part. Quote the request: & and ? mean something to "
        "the shell.\n"
        "\n"
        "  nilometer get 'daily_metrics?metric_date=gte.2026-01-01&order=metric_date'\n"
        "  nilometer get 'content_latest?owner=eq.maria&select=external_id,title,views&order=views.desc&limit=10'\n"
        "  nilometer get 'content_snapshots?external_id=eq.dQw4w9WgXcQ&select=day,views&order=day' --format csv",
    .options =
        (const struct nilo_option[]){{"workspace", "W", "only this workspace; default: all", false},
                                     {"format", "FORMAT", "table (default), json, object, csv or ndjson", false},
                                     {"as-of", "TIME", "as it was known then: an instant, or the end of a day", false},
                                     NILO__URL_OPTIONS,
                                     {0}},
    .run = get,
};
