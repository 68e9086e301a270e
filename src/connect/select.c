/* Statements of the configuration: asks them for a range of days, or day by day, and reads their answers strictly. What does not fit
 * is one sentence; nothing is guessed.
 *
 * :from and :to are the first instants of the first day and behind the last, in the workspace's zone. PostgreSQL gets them as timestamptz;
 * SQLite as UTC text like its own datetime() writes it, 2025-01-10 23:00:00, or with a T where the source does so (times.h). :day is the date as
 * text or date. */
#include "connect/connect.h"
#include "connect/compared.h"
#include "connect/times.h"

#include <stdio.h>
#include <string.h>

#include "base/decimal.h"
#include "base/json.h"
#include "config/config.h"

#define STATEMENT_MAX_BYTES (64u << 10)
#define META_MAX_BYTES      (256u << 10)
#define META_SCALE          6 /* of figures beside the value */
#define KEYS_MAX            1000 /* of a breakdown: what readers of the record take */
#define KEY_BYTES           200
#define TOP                 10

enum column { DAY, VALUE, SAMPLE, DEVIATION, NUMERATOR, DENOMINATOR, CALCULATION, KEY, COLUMNS };
static const char *const column_names[COLUMNS] = {"day",       "value",       "sample_size", "std_deviation",
                                                  "numerator", "denominator", "calculation", "key"};

static const struct kind {
    const char *type;
    unsigned needs, may; /* bits of enum column, DAY apart */
    const char *wants;
} kinds[] = {
    {"count", 1u << VALUE, 0, "value"},
    {"average", 1u << VALUE, 1u << SAMPLE | 1u << DEVIATION, "value and, if it likes, sample_size and std_deviation"},
    {"percentage", 1u << NUMERATOR | 1u << DENOMINATOR, 1u << CALCULATION, "numerator, denominator and, if it likes, calculation"},
    {"aggregate", 1u << KEY | 1u << VALUE, 0, "key and value"},
};

#define NO_KEY "(none)" /* how NULL is called */

struct item {
    const char *key;
    int64_t value;
    bool null; /* the source's key is NULL */
};

struct select {
    struct nilo_sql_statement *statement;
    const struct kind *kind;
    struct nilo_db *db;
    struct nilo_db_stmt *rows;
    struct nilo_arena *arena;
    nilo_day from;
    size_t n;
    bool by_day;
    char between; /* SQLite: what stands between day and time */
    struct nilo_sql_shape shape;
    int at[COLUMNS]; /* column number, or -1 */
    nilo_day row_day; /* of the row being read */
    bool *seen;      /* n: a row came */
    /* the aggregate being gathered */
    struct item *items;
    size_t n_items;
    nilo_day items_day;
    struct nilo_sql_answer *ret;
};

static const char *day_text(nilo_day day, char out[NILO_DAY_TEXT])
{
    nilo_day_format(day, out);
    return out;
}

/* ---- columns ------------------------------------------------------------------------------------------------------------------------ */

static int wrong_columns(const struct select *s, const char *what, const char *name, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_EINVAL, "the statement %s %.60s; a metric of type %s takes the columns %s, and day where all days are asked "
                        "for at once", what, name, s->kind->type, s->kind->wants);
}

static int find_columns(struct select *s, struct nilo_err *err)
{
    unsigned found = 0;
    for (int i = 0; i < COLUMNS; i++)
        s->at[i] = -1;
    for (int i = 0; i < nilo_db_columns(s->rows); i++) {
        const char *name = nilo_db_column_name(s->rows, i);
        int c = 0;
        while (c < COLUMNS && strcmp(name != NULL ? name : "", column_names[c]) != 0)
            c++;
        bool known = c < COLUMNS && (c == DAY || ((s->kind->needs | s->kind->may) & 1u << c) != 0);
        if (!known)
            return wrong_columns(s, "returns the column", name != NULL ? name : "?", err);
        if (s->at[c] >= 0)
            return wrong_columns(s, "returns twice the column", name, err);
        s->at[c] = i;
        found |= 1u << c;
    }
    for (int c = 1; c < COLUMNS; c++) {
        if ((s->kind->needs & ~found & 1u << c) != 0)
            return wrong_columns(s, "does not return the column", column_names[c], err);
    }
    return 0;
}

