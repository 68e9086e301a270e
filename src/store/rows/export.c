/* The record as rows, table by table: what an export holds. One list says which tables and columns there are, in the order in which
 * load.c can put them back; tests compare it with the schema, so that no table is forgotten. */
#include <string.h>

#include "store/rows/rows.h"

#define I(name) {name, NILO_WHOLE_INT, false, NILO__NO_IDS}
#define I0(name) {name, NILO_WHOLE_INT, true, NILO__NO_IDS}
#define T(name) {name, NILO_WHOLE_TEXT, false, NILO__NO_IDS}
#define T0(name) {name, NILO_WHOLE_TEXT, true, NILO__NO_IDS}
#define B(name) {name, NILO_WHOLE_BYTES, false, NILO__NO_IDS}
#define ID(name, ids) {name, NILO_WHOLE_INT, false, ids}
#define ID0(name, ids) {name, NILO_WHOLE_INT, true, ids}

static const struct nilo_whole_column meta[] = {T("key"), T("value")};
static const struct nilo_whole_column id_seq[] = {T("name"), I("next")};
static const struct nilo_whole_column metric[] = {
    ID("id", NILO__METRICS), T("name"), I("type"), I("kind"), I("aggregation"), I("scale"), I("best_rule"), I("wide"), I("builtin"),
    I("is_active"), T0("currency"), T0("unit"), T0("display_name"), T0("description"), T0("format_pattern"), I("created_at"), I0("changed_at")};
static const struct nilo_whole_column workspace[] = {ID("id", NILO__WORKSPACES), T("name"), T("origin"), I("created_at")};
static const struct nilo_whole_column workspace_zone[] = {ID("workspace_id", NILO__WORKSPACES), I("from_day"), T("zone"), I("recorded_at")};
static const struct nilo_whole_column connection[] = {
    ID("id", NILO__CONNECTIONS), ID("workspace_id", NILO__WORKSPACES), T("name"), T("platform"), T("role"), T("status"), T("origin"),
    I("closed_until"), I("read_until"), I0("settle_s"), I("created_at"), I0("erased_at"), I("dropped_until")};
static const struct nilo_whole_column connection_pause[] = {ID("connection_id", NILO__CONNECTIONS), I("paused_at"), I0("resumed_at"), T0("reason")};
static const struct nilo_whole_column connection_status[] = {ID("connection_id", NILO__CONNECTIONS), I("seq"), I("at"), T("status"), T("was"), T0("reason")};
static const struct nilo_whole_column owner[] = {ID("id", NILO__OWNERS), ID("workspace_id", NILO__WORKSPACES), I("bucket"), T("key"),
                                                 T0("display_name"), I("created_at"), I0("erased_at"), T0("extra"), I0("changed_at")};
static const struct nilo_whole_column entity[] = {
    I("bucket"), ID("id", NILO__ITEMS), ID("workspace_id", NILO__WORKSPACES), ID("connection_id", NILO__CONNECTIONS), I("kind"),
    T("external_id"), B("key128"), B("salt"), I("first_seen_at"), I0("erased_at")};
static const struct nilo_whole_column content[] = {
    I("bucket"), ID("entity_id", NILO__ITEMS), T0("title"), T0("url"), I0("posted_at"), T0("media_type"), T0("caption"), I0("duration_ms"),
    T0("thumbnail"), T0("tags"), T0("status"), I0("deleted_at"), I("attrs_at")};
static const struct nilo_whole_column content_event[] = {I("bucket"), ID("entity_id", NILO__ITEMS), ID("id", NILO__EVENTS), I("day"), I("at"), I("event"), I("was"),
                                                         T0("status"), I("recorded_at")};
static const struct nilo_whole_column credit[] = {
    I("bucket"), ID("entity_id", NILO__ITEMS), ID("id", NILO__CREDITS), ID("workspace_id", NILO__WORKSPACES), ID("owner_id", NILO__OWNERS),
    T("role"), I("from_day"), I("to_day"), I("recorded_at"), I0("ended_at"), T0("extra"), I0("changed_at")};
