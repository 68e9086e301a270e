/* nilometer import: files of readings into the record. Reading them is import/'s, printing what came of it import_report.c's; here is which
 * store, workspace and connection they go to, and in what order things happen: nothing is recorded before every file was read to
 * its end.
 *
 * A dry run against a connection that is not there yet plays the import against an empty store in the temporary folder: that tells
 * exactly what would happen, and leaves nothing in the real one. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cmd/cmd_priv.h"
#include "cmd/import_priv.h"

#define DEFAULT_WORKSPACE "default"
#define DEFAULT_PLATFORM  "import"
#define PLATFORM_MOST     50
#define CONNECTION_NAME_SIZE 256

static const struct nilo_option options[] = {
    {"format", "FORMAT", "csv, ndjson, singer, airbyte or nilometer, json for exports; without it the ending .ndjson or .jsonl (before .gz or .zst) means ndjson, all else csv", false},
    {"workspace", "W", "workspace that the readings go to, made where absent; default \"default\"", false},
    {"platform", "P", "platform that the items are on; the connection is then import-P. Default import, connection import", false},
    {"map", "FIELD=COLUMN[:PATTERN],...", "which column holds what; without it columns named like fields and metrics", true},
    {"where", "COLUMN=VALUE", "only rows in which the column holds exactly that", true},
    {"absent", "TEXT,TEXT", "cells of such a text are empty: not reported", false},
    {"define", "NAME:TYPE:AGGREGATION", "a metric of your own: count, average, percentage or aggregate; level or flow", true},
    {"refused", "FILE", "write the refused rows to this new file, under their header", false},
    {"revise", NULL, "amend closed days where the files hold other values", false},
    {"table", "T", "not a file: a table of the PostgreSQL database that is named instead", false},
    {"query", "SQL", "the same with a SELECT in place of a table", false},
    {"connection", "C", "with --table and --query: the connection of the workspace that the readings belong to", false},
    {"tap", "NAME", "singer, airbyte: the tap of the configuration whose output it is; its connection has that name", false},
    {"mapping", "NAME", "singer, airbyte: a ready-made mapping, such as tap-youtube-analytics (nilometer tap mappings)", false},
    {"stream", "S", "singer, airbyte: with --map, the stream that it is for; without it all of them", false},
    {"names", "METRIC=NAME,...", "singer, airbyte: with --map, what metric_name says in records that are one metric", false},
    {"config-out", "FILE", "airbyte: where a new configuration goes that the source sends (renewed tokens); replaced at once, readable by its owner only", false},
    {"values", NULL, "the file is what nilometer export --values wrote (it is seen by itself)", false},
    {"keep-definitions", NULL, "values of such a file: where the store defines a metric otherwise, take them as the store does", false},
    {"dry-run", NULL, "do all of it, record nothing", false},
    {NULL, NULL, NULL, false},
};

/* Everything of one call. */
struct job {
    struct nilo_cmd_ctx *ctx;
    struct nilo_config *config;
    struct nilo_store *store, *scratch; /* scratch: what a dry run is played against, else NULL */
    struct nilo_import_folder folder;   /* that the scratch store is in */
    const char *workspace, *platform;
    char connection[CONNECTION_NAME_SIZE];
    bool dry_run;
    bool is_tap;
    struct nilo__import_tap tap;

    struct nilo_arena arena;
    struct nilo_import_options o;
    struct nilo_metric *metrics; /* of the store, the configuration and the command line */
    struct nilo_catalog catalog;
    const struct nilo_metric *defined; /* those of the command line, within metrics */
    size_t n_defined;
    struct nilo_import *import;
    struct nilo_progress *progress;
    const char *doing;
};

static struct nilo_store *target(const struct job *j)
{
    return j->scratch != NULL ? j->scratch : j->store;
}

