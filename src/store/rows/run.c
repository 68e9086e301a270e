/* Runs: the log of every collection, import and push, and taking a run's values out or putting them back. */
#include <stdlib.h>
#include <string.h>

#include "store/collecting.h"
#include "store/rows/derive.h"

static struct nilo_db_value day_or_null(nilo_day d) { return nilo_day_is_none(d) ? NILO_DBV_NULL : NILO_DBV_INT(d.n); }

void nilo_store_run_left(struct nilo_store *s, int64_t run)
{
    if (run > 0 && s->n_left_open < sizeof s->left_open / sizeof s->left_open[0])
        s->left_open[s->n_left_open++] = run;
}

/* Those of this handle; they are forgotten when that is committed. */
static int tell_left(struct nilo_store *s, struct nilo_err *err)
{
    for (size_t i = 0; i < s->n_left_open; i++)
        if (nilo__run(s, err,
                      "UPDATE run SET status = ?1, error = 'the end of this run could not be written; what it had committed stays' WHERE id = ?2 AND status IN (0, 5) "
                      "AND status = ?3",
                      NILO__PARAMS(NILO_DBV_INT(NILO_INTERRUPTED), NILO_DBV_INT(s->left_open[i]), NILO_DBV_INT(NILO_RUNNING))) < 0)
            return -1;
    s->left_told = true;
    return 0;
}

int nilo_store_run_begin(struct nilo_store *s, struct nilo_run *run, struct nilo_err *err)
{
    int64_t id;
    if (tell_left(s, err) < 0 || nilo__next_ids(s, "run", 1, &id, err) < 0)
        return -1;
    if (nilo__run(s, err,
                  "INSERT INTO run (id, workspace_id, connection_id, kind, status, provenance, revise, slot, target_day, started_at, version) "
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
                  NILO__PARAMS(NILO_DBV_INT(id), NILO_DBV_INT(run->workspace), NILO_DBV_INT(run->connection), NILO_DBV_INT(run->kind),
                               NILO_DBV_INT(NILO_RUNNING), NILO_DBV_INT(run->provenance), NILO_DBV_INT(run->revise),
                               NILO_DBV_TEXT(run->slot), day_or_null(run->target_day), NILO_DBV_INT(run->started_at),
                               NILO_DBV_TEXT(NILO_VERSION))) < 0)
        return -1;
    run->id = id;
    run->status = NILO_RUNNING;
    return 0;
}

int nilo_store_run_update(struct nilo_store *s, const struct nilo_run *r, struct nilo_err *err)
{
    const int64_t *o = r->outcomes;
    return nilo__run(
        s, err,
        "UPDATE run SET status = ?2, ended_at = ?3, duration_ms = ?4, first_day = ?5, last_day = ?6, items = ?7, readings = ?8, "
        "values_recorded = ?9, values_replaced = ?10, values_kept = ?11, values_unchanged = ?12, values_merged = ?13, values_late = ?14, "
        "values_amended = ?15, values_refused = ?16, failed = ?17, metrics_collected = ?18, days_closed = ?19, compared = ?20, fell = ?21, "
        "jumped = ?22, vanished = ?23, error = ?24, details = ?25 WHERE id = ?1",
        NILO__PARAMS(NILO_DBV_INT(r->id), NILO_DBV_INT(r->status), nilo__us(r->ended_at), NILO_DBV_INT(r->duration_ms),
                     day_or_null(r->first_day), day_or_null(r->last_day), NILO_DBV_INT(r->items), NILO_DBV_INT(r->readings),
                     NILO_DBV_INT(o[NILO_RECORDED]), NILO_DBV_INT(o[NILO_REPLACED]), NILO_DBV_INT(o[NILO_KEPT]),
                     NILO_DBV_INT(o[NILO_UNCHANGED]), NILO_DBV_INT(o[NILO_MERGED]), NILO_DBV_INT(o[NILO_LATE]),
                     NILO_DBV_INT(o[NILO_AMENDED]), NILO_DBV_INT(o[NILO_REFUSED]), NILO_DBV_INT(r->failed),
                     NILO_DBV_INT(r->metrics_collected), NILO_DBV_INT(r->days_closed), NILO_DBV_INT(r->compared), NILO_DBV_INT(r->fell),
                     NILO_DBV_INT(r->jumped), NILO_DBV_INT(r->vanished), NILO_DBV_TEXT(r->error), NILO_DBV_TEXT(r->details)));
}