static const struct nilo_whole_column hidden_row[] = {I("bucket"), ID("entity_id", NILO__ITEMS), I("win"), I("day"), I("hidden_at")};
static const struct nilo_whole_column posted_run[] = {I("bucket"), ID("entity_id", NILO__ITEMS), I("win"), I("day"), T("run"), I("number")};
static const struct nilo_whole_column annotation[] = {
    I("bucket"), ID("workspace_id", NILO__WORKSPACES), T("id"), I("from_day"), I("to_day"), T("text"), T0("author"), ID0("entity_id", NILO__ITEMS),
    I("created_at"), I("updated_at")};
static const struct nilo_whole_column run[] = {
    ID("id", NILO__RUNS), ID("workspace_id", NILO__WORKSPACES), ID("connection_id", NILO__CONNECTIONS), I("kind"), I("status"),
    I("provenance"), I("revise"), T0("slot"), I0("target_day"), I("started_at"), I0("ended_at"), I0("duration_ms"), I0("first_day"),
    I0("last_day"), I("items"), I("readings"), I("values_recorded"), I("values_replaced"), I("values_kept"), I("values_unchanged"),
    I("values_merged"), I("values_late"), I("values_amended"), I("values_refused"), I("failed"), I("metrics_collected"), I("days_closed"),
    I("compared"), I("fell"), I("jumped"), I("vanished"), T0("error"), T0("details"), T("version")};
static const struct nilo_whole_column run_failure[] = {ID("run_id", NILO__RUNS), I("n"), T0("external_id"), T("class"), T("message")};
static const struct nilo_whole_column observation[] = {
    I("bucket"), ID("entity_id", NILO__ITEMS), I("win"), I("day"), I("captured_at"), ID("metric_id", NILO__METRICS), ID("run_id", NILO__RUNS),
    I0("source_day"), I0("value"), I("absence"), I("provenance"), I("rank"), I("recorded_at"), T0("meta")};
static const struct nilo_whole_column day_value[] = {
    I("bucket"), ID("entity_id", NILO__ITEMS), I("win"), I("day"), ID("metric_id", NILO__METRICS), I("seq"), I0("value"), I("absence"),
    I("provenance"), I("rank"), I("cause"), ID("run_id", NILO__RUNS), I("captured_at"), I0("source_day"), I("recorded_at"), T0("author"),
    T0("meta")};
static const struct nilo_whole_column day_close[] = {
    ID("connection_id", NILO__CONNECTIONS), I("day"), ID("n", NILO__CLOSES), T("status"), I("values_n"), ID0("run_id", NILO__RUNS),
    I("closed_at")};

static const struct nilo_whole_column erase_key[] = {ID("workspace_id", NILO__WORKSPACES), B("key")};
static const struct nilo_whole_column erasure[] = {ID("id", NILO__ERASURES), ID("workspace_id", NILO__WORKSPACES), T("kind"), I("items"),
                                                   I("owners"), I("messages"), T0("author"), I("erased_at")};
static const struct nilo_whole_column erased[] = {ID("workspace_id", NILO__WORKSPACES), B("hash"), ID("erasure_id", NILO__ERASURES)};
static const struct nilo_whole_column thinning[] = {ID("id", NILO__THINNINGS), ID("connection_id", NILO__CONNECTIONS), I("from_day"),
                                                    I("until_day"), I("removed"), T0("author"), I("thinned_at")};

static const struct nilo_whole_column day_drop[] = {ID("connection_id", NILO__CONNECTIONS), I("until_day"), I("from_day"), ID("n", NILO__CLOSES),
                                                    I("values_n"), T0("author"), I("dropped_at")};
static const struct nilo_whole_column best_floor[] = {
    I("bucket"), ID("entity_id", NILO__ITEMS), ID("metric_id", NILO__METRICS), I("value"), I0("gmv"), I("win"), I("day"), I("captured_at"),
    ID("run_id", NILO__RUNS)};