/* ---- the command line ---------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *s, size_t len, const char *end)
{
    return len >= strlen(end) && memcmp(s + len - strlen(end), end, strlen(end)) == 0;
}

static enum nilo_import_format format_by_name(const char *file)
{
    size_t len = strlen(file);
    if (ends_with(file, len, ".gz"))
        len -= strlen(".gz");
    else if (ends_with(file, len, ".zst"))
        len -= strlen(".zst");
    return ends_with(file, len, ".ndjson") || ends_with(file, len, ".jsonl") ? NILO_IMPORT_NDJSON : NILO_IMPORT_CSV;
}

static int take_format(struct job *j, struct nilo_err *err)
{
    static const char *const of_taps[] = {"tap", "mapping", "stream", "names", "config-out"};
    const char *format = nilo_args_get(j->ctx->args, "format");
    j->is_tap = format != NULL && (strcmp(format, "singer") == 0 || strcmp(format, "airbyte") == 0);
    j->is_tap |= nilo_args_get(j->ctx->args, "tap") != NULL || nilo_args_get(j->ctx->args, "mapping") != NULL;
    for (size_t i = 0; !j->is_tap && i < sizeof of_taps / sizeof of_taps[0]; i++) {
        if (nilo_args_get(j->ctx->args, of_taps[i]) != NULL)
            return nilo_err_set(err, NILO_EUSAGE, "--%s is for what taps write (--format singer or airbyte)", of_taps[i]);
    }
    if (j->is_tap)
        return 0; /* what the configuration says of it is known later */
    if (j->o.table != NULL) {
        j->o.format = NILO_IMPORT_NDJSON;
        return 0;
    }
    if (format == NULL || strcmp(format, "csv") == 0) {
        j->o.format = format == NULL ? format_by_name(j->o.files[0]) : NILO_IMPORT_CSV;
        return 0;
    }
    if (strcmp(format, "ndjson") == 0) {
        j->o.format = NILO_IMPORT_NDJSON;
        return 0;
    }
    return nilo_err_set(err, NILO_EUSAGE, "there is no format \"%s\"; it is csv, ndjson, singer, airbyte, json or nilometer", format);
}

static int take_names(struct job *j, struct nilo_err *err)
{
    const char *workspace = nilo_args_get(j->ctx->args, "workspace"), *platform = nilo_args_get(j->ctx->args, "platform");
    if (workspace == NULL)
        workspace = j->tap.workspace;
    if (platform == NULL)
        platform = j->tap.platform;
    j->workspace = workspace != NULL ? workspace : DEFAULT_WORKSPACE;
    j->platform = platform != NULL ? platform : DEFAULT_PLATFORM;
    size_t len = strlen(j->platform);
    if (len == 0 || len > PLATFORM_MOST || strspn(j->platform, "abcdefghijklmnopqrstuvwxyz0123456789_-") != len)
        return nilo_err_set(err, NILO_EUSAGE, "--platform: \"%s\" is not 1 to %d of a-z, 0-9, _ and -", j->platform, PLATFORM_MOST);
    if (strcmp(j->platform, DEFAULT_PLATFORM) == 0)
        snprintf(j->connection, sizeof j->connection, "import");
    else
        snprintf(j->connection, sizeof j->connection, "import-%s", j->platform);
    const char *connection = nilo_args_get(j->ctx->args, "connection");
    if (connection == NULL)
        connection = j->tap.connection;
    if (connection != NULL && snprintf(j->connection, sizeof j->connection, "%s", connection) >= (int)sizeof j->connection)
        return nilo_err_set(err, NILO_EUSAGE, "--connection: the name is longer than %d bytes", CONNECTION_NAME_SIZE - 1);
    return 0;
}

/* All values of an option that may be given several times. */
static int take_many(struct job *j, const char *name, const char *const **ret, size_t *ret_n, struct nilo_err *err)
{
    int n = nilo_args_count(j->ctx->args, name);
    const char **list = nilo_arena_array(&j->arena, (size_t)n + 1, sizeof *list);
    if (list == NULL)
        return nilo_err_nomem(err);
    for (int i = 0; i < n; i++)
        list[i] = nilo_args_nth(j->ctx->args, name, i);
    *ret = list;
    *ret_n = (size_t)n;
    return 0;
}

