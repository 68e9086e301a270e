/* The one read path: requests in the PostgREST dialect ("daily_metrics?metric_date=gte.2026-01-01") and function calls, for the
 * command line, the REST API and all else that reads. Parsing and running are apart: a request that parses is fit to run for as long as the
 * catalogue of metrics stands. Rows are streamed as typed cells; nothing here keeps a result in memory.
 *
 * Who may read what is decided by the scope, a mandatory argument; authentication is the server's business. */
#ifndef NILO_QUERY_QUERY_H
#define NILO_QUERY_QUERY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/day.h"
#include "base/decimal.h"
#include "base/err.h"
#include "store/store.h"

/* ---- what there is: one row a relation, a column, a function; OpenAPI, --help and the manual come from these --------------- */

/* What a client sees. */
enum nilo_type {
    NILO_T_TEXT,
    NILO_T_INT,
    NILO_T_DECIMAL, /* exact, scale kept */
    NILO_T_DAY,     /* YYYY-MM-DD */
    NILO_T_TIME,    /* 2025-01-11T00:00:15.12+00:00 */
    NILO_T_JSON,
    NILO_T_BOOL,
    NILO_T_UUID
};
const char *nilo_type_name(enum nilo_type t); /* as PostgreSQL calls it: text, bigint, numeric, date, ... */

/* How the store hands the column over: query's own business. */
enum nilo_form {
    NILO_F_PLAIN,   /* a column of the source with the type's own representation */
    NILO_F_ENUM,    /* a number with a name */
    NILO_F_SCALED,  /* scaled by the source's column "scale" */
    NILO_F_SUM,     /* 128 bits in two columns, "x" and "x.lo" */
    NILO_F_METRIC,  /* a metric's own column of a wide relation */
    NILO_F_ABSENCE, /* object metric -> reason, from the packed cells */
    NILO_F_DAYS,    /* object metric -> day, from the packed cells */
    NILO_F_WINDOWS, /* object metric -> window */
    NILO_F_KNOWN,   /* object metric -> count of items with a value */
    NILO_F_OWNERS,  /* array of owner keys */
    NILO_F_UUID,    /* computed from the row's key */
    NILO_F_FAILED   /* the failures of a run, as {"failed": [...]} */
};

#define NILO_COL_HIDDEN 1u  /* not part of "*"; may be asked for by name */
#define NILO_COL_ID 4u      /* an id of the app's own: a JSON number where the set's binding says that the app has numbers */
#define NILO_COL_POSTED 8u  /* a text that an app posted: a JSON number where the column "x.number" says that it was one */
#define NILO_COL_NOTNULL 2u /* never null: an index may serve its order */

struct nilo_column {
    const char *name;
    enum nilo_type type;
    enum nilo_form form;
    int scale; /* NILO_T_DECIMAL with a fixed scale */
    unsigned flags;
    const char *(*enum_name)(int); /* NILO_F_ENUM: names of 0..enum_max; "?" = null */
    int enum_max;
    const char *doc;
    const struct nilo_metric *metric; /* NILO_F_METRIC and sums of one */
    /* of a view (compat.h) */
    const char *sql;    /* what it is of the base b; NULL = its column of the same name. A sum: the metric */
    const char *of;     /* NILO_F_UUID: the set's relation whose row's id it is, by columns of the same names as its key's; NULL = the row's own */
    const char *narrow; /* the base's column that a condition on this one narrows; NULL = none but of the same name */
};

/* Wide relations have a column for each wide metric of the catalogue behind their own. */
enum nilo_wide { NILO_WIDE_NO, NILO_WIDE_VALUES, NILO_WIDE_SUMS };

struct nilo_relation {
    const char *name, *doc;
    const struct nilo_column *columns;
    size_t n_columns;
    enum nilo_wide wide;
    const char *day;         /* the column that the rule of 365 days looks at; NULL = none */
    const char *const *key;  /* columns that tell rows apart, NULL-terminated: ties are ordered by them, uuids made of them */
    enum nilo_role min_role; /* below: nothing is seen */
    bool as_of;
    const char *covers;      /* whose readings its days are made of, as coverage() takes it: "content", "app", "" both; NULL = it has none */
    const struct nilo_view *view; /* NULL: a relation of the store itself */
    const char *days_of; /* the store's source that says from when to when there are such rows, where a few days of them cost little; else NULL */
};
/* A relation that is made of another one: tables that existing apps know. */
struct nilo_view {
    const char *set;   /* which set of compat.h it belongs to */
    const char *base;  /* the store's relation, b */
    const char *where; /* over b; NULL = all */
    const char *group; /* over b; NULL = none */
    const char *const *metrics; /* columns of b that are metrics and are needed; NULL-terminated; NULL = none */
    bool of_connection; /* b has a connection: the binding's restricts it */
    bool rate;          /* b's avg_engagement_rate is needed */
    bool meta;          /* b's metadata is needed */
    bool posted;        /* b's posted_run is needed */
    const char *hidden; /* the column that says when a row was hidden: live ones alone are there, unless a condition names it; NULL = none */
    const char *id;     /* whose name row ids are made of: two names of one table give the same */
    int32_t win;        /* the window of its days, where no condition names one */
};
extern const struct nilo_relation nilo_relations[];
extern const size_t nilo_relations_n;
const struct nilo_relation *nilo_relation_find(const char *name);

