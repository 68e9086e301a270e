/* Counts the rows of an application's tables at many points in time, in one pass over each table.
 *
 * PostgreSQL counts by itself, in one GROUP BY. Where all cuts lie on a grid of days, hours or quarters of an hour, as the days of every
 * modern zone do, date_bin() puts a row into its cell with one division, and what a cell holds is put between the cuts here. Else ("up to
 * now", old zones) width_bucket() searches the cuts for each row: exact too, but twice as long for a year of days (bench/).
 * SQLite runs in this process and its columns hold anything in any spelling: the rows' timestamps are fetched and read here, so
 * one rule (stamp.c) decides, not a dozen SQL expressions; and it is faster than grouping there, which sorts.
 *
 * Names come from the configuration and cannot be bound; they are always quoted. A column is named through its table ("posts"."created_at"):
 * SQLite takes a bare quoted name that is no column for a text. The table has no other name than its own, so that a filter may name it, too, as it has to
 * where it asks about another table. */
#include "connect/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "config/config.h"

#define NAME_MAX_BYTES 4096
#define SQL_MAX_BYTES (64u << 10)
#define CUTS_MAX_BYTES (16u << 20)
#define COLUMNS_SHOWN 12
/* What takes a few seconds, so that a timeout of half a minute is one for a source that hangs. */
#define CHUNK_ROWS   INT64_C(2000000)
#define CHUNK_BLOCKS INT64_C(131072) /* 1 GiB */
#define FLOOR_BLOCKS 64 /* 512 KiB: where even that takes too long, smaller pieces are no help */
#define GRID_MIN     (15 * 60 * NILO_US_SECOND) /* finer cells would be too many groups */

int nilo_sql_open(const char *database, int64_t timeout_ms, const char *vfs, struct nilo_db **ret, struct nilo_err *err)
{
    /* what a statement may take it may also take waiting for a lock: an application that writes for ten seconds is no failure */
    struct nilo_db_options options = {.mode = NILO_DB_SOURCE, .vfs = vfs, .timeout_ms = timeout_ms, .lock_wait_ms = timeout_ms};
    return nilo_db_open(database, &options, ret, err);
}

/* ---- names ------------------------------------------------------------------------------------------------------------------- */

/* "app"."posts" for statements; app and posts for asking the catalogue. */
struct name {
    struct nilo_buf quoted;
    struct nilo_buf part[2];
    int n;
    const char *last; /* "posts", in `quoted`: how a table's columns are called */
};

static void name_done(struct name *name)
{
    nilo_buf_done(&name->quoted);
    nilo_buf_done(&name->part[0]);
    nilo_buf_done(&name->part[1]);
}

/* `quoted` is what nilo_config_sql_quote() wrote: one or two parts, each in double quotes, those within doubled. */
static void unquote(struct name *name)
{
    const char *p = nilo_buf_str(&name->quoted);
    while (*p == '"' && name->n < 2) {
        struct nilo_buf *part = &name->part[name->n++];
        name->last = p;
        for (p++; *p != '\0'; p++) {
            if (*p == '"' && *++p != '"')
                break;
            nilo_buf_addc(part, *p);
        }
        if (*p == '.')
            p++;
    }
}

static int name_init(struct name *name, const char *text, struct nilo_err *err)
{
    name->n = 0;
    nilo_buf_init(&name->quoted, NAME_MAX_BYTES);
    nilo_buf_init(&name->part[0], NAME_MAX_BYTES);
    nilo_buf_init(&name->part[1], NAME_MAX_BYTES);
    if (nilo_config_sql_quote(text, &name->quoted, err) != 0)
        return -1;
    unquote(name);
    if (name->quoted.failed || name->part[0].failed || name->part[1].failed)
        return nilo_err_nomem(err);
    return 0;
}

/* ---- one count ----------------------------------------------------------------------------------------------------------------- */

struct count {
    struct nilo_db *db;
    const char *table_text, *column_text; /* as configured, for messages */
    const char *filter;                   /* NULL = none */
    const struct nilo_sql_pass *pass;
    int64_t chunk;
    bool between;                         /* what lies before the first cut is not wanted */
    struct name table, column;
    const struct nilo_cut *cuts;
    size_t n;
    int64_t *buckets; /* n + 1: rows that lie behind exactly so many cuts */
    struct nilo_sql_counts counts;
};

static int start(struct count *c, const char *sql, const struct nilo_db_value *params, int n, struct nilo_db_stmt **ret,
                 struct nilo_err *err)
{
    struct nilo_db_stmt *stmt;
    if (nilo_db_prepare(c->db, sql, &stmt, err) != 0 || nilo_db_query(stmt, params, n, err) != 0)
        return -1;
    *ret = stmt;
    return 0;
}

static int missing_table(const struct count *c, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ENOENT, "there is no table or view %s in %s", c->table_text, nilo_db_target(c->db));
}

