/* SQLite as one would set it up by hand: a row a video and day, the newest row of each video, sums by day. */
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "w.h"

#define COUNTERS "views, likes, comments, shares, saves"
#define SUMS     "sum(views), sum(likes), sum(comments), sum(shares), sum(saves)"
#define REPLACED                                                                                                                            \
    "captured_at = excluded.captured_at, run = excluded.run, views = excluded.views, likes = excluded.likes, comments = excluded.comments," \
    " shares = excluded.shares, saves = excluded.saves"

static const struct w *w;
static sqlite3 *db;
static char file[512];
static sqlite3_stmt *put_snapshot, *put_latest, *put_day;

static void run(const char *sql)
{
    char *why = NULL;
    if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
        client_fail("%s: %s", sql, why);
}

static sqlite3_stmt *prepared(const char *sql)
{
    sqlite3_stmt *s;
    if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &s, NULL) != SQLITE_OK)
        client_fail("%s: %s", sql, sqlite3_errmsg(db));
    return s;
}

static void done(sqlite3_stmt *s)
{
    if (sqlite3_step(s) != SQLITE_DONE)
        client_fail("%s", sqlite3_errmsg(db));
    sqlite3_reset(s);
}

static const char schema[] =
    "CREATE TABLE content (id INTEGER PRIMARY KEY, external_id TEXT NOT NULL UNIQUE, owner TEXT NOT NULL, title TEXT);"
    "CREATE INDEX content_owner ON content (owner);"
    "CREATE TABLE runs (id INTEGER PRIMARY KEY, started_at INTEGER);"
    "CREATE TABLE snapshots (content INTEGER NOT NULL, day INTEGER NOT NULL, captured_at INTEGER NOT NULL, run INTEGER NOT NULL, views INTEGER,"
    " likes INTEGER, comments INTEGER, shares INTEGER, saves INTEGER, PRIMARY KEY (content, day)) WITHOUT ROWID;"
    "CREATE TABLE latest (content INTEGER PRIMARY KEY, day INTEGER NOT NULL, captured_at INTEGER NOT NULL, run INTEGER NOT NULL, views INTEGER,"
    " likes INTEGER, comments INTEGER, shares INTEGER, saves INTEGER);"
    "CREATE TABLE totals (day INTEGER PRIMARY KEY, views INTEGER, likes INTEGER, comments INTEGER, shares INTEGER, saves INTEGER);";