struct nilo_parameter {
    const char *name;
    enum nilo_type type;
    bool required;
    const char *fallback; /* text of the default, NULL = none */
    const char *doc;
    bool prefix; /* any argument whose name begins so: min_ stands for min_views, min_gmv, ...; nilo_call_each() hands them over */
};
struct nilo_out_column;
struct nilo_call; /* one call of a function: its arguments and where its rows go */
typedef int nilo_function_fn(struct nilo_call *call, struct nilo_err *err);
/* Columns that follow from the arguments, behind the function's own. In the arena; *ret stays untouched when there are none. */
typedef int nilo_more_columns_fn(const struct nilo_call *call, struct nilo_arena *arena, struct nilo_out_column **ret, size_t *ret_n,
                                 struct nilo_err *err);
struct nilo_function {
    const char *name, *doc;
    const struct nilo_parameter *parameters;
    size_t n_parameters;
    const struct nilo_column *columns; /* form NILO_F_PLAIN */
    size_t n_columns;
    bool one;    /* answers one object, not an array */
    bool writes; /* refused through GET */
    enum nilo_role min_role;
    nilo_function_fn *run;
    nilo_more_columns_fn *more_columns; /* NULL = none */
    bool table; /* somebody else's table: no arguments, what is asked is asked of its rows; not in the table of functions */
    int (*count)(struct nilo_call *call, int64_t *ret, struct nilo_err *err); /* how many rows fulfil the conditions: 0; 1: not known ahead; NULL = never */
};
/* The built-in ones, then those registered. */
size_t nilo_functions_n(void);
const struct nilo_function *nilo_function_at(size_t i);
const struct nilo_function *nilo_function_find(const char *name);
/** nilo_function_register - for the folders above query, before threads start; f stays the caller's. false when the table is full */
bool nilo_function_register(const struct nilo_function *f);

/* ---- rows ------------------------------------------------------------------------------------------------------------------------ */

struct nilo_datum {
    enum nilo_type type;
    bool null;
    int scale;     /* DECIMAL */
    nilo_i128 i;   /* INT, DECIMAL (times 10^-scale), DAY (days), TIME (microseconds), BOOL */
    const char *p; /* TEXT, JSON, UUID: len bytes, not NUL-terminated */
    size_t len;
};
#define NILO_DATUM_MAX 64
/** nilo_datum_text - its spelling without quotes: "" for null. Points into d or out */
const char *nilo_datum_text(const struct nilo_datum *d, char out[NILO_DATUM_MAX], size_t *ret_len);

struct nilo_out_column {
    const char *name;    /* the alias where one was given */
    enum nilo_type type; /* after a cast */
    bool implied;        /* a metric's, by * and not by name: a table leaves it out where it is empty */
};
struct nilo_head {
    const struct nilo_out_column *columns;
    size_t n;
    int64_t offset;     /* rows skipped */
    int64_t total;      /* of all rows that match; -1 = not asked for */
    int64_t page;       /* of rows that will follow; -1 = not asked for */
    bool one;           /* a function that answers one object */
    bool limited;       /* by max_rows: the request itself wants more */
};
/* Where rows go. Anything but 0 from a callback ends the request with it; err is then the callback's. Cells are valid during the call.
 * A callback runs no statement on the same store: PostgreSQL has one at a time on a connection. */
struct nilo_sink {
    int (*head)(void *ctx, const struct nilo_head *head, struct nilo_err *err); /* once, before the first row */
    int (*row)(void *ctx, const struct nilo_datum *cells, struct nilo_err *err); /* head->n of them */
    void *ctx;
};

/* ---- requests --------------------------------------------------------------------------------------------------------------------- */

enum nilo_count { NILO_COUNT_NONE, NILO_COUNT_PAGE, NILO_COUNT_EXACT };