static int take_files(struct job *j, struct nilo_err *err)
{
    int n = nilo_args_rest_n(j->ctx->args);
    if (j->o.table != NULL) {
        const char **name = nilo_arena_array(&j->arena, 1, sizeof *name);
        if (name == NULL)
            return nilo_err_nomem(err);
        name[0] = nilo_sql_rows_name(j->o.table);
        j->o.files = name;
        j->o.n_files = 1;
        return 0;
    }
    if (n == 0)
        return nilo_err_set(err, NILO_EUSAGE, "name the files to import, or - for standard input");
    const char **list = nilo_arena_array(&j->arena, (size_t)n, sizeof *list);
    if (list == NULL)
        return nilo_err_nomem(err);
    for (int i = 0; i < n; i++)
        list[i] = nilo_args_rest(j->ctx->args, i);
    j->o.files = list;
    j->o.n_files = (size_t)n;
    return 0;
}

static int take_args(struct job *j, struct nilo_err *err)
{
    const struct nilo_args *a = j->ctx->args;
    if (take_files(j, err) != 0 || take_format(j, err) != 0 || take_names(j, err) != 0 ||
        take_many(j, "map", &j->o.maps, &j->o.n_maps, err) != 0 || take_many(j, "where", &j->o.wheres, &j->o.n_wheres, err) != 0)
        return -1;
    j->o.absent = nilo_args_get(a, "absent");
    j->o.refused = nilo_args_get(a, "refused");
    j->o.tmp_dir = j->ctx->env->tmp_dir;
    j->dry_run = nilo_args_get(a, "dry-run") != NULL;
    return 0;
}

/* ---- metrics ------------------------------------------------------------------------------------------------------------------ */

static bool same_definition(const struct nilo_metric *a, const struct nilo_metric *b)
{
    return a->type == b->type && a->kind == b->kind && a->aggregation == b->aggregation && a->scale == b->scale;
}

static int add_metric(struct job *j, const struct nilo_metric *m, struct nilo_err *err)
{
    for (size_t i = 0; i < j->catalog.n; i++) {
        const struct nilo_metric *old = &j->metrics[i];
        if (strcmp(old->name, m->name) != 0)
            continue;
        if (same_definition(old, m))
            return 0;
        return nilo_err_set(err, NILO_EEXIST, "the metric %s is defined already, as %s, %s, %s; that stays as it is, take another name", m->name,
                            nilo_metric_type_name((int)old->type), nilo_metric_kind_name((int)old->kind),
                            nilo_aggregation_name((int)old->aggregation));
    }
    j->metrics[j->catalog.n++] = *m;
    return 0;
}

/* What the configuration defines; needed only by a dry run, which does not put it into the store. */
static struct nilo_metric configured(const struct nilo_config_metric *m)
{
    return (struct nilo_metric){
        .name = m->name,
        .type = (enum nilo_metric_type)nilo_metric_type_value(m->type),
        .kind = (enum nilo_metric_kind)nilo_metric_kind_value(m->kind),
        .aggregation = (enum nilo_aggregation)nilo_aggregation_value(m->aggregation),
        .scale = m->scale,
        .wide = true,
        .active = true,
    };
}

/* The metrics that --map may name: those of the store, then those that would come into it. The names of the store's own are copied: its
 * catalogue moves when something is defined. */
