/* nilometer rebuild: everything derived (latest, best, totals) anew from the record, and whether that changed a bit of it. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd_priv.h"

static void on_progress(void *ctx, int64_t done, int64_t of)
{
    (void)of;
    nilo_progress_set(ctx, done);
}

/* The whole is known from the first call on. */
struct progress {
    struct nilo_cmd_ctx *ctx;
    struct nilo_progress *bar;
};

static void start_progress(void *p, int64_t done, int64_t of)
{
    struct progress *w = p;
    if (w->bar == NULL)
        w->bar = nilo_progress_new(w->ctx, "rebuilding", of);
    on_progress(w->bar, done, of);
}

static int report(struct nilo_cmd_ctx *ctx, const char *before, const char *after, struct nilo_err *err)
{
    bool same = strcmp(before, after) == 0;
    if (ctx->json) {
        struct nilo__answer a;
        nilo__answer_init(&a);
        nilo_json_object_begin(&a.json);
        nilo_json_key(&a.json, "digest_before");
        nilo_json_str(&a.json, before);
        nilo_json_key(&a.json, "digest");
        nilo_json_str(&a.json, after);
        nilo_json_key(&a.json, "same");
        nilo_json_bool(&a.json, same);
        nilo_json_object_end(&a.json);
        return nilo__answer_print(&a, ctx->out, err);
    }
    if (same)
        fprintf(ctx->out, "Rebuilt; every derived number is as it was (%.16s).\n", after);
    else
        fprintf(ctx->out, "Rebuilt; derived numbers had been wrong and are right now (%.16s, before %.16s). "
                          "Please report this: it should not happen.\n",
                after, before);
    return 0;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    char before[65], after[65];
    if (nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    struct progress p = {.ctx = ctx};
    int rc = nilo_store_digest(s, before, err);
    if (rc == 0)
        rc = nilo_store_rebuild(s, start_progress, &p, err);
    nilo_progress_done(p.bar);
    if (rc == 0)
        rc = nilo_store_digest(s, after, err);
    if (rc == 0)
        rc = report(ctx, before, after, err);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_rebuild = {
    .name = "rebuild",
    .summary = "make everything derived anew from the record",
    .description = "Latest values, all-time best values and totals are kept beside the record and change together with it. This makes them anew from "
                   "the record alone, by the same code, and says whether anything came out differently.",
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
