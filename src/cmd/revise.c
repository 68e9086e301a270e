/* nilometer revise: one value put right by a person. A closed day gets an amendment beside its base; nothing is overwritten. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "record/record.h"

struct revision {
    struct nilo_workspace workspace;
    struct nilo_connection connection;
    const struct nilo_metric *metric;
    enum nilo_entity_kind kind;
    const char *item; /* external id */
    int64_t window;
    nilo_day day;
    struct nilo_reading_value value;
    bool seen, had;   /* the item is in the record; the day has the metric */
    int64_t before;
    enum nilo_absence before_absence;
};

static const char *required(const struct nilo_cmd_ctx *ctx, const char *name, struct nilo_err *err)
{
    const char *value = nilo_args_get(ctx->args, name);
    if (value == NULL)
        nilo_err_set(err, NILO_EUSAGE, "--%s is needed; see nilometer revise --help", name);
    return value;
}

static int parse_value(struct nilo_cmd_ctx *ctx, struct revision *v, struct nilo_err *err)
{
    const char *value = nilo_args_get(ctx->args, "value"), *missing = nilo_args_get(ctx->args, "missing");
    v->value.metric = v->metric->id;
    if ((value == NULL) == (missing == NULL))
        return nilo_err_set(err, NILO_EUSAGE, "give either --value NUMBER or --missing REASON");
    if (value != NULL) {
        if (nilo_decimal_parse(value, strlen(value), v->metric->scale, false, &v->value.value, err) != 0)
            return nilo_err_wrap(err, "--value");
        return 0;
    }
    int reason = nilo_absence_value(missing);
    if (reason <= NILO_PRESENT || !nilo_absence_definitive((enum nilo_absence)reason))
        return nilo_err_set(err, NILO_EUSAGE, "--missing is hidden, unsupported or deleted");
    v->value.absence = (enum nilo_absence)reason;
    return 0;
}

static int parse(struct nilo_cmd_ctx *ctx, struct nilo_store *s, struct revision *v, struct nilo_err *err)
{
    const char *workspace = nilo_args_get(ctx->args, "workspace"), *item = nilo_args_get(ctx->args, "item");
    const char *connection = required(ctx, "connection", err), *metric = connection ? required(ctx, "metric", err) : NULL;
    if (metric == NULL || required(ctx, "day", err) == NULL || nilo_args_day(ctx->args, "day", &v->day, err) != 0 ||
        nilo_args_int(ctx->args, "window", 0, 3660, 0, &v->window, err) != 0)
        return -1;
    if (nilo_store_workspace(s, workspace != NULL ? workspace : "default", false, NULL, &v->workspace, err) != 0 ||
        nilo_store_connection(s, v->workspace.id, connection, false, NULL, NULL, &v->connection, err) != 0)
        return nilo__wrong_name(err);
    v->metric = nilo_catalog_by_name(nilo_store_catalog(s), metric);
    if (v->metric == NULL)
        return nilo_err_set(err, NILO_ENAME, "there is no metric \"%s\"; nilometer get metric_definitions lists them", metric);
    v->kind = item != NULL ? NILO_CONTENT : NILO_APP;
    v->item = item != NULL ? item : NILO_APP_ID;
    return parse_value(ctx, v, err);
}

static int look(void *ctx, const struct nilo_scan_row *row)
{
    struct revision *v = ctx;
    v->seen = true;
    if (row->day.n != v->day.n || row->metric != v->metric->id)
        return 0;
    v->had = true;
    v->before = row->value;
    v->before_absence = row->absence;
    return 0;
}

/* What stands now; an item that was never recorded is a typing error, not a new item. */
static int find(struct nilo_store *s, struct revision *v, struct nilo_err *err)
{
    const struct nilo_scope scope = {.role = NILO_ROLE_SERVICE, .workspaces = &v->workspace.id, .n = 1};
    struct nilo_select sel = {.workspace = v->workspace.id,
                              .connection = v->connection.id,
                              .external_id = v->item,
                              .kind = (int)v->kind,
                              .win = (int32_t)v->window,
                              .from = NILO_DAY_NONE,
                              .to = NILO_DAY_NONE,
                              .as_of = NILO_US_NONE};
    if (nilo_store_scan(s, &scope, &sel, look, v, err) < 0)
        return -1;
    if (!v->seen)
        return nilo_err_set(err, NILO_ENAME, "nothing of %s%s is recorded on connection \"%s\"", v->kind == NILO_APP ? "the app" : "item ",
                            v->kind == NILO_APP ? "" : v->item, v->connection.name);
    return 0;
}

