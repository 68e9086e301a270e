/* nilometer run: the log of runs, and the decision about a quarantined one. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "record/record.h"

static int parse_id(const char *text, int64_t *ret, struct nilo_err *err)
{
    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return nilo_err_set(err, NILO_EUSAGE, "\"%s\" is no run's number; nilometer run list shows them", text);
    errno = 0;
    long long id = strtoll(text, NULL, 10);
    if (errno != 0)
        return nilo_err_set(err, NILO_EUSAGE, "\"%s\" is no run's number", text);
    *ret = id;
    return 0;
}

/* ---- list ---------------------------------------------------------------------------------------------------------------------- */

#define LIST_COLUMNS                                                                                                   \
    "id,workspace,connection,kind,status,started_at,first_day,last_day,items,readings,failed,days_closed,error"

static int list(struct nilo_cmd_ctx *ctx, struct nilo_store *s, int64_t id, struct nilo_err *err)
{
    static const char *const filters[] = {"workspace", "connection", "status"};
    int64_t limit;
    struct nilo_buf request;
    (void)id;
    if (nilo_args_int(ctx->args, "limit", 1, INT64_MAX, 20, &limit, err) != 0)
        return -1;
    nilo_buf_init(&request, 16384);
    nilo_buf_adds(&request, ctx->json ? "runs?order=id.desc" : "runs?select=" LIST_COLUMNS "&order=id.desc");
    nilo_buf_addf(&request, "&limit=%" PRId64, limit);
    for (size_t i = 0; i < sizeof filters / sizeof filters[0]; i++) {
        const char *value = nilo_args_get(ctx->args, filters[i]);
        if (value == NULL)
            continue;
        nilo_buf_addf(&request, "&%s=eq.", filters[i]);
        nilo__ask_value(&request, value);
    }
    int rc = nilo__ask_print(s, &request, ctx->json ? NILO_FORMAT_JSON : NILO_FORMAT_TABLE, ctx->out, err);
    nilo_buf_done(&request);
    return rc;
}

/* ---- show ---------------------------------------------------------------------------------------------------------------------- */

static void line(FILE *out, const char *name, const char *value)
{
    if (value != NULL && value[0] != '\0')
        fprintf(out, "%-12s %s\n", name, value);
}

static void instant_line(FILE *out, const char *name, nilo_us at)
{
    char text[NILO_US_TEXT];
    nilo_us_format(at, text);
    line(out, name, at == NILO_US_NONE ? NULL : text);
}

static void days_line(FILE *out, const struct nilo_run *r)
{
    char first[NILO_DAY_TEXT], last[NILO_DAY_TEXT];
    nilo_day_format(r->first_day, first);
    nilo_day_format(r->last_day, last);
    if (!nilo_day_is_none(r->first_day))
        fprintf(out, "%-12s %s to %s\n", "days", first, last);
}

static void print_run(FILE *out, const struct nilo_run *r, const struct nilo_connection *c)
{
    fprintf(out, "%-12s %" PRId64 "\n", "run", r->id);
    line(out, "workspace", c->workspace_name);
    line(out, "connection", c->name);
    line(out, "kind", nilo_run_kind_name((int)r->kind));
    line(out, "status", nilo_run_status_name((int)r->status));
    instant_line(out, "started", r->started_at);
    instant_line(out, "ended", r->ended_at);
    days_line(out, r);
    fprintf(out, "%-12s %" PRId64 "\n%-12s %" PRId64 "\n", "items", r->items, "readings", r->readings);
    for (int i = 0; i < NILO_OUTCOME_COUNT; i++) {
        if (r->outcomes[i] != 0)
            fprintf(out, "  %-10s %" PRId64 "\n", nilo_outcome_name((enum nilo_outcome)i), r->outcomes[i]);
    }
    fprintf(out, "%-12s %" PRId64 "\n%-12s %d\n", "failed", r->failed, "days closed", r->days_closed);
    if (r->status == NILO_RUN_QUARANTINED)
        fprintf(out, "%-12s of %" PRId64 " compared: %" PRId64 " fell, %" PRId64 " jumped; %" PRId64 " items vanished\n", "suspicious",
                r->compared, r->fell, r->jumped, r->vanished);
    line(out, "error", r->error);
    line(out, "details", r->details);
}