#define RUN_COLUMNS                                                                                                    \
    "id, workspace_id, connection_id, kind, status, provenance, revise, slot, target_day, started_at, ended_at, duration_ms, first_day, "  \
    "last_day, items, readings, values_recorded, values_replaced, values_kept, values_unchanged, values_merged, values_late, "            \
    "values_amended, values_refused, failed, metrics_collected, days_closed, compared, fell, jumped, vanished, error, details FROM run "

static nilo_day column_day(struct nilo_db_stmt *stmt, int i)
{
    return nilo_db_column_null(stmt, i) ? NILO_DAY_NONE : NILO_DAY((int32_t)nilo_db_column_int(stmt, i));
}

static void read_run(struct nilo_db_stmt *stmt, struct nilo_arena *arena, struct nilo_run *r)
{
    *r = (struct nilo_run){
        .id = nilo_db_column_int(stmt, 0),
        .workspace = nilo_db_column_int(stmt, 1),
        .connection = nilo_db_column_int(stmt, 2),
        .kind = (enum nilo_run_kind)nilo_db_column_int(stmt, 3),
        .status = (enum nilo_run_status)nilo_db_column_int(stmt, 4),
        .provenance = (enum nilo_provenance)nilo_db_column_int(stmt, 5),
        .revise = nilo_db_column_int(stmt, 6) != 0,
        .slot = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 7)),
        .target_day = column_day(stmt, 8),
        .started_at = nilo_db_column_int(stmt, 9),
        .ended_at = nilo_db_column_null(stmt, 10) ? NILO_US_NONE : nilo_db_column_int(stmt, 10),
        .duration_ms = nilo_db_column_int(stmt, 11),
        .first_day = column_day(stmt, 12),
        .last_day = column_day(stmt, 13),
        .items = nilo_db_column_int(stmt, 14),
        .readings = nilo_db_column_int(stmt, 15),
        .failed = nilo_db_column_int(stmt, 24),
        .metrics_collected = (int)nilo_db_column_int(stmt, 25),
        .days_closed = (int)nilo_db_column_int(stmt, 26),
        .compared = nilo_db_column_int(stmt, 27),
        .fell = nilo_db_column_int(stmt, 28),
        .jumped = nilo_db_column_int(stmt, 29),
        .vanished = nilo_db_column_int(stmt, 30),
        .error = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 31)),
        .details = nilo_arena_strdup(arena, nilo_db_column_text(stmt, 32)),
    };
    for (int i = 0; i < NILO_OUTCOME_COUNT; i++)
        r->outcomes[i] = nilo_db_column_int(stmt, 16 + i);
}

/* 1 found, 0 none, -1 error */
static int one_run(struct nilo_store *s, struct nilo_arena *arena, struct nilo_run *ret, struct nilo_err *err, const char *sql, int n,
                   const struct nilo_db_value *params)
{
    struct nilo_db_stmt *stmt;
    if (nilo__query(s, &stmt, err, sql, n, params) < 0)
        return -1;
    int got = nilo_db_row(stmt, err);
    if (got == 1) {
        read_run(stmt, arena, ret);
        nilo_db_reset(stmt);
    }
    return got;
}

int nilo_store_run_get(struct nilo_store *s, int64_t id, struct nilo_arena *arena, struct nilo_run *ret, struct nilo_err *err)
{
    int got = one_run(s, arena, ret, err, "SELECT " RUN_COLUMNS "WHERE id = ?1", NILO__PARAMS(NILO_DBV_INT(id)));
    return got == 1 ? 0 : got < 0 ? -1 : nilo_err_set(err, NILO_ENOENT, "there is no run %lld; nilometer run list shows them", (long long)id);
}

