/* Shared inside query: the parsed request, and what its files ask of each other. */
#ifndef NILO_QUERY_QUERY_PRIV_H
#define NILO_QUERY_QUERY_PRIV_H

#include "query/compat.h"

/* Sizes of one request. A request head has 32 KiB; the command line may send more. */
#define NILO__TEXT_MAX   ((size_t)1 << 20)
#define NILO__DEPTH_MAX  32    /* of and() and or() */
#define NILO__NODES_MAX  400   /* conditions; with the chains below SQLite's depth of expressions (1,000) is kept */
#define NILO__CHAIN_MAX  400   /* values of one condition that become a chain of OR or AND */
#define NILO__VALUES_MAX 6900 /* values in all in.() lists; a statement takes 7,400 parameters, and other conditions have theirs */
#define NILO__SELECT_MAX 1000
#define NILO__ORDER_MAX  100
#define NILO__PATH_MAX   16    /* steps of a JSON path */
#define NILO__GROUPS_MAX 100000 /* rows that are put together or put in order here */
#define NILO__SUMS_MAX   300   /* metrics of an owners' relation in one request: three columns each */

/* ---- the parsed request ---------------------------------------------------------------------------------------------------- */

/* What a refused as_of names. */
#define NILO__AS_OF_CAN "content_snapshots, daily_metrics and owner_daily can, and of the functions growth and timeseries"

struct nilo__text {
    const char *p;
    size_t len;
};

/* col->a->0->>b: steps behind a column that holds JSON. */
struct nilo__path {
    struct nilo__text step[NILO__PATH_MAX];
    int n;
    bool text; /* ends in ->> */
};

enum nilo__cast { NILO__CAST_NONE, NILO__CAST_TEXT, NILO__CAST_INT, NILO__CAST_NUMERIC, NILO__CAST_DATE, NILO__CAST_SAME };

enum nilo__aggregate { NILO__NO_AGGREGATE, NILO__COUNT, NILO__SUM, NILO__AVG, NILO__MIN, NILO__MAX };

struct nilo__item { /* of select */
    const struct nilo_column *column; /* NULL: count() of rows */
    struct nilo__path path;
    enum nilo__cast cast;
    enum nilo__aggregate aggregate; /* of the column's values, cast already */
    enum nilo__cast then;           /* the cast of the aggregate */
    const char *name; /* alias, else the column's or the last key's */
    bool all;         /* by *, not by name */
};

enum nilo__op {
    NILO__EQ,
    NILO__NEQ,
    NILO__GT,
    NILO__GTE,
    NILO__LT,
    NILO__LTE,
    NILO__LIKE,
    NILO__ILIKE,
    NILO__IN,
    NILO__IS,
    NILO__ISDISTINCT
};
enum nilo__is { NILO__IS_NULL, NILO__IS_NOT_NULL, NILO__IS_TRUE, NILO__IS_FALSE, NILO__IS_UNKNOWN };
enum nilo__node_kind { NILO__COMPARE, NILO__AND, NILO__OR };

struct nilo__node {
    enum nilo__node_kind kind;
    bool not;
    struct nilo__node *first, *next; /* children of and/or; sibling */
    /* NILO__COMPARE */
    const struct nilo_column *column;
    struct nilo__path path;
    enum nilo__op op;
    enum nilo__is is;
    bool any, all; /* op(any), op(all): each value with op, joined by or, and */
    struct nilo__text *values;
    size_t n_values;
};

struct nilo__order {
    const struct nilo_column *column;
    bool desc, nulls_first;
};

