/* The small tables: workspaces with their calendars, connections, the catalogue of metrics. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/names.h"
#include "store/rows/rows.h"

struct nilo__calendar_entry {
    int64_t workspace;
    struct nilo_calendar calendar;
};

static void free_calendar(struct nilo__calendar_entry *e)
{
    for (size_t k = 0; k < e->calendar.n; k++)
        nilo_zone_free((struct nilo_zone *)(uintptr_t)e->calendar.eras[k].zone);
    free(e->calendar.eras);
    free(e);
}

static void free_calendars(struct nilo_store *s)
{
    for (size_t i = 0; i < s->n_calendars; i++)
        free_calendar(s->calendars[i]);
    free(s->calendars);
    s->calendars = NULL;
    s->n_calendars = 0;
}

static void forget_catalog(struct nilo_store *s)
{
    nilo_arena_reset(&s->catalog_arena);
    s->catalog = (struct nilo_catalog){0};
    s->catalog_loaded = false;
}

/* What was handed out stays good until the handle is closed. */
struct nilo__retired {
    struct nilo_arena catalog_arena;
    struct nilo__calendar_entry **calendars;
    size_t n_calendars;
    struct nilo__retired *next;
};

bool nilo__retire(struct nilo_store *s)
{
    struct nilo__retired *r = malloc(sizeof *r);
    if (!r)
        return false;
    *r = (struct nilo__retired){s->catalog_arena, s->calendars, s->n_calendars, s->retired};
    s->retired = r;
    nilo_arena_init(&s->catalog_arena, 0);
    s->catalog = (struct nilo_catalog){0};
    s->catalog_loaded = false;
    s->calendars = NULL;
    s->n_calendars = 0;
    nilo__erased_forget(s);
    return true;
}

void nilo__retired_free(struct nilo_store *s)
{
    while (s->retired) {
        struct nilo__retired *r = s->retired;
        s->retired = r->next;
        for (size_t i = 0; i < r->n_calendars; i++)
            free_calendar(r->calendars[i]);
        free(r->calendars);
        nilo_arena_done(&r->catalog_arena);
        free(r);
    }
}

void nilo__transaction_over(struct nilo_store *s, bool committed)
{
    if (!committed) {
        nilo__erased_forget(s);
        memset(s->used, 0, sizeof s->used);
    }
    if (!committed && s->cached_within)
        nilo__retire(s);
    if (committed && s->left_told)
        s->n_left_open = 0;
    s->within = s->cached_within = s->left_told = false;
}

void nilo__forget(struct nilo_store *s)
{
    nilo__erased_forget(s);
    free_calendars(s);
    forget_catalog(s);
}


static void copy_name(char *to, size_t size, const char *from)
{
    size_t n = from ? strlen(from) : 0;
    if (n >= size)
        n = size - 1; /* never reached: names are checked on their way in */
    if (n)
        memcpy(to, from, n);
    to[n] = '\0';
}

static int check_name(const char *what, const char *name, struct nilo_err *err)
{
    return nilo_name_ok(name, 200) ? 0
                                   : nilo_err_set(err, NILO_EINVAL, "%s needs a name of 1 to 200 bytes of UTF-8 without control characters", what);
}

/* ---- workspaces -------------------------------------------------------------------------------------------------------------- */

static int check_zone(struct nilo_store *s, const char *zone, struct nilo_err *err)
{
    struct nilo_zone *z;
    if (nilo_zone_load(s->env.zoneinfo, zone, &z, err) < 0)
        return -1;
    nilo_zone_free(z);
    return 0;
}

static int workspace_insert(struct nilo_store *s, const char *name, const char *zone, int64_t *ret_id, struct nilo_err *err)
{
    nilo_us now = nilo__now(s);
    if (nilo__next_ids(s, "workspace", 1, ret_id, err) < 0 ||
        nilo__run(s, err, "INSERT INTO workspace (id, name, created_at) VALUES (?1, ?2, ?3)",
                  NILO__PARAMS(NILO_DBV_INT(*ret_id), NILO_DBV_TEXT(name), NILO_DBV_INT(now))) < 0)
        return -1;
    return nilo__run(s, err, "INSERT INTO workspace_zone (workspace_id, from_day, zone, recorded_at) VALUES (?1, ?2, ?3, ?4)",
                     NILO__PARAMS(NILO_DBV_INT(*ret_id), NILO_DBV_INT(NILO_DAY_MIN.n), NILO_DBV_TEXT(zone), NILO_DBV_INT(now)));
}