struct nilo_request {
    bool url;              /* values are form-encoded: + is a blank. Else as typed: + is itself, %XX is decoded all the same */
    bool hidden;           /* hidden rows too, whatever the conditions are */
    bool any_range;        /* exempt from the rule of 365 days: command line, service_role */
    bool left;             /* metric_values: also what is left of dropped days, for an export of all that there is */
    enum nilo_count count; /* Prefer: count=exact; PAGE counts only the rows that follow, for a Content-Range ahead of them */
    bool unasked;          /* nobody asked for the count: an offset behind the last row is no error */
    int64_t max_rows;      /* 0 = none */
    int64_t range_first, range_last; /* Range header, overrides limit and offset; -1 = none */
    const struct nilo_scope *seen; /* wide relations have columns of the metrics that these workspaces may know of; NULL = of all. Until it is parsed */
    const char *as_of;     /* --as-of; NULL = none. The parameter as_of= of the request says the same */
};
#define NILO_REQUEST_DEFAULT ((struct nilo_request){.range_first = -1, .range_last = -1})

/* What PostgREST tells beside the message; "" = null. */
struct nilo_notes {
    char details[640], hint[256];
};

struct nilo_query;

/** nilo_query_parse - "relation?select=...&column=op.value&order=..." (len bytes) to something that runs
 *  s        for its catalogue of metrics only; the query is good until a metric is defined
 *  notes    may be NULL
 *  errors   NILO_ERELATION, NILO_ECOLUMN, NILO_EPARSE, NILO_ENUMBER, NILO_EDATE, NILO_EDATERANGE, NILO_EINVAL (range, size, as_of where none is),
 *           NILO_ERANGE (negative limit), NILO_EOVERFLOW
 *  owner    caller, nilo_query_free() */
int nilo_query_parse(struct nilo_store *s, const char *text, size_t len, const struct nilo_request *request, struct nilo_query **ret,
                     struct nilo_notes *notes, struct nilo_err *err);

/* One argument of a call; value NULL = null. */
struct nilo_arg {
    const char *name, *value;
};
/** nilo_query_call - a function with its arguments. errors: NILO_EFUNCTION unknown function or argument names, NILO_ENULL a required argument is
 *  missing, NILO_EINVAL one that is given twice, as_of where none is, and those of values; owner as nilo_query_parse() */
int nilo_query_call(const char *function, const struct nilo_arg *args, size_t n, const struct nilo_request *request,
                    struct nilo_query **ret, struct nilo_notes *notes, struct nilo_err *err);
/** nilo_query_rpc - a call by its query string (len bytes): arguments, and what is asked of the rows: select, order, limit, offset, conditions on the
 *  function's columns. in_body: the arguments are the n of body, and the text asks of the rows alone; else there are none in body.
 *  errors, owner: as nilo_query_call() and nilo_query_parse() */
int nilo_query_rpc(const char *function, const char *text, size_t len, const struct nilo_arg *body, size_t n, bool in_body,
                   const struct nilo_request *request, struct nilo_query **ret, struct nilo_notes *notes, struct nilo_err *err);
/** nilo_query_table - a request of a table that f (f->table) reads; text and len are its query string. f has to outlive it */
int nilo_query_table(const struct nilo_function *f, const char *text, size_t len, const struct nilo_request *request, struct nilo_query **ret,
                     struct nilo_notes *notes, struct nilo_err *err);
/* What a PostgreSQL database can decide of such a request: columns whose sql says how a bound value is read ("CAST(? AS date)"). */
#define NILO_PUSH_MAX 400
struct nilo_push {
    struct nilo_buf where, tail; /* "" = nothing; " ORDER BY ... LIMIT n" */
    struct nilo_db_value params[NILO_PUSH_MAX];
    int n;
    bool all; /* every condition is in it */
};
void nilo_query_push(struct nilo_query *q, struct nilo_push *ret); /* once a query, before it runs; owner: nilo_push_done(), before nilo_query_free() */
void nilo_push_done(struct nilo_push *p);
/** nilo_query_text - either of the two from one text: "rpc/FUNCTION?name=value&..." is a call, all else nilo_query_parse(). len bytes */
int nilo_query_text(struct nilo_store *s, const char *text, size_t len, const struct nilo_request *request, struct nilo_query **ret,
                    struct nilo_notes *notes, struct nilo_err *err);
void nilo_query_free(struct nilo_query *q);

const struct nilo_relation *nilo_query_relation(const struct nilo_query *q); /* NULL for a call */
const struct nilo_function *nilo_query_function(const struct nilo_query *q);
const struct nilo_out_column *nilo_query_columns(const struct nilo_query *q, size_t *ret_n);