int nilo_store_run_previous(struct nilo_store *s, int64_t connection, int64_t before, struct nilo_arena *arena, struct nilo_run *ret,
                            struct nilo_err *err)
{
    *ret = (struct nilo_run){0};
    int got = one_run(s, arena, ret, err,
                      "SELECT " RUN_COLUMNS "WHERE connection_id = ?1 AND id < ?2 AND kind = 0 AND status IN (1, 2) ORDER BY id DESC LIMIT 1",
                      NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(before)));
    return got < 0 ? -1 : 0;
}

int nilo_store_run_fail(struct nilo_store *s, int64_t run, int n, const char *external_id, const char *class, const char *message,
                        struct nilo_err *err)
{
    return nilo__run(s, err, "INSERT INTO run_failure (run_id, n, external_id, class, message) VALUES (?1, ?2, ?3, ?4, ?5)",
                     NILO__PARAMS(NILO_DBV_INT(run), NILO_DBV_INT(n), NILO_DBV_TEXT(external_id), NILO_DBV_TEXT(class),
                                  NILO_DBV_TEXT(message)));
}

/* The run's own days keep the look-up inside a small part of an item's history. */
#define SEEN_BY(run)                                                                                                   \
    "EXISTS (SELECT 1 FROM observation o WHERE o.bucket = e.bucket AND o.entity_id = e.id AND o.win = 0 "              \
    "AND o.day >= (SELECT first_day FROM run WHERE id = " run ") AND o.day <= (SELECT last_day FROM run WHERE id = " run ") "           \
    "AND o.run_id = " run ") "
int nilo_store_run_vanished(struct nilo_store *s, int64_t connection, int64_t earlier, int64_t later, int64_t *ret, struct nilo_err *err)
{
    return nilo__query_int(s, 0, ret, err,
                           "SELECT count(*) FROM entity e WHERE e.connection_id = ?1 AND e.kind = 0 AND " SEEN_BY("?2") "AND NOT " SEEN_BY("?3"),
                           NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(earlier), NILO_DBV_INT(later)));
}

int nilo_store_open_runs(struct nilo_store *s, int64_t connection, int64_t except, nilo_day *ret, struct nilo_err *err)
{
    int64_t day;
    if (nilo__query_int(s, INT32_MAX, &day, err,
                        "SELECT min(COALESCE(first_day, -719162)) FROM run WHERE connection_id = ?1 AND id <> ?2 AND status IN (0, 5)",
                        NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(except))) < 0)
        return -1;
    *ret = day == INT32_MAX ? NILO_DAY_MAX : NILO_DAY((int32_t)day);
    return 0;
}

int nilo_store_newest_recorded(struct nilo_store *s, int64_t after, nilo_us *ret, int64_t *ret_run, struct nilo_err *err)
{
    if (nilo__query_int(s, 0, ret_run, err, "SELECT max(id) FROM run", 0, NULL) < 0)
        return -1;
    return nilo__query_int(s, NILO_US_NONE, ret, err, "SELECT max(x.at) FROM (SELECT (SELECT started_at FROM run WHERE +id > ?1 ORDER BY started_at DESC LIMIT 1) AS at UNION ALL "
                           "SELECT (SELECT ended_at FROM run WHERE +id > ?1 AND ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 1)) x",
                           NILO__PARAMS(NILO_DBV_INT(after)));
}

static int grow(void **p, size_t *cap, size_t size, struct nilo_err *err)
{
    size_t more = *cap ? 2 * *cap : 256;
    void *q = realloc(*p, more * size);
    if (!q)
        return nilo_err_nomem(err);
    *p = q;
    *cap = more;
    return 0;
}