/* With its zone in one transaction: a workspace without one could never be used. */
static int workspace_create(struct nilo_store *s, const char *name, const char *zone, int64_t *ret_id, struct nilo_err *err)
{
    if (check_name("a workspace", name, err) < 0 || check_zone(s, zone, err) < 0)
        return -1;
    if (nilo_db_in_transaction(s->db))
        return workspace_insert(s, name, zone, ret_id, err);
    if (nilo_store_begin(s, err) < 0)
        return -1;
    if (workspace_insert(s, name, zone, ret_id, err) < 0) {
        nilo_store_rollback(s);
        return -1;
    }
    return nilo_store_commit(s, err);
}

static int no_workspace(struct nilo_store *s, const char *name, struct nilo_err *err)
{
    struct nilo_workspace *all;
    size_t n;
    if (nilo_store_workspaces(s, &all, &n, err) < 0)
        return -1;
    struct nilo_buf known;
    nilo_buf_init(&known, 400);
    for (size_t i = 0; i < n; i++)
        nilo_buf_addf(&known, "%s%s", i ? ", " : "", all[i].name);
    nilo_err_set(err, NILO_ENOENT, "there is no workspace \"%s\"; known: %s", name,
                 n == 0 ? "none yet" : known.failed ? "(many)" : nilo_buf_str(&known));
    nilo_buf_done(&known);
    free(all);
    return -1;
}

int nilo_store_workspace(struct nilo_store *s, const char *name, bool create, const char *zone, struct nilo_workspace *ret,
                         struct nilo_err *err)
{
    struct nilo_workspace w = {0};
    if (nilo__query_int(s, 0, &w.id, err, nilo__every(s, "SELECT id FROM workspace WHERE name = ?1", "SELECT id FROM every_workspace WHERE name = ?1"),
                        NILO__PARAMS(NILO_DBV_TEXT(name))) < 0)
        return -1;
    if (!w.id && !create)
        return no_workspace(s, name, err);
    if (!w.id && workspace_create(s, name, zone ? zone : "UTC", &w.id, err) < 0)
        return -1;
    copy_name(w.name, sizeof w.name, name);
    *ret = w;
    return 0;
}

int nilo_store_workspaces(struct nilo_store *s, struct nilo_workspace **ret, size_t *ret_n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo_workspace *all = NULL;
    size_t n = 0, cap = 0;
    int got;
    if (nilo__query(s, &stmt, err, nilo__every(s, "SELECT id, name FROM workspace ORDER BY id", "SELECT id, name FROM every_workspace ORDER BY id"), 0, NULL) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (n == cap) {
            cap = cap ? 2 * cap : 8;
            struct nilo_workspace *more = realloc(all, cap * sizeof *all);
            if (!more) {
                nilo_db_reset(stmt);
                free(all);
                return nilo_err_nomem(err);
            }
            all = more;
        }
        all[n].id = nilo_db_column_int(stmt, 0);
        copy_name(all[n].name, sizeof all[n].name, nilo_db_column_text(stmt, 1));
        n++;
    }
    if (got < 0) {
        free(all);
        return -1;
    }
    *ret = all;
    *ret_n = n;
    return 0;
}

static int load_eras(struct nilo_store *s, int64_t workspace, struct nilo_calendar *c, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__query(s, &stmt, err, nilo__every(s, "SELECT from_day, zone FROM workspace_zone WHERE workspace_id = ?1 ORDER BY from_day",
                                           "SELECT from_day, zone FROM every_workspace_zone WHERE workspace_id = ?1 ORDER BY from_day"),
                    NILO__PARAMS(NILO_DBV_INT(workspace))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        struct nilo_zone *z;
        struct nilo_era *more = realloc(c->eras, (c->n + 1) * sizeof *more);
        if (!more) {
            nilo_err_nomem(err);
            break;
        }
        c->eras = more;
        if (nilo_zone_load(s->env.zoneinfo, nilo_db_column_text(stmt, 1), &z, err) < 0)
            break;
        c->eras[c->n].from_day = NILO_DAY((int32_t)nilo_db_column_int(stmt, 0));
        c->eras[c->n].zone = z;
        c->n++;
    }
    nilo_db_reset(stmt);
    if (got != 0)
        return -1;
    return c->n ? 0 : nilo_err_set(err, NILO_ENOENT, "there is no workspace with id %lld", (long long)workspace);
}

