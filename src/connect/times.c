/* SQLite has no type for times: apps keep 2025-01-11 10:00:00, 2025-01-11T10:00:00.000Z, seconds or milliseconds since 1970, and a comparison with a
 * text that is spelled otherwise is not refused, but wrong: an integer is before every text, 'T' behind every blank. So a statement that compares
 * with :from and :to gets them spelled as the columns that it reads are; where no spelling can be right, it is told what to write instead. */
#include "connect/times.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "config/config.h"

#define COLUMNS_MAX 64
#define NAME_BYTES  128
#define SQL_BYTES   ((size_t)16 << 10)
#define ROWS        "1000"

enum spelling { BLANK, LETTER, DATE, OFFSET, SECONDS, MILLIS, SPELLINGS };

/* Of a sample v: does one text look so; are all numbers such? */
#define TEXT_LIKE(pattern) "max(typeof(v) = 'text' AND v GLOB '[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]" pattern "')"
#define ALL_BETWEEN(low, high) "min(CASE WHEN v IS NOT NULL THEN typeof(v) = 'integer' AND v BETWEEN " low " AND " high " END)"
static const char *const tests[SPELLINGS] = {
    [BLANK] = TEXT_LIKE(" [0-9]*"),
    [LETTER] = TEXT_LIKE("T[0-9]*"),
    [DATE] = TEXT_LIKE(""),
    [OFFSET] = "max(typeof(v) = 'text' AND v GLOB '[0-9][0-9][0-9][0-9]-*:*[0-9][+-][0-9][0-9]:[0-9][0-9]' AND v NOT GLOB '*[+-]00:00')",
    [SECONDS] = ALL_BETWEEN("946684800", "4102444800"),
    [MILLIS] = ALL_BETWEEN("946684800000", "4102444800000"),
};

struct column {
    char table[NAME_BYTES], name[NAME_BYTES];
};

struct times {
    struct column columns[COLUMNS_MAX];
    size_t n;
    const struct column *seen[SPELLINGS]; /* one that is spelled so; NULL = none is */
};

static void on_column(void *ctx, const char *table, const char *name)
{
    struct times *t = ctx;
    if (t->n == COLUMNS_MAX || strlen(table) >= NAME_BYTES || strlen(name) >= NAME_BYTES)
        return;
    for (size_t i = 0; i < t->n; i++) {
        if (strcmp(t->columns[i].table, table) == 0 && strcmp(t->columns[i].name, name) == 0)
            return;
    }
    struct column *c = &t->columns[t->n++];
    snprintf(c->table, sizeof c->table, "%s", table);
    snprintf(c->name, sizeof c->name, "%s", name);
}

static void add_name(struct nilo_buf *sql, const char *name)
{
    nilo_buf_addc(sql, '"');
    for (; *name != '\0'; name++) {
        if (*name == '"')
            nilo_buf_addc(sql, '"');
        nilo_buf_addc(sql, *name);
    }
    nilo_buf_addc(sql, '"');
}

/* Views are left out: their first rows may cost as much as all, and what they read is told as well. */
static void sample_text(const struct column *c, struct nilo_buf *sql)
{
    for (int i = 0; i < SPELLINGS; i++)
        nilo_buf_addf(sql, "%s%s", i == 0 ? "SELECT " : ", ", tests[i]);
    nilo_buf_adds(sql, " FROM (SELECT ");
    add_name(sql, c->name);
    nilo_buf_adds(sql, " AS v FROM ");
    add_name(sql, c->table);
    nilo_buf_adds(sql, " WHERE EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1 COLLATE NOCASE) LIMIT " ROWS ")");
}

static int sample(struct nilo_db *db, struct times *t, const struct column *c, struct nilo_err *err)
{
    struct nilo_buf sql;
    struct nilo_db_stmt *rows = NULL;
    const struct nilo_db_value table = nilo_dbv_text(c->table);
    nilo_buf_init(&sql, SQL_BYTES);
    sample_text(c, &sql);
    int rc = sql.failed ? nilo_err_nomem(err) : nilo_db_prepare_once(db, nilo_buf_str(&sql), &rows, err);
    nilo_buf_done(&sql);
    if (rc == 0)
        rc = nilo_db_query(rows, &table, 1, err);
    if (rc == 0 && (rc = nilo_db_row(rows, err)) == 1) {
        for (int i = 0; i < SPELLINGS; i++) {
            if (t->seen[i] == NULL && nilo_db_column_int(rows, i) != 0)
                t->seen[i] = c;
        }
        rc = 0;
    }
    nilo_db_finish(rows);
    return rc;
}

static bool calls(const char *statement, const char *function)
{
    size_t n = strlen(function);
    for (const char *p = statement; *p != '\0'; p++) {
        if (strncasecmp(p, function, n) == 0 && p[n + strspn(p + n, " \t\r\n")] == '(')
            return true;
    }
    return false;
}

static int wrong(const struct column *c, const char *holds, const char *write, struct nilo_err *err)
{
    return nilo_err_set(err, NILO_ECONFIG, "the statement compares with :from and :to, which are texts such as 2025-01-11 10:00:00 on SQLite, and %.60s.%.60s "
                        "holds %s; write %s", c->table, c->name, holds, write);
}

int nilo__sql_times(struct nilo_db *db, const char *statement, char *ret, struct nilo_err *err)
{
    struct times t = {.n = 0};
    *ret = ' ';
    if (calls(statement, "datetime")) /* gives a blank, whatever it reads */
        return 0;
    if (nilo_db_reads(db, statement, on_column, &t, err) != 0)
        return -1;
    for (size_t i = 0; i < t.n; i++) {
        if (sample(db, &t, &t.columns[i], err) != 0)
            return -1;
    }
    const struct column *const *seen = t.seen;
    bool texts = seen[BLANK] != NULL || seen[LETTER] != NULL;
    bool reads_them = calls(statement, "unixepoch") || calls(statement, "julianday") || calls(statement, "strftime"); /* any spelling */
    if (seen[LETTER] != NULL && seen[BLANK] == NULL)
        *ret = 'T';
    if (reads_them)
        return 0;
    if (seen[OFFSET] != NULL)
        return wrong(seen[OFFSET], "times with different offsets", "datetime(column) >= :from AND datetime(column) < :to", err);
    if (seen[LETTER] != NULL && seen[BLANK] != NULL)
        return wrong(seen[LETTER], "times with a T, others with a blank", "datetime(column) >= :from AND datetime(column) < :to", err);
    if (!texts && seen[SECONDS] != NULL)
        return wrong(seen[SECONDS], "seconds since 1970", "column >= unixepoch(:from) AND column < unixepoch(:to)", err);
    if (!texts && seen[MILLIS] != NULL)
        return wrong(seen[MILLIS], "milliseconds since 1970", "column >= 1000 * unixepoch(:from) AND column < 1000 * unixepoch(:to)", err);
    if (!texts && seen[DATE] != NULL && !calls(statement, "date"))
        return wrong(seen[DATE], "dates", "column = :day", err);
    return 0;
}
