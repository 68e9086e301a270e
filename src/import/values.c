/* Values as `nilometer export --values` writes them, one a row, back into readings: checked, sorted on disk by place and item, and
 * handed over one reading at a time. They hold what is shown, not how it came about: that is what the format nilometer is for. */
#include "import/import_priv.h"

#include <stdlib.h>
#include <string.h>

#include "db/db.h"

enum column { WORKSPACE, CONNECTION, PLATFORM, ENTITY, EXTERNAL_ID, WINDOW_DAYS, DAY, METRIC, METRIC_TYPE, VALUE, ABSENCE, PROVENANCE,
              CAPTURED_AT, METADATA, TITLE, URL, POSTED_AT, OWNER, METRIC_KIND, METRIC_AGGREGATION,
              METRIC_SCALE, METRIC_UNIT, METRIC_CURRENCY, WORKSPACE_ZONE, CONNECTION_ROLE, DROPPED_UNTIL, SOURCE_DAY,
              BEST_VALUE, BEST_WINDOW_DAYS, BEST_DAY, BEST_CAPTURED_AT, BEST_GMV, COLUMNS };
#define NEEDED TITLE /* columns from there on came later: an older export has none of them */
static const char *const names[COLUMNS] = {"workspace", "connection", "platform", "entity", "external_id", "window_days", "day", "metric",
                                           "metric_type", "value", "absence", "provenance", "captured_at", "metadata",
                                           "title", "url", "posted_at", "owner", "metric_kind", "metric_aggregation",
                                           "metric_scale", "metric_unit", "metric_currency", "workspace_zone", "connection_role", "dropped_until", "source_day",
                                           "best_value", "best_window_days", "best_day", "best_captured_at", "best_gmv"};
/* As the columns of a table of daily metrics are called that has no other. */
static const char *const daily_names[COLUMNS] = {[DAY] = "metric_date", [METRIC] = "metric_category", [METRIC_TYPE] = "metric_type", [VALUE] = "value",
                                                 [CAPTURED_AT] = "collection_timestamp", [METADATA] = "metadata"};
#define HEAD_SIZE   4096 /* bytes by which an export is known */
#define METRIC_MOST 200  /* bytes of a metric's name */

static const char setup[] = "PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-65536;";
static const char schema[] =
    "CREATE TABLE v (workspace TEXT NOT NULL, connection TEXT NOT NULL, platform TEXT NOT NULL, kind INTEGER NOT NULL, external_id TEXT NOT NULL, "
    "win INTEGER NOT NULL, day INTEGER NOT NULL, at INTEGER NOT NULL, metric INTEGER NOT NULL, value TEXT, absence INTEGER NOT NULL, "
    "provenance INTEGER NOT NULL, meta TEXT, title TEXT, url TEXT, posted INTEGER NOT NULL, owner TEXT, zone TEXT, dropped INTEGER NOT NULL, source INTEGER, role TEXT) STRICT"; /* source, role: NULL where the file does not say */
static const char insert_row[] = "INSERT INTO v VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)";
static const char select_rows[] = "SELECT * FROM v ORDER BY workspace, connection, kind, external_id, win, day, at, metric, rowid";

struct nilo_values {
    struct nilo__input *in;
    struct nilo_db *db;
    struct nilo_db_stmt *add;
    struct nilo__bests *bests;
    struct nilo_arena arena; /* of a row, then of a reading */
    struct nilo_arena kept;
    struct nilo_values_metric *metrics;
    size_t n_metrics, cap_metrics;
    int64_t rows;
    bool daily; /* rows of a table of daily metrics: one that is wrong is left out, as nobody else wrote them */
    bool wrong; /* the row at hand */
    int64_t refused;
    char why[256]; /* of the first refused row */
    nilo_progress_fn *progress;
    void *progress_ctx;
};

void nilo_values_free(struct nilo_values *v)
{
    if (v == NULL)
        return;
    nilo__bests_free(v->bests);
    if (v->db != NULL) {
        nilo_db_rollback(v->db);
        nilo_db_close(v->db);
    }
    nilo__input_free(v->in);
    nilo_arena_done(&v->arena);
    nilo_arena_done(&v->kept);
    free(v->metrics);
    free(v);
}

const struct nilo_values_metric *nilo_values_metrics(const struct nilo_values *v, size_t *ret_n)
{
    *ret_n = v->n_metrics;
    return v->metrics;
}

int64_t nilo_values_rows(const struct nilo_values *v)
{
    return v->rows;
}