int nilo_store_calendar(struct nilo_store *s, int64_t workspace, const struct nilo_calendar **ret, struct nilo_err *err)
{
    for (size_t i = 0; i < s->n_calendars; i++)
        if (s->calendars[i]->workspace == workspace) {
            *ret = &s->calendars[i]->calendar;
            return 0;
        }
    struct nilo__calendar_entry **more = realloc(s->calendars, (s->n_calendars + 1) * sizeof *more), *e;
    if (!more)
        return nilo_err_nomem(err);
    s->calendars = more;
    if (!(e = calloc(1, sizeof *e)))
        return nilo_err_nomem(err);
    e->workspace = workspace;
    if (load_eras(s, workspace, &e->calendar, err) < 0) {
        free_calendar(e);
        return -1;
    }
    s->calendars[s->n_calendars++] = e;
    s->cached_within |= s->within;
    *ret = &e->calendar;
    return 0;
}

int nilo_store_zone_set(struct nilo_store *s, int64_t workspace, const char *zone, nilo_day *ret_from, struct nilo_err *err)
{
    const struct nilo_calendar *c;
    struct nilo_zone *z;
    int64_t recorded;
    if (nilo_store_calendar(s, workspace, &c, err) < 0 || nilo_zone_load(s->env.zoneinfo, zone, &z, err) < 0)
        return -1;
    nilo_us now = nilo__now(s);
    nilo_day old_today = nilo_calendar_day(c, now), new_today = nilo_zone_day(z, now);
    nilo_zone_free(z);
    const struct nilo_era *last = &c->eras[c->n - 1];
    if (strcmp(nilo_zone_name(last->zone), zone) == 0) {
        *ret_from = last->from_day;
        return 0;
    }
    if (nilo__query_int(s, 0, &recorded, err, "SELECT count(*) FROM run WHERE workspace_id = ?1", NILO__PARAMS(NILO_DBV_INT(workspace))) < 0)
        return -1;
    nilo_day from = recorded ? NILO_DAY((old_today.n > new_today.n ? old_today.n : new_today.n) + 1) : NILO_DAY_MIN;
    if (nilo__run(s, err,
                  "INSERT INTO workspace_zone (workspace_id, from_day, zone, recorded_at) VALUES (?1, ?2, ?3, ?4) "
                  "ON CONFLICT (workspace_id, from_day) DO UPDATE SET zone = excluded.zone, recorded_at = excluded.recorded_at",
                  NILO__PARAMS(NILO_DBV_INT(workspace), NILO_DBV_INT(from.n), NILO_DBV_TEXT(zone), NILO_DBV_INT(now))) < 0)
        return -1;
    nilo__touched(s);
    free_calendars(s);
    *ret_from = from;
    return 0;
}

/* ---- connections -------------------------------------------------------------------------------------------------------------- */

#define CONNECTION_COLUMNS                                                                                             \
    "c.id, c.workspace_id, w.name, c.name, c.platform, c.role, c.status, c.origin, c.closed_until, c.read_until, c.settle_s, "          \
    "p.paused_at, p.reason, c.dropped_until FROM connection c JOIN workspace w ON w.id = c.workspace_id "                               \
    "LEFT JOIN connection_pause p ON p.connection_id = c.id AND p.resumed_at IS NULL "

