/* PostgreSQL as one would set it up by hand: the same tables as client_sqlite.c, filled by binary COPY, asked by prepared statements with binary
 * results over the server's socket. */
#include <endian.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "w.h"

#define COUNTERS "views, likes, comments, shares, saves"
#define SUMS     "sum(views)::bigint, sum(likes)::bigint, sum(comments)::bigint, sum(shares)::bigint, sum(saves)::bigint"
#define COLUMNS  "content integer NOT NULL, day integer NOT NULL, captured_at bigint NOT NULL, run integer NOT NULL, views bigint, likes bigint," \
                " comments bigint, shares bigint, saves bigint"
#define REPLACED                                                                                                                            \
    "captured_at = excluded.captured_at, run = excluded.run, views = excluded.views, likes = excluded.likes, comments = excluded.comments," \
    " shares = excluded.shares, saves = excluded.saves"
#define COPY_PIECE (1 << 16)

static const struct w *w;
static PGconn *db;
static char piece[COPY_PIECE + 1024];
static size_t used;

static PGresult *checked(PGresult *r, const char *what)
{
    ExecStatusType status = PQresultStatus(r);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK && status != PGRES_COPY_IN)
        client_fail("%s: %s", what, PQresultErrorMessage(r));
    return r;
}

static void run(const char *sql)
{
    PQclear(checked(PQexec(db, sql), sql));
}

static void prepare(const char *name, const char *sql)
{
    PQclear(checked(PQprepare(db, name, sql, 0, NULL), sql));
}

static int64_t number(const char *sql)
{
    PGresult *r = checked(PQexec(db, sql), sql);
    int64_t n = strtoll(PQgetvalue(r, 0, 0), NULL, 10);
    PQclear(r);
    return n;
}

/* ---- binary COPY ------------------------------------------------------------------------------------------------------------------------ */

static void flush(void)
{
    if (PQputCopyData(db, piece, (int)used) != 1)
        client_fail("COPY: %s", PQerrorMessage(db));
    used = 0;
}

static void put_bytes(const void *p, size_t n)
{
    memcpy(piece + used, p, n);
    used += n;
}

static void put_16(int v)
{
    uint16_t big = htobe16((uint16_t)v);
    put_bytes(&big, sizeof big);
}

static void put_32(int64_t v)
{
    uint32_t big = htobe32((uint32_t)v);
    put_bytes(&big, sizeof big);
}

static void put_int(int64_t v)
{
    put_32(4);
    put_32(v);
}

static void put_bigint(int64_t v)
{
    uint64_t big = htobe64((uint64_t)v);
    put_32(8);
    put_bytes(&big, sizeof big);
}

static void put_text(const char *s)
{
    put_32((int64_t)strlen(s));
    put_bytes(s, strlen(s));
}

static void copy_begin(const char *sql)
{
    static const char head[19] = "PGCOPY\n\377\r\n"; /* the signature with its NUL, no flags, no extension */
    PQclear(checked(PQexec(db, sql), sql));
    used = 0;
    put_bytes(head, sizeof head);
}

static void copy_row_end(void)
{
    if (used >= COPY_PIECE)
        flush();
}

static void copy_end(void)
{
    put_16(-1);
    flush();
    if (PQputCopyEnd(db, NULL) != 1)
        client_fail("COPY: %s", PQerrorMessage(db));
    PQclear(checked(PQgetResult(db), "COPY"));
    while (PQgetResult(db) != NULL)
        ;
}

static void copy_snapshot(uint32_t video, uint32_t day)
{
    const int64_t *row = w_row(w, video, day);
    if (w_is_absent(row))
        return;
    put_16(4 + W_METRICS);
    put_int(video);
    put_int(W_DAY0 + day);
    put_bigint(w_captured_at(video, day));
    put_int(w_run(day));
    for (int m = 0; m < W_METRICS; m++) {
        if (row[m] == W_NONE)
            put_32(-1);
        else
            put_bigint(row[m]);
    }
    copy_row_end();
}

