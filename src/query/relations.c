/* Every relation and its columns: one row each. What their SQL is knows the store (nilo_store_source). */
#include <string.h>

#include "query/columns.h"
#include "query/functions.h"

static const char *absence_reason(int v) { return v == NILO_PRESENT ? "?" : nilo_absence_name(v); }

#define WORKSPACE(f) TEXT("workspace", NN | (f), "the workspace's name")
#define CONNECTION_ROLE TEXT("connection_role", NN | HIDE, "own, or competitor: in lists like this one, in no sums but its connection's")
#define CONNECTION(f) TEXT("connection", NN | (f), "the connection's name")
#define PLATFORM TEXT("platform", NN, "youtube, instagram, tiktok, sql, ...")
#define OWNER MADE("owner", NILO_F_OWNERS, NN, "array of the owners credited; owner=eq.X matches any of them")
#define PROVENANCE(f) ENUM("provenance", f, nilo_provenance_name, NILO_OBSERVED, "observed, imported or estimated; of several values the weakest")
#define METRIC_TYPE(f) ENUM("metric_type", NN | (f), nilo_metric_type_name, NILO_AGGREGATE, "count, average, percentage or aggregate")

static const struct nilo_column daily_metrics[] = {
    UUID("made of workspace, day, type and category: the same after export and import")
    DAY("metric_date", NN, "the day, in the workspace's zone")
    METRIC_TYPE(0)
    TEXT("metric_category", NN, "the metric's name, for instance users_total")
    SCALED("value", NN, "the value that is shown for the day")
    JSON("metadata", NN, "sample_size, std_deviation, numerator, denominator, breakdown, anomaly, ...")
    TIME("collection_timestamp", NN, "when the value was read at its source")
    TIME("created_at", NN, "when it was first recorded; a later value of an open day does not move it")
    TIME("updatedAt", NN | HIDE, "when the value that is shown was recorded")
    WORKSPACE(HIDE) CONNECTION(HIDE) PROVENANCE(HIDE)
};
static const struct nilo_column metric_definitions[] = {
    UUID("made of type and category")
    METRIC_TYPE(0)
    TEXT("metric_category", NN, "the metric's name")
    TEXT("display_name", 0, "for headings")
    TEXT("description", 0, "what is counted")
    TEXT("unit", 0, "views, ms, percent, ...")
    TEXT("format_pattern", 0, "how to show it, 0,0")
    BOOL("is_active", NN, "false: no longer collected, its history stays")
    TIME("created_at", NN, "when it was defined")
    ENUM("kind", NN | HIDE, nilo_metric_kind_name, NILO_PERIOD, "instant or period")
    ENUM("aggregation", NN | HIDE, nilo_aggregation_name, NILO_FLOW, "level or flow")
    INT("scale", NN | HIDE, "digits of the fraction")
    TEXT("currency", HIDE, "ISO 4217, for money")
    BOOL("builtin", NN | HIDE, "came with the program")
    TIME("updatedAt", NN | HIDE, "when anything about it was last said otherwise")
};
static const struct nilo_column metric_collection_log[] = {
    UUID("made of workspace, run and start")
    DAY("collection_date", 0, "the day that was asked for, else the last one read")
    TIME("started_at", NN, "when the run began")
    TIME("completed_at", 0, "when it ended; null while it runs")
    TEXT("status", NN, "running, completed or failed; a run that met failures is completed, see error_details")
    INT("metrics_collected", NN, "metrics that succeeded")
    TEXT("error_message", 0, "what went wrong, in one sentence")
    MADE("error_details", NILO_F_FAILED, 0, "{failed: [{external_id, class, message}]}, the first 1,000")
    TIME("created_at", NN, "as started_at")
    WORKSPACE(HIDE) CONNECTION(HIDE)
    INT("run", NN | HIDE, "number of the run")
    INT("duration_ms", HIDE, "how long it took")
    TIME("updatedAt", NN | HIDE, "when it ended, while it runs when it began")
};
static const struct nilo_column workspaces[] = {
    TEXT("name", NN, "the workspace's name")
    TEXT("zone", 0, "time zone of its days, the newest one set")
    DAY("zone_from", 0, "first day of that zone; null: from the beginning")
    TEXT("origin", NN, "file: from the configuration; db: made by a command or the API")
    TIME("created_at", NN, "when it was made")
};
static const struct nilo_column connections[] = {
    WORKSPACE(0)
    TEXT("name", NN, "the connection's name")
    PLATFORM
    TEXT("role", NN, "own or competitor")
    TEXT("status", NN, "connected, expired, disabled or failing")
    TEXT("origin", NN, "file or db")
    DAY("closed_until", 0, "last closed day")
    DAY("read_until", 0, "last day of which the source was read after its end")
    INT("settle_s", 0, "seconds after a day's end before it may close; null: the platform's default")
    TIME("created_at", NN, "when it was made")
};
static const struct nilo_column content[] = {
    WORKSPACE(0) CONNECTION(0) PLATFORM
    TEXT("external_id", NN, "the item's id on its platform")
    OWNER
    TEXT("title", 0, "newest known title")
    TEXT("url", 0, "where it is")
    TIME("posted_at", 0, "when it was published")
    TEXT("media_type", 0, "video, image, reel, ...")
    TEXT("caption", 0, "newest known caption")
    INT("duration_ms", 0, "length of the medium")
    TEXT("thumbnail", 0, "address of its cover")
    JSON("tags", 0, "the platform's own words about it")
    TEXT("status", 0, "as the platform names it")
    TIME("deleted_at", 0, "when it was found to be gone")
    TIME("first_seen_at", NN, "when it was first recorded here")
    CONNECTION_ROLE
};