static void read_connection(struct nilo_db_stmt *stmt, struct nilo_connection *c)
{
    *c = (struct nilo_connection){.id = nilo_db_column_int(stmt, 0), .workspace = nilo_db_column_int(stmt, 1)};
    copy_name(c->workspace_name, sizeof c->workspace_name, nilo_db_column_text(stmt, 2));
    copy_name(c->name, sizeof c->name, nilo_db_column_text(stmt, 3));
    copy_name(c->platform, sizeof c->platform, nilo_db_column_text(stmt, 4));
    copy_name(c->role, sizeof c->role, nilo_db_column_text(stmt, 5));
    copy_name(c->status, sizeof c->status, nilo_db_column_text(stmt, 6));
    copy_name(c->origin, sizeof c->origin, nilo_db_column_text(stmt, 7));
    c->closed_until = NILO_DAY((int32_t)nilo_db_column_int(stmt, 8));
    c->read_until = NILO_DAY((int32_t)nilo_db_column_int(stmt, 9));
    c->settle_s = nilo_db_column_null(stmt, 10) ? -1 : nilo_db_column_int(stmt, 10);
    c->paused_at = nilo_db_column_null(stmt, 11) ? NILO_US_NONE : nilo_db_column_int(stmt, 11);
    copy_name(c->pause_reason, sizeof c->pause_reason, nilo_db_column_text(stmt, 12));
    c->dropped_until = NILO_DAY((int32_t)nilo_db_column_int(stmt, 13));
}

/* 1 found, 0 not, -1 error */
static int find_connection(struct nilo_store *s, struct nilo_connection *ret, struct nilo_err *err, const char *sql, int n,
                           const struct nilo_db_value *params)
{
    struct nilo_db_stmt *stmt;
    if (nilo__query(s, &stmt, err, sql, n, params) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1) {
        read_connection(stmt, ret);
        nilo_db_reset(stmt);
    }
    return got;
}

int nilo_store_connection_get(struct nilo_store *s, int64_t id, struct nilo_connection *ret, struct nilo_err *err)
{
    int got = find_connection(s, ret, err, "SELECT " CONNECTION_COLUMNS "WHERE c.id = ?1", NILO__PARAMS(NILO_DBV_INT(id)));
    return got == 1 ? 0 : got < 0 ? -1 : nilo_err_set(err, NILO_ENOENT, "there is no connection with id %lld", (long long)id);
}

int nilo_store_connection(struct nilo_store *s, int64_t workspace, const char *name, bool create, const char *platform,
                          const char *origin, struct nilo_connection *ret, struct nilo_err *err)
{
    int64_t id;
    int got = find_connection(s, ret, err, "SELECT " CONNECTION_COLUMNS "WHERE c.workspace_id = ?1 AND c.name = ?2",
                              NILO__PARAMS(NILO_DBV_INT(workspace), NILO_DBV_TEXT(name)));
    if (got != 0)
        return got == 1 ? 0 : -1;
    if (!create)
        return nilo_err_set(err, NILO_ENOENT, "there is no connection \"%s\" in this workspace; nilometer status lists them", name);
    if (nilo__erased_refuse(s, workspace, NILO_ERASE_CONNECTION, 0, "", name, err) < 0)
        return -1;
    if (check_name("a connection", name, err) < 0 || strlen(platform) > 60 || nilo__next_ids(s, "connection", 1, &id, err) < 0)
        return -1;
    if (nilo__run(s, err, "INSERT INTO connection (id, workspace_id, name, platform, origin, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                  NILO__PARAMS(NILO_DBV_INT(id), NILO_DBV_INT(workspace), NILO_DBV_TEXT(name), NILO_DBV_TEXT(platform),
                               NILO_DBV_TEXT(origin ? origin : "db"), NILO_DBV_INT(nilo__now(s)))) < 0)
        return -1;
    return nilo_store_connection_get(s, id, ret, err);
}

int nilo_store_connections(struct nilo_store *s, struct nilo_connection **ret, size_t *ret_n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    struct nilo_connection *all = NULL;
    size_t n = 0, cap = 0;
    int got;
    if (nilo__query(s, &stmt, err, "SELECT " CONNECTION_COLUMNS "ORDER BY c.id", 0, NULL) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (n == cap) {
            cap = cap ? 2 * cap : 8;
            struct nilo_connection *more = realloc(all, cap * sizeof *all);
            if (!more) {
                nilo_db_reset(stmt);
                free(all);
                return nilo_err_nomem(err);
            }
            all = more;
        }
        read_connection(stmt, &all[n++]);
    }
    if (got < 0) {
        free(all);
        return -1;
    }
    *ret = all;
    *ret_n = n;
    return 0;
}