/* ---- cells -------------------------------------------------------------------------------------------------------------------------- */

static int wrong_cell(const struct select *s, enum column c, const char *what, struct nilo_err *err)
{
    char day[NILO_DAY_TEXT];
    return nilo_err_set(err, NILO_EINVAL, "the statement's column %s on %s %s", column_names[c], day_text(s->row_day, day), what);
}

/* A number by the scale; *ret_null for NULL. Digits that the scale has no room for are rounded, but a count that is no whole number is a mistake. */
static int read_number(struct select *s, enum column c, int scale, bool round, int64_t *ret, bool *ret_null, struct nilo_err *err)
{
    struct nilo_db_value v = nilo_db_column(s->rows, s->at[c]);
    char digits[32];
    struct nilo_err why = {0};
    *ret_null = v.type == NILO_DB_NULL;
    if (*ret_null)
        return 0;
    if (v.type == NILO_DB_INT) {
        v.len = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)v.i);
        v.p = digits;
    } else if (v.type != NILO_DB_REAL) {
        return wrong_cell(s, c, "is no number", err);
    }
    if (nilo_decimal_parse(v.p, v.len, scale, round, ret, &why) == 0)
        return 0;
    if (why.code == NILO_EINVAL)
        return wrong_cell(s, c, "has more decimal places than the metric keeps; give it a scale, or round", err);
    return wrong_cell(s, c, why.code == NILO_EOVERFLOW ? "is too big a number" : "is no number", err);
}

/* A time of day is fine where it is the day's first instant: with an offset that of the workspace's day, without one midnight. Any other one
 * was not cut in that zone, and whichever day it were taken for would be a guess. */
static bool is_day(const struct select *s, struct nilo_iso *iso)
{
    if (iso->date_only)
        return true;
    if (!iso->has_zone)
        return iso->us == (nilo_us)iso->day.n * NILO_US_DAY;
    iso->day = nilo_calendar_day(s->statement->calendar, iso->us);
    return nilo_calendar_start(s->statement->calendar, iso->day) == iso->us;
}

static const char *zone_of(const struct select *s)
{
    return nilo_zone_name(nilo_calendar_zone(s->statement->calendar, s->from));
}

static int read_day(struct select *s, struct nilo_err *err)
{
    struct nilo_db_value v = nilo_db_column(s->rows, s->at[DAY]);
    char first[NILO_DAY_TEXT], last[NILO_DAY_TEXT], day[NILO_DAY_TEXT];
    struct nilo_iso iso;
    if (v.type != NILO_DB_TEXT || nilo_iso_parse(v.p, v.len, &iso, NULL) != 0)
        return nilo_err_set(err, NILO_EINVAL, "the statement's column day is %s%.40s; it takes a date such as 2025-01-11",
                            v.type == NILO_DB_TEXT ? "" : v.type == NILO_DB_NULL ? "empty" : "no date", v.type == NILO_DB_TEXT ? v.p : "");
    if (!is_day(s, &iso))
        return nilo_err_set(err, NILO_EINVAL, "the statement's column day is %.40s, which is not where a day of the zone %s begins; cut its days in that "
                            "zone, and return them as dates", v.p, zone_of(s));
    s->row_day = iso.day;
    if (iso.day.n >= s->from.n && (size_t)(iso.day.n - s->from.n) < s->n)
        return 0;
    return nilo_err_set(err, NILO_EINVAL, "the statement returns the day %s, which is not among those asked for (%s to %s in the zone %s); cut "
                        "its days in that zone", day_text(iso.day, day), day_text(s->from, first),
                        day_text(NILO_DAY(s->from.n + (int32_t)s->n - 1), last), zone_of(s));
}

/* ---- rows --------------------------------------------------------------------------------------------------------------------------- */

static void json_number(struct nilo_json_out *o, const char *key, int64_t v, int scale)
{
    char text[NILO_DECIMAL_TEXT];
    size_t len = nilo_decimal_format(v, scale, false, text);
    if (key != NULL)
        nilo_json_key(o, key);
    nilo_json_text(o, text, len);
}