static const struct nilo_column content_events[] = {
    WORKSPACE(0) CONNECTION(0) PLATFORM
    TEXT("external_id", NN, "the item's id on its platform")
    OWNER
    TEXT("title", 0, "newest known title")
    DAY("day", NN, "the day of it, in the workspace's zone")
    TIME("at", NN, "when it was found, or the time that was said with it")
    ENUM("event", NN, nilo_presence_name, NILO_ITEM_DELETED, "what it is since: live, hidden, private or deleted")
    ENUM("was", NN, nilo_presence_name, NILO_ITEM_DELETED, "what it was before")
    TEXT("status", 0, "as the platform names it")
    TIME("recorded_at", NN, "when it was recorded here")
    INT("number", NN | HIDE, "rises in the order of recording")
    CONNECTION_ROLE
};

#define WIDE_HEAD(window_doc)                                                                                          \
    WORKSPACE(0) CONNECTION(0) PLATFORM                                                                                \
    TEXT("external_id", NN, "the item's id on its platform")                                                           \
    OWNER                                                                                                              \
    TEXT("title", 0, "newest known title")                                                                             \
    TIME("posted_at", 0, "when it was published")                                                                      \
    DAY("day", NN, "the day, in the workspace's zone")                                                                 \
    TIME("captured_at", NN, "newest reading among the values")                                                         \
    INT("window_days", 0, window_doc)                                                                                  \
    PROVENANCE(0)                                                                                                      \
    MADE("absence", NILO_F_ABSENCE, NN, "object metric -> reason, of the metrics that were read and have no value") \
    CONNECTION_ROLE

static const struct nilo_column content_wide[] = {WIDE_HEAD("0: all time so far; else days of a rolling window")};
static const struct nilo_column content_best[] = {
    WIDE_HEAD("null: each value has its own, see best_windows")
    MADE("best_days", NILO_F_DAYS, NN, "object metric -> day on which the best value was read")
    MADE("best_windows", NILO_F_WINDOWS, NN, "object metric -> window in which it was read")
};

