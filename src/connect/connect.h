/* Where numbers come from: reads a source and says what it answers. Knows nothing about days that are due, runs or the store; that is
 * collect's business. One part so far: databases that an application keeps its own tables in (sql.c). */
#ifndef NILO_CONNECT_CONNECT_H
#define NILO_CONNECT_CONNECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/day.h"
#include "base/env.h"
#include "base/err.h"
#include "db/db.h"
#include "model/model.h"

/** nilo_connect_class - what an error of a source means for the run: transient (try again later), auth, permission or invalid */
const char *nilo_connect_class(enum nilo_code code);

/* ---- SQL sources ----------------------------------------------------------------------------------------------------------- */

/** nilo_sql_open - someone else's database, read-only; a path of an SQLite file or a postgres:// URL
 *  timeout_ms  what one statement may take, waiting for locks included
 *  errors      as nilo_db_open()
 *  owner       caller, nilo_db_close() */
int nilo_sql_open(const char *database, int64_t timeout_ms, const char *vfs, struct nilo_db **ret, struct nilo_err *err);

/* A line through time. Rows stamped with an instant lie before it when that is earlier than `at`; rows that only have a date when that is
 * earlier than `day`: a date without a time of day names a day of whoever's calendar is asked for, in any zone. */
struct nilo_cut {
    nilo_us at;
    nilo_day day;
};

struct nilo_sql_counts {
    int64_t rows;       /* of the table, all of them */
    int64_t empty;      /* rows whose timestamp is NULL ... */
    int64_t julian;     /* ... or a julian day: a REAL too small for an epoch ... */
    int64_t unreadable; /* ... or something else that is no time; none of the three lies before any cut */
};

/** nilo_sql_count - how many rows of a table lie before each cut; one statement, one pass over the table, however many cuts there are
 *  table, timestamp  as nilo_config_sql_quote() takes them. Columns: PostgreSQL timestamptz, timestamp (read as UTC), date, integer and bigint
 *                    (epoch). SQLite, value by value: ISO 8601 text in its usual spellings (without a zone: UTC; without a time: a
 *                    date), integers and REALs that are an epoch, text of 9 digits and more that is one. Epochs are told apart by
 *                    their size: below 10^11 seconds, below 10^14 milliseconds, below 10^17 microseconds, else nanoseconds; numbers
 *                    like 20250111 and 20250111093000 are dates (PostgreSQL: refused); a REAL below 10^8 is taken for a julian day,
 *                    which is refused
 *  cuts              n >= 1, ascending in both members
 *  ret_below         n numbers
 *  errors            NILO_ENOENT no such table or column (the sentence names what there is), NILO_EINVAL a column that holds no time,
 *                    NILO_ETIMEOUT, NILO_ESOURCE and what else the database says */
int nilo_sql_count(struct nilo_db *source, const char *table, const char *timestamp, const struct nilo_cut *cuts, size_t n,
                   int64_t *ret_below, struct nilo_sql_counts *ret, struct nilo_err *err);

/* What one pass over a table reads. */
struct nilo_sql_pass {
    const char *table, *timestamp; /* as above */
    const char *filter;            /* NULL, or a condition that rows meet: nilo_config_sql_filter() let it through */
    int64_t chunk;                 /* SQLite: rows, PostgreSQL: blocks that one statement reads, and its timeout holds for; 0 = a fitting number;
                                      halved where it takes too long */
    bool between;                  /* only what lies between cuts is wanted: ret_below may be off by the same number everywhere */
    void (*progress)(void *ctx, int64_t done, int64_t of); /* NULL, or told after each of them; of 0: not known */
    void *progress_ctx;
};
/** nilo_sql_count_pass - as nilo_sql_count(); a big table is read in several statements of one transaction, so it is still one state of it.
 *  What takes too long is asked again in halves: tables and partitions by blocks, views and foreign tables by cuts */
int nilo_sql_count_pass(struct nilo_db *source, const struct nilo_sql_pass *pass, const struct nilo_cut *cuts, size_t n, int64_t *ret_below,
                        struct nilo_sql_counts *ret, struct nilo_err *err);