/* The object without its braces. */
static int keep_members(struct select *s, struct nilo_buf *b, struct nilo_sql_answer *a, struct nilo_err *err)
{
    bool failed = b->len < 2;
    if (b->failed) {
        nilo_buf_done(b);
        return nilo_err_set(err, NILO_ECONFIG, "the statement: what stands beside the value (keys, numbers) takes more than %u KiB a day; give fewer or shorter keys", META_MAX_BYTES >> 10);
    }
    if (b->len > 2) {
        a->members = nilo_arena_strndup(s->arena, b->data + 1, b->len - 2);
        failed = a->members == NULL;
    }
    nilo_buf_done(b);
    return failed ? nilo_err_nomem(err) : 0;
}

static int take_average(struct select *s, struct nilo_sql_answer *a, struct nilo_err *err)
{
    struct nilo_buf b;
    struct nilo_json_out o;
    bool null;
    int64_t v;
    if (read_number(s, VALUE, s->statement->scale, true, &a->value, &null, err) != 0)
        return -1;
    a->present = !null;
    nilo_buf_init(&b, META_MAX_BYTES);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    for (enum column c = SAMPLE; c <= DEVIATION; c++) {
        if (s->at[c] < 0)
            continue;
        if (read_number(s, c, c == SAMPLE ? 0 : META_SCALE, c != SAMPLE, &v, &null, err) != 0) {
            nilo_buf_done(&b);
            return -1;
        }
        if (!null)
            json_number(&o, column_names[c], v, c == SAMPLE ? 0 : META_SCALE);
    }
    nilo_json_object_end(&o);
    return keep_members(s, &b, a, err);
}

static int take_percentage(struct select *s, struct nilo_sql_answer *a, struct nilo_err *err)
{
    struct nilo_buf b;
    struct nilo_json_out o;
    bool no_numerator, no_denominator;
    int64_t numerator = 0, denominator = 0;
    if (read_number(s, NUMERATOR, META_SCALE, true, &numerator, &no_numerator, err) != 0 ||
        read_number(s, DENOMINATOR, META_SCALE, true, &denominator, &no_denominator, err) != 0)
        return -1;
    /* Of nothing there is no share. */
    if (no_numerator || no_denominator || denominator == 0)
        return 0;
    if (!nilo_decimal_div((nilo_i128)numerator * 100, denominator, s->statement->scale, &a->value))
        return wrong_cell(s, NUMERATOR, "is too big beside denominator", err);
    a->present = true;
    nilo_buf_init(&b, META_MAX_BYTES);
    nilo_json_out_init(&o, &b);
    nilo_json_object_begin(&o);
    json_number(&o, "numerator", numerator, META_SCALE);
    json_number(&o, "denominator", denominator, META_SCALE);
    struct nilo_db_value how = s->at[CALCULATION] >= 0 ? nilo_db_column(s->rows, s->at[CALCULATION]) : NILO_DBV_NULL;
    nilo_json_key(&o, "calculation");
    if (how.type == NILO_DB_TEXT)
        nilo_json_strn(&o, how.p, how.len);
    else
        nilo_json_str(&o, "100 * numerator / denominator");
    nilo_json_object_end(&o);
    return keep_members(s, &b, a, err);
}