#define OF_ENTITY                                                                                                      \
    WORKSPACE(0) CONNECTION(0) PLATFORM                                                                                \
    ENUM("entity", NN, nilo_entity_kind_name, NILO_APP, "content, account or app")                                     \
    TEXT("external_id", NN, "its id on the platform")                                                                  \
    INT("window_days", NN, "0: all time so far; else days of a rolling window")                                        \
    DAY("day", NN, "the day, in the workspace's zone")                                                                 \
    TEXT("metric", NN, "the metric's name")                                                                            \
    METRIC_TYPE(HIDE)                                                                                                  \
    SCALED("value", 0, "null: see absence")                                                                            \
    ENUM("absence", 0, absence_reason, NILO_DROPPED, "why there is no value")                                          \
    PROVENANCE(NN)                                                                                                     \
    TIME("captured_at", NN, "when it was read at its source")                                                          \
    DAY("source_day", 0, "the day as the source named it")                                                             \
    TIME("recorded_at", NN, "when it was recorded here")                                                               \
    INT("run", NN, "number of the run that recorded it")                                                               \
    JSON("metadata", 0, "what came with the value")                                                                   \
    CONNECTION_ROLE
#define OF_RECORD                                                                                                      \
    ENUM("cause", NN, nilo_cause_name, NILO_CAUSE_REPLAYED, "base, late, restated, corrected, imported or replayed")   \
    INT("seq", NN, "0: the base; above: amendments in order")

static const struct nilo_column observations[] = {OF_ENTITY};
/* Of the item, the metric and the workspace, for an export of values that can be taken in again. */
static const struct nilo_column metric_values[] = {
    OF_ENTITY OF_RECORD
    MADE("owner", NILO_F_OWNERS, NN | HIDE, "array of the owners credited now; owner=eq.X matches any of them")
    TEXT("title", HIDE, "newest known title")
    TEXT("url", HIDE, "where it is")
    TIME("posted_at", HIDE, "when it was published")
    ENUM("metric_kind", NN | HIDE, nilo_metric_kind_name, NILO_PERIOD, "instant or period")
    ENUM("metric_aggregation", NN | HIDE, nilo_aggregation_name, NILO_FLOW, "level or flow")
    INT("metric_scale", NN | HIDE, "digits of the metric's fraction")
    TEXT("metric_unit", HIDE, "views, ms, percent, ...")
    TEXT("metric_currency", HIDE, "ISO 4217, for money")
    TEXT("workspace_zone", HIDE, "time zone of the workspace's days, the newest one set")
    DAY("dropped_until", HIDE, "last of the connection's days that were dropped; what is left of these stands for later ones")
    SCALED("best_value", HIDE, "all-time best of the item's metric, from every reading and window")
    INT("best_window_days", HIDE, "the window in which it was read")
    DAY("best_day", HIDE, "the day on which it was read")
    TIME("best_captured_at", HIDE, "when it was read")
    {.name = "best_gmv", .type = NILO_T_DECIMAL, .scale = 2, .flags = HIDE, .doc = "the GMV read beside it, by which the best of ctr, gpm and duration goes"},
};
static const struct nilo_column revisions[] = {
    OF_ENTITY OF_RECORD
    TEXT("author", 0, "who asked for it, where a person did")
    SCALED("previous", 0, "the value that was shown before")
};
static const struct nilo_column owners[] = {
    WORKSPACE(0)
    TEXT("owner", NN, "the owner's key")
    TEXT("display_name", 0, "for headings")
    TIME("created_at", NN, "when it was first named")
    JSON("metadata", HIDE, "further columns that an app gave")
};
static const struct nilo_column credits[] = {
    WORKSPACE(0)
    TEXT("owner", NN, "the owner's key")
    CONNECTION(0) PLATFORM
    TEXT("external_id", NN, "the item's id on its platform")
    TEXT("role", NN, "owner unless said otherwise")
    DAY("from_day", 0, "first day that counts; null: the whole history")
    DAY("to_day", 0, "last day that counts; null: open")
    TIME("recorded_at", NN, "when the credit was recorded")
    TIME("ended_at", 0, "when it was taken back; null: it holds")
    INT("credit", NN | HIDE, "number of the credit")
    JSON("metadata", HIDE, "further columns that an app gave")
};
static const struct nilo_column annotations[] = {
    WORKSPACE(0)
    TEXT("id", NN, "the note's own id; made where none is given")
    DAY("day", NN, "the day, or the first of several")
    DAY("to_day", NN, "the last day; the same as day for one")
    TEXT("text", NN, "what happened")
    TEXT("author", 0, "who says so")
    TEXT("connection", 0, "of a note on one item: its connection")
    TEXT("external_id", 0, "of a note on one item: its id on the platform")
    TIME("created_at", NN, "when it was first written")
    TIME("updated_at", NN, "when it was last changed")
};
static const struct nilo_column drops[] = {
    WORKSPACE(0) CONNECTION(0) PLATFORM
    DAY("from_day", NN, "first day that went")
    DAY("until_day", NN, "last day that went; nothing is recorded any more up to it")
    INT("values_dropped", NN, "values that these days held")
    TEXT("author", 0, "who asked for it; drop_days_after: the configuration")
    TIME("dropped_at", NN, "when they went")
    INT("act", NN | HIDE, "its place among the closings of days")
};
static const struct nilo_column owner_metrics[] = {
    WORKSPACE(0)
    TEXT("owner", NN, "the owner's key")
    TEXT("display_name", 0, "for headings")
    INT("items", NN, "items credited that were ever read: the m of n of m")
    MADE("known", NILO_F_KNOWN, NN, "object metric -> items with a value: the n of n of m")
    MADE("absence", NILO_F_ABSENCE, NN, "object metric -> why its total is null")
    {.name = "avg_engagement_rate", .type = NILO_T_DECIMAL, .scale = 6, .doc = "mean over the items that have one; 0 without items"},
    DAY("data_through", 0, "newest day on which any of the items was read")
};
static const struct nilo_column owner_daily[] = {
    WORKSPACE(0)
    TEXT("owner", NN, "the owner's key")
    DAY("day", NN, "a day on which something changed")
    INT("items", NN, "items that existed by then")
    INT("fresh", NN, "items that were read on that very day")
    MADE("known", NILO_F_KNOWN, NN, "object metric -> items with a value by then")
    MADE("absence", NILO_F_ABSENCE, NN, "object metric -> why its total is null")
};