/* For another run of the same query: count the rows so. */
void nilo_query_count(struct nilo_query *q, enum nilo_count count);
/** nilo_query_total - the rows that the last run found when they were counted exactly, also where it failed with NILO_ERANGE; -1 = not known */
int64_t nilo_query_total(const struct nilo_query *q);

/** nilo_query_run - answers it within the scope; may run again and again, one at a time a store
 *  errors  NILO_EPERM the role sees nothing of the relation at all (anonymous), NILO_ERANGE offset behind the end when counted,
 *          the sink's, the store's */
int nilo_query_run(struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_sink *sink,
                   struct nilo_err *err);

/** nilo_query_note - a sentence about the last run's answer, like that it does not go back to the beginning; NULL = none */
const char *nilo_query_note(const struct nilo_query *q);

/* A question that costs next to nothing once it was understood, kept in that state: days of a few of the app's own metrics. What is asked of the store are a few
 * rows of 32 days; they are spelled as JSON without a detour. Good until anybody writes to the store (then a metric may be new, or the scope's connections). */
struct nilo_quick;
#define NILO_QUICK_LINES 72 /* rows of 32 days of a metric in its range, at most: a year of five metrics */
/** nilo_query_quick_fits - may the query be such a one? */
bool nilo_query_quick_fits(const struct nilo_query *q, struct nilo_store *s);
/** nilo_query_quick - *ret NULL: it is none. s has to outlive it, q does not. owner: caller, nilo_quick_free() */
int nilo_query_quick(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, struct nilo_quick **ret, struct nilo_err *err);
/** nilo_quick_json - appends the bytes that a nilo_writer of NILO_FORMAT_JSON gives for the query
 *  returns  0; 1: there are more than NILO_QUICK_LINES, ask in the ordinary way; -1 */
int nilo_quick_json(struct nilo_quick *k, struct nilo_buf *out, int64_t *ret_rows, struct nilo_err *err);
void nilo_quick_free(struct nilo_quick *k); /* NULL is fine */

/** nilo_query_catalog - the metrics that the scope may know of (NULL: all of the store): what one workspace calls its metrics is not told to another, neither as a
 *  column nor as a hint. In the arena; valid as long as the store's own */
int nilo_query_catalog(struct nilo_store *s, const struct nilo_scope *seen, struct nilo_arena *arena, struct nilo_catalog *ret, struct nilo_err *err);

/* The days that a relation's filter asks for (NILO_DAY_NONE = open), and the window. */
void nilo_query_days(const struct nilo_query *q, nilo_day *ret_from, nilo_day *ret_to, int32_t *ret_win);
/** nilo_query_asked - whose days its filter asks for, as arguments of coverage() (several values of one are put together in a way of its own). Conditions that are no
 *  plain list of names, and lists of more than NILO_ASKED_ITEMS items, narrow nothing. In the arena; ret has room for NILO_ASKED_MOST */
#define NILO_ASKED_MOST  10
#define NILO_ASKED_ITEMS 50
int nilo_query_asked(const struct nilo_query *q, struct nilo_arena *arena, struct nilo_arg *ret, size_t *ret_n, struct nilo_err *err);
/** nilo_query_fills - would a backfill fill days that are asked for so? *ret_options: those of the command that name whose ("" = of all), in the arena; NULL: none would */
int nilo_query_fills(struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_arg *asked, size_t n, struct nilo_arena *arena, const char **ret_options,
                     struct nilo_err *err);
/** nilo_query_recorded - first and last day on which anything within the scope was read; NILO_DAY_NONE: nothing yet */
int nilo_query_recorded(struct nilo_store *s, const struct nilo_scope *scope, nilo_day *ret_first, nilo_day *ret_last, struct nilo_err *err);

/** nilo_query_nothing - for an answer without rows: details say which days are recorded and which of those asked for are not, hint what would fill
 *  them. Both stay "" where days say nothing (owners, runs, ...) */
int nilo_query_nothing(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, struct nilo_notes *ret,
                       struct nilo_err *err);

/* ---- for functions ----------------------------------------------------------------------------------------------------------------- */

const struct nilo_function *nilo_call_function(const struct nilo_call *c);
struct nilo_store *nilo_call_store(const struct nilo_call *c);
const struct nilo_scope *nilo_call_scope(const struct nilo_call *c);
const struct nilo_request *nilo_call_request(const struct nilo_call *c);
struct nilo_arena *nilo_call_arena(const struct nilo_call *c); /* until the run ends */
/** nilo_call_text - the argument, else its default, else NULL. Name must be one of the function's parameters. Days, numbers and
 *  choices of type are checked before the function runs */