int nilo_store_runs_ahead(struct nilo_store *s, nilo_us at, nilo_day day, int64_t **ret, size_t *ret_n, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int64_t *ids = NULL;
    size_t n = 0, cap = 0;
    int got;
    if (nilo__query(s, &stmt, err,
                    "SELECT id FROM run WHERE started_at > ?1 AND status <> 6 AND (kind IN (0, 3) OR last_day > ?2) ORDER BY id",
                    NILO__PARAMS(NILO_DBV_INT(at), NILO_DBV_INT(day.n))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1) {
        if (n == cap && grow((void **)&ids, &cap, sizeof *ids, err) < 0) {
            got = -1;
            break;
        }
        ids[n++] = nilo_db_column_int(stmt, 0);
    }
    nilo_db_reset(stmt);
    if (got < 0) {
        free(ids);
        return -1;
    }
    *ret = ids;
    *ret_n = n;
    return 0;
}

int nilo_store_last_day_read(struct nilo_store *s, int64_t connection, int64_t before, nilo_day *ret, struct nilo_err *err)
{
    int64_t day;
    if (nilo__query_int(s, INT32_MIN, &day, err,
                        "SELECT max(last_day) FROM run WHERE connection_id = ?1 AND id < ?2 AND status IN (1, 2)",
                        NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_INT(before))) < 0)
        return -1;
    *ret = NILO_DAY((int32_t)day);
    return 0;
}

int nilo_store_slot_done(struct nilo_store *s, int64_t connection, const char *slot, int64_t *ret, struct nilo_err *err)
{
    return nilo__query_int(s, 0, ret, err, "SELECT max(id) FROM run WHERE connection_id = ?1 AND slot = ?2 AND status IN (1, 2, 5)",
                           NILO__PARAMS(NILO_DBV_INT(connection), NILO_DBV_TEXT(slot)));
}

/* ---- taking a run out, putting it back --------------------------------------------------------------------------------------- */

struct touched {
    struct nilo__change *c;
    size_t n, cap;
    struct nilo_entity_ref *entities;
    size_t n_entities, cap_entities;
};

static int add_touched(struct touched *t, struct nilo_db_stmt *stmt, nilo_day closed_until, struct nilo_err *err)
{
    struct nilo_entity_ref e = {(int32_t)nilo_db_column_int(stmt, 0), nilo_db_column_int(stmt, 1)};
    int32_t day = (int32_t)nilo_db_column_int(stmt, 3);
    if (t->n_entities == 0 || nilo__entity_cmp(t->entities[t->n_entities - 1], e) != 0) {
        if (t->n_entities == t->cap_entities && grow((void **)&t->entities, &t->cap_entities, sizeof *t->entities, err) < 0)
            return -1;
        t->entities[t->n_entities++] = e;
    }
    if (day <= closed_until.n) /* its amendment stays in the record, the best is formed without it */
        return 0;
    if (t->n == t->cap && grow((void **)&t->c, &t->cap, sizeof *t->c, err) < 0)
        return -1;
    t->c[t->n++] = (struct nilo__change){
        .entity = e, .win = (int32_t)nilo_db_column_int(stmt, 2), .day = day, .metric = (int32_t)nilo_db_column_int(stmt, 4)};
    return 0;
}

/* The items that the run observed, and the keys of open days among what it observed, each once. */
static int load_touched(struct nilo_store *s, const struct nilo_run *run, nilo_day closed_until, struct touched *t, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    int got;
    if (nilo__query(s, &stmt, err,
                    NILO__WINDOWS("observation") "SELECT DISTINCT o.bucket, o.entity_id, o.win, o.day, o.metric_id FROM item i "
                    "JOIN observation o ON o.bucket = i.bucket AND o.entity_id = i.entity_id AND o.win = i.win "
                    "WHERE o.day BETWEEN ?3 AND ?4 AND o.run_id = ?2 ORDER BY 1, 2, 3, 4, 5",
                    NILO__PARAMS(NILO_DBV_INT(run->connection), NILO_DBV_INT(run->id), NILO_DBV_INT(run->first_day.n),
                                 NILO_DBV_INT(run->last_day.n))) < 0)
        return -1;
    while ((got = nilo_db_row(stmt, err)) == 1)
        if (add_touched(t, stmt, closed_until, err) < 0) {
            nilo_db_reset(stmt);
            return -1;
        }
    return got;
}