static int take_item(struct select *s, struct nilo_err *err)
{
    struct nilo_db_value key = nilo_db_column(s->rows, s->at[KEY]);
    char digits[32];
    bool null;
    struct item *item = &s->items[s->n_items];
    if (s->n_items == KEYS_MAX)
        return wrong_cell(s, KEY, "has more than 1000 different ones; put the small ones together", err);
    if (read_number(s, VALUE, s->statement->scale, s->statement->scale > 0, &item->value, &null, err) != 0)
        return -1;
    if (null)
        return 0;
    item->null = key.type == NILO_DB_NULL;
    if (key.type == NILO_DB_INT) {
        key.len = (size_t)snprintf(digits, sizeof digits, "%lld", (long long)key.i);
        key.p = digits;
    } else if (key.type == NILO_DB_NULL) {
        key = nilo_dbv_text(NO_KEY);
    } else if (key.type == NILO_DB_BYTES) {
        return wrong_cell(s, KEY, "is no text", err);
    }
    if (key.len > KEY_BYTES || !nilo_utf8_valid(key.p, key.len, NULL) || memchr(key.p, '\0', key.len) != NULL)
        return wrong_cell(s, KEY, "is longer than 200 bytes, or no UTF-8 text", err);
    for (size_t i = 0; i < s->n_items; i++) {
        if (strlen(s->items[i].key) != key.len || memcmp(s->items[i].key, key.p, key.len) != 0)
            continue;
        if (s->items[i].null != item->null)
            return wrong_cell(s, KEY, "is NULL and the text " NO_KEY ", by which NULL goes here; give one of them another name, as with coalesce(key, 'none')", err);
        return wrong_cell(s, KEY, "comes twice; group by day and key", err);
    }
    item->key = nilo_arena_strndup(s->arena, key.p, key.len);
    s->n_items++;
    return item->key != NULL ? 0 : nilo_err_nomem(err);
}

/* The greatest that comes behind `last`; ties by key. */
static const struct item *next_item(const struct select *s, const struct item *last)
{
    const struct item *best = NULL;
    for (size_t i = 0; i < s->n_items; i++) {
        const struct item *it = &s->items[i];
        bool behind = last == NULL || it->value < last->value || (it->value == last->value && strcmp(it->key, last->key) > 0);
        bool better = best == NULL || it->value > best->value || (it->value == best->value && strcmp(it->key, best->key) < 0);
        if (behind && better)
            best = it;
    }
    return best;
}

static void write_items(const struct select *s, struct nilo_json_out *o)
{
    const struct item *it = NULL;
    nilo_json_object_begin(o);
    nilo_json_key(o, "breakdown");
    nilo_json_object_begin(o);
    for (size_t i = 0; i < s->n_items; i++)
        json_number(o, s->items[i].key, s->items[i].value, s->statement->scale);
    nilo_json_object_end(o);
    nilo_json_key(o, "top_items");
    nilo_json_array_begin(o);
    for (int i = 0; i < TOP && (it = next_item(s, it)) != NULL; i++) {
        nilo_json_object_begin(o);
        nilo_json_key(o, "key");
        nilo_json_str(o, it->key);
        json_number(o, "value", it->value, s->statement->scale);
        nilo_json_object_end(o);
    }
    nilo_json_array_end(o);
    nilo_json_object_end(o);
}

/* A day's rows are over: their sum and the breakdown. */
static int end_items(struct select *s, struct nilo_err *err)
{
    struct nilo_buf b;
    struct nilo_json_out o;
    nilo_i128 sum = 0;
    if (nilo_day_is_none(s->items_day))
        return 0;
    struct nilo_sql_answer *a = &s->ret[s->items_day.n - s->from.n];
    for (size_t i = 0; i < s->n_items; i++)
        sum += s->items[i].value;
    if (sum > INT64_MAX || sum < INT64_MIN)
        return wrong_cell(s, VALUE, "adds up to too big a number", err);
    *a = (struct nilo_sql_answer){.present = true, .value = (int64_t)sum};
    nilo_buf_init(&b, META_MAX_BYTES);
    nilo_json_out_init(&o, &b);
    write_items(s, &o);
    s->n_items = 0;
    s->items_day = NILO_DAY_NONE;
    return keep_members(s, &b, a, err);
}

static int take_value(struct select *s, struct nilo_sql_answer *a, struct nilo_err *err)
{
    bool null;
    if (strcmp(s->kind->type, "average") == 0)
        return take_average(s, a, err);
    if (strcmp(s->kind->type, "percentage") == 0)
        return take_percentage(s, a, err);
    if (read_number(s, VALUE, s->statement->scale, s->statement->scale > 0, &a->value, &null, err) != 0)
        return -1;
    a->present = !null;
    return 0;
}