bool nilo_values_are(const char *path, enum nilo_values_format *ret_format)
{
    static const struct {
        const char *begin;
        enum nilo_values_format format;
    } begins[] = {
        {"workspace,connection,platform,entity,external_id,window_days,day,metric,", NILO_VALUES_CSV},
        {"{\"workspace\":", NILO_VALUES_NDJSON},
        {"[{\"workspace\":", NILO_VALUES_JSON},
    };
    struct nilo_buf head;
    bool found = false;
    nilo__input_head(path, HEAD_SIZE, &head);
    for (size_t i = 0; i < sizeof begins / sizeof begins[0] && !found; i++) {
        found = strncmp(nilo_buf_str(&head), begins[i].begin, strlen(begins[i].begin)) == 0;
        if (found && i > 0) /* objects with all the rest of it, too */
            found = memmem(head.data, head.len, "\"entity\":", 9) != NULL && memmem(head.data, head.len, "\"metric_type\":", 14) != NULL;
        if (found)
            *ret_format = begins[i].format;
    }
    nilo_buf_done(&head);
    return found;
}

/* ---- one row ---------------------------------------------------------------------------------------------------------------- */

int64_t nilo_values_refused(const struct nilo_values *v, const char **ret_why)
{
    *ret_why = v->why;
    return v->refused;
}

/* Rows of a table stand in no order: one is known by its day and metric. */
static int refuse(struct nilo_values *v, const char *day, const char *metric, const char *why)
{
    if (v->refused++ == 0)
        snprintf(v->why, sizeof v->why, "%.40s %.100s: %.110s", day != NULL ? day : "?", metric != NULL ? metric : "?", why);
    return 1;
}

static int wrong(struct nilo_values *v, int64_t line, int column, const char *what, struct nilo_err *err)
{
    v->wrong = true;
    if (v->daily)
        return nilo_err_set(err, NILO_ECORRUPT, "%s: %s", column < 0 ? "the row" : daily_names[column] != NULL ? daily_names[column] : names[column], what);
    return nilo_err_set(err, NILO_ECORRUPT, "%s:%lld: %s: %s; nothing was imported", nilo__input_name(v->in), (long long)line,
                        column < 0 ? "the row" : names[column], what);
}

/* Digits behind the point, as the export keeps them. */
static int digits(const struct nilo__cell *c)
{
    const char *point = memchr(c->p, '.', c->len);
    return point != NULL ? (int)(c->p + c->len - point) - 1 : 0;
}

/* An app's averages and shares have as many digits as its database gave them. */
static bool is_rounded(int type)
{
    return type == NILO_AVERAGE || type == NILO_PERCENTAGE;
}

static const char *kept_text(struct nilo_values *v, const struct nilo__cell *c)
{
    return c->there ? nilo_arena_strndup(&v->kept, c->p, c->len) : NULL;
}

/* How the file defines it; each of its rows says the same. Exports of older versions say nothing. */
static int take_definition(struct nilo_values *v, const struct nilo__cell *c, int64_t line, struct nilo_values_metric *m, struct nilo_err *err)
{
    int64_t scale = -1;
    struct nilo_err ignored;
    if (!c[METRIC_KIND].there && !c[METRIC_AGGREGATION].there)
        return 0;
    int kind = c[METRIC_KIND].there ? nilo_metric_kind_value(c[METRIC_KIND].p) : -1;
    int aggregation = c[METRIC_AGGREGATION].there ? nilo_aggregation_value(c[METRIC_AGGREGATION].p) : -1;
    if (kind < 0)
        return wrong(v, line, METRIC_KIND, "neither instant nor period", err);
    if (aggregation < 0)
        return wrong(v, line, METRIC_AGGREGATION, "neither level nor flow", err);
    if (c[METRIC_SCALE].there &&
        (nilo_decimal_parse(c[METRIC_SCALE].p, c[METRIC_SCALE].len, 0, false, &scale, &ignored) != 0 || scale < 0 || scale > NILO_SCALE_MAX))
        return wrong(v, line, METRIC_SCALE, "no number of digits", err);
    if (m->defined && (m->kind != (enum nilo_metric_kind)kind || m->aggregation != (enum nilo_aggregation)aggregation))
        return wrong(v, line, METRIC_KIND, "another row says otherwise of the same metric", err);
    if (scale > m->scale)
        m->scale = (int)scale;
    if (m->defined)
        return 0;
    m->defined = true;
    m->kind = (enum nilo_metric_kind)kind;
    m->aggregation = (enum nilo_aggregation)aggregation;
    m->unit = kept_text(v, &c[METRIC_UNIT]);
    m->currency = kept_text(v, &c[METRIC_CURRENCY]);
    return (m->unit == NULL && c[METRIC_UNIT].there) || (m->currency == NULL && c[METRIC_CURRENCY].there) ? nilo_err_nomem(err) : 0;
}