/* ---- statements: whoever wrote the configuration wrote the SELECT ---- */

struct nilo_sql_statement {
    const char *text; /* nilo_config_sql_statement() let it through */
    const char *type; /* count, average, percentage, aggregate */
    int scale;        /* of the values */
    const struct nilo_calendar *calendar;
    bool by_day;      /* is asked day by day: it has :day, or its answer has no day column; set when that is known */
};
struct nilo_sql_answer {
    bool present;        /* false: the source gave no value for the day */
    int64_t value;       /* by the scale */
    const char *members; /* NULL, or members of the metadata object, without its braces */
};
/** nilo_sql_select - the values of the days from .. from + n - 1, each n of ret; one statement, or one a day where it is asked day by day
 *  wanted   NULL, or which of the days; only those are asked for where it is asked day by day
 *  columns  day (a date; where all days are asked for at once), and by type: count: value; average: value and, if it likes, sample_size and
 *           std_deviation; percentage: numerator, denominator (no value where that is 0) and, if it likes, calculation (a text);
 *           aggregate: key, value, a row a key: the value is their sum
 *  errors   NILO_EINVAL wrong columns, types, days or too many rows, NILO_EREADONLY it tried to write, NILO_ECONFIG, and what the
 *           database says; one sentence, which does not name the metric
 *  owner    arena */
int nilo_sql_select(struct nilo_db *source, struct nilo_sql_statement *s, nilo_day from, size_t n, const bool *wanted,
                    struct nilo_arena *arena, struct nilo_sql_answer *ret, struct nilo_err *err);

/** nilo_sql_unreadable - appends "2 of 40 rows of posts have no readable created_at (...); they are not counted"; nothing when all were read */
void nilo_sql_unreadable(const struct nilo_sql_counts *counts, const char *table, const char *timestamp, struct nilo_buf *b);

/* ---- rows of a table, for an import straight from it: PostgreSQL ---- */

struct nilo_sql_rows;
/** nilo_sql_rows_open - in a read-only transaction, so that all rows are of one moment
 *  table    as nilo_config_sql_quote() takes it; or query, one SELECT
 *  errors   NILO_EUSAGE not PostgreSQL, a query that is no SELECT; as nilo_db_open(), and what the database says
 *  owner    caller, nilo_sql_rows_close() */
int nilo_sql_rows_open(const char *database, const char *table, const char *query, struct nilo_sql_rows **ret, struct nilo_err *err);
void nilo_sql_rows_close(struct nilo_sql_rows *r);
const char *nilo_sql_rows_name(const struct nilo_sql_rows *r); /* "table app.posts": for messages */
/* Has it the columns of a table of daily metrics (metric_date, metric_type, metric_category, value, metadata, collection_timestamp)? */
bool nilo_sql_rows_daily(const struct nilo_sql_rows *r);
/* Where the rows of such a table belong. */
struct nilo_sql_daily {
    const char *workspace, *connection, *platform;
};
/** nilo_sql_rows_begin - once. as NULL: a row is an object with the table's columns; else what `nilometer export` writes for a value */
int nilo_sql_rows_begin(struct nilo_sql_rows *r, const struct nilo_sql_daily *as, struct nilo_err *err);
/** nilo_sql_rows_next - 1 and the JSON text of a row (one line, valid until the next call), 0 at the end, -1 */
int nilo_sql_rows_next(struct nilo_sql_rows *r, const char **ret, size_t *ret_len, struct nilo_err *err);

/* What a value of an SQLite column says about time; no column type can be relied on there. */
enum nilo_stamp_kind { NILO_STAMP_INSTANT, NILO_STAMP_DAY, NILO_STAMP_EMPTY, NILO_STAMP_JULIAN, NILO_STAMP_UNREADABLE };
struct nilo_stamp {
    enum nilo_stamp_kind kind;
    nilo_us at;   /* NILO_STAMP_INSTANT */
    nilo_day day; /* NILO_STAMP_DAY */
};
struct nilo_stamp nilo_stamp_read(const struct nilo_db_value *v);

#endif