/* What failed in it: [{"external_id": ..., "class": ..., "message": ...}], or nothing. */
static int print_failures(FILE *out, struct nilo_store *s, int64_t id, struct nilo_err *err)
{
    struct nilo_buf request, failures;
    nilo_buf_init(&request, 200);
    nilo_buf_init(&failures, (size_t)16 << 20);
    nilo_buf_addf(&request, "metric_collection_log?select=error_details&run=eq.%" PRId64, id);
    int rc = nilo__ask_text(s, &request, &failures, err);
    if (rc == 0)
        line(out, "failures", nilo_buf_str(&failures));
    nilo_buf_done(&request);
    nilo_buf_done(&failures);
    return rc;
}

static int show(struct nilo_cmd_ctx *ctx, struct nilo_store *s, int64_t id, struct nilo_err *err)
{
    struct nilo_arena texts;
    struct nilo_run r;
    struct nilo_connection c;
    nilo_arena_init(&texts, 0);
    int rc = nilo_store_run_get(s, id, &texts, &r, err) == 0 ? 0 : nilo__wrong_name(err);
    if (rc == 0)
        rc = nilo_store_connection_get(s, r.connection, &c, err);
    if (rc == 0 && ctx->json) {
        struct nilo__answer a;
        nilo__answer_init(&a);
        nilo__json_run(&a.json, &r);
        rc = nilo__answer_print(&a, ctx->out, err);
    } else if (rc == 0) {
        print_run(ctx->out, &r, &c);
        rc = r.failed > 0 ? print_failures(ctx->out, s, id, err) : 0;
    }
    nilo_arena_done(&texts);
    return rc;
}

/* ---- accept, reject ------------------------------------------------------------------------------------------------------------- */

static int accept_run(struct nilo_cmd_ctx *ctx, struct nilo_store *s, int64_t id, struct nilo_err *err)
{
    if (nilo_record_run_accept(s, id, err) != 0)
        return nilo__wrong_name(err);
    fprintf(ctx->out, "Run %" PRId64 " counts again.\n", id);
    return 0;
}

static int reject_run(struct nilo_cmd_ctx *ctx, struct nilo_store *s, int64_t id, struct nilo_err *err)
{
    if (nilo_record_run_reject(s, id, err) != 0)
        return nilo__wrong_name(err);
    fprintf(ctx->out, "Run %" PRId64 " is dropped; its readings stay in the record and do not count.\n", id);
    return 0;
}

static const struct act {
    const char *name;
    int operands; /* with its name */
    enum nilo_store_mode mode;
    int (*fn)(struct nilo_cmd_ctx *ctx, struct nilo_store *s, int64_t id, struct nilo_err *err);
} acts[] = {
    {"list", 1, NILO_STORE_READ, list},
    {"show", 2, NILO_STORE_READ, show},
    {"accept", 2, NILO_STORE_WRITE, accept_run},
    {"reject", 2, NILO_STORE_WRITE, reject_run},
};
#define N_ACTS (sizeof acts / sizeof acts[0])

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    int64_t id = 0;
    if (nilo__operands(ctx, 1, 2, err) != 0)
        return -1;
    const struct act *act = nilo__act_find(acts, N_ACTS, sizeof acts[0], nilo_args_rest(ctx->args, 0), "a run", err);
    if (act == NULL || nilo__operands(ctx, act->operands, act->operands, err) != 0 ||
        (act->operands == 2 && parse_id(nilo_args_rest(ctx->args, 1), &id, err) != 0) || nilo_cmd_store(ctx, act->mode, &s, err) != 0)
        return -1;
    int rc = act->fn(ctx, s, id, err);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_run = {
    .name = "run",
    .operands = "list | show|accept|reject ID",
    .summary = "look at runs, or decide about a quarantined one",
    .description = "list prints the newest runs, --json with every figure of them.\n\n"
                   "A run in which many items vanished or many numbers fell or jumped is quarantined: it does not count and its days stay open until "
                   "somebody looked at it. show prints what it did and why it is suspected; accept lets it count again; reject drops it for "
                   "good. A run that lies in the future, because the clock was wrong, can be rejected as well.\n\n"
                   "  nilometer run list --status failed\n"
                   "  nilometer run show 17\n"
                   "  nilometer run accept 17",
    .options = (const struct nilo_option[]){{"limit", "N", "list: at most so many; default 20", false},
                                            {"workspace", "NAME", "list: runs of this workspace", false},
                                            {"connection", "NAME", "list: runs of this connection", false},
                                            {"status", "STATUS",
                                             "list: running, completed, partial, failed, interrupted, quarantined or rejected", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES,
};