/* ---- writing ---------------------------------------------------------------------------------------------------------------------------- */

static void open_it(const struct w *data, const char *target, bool make)
{
    w = data;
    db = PQconnectdb(target);
    if (PQstatus(db) != CONNECTION_OK)
        client_fail("%s", PQerrorMessage(db));
    run("SET client_min_messages = warning");
    if (make)
        run("DROP TABLE IF EXISTS content, runs, snapshots, latest, totals;"
            "CREATE TABLE content (id integer PRIMARY KEY, external_id text COLLATE \"C\" NOT NULL UNIQUE, owner text NOT NULL, title text);"
            "CREATE TABLE runs (id integer PRIMARY KEY, started_at bigint);"
            "CREATE TABLE snapshots (" COLUMNS ");"
            "CREATE TABLE latest (" COLUMNS ");"
            "CREATE TABLE totals (day integer PRIMARY KEY, views bigint, likes bigint, comments bigint, shares bigint, saves bigint)");
    run("CREATE TEMP TABLE incoming (" COLUMNS ")");
}

static void copy_contents(void)
{
    copy_begin("COPY content FROM STDIN (FORMAT binary)");
    for (uint32_t v = 0; v < w->videos; v++) {
        char id[W_ID], title[W_TITLE], owner[W_ID];
        w_external_id(v, id);
        w_title(v, title);
        w_owner(v / W_PER_OWNER, owner);
        put_16(4);
        put_int(v);
        put_text(id);
        put_text(owner);
        put_text(title);
        copy_row_end();
    }
    copy_end();
}

/* The keys are made when the rows are there: half the time. */
static void load(void)
{
    run("BEGIN");
    copy_contents();
    copy_begin("COPY snapshots FROM STDIN (FORMAT binary)");
    for (uint32_t v = 0; v < w->videos; v++) {
        for (uint32_t d = 0; d < w->days; d++)
            copy_snapshot(v, d);
    }
    copy_end();
    run("ALTER TABLE snapshots ADD PRIMARY KEY (content, day);"
        "CREATE INDEX ON content (owner);"
        "INSERT INTO latest SELECT DISTINCT ON (content) * FROM snapshots ORDER BY content, day DESC;"
        "ALTER TABLE latest ADD PRIMARY KEY (content);"
        "INSERT INTO totals SELECT day, " SUMS " FROM snapshots GROUP BY day;"
        "COMMIT");
    run("VACUUM ANALYZE content");
    run("VACUUM ANALYZE snapshots");
    run("VACUUM ANALYZE latest");
    run("VACUUM ANALYZE totals");
}

static void append(uint32_t day)
{
    char sql[1024];
    run("BEGIN; TRUNCATE incoming");
    copy_begin("COPY incoming FROM STDIN (FORMAT binary)");
    for (uint32_t v = 0; v < w->videos; v++)
        copy_snapshot(v, day);
    copy_end();
    run("INSERT INTO snapshots SELECT * FROM incoming ON CONFLICT (content, day) DO UPDATE SET " REPLACED);
    run("INSERT INTO latest SELECT * FROM incoming ON CONFLICT (content) DO UPDATE SET day = excluded.day, " REPLACED
        " WHERE excluded.day >= latest.day");
    snprintf(sql, sizeof sql,
             "INSERT INTO totals SELECT day, " SUMS " FROM incoming WHERE day = %u GROUP BY day ON CONFLICT (day) DO UPDATE SET views = excluded.views,"
             " likes = excluded.likes, comments = excluded.comments, shares = excluded.shares, saves = excluded.saves; COMMIT", W_DAY0 + day);
    run(sql);
}

static int64_t bytes(void)
{
    return number("SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relname IN ('content', 'runs', 'snapshots', 'latest', 'totals')");
}

static int64_t rows(void) { return number("SELECT count(*) FROM snapshots"); }

/* ---- questions -------------------------------------------------------------------------------------------------------------------------- */