static void open_it(const struct w *data, const char *target, bool make)
{
    w = data;
    snprintf(file, sizeof file, "%s", target);
    if (make)
        unlink(file);
    if (sqlite3_open(file, &db) != SQLITE_OK)
        client_fail("%s: %s", file, sqlite3_errmsg(db));
    run("PRAGMA cache_size = -65536; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    if (make)
        run(schema);
    put_snapshot = prepared("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (content, day) DO UPDATE SET " REPLACED);
    put_latest = prepared("INSERT INTO latest VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (content) DO UPDATE SET day = excluded.day, " REPLACED
                          " WHERE excluded.day >= day");
    put_day = prepared("INSERT INTO totals SELECT day, " SUMS " FROM snapshots WHERE day = ? GROUP BY day ON CONFLICT (day) DO UPDATE SET views ="
                       " excluded.views, likes = excluded.likes, comments = excluded.comments, shares = excluded.shares, saves = excluded.saves");
}

static void put(sqlite3_stmt *s, uint32_t video, uint32_t day, const int64_t *row)
{
    sqlite3_bind_int64(s, 1, video);
    sqlite3_bind_int64(s, 2, W_DAY0 + day);
    sqlite3_bind_int64(s, 3, w_captured_at(video, day));
    sqlite3_bind_int64(s, 4, w_run(day));
    for (int m = 0; m < W_METRICS; m++) {
        if (row[m] == W_NONE)
            sqlite3_bind_null(s, 5 + m);
        else
            sqlite3_bind_int64(s, 5 + m, row[m]);
    }
    done(s);
}

static void put_contents(void)
{
    sqlite3_stmt *s = prepared("INSERT INTO content VALUES (?, ?, ?, ?)");
    for (uint32_t v = 0; v < w->videos; v++) {
        char id[W_ID], title[W_TITLE], owner[W_ID];
        w_external_id(v, id);
        w_title(v, title);
        w_owner(v / W_PER_OWNER, owner);
        sqlite3_bind_int64(s, 1, v);
        sqlite3_bind_text(s, 2, id, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 3, owner, -1, SQLITE_STATIC);
        sqlite3_bind_text(s, 4, title, -1, SQLITE_STATIC);
        done(s);
    }
    sqlite3_finalize(s);
}

static void load(void)
{
    run("BEGIN");
    put_contents();
    for (uint32_t v = 0; v < w->videos; v++) {
        for (uint32_t d = 0; d < w->days; d++) {
            const int64_t *row = w_row(w, v, d);
            if (!w_is_absent(row))
                put(put_snapshot, v, d, row);
        }
    }
    run("INSERT INTO latest SELECT s.* FROM (SELECT content, max(day) AS day FROM snapshots GROUP BY content) AS n JOIN snapshots AS s USING (content, day);"
        "INSERT INTO totals SELECT day, " SUMS " FROM snapshots GROUP BY day; COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
}

static void append(uint32_t day)
{
    run("BEGIN IMMEDIATE");
    for (uint32_t v = 0; v < w->videos; v++) {
        const int64_t *row = w_row(w, v, day);
        if (!w_is_absent(row)) {
            put(put_snapshot, v, day, row);
            put(put_latest, v, day, row);
        }
    }
    sqlite3_bind_int64(put_day, 1, W_DAY0 + day);
    done(put_day);
    run("COMMIT");
}

static int64_t bytes(void)
{
    struct stat st;
    run("PRAGMA wal_checkpoint(TRUNCATE)");
    return stat(file, &st) == 0 ? (int64_t)st.st_size : -1;
}

static int64_t rows(void)
{
    sqlite3_stmt *s = prepared("SELECT count(*) FROM snapshots");
    sqlite3_step(s);
    int64_t n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return n;
}

/* ---- questions -------------------------------------------------------------------------------------------------------------------------- */

/* All integers of the answer from a column on. */
static uint64_t sum_of(sqlite3_stmt *s, int from)
{
    uint64_t sum = 0;
    int got;
    while ((got = sqlite3_step(s)) == SQLITE_ROW) {
        for (int m = 0; m < W_METRICS; m++)
            sum += (uint64_t)sqlite3_column_int64(s, from + m);
    }
    if (got != SQLITE_DONE)
        client_fail("%s", sqlite3_errmsg(db));
    sqlite3_reset(s);
    return sum;
}

static uint64_t latest(const uint32_t videos[W_LATEST])
{
    static sqlite3_stmt *s;
    uint64_t sum = 0;
    if (s == NULL)
        s = prepared("SELECT c.external_id, l.day, " COUNTERS " FROM content AS c JOIN latest AS l ON l.content = c.id WHERE c.external_id = ?");
    for (int i = 0; i < W_LATEST; i++) {
        char id[W_ID];
        w_external_id(videos[i], id);
        sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
        sum += sum_of(s, 2);
    }
    return sum;
}

static uint64_t owner_days(uint32_t owner)
{
    static sqlite3_stmt *s;
    char key[W_ID];
    if (s == NULL)
        s = prepared("SELECT day, " SUMS " FROM content AS c JOIN snapshots AS s ON s.content = c.id WHERE c.owner = ? GROUP BY day ORDER BY day");
    w_owner(owner, key);
    sqlite3_bind_text(s, 1, key, -1, SQLITE_STATIC);
    return sum_of(s, 1);
}

static uint64_t top(int64_t threshold)
{
    static sqlite3_stmt *s;
    uint64_t sum = 0;
    if (s == NULL)
        s = prepared("SELECT c.external_id, l.views FROM latest AS l JOIN content AS c ON c.id = l.content WHERE l.views >= ?"
                     " ORDER BY l.views DESC, c.external_id LIMIT 50");
    sqlite3_bind_int64(s, 1, threshold);
    while (sqlite3_step(s) == SQLITE_ROW)
        sum += (uint64_t)sqlite3_column_int64(s, 1) + w_hash((const char *)sqlite3_column_text(s, 0));
    sqlite3_reset(s);
    return sum;
}

static uint64_t totals(void)
{
    static sqlite3_stmt *s;
    if (s == NULL)
        s = prepared("SELECT day, " SUMS " FROM snapshots WHERE day >= ? GROUP BY day ORDER BY day");
    sqlite3_bind_int64(s, 1, W_DAY0 + w->days - W_WINDOW);
    return sum_of(s, 1);
}

static uint64_t totals_kept(void)
{
    static sqlite3_stmt *s;
    if (s == NULL)
        s = prepared("SELECT day, " COUNTERS " FROM totals WHERE day >= ? ORDER BY day");
    sqlite3_bind_int64(s, 1, W_DAY0 + w->days - W_WINDOW);
    return sum_of(s, 1);
}

static uint64_t one_video(uint32_t video)
{
    static sqlite3_stmt *s;
    char id[W_ID];
    if (s == NULL)
        s = prepared("SELECT day, " COUNTERS " FROM snapshots WHERE content = (SELECT id FROM content WHERE external_id = ?) ORDER BY day");
    w_external_id(video, id);
    sqlite3_bind_text(s, 1, id, -1, SQLITE_STATIC);
    return sum_of(s, 1);
}

static void close_it(void)
{
    sqlite3_stmt *s;
    while ((s = sqlite3_next_stmt(db, NULL)) != NULL)
        sqlite3_finalize(s);
    sqlite3_close(db);
}

const struct client client = {
    .name = "sqlite",
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