static int find_metric(struct nilo_values *v, const struct nilo__cell *c, int64_t line, int type, int *ret, struct nilo_err *err)
{
    const struct nilo__cell *name = &c[METRIC], *value = &c[VALUE];
    size_t i = 0;
    while (i < v->n_metrics && (v->metrics[i].type != (enum nilo_metric_type)type || strcmp(v->metrics[i].name, name->p) != 0))
        i++;
    if (i == v->n_metrics) {
        if (v->n_metrics == v->cap_metrics) {
            size_t cap = v->cap_metrics > 0 ? 2 * v->cap_metrics : 32;
            struct nilo_values_metric *more = realloc(v->metrics, cap * sizeof *more);
            if (more == NULL)
                return nilo_err_nomem(err);
            v->metrics = more;
            v->cap_metrics = cap;
        }
        char *copy = nilo_arena_strndup(&v->kept, name->p, name->len);
        if (copy == NULL)
            return nilo_err_nomem(err);
        v->metrics[v->n_metrics++] = (struct nilo_values_metric){.name = copy, .type = (enum nilo_metric_type)type, .scale = -1};
    }
    int places = value->there ? digits(value) : -1;
    if (v->daily && is_rounded(type) && places > nilo_metric_default_scale((enum nilo_metric_type)type))
        places = nilo_metric_default_scale((enum nilo_metric_type)type);
    if (places > v->metrics[i].scale)
        v->metrics[i].scale = places;
    if (c[BEST_VALUE].there && digits(&c[BEST_VALUE]) > v->metrics[i].scale)
        v->metrics[i].scale = digits(&c[BEST_VALUE]);
    *ret = (int)i;
    return take_definition(v, c, line, &v->metrics[i], err);
}

static int one_of(const char *(*name)(int), int least, int most, const char *text)
{
    for (int i = least; i <= most; i++)
        if (strcmp(name(i), text) == 0)
            return i;
    return -1;
}

static struct nilo_db_value text_or_null(const struct nilo__cell *c)
{
    return c->there ? nilo_dbv_textn(c->p, c->len) : NILO_DBV_NULL;
}

typedef int owner_fn(void *ctx, const char *owner, struct nilo_err *err);
static int give(owner_fn *fn, void *ctx, const char *text, size_t len, struct nilo_err *err)
{
    char *owner = strndup(text, len);
    int rc = owner != NULL ? fn(ctx, owner, err) : nilo_err_nomem(err);
    free(owner);
    return rc;
}

/* ["ann","bob"]: fn, which may be NULL, gets each. */
static int each_owner(const char *list, owner_fn *fn, void *ctx, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event e;
    const char *text;
    size_t len;
    if (nilo_json_new(list, strlen(list), NILO_JSON_DEFAULT_LIMITS, &j, err) != 0)
        return -1;
    int rc = nilo_json_next(j, &e, NULL, NULL, err);
    if (rc == 0 && e != NILO_JSON_ARRAY_BEGIN)
        rc = nilo_err_set(err, NILO_EBODY, "owner is no list");
    while (rc == 0) {
        rc = nilo_json_next(j, &e, &text, &len, err);
        if (rc != 0 || e == NILO_JSON_ARRAY_END)
            break;
        if (e != NILO_JSON_STRING || memchr(text, '\0', len) != NULL)
            rc = nilo_err_set(err, NILO_EBODY, "an owner is no text");
        else if (fn != NULL)
            rc = give(fn, ctx, text, len, err);
    }
    if (rc == 0)
        rc = nilo_json_next(j, &e, NULL, NULL, err); /* nothing behind it */
    nilo_json_free(j);
    return rc;
}

static bool exact(const struct nilo__cell *c)
{
    int64_t v;
    struct nilo_err ignored;
    return digits(c) <= NILO_SCALE_MAX && nilo_decimal_parse(c->p, c->len, digits(c), false, &v, &ignored) == 0;
}

static bool readable(const struct nilo__cell *c)
{
    int64_t v;
    struct nilo_err ignored;
    return nilo_decimal_parse(c->p, c->len, 0, true, &v, &ignored) == 0;
}

static bool days_of_window(const struct nilo__cell *c, int64_t *ret)
{
    struct nilo_err ignored;
    return nilo_decimal_parse(c->p, c->len, 0, false, ret, &ignored) == 0 && *ret >= 0 && *ret <= 3660;
}