const char *nilo_call_text(const struct nilo_call *c, const char *name);
nilo_day nilo_call_day(const struct nilo_call *c, const char *name);                   /* NILO_DAY_NONE when absent */
int64_t nilo_call_int(const struct nilo_call *c, const char *name, int64_t fallback); /* fallback when absent */
/** nilo_call_each - the i-th argument of the parameter with that prefix, in the order given: its whole name and value; false behind the last */
bool nilo_call_each(const struct nilo_call *c, const char *prefix, size_t i, const char **ret_name, const char **ret_value);
/** nilo_call_row - hands one row on: as many cells as the function has columns, those that its arguments add included */
int nilo_call_row(struct nilo_call *c, const struct nilo_datum *cells, struct nilo_err *err);
/** nilo_call_today - the present day in the calendar of the scope's workspace (of several: the first one's; of none: UTC) */
int nilo_call_today(const struct nilo_call *c, nilo_day *ret, struct nilo_err *err);

/* Datums from plain values. */
static inline struct nilo_datum nilo_datum_null(enum nilo_type t) { return (struct nilo_datum){.type = t, .null = true}; }
static inline struct nilo_datum nilo_datum_int(int64_t v) { return (struct nilo_datum){.type = NILO_T_INT, .i = v}; }
static inline struct nilo_datum nilo_datum_decimal(nilo_i128 v, int scale)
{
    return (struct nilo_datum){.type = NILO_T_DECIMAL, .i = v, .scale = scale};
}
static inline struct nilo_datum nilo_datum_day(nilo_day d)
{
    return (struct nilo_datum){.type = NILO_T_DAY, .i = d.n, .null = nilo_day_is_none(d)};
}
static inline struct nilo_datum nilo_datum_time(nilo_us us)
{
    return (struct nilo_datum){.type = NILO_T_TIME, .i = us, .null = us == NILO_US_NONE};
}
static inline struct nilo_datum nilo_datum_bool(bool v) { return (struct nilo_datum){.type = NILO_T_BOOL, .i = v}; }
struct nilo_datum nilo_datum_str(const char *s); /* NULL = null */

/* ---- writing answers ----------------------------------------------------------------------------------------------------------------- */

#define NILO_FORMAT_ROWS(X)                                                                                            \
    X(NILO_FORMAT_TABLE, "table", "text/plain; charset=utf-8")                                                         \
    X(NILO_FORMAT_JSON, "json", "application/json; charset=utf-8")                                                     \
    X(NILO_FORMAT_OBJECT, "object", "application/vnd.pgrst.object+json; charset=utf-8")                                \
    X(NILO_FORMAT_CSV, "csv", "text/csv; charset=utf-8")                                                               \
    X(NILO_FORMAT_NDJSON, "ndjson", "application/x-ndjson; charset=utf-8")
enum nilo_format {
#define X(id, name, mime) id,
    NILO_FORMAT_ROWS(X)
#undef X
        NILO_FORMAT_N
};
const char *nilo_format_name(enum nilo_format f);
const char *nilo_format_mime(enum nilo_format f);
int nilo_format_value(const char *name); /* -1 unknown */

struct nilo_writer;
/** nilo_writer_new - a sink that spells rows and hands the bytes to write() in pieces of about 64 KiB
 *  strip    leaves nulls out of JSON objects (nulls=stripped)
 *  TABLE    is laid out by its first 1,000 rows; later ones that are wider stand out
 *  OBJECT   fails with NILO_EONE unless there is exactly one row; nothing is written before that is known
 *  owner    caller, nilo_writer_free(); after a run that went well nilo_writer_end() writes what is left */
typedef int nilo_write_fn(void *ctx, const char *p, size_t n, struct nilo_err *err);
int nilo_writer_new(enum nilo_format f, bool strip, nilo_write_fn *write, void *ctx, struct nilo_writer **ret, struct nilo_err *err);
struct nilo_sink nilo_writer_sink(struct nilo_writer *w);
int nilo_writer_end(struct nilo_writer *w, struct nilo_err *err);
int64_t nilo_writer_rows(const struct nilo_writer *w);
void nilo_writer_free(struct nilo_writer *w);

/** nilo_content_range - "0-24/100", "0-24/" + "*", "*" + "/100": the header's value. total -1 = not known */
#define NILO_CONTENT_RANGE_TEXT 64
void nilo_content_range(int64_t offset, int64_t rows, int64_t total, char out[NILO_CONTENT_RANGE_TEXT]);

#endif