static void key_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct nilo__change *c = &((struct touched *)ctx)->c[i];
    p[0] = NILO_DBV_INT(c->entity.bucket);
    p[1] = NILO_DBV_INT(c->entity.id);
    p[2] = NILO_DBV_INT(c->win);
    p[3] = NILO_DBV_INT(c->day);
    p[4] = NILO_DBV_INT(c->metric);
}

static int old_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct nilo__change *c = &((struct touched *)ctx)->c[i];
    c->old_value = nilo_db_column_int(stmt, 0);
    c->old_state = nilo__state_of((enum nilo_absence)nilo_db_column_int(stmt, 1));
    return 0;
}

static int new_row(void *ctx, size_t i, struct nilo_db_stmt *stmt, struct nilo_err *err)
{
    (void)err;
    struct nilo__change *c = &((struct touched *)ctx)->c[i];
    c->new_value = nilo_db_column_int(stmt, 0);
    c->new_state = nilo__state_of((enum nilo_absence)nilo_db_column_int(stmt, 1));
    return 0;
}

#define DAY_KEY "bucket = ?1 AND entity_id = ?2 AND win = ?3 AND day = ?4 AND metric_id = ?5"

/* The base of an open day anew from the observations of runs that count: the order of nilo_rule_open as ORDER BY. */
static const char anew_sql[] =
    "INSERT INTO day_value (bucket, entity_id, win, day, metric_id, seq, value, absence, provenance, rank, cause, run_id, captured_at, "
    "source_day, recorded_at, meta) SELECT o.bucket, o.entity_id, o.win, o.day, o.metric_id, 0, o.value, o.absence, o.provenance, o.rank, "
    "CASE WHEN r.kind = 4 THEN 3 ELSE 0 END, o.run_id, o.captured_at, o.source_day, o.recorded_at, o.meta FROM observation o "
    "JOIN run r ON r.id = o.run_id WHERE o.bucket = ?1 AND o.entity_id = ?2 AND o.win = ?3 AND o.day = ?4 AND o.metric_id = ?5 "
    "AND r.status NOT IN (5, 6) ORDER BY CASE WHEN o.absence IN (0, 1, 2, 3) THEN 1 ELSE 0 END DESC, o.rank DESC, o.captured_at DESC, "
    "o.run_id DESC LIMIT 1";

static int derive_bases(struct nilo_store *s, struct touched *t, struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    static const char shown[] = "SELECT value, absence FROM day_value WHERE " DAY_KEY " AND seq = 0";
    if (nilo_db_prepare(s->db, shown, &stmt, err) < 0 || nilo_db_many(stmt, t->n, 5, key_params, old_row, t, err) < 0)
        return -1;
    if (nilo_db_prepare(s->db, "DELETE FROM day_value WHERE " DAY_KEY " AND seq = 0", &stmt, err) < 0 ||
        nilo_db_many(stmt, t->n, 5, key_params, NULL, t, err) < 0)
        return -1;
    if (nilo_db_prepare(s->db, anew_sql, &stmt, err) < 0 || nilo_db_many(stmt, t->n, 5, key_params, NULL, t, err) < 0)
        return -1;
    if (nilo_db_prepare(s->db, shown, &stmt, err) < 0 || nilo_db_many(stmt, t->n, 5, key_params, new_row, t, err) < 0)
        return -1;
    if (nilo__derive(s, t->c, t->n, err) < 0)
        return -1;
    return nilo__best_anew(s, t->entities, t->n_entities, err);
}

struct marks {
    const struct touched *t;
    int64_t run;
};

static void mark_params(void *ctx, size_t i, struct nilo_db_value *p)
{
    const struct marks *m = ctx;
    p[0] = NILO_DBV_INT(m->t->entities[i].bucket);
    p[1] = NILO_DBV_INT(m->t->entities[i].id);
    p[2] = NILO_DBV_INT(m->run);
}