static int record(struct nilo_cmd_ctx *ctx, struct nilo_store *s, const struct revision *v, struct nilo_arena *texts, struct nilo_run *ret,
                  struct nilo_err *err)
{
    const char *author = nilo_args_get(ctx->args, "author"), *login = ctx->login;
    struct nilo_run_options options = {.kind = NILO_RUN_REVISE,
                                       .provenance = NILO_OBSERVED,
                                       .revise = true,
                                       .no_close = true,
                                       .target_day = v->day,
                                       .author = author != NULL ? author : login != NULL ? login : "unknown"};
    struct nilo_reading reading = {.kind = v->kind,
                                   .external_id = v->item,
                                   .win = (int32_t)v->window,
                                   .captured_at = NILO_US_NONE,
                                   .day = v->day,
                                   .values = &v->value,
                                   .n_values = 1};
    struct nilo_recorder *r;
    if (nilo_record_begin(s, &v->connection, &options, &r, err) != 0)
        return -1;
    if (nilo_record_add(r, &reading, err) != 0) {
        nilo_record_abort(r, err);
        return -1;
    }
    return nilo_record_finish(r, NULL, texts, ret, err);
}

static void spell(const struct nilo_metric *m, int64_t value, enum nilo_absence absence, char out[NILO_DECIMAL_TEXT])
{
    if (absence == NILO_PRESENT)
        nilo_decimal_format(value, m->scale, true, out);
    else
        snprintf(out, NILO_DECIMAL_TEXT, "missing (%s)", nilo_absence_name((int)absence));
}

static int report(struct nilo_cmd_ctx *ctx, const struct revision *v, const struct nilo_run *run, struct nilo_err *err)
{
    char before[NILO_DECIMAL_TEXT] = "nothing", after[NILO_DECIMAL_TEXT], day[NILO_DAY_TEXT];
    const char *what = run->outcomes[NILO_UNCHANGED] != 0                        ? "unchanged"
                       : run->outcomes[NILO_AMENDED] + run->outcomes[NILO_LATE] != 0 ? "amended"
                                                                                 : "replaced";
    if (v->had)
        spell(v->metric, v->before, v->before_absence, before);
    spell(v->metric, v->value.value, v->value.absence, after);
    nilo_day_format(v->day, day);
    if (!ctx->json) {
        fprintf(ctx->out, "%s on %s: %s -> %s (%s, run %" PRId64 ")\n", v->metric->name, day, before, after, what, run->id);
        return 0;
    }
    struct nilo__answer a;
    nilo__answer_init(&a);
    nilo_json_object_begin(&a.json);
    const char *const pairs[][2] = {{"metric", v->metric->name}, {"day", day}, {"before", before}, {"after", after}, {"outcome", what}};
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        nilo_json_key(&a.json, pairs[i][0]);
        nilo_json_str(&a.json, pairs[i][1]);
    }
    nilo_json_key(&a.json, "run");
    nilo_json_int(&a.json, run->id);
    nilo_json_object_end(&a.json);
    return nilo__answer_print(&a, ctx->out, err);
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    struct nilo_store *s = NULL;
    struct nilo_arena texts;
    struct nilo_run done;
    struct revision v = {.window = 0};
    if (nilo__operands(ctx, 0, 0, err) != 0 || nilo_cmd_store(ctx, NILO_STORE_WRITE, &s, err) != 0)
        return -1;
    nilo_arena_init(&texts, 0);
    int rc = parse(ctx, s, &v, err);
    if (rc == 0)
        rc = find(s, &v, err);
    if (rc == 0)
        rc = record(ctx, s, &v, &texts, &done, err);
    if (rc == 0)
        rc = report(ctx, &v, &done, err);
    nilo_arena_done(&texts);
    nilo_store_close(s);
    return rc;
}

const struct nilo_cmd nilo_cmd_revise = {
    .name = "revise",
    .summary = "put one recorded value right",
    .description = "A closed day keeps its value for good; what is shown from now on is an amendment beside it, with its author, and "
                   "nilometer get revisions lists them. On a day that is still open the value simply becomes the day's. The all-time best follows "
                   "a correction, up or down. To undo one, revise again.\n\n"
                   "  nilometer revise --connection app --metric posts_total --day 2026-01-05 --value 1204 --author kim\n"
                   "  nilometer revise --workspace us --connection import-youtube --item dQw4w9WgXcQ --metric views --day 2026-01-05 --missing hidden",
    .options = (const struct nilo_option[]){{"workspace", "W", "default \"default\"", false},
                                            {"connection", "NAME", "where the value came from", false},
                                            {"item", "ID", "the item's id on its platform; without it the app itself", false},
                                            {"metric", "NAME", "which metric", false},
                                            {"window", "DAYS", "a rolling window of that many days; default 0, lifetime", false},
                                            {"day", "DAY", "YYYY-MM-DD", false},
                                            {"value", "NUMBER", "the right value", false},
                                            {"missing", "REASON", "there is no value: hidden, unsupported or deleted", false},
                                            {"author", "NAME", "who says so; default the login name", false},
                                            {0}},
    .run = run,
    .writes = NILO_CMD_WRITES,
};