int nilo_store_connection_status(struct nilo_store *s, int64_t id, const char *status, struct nilo_err *err)
{
    return nilo_store_connection_turn(s, id, status, NULL, NULL, err);
}

int nilo_store_connection_origin(struct nilo_store *s, int64_t id, const char *origin, struct nilo_err *err)
{
    return nilo__run(s, err, "UPDATE connection SET origin = ?2 WHERE id = ?1", NILO__PARAMS(NILO_DBV_INT(id), NILO_DBV_TEXT(origin)));
}

int nilo_store_connection_settle(struct nilo_store *s, int64_t id, int64_t settle_s, struct nilo_err *err)
{
    return nilo__run(s, err, "UPDATE connection SET settle_s = ?2 WHERE id = ?1",
                     NILO__PARAMS(NILO_DBV_INT(id), settle_s < 0 ? NILO_DBV_NULL : NILO_DBV_INT(settle_s)));
}

int nilo_store_read_until(struct nilo_store *s, int64_t connection, nilo_day day, struct nilo_err *err)
{
    return nilo__run(s, err, "UPDATE connection SET read_until = ?2 WHERE id = ?1 AND read_until < ?2",
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(day.n)));
}

int nilo_store_read_until_back(struct nilo_store *s, int64_t connection, nilo_day day, struct nilo_err *err)
{
    return nilo__run(s, err, "UPDATE connection SET read_until = ?2 WHERE id = ?1 AND read_until > ?2",
                     NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(day.n)));
}

/* ---- metrics ---------------------------------------------------------------------------------------------------------------------- */

static int read_metrics(struct nilo_store *s, struct nilo_db_stmt *stmt, struct nilo_metric *out, size_t max, size_t *ret_n,
                        struct nilo_err *err)
{
    size_t n = 0;
    int got;
    while ((got = nilo_db_row(stmt, err)) == 1 && n < max) {
        const char *text[6];
        for (int i = 0; i < 6; i++) {
            const char *t = nilo_db_column_text(stmt, i == 0 ? 1 : 9 + i);
            text[i] = t ? nilo_arena_strdup(&s->catalog_arena, t) : NULL;
            if (t && !text[i]) {
                nilo_db_reset(stmt);
                return nilo_err_nomem(err);
            }
        }
        out[n++] = (struct nilo_metric){.id = (int32_t)nilo_db_column_int(stmt, 0),
                                        .name = text[0],
                                        .type = (enum nilo_metric_type)nilo_db_column_int(stmt, 2),
                                        .kind = (enum nilo_metric_kind)nilo_db_column_int(stmt, 3),
                                        .aggregation = (enum nilo_aggregation)nilo_db_column_int(stmt, 4),
                                        .scale = (int)nilo_db_column_int(stmt, 5),
                                        .best_rule = (enum nilo_best_rule)nilo_db_column_int(stmt, 6),
                                        .wide = nilo_db_column_int(stmt, 7) != 0,
                                        .builtin = nilo_db_column_int(stmt, 8) != 0,
                                        .active = nilo_db_column_int(stmt, 9) != 0,
                                        .currency = text[1],
                                        .unit = text[2],
                                        .display_name = text[3],
                                        .description = text[4],
                                        .format_pattern = text[5]};
    }
    nilo_db_reset(stmt);
    *ret_n = n;
    return got < 0 ? -1 : 0;
}

static int load_catalog(struct nilo_store *s, struct nilo_err *err)
{
    int64_t count;
    struct nilo_db_stmt *stmt;
    forget_catalog(s); /* calendars stay: a run may be holding one */
    if (nilo__query_int(s, 0, &count, err, "SELECT count(*) FROM metric", 0, NULL) < 0)
        return -1;
    struct nilo_metric *all = nilo_arena_array(&s->catalog_arena, (size_t)count + 1, sizeof *all);
    if (!all)
        return nilo_err_nomem(err);
    if (nilo__query(s, &stmt, err,
                    "SELECT id, name, type, kind, aggregation, scale, best_rule, wide, builtin, is_active, currency, unit, display_name, "
                    "description, format_pattern FROM metric ORDER BY id",
                    0, NULL) < 0 ||
        read_metrics(s, stmt, all, (size_t)count, &s->catalog.n, err) < 0)
        return -1;
    s->catalog.metrics = all;
    s->catalog_room = (size_t)count + 1;
    s->catalog_loaded = true;
    s->cached_within |= s->within;
    return 0;
}