/* Rows of (column name, type): finds ours; the others are named in the message when it is missing. */
static int find_column(struct count *c, struct nilo_db_stmt *columns, int (*compare)(const char *, const char *), char *type,
                       size_t type_size, struct nilo_err *err)
{
    struct nilo_buf others;
    int seen = 0, row;
    bool found = false;
    const char *wanted = nilo_buf_str(&c->column.part[0]);
    nilo_buf_init(&others, NAME_MAX_BYTES);
    while ((row = nilo_db_row(columns, err)) == 1) {
        const char *name = nilo_db_column_text(columns, 0), *its_type = nilo_db_column_text(columns, 1);
        if (name == NULL)
            continue;
        if (!found && compare(name, wanted) == 0) {
            found = true;
            snprintf(type, type_size, "%s", its_type != NULL ? its_type : "");
        }
        if (seen++ < COLUMNS_SHOWN)
            nilo_buf_addf(&others, "%s%s", seen > 1 ? ", " : "", name);
    }
    if (row == 0 && seen == 0)
        row = missing_table(c, err);
    else if (row == 0 && !found)
        row = nilo_err_set(err, NILO_ENOENT, "%s has no column %s; it has %s%s", c->table_text, c->column_text,
                           nilo_buf_str(&others), seen > COLUMNS_SHOWN ? ", ..." : "");
    nilo_buf_done(&others);
    return row;
}

/* ---- SQLite -------------------------------------------------------------------------------------------------------------------- */

static bool behind(const struct nilo_stamp *s, const struct nilo_cut *cut)
{
    return s->kind == NILO_STAMP_DAY ? s->day.n >= cut->day.n : s->at >= cut->at;
}