static int collect_metrics(struct job *j, struct nilo_err *err)
{
    const struct nilo_catalog *stored = nilo_store_catalog(target(j));
    size_t n_config = (size_t)j->config->n_metrics, n_defines = 0;
    const char *const *defines = NULL;
    if (take_many(j, "define", &defines, &n_defines, err) != 0)
        return -1;
    size_t n_tap = 0;
    while (j->is_tap && j->tap.metrics[n_tap] != NULL)
        n_tap++;
    j->metrics = nilo_arena_array(&j->arena, stored->n + n_config + n_defines + n_tap + 1, sizeof *j->metrics);
    if (j->metrics == NULL)
        return nilo_err_nomem(err);
    j->catalog.metrics = j->metrics;
    for (size_t i = 0; i < stored->n; i++) {
        struct nilo_metric *m = &j->metrics[j->catalog.n++];
        *m = stored->metrics[i];
        m->name = nilo_arena_strdup(&j->arena, m->name);
        m->currency = m->unit = m->display_name = m->description = m->format_pattern = NULL;
        if (m->name == NULL)
            return nilo_err_nomem(err);
    }
    j->defined = &j->metrics[j->catalog.n];
    for (size_t i = 0; i < n_config; i++) {
        struct nilo_metric m = configured(&j->config->metrics[i]);
        if (nilo_catalog_by_name(&j->catalog, m.name) == NULL && add_metric(j, &m, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < n_defines; i++) {
        struct nilo_metric m;
        if (nilo_import_define(defines[i], &j->arena, &m, err) != 0 || add_metric(j, &m, err) != 0)
            return -1;
    }
    for (size_t i = 0; i < n_tap; i++) { /* one of that name, however it is defined, is what is meant */
        struct nilo_metric m;
        if (nilo_import_define(j->tap.metrics[i], &j->arena, &m, err) != 0 ||
            (nilo_catalog_by_name(&j->catalog, m.name) == NULL && add_metric(j, &m, err) != 0))
            return -1;
    }
    j->n_defined = (size_t)(&j->metrics[j->catalog.n] - j->defined);
    j->o.catalog = &j->catalog;
    return 0;
}

/* ---- a dry run against nothing ------------------------------------------------------------------------------------------------------ */

/* What the real store knows and an import depends on: the metrics, and the zone of the workspace where it is there. */
static int copy_into_scratch(struct job *j, const struct nilo_workspace *workspace, struct nilo_err *err)
{
    const struct nilo_catalog *stored = nilo_store_catalog(j->store);
    for (size_t i = 0; i < stored->n; i++) {
        if (!stored->metrics[i].builtin && nilo_store_metric_define(j->scratch, &stored->metrics[i], NULL, err) != 0)
            return -1;
    }
    if (workspace == NULL)
        return 0;
    const struct nilo_calendar *calendar;
    struct nilo_workspace made;
    if (nilo_store_calendar(j->store, workspace->id, &calendar, err) != 0)
        return -1;
    return nilo_store_workspace(j->scratch, j->workspace, true, nilo_zone_name(calendar->eras[calendar->n - 1].zone), &made, err);
}

static int fill_scratch(struct job *j, const struct nilo_workspace *workspace, struct nilo_err *err)
{
    if (nilo_store_begin(j->scratch, err) != 0)
        return -1;
    if (copy_into_scratch(j, workspace, err) != 0) {
        nilo_store_rollback(j->scratch);
        return -1;
    }
    return nilo_store_commit(j->scratch, err);
}

static int open_scratch(struct job *j, const struct nilo_workspace *workspace, struct nilo_err *err)
{
    if (nilo_import_folder_make(j->ctx->env->tmp_dir, "nilometer-dry-run", &j->folder, err) != 0)
        return -1;
    const char *path = nilo_arena_printf(&j->arena, "%s/store.db", j->folder.path);
    if (path == NULL)
        return nilo_err_nomem(err);
    if (nilo_store_open(path, NILO_STORE_CREATE, j->ctx->env, &j->scratch, err) != 0)
        return -1;
    return fill_scratch(j, workspace, err);
}

/* Is there anything in the store that the dry run could be compared with? */
static int maybe_scratch(struct job *j, struct nilo_err *err)
{
    struct nilo_workspace w;
    struct nilo_connection c;
    struct nilo_err none = {0};
    bool has_workspace = nilo_store_workspace(j->store, j->workspace, false, NULL, &w, &none) == 0;
    if (has_workspace && nilo_store_connection(j->store, w.id, j->connection, false, NULL, NULL, &c, &none) == 0)
        return 0;
    if (none.code != NILO_ENOENT) {
        if (err != NULL)
            *err = none;
        return -1;
    }
    return open_scratch(j, has_workspace ? &w : NULL, err);
}

/* ---- where it goes ---------------------------------------------------------------------------------------------------------------- */

/* The calendar decides in what order readings stand. What the configuration says of the workspace is in the store by now. */
static int find_calendar(struct job *j, struct nilo_err *err)
{
    struct nilo_workspace w;
    struct nilo_err none = {0};
    if (nilo_store_workspace(target(j), j->workspace, false, NULL, &w, &none) == 0)
        return nilo_store_calendar(target(j), w.id, &j->o.calendar, err);
    if (none.code == NILO_ENOENT)
        return 0; /* it will be made, in UTC */
    if (err != NULL)
        *err = none;
    return -1;
}

static int define_metrics(struct job *j, struct nilo_err *err)
{
    for (size_t i = 0; i < j->n_defined; i++) {
        if (nilo_store_metric_define(target(j), &j->defined[i], NULL, err) != 0)
            return -1;
    }
    return 0;
}

static int make_connection(struct job *j, struct nilo_connection *ret, struct nilo_err *err)
{
    struct nilo_store *s = target(j);
    struct nilo_workspace w;
    if (define_metrics(j, err) != 0 ||
        nilo_store_workspace(s, j->workspace, true, nilo_config_zone(j->config, j->workspace), &w, err) != 0 ||
        nilo_store_connection(s, w.id, j->connection, true, j->platform, "import", ret, err) != 0)
        return -1;
    return 0;
}

static int prepare_store(struct job *j, struct nilo_connection *ret, struct nilo_err *err)
{
    struct nilo_store *s = target(j);
    struct nilo_workspace w;
    if (j->dry_run && j->scratch == NULL) { /* all there: nothing is made */
        return nilo_store_workspace(s, j->workspace, false, NULL, &w, err) == 0 &&
                       nilo_store_connection(s, w.id, j->connection, false, NULL, NULL, ret, err) == 0
                   ? 0
                   : -1;
    }
    if (nilo_store_begin(s, err) != 0)
        return -1;
    if (make_connection(j, ret, err) != 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

/* ---- recording ------------------------------------------------------------------------------------------------------------------------ */

static void show_progress(void *ctx, int64_t done, int64_t of)
{
    struct job *j = ctx;
    if (j->progress == NULL)
        j->progress = nilo_progress_new(j->ctx, j->doing, of);
    nilo_progress_set(j->progress, done);
}

static void next_phase(struct job *j, const char *doing)
{
    nilo_progress_done(j->progress);
    j->progress = NULL;
    j->doing = doing;
}

/* What record says about the reading itself is that row's misfortune, all else is the end. */
static int sink(void *ctx, const struct nilo_reading *reading, struct nilo_err *err)
{
    if (nilo_record_add(ctx, reading, err) == 0)
        return 0;
    return err->code == NILO_EINVAL || err->code == NILO_EDATERANGE ? 1 : -1;
}

static void note(void *ctx, int64_t tag, const struct nilo_point *point)
{
    struct job *j = ctx;
    if (point->outcome == NILO_REFUSED)
        nilo_import_closed(j->import, tag, nilo_catalog_by_id(nilo_store_catalog(target(j)), point->metric)->name);
}

/* Rows refused before they came to record are written into the run's log too: one line a reason. */
static int log_refusals(struct nilo_recorder *r, const struct nilo_import_report *report, struct nilo_err *err)
{
    for (size_t i = 0; i < report->n_refusals; i++) {
        const struct nilo_import_refusal *why = &report->refusals[i];
        char text[600];
        snprintf(text, sizeof text, "%" PRId64 " %s refused: %s (first %.180s:%" PRId64 ")", why->rows, why->rows == 1 ? "row" : "rows",
                 why->reason, why->first[0].file, why->first[0].line);
        if (nilo_record_fail(r, NULL, "invalid", text, err) != 0)
            return -1;
    }
    return 0;
}

/* What a source says of itself went wrong there: the run has it, too. */
static int tell_source(struct nilo_recorder *r, const struct nilo_import_report *report, struct nilo_err *err)
{
    for (size_t i = 0; i < report->n_notes; i++) {
        if (nilo_record_fail(r, NULL, "source", report->notes[i], err) != 0)
            return -1;
    }
    return 0;
}

/* Whoever was refused comes again when the tap is run with the earlier state; so is nothing lost by a mapping that is not right yet. With --refused the file has them, but
 * for those that are too large for it. */
static bool may_keep(const struct job *j, const struct nilo_import_report *report)
{
    return !j->dry_run && nilo_import_state(j->import) != NULL && (j->o.refused != NULL ? report->lost_unkept : report->lost) == 0;
}

static int keep_state(struct job *j, const struct nilo_connection *c, const struct nilo_run *run, struct nilo__import_result *result, struct nilo_err *err)
{
    const struct nilo_tap_state state = {.format = j->tap.format == NILO_IMPORT_SINGER ? "singer" : "airbyte", .text = nilo_import_state(j->import), .run = run->id,
                                         .kept_at = j->ctx->env->clock.wall(j->ctx->env->clock.ctx)};
    if (!j->is_tap)
        return 0;
    result->tap = j->connection;
    result->has_state = state.text != NULL;
    result->config_kept = j->tap.config_path != NULL;
    result->state_kept = may_keep(j, result->report);
    if (!result->state_kept || nilo__import_tap_keep(j->store, c->id, &state, err) == 0)
        return 0;
    return nilo_err_wrap(err, "everything is recorded, but the state of the tap is not kept, so it tells all of it again");
}

static int record(struct job *j, const struct nilo_connection *c, struct nilo_run *ret, struct nilo_err *err)
{
    struct nilo_run_options o = {
        .kind = NILO_RUN_IMPORT,
        .provenance = NILO_IMPORTED,
        .revise = nilo_args_get(j->ctx->args, "revise") != NULL,
        .dry_run = j->dry_run && j->scratch == NULL,
        .target_day = NILO_DAY_NONE,
        .read_until = NILO_DAY_NONE,
        .note = note,
        .note_ctx = j,
    };
    struct nilo_recorder *r;
    if (nilo_record_begin(target(j), c, &o, &r, err) != 0)
        return -1;
    /* A dry run of record is one transaction: what is defined in it goes with it. */
    if ((o.dry_run && define_metrics(j, err) != 0) ||
        nilo_import_feed(j->import, nilo_store_catalog(target(j)), sink, r, err) != 0 ||
        log_refusals(r, nilo_import_report(j->import), err) != 0) {
        nilo_record_abort(r, err);
        return -1;
    }
    if (tell_source(r, nilo_import_report(j->import), err) != 0) {
        nilo_record_abort(r, err);
        return -1;
    }
    return nilo_record_finish(r, NULL, &j->arena, ret, err);
}

static int close_import(struct job *j, struct nilo_err *err)
{
    return nilo_import_close(j->import, err) == 0 ? 0 : nilo_err_wrap(err, j->dry_run ? "the dry run is done, but" : "everything is recorded, but");
}

static int import(struct job *j, struct nilo_err *err)
{
    struct nilo_connection c;
    struct nilo_run run;
    j->o.progress = show_progress;
    j->o.progress_ctx = j;
    next_phase(j, "reading");
    if (nilo_import_read(&j->o, &j->import, err) != 0 || prepare_store(j, &c, err) != 0)
        return -1;
    next_phase(j, "recording");
    if (record(j, &c, &run, err) != 0)
        return -1;
    next_phase(j, NULL);
    struct nilo__import_result result = {
        .run = &run, .report = nilo_import_report(j->import), .connection = &c, .n_files = j->o.n_files,
        .dry_run = j->dry_run, .refused_path = j->o.refused,
    };
    if (j->is_tap && (close_import(j, err) != 0 || keep_state(j, &c, &run, &result, err) != 0)) /* what was refused is on disk before the state */
        return -1;
    if (nilo__import_print(j->ctx, &result, err) != 0 || close_import(j, err) != 0)
        return -1;
    bool lost = result.report->configs > 0 && !result.config_kept;
    return result.report->refused > 0 || run.outcomes[NILO_REFUSED] > 0 || result.report->source_errors > 0 || lost ? 3 : 0;
}

/* ---- the command ------------------------------------------------------------------------------------------------------------------------ */

/* What the configuration says of the tap. */
static int take_tap(struct job *j, struct nilo_err *err)
{
    if (nilo__import_tap(j->ctx, j->config, &j->arena, &j->tap, err) != 0 || take_names(j, err) != 0)
        return -1;
    j->o.format = j->tap.format;
    j->o.streams = j->tap.streams;
    j->o.n_streams = j->tap.n_streams;
    j->o.now = j->ctx->env->clock.wall(j->ctx->env->clock.ctx);
    j->o.config = j->tap.config_path != NULL ? nilo__import_tap_config : NULL;
    j->o.config_ctx = (void *)(uintptr_t)j->tap.config_path;
    return 0;
}

static int find_state(struct job *j, struct nilo_err *err)
{
    struct nilo_tap_state state;
    bool known;
    if (nilo__import_tap_state(j->store, j->workspace, j->connection, &j->arena, &state, &known, err) != 0)
        return -1;
    j->o.state = state.format != NULL && strcmp(state.format, "airbyte") == 0 ? state.text : NULL;
    return 0;
}

static int open_store(struct job *j, struct nilo_err *err)
{
    if (nilo_cmd_config(j->ctx, &j->config, err) != 0 || (j->is_tap && take_tap(j, err) != 0) || nilo_cmd_store(j->ctx, NILO_STORE_WRITE, &j->store, err) != 0)
        return -1;
    if (j->dry_run && maybe_scratch(j, err) != 0)
        return -1;
    if ((!j->dry_run || j->scratch != NULL) && nilo_cmd_apply_config(target(j), j->config, err) != 0)
        return -1;
    return j->is_tap ? find_state(j, err) : 0;
}

int nilo__import_readings(struct nilo_cmd_ctx *ctx, struct nilo_sql_rows *table, struct nilo_err *err)
{
    if (nilo_args_get(ctx->args, "keep-definitions") != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "--keep-definitions is for values that say themselves how a metric is defined, such as `nilometer export --values` writes; what is "
                            "mapped is always taken as the store defines it (--define NAME=... defines a new metric)");
    struct job j = {.ctx = ctx, .o.table = table};
    nilo_arena_init(&j.arena, 0);
    int status = -1;
    if (take_args(&j, err) == 0 && open_store(&j, err) == 0 && collect_metrics(&j, err) == 0 && find_calendar(&j, err) == 0)
        status = import(&j, err);
    next_phase(&j, NULL);
    nilo_import_free(j.import);
    nilo_store_close(j.scratch);
    nilo_import_folder_remove(&j.folder);
    nilo_store_close(j.store);
    nilo_config_free(j.config);
    nilo_arena_done(&j.arena);
    return status;
}

/* An export says itself what goes where, so it is no file among others. */
static int check_alone(const struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    enum nilo_values_format values;
    int n = nilo_args_rest_n(ctx->args);
    for (int i = 0; i < n && n > 1 && nilo_args_get(ctx->args, "map") == NULL; i++) {
        const char *file = nilo_args_rest(ctx->args, i);
        if (strcmp(file, "-") != 0 && (nilo_whole_is(file) || nilo_values_are(file, &values)))
            return nilo_err_set(err, NILO_EUSAGE, "%s is what nilometer export wrote: such files are imported one at a time, each by a command of its own; nothing was imported", file);
    }
    return 0;
}

static int run(struct nilo_cmd_ctx *ctx, struct nilo_err *err)
{
    const char *format = nilo_args_get(ctx->args, "format");
    if (nilo_args_get(ctx->args, "table") != NULL || nilo_args_get(ctx->args, "query") != NULL)
        return nilo__import_table(ctx, err);
    if (nilo_args_get(ctx->args, "connection") != NULL)
        return nilo_err_set(err, NILO_EUSAGE, "--connection goes with --table and --query; for files the connection is import, or import-PLATFORM (of a tap its name: --tap)");
    /* its first line says what it is; readings of other files have no such line */
    if ((format != NULL && strcmp(format, "nilometer") == 0) || (nilo_args_rest_n(ctx->args) == 1 && nilo_whole_is(nilo_args_rest(ctx->args, 0))))
        return nilo__import_whole(ctx, err);
    enum nilo_values_format values;
    if (check_alone(ctx, err) != 0)
        return -1;
    if (nilo__import_is_values(ctx, &values))
        return nilo__import_values(ctx, values, NULL, err);
    return nilo__import_readings(ctx, NULL, err);
}

const struct nilo_cmd nilo_cmd_import = {
    .name = "import",
    .operands = "FILE...|-|DATABASE",
    .summary = "take in readings from files, a PostgreSQL table, or a whole export",
    .description =
        "Reads all files, checks every row, sorts, and then records: one run, however many files. They may be packed with gzip or zstd; their "
        "first bytes tell, not their names. Importing the same files again changes nothing, and an import that was stopped is completed by "
        "running it again.\n"
        "\n"
        "--map says which column holds what. A FIELD is external_id, captured_at, day, owner, title, url, posted_at, media_type, window_days, "
        "tag.NAME, or a metric (views, likes, ... or one that the configuration or --define defines). external_id, captured_at or day, and a "
        "metric are needed. Dates are ISO 8601 in all its usual spellings, or follow a PATTERN as for strptime, which may hold literals: "
        "date:%d.%m.2017. A time without a zone is UTC; where only a day is given, the reading counts for the end of that day. In NDJSON a "
        "COLUMN is a key, and a.b the key b of the object under a. A backslash takes the meaning off a comma, colon or equals sign.\n"
        "\n"
        "An empty cell is a number that was not reported, never 0; --absent names other spellings of that. Counts are exact: 1234.0 is 1234, and "
        "1,234 is refused; averages and percentages are rounded to their places (six; gpm two). A row with a cell that cannot be read is refused as a whole, counted, and told with its line; the others are "
        "recorded. The exit status is then 3. --refused keeps such rows in a file, to be mended and imported.\n"
        "\n"
        "A day that is closed never changes: another value for it is refused, counted and told with its line; --refused keeps such rows too. With --revise it becomes an amendment beside the old "
        "value.\n"
        "\n"
        "What `nilometer export` wrote is known by how it begins, in each of its formats, also packed or on standard input: workspaces with everything that was ever recorded in them, as it was. A workspace "
        "that is not in the store is restored; one that is there must hold all of the file already, and nothing changes. All or nothing: "
        "a file that is cut off or damaged, or an import that was stopped, leaves the store as it was.\n"
        "\n"
        "The values that `nilometer export --values` writes are known as well. Each row goes to the workspace and connection that it "
        "names (--workspace: another one), as imported values with their reasons and metadata; a run for each connection. Metrics and workspaces that the "
        "store does not have are made as the file says: kind, aggregation, digits, unit; time zone. A metric that the store defines otherwise is "
        "refused before anything is recorded; with --keep-definitions its values are taken as the store defines it. Files of older versions do not say: "
        "such metrics are instant levels unless the configuration or --define says otherwise.\n"
        "\n"
        "--table reads a table of the PostgreSQL database DATABASE (postgres://..., or env:NAME and file:PATH that hold such a URL), --query what a SELECT "
        "answers, each row as an object of NDJSON: in one read-only transaction. A table with the columns metric_date, metric_type, "
        "metric_category, value, metadata and collection_timestamp holds an app's own metrics and needs no --map, but --connection: that of the "
        "workspace which records them from now on. Values stand for the day that is named, with the instant at which they were read. docs/moving-from-supabase.md shows both.\n"
        "\n"
        "singer and airbyte: what taps write, by a tap of the configuration, a ready-made mapping, or --map; nilometer help tap.\n"
        "\n"
        "    nilometer import stats.csv\n"
        "    nilometer import whole.zst\n"
        "    nilometer import trending-*.csv.zst --platform youtube \\\n"
        "        --map 'external_id=video_id,captured_at=fetched_at,views=views,likes=likes' --where country=US\n"
        "    nilometer import stars.csv --define stars:count:level --map 'external_id=repo,day=date:%d.%m.%Y,stars=stars'\n"
        "    tap | nilometer import - --format ndjson --map 'external_id=id,captured_at=at,views=stats.views' --dry-run\n"
        "    tap-x --config c.json | nilometer import --tap x -\n"
        "    nilometer import env:OLD_DATABASE --table daily_metrics --workspace studio --connection app\n",
    .options = options,
    .run = run,
    .writes = NILO_CMD_WRITES_LONG,
};