const struct nilo_catalog *nilo_store_catalog(struct nilo_store *s)
{
    struct nilo_err ignored;
    if (!s->catalog_loaded && load_catalog(s, &ignored) < 0)
        s->catalog = (struct nilo_catalog){0}; /* a broken store says so at the next statement */
    return &s->catalog;
}

static bool same_definition(const struct nilo_metric *a, const struct nilo_metric *b)
{
    return a->type == b->type && a->kind == b->kind && a->scale == b->scale && a->aggregation == b->aggregation;
}

/* One more behind those that are loaded: to read them all for each would cost a flood of new names its square. */
static int append_metric(struct nilo_store *s, const struct nilo_metric *m, struct nilo_err *err)
{
    struct nilo_metric one = *m;
    const char **const texts[] = {&one.name, &one.currency, &one.unit, &one.display_name, &one.description, &one.format_pattern};
    struct nilo_metric *all = (struct nilo_metric *)(uintptr_t)s->catalog.metrics;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (*texts[i] && !(*texts[i] = nilo_arena_strdup(&s->catalog_arena, *texts[i])))
            return nilo_err_nomem(err);
    if (s->catalog.n == s->catalog_room) {
        size_t room = 2 * s->catalog.n + 16;
        if (!(all = nilo_arena_array(&s->catalog_arena, room, sizeof *all)))
            return nilo_err_nomem(err);
        if (s->catalog.n > 0)
            memcpy(all, s->catalog.metrics, s->catalog.n * sizeof *all);
        s->catalog.metrics = all;
        s->catalog_room = room;
    }
    all[s->catalog.n++] = one;
    s->cached_within |= s->within;
    return 0;
}

static int insert_metric(struct nilo_store *s, const struct nilo_metric *m, bool wide, struct nilo_err *err)
{
    int64_t id;
    if (nilo__next_ids(s, "metric", 1, &id, err) < 0)
        return -1;
    struct nilo_metric made = *m;
    made.id = (int32_t)id;
    made.wide = wide;
    made.active = true;
    made.format_pattern = m->format_pattern ? m->format_pattern : "0,0";
    if (nilo__run(
        s, err,
        "INSERT INTO metric (id, name, type, kind, aggregation, scale, best_rule, wide, builtin, is_active, currency, unit, display_name, "
        "description, format_pattern, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 1, ?10, ?11, ?12, ?13, ?14, ?15)",
        NILO__PARAMS(NILO_DBV_INT(id), NILO_DBV_TEXT(m->name), NILO_DBV_INT(m->type), NILO_DBV_INT(m->kind), NILO_DBV_INT(m->aggregation),
                     NILO_DBV_INT(m->scale), NILO_DBV_INT(m->best_rule), NILO_DBV_INT(wide), NILO_DBV_INT(m->builtin),
                     NILO_DBV_TEXT(m->currency), NILO_DBV_TEXT(m->unit), NILO_DBV_TEXT(m->display_name), NILO_DBV_TEXT(m->description),
                     NILO_DBV_TEXT(made.format_pattern), NILO_DBV_INT(nilo__now(s)))) < 0)
        return -1;
    bool last = s->catalog_loaded && (s->catalog.n == 0 || s->catalog.metrics[s->catalog.n - 1].id < made.id);
    return last ? append_metric(s, &made, err) : load_catalog(s, err);
}

#define WIDE_MAX 256 /* metrics with a column of their own; all of them at once have to fit into one question (300: query) */

/* Such columns are what rows of all workspaces carry; what is defined beyond them is found in daily_metrics and metric_values. */
static bool room_for_column(const struct nilo_catalog *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n; i++)
        n += c->metrics[i].wide;
    return n < WIDE_MAX;
}

