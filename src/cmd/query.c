/* Shared by get and call: scope, format and output of an answer. */
#include "cmd/query_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int nilo__answer_format(const struct nilo_cmd_ctx *ctx, enum nilo_format *ret, struct nilo_err *err)
{
    const char *name = nilo_args_get(ctx->args, "format");
    int f = name ? nilo_format_value(name) : ctx->json ? NILO_FORMAT_JSON : NILO_FORMAT_TABLE;
    if (f < 0)
        return nilo_err_set(err, NILO_EUSAGE, "--format %s is unknown; there are table, json, object, csv and ndjson",
                            name);
    *ret = (enum nilo_format)f;
    return 0;
}

void nilo__add_hint(const struct nilo_notes *notes, struct nilo_err *err)
{
    size_t len = strlen(err->msg);
    if (notes->hint[0] && len + 4 < sizeof err->msg)
        snprintf(err->msg + len, sizeof err->msg - len, "; %s", notes->hint);
}

static int write_out(void *ctx, const char *p, size_t n, struct nilo_err *err)
{
    if (fwrite(p, 1, n, ctx) == n)
        return 0;
    return nilo_err_sys(err, NILO_EIO, "cannot write the answer");
}

/* An empty answer is no error; which days there are, and what would fill the others, is said beside it. */
static int say_nothing(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct nilo_query *q, const struct nilo_scope *scope,
                       struct nilo_err *err)
{
    struct nilo_notes notes;
    if (nilo_query_nothing(q, s, scope, &notes, err) != 0)
        return -1;
    if (notes.details[0])
        nilo_cmd_notice(ctx, "%s%s%s", notes.details, notes.hint[0] ? "; " : "", notes.hint);
    return 0;
}

static int see_page(void *ctx, const struct nilo_head *head, struct nilo_err *err)
{
    (void)err;
    *(int64_t *)ctx = head->page;
    return 1;
}

/* Not one row: how many there are, as a server says it. */
static void say_how_many(struct nilo_store *s, struct nilo_query *q, const struct nilo_scope *scope, struct nilo_err *err)
{
    struct nilo_err why = {0};
    int64_t page = -1;
    const struct nilo_sink sink = {.head = see_page, .ctx = &page};
    if (err->code != NILO_EONE || nilo_query_relation(q) == NULL || strstr(err->msg, "more than one") == NULL)
        return;
    nilo_query_count(q, NILO_COUNT_PAGE);
    if (nilo_query_run(q, s, scope, &sink, &why) == 1 && page >= 0)
        nilo_err_set(err, NILO_EONE, "Cannot coerce the result to a single JSON object: the result contains %lld rows", (long long)page);
}

int nilo__answer_query(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct nilo_query *q, enum nilo_format format,
                       struct nilo_err *err)
{
    struct nilo_scope scope = NILO_SCOPE_ALL;
    struct nilo_workspace w;
    const char *name = nilo_args_get(ctx->args, "workspace");
    if (name) {
        if (nilo_store_workspace(s, name, false, NULL, &w, err) != 0)
            return nilo__wrong_name(err);
        scope = (struct nilo_scope){.role = NILO_ROLE_SERVICE, .workspaces = &w.id, .n = 1};
    }
    struct nilo_writer *writer;
    if (nilo_writer_new(format, false, write_out, ctx->out, &writer, err) != 0)
        return -1;
    struct nilo_sink sink = nilo_writer_sink(writer);
    int rc = nilo_query_run(q, s, &scope, &sink, err);
    if (rc == 0)
        rc = nilo_writer_end(writer, err);
    if (rc < 0)
        say_how_many(s, q, &scope, err);
    if (rc == 0 && fflush(ctx->out) != 0)
        rc = nilo_err_sys(err, NILO_EIO, "cannot write the answer");
    if (rc == 0 && nilo_writer_rows(writer) == 0)
        rc = say_nothing(ctx, s, q, &scope, err);
    nilo_writer_free(writer);
    return rc;
}