/* The all-time best that the row tells of its metric. */
static int take_best(struct nilo_values *v, const struct nilo__cell *c, int kind, int metric, int64_t line, struct nilo_err *err)
{
    int64_t win;
    nilo_day day;
    struct nilo_iso at;
    struct nilo_err ignored;
    for (int i = BEST_WINDOW_DAYS; i < COLUMNS && !c[BEST_VALUE].there; i++) {
        if (c[i].there)
            return wrong(v, line, i, "there is no best_value", err);
    }
    if (!c[BEST_VALUE].there)
        return 0;
    if (!exact(&c[BEST_VALUE]))
        return wrong(v, line, BEST_VALUE, "no exact number", err);
    if (!c[BEST_WINDOW_DAYS].there || !days_of_window(&c[BEST_WINDOW_DAYS], &win))
        return wrong(v, line, BEST_WINDOW_DAYS, "no number of days", err);
    if (!c[BEST_DAY].there || nilo_day_parse(c[BEST_DAY].p, c[BEST_DAY].len, &day, &ignored) != 0)
        return wrong(v, line, BEST_DAY, "no day", err);
    if (c[BEST_CAPTURED_AT].there && (nilo_iso_parse(c[BEST_CAPTURED_AT].p, c[BEST_CAPTURED_AT].len, &at, &ignored) != 0 || at.date_only))
        return wrong(v, line, BEST_CAPTURED_AT, "no instant", err);
    if (c[BEST_GMV].there && (!exact(&c[BEST_GMV]) || digits(&c[BEST_GMV]) > 2))
        return wrong(v, line, BEST_GMV, "no exact amount with two digits behind the point", err);
    return nilo__bests_add(v->bests,
                           &(struct nilo__best){.workspace = c[WORKSPACE].p, .connection = c[CONNECTION].p, .kind = kind, .external_id = c[EXTERNAL_ID].p,
                                                .metric = metric, .value = c[BEST_VALUE].p, .win = (int32_t)win, .day = day,
                                                .at = c[BEST_CAPTURED_AT].there ? at.us : NILO_US_NONE, .gmv = c[BEST_GMV].there ? c[BEST_GMV].p : ""},
                           err);
}

/* Cells by column; empty ones are not there, and those of a column that the file has not have no text at all. */
static int take_row(struct nilo_values *v, const struct nilo__cell *c, int64_t line, struct nilo_err *err)
{
    int64_t win;
    nilo_day day, dropped = NILO_DAY_NONE, source = NILO_DAY_NONE;
    struct nilo_iso at, posted;
    struct nilo_err ignored;
    int absence = NILO_PRESENT, provenance = NILO_IMPORTED, metric = -1;
    for (int i = 0; i < COLUMNS; i++) {
        if (!c[i].there && (i <= METRIC_TYPE))
            return wrong(v, line, i, "nothing there", err);
        if (c[i].there && (memchr(c[i].p, '\0', c[i].len) != NULL || !nilo_utf8_valid(c[i].p, c[i].len, NULL)))
            return wrong(v, line, i, "no UTF-8 text", err);
    }
    if (c[METRIC].len == 0 || c[METRIC].len > METRIC_MOST)
        return wrong(v, line, METRIC, c[METRIC].len == 0 ? "empty" : "longer than 200 bytes", err);
    int kind = one_of(nilo_entity_kind_name, NILO_CONTENT, NILO_APP, c[ENTITY].p), type = nilo_metric_type_value(c[METRIC_TYPE].p);
    if (kind < 0)
        return wrong(v, line, ENTITY, "neither content, account nor app", err);
    if (type < 0)
        return wrong(v, line, METRIC_TYPE, "neither count, average, percentage nor aggregate", err);
    if (!days_of_window(&c[WINDOW_DAYS], &win))
        return wrong(v, line, WINDOW_DAYS, "no number of days", err);
    if (nilo_day_parse(c[DAY].p, c[DAY].len, &day, &ignored) != 0)
        return wrong(v, line, DAY, "no day", err);
    if (c[CAPTURED_AT].there && (nilo_iso_parse(c[CAPTURED_AT].p, c[CAPTURED_AT].len, &at, &ignored) != 0 || at.date_only))
        return wrong(v, line, CAPTURED_AT, "no instant", err);
    if (c[POSTED_AT].there && (nilo_iso_parse(c[POSTED_AT].p, c[POSTED_AT].len, &posted, &ignored) != 0 || posted.date_only))
        return wrong(v, line, POSTED_AT, "no instant", err);
    if (c[DROPPED_UNTIL].there && nilo_day_parse(c[DROPPED_UNTIL].p, c[DROPPED_UNTIL].len, &dropped, &ignored) != 0)
        return wrong(v, line, DROPPED_UNTIL, "no day", err);
    if (c[SOURCE_DAY].there && nilo_day_parse(c[SOURCE_DAY].p, c[SOURCE_DAY].len, &source, &ignored) != 0)
        return wrong(v, line, SOURCE_DAY, "no day", err);
    if (c[CONNECTION_ROLE].there && strcmp(c[CONNECTION_ROLE].p, "own") != 0 && strcmp(c[CONNECTION_ROLE].p, "competitor") != 0)
        return wrong(v, line, CONNECTION_ROLE, "neither own nor competitor", err);
    if (c[OWNER].there && each_owner(c[OWNER].p, NULL, NULL, &ignored) != 0)
        return wrong(v, line, OWNER, "no list of owners", err);
    if (c[VALUE].there && (v->daily && is_rounded(type) ? !readable(&c[VALUE]) : !exact(&c[VALUE])))
        return wrong(v, line, VALUE, "no exact number", err);
    if (!c[VALUE].there && (!c[ABSENCE].there || (absence = nilo_absence_value(c[ABSENCE].p)) <= NILO_PRESENT))
        return wrong(v, line, ABSENCE, "neither a value nor a reason why there is none", err);
    if (c[PROVENANCE].there && strcmp(c[PROVENANCE].p, nilo_provenance_name(NILO_ESTIMATED)) == 0)
        provenance = NILO_ESTIMATED;
    if (find_metric(v, c, line, type, &metric, err) != 0 || take_best(v, c, kind, metric, line, err) != 0)
        return -1;
    const struct nilo_db_value p[] = {
        text_or_null(&c[WORKSPACE]), text_or_null(&c[CONNECTION]), text_or_null(&c[PLATFORM]), NILO_DBV_INT(kind), text_or_null(&c[EXTERNAL_ID]),
        NILO_DBV_INT(win), NILO_DBV_INT(day.n), NILO_DBV_INT(c[CAPTURED_AT].there ? at.us : NILO_US_NONE), NILO_DBV_INT(metric),
        text_or_null(&c[VALUE]), NILO_DBV_INT(absence), NILO_DBV_INT(provenance), text_or_null(&c[METADATA]),
        text_or_null(&c[TITLE]), text_or_null(&c[URL]), NILO_DBV_INT(c[POSTED_AT].there ? posted.us : NILO_US_NONE), text_or_null(&c[OWNER]),
        text_or_null(&c[WORKSPACE_ZONE]), NILO_DBV_INT(dropped.n), c[SOURCE_DAY].p != NULL ? NILO_DBV_INT(source.n) : NILO_DBV_NULL,
        text_or_null(&c[CONNECTION_ROLE]),
    };
    if (++v->rows % 4096 == 0 && v->progress != NULL)
        v->progress(v->progress_ctx, nilo__input_done(v->in), nilo__input_size(v->in));
    return nilo_db_run(v->add, p, (int)(sizeof p / sizeof p[0]), NULL, err) == 0 ? 0 : nilo_err_wrap(err, "sorting on disk");
}