int nilo_store_metric_define(struct nilo_store *s, const struct nilo_metric *m, const struct nilo_metric **ret, struct nilo_err *err)
{
    size_t len = strlen(m->name);
    if (len == 0 || len > 200)
        return nilo_err_set(err, NILO_EINVAL, "a metric's name has 1 to 200 bytes");
    if (m->scale < 0 || m->scale > NILO_SCALE_MAX)
        return nilo_err_set(err, NILO_EINVAL, "metric \"%s\": scale %d is not between 0 and %d", m->name, m->scale, NILO_SCALE_MAX);
    const struct nilo_metric *old = nilo_catalog_by_type(nilo_store_catalog(s), m->type, m->name);
    if (old && !same_definition(old, m))
        return nilo_err_set(err, NILO_EEXIST,
                            "metric \"%s\" is already defined as %s, %s, %s, scale %d; these are fixed, define another name instead", m->name,
                            nilo_metric_type_name((int)old->type), nilo_metric_kind_name((int)old->kind),
                            nilo_aggregation_name((int)old->aggregation), old->scale);
    if (!old) {
        const struct nilo_metric *other = nilo_catalog_by_name(nilo_store_catalog(s), m->name);
        bool wide = nilo_metric_name_ok(m->name) && !(other && other->wide) && room_for_column(nilo_store_catalog(s));
        if (insert_metric(s, m, wide, err) < 0)
            return -1;
        nilo__touched(s);
        old = nilo_catalog_by_type(&s->catalog, m->type, m->name);
        if (!old)
            return nilo_err_set(err, NILO_EINTERNAL, "metric \"%s\" vanished while it was defined", m->name);
    }
    if (ret)
        *ret = old;
    return 0;
}

int nilo_store_metric_used(struct nilo_store *s, int64_t workspace, const struct nilo_metric *m, struct nilo_err *err)
{
    size_t slot = (size_t)(workspace * 31 + m->id) % (sizeof s->used / sizeof s->used[0]);
    if (m->builtin || (s->used[slot].workspace == workspace && s->used[slot].metric == m->id))
        return 0;
    if (nilo__run(s, err, "INSERT INTO metric_used (workspace_id, metric_id) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                  NILO__PARAMS(NILO_DBV_INT(workspace), NILO_DBV_INT(m->id))) < 0)
        return -1;
    s->used[slot].workspace = workspace;
    s->used[slot].metric = m->id;
    return 0;
}

int nilo_store_metric_active(struct nilo_store *s, int32_t metric, bool active, struct nilo_err *err)
{
    if (nilo__run(s, err, "UPDATE metric SET is_active = ?2, changed_at = ?3 WHERE id = ?1 AND is_active <> ?2",
                  NILO__PARAMS(NILO_DBV_INT(metric), NILO_DBV_INT(active), NILO_DBV_INT(nilo__now(s)))) < 0)
        return -1;
    return load_catalog(s, err);
}

int nilo_store_metric_currency(struct nilo_store *s, int32_t metric, const char *currency, struct nilo_err *err)
{
    if (nilo__run(s, err, "UPDATE metric SET currency = ?2 WHERE id = ?1 AND currency IS NULL", NILO__PARAMS(NILO_DBV_INT(metric), NILO_DBV_TEXT(currency))) < 0)
        return -1;
    return load_catalog(s, err);
}

int nilo_store_metric_describe(struct nilo_store *s, int32_t metric, const struct nilo_metric *m, struct nilo_err *err)
{
    if (nilo__run(s, err,
                  "UPDATE metric SET display_name = ?2, description = ?3, unit = ?4, format_pattern = ?5, is_active = ?6, changed_at = ?7 WHERE id = ?1",
                  NILO__PARAMS(NILO_DBV_INT(metric), NILO_DBV_TEXT(m->display_name), NILO_DBV_TEXT(m->description), NILO_DBV_TEXT(m->unit),
                               NILO_DBV_TEXT(m->format_pattern), NILO_DBV_INT(m->active), NILO_DBV_INT(nilo__now(s)))) < 0)
        return -1;
    return load_catalog(s, err);
}