struct nilo_query {
    struct nilo_arena arena;
    struct nilo_request request;
    struct nilo_out_column *out;
    size_t n_out;
    struct nilo_iso as_of;
    bool has_as_of;
    /* a relation */
    const struct nilo_relation *relation;
    struct nilo_compat binding; /* of a view */
    const struct nilo_column *columns; /* the relation's and, where it is wide, the metrics' */
    size_t n_columns;
    struct nilo__item *items;
    size_t n_items;
    bool folded; /* some items are aggregates: a row is a group */
    bool ordered_here; /* by what no statement can order by: ids of rows, which are made here */
    bool presorted; /* the rows of a call come in their order */
    bool shaped; /* of a call: something is asked of its rows */
    struct nilo__node *filter; /* an and; never NULL */
    struct nilo__order *order;
    size_t n_order;
    int64_t limit, offset; /* limit -1 = none */
    bool limited;          /* by max_rows */
    int64_t total;         /* of the last run; -1 = not counted */
    size_t n_nodes, n_values;
    nilo_day first_day, last_day; /* what was asked for, of relations with days; NILO_DAY_NONE = open */
    /* a call */
    const struct nilo_function *function;
    const char **arguments; /* by parameter, NULL = absent */
    struct nilo_arg *others; /* arguments of parameters that are prefixes, as given */
    size_t n_others;
    char note[256]; /* of the last run: what its caller should know beside the rows; "" = nothing */
};

const struct nilo_column *nilo__column_find(const struct nilo_query *q, const char *name, size_t len);
/** nilo__uuid_relation - of whose rows this uuid is the id: name and key are what it is made of */
const struct nilo_relation *nilo__uuid_relation(const struct nilo_query *q, const struct nilo_column *c);
/** nilo__columns_of - the relation's columns with those of the metrics, in the query's arena */
int nilo__columns_of(struct nilo_query *q, struct nilo_store *s, struct nilo_err *err);
int nilo__no_column(const struct nilo_query *q, const char *name, size_t len, struct nilo_notes *notes, struct nilo_err *err);
/** nilo__near - the candidate that a mistyped name most likely meant, or NULL: at least three quarters alike */
struct nilo__near {
    const char *name;
    size_t len;
    const char *best;
    size_t best_distance;
};
void nilo__near_try(struct nilo__near *n, const char *candidate);

/* ---- asked.c: what a filter narrows to ------------------------------------------------------------------------------------------ */

/** nilo__among - is the name one of the list's, which is separated by NILO_LISTED? NULL: any is */
#define NILO_LISTED "\x1f"
bool nilo__among(const char *list, const char *name);

/* ---- filter.c: the grammar of conditions -------------------------------------------------------------------------------------- */

struct nilo__parse {
    struct nilo_query *q;
    struct nilo_notes *notes;
    struct nilo_err *err;
};
/** nilo__decode - %XX of `len` bytes into out (len + 1 bytes); + is a blank where url says so, and what was typed stays as it is where decoding
 *  gives no text. NUL-terminated; returns its length, or SIZE_MAX where it is no UTF-8 text */
size_t nilo__decode(char *out, const char *p, size_t len, bool url);
/** nilo__parse_filter - column=value of the query string, decoded */
int nilo__parse_filter(struct nilo__parse *p, struct nilo__text key, struct nilo__text value);
/** nilo__parse_tree - or=(...), and=(...); op NILO__AND or NILO__OR */
int nilo__parse_tree(struct nilo__parse *p, enum nilo__node_kind kind, bool not, struct nilo__text value);
/** nilo__parse_column - [name or "name"][->key...] up to one of `ends` outside of quotes; advances *at. ret_name is filled when the
 *  column is unknown or `*` too */
int nilo__parse_column(struct nilo__parse *p, const char **at, const char *end, const char *ends, struct nilo__text *ret_name,
                       struct nilo__path *ret_path);
int nilo__fail(struct nilo__parse *p, const char *what, struct nilo__text text, const char *details);
/** nilo__check_node - do the values fit the column's type? */
int nilo__check_node(struct nilo__parse *p, const struct nilo__node *n);
/** nilo__parse_aggregate - "column[::type].sum()[::type]", "count()": 1 = it was one, *item says which and *column (may be empty) is what is in front
 *  of it; 0 = it is none */