static int take_or_refuse(struct nilo_values *v, const struct nilo__cell *c, int64_t line, struct nilo_err *err)
{
    struct nilo_err why = {0};
    v->wrong = false;
    if (take_row(v, c, line, &why) == 0)
        return 0;
    if (v->daily && v->wrong) {
        refuse(v, c[DAY].there ? c[DAY].p : NULL, c[METRIC].there ? c[METRIC].p : NULL, why.msg);
        return 0;
    }
    *err = why;
    return -1;
}

/* ---- CSV ---------------------------------------------------------------------------------------------------------------------- */

static int read_header(struct nilo_values *v, struct nilo__csv *csv, int *place, size_t *ret_columns, struct nilo_err *err)
{
    struct nilo__row row;
    int got = nilo__csv_next(csv, &row, err);
    if (got < 0)
        return -1;
    if (got == 0 || row.why != NILO__FINE)
        return wrong(v, 1, -1, "there is no header", err);
    for (int i = 0; i < COLUMNS; i++) {
        place[i] = -1;
        for (size_t k = 0; k < row.n_cells; k++)
            if (strcmp(row.cells[k].p, names[i]) == 0)
                place[i] = (int)k;
        if (place[i] < 0 && i < NEEDED)
            return nilo_err_set(err, NILO_ECOLUMN, "%s has no column %s: it is none that nilometer export wrote", nilo__input_name(v->in), names[i]);
    }
    *ret_columns = row.n_cells;
    return 0;
}

static bool is_text(int column)
{
    return column != WINDOW_DAYS && column != DAY && column != VALUE && column != CAPTURED_AT && column != METADATA && column != POSTED_AT && column != OWNER &&
           column != METRIC_SCALE && column < DROPPED_UNTIL;
}

static int read_csv(struct nilo_values *v, struct nilo__csv *csv, struct nilo_err *err)
{
    int place[COLUMNS], got;
    size_t columns = 0;
    struct nilo__row row;
    if (read_header(v, csv, place, &columns, err) != 0)
        return -1;
    while ((got = nilo__csv_next(csv, &row, err)) == 1) {
        struct nilo__cell cells[COLUMNS];
        if (row.why != NILO__FINE || row.n_cells != columns)
            return wrong(v, row.line, -1, "not as many cells as the header, or too large ones", err);
        for (int i = 0; i < COLUMNS; i++) {
            if (place[i] < 0) {
                cells[i] = (struct nilo__cell){0};
                continue;
            }
            cells[i] = row.cells[place[i]];
            if (is_text(i))
                nilo__csv_unmark(&cells[i]);
            cells[i].there = cells[i].len > 0;
        }
        if (take_or_refuse(v, cells, row.line, err) != 0)
            return -1;
    }
    return got;
}

/* ---- JSON ----------------------------------------------------------------------------------------------------------------------- */

static int copy_cell(struct nilo_values *v, struct nilo__cell *to, const char *p, size_t len)
{
    to->p = nilo_arena_strndup(&v->arena, p, len);
    to->len = len;
    to->there = true;
    return to->p != NULL ? 0 : -1;
}