#define COUNTER(n, d) INT(n, NN, d)
static const struct nilo_column runs[] = {
    INT("id", NN, "number of the run")
    WORKSPACE(0) CONNECTION(0) PLATFORM
    ENUM("kind", NN, nilo_run_kind_name, NILO_RUN_SEAL, "collect, import, push, backfill, revise, replay or seal")
    ENUM("status", NN, nilo_run_status_name, NILO_REJECTED, "running, completed, partial, failed, interrupted, quarantined or rejected")
    PROVENANCE(NN)
    BOOL("revise", NN, "was --revise given?")
    TEXT("slot", 0, "name of a scheduled run's slot")
    DAY("target_day", 0, "the day that was asked for")
    TIME("started_at", NN, "when it began")
    TIME("ended_at", 0, "when it ended; null while it runs")
    INT("duration_ms", 0, "how long it took")
    DAY("first_day", 0, "first day touched")
    DAY("last_day", 0, "last day touched")
    COUNTER("items", "items read") COUNTER("readings", "readings recorded")
    COUNTER("values_recorded", "first values of open days") COUNTER("values_replaced", "newer values of open days")
    COUNTER("values_kept", "kept as observations only") COUNTER("values_unchanged", "known already")
    COUNTER("values_merged", "second readings of the same instant") COUNTER("values_late", "first values of closed days")
    COUNTER("values_amended", "other values of closed days, taken") COUNTER("values_refused", "other values of closed days, not taken")
    COUNTER("failed", "items or metrics that could not be read") COUNTER("metrics_collected", "metrics with a value for the named day")
    COUNTER("days_closed", "days that it closed") COUNTER("compared", "cumulative values compared with the run before")
    COUNTER("fell", "of those, fallen") COUNTER("jumped", "of those, risen more than 100-fold") COUNTER("vanished", "items no longer listed")
    TEXT("error", 0, "what went wrong, in one sentence")
    JSON("details", 0, "notes of the run")
    TEXT("version", NN, "version of the program that ran")
};