int nilo__parse_aggregate(struct nilo__parse *p, struct nilo__text t, struct nilo__item *item, struct nilo__text *column, struct nilo__text *then);
/** nilo__check_folds - do the aggregates fit their columns, and is the order one of groups? */
int nilo__check_folds(struct nilo__parse *p);
/** nilo__fold_type - what an aggregate of that type is; of count and of what is no aggregate too */
enum nilo_type nilo__fold_type(enum nilo__aggregate a, enum nilo_type from);
/** nilo__parse_shape - select, order, filters, limit and offset of a query string, of the rows that q->columns describe */
int nilo__parse_shape(struct nilo_query *q, const char *text, size_t len, struct nilo_notes *notes, struct nilo_err *err);
/** nilo__name_of - the relation's or function's */
const char *nilo__name_of(const struct nilo_query *q);

/* ---- days.c: the days that are asked for ---------------------------------------------------------------------------------------- */

/** nilo__check_days - the rule of 365 days and reversed ranges, wherever in the filter both bounds are named; fills first_day and last_day */
int nilo__check_days(struct nilo__parse *p);
int nilo__check_range(nilo_day from, nilo_day to, bool any_range, const char *column, struct nilo_err *err);

/* ---- sql.c: the statement --------------------------------------------------------------------------------------------------- */

/* What a result column of the statement feeds; -1 = not selected. */
struct nilo__statement {
    struct nilo_buf sql, count_sql;
    struct nilo_db_value *params;
    int n_params, max_params, n_count_params;
    struct nilo_arena *arena;
    int *at;      /* by column of the query: index in the row; for sums "x" then "x.lo" then "x.known" */
    int scale_at, cells_at;
    bool post;    /* some conditions are decided here, row by row: limit and offset too */
    /* of a page that is read in slices of days (slice.c) */
    const struct nilo_column *by_day; /* the column that they are of; NULL = it is read at once */
    struct nilo_buf days_sql;         /* rows by day, in their order */
    struct nilo_buf span_sql;         /* first and last day of readings */
    int days_at, limit_at;            /* parameters: first day, then the last; limit, then offset (0: none) */
    struct nilo_db_value *span_params;
    int n_span_params;
};
/** nilo__statement_make - SQL for the query within the scope. as_of: NILO_US_NONE = now */
int nilo__statement_make(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, nilo_us as_of, struct nilo_arena *arena,
                    struct nilo__statement *ret, struct nilo_err *err);
void nilo__statement_done(struct nilo__statement *p);
/** nilo__in_sql - false: the condition is decided after the row was read (uuid, JSON paths) */
bool nilo__in_sql(const struct nilo__node *n);

/* ---- slice.c: pages of rows in the order of days ------------------------------------------------------------------------------ */

struct nilo__days {
    int64_t first, last;
};
struct nilo__slices {
    bool down, over;          /* the last day first; none is left */
    int64_t first, at, end;   /* where readings begin, the next day, where they end: negative where `down` */
    int64_t length;           /* of the slice before; 0 = none */
};
/* Where a page lies. */
struct nilo__page {
    bool any;               /* there are rows behind the offset */
    struct nilo__days days; /* that hold them */
    int64_t skip;           /* rows of the first of these days that lie before it */
    int64_t total;          /* rows that were counted: all, or at least offset and limit */
};
/** nilo__known_name - the store's name of what conditions on the column narrow */
const char *nilo__known_name(const struct nilo_column *c);
/** nilo__sliced_by - the column of days that the rows are ordered by first, where a page of them is read in slices; else NULL. Its store only reads */
const struct nilo_column *nilo__sliced_by(const struct nilo_query *q, struct nilo_store *s);
int nilo__span_sql(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, nilo_us as_of, const struct nilo_narrow *narrow,
                   size_t n, struct nilo__statement *p, struct nilo_err *err);