/* A string's text, else the value as it is written. */
static int read_member(struct nilo_values *v, struct nilo_json *j, int column, struct nilo__cell *cells, struct nilo_err *err)
{
    const char *raw, *text;
    size_t len;
    enum nilo_json_event e;
    if (column < 0)
        return nilo_json_skip(j, err);
    if (column == METADATA || column == OWNER) {
        if (nilo_json_raw(j, &raw, &len, err) != 0)
            return -1;
        return len == 4 && memcmp(raw, "null", 4) == 0 ? 0 : copy_cell(v, &cells[column], raw, len);
    }
    if (nilo_json_next(j, &e, &text, &len, err) != 0)
        return -1;
    if (e == NILO_JSON_NULL) {
        cells[column].p = "";
        return 0;
    }
    if (e != NILO_JSON_STRING && e != NILO_JSON_NUMBER)
        return nilo_err_set(err, NILO_EBODY, "%s is neither text nor a number", names[column]);
    return copy_cell(v, &cells[column], text, len);
}

static int read_object(struct nilo_values *v, const char *text, size_t len, struct nilo__cell *cells, struct nilo_err *err)
{
    struct nilo_json *j;
    enum nilo_json_event e;
    const char *key;
    size_t n;
    if (nilo_json_new(text, len, NILO_JSON_DEFAULT_LIMITS, &j, err) != 0)
        return -1;
    int rc = nilo_json_next(j, &e, NULL, NULL, err);
    while (rc == 0) {
        int column = COLUMNS;
        rc = nilo_json_next(j, &e, &key, &n, err);
        if (rc != 0 || e != NILO_JSON_KEY)
            break;
        while (--column >= 0 && (strlen(names[column]) != n || memcmp(names[column], key, n) != 0))
            ;
        rc = read_member(v, j, column, cells, err);
    }
    if (rc == 0)
        rc = nilo_json_next(j, &e, NULL, NULL, err);
    nilo_json_free(j);
    return rc;
}

static int read_objects(struct nilo_values *v, struct nilo__objects *o, struct nilo_err *err)
{
    const char *text;
    size_t len;
    int64_t line;
    int got;
    while ((got = nilo__objects_next(o, &text, &len, &line, err)) == 1) {
        struct nilo__cell cells[COLUMNS] = {{0}};
        struct nilo_err why = {.code = NILO_OK};
        nilo_arena_reset(&v->arena);
        if (read_object(v, text, len, cells, &why) != 0)
            return wrong(v, line, -1, why.msg[0] != '\0' ? why.msg : "out of memory", err);
        if (take_or_refuse(v, cells, line, err) != 0)
            return -1;
    }
    return got;
}

/* ---- all of it -------------------------------------------------------------------------------------------------------------------- */

static int open_sorter(struct nilo_values *v, const char *tmp_dir, struct nilo_err *err)
{
    struct nilo_import_folder folder;
    char *path = NULL;
    if (nilo_import_folder_make(tmp_dir, "nilometer-import", &folder, err) != 0)
        return -1;
    int rc = asprintf(&path, "%s/sort.db", folder.path) < 0 ? nilo_err_nomem(err) : 0;
    if (rc == 0)
        rc = nilo_db_open(path, &(struct nilo_db_options){.mode = NILO_DB_CREATE}, &v->db, err);
    if (rc == 0)
        rc = nilo_db_exec(v->db, setup, err);
    free(path);
    nilo_import_folder_remove(&folder);
    if (rc == 0)
        rc = nilo_db_begin(v->db, err);
    if (rc == 0)
        rc = nilo_db_exec(v->db, schema, err);
    if (rc == 0)
        rc = nilo__bests_new(v->db, &v->bests, err);
    return rc == 0 ? nilo_db_prepare(v->db, insert_row, &v->add, err) : -1;
}

static int read_file(struct nilo_values *v, enum nilo_values_format format, struct nilo_err *err)
{
    struct nilo__csv *csv = NULL;
    struct nilo__objects *objects = NULL;
    int rc;
    if (format == NILO_VALUES_CSV)
        rc = nilo__csv_new(v->in, &csv, err) == 0 ? read_csv(v, csv, err) : -1;
    else
        rc = nilo__objects_new(v->in, &objects, err) == 0 ? read_objects(v, objects, err) : -1;
    nilo__csv_free(csv);
    nilo__objects_free(objects);
    return rc;
}