static int take_row(struct select *s, struct nilo_err *err)
{
    char day[NILO_DAY_TEXT];
    s->row_day = s->from;
    if (s->at[DAY] >= 0 && read_day(s, err) != 0)
        return -1;
    size_t i = (size_t)(s->row_day.n - s->from.n);
    bool items = strcmp(s->kind->type, "aggregate") == 0;
    bool goes_on = items && s->items_day.n == s->row_day.n;
    if (items && !goes_on && end_items(s, err) != 0)
        return -1;
    if (s->seen[i] && !goes_on)
        return nilo_err_set(err, NILO_EINVAL, items ? "the statement returns the rows of %s in several places; order them by day"
                                                    : "the statement returns more than one row for %s; group them by day",
                            day_text(s->row_day, day));
    s->seen[i] = true;
    if (items) {
        s->items_day = s->row_day;
        return take_item(s, err);
    }
    return take_value(s, &s->ret[i], err);
}

/* ---- asking ------------------------------------------------------------------------------------------------------------------------- */

static void bind_text(const struct select *s, nilo_us at, char out[NILO_US_TEXT])
{
    nilo_us_format(at, out);
    if (nilo_db_engine(s->db) != NILO_DB_SQLITE)
        return;
    out[10] = s->between;
    out[19] = '\0'; /* days begin on whole seconds */
}

/* Its columns are known before anything is executed. */
static int look(struct select *s, const char *sql, struct nilo_err *err)
{
    return nilo_db_prepare(s->db, sql, &s->rows, err) == 0 ? find_columns(s, err) : -1;
}

static int ask(struct select *s, struct nilo_err *err)
{
    char from[NILO_US_TEXT], to[NILO_US_TEXT], day[NILO_DAY_TEXT];
    struct nilo_db_value params[3];
    nilo_day last = NILO_DAY(s->from.n + (int32_t)s->n - 1);
    bind_text(s, nilo_calendar_start(s->statement->calendar, s->from), from);
    bind_text(s, nilo_calendar_end(s->statement->calendar, last), to);
    nilo_day_format(s->from, day);
    if (s->shape.from > 0)
        params[s->shape.from - 1] = nilo_dbv_text(from);
    if (s->shape.to > 0)
        params[s->shape.to - 1] = nilo_dbv_text(to);
    if (s->shape.day > 0)
        params[s->shape.day - 1] = nilo_dbv_text(day);
    return nilo_db_query(s->rows, params, s->shape.n, err);
}

/* *ret_by_day: the answer has no days, so it is wanted day by day; then nothing was executed: for the whole range it may take too long, and a
 * failure would leave PostgreSQL's transaction aborted for the days that are asked for then. */
static int ask_range(struct select *s, const char *sql, bool *ret_by_day, struct nilo_err *err)
{
    int row;
    if (look(s, sql, err) != 0)
        return -1;
    *ret_by_day = s->at[DAY] < 0 && s->n > 1;
    if (*ret_by_day)
        return 0;
    if (ask(s, err) != 0)
        return -1;
    s->items_day = NILO_DAY_NONE;
    s->n_items = 0;
    while ((row = nilo_db_row(s->rows, err)) == 1) {
        if (take_row(s, err) != 0) {
            nilo_db_reset(s->rows);
            return -1;
        }
    }
    return row < 0 ? -1 : end_items(s, err);
}

static int ask_days(struct select *all, const char *sql, const bool *wanted, struct nilo_err *err)
{
    bool ignored;
    for (size_t i = 0; i < all->n; i++) {
        struct select day = *all;
        day.from = NILO_DAY(all->from.n + (int32_t)i);
        day.n = 1;
        day.seen = &all->seen[i];
        day.ret = &all->ret[i];
        if (wanted != NULL && !wanted[i])
            continue;
        if (ask_range(&day, sql, &ignored, err) != 0)
            return -1;
    }
    return 0;
}

static nilo_day date_in_utc(nilo_us at)
{
    return NILO_DAY((int32_t)((at - (at < 0 ? NILO_US_DAY - 1 : 0)) / NILO_US_DAY));
}