int nilo__slices_begin(const struct nilo_query *q, struct nilo_store *store, const struct nilo__statement *p, nilo_us as_of, struct nilo__slices *ret,
                       struct nilo_err *err);
/** nilo__slices_next - the days that come next; false: those before were the last. found: rows in those before, of those wanted in all */
bool nilo__slices_next(struct nilo__slices *s, int64_t found, int64_t wanted, struct nilo__days *ret);
void nilo__slice_bind(struct nilo__statement *p, struct nilo__days days, int64_t offset, int64_t limit);
/** nilo__slices_count - where the query's page lies, by counting up to its end */
int nilo__slices_count(const struct nilo_query *q, struct nilo_store *store, struct nilo__statement *p, nilo_us as_of, struct nilo__page *ret,
                       struct nilo_err *err);

/** nilo__view_sql - appends a view's FROM item. connection: the parameter that holds the connection's name; 0 = any */
int nilo__view_sql(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, struct nilo_source_want *want, int connection,
                   struct nilo_arena *arena, struct nilo_buf *to, struct nilo_err *err);
/** nilo__view_scope - narrows the scope to what the view is bound to */
void nilo__view_scope(const struct nilo_query *q, struct nilo_scope *scope);

/* ---- values --------------------------------------------------------------------------------------------------------------------- */

/* A like pattern, % and _ and \ resolved. */
enum nilo__token { NILO__ANY, NILO__ONE, NILO__CHAR };
/** nilo__like_sql - the pattern for LIKE ... ESCAPE '\' (PostgreSQL) or GLOB (SQLite), in the arena; NULL when memory ran out. fold: ASCII to
 *  lower case */
char *nilo__like_sql(struct nilo_arena *arena, struct nilo__text pattern, bool glob, bool fold);
bool nilo__like_ok(struct nilo__text pattern); /* a lone \ at the end is no pattern */
bool nilo__like_match(struct nilo__text pattern, const char *s, size_t len, bool fold);

/* ---- post.c: what is decided row by row -------------------------------------------------------------------------------------- */

/** nilo__json_at - the value at a path of a JSON text; null when there is none. text points into json or scratch */
int nilo__json_at(const char *json, size_t len, const struct nilo__path *path, struct nilo_buf *scratch, struct nilo_datum *ret,
                  struct nilo_err *err);
/** nilo__holds - does the row satisfy the condition, and the conditions in it? value gives a column's datum, path applied. 1 yes, 0 no (null
 *  is no), -1 error */
typedef int nilo__value_fn(void *ctx, const struct nilo_column *column, const struct nilo__path *path, struct nilo_datum *ret, struct nilo_err *err);
int nilo__holds(const struct nilo__node *n, nilo__value_fn *value, void *ctx, struct nilo_err *err);
/** nilo__datum_compare - by value: numbers of different scales too; texts bytewise. Neither is null */
bool nilo__true_word(struct nilo__text v);
int nilo__datum_compare(const struct nilo_datum *a, const struct nilo_datum *b);
/** nilo__item_value - what select makes of a column's datum: path and cast. text: memory of what is made here */
int nilo__item_value(const struct nilo__item *item, const struct nilo_datum *base, struct nilo_buf *text, struct nilo_datum *ret, struct nilo_err *err);
enum nilo_type nilo__item_type(const struct nilo__item *item); /* of what goes into an aggregate, or out where there is none */
int nilo__cast(enum nilo__cast to, enum nilo_type type, struct nilo_buf *text, struct nilo_datum *d, struct nilo_err *err);

/* ---- fold.c: rows that are put together or put in order here, in memory that is bounded --------------------------------------------------- */

struct nilo__fold;
/** nilo__fold_new - of a query that is folded, or of a call's rows that are ordered. owner: caller, nilo__fold_free() */
int nilo__fold_new(const struct nilo_query *q, struct nilo__fold **ret, struct nilo_err *err);
/** nilo__fold_add - a row: by item what goes in; order: by item of the order, where rows are not folded. currency: of the row's value, NULL = none
 *  errors  NILO_EINVAL too many groups or rows, amounts of different currencies; NILO_EOVERFLOW */