#define OF_ITEM "o.bucket = ?1 AND o.entity_id = ?2 AND o.win = 0"
#define SAID_SO "EXISTS (SELECT 1 FROM observation o WHERE " OF_ITEM " AND o.absence = 3 AND o.captured_at = content.deleted_at"
#define THERE_AGAIN                                                                                                    \
    "UPDATE content SET deleted_at = NULL, status = CASE WHEN status = 'gone' THEN NULL ELSE status END "              \
    "WHERE bucket = ?1 AND entity_id = ?2 AND deleted_at IS NOT NULL AND "

/* An item is gone by the word of a run: with the run the word goes. What is gone by somebody's word stays. */
static const char word_taken_back[] = THERE_AGAIN SAID_SO " AND o.run_id = ?3)";

/* The word counts again, but where a later run that counts has read the item; and what a run has read is there again. */
static const char word_given[] =
    "UPDATE content SET status = 'gone', deleted_at = (SELECT min(o.captured_at) FROM observation o WHERE " OF_ITEM " AND o.run_id = ?3 "
    "AND o.absence = 3) WHERE bucket = ?1 AND entity_id = ?2 AND deleted_at IS NULL AND EXISTS (SELECT 1 FROM observation o WHERE " OF_ITEM
    " AND o.run_id = ?3 AND o.absence = 3 AND NOT EXISTS (SELECT 1 FROM observation n JOIN run r ON r.id = n.run_id WHERE n.bucket = ?1 "
    "AND n.entity_id = ?2 AND n.win = 0 AND n.metric_id = o.metric_id AND n.captured_at > o.captured_at AND n.absence IN (0, 1, 2) "
    "AND r.status NOT IN (5, 6)))";
static const char there_again[] =
    THERE_AGAIN SAID_SO " AND EXISTS (SELECT 1 FROM observation n WHERE n.bucket = ?1 AND n.entity_id = ?2 AND n.win = 0 "
    "AND n.metric_id = o.metric_id AND n.captured_at > o.captured_at AND n.absence IN (0, 1, 2) AND n.run_id = ?3))";

static int mark_again(struct nilo_store *s, const struct touched *t, const struct nilo_run *run, bool counts, struct nilo_err *err)
{
    const char *const acts[] = {counts ? word_given : word_taken_back, counts ? there_again : NULL};
    struct marks m = {t, run->id};
    enum nilo_presence *before = calloc(t->n_entities + 1, sizeof *before);
    int rc = before ? nilo__presence_read(s, t->entities, t->n_entities, before, err) : nilo_err_nomem(err);
    for (size_t i = 0; rc == 0 && i < 2 && acts[i]; i++) {
        struct nilo_db_stmt *stmt;
        rc = nilo_db_prepare(s->db, acts[i], &stmt, err) < 0 || nilo_db_many(stmt, t->n_entities, 3, mark_params, NULL, &m, err) < 0 ? -1 : 0;
    }
    if (rc == 0)
        rc = nilo__presence_changed(s, run->workspace, t->entities, t->n_entities, before, err);
    free(before);
    return rc;
}

int nilo_store_run_count(struct nilo_store *s, int64_t id, enum nilo_run_status status, struct nilo_err *err)
{
    struct nilo_arena arena;
    struct nilo_run run;
    struct nilo_connection c;
    struct touched t = {0};
    nilo_arena_init(&arena, 0);
    int rc = nilo_store_run_get(s, id, &arena, &run, err);
    if (rc == 0)
        rc = nilo_store_connection_get(s, run.connection, &c, err);
    if (rc == 0)
        rc = nilo__run(s, err, "UPDATE run SET status = ?2 WHERE id = ?1", NILO__PARAMS(NILO_DBV_INT(id), NILO_DBV_INT(status)));
    if (rc == 0 && nilo_run_status_counts(status) != nilo_run_status_counts(run.status)) {
        rc = load_touched(s, &run, c.closed_until, &t, err);
        if (rc == 0)
            rc = derive_bases(s, &t, err);
        if (rc == 0)
            rc = nilo__bests_of_run(s, run.connection, id, err);
        if (rc == 0)
            rc = mark_again(s, &t, &run, nilo_run_status_counts(status), err);
    }
    free(t.c);
    free(t.entities);
    nilo_arena_done(&arena);
    return rc;
}