/* How many cuts the stamp lies behind. Rows mostly come in the order of time, so the last answer is tried first. */
static size_t bucket_of(const struct count *c, const struct nilo_stamp *s, size_t last)
{
    if ((last == 0 || behind(s, &c->cuts[last - 1])) && (last == c->n || !behind(s, &c->cuts[last])))
        return last;
    size_t low = 0, high = c->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (behind(s, &c->cuts[mid]))
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static int sqlite_check(struct count *c, struct nilo_err *err)
{
    struct nilo_db_stmt *columns;
    char type[8];
    bool in_schema = c->table.n == 2;
    const struct nilo_db_value params[2] = {
        nilo_dbv_text(nilo_buf_str(&c->table.part[in_schema ? 1 : 0])),
        nilo_dbv_text(in_schema ? nilo_buf_str(&c->table.part[0]) : NULL),
    };
    /* Nothing is attached to a source. */
    if (in_schema && strcasecmp(nilo_buf_str(&c->table.part[0]), "main") != 0)
        return missing_table(c, err);
    if (start(c, "SELECT name, '' FROM pragma_table_xinfo(?1, ?2)", params, 2, &columns, err) != 0)
        return -1;
    return find_column(c, columns, strcasecmp, type, sizeof type, err);
}

static void sqlite_take(struct count *c, const struct nilo_db_value *v, size_t *last)
{
    struct nilo_stamp stamp = nilo_stamp_read(v);
    c->counts.rows++;
    switch (stamp.kind) {
    case NILO_STAMP_INSTANT:
    case NILO_STAMP_DAY:
        *last = bucket_of(c, &stamp, *last);
        c->buckets[*last]++;
        break;
    case NILO_STAMP_EMPTY:
        c->counts.empty++;
        break;
    case NILO_STAMP_JULIAN:
        c->counts.julian++;
        break;
    case NILO_STAMP_UNREADABLE:
        c->counts.unreadable++;
        break;
    }
}

static void tell(const struct count *c, int64_t done, int64_t of)
{
    if (c->pass->progress != NULL)
        c->pass->progress(c->pass->progress_ctx, done, of);
}

/* The condition ends on a line of its own: it may end in a comment. */
static void add_filter(const struct count *c, const char *before, struct nilo_buf *sql)
{
    if (c->filter != NULL)
        nilo_buf_addf(sql, "%s(\n%s\n)", before, c->filter);
}

/* Can it be read in the order of its row numbers? A view and a table WITHOUT ROWID cannot. */
static int sqlite_has_rowid(struct count *c, bool *ret, struct nilo_err *err)
{
    struct nilo_db_stmt *found;
    const struct nilo_db_value table = nilo_dbv_text(nilo_buf_str(&c->table.part[c->table.n == 2 ? 1 : 0]));
    if (start(c,
              "SELECT 1 FROM pragma_table_list(?1) WHERE schema = 'main' AND type = 'table' AND wr = 0"
              " AND NOT EXISTS (SELECT 1 FROM pragma_table_xinfo(?1) AS x WHERE lower(x.name) = '_rowid_')",
              &table, 1, &found, err) != 0)
        return -1;
    int row = nilo_db_row(found, err);
    *ret = row == 1;
    nilo_db_reset(found);
    return row < 0 ? -1 : 0;
}

/* All rows, or the next `chunk` of them behind row number *after; how many came, and those before an error, too. */
static int sqlite_rows(struct count *c, const char *sql, int64_t *after, int64_t *ret_rows, struct nilo_err *err)
{
    struct nilo_db_stmt *rows;
    const struct nilo_db_value params[2] = {NILO_DBV_INT(*after), NILO_DBV_INT(c->chunk)};
    size_t last = c->n;
    int row, chunked = ret_rows != NULL ? 2 : 0;
    int64_t n = 0;
    if (start(c, sql, params, chunked, &rows, err) != 0)
        return -1;
    while ((row = nilo_db_row(rows, err)) == 1) {
        struct nilo_db_value v = nilo_db_column(rows, 0);
        sqlite_take(c, &v, &last);
        if (chunked)
            *after = nilo_db_column_int(rows, 1);
        n++;
    }
    if (chunked)
        *ret_rows = n;
    return row;
}

/* What was read when the time was up is read: the rest goes on behind it, in pieces that fit. */
static int sqlite_chunks(struct count *c, const char *sql, struct nilo_err *err)
{
    int64_t after = INT64_MIN, rows = c->chunk;
    while (rows == c->chunk) {
        struct nilo_err why = {0};
        if (sqlite_rows(c, sql, &after, &rows, &why) == 0) {
            tell(c, c->counts.rows, 0);
            continue;
        }
        if (why.code != NILO_ETIMEOUT || rows == 0) {
            *err = why;
            return -1;
        }
        c->chunk = rows;
    }
    return 0;
}

static int sqlite_count(struct count *c, struct nilo_buf *sql, struct nilo_err *err)
{
    bool chunked;
    int64_t after = INT64_MIN;
    if (sqlite_check(c, err) != 0 || sqlite_has_rowid(c, &chunked, err) != 0)
        return -1;
    const char *t = c->table.last, *column = nilo_buf_str(&c->column.quoted), *table = nilo_buf_str(&c->table.quoted);
    if (chunked)
        nilo_buf_addf(sql, "SELECT %s.%s, %s._rowid_ FROM %s WHERE %s._rowid_ > ?1", t, column, t, table, t);
    else
        nilo_buf_addf(sql, "SELECT %s.%s FROM %s", t, column, table);
    add_filter(c, chunked ? " AND " : " WHERE ", sql);
    if (chunked)
        nilo_buf_addf(sql, " ORDER BY %s._rowid_ LIMIT ?2", t);
    if (sql->failed)
        return nilo_err_nomem(err);
    return chunked ? sqlite_chunks(c, nilo_buf_str(sql), err) : sqlite_rows(c, nilo_buf_str(sql), &after, NULL, err);
}

/* ---- PostgreSQL ------------------------------------------------------------------------------------------------------------------ */

enum cut_text { CUT_INSTANT, CUT_DAY, CUT_EPOCH };

/* What a column's type is compared as. %s is the column. An infinite timestamp belongs to no day: it becomes NULL. */
static const struct pg_kind {
    const char *type, *name;
    enum cut_text cut;
    const char *value;
} pg_kinds[] = {
    {"timestamp with time zone", "timestamptz", CUT_INSTANT, "CASE WHEN isfinite(%s) THEN %s END"},
    {"timestamp without time zone", "timestamp", CUT_INSTANT, "CASE WHEN isfinite(%s) THEN %s END"},
    {"date", "date", CUT_DAY, "CASE WHEN isfinite(%s) THEN %s END"},
    /* The epochs of stamp.c. In bigint: with numeric, 3,650 cuts of a million rows took 28 s instead of one. */
#define PG_EPOCH                                                                                                                    \
    "(SELECT CASE WHEN v BETWEEN 19000101 AND 21001231 OR v BETWEEN 19000101000000 AND 21001231235959 THEN NULL"                   \
    " WHEN v BETWEEN -99999999999 AND 99999999999 THEN v * 1000000 WHEN v BETWEEN -99999999999999 AND 99999999999999 THEN v * 1000" \
    " WHEN v BETWEEN -99999999999999999 AND 99999999999999999 THEN v ELSE v / 1000 END FROM (SELECT CAST(%s AS bigint) AS v) AS e)"
    {"bigint", "bigint", CUT_EPOCH, PG_EPOCH},
    {"integer", "bigint", CUT_EPOCH, PG_EPOCH},
};

static const struct pg_kind *pg_kind_of(const char *type)
{
    for (size_t i = 0; i < sizeof pg_kinds / sizeof pg_kinds[0]; i++) {
        if (strcmp(pg_kinds[i].type, type) == 0)
            return &pg_kinds[i];
    }
    return NULL;
}

static int pg_find(struct count *c, const struct pg_kind **ret, struct nilo_err *err)
{
    struct nilo_db_stmt *columns;
    char type[128];
    const struct nilo_db_value table = nilo_dbv_text(nilo_buf_str(&c->table.quoted));
    /* A domain counts as what it is made of, be it of another domain. */
    if (start(c,
              "SELECT a.attname, format_type((WITH RECURSIVE made(oid, base) AS (SELECT t.oid, t.typbasetype"
              " UNION ALL SELECT b.oid, b.typbasetype FROM made JOIN pg_type AS b ON b.oid = made.base) SELECT oid FROM made WHERE base = 0), NULL)"
              " FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid"
              " WHERE a.attrelid = to_regclass(?1) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
              &table, 1, &columns, err) != 0)
        return -1;
    if (find_column(c, columns, strcmp, type, sizeof type, err) != 0)
        return -1;
    *ret = pg_kind_of(type);
    if (*ret == NULL)
        return nilo_err_set(err, NILO_EINVAL,
                            "column %s of %s is of type %s; it takes timestamptz, timestamp, date or an epoch as bigint",
                            c->column_text, c->table_text, type);
    return 0;
}

static void pg_cut_text(const struct nilo_cut *cut, enum cut_text how, char text[NILO_US_TEXT])
{
    /* Zones east of Greenwich begin the first day that we know in a year that PostgreSQL spells otherwise. */
    if (cut->day.n <= NILO_DAY_MIN.n)
        snprintf(text, NILO_US_TEXT, "-infinity");
    else if (how == CUT_DAY)
        nilo_day_format(cut->day, text);
    else
        nilo_us_format(cut->at, text);
}

/* The cuts as the text of an array. */
static void pg_cuts(const struct count *c, enum cut_text how, struct nilo_buf *b)
{
    nilo_buf_addc(b, '{');
    for (size_t i = 0; i < c->n; i++) {
        char text[NILO_US_TEXT];
        if (i > 0)
            nilo_buf_addc(b, ',');
        if (how == CUT_EPOCH) {
            nilo_buf_addi(b, c->cuts[i].at);
            continue;
        }
        pg_cut_text(&c->cuts[i], how, text);
        nilo_buf_adds(b, text);
    }
    nilo_buf_addc(b, '}');
}

/* What the server is asked. The rows of an answer: where they belong, how many they are, how many of them are NULL. */
struct pg_ask {
    const struct pg_kind *kind;
    int version;
    bool citus;
    int64_t *sizes;  /* blocks of the table, or of each of its leaf partitions; n_sizes = 0: cannot be read by blocks: a view, a foreign
                        table, or an old server, which would read all of the table for each chunk */
    size_t n_sizes;
    int64_t blocks, highest; /* their sum, the greatest */
    int64_t grid;    /* all cuts lie on multiples of it from the first one on; 0 = they do not, and the server searches them */
    struct nilo_buf sql;
    struct nilo_buf params[2]; /* cuts; or first cut and the grid's step */
    int n_params;
    struct nilo_buf rows; /* what a condition about the time compares */
    int64_t *kept;        /* the buckets as they were before a piece */
};

/* A piece of the rows: all, those in some blocks (of each partition), or those of some buckets. */
struct pg_piece {
    enum { ALL, BLOCKS, BUCKETS } by;
    int64_t from, to;
};

/* The place of a group among the cuts. */
static bool pg_bucket(const struct count *c, const struct pg_ask *ask, int64_t key, size_t *ret)
{
    struct nilo_stamp at = {.kind = NILO_STAMP_INSTANT};
    if (ask->kind->cut == CUT_DAY) {
        at.kind = NILO_STAMP_DAY;
        at.day = NILO_DAY((int32_t)key);
        *ret = bucket_of(c, &at, c->n);
        return true;
    }
    if (ask->grid == 0) {
        *ret = (size_t)key;
        return key >= 0 && key <= (int64_t)c->n;
    }
    at.at = c->cuts[0].at + key * ask->grid;
    *ret = key < 0 ? 0 : bucket_of(c, &at, c->n);
    return true;
}

static int pg_fold(struct count *c, const struct pg_ask *ask, struct nilo_db_stmt *groups, struct nilo_err *err)
{
    int row;
    while ((row = nilo_db_row(groups, err)) == 1) {
        int64_t rows = nilo_db_column_int(groups, 1), key = nilo_db_column_int(groups, 0);
        size_t bucket;
        c->counts.rows += rows;
        c->counts.empty += nilo_db_column_int(groups, 2);
        if (nilo_db_column_null(groups, 0)) {
            c->counts.unreadable += rows - nilo_db_column_int(groups, 2);
            continue;
        }
        if (!pg_bucket(c, ask, key, &bucket)) {
            nilo_db_reset(groups);
            return nilo_err_set(err, NILO_ESOURCE, "%s: width_bucket() answered %lld", nilo_db_target(c->db), (long long)key);
        }
        c->buckets[bucket] += rows;
    }
    return row;
}

static int pg_size(struct pg_ask *ask, int64_t blocks, struct nilo_err *err)
{
    if ((ask->n_sizes & (ask->n_sizes - 1)) == 0) {
        size_t room = ask->n_sizes == 0 ? 1 : ask->n_sizes * 2;
        int64_t *sizes = realloc(ask->sizes, room * sizeof *sizes);
        if (sizes == NULL)
            return nilo_err_nomem(err);
        ask->sizes = sizes;
    }
    ask->sizes[ask->n_sizes++] = blocks;
    ask->blocks += blocks;
    ask->highest = blocks > ask->highest ? blocks : ask->highest;
    return 0;
}

/* The leaves are those of partitions and of old inheritance; a partitioned table itself holds nothing. */
static int pg_server(struct count *c, struct pg_ask *ask, struct nilo_err *err)
{
    struct nilo_db_stmt *leaves;
    bool by_blocks = true;
    int row;
    const struct nilo_db_value table = nilo_dbv_text(nilo_buf_str(&c->table.quoted));
    if (start(c,
              "WITH RECURSIVE leaf(oid) AS (SELECT CAST(to_regclass(?1) AS oid)"
              " UNION SELECT i.inhrelid FROM pg_inherits AS i JOIN leaf ON i.inhparent = leaf.oid)"
              " SELECT CAST(current_setting('server_version_num') AS integer), to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL,"
              " relkind IN ('r', 'm'), CASE WHEN relkind IN ('r', 'm')"
              " THEN coalesce(pg_relation_size(r.oid), 0) / CAST(current_setting('block_size') AS bigint) ELSE 0 END"
              " FROM leaf JOIN pg_class AS r ON r.oid = leaf.oid WHERE relkind <> 'p'",
              &table, 1, &leaves, err) != 0)
        return -1;
    while ((row = nilo_db_row(leaves, err)) == 1) {
        ask->version = (int)nilo_db_column_int(leaves, 0);
        ask->citus = nilo_db_column_int(leaves, 1) != 0;
        by_blocks = by_blocks && nilo_db_column_int(leaves, 2) != 0 && ask->version >= 140000;
        if (pg_size(ask, nilo_db_column_int(leaves, 3), err) != 0) {
            nilo_db_reset(leaves);
            return -1;
        }
    }
    if (!by_blocks)
        ask->n_sizes = 0;
    return row;
}

/* The greatest step that all cuts are multiples of, from the first one on. */
static int64_t grid_of(const struct count *c)
{
    int64_t grid = 0;
    for (size_t i = 1; i < c->n; i++) {
        int64_t a = c->cuts[i].at - c->cuts[0].at;
        while (a != 0) {
            int64_t rest = grid % a;
            grid = a;
            a = rest;
        }
    }
    return grid;
}

/* date_bin() is of PostgreSQL 14. The first day that we know has no instant there. */
static bool fits_grid(const struct count *c, const struct pg_ask *ask)
{
    return ask->version >= 140000 && ask->kind->cut == CUT_INSTANT && c->cuts[0].day.n > NILO_DAY_MIN.n;
}

/* A group for each cell of the grid, numbered from the first cut on; -1 = before it. What lies thousands of years ahead is put in one
 * place: the distance of two such instants is out of range for date_bin(). */
static void pg_by_grid(struct count *c, struct pg_ask *ask, const char *column)
{
    char first[NILO_US_TEXT];
    const char *type = ask->kind->name;
    pg_cut_text(&c->cuts[0], CUT_INSTANT, first);
    nilo_buf_adds(&ask->params[0], first);
    nilo_buf_addf(&ask->params[1], "%lld seconds", (long long)(ask->grid / NILO_US_SECOND));
    ask->n_params = 2;
    nilo_buf_addf(&ask->sql,
                  "SELECT CASE WHEN b < CAST(?1 AS %s) AND isfinite(b) THEN -1 WHEN isfinite(b)"
                  " THEN CAST(extract(epoch FROM b - CAST(?1 AS %s)) / %lld AS bigint) END, n, CASE WHEN b IS NULL THEN n ELSE 0 END"
                  " FROM (SELECT b, count(*) AS n FROM (SELECT date_bin(CAST(?2 AS interval), CASE WHEN %s >= '200000-01-01' AND %s < 'infinity'"
                  " THEN '200000-01-01' ELSE %s END, CAST(?1 AS %s)) AS b",
                  type, type, (long long)(ask->grid / NILO_US_SECOND), column, column, column, type);
}

static void pg_by_day(struct pg_ask *ask, const char *column)
{
    nilo_buf_addf(&ask->sql,
                  "SELECT CASE WHEN isfinite(b) THEN b - DATE '1970-01-01' END, n, CASE WHEN b IS NULL THEN n ELSE 0 END"
                  " FROM (SELECT b, count(*) AS n FROM (SELECT %s AS b", column);
}

static void pg_by_search(struct count *c, struct pg_ask *ask, const char *column)
{
    nilo_buf_adds(&ask->sql, "SELECT b, n, empty FROM (SELECT b, count(*) AS n, count(*) FILTER (WHERE empty) AS empty"
                             " FROM (SELECT width_bucket(");
    for (const char *p = ask->kind->value; *p != '\0'; p++) {
        if (p[0] == '%' && p[1] == 's') {
            nilo_buf_adds(&ask->sql, column);
            p++;
        } else {
            nilo_buf_addc(&ask->sql, *p);
        }
    }
    nilo_buf_addf(&ask->sql, ", CAST(?1 AS %s[])) AS b, %s IS NULL AS empty", ask->kind->name, column);
    pg_cuts(c, ask->kind->cut, &ask->params[0]);
    ask->n_params = 1;
}

/* An epoch is compared as what it means; anything else as it is, so that an index helps. */
static void pg_value(const struct pg_ask *ask, const char *column, struct nilo_buf *b)
{
    for (const char *p = ask->kind->cut == CUT_EPOCH ? ask->kind->value : "%s"; *p != '\0'; p++) {
        if (p[0] == '%' && p[1] == 's') {
            nilo_buf_adds(b, column);
            p++;
        } else {
            nilo_buf_addc(b, *p);
        }
    }
}

/* The condition of a piece. Its bounds are the parameters behind those that there are: two of blocks; of buckets the lower, where there is one, then the upper.
 * What has no time is with the first bucket. */
static void pg_where(const struct count *c, struct pg_ask *ask, const struct pg_piece *piece, const char *column)
{
    int n = ask->n_params;
    bool lower = piece->from > 0, upper = piece->to <= (int64_t)c->n;
    if (piece->by == BLOCKS)
        nilo_buf_addf(&ask->sql, " WHERE %s.ctid >= CAST(?%d AS tid) AND %s.ctid < CAST(?%d AS tid)", c->table.last, n + 1, c->table.last, n + 2);
    if (piece->by != BUCKETS)
        return;
    pg_value(ask, column, &ask->rows);
    const char *value = nilo_buf_str(&ask->rows), *type = ask->kind->name;
    nilo_buf_adds(&ask->sql, " WHERE (");
    if (lower)
        nilo_buf_addf(&ask->sql, "%s >= CAST(?%d AS %s)", value, ++n, type);
    if (upper)
        nilo_buf_addf(&ask->sql, "%s%s < CAST(?%d AS %s)", lower ? " AND " : "", value, ++n, type);
    if (!lower)
        nilo_buf_addf(&ask->sql, "%s%s IS NULL", upper ? " OR " : "TRUE OR ", value);
    nilo_buf_addc(&ask->sql, ')');
}

/* OFFSET hides from the planner how many different timestamps there are, which it would take for the number of groups; then it lets its parallel
 * workers group, each its part. Only a bare constant hides it without forbidding the workers. Citus would fetch all rows for it. */
static int pg_statement(struct count *c, struct pg_ask *ask, const struct pg_piece *piece, struct nilo_err *err)
{
    struct nilo_buf column;
    nilo_buf_reset(&ask->sql);
    nilo_buf_reset(&ask->rows);
    nilo_buf_reset(&ask->params[0]);
    nilo_buf_reset(&ask->params[1]);
    nilo_buf_init(&column, NAME_MAX_BYTES);
    nilo_buf_addf(&column, "%s.%s", c->table.last, nilo_buf_str(&c->column.quoted));
    int64_t grid = fits_grid(c, ask) ? grid_of(c) : 0;
    ask->grid = grid >= GRID_MIN && grid % NILO_US_SECOND == 0 ? grid : 0;
    if (ask->kind->cut == CUT_DAY)
        pg_by_day(ask, nilo_buf_str(&column));
    else if (ask->grid > 0)
        pg_by_grid(c, ask, nilo_buf_str(&column));
    else
        pg_by_search(c, ask, nilo_buf_str(&column));
    nilo_buf_addf(&ask->sql, " FROM %s", nilo_buf_str(&c->table.quoted));
    pg_where(c, ask, piece, nilo_buf_str(&column));
    add_filter(c, piece->by != ALL ? " AND " : " WHERE ", &ask->sql);
    nilo_buf_addf(&ask->sql, "%s) AS r GROUP BY b) AS g", ask->citus ? "" : " OFFSET bigint '0'");
    bool failed = column.failed || ask->rows.failed || ask->sql.failed || ask->params[0].failed || ask->params[1].failed;
    nilo_buf_done(&column);
    return failed ? nilo_err_nomem(err) : 0;
}

#define BOUND_TEXT 48

/* The last piece of blocks has no end, as a table may be longer than it was. */
static void pg_block(const struct pg_ask *ask, int64_t at, char text[BOUND_TEXT])
{
    snprintf(text, BOUND_TEXT, "(%lld,0)", (long long)(at < ask->highest ? at : UINT32_MAX));
}

static void pg_bound(const struct count *c, const struct pg_ask *ask, int64_t bucket, char text[BOUND_TEXT])
{
    if (ask->kind->cut == CUT_EPOCH)
        snprintf(text, BOUND_TEXT, "%lld", (long long)c->cuts[bucket - 1].at);
    else
        pg_cut_text(&c->cuts[bucket - 1], ask->kind->cut, text);
}

static int pg_piece_once(struct count *c, struct pg_ask *ask, const struct pg_piece *piece, struct nilo_err *err)
{
    char from[BOUND_TEXT], to[BOUND_TEXT];
    struct nilo_db_stmt *groups;
    struct nilo_db_value params[4];
    int n = 0;
    if (pg_statement(c, ask, piece, err) != 0)
        return -1;
    for (; n < ask->n_params; n++)
        params[n] = nilo_dbv_textn(ask->params[n].data, ask->params[n].len);
    if (piece->by == BLOCKS) {
        snprintf(from, sizeof from, "(%lld,0)", (long long)piece->from);
        pg_block(ask, piece->to, to);
        params[n++] = nilo_dbv_text(from);
        params[n++] = nilo_dbv_text(to);
    } else if (piece->by == BUCKETS && piece->from > 0) {
        pg_bound(c, ask, piece->from, from);
        params[n++] = nilo_dbv_text(from);
    }
    if (piece->by == BUCKETS && piece->to <= (int64_t)c->n) {
        pg_bound(c, ask, piece->to, to);
        params[n++] = nilo_dbv_text(to);
    }
    return start(c, nilo_buf_str(&ask->sql), params, n, &groups, err) != 0 ? -1 : pg_fold(c, ask, groups, err);
}

/* A piece that takes too long is as if it had not been asked for: the transaction stays, and with it the state that it sees. */
static int pg_piece(struct count *c, struct pg_ask *ask, const struct pg_piece *piece, bool *ret_too_long, struct nilo_err *err)
{
    size_t bytes = (c->n + 1) * sizeof *c->buckets;
    const struct nilo_sql_counts counts = c->counts;
    struct nilo_err why = {0};
    *ret_too_long = false;
    memcpy(ask->kept, c->buckets, bytes);
    if (nilo_db_exec(c->db, "SAVEPOINT nilo_piece", err) != 0)
        return -1;
    if (pg_piece_once(c, ask, piece, &why) == 0)
        return nilo_db_exec(c->db, "RELEASE SAVEPOINT nilo_piece", err);
    *err = why;
    if (why.code != NILO_ETIMEOUT || nilo_db_exec(c->db, "ROLLBACK TO SAVEPOINT nilo_piece; RELEASE SAVEPOINT nilo_piece", NULL) != 0)
        return -1;
    memcpy(c->buckets, ask->kept, bytes);
    c->counts = counts;
    *ret_too_long = true;
    return 0;
}

/* How many blocks of all leaves lie in [from, to) of each. */
static int64_t pg_blocks(const struct pg_ask *ask, int64_t from, int64_t to)
{
    int64_t n = 0;
    for (size_t i = 0; i < ask->n_sizes; i++)
        n += ask->sizes[i] > from ? (ask->sizes[i] < to ? ask->sizes[i] : to) - from : 0;
    return n;
}

/* Where a piece that begins there ends: the next blocks of each leaf, together no more than a chunk. */
static int64_t pg_chunk_end(const struct count *c, const struct pg_ask *ask, int64_t from)
{
    int64_t low = from + 1, high = ask->highest > low ? ask->highest : low;
    while (low < high) {
        int64_t mid = low + (high - low + 1) / 2;
        if (pg_blocks(ask, from, mid) <= c->chunk)
            low = mid;
        else
            high = mid - 1;
    }
    return low;
}

static int too_long(struct nilo_err *err, const char *pieces)
{
    const struct nilo_err why = *err;
    return nilo_err_set(err, why.code, "%s, even for %s; raise timeout_ms", why.msg, pieces);
}

/* The transaction sees one state, so chunk after chunk makes one count. All partitions are read side by side, through the table that
 * they belong to: that is what we may read, and a filter and its rights are that one's. */
static int pg_by_blocks(struct count *c, struct pg_ask *ask, struct nilo_err *err)
{
    bool late;
    for (int64_t at = 0; at < ask->highest || at == 0;) {
        const struct pg_piece piece = {.by = BLOCKS, .from = at, .to = pg_chunk_end(c, ask, at)};
        if (pg_piece(c, ask, &piece, &late, err) != 0)
            return -1;
        if (!late) {
            at = piece.to;
            tell(c, pg_blocks(ask, 0, at), pg_blocks(ask, 0, ask->highest));
            continue;
        }
        int64_t blocks = pg_blocks(ask, piece.from, piece.to);
        if (blocks <= FLOOR_BLOCKS || piece.to == piece.from + 1)
            return too_long(err, "half a megabyte of it at a time");
        c->chunk = blocks / 2;
    }
    return 0;
}

/* What has no blocks of its own is read by days, half as many as took too long. What lies before and behind all of them is one piece each; where only
 * what happened on the days is wanted, that one may stay unread: there is something. */
static int pg_by_buckets(struct count *c, struct pg_ask *ask, struct nilo_err *err)
{
    bool late;
    int64_t n = (int64_t)c->n + 1, width = n / 2;
    for (int64_t at = 0; at < n;) {
        const struct pg_piece piece = {.by = BUCKETS, .from = at, .to = at + width < n ? at + width : n};
        if (pg_piece(c, ask, &piece, &late, err) != 0)
            return -1;
        bool alone = piece.to == at + 1, outside = at == 0 || piece.to == n;
        if (late && alone && !(outside && (c->between || piece.to == n)))
            return too_long(err, at == 0 ? "what lies before the days that are asked for" : "one day alone");
        if (late && alone)
            c->buckets[at]++;
        else if (late)
            width = (piece.to - at) / 2;
        at = late && !alone ? at : piece.to;
        tell(c, at, n);
    }
    return 0;
}

static int pg_pieces(struct count *c, struct pg_ask *ask, struct nilo_err *err)
{
    const struct pg_piece all = {.by = ALL};
    bool late;
    ask->kept = calloc(c->n + 1, sizeof *ask->kept);
    if (ask->kept == NULL)
        return nilo_err_nomem(err);
    if (ask->n_sizes > 0 && ask->blocks > c->chunk)
        return pg_by_blocks(c, ask, err);
    if (pg_piece(c, ask, &all, &late, err) != 0)
        return -1;
    if (!late)
        return 0;
    if (ask->n_sizes == 0)
        return pg_by_buckets(c, ask, err);
    c->chunk = ask->blocks / 2 > 0 ? ask->blocks / 2 : 1;
    return ask->blocks <= FLOOR_BLOCKS ? too_long(err, "so small a table") : pg_by_blocks(c, ask, err);
}

static int pg_count(struct count *c, struct nilo_err *err)
{
    struct pg_ask ask = {.n_params = 0};
    nilo_buf_init(&ask.sql, SQL_MAX_BYTES);
    nilo_buf_init(&ask.rows, SQL_MAX_BYTES);
    nilo_buf_init(&ask.params[0], CUTS_MAX_BYTES);
    nilo_buf_init(&ask.params[1], NAME_MAX_BYTES);
    /* Policies would hide rows without a word: then it is an error instead. */
    int result = nilo_db_exec(c->db, "SET LOCAL row_security = off", err) != 0 || pg_find(c, &ask.kind, err) != 0 ||
                 pg_server(c, &ask, err) != 0 || pg_pieces(c, &ask, err) != 0 ? -1 : 0;
    nilo_buf_done(&ask.sql);
    nilo_buf_done(&ask.rows);
    nilo_buf_done(&ask.params[0]);
    nilo_buf_done(&ask.params[1]);
    free(ask.sizes);
    free(ask.kept);
    return result;
}

/* ---- both ------------------------------------------------------------------------------------------------------------------------ */

/* A transaction of its own for each table: a failure stays with it, and no lock outlives it (a reader of an SQLite file without WAL
 * keeps writers from committing). */
static int count_in_transaction(struct count *c, struct nilo_err *err)
{
    struct nilo_buf sql;
    nilo_buf_init(&sql, SQL_MAX_BYTES);
    int result = nilo_db_begin(c->db, err);
    if (result == 0) {
        result = nilo_db_engine(c->db) == NILO_DB_SQLITE ? sqlite_count(c, &sql, err) : pg_count(c, err);
        if (result == 0)
            result = nilo_db_commit(c->db, err);
        if (result != 0)
            nilo_db_rollback(c->db);
    }
    nilo_buf_done(&sql);
    return result;
}

int nilo_sql_count(struct nilo_db *source, const char *table, const char *timestamp, const struct nilo_cut *cuts, size_t n,
                   int64_t *ret_below, struct nilo_sql_counts *ret, struct nilo_err *err)
{
    const struct nilo_sql_pass pass = {.table = table, .timestamp = timestamp};
    return nilo_sql_count_pass(source, &pass, cuts, n, ret_below, ret, err);
}

int nilo_sql_count_pass(struct nilo_db *source, const struct nilo_sql_pass *pass, const struct nilo_cut *cuts, size_t n, int64_t *ret_below,
                        struct nilo_sql_counts *ret, struct nilo_err *err)
{
    const char *table = pass->table, *timestamp = pass->timestamp;
    struct count c = {.db = source, .table_text = table, .column_text = timestamp, .filter = pass->filter, .cuts = cuts, .n = n, .pass = pass};
    int result = -1;
    c.between = pass->between;
    c.chunk = pass->chunk > 0 ? pass->chunk : nilo_db_engine(source) == NILO_DB_SQLITE ? CHUNK_ROWS : CHUNK_BLOCKS;
    if (name_init(&c.table, table, err) != 0)
        goto table_out;
    if (name_init(&c.column, timestamp, err) != 0)
        goto column_out;
    if (c.column.n != 1) {
        nilo_err_set(err, NILO_ECONFIG, "%s is not the name of a column", timestamp);
        goto column_out;
    }
    c.buckets = calloc(n + 1, sizeof *c.buckets);
    if (c.buckets == NULL) {
        nilo_err_nomem(err);
        goto column_out;
    }
    result = count_in_transaction(&c, err);
    if (result == 0) {
        int64_t below = 0;
        for (size_t i = 0; i < n; i++)
            ret_below[i] = below += c.buckets[i];
        *ret = c.counts;
    }
    free(c.buckets);
column_out:
    name_done(&c.column);
table_out:
    name_done(&c.table);
    return result;
}

static void add_kind(struct nilo_buf *b, int64_t n, const char *what, bool *first)
{
    if (n == 0)
        return;
    nilo_buf_addf(b, "%s%lld %s", *first ? "" : ", ", (long long)n, what);
    *first = false;
}

void nilo_sql_unreadable(const struct nilo_sql_counts *counts, const char *table, const char *timestamp, struct nilo_buf *b)
{
    int64_t bad = counts->empty + counts->julian + counts->unreadable;
    bool first = true;
    if (bad == 0)
        return;
    nilo_buf_addf(b, "%lld of %lld rows of %s have no readable %s (", (long long)bad, (long long)counts->rows, table, timestamp);
    add_kind(b, counts->empty, "empty", &first);
    add_kind(b, counts->julian, "julian days", &first);
    add_kind(b, counts->unreadable, "no time", &first);
    nilo_buf_adds(b, "); they are not counted");
}