int nilo__fold_add(struct nilo__fold *f, const struct nilo_datum *cells, const struct nilo_datum *order, const char *currency, struct nilo_err *err);
/** nilo__fold_end - no more rows: how many there are now, in their order; without any row, one where every item is an aggregate */
int nilo__fold_end(struct nilo__fold *f, size_t *ret_n, struct nilo_err *err);
/** nilo__fold_row - the i-th, by item; until the next one is asked for. NULL: err */
const struct nilo_datum *nilo__fold_row(struct nilo__fold *f, size_t i, struct nilo_err *err);
void nilo__fold_free(struct nilo__fold *f);
/** nilo__fold_answer - ends it and hands its page on, head first */
int nilo__fold_answer(struct nilo__fold *f, struct nilo_query *q, struct nilo_head *head, const struct nilo_sink *sink, struct nilo_err *err);
/** nilo__count_head - what the head says where there are `total` rows in all; an offset behind them is NILO_ERANGE where they are counted for the caller */
int nilo__count_head(struct nilo_query *q, int64_t total, struct nilo_head *head, struct nilo_err *err);

/* ---- shape.c: what is asked of a function's rows ------------------------------------------------------------------------------------------ */

struct nilo__shaping;
/** nilo__call_columns - the function's columns and those that its arguments add, for the grammar */
int nilo__call_columns(struct nilo_query *q, struct nilo_err *err);
int nilo__shaping_new(struct nilo_query *q, const struct nilo_sink *sink, struct nilo__shaping **ret, struct nilo_err *err);
void nilo__shaping_free(struct nilo__shaping *s);
int nilo__shaping_head(struct nilo__shaping *s, struct nilo_head *head, struct nilo_err *err);
/** nilo__shaping_row - by column of the function. Anything but 0 ends the run */
int nilo__shaping_row(struct nilo__shaping *s, const struct nilo_datum *row, struct nilo_err *err);
/** nilo__shaping_end - rc of the run, which it may turn into 0; fills q->total */
int nilo__shaping_end(struct nilo__shaping *s, int rc, struct nilo_head *head, struct nilo_err *err);

/* ---- run.c ------------------------------------------------------------------------------------------------------------------------ */

struct nilo_call {
    struct nilo_query *q;
    struct nilo_store *store;
    const struct nilo_scope *scope;
    const struct nilo_sink *sink;
    struct nilo_arena arena;
    int64_t rows;
    struct nilo__shaping *shaping; /* NULL: rows go out as they come */
};
/** nilo__call_new - as nilo_query_call(), of a function at hand */
int nilo__call_new(const struct nilo_function *f, const struct nilo_arg *args, size_t n, const struct nilo_request *request, struct nilo_query **ret,
                   struct nilo_notes *notes, struct nilo_err *err);
int nilo__call_run(struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_sink *sink,
                   struct nilo_err *err);
/** nilo__as_of_us - the instant that as_of means in the scope's calendar; NILO_US_NONE when the query has none */
int nilo__as_of_us(const struct nilo_query *q, struct nilo_store *s, const struct nilo_scope *scope, nilo_us *ret, struct nilo_err *err);
/** nilo__scope_calendar - of the scope's workspace (of several: the first); NULL = none there: UTC */
int nilo__scope_calendar(struct nilo_store *s, const struct nilo_scope *scope, const struct nilo_calendar **ret, struct nilo_err *err);
/** nilo__scope_workspaces - ids of the scope's workspaces, those that exist, ascending; in the arena */
int nilo__scope_workspaces(struct nilo_store *s, const struct nilo_scope *scope, struct nilo_arena *arena, int64_t **ret, size_t *ret_n,
                           struct nilo_err *err);

#endif