static int read_any(const char *path, struct nilo_sql_rows *rows, enum nilo_values_format format, const char *tmp_dir, nilo_progress_fn *progress,
                    void *progress_ctx, struct nilo_values **ret, struct nilo_err *err)
{
    struct nilo_values *v = calloc(1, sizeof *v);
    if (v == NULL)
        return nilo_err_nomem(err);
    v->daily = rows != NULL;
    v->progress = progress;
    v->progress_ctx = progress_ctx;
    nilo_arena_init(&v->arena, 0);
    nilo_arena_init(&v->kept, 0);
    int rc = rows != NULL ? nilo__input_rows(rows, 0, &v->in, err) : nilo__input_open(path, 0, &v->in, err);
    if (rc != 0 || open_sorter(v, tmp_dir, err) != 0 || read_file(v, format, err) != 0) {
        nilo_values_free(v);
        return -1;
    }
    *ret = v;
    return 0;
}

int nilo_values_read(const char *path, enum nilo_values_format format, const char *tmp_dir, nilo_progress_fn *progress, void *progress_ctx,
                     struct nilo_values **ret, struct nilo_err *err)
{
    return read_any(path, NULL, format, tmp_dir, progress, progress_ctx, ret, err);
}

int nilo_values_read_rows(struct nilo_sql_rows *rows, const char *tmp_dir, nilo_progress_fn *progress, void *progress_ctx, struct nilo_values **ret,
                          struct nilo_err *err)
{
    return read_any(NULL, rows, NILO_VALUES_NDJSON, tmp_dir, progress, progress_ctx, ret, err);
}

/* ---- handing over ------------------------------------------------------------------------------------------------------------------- */

struct feeding {
    struct nilo_values *v;
    const struct nilo_metric **metrics; /* of v->metrics */
    const struct nilo_metric *gmv;
    const struct nilo_values_sink *sink;
    const struct nilo_calendar *calendar;
    char *workspace, *connection; /* where the readings go now */
    char *item;                    /* whose title, owners, ... were handed over already, with its kind before it */
    int64_t done;
};

static int find_metrics(struct feeding *f, const struct nilo_catalog *catalog, struct nilo_err *err)
{
    f->gmv = nilo_catalog_by_type(catalog, NILO_COUNT, "gmv");
    f->metrics = calloc(f->v->n_metrics + 1, sizeof(const struct nilo_metric *));
    if (f->metrics == NULL)
        return nilo_err_nomem(err);
    for (size_t i = 0; i < f->v->n_metrics; i++) {
        f->metrics[i] = nilo_catalog_by_type(catalog, f->v->metrics[i].type, f->v->metrics[i].name);
        if (f->metrics[i] == NULL)
            return nilo_err_set(err, NILO_EINTERNAL, "the metric %s is not stored", f->v->metrics[i].name);
    }
    return 0;
}

/* Behind the values of a place. */
static int end_place(struct feeding *f, struct nilo_err *err)
{
    return f->workspace == NULL ? 0 : nilo__bests_feed(f->v->bests, f->workspace, f->connection, f->metrics, f->gmv, f->sink, err);
}

static int go_to_place(struct feeding *f, struct nilo_db_stmt *s, struct nilo_err *err)
{
    const char *workspace = nilo_db_column_text(s, 0), *connection = nilo_db_column_text(s, 1);
    if (f->workspace != NULL && strcmp(f->workspace, workspace) == 0 && strcmp(f->connection, connection) == 0)
        return 0;
    if (end_place(f, err) != 0)
        return -1;
    free(f->item);
    free(f->workspace);
    free(f->connection);
    f->item = NULL;
    f->workspace = strdup(workspace);
    f->connection = strdup(connection);
    if (f->workspace == NULL || f->connection == NULL)
        return nilo_err_nomem(err);
    return f->sink->place(f->sink->ctx, workspace, connection, nilo_db_column_text(s, 2), nilo_db_column_text(s, 17),
                          nilo_db_column_text(s, 20), NILO_DAY((int32_t)nilo_db_column_int(s, 18)), &f->calendar, err);
}

struct crediting {
    struct feeding *f;
    struct nilo_reading reading;
    int rc; /* of the first one: its values were taken or not */
    bool first;
};

/* The first owner goes with the values, the others come behind without any. */
static int credit(void *ctx, const char *owner, struct nilo_err *err)
{
    struct crediting *c = ctx;
    c->reading.owner = owner;
    int rc = c->f->sink->reading(c->f->sink->ctx, &c->reading, err);
    if (c->first)
        c->rc = rc;
    c->first = false;
    c->reading.n_values = 0;
    return rc < 0 ? -1 : 0;
}