static const struct nilo_whole_column best_import[] = {
    I("bucket"), ID("entity_id", NILO__ITEMS), ID("metric_id", NILO__METRICS), I("win"), I("day"), I("captured_at"), ID("run_id", NILO__RUNS),
    I("value"), I0("gmv")};
#define CARRIED(ids)                                                                                                   \
    {I("scope_kind"), ID("scope_id", ids), I("win"), ID0("metric_id", NILO__METRICS) /* 0: the count of items */, I("day"), ID("workspace_id", NILO__WORKSPACES), I("hi"), I("lo"), \
     I("known"), I("fresh")}
static const struct nilo_whole_column carried_workspace[] = CARRIED(NILO__WORKSPACES);
static const struct nilo_whole_column carried_connection[] = CARRIED(NILO__CONNECTIONS);
static const struct nilo_whole_column carried_owner[] = CARRIED(NILO__OWNERS);

#define TABLE(name_, columns_, key, sql, where_, reach_, days_)                                                        \
    {.name = name_, .columns = columns_, .n_columns = sizeof columns_ / sizeof columns_[0], .n_key = key, .table = sql, .where = where_, \
     .reach = reach_, .days = days_}
#define DROPPED(name_, columns_, key, sql, where_, reach_)                                                             \
    {.name = name_, .columns = columns_, .n_columns = sizeof columns_ / sizeof columns_[0], .n_key = key, .table = sql, .where = where_, \
     .reach = reach_, .all_days = true}

/* Secrets (connection_secret), what goes with them (connection_key, connection_login), who is let in (api_*) and what collecting has to do next are no part of an export; what is derived is not either.
 * Bases stand before the days are closed and amendments behind: the triggers see a day as open, then closed. */
const struct nilo_whole_table nilo_whole_tables[] = {
    TABLE("meta", meta, 1, "meta", "t.key <> 'uuid'", NILO__REACH_STORE, false),
    TABLE("id_seq", id_seq, 1, "id_seq", NULL, NILO__REACH_STORE, false),
    TABLE("metric", metric, 1, "metric", NULL, NILO__REACH_ALL, false),
    TABLE("workspace", workspace, 1, "workspace", NULL, NILO__REACH_SELF, false),
    TABLE("workspace_zone", workspace_zone, 2, "workspace_zone", NULL, NILO__REACH_WORKSPACE, false),
    TABLE("connection", connection, 1, "connection", NULL, NILO__REACH_WORKSPACE, false),
    TABLE("connection_pause", connection_pause, 2, "connection_pause", NULL, NILO__REACH_CONNECTION, false),
    TABLE("connection_status", connection_status, 2, "connection_status", NULL, NILO__REACH_CONNECTION, false),
    TABLE("erase_key", erase_key, 1, "erase_key", NULL, NILO__REACH_WORKSPACE, false),
    TABLE("erasure", erasure, 1, "erasure", NULL, NILO__REACH_WORKSPACE, false),
    TABLE("erased", erased, 2, "erased", NULL, NILO__REACH_WORKSPACE, false),
    TABLE("thinning", thinning, 1, "thinning", NULL, NILO__REACH_CONNECTION, false),
    TABLE("owner", owner, 1, "owner", NULL, NILO__REACH_WORKSPACE, false),
    TABLE("entity", entity, 2, "entity", NULL, NILO__REACH_WORKSPACE, false),
    TABLE("content", content, 2, "content", NULL, NILO__REACH_ITEM, false),
    TABLE("content_event", content_event, 3, "content_event", NULL, NILO__REACH_ITEM, true),
    TABLE("credit", credit, 3, "credit", NULL, NILO__REACH_WORKSPACE, false),
    TABLE("hidden_row", hidden_row, 4, "hidden_row", NULL, NILO__REACH_ITEM, true),
    TABLE("posted_run", posted_run, 4, "posted_run", NULL, NILO__REACH_ITEM, true),
    TABLE("annotation", annotation, 3, "annotation", NULL, NILO__REACH_WORKSPACE, false),
    TABLE("run", run, 1, "run", NULL, NILO__REACH_WORKSPACE, false),
    TABLE("run_failure", run_failure, 2, "run_failure", NULL, NILO__REACH_RUN, false),
    TABLE("observation", observation, 7, "observation", NULL, NILO__REACH_ITEM, true),
    TABLE("base", day_value, 6, "day_value", "t.seq = 0", NILO__REACH_ITEM, true),
    TABLE("day_close", day_close, 2, "day_close", NULL, NILO__REACH_CONNECTION, true),
    TABLE("amendment", day_value, 6, "day_value", "t.seq > 0", NILO__REACH_ITEM, true),
    TABLE("best_import", best_import, 7, "best_import", NULL, NILO__REACH_ITEM, true),
    /* the acts behind what they would keep out, and what only an act may write behind them */
    DROPPED("day_drop", day_drop, 2, "day_drop", NULL, NILO__REACH_CONNECTION),
    DROPPED("best_floor", best_floor, 3, "best_floor", NULL, NILO__REACH_ITEM),
    DROPPED("carried_workspace", carried_workspace, 5, "carried_total", "t.scope_kind = 0", NILO__REACH_WORKSPACE),
    DROPPED("carried_connection", carried_connection, 5, "carried_total", "t.scope_kind = 1", NILO__REACH_WORKSPACE),
    DROPPED("carried_owner", carried_owner, 5, "carried_total", "t.scope_kind = 2", NILO__REACH_WORKSPACE),
};
const size_t nilo_whole_tables_n = sizeof nilo_whole_tables / sizeof nilo_whole_tables[0];
_Static_assert(sizeof run / sizeof run[0] <= NILO_WHOLE_COLUMNS_MAX, "the widest table");