static struct nilo_sql_days asked_days(const struct select *s)
{
    const struct nilo_calendar *calendar = s->statement->calendar;
    nilo_day last = NILO_DAY(s->from.n + (int32_t)s->n - 1);
    bool apart = date_in_utc(nilo_calendar_start(calendar, s->from)).n != s->from.n || date_in_utc(nilo_calendar_end(calendar, last)).n != last.n + 1;
    bool late = nilo_calendar_start(calendar, s->from) > (nilo_us)s->from.n * NILO_US_DAY || nilo_calendar_end(calendar, last) > (nilo_us)(last.n + 1) * NILO_US_DAY;
    return (struct nilo_sql_days){s->from, last, late, apart};
}

#define PARAMS_MAX 64

/* What PREPARE takes each place of :from, :to and :day for, in their order; false: types that do not follow from the text alone, or it does not run, as will be told. */
static int look_for_dates(struct select *s, const char *bare, bool ret[PARAMS_MAX], struct nilo_err *err)
{
    struct nilo_err unclear;
    struct nilo_db_stmt *rows = NULL;
    if (nilo_db_exec(s->db, "SAVEPOINT nilo_look", err) != 0)
        return -1;
    if (nilo_db_exec(s->db, bare, &unclear) != 0)
        return nilo_db_exec(s->db, "ROLLBACK TO SAVEPOINT nilo_look", err);
    int got = 0, rc = nilo_db_prepare_once(s->db, "SELECT n, parameter_types[n] = 'date'::regtype FROM pg_prepared_statements, generate_series(1, cardinality(parameter_types)) AS n "
                                                  "WHERE name = 'nilo_look'", &rows, err);
    if (rc == 0)
        rc = nilo_db_query(rows, NULL, 0, err);
    while (rc == 0 && (got = nilo_db_row(rows, err)) == 1) {
        int64_t n = nilo_db_column_int(rows, 0);
        if (n <= PARAMS_MAX)
            ret[n - 1] = nilo_db_column_int(rows, 1) != 0;
    }
    nilo_db_finish(rows);
    return rc != 0 || got < 0 ? -1 : nilo_db_exec(s->db, "DEALLOCATE nilo_look; RELEASE SAVEPOINT nilo_look", err);
}

/* A function that takes the date of an instant in UTC: date(:from), date_trunc('day', :from), to_char(:from, ...), and a series of such instants. */
static bool cuts_days(const struct nilo__tokens *all, ptrdiff_t param)
{
    static const char *const functions[] = {"date", "to_char", "generate_series", "date_trunc"};
    ptrdiff_t open = nilo__enclosing(all, param);
    const struct nilo__token *function = nilo__token_at(all, open - 1);
    struct nilo__span left = {open + 1, nilo__partner(all, open) - 1}, one;
    int n = 0;
    while (open >= 0 && nilo__next_argument(all, &left, &one))
        n++;
    for (size_t i = 0; open >= 0 && i < sizeof functions / sizeof functions[0]; i++)
        if (nilo__spells(function, functions[i]))
            return i < 3 || n == 2; /* date_trunc() may be told a zone */
    return false;
}

/* Each place of :from and :to: beside a date it is wrong west of Greenwich, made a date it is wrong east of it. */
static int judge_dates(const struct nilo__tokens *all, const struct nilo_sql_shape *shape, struct nilo_sql_days days, const bool is_date[PARAMS_MAX], struct nilo_err *err)
{
    bool dates = false, derived = false, wrong = false;
    size_t place = 0;
    for (size_t i = 0; i < all->n; i++) {
        struct nilo__comparison c;
        if (all->t[i].kind != NILO__PARAM)
            continue;
        bool date = place < PARAMS_MAX && is_date[place], range = nilo__is_range(&all->t[i], shape);
        place++;
        if (!range)
            continue;
        bool direct = nilo__use_of(all, (ptrdiff_t)i, &c) == NILO__USE_COMPARED && c.bound == NILO__BOUND_SPELLED;
        dates = dates || date;
        derived = derived || !direct;
        wrong = wrong || (date && direct && days.late) || (days.apart && ((date && !direct) || cuts_days(all, (ptrdiff_t)i)));
    }
    if (!wrong && !(days.apart && dates && derived))
        return 0;
    return nilo_err_set(err, NILO_ECONFIG, "the statement compares a date with :from or :to, or makes a date of them; they are instants, and days of the workspace's zone do not begin at midnight UTC; write "
                                           "column = :day, or CAST(:from AT TIME ZONE 'Area/City' AS date) instead of :from, and of :to alike");
}

