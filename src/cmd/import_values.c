/* nilometer import of values that `nilometer export --values` wrote: each row says its workspace and connection itself, so there is a run
 * for each connection. */
#include <inttypes.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "cmd/import_priv.h"

struct job {
    struct nilo_cmd_ctx *ctx;
    struct nilo_config *config;
    struct nilo_store *store;
    struct nilo_values *values;
    struct nilo_recorder *recorder; /* of the connection at hand */
    struct nilo_arena arena;
    struct nilo_progress *bar;
    const char *doing, *what;
    int64_t connection;      /* the one at hand, */
    nilo_day dropped, drop;  /* its days that are dropped here and where the file comes from; those to be dropped behind the run, as they were there */
    const char *workspace; /* --workspace: where all of it goes */
    char first[256];       /* the workspace that the first rows name */
    bool table;            /* of daily metrics, not an export */
    int64_t runs, refused_rows, bests, outcomes[NILO_OUTCOME_COUNT];
    char why[256]; /* the first refused row's sentence */
};

static void show(void *ctx, int64_t done, int64_t of)
{
    struct job *j = ctx;
    if (j->bar == NULL)
        j->bar = nilo_progress_new(j->ctx, j->doing, of);
    nilo_progress_set(j->bar, done);
}

static void phase(struct job *j, const char *doing)
{
    nilo_progress_done(j->bar);
    j->bar = NULL;
    j->doing = doing;
}

/* Sums and breakdowns follow from what a metric is: values under another definition would answer otherwise than where they come from. */
static int check_definition(const struct job *j, const struct nilo_values_metric *m, struct nilo_err *err)
{
    const struct nilo_metric *there = nilo_catalog_by_type(nilo_store_catalog(j->store), m->type, m->name);
    if (there == NULL || !m->defined || (there->kind == m->kind && there->aggregation == m->aggregation))
        return 0;
    return nilo_err_set(err, NILO_EEXIST,
                        "the metric %s is %s, %s in the file and %s, %s in the store; nothing was imported: import into a store without it, or with "
                        "--keep-definitions as the store defines it", m->name, nilo_metric_kind_name((int)m->kind),
                        nilo_aggregation_name((int)m->aggregation), nilo_metric_kind_name((int)there->kind), nilo_aggregation_name((int)there->aggregation));
}

/* A table of daily metrics names the day of each value; what else it does not say, and exports of older versions do not, is taken for a level. */
static struct nilo_metric definition(const struct job *j, const struct nilo_values_metric *m)
{
    return (struct nilo_metric){
        .name = m->name, .type = m->type, .active = true, .unit = m->unit, .currency = m->currency,
        .kind = m->defined ? m->kind : j->table ? NILO_PERIOD : NILO_INSTANT,
        .aggregation = m->defined ? m->aggregation : NILO_LEVEL,
        .scale = m->scale >= 0 ? m->scale : nilo_metric_default_scale(m->type),
    };
}