#define WIDE_KEY KEY("day", "external_id", "window_days", "connection", "workspace")
#define CELL_KEY "day", "external_id", "metric", "metric_type", "window_days", "entity", "connection", "workspace"

const struct nilo_relation nilo_relations[] = {
    {.name = "annotations", .doc = "notes of people on days", COLUMNS(annotations), .key = KEY("day", "id", "workspace"), .min_role = NILO_ROLE_AUTHENTICATED},
    {.name = "connections", .doc = "where numbers come from", COLUMNS(connections), .key = KEY("workspace", "name"),
     .min_role = NILO_ROLE_AUTHENTICATED},
    {.name = "content", .doc = "items: posts, videos, products", COLUMNS(content), .key = KEY("external_id", "connection", "workspace"),
     .min_role = NILO_ROLE_AUTHENTICATED},
    {.name = "content_best", .doc = "the best known all-time value of each metric of an item, from every window", COLUMNS(content_best),
     .wide = NILO_WIDE_VALUES, .day = "day", .key = KEY("external_id", "connection", "workspace"), .min_role = NILO_ROLE_AUTHENTICATED, .covers = "content"},
    {.name = "content_events", .doc = "items that were found deleted, private or hidden, or live again", COLUMNS(content_events), .day = "day",
     .key = KEY("day", "external_id", "connection", "workspace", "number"), .min_role = NILO_ROLE_AUTHENTICATED},
    {.name = "content_latest", .doc = "the newest day of each item", COLUMNS(content_wide), .wide = NILO_WIDE_VALUES, .day = "day",
     .key = WIDE_KEY, .min_role = NILO_ROLE_AUTHENTICATED, .covers = "content"},
    {.name = "content_snapshots", .doc = "one row an item, day and window", COLUMNS(content_wide), .wide = NILO_WIDE_VALUES, .day = "day",
     .key = WIDE_KEY, .min_role = NILO_ROLE_AUTHENTICATED, .as_of = true, .days_of = "content_days", .covers = "content"},
    {.name = "content_windows", .doc = "the newest snapshot of each item and rolling window", COLUMNS(content_wide), .wide = NILO_WIDE_VALUES,
     .day = "day", .key = WIDE_KEY, .min_role = NILO_ROLE_AUTHENTICATED, .covers = "content"},
    {.name = "credits", .doc = "who is credited with which item", COLUMNS(credits), .key = KEY("owner", "external_id", "connection", "workspace", "credit"),
     .min_role = NILO_ROLE_AUTHENTICATED},
    {.name = "daily_metrics", .doc = "metrics of the app by day", COLUMNS(daily_metrics), .day = "metric_date",
     .key = KEY("metric_date", "metric_type", "metric_category", "workspace", "connection"), .min_role = NILO_ROLE_ANON, .as_of = true, .days_of = "app_days", .covers = "app"},
    {.name = "drops", .doc = "days that were dropped (retention): which, by whom and when", COLUMNS(drops),
     .key = KEY("until_day", "connection", "workspace"), .min_role = NILO_ROLE_AUTHENTICATED},
    {.name = "metric_collection_log", .doc = "collections and backfills", COLUMNS(metric_collection_log), .day = "collection_date",
     .key = KEY("started_at", "run", "workspace"), .min_role = NILO_ROLE_ADMIN},
    {.name = "metric_definitions", .doc = "every metric that is defined", COLUMNS(metric_definitions), .key = KEY("metric_type", "metric_category"),
     .min_role = NILO_ROLE_ANON},
    {.name = "metric_values", .doc = "one row a value that is shown, of anything", COLUMNS(metric_values), .day = "day", .key = KEY(CELL_KEY),
     .min_role = NILO_ROLE_AUTHENTICATED, .days_of = "any_days", .covers = ""},
    {.name = "observations", .doc = "every reading, as it came", COLUMNS(observations), .day = "day", .key = KEY(CELL_KEY, "captured_at", "run"),
     .min_role = NILO_ROLE_AUTHENTICATED, .covers = ""},
    {.name = "owner_daily", .doc = "an owner's sums by day", COLUMNS(owner_daily), .wide = NILO_WIDE_SUMS, .day = "day",
     .key = KEY("day", "owner", "workspace"), .min_role = NILO_ROLE_AUTHENTICATED, .as_of = true, .covers = "content"},
    {.name = "owner_metrics", .doc = "an owner's present totals", COLUMNS(owner_metrics), .wide = NILO_WIDE_SUMS, .key = KEY("owner", "workspace"),
     .min_role = NILO_ROLE_AUTHENTICATED},
    {.name = "owners", .doc = "people and creators that items are credited to", COLUMNS(owners), .key = KEY("owner", "workspace"),
     .min_role = NILO_ROLE_AUTHENTICATED},
    {.name = "revisions", .doc = "what was changed on closed days, and why", COLUMNS(revisions), .day = "day", .key = KEY(CELL_KEY, "seq"),
     .min_role = NILO_ROLE_AUTHENTICATED, .covers = ""},
    {.name = "runs", .doc = "every collection, import and push", COLUMNS(runs), .key = KEY("id"), .min_role = NILO_ROLE_ADMIN},
    {.name = "workspaces", .doc = "tenants", COLUMNS(workspaces), .key = KEY("name"), .min_role = NILO_ROLE_AUTHENTICATED},
};
const size_t nilo_relations_n = sizeof nilo_relations / sizeof nilo_relations[0];

