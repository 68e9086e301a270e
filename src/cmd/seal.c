/* nilometer seal: close by hand the days that may close. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "record/record.h"

struct sealed {
    int days, connections;
};

static bool chosen(const struct nilo_cmd_ctx *ctx, const struct nilo_connection *c)
{
    const char *workspace = nilo_args_get(ctx->args, "workspace"), *name = nilo_args_get(ctx->args, "connection");
    return (workspace == NULL || strcmp(workspace, c->workspace_name) == 0) && (name == NULL || strcmp(name, c->name) == 0);
}

static int seal_chosen(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct sealed *ret, struct nilo_err *err)
{
    struct nilo_connection *all = NULL;
    size_t n = 0;
    if (nilo_store_connections(s, &all, &n, err) != 0)
        return -1;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        int days = 0;
        if (!chosen(ctx, &all[i]))
            continue;
        rc = nilo_record_seal(s, all[i].id, &days, err);
        if (rc != 0)
            nilo_err_wrap(err, "connection \"%s\"", all[i].name);
        ret->days += days;
        ret->connections++;
    }
    free(all);
    bool narrowed = nilo_args_get(ctx->args, "workspace") != NULL || nilo_args_get(ctx->args, "connection") != NULL;
    if (rc == 0 && ret->connections == 0 && narrowed)
        return nilo_err_set(err, NILO_ENAME, "there is no such connection; nilometer status lists them");
    return rc;
}

static int report(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct sealed *done, struct nilo_err *err)
{
    struct nilo_buf note;
    nilo_buf_init(&note, 4096);
    int rc = nilo_record_clock_note(s, &note, err);
    if (rc == 0 && ctx->json) {
        struct nilo__answer a;
        nilo__answer_init(&a);
        nilo_json_object_begin(&a.json);
        nilo_json_key(&a.json, "days_closed");
        nilo_json_int(&a.json, done->days);
        nilo_json_key(&a.json, "connections");
        nilo_json_int(&a.json, done->connections);
        nilo_json_key(&a.json, "clock_note");
        nilo_json_str(&a.json, note.len > 0 ? nilo_buf_str(&note) : NULL);
        nilo_json_object_end(&a.json);
        rc = nilo__answer_print(&a, ctx->out, err);
    } else if (rc == 0) {
        fprintf(ctx->out, "Closed %d %s on %d %s.\n", done->days, done->days == 1 ? "day" : "days", done->connections,
                done->connections == 1 ? "connection" : "connections");
        if (note.len > 0)
            fprintf(ctx->out, "%s\n", nilo_buf_str(&note));
    }
    nilo_buf_done(&note);
    return rc;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct sealed done = {0};
    if (nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    int rc = seal_chosen(ctx, s, &done, err);
    if (rc == 0)
        rc = report(ctx, s, &done, err);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_seal = {
    .name = "seal",
    .summary = "close the days that may close",
    .description = "A day closes when it is over, its settle delay has passed (6 hours for SQL sources, 24 for imports, 48 for platforms, unless "
                   "the configuration says otherwise) and no run of its connection is running or quarantined. From then on its values never "
                   "change. Every run closes such days at its end; this does it by hand. It is no error when there was nothing to close.",
    .options = (const struct nilo_option[]){{"workspace", "NAME", "only connections of this workspace", false},
                                            {"connection", "NAME", "only this connection", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