/* What is said of the item goes with the first of its readings that is taken. */
static int with_item(struct feeding *f, struct nilo_db_stmt *s, struct nilo_reading *reading, struct nilo_err *err)
{
    const struct nilo_attrs attrs = {.title = nilo_db_column_text(s, 13), .url = nilo_db_column_text(s, 14), .posted_at = nilo_db_column_int(s, 15),
                                     .deleted_at = NILO_US_NONE, .at = NILO_US_NONE, .duration_ms = -1};
    const char *owners = nilo_db_column_text(s, 16);
    char *item = NULL;
    if (asprintf(&item, "%d %s", (int)reading->kind, reading->external_id) < 0)
        return nilo_err_nomem(err);
    bool known = f->item != NULL && strcmp(f->item, item) == 0;
    struct crediting c = {.f = f, .reading = *reading, .first = true};
    if (!known && reading->kind == NILO_CONTENT && (attrs.title != NULL || attrs.url != NULL || attrs.posted_at != NILO_US_NONE))
        c.reading.attrs = &attrs;
    int rc = known || owners == NULL ? 0 : each_owner(owners, credit, &c, err);
    if (rc == 0 && c.first)
        rc = c.rc = f->sink->reading(f->sink->ctx, &c.reading, err);
    if (rc < 0 || c.rc != 0) {
        free(item);
        return rc < 0 ? -1 : c.rc;
    }
    free(f->item);
    f->item = item;
    return 0;
}

static int refuse_value(struct nilo_values *v, const struct nilo_metric *m, nilo_day day, const char *text, struct nilo_err *err)
{
    char date[NILO_DAY_TEXT], why[128];
    nilo_day_format(day, date);
    snprintf(why, sizeof why, "value: %.40s %s", text, err->code != NILO_EINVAL ? "is too big" :
             m->scale == 0 ? "is no whole number" : "has more decimal places than the metric keeps");
    return refuse(v, date, m->name, why);
}

/* The day for the record: what the source had named, where the day of the value comes out the same; else that day. */
static nilo_day day_to_name(const struct feeding *f, struct nilo_db_stmt *s, nilo_day day, nilo_us at, bool named)
{
    if (nilo_db_column_null(s, 19) || at == NILO_US_NONE)
        return day;
    nilo_day source = NILO_DAY((int32_t)nilo_db_column_int(s, 19));
    bool follows = !named || (nilo_day_is_none(source) && f->calendar != NULL && nilo_calendar_day(f->calendar, at).n == day.n);
    return follows ? source : day;
}

static int hand_over(struct feeding *f, struct nilo_db_stmt *s, struct nilo_err *err)
{
    const struct nilo_metric *m = f->metrics[nilo_db_column_int(s, 8)];
    struct nilo_reading_value value = {.metric = m->id, .absence = (enum nilo_absence)nilo_db_column_int(s, 10), .meta = nilo_db_column_text(s, 12)};
    nilo_day day = NILO_DAY((int32_t)nilo_db_column_int(s, 6));
    nilo_us at = nilo_db_column_int(s, 7);
    /* A period's day is the one that is named, whenever it was read. An instant's is that of its instant: where the two differ, the day is kept. */
    bool named = m->kind == NILO_PERIOD || nilo_db_column_int(s, 5) != 0;
    if (at != NILO_US_NONE && !named && (f->calendar == NULL || nilo_calendar_day(f->calendar, at).n != day.n))
        at = NILO_US_NONE;
    if (!nilo_db_column_null(s, 9)) {
        const char *text = nilo_db_column_text(s, 9);
        bool round = f->v->daily && is_rounded((int)m->type);
        if (nilo_decimal_parse(text, strlen(text), m->scale, round, &value.value, err) != 0)
            return f->v->daily ? refuse_value(f->v, m, day, text, err) : nilo_err_wrap(err, "%s = %s", m->name, text);
    }
    struct nilo_reading reading = {
        .kind = (enum nilo_entity_kind)nilo_db_column_int(s, 3), .external_id = nilo_db_column_text(s, 4), .win = (int32_t)nilo_db_column_int(s, 5),
        .captured_at = at, .day = day_to_name(f, s, day, at, named), .provenance = (enum nilo_provenance)nilo_db_column_int(s, 11), .values = &value, .n_values = 1, .tag = day.n,
    };
    return with_item(f, s, &reading, err);
}

int nilo_values_feed(struct nilo_values *v, const struct nilo_catalog *catalog, const struct nilo_values_sink *sink, struct nilo_err *err)
{
    struct feeding f = {.v = v, .sink = sink};
    struct nilo_db_stmt *s = NULL;
    int rc = find_metrics(&f, catalog, err), got = 0;
    if (rc == 0)
        rc = nilo_db_prepare(v->db, select_rows, &s, err) == 0 ? nilo_db_query(s, NULL, 0, err) : -1;
    while (rc == 0 && (got = nilo_db_row(s, err)) == 1) {
        rc = go_to_place(&f, s, err);
        if (rc == 0)
            rc = hand_over(&f, s, err) < 0 ? -1 : 0;
        if (++f.done % 4096 == 0 && v->progress != NULL)
            v->progress(v->progress_ctx, f.done, v->rows);
    }
    if (rc == 0 && got == 0)
        rc = end_place(&f, err);
    if (s != NULL)
        nilo_db_reset(s);
    free(f.metrics);
    free(f.item);
    free(f.workspace);
    free(f.connection);
    return rc == 0 && got < 0 ? -1 : rc;
}