static PGresult *asked(const char *name, const char *sql, const char *parameter)
{
    static const char *known[16];
    size_t i = 0;
    while (known[i] != NULL && strcmp(known[i], name) != 0)
        i++;
    if (known[i] == NULL) {
        prepare(name, sql);
        known[i] = name;
    }
    return checked(PQexecPrepared(db, name, parameter != NULL, &parameter, NULL, NULL, 1), name);
}

static uint64_t bigint_at(const PGresult *r, int row, int column)
{
    uint64_t big = 0;
    if (PQgetisnull(r, row, column))
        return 0;
    memcpy(&big, PQgetvalue(r, row, column), sizeof big);
    return be64toh(big);
}

static uint64_t sum_of(PGresult *r, int from)
{
    uint64_t sum = 0;
    for (int i = 0; i < PQntuples(r); i++) {
        for (int m = 0; m < W_METRICS; m++)
            sum += bigint_at(r, i, from + m);
    }
    PQclear(r);
    return sum;
}

static uint64_t latest(const uint32_t videos[W_LATEST])
{
    char list[W_LATEST * (W_ID + 2) + 3] = "{";
    size_t n = 1;
    for (int i = 0; i < W_LATEST; i++) {
        char id[W_ID];
        w_external_id(videos[i], id);
        n += (size_t)snprintf(list + n, sizeof list - n, "%s\"%s\"", i > 0 ? "," : "", id);
    }
    snprintf(list + n, sizeof list - n, "}");
    return sum_of(asked("latest", "SELECT c.external_id, l.day, " COUNTERS " FROM content AS c JOIN latest AS l ON l.content = c.id"
                                  " WHERE c.external_id = ANY ($1::text[])", list), 2);
}

static uint64_t owner_days(uint32_t owner)
{
    char key[W_ID];
    w_owner(owner, key);
    return sum_of(asked("owner", "SELECT day, " SUMS " FROM content AS c JOIN snapshots AS s ON s.content = c.id WHERE c.owner = $1 GROUP BY day"
                                 " ORDER BY day", key), 1);
}

static uint64_t top(int64_t threshold)
{
    char text[24];
    uint64_t sum = 0;
    snprintf(text, sizeof text, "%lld", (long long)threshold);
    PGresult *r = asked("top", "SELECT c.external_id, l.views FROM latest AS l JOIN content AS c ON c.id = l.content WHERE l.views >= $1::bigint"
                               " ORDER BY l.views DESC, c.external_id LIMIT 50", text);
    for (int i = 0; i < PQntuples(r); i++)
        sum += bigint_at(r, i, 1) + w_hash(PQgetvalue(r, i, 0));
    PQclear(r);
    return sum;
}

static const char *first_day(char text[24])
{
    snprintf(text, 24, "%u", W_DAY0 + w->days - W_WINDOW);
    return text;
}

static uint64_t totals(void)
{
    char text[24];
    return sum_of(asked("totals", "SELECT day, " SUMS " FROM snapshots WHERE day >= $1::integer GROUP BY day ORDER BY day", first_day(text)), 1);
}

static uint64_t totals_kept(void)
{
    char text[24];
    return sum_of(asked("kept", "SELECT day, " COUNTERS " FROM totals WHERE day >= $1::integer ORDER BY day", first_day(text)), 1);
}

static uint64_t one_video(uint32_t video)
{
    char id[W_ID];
    w_external_id(video, id);
    return sum_of(asked("video", "SELECT day, " COUNTERS " FROM snapshots WHERE content = (SELECT id FROM content WHERE external_id = $1) ORDER BY day", id), 1);
}

static void close_it(void)
{
    PQfinish(db);
}

const struct client client = {
    .name = "postgres",
    .open = open_it,
    .load = load,
    .append = append,
    .bytes = bytes,
    .rows = rows,
    .latest = latest,
    .owner_days = owner_days,
    .top = top,
    .totals = totals,
    .totals_kept = totals_kept,
    .one_video = one_video,
    .close = close_it,
};