/* What the store does not have yet. */
static int define_all(struct job *j, struct nilo_err *err)
{
    size_t n;
    const struct nilo_values_metric *list = nilo_values_metrics(j->values, &n);
    bool keep = nilo_args_get(j->ctx->args, "keep-definitions") != NULL;
    for (size_t i = 0; i < n && !keep; i++) {
        if (check_definition(j, &list[i], err) != 0)
            return -1;
    }
    for (int i = 0; i < nilo_args_count(j->ctx->args, "define"); i++) {
        struct nilo_metric m;
        if (nilo_import_define(nilo_args_nth(j->ctx->args, "define", i), &j->arena, &m, err) != 0 ||
            nilo_store_metric_define(j->store, &m, NULL, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < n; i++) {
        const struct nilo_metric m = definition(j, &list[i]);
        if (nilo_catalog_by_type(nilo_store_catalog(j->store), m.type, m.name) == NULL && nilo_store_metric_define(j->store, &m, NULL, err) != 0)
            return -1;
    }
    return 0;
}

/* ---- dropped days ------------------------------------------------------------------------------------------------------------------------------- */

/* That a connection's days are to be dropped is noted before the run that brings what is left of them: whoever is killed in between, or has to wait until
 * the days are closed, finds it with the next import. By name, as whole exports carry notes to stores with other numbers. */
static const char *note_of(const char *workspace, const char *connection, struct nilo_arena *arena)
{
    return nilo_arena_printf(arena, "import_drop/%s/%s", workspace, connection);
}

static int set_note(struct nilo_store *s, const char *key, const char *value, struct nilo_err *err)
{
    if (key == NULL)
        return nilo_err_nomem(err);
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (nilo_store_meta_set(s, key, value, err) == 0)
        return nilo_store_commit(s, err);
    nilo_store_rollback(s);
    return -1;
}

/* The day up to which days are to be dropped once the run is over; NILO_DAY_NONE = none. */
static int plan_drop(struct job *j, const struct nilo_connection *c, nilo_day dropped_until, nilo_day *ret, struct nilo_err *err)
{
    char day[NILO_DAY_TEXT], *noted = NULL;
    const char *key = note_of(c->workspace_name, c->name, &j->arena);
    *ret = NILO_DAY_NONE;
    if (key == NULL)
        return nilo_err_nomem(err);
    if (nilo_store_meta_get(j->store, key, &noted, err) != 0)
        return -1;
    if (noted != NULL && nilo_day_parse(noted, strlen(noted), ret, NULL) != 0)
        *ret = NILO_DAY_NONE;
    free(noted);
    bool new = nilo_day_is_none(c->closed_until); /* no run was finished here: all that there will be comes from the file */
    if (!new || dropped_until.n <= ret->n)
        return 0;
    *ret = dropped_until;
    nilo_day_format(dropped_until, day);
    return set_note(j->store, key, day, err);
}

/* What is left of dropped days is no answer to what they were: in the copy they are named as dropped, too. */
static int drop_days(struct job *j, struct nilo_err *err)
{
    const struct nilo_drop how = {.connection = j->connection, .until = j->drop, .author = "import"};
    struct nilo_dropped went;
    struct nilo_connection c;
    char day[NILO_DAY_TEXT];
    if (nilo_day_is_none(j->drop))
        return 0;
    if (nilo_store_drop(j->store, &how, &went, err) != 0 || nilo_store_connection_get(j->store, j->connection, &c, err) != 0)
        return -1;
    nilo_day_format(j->drop, day);
    if (c.dropped_until.n >= j->drop.n)
        return set_note(j->store, note_of(c.workspace_name, c.name, &j->arena), NULL, err);
    nilo_cmd_notice(j->ctx, "%s: days up to %s were dropped where the file comes from, and are not all closed here yet; the next import of such a file drops them, "
                            "or nilometer drop", c.name, day);
    return 0;
}

/* ---- runs ---------------------------------------------------------------------------------------------------------------------------------------- */

static int finish_run(struct job *j, struct nilo_err *err)
{
    struct nilo_run run;
    if (j->recorder == NULL)
        return 0;
    int rc = nilo_record_finish(j->recorder, NULL, &j->arena, &run, err);
    j->recorder = NULL;
    if (rc != 0)
        return -1;
    j->runs++;
    j->bests += run.bests;
    for (int i = 0; i < NILO_OUTCOME_COUNT; i++)
        j->outcomes[i] += run.outcomes[i];
    return drop_days(j, err);
}

/* Whose a connection is that the file brings along is as it was there: a competitor's would else be in our own sums. One that is here already is what it is here. */
static int find_or_make(struct job *j, int64_t workspace, const char *connection, const char *platform, const char *role, struct nilo_connection *ret, struct nilo_err *err)
{
    struct nilo_err none = {0};
    if (nilo_store_connection(j->store, workspace, connection, false, NULL, NULL, ret, &none) == 0) {
        if (role != NULL && strcmp(role, ret->role) != 0)
            nilo_cmd_notice(j->ctx, "connection %s keeps its role %s; the file has it as %s", connection, ret->role, role);
        return 0;
    }
    if (none.code != NILO_ENOENT) {
        if (err != NULL)
            *err = none;
        return -1;
    }
    if (nilo_store_connection(j->store, workspace, connection, true, platform, "import", ret, err) != 0)
        return -1;
    if (role == NULL || strcmp(role, ret->role) == 0)
        return 0;
    return nilo_store_connection_role(j->store, ret->id, role, err) == 0 && nilo_store_connection_get(j->store, ret->id, ret, err) == 0 ? 0 : -1;
}

/* Workspaces of the configuration are there already, in its zone. */
static int make_connection(struct job *j, const char *workspace, const char *connection, const char *platform, const char *zone, const char *role,
                           struct nilo_connection *ret, struct nilo_err *err)
{
    struct nilo_workspace w;
    if (nilo_store_begin(j->store, err) != 0)
        return -1;
    if (nilo_store_workspace(j->store, workspace, true, zone != NULL ? zone : nilo_config_zone(j->config, workspace), &w, err) != 0 ||
        find_or_make(j, w.id, connection, platform, role, ret, err) != 0) {
        nilo_store_rollback(j->store);
        return -1;
    }
    return nilo_store_commit(j->store, err);
}

/* Days are days of the workspace's zone: a store that has another one keeps it, and says so. */
static void compare_zones(const struct job *j, const char *workspace, const char *zone, const struct nilo_calendar *calendar)
{
    const char *has = nilo_zone_name(nilo_calendar_zone(calendar, NILO_DAY_MAX));
    if (zone != NULL && strcmp(zone, has) != 0)
        nilo_cmd_notice(j->ctx, "workspace %s keeps its time zone %s; the days of the file are those of %s", workspace, has, zone);
}

static int place(void *ctx, const char *workspace, const char *connection, const char *platform, const char *zone, const char *role, nilo_day dropped_until,
                 const struct nilo_calendar **ret_calendar, struct nilo_err *err)
{
    struct job *j = ctx;
    struct nilo_connection c;
    const struct nilo_run_options o = {
        .kind = NILO_RUN_IMPORT, .provenance = NILO_IMPORTED, .revise = nilo_args_get(j->ctx->args, "revise") != NULL,
        .target_day = NILO_DAY_NONE, .read_until = NILO_DAY_NONE,
    };
    if (j->first[0] == '\0')
        snprintf(j->first, sizeof j->first, "%s", workspace);
    if (j->workspace != NULL && strcmp(j->first, workspace) != 0)
        return nilo_err_set(err, NILO_EINVAL, "the file holds the workspaces \"%s\" and \"%s\"; --workspace would mix them", j->first, workspace);
    if (j->workspace != NULL)
        workspace = j->workspace;
    if (finish_run(j, err) != 0 || make_connection(j, workspace, connection, platform, zone, role, &c, err) != 0 ||
        nilo_store_calendar(j->store, c.workspace, ret_calendar, err) != 0)
        return -1;
    compare_zones(j, workspace, zone, *ret_calendar);
    j->connection = c.id;
    j->dropped = c.dropped_until.n < dropped_until.n ? c.dropped_until : dropped_until;
    if (plan_drop(j, &c, dropped_until, &j->drop, err) != 0)
        return -1;
    return nilo_record_begin(j->store, &c, &o, &j->recorder, err);
}

/* It was refused with a sentence, and the rest goes on; or the import ends. */
static int not_taken(struct job *j, const struct nilo_err *err)
{
    if (err->code != NILO_EINVAL && err->code != NILO_EDATERANGE)
        return -1;
    if (j->refused_rows++ == 0)
        snprintf(j->why, sizeof j->why, "%.250s", err->msg);
    return 1;
}

static int reading(void *ctx, const struct nilo_reading *r, struct nilo_err *err)
{
    struct job *j = ctx;
    if (r->tag <= j->dropped.n) { /* here as well as there: what is left of the day is here */
        j->outcomes[NILO_UNCHANGED] += r->n_values > 0;
        return 1;
    }
    return nilo_record_add(j->recorder, r, err) == 0 ? 0 : not_taken(j, err);
}

static int best(void *ctx, const struct nilo_best_in *b, struct nilo_err *err)
{
    struct job *j = ctx;
    return nilo_record_best(j->recorder, b, err) == 0 ? 0 : not_taken(j, err);
}

static int record(struct job *j, struct nilo_err *err)
{
    const struct nilo_values_sink sink = {place, reading, best, j};
    if (nilo_cmd_apply_config(j->store, j->config, err) != 0 || define_all(j, err) != 0)
        return -1;
    int rc = nilo_values_feed(j->values, nilo_store_catalog(j->store), &sink, err);
    if (rc != 0 && j->recorder != NULL) {
        nilo_record_abort(j->recorder, err);
        j->recorder = NULL;
    }
    return rc == 0 ? finish_run(j, err) : -1;
}

static int print(struct job *j, struct nilo_err *err)
{
    const char *why;
    int64_t unread = nilo_values_refused(j->values, &why);
    if (unread > 0 && j->refused_rows == 0)
        snprintf(j->why, sizeof j->why, "%s", why);
    j->refused_rows += unread;
    int64_t refused = j->refused_rows + j->outcomes[NILO_REFUSED];
    if (j->ctx->json) {
        struct nilo__answer a;
        nilo__answer_init(&a);
        nilo_json_object_begin(&a.json);
        nilo_json_key(&a.json, "rows");
        nilo_json_int(&a.json, nilo_values_rows(j->values));
        nilo_json_key(&a.json, "runs");
        nilo_json_int(&a.json, j->runs);
        for (int i = 0; i < NILO_OUTCOME_COUNT; i++) {
            nilo_json_key(&a.json, nilo_outcome_name((enum nilo_outcome)i));
            nilo_json_int(&a.json, j->outcomes[i]);
        }
        nilo_json_key(&a.json, "bests");
        nilo_json_int(&a.json, j->bests);
        nilo_json_key(&a.json, "rows_refused");
        nilo_json_int(&a.json, j->refused_rows);
        nilo_json_object_end(&a.json);
        if (nilo__answer_print(&a, j->ctx->out, err) != 0)
            return -1;
        return refused > 0 ? 3 : 0;
    }
    fprintf(j->ctx->out, "%s: %" PRId64 " rows into %" PRId64 " %s, a run each.\n", j->what, nilo_values_rows(j->values), j->runs,
            j->runs == 1 ? "connection" : "connections");
    for (int i = 0; i < NILO_OUTCOME_COUNT; i++)
        if (j->outcomes[i] > 0)
            fprintf(j->ctx->out, "  %" PRId64 " %s\n", j->outcomes[i], nilo_outcome_name((enum nilo_outcome)i));
    if (j->bests > 0)
        fprintf(j->ctx->out, "  %" PRId64 " all-time %s that no value here shows\n", j->bests, j->bests == 1 ? "best" : "bests");
    if (j->refused_rows > 0)
        fprintf(j->ctx->out, "  %" PRId64 " rows not taken, the first: %s\n", j->refused_rows, j->why);
    return refused > 0 ? 3 : 0;
}

static int check_options(const struct nilo_cmd_ctx *ctx, bool table, struct nilo_err *err)
{
    static const char *const none[] = {"platform", "map", "where", "absent", "refused", "dry-run"};
    for (size_t i = table ? 1 : 0; i < sizeof none / sizeof none[0]; i++) {
        if (nilo_args_get(ctx->args, none[i]) != NULL)
            return nilo_err_set(err, NILO_EUSAGE, "--%s does not go with %s: %s rows say all of it", none[i],
                                table ? "a table of daily metrics" : "values of an export", table ? "its" : "their");
    }
    return 0;
}

int nilo__import_values(struct nilo_cmd_ctx *ctx, enum nilo_values_format format, struct nilo_sql_rows *table, struct nilo_err *err)
{
    struct job j = {.ctx = ctx, .workspace = nilo_args_get(ctx->args, "workspace"), .table = table != NULL,
                    .what = table != NULL ? "Daily metrics" : "Values of an export"};
    if (nilo__operands(ctx, 1, 1, err) != 0 || check_options(ctx, table != NULL, err) != 0)
        return -1;
    nilo_arena_init(&j.arena, 0);
    phase(&j, "reading");
    int rc = table != NULL ? nilo_values_read_rows(table, ctx->env->tmp_dir, show, &j, &j.values, err)
                           : nilo_values_read(nilo_args_rest(ctx->args, 0), format, ctx->env->tmp_dir, show, &j, &j.values, err);
    phase(&j, "recording");
    if (rc == 0)
        rc = nilo_cmd_config(ctx, &j.config, err);
    if (rc == 0)
        rc = nilo_cmd_store(ctx, NILO_STORE_WRITE, &j.store, err);
    if (rc == 0)
        rc = record(&j, err);
    phase(&j, NULL);
    if (rc == 0)
        rc = print(&j, err);
    nilo_values_free(j.values);
    nilo_store_close(j.store);
    nilo_config_free(j.config);
    nilo_arena_done(&j.arena);
    return rc;
}

bool nilo__import_is_values(const struct nilo_cmd_ctx *ctx, enum nilo_values_format *ret)
{
    const char *format = nilo_args_get(ctx->args, "format");
    bool asked = nilo_args_get(ctx->args, "values") != NULL || (format != NULL && strcmp(format, "json") == 0);
    if (asked)
        *ret = format != NULL && strcmp(format, "csv") == 0 ? NILO_VALUES_CSV : NILO_VALUES_JSON;
    if (asked && format == NULL)
        *ret = NILO_VALUES_CSV;
    /* a file that begins like one of ours, and that nobody said to read otherwise */
    return (nilo_args_rest_n(ctx->args) == 1 && nilo_args_get(ctx->args, "map") == NULL && nilo_values_are(nilo_args_rest(ctx->args, 0), ret)) || asked;
}