/* A date beside an instant becomes its midnight in UTC, and an instant made a date is the date in UTC. */
static int check_dates(struct select *s, struct nilo_sql_days days, struct nilo_err *err)
{
    bool is_date[PARAMS_MAX] = {false};
    struct nilo_sql_shape shape;
    struct nilo_buf bare, any;
    struct nilo__tokens all;
    if (!days.late && !days.apart)
        return 0;
    nilo_buf_init(&bare, 2 * STATEMENT_MAX_BYTES);
    nilo_buf_init(&any, 2 * STATEMENT_MAX_BYTES);
    nilo_buf_adds(&bare, "PREPARE nilo_look AS ");
    int rc = nilo_config_sql_statement(s->statement->text, NILO_SQL_POSTGRES_BARE, &shape, &bare, err);
    if (rc == 0)
        rc = nilo_config_sql_statement(s->statement->text, NILO_SQL_ANY, &shape, &any, err);
    if (rc == 0)
        rc = bare.failed || any.failed ? nilo_err_nomem(err) : look_for_dates(s, nilo_buf_str(&bare), is_date, err);
    if (rc == 0)
        rc = nilo__sql_tokens(nilo_buf_str(&any), s->arena, &all, err);
    if (rc == 0)
        rc = judge_dates(&all, &shape, days, is_date, err);
    nilo_buf_done(&any);
    nilo_buf_done(&bare);
    return rc;
}

static int select_in_transaction(struct select *s, const char *sql, const bool *wanted, struct nilo_err *err)
{
    bool by_day = s->by_day;
    if (nilo_db_begin(s->db, err) != 0)
        return -1;
    /* Policies would hide rows without a word: then it is an error instead. */
    bool sqlite = nilo_db_engine(s->db) == NILO_DB_SQLITE, range = s->shape.from > 0 || s->shape.to > 0;
    int result = sqlite ? 0 : nilo_db_exec(s->db, "SET LOCAL row_security = off", err);
    if (!sqlite && range && result == 0)
        result = check_dates(s, asked_days(s), err);
    if (sqlite && range)
        result = nilo__sql_times(s->db, sql, &s->shape, asked_days(s), s->arena, &s->between, err);
    if (result == 0 && !by_day)
        result = ask_range(s, sql, &by_day, err);
    if (result == 0 && by_day)
        result = ask_days(s, sql, wanted, err);
    if (result == 0)
        result = nilo_db_commit(s->db, err);
    if (result != 0)
        nilo_db_rollback(s->db);
    s->statement->by_day = by_day || s->at[DAY] < 0;
    return result;
}

int nilo_sql_select(struct nilo_db *source, struct nilo_sql_statement *statement, nilo_day from, size_t n, const bool *wanted,
                    struct nilo_arena *arena, struct nilo_sql_answer *ret, struct nilo_err *err)
{
    struct select s = {.statement = statement, .db = source, .arena = arena, .from = from, .n = n, .ret = ret, .kind = &kinds[0]};
    struct nilo_buf sql;
    bool sqlite = nilo_db_engine(source) == NILO_DB_SQLITE;
    int result = -1;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kinds[i].type, statement->type) == 0)
            s.kind = &kinds[i];
    }
    nilo_buf_init(&sql, STATEMENT_MAX_BYTES);
    s.seen = nilo_arena_array(arena, n, sizeof *s.seen);
    s.items = nilo_arena_array(arena, KEYS_MAX, sizeof *s.items);
    memset(ret, 0, n * sizeof *ret);
    if (s.seen == NULL || s.items == NULL)
        nilo_err_nomem(err);
    else if (nilo_config_sql_statement(statement->text, sqlite ? NILO_SQL_SQLITE : NILO_SQL_POSTGRES, &s.shape, &sql, err) == 0) {
        s.by_day = s.shape.day > 0 || statement->by_day;
        result = select_in_transaction(&s, nilo_buf_str(&sql), wanted, err);
    }
    nilo_buf_done(&sql);
    return result;
}