const struct nilo_relation *nilo_relation_find(const char *name)
{
    for (size_t i = 0; i < nilo_relations_n; i++)
        if (strcmp(nilo_relations[i].name, name) == 0)
            return &nilo_relations[i];
    return NULL;
}

const char *nilo_type_name(enum nilo_type t)
{
    static const char *const names[] = {"text", "bigint", "numeric", "date", "timestamp with time zone", "jsonb", "boolean", "uuid"};
    return names[t];
}

/* ---- the columns of one request -------------------------------------------------------------------------------------------- */

/* Averages and percentages do not add up: sums have no column of them. A metric that is called as a column of the relation is reached
 * through metric_values only. */
static bool has_column(const struct nilo_relation *r, const struct nilo_metric *m)
{
    for (size_t i = 0; i < r->n_columns; i++)
        if (strcmp(r->columns[i].name, m->name) == 0)
            return false;
    return m->wide && (r->wide == NILO_WIDE_VALUES || (r->wide == NILO_WIDE_SUMS && m->type == NILO_COUNT));
}

static int metric_column(struct nilo_query *q, const struct nilo_metric *m, struct nilo_column *ret)
{
    struct nilo_metric *copy = nilo_arena_alloc(&q->arena, sizeof *copy);
    if (!copy)
        return -1;
    *copy = (struct nilo_metric){.id = m->id, .type = m->type, .kind = m->kind, .aggregation = m->aggregation, .scale = m->scale};
    copy->name = nilo_arena_strdup(&q->arena, m->name);
    *ret = (struct nilo_column){.name = copy->name,
                                .type = m->scale > 0 ? NILO_T_DECIMAL : NILO_T_INT,
                                .form = q->relation->wide == NILO_WIDE_SUMS ? NILO_F_SUM : NILO_F_METRIC,
                                .scale = m->scale,
                                .metric = copy};
    return copy->name ? 0 : -1;
}

struct seeing {
    const struct nilo_catalog *all;
    bool *seen; /* by metric */
    size_t n;
};