int nilo_whole_table(const char *name)
{
    for (size_t i = 0; i < nilo_whole_tables_n; i++)
        if (strcmp(nilo_whole_tables[i].name, name) == 0)
            return (int)i;
    return -1;
}

int nilo_whole_column(size_t table, const char *name)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[table];
    for (size_t i = 0; i < t->n_columns; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* ---- the statement of a table ------------------------------------------------------------------------------------------------------ */

struct statement {
    struct nilo_buf sql;
    struct nilo_db_value params[3];
    int n;
    bool where;
};

static int param(struct statement *st, int64_t v)
{
    st->params[st->n++] = NILO_DBV_INT(v);
    return st->n;
}

static void condition(struct statement *st)
{
    nilo_buf_adds(&st->sql, st->where ? " AND " : " WHERE ");
    st->where = true;
}

/* The rows of one workspace. CROSS JOIN and the + keep SQLite on the order of the keys: it need not sort what is as large as the store. */
static void scoped(struct statement *st, const struct nilo_whole_table *t, int64_t id)
{
    int p = param(st, id);
    st->where = true;
    switch ((enum nilo__reach)t->reach) {
    case NILO__REACH_SELF:
        nilo_buf_addf(&st->sql, "%s t WHERE t.id = ?%d", t->table, p);
        break;
    case NILO__REACH_ITEM:
        nilo_buf_addf(&st->sql, "entity e CROSS JOIN %s t WHERE t.bucket = e.bucket AND t.entity_id = e.id AND +e.workspace_id = ?%d", t->table, p);
        break;
    case NILO__REACH_RUN:
        nilo_buf_addf(&st->sql, "run r CROSS JOIN %s t WHERE t.run_id = r.id AND r.workspace_id = ?%d", t->table, p);
        break;
    case NILO__REACH_CONNECTION:
        nilo_buf_addf(&st->sql, "connection c CROSS JOIN %s t WHERE t.connection_id = c.id AND c.workspace_id = ?%d", t->table, p);
        break;
    default:
        nilo_buf_addf(&st->sql, "%s t WHERE +t.workspace_id = ?%d", t->table, p);
        break;
    }
}

static bool part_of_days(const struct nilo_whole_want *want) { return !nilo_day_is_none(want->from) || !nilo_day_is_none(want->to); }

static void rows_of(struct statement *st, const struct nilo_whole_table *t, const struct nilo_whole_want *want)
{
    nilo_buf_adds(&st->sql, " FROM ");
    if (want->workspace != 0 && t->reach != NILO__REACH_ALL)
        scoped(st, t, want->workspace);
    else
        nilo_buf_addf(&st->sql, "%s t", t->table);
    if (t->where) {
        condition(st);
        nilo_buf_adds(&st->sql, t->where);
    }
    if (t->days && part_of_days(want)) {
        condition(st);
        nilo_buf_adds(&st->sql, t->reach == NILO__REACH_ITEM
                                    ? "t.day > (SELECT dc.dropped_until FROM entity de JOIN connection dc ON dc.id = de.connection_id "
                                      "WHERE de.bucket = t.bucket AND de.id = t.entity_id)"
                                    : "t.day > (SELECT dc.dropped_until FROM connection dc WHERE dc.id = t.connection_id)");
    }
    if (t->days && !nilo_day_is_none(want->from)) {
        condition(st);
        nilo_buf_addf(&st->sql, "t.day >= ?%d", param(st, want->from.n));
    }
    if (t->days && !nilo_day_is_none(want->to)) {
        condition(st);
        nilo_buf_addf(&st->sql, "t.day <= ?%d", param(st, want->to.n));
    }
}

static void in_order(struct statement *st, const struct nilo_whole_table *t, const struct nilo_whole_want *want, bool postgres)
{
    bool items = want->workspace != 0 && t->reach == NILO__REACH_ITEM;
    nilo_buf_adds(&st->sql, " ORDER BY ");
    for (size_t i = 0; i < t->n_key; i++) {
        const char *name = t->columns[i].name;
        nilo_buf_adds(&st->sql, i ? ", " : "");
        if (items && i < 2)
            nilo_buf_adds(&st->sql, i ? "e.id" : "e.bucket");
        else
            nilo_buf_addf(&st->sql, "t.%s", name);
        if (postgres && t->columns[i].type == NILO_WHOLE_TEXT)
            nilo_buf_adds(&st->sql, " COLLATE \"C\"");
    }
}

static int start(struct nilo_store *s, struct statement *st, struct nilo_db_stmt **ret, struct nilo_err *err)
{
    int rc = st->sql.failed ? nilo_err_nomem(err) : nilo__query(s, ret, err, nilo_buf_str(&st->sql), st->n, st->params);
    nilo_buf_done(&st->sql);
    return rc;
}

static int count(struct nilo_store *s, const struct nilo_whole_table *t, const struct nilo_whole_want *want, int64_t *ret, struct nilo_err *err)
{
    struct statement st = {.n = 0};
    struct nilo_db_stmt *stmt;
    nilo_buf_init(&st.sql, 8192);
    nilo_buf_adds(&st.sql, "SELECT count(*)");
    rows_of(&st, t, want);
    if (start(s, &st, &stmt, err) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1)
        *ret = nilo_db_column_int(stmt, 0);
    nilo_db_reset(stmt);
    return got < 0 ? -1 : 0;
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------------- */

static struct nilo_whole_cell cell_of(struct nilo_db_stmt *stmt, int i)
{
    struct nilo_db_value v = nilo_db_column(stmt, i);
    return (struct nilo_whole_cell){.null = v.type == NILO_DB_NULL, .i = v.type == NILO_DB_INT ? v.i : 0, .p = v.p, .len = v.len};
}

/* A run that is being written ends, in the copy, where the snapshot was taken. */
static void end_run(size_t table, struct nilo_whole_cell *cells)
{
    static const char said[] = "the copy was taken in the middle of this run; it has what was committed by then";
    struct nilo_whole_cell *status = &cells[nilo_whole_column(table, "status")], *error = &cells[nilo_whole_column(table, "error")];
    if (status->i != NILO_RUNNING)
        return;
    status->i = NILO_INTERRUPTED;
    *error = (struct nilo_whole_cell){.p = said, .len = sizeof said - 1};
}

/* Nothing behind the last day is in the copy, so nothing there is closed in it. What was dropped is not in a copy of some days at all. */
static void end_days(size_t table, struct nilo_whole_cell *cells, nilo_day to)
{
    struct nilo_whole_cell *dropped = &cells[nilo_whole_column(table, "dropped_until")];
    struct nilo_whole_cell *closed = &cells[nilo_whole_column(table, "closed_until")], *read = &cells[nilo_whole_column(table, "read_until")];
    if (!nilo_day_is_none(to) && closed->i > to.n)
        closed->i = to.n;
    if (!nilo_day_is_none(to) && read->i > to.n)
        read->i = to.n;
    if (closed->i <= dropped->i)
        closed->i = NILO_DAY_NONE.n;
    dropped->i = NILO_DAY_NONE.n;
}

static int rows(struct nilo_store *s, size_t table, const struct nilo_whole_want *want, const struct nilo_whole_sink *sink, struct nilo_err *err)
{
    const struct nilo_whole_table *t = &nilo_whole_tables[table];
    struct nilo_whole_cell cells[NILO_WHOLE_COLUMNS_MAX];
    struct statement st = {.n = 0};
    struct nilo_db_stmt *stmt;
    bool is_run = strcmp(t->name, "run") == 0, is_connection = strcmp(t->name, "connection") == 0;
    int got;
    nilo_buf_init(&st.sql, 8192);
    for (size_t i = 0; i < t->n_columns; i++)
        nilo_buf_addf(&st.sql, "%st.%s", i ? ", " : "SELECT ", t->columns[i].name);
    rows_of(&st, t, want);
    in_order(&st, t, want, nilo_db_engine(s->db) == NILO_DB_POSTGRES);
    if (start(s, &st, &stmt, err) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        for (size_t i = 0; i < t->n_columns; i++)
            cells[i] = cell_of(stmt, (int)i);
        if (is_run)
            end_run(table, cells);
        if (is_connection && part_of_days(want))
            end_days(table, cells, want->to);
        if (sink->row(sink->ctx, table, cells, err) != 0) {
            nilo_db_reset(stmt);
            return -1;
        }
    }
    return got;
}

static bool taken(const struct nilo_whole_table *t, const struct nilo_whole_want *want)
{
    return (t->reach != NILO__REACH_STORE || want->workspace == 0) && !(t->all_days && part_of_days(want));
}

static int export_in(struct nilo_store *s, const struct nilo_whole_want *want, const struct nilo_whole_sink *sink, struct nilo_err *err)
{
    int64_t counts[sizeof nilo_whole_tables / sizeof nilo_whole_tables[0]] = {0};
    for (size_t i = 0; i < nilo_whole_tables_n; i++)
        if (taken(&nilo_whole_tables[i], want) && count(s, &nilo_whole_tables[i], want, &counts[i], err) < 0)
            return -1;
    if (sink->begin(sink->ctx, counts, err) != 0)
        return -1;
    for (size_t i = 0; i < nilo_whole_tables_n; i++)
        if (taken(&nilo_whole_tables[i], want) && rows(s, i, want, sink, err) < 0)
            return -1;
    return 0;
}

int nilo_store_export(struct nilo_store *s, const struct nilo_whole_want *want, const struct nilo_whole_sink *sink, struct nilo_err *err)
{
    if (nilo_store_begin(s, err) < 0)
        return -1;
    int rc = export_in(s, want, sink, err);
    nilo_store_rollback(s);
    return rc;
}