static int see(void *ctx, struct nilo_db_stmt *row, struct nilo_err *err)
{
    struct seeing *x = ctx;
    const struct nilo_metric *m = nilo_catalog_by_type(x->all, (enum nilo_metric_type)nilo_db_column_int(row, 0), nilo_db_column_text(row, 1));
    (void)err;
    if (m && !x->seen[m - x->all->metrics]) {
        x->seen[m - x->all->metrics] = true;
        x->n++;
    }
    return 0;
}

int nilo_query_catalog(struct nilo_store *s, const struct nilo_scope *seen, struct nilo_arena *arena, struct nilo_catalog *ret, struct nilo_err *err)
{
    struct seeing x = {.all = nilo_store_catalog(s)};
    struct nilo_call c = {.store = s, .scope = seen};
    *ret = *x.all;
    if (!seen || seen->all)
        return 0;
    if (!(x.seen = nilo_arena_array(arena, x.all->n + 1, sizeof *x.seen)))
        return nilo_err_nomem(err);
    if (nilo__rows(&c, "metric_definitions", "t.\"metric_type\", t.\"metric_category\"", "", 0, NULL, see, &x, err) < 0)
        return -1;
    struct nilo_metric *metrics = nilo_arena_array(arena, x.n + 1, sizeof *metrics);
    if (!metrics)
        return nilo_err_nomem(err);
    ret->metrics = metrics;
    ret->n = 0;
    for (size_t i = 0; i < x.all->n; i++)
        if (x.seen[i])
            metrics[ret->n++] = x.all->metrics[i];
    return 0;
}

int nilo__columns_of(struct nilo_query *q, struct nilo_store *s, struct nilo_err *err)
{
    struct nilo_catalog catalog;
    const struct nilo_relation *r = q->relation;
    q->columns = r->columns;
    q->n_columns = r->n_columns;
    if (r->wide == NILO_WIDE_NO)
        return 0;
    if (nilo_query_catalog(s, q->request.seen, &q->arena, &catalog, err) < 0)
        return -1;
    struct nilo_column *all = nilo_arena_array(&q->arena, r->n_columns + catalog.n, sizeof *all);
    if (!all)
        return nilo_err_nomem(err);
    memcpy(all, r->columns, r->n_columns * sizeof *all);
    for (size_t i = 0; i < catalog.n; i++)
        if (has_column(r, &catalog.metrics[i]) && metric_column(q, &catalog.metrics[i], &all[q->n_columns++]) < 0)
            return nilo_err_nomem(err);
    q->columns = all;
    return 0;
}

const struct nilo_column *nilo__column_find(const struct nilo_query *q, const char *name, size_t len)
{
    for (size_t i = 0; i < q->n_columns; i++)
        if (strlen(q->columns[i].name) == len && memcmp(q->columns[i].name, name, len) == 0)
            return &q->columns[i];
    return NULL;
}

/* ---- names that nearly fit --------------------------------------------------------------------------------------------------- */

#define NEAR_MOST 63

/* Letters to change, add, drop or swap with their neighbour (optimal string alignment). */
static size_t distance(const char *a, size_t n, const char *b, size_t m)
{
    size_t d[NEAR_MOST + 1][NEAR_MOST + 1];
    for (size_t i = 0; i <= n; i++)
        d[i][0] = i;
    for (size_t j = 0; j <= m; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= n; i++)
        for (size_t j = 1; j <= m; j++) {
            size_t v = d[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            if (d[i - 1][j] + 1 < v)
                v = d[i - 1][j] + 1;
            if (d[i][j - 1] + 1 < v)
                v = d[i][j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && d[i - 2][j - 2] + 1 < v)
                v = d[i - 2][j - 2] + 1;
            d[i][j] = v;
        }
    return d[n][m];
}

void nilo__near_try(struct nilo__near *n, const char *candidate)
{
    size_t len = strlen(candidate), longer = len > n->len ? len : n->len;
    if (n->len == 0 || longer > NEAR_MOST)
        return;
    size_t far = distance(n->name, n->len, candidate, len);
    if (4 * far <= longer && (!n->best || far < n->best_distance)) {
        n->best = candidate;
        n->best_distance = far;
    }
}
